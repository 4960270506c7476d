//! How a config is pinned: an RFC 6962 Merkle tree of records, cut into tiles and signed.
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
//! | `tile_nodes` | all the nodes of a tile, hashed once | RFC 6962, 2.1 |
//! | `proof` | inclusion and consistency, made from tiles and verified | RFC 6962, 2.1; RFC 9162, 2.1 |
//! | `subtree` | subtrees, and the proof that a tree contains one | draft-ietf-plants-merkle-tree-certs, 4 |
//! | `host` | the host that a log is named after | this crate |
//! | `vkey` | key names, key IDs, the text of verifier keys | C2SP signed-note |
//! | `secret` | 32 secret bytes in a locked page of memory | this crate |
//! | `seed` | the secret of a log or witness, and its file | this crate |
//! | `seed_source` | where a seed is read from: file, environment, credential | this crate |
//! | `signer` | a log's verifier key, signing | C2SP signed-note |
//! | `note` | signed notes | C2SP signed-note |
//! | `checkpoint` | tree heads as signed notes | C2SP tlog-checkpoint; Go checksum database |
//! | `cosigner` | cosignatures of witnesses, by Ed25519 and ML-DSA-44 | C2SP tlog-cosignature |
//! | `policy` | which logs and witnesses to trust | C2SP tlog-policy |
//! | `freshness` | how old a view of a log is, by what witnesses say | this crate |
//! | `tlog_proof` | proofs that stand alone | C2SP tlog-proof |
//! | `protocol` | the two protocols that one log speaks | this crate |
//! | `log_keys` | the keys of one log, for each protocol | this crate |
//! | `published` | one tree head signed for both protocols | this crate |
//! | `evidence`, `evidence_text` | contradicting statements of a log, in a file that anyone can check offline | this crate |
//! | `layout` | the names of a log's objects in a store | this crate |
//! | `checked_tiles` | tiles checked against a signed root | this crate |
//! | `staged` | the entries between two committed heads | this crate |
//! | `prune` | removing what a published head has superseded | C2SP tlog-tiles |
//! | `sound` | the check of a head before it is signed | this crate |
//! | `lock_backend` | where the last signed head is kept, apart from the store | this crate |
//! | `lock_record` | what the lock holds | this crate |
//! | `signer_identity` | telling the signer from a copy of its folder | this crate |
//! | `signer_lock` | one log, one signer: the right to sign the next head | this crate |
//! | `witnesses` | what a log asks of witnesses before it publishes | this crate |
//! | `log` | append, commit, check, sign, publish: the life of an entry | this crate |
//! | `log_error` | why a log refused | this crate |
//! | `signer_move` | moving the signer to another folder | this crate |
//! | `examine` | a whole log recomputed from its entries | this crate |
//!
//! Nothing here reads a clock or uses a network, and only `seed` and `signer_identity` touch files: tiles
//! come in through [`TileReader`], which `layout` implements for a store and the client for HTTP. The
//! files from `layout` on are for the log's owner; those above, for everyone.
//!
//! Not here: the witness protocol (`witness`), and proofs for several entries at a time.

mod checked_tiles;
mod checkpoint;
mod cosigner;
mod edge;
mod entry;
mod evidence;
mod evidence_text;
mod examine;
mod freshness;
mod hash;
mod host;
mod layout;
mod lock_backend;
mod lock_record;
mod log;
mod log_error;
mod log_keys;
#[cfg(test)]
mod log_schedules;
mod note;
mod policy;
mod proof;
mod protocol;
mod proved_file;
mod prune;
mod published;
mod record;
mod secret;
mod seed;
pub(crate) mod seed_source;
mod signer;
mod signer_identity;
mod signer_lock;
mod signer_move;
mod sound;
mod staged;
mod subtree;
#[cfg(test)]
mod testing;
mod tile;
mod tile_nodes;
mod tlog_proof;
mod tree;
mod vkey;
mod witnesses;

pub use checked_tiles::{CheckedTileError, CheckedTiles};
pub use checkpoint::{Checkpoint, CheckpointError, Origin};
pub use cosigner::{CosignError, CosignatureTime, Cosigner, CosignerKey, CosignerKind};
pub use edge::{Edge, EdgeError};
pub use entry::{Entry, EntryError, append_to_bundles, encode_entries};
pub use evidence::{
    Contradiction, EVIDENCE, Evidence, EvidenceError, EvidenceKeys, NotEvidence, Proved,
    ProvedEntry,
};
pub use examine::{ExamineError, examine_all};
pub use freshness::{AHEAD, FRESH_FOR, Freshness, NotFresh};
pub use hash::{Hash, HashParseError, leaf_hash, node_hash};
pub use host::{Host, HostError};
pub use layout::{BundleError, CHECKPOINT, StoredTiles, bundle_key, tile_key};
pub use lock_backend::{LockBackend, StoreLock};
pub use lock_record::{LockError, LockRecord};
pub use log::{Appended, Log, verify_committed};
pub use log::{committed as committed_head, registered as registered_signer};
pub use log_error::LogError;
pub use log_keys::{LogKeys, LogVerifiers};
pub use note::{Note, NoteError, NoteSignature};
pub use policy::{
    AcceptedCheckpoint, CheckpointRefused, Octets, Policy, PolicyError, PolicyFault, PolicyLog,
    PolicyWitness,
};
pub use proof::{
    ConsistencyProof, InclusionProof, ProofError, ProofStep, Side, prefix_root, prove_consistency,
    prove_inclusion, verify_consistency, verify_inclusion,
};
pub use protocol::Protocol;
pub use proved_file::{ProvedFile, ProvedFileError};
pub use published::{Published, PublishedError};
pub use record::{Lookup, Record, RecordError, data_tile};
pub use seed::{Seed, SeedError};
pub use seed_source::{SeedLocation, SeedSource};
pub use signer::{Signer, VerifierKey};
pub use signer_identity::{IdentityError, Machine, SignerId, SignerIdError, SignerIdentity};
pub use signer_lock::SignerLock;
pub use signer_move::{SeenHead, SignerStatus};
pub use sound::{EntryValidator, InvalidEntry};
pub use subtree::{Subtree, SubtreeError};
pub use tile::{Bundle, Tile, TileError, TileNameError, TileReadError, TileReader};
pub use tile_nodes::TileNodes;
pub use tlog_proof::{NotProved, TlogProof, TlogProofError};
pub use tree::{LeafIndex, TreeHead, TreeLimitError, TreeSize};
pub use vkey::{KeyId, KeyName, KeyNameError, VerifierKeyError};
pub use witnesses::{CLOCK_TOLERANCE, Submission, WitnessAnswer, WitnessReply, Witnesses};
