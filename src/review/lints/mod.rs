//! Lints: what is valid in the definitions, but should make a reviewer look twice.
//!
//! | file | one idea |
//! | --- | --- |
//! | `catalog` | all lints, their codes and reasons |
//! | `finding` | what a lint found |
//! | `titles` | titles that say nothing, and texts that a spreadsheet would compute |
//! | `buckets` | buckets that miss answers, could point at a person, or are split over charts |
//! | `personal` | what looks as if it came from one user's machine |
//! | `hidden` | invisible characters |
//! | `versions` | versions that can never match, and gaps between toolchains |
//! | `populations` | populations that nobody looked at for long |
//! | `platforms` | systems, architectures and toolchains by names that no program reports |
//! | `placeholders` | addresses that nobody has filled in yet |
//! | `allow` | comments that allow a lint, with a reason |
//!
//! Each lint has a code. A comment above what it points at, or above the chart, allows it there:
//!
//! ```toml
//! # candor: allow many-buckets: one for each port of Go, which are public
//! counter = "go/platform/target/port:{aix-ppc64,...}"
//! ```

mod allow;
mod buckets;
mod catalog;
mod finding;
mod hidden;
mod personal;
mod placeholders;
mod platforms;
mod populations;
mod titles;
mod versions;

use crate::charts::diagnostic::{ALLOW, Diagnostic, Severity};
use crate::charts::location::Location;
use crate::charts::text::SourceText;
use crate::charts::{Definitions, Sources, expiring};
use jiff::civil::Date;
use std::collections::{BTreeMap, BTreeSet};

pub use allow::AllowedHere;
pub use catalog::Lint;
pub(crate) use placeholders::PLACEHOLDER;
pub use populations::old_populations;

/// What the lints found.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Linted {
    /// All warnings about the definitions, except where a comment allows them; and comments that allow nothing.
    pub warnings: Vec<Diagnostic>,
    /// What comments allow.
    pub allowed: Vec<AllowedHere>,
}

/// Looks for everything that should make a reviewer look twice, on a day. `old` are the programs with
/// [`old_populations`].
pub fn lint(
    definitions: &Definitions,
    sources: &Sources,
    old: &BTreeSet<String>,
    as_of: Date,
) -> Linted {
    let mut findings = Vec::new();
    titles::check(definitions, &mut findings);
    buckets::check(definitions, &mut findings);
    versions::check(definitions, &mut findings);
    populations::check(definitions, old, &mut findings);
    placeholders::check(definitions, &mut findings);
    platforms::check(definitions, &mut findings);
    let texts = texts(sources);
    hidden::check(texts.values(), &mut findings);
    let mut allowed = allow::Allowed::read(texts.values());
    findings.retain(|found| {
        !allowed.allows(found.lint, &found.location, chart_at(definitions, &found.location))
    });
    let expiring = expiring(definitions, sources, as_of);
    let warnings = definitions.warnings.iter().chain(&expiring).filter(|warning| {
        let lint = Lint::ALL.into_iter().find(|lint| warning.code == Some(lint.code()));
        let (Some(lint), Some(line)) = (lint, warning.line) else { return true };
        let at = Location { file: warning.file.as_str().into(), line, column: 1 };
        !allowed.allows(lint, &at, chart_at(definitions, &at))
    });
    let mut all: Vec<Diagnostic> = warnings.cloned().map(with_way_to_allow).collect();
    let warn = |location: &Location, message: String| match texts.get(location.file.as_ref()) {
        Some(text) => text.diagnostic_at(Severity::Warning, location, message),
        None => Diagnostic::at(Severity::Warning, location, message),
    };
    all.extend(findings.into_iter().map(|found| {
        let code = found.lint.code();
        let warning = warn(&found.location, found.message).with_code(code);
        with_way_to_allow(warning.with_help(found.help))
    }));
    all.extend(allowed.problems().map(|(location, message, help)| {
        warn(&location, message).with_code(ALLOW).with_help(help)
    }));
    let allowed = allowed.used();
    all.sort_by(|one, other| {
        (&one.file, one.line, one.column).cmp(&(&other.file, other.line, other.column))
    });
    Linted { warnings: all, allowed }
}

/// A warning whose help also says how to allow it, if a comment can.
fn with_way_to_allow(warning: Diagnostic) -> Diagnostic {
    let code = Lint::ALL.into_iter().map(Lint::code).find(|code| warning.code == Some(code));
    let (Some(code), Some(help)) = (code, &warning.help) else { return warning };
    let help = format!(
        "{help}; or allow it, with a reason, in a comment above: # candor: allow {code}: REASON"
    );
    warning.with_help(help)
}

/// The `[[chart]]` that a location is in.
fn chart_at<'d>(definitions: &'d Definitions, at: &Location) -> Option<&'d Location> {
    let charts = definitions.charts.iter().map(|chart| &chart.location);
    charts.filter(|chart| chart.file == at.file && chart.line <= at.line).max_by_key(|c| c.line)
}

/// The texts of all files.
fn texts(sources: &Sources) -> BTreeMap<String, SourceText> {
    let texts = sources.iter().filter_map(|(path, _, bytes)| {
        let text = std::str::from_utf8(bytes).ok()?;
        Some((path.to_owned(), SourceText::new(path, text.to_owned())))
    });
    texts.collect()
}

#[cfg(test)]
#[path = "lint_tests.rs"]
mod tests;
