//! What a recorder promises, with files in temporary folders and days that the test chooses.

use super::*;
use crate::client::counter::CounterFile;
use crate::client::mode::Mode;
use std::collections::BTreeMap;
use std::sync::Barrier;

struct Machine {
    _temporary: tempfile::TempDir,
    folder: Folder,
    recorder: &'static Recorder,
}

fn day(text: &str) -> Day {
    text.parse().expect("a day")
}

fn consent(mode: Mode) -> Consent {
    Consent { mode, since: None, decided_by: DecidedBy::ModeFile }
}

impl Machine {
    /// A machine whose weeks end on Wednesdays.
    fn new() -> Machine {
        let temporary = tempfile::tempdir().expect("a temporary folder");
        let folder = Folder::at(temporary.path().join("telemetry"));
        std::fs::create_dir_all(folder.local()).expect("create");
        std::fs::write(folder.local().join("weekends"), "3\n").expect("write");
        Machine { _temporary: temporary, folder, recorder: Box::leak(Box::new(Recorder::new())) }
    }

    /// Another process of the same machine.
    fn another(&self) -> &'static Recorder {
        Box::leak(Box::new(Recorder::new()))
    }

    fn start(&self, recorder: &'static Recorder, today: &str, mode: Mode) {
        let program = Program::new("example.org/tool", "v1.0.0");
        recorder.start(self.folder.clone(), program, day(today), &consent(mode));
    }

    /// The counts of all files, by the day on which each begins.
    fn files(&self) -> BTreeMap<String, BTreeMap<String, u64>> {
        let files = std::fs::read_dir(self.folder.local()).expect("list");
        let paths = files.map(|file| file.expect("an entry").path());
        let counter_files = paths.filter(|path| path.extension().is_some_and(|e| e == "count"));
        let read = |path: PathBuf| CounterFile::read(&path).expect("a counter file");
        let read = counter_files.map(read);
        read.map(|file| (file.metadata.begin.to_string(), file.counts)).collect()
    }

    /// The counts of the only file.
    fn counts(&self) -> BTreeMap<String, u64> {
        let files = self.files();
        assert_eq!(files.len(), 1, "{files:?}");
        files.into_values().next().expect("one")
    }
}

fn count(recorder: &'static Recorder, name: &str, number: u64) {
    if let Some(entry) = recorder.counter(name) {
        entry.add(number);
    }
}

fn counts<const N: usize>(list: [(&str, u64); N]) -> BTreeMap<String, u64> {
    list.into_iter().map(|(name, count)| (name.to_owned(), count)).collect()
}

#[test]
fn what_was_counted_before_the_start_is_kept() {
    let machine = Machine::new();
    assert_eq!(machine.recorder.status(), Status::NotStarted);
    count(machine.recorder, "early", 2);
    count(machine.recorder, "early", 1);
    machine.start(machine.recorder, "2026-11-22", Mode::Local);
    count(machine.recorder, "early", 4);
    count(machine.recorder, "late", 8);
    assert_eq!(machine.counts(), counts([("early", 7), ("late", 8)]));
    assert!(matches!(machine.recorder.status(), Status::Counting(_)));
}

#[test]
fn two_processes_count_into_one_file() {
    let machine = Machine::new();
    let other = machine.another();
    machine.start(machine.recorder, "2026-11-22", Mode::On);
    machine.start(other, "2026-11-22", Mode::On);
    // Many pages: each process has to follow where the other extends the file.
    for number in 0..3_000 {
        let (one, two) =
            if number % 2 == 0 { (machine.recorder, other) } else { (other, machine.recorder) };
        count(one, &format!("n{number}"), 1);
        count(two, &format!("n{number}"), 2);
    }
    let counts = machine.counts();
    assert_eq!(counts.len(), 3_000);
    assert!(counts.values().all(|count| *count == 3));
}

#[test]
fn threads_that_count_new_names_at_once_lose_none() {
    let machine = Machine::new();
    let other = machine.another();
    let barrier = Barrier::new(5);
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let recorder = if thread % 2 == 0 { machine.recorder } else { other };
            let barrier = &barrier;
            scope.spawn(move || {
                barrier.wait();
                for number in 0..4_000 {
                    // Half of the names are everyone's, half are this thread's.
                    count(recorder, &format!("shared{}", number % 500), 1);
                    count(recorder, &format!("own{thread}/{}", number % 500), 1);
                }
            });
        }
        // Some of it happens before the start, some during, some after.
        barrier.wait();
        machine.start(machine.recorder, "2026-11-22", Mode::Local);
        machine.start(other, "2026-11-22", Mode::Local);
    });
    let counts = machine.counts();
    assert_eq!(counts.len(), 5 * 500);
    for (name, count) in counts {
        assert_eq!(count, if name.starts_with("shared") { 32 } else { 8 }, "{name}");
    }
}

#[test]
fn a_thread_that_cannot_get_the_lock_is_served_by_its_holder() {
    let machine = Machine::new();
    let recorder = machine.recorder;
    machine.start(recorder, "2026-11-22", Mode::Local);
    let barrier = Barrier::new(2);
    let rounds = |thread: u32| {
        let mut forgotten = Vec::new();
        for round in 0..5_000 {
            // Both count at once, under a name of their own and a shared one, and never again: if one is
            // forgotten, nothing repairs that.
            let names = [format!("{round}/{thread}"), format!("{round}/both")];
            barrier.wait();
            names.iter().for_each(|name| count(recorder, name, 1));
            barrier.wait();
            let is_flushed = |name: &str| recorder.counter(name).is_some_and(Entry::is_flushed);
            forgotten.extend(names.into_iter().filter(|name| !is_flushed(name)));
        }
        forgotten
    };
    std::thread::scope(|scope| {
        let other = scope.spawn(|| rounds(0));
        assert_eq!((rounds(1), other.join().expect("joined")), (vec![], vec![]));
    });
    let counts = machine.counts();
    assert_eq!((counts.len(), counts.values().sum::<u64>()), (15_000, 20_000));
}

#[test]
fn a_week_ends_on_its_day_and_the_next_begins() {
    let machine = Machine::new();
    let recorder = machine.recorder;
    machine.start(recorder, "2026-11-22", Mode::Local);
    count(recorder, "a", 1);
    count(recorder, "b", 1);
    // A Tuesday: still the same week.
    recorder.renew(day("2026-11-24"), &consent(Mode::Local));
    count(recorder, "a", 1);
    recorder.renew(day("2026-11-25"), &consent(Mode::Local));
    count(recorder, "a", 4);
    // A machine that was asleep at a week's end.
    recorder.renew(day("2026-12-05"), &consent(Mode::Local));
    count(recorder, "c", 1);
    let files = machine.files();
    let expected = [
        ("2026-11-22".to_owned(), counts([("a", 2), ("b", 1)])),
        ("2026-11-25".to_owned(), counts([("a", 4)])),
        ("2026-12-05".to_owned(), counts([("c", 1)])),
    ];
    assert_eq!(files, expected.into());
}

#[test]
fn threads_that_count_while_the_week_ends_lose_none() {
    let machine = Machine::new();
    let recorder = machine.recorder;
    machine.start(recorder, "2026-11-22", Mode::Local);
    std::thread::scope(|scope| {
        for thread in 0..2 {
            scope.spawn(move || {
                for number in 0..20_000 {
                    count(recorder, &format!("t{thread}/{}", number % 50), 1);
                }
            });
        }
        for week in 1..20 {
            recorder.renew(day("2026-11-22").plus(7 * week), &consent(Mode::Local));
        }
    });
    let total: u64 = machine.files().values().flat_map(BTreeMap::values).sum();
    assert_eq!(total, 40_000);
}

#[test]
fn in_mode_off_nothing_is_written() {
    let temporary = tempfile::tempdir().expect("a temporary folder");
    let folder = Folder::at(temporary.path().join("telemetry"));
    let recorder: &'static Recorder = Box::leak(Box::new(Recorder::new()));
    count(recorder, "early", 1);
    let today = day("2026-11-22");
    let program = Program::new("example.org/tool", "v1.0.0");
    recorder.start(folder.clone(), program, today, &Consent::read(&folder, None));
    count(recorder, "late", 1);
    recorder.renew(today.plus(30), &Consent::read(&folder, None));
    assert_eq!(recorder.status(), Status::Off(DecidedBy::NoModeFile));
    assert_eq!(std::fs::read_dir(temporary.path()).expect("list").count(), 0);
}

#[test]
fn off_stops_a_running_program_and_on_resumes_it() {
    let machine = Machine::new();
    let recorder = machine.recorder;
    machine.start(recorder, "2026-11-22", Mode::On);
    count(recorder, "a", 1);
    recorder.renew(day("2026-11-22"), &consent(Mode::Off));
    count(recorder, "a", 16);
    count(recorder, "b", 16);
    assert_eq!(recorder.status(), Status::Off(DecidedBy::ModeFile));
    recorder.renew(day("2026-11-23"), &consent(Mode::On));
    count(recorder, "a", 2);
    let expected = [
        ("2026-11-22".to_owned(), counts([("a", 1)])),
        ("2026-11-23".to_owned(), counts([("a", 2)])),
    ];
    assert_eq!(machine.files(), expected.into());
}

#[test]
fn an_error_stops_counting_and_is_in_the_status() {
    let machine = Machine::new();
    std::fs::write(machine.folder.local().join("weekends"), "").expect("write");
    machine.start(machine.recorder, "2026-11-22", Mode::Local);
    count(machine.recorder, "a", 1);
    let Status::Stopped(message) = machine.recorder.status() else { panic!("not stopped") };
    assert!(message.contains("weekends"), "{message}");
    // The next check finds it repaired.
    std::fs::write(machine.folder.local().join("weekends"), "3").expect("write");
    machine.recorder.renew(day("2026-11-22"), &consent(Mode::Local));
    count(machine.recorder, "a", 2);
    assert_eq!(machine.counts(), counts([("a", 2)]));
}

#[test]
fn a_second_start_changes_nothing() {
    let machine = Machine::new();
    machine.start(machine.recorder, "2026-11-22", Mode::Local);
    machine.start(machine.recorder, "2026-11-29", Mode::Off);
    count(machine.recorder, "a", 1);
    assert_eq!(machine.counts(), counts([("a", 1)]));
}

#[test]
fn invalid_names_are_not_counted() {
    let machine = Machine::new();
    machine.start(machine.recorder, "2026-11-22", Mode::Local);
    for name in ["", "a b", "a\nb", &"n".repeat(4097)] {
        count(machine.recorder, name, 1);
    }
    count(machine.recorder, &"n".repeat(4096), 1);
    assert_eq!(machine.counts(), counts([(&*"n".repeat(4096), 1)]));
}

#[test]
fn a_count_saturates() {
    let machine = Machine::new();
    machine.start(machine.recorder, "2026-11-22", Mode::Local);
    count(machine.recorder, "a", u64::MAX - 1);
    count(machine.recorder, "a", 3);
    assert_eq!(machine.counts(), counts([("a", u64::MAX)]));
}

#[test]
fn counting_does_not_wait_for_a_file_that_is_being_opened() {
    let machine = Machine::new();
    machine.start(machine.recorder, "2026-11-22", Mode::Local);
    let held = machine.recorder.lock().expect("free");
    count(machine.recorder, "a", 1);
    count(machine.recorder, "a", 1);
    assert_eq!(machine.counts(), counts([]));
    drop(held);
    // The holder of the lock would check; here, the next count of a new name does.
    count(machine.recorder, "b", 1);
    assert_eq!(machine.counts(), counts([("a", 2), ("b", 1)]));
}

/// How many seconds noon on this day is ahead of the system's time.
fn ahead(text: &str) -> i64 {
    let seconds = |time: u64| i64::try_from(time).expect("a time");
    let noon = day(text).start().duration_since(std::time::UNIX_EPOCH).expect("after 1970");
    seconds(noon.as_secs() + 43_200) - seconds(clock::seconds())
}

#[test]
fn a_week_ends_by_the_clock_alone() {
    let machine = Machine::new();
    let recorder = machine.recorder;
    Mode::Local.store(&machine.folder, day("2026-11-01")).expect("stored");
    machine.start(recorder, "2026-11-22", Mode::Local);
    recorder.follow_clock(ahead("2026-11-22"));
    let known = recorder.counter("a").expect("a name");
    known.add(1);
    recorder.ahead.store(ahead("2026-11-24"), Relaxed);
    known.add(1);
    // The machine slept for weeks; a known name is counted first.
    recorder.ahead.store(ahead("2026-12-12"), Relaxed);
    known.add(4);
    count(recorder, "b", 8);
    // Setting the clock back has no effect.
    recorder.ahead.store(ahead("2026-12-01"), Relaxed);
    known.add(16);
    let expected = [
        ("2026-11-22".to_owned(), counts([("a", 2)])),
        ("2026-12-12".to_owned(), counts([("a", 20), ("b", 8)])),
    ];
    assert_eq!(machine.files(), expected.into());
}

#[test]
fn the_next_check_notices_off_and_on_again() {
    let machine = Machine::new();
    let recorder = machine.recorder;
    Mode::Local.store(&machine.folder, day("2026-11-01")).expect("stored");
    machine.start(recorder, "2026-11-22", Mode::Local);
    recorder.follow_clock(ahead("2026-11-22"));
    count(recorder, "a", 1);
    Mode::Off.store(&machine.folder, day("2026-11-22")).expect("stored");
    recorder.ahead.fetch_add(15 * 60, Relaxed);
    count(recorder, "a", 2);
    assert_eq!(recorder.status(), Status::Off(DecidedBy::ModeFile));
    Mode::Local.store(&machine.folder, day("2026-11-22")).expect("stored");
    count(recorder, "a", 4);
    recorder.ahead.fetch_add(15 * 60, Relaxed);
    // Also by a name that was never counted before.
    count(recorder, "b", 8);
    count(recorder, "a", 16);
    assert_eq!(machine.counts(), counts([("a", 17), ("b", 8)]));
}

#[test]
fn threads_that_count_while_the_clock_ends_the_week_lose_none() {
    let machine = Machine::new();
    let recorder = machine.recorder;
    Mode::Local.store(&machine.folder, day("2026-11-01")).expect("stored");
    machine.start(recorder, "2026-11-22", Mode::Local);
    recorder.follow_clock(ahead("2026-11-22"));
    let barrier = Barrier::new(3);
    std::thread::scope(|scope| {
        for thread in 0..2 {
            let barrier = &barrier;
            scope.spawn(move || {
                for _ in 0..20 {
                    barrier.wait();
                    for number in 0..1_000 {
                        count(recorder, &format!("t{thread}/{}", number % 50), 1);
                    }
                    barrier.wait();
                }
            });
        }
        for week in 0..20 {
            let now = day("2026-11-22").plus(7 * week).to_string();
            recorder.ahead.store(ahead(&now), Relaxed);
            // All count at once, after the week has ended.
            barrier.wait();
            barrier.wait();
        }
    });
    let files = machine.files();
    assert_eq!(files.len(), 20);
    for (begin, counts) in files {
        assert_eq!(counts.values().sum::<u64>(), 2_000, "{begin}");
    }
}

/// Makes this process look like one that was forked while a thread of its parent held the lock.
fn as_if_forked(recorder: &'static Recorder) -> MutexGuard<'static, Inner> {
    let held = recorder.lock().expect("free");
    let state = recorder.own.load().unwrap_or(&recorder.first);
    state.process.store(std::process::id() + 1, SeqCst);
    held
}

#[test]
fn a_forked_child_waits_for_no_lock_of_its_parent() {
    let machine = Machine::new();
    let recorder = machine.recorder;
    machine.start(recorder, "2026-11-22", Mode::Local);
    recorder.follow_clock(ahead("2026-11-22"));
    count(recorder, "a", 1);
    // The parent is about to store this in the file.
    let parents = recorder.counter("parents").expect("a name");
    parents.pending.store(5, SeqCst);
    let _held_for_ever = as_if_forked(recorder);
    count(recorder, "a", 2);
    count(recorder, "b", 4);
    parents.add(1);
    assert!(matches!(recorder.status(), Status::Counting(_)));
    assert_eq!(machine.counts(), counts([("a", 3), ("b", 4), ("parents", 1)]));
    // A child of the child.
    let _held_for_ever = as_if_forked(recorder);
    count(recorder, "c", 8);
    assert_eq!(machine.counts()["c"], 8);
}

#[test]
fn a_child_forked_before_the_start_starts_by_itself() {
    let machine = Machine::new();
    let recorder = machine.recorder;
    count(recorder, "early", 1);
    let _held_for_ever = as_if_forked(recorder);
    machine.start(recorder, "2026-11-22", Mode::Local);
    count(recorder, "late", 2);
    assert_eq!(machine.counts(), counts([("early", 1), ("late", 2)]));
}

#[test]
fn nothing_waits_for_ever_for_the_lock() {
    let machine = Machine::new();
    let recorder = machine.recorder;
    machine.start(recorder, "2026-11-22", Mode::Local);
    // As when a panic or a signal interrupts this very thread.
    let _held = recorder.lock().expect("free");
    assert!(matches!(recorder.status(), Status::Stopped(_)));
    recorder.renew(day("2026-11-30"), &consent(Mode::Local));
    recorder.flush(recorder.counter("a").expect("a name"));
}
