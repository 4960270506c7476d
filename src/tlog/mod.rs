//! How a config is pinned: an RFC 6962 Merkle tree over records, cut into tiles, and signed.
//!
//! Read from the top: each file needs only those above it.
//!
//! | file | one idea | specified by |
//! | --- | --- | --- |
//! | `hash` | leaf and node hashes | RFC 6962, 2.1 |
//! | `tree` | sizes, indexes, tree heads | RFC 6962, 2.1 |
//! | `tile` | names of tiles, and which tiles a tree has | C2SP tlog-tiles; Go checksum database |
//! | `edge` | growing a tree while holding only its right edge | C2SP tlog-tiles |
//! | `entry` | entries and entry bundles | C2SP tlog-tiles |
//! | `record` | what an entry says: two lines for one module version | Go checksum database |
//! | `proof` | inclusion and consistency, made from tiles and verified | RFC 6962, 2.1; RFC 9162, 2.1 |
//! | `signer` | key names, verifier keys, signing | C2SP signed-note |
//! | `note` | signed notes | C2SP signed-note |
//! | `seed` | the one secret, and the file it lives in | this crate |
//! | `checkpoint` | tree heads as signed notes | C2SP tlog-checkpoint; Go checksum database |
//! | `face` | the two faces of one log, and its host | this crate |
//!
//! Nothing here reads a clock or talks to a network, and only `seed` touches a file: tiles come
//! in through [`TileReader`], which a server implements over its store and a client over HTTP.
//!
//! Deliberately not here: the witness protocol and cosignatures (a checkpoint that carries them is
//! read, and they are ignored like any signature of an unknown key), pruning, and proofs for more
//! than one entry at a time.

mod checkpoint;
mod edge;
mod face;
mod hash;
mod note;
mod seed;
mod signer;
#[cfg(test)]
mod testing;
mod tile;
mod tree;

pub use checkpoint::{Checkpoint, CheckpointError, Origin};
pub use edge::{Edge, EdgeError};
pub use face::{Face, Host, HostError};
pub use hash::{Hash, HashParseError, leaf_hash, node_hash};
pub use note::{Note, NoteError, NoteSignature};
pub use seed::{Seed, SeedError};
pub use signer::{KeyId, KeyName, KeyNameError, Signer, VerifierKey, VerifierKeyError};
pub use tile::{Bundle, Tile, TileError, TileNameError, TileReadError, TileReader};
pub use tree::{LeafIndex, TreeHead, TreeLimitError, TreeSize};
