//! A project's server in memory: a log and a module proxy, honest until a test changes a file.

use super::{
    Address, ConfigClient, ConfigSource, RemoteLog, Request, Response, Transport, TransportError,
    Trust,
};
use crate::gomod::{
    CommitTime, Module, ModulePath, ModuleVersion, ObjectId, Provenance, RepositoryPath,
    RepositoryUrl,
};
use crate::store::MemoryStore;
use crate::tlog::{
    Bundle, Checkpoint, Cosigner, CosignerKind, Edge, Entry, Host, KeyName, LeafIndex, Origin,
    Protocol, ProvedFile, Record, Seed, Signer, TlogProof, VerifierKey, append_to_bundles,
    prove_inclusion,
};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

const HOST: &str = "telemetry.example.org";
pub const LOG: &str = "https://telemetry.example.org/log";
/// Where the newest version is with its proof.
pub const NEWEST: &str = "https://telemetry.example.org/log/newest";
pub const PROXY: &str = "https://telemetry.example.org/goproxy";
/// The module, and how a URL spells it.
pub const MODULE: &str = "telemetry.example.org/Config";
pub const ESCAPED: &str = "telemetry.example.org/!config";

/// A server: files by URL, and what it needs to publish more.
#[derive(Debug)]
pub struct Server {
    files: Mutex<BTreeMap<String, Vec<u8>>>,
    edge: Edge,
    signer: Signer,
    /// Who cosigns, and with which time.
    witnesses: Vec<(Cosigner, u64)>,
    /// Whether it also answers with the newest version and its proof at once.
    answers_at_once: bool,
    /// What its clients trust, if that is more than its key.
    trust: Option<Trust>,
}

impl Server {
    /// A server of an empty log.
    pub fn new() -> Server {
        let host: Host = HOST.parse().expect("a host");
        let signer = Seed::from([5; 32]).signer(Protocol::TlogTiles.key_name(&host));
        let mut server = Server {
            files: Mutex::default(),
            edge: Edge::empty(),
            signer,
            witnesses: Vec::new(),
            answers_at_once: false,
            trust: None,
        };
        server.sign();
        server
    }

    /// A server that has published this many versions.
    pub fn with(versions: u64) -> Server {
        let mut server = Server::new();
        server.publish_many(versions, "");
        server
    }

    /// Publishes versions in one batch; `history` makes those of two servers differ.
    pub fn publish_many(&mut self, versions: u64, history: &str) {
        let first = self.edge.size().get() + 1;
        let modules: Vec<Module> = (first..first + versions)
            .map(|number| {
                module(number, &format!("{{\"config\": {number}, \"x\": \"{history}\"}}"))
            })
            .collect();
        let entries: Vec<Entry> = modules.iter().map(entry).collect();
        for module in modules {
            let url = format!("{PROXY}/{ESCAPED}/@v/{}.zip", module.version());
            self.put(&url, module.zip());
        }
        self.append(&entries);
    }

    /// Publishes this config as the next version.
    pub fn publish(&mut self, config: &str) {
        let module = module(self.edge.size().get() + 1, config);
        let url = format!("{PROXY}/{ESCAPED}/@v/{}.zip", module.version());
        self.put(&url, module.zip());
        self.append(&[entry(&module)]);
    }

    /// Appends any entries to the log.
    pub fn append(&mut self, entries: &[Entry]) {
        let size = self.edge.size();
        let partial = Bundle::for_size(size.get() / 256, size)
            .map_or(Vec::new(), |bundle| self.file(&format!("{LOG}/{}", bundle.path())));
        for (bundle, bytes) in append_to_bundles(size, &partial, entries).expect("room") {
            self.put(&format!("{LOG}/{}", bundle.path()), &bytes);
        }
        let leaves: Vec<_> = entries.iter().map(Entry::leaf_hash).collect();
        for (tile, bytes) in self.edge.append(&leaves).expect("room") {
            self.put(&format!("{LOG}/{}", tile.path()), &bytes);
        }
        self.sign();
    }

    fn sign(&mut self) {
        let origin = Origin::from(self.signer.verifier_key().name().clone());
        let checkpoint = Checkpoint::new(origin, self.edge.head());
        let mut note = checkpoint.sign(&self.signer).expect("a note");
        for (witness, time) in &self.witnesses {
            let text = note.text().to_owned();
            note = note.with(witness.cosign(&text, &checkpoint, *time).expect("cosigned"));
        }
        self.put(&format!("{LOG}/checkpoint"), note.to_string().as_bytes());
        if self.answers_at_once {
            let answer = self.at_once(self.edge.size().get());
            self.put(NEWEST, &answer);
        }
    }

    /// From now on, it also answers with the newest version and its proof at once.
    pub fn answer_at_once(&mut self) {
        self.answers_at_once = true;
        self.sign();
    }

    /// That answer for any version.
    pub fn at_once(&self, number: u64) -> Vec<u8> {
        let version = ModuleVersion::new(number).expect("a version");
        let index = LeafIndex::new(version.leaf_index()).expect("small");
        let address: Address = LOG.parse().expect("an address");
        let tiles = RemoteLog::new(&address, self);
        let inclusion = prove_inclusion(index, self.edge.size(), &tiles).expect("a proof");
        let checkpoint = self.file(&format!("{LOG}/checkpoint"));
        let checkpoint = String::from_utf8(checkpoint).expect("text");
        let zip = self.file(&format!("{PROXY}/{ESCAPED}/@v/{version}.zip"));
        ProvedFile::encode(&TlogProof { extra: None, index, inclusion, checkpoint }, &zip)
    }

    /// From now on, checkpoints are cosigned by exactly these witnesses, at these times.
    pub fn cosign(&mut self, by: &[(u8, u64)]) {
        self.witnesses = by.iter().map(|(number, time)| (witness(*number), *time)).collect();
        self.sign();
    }

    /// From now on, clients ask for two of the witnesses 1 to 3.
    pub fn ask_for_witnesses(&mut self) {
        let mut text = format!("log {}\n", self.key());
        for number in 1..=3 {
            text += &format!("witness w{number} {}\n", witness(number).verifier_key());
        }
        let trust = text + "group two 2 w1 w2 w3\nquorum two\n";
        self.trust = Some(trust.parse().expect("a policy"));
    }

    /// Signs with another key of the same name from now on.
    pub fn change_key(&mut self, seed: u8) {
        let name = self.signer.verifier_key().name().clone();
        self.signer = Seed::from([seed; 32]).signer(name);
        self.sign();
    }

    pub fn put(&self, url: &str, bytes: &[u8]) {
        self.files.lock().expect("unpoisoned").insert(url.to_owned(), bytes.to_vec());
    }

    pub fn file(&self, url: &str) -> Vec<u8> {
        self.files.lock().expect("unpoisoned").get(url).expect(url).clone()
    }

    pub fn remove(&self, url: &str) {
        self.files.lock().expect("unpoisoned").remove(url).expect(url);
    }

    pub fn edit(&self, url: &str, change: impl FnOnce(&mut Vec<u8>)) {
        let mut bytes = self.file(url);
        change(&mut bytes);
        self.put(url, &bytes);
    }

    pub fn urls(&self) -> Vec<String> {
        self.files.lock().expect("unpoisoned").keys().cloned().collect()
    }

    pub fn source(&self) -> ConfigSource {
        let url: Address = "https://telemetry.example.org".parse().expect("an address");
        let module = ModulePath::new(MODULE).expect("a path");
        let trust = self.trust.clone().unwrap_or_else(|| self.key().clone().into());
        ConfigSource::at(&url, module, trust)
    }

    /// The key of its log.
    pub fn key(&self) -> &VerifierKey {
        self.signer.verifier_key()
    }

    /// A client of this server that remembers in `memory`.
    pub fn client(&self, memory: &Arc<MemoryStore>) -> ConfigClient<&Server> {
        ConfigClient::new(self.source(), self, memory.clone()).expect("a plain key name")
    }
}

/// The witness of a number.
pub fn witness(number: u8) -> Cosigner {
    let name = KeyName::new(format!("witness{number}.example")).expect("a name");
    Cosigner::new(name, CosignerKind::Ed25519, &[number; 32])
}

/// A version's module.
pub fn module(number: u64, config: &str) -> Module {
    let digits = format!("{number:040x}");
    let provenance = Provenance {
        repository: RepositoryUrl::public("https://git.example.org/charts"),
        commit: ObjectId::new(&digits).expect("digits"),
        tree: ObjectId::new(&digits).expect("digits"),
        path: RepositoryPath::new("charts-config").expect("a path"),
        as_of: "2026-02-04".parse().expect("a day"),
        time: CommitTime::from_unix_seconds(1_700_000_000).expect("a time"),
        program_version: "0.1.0".to_owned(),
    };
    let path = ModulePath::new(MODULE).expect("a path");
    let version = ModuleVersion::new(number).expect("a version");
    Module::build(path, version, config.as_bytes().to_vec(), provenance).expect("a small module")
}

/// The log's entry for a module.
pub fn entry(module: &Module) -> Entry {
    let version = module.version().to_string();
    Record::new(module.path().as_str(), version, module.zip_hash(), module.go_mod_hash())
        .and_then(|record| Ok(record.entry()?))
        .expect("a short record")
}

impl Transport for Server {
    fn send(&self, request: &Request<'_>) -> Result<Response, TransportError> {
        Ok(response(self.files.lock().expect("unpoisoned").get(request.url).cloned()))
    }
}

/// The answer with these bytes, or that there are none.
pub fn response(found: Option<Vec<u8>>) -> Response {
    let status = if found.is_some() { 200 } else { 404 };
    Response { status, content_type: None, body: found.unwrap_or_default() }
}
