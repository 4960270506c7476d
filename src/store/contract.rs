//! The promises of [`Store`], tested in the same way for every backend.
//!
//! A new backend only has to call [`check`], with a function that opens the same store any number of
//! times.

use super::{Key, Store, StoreError, Swap};
use std::fs;
use std::io::{Read, Write};
use std::path::PathBuf;
use std::sync::Barrier;
use tempfile::TempDir;

/// Opens another instance of the same store.
pub trait Open: Fn() -> Box<dyn Store> + Sync {}
impl<F: Fn() -> Box<dyn Store> + Sync> Open for F {}

/// Tests every promise. `fresh` makes an empty store, and returns a function that opens it.
pub fn check<O: Open>(fresh: impl Fn() -> O) {
    let cases: [fn(&dyn Open); 17] = [
        an_empty_store_has_nothing,
        an_object_is_written_once,
        a_folder_lists_its_objects,
        a_batch_is_refused_as_a_whole,
        a_batch_may_name_an_object_twice_with_the_same_bytes,
        a_name_below_another_is_another_name,
        objects_of_every_size,
        scratch_files_become_objects,
        a_removed_name_is_free,
        many_names_are_forgotten_at_once,
        objects_come_before_the_pointer_to_them,
        what_was_opened_can_be_read_to_its_end,
        a_pointer_is_swapped_or_not,
        other_instances_see_what_was_written,
        racing_swaps_lose_no_step,
        one_of_several_racing_puts_wins,
        of_sixteen_writers_one_wins_each_key,
    ];
    for case in cases {
        case(&fresh());
    }
}

fn key(name: &str) -> Key {
    Key::new(name).expect("a valid key")
}

fn object(name: &str, bytes: &[u8]) -> (Key, Vec<u8>) {
    (key(name), bytes.to_vec())
}

fn get(store: &dyn Store, name: &str) -> Option<Vec<u8>> {
    let found = store.get(&key(name)).expect("get");
    // The other way of reading sees the same.
    let opened = store.open(&key(name)).expect("open").map(|mut file| {
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map(|_| bytes).expect("read")
    });
    assert_eq!(found, opened, "{name}");
    found
}

fn assert_conflict(result: Result<(), StoreError>, name: &str) {
    match result {
        Err(StoreError::Conflict { key, .. }) => assert_eq!(key.as_str(), name),
        other => panic!("{other:?}"),
    }
}

/// A finished file, which is removed with its folder.
fn scratch(bytes: &[u8]) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("scratch");
    fs::File::create(&path).and_then(|mut file| file.write_all(bytes)).expect("written");
    (folder, path)
}

fn an_empty_store_has_nothing(open: &dyn Open) {
    let store = open();
    assert_eq!(get(&*store, "log/tile/0/000"), None);
    assert_eq!(store.pointer(&key("log/head")).expect("pointer"), None);
    store.remove(&key("log/tile/0/000")).expect("it is fine if there is none");
    store.put(&[]).expect("an empty batch");
}

fn a_folder_lists_its_objects(open: &dyn Open) {
    let store = open();
    let list = |folder: &str| {
        let mut names = store.list(&key(folder)).expect("list");
        names.sort();
        names.into_iter().map(|key| key.to_string()).collect::<Vec<_>>()
    };
    let all = ["list/b/1", "list/a", "list/b/2", "list/bb"];
    store.put(&all.map(|name| object(name, b"1"))).expect("put");
    assert_eq!(list("list"), ["list/a", "list/bb"], "the objects in it, and no folder");
    assert_eq!(list("list/b"), ["list/b/1", "list/b/2"]);
    assert_eq!(list("nothing"), [""; 0]);
    assert_eq!(list("list/a"), [""; 0], "an object is no folder");
    store.remove(&key("list/b/1")).expect("removed");
    assert_eq!(list("list/b"), ["list/b/2"]);
}

fn an_object_is_written_once(open: &dyn Open) {
    let store = open();
    for _ in 0..2 {
        store.put(&[object("a/b", b"one")]).expect("the same bytes again are fine");
        assert_eq!(get(&*store, "a/b").as_deref(), Some(&b"one"[..]));
    }
    for bytes in [&b"two"[..], b"", b"on", b"one "] {
        assert_conflict(store.put(&[object("a/b", bytes)]), "a/b");
        assert_eq!(get(&*store, "a/b").as_deref(), Some(&b"one"[..]));
    }
}

fn a_batch_is_refused_as_a_whole(open: &dyn Open) {
    let store = open();
    store.put(&[object("b", b"one")]).expect("put");
    // Wherever in the batch the conflict is, and whether it is with the store or within the batch.
    for at in 0..3 {
        let mut batch = vec![object("x", b"1"), object("y/z", b"2")];
        batch.insert(at, object("b", b"two"));
        assert_conflict(store.put(&batch), "b");
        let mut batch = vec![object("x", b"1"), object("y/z", b"2"), object("w", b"3")];
        batch.insert(at, object("w", b"4"));
        assert_conflict(store.put(&batch), "w");
        for name in ["x", "y/z", "w"] {
            assert_eq!(get(&*store, name), None, "{name}, {at}");
        }
    }
    assert_eq!(get(&*store, "b").as_deref(), Some(&b"one"[..]));
    store.put(&[object("x", b"other")]).expect("the name is free");
}

fn a_batch_may_name_an_object_twice_with_the_same_bytes(open: &dyn Open) {
    let store = open();
    store.put(&[object("a", b"1"), object("b", b""), object("a", b"1")]).expect("put");
    assert_eq!(get(&*store, "a").as_deref(), Some(&b"1"[..]));
    assert_eq!(get(&*store, "b").as_deref(), Some(&b""[..]));
}

fn a_name_below_another_is_another_name(open: &dyn Open) {
    let store = open();
    // On a disk an object and a folder cannot have the same name. The attempt must not harm what is
    // there, nor create the other.
    store.put(&[object("a/b", b"1"), object("a/b.c", b"2"), object("a/bc", b"3")]).expect("put");
    for (name, bytes) in [("a/b", b"1"), ("a/b.c", b"2"), ("a/bc", b"3")] {
        assert_eq!(get(&*store, name).as_deref(), Some(&bytes[..]), "{name}");
    }
    assert_eq!(get(&*store, "a"), None);
    assert_eq!(get(&*store, "a/b/c"), None);
    store.remove(&key("a/b/c")).expect("there is none");
    for name in ["a", "a/b/c"] {
        let put = store.put(&[object(name, b"4")]);
        assert_eq!(get(&*store, name).is_some(), put.is_ok(), "{name}");
        let (_folder, scratch) = scratch(b"4");
        let put = store.put_file(&key(name), &scratch);
        assert_eq!(get(&*store, name).is_some(), put.is_ok(), "{name}");
    }
    assert_eq!(get(&*store, "a/b").as_deref(), Some(&b"1"[..]));
    assert_eq!(get(&*store, "a/bc").as_deref(), Some(&b"3"[..]));
}

fn objects_of_every_size(open: &dyn Open) {
    let store = open();
    let bytes = |length: usize| (0..length).map(|at| (at % 251) as u8).collect::<Vec<u8>>();
    let sizes = [0, 1, 4095, 4096, 65_535, 65_536, 65_537, 3_000_000];
    let batch: Vec<_> =
        sizes.iter().map(|size| object(&format!("size/{size}"), &bytes(*size))).collect();
    store.put(&batch).expect("put");
    for size in sizes {
        assert_eq!(get(&*store, &format!("size/{size}")), Some(bytes(size)));
        let (_folder, path) = scratch(&bytes(size));
        store.put_file(&key(&format!("file/{size}")), &path).expect("put");
        assert_eq!(get(&*store, &format!("file/{size}")), Some(bytes(size)));
    }
    // More than are written at once.
    let many: Vec<_> = (0..100).map(|n| object(&format!("many/{n}"), &[n])).collect();
    store.put(&many).expect("put");
    for (key, bytes) in &many {
        assert_eq!(store.get(key).expect("get").as_ref(), Some(bytes));
    }
}

fn scratch_files_become_objects(open: &dyn Open) {
    let store = open();
    let (large, mut other) = (vec![7; 200_000], vec![7; 200_000]);
    // They differ in the last byte only.
    other[199_999] = 8;
    for again in 0..2 {
        let (_folder, path) = scratch(&large);
        store.put_file(&key("public/large"), &path).expect("put");
        assert!(!path.exists(), "the scratch file is taken, time {again}");
        assert_eq!(get(&*store, "public/large").as_ref(), Some(&large));
    }
    store.put(&[object("public/large", &large)]).expect("the same bytes");
    assert_conflict(store.put(&[object("public/large", &other)]), "public/large");
    for bytes in [&other[..], &large[1..], b""] {
        let (_folder, path) = scratch(bytes);
        assert_conflict(store.put_file(&key("public/large"), &path), "public/large");
        assert_eq!(get(&*store, "public/large").as_ref(), Some(&large));
    }
    let (folder, _) = scratch(b"");
    let missing = store.put_file(&key("public/none"), &folder.path().join("missing"));
    assert!(matches!(missing, Err(StoreError::Io { .. })), "{missing:?}");
    assert_eq!(get(&*store, "public/none"), None);
}

fn a_removed_name_is_free(open: &dyn Open) {
    let store = open();
    store.put(&[object("a/b/c", b"1"), object("a/b/d", b"2")]).expect("put");
    store.remove(&key("a/b/c")).expect("removed");
    store.remove(&key("a/b/c")).expect("it is fine if there is none");
    assert_eq!(get(&*store, "a/b/c"), None);
    assert_eq!(get(&*store, "a/b/d").as_deref(), Some(&b"2"[..]), "its neighbour stays");
    store.put(&[object("a/b/c", b"other")]).expect("put");
    assert_eq!(get(&*store, "a/b/c").as_deref(), Some(&b"other"[..]));
    store.remove(&key("a/b/c")).expect("removed");
    let (_folder, path) = scratch(b"again");
    store.put_file(&key("a/b/c"), &path).expect("put");
    assert_eq!(get(&*store, "a/b/c").as_deref(), Some(&b"again"[..]));
}

fn many_names_are_forgotten_at_once(open: &dyn Open) {
    let store = open();
    store.put(&["a/b", "a/c", "d"].map(|name| object(name, b"1"))).expect("put");
    store.forget(&[]).expect("nothing");
    store.forget(&["a/b", "none", "d"].map(key)).expect("it is fine if one is not there");
    for (name, stays) in [("a/b", false), ("a/c", true), ("d", false)] {
        assert_eq!(get(&*store, name).is_some(), stays, "{name}");
    }
    store.put(&[object("a/b", b"other")]).expect("the name is free");
}

fn objects_come_before_the_pointer_to_them(open: &dyn Open) {
    let store = open();
    let head = key("log/head");
    let change = |objects: &[(Key, Vec<u8>)], expected: Option<&[u8]>, new: &[u8]| {
        store.put_and_swap(objects, &head, expected, new)
    };
    let pointer = || store.pointer(&head).expect("pointer");
    let first = change(&[object("log/a", b"1"), object("b", b"2")], None, b"1");
    assert_eq!(first.expect("changed"), Swap::Won);
    assert_eq!(get(&*store, "log/a").as_deref(), Some(&b"1"[..]));
    assert_eq!(get(&*store, "b").as_deref(), Some(&b"2"[..]));
    assert_eq!(pointer().as_deref(), Some(&b"1"[..]));
    // What is there with the same bytes is fine.
    let second = change(&[object("b", b"2"), object("c", b"3")], Some(b"1"), b"2");
    assert_eq!(second.expect("changed"), Swap::Won);
    assert_eq!(get(&*store, "c").as_deref(), Some(&b"3"[..]));
    assert_conflict(
        change(&[object("d", b"4"), object("b", b"other")], Some(b"2"), b"3").map(drop),
        "b",
    );
    assert_eq!(get(&*store, "d"), None);
    assert_eq!(change(&[], Some(b"1"), b"3").expect("asked"), Swap::Lost);
    assert_eq!(pointer().as_deref(), Some(&b"2"[..]));
}

fn what_was_opened_can_be_read_to_its_end(open: &dyn Open) {
    let store = open();
    let bytes = vec![7; 200_000];
    store.put(&[object("a", &bytes)]).expect("put");
    let mut opened = store.open(&key("a")).expect("open").expect("it is there");
    let mut start = [0; 10];
    opened.read_exact(&mut start).expect("read");
    store.remove(&key("a")).expect("removed");
    store.put(&[object("a", b"other")]).expect("put");
    let mut rest = Vec::new();
    opened.read_to_end(&mut rest).expect("what was opened can still be read");
    assert_eq!([&start[..], &rest].concat(), bytes);
    assert!(store.open(&key("none")).expect("open").is_none());
}

fn a_pointer_is_swapped_or_not(open: &dyn Open) {
    let store = open();
    let head = key("log/head");
    let swap =
        |expected: Option<&[u8]>, new: &[u8]| store.swap(&head, expected, new).expect("swap");
    let pointer = || store.pointer(&head).expect("pointer");
    assert_eq!(swap(Some(b"x"), b"a"), Swap::Lost);
    assert_eq!(swap(Some(b""), b"a"), Swap::Lost, "nothing is not empty");
    assert_eq!(pointer(), None);
    assert_eq!(swap(None, b""), Swap::Won);
    assert_eq!(swap(None, b"a"), Swap::Lost);
    assert_eq!(pointer().as_deref(), Some(&b""[..]));
    assert_eq!(swap(Some(b""), b"a"), Swap::Won);
    assert_eq!(swap(Some(b"a"), b"a"), Swap::Won, "to the same bytes");
    for other in [None, Some(&b"b"[..]), Some(b""), Some(b"aa")] {
        assert_eq!(swap(other, b"c"), Swap::Lost);
        assert_eq!(pointer().as_deref(), Some(&b"a"[..]));
    }
    let long = vec![b'x'; 100_000];
    assert_eq!(swap(Some(b"a"), &long), Swap::Won);
    assert_eq!(swap(Some(&long), b"short"), Swap::Won);
    assert_eq!(pointer().as_deref(), Some(&b"short"[..]));
}

fn other_instances_see_what_was_written(open: &dyn Open) {
    let (one, other) = (open(), open());
    one.put(&[object("a/b", b"1")]).expect("put");
    assert_eq!(get(&*other, "a/b").as_deref(), Some(&b"1"[..]));
    assert_conflict(other.put(&[object("a/b", b"2")]), "a/b");
    other.remove(&key("a/b")).expect("removed");
    assert_eq!(get(&*one, "a/b"), None);
    assert_eq!(one.swap(&key("head"), None, b"1").expect("swap"), Swap::Won);
    assert_eq!(other.swap(&key("head"), None, b"2").expect("swap"), Swap::Lost);
    assert_eq!(other.swap(&key("head"), Some(b"1"), b"2").expect("swap"), Swap::Won);
    assert_eq!(one.pointer(&key("head")).expect("pointer").as_deref(), Some(&b"2"[..]));
}

fn racing_swaps_lose_no_step(open: &dyn Open) {
    const EACH: usize = 25;
    let name = key("log/head");
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let store = open();
                for _ in 0..EACH {
                    loop {
                        let old = store.pointer(&name).expect("pointer");
                        let count: usize = old.as_deref().map_or(0, |bytes| {
                            std::str::from_utf8(bytes).expect("text").parse().expect("a number")
                        });
                        let new = (count + 1).to_string();
                        if store.swap(&name, old.as_deref(), new.as_bytes()).expect("swap")
                            == Swap::Won
                        {
                            break;
                        }
                    }
                }
            });
        }
    });
    let last = open().pointer(&name).expect("pointer").expect("it was set");
    assert_eq!(last, (4 * EACH).to_string().as_bytes());
}

fn one_of_several_racing_puts_wins(open: &dyn Open) {
    for round in 0..10 {
        let name = format!("race/{round}");
        let start = Barrier::new(4);
        let won: Vec<u8> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4_u8)
                .map(|number| {
                    let (name, start) = (&name, &start);
                    scope.spawn(move || {
                        let store = open();
                        start.wait();
                        let put = store.put(&[object(name, &[number; 1000])]);
                        put.is_ok().then_some(number)
                    })
                })
                .collect();
            threads.into_iter().filter_map(|thread| thread.join().expect("joined")).collect()
        });
        let [winner] = won[..] else { panic!("{won:?} have won") };
        assert_eq!(get(&*open(), &name), Some(vec![winner; 1000]));
    }
}

fn of_sixteen_writers_one_wins_each_key(open: &dyn Open) {
    const WRITERS: u8 = 16;
    const KEYS: usize = 40;
    let start = Barrier::new(WRITERS.into());
    // Who has won: the object, the pointer's first bytes, its second, and a step to the same bytes by all.
    let won: Vec<[Vec<usize>; 4]> = std::thread::scope(|scope| {
        let writers: Vec<_> = (1..=WRITERS)
            .map(|number| {
                let start = &start;
                scope.spawn(move || {
                    let (store, mut won) = (open(), [const { Vec::new() }; 4]);
                    for at in 0..KEYS {
                        let (name, own) = (key(&format!("pointer/{at}")), [number; 100]);
                        let swap = |expected: Option<&[u8]>, new: &[u8]| {
                            store.swap(&name, expected, new).expect("swap") == Swap::Won
                        };
                        let now = || store.pointer(&name).expect("read").expect("it was set");
                        start.wait();
                        let created = store.put(&[object(&format!("object/{at}"), &own)]);
                        won[0].extend(created.is_ok().then_some(at));
                        won[1].extend(swap(None, &own).then_some(at));
                        start.wait();
                        let first = now();
                        start.wait();
                        won[2].extend(swap(Some(&first), &[number; 50]).then_some(at));
                        start.wait();
                        let second = now();
                        start.wait();
                        won[3].extend(swap(Some(&second), b"the same").then_some(at));
                    }
                    won
                })
            })
            .collect();
        writers.into_iter().map(|writer| writer.join().expect("joined")).collect()
    });
    for (step, what) in ["object", "first swap", "second swap", "same bytes"].iter().enumerate() {
        let mut all: Vec<usize> = won.iter().flat_map(|won| won[step].clone()).collect();
        all.sort_unstable();
        assert_eq!(all, (0..KEYS).collect::<Vec<_>>(), "{what}: each key has one winner");
    }
}
