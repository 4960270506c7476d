//! Shared by the tests of this module: generated reports.

use crate::ingest::Report;
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use sha2::Digest;

/// A report's public row.
pub(super) fn canonical(json: &str) -> Vec<u8> {
    let report = Report::decode(json.as_bytes()).expect("a report");
    report.encode_public(report.x)
}

/// A report of a day with one program and one counter.
pub(super) fn report(day: &str, x: f64, counter: &str, count: u64) -> Vec<u8> {
    canonical(&format!(
        r#"{{"Week":"{day}","LastWeek":"","X":{x},"Programs":[{}],"Config":"v0.1.0"}}"#,
        program("example.org/p", &format!(r#"{{"{counter}":{count}}}"#), "null")
    ))
}

fn program(name: &str, counters: &str, stacks: &str) -> String {
    format!(
        r#"{{"Program":"{name}","Version":"v1.2.0","GoVersion":"go1.26.8","GOOS":"linux","GOARCH":"amd64","Counters":{counters},"Stacks":{stacks}}}"#
    )
}

fn counts(name: &'static str) -> impl Strategy<Value = String> {
    btree_map(name, 1..1000u64, 0..5).prop_map(|counts| {
        let pairs: Vec<_> = counts.iter().map(|(name, n)| format!("\"{name}\":{n}")).collect();
        format!("{{{}}}", pairs.join(","))
    })
}

/// Canonical reports of a few neighbouring days, with few different X, so that some are equal.
pub(super) fn any_report() -> impl Strategy<Value = Vec<u8>> {
    let program = ("[pq]", counts("[a-d]:[a-z<&é]"), counts("s\\\\n[ab]{1,2}\\\\nc"));
    let week = prop_oneof![Just(""), Just("2026-01-31"), Just("2026-01-30")];
    (1..=20u32, week, 1..=16u32, vec(program, 0..3)).prop_map(|(day, last, x, programs)| {
        let programs: Vec<_> =
            programs.iter().map(|(name, c, s)| program_of(name, c, s)).collect();
        canonical(&format!(
            r#"{{"Week":"2026-02-{day:02}","LastWeek":"{last}","X":{},"Programs":[{}],"Config":"v0.{}.0"}}"#,
            f64::from(x) / 16.0,
            programs.join(","),
            x % 3 + 1,
        ))
    })
}

fn program_of(name: &str, counters: &str, stacks: &str) -> String {
    program(&format!("example.org/{name}"), counters, stacks)
}

/// The bytes of a sealed segment, written from the description of the format (see `ingest`'s `sealed`).
pub(super) fn segment<'a>(rows: impl IntoIterator<Item = &'a Vec<u8>>) -> Vec<u8> {
    let mut bytes = b"candor sealed 1\n".to_vec();
    let mut checked = bytes.clone();
    for row in rows {
        let length = u32::try_from(row.len()).expect("a short row");
        let prefix = [&length.to_le_bytes()[..], &sha2::Sha256::digest(row)[..8]].concat();
        checked.extend_from_slice(&prefix);
        bytes.extend_from_slice(&prefix);
        bytes.extend_from_slice(row);
    }
    let checksum = sha2::Sha256::digest(&checked);
    bytes.extend_from_slice(&checksum);
    bytes
}
