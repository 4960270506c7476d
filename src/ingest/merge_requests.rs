//! The merge's side of its requests to the receiver: to seal what was acknowledged, and to forget what is
//! merged. If no process holds the folder, the merge does both itself.

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

/// How often to look for an answer.
const POLL: Duration = Duration::from_millis(20);

/// The result of asking to seal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sealed {
    /// Everything that was acknowledged before the request is sealed.
    All,
    /// The receiver did not answer in time; what it acknowledged last may not be sealed.
    NotInTime,
}

/// Seals everything that was acknowledged until now. If another holder of the folder exists, in this
/// process or another, it is asked, and waited for up to `wait`.
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

/// Removes segments that are durable in the public data, and forgets them. Pass all ids that the index
/// names; segments that are gone already are skipped. May be repeated, also while a receiver runs.
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
    // If a receiver holds the folder, it does the rest.
    match Writer::seal_only(folder) {
        Ok(()) | Err(JournalError::InUse { .. }) => Ok(()),
        Err(error) => Err(error.into()),
    }
}
