//! The checked definitions: what `collection.toml`, `programs/`, `charts/`, `marginals/` and `stacks/` say, as
//! types that cannot hold anything invalid.
//!
//! Every value keeps the [`Location`] where it was written, so that later steps (compiling, explaining,
//! reviewing) can point at it. The fields say what the keys mean. `schema` reads the keys; `rules` checks
//! which definitions fit together.

use super::claims::StackClaims;
use super::counter::CounterExpression;
use super::diagnostic::Diagnostic;
use super::location::{At, Location};
use super::marginals::Marginals;
use super::program_path::ProgramPath;
use super::version::{GoVersion, Version};
use super::version_source::VersionSource;
use jiff::civil::Date;
use std::num::{NonZeroU32, NonZeroU64};

/// All definitions of one charts folder, checked.
#[derive(Debug, Clone, PartialEq)]
pub struct Definitions {
    /// `collection.toml`.
    pub collection: CollectionSettings,
    /// `programs/`, in the order of the files' paths.
    pub programs: Vec<Program>,
    /// `charts/`, in the order of the files' paths and, in a file, as written.
    pub charts: Vec<Chart>,
    /// `marginals/`, in the order of the files' paths. They do not affect what is collected.
    pub marginals: Vec<Marginals>,
    /// `stacks/`, in the order of the files' paths. They do not affect what is collected, either.
    pub stacks: Vec<StackClaims>,
    /// What is valid but probably not intended, for reviewers to see.
    pub warnings: Vec<Diagnostic>,
}

/// `collection.toml`: what is published, and from which platforms reports may come.
#[derive(Debug, Clone, PartialEq)]
pub struct CollectionSettings {
    /// The path of the Go module that clients download.
    pub module: At<String>,
    /// Operating systems, by Go's names.
    pub goos: Vec<At<String>>,
    /// Architectures, by Go's names.
    pub goarch: Vec<At<String>>,
    /// Toolchains that reporting programs may be built with.
    pub toolchains: Vec<At<String>>,
    /// Future toolchains that are allowed before anyone lists them.
    pub padding: Option<At<ToolchainPadding>>,
    /// How precise estimates must be. Without it, every counter is collected at rate 1.
    pub sampling: Option<Sampling>,
    /// What the site tells the project's users. It does not affect what is collected.
    pub project: Option<ProjectSettings>,
    /// Which reports are accepted, and what of them is shown.
    pub retention: RetentionSettings,
}

/// `[project]`: whose telemetry this is, and how its users opt in and out.
#[derive(Debug, Clone, PartialEq)]
pub struct ProjectSettings {
    /// The project's name, as people say it.
    pub name: At<String>,
    /// The command with which users opt in.
    pub opt_in: At<String>,
    /// The command with which users opt out again.
    pub opt_out: At<String>,
    /// The project's own site.
    pub home_page: Option<At<String>>,
    /// Who answers questions: an email address or a link.
    pub contact: Option<At<String>>,
    /// The licence of the public data.
    pub licence: Option<At<String>>,
}

/// `[retention]`: how many reports it takes until a stack is public, and which configs' reports are no
/// longer accepted. It does not affect what is collected.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RetentionSettings {
    /// A stack is public if at least this many reports of a week have it; absent where nobody chose.
    pub stack_minimum: Option<At<NonZeroU32>>,
    /// N of each config `v0.N.0` whose reports are refused from now on.
    pub revoked: Vec<At<NonZeroU64>>,
}

/// `[sampling]`: an estimated proportion is within `error` of the truth with probability
/// `confidence`.
#[derive(Debug, Clone, PartialEq)]
pub struct Sampling {
    /// The probability that an estimate is within the error.
    pub confidence: At<Proportion>,
    /// The half-width of the interval, for charts without an `error` of their own.
    pub error: At<Proportion>,
}

/// A file of `programs/`: a program whose counters charts may ask for.
#[derive(Debug, Clone, PartialEq)]
pub struct Program {
    /// The program's package path.
    pub program: At<ProgramPath>,
    /// The path of its module; absent only for a `cmd/...` program.
    pub module: Option<At<ProgramPath>>,
    /// Released versions, which may report. Without them, a `cmd/...` program has those toolchains of the
    /// collection that are Go versions.
    pub versions: Option<Vec<At<Version>>>,
    /// How many installations could report in a week. Without it, every counter is collected at rate 1.
    pub population: Option<At<NonZeroU64>>,
    /// Future versions that may report before anyone lists them.
    pub padding: Option<At<Padding>>,
    /// Who knows which versions were released; absent where the module's path tells.
    pub versions_from: Option<At<VersionSource>>,
}

/// `[padding]`: how many versions are allowed in advance (see `collection::pad_versions`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Padding {
    /// At most this many releases after the latest.
    pub releases: u64,
    /// At most this many new major versions.
    pub major: u64,
    /// At most this many new major and minor versions together.
    pub minor: u64,
    /// At most this many new patch versions of each.
    pub patch: u64,
    /// This many pre-releases (`-pre.1`, `-pre.2`, ...) of each.
    pub prerelease: u64,
    /// So many of the latest series (`v1.2`, `v1.3`) may get new patch versions: one, unless the project says
    /// more.
    pub series: u64,
}

/// `[padding]` of `collection.toml`: how many toolchains of each language are allowed in advance (see
/// `collection::allowed_toolchains`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ToolchainPadding {
    /// This many new series (`go1.26`).
    pub minor: u64,
    /// This many new patch releases of each.
    pub patch: u64,
    /// This many release candidates (`go1.26rc1`) of a new series.
    pub prerelease: u64,
    /// So many of the latest series may get new patch releases: two, unless the project says otherwise.
    pub series: u64,
}

/// One `[[chart]]`: what to plot, from which counters of which program, and why.
#[derive(Debug, Clone, PartialEq)]
pub struct Chart {
    /// Where its `[[chart]]` is.
    pub location: Location,
    /// The chart's heading.
    pub title: At<String>,
    /// What it shows, at length.
    pub description: Option<At<String>>,
    /// Links to the discussions in which it was accepted; at least one.
    pub issue: Vec<At<String>>,
    /// What is drawn, with the settings that only this kind of chart has.
    pub kind: ChartKind,
    /// The program that counts.
    pub program: At<ProgramPath>,
    /// The counters.
    pub counter: At<CounterExpression>,
    /// The first version that is counted; absent where all are.
    pub version: Option<At<Version>>,
    /// The target error, instead of the collection's.
    pub error: Option<At<Proportion>>,
    /// The last day on which it is collected.
    pub expires: Option<At<Date>>,
}

/// What a chart draws.
#[derive(Debug, Clone, PartialEq)]
pub enum ChartKind {
    /// The share of reports with each bucket.
    Partition,
    /// A partition whose buckets have an order.
    Histogram,
    /// A partition for every week.
    Timeseries,
    /// The distribution over reports of each counter divided by another.
    Ratio {
        /// The divisor. If no live chart collects it, this chart does, at its own rate.
        over: At<CounterExpression>,
    },
    /// Call stacks, ranked.
    Stack {
        /// At most this many frames of a stack are collected.
        depth: At<u32>,
        /// The packages whose functions may be named; if empty, those of any package.
        packages: Vec<At<ProgramPath>>,
    },
}

impl ChartKind {
    /// The value of `type` in a definition.
    pub fn name(&self) -> &'static str {
        match self {
            ChartKind::Partition => "partition",
            ChartKind::Histogram => "histogram",
            ChartKind::Timeseries => "timeseries",
            ChartKind::Ratio { .. } => "ratio",
            ChartKind::Stack { .. } => "stack",
        }
    }
}

impl Chart {
    /// Whether the chart is still collected on a day. The day on which it expires is the last.
    pub fn is_live(&self, as_of: Date) -> bool {
        self.expires.as_ref().is_none_or(|last| as_of <= last.value)
    }

    /// The divisor of a ratio chart.
    pub fn over(&self) -> Option<&At<CounterExpression>> {
        match &self.kind {
            ChartKind::Ratio { over } => Some(over),
            _ => None,
        }
    }
}

impl Program {
    /// Who knows which versions were released; `None` if nobody says.
    pub fn version_source(&self) -> Option<VersionSource> {
        match &self.versions_from {
            Some(source) => Some(source.value.clone()),
            None => VersionSource::of_module(self.module.as_ref()?.as_str()),
        }
    }
}

impl Definitions {
    /// The charts that are collected on a day.
    pub fn live(&self, as_of: Date) -> impl Iterator<Item = &Chart> {
        self.charts.iter().filter(move |chart| chart.is_live(as_of))
    }

    /// The listed versions of a program, in order.
    pub fn versions(&self, program: &Program) -> Vec<Version> {
        let mut versions: Vec<Version> = match &program.versions {
            Some(listed) => listed.iter().map(|version| version.value.clone()).collect(),
            None => {
                let toolchains = self.collection.toolchains.iter();
                toolchains.filter_map(|name| GoVersion::parse(name)).map(Version::Go).collect()
            }
        };
        versions.sort();
        versions
    }
}

/// A number between 0 and 1, neither included.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct Proportion(f64);

impl Proportion {
    /// Checks the range.
    pub fn new(value: f64) -> Option<Proportion> {
        (value > 0.0 && value < 1.0).then_some(Proportion(value))
    }

    /// The number.
    pub fn get(self) -> f64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proportion_is_strictly_between_zero_and_one() {
        assert_eq!(Proportion::new(0.5).map(Proportion::get), Some(0.5));
        for bad in [0.0, 1.0, -0.1, 1.5, f64::NAN, f64::INFINITY] {
            assert_eq!(Proportion::new(bad), None);
        }
    }
}
