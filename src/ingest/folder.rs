//! Which segment files there are.
//!
//! ```text
//! DIR/reports.segments                          a second copy of `reports/segments`, outside the folder
//! DIR/reports/.lock                             held (flock) by the one process that appends
//! DIR/reports/segments                          which segments there were (`segment_list`)
//! DIR/reports/00000003.open                     the segment that is appended to (the last one)
//! DIR/reports/00000002-until-2026-02-08.reports a sealed one, named after its latest week
//! ```
//!
//! Segments are numbered in the order in which they were begun. A sealed one never changes, so it
//! may be copied away at any time; and once its latest week is over the age at which reports are
//! taken, nothing here needs to read it again.

use super::report::parse_date;
use jiff::civil::Date;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};

/// A segment file's name, understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct SegmentName {
    pub(super) number: u64,
    /// The latest week in it, once it is sealed.
    pub(super) until: Option<Date>,
}

impl SegmentName {
    /// The name's text.
    pub(super) fn file_name(self) -> String {
        let number = self.number;
        match self.until {
            None => format!("{number:08}.open"),
            Some(week) => format!("{number:08}-until-{week}.reports"),
        }
    }

    fn parse(text: &str) -> Option<SegmentName> {
        let (number, until) = match text.strip_suffix(".open") {
            Some(number) => (number, None),
            None => {
                let (number, week) = text.strip_suffix(".reports")?.split_once("-until-")?;
                (number, Some(parse_date(week)?))
            }
        };
        let name = SegmentName { number: number.parse().ok()?, until };
        // Only the very form that is written: a copy with another name is not ours.
        (name.file_name() == text).then_some(name)
    }
}

/// The segments of a folder, in order. Other files are left alone.
pub(super) fn segments(folder: &Path) -> io::Result<Vec<SegmentName>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder)? {
        names.extend(entry?.file_name().to_str().and_then(SegmentName::parse));
    }
    names.sort_unstable();
    Ok(names)
}

/// Opens a file, which must be a regular one: opening or reading anything else, as a named pipe, might
/// wait for ever.
pub(super) fn open_regular(path: &Path, options: &mut OpenOptions) -> io::Result<File> {
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::custom_flags(options, nix::libc::O_NONBLOCK);
    let file = options.open(path)?;
    match file.metadata()?.is_file() {
        true => Ok(file),
        false => Err(io::Error::new(ErrorKind::InvalidInput, "it is not a regular file")),
    }
}

/// All bytes of a regular file.
pub(super) fn read_regular(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    open_regular(path, OpenOptions::new().read(true))?.read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The bytes of a segment. One that is sealed at this very moment is found under its new name.
pub(super) fn read(folder: &Path, name: SegmentName) -> io::Result<(PathBuf, Vec<u8>)> {
    let path = folder.join(name.file_name());
    match read_regular(&path) {
        Err(error) if error.kind() == ErrorKind::NotFound && name.until.is_none() => {
            let names = segments(folder)?;
            let sealed = names.into_iter().find(|other| other.number == name.number);
            let path = sealed.map(|name| folder.join(name.file_name())).ok_or(error)?;
            let bytes = read_regular(&path)?;
            Ok((path, bytes))
        }
        other => other.map(|bytes| (path, bytes)),
    }
}

/// Takes the folder's lock, or `None` where another process has it. Ends when the file is dropped.
pub(super) fn lock(folder: &Path) -> io::Result<Option<File>> {
    let path = folder.join(".lock");
    let mut options = OpenOptions::new();
    let file = open_regular(&path, options.create(true).truncate(false).write(true))?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_they_are_written_and_no_others() {
        for (number, week) in [(1, None), (123_456_789, None), (7, Some("2026-02-08"))] {
            let name = SegmentName { number, until: week.and_then(parse_date) };
            assert_eq!(SegmentName::parse(&name.file_name()), Some(name));
        }
        for text in [
            ".lock",
            "1.open",
            "+0000001.open",
            "00000001.open.bak",
            "00000001.reports",
            "00000001-until-2026-02-30.reports",
            "00000001-until-2026-02-08.reports~",
        ] {
            assert_eq!(SegmentName::parse(text), None, "{text}");
        }
    }

    #[test]
    fn one_process_at_a_time_has_the_lock() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let first = lock(folder.path()).expect("a lock file");
        assert!(first.is_some());
        assert!(lock(folder.path()).expect("a lock file").is_none());
        drop(first);
        assert!(lock(folder.path()).expect("a lock file").is_some());
    }
}
