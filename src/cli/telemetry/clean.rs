//! `candor telemetry clean`: deletes everything that was counted on this machine.

use super::projects::{is_project_folder, name_of};
use crate::cli::{Failure, Output};
use crate::client::folder::Folder;
use crate::client::mode::{Consent, Mode};
use crate::client::report::{Listing, ReportFolder};
use crate::count::count;
use crate::terminal::OneLine;
use serde::Serialize;
use std::io::{self, BufRead, IsTerminal, Write};
use std::path::PathBuf;

/// Remove everything that was counted: counter files and reports, sent or not.
///
/// Lists the files and asks first. A project that is off and has no files left is forgotten: its
/// folder is removed. Otherwise the choice of mode stays, and so does the record of the log that
/// vouches for configs. Reports that were sent cannot be taken back: nobody knows which were yours.
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
    /// Whether the project has left no trace on this machine.
    forgotten: bool,
    removed: Vec<PathBuf>,
}

pub(super) fn run(args: Args, folder: &Folder, out: Output) -> Result<(), Failure> {
    let project = name_of(folder);
    let listing = Listing::read(folder)?;
    let files = listing.paths(folder);
    let is_off = Consent::read(folder, None).mode == Mode::Off;
    let may_be_forgotten = is_project_folder(folder.path()) && folder.path().is_dir();
    let again = match (may_be_forgotten, is_off) {
        (true, true) => "; run `clean` once more to forget the project",
        (true, false) => "; `off`, and then `clean`, forget the project",
        (false, _) => "",
    };
    if files.is_empty() && may_be_forgotten && is_off {
        return forget(&args, folder, project, out);
    }
    if files.is_empty() {
        let nothing = format!("nothing was counted for {}{again}\n", OneLine(&project));
        return out.result(&Cleaned { project, forgotten: false, removed: files }, nothing);
    }
    for file in &files {
        out.narrate(file.display());
    }
    let question = format!("Remove {} of {}?", count(files.len(), "file"), OneLine(&project));
    if !args.yes && !is_confirmed(&question)? {
        return Err(Failure::new(
            "nothing was removed; add --yes to remove these files without being asked",
        ));
    }
    lock(folder)?.clear(&files)?;
    let text = format!("removed {} of {}{again}\n", count(files.len(), "file"), OneLine(&project));
    out.result(&Cleaned { project, forgotten: false, removed: files }, text)
}

/// Removes the folder of a project that is off and has no files left.
fn forget(args: &Args, folder: &Folder, project: String, out: Output) -> Result<(), Failure> {
    let path = folder.path().to_path_buf();
    out.narrate(path.display());
    let question = format!("Nothing is counted. Forget {}?", OneLine(&project));
    if !args.yes && !is_confirmed(&question)? {
        return Err(Failure::new(
            "nothing was removed; add --yes to remove this folder without being asked",
        ));
    }
    let forgotten = lock(folder)?.remove_folder()?;
    let name = OneLine(&project);
    let text = match forgotten {
        true => {
            format!("{name} is forgotten on this machine; its empty folder was removed\n")
        }
        false => format!(
            "{name} is forgotten; its folder stays, because something else is in it: {}\n",
            OneLine(path.display())
        ),
    };
    out.result(&Cleaned { project, forgotten, removed: vec![path] }, text)
}

fn lock(folder: &Folder) -> Result<ReportFolder, Failure> {
    ReportFolder::lock(folder)?.ok_or_else(|| {
        Failure::new(
            "another process is making reports right now, so nothing was removed; try again",
        )
    })
}

/// Asks the user at the terminal. Without a terminal the answer is no.
fn is_confirmed(question: &str) -> Result<bool, Failure> {
    if !io::stdin().is_terminal() {
        return Ok(false);
    }
    let mut error = io::stderr().lock();
    write!(error, "{question} [y/N] ")?;
    error.flush()?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}
