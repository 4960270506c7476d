//! A charts folder as the Go project's records: the way back of [`import`](super::import()), so that a project
//! can move either way.
//!
//! What the records have no field for is left out, with a note for each: they know neither expiry nor whose
//! functions a stack may name, no ratios, and nothing about platforms, versions and populations, which Go's
//! tools ask others for.

use crate::charts::comments::comments;
use crate::charts::definition::{Chart, ChartKind};
use crate::charts::diagnostic::{Diagnostic, Severity};
use crate::charts::location::Location;
use crate::charts::text::SourceText;
use crate::charts::{Definitions, Sources};
use crate::count::count;
use std::fmt::Write;

/// The longest counter that is written on one line, in bytes.
const WIDTH: usize = 80;

/// Records made from a charts folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exported {
    /// The text of config.txt.
    pub records: String,
    /// What could not be said in it, in order.
    pub notes: Vec<Diagnostic>,
}

/// Writes definitions as records: file by file in the order of their names, and in a file as they stand there.
/// `sources` are the files that they were read from.
pub fn export(definitions: &Definitions, sources: &Sources) -> Exported {
    let mut exporter = Exporter { records: String::new(), notes: Vec::new() };
    for chart in &definitions.charts {
        exporter.chart(definitions, chart);
    }
    exporter.settings(definitions);
    sources.iter().for_each(|(path, _, bytes)| exporter.comments(path, bytes));
    Exported { records: exporter.records, notes: exporter.notes }
}

struct Exporter {
    records: String,
    notes: Vec<Diagnostic>,
}

impl Exporter {
    fn note(&mut self, at: &Location, message: String) {
        self.notes.push(Diagnostic::at(Severity::Note, at, message));
    }

    fn chart(&mut self, definitions: &Definitions, chart: &Chart) {
        let title = || format!("{:?}", chart.title.value);
        if let ChartKind::Ratio { over } = &chart.kind {
            let message =
                format!("{} is a ratio, which records do not have; it is left out", title());
            return self.note(&over.location, message);
        }
        if !self.records.is_empty() {
            self.records.push_str("---\n");
        }
        self.field("title", &chart.title.value, &chart.title.location);
        if let Some(description) = &chart.description {
            self.field("description", &description.value, &description.location);
        }
        self.plain("type", chart.kind.name());
        for issue in &chart.issue {
            self.link(&issue.value, &issue.location);
        }
        self.plain("program", chart.program.as_str());
        let listed =
            definitions.programs.iter().find(|one| one.program.value == chart.program.value);
        if let Some(module) = listed.and_then(|listed| listed.module.as_ref()) {
            self.plain("module", module.as_str());
        }
        self.counter(chart.counter.as_str());
        if let Some(version) = &chart.version {
            self.plain("version", version.as_str());
        }
        if let ChartKind::Stack { depth, packages } = &chart.kind {
            self.plain("depth", &depth.value.to_string());
            if let Some(first) = packages.first() {
                let message =
                    format!("{}: records do not say whose functions may be named", title());
                self.note(&first.location, message);
            }
        }
        if let Some(error) = &chart.error {
            self.plain("error", &error.get().to_string());
        }
        if let Some(last) = &chart.expires {
            let message =
                format!("{}: records do not expire, and this one would on {}", title(), last.value);
            self.note(&last.location, message);
        }
    }

    /// What files have that is about no chart.
    fn settings(&mut self, definitions: &Definitions) {
        let collection = &definitions.collection.module.location;
        let message = "records do not say which platforms and toolchains report, and how many reports are needed; \
                       this file is left out";
        self.note(collection, message.to_owned());
        for program in &definitions.programs {
            let mut keys = Vec::new();
            for (key, is_there) in [
                ("versions", program.versions.is_some()),
                ("versions_from", program.versions_from.is_some()),
                ("population", program.population.is_some()),
                ("padding", program.padding.is_some()),
            ] {
                if is_there {
                    keys.push(key);
                }
            }
            if !keys.is_empty() {
                let message = format!("records have no {}; left out", keys.join(", "));
                self.note(&program.program.location, message);
            }
        }
        for marginals in &definitions.marginals {
            let message = "records have no marginals; this file is left out".to_owned();
            self.note(&marginals.title.location, message);
        }
        for claims in &definitions.stacks {
            let message = "records have no claims of stacks; this file is left out".to_owned();
            self.note(&claims.program.location, message);
        }
    }

    /// Comments, which are for those who read the files.
    fn comments(&mut self, path: &str, bytes: &[u8]) {
        let Ok(text) = str::from_utf8(bytes) else { return };
        let text = SourceText::new(path, text.to_owned());
        let comments = comments(text.text());
        if let Some(first) = comments.first() {
            let many = count(comments.len(), "comment");
            self.note(&text.location(*first), format!("left out: {many} of this file"));
        }
    }

    /// A field whose value people wrote. A `#` would begin a comment, and a line end the next field: they are left
    /// out.
    fn field(&mut self, key: &str, value: &str, at: &Location) {
        let mut written = String::new();
        for (at, part) in value.split('#').enumerate() {
            let part = part.replace(char::is_control, " ");
            // A number can be said in words.
            let is_number = at > 0
                && part.starts_with(|c: char| c.is_ascii_digit())
                && !written.ends_with(|c: char| !c.is_whitespace());
            written.truncate(if at > 0 { written.trim_end().len() } else { 0 });
            if !written.is_empty() {
                written.push(' ');
            }
            written.push_str(if is_number { "No. " } else { "" });
            written.push_str(if at > 0 { part.trim_start() } else { &part });
        }
        let written = written.trim();
        if written != value.trim() {
            let why = match value.contains('#') {
                true => "a `#` begins a comment in records",
                false => "a field of records is one line",
            };
            self.note(at, format!("the {key} is written as {written:?}, since {why}"));
        }
        if !written.is_empty() {
            self.plain(key, written);
        }
    }

    /// A link, as it is. Go's tools take its fragment for a comment, and importing it does not.
    fn link(&mut self, value: &str, at: &Location) {
        if let Some((_, fragment)) = value.split_once('#') {
            let message = format!(
                "Go's tools read this link without `#{fragment}`, which is a comment to them; `candor import` \
                 reads it whole"
            );
            self.note(at, message);
        }
        self.plain("issue", value);
    }

    fn plain(&mut self, key: &str, value: &str) {
        // Writing to a string does not fail.
        let _ = writeln!(self.records, "{key}: {value}");
    }

    /// A long group has a line for each bucket.
    fn counter(&mut self, expression: &str) {
        match expression.split_once('{') {
            Some((stem, buckets)) if expression.len() > WIDTH => {
                let buckets = buckets.trim_end_matches('}').replace(',', ",\n    ");
                let _ = writeln!(self.records, "counter: {stem}{{\n    {buckets}\n}}");
            }
            _ => self.plain("counter", expression),
        }
    }
}
