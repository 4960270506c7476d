//! What the verified download promises, with a server that breaks each promise in turn.

use super::testing::{ESCAPED, LOG, PROXY, Server, entry, module, response};
use super::*;
use crate::store::{Fault, Key, MemoryStore, Store as _};
use crate::tlog::{
    CheckpointRefused, Contradiction, Entry, Evidence, EvidenceKeys, Freshness, KeyName, NotFresh,
    Seed,
};
use proptest::prelude::*;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// Without witnesses, time does not matter.
const NOW: SystemTime = SystemTime::UNIX_EPOCH;

fn version(number: u64) -> crate::gomod::ModuleVersion {
    crate::gomod::ModuleVersion::new(number).expect("a version")
}

fn memory() -> Arc<MemoryStore> {
    Arc::default()
}

fn latest(server: &Server, memory: &Arc<MemoryStore>) -> Result<VerifiedConfig, ClientError> {
    server.client(memory).fetch(Wanted::Latest, NOW)
}

#[test]
fn an_honest_server_is_believed() {
    let (mut server, memory) = (Server::with(1), memory());
    for published in [1, 2, 3, 255, 256, 257, 300] {
        server.publish_many(published - server_size(&server), "");
        let config = latest(&server, &memory).expect("verified");
        assert_eq!(config.version(), version(published));
        let text = format!("{{\"config\": {published}, \"x\": \"\"}}");
        assert_eq!(config.config(), text.as_bytes());
        assert_eq!(config.head().size.get(), published);
        assert_eq!(config.provenance().program_version, "0.1.0");
    }
    for older in [1, 255, 256, 299] {
        let config = server.client(&memory).fetch(Wanted::Version(version(older)), NOW);
        assert_eq!(config.expect("verified").version(), version(older));
    }
    let error =
        server.client(&memory).fetch(Wanted::Version(version(301)), NOW).expect_err("not yet");
    assert!(error.to_string().contains("newest version is v0.300.0"), "{error}");
}

fn server_size(server: &Server) -> u64 {
    let size = server.file(&format!("{LOG}/checkpoint"));
    let text = String::from_utf8(size).expect("text");
    text.lines().nth(1).expect("a size").parse().expect("a number")
}

#[test]
fn a_log_that_dropped_partial_tiles_is_still_read() {
    let (mut server, memory) = (Server::with(200), memory());
    latest(&server, &memory).expect("verified");
    let older = server.file(&format!("{LOG}/checkpoint"));
    server.publish_many(100, "");
    server.remove(&format!("{LOG}/tile/0/000.p/200"));
    server.remove(&format!("{LOG}/tile/entries/000.p/200"));
    // A new machine, and a server that still shows the old checkpoint.
    server.put(&format!("{LOG}/checkpoint"), &older);
    let config = latest(&server, &self::memory()).expect("from the full tile");
    assert_eq!(config.version(), version(200));
}

#[test]
fn an_empty_log_has_no_config() {
    let error = latest(&Server::new(), &memory()).expect_err("nothing there");
    assert!(matches!(error, ClientError::Empty { .. }), "{error}");
}

#[test]
fn a_changed_zip_is_refused() {
    let (server, memory) = (Server::with(3), memory());
    let url = format!("{PROXY}/{ESCAPED}/@v/v0.3.0.zip");
    // Another well-formed module in its place.
    server.put(&url, module(3, "{}").zip());
    let error = latest(&server, &memory).expect_err("another zip");
    assert!(matches!(error, ClientError::WrongZip { .. }), "{error}");
    assert!(error.to_string().starts_with("SECURITY ERROR"), "{error}");
    server.remove(&url);
    let error = latest(&server, &memory).expect_err("no zip");
    assert!(matches!(error, ClientError::MissingZip { .. }), "{error}");
}

#[test]
fn another_key_is_refused() {
    let (server, memory) = (Server::with(3), memory());
    let name = KeyName::new("telemetry.example.org/log").expect("a name");
    let mut source = server.source();
    source.trust = Seed::from([6; 32]).signer(name).verifier_key().clone().into();
    let client = ConfigClient::new(source, &server, memory).expect("a client");
    let error = client.fetch(Wanted::Latest, NOW).expect_err("another key");
    assert!(matches!(error, ClientError::Checkpoint { .. }), "{error}");
}

#[test]
fn a_rolled_back_log_is_refused() {
    let (mut server, memory) = (Server::with(3), memory());
    let older = server.file(&format!("{LOG}/checkpoint"));
    server.publish_many(1, "");
    latest(&server, &memory).expect("verified");
    server.put(&format!("{LOG}/checkpoint"), &older);
    let error = latest(&server, &memory).expect_err("smaller");
    assert!(matches!(error, ClientError::RolledBack { .. }), "{error}");
}

#[test]
fn a_forked_log_is_refused_with_evidence() {
    // Sizes that are powers of two and not, equal and grown, within one tile and across tiles.
    for (common, seen, served) in [(0, 1, 1), (2, 3, 3), (2, 4, 7), (3, 5, 9), (250, 260, 600)] {
        let (mut ours, mut theirs) = (Server::with(common), Server::with(common));
        ours.publish_many(seen - common, "ours");
        theirs.publish_many(served - common, "theirs");
        let memory = memory();
        latest(&ours, &memory).expect("verified");
        let remembered = memory.snapshot();
        let error = latest(&theirs, &memory).expect_err("forked");
        let ClientError::Forked { evidence, kept, .. } = &error else { panic!("{error}") };
        // The evidence is in a file, and checking it needs only the log's key.
        let kept = kept.as_deref().expect("kept");
        assert!(error.to_string().contains("SECURITY ERROR"), "{error}");
        assert!(error.to_string().contains(kept), "{error}");
        let key = Key::new(kept).expect("a name");
        let file = memory.get(&key).expect("readable").expect("a file");
        let read = Evidence::parse(&file).expect("evidence");
        assert_eq!(read, **evidence);
        let notes = match &read.shows {
            Contradiction::TwoRoots { first, second } => [first, second],
            Contradiction::NotContained { older, newer, .. } => [older, newer],
            other => panic!("{other:?}"),
        };
        for (note, server) in notes.into_iter().zip([&ours, &theirs]) {
            assert_eq!(note.as_bytes(), server.file(&format!("{LOG}/checkpoint")));
        }
        let logs = [ours.key().clone()];
        read.check(EvidenceKeys { logs: &logs, witnesses: &[] }).expect("a proof of the fork");
        assert_eq!(memory.snapshot().pointers, remembered.pointers, "the fork is not remembered");
    }
}

#[test]
fn damaged_tiles_are_not_reported_as_a_fork() {
    let (mut server, memory) = (Server::with(5), memory());
    latest(&server, &memory).expect("verified");
    server.publish_many(4, "");
    let tile = format!("{LOG}/tile/0/000.p/9");
    let good = server.file(&tile);
    for change in [
        |bytes: &mut Vec<u8>| bytes[0] ^= 1,
        |bytes: &mut Vec<u8>| bytes[8 * 32] ^= 1,
        |bytes: &mut Vec<u8>| bytes.truncate(8 * 32),
        |bytes: &mut Vec<u8>| bytes.truncate(8 * 32 + 1),
        |bytes: &mut Vec<u8>| bytes.clear(),
    ] {
        server.edit(&tile, change);
        let error = latest(&server, &memory).expect_err("damaged");
        assert!(matches!(error, ClientError::Proof { .. }), "{error}");
        server.put(&tile, &good);
    }
    server.remove(&tile);
    let error = latest(&server, &memory).expect_err("missing");
    assert!(matches!(error, ClientError::Tile(_)), "{error}");
    assert!(error.to_string().contains("tile/0/000"), "{error}");
}

#[test]
fn oversized_answers_are_dropped() {
    let server = Server::with(3);
    for url in server.urls() {
        let good = server.file(&url);
        server.edit(&url, |bytes| bytes.resize(65 << 20, b'x'));
        let fetched = latest(&server, &memory());
        let is_older = ["000.p/1", "000.p/2", "v0.1.0", "v0.2.0"].iter().any(|e| url.contains(e));
        if let Err(error) = &fetched {
            assert!(error.to_string().contains("more than"), "{url}: {error}");
        }
        assert_eq!(fetched.is_ok(), is_older, "{url}");
        server.put(&url, &good);
    }
}

#[test]
fn an_entry_that_is_not_the_versions_record_is_refused() {
    let entries = [
        entry(&module(2, "{}")),
        Entry::new("other\n").expect("short"),
        Entry::new(vec![0xff]).expect("short"),
        Entry::new("").expect("short"),
    ];
    for entry in entries {
        let mut server = Server::new();
        server.append(&[entry]);
        let error = latest(&server, &memory()).expect_err("not the record of v0.1.0");
        assert!(matches!(error, ClientError::Record { .. }), "{error}");
    }
    // A record that is in the bundle but not in the tree.
    let server = Server::with(1);
    let forged = entry(&module(1, "{}"));
    let length = (forged.as_bytes().len() as u16).to_be_bytes();
    let bundle = [&length, forged.as_bytes()].concat();
    server.put(&format!("{LOG}/tile/entries/000.p/1"), &bundle);
    server.put(&format!("{PROXY}/{ESCAPED}/@v/v0.1.0.zip"), module(1, "{}").zip());
    let error = latest(&server, &memory()).expect_err("not in the tree");
    assert!(matches!(error, ClientError::Proof { .. }), "{error}");
}

#[test]
fn a_damaged_memory_is_named_and_kept() {
    let (server, memory) = (Server::with(2), memory());
    latest(&server, &memory).expect("verified");
    let snapshot = memory.snapshot();
    let (key, note) = snapshot.pointers.iter().next().expect("one pointer");
    assert!(key.as_str().starts_with("seen/telemetry.example.org/log+"), "{key}");
    let _ = memory.swap(key, Some(note), b"damaged").expect("swap");
    let error = latest(&server, &memory).expect_err("damaged");
    assert!(matches!(error, ClientError::Remembered { .. }), "{error}");
    assert!(error.to_string().contains(key.as_str()), "{error}");
    assert_eq!(memory.pointer(key).expect("pointer").as_deref(), Some(&b"damaged"[..]));
}

#[test]
fn what_cannot_be_remembered_is_not_used() {
    let (server, memory) = (Server::with(2), memory());
    for operation in 0..2 {
        memory.inject(Fault::Fail(operation));
        let error = latest(&server, &memory).expect_err("the memory is out of reach");
        assert!(matches!(error, ClientError::Memory(_)), "{operation}: {error}");
    }
}

#[test]
fn programs_do_not_forget_what_each_other_saw() {
    /// A server that first shows a stale checkpoint, while another program on this machine sees the
    /// newest one.
    #[derive(Debug)]
    struct Busy<'a> {
        server: &'a Server,
        stale: Vec<u8>,
        memory: Arc<MemoryStore>,
        once: std::sync::Once,
    }
    impl Transport for Busy<'_> {
        fn send(&self, request: &Request<'_>) -> Result<Response, TransportError> {
            let mut answer = self.server.send(request);
            if request.url.ends_with("checkpoint") {
                self.once.call_once(|| {
                    latest(self.server, &self.memory).expect("verified");
                    answer = Ok(response(Some(self.stale.clone())));
                });
            }
            answer
        }
    }
    let (mut server, memory) = (Server::with(1), memory());
    latest(&server, &memory).expect("verified");
    server.publish_many(1, "");
    let stale = server.file(&format!("{LOG}/checkpoint"));
    server.publish_many(1, "");
    let busy =
        Busy { server: &server, stale, memory: memory.clone(), once: std::sync::Once::new() };
    let client = ConfigClient::new(server.source(), busy, memory.clone()).expect("a client");
    assert_eq!(client.fetch(Wanted::Latest, NOW).expect("verified").version(), version(3));
    let remembered: Vec<_> = memory.snapshot().pointers.into_values().collect();
    assert_eq!(remembered, [server.file(&format!("{LOG}/checkpoint"))]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn one_flipped_bit_anywhere_never_changes_what_is_used(file: prop::sample::Index, at: prop::sample::Index, bit in 0..8) {
        let mut server = Server::with(3);
        let memory = memory();
        latest(&server, &memory).expect("verified");
        server.publish_many(2, "");
        let good = latest(&server, &self::memory()).expect("verified");
        let urls = server.urls();
        let url = &urls[file.index(urls.len())];
        server.edit(url, |bytes| {
            let at = at.index(bytes.len());
            bytes[at] ^= 1_u8 << bit;
        });
        // Refused, or unchanged if the bit is in something older or in the zip's padding.
        if let Ok(config) = latest(&server, &memory) {
            prop_assert_eq!(config.config(), good.config());
            prop_assert_eq!(config.version(), good.version());
            prop_assert_eq!(config.head(), good.head());
        }
    }
}

#[test]
fn a_known_newest_config_is_not_downloaded_again() {
    let (mut server, memory) = (Server::with(2), memory());
    let newer = |server: &Server, than| {
        let found = server.client(&memory).fetch_newer_than(version(than), NOW).expect("fetched");
        found.config.map(|verified| verified.version())
    };
    // A machine that remembers nothing of the log verifies it again.
    assert_eq!(newer(&server, 2), Some(version(2)));
    assert_eq!(newer(&server, 2), None);
    assert_eq!(newer(&server, 1), Some(version(2)));
    server.publish_many(1, "");
    assert_eq!(newer(&server, 2), Some(version(3)));
    // Only the checkpoint is downloaded, and it is verified.
    for url in server.urls().iter().filter(|url| !url.ends_with("/checkpoint")) {
        server.remove(url);
    }
    assert_eq!(newer(&server, 3), None);
    server.edit(&format!("{LOG}/checkpoint"), |bytes| bytes.truncate(10));
    assert!(server.client(&memory).fetch_newer_than(version(3), NOW).is_err());
}

/// A server whose clients ask for two witnesses.
fn witnessed(versions: u64) -> Server {
    let mut server = Server::with(versions);
    server.ask_for_witnesses();
    server
}

const DAY: u64 = 24 * 60 * 60;
const LAST_SEEN: u64 = 1_795_000_000;

fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

#[test]
fn what_too_few_witnesses_have_seen_is_refused() {
    let (mut server, memory) = (witnessed(2), memory());
    for by in [&[][..], &[(1, LAST_SEEN)], &[(1, LAST_SEEN), (9, LAST_SEEN)]] {
        server.cosign(by);
        let error = server.client(&memory).fetch(Wanted::Latest, at(LAST_SEEN));
        let error = error.expect_err("no quorum");
        let ClientError::Checkpoint { source: CheckpointRefused::Quorum { .. }, .. } = &error
        else {
            panic!("{error}")
        };
        assert_eq!(memory.snapshot().pointers.len(), 0, "nothing of it is remembered");
    }
    server.cosign(&[(1, LAST_SEEN), (3, LAST_SEEN + 5)]);
    let config = server.client(&memory).fetch(Wanted::Latest, at(LAST_SEEN)).expect("a quorum");
    assert_eq!(config.freshness(), Freshness::At(LAST_SEEN));
}

#[test]
fn a_frozen_log_is_refused_when_its_cosignatures_are_too_old() {
    let (mut server, memory) = (witnessed(2), memory());
    server.cosign(&[(1, LAST_SEEN), (2, LAST_SEEN + 100)]);
    let fetch = |now| server.client(&memory).fetch(Wanted::Latest, at(now));
    let newer = |now| server.client(&memory).fetch_newer_than(version(2), at(now));
    for now in [LAST_SEEN - DAY, LAST_SEEN, LAST_SEEN + 7 * DAY] {
        assert_eq!(fetch(now).expect("fresh").freshness(), Freshness::At(LAST_SEEN));
        assert_eq!(newer(now).expect("fresh").freshness, Freshness::At(LAST_SEEN));
    }
    for error in [
        fetch(LAST_SEEN + 9 * DAY).expect_err("frozen"),
        newer(LAST_SEEN + 9 * DAY).map(drop).expect_err("frozen"),
    ] {
        let message = error.to_string();
        assert!(
            message.contains("the newest head that its witnesses vouch for is 9 days old"),
            "{message}"
        );
        assert!(matches!(error, ClientError::NotFresh { source: NotFresh::Stale { .. }, .. }));
    }
    let error = fetch(LAST_SEEN - 2 * DAY).expect_err("from the future");
    assert!(
        matches!(error, ClientError::NotFresh { source: NotFresh::Clock { .. }, .. }),
        "{error}"
    );
    // The program chooses the limit.
    let source = ConfigSource { fresh_for: Duration::from_secs(DAY), ..server.source() };
    let strict = ConfigClient::new(source, &server, memory.clone()).expect("a client");
    assert!(strict.fetch(Wanted::Latest, at(LAST_SEEN + DAY)).is_ok());
    assert!(strict.fetch(Wanted::Latest, at(LAST_SEEN + DAY + 1)).is_err());
    // Without witnesses there is no limit, and the freshness is unknown.
    let source = ConfigSource { trust: server.key().clone().into(), ..server.source() };
    let trusting = ConfigClient::new(source, &server, memory.clone()).expect("a client");
    let config = trusting.fetch(Wanted::Latest, at(LAST_SEEN + 900 * DAY));
    assert_eq!(config.expect("verified").freshness(), Freshness::Unknown);
}

#[test]
fn a_fork_is_found_out_however_old_its_trees_are() {
    let (mut ours, mut theirs) = (witnessed(2), witnessed(2));
    ours.publish_many(1, "ours");
    theirs.publish_many(2, "theirs");
    for server in [&mut ours, &mut theirs] {
        server.cosign(&[(1, LAST_SEEN), (2, LAST_SEEN)]);
    }
    let (memory, late) = (memory(), at(LAST_SEEN + 30 * DAY));
    let stale = ours.client(&memory).fetch(Wanted::Latest, late).expect_err("stale");
    assert!(matches!(stale, ClientError::NotFresh { .. }), "{stale}");
    let forked = theirs.client(&memory).fetch(Wanted::Latest, late).expect_err("forked");
    assert!(matches!(forked, ClientError::Forked { .. }), "{forked}");
}

#[test]
fn a_log_that_changes_its_key_is_held_to_what_it_signed_with_the_old_one() {
    let (mut server, memory) = (Server::with(3), memory());
    let old = server.key().clone();
    latest(&server, &memory).expect("verified");
    let mut forked = Server::with(2);
    forked.publish_many(2, "another history");
    server.publish_many(1, "");
    server.change_key(7);
    forked.change_key(7);
    let new = server.key().clone();
    let both: Trust = format!("log {old}\nlog {new}\nquorum none\n").parse().expect("a policy");
    let client = |server, trust: &Trust| {
        let source = ConfigSource { trust: trust.clone(), ..Server::with(0).source() };
        ConfigClient::new(source, server, memory.clone()).expect("a client")
    };
    // A program that does not know the new key does not accept it.
    let error = client(&server, &old.clone().into()).fetch(Wanted::Latest, NOW);
    assert!(matches!(error, Err(ClientError::Checkpoint { .. })));
    let error = client(&forked, &both).fetch(Wanted::Latest, NOW).expect_err("forked");
    assert!(matches!(error, ClientError::Forked { .. }), "{error}");
    let config = client(&server, &both).fetch(Wanted::Latest, NOW).expect("verified");
    assert_eq!((config.version(), config.log()), (version(4), &new));
    // When the old key is gone, the new one is held to what it signed itself.
    let error = client(&forked, &new.into()).fetch(Wanted::Latest, NOW).expect_err("forked");
    assert!(matches!(error, ClientError::Forked { .. }), "{error}");
}
