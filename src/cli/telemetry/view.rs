//! `candor telemetry view`: what is counted, what would be sent, and what not and why.
//!
//! For the terminal here; as a page in `page`. Both show the same [`Preview`]. Nothing is fetched:
//! the config is the one that this machine has verified last, or one from a file.

use super::freshness::freshness;
use super::page;
use super::projects::{name_of, others};
use super::{Failure, Output, Today, reason};
use crate::client::folder::Folder;
use crate::client::mode::Consent;
use crate::client::report::{
    Build, Destination, Filtered, Future, KnownConfig, NO_CONFIG, Preview, Report, WeekPreview,
    Withheld,
};
use crate::collection::CollectionConfig;
use crate::terminal::OneLine;
use serde::Serialize;
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

/// See what is counted, exactly what would be sent, and what would be withheld and why.
///
/// Nothing is sent, fetched or changed by looking.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    candor telemetry view\n  \
    candor telemetry view --config config.json\n  \
    candor telemetry view --serve")]
pub(super) struct Args {
    /// Look through this config.json, and not through the config verified last.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Write a web page to this file.
    #[arg(long, value_name = "FILE", conflicts_with = "serve")]
    html: Option<PathBuf>,
    /// Serve the page on this machine until Ctrl-C; at a free port if none is given.
    #[arg(long, value_name = "ADDR", num_args = 0..=1, default_missing_value = "127.0.0.1:0")]
    serve: Option<SocketAddr>,
    #[command(flatten)]
    today: Today,
}

pub(super) fn run(args: Args, folder: &Folder, out: Output) -> Result<(), Failure> {
    let look = || look(&args, folder);
    if let Some(address) = args.serve {
        return page::serve(address, &|| Ok(page::render(&look()?)), out);
    }
    let seen = look()?;
    match &args.html {
        Some(file) => {
            std::fs::write(file, page::render(&seen))
                .map_err(|e| Failure::new(format!("cannot write {}: {e}", file.display())))?;
            out.result(&seen.to_json(), format!("wrote {}\n", OneLine(file.display())))
        }
        None => out.result(&seen.to_json(), &seen),
    }
}

/// A preview, and what it was looked at through.
pub(super) struct Seen {
    pub project: String,
    /// Where to look instead, if this is nobody's.
    pub others: Option<String>,
    pub folder: PathBuf,
    pub preview: Preview,
    pub upload: Option<String>,
    /// The config's version, or the file that it is in.
    pub config: Option<String>,
    /// The share of weeks of which anything is sent.
    pub sample_rate: Option<f64>,
}

fn look(args: &Args, folder: &Folder) -> Result<Seen, Failure> {
    let destination = Destination::of_folder(folder)?;
    let known = destination.as_ref().and_then(|to| KnownConfig::of_folder(folder, &to.source));
    let fresh = destination.as_ref().map(|to| freshness(to, known.as_ref()));
    let (config, version, name) = match (&args.config, known) {
        (Some(file), _) => {
            let in_file = |e: &dyn fmt::Display| Failure::new(format!("{}: {e}", file.display()));
            if file.is_dir() {
                return Err(in_file(&"it is a folder; name the config.json in it"));
            }
            let json = std::fs::read(file).map_err(|e| in_file(&e))?;
            let config = CollectionConfig::from_json(&json).map_err(|e| in_file(&e))?;
            (Some(config), NO_CONFIG.to_owned(), Some(file.display().to_string()))
        }
        (None, Some(known)) => {
            let version = known.version.to_string();
            let fresh = fresh.unwrap_or_default();
            let name = format!(
                "{version}, verified on {}; whether it is the newest: {fresh}",
                known.fetched
            );
            (Some(known.config), version, Some(name))
        }
        (None, None) => (None, String::new(), None),
    };
    let through = config.as_ref().map(|config| (config, version.as_str()));
    let preview = Preview::of(folder, Consent::now(folder), through, args.today.now())?;
    Ok(Seen {
        project: name_of(folder),
        others: others(folder),
        folder: folder.path().to_path_buf(),
        preview,
        upload: destination.map(|to| to.upload.to_string()),
        config: name,
        sample_rate: config.map(|config| config.sample_rate.get()),
    })
}

/// What is printed with `--json`.
#[derive(Serialize)]
pub(super) struct Json<'a> {
    project: &'a str,
    mode: String,
    config: Option<&'a str>,
    weeks: Vec<WeekJson<'a>>,
    /// Reports that wait to be sent, as they are: their text, byte for byte.
    ready: Vec<&'a str>,
    sent: Vec<String>,
}

#[derive(Serialize)]
struct WeekJson<'a> {
    end: String,
    ended: bool,
    counted: &'a [crate::client::report::ProgramReport],
    /// Why nothing of it is sent, if so.
    held: Option<String>,
    /// What the next two mean.
    state: String,
    /// The text that is sent, or would be if it were not held.
    report: Option<String>,
    withheld: &'a [Withheld],
}

impl Seen {
    fn to_json(&self) -> Json<'_> {
        let week = |week: &'_ WeekPreview| -> (String, Option<String>) {
            (state(week, self.sample_rate), sent(week).map(Report::to_json))
        };
        Json {
            project: &self.project,
            mode: self.preview.consent.mode.to_string(),
            config: self.config.as_deref(),
            weeks: self
                .preview
                .weeks
                .iter()
                .map(|preview| {
                    let (state, report) = week(preview);
                    WeekJson {
                        end: preview.end.to_string(),
                        ended: preview.ended,
                        counted: &preview.counted.programs,
                        held: preview.hold.map(|hold| hold.to_string()),
                        state,
                        report,
                        withheld: withheld(preview),
                    }
                })
                .collect(),
            ready: self.preview.ready.iter().map(|(_, text)| text.as_str()).collect(),
            sent: self.preview.sent.iter().map(ToString::to_string).collect(),
        }
    }
}

/// What becomes of a week, in a sentence or two.
pub(super) fn state(week: &WeekPreview, sample_rate: Option<f64>) -> String {
    let (hold, sent) = match week.hold {
        Some(hold) => (format!("Nothing of it is sent: {hold}. If it were, "), "would be"),
        None => (String::new(), "is"),
    };
    let future = match &week.future {
        Future::NoConfig => {
            "a config would be fetched and verified first, and it is not known yet; \
                             look through another with --config FILE."
                .to_owned()
        }
        Future::Decided(Filtered { report: Some(_), .. }) => {
            format!("by this config, this {sent} sent, byte for byte:")
        }
        Future::AtMost(Filtered { report: Some(_), .. }) => format!(
            "by this config, at most this {sent} sent, of {} of all weeks. X is drawn when the \
             week has ended and the newest config is known, and shown here as its smallest value:",
            percent(sample_rate.unwrap_or_default())
        ),
        Future::Decided(Filtered { withheld, .. }) | Future::AtMost(Filtered { withheld, .. }) => {
            match withheld.last() {
                Some(withheld) => format!("nothing {sent} sent: {}.", withheld.reason),
                None => format!("nothing {sent} sent."),
            }
        }
    };
    let text = hold + &future;
    // A sentence, whichever half it begins with.
    let mut characters = text.chars();
    characters
        .next()
        .map_or_else(String::new, |first| first.to_uppercase().chain(characters).collect())
}

/// The report that a week leads to, if it is known.
pub(super) fn sent(week: &WeekPreview) -> Option<&Report> {
    match &week.future {
        Future::Decided(filtered) | Future::AtMost(filtered) => filtered.report.as_ref(),
        Future::NoConfig => None,
    }
}

/// What of a week is not sent.
pub(super) fn withheld(week: &WeekPreview) -> &[Withheld] {
    match &week.future {
        Future::Decided(filtered) | Future::AtMost(filtered) => &filtered.withheld,
        Future::NoConfig => &[],
    }
}

/// A build on one line.
pub(super) fn build(build: &Build) -> String {
    let Build { program, version, toolchain, goos, goarch } = build;
    format!("{program}@{version} {toolchain} {goos}/{goarch}")
}

/// What is withheld, on one line: names of stacks have several.
pub(super) fn withheld_line(withheld: &Withheld) -> String {
    let what = match (&withheld.name, &withheld.build) {
        (Some(name), _) => name.split('\n').next().unwrap_or_default().to_owned(),
        (None, Some(of)) => build(of),
        (None, None) => "the report".to_owned(),
    };
    format!("{what}: {}", withheld.reason)
}

fn percent(share: f64) -> String {
    format!("{}%", (share * 10_000.0).round() / 100.0)
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Preview { consent, weeks, ready, sent: sent_weeks, unreadable } = &self.preview;
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
            writeln!(f, "{}", state(week, self.sample_rate))?;
            if let Some(report) = sent(week) {
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
            writeln!(f, "\nNothing is counted just now.")?;
        }
        if let Some(others) = &self.others {
            writeln!(f, "{}", OneLine(others))?;
        }
        for (week, text) in ready {
            writeln!(f, "\nWaits to be sent for {week}, as it is:\n{text}")?;
        }
        if !sent_weeks.is_empty() {
            let sent: Vec<_> = sent_weeks.iter().map(ToString::to_string).collect();
            writeln!(
                f,
                "\nSent before: {} (in {})",
                sent.join(", "),
                OneLine(self.folder.join("upload").display())
            )?;
        }
        unreadable
            .iter()
            .try_for_each(|(_, reason)| writeln!(f, "\nPassed over: {}", OneLine(reason)))
    }
}
