use super::*;
use proptest::collection::vec;
use proptest::prelude::*;

#[test]
fn nothing_has_no_quantiles() {
    assert_eq!(quantiles(&mut [], &[0.5], 0.99), []);
    assert_eq!(quantiles(&mut [(1.0, 0.0)], &[0.5], 0.99), []);
}

#[test]
fn the_median_of_a_few_equal_reports() {
    let mut values: Vec<(f64, f64)> =
        (1..=10).rev().map(|value| (f64::from(value), 15.07)).collect();
    let [median] = quantiles(&mut values, &[0.5], 0.95)[..] else { panic!("one quantile") };
    // Half of ten is reached by the fifth. The exact interval of order statistics, of which the
    // probability is at least 95%, runs from the second to the ninth (David and Nagaraja, "Order
    // Statistics", 2003, section 7.1).
    assert_eq!(median.quotient, Interval { value: 5.0, low: 2.0, high: 9.0 });
    assert!(!median.open);
}

#[test]
fn a_bound_that_too_few_reports_lie_beyond_is_marked() {
    let mut values = [(3.0, 1.0), (4.0, 1.0), (5.0, 1.0)];
    let [low, high] = quantiles(&mut values, &[0.05, 0.95], 0.99)[..] else { panic!("two") };
    assert_eq!((low.quotient.value, low.quotient.low, low.open), (3.0, 0.0, false));
    assert_eq!((high.quotient.value, high.quotient.high, high.open), (5.0, 5.0, true));
}

#[test]
fn rounding_does_not_decide_which_value_reaches_a_share() {
    // Summed one after the other, one of ten such weights is less than a tenth of their sum.
    let mut values: Vec<(f64, f64)> =
        (1..=10).map(|value| (f64::from(value), 1.0 / 0.06636)).collect();
    let found = quantiles(&mut values, &[0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0], 0.99);
    let values: Vec<f64> = found.iter().map(|quantile| quantile.quotient.value).collect();
    assert_eq!(values, [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0]);
}

#[test]
fn equal_values_stand_together() {
    // Nine of ten installations never do it.
    let mut values = vec![(0.0, 1.0); 9000];
    values.extend(vec![(2.5, 1.0); 1000]);
    let found = quantiles(&mut values, &[0.5, 0.9, 0.95], 0.99);
    let intervals: Vec<Interval> = found.iter().map(|quantile| quantile.quotient).collect();
    assert_eq!(intervals[0], Interval { value: 0.0, low: 0.0, high: 0.0 });
    assert_eq!(intervals[1], Interval { value: 0.0, low: 0.0, high: 2.5 });
    assert_eq!(intervals[2], Interval { value: 2.5, low: 2.5, high: 2.5 });
}

/// Weights of few kinds, as of a few configs, and values that often coincide.
fn reports() -> impl Strategy<Value = Vec<(f64, f64)>> {
    let weight = prop_oneof![Just(1.0), Just(1.0 / 0.3), Just(1.0 / 0.06636)];
    vec(((0_u32..40).prop_map(|value| f64::from(value) / 4.0), weight), 1..3000)
}

/// Few reports of different values, some of which are far heavier than the others.
fn unequal_reports() -> impl Strategy<Value = Vec<(f64, f64)>> {
    let weight = prop_oneof![8 => Just(1.0), 1 => 10.0..40.0, 1 => (-3.0..3.0).prop_map(f64::exp)];
    vec(((0_u32..1000).prop_map(f64::from), weight), 1..120)
}

/// Checks quantiles against trying every value: at these shares, and at those of bounds that fall
/// while values rise.
fn check(mut values: Vec<(f64, f64)>, confidence: f64) -> Result<usize, TestCaseError> {
    let all = values.clone();
    let up_to = |value: f64| {
        let mut sum = Weights::default();
        all.iter().filter(|report| report.0 <= value).for_each(|report| sum.add(report.1));
        sum
    };
    let total = up_to(f64::INFINITY);
    let mut distinct: Vec<f64> = all.iter().map(|report| report.0).collect();
    distinct.sort_by(f64::total_cmp);
    distinct.dedup();
    let bounds: Vec<Interval> =
        distinct.iter().map(|&value| interval::share(&up_to(value), &total, confidence)).collect();
    let mut at = vec![0.05, 0.25, 0.5, 0.75, 0.95];
    let regular = at.len();
    for pair in bounds.windows(2) {
        for (one, next) in [(pair[0].low, pair[1].low), (pair[0].high, pair[1].high)] {
            if next < one - 1e-9 {
                at.push(one.midpoint(next));
            }
        }
    }
    for found in quantiles(&mut values, &at, confidence) {
        let first = |enough: &dyn Fn(usize) -> bool| {
            (0..distinct.len()).find(|&place| enough(place)).map(|place| distinct[place])
        };
        let reached = found.at * total.sum * (1.0 - 1e-9);
        let value = first(&|place| up_to(distinct[place]).sum >= reached);
        prop_assert_eq!(Some(found.quotient.value), value);
        let none = interval::share(&Weights::default(), &total, confidence);
        let low = if none.high >= found.at {
            Some(0.0)
        } else {
            first(&|place| bounds[place].high >= found.at)
        };
        // Never above the quantile itself: where it is, rounding decides.
        prop_assert_eq!(Some(found.quotient.low), low.map(|low| low.min(found.quotient.value)));
        let last = (0..distinct.len()).rev().find(|&place| bounds[place].low < found.at);
        let high = distinct.get(last.map_or(0, |place| place + 1)).copied();
        prop_assert_eq!(found.open, high.is_none());
        prop_assert_eq!(Some(found.quotient.high), high.or(distinct.last().copied()));
    }
    Ok(at.len() - regular)
}

#[test]
fn a_bound_that_falls_while_values_rise_does_not_end_the_search() {
    // Before the second heavy report, 0.96 of all may be up to there; after it, which says much about
    // the rest, less.
    let weights = [vec![1.0; 75], vec![20.0; 2], vec![1.0; 25]].concat();
    let values: Vec<(f64, f64)> = (1..).map(f64::from).zip(weights).collect();
    assert!(check(values, 0.99).expect("as by trying every value") > 0, "a bound falls");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn quantiles_and_bounds_are_what_trying_every_value_gives(values in reports()) {
        check(values, 0.95)?;
    }

    #[test]
    fn so_they_are_where_bounds_fall_while_values_rise(
        values in unequal_reports(),
        confidence in prop_oneof![Just(0.95), Just(0.99)],
    ) {
        check(values, confidence)?;
    }

    #[test]
    fn the_order_of_reports_changes_nothing(mut values in reports(), turn in 0_usize..3000) {
        let mut turned = values.clone();
        let middle = turn % turned.len();
        turned.rotate_left(middle);
        turned.reverse();
        let at = [0.05, 0.5, 0.95];
        prop_assert_eq!(quantiles(&mut values, &at, 0.99), quantiles(&mut turned, &at, 0.99));
    }
}

proptest! {
    #[test]
    fn what_is_said_of_all_sets_of_reports_between_two_holds_for_each(
        reports in vec((-3.0..3.0_f64, 0_u8..4), 1..40),
        confidence in 0.5..0.999,
    ) {
        // In this order: those that are hits in any case, some of those that may be, and the rest.
        let [mut least, mut some, mut most, mut base] = [Weights::default(); 4];
        for (ln_weight, kind) in reports {
            let weight = ln_weight.exp();
            for (set, upto) in [(&mut least, 0), (&mut some, 1), (&mut most, 2), (&mut base, 3)] {
                if kind <= upto {
                    set.add(weight);
                }
            }
        }
        let found = interval::share(&some, &base, confidence);
        let reach = |at, least, most| interval::may_reach(at, least, most, &base, confidence);
        let fall = |at, least, most| interval::may_fall_below(at, least, most, &base, confidence);
        prop_assert!(reach(found.high, &least, &most), "{}", found.high);
        prop_assert!(found.low >= 1.0 || fall(found.low + 1e-12, &least, &most), "{}", found.low);
        // Of one set it is known.
        prop_assert!(found.high >= 1.0 || !reach(found.high + 1e-6, &some, &some));
        prop_assert!(found.low <= 0.0 || !fall(found.low - 1e-6 * found.low, &some, &some));
    }
}
