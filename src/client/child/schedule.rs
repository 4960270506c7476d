//! When the day's work was last done, and when it was last attempted.
//!
//! ```text
//! FOLDER/candor/worked     the day on which the work was last done
//! FOLDER/candor/attempt    the time of the last attempt in seconds since 1970, and the number of
//!                          attempts since the work was last done
//! ```
//!
//! The worker writes the first when it is done; the host writes the second before it starts a worker.
//! Both are replaced as a whole, and neither is synced: after a power cut the work may be attempted
//! once more, which is harmless. After a failed attempt (the worker was killed, or never began) the
//! next one is made after a quarter of an hour, then half an hour, and so on up to a day.

use crate::client::files;
use crate::client::folder::Folder;
use crate::client::report::own_folder;
use crate::day::Day;
use crate::durable;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The pause after a first failed attempt.
const FIRST_PAUSE: Duration = Duration::from_secs(15 * 60);
/// The longest pause between attempts.
const LONGEST_PAUSE: Duration = Duration::from_secs(24 * 60 * 60);
/// How long a worker takes at most until it holds its lock.
#[cfg(feature = "server")]
const STARTING: Duration = Duration::from_secs(3);
/// The longest of these files that is read, in bytes.
const LONGEST: u64 = 128;

/// The schedule of a telemetry folder.
#[derive(Debug)]
pub struct Schedule {
    own: PathBuf,
}

impl Schedule {
    /// The schedule of this folder.
    pub fn of(folder: &Folder) -> Schedule {
        Schedule { own: own_folder(folder) }
    }

    /// The lock that the worker holds.
    pub fn lock(&self) -> PathBuf {
        self.own.join("worker")
    }

    /// Makes the folder for the schedule.
    pub fn create_folder(&self) -> io::Result<()> {
        files::create_folder(&self.own)
    }

    /// Whether the work of this day was done.
    pub fn is_done(&self, today: Day) -> bool {
        let day = files::read_text(&self.worked(), LONGEST).ok();
        day.and_then(|day| day.trim().parse::<Day>().ok()) == Some(today)
    }

    /// Notes that the work of this day was done.
    pub fn done(&self, today: Day) -> io::Result<()> {
        self.write(&self.worked(), &format!("{today}\n"))?;
        durable::remove_unsynced(&self.attempted()).map(drop)
    }

    /// Whether an attempt is due. If so, notes it first; if it cannot be noted, it is not made.
    pub fn attempt(&self, now: SystemTime) -> bool {
        if self.is_done(Day::of(now)) {
            return false;
        }
        let seconds = seconds(now);
        let (last, attempts) = self.last_attempt().unwrap_or((0, 0));
        let pause = FIRST_PAUSE.saturating_mul(1 << attempts.saturating_sub(1).min(16));
        // An attempt in the future: the clock was set back.
        let waits =
            attempts > 0 && last <= seconds && seconds - last < pause.min(LONGEST_PAUSE).as_secs();
        let note = format!("{seconds} {}\n", attempts.saturating_add(1));
        !waits && self.create_folder().is_ok() && self.write(&self.attempted(), &note).is_ok()
    }

    /// Whether a worker is at work, or was started within the last seconds before `now`.
    #[cfg(feature = "server")]
    pub fn is_at_work(&self, now: SystemTime) -> bool {
        let lock = self.lock();
        let holds = lock.exists()
            && files::open_shared(&lock).is_ok_and(|lock| {
                matches!(lock.try_lock(), Err(std::fs::TryLockError::WouldBlock))
            });
        let begun = self.last_attempt().map(|(last, _)| seconds(now).checked_sub(last));
        holds || begun.flatten().is_some_and(|ago| ago < STARTING.as_secs())
    }

    fn last_attempt(&self) -> Option<(u64, u32)> {
        let text = files::read_text(&self.attempted(), LONGEST).ok()?;
        let (seconds, attempts) = text.trim().split_once(' ')?;
        Some((seconds.parse().ok()?, attempts.parse().ok()?))
    }

    fn worked(&self) -> PathBuf {
        self.own.join("worked")
    }

    fn attempted(&self) -> PathBuf {
        self.own.join("attempt")
    }

    /// Replaces one of the files as a whole.
    fn write(&self, path: &Path, content: &str) -> io::Result<()> {
        // Each process has a temporary name of its own.
        let temporary = path.with_extension(std::process::id().to_string());
        files::replace_unsynced(path, &temporary, content.as_bytes())
    }
}

fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn schedule() -> (tempfile::TempDir, Schedule) {
        let temporary = tempfile::tempdir().expect("a temporary folder");
        let schedule = Schedule::of(&Folder::at(temporary.path().join("telemetry")));
        (temporary, schedule)
    }

    fn at(day: &str, minutes: u64) -> SystemTime {
        let day: Day = day.parse().expect("a day");
        day.start() + Duration::from_secs(minutes * 60)
    }

    #[test]
    fn what_is_done_is_not_attempted_again_that_day() {
        let (_temporary, schedule) = schedule();
        assert!(schedule.attempt(at("2026-11-22", 600)));
        schedule.done(Day::of(at("2026-11-22", 0))).expect("noted");
        assert!(!schedule.attempt(at("2026-11-22", 601)));
        assert!(!schedule.attempt(at("2026-11-22", 1439)));
        assert!(schedule.attempt(at("2026-11-23", 0)));
        // The clock was set back by a day.
        assert!(schedule.attempt(at("2026-11-21", 0)));
    }

    #[test]
    fn failed_attempts_are_repeated_less_and_less_often() {
        let (_temporary, schedule) = schedule();
        let made: Vec<u64> =
            (0..3 * 1440).filter(|minute| schedule.attempt(at("2026-11-22", *minute))).collect();
        assert_eq!(made, [0, 15, 45, 105, 225, 465, 945, 1905, 3345]);
        // Once it is done, the next day begins with short pauses again.
        schedule.done(Day::of(at("2026-11-24", 0))).expect("noted");
        assert!(schedule.attempt(at("2026-11-25", 0)) && !schedule.attempt(at("2026-11-25", 14)));
        assert!(schedule.attempt(at("2026-11-25", 15)));
    }

    #[test]
    fn a_damaged_schedule_is_ignored_and_what_cannot_be_noted_is_not_attempted() {
        let (_temporary, schedule) = schedule();
        assert!(schedule.attempt(at("2026-11-22", 0)));
        for text in ["", "x", "9999999999999999999999 1", "5 x", "-1 -1"] {
            for path in [schedule.attempted(), schedule.worked()] {
                fs::write(&path, text).expect("write");
            }
            assert!(schedule.attempt(at("2026-11-22", 1)), "{text:?}");
        }
        fs::remove_file(schedule.attempted()).expect("removed");
        fs::create_dir(schedule.attempted()).expect("a folder in its place");
        assert!(!schedule.attempt(at("2026-11-22", 2)));
        assert_eq!(fs::read_dir(&schedule.own).expect("list").count(), 2);
    }
}
