//! Quantiles of weighted values, with bounds.
//!
//! The quantile at p is the smallest value whose cumulative weight reaches p of the total. In SQL:
//!
//! ```sql
//! SELECT min(value) FROM (
//!     SELECT value, sum(weight) OVER (ORDER BY value) AS cumulative, sum(weight) OVER () AS total
//!     FROM reports
//! ) WHERE cumulative >= 0.5 * total * (1 - 1e-9)
//! ```
//!
//! The last factor makes up for the rounding of sums, so that the order of additions decides
//! nothing.
//!
//! **Bounds** are those of Woodruff ("Confidence intervals for medians and other position
//! measures", Journal of the American Statistical Association 47, 1952), by inverting the interval
//! of shares ([`super::interval`]): a value is too low for the quantile at p where the share of
//! values up to it is, with confidence, less than p; the lower bound is the smallest value that is
//! not. The upper bound is the smallest value of which the share of values up to it is, with
//! confidence, at least p. For equal weights that is the exact interval between order statistics.

use super::interval;
use super::sample::Weights;
use crate::aggregate::figure::{Interval, Quantile};

/// The quantiles of (value, weight) pairs at the given shares, each with the bounds within which the
/// true one lies with probability `confidence`. None where nothing has weight.
///
/// Values are finite and at least 0, which is the lower bound where no value is too low. Where no
/// value is high enough, the upper bound is the largest value, and the quantile is `open`. The pairs
/// are left sorted; beyond them, memory is a few bytes for every thousand.
pub fn quantiles(values: &mut [(f64, f64)], at: &[f64], confidence: f64) -> Vec<Quantile> {
    // By weight too, so that equal reports give equal sums in whichever order they came.
    values.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
    let distribution = Distribution::new(values);
    let Some(largest) = values.last().filter(|_| distribution.total.sum > 0.0) else {
        return Vec::new();
    };
    let quantile = |&at: &f64| {
        let share = |hit: &Weights| interval::share(hit, &distribution.total, confidence);
        let reached = at * distribution.total.sum * (1.0 - 1e-9);
        let value = distribution.first(|hit| hit.sum >= reached).unwrap_or(largest.0);
        let low = if share(&Weights::default()).high >= at {
            0.0
        } else {
            distribution.first(|hit| share(hit).high >= at).unwrap_or(value)
        };
        let high = distribution.first(|hit| share(hit).low >= at);
        Quantile {
            at,
            quotient: Interval { value, low: low.min(value), high: high.unwrap_or(largest.0) },
            open: high.is_none(),
        }
    };
    at.iter().map(quantile).collect()
}

/// Sorted values, and how much weight lies up to each.
struct Distribution<'a> {
    values: &'a [(f64, f64)],
    /// The reports before every [`BLOCK`]th value, from the first.
    before: Vec<Weights>,
    total: Weights,
}

const BLOCK: usize = 1024;

impl<'a> Distribution<'a> {
    fn new(values: &'a [(f64, f64)]) -> Distribution<'a> {
        let mut before = Vec::with_capacity(values.len().div_ceil(BLOCK));
        let mut total = Weights::default();
        for block in values.chunks(BLOCK) {
            before.push(total);
            block.iter().for_each(|(_, weight)| total.add(*weight));
        }
        Distribution { values, before, total }
    }

    /// The smallest value up to which the reports are `enough`, which no value is after one that is.
    fn first(&self, enough: impl Fn(&Weights) -> bool) -> Option<f64> {
        let (mut low, mut high) = (0, self.values.len());
        while low < high {
            let middle = low.midpoint(high);
            if enough(&self.up_to(middle)) {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        self.values.get(low).map(|(value, _)| *value)
    }

    /// The reports whose value is at most that at a place.
    fn up_to(&self, place: usize) -> Weights {
        let Some((value, _)) = self.values.get(place) else { return self.total };
        let end = self.values.partition_point(|(other, _)| other <= value);
        let Some(mut sum) = self.before.get(end / BLOCK).copied() else { return self.total };
        let rest = self.values.get(end / BLOCK * BLOCK..end).unwrap_or_default();
        rest.iter().for_each(|(_, weight)| sum.add(*weight));
        sum
    }
}

#[cfg(test)]
#[path = "quantile_tests.rs"]
mod tests;
