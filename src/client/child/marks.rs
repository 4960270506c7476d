//! When the day's work was done, and when it was last attempted.
//!
//! ```text
//! FOLDER/candor/worked     the day on which the work was done last
//! FOLDER/candor/attempt    seconds since 1970 of the last attempt, and how many there were since
//!                          the work was done last
//! ```
//!
//! The first is written by the worker when it is done; the second by the host before it starts one.
//! Both are written whole, and neither is synced: after a power cut the work may be attempted once
//! more, which does no harm. An attempt that came to nothing (the worker was killed, or never began) is followed
//! by another after a quarter of an hour, then half an hour, and so on up to a day.

use crate::client::day::Day;
use crate::client::files;
use crate::client::folder::Folder;
use crate::client::report::own_folder;
use crate::durable;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// How long after a first attempt that came to nothing another is made.
const FIRST_PAUSE: Duration = Duration::from_secs(15 * 60);
/// The longest pause between attempts.
const LONGEST_PAUSE: Duration = Duration::from_secs(24 * 60 * 60);
/// The longest mark that is read, in bytes.
const LONGEST: u64 = 128;

/// The marks in a telemetry folder.
#[derive(Debug)]
pub struct Marks {
    own: PathBuf,
}

impl Marks {
    /// The marks of this folder.
    pub fn of(folder: &Folder) -> Marks {
        Marks { own: own_folder(folder) }
    }

    /// Where the lock is that the worker holds.
    pub fn lock(&self) -> PathBuf {
        self.own.join("worker")
    }

    /// Makes the folder of the marks.
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

    /// Whether an attempt is due; if so, notes that it is made now. What cannot be noted is not
    /// attempted.
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

    /// Writes a mark in the place of the last one, whole.
    fn write(&self, path: &Path, content: &str) -> io::Result<()> {
        // Processes that write at once have a name each.
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

    fn marks() -> (tempfile::TempDir, Marks) {
        let temporary = tempfile::tempdir().expect("a temporary folder");
        let marks = Marks::of(&Folder::at(temporary.path().join("telemetry")));
        (temporary, marks)
    }

    fn at(day: &str, minutes: u64) -> SystemTime {
        let day: Day = day.parse().expect("a day");
        day.start() + Duration::from_secs(minutes * 60)
    }

    #[test]
    fn what_is_done_is_not_attempted_again_that_day() {
        let (_temporary, marks) = marks();
        assert!(marks.attempt(at("2026-11-22", 600)));
        marks.done(Day::of(at("2026-11-22", 0))).expect("noted");
        assert!(!marks.attempt(at("2026-11-22", 601)));
        assert!(!marks.attempt(at("2026-11-22", 1439)));
        assert!(marks.attempt(at("2026-11-23", 0)));
        // The clock was set back by a day.
        assert!(marks.attempt(at("2026-11-21", 0)));
    }

    #[test]
    fn what_came_to_nothing_is_attempted_again_less_and_less() {
        let (_temporary, marks) = marks();
        let made: Vec<u64> =
            (0..3 * 1440).filter(|minute| marks.attempt(at("2026-11-22", *minute))).collect();
        assert_eq!(made, [0, 15, 45, 105, 225, 465, 945, 1905, 3345]);
        // Done at last: the next day begins with short pauses again.
        marks.done(Day::of(at("2026-11-24", 0))).expect("noted");
        assert!(marks.attempt(at("2026-11-25", 0)) && !marks.attempt(at("2026-11-25", 14)));
        assert!(marks.attempt(at("2026-11-25", 15)));
    }

    #[test]
    fn damaged_marks_are_none_and_what_cannot_be_noted_is_not_attempted() {
        let (_temporary, marks) = marks();
        assert!(marks.attempt(at("2026-11-22", 0)));
        for text in ["", "x", "9999999999999999999999 1", "5 x", "-1 -1"] {
            for path in [marks.attempted(), marks.worked()] {
                fs::write(&path, text).expect("write");
            }
            assert!(marks.attempt(at("2026-11-22", 1)), "{text:?}");
        }
        fs::remove_file(marks.attempted()).expect("removed");
        fs::create_dir(marks.attempted()).expect("a folder in its place");
        assert!(!marks.attempt(at("2026-11-22", 2)));
        assert_eq!(fs::read_dir(&marks.own).expect("list").count(), 2);
    }
}
