//! Characters that a reader does not see: in any text of any file, also written as an escape, and in comments.

use super::catalog::Lint;
use super::finding::Finding;
use crate::charts::comments::{WrittenString, string_at, strings};
use crate::charts::text::SourceText;
use crate::text::{has_no_meaning, is_hidden};

/// The most places that are named in one file.
const MOST: usize = 20;

pub(super) fn check<'t>(texts: impl Iterator<Item = &'t SourceText>, found: &mut Vec<Finding>) {
    for text in texts {
        check_file(text, found);
    }
}

fn check_file(text: &SourceText, found: &mut Vec<Finding>) {
    // Most files have neither such a character nor an escape.
    if text.is_ascii() && !text.text().contains('\\') {
        return;
    }
    let mut places: Vec<(usize, char, bool)> = Vec::new();
    let strings = strings(text.text());
    for WrittenString { span, value } in &strings {
        if let Some(c) = value.chars().find(|c| is_hidden(*c)) {
            let written = text.text().get(span.clone()).unwrap_or_default();
            places.push((span.start, c, !written.contains(c)));
        }
    }
    // What is in no string: comments, and what is between the lines.
    let mut last = None;
    for (at, c) in text.text().char_indices().filter(|(_, c)| is_hidden(*c)) {
        let line = text.location(at).line;
        if last != Some(line) && string_at(&strings, at).is_none() {
            places.push((at, c, false));
            last = Some(line);
        }
    }
    places.sort_unstable();
    let more = places.len().saturating_sub(MOST);
    for (number, (at, c, is_escaped)) in places.into_iter().take(MOST).enumerate() {
        let code = u32::from(c);
        let what = if has_no_meaning(c) { "a meaningless" } else { "an invisible" };
        let how = if is_escaped { ", written as an escape" } else { "" };
        let others = match more {
            0 => String::new(),
            _ if number > 0 => String::new(),
            more => format!("; {more} more places in this file are not shown"),
        };
        found.push(Finding {
            lint: Lint::HiddenCharacter,
            location: text.location(at),
            message: format!("the text has {what} character, U+{code:04X}{how}{others}"),
            help: "remove it".to_owned(),
        });
    }
}
