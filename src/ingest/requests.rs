//! What others ask of whoever holds a receiver's folder: a merge, in this process or another one.
//!
//! ```text
//! DIR/reports/.seal        all that was acknowledged until now shall be sealed
//! DIR/reports/.sealing     the receiver is about it
//! DIR/reports/merged/ID    the segment is in durable public data, so it may be forgotten
//! ```
//!
//! None of these needs to survive a power cut: whoever asked asks again.
//!
//! A receiver renames `.seal` to `.sealing`, seals, and removes that. So whoever finds neither knows
//! that a sealing which began after the request is over; and the requests of several are one.

use super::folder::{self, OPEN, SEALED};
use super::journal::JournalError;
use super::read_error::ReadError;
use super::segment_id::SegmentId;
use super::segment_list::{SegmentList, listed_segments};
use super::writer::Writer;
use crate::durable;
use std::collections::BTreeSet;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::Path;
use std::time::{Duration, Instant};

/// The request to seal.
const SEAL: &str = ".seal";
/// A request that is being answered.
const SEALING: &str = ".sealing";
/// The folder of notes on segments that are merged.
const MERGED: &str = "merged";
/// How often whoever waits for an answer looks for it.
const LOOK: Duration = Duration::from_millis(20);

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
    let failed = |source| ReadError::Io { path: folder.join(SEAL).display().to_string(), source };
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
            ask(folder).map_err(failed)?;
            asked = true;
        } else if !folder.join(SEAL).exists() && !folder.join(SEALING).exists() {
            return Ok(Sealed::All);
        }
        if Instant::now() >= deadline {
            return Ok(Sealed::NotInTime);
        }
        std::thread::sleep(LOOK);
    }
}

fn ask(folder: &Path) -> io::Result<()> {
    match durable::private_file(&folder.join(SEAL)) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(error),
        // The request of another one is as good.
        _ => Ok(()),
    }
}

/// Whether somebody asks to seal: from now on that is being answered.
pub(super) fn begin_sealing(folder: &Path) -> io::Result<bool> {
    let (seal, sealing) = (folder.join(SEAL), folder.join(SEALING));
    if seal.exists() {
        durable::rename_unsynced(&seal, &sealing)?;
    }
    Ok(sealing.exists())
}

/// What was asked for when the sealing began is done.
pub(super) fn end_sealing(folder: &Path) -> io::Result<()> {
    durable::remove_unsynced(&folder.join(SEALING)).map(drop)
}

/// All of it is sealed, and nothing was acknowledged since: whatever is asked for is done.
pub(super) fn answer_all(folder: &Path) -> io::Result<()> {
    durable::remove_unsynced(&folder.join(SEAL))?;
    end_sealing(folder)
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
    let notes = folder.join(MERGED);
    durable::make_folders_unsynced(&notes, &mut folder::private()).map_err(failed)?;
    for id in gone {
        // The note first: what is gone without one would be missed.
        match durable::private_file(&notes.join(id.to_string())) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(failed(error)),
            _ => remove_files(folder, id).map_err(failed)?,
        }
    }
    // Where a receiver holds the folder, it does the rest.
    match Writer::seal_only(folder) {
        Ok(()) | Err(JournalError::InUse { .. }) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// The segments that a merge has noted.
pub(super) fn merged(folder: &Path) -> io::Result<BTreeSet<SegmentId>> {
    let entries = match fs::read_dir(folder.join(MERGED)) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(BTreeSet::new()),
        entries => entries?,
    };
    let mut ids = BTreeSet::new();
    for entry in entries {
        ids.extend(entry?.file_name().to_str().and_then(|name| name.parse::<SegmentId>().ok()));
    }
    Ok(ids)
}

/// Forgets the segments that a merge has noted: their files, their lines in the list, then the notes.
pub(super) fn forget_merged(folder: &Path, list: &mut SegmentList) -> io::Result<()> {
    let ids = merged(folder)?;
    if ids.is_empty() {
        return Ok(());
    }
    for id in &ids {
        remove_files(folder, *id)?;
    }
    list.drop_segments(&ids)?;
    for id in ids {
        durable::remove_unsynced(&folder.join(MERGED).join(id.to_string()))?;
    }
    Ok(())
}

/// What was sealed is merged, so the open file goes too, in case its receiver died before removing it.
fn remove_files(folder: &Path, id: SegmentId) -> io::Result<()> {
    for end in [OPEN, SEALED] {
        durable::remove_unsynced(&folder::path(folder, id, end))?;
    }
    Ok(())
}
