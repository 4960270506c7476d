//! What several builds of one report have in total: the places of the tally at which they count.

use super::plan::{FigurePlan, PRESENT, ProgramPlan, Target};
use crate::aggregate::figure::Kind;

/// What several builds of one report have in total.
#[derive(Debug, Default)]
pub struct CombinedBuilds {
    /// By figure: whether it is in the figure's base.
    pub active: Vec<bool>,
    /// By figure: whether the current build is.
    pub counts: Vec<bool>,
    /// By figure: whether it has any of the figure's counters.
    pub any: Vec<bool>,
    /// The places to count.
    pub places: Vec<usize>,
    /// The figures and stacks to count.
    pub stacks: Vec<(u32, u32)>,
    /// By figure: the divisor.
    pub divisors: Vec<u64>,
    /// By row of the program's ratios: the dividend.
    pub dividends: Vec<u64>,
    /// By row of the program's ratios: those greater than zero.
    pub quotients: Vec<(usize, f64)>,
    /// By margin and category.
    pub categories: Vec<Vec<u64>>,
}

impl CombinedBuilds {
    pub fn reset(&mut self, plan: &ProgramPlan) {
        let figures = plan.figures.len();
        for flags in [&mut self.active, &mut self.counts, &mut self.any] {
            flags.clear();
            flags.resize(figures, false);
        }
        self.places.clear();
        self.stacks.clear();
        self.quotients.clear();
        self.divisors.clear();
        self.divisors.resize(figures, 0);
        self.dividends.clear();
        self.dividends.resize(plan.ratios, 0);
        self.categories.resize_with(plan.margins.len(), Vec::new);
        for (counts, margin) in self.categories.iter_mut().zip(&plan.margins) {
            counts.clear();
            counts.resize(margin.counters.len(), 0);
        }
    }

    pub fn counter(&mut self, targets: &[Target], count: u64) {
        for target in targets {
            let (figure, sum) = match *target {
                Target::Row { figure, place } => {
                    if self.counts.get(figure) == Some(&true) {
                        self.places.push(place);
                        self.found(figure);
                    }
                    continue;
                }
                Target::Category { margin, category } => {
                    let counts = self.categories.get_mut(margin);
                    (None, counts.and_then(|counts| counts.get_mut(category)))
                }
                Target::Dividend { figure, ratio } => (Some(figure), self.dividends.get_mut(ratio)),
                Target::Divisor { figure } => (Some(figure), self.divisors.get_mut(figure)),
            };
            let counts = figure.is_none_or(|figure| self.counts.get(figure) == Some(&true));
            if let Some(sum) = sum.filter(|_| counts) {
                *sum = sum.saturating_add(count);
            }
        }
    }

    pub fn stack(&mut self, figure: usize, stack: u32) {
        if self.counts.get(figure) == Some(&true)
            && let Ok(number) = u32::try_from(figure)
        {
            self.stacks.push((number, stack));
            self.found(figure);
        }
    }

    fn found(&mut self, figure: usize) {
        if let Some(any) = self.any.get_mut(figure) {
            *any = true;
        }
    }

    /// Adds the places of bases, and removes duplicates if there are several builds.
    pub fn finish(&mut self, plan: &ProgramPlan, several: bool) {
        self.places.push(PRESENT);
        for (number, figure) in plan.figures.iter().enumerate() {
            if self.active.get(number) != Some(&true) {
                continue;
            }
            if figure.about.kind == Kind::Ratio {
                self.ratio(number, figure);
            } else {
                self.places.push(figure.base);
                if self.any.get(number) != Some(&true) {
                    self.places.push(figure.none);
                }
            }
        }
        // Several stacks of a build may be the same one when grouped.
        self.stacks.sort_unstable();
        self.stacks.dedup();
        if several {
            self.places.sort_unstable();
            self.places.dedup();
        }
    }

    /// A report is in a ratio's base if the divisor is greater than zero.
    fn ratio(&mut self, number: usize, figure: &FigurePlan) {
        let divisor = self.divisors.get(number).copied().unwrap_or_default();
        if divisor == 0 {
            return;
        }
        self.places.push(figure.base);
        for (ratio, row) in (figure.first_ratio..).zip(&figure.rows) {
            let dividend = self.dividends.get(ratio).copied().unwrap_or_default();
            if dividend > 0 {
                self.places.push(row.place);
                // Counts beyond 2^53 lose their last digits.
                self.quotients.push((ratio, dividend as f64 / divisor as f64));
            }
        }
    }
}
