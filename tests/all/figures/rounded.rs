//! A public row's X is rounded up to the next rate in force. Every figure computed from such rows is identical
//! to that of the exact numbers.

use super::{World, charts};
use crate::figures::world::{Random, row_groups};
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
    // No report is sent with an X above the sample rate, which is one of them.
    rates.into_iter().filter(|rate| x <= *rate).fold(f64::INFINITY, f64::min)
}

/// The public form of a report.
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
    fn rounded_numbers_give_the_same_figures_as_exact_ones(
        seed in 1..u64::MAX,
        reports in prop_oneof![Just(1usize), 2..200usize],
    ) {
        let mut random = Random(seed);
        let mut world = World::new(&mut random, reports);
        let groups = row_groups(&mut random, &world.reports);
        let exact = charts(&world, groups, 1);
        let rows: Vec<Value> = world.reports.iter().map(|report| public(&world, report)).collect();
        // Few numbers are left, five rates and the 0 of a config without any, so X does not identify a row.
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
