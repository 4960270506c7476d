//! A deployment in memory, and requests to it.

use crate::collection::CollectionConfig;
use crate::gomod::{
    CommitTime, Module, ModulePath, ModuleVersion, ObjectId, Provenance, RepositoryPath,
    RepositoryUrl,
};
use crate::publish::{Catalogue, CatalogueRetention, Catalogues, Versions, zip_key};
use crate::store::{MemoryStore, Store};
use crate::tlog::{
    Appended, Edge, Host, Log, LogKeys, LogVerifiers, Record, Seed, SignerLock, TreeHead, leaf_hash,
};
use crate::web::{Site, router};
use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::http::{HeaderMap, HeaderName, Method, Request, StatusCode};
use std::sync::Arc;
use tempfile::TempDir;
use tower::ServiceExt;

pub const MODULE: &str = "telemetry.example.org/Config";
/// The module as in a URL.
pub const ESCAPED: &str = "telemetry.example.org/!config";

/// A counter's name that tries to be markup.
pub const HOSTILE: &str = "odd:<script>alert('x')</script>&\"";

/// A deployment whose publisher and server the test controls.
pub struct Fixture {
    pub store: Arc<MemoryStore>,
    pub keys: LogVerifiers,
    log: Log,
    _memory: TempDir,
}

/// An answer, read to its end.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Answer {
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("text")
    }

    pub fn header(&self, name: impl Into<String>) -> &str {
        let name: HeaderName = name.into().parse().expect("a header's name");
        self.headers.get(name).map_or("", |value| value.to_str().expect("text"))
    }
}

/// The config of a version: each accepts one more version of a program, whose counters have names that need
/// escaping in HTML.
pub fn config(number: u64) -> CollectionConfig {
    let versions: Vec<String> = (1..=number).map(|minor| format!("v1.{minor}.0")).collect();
    let json = serde_json::json!({
        "GOOS": ["linux", "windows"], "GOARCH": ["amd64"], "GoVersion": ["go1.26.8"],
        "SampleRate": 0.5,
        "Programs": [{
            "Name": "example.org/hello", "Versions": versions,
            "Counters": [
                { "Name": "verb:{run,help}", "Rate": 0.06636 },
                { "Name": HOSTILE, "Rate": 0.5 },
            ],
            "Stacks": [{ "Name": "crash/panic", "Rate": 0.5, "Depth": 16 }],
        }, {
            "Name": "example.org/quiet", "Versions": ["v0.1.0"],
            "Counters": (0..40).map(|n| serde_json::json!({ "Name": format!("many/{n}"), "Rate": 0.25 }))
                .collect::<Vec<_>>(),
        }],
    });
    CollectionConfig::from_json(json.to_string().as_bytes()).expect("a config")
}

/// The module at a version, with a config that is large enough to be compressed.
pub fn module(number: u64) -> Module {
    module_on(number, "2026-02-04")
}

/// The same, published for this day.
pub fn module_on(number: u64, day: &str) -> Module {
    let provenance = Provenance {
        repository: RepositoryUrl::public("https://git.example.org/charts"),
        commit: ObjectId::new("a".repeat(40)).expect("an object name"),
        tree: ObjectId::new("b".repeat(40)).expect("an object name"),
        path: RepositoryPath::new("charts-config").expect("a path"),
        as_of: day.parse().expect("a day"),
        time: CommitTime::from_unix_seconds(1_770_091_506).expect("a time"),
        program_version: "0.1.0".into(),
    };
    let config = config(number).to_json().into_bytes();
    let version = ModuleVersion::new(number).expect("a version");
    let path = ModulePath::new(MODULE).expect("a path");
    Module::build(path, version, config, provenance).expect("a module")
}

impl Fixture {
    /// A deployment without versions.
    pub fn new() -> Fixture {
        let memory = tempfile::tempdir().expect("a temporary folder");
        let host: Host = "telemetry.example.org".parse().expect("a host");
        let keys = LogKeys::new(&host, &Seed::generate().expect("randomness"));
        let store = Arc::new(MemoryStore::new());
        let verifiers = keys.verifiers().clone();
        let signer = SignerLock::in_folder(memory.path()).expect("a signer");
        let path = ModulePath::new(MODULE).expect("a path");
        let versions = Arc::new(Versions::new(path, store.clone()));
        let log = Log::new(store.clone(), keys, signer, versions);
        log.create().expect("a log");
        Fixture { store, keys: verifiers, log, _memory: memory }
    }

    /// A deployment with this many versions, published at once.
    pub fn with(versions: u64) -> Fixture {
        let fixture = Fixture::new();
        fixture.publish(versions);
        fixture
    }

    /// Publishes this many more versions, at once.
    pub fn publish(&self, versions: u64) -> TreeHead {
        self.publish_on(versions, "2026-02-04", CatalogueRetention::default())
    }

    /// The same for a day, with definitions of this retention.
    pub fn publish_on(&self, versions: u64, day: &str, retention: CatalogueRetention) -> TreeHead {
        let head = self.log.settle().expect("a head");
        let mut entries = Vec::new();
        for number in head.size.get() + 1..=head.size.get() + versions {
            let module = module_on(number, day);
            let key = zip_key(&module.zip_hash()).expect("a key");
            self.store.put(&[(key, module.zip().to_vec())]).expect("stored");
            let version = module.version().to_string();
            let record = Record::new(MODULE, version, module.zip_hash(), module.go_mod_hash());
            entries.push(record.and_then(|record| Ok(record.entry()?)).expect("a record"));
        }
        match self.log.append(head, &entries).expect("appended") {
            Appended::Committed(head) => {
                self.record_catalogue(head, retention);
                head
            }
            Appended::LostRace => panic!("nobody else publishes"),
        }
    }

    /// Records that the newest version was compiled from definitions without a chart.
    fn record_catalogue(&self, head: TreeHead, retention: CatalogueRetention) {
        let Some(newest) = Versions::newest(head) else { return };
        let catalogue = Catalogue {
            format: 1,
            repository: String::new(),
            commit: "a".repeat(40),
            time: 1_770_091_506,
            as_of: "2026-02-04".parse().expect("a day"),
            path: "charts-config".to_owned(),
            project: None,
            confidence: 0.99,
            retention,
            programs: Vec::new(),
            charts: Vec::new(),
            marginals: Vec::new(),
            introduced: Vec::new(),
            index: Default::default(),
        };
        let catalogues = Catalogues::new(self.store.clone());
        catalogues.record(&catalogue, newest).expect("recorded");
    }

    /// Its site.
    pub async fn site(&self) -> Site {
        let path = ModulePath::new(MODULE).expect("a path");
        Site::open(path, self.keys.clone(), self.store.clone()).await.expect("a site")
    }

    /// Its router.
    pub async fn router(&self) -> Router {
        router(self.site().await, None)
    }
}

/// The root of the log's first leaves, computed from the entry bundle that was served.
pub fn root_of(entries: &[u8], leaves: usize) -> TreeHead {
    let mut edge = Edge::empty();
    let mut rest = entries;
    for _ in 0..leaves {
        let (length, after) = rest.split_first_chunk().expect("a length");
        let (entry, after) = after.split_at(usize::from(u16::from_be_bytes(*length)));
        edge.append(&[leaf_hash(entry)]).expect("room");
        rest = after;
    }
    assert!(rest.is_empty());
    edge.head()
}

/// Sends a request with these headers.
pub async fn ask(router: &Router, method: Method, path: &str, headers: &[(&str, &str)]) -> Answer {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Body::empty()).expect("a request");
    let response = router.clone().oneshot(request).await.expect("an answer");
    let (parts, body) = response.into_parts();
    let body = to_bytes(body, 1 << 30).await.expect("a body");
    Answer { status: parts.status, headers: parts.headers, body }
}

/// Sends a plain GET request.
pub async fn get(router: &Router, path: &str) -> Answer {
    ask(router, Method::GET, path, &[]).await
}
