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

use super::super::report::parse_date;
use jiff::civil::Date;
use std::fs;
use std::io::{self, ErrorKind};
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

/// The bytes of a segment. One that is sealed at this very moment is found under its new name.
pub(super) fn read(folder: &Path, name: SegmentName) -> io::Result<(PathBuf, Vec<u8>)> {
    let path = folder.join(name.file_name());
    match super::super::folder::read_regular(&path) {
        Err(error) if error.kind() == ErrorKind::NotFound && name.until.is_none() => {
            let names = segments(folder)?;
            let sealed = names.into_iter().find(|other| other.number == name.number);
            let path = sealed.map(|name| folder.join(name.file_name())).ok_or(error)?;
            let bytes = super::super::folder::read_regular(&path)?;
            Ok((path, bytes))
        }
        other => other.map(|bytes| (path, bytes)),
    }
}
