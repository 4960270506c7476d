//! A log in a store of any kind, to which versions are published without a repository.

use super::{HOST, MODULE, chart, commit_day};
use candor::charts::{History, ObjectName, Revision, Sources};
use candor::gomod::{ModulePath, ModuleVersion, RepositoryUrl};
use candor::publish::{self, Outcome, Publisher, Versions};
use candor::store::{Key, Store};
use candor::tlog::{Host, Log, LogKeys, Published, Seed, SignerLock};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

/// A commit of a charts repository with these charts.
pub fn revision(charts: &[&str]) -> Revision {
    let mut files = vec![
        (
            "collection.toml".to_owned(),
            format!("module = {MODULE:?}\ngoos = [\"linux\"]\ngoarch = [\"amd64\"]\ntoolchains = [\"rust1.95.0\"]\n"),
        ),
        (
            "programs/hello.toml".to_owned(),
            "program = \"example.org/hello\"\nmodule = \"example.org/hello\"\nversions = [\"v1.0.0\"]\n".to_owned(),
        ),
    ];
    for name in charts {
        files.push((format!("charts/{name}.toml"), chart(name, &format!("hello/{name}"))));
    }
    let files = files.into_iter().map(|(name, text)| (name, text.into_bytes())).collect();
    let object = ObjectName::parse(&"0123456789".repeat(4)).expect("an object name");
    Revision {
        commit: object.clone(),
        tree: object,
        folder: "charts-config".to_owned(),
        time: 1_770_000_000,
        sources: Sources::from_files(files),
        history: History::none(),
    }
}

/// A key, and the stores and lock backends with which its log is published.
pub struct Bench {
    seed: Seed,
    host: Host,
    path: ModulePath,
}

impl Bench {
    /// A new key.
    pub fn new() -> Bench {
        Bench {
            seed: Seed::generate().expect("a seed"),
            host: HOST.parse().expect("a host"),
            path: ModulePath::new(MODULE).expect("a module path"),
        }
    }

    /// Its keys.
    pub fn keys(&self) -> LogKeys {
        LogKeys::new(&self.host, &self.seed)
    }

    /// Its log in a store, whose signer remembers in the folder `memory`.
    pub fn log<S: Store + 'static>(&self, store: &Arc<S>, memory: &Path) -> Log {
        let signer = SignerLock::in_folder(memory).expect("a signer");
        let versions = Arc::new(Versions::new(self.path.clone(), store.clone()));
        Log::new(store.clone(), self.keys(), signer, versions)
    }

    /// Publishes a commit.
    pub fn publish<S: Store + 'static>(
        &self,
        store: &Arc<S>,
        memory: &Path,
        revision: &Revision,
    ) -> Result<Outcome, publish::PublishError> {
        let log = self.log(store, memory);
        let publisher = Publisher::new(self.path.clone(), store.clone(), log);
        publisher.begin()?;
        publisher.publish(revision, &RepositoryUrl::default(), commit_day(revision))
    }

    /// What a reader sees: the published head, with every version below it readable. Returns its size,
    /// and checks that the pointer's bytes are the only ones ever seen for it.
    pub fn look<S: Store + 'static>(
        &self,
        store: &Arc<S>,
        seen: &mut BTreeMap<u64, Vec<u8>>,
    ) -> u64 {
        let name = Key::new("log/checkpoint").expect("a key");
        let bytes = store.pointer(&name).expect("read").expect("a checkpoint");
        let published = Published::open(&bytes, self.keys().verifiers()).expect("signed");
        let size = published.head().size.get();
        let versions = Versions::new(self.path.clone(), store.clone());
        for number in 1..=size {
            let version = ModuleVersion::new(number).expect("a version");
            versions.module(published.head(), version).expect("every version is there");
        }
        assert_eq!(seen.entry(size).or_insert_with(|| bytes.clone()), &bytes, "size {size}");
        size
    }
}
