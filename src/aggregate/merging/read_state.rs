//! What of the uploads was merged already: a pointer of the store, `aggregate/read`.
//!
//! It is written after the index, so after a crash between the two it says less than is true, and
//! what it does not tell of is merged again, which changes nothing. Where the store's index is older
//! than it (a backup was put back), it is not believed, and everything is read again. Where it is
//! there and the index is not, the index was lost, and nothing is merged
//! ([`PublicError::NoIndex`]).

use crate::aggregate::public::{MERGED, PublicError};
use crate::ingest::old::ReadMark;
use crate::store::{Key, Store, Swap, checksum};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

const FORMAT: u32 = 2;

/// How far each segment was merged.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ReadState {
    format: u32,
    /// [`Index::merges`](crate::aggregate::index::Index::merges) of the index that holds all this.
    pub merges: u64,
    /// The segments, by number.
    pub segments: BTreeMap<u64, ReadMark>,
    /// The segments that the operator has given up for lost.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub given_up: BTreeSet<u64>,
}

/// The state as it was found, so that it can be replaced.
#[derive(Debug, Clone, Default)]
pub(super) struct Found {
    bytes: Option<Vec<u8>>,
    /// What it says; nothing, where it cannot be believed.
    pub state: ReadState,
}

/// Reads the state. `merges`: that of the index.
pub(super) fn read(store: &dyn Store, merges: u64) -> Result<Found, PublicError> {
    let bytes = store.pointer(&Key::new(MERGED)?)?;
    // One that is damaged, or from another version of this program, is written anew.
    let whole = bytes.as_deref().filter(|bytes| checksum::verify(bytes).is_ok());
    let state = whole.and_then(|bytes| serde_json::from_slice::<ReadState>(bytes).ok());
    let believed = state.filter(|state| state.format == FORMAT && state.merges <= merges);
    Ok(Found { bytes, state: believed.unwrap_or_default() })
}

/// Replaces the state that was found. Where somebody else has replaced it, theirs stands: it is as
/// true as ours.
pub(super) fn replace(
    store: &dyn Store,
    found: &Found,
    merges: u64,
    segments: BTreeMap<u64, ReadMark>,
    given_up: BTreeSet<u64>,
) -> Result<(), PublicError> {
    let state = ReadState { format: FORMAT, merges, segments, given_up };
    if state == found.state {
        return Ok(());
    }
    let bytes = serde_json::to_vec(&state)
        .map_err(|e| PublicError::Malformed { what: MERGED.to_owned(), reason: e.to_string() })?;
    let bytes = checksum::add(bytes);
    let (Swap::Won | Swap::Lost) =
        store.swap(&Key::new(MERGED)?, found.bytes.as_deref(), &bytes)?;
    Ok(())
}
