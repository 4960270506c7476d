//! Keeping a receiver open: for as long as a server runs, whatever becomes of it.
//!
//! Opening may fail (another process has the folder, a disk is read-only) and is tried again. The
//! thread that stores may end by a panic; then nothing is known of what it did last but what is on
//! the disk, and opening reads that: a torn end is cut off, and no report is forgotten whose sender
//! was told that it is stored. So opening again is as safe as starting the process again.

use super::journal_error::JournalError;
use super::receiver::{Receiver, ReceiverError};
use super::receiver_slot::{ENDED, ReceiverSlot};
use crate::event::Event;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

/// How long to wait before opening is tried again.
const RETRY: Duration = Duration::from_secs(5);
/// How often to look whether the receiver is at work.
const POLL: Duration = Duration::from_millis(250);

/// How often another process may be found in the folder before that is more than a moment.
const MOMENT: u32 = 8;

/// Opens a receiver with `open`, sets it, and opens another whenever it has ended, until `stop`
/// happens. Then uploads have no receiver any more. Blocks: it is for a thread of its own.
pub fn keep_open(
    slot: &ReceiverSlot,
    stop: &Event,
    open: impl Fn(&Event) -> Result<Receiver, ReceiverError>,
) {
    keep_open_every(slot, stop, open, RETRY);
}

fn keep_open_every(
    slot: &ReceiverSlot,
    stop: &Event,
    open: impl Fn(&Event) -> Result<Receiver, ReceiverError>,
    retry: Duration,
) {
    let mut said = String::new();
    let mut held = 0;
    while !stop.is_set() {
        let opened = catch_unwind(AssertUnwindSafe(|| open(stop)));
        let in_use = matches!(&opened, Ok(Err(ReceiverError::Journal(JournalError::InUse { .. }))));
        held = if in_use { held + 1 } else { 0 };
        let why = match opened {
            Ok(Ok(receiver)) => {
                let receiver = Arc::new(receiver);
                slot.set_receiver(receiver.clone());
                while !receiver.has_ended() && !stop.wait(POLL) {
                    receiver.forget_old_days();
                }
                if stop.is_set() {
                    slot.remove_receiver("the server is stopping");
                    return;
                }
                ENDED.to_owned()
            }
            Ok(Err(ReceiverError::Journal(JournalError::Stopped { .. }))) => return,
            Ok(Err(error)) => error.to_string(),
            Err(_) => "reading what is stored failed by a panic".to_owned(),
        };
        slot.remove_receiver(why.clone());
        // A merge may have the folder for a moment, to seal what was left open.
        if (1..MOMENT).contains(&held) {
            stop.wait(POLL);
            continue;
        }
        // Said once, for as long as it stays the same.
        if why != said {
            tracing::error!("no reports are taken, and their senders asked to come again: {why}");
        }
        said = why;
        stop.wait(retry);
    }
}

#[cfg(test)]
#[path = "keep_open_tests.rs"]
mod tests;
