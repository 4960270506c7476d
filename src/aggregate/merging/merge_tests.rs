//! The same reports give the same files in the end, however many merges it took and whatever
//! interrupted them.

use super::super::merged::MergedDataset;
use super::super::restore::merge_days;
use super::*;
use crate::aggregate::index::PublicFile;
use crate::aggregate::parquet::columns::Columns;
use crate::aggregate::public::object_key;
use crate::aggregate::testing::{any_report, canonical, report, segment};
use crate::aggregate::{ParquetReader, Unwatched};
use crate::ingest::Report;
use crate::store::{Fault, Key, MemoryStore, Snapshot};
use proptest::collection::vec;
use proptest::prelude::*;
use std::io::Read;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use tempfile::TempDir;

fn day(text: &str) -> Date {
    text.parse().expect("a date")
}

/// So long after all reports of these tests that every edition is the last one.
fn later() -> Date {
    day("2026-05-01")
}

/// A deployment's reports and store.
struct World {
    folder: TempDir,
    store: Arc<MemoryStore>,
    segments: Mutex<u8>,
    stack_minimum: AtomicU32,
}

impl World {
    fn new() -> World {
        let folder = TempDir::new().expect("a temporary folder");
        std::fs::create_dir(folder.path().join("reports")).expect("a folder");
        World { folder, store: Arc::default(), segments: Mutex::new(0), stack_minimum: 3.into() }
    }

    fn reports(&self) -> PathBuf {
        self.folder.path().join("reports")
    }

    fn public(&self) -> PublicData {
        PublicData::new(self.store.clone())
    }

    fn index(&self) -> Index {
        self.public().index().expect("an index")
    }

    /// Adds a sealed segment, and returns its file.
    fn add(&self, rows: &[Vec<u8>]) -> PathBuf {
        let mut number = self.segments.lock().expect("a number");
        *number += 1;
        let id = SegmentId::from_bytes([*number; 16]);
        let path = self.reports().join(format!("{id}.sealed"));
        std::fs::write(&path, segment(rows)).expect("written");
        path
    }

    /// How many sealed segments there are.
    fn segments(&self) -> usize {
        crate::ingest::sealed_segments(&self.reports()).expect("listed").len()
    }

    fn merging<'a>(&self, reports: &'a Path, scratch: &'a Path, today: Date) -> Merging<'a> {
        let stack_minimum = self.stack_minimum.load(Ordering::Relaxed);
        Merging { buffer: reports.into(), store: self.store.clone(), scratch, today, stack_minimum }
    }

    /// A merge with so little memory that it must sort in files.
    fn try_merge(&self, today: Date) -> Result<Merged, MergeError> {
        self.merge_giving_up(today, &BTreeSet::new())
    }

    fn merge_giving_up(
        &self,
        today: Date,
        given_up: &BTreeSet<SegmentId>,
    ) -> Result<Merged, MergeError> {
        let (reports, scratch) = (self.reports(), self.folder.path().join("scratch"));
        let merging = self.merging(&reports, &scratch, today);
        let mut merger = Merger::new(&merging, &Unwatched)?;
        merger.limits = SortLimits { chunk: 1500, fan_in: 3 };
        merger.check_lost(given_up)?;
        merger.repeat(|| merger.attempt(given_up, true))
    }

    fn merge(&self) -> Merged {
        self.try_merge(later()).expect("merged")
    }

    fn merge_on(&self, today: &str) -> Merged {
        self.try_merge(day(today)).expect("merged")
    }

    fn restore(&self, days: RangeInclusive<Date>) -> Merged {
        let (reports, scratch) = (self.reports(), self.folder.path().join("scratch"));
        merge_days(&self.merging(&reports, &scratch, later()), days, &Unwatched).expect("restored")
    }

    /// The lines of a private object.
    fn private(&self, file: Option<&crate::aggregate::index::PrivateFile>) -> Vec<Vec<u8>> {
        let Some(file) = file else { return Vec::new() };
        let key = Key::new(format!("buffer/{}", file.sha256)).expect("a key");
        let bytes = self.store.get(&key).expect("read").expect("an object");
        let text = zstd::decode_all(&*bytes).expect("zstd");
        text.split_inclusive(|byte| *byte == b'\n')
            .map(|line| line[..line.len() - 1].to_vec())
            .collect()
    }

    fn read(&self, file: &PublicFile) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut opened = self.public().open(file).expect("opened");
        opened.read_to_end(&mut bytes).expect("read");
        bytes
    }

    /// The lines of a dataset, after checking that all formats agree.
    fn lines(&self, dataset: &Dataset) -> Vec<Vec<u8>> {
        let file = |format| dataset.file(format).expect("a file");
        let text = zstd::decode_all(&*self.read(file(FileFormat::NdjsonZstd))).expect("zstd");
        let gzip = self.read(file(FileFormat::NdjsonGzip));
        let mut gzip_text = Vec::new();
        // A single gzip member, as browsers need it.
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
        let days = report.week.number();
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

/// The index knows of every object, and names every private one.
fn assert_nothing_forgotten(world: &World) {
    let index = world.index();
    let mut known = index.current();
    known.retain(|key| key.starts_with("buffer/"));
    let private = known.len();
    known.extend(index.current());
    known.extend(index.superseded.iter().cloned());
    let Snapshot { objects, .. } = world.store.snapshot();
    let unknown: Vec<_> = objects.keys().filter(|key| !known.contains(key.as_str())).collect();
    assert_eq!(unknown, Vec::<&Key>::new());
    let found = objects.keys().filter(|key| key.as_str().starts_with("buffer/")).count();
    assert_eq!(found, private, "private objects");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn any_splitting_into_segments_and_merges_gives_the_same_files_in_the_end(
        segments in vec((vec(any_report(), 0..25), 0..4usize), 1..6),
    ) {
        // A merge while the days are not over, and one for each edition.
        let times = [day("2026-02-05"), day("2026-02-21"), day("2026-02-28"), day("2026-03-11")];
        let (world, at_once) = (World::new(), World::new());
        let mut all: Vec<Vec<u8>> = Vec::new();
        let mut time = 0;
        for (reports, merge) in &segments {
            all.extend(reports.iter().cloned());
            world.add(reports);
            time = time.max(*merge);
            // The last editions are published in the last merge, so nothing may come after it.
            if time < 3 {
                world.try_merge(times[time]).expect("merged");
                prop_assert_eq!(world.segments(), 0);
            }
        }
        world.merge();
        at_once.add(&all.iter().rev().cloned().collect::<Vec<_>>());
        at_once.merge();
        prop_assert_eq!(seen(&world), seen(&at_once));
        let index = world.index();
        prop_assert_eq!((&index.waiting, &index.unshown), (&None, &None));
        let total: u64 = index.days.values().map(|data| data.reports).sum();
        prop_assert_eq!(total, all.len() as u64);
        // The public data is what was sent, except for rare stacks, in the order of hashes.
        for data in index.days.values().chain(index.weeks.values().map(|week| &week.data)) {
            let lines = world.lines(data);
            let keys: Vec<_> = lines.iter().map(|line| LineKey::of(line).expect("a key")).collect();
            prop_assert!(keys.is_sorted());
            for line in &lines {
                let sent = all.contains(line);
                let hides = String::from_utf8_lossy(line).contains(crate::collection::frame::TOO_FEW);
                prop_assert!(sent != hides, "{}", String::from_utf8_lossy(line));
            }
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
    assert_eq!(world.store.snapshot().objects, before.objects);
}

#[test]
fn equal_rows_are_different_reports() {
    let world = World::new();
    let row = report("2026-02-08", 0.5, "a:b", 1);
    world.add(&[row.clone(), row.clone()]);
    world.merge_on("2026-02-09");
    assert_eq!(world.index().days[&day("2026-02-08")].reports, 2);
    world.add(&[row]);
    world.merge();
    assert_eq!(world.index().days[&day("2026-02-08")].reports, 3);
}

#[test]
fn a_merged_segment_that_is_put_back_adds_nothing() {
    let world = World::new();
    let path =
        world.add(&[report("2026-02-08", 0.5, "a:b", 1), report("2026-02-10", 0.5, "a:b", 1)]);
    let copy = std::fs::read(&path).expect("read");
    for today in
        ["2026-02-09", "2026-02-10", "2026-02-11", "2026-03-20", "2026-05-01", "2026-05-02"]
    {
        world.merge_on(today);
        assert_eq!(world.segments(), 0, "{today}");
        std::fs::write(&path, &copy).expect("put back");
    }
    let index = world.index();
    assert!(index.days.values().all(|data| data.reports == 1 && data.complete), "{index:?}");
    assert_eq!(index.segments.len(), 1, "it is named while there is a file of it");
    std::fs::remove_file(&path).expect("removed");
    world.merge();
    assert_eq!(world.index().segments.len(), 0, "it need not be named any more");
    std::fs::write(&path, &copy).expect("put back");
    let merged = world.merge();
    assert_eq!(merged.days, []);
    assert!(
        merged.problems[0].starts_with(
            "1 report of 2026-02-08 is dropped, because its last \
            edition is"
        ),
        "{merged:?}"
    );
}

#[test]
fn few_late_reports_wait_for_the_last_edition_and_many_for_the_second() {
    let world = World::new();
    let some = |from: u32, many: u32| -> Vec<Vec<u8>> {
        (from..from + many).map(|n| report("2026-02-08", f64::from(n) / 64.0, "a:b", 1)).collect()
    };
    let state = |today: &str| {
        let merged = world.merge_on(today);
        assert_eq!(world.segments(), 0, "what waits is no segment any more");
        let data = world.index().days.get(&day("2026-02-08")).cloned().unwrap_or_default();
        let waiting: u64 = merged.waiting.iter().map(|waiting| waiting.reports).sum();
        (u8::from(data.edition), data.reports, waiting)
    };
    world.add(&some(1, 2));
    assert_eq!(state("2026-02-08"), (0, 0, 2));
    assert_eq!(state("2026-02-09"), (1, 2, 0));
    world.add(&some(3, 9));
    assert_eq!(state("2026-02-10"), (1, 2, 9));
    assert_eq!(state("2026-02-16"), (1, 2, 9));
    world.add(&some(12, 1));
    assert_eq!(state("2026-02-17"), (2, 12, 0));
    world.add(&some(13, 20));
    assert_eq!(state("2026-03-09"), (2, 12, 20));
    assert_eq!(state("2026-03-10"), (3, 32, 0));
    let data = world.index().days[&day("2026-02-08")].clone();
    assert_eq!((data.complete, data.published), (true, day("2026-03-10")));
}

#[test]
fn a_last_edition_without_late_reports_has_the_same_files() {
    let world = World::new();
    world.add(&[report("2026-02-08", 0.5, "a:b", 1), report("2026-02-07", 0.5, "a:b", 1)]);
    let days = |today: &str| {
        world.merge_on(today);
        let index = world.index();
        let days = index.days.iter().map(|(day, data)| (day.to_string(), data.complete));
        days.collect::<Vec<_>>()
    };
    assert_eq!(days("2026-02-08"), [("2026-02-07".to_owned(), false)]);
    let both =
        |first, second| [("2026-02-07".to_owned(), first), ("2026-02-08".to_owned(), second)];
    assert_eq!(days("2026-02-09"), both(false, false));
    let files = world.index().days[&day("2026-02-08")].files.clone();
    assert_eq!(days("2026-03-08"), both(false, false));
    assert_eq!(days("2026-03-09"), both(true, false));
    assert!(!world.index().weeks[&day("2026-02-08")].data.complete);
    assert_eq!(days("2026-03-10"), both(true, true));
    assert!(world.index().weeks[&day("2026-02-08")].data.complete);
    assert_eq!(world.index().days[&day("2026-02-08")].files, files);
}

#[test]
fn a_damaged_segment_is_not_merged_until_it_is_restored_or_given_up() {
    let rows: Vec<_> =
        (1..4u32).map(|n| report("2026-02-08", f64::from(n) / 8.0, "a:b", 1)).collect();
    let damage = || {
        let world = World::new();
        let path = world.add(&rows);
        world.add(&[report("2026-02-08", 1.0, "a:b", 1)]);
        let good = std::fs::read(&path).expect("read");
        let mut bytes = good.clone();
        bytes[16 + 12 + rows[0].len() + 100] ^= 1;
        std::fs::write(&path, &bytes).expect("written");
        for _ in 0..2 {
            let merged = world.merge();
            let [problem] = &merged.problems[..] else { panic!("{merged:?}") };
            let start = format!(
                "reports/{} is damaged from byte ",
                path.file_name().expect("a name").display()
            );
            assert!(problem.starts_with(&start), "{problem}");
            assert_eq!(world.index().problems, merged.problems);
            let data = world.index().days[&day("2026-02-08")].clone();
            assert_eq!((data.reports, data.edition), (1, Edition::Second), "no last edition");
            assert_eq!(world.segments(), 1);
        }
        (world, path, good)
    };
    let (world, path, good) = damage();
    std::fs::write(&path, &good).expect("mended");
    assert_eq!(world.merge().problems, Vec::<String>::new());
    assert_eq!(world.index().problems, Vec::<String>::new());
    let data = &world.index().days[&day("2026-02-08")];
    assert_eq!((data.reports, data.edition, world.segments()), (4, Edition::Last, 0));

    let (world, path, _) = damage();
    let id = path.file_stem().and_then(|name| name.to_str()?.parse().ok()).expect("an id");
    let other = SegmentId::from_bytes([9; 16]);
    let refused =
        world.merge_giving_up(later(), &BTreeSet::from([id, other])).expect_err("refused");
    assert!(refused.to_string().contains("is not lost"), "{refused}");
    let merged = world.merge_giving_up(later(), &BTreeSet::from([id])).expect("merged");
    assert_eq!(merged.problems, Vec::<String>::new());
    assert_eq!(merged.given_up, BTreeMap::from([(id, 2)]));
    let data = &world.index().days[&day("2026-02-08")];
    assert_eq!((data.reports, data.edition, world.segments()), (3, Edition::Last, 0));
}

#[test]
fn a_stack_is_shown_once_enough_reports_of_its_week_have_it_and_dropped_otherwise() {
    let world = World::new();
    let row = |day: &str, n: u32, stack: &str| {
        canonical(&format!(
            r#"{{"Week":"{day}","X":{},"Programs":[{{"Program":"example.org/p","Version":"v1.0.0","GoVersion":"go1.26.8","GOOS":"linux","GOARCH":"amd64","Counters":{{}},"Stacks":{{"crash\n{stack}":1}}}}],"Config":"v0.1.0"}}"#,
            f64::from(n) / 64.0
        ))
    };
    let shown = |needle: &str| {
        let index = world.index();
        let lines = index.days.values().flat_map(|data| world.lines(data));
        lines.filter(|line| String::from_utf8_lossy(line).contains(needle)).count()
    };
    let few = crate::collection::frame::TOO_FEW;
    // A Monday and a Wednesday of one week.
    let rows = [
        row("2026-02-02", 1, "main.f:+1"),
        row("2026-02-02", 2, "main.f:+1"),
        row("2026-02-02", 3, "evil.example/pills:+1"),
    ];
    world.add(&rows);
    world.merge_on("2026-02-03");
    assert_eq!((shown("main.f"), shown("pills"), shown(few)), (0, 0, 3));
    assert_eq!(world.private(world.index().unshown.as_ref()).len(), 3);
    // The third one makes it common: it is shown in its own row at once, in the others with their next
    // edition.
    world.add(&[row("2026-02-04", 4, "main.f:+1")]);
    world.merge_on("2026-02-05");
    assert_eq!((shown("main.f"), shown(few)), (1, 3));
    world.merge_on("2026-03-03");
    assert_eq!((shown("main.f"), shown(few)), (1, 3));
    world.merge_on("2026-03-04");
    assert_eq!((shown("main.f"), shown("pills"), shown(few)), (3, 0, 1));
    let index = world.index();
    assert_eq!((index.unshown, index.waiting), (None, None));
    assert_eq!(index.days[&day("2026-02-02")].reports, 3);
    // No object contains the text.
    world.merge();
    for (key, bytes) in world.store.snapshot().objects {
        let text = zstd::decode_all(&*bytes).unwrap_or(bytes);
        assert!(!text.windows(5).any(|window| window == b"pills"), "{key}");
    }
}

#[test]
fn a_day_states_the_smallest_minimum_that_any_of_its_editions_was_made_with() {
    let world = World::new();
    let stated = |merged_on: &str| {
        world.merge_on(merged_on);
        let index = world.index();
        let days = index.days.iter().map(|(day, data)| (day.to_string(), data.stack_minimum));
        (days.collect::<Vec<_>>(), index.weeks[&day("2026-02-08")].data.stack_minimum)
    };
    let some = |date: &str, from: u32| -> Vec<Vec<u8>> {
        (from..from + 12).map(|n| report(date, f64::from(n) / 64.0, "a:b", 1)).collect()
    };
    let minimum = |minimum| world.stack_minimum.store(minimum, Ordering::Relaxed);
    let [first, second] = ["2026-02-07", "2026-02-08"];
    world.add(&some(first, 1));
    assert_eq!(stated("2026-02-08"), (vec![(first.to_owned(), 3)], 3));
    // What was shown under the smaller one stays public.
    minimum(5);
    world.add(&some(first, 13));
    world.add(&some(second, 1));
    let both = |one, other| vec![(first.to_owned(), one), (second.to_owned(), other)];
    assert_eq!(stated("2026-02-17"), (both(3, 5), 3));
    minimum(2);
    world.add(&some(second, 13));
    assert_eq!(stated("2026-02-18"), (both(3, 5), 3));
    assert_eq!(stated("2026-03-10"), (both(3, 2), 2));
}

#[test]
fn a_report_without_programs_is_a_line_and_no_row() {
    let world = World::new();
    world.add(&[canonical(r#"{"Week":"2026-02-08","X":0.5,"Programs":null,"Config":"v0.1.0"}"#)]);
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
            (from..from + 12).map(move |n| report(&day, f64::from(n) / 64.0, "a:b", 1))
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
    undisturbed.merge_on("2026-02-11");
    undisturbed.add(&second);
    undisturbed.merge_on("2026-02-20");
    let (world, undisturbed) = (&undisturbed, seen(&undisturbed));
    world.add(&[report("2026-02-08", 0.75, "a:c", 1)]);
    world.merge();
    let and_more = seen(world);
    for fault in [Fault::Fail, Fault::PowerCutBefore, Fault::PowerCutAfter] {
        for operation in 0.. {
            let world = World::new();
            world.add(&first);
            world.merge_on("2026-02-11");
            let before = seen(&world);
            world.add(&second);
            world.store.inject(fault(operation));
            let stopped = world.try_merge(day("2026-02-20")).is_err();
            world.store.restart();
            let after = seen(&world);
            assert!(after == before || after == undisturbed, "half of a merge at {operation}");
            if operation % 2 == 0 {
                world.merge_on("2026-02-20");
                assert_eq!(seen(&world), undisturbed, "stopped at {operation}");
            }
            // If this was uploaded before the next merge, that makes other files.
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

/// Runs another merge, of another machine, in the middle of the first.
struct Meanwhile<'a>(&'a World, Mutex<bool>);

impl Progress for Meanwhile<'_> {
    fn advance(&self, phase: Phase, _: u64, _: u64) {
        let mut ran = self.1.lock().expect("a lock");
        if phase == Phase::Weeks && !std::mem::replace(&mut *ran, true) {
            let scratch = self.0.folder.path().join("other");
            self.0.add(&[report("2026-02-08", 0.75, "a:c", 1)]);
            let reports = self.0.reports();
            let merging = self.0.merging(&reports, &scratch, day("2026-02-20"));
            merge(&merging, &Unwatched).expect("merged");
        }
    }
}

#[test]
fn two_merges_at_once_lose_nothing() {
    let world = World::new();
    let [first, second] = steps();
    world.add(&first);
    world.merge_on("2026-02-20");
    world.add(&second);
    let (reports, scratch) = (world.reports(), world.folder.path().join("scratch"));
    let meanwhile = Meanwhile(&world, Mutex::new(false));
    merge(&world.merging(&reports, &scratch, later()), &meanwhile).expect("merged");
    seen(&world);
    // Twelve, twelve, and the other merge's one.
    assert_eq!(world.index().days[&day("2026-02-08")].reports, 25);
    world.merge();
    assert_nothing_forgotten(&world);
}

#[test]
fn one_merge_runs_at_a_time_on_a_machine() {
    let world = World::new();
    let scratch = Scratch::take(&world.folder.path().join("scratch")).expect("free");
    let error = world.try_merge(later()).expect_err("taken");
    assert!(matches!(error, MergeError::Running { .. }), "{error}");
    drop(scratch);
    world.merge();
}

#[test]
fn lost_or_damaged_files_are_made_again_from_the_others() {
    let [first, second] = steps();
    let world = World::new();
    world.add(&[first, second].concat());
    world.merge();
    world.merge();
    let expected = seen(&world);
    let undamaged = world.store.snapshot().objects;
    for damaged in [false, true] {
        for key in world.index().current() {
            let key = Key::new(key).expect("a key");
            let mut snapshot = world.store.snapshot();
            snapshot.objects.remove(&key);
            if damaged {
                snapshot.objects.insert(key.clone(), b"something else".to_vec());
            }
            world.store.restore(&snapshot);
            let restored = world.restore(day("2026-02-01")..=day("2026-02-15"));
            assert_eq!((seen(&world), restored.problems), (expected.clone(), vec![]), "{key}");
        }
    }
    assert_eq!(world.store.snapshot().objects, undamaged);
}

#[test]
fn a_day_without_an_intact_file_is_reported_and_the_others_are_restored() {
    let [first, _] = steps();
    let world = World::new();
    world.add(&first);
    world.merge();
    let index = world.index();
    let mut snapshot = world.store.snapshot();
    let week = &index.weeks[&day("2026-02-08")].data;
    let lost = [&index.days[&day("2026-02-08")], week].map(|data| data.files.clone()).concat();
    let other = index.days[&day("2026-02-03")].file(FileFormat::Parquet).expect("a file");
    for file in lost.iter().chain([other]) {
        snapshot.objects.remove(&object_key(&file.sha256).expect("a key"));
    }
    world.store.restore(&snapshot);
    let restored = world.restore(day("2026-02-01")..=day("2026-02-15"));
    let [problem] = &restored.problems[..] else { panic!("{restored:?}") };
    assert!(problem.starts_with("no file of the 12 public reports of 2026-02-08 "), "{problem}");
    assert!(world.public().open(other).is_ok());
    assert_eq!(world.index().days, index.days);
}

#[test]
fn a_lost_file_holds_up_its_own_week_and_no_other() {
    let [first, second] = steps();
    let world = World::new();
    world.add(&first);
    world.merge_on("2026-02-11");
    let index = world.index();
    let mut snapshot = world.store.snapshot();
    let lost = &index.days[&day("2026-02-03")].files[0];
    let key = object_key(&lost.sha256).expect("a key");
    let object = snapshot.objects.remove(&key).expect("an object");
    world.store.restore(&snapshot);
    world.add(&second);
    let merged = world.try_merge(later()).expect("the other week is merged");
    let said = |dataset: &MergedDataset| (dataset.date, dataset.edition, dataset.new_reports);
    assert_eq!(
        merged.days.iter().map(said).collect::<Vec<_>>(),
        [(day("2026-02-10"), Edition::Last, 12)]
    );
    assert_eq!(
        merged.weeks.iter().map(said).collect::<Vec<_>>(),
        [(day("2026-02-15"), Edition::Last, 12)]
    );
    let [problem] = &merged.problems[..] else { panic!("{merged:?}") };
    assert!(
        problem.contains("put it back from a copy, or run `candor merge --week 2026-02-03`"),
        "{problem}"
    );
    // The reports of the broken week wait, and their segments are gone.
    let waiting: u64 = merged.waiting.iter().map(|waiting| waiting.reports).sum();
    assert_eq!((waiting, world.segments()), (12, 0));
    let mut snapshot = world.store.snapshot();
    snapshot.objects.insert(key, object);
    world.store.restore(&snapshot);
    assert_eq!(world.merge().problems, Vec::<String>::new());
    assert_eq!(world.index().days[&day("2026-02-08")].reports, 24);
}

#[test]
fn a_merge_while_the_clock_was_ahead_drops_no_later_report() {
    let world = World::new();
    let some = |from: u32, many: u32| -> Vec<Vec<u8>> {
        (from..from + many).map(|n| report("2026-02-08", f64::from(n) / 64.0, "a:b", 1)).collect()
    };
    world.add(&some(1, 12));
    world.merge_on("2026-04-01");
    assert!(world.index().days[&day("2026-02-08")].complete);
    // The clock is right again.
    world.add(&some(20, 12));
    let merged = world.merge_on("2026-02-10");
    assert_eq!((merged.problems, merged.waiting.len()), (Vec::new(), 1));
    world.merge_on("2026-02-16");
    let data = &world.index().days[&day("2026-02-08")];
    assert_eq!((data.reports, data.edition, data.complete), (24, Edition::Second, false));
    world.add(&some(40, 1));
    world.merge_on("2026-03-10");
    let data = &world.index().days[&day("2026-02-08")];
    assert_eq!((data.reports, data.edition), (25, Edition::Last));
}
