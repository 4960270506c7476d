//! Segments whose reports were not all merged, and that are gone or damaged.
//!
//! The journal lists every segment that it begins and seals (`ingest`'s list of segments), and a merge
//! remembers how far it read each (`read_state`). A listed segment that is not there, or is not as long
//! as it was when it was sealed, has lost reports, unless all of it was merged before: then it is of no
//! use any more, and may be removed.

use super::merge::MergeError;
use super::read_state::{self, ReadState};
use crate::aggregate::public::PublicData;
use crate::ingest::ReadError;
use crate::ingest::old::{
    ReadMark, SealedSegment, SegmentFile, listed_segments, segment_file_name, segment_files,
};
use crate::store::Store;
use std::collections::BTreeMap;
use std::fmt;
use std::iter::{once, repeat};
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

/// A segment that has lost reports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LostSegment {
    /// Its number.
    pub number: u64,
    /// Its file's name.
    pub name: String,
    /// What it was, if it was sealed.
    pub sealed: Option<SealedSegment>,
    /// What is the matter with it.
    pub loss: Loss,
}

/// How a segment has lost reports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Loss {
    /// There is no such file.
    Missing,
    /// The file has another length, this one, than it had when it was sealed.
    Length(u64),
    /// The file is shorter than what was read of it before.
    Cut {
        /// How long it is.
        length: u64,
        /// Up to which byte it was read.
        read: u64,
    },
    /// These bytes are no reports.
    Damaged(Vec<Range<u64>>),
}

impl LostSegment {
    /// Whether there is a file, which is damaged.
    pub fn is_damaged(&self) -> bool {
        matches!(self.loss, Loss::Cut { .. } | Loss::Damaged(_))
    }
}

impl fmt::Display for LostSegment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let LostSegment { number, name, sealed, loss } = self;
        match (loss, sealed) {
            (Loss::Missing, Some(SealedSegment { reports, .. })) => {
                write!(f, "{name} is missing, and not all of its {reports} reports are merged")
            }
            (Loss::Missing, None) => write!(
                f,
                "{name} is missing, and with it what was stored in it since the last merge"
            ),
            (Loss::Length(length), sealed) => {
                let (bytes, reports) =
                    sealed.as_ref().map_or((0, 0), |sealed| (sealed.bytes, sealed.reports));
                write!(
                    f,
                    "{name} has {length} bytes, and had {bytes} with {reports} reports when it was \
                     sealed, not all of which are merged"
                )
            }
            (Loss::Cut { length, read }, _) => write!(
                f,
                "{name} is damaged: it has {length} bytes, and a merge had read {read}; what was \
                 stored in it after that is not there"
            ),
            (Loss::Damaged(damage), _) => {
                write!(f, "{name} is damaged")?;
                for (before, bytes) in once("").chain(repeat(" and")).zip(damage) {
                    write!(f, "{before} from byte {} to {}", bytes.start, bytes.end)?;
                }
                write!(f, "; reports there cannot be merged, all others are")
            }
        }?;
        write!(
            f,
            ". Put the file back from a copy and run `candor merge`; where there is no copy, \
             `candor merge --give-up {number}` notes that they are lost"
        )
    }
}

/// The segments of a deployment that have lost reports. `reports` is the journal's folder.
pub fn lost_segments(
    reports: &Path,
    store: &Arc<dyn Store>,
) -> Result<Vec<LostSegment>, MergeError> {
    let merges = PublicData::new(store.clone()).index()?.merges;
    let state = read_state::read(&**store, merges)?.state;
    Ok(find(reports, &state)?)
}

/// Those that have lost reports, by what was merged.
pub(super) fn find(reports: &Path, state: &ReadState) -> Result<Vec<LostSegment>, ReadError> {
    // The list first: whatever it names was there by then.
    let listed = listed_segments(reports)?.segments;
    let lost = lost_among(&listed, &files(reports)?, state);
    if lost.is_empty() {
        return Ok(lost);
    }
    // A file that is renamed while its folder is listed may be listed under neither name.
    Ok(lost_among(&listed, &files(reports)?, state))
}

fn files(reports: &Path) -> Result<BTreeMap<u64, SegmentFile>, ReadError> {
    Ok(segment_files(reports)?.into_iter().map(|file| (file.number(), file)).collect())
}

fn lost_among(
    listed: &BTreeMap<u64, Option<SealedSegment>>,
    files: &BTreeMap<u64, SegmentFile>,
    state: &ReadState,
) -> Vec<LostSegment> {
    // A list may be lost as well; what was read of a segment tells that it was there.
    let unlisted = state.segments.keys().filter(|number| !listed.contains_key(number));
    let segments = listed
        .iter()
        .map(|(number, sealed)| (*number, sealed.as_ref()))
        .chain(unlisted.map(|number| (*number, None)));
    let lost = |(number, sealed): (u64, Option<&SealedSegment>)| {
        let (file, mark) = (files.get(&number), state.segments.get(&number));
        let merged =
            sealed.is_some_and(|sealed| mark.is_some_and(|mark| mark.is_all_of(sealed.bytes)));
        if merged || state.given_up.contains(&number) {
            return None;
        }
        let loss = match (file.map(SegmentFile::length), sealed) {
            (None, _) => Loss::Missing,
            (Some(length), Some(sealed)) if length != sealed.bytes => Loss::Length(length),
            (Some(length), _) => mark.and_then(|mark| damage_of(length, mark))?,
        };
        let until = sealed.map(|sealed| sealed.until);
        let name = file.map_or_else(|| segment_file_name(number, until), SegmentFile::name);
        Some(LostSegment { number, name, sealed: sealed.cloned(), loss })
    };
    segments.filter_map(lost).collect()
}

/// What is wrong with a file of this length, by what was read of it.
fn damage_of(length: u64, mark: &ReadMark) -> Option<Loss> {
    if length < mark.end() {
        return Some(Loss::Cut { length, read: mark.end() });
    }
    let damage: Vec<_> = mark.damage().collect();
    (!damage.is_empty()).then_some(Loss::Damaged(damage))
}

/// A segment in which a merge found this damage.
pub(super) fn damaged(file: &SegmentFile, mark: &ReadMark) -> Option<LostSegment> {
    let damage: Vec<_> = mark.damage().collect();
    let (number, name) = (file.number(), file.name());
    let loss = Loss::Damaged(damage.clone());
    (!damage.is_empty()).then_some(LostSegment { number, name, sealed: None, loss })
}
