//! Edits of one reviewed TOML file: what is asked for changes, and no other byte.
//!
//! A file is never written anew. The parser says where a value is, and only that is replaced, so comments, order,
//! spaces and line endings stay as they were written by hand:
//!
//! - Of an array, the strings that remain keep their place, their quotes and their comments. A new one comes
//!   after the one that precedes it in what is asked for; where a file lists the newest first, before it. It is
//!   written as its neighbours are: on the same line, or on one of its own.
//! - An array on one line stays on one, until that would get longer than [`super::format`] allows.
//! - A number whose digits are grouped (`250_000`) stays grouped.
//! - A key that is missing is added after the last one of the file, before its first table.
//!
//! Only keys outside of tables can be edited: no other is ever refreshed.

use super::format;
use std::collections::{HashMap, HashSet};
use std::ops::Range;
use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue};

/// How far the values of an array on several lines are indented, where none shows it.
const INDENT: &str = "    ";

/// Why a file was not edited.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EditError {
    /// The file is not TOML.
    #[error("the TOML is malformed: {0}; correct it, and run the command again")]
    Malformed(String),
    /// The value is something else than what it would be replaced with.
    #[error("`{key}` is not {expected}; correct it, and run the command again")]
    WrongType {
        /// The key.
        key: String,
        /// What it must be.
        expected: &'static str,
    },
}

/// The text of a file in which the array `key` has exactly these values.
///
/// The order of `values` places those that are new; of those that were there, none moves.
pub fn set_strings(text: &str, key: &str, values: &[&str]) -> Result<String, EditError> {
    let file = read(text)?;
    let Some(found) = file.get(key) else {
        let values: Vec<_> = values.iter().map(|value| (*value, None)).collect();
        return Ok(with_line(text, &file, &format::list(key, &values)));
    };
    let wrong = || EditError::WrongType { key: key.to_owned(), expected: "an array of strings" };
    let DeValue::Array(values_now) = found.get_ref() else { return Err(wrong()) };
    let span = found.span();
    let mut array = Array::read(text, span.clone(), values_now).ok_or_else(wrong)?;
    let before = text.get(..span.start).unwrap_or_default();
    let line = before.rsplit('\n').next().unwrap_or_default();
    array.set(values, line, newline(text));
    Ok(spliced(text, span, &array.to_string()))
}

/// The text of a file in which `key` is this number.
pub fn set_integer(text: &str, key: &str, value: u64) -> Result<String, EditError> {
    let file = read(text)?;
    let Some(found) = file.get(key) else {
        return Ok(with_line(text, &file, &format::line(key, &value.to_string(), None)));
    };
    let DeValue::Integer(now) = found.get_ref() else {
        return Err(EditError::WrongType { key: key.to_owned(), expected: "a whole number" });
    };
    if u64::from_str_radix(now.as_str(), now.radix()) == Ok(value) {
        return Ok(text.to_owned());
    }
    let written = text.get(found.span()).unwrap_or_default();
    let digits = match written.contains('_') {
        true => grouped(value),
        false => value.to_string(),
    };
    Ok(spliced(text, found.span(), &digits))
}

fn read(text: &str) -> Result<DeTable<'_>, EditError> {
    DeTable::parse(text)
        .map(Spanned::into_inner)
        .map_err(|error| EditError::Malformed(error.message().to_owned()))
}

/// A number with its digits in groups of three.
fn grouped(value: u64) -> String {
    let digits = value.to_string();
    let mut grouped = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push('_');
        }
        grouped.push(digit);
    }
    grouped
}

fn spliced(text: &str, span: Range<usize>, replacement: &str) -> String {
    let before = text.get(..span.start).unwrap_or_default();
    let after = text.get(span.end..).unwrap_or_default();
    format!("{before}{replacement}{after}")
}

/// The line ending of a file: that of its first line.
fn newline(text: &str) -> &'static str {
    match text.find('\n') {
        Some(at) if text.get(..at).is_some_and(|line| line.ends_with('\r')) => "\r\n",
        _ => "\n",
    }
}

/// The file with lines of a new key after its last one, before its first table.
fn with_line(text: &str, file: &DeTable<'_>, lines: &str) -> String {
    let is_plain = |value: &DeValue| match value {
        DeValue::Table(_) => false,
        DeValue::Array(array) => array.iter().all(|one| !one.get_ref().is_table()),
        _ => true,
    };
    let last = file
        .iter()
        .filter(|(_, value)| is_plain(value.get_ref()))
        .max_by_key(|(_, value)| value.span().end);
    let newline = newline(text);
    let Some((key, value)) = last else {
        let start = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
        return spliced(text, start..start, &lines.replace('\n', newline));
    };
    // Where the equals signs are one below the other, they stay so.
    let between = text.get(key.span().end..value.span().start).unwrap_or_default();
    let spaces = between.find('=').unwrap_or(0);
    let lines = match lines.split_once(" = ") {
        Some((name, rest)) if spaces > 1 => {
            let width = (key.span().len() + spaces).saturating_sub(1);
            format!("{name:width$} = {rest}")
        }
        _ => lines.to_owned(),
    };
    let rest = text.get(value.span().end..).unwrap_or_default();
    let (at, lines) = match rest.find('\n') {
        Some(end) => (value.span().end + end + 1, lines),
        // The file does not end with a line ending, and then neither does the new line.
        None => (text.len(), format!("\n{}", lines.trim_end())),
    };
    spliced(text, at..at, &lines.replace('\n', newline))
}

/// An array as it is written: joined, its parts are the text between its brackets.
#[derive(Debug)]
struct Array {
    /// A comment on the line of the opening bracket.
    open: String,
    elements: Vec<Element>,
    /// What is before the closing bracket.
    close: String,
}

/// One value of an array, and what is written around it.
#[derive(Debug, Default)]
struct Element {
    /// Line breaks, spaces, and comments on lines of their own.
    before: String,
    /// The value as it is written.
    written: String,
    value: String,
    /// What is between the value and its comma.
    between: String,
    comma: bool,
    /// A comment on the same line.
    comment: String,
}

/// How the values of an array are laid out.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Layout {
    /// All on one line, with this between them.
    OneLine(String),
    /// Each after this line break and indent.
    Lines(String),
    /// Several on a line: with spaces between them, or where the line is full, a line break and indent.
    Full { space: String, line: String },
}

impl Array {
    /// Takes apart the array at `span`; `None` if not all of its values are strings.
    fn read(text: &str, span: Range<usize>, values: &DeArray<'_>) -> Option<Array> {
        let part = |from: usize, to: usize| text.get(from..to);
        let end = span.end.checked_sub(1)?;
        let first = values.first().map_or(end, |value| value.span().start);
        let (open, mut before) = split_comment(part(span.start + 1, first)?);
        let mut elements = Vec::with_capacity(values.len());
        for (number, value) in values.iter().enumerate() {
            let next = values.get(number + 1).map_or(end, |next| next.span().start);
            let gap = part(value.span().end, next)?;
            let (between, after) = match comma(gap) {
                Some(at) => (gap.get(..at)?, gap.get(at + 1..)?),
                None => ("", gap),
            };
            let comma = comma(gap).is_some();
            let (comment, rest) = split_comment(after);
            elements.push(Element {
                before: before.to_owned(),
                written: text.get(value.span())?.to_owned(),
                value: value.get_ref().as_str()?.to_owned(),
                between: between.to_owned(),
                comma,
                comment: comment.to_owned(),
            });
            before = rest;
        }
        Some(Array { open: open.to_owned(), elements, close: before.to_owned() })
    }

    fn layout(&self, newline: &str) -> Layout {
        let after_first = || self.elements.iter().skip(1).map(|element| element.before.as_str());
        let space = after_first().find(|before| !before.contains('\n'));
        let space = space.filter(|space| space.trim().is_empty()).unwrap_or(" ").to_owned();
        let befores = self.elements.iter().map(|element| element.before.as_str());
        let indent =
            befores.clone().find_map(|before| Some(before.rsplit_once('\n')?.1.to_owned()));
        if indent.is_none() && !self.close.contains('\n') {
            return Layout::OneLine(space);
        }
        let outer = self.close.rsplit_once('\n').map_or("", |(_, indent)| indent);
        let indent = indent.unwrap_or_else(|| format!("{outer}{INDENT}"));
        let line = format!("{newline}{indent}");
        let own = after_first().filter(|before| before.contains('\n')).count();
        match own * 2 >= after_first().count() {
            true => Layout::Lines(line),
            false => Layout::Full { space, line },
        }
    }

    /// Removes the values that are not wanted, and adds those that are missing; `line` is what precedes the
    /// array on its line.
    fn set(&mut self, values: &[&str], line: &str, newline: &str) {
        let layout = self.layout(newline);
        let width = |array: &Array| line.chars().count() + array.to_string().chars().count();
        let was_short = width(self) <= format::WIDTH;
        let trailing = match self.elements.last() {
            Some(last) => last.comma,
            None => matches!(layout, Layout::Lines(_)),
        };
        let wanted: HashSet<&str> = values.iter().copied().collect();
        let first = match (self.elements.first(), &layout) {
            (Some(first), _) => first.before.clone(),
            (None, Layout::Lines(line)) => line.clone(),
            (None, _) => String::new(),
        };
        let literal = self.elements.first().is_some_and(|first| first.written.starts_with('\''));
        self.remove_all_but(&wanted);
        self.insert(values, &layout, &first, literal, line);
        let last = self.elements.len().saturating_sub(1);
        for (number, element) in self.elements.iter_mut().enumerate() {
            element.comma = number < last || trailing;
        }
        // A comment at the end needs its line's end.
        let comment = self.elements.last().map_or(&self.open, |last| &last.comment);
        if !comment.is_empty() && !self.close.contains('\n') {
            self.close.insert_str(0, newline);
        }
        if matches!(layout, Layout::OneLine(_)) && was_short && width(self) > format::WIDTH {
            let indent: String = line.chars().take_while(|c| c.is_whitespace()).collect();
            for element in &mut self.elements {
                element.before = format!("{newline}{indent}{INDENT}");
                element.between.clear();
                element.comma = true;
            }
            self.close = format!("{newline}{indent}");
        }
    }

    /// Removes values with the comments on their lines. Comments above them stay.
    fn remove_all_but(&mut self, wanted: &HashSet<&str>) {
        let mut carried: Option<String> = None;
        let mut kept = Vec::with_capacity(self.elements.len());
        for mut element in std::mem::take(&mut self.elements) {
            element.before = match carried.take() {
                Some(above) => joined(above, element.before),
                None => element.before,
            };
            match wanted.contains(element.value.as_str()) {
                true => kept.push(element),
                false => carried = Some(element.before),
            }
        }
        self.elements = kept;
        if let Some(above) = carried.filter(|above| above.contains('#')) {
            let close = std::mem::take(&mut self.close);
            let ends = if close.contains('\n') { "" } else { "\n" };
            self.close = format!("{}{ends}{close}", above.trim_end());
        }
    }

    /// Adds the values that are missing, each after the one before it.
    fn insert(&mut self, values: &[&str], layout: &Layout, first: &str, literal: bool, line: &str) {
        let there: HashMap<&str, usize> =
            self.elements.iter().enumerate().map(|(at, one)| (one.value.as_str(), at)).collect();
        let places: Vec<usize> = values.iter().filter_map(|one| there.get(one).copied()).collect();
        let newest_first =
            places.len() > 1 && places.iter().zip(places.iter().skip(1)).all(|(a, b)| a > b);
        let mut ordered = values.to_vec();
        if newest_first {
            ordered.reverse();
        }
        // What is added before the first remaining element, after it, after the second, and so on.
        let mut added: Vec<Vec<String>> = vec![Vec::new(); self.elements.len() + 1];
        let mut seen = HashSet::new();
        let mut at = 0;
        for value in ordered {
            match there.get(value) {
                Some(place) => at = place + 1,
                None if seen.insert(value) => {
                    if let Some(place) = added.get_mut(at) {
                        place.push(value.to_owned());
                    }
                }
                None => {}
            }
        }
        let mut added = added.into_iter();
        let mut writer = Writer {
            layout,
            column: line.chars().count() + 1 + self.open.chars().count(),
            elements: Vec::new(),
        };
        let old = std::mem::take(&mut self.elements);
        let front = added.next().unwrap_or_default();
        let mut pushed_back = false;
        for value in front {
            // The first value stands where the first one stood.
            let stood = old.first().map_or(first, |old| old.before.as_str());
            let before = match stood.rsplit_once('\n') {
                _ if pushed_back => None,
                None => Some(stood.to_owned()),
                Some(_) => match layout {
                    Layout::OneLine(_) => None,
                    Layout::Lines(line) | Layout::Full { line, .. } => Some(line.clone()),
                },
            };
            pushed_back = true;
            writer.add(value, literal, before);
        }
        for (number, (mut element, after)) in old.into_iter().zip(added).enumerate() {
            if number == 0 && pushed_back && !element.before.contains('\n') {
                element.before = writer.gap(element.written.chars().count());
            }
            writer.push(element);
            for value in after {
                writer.add(value, literal, None);
            }
        }
        self.elements = writer.elements;
    }
}

/// Puts the elements of an array one after the other.
struct Writer<'l> {
    layout: &'l Layout,
    /// How many characters the line has so far.
    column: usize,
    elements: Vec<Element>,
}

impl Writer<'_> {
    /// What to write before a new value of this length.
    fn gap(&self, length: usize) -> String {
        match self.layout {
            Layout::OneLine(space) => space.clone(),
            Layout::Lines(line) => line.clone(),
            Layout::Full { space, line } => {
                let commented = self.elements.last().is_some_and(|last| !last.comment.is_empty());
                let full = self.column + space.len() + length + 1 > format::WIDTH;
                if commented || full { line.clone() } else { space.clone() }
            }
        }
    }

    fn add(&mut self, value: String, literal: bool, before: Option<String>) {
        let is_literal = literal && !value.contains(|c: char| c == '\'' || c.is_control());
        let written = if is_literal { format!("'{value}'") } else { format::string(&value) };
        let before = before.unwrap_or_else(|| self.gap(written.chars().count()));
        self.push(Element { before, written, value, ..Element::default() });
    }

    fn push(&mut self, element: Element) {
        let length = |text: &str| text.chars().count();
        self.column = match element.before.rsplit_once('\n') {
            Some((_, indent)) => length(indent),
            None => self.column + length(&element.before),
        };
        // With its comma.
        self.column += length(&element.written) + length(&element.between) + 1;
        self.elements.push(element);
    }
}

/// What is before a value, where the value before it is removed.
fn joined(above: String, before: String) -> String {
    match before.contains('#') {
        true => format!("{}{before}", above.trim_end()),
        false => above,
    }
}

/// Splits off a comment that begins on the same line.
fn split_comment(text: &str) -> (&str, &str) {
    if !text.trim_start_matches([' ', '\t']).starts_with('#') {
        return ("", text);
    }
    let line = text.split('\n').next().unwrap_or_default();
    text.split_at(line.strip_suffix('\r').unwrap_or(line).len())
}

/// Where the comma is in what is between two values.
fn comma(gap: &str) -> Option<usize> {
    let mut in_comment = false;
    gap.char_indices().find_map(|(at, c)| {
        match c {
            '#' => in_comment = true,
            '\n' => in_comment = false,
            _ => {}
        }
        (c == ',' && !in_comment).then_some(at)
    })
}

impl std::fmt::Display for Array {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "[{}", self.open)?;
        for Element { before, written, between, comma, comment, .. } in &self.elements {
            let comma = if *comma { "," } else { "" };
            write!(f, "{before}{written}{between}{comma}{comment}")?;
        }
        write!(f, "{}]", self.close)
    }
}

#[cfg(test)]
#[path = "edit_tests.rs"]
mod tests;
