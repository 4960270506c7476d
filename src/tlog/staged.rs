//! Staged entries: what turns one committed head into the next.
//!
//! Racing publishers may each prepare a tree of the same size. Their tiles have the same names, so nobody
//! may write them before one publisher has won; but what won must survive its publisher. So a publisher
//! first stages its *entries*, under a name that contains the root they lead to, and only then competes
//! for the head. Whoever finds a committed head with missing tiles derives them again from the previous
//! head and the staged entries, and gets the same bytes.
//!
//! ```text
//! candor staged entries v1\n
//! SIZE ROOT\n                 the head before
//! uint16 length, entry        repeated; as in an entry bundle, but as many as there are
//! ```

use super::layout::{format_head, parse_head, staged_key};
use super::{Entry, LogError, TreeHead};
use crate::store::Store;

const MAGIC: &str = "candor staged entries v1\n";

/// Entries, and the head that they extend.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Staged {
    pub(super) before: TreeHead,
    pub(super) entries: Vec<Entry>,
}

impl Staged {
    /// The entries that lead to `head`, or `None` if none were staged.
    pub(super) fn load(store: &dyn Store, head: TreeHead) -> Result<Option<Staged>, LogError> {
        let name = staged_key(head)?;
        let Some(bytes) = store.get(&name)? else { return Ok(None) };
        let staged = Staged::decode(&bytes);
        staged.map(Some).ok_or_else(|| LogError::damaged(name, "it holds no staged entries"))
    }

    /// The object's bytes.
    pub(super) fn encode(before: TreeHead, entries: &[Entry]) -> Vec<u8> {
        let mut bytes = format!("{MAGIC}{}", format_head(before)).into_bytes();
        entries.iter().for_each(|entry| entry.encode_into(&mut bytes));
        bytes
    }

    /// Reads what [`Staged::encode`] writes; `None` for anything else.
    pub(super) fn decode(bytes: &[u8]) -> Option<Staged> {
        let rest = bytes.strip_prefix(MAGIC.as_bytes())?;
        let end = rest.iter().position(|byte| *byte == b'\n')? + 1;
        let (head, entries) = rest.split_at_checked(end)?;
        let before = parse_head(head)?;
        let mut rest = entries;
        let mut entries = Vec::new();
        while let Some((length, after)) = rest.split_first_chunk::<2>() {
            let (entry, after) = after.split_at_checked(u16::from_be_bytes(*length).into())?;
            entries.push(Entry::new(entry).ok()?);
            rest = after;
        }
        (rest.is_empty() && !entries.is_empty()).then_some(Staged { before, entries })
    }
}
