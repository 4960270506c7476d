//! How far false reports move a share, and how many it takes.
//!
//! Of n honest reports, a share p has a bucket. If someone adds m reports that all have it, the share becomes
//! `(n * p + m) / (n + m)`; with m that do not have it, `n * p / (n + m)`. All are weighted alike: false reports
//! under a config with a lower rate weigh more than honest ones, and count as more reports accordingly.
//! The confidence interval does not cover this: it says how much a sample of honest reports can be off
//! by chance.

use super::volume::{Volume, expected};

/// The share after adding this many false reports that have the bucket.
pub fn moved(honest: f64, share: f64, false_reports: f64) -> f64 {
    (honest * share + false_reports) / (honest + false_reports)
}

/// How many false reports move a share up by this much; `None` if no number does.
pub fn needed(honest: f64, share: f64, by: f64) -> Option<f64> {
    let left = 1.0 - share - by;
    // Ignore less than a millionth of a report, which is rounding.
    (left > 1e-12).then(|| (honest * by / left - 1e-6).ceil())
}

/// How many false reports fit beside these honest ones without a mark on the week, after eight weeks of
/// which half had more and half fewer, by this fraction.
pub fn unmarked(honest: u64, variation: f64) -> f64 {
    let volume = |count: f64| {
        let reports = count.round() as u64;
        Volume { reports, total: count, effective: count, coverage: 1.0, rate: 1.0 }
    };
    let honest = honest as f64;
    let week = |(ago, sign)| (ago, volume(honest * (1.0 + sign * variation)));
    // In an order without a slope.
    let before: Vec<_> =
        (1..=8).zip([1.0, -1.0, -1.0, 1.0].into_iter().cycle()).map(week).collect();
    let range = expected(&volume(honest), &before);
    range.map_or(0.0, |range| (range.high - honest).floor())
}

#[cfg(test)]
mod tests {
    use super::super::volume::VARIATION;
    use super::*;

    #[test]
    fn what_is_needed_moves_a_share_by_that_much_and_one_report_less_does_not() {
        for honest in [100.0, 1_000.0, 16_588.0] {
            for (share, by) in [(0.0, 0.01), (0.1, 0.01), (0.44, 0.05), (0.9, 0.05), (0.5, 0.3)] {
                let reports = needed(honest, share, by).expect("a number");
                assert!(moved(honest, share, reports) >= share + by - 1e-9);
                assert!(moved(honest, share, reports - 1.0) < share + by);
            }
        }
        assert_eq!(needed(100.0, 0.995, 0.01), None);
        assert_eq!(moved(100.0, 0.25, 0.0), 0.25);
    }

    #[test]
    fn the_attack_that_was_measured_comes_out() {
        // 16,588 honest reports, of which 44% hold a bucket that none of the false ones does: 19%.
        let honest = 16_588.0_f64;
        let false_reports = honest * (0.44 / 0.19 - 1.0);
        assert!((honest * 0.44 / (honest + false_reports) - 0.19).abs() < 1e-12);
        assert!((1.0 - moved(honest, 0.56, false_reports) - 0.19).abs() < 1e-12);
        // It would be marked.
        assert!(false_reports > unmarked(16_588, VARIATION));
    }

    #[test]
    fn the_readme_says_these_numbers() {
        let readme = include_str!("../../../README.md");
        let counts = [0.01, 0.1].map(|by| needed(16_588.0, 0.1, by).expect("a number"));
        let unmarked = [0.02, VARIATION].map(|variation| unmarked(16_588, variation));
        for count in counts.into_iter().chain(unmarked) {
            let count = count as u64;
            let written = match count / 1000 {
                0 => count.to_string(),
                thousands => format!("{thousands},{:03}", count % 1000),
            };
            assert!(readme.contains(&format!("{written} ")), "{written}");
        }
    }

    #[test]
    fn a_flood_without_a_mark_is_one_that_the_rule_does_not_mark() {
        for honest in [10, 100, 1_000, 16_588] {
            let [steady, ordinary] = [0.02, VARIATION].map(|variation| unmarked(honest, variation));
            assert!(steady > 0.1 * honest as f64 && ordinary < 6.0 * honest as f64, "{honest}");
            assert!(steady <= ordinary, "{honest}");
        }
    }
}
