//! The result of a merge: what it changed, and what still waits.

use crate::aggregate::edition::Edition;
use crate::aggregate::index::PublicFile;
use crate::ingest::SegmentId;
use jiff::civil::Date;
use serde::Serialize;
use std::collections::BTreeMap;

/// What a merge has changed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Merged {
    /// The days that have a new edition.
    pub days: Vec<MergedDataset>,
    /// The weeks that have new files.
    pub weeks: Vec<MergedDataset>,
    /// The reports that are in no edition yet.
    pub waiting: Vec<WaitingReports>,
    /// Segments that were given up, and how many of their reports could be read.
    pub given_up: BTreeMap<SegmentId, u64>,
    /// What could not be read, in words.
    pub problems: Vec<String>,
}

/// A day or week that has a new edition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MergedDataset {
    /// The day, or the last day of the week.
    pub date: Date,
    /// Its edition.
    pub edition: Edition,
    /// Its reports.
    pub reports: u64,
    /// Those that are new in it.
    pub new_reports: u64,
    /// Its rows: builds of programs.
    pub rows: u64,
    /// Its files.
    pub files: Vec<PublicFile>,
}

/// Reports of a day that wait for an edition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct WaitingReports {
    /// The day.
    pub date: Date,
    /// How many reports.
    pub reports: u64,
    /// The edition that they wait for.
    pub edition: Edition,
    /// The first day on which it may be published.
    pub due: Date,
}
