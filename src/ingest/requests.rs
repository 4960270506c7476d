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
use super::segment_id::SegmentId;
use crate::durable;
use std::collections::BTreeSet;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::Path;

/// The request to seal.
pub(super) const SEAL: &str = ".seal";
/// A request that is being answered.
const SEALING: &str = ".sealing";
/// The folder of notes on segments that are merged.
const MERGED: &str = "merged";

/// Asks the receiver to seal.
pub(super) fn ask(folder: &Path) -> io::Result<()> {
    match durable::private_file(&folder.join(SEAL)) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(error),
        // The request of another one is as good.
        _ => Ok(()),
    }
}

/// Whether no request to seal is left: the one that was made is answered.
pub(super) fn is_answered(folder: &Path) -> bool {
    !folder.join(SEAL).exists() && !folder.join(SEALING).exists()
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

/// Notes that a segment is merged, and removes its files.
pub(super) fn note_merged(folder: &Path, id: SegmentId) -> io::Result<()> {
    let notes = folder.join(MERGED);
    durable::make_folders_unsynced(&notes, &mut folder::private())?;
    // The note first: what is gone without one would be missed.
    match durable::private_file(&notes.join(id.to_string())) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(error),
        _ => remove_files(folder, id),
    }
}

/// Removes the note on a segment.
pub(super) fn forget_note(folder: &Path, id: SegmentId) -> io::Result<()> {
    durable::remove_unsynced(&folder.join(MERGED).join(id.to_string())).map(drop)
}

/// What was sealed is merged, so the open file goes too, in case its receiver died before removing it.
pub(super) fn remove_files(folder: &Path, id: SegmentId) -> io::Result<()> {
    for end in [OPEN, SEALED] {
        durable::remove_unsynced(&folder::path(folder, id, end))?;
    }
    Ok(())
}
