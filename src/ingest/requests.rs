//! The files by which a merge, in this process or another, asks something of the receiver.
//!
//! ```text
//! DIR/reports/.seal        please seal everything that was acknowledged so far
//! DIR/reports/.sealing     the receiver is doing so
//! DIR/reports/merged/ID    the segment is durable in the public data, so it may be forgotten
//! ```
//!
//! None of them needs to survive a power cut: whoever asked asks again.
//!
//! The receiver renames `.seal` to
//! `.sealing`, seals, and removes it. So if neither file exists, a sealing that began after the request
//! has finished. Several requests count as one.

use super::folder::{self, OPEN, SEALED};
use super::segment_id::SegmentId;
use crate::durable;
use std::collections::BTreeSet;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::Path;

/// The request to seal.
pub(super) const SEAL: &str = ".seal";
/// A request that is being handled.
const SEALING: &str = ".sealing";
/// The folder of notes on merged segments.
const MERGED: &str = "merged";

/// Asks the receiver to seal.
pub(super) fn ask(folder: &Path) -> io::Result<()> {
    match durable::private_file(&folder.join(SEAL)) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(error),
        // Another process has asked already.
        _ => Ok(()),
    }
}

/// Whether no request to seal is left.
pub(super) fn is_answered(folder: &Path) -> bool {
    !folder.join(SEAL).exists() && !folder.join(SEALING).exists()
}

/// Whether somebody asks to seal. From here on the request counts as being handled.
pub(super) fn begin_sealing(folder: &Path) -> io::Result<bool> {
    let (seal, sealing) = (folder.join(SEAL), folder.join(SEALING));
    if seal.exists() {
        durable::rename_unsynced(&seal, &sealing)?;
    }
    Ok(sealing.exists())
}

/// Ends the handling of the request.
pub(super) fn end_sealing(folder: &Path) -> io::Result<()> {
    durable::remove_unsynced(&folder.join(SEALING)).map(drop)
}

/// Answers all requests: everything is sealed, and nothing was acknowledged since.
pub(super) fn answer_all(folder: &Path) -> io::Result<()> {
    durable::remove_unsynced(&folder.join(SEAL))?;
    end_sealing(folder)
}

/// The segments that are noted as merged.
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
    // The note first: a file that is gone without one would count as lost.
    match durable::private_file(&notes.join(id.to_string())) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(error),
        _ => remove_files(folder, id),
    }
}

/// Removes the note on a segment.
pub(super) fn forget_note(folder: &Path, id: SegmentId) -> io::Result<()> {
    durable::remove_unsynced(&folder.join(MERGED).join(id.to_string())).map(drop)
}

/// Removes a merged segment's files; the open one, too, in case the receiver died before removing it.
pub(super) fn remove_files(folder: &Path, id: SegmentId) -> io::Result<()> {
    for end in [OPEN, SEALED] {
        durable::remove_unsynced(&folder::path(folder, id, end))?;
    }
    Ok(())
}
