//! How many installations a week's reports stand for, with an interval.
//!
//! Under a config with rate r each installation sends its report with probability r, independently of all
//! others. So n reports stand for n / r installations (Horvitz and Thompson, "A generalization of sampling
//! without replacement from a finite universe", Journal of the American Statistical Association 47, 1952).
//! Those that were sent are known; uncertain is how many were not. That number is estimated as
//!
//! ```text
//! y = Σ n (1 - r) / r      with the variance      v = Σ n (1 - r) / r²
//! ```
//!
//! over the configs, and its bounds are those of Fay and Feuer for weighted sums of Poisson counts
//! ("Confidence intervals for directly standardized rates", Statistics in Medicine 16, 1997): the lower one is
//! a quantile of the gamma distribution with mean y and variance v, the upper one the same with one more
//! report of the greatest weight. They hold for a single report as well as for thousands, and where every
//! installation reports there is nothing to estimate.
//!
//! Quantiles are those of Wilson and Hilferty ("The distribution of chi-square", Proceedings of the National
//! Academy of Sciences 17, 1931), within 1% of the bounds, and on the safe side where there are few reports.

use crate::aggregate::figure::Interval;
use crate::collection::normal_quantile;

/// The number of installations that reports stand for, from how many there are under each sampling rate.
/// `None` without reports: then nothing is known.
pub fn installations(
    sampled: impl IntoIterator<Item = (u64, f64)>,
    confidence: f64,
) -> Option<Interval> {
    let strata = sampled.into_iter().filter(|(reports, rate)| *reports > 0 && *rate > 0.0);
    let (mut sent, mut unsent, mut variance, mut heaviest) = (0.0, 0.0, 0.0, 0.0_f64);
    for (reports, rate) in strata {
        // Exact up to 2^53 reports.
        let reports = reports as f64;
        let unlikely = reports * (1.0 - rate.min(1.0));
        sent += reports;
        unsent += unlikely / rate;
        variance += unlikely / (rate * rate);
        if rate < 1.0 {
            heaviest = heaviest.max(1.0 / rate);
        }
    }
    if sent <= 0.0 {
        return None;
    }
    let outside = ((1.0 - confidence) / 2.0).clamp(1e-12, 0.5);
    let z = normal_quantile(1.0 - outside);
    let low = gamma_quantile(unsent, variance, -z);
    let high = gamma_quantile(unsent + heaviest, variance + heaviest * heaviest, z);
    Some(Interval { value: sent + unsent, low: sent + low, high: sent + high })
}

/// The quantile of a gamma distribution with this mean and variance, where a standard normal one has `z`.
fn gamma_quantile(mean: f64, variance: f64, z: f64) -> f64 {
    if mean <= 0.0 || variance <= 0.0 {
        return 0.0;
    }
    let shape = mean * mean / variance;
    let root = 1.0 - 1.0 / (9.0 * shape) + z / (3.0 * shape.sqrt());
    mean * root.max(0.0).powi(3)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::charts_fixture::Dice;

    #[test]
    fn a_report_stands_for_one_over_its_rate() {
        let known = installations([(2000, 1.0)], 0.99).expect("reports");
        assert_eq!((known.value, known.low, known.high), (2000.0, 2000.0, 2000.0));
        let both = [(300, 0.1), (50, 1.0), (0, 0.001)];
        let some = installations(both, 0.99).expect("reports");
        assert!((some.value - 3050.0).abs() < 1e-9);
        assert!(some.low > 2600.0 && some.high < 3600.0, "{some:?}");
        // There are at least as many as reported.
        let one = installations([(1, 0.01)], 0.99).expect("reports");
        assert!(one.low >= 1.0 && one.high > 500.0 && one.high < 800.0, "{one:?}");
        assert!(installations([], 0.99).is_none());
        assert!(installations([(0, 0.5)], 0.99).is_none());
    }

    #[test]
    fn the_truth_is_within_the_bounds_as_often_as_they_say() {
        const SAMPLES: usize = 1_000;
        let mut dice = Dice::new(7);
        for rate in [0.02, 0.1, 0.5, 0.9] {
            for truth in [60_u32, 300, 1_500] {
                let mut missed = 0;
                for _ in 0..SAMPLES {
                    let sent = (0..truth).filter(|_| dice.roll() < rate).count() as u64;
                    // Without a report nothing is claimed.
                    let bounds = installations([(sent, rate)], 0.95);
                    let truth = f64::from(truth);
                    let is_within = |b: Interval| b.low <= truth && truth <= b.high;
                    missed += usize::from(!bounds.is_none_or(is_within));
                }
                assert!(missed <= SAMPLES * 7 / 100, "{rate} {truth}: {missed} of {SAMPLES}");
            }
        }
    }
}
