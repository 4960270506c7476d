//! The promises of [`Store`], checked the same way against every backend.

use super::{Key, Store, StoreError, Swap};
use std::io::{Read, Write};
use std::path::PathBuf;

fn key(name: &str) -> Key {
    Key::new(name).expect("a valid key")
}

/// Every promise that one instance can show.
pub fn check(store: &dyn Store) {
    let (object, other, pointer) = (key("log/tile/0/000"), key("log/tile/1/000"), key("log/head"));
    assert_eq!(store.get(&object).expect("get"), None);
    assert_eq!(store.pointer(&pointer).expect("pointer"), None);

    store.put(&[(object.clone(), b"one".to_vec())]).expect("put");
    store.put(&[(object.clone(), b"one".to_vec())]).expect("the same bytes again are fine");
    let conflict = store.put(&[(object.clone(), b"two".to_vec()), (other.clone(), vec![])]);
    assert!(matches!(conflict, Err(StoreError::Conflict { .. })), "{conflict:?}");
    assert_eq!(store.get(&object).expect("get").as_deref(), Some(&b"one"[..]));
    assert_eq!(store.get(&other).expect("get"), None, "nothing after the conflict is written");
    assert_eq!(store.get(&key("log/tile")).expect("a folder is no object"), None);
    assert_eq!(store.get(&key("log/tile/0/000/1")).expect("an object is no folder"), None);

    let list = |folder: &str| {
        let mut names = store.list(&key(folder)).expect("list");
        names.sort();
        names.into_iter().map(|key| key.to_string()).collect::<Vec<_>>()
    };
    let more = ["list/b/1", "list/a", "list/b/2", "list/bb"].map(|name| (key(name), vec![1]));
    store.put(&more).expect("put");
    assert_eq!(list("list"), ["list/a", "list/bb"], "the objects in it, and no folder");
    assert_eq!(list("list/b"), ["list/b/1", "list/b/2"]);
    assert_eq!(list("nothing"), [""; 0]);
    assert_eq!(list("list/a"), [""; 0], "an object is no folder");
    store.remove(&key("list/b/1")).expect("removed");
    assert_eq!(list("list/b"), ["list/b/2"]);

    let swap = |expected: Option<&[u8]>, new: &[u8]| store.swap(&pointer, expected, new);
    assert_eq!(swap(Some(b"x"), b"a").expect("swap"), Swap::Lost);
    assert_eq!(swap(None, b"a").expect("swap"), Swap::Won);
    assert_eq!(swap(None, b"b").expect("swap"), Swap::Lost);
    assert_eq!(swap(Some(b"a"), b"b").expect("swap"), Swap::Won);
    assert_eq!(store.pointer(&pointer).expect("pointer").as_deref(), Some(&b"b"[..]));
}

/// The promises about objects that are too large for memory.
pub fn check_files(store: &dyn Store) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let scratch = |bytes: &[u8]| -> PathBuf {
        let path = folder.path().join("scratch");
        let mut file = std::fs::File::create(&path).expect("create");
        file.write_all(bytes).expect("write");
        path
    };
    let read = |key: &Key| {
        let mut bytes = Vec::new();
        let file = store.open(key).expect("open");
        file.map(|mut file| file.read_to_end(&mut bytes).map(|_| bytes).expect("read"))
    };
    let (large, other) = (vec![7; 200_000], vec![8; 200_000]);
    let name = key("public/large");
    assert_eq!(read(&name), None);
    for again in 0..2 {
        let path = scratch(&large);
        store.put_file(&name, &path).expect("put");
        assert!(!path.exists(), "the scratch file is taken, time {again}");
        assert_eq!(read(&name).as_ref(), Some(&large));
        assert_eq!(store.get(&name).expect("get").as_ref(), Some(&large));
    }
    for bytes in [&other[..], &large[1..]] {
        let conflict = store.put_file(&name, &scratch(bytes));
        assert!(matches!(conflict, Err(StoreError::Conflict { .. })), "{conflict:?}");
    }
    assert_eq!(read(&key("public")), None, "a folder is no object");
    assert_eq!(read(&key("public/large/1")), None, "an object is no folder");

    let mut opened = store.open(&name).expect("open").expect("it is there");
    store.remove(&name).expect("removed");
    store.remove(&name).expect("it is fine if there is none");
    assert_eq!(read(&name), None);
    let mut bytes = Vec::new();
    opened.read_to_end(&mut bytes).expect("what was opened can still be read");
    assert_eq!(bytes, large);
    store.put_file(&name, &scratch(&other)).expect("a removed name is free");
    assert_eq!(read(&name), Some(other));
}

/// Of many that increment one pointer at once, none loses a step.
pub fn check_race(open: impl Fn() -> Box<dyn Store> + Sync) {
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
