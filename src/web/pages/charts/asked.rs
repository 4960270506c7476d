//! What is asked for of a chart's page, by the query of its address.
//!
//! ```text
//! (none)                                     over the weeks, and in its week
//! ?by=version                                sliced: version, platform or toolchain
//! ?compare=2026-11-08                        beside another week
//! ?by=version&compare=v0.19.1&with=v0.20.0   two slices beside each other
//! ```
//!
//! All of it is what a form without script sends. What is not understood is left out, so that one address
//! stands for one page.

use crate::aggregate::figure::Dimension;
use jiff::civil::Date;
use maud::{Markup, html};
use std::fmt::Write;

/// What is asked for of a chart in a week.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Asked {
    /// The chart.
    Whole,
    /// Its slices.
    Slices(Dimension),
    /// The chart beside that of another week.
    Week(Date),
    /// Two slices.
    Pair {
        /// Of this dimension.
        by: Dimension,
        /// The one from which differences are measured.
        from: String,
        /// The other one.
        to: String,
    },
}

/// What is said if less is shown than a form asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Note {
    /// A version, platform or toolchain was to be compared with itself.
    SameSlice,
    /// The week was to be compared with itself.
    SameWeek,
}

/// The sentence of a note.
pub(super) fn answered(note: Option<Note>) -> Markup {
    html! {
        @match note {
            None => {}
            Some(Note::SameSlice) => p.note { "Both were the same, so there is nothing to compare. Choose two different ones." },
            Some(Note::SameWeek) => p.note { "This is the same week twice, so no difference is to be found. Choose another one." },
        }
    }
}

/// The dimensions, with their names in addresses.
pub(super) const DIMENSIONS: [(Dimension, &str); 3] = [
    (Dimension::Version, "version"),
    (Dimension::Platform, "platform"),
    (Dimension::Toolchain, "toolchain"),
];

/// The name of a dimension in addresses and sentences.
pub(super) fn word(dimension: Dimension) -> &'static str {
    DIMENSIONS.iter().find(|(one, _)| *one == dimension).map_or("", |(_, word)| word)
}

/// The longest value that is read.
const LONGEST: usize = 300;

impl Asked {
    /// Parses a query.
    pub(super) fn parse(query: &str) -> Asked {
        let value = |name: &str| {
            let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
            let found = pairs.into_iter().find(|(key, _)| *key == name)?;
            decoded(found.1).filter(|value| !value.is_empty() && value.len() <= LONGEST)
        };
        let by = value("by").and_then(|by| {
            DIMENSIONS.iter().find(|(_, word)| *word == by).map(|(dimension, _)| *dimension)
        });
        match (by, value("compare"), value("with")) {
            (Some(by), Some(from), Some(to)) if from != to => Asked::Pair { by, from, to },
            (Some(by), ..) => Asked::Slices(by),
            (None, Some(week), _) => week.parse().map_or(Asked::Whole, Asked::Week),
            (None, None, _) => Asked::Whole,
        }
    }

    /// What is said if less is shown than a form asked for.
    pub(super) fn note(query: &str, week: Date) -> Option<Note> {
        let value = |name: &str| {
            let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
            pairs.find(|(key, _)| *key == name).and_then(|(_, value)| decoded(value))
        };
        let from = value("compare").filter(|from| !from.is_empty());
        match (Asked::parse(query), from, value("with")) {
            (Asked::Slices(_), Some(from), Some(to)) if from == to => Some(Note::SameSlice),
            (Asked::Week(other), ..) if other == week => Some(Note::SameWeek),
            _ => None,
        }
    }

    /// Its query, with the question mark; empty for the whole chart.
    pub(super) fn query(&self) -> String {
        match self {
            Asked::Whole => String::new(),
            Asked::Slices(by) => format!("?by={}", word(*by)),
            Asked::Week(week) => format!("?compare={week}"),
            Asked::Pair { by, from, to } => {
                format!("?by={}&compare={}&with={}", word(*by), encoded(from), encoded(to))
            }
        }
    }
}

/// A value of a query, decoded (<https://url.spec.whatwg.org/#urlencoded-parsing>); `None` if it is not UTF-8.
fn decoded(value: &str) -> Option<String> {
    let mut bytes = value.bytes();
    let mut decoded = Vec::with_capacity(value.len());
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'+' => b' ',
            b'%' => {
                let mut digit = || char::from(bytes.next()?).to_digit(16);
                let (high, low) = digit().zip(digit())?;
                u8::try_from(high * 16 + low).ok()?
            }
            byte => byte,
        });
    }
    String::from_utf8(decoded).ok()
}

/// A value, encoded.
fn encoded(value: &str) -> String {
    let mut encoded = String::with_capacity(value.len());
    for byte in value.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'/' => {
                encoded.push(char::from(byte));
            }
            // Writing to a string does not fail.
            _ => drop(write!(encoded, "%{byte:02X}")),
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn a_query_is_parsed_back() {
        let pair = |from: &str, to: &str| Asked::Pair {
            by: Dimension::Platform,
            from: from.to_owned(),
            to: to.to_owned(),
        };
        for asked in [
            Asked::Whole,
            Asked::Slices(Dimension::Version),
            Asked::Week(date(2026, 11, 8)),
            pair("linux/amd64", "windows/arm64"),
            pair("a+b &=%?#", "Zürich \u{202e}"),
        ] {
            let query = asked.query();
            assert!(query.bytes().all(|byte| byte.is_ascii_graphic()), "{query}");
            assert_eq!(Asked::parse(query.trim_start_matches('?')), asked);
        }
    }

    #[test]
    fn what_a_form_sends_is_understood_and_the_rest_is_left_out() {
        let form = "by=platform&compare=linux%2Famd64&with=a+b";
        let expected =
            Asked::Pair { by: Dimension::Platform, from: "linux/amd64".into(), to: "a b".into() };
        assert_eq!(Asked::parse(form), expected);
        for (query, asked) in [
            ("by=colour", Asked::Whole),
            ("compare=v0.1.0", Asked::Whole),
            ("compare=%zz", Asked::Whole),
            ("with=x", Asked::Whole),
            ("x=1&by=toolchain&compare=a&with=a", Asked::Slices(Dimension::Toolchain)),
            ("by=toolchain&compare=a", Asked::Slices(Dimension::Toolchain)),
            ("by=version&compare=%FF&with=a", Asked::Slices(Dimension::Version)),
        ] {
            assert_eq!(Asked::parse(query), asked, "{query}");
        }
    }
}
