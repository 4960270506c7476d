//! Downloads and hashes every entry, computes the root, and compares all tiles with the result.
//!
//! A few bundles are downloaded at once, by as many threads, and then processed in order. Only these are in
//! memory, and 255 hashes per level of the tree, whatever the size of the log. The progress is saved from
//! time to time, so that a run that was killed continues there; what was read only counts once it leads to
//! a signed root.

use super::fetch::{FetchError, KnownTiles, Remote};
use super::second_opinion::SecondOpinion;
use super::verdict::{Check, VerdictId};
use crate::aggregate::{Phase, Progress};
use crate::tlog::{
    Bundle, Entry, Hash, LeafIndex, Tile, TreeHead, TreeSize, data_tile, prove_inclusion,
    verify_inclusion,
};
use std::thread;

/// How many bundles are downloaded at once.
const AT_ONCE: u64 = 8;
/// The progress is saved after this many bundles.
const SAVED_EVERY: u64 = 256;

/// Where the log is.
#[derive(Clone, Copy)]
pub(super) struct LogLocation<'a> {
    pub remote: &'a Remote<'a>,
    /// The path before `tile/`: `log/`, or empty for a log alone.
    pub prefix: &'a str,
    /// The path before the tiles of each checksum database.
    pub databases: &'a [String],
}

/// The checks that need the entries.
pub(super) struct EntryChecks {
    pub root: Check,
    pub tiles: Check,
    pub faces: Check,
}

struct Fetched {
    bundle: Bundle,
    entries: Result<Vec<Entry>, FetchError>,
    leaves: Vec<Hash>,
    /// The data tiles of the checksum databases.
    data: Vec<TileSeen>,
    /// The tiles of level 0 of a full bundle, of the log and of each database.
    tiles: Vec<TileSeen>,
}

/// A served tile, compared with what it must be.
struct TileSeen {
    /// Whether it belongs to a checksum database.
    of_sumdb: bool,
    url: String,
    /// Whether it is what it must be.
    found: Result<bool, FetchError>,
}

/// Reads all entries from the end of `tree` up to `head`. `visit` is called for each new one, `remember`
/// from time to time. Returns whether every entry was read and the root is that of the head.
pub(super) fn read_entries<E>(
    location: LogLocation<'_>,
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
        for fetched in fetch(location, window, head.size) {
            if !take(location, fetched, tree, checks, &mut visit) {
                return Ok(false);
            }
        }
        progress.advance(Phase::Entries, tree.size(), head.size.get());
        since += window.len() as u64;
        if since >= SAVED_EVERY && tree.size() < head.size.get() {
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
    compare_partial(location, tree, old, checks);
    Ok(true)
}

/// Reads a bundle again, and proves that it is part of the tree. Returns its entries, if they are right.
pub(super) fn read_again(
    location: LogLocation<'_>,
    bundle: Bundle,
    head: TreeHead,
    above: &mut KnownTiles<'_>,
    checks: &mut EntryChecks,
) -> Option<Vec<Entry>> {
    let url = location.remote.url(&format!("{}{}", location.prefix, bundle.path()));
    let entries = match location.remote.entries(bundle, location.prefix) {
        Ok(entries) => entries,
        Err(trouble) => {
            checks.root.failed(&trouble);
            return None;
        }
    };
    let leaves: Vec<Hash> = entries.iter().map(Entry::leaf_hash).collect();
    // The proof of one entry depends on the hashes of all others.
    let index = LeafIndex::new(bundle.first_leaf()).ok()?;
    let width = u16::try_from(leaves.len()).unwrap_or_default();
    above.know(Tile::new(0, bundle.index(), width).ok()?, Hash::join(&leaves));
    let proof = match prove_inclusion(index, head.size, &*above) {
        Ok(proof) => proof,
        Err(error) => {
            checks.tiles.unchecked(format!("{url} cannot be proved again: {error}"));
            return None;
        }
    };
    let proved =
        leaves.first().is_some_and(|leaf| verify_inclusion(*leaf, index, head, &proof).is_ok());
    let tiles = compare(location, 0, bundle.index(), &leaves);
    let data = compare_data(location, bundle, &entries);
    if !proved || tiles.iter().any(|tile| !tile.of_sumdb && matches!(tile.found, Ok(false))) {
        checks.root.wrong(format!(
            "{url} and the hash tiles no longer lead to the signed root: one of them was right in an \
             earlier run, and is another now"
        ));
        return None;
    }
    checks.report(tiles);
    checks.report_data(data);
    Some(entries)
}

/// Downloads bundles and hashes their entries, in parallel.
fn fetch(location: LogLocation<'_>, window: &[u64], size: TreeSize) -> Vec<Fetched> {
    let one = |index: &u64| {
        let bundle = Bundle::for_size(*index, size)?;
        let entries = location.remote.entries(bundle, location.prefix);
        let leaves: Vec<Hash> = entries.iter().flatten().map(Entry::leaf_hash).collect();
        let data = match &entries {
            Ok(entries) => compare_data(location, bundle, entries),
            Err(_) => Vec::new(),
        };
        let tiles = match bundle.is_partial() {
            false if entries.is_ok() => compare(location, 0, bundle.index(), &leaves),
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

/// Compares data tiles; none if the entries cannot be in one, which is reported elsewhere.
fn compare_data(location: LogLocation<'_>, bundle: Bundle, entries: &[Entry]) -> Vec<TileSeen> {
    if location.databases.is_empty() {
        return Vec::new();
    }
    let Ok(expected) = data_tile(bundle, entries) else { return Vec::new() };
    let read = |prefix: &String| {
        let limit = expected.len() + (256 << 10);
        let path = format!("{prefix}{}", bundle.sumdb_path());
        if let Some(found) = location.remote.find(&path, limit)? {
            return Ok(found == expected);
        }
        if !bundle.is_partial() {
            return Err(location.remote.withheld(&path));
        }
        // The full tile begins with the partial one.
        let full = format!("{prefix}{}", bundle.full().sumdb_path());
        let full = location.remote.get(&full, expected.len() + (20 << 20))?;
        Ok(full.starts_with(&expected))
    };
    let seen = |prefix: &String| TileSeen {
        of_sumdb: true,
        url: location.remote.url(&format!("{prefix}{}", bundle.sumdb_path())),
        found: read(prefix),
    };
    location.databases.iter().map(seen).collect()
}

fn take(
    location: LogLocation<'_>,
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
    checks.report_data(data);
    // The first ones may have been read before the bundle was full.
    let known = usize::try_from(tree.size() - bundle.first_leaf()).unwrap_or(usize::MAX);
    let read_before = tree.unfinished_leaves();
    if leaves.get(..known) != Some(read_before) {
        checks.root.wrong(format!(
            "{} holds other entries than when it was read before",
            location.remote.url(&format!("{}{}", location.prefix, bundle.path()))
        ));
        return false;
    }
    for (index, entry) in (bundle.first_leaf()..).zip(&entries).skip(known) {
        if let Ok(index) = LeafIndex::new(index) {
            visit(index, entry);
        }
    }
    checks.report(tiles);
    let new = leaves.get(known..).unwrap_or_default();
    tree.append(new, |level, index, hashes| {
        // Tiles of level 0 were compared with their bundles.
        if level > 0 {
            checks.report(compare(location, level, index, hashes));
        }
    });
    true
}

/// Compares the partial tiles, if the tree has grown.
fn compare_partial(
    location: LogLocation<'_>,
    tree: &SecondOpinion,
    old: TreeSize,
    checks: &mut EntryChecks,
) {
    if old.get() < tree.size() {
        for (level, index, hashes) in tree.partial() {
            checks.report(compare(location, level, index, hashes));
        }
    }
}

/// Compares a tile of the log and of each database with the hashes that it must have.
fn compare(location: LogLocation<'_>, level: u8, index: u64, hashes: &[Hash]) -> Vec<TileSeen> {
    let width = u16::try_from(hashes.len()).unwrap_or_default();
    let Ok(tile) = Tile::new(level, index, width) else { return Vec::new() };
    let expected = Hash::join(hashes);
    let seen = |prefix: &str, path: fn(Tile) -> String, of_sumdb| TileSeen {
        of_sumdb,
        url: location.remote.url(&format!("{prefix}{}", path(tile))),
        found: location.remote.tile(tile, prefix, path).map(|found| found == expected),
    };
    let mut all = vec![seen(location.prefix, Tile::path, false)];
    all.extend(location.databases.iter().map(|prefix| seen(prefix, Tile::sumdb_path, true)));
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

    fn report_data(&mut self, data: Vec<TileSeen>) {
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

    fn report(&mut self, tiles: Vec<TileSeen>) {
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
