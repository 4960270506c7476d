//! The Go project's records to a charts folder.
//!
//! Every record becomes a `[[chart]]`, in order, in one file per program. Platforms, toolchains and
//! program versions are not in the records (Go's tools ask the module proxy for them), and come from the
//! config that Go published. That config then decides what is collected, and compiling the imported
//! folder gives the same bytes. Where the records say more or something else, a note says so, and the
//! difference is left for a reviewed change:
//!
//! - a record that is not published is left out, and so are buckets that are not;
//! - a depth, kind or order that differs is taken as published;
//! - a published counter without a record has no title and no issue, so it is left out.
//!
//! Without a published config, platforms and versions are placeholders that have to be replaced.
//!
//! Older records and configs lack some of what newer ones have. If no record of a program names its
//! module, it is guessed from the path; a counter that two records collect is left out of the second; a
//! config without a sampling rate has rate 1. Each gets a warning.
//!
//! A record of type `stack` without a depth is a mistake: Go's tools collect it as a plain counter. It is
//! imported as what it is, a partition, with a warning.
//!
//! | file | one idea |
//! | --- | --- |
//! | `gathered` | the records sorted by program |
//! | `published` | comparing them with the published config |
//! | `files` | writing the charts folder |
//! | `importer` | the diagnostics found so far |

mod files;
mod gathered;
mod importer;
mod published;

use super::compile;
use super::config::{CollectionConfig, ConfigError};
use super::expand::expand;
use crate::charts::diagnostic::{Diagnostic, Diagnostics, Severity};
use crate::charts::record::{Record, parse_records};
use crate::charts::text::SourceText;
use crate::charts::{Definitions, Sources, parse};
use files::WrittenFile;
use gathered::{Chart, Program, Programs, likely_module, listed, named_module};
use importer::{Importer, at_line};
use jiff::civil::Date;
use std::collections::HashMap;

/// What to import.
#[derive(Debug, Clone, Copy)]
pub struct Import<'a> {
    /// The name of the records' file, for messages.
    pub file: &'a str,
    /// The records.
    pub records: &'a [u8],
    /// The name of the published config's file, and its JSON.
    pub published: Option<(&'a str, &'a [u8])>,
    /// The Go module under which the imported definitions will be published.
    pub module: &'a str,
}

/// A charts folder made from records.
#[derive(Debug, Clone)]
pub struct Imported {
    /// The files: paths relative to the charts folder, and their bytes.
    pub files: Vec<(String, Vec<u8>)>,
    /// The definitions that these files hold.
    pub definitions: Definitions,
    /// What a reviewer should know, in order.
    pub notices: Vec<Diagnostic>,
}

/// Makes a charts folder. Nothing is written; the errors point at the records.
pub fn import(import: &Import) -> Result<Imported, Diagnostics> {
    let records = parse_records(import.file, import.records)?;
    if records.is_empty() {
        let message = "there are no records in it";
        let help = "a record has lines like `title: ...`, `program: ...` and `counter: ...`, and \
                    `---` stands alone between records";
        let diagnostic = Diagnostic::file(Severity::Error, import.file, message);
        return Err(diagnostic.with_help(help).into());
    }
    let mut found = Vec::new();
    let published = match import.published {
        Some((file, json)) => Some(read_published(file, json, &mut found).map_err(|error| {
            Diagnostic::file(Severity::Error, file, error.to_string())
                .with_help("name the config.json that was published from these records")
        })?),
        None => None,
    };
    let text = SourceText::new(import.file, String::from_utf8_lossy(import.records).into_owned());
    let mut importer = Importer { text: &text, found };
    let mut programs = importer.gather(&records);
    match (&published, import.published) {
        (Some(config), Some((file, _))) => {
            importer.reconcile(&mut programs, config, file);
            if !importer.failed() && programs.values().all(|program| program.charts.is_empty()) {
                let message = format!("nothing that its records ask for is in {file}");
                let help = "name the config.json that was published from these records, or import \
                            without one";
                let diagnostic = Diagnostic::file(Severity::Error, import.file, message);
                return Err(diagnostic.with_help(help).into());
            }
        }
        _ => importer.note_placeholders(&programs),
    }
    importer.leave_out_what_is_collected_twice(&mut programs);
    importer.warn_of_missing_modules(&programs);
    let files = files::write(import.module, &programs, published.as_ref());
    let sources: Vec<(String, Vec<u8>)> =
        files.iter().map(|file| (file.path.clone(), file.text.clone().into_bytes())).collect();
    let parsed = parse(&Sources::from_files(sources.clone()));
    match (parsed, importer.failed()) {
        (Ok(definitions), false) => {
            if let Some((file, json)) = import.published {
                importer.compare(&definitions, file, json);
            }
            let notices = Diagnostics::new(importer.found).into_iter().flatten().collect();
            Ok(Imported { files: sources, definitions, notices })
        }
        (parsed, _) => {
            let errors = parsed.err().into_iter().flatten();
            importer.found.retain(|one| one.severity == Severity::Error);
            let errors = errors.map(|error| in_records(&text, error, &files));
            let found = importer.found.into_iter().chain(errors).collect();
            Err(Diagnostics::new(found).unwrap_or_else(|| {
                // There is at least one error, so this is not reached.
                Diagnostic::file(Severity::Error, import.file, "nothing was imported").into()
            }))
        }
    }
}

/// Reads a published config. Go's first ones had no `SampleRate`.
fn read_published(
    file: &str,
    json: &[u8],
    found: &mut Vec<Diagnostic>,
) -> Result<CollectionConfig, ConfigError> {
    let mut fields: serde_json::Map<String, serde_json::Value> = match serde_json::from_slice(json)
    {
        Ok(fields) => fields,
        Err(_) => return CollectionConfig::from_json(json),
    };
    if fields.contains_key("SampleRate") || !fields.contains_key("Programs") {
        return CollectionConfig::from_json(json);
    }
    fields.insert("SampleRate".to_owned(), 1.into());
    let message = "there is no SampleRate in it, and 1 is imported: every report is sent";
    let help = "the compiled config has `\"SampleRate\": 1`, so its bytes differ from this file";
    found.push(Diagnostic::file(Severity::Warning, file, message).with_help(help));
    CollectionConfig::from_json(&serde_json::to_vec(&fields)?)
}

impl Importer<'_> {
    /// Sorts the records by their programs.
    fn gather<'r>(&mut self, records: &'r [Record]) -> Programs<'r> {
        let mut programs = Programs::new();
        for record in records {
            let (Some(program), Some(counter)) = (&record.program, &record.counter) else {
                let message = "the record has no program or no counter".to_owned();
                self.report(Severity::Error, record.line, message, "add `program:` and `counter:`");
                continue;
            };
            let depth = record.depth.as_ref().map(|depth| depth.value).filter(|depth| *depth != 0);
            match &record.kind {
                Some(kind) if kind.value == "stack" && depth.is_none() => {
                    let message = format!(
                        "`{}` is of type stack but has no depth, so what is collected is a plain \
                         counter",
                        counter.value
                    );
                    let help = "it is imported as a partition; correct the record";
                    self.report(Severity::Warning, kind.line, message, help);
                }
                _ => {}
            }
            if let Some(version) = record.version.as_ref().filter(|first| first.value == "devel") {
                let message = "the first version that counts is `devel`: only builds that are not \
                               releases are counted";
                let help = "name a release in `version:`, or remove the line to count all versions";
                self.report(Severity::Warning, version.line, message.to_owned(), help);
            }
            let charts = Program { charts: Vec::new(), versions: None };
            let program = programs.entry(&program.value).or_insert(charts);
            program.charts.push(Chart { record, counter, published: None, depth, position: 0 });
        }
        programs
    }

    /// Leaves out of later charts of a program what earlier ones collect: definitions may not collect
    /// anything twice, and it was never intended.
    fn leave_out_what_is_collected_twice(&mut self, programs: &mut Programs) {
        for (name, program) in programs.iter_mut() {
            let mut owners: HashMap<String, u32> = HashMap::new();
            let mut kept = Vec::new();
            for mut chart in program.charts.drain(..) {
                let line = chart.counter.line;
                let names: Vec<String> = expand(chart.expression()).collect();
                let (twice, once): (Vec<String>, Vec<String>) =
                    names.into_iter().partition(|name| owners.contains_key(name));
                let first = twice.first().and_then(|name| owners.get(name)).copied();
                owners.extend(once.iter().map(|name| (name.clone(), line)));
                if let Some(first) = first {
                    let message = format!(
                        "{} of `{name}` is collected twice: here and in line {first}; it is left \
                         out here",
                        listed(&twice)
                    );
                    let help = "give this record a `counter:` that no other has, or remove it";
                    self.report(Severity::Warning, line, message, help);
                    chart.published = group(&once);
                }
                if !once.is_empty() {
                    kept.push(chart);
                }
            }
            program.charts = kept;
        }
    }

    /// Warns of modules that are guessed: early records had none.
    fn warn_of_missing_modules(&mut self, programs: &Programs) {
        for (name, program) in programs {
            let Some(first) = program.charts.first() else { continue };
            if name.starts_with("cmd/") || named_module(program).is_some() {
                continue;
            }
            let module = likely_module(name);
            let message = format!("no record of `{name}` names its module; `{module}` is assumed");
            let help = format!("add `module: {module}` to a record, or the right module");
            self.report(Severity::Warning, first.record.line, message, &help);
        }
    }

    /// Notes what is a placeholder if no published config was given.
    fn note_placeholders(&mut self, programs: &Programs) {
        let help = "import again with the published config, or write the real lists";
        let message = "goos, goarch and toolchains are placeholders";
        let note = Diagnostic::file(Severity::Note, "collection.toml", message);
        self.found.push(note.with_help(help));
        for name in programs.keys().filter(|name| !name.starts_with("cmd/")) {
            let message = format!("the versions of `{name}` are those that its records name");
            let note = Diagnostic::file(Severity::Note, "programs", message);
            self.found.push(note.with_help(help));
        }
    }

    /// Compares what the imported definitions compile to with what was published.
    fn compare(&mut self, definitions: &Definitions, file: &str, json: &[u8]) {
        // Records do not expire, so any time will do.
        let compiled = compile(definitions, Date::constant(1970, 1, 1)).to_json();
        if compiled.as_bytes() == json {
            return;
        }
        let same = compiled.as_bytes().iter().zip(json).take_while(|(a, b)| a == b).count();
        let line = compiled.as_bytes().iter().take(same).filter(|byte| **byte == b'\n').count() + 1;
        let message = format!(
            "the imported definitions do not compile to the bytes of this file; they differ from \
             line {line} on"
        );
        let help = "compare it with the output of `candor compile`";
        self.found.push(Diagnostic::file(Severity::Warning, file, message).with_help(help));
    }
}

/// The counters of one chart as one expression; `None` if there are none.
fn group(names: &[String]) -> Option<String> {
    let [first, _, ..] = names else { return names.first().cloned() };
    let (chart, _) = first.split_once(':')?;
    let buckets: Option<Vec<&str>> =
        names.iter().map(|name| name.strip_prefix(chart)?.strip_prefix(':')).collect();
    Some(format!("{chart}:{{{}}}", buckets?.join(",")))
}

/// Advice about definitions as advice about records: `key = "value"` between backticks becomes
/// `key: value`.
fn in_record_syntax(help: &str) -> String {
    let parts: Vec<String> = help
        .split('`')
        .enumerate()
        .map(|(index, part)| match part.split_once(" = ") {
            Some((key, value)) if index % 2 == 1 => {
                let value = value.trim_matches(|c| matches!(c, '[' | ']' | '"'));
                format!("{key}: {value}")
            }
            _ => part.to_owned(),
        })
        .collect();
    parts.join("`")
}

/// An error in a written file, as an error in the record that it was written from.
fn in_records(records: &SourceText, error: Diagnostic, files: &[WrittenFile]) -> Diagnostic {
    let file = files.iter().find(|file| file.path == error.file);
    let line = file.zip(error.line).and_then(|(file, line)| file.record_of(line));
    match line {
        Some(line) => {
            let moved = at_line(records, error.severity, line, error.message);
            Diagnostic { help: error.help.map(|help| in_record_syntax(&help)), ..moved }
        }
        None => error,
    }
}
