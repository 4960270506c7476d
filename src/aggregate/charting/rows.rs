//! The rows of a figure, for all its reports or some of them.

use super::parts::Part;
use super::plan::{FigurePlan, RowPlan};
use super::ratio::Quotients;
use super::stacks::{Grouped, PUBLISHED};
use super::tally::ProgramTally;
use super::weighted::{Basis, Sample};
use crate::aggregate::figure::{Base, Kind, Row, SLICE_STACKS};
use crate::aggregate::statistics::sample::Weights;
use std::collections::BTreeSet;

/// The source of a figure's rows.
#[derive(Debug)]
pub struct RowSource<'a> {
    /// The program's counts.
    pub tally: &'a ProgramTally,
    /// The program's parts, by number.
    pub parts: &'a [Part],
    /// The program's stacks, by number.
    pub stacks: &'a [Grouped],
    /// The figure.
    pub figure: &'a FigurePlan,
    /// The figure's index in the plan.
    pub number: usize,
    /// The stacks that are shown, most frequent first.
    pub ranked: Vec<u32>,
    /// How many are not shown.
    pub left_out: u64,
    /// The probability with which each interval contains the true value.
    pub confidence: f64,
}

impl<'a> RowSource<'a> {
    /// The source for a figure. Ranks its stacks by how many installations they represent over all
    /// reports, and equal ones by counter and functions.
    pub fn new(
        tally: &'a ProgramTally,
        parts: &'a [Part],
        stacks: &'a [Grouped],
        (number, figure): (usize, &'a FigurePlan),
        confidence: f64,
    ) -> RowSource<'a> {
        let mut source = RowSource {
            tally,
            parts,
            stacks,
            figure,
            number,
            ranked: Vec::new(),
            left_out: 0,
            confidence,
        };
        if figure.about.kind == Kind::Stack {
            let key = u32::try_from(number).unwrap_or(u32::MAX);
            let found: BTreeSet<u32> = tally
                .stacks
                .keys()
                .filter(|(of, ..)| *of == key)
                .map(|(_, stack, ..)| *stack)
                .collect();
            let whole = Sample::of_part(tally, super::parts::WHOLE, &figure.rates);
            let total = |stack: u32| whole.with_stack(key, stack, None).sum;
            let mut ranked: Vec<(f64, Option<&Grouped>, u32)> = found
                .into_iter()
                .map(|stack| (total(stack), stacks.get(stack as usize), stack))
                .collect();
            ranked.sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
            source.left_out = ranked.len().saturating_sub(PUBLISHED) as u64;
            source.ranked = ranked.into_iter().take(PUBLISHED).map(|(.., stack)| stack).collect();
        }
        source
    }

    /// The positive quotients of all rows, in the `wanted` parts; empty unless the figure is a ratio.
    pub fn quotients(&self, wanted: impl Fn(u32, &Part) -> bool) -> Quotients {
        if self.figure.about.kind != Kind::Ratio {
            return Quotients::default();
        }
        let first = self.figure.first_ratio;
        Quotients::of(self.tally, first..first + self.figure.rows.len(), self.parts, wanted)
    }

    /// The base and the rows for the reports of a sample. For a `part` of the figure's reports, rows
    /// without reports are left out.
    pub fn rows(&self, sample: &Sample<'_>, quotients: &Quotients, part: bool) -> (Base, Vec<Row>) {
        let weights = sample.at(self.figure.base, None);
        let basis = Basis { weights, confidence: self.confidence };
        let rows = if self.figure.about.kind == Kind::Stack {
            let stack = |stack: &u32| self.stack_row(*stack, sample, &basis, part);
            let most = if part { SLICE_STACKS } else { self.ranked.len() };
            self.ranked.iter().filter_map(stack).take(most).collect()
        } else {
            let rows = self.figure.rows.iter().enumerate();
            let row = |numbered| self.row(numbered, sample, &basis, quotients, part);
            rows.filter_map(row).collect()
        };
        (weights.base(), rows)
    }

    /// Adds to the rows of the whole figure the reports that count each most, unless no report has several
    /// rows: then these are the same as those that have it.
    pub fn add_most(&self, sample: &Sample<'_>, rows: &mut [Row]) {
        if matches!(self.figure.about.kind, Kind::Stack | Kind::Ratio) {
            return;
        }
        let weights = sample.at(self.figure.base, None);
        let basis = Basis { weights, confidence: self.confidence };
        let most: Vec<Weights> =
            self.figure.rows.iter().map(|row| sample.at(row.most, None)).collect();
        let found: u64 = rows.iter().map(|row| row.estimate.reports).sum();
        if most.iter().map(|most| most.reports).sum::<u64>() == found {
            return;
        }
        for (row, most) in rows.iter_mut().zip(&most) {
            row.most = Some(basis.estimate(most, &weights).0);
        }
    }

    fn row(
        &self,
        (number, row): (usize, &RowPlan),
        sample: &Sample<'_>,
        basis: &Basis,
        quotients: &Quotients,
        part: bool,
    ) -> Option<Row> {
        let collected = Some(row.collected.as_slice());
        let hits = sample.at(row.place, collected);
        if part && hits.reports == 0 {
            return None;
        }
        let own = sample.at(self.figure.base, collected);
        let (estimate, base) = basis.estimate(&hits, &own);
        Some(Row {
            label: row.label.clone(),
            counter: Some(row.counter.clone()),
            frames: Vec::new(),
            estimate,
            base,
            removed: row.removed,
            distribution: quotients.distribution(
                number,
                sample,
                self.figure.base,
                collected,
                self.confidence,
            ),
            most: None,
        })
    }

    fn stack_row(&self, stack: u32, sample: &Sample<'_>, basis: &Basis, part: bool) -> Option<Row> {
        let grouped = self.stacks.get(stack as usize)?;
        let row = self.figure.rows.get(grouped.row)?;
        let collected = Some(row.collected.as_slice());
        let key = u32::try_from(self.number).ok()?;
        let hits = sample.with_stack(key, stack, collected);
        if part && hits.reports == 0 {
            return None;
        }
        let (estimate, base) = basis.estimate(&hits, &sample.at(self.figure.base, collected));
        let frames: Vec<String> = grouped.functions.split('\n').map(str::to_owned).collect();
        Some(Row {
            label: frames.first().cloned().unwrap_or_default(),
            counter: Some(row.counter.clone()),
            frames,
            estimate,
            base,
            removed: row.removed,
            distribution: None,
            most: None,
        })
    }
}
