//! A merge asks whoever holds a receiver's folder: to seal what was acknowledged, and to forget what is
//! merged. Where nobody holds the folder, it does both itself.

use super::folder::{self, OPEN, SEALED};
use super::journal_error::JournalError;
use super::read_error::ReadError;
use super::requests;
use super::segment_id::SegmentId;
use super::segment_list::listed_segments;
use super::writer::Writer;
use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, Instant};

/// How often whoever waits for an answer looks for it.
const POLL: Duration = Duration::from_millis(20);

/// What came of asking to seal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sealed {
    /// Whatever was acknowledged before it was asked is in sealed segments.
    All,
    /// The receiver has not answered in time: what it has sealed before is all there is.
    NotInTime,
}

/// Has all that was acknowledged until now sealed. Where nobody holds the folder, it is done here;
/// otherwise the receiver is asked, in this process or another one, and waited for, `wait` long.
pub fn ask_to_seal(folder: &Path, wait: Duration) -> Result<Sealed, ReadError> {
    let failed =
        |source| ReadError::Io { path: folder.join(requests::SEAL).display().to_string(), source };
    if !folder.is_dir() {
        return Ok(Sealed::All);
    }
    let deadline = Instant::now() + wait;
    let mut asked = false;
    loop {
        match Writer::seal_only(folder) {
            Ok(()) => return Ok(Sealed::All),
            Err(JournalError::InUse { .. }) => {}
            Err(error) => return Err(error.into()),
        }
        if !asked {
            requests::ask(folder).map_err(failed)?;
            asked = true;
        } else if requests::is_answered(folder) {
            return Ok(Sealed::All);
        }
        if Instant::now() >= deadline {
            return Ok(Sealed::NotInTime);
        }
        std::thread::sleep(POLL);
    }
}

/// Removes segments that are in durable public data, and has them forgotten. To be given all ids that
/// the index names: what is gone already is left alone. May be repeated, and done beside a receiver.
pub fn remove_merged(
    folder: &Path,
    ids: impl IntoIterator<Item = SegmentId>,
) -> Result<(), ReadError> {
    let failed = |source| ReadError::Io { path: folder.display().to_string(), source };
    if !folder.is_dir() {
        return Ok(());
    }
    let mut there: BTreeSet<SegmentId> = listed_segments(folder)?.segments.into_keys().collect();
    for end in [OPEN, SEALED] {
        there.extend(folder::segments(folder, end).map_err(failed)?);
    }
    let gone: Vec<_> = ids.into_iter().filter(|id| there.contains(id)).collect();
    if gone.is_empty() {
        return Ok(());
    }
    for id in gone {
        requests::note_merged(folder, id).map_err(failed)?;
    }
    // Where a receiver holds the folder, it does the rest.
    match Writer::seal_only(folder) {
        Ok(()) | Err(JournalError::InUse { .. }) => Ok(()),
        Err(error) => Err(error.into()),
    }
}
