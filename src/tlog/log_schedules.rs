//! The promise that no two heads of one size are ever signed, on a thousand schedules: publishers that
//! race, die between any two operations and restart; stores that are rolled back, as a whole or only
//! their pointers; folders that are copied, cloned and restored from backups; signers that are moved;
//! heads set by someone without a key.
//!
//! Every process is a thread that runs the real [`Log`] and waits before each operation of its store and
//! lock until a seeded scheduler lets it run, so a seed is a schedule. Every signed head is recorded. In
//! the end, of any two heads signed in a schedule, the smaller tree must be a prefix of the larger; and
//! all their entries must be sound.

use super::layout::{CHECKPOINT, HEAD, SIGNER, format_head, key, parse_head, staged_key};
use super::staged::Staged;
use super::{
    Appended, LockError, LogError, LogKeys, Published, Seed, SeenHead, SignerId, SignerLock,
};
use super::{Edge, Entry, EntryValidator, Host, InvalidEntry, LeafIndex, LockBackend, Log};
use super::{StoredTiles, TreeHead};
use crate::store::{Key, MemoryStore, Snapshot, Store, StoreError, Swap};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::{self, JoinHandle};

/// Random numbers that follow from a seed (SplitMix64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }
}

/// What happens to a process at an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Go,
    DieBefore,
    DieAfter,
}

/// Whose turn it is. One process runs at a time.
#[derive(Default)]
struct Turns {
    live: BTreeSet<usize>,
    waiting: BTreeSet<usize>,
    granted: Option<(usize, Fate)>,
}

#[derive(Default)]
struct Gate {
    turns: Mutex<Turns>,
    changed: Condvar,
}

impl Gate {
    /// Waits for the turn of a process.
    fn wait(&self, process: usize) -> Fate {
        let mut turns = self.turns.lock().expect("no panic");
        turns.waiting.insert(process);
        self.changed.notify_all();
        loop {
            match turns.granted {
                Some((granted, fate)) if granted == process => {
                    turns.granted = None;
                    turns.waiting.remove(&process);
                    return fate;
                }
                _ => turns = self.changed.wait(turns).expect("no panic"),
            }
        }
    }

    fn leave(&self, process: usize) {
        self.turns.lock().expect("no panic").live.remove(&process);
        self.changed.notify_all();
    }

    /// Waits until every process has stopped before an operation, or has ended; says which stopped.
    fn stopped(&self) -> Vec<usize> {
        let mut turns = self.turns.lock().expect("no panic");
        while turns.granted.is_some() || turns.waiting != turns.live {
            turns = self.changed.wait(turns).expect("no panic");
        }
        turns.waiting.iter().copied().collect()
    }

    fn grant(&self, process: usize, fate: Fate) {
        self.turns.lock().expect("no panic").granted = Some((process, fate));
        self.changed.notify_all();
    }
}

/// The operations of one process.
struct Steps {
    gate: Arc<Gate>,
    process: usize,
    dead: AtomicBool,
}

impl std::fmt::Debug for Steps {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Steps({})", self.process)
    }
}

impl Steps {
    fn operate<T>(&self, effect: impl FnOnce() -> T) -> Result<T, StoreError> {
        let injected = Err(StoreError::Injected { operation: 0 });
        if self.dead.load(Ordering::SeqCst) {
            return injected;
        }
        let fate = self.gate.wait(self.process);
        self.dead.store(fate != Fate::Go, Ordering::SeqCst);
        match fate {
            Fate::Go => Ok(effect()),
            Fate::DieBefore => injected,
            Fate::DieAfter => {
                effect();
                injected
            }
        }
    }
}

/// The store, as one process uses it.
#[derive(Debug)]
struct SteppedStore {
    store: Arc<MemoryStore>,
    staged: Arc<Mutex<BTreeMap<Key, Staged>>>,
    steps: Arc<Steps>,
}

impl Store for SteppedStore {
    fn get(&self, key: &Key) -> Result<Option<Vec<u8>>, StoreError> {
        self.steps.operate(|| self.store.get(key))?
    }

    fn put(&self, objects: &[(Key, Vec<u8>)]) -> Result<(), StoreError> {
        // One by one, so that a batch is also stopped in its middle.
        objects.iter().try_for_each(|object| {
            note_staged(&self.staged, object);
            self.steps.operate(|| self.store.put(std::slice::from_ref(object)))?
        })
    }

    fn put_file(&self, key: &Key, scratch: &Path) -> Result<(), StoreError> {
        self.steps.operate(|| self.store.put_file(key, scratch))?
    }

    fn open(&self, key: &Key) -> Result<Option<File>, StoreError> {
        self.steps.operate(|| self.store.open(key))?
    }

    fn remove(&self, key: &Key) -> Result<(), StoreError> {
        self.steps.operate(|| self.store.remove(key))?
    }

    fn list(&self, folder: &Key) -> Result<Vec<Key>, StoreError> {
        self.steps.operate(|| self.store.list(folder))?
    }

    fn pointer(&self, key: &Key) -> Result<Option<Vec<u8>>, StoreError> {
        self.steps.operate(|| self.store.pointer(key))?
    }

    fn swap(&self, key: &Key, expected: Option<&[u8]>, new: &[u8]) -> Result<Swap, StoreError> {
        self.steps.operate(|| self.store.swap(key, expected, new))?
    }
}

/// A lock, as one process uses it.
#[derive(Debug)]
struct SteppedLock {
    record: Arc<Mutex<Option<Vec<u8>>>>,
    steps: Arc<Steps>,
}

impl LockBackend for SteppedLock {
    fn fetch(&self) -> Result<Option<Vec<u8>>, StoreError> {
        self.steps.operate(|| self.record.lock().expect("no panic").clone())
    }

    fn replace(&self, expected: Option<&[u8]>, new: &[u8]) -> Result<Swap, StoreError> {
        self.steps.operate(|| {
            let mut record = self.record.lock().expect("no panic");
            if record.as_deref() == expected {
                *record = Some(new.to_vec());
                Swap::Won
            } else {
                Swap::Lost
            }
        })
    }

    fn location(&self) -> String {
        "lock".to_owned()
    }
}

/// Entry N is `N WORK`, and there is an object `work/WORK`, as a version has a zip.
#[derive(Debug)]
struct Worked(Arc<dyn Store>);

impl EntryValidator for Worked {
    fn validate(&self, index: LeafIndex, entry: &Entry) -> Result<(), InvalidEntry> {
        let text = String::from_utf8_lossy(entry.as_bytes()).into_owned();
        let work = text.strip_prefix(&format!("{index} "));
        let work = work.ok_or_else(|| InvalidEntry::Refused("another number".to_owned()))?;
        match self.0.get(&work_key(work))? {
            Some(_) => Ok(()),
            None => Err(InvalidEntry::Refused("its work is not there".to_owned())),
        }
    }
}

fn work_key(work: &str) -> Key {
    Key::new(format!("work/{work}")).expect("a key")
}

/// A folder on a machine: its lock, who it says it is, and whether it is where it was registered.
#[derive(Clone)]
struct Machine {
    lock: Arc<Mutex<Option<Vec<u8>>>>,
    identity: Arc<Mutex<(SignerId, bool)>>,
}

/// What a schedule may have in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Setting {
    /// All machines share a lock, and everything happens.
    SharedLock,
    /// Each folder has its own lock; stores are rolled back and edited, and folders are copied.
    OwnLockRolledBack,
    /// Each folder has its own lock; folders are copied, cloned, put back and moved to.
    OwnLockCopied,
    /// Each folder has its own lock, and everything happens: more than such locks can withstand.
    OwnLockEverything,
}

impl Setting {
    fn has(self, event: &str) -> bool {
        let rolled_back = [
            "roll back the store",
            "roll back the pointers",
            "restore the store",
            "set an unsound head",
            "discard",
        ];
        let copied = ["clone a machine", "put back a disk", "put back a backup", "move the signer"];
        match self {
            Setting::SharedLock => event != "put back a disk",
            Setting::OwnLockEverything => true,
            Setting::OwnLockRolledBack => !copied.contains(&event),
            Setting::OwnLockCopied => !rolled_back.contains(&event),
        }
    }
}

/// How often each thing happens, out of the sum of all.
const EVENTS: [(&str, usize); 14] = [
    ("step", 900),
    ("kill before an operation", 6),
    ("kill after an operation", 6),
    ("start a publisher", 40),
    ("take a snapshot", 8),
    ("roll back the store", 3),
    ("roll back the pointers", 3),
    ("restore the store", 8),
    ("copy a machine", 4),
    ("clone a machine", 4),
    ("put back a disk", 3),
    ("put back a backup", 3),
    ("move the signer", 6),
    ("set an unsound head", 3),
];

type Counts = BTreeMap<String, u64>;

struct World {
    random: Random,
    setting: Setting,
    store: Arc<MemoryStore>,
    seed: Seed,
    machines: Vec<Machine>,
    /// What any reader has seen published.
    seen: TreeHead,
    looked_at: BTreeSet<Vec<u8>>,
    snapshots: Vec<(Snapshot, Vec<Option<Vec<u8>>>)>,
    /// The store as it was before it was rolled back.
    newer: Option<Snapshot>,
    signed: Arc<Mutex<Vec<TreeHead>>>,
    /// What leads to a head, of all that were ever staged: the log removes it when it may.
    staged: Arc<Mutex<BTreeMap<Key, Staged>>>,
    gate: Arc<Gate>,
    threads: Vec<JoinHandle<()>>,
    processes: usize,
    counts: Counts,
    outcomes: Arc<Mutex<Counts>>,
}

impl World {
    fn new(seed: u64, setting: Setting) -> World {
        let store = Arc::new(MemoryStore::new());
        let identity = format!("{seed:032x}").parse::<SignerId>().expect("an id");
        let first =
            Machine { lock: Arc::default(), identity: Arc::new(Mutex::new((identity, true))) };
        let world = World {
            random: Random(seed),
            setting,
            store,
            seed: Seed::from([7; 32]),
            machines: vec![first],
            seen: TreeHead::EMPTY,
            looked_at: BTreeSet::new(),
            snapshots: Vec::new(),
            newer: None,
            signed: Arc::default(),
            staged: Arc::default(),
            gate: Arc::default(),
            threads: Vec::new(),
            processes: 0,
            counts: Counts::new(),
            outcomes: Arc::default(),
        };
        let mut world = world;
        world.start(0, |log, _, _| log.create().map(|()| "created"));
        world.run_to_the_end();
        world
    }

    fn count(&mut self, what: &str) {
        *self.counts.entry(what.to_owned()).or_default() += 1;
    }

    fn keys(&self) -> LogKeys {
        let host: Host = "telemetry.example.org".parse().expect("a host");
        LogKeys::new(&host, &self.seed).noting(self.signed.clone())
    }

    /// Starts a process on a machine, with the identity that the machine has.
    fn start(
        &mut self,
        machine: usize,
        work: impl FnOnce(&Log, &Arc<dyn Store>, usize) -> Result<&'static str, LogError>
        + Send
        + 'static,
    ) {
        let (id, original) = self.machines[machine].identity.lock().expect("no panic").clone();
        if !original {
            return note(&self.outcomes, "refused: a copy");
        }
        self.spawn(machine, id, move |log, store, process, _| work(log, store, process));
    }

    /// Starts a process on a machine, as a signer of this name.
    fn spawn(
        &mut self,
        machine: usize,
        id: SignerId,
        work: impl FnOnce(&Log, &Arc<dyn Store>, usize, &Steps) -> Result<&'static str, LogError>
        + Send
        + 'static,
    ) {
        let process = self.processes;
        self.processes += 1;
        self.gate.turns.lock().expect("no panic").live.insert(process);
        let gate = self.gate.clone();
        let steps = Arc::new(Steps { gate: gate.clone(), process, dead: AtomicBool::new(false) });
        let lock =
            SteppedLock { record: self.machines[machine].lock.clone(), steps: steps.clone() };
        let store: Arc<dyn Store> = Arc::new(SteppedStore {
            store: self.store.clone(),
            staged: self.staged.clone(),
            steps: steps.clone(),
        });
        let signer = SignerLock::new(Arc::new(lock), id);
        let validator = Arc::new(Worked(store.clone()));
        let log = Log::new(store.clone(), self.keys(), signer, validator);
        let outcomes = self.outcomes.clone();
        self.threads.push(thread::spawn(move || {
            let outcome = match work(&log, &store, process, &steps) {
                Ok(done) => done,
                Err(error) => name_of(&error),
            };
            note(&outcomes, outcome);
            gate.leave(process);
        }));
    }

    fn start_publisher(&mut self) {
        let machine = self.random.below(self.machines.len());
        let rounds = 1 + self.random.below(3);
        let batch = 1 + self.random.below(2);
        self.start(machine, move |log, store, process| {
            for round in 0..rounds {
                loop {
                    let head = log.settle()?;
                    let mut entries = Vec::new();
                    for number in 0..batch {
                        let work = format!("{process}-{round}-{number}");
                        store.put(&[(work_key(&work), work.clone().into_bytes())])?;
                        let index = head.size.get() + number as u64;
                        entries.push(Entry::new(format!("{index} {work}")).expect("short"));
                    }
                    match log.append(head, &entries)? {
                        Appended::Committed(_) => break,
                        Appended::LostRace => {}
                    }
                }
            }
            Ok("published")
        });
    }

    fn start_mover(&mut self) {
        let machine = self.random.below(self.machines.len());
        let id = format!("{:016x}{:016x}", self.random.next(), self.random.next());
        let id: SignerId = id.parse().expect("an id");
        let seen = vec![SeenHead { what: "what readers saw".to_owned(), head: self.seen }];
        let identity = self.machines[machine].identity.clone();
        self.spawn(machine, id.clone(), move |log, _, _, steps| {
            log.take_over(&seen)?;
            steps.operate(|| *identity.lock().expect("no panic") = (id, true))?;
            log.settle()?;
            Ok("moved")
        });
    }

    fn start_discarder(&mut self) {
        let machine = self.random.below(self.machines.len());
        self.start(machine, |log, _, _| log.discard().map(|_| "discarded"));
    }

    /// Someone without a key commits something that is not sound.
    fn set_unsound_head(&mut self) {
        let head_key = key(HEAD).expect("a key");
        let bytes = self.store.pointer(&head_key).expect("read").expect("a head");
        let head = parse_head(&bytes).expect("a head");
        let Ok(mut edge) = Edge::load(head, &StoredTiles::new(self.store.clone())) else { return };
        let text = match self.random.below(2) {
            0 => format!("{} {UNSOUND}-{}", head.size, self.random.next()),
            _ => format!("{} 0-0-0", self.random.next()),
        };
        let entries = [Entry::new(text).expect("short")];
        edge.append(&[entries[0].leaf_hash()]).expect("room");
        let staged = Staged::encode(head, &entries);
        let object = (staged_key(edge.head()).expect("a key"), staged);
        note_staged(&self.staged, &object);
        self.store.put(&[object]).expect("put");
        self.set(HEAD, &Some(format_head(edge.head()).into_bytes()));
    }

    fn set(&self, name: &str, value: &Option<Vec<u8>>) {
        let name = key(name).expect("a key");
        let now = self.store.pointer(&name).expect("read");
        if let Some(value) = value {
            let swap = self.store.swap(&name, now.as_deref(), value).expect("swap");
            assert_eq!(swap, Swap::Won);
        }
    }

    /// Looks at what is published, as readers do.
    fn observe(&mut self) {
        let bytes = self.store.pointer(&key(CHECKPOINT).expect("a key")).expect("read");
        let Some(bytes) = bytes.filter(|bytes| self.looked_at.insert(bytes.clone())) else {
            return;
        };
        let head = Published::open(&bytes, self.keys().verifiers()).expect("signed").head();
        if head.size > self.seen.size {
            self.seen = head;
        }
    }

    fn happen(&mut self, event: &'static str, stopped: &[usize]) {
        match event {
            "step" | "kill before an operation" | "kill after an operation" => {
                if stopped.is_empty() {
                    return self.start_publisher();
                }
                let process = *self.random.pick(stopped);
                let fate = match event {
                    "step" => Fate::Go,
                    "kill before an operation" => Fate::DieBefore,
                    _ => Fate::DieAfter,
                };
                self.gate.grant(process, fate);
            }
            "start a publisher" if stopped.len() < 3 => self.start_publisher(),
            "move the signer" if stopped.len() < 4 => self.start_mover(),
            "discard" if stopped.len() < 4 => self.start_discarder(),
            "take a snapshot" => {
                let locks = self.machines.iter().map(|m| m.lock.lock().expect("no panic").clone());
                self.snapshots.push((self.store.snapshot(), locks.collect()));
            }
            "roll back the store" if !self.snapshots.is_empty() => {
                self.newer.get_or_insert(self.store.snapshot());
                let (snapshot, _) = self.random.pick(&self.snapshots);
                self.store.restore(snapshot);
            }
            "roll back the pointers" if !self.snapshots.is_empty() => {
                self.newer.get_or_insert(self.store.snapshot());
                let (snapshot, _) = self.random.pick(&self.snapshots).clone();
                for name in [HEAD, CHECKPOINT, SIGNER] {
                    self.set(name, &snapshot.pointers.get(&key(name).expect("a key")).cloned());
                }
            }
            "restore the store" if self.newer.is_some() => {
                self.store.restore(&self.newer.take().expect("there is one"));
            }
            "copy a machine" | "clone a machine" if self.machines.len() < 6 => {
                let from = self.random.pick(&self.machines).clone();
                let lock = match self.setting {
                    Setting::SharedLock => from.lock,
                    _ => Arc::new(Mutex::new(from.lock.lock().expect("no panic").clone())),
                };
                let (id, original) = from.identity.lock().expect("no panic").clone();
                let original = original && event == "clone a machine";
                let identity = Arc::new(Mutex::new((id, original)));
                self.machines.push(Machine { lock, identity });
            }
            "put back a disk" | "put back a backup" if !self.snapshots.is_empty() => {
                let (_, locks) = self.random.pick(&self.snapshots);
                let machine = self.random.0 as usize % locks.len();
                if self.setting != Setting::SharedLock {
                    *self.machines[machine].lock.lock().expect("no panic") = locks[machine].clone();
                }
                if event == "put back a backup" {
                    self.machines[machine].identity.lock().expect("no panic").1 = false;
                }
            }
            "set an unsound head" => self.set_unsound_head(),
            // Not possible now, or enough is going on.
            _ => return,
        }
        self.count(event);
    }

    fn run(&mut self, events: usize) {
        let all = EVENTS.iter().chain(&[("discard", 6)]);
        let events_here: Vec<_> = all.filter(|(event, _)| self.setting.has(event)).collect();
        let sum: usize = events_here.iter().map(|(_, weight)| weight).sum();
        for _ in 0..events {
            let stopped = self.gate.stopped();
            self.observe();
            let mut number = self.random.below(sum);
            for (event, weight) in &events_here {
                if number < *weight {
                    self.happen(event, &stopped);
                    break;
                }
                number -= weight;
            }
        }
        self.run_to_the_end();
    }

    /// Lets every process finish.
    fn run_to_the_end(&mut self) {
        loop {
            let stopped = self.gate.stopped();
            self.observe();
            if stopped.is_empty() {
                break;
            }
            let process = *self.random.pick(&stopped);
            self.gate.grant(process, Fate::Go);
        }
        for thread in self.threads.drain(..) {
            thread.join().expect("no process panics");
        }
    }

    /// The entries that lead to a head, by what was staged.
    fn entries(&self, head: TreeHead) -> Vec<Entry> {
        if head == TreeHead::EMPTY {
            return Vec::new();
        }
        let name = staged_key(head).expect("a key");
        let staged = self.staged.lock().expect("no panic").get(&name).cloned();
        let staged = staged.unwrap_or_else(|| panic!("nothing leads to {head:?}"));
        let mut entries = self.entries(staged.before);
        entries.extend(staged.entries);
        entries
    }

    /// What is wrong with what was signed: two heads of which neither begins with the other, or an
    /// entry that nobody could have validated.
    fn fault(&mut self) -> Option<String> {
        let mut signed = self.signed.lock().expect("no panic").clone();
        signed.sort_by_key(|head| head.size);
        signed.dedup();
        let fork = signed.windows(2).find_map(|pair| {
            let [earlier, later] = [pair[0], pair[1]].map(|head| self.entries(head));
            let one_size = pair[0].size == pair[1].size;
            (one_size || !later.starts_with(&earlier)).then(|| format!("{pair:?}"))
        });
        let last = signed.last().map(|head| self.entries(*head)).unwrap_or_default();
        fork.or_else(|| {
            last.iter().enumerate().find_map(|(index, entry)| {
                let text = String::from_utf8_lossy(entry.as_bytes()).into_owned();
                let sound = text.starts_with(&format!("{index} ")) && !text.contains(UNSOUND);
                (!sound).then(|| format!("entry {index} is {text:?}"))
            })
        })
    }
}

/// Marks entries without work.
const UNSOUND: &str = "nowhere";

fn note_staged(known: &Mutex<BTreeMap<Key, Staged>>, (name, bytes): &(Key, Vec<u8>)) {
    if name.as_str().starts_with("log/staged/") {
        let staged = Staged::decode(bytes).expect("staged entries");
        known.lock().expect("no panic").entry(name.clone()).or_insert(staged);
    }
}

fn note(counts: &Mutex<Counts>, what: &str) {
    *counts.lock().expect("no panic").entry(what.to_owned()).or_default() += 1;
}

fn name_of(error: &LogError) -> &'static str {
    match error {
        LogError::Store(StoreError::Injected { .. })
        | LogError::Lock(LockError::Store(StoreError::Injected { .. })) => "killed",
        LogError::Lock(LockError::OtherSigner { .. }) => "refused: the lock names another signer",
        LogError::OtherSigner { .. } => "refused: the store names another signer",
        LogError::RolledBack { .. } => "refused: the store was rolled back",
        LogError::Inconsistent { .. } => "refused: another history",
        LogError::Behind { .. } => "refused: the lock is behind",
        LogError::SeenMore { .. } => "refused: more was seen than is there",
        LogError::Unsound { .. } => "refused: an unsound head",
        LogError::NothingToDiscard { .. } => "refused: nothing to discard",
        LogError::InTheWay { .. } => "refused: an object in the way",
        LogError::Damaged { .. } => "refused: damaged",
        _ => "refused: something else",
    }
}

/// Runs these schedules, and returns their faults and what happened in all of them.
fn schedules(setting: Setting, seeds: std::ops::Range<u64>) -> (Vec<String>, Counts) {
    let (mut faults, mut counts) = (Vec::new(), Counts::new());
    for seed in seeds {
        let mut world = World::new(seed, setting);
        world.run(400);
        faults.extend(world.fault().map(|fault| format!("{setting:?} {seed}: {fault}")));
        let outcomes = world.outcomes.lock().expect("no panic").clone();
        let signed = world.signed.lock().expect("no panic").len() as u64;
        for (what, count) in world.counts.into_iter().chain(outcomes) {
            *counts.entry(what).or_default() += count;
        }
        *counts.entry("signatures".to_owned()).or_default() += signed;
    }
    (faults, counts)
}

fn check(setting: Setting, seeds: std::ops::Range<u64>, wanted: &[&str]) {
    let (faults, counts) = schedules(setting, seeds);
    println!("{setting:?}: {counts:#?}");
    assert!(faults.is_empty(), "{faults:#?}");
    let all = EVENTS.iter().map(|(event, _)| *event).chain(["discard"]);
    for what in all.filter(|event| setting.has(event)).chain(wanted.iter().copied()) {
        let happened = counts.get(what).copied().unwrap_or_default();
        assert!(happened >= 10, "{what:?} happened {happened} times in all");
    }
    if setting == Setting::OwnLockCopied {
        // Nobody has touched the store, and a crash is not damage. Nor is it damage if a faster publisher
        // has removed what a slower one still reads.
        for what in [
            "refused: damaged",
            "refused: another history",
            "refused: an unsound head",
            "refused: an object in the way",
            "refused: something else",
        ] {
            assert_eq!(counts.get(what), None, "{what:?}");
        }
    }
}

const ALWAYS: [&str; 4] = ["published", "killed", "refused: a copy", "signatures"];

#[test]
fn with_a_shared_lock_no_schedule_signs_two_heads_of_one_size() {
    let refusals = [
        "moved",
        "discarded",
        "refused: the lock names another signer",
        "refused: the store names another signer",
        "refused: the store was rolled back",
        "refused: more was seen than is there",
        "refused: an unsound head",
    ];
    check(Setting::SharedLock, 0..400, &[&ALWAYS[..], &refusals].concat());
}

#[test]
fn with_its_own_lock_no_schedule_of_one_signer_signs_two_heads_of_one_size() {
    let refusals = ["discarded", "refused: the store was rolled back", "refused: an unsound head"];
    check(Setting::OwnLockRolledBack, 400..700, &[&ALWAYS[..], &refusals].concat());
}

#[test]
fn with_its_own_lock_no_schedule_of_copies_signs_two_heads_of_one_size() {
    let refusals =
        ["moved", "refused: the lock is behind", "refused: the store names another signer"];
    check(Setting::OwnLockCopied, 700..1_000, &[&ALWAYS[..], &refusals].concat());
}

/// What the documentation of [`Log`] says that a folder's own lock cannot withstand; it also shows that
/// these schedules would find a fork in the tests above.
#[test]
fn copies_with_locks_of_their_own_beside_stores_that_are_rolled_back_do_fork() {
    let (faults, _) = schedules(Setting::OwnLockEverything, 0..200);
    println!("{} of 200 schedules have a fork", faults.len());
    assert!(!faults.is_empty());
}
