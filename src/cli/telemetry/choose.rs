//! `candor telemetry on`, `local` and `off`: the user's choice.

use super::projects;
use crate::cli::{Failure, Output};
use crate::client::folder::Folder;
use crate::client::mode::{Consent, DecidedBy, Mode};
use crate::client::report::Listing;
use crate::day::Day;
use crate::terminal::OneLine;
use serde::Serialize;
use std::path::PathBuf;
use std::time::SystemTime;

/// What is printed with `--json`.
#[derive(Debug, Serialize)]
struct Chosen {
    /// The project, or the folder if one was named instead.
    project: String,
    folder: PathBuf,
    mode: String,
    /// The mode in effect for this process: `DO_NOT_TRACK` overrides the choice.
    in_effect: String,
}

pub(super) fn run(folder: &Folder, mode: Mode, out: Output) -> Result<(), Failure> {
    let today = Day::of(SystemTime::now());
    let project = projects::name_of(folder);
    let others = match folder.path().is_dir() {
        true => String::new(),
        false => format!(
            "\nThis project was not on this machine before; these were: {}. If the name is a \
             mistake, `off` and then `clean` instead of `{mode}` forget it.",
            OneLine(projects::list())
        ),
    };
    mode.store(folder, today)?;
    let consent = Consent::now(folder);
    let meaning = match mode {
        Mode::On => format!(
            "Programs count, and sampled reports of weeks that begin after {today} are sent.\n\
             `view` instead of `on` shows what is counted and what would be sent."
        ),
        Mode::Local => "Programs count on this machine. Nothing is sent.".to_owned(),
        Mode::Off if Listing::read(folder).is_ok_and(|listing| listing == Listing::default()) => {
            "Nothing is counted and nothing is sent. Nothing is left of earlier counts.".to_owned()
        }
        Mode::Off => "Nothing is counted and nothing is sent. Earlier counts are still in the \
                      folder: `clean` instead of `off` removes them."
            .to_owned(),
    };
    let overridden = match consent.decided_by {
        DecidedBy::DoNotTrack => "\nDO_NOT_TRACK is set and overrides this: off.",
        _ => "",
    };
    let text =
        format!("telemetry of {} is {mode}. {meaning}{overridden}{others}\n", OneLine(&project));
    let chosen = Chosen {
        project,
        folder: folder.path().to_path_buf(),
        mode: mode.to_string(),
        in_effect: consent.mode.to_string(),
    };
    out.result(&chosen, text)
}
