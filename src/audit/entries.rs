//! Every entry: fetched, hashed, and the root computed again; the tiles of both faces held against it.
//!
//! A few bundles are fetched at once, by as many threads, and then taken in their order. No more than
//! these is in memory, and 255 hashes a level of the tree, whatever the length of the log. How far the
//! entries were read is remembered every now and then, so that a run that was killed goes on there;
//! what it had read counts only when the root that they lead to is one that was signed.

use super::fetch::{Remote, RemoteTiles, Trouble};
use super::second_opinion::SecondOpinion;
use super::verdict::{Check, VerdictId};
use crate::aggregate::{Phase, Progress};
use crate::tlog::{
    Bundle, Entry, Hash, LeafIndex, Tile, TreeHead, TreeSize, data_tile, prove_inclusion,
    verify_inclusion,
};
use std::thread;

/// How many bundles are fetched at once.
const AT_ONCE: u64 = 8;
/// After so many bundles it is remembered how far the entries were read.
const REMEMBERED: u64 = 256;

/// Where the log is.
#[derive(Clone, Copy)]
pub(super) struct LogPlace<'a> {
    pub remote: &'a Remote<'a>,
    /// What stands before `tile/`: `log/`, or nothing for a log alone.
    pub prefix: &'a str,
    /// What stands before the tiles of each checksum database that is there, too.
    pub databases: &'a [String],
}

/// The checks that entries are for.
pub(super) struct EntryChecks {
    pub root: Check,
    pub tiles: Check,
    pub faces: Check,
}

struct Fetched {
    bundle: Bundle,
    entries: Result<Vec<Entry>, Trouble>,
    leaves: Vec<Hash>,
    /// Whether the data tiles of checksum databases are what they must be.
    data: Vec<TileSeen>,
    /// The tile of level 0 that a full bundle has, in each face.
    tiles: Vec<TileSeen>,
}

/// A tile as it is served.
struct TileSeen {
    /// Whether it is the checksum database's.
    of_sumdb: bool,
    url: String,
    /// Whether it holds what it must.
    found: Result<bool, Trouble>,
}

/// Reads all entries from where `tree` ends up to `head`. `visit` gets each new one; `remember` is
/// called now and then. Returns whether every entry was read and the root is the head's.
pub(super) fn read_entries<E>(
    place: LogPlace<'_>,
    tree: &mut SecondOpinion,
    head: TreeHead,
    checks: &mut EntryChecks,
    progress: &dyn Progress,
    mut visit: impl FnMut(LeafIndex, &Entry),
    mut remember: impl FnMut(&SecondOpinion) -> Result<(), E>,
) -> Result<bool, E> {
    let old = TreeSize::new(tree.size()).unwrap_or_default();
    let bundles: Vec<u64> = (tree.size() / 256..head.size.get().div_ceil(256)).collect();
    let mut since = 0;
    for window in bundles.chunks(AT_ONCE as usize) {
        for fetched in fetch(place, window, head.size) {
            if !take(place, fetched, tree, checks, &mut visit) {
                return Ok(false);
            }
        }
        progress.advance(Phase::Entries, tree.size(), head.size.get());
        since += window.len() as u64;
        if since >= REMEMBERED && tree.size() < head.size.get() {
            since = 0;
            remember(tree)?;
        }
    }
    let computed = tree.root();
    if tree.size() != head.size.get() || computed != head.root {
        checks.root.wrong(format!(
            "the {} entries that are served hash to {computed}, but the signed root is {}",
            head.size, head.root
        ));
        return Ok(false);
    }
    compare_partial(place, tree, old, checks);
    Ok(true)
}

/// Reads a bundle again, which is proved to be that of the tree; its entries, if they are right.
pub(super) fn read_again(
    place: LogPlace<'_>,
    bundle: Bundle,
    head: TreeHead,
    checks: &mut EntryChecks,
) -> Option<Vec<Entry>> {
    let url = place.remote.url(&format!("{}{}", place.prefix, bundle.path()));
    let entries = match place.remote.entries(bundle, place.prefix) {
        Ok(entries) => entries,
        Err(trouble) => {
            checks.root.failed(&trouble);
            return None;
        }
    };
    let leaves: Vec<Hash> = entries.iter().map(Entry::leaf_hash).collect();
    // The proof of one entry rests on the hashes of all others.
    let index = LeafIndex::new(bundle.first_leaf()).ok()?;
    let tiles = RemoteTiles::of_log(place.remote, place.prefix);
    let proof = match prove_inclusion(index, head.size, &tiles) {
        Ok(proof) => proof,
        Err(error) => {
            checks.tiles.unchecked(format!("{url} cannot be proved again: {error}"));
            return None;
        }
    };
    let proved =
        leaves.first().is_some_and(|leaf| verify_inclusion(*leaf, index, head, &proof).is_ok());
    let tiles = compare(place, 0, bundle.index(), &leaves);
    let data = compare_data(place, bundle, &entries);
    if !proved || tiles.iter().any(|tile| !tile.of_sumdb && matches!(tile.found, Ok(false))) {
        checks.root.wrong(format!(
            "{url} and the hash tiles no longer lead to the signed root: one of them was right in an \
             earlier run, and is another now"
        ));
        return None;
    }
    checks.tell(tiles);
    checks.tell_data(data);
    Some(entries)
}

/// Fetches bundles and hashes their entries, at the same time.
fn fetch(place: LogPlace<'_>, window: &[u64], size: TreeSize) -> Vec<Fetched> {
    let one = |index: &u64| {
        let bundle = Bundle::for_size(*index, size)?;
        let entries = place.remote.entries(bundle, place.prefix);
        let leaves: Vec<Hash> = entries.iter().flatten().map(Entry::leaf_hash).collect();
        let data = match &entries {
            Ok(entries) => compare_data(place, bundle, entries),
            Err(_) => Vec::new(),
        };
        let tiles = match bundle.is_partial() {
            false if entries.is_ok() => compare(place, 0, bundle.index(), &leaves),
            _ => Vec::new(),
        };
        Some(Fetched { bundle, entries, leaves, data, tiles })
    };
    thread::scope(|scope| {
        let started: Vec<_> = window.iter().map(|index| scope.spawn(move || one(index))).collect();
        let joined = started.into_iter().map(|one| match one.join() {
            Ok(fetched) => fetched,
            Err(panic) => std::panic::resume_unwind(panic),
        });
        joined.flatten().collect()
    })
}

/// Compares data tiles; none where the entries are none that one could hold, which is told elsewhere.
fn compare_data(place: LogPlace<'_>, bundle: Bundle, entries: &[Entry]) -> Vec<TileSeen> {
    if place.databases.is_empty() {
        return Vec::new();
    }
    let Ok(expected) = data_tile(bundle, entries) else { return Vec::new() };
    let read = |prefix: &String| {
        let limit = expected.len() + (256 << 10);
        let path = format!("{prefix}{}", bundle.sumdb_path());
        if let Some(found) = place.remote.find(&path, limit)? {
            return Ok(found == expected);
        }
        if !bundle.is_partial() {
            return Err(place.remote.withheld(&path));
        }
        // The full tile begins with what the partial one had.
        let full = format!("{prefix}{}", bundle.full().sumdb_path());
        let full = place.remote.get(&full, expected.len() + (20 << 20))?;
        Ok(full.starts_with(&expected))
    };
    let seen = |prefix: &String| TileSeen {
        of_sumdb: true,
        url: place.remote.url(&format!("{prefix}{}", bundle.sumdb_path())),
        found: read(prefix),
    };
    place.databases.iter().map(seen).collect()
}

fn take(
    place: LogPlace<'_>,
    fetched: Fetched,
    tree: &mut SecondOpinion,
    checks: &mut EntryChecks,
    visit: &mut impl FnMut(LeafIndex, &Entry),
) -> bool {
    let Fetched { bundle, entries, leaves, data, tiles } = fetched;
    let entries = match entries {
        Ok(entries) => entries,
        Err(trouble) => {
            checks.root.failed(&trouble);
            return false;
        }
    };
    checks.tell_data(data);
    // The first ones may have been read before, when the bundle was not full.
    let known = usize::try_from(tree.size() - bundle.first_leaf()).unwrap_or(usize::MAX);
    let read_before = tree.unfinished_leaves();
    if leaves.get(..known) != Some(read_before) {
        checks.root.wrong(format!(
            "{} holds other entries than when it was read before",
            place.remote.url(&format!("{}{}", place.prefix, bundle.path()))
        ));
        return false;
    }
    for (index, entry) in (bundle.first_leaf()..).zip(&entries).skip(known) {
        if let Ok(index) = LeafIndex::new(index) {
            visit(index, entry);
        }
    }
    checks.tell(tiles);
    let new = leaves.get(known..).unwrap_or_default();
    tree.append(new, |level, index, hashes| {
        // Those of level 0 came with their bundles.
        if level > 0 {
            checks.tell(compare(place, level, index, hashes));
        }
    });
    true
}

/// Compares the tiles that are not full, where the tree has grown.
fn compare_partial(
    place: LogPlace<'_>,
    tree: &SecondOpinion,
    old: TreeSize,
    checks: &mut EntryChecks,
) {
    if old.get() < tree.size() {
        for (level, index, hashes) in tree.partial() {
            checks.tell(compare(place, level, index, hashes));
        }
    }
}

/// Compares a tile of all faces with the hashes that it must have.
fn compare(place: LogPlace<'_>, level: u8, index: u64, hashes: &[Hash]) -> Vec<TileSeen> {
    let width = u16::try_from(hashes.len()).unwrap_or_default();
    let Ok(tile) = Tile::new(level, index, width) else { return Vec::new() };
    let expected: Vec<u8> = hashes.iter().flat_map(Hash::as_bytes).copied().collect();
    let seen = |prefix: &str, path: fn(Tile) -> String, of_sumdb| TileSeen {
        of_sumdb,
        url: place.remote.url(&format!("{prefix}{}", path(tile))),
        found: place.remote.tile(tile, prefix, path).map(|found| found == expected),
    };
    let mut all = vec![seen(place.prefix, Tile::path, false)];
    all.extend(place.databases.iter().map(|prefix| seen(prefix, Tile::sumdb_path, true)));
    all
}

impl EntryChecks {
    pub(super) fn new() -> EntryChecks {
        EntryChecks {
            root: Check::of(VerdictId::Root),
            tiles: Check::of(VerdictId::Tiles),
            faces: Check::of(VerdictId::Faces),
        }
    }

    fn tell_data(&mut self, data: Vec<TileSeen>) {
        for TileSeen { url, found, .. } in data {
            match found {
                Ok(true) => {}
                Ok(false) => self
                    .faces
                    .wrong(format!("{url} does not hold the records that the log's entries are")),
                Err(trouble) => self.faces.failed(&trouble),
            }
        }
    }

    fn tell(&mut self, tiles: Vec<TileSeen>) {
        for TileSeen { of_sumdb, url, found } in tiles {
            let check = if of_sumdb { &mut self.faces } else { &mut self.tiles };
            match found {
                Ok(true) => {}
                Ok(false) => {
                    check.wrong(format!("{url} does not hold the hashes of the log's entries"));
                }
                Err(trouble) => check.failed(&trouble),
            }
        }
    }
}
