//! Which counter file a program counts into today: its name, its week, and the file `weekends`.
//!
//! As in golang/telemetry (`internal/counter/file.go`), a file begins on the day on which it is opened
//! and ends on the machine's next weekday, at least one day later. That weekday is drawn at random once
//! for each machine, so that machines report on different days, and kept as a digit in
//! `local/weekends`: 0 is Sunday.
//!
//! [`super::recorder`] notices when a file ends, and reports are made from it.

use super::error::CountingError;
use super::mapped::{self, Mapped};
use super::metadata::Metadata;
use crate::client::files;
use crate::client::folder::Folder;
use crate::client::program::Program;
use crate::day::Day;
use crate::durable;
use std::io::{self, ErrorKind};
use std::path::Path;
use std::time::Duration;

/// The longest file `weekends` that is read, in bytes.
const LONGEST_WEEKENDS: u64 = 1024;

/// A counter file in use, and its metadata.
pub(super) struct CurrentFile {
    pub mapped: Mapped,
    pub metadata: Metadata,
}

impl CurrentFile {
    /// Opens or creates the file of a program that counts from today on.
    pub fn open(
        folder: &Folder,
        program: &Program,
        today: Day,
    ) -> Result<CurrentFile, CountingError> {
        let local = folder.local();
        // First, so that a program with an invalid name leaves no folder behind.
        Metadata::new(program, today, today)?;
        for folder in [folder.path(), &local] {
            files::create_folder(folder).map_err(CountingError::io("use", folder))?;
        }
        let end = week_end(today, weekday(&local)?);
        let metadata = Metadata::new(program, today, end)?;
        let mapped = Mapped::open(&local.join(metadata.file_name()), &metadata)?;
        Ok(CurrentFile { mapped, metadata })
    }
}

/// Writes a counter file with these counts, into a folder that nothing else counts into.
#[cfg(feature = "client")]
pub(in crate::client) fn write_file(
    folder: &Folder,
    metadata: &Metadata,
    counts: &std::collections::BTreeMap<String, u64>,
) -> Result<(), CountingError> {
    let local = folder.local();
    for folder in [folder.path(), &local] {
        files::create_folder(folder).map_err(CountingError::io("use", folder))?;
    }
    let mut mapped = Mapped::open(&local.join(metadata.file_name()), metadata)?;
    for (name, number) in counts {
        mapped::add(mapped.count(name.as_bytes())?, *number);
    }
    Ok(())
}

/// The first day after today that has this weekday.
fn week_end(today: Day, weekday: u8) -> Day {
    let days = (7 + weekday - today.weekday()) % 7;
    today.plus(if days == 0 { 7 } else { days.into() })
}

/// The weekday on which this machine's weeks end, which is drawn now if it has none yet.
fn weekday(local: &Path) -> Result<u8, CountingError> {
    let path = local.join("weekends");
    let mut drawn = false;
    // Go's clients write the file in two steps, and it is empty in between.
    for _ in 0..20 {
        match files::read(&path, LONGEST_WEEKENDS) {
            Ok(text) => match text.trim_ascii().first() {
                // Whatever the byte, Go's clients take it for this day.
                Some(digit) => return Ok(digit.wrapping_sub(b'0') % 7),
                None => std::thread::sleep(Duration::from_millis(1)),
            },
            Err(e) if e.kind() == ErrorKind::NotFound && !drawn => {
                draw_weekday(local, &path).map_err(CountingError::io("write", &path))?;
                drawn = true;
            }
            Err(e) => return Err(CountingError::io("read", path)(e)),
        }
    }
    Err(CountingError::Weekends { path })
}

/// Draws a weekday, unless another process has done so meanwhile: the file is created atomically. (Go's
/// clients may each write their own at that moment; the last one stays.)
fn draw_weekday(local: &Path, path: &Path) -> io::Result<()> {
    let mut random = [0; 9];
    getrandom::fill(&mut random).map_err(io::Error::other)?;
    let [digit, suffix @ ..] = random;
    let temporary = local.join(format!(".weekends.{:016x}", u64::from_ne_bytes(suffix)));
    // 256 is not a multiple of 7, so some days are slightly more likely than others (37 to 36), which is
    // harmless for spreading reports over a week.
    let content = format!("{}\n", digit % 7);
    // Nothing is synced: counting must not wait for a disk, and a weekday that is lost is drawn again.
    let made = files::create(&temporary, content.as_bytes())
        .and_then(|()| durable::link_unsynced(&temporary, path));
    // It may already be gone.
    let _ = durable::remove_unsynced(&temporary);
    made.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn folder() -> (tempfile::TempDir, Folder) {
        let temporary = tempfile::tempdir().expect("a temporary folder");
        let folder = Folder::at(temporary.path().join("telemetry"));
        (temporary, folder)
    }

    fn open(folder: &Folder, today: Day) -> Result<CurrentFile, CountingError> {
        CurrentFile::open(folder, &Program::new("example.org/tool", "v1.0.0"), today)
    }

    #[test]
    fn a_week_ends_on_the_machines_weekday_one_to_seven_days_later() {
        let sunday: Day = "2026-11-22".parse().expect("a day");
        for from in 0..7 {
            for weekday in 0..7 {
                let today = sunday.plus(from);
                let end = week_end(today, weekday);
                assert_eq!(end.weekday(), weekday);
                assert!((1..=7).contains(&end.since(today)), "{today} {weekday}");
            }
        }
    }

    #[test]
    fn the_weekday_is_drawn_once_and_kept() {
        let (_temporary, folder) = folder();
        let today = "2026-11-22".parse().expect("a day");
        let first = open(&folder, today).expect("opened").metadata;
        let drawn = fs::read_to_string(folder.local().join("weekends")).expect("read");
        assert!(drawn.len() == 2 && drawn.ends_with('\n'), "{drawn:?}");
        assert_eq!(drawn.trim().parse::<u8>().ok(), Some(first.end.weekday()));
        for _ in 0..10 {
            assert_eq!(open(&folder, today).expect("opened").metadata, first);
        }
        // The counter file and `weekends`, nothing else.
        assert_eq!(fs::read_dir(folder.local()).expect("list").count(), 2);
    }

    #[test]
    fn a_strange_weekday_is_read_as_go_reads_it_and_an_empty_one_is_an_error() {
        let (_temporary, folder) = folder();
        let today = "2026-11-22".parse().expect("a day");
        fs::create_dir_all(folder.local()).expect("create");
        // In Go: time.Weekday(byte - '0') % 7.
        for (text, weekday) in [("3", 3), (" 6\n", 6), ("7\n", 0), ("x", 2), ("\u{1}", 6)] {
            fs::write(folder.local().join("weekends"), text).expect("write");
            let read = super::weekday(&folder.local()).expect("a weekday");
            assert_eq!(read, weekday, "{text:?}");
        }
        fs::write(folder.local().join("weekends"), "\n").expect("write");
        assert!(matches!(open(&folder, today), Err(CountingError::Weekends { .. })));
    }

    #[test]
    fn many_processes_draw_one_weekday() {
        let (_temporary, folder) = folder();
        fs::create_dir_all(folder.local()).expect("create");
        let drawn: Vec<u8> = std::thread::scope(|scope| {
            let draw = || super::weekday(&folder.local()).expect("a weekday");
            let threads: Vec<_> = (0..16).map(|_| scope.spawn(draw)).collect();
            threads.into_iter().map(|thread| thread.join().expect("joined")).collect()
        });
        assert!(drawn.iter().all(|day| *day == drawn[0]), "{drawn:?}");
    }

    #[test]
    fn a_program_without_a_name_leaves_nothing_behind() {
        let (_temporary, folder) = folder();
        let today = "2026-11-22".parse().expect("a day");
        let opened = CurrentFile::open(&folder, &Program::new("", "v1.0.0"), today);
        assert!(matches!(opened, Err(CountingError::Program(_))));
        assert!(!folder.path().exists());
    }
}
