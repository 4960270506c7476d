//! Comments that allow a lint: `# candor: allow CODE: REASON`.
//!
//! A comment counts for the line that it is on, for the line below the comments that it is among, and, above
//! a `[[chart]]`, for the whole chart. Without a reason it allows nothing.

use super::catalog::Lint;
use crate::charts::location::Location;
use crate::charts::text::SourceText;
use serde::Serialize;
use std::sync::Arc;

/// The comments of all files.
pub(super) struct Allowed(Vec<Comment>);

struct Comment {
    location: Location,
    /// The line that it is about.
    line: u32,
    lint: Result<Lint, Problem>,
    reason: String,
    is_used: bool,
}

/// What a comment allows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AllowedHere {
    /// The lint.
    pub code: &'static str,
    /// The file of the comment.
    pub file: String,
    /// Its line.
    pub line: u32,
    /// Why it is allowed, in its author's words.
    pub reason: String,
}

enum Problem {
    /// There is no such lint.
    Unknown(String),
    /// There is no reason.
    NoReason,
    /// It looks like such a comment, and is none.
    Malformed,
}

impl Allowed {
    /// Reads the comments.
    pub(super) fn read<'t>(texts: impl Iterator<Item = &'t SourceText>) -> Allowed {
        Allowed(texts.flat_map(comments).collect())
    }

    /// Whether a comment allows this lint here.
    pub(super) fn allows(&mut self, lint: Lint, at: &Location, chart: Option<&Location>) -> bool {
        let mut allowed = false;
        for comment in &mut self.0 {
            let about = |other: &Location| {
                comment.location.file == other.file && comment.line == other.line
            };
            let fits = matches!(comment.lint, Ok(of) if of == lint);
            if fits && (about(at) || chart.is_some_and(about)) {
                comment.is_used = true;
                allowed = true;
            }
        }
        allowed
    }

    /// What is allowed, by the comments that allow something.
    pub(super) fn used(&self) -> Vec<AllowedHere> {
        let used = self.0.iter().filter(|comment| comment.is_used);
        let allowed = used.filter_map(|comment| {
            Some(AllowedHere {
                code: comment.lint.as_ref().ok()?.code(),
                file: comment.location.file.to_string(),
                line: comment.location.line,
                reason: comment.reason.clone(),
            })
        });
        allowed.collect()
    }

    /// Comments that are wrong, or allow nothing: where, what is wrong, and what to do.
    pub(super) fn problems(&self) -> impl Iterator<Item = (Location, String, String)> {
        self.0.iter().filter_map(|comment| {
            let codes = || Lint::ALL.map(Lint::code).join(", ");
            let (message, help) = match &comment.lint {
                Err(Problem::Unknown(code)) => {
                    (format!("there is no lint `{code}`"), format!("the lints are {}", codes()))
                }
                Err(Problem::Malformed) => (
                    "this looks like a comment that allows a lint, but is not written like one: it has no effect".to_owned(),
                    "write it as # candor: allow CODE: REASON".to_owned(),
                ),
                Err(Problem::NoReason) => (
                    "the comment gives no reason".to_owned(),
                    "say why it is right here: # candor: allow CODE: REASON".to_owned(),
                ),
                Ok(lint) if !comment.is_used => (
                    format!("the comment allows `{}` where there is nothing to allow", lint.code()),
                    "remove the comment".to_owned(),
                ),
                Ok(_) => return None,
            };
            Some((comment.location.clone(), message, help))
        })
    }
}

/// Whether what follows a `#` is meant to allow something, however it is written: `candor:` and anything, or `candor`
/// and a word for it.
fn is_meant(line: &str, hash: usize) -> bool {
    let comment = line.get(hash..).unwrap_or_default().trim_start_matches('#').trim_start();
    if comment.starts_with("candor:") {
        return true;
    }
    let lower = comment.to_ascii_lowercase();
    let words: Vec<&str> =
        lower.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty()).collect();
    let verbs = ["allow", "allows", "allowed", "ignore", "disable", "skip", "accept"];
    matches!(words.as_slice(), ["candor", verb, ..] if verbs.contains(verb))
}

fn comments(text: &SourceText) -> Vec<Comment> {
    let lines: Vec<&str> = text.text().lines().collect();
    let mut found = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        // A `#` within a string could begin such a comment only if someone wrote it there on purpose.
        let Some(hash) = line.match_indices('#').map(|(at, _)| at).find(|at| is_meant(line, *at))
        else {
            continue;
        };
        let lint = match line.get(hash..).and_then(|rest| rest.strip_prefix("# candor: allow ")) {
            None => Err(Problem::Malformed),
            Some(allowed) => {
                let (code, reason) = allowed.split_once(':').unwrap_or((allowed, ""));
                match Lint::ALL.into_iter().find(|lint| lint.code() == code.trim()) {
                    None => Err(Problem::Unknown(code.trim().to_owned())),
                    Some(_) if reason.trim().is_empty() => Err(Problem::NoReason),
                    Some(lint) => Ok(lint),
                }
            }
        };
        let reason = line.get(hash..).and_then(|rest| rest.splitn(3, ':').nth(2));
        let is_alone = line.trim_start().starts_with('#');
        let about = match is_alone {
            false => at,
            true => {
                let below = lines.iter().enumerate().skip(at + 1);
                let next = below.clone().find(|(_, line)| !line.trim_start().starts_with('#'));
                next.map_or(at, |(at, _)| at)
            }
        };
        found.push(Comment {
            location: Location {
                file: Arc::clone(text.file()),
                line: number(at),
                column: number(line.get(..hash).map_or(0, |before| before.chars().count())),
            },
            line: number(about),
            lint,
            reason: reason.unwrap_or_default().trim().to_owned(),
            is_used: false,
        });
    }
    found
}

/// A position counted from one.
fn number(from_zero: usize) -> u32 {
    u32::try_from(from_zero).unwrap_or(u32::MAX - 1) + 1
}
