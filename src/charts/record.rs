//! Go's record format: the notation in which the Go project keeps its chart definitions
//! ([golang/telemetry, `internal/chartconfig`][format]).
//!
//! ```text
//! # a comment runs to the end of the line
//! title: Editor Distribution
//! counter: gopls/editor:{
//!     emacs,
//!     vim
//! }
//! issue: https://go.dev/issue/61038
//! issue: https://go.dev/issue/62214 # may be repeated
//! ---
//! title: the next record
//! ```
//!
//! A field starts at the first character of a line. Only `counter` may have braces, and only once; the
//! lines between them are joined without the spaces around them. `---` is alone on its line. Empty
//! records are skipped. Whether a record makes sense is not checked here: importing turns records into
//! definitions, which are checked like any others.
//!
//! [format]: https://pkg.go.dev/golang.org/x/telemetry/internal/chartconfig

use super::diagnostic::{Diagnostic, Diagnostics, Severity};
use super::text::SourceText;

/// One record.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Record {
    /// The line of its first field, counted from one.
    pub line: u32,
    /// `title:`
    pub title: Option<Field>,
    /// `description:`
    pub description: Option<Field>,
    /// `issue:`, once or more.
    pub issue: Vec<Field>,
    /// `type:`
    pub kind: Option<Field>,
    /// `program:`
    pub program: Option<Field>,
    /// `module:`
    pub module: Option<Field>,
    /// `counter:`, with its lines joined.
    pub counter: Option<Field>,
    /// `version:`
    pub version: Option<Field>,
    /// `depth:`, a whole number; 0 means none.
    pub depth: Option<Field<i64>>,
    /// `error:`, a number.
    pub error: Option<Field<f64>>,
}

/// A field's value, its line, and the comment beside it.
#[derive(Debug, Clone, PartialEq)]
pub struct Field<T = String> {
    /// The value, without the spaces around it.
    pub value: T,
    /// The field's first line, counted from one.
    pub line: u32,
    /// The comment at the end of the line, without its `#`.
    pub comment: Option<String>,
}

/// A counter whose closing brace has not been seen yet.
struct Open {
    line: u32,
    text: String,
}

/// Parses records; `file` is their name in errors. All mistakes are reported.
pub fn parse_records(file: &str, bytes: &[u8]) -> Result<Vec<Record>, Diagnostics> {
    let text = match str::from_utf8(bytes) {
        // Some editors start UTF-8 files with this mark.
        Ok(text) => SourceText::new(file, text.trim_start_matches('\u{feff}').to_owned()),
        Err(error) => {
            let before = bytes.get(..error.valid_up_to()).unwrap_or_default();
            let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
            let at = error.valid_up_to() + 1;
            let message = format!("line {line} is not UTF-8 (byte {at} of the file)");
            let diagnostic = Diagnostic::file(Severity::Error, file, message);
            return Err(diagnostic.with_help("save the file as UTF-8").into());
        }
    };
    let mut parser = Parser {
        text: &text,
        records: Vec::new(),
        record: Record::default(),
        found: Vec::new(),
        skipping: false,
    };
    let mut open: Option<Open> = None;
    for (number, (start, line)) in (1..).zip(text.lines()) {
        // Some editors, and git itself, write Windows line endings.
        let line = line.strip_suffix('\r').unwrap_or(line);
        if line == "---" {
            parser.skipping = false;
            if open.take().is_some() {
                parser.error(start, "the record ends inside the counter's braces", CLOSE);
            }
            parser.flush();
            continue;
        }
        if open.is_none() && line.starts_with("---") {
            let help = "leave `---` alone on its line, without comments or spaces";
            parser.error(start, "this is not a separator of records", help);
            parser.flush();
            continue;
        }
        let (field, comment) = split_comment(line);
        let comment = comment.map(|comment| comment.trim().to_owned());
        let comment = comment.filter(|comment| !comment.is_empty());
        if parser.skipping {
            parser.skipping = !field.contains('}');
            continue;
        }
        if let Some(joined) = parser.join(&mut open, number, start, field) {
            parser.field(joined.line, start, &joined.text, comment);
        }
    }
    if open.is_some() {
        parser.error(text.text().len(), "the file ends inside the counter's braces", CLOSE);
    }
    parser.flush();
    match Diagnostics::new(parser.found) {
        None => Ok(parser.records),
        Some(found) => Err(found),
    }
}

/// A line without its comment, and the comment. Go's parser ends every field at the first `#`; of an `issue:`, what
/// follows without spaces is the fragment of its link, which is kept.
fn split_comment(line: &str) -> (&str, Option<&str>) {
    let Some((field, comment)) = line.split_once('#') else { return (line, None) };
    let is_link = field.strip_prefix("issue:").is_some_and(|link| link.contains("://"));
    let is_fragment = is_link
        && !field.ends_with(char::is_whitespace)
        && !comment.is_empty()
        && !comment.starts_with(|c: char| c.is_whitespace() || c == '#');
    if !is_fragment {
        return (field, Some(comment));
    }
    let fragment = comment.find(char::is_whitespace).unwrap_or(comment.len());
    let (whole, rest) = line.split_at(field.len() + 1 + fragment);
    match rest.split_once('#') {
        Some((_, comment)) => (whole, Some(comment)),
        None if rest.trim().is_empty() => (whole, None),
        // Words after it are no part of a link.
        None => (field, Some(comment)),
    }
}

const CLOSE: &str = "close the group with `}` first";
const ONE_GROUP: &str = "write braces once, around the buckets of a `counter:`";

struct Parser<'t> {
    text: &'t SourceText,
    records: Vec<Record>,
    record: Record,
    found: Vec<Diagnostic>,
    /// Inside braces with a mistake, which is reported once: skip to the line with the `}`.
    skipping: bool,
}

impl Parser<'_> {
    fn error(&mut self, offset: usize, message: impl Into<String>, help: &str) {
        let diagnostic = self.text.diagnostic(Severity::Error, offset, message.into());
        self.found.push(diagnostic.with_help(help));
    }

    fn flush(&mut self) {
        let record = std::mem::take(&mut self.record);
        if record.line > 0 {
            self.records.push(record);
        }
    }

    /// Joins the lines between a counter's braces. Returns a field once it is complete.
    fn join(
        &mut self,
        open: &mut Option<Open>,
        line: u32,
        start: usize,
        field: &str,
    ) -> Option<Open> {
        let mut counter = match open.take() {
            Some(mut counter) => {
                if let Some(at) = field.find('{') {
                    self.error(start + at, "there is a second `{`", ONE_GROUP);
                    self.skipping = field.rfind('{') > field.rfind('}');
                    return None;
                }
                counter.text.push_str(field.trim());
                counter
            }
            None => {
                let brace = field.find(['{', '}']);
                let Some(at) = brace else { return Some(Open { line, text: field.to_owned() }) };
                let (before, after) = field.split_at(at);
                let second = after.get(1..).and_then(|rest| rest.find('{'));
                let mistake = if after.starts_with('}') {
                    Some((at, "there is a `}` without a `{`"))
                } else if let Some(second) = second {
                    Some((at + 1 + second, "there is a second `{`"))
                } else if !before.starts_with("counter:") {
                    Some((at, "there are braces outside a `counter:`"))
                } else {
                    None
                };
                if let Some((at, message)) = mistake {
                    self.error(start + at, message, ONE_GROUP);
                    self.skipping = field.rfind('{') > field.rfind('}');
                    return None;
                }
                Open { line, text: field.trim_end().to_owned() }
            }
        };
        let Some(close) = counter.text.find('}') else {
            *open = Some(counter);
            return None;
        };
        let (buckets, rest) = counter.text.split_at(close);
        if rest.get(1..).is_some_and(|rest| rest.contains('}')) {
            self.error(start, "there is a second `}`", ONE_GROUP);
            return None;
        }
        if buckets.ends_with(',') {
            self.error(start, "there is a `,` before the `}`", "remove the comma");
            return None;
        }
        counter.text = counter.text.trim_end().to_owned();
        Some(counter)
    }

    /// Adds one field, whose last line starts at byte `start`.
    fn field(&mut self, line: u32, start: usize, text: &str, comment: Option<String>) {
        if text.trim().is_empty() {
            return;
        }
        // A line without a colon has no key, so it is not a field.
        let (key, value) = text.split_once(':').unwrap_or(("", text));
        let value = value.trim();
        let field = Field { value: value.to_owned(), line, comment };
        let record = &mut self.record;
        let slot = match key {
            "title" => &mut record.title,
            "description" => &mut record.description,
            "type" => &mut record.kind,
            "program" => &mut record.program,
            "module" => &mut record.module,
            "counter" => &mut record.counter,
            "version" => &mut record.version,
            "issue" | "depth" | "error" => &mut None,
            _ => {
                let help = "write a comment, `---`, or a line that starts with title:, \
                            description:, issue:, type:, program:, module:, counter:, version:, \
                            depth: or error:";
                return self.error(start, "this is not a field", help);
            }
        };
        if value.is_empty() {
            // As in Go, a key without a value is ignored.
            return;
        }
        let repeated = match key {
            "depth" => record.depth.is_some(),
            "error" => record.error.is_some(),
            _ => slot.is_some(),
        };
        if repeated {
            return self.error(
                start,
                format!("`{key}:` is given twice"),
                "only `issue:` may be repeated",
            );
        }
        if record.line == 0 {
            record.line = line;
        }
        let Field { value, line, comment } = field;
        match key {
            "issue" => record.issue.push(Field { value, line, comment }),
            "depth" => match value.parse() {
                Ok(value) => record.depth = Some(Field { value, line, comment }),
                Err(_) => self.error(start, "the depth is not a whole number", "write `depth: 16`"),
            },
            "error" => match value.parse() {
                Ok(value) => record.error = Some(Field { value, line, comment }),
                Err(_) => self.error(start, "the error is not a number", "write `error: 0.01`"),
            },
            _ => *slot = Some(Field { value, line, comment }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Vec<Record> {
        parse_records("config.txt", text.as_bytes()).unwrap_or_else(|errors| panic!("{errors}"))
    }

    fn text(field: &Option<Field>) -> &str {
        field.as_ref().map_or("", |field| field.value.as_str())
    }

    #[test]
    fn a_record_has_every_field() {
        let records = parsed(
            "\ntitle: A\ndescription: B: b\ntype: C\nprogram: D\ncounter: E\nissue: F1\n\
             issue: F2 # more\ndepth: 2\nerror: 0.1\nversion: v2.0.0\nmodule: G\n",
        );
        let [record] = records.as_slice() else { panic!("{records:?}") };
        assert_eq!((record.line, text(&record.title), text(&record.description)), (2, "A", "B: b"));
        assert_eq!((text(&record.kind), text(&record.program)), ("C", "D"));
        assert_eq!((text(&record.counter), text(&record.module)), ("E", "G"));
        assert_eq!(text(&record.version), "v2.0.0");
        let issues: Vec<_> = record.issue.iter().map(|i| (i.value.as_str(), i.line)).collect();
        assert_eq!(issues, [("F1", 7), ("F2", 8)]);
        assert_eq!(record.issue[1].comment.as_deref(), Some("more"));
        assert_eq!(record.depth.as_ref().map(|depth| depth.value), Some(2));
        assert_eq!(record.error.as_ref().map(|error| error.value), Some(0.1));
    }

    #[test]
    fn a_link_keeps_its_fragment() {
        let records = parsed(
            "issue: https://x.org/1#c-2\nissue: https://x.org/1#c # two\nissue: https://x.org/1# no\n\
             issue: https://x.org/1 #no\nissue: https://x.org/1#no link\nissue: https://x.org/1##no\n",
        );
        let issues = records[0].issue.iter();
        let issues: Vec<_> = issues.map(|i| (i.value.as_str(), i.comment.as_deref())).collect();
        assert_eq!(
            issues,
            [
                ("https://x.org/1#c-2", None),
                ("https://x.org/1#c", Some("two")),
                ("https://x.org/1", Some("no")),
                ("https://x.org/1", Some("no")),
                ("https://x.org/1", Some("no link")),
                ("https://x.org/1", Some("#no")),
            ]
        );
    }

    #[test]
    fn records_are_separated_and_empty_ones_skipped() {
        let records = parsed("# nothing here\n---\ntitle: A # x\n\n---\n\ntitle:\ntitle: B\n---");
        let titles: Vec<_> = records.iter().map(|r| (text(&r.title), r.line)).collect();
        assert_eq!(titles, [("A", 3), ("B", 8)]);
        assert_eq!(parsed(""), []);
    }

    #[test]
    fn the_lines_of_a_counter_are_joined() {
        let forms = [
            "counter: foo:{bar,baz}",
            "counter: foo:{\n\tbar,\n    baz\n}",
            "counter: foo:{bar,\n baz}",
            "counter: foo:{ # buckets\nbar, # one\nbaz }  ",
        ];
        for form in forms {
            let records = parsed(form);
            let expected = if form.contains("baz }") { "foo:{bar,baz }" } else { "foo:{bar,baz}" };
            assert_eq!(text(&records[0].counter), expected, "{form:?}");
            assert_eq!(records[0].line, 1);
        }
    }

    #[test]
    fn every_mistake_has_its_line() {
        // The cases of golang/telemetry's own tests, and a repeated field.
        let cases = [
            ("\n title: foo\n", 2, "not a field"),
            ("\nfoo: bar\n", 2, "not a field"),
            ("\ntitle\n", 2, "not a field"),
            ("\ntitle: foo\n--- # no\ntitle: bar\n", 3, "not a separator"),
            ("\ndepth: notanint\n", 2, "whole number"),
            ("\nerror: x\n", 2, "not a number"),
            ("\ntitle: {\n---", 2, "outside a `counter:`"),
            ("\ntitle: }\n", 2, "without a `{`"),
            ("\ncounter: foo{\n  bar\n---\ntitle: baz\n", 4, "record ends"),
            ("\ncounter: foo{\n  bar\n", 4, "file ends"),
            ("\ncounter: }foo{\n  bar\n", 2, "without a `{`"),
            ("\ncounter: foo{\n  bar\n} {", 4, "second `{`"),
            ("\ncounter: foo{{\n", 2, "second `{`"),
            ("\ncounter: foo{\n  {bar\n", 3, "second `{`"),
            ("\ncounter: foo{\n  bar\n} }", 4, "second `}`"),
            ("\ncounter: foo{\n  bar,\n  baz,\n}", 5, "before the `}`"),
            ("title: A\ntitle: B", 2, "given twice"),
            ("depth: 1\ndepth: 2", 2, "given twice"),
        ];
        for (input, line, message) in cases {
            let errors = parse_records("config.txt", input.as_bytes()).expect_err(input);
            let first = errors.iter().next().expect("at least one");
            assert!(first.message.contains(message), "{input:?}: {}", first.message);
            assert_eq!(first.line, Some(line), "{input:?}: {}", first.message);
            assert_eq!(errors.iter().count(), 1, "{input:?}: {errors}");
        }
    }

    #[test]
    fn bytes_that_are_not_text_have_a_line_too() {
        let errors = parse_records("config.txt", b"title: A\ntitle: \xff").expect_err("refused");
        assert!(errors.to_string().contains("line 2 is not UTF-8 (byte 17"), "{errors}");
    }
}
