//! Rates follow a growing population: `candor demo --growth`, with few weeks and few reports.

#![cfg(feature = "server")]

use crate::support;
use serde_json::Value;
use support::{candor, json, refused};
use tempfile::TempDir;

#[test]
fn rates_fall_while_a_population_grows_and_the_intervals_hold() {
    let folder = TempDir::new().expect("a temporary folder");
    let plot = folder.path().join("growth.svg");
    let mut command = candor();
    command.args(["--json", "demo", "--growth", "--weeks", "8", "--from", "400", "--to", "8000"]);
    command.args(["--error", "0.05", "--plot"]).arg(&plot).env("TMPDIR", folder.path());
    let grown = json(&mut command);
    assert_eq!(grown["needed"], 664);
    let weeks = grown["weeks"].as_array().expect("weeks");
    assert_eq!(weeks.len(), 8);
    let number = |week: &Value, name: &str| week[name].as_f64().expect("a number");
    // While it is not known to grow, everyone reports; then the rate falls, and there are enough reports.
    assert_eq!(number(&weeks[0], "rate"), 1.0);
    assert_eq!(number(&weeks[0], "reports"), 400.0);
    let last = &weeks[7];
    assert!(number(last, "rate") < 0.25, "{last:#}");
    for week in weeks {
        assert!(number(week, "of_target") > 0.99, "{week:#}");
        assert!(number(week, "of_goal") < 1.05, "{week:#}");
    }
    assert!(number(last, "of_target") < 1.6, "{last:#}");
    let outside = |week: &&Value| {
        let estimate = &week["estimate"];
        let truth = number(week, "installations");
        !(number(estimate, "low")..=number(estimate, "high")).contains(&truth)
    };
    assert!(weeks.iter().filter(outside).count() <= 1, "{grown:#}");
    let sum = |name: &str| weeks.iter().map(|week| number(week, name)).sum::<f64>();
    assert_eq!(sum("intervals"), 8.0 * 14.0);
    assert!(sum("missed") <= 5.0, "{grown:#}");
    // Somebody had to allow the first population that followed.
    assert!(weeks.iter().any(|week| week["allowed_jump"] == true), "{grown:#}");
    let drawn = std::fs::read_to_string(&plot).expect("a plot");
    assert!(drawn.contains("<svg") && drawn.contains("Rates follow a growing population"));
    std::fs::remove_file(&plot).expect("removed");
    assert!(std::fs::read_dir(folder.path()).expect("list").next().is_none(), "nothing is left");
}

#[test]
fn wrong_settings_are_refused() {
    refused(candor().args(["demo", "--weeks", "1"]), 2);
    refused(candor().args(["demo", "--growth", "--keep-serving"]), 2);
    refused(candor().args(["demo", "--growth", "--weeks", "1"]), 2);
    refused(candor().args(["demo", "--growth", "--error", "2"]), 2);
}
