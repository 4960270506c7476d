//! How a publisher handles each answer of a witness, with witnesses in memory and a clock that advances
//! only when someone sleeps.

use super::*;
use crate::fake_witness::{Behaviour, FakeWitness, conflict, status};
use crate::store::MemoryStore;
use crate::tlog::{Appended, CosignerKind, Entry, EntryValidator, Hash, InvalidEntry, Protocol};
use crate::tlog::{Checkpoint, LeafIndex, Log, LogKeys, Seed, SignerLock, StoredTiles, TreeHead};
use crate::witness::feed_http::Reply;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use ed25519_dalek::Signer as _;
use sha2::{Digest as _, Sha256};

#[derive(Debug)]
struct Anything;

impl EntryValidator for Anything {
    fn validate(&self, _: LeafIndex, _: &Entry) -> Result<(), InvalidEntry> {
        Ok(())
    }
}

/// Witnesses by the host of their address.
#[derive(Debug)]
struct Network(BTreeMap<String, Arc<FakeWitness>>);

impl Post for Network {
    fn post(&self, url: &str, body: &str, _: Duration) -> Result<Reply, String> {
        let host = url.strip_prefix("https://").and_then(|url| url.strip_suffix("/add-checkpoint"));
        let witness = self.0.get(host.expect(url)).ok_or("nobody listens there")?;
        let (status, headers, body) = witness.answer(body.as_bytes()).ok_or("it hung up")?;
        let wait = headers.iter().find(|(name, _)| *name == "Retry-After");
        let wait = wait.map(|(_, value)| Duration::from_secs(value.parse().expect("seconds")));
        Ok(Reply { status, retry_after: wait, body })
    }
}

/// The time when a test begins.
const NOW: u64 = 1_800_000_000;

/// A witness whose clock shows `NOW`.
fn named(name: &str, kind: CosignerKind) -> Arc<FakeWitness> {
    let witness = FakeWitness::new(name, kind);
    witness.at(NOW);
    witness
}

/// A clock that advances only when someone sleeps.
#[derive(Debug)]
struct Asleep {
    began: Instant,
    slept: Mutex<Vec<Duration>>,
}

impl Clock for Asleep {
    fn now(&self) -> Instant {
        self.began + self.slept.lock().expect("no panic").iter().sum::<Duration>()
    }

    fn sleep(&self, time: Duration) {
        self.slept.lock().expect("no panic").push(time);
    }

    fn unix(&self) -> u64 {
        NOW + self.now().duration_since(self.began).as_secs()
    }
}

/// A log and the heads that it had.
struct Bench {
    store: Arc<MemoryStore>,
    keys: LogKeys,
    heads: Vec<TreeHead>,
    clock: Arc<Asleep>,
}

fn size(size: u64) -> TreeSize {
    TreeSize::new(size).expect("a size")
}

impl Bench {
    fn new() -> Bench {
        let keys = || {
            LogKeys::new(&"telemetry.example.org".parse().expect("a host"), &Seed::from([7; 32]))
        };
        let (store, memory) =
            (Arc::new(MemoryStore::new()), tempfile::tempdir().expect("a folder"));
        let signer = SignerLock::in_folder(memory.path()).expect("a signer");
        let log = Log::new(store.clone(), keys(), signer, Arc::new(Anything));
        log.create().expect("a new log");
        let mut heads = vec![TreeHead::EMPTY];
        for number in 0..5 {
            let entry = Entry::new(format!("{number}")).expect("short");
            match log.append(heads[number], &[entry]).expect("appended") {
                Appended::Committed(head) => heads.push(head),
                Appended::LostRace => panic!("nobody else appends"),
            }
        }
        let clock = Asleep { began: Instant::now(), slept: Mutex::default() };
        Bench { store, keys: keys(), heads, clock: Arc::new(clock) }
    }

    /// The newest head, as it is submitted where these witnesses are known to have seen a size.
    fn submission(&self, known: &[(usize, u64)]) -> Submission {
        let origin = Protocol::TlogTiles.origin(&self.keys.verifiers().host);
        let checkpoint = Checkpoint::new(origin, self.heads[5]);
        let name = self.keys.verifiers().log.name().clone();
        let note = checkpoint.sign(&Seed::from([7; 32]).signer(name)).expect("signed");
        let known = known.iter().map(|(index, known)| (*index, size(*known))).collect();
        let tiles = Arc::new(StoredTiles::new(self.store.clone()));
        Submission { note, checkpoint, known, tiles }
    }

    /// A feeder of witnesses with this quorum, each at an address that is its name.
    fn feeder(&self, witnesses: &[(&str, &Arc<FakeWitness>)], quorum: &str) -> Feeder {
        let mut policy = format!("log {}\n", self.keys.verifiers().log);
        for (name, witness) in witnesses {
            policy += &format!("witness {name} {} https://{name}/\n", witness.key);
        }
        let names: Vec<&str> = witnesses.iter().map(|(name, _)| *name).collect();
        policy += &format!("group all {quorum} {}\nquorum all\n", names.join(" "));
        let policy = Policy::parse(policy.as_bytes()).expect("a policy");
        let network = witnesses.iter().map(|(name, one)| ((*name).to_owned(), (*one).clone()));
        let network = Arc::new(Network(network.collect()));
        Feeder::with(policy, network, self.clock.clone(), TIMEOUTS).expect("a feeder")
    }

    /// The answer of a witness that is believed to have seen this size.
    fn ask(&self, witness: &Arc<FakeWitness>, known: u64) -> WitnessAnswer {
        let feeder = self.feeder(&[("w", witness)], "all");
        let mut asked = feeder.ask(&self.submission(&[(0, known)]));
        asked.pop().expect("an answer").answer
    }
}

fn witness() -> Arc<FakeWitness> {
    named("w.example", CosignerKind::Ed25519)
}

fn failed(answer: WitnessAnswer, with: &str) {
    match answer {
        WitnessAnswer::Failed(reason) => assert!(reason.contains(with), "{reason}"),
        other => panic!("not {with}: {other:?}"),
    }
}

fn cosigned(answer: WitnessAnswer) {
    assert!(matches!(answer, WitnessAnswer::Cosigned(_)), "{answer:?}");
}

#[test]
fn the_proof_begins_where_the_witness_is() {
    let bench = Bench::new();
    for seen in 0..=5 {
        for believed in 0..=5 {
            let witness = witness();
            witness.knows(bench.heads[seen]);
            cosigned(bench.ask(&witness, believed as u64));
            let expected = match seen == believed {
                true => vec![seen as u64],
                false => vec![believed as u64, seen as u64],
            };
            assert_eq!(witness.asked_from(), expected);
            assert_eq!(witness.known(), bench.heads[5]);
        }
    }
}

#[test]
fn a_feeder_remembers_what_it_learned() {
    let (bench, witness) = (Bench::new(), witness());
    witness.knows(bench.heads[3]);
    let feeder = bench.feeder(&[("w", &witness)], "all");
    for expected in [vec![0, 3], vec![5], vec![5]] {
        cosigned(feeder.ask(&bench.submission(&[]))[0].answer.clone());
        assert_eq!(witness.asked_from(), expected);
    }
}

#[test]
fn a_witness_with_a_larger_tree_or_another_history_is_not_one_that_fails() {
    let bench = Bench::new();
    let other = TreeHead { size: size(3), root: Hash::from([9; 32]) };
    let case = |known: TreeHead, answers: &[Behaviour]| {
        let witness = witness();
        witness.knows(known);
        witness.next(answers);
        (bench.ask(&witness, 3), witness.asked_from())
    };
    let more = TreeHead { size: size(9), root: Hash::from([9; 32]) };
    assert_eq!(case(more, &[]), (WitnessAnswer::Ahead(size(9)), vec![3]));
    assert_eq!(case(other, &[]), (WitnessAnswer::OtherHistory(size(3)), vec![3]));
    let same = TreeHead { size: size(5), root: Hash::from([9; 32]) };
    assert_eq!(case(same, &[]), (WitnessAnswer::OtherHistory(size(5)), vec![3, 5]));
    // Until v1.0.0, with the size that was sent. The second answer might be that of a race.
    let old = conflict("3\n");
    assert_eq!(
        case(other, &[old.clone(), old.clone()]),
        (WitnessAnswer::OtherHistory(size(3)), vec![3, 3])
    );
    cosigned(case(bench.heads[3], &[old]).0);
    // A first checkpoint continues nothing.
    let (refused, from) = (witness(), [status(422)]);
    refused.next(&from);
    failed(bench.ask(&refused, 0), "nothing to prove");
}

#[test]
fn repeated_conflicts_end_after_a_few_requests() {
    let bench = Bench::new();
    // Its size is guessed: the published size, the head's own, and zero.
    for (seen, asked) in [(5, vec![2, 5]), (0, vec![2, 5, 0])] {
        let witness = witness();
        witness.knows(bench.heads[seen]);
        witness.next(&vec![conflict("sorry"); asked.len() - 1]);
        cosigned(bench.ask(&witness, 2));
        assert_eq!(witness.asked_from(), asked);
    }
    for body in ["", "sorry", "-1\n", "4 and more\n", "99999999999999999999999\n"] {
        let witness = witness();
        witness.always(conflict(body));
        failed(bench.ask(&witness, 2), "409 without the size");
        assert_eq!(witness.asked_from(), [2, 5, 0], "{body:?}");
    }
    // Another size each time.
    let fickle = witness();
    fickle.next(&["0\n", "4\n", "0\n", "4\n", "0\n", "4\n", "0\n", "4\n", "0\n"].map(conflict));
    failed(bench.ask(&fickle, 2), "again and again");
    assert_eq!(fickle.asked_from(), [2, 0, 4, 0, 4]);
    let wandering = witness();
    wandering.next(&["0\n", "1\n", "3\n", "4\n", "5\n", "2\n", "0\n", "1\n", "3\n"].map(conflict));
    failed(bench.ask(&wandering, 2), "");
    assert_eq!(wandering.asked_from().len(), 8);
}

#[test]
fn temporary_failures_are_retried_and_others_are_not() {
    let bench = Bench::new();
    for answer in [status(500), status(502), status(503), status(429), Behaviour::Hang] {
        let patient = witness();
        patient.next(&[answer.clone(), answer.clone()]);
        cosigned(bench.ask(&patient, 0));
        let gone = witness();
        gone.always(answer.clone());
        let said = bench.ask(&gone, 0);
        let WitnessAnswer::Failed(reason) = said else { panic!("{said:?}") };
        if answer == status(500) {
            assert!(reason.contains("do not know this log, or its key"), "{reason}");
        }
        assert_eq!(gone.asked_from().len(), 3, "{answer:?}");
    }
    let moved = Behaviour::Answer(308, vec![("Location", "https://w/x".to_owned())], Vec::new());
    for (answer, reason) in [
        (status(400), "400"),
        (status(403), "another key"),
        (status(404), "does not know this log"),
        (moved, "redirects are not followed"),
        (status(204), "which no witness should"),
        (Behaviour::Answer(200, Vec::new(), Vec::new()), "no cosignatures"),
        (Behaviour::Answer(200, Vec::new(), b"\xff\n".to_vec()), "not UTF-8"),
        (Behaviour::Answer(200, Vec::new(), b"<html>\n".to_vec()), "line 1 does not start"),
        (Behaviour::OtherKey, "without a cosignature by the key"),
        (Behaviour::BadSignature, "bad"),
    ] {
        let witness = witness();
        witness.always(answer.clone());
        failed(bench.ask(&witness, 0), reason);
        assert_eq!(witness.asked_from(), [0], "{answer:?}");
    }
}

#[test]
fn a_witness_may_say_when_to_retry() {
    let bench = Bench::new();
    let later = |seconds: &str| {
        let headers = vec![("Retry-After", seconds.to_owned())];
        Behaviour::Answer(429, headers, b"slowly, please".to_vec())
    };
    let busy = witness();
    busy.next(&[later("7")]);
    cosigned(bench.ask(&busy, 0));
    assert_eq!(*bench.clock.slept.lock().expect("no panic"), [Duration::from_secs(7)]);
    let tomorrow = witness();
    tomorrow.always(later("86400"));
    failed(bench.ask(&tomorrow, 0), "429 (it said \"slowly, please\")");
    assert_eq!(tomorrow.asked_from(), [0], "not before the deadline");
}

#[test]
fn a_cosignature_that_was_not_made_now_is_not_counted() {
    let bench = Bench::new();
    for (kind, time, said) in [
        (CosignerKind::Ed25519, 1, "has the time 1970-01-01T00:00:01Z, and it was asked at 2027"),
        (CosignerKind::MlDsa44, NOW - 301, "its clock is wrong"),
        (CosignerKind::Ed25519, NOW + 301, "its clock is wrong: its cosignature has the time 2027"),
        (CosignerKind::MlDsa44, NOW + 86_400_000, "here it is only 2027"),
        (CosignerKind::MlDsa44, (1 << 63) - 1, "its clock is wrong"),
    ] {
        let (good, wrong) = (witness(), named("wrong.example", kind));
        wrong.at(time);
        let feeder = bench.feeder(&[("good", &good), ("wrong", &wrong)], "1");
        let asked = feeder.ask(&bench.submission(&[]));
        cosigned(asked[0].answer.clone());
        failed(asked[1].answer.clone(), said);
        assert_eq!(feeder.state().problems().len(), 1);
    }
    // No time at all, which our cosigners never make.
    let careless = witness();
    let key = Sha256::digest("w.example").into();
    let text = bench.submission(&[]).note.text().to_owned();
    let message = format!("cosignature/v1\ntime 0\n{text}");
    let signed = ed25519_dalek::SigningKey::from_bytes(&key).sign(message.as_bytes());
    let vkey: CosignerKey = careless.key.parse().expect("a key");
    let id = u32::from_str_radix(&vkey.id().to_string(), 16).expect("an ID").to_be_bytes();
    let bytes = [&id[..], &[0; 8], &signed.to_bytes()].concat();
    let line = format!("— w.example {}\n", STANDARD.encode(bytes));
    careless.always(Behaviour::Answer(200, Vec::new(), line.into_bytes()));
    failed(bench.ask(&careless, 0), "does not say when it was made");
    for time in [NOW - 300, NOW, NOW + 300] {
        let witness = witness();
        witness.at(time);
        cosigned(bench.ask(&witness, 0));
    }
}

#[test]
fn lines_by_other_keys_are_ignored_and_a_failure_concerns_one_witness_alone() {
    let bench = Bench::new();
    let [one, two, bad] = ["one", "two", "bad"].map(|name| {
        let kind = if name == "two" { CosignerKind::MlDsa44 } else { CosignerKind::Ed25519 };
        named(&format!("{name}.example"), kind)
    });
    one.always(Behaviour::AmongOthers);
    bad.always(Behaviour::BadSignature);
    let feeder = bench.feeder(&[("one", &one), ("two", &two), ("bad", &bad)], "all");
    let [one, two, bad] =
        <[WitnessReply; 3]>::try_from(feeder.ask(&bench.submission(&[]))).expect("three");
    for asked in [&one, &two] {
        let WitnessAnswer::Cosigned(lines) = &asked.answer else { panic!("{asked:?}") };
        assert_eq!(lines.len(), 1);
    }
    failed(bad.answer, "bad");
    let problems = feeder.state().problems();
    assert_eq!(problems.len(), 1);
    assert_eq!(
        (problems[0].0.as_str(), feeder.state().answers()["one"].cosigned_count),
        ("bad", 1)
    );
}

#[test]
fn a_witness_with_two_keys_is_asked_once() {
    let bench = Bench::new();
    let (old, new) = (witness(), named("new.example", CosignerKind::MlDsa44));
    let policy = format!(
        "log {}\nwitness old {} https://w/\nwitness new {} https://w\ngroup any 1 old new\nquorum any\n",
        bench.keys.verifiers().log,
        old.key,
        new.key
    );
    let policy = Policy::parse(policy.as_bytes()).expect("a policy");
    let network = Network([("w".to_owned(), old.clone())].into());
    let feeder = Feeder::with(policy, Arc::new(network), bench.clock.clone(), TIMEOUTS);
    let feeder = feeder.expect("a feeder");
    let asked = feeder.ask(&bench.submission(&[]));
    cosigned(asked[0].answer.clone());
    failed(asked[1].answer.clone(), "its key may have changed");
    assert_eq!(old.asked_from(), [0]);
}

/// The witness `good`, and others that are silent.
#[derive(Debug)]
struct Silent(Arc<FakeWitness>);

impl Post for Silent {
    fn post(&self, url: &str, body: &str, _: Duration) -> Result<Reply, String> {
        if url != "https://good/add-checkpoint" {
            loop {
                thread::park();
            }
        }
        let (status, _, body) = self.0.answer(body.as_bytes()).expect("an answer");
        Ok(Reply { status, retry_after: None, body })
    }
}

#[test]
fn a_silent_witness_is_awaited_until_the_deadline_but_not_long_once_there_is_a_quorum() {
    let bench = Bench::new();
    let (good, silent) = (witness(), named("silent.example", CosignerKind::Ed25519));
    good.at_system_time();
    let (soon, never) = (Duration::from_millis(20), Duration::from_secs(1 << 20));
    for (quorum, timeouts) in [
        ("any", Timeouts { deadline: never, grace: soon }),
        ("all", Timeouts { deadline: soon, grace: never }),
    ] {
        let mut feeder = bench.feeder(&[("good", &good), ("silent", &silent)], quorum);
        feeder.post = Arc::new(Silent(good.clone()));
        feeder.clock = Arc::new(SystemClock);
        feeder.timeouts = timeouts;
        let asked = feeder.ask(&bench.submission(&[]));
        if quorum == "any" {
            cosigned(asked[0].answer.clone());
        }
        failed(asked[1].answer.clone(), "https://silent/ did not answer in time");
    }
}

#[test]
fn a_policy_that_cannot_be_met_is_refused() {
    let key = witness().key.clone();
    let feeder = |witness: &str, quorum: &str| {
        let policy = format!("witness w {key} {witness}\nquorum {quorum}\n");
        Feeder::new(Policy::parse(policy.as_bytes()).expect("a policy")).map(drop)
    };
    assert_eq!(feeder("https://w.example/x", "w"), Ok(()));
    assert_eq!(feeder("", "none"), Ok(()));
    assert_eq!(feeder("", "w"), Err(FeederError::Unreachable("w".to_owned())));
    for bad in ["http://w.example", "ftp://w.example", "w.example", "https://w.example/?a=b"] {
        assert!(matches!(feeder(bad, "w"), Err(FeederError::Address { .. })), "{bad}");
    }
    let many: String = (0..100)
        .map(|number| {
            let witness = named(&format!("w{number}"), CosignerKind::Ed25519);
            format!("witness w{number} {} https://w\n", witness.key)
        })
        .collect();
    let policy = Policy::parse(format!("{many}quorum w1\n").as_bytes()).expect("a policy");
    assert_eq!(Feeder::new(policy).map(drop), Err(FeederError::TooMany));
}
