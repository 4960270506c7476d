//! A report: one installation's counts of one week. Strict parsing, canonical form.
//!
//! The JSON is that of Go's clients
//! ([`telemetry.Report`](https://pkg.go.dev/golang.org/x/telemetry/internal/telemetry#Report)):
//!
//! ```text
//! {"Week":"2026-02-08","LastWeek":"2026-02-01","X":0.25,"Programs":[{
//!     "Program":"example.org/p","Version":"v1.2.0","GoVersion":"go1.26.8","GOOS":"linux",
//!     "GOARCH":"amd64","Counters":{"verb:run":3},"Stacks":{"crash/crash\nmain.main:+12":1}
//! }],"Config":"v0.7.0"}
//! ```
//!
//! Parsing is strict: every field exactly once, no others, names spelled as here, nothing after the
//! closing brace. `Programs`, `Counters` and `Stacks` may be `null`, as Go writes empty ones. A count
//! of 0 or less is left out: Go's client sends 0 for a counter whose program ended between creating and
//! incrementing it, and a negative number for one that went beyond 2^63. The types cannot hold a
//! malformed report; whether a config allows it is up to [`check`](super::check()).
//!
//! The canonical form makes a report that is sent twice byte-identical: fields in Go's order, counts
//! ordered by name, numbers as Go prints them, no white space.
//!
//! The *public row* is the canonical form without `LastWeek`, which would link the rows of one machine,
//! and with `X` rounded up to the smallest rate in force, since whoever sent or relayed the report
//! knows the exact number. It is parsed like any report: `LastWeek` may be absent.

use super::excerpt::{Excerpt, bounded};
use crate::collection::X;
use crate::collection::go_json;
use crate::gomod::ModuleVersion;
use jiff::civil::Date;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, Error as _, MapAccess, Unexpected, Visitor};
use serde::ser::{SerializeMap, Serializer};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, Write};
use std::marker::PhantomData;

/// One installation's counts of one week.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub struct Report<'a> {
    /// The day on which the week ended.
    #[serde(serialize_with = "write_date", deserialize_with = "read_date")]
    pub week: Date,
    /// The week of the report before this one, if there was one.
    #[serde(
        default,
        serialize_with = "write_optional_date",
        deserialize_with = "read_optional_date"
    )]
    pub last_week: Option<Date>,
    /// The random number that decided what was sampled.
    pub x: X,
    /// The counts of each build of each program.
    #[serde(borrow, serialize_with = "write_programs", deserialize_with = "read_programs")]
    pub programs: Vec<ProgramReport<'a>>,
    /// The version of the config that the client obeyed.
    #[serde(serialize_with = "write_version", deserialize_with = "read_version")]
    pub config: ModuleVersion,
}

/// The counts of one build of one program.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProgramReport<'a> {
    /// The program's package path.
    #[serde(rename = "Program", borrow)]
    pub program: Cow<'a, str>,
    /// The program's version.
    #[serde(rename = "Version", borrow)]
    pub version: Cow<'a, str>,
    /// The toolchain that built it.
    #[serde(rename = "GoVersion", borrow)]
    pub toolchain: Cow<'a, str>,
    /// The operating system, by Go's name.
    #[serde(rename = "GOOS", borrow)]
    pub goos: Cow<'a, str>,
    /// The architecture, by Go's name.
    #[serde(rename = "GOARCH", borrow)]
    pub goarch: Cow<'a, str>,
    /// Counters.
    #[serde(rename = "Counters", borrow)]
    pub counters: Counts<'a>,
    /// Stack counters: the counter's name, then one frame per line.
    #[serde(rename = "Stacks", borrow)]
    pub stacks: Counts<'a>,
}

/// How often something was counted: from 1 to [`Count::MAX`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Count(u64);

/// Names with their counts, ordered by name, each name once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counts<'a>(Vec<(Cow<'a, str>, Count)>);

/// Why bytes are not a report: what was found, what was expected, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the report is malformed at line {line}, column {column}: {message}")]
pub struct DecodeError {
    message: String,
    line: usize,
    column: usize,
}

impl<'a> Report<'a> {
    /// Parses a report. Strings without escapes are borrowed from `json`.
    pub fn decode(json: &'a [u8]) -> Result<Report<'a>, DecodeError> {
        serde_json::from_slice::<OnlyObject<Report>>(json).map(|report| report.0).map_err(|error| {
            let (line, column) = (error.line(), error.column());
            let message = error.to_string();
            let place = format!(" at line {line} column {column}");
            let message = bounded(message.strip_suffix(&place).unwrap_or(&message));
            DecodeError { message, line, column }
        })
    }

    /// The report's canonical form.
    pub fn encode(&self) -> Vec<u8> {
        one_form(self)
    }

    /// The report's public row: without LastWeek, and with this X instead of its own.
    pub fn encode_public(&self, x: X) -> Vec<u8> {
        let Report { week, programs, config, .. } = self;
        one_form(&PublicRow { week, x, programs, config })
    }
}

/// A report as it is public.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct PublicRow<'a> {
    #[serde(serialize_with = "write_date")]
    week: &'a Date,
    x: X,
    #[serde(serialize_with = "write_programs")]
    programs: &'a Vec<ProgramReport<'a>>,
    #[serde(serialize_with = "write_version")]
    config: &'a ModuleVersion,
}

fn one_form(report: &impl Serialize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(512);
    let mut serializer = serde_json::Serializer::with_formatter(&mut bytes, Canonical);
    // Serialising these types cannot fail: keys are strings, numbers are finite, and writing to memory
    // does not fail. Half a text would not parse as a report.
    let _ = report.serialize(&mut serializer);
    bytes
}

impl Count {
    /// The largest count, since Go keeps them in an `int64`.
    pub const MAX: u64 = i64::MAX as u64;

    /// Checks the range.
    pub fn new(number: u64) -> Option<Count> {
        (1..=Count::MAX).contains(&number).then_some(Count(number))
    }

    /// The number.
    pub fn get(self) -> u64 {
        self.0
    }
}

impl<'a> Counts<'a> {
    /// The names and counts, ordered by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Count)> {
        self.0.iter().map(|(name, count)| (name.as_ref(), *count))
    }

    /// How many names there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether nothing was counted.
    #[cfg(any(test, feature = "testing"))]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Sorts pairs, and adds up the counts of a name that occurs several times.
    pub fn sum(pairs: Vec<(Cow<'a, str>, Count)>) -> Counts<'a> {
        let mut sums: BTreeMap<Cow<'a, str>, Count> = BTreeMap::new();
        for (name, Count(count)) in pairs {
            let sum = sums.entry(name).or_insert(Count(0));
            *sum = Count(sum.0.saturating_add(count).min(Count::MAX));
        }
        Counts(sums.into_iter().collect())
    }

    /// Sorts pairs. A name that occurs twice is the error.
    pub fn from_pairs(mut pairs: Vec<(Cow<'a, str>, Count)>) -> Result<Counts<'a>, Cow<'a, str>> {
        pairs.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
        let twice = pairs.windows(2).find_map(|pair| match pair {
            [(a, _), (b, _)] if a == b => Some(a.clone()),
            _ => None,
        });
        twice.map_or(Ok(Counts(pairs)), Err)
    }
}

/// Parses a date of the form `2026-02-08`, and no other.
pub fn parse_date(text: &str) -> Option<Date> {
    // The library reads other forms, too, but none of these ten bytes.
    let well_formed = text.len() == 10
        && text.bytes().enumerate().all(|(at, byte)| match at {
            4 | 7 => byte == b'-',
            _ => byte.is_ascii_digit(),
        });
    if well_formed { text.parse().ok() } else { None }
}

// Reading.

/// A value that must be a JSON object. Derived deserializers accept arrays for structs, too.
struct OnlyObject<T>(T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for OnlyObject<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Object<T> {
            type Value = OnlyObject<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map)).map(OnlyObject)
            }
        }
        deserializer.deserialize_map(Object(PhantomData))
    }
}

/// The name of a counter, borrowed if it has no escapes.
#[derive(Deserialize)]
#[serde(transparent)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Counts<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Pairs;
        impl<'de> Visitor<'de> for Pairs {
            type Value = Counts<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of names and counts")
            }

            fn visit_unit<E>(self) -> Result<Counts<'de>, E> {
                Ok(Counts::default())
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Counts<'de>, A::Error> {
                let mut pairs = Vec::new();
                while let Some((name, counted)) = map.next_entry::<Name<'de>, Counted>()? {
                    if let Some(count) = counted.0 {
                        pairs.push((name.0, count));
                    }
                }
                Counts::from_pairs(pairs)
                    .map_err(|name| A::Error::custom(format!("{} is listed twice", Excerpt(&name))))
            }
        }
        deserializer.deserialize_any(Pairs)
    }
}

/// A count, if it is positive.
struct Counted(Option<Count>);

impl<'de> Deserialize<'de> for Counted {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Counted, D::Error> {
        struct Whole;
        impl Visitor<'_> for Whole {
            type Value = Counted;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "a count, which is a whole number up to {}", Count::MAX)
            }

            fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<Counted, E> {
                match Count::new(number) {
                    None if number > 0 => {
                        Err(E::invalid_value(Unexpected::Unsigned(number), &self))
                    }
                    count => Ok(Counted(count)),
                }
            }

            // serde_json only calls this for negative numbers.
            fn visit_i64<E: serde::de::Error>(self, _: i64) -> Result<Counted, E> {
                Ok(Counted(None))
            }
        }
        deserializer.deserialize_i64(Whole)
    }
}

/// Parses a string; the text says what was expected.
struct Parse<F>(&'static str, F);

impl<T, F: FnOnce(&str) -> Option<T>> Visitor<'_> for Parse<F> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<T, E> {
        let Parse(expected, parse) = self;
        parse(text).ok_or_else(|| E::custom(format!("{} is not {expected}", Excerpt(text))))
    }
}

const DATE: &str = "a date such as 2026-02-08";

fn read_date<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Date, D::Error> {
    deserializer.deserialize_str(Parse(DATE, parse_date))
}

fn read_optional_date<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Date>, D::Error> {
    let parse = |text: &str| match text {
        "" => Some(None),
        date => parse_date(date).map(Some),
    };
    deserializer.deserialize_str(Parse(DATE, parse))
}

fn read_version<'de, D: Deserializer<'de>>(deserializer: D) -> Result<ModuleVersion, D::Error> {
    let parse = |text: &str| text.parse().ok();
    deserializer.deserialize_str(Parse("the version of a config, such as v0.7.0", parse))
}

fn read_programs<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Vec<ProgramReport<'de>>, D::Error> {
    let programs = Option::<Vec<OnlyObject<ProgramReport>>>::deserialize(deserializer)?;
    Ok(programs.unwrap_or_default().into_iter().map(|program| program.0).collect())
}

// Writing.

/// Compact JSON with Go's numbers.
struct Canonical;

impl serde_json::ser::Formatter for Canonical {
    fn write_f64<W: ?Sized + Write>(&mut self, writer: &mut W, value: f64) -> io::Result<()> {
        writer.write_all(go_json::number(value).as_bytes())
    }
}

impl Serialize for Counts<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, count) in self.iter() {
            map.serialize_entry(name, &count.get())?;
        }
        map.end()
    }
}

// serde requires the signatures below.

fn write_date<S: Serializer>(date: &Date, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(date)
}

fn write_optional_date<S: Serializer>(
    date: &Option<Date>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match date {
        Some(date) => serializer.collect_str(date),
        None => serializer.serialize_str(""),
    }
}

/// `null` if empty, as Go writes it.
#[allow(clippy::ptr_arg)]
fn write_programs<S: Serializer>(
    programs: &Vec<ProgramReport<'_>>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    if programs.is_empty() { serializer.serialize_none() } else { programs.serialize(serializer) }
}

fn write_version<S: Serializer>(version: &ModuleVersion, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(version)
}

#[cfg(test)]
#[path = "report_tests.rs"]
mod tests;
