//! Quotes untrusted text in an answer: short, on one line, without control characters.

use std::fmt;

/// The most characters that are quoted.
const SHOWN: usize = 60;
/// The most characters of a decoder's message, which may quote what it found.
const MESSAGE: usize = 200;

/// The beginning of a text in quotes, escaped, with `...` if something was left out.
pub(super) struct Excerpt<'a>(pub(super) &'a str);

impl fmt::Display for Excerpt<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (shown, rest) = cut(self.0, SHOWN);
        let mark = if rest.is_empty() { "" } else { "..." };
        write!(f, "\"{}{mark}\"", shown.escape_debug())
    }
}

/// A message that may quote untrusted text, bounded and on one line.
pub(super) fn bounded(message: &str) -> String {
    let (shown, rest) = cut(message, MESSAGE);
    let mut text: String =
        shown.chars().map(|c| if is_shown(c) { c } else { char::REPLACEMENT_CHARACTER }).collect();
    if !rest.is_empty() {
        text += "...";
    }
    text
}

/// Whether a character is visible and stays in place: not a control character, and nothing that changes
/// the direction of text.
fn is_shown(c: char) -> bool {
    match c.is_ascii() {
        true => !c.is_control(),
        false => c.is_alphanumeric() || c.escape_debug().len() == 1,
    }
}

/// Splits a text after at most this many characters.
fn cut(text: &str, characters: usize) -> (&str, &str) {
    let end = text.char_indices().nth(characters).map_or(text.len(), |(at, _)| at);
    text.split_at(end)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_left_out_is_marked() {
        assert_eq!(Excerpt("a\"b\n").to_string(), r#""a\"b\n""#);
        let long = "ä".repeat(SHOWN);
        assert_eq!(Excerpt(&long).to_string(), format!("\"{long}\""));
        assert_eq!(Excerpt(&(long.clone() + "x")).to_string(), format!("\"{long}...\""));
    }

    proptest! {
        #[test]
        fn no_text_is_shown_long_or_on_two_lines(text in "(.|\n|\x1b|\u{202e}|\u{2028}){0,300}") {
            for shown in [Excerpt(&text).to_string(), bounded(&text)] {
                prop_assert!(shown.chars().count() <= SHOWN * 10 + 5, "{}", shown);
                let bad = |c: char| c.is_control() || matches!(c, '\u{2028}'..='\u{202e}');
                prop_assert!(!shown.contains(bad), "{:?}", shown);
            }
        }
    }
}
