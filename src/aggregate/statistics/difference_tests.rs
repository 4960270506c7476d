use super::*;
use crate::aggregate::statistics::interval::share;
use crate::aggregate::statistics::quantile::quantiles;
use crate::aggregate::statistics::sample::Weights;
use proptest::prelude::*;

fn equal(reports: u64) -> Weights {
    let mut weights = Weights::default();
    weights.add_many(1.0, reports);
    weights
}

fn hits(hits: u64, reports: u64, confidence: f64) -> Interval {
    share(&equal(hits), &equal(reports), confidence)
}

/// The probability of each number of hits.
fn binomial(n: u64, p: f64) -> Vec<f64> {
    let mut choose = 1.0;
    let probability = |k: u64| {
        if k > 0 {
            choose *= (n - k + 1) as f64 / k as f64;
        }
        choose * p.powi(k as i32) * (1.0 - p).powi((n - k) as i32)
    };
    (0..=n).map(probability).collect()
}

/// Reports of two weights.
#[derive(Clone, Copy)]
struct Strata {
    light: u64,
    heavy: u64,
    weight: f64,
}

impl Strata {
    fn weights(self, light: u64, heavy: u64) -> Weights {
        let mut weights = Weights::default();
        weights.add_many(1.0, light);
        weights.add_many(self.weight, heavy);
        weights
    }

    fn base(self) -> Weights {
        self.weights(self.light, self.heavy)
    }

    /// The bounds for all numbers of hits.
    fn shares(self, confidence: f64) -> Vec<Interval> {
        let all =
            (0..=self.light).flat_map(|light| (0..=self.heavy).map(move |heavy| (light, heavy)));
        all.map(|(light, heavy)| share(&self.weights(light, heavy), &self.base(), confidence))
            .collect()
    }

    /// The probability of all numbers of hits, and the true share.
    fn truth(self, (light, heavy): (f64, f64)) -> (Vec<f64>, f64) {
        let of_heavy = binomial(self.heavy, heavy);
        let each = binomial(self.light, light)
            .into_iter()
            .flat_map(|one| of_heavy.iter().map(move |other| one * other))
            .collect();
        let stands_for = self.heavy as f64 * self.weight;
        let hits = self.light as f64 * light + stands_for * heavy;
        (each, hits / (self.light as f64 + stands_for))
    }
}

/// The largest probability, over these populations, of bounds without the truth. Exact: each
/// possible pair of samples is weighed by its probability.
fn most_missed(from: Strata, to: Strata, shares: &[(f64, f64)], confidence: f64) -> f64 {
    let (before, after) = (from.shares(confidence), to.shares(confidence));
    let differences: Vec<Vec<Interval>> = before
        .iter()
        .map(|one| after.iter().map(|other| of_shares(one, other, confidence)).collect())
        .collect();
    let mut most = 0.0_f64;
    for one in shares {
        for other in shares {
            let (first, p) = from.truth(*one);
            let (second, q) = to.truth(*other);
            let mut missed = 0.0;
            for (row, weight) in differences.iter().zip(&first) {
                for (found, other) in row.iter().zip(&second) {
                    let inside = found.low <= q - p + 1e-9 && q - p - 1e-9 <= found.high;
                    missed += if inside { 0.0 } else { weight * other };
                }
            }
            most = most.max(missed);
        }
    }
    most
}

#[test]
fn bounds_of_equal_weights_hold_for_few_reports() {
    let shares = [0.001, 0.01, 0.03, 0.1, 0.35, 0.5, 0.8, 0.97, 0.99].map(|p| (p, 0.0));
    for (from, to) in [(5, 5), (5, 30), (10, 10), (20, 20)] {
        let of = |light| Strata { light, heavy: 0, weight: 1.0 };
        for confidence in [0.95, 0.99] {
            let missed = most_missed(of(from), of(to), &shares, confidence);
            assert!(missed <= 1.0 - confidence, "{from}, {to}: {missed}");
        }
    }
}

#[test]
fn bounds_of_unequal_weights_hold_for_few_reports() {
    let some = [0.002, 0.1, 0.5, 0.9];
    let shares: Vec<_> = some.iter().flat_map(|p| some.iter().map(|q| (*p, *q))).collect();
    let strata = |light, heavy, weight| Strata { light, heavy, weight };
    for (from, to) in [
        (strata(8, 3, 10.0), strata(8, 3, 10.0)),
        (strata(6, 4, 50.0), strata(12, 0, 1.0)),
        (strata(12, 2, 100.0), strata(7, 2, 3.0)),
    ] {
        let missed = most_missed(from, to, &shares, 0.99);
        assert!(missed <= 0.01, "{missed}");
    }
}

/// Numbers that look random and are not: SplitMix64.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn hits(&mut self, reports: u64, p: f64) -> u64 {
        (0..reports).filter(|_| self.roll() < p).count() as u64
    }
}

#[test]
fn bounds_of_many_reports_hold_and_are_not_much_too_wide() {
    let (from, to) = (
        Strata { light: 400, heavy: 60, weight: 7.5 },
        Strata { light: 900, heavy: 40, weight: 2.0 },
    );
    let confidence = 0.95;
    let mut dice = Dice(1);
    for (one, other) in
        [((0.2, 0.3), (0.25, 0.3)), ((0.01, 0.02), (0.01, 0.05)), ((0.9, 0.9), (0.1, 0.2))]
    {
        let ((_, p), (_, q)) = (from.truth(one), to.truth(other));
        let draws = 1500;
        let missed = (0..draws)
            .filter(|_| {
                let mut draw = |strata: Strata, (light, heavy): (f64, f64)| {
                    let found = (dice.hits(strata.light, light), dice.hits(strata.heavy, heavy));
                    share(&strata.weights(found.0, found.1), &strata.base(), confidence)
                };
                let (before, after) = (draw(from, one), draw(to, other));
                let found = of_shares(&before, &after, confidence);
                !(found.low..=found.high).contains(&(q - p))
            })
            .count();
        // 5% may be missed, and chance adds at most 2% to that; none would mean useless bounds.
        assert!((5..=105).contains(&missed), "{missed} of {draws}");
    }
}

#[test]
fn a_difference_is_beyond_its_bounds_when_fisher_s_exact_test_says_so() {
    // Fisher's tea: 3 and 1 of 4, one-sided p = 17/70.
    let (few, many) = (1, 3);
    for (confidence, beyond) in [(1.0 - 2.0 * 17.5 / 70.0, true), (1.0 - 2.0 * 16.5 / 70.0, false)]
    {
        let found = of_shares(&hits(few, 4, confidence), &hits(many, 4, confidence), confidence);
        assert_eq!(is_beyond(&found), beyond, "{found:?}");
    }
    // 1 of 12 and 7 of 14: the sum of the hypergeometric probabilities is 0.02786...
    let choose = |n: u64, k: u64| (0..k).fold(1.0, |all, i| all * (n - i) as f64 / (i + 1) as f64);
    let p: f64 = (0..=1).map(|k| choose(12, k) * choose(14, 8 - k) / choose(26, 8)).sum();
    for (confidence, beyond) in [(1.0 - 2.02 * p, true), (1.0 - 1.98 * p, false)] {
        let found = of_shares(&hits(1, 12, confidence), &hits(7, 14, confidence), confidence);
        assert_eq!(is_beyond(&found), beyond, "{found:?}");
    }
}

#[test]
fn of_nothing_nothing_is_known() {
    let nothing = Interval { value: 0.0, low: 0.0, high: 1.0 };
    let found = of_shares(&nothing, &hits(3, 10, 0.99), 0.99);
    assert!(found.low <= -0.7 && found.high >= 0.6, "{found:?}");
    assert!(!is_beyond(&found));
    let found = of_shares(&hits(0, 10, 0.99), &hits(0, 20, 0.99), 0.99);
    // Without a hit on either side, only one of them can be larger.
    assert!((found.low + hits(0, 10, 0.99).high).abs() < 1e-12, "{found:?}");
    assert!((found.high - hits(0, 20, 0.99).high).abs() < 1e-12, "{found:?}");
    for confidence in [0.0, 1.0, f64::NAN] {
        let found = of_shares(&hits(1, 2, 0.9), &hits(2, 2, 0.9), confidence);
        assert_eq!(found, Interval { value: 0.5, low: -1.0, high: 1.0 });
    }
}

#[test]
fn bounds_of_medians_hold() {
    let mut dice = Dice(7);
    let confidence = 0.95;
    let median = |values: &mut Vec<(f64, f64)>| {
        let found = quantiles(values, &[0.5], confidence);
        let found = found.first().expect("a median");
        assert!(!found.open);
        found.quotient
    };
    // Squares of uniform numbers: the median is a quarter, and twice that of doubled ones.
    let mut draw = |reports: u64, factor: f64| {
        let mut values: Vec<(f64, f64)> = (0..reports)
            .map(|index| (factor * dice.roll().powi(2), if index % 3 == 0 { 4.0 } else { 1.0 }))
            .collect();
        median(&mut values)
    };
    let draws = 1000;
    let missed = (0..draws)
        .filter(|_| {
            let found = of_medians(&draw(60, 1.0), &draw(90, 2.0));
            !(found.low..=found.high).contains(&0.25)
        })
        .count();
    assert!(missed <= 70, "{missed} of {draws}");
}

#[test]
fn a_median_without_an_upper_bound_gives_a_difference_without_one() {
    let open = Interval { value: 2.0, low: 1.0, high: f64::INFINITY };
    let known = Interval { value: 1.0, low: 0.5, high: 1.5 };
    assert_eq!(of_medians(&known, &open).high, f64::INFINITY);
    assert_eq!(of_medians(&open, &known).low, f64::NEG_INFINITY);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn a_difference_read_backwards_is_the_same(
        (n, k) in (1_u64..2000).prop_flat_map(|n| (Just(n), 0..=n)),
        (m, l) in (1_u64..2000).prop_flat_map(|n| (Just(n), 0..=n)),
        confidence in 0.6..0.999,
    ) {
        let (one, other) = (hits(k, n, confidence), hits(l, m, confidence));
        let (there, back) = (of_shares(&one, &other, confidence), of_shares(&other, &one, confidence));
        prop_assert_eq!((there.low, there.high), (-back.high, -back.low));
        prop_assert!(there.low <= there.value && there.value <= there.high);
        // At least as wide as each of the two, and no wider than both together.
        prop_assert!(there.low >= other.low - one.high - 1e-9);
        prop_assert!(there.high <= other.high - one.low + 1e-9);
        prop_assert!(there.high - there.low >= (one.high - one.low).max(other.high - other.low) - 1e-3);
    }
}
