//! A log on a server that is not trusted, read with C2SP tlog-tiles (<https://c2sp.org/tlog-tiles>).
//!
//! The answers are bounded in size but otherwise unverified: `view` opens checkpoints, and `config`
//! verifies proofs.

use super::{Address, Download as _, Transport, TransportError};
use crate::tlog::{
    Bundle, Entry, EntryError, LeafIndex, Note, ProofError, ProvedFile, Tile, TileReadError,
    TileReader, TreeSize,
};

/// The log at an address.
#[derive(Debug, Clone, Copy)]
pub struct RemoteLog<'a> {
    address: &'a Address,
    transport: &'a dyn Transport,
}

/// Why a server's log could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RemoteError {
    /// The server did not answer.
    #[error(transparent)]
    Transport(#[from] TransportError),
    /// The server does not have something that every log has.
    #[error("there is nothing at {url}, but every log has something there: is the address right?")]
    Missing {
        /// Where.
        url: String,
    },
    /// An entry bundle is malformed.
    #[error("from {url}: {source}")]
    Bundle {
        /// Where.
        url: String,
        /// What is wrong with it.
        source: EntryError,
    },
    /// The tree is too small to have the entry.
    #[error(transparent)]
    NotInTree(ProofError),
}

impl<'a> RemoteLog<'a> {
    /// The log at `address`.
    pub fn new(address: &'a Address, transport: &'a dyn Transport) -> RemoteLog<'a> {
        RemoteLog { address, transport }
    }

    /// Where the log is.
    pub fn address(&self) -> &'a Address {
        self.address
    }

    /// The bytes of the current checkpoint.
    pub fn checkpoint(&self) -> Result<Vec<u8>, RemoteError> {
        self.must_get("checkpoint", Note::MAXIMUM_LENGTH)
    }

    /// The newest config's zip, of at most `longest` bytes, with its proof. `None` if the server does not
    /// have it: it need not, and what it sends is as unverified as all else.
    pub(super) fn newest(&self, longest: usize) -> Result<Option<Vec<u8>>, TransportError> {
        self.get("newest", longest.saturating_add(ProvedFile::LONGEST_PROOF))
    }

    /// The entry of a leaf of the tree of this size.
    pub fn entry(&self, index: LeafIndex, size: TreeSize) -> Result<Entry, RemoteError> {
        let not_in_tree = || RemoteError::NotInTree(ProofError::NotInTree { index, size });
        let (bundle, position) = Bundle::of_leaf(index, size).ok_or_else(not_in_tree)?;
        // A log may drop a partial bundle once the full one exists.
        let (bundle, bytes) = match self.get(&bundle.path(), longest(bundle))? {
            None if bundle.is_partial() => {
                let full = bundle.full();
                (full, self.must_get(&full.path(), longest(full))?)
            }
            None => return Err(self.missing(&bundle.path())),
            Some(bytes) => (bundle, bytes),
        };
        let url = self.address.join(&bundle.path());
        let mut entries =
            bundle.decode(&bytes).map_err(|source| RemoteError::Bundle { url, source })?;
        // A bundle decodes to as many entries as its width, and the position is below that.
        Ok(entries.swap_remove(position))
    }

    fn get(&self, path: &str, limit: usize) -> Result<Option<Vec<u8>>, TransportError> {
        self.transport.get(&self.address.join(path), limit)
    }

    fn must_get(&self, path: &str, limit: usize) -> Result<Vec<u8>, RemoteError> {
        self.get(path, limit)?.ok_or_else(|| self.missing(path))
    }

    fn missing(&self, path: &str) -> RemoteError {
        RemoteError::Missing { url: self.address.join(path) }
    }
}

/// The largest size of a bundle, in bytes.
fn longest(bundle: Bundle) -> usize {
    usize::from(bundle.width()) * (2 + Entry::MAXIMUM)
}

impl TileReader for RemoteLog<'_> {
    /// A log may drop a partial tile once the full one exists; then the full one is read.
    fn read_tile(&self, tile: Tile) -> Result<Vec<u8>, TileReadError> {
        match self.get(&tile.path(), tile.length())? {
            Some(bytes) => Ok(bytes),
            None if tile.is_partial() => {
                let full = tile.full();
                Ok(self.must_get(&full.path(), full.length())?)
            }
            None => Err(self.missing(&tile.path()).into()),
        }
    }
}
