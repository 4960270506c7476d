//! The same promises as in `config_tests`, with a server that answers with the newest config and its proof at
//! once: it is used where all of it is right, and otherwise everything is as without it.

use super::testing::{LOG, NEWEST, PROXY, Server, entry, module};
use super::*;
use crate::gomod::ModuleVersion;
use crate::store::{Fault, MemoryStore};
use crate::tlog::{CheckpointRefused, Freshness, NotFresh, ProvedFile};
use proptest::prelude::*;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

const NOW: SystemTime = SystemTime::UNIX_EPOCH;
const DAY: u64 = 24 * 60 * 60;
const LAST_SEEN: u64 = 1_795_000_000;

fn version(number: u64) -> ModuleVersion {
    ModuleVersion::new(number).expect("a version")
}

fn memory() -> Arc<MemoryStore> {
    Arc::default()
}

fn with(versions: u64) -> Server {
    let mut server = Server::with(versions);
    server.answer_at_once();
    server
}

/// Notes what is asked for.
#[derive(Debug)]
struct Noted<'a>(&'a Server, Mutex<Vec<String>>);

impl Transport for Noted<'_> {
    fn send(&self, request: &Request<'_>) -> Result<Response, TransportError> {
        self.1.lock().expect("unpoisoned").push(request.url.to_owned());
        self.0.send(request)
    }
}

type Fetched<T> = (Result<T, ClientError>, Vec<String>);

/// What a client gets, and what it asked for.
fn ask<'a, T>(
    server: &'a Server,
    memory: &Arc<MemoryStore>,
    fetch: impl FnOnce(&ConfigClient<&Noted<'a>>) -> Result<T, ClientError>,
) -> Fetched<T> {
    let noted = Noted(server, Mutex::default());
    let client = ConfigClient::new(server.source(), &noted, memory.clone()).expect("a client");
    let fetched = fetch(&client);
    drop(client);
    (fetched, noted.1.into_inner().expect("unpoisoned"))
}

fn latest(server: &Server, memory: &Arc<MemoryStore>) -> Fetched<VerifiedConfig> {
    ask(server, memory, |client| client.fetch(Wanted::Latest, NOW))
}

#[test]
fn a_first_fetch_is_one_request() {
    for published in [1, 2, 3, 255, 256, 257, 300] {
        let server = with(published);
        let memory = memory();
        let (config, asked) = latest(&server, &memory);
        let config = config.expect("verified");
        assert_eq!(asked, [NEWEST], "{published}");
        assert_eq!(config.version(), version(published));
        assert_eq!(config.head().size.get(), published);
        let slower = Server::with(published);
        assert_eq!(slower.client(&self::memory()).fetch(Wanted::Latest, NOW).expect("too"), config);
        // What is remembered is the checkpoint that came with it.
        let remembered: Vec<_> = memory.snapshot().pointers.into_values().collect();
        assert_eq!(remembered, [server.file(&format!("{LOG}/checkpoint"))]);
    }
}

#[test]
fn a_machine_that_has_seen_the_log_asks_for_tiles_to_compare_and_for_no_zip() {
    let (mut server, memory) = (with(3), memory());
    latest(&server, &memory).0.expect("verified");
    let newer = |server: &Server, than| {
        let (newer, asked) =
            ask(server, &memory, |client| client.fetch_newer_than(version(than), NOW));
        (newer.expect("fetched").config.map(|config| config.version()), asked)
    };
    let checkpoint = format!("{LOG}/checkpoint");
    assert_eq!(newer(&server, 3), (None, vec![checkpoint.clone()]));
    server.publish_many(2, "");
    let (found, asked) = newer(&server, 3);
    assert_eq!(found, Some(version(5)));
    assert_eq!((asked.first(), asked.last()), (Some(&checkpoint), Some(&NEWEST.to_owned())));
    assert!(asked.iter().any(|url| url.contains("/tile/0/")), "{asked:?}");
    assert!(!asked.iter().any(|url| url.contains(".zip") || url.contains("entries")), "{asked:?}");
}

#[test]
fn without_a_right_answer_everything_is_as_without_it() {
    let mut server = with(3);
    let older = server.file(NEWEST);
    server.publish_many(1, "");
    let good = ProvedFile::parse(server.file(NEWEST)).expect("an answer");
    let other_proof = ProvedFile::parse(server.at_once(2)).expect("an answer").proof;
    let mut beyond = good.proof.clone();
    beyond.index = crate::tlog::LeafIndex::new((1 << 63) - 2).expect("a leaf");
    let mut unsigned = good.proof.clone();
    unsigned.checkpoint = unsigned.checkpoint.replace("\n4\n", "\n5\n");
    let forged = module(4, "{\"config\": \"forged\"}");
    for (what, answer) in [
        ("nothing", Vec::new()),
        ("a page", b"<html>not found</html>".to_vec()),
        ("another zip", ProvedFile::encode(&good.proof, forged.zip())),
        ("no zip", ProvedFile::encode(&good.proof, b"")),
        ("another proof", ProvedFile::encode(&other_proof, &good.file)),
        ("a proof beyond any log", ProvedFile::encode(&beyond, &good.file)),
        ("another tree", ProvedFile::encode(&unsigned, &good.file)),
        // Right in itself, and not the newest.
        ("an older version", server.at_once(2)),
        ("too much", vec![b'x'; 67 << 20]),
    ] {
        server.put(NEWEST, &answer);
        let memory = memory();
        let (config, asked) = latest(&server, &memory);
        let config = config.unwrap_or_else(|error| panic!("{what}: {error}"));
        assert_eq!(
            (config.version(), config.module().zip()),
            (version(4), &good.file[..]),
            "{what}"
        );
        assert_eq!(asked[..2], [NEWEST.to_owned(), format!("{LOG}/checkpoint")], "{what}");
        assert!(asked.last().expect("asked").ends_with("v0.4.0.zip"), "{what}");
    }
    // To a machine that has seen more, an older answer does not matter; and nothing is forgotten.
    server.remove(NEWEST);
    let memory = memory();
    latest(&server, &memory).0.expect("verified");
    let remembered = memory.snapshot().pointers;
    server.put(NEWEST, &older);
    assert_eq!(latest(&server, &memory).0.expect("verified").version(), version(4));
    assert_eq!(memory.snapshot().pointers, remembered);
}

#[test]
fn a_wrong_answer_hides_no_error() {
    let server = with(3);
    let url = format!("{PROXY}/{}/@v/v0.3.0.zip", super::testing::ESCAPED);
    let forged = module(3, "{}");
    let proof = ProvedFile::parse(server.file(NEWEST)).expect("an answer").proof;
    server.put(&url, forged.zip());
    server.put(NEWEST, &ProvedFile::encode(&proof, forged.zip()));
    let error = latest(&server, &memory()).0.expect_err("another zip");
    assert!(matches!(error, ClientError::WrongZip { .. }), "{error}");
    // A log that holds another module's record, in which the zip's is not.
    let mut other = Server::with(0);
    other.publish("{}");
    other.append(&[entry(&module(7, "{}"))]);
    let error = latest(&other, &memory()).0.expect_err("another record");
    assert!(matches!(error, ClientError::Record { .. }), "{error}");
}

#[test]
fn a_rolled_back_log_is_refused() {
    let memory = memory();
    latest(&with(4), &memory).0.expect("verified");
    let error = latest(&with(3), &memory).0.expect_err("smaller");
    assert!(matches!(error, ClientError::RolledBack { .. }), "{error}");
}

#[test]
fn a_fork_is_refused_with_evidence_even_if_only_this_answer_shows_it() {
    for (common, seen, served) in [(0, 1, 1), (2, 3, 3), (2, 4, 7), (3, 5, 9), (250, 260, 600)] {
        let (mut ours, mut theirs) = (Server::with(common), Server::with(common));
        ours.publish_many(seen - common, "ours");
        theirs.publish_many(served - common, "theirs");
        ours.answer_at_once();
        theirs.answer_at_once();
        let memory = memory();
        latest(&ours, &memory).0.expect("verified");
        let remembered = memory.snapshot().pointers;
        let (error, asked) = latest(&theirs, &memory);
        let error = error.expect_err("forked");
        let ClientError::Forked { kept, .. } = &error else { panic!("{error}") };
        assert!(kept.is_some());
        assert!(!asked.iter().any(|url| url.ends_with("checkpoint")), "{asked:?}");
        assert_eq!(memory.snapshot().pointers, remembered, "the fork is not remembered");
    }
    let (mut ours, mut theirs) = (Server::with(2), Server::with(2));
    ours.publish_many(1, "ours");
    theirs.publish_many(1, "theirs");
    theirs.answer_at_once();
    let memory = memory();
    latest(&ours, &memory).0.expect("verified");
    ours.put(NEWEST, &theirs.file(NEWEST));
    let error = latest(&ours, &memory).0.expect_err("forked");
    assert!(matches!(error, ClientError::Forked { .. }), "{error}");
}

#[test]
fn witnesses_and_freshness_are_asked_for_here_too() {
    let mut server = with(2);
    server.ask_for_witnesses();
    let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
    let fetch = |server: &Server, memory: &Arc<MemoryStore>, now| {
        ask(server, memory, |client| client.fetch(Wanted::Latest, at(now)))
    };
    let alone = memory();
    for by in [&[][..], &[(1, LAST_SEEN)], &[(1, LAST_SEEN), (9, LAST_SEEN)]] {
        server.cosign(by);
        let error = fetch(&server, &alone, LAST_SEEN).0.expect_err("no quorum");
        let ClientError::Checkpoint { source: CheckpointRefused::Quorum { .. }, .. } = &error
        else {
            panic!("{error}")
        };
        assert_eq!(alone.snapshot().pointers.len(), 0, "nothing of it is remembered");
    }
    let uncosigned = server.file(NEWEST);
    server.cosign(&[(1, LAST_SEEN), (3, LAST_SEEN + 5)]);
    let (config, asked) = fetch(&server, &alone, LAST_SEEN);
    assert_eq!(config.expect("a quorum").freshness(), Freshness::At(LAST_SEEN));
    assert_eq!(asked, [NEWEST]);
    let error = fetch(&server, &memory(), LAST_SEEN + 9 * DAY).0.expect_err("frozen");
    assert!(matches!(error, ClientError::NotFresh { source: NotFresh::Stale { .. }, .. }));
    // If only this answer lacks the signatures or is too old, the checkpoint itself counts.
    let frozen = server.file(NEWEST);
    server.cosign(&[(1, LAST_SEEN + 9 * DAY), (2, LAST_SEEN + 9 * DAY)]);
    for answer in [uncosigned, frozen] {
        server.put(NEWEST, &answer);
        let (config, asked) = fetch(&server, &memory(), LAST_SEEN + 9 * DAY);
        assert_eq!(config.expect("fresh").freshness(), Freshness::At(LAST_SEEN + 9 * DAY));
        assert_eq!(asked[1], format!("{LOG}/checkpoint"));
    }
}

#[test]
fn whoever_chose_another_proxy_gets_the_zip_from_there() {
    let server = with(2);
    let noted = Noted(&server, Mutex::default());
    let proxy = "https://proxy.example".parse().expect("an address");
    let source = ConfigSource { proxy, ..server.source() };
    let client = ConfigClient::new(source, &noted, memory()).expect("a client");
    let error = client.fetch(Wanted::Latest, NOW).expect_err("it has no zip");
    assert!(matches!(error, ClientError::MissingZip { .. }), "{error}");
    assert!(!noted.1.lock().expect("unpoisoned").iter().any(|url| url == NEWEST));
}

#[test]
fn what_cannot_be_remembered_is_not_used() {
    let (server, memory) = (with(2), memory());
    for operation in 0..2 {
        memory.inject(Fault::Fail(operation));
        let error = latest(&server, &memory).0.expect_err("the memory is out of reach");
        assert!(matches!(error, ClientError::Memory(_)), "{operation}: {error}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn one_flipped_bit_never_changes_what_is_used(at: prop::sample::Index, bit in 0..8, seen in 0_u64..4) {
        let mut server = Server::with(seen);
        let memory = memory();
        if seen > 0 {
            latest(&server, &memory).0.expect("verified");
        }
        server.publish_many(5 - seen, "");
        server.answer_at_once();
        let good = latest(&server, &self::memory()).0.expect("verified");
        server.edit(NEWEST, |bytes| {
            let at = at.index(bytes.len());
            bytes[at] ^= 1_u8 << bit;
        });
        // The rest is right, so it is got one way or the other.
        let config = latest(&server, &memory).0.expect("verified");
        prop_assert_eq!(config.config(), good.config());
        prop_assert_eq!(config.version(), good.version());
        prop_assert_eq!(config.head(), good.head());
    }
}
