//! Buckets that miss answers, could point at a person, or are split over charts.

use super::catalog::Lint;
use super::finding::Finding;
use super::personal::looks_personal;
use crate::charts::Definitions;
use crate::charts::counter::chart_of;
use crate::charts::definition::{Chart, ChartKind};
use crate::text::listed;
use std::collections::HashMap;

/// The most buckets of a kind that are named.
const SHOWN: usize = 20;
/// The most buckets that raise no question.
const MANY: usize = 100;
/// How a bucket for all other answers is called.
const OTHERS: [&str; 12] = [
    "other",
    "others",
    "unknown",
    "none",
    "else",
    "default",
    "unset",
    "empty",
    "misc",
    "custom",
    "unrecognized",
    "unspecified",
];

pub(super) fn check(definitions: &Definitions, found: &mut Vec<Finding>) {
    for chart in &definitions.charts {
        check_others(chart, found);
        check_many(chart, found);
        check_personal(chart, found);
    }
    check_split(definitions, found);
}

fn finding(lint: Lint, chart: &Chart, message: String, help: &str) -> Finding {
    Finding { lint, location: chart.counter.location.clone(), message, help: help.to_owned() }
}

/// The buckets of a group.
fn buckets(chart: &Chart) -> Vec<String> {
    chart.counter.names().map(|name| chart.counter.bucket(&name).to_owned()).collect()
}

fn check_others(chart: &Chart, found: &mut Vec<Finding>) {
    if !matches!(chart.kind, ChartKind::Partition) || !chart.counter.is_group() {
        return;
    }
    let buckets = buckets(chart);
    // Two answers are the whole of a question such as on or off; numbers and ranges leave nothing out.
    let is_whole = buckets.len() <= 2
        || buckets.iter().all(|bucket| bucket.contains(|c: char| c.is_ascii_digit()))
        || buckets.iter().any(|bucket| {
            let words = bucket.split(|c: char| !c.is_alphanumeric());
            words.into_iter().any(|word| OTHERS.contains(&word.to_lowercase().as_str()))
        });
    if !is_whole {
        found.push(finding(
            Lint::NoOtherBucket,
            chart,
            "no bucket stands for all other answers".to_owned(),
            "count them in a bucket `other`",
        ));
    }
}

fn check_many(chart: &Chart, found: &mut Vec<Finding>) {
    let many = chart.counter.names().count();
    if many > MANY {
        found.push(finding(
            Lint::ManyBuckets,
            chart,
            format!("{many} buckets: some will be counted by very few people"),
            "ask for those that decide something, and count the rest in `other`",
        ));
    }
}

fn check_personal(chart: &Chart, found: &mut Vec<Finding>) {
    let names: Vec<String> = chart.counter.names().collect();
    let mut hits: Vec<(&'static str, Vec<String>)> = Vec::new();
    for name in &names {
        let bucket = chart.counter.bucket(name);
        let Some(what) = looks_personal(bucket) else { continue };
        let bucket = format!("`{bucket}`");
        match hits.iter_mut().find(|(known, _)| *known == what) {
            Some((_, buckets)) => buckets.push(bucket),
            None => hits.push((what, vec![bucket])),
        }
    }
    if hits.is_empty() {
        return;
    }
    let said = hits.iter().map(|(what, buckets)| {
        let (noun, look) = match buckets.len() {
            1 => ("bucket", "looks"),
            _ => ("buckets", "each look"),
        };
        format!("{noun} {} {look} like {what}", listed(buckets, SHOWN))
    });
    let message = format!("the {}", said.collect::<Vec<_>>().join("; the "));
    let help = "count a kind of thing, never the thing of one user";
    found.push(finding(Lint::PersonalBuckets, chart, message, help));
}

/// Charts whose counters have the same name before the colon, and counters that are such a name.
fn check_split(definitions: &Definitions, found: &mut Vec<Finding>) {
    let mut first: HashMap<(&str, &str), &Chart> = HashMap::new();
    for chart in &definitions.charts {
        let counter = chart.counter.as_str();
        let stem = chart_of(counter);
        if matches!(chart.kind, ChartKind::Stack { .. }) {
            continue;
        }
        let key = (chart.program.as_str(), stem);
        let Some(other) = first.get(&key) else {
            first.insert(key, chart);
            continue;
        };
        let place =
            format!("{:?} ({}:{})", other.title.value, other.location.file, other.location.line);
        let is_group = |one: &Chart| chart_of(one.counter.as_str()) != one.counter.as_str();
        let (message, help) = match (is_group(chart), is_group(other)) {
            (true, true) => (
                format!("{place} counts other buckets of `{stem}`"),
                "put all buckets into one chart",
            ),
            // Two charts of the very same counter are another mistake.
            (false, false) => continue,
            (true, false) => (
                format!("{place} counts `{stem}` without buckets"),
                "give one of them another name",
            ),
            (false, true) => {
                (format!("{place} counts buckets of `{stem}`"), "give one of them another name")
            }
        };
        found.push(finding(Lint::SplitCounter, chart, message, help));
    }
}
