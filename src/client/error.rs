//! Why a client has no config.

use super::{RemoteError, TransportError};
use crate::count::entries;
use crate::gomod::{Hash1, ModuleError, ModulePath, ModuleVersion, ZipError};
use crate::store::StoreError;
use crate::tlog::{
    CheckpointError, CheckpointRefused, Evidence, NotFresh, ProofError, TileError, TreeHead,
    TreeSize,
};

/// Why there is no config.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// This machine's memory could not be read or written.
    #[error("cannot read or write what this machine has seen of the log: {0}")]
    Memory(#[from] StoreError),
    /// This machine's memory does not hold a checkpoint of this log.
    #[error(
        "what this machine has seen of the log ({name}) is damaged: {source}; delete it only if you \
         want to trust whatever history the server shows next"
    )]
    Remembered {
        /// The pointer's name in the memory's store.
        name: String,
        /// What is wrong with it.
        source: CheckpointError,
    },
    /// The log on the server could not be read.
    #[error(transparent)]
    Remote(#[from] RemoteError),
    /// The proxy could not be read.
    #[error(transparent)]
    Transport(#[from] TransportError),
    /// The server's checkpoint is not one of this log, or too few witnesses have cosigned it.
    #[error("from {url}: {source}; nothing was used")]
    Checkpoint {
        /// Where it came from.
        url: String,
        /// What is wrong with it.
        source: CheckpointRefused,
    },
    /// The server's checkpoint is genuine, but may not be current.
    #[error("from {url}: {source}. Nothing was used")]
    NotFresh {
        /// Where it came from.
        url: String,
        /// How old it is.
        source: NotFresh,
    },
    /// The server's log is smaller than one that this machine has seen.
    #[error(
        "{url} shows a log of {}, but this machine has seen one of {}: the server was \
         rolled back, or a cache in between is stale; nothing was used. Try again later, and tell \
         the log's operator if that does not help",
        entries(.served.size), .seen.size
    )]
    RolledBack {
        /// Where it came from.
        url: String,
        /// The newest tree seen on this machine.
        seen: TreeHead,
        /// The tree that is served.
        served: TreeHead,
    },
    /// The log has shown two different histories.
    #[error(
        "SECURITY ERROR: the log at {url} was forked: it has signed two histories that contradict \
         each other. Nothing was used. {}", evidence_of(.evidence, .kept)
    )]
    Forked {
        /// Where it came from.
        url: String,
        /// Both signed statements, and the proof that they contradict each other.
        evidence: Box<Evidence>,
        /// Where it was written; `None` if that failed.
        kept: Option<String>,
    },
    /// A tile could not be read.
    #[error(transparent)]
    Tile(TileError),
    /// Tiles, entry or proof do not lead to the signed root.
    #[error(
        "what {url} serves does not belong to the checkpoint it signed: {source}; nothing was used"
    )]
    Proof {
        /// Where the tiles came from.
        url: String,
        /// What is wrong.
        source: ProofError,
    },
    /// The log has no entries yet.
    #[error("the log at {url} has no config yet: nothing has been published")]
    Empty {
        /// The log.
        url: String,
    },
    /// The log does not have the version asked for.
    #[error("the log has no {version}: its newest version is v0.{size}.0")]
    UnknownVersion {
        /// The version.
        version: ModuleVersion,
        /// The size of the log.
        size: TreeSize,
    },
    /// The version's entry is something else.
    #[error(
        "entry {} of the log is not the record of {module}@{version}: the log belongs to another \
         module, or is not one that Candor keeps",
        .version.leaf_index()
    )]
    Record {
        /// The module.
        module: ModulePath,
        /// The version.
        version: ModuleVersion,
    },
    /// The proxy does not have the zip.
    #[error("{url} is missing, though the log has its record; ask the proxy's operator")]
    MissingZip {
        /// Where it should be.
        url: String,
    },
    /// The zip is not the one that was logged.
    #[error(
        "SECURITY ERROR: {url} has the hash {downloaded}, but the log says {logged}: it was \
         changed after it was published, or on the way; nothing was used"
    )]
    WrongZip {
        /// Where it came from.
        url: String,
        /// The hash in the log's record.
        logged: Hash1,
        /// The hash of what was downloaded.
        downloaded: Hash1,
    },
    /// The zip could not be hashed.
    #[error("from {url}: {source}")]
    Zip {
        /// Where it came from.
        url: String,
        /// What is wrong with it.
        source: ZipError,
    },
    /// The zip is the one that was logged, but not one that this program can read.
    #[error(transparent)]
    Module(#[from] ModuleError),
}

/// What to do with the evidence: names its file, or includes it if it could not be written.
fn evidence_of(evidence: &Evidence, kept: &Option<String>) -> String {
    match kept {
        Some(kept) => format!(
            "The evidence is in {kept}, and `candor verify` confirms it offline on any machine. Show it \
             to others who use this log, and to its operator"
        ),
        None => format!(
            "Show this evidence, which could not be written to a file, to others who use this log, and \
             to its operator:\n{evidence}"
        ),
    }
}
