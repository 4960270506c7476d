//! The records sorted by program, while they are imported.

use crate::charts::record::{Field, Record};
use std::collections::BTreeMap;

/// A program and its charts, in the order of their records.
#[derive(Debug)]
pub(super) struct Program<'r> {
    pub(super) charts: Vec<Chart<'r>>,
    /// The versions that its file will list.
    pub(super) versions: Option<Vec<String>>,
}

/// A record, and how its counter will be collected.
#[derive(Debug)]
pub(super) struct Chart<'r> {
    pub(super) record: &'r Record,
    pub(super) counter: &'r Field,
    /// The counter expression that is collected, where it differs from the record's.
    pub(super) published: Option<String>,
    pub(super) depth: Option<i64>,
    /// Its position among the published counters or stacks of the program.
    pub(super) position: usize,
}

impl Chart<'_> {
    /// The counter expression that is collected.
    pub(super) fn expression(&self) -> &str {
        self.published.as_deref().unwrap_or(&self.counter.value)
    }
}

pub(super) type Programs<'r> = BTreeMap<&'r str, Program<'r>>;

/// The module that a program's records name.
pub(super) fn named_module<'p>(program: &'p Program) -> Option<&'p Field> {
    program.charts.iter().find_map(|chart| chart.record.module.as_ref())
}

/// The module that a program is likely in, where no record says so: by convention the part of its path
/// before `/cmd/`, or else the whole path.
pub(super) fn likely_module(program: &str) -> &str {
    program.split_once("/cmd/").map_or(program, |(module, _)| module)
}

/// Names of one chart, as a group for a message.
pub(super) fn listed(names: &[String]) -> String {
    let chart = names.first().and_then(|name| name.split_once(':')).map_or("", |(chart, _)| chart);
    let buckets: Option<Vec<&str>> =
        names.iter().map(|name| name.strip_prefix(chart)?.strip_prefix(':')).collect();
    match buckets {
        Some(buckets) if buckets.len() > 1 => format!("`{chart}:{{{}}}`", buckets.join(", ")),
        _ => format!("`{}`", names.join("`, `")),
    }
}
