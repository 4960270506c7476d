//! `candor telemetry clean`: everything that was counted on this machine, removed.

use super::projects::name_of;
use super::{Failure, Output};
use crate::cli::check::count;
use crate::client::folder::Folder;
use crate::client::report::{Listing, Shelf};
use crate::terminal::OneLine;
use serde::Serialize;
use std::io::{self, BufRead, IsTerminal, Write};
use std::path::PathBuf;

/// Remove everything that was counted: counter files and reports, sent or not.
///
/// Says what, and asks first. The choice of mode stays, and so does what this machine has seen of
/// the log that vouches for configs. What was sent before cannot be taken back: nobody knows which
/// reports were yours.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  candor telemetry clean --yes")]
pub(super) struct Args {
    /// Do not ask.
    #[arg(long)]
    yes: bool,
}

#[derive(Debug, Serialize)]
struct Cleaned {
    project: String,
    removed: Vec<PathBuf>,
}

pub(super) fn run(args: Args, folder: &Folder, out: Output) -> Result<(), Failure> {
    let project = name_of(folder);
    let listing = Listing::read(folder)?;
    let files = listing.paths(folder);
    if files.is_empty() {
        let nothing = format!("nothing of {} was counted\n", OneLine(&project));
        return out.result(&Cleaned { project, removed: files }, nothing);
    }
    for file in &files {
        out.narrate(file.display());
    }
    if !args.yes && !is_confirmed(&project, files.len())? {
        return Err(Failure::new("nothing was removed; add --yes to remove these files unasked"));
    }
    let Some(shelf) = Shelf::take(folder)? else {
        return Err(Failure::new(
            "another process is making reports just now; nothing was removed, try again",
        ));
    };
    shelf.clear(&files)?;
    let text = format!("removed {} of {}\n", count(files.len(), "file"), OneLine(&project));
    out.result(&Cleaned { project, removed: files }, text)
}

/// Asks whoever sits at the terminal. Nobody there has not said yes.
fn is_confirmed(project: &str, files: usize) -> Result<bool, Failure> {
    if !io::stdin().is_terminal() {
        return Ok(false);
    }
    let mut error = io::stderr().lock();
    let (files, project) = (count(files, "file"), OneLine(project));
    write!(error, "Remove {files} of {project}? [y/N] ")?;
    error.flush()?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}
