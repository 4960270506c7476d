//! Counter expressions: one counter, or a group of counters that differ in their bucket.
//!
//! ```text
//! expression = name | chart ":{" bucket *( "," bucket ) "}"
//! name       = chart [ ":" bucket ]
//! ```
//!
//! as in golang/telemetry ([counter naming](https://go.dev/doc/telemetry#counters)). Groups never
//! nest and are never empty. Names are printable ASCII without spaces, quotes, backslashes, `#`,
//! and the characters of the notation itself, so that a name means the same to a reviewer, in TOML,
//! in Go's record format and in a counter file, whose limit on the length of names ([`MAX_NAME`])
//! also applies here.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;

/// The longest name of one counter in bytes: the limit of Go's counter file.
pub const MAX_NAME: usize = 4096;
/// The most bytes of all names of one group, expanded: a group whose names share a long prefix is many
/// times as long as what a proposal shows.
pub const MAX_GROUP: usize = 1 << 20;

/// A checked counter expression.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct CounterExpression(String);

/// Why a text is not a counter expression.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct CounterError {
    /// What is wrong.
    pub message: String,
    /// How to fix it.
    pub help: String,
    /// The byte of the expression at which the mistake is.
    pub offset: usize,
}

fn error(offset: usize, message: impl Into<String>, help: impl Into<String>) -> CounterError {
    CounterError { message: message.into(), help: help.into(), offset }
}

impl CounterExpression {
    /// Parses an expression.
    pub fn parse(text: &str) -> Result<CounterExpression, CounterError> {
        let (prefix, group) = match text.find('{') {
            None => (text, None),
            Some(open) => (&text[..open], Some((open + 1, &text[open + 1..]))),
        };
        if let Some(close) = prefix.find('}') {
            return Err(error(close, "`}` without a `{` before it", "remove it, or open a group"));
        }
        check_characters(prefix, 0, "")?;
        let chart = prefix.split(':').next().unwrap_or_default();
        if chart.is_empty() {
            let help = "write it like `editor/client:vim`";
            return Err(error(0, "the counter has no chart name", help));
        }
        match group {
            None if prefix.ends_with(':') => {
                let help = "name the bucket, or leave out the `:`";
                return Err(error(prefix.len() - 1, "there is no bucket after `:`", help));
            }
            None => {}
            Some((start, _)) if !prefix.ends_with(':') => {
                let help = "write a group like `editor/client:{vim,emacs}`";
                return Err(error(start - 1, "a group starts after a `:`", help));
            }
            Some((start, rest)) => check_group(prefix, start, rest)?,
        }
        let expression = CounterExpression(text.to_owned());
        if expression.expanded_len() > MAX_GROUP {
            let message = format!(
                "expanded, the names of the group have {} bytes, and a group may have at most \
                 {MAX_GROUP}",
                expression.expanded_len()
            );
            return Err(error(0, message, "choose fewer buckets or shorter names"));
        }
        let too_long = expression.names().map(|name| name.len()).find(|length| *length > MAX_NAME);
        match too_long {
            Some(length) => {
                let message = format!(
                    "the counter name is {length} bytes long, and a counter file holds at most \
                     {MAX_NAME}"
                );
                Err(error(0, message, "choose a shorter name"))
            }
            None => Ok(expression),
        }
    }

    /// The expression as it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The expression for a message; a long one is cut.
    pub(super) fn shortened(&self) -> Cow<'_, str> {
        const SHOWN: usize = 100;
        match self.0.get(..SHOWN) {
            Some(beginning) if self.0.len() > SHOWN + 10 => Cow::Owned(format!("{beginning}…")),
            _ => Cow::Borrowed(&self.0),
        }
    }

    /// Whether it is a group rather than one counter.
    pub fn is_group(&self) -> bool {
        self.0.ends_with('}')
    }

    /// The names of its counters, in order.
    pub fn names(&self) -> impl Iterator<Item = String> + '_ {
        let (prefix, buckets) = self.split();
        buckets.map(move |(_, bucket)| format!("{prefix}{bucket}"))
    }

    /// Whether one of its counters has this name.
    pub fn has(&self, name: &str) -> bool {
        let (prefix, mut buckets) = self.split();
        name.strip_prefix(prefix).is_some_and(|rest| buckets.any(|(_, bucket)| bucket == rest))
    }

    /// The total length of its names in bytes.
    pub fn expanded_len(&self) -> usize {
        let (prefix, buckets) = self.split();
        buckets.map(|(_, bucket)| prefix.len() + bucket.len()).sum()
    }

    /// What distinguishes one of its names from the others: the bucket, or the whole name without one.
    pub fn bucket<'n>(&self, name: &'n str) -> &'n str {
        bucket(&self.0, name)
    }

    /// The byte offset of a name's bucket in the expression.
    pub fn offset_of(&self, name: &str) -> usize {
        let (prefix, mut buckets) = self.split();
        buckets
            .find(|(_, bucket)| name.strip_prefix(prefix) == Some(bucket))
            .map_or(0, |(offset, _)| offset)
    }

    /// The common prefix of all names, and the rest of each with its offset.
    fn split(&self) -> (&str, impl Iterator<Item = (usize, &str)>) {
        let (prefix, buckets) = match self.0.split_once('{') {
            Some((prefix, rest)) => (prefix, rest.strip_suffix('}').unwrap_or(rest)),
            None => ("", self.0.as_str()),
        };
        let start = self.0.len() - buckets.len() - usize::from(self.is_group());
        let buckets = buckets.split(',').scan(start, |offset, bucket| {
            let here = *offset;
            *offset += bucket.len() + 1;
            Some((here, bucket))
        });
        (prefix, buckets)
    }
}

/// The bucket of one of an expression's names, or the whole name without one. The expression may come
/// from a config, unchecked.
pub fn bucket<'n>(expression: &str, name: &'n str) -> &'n str {
    let group = expression.split_once('{').and_then(|(prefix, _)| name.strip_prefix(prefix));
    group.or_else(|| name.split_once(':').map(|(_, bucket)| bucket)).unwrap_or(name)
}

/// The chart that a counter's name or expression belongs to: the part before the first `:`.
pub fn chart_of(expression: &str) -> &str {
    expression.split([':', '{']).next().unwrap_or_default()
}

impl fmt::Display for CounterExpression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Checks what follows the `{`, which starts at `start` of the expression.
fn check_group(prefix: &str, start: usize, rest: &str) -> Result<(), CounterError> {
    let Some(close) = rest.find('}') else {
        return Err(error(start - 1, "the group is never closed", "end the counter with `}`"));
    };
    if let Some(open) = rest.find('{') {
        let (message, help) = if open < close {
            ("groups do not nest", "write every bucket out in one group")
        } else {
            ("a counter has one group", "write another chart for the second group")
        };
        return Err(error(start + open, message, help));
    }
    if close + 1 != rest.len() {
        let help = "remove what follows the `}`";
        return Err(error(start + close + 1, "a group ends the counter", help));
    }
    let buckets = &rest[..close];
    if buckets.trim().is_empty() {
        return Err(error(start - 1, "the group is empty", "name at least one bucket"));
    }
    let mut seen = HashSet::new();
    let mut offset = start;
    for bucket in buckets.split(',') {
        if bucket.trim().is_empty() {
            let message = "there is no bucket between the commas";
            return Err(error(offset, message, "remove the extra comma"));
        }
        check_characters(bucket, offset, bucket)?;
        if !seen.insert(bucket) {
            let message = format!("the bucket `{bucket}` is listed twice in `{prefix}{{...}}`");
            return Err(error(offset, message, "remove one of the two"));
        }
        offset += bucket.len() + 1;
    }
    Ok(())
}

/// Checks the characters of a name that starts at `offset` of the expression.
fn check_characters(name: &str, offset: usize, bucket: &str) -> Result<(), CounterError> {
    let bad = |c: char| !c.is_ascii_graphic() || matches!(c, '"' | '\'' | '`' | '\\' | '#' | ',');
    let Some((at, c)) = name.char_indices().find(|(_, c)| bad(*c)) else {
        return Ok(());
    };
    let (what, help) = match c {
        c if c.is_whitespace() && !bucket.is_empty() => (
            "a space".to_owned(),
            format!("write the bucket as `{}`", bucket.split_whitespace().collect::<String>()),
        ),
        c if c.is_whitespace() => ("a space".to_owned(), "use `-` or `_` instead".to_owned()),
        ',' => ("`,` outside a group".to_owned(), "write a group like `chart:{a,b}`".to_owned()),
        c => (
            format!("the character {c:?}"),
            "use printable ASCII characters other than quotes, `\\`, `#`, `{`, `}` and `,`".into(),
        ),
    };
    Err(error(offset + at, format!("a counter name cannot hold {what}"), help))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn expressions_name_their_counters() {
        let cases: &[(&str, &[&str])] = &[
            ("gopls/bug", &["gopls/bug"]),
            ("gopls/renamekind:package", &["gopls/renamekind:package"]),
            ("go/version:{1.16,1.17}", &["go/version:1.16", "go/version:1.17"]),
            ("a:{b}", &["a:b"]),
            ("a:b:{c,d}", &["a:b:c", "a:b:d"]),
            (
                "vscode/trigger:{gopls.add_test-command_palette,x}",
                &["vscode/trigger:gopls.add_test-command_palette", "vscode/trigger:x"],
            ),
        ];
        for (text, names) in cases {
            let expression = CounterExpression::parse(text).expect(text);
            assert_eq!(expression.names().collect::<Vec<_>>(), *names);
            assert_eq!(expression.is_group(), text.contains('{'));
        }
    }

    #[test]
    fn every_mistake_points_at_its_byte() {
        let cases = [
            ("", 0, "no chart name"),
            (":a", 0, "no chart name"),
            (":{a}", 0, "no chart name"),
            ("a:", 1, "no bucket"),
            ("a b", 1, "a space"),
            ("a\"b", 1, "character"),
            ("aé", 1, "character"),
            ("a\nb", 1, "a space"),
            ("a,b", 1, "outside a group"),
            ("a}b", 1, "without a `{`"),
            ("}a:{b}", 0, "without a `{`"),
            ("a{b}", 1, "after a `:`"),
            ("a:{b", 2, "never closed"),
            ("a:{}", 2, "empty"),
            ("a:{ }", 2, "empty"),
            ("a:{b,}", 5, "between the commas"),
            ("a:{,b}", 3, "between the commas"),
            ("a:{b,,c}", 5, "between the commas"),
            ("a:{b, c}", 5, "a space"),
            ("a:{{b}}", 3, "nest"),
            ("a:{b,{c}}", 5, "nest"),
            ("a:{b}{c}", 5, "one group"),
            ("a:{b}c", 5, "ends the counter"),
            ("a:{b}}", 5, "ends the counter"),
            ("a:{b,c,b}", 7, "listed twice"),
        ];
        for (text, offset, message) in cases {
            let error = CounterExpression::parse(text).expect_err(text);
            assert!(error.message.contains(message), "{text:?}: {}", error.message);
            assert_eq!(error.offset, offset, "{text:?}: {}", error.message);
        }
    }

    #[test]
    fn a_name_fits_a_counter_file() {
        let longest = format!("a:{{{}}}", "b".repeat(MAX_NAME - 2));
        assert!(CounterExpression::parse(&longest).is_ok());
        let longer = format!("a:{{c,{}}}", "b".repeat(MAX_NAME - 1));
        let error = CounterExpression::parse(&longer).expect_err("refused");
        assert!(error.message.contains("4097 bytes"), "{}", error.message);
    }

    proptest! {
        #[test]
        fn no_text_breaks_the_parser_and_all_names_are_different(text in "[ab:{},é ]{0,12}") {
            if let Ok(expression) = CounterExpression::parse(&text) {
                let names: Vec<String> = expression.names().collect();
                let different: HashSet<&String> = names.iter().collect();
                prop_assert_eq!(different.len(), names.len());
                for name in &names {
                    prop_assert!(!name.contains(['{', '}', ',']), "{}", name);
                    let bucket = &expression.as_str()[expression.offset_of(name)..];
                    let bucket = bucket.split([',', '}']).next().unwrap();
                    prop_assert!(name.ends_with(bucket), "{} {}", name, bucket);
                }
            }
        }
    }
}
