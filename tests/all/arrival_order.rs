//! Nothing in a receiver's folder, once it is sealed, reveals in which order reports arrived, what
//! their exact X was, or which report a machine sent before.

#![cfg(feature = "server")]

use crate::support;
use candor::ingest::{Answer, Sealed, Stored, ask_to_seal};
use std::collections::HashSet;
use std::path::Path;
use std::time::Duration;
use support::receiver::{self, number_of, report, reports_folder, week};
use support::segments;
use tempfile::TempDir;

const REPORTS: u64 = 10_000;
const LAST_WEEK: &str = "2001-02-03";

/// The rank correlation of positions and the numbers at them, both from 0 and without gaps.
fn rank_correlation(ranks: &[u64]) -> f64 {
    let n = ranks.len() as f64;
    let squares = (0..).zip(ranks).map(|(place, rank): (u64, _)| place.abs_diff(*rank).pow(2));
    1.0 - 6.0 * squares.sum::<u64>() as f64 / (n * (n * n - 1.0))
}

fn files(folder: &Path, found: &mut Vec<(String, Vec<u8>)>) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        match path.is_dir() {
            true => files(&path, found),
            false => {
                found.push((path.display().to_string(), std::fs::read(&path).expect("a file")));
            }
        }
    }
}

#[test]
fn stored_reports_reveal_no_order_of_arrival_no_exact_x_and_no_last_week() {
    let folder = TempDir::new().expect("a temporary folder");
    receiver::deploy(folder.path());
    let receiver = receiver::open(folder.path());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.expect("a runtime");
    let sent = |number| {
        report(number).replace("\"LastWeek\":\"\"", &format!("\"LastWeek\":{LAST_WEEK:?}"))
    };
    // In order, as many at once as fit into the queue.
    for first in (0..REPORTS).step_by(500) {
        runtime.block_on(async {
            let mut answers = Vec::new();
            for number in first..first + 500 {
                let permit = receiver.queue_permit().expect("a permit");
                let (receiver, body) = (receiver.clone(), sent(number));
                let week = week().to_string();
                let taken = async move { receiver.accept(permit, &week, body.as_bytes()).await };
                answers.push(tokio::spawn(taken));
            }
            for answer in answers {
                assert_eq!(answer.await.expect("no panic"), Answer::Stored(Stored::New));
            }
        });
    }
    let reports = reports_folder(folder.path());
    let asked = ask_to_seal(&reports, Duration::from_secs(3600)).expect("asked");
    assert_eq!(asked, Sealed::All);

    let ranks: Vec<u64> = segments::reports(&reports).iter().map(number_of).collect();
    let mut all = ranks.clone();
    all.sort_unstable();
    assert!(all.into_iter().eq(0..REPORTS), "each is there once");
    let correlation = rank_correlation(&ranks);
    println!("rank correlation of {REPORTS} reports: {correlation:.4}");
    // Without any order the standard deviation is 0.01: this fails once in a million runs.
    assert!(correlation.abs() < 0.05, "{correlation}");

    let mut found = Vec::new();
    files(&reports, &mut found);
    files(&folder.path().join("store"), &mut found);
    found.push((
        "list".into(),
        std::fs::read(folder.path().join("reports.segments")).expect("list"),
    ));
    let x = (1..REPORTS).map(|number| number as f64 / 1e15 + 0.1);
    let numbers: HashSet<[u8; 8]> = x.flat_map(|x| [x.to_le_bytes(), x.to_be_bytes()]).collect();
    let has = |bytes: &[u8], needle: &[u8]| bytes.windows(needle.len()).any(|at| at == needle);
    for (path, bytes) in &found {
        assert!(!path.ends_with(".open") && !path.ends_with(".tmp"), "{path} is left");
        for word in ["LastWeek", LAST_WEEK] {
            assert!(!has(bytes, word.as_bytes()), "{word} is in {path}");
        }
        // Every X begins with this, and all are different.
        assert!(!has(bytes, b"0.1000000000"), "an exact X is in {path}");
        let number = bytes.windows(8).find(|at| numbers.contains(*at));
        assert!(number.is_none(), "an exact X is in {path} as a number: {number:?}");
    }
    drop(receiver);
}
