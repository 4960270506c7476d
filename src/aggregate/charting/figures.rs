//! From counts to the figures of one program.
//!
//! First what is known of every program, whatever its charts: versions, platforms, toolchains, of
//! all reports with the program, each weighted by one over its config's sample rate. Then the
//! figures of its charts.

use super::order::{by_reports, sort_toolchains, sort_versions};
use super::parts::{Part, WHOLE};
use super::plan::{FigurePlan, PRESENT, Plan, ProgramPlan};
use super::reweight::reweighted;
use super::rows::RowSource;
use super::stacks::Grouped;
use super::tally::ProgramTally;
use super::weighted::Sample;
use crate::aggregate::figure::{
    Breakdown, Dimension, Figure, Group, Kind, ProgramCharts, RateUse, Row,
};
use crate::aggregate::statistics::interval::estimate;
use crate::publish::RESERVED;
use std::collections::HashMap;

const DIMENSIONS: [Dimension; 3] = [Dimension::Version, Dimension::Platform, Dimension::Toolchain];
const TITLES: [&str; 3] = ["Program versions", "Platforms", "Toolchains"];

/// One program's counts, and what they are counts of.
#[derive(Debug)]
pub struct Program<'a> {
    /// The plan of all programs.
    pub plan: &'a Plan,
    /// The plan of this one.
    pub program: &'a ProgramPlan,
    /// Its counts.
    pub tally: &'a ProgramTally,
    /// Its parts, by number.
    pub parts: &'a [Part],
    /// Its stacks, by number.
    pub stacks: &'a [Grouped],
    /// The probability with which each interval holds the truth.
    pub confidence: f64,
}

impl Program<'_> {
    /// Its charts; `None` where it neither reported nor is asked to.
    pub fn charts(&self) -> Option<ProgramCharts> {
        let rates: Vec<Option<f64>> =
            self.plan.configs.iter().map(|config| Some(config.sample_rate)).collect();
        let whole = Sample::of_part(self.tally, WHOLE, &rates);
        let present = whole.at(PRESENT, None);
        if present.reports == 0 && !self.program.collected {
            return None;
        }
        let known = DIMENSIONS.iter().zip(RESERVED).zip(TITLES);
        let known = known.map(|((dimension, id), title)| self.known(*dimension, id, title, &rates));
        let figures = self.program.figures.iter().enumerate();
        Some(ProgramCharts {
            program: self.program.program.clone(),
            reports: present.reports,
            charts: known.chain(figures.map(|numbered| self.figure(numbered))).collect(),
        })
    }

    /// The parts along a dimension that have reports at a place of the tally, in the order in which
    /// they are shown.
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

    /// What is known of every program.
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
        let (base, rows) =
            source.rows(&whole, &source.quotients(|part| *part == Part::Whole), false);
        let none = (about.kind != Kind::Ratio).then(|| {
            let (none, all) = (whole.at(figure.none, None), whole.at(figure.base, None));
            estimate(&none, &all, self.confidence)
        });
        let by = DIMENSIONS.map(|dimension| self.breakdown(dimension, &source));
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
            rows,
            left_out: source.left_out,
            none,
            by: by.into_iter().filter(|breakdown| !breakdown.groups.is_empty()).collect(),
            reweighted: reweighted(self.program, &source),
        }
    }

    fn breakdown(&self, dimension: Dimension, source: &RowSource<'_>) -> Breakdown {
        let quotients = source.quotients(|part| {
            matches!(
                (dimension, part),
                (Dimension::Version, Part::Version(_))
                    | (Dimension::Platform, Part::Platform(_))
                    | (Dimension::Toolchain, Part::Toolchain(_))
            )
        });
        let group = |(label, sample): (String, Sample<'_>)| {
            let (base, rows) = source.rows(&sample, &quotients, true);
            Group { label, base, rows }
        };
        let groups = self.groups(dimension, source.figure.base, &source.figure.rates);
        Breakdown { dimension, groups: groups.into_iter().map(group).collect() }
    }
}
