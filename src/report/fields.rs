//! The fields of a report and of a program in it, in Go's order, and how they are read and written.

use crate::day::Day;
use crate::gomod::ModuleVersion;
use crate::text::Excerpt;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde::ser::Serializer;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;

/// One machine's counts of one week.
///
/// `X` is the type of the random number, `V` that of the config's version, and `P` that of the programs'
/// counts: see the module's documentation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
#[serde(bound(serialize = "X: Serialize, V: ConfigField, P: Serialize"))]
#[serde(bound(deserialize = "X: Deserialize<'de>, V: ConfigField, P: Deserialize<'de>"))]
pub struct Report<X, V, P> {
    /// The day on which the week ended.
    #[serde(deserialize_with = "read_day")]
    pub week: Day,
    /// The week of the last report that was sent before this one, if there was one.
    #[serde(default, serialize_with = "write_last_week", deserialize_with = "read_last_week")]
    pub last_week: Option<Day>,
    /// The random number that decides what is sampled.
    pub x: X,
    /// What each build of each program counted.
    #[serde(serialize_with = "write_programs", deserialize_with = "read_programs")]
    pub programs: Vec<P>,
    /// The version of the config that it was filtered by.
    #[serde(serialize_with = "write_config", deserialize_with = "read_config")]
    pub config: V,
}

/// What one build of one program counted. `S` is the type of strings, and `C` that of counts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub struct ProgramReport<S, C> {
    /// The program's package path.
    pub program: S,
    /// The program's version.
    pub version: S,
    /// The toolchain that built it.
    #[serde(rename = "GoVersion")]
    pub toolchain: S,
    /// The operating system, by Go's name.
    #[serde(rename = "GOOS")]
    pub goos: S,
    /// The architecture, by Go's name.
    #[serde(rename = "GOARCH")]
    pub goarch: S,
    /// Counters and how often each was counted.
    pub counters: C,
    /// Stack counters: each name is followed by one frame a line.
    pub stacks: C,
}

/// Which build of a program it is: a [`ProgramReport`] without its counts.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Build<S> {
    /// The program's package path.
    pub program: S,
    /// The program's version.
    pub version: S,
    /// The toolchain that built it.
    #[serde(rename = "GoVersion")]
    pub toolchain: S,
    /// The operating system, by Go's name.
    #[serde(rename = "GOOS")]
    pub goos: S,
    /// The architecture, by Go's name.
    #[serde(rename = "GOARCH")]
    pub goarch: S,
}

/// A report as it is public: without LastWeek, which would link the rows of one machine.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
#[serde(bound(serialize = "X: Serialize, V: ConfigField, P: Serialize"))]
pub struct PublicRow<'r, X, V, P> {
    week: Day,
    x: X,
    #[serde(serialize_with = "write_programs")]
    programs: &'r [P],
    #[serde(serialize_with = "write_config")]
    config: &'r V,
}

impl<X, V, P> Report<X, V, P> {
    /// The report's public row, with this X instead of its own.
    pub fn public_row(&self, x: X) -> PublicRow<'_, X, V, P> {
        PublicRow { week: self.week, x, programs: &self.programs, config: &self.config }
    }
}

impl<S, C> ProgramReport<S, C> {
    /// What this build counted.
    pub fn of(build: Build<S>, counters: C, stacks: C) -> ProgramReport<S, C> {
        let Build { program, version, toolchain, goos, goarch } = build;
        ProgramReport { program, version, toolchain, goos, goarch, counters, stacks }
    }

    /// Which build it is.
    pub fn build(&self) -> Build<S>
    where
        S: Clone,
    {
        Build {
            program: self.program.clone(),
            version: self.version.clone(),
            toolchain: self.toolchain.clone(),
            goos: self.goos.clone(),
            goarch: self.goarch.clone(),
        }
    }
}

/// A string, borrowed if it has no escapes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Text<'a>(#[serde(borrow)] pub Cow<'a, str>);

impl Deref for Text<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl From<String> for Text<'_> {
    fn from(text: String) -> Self {
        Text(Cow::Owned(text))
    }
}

/// The name of a config in a report.
pub trait ConfigField: Sized + fmt::Display {
    /// Reads the text of the field.
    fn read(text: &str) -> Option<Self>;
}

impl ConfigField for ModuleVersion {
    fn read(text: &str) -> Option<ModuleVersion> {
        text.parse().ok()
    }
}

/// A client may have a report without a config.
impl ConfigField for String {
    fn read(text: &str) -> Option<String> {
        Some(text.to_owned())
    }
}

// Reading.

/// A value that must be a JSON object. Derived deserializers accept arrays for structs, too.
pub(crate) struct OnlyObject<T>(pub(crate) T);

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

const DAY: &str = "a date such as 2026-02-08";

fn read_day<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Day, D::Error> {
    deserializer.deserialize_str(Parse(DAY, |text: &str| text.parse().ok()))
}

/// Go's client writes an empty string if there was no report before.
fn read_last_week<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Day>, D::Error> {
    let parse = |text: &str| match text {
        "" => Some(None),
        day => day.parse().ok().map(Some),
    };
    deserializer.deserialize_str(Parse(DAY, parse))
}

fn read_config<'de, V: ConfigField, D: Deserializer<'de>>(deserializer: D) -> Result<V, D::Error> {
    deserializer.deserialize_str(Parse("the version of a config, such as v0.7.0", V::read))
}

fn read_programs<'de, P: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Vec<P>, D::Error> {
    let programs = Option::<Vec<OnlyObject<P>>>::deserialize(deserializer)?;
    Ok(programs.unwrap_or_default().into_iter().map(|program| program.0).collect())
}

// Writing. serde requires the signatures.

fn write_last_week<S: Serializer>(day: &Option<Day>, serializer: S) -> Result<S::Ok, S::Error> {
    match day {
        Some(day) => serializer.collect_str(day),
        None => serializer.serialize_str(""),
    }
}

/// `null` if empty, as Go writes it.
fn write_programs<P: Serialize, S: Serializer>(
    programs: &(impl AsRef<[P]> + ?Sized),
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match programs.as_ref() {
        [] => serializer.serialize_none(),
        programs => serializer.collect_seq(programs),
    }
}

fn write_config<S: Serializer>(
    config: &impl fmt::Display,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_str(config)
}
