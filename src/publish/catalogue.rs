//! What a config does not say about itself: the reviewed definitions it was compiled from.
//!
//! A config lists strings. Who asked for them and why (titles, issues, kinds of charts, the commit that
//! added them) is in the definitions. A catalogue holds the definitions at one commit, in the form that
//! charts and pages are made from. It depends only on the repository.

use super::counter_index::CounterIndex;
use crate::charts::CommitDetails;
use crate::gomod::ModuleVersion;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The version of this shape.
pub const FORMAT: u32 = 1;

/// How many reports of a week a stack needs to be public, unless the definitions say otherwise.
pub const STACK_MINIMUM: u32 = 3;

/// The definitions of one commit that are live on a day.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Catalogue {
    /// The version of this shape: 1.
    pub format: u32,
    /// The repository, as published; empty where it has no public address.
    pub repository: String,
    /// The commit.
    pub commit: String,
    /// Its time, in seconds since 1970.
    pub time: i64,
    /// The day for which it was published: the definitions that were live on that day.
    pub as_of: Date,
    /// The charts folder in the repository; empty for its root.
    pub path: String,
    /// What users are told about the project.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<CatalogueProject>,
    /// The confidence level of estimates; 0.99 unless the definitions say otherwise.
    pub confidence: f64,
    /// What is kept and shown of the reports.
    #[serde(default)]
    pub retention: CatalogueRetention,
    /// The programs, by path.
    pub programs: Vec<CatalogueProgram>,
    /// The charts, in the definitions' order.
    pub charts: Vec<CatalogueChart>,
    /// Published marginals, in the order of their files.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub marginals: Vec<Marginals>,
    /// The commits that introduced what is collected; empty if it was recorded before this was.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub introduced: Vec<CatalogueCommit>,
    /// Where its counters are found.
    #[serde(skip)]
    pub index: CounterIndex,
}

/// A commit, and the counters that it introduced: since then, every commit has needed them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CatalogueCommit {
    /// Who wrote and reviewed it.
    #[serde(flatten)]
    pub details: CommitDetails,
    /// Counters by program, as expressions.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub counters: BTreeMap<String, Vec<String>>,
    /// Stack counters by program, as expressions.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub stacks: BTreeMap<String, Vec<String>>,
}

/// Whose telemetry this is, and the commands with which its users opt in and out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CatalogueProject {
    /// What it is called.
    pub name: String,
    /// The command that lets programs count and report.
    pub opt_in: String,
    /// The command that ends it.
    pub opt_out: String,
    /// Its own site.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub home_page: Option<String>,
    /// Who answers questions: an email address or a link.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact: Option<String>,
    /// The licence of the public data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub licence: Option<String>,
}

/// How many reports make a stack public, and which configs' reports are no longer accepted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CatalogueRetention {
    /// How many reports of a week a stack needs to be public; `STACK_MINIMUM` unless the definitions say
    /// otherwise.
    pub stack_minimum: u32,
    /// The configs whose reports are refused, in the definitions' order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub revoked: Vec<ModuleVersion>,
}

impl Default for CatalogueRetention {
    fn default() -> CatalogueRetention {
        CatalogueRetention { stack_minimum: STACK_MINIMUM, revoked: Vec::new() }
    }
}

/// A program whose counters charts ask for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CatalogueProgram {
    /// Its package path.
    pub program: String,
    /// How many installations report in a week, as the definitions say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub population: Option<u64>,
}

/// One chart.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CatalogueChart {
    /// Its ID in URLs, `[a-z0-9-]+`, made from its counter: unique within its program.
    pub id: String,
    /// Its heading.
    pub title: String,
    /// What it shows, at length.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Links to the discussions in which it was accepted.
    pub issue: Vec<String>,
    /// `partition`, `histogram`, `timeseries`, `ratio` or `stack`.
    pub kind: String,
    /// The program that counts.
    pub program: String,
    /// The counter expression.
    pub counter: String,
    /// The divisor of a ratio.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub over: Option<String>,
    /// The maximum number of frames of a stack.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub depth: Option<u32>,
    /// The packages whose functions a stack may name; if empty, those of any package.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub packages: Vec<String>,
    /// The first version that counts; absent if every version does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The last day on which it is collected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<Date>,
    /// The file, from the root of the repository.
    pub file: String,
    /// The line of its `[[chart]]`.
    pub line: u32,
    /// The commit that added it.
    pub added: String,
    /// The day of that commit, in UTC.
    pub added_on: Date,
}

/// Published shares of a whole population, by which samples can be weighted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Marginals {
    /// The name of its file, without folder and ending.
    pub id: String,
    /// What they are, for people.
    pub title: String,
    /// Where they were published.
    pub source: Vec<String>,
    /// The program whose reports they describe.
    pub program: String,
    /// The largest weight allowed, as a multiple of the average one.
    pub trim: f64,
    /// The margins.
    pub margins: Vec<MarginDefinition>,
}

/// One margin.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MarginDefinition {
    /// `goos`, `goarch`, `platform`, `version`, `toolchain`, or a counter expression of a chart of
    /// the program, whose buckets are the categories.
    pub of: String,
    /// Categories with their published shares, which add up to one.
    pub shares: Vec<(String, f64)>,
}
