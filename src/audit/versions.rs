//! Checks each version: its index in the log, its zip, what the module proxy and the checksum database say
//! about it, and what its commit compiles to.

use super::databases::Databases;
use super::fetch::{FetchError, Remote, RemoteTiles};
use super::keys::AuditKeys;
use super::rebuild::Rebuilder;
use super::verdict::{Check, VerdictId};
use crate::collection::CollectionConfig;
use crate::gomod::{Info, MAX_GO_MOD, Module, ModulePath, ModuleVersion, hash_go_mod, hash_zip};
use crate::tlog::{
    Bundle, Contradiction, Entry, LeafIndex, Lookup, Policy, ProvedEntry, Record, TlogProof,
    TreeHead, prove_inclusion, verify_inclusion,
};
use std::collections::BTreeMap;

/// The largest zip that is downloaded; a config is far smaller.
const LARGEST_ZIP: usize = 64 << 20;
/// The most configs that are cached.
const CONFIGS: usize = 64;

/// The checks of versions.
pub(super) struct VersionChecks {
    pub versions: Check,
    pub zips: Check,
    pub rebuilt: Check,
    pub minimal: Check,
    pub faces: Check,
    /// How many versions were checked completely, compilation included.
    pub seen: u64,
    /// How many versions that were found right before were read again.
    pub reread: u64,
}

impl VersionChecks {
    pub(super) fn new() -> VersionChecks {
        VersionChecks {
            versions: Check::of(VerdictId::Versions),
            zips: Check::of(VerdictId::Zips),
            rebuilt: Check::of(VerdictId::Rebuilt),
            minimal: Check::of(VerdictId::Minimal),
            faces: Check::of(VerdictId::Faces),
            seen: 0,
            reread: 0,
        }
    }
}

/// The record at an index, if it is the one that must be there; or what is wrong with the entry.
pub(super) fn record_of(
    index: LeafIndex,
    entry: &Entry,
    module: &mut Option<String>,
) -> Result<Record, String> {
    let version = version_at(index).map(|version| version.to_string()).unwrap_or_default();
    let record = Record::try_from(entry)
        .map_err(|_| format!("entry {index} is not a record, and should be that of {version}"))?;
    let first = module.get_or_insert_with(|| record.module().to_owned());
    if record.module() != first || record.version() != version {
        return Err(format!(
            "entry {index} is the record of {} {}, and should be that of {first} {version}: a \
             version is missing, or used twice",
            record.module(),
            record.version()
        ));
    }
    Ok(record)
}

fn version_at(index: LeafIndex) -> Option<ModuleVersion> {
    ModuleVersion::new(index.get() + 1).ok()
}

/// Evidence that an entry is not the record that its index requires, if the tiles prove that it is there.
pub(super) fn wrong_record(
    tiles: &RemoteTiles<'_>,
    note: &str,
    head: TreeHead,
    index: LeafIndex,
    entry: Entry,
) -> Option<Contradiction> {
    let proof = prove_inclusion(index, head.size, tiles).ok()?;
    verify_inclusion(entry.leaf_hash(), index, head, &proof).ok()?;
    let entry = ProvedEntry { note: note.to_owned(), entry, proof };
    Some(Contradiction::WrongRecord { index, entry })
}

/// The versions of a log, read through the module proxy.
pub(super) struct Versions<'a> {
    pub remote: &'a Remote<'a>,
    pub keys: &'a AuditKeys,
    pub head: TreeHead,
    pub rebuilder: Rebuilder,
    pub databases: Databases,
    /// Whether the head continues what was seen before, and so has all versions.
    pub is_newest: bool,
    configs: BTreeMap<ModuleVersion, CollectionConfig>,
}

impl<'a> Versions<'a> {
    pub(super) fn new(
        remote: &'a Remote<'a>,
        keys: &'a AuditKeys,
        head: TreeHead,
        rebuilder: Rebuilder,
        databases: Databases,
    ) -> Versions<'a> {
        let configs = BTreeMap::new();
        Versions { remote, keys, head, rebuilder, databases, is_newest: true, configs }
    }

    /// Checks the version with this record. Returns whether all of it is right.
    pub(super) fn check(
        &mut self,
        index: LeafIndex,
        record: &Record,
        checks: &mut VersionChecks,
    ) -> bool {
        checks.seen += 1;
        self.check_version(index, record, true, checks)
    }

    /// Reads a version again that was found right before, without compiling it again.
    pub(super) fn check_again(
        &mut self,
        index: LeafIndex,
        record: &Record,
        checks: &mut VersionChecks,
    ) -> bool {
        checks.reread += 1;
        self.check_version(index, record, false, checks)
    }

    fn check_version(
        &mut self,
        index: LeafIndex,
        record: &Record,
        compile: bool,
        checks: &mut VersionChecks,
    ) -> bool {
        let mut own = VersionChecks::new();
        self.check_one(index, record, compile, &mut own);
        let is_ok = [&own.versions, &own.zips, &own.rebuilt, &own.minimal, &own.faces]
            .iter()
            .all(|check| check.is_ok());
        checks.versions.take(own.versions);
        checks.zips.take(own.zips);
        checks.rebuilt.take(own.rebuilt);
        checks.minimal.take(own.minimal);
        checks.faces.take(own.faces);
        is_ok
    }

    fn check_one(
        &mut self,
        index: LeafIndex,
        record: &Record,
        compile: bool,
        checks: &mut VersionChecks,
    ) {
        let Some(version) = version_at(index) else { return };
        let path = match ModulePath::new(record.module()) {
            Ok(path) => path,
            Err(error) => return checks.versions.wrong(error),
        };
        for prefix in &self.databases.prefixes {
            self.lookup(prefix, index, record, &path, &mut checks.faces);
        }
        let module = match self.download(&path, version, record) {
            Ok(module) => module,
            Err(trouble) => {
                checks.zips.failed(&trouble);
                if !compile {
                    return;
                }
                let left = format!("{version}: its zip cannot be read");
                checks.rebuilt.unchecked(&left);
                return checks.minimal.unchecked(&left);
            }
        };
        let below = |file: &str| format!("goproxy/{}/@v/{version}.{file}", path.escape());
        match self.remote.get(&below("mod"), MAX_GO_MOD as usize) {
            Ok(go_mod) if hash_go_mod(&go_mod) == record.go_mod() => {}
            Ok(_) => checks.zips.wrong(format!(
                "{} is not the go.mod that its record names",
                self.remote.url(&below("mod"))
            )),
            Err(trouble) => checks.zips.failed(&trouble),
        }
        match self.remote.get(&below("info"), super::fetch::SMALL) {
            Ok(info) if same_json(&info, &Info::of(&module).to_json()) => {}
            Ok(_) => checks.versions.wrong(format!(
                "{} does not say what the version's provenance says",
                self.remote.url(&below("info"))
            )),
            Err(trouble) => checks.versions.failed(&trouble),
        }
        if compile {
            self.rebuilder.check(&module, &mut checks.rebuilt, &mut checks.minimal);
        }
        if let Ok(config) = CollectionConfig::from_json(module.config()) {
            self.keep(version, config);
        }
    }

    fn lookup(
        &self,
        prefix: &str,
        index: LeafIndex,
        record: &Record,
        path: &ModulePath,
        faces: &mut Check,
    ) {
        let query = format!("{prefix}lookup/{}@{}", path.escape(), record.version());
        let url = self.remote.url(&query);
        let body = match self.remote.get(&query, super::fetch::SMALL) {
            Ok(body) => body,
            Err(trouble) => return faces.failed(&trouble),
        };
        let lookup = str::from_utf8(&body).ok().and_then(|body| Lookup::parse(body).ok());
        let Some(lookup) = lookup else {
            return faces.wrong(format!("{url} is not an answer of a checksum database"));
        };
        if lookup.index != index || lookup.text != record.to_string() {
            return faces
                .wrong(format!("{url} gives another record than entry {index} of the log"));
        }
        let at = (prefix, url.as_str());
        if let Some(tree) = self.databases.shown(self.remote, self.keys, at, &lookup.tree, faces)
            && !index.is_in(tree.size)
        {
            faces.wrong(format!("{url} shows a tree that does not have the record"));
        }
    }

    /// The zip of a version, checked against its record.
    fn download(
        &self,
        path: &ModulePath,
        version: ModuleVersion,
        record: &Record,
    ) -> Result<Module, FetchError> {
        let below = format!("goproxy/{}/@v/{version}.zip", path.escape());
        let url = self.remote.url(&below);
        let zip = self.remote.get(&below, LARGEST_ZIP)?;
        let hash = hash_zip(&zip).map_err(|error| FetchError::Wrong(format!("{url}: {error}")))?;
        if hash != record.zip() {
            return Err(FetchError::Wrong(format!(
                "{url} has the hash {hash}, but the log says {}",
                record.zip()
            )));
        }
        let wrong = |error: &dyn std::fmt::Display| FetchError::Wrong(format!("{url}: {error}"));
        let module = Module::open(path.clone(), version, zip).map_err(|error| wrong(&error))?;
        match module.go_mod_hash() == record.go_mod() {
            true => Ok(module),
            false => Err(wrong(&"the go.mod in it is not the one that its record names")),
        }
    }

    /// Checks that the served proof of the newest version proves that it is in this log.
    pub(super) fn kept_proof(&self, check: &mut Check) {
        let Ok(version) = ModuleVersion::new(self.head.size.get()) else { return };
        let (path, _, entry) = match self.record(version) {
            Ok(found) => found,
            Err(trouble) => return check.failed(&trouble),
        };
        let below = format!("goproxy/{}/@v/{version}.tlog-proof", path.escape());
        let url = self.remote.url(&below);
        let proof = match self.remote.ask(&below, super::fetch::SMALL) {
            Ok(proof) => proof,
            Err(trouble) => return check.failed(&trouble),
        };
        let proof = match TlogProof::parse(&proof) {
            Ok(proof) => proof,
            Err(error) => return check.unchecked(format!("{url}: {error}")),
        };
        // Another verdict checks the cosignatures.
        let Some(key) = self.keys.log() else { return };
        let believed = proof.verify(entry.leaf_hash(), &Policy::from(key.clone()));
        let tree = match believed {
            Ok(believed) => believed.checkpoint.head(),
            Err(error) => return check.wrong(format!("{url} does not prove {version}: {error}")),
        };
        let is_other = tree.size == self.head.size && tree.root != self.head.root;
        if is_other || proof.index.get() != version.leaf_index() {
            check.wrong(format!("{url} proves another entry, or one of another tree"));
        }
    }

    /// A version, after proving that the log has it. It is only wrong if the log does not have it.
    pub(super) fn module(&self, version: ModuleVersion) -> Result<Module, FetchError> {
        let (path, record, _) = self.record(version)?;
        // Problems of the version itself are reported when it is checked.
        let elsewhere =
            |error: FetchError| FetchError::Unreachable(format!("{version} is not there: {error}"));
        self.download(&path, version, &record).map_err(elsewhere)
    }

    /// The record of a version, after proving that the log has it.
    fn record(&self, version: ModuleVersion) -> Result<(ModulePath, Record, Entry), FetchError> {
        let wrong = |error: String| FetchError::Wrong(format!("{version}: {error}"));
        let index = LeafIndex::new(version.leaf_index()).map_err(|e| wrong(e.to_string()))?;
        let Some((bundle, offset)) = Bundle::of_leaf(index, self.head.size) else {
            let said = format!("{version}: the log has no such version");
            return Err(match self.is_newest {
                true => FetchError::Wrong(said),
                false => FetchError::Unreachable(said),
            });
        };
        let unread = |error: FetchError| FetchError::Unreachable(error.to_string());
        let entries = self.remote.entries(bundle, "log/").map_err(unread)?;
        let missing = || FetchError::Unreachable(format!("the entry of {version} is missing"));
        let entry = entries.get(offset).ok_or_else(missing)?;
        let tiles = RemoteTiles::of_log(self.remote, "log/");
        let unproved = |error: crate::tlog::ProofError| {
            FetchError::Unreachable(format!("{version} cannot be proved to be in the log: {error}"))
        };
        let proof = prove_inclusion(index, self.head.size, &tiles).map_err(unproved)?;
        verify_inclusion(entry.leaf_hash(), index, self.head, &proof).map_err(unproved)?;
        let elsewhere = |error: &dyn std::fmt::Display| {
            FetchError::Unreachable(format!("{version} is not there: {error}"))
        };
        let record = Record::try_from(entry).map_err(|error| elsewhere(&error))?;
        let path = ModulePath::new(record.module()).map_err(|error| elsewhere(&error))?;
        Ok((path, record, entry.clone()))
    }

    /// The config of a version, from a zip that its record names.
    pub(super) fn config(
        &mut self,
        version: ModuleVersion,
    ) -> Result<CollectionConfig, FetchError> {
        if let Some(known) = self.configs.get(&version) {
            return Ok(known.clone());
        }
        let module = self.module(version)?;
        let config = CollectionConfig::from_json(module.config())
            .map_err(|error| FetchError::Wrong(format!("{version}: {error}")))?;
        self.keep(version, config.clone());
        Ok(config)
    }

    fn keep(&mut self, version: ModuleVersion, config: CollectionConfig) {
        if self.configs.len() >= CONFIGS {
            self.configs.pop_first();
        }
        self.configs.insert(version, config);
    }

    /// Checks that the module proxy lists exactly the versions in the log, and names the newest.
    pub(super) fn list(&self, module: &str, check: &mut Check) {
        let Ok(path) = ModulePath::new(module) else { return };
        let below = format!("goproxy/{}/@v/list", path.escape());
        let url = self.remote.url(&below);
        match self.remote.get(&below, 64 << 20) {
            Err(trouble) => check.failed(&trouble),
            Ok(list) => {
                let list = String::from_utf8_lossy(&list).into_owned();
                let mut numbers: Vec<u64> = Vec::new();
                for line in list.lines() {
                    match line.parse::<ModuleVersion>() {
                        Ok(version) => numbers.push(version.number()),
                        Err(_) => return check.wrong(format!("{url} lists {line:?}")),
                    }
                }
                numbers.sort_unstable();
                // A version may have been published after the head was read.
                let size = self.head.size.get();
                let complete = numbers.iter().copied().eq(1..=numbers.len() as u64);
                if !complete || (numbers.len() as u64) < size {
                    check.wrong(format!(
                        "{url} lists {} versions, and the log has {size}, v0.1.0 to v0.{size}.0",
                        numbers.len()
                    ));
                }
            }
        }
        let below = format!("goproxy/{}/@latest", path.escape());
        match self.remote.get(&below, super::fetch::SMALL) {
            Err(trouble) => check.failed(&trouble),
            Ok(info) => {
                let info: serde_json::Value = serde_json::from_slice(&info).unwrap_or_default();
                let version = info.get("Version").and_then(|version| version.as_str());
                let number = version.and_then(|version| version.parse::<ModuleVersion>().ok());
                if number.is_none_or(|version| version.number() < self.head.size.get()) {
                    check.wrong(format!(
                        "{} names {}, and the newest version of the log is v0.{}.0",
                        self.remote.url(&below),
                        version.unwrap_or("nothing"),
                        self.head.size
                    ));
                }
            }
        }
    }
}

fn same_json(one: &[u8], other: &[u8]) -> bool {
    let parse = |bytes: &[u8]| serde_json::from_slice::<serde_json::Value>(bytes).ok();
    parse(one).is_some() && parse(one) == parse(other)
}
