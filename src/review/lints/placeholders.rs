//! Addresses that `candor new` wrote because nobody had said them yet.

use super::catalog::Lint;
use super::finding::Finding;
use crate::charts::Definitions;
use crate::charts::location::At;

/// The host of such addresses. Nobody can have it (RFC 2606).
pub(crate) const PLACEHOLDER: &str = "replace-me.example";

pub(super) fn check(definitions: &Definitions, found: &mut Vec<Finding>) {
    for chart in &definitions.charts {
        for issue in &chart.issue {
            let help = "ask the question where people can discuss it, and name the address of that";
            look(issue, "`issue`", help, found);
        }
    }
    let Some(project) = &definitions.collection.project else { return };
    let texts = [
        (&project.home_page, "`home_page`", "name the project's own site, or leave the line out"),
        (&project.contact, "`contact`", "say who answers questions, or leave the line out"),
    ];
    for (text, key, help) in texts {
        text.iter().for_each(|text| look(text, key, help, found));
    }
}

fn look(text: &At<String>, key: &str, help: &str, found: &mut Vec<Finding>) {
    if text.value.contains(PLACEHOLDER) {
        found.push(Finding {
            lint: Lint::Placeholder,
            location: text.location.clone(),
            message: format!("{key} is a placeholder of `candor new`"),
            help: help.to_owned(),
        });
    }
}
