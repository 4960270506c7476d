//! From files to [`Definitions`], or to all the mistakes in them.
//!
//! Every file is read, then the definitions are compared with each other (`rules`). A file with mistakes
//! still takes part as far as it could be understood, so that one run shows everything.

use super::definition::Definitions;
use super::diagnostic::{Diagnostic, Diagnostics, Severity};
use super::found::Found;
use super::parsed::Parsed;
use super::source::{Role, Sources};
use super::table::Reader;
use super::text::{SourceText, is_deceptive};
use super::{rules, schema};
use toml::de::DeTable;

/// The longest line in bytes: a longer one cannot be reviewed.
const MAX_LINE: usize = 64 << 10;
/// How many syntax errors of one file are shown.
const MAX_SYNTAX_ERRORS: usize = 100;

/// Parses and checks all the definitions of a folder. The errors are complete (up to a limit).
pub fn parse(sources: &Sources) -> Result<Definitions, Diagnostics> {
    let mut parsed = Parsed { programs_complete: true, ..Parsed::default() };
    let (mut has_collection, mut has_charts) = (false, false);
    for (path, role, bytes) in sources.iter() {
        has_collection |= role == Role::Collection;
        has_charts |= role == Role::Charts;
        if role == Role::Stray {
            let message = "this file does not belong in a charts folder";
            let help = "definitions are collection.toml, programs/*.toml, charts/*.toml, \
                        marginals/*.toml and stacks/*.toml";
            parsed.found.push(whole_file(path, message).with_help(help));
        } else if let Some(text) = read_text(path, bytes, &mut parsed.found) {
            read_file(role, text, &mut parsed);
        } else {
            parsed.programs_complete &= role != Role::Program;
        }
    }
    if !has_collection {
        let help = "add it, with module, goos, goarch and toolchains";
        parsed.found.push(whole_file("collection.toml", "the file is missing").with_help(help));
    }
    if !has_charts {
        let help = "add a file with a [[chart]], like charts/editor.toml";
        parsed.found.push(whole_file("charts", "there are no chart definitions").with_help(help));
    } else if parsed.charts.is_empty() && parsed.found.count() == 0 {
        let help = "begin a definition with [[chart]] in one of the files";
        parsed.found.push(whole_file("charts", "no file has a chart definition").with_help(help));
    }
    rules::check(&mut parsed);

    let warnings_only = !parsed.found.has_errors();
    match (parsed.collection, parsed.found.finish()) {
        (Some(collection), found) if warnings_only => Ok(Definitions {
            collection,
            programs: parsed.programs,
            charts: parsed.charts,
            marginals: parsed.marginals,
            stacks: parsed.stacks,
            warnings: found.into_iter().flatten().collect(),
        }),
        (_, Some(found)) => Err(found),
        // The mistakes of `collection.toml` are in `found`, so this is not reached.
        (_, None) => Err(whole_file("collection.toml", "the file was not understood").into()),
    }
}

fn whole_file(path: &str, message: &str) -> Diagnostic {
    Diagnostic::file(Severity::Error, path, message)
}

/// The bytes as text, if a person can review it.
fn read_text(path: &str, bytes: &[u8], found: &mut Found) -> Option<SourceText> {
    let text = match str::from_utf8(bytes) {
        Ok(text) => SourceText::new(path, text.to_owned()),
        Err(error) => {
            let good = bytes.get(..error.valid_up_to()).unwrap_or_default();
            let valid = SourceText::new(path, String::from_utf8_lossy(good).into_owned());
            let byte = bytes.get(error.valid_up_to()).copied().unwrap_or_default();
            let message = format!(
                "the file is not UTF-8: byte {} of the file is 0x{byte:02x}",
                error.valid_up_to() + 1
            );
            let diagnostic = valid.diagnostic(Severity::Error, error.valid_up_to(), message);
            found.push(diagnostic.with_help("save the file as UTF-8"));
            return None;
        }
    };
    let before = found.count();
    let deceptive = |line: &str| if text.is_ascii() { None } else { line.find(is_deceptive) };
    for (start, line) in text.lines() {
        if line.len() > MAX_LINE {
            let message = format!(
                "the line has {} bytes, and at most {MAX_LINE} can be reviewed",
                line.len()
            );
            let help = "break the line: an array after any comma, a string between triple quotes \
                        with `\\` at each line's end";
            found.push(text.diagnostic(Severity::Error, start, message).with_help(help));
        } else if let Some(at) = deceptive(line) {
            let message = "the line has an invisible character that changes the order of the text";
            let diagnostic = text.diagnostic(Severity::Error, start + at, message.to_owned());
            found.push(diagnostic.with_help("remove it, or write it as an escape like `\\u200E`"));
        }
    }
    (found.count() == before).then_some(text)
}

/// Reads one file into what has been parsed.
fn read_file(role: Role, text: SourceText, parsed: &mut Parsed) {
    let (file, errors) = DeTable::parse_recoverable(text.text());
    let more = errors.len().saturating_sub(MAX_SYNTAX_ERRORS);
    let mut syntax: Vec<Diagnostic> = Vec::with_capacity(errors.len() - more);
    for error in errors.iter().take(MAX_SYNTAX_ERRORS) {
        let offset = error.span().map_or(0, |span| span.start);
        let message = format!("the TOML is malformed: {}", error.message());
        let diagnostic = text.diagnostic(Severity::Error, offset, message);
        // Further errors on the same line only follow from the first.
        if syntax.last().is_none_or(|last| last.line != diagnostic.line) {
            syntax.push(diagnostic.with_help("see https://toml.io for the syntax"));
        }
    }
    if more > 0 {
        let message = format!("{more} more syntax errors in this file are not shown");
        syntax.push(whole_file(text.file(), &message).with_help("fix those shown first"));
    }
    let mut reader = Reader::new(&text, syntax);
    match role {
        Role::Collection => parsed.collection = schema::collection(&mut reader, file.get_ref()),
        Role::Program => match schema::program(&mut reader, file.get_ref()) {
            Some(program) => parsed.programs.push(program),
            None => parsed.programs_complete = false,
        },
        Role::Charts => parsed.charts.extend(schema::charts(&mut reader, file.get_ref())),
        Role::Marginals => {
            parsed.marginals.extend(schema::marginals(&mut reader, file.get_ref()));
        }
        Role::Stacks => parsed.stacks.extend(schema::stacks(&mut reader, file.get_ref())),
        Role::Stray => {}
    }
    parsed.found.append(reader.finish());
    parsed.texts.insert(text.file().clone(), text);
}
