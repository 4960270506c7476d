//! Titles that say nothing, and texts that a spreadsheet would compute.

use super::catalog::Lint;
use super::finding::Finding;
use crate::charts::Definitions;
use crate::charts::definition::Chart;
use crate::charts::location::At;
use std::collections::HashMap;
use std::collections::hash_map::Entry;

/// Words that say nothing about what is measured.
const VAGUE: [&str; 24] = [
    "a",
    "all",
    "chart",
    "count",
    "counter",
    "counters",
    "counts",
    "data",
    "distribution",
    "events",
    "fixme",
    "info",
    "metric",
    "metrics",
    "misc",
    "new",
    "stats",
    "test",
    "tests",
    "the",
    "title",
    "todo",
    "usage",
    "values",
];

pub(super) fn check(definitions: &Definitions, found: &mut Vec<Finding>) {
    check_same(definitions, found);
    for chart in &definitions.charts {
        check_title(chart, found);
        let texts = [Some(&chart.title), chart.description.as_ref()];
        texts.into_iter().flatten().for_each(|text| check_formula(text, found));
        for name in chart.counter.names() {
            let bucket = chart.counter.bucket(&name);
            if is_formula(bucket) {
                found.push(Finding {
                    lint: Lint::SpreadsheetFormula,
                    location: chart.counter.location.clone(),
                    message: format!("a spreadsheet takes the bucket `{bucket}` for a formula"),
                    help: "name it otherwise".to_owned(),
                });
                break;
            }
        }
    }
}

/// Charts of one program with the same title, but for its signs and capital letters.
fn check_same(definitions: &Definitions, found: &mut Vec<Finding>) {
    let mut first: HashMap<(&str, Vec<String>), &Chart> = HashMap::new();
    for chart in &definitions.charts {
        let lower = chart.title.value.to_lowercase();
        let words = lower.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
        let words = words.map(str::to_owned).collect();
        match first.entry((chart.program.as_str(), words)) {
            Entry::Vacant(place) => {
                place.insert(chart);
            }
            Entry::Occupied(other) => {
                let other = &other.get().location;
                found.push(Finding {
                    lint: Lint::SameTitle,
                    location: chart.title.location.clone(),
                    message: format!(
                        "the chart at {}:{} has the same title",
                        other.file, other.line
                    ),
                    help: "say in each what is different".to_owned(),
                });
            }
        }
    }
}

fn check_title(chart: &Chart, found: &mut Vec<Finding>) {
    let title = chart.title.value.trim();
    let is_counter = title == chart.counter.as_str();
    let mut words = title.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    let says_nothing = words.all(|word| VAGUE.contains(&word.to_lowercase().as_str()));
    if !is_counter && !says_nothing && title.chars().count() >= 4 {
        return;
    }
    let why = match is_counter {
        true => "repeats the counter",
        false => "does not say what is measured",
    };
    found.push(Finding {
        lint: Lint::VagueTitle,
        location: chart.title.location.clone(),
        message: format!("the title {title:?} {why}"),
        help: "ask the question that the chart answers".to_owned(),
    });
}

fn check_formula(text: &At<String>, found: &mut Vec<Finding>) {
    if is_formula(&text.value) {
        found.push(Finding {
            lint: Lint::SpreadsheetFormula,
            location: text.location.clone(),
            message: "a spreadsheet takes this text for a formula".to_owned(),
            help: "begin it with another character".to_owned(),
        });
    }
}

/// Whether a cell that holds this is computed: it begins with one of `=`, `+`, `-`, `@`, and is no number.
fn is_formula(text: &str) -> bool {
    text.starts_with(['=', '+', '-', '@']) && text.parse::<f64>().is_err() && text.len() > 1
}
