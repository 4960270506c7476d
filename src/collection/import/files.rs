//! The files of an imported charts folder, written so that people can review them.

use super::gathered::{Chart, Program, Programs, likely_module, named_module};
use crate::charts::format;
use crate::charts::record::Field;
use crate::charts::version::{GoVersion, SemanticVersion};
use crate::collection::config::CollectionConfig;
use std::collections::{BTreeSet, HashSet};

/// A file, and the records that its lines came from.
#[derive(Debug)]
pub struct WrittenFile {
    pub path: String,
    pub text: String,
    /// How many lines the text has.
    lines: u32,
    /// Lines of the file at which another record begins, each with that record's line.
    records: Vec<(u32, u32)>,
}

impl WrittenFile {
    fn new(path: String) -> WrittenFile {
        WrittenFile { path, text: String::new(), lines: 0, records: Vec::new() }
    }

    /// Adds text that came from a line of the records.
    fn add(&mut self, text: &str, line: u32) {
        self.records.push((self.lines + 1, line));
        self.lines += u32::try_from(text.matches('\n').count()).unwrap_or(u32::MAX);
        self.text += text;
    }

    /// The line of the records that a line of this file came from.
    pub fn record_of(&self, line: u32) -> Option<u32> {
        let before = self.records.partition_point(|(start, _)| *start <= line);
        self.records.get(before.checked_sub(1)?).map(|(_, record)| *record)
    }
}

/// Writes `collection.toml` and, for each program that has charts, two files.
pub fn write(
    module: &str,
    programs: &Programs,
    published: Option<&CollectionConfig>,
) -> Vec<WrittenFile> {
    let collection = match published {
        Some(config) => write_collection(module, programs, config),
        None => write_collection(module, programs, &placeholders(programs)),
    };
    let mut files =
        vec![WrittenFile { text: collection, ..WrittenFile::new("collection.toml".into()) }];
    let mut taken = HashSet::new();
    for (name, program) in programs.iter().filter(|(_, program)| !program.charts.is_empty()) {
        let file = file_name(name, &mut taken);
        files.push(write_program(format!("programs/{file}.toml"), name, program));
        files.push(write_charts(format!("charts/{file}.toml"), program));
    }
    files
}

/// Platforms and toolchains to start with, if no published config is given.
fn placeholders(programs: &Programs) -> CollectionConfig {
    let strings = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    let tools = programs.iter().filter(|(name, _)| name.starts_with("cmd/"));
    let versions = tools.flat_map(|(_, program)| named_versions(program));
    let toolchains: BTreeSet<GoVersion> = versions.filter_map(GoVersion::parse).collect();
    let mut go_version: Vec<String> =
        toolchains.iter().map(|version| version.as_str().to_owned()).collect();
    if go_version.is_empty() {
        go_version.push("go1.24.1".into());
    }
    CollectionConfig {
        goos: strings(&["darwin", "linux", "windows"]),
        goarch: strings(&["amd64", "arm64"]),
        go_version,
        ..CollectionConfig::default()
    }
}

fn write_collection(module: &str, programs: &Programs, config: &CollectionConfig) -> String {
    let list = |key, values: &[String]| {
        let values: Vec<_> = values.iter().map(|value| (value.as_str(), None)).collect();
        format::list(key, &values)
    };
    let mut text = format::line("module", &format::string(module), None);
    text += &list("goos", &config.goos);
    text += &list("goarch", &config.goarch);
    text += &list("toolchains", &config.go_version);
    let mut charts = programs.values().flat_map(|program| &program.charts);
    if charts.any(|chart| chart.record.error.is_some()) {
        text += "\n[sampling]\n";
        text += &format::line("confidence", &format::number(0.99), None);
        text += &format::line("error", &format::number(0.01), None);
    }
    text
}

fn write_program(path: String, name: &str, program: &Program) -> WrittenFile {
    let mut text = format::line("program", &format::string(name), None);
    match named_module(program) {
        Some(module) => text += &string("module", module),
        None if name.starts_with("cmd/") => {}
        None => text += &format::line("module", &format::string(likely_module(name)), None),
    }
    let placeholder = || {
        let named: BTreeSet<SemanticVersion> =
            named_versions(program).filter_map(SemanticVersion::parse).collect();
        let named: Vec<String> = named.iter().map(|version| version.as_str().to_owned()).collect();
        if named.is_empty() { vec!["v0.1.0".to_owned()] } else { named }
    };
    let versions = match &program.versions {
        None if name.starts_with("cmd/") => None,
        None => Some(placeholder()),
        listed => listed.clone(),
    };
    if let Some(versions) = versions {
        let versions: Vec<_> = versions.iter().map(|version| (version.as_str(), None)).collect();
        text += &format::list("versions", &versions);
    }
    let line = program.charts.first().map_or(1, |chart| chart.record.line);
    let mut file = WrittenFile::new(path);
    file.add(&text, line);
    file
}

fn write_charts(path: String, program: &Program) -> WrittenFile {
    let mut file = WrittenFile::new(path);
    for chart in &program.charts {
        if !file.text.is_empty() {
            file.add("\n", chart.record.line);
        }
        write_chart(&mut file, chart);
    }
    file
}

fn write_chart(file: &mut WrittenFile, chart: &Chart) {
    let record = chart.record;
    file.add("[[chart]]\n", record.line);
    let optional = |file: &mut WrittenFile, key, field: &Option<Field>| {
        if let Some(field) = field {
            file.add(&string(key, field), field.line);
        }
    };
    optional(file, "title", &record.title);
    optional(file, "description", &record.description);
    if let Some(first) = record.issue.first() {
        let issues = record.issue.iter();
        let issues: Vec<_> =
            issues.map(|issue| (issue.value.as_str(), issue.comment.as_deref())).collect();
        file.add(&format::list("issue", &issues), first.line);
    }
    if let Some(kind) = &record.kind {
        let value = match (chart.depth, kind.value.as_str()) {
            (Some(_), "partition") => "stack",
            (None, "stack") => "partition",
            (_, value) => value,
        };
        let line = format::line("type", &format::string(value), kind.comment.as_deref());
        file.add(&line, kind.line);
    }
    optional(file, "program", &record.program);
    let counter = chart.counter;
    let expression = format::counter("counter", chart.expression(), counter.comment.as_deref());
    file.add(&expression, counter.line);
    optional(file, "version", &record.version);
    if let Some(error) = &record.error {
        let number = format::number(error.value);
        file.add(&format::line("error", &number, error.comment.as_deref()), error.line);
    }
    if let Some(depth) = chart.depth {
        let written = record.depth.as_ref();
        let comment = written.and_then(|depth| depth.comment.as_deref());
        let line = written.map_or(record.line, |depth| depth.line);
        file.add(&format::line("depth", &depth.to_string(), comment), line);
    }
}

fn string(key: &str, field: &Field) -> String {
    format::line(key, &format::string(&field.value), field.comment.as_deref())
}

/// The versions that a program's records name.
fn named_versions<'p>(program: &'p Program) -> impl Iterator<Item = &'p str> {
    program.charts.iter().filter_map(|chart| Some(chart.record.version.as_ref()?.value.as_str()))
}

/// A name for the files of a program: as much of the end of its path as makes it unique, even on file
/// systems that ignore case.
fn file_name(program: &str, taken: &mut HashSet<String>) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let elements: Vec<String> = program
        .split('/')
        .map(|element| element.replace(|c| !plain(c), "_").trim_matches('.').to_owned())
        .filter(|element| !element.is_empty())
        .collect();
    let suffixes = (0..elements.len()).rev().filter_map(|start| elements.get(start..));
    let numbered = (2_u32..).map(|number| format!("{}-{number}", elements.join("-")));
    let mut names = suffixes.map(|suffix| suffix.join("-")).chain(numbered);
    names.find(|name| taken.insert(name.to_lowercase())).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_names_tell_programs_apart() {
        let mut taken = HashSet::new();
        let mut name = |program| file_name(program, &mut taken);
        assert_eq!(name("golang.org/x/tools/gopls"), "gopls");
        assert_eq!(name("example.org/Gopls"), "example.org-Gopls");
        assert_eq!(name("example.org/cmd/Gopls"), "cmd-Gopls");
        assert_eq!(name("a-b/c"), "c");
        assert_eq!(name("b/c"), "b-c");
        assert_eq!(name("a/b-c"), "a-b-c");
        assert_eq!(name("a b/../c"), "a_b-c");
        assert_eq!(name("b/c"), "b-c-2");
    }
}
