//! The public format of a week's charts: `candor chart` writes it, `/charts/.../charts.json` serves it,
//! and all pages, pictures and tables are made from it. How it is stored is in
//! [`stored_charts`](crate::aggregate::stored_charts).
//!
//! ```text
//! WeekCharts            one week, Monday to Sunday, identified by its Sunday
//!   ProgramCharts         one program
//!     Figure                one chart
//! base                  the reports that could have its counters
//! rows                  one per bucket (or stack): the share of those reports that have it
//!       by                    the same again by program version, platform and toolchain
//!       reweighted            the same again, weighted to published marginals
//! ```
//!
//! **Reports are counted, not events**: an installation that counted something a million times weighs
//! as much as one that counted it once.
//!
//! **Weights.** A report that names a config under which a chart's counters have rate r stands for
//! 1/r installations. `total` is the sum of these weights: an estimate of how many installations
//! would have reported, had all that opted in been sampled.
//!
//! **Shares** of one figure need not add up to one: an installation may have used several buckets
//! in its week, or none. [`Row::most`] divides the installations by the bucket that each counted most, which
//! does add up to one.
//!
//! **Jumps.** For a week, each program and each chart, `expected` says how many reports the weeks
//! before explain (`null` if there are none to compare with), and `jump` is present if there are more
//! or fewer. The rule is in [`volume`](crate::aggregate::statistics::volume). A jump does not tell its
//! cause: a release, a campaign, a holiday, a fault, or somebody who sends false reports.
//!
//! **Slices** (`by`) are stored and served apart from the rest. Values with fewer than [`SLICE_REPORTS`]
//! reports are only counted, and so are those beyond [`SLICES`] values or [`SLICE_ROWS`] rows: the most
//! frequent ones are kept.
//!
//! A later [`FORMAT`] may add fields; none is removed or changes its meaning under this number.

use crate::aggregate::edition::Edition;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

/// The version of this shape.
pub const FORMAT: u32 = 2;

/// A version, platform or toolchain with fewer reports in a chart is no slice of it.
pub const SLICE_REPORTS: u64 = 20;
/// The most slices of a chart by one dimension.
pub const SLICES: usize = 50;
/// The most rows that these have together.
pub const SLICE_ROWS: usize = 4000;
/// The most stacks in a slice.
pub const SLICE_STACKS: usize = 50;

/// A figure based on fewer effective reports than this is marked `small`.
pub const SMALL: f64 = 100.0;

/// All charts of one week.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WeekCharts {
    /// [`FORMAT`].
    pub format: u32,
    /// The last day of the week, a Sunday.
    pub week: Date,
    /// The first day of the week, a Monday.
    pub first_day: Date,
    /// The edition of the charted data; 3 is the last one.
    pub edition: Edition,
    /// Whether no report of this week can arrive any more. If not, figures may still change.
    pub complete: bool,
    /// The probability with which each interval contains the true value.
    pub confidence: f64,
    /// The reports of this week.
    pub reports: u64,
    /// How many reports the weeks before explain; `null` where none can be compared.
    #[serde(default)]
    pub expected: Option<Expected>,
    /// Present where there are more or fewer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jump: Option<Jump>,
    /// The configs that these reports name, oldest first.
    pub configs: Vec<ConfigUse>,
    /// The definitions that were charted.
    pub definitions: DefinitionsSource,
    /// The programs that reported or are asked to, ordered by path.
    pub programs: Vec<ProgramCharts>,
}

/// A config that reports of the week name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ConfigUse {
    /// Its module version, `v0.3.0`.
    pub version: String,
    /// The reports that name it.
    pub reports: u64,
    /// The largest X with which a report was sent under it.
    pub sample_rate: f64,
}

/// Which reviewed definitions were charted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DefinitionsSource {
    /// The repository, as published; empty where it has no public address.
    pub repository: String,
    /// The commit.
    pub commit: String,
    /// The folder in the repository, empty for its root.
    pub path: String,
}

/// The charts of one program.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProgramCharts {
    /// The program's path. Base names may coincide; paths do not.
    pub program: String,
    /// The reports in which the program is.
    pub reports: u64,
    /// The share of the week's installations whose config asks for the program.
    pub coverage: f64,
    /// How many reports the weeks before explain; `null` where none can be compared.
    #[serde(default)]
    pub expected: Option<Expected>,
    /// Present where there are more or fewer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jump: Option<Jump>,
    /// The charts that every program has (versions, platforms, toolchains), then those of the
    /// definitions in their order, then those that are no longer collected.
    pub charts: Vec<Figure>,
}

/// The kind of a chart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// The share of reports with each bucket.
    Partition,
    /// The same, with buckets that have an order.
    Histogram,
    /// A partition that is drawn over weeks.
    Timeseries,
    /// The distribution over reports of one count divided by another.
    Ratio,
    /// Call stacks, most frequent first.
    Stack,
}

/// One chart of one week.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Figure {
    /// Its name in addresses, `[a-z0-9-]+`: unique in its program, and the same every week.
    pub id: String,
    /// Its heading.
    pub title: String,
    /// What it shows, at length.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// What is drawn.
    pub kind: Kind,
    /// The counter expression, `editor:{vim,emacs}`; absent from the charts that every program has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counter: Option<String>,
    /// The divisor of a ratio.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub over: Option<String>,
    /// Links to the discussions in which it was accepted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub issue: Vec<String>,
    /// Where it is defined.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub definition: Option<Definition>,
    /// Whether the newest config still collects it.
    pub collected: bool,
    /// The sampling rates that were in force, oldest config first.
    pub rates: Vec<RateUse>,
    /// The reports that could have its counters.
    pub base: Base,
    /// The share of the program's installations whose config collects the chart and whose version is
    /// included.
    pub coverage: f64,
    /// How many reports the weeks before explain; `null` where none can be compared.
    #[serde(default)]
    pub expected: Option<Expected>,
    /// Present where there are more or fewer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jump: Option<Jump>,
    /// One per bucket: in the definition's order for histograms, time series and partitions, except
    /// that a partition's bucket `other` is last; versions in their order; stacks with the most
    /// frequent first. Buckets that only older configs collect come last.
    pub rows: Vec<Row>,
    /// How many less frequent stacks are not among the rows.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub left_out: u64,
    /// The reports of the base with none of its counters. Absent where that is meaningless.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub none: Option<Estimate>,
    /// The same by program version, platform and toolchain, in this order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub by: Vec<Breakdown>,
    /// The same, weighted to published marginals; in addition to the rows above, never instead of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reweighted: Vec<Reweighted>,
}

/// How many reports are expected, judging by the weeks before.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Expected {
    /// The expected number, at this week's sampling rates.
    pub reports: f64,
    /// Fewer are too few; 0 while reports may still come.
    pub low: f64,
    /// More are too many.
    pub high: f64,
    /// How many weeks before it is based on, at most eight.
    pub weeks: u32,
}

/// More or fewer reports than the weeks before explain.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Jump {
    /// How many there are.
    pub reports: u64,
    /// How many are expected.
    pub expected: f64,
    /// Fewer are too few; 0 while reports may still come.
    pub low: f64,
    /// More are too many.
    pub high: f64,
    /// How many weeks before it is based on.
    pub weeks: u32,
}

impl Jump {
    /// Whether there are more than expected, and not fewer.
    pub fn is_up(&self) -> bool {
        self.reports as f64 > self.expected
    }
}

/// Where a chart is defined.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Definition {
    /// The file, from the root of the repository.
    pub file: String,
    /// The line of its `[[chart]]` at [`DefinitionsSource::commit`].
    pub line: u32,
    /// The commit that added it.
    pub added: String,
    /// The day of that commit, in UTC.
    pub added_on: Date,
}

/// The sampling rate of a chart under one config.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RateUse {
    /// The config's version.
    pub config: String,
    /// The rate of the chart's counters.
    pub rate: f64,
    /// The reports of the base that name this config.
    pub reports: u64,
}

/// The reports that estimates are based on.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Base {
    /// How many reports.
    pub reports: u64,
    /// The sum of their weights.
    pub total: f64,
    /// The effective sample size: (sum of weights)² / (sum of squared weights).
    pub effective: f64,
}

/// How many reports of a base have something.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Estimate {
    /// How many reports.
    pub reports: u64,
    /// The sum of their weights.
    pub total: f64,
    /// Their share of the base, by weight; 0 if the base is empty.
    pub share: Interval,
}

/// An estimate with its confidence interval, at the week's confidence.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Interval {
    /// The estimate.
    pub value: f64,
    /// The lower bound.
    pub low: f64,
    /// The upper bound.
    pub high: f64,
}

/// One bucket, or one stack.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// The bucket's name; for a stack, its first frame's function.
    pub label: String,
    /// The counter's full name; absent if the row has no counter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counter: Option<String>,
    /// The functions of a stack's frames, the innermost first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub frames: Vec<String>,
    /// The reports that have it. For a ratio: those with a positive dividend.
    #[serde(flatten)]
    pub estimate: Estimate,
    /// The reports that could have it, if these are not all of the figure's (or the group's) base:
    /// those whose config collects it. The share refers to these.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<Base>,
    /// Whether only older configs collect it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub removed: bool,
    /// For a ratio: the distribution of its quotient over the reports of the base.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub distribution: Option<Distribution>,
    /// The reports that counted it more often than any other row of the figure; of equal ones, the first row
    /// counts. With the figure's `none` these are all reports of its base, each once, and the shares, which
    /// refer to that base, add up to one. Only in the rows of a whole figure, and only if some report has
    /// several of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub most: Option<Estimate>,
}

// serde requires this signature.
#[allow(clippy::trivially_copy_pass_by_ref)]
fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// The distribution of a quotient over reports, including those with 0.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Distribution {
    /// At 0.05, 0.25, 0.5, 0.75, 0.95: this share of installations has at most this quotient.
    pub quantiles: Vec<Quantile>,
}

/// One quantile.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Quantile {
    /// The share of installations.
    pub at: f64,
    /// The quotient. If no quotient is too low to be the quantile, the lower bound is 0.
    #[serde(flatten)]
    pub quotient: Interval,
    /// Whether there are too few reports above it for an upper bound. The bound is then the largest
    /// quotient seen, and the true one may be larger.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub open: bool,
}

/// A figure again, for parts of its base.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Breakdown {
    /// By what.
    pub dimension: Dimension,
    /// The parts: versions and toolchains, newest first; platforms, most reports first. A report with
    /// several builds of a program may be in several parts.
    pub groups: Vec<Group>,
    /// The values that are no slices; absent if there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rest: Option<Rest>,
}

/// Versions, platforms or toolchains that are only counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rest {
    /// How many values.
    pub values: u64,
    /// Their reports in total; a report with several of these values counts once for each.
    pub reports: u64,
}

/// What reports are broken down by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Dimension {
    /// The program's version.
    Version,
    /// Operating system and architecture, `linux/amd64`.
    Platform,
    /// The toolchain that built the program.
    Toolchain,
}

impl Dimension {
    /// All of them, in the order in which they are shown.
    pub const ALL: [Dimension; 3] = [Dimension::Version, Dimension::Platform, Dimension::Toolchain];
}

/// One part of a base.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Group {
    /// The version, platform or toolchain.
    pub label: String,
    /// Its reports.
    pub base: Base,
    /// Its rows, in the figure's order; those without a report are left out.
    pub rows: Vec<Row>,
    /// Its reports with none of the figure's counters. Absent where that is meaningless.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub none: Option<Estimate>,
}

/// A figure weighted so that its reports have the same margins as the whole population, by a published
/// source.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reweighted {
    /// The name of the marginals in the definitions.
    pub id: String,
    /// What they are, for people.
    pub title: String,
    /// Where they were published.
    pub source: Vec<String>,
    /// Whether all margins were met.
    pub converged: bool,
    /// How many rounds fitting took.
    pub iterations: u32,
    /// The largest remaining difference between a wanted and a weighted share.
    pub worst: f64,
    /// Reports whose weight was trimmed to the limit.
    pub trimmed: u64,
    /// The margins.
    pub margins: Vec<Margin>,
    /// The reports it is based on; `effective` shows what weighting costs.
    pub base: Base,
    /// The rows, in the figure's order.
    pub rows: Vec<Row>,
}

/// One published margin, and how well it was met.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Margin {
    /// `goos`, `goarch`, `platform`, `version`, `toolchain`, or a counter expression.
    pub of: String,
    /// Its categories.
    pub categories: Vec<Category>,
}

/// One category of a margin.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Category {
    /// Its name.
    pub label: String,
    /// The published share.
    pub wanted: f64,
    /// The share before weighting.
    pub before: f64,
    /// The share after weighting.
    pub after: f64,
    /// Its reports. If there are none, the published share cannot be met, and is distributed over the
    /// other categories in proportion.
    pub reports: u64,
}
