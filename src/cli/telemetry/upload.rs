//! `candor telemetry report` and `candor telemetry upload`: what programs do by themselves, done now
//! and reported.

use super::deployment::DeploymentArgs;
use super::projects::{hint_at_others, name_of};
use super::today::Today;
use crate::cli::{Failure, Output};
use crate::client::Http;
use crate::client::folder::Folder;
use crate::client::is_at_work;
use crate::client::mode::{Consent, Mode};
use crate::client::report::{
    Destination, Event, FetchFailure, RunOptions, Summary, refresh_config, run_uploads,
};
use crate::day::Day;
use crate::terminal::OneLine;
use serde::Serialize;
use std::fmt;
use std::time::{Duration, SystemTime};

/// Make local reports of the weeks that have ended, and send nothing.
///
/// Programs do this by themselves. The counts of each week become one report. If telemetry is on,
/// and a config was verified in the last four weeks, the report's X is drawn, so that `view` shows
/// exactly what will be sent.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  candor telemetry report")]
pub(super) struct ReportArgs {
    #[command(flatten)]
    today: Today,
}

/// Make reports of the weeks that have ended, and send those that may be sent.
///
/// Programs do this by themselves, once a day. The exit status is 1 if a report had to wait or was
/// refused.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    candor telemetry upload\n  \
    candor telemetry upload --refresh\n  \
    candor telemetry upload --url https://telemetry.example.org \\\n      \
    --module telemetry.example.org/config --vkey telemetry.example.org/log+...")]
pub(super) struct Args {
    #[command(flatten)]
    to: DeploymentArgs,
    /// Fetch and verify the newest config first, even if one was fetched today.
    #[arg(long)]
    refresh: bool,
    #[command(flatten)]
    today: Today,
}

/// What is printed with `--json`.
#[derive(Debug, Serialize)]
struct Outcome {
    project: String,
    mode: String,
    /// Whether another process was making reports, so that nothing was done.
    busy: bool,
    /// The config that was fetched, with `--refresh`.
    #[serde(skip_serializing_if = "Option::is_none")]
    config: Option<String>,
    sent: Vec<String>,
    events: Vec<String>,
}

pub(super) fn report(args: ReportArgs, folder: &Folder, out: Output) -> Result<(), Failure> {
    let now = args.today.now();
    let options =
        RunOptions { folder: folder.clone(), destination: None, now, asked_by_user: true };
    print(folder, &run_uploads(&options)?, None, out)
}

pub(super) fn run(args: Args, folder: &Folder, out: Output) -> Result<(), Failure> {
    let mut destination = args.to.destination()?;
    let way_out = if destination.is_none() { SINCE_WHEN } else { "" };
    // The destination matters only if something may be sent.
    if destination.is_none() && Consent::now(folder).mode == Mode::On {
        destination = patiently(|| {
            Ok::<_, Failure>(match Destination::of_folder(folder)? {
                None if is_at_work(folder, SystemTime::now()) => None,
                destination => Some(destination),
            })
        })?
        .ok_or_else(|| Failure::new(AT_WORK))?;
        if destination.is_none() {
            return Err(Failure::usage(format!(
                "it is not known where the reports of {} go: its programs have made none here \
                 yet. Run one of them, which sends what is due once a day; or name the deployment \
                 with --url, --module and --vkey",
                name_of(folder)
            )));
        }
    }
    let options = RunOptions {
        folder: folder.clone(),
        destination,
        now: args.today.now(),
        asked_by_user: true,
    };
    let may_send = options.destination.is_some() && Consent::now(folder).mode == Mode::On;
    let asked = options.destination.as_ref().map(|to| to.source.log.to_string());
    let refreshed = match args.refresh && may_send {
        true => {
            let refreshed = patiently(|| refresh_config(&options, &Http::new()))?;
            let refreshed = refreshed.ok_or_else(|| Failure::new(AT_WORK))?;
            let asked = asked.as_deref().unwrap_or_default();
            let failed = |why: FetchFailure| {
                let reason = why.reason;
                Failure::new(format!("no config was fetched from {asked}: {reason}{way_out}"))
            };
            Some(refreshed.map_err(failed)?)
        }
        false => None,
    };
    let summary =
        patiently(|| Ok::<_, Failure>(Some(run_uploads(&options)?).filter(|it| !it.busy)))?;
    let summary = summary.ok_or_else(|| Failure::new(AT_WORK))?;
    let config = refreshed.map(|known| known.version.to_string()).zip(asked);
    print(folder, &summary, config, out)
}

/// What to tell a user after [`PATIENCE`].
const AT_WORK: &str = "a program of this project is doing the same in the background right now, so nothing was done; try again \
                       in a second";
/// Where a folder's reports go follows its programs, once a day.
const SINCE_WHEN: &str = "\n(If a program was built with another address or key since: that takes effect when it does \
                          its daily work, tomorrow at the latest. --url, --module and --vkey name another deployment now)";
/// How long a person waits for a program's child, which is usually done sooner.
const PATIENCE: Duration = Duration::from_secs(5);
/// How often it is looked whether it is done.
const LOOK: Duration = Duration::from_millis(100);

/// Tries again and again while there is nothing, because another process is at work.
fn patiently<T, E>(mut attempt: impl FnMut() -> Result<Option<T>, E>) -> Result<Option<T>, E> {
    for _ in 0..PATIENCE.as_millis() / LOOK.as_millis() {
        if let Some(done) = attempt()? {
            return Ok(Some(done));
        }
        std::thread::sleep(LOOK);
    }
    attempt()
}

fn print(
    folder: &Folder,
    summary: &Summary,
    config: Option<(String, String)>,
    out: Output,
) -> Result<(), Failure> {
    let outcome = Outcome {
        project: name_of(folder),
        mode: summary.consent.mode.to_string(),
        busy: summary.busy,
        config: config.as_ref().map(|(version, _)| version.clone()),
        sent: summary.sent().map(|week| week.to_string()).collect(),
        events: summary.events.iter().map(Event::to_string).collect(),
    };
    let (project, config) = (&outcome.project, config.as_ref());
    out.result(&outcome, SummaryText { project, config, folder, summary })?;
    let failed = |event: &Event| {
        matches!(event, Event::Refused { .. } | Event::Waits { .. } | Event::Lost { .. })
    };
    if summary.events.iter().any(failed) { Err(Failure::reported()) } else { Ok(()) }
}

/// The week that an event is about.
fn week_of(event: &Event) -> Option<Day> {
    match event {
        Event::Reported { week, .. }
        | Event::Ready { week, .. }
        | Event::Withheld { week, .. }
        | Event::Held { week, .. }
        | Event::Sent { week }
        | Event::Refused { week, .. }
        | Event::Waits { week, .. }
        | Event::Lost { week, .. } => Some(*week),
        _ => None,
    }
}

struct SummaryText<'a> {
    project: &'a str,
    /// The newest version, and the log that says so.
    config: Option<&'a (String, String)>,
    folder: &'a Folder,
    summary: &'a Summary,
}

impl fmt::Display for SummaryText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Summary { consent, busy, events } = self.summary;
        let project = OneLine(self.project);
        writeln!(f, "{project}:")?;
        if let Some((version, log)) = self.config {
            writeln!(f, "the newest config is {version}, as the log at {} says", OneLine(log))?;
        }
        for event in events {
            writeln!(f, "{}", OneLine(event))?;
        }
        match consent.mode {
            Mode::Off => {
                let reason = consent.reason(self.folder.path());
                writeln!(f, "telemetry is off ({}): nothing was done", OneLine(reason))?;
                hint_at_others(self.folder)
                    .iter()
                    .try_for_each(|text| writeln!(f, "{}", OneLine(text)))
            }
            _ if *busy => writeln!(f, "another process is making reports right now"),
            _ if events.is_empty() => writeln!(f, "no week has ended since the last report"),
            _ => match events.iter().find_map(week_of) {
                Some(week) => writeln!(
                    f,
                    "(a week is named after the day on which it ends: on this machine, a {})",
                    week.weekday_name()
                ),
                None => Ok(()),
            },
        }
    }
}
