//! `candor telemetry`: what a user decides, sees and does about the telemetry of this machine.
//!
//! This file owns what its verbs share: which folder is meant, which day it is, and which
//! deployment. One file a verb, where it is more than a few lines.

mod clean;
mod env;
mod freshness;
mod page;
mod projects;
mod upload;
mod view;

use super::{Failure, Output};
use crate::client::day::Day;
use crate::client::folder::Folder;
use crate::client::mode::{Consent, DecidedBy, Mode};
use crate::client::report::{Destination, Listing};
use crate::terminal::OneLine;
use clap::Subcommand;
use projects::Purpose;
use serde::Serialize;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// Decide about the telemetry of this machine, and see all of it.
///
/// Off until someone turns it on. `on`: programs count, and sampled reports of weeks that begin
/// from tomorrow on are sent. `local`: programs count, and nothing is sent. `off`: nothing is
/// written.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    candor telemetry            all projects on this machine\n  \
    candor telemetry local      count, but send nothing\n  \
    candor telemetry view       see what is counted, and what would be sent\n  \
    candor telemetry off        stop\n  \
    candor telemetry --project example.org/myprog on")]
pub(super) struct Args {
    /// The project whose programs count: the path of its program, or the name that it documents.
    /// Where none is named, this program itself.
    #[arg(long, value_name = "NAME", global = true)]
    project: Option<String>,
    /// The telemetry folder, where it is not the project's own.
    #[arg(long, value_name = "DIR", global = true, conflicts_with = "project")]
    dir: Option<PathBuf>,
    #[command(subcommand)]
    verb: Option<Verb>,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Count, and send sampled reports of weeks that begin after today.
    #[command(after_help = "Example:\n  candor telemetry on")]
    On,
    /// Count, and send nothing.
    #[command(after_help = "Example:\n  candor telemetry local")]
    Local,
    /// Write nothing and send nothing.
    #[command(after_help = "Example:\n  candor telemetry off")]
    Off,
    Env(env::Args),
    View(view::Args),
    Report(upload::ReportArgs),
    Upload(upload::Args),
    Clean(clean::Args),
}

/// The day on which a verb works.
#[derive(Debug, clap::Args)]
struct Today {
    /// Work as if it were this day, at noon UTC.
    #[arg(long, value_name = "DATE")]
    today: Option<Day>,
}

impl Today {
    fn now(&self) -> SystemTime {
        self.today.map_or_else(SystemTime::now, |day| day.start() + Duration::from_secs(43_200))
    }
}

/// The deployment that a folder's reports go to.
#[derive(Debug, clap::Args)]
struct To {
    /// Where the deployment is, as https://HOST. The folder remembers it.
    #[arg(long, value_name = "URL", requires_all = ["module", "trust"])]
    url: Option<String>,
    /// The module that its configs are published as.
    #[arg(long, value_name = "PATH", requires = "url")]
    module: Option<String>,
    /// The verifier key of its log, HOST/log+....
    #[arg(long, value_name = "KEY", requires = "url", group = "trust")]
    vkey: Option<String>,
    /// Instead of the key, a policy that names the log and its witnesses.
    #[arg(long, value_name = "FILE", requires = "url", group = "trust")]
    policy: Option<PathBuf>,
}

impl To {
    /// The deployment that was named.
    fn named(&self) -> Result<Option<Destination>, Failure> {
        let trust = match (&self.vkey, &self.policy) {
            (Some(key), _) => key.clone(),
            (None, Some(file)) => fs::read_to_string(file).map_err(|error| {
                Failure::usage(format!("cannot read {}: {error}", file.display()))
            })?,
            (None, None) => return Ok(None),
        };
        match (&self.url, &self.module) {
            (Some(url), Some(module)) => {
                Destination::at(url, module, &trust).map(Some).map_err(Failure::usage)
            }
            _ => Ok(None),
        }
    }
}

/// What a choice prints.
#[derive(Debug, Serialize)]
struct Chosen {
    /// The project, or the folder where that was named.
    project: String,
    folder: PathBuf,
    mode: String,
    /// What holds for this process: `DO_NOT_TRACK` outweighs the choice.
    in_effect: String,
}

pub(super) fn run(args: Args, out: Output) -> Result<(), Failure> {
    let Some(verb) = args.verb else {
        return match (args.dir, args.project) {
            (None, None) => projects::run(out),
            _ => Err(Failure::usage("name what to do with it: on, local, off, env or view")),
        };
    };
    let purpose = match verb {
        Verb::On | Verb::Local => Purpose::Begin,
        Verb::Off | Verb::Upload(_) | Verb::Clean(_) => Purpose::Change,
        Verb::Env(_) | Verb::View(_) | Verb::Report(_) => Purpose::Look,
    };
    let folder = match (args.dir, args.project.as_deref()) {
        (Some(dir), _) => Folder::at(dir),
        (None, project) => projects::folder_of(project.unwrap_or(projects::OWN), purpose)?,
    };
    match verb {
        Verb::On => choose(&folder, Mode::On, out),
        Verb::Local => choose(&folder, Mode::Local, out),
        Verb::Off => choose(&folder, Mode::Off, out),
        Verb::Env(args) => env::run(args, &folder, out),
        Verb::View(args) => view::run(args, &folder, out),
        Verb::Report(args) => upload::report(args, &folder, out),
        Verb::Upload(args) => upload::run(args, &folder, out),
        Verb::Clean(args) => clean::run(args, &folder, out),
    }
}

fn choose(folder: &Folder, mode: Mode, out: Output) -> Result<(), Failure> {
    let today = Day::of(SystemTime::now());
    let project = projects::name_of(folder);
    let others = match folder.path().is_dir() {
        true => String::new(),
        false => format!(
            "\nNothing of it was on this machine before. What was: {}. If the name is a mistake, \
             `off` and then `clean` instead of `{mode}` forget it.",
            OneLine(projects::listed())
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
            "Nothing is counted and nothing is sent. Nothing is left of what was counted before."
                .to_owned()
        }
        Mode::Off => "Nothing is counted and nothing is sent. What was counted before is still \
                      there: `clean` instead of `off` removes it."
            .to_owned(),
    };
    let outweighed = match consent.decided_by {
        DecidedBy::DoNotTrack => "\nDO_NOT_TRACK is set and outweighs this: off.",
        _ => "",
    };
    let text =
        format!("telemetry of {} is {mode}. {meaning}{outweighed}{others}\n", OneLine(&project));
    let chosen = Chosen {
        project,
        folder: folder.path().to_path_buf(),
        mode: mode.to_string(),
        in_effect: consent.mode.to_string(),
    };
    out.result(&chosen, text)
}

/// Why this mode holds in a folder, as a half-sentence.
fn reason(consent: &Consent, folder: &Path) -> String {
    match &consent.decided_by {
        DecidedBy::ModeFile => match consent.since {
            Some(since) => format!("chosen on {since}"),
            None => "chosen, the mode file does not say when".to_owned(),
        },
        DecidedBy::NoModeFile if !folder.is_dir() => {
            "nobody has chosen yet: there is no such folder".to_owned()
        }
        DecidedBy::NoModeFile => "nobody has chosen yet".to_owned(),
        DecidedBy::DoNotTrack => "DO_NOT_TRACK is set".to_owned(),
        DecidedBy::BadModeFile(error) => error.clone(),
    }
}
