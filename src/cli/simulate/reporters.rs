//! Which of many installations report, found without asking each of them.
//!
//! Each draws X on its own and reports if it is at most the rate. So the number of installations that are silent
//! before the next one reports has a geometric distribution, and an X that is at most the rate is uniform below
//! it. A hundred million installations at a rate of 0.0002 take as long as 20,000 that all report.

use super::population::Random;
use crate::client::report::X;

/// The installations that report, by their numbers from 0, each with its X.
pub struct Reporters {
    random: Random,
    rate: f64,
    next: u64,
    installations: u64,
}

impl Reporters {
    /// Those of so many installations, at a rate.
    pub fn new(seed: u64, stream: u64, installations: u64, rate: f64) -> Reporters {
        Reporters { random: Random::new(seed, stream), rate, next: 0, installations }
    }
}

impl Iterator for Reporters {
    type Item = (u64, X);

    fn next(&mut self) -> Option<(u64, X)> {
        if self.rate <= 0.0 {
            return None;
        }
        // Over 0 and at most 1, so the logarithm is finite and not positive.
        let silent = match self.rate < 1.0 {
            true => (self.random.unit().ln() / (-self.rate).ln_1p()).floor(),
            false => 0.0,
        };
        // Beyond the last installation there is nobody; the cast saturates.
        let number = self.next.saturating_add(silent as u64);
        let x = X::new(self.random.unit() * self.rate)?;
        self.next = number.saturating_add(1);
        (number < self.installations).then_some((number, x))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_report_as_the_rate_says_each_with_an_x_below_it() {
        for (installations, rate) in [(20_000_u64, 1.0), (200_000, 0.1), (100_000_000, 0.0002)] {
            let found: Vec<(u64, X)> = Reporters::new(1, 2, installations, rate).collect();
            let expected = installations as f64 * rate;
            let allowed = 4.0 * (expected * (1.0 - rate)).sqrt() + 0.5;
            assert!((found.len() as f64 - expected).abs() < allowed, "{rate}: {}", found.len());
            assert!(found.windows(2).all(|pair| pair[0].0 < pair[1].0));
            assert!(found.iter().all(|(number, x)| *number < installations && x.get() <= rate));
            // Spread evenly, and X as well.
            let half =
                found.iter().filter(|(number, _)| *number < installations / 2).count() as f64;
            assert!((half - expected / 2.0).abs() < 2.5 * expected.sqrt(), "{rate}: {half}");
            let low = found.iter().filter(|(_, x)| x.get() <= rate / 2.0).count() as f64;
            assert!((low - expected / 2.0).abs() < 2.5 * expected.sqrt(), "{rate}: {low}");
        }
        assert_eq!(Reporters::new(1, 2, 1_000_000, 0.0).count(), 0);
        assert_eq!(Reporters::new(1, 2, 0, 1.0).count(), 0);
    }
}
