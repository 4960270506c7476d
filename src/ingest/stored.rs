//! Reading back what was stored: every report once, and every damage by its name.
//!
//! Reading takes no lock and changes nothing, so it may go on beside the server. The end of the
//! segment that is being written to is read as far as it is whole.

use super::check::Identity;
use super::folder::{self, SegmentName};
use super::record::{Found, Records, later_format};
use super::report::{DecodeError, Report};
use jiff::civil::Date;
use std::collections::HashSet;
use std::fmt;
use std::io;
use std::ops::{Range, RangeInclusive};
use std::path::{Path, PathBuf};

/// A report as it is stored: in its one form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredReport {
    week: Date,
    bytes: Vec<u8>,
}

impl StoredReport {
    /// The report's week.
    pub fn week(&self) -> Date {
        self.week
    }

    /// The report's JSON, in its one form.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The report. It fails only for what another version of this program has stored.
    pub fn report(&self) -> Result<Report<'_>, DecodeError> {
        Report::decode(&self.bytes)
    }
}

/// What could not be read. The reports around it can.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// The operating system refused.
    #[error("cannot read {path}: {source}")]
    Io {
        /// The file or folder.
        path: String,
        /// The system's answer.
        source: io::Error,
    },
    /// A part of a segment is no record.
    #[error(
        "{path} is damaged from byte {} to {}; what is there cannot be read, all other reports \
         count. Restore the file from a copy",
        .bytes.start, .bytes.end
    )]
    Damaged {
        /// The segment.
        path: String,
        /// The bytes.
        bytes: Range<usize>,
    },
    /// A segment was written by a later version of this program.
    #[error("{path} has format {version}, and this program knows 1; use the newer program")]
    LaterFormat {
        /// The segment.
        path: String,
        /// Its format.
        version: u8,
    },
}

/// The stored reports of the weeks in `weeks`, in the order in which they were stored, each once.
///
/// `folder` is the journal's. Segments whose latest week is before `weeks` are not read. Memory:
/// one segment, and about 32 bytes a report of those weeks. What is stored after this is called may
/// be missed.
pub fn stored_reports(
    folder: &Path,
    weeks: RangeInclusive<Date>,
) -> Result<StoredReports, ReadError> {
    let names = match folder::segments(folder) {
        Ok(names) => names,
        // Nothing was ever stored.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        Err(source) => return Err(ReadError::Io { path: folder.display().to_string(), source }),
    };
    let last = names.last().copied();
    let wanted = |name: &SegmentName| name.until.is_none_or(|until| until >= *weeks.start());
    let mut segments: Vec<_> = names.into_iter().filter(wanted).collect();
    segments.reverse();
    Ok(StoredReports {
        folder: folder.to_owned(),
        weeks,
        segments,
        last,
        current: None,
        seen: HashSet::new(),
    })
}

/// An iterator over stored reports; see [`stored_reports`].
pub struct StoredReports {
    folder: PathBuf,
    weeks: RangeInclusive<Date>,
    /// The segments that are still to be read, the next one last.
    segments: Vec<SegmentName>,
    /// The segment that may be written to at this moment.
    last: Option<SegmentName>,
    current: Option<Current>,
    seen: HashSet<Identity>,
}

/// The segment that is being read.
struct Current {
    path: PathBuf,
    bytes: Vec<u8>,
    at: usize,
    /// Whether its end may be torn.
    open: bool,
}

impl fmt::Debug for StoredReports {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.current.as_ref().map(|current| &current.path);
        f.debug_struct("StoredReports").field("reading", &path).finish_non_exhaustive()
    }
}

impl StoredReports {
    fn open(&self, name: SegmentName) -> Result<Current, ReadError> {
        let (path, bytes) = folder::read(&self.folder, name).map_err(|source| {
            let path = self.folder.join(name.file_name()).display().to_string();
            ReadError::Io { path, source }
        })?;
        match later_format(&bytes) {
            Some(version) => {
                Err(ReadError::LaterFormat { path: path.display().to_string(), version })
            }
            None => {
                let at = Records::new(&bytes).position();
                Ok(Current {
                    path,
                    bytes,
                    at,
                    open: name.until.is_none() && self.last == Some(name),
                })
            }
        }
    }
}

impl Iterator for StoredReports {
    type Item = Result<StoredReport, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let Some(current) = &mut self.current else {
                let name = self.segments.pop()?;
                match self.open(name) {
                    Ok(segment) => self.current = Some(segment),
                    Err(error) => return Some(Err(error)),
                }
                continue;
            };
            let mut records = Records::resume(&current.bytes, current.at);
            let found = records.next();
            current.at = records.position();
            match found {
                None => self.current = None,
                Some(Found::Record(record)) => {
                    if self.weeks.contains(&record.week) && self.seen.insert(record.identity) {
                        let bytes = record.report.to_vec();
                        return Some(Ok(StoredReport { week: record.week, bytes }));
                    }
                }
                Some(Found::Tail(_)) if current.open => {}
                Some(Found::Damage(bytes) | Found::Tail(bytes)) => {
                    let path = current.path.display().to_string();
                    return Some(Err(ReadError::Damaged { path, bytes }));
                }
            }
        }
    }
}
