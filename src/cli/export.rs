//! `candor export`: chart definitions as the Go project's records.

use super::{Failure, Output};
use crate::charts::{Diagnostic, charts_folder, parse, read_work_tree};
use crate::collection::{Exported, export};
use crate::count::count;
use crate::terminal::OneLine;
use serde::Serialize;
use std::fs;
use std::path::PathBuf;

/// Write the definitions of a charts folder as the Go project's records: the way back of `candor import`.
///
/// What the records have no field for (expiry, `packages`, ratios, and everything about platforms, versions and
/// populations) is left out, and so are comments; each loss is named on standard error. Records are in the order of
/// the files' names, and of the charts in each.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    candor export charts-config\n  \
    candor export charts-config --out config.txt")]
pub(super) struct Args {
    /// The charts folder, or a folder with one named charts-config.
    charts: PathBuf,
    /// Write the records to this file instead of standard output.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// What is printed with `--json`.
#[derive(Serialize)]
struct Report<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    records: Option<&'a str>,
    notes: &'a [Diagnostic],
}

pub(super) fn run(args: Args, out: Output) -> Result<(), Failure> {
    let folder = charts_folder(&args.charts);
    let sources = read_work_tree(&folder)?;
    let definitions = parse(&sources).map_err(|e| e.below(&folder))?;
    let Exported { records, notes } = &export(&definitions, &sources);
    if !out.json {
        for note in notes {
            out.say_lines(format_args!("{}\n", note.below(&folder)));
        }
    }
    let Some(path) = &args.out else {
        return out.result(&Report { file: None, records: Some(records), notes }, records);
    };
    fs::write(path, records)
        .map_err(|error| Failure::new(format!("cannot write {}: {error}", path.display())))?;
    let file = path.display().to_string();
    let charts = count(definitions.charts.len(), "chart");
    let text = format!("wrote {charts} to {}\n", OneLine(&file));
    out.result(&Report { file: Some(file), records: None, notes }, text)
}
