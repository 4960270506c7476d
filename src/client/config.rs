//! From a signed checkpoint to a config that the log vouches for.
//!
//! What [`ConfigClient::fetch`] does, in order; nothing is returned unless every step succeeds:
//!
//! 1. The server's checkpoint is signed by the log's key and names the log as its origin.
//! 2. It continues the newest checkpoint seen on this machine: not smaller, and shown by a
//!    consistency proof, made from the server's tiles, to begin with all the same entries. From
//!    here on it is what this machine remembers.
//! 3. The version's record is in the tree: version `v0.N.0` is entry N-1, and an inclusion proof,
//!    made from tiles, leads from it to the checkpoint's root.
//! 4. The record names this module and version, and the downloaded zip has the hash it states.
//!
//! The newest version is the one that the tree's size names. No list of versions is asked for:
//! nothing unsigned decides what is newest, and as the tree never shrinks, neither does the
//! version. What the config says is left to `collection`.

use super::memory::Memory;
use super::{Address, RemoteError, RemoteLog, Transport, TransportError};
use crate::gomod::{Hash1, Module, ModuleError, ModulePath, ModuleVersion, Provenance};
use crate::gomod::{ZipError, hash_zip};
use crate::store::{KeyError, Store, StoreError, Swap};
use crate::tlog::{
    Checkpoint, CheckpointError, Hash, LeafIndex, Origin, ProofError, Record, TileError, TreeHead,
    TreeSize, VerifierKey, prefix_root, prove_consistency, prove_inclusion, verify_consistency,
    verify_inclusion,
};
use std::fmt;
use std::sync::Arc;

/// The largest module zip that a client downloads, in bytes. The largest config known is a
/// thousandth of it.
const LARGEST_ZIP: usize = 64 << 20;

/// Where a project's configs come from, and the key that vouches for them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigSource {
    /// The Go module proxy: `https://HOST/goproxy`. Any proxy that has the module will do.
    pub proxy: Address,
    /// The log: `https://HOST/log`.
    pub log: Address,
    /// The module that the configs are published as.
    pub module: ModulePath,
    /// The log's verifier key, named `HOST/log`.
    pub key: VerifierKey,
}

/// Which version to fetch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// The newest in the log.
    Latest,
    /// This one, if the log has it.
    Version(ModuleVersion),
}

/// Downloads and verifies configs.
#[derive(Debug)]
pub struct ConfigClient<T> {
    source: ConfigSource,
    origin: Origin,
    transport: T,
    memory: Memory,
}

/// A config that the log vouches for. There is no other way to get one than
/// [`ConfigClient::fetch`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedConfig {
    module: Module,
    head: TreeHead,
}

impl VerifiedConfig {
    /// Its version.
    pub fn version(&self) -> ModuleVersion {
        self.module.version()
    }

    /// The bytes of `config.json`.
    pub fn config(&self) -> &[u8] {
        self.module.config()
    }

    /// What it was compiled from.
    pub fn provenance(&self) -> &Provenance {
        self.module.provenance()
    }

    /// The whole module version.
    pub fn module(&self) -> &Module {
        &self.module
    }

    /// The tree in which its record is.
    pub fn head(&self) -> TreeHead {
        self.head
    }
}

/// Evidence that a log showed two histories: two checkpoints, both signed by its key, of which the
/// newer does not contain the older.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fork {
    /// The signed note that this machine saw first.
    pub seen: String,
    /// The signed note that the server shows now.
    pub served: String,
    /// The root that the served tree has at the size of the first. It is not the first one's.
    pub prefix_root: Hash,
    /// The consistency proof from that root to the served tree.
    pub proof: Vec<Hash>,
}

impl fmt::Display for Fork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let indented = |text: &str| format!("    {}", text.trim_end().replace('\n', "\n    "));
        writeln!(f, "seen on this machine before:\n{}\n", indented(&self.seen))?;
        writeln!(f, "served now:\n{}\n", indented(&self.served))?;
        write!(f, "in the served tree, the root at the first one's size is {}", self.prefix_root)?;
        self.proof.iter().try_for_each(|hash| write!(f, "\n    {hash}"))
    }
}

/// A checkpoint whose signature was verified, with the note that carries it.
struct Signed {
    head: TreeHead,
    note: Vec<u8>,
}

/// Why there is no config.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// This machine's memory could not be read or written.
    #[error("what this machine has seen of the log is out of reach: {0}")]
    Memory(#[from] StoreError),
    /// This machine's memory is not a checkpoint of this log.
    #[error(
        "what this machine has seen of the log ({name}) is damaged: {source}; delete it only if \
         you mean to trust the server's history anew"
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
    /// The server's checkpoint is not one of this log.
    #[error("from {url}: {source}; nothing was used")]
    Checkpoint {
        /// Where it came from.
        url: String,
        /// What is wrong with it.
        source: CheckpointError,
    },
    /// The server's log is smaller than one that this machine has seen.
    #[error(
        "{url} shows a log of {} entries, but this machine has seen one of {}: the server was \
         rolled back, or a cache in between is stale; nothing was used. Try again later, and tell \
         the log's operator if it stays so",
        .served.size, .seen.size
    )]
    RolledBack {
        /// Where it came from.
        url: String,
        /// The newest tree seen on this machine.
        seen: TreeHead,
        /// The tree that is served.
        served: TreeHead,
    },
    /// The log showed two histories.
    #[error(
        "SECURITY ERROR: the log at {url} was forked: it has signed two histories that exclude \
         each other. Nothing was used. Show this to the log's operator and to others who use it:\n\
         {fork}"
    )]
    Forked {
        /// Where it came from.
        url: String,
        /// The proof of it.
        fork: Box<Fork>,
    },
    /// A tile could not be read.
    #[error(transparent)]
    Tile(TileError),
    /// Tiles, entry or proofs do not lead to the signed root.
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
    /// The entry in the version's place is something else.
    #[error(
        "entry {} of the log is not the record of {module}@{version}: the log is of another \
         module, or is not kept as Candor keeps one",
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

impl<T: Transport> ConfigClient<T> {
    /// A client of `source` that remembers in `memory` what it has seen.
    pub fn new(
        source: ConfigSource,
        transport: T,
        memory: Arc<dyn Store>,
    ) -> Result<ConfigClient<T>, KeyError> {
        let memory = Memory::new(memory, &source.key)?;
        let origin = Origin::from(source.key.name().clone());
        Ok(ConfigClient { source, origin, transport, memory })
    }

    /// Downloads a config and verifies it against the log.
    pub fn fetch(&self, wanted: Wanted) -> Result<VerifiedConfig, ClientError> {
        let head = self.update_head()?;
        let newest = self.newest(head)?;
        match wanted {
            Wanted::Latest => self.verify(head, newest),
            Wanted::Version(version) if version <= newest => self.verify(head, version),
            Wanted::Version(version) => {
                Err(ClientError::UnknownVersion { version, size: head.size })
            }
        }
    }

    /// Downloads the newest config and verifies it, unless that is still `known`, which this machine
    /// has verified before. Then only the checkpoint is downloaded, and verified: the log has not
    /// grown, so it has no newer version.
    ///
    /// # Errors
    ///
    /// As of [`ConfigClient::fetch`].
    pub fn fetch_newer_than(
        &self,
        known: ModuleVersion,
    ) -> Result<Option<VerifiedConfig>, ClientError> {
        // What was verified by a log that this machine remembers nothing of is verified again.
        let remembers = self.recall()?.is_some();
        let head = self.update_head()?;
        let newest = self.newest(head)?;
        if remembers && newest == known {
            return Ok(None);
        }
        self.verify(head, newest).map(Some)
    }

    /// The newest version of a tree.
    fn newest(&self, head: TreeHead) -> Result<ModuleVersion, ClientError> {
        ModuleVersion::new(head.size.get())
            .map_err(|_| ClientError::Empty { url: self.source.log.to_string() })
    }

    /// Steps 3 and 4.
    fn verify(
        &self,
        head: TreeHead,
        version: ModuleVersion,
    ) -> Result<VerifiedConfig, ClientError> {
        let record = self.record(head, version)?;
        let module = self.download(version, &record)?;
        Ok(VerifiedConfig { module, head })
    }

    /// Steps 1 and 2: the server's tree head, after it was found to continue what this machine has
    /// seen and was remembered.
    fn update_head(&self) -> Result<TreeHead, ClientError> {
        // Each round either ends, or another program has remembered something newer.
        loop {
            let seen = self.recall()?;
            let note = self.remote().checkpoint()?;
            let served = self.open(&note).map_err(|source| ClientError::Checkpoint {
                url: self.source.log.join("checkpoint"),
                source,
            })?;
            let served = Signed { head: served.head(), note };
            match &seen {
                Some(seen) if seen.head == served.head => return Ok(served.head),
                Some(seen) => self.check_continues(seen, &served)?,
                None => {}
            }
            let seen = seen.as_ref().map(|seen| seen.note.as_slice());
            if self.memory.remember(seen, &served.note)? == Swap::Won {
                return Ok(served.head);
            }
        }
    }

    /// The newest checkpoint seen on this machine.
    fn recall(&self) -> Result<Option<Signed>, ClientError> {
        let Some(note) = self.memory.recall()? else { return Ok(None) };
        let checkpoint = self.open(&note).map_err(|source| ClientError::Remembered {
            name: self.memory.name().to_owned(),
            source,
        })?;
        Ok(Some(Signed { head: checkpoint.head(), note }))
    }

    /// Checks, with tiles from the server, that the served tree begins with the one seen before.
    fn check_continues(&self, seen: &Signed, served: &Signed) -> Result<(), ClientError> {
        let (old, new) = (seen.head, served.head);
        if new.size < old.size {
            let url = self.source.log.join("checkpoint");
            return Err(ClientError::RolledBack { url, seen: old, served: new });
        }
        let remote = self.remote();
        let unproved = |source| self.unproved(source);
        let proof = prove_consistency(old.size, new.size, &remote).map_err(unproved)?;
        if verify_consistency(old, new, &proof).is_ok() {
            return Ok(());
        }
        // Either the tiles are wrong, which happens, or the log was forked, which must never be
        // said without proof: that the served tree begins with another tree of the size seen.
        let root = if old.size == new.size {
            new.root
        } else {
            prefix_root(old.size, new.size, &remote).map_err(unproved)?
        };
        let prefix = TreeHead { size: old.size, root };
        verify_consistency(prefix, new, &proof).map_err(unproved)?;
        Err(ClientError::Forked {
            url: self.source.log.to_string(),
            fork: Box::new(Fork {
                seen: String::from_utf8_lossy(&seen.note).into_owned(),
                served: String::from_utf8_lossy(&served.note).into_owned(),
                prefix_root: root,
                proof: proof.hashes().to_vec(),
            }),
        })
    }

    /// Step 3, and the first half of step 4: the record of a version, which is in the tree.
    fn record(&self, head: TreeHead, version: ModuleVersion) -> Result<Record, ClientError> {
        let unproved = |source| self.unproved(source);
        let remote = self.remote();
        let not_a_record = || ClientError::Record { module: self.source.module.clone(), version };
        let index = LeafIndex::new(version.leaf_index()).map_err(|_| not_a_record())?;
        let entry = remote.entry(index, head.size)?;
        let proof = prove_inclusion(index, head.size, &remote).map_err(unproved)?;
        verify_inclusion(entry.leaf_hash(), index, head, &proof).map_err(unproved)?;
        Record::try_from(&entry)
            .ok()
            .filter(|record| record.module() == self.source.module.as_str())
            .filter(|record| record.version() == version.to_string())
            .ok_or_else(not_a_record)
    }

    /// The second half of step 4: the module, whose zip is the one that the record names.
    fn download(&self, version: ModuleVersion, record: &Record) -> Result<Module, ClientError> {
        let path = self.source.module.escape();
        let url = self.source.proxy.join(&format!("{path}/@v/{version}.zip"));
        let zip = self.transport.get(&url, LARGEST_ZIP)?;
        let zip = zip.ok_or_else(|| ClientError::MissingZip { url: url.clone() })?;
        let unreadable = |source| ClientError::Zip { url: url.clone(), source };
        // Compared before any file in it is looked at.
        let downloaded = hash_zip(&zip).map_err(unreadable)?;
        if downloaded != record.zip() {
            return Err(ClientError::WrongZip { url, logged: record.zip(), downloaded });
        }
        let module = Module::open(self.source.module.clone(), version, zip)?;
        if module.go_mod_hash() != record.go_mod() {
            return Err(ClientError::WrongZip {
                url,
                logged: record.go_mod(),
                downloaded: module.go_mod_hash(),
            });
        }
        Ok(module)
    }

    fn open(&self, note: &[u8]) -> Result<Checkpoint, CheckpointError> {
        Checkpoint::open(note, &self.source.key, &self.origin)
    }

    fn remote(&self) -> RemoteLog<'_> {
        RemoteLog::new(&self.source.log, &self.transport)
    }

    /// A proof that could not be made or verified: the network's fault or the server's.
    fn unproved(&self, source: ProofError) -> ClientError {
        match source {
            ProofError::Tile(source @ TileError::Read { .. }) => ClientError::Tile(source),
            source => ClientError::Proof { url: self.source.log.to_string(), source },
        }
    }
}
