//! Merging: what is public is whole, merging again completes it, and nothing is left over.

use super::index::{Dataset, Index};
use super::testing::{report, segment};
use super::{MergeError, Merged, Merging, PublicData, Unwatched, merge};
use crate::durable::recorder::Recorder;
use crate::power_cut::{self, Before, Scenario};
use crate::store::FileStore;
use jiff::civil::Date;
use std::error::Error;
use std::fs;
use std::path::Path;
use std::sync::Arc;

/// The days on which merges are made, and how many reports are public then.
const MERGES: [(&str, u64); 4] =
    [("2026-02-03", 2), ("2026-02-05", 4), ("2026-02-06", 6), ("2026-05-01", 7)];

const FIRST: &str = "reports/11111111111111111111111111111111.sealed";
const LATER: &str = "reports/22222222222222222222222222222222.sealed";

/// Four merges. The second makes its files on another disk, after a report of a day that was public
/// already, which waits for the last edition; that is published by the last merge.
pub(crate) fn scenarios() -> Vec<Scenario> {
    let (temporary, other) = (power_cut::folder(), power_cut::folder());
    let root = temporary.path().to_owned();
    fs::create_dir(root.join("reports")).expect("made");
    let uploaded = |count: u64, days: &[&str]| {
        let reports = (count..).zip(days).map(|(n, day)| report(day, 0.5, "a:b", n));
        segment(&reports.collect::<Vec<_>>())
    };
    let days = ["2026-02-02", "2026-02-04", "2026-02-05"];
    let (first, later) = (uploaded(1, &[days, days].concat()), uploaded(100, &days[..1]));
    fs::write(root.join(FIRST), first).expect("written");
    let recorder = Recorder::start(&root);
    let other_disk = Recorder::without_syncs(other.path());
    for (number, (today, reports)) in MERGES.iter().enumerate() {
        let scratch = if number == 1 { other.path() } else { &root };
        merge_on(&root, &scratch.join("scratch"), today).expect("merged");
        recorder.promise(format!("{reports}"));
        if number == 0 {
            fs::write(root.join(LATER), &later).expect("written");
            recorder.found(&root.join(LATER));
        }
    }
    let record = recorder.finish();
    drop(other_disk);
    merge_on(&root, &root.join("scratch"), MERGES[3].0).expect("merged");
    let expected = index(&root).expect("an index");
    let check = move |state: &Path, before: &Before<'_>| {
        check(state, before, &later, &expected).map_err(|e| e.to_string())
    };
    vec![Scenario { name: "merging", root, record, check: Box::new(check) }]
}

fn check(
    root: &Path,
    before: &Before<'_>,
    later: &[u8],
    expected: &Index,
) -> Result<(), Box<dyn Error>> {
    let found = index(root)?;
    check_files(root, &found)?;
    let public: u64 = found.days.values().map(|day| day.reports).sum();
    for promised in before.promises {
        if public < promised.parse()? {
            return Err(format!("{promised} reports were public, and {public} are").into());
        }
    }
    // What was not uploaded yet is now.
    let waiting: u64 = found.waiting.iter().flat_map(|waiting| waiting.reports.values()).sum();
    let all = MERGES[3].1;
    if public + waiting < all && !root.join(LATER).exists() {
        let id = "22222222222222222222222222222222".parse()?;
        if !found.segments.contains_key(&id) {
            fs::write(root.join(LATER), later)?;
        }
    }
    for _ in 0..2 {
        let merged = merge_on(root, &root.join("scratch"), MERGES[3].0)?;
        if !merged.problems.is_empty() {
            return Err(format!("{:?}", merged.problems).into());
        }
    }
    let found = index(root)?;
    check_files(root, &found)?;
    if (&found.days, &found.weeks) != (&expected.days, &expected.weeks) {
        return Err("the same reports have become other data".into());
    }
    let known = found.current();
    for folder in ["public", "buffer"] {
        let Ok(entries) = fs::read_dir(root.join("store").join(folder)) else { continue };
        for entry in entries {
            let name = entry?.file_name();
            let name = name.to_str().unwrap_or_default();
            if name.len() == 64 && !known.contains(&format!("{folder}/{name}")) {
                return Err(format!("the index has forgotten {folder}/{name}").into());
            }
        }
    }
    for segment in [FIRST, LATER] {
        if root.join(segment).exists() {
            return Err(format!("{segment} is merged and still there").into());
        }
    }
    Ok(())
}

fn public(root: &Path) -> PublicData {
    PublicData::new(Arc::new(FileStore::new(root.join("store"))))
}

fn index(root: &Path) -> Result<Index, Box<dyn Error>> {
    Ok(public(root).index()?)
}

fn check_files(root: &Path, index: &Index) -> Result<(), Box<dyn Error>> {
    let datasets = index.days.values().chain(index.weeks.values().map(|week| &week.data));
    for file in datasets.flat_map(|dataset: &Dataset| &dataset.files) {
        public(root).open(file)?;
    }
    Ok(())
}

fn merge_on(root: &Path, scratch: &Path, today: &str) -> Result<Merged, MergeError> {
    let store = Arc::new(FileStore::new(root.join("store")));
    let today: Date = today.parse().expect("a date");
    let is_locked = |error: &MergeError| matches!(error, MergeError::Running { .. });
    let reports = root.join("reports");
    let merging = Merging { buffer: (&reports).into(), store, scratch, today, stack_minimum: 3 };
    power_cut::unlocked(|| merge(&merging, &Unwatched), is_locked)
}
