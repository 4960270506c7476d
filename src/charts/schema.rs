//! The keys of each file, and what their values must be.
//!
//! One function a kind of file (that of `marginals/` is in `marginals`, beside its types). Each returns what it could read; whatever it could not is in the
//! [`Reader`]'s list of mistakes, so a missing value is never a mistake that goes unsaid.

use super::counter::CounterExpression;
use super::definition::{
    At, Chart, ChartKind, CollectionSettings, Padding, Program, ProgramPath, ProjectSettings,
    Proportion, RetentionSettings, Sampling,
};
use super::table::{Key, Problem, Reader, Table};
use super::version::Version;
use crate::terminal::is_unfit;
use jiff::civil::Date;
use std::num::{NonZeroU32, NonZeroU64};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// The longest title, in characters.
const MAX_TITLE: usize = 200;
/// The deepest stack that a chart may ask for.
pub const MAX_DEPTH: u32 = 128;
/// The largest `stack_minimum`: one that no stack of any program would reach shows nothing.
const MAX_STACK_MINIMUM: u32 = 1_000_000;
/// The most versions of each sort that padding may allow: it is meant for the next few months.
const MAX_PADDING: u64 = 32;

pub(super) const fn required(name: &'static str, example: &'static str) -> Key {
    Key { name, example, required: true }
}

pub(super) const fn optional(name: &'static str, example: &'static str) -> Key {
    Key { name, example, required: false }
}

const COLLECTION: &[Key] = &[
    required("module", "module = \"telemetry.example.org/config\""),
    required("goos", "goos = [\"darwin\", \"linux\", \"windows\"]"),
    required("goarch", "goarch = [\"amd64\", \"arm64\"]"),
    required("toolchains", "toolchains = [\"go1.24.1\", \"rust1.95.0\"]"),
    optional("sampling", "[sampling]"),
    optional("project", "[project]"),
    optional("retention", "[retention]"),
];
const PROJECT: &[Key] = &[
    required("name", "name = \"gopls and friends\""),
    required("opt_in", "opt_in = \"gotelemetry on\""),
    required("opt_out", "opt_out = \"gotelemetry off\""),
];
const RETENTION: &[Key] = &[
    optional("stack_minimum", "stack_minimum = 3"),
    optional("revoked", "revoked = [\"v0.3.0\"]"),
];
const SAMPLING: &[Key] =
    &[required("confidence", "confidence = 0.99"), required("error", "error = 0.01")];
const PROGRAM: &[Key] = &[
    required("program", "program = \"golang.org/x/tools/gopls\""),
    optional("module", "module = \"golang.org/x/tools/gopls\""),
    optional("versions", "versions = [\"v0.15.0\", \"v0.16.0\"]"),
    optional("population", "population = 250000"),
    optional("padding", "[padding]"),
];
const PADDING: &[Key] = &[
    required("releases", "releases = 6"),
    required("major", "major = 1"),
    required("minor", "minor = 3"),
    required("patch", "patch = 6"),
    required("prerelease", "prerelease = 4"),
];
const CHARTS: &[Key] = &[optional("chart", "[[chart]]")];
const CHART: &[Key] = &[
    required("title", "title = \"Editor distribution\""),
    optional("description", "description = \"Which editors are in use.\""),
    required("issue", "issue = [\"https://go.dev/issue/61038\"]"),
    required("type", "type = \"partition\""),
    required("program", "program = \"golang.org/x/tools/gopls\""),
    required("counter", "counter = \"gopls/client:{vscode,vim,emacs,other}\""),
    optional("version", "version = \"v0.15.0\""),
    optional("error", "error = 0.01"),
    optional("expires", "expires = 2027-06-30"),
    optional("depth", "depth = 16"),
    optional("packages", "packages = [\"golang.org/x/tools\", \"std\"]"),
    optional("over", "over = \"gopls/sessions\""),
];

/// Reads `collection.toml`.
pub fn collection(reader: &mut Reader, file: &DeTable) -> Option<CollectionSettings> {
    let table = reader.open(file, 0, COLLECTION);
    let module = table.string(reader, "module", |text| path(text).map(|_| text.to_owned()));
    let platform = |text: &str| plain(text, |b| b.is_ascii_lowercase() || b.is_ascii_digit());
    let goos = table.strings(reader, "goos", platform);
    let goarch = table.strings(reader, "goarch", platform);
    let toolchains = table.strings(reader, "toolchains", |text| {
        plain(text, |b| b.is_ascii_alphanumeric() || b".-_+".contains(&b))
    });
    let sampling = match subtable(reader, &table, "sampling", SAMPLING) {
        None => None,
        Some(sampling) => {
            let confidence = sampling.number(reader, "confidence", proportion("confidence"));
            let error = sampling.number(reader, "error", proportion("error"));
            Some(Sampling { confidence: confidence?, error: error? })
        }
    };
    let project = match subtable(reader, &table, "project", PROJECT) {
        None => None,
        Some(project) => {
            let texts = ["name", "opt_in", "opt_out"];
            let [name, opt_in, opt_out] = texts.map(|key| project.string(reader, key, one_line));
            Some(ProjectSettings { name: name?, opt_in: opt_in?, opt_out: opt_out? })
        }
    };
    let retention = match subtable(reader, &table, "retention", RETENTION) {
        None if table.get("retention").is_some() => None,
        None => Some(RetentionSettings::default()),
        Some(retention) => read_retention(reader, &retention),
    };
    Some(CollectionSettings {
        module: module?,
        goos: goos?,
        goarch: goarch?,
        toolchains: toolchains?,
        sampling,
        project,
        retention: retention?,
    })
}

/// Reads `[retention]`; `None` where anything in it is wrong.
fn read_retention(reader: &mut Reader, table: &Table) -> Option<RetentionSettings> {
    let minimum =
        table.integer(reader, "stack_minimum", 1, u64::from(MAX_STACK_MINIMUM)).map(|minimum| {
            let At { value, place } = minimum;
            let value = u32::try_from(value).ok().and_then(NonZeroU32::new)?;
            Some(At { value, place })
        });
    let revoked = table.strings(reader, "revoked", |text| {
        config_number(text).ok_or_else(|| {
            let message = format!("{text:?} is not a version of a config");
            Problem::new(message, "write it like `v0.3.0`: what changes is the middle number alone")
        })
    });
    let wrong = |key: &str, is_read: bool| table.get(key).is_some() && !is_read;
    if wrong("stack_minimum", minimum.is_some()) || wrong("revoked", revoked.is_some()) {
        return None;
    }
    if let Some(Some(one)) =
        minimum.as_ref().filter(|read| read.as_ref().is_some_and(|m| m.get() == 1))
    {
        let message = "every stack is public, even one that a single installation reported";
        let help = "a person may be known by such a stack; write `stack_minimum = 3`, or say on the \
                    project's pages why each is needed";
        reader.warning_at(&one.place, message, help);
    }
    Some(RetentionSettings {
        stack_minimum: minimum.flatten(),
        revoked: revoked.unwrap_or_default(),
    })
}

/// N of `v0.N.0`, the only form that a config's version has.
fn config_number(text: &str) -> Option<NonZeroU64> {
    let digits = text.strip_prefix("v0.")?.strip_suffix(".0")?;
    let is_number = digits.bytes().all(|b| b.is_ascii_digit()) && !digits.starts_with('0');
    // A log has at most as many entries as Go counts in an int64.
    let number: NonZeroU64 = digits.parse().ok().filter(|_| is_number)?;
    (number.get() <= i64::MAX as u64).then_some(number)
}

/// Reads a file of `programs/`.
pub fn program(reader: &mut Reader, file: &DeTable) -> Option<Program> {
    let table = reader.open(file, 0, PROGRAM);
    let program = table.string(reader, "program", path);
    let module = table.string(reader, "module", path);
    let versions = match &program {
        // Which kind of version is meant only the program tells.
        None => None,
        Some(program) => table.strings(reader, "versions", version_of(program)),
    };
    let population = table.integer(reader, "population", 1, i64::MAX as u64);
    let padding = subtable(reader, &table, "padding", PADDING).map(|padding| {
        let mut count = |key| padding.integer(reader, key, 0, MAX_PADDING).map(|n| n.value);
        let counts = ["releases", "major", "minor", "patch", "prerelease"].map(&mut count);
        let [releases, major, minor, patch, prerelease] = counts;
        Some(Padding {
            releases: releases?,
            major: major?,
            minor: minor?,
            patch: patch?,
            prerelease: prerelease?,
        })
    });
    let listed = table.get("versions").is_some();
    let program = program?;
    match &module {
        Some(module) if !program.is_within(module) => {
            let message =
                format!("the module `{}` is not a prefix of the program's path", module.value);
            let help = format!("name the module that the package `{}` is in", program.value);
            reader.error_at(&module.place, message, help);
        }
        None if table.get("module").is_none() && !program.is_toolchain() => {
            let help = "add a line like `module = \"golang.org/x/tools/gopls\"`";
            reader.error_at(&program.place, "there is no `module`", help);
        }
        _ => {}
    }
    if !program.is_toolchain() && !listed && table.get("padding").is_none() {
        let help = "add `versions = [\"v0.15.0\"]`, or `[padding]` for versions to come";
        reader.error_at(&program.place, "no version of this program may report", help);
    }
    if let (true, Some(padding)) = (program.is_toolchain(), table.get("padding")) {
        let help = "remove it: these are versions of the Go toolchain, listed in collection.toml";
        reader.error(padding.span().start, "a `cmd/...` program has no `[padding]`", help);
    }
    let population = population
        .map(|At { value, place }| NonZeroU64::new(value).map(|value| At { value, place }));
    Some(Program {
        program,
        module,
        versions: if listed { Some(versions?) } else { None },
        population: population.flatten(),
        padding: padding.flatten(),
    })
}

/// Reads a file of `charts/`: the charts that are whole, in order.
pub fn charts(reader: &mut Reader, file: &DeTable) -> Vec<Chart> {
    let table = reader.open(file, 0, CHARTS);
    let Some(value) = table.get("chart") else { return Vec::new() };
    let DeValue::Array(array) = value.get_ref() else {
        reader.error(value.span().start, "`chart` is not a list", "begin each with `[[chart]]`");
        return Vec::new();
    };
    array.iter().filter_map(|element| chart(reader, element)).collect()
}

fn chart(reader: &mut Reader, element: &Spanned<DeValue>) -> Option<Chart> {
    let start = element.span().start;
    let DeValue::Table(inner) = element.get_ref() else {
        reader.error(start, "a chart is a table", "begin it with `[[chart]]`");
        return None;
    };
    let table = reader.open(inner, start, CHART);
    let title = table.string(reader, "title", title);
    let description = table.string(reader, "description", |text| Ok(text.to_owned()));
    let issue = table.strings(reader, "issue", link);
    let program = table.string(reader, "program", path);
    let counter = table.string(reader, "counter", expression);
    let version = match &program {
        None => None,
        Some(program) => table.string(reader, "version", version_of(program)),
    };
    let error = table.number(reader, "error", proportion("error"));
    let expires = day(reader, &table, "expires");
    let kind = kind(reader, &table, start);
    Some(Chart {
        place: reader.text.place(start),
        title: title?,
        description,
        issue: issue?,
        kind: kind?,
        program: program?,
        counter: counter?,
        version,
        error,
        expires,
    })
}

/// Reads `type`, and the keys that only some types have.
fn kind(reader: &mut Reader, table: &Table, start: usize) -> Option<ChartKind> {
    let name = table.string(reader, "type", |text| match text {
        "partition" | "histogram" | "timeseries" | "ratio" | "stack" => Ok(text.to_owned()),
        _ => Err(Problem::new(
            format!("there is no chart type {text:?}"),
            "the types are partition, histogram, timeseries, ratio and stack",
        )),
    });
    let depth = table.integer(reader, "depth", 1, u64::from(MAX_DEPTH));
    let packages = table.strings(reader, "packages", path);
    let over = table.string(reader, "over", |text| {
        let over = expression(text)?;
        if over.is_group() {
            let message = "`over` must be one counter, and this is a group";
            return Err(Problem::new(message, "name the one counter to divide by"));
        }
        Ok(over)
    });
    let name = name?;
    for (key, owner) in [("depth", "stack"), ("packages", "stack"), ("over", "ratio")] {
        match table.get(key) {
            Some(value) if name.value != owner => {
                let message = format!("only {owner} charts have `{key}`");
                let help = format!("remove it, or write `type = \"{owner}\"`");
                reader.error(value.span().start, message, help);
            }
            None if key != "packages" && name.value == owner && reader.is_whole() => {
                let help = match key {
                    "depth" => "add `depth = 16`: the most frames to collect of a stack",
                    _ => "add `over = \"...\"`: the counter to divide by",
                };
                reader.error(start, format!("a {owner} chart has no `{key}`"), help);
            }
            _ => {}
        }
    }
    Some(match name.value.as_str() {
        "partition" => ChartKind::Partition,
        "histogram" => ChartKind::Histogram,
        "timeseries" => ChartKind::Timeseries,
        "ratio" => ChartKind::Ratio { over: over? },
        _ => {
            let At { value, place } = depth?;
            let packages = match table.get("packages") {
                Some(_) => packages?,
                None => Vec::new(),
            };
            ChartKind::Stack { depth: At { value: u32::try_from(value).ok()?, place }, packages }
        }
    })
}

fn subtable<'t>(
    reader: &mut Reader,
    table: &Table<'t>,
    key: &str,
    keys: &'static [Key],
) -> Option<Table<'t>> {
    let value = table.get(key)?;
    match value.get_ref() {
        DeValue::Table(inner) => Some(reader.open(inner, value.span().start, keys)),
        _ => {
            table.wrong_type(reader, key, "a table");
            None
        }
    }
}

/// A date without a time.
fn day(reader: &mut Reader, table: &Table, key: &str) -> Option<At<Date>> {
    let value = table.get(key)?;
    let date = match value.get_ref() {
        DeValue::Datetime(written) if written.time.is_none() => written.date,
        _ => None,
    };
    let Some(date) = date else {
        table.wrong_type(reader, key, "a date without a time and without quotes");
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
    date.map(|date| At { value: date, place: reader.text.place(value.span().start) })
}

/// A short text that people read on the site, or type.
fn one_line(text: &str) -> Result<String, Problem> {
    if text.trim().is_empty() {
        return Err(Problem::new("the text is empty", "write what users are to read"));
    }
    if text.chars().count() > MAX_TITLE || text.contains(is_unfit) {
        let message = format!(
            "the text is longer than {MAX_TITLE} characters, or has one that cannot be seen"
        );
        return Err(Problem::new(message, "write it on one short line"));
    }
    Ok(text.to_owned())
}

pub(super) fn title(text: &str) -> Result<String, Problem> {
    if text.trim().is_empty() {
        return Err(Problem::new("the title is empty", "say in a few words what the chart shows"));
    }
    if text.chars().count() > MAX_TITLE {
        let message = format!("the title is longer than {MAX_TITLE} characters");
        return Err(Problem::new(message, "move the details to `description`"));
    }
    if text.contains(char::is_control) {
        let message = "the title has a line break or another control character";
        return Err(Problem::new(message, "write it on one line"));
    }
    Ok(text.to_owned())
}

pub(super) fn link(text: &str) -> Result<String, Problem> {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let good = rest.is_some_and(|rest| {
        !rest.is_empty()
            && !rest.starts_with('/')
            && rest.bytes().all(|b| b.is_ascii_graphic() && !b"\"<>\\^`{|}".contains(&b))
    });
    if good {
        Ok(text.to_owned())
    } else {
        let help = "write the address of the discussion, like `https://go.dev/issue/61038`";
        Err(Problem::new(format!("{text:?} is not a link"), help))
    }
}

pub(super) fn path(text: &str) -> Result<ProgramPath, Problem> {
    ProgramPath::parse(text).ok_or_else(|| {
        let help = "write a path like `golang.org/x/tools/gopls`: letters, digits and -._~+ \
                    between single slashes";
        Problem::new(format!("{text:?} is not a path"), help)
    })
}

fn plain(text: &str, allowed: impl Fn(u8) -> bool) -> Result<String, Problem> {
    if !text.is_empty() && text.len() <= 100 && text.bytes().all(allowed) {
        Ok(text.to_owned())
    } else {
        Err(Problem::new(format!("{text:?} cannot be such a name"), "write a plain name"))
    }
}

pub(super) fn expression(text: &str) -> Result<CounterExpression, Problem> {
    CounterExpression::parse(text).map_err(|error| Problem {
        message: error.message,
        help: error.help,
        offset: Some(error.offset),
    })
}

pub(super) fn version_of(program: &ProgramPath) -> impl Fn(&str) -> Result<Version, Problem> {
    |text| {
        program.parse_version(text).ok_or_else(|| {
            if program.is_toolchain() {
                let message = format!("{text:?} is not a Go version");
                Problem::new(message, "write it like `go1.23.4` or `go1.23rc1`")
            } else {
                let message = format!("{text:?} is not a semantic version");
                Problem::new(message, "write it like `v1.2.3` or `v1.2.3-pre.1`")
            }
        })
    }
}

fn proportion(key: &str) -> impl Fn(f64) -> Result<Proportion, Problem> {
    move |number| {
        Proportion::new(number).ok_or_else(|| {
            let example = if key == "confidence" { "0.99" } else { "0.01" };
            let message = format!("`{key}` must lie between 0 and 1");
            Problem::new(message, format!("write it like `{key} = {example}`"))
        })
    }
}
