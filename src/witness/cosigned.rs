//! What a witness remembers about a log: the checkpoint that it cosigned last.
//!
//! One pointer of the store for each log, `cosigned/ORIGINHASH`, where the hash is the SHA-256 of the
//! origin in lowercase hexadecimal, as monitors ask for it:
//!
//! ```text
//! {"format":1,"time":1770000000,"note":"ORIGIN\nSIZE\nROOT\n\n— ...","sha256":"..."}
//! ```
//!
//! The note has the verified signatures of the log and the cosignatures that were returned. So one
//! compare-and-swap both remembers a checkpoint and publishes it to monitors.

use crate::store::{Key, KeyError, checksum};
use crate::tlog::{Checkpoint, Note, Origin, TreeHead};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

const FORMAT: u32 = 1;

/// The hash by which monitors refer to a log.
pub(super) fn origin_hash(origin: &Origin) -> String {
    let digest = Sha256::digest(origin.as_str());
    crate::hex::hex(&digest)
}

/// The pointer with what is remembered about a log, by the hash of its origin.
pub(super) fn key(origin_hash: &str) -> Result<Key, KeyError> {
    Key::new(format!("cosigned/{origin_hash}"))
}

/// The checkpoint that was cosigned last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Cosigned {
    /// The note, with the log's signatures and the cosignatures.
    pub(super) note: Note,
    /// Its checkpoint.
    pub(super) checkpoint: Checkpoint,
    /// The time of the cosignatures.
    pub(super) time: u64,
}

/// The stored state is damaged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "what the witness remembers about a log is damaged ({0}): restore it from a copy that is not \
     older; until then this log is not cosigned"
)]
pub struct DamagedState(String);

#[derive(Serialize, Deserialize)]
struct Stored {
    format: u32,
    time: u64,
    note: String,
}

impl Cosigned {
    pub(super) fn head(&self) -> TreeHead {
        self.checkpoint.head()
    }

    pub(super) fn encode(&self) -> Result<Vec<u8>, DamagedState> {
        let stored = Stored { format: FORMAT, time: self.time, note: self.note.to_string() };
        Ok(checksum::add(serde_json::to_vec(&stored).map_err(damaged)?))
    }

    /// Reads what is stored under the hash of an origin.
    pub(super) fn decode(bytes: &[u8], hash: &str) -> Result<Cosigned, DamagedState> {
        checksum::verify(bytes).map_err(damaged)?;
        let Stored { format, time, note } = serde_json::from_slice(bytes).map_err(damaged)?;
        if format != FORMAT {
            return Err(damaged(format!(
                "it has format {format}, which this program does not know"
            )));
        }
        let note = Note::parse(note.as_bytes()).map_err(damaged)?;
        let checkpoint = Checkpoint::parse(note.text()).map_err(damaged)?;
        if origin_hash(checkpoint.origin()) != hash {
            return Err(damaged("it is of another log"));
        }
        Ok(Cosigned { note, checkpoint, time })
    }
}

fn damaged(problem: impl ToString) -> DamagedState {
    DamagedState(problem.to_string())
}
