//! From the receiver to the public data: a process is killed a thousand times, at each step in turn.
//!
//! Each process receives, seals, merges and removes, and is killed at one of its syncs ([`Recorder`]),
//! which is not done, nor anything after it. The next one continues with what is on the disk. Reports
//! that were not acknowledged are sent again, as a client would. In the end each acknowledged report is
//! in the public data once, and nothing is left of any in the receiver's folder.
//!
//! Here a kill is an error at a sync within one process; `tests/all/forget_crash.rs` kills real processes.

use super::folder;
use crate::aggregate::index::FileFormat;
use crate::aggregate::{Merging, PublicData, Unwatched, merge};
use crate::durable::recorder::Recorder;
use crate::ingest::listed_segments;
use crate::ingest::power_cut::{open, store};
use crate::store::FileStore;
use jiff::ToSpan;
use jiff::civil::{Date, date};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

const ROUNDS: u32 = 1000;
/// More syncs than a process makes.
const SYNCS: u32 = 50;

/// The public data, a receiver's folder, and what clients know.
struct World<'a> {
    root: &'a Path,
    /// Reports that were answered with 200.
    acknowledged: BTreeSet<u32>,
    /// Reports that did not, and are sent again.
    unanswered: Vec<u32>,
}

impl World<'_> {
    /// Runs one process as far as it gets. Returns whether it finished.
    fn live(&mut self, first: u32, today: Date) -> bool {
        let reports = self.root.join("reports");
        self.unanswered.extend([first, first + 1]);
        let Ok(mut writer) = open(&reports) else { return false };
        let acknowledged = &mut self.acknowledged;
        self.unanswered.retain(|number| {
            let stored = store(&mut writer, *number).is_ok();
            if stored {
                acknowledged.insert(*number);
            }
            !stored
        });
        let sealed = writer.seal_all();
        writer.poll();
        drop(writer);
        sealed && self.merge(today)
    }

    fn merge(&self, today: Date) -> bool {
        let store = Arc::new(FileStore::new(self.root.join("store")));
        let (reports, scratch) = (self.root.join("reports"), self.root.join("scratch"));
        let merging = Merging {
            buffer: (&reports).into(),
            store,
            scratch: &scratch,
            today,
            stack_minimum: 1,
        };
        let merged = merge(&merging, &Unwatched);
        merged.is_ok_and(|merged| merged.problems.is_empty())
    }

    /// How often each report is in the public data, by its number.
    fn public(&self) -> BTreeMap<u32, u32> {
        let store = Arc::new(FileStore::new(self.root.join("store")));
        let public = PublicData::new(store);
        let index = public.index().expect("an index");
        assert!(index.waiting.is_none(), "nothing waits");
        let mut found = BTreeMap::new();
        for day in index.days.values() {
            let file = day.file(FileFormat::NdjsonZstd).expect("a file");
            let mut bytes = Vec::new();
            public.open(file).expect("opened").read_to_end(&mut bytes).expect("read");
            let text = String::from_utf8(zstd::decode_all(&*bytes).expect("zstd")).expect("text");
            for line in text.lines() {
                let row: serde_json::Value = serde_json::from_str(line).expect("JSON");
                let number = row["Programs"][0]["Counters"]["verb:run"].as_u64().expect("a number");
                *found.entry(u32::try_from(number).expect("a number")).or_default() += 1;
            }
        }
        found
    }
}

#[test]
fn a_process_that_is_killed_at_any_step_leaves_each_report_in_one_place() {
    let temporary = folder();
    let recorder = Recorder::start(temporary.path());
    let mut world =
        World { root: temporary.path(), acknowledged: BTreeSet::new(), unanswered: Vec::new() };
    let (mut killed, mut steps) = (0, BTreeSet::new());
    for round in 0..ROUNDS {
        // The day advances, so that some merges publish an edition and others leave reports waiting.
        let today = date(2026, 2, 9).saturating_add(i64::from(round / 40).days());
        let step = round % SYNCS;
        recorder.kill_at_sync(step as usize);
        let ended = world.live(2 * round + 1, today);
        if recorder.restart() {
            killed += 1;
            steps.insert(step);
        } else {
            assert!(ended, "round {round} failed, and nobody killed it");
        }
        // Nothing is replayed in this test.
        recorder.forget();
    }
    println!("{killed} of {ROUNDS} processes were killed, at {} steps", steps.len());
    assert!(killed > ROUNDS / 2 && steps.len() > 25, "{killed} at {steps:?}");

    let final_day = date(2026, 5, 1);
    assert!(world.live(2 * ROUNDS + 1, final_day));
    assert!(world.unanswered.is_empty());
    assert!(world.merge(final_day));
    let public = world.public();
    assert!(public.values().all(|times| *times == 1), "each once");
    assert!(public.into_keys().eq(1..=2 * ROUNDS + 2), "and all of them");
    assert!(world.acknowledged.into_iter().eq(1..=2 * ROUNDS + 2));

    let reports = temporary.path().join("reports");
    let names = fs::read_dir(&reports).expect("a folder");
    let names = names.map(|entry| entry.expect("an entry").file_name());
    let mut names: Vec<_> = names.map(|name| name.into_string().expect("text")).collect();
    names.sort();
    assert_eq!(names, [".lock", "merged", "seen", "segments"]);
    assert!(fs::read_dir(reports.join("merged")).expect("a folder").next().is_none());
    assert!(listed_segments(&reports).expect("a list").segments.is_empty());
}
