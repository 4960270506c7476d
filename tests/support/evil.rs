//! Deployments whose operator cheats: made from our own parts, with the log's real key but without the
//! checks of an honest one, and served by our own server.

use super::{HOST, MODULE};
use candor::gomod::{Module, ModulePath, ModuleVersion, Provenance};
use candor::publish::zip_key;
use candor::store::{MemoryStore, Store};
use candor::tlog::{
    Appended, Entry, EntryValidator, InvalidEntry, LeafIndex, Log, LogKeys, LogVerifiers, Record,
    Seed, SignerLock,
};
use candor::web::{Site, serve};
use std::net::TcpListener;
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;
use tempfile::TempDir;
use tokio::sync::oneshot;

/// Lets anything into the log.
#[derive(Debug)]
struct Anything;

impl EntryValidator for Anything {
    fn validate(&self, _: LeafIndex, _: &Entry) -> Result<(), InvalidEntry> {
        Ok(())
    }
}

/// A log whose operator cheats.
pub struct Evil {
    pub store: Arc<MemoryStore>,
    keys: LogKeys,
    log: Log,
    _signer: TempDir,
}

impl Evil {
    /// An empty log with the seed in this file.
    pub fn new(seed: &Path) -> Evil {
        let store = Arc::new(MemoryStore::new());
        let host = HOST.parse().expect("a host");
        let keys = || LogKeys::new(&host, &Seed::load(seed).expect("a seed"));
        let folder = TempDir::new().expect("a temporary folder");
        let signer = SignerLock::in_folder(folder.path()).expect("a signer");
        let log = Log::new(store.clone(), keys(), signer, Arc::new(Anything));
        log.create().expect("a log");
        Evil { store, keys: keys(), log, _signer: folder }
    }

    pub fn keys(&self) -> &LogVerifiers {
        self.keys.verifiers()
    }

    /// Logs a version with any config and provenance.
    pub fn publish(&self, number: u64, config: &[u8], provenance: &Provenance) -> Record {
        let path = ModulePath::new(MODULE).expect("a module path");
        let version = ModuleVersion::new(number).expect("a version");
        let module = Module::build(path, version, config.to_vec(), provenance.clone());
        let module = module.expect("a module");
        let key = zip_key(&module.zip_hash()).expect("a key");
        self.store.put(&[(key, module.zip().to_vec())]).expect("put");
        let (zip, go_mod) = (module.zip_hash(), module.go_mod_hash());
        let record = Record::new(MODULE, version.to_string(), zip, go_mod).expect("a record");
        self.log(&record);
        record
    }

    /// Logs any record.
    pub fn log(&self, record: &Record) {
        let head = self.log.settle().expect("a head");
        let entry = record.entry().expect("an entry");
        match self.log.append(head, &[entry]).expect("appended") {
            Appended::Committed(_) => drop(self.log.settle().expect("published")),
            Appended::LostRace => panic!("nobody else appends"),
        }
    }

    /// Serves it.
    pub fn serve(&self) -> Served {
        Served::new(self.store.clone(), self.keys().clone())
    }
}

/// A store that is served; stopped on drop.
pub struct Served {
    pub url: String,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Served {
    pub fn new(store: Arc<dyn Store>, keys: LogVerifiers) -> Served {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        listener.set_nonblocking(true).expect("made ready");
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Runtime::new().expect("a runtime");
            runtime.block_on(async {
                let path = ModulePath::new(MODULE).expect("a module path");
                let site = Site::open(path, keys, store).await.expect("a site");
                let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
                serve(listener, None, site, None, async { drop(stopped.await) }).await;
            });
        });
        Served { url, stop: Some(stop), thread: Some(thread) }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
