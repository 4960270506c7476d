//! When definitions expire: what a config will lose, and when it has to be compiled again.

use super::definition::{Chart, Definitions};
use super::diagnostic::{Diagnostic, EXPIRED, EXPIRING, Severity};
use super::source::Sources;
use super::text::SourceText;
use jiff::ToSpan as _;
use jiff::civil::Date;

/// How many days before a definition expires the warning begins.
const AHEAD: i64 = 30;

impl Definitions {
    /// The day on which the config changes although nobody changes a definition: the day after the first
    /// chart that is live on `as_of` expires.
    #[cfg(any(test, feature = "testing"))]
    pub fn changes_on(&self, as_of: Date) -> Option<Date> {
        let last = self.live(as_of).filter_map(|chart| chart.expires.as_ref());
        last.map(|last| last.value).min().and_then(|last| last.tomorrow().ok())
    }
}

/// Warnings about the definitions that have expired on `as_of`, and those that are about to.
pub fn expiring(definitions: &Definitions, sources: &Sources, as_of: Date) -> Vec<Diagnostic> {
    definitions.charts.iter().filter_map(|chart| warning(chart, sources, as_of)).collect()
}

fn warning(chart: &Chart, sources: &Sources, as_of: Date) -> Option<Diagnostic> {
    let last = chart.expires.as_ref()?;
    let soon = as_of.checked_add(AHEAD.days()).is_ok_and(|soon| last.value <= soon);
    let (code, message, help) = if !chart.is_live(as_of) {
        (
            EXPIRED,
            format!("{:?} expired on {} and is no longer collected", chart.title.value, last.value),
            "remove it, or choose a later day if the issue is still open",
        )
    } else if soon {
        (
            EXPIRING,
            format!("{:?} is collected for the last time on {}", chart.title.value, last.value),
            "choose a later day if the issue is still open; otherwise there is nothing to do",
        )
    } else {
        return None;
    };
    let location = &last.location;
    let file = sources.iter().find(|(path, _, _)| *path == location.file.as_ref());
    let text = file.and_then(|(_, _, bytes)| str::from_utf8(bytes).ok());
    let diagnostic = match text {
        Some(text) => SourceText::new(location.file.clone(), text.to_owned()).diagnostic_at(
            Severity::Warning,
            location,
            message,
        ),
        None => Diagnostic::at(Severity::Warning, location, message),
    };
    Some(diagnostic.with_code(code).with_help(help))
}
