//! The keys of a file of `charts/`.

use super::value::{expression, link, path, proportion, title, version_of};
use crate::charts::definition::{Chart, ChartKind};
use crate::charts::location::At;
use crate::charts::table::{Key, Problem, Reader, Shape, Table};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// The deepest stack that a chart may ask for.
const MAX_DEPTH: u32 = 128;

/// The types of charts.
const TYPES: &[&str] = &["partition", "histogram", "timeseries", "ratio", "stack"];

/// The keys that one type alone has, and whether it must have them.
pub(super) const OF_ONE_TYPE: [(&str, &str, bool); 3] =
    [("depth", "stack", true), ("packages", "stack", false), ("over", "ratio", true)];

pub(super) const CHARTS: &[Key] = &[Key::optional(
    "chart",
    Shape::Tables(CHART),
    "[[chart]]",
    "One question, and what is counted for it.",
)];
pub(super) const CHART: &[Key] = &[
    Key::required(
        "title",
        Shape::Text,
        "title = \"Editor distribution\"",
        "The heading of the chart: the question, in a few words.",
    ),
    Key::optional(
        "description",
        Shape::Text,
        "description = \"Which editors are in use.\"",
        "What the answer decides.",
    ),
    Key::required(
        "issue",
        Shape::Texts,
        "issue = [\"https://go.dev/issue/61038\"]",
        "Where people agreed to ask it: one link or more.",
    ),
    Key::required(
        "type",
        Shape::OneOf(TYPES),
        "type = \"partition\"",
        "partition: shares of installations. histogram: the same, with the buckets in order. timeseries: shares week by \
         week. ratio: one counter over another. stack: call stacks.",
    ),
    Key::required(
        "program",
        Shape::Text,
        "program = \"golang.org/x/tools/gopls\"",
        "The program that counts: the `program` of a file in programs/.",
    ),
    Key::required(
        "counter",
        Shape::Text,
        "counter = \"gopls/client:{vscode,vim,emacs,other}\"",
        "The strings that may be counted: `chart:bucket`, or several buckets in braces. No counter may be in two charts \
         of a program.",
    ),
    Key::optional(
        "version",
        Shape::Text,
        "version = \"v0.15.0\"",
        "The first version of the program that counts it.",
    ),
    Key::optional(
        "error",
        Shape::Between(0.0, 1.0),
        "error = 0.01",
        "How far a share may be off, if not as [sampling] says. It sets the rate of this chart.",
    ),
    Key::optional(
        "expires",
        Shape::Day,
        "expires = 2027-06-30",
        "The last day on which it is collected. After it, the counter leaves the config by itself.",
    ),
    Key::optional(
        "depth",
        Shape::Whole(1, MAX_DEPTH as u64),
        "depth = 16",
        "Of a stack chart: how many frames of a stack may be sent.",
    ),
    Key::optional(
        "packages",
        Shape::Texts,
        "packages = [\"golang.org/x/tools\", \"std\"]",
        "Of a stack chart: the packages whose functions may be named; `std` is the standard library. Frames of others \
         become `(other packages)`.",
    ),
    Key::optional(
        "over",
        Shape::Text,
        "over = \"gopls/sessions\"",
        "Of a ratio chart: the counter to divide by.",
    ),
];

/// Reads a file of `charts/`: the charts without mistakes, in order.
pub(in crate::charts) fn charts(reader: &mut Reader, file: &DeTable) -> Vec<Chart> {
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
    let expires = table.day(reader, "expires");
    let kind = kind(reader, &table, start);
    Some(Chart {
        location: reader.text.location(start),
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
    let name = table.string(reader, "type", |text| match TYPES.contains(&text) {
        true => Ok(text.to_owned()),
        false => Err(Problem::new(
            format!("there is no chart type {text:?}"),
            "the types are partition, histogram, timeseries, ratio and stack",
        )),
    });
    let depth = table.integer(reader, "depth");
    let packages = table.strings(reader, "packages", path);
    let over = table.string(reader, "over", |text| {
        let over = expression(text)?;
        if over.is_group() {
            let message = "`over` must be one counter, not a group";
            return Err(Problem::new(message, "name the one counter to divide by"));
        }
        Ok(over)
    });
    let name = name?;
    for (key, owner, is_needed) in OF_ONE_TYPE {
        match table.get(key) {
            Some(value) if name.value != owner => {
                let message = format!("only {owner} charts have `{key}`");
                let help = format!("remove it, or write `type = \"{owner}\"`");
                reader.error(value.span().start, message, help);
            }
            None if is_needed && name.value == owner && reader.is_whole() => {
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
            let At { value, location } = depth?;
            let packages = match table.get("packages") {
                Some(_) => packages?,
                None => Vec::new(),
            };
            ChartKind::Stack { depth: At { value: u32::try_from(value).ok()?, location }, packages }
        }
    })
}
