//! Weights that give a sample the margins of its population: iterative proportional fitting, or
//! raking (Deming and Stephan, "On a least squares adjustment of a sampled frequency table when the
//! expected marginal totals are known", Annals of Mathematical Statistics 11, 1940).
//!
//! Reports that agree in all that is weighted by are one [`Cell`]. In every round each margin in
//! turn multiplies the weights of each of its categories by what brings the category's share to the
//! wanted one. Then weights over the limit are cut to it, and the others are raised in proportion,
//! so that the total stays. Rounds follow each other until all margins are met, within a tolerance,
//! by weights within the limit.
//!
//! - **Unknown categories** are not adjusted by their margin: wanted shares are those among reports
//!   whose category is known, and the margin leaves the weight of these reports together, and so that
//!   of the others, as it was.
//! - **Empty categories**, which are wanted but have no reports, give their share to the others of
//!   their margin in proportion, since no weight can replace missing reports.
//! - **Unwanted categories**, of share 0, end with weight 0, and so do the reports in them.
//! - **Contradictory margins** are never all met. The weights of the last round are returned, with the
//!   largest remaining difference.
//! - **The limit** is a multiple of the average weight, so that few reports do not speak for many
//!   (Izrael, Battaglia and Frankel, "Extreme survey weight adjustment as a component of sample
//!   balancing", SAS Global Forum 2009). A limit that is too tight to meet the margins leaves a
//!   difference too.
//!
//! The cost of unequal weights shows in the effective sample size ([`Weights::effective`]); the ratio
//! of reports to it is Kish's design effect.

use super::sample::Weights;

/// Reports that agree in all margins.
#[derive(Debug, Clone, PartialEq)]
pub struct Cell {
    /// For every margin, the category: a place in [`Target::wanted`]. `None`, or a place beyond the
    /// last, is unknown.
    pub categories: Vec<Option<u32>>,
    /// The weight of each report before fitting; finite, and at least 0.
    pub weight: f64,
    /// How many reports.
    pub reports: u64,
}

/// One margin: the share that each of its categories has in the population.
#[derive(Debug, Clone, PartialEq)]
pub struct Target {
    /// By category. Only their proportions matter.
    pub wanted: Vec<f64>,
}

/// When fitting ends.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Options {
    /// The largest weight that is allowed, as a multiple of the average; at least 1. Infinity allows
    /// all.
    pub trim: f64,
    /// The largest difference between a wanted share and a fitted one that counts as none.
    pub tolerance: f64,
    /// The most rounds.
    pub rounds: u32,
}

impl Default for Options {
    fn default() -> Options {
        Options { trim: 5.0, tolerance: 1e-9, rounds: 1000 }
    }
}

/// The result of fitting.
#[derive(Debug, Clone, PartialEq)]
pub struct Raked {
    /// For each cell, the weight of each of its reports. Their total is that before fitting.
    pub weights: Vec<f64>,
    /// Whether all margins were met.
    pub converged: bool,
    /// How many rounds it took.
    pub rounds: u32,
    /// The largest difference that is left between a wanted share, as used, and a fitted one.
    pub worst: f64,
    /// The reports whose weight is at the limit.
    pub trimmed: u64,
    /// All reports with their weights: [`Weights::effective`] shows what fitting costs.
    pub base: Weights,
    /// The margins, in the order given.
    pub margins: Vec<RakedMargin>,
}

/// The result for one margin.
#[derive(Debug, Clone, PartialEq)]
pub struct RakedMargin {
    /// By category.
    pub categories: Vec<RakedCategory>,
    /// The reports whose category is unknown.
    pub unknown: u64,
}

/// The result for one category. Shares are among reports whose category is known.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct RakedCategory {
    /// The share in the population, of all that were given.
    pub wanted: f64,
    /// The share that was aimed at: 0 for a category without reports, and as much more for the
    /// others.
    pub used: f64,
    /// The share before fitting.
    pub before: f64,
    /// The share after fitting.
    pub after: f64,
    /// Its reports.
    pub reports: u64,
}

/// Fits the weights of cells to margins. A category that a cell lacks for a target is unknown.
pub fn rake(cells: &[Cell], targets: &[Target], options: &Options) -> Raked {
    let mut fit = Fit::new(cells, targets);
    let mut rounds = 0;
    fit.trim(options.trim);
    while fit.worst() > options.tolerance && rounds < options.rounds {
        fit.round();
        fit.trim(options.trim);
        rounds += 1;
    }
    let worst = fit.worst();
    let mut base = Weights::default();
    for (cell, weight) in cells.iter().zip(&fit.weights) {
        base.add_many(*weight, cell.reports);
    }
    Raked {
        converged: worst <= options.tolerance,
        rounds,
        worst,
        trimmed: fit.trimmed(options.trim),
        base,
        margins: fit.margins(),
        weights: fit.weights,
    }
}

/// A fit under way.
struct Fit<'a> {
    cells: &'a [Cell],
    /// For each cell, the weight of each of its reports.
    weights: Vec<f64>,
    margins: Vec<RakedMargin>,
}

impl<'a> Fit<'a> {
    fn new(cells: &'a [Cell], targets: &[Target]) -> Fit<'a> {
        let weights = cells.iter().map(|cell| positive(cell.weight)).collect();
        let mut fit = Fit { cells, weights, margins: Vec::new() };
        for (margin, target) in targets.iter().enumerate() {
            let mut reports = vec![0; target.wanted.len()];
            let mut unknown = 0;
            for cell in cells {
                match category(cell, margin).and_then(|category| reports.get_mut(category)) {
                    Some(count) => *count += cell.reports,
                    None => unknown += cell.reports,
                }
            }
            let before = fit.shares(margin, target.wanted.len());
            let wanted = proportions(target.wanted.iter().copied());
            let reported = wanted.iter().zip(&before);
            let reported =
                reported.map(|(wanted, before)| if *before > 0.0 { *wanted } else { 0.0 });
            let mut used = proportions(reported);
            if used.iter().all(|share| *share == 0.0) {
                // No wanted category has reports: the margin cannot be met, and the result shows it.
                used.clone_from(&wanted);
            }
            let categories = wanted.iter().zip(used).zip(before).zip(reports);
            let categories = categories.map(|(((&wanted, used), before), reports)| RakedCategory {
                wanted,
                used,
                before,
                after: before,
                reports,
            });
            let categories = categories.collect();
            fit.margins.push(RakedMargin { categories, unknown });
        }
        fit
    }

    /// The weight of each category of a margin, and of all reports whose category is known.
    fn totals(&self, margin: usize, categories: usize) -> (Vec<f64>, f64) {
        let mut totals = vec![0.0; categories];
        for (cell, weight) in self.cells.iter().zip(&self.weights) {
            if let Some(total) = category(cell, margin).and_then(|c| totals.get_mut(c)) {
                *total += weight * cell.reports as f64;
            }
        }
        let known = totals.iter().sum();
        (totals, known)
    }

    /// The share of each category of a margin.
    fn shares(&self, margin: usize, categories: usize) -> Vec<f64> {
        proportions(self.totals(margin, categories).0)
    }

    /// Adjusts every margin in turn.
    fn round(&mut self) {
        for margin in 0..self.margins.len() {
            self.adjust(margin);
        }
    }

    /// Multiplies the weights of each category of a margin by what it lacks.
    fn adjust(&mut self, margin: usize) {
        let Some(categories) = self.margins.get(margin).map(|margin| &margin.categories) else {
            return;
        };
        let (totals, known) = self.totals(margin, categories.len());
        // Another margin may have taken all weight from a category that this one wants.
        let met = |(category, total): (&RakedCategory, &f64)| {
            if *total > 0.0 { category.used } else { 0.0 }
        };
        let used = proportions(categories.iter().zip(&totals).map(met));
        if used.iter().all(|share| *share == 0.0) {
            return;
        }
        let factor = |(share, total): (&f64, &f64)| {
            let factor = share * known / total;
            if factor.is_finite() { factor } else { 1.0 }
        };
        let factors: Vec<f64> = used.iter().zip(&totals).map(factor).collect();
        for (cell, weight) in self.cells.iter().zip(&mut self.weights) {
            if let Some(factor) = category(cell, margin).and_then(|c| factors.get(c)) {
                *weight *= factor;
            }
        }
    }

    /// Cuts the weights over `times` the average to that, and raises the others in proportion.
    fn trim(&mut self, times: f64) {
        let limit = self.limit(times);
        loop {
            let (mut excess, mut free) = (0.0, 0.0);
            for (cell, weight) in self.cells.iter().zip(&mut self.weights) {
                let reports = cell.reports as f64;
                if *weight > limit {
                    excess += (*weight - limit) * reports;
                    *weight = limit;
                } else if *weight < limit {
                    free += *weight * reports;
                }
            }
            if excess <= 0.0 || free <= 0.0 {
                return;
            }
            let raise = 1.0 + excess / free;
            for weight in self.weights.iter_mut().filter(|weight| **weight < limit) {
                *weight *= raise;
            }
        }
    }

    /// The largest weight that is allowed: `times` the average of those that are not 0.
    fn limit(&self, times: f64) -> f64 {
        let (mut total, mut reports) = (0.0, 0.0);
        for (cell, weight) in self.cells.iter().zip(&self.weights).filter(|(_, w)| **w > 0.0) {
            total += weight * cell.reports as f64;
            reports += cell.reports as f64;
        }
        // NaN allows all weights, like infinity.
        if reports > 0.0 && times.is_finite() {
            times.max(1.0) * total / reports
        } else {
            f64::INFINITY
        }
    }

    /// The reports whose weight is at the limit, but for rounding.
    fn trimmed(&self, times: f64) -> u64 {
        let limit = self.limit(times) * (1.0 - 1e-9);
        let at_limit = self.cells.iter().zip(&self.weights).filter(|(_, weight)| **weight >= limit);
        at_limit.map(|(cell, _)| cell.reports).sum()
    }

    /// The largest difference between a share that is wanted and the share that is.
    fn worst(&self) -> f64 {
        let margins = self.margins.iter().enumerate();
        let differences = margins.flat_map(|(place, margin)| {
            let shares = self.shares(place, margin.categories.len());
            margin
                .categories
                .iter()
                .zip(shares)
                .map(|(category, share)| (category.used - share).abs())
        });
        differences.fold(0.0, f64::max)
    }

    /// The margins as they are now.
    fn margins(&self) -> Vec<RakedMargin> {
        let mut margins = self.margins.clone();
        for (place, margin) in margins.iter_mut().enumerate() {
            let shares = self.shares(place, margin.categories.len());
            for (category, share) in margin.categories.iter_mut().zip(shares) {
                category.after = share;
            }
        }
        margins
    }
}

/// The place of a cell's category in a margin.
fn category(cell: &Cell, margin: usize) -> Option<usize> {
    cell.categories.get(margin).copied().flatten().and_then(|category| category.try_into().ok())
}

/// The parts of a whole; all 0 where there is no whole.
fn proportions(parts: impl IntoIterator<Item = f64>) -> Vec<f64> {
    let mut parts: Vec<f64> = parts.into_iter().map(positive).collect();
    let whole: f64 = parts.iter().sum();
    if whole > 0.0 {
        parts.iter_mut().for_each(|part| *part /= whole);
    }
    parts
}

fn positive(number: f64) -> f64 {
    if number.is_finite() && number > 0.0 { number } else { 0.0 }
}

#[cfg(test)]
#[path = "raking_tests.rs"]
mod tests;
