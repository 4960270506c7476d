//! How much a set of weighted reports says.
//!
//! A report that names a config under which a chart's counters have rate r was sent with
//! probability r, and so stands for 1/r installations: its weight (Horvitz and Thompson, "A
//! generalization of sampling without replacement from a finite universe", Journal of the American
//! Statistical Association 47, 1952). Fitting to published margins ([`super::raking`]) changes
//! weights further.
//!
//! **Unequal weights cost precision.** A sample with sum of weights S and sum of their squares Q
//! says as much as S²/Q equally weighted reports would (Kish, "Survey Sampling", 1965, section
//! 11.7; "Weighting for unequal Pᵢ", Journal of Official Statistics 8, 1992).
//!
//! **The same reports must give the same bytes**, and a sum of floating-point numbers depends on
//! their order. So whoever tallies in several threads counts reports in integers, one count for
//! each distinct weight (there is one a config, or one a cell of a raking), adds up those counts in
//! any order, and makes [`Weights`] of them at the end with [`Weights::add_many`], in an order that
//! follows from the data. That is also the more exact way: a million additions become one product.

use crate::aggregate::figure::Base;

/// Weighted reports, reduced to what estimates need.
#[derive(Clone, Copy, Default, Debug, PartialEq)]
pub struct Weights {
    /// How many reports.
    pub reports: u64,
    /// The sum of their weights.
    pub sum: f64,
    /// The sum of their squared weights.
    pub squares: f64,
    /// The largest weight.
    pub largest: f64,
}

impl Weights {
    /// Adds a report. A weight that is no positive finite number counts as 0: the report is seen,
    /// and stands for nobody.
    pub fn add(&mut self, weight: f64) {
        self.add_many(weight, 1);
    }

    /// Adds `reports` reports, each of this weight.
    pub fn add_many(&mut self, weight: f64, reports: u64) {
        if reports == 0 {
            return;
        }
        self.reports += reports;
        if weight.is_finite() && weight > 0.0 {
            // Exact up to 2^53 reports.
            let count = reports as f64;
            self.sum += weight * count;
            self.squares += weight * weight * count;
            self.largest = self.largest.max(weight);
        }
    }

    /// Adds the reports of another set.
    #[cfg(any(test, feature = "testing"))]
    pub fn merge(&mut self, other: Weights) {
        self.reports += other.reports;
        self.sum += other.sum;
        self.squares += other.squares;
        self.largest = self.largest.max(other.largest);
    }

    /// Kish's effective sample size: how many equally weighted reports say as much. At most
    /// `reports`; 0 for none.
    pub fn effective(&self) -> f64 {
        if self.squares > 0.0 {
            (self.sum * self.sum / self.squares).min(self.reports as f64)
        } else {
            0.0
        }
    }

    /// The same, as figures show it.
    pub fn base(&self) -> Base {
        Base { reports: self.reports, total: self.sum, effective: self.effective() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;

    #[test]
    fn equal_weights_say_as_much_as_there_are_reports() {
        let mut weights = Weights::default();
        weights.add_many(1.0 / 0.06636, 1_000_003);
        assert!((weights.effective() - 1_000_003.0).abs() < 1e-6);
        assert_eq!(weights.base().reports, 1_000_003);
    }

    #[test]
    fn unequal_weights_say_less() {
        let mut weights = Weights::default();
        weights.add_many(1.0, 100);
        weights.add_many(10.0, 10);
        // (100 + 100)² / (100 + 1000).
        assert!((weights.effective() - 40_000.0 / 1100.0).abs() < 1e-9);
        let base = weights.base();
        assert_eq!((base.reports, base.total, base.effective), (110, 200.0, weights.effective()));
    }

    #[test]
    fn reports_without_a_usable_weight_are_seen_and_stand_for_nobody() {
        let mut weights = Weights::default();
        for weight in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            weights.add(weight);
        }
        assert_eq!(weights, Weights { reports: 4, ..Weights::default() });
        assert_eq!(weights.effective(), 0.0);
    }

    proptest! {
        #[test]
        fn adding_many_is_adding_each_and_merging_is_adding_all(
            parts in vec((0.01..100.0, 0_u64..50), 0..6),
        ) {
            let (mut each, mut merged) = (Weights::default(), Weights::default());
            for (weight, reports) in parts {
                let mut part = Weights::default();
                part.add_many(weight, reports);
                merged.merge(part);
                (0..reports).for_each(|_| each.add(weight));
            }
            prop_assert_eq!((each.reports, each.largest), (merged.reports, merged.largest));
            prop_assert!((each.sum - merged.sum).abs() <= 1e-12 * each.sum);
            prop_assert!((each.squares - merged.squares).abs() <= 1e-12 * each.squares);
            prop_assert!(merged.effective() <= merged.reports as f64);
        }
    }
}
