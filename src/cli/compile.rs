//! `candor compile`: the collection config of a charts folder.

use super::check::count;
use super::{Failure, Output};
use crate::charts::{charts_folder, commit_time, parse, read_work_tree};
use crate::collection::{CollectionConfig, compile};
use crate::terminal::OneLine;
use jiff::Timestamp;
use serde::Serialize;
use std::fs;
use std::path::{Path, PathBuf};

/// Compile a charts folder to the collection config that clients would obey.
///
/// Prints config.json, exactly the bytes that would be published. A chart that expires is
/// collected or not by the time given with --at, or else by that of the checked-out commit.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    candor compile charts-config\n  \
    candor compile charts-config --out config.json --at 2027-01-01T00:00:00Z")]
pub(super) struct Args {
    /// The charts folder, or a folder with one named charts-config.
    charts: PathBuf,
    /// Write the config to this file instead of standard output.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// The time that decides which charts have expired, like 2027-01-01T00:00:00Z.
    #[arg(long, value_name = "TIME")]
    at: Option<Timestamp>,
}

/// What is printed with `--json` where the config itself goes to a file.
#[derive(Serialize)]
struct Written {
    file: String,
    programs: usize,
    counters: usize,
    stacks: usize,
}

pub(super) fn run(args: Args, out: Output) -> Result<(), Failure> {
    let folder = charts_folder(&args.charts);
    let definitions = parse(&read_work_tree(&folder)?)?;
    for warning in &definitions.warnings {
        out.say_lines(format_args!("{warning}\n"));
    }
    let now = match args.at {
        Some(now) => Some(now),
        // Any time will do.
        None if !definitions.expire() => Some(Timestamp::UNIX_EPOCH),
        None => commit_timestamp(&folder)?,
    };
    let now = match now {
        Some(now) => now,
        None => {
            return Err(Failure::usage(
                "charts expire, and this folder is not in a git repository with a commit that would \
                 tell the time; give the time with --at, like --at 2027-01-01T00:00:00Z",
            ));
        }
    };
    let config = compile(&definitions, now);
    let json = config.to_json();
    match args.out {
        // The config is JSON already, and its bytes matter: `--json` changes nothing.
        None => Output { json: false }.result(&(), json),
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

/// The time of the commit that is checked out, where the folder is in git and has one.
pub(super) fn commit_timestamp(folder: &Path) -> Result<Option<Timestamp>, Failure> {
    let time = commit_time(folder)?;
    Ok(time.and_then(|time| Timestamp::from_second(time).ok()))
}

fn written(file: &Path, config: &CollectionConfig) -> Written {
    Written {
        file: file.display().to_string(),
        programs: config.programs.len(),
        counters: config.programs.iter().map(|program| program.counters.len()).sum(),
        stacks: config.programs.iter().map(|program| program.stacks.len()).sum(),
    }
}
