//! The promise that a log of 70,000 entries serves and verifies like a small one, also where tiles begin
//! and end.

#![cfg(feature = "server")]

use crate::support;
use candor::client::Wanted;
use candor::gomod::{
    CommitTime, Hash1, Module, ModuleVersion, ObjectId, Provenance, RepositoryPath, RepositoryUrl,
};
use candor::publish::{self, zip_key};
use candor::tlog::{
    Appended, Entry, EntryValidator, InvalidEntry, LeafIndex, Log, LogKeys, Record, Seed,
    SignerLock,
};
use std::path::Path;
use std::sync::Arc;
use support::peers::peer;
use support::{Client, Deployment, Go, run, text};

const ENTRIES: u64 = 70_000;

/// The versions that have a zip: first, last, and around the ends of tiles. Version N is entry
/// N-1, so these are the entries 0, 254, 255, 256, 65,535, 65,536 and 69,999.
const KEPT: [u64; 7] = [1, 255, 256, 257, 65_536, 65_537, ENTRIES];

fn module(deployment: &publish::Deployment, number: u64) -> Module {
    let name = ObjectId::new(format!("{number:040x}")).expect("an object name");
    let provenance = Provenance {
        repository: RepositoryUrl::default(),
        commit: name.clone(),
        tree: name,
        path: RepositoryPath::new("charts-config").expect("a path"),
        as_of: "2026-02-04".parse().expect("a day"),
        time: CommitTime::from_unix_seconds(1_770_000_000).expect("a time"),
        program_version: "test".to_owned(),
    };
    let config = format!(
        "{{\"GOOS\":[],\"GOARCH\":[],\"GoVersion\":[],\"SampleRate\":1,\"Programs\":[{{\"Name\":\"p{number}\",\"Versions\":[]}}]}}"
    );
    let version = ModuleVersion::new(number).expect("a version");
    Module::build(deployment.module.clone(), version, config.into_bytes(), provenance)
        .expect("a module")
}

/// Accepts every entry: most of its entries have no zip.
#[derive(Debug)]
struct Anything;

impl EntryValidator for Anything {
    fn validate(&self, _: LeafIndex, _: &Entry) -> Result<(), InvalidEntry> {
        Ok(())
    }
}

/// Appends entries from the log's size to `end`, as one commit.
fn append(folder: &Path, deployment: &publish::Deployment, end: u64) {
    let seed = Seed::load(&folder.join("keys/log.seed")).expect("a seed");
    let keys = LogKeys::new(deployment.host(), &seed);
    let signer = SignerLock::in_folder(&folder.join("signer")).expect("the signer");
    let log = Log::new(deployment.store.clone(), keys, signer, Arc::new(Anything));
    let head = log.settle().expect("a log at rest");
    let filler = "h1:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=".parse::<Hash1>().expect("h1");
    let entries: Vec<_> = (head.size.get() + 1..=end)
        .map(|number| {
            let (zip, go_mod) = if KEPT.contains(&number) {
                let module = module(deployment, number);
                let key = zip_key(&module.zip_hash()).expect("a key");
                deployment.store.put(&[(key, module.zip().to_vec())]).expect("stored");
                (module.zip_hash(), module.go_mod_hash())
            } else {
                (filler, filler)
            };
            let version = format!("v0.{number}.0");
            Record::new(deployment.module.as_str(), version, zip, go_mod)
                .expect("a record")
                .entry()
                .expect("an entry")
        })
        .collect();
    match log.append(head, &entries).expect("appended") {
        Appended::Committed(head) => assert_eq!(head.size.get(), end),
        Appended::LostRace => panic!("nobody else appends"),
    }
}

#[test]
fn seventy_thousand_entries_are_verified_by_go_and_by_our_own_client() {
    let made = Deployment::new();
    let deployment = publish::Deployment::open(made.path()).expect("a deployment");
    append(made.path(), &deployment, 256);
    let server = made.serve();
    // A user who saw the log when it was small; the large log must be consistent with that.
    let go = Go::new(&made, &server.url);
    go.must_download(&made.module, "v0.255.0");
    let client = Client::new(&made, &server.url);
    client.fetch(Wanted::Latest).expect("verified");

    append(made.path(), &deployment, ENTRIES);
    let restarted = made.serve();
    let mut go = go;
    go.point_at(&made, &restarted.url);
    let client = client.at(&restarted.url);
    for number in KEPT {
        let version = format!("v0.{number}.0");
        let module = module(&deployment, number);
        let downloaded = go.must_download(&made.module, &version);
        assert_eq!(downloaded["Sum"], module.zip_hash().to_string(), "{version}");
        let config = client.fetch(Wanted::Version(module.version())).expect("verified");
        assert_eq!(config.config(), module.config(), "{version}");
    }
    let latest = go.must_download(&made.module, "latest");
    assert_eq!(latest["Version"], format!("v0.{ENTRIES}.0"));
    // Another implementation of the same specification computes the tree from all entries.
    let key = made.path().join("log.vkey");
    std::fs::write(&key, &made.log_key).expect("written");
    let url = format!("{}/log/", restarted.url);
    let mut fsck = peer("fsck");
    fsck.args(["--ui=false", "--storage_url", &url, "--public_key"]).arg(&key);
    // It exits with 0 even if it finds something wrong.
    let said = text(&run(&mut fsck).stderr);
    assert!(said.contains(&format!("Successfully fsck'd log with size {ENTRIES}")), "{said}");
}
