//! `candor telemetry clean`: everything that was counted on this machine, removed.

use super::projects::{is_of_projects, name_of};
use super::{Failure, Output};
use crate::cli::count::count;
use crate::client::folder::Folder;
use crate::client::mode::{Consent, Mode};
use crate::client::report::{Listing, Shelf};
use crate::terminal::OneLine;
use serde::Serialize;
use std::io::{self, BufRead, IsTerminal, Write};
use std::path::PathBuf;

/// Remove everything that was counted: counter files and reports, sent or not.
///
/// Says what, and asks first. Of a project that is off and of which nothing is left, its folder is
/// removed: it is forgotten. Otherwise the choice of mode stays, and so does what this machine has seen of
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
    /// Whether nothing of the project is on this machine any more.
    forgotten: bool,
    removed: Vec<PathBuf>,
}

pub(super) fn run(args: Args, folder: &Folder, out: Output) -> Result<(), Failure> {
    let project = name_of(folder);
    let listing = Listing::read(folder)?;
    let files = listing.paths(folder);
    let is_off = Consent::read(folder, None).mode == Mode::Off;
    let may_be_forgotten = is_of_projects(folder.path()) && folder.path().is_dir();
    let again = match (may_be_forgotten, is_off) {
        (true, true) => "; `clean` once more forgets the project",
        (true, false) => "; `off`, and then `clean`, forget the project",
        (false, _) => "",
    };
    if files.is_empty() && may_be_forgotten && is_off {
        return forget(&args, folder, project, out);
    }
    if files.is_empty() {
        let nothing = format!("nothing of {} was counted{again}\n", OneLine(&project));
        return out.result(&Cleaned { project, forgotten: false, removed: files }, nothing);
    }
    for file in &files {
        out.narrate(file.display());
    }
    let question = format!("Remove {} of {}?", count(files.len(), "file"), OneLine(&project));
    if !args.yes && !is_confirmed(&question)? {
        return Err(Failure::new("nothing was removed; add --yes to remove these files unasked"));
    }
    take(folder)?.clear(&files)?;
    let text = format!("removed {} of {}{again}\n", count(files.len(), "file"), OneLine(&project));
    out.result(&Cleaned { project, forgotten: false, removed: files }, text)
}

/// Removes the folder of a project that is off and has nothing left.
fn forget(args: &Args, folder: &Folder, project: String, out: Output) -> Result<(), Failure> {
    let path = folder.path().to_path_buf();
    out.narrate(path.display());
    let question = format!("Nothing was counted. Forget {}?", OneLine(&project));
    if !args.yes && !is_confirmed(&question)? {
        return Err(Failure::new("nothing was removed; add --yes to remove this folder unasked"));
    }
    let forgotten = take(folder)?.remove_folder()?;
    let name = OneLine(&project);
    let text = match forgotten {
        true => {
            format!("{name} is forgotten on this machine: its folder was empty and is removed\n")
        }
        false => format!(
            "{name} is forgotten, but its folder stays, for there is more in it: {}\n",
            OneLine(path.display())
        ),
    };
    out.result(&Cleaned { project, forgotten, removed: vec![path] }, text)
}

fn take(folder: &Folder) -> Result<Shelf, Failure> {
    Shelf::take(folder)?.ok_or_else(|| {
        Failure::new("another process is making reports just now; nothing was removed, try again")
    })
}

/// Asks whoever sits at the terminal. Nobody there has not said yes.
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
