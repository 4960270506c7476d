//! The promise that the cost of publishing depends on what is new, not on what is there: the number of
//! versions adds at most a level of the tree to the operations and bytes of the next one, and each
//! version adds the same few objects to the store.

#![cfg(feature = "server")]

use crate::long_log::{LongLog, StoreUsage};
use candor::store::MemoryStore;
use std::collections::BTreeMap;

/// How the most expensive of some publications in a row uses the store.
fn dearest(size: u64) -> StoreUsage {
    let log = LongLog::new(MemoryStore::new(), size);
    let usage: Vec<StoreUsage> = (0..8).map(|_| log.publish()).collect();
    usage.into_iter().max_by_key(StoreUsage::operations).expect("some")
}

#[test]
fn one_more_version_costs_the_same_in_a_long_log_as_in_a_short_one() {
    let [ten, thousands] = [10, 2_000].map(dearest);
    println!("at 10: {ten:?}\nat 2,000: {thousands:?}");
    // One more level of tiles and one page of catalogues, each read a few times.
    let more = thousands.operations() - ten.operations();
    assert!(more <= 30, "{more} more: {ten:?}, {thousands:?}");
    // The last bundle and tile and the newest part of the index are at most this large, however long the
    // log.
    for usage in [ten, thousands] {
        assert!(usage.bytes_read < 600_000, "{usage:?}");
        assert!(usage.bytes_written < 200_000, "{usage:?}");
    }
}

/// The number of objects by kind.
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
fn a_version_leaves_only_a_zip_and_a_catalogue() {
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
    // From 251 versions to 551: two tiles of level 0 were completed, and four or five pages filled.
    for (kind, count) in [("tile 0", 2), ("tile entries", 2), ("tile 1 partial", 1)] {
        assert_eq!(expected.insert(kind.to_owned(), count), None, "{kind}");
    }
    let mut after = objects(&log.store.store);
    let pages = [&mut expected, &mut after].map(|kinds| kinds.remove("page").unwrap_or_default());
    assert_eq!(pages[1] - pages[0], 5);
    assert_eq!(after, expected);
    assert_eq!(after["tile 0 partial"], 1);
}
