//! The keys of `collection.toml`.

use super::program::MAX_PADDING;
use super::value::{contact, home_page, one_line, path, plain, proportion};
use crate::charts::definition::{
    CollectionSettings, ProjectSettings, RetentionSettings, Sampling, ToolchainPadding,
};
use crate::charts::location::At;
use crate::charts::table::{Key, Problem, Reader, Shape, Table};
use std::num::{NonZeroU32, NonZeroU64};
use toml::de::DeTable;

/// The largest `stack_minimum`: no stack of any program would ever reach more.
const MAX_STACK_MINIMUM: u32 = 1_000_000;

pub(super) const COLLECTION: &[Key] = &[
    Key::required(
        "module",
        Shape::Text,
        "module = \"telemetry.example.org/config\"",
        "The Go module in which programs download their config, as `candor init --module` named it.",
    ),
    Key::required(
        "goos",
        Shape::Texts,
        "goos = [\"darwin\", \"linux\", \"windows\"]",
        "The operating systems that may report, by Go's names: darwin is macOS.",
    ),
    Key::required(
        "goarch",
        Shape::Texts,
        "goarch = [\"amd64\", \"arm64\"]",
        "The architectures that may report, by Go's names: amd64 is x86-64, arm64 is AArch64.",
    ),
    Key::required(
        "toolchains",
        Shape::Texts,
        "toolchains = [\"go1.24.1\", \"rust1.95.0\"]",
        "The compilers whose programs may report, with their versions in full. `candor versions` adds new ones.",
    ),
    Key::optional(
        "sampling",
        Shape::Table(SAMPLING),
        "[sampling]",
        "How precise a share has to be, and so how many reports are asked for. Without it, everyone reports.",
    ),
    Key::optional(
        "project",
        Shape::Table(PROJECT),
        "[project]",
        "What the site tells people. Not in the config.",
    ),
    Key::optional(
        "retention",
        Shape::Table(RETENTION),
        "[retention]",
        "What is shown of rare stacks, and which configs have ended.",
    ),
    Key::optional(
        "padding",
        Shape::Table(PADDING),
        "[padding]",
        "Compilers that are allowed in advance, so that a new one silences nobody.",
    ),
];
const PADDING: &[Key] = &[
    Key::required("minor", PADDED, "minor = 1", "How many new series: go1.27, rust1.96."),
    Key::required("patch", PADDED, "patch = 3", "How many new patch releases of each series."),
    Key::required(
        "prerelease",
        PADDED,
        "prerelease = 2",
        "How many release candidates of a new series: go1.27rc1.",
    ),
    Key::optional(
        "series",
        PADDED,
        "series = 2",
        "How many of the latest series get new patch releases: 2 by default.",
    ),
];
const PADDED: Shape = Shape::Whole(0, MAX_PADDING);
const PROJECT: &[Key] = &[
    Key::required(
        "name",
        Shape::Text,
        "name = \"gopls and friends\"",
        "The project's name, as people say it.",
    ),
    Key::required(
        "opt_in",
        Shape::Text,
        "opt_in = \"gotelemetry on\"",
        "The command with which its users opt in.",
    ),
    Key::required(
        "opt_out",
        Shape::Text,
        "opt_out = \"gotelemetry off\"",
        "The command with which they opt out again.",
    ),
    Key::optional(
        "home_page",
        Shape::Text,
        "home_page = \"https://example.org\"",
        "The project's own site.",
    ),
    Key::optional(
        "contact",
        Shape::Text,
        "contact = \"telemetry@example.org\"",
        "Who answers questions: an email address or a link.",
    ),
    Key::optional(
        "licence",
        Shape::Text,
        "licence = \"CC0-1.0\"",
        "The licence of the public data.",
    ),
];
const RETENTION: &[Key] = &[
    Key::optional(
        "stack_minimum",
        Shape::Whole(1, MAX_STACK_MINIMUM as u64),
        "stack_minimum = 3",
        "From how many reports of a week on a stack is shown. Rarer ones are only counted.",
    ),
    Key::optional(
        "revoked",
        Shape::Texts,
        "revoked = [\"v0.3.0\"]",
        "Configs whose reports are refused from now on.",
    ),
];
const SAMPLING: &[Key] = &[
    Key::required(
        "confidence",
        Shape::Between(0.0, 1.0),
        "confidence = 0.99",
        "The probability that a share is within the error.",
    ),
    Key::required(
        "error",
        Shape::Between(0.0, 1.0),
        "error = 0.01",
        "How far a share may be off. 0.01 at 0.99 takes 16,588 reports; 0.02 a quarter of them.",
    ),
];

/// Reads `collection.toml`.
pub(in crate::charts) fn collection(
    reader: &mut Reader,
    file: &DeTable,
) -> Option<CollectionSettings> {
    let table = reader.open(file, 0, COLLECTION);
    let module = table.string(reader, "module", |text| path(text).map(|_| text.to_owned()));
    let platform = |text: &str| plain(text, |b| b.is_ascii_lowercase() || b.is_ascii_digit());
    let goos = table.strings(reader, "goos", platform);
    let goarch = table.strings(reader, "goarch", platform);
    let toolchains = table.strings(reader, "toolchains", |text| {
        plain(text, |b| b.is_ascii_alphanumeric() || b".-_+".contains(&b))
    });
    let sampling = match table.subtable(reader, "sampling") {
        None => None,
        Some(sampling) => {
            let confidence = sampling.number(reader, "confidence", proportion("confidence"));
            let error = sampling.number(reader, "error", proportion("error"));
            Some(Sampling { confidence: confidence?, error: error? })
        }
    };
    let project = match table.subtable(reader, "project") {
        None => None,
        Some(project) => {
            let texts = ["name", "opt_in", "opt_out", "licence"];
            let [name, opt_in, opt_out, licence] =
                texts.map(|key| project.string(reader, key, one_line));
            let home_page = project.string(reader, "home_page", home_page);
            let contact = project.string(reader, "contact", contact);
            let (name, opt_in, opt_out) = (name?, opt_in?, opt_out?);
            Some(ProjectSettings { name, opt_in, opt_out, home_page, contact, licence })
        }
    };
    let retention = match table.subtable(reader, "retention") {
        None if table.get("retention").is_some() => None,
        None => Some(RetentionSettings::default()),
        Some(retention) => read_retention(reader, &retention),
    };
    let padding = match table.subtable(reader, "padding") {
        None if table.get("padding").is_some() => None,
        None => Some(None),
        Some(padding) => {
            let location = table.get("padding").map(|at| reader.text.location(at.span().start));
            read_padding(reader, &padding)
                .zip(location)
                .map(|(value, location)| Some(At { value, location }))
        }
    };
    Some(CollectionSettings {
        module: module?,
        goos: goos?,
        goarch: goarch?,
        toolchains: toolchains?,
        padding: padding?,
        sampling,
        project,
        retention: retention?,
    })
}

/// Reads `[padding]`; `None` where anything in it is wrong.
fn read_padding(reader: &mut Reader, table: &Table) -> Option<ToolchainPadding> {
    let mut count = |key| table.integer(reader, key).map(|count| count.value);
    let [minor, patch, prerelease] = ["minor", "patch", "prerelease"].map(&mut count);
    let series = match table.get("series") {
        None => Some(2),
        Some(_) => count("series"),
    };
    Some(ToolchainPadding {
        minor: minor?,
        patch: patch?,
        prerelease: prerelease?,
        series: series?,
    })
}

/// Reads `[retention]`; `None` where anything in it is wrong.
fn read_retention(reader: &mut Reader, table: &Table) -> Option<RetentionSettings> {
    let minimum = table.integer(reader, "stack_minimum").map(|minimum| {
        let At { value, location } = minimum;
        let value = u32::try_from(value).ok().and_then(NonZeroU32::new)?;
        Some(At { value, location })
    });
    let revoked = table.strings(reader, "revoked", |text| {
        config_number(text).ok_or_else(|| {
            let message = format!("{text:?} is not a config's version");
            Problem::new(message, "write it like `v0.3.0`: only the middle number changes")
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
        let help = "such a stack may identify a person; write `stack_minimum = 3`, or say on the \
                    project's pages why each is needed";
        reader.warning_at(&one.location, message, help);
    }
    Some(RetentionSettings {
        stack_minimum: minimum.flatten(),
        revoked: revoked.unwrap_or_default(),
    })
}

/// N of `v0.N.0`, the form of every config's version.
fn config_number(text: &str) -> Option<NonZeroU64> {
    let digits = text.strip_prefix("v0.")?.strip_suffix(".0")?;
    let is_number = digits.bytes().all(|b| b.is_ascii_digit()) && !digits.starts_with('0');
    // A log has at most as many entries as Go counts in an int64.
    let number: NonZeroU64 = digits.parse().ok().filter(|_| is_number)?;
    (number.get() <= i64::MAX as u64).then_some(number)
}
