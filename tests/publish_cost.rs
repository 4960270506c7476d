//! The promise that publishing costs what is new, not what is there: the operations and bytes of one more
//! version do not grow with the number of versions but by a level of the tree, and a version adds the
//! same few objects to the store.

#[path = "support/long_log.rs"]
mod long_log;

use candor::store::MemoryStore;
use long_log::{Asked, LongLog};
use std::collections::BTreeMap;

/// What the dearest of some publications in a row asked.
fn dearest(size: u64) -> Asked {
    let log = LongLog::new(MemoryStore::new(), size);
    let asked: Vec<Asked> = (0..8).map(|_| log.publish()).collect();
    asked.into_iter().max_by_key(Asked::operations).expect("some")
}

#[test]
fn one_more_version_asks_as_much_of_a_long_log_as_of_a_short_one() {
    let [ten, thousands] = [10, 2_000].map(dearest);
    println!("at 10: {ten:?}\nat 2,000: {thousands:?}");
    // One more level of tiles, and a page of catalogues, each read a few times.
    let more = thousands.operations() - ten.operations();
    assert!(more <= 30, "{more} more: {ten:?}, {thousands:?}");
    // The last bundle and tile, and the newest of the index, are at most so large, whatever is there.
    for asked in [ten, thousands] {
        assert!(asked.bytes_read < 600_000, "{asked:?}");
        assert!(asked.bytes_written < 200_000, "{asked:?}");
    }
}

/// How many objects there are, by kind.
fn objects(store: &MemoryStore) -> BTreeMap<String, u64> {
    let mut kinds = BTreeMap::new();
    for key in store.snapshot().objects.keys() {
        let name = key.as_str();
        let (folder, _) = name.split_at(name.rfind('/').map_or(0, |end| end));
        let partial = if folder.ends_with(".p") { " partial" } else { "" };
        let kind = match name.split('/').collect::<Vec<_>>()[..] {
            ["log", "tile", level, ..] => format!("tile {level}{partial}"),
            ["catalogue", "page", ..] => "page".to_owned(),
            ["log", other, ..] => other.to_owned(),
            [kind, ..] => kind.to_owned(),
            [] => String::new(),
        };
        *kinds.entry(kind).or_default() += 1;
    }
    kinds
}

#[test]
fn a_version_adds_a_zip_and_a_catalogue_and_nothing_else_stays() {
    let log = LongLog::new(MemoryStore::new(), 250);
    let before = objects(&log.store.store);
    let versions: u64 = 300;
    for _ in 0..versions {
        log.publish();
    }
    let mut expected = before.clone();
    for kind in ["module", "catalogue"] {
        *expected.entry(kind.to_owned()).or_default() += versions;
    }
    // 251 versions have grown to 551: two tiles of level 0 were completed, and four or five pages filled.
    for (kind, count) in [("tile 0", 2), ("tile entries", 2), ("tile 1 partial", 1)] {
        assert_eq!(expected.insert(kind.to_owned(), count), None, "{kind}");
    }
    let mut after = objects(&log.store.store);
    let pages = [&mut expected, &mut after].map(|kinds| kinds.remove("page").unwrap_or_default());
    assert_eq!(pages[1] - pages[0], 5);
    assert_eq!(after, expected);
    assert_eq!(after["tile 0 partial"], 1);
}
