//! What is counted in a folder, what would be sent, and what would not be sent and why: the facts
//! and the sentences that `view` prints and `page` shows.
//!
//! Nothing is fetched: the config is the last one that this machine has verified, or one from a
//! file.

use super::freshness::freshness;
use super::projects::{hint_at_others, name_of};
use crate::cli::Failure;
use crate::client::folder::Folder;
use crate::client::mode::Consent;
use crate::client::report::{
    Build, Destination, Filtered, KnownConfig, NO_CONFIG, Outcome, Preview, Report, WeekPreview,
    Withheld,
};
use crate::collection::CollectionConfig;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// A preview of a folder's reports, and the config that decides what is in them.
pub(super) struct Overview {
    pub project: String,
    /// A hint, if the user probably means another project.
    pub others: Option<String>,
    pub folder: PathBuf,
    pub preview: Preview,
    pub upload: Option<String>,
    /// The config's version and age, or the file that it was read from.
    pub config: Option<String>,
    /// The share of weeks of which anything is sent.
    pub sample_rate: Option<f64>,
}

impl Overview {
    /// Reads a folder, and the config from this file if one is named.
    pub fn read(
        folder: &Folder,
        config_file: Option<&Path>,
        now: SystemTime,
    ) -> Result<Overview, Failure> {
        let destination = Destination::of_folder(folder)?;
        let known = destination.as_ref().and_then(|to| KnownConfig::of_folder(folder, &to.source));
        let fresh = destination.as_ref().map(|to| freshness(to, known.as_ref()));
        let (config, version, name) = match (config_file, known) {
            (Some(file), _) => {
                let config = Some(read_config(file)?);
                (config, NO_CONFIG.to_owned(), Some(file.display().to_string()))
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
        let preview = Preview::of(folder, Consent::now(folder), through, now)?;
        Ok(Overview {
            project: name_of(folder),
            others: hint_at_others(folder),
            folder: folder.path().to_path_buf(),
            preview,
            upload: destination.map(|to| to.upload.to_string()),
            config: name,
            sample_rate: config.map(|config| config.sample_rate.get()),
        })
    }
}

fn read_config(file: &Path) -> Result<CollectionConfig, Failure> {
    let in_file = |e: &dyn fmt::Display| Failure::new(format!("{}: {e}", file.display()));
    if file.is_dir() {
        return Err(in_file(&"it is a folder; name the config.json in it"));
    }
    let json = std::fs::read(file).map_err(|e| in_file(&e))?;
    CollectionConfig::from_json(&json).map_err(|e| in_file(&e))
}

/// What happens to a week, in a sentence or two.
pub(super) fn outlook(week: &WeekPreview, sample_rate: Option<f64>) -> String {
    let (hold, sent) = match week.hold {
        Some(hold) => (format!("Nothing of it is sent: {hold}. If it were, "), "would be"),
        None => (String::new(), "is"),
    };
    let outcome = match &week.outcome {
        Outcome::NoConfig => {
            "a config would be fetched and verified first, and none is known yet; see what one \
             from a file would do with --config FILE."
                .to_owned()
        }
        Outcome::Decided(Filtered { report: Some(_), .. }) => {
            format!("by this config, this {sent} sent, byte for byte:")
        }
        Outcome::AtMost(Filtered { report: Some(_), .. }) => format!(
            "by this config, at most this {sent} sent, for {} of all weeks. X is drawn when the \
             week has ended and the newest config is known; here it has its smallest value:",
            percent(sample_rate.unwrap_or_default())
        ),
        Outcome::Decided(Filtered { withheld, .. })
        | Outcome::AtMost(Filtered { withheld, .. }) => match withheld.last() {
            Some(withheld) => format!("nothing {sent} sent: {}.", withheld.reason),
            None => format!("nothing {sent} sent."),
        },
    };
    let text = hold + &outcome;
    // Either half may begin the sentence.
    let mut characters = text.chars();
    characters
        .next()
        .map_or_else(String::new, |first| first.to_uppercase().chain(characters).collect())
}

/// The report of a week that is sent, or would be, if that is known.
pub(super) fn report(week: &WeekPreview) -> Option<&Report> {
    match &week.outcome {
        Outcome::Decided(filtered) | Outcome::AtMost(filtered) => filtered.report.as_ref(),
        Outcome::NoConfig => None,
    }
}

/// What is left out of a week's report, and why.
pub(super) fn withheld(week: &WeekPreview) -> &[Withheld] {
    match &week.outcome {
        Outcome::Decided(filtered) | Outcome::AtMost(filtered) => &filtered.withheld,
        Outcome::NoConfig => &[],
    }
}

/// A build on one line.
pub(super) fn build(build: &Build) -> String {
    let Build { program, version, toolchain, goos, goarch } = build;
    format!("{program}@{version} {toolchain} {goos}/{goarch}")
}

/// Something withheld, on one line; the name of a stack has several.
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
