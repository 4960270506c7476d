//! Reading on where the last reading ended: segment by segment, with a mark for each.
//!
//! A [`ReadMark`] says how far a segment was read, and by what that can be known again: the identity
//! of its last record, and the SHA-256 of every part that was no record. So a segment that was cut
//! back, replaced or mended is read anew, and one that was only added to is read from where the mark
//! stands. Reading takes no lock and changes nothing; copies of a report that two segments have are
//! both given, for whoever sorts them to drop.
//!
//! Reports of a week that is not over yet may be held back: the mark says from where the segment is
//! to be read again for them.

use super::super::read_error::ReadError;
use super::super::report::Report;
use super::Identity;
use super::folder::{self, SegmentName};
use super::record::{Found, Records, later_format};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::{Path, PathBuf};

/// How far a segment was read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadMark {
    /// What is before this byte was read.
    end: u64,
    /// The last record before it.
    last: Option<LastRecord>,
    /// What was no record.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    damage: Vec<Damage>,
    /// Reports that were read and not taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    held: Option<Held>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct LastRecord {
    start: u64,
    identity: Identity,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Damage {
    bytes: Range<u64>,
    sha256: [u8; 32],
}

/// From this byte to the mark's end, reports of this week and later ones were not taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Held {
    from: u64,
    week: Date,
}

impl ReadMark {
    /// Up to which byte the segment was read.
    pub fn end(&self) -> u64 {
        self.end
    }

    /// The bytes that were no record.
    pub fn damage(&self) -> impl Iterator<Item = Range<u64>> {
        self.damage.iter().map(|damage| damage.bytes.clone())
    }

    /// Whether every report of a segment of so many bytes was read and taken.
    pub fn is_all_of(&self, bytes: u64) -> bool {
        self.end >= bytes && self.damage.is_empty() && self.held.is_none()
    }
}

/// The name of a segment's file, sealed or not, without the way to it.
pub fn segment_file_name(number: u64, until: Option<Date>) -> String {
    format!("reports/{}", SegmentName { number, until }.file_name())
}

/// A segment file of a journal's folder.
#[derive(Debug, Clone)]
pub struct SegmentFile {
    folder: PathBuf,
    name: SegmentName,
    /// Whether its end may be torn, for it may be written to at this moment.
    open: bool,
}

/// The segments of a journal's folder, in order; none where nothing was ever stored.
pub fn segment_files(folder: &Path) -> Result<Vec<SegmentFile>, ReadError> {
    let names = match folder::segments(folder) {
        Ok(names) => names,
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        Err(source) => return Err(ReadError::Io { path: folder.display().to_string(), source }),
    };
    let last = names.last().copied();
    let file = |name: SegmentName| SegmentFile {
        folder: folder.to_owned(),
        open: name.until.is_none() && Some(name) == last,
        name,
    };
    Ok(names.into_iter().map(file).collect())
}

/// What is taken of a segment.
#[derive(Debug, Clone, Copy)]
pub struct Taking {
    /// Reports of this week and later ones are held back.
    pub before: Date,
    /// Whether every report is decoded, and one that is not understood is damage. Only what another
    /// version of this program has stored is whole and not understood.
    pub decoded: bool,
}

impl SegmentFile {
    /// The segment's number, by which its mark is kept.
    pub fn number(&self) -> u64 {
        self.name.number
    }

    /// The latest week in it, once it is sealed.
    pub fn until(&self) -> Option<Date> {
        self.name.until
    }

    /// Its name, without the way to it.
    pub fn name(&self) -> String {
        segment_file_name(self.name.number, self.name.until)
    }

    /// How long it is; 0 where that cannot be told.
    pub fn length(&self) -> u64 {
        let metadata = std::fs::metadata(self.folder.join(self.name.file_name()));
        metadata.map_or(0, |metadata| metadata.len())
    }

    /// How many bytes there are to read; for progress bars.
    pub fn unread(&self, mark: Option<&ReadMark>) -> u64 {
        self.length().saturating_sub(mark.map_or(0, |mark| mark.end))
    }

    /// Reads into memory what was not read before. `None`: from the start.
    pub fn load(&self, mark: Option<&ReadMark>, taking: Taking) -> Result<Unread, ReadError> {
        let failed = |source| ReadError::Io { path: self.name(), source };
        let mut file = self.file().map_err(failed)?;
        let length = file.metadata().map_err(failed)?.len();
        if let Some(mark) = mark
            && length >= mark.end
            && let Some(unread) = self.load_from(&mut file, mark, taking).map_err(failed)?
        {
            return Ok(unread);
        }
        let bytes = read_from(&mut file, 0).map_err(failed)?;
        if let Some(version) = later_format(&bytes) {
            return Err(ReadError::LaterFormat { path: self.name(), version });
        }
        let at = Records::new(&bytes).position();
        let mark = ReadMark { end: at as u64, ..ReadMark::default() };
        Ok(self.unread_bytes(bytes, 0, at, mark, None, taking))
    }

    /// Reads on from a mark; `None` where the segment is not as it was then.
    fn load_from(
        &self,
        file: &mut File,
        mark: &ReadMark,
        taking: Taking,
    ) -> io::Result<Option<Unread>> {
        for damage in &mark.damage {
            file.seek(SeekFrom::Start(damage.bytes.start))?;
            let mut digest = Sha256::new();
            let bytes = damage.bytes.end.saturating_sub(damage.bytes.start);
            io::copy(&mut Read::take(&mut *file, bytes), &mut Sink(&mut digest))?;
            if <[u8; 32]>::from(digest.finalize()) != damage.sha256 {
                return Ok(None);
            }
        }
        let due = mark.held.clone().filter(|held| held.week < taking.before);
        let last = mark.last.as_ref().map_or(mark.end, |last| last.start);
        let base = due.as_ref().map_or(last, |held| held.from.min(last));
        let bytes = read_from(file, base)?;
        let place = |at: u64| usize::try_from(at.saturating_sub(base)).unwrap_or(usize::MAX);
        let known = mark.last.as_ref().is_none_or(|last| {
            let found = Records::resume(&bytes, place(last.start)).next();
            matches!(found, Some(Found::Record(record)) if record.identity == last.identity)
        });
        if !known {
            return Ok(None);
        }
        let at = place(due.as_ref().map_or(mark.end, |held| held.from));
        let mut mark = mark.clone();
        if due.is_some() {
            mark.held = None;
        }
        Ok(Some(self.unread_bytes(bytes, base, at, mark, due, taking)))
    }

    fn unread_bytes(
        &self,
        bytes: Vec<u8>,
        base: u64,
        at: usize,
        mark: ReadMark,
        due: Option<Held>,
        taking: Taking,
    ) -> Unread {
        let due = due.map(|held| (mark.end, held.week));
        Unread { name: self.name(), open: self.open, bytes, base, at, mark, due, taking }
    }

    /// The segment's file; one that is sealed at this very moment is found under its new name.
    fn file(&self) -> io::Result<File> {
        let open = |name: SegmentName| {
            super::super::folder::open_regular(
                &self.folder.join(name.file_name()),
                File::options().read(true),
            )
        };
        match open(self.name) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let names = folder::segments(&self.folder)?;
                let renamed = names.into_iter().find(|name| name.number == self.name.number);
                open(renamed.ok_or(error)?)
            }
            other => other,
        }
    }
}

/// What of a segment was not read before.
#[derive(Debug)]
pub struct Unread {
    name: String,
    open: bool,
    bytes: Vec<u8>,
    /// Where in the file the bytes begin.
    base: u64,
    /// How far in the bytes reading has come.
    at: usize,
    mark: ReadMark,
    /// Up to this byte, only reports of this week and later ones are due.
    due: Option<(u64, Date)>,
    taking: Taking,
}

impl Unread {
    /// The next report that is to be taken: its week, and its one form.
    pub fn next_report(&mut self) -> Option<(Date, &[u8])> {
        loop {
            let mut records = if self.base == 0 && self.at == 0 {
                Records::new(&self.bytes)
            } else {
                Records::resume(&self.bytes, self.at)
            };
            let start = records.position();
            let found = records.next()?;
            let end = records.position();
            let (from, until) = (self.base + start as u64, self.base + end as u64);
            match found {
                Found::Tail(_) if self.open => {
                    // Not read, so the mark stays before it.
                    self.bytes.truncate(start);
                    self.at = start;
                    return None;
                }
                Found::Record(record) if !self.taking.decoded || is_understood(record.report) => {
                    self.at = end;
                    let (week, length) = (record.week, record.report.len());
                    if until > self.mark.end {
                        self.mark.last =
                            Some(LastRecord { start: from, identity: record.identity });
                        self.mark.end = until;
                    }
                    if week >= self.taking.before {
                        let before = self.taking.before;
                        let held = self.mark.held.get_or_insert(Held { from, week: before });
                        held.week = held.week.min(before);
                        continue;
                    }
                    if self.due.is_some_and(|(end, due)| until <= end && week < due) {
                        continue;
                    }
                    return Some((week, self.bytes.get(end - length..end)?));
                }
                Found::Record(_) | Found::Damage(_) | Found::Tail(_) => {
                    self.at = end;
                    if until > self.mark.end {
                        let bytes = self.bytes.get(start..end).unwrap_or_default();
                        let sha256 = Sha256::digest(bytes).into();
                        self.mark.damage.push(Damage { bytes: from..until, sha256 });
                        self.mark.end = until;
                    }
                }
            }
        }
    }

    /// How far the segment was read now, and all that is damaged in it.
    pub fn finish(self) -> (ReadMark, Vec<ReadError>) {
        let problem = |damage: &Damage| ReadError::Damaged {
            path: self.name.clone(),
            bytes: bounded(damage.bytes.start)..bounded(damage.bytes.end),
        };
        let problems = self.mark.damage.iter().map(problem).collect();
        (self.mark, problems)
    }
}

fn bounded(place: u64) -> usize {
    usize::try_from(place).unwrap_or(usize::MAX)
}

fn is_understood(report: &[u8]) -> bool {
    Report::decode(report).is_ok_and(|decoded| decoded.encode() == report)
}

fn read_from(file: &mut File, start: u64) -> io::Result<Vec<u8>> {
    file.seek(SeekFrom::Start(start))?;
    let length = file.metadata()?.len().saturating_sub(start);
    let mut bytes = Vec::with_capacity(bounded(length));
    file.read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Writes into a digest.
struct Sink<'a>(&'a mut Sha256);

impl io::Write for Sink<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
