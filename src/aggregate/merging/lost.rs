//! Segments whose reports were not all merged, and that are gone.
//!
//! The journal lists every segment that it begins and seals (`ingest`'s list of segments), and a merge
//! remembers how far it read each (`read_state`). A listed segment that is not there, or is not as long
//! as it was when it was sealed, has lost reports, unless all of it was merged before: then it is of no
//! use any more, and may be removed.

use super::merge::MergeError;
use super::read_state::{self, ReadState};
use crate::aggregate::public::PublicData;
use crate::ingest::{
    ReadError, SealedSegment, SegmentFile, listed_segments, segment_file_name, segment_files,
};
use crate::store::Store;
use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

/// A segment that has lost reports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LostSegment {
    /// Its number.
    pub number: u64,
    /// What it was, if it was sealed.
    pub sealed: Option<SealedSegment>,
    /// How long its file is now, if there is one.
    pub length: Option<u64>,
}

impl fmt::Display for LostSegment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let LostSegment { number, sealed, length } = self;
        let name = segment_file_name(*number, sealed.as_ref().map(|sealed| sealed.until));
        match (sealed, length) {
            (Some(SealedSegment { reports, .. }), None) => {
                write!(f, "{name} is missing, and not all of its {reports} reports are merged")
            }
            (Some(SealedSegment { reports, bytes, .. }), Some(length)) => write!(
                f,
                "{name} has {length} bytes, and had {bytes} with {reports} reports when it was \
                 sealed, not all of which are merged"
            ),
            (None, _) => write!(
                f,
                "{name} is missing, and with it what was stored in it since the last merge"
            ),
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
    let lost = |(number, sealed): (&u64, &Option<SealedSegment>)| {
        let length = files.get(number).map(SegmentFile::length);
        let whole = match (sealed, length) {
            // One that is not sealed has no length that it should have.
            (None, found) => found.is_some(),
            (Some(sealed), found) => found == Some(sealed.bytes),
        };
        let merged = sealed.as_ref().is_some_and(|sealed| {
            let mark = state.segments.get(number);
            mark.is_some_and(|mark| mark.is_all_of(sealed.bytes))
        });
        let known = whole || merged || state.given_up.contains(number);
        (!known).then(|| LostSegment { number: *number, sealed: sealed.clone(), length })
    };
    listed.iter().filter_map(lost).collect()
}
