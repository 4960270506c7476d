//! Keeps a receiver open for as long as the server runs.
//!
//! Opening may fail (another process uses the folder, the disk is read-only) and is tried again. If
//! the journal's thread panics, only what is on the disk is certain. Opening reads that again: it cuts
//! off a torn end, and forgets no report whose sender was told that it is stored. So opening again is
//! as safe as restarting the process.

use super::journal_error::JournalError;
use super::receiver::{Receiver, ReceiverError};
use super::receiver_slot::{ENDED, ReceiverSlot};
use crate::event::Event;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

/// How long to wait before opening is tried again.
const RETRY: Duration = Duration::from_secs(5);
/// How often to check whether the receiver still works.
const POLL: Duration = Duration::from_millis(250);

/// After how many attempts in a row that find the folder in use this is reported.
const MOMENT: u32 = 8;

/// Opens a receiver with `open`, puts it into the slot, and opens another whenever it has ended, until
/// `stop` is set. Then it empties the slot. Blocks, so run it on a thread of its own.
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
            Err(_) => "reading stored reports panicked".to_owned(),
        };
        slot.remove_receiver(why.clone());
        // A merge may use the folder briefly, to seal an open segment.
        if (1..MOMENT).contains(&held) {
            stop.wait(POLL);
            continue;
        }
        // Logged once for as long as it stays the same.
        if why != said {
            tracing::error!(
                "no reports are accepted, and their senders are asked to come again: \
                {why}"
            );
        }
        said = why;
        stop.wait(retry);
    }
}

#[cfg(test)]
#[path = "keep_open_tests.rs"]
mod tests;
