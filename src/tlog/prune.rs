//! Removes what a published head has superseded.
//!
//! A log that grows by one entry at a time would each time leave behind a partial tile per level, a
//! partial bundle and a staged object. Once a newer head is published, these are no longer needed:
//!
//! | object | why |
//! | --- | --- |
//! | partial tiles and bundles that are narrower than in the head's tree, or were completed | they are prefixes of the wider ones, from which they are still served ([`StoredTiles`](super::StoredTiles)) |
//! | staged entries that lead to a tree of this size or a smaller one | the published head's entries are in bundles; any other tree of such a size has lost its race, for the head pointer never goes back below what is published |
//!
//! C2SP tlog-tiles lets a log remove a partial tile once the full one is there, and lets clients ask for
//! the full one then. Our server goes further: it serves any width that was ever published, for any older
//! checkpoint, from the wider tile.
//!
//! **When.** After the checkpoint was swapped, and only up to the head that it shows. All of the above
//! holds for every later head too, so a slow publisher may do this late, and several at once.
//!
//! **Crashes.** A crash before or during it leaves objects that nothing refers to. Each later publication
//! lists the folders of the tiles at the right edge and of those before them, and the staged entries, so
//! it finds these as well, and what a power cut has brought back. A publisher that was overtaken may write a narrow tile again: it has the same
//! bytes, and is found in the same way.

use super::layout::{bundle_key, key, tile_key, widths};
use super::tile::{FULL, hashes_at};
use super::{Bundle, Tile, TreeHead, TreeSize};
use crate::store::{Key, Store, StoreError};

/// The folder of staged entries.
const STAGED: &str = "log/staged";

/// How many are removed at a time: a store written by a version that removed nothing is cleaned up
/// gradually.
const AT_ONCE: usize = 1_000;

/// Removes what the published head `head` has superseded since `before`, the size published before it.
pub(super) fn prune(store: &dyn Store, before: TreeSize, head: TreeHead) -> Result<(), StoreError> {
    let size = head.size;
    let mut superseded = Vec::new();
    for level in 0.. {
        let hashes = hashes_at(level, size);
        if hashes == 0 {
            break;
        }
        let former = hashes_at(level, before) / FULL;
        for (index, width) in at_the_edge(hashes, former) {
            if let Ok(tile) = Tile::new(level, index, 1) {
                superseded.extend(narrower(store, &tile_key(tile)?, width)?);
            }
        }
    }
    for (index, width) in at_the_edge(size.get(), before.get() / FULL) {
        if let Ok(bundle) = Bundle::new(index, 1) {
            superseded.extend(narrower(store, &bundle_key(bundle)?, width)?);
        }
    }
    let staged = store.list(&key(STAGED)?)?;
    superseded.extend(staged.into_iter().filter(|key| leads_to(key).is_some_and(|to| to <= size)));
    superseded.truncate(AT_ONCE);
    store.forget(&superseded)
}

/// The tiles of a level with this many hashes that may have superseded narrower versions, each with its
/// width: the last one, the one before it, and the one that was last in the former tree.
fn at_the_edge(hashes: u64, former: u64) -> Vec<(u64, u16)> {
    let (last, width) = (hashes / FULL, (hashes % FULL) as u16);
    let full = FULL as u16;
    let mut tiles: Vec<_> = last.checked_sub(1).map(|index| (index, full)).into_iter().collect();
    if former + 1 < last {
        tiles.push((former, full));
    }
    if width > 0 {
        tiles.push((last, width));
    }
    tiles
}

/// The objects narrower than `width` in the folder of `partial`.
fn narrower(store: &dyn Store, partial: &Key, width: u16) -> Result<Vec<Key>, StoreError> {
    let Some((folder, _)) = partial.as_str().rsplit_once('/') else { return Ok(Vec::new()) };
    let listed = store.list(&key(folder)?)?;
    Ok(widths(&listed).filter(|(narrow, _)| *narrow < width).map(|(_, key)| key).collect())
}

/// The size of the tree that staged entries lead to.
fn leads_to(staged: &Key) -> Option<TreeSize> {
    let (size, _) = staged.as_str().rsplit_once('/')?.1.split_once('-')?;
    size.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Fault, MemoryStore};
    use crate::tlog::{
        Appended, Edge, Entry, EntryValidator, InvalidEntry, LeafIndex, Log, LogError, LogKeys,
        Seed, SignerLock, StoredTiles,
    };
    use std::collections::BTreeSet;
    use std::sync::Arc;
    use tempfile::TempDir;

    #[derive(Debug)]
    struct Anything;

    impl EntryValidator for Anything {
        fn validate(&self, _: LeafIndex, _: &Entry) -> Result<(), InvalidEntry> {
            Ok(())
        }
    }

    struct Bench {
        store: Arc<MemoryStore>,
        log: Log,
        _memory: TempDir,
    }

    impl Bench {
        fn with(size: u64) -> Bench {
            let memory = TempDir::new().expect("a temporary folder");
            let store = Arc::new(MemoryStore::new());
            let host = "telemetry.example.org".parse().expect("a host");
            let keys = LogKeys::new(&host, &Seed::from([7; 32]));
            let signer = SignerLock::in_folder(memory.path()).expect("a signer");
            let log = Log::new(store.clone(), keys, signer, Arc::new(Anything));
            log.create().expect("a new log");
            let bench = Bench { store, log, _memory: memory };
            if size > 0 {
                bench.append(size).expect("appended");
            }
            bench
        }

        fn append(&self, count: u64) -> Result<TreeHead, LogError> {
            let head = self.log.settle()?;
            let entries: Vec<_> = (head.size.get()..head.size.get() + count)
                .map(|number| Entry::new(number.to_string()).expect("short"))
                .collect();
            match self.log.append(head, &entries)? {
                Appended::Committed(head) => Ok(head),
                Appended::LostRace => panic!("nobody else appends"),
            }
        }

        fn objects(&self) -> BTreeSet<Key> {
            self.store.snapshot().objects.into_keys().collect()
        }
    }

    /// The objects that a tree of this size has, and no more.
    fn objects_of(size: TreeSize) -> BTreeSet<Key> {
        let tiles = Tile::all(size).map(|tile| tile_key(tile).expect("a key"));
        let bundles = (0..=size.get() / FULL).filter_map(|index| Bundle::for_size(index, size));
        tiles.chain(bundles.map(|bundle| bundle_key(bundle).expect("a key"))).collect()
    }

    #[test]
    fn a_log_at_rest_has_the_objects_of_its_head_alone_and_serves_every_older_head() {
        let bench = Bench::with(0);
        let mut heads = Vec::new();
        // One by one across two tile boundaries, then in larger steps.
        for count in [1; 520].into_iter().chain([1, 255, 256, 257, 1, 700, 1]) {
            let head = bench.append(count).expect("appended");
            assert_eq!(bench.objects(), objects_of(head.size), "{}", head.size);
            heads.push(head);
        }
        let tiles = StoredTiles::new(bench.store.clone());
        for head in heads {
            Edge::load(head, &tiles).expect("the tiles of an older head");
            let last = LeafIndex::new(head.size.get() - 1).expect("an index");
            let (bundle, place) = Bundle::of_leaf(last, head.size).expect("a bundle");
            let entries = tiles.read_bundle(bundle).expect("an older bundle");
            assert_eq!(entries.len(), place + 1);
            assert_eq!(entries[place].as_bytes(), last.to_string().as_bytes());
        }
    }

    #[test]
    fn what_a_crash_leaves_is_removed_by_later_publications() {
        let mut left = 0;
        for size in [3, 254, 255, 256, 257] {
            for kind in [Fault::Fail, Fault::PowerCutBefore, Fault::PowerCutAfter] {
                for operation in 0.. {
                    let bench = Bench::with(size);
                    bench.store.inject(kind(operation));
                    let cut = bench.append(1);
                    let operations = bench.store.operations();
                    bench.store.restart();
                    let head = bench.append(1).expect("the next publication");
                    assert!(
                        head.size.get() > size && (cut.is_err() || head.size.get() == size + 2)
                    );
                    left += u64::from(bench.objects() != objects_of(head.size));
                    let head = bench.append(1).expect("the one after it");
                    assert_eq!(bench.objects(), objects_of(head.size), "{:?}", kind(operation));
                    if operation >= operations {
                        break;
                    }
                }
            }
        }
        assert_eq!(left, 0, "the very next publication removes it");
    }
}
