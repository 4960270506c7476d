//! How many installations will report in a coming week, by the weeks before it.
//!
//! Each earlier week has an estimate from its reports ([`total`](super::total)), and its variance. The logarithms
//! of the estimates lie about a line.
//!
//! 1. The slope is the median of those between any two weeks, and the height the median of what is left, so that
//!    a flooded week changes little. There is a slope only from [`LINE`] weeks on, only one that chance does
//!    not explain (at the 5% level), and none steeper than [`GROWTH`].
//! 2. A week's variance is that of the distances from this line; of [`MANY`] weeks or more, without those beyond
//!    [`FAR`] usual distances (1.4826 times their median). As a few weeks may lie on a line by chance,
//!    [`PRIOR`] more are assumed whose standard deviation is [`LEAST_VARIATION`]; and it is at least what
//!    sampling explains. For fewer than [`LINE`] weeks, [`VARIATION`] is assumed.
//! 3. The coming week's variance is that of the line's end (a median's is π/2 times that of a mean; a slope by
//!    medians costs a tenth; a slope that was not seen may be there all the same), and what weeks vary by
//!    beyond sampling. Bounds are by Student's t.
//!
//! Few weeks tell little of how much weeks vary, and slow growth among noise looks like chance at first. So 95% bounds
//! miss the truth in up to 13% of cases from five weeks on, and in 17% with three, where weeks vary by 3 to 10%;
//! where they vary little beyond sampling, in 1% (measured by the last test below).
//!
//! Nothing foresees a release or a holiday: in such a week there are more or fewer reports than planned. The
//! estimates of that week are as right as ever, as each report has the weight of its own rate; only their
//! intervals are wider or narrower.

use super::beta::lower_quantile;
use super::line::{median, slope};
use crate::aggregate::figure::Interval;
use crate::collection::normal_quantile;
use libm::{exp, log, sqrt};
use std::f64::consts::FRAC_PI_2;

/// How many weeks a slope needs.
pub const LINE: usize = 3;
/// Of how many weeks or more those far off are left out.
pub const MANY: usize = 6;
/// How many usual distances are far off.
pub const FAR: f64 = 5.0;
/// How many weeks with [`LEAST_VARIATION`] are assumed beside those that were seen.
pub const PRIOR: usize = 2;
/// The least variation from week to week: one standard deviation of the logarithm.
pub const LEAST_VARIATION: f64 = 0.01;
/// The steepest slope, as a logarithm: growth by 65% a week.
pub const GROWTH: f64 = 0.5;
/// The variation from week to week that is assumed while it cannot be seen: one standard deviation of the
/// logarithm.
pub const VARIATION: f64 = 0.12;

/// The installations of an earlier week.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PastWeek {
    /// How many weeks it was before the one that is forecast.
    pub ago: u32,
    /// How many installations there were, by its reports.
    pub installations: f64,
    /// The variance of that by sampling, relative to its square.
    pub variance: f64,
}

/// How many installations are expected in a week.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Forecast {
    /// The expected number, with its interval.
    pub installations: Interval,
    /// The growth a week, as a factor: 1.05 is 5% more each week. `None` where none can be told from chance.
    pub growth: Option<f64>,
    /// How many weeks it is based on.
    pub weeks: u32,
    /// The standard deviation of the logarithm, and its degrees of freedom; `None` where it is assumed.
    deviation: f64,
    degrees: Option<usize>,
}

/// How weeks lie about a line.
struct Fit {
    height: f64,
    /// The variance of one week.
    variance: f64,
    degrees: Option<usize>,
}

impl Fit {
    /// The fit of a line with this slope, for which `parameters` numbers are taken from the points.
    fn of(points: &[(f64, f64)], slope: f64, parameters: usize, sampling: f64) -> Fit {
        let mut rest: Vec<f64> = points.iter().map(|(x, y)| y - slope * x).collect();
        let height = median(&mut rest);
        if points.len() < LINE {
            return Fit { height, variance: VARIATION * VARIATION + sampling, degrees: None };
        }
        let mut distances: Vec<f64> = rest.iter().map(|rest| (rest - height).abs()).collect();
        if points.len() >= MANY {
            let usual = (1.4826 * median(&mut distances)).max(LEAST_VARIATION).max(sqrt(sampling));
            distances.retain(|distance| *distance <= FAR * usual);
        }
        let squares: f64 = distances.iter().map(|distance| distance * distance).sum();
        let degrees = distances.len().saturating_sub(parameters).max(1) + PRIOR;
        let prior = PRIOR as f64 * LEAST_VARIATION * LEAST_VARIATION;
        let seen = (squares + prior) / degrees as f64;
        Fit { height, variance: seen.max(sampling), degrees: Some(degrees) }
    }
}

/// Forecasts the installations of a week by earlier ones. `None` if there are none.
pub fn forecast(weeks: &[PastWeek], confidence: f64) -> Option<Forecast> {
    let known = weeks
        .iter()
        .filter(|week| week.ago > 0 && week.installations.is_finite() && week.installations > 0.0);
    let known: Vec<&PastWeek> = known.collect();
    if known.is_empty() {
        return None;
    }
    let count = known.len() as f64;
    let points: Vec<(f64, f64)> =
        known.iter().map(|week| (-f64::from(week.ago), log(week.installations))).collect();
    let sampling = known.iter().map(|week| week.variance.max(0.0)).sum::<f64>() / count;
    let middle = points.iter().map(|(x, _)| x).sum::<f64>() / count;
    let spread: f64 = points.iter().map(|(x, _)| (x - middle) * (x - middle)).sum();
    let has_line = points.len() >= LINE && spread > 0.0;
    let reach = if has_line { 1.1 * middle * middle / spread } else { 0.0 };
    let sloped = has_line.then(|| {
        let slope = slope(&points).clamp(-GROWTH, GROWTH);
        (slope, Fit::of(&points, slope, 2, sampling))
    });
    let sloped = sloped.filter(|(slope, fit)| {
        slope.abs() > student(fit.degrees, 0.05) * sqrt(1.1 * fit.variance / spread)
    });
    let growth = sloped.as_ref().map(|(slope, _)| exp(*slope));
    let fit = match sloped {
        Some((_, fit)) => fit,
        None => Fit::of(&points, 0.0, 1, sampling),
    };
    let line = fit.variance * (FRAC_PI_2 / count + reach);
    let deviation = sqrt(line + (fit.variance - sampling).max(0.0));
    let value = exp(fit.height);
    let away = exp(student(fit.degrees, 1.0 - confidence) * deviation);
    Some(Forecast {
        installations: Interval { value, low: value / away, high: value * away },
        growth,
        weeks: u32::try_from(known.len()).unwrap_or(u32::MAX),
        deviation,
        degrees: fit.degrees,
    })
}

impl Forecast {
    /// The population for whose rates a week has at least this many reports, with this confidence: the expected
    /// one, less what the forecast and the draw of the reports may miss it by.
    pub fn population_for(&self, reports: f64, confidence: f64) -> f64 {
        let value = self.installations.value;
        let outside = (1.0 - confidence).clamp(1e-9, 0.5);
        // As `student` divides by two.
        let unforeseen = student(self.degrees, 2.0 * outside) * self.deviation;
        // Where everyone reports, nothing is drawn.
        let drawn = match reports < value {
            true => normal_quantile(1.0 - outside) / sqrt(reports.max(1.0)),
            false => 0.0,
        };
        value * exp(-sqrt(unforeseen * unforeseen + drawn * drawn))
    }
}

/// What the absolute value of a variable with Student's distribution exceeds with this probability, which is at
/// most one; without degrees of freedom, of one with the normal distribution.
fn student(degrees: Option<usize>, outside: f64) -> f64 {
    let outside = outside.clamp(1e-9, 1.0);
    let Some(degrees) = degrees else { return normal_quantile(1.0 - outside / 2.0) };
    let degrees = degrees as f64;
    // P(|t| > a) is the probability that a beta variable is at most x = degrees / (degrees + a²).
    let x = lower_quantile(degrees / 2.0, 0.5, outside.min(0.5));
    sqrt(degrees * (1.0 - x) / x)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::charts_fixture::Dice;

    /// Weeks until `ahead` weeks before the forecast, the oldest first.
    fn weeks(installations: &[f64], ahead: u32, variance: f64) -> Vec<PastWeek> {
        let numbers = installations.iter().rev().zip(ahead..);
        numbers.map(|(of, ago)| PastWeek { ago, installations: *of, variance }).collect()
    }

    #[test]
    fn student_agrees_with_published_values() {
        for (degrees, outside, expected) in [
            (1, 0.05, 12.706),
            (2, 0.01, 9.925),
            (6, 0.02, 3.143),
            (7, 0.05, 2.365),
            (30, 0.01, 2.750),
        ] {
            let found = student(Some(degrees), outside);
            assert!((found - expected).abs() < 0.002, "{degrees} {outside}: {found}");
        }
        assert!((student(None, 0.01) - 2.575_829).abs() < 1e-5);
    }

    #[test]
    fn growth_is_continued() {
        let grown: Vec<f64> = (0..8).map(|week| 1e4 * 1.36_f64.powi(week)).collect();
        let found = forecast(&weeks(&grown, 2, 6e-5), 0.99).expect("a forecast");
        let expected = 1e4 * 1.36_f64.powi(9);
        let Interval { value, low, high } = found.installations;
        assert!((value / expected - 1.0).abs() < 1e-6, "{found:?}");
        assert!(
            low < value && value < high && low > 0.95 * value && high < 1.05 * value,
            "{found:?}"
        );
        assert!((found.growth.expect("growth") - 1.36).abs() < 1e-6);
        // Nor steeper than the steepest.
        let jumped = forecast(&weeks(&[1e4, 1.8e4, 3.24e4], 1, 0.0), 0.99).expect("a forecast");
        assert!((jumped.growth.expect("growth") - exp(GROWTH)).abs() < 1e-6);
    }

    #[test]
    fn what_chance_explains_is_no_growth() {
        let noisy = [1.0e5, 1.08e5, 0.95e5, 1.02e5, 0.97e5, 1.05e5, 0.99e5, 1.03e5];
        let found = forecast(&weeks(&noisy, 2, 6e-5), 0.99).expect("a forecast");
        assert_eq!(found.growth, None);
        assert!((found.installations.value / 1.01e5 - 1.0).abs() < 0.02, "{found:?}");
        assert!(found.installations.low < 0.9e5 && found.installations.high > 1.1e5, "{found:?}");
    }

    #[test]
    fn a_flooded_week_changes_little() {
        let mut grown: Vec<f64> = (0..8).map(|week| 1e4 * 1.1_f64.powi(week)).collect();
        let expected = 1e4 * 1.1_f64.powi(9);
        for flooded in 0..8 {
            grown[flooded] *= 20.0;
            let found = forecast(&weeks(&grown, 2, 6e-5), 0.99).expect("a forecast");
            assert!(
                (found.installations.value / expected - 1.0).abs() < 0.01,
                "{flooded} {found:?}"
            );
            grown[flooded] /= 20.0;
        }
    }

    #[test]
    fn of_few_weeks_little_is_claimed() {
        assert_eq!(forecast(&[], 0.99), None);
        assert_eq!(forecast(&weeks(&[0.0, f64::NAN], 1, 0.0), 0.99), None);
        let one = forecast(&weeks(&[1000.0], 2, 0.0), 0.99).expect("a forecast");
        assert_eq!((one.growth, one.weeks), (None, 1));
        assert!(one.installations.low < 750.0 && one.installations.high > 1400.0, "{one:?}");
        assert!(one.population_for(1e6, 0.99) < one.installations.value);
    }

    #[test]
    fn the_interval_has_the_truth_as_often_as_it_says_and_reports_suffice() {
        const SAMPLES: usize = 2000;
        let mut dice = Dice::new(11);
        // Twelve uniform numbers have the variance one.
        let mut normal = || (0..12).map(|_| dice.roll()).sum::<f64>() - 6.0;
        for (growth, variation, reports) in [
            (1.0, 0.0, 16_588.0),
            (1.36, 0.0, 16_588.0),
            (0.97, 0.03, 16_588.0),
            (1.02, 0.1, 385.0),
        ] {
            for count in [3_usize, 5, 8] {
                let (mut missed, mut too_few) = (0, 0);
                for _ in 0..SAMPLES {
                    let truth = |week: i32, noise: f64| {
                        1e6 * f64::powi(growth, week) * exp(variation * noise)
                    };
                    let seen: Vec<f64> = (0..count)
                        .map(|week| {
                            truth(week as i32, normal()) * exp(normal() / f64::sqrt(reports))
                        })
                        .collect();
                    let found =
                        forecast(&weeks(&seen, 2, 1.0 / reports), 0.95).expect("a forecast");
                    let truth = truth(count as i32 + 1, normal());
                    let Interval { low, high, .. } = found.installations;
                    missed += usize::from(!(low..=high).contains(&truth));
                    let rate = reports / found.population_for(reports, 0.95);
                    let drawn = truth * rate * exp(normal() / f64::sqrt(reports));
                    too_few += usize::from(drawn < reports);
                }
                let allowed = SAMPLES * if count == 3 { 20 } else { 15 } / 100;
                assert!(
                    missed <= allowed && too_few <= allowed,
                    "{growth} {variation} {count}: {missed} and {too_few} of {SAMPLES}"
                );
            }
        }
    }
}
