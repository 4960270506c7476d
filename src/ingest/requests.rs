//! What others ask of whoever holds a receiver's folder: a merge, in this process or another one.
//!
//! ```text
//! DIR/reports/.seal        all that was acknowledged until now shall be sealed
//! DIR/reports/.sealing     the receiver is about it
//! DIR/reports/merged/ID    the segment is in durable public data, so it may be forgotten
//! ```
//!
//! A receiver renames `.seal` to `.sealing`, seals, and removes that. So whoever finds neither knows
//! that a sealing which began after the request is over; and the requests of several are one.

use super::folder;
use super::segment_id::SegmentId;
use super::stored::ReadError;
use crate::durable;
use std::fs::DirBuilder;
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
        if let Some(lock) = folder::lock(folder).map_err(failed)? {
            // Nothing is left open in this folder but by a receiver that holds it.
            answer(folder).map_err(failed)?;
            drop(lock);
            return Ok(Sealed::All);
        }
        if !asked {
            ask(folder).map_err(failed)?;
            asked = true;
        }
        if !folder.join(SEAL).exists() && !folder.join(SEALING).exists() {
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

fn answer(folder: &Path) -> io::Result<()> {
    durable::remove_unsynced(&folder.join(SEAL))?;
    durable::remove_unsynced(&folder.join(SEALING)).map(drop)
}

/// Removes segments that are in durable public data. May be repeated, and done beside a receiver.
pub fn remove_merged(
    folder: &Path,
    ids: impl IntoIterator<Item = SegmentId>,
) -> Result<(), ReadError> {
    let failed = |source| ReadError::Io { path: folder.display().to_string(), source };
    let mut ids = ids.into_iter().peekable();
    if ids.peek().is_none() || !folder.is_dir() {
        return Ok(());
    }
    let notes = folder.join(MERGED);
    durable::make_folders_unsynced(&notes, &mut DirBuilder::new()).map_err(failed)?;
    for id in ids {
        for name in [format!("{id}.open"), format!("{id}.sealed")] {
            durable::remove_unsynced(&folder.join(name)).map_err(failed)?;
        }
    }
    durable::sync_folder(folder).map_err(failed)
}
