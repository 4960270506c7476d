//! `candor telemetry view`: what is counted, what would be sent, and what would not and why.
//!
//! On a terminal and as JSON here, as a web page in `page`; both show the same [`Overview`].

use super::overview::{Overview, build, outlook, report, withheld, withheld_line};
use super::page;
use super::reason::reason;
use super::today::Today;
use crate::cli::{Failure, Output};
use crate::client::folder::Folder;
use crate::client::report::{Preview, ProgramReport, Report, Withheld};
use crate::terminal::OneLine;
use serde::Serialize;
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

/// See what is counted, exactly what would be sent, and what would be withheld and why.
///
/// Looking sends, fetches and changes nothing.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    candor telemetry view\n  \
    candor telemetry view --config config.json\n  \
    candor telemetry view --serve")]
pub(super) struct Args {
    /// Use this config.json instead of the last verified config.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Write a web page to this file.
    #[arg(long, value_name = "FILE", conflicts_with = "serve")]
    html: Option<PathBuf>,
    /// Serve the page on this machine until Ctrl-C, on a free port by default.
    #[arg(long, value_name = "ADDR", num_args = 0..=1, default_missing_value = "127.0.0.1:0")]
    serve: Option<SocketAddr>,
    #[command(flatten)]
    today: Today,
}

pub(super) fn run(args: Args, folder: Folder, out: Output) -> Result<(), Failure> {
    let Args { config, html, serve, today } = args;
    let read = move || Overview::read(&folder, config.as_deref(), today.now());
    if let Some(address) = serve {
        return page::serve(address, read, out);
    }
    let overview = read()?;
    match html {
        Some(file) => {
            std::fs::write(&file, page::render(&overview))
                .map_err(|e| Failure::new(format!("cannot write {}: {e}", file.display())))?;
            out.result(&overview.to_json(), format!("wrote {}\n", OneLine(file.display())))
        }
        None => out.result(&overview.to_json(), &overview),
    }
}

/// What is printed with `--json`.
#[derive(Serialize)]
struct Json<'a> {
    project: &'a str,
    mode: String,
    config: Option<&'a str>,
    weeks: Vec<WeekJson<'a>>,
    /// The reports that wait to be sent, byte for byte.
    ready: Vec<&'a str>,
    sent: Vec<String>,
}

#[derive(Serialize)]
struct WeekJson<'a> {
    end: String,
    ended: bool,
    counted: &'a [ProgramReport],
    /// Why nothing of it is sent, if nothing is.
    held: Option<String>,
    /// What `report` and `withheld` mean.
    state: String,
    /// The text that is sent, or would be if the week were not held.
    report: Option<String>,
    withheld: &'a [Withheld],
}

impl Overview {
    fn to_json(&self) -> Json<'_> {
        Json {
            project: &self.project,
            mode: self.preview.consent.mode.to_string(),
            config: self.config.as_deref(),
            weeks: self
                .preview
                .weeks
                .iter()
                .map(|week| WeekJson {
                    end: week.end.to_string(),
                    ended: week.ended,
                    counted: &week.counted.programs,
                    held: week.hold.map(|hold| hold.to_string()),
                    state: outlook(week, self.sample_rate),
                    report: report(week).map(Report::to_json),
                    withheld: withheld(week),
                })
                .collect(),
            ready: self.preview.ready.iter().map(|(_, text)| text.as_str()).collect(),
            sent: self.preview.sent.iter().map(ToString::to_string).collect(),
        }
    }
}

impl fmt::Display for Overview {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Preview { consent, weeks, ready, sent, unreadable } = &self.preview;
        writeln!(f, "telemetry of {}", OneLine(&self.project))?;
        writeln!(f, "mode {} ({})", consent.mode, OneLine(reason(consent, &self.folder)))?;
        writeln!(f, "config {}", OneLine(self.config.as_deref().unwrap_or("none")))?;
        for week in weeks {
            let end = if week.ended { "ended" } else { "ends" };
            match week.begin {
                Some(begin) => {
                    writeln!(f, "\nThe week that began on {begin} and {end} on {}", week.end)?
                }
                None => writeln!(f, "\nThe week that {end} on {}", week.end)?,
            }
            for program in &week.counted.programs {
                writeln!(f, "  {}", OneLine(build(&program.build)))?;
                for (name, count) in program.counters.iter().chain(&program.stacks) {
                    let name = name.replace('\n', "\n             ");
                    writeln!(f, "  {count:>9}  {name}")?;
                }
            }
            writeln!(f, "{}", outlook(week, self.sample_rate))?;
            if let Some(report) = report(week) {
                writeln!(f, "{}", report.to_json())?;
                let withheld = withheld(week);
                if !withheld.is_empty() {
                    writeln!(f, "Withheld:")?;
                }
                for withheld in withheld {
                    writeln!(f, "  {}", OneLine(withheld_line(withheld)))?;
                }
            }
        }
        if weeks.is_empty() {
            writeln!(f, "\nThere are no counts at the moment.")?;
        }
        if let Some(others) = &self.others {
            writeln!(f, "{}", OneLine(others))?;
        }
        for (week, text) in ready {
            writeln!(f, "\nReady to be sent for {week}:\n{text}")?;
        }
        if !sent.is_empty() {
            let sent: Vec<_> = sent.iter().map(ToString::to_string).collect();
            writeln!(
                f,
                "\nSent before: {} (in {})",
                sent.join(", "),
                OneLine(self.folder.join("upload").display())
            )?;
        }
        unreadable.iter().try_for_each(|(_, reason)| writeln!(f, "\nSkipped: {}", OneLine(reason)))
    }
}
