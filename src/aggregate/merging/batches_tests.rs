//! Several machines put batches into one store, and any of them may die at any moment: each acknowledged report
//! is public once in the end, and no report is twice, wherever and however often it was sent.

use super::*;
use crate::aggregate::Unwatched;
use crate::aggregate::index::{FileFormat, Index};
use crate::aggregate::public::PublicData;
use crate::ingest::testing::{Machine, numbers};
use crate::ingest::{Buffer, LargeBatches, UPLOADS, combine_batches};

use crate::store::{Fault, Key, MemoryStore, Store, StoreError, Wrapped, Wrapper};
use jiff::civil::{Date, date};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::SeqCst;
use tempfile::TempDir;

/// Merges before this day are of no last edition.
const DAYS: [Date; 3] = [date(2026, 2, 9), date(2026, 2, 11), date(2026, 2, 17)];
/// On this day every edition is the last one.
const LAST: Date = date(2026, 5, 1);

struct World {
    folder: TempDir,
    store: Arc<MemoryStore>,
}

impl World {
    fn new() -> World {
        let folder = TempDir::new().expect("a temporary folder");
        World { folder, store: Arc::default() }
    }

    fn shared(&self) -> Arc<dyn Store> {
        self.store.clone()
    }

    fn machine(&self) -> Machine {
        Machine::start(self.shared()).expect("started")
    }

    fn merge(&self, today: Date) -> Result<Merged, MergeError> {
        let scratch = self.folder.path().join("scratch");
        let (buffer, store) = (Buffer::Store(self.shared()), self.shared());
        merge(&Merging { buffer, store, scratch: &scratch, today, stack_minimum: 1 }, &Unwatched)
    }

    fn index(&self) -> Index {
        PublicData::new(self.shared()).index().expect("an index")
    }

    /// The numbers of the public reports.
    fn public(&self) -> Vec<u32> {
        let (index, public) = (self.index(), PublicData::new(self.shared()));
        let mut rows = Vec::new();
        for dataset in index.days.values() {
            let file = dataset.file(FileFormat::NdjsonZstd).expect("a file");
            let text = zstd::decode_all(public.open(file).expect("opened")).expect("zstd");
            rows.extend(text.split(|byte| *byte == b'\n').map(<[u8]>::to_vec));
        }
        rows.retain(|row| !row.is_empty());
        numbers(rows)
    }

    /// The batches and keys in the store.
    fn uploads(&self) -> Vec<Key> {
        let all = self.store.snapshot().objects.into_keys();
        all.filter(|key| key.as_str().starts_with(UPLOADS)).collect()
    }
}

#[test]
fn a_report_that_is_sent_to_two_machines_is_public_once() {
    let world = World::new();
    let mut machines = [world.machine(), world.machine()];
    assert_eq!(machines[0].send(&[1, 2, 2]), [true; 3]);
    assert_eq!(machines[1].send(&[2, 3]), [true; 2]);
    world.merge(DAYS[0]).expect("merged");
    // Also if a merge, and the end of the machine, lie in between.
    assert_eq!(world.machine().send(&[1, 4]), [true; 2]);
    assert_eq!(
        combine_batches(&world.shared(), &mut LargeBatches::default()).expect("combined").from,
        0,
        "one is not combined"
    );
    // As a process leaves it that is killed while it tries the store.
    let check = Key::new(format!("{UPLOADS}/check-{}", "0".repeat(32))).expect("a key");
    world.store.put(&[(check.clone(), Vec::new())]).expect("stored");
    world.merge(DAYS[1]).expect("merged");
    assert!(!world.uploads().contains(&check));
    assert_eq!(world.index().included.values().map(|file| file.reports.len()).sum::<usize>(), 1);
    let merged = world.merge(LAST).expect("merged");
    assert_eq!((merged.problems, world.public()), (vec![], vec![1, 2, 3, 4]));
    assert_eq!((world.uploads(), world.index().included), (vec![], BTreeMap::new()));
    // What comes after the last edition is too late, and said.
    assert_eq!(world.machine().send(&[1]), [true]);
    let merged = world.merge(LAST).expect("merged");
    assert_eq!((merged.problems.len(), world.public().len()), (1, 4));
}

#[test]
fn combined_batches_have_the_same_reports_in_another_order() {
    let world = World::new();
    for from in 0..40 {
        world.machine().send(&[3 * from, 3 * from + 1, 3 * from + 2, 1]);
    }
    let combined =
        combine_batches(&world.shared(), &mut LargeBatches::default()).expect("combined");
    assert_eq!((combined.from, combined.to, combined.reports), (40, 1, 120));
    let files = Buffer::Store(world.shared()).segments().expect("listed");
    let [file] = &files[..] else { panic!("{files:?}") };
    let rows = file.read().expect("whole");
    let order: Vec<u32> = rows.iter().flat_map(|row| numbers([row.row.to_vec()])).collect();
    let mut sorted = order.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, (0..120).collect::<Vec<u32>>());
    assert!(!order.is_sorted());
}

/// A store that has no batches for so many reads, though it lists them; it counts the reads.
#[derive(Debug)]
struct Lagging {
    inner: Arc<MemoryStore>,
    lagging: u64,
    reads: AtomicU64,
}

impl Lagging {
    fn of(world: &World, lagging: u64) -> Arc<Wrapped<Lagging>> {
        Arc::new(Wrapped(Lagging { inner: world.store.clone(), lagging, reads: AtomicU64::new(0) }))
    }
}

impl Wrapper for Lagging {
    fn inner(&self) -> &dyn Store {
        &*self.inner
    }

    fn wrap_get(&self, key: &Key) -> Result<Option<Vec<u8>>, StoreError> {
        match key.as_str().starts_with(UPLOADS) {
            true if self.reads.fetch_add(1, SeqCst) < self.lagging => Ok(None),
            _ => self.inner.get(key),
        }
    }
}

#[test]
fn a_store_that_lists_what_it_does_not_have_is_asked_again_but_not_for_ever() {
    for (lagging, last) in [(5, true), (u64::MAX, false)] {
        let world = World::new();
        assert_eq!(world.machine().send(&[1]), [true]);
        let (store, scratch) = (Lagging::of(&world, lagging), world.folder.path().join("scratch"));
        let buffer = Buffer::Store(store.clone());
        let merging = Merging {
            buffer,
            store: store.clone(),
            scratch: &scratch,
            today: LAST,
            stack_minimum: 1,
        };
        match merge(&merging, &Unwatched) {
            Ok(_) => assert!(last),
            Err(error) => assert!(!last && error.to_string().contains(UPLOADS), "{error}"),
        }
        assert_eq!(world.public().len(), usize::from(last));
        assert!(store.0.reads.load(SeqCst) > 5);
    }
}

#[test]
fn a_batch_that_is_large_is_read_once_to_see_that() {
    let world = World::new();
    assert_eq!(world.machine().send(&(0..200).collect::<Vec<u32>>()), [true; 200]);
    let (lagging, mut large) = (Lagging::of(&world, 0), LargeBatches::default());
    let store: Arc<dyn Store> = lagging.clone();
    combine_batches(&store, &mut large).expect("combined");
    combine_batches(&store, &mut large).expect("combined");
    let reads = || lagging.0.reads.load(SeqCst);
    assert_eq!((reads(), world.uploads().len()), (1, 2), "{:?}", world.uploads());
    assert_eq!(world.machine().send(&[201]), [true]);
    combine_batches(&store, &mut large).expect("combined");
    assert_eq!(reads(), 2);
}

#[test]
fn a_damaged_batch_is_named_and_stays_until_it_is_given_up() {
    let world = World::new();
    world.machine().send(&[1]);
    world.machine().send(&[2, 3, 4]);
    let mut snapshot = world.store.snapshot();
    let largest = snapshot.objects.iter_mut().filter(|(key, _)| key.as_str().starts_with(UPLOADS));
    let (key, bytes) = largest.max_by_key(|(_, bytes)| bytes.len()).expect("a batch");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    let (key, id) = (key.clone(), key.as_str().rsplit('/').next().expect("an id").to_owned());
    world.store.restore(&snapshot);
    let merged = world.merge(LAST).expect("merged");
    assert!(merged.problems[0].contains(&format!("{key} is damaged")), "{:?}", merged.problems);
    assert!(merged.problems[0].contains(&format!("--give-up {id}")), "{:?}", merged.problems);
    combine_batches(&world.shared(), &mut LargeBatches::default()).expect("combined");
    assert!(world.uploads().contains(&key));
    let scratch = world.folder.path().join("scratch");
    let (buffer, store) = (Buffer::Store(world.shared()), world.shared());
    let merging = Merging { buffer, store, scratch: &scratch, today: LAST, stack_minimum: 1 };
    let given_up = BTreeSet::from([id.parse().expect("an id")]);
    let merged = merge_after_loss(&merging, &given_up, &Unwatched).expect("merged");
    assert_eq!(merged.given_up.into_values().collect::<Vec<_>>(), [2]);
    assert_eq!((world.public().len(), world.uploads()), (3, vec![]));
}

/// Draws numbers, the same for each seed.
struct Draws(u64);

impl Draws {
    fn below(&mut self, end: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }
}

#[test]
fn whatever_dies_each_acknowledged_report_is_public_once() {
    let (mut faults, mut lost_answers) = (0, 0);
    for seed in 0..200 {
        let mut draws = Draws(seed);
        let world = World::new();
        let mut machines = [world.machine(), world.machine(), world.machine()];
        let (mut acknowledged, mut unsure) = (BTreeSet::new(), BTreeSet::new());
        let (mut next, mut day) = (0, 0);
        for _ in 0..20 {
            let fault = draws.below(12);
            match draws.below(9) {
                0 => world.store.inject(Fault::Fail(fault)),
                1 => world.store.inject(Fault::PowerCutBefore(fault)),
                2 => world.store.inject(Fault::PowerCutAfter(fault)),
                _ => {}
            }
            let who = draws.below(3) as usize;
            let done = match draws.below(8) {
                0..4 => {
                    let mut sent: Vec<u32> = (next..next + draws.below(4) as u32 + 1).collect();
                    next += sent.len() as u32;
                    // Some are sent again, to whichever machine.
                    sent.extend((0..draws.below(3)).map(|_| draws.below(u64::from(next)) as u32));
                    let answers = machines[who].send(&sent);
                    for (number, is_stored) in sent.iter().zip(&answers) {
                        let of = if *is_stored { &mut acknowledged } else { &mut unsure };
                        of.insert(*number);
                    }
                    answers.into_iter().all(|stored| stored)
                }
                4 => combine_batches(&world.shared(), &mut LargeBatches::default()).is_ok(),
                5 | 6 => world.merge(DAYS[day]).is_ok(),
                _ => {
                    day = (day + 1).min(DAYS.len() - 1);
                    true
                }
            };
            world.store.restart();
            if !done {
                faults += 1;
                machines[who] = world.machine();
            }
        }
        combine_batches(&world.shared(), &mut LargeBatches::default()).expect("combined");
        let merged = world.merge(LAST).expect("merged");
        assert_eq!(merged.problems, Vec::<String>::new(), "seed {seed}");
        let public = world.public();
        let once: BTreeSet<u32> = public.iter().copied().collect();
        assert_eq!(once.len(), public.len(), "seed {seed}: a report is public twice");
        let missing: Vec<_> = acknowledged.difference(&once).collect();
        assert!(missing.is_empty(), "seed {seed}: {missing:?} are not public");
        lost_answers += once.difference(&acknowledged).count();
        assert!(once.iter().all(|number| acknowledged.contains(number) || unsure.contains(number)));
        assert_eq!(world.uploads(), [], "seed {seed}");
    }
    // It has hit what it aims at.
    assert!(faults > 200 && lost_answers > 10, "{faults} faults, {lost_answers} lost answers");
}
