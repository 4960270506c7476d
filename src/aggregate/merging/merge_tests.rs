//! The same reports give the same files, however many merges it took and whatever stopped them.

use super::*;
use crate::aggregate::parquet::columns::Columns;
use crate::aggregate::testing::{any_report, canonical, report, segment};
use crate::aggregate::{ParquetReader, Unwatched};
use crate::ingest::Report;
use crate::store::{Fault, Key, MemoryStore, Snapshot};
use proptest::collection::vec;
use proptest::prelude::*;
use std::io::Read;
use std::sync::Mutex;
use tempfile::TempDir;

fn day(text: &str) -> Date {
    text.parse().expect("a date")
}

/// Long after all reports of these tests.
fn later() -> Date {
    day("2026-03-01")
}

/// A deployment's reports and store.
struct World {
    folder: TempDir,
    store: Arc<MemoryStore>,
    segments: Mutex<usize>,
}

impl World {
    fn new() -> World {
        let folder = TempDir::new().expect("a temporary folder");
        std::fs::create_dir(folder.path().join("reports")).expect("a folder");
        World { folder, store: Arc::default(), segments: Mutex::new(0) }
    }

    fn reports(&self) -> std::path::PathBuf {
        self.folder.path().join("reports")
    }

    fn public(&self) -> PublicData {
        PublicData::new(self.store.clone())
    }

    fn index(&self) -> Index {
        self.public().index().expect("an index")
    }

    /// Adds a sealed segment, and returns its file.
    fn add(&self, reports: &[Vec<u8>]) -> std::path::PathBuf {
        let mut number = self.segments.lock().expect("a number");
        *number += 1;
        let path = self.reports().join(format!("{number:08}-until-2026-02-28.reports"));
        std::fs::write(&path, segment(reports)).expect("written");
        path
    }

    /// A merge with so little memory that it sorts in files.
    fn try_merge(
        &self,
        today: Date,
        only: Option<RangeInclusive<Date>>,
    ) -> Result<Merged, MergeError> {
        let scratch = self.folder.path().join("scratch");
        let reports = self.reports();
        let mut merger = Merger::new(&reports, self.store.clone(), &scratch, today, &Unwatched)?;
        merger.limits = SortLimits { chunk: 1500, fan_in: 3 };
        merger.run(only)
    }

    fn merge(&self) -> Merged {
        self.try_merge(later(), None).expect("merged")
    }

    fn read(&self, file: &PublicFile) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut opened = self.public().open(file).expect("opened");
        opened.read_to_end(&mut bytes).expect("read");
        bytes
    }

    /// The lines of a dataset, once it is sure that all formats say the same.
    fn lines(&self, dataset: &Dataset) -> Vec<Vec<u8>> {
        let file = |format| dataset.file(format).expect("a file");
        let text = zstd::decode_all(&*self.read(file(FileFormat::NdjsonZstd))).expect("zstd");
        let gzip = self.read(file(FileFormat::NdjsonGzip));
        let mut gzip_text = Vec::new();
        // Of one member, as browsers read it.
        let mut decoder = flate2::bufread::GzDecoder::new(&*gzip);
        decoder.read_to_end(&mut gzip_text).expect("gzip");
        assert_eq!((gzip_text == text, decoder.into_inner().len()), (true, 0));
        assert_eq!(text.len() as u64, dataset.text_bytes);
        let lines: Vec<Vec<u8>> = text
            .split_inclusive(|byte| *byte == b'\n')
            .map(|line| line.strip_suffix(b"\n").expect("an end").to_vec())
            .collect();
        assert_eq!(lines.len() as u64, dataset.reports);
        let opened = self.public().open(file(FileFormat::Parquet)).expect("opened");
        let parquet = ParquetReader::open(opened).expect("Parquet");
        let groups = (0..parquet.row_groups()).map(|group| parquet.read(group).expect("read"));
        let rows: Vec<Build> = groups.flat_map(|group| builds(&group)).collect();
        assert_eq!(rows, expected(&lines));
        assert_eq!(
            rows.iter().filter(|(_, program, _)| program.is_some()).count() as u64,
            dataset.rows
        );
        lines
    }
}

/// The report's number, program and counters of a row.
type Build = (i64, Option<String>, Vec<(String, u64)>);

fn builds(columns: &Columns) -> Vec<Build> {
    let text = |id: u32| columns.texts[id as usize].clone();
    let build = |row: usize| {
        let counters = columns.counters.row(row).map(|(name, count)| (text(name), count));
        (columns.report[row], columns.program[row].map(text), counters.collect())
    };
    (0..columns.len()).map(build).collect()
}

fn expected(lines: &[Vec<u8>]) -> Vec<Build> {
    let mut builds = Vec::new();
    let mut lines_of = BTreeMap::new();
    for line in lines {
        let report = Report::decode(line).expect("a report");
        let line = lines_of.entry(report.week).or_insert(0..);
        let days = (report.week - Date::constant(1970, 1, 1)).get_days();
        let number = i64::from(days) * 10_000_000_000 + line.next().expect("a line");
        if report.programs.is_empty() {
            builds.push((number, None, Vec::new()));
        }
        for program in report.programs {
            let counters = program.counters.iter().map(|(name, n)| (name.to_owned(), n.get()));
            builds.push((number, Some(program.program.to_string()), counters.collect()));
        }
    }
    builds
}

/// What readers see, which does not depend on history.
fn seen(world: &World) -> (BTreeMap<Date, Dataset>, BTreeMap<Date, crate::aggregate::index::Week>) {
    let index = world.index();
    for dataset in index.days.values().chain(index.weeks.values().map(|week| &week.data)) {
        world.lines(dataset);
    }
    (index.days, index.weeks)
}

/// Every object that is there is one that the index knows of.
fn assert_nothing_forgotten(world: &World) {
    let index = world.index();
    let mut known: BTreeSet<String> = index.current().into_iter().map(str::to_owned).collect();
    known.extend(index.superseded.iter().cloned());
    let Snapshot { objects, .. } = world.store.snapshot();
    for key in objects.keys() {
        let sha256 = key.as_str().strip_prefix("public/").expect("public");
        assert!(known.contains(sha256), "{key}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn any_splitting_into_segments_and_merges_gives_the_same_files(
        segments in vec((vec(any_report(), 0..25), any::<bool>()), 1..6),
    ) {
        let (world, at_once) = (World::new(), World::new());
        let mut all: Vec<Vec<u8>> = Vec::new();
        for (reports, merge) in &segments {
            all.extend(reports.iter().cloned());
            // Some of it was uploaded before.
            world.add(&[&reports[..], &all[..all.len() / 3]].concat());
            if *merge {
                world.merge();
            }
        }
        world.merge();
        at_once.add(&all.iter().rev().cloned().collect::<Vec<_>>());
        at_once.merge();
        prop_assert_eq!(seen(&world), seen(&at_once));
        let index = world.index();
        let mut by_day: BTreeMap<Date, Vec<Vec<u8>>> = BTreeMap::new();
        all.sort_by_key(|line| {
            let report = Report::decode(line).expect("a report");
            (report.week, report.x.get().to_bits(), line.clone())
        });
        all.dedup();
        for line in all {
            by_day.entry(Report::decode(&line).expect("a report").week).or_default().push(line);
        }
        prop_assert!(index.days.keys().eq(by_day.keys()));
        let mut by_week: BTreeMap<Date, Vec<Vec<u8>>> = BTreeMap::new();
        for (day, lines) in by_day {
            prop_assert_eq!(&world.lines(&index.days[&day]), &lines);
            by_week.entry(week_of(day)).or_default().extend(lines);
        }
        prop_assert!(index.weeks.keys().eq(by_week.keys()));
        for (week, lines) in by_week {
            prop_assert_eq!(world.lines(&index.weeks[&week].data), lines);
        }
        world.merge();
        assert_nothing_forgotten(&world);
    }
}

#[test]
fn a_merge_without_new_reports_changes_nothing() {
    let world = World::new();
    assert_eq!(world.merge(), Merged::default());
    world.add(&[report("2026-02-08", 0.5, "a:b", 1)]);
    assert_eq!(world.merge().days.len(), 1);
    let before = world.store.snapshot();
    assert_eq!(world.merge(), Merged::default());
    world.add(&[report("2026-02-08", 0.5, "a:b", 1)]);
    assert_eq!(world.merge(), Merged::default(), "a duplicate is nothing new");
    assert_eq!(world.store.snapshot().objects, before.objects);
}

#[test]
fn a_report_that_comes_late_joins_its_day_and_week() {
    let world = World::new();
    world.add(&[report("2026-02-08", 0.5, "a:b", 1), report("2026-02-06", 0.5, "a:b", 1)]);
    world.merge();
    world.add(&[report("2026-02-06", 0.25, "a:b", 1)]);
    let merged = world.merge();
    let told = |dataset: &MergedDataset| (dataset.date, dataset.reports, dataset.new_reports);
    assert_eq!(merged.days.iter().map(told).collect::<Vec<_>>(), [(day("2026-02-06"), 2, 1)]);
    assert_eq!(merged.weeks.iter().map(told).collect::<Vec<_>>(), [(day("2026-02-08"), 3, 1)]);
}

#[test]
fn a_day_is_published_when_it_is_over_and_complete_when_no_report_is_taken_any_more() {
    let world = World::new();
    world.add(&[report("2026-02-08", 0.5, "a:b", 1), report("2026-02-07", 0.5, "a:b", 1)]);
    let days = |today: &str| {
        world.try_merge(day(today), None).expect("merged");
        let index = world.index();
        let days = index.days.iter().map(|(day, data)| (day.to_string(), data.complete));
        days.collect::<Vec<_>>()
    };
    assert_eq!(days("2026-02-08"), [("2026-02-07".to_owned(), false)]);
    let both =
        |first, second| [("2026-02-07".to_owned(), first), ("2026-02-08".to_owned(), second)];
    assert_eq!(days("2026-02-09"), both(false, false));
    assert_eq!(days("2026-03-08"), both(false, false));
    assert_eq!(days("2026-03-09"), both(true, false));
    assert!(!world.index().weeks[&day("2026-02-08")].data.complete);
    assert_eq!(days("2026-03-10"), both(true, true));
    assert!(world.index().weeks[&day("2026-02-08")].data.complete);
}

#[test]
fn a_corrupt_segment_is_named_and_the_rest_goes_on() {
    let world = World::new();
    let reports: Vec<_> =
        (1..4u32).map(|n| report("2026-02-08", f64::from(n) / 8.0, "a:b", 1)).collect();
    let path = world.add(&reports);
    world.add(&[report("2026-02-08", 1.0, "a:b", 1)]);
    let good = std::fs::read(&path).expect("read");
    let mut bytes = good.clone();
    bytes[16 + 20 + reports[0].len() + 100] ^= 1;
    std::fs::write(&path, &bytes).expect("written");
    for _ in 0..2 {
        let merged = world.merge();
        let [problem] = &merged.problems[..] else { panic!("{merged:?}") };
        let start = "reports/00000001-until-2026-02-28.reports is damaged from byte ";
        assert!(problem.starts_with(start), "{problem}");
        assert_eq!(world.index().problems, merged.problems);
        assert_eq!(world.index().days[&day("2026-02-08")].reports, 3);
    }
    std::fs::write(&path, &good).expect("mended");
    assert_eq!(world.merge().problems, Vec::<String>::new());
    assert_eq!(world.index().problems, Vec::<String>::new());
    assert_eq!(world.index().days[&day("2026-02-08")].reports, 4);
}

#[test]
fn what_is_whole_and_no_report_is_named_and_the_rest_goes_on() {
    let world = World::new();
    let strange = br#"{"Week":"2026-02-08","LastWeek":"","X":0.5,"New":1}"#.to_vec();
    let stranger = br#"{"Week":"2026-02-08","Y":0.5}"#.to_vec();
    world.add(&[strange, report("2026-02-08", 0.5, "a:b", 1), stranger]);
    for _ in 0..2 {
        let merged = world.merge();
        let [problem] = &merged.problems[..] else { panic!("{merged:?}") };
        assert_eq!(problem.matches(" from byte ").count(), 2, "{problem}");
        assert_eq!(world.index().days[&day("2026-02-08")].reports, 1);
    }
}

#[test]
fn a_report_without_programs_is_a_line_and_no_row() {
    let world = World::new();
    world.add(&[canonical(
        r#"{"Week":"2026-02-08","LastWeek":"","X":0.5,"Programs":null,"Config":"v0.1.0"}"#,
    )]);
    world.merge();
    let Dataset { reports, rows, .. } = world.index().days[&day("2026-02-08")];
    assert_eq!((reports, rows), (1, 0));
    seen(&world);
}

/// Two steps, so that the second changes a day and a week, and replaces files.
fn steps() -> [Vec<Vec<u8>>; 2] {
    let some = |from: u32, days: &[&str]| -> Vec<Vec<u8>> {
        let of = |day: &&str| {
            let day = (*day).to_owned();
            (from..from + 5).map(move |n| report(&day, f64::from(n) / 64.0, "a:b", 1))
        };
        days.iter().flat_map(of).collect()
    };
    [some(1, &["2026-02-03", "2026-02-08"]), some(4, &["2026-02-08", "2026-02-10"])]
}

#[test]
fn whatever_the_store_does_at_any_operation_the_next_merge_gives_the_undisturbed_files() {
    let [first, second] = steps();
    let undisturbed = World::new();
    undisturbed.add(&first);
    undisturbed.merge();
    undisturbed.add(&second);
    undisturbed.merge();
    let (world, undisturbed) = (&undisturbed, seen(&undisturbed));
    world.add(&[report("2026-02-08", 0.75, "a:c", 1)]);
    world.merge();
    let and_more = seen(world);
    for fault in [Fault::Fail, Fault::PowerCutBefore, Fault::PowerCutAfter] {
        for operation in 0.. {
            let world = World::new();
            world.add(&first);
            world.merge();
            let before = seen(&world);
            world.add(&second);
            world.store.inject(fault(operation));
            let stopped = world.try_merge(later(), None).is_err();
            world.store.restart();
            let after = seen(&world);
            assert!(after == before || after == undisturbed, "half of a merge at {operation}");
            if operation % 2 == 0 {
                world.merge();
                assert_eq!(seen(&world), undisturbed, "stopped at {operation}");
            }
            // Where this was uploaded before the next merge, that makes other files.
            world.add(&[report("2026-02-08", 0.75, "a:c", 1)]);
            world.merge();
            assert_eq!(seen(&world), and_more, "stopped at {operation}");
            world.merge();
            assert_nothing_forgotten(&world);
            let index = world.index();
            assert_eq!(world.store.snapshot().objects.len(), index.current().len());
            if !stopped {
                assert!(operation > 15, "the faults did reach into the middle");
                break;
            }
        }
    }
}

#[test]
fn an_index_from_a_backup_makes_the_next_merge_read_everything_again() {
    let [first, second] = steps();
    let world = World::new();
    world.add(&first);
    world.merge();
    let backup = world.store.snapshot();
    world.add(&second);
    world.merge();
    let expected = seen(&world);
    // What was read is remembered; what was made of it is not.
    let mut snapshot = world.store.snapshot();
    let index = Key::new("public/index").expect("a key");
    snapshot.pointers.insert(index.clone(), backup.pointers[&index].clone());
    snapshot.objects = backup.objects;
    world.store.restore(&snapshot);
    world.merge();
    assert_eq!(seen(&world), expected);
}

/// Runs another merge, of another machine, in the middle of the first.
struct Meanwhile<'a>(&'a World, Mutex<bool>);

impl Progress for Meanwhile<'_> {
    fn advance(&self, phase: Phase, _: u64, _: u64) {
        let mut ran = self.1.lock().expect("a lock");
        if phase == Phase::Weeks && !std::mem::replace(&mut *ran, true) {
            let scratch = self.0.folder.path().join("other");
            self.0.add(&[report("2026-02-08", 0.75, "a:c", 1)]);
            let store = self.0.store.clone();
            merge(&self.0.reports(), store, &scratch, later(), &Unwatched).expect("merged");
        }
    }
}

#[test]
fn two_merges_at_once_lose_nothing() {
    let world = World::new();
    let [first, second] = steps();
    world.add(&first);
    world.merge();
    world.add(&second);
    let scratch = world.folder.path().join("scratch");
    let meanwhile = Meanwhile(&world, Mutex::new(false));
    merge(&world.reports(), world.store.clone(), &scratch, later(), &meanwhile).expect("merged");
    seen(&world);
    assert_eq!(world.index().days[&day("2026-02-08")].reports, 9);
    world.merge();
    assert_nothing_forgotten(&world);
}

#[test]
fn one_merge_runs_at_a_time_on_a_machine() {
    let world = World::new();
    let scratch = Scratch::take(&world.folder.path().join("scratch")).expect("free");
    let error = world.try_merge(later(), None).expect_err("taken");
    assert!(matches!(error, MergeError::Running { .. }), "{error}");
    drop(scratch);
    world.merge();
}

#[test]
fn days_that_are_made_anew_get_back_what_was_lost_or_damaged() {
    let [first, second] = steps();
    let world = World::new();
    world.add(&first);
    world.merge();
    world.add(&second);
    world.merge();
    let expected = seen(&world);
    let undamaged = world.store.snapshot().objects;
    let all = || Some(day("2026-02-01")..=day("2026-02-15"));
    for damaged in [false, true] {
        for sha256 in world.index().current() {
            let key = object_key(sha256).expect("a key");
            let mut snapshot = world.store.snapshot();
            snapshot.objects.remove(&key);
            if damaged {
                snapshot.objects.insert(key.clone(), b"something else".to_vec());
            }
            world.store.restore(&snapshot);
            let merged = world.try_merge(later(), all()).unwrap_or_else(|e| panic!("{key}: {e}"));
            assert_eq!((seen(&world), merged.problems), (expected.clone(), vec![]), "{key}");
        }
    }
    let restored = world.store.snapshot().objects;
    assert!(undamaged.keys().all(|key| undamaged.get(key) == restored.get(key) || {
        let index = world.index();
        !index.current().contains(key.as_str().trim_start_matches("public/"))
    }));
}

#[test]
fn a_day_that_is_made_anew_of_fewer_reports_says_how_many_are_missing() {
    let world = World::new();
    let segment = world.add(&[report("2026-02-08", 0.25, "a:b", 1)]);
    world.add(&[report("2026-02-08", 0.5, "a:b", 1)]);
    world.merge();
    let file = world.index().days[&day("2026-02-08")].file(FileFormat::NdjsonZstd).cloned();
    let mut snapshot = world.store.snapshot();
    snapshot.objects.remove(&object_key(&file.expect("a file").sha256).expect("a key"));
    world.store.restore(&snapshot);
    std::fs::remove_file(segment).expect("removed");
    let only = day("2026-02-08")..=day("2026-02-08");
    let merged = world.try_merge(later(), Some(only)).expect("merged");
    let said = "of 2026-02-08, 1 of 2 public reports: ";
    assert!(merged.problems.iter().any(|one| one.starts_with(said)), "{merged:?}");
    assert_eq!(world.index().days[&day("2026-02-08")].reports, 1);
}

#[test]
fn only_the_days_that_are_asked_for_are_made() {
    let [first, _] = steps();
    let world = World::new();
    world.add(&first);
    let only = day("2026-02-08")..=day("2026-02-08");
    let merged = world.try_merge(later(), Some(only)).expect("merged");
    assert_eq!(merged.days.len(), 1);
    assert!(world.index().days.keys().eq(&[day("2026-02-08")]));
    assert_eq!(world.merge().days.len(), 1, "the other day is still to be merged");
    assert_eq!(world.index().days.len(), 2);
}
