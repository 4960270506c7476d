//! The strings and the comments of a TOML file, as they were written.

use std::ops::Range;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A string of a file, or a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrittenString {
    /// Where it is, with its quotes.
    pub span: Range<usize>,
    /// What it means.
    pub value: String,
}

/// All strings of a file, and its keys, in order.
pub fn strings(text: &str) -> Vec<WrittenString> {
    let (file, _) = DeTable::parse_recoverable(text);
    let mut found = Vec::new();
    table(file.get_ref(), &mut found);
    found.sort_by_key(|string| string.span.start);
    found
}

fn table(of: &DeTable, found: &mut Vec<WrittenString>) {
    for (key, inner) in of {
        found.push(WrittenString { span: key.span(), value: key.get_ref().to_string() });
        value(inner, found);
    }
}

fn value(of: &Spanned<DeValue>, found: &mut Vec<WrittenString>) {
    match of.get_ref() {
        DeValue::String(text) => {
            found.push(WrittenString { span: of.span(), value: text.to_string() });
        }
        DeValue::Array(values) => values.iter().for_each(|inner| value(inner, found)),
        DeValue::Table(inner) => table(inner, found),
        _ => {}
    }
}

/// The string that a byte is in.
pub fn string_at(strings: &[WrittenString], at: usize) -> Option<&WrittenString> {
    // Strings do not overlap, so it can only be in the last one that begins before it.
    let before = strings.partition_point(|string| string.span.start <= at);
    let last = before.checked_sub(1).and_then(|last| strings.get(last));
    last.filter(|string| string.span.contains(&at))
}

/// Where the comments of a file begin, in order.
pub fn comments(text: &str) -> Vec<usize> {
    let strings = strings(text);
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(at) = text.get(from..).and_then(|rest| rest.find('#')).map(|at| from + at) {
        match string_at(&strings, at) {
            Some(string) => from = string.span.end,
            None => {
                found.push(at);
                let rest = text.get(at..).unwrap_or_default();
                from = rest.find('\n').map_or(text.len(), |end| at + end);
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_comment_begins_outside_of_strings() {
        let text = "# one\na = \"#no\" # two # still two\n\"#k\" = ['#', \"x\", # three\n]\n\
                    [t]\nb = { c = '#' }\n[[u]]\nd = \"\"\"\n# no\n\"\"\"\n# four";
        let found: Vec<&str> = comments(text).into_iter().map(|at| &text[at..]).collect();
        let first: Vec<&str> = found.iter().filter_map(|rest| rest.lines().next()).collect();
        assert_eq!(first, ["# one", "# two # still two", "# three", "# four"]);
    }

    #[test]
    fn a_comment_may_follow_a_string_at_once() {
        let comment = |text: &str| comments(text).iter().map(|at| text[*at..].to_owned()).collect();
        for (text, expected) in [
            ("a = \"#\"# one", "# one"),
            ("a = '# #'# one", "# one"),
            ("a = \"\"# one", "# one"),
            ("a = \"\"\"\n#\"\"\"# one", "# one"),
            ("a = ['#','#'# one\n]", "# one\n]"),
        ] {
            let found: Vec<String> = comment(text);
            assert_eq!(found, [expected], "{text}");
        }
        let none: Vec<String> = comment("a = \"one # two\"\n\"#b\" = '##'");
        assert_eq!(none, [""; 0]);
    }
}
