//! Whoever keeps every file that was ever public learns no more about late reports than the editions of
//! a day reveal: there are few, and only the last may add fewer than ten reports. And no edition shows
//! a stack that only few reports of a week have.

#![cfg(feature = "server")]

use crate::support;
use candor::aggregate::index::{Dataset, FileFormat, Index};
use candor::aggregate::{Merged, Merging, ParquetReader, PublicData, Unwatched, merge};
use candor::store::FileStore;
use jiff::ToSpan;
use jiff::civil::{Date, Weekday};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use support::segments;
use tempfile::TempDir;

const MONDAY: Date = jiff::civil::date(2026, 2, 2);
/// How many reports of a week must have a stack for it to be shown.
const STACK_MINIMUM: u32 = 3;

fn after(day: Date, days: i64) -> Date {
    day.checked_add(days.days()).expect("a day")
}

/// The row of a report; reports with different numbers differ.
fn row(day: Date, number: u64, stacks: &Value) -> String {
    format!(
        "{{\"Week\":\"{day}\",\"X\":1,\"Programs\":[{{\"Program\":\"example.org/hello\",\
         \"Version\":\"v1.0.0\",\"GoVersion\":\"go1.26.8\",\"GOOS\":\"linux\",\"GOARCH\":\"amd64\",\
         \"Counters\":{{\"number\":{number}}},\"Stacks\":{stacks}}}],\"Config\":\"v0.1.0\"}}"
    )
}

/// A deployment's folder, and its current day.
struct World {
    folder: TempDir,
    segments: u64,
}

impl World {
    fn new() -> World {
        World { folder: TempDir::new().expect("a folder"), segments: 0 }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn receive(&mut self, rows: &[String]) {
        self.segments += 1;
        segments::write(&self.path("reports"), self.segments, rows);
    }

    fn store(&self) -> Arc<FileStore> {
        Arc::new(FileStore::new(self.path("store")))
    }

    fn merge(&self, today: Date) -> Merged {
        let (reports, scratch) = (self.path("reports"), self.path("scratch"));
        let merging = Merging {
            buffer: (&reports).into(),
            store: self.store(),
            scratch: &scratch,
            today,
            stack_minimum: STACK_MINIMUM,
        };
        merge(&merging, &Unwatched).expect("merged")
    }

    fn index(&self) -> Index {
        PublicData::new(self.store()).index().expect("an index")
    }

    /// The rows of a day or week, and how often each occurs.
    fn rows(&self, data: &Dataset) -> Rows {
        let file = data.file(FileFormat::NdjsonZstd).expect("a file");
        let opened = PublicData::new(self.store()).open(file).expect("whole");
        let mut text = String::new();
        let mut decoder = zstd::Decoder::new(opened).expect("a decoder");
        decoder.read_to_string(&mut text).expect("text");
        let mut rows = Rows::new();
        text.lines().for_each(|line| *rows.entry(line.to_owned()).or_default() += 1);
        rows
    }
}

type Rows = BTreeMap<String, u64>;

/// The rows that are in `new` but not in `old`; none may be missing.
fn added(old: &Rows, new: &Rows) -> Rows {
    for (row, times) in old {
        assert!(new.get(row).is_some_and(|now| now >= times), "{row} is gone");
    }
    let more = |(row, times): (&String, &u64)| {
        let more = times - old.get(row).copied().unwrap_or(0);
        (more > 0).then(|| (row.clone(), more))
    };
    new.iter().filter_map(more).collect()
}

/// The copies of a day or week that someone kept: the file's hash, its edition, and the rows.
#[derive(Default)]
struct Copies(Vec<(String, u8, Rows)>);

impl Copies {
    fn keep(&mut self, world: &World, data: &Dataset) {
        let file = data.file(FileFormat::NdjsonZstd).expect("a file");
        if self.0.last().is_none_or(|(sha256, ..)| *sha256 != file.sha256) {
            self.0.push((file.sha256.clone(), data.edition.into(), world.rows(data)));
        }
    }
}

/// How many reports of a day arrive how many days after it is over. Each day of the week has its own
/// pattern: single late ones, batches of every size around ten, many, and none.
fn late(day: usize, week: usize, days_after: i64) -> u64 {
    let size = [1, 2, 9, 10, 11, 40, 0][(day + week) % 7];
    match (day % 4, days_after) {
        // All at once: before the second edition, just in time for it, after it, at the end.
        (0, 3) | (1, 7) | (2, 9) | (3, 28) => size,
        // One by one, each in its own merge.
        (0, 4..8) | (1, 12..20) | (2, 20..28) => u64::from(size > 10),
        _ => 0,
    }
}

#[test]
fn five_weeks_of_editions_single_out_no_late_report() {
    let mut world = World::new();
    let mut number = 0;
    let mut sent: BTreeMap<Date, Rows> = BTreeMap::new();
    let mut days: BTreeMap<Date, Copies> = BTreeMap::new();
    let mut weeks: BTreeMap<Date, Copies> = BTreeMap::new();
    for today in (0..35 + 31).map(|n| after(MONDAY, n)) {
        let mut received = Vec::new();
        for (week, day) in (0..5).flat_map(|week| (0..7).map(move |day| (week, day))) {
            let of = after(MONDAY, i64::try_from(7 * week + day).expect("small"));
            let reports = match (today - of).get_days() {
                0 => 30,
                days_after => late(day, week, i64::from(days_after)),
            };
            for _ in 0..reports {
                // Some rows are equal, but still different reports.
                number += 1;
                let row = row(of, number - number % 3, &serde_json::json!({}));
                *sent.entry(of).or_default().entry(row.clone()).or_default() += 1;
                received.push(row);
            }
        }
        // One segment each, so that a merge may include some reports of a day and not others.
        received.chunks(7).for_each(|rows| world.receive(rows));
        world.merge(today);
        if today.weekday() == Weekday::Sunday {
            let again = world.merge(today);
            assert!(again.days.is_empty(), "{again:?}: merging again changes nothing");
        }
        let left: Vec<_> = segments::sealed(&world.path("reports"));
        assert!(left.is_empty(), "{left:?}: merged segments are removed");
        let index = world.index();
        for (day, data) in &index.days {
            assert!(*day < today, "{day} is not over on {today}");
            assert_eq!(data.published.max(today), today);
            days.entry(*day).or_default().keep(&world, data);
        }
        index.weeks.iter().for_each(|(w, e)| weeks.entry(*w).or_default().keep(&world, &e.data));
        // A final day has everything that was ever sent, once.
        for (day, data) in index.days.iter().filter(|(_, data)| data.complete) {
            assert_eq!(world.rows(data), sent[day], "{day}");
            assert!((today - *day).get_days() > 29);
        }
    }
    let (mut provisional, mut small) = (0, 0);
    for (day, Copies(copies)) in &days {
        assert!(copies.len() <= 3, "{day} has {} editions", copies.len());
        assert_eq!(copies[0].1, 1, "{day} is published when it is over");
        for pair in copies.windows(2) {
            let [(_, _, old), (_, edition, new)] = pair else { unreachable!() };
            let late: u64 = added(old, new).values().sum();
            match edition {
                3 => small += u64::from((1..10).contains(&late)),
                _ => {
                    assert!(late >= 10, "edition {edition} of {day} singles out {late}");
                    provisional += 1;
                }
            }
        }
        assert_eq!(copies.last().map(|(.., rows)| rows), Some(&sent[day]), "{day} is all there");
    }
    assert!(provisional >= 5 && small >= 5, "{provisional} and {small}: both occur");
    // A week's file reveals no more than those of its days.
    for (week, Copies(copies)) in &weeks {
        for pair in copies.windows(2) {
            let [(_, _, old), (_, _, new)] = pair else { unreachable!() };
            let mut late: BTreeMap<String, u64> = BTreeMap::new();
            for (row, times) in added(old, new) {
                let row: Value = serde_json::from_str(&row).expect("JSON");
                *late.entry(row["Week"].as_str().expect("a day").to_owned()).or_default() += times;
            }
            for (day, late) in late {
                let of_day = &days[&day.parse().expect("a day")].0;
                let adds = of_day.windows(2).map(|p| added(&p[0].2, &p[1].2).values().sum::<u64>());
                let first: u64 = of_day[0].2.values().sum();
                assert!(adds.chain([first]).any(|adds| adds == late), "{week}, {day}: {late}");
            }
        }
    }
}

/// All readable text of a file: as it is, decompressed, or by columns.
fn texts(path: &Path) -> Vec<u8> {
    let bytes = std::fs::read(path).expect("readable");
    let mut found = bytes.clone();
    let mut text = Vec::new();
    if zstd::Decoder::new(&bytes[..]).is_ok_and(|mut d| d.read_to_end(&mut text).is_ok()) {
        found.extend(text);
    }
    let mut text = Vec::new();
    if flate2::read::MultiGzDecoder::new(&bytes[..]).read_to_end(&mut text).is_ok() {
        found.extend(text);
    }
    if let Ok(reader) = ParquetReader::open(std::fs::File::open(path).expect("readable")) {
        for group in 0..reader.row_groups() {
            found.extend(reader.read(group).expect("columns").texts.concat().into_bytes());
        }
    }
    found
}

/// The files below a folder that contain this text.
fn having(folder: &Path, text: &str) -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    for entry in std::fs::read_dir(folder).expect("list a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(having(&path, text));
        } else if texts(&path).windows(text.len()).any(|bytes| bytes == text.as_bytes()) {
            found.insert(path);
        }
    }
    found
}

fn crash(function: &str) -> Value {
    serde_json::json!({ format!("crash\n{function}:+1"): 1 })
}

#[test]
fn a_text_that_one_sender_chose_is_in_no_public_file() {
    const CHOSEN: &str = "visit-evil.example/free-pills::now";
    let mut world = World::new();
    // A stack of three reports of the week, on two days; one of a single sender; one that becomes common.
    let tuesday = after(MONDAY, 1);
    let rows = [
        row(MONDAY, 1, &crash("common")),
        row(MONDAY, 2, &crash("common")),
        row(tuesday, 3, &crash("common")),
        row(tuesday, 4, &crash(CHOSEN)),
        row(tuesday, 5, &crash("later")),
        row(tuesday, 6, &crash("later")),
    ];
    world.receive(&rows);
    world.merge(after(MONDAY, 2));
    let (public, store) = (world.path("store/public"), world.path("store"));
    assert!(!having(&public, "common").is_empty(), "this is how texts are found");
    assert_eq!(having(&public, CHOSEN), BTreeSet::new());
    assert_eq!(having(&public, "later"), BTreeSet::new());
    let private = having(world.folder.path(), CHOSEN);
    assert!(private.iter().all(|path| path.starts_with(store.join("buffer"))), "{private:?}");
    assert_eq!(private.len(), 1, "the whole row waits for a later edition");

    // Ten late reports, one of which makes a stack common.
    let mut late: Vec<String> = (7..16).map(|n| row(tuesday, n, &serde_json::json!({}))).collect();
    late.push(row(tuesday, 16, &crash("later")));
    world.receive(&late);
    world.merge(after(tuesday, 8));
    let rows = |world: &World, day: Date| world.rows(&world.index().days[&day]);
    let second = rows(&world, tuesday);
    assert_eq!(second.values().sum::<u64>(), 14);
    let with = |rows: &Rows, text: &str| rows.keys().filter(|row| row.contains(text)).count();
    assert_eq!((with(&second, "later"), with(&second, "common")), (3, 1));
    assert_eq!(with(&second, "fewer reports than are shown"), 1);
    assert_eq!(having(&public, CHOSEN), BTreeSet::new());

    // The last edition: the text is deleted.
    world.merge(after(tuesday, 30));
    assert_eq!(having(world.folder.path(), CHOSEN), BTreeSet::new());
    let last = rows(&world, tuesday);
    assert_eq!(last, second, "and nothing else has changed");
    assert!(world.index().days[&tuesday].complete);
}
