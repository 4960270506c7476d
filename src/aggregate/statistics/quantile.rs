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
//! The last factor compensates for the rounding of sums, so that the order of additions does not matter.
//!
//! **Bounds** are those of Woodruff ("Confidence intervals for medians and other position
//! measures", Journal of the American Statistical Association 47, 1952), by inverting the interval
//! of shares ([`super::interval`]): a value is too low for the quantile at p where the share of
//! values up to it is, with confidence, less than p, and too high where the share of values below it
//! is, with confidence, at least p. The bounds are the lowest and the highest value that are
//! neither. For equal weights that is the exact interval between order statistics.
//!
//! For unequal weights the bounds of shares do not always rise with the value: one more heavy report
//! may narrow an interval by more than it moves it. So a value between two that are too low may not be
//! too low itself, and bisection might find an inner crossing instead of the outermost one. The search
//! here goes through the values in order, and skips ranges in which [`interval::may_reach`] or
//! [`interval::may_fall_below`] rules out a hit: it finds the same as trying every value, after a few
//! hundred trials however many values there are.

use super::interval;
use super::sample::Weights;
use crate::aggregate::figure::{Interval, Quantile};
use std::ops::Range;

/// The quantiles of (value, weight) pairs at the given shares, each with the bounds within which the
/// true one lies with probability `confidence`. None where nothing has weight.
///
/// Values are finite and at least 0, which is the lower bound where no value is too low. Where no
/// value is high enough, the upper bound is the largest value, and the quantile is `open`. The pairs
/// are left sorted; beyond them, memory is half a byte for each.
pub fn quantiles(values: &mut [(f64, f64)], at: &[f64], confidence: f64) -> Vec<Quantile> {
    // By weight, too, so that equal reports give equal sums in any order.
    values.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
    let distribution = Distribution::new(values);
    let Some(largest) = values.last().filter(|_| distribution.total.sum > 0.0) else {
        return Vec::new();
    };
    let quantile = |&at: &f64| {
        let share = |hit: &Weights| interval::share(hit, &distribution.total, confidence);
        let reached = at * distribution.total.sum * (1.0 - 1e-9);
        let value = distribution.first_reaching(reached).unwrap_or(largest.0);
        let low = if share(&Weights::default()).high >= at {
            0.0
        } else {
            let may_be = |least: &Weights, most: &Weights| {
                interval::may_reach(at, least, most, &distribution.total, confidence)
            };
            let first = distribution.first(&may_be, &|hit| share(hit).high >= at);
            first.map_or(value, |hits| hits.last)
        };
        let may_be = |least: &Weights, most: &Weights| {
            interval::may_fall_below(at, least, most, &distribution.total, confidence)
        };
        let last_below = distribution.last(&may_be, &|hit| share(hit).low < at);
        let high = match last_below {
            None => values.first().map(|(value, _)| *value),
            Some(hits) => values.get(hits.end).map(|(value, _)| *value),
        };
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

const BLOCK: usize = 64;

/// The reports whose value is at most some value.
#[derive(Debug, Clone, Copy)]
struct Hits {
    weights: Weights,
    /// That value.
    last: f64,
    /// How many there are.
    end: usize,
}

type MayBe<'m> = &'m dyn Fn(&Weights, &Weights) -> bool;
type Is<'m> = &'m dyn Fn(&Weights) -> bool;

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

    /// The smallest value up to which the weights reach a sum.
    fn first_reaching(&self, sum: f64) -> Option<f64> {
        let (mut low, mut high) = (0, self.values.len());
        while low < high {
            let middle = low.midpoint(high);
            if self.up_to(middle)?.weights.sum >= sum {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        self.values.get(low).map(|(value, _)| *value)
    }

    /// The reports up to the smallest value for which `is` holds. `may_be` says whether it may for
    /// any set of reports between two.
    fn first(&self, may_be: MayBe<'_>, is: Is<'_>) -> Option<Hits> {
        self.search(0..self.values.len(), may_be, is, false)
    }

    /// The same for the largest value.
    fn last(&self, may_be: MayBe<'_>, is: Is<'_>) -> Option<Hits> {
        self.search(0..self.values.len(), may_be, is, true)
    }

    fn search(
        &self,
        places: Range<usize>,
        may_be: MayBe<'_>,
        is: Is<'_>,
        from_the_end: bool,
    ) -> Option<Hits> {
        let least = self.up_to(places.start)?;
        // An empty range has no last place.
        let most = self.up_to(places.end.checked_sub(1)?)?;
        if places.is_empty() || !may_be(&least.weights, &most.weights) {
            return None;
        }
        if least.end == most.end {
            return is(&least.weights).then_some(least);
        }
        // Between two values, so that both halves are shorter and equal ones stay together.
        let (middle, _) = *self.values.get(places.start.midpoint(places.end))?;
        let after = self.values.partition_point(|(value, _)| *value <= middle);
        let parting = if after < places.end {
            after
        } else {
            self.values.partition_point(|(value, _)| *value < middle)
        };
        let halves = [places.start..parting, parting..places.end];
        let [first, second] = if from_the_end {
            let [left, right] = halves;
            [right, left]
        } else {
            halves
        };
        self.search(first, may_be, is, from_the_end)
            .or_else(|| self.search(second, may_be, is, from_the_end))
    }

    /// The reports whose value is at most that at a place.
    fn up_to(&self, place: usize) -> Option<Hits> {
        let (last, _) = *self.values.get(place)?;
        let end = self.values.partition_point(|(other, _)| *other <= last);
        // If the last block is full, there is no entry after it.
        let mut weights = self.before.get(end / BLOCK).copied().unwrap_or(self.total);
        let rest = self.values.get(end / BLOCK * BLOCK..end).unwrap_or_default();
        rest.iter().for_each(|(_, weight)| weights.add(*weight));
        Some(Hits { weights, last, end })
    }
}

#[cfg(test)]
#[path = "quantile_tests.rs"]
mod tests;
