//! How many reports to expect in a week, by the weeks before it, and so whether its number jumps.
//!
//! Weeks are compared by how many installations their reports stand for, T: the sum of the reports'
//! weights, 1/rate each (Horvitz and Thompson; see [`super::sample`]), divided by the share of
//! installations that could report at all (those whose config asks for it). So neither another sampling
//! rate nor a config that is still spreading is a jump, and the rule looks at what moves shares.
//!
//! # The rule
//!
//! 1. Of the up to [`WEEKS`] weeks before, the logarithms of T lie about a line. Its slope is the median
//!    of the slopes between any two of them (Theil, 1950; Sen, "Estimates of the regression coefficient
//!    based on Kendall's tau", Journal of the American Statistical Association 63, 1968), at most
//!    [`GROWTH`] a week either way; its height is the median of what is left. From fewer than [`LINE`]
//!    weeks no slope is taken. Medians, so that a flooded week among them changes little.
//! 2. The expected number of reports is where that line ends, at this week's rates.
//! 3. The standard deviation of T is that of ordinary weeks, [`VARIATION`], and of random arrivals
//!    (1/√n); where the weeks before lie farther from their line than that, theirs (1.4826 times the
//!    median of their distances). [`Z`] of them, of the week itself and of the line's end together, are
//!    tolerated; without a slope, also growth of [`GROWTH`] a week from the middle of these weeks on.
//!    Where the weeks before lie closer to their line than ordinary weeks do, less is tolerated: what
//!    Student's t says of their standard deviation with as many degrees of freedom ([`STUDENT`]; at
//!    least [`LEAST_VARIATION`] is taken for it). A flooded week among them makes it large, but the
//!    tolerance never larger than the above.
//! 4. Both ends are widened by what random arrivals add: (√λ ± [`Z`]/2)², which is close to a
//!    Poisson distribution's tail also where λ is small.
//!
//! The tests below measure how often it is wrong, and how large a flood must be to be marked. It marks
//! neither a flood that grows slowly, week by week, nor one in the very first week.

use super::line::{median, slope};
use libm::{exp, log, sqrt};

/// The largest number of earlier weeks that are used.
pub const WEEKS: usize = 8;
/// The variation from week to week that is ordinary: one standard deviation of the logarithm.
pub const VARIATION: f64 = 0.12;
/// The least variation that is assumed.
pub const LEAST_VARIATION: f64 = 0.02;
/// The value that Student's t exceeds in one of 500 cases, with 2, 3, ... degrees of freedom.
pub const STUDENT: [f64; 5] = [15.764, 8.053, 5.951, 5.030, 4.524];
/// The most growth (or decline) a week that is ordinary, as a logarithm: 25%.
pub const GROWTH: f64 = 0.223_143_551_314_209_76;
/// How many standard deviations are tolerated.
pub const Z: f64 = 3.0;
/// How many weeks are needed for a slope.
pub const LINE: usize = 4;
/// Below this share of installations that could report, nothing is compared.
pub const COVERED: f64 = 0.1;

/// The reports of something in one week.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Volume {
    /// How many reports.
    pub reports: u64,
    /// The sum of their weights.
    pub total: f64,
    /// How many equally weighted reports tell as much.
    pub effective: f64,
    /// The share of installations whose config asks for it, from 0 to 1.
    pub coverage: f64,
    /// The rate of a report in that week: `reports / total`, or the newest config's if there are no
    /// reports.
    pub rate: f64,
}

/// How many reports a week is expected to have.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Range {
    /// The expected number.
    pub expected: f64,
    /// Fewer than this are too few.
    pub low: f64,
    /// More than this are too many.
    pub high: f64,
    /// How many earlier weeks it is based on.
    pub weeks: u32,
}

impl Volume {
    /// Whether it can be compared with other weeks.
    fn is_comparable(&self) -> bool {
        self.coverage >= COVERED && self.rate > 0.0
    }

    /// The logarithm of the installations that it represents. Half a report is added, so that 0 has a
    /// logarithm, too.
    fn log_total(&self) -> f64 {
        let weight = if self.reports > 0 && self.total > 0.0 {
            self.total / self.reports as f64
        } else {
            1.0 / self.rate
        };
        log((self.reports as f64 + 0.5) * weight / self.coverage)
    }
}

/// How many reports are expected in this week, by earlier weeks, each with how many weeks ago it was, 1
/// or more. `None` if none of them can be compared.
pub fn expected(week: &Volume, before: &[(u32, Volume)]) -> Option<Range> {
    let mut before: Vec<&(u32, Volume)> =
        before.iter().filter(|(ago, volume)| *ago > 0 && volume.is_comparable()).collect();
    before.sort_by_key(|(ago, _)| *ago);
    before.truncate(WEEKS);
    if before.is_empty() || !week.is_comparable() {
        return None;
    }
    let count = before.len() as f64;
    let points: Vec<(f64, f64)> =
        before.iter().map(|(ago, volume)| (-f64::from(*ago), volume.log_total())).collect();
    let has_line = points.len() >= LINE;
    let slope = if has_line { slope(&points).clamp(-GROWTH, GROWTH) } else { 0.0 };
    let mut rest: Vec<f64> = points.iter().map(|(x, y)| y - slope * x).collect();
    let end = median(&mut rest);
    // What random arrivals add in the weeks before, and what their weeks vary by beyond.
    let arrivals =
        before.iter().map(|(_, volume)| 1.0 / (volume.effective + 0.5)).sum::<f64>() / count;
    let mut distances: Vec<f64> = rest.iter().map(|rest| (rest - end).abs()).collect();
    let seen = if has_line { 1.4826 * median(&mut distances) } else { 0.0 };
    let ordinary = if has_line { usual(&rest, end, arrivals) } else { VARIATION * VARIATION };
    let variance = (ordinary + arrivals).max(seen * seen);
    let ordinary = (variance - arrivals).max(ordinary);
    let middle = points.iter().map(|(x, _)| x).sum::<f64>() / count;
    // A median's variance is π/2 times that of a mean; a slope by medians costs a tenth.
    let mut line = std::f64::consts::FRAC_PI_2 / count;
    if has_line {
        let spread: f64 = points.iter().map(|(x, _)| (x - middle) * (x - middle)).sum();
        line += 1.1 * middle * middle / spread;
    }
    let mut tolerance = Z * sqrt(ordinary + variance * line);
    if !has_line {
        tolerance += GROWTH * -middle;
    }
    let expected = exp(end) * week.coverage * week.rate;
    // Unequal weights make a week's reports tell less than their number.
    let design = if week.effective > 0.0 { week.reports as f64 / week.effective } else { 1.0 };
    let arrivals = Z / 2.0 * sqrt(design.max(1.0));
    let (most, least) = (expected * exp(tolerance), expected * exp(-tolerance));
    let square = |root: f64| root.max(0.0) * root.max(0.0);
    Some(Range {
        expected,
        low: square(sqrt(least) - arrivals),
        high: square(sqrt(most) + arrivals),
        weeks: u32::try_from(before.len()).unwrap_or(u32::MAX),
    })
}

/// The variance of a week beyond random arrivals, of which [`Z`] standard deviations are tolerated: that
/// of ordinary weeks, or less where weeks are seen to vary less, about the height of their line.
fn usual(weeks: &[f64], height: f64, arrivals: f64) -> f64 {
    let most = VARIATION * VARIATION;
    let degrees = weeks.len().saturating_sub(2);
    let Some(student) = degrees.checked_sub(2).and_then(|place| STUDENT.get(place)) else {
        return most;
    };
    let squares = weeks.iter().map(|week| (week - height) * (week - height));
    let seen = squares.sum::<f64>() / degrees as f64;
    let least = LEAST_VARIATION * LEAST_VARIATION + arrivals;
    let widened = seen.max(least) * (student / Z) * (student / Z);
    (widened - arrivals).min(most)
}

#[cfg(test)]
#[path = "volume_tests.rs"]
mod tests;
