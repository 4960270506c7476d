//! The keys of a file of `stacks/`.

use super::value::{home_page, link, one_line, path, version_of};
use crate::charts::claims::{Claim, StackClaims, TOP};
use crate::charts::location::At;
use crate::charts::predicate::Predicate;
use crate::charts::program_path::ProgramPath;
use crate::charts::table::{Key, Problem, Reader, Shape, Table};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// The most frames that may make a group.
const MAX_TOP: u64 = 16;
/// The most frames of an example: as many as a chart may ask for, and a line behind them.
const MAX_FRAMES: usize = 129;

pub(super) const STACKS: &[Key] = &[
    Key::required(
        "program",
        Shape::Text,
        "program = \"golang.org/x/tools/gopls\"",
        "The program whose stacks these are.",
    ),
    Key::optional(
        "repository",
        Shape::Text,
        "repository = \"https://github.com/golang/go\"",
        "Where its issues are; posting them needs it.",
    ),
    Key::optional(
        "labels",
        Shape::Texts,
        "labels = [\"gopls\", \"telemetry\"]",
        "The labels of issues that are opened.",
    ),
    Key::optional(
        "title",
        Shape::Text,
        "title = \"x/tools/gopls\"",
        "What their titles begin with: the program's path by default.",
    ),
    Key::optional(
        "skip",
        Shape::Texts,
        "skip = [\"golang.org/x/tools/gopls/internal/util/bug.\"]",
        "Functions that begin so are never to blame.",
    ),
    Key::optional(
        "top",
        Shape::Whole(1, MAX_TOP),
        "top = 2",
        "How many of the other frames make a group: 2 by default.",
    ),
    Key::optional("claim", Shape::Tables(CLAIM), "[[claim]]", "Which stacks belong to an issue."),
];
const CLAIM: &[Key] = &[
    Key::required(
        "issue",
        Shape::Text,
        "issue = \"https://github.com/golang/go/issues/70000\"",
        "The issue.",
    ),
    Key::required(
        "when",
        Shape::Text,
        "when = 'top \"golang.Hover\"'",
        "A predicate over the frames: \"words\" of a frame, top \"words\" of the frame to blame, !, &&, || and ().",
    ),
    Key::optional(
        "fixed",
        Shape::Text,
        "fixed = \"v0.17.1\"",
        "The version that should have the fix: stacks of it or a later one are news.",
    ),
    Key::required(
        "stacks",
        Shape::Texts,
        "stacks = [\"\"\"...\"\"\"], with a stack that it claims, a frame a line",
        "Examples, one frame a line: `candor check` fails where the claim does not claim them.",
    ),
];

/// Reads a file of `stacks/`.
pub(in crate::charts) fn stacks(reader: &mut Reader, file: &DeTable) -> Option<StackClaims> {
    let table = reader.open(file, 0, STACKS);
    let program = table.string(reader, "program", path);
    let repository = table.string(reader, "repository", repository);
    let labels = optional(&table, "labels", |key| table.strings(reader, key, one_line));
    let title = table.string(reader, "title", one_line);
    let skip = optional(&table, "skip", |key| table.strings(reader, key, one_line));
    let top = match table.get("top") {
        None => Some(TOP),
        Some(_) => {
            let top = table.integer(reader, "top");
            top.and_then(|top| u32::try_from(top.value).ok())
        }
    };
    let claims = claims(reader, &table, program.as_deref());
    Some(StackClaims {
        program: program?,
        repository,
        labels: labels?,
        title,
        skip: skip?,
        top: top?,
        claims: claims?,
    })
}

/// A list that may be absent.
fn optional<T>(
    table: &Table,
    key: &'static str,
    read: impl FnOnce(&'static str) -> Option<Vec<T>>,
) -> Option<Vec<T>> {
    if table.get(key).is_some() { read(key) } else { Some(Vec::new()) }
}

/// The address of a repository: a host and at least two names.
fn repository(text: &str) -> Result<String, Problem> {
    let address = home_page(text)?;
    let address = address.trim_end_matches('/').to_owned();
    let path = address.split_once("://").map_or("", |(_, rest)| rest);
    let names = path.split('/').filter(|name| !name.is_empty()).count();
    if names < 3 || address.contains(['?', '#']) {
        let help = "write it like `https://github.com/golang/go`";
        return Err(Problem::new(format!("{text:?} is not the address of a repository"), help));
    }
    Ok(address)
}

fn claims(reader: &mut Reader, table: &Table, program: Option<&ProgramPath>) -> Option<Vec<Claim>> {
    let Some(value) = table.get("claim") else { return Some(Vec::new()) };
    let DeValue::Array(array) = value.get_ref() else {
        reader.error(value.span().start, "`claim` is not a list", "begin each with `[[claim]]`");
        return None;
    };
    let claims: Vec<Claim> =
        array.iter().filter_map(|element| claim(reader, element, program)).collect();
    (claims.len() == array.len()).then_some(claims)
}

fn claim(
    reader: &mut Reader,
    element: &Spanned<DeValue>,
    program: Option<&ProgramPath>,
) -> Option<Claim> {
    let start = element.span().start;
    let DeValue::Table(inner) = element.get_ref() else {
        reader.error(start, "a claim is a table", "begin it with `[[claim]]`");
        return None;
    };
    let table = reader.open(inner, start, CLAIM);
    let issue = table.string(reader, "issue", link);
    let when = table.string(reader, "when", predicate);
    let fixed: Option<At<_>> = match program {
        None => None,
        Some(program) => table.string(reader, "fixed", version_of(program)),
    };
    let stacks = table.strings(reader, "stacks", example);
    let has_fixed = table.get("fixed").is_none() || fixed.is_some();
    let (issue, when, stacks) = (issue?, when?, stacks?);
    let location = reader.text.location(start);
    has_fixed.then_some(Claim { location, issue, when, fixed, stacks })
}

fn predicate(text: &str) -> Result<Predicate, Problem> {
    Predicate::parse(text).map_err(|error| Problem {
        message: error.message,
        help: error.help,
        offset: Some(error.offset),
    })
}

/// A stack, one frame a line.
fn example(text: &str) -> Result<String, Problem> {
    let frames: Vec<&str> = text.trim_end().lines().collect();
    let is_frame = |frame: &&str| {
        !frame.is_empty() && frame.trim() == *frame && !frame.contains(char::is_control)
    };
    if frames.is_empty() || frames.len() > MAX_FRAMES || !frames.iter().all(is_frame) {
        let message = "this is not a stack";
        let help = format!(
            "write one frame a line, the innermost first, without spaces around it; at most {MAX_FRAMES}"
        );
        return Err(Problem::new(message, help));
    }
    Ok(frames.join("\n"))
}
