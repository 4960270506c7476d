//! The keys of a file of `charts/`.

use super::value::{expression, link, path, proportion, title, version_of};
use crate::charts::definition::{Chart, ChartKind};
use crate::charts::location::At;
use crate::charts::table::{Key, Problem, Reader, Table};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// The deepest stack that a chart may ask for.
const MAX_DEPTH: u32 = 128;

const CHARTS: &[Key] = &[Key::optional("chart", "[[chart]]")];
const CHART: &[Key] = &[
    Key::required("title", "title = \"Editor distribution\""),
    Key::optional("description", "description = \"Which editors are in use.\""),
    Key::required("issue", "issue = [\"https://go.dev/issue/61038\"]"),
    Key::required("type", "type = \"partition\""),
    Key::required("program", "program = \"golang.org/x/tools/gopls\""),
    Key::required("counter", "counter = \"gopls/client:{vscode,vim,emacs,other}\""),
    Key::optional("version", "version = \"v0.15.0\""),
    Key::optional("error", "error = 0.01"),
    Key::optional("expires", "expires = 2027-06-30"),
    Key::optional("depth", "depth = 16"),
    Key::optional("packages", "packages = [\"golang.org/x/tools\", \"std\"]"),
    Key::optional("over", "over = \"gopls/sessions\""),
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
            let message = "`over` must be one counter, not a group";
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
            let At { value, location } = depth?;
            let packages = match table.get("packages") {
                Some(_) => packages?,
                None => Vec::new(),
            };
            ChartKind::Stack { depth: At { value: u32::try_from(value).ok()?, location }, packages }
        }
    })
}
