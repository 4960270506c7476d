//! From counts to the figures of one program.
//!
//! First the figures that every program has: versions, platforms and toolchains of all reports with the
//! program, each weighted by one over its config's sample rate. Then the figures of its charts.

use super::order::{by_reports, sort_toolchains, sort_versions};
use super::parts::{Part, WHOLE};
use super::plan::{FigurePlan, PRESENT, Plan, ProgramPlan};
use super::reweight::reweighted;
use super::rows::RowSource;
use super::stacks::Grouped;
use super::tally::ProgramTally;
use super::weighted::Sample;
use crate::aggregate::figure::{
    Breakdown, Dimension, Estimate, Figure, Group, Kind, ProgramCharts, RateUse, Rest, Row,
    SLICE_REPORTS, SLICE_ROWS, SLICES,
};
use crate::aggregate::statistics::interval::estimate;
use crate::charts::program_path::ProgramPath;
use crate::publish::RESERVED;
use std::collections::{BTreeSet, HashMap};

const TITLES: [&str; 3] = ["Program versions", "Platforms", "Toolchains"];

/// One program's counts, with its plan.
#[derive(Debug)]
pub struct Program<'a> {
    /// The plan of all programs.
    pub plan: &'a Plan,
    /// The plan of this one.
    pub program: &'a ProgramPlan,
    /// Its counts.
    pub tally: &'a ProgramTally,
    /// By config: all reports of the week, with any program.
    pub reports: &'a [u64],
    /// Its parts, by number.
    pub parts: &'a [Part],
    /// Its stacks, by number.
    pub stacks: &'a [Grouped],
    /// The probability with which each interval contains the true value.
    pub confidence: f64,
}

/// A share of a sum of weights; 1 if the sum is 0, since then nobody is known to be left out.
fn share(part: f64, all: f64) -> f64 {
    if all > 0.0 { part / all } else { 1.0 }
}

impl Program<'_> {
    /// Its charts; `None` if it neither reported nor is asked to.
    pub fn charts(&self) -> Option<ProgramCharts> {
        let rates: Vec<Option<f64>> =
            self.plan.configs.iter().map(|config| Some(config.sample_rate)).collect();
        let whole = Sample::of_part(self.tally, WHOLE, &rates);
        let present = whole.at(PRESENT, None);
        if present.reports == 0 && !self.program.collected {
            return None;
        }
        let known = Dimension::ALL.iter().zip(RESERVED).zip(TITLES);
        let known = known.map(|((dimension, id), title)| self.known(*dimension, id, title, &rates));
        let figures = self.program.figures.iter().enumerate();
        Some(ProgramCharts {
            program: self.program.program.clone(),
            reports: present.reports,
            coverage: self.asked(),
            expected: None,
            jump: None,
            charts: known.chain(figures.map(|numbered| self.figure(numbered))).collect(),
        })
    }

    /// The share of the week's installations whose config asks for the program.
    fn asked(&self) -> f64 {
        let (mut asked, mut all) = (0.0, 0.0);
        let configs = self.plan.configs.iter().zip(&self.program.asked);
        for ((config, is_asked), reports) in configs.zip(self.reports) {
            let weight = *reports as f64 / config.sample_rate;
            all += weight;
            asked += if *is_asked { weight } else { 0.0 };
        }
        share(asked, all)
    }

    /// The share of the program's installations whose config collects a chart and whose version is
    /// included. An installation with several versions counts once for each.
    fn collected(&self, figure: &FigurePlan) -> f64 {
        let path = ProgramPath::parse(&self.program.program);
        let counts = |version: &str| match &figure.first {
            None => true,
            Some(first) => path
                .as_ref()
                .and_then(|path| path.parse_version(version))
                .is_some_and(|version| version.at_least(first)),
        };
        // Integers by config first, since the order of parts depends on threads.
        let mut by_config = vec![(0_u64, 0_u64); self.plan.configs.len()];
        for (number, part) in (0..).zip(self.parts) {
            let counts = match part {
                Part::Version(version) if figure.first.is_some() => counts(version),
                Part::Whole if figure.first.is_none() => true,
                _ => continue,
            };
            for (config, (collected, all)) in (0..).zip(&mut by_config) {
                let found = self.tally.counts.get(&(number, config));
                let reports = found.and_then(|counts| counts.get(PRESENT)).copied();
                *all += reports.unwrap_or_default();
                *collected += if counts { reports.unwrap_or_default() } else { 0 };
            }
        }
        let (mut collected, mut all) = (0.0, 0.0);
        let configs = self.plan.configs.iter().zip(&figure.rates).zip(by_config);
        for ((config, rate), (of_these, reports)) in configs {
            all += reports as f64 / config.sample_rate;
            collected += if rate.is_some() { of_these as f64 / config.sample_rate } else { 0.0 };
        }
        share(collected, all)
    }

    /// The parts of a dimension that have reports at a place of the tally, in display order.
    fn groups(
        &self,
        dimension: Dimension,
        place: usize,
        rates: &[Option<f64>],
    ) -> Vec<(String, Sample<'_>)> {
        let mut found: HashMap<String, (Sample<'_>, u64)> = HashMap::new();
        for (number, part) in (0..).zip(self.parts) {
            let label = match (dimension, part) {
                (Dimension::Version, Part::Version(label))
                | (Dimension::Platform, Part::Platform(label))
                | (Dimension::Toolchain, Part::Toolchain(label)) => label,
                _ => continue,
            };
            let sample = Sample::of_part(self.tally, number, rates);
            let reports = sample.at(place, None).reports;
            if reports > 0 {
                found.insert(label.clone(), (sample, reports));
            }
        }
        let mut labels: Vec<String> = found.keys().cloned().collect();
        match dimension {
            Dimension::Version => sort_versions(&self.program.program, &mut labels),
            Dimension::Toolchain => sort_toolchains(&mut labels),
            Dimension::Platform => {
                let reports = |label: &str| found.get(label).map_or(0, |(_, reports)| *reports);
                labels.sort_by(|a, b| by_reports((reports(a), a), (reports(b), b)));
            }
        }
        let sample = |label: String| found.remove(&label).map(|(sample, _)| (label, sample));
        labels.into_iter().filter_map(sample).collect()
    }

    /// A figure that every program has.
    fn known(&self, dimension: Dimension, id: &str, title: &str, rates: &[Option<f64>]) -> Figure {
        let whole = Sample::of_part(self.tally, WHOLE, rates);
        let base = whole.at(PRESENT, None);
        let row = |(label, sample): (String, Sample<'_>)| Row {
            label,
            counter: None,
            frames: Vec::new(),
            estimate: estimate(&sample.at(PRESENT, None), &base, self.confidence),
            base: None,
            removed: false,
            distribution: None,
            most: None,
        };
        Figure {
            id: id.to_owned(),
            title: title.to_owned(),
            description: None,
            kind: Kind::Partition,
            counter: None,
            over: None,
            issue: Vec::new(),
            definition: None,
            collected: self.program.collected,
            rates: self.rates(&whole, PRESENT, rates),
            base: base.base(),
            coverage: 1.0,
            expected: None,
            jump: None,
            rows: self.groups(dimension, PRESENT, rates).into_iter().map(row).collect(),
            left_out: 0,
            none: None,
            by: Vec::new(),
            reweighted: Vec::new(),
        }
    }

    /// The rates of those configs that have one.
    fn rates(&self, whole: &Sample<'_>, place: usize, rates: &[Option<f64>]) -> Vec<RateUse> {
        let reports = |config: u32| {
            let members = whole.members(None).filter(|member| member.config == config);
            members.map(|member| whole.count(member, place)).sum()
        };
        let configs = (0..).zip(&self.plan.configs).zip(rates);
        let used = configs.filter_map(|((number, config), rate)| {
            Some(RateUse {
                config: config.version.clone(),
                rate: (*rate)?,
                reports: reports(number),
            })
        });
        used.collect()
    }

    /// The figure of a chart.
    fn figure(&self, (number, figure): (usize, &FigurePlan)) -> Figure {
        let about = figure.about.clone();
        let numbered = (number, figure);
        let source = RowSource::new(self.tally, self.parts, self.stacks, numbered, self.confidence);
        let whole = Sample::of_part(self.tally, WHOLE, &figure.rates);
        let quotients = source.quotients(|number, _| number == WHOLE);
        let (base, mut rows) = source.rows(&whole, &quotients, false);
        source.add_most(&whole, &mut rows);
        let none = self.none(figure, &whole);
        let by = Dimension::ALL.map(|dimension| self.breakdown(dimension, &source));
        Figure {
            id: about.id,
            title: about.title,
            description: about.description,
            kind: about.kind,
            counter: Some(about.counter),
            over: about.over,
            issue: about.issue,
            definition: about.definition,
            collected: about.collected,
            rates: self.rates(&whole, figure.base, &figure.rates),
            base,
            coverage: self.collected(figure),
            expected: None,
            jump: None,
            rows,
            left_out: source.left_out,
            none,
            by: by.into_iter().flatten().collect(),
            reweighted: reweighted(self.program, &source),
        }
    }

    /// A figure by one dimension; `None` if it has no reports.
    /// The reports of a sample with none of a figure's counters.
    fn none(&self, figure: &FigurePlan, sample: &Sample<'_>) -> Option<Estimate> {
        (figure.about.kind != Kind::Ratio).then(|| {
            let (none, all) = (sample.at(figure.none, None), sample.at(figure.base, None));
            estimate(&none, &all, self.confidence)
        })
    }

    fn breakdown(&self, dimension: Dimension, source: &RowSource<'_>) -> Option<Breakdown> {
        let groups = self.groups(dimension, source.figure.base, &source.figure.rates);
        let reports: Vec<u64> =
            groups.iter().map(|(_, sample)| sample.at(source.figure.base, None).reports).collect();
        // The most frequent ones first, equal ones in their order.
        let mut ranked: Vec<usize> = (0..groups.len()).collect();
        ranked.sort_by_key(|at| std::cmp::Reverse(reports.get(*at)));
        let enough = |at: &usize| reports.get(*at).is_some_and(|reports| *reports >= SLICE_REPORTS);
        let wanted: BTreeSet<u32> = ranked
            .iter()
            .copied()
            .filter(enough)
            .take(SLICES)
            .filter_map(|at| self.number(dimension, &groups.get(at)?.0))
            .collect();
        let quotients = source.quotients(|number, _| wanted.contains(&number));
        let (mut kept, mut rows_left) = (Vec::new(), SLICE_ROWS);
        for at in ranked.iter().copied().filter(enough).take(SLICES) {
            let Some((label, sample)) = groups.get(at) else { continue };
            let (base, rows) = source.rows(sample, &quotients, true);
            let Some(left) = rows_left.checked_sub(rows.len()) else { break };
            rows_left = left;
            let none = self.none(source.figure, sample);
            kept.push((at, Group { label: label.clone(), base, rows, none }));
        }
        kept.sort_by_key(|(at, _)| *at);
        let (places, groups): (BTreeSet<usize>, Vec<Group>) = kept.into_iter().unzip();
        let others = || reports.iter().enumerate().filter(|(at, _)| !places.contains(at));
        let rest = Rest {
            values: others().count() as u64,
            reports: others().map(|(_, reports)| reports).sum(),
        };
        let rest = (rest.values > 0).then_some(rest);
        (!groups.is_empty() || rest.is_some()).then_some(Breakdown { dimension, groups, rest })
    }

    /// The number of the part with this value of a dimension.
    fn number(&self, dimension: Dimension, label: &str) -> Option<u32> {
        let is = |part: &Part| match (dimension, part) {
            (Dimension::Version, Part::Version(value))
            | (Dimension::Platform, Part::Platform(value))
            | (Dimension::Toolchain, Part::Toolchain(value)) => value == label,
            _ => false,
        };
        self.parts.iter().position(is).and_then(|number| u32::try_from(number).ok())
    }
}
