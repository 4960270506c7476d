//! A public row's X is rounded up to the smallest rate in force that is not below it. Every figure
//! made of such rows is the one that the exact numbers give, to the last digit.

use super::{World, charts};
use crate::world::{Random, row_groups};
use candor::collection::CollectionConfig;
use proptest::prelude::*;
use serde_json::{Value, json};

/// The smallest of all rates of a config that is not below `x`.
fn rounded(config: &CollectionConfig, x: f64) -> f64 {
    let mut rates = vec![config.sample_rate.get()];
    for program in &config.programs {
        rates.extend(program.counters.iter().map(|counter| counter.rate.get()));
        rates.extend(program.stacks.iter().map(|stack| stack.rate.get()));
    }
    // Nothing is sent with an X over the sample rate, which is one of them.
    rates.into_iter().filter(|rate| x <= *rate).fold(f64::INFINITY, f64::min)
}

/// The report as it is public.
fn public(world: &World, report: &Value) -> Value {
    let named = |version: &dyn ToString| report["Config"] == version.to_string();
    let under = world.configs.iter().find(|under| named(&under.version)).expect("a known config");
    let mut row = report.clone();
    row["X"] = json!(rounded(&under.config, report["X"].as_f64().expect("a number")));
    row
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn rounded_numbers_give_every_figure_that_exact_ones_give(
        seed in 1..u64::MAX,
        reports in prop_oneof![Just(1usize), 2..200usize],
    ) {
        let mut random = Random(seed);
        let mut world = World::new(&mut random, reports);
        let groups = row_groups(&mut random, &world.reports);
        let exact = charts(&world, groups, 1);
        let rows: Vec<Value> = world.reports.iter().map(|report| public(&world, report)).collect();
        // Few numbers are left, five rates and the 0 of a config without any: a row's X is no name for it.
        let mut left: Vec<String> = rows.iter().map(|row| row["X"].to_string()).collect();
        left.sort();
        left.dedup();
        prop_assert!(left.len() <= 6, "{left:?}");
        world.reports = rows;
        let groups = row_groups(&mut random, &world.reports);
        let from_rows = charts(&world, groups, 1);
        prop_assert_eq!(
            serde_json::to_string(&from_rows).expect("JSON"),
            serde_json::to_string(&exact).expect("JSON")
        );
    }
}
