//! The journal's promises: what is acknowledged is stored, each report once; damage stays local; and
//! sealed segments reveal no order of arrival.

use super::*;
use crate::durable::recorder::Recorder;
use crate::gomod::ModuleVersion;
use crate::ingest::disk_errors::RECHECK;
use crate::ingest::folder::{self, Lock, OPEN, SEALED};
use crate::ingest::framing;
use crate::ingest::segment::{Disk, Segment};
use crate::ingest::testing::{config, now, report, stored_rows};
use crate::ingest::{
    CheckedReport, LoggedConfig, NotStored, Report, Sealed, SealedSegment, SegmentId, Stored,
    ask_to_seal, check, listed_segments, remove_merged, sealed_segments,
};
use crate::store::{Fault as MemoryFault, MemoryStore};
use std::sync::atomic::{AtomicI64, AtomicU8, Ordering};
use std::sync::{Arc, Barrier};
use std::{fs, io};
use tempfile::TempDir;
use tokio::sync::oneshot;

/// Longer than any test.
const HOURS: Duration = Duration::from_secs(7200);

fn date(text: &str) -> Day {
    text.parse().expect("a date")
}

fn oldest() -> Day {
    date("2026-01-13")
}

/// A checked report; each number gives another one, also in its public row.
fn checked(number: u32) -> CheckedReport {
    checked_of("2026-02-08", number)
}

fn checked_of(week: &str, number: u32) -> CheckedReport {
    let config = LoggedConfig::new(ModuleVersion::FIRST, &config(1.0));
    let json = report(0.25 + f64::from(number) / 1e6).replace("2026-02-08", week);
    let json = json.replace("\"verb:run\":3", &format!("\"verb:run\":{}", number + 1));
    let report = Report::decode(json.as_bytes()).expect("a report");
    check(&report, date(week), &config, now()).expect("allowed")
}

fn open(folder: &Path) -> Journal {
    Journal::open(folder, oldest(), Limits::default()).expect("a journal")
}

fn store(journal: &Journal, report: CheckedReport) -> Result<Stored, NotStored> {
    block_on(journal.queue_permit().expect("a permit").store(report))
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().expect("a runtime").block_on(future)
}

fn rows(numbers: impl IntoIterator<Item = u32>) -> Vec<Vec<u8>> {
    let rows = numbers.into_iter().map(|number| checked(number).row().to_vec());
    let mut rows: Vec<_> = rows.collect();
    rows.sort();
    rows
}

/// How many segments are open, and how many are sealed.
fn files(folder: &Path) -> (usize, usize) {
    let count = |end| folder::segments(folder, end).expect("a folder").len();
    (count(OPEN), count(SEALED))
}

/// The path of the open segment.
fn open_file(folder: &Path) -> std::path::PathBuf {
    let ids = folder::segments(folder, OPEN).expect("a folder");
    let [id] = ids[..] else { panic!("{ids:?}") };
    folder::path(folder, id, OPEN)
}

/// What is in the open segment, without the zeros after it.
fn open_bytes(folder: &Path) -> Vec<u8> {
    let mut bytes = fs::read(open_file(folder)).expect("the segment");
    bytes.truncate(framing::end_before_zeros(&bytes));
    bytes
}

/// Leaves the folder as a killed process does.
fn kill(journal: Journal, folder: &Path) {
    let copy = TempDir::new().expect("a temporary folder");
    copy_folder(folder, copy.path());
    drop(journal);
    fs::remove_dir_all(folder).expect("removed");
    copy_folder(copy.path(), folder);
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("made");
    for entry in fs::read_dir(from).expect("a folder") {
        let path = entry.expect("an entry").path();
        let to = to.join(path.file_name().expect("a name"));
        match path.is_dir() {
            true => copy_folder(&path, &to),
            false => drop(fs::copy(&path, to).expect("copied")),
        }
    }
}

#[test]
fn a_report_is_stored_once_even_across_restarts_and_merges() {
    let folder = TempDir::new().expect("a temporary folder");
    let folder = folder.path().join("reports");
    for round in 0..4 {
        let journal = open(&folder);
        let expected = if round == 0 { Stored::New } else { Stored::Duplicate };
        assert_eq!(store(&journal, checked(1)), Ok(expected));
        assert_eq!(store(&journal, checked(1)), Ok(Stored::Duplicate));
        assert_eq!(store(&journal, checked(2 + round)), Ok(Stored::New));
        match round % 2 {
            0 => drop(journal),
            _ => kill(journal, &folder),
        }
    }
    let all = rows(1..=5);
    assert_eq!(stored_rows(&folder), all);
    drop(open(&folder));
    assert_eq!((files(&folder), stored_rows(&folder)), ((0, 4), all));
    let ids = sealed_segments(&folder).expect("a folder").into_iter().map(|file| file.id());
    remove_merged(&folder, ids).expect("removed");
    assert_eq!(files(&folder), (0, 0));
    assert!(listed_segments(&folder).expect("a list").segments.is_empty());
    let journal = open(&folder);
    for number in 1..=5 {
        assert_eq!(store(&journal, checked(number)), Ok(Stored::Duplicate));
    }
    assert_eq!(files(&folder), (0, 0));
}

#[test]
fn copies_within_one_batch_share_its_result() {
    let folder = TempDir::new().expect("a temporary folder");
    let mut writer = Writer::open(folder.path(), oldest(), Limits::default()).expect("a writer");
    let fault = Fault::new();
    fault.put_in_front_of(writer.segment());
    let mut commit = |numbers: &[u32]| {
        let (batch, answers): (Vec<_>, Vec<_>) = numbers
            .iter()
            .map(|number| {
                let (answer, answered) = oneshot::channel();
                (Waiting { report: checked(*number), answer }, answered)
            })
            .unzip();
        writer.commit(batch);
        answers.into_iter().map(|a| a.blocking_recv().expect("an answer")).collect::<Vec<_>>()
    };
    let (new, duplicate) = (Ok(Stored::New), Ok(Stored::Duplicate));
    assert_eq!(commit(&[1, 1, 2]), [new, duplicate, new]);
    fault.set(Fault::SYNC);
    let refused = Err(NotStored);
    assert_eq!(commit(&[3, 3, 1]), [refused, refused, duplicate]);
    fault.set(Fault::NONE);
    assert_eq!(commit(&[3, 3]), [new, duplicate]);
    drop(writer);
    assert_eq!(stored_rows(folder.path()), rows([1, 2, 3]));
}

#[test]
fn many_at_once_are_each_stored_once() {
    let folder = TempDir::new().expect("a temporary folder");
    let limits = Limits { segment: 20_000, ..Limits::default() };
    let journal = Journal::open(folder.path(), oldest(), limits).expect("a journal");
    let start = Barrier::new(9);
    let new: usize = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8)
            .map(|thread: u32| {
                let (journal, start) = (&journal, &start);
                scope.spawn(move || {
                    start.wait();
                    // Each report is sent by two threads.
                    let numbers = (0..40).map(|number| number * 4 + thread % 4);
                    let answers = numbers.map(|n| store(journal, checked(n)).expect("stored"));
                    answers.filter(|answer| *answer == Stored::New).count()
                })
            })
            .collect();
        // A merge asks in between.
        start.wait();
        assert_eq!(ask_to_seal(folder.path(), HOURS).expect("asked"), Sealed::All);
        threads.into_iter().map(|thread| thread.join().expect("no panic")).sum()
    });
    drop(journal);
    assert_eq!(new, 160);
    assert_eq!(stored_rows(folder.path()), rows(0..160));
    let (open, sealed) = files(folder.path());
    assert!(open == 0 && sealed > 1, "{open} open, {sealed} sealed");
}

#[test]
fn a_torn_end_is_left_out_wherever_it_is_torn() {
    let original = TempDir::new().expect("a temporary folder");
    let journal = open(original.path());
    for number in 1..=3 {
        store(&journal, checked(number)).expect("stored");
    }
    kill(journal, original.path());
    let whole = open_bytes(original.path());
    let ends: Vec<_> = (1..=3)
        .scan(16, |end, number| {
            *end += 12 + 16 + checked(number).row().len();
            Some(*end)
        })
        .collect();
    assert_eq!(ends.last(), Some(&whole.len()));
    for cut in 0..=whole.len() {
        let folder = crate::power_cut::folder();
        let _quick = Recorder::without_syncs(folder.path());
        copy_folder(original.path(), folder.path());
        // With and without zeros after it.
        let zeros = vec![0; cut % 2 * 1000];
        fs::write(open_file(folder.path()), [&whole[..cut], &zeros].concat()).expect("write");
        let kept = ends.iter().filter(|end| **end <= cut).count() as u32;
        let journal = open(folder.path());
        assert_eq!(files(folder.path()), (0, usize::from(kept > 0)), "sealed, cut at {cut}");
        assert_eq!(stored_rows(folder.path()), rows(1..=kept), "cut at {cut}");
        let last = if kept == 3 { Stored::Duplicate } else { Stored::New };
        assert_eq!(store(&journal, checked(3)), Ok(last), "cut at {cut}");
        drop(journal);
        let expected = rows((1..=kept.min(2)).chain([3]));
        assert_eq!(stored_rows(folder.path()), expected, "cut at {cut}");
    }
}

#[test]
fn a_segment_with_damage_in_the_middle_is_kept_unchanged() {
    let folder = TempDir::new().expect("a temporary folder");
    let journal = open(folder.path());
    for number in 1..=3 {
        store(&journal, checked(number)).expect("stored");
    }
    kill(journal, folder.path());
    let path = open_file(folder.path());
    let good = fs::read(&path).expect("the segment");
    let start = 16 + 28 + checked(1).row().len();
    let end = start + 28 + checked(2).row().len();
    let mut bad = good.clone();
    bad[start + 40] ^= 1;
    fs::write(&path, &bad).expect("write");

    let journal = open(folder.path());
    assert_eq!(store(&journal, checked(3)), Ok(Stored::Duplicate));
    assert_eq!(store(&journal, checked(4)), Ok(Stored::New));
    let files = sealed_segments(folder.path()).expect("a folder");
    let [file] = &files[..] else { panic!("{files:?}") };
    let damaged = file.read().expect_err("damaged");
    assert_eq!(
        damaged.to_string(),
        format!("{} is damaged from byte {start} to {end}", file.name())
    );
    let whole = file.read_whole_records().expect("what is whole");
    assert_eq!(whole.iter().map(|found| found.row.to_vec()).collect::<Vec<_>>(), rows([1, 3]));
    // Put back from a copy.
    fs::write(path.with_extension("sealed"), &good).expect("write");
    assert_eq!(file.read().expect("mended").len(), 3);
    drop(journal);
    assert_eq!(stored_rows(folder.path()), rows(1..=4));
}

/// The reports that are acknowledged, and those of the batch that was being written when the power was cut.
const ACKNOWLEDGED: std::ops::RangeInclusive<u32> = 1..=20;
const UNFINISHED: std::ops::RangeInclusive<u32> = 21..=26;

#[test]
fn a_batch_of_which_any_sectors_are_missing_after_a_power_cut_is_no_damage() {
    let folder = TempDir::new().expect("a temporary folder");
    let _quick = Recorder::without_syncs(folder.path());
    let journal = open(folder.path());
    for number in ACKNOWLEDGED {
        store(&journal, checked(number)).expect("stored");
    }
    let before = fs::read(open_file(folder.path())).expect("the segment");
    let begin = framing::end_before_zeros(&before);
    for number in UNFINISHED {
        store(&journal, checked(number)).expect("stored");
    }
    kill(journal, folder.path());
    let after = fs::read(open_file(folder.path())).expect("the segment");
    assert_eq!(before.len(), after.len(), "the batch is among zeros");
    let end = framing::end_before_zeros(&after);
    let sectors: Vec<usize> = (begin / 512..end.div_ceil(512)).collect();
    assert!((3..10).contains(&sectors.len()), "{sectors:?}");
    for missing in 0..1_u32 << sectors.len() {
        let copy = crate::power_cut::folder();
        let _quick = Recorder::without_syncs(copy.path());
        copy_folder(folder.path(), copy.path());
        let mut bytes = after.clone();
        for (bit, sector) in sectors.iter().enumerate() {
            let sector = sector * 512..(sector + 1) * 512;
            if missing >> bit & 1 == 1 {
                bytes[sector.clone()].copy_from_slice(&before[sector]);
            }
        }
        fs::write(open_file(copy.path()), bytes).expect("write");
        let journal = open(copy.path());
        for number in ACKNOWLEDGED {
            assert_eq!(store(&journal, checked(number)), Ok(Stored::Duplicate), "{missing:b}");
        }
        for number in UNFINISHED {
            store(&journal, checked(number)).expect("stored");
        }
        drop(journal);
        // This fails if anything is damaged.
        assert_eq!(stored_rows(copy.path()), rows(1..=*UNFINISHED.end()), "{missing:b}");
    }
}

#[test]
fn zeros_where_no_unfinished_write_can_be_are_damage() {
    for (reports, is_damage) in [(100, false), (20_000, true)] {
        let folder = TempDir::new().expect("a temporary folder");
        let _quick = Recorder::without_syncs(folder.path());
        let mut bytes = framing::SegmentKind::Open.header().to_vec();
        for number in 0..reports {
            framing::write(&mut bytes, &u128::to_le_bytes(number), checked(1).row());
        }
        bytes[512..1024].fill(0);
        let id = SegmentId::random().expect("an id");
        fs::write(folder::path(folder.path(), id, OPEN), bytes).expect("write");
        drop(open(folder.path()));
        let files = sealed_segments(folder.path()).expect("a folder");
        let [file] = &files[..] else { panic!("{files:?}") };
        assert_eq!(file.read().is_err(), is_damage, "{reports}");
    }
}

#[test]
fn zeros_are_written_ahead_and_removed_when_a_segment_is_sealed() {
    let folder = TempDir::new().expect("a temporary folder");
    let _quick = Recorder::without_syncs(folder.path());
    let journal = open(folder.path());
    store(&journal, checked(0)).expect("stored");
    let length = || fs::metadata(open_file(folder.path())).expect("a file").len();
    let mut lengths = vec![length()];
    for number in 1..200 {
        store(&journal, checked(number)).expect("stored");
        lengths.push(length());
    }
    let records = open_bytes(folder.path()).len() as u64;
    assert!((records..3 * records).contains(&length()), "{records} and {}", length());
    lengths.dedup();
    assert!(lengths.len() < 8, "the length changes rarely: {lengths:?}");
    drop(journal);
    assert_eq!(stored_rows(folder.path()), rows(0..200));
}

#[test]
fn files_of_a_later_format_are_not_touched() {
    let folder = TempDir::new().expect("a temporary folder");
    let id = SegmentId::random().expect("an id");
    let path = folder::path(folder.path(), id, OPEN);
    fs::write(&path, b"candor buffer 2\nsomething new").expect("write");
    let refused = Journal::open(folder.path(), oldest(), Limits::default()).expect_err("refused");
    let expected =
        format!("{} has format 2, and this program knows 1; use the newer program", path.display());
    assert_eq!(refused.to_string(), expected);
    assert_eq!(fs::read(&path).expect("read"), b"candor buffer 2\nsomething new");
}

#[test]
fn one_process_at_a_time_appends() {
    let folder = TempDir::new().expect("a temporary folder");
    let journal = open(folder.path());
    let refused = Journal::open(folder.path(), oldest(), Limits::default()).expect_err("refused");
    let expected = format!(
        "{} is in use by another process, and two cannot store reports in one folder: stop the other \
         one, or serve with --read-only",
        folder.path().display()
    );
    assert_eq!(refused.to_string(), expected);
    drop(journal);
    drop(open(folder.path()));
}

#[test]
fn opening_waits_for_a_merge_that_briefly_holds_the_folder() {
    let folder = TempDir::new().expect("a temporary folder");
    let merge = Lock::take(folder.path()).expect("a lock").expect("nobody else has it");
    std::thread::scope(|scope| {
        scope.spawn(move || {
            std::thread::sleep(Duration::from_millis(50));
            drop(merge);
        });
        drop(open(folder.path()));
    });
}

#[test]
fn opening_reads_neither_sealed_segments_nor_old_days() {
    let folder = TempDir::new().expect("a temporary folder");
    let limits = Limits { segment: 1, ..Limits::default() };
    let journal = Journal::open(folder.path(), oldest(), limits).expect("a journal");
    for (week, number) in [("2026-01-20", 1), ("2026-02-08", 2), ("2026-01-21", 3)] {
        store(&journal, checked_of(week, number)).expect("stored");
    }
    drop(journal);
    assert_eq!(files(folder.path()), (0, 3));
    // If any of these were read, opening would fail.
    for file in sealed_segments(folder.path()).expect("a folder") {
        let path = folder::path(folder.path(), file.id(), SEALED);
        fs::remove_file(&path).expect("removed");
        fs::create_dir(&path).expect("a folder in its place");
    }
    let seen = folder.path().join("seen");
    fs::remove_file(seen.join("2026-01-20")).expect("removed");
    fs::create_dir(seen.join("2026-01-20")).expect("a folder in its place");
    let journal = Journal::open(folder.path(), date("2026-01-21"), limits).expect("a journal");
    assert_eq!(store(&journal, checked_of("2026-01-21", 3)), Ok(Stored::Duplicate));
    assert_eq!(journal.newest_week(), Some(date("2026-02-08")));
}

#[test]
fn an_interrupted_sealing_is_completed() {
    let folder = TempDir::new().expect("a temporary folder");
    let journal = open(folder.path());
    store(&journal, checked(1)).expect("stored");
    kill(journal, folder.path());
    let left = open_file(folder.path());
    let bytes = fs::read(&left).expect("a segment");
    // Half of the sealed file was written.
    fs::write(left.with_extension("sealed.tmp"), "candor").expect("write");
    let journal = open(folder.path());
    assert_eq!(store(&journal, checked(1)), Ok(Stored::Duplicate));
    assert_eq!(store(&journal, checked(2)), Ok(Stored::New));
    kill(journal, folder.path());
    // The first one was sealed, but not removed.
    fs::write(&left, bytes).expect("write");
    let journal = open(folder.path());
    for number in [1, 2] {
        assert_eq!(store(&journal, checked(number)), Ok(Stored::Duplicate));
    }
    drop(journal);
    assert_eq!(files(folder.path()), (0, 2));
    assert_eq!(stored_rows(folder.path()), rows([1, 2]));
    let listed = listed_segments(folder.path()).expect("a list").segments;
    assert!(listed.values().all(|sealed| matches!(sealed, Some(SealedSegment { reports: 1, .. }))));
}

#[test]
fn merged_segments_may_be_removed_while_the_journal_is_open() {
    let folder = TempDir::new().expect("a temporary folder");
    let journal = open(folder.path());
    for round in 0..20 {
        store(&journal, checked(round)).expect("stored");
        assert_eq!(ask_to_seal(folder.path(), HOURS).expect("asked"), Sealed::All);
        let sealed = sealed_segments(folder.path()).expect("a folder");
        let [file] = &sealed[..] else { panic!("{sealed:?}") };
        assert_eq!(file.read().expect("whole").iter().collect::<Vec<_>>().len(), 1);
        for _ in 0..2 {
            remove_merged(folder.path(), [file.id()]).expect("removed");
        }
        assert!(listed_segments(folder.path()).expect("a list").segments.is_empty());
    }
    assert_eq!(store(&journal, checked(3)), Ok(Stored::Duplicate));
    drop(journal);
    drop(open(folder.path()));
    let list = fs::read(folder.path().join("segments")).expect("the list");
    assert_eq!((list.len(), files(folder.path())), (0, (0, 0)));
    assert_eq!(fs::read_dir(folder.path().join("merged")).expect("a folder").count(), 0);
}

#[test]
fn asking_to_seal_works_without_a_journal() {
    let folder = TempDir::new().expect("a temporary folder");
    let nothing = folder.path().join("reports");
    assert_eq!(ask_to_seal(&nothing, Duration::ZERO).expect("asked"), Sealed::All);
    assert!(!nothing.exists());
    let journal = open(&nothing);
    store(&journal, checked(1)).expect("stored");
    kill(journal, &nothing);
    assert_eq!(files(&nothing), (1, 0));
    assert_eq!(ask_to_seal(&nothing, Duration::ZERO).expect("asked"), Sealed::All);
    assert_eq!((files(&nothing), stored_rows(&nothing)), ((0, 1), rows([1])));
    assert_eq!(store(&open(&nothing), checked(1)), Ok(Stored::Duplicate));
}

#[test]
fn a_holder_of_the_folder_that_does_not_answer_is_not_waited_for() {
    let folder = TempDir::new().expect("a temporary folder");
    let writer = Writer::open(folder.path(), oldest(), Limits::default()).expect("a writer");
    let asked = ask_to_seal(folder.path(), Duration::ZERO).expect("asked");
    assert_eq!(asked, Sealed::NotInTime);
    drop(writer);
    // Once it is opened, no request is left.
    let journal = open(folder.path());
    assert!(!folder.path().join(".seal").exists());
    assert_eq!(ask_to_seal(folder.path(), HOURS).expect("asked"), Sealed::All);
    drop(journal);
}

#[test]
fn a_segment_is_sealed_when_it_is_old() {
    let folder = TempDir::new().expect("a temporary folder");
    let limits = Limits { age: Duration::ZERO, ..Limits::default() };
    let journal = Journal::open(folder.path(), oldest(), limits).expect("a journal");
    store(&journal, checked(1)).expect("stored");
    while files(folder.path()) != (0, 1) {
        std::thread::sleep(Duration::from_millis(5));
    }
    drop(journal);
}

#[test]
fn the_limit_of_remembered_reports_holds_and_none_is_lost_or_doubled() {
    let folder = TempDir::new().expect("a temporary folder");
    let limits = Limits { known: 3, ..Limits::default() };
    let journal = Journal::open(folder.path(), oldest(), limits).expect("a journal");
    for number in 1..=3 {
        assert_eq!(store(&journal, checked(number)), Ok(Stored::New));
    }
    assert_eq!(store(&journal, checked(4)), Err(NotStored));
    assert!(journal.state().problem.expect("a problem").contains("which is the limit"));
    for number in 1..=3 {
        assert_eq!(store(&journal, checked(number)), Ok(Stored::Duplicate));
    }
    drop(journal);
    let journal = Journal::open(folder.path(), oldest(), limits).expect("a journal");
    assert_eq!(store(&journal, checked(4)), Err(NotStored));
    // Once old days are forgotten there is room again.
    journal.forget_before(date("2026-02-20"));
    while folder.path().join("seen/2026-02-08").exists() {
        std::thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(store(&journal, checked_of("2026-02-09", 5)), Ok(Stored::New));
    drop(journal);
    assert_eq!(stored_rows(folder.path()).len(), 4);
}

#[test]
fn a_full_queue_is_reported_at_once_and_loses_nothing() {
    let folder = TempDir::new().expect("a temporary folder");
    let limits = Limits { queue: 3, ..Limits::default() };
    let journal = Journal::open(folder.path(), oldest(), limits).expect("a journal");
    let mut permits: Vec<_> = (0..3).map(|_| journal.queue_permit().expect("a permit")).collect();
    assert!(matches!(journal.queue_permit(), Err(QueueFull)));
    drop(permits.pop());
    let permit = journal.queue_permit().expect("a permit that was given back");
    assert!(matches!(journal.queue_permit(), Err(QueueFull)));
    for (number, permit) in (1..).zip(permits.into_iter().chain([permit])) {
        assert_eq!(block_on(permit.store(checked(number))), Ok(Stored::New));
    }
    drop(journal);
    assert_eq!(stored_rows(folder.path()), rows([1, 2, 3]));
}

#[test]
fn queued_reports_are_stored_even_if_nobody_waits() {
    let folder = TempDir::new().expect("a temporary folder");
    let journal = open(folder.path());
    for number in 1..=50 {
        drop(journal.queue_permit().expect("a permit").store(checked(number)));
    }
    drop(journal);
    assert_eq!(stored_rows(folder.path()), rows(1..=50));
}

/// A disk that fails on demand.
#[derive(Debug, Clone)]
struct Fault {
    what: Arc<AtomicU8>,
    /// How many bytes still fit.
    room: Arc<AtomicI64>,
}

#[derive(Debug)]
struct FaultyDisk(Box<dyn Disk>, Fault);

impl Fault {
    const NONE: u8 = 0;
    const SYNC: u8 = 1;
    const CUT: u8 = 2;

    fn new() -> Fault {
        Fault { what: Arc::default(), room: Arc::new(AtomicI64::new(i64::MAX)) }
    }

    fn set(&self, what: u8) {
        self.what.store(what, Ordering::SeqCst);
    }

    fn put_in_front_of(&self, segment: &mut Segment) {
        segment.replace_disk(|disk| Box::new(FaultyDisk(disk, self.clone())));
    }

    fn fail_if(&self, what: u8) -> io::Result<()> {
        if self.what.load(Ordering::SeqCst) & what != 0 {
            return Err(io::Error::other("asked for by a test"));
        }
        Ok(())
    }
}

impl Disk for FaultyDisk {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let room = self.1.room.load(Ordering::SeqCst);
        let fits = usize::try_from(room).unwrap_or(0).min(bytes.len());
        self.1.room.fetch_sub(fits as i64, Ordering::SeqCst);
        self.0.append(&bytes[..fits])?;
        if fits < bytes.len() { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
    }

    fn sync(&mut self) -> io::Result<()> {
        self.1.fail_if(Fault::SYNC)?;
        self.0.sync()
    }

    fn cut(&mut self, length: u64) -> io::Result<()> {
        self.1.fail_if(Fault::CUT)?;
        self.0.cut(length)
    }
}

#[test]
fn a_failure_of_the_store_ends_with_it_although_nobody_uploads() {
    let bucket = Arc::new(MemoryStore::new());
    let journal = Journal::in_store(bucket.clone(), Limits::default()).expect("a journal");
    // First the day's key cannot be had, and then the batch not be put.
    for number in [1, 2] {
        bucket.inject(MemoryFault::PowerCutBefore(0));
        assert_eq!(store(&journal, checked(number)), Err(NotStored));
        let problem = journal.state().problem.expect("a problem");
        assert!(problem.starts_with("the store refused: "), "{problem}");
        let asked = bucket.operations();
        while bucket.operations() == asked {
            std::thread::yield_now();
        }
        assert!(journal.state().problem.is_some(), "nothing can be stored yet");
        bucket.restart();
        while journal.state().problem.is_some() {
            std::thread::yield_now();
        }
        assert_eq!(journal.state().disk_errors, u64::from(number), "only reports are counted");
        assert_eq!(store(&journal, checked(number)), Ok(Stored::New));
    }
    let names: Vec<_> = bucket.snapshot().objects.into_keys().collect();
    assert_eq!(names.len(), 3, "two batches and a key: {names:?}");
}

#[test]
fn a_failure_of_the_disk_ends_with_it_although_nobody_uploads() {
    let folder = TempDir::new().expect("a temporary folder");
    let mut writer = Writer::open(folder.path(), oldest(), Limits::default()).expect("a writer");
    let fault = Fault::new();
    fault.put_in_front_of(writer.segment());
    fault.room.store(0, Ordering::SeqCst);
    let (answer, answered) = oneshot::channel();
    writer.commit(vec![Waiting { report: checked(1), answer }]);
    assert_eq!(answered.blocking_recv(), Ok(Err(NotStored)));
    let problem = writer.disk().problem().expect("a problem");
    assert!(problem.starts_with("the disk refused: "), "{problem}");
    // Nothing can be written yet.
    let obstacle = folder.path().join("check.tmp");
    fs::create_dir(&obstacle).expect("made");
    for removed in [false, true] {
        std::thread::sleep(RECHECK);
        assert!(writer.poll());
        assert_eq!(writer.disk().problem().is_none(), removed);
        let _ = fs::remove_dir(&obstacle);
    }
    assert!(!obstacle.exists());
}

#[test]
fn after_a_full_disk_nothing_is_lost_and_storing_goes_on() {
    let one = 28 + checked(1).row().len() as i64;
    // There is room for none of the second report, some, or all but one byte; and the torn part can be
    // truncated at once, or only once there is room again.
    for room in [0, 1, 27, 28, one / 2, one - 1] {
        for cut in [Fault::NONE, Fault::CUT] {
            let folder = TempDir::new().expect("a temporary folder");
            let mut writer =
                Writer::open(folder.path(), oldest(), Limits::default()).expect("a writer");
            let fault = Fault::new();
            fault.put_in_front_of(writer.segment());
            let journal = Journal::start(writer).expect("a journal");
            assert_eq!(store(&journal, checked(1)), Ok(Stored::New));
            fault.room.store(room, Ordering::SeqCst);
            fault.set(cut);
            for _ in 0..3 {
                assert_eq!(store(&journal, checked(2)), Err(NotStored));
                assert_eq!(store(&journal, checked(1)), Ok(Stored::Duplicate));
            }
            assert_eq!(stored_rows(folder.path()), rows([1]));
            fault.room.store(i64::MAX, Ordering::SeqCst);
            fault.set(Fault::NONE);
            assert_eq!(store(&journal, checked(2)), Ok(Stored::New));
            assert_eq!(store(&journal, checked(3)), Ok(Stored::New));
            drop(journal);
            assert_eq!(stored_rows(folder.path()), rows([1, 2, 3]), "room for {room}, cut {cut}");
            drop(open(folder.path()));
            assert_eq!(stored_rows(folder.path()), rows([1, 2, 3]));
        }
    }
}

#[test]
fn a_sync_that_failed_is_not_retried_on_the_same_file() {
    let folder = TempDir::new().expect("a temporary folder");
    let mut writer = Writer::open(folder.path(), oldest(), Limits::default()).expect("a writer");
    let fault = Fault::new();
    fault.put_in_front_of(writer.segment());
    let journal = Journal::start(writer).expect("a journal");
    assert_eq!(store(&journal, checked(1)), Ok(Stored::New));
    let length = || open_bytes(folder.path()).len();
    let durable = length();
    fault.set(Fault::SYNC | Fault::CUT);
    assert_eq!(store(&journal, checked(2)), Err(NotStored));
    assert!(length() > durable, "the bytes are there, and not to be trusted");
    fault.set(Fault::CUT);
    assert_eq!(store(&journal, checked(3)), Err(NotStored), "nothing is put anywhere else");
    assert_eq!(files(folder.path()), (1, 0));
    fault.set(Fault::NONE);
    assert_eq!(store(&journal, checked(2)), Ok(Stored::New));
    drop(journal);
    assert_eq!(stored_rows(folder.path()), rows([1, 2]));
    assert_eq!(files(folder.path()), (0, 2), "nothing more is put into the same file");
}
