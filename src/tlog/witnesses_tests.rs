//! The promise that nothing is published before a quorum of witnesses has cosigned it, in whatever order
//! publishers run, stop and restart; and that an alarm raised by a witness is never ignored.

use super::*;
use crate::store::{Fault, Key, MemoryStore, Store, StoreError, Swap, Wrapped, Wrapper};
use crate::tlog::SignerLock;
use crate::tlog::{
    Appended, Entry, EntryValidator, InvalidEntry, LeafIndex, Log, LogKeys, Protocol,
};
use crate::tlog::{CHECKPOINT, Cosigner, CosignerKind, KeyName, LockBackend, Seed, SignerId};
use std::collections::BTreeSet;
use std::sync::Mutex;

#[derive(Debug)]
struct Anything;

impl EntryValidator for Anything {
    fn validate(&self, _: LeafIndex, _: &Entry) -> Result<(), InvalidEntry> {
        Ok(())
    }
}

/// A lock in memory.
#[derive(Debug, Default)]
struct MemoryLock {
    record: Mutex<Option<Vec<u8>>>,
    events: Arc<Mutex<Vec<String>>>,
}

impl LockBackend for MemoryLock {
    fn fetch(&self) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.record.lock().expect("no panic").clone())
    }

    fn replace(&self, expected: Option<&[u8]>, new: &[u8]) -> Result<Swap, StoreError> {
        let mut record = self.record.lock().expect("no panic");
        if record.as_deref() != expected {
            return Ok(Swap::Lost);
        }
        *record = Some(new.to_vec());
        self.events.lock().expect("no panic").push("lock".to_owned());
        Ok(Swap::Won)
    }

    fn location(&self) -> String {
        "the lock".to_owned()
    }
}

/// Witnesses `w0`, `w1`, ..., each with its own key; the test decides what each of them answers.
struct FakeWitnesses {
    policy: Policy,
    cosigners: Vec<Cosigner>,
    time: Mutex<u64>,
    now: Mutex<u64>,
    absent: Mutex<BTreeSet<usize>>,
    answers: Mutex<BTreeMap<usize, WitnessAnswer>>,
    asked: Mutex<Vec<Submission>>,
    meanwhile: Mutex<Option<Box<dyn FnOnce() + Send>>>,
}

impl fmt::Debug for FakeWitnesses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FakeWitnesses")
    }
}

fn cosigner(number: u8) -> Cosigner {
    let kind = if number.is_multiple_of(2) { CosignerKind::Ed25519 } else { CosignerKind::MlDsa44 };
    let name = KeyName::new(format!("w{number}.example")).expect("a name");
    Cosigner::new(name, kind, &[number + 1; 32])
}

fn keys() -> LogKeys {
    LogKeys::new(&"telemetry.example.org".parse().expect("a host"), &Seed::from([7; 32]))
}

impl FakeWitnesses {
    /// The witnesses of these numbers, of which so many are a quorum.
    fn new(numbers: &[u8], quorum: usize) -> Arc<FakeWitnesses> {
        let cosigners: Vec<Cosigner> = numbers.iter().map(|number| cosigner(*number)).collect();
        let mut policy = format!("log {}\n", keys().verifiers().log);
        let mut names = String::new();
        for (number, cosigner) in numbers.iter().zip(&cosigners) {
            policy += &format!("witness w{number} {}\n", cosigner.verifier_key());
            names += &format!(" w{number}");
        }
        policy += &format!("group all {quorum}{names}\nquorum all\n");
        Arc::new(FakeWitnesses {
            policy: Policy::parse(policy.as_bytes()).expect("a policy"),
            cosigners,
            time: Mutex::new(1000),
            now: Mutex::new(10_000),
            absent: Mutex::default(),
            answers: Mutex::default(),
            asked: Mutex::default(),
            meanwhile: Mutex::default(),
        })
    }

    fn at(&self, time: u64) {
        *self.time.lock().expect("no panic") = time;
    }

    fn without(&self, absent: &[usize]) {
        *self.absent.lock().expect("no panic") = absent.iter().copied().collect();
    }

    fn answering(&self, witness: usize, answer: WitnessAnswer) {
        self.answers.lock().expect("no panic").insert(witness, answer);
    }

    fn asked(&self) -> Vec<Submission> {
        std::mem::take(&mut *self.asked.lock().expect("no panic"))
    }
}

impl Witnesses for FakeWitnesses {
    fn policy(&self) -> &Policy {
        &self.policy
    }

    fn now(&self) -> u64 {
        *self.now.lock().expect("no panic")
    }

    fn ask(&self, submission: &Submission) -> Vec<WitnessReply> {
        self.asked.lock().expect("no panic").push(submission.clone());
        if let Some(meanwhile) = self.meanwhile.lock().expect("no panic").take() {
            meanwhile();
        }
        let time = *self.time.lock().expect("no panic");
        let (absent, answers) = (self.absent.lock().expect("a"), self.answers.lock().expect("b"));
        let answer = |(index, cosigner): (usize, &Cosigner)| {
            let cosigned = || {
                let (text, checkpoint) = (submission.note.text(), &submission.checkpoint);
                vec![cosigner.cosign(text, checkpoint, time).expect("a cosignature")]
            };
            let answer = match answers.get(&index) {
                Some(answer) => answer.clone(),
                None if absent.contains(&index) => WitnessAnswer::Failed("it is away".to_owned()),
                None => WitnessAnswer::Cosigned(cosigned()),
            };
            WitnessReply { witness: format!("w{index}"), answer }
        };
        self.cosigners.iter().enumerate().map(answer).collect()
    }
}

struct Bench {
    store: Arc<MemoryStore>,
    lock: Arc<MemoryLock>,
}

impl Bench {
    fn new() -> Bench {
        let bench = Bench { store: Arc::default(), lock: Arc::default() };
        bench.log_in(bench.store.clone()).create().expect("a new log");
        bench
    }

    fn log_in(&self, store: Arc<dyn Store>) -> Log {
        let id: SignerId = "0123456789abcdef0123456789abcdef".parse().expect("an id");
        let signer = SignerLock::new(self.lock.clone(), id);
        Log::new(store, keys(), signer, Arc::new(Anything))
    }

    fn log(&self, witnesses: &Arc<FakeWitnesses>) -> Log {
        self.log_in(self.store.clone()).witnessed_by(witnesses.clone())
    }

    fn bytes(&self) -> Vec<u8> {
        let key = Key::new(CHECKPOINT).expect("a key");
        self.store.pointer(&key).expect("read").expect("published")
    }

    fn published(&self) -> Published {
        Published::open(&self.bytes(), keys().verifiers()).expect("signed")
    }

    fn size(&self) -> u64 {
        self.published().head().size.get()
    }

    /// When each witness of a policy cosigned what is published.
    fn times(&self, policy: &Policy) -> BTreeMap<usize, u64> {
        let believed = policy.check(self.published().note(Protocol::TlogTiles).as_bytes());
        let cosigned = believed.expect("believed").cosigned.into_iter();
        cosigned.map(|(index, time)| (index, time.seconds().expect("a time"))).collect()
    }
}

fn append(log: &Log) -> Result<u64, LogError> {
    let head = log.settle()?;
    let entry = Entry::new(head.size.to_string()).expect("short");
    match log.append(head, &[entry])? {
        Appended::Committed(head) => Ok(head.size.get()),
        Appended::LostRace => panic!("nobody else appends"),
    }
}

#[test]
fn nothing_is_published_before_a_quorum_and_the_next_run_completes_the_work() {
    let (bench, fake) = (Bench::new(), FakeWitnesses::new(&[0, 1, 2], 2));
    let log = bench.log(&fake);
    assert_eq!(append(&log).expect("published"), 1);
    assert_eq!(bench.times(&fake.policy), [(0, 1000), (1, 1000), (2, 1000)].into());
    let before = bench.bytes();

    fake.without(&[0, 2]);
    for _ in 0..2 {
        let error = append(&log).expect_err("one of three is no quorum");
        assert!(error.may_pass() && !error.is_alarm());
        let text = error.to_string();
        assert!(text.contains("w0 did not: it is away; w1 cosigned; w2 did not"), "{text}");
        assert_eq!(bench.bytes(), before, "both protocols still show the old head");
    }
    let asked = fake.asked();
    let (first, again) = (&asked[1], &asked[2]);
    assert_eq!(first.note, again.note, "the same signed head is sent again");
    assert_eq!(first.known.len(), 3, "what is published says who has seen what");

    fake.without(&[0]);
    assert_eq!(append(&log).expect("published"), 3, "the head before was completed first");
    assert_eq!(bench.times(&fake.policy).into_keys().collect::<Vec<_>>(), [1, 2]);
}

#[test]
fn an_empty_log_is_not_submitted() {
    let (bench, fake) = (Bench::new(), FakeWitnesses::new(&[0], 1));
    fake.without(&[0]);
    assert_eq!(bench.log(&fake).settle().expect("at rest"), TreeHead::EMPTY);
    assert!(fake.asked().is_empty());
}

#[test]
fn cosignatures_are_refreshed_and_their_times_never_go_back() {
    let (bench, fake) = (Bench::new(), FakeWitnesses::new(&[0, 1], 1));
    let log = bench.log(&fake);
    append(&log).expect("published");
    let sumdb = bench.published().note(Protocol::Sumdb).to_owned();
    fake.asked();
    log.refresh(1000).expect("fresh enough");
    assert!(fake.asked().is_empty());

    fake.at(2000);
    fake.without(&[1]);
    log.refresh(1500).expect("refreshed");
    assert_eq!(bench.times(&fake.policy), [(0, 2000), (1, 1000)].into());
    assert_eq!(bench.published().note(Protocol::Sumdb), sumdb);
    assert_eq!(bench.size(), 1);

    // A witness whose clock was set back.
    fake.at(1200);
    fake.without(&[]);
    let error = log.refresh(2500).expect_err("no newer time");
    assert!(error.to_string().contains("2500"), "{error}");
    assert_eq!(bench.times(&fake.policy), [(0, 2000), (1, 1200)].into());

    fake.without(&[0, 1]);
    let before = bench.bytes();
    log.refresh(2500).expect_err("nobody answers");
    assert_eq!(bench.bytes(), before);
}

#[test]
fn a_time_in_the_future_does_not_count_and_is_replaced() {
    let (bench, fake) = (Bench::new(), FakeWitnesses::new(&[0, 1], 1));
    let log = bench.log(&fake);
    let set_clock = |now| *fake.now.lock().expect("no panic") = now;
    // It was accepted when it was made: our clock was wrong, too.
    set_clock(1_000_000);
    fake.at(1_000_000);
    append(&log).expect("published");
    set_clock(2000);
    fake.at(2000);
    fake.asked();
    // Only w1 has its clock set right, which is a quorum.
    fake.without(&[0]);
    log.refresh(1000).expect("cosigned again, though the time is newer than that");
    assert_eq!(fake.asked().len(), 1);
    assert_eq!(bench.times(&fake.policy), [(1, 2000)].into());
    log.refresh(1000).expect("well");
    assert!(fake.asked().is_empty(), "it is resolved");

    // While nobody cosigns with the current time, what is there stays, and an error says so.
    set_clock(1_000_000);
    fake.at(1_000_000);
    fake.without(&[]);
    log.refresh(1_000_000).expect("cosigned");
    set_clock(3000);
    fake.without(&[0, 1]);
    let before = bench.bytes();
    log.refresh(1000).expect_err("nobody answers");
    log.settle().expect_err("nor for whoever publishes");
    assert_eq!(bench.bytes(), before);
    fake.without(&[]);
    fake.at(3300);
    log.settle().expect("clocks may differ by that much");
    assert_eq!(bench.times(&fake.policy), [(0, 3300), (1, 3300)].into());
}

#[test]
fn the_next_run_meets_a_changed_policy() {
    let (bench, former) = (Bench::new(), FakeWitnesses::new(&[0, 1], 2));
    append(&bench.log(&former)).expect("published");
    // w1 was taken out of the policy, and w2 is new.
    let fake = FakeWitnesses::new(&[0, 2], 2);
    fake.at(3000);
    let log = bench.log(&fake);
    fake.without(&[1]);
    log.settle().expect_err("w2 has not seen what is published");
    assert_eq!(bench.size(), 1, "what was published stays");
    fake.without(&[]);
    log.settle().expect("cosigned by both");
    assert_eq!(bench.times(&fake.policy), [(0, 3000), (1, 3000)].into());
    let lines = bench
        .published()
        .note(Protocol::TlogTiles)
        .lines()
        .filter(|line| line.starts_with('—'))
        .count();
    assert_eq!(lines, 3, "the log's, and those of the policy");
    fake.asked();
    log.settle().expect("at rest");
    assert!(fake.asked().is_empty(), "nobody is asked for what is there");
}

#[test]
fn a_witness_that_contradicts_the_log_raises_an_alarm_whoever_else_cosigned() {
    let size = |size| TreeSize::new(size).expect("a size");
    for answer in [WitnessAnswer::Ahead(size(9)), WitnessAnswer::OtherHistory(size(1))] {
        let (bench, fake) = (Bench::new(), FakeWitnesses::new(&[0, 1, 2], 2));
        let log = bench.log(&fake);
        append(&log).expect("published");
        let before = bench.bytes();
        fake.answering(1, answer);
        let error = append(&log).expect_err("an alarm");
        assert!(error.is_alarm() && !error.may_pass(), "{error}");
        assert!(error.to_string().contains("ALARM: the witness w1"), "{error}");
        assert_eq!(bench.bytes(), before);
        let error = log.refresh(5000).expect_err("an alarm");
        assert!(error.is_alarm(), "{error}");
        assert_eq!(bench.bytes(), before);
    }
}

#[test]
fn a_witness_that_another_publisher_has_brought_further_is_no_alarm() {
    let (bench, slow) = (Bench::new(), FakeWitnesses::new(&[0], 1));
    let fast = FakeWitnesses::new(&[0], 1);
    let (one, two) = (bench.log(&slow), bench.log(&fast));
    let size = |size| TreeSize::new(size).expect("a size");
    slow.answering(0, WitnessAnswer::Ahead(size(2)));
    *slow.meanwhile.lock().expect("no panic") = Some(Box::new(move || {
        assert_eq!(append(&two).expect("published"), 2, "on top of what the slow one committed");
    }));
    assert_eq!(append(&one).expect("published"), 2);
    assert_eq!(bench.size(), 2);
}

#[test]
fn a_refresh_is_overtaken_by_a_publication_that_waits_for_its_quorum() {
    let (bench, slow) = (Bench::new(), FakeWitnesses::new(&[0, 1], 2));
    let one = bench.log(&slow);
    append(&one).expect("published");
    let waiting = FakeWitnesses::new(&[0, 1], 2);
    waiting.without(&[1]);
    let two = bench.log(&waiting);
    let size = |size| TreeSize::new(size).expect("a size");
    slow.answering(0, WitnessAnswer::Ahead(size(2)));
    *slow.meanwhile.lock().expect("no panic") = Some(Box::new(move || {
        append(&two).expect_err("committed, and cosigned by w0 alone");
    }));
    // w0 would cosign the newer head; this fake goes on saying that it has seen one of its size.
    let error = one.refresh(2000).expect_err("no quorum");
    let asked = slow.asked();
    assert_eq!(asked.last().expect("asked again").checkpoint.head().size, size(2), "{error}");
    assert_eq!(asked.len(), 3);
    assert_eq!(bench.size(), 1);
}

#[test]
fn a_quorum_that_another_publisher_got_is_enough() {
    let (bench, slow) = (Bench::new(), FakeWitnesses::new(&[0, 1], 2));
    let (one, two) = (bench.log(&slow), bench.log(&FakeWitnesses::new(&[0, 1], 2)));
    slow.without(&[0]);
    *slow.meanwhile.lock().expect("no panic") = Some(Box::new(move || {
        two.settle().expect("the same head, with both witnesses");
    }));
    assert_eq!(append(&one).expect("published"), 1);
}

#[test]
fn stopped_at_any_store_operation_nothing_is_published_without_a_quorum() {
    for kind in [Fault::Fail, Fault::PowerCutBefore, Fault::PowerCutAfter] {
        for operation in 0.. {
            let (bench, fake) = (Bench::new(), FakeWitnesses::new(&[0, 1], 2));
            let log = bench.log(&fake);
            append(&log).expect("published");
            // The first run has no quorum, and is stopped besides; so is the second, which has one.
            fake.without(&[1]);
            bench.store.inject(kind(operation));
            append(&log).expect_err("no quorum");
            bench.store.restart();
            assert_eq!(bench.size(), 1, "{:?}", kind(operation));
            fake.without(&[]);
            bench.store.inject(kind(operation));
            let second = log.settle();
            let operations = bench.store.operations();
            bench.store.restart();
            bench.times(&fake.policy);
            let done = append(&log).expect("the last run");
            assert_eq!(bench.size(), done);
            assert_eq!(bench.times(&fake.policy).len(), 2);
            if second.is_ok() && operation >= operations {
                break;
            }
        }
    }
}

/// A store that records which pointers are swapped, and can fail after the head was swapped.
#[derive(Debug)]
struct RecordingStore {
    store: Arc<MemoryStore>,
    events: Arc<Mutex<Vec<String>>>,
    dies_after_commit: bool,
}

impl Wrapper for RecordingStore {
    fn inner(&self) -> &dyn Store {
        &*self.store
    }

    fn wrap_swap(
        &self,
        key: &Key,
        expected: Option<&[u8]>,
        new: &[u8],
    ) -> Result<Swap, StoreError> {
        let swap = self.store.swap(key, expected, new)?;
        self.events.lock().expect("no panic").push(key.to_string());
        match self.dies_after_commit {
            true => Err(StoreError::Injected { operation: 0 }),
            false => Ok(swap),
        }
    }
}

#[test]
fn what_another_process_committed_is_synced_before_the_signers_lock_moves() {
    let events = Arc::new(Mutex::new(Vec::new()));
    let lock = Arc::new(MemoryLock { record: Mutex::default(), events: events.clone() });
    let bench = Bench { store: Arc::default(), lock };
    bench.log_in(bench.store.clone()).create().expect("a new log");
    let log = |dies_after_commit| {
        let (store, events) = (bench.store.clone(), events.clone());
        bench.log_in(Arc::new(Wrapped(RecordingStore { store, events, dies_after_commit })))
    };
    let take = || std::mem::take(&mut *events.lock().expect("no panic"));
    take();
    append(&log(false)).expect("published");
    assert_eq!(
        take(),
        ["log/head", "lock", "log/checkpoint"],
        "a commit of its own is synced once"
    );
    append(&log(true)).expect_err("killed after the commit");
    assert_eq!(take(), ["log/head"]);
    log(false).settle().expect("completed");
    assert_eq!(take(), ["log/head", "lock", "log/checkpoint"], "first, another's commit is synced");
}
