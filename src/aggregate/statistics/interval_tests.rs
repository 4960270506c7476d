use super::*;
use proptest::collection::vec;
use proptest::prelude::*;

fn equal(reports: u64, weight: f64) -> Weights {
    let mut weights = Weights::default();
    weights.add_many(weight, reports);
    weights
}

/// The probability of each number of hits in `n` tries.
fn binomial(n: u32, p: f64) -> Vec<f64> {
    let mut ln_choose = 0.0;
    let probability = |hits: u32| {
        if hits > 0 {
            ln_choose += f64::from(n - hits + 1).ln() - f64::from(hits).ln();
        }
        (ln_choose + f64::from(hits) * p.ln() + f64::from(n - hits) * (-p).ln_1p()).exp()
    };
    (0..=n).map(probability).collect()
}

#[test]
fn bounds_of_equal_weights_are_published_ones() {
    // Newcombe, "Two-sided confidence intervals for the single proportion", Statistics in Medicine
    // 17 (1998), table I, method 5 (Clopper and Pearson), 95%.
    let facts = [
        (81, 263, 0.2527, 0.3676),
        (15, 148, 0.0578, 0.1617),
        (0, 20, 0.0, 0.1684),
        (1, 29, 0.0009, 0.1776),
    ];
    for (hits, reports, low, high) in facts {
        for weight in [1.0, 1.0 / 0.06636, 1e-6] {
            let found = share(&equal(hits, weight), &equal(reports, weight), 0.95);
            assert!((found.low - low).abs() < 5.1e-5, "{hits} of {reports}: {found:?}");
            assert!((found.high - high).abs() < 5.1e-5, "{hits} of {reports}: {found:?}");
        }
    }
}

#[test]
fn of_nothing_nothing_is_known() {
    let nothing = Interval { value: 0.0, low: 0.0, high: 1.0 };
    assert_eq!(share(&Weights::default(), &Weights::default(), 0.99), nothing);
    assert_eq!(share(&equal(0, 1.0), &equal(3, 0.0), 0.99), nothing);
}

#[test]
fn the_bounds_of_none_and_all_are_exact_on_one_side() {
    let base = equal(16_588, 15.07);
    let none = share(&Weights::default(), &base, 0.99);
    assert_eq!((none.value, none.low), (0.0, 0.0));
    // The share at which no hit in 16,588 has a probability of half a percent.
    assert!((none.high - (1.0 - 0.005_f64.powf(1.0 / 16_588.0))).abs() < 1e-15);
    let all = share(&base, &base, 0.99);
    assert_eq!((all.value, all.high), (1.0, 1.0));
    assert!((all.low - 0.005_f64.powf(1.0 / 16_588.0)).abs() < 1e-15);
}

#[test]
fn without_a_confidence_between_0_and_1_there_are_no_bounds() {
    for confidence in [1.0, 1.5, 0.0, -1.0, f64::NAN] {
        let found = share(&equal(1, 1.0), &equal(2, 1.0), confidence);
        assert_eq!(found, Interval { value: 0.5, low: 0.0, high: 1.0 }, "{confidence}");
    }
}

#[test]
fn hits_that_were_not_seen_may_be_heavy() {
    // 10,000 light reports, 5 that stand for as many again, and no hit: all five may have missed
    // what up to 1 - 0.005^(1/5) of their kind do.
    let mut base = equal(10_000, 1.0);
    base.add_many(2000.0, 5);
    let none = share(&Weights::default(), &base, 0.99);
    let possible = 0.5 * (1.0 - 0.005_f64.powf(0.2));
    assert!(none.high > possible, "{} is below {possible}", none.high);
}

#[test]
fn an_estimate_says_how_many_reports_and_how_much_they_stand_for() {
    let (hit, base) = (equal(3, 2.0), equal(12, 2.0));
    let found = estimate(&hit, &base, 0.9);
    assert_eq!((found.reports, found.total, found.share.value), (3, 6.0, 0.25));
    assert_eq!(found.share, share(&hit, &base, 0.9));
}

proptest! {
    #[test]
    fn bounds_of_equal_weights_solve_the_binomial_equations(
        (n, k) in (1_u32..=150).prop_flat_map(|n| (Just(n), 0..=n)),
        weight in 0.001..1000.0,
        confidence in 0.5..0.9999,
    ) {
        let found = share(&equal(k.into(), weight), &equal(n.into(), weight), confidence);
        let outside = (1.0 - confidence) / 2.0;
        if k > 0 {
            let as_many: f64 = binomial(n, found.low)[k as usize..].iter().sum();
            prop_assert!((as_many / outside - 1.0).abs() < 1e-9, "{as_many} is not {outside}");
        } else {
            prop_assert_eq!(found.low, 0.0);
        }
        if k < n {
            let as_few: f64 = binomial(n, found.high)[..=k as usize].iter().sum();
            prop_assert!((as_few / outside - 1.0).abs() < 1e-9, "{as_few} is not {outside}");
        } else {
            prop_assert_eq!(found.high, 1.0);
        }
    }

    #[test]
    fn bounds_of_unequal_weights_are_those_of_a_sample_with_one_heavy_report_more(
        reports in vec((0.01..100.0, any::<bool>()), 1..60),
    ) {
        let (mut hit, mut base) = (Weights::default(), Weights::default());
        for &(weight, hits) in &reports {
            base.add(weight);
            if hits {
                hit.add(weight);
            }
        }
        let found = share(&hit, &base, 0.99);
        let heaviest = reports.iter().map(|report| report.0).fold(0.0, f64::max);
        // Both parameters of the beta distribution, report by report.
        let parameters = |one_more: bool| {
            let mut reports = reports.clone();
            reports.push((heaviest, one_more));
            let total: f64 = reports.iter().map(|report| report.0).sum();
            let of = |hits: bool| f64::from(u8::from(hits));
            let p: f64 = reports.iter().map(|&(weight, hits)| weight / total * of(hits)).sum();
            let v: f64 = reports.iter().map(|&(w, hits)| (w / total * (of(hits) - p)).powi(2)).sum();
            let effective = p * (1.0 - p) / v;
            (p * effective, (1.0 - p) * effective)
        };
        if reports.iter().any(|report| report.1) {
            let (a, b) = parameters(false);
            let below = beta::cumulative(a, b, found.low);
            prop_assert!((below / 0.005 - 1.0).abs() < 1e-6, "{below}");
        } else {
            prop_assert_eq!(found.low, 0.0);
        }
        if reports.iter().any(|report| !report.1) {
            let (a, b) = parameters(true);
            let above = beta::cumulative(b, a, 1.0 - found.high);
            prop_assert!((above / 0.005 - 1.0).abs() < 1e-6, "{above}");
        } else {
            prop_assert_eq!(found.high, 1.0);
        }
        prop_assert!(0.0 <= found.low && found.low <= found.value);
        prop_assert!(found.value <= found.high && found.high <= 1.0);
    }

    #[test]
    fn only_the_proportions_of_weights_matter_and_others_are_the_complement(
        parts in vec((0.01..100.0, 0_u64..1000, 0_u64..1000), 1..5),
        factor in 1e-6..1e6,
    ) {
        let mut sets = [Weights::default(); 5];
        let [hit, others, base, scaled_hit, scaled_base] = &mut sets;
        for (weight, hits, misses) in parts {
            hit.add_many(weight, hits);
            others.add_many(weight, misses);
            base.add_many(weight, hits + misses);
            scaled_hit.add_many(weight * factor, hits);
            scaled_base.add_many(weight * factor, hits + misses);
        }
        let close = |a: f64, b: f64| (a - b).abs() < 1e-9;
        let found = share(hit, base, 0.95);
        let scaled = share(scaled_hit, scaled_base, 0.95);
        prop_assert!(close(found.low, scaled.low) && close(found.high, scaled.high));
        if base.reports > 0 {
            let complement = share(others, base, 0.95);
            prop_assert!(close(found.low, 1.0 - complement.high), "{found:?} {complement:?}");
            prop_assert!(close(found.high, 1.0 - complement.low), "{found:?} {complement:?}");
        }
        let wider = share(hit, base, 0.99);
        prop_assert!(wider.low <= found.low && found.high <= wider.high);
    }
}
