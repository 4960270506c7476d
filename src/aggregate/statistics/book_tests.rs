//! The numbers of the example in `docs/figures.md` are those that come out.

use super::interval;
use super::sample::Weights;
use crate::charts::definition::Proportion;
use crate::collection::{error_of, reports_needed};

const README: &str = include_str!("../../../README.md");
const CHAPTER: &str = include_str!("../../../docs/figures.md");

fn weights(parts: &[(f64, u64)]) -> Weights {
    let mut weights = Weights::default();
    parts.iter().for_each(|(weight, reports)| weights.add_many(*weight, *reports));
    weights
}

#[test]
fn the_example_of_the_chapter_is_what_comes_out() {
    let (base, hit) = (weights(&[(10.0, 900), (20.0, 100)]), weights(&[(10.0, 360), (20.0, 52)]));
    let share = interval::share(&hit, &base, 0.99);
    let percent = |share: f64| format!("{:.1}%", 100.0 * share);
    let none = interval::share(&weights(&[]), &weights(&[(1.0, 6)]), 0.99);
    let reports = |error| {
        let proportion = |number| Proportion::new(number).expect("between 0 and 1");
        let needed = reports_needed(proportion(error), proportion(0.99));
        assert!(error_of(needed as f64, proportion(0.99)) <= error);
        format!("{},{:03}", needed / 1000, needed % 1000)
    };
    for said in [
        format!("4,640 / 11,000 = {}", percent(share.value)),
        format!("the true share lies between {} and {}", percent(share.low), percent(share.high)),
        format!("without weights it would be\n{}", percent(412.0 / 1000.0)),
        format!("as {:.0} equal ones", base.sum * base.sum / base.squares),
        format!("0 of 6 reports ({} to {})", "0%", percent(none.high)),
        format!("{} for 1% at 99%, {} for 2%", reports(0.01), reports(0.02)),
    ] {
        assert!(CHAPTER.to_lowercase().contains(&said.to_lowercase()), "{said}");
    }
}

#[test]
fn what_the_readme_says_of_small_projects_is_what_comes_out() {
    let range = |hit: u64, base: u64| {
        let share = interval::share(&weights(&[(1.0, hit)]), &weights(&[(1.0, base)]), 0.99);
        format!("{:.1}% and {:.1}%", 100.0 * share.low, 100.0 * share.high)
    };
    let readme = README.split_whitespace().collect::<Vec<_>>().join(" ");
    for said in [
        format!("With 200 reports, 10% is known to be between {}", range(20, 200)),
        format!("50% between {}, at 99% confidence", range(100, 200)),
        format!("50% is between {}.", range(10, 20)),
    ] {
        assert!(readme.contains(&said), "{said}");
    }
}
