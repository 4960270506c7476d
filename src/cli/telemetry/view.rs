//! `candor telemetry view`: what is counted, what would be sent, and what would not and why.
//!
//! On a terminal and as JSON here, as a web page in `page`; both show the same [`Overview`].

use super::overview::{Overview, WITHOUT_CONFIG};
use super::page;
use super::today::Today;
use crate::cli::{Failure, Output};
use crate::client::folder::Folder;
use crate::client::report::words::{PreviewText, outlook, report, withheld};
use crate::client::report::{ProgramReport, Report, Withheld};
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
                    state: outlook(week, self.sample_rate, WITHOUT_CONFIG),
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
        let consent = &self.preview.consent;
        writeln!(f, "telemetry of {}", OneLine(&self.project))?;
        writeln!(f, "mode {} ({})", consent.mode, OneLine(consent.reason(&self.folder)))?;
        writeln!(f, "config {}", OneLine(self.config.as_deref().unwrap_or("none")))?;
        let Overview { preview, folder, sample_rate, .. } = self;
        let (sample_rate, without_config) = (*sample_rate, WITHOUT_CONFIG);
        write!(f, "{}", PreviewText { preview, folder, sample_rate, without_config })?;
        self.others.iter().try_for_each(|others| writeln!(f, "{}", OneLine(others)))
    }
}
