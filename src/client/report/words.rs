//! What is counted and what would be sent, in words: for `candor telemetry view`, and for the verb of a program
//! of its own ([`telemetry`](crate::client::telemetry())).

use super::filter::{Filtered, Withheld, in_words, why_nothing};
use super::json::Report;
use super::preview::{Outcome, Preview, WeekPreview};
use crate::terminal::OneLine;
use std::fmt;
use std::path::Path;

/// A preview for a terminal.
pub struct PreviewText<'a> {
    /// What is shown.
    pub preview: &'a Preview,
    /// The telemetry folder.
    pub folder: &'a Path,
    /// The share of weeks of which anything is sent.
    pub sample_rate: Option<f64>,
    /// What helps where no config is known.
    pub without_config: &'a str,
}

impl fmt::Display for PreviewText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Preview { weeks, ready, sent, unreadable, .. } = self.preview;
        for week in weeks {
            let end = if week.ended { "ended" } else { "ends" };
            match week.begin {
                Some(begin) => {
                    let short = week.end.why_short(begin);
                    writeln!(
                        f,
                        "\nThe week that began on {begin} and {end} on {}{short}",
                        week.end
                    )?;
                }
                None => writeln!(f, "\nThe week that {end} on {}", week.end)?,
            }
            for program in &week.counted.programs {
                writeln!(f, "  {}", OneLine(in_words(&program.build())))?;
                for (name, count) in program.counters.iter().chain(&program.stacks) {
                    let name = name.replace('\n', "\n             ");
                    writeln!(f, "  {count:>9}  {name}")?;
                }
            }
            writeln!(f, "{}", OneLine(outlook(week, self.sample_rate, self.without_config)))?;
            if let Some(report) = report(week) {
                writeln!(f, "{}", report.to_json())?;
                let withheld = withheld(week);
                if !withheld.is_empty() {
                    writeln!(f, "Withheld:")?;
                }
                for withheld in withheld {
                    writeln!(f, "  {}", OneLine(withheld.sentence()))?;
                }
            }
        }
        if weeks.is_empty() {
            writeln!(f, "\nThere are no counts at the moment.")?;
        }
        for (week, text) in ready {
            writeln!(f, "\nReady to be sent for {week}:\n{text}")?;
        }
        if !sent.is_empty() {
            let sent: Vec<_> = sent.iter().map(ToString::to_string).collect();
            let folder = self.folder.join("upload");
            let folder = OneLine(folder.display());
            writeln!(f, "\nSent before: {} (in {folder})", sent.join(", "))?;
        }
        unreadable.iter().try_for_each(|(_, reason)| writeln!(f, "\nSkipped: {}", OneLine(reason)))
    }
}

/// What happens to a week, in a sentence or two.
///
/// `without_config` says what helps where no config is known.
pub fn outlook(week: &WeekPreview, sample_rate: Option<f64>, without_config: &str) -> String {
    let (hold, sent) = match week.hold {
        Some(hold) => (format!("Nothing of it is sent: {hold}. If it were, "), "would be"),
        None => (String::new(), "is"),
    };
    let outcome = match &week.outcome {
        Outcome::NoConfig => format!(
            "a config would be fetched and verified first, and none is known yet; {without_config}."
        ),
        Outcome::Decided(Filtered { report: Some(_), .. }) => {
            format!("by this config, this {sent} sent, byte for byte:")
        }
        Outcome::AtMost(Filtered { report: Some(_), .. }) => format!(
            "by this config, at most this {sent} sent, for {} of all weeks. X is drawn when the \
             week has ended and the newest config is known; here it has its smallest value:",
            percent(sample_rate.unwrap_or_default())
        ),
        Outcome::Decided(Filtered { withheld, .. })
        | Outcome::AtMost(Filtered { withheld, .. }) => {
            format!("nothing {sent} sent: {}.", why_nothing(withheld))
        }
    };
    let text = hold + &outcome;
    // Either half may begin the sentence.
    let mut characters = text.chars();
    characters
        .next()
        .map_or_else(String::new, |first| first.to_uppercase().chain(characters).collect())
}

/// The report of a week that is sent, or would be, if that is known.
pub fn report(week: &WeekPreview) -> Option<&Report> {
    match &week.outcome {
        Outcome::Decided(filtered) | Outcome::AtMost(filtered) => filtered.report.as_ref(),
        Outcome::NoConfig => None,
    }
}

/// What is left out of a week's report, and why.
pub fn withheld(week: &WeekPreview) -> &[Withheld] {
    match &week.outcome {
        Outcome::Decided(filtered) | Outcome::AtMost(filtered) => &filtered.withheld,
        Outcome::NoConfig => &[],
    }
}

fn percent(share: f64) -> String {
    format!("{}%", (share * 10_000.0).round() / 100.0)
}
