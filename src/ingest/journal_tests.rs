//! The journal's promises: never a lost "stored", each report once, and damage that stays small.

use super::*;
use crate::gomod::ModuleVersion;
use crate::ingest::folder::SegmentName;
use crate::ingest::segment::Disk;
use crate::ingest::testing::{config, now, report};
use crate::ingest::{LoggedConfig, ReadError, Report, check, parse_date, stored_reports};
use std::fs;
use std::sync::atomic::{AtomicI64, AtomicU8, Ordering};
use std::sync::{Arc, Barrier};
use tempfile::TempDir;

fn date(text: &str) -> Date {
    parse_date(text).expect("a date")
}

fn oldest() -> Date {
    date("2026-01-13")
}

/// A checked report that differs from those of other numbers.
fn checked(number: u32) -> CheckedReport {
    checked_of("2026-02-08", number)
}

fn checked_of(week: &str, number: u32) -> CheckedReport {
    let config = LoggedConfig::new(ModuleVersion::FIRST, &config(1.0));
    let json = report(0.25 + f64::from(number) / 1e6).replace("2026-02-08", week);
    let json = json.replace("2026-02-01", "2020-02-01");
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

/// What is in the folder, in order.
fn stored(folder: &Path) -> Vec<Vec<u8>> {
    let all = stored_reports(folder, Date::MIN..=Date::MAX).expect("a folder");
    all.map(|found| found.expect("no damage").bytes().to_vec()).collect()
}

fn bytes(numbers: impl IntoIterator<Item = u32>) -> Vec<Vec<u8>> {
    numbers.into_iter().map(|number| checked(number).bytes().to_vec()).collect()
}

/// The files of the folder that hold reports.
fn files(folder: &Path) -> Vec<String> {
    let names = folder::segments(folder).expect("a folder");
    names.into_iter().map(SegmentName::file_name).collect()
}

#[test]
fn a_report_is_stored_once_also_across_restarts() {
    let folder = TempDir::new().expect("a temporary folder");
    let folder = folder.path().join("reports");
    for round in 0..3 {
        let journal = open(&folder);
        let expected = if round == 0 { Stored::New } else { Stored::Duplicate };
        assert_eq!(store(&journal, checked(1)), Ok(expected));
        assert_eq!(store(&journal, checked(1)), Ok(Stored::Duplicate));
        assert_eq!(store(&journal, checked(2 + round)), Ok(Stored::New));
    }
    assert_eq!(stored(&folder), bytes([1, 2, 3, 4]));
    assert_eq!(files(&folder), ["00000001.open"]);
}

#[test]
fn copies_within_one_batch_share_its_fate() {
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
    assert_eq!(stored(folder.path()), bytes([1, 2, 3]));
}

#[test]
fn many_at_once_are_each_stored_once() {
    let folder = TempDir::new().expect("a temporary folder");
    let limits = Limits { segment: 20_000, ..Limits::default() };
    let journal = Journal::open(folder.path(), oldest(), limits).expect("a journal");
    let start = Barrier::new(8);
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
        threads.into_iter().map(|thread| thread.join().expect("no panic")).sum()
    });
    drop(journal);
    assert_eq!(new, 160);
    let mut found = stored(folder.path());
    found.sort();
    let mut expected = bytes(0..160);
    expected.sort();
    assert_eq!(found, expected);
    assert!(files(folder.path()).len() > 2, "segments were sealed");
}

#[test]
fn a_torn_end_is_cut_off_wherever_it_is_torn() {
    let original = TempDir::new().expect("a temporary folder");
    let journal = open(original.path());
    for number in 1..=3 {
        store(&journal, checked(number)).expect("stored");
    }
    drop(journal);
    let name = "00000001.open";
    let whole = fs::read(original.path().join(name)).expect("the segment");
    let ends: Vec<_> = (1..=3)
        .scan(16, |end, number| {
            *end += 20 + checked(number).bytes().len();
            Some(*end)
        })
        .collect();
    assert_eq!(ends.last(), Some(&whole.len()));
    for cut in 0..=whole.len() {
        let folder = TempDir::new().expect("a temporary folder");
        fs::write(folder.path().join(name), &whole[..cut]).expect("write");
        let kept = ends.iter().filter(|end| **end <= cut).count() as u32;
        assert_eq!(stored(folder.path()), bytes(1..=kept), "read as it is, cut at {cut}");
        let journal = open(folder.path());
        let last = if kept == 3 { Stored::Duplicate } else { Stored::New };
        assert_eq!(store(&journal, checked(3)), Ok(last), "cut at {cut}");
        drop(journal);
        let expected = bytes((1..=kept.min(2)).chain([3]));
        assert_eq!(stored(folder.path()), expected, "cut at {cut}");
        let length = fs::metadata(folder.path().join(name)).expect("the segment").len();
        let expected = expected.iter().map(|report| 20 + report.len() as u64).sum::<u64>();
        assert_eq!(length, 16 + expected, "nothing else is left, cut at {cut}");
    }
}

#[test]
fn damage_in_the_middle_is_named_and_the_rest_counts() {
    let folder = TempDir::new().expect("a temporary folder");
    let journal = open(folder.path());
    for number in 1..=3 {
        store(&journal, checked(number)).expect("stored");
    }
    drop(journal);
    let path = folder.path().join("00000001.open");
    let mut segment = fs::read(&path).expect("the segment");
    let start = 16 + 20 + checked(1).bytes().len();
    let end = start + 20 + checked(2).bytes().len();
    segment[start + 30] ^= 1;
    fs::write(&path, segment).expect("write");

    let journal = open(folder.path());
    assert_eq!(store(&journal, checked(3)), Ok(Stored::Duplicate));
    assert_eq!(store(&journal, checked(4)), Ok(Stored::New));
    drop(journal);
    let all: Vec<_> =
        stored_reports(folder.path(), Date::MIN..=Date::MAX).expect("a folder").collect();
    let [Ok(first), Err(damage), Ok(third), Ok(fourth)] = all.as_slice() else { panic!("{all:?}") };
    assert!(matches!(damage, ReadError::Damaged { bytes, .. } if *bytes == (start..end)));
    assert_eq!(
        damage.to_string(),
        format!(
            "{} is damaged from byte {start} to {end}; what is there cannot be read, all other \
             reports count. Restore the file from a copy",
            path.display()
        )
    );
    let found = [first, third, fourth].map(|report| report.bytes().to_vec());
    assert_eq!(found.to_vec(), bytes([1, 3, 4]));
}

#[test]
fn what_is_of_a_later_format_is_left_alone() {
    let folder = TempDir::new().expect("a temporary folder");
    let path = folder.path().join("00000001.open");
    fs::write(&path, b"candor reports\x02\nsomething new").expect("write");
    let refused = Journal::open(folder.path(), oldest(), Limits::default()).expect_err("refused");
    let expected =
        format!("{} has format 2, and this program knows 1; use the newer program", path.display());
    assert_eq!(refused.to_string(), expected);
    assert_eq!(fs::read(&path).expect("read"), b"candor reports\x02\nsomething new");
    let mut read = stored_reports(folder.path(), Date::MIN..=Date::MAX).expect("a folder");
    assert_eq!(read.next().expect("an error").expect_err("an error").to_string(), expected);
}

#[test]
fn one_process_at_a_time_appends() {
    let folder = TempDir::new().expect("a temporary folder");
    let journal = open(folder.path());
    let refused = Journal::open(folder.path(), oldest(), Limits::default()).expect_err("refused");
    let expected = format!(
        "{} is in use by another process, and two cannot store reports in one folder: stop that \
         one, or serve with --no-uploads",
        folder.path().display()
    );
    assert_eq!(refused.to_string(), expected);
    drop(journal);
    drop(open(folder.path()));
}

#[test]
fn segments_of_weeks_that_are_over_are_not_read_again() {
    let folder = TempDir::new().expect("a temporary folder");
    let limits = Limits { segment: 1, ..Limits::default() };
    let journal = Journal::open(folder.path(), oldest(), limits).expect("a journal");
    for (week, number) in [("2026-01-20", 1), ("2026-02-08", 2), ("2026-01-21", 3)] {
        store(&journal, checked_of(week, number)).expect("stored");
    }
    drop(journal);
    let sealed = |number, week| format!("0000000{number}-until-{week}.reports");
    let expected = [
        sealed(1, "2026-01-20"),
        sealed(2, "2026-02-08"),
        sealed(3, "2026-01-21"),
        "00000004.open".to_owned(),
    ];
    assert_eq!(files(folder.path()), expected);
    // Were it read, this would be an error.
    fs::write(folder.path().join(&expected[0]), b"candor reports\x02\n").expect("write");
    let journal = Journal::open(folder.path(), date("2026-01-21"), limits).expect("a journal");
    assert_eq!(store(&journal, checked_of("2026-01-21", 3)), Ok(Stored::Duplicate));
    let some = stored_reports(folder.path(), date("2026-01-21")..=date("2026-01-31"));
    let some: Vec<_> = some.expect("a folder").map(|found| found.expect("no damage")).collect();
    assert_eq!(some.iter().map(|r| r.week().to_string()).collect::<Vec<_>>(), ["2026-01-21"]);
    assert_eq!(some[0].report().expect("a report").x.get(), 0.250_003);
}

#[test]
fn a_change_of_segments_that_was_cut_short_is_completed() {
    let folder = TempDir::new().expect("a temporary folder");
    let journal = open(folder.path());
    store(&journal, checked(1)).expect("stored");
    drop(journal);
    // The next segment was begun, without all of its header, and this one was not sealed.
    fs::write(folder.path().join("00000002.open"), b"candor").expect("write");
    let journal = open(folder.path());
    assert_eq!(store(&journal, checked(1)), Ok(Stored::Duplicate));
    assert_eq!(store(&journal, checked(2)), Ok(Stored::New));
    drop(journal);
    assert_eq!(files(folder.path()), ["00000001-until-2026-02-08.reports", "00000002.open"]);
    assert_eq!(stored(folder.path()), bytes([1, 2]));
}

#[test]
fn a_full_queue_is_said_at_once_and_loses_nothing() {
    let folder = TempDir::new().expect("a temporary folder");
    let limits = Limits { queue: 3, ..Limits::default() };
    let writer = Writer::open(folder.path(), oldest(), limits).expect("a writer");
    let journal = writer.start(limits.queue).expect("a journal");
    let mut permits: Vec<_> = (0..3).map(|_| journal.queue_permit().expect("a permit")).collect();
    assert!(matches!(journal.queue_permit(), Err(Busy)));
    drop(permits.pop());
    let permit = journal.queue_permit().expect("a permit that was given back");
    assert!(matches!(journal.queue_permit(), Err(Busy)));
    for (number, permit) in (1..).zip(permits.into_iter().chain([permit])) {
        assert_eq!(block_on(permit.store(checked(number))), Ok(Stored::New));
    }
    drop(journal);
    assert_eq!(stored(folder.path()), bytes([1, 2, 3]));
}

#[test]
fn what_is_in_the_queue_is_stored_though_nobody_waits() {
    let folder = TempDir::new().expect("a temporary folder");
    let journal = open(folder.path());
    for number in 1..=50 {
        drop(journal.queue_permit().expect("a permit").store(checked(number)));
    }
    drop(journal);
    assert_eq!(stored(folder.path()), bytes(1..=50));
}

/// A disk that fails as a test asks.
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
fn after_a_full_disk_nothing_that_was_stored_is_lost_and_storing_goes_on() {
    let one = 20 + checked(1).bytes().len() as i64;
    // Whether there is room for no byte of the second report, some, or all but one; and whether the
    // torn part can be cut off at once, or only once there is room again.
    for room in [0, 1, 19, 20, one / 2, one - 1] {
        for cut in [Fault::NONE, Fault::CUT] {
            let folder = TempDir::new().expect("a temporary folder");
            let mut writer =
                Writer::open(folder.path(), oldest(), Limits::default()).expect("a writer");
            let fault = Fault::new();
            fault.put_in_front_of(writer.segment());
            let journal = writer.start(8).expect("a journal");
            assert_eq!(store(&journal, checked(1)), Ok(Stored::New));
            fault.room.store(room, Ordering::SeqCst);
            fault.set(cut);
            for _ in 0..3 {
                assert_eq!(store(&journal, checked(2)), Err(NotStored));
                assert_eq!(store(&journal, checked(1)), Ok(Stored::Duplicate));
            }
            assert_eq!(stored(folder.path()), bytes([1]));
            fault.room.store(i64::MAX, Ordering::SeqCst);
            fault.set(Fault::NONE);
            assert_eq!(store(&journal, checked(2)), Ok(Stored::New));
            assert_eq!(store(&journal, checked(3)), Ok(Stored::New));
            drop(journal);
            assert_eq!(stored(folder.path()), bytes([1, 2, 3]), "room for {room}, cut {cut}");
            drop(open(folder.path()));
            assert_eq!(stored(folder.path()), bytes([1, 2, 3]));
        }
    }
}

#[test]
fn a_sync_that_failed_is_not_trusted_on_a_second_try() {
    let folder = TempDir::new().expect("a temporary folder");
    let mut writer = Writer::open(folder.path(), oldest(), Limits::default()).expect("a writer");
    let fault = Fault::new();
    fault.put_in_front_of(writer.segment());
    let journal = writer.start(8).expect("a journal");
    assert_eq!(store(&journal, checked(1)), Ok(Stored::New));
    let length = || fs::metadata(folder.path().join("00000001.open")).expect("a file").len();
    let durable = length();
    fault.set(Fault::SYNC | Fault::CUT);
    assert_eq!(store(&journal, checked(2)), Err(NotStored));
    assert!(length() > durable, "the bytes are there, and not to be trusted");
    fault.set(Fault::CUT);
    assert_eq!(store(&journal, checked(3)), Err(NotStored), "nothing is put behind them");
    fault.set(Fault::NONE);
    assert_eq!(store(&journal, checked(2)), Ok(Stored::New));
    drop(journal);
    assert_eq!(stored(folder.path()), bytes([1, 2]));
    let expected = ["00000001-until-2026-02-08.reports", "00000002.open"];
    assert_eq!(files(folder.path()), expected, "nothing more is put into the same file");
    drop(open(folder.path()));
    assert_eq!(stored(folder.path()), bytes([1, 2]));
}

#[test]
fn identities_are_forgotten_with_their_weeks() {
    let mut known = Known::default();
    let identity = checked(1).identity();
    for day in 1..=28 {
        assert!(known.add(jiff::civil::date(2026, 2, day), identity));
    }
    known.forget_before(date("2026-02-20"));
    assert_eq!(known.0.len(), 9);
    assert!(!known.has(date("2026-02-19"), identity) && known.has(date("2026-02-20"), identity));
}
