//! The index of all public data: which files are current.
//!
//! It is one pointer in the store, `public/index`, so a reader sees one state or the next, never a
//! mixture. The files are immutable objects, `public/SHA256-IN-HEX`. The pointer's JSON includes its
//! own [`checksum`](crate::store::checksum).
//!
//! It also names the segments of uploads that it includes, or the identities of reports, and the reports
//! in no edition yet, so that one swap of the pointer moves reports from the buffer into the public data,
//! each exactly once. What is not public of that is in private objects, `buffer/SHA256-IN-HEX`, which are
//! not served.

use crate::aggregate::edition::Edition;
use crate::ingest::SegmentId;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;

/// The version of this shape.
pub const FORMAT: u32 = 3;

/// Everything that is public, besides the log.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Index {
    /// [`FORMAT`].
    pub format: u32,
    /// The reports whose counted week ended on that day.
    pub days: BTreeMap<Date, Dataset>,
    /// The reports of seven days, named after the last of them, a Sunday; and their charts.
    pub weeks: BTreeMap<Date, Week>,
    /// The outlines of the charts' series: for each span of 13 weeks, named after its first week.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub series: BTreeMap<Date, SeriesFile>,
    /// What could not be read when the data was merged, in words, without paths outside the
    /// deployment's folder. It is in no count.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<String>,
    /// Incremented whenever a merge changes this index or is about to remove objects. Charting does not
    /// change it.
    #[serde(default)]
    pub merges: u64,
    /// The keys of objects that are not current: an earlier index named them, or a later one will. The
    /// next merge removes those that are still not current then. A folder of charts stands for all objects
    /// in it that no outline names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub superseded: Vec<String>,
    /// The segments whose reports are all included: public, or in one of the two objects below. A
    /// segment is named until the last edition of each of its days is published; after that its reports
    /// could not be added a second time, even from a copy.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub segments: BTreeMap<SegmentId, SegmentDays>,
    /// Where batches of uploads are in the store: for each day whose last edition is not published, the
    /// identities of the reports that are included.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub included: BTreeMap<Date, PrivateFile>,
    /// The rows of reports that wait for an edition.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting: Option<PrivateFile>,
    /// The complete rows of public reports with a hidden stack.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unshown: Option<PrivateFile>,
}

/// The range of days of a segment's reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SegmentDays {
    /// The first one.
    pub from: Date,
    /// The last one.
    pub to: Date,
}

/// An object that is not served: lines in the order of public data, compressed with Zstandard; or identities.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PrivateFile {
    /// Its size.
    pub bytes: u64,
    /// Its SHA-256, in hex.
    pub sha256: String,
    /// How many reports it has of each day.
    pub reports: BTreeMap<Date, u64>,
}

/// Some reports, in all offered formats.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Dataset {
    /// How many reports: lines of the NDJSON files.
    pub reports: u64,
    /// How many builds of programs they contain: rows of the Parquet file.
    pub rows: u64,
    /// The size of the NDJSON files before they were compressed.
    #[serde(default)]
    pub text_bytes: u64,
    /// Its newest edition; for a week, the lowest of its days.
    pub edition: Edition,
    /// The day on which that was published.
    pub published: Date,
    /// Whether that is the last one, so that no report can be added any more.
    pub complete: bool,
    /// How many of the reports have stacks.
    #[serde(default)]
    pub with_stacks: u64,
    /// From how many reports of a week on a stack is shown in it: the fewest that any of its editions
    /// asked for.
    #[serde(default)]
    pub stack_minimum: u32,
    /// The files.
    pub files: Vec<PublicFile>,
}

/// The data and charts of a week.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Week {
    /// The reports.
    pub data: Dataset,
    /// The outline of the charts, once they were made:
    /// [`WeekOutline`](crate::aggregate::stored_charts::outline::WeekOutline) as JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub charts: Option<ChartsFile>,
}

/// A file that anyone may download.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublicFile {
    /// Its name, `2026-11-14.parquet`.
    pub name: String,
    /// Its format.
    pub format: FileFormat,
    /// Its size.
    pub bytes: u64,
    /// Its SHA-256, in hex.
    pub sha256: String,
}

/// The outline of the series of a span of weeks:
/// [`SpanOutline`](crate::aggregate::stored_charts::outline::SpanOutline) as JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeriesFile {
    /// Its size.
    pub bytes: u64,
    /// Its SHA-256, in hex.
    pub sha256: String,
}

/// The outline of a week's charts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChartsFile {
    /// Its size.
    pub bytes: u64,
    /// Its SHA-256, in hex.
    pub sha256: String,
    /// A digest of its inputs: data, definitions and completeness. While it stays the same, so do the
    /// charts.
    pub made_from: String,
}

/// A format in which reports are offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum FileFormat {
    /// One report per line, compressed with Zstandard.
    #[serde(rename = "ndjson.zst")]
    NdjsonZstd,
    /// One report per line, compressed with gzip, which browsers read.
    #[serde(rename = "ndjson.gz")]
    NdjsonGzip,
    /// One build of a program per row.
    #[serde(rename = "parquet")]
    Parquet,
}

impl Index {
    /// The keys of the objects that are current; without those that outlines of charts name.
    pub fn current(&self) -> BTreeSet<String> {
        let days = self.days.values().chain(self.weeks.values().map(|week| &week.data));
        let files = days.flat_map(|dataset| &dataset.files).map(|file| &file.sha256);
        let charts = self.weeks.values().filter_map(|week| week.charts.as_ref());
        let public = files.chain(charts.map(|charts| &charts.sha256));
        let public = public.chain(self.series.values().map(|series| &series.sha256));
        let private = self.waiting.iter().chain(&self.unshown).chain(self.included.values());
        public
            .map(|sha256| public_key(sha256))
            .chain(private.map(|file| private_key(&file.sha256)))
            .collect()
    }
}

impl Index {
    /// Marks objects that are not current for removal by the next merge.
    pub(super) fn supersede(&mut self, objects: impl IntoIterator<Item = String>) {
        let mut all: BTreeSet<String> = std::mem::take(&mut self.superseded).into_iter().collect();
        all.extend(objects);
        let current = self.current();
        all.retain(|key| !current.contains(key));
        self.superseded = all.into_iter().collect();
    }

    /// The file of this name.
    pub fn file(&self, name: &str) -> Option<&PublicFile> {
        let weeks = self.weeks.values().map(|week| &week.data);
        let mut files = self.days.values().chain(weeks).flat_map(|dataset| &dataset.files);
        files.find(|file| file.name == name)
    }
}

/// The key of a public object with this SHA-256, in hex.
pub(crate) fn public_key(sha256: &str) -> String {
    format!("public/{sha256}")
}

/// The key of a private object with this SHA-256, in hex.
pub(crate) fn private_key(sha256: &str) -> String {
    format!("buffer/{sha256}")
}

impl Dataset {
    /// The file of a format.
    pub fn file(&self, format: FileFormat) -> Option<&PublicFile> {
        self.files.iter().find(|file| file.format == format)
    }
}

impl FileFormat {
    /// All of them.
    pub const ALL: [FileFormat; 3] =
        [FileFormat::NdjsonZstd, FileFormat::NdjsonGzip, FileFormat::Parquet];

    /// Its file name extension.
    pub fn extension(self) -> &'static str {
        match self {
            FileFormat::NdjsonZstd => "ndjson.zst",
            FileFormat::NdjsonGzip => "ndjson.gz",
            FileFormat::Parquet => "parquet",
        }
    }
}

/// The Sunday that ends the week of a day.
pub fn week_of(day: Date) -> Date {
    let days_left = 7 - i32::from(day.weekday().to_monday_one_offset());
    // Reports of the year 9999 never get here.
    day.checked_add(jiff::Span::new().days(days_left)).unwrap_or(day)
}

/// The days of the week that ends on this Sunday.
pub fn days_of(week: Date) -> RangeInclusive<Date> {
    // Nor do reports of the calendar's first week.
    week.checked_sub(jiff::Span::new().days(6)).unwrap_or(week)..=week
}
