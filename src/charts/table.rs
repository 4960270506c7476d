//! Reading one TOML table by its list of keys, so that every mistake is reported, and only once.
//!
//! A table is opened with the [`Key`]s it may have. Unknown and missing keys are reported then, wrong
//! types and values when they are read. In a file with a syntax error, missing keys and mistakes on the
//! broken lines are not reported: they would only repeat it.

use super::diagnostic::{Diagnostic, Severity};
use super::found::Found;
use super::location::{At, Location};
use super::text::SourceText;
use jiff::civil::Date;
use std::collections::BTreeSet;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A key that a table may have. Reading a file and its schema for editors (`schema::json`) both go by this.
#[derive(Debug, Clone, Copy)]
pub struct Key {
    pub name: &'static str,
    pub shape: Shape,
    /// An example line, for help texts.
    pub example: &'static str,
    /// What the key does, for people who write it.
    pub about: &'static str,
    pub required: bool,
}

/// What a key's value must be, as far as a schema can say it.
#[derive(Debug, Clone, Copy)]
pub enum Shape {
    /// A string.
    Text,
    /// One of these strings.
    OneOf(&'static [&'static str]),
    /// An array of distinct strings, not empty.
    Texts,
    /// A whole number from the first to the second.
    Whole(u64, u64),
    /// A number between two others, which it may not be itself.
    Between(f64, f64),
    /// A date without a time.
    Day,
    /// A table with these keys.
    Table(&'static [Key]),
    /// An array of tables with these keys.
    Tables(&'static [Key]),
    /// A table from names to shares, over 0 and at most 1.
    Shares,
}

impl Key {
    pub(super) const fn required(
        name: &'static str,
        shape: Shape,
        example: &'static str,
        about: &'static str,
    ) -> Key {
        Key { name, shape, example, about, required: true }
    }

    pub(super) const fn optional(
        name: &'static str,
        shape: Shape,
        example: &'static str,
        about: &'static str,
    ) -> Key {
        Key { name, shape, example, about, required: false }
    }
}

/// What is wrong with one value.
#[derive(Debug)]
pub struct Problem {
    pub message: String,
    pub help: String,
    /// The byte at which a string's value is wrong, if not the whole value is.
    pub offset: Option<usize>,
}

impl Problem {
    pub fn new(message: impl Into<String>, help: impl Into<String>) -> Problem {
        Problem { message: message.into(), help: help.into(), offset: None }
    }
}

/// A file that is being read, and the mistakes found in it so far.
pub struct Reader<'f> {
    pub text: &'f SourceText,
    found: Found,
    /// Lines with syntax errors.
    broken: BTreeSet<u32>,
}

impl<'f> Reader<'f> {
    /// Starts reading a file in which the TOML parser found the errors `syntax`.
    pub fn new(text: &'f SourceText, syntax: Vec<Diagnostic>) -> Reader<'f> {
        let broken = syntax.iter().filter_map(|diagnostic| diagnostic.line).collect();
        let mut found = Found::default();
        found.extend(syntax);
        Reader { text, found, broken }
    }

    /// Reports an error at a byte offset.
    pub fn error(&mut self, offset: usize, message: impl Into<String>, help: impl Into<String>) {
        if self.found.is_full() {
            self.count(&self.text.location(offset));
            return;
        }
        let diagnostic = self.text.diagnostic(Severity::Error, offset, message.into());
        self.push(diagnostic, help);
    }

    /// Reports an error at a known location.
    pub fn error_at(&mut self, at: &Location, message: impl Into<String>, help: impl Into<String>) {
        if self.found.is_full() {
            self.count(at);
            return;
        }
        let diagnostic = self.text.diagnostic_at(Severity::Error, at, message.into());
        self.push(diagnostic, help);
    }

    /// Reports a warning at a known location.
    pub fn warning_at(
        &mut self,
        at: &Location,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        let diagnostic = self.text.diagnostic_at(Severity::Warning, at, message.into());
        self.push(diagnostic, help);
    }

    /// Counts an error that is beyond the limit.
    fn count(&mut self, at: &Location) {
        if !self.broken.contains(&at.line) {
            self.found.count_error(&at.file);
        }
    }

    /// Whether the file has no syntax error, so that missing keys are really missing.
    pub fn is_whole(&self) -> bool {
        self.broken.is_empty()
    }

    fn push(&mut self, diagnostic: Diagnostic, help: impl Into<String>) {
        if diagnostic.line.is_some_and(|line| self.broken.contains(&line)) {
            return;
        }
        self.found.push(diagnostic.with_help(help));
    }

    /// All the mistakes.
    pub(super) fn finish(self) -> Found {
        self.found
    }

    /// Opens a table that starts at byte `start`, where `keys` are the keys it may have.
    pub fn open<'t>(
        &mut self,
        table: &'t DeTable<'t>,
        start: usize,
        keys: &'static [Key],
    ) -> Table<'t> {
        for key in table.keys() {
            let name = key.get_ref();
            if !keys.iter().any(|known| known.name == name) {
                let message = format!("unknown key `{name}`");
                self.error(key.span().start, message, suggestion(name, keys));
            }
        }
        if self.is_whole() {
            for key in keys.iter().filter(|key| key.required && !table.contains_key(key.name)) {
                let help = format!("add a line like `{}`", key.example);
                self.error(start, format!("there is no `{}`", key.name), help);
            }
        }
        Table { table, keys }
    }
}

/// An opened table.
pub struct Table<'t> {
    table: &'t DeTable<'t>,
    keys: &'static [Key],
}

impl<'t> Table<'t> {
    /// The value of `key`, where the table has it.
    pub fn get(&self, key: &str) -> Option<&'t Spanned<DeValue<'t>>> {
        debug_assert!(self.key(key).is_some(), "`{key}` is read, and not among the keys");
        self.table.get(key)
    }

    /// The key of this name.
    fn key(&self, name: &str) -> Option<&'static Key> {
        self.keys.iter().find(|key| key.name == name)
    }

    /// An example of `key`'s line.
    fn example(&self, key: &str) -> &'static str {
        self.key(key).map_or("", |key| key.example)
    }

    /// Fails where a key is read as something else than its shape says: an editor would then be told what is not
    /// so.
    fn is_read_as(&self, key: &str, fits: impl Fn(Shape) -> bool) {
        debug_assert!(
            self.key(key).is_some_and(|key| fits(key.shape)),
            "`{key}` has another shape"
        );
    }

    /// Reports that the value of `key` is of the wrong type.
    pub fn wrong_type(&self, reader: &mut Reader, key: &str, expected: &str) {
        let Some(value) = self.get(key) else { return };
        let found = described(value.get_ref());
        let message = format!("`{key}` must be {expected}, not {found}");
        let help = format!("write it like `{}`", self.example(key));
        reader.error(value.span().start, message, help);
    }

    /// A string, parsed by `convert`.
    pub fn string<T>(
        &self,
        reader: &mut Reader,
        key: &str,
        convert: impl Fn(&str) -> Result<T, Problem>,
    ) -> Option<At<T>> {
        self.is_read_as(key, |shape| matches!(shape, Shape::Text | Shape::OneOf(_)));
        let value = self.get(key)?;
        match value.get_ref() {
            DeValue::String(_) => convert_string(reader, value, &convert),
            _ => {
                self.wrong_type(reader, key, "a string");
                None
            }
        }
    }

    /// An array of distinct strings, each parsed by `convert`. `None` if the key is missing, the array is
    /// empty, or anything in it is wrong.
    pub fn strings<T>(
        &self,
        reader: &mut Reader,
        key: &str,
        convert: impl Fn(&str) -> Result<T, Problem>,
    ) -> Option<Vec<At<T>>> {
        self.is_read_as(key, |shape| matches!(shape, Shape::Texts));
        let value = self.get(key)?;
        let DeValue::Array(array) = value.get_ref() else {
            self.wrong_type(reader, key, "an array of strings");
            return None;
        };
        if array.is_empty() {
            let help = format!("write it like `{}`", self.example(key));
            reader.error(value.span().start, format!("`{key}` is empty"), help);
            return None;
        }
        let mut seen = std::collections::HashSet::new();
        let mut converted = Vec::with_capacity(array.len());
        for element in array.iter() {
            let start = element.span().start;
            match element.get_ref() {
                DeValue::String(text) if !seen.insert(text.as_ref()) => {
                    let message = format!("`{key}` lists {text:?} twice");
                    reader.error(start, message, "remove one of the two");
                }
                DeValue::String(_) => converted.extend(convert_string(reader, element, &convert)),
                other => {
                    let found = described(other);
                    let message = format!("`{key}` must hold strings, not {found}");
                    reader.error(start, message, "put it in quotes");
                }
            }
        }
        (converted.len() == array.len()).then_some(converted)
    }

    /// A whole number, in the range of its key.
    pub fn integer(&self, reader: &mut Reader, key: &str) -> Option<At<u64>> {
        self.is_read_as(key, |shape| matches!(shape, Shape::Whole(..)));
        let Shape::Whole(least, most) = self.key(key)?.shape else { return None };
        let value = self.get(key)?;
        let start = value.span().start;
        let DeValue::Integer(integer) = value.get_ref() else {
            self.wrong_type(reader, key, "a whole number");
            return None;
        };
        match u64::from_str_radix(integer.as_str(), integer.radix()) {
            Ok(number) if (least..=most).contains(&number) => {
                Some(At { value: number, location: reader.text.location(start) })
            }
            _ => {
                let message = format!("`{key}` must be a whole number from {least} to {most}");
                reader.error(start, message, "choose a number in that range");
                None
            }
        }
    }

    /// A table inside this one, where it has one, with the keys of its shape.
    pub fn subtable(&self, reader: &mut Reader, key: &str) -> Option<Table<'t>> {
        self.is_read_as(key, |shape| matches!(shape, Shape::Table(_)));
        let Shape::Table(keys) = self.key(key)?.shape else { return None };
        let value = self.get(key)?;
        match value.get_ref() {
            DeValue::Table(inner) => Some(reader.open(inner, value.span().start, keys)),
            _ => {
                self.wrong_type(reader, key, "a table");
                None
            }
        }
    }

    /// A date without a time.
    pub fn day(&self, reader: &mut Reader, key: &str) -> Option<At<Date>> {
        self.is_read_as(key, |shape| matches!(shape, Shape::Day));
        let value = self.get(key)?;
        let date = match value.get_ref() {
            DeValue::Datetime(written) if written.time.is_none() => written.date,
            _ => None,
        };
        let Some(date) = date else {
            self.wrong_type(reader, key, "a date without a time and without quotes");
            return None;
        };
        let numbers = (i16::try_from(date.year), i8::try_from(date.month), i8::try_from(date.day));
        let date = match numbers {
            (Ok(year), Ok(month), Ok(day)) => Date::new(year, month, day).ok(),
            _ => None,
        };
        if date.is_none() {
            reader.error(value.span().start, "there is no such day", "write a day of the calendar");
        }
        date.map(|date| At { value: date, location: reader.text.location(value.span().start) })
    }

    /// A number, with or without a point.
    pub fn number<T>(
        &self,
        reader: &mut Reader,
        key: &str,
        convert: impl Fn(f64) -> Result<T, Problem>,
    ) -> Option<At<T>> {
        self.is_read_as(key, |shape| matches!(shape, Shape::Between(..)));
        let value = self.get(key)?;
        let text = match value.get_ref() {
            DeValue::Float(float) => float.as_str(),
            DeValue::Integer(integer) if integer.radix() == 10 => integer.as_str(),
            _ => {
                self.wrong_type(reader, key, "a number");
                return None;
            }
        };
        let start = value.span().start;
        match convert(text.parse().unwrap_or(f64::NAN)) {
            Ok(converted) => Some(At { value: converted, location: reader.text.location(start) }),
            Err(problem) => {
                reader.error(start, problem.message, problem.help);
                None
            }
        }
    }
}

fn convert_string<T>(
    reader: &mut Reader,
    value: &Spanned<DeValue>,
    convert: &impl Fn(&str) -> Result<T, Problem>,
) -> Option<At<T>> {
    let text = value.get_ref().as_str()?;
    let start = value.span().start;
    match convert(text) {
        Ok(converted) => Some(At { value: converted, location: reader.text.location(start) }),
        Err(problem) => {
            let inside = problem.offset.map(|offset| source_offset(reader.text, start, offset));
            reader.error(start + inside.unwrap_or(0), problem.message, problem.help);
            None
        }
    }
}

/// The position in the source of byte `offset` of a string's value, counted from the opening quotes at
/// `start`. Follows line-ending backslashes. Other escapes are not expected here; an offset behind one
/// leads to the escape itself.
pub fn source_offset(text: &SourceText, start: usize, offset: usize) -> usize {
    let source = text.text().get(start..).unwrap_or_default();
    let quotes = ["\"\"\"", "'''", "\"", "'"].into_iter().find(|quotes| source.starts_with(quotes));
    let mut at = quotes.map_or(0, str::len);
    let rest = |at: usize| source.get(at..).unwrap_or_default();
    if at == 3 {
        // A newline right after the opening quotes is not part of the value.
        at +=
            if rest(at).starts_with("\r\n") { 2 } else { usize::from(rest(at).starts_with('\n')) };
    }
    let literal = quotes.is_some_and(|quotes| quotes.starts_with('\''));
    let mut left = offset;
    loop {
        if !literal && rest(at).starts_with('\\') {
            let after = rest(at + 1);
            let skipped = after.trim_start();
            if skipped.len() == after.len() {
                return at;
            }
            at += 1 + after.len() - skipped.len();
        } else if left == 0 {
            return at;
        } else {
            let Some(c) = rest(at).chars().next() else { return at };
            at += c.len_utf8();
            left = left.saturating_sub(c.len_utf8());
        }
    }
}

fn described(value: &DeValue) -> &'static str {
    match value {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a number",
        DeValue::Boolean(_) => "a boolean",
        DeValue::Datetime(_) => "a date or time",
        DeValue::Array(_) => "an array",
        DeValue::Table(_) => "a table",
    }
}

/// What an unknown key was probably meant to be.
fn suggestion(name: &str, keys: &[Key]) -> String {
    let nearest = keys.iter().map(|key| (distance(name, key.name), key.name)).min();
    match nearest {
        Some((near, key)) if near <= 2 && near < key.len() => format!("did you mean `{key}`?"),
        _ => {
            let names: Vec<&str> = keys.iter().map(|key| key.name).collect();
            format!("the keys here are {}", names.join(", "))
        }
    }
}

/// The number of characters to insert, delete or replace between two words (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    if a.len() > 40 {
        return usize::MAX;
    }
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        for (cell, y) in row.iter_mut().skip(1).zip(&b) {
            let replaced = diagonal + usize::from(x != *y);
            diagonal = *cell;
            *cell = replaced.min(left + 1).min(diagonal + 1);
            left = *cell;
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distance_counts_edits() {
        let cases =
            [("", "", 0), ("a", "", 1), ("titel", "title", 2), ("isue", "issue", 1), ("x", "y", 1)];
        for (a, b, edits) in cases {
            assert_eq!(distance(a, b), edits, "{a} {b}");
            assert_eq!(distance(b, a), edits, "{b} {a}");
        }
    }

    #[test]
    fn the_source_of_a_string_is_found_through_line_ending_backslashes() {
        let cases = [
            ("\"abc\"", 2, "c"),
            ("'abc'", 1, "b"),
            ("\"\"\"\nabc\"\"\"", 0, "a"),
            ("\"\"\"a:{\\\n    b,\\\n    c\\\n    }\"\"\"", 3, "b"),
            ("\"\"\"a:{\\\n    b,\\\n    c\\\n    }\"\"\"", 5, "c"),
            ("\"\"\"a:{\\\n    b,\\\n    c\\\n    }\"\"\"", 6, "}"),
            ("\"a\\tbc\"", 2, "\\"),
        ];
        for (source, offset, expected) in cases {
            let text = SourceText::new("f", source.into());
            let at = source_offset(&text, 0, offset);
            assert!(source[at..].starts_with(expected), "{source:?} {offset}: {at}");
        }
    }
}
