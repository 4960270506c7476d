//! The promises of a witness, whatever its clock, its store and other processes do.

use super::*;
use crate::other_log::{OtherLog, body, cosigned_at};
use crate::store::{Fault, MemoryStore, Wrapped, Wrapper};
use crate::tlog::{CosignerKey, Note};
use crate::witness::{ListedLog, WitnessFolder, WitnessKeyInfo};
use std::sync::atomic::AtomicI64;
use tempfile::TempDir;

/// A witness's folder that knows one log, and a clock that a test sets.
struct Bench {
    folder: TempDir,
    keys: Vec<CosignerKey>,
    log: OtherLog,
    now: Arc<AtomicI64>,
}

impl Bench {
    fn new() -> Bench {
        let folder = TempDir::new().expect("a folder");
        let made = WitnessFolder::create(folder.path(), "witness.example").expect("a witness");
        let log = OtherLog::new("log.example", 1, 40);
        let key = log.vkey().parse().expect("a key");
        let contact = "nobody".to_owned();
        let listed = ListedLog { origin: log.origin.clone(), key, per_day: 86_400, contact };
        made.add_log(&listed).expect("added");
        let parse = |key: WitnessKeyInfo| key.vkey.parse().expect("a key");
        let keys = made.keys().into_iter().map(parse).collect();
        Bench { folder, keys, log, now: Arc::new(AtomicI64::new(1_770_000_000)) }
    }

    fn witness(&self, store: Arc<dyn Store>) -> Witness {
        let now = self.now.clone();
        let clock = move || Timestamp::from_second(now.load(Relaxed)).expect("a time");
        let folder = Witness::folder_of(self.folder.path());
        Witness::with(folder, store, Box::new(clock)).expect("a witness")
    }

    fn set_clock(&self, seconds: i64) {
        self.now.store(seconds, Relaxed);
    }

    /// The one time of all cosignatures that were answered for a note.
    fn time(&self, note: &Note, lines: &[NoteSignature]) -> u64 {
        let lines: String = lines.iter().map(|line| format!("{line}\n")).collect();
        let times = self.keys.iter().map(|key| cosigned_at(key, note, &lines).expect("cosigned"));
        let times: Vec<u64> = times.collect();
        assert!(times.iter().all(|time| *time == times[0]), "{times:?}");
        times[0]
    }

    /// Submits and returns the time.
    fn cosign(&self, witness: &Witness, old: usize, new: usize) -> u64 {
        let lines = witness.add_checkpoint(self.log.submission(old, new).as_bytes());
        self.time(&self.log.note(new), &lines.expect("cosigned"))
    }
}

#[test]
fn cosignatures_never_go_back_in_time_with_the_clock() {
    let (bench, store) = (Bench::new(), Arc::new(MemoryStore::new()));
    let witness = bench.witness(store.clone());
    assert_eq!(bench.cosign(&witness, 0, 5), 1_770_000_000);
    bench.set_clock(1_770_000_100);
    assert_eq!(bench.cosign(&witness, 5, 5), 1_770_000_100, "the same again is fresh");
    assert!(witness.health().well);
    bench.set_clock(1_760_000_000);
    assert_eq!(bench.cosign(&witness, 5, 5), 1_770_000_100);
    assert_eq!(bench.cosign(&witness, 5, 6), 1_770_000_100);
    let health = witness.health();
    assert!(!health.well && health.problems[0].contains("ahead of the clock"), "{health}");
    // Even after a restart.
    let witness = bench.witness(store);
    assert!(!witness.health().well);
    assert_eq!(bench.cosign(&witness, 6, 7), 1_770_000_100);
    bench.set_clock(1_770_000_200);
    assert_eq!(bench.cosign(&witness, 7, 7), 1_770_000_200);
    assert!(witness.health().well);
    // With an invalid clock there are no cosignatures.
    bench.set_clock(-5);
    let refused = witness.add_checkpoint(bench.log.submission(7, 8).as_bytes());
    assert!(matches!(refused, Err(Refusal::Unavailable)), "{refused:?}");
    assert!(witness.health().problems.iter().any(|problem| problem.contains("not a valid time")));
    // Once the clock is right again, so is the witness.
    bench.set_clock(1_770_000_300);
    assert_eq!(bench.cosign(&witness, 7, 8), 1_770_000_300);
    assert!(witness.health().well, "{}", witness.health());
}

/// A store in which another process does something, once, between a witness's read and its swap.
struct Interrupted {
    store: Arc<MemoryStore>,
    between: Mutex<Option<Box<dyn FnOnce() + Send>>>,
}

impl fmt::Debug for Interrupted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Interrupted")
    }
}

impl Wrapper for Interrupted {
    fn inner(&self) -> &dyn Store {
        &*self.store
    }

    fn wrap_swap(
        &self,
        key: &crate::store::Key,
        expected: Option<&[u8]>,
        new: &[u8],
    ) -> Result<Swap, StoreError> {
        if let Some(between) = self.between.lock().expect("a lock").take() {
            between();
        }
        self.store.swap(key, expected, new)
    }
}

#[test]
fn what_another_process_cosigned_meanwhile_counts() {
    let bench = Bench::new();
    let fork = bench.log.fork(1, 3);
    let submitted = [fork.submission(0, 10), fork.submission(0, 12), bench.log.submission(0, 10)];
    for (number, submitted) in submitted.into_iter().enumerate() {
        let store = Arc::new(MemoryStore::new());
        // Neither has seen anything of the log; the other one is faster.
        let (other, log) = (bench.witness(store.clone()), bench.log.submission(0, 10));
        let between = move || drop(other.add_checkpoint(log.as_bytes()).expect("the first wins"));
        let between = Mutex::new(Some(Box::new(between) as Box<dyn FnOnce() + Send>));
        let witness = bench.witness(Arc::new(Wrapped(Interrupted { store, between })));
        let refused = witness.add_checkpoint(submitted.as_bytes());
        let size = match refused {
            Err(Refusal::Conflict(size)) => size.get(),
            other => panic!("{number}: {other:?}"),
        };
        assert_eq!(size, 10);
        assert_eq!(witness.counts().lost_swaps.load(Relaxed), 1);
        // From here on there is one history, whichever is asked.
        let forked = witness.add_checkpoint(body(10, &[], &fork.note(10)).as_bytes());
        assert!(matches!(forked, Err(Refusal::Inconsistent(_))), "{forked:?}");
        bench.cosign(&witness, 10, 11);
    }
}

#[test]
fn a_power_cut_at_any_store_operation_loses_no_answer() {
    let bench = Bench::new();
    let fork = bench.log.fork(1, 3);
    for kind in [Fault::Fail, Fault::PowerCutBefore, Fault::PowerCutAfter] {
        let (mut remembered, mut forgotten) = (0, 0);
        for operation in 0.. {
            let store = Arc::new(MemoryStore::new());
            let witness = bench.witness(store.clone());
            bench.cosign(&witness, 0, 10);
            store.inject(kind(operation));
            let said = witness.add_checkpoint(bench.log.submission(10, 20).as_bytes());
            let operations = store.operations();
            assert!(said.is_ok() || matches!(said, Err(Refusal::Unavailable)), "{said:?}");
            store.restart();
            let witness = bench.witness(store);
            let told = witness.add_checkpoint(bench.log.submission(0, 30).as_bytes());
            let Err(Refusal::Conflict(size)) = told else { panic!("{told:?}") };
            let size = size.get() as usize;
            match size {
                20 => remembered += 1,
                10 if said.is_err() => forgotten += 1,
                _ => panic!("{:?}: {size} after {said:?}", kind(operation)),
            }
            // Whatever was returned, the other history is refused from now on.
            let forked = witness.add_checkpoint(fork.submission(size, 30).as_bytes());
            assert!(matches!(forked, Err(Refusal::Inconsistent(_))), "{forked:?}");
            bench.cosign(&witness, size, size);
            bench.cosign(&witness, size, 30);
            if operation >= operations {
                assert!(operation > 1, "a submission has only {operation} operations");
                break;
            }
        }
        assert!(remembered > 0 && forgotten > 0, "{:?}", kind(0));
    }
}

#[test]
fn keys_are_in_force_from_their_since_to_their_until() {
    let bench = Bench::new();
    let mut folder = WitnessFolder::open(bench.folder.path()).expect("a witness");
    let at = |second| Timestamp::from_second(second).expect("a time");
    let later = folder.add_key(crate::witness::KeyKind::Ed25519, Some(at(1_770_000_500)));
    let later = later.expect("a key");
    let old = bench.keys[1].id();
    folder.end_key(&old.to_string(), at(1_770_001_000)).expect("ended");
    drop(folder);
    let witness = bench.witness(Arc::new(MemoryStore::new()));
    let cases = [
        (1_770_000_499, vec![bench.keys[0].id(), old]),
        (1_770_000_500, vec![bench.keys[0].id(), old, later.id()]),
        (1_770_000_999, vec![bench.keys[0].id(), old, later.id()]),
        (1_770_001_000, vec![bench.keys[0].id(), later.id()]),
    ];
    for (size, (now, expected)) in cases.into_iter().enumerate() {
        bench.set_clock(now);
        let lines = witness.add_checkpoint(bench.log.submission(size, size + 1).as_bytes());
        let lines = lines.expect("cosigned");
        assert_eq!(lines.iter().map(NoteSignature::id).collect::<Vec<_>>(), expected, "{now}");
    }
}

#[test]
fn a_log_may_sign_by_a_key_of_any_kind() {
    let bench = Bench::new();
    let name = crate::tlog::KeyName::new("log.example").expect("a name");
    let folder = WitnessFolder::open(bench.folder.path()).expect("a witness");
    for (number, kind) in [crate::tlog::CosignerKind::MlDsa44, crate::tlog::CosignerKind::Ed25519]
        .into_iter()
        .enumerate()
    {
        let signer = crate::tlog::Seed::from([7; 32]).cosigner(name.clone(), kind);
        let log = OtherLog::new(&format!("cosigning.example/{number}"), 1, 10);
        let key = signer.verifier_key().to_string().parse().expect("a key");
        let contact = "nobody".to_owned();
        let listed = ListedLog { origin: log.origin.clone(), key, per_day: 100, contact };
        folder.add_log(&listed).expect("added");
        let witness = bench.witness(Arc::new(MemoryStore::new()));
        let text = log.note(5).text().to_owned();
        let checkpoint = crate::tlog::Checkpoint::parse(&text).expect("a checkpoint");
        let by_log = signer.cosign(&text, &checkpoint, 5).expect("signed");
        let note = Note::sign(text, &[]).expect("a note").with(by_log.clone());
        let lines = witness.add_checkpoint(body(0, &[], &note).as_bytes()).expect("cosigned");
        bench.time(&log.note(5), &lines);
        let hash = Witness::origin_hash(&log.origin);
        let shown = witness.cosigned(&hash).expect("readable").expect("cosigned");
        assert!(shown.contains(&by_log.to_string()));
        // A signature of another checkpoint under the key's name is invalid.
        let other = Note::sign(log.note(6).text(), &[]).expect("a note").with(by_log);
        let refused = witness.add_checkpoint(body(5, &log.proof(5, 6), &other).as_bytes());
        assert!(matches!(refused, Err(Refusal::NotSigned(NoteError::Forged { .. }))));
    }
}
