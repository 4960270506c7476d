//! The list of all segments, so that a missing one is noticed.
//!
//! ```text
//! DIR/reports/segments   one JSON object per line, each with its own checksum
//! {"segment":"ID","sha256":"..."}                               the segment was started
//! {"segment":"ID","reports":812,"bytes":345678,"sha256":"..."}   ... and sealed, with 812 reports
//! ```
//!
//! A second copy beside the folder, `DIR/reports.segments`, makes sure that a missing folder is
//! noticed, too. Opening the folder completes either copy from the other. Lines are only added, until
//! segments are merged: then both copies are rewritten without them.
//!
//! A segment is listed as started before its first record is acknowledged, and as sealed afterwards. A
//! process that dies in between leaves a segment that is sealed when the folder is opened again. A torn
//! last line is cut off. A damaged line is reported and ignored.

use super::folder;
use super::read_error::ReadError;
use super::requests;
use super::segment_id::SegmentId;
use crate::durable::{self, AppendFile};
use crate::store::checksum;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::OpenOptions;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

/// The file's name.
const NAME: &str = "segments";

/// The size of a segment when it was sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SealedSegment {
    /// How many reports it has.
    pub reports: u64,
    /// Its size.
    pub bytes: u64,
}

#[derive(Debug, Serialize, Deserialize)]
struct Line {
    segment: SegmentId,
    #[serde(flatten)]
    sealed: Option<SealedSegment>,
}

/// The contents of the list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ListedSegments {
    /// Each segment; `None` if it was started but not sealed.
    pub segments: BTreeMap<SegmentId, Option<SealedSegment>>,
    /// The numbers of damaged lines, from 1.
    pub damaged: Vec<usize>,
    /// The length up to the end of the last whole line.
    whole: u64,
}

/// The list of a receiver's folder, from both copies; empty if there is none. Without segments that a
/// merge has asked to forget.
pub fn listed_segments(folder: &Path) -> Result<ListedSegments, ReadError> {
    let failed = |source| ReadError::Io { path: format!("reports/{NAME}"), source };
    let mut listed = read(&folder.join(NAME)).map_err(failed)?;
    let copy = copy_path(folder).map_or(Ok(ListedSegments::default()), |path| read(&path));
    for (id, sealed) in copy.map_err(failed)?.segments {
        let known = listed.segments.entry(id).or_default();
        *known = known.or(sealed);
    }
    for id in requests::merged(folder).map_err(failed)? {
        listed.segments.remove(&id);
    }
    Ok(listed)
}

/// The path of the second copy: beside the folder, so that it survives the folder.
fn copy_path(folder: &Path) -> Option<PathBuf> {
    let mut name = folder.file_name()?.to_owned();
    name.push(".");
    name.push(NAME);
    Some(folder.with_file_name(name))
}

fn read(path: &Path) -> io::Result<ListedSegments> {
    match folder::read_regular(path) {
        Ok(bytes) => Ok(parse(&bytes)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(ListedSegments::default()),
        Err(error) => Err(error),
    }
}

fn parse(bytes: &[u8]) -> ListedSegments {
    let mut listed = ListedSegments::default();
    for (number, line) in (1..).zip(bytes.split_inclusive(|byte| *byte == b'\n')) {
        // A line without an end was not written completely.
        let Some(line) = line.strip_suffix(b"\n") else { break };
        listed.whole += line.len() as u64 + 1;
        let whole = checksum::verify(line).is_ok();
        match serde_json::from_slice(line).ok().filter(|_| whole) {
            Some(Line { segment, sealed }) => {
                let known = listed.segments.entry(segment).or_default();
                *known = sealed.or(*known);
            }
            None => listed.damaged.push(number),
        }
    }
    listed
}

/// The list, opened by the one process that adds to it.
#[derive(Debug)]
pub(super) struct SegmentList {
    /// The one in the folder, which includes everything in the other.
    list: ListFile,
    /// The copy beside the folder; `None` if that place is not writable.
    copy: Option<ListFile>,
}

/// One copy of the list.
#[derive(Debug)]
struct ListFile {
    path: PathBuf,
    file: AppendFile,
    /// Whether a sync has failed, so that the file must be rewritten.
    closed: bool,
    listed: ListedSegments,
}

impl SegmentList {
    /// Opens or creates the list of a folder. The caller holds the folder's lock, and syncs the folder
    /// and its parent.
    pub(super) fn open(folder: &Path) -> io::Result<SegmentList> {
        let mut list = ListFile::open(&folder.join(NAME))?;
        let mut copy = match copy_path(folder).map(|path| ListFile::open(&path)).transpose() {
            Err(error)
                if matches!(
                    error.kind(),
                    ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem
                ) =>
            {
                tracing::warn!(
                    %error, "no copy of the list of segments is kept beside {}", folder.display()
                );
                None
            }
            opened => opened?,
        };
        if let Some(copy) = &mut copy {
            for (id, sealed) in copy.listed.segments.clone() {
                list.note(id, sealed)?;
            }
            for (id, sealed) in list.listed.segments.clone() {
                copy.note(id, sealed)?;
            }
        }
        Ok(SegmentList { list, copy })
    }

    /// Its contents.
    pub(super) fn listed(&self) -> &ListedSegments {
        &self.list.listed
    }

    /// Lists a segment as started, unless it is listed already.
    pub(super) fn note_begun(&mut self, id: SegmentId) -> io::Result<()> {
        self.note(id, None)
    }

    /// Lists a segment as sealed, unless it is already.
    pub(super) fn note_sealed(&mut self, id: SegmentId, sealed: SealedSegment) -> io::Result<()> {
        self.note(id, Some(sealed))
    }

    /// Removes segments from the list.
    pub(super) fn drop_segments(&mut self, ids: &BTreeSet<SegmentId>) -> io::Result<()> {
        self.list.drop_segments(ids)?;
        self.copy.as_mut().map_or(Ok(()), |copy| copy.drop_segments(ids))
    }

    fn note(&mut self, id: SegmentId, sealed: Option<SealedSegment>) -> io::Result<()> {
        self.list.note(id, sealed)?;
        self.copy.as_mut().map_or(Ok(()), |copy| copy.note(id, sealed))
    }
}

impl ListFile {
    fn open(path: &Path) -> io::Result<ListFile> {
        let listed = read(path)?;
        let mut file = append_to(path)?;
        if file.metadata()?.len() > listed.whole {
            file.cut_unsynced(listed.whole)?;
        }
        file.sync()?;
        Ok(ListFile { path: path.to_owned(), file, closed: false, listed })
    }

    /// Adds a line if it says anything new.
    fn note(&mut self, id: SegmentId, sealed: Option<SealedSegment>) -> io::Result<()> {
        match (self.listed.segments.get(&id), &sealed) {
            (Some(Some(_)), _) | (Some(None), None) => Ok(()),
            _ => self.add(id, sealed),
        }
    }

    fn add(&mut self, segment: SegmentId, sealed: Option<SealedSegment>) -> io::Result<()> {
        let line = line(segment, sealed)?;
        if self.closed {
            self.rewrite()?;
        }
        let written = self.file.append(&line).and_then(|()| {
            self.closed = true;
            self.file.sync()?;
            self.closed = false;
            Ok(())
        });
        if let Err(error) = written {
            // Nothing may follow half a line. If this fails, too, the line counts as damaged.
            let _ = self.file.cut_unsynced(self.listed.whole);
            return Err(error);
        }
        self.listed.whole += line.len() as u64;
        self.listed.segments.insert(segment, sealed);
        Ok(())
    }

    /// Rewrites the list without these segments, if it has any of them.
    fn drop_segments(&mut self, ids: &BTreeSet<SegmentId>) -> io::Result<()> {
        if !ids.iter().any(|id| self.listed.segments.contains_key(id)) {
            return Ok(());
        }
        let mut without = self.listed.clone();
        without.segments.retain(|id, _| !ids.contains(id));
        self.rewrite_with(without)
    }

    /// Replaces a file whose sync has failed.
    fn rewrite(&mut self) -> io::Result<()> {
        self.rewrite_with(self.listed.clone())
    }

    fn rewrite_with(&mut self, listed: ListedSegments) -> io::Result<()> {
        let mut bytes = Vec::new();
        for (segment, sealed) in &listed.segments {
            bytes.extend(line(*segment, *sealed)?);
        }
        let mut temporary = self.path.as_os_str().to_owned();
        temporary.push(".tmp");
        let make = durable::private_file;
        durable::replace(&self.path, Path::new(&temporary), &bytes, make)?;
        self.file = append_to(&self.path)?;
        self.closed = false;
        let whole = bytes.len() as u64;
        self.listed = ListedSegments { segments: listed.segments, damaged: Vec::new(), whole };
        Ok(())
    }
}

fn line(segment: SegmentId, sealed: Option<SealedSegment>) -> io::Result<Vec<u8>> {
    let mut line = checksum::add(serde_json::to_vec(&Line { segment, sealed })?);
    line.push(b'\n');
    Ok(line)
}

/// Opens a copy of the list for appending.
fn append_to(path: &Path) -> io::Result<AppendFile> {
    let file = folder::open_regular(path, OpenOptions::new().create(true).append(true))?;
    Ok(AppendFile::new(file, path))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::durable::recorder::Recorder;
    use std::fs;

    fn sealed() -> SealedSegment {
        SealedSegment { reports: 812, bytes: 345_678 }
    }

    fn id(number: u8) -> SegmentId {
        SegmentId::from_bytes([number; 16])
    }

    #[test]
    fn what_was_noted_is_read_back_wherever_the_end_is_torn() {
        let parent = tempfile::tempdir().expect("a temporary folder");
        let folder = parent.path().join("reports");
        fs::create_dir(&folder).expect("a folder");
        let mut list = SegmentList::open(&folder).expect("a list");
        for _ in 0..2 {
            list.note_begun(id(1)).expect("noted");
            list.note_begun(id(2)).expect("noted");
            list.note_sealed(id(1), sealed()).expect("noted");
        }
        let path = folder.join(NAME);
        let bytes = fs::read(&path).expect("the list");
        let text = String::from_utf8(bytes.clone()).expect("text");
        assert_eq!(text.lines().count(), 3, "{text}");
        let all = listed_segments(&folder).expect("read");
        assert_eq!(all.segments, BTreeMap::from([(id(1), Some(sealed())), (id(2), None)]));
        let copy = copy_path(&folder).expect("a path");
        assert_eq!(fs::read(&copy).expect("the copy"), bytes);
        for cut in (0..bytes.len()).step_by(5) {
            // Each copy alone is enough.
            fs::write(&path, &bytes[..cut]).expect("write");
            assert_eq!(listed_segments(&folder).expect("read").segments, all.segments);
            fs::remove_file(&copy).expect("removed");
            let mut list = SegmentList::open(&folder).expect("a list");
            list.note_begun(id(1)).expect("noted");
            list.note_begun(id(2)).expect("noted");
            list.note_sealed(id(1), sealed()).expect("noted");
            drop(list);
            assert_eq!(listed_segments(&folder).expect("read"), all, "cut at {cut}");
        }
    }

    #[test]
    fn a_list_of_which_a_sync_failed_is_written_anew() {
        let parent = tempfile::tempdir().expect("a temporary folder");
        let folder = parent.path().join("reports");
        fs::create_dir(&folder).expect("a folder");
        let recorder = Recorder::start(parent.path());
        let mut list = SegmentList::open(&folder).expect("a list");
        list.note_begun(id(1)).expect("noted");
        // Whoever has the file open sees what becomes of it.
        let mut before = fs::File::open(folder.join(NAME)).expect("opened");
        recorder.kill_at_sync(0);
        assert!(list.note_begun(id(2)).is_err() && recorder.restart());
        list.note_begun(id(3)).expect("noted");
        list.note_begun(id(2)).expect("noted");
        let listed = listed_segments(&folder).expect("read");
        assert_eq!(listed.segments.keys().copied().collect::<Vec<_>>(), [1, 2, 3].map(id));
        assert!(listed.damaged.is_empty());
        let mut text = String::new();
        io::Read::read_to_string(&mut before, &mut text).expect("read");
        assert!(!text.contains(&id(3).to_string()), "nothing was added to the old file: {text}");
    }

    #[test]
    fn what_was_merged_is_listed_no_more_in_neither_copy() {
        let parent = tempfile::tempdir().expect("a temporary folder");
        let folder = parent.path().join("reports");
        fs::create_dir(&folder).expect("a folder");
        let mut list = SegmentList::open(&folder).expect("a list");
        for number in 1..=3 {
            list.note_begun(id(number)).expect("noted");
        }
        list.drop_segments(&BTreeSet::from([id(2)])).expect("dropped");
        list.note_sealed(id(3), sealed()).expect("noted");
        for path in [folder.join(NAME), copy_path(&folder).expect("a path")] {
            let text = fs::read_to_string(path).expect("a list");
            assert!(!text.contains(&id(2).to_string()) && text.lines().count() == 3, "{text}");
        }
        drop(list);
        let listed = SegmentList::open(&folder).expect("a list").listed().segments.clone();
        assert_eq!(listed, BTreeMap::from([(id(1), None), (id(3), Some(sealed()))]));
    }

    #[test]
    fn a_flipped_bit_makes_a_damaged_line_and_no_other_segment() {
        let parent = tempfile::tempdir().expect("a temporary folder");
        let folder = parent.path().join("reports");
        fs::create_dir(&folder).expect("a folder");
        let mut list = SegmentList::open(&folder).expect("a list");
        list.note_begun(id(1)).expect("noted");
        list.note_sealed(id(1), sealed()).expect("noted");
        let bytes = fs::read(folder.join(NAME)).expect("the list");
        let good = parse(&bytes);
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let found = parse(&flipped);
            for (number, segment) in &found.segments {
                let expected = &good.segments[number];
                assert!(segment.is_none() || segment == expected, "bit {bit}: {found:?}");
            }
            assert_ne!(found, good, "bit {bit}");
        }
    }
}
