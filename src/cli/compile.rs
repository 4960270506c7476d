//! `candor compile`: the collection config of a charts folder.

use super::today::today;
use super::{Failure, Output};
use crate::charts::{charts_folder, parse, read_work_tree};
use crate::collection::{CollectionConfig, compile};
use crate::count::count;
use crate::terminal::OneLine;
use jiff::civil::Date;
use serde::Serialize;
use std::fs;
use std::io::{IsTerminal as _, stdout};
use std::path::{Path, PathBuf};

/// Compile a charts folder to the collection config that clients would obey.
///
/// Prints config.json, exactly the bytes that would be published: the last line has no line end, which is
/// shown on a terminal alone. The day given with --as-of, or else
/// today, decides which charts have expired.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    candor compile charts-config\n  \
    candor compile charts-config --out config.json --as-of 2027-01-01")]
pub(super) struct Args {
    /// The charts folder, or a folder with one named charts-config.
    charts: PathBuf,
    /// Write the config to this file instead of standard output.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// The day that decides which charts have expired, in UTC, like 2027-01-01 [default: today].
    #[arg(long, value_name = "DATE")]
    as_of: Option<Date>,
}

/// What is printed with `--json` if the config goes to a file.
#[derive(Serialize)]
struct Written {
    file: String,
    programs: usize,
    counters: usize,
    stacks: usize,
}

pub(super) fn run(args: Args, out: Output) -> Result<(), Failure> {
    let folder = charts_folder(&args.charts);
    let definitions = parse(&read_work_tree(&folder)?).map_err(|e| e.below(&folder))?;
    for warning in &definitions.warnings {
        out.say_lines(format_args!("{}\n", warning.below(&folder)));
    }
    let config = compile(&definitions, args.as_of.unwrap_or_else(today));
    let json = config.to_json();
    match args.out {
        // The config is JSON already, and its bytes matter: `--json` changes nothing.
        None => {
            Output { json: false }.result(&(), json)?;
            if stdout().is_terminal() {
                // Go's bytes end without a line end, and only a person misses it.
                out.say("");
            }
            Ok(())
        }
        Some(file) => {
            fs::write(&file, json).map_err(|error| {
                Failure::new(format!("cannot write {}: {error}", file.display()))
            })?;
            let written = written(&file, &config);
            let text = format!(
                "wrote {}: {}, {}, {}\n",
                OneLine(&written.file),
                count(written.programs, "program"),
                count(written.counters, "counter"),
                count(written.stacks, "stack"),
            );
            out.result(&written, text)
        }
    }
}

fn written(file: &Path, config: &CollectionConfig) -> Written {
    Written {
        file: file.display().to_string(),
        programs: config.programs.len(),
        counters: config.programs.iter().map(|program| program.counters.len()).sum(),
        stacks: config.programs.iter().map(|program| program.stacks.len()).sum(),
    }
}
