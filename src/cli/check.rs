//! `candor check`: every mistake of a charts folder, or that there is none.

use super::compile::today;
use super::{Failure, Output};
use crate::charts::{Definitions, Diagnostic, charts_folder, expiring, parse, read_work_tree};
use jiff::civil::Date;
use serde::Serialize;
use std::fmt::Write;
use std::path::PathBuf;

/// Check a charts folder, and show all the mistakes in it.
///
/// Nothing is collected and nothing published. Warnings alone do not fail the check; charts that
/// expire within 30 days are among them.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  \
    candor check charts-config\n  \
    candor check --json charts-config")]
pub(super) struct Args {
    /// The charts folder, or a folder with one named charts-config.
    charts: PathBuf,
    /// The day from which on it is told what expires soon, in UTC; today where it is not given.
    #[arg(long, value_name = "DATE")]
    as_of: Option<Date>,
}

/// What is printed with `--json`.
#[derive(Serialize)]
struct Report<'a> {
    /// Whether there are no errors.
    valid: bool,
    /// How many charts are defined.
    charts: usize,
    /// For how many programs.
    programs: usize,
    /// Errors and warnings.
    diagnostics: Vec<&'a Diagnostic>,
}

pub(super) fn run(args: Args, out: Output) -> Result<(), Failure> {
    let sources = read_work_tree(&charts_folder(&args.charts))?;
    match parse(&sources) {
        Ok(mut definitions) => {
            let as_of = args.as_of.unwrap_or_else(today);
            let expiring = expiring(&definitions, &sources, as_of);
            definitions.warnings.extend(expiring);
            let (charts, programs) = (definitions.charts.len(), definitions.programs.len());
            let diagnostics = definitions.warnings.iter().collect();
            out.result(&Report { valid: true, charts, programs, diagnostics }, text(&definitions))
        }
        Err(errors) if out.json => {
            let diagnostics = errors.iter().collect();
            let report = Report { valid: false, charts: 0, programs: 0, diagnostics };
            out.result(&report, "")?;
            Err(Failure::reported())
        }
        Err(errors) => Err(errors.into()),
    }
}

fn text(definitions: &Definitions) -> String {
    let mut text = String::new();
    for warning in &definitions.warnings {
        // Writing to a string does not fail.
        let _ = writeln!(text, "{warning}\n");
    }
    let (charts, programs) = (definitions.charts.len(), definitions.programs.len());
    let _ =
        writeln!(text, "no mistakes: {}, {}", count(charts, "chart"), count(programs, "program"));
    text
}

/// A number and what it counts.
pub(super) fn count(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}
