//! From a signed checkpoint to a config that the log vouches for.
//!
//! [`ConfigClient::fetch`] takes these steps, and returns nothing unless all of them succeed:
//!
//! 1. The server's checkpoint is signed by the log, cosigned by the quorum of witnesses that the policy
//!    asks for, and consistent with what this machine has seen before (`view`).
//! 2. By the times of those witnesses, it is not older than the limit (`view`).
//! 3. The version's record is in the tree: version `v0.N.0` is entry N-1, and an inclusion proof,
//!    made from tiles, leads from it to the checkpoint's root.
//! 4. The record names this module and version, and the downloaded zip has the hash it states.
//!
//! The size of the tree says which version is the newest. No list of versions is downloaded: nothing
//! unsigned decides what is newest, and because the tree never shrinks, the version never goes back.
//! Reading the config is left to `collection`.
//!
//! # In one request
//!
//! The server of a deployment may answer all of it at once: the zip with its inclusion proof and the
//! checkpoint ([`ProvedFile`]). The record follows from the zip, and is verified against the proof; the
//! checkpoint passes steps 1 and 2 like any other. No tile is read, unless this machine has seen a smaller
//! tree, with which the new one has to be consistent.
//!
//! Whatever is wrong with that answer, the steps are then taken one by one, and their errors are those that
//! are reported: so it can do no more than be missing. Only a fork is reported at once: it is proof by itself.

use super::error::ClientError;
use super::memory::Memory;
use super::source::ConfigSource;
use super::view::{View, unproved, view, view_of};
use super::{Download as _, RemoteLog, Transport};
use crate::gomod::{GO_MOD, Module, ModuleVersion, Provenance, hash_go_mod, hash_zip, read_file};
use crate::store::{KeyError, Store};
use crate::tlog::{
    Freshness, LeafIndex, ProvedFile, Record, TreeHead, VerifierKey, prove_inclusion,
    verify_inclusion,
};
use std::sync::Arc;
use std::time::SystemTime;

/// The largest module zip that a client downloads, in bytes: a thousand times the largest known
/// config.
const LARGEST_ZIP: usize = 64 << 20;

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
    transport: T,
    memory: Memory,
}

/// A config that the log vouches for. Only [`ConfigClient`] makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedConfig {
    module: Module,
    view: View,
}

/// The answer to whether there is a newer config than a known one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Newer {
    /// The newer config, if there is one.
    pub config: Option<VerifiedConfig>,
    /// The key of the log that says so.
    pub log: VerifierKey,
    /// How fresh the answer is.
    pub freshness: Freshness,
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
        self.view.head
    }

    /// The key of the log that vouches for it.
    pub fn log(&self) -> &VerifierKey {
        &self.view.log
    }

    /// How fresh the tree is: the time at which, by its witnesses, there was no newer config. If the
    /// policy asks for no witness, this is [`Freshness::Unknown`], and a server can keep a client on an
    /// old config unnoticed.
    pub fn freshness(&self) -> Freshness {
        self.view.freshness
    }
}

impl<T: Transport> ConfigClient<T> {
    /// A client of `source` that remembers what it has seen in `memory`.
    pub fn new(
        source: ConfigSource,
        transport: T,
        memory: Arc<dyn Store>,
    ) -> Result<ConfigClient<T>, KeyError> {
        let memory = Memory::new(memory, source.trust.keys())?;
        Ok(ConfigClient { source, transport, memory })
    }

    /// Downloads a config and verifies it against the log. `now` is what the age of the checkpoint is
    /// measured by.
    pub fn fetch(&self, wanted: Wanted, now: SystemTime) -> Result<VerifiedConfig, ClientError> {
        if wanted == Wanted::Latest
            && let Some(config) = self.at_once(now)?
        {
            return Ok(config);
        }
        let view = self.view(now)?;
        let newest = self.newest(view.head)?;
        match wanted {
            Wanted::Latest => self.newest_of(view),
            Wanted::Version(version) if version <= newest => self.verify(view, version),
            Wanted::Version(version) => {
                Err(ClientError::UnknownVersion { version, size: view.head.size })
            }
        }
    }

    /// Downloads and verifies the newest config, unless it is still `known`, which this machine has
    /// verified before. Then only the checkpoint is downloaded and verified: the log has not grown, so
    /// there is no newer version.
    ///
    /// # Errors
    ///
    /// As of [`ConfigClient::fetch`].
    pub fn fetch_newer_than(
        &self,
        known: ModuleVersion,
        now: SystemTime,
    ) -> Result<Newer, ClientError> {
        // If this machine remembers nothing of the log, the known config is verified again.
        let remembers = self.memory.remembers()?;
        let view = if remembers { Some(self.view(now)?) } else { None };
        if let Some(View { head, log, freshness }) = &view
            && self.newest(*head)? == known
        {
            return Ok(Newer { config: None, log: log.clone(), freshness: *freshness });
        }
        let config = match (self.at_once(now)?, view) {
            (Some(config), _) => config,
            (None, Some(view)) => self.newest_of(view)?,
            (None, None) => self.newest_of(self.view(now)?)?,
        };
        let (log, freshness) = (config.log().clone(), config.freshness());
        Ok(Newer { config: Some(config), log, freshness })
    }

    /// All steps with one request. `None` if the server does not answer it, or anything in its answer is
    /// not as it should be.
    fn at_once(&self, now: SystemTime) -> Result<Option<VerifiedConfig>, ClientError> {
        if !self.source.is_one_deployment() {
            return Ok(None);
        }
        let seen = self.memory.recall()?;
        let Ok(Some(answer)) = self.remote().newest(LARGEST_ZIP) else { return Ok(None) };
        let Some((module, checkpoint)) = self.proved(answer) else { return Ok(None) };
        let view =
            view_of(&self.source, self.remote(), &self.memory, now, &seen, checkpoint.as_bytes());
        match view {
            Ok(Some(view)) => Ok(Some(VerifiedConfig { module, view })),
            Err(error @ (ClientError::Forked { .. } | ClientError::Memory(_))) => Err(error),
            Ok(None) | Err(_) => Ok(None),
        }
    }

    /// The module in an answer, if its record is that of the newest version in the tree of the checkpoint,
    /// and the policy believes the checkpoint; and the checkpoint. Nothing is remembered yet.
    fn proved(&self, answer: Vec<u8>) -> Option<(Module, String)> {
        let ProvedFile { proof, file } = ProvedFile::parse(answer).ok()?;
        let version = ModuleVersion::new(proof.index.get().checked_add(1)?).ok()?;
        let path = self.source.module.clone();
        // The record is computed from what was downloaded, so the proof is one of these bytes.
        let hash = hash_zip(&file).ok()?;
        let go_mod = hash_go_mod(&read_file(&file, &path, version, GO_MOD).ok()?);
        let record = Record::new(path.as_str(), version.to_string(), hash, go_mod).ok()?;
        let leaf = record.entry().ok()?.leaf_hash();
        let believed = proof.verify(leaf, self.source.trust.policy()).ok()?;
        if self.newest(believed.checkpoint.head()).ok()? != version {
            return None;
        }
        let module = Module::open(path, version, file).ok()?;
        Some((module, proof.checkpoint))
    }

    /// Steps 1 and 2.
    fn view(&self, now: SystemTime) -> Result<View, ClientError> {
        view(&self.source, self.remote(), &self.memory, now)
    }

    /// The newest version of a tree.
    fn newest(&self, head: TreeHead) -> Result<ModuleVersion, ClientError> {
        ModuleVersion::new(head.size.get())
            .map_err(|_| ClientError::Empty { url: self.source.log.to_string() })
    }

    /// Steps 3 and 4, for the newest version.
    fn newest_of(&self, view: View) -> Result<VerifiedConfig, ClientError> {
        let newest = self.newest(view.head)?;
        self.verify(view, newest)
    }

    /// Steps 3 and 4.
    fn verify(&self, view: View, version: ModuleVersion) -> Result<VerifiedConfig, ClientError> {
        let record = self.record(view.head, version)?;
        let module = self.download(version, &record)?;
        Ok(VerifiedConfig { module, view })
    }

    /// Step 3, and the first half of step 4: the record of a version, proved to be in the tree.
    fn record(&self, head: TreeHead, version: ModuleVersion) -> Result<Record, ClientError> {
        let unproved = |source| unproved(&self.source, source);
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

    /// The second half of step 4: the module, whose zip has the hash in the record.
    fn download(&self, version: ModuleVersion, record: &Record) -> Result<Module, ClientError> {
        let path = self.source.module.escape();
        let url = self.source.proxy.join(&format!("{path}/@v/{version}.zip"));
        let zip = self.transport.get(&url, LARGEST_ZIP)?;
        let zip = zip.ok_or_else(|| ClientError::MissingZip { url: url.clone() })?;
        let unreadable = |source| ClientError::Zip { url: url.clone(), source };
        // Compared before any file in the zip is read.
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

    fn remote(&self) -> RemoteLog<'_> {
        RemoteLog::new(&self.source.log, &self.transport)
    }
}
