//! When definitions end: what a config is to lose, and when it has to be compiled again.

use super::definition::{Chart, Definitions};
use super::diagnostic::{Diagnostic, Severity};
use super::source::Sources;
use super::text::SourceText;
use jiff::ToSpan as _;
use jiff::civil::Date;

/// How long before its end a definition is warned of, in days.
const AHEAD: i64 = 30;

impl Definitions {
    /// The day from which on the config is another one than on `as_of`, though nobody changes a
    /// definition: the day after the first of those that are live then expires.
    #[cfg(any(test, feature = "testing"))]
    pub fn changes_on(&self, as_of: Date) -> Option<Date> {
        let last = self.live(as_of).filter_map(|chart| chart.expires.as_ref());
        last.map(|last| last.value).min().and_then(|last| last.tomorrow().ok())
    }
}

/// Warnings of the definitions that have expired on `as_of`, and of those that are about to.
pub fn expiring(definitions: &Definitions, sources: &Sources, as_of: Date) -> Vec<Diagnostic> {
    definitions.charts.iter().filter_map(|chart| warning(chart, sources, as_of)).collect()
}

fn warning(chart: &Chart, sources: &Sources, as_of: Date) -> Option<Diagnostic> {
    let last = chart.expires.as_ref()?;
    let soon = as_of.checked_add(AHEAD.days()).is_ok_and(|soon| last.value <= soon);
    let (message, help) = if !chart.is_live(as_of) {
        (
            format!("{:?} expired on {} and is no longer collected", chart.title.value, last.value),
            "remove it, or choose a later day if the issue still holds",
        )
    } else if soon {
        (
            format!("{:?} is collected for the last time on {}", chart.title.value, last.value),
            "choose a later day if the issue still holds; else nothing needs to be done",
        )
    } else {
        return None;
    };
    let place = &last.place;
    let file = sources.iter().find(|(path, _, _)| *path == place.file.as_ref());
    let text = file.and_then(|(_, _, bytes)| str::from_utf8(bytes).ok());
    let diagnostic = match text {
        Some(text) => SourceText::new(place.file.clone(), text.to_owned()).diagnostic_at(
            Severity::Warning,
            place,
            message,
        ),
        None => Diagnostic::place(Severity::Warning, place, message),
    };
    Some(diagnostic.with_help(help))
}
