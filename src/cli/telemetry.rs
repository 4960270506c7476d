//! `candor telemetry`: how users choose, inspect and delete the telemetry of this machine.
//!
//! This file owns the command line, and finds the folder that is meant.
//!
//! | file | one idea |
//! | --- | --- |
//! | `projects` | which projects count on this machine, and which one is meant |
//! | `choose` | `on`, `local` and `off` |
//! | `env` | `env`: the settings in effect, and what went wrong |
//! | `overview` | what is counted, what would be sent and what would not, in sentences |
//! | `view` | `view`: the overview on a terminal, or as JSON |
//! | `page` | `view --html` and `--serve`: the overview as a web page |
//! | `upload` | `report` and `upload`: make the reports, and send them |
//! | `rehearse` | `rehearse`: a week in a minute |
//! | `clean` | `clean`: delete everything that was counted |
//! | `deployment`, `today` | options that several verbs share |

mod choose;
mod clean;
mod deployment;
mod env;
mod overview;
mod page;
mod projects;
mod rehearse;
mod today;
mod upload;
mod view;

use super::{Failure, Output};
use crate::client::folder::Folder;
use crate::client::mode::Mode;
use clap::Subcommand;
use projects::Purpose;
use std::path::PathBuf;

/// Choose what telemetry may do on this machine, and see all of it.
///
/// Off until someone turns it on. `on`: programs count, and sampled reports of weeks that begin
/// tomorrow or later are sent. `local`: programs count, and nothing is sent. `off`: nothing is
/// written.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    candor telemetry            list all projects on this machine\n  \
    candor telemetry local      count, but send nothing\n  \
    candor telemetry view       see what is counted, and what would be sent\n  \
    candor telemetry off        stop\n  \
    candor telemetry --project example.org/myprog on")]
pub(super) struct Args {
    /// The project whose programs count: the path of its program, or the name in its documentation.
    /// The default is candor itself.
    #[arg(long, value_name = "NAME", global = true)]
    project: Option<String>,
    /// The telemetry folder, if it is not the project's own.
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
    Rehearse(rehearse::Args),
    Clean(clean::Args),
}

impl Args {
    /// Whether it changes what is counted.
    pub(super) fn decides(&self) -> bool {
        !matches!(self.verb, None | Some(Verb::Env(_) | Verb::View(_)))
    }
}

pub(super) fn run(args: Args, out: Output) -> Result<(), Failure> {
    let Some(verb) = args.verb else {
        return match (args.dir, args.project) {
            (None, None) => projects::run(out),
            _ => Err(Failure::usage("say what to do with it: on, local, off, env or view")),
        };
    };
    let purpose = match verb {
        Verb::On | Verb::Local => Purpose::Begin,
        Verb::Off | Verb::Upload(_) | Verb::Clean(_) => Purpose::Change,
        Verb::Env(_) | Verb::View(_) | Verb::Report(_) | Verb::Rehearse(_) => Purpose::Look,
    };
    let folder = match (args.dir, args.project.as_deref()) {
        (Some(dir), _) => Folder::at(dir),
        (None, project) => projects::folder_of(project.unwrap_or(projects::OWN), purpose)?,
    };
    match verb {
        Verb::On => choose::run(&folder, Mode::On, out),
        Verb::Local => choose::run(&folder, Mode::Local, out),
        Verb::Off => choose::run(&folder, Mode::Off, out),
        Verb::Env(args) => env::run(args, &folder, out),
        Verb::View(args) => view::run(args, folder, out),
        Verb::Report(args) => upload::report(args, &folder, out),
        Verb::Upload(args) => upload::run(args, &folder, out),
        Verb::Rehearse(args) => rehearse::run(args, &folder, out),
        Verb::Clean(args) => clean::run(args, &folder, out),
    }
}
