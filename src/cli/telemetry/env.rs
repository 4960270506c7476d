//! `candor telemetry env`: the settings in effect, and what went wrong.

use super::projects::{hint_at_others, name_of};
use crate::cli::{Failure, Output};
use crate::client::folder::Folder;
use crate::client::mode::Consent;
use crate::client::report::{Destination, FetchFailure, KnownConfig, Listing, obstacles};
use crate::terminal::OneLine;
use serde::Serialize;
use std::fmt;
use std::path::PathBuf;

/// Print the settings in effect: folder, mode, where reports go, the known config; and what went wrong.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  candor telemetry env")]
pub(super) struct Args {}

#[derive(Debug, Serialize)]
struct Environment {
    project: String,
    /// A hint, if the user probably means another project.
    #[serde(skip)]
    others: Option<String>,
    folder: PathBuf,
    mode: String,
    reason: String,
    /// Where reports go.
    upload: Option<String>,
    module: Option<String>,
    config: Option<Config>,
    /// Whether the config is known to be the newest.
    freshness: Option<String>,
    /// Why the last attempt to fetch a config failed, if none has succeeded since.
    failure: Option<FetchFailure>,
    /// What keeps telemetry from working, and what to do about it.
    obstacles: Vec<String>,
    waiting: Vec<String>,
    sent: Vec<String>,
    refused: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Config {
    version: String,
    fetched: String,
}

pub(super) fn run(_: Args, folder: &Folder, out: Output) -> Result<(), Failure> {
    let consent = Consent::now(folder);
    let mut obstacles: Vec<String> = obstacles(folder).iter().map(ToString::to_string).collect();
    let mut note = |error: String| {
        // One cause may stop several things.
        if !obstacles.contains(&error) {
            obstacles.push(error);
        }
    };
    let listing = Listing::read(folder).unwrap_or_else(|error| {
        // A problem with the folder itself is listed already.
        if !error.is_obstacle() {
            note(error.to_string());
        }
        Listing::default()
    });
    let destination = Destination::of_folder(folder).unwrap_or_else(|error| {
        note(error.to_string());
        None
    });
    let known = destination.as_ref().and_then(|to| KnownConfig::of_folder(folder, &to.source));
    let texts = |weeks: &std::collections::BTreeSet<_>| {
        weeks.iter().map(|week: &crate::day::Day| week.to_string()).collect()
    };
    let environment = Environment {
        project: name_of(folder),
        others: hint_at_others(folder),
        folder: folder.path().to_path_buf(),
        mode: consent.mode.to_string(),
        reason: consent.reason(folder.path()),
        upload: destination.as_ref().map(|to| to.upload.to_string()),
        module: destination.as_ref().map(|to| to.source.module.to_string()),
        freshness: destination.as_ref().map(|to| to.freshness(known.as_ref())),
        config: known.map(|known| Config {
            version: known.version.to_string(),
            fetched: known.fetched.to_string(),
        }),
        failure: FetchFailure::of_folder(folder),
        obstacles,
        waiting: texts(&listing.ready.union(&listing.pending).copied().collect()),
        sent: texts(&listing.sent),
        refused: texts(&listing.refused),
    };
    out.result(&environment, &environment)
}

impl fmt::Display for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |weeks: &[String]| match weeks {
            [] => "none".to_owned(),
            weeks => weeks.join(", "),
        };
        writeln!(f, "project:  {}", OneLine(&self.project))?;
        writeln!(f, "folder:   {}", OneLine(self.folder.display()))?;
        writeln!(f, "mode:     {} ({})", self.mode, OneLine(&self.reason))?;
        match (&self.upload, &self.module) {
            (Some(upload), Some(module)) => {
                writeln!(f, "reports:  to {}, by {}", OneLine(upload), OneLine(module))?
            }
            _ => writeln!(f, "reports:  none were made here yet")?,
        }
        match &self.config {
            Some(config) => {
                writeln!(
                    f,
                    "config:   {}, verified on {}",
                    OneLine(&config.version),
                    OneLine(&config.fetched)
                )?;
            }
            None => writeln!(f, "config:   none was needed so far")?,
        }
        if let Some(freshness) = &self.freshness {
            writeln!(f, "newest:   {}", OneLine(freshness))?;
        }
        writeln!(f, "waiting:  {}", list(&self.waiting))?;
        writeln!(f, "sent:     {}", list(&self.sent))?;
        if !self.refused.is_empty() {
            writeln!(f, "refused:  {}", list(&self.refused))?;
        }
        if let Some(others) = &self.others {
            writeln!(f, "{}", OneLine(others))?;
        }
        for obstacle in &self.obstacles {
            writeln!(f, "obstacle: {}", OneLine(obstacle))?;
        }
        match &self.failure {
            Some(failure) if failure.check => writeln!(
                f,
                "NOTHING IS SENT: on {}, the config failed its check: {}",
                failure.day,
                OneLine(&failure.reason)
            ),
            Some(failure) => {
                writeln!(
                    f,
                    "failure:  on {}, no config could be fetched: {}",
                    failure.day,
                    OneLine(&failure.reason)
                )
            }
            None => Ok(()),
        }
    }
}
