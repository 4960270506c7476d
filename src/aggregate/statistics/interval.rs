//! Shares of weighted reports, with confidence bounds that hold.
//!
//! **Equal weights.** The bounds are those of Clopper and Pearson ("The use of confidence or
//! fiducial limits illustrated in the case of the binomial", Biometrika 26, 1934): the shares at
//! which as many hits as there are, or more (or fewer), would be just as improbable as the
//! confidence allows. With k hits of n, the upper bound is a quantile of Beta(k + 1, n - k), and
//! the lower one of Beta(k, n - k + 1). They hold for every n and share, where the textbook's normal
//! approximation fails for small counts: it gives bounds of no width for no hits.
//!
//! **Unequal weights.** Korn and Graubard ("Confidence intervals for proportions with small
//! expected number of positive counts estimated from survey data", Survey Methodology 24, 1998) put
//! an effective sample size in the place of n: p(1 - p) / v with v the linearised variance of the
//! weighted share p. But with few hits that variance is itself hardly known, and the hits that were
//! not seen may be of heavier reports than those that were. Measured over 3,720 populations of a
//! light and a heavy stratum, 99% bounds of that kind (with the least of this size, Kish's, and the
//! number of reports) missed the truth in up to 61% of samples: where all hits are in a small
//! stratum of heavy reports.
//!
//! So the bounds here combine that with what Fay and Feuer do for weighted sums of Poisson counts
//! ("Confidence intervals for directly standardized rates", Statistics in Medicine 16, 1997). Seen
//! from k, Clopper and Pearson's upper bound is that of a sample with one hit more, and their lower
//! bound that of a sample with one miss more. With weights, that one report is as heavy as the
//! heaviest of the base, because it might be. The share p and its variance v are those of the
//! enlarged sample, with sums over its reports of weights w:
//!
//! ```text
//! p = Σ w[hit] / Σ w      v = Σ w² ([hit] - p)² / (Σ w)²      n* = p (1 - p) / v
//! ```
//!
//! and the bound is a quantile of Beta(p n*, (1 - p) n*). For equal weights n* is n + 1, and the
//! bounds are exactly Clopper and Pearson's. Over the same populations 99% bounds of this kind
//! missed the truth in at most 1.2% of 100,000 samples (5 to 20,000 reports a stratum, weights 2 to
//! 100 times as heavy, shares from 0 to 1); `tests/all/accuracy` keeps watch.
//!
//! **What the bounds do not cover.** Reports are assumed to be drawn independently from a far larger
//! population; if a large part of all installations reports, the bounds are wider than needed. They
//! apply to those who opted in, and not to others. Raked weights are treated as if they had been known
//! beforehand, which makes bounds wider rather than narrower.
//!
//! A share takes a few microseconds, however many reports there are.

use super::beta;
use super::sample::Weights;
use crate::aggregate::figure::{Estimate, Interval};

/// The share that `hit` has of `base`, by weight, with the bounds within which the true share lies
/// with probability `confidence`. `hit` are reports of `base`.
///
/// For an empty base: 0, between 0 and 1. Without hits the lower bound is exactly 0, without misses the
/// upper one is exactly 1. With a confidence of 1, or an invalid one, the bounds are 0 and 1.
pub fn share(hit: &Weights, base: &Weights, confidence: f64) -> Interval {
    if base.sum <= 0.0 {
        return Interval { value: 0.0, low: 0.0, high: 1.0 };
    }
    let value = (hit.sum / base.sum).clamp(0.0, 1.0);
    let outside = (1.0 - confidence) / 2.0;
    if !(outside > 0.0 && outside < 0.5) {
        return Interval { value, low: 0.0, high: 1.0 };
    }
    let missed = Part {
        sum: if hit.reports < base.reports { base.sum - hit.sum } else { 0.0 },
        squares: (base.squares - hit.squares).max(0.0),
    };
    let hit = Part { sum: hit.sum, squares: hit.squares };
    let low = if hit.sum > 0.0 {
        let (more, less) = shape(&missed, &hit, base.largest);
        beta::lower_quantile(less, more, outside).min(value)
    } else {
        0.0
    };
    let high = if missed.sum > 0.0 {
        let (more, less) = shape(&hit, &missed, base.largest);
        beta::upper_quantile(more, less, outside).max(value)
    } else {
        1.0
    };
    Interval { value, low, high }
}

/// Whether the upper bound that [`share`] gives may be at least `at` for some set of hits that holds
/// `least` and is held by `most`. If not, it is not; the closer these are, the fewer false alarms.
///
/// The upper bound of a share does not always rise with its hits: one more heavy report may say so much
/// about the rest that it falls. A search for a set by its bound needs this.
pub fn may_reach(
    at: f64,
    least: &Weights,
    most: &Weights,
    base: &Weights,
    confidence: f64,
) -> bool {
    let outside = (1.0 - confidence) / 2.0;
    let ranges = Ranges::of(least, most, base);
    let (more, less) = furthest(&ranges.hit, &ranges.missed, base.largest);
    // Without misses the bound is 1, and it is never below the share itself.
    let is_reached = most.reports >= base.reports || ranges.hit.sum.1 / base.sum >= at;
    // The bound is exceeded with the probability `outside`.
    is_reached || may_exceed(beta::cumulative(less, more, 1.0 - at), outside)
}

/// The same for lower bounds: whether one of them may be below `at`.
pub fn may_fall_below(
    at: f64,
    least: &Weights,
    most: &Weights,
    base: &Weights,
    confidence: f64,
) -> bool {
    let outside = (1.0 - confidence) / 2.0;
    let ranges = Ranges::of(least, most, base);
    let (more, less) = furthest(&ranges.missed, &ranges.hit, base.largest);
    let is_below = least.sum <= 0.0 || ranges.hit.sum.0 / base.sum < at;
    is_below || may_exceed(beta::cumulative(less, more, at), outside)
}

/// Whether a probability may be more than `outside`, as far as rounding lets one say.
fn may_exceed(probability: f64, outside: f64) -> bool {
    probability.is_nan() || probability >= outside * (1.0 - ROUNDING)
}

/// Far more than the relative error of a probability.
const ROUNDING: f64 = 1e-9;

/// The reports `hit` of `base`, as figures show them.
pub fn estimate(hit: &Weights, base: &Weights, confidence: f64) -> Estimate {
    Estimate { reports: hit.reports, total: hit.sum, share: share(hit, base, confidence) }
}

/// The hits of a base, or the misses.
struct Part {
    sum: f64,
    squares: f64,
}

/// The hits and misses of a base, of which only minimum and maximum are known.
struct Ranges {
    hit: PartRange,
    missed: PartRange,
}

struct PartRange {
    sum: (f64, f64),
    squares: (f64, f64),
}

impl Ranges {
    fn of(least: &Weights, most: &Weights, base: &Weights) -> Ranges {
        let rest = |of_base: f64, least: f64, most: f64| {
            ((of_base - most).max(0.0), (of_base - least).max(0.0))
        };
        Ranges {
            hit: PartRange { sum: (least.sum, most.sum), squares: (least.squares, most.squares) },
            missed: PartRange {
                sum: rest(base.sum, least.sum, most.sum),
                squares: rest(base.squares, least.squares, most.squares),
            },
        }
    }
}

/// What [`shape`] gives for any two parts within these ranges is at most the first and at least the
/// second of these: a beta distribution that none of theirs lies above, as it rises with its first
/// parameter and falls with its second. Not numbers over 0 where nothing can be said.
fn furthest(more: &PartRange, less: &PartRange, largest: f64) -> (f64, f64) {
    let total = more.sum.0 + largest + less.sum.1;
    let p = ((more.sum.0 + largest) / total, (more.sum.1 + largest) / total);
    let rest = (less.sum.0 / total, less.sum.1 / total);
    let heavy = largest * largest;
    let squares = (
        (more.squares.0 + heavy) * rest.0 * rest.0 + less.squares.0 * p.0 * p.0,
        (more.squares.1 + heavy) * rest.1 * rest.1 + less.squares.1 * p.1 * p.1,
    );
    // With rest = 1 - p, the first parameter is p² rest / squares, which is largest at 2/3; the
    // second is p rest² / squares, of which the least is at one of the ends.
    let first = |p: f64, rest: f64| p * p * rest;
    let mut most = first(p.0, rest.1).max(first(p.1, rest.0));
    if p.0 < 2.0 / 3.0 && 2.0 / 3.0 < p.1 {
        most = most.max(4.0 / 27.0);
    }
    let least = first(rest.1, p.0).min(first(rest.0, p.1));
    (most * total * total / squares.0, least * total * total / squares.1)
}

/// Effective numbers of reports of two parts, the first of which has one report more than was seen,
/// of weight `largest`: the parameters of its share's beta distribution.
fn shape(more: &Part, less: &Part, largest: f64) -> (f64, f64) {
    let total = more.sum + largest + less.sum;
    let (p, rest) = ((more.sum + largest) / total, less.sum / total);
    let squares = (more.squares + largest * largest) * rest * rest + less.squares * p * p;
    let effective = p * rest * total * total / squares;
    (p * effective, rest * effective)
}

#[cfg(test)]
#[path = "interval_tests.rs"]
mod tests;
