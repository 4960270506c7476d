//! What several builds of one report have in total: the places of the tally at which they count.

use super::plan::{FigurePlan, PRESENT, ProgramPlan, Target};
use crate::aggregate::figure::Kind;
use std::cmp::Ordering;

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
    /// By place: what a row's counter counts in total. Only places in `rows` are not 0.
    sums: Vec<u64>,
    /// The figures and places of the rows that were found.
    rows: Vec<(usize, usize)>,
    /// By figure: the place of the row that is counted most, while these are looked for.
    most: Vec<Option<usize>>,
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
        for (_, place) in self.rows.drain(..) {
            if let Some(sum) = self.sums.get_mut(place) {
                *sum = 0;
            }
        }
        self.sums.resize(self.sums.len().max(plan.width), 0);
        self.most.resize(self.most.len().max(figures), None);
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
                        self.rows.push((figure, place));
                        if let Some(sum) = self.sums.get_mut(place) {
                            *sum = sum.saturating_add(count);
                        }
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

    /// Adds, for each figure, the place of the row that is counted most; of equal ones, of the first.
    fn add_most(&mut self) {
        let sums = &self.sums;
        let sum = |place: usize| sums.get(place).copied().unwrap_or_default();
        for (figure, place) in &self.rows {
            let Some(most) = self.most.get_mut(*figure) else { continue };
            let is_more = most.is_none_or(|most| match sum(*place).cmp(&sum(most)) {
                Ordering::Greater => true,
                // Rows have their places in order.
                Ordering::Equal => *place < most,
                Ordering::Less => false,
            });
            if is_more {
                *most = Some(*place);
            }
        }
        let of_figure = |(figure, _): &(usize, usize)| self.most.get_mut(*figure)?.take();
        self.places.extend(self.rows.iter().filter_map(of_figure).map(|place| place + 1));
    }

    /// Adds the places of bases, and removes duplicates if there are several builds.
    pub fn finish(&mut self, plan: &ProgramPlan, several: bool) {
        self.add_most();
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

#[cfg(test)]
mod tests {
    use super::*;

    /// The places of rows that are counted most, after these counts of `(figure, place, count)`.
    fn most(counts: &[(usize, usize, u64)]) -> Vec<usize> {
        let mut combined = CombinedBuilds {
            counts: vec![true; 2],
            any: vec![false; 2],
            sums: vec![0; 20],
            most: vec![None; 2],
            ..CombinedBuilds::default()
        };
        for (figure, place, count) in counts {
            let target = Target::Row { figure: *figure, place: *place };
            combined.counter(&[target], *count);
        }
        combined.places.clear();
        combined.add_most();
        combined.places.sort_unstable();
        combined.places
    }

    #[test]
    fn each_report_counts_one_row_of_a_figure_most() {
        // The place after a row's own is for the reports that count it most.
        assert_eq!(most(&[(0, 3, 5), (0, 5, 9), (0, 7, 1)]), [6]);
        assert_eq!(most(&[(0, 5, 9), (0, 3, 9)]), [4], "of equal ones, the first row");
        assert_eq!(most(&[(0, 3, 5), (0, 5, 3), (0, 5, 3)]), [6], "in several builds together");
        assert_eq!(most(&[(1, 11, 1), (0, 3, 2), (1, 13, 7)]), [4, 14], "in each figure");
        assert_eq!(most(&[]), [0; 0]);
    }
}
