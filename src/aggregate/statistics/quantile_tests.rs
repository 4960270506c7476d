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

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn quantiles_and_bounds_are_what_trying_every_value_gives(mut values in reports()) {
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
            distinct.iter().map(|&value| interval::share(&up_to(value), &total, 0.95)).collect();
        for found in quantiles(&mut values, &[0.05, 0.25, 0.5, 0.75, 0.95], 0.95) {
            let first = |enough: &dyn Fn(usize) -> bool| {
                (0..distinct.len()).find(|&place| enough(place)).map(|place| distinct[place])
            };
            let reached = found.at * total.sum * (1.0 - 1e-9);
            let value = first(&|place| up_to(distinct[place]).sum >= reached);
            prop_assert_eq!(Some(found.quotient.value), value);
            let none = interval::share(&Weights::default(), &total, 0.95);
            let low = if none.high >= found.at {
                Some(0.0)
            } else {
                first(&|place| bounds[place].high >= found.at)
            };
            prop_assert_eq!(Some(found.quotient.low), low);
            let high = first(&|place| bounds[place].low >= found.at);
            prop_assert_eq!(found.open, high.is_none());
            prop_assert_eq!(Some(found.quotient.high), high.or(distinct.last().copied()));
        }
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
