//! Charts are published while merges run, and every object stays tracked.

use super::*;
use crate::store::{Fault, MemoryStore, Store, Swap};
use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

fn week() -> Date {
    "2026-02-08".parse().expect("a date")
}

fn public(store: &Arc<MemoryStore>) -> PublicData {
    let public = PublicData::new(store.clone());
    public
        .update(|index| {
            index.weeks.entry(week()).or_default();
            Ok::<_, PublicError>(())
        })
        .expect("an index");
    public
}

#[test]
fn charts_replace_earlier_ones_and_the_next_merge_removes_those() {
    let store = Arc::new(MemoryStore::new());
    let public = public(&store);
    for json in ["{\"a\":1}", "{\"a\":2}", "{\"a\":1}"] {
        assert!(public.publish_charts(week(), json, json.as_bytes(), |_| true).expect("published"));
        let charts = public.index().expect("an index").weeks[&week()].charts.clone();
        assert_eq!(charts.expect("charts").made_from, json);
    }
    remove_superseded(&public).expect("removed");
    let index = public.index().expect("an index");
    let objects: Vec<Key> = store.snapshot().objects.into_keys().collect();
    let current = index.current().into_iter().map(|key| Key::new(key).expect("a key"));
    assert_eq!(objects, current.collect::<Vec<_>>());
}

#[test]
fn damaged_charts_are_made_again() {
    let store = Arc::new(MemoryStore::new());
    let public = public(&store);
    assert!(public.publish_charts(week(), "x", b"{}", |_| true).expect("published"));
    let mut damaged = store.snapshot();
    damaged.objects.values_mut().for_each(|bytes| bytes.push(b' '));
    store.restore(&damaged);
    let index = public.index().expect("an index");
    let said = public.charts(&index, week()).expect_err("damaged").to_string();
    assert!(
        said.contains("is damaged") && said.contains("`candor chart --week 2026-02-08`"),
        "{said}"
    );
    assert!(public.publish_charts(week(), "x", b"{}", |_| true).expect("published"));
    let objects = store.snapshot().objects;
    assert!(objects.values().all(|bytes| bytes == b"{}"), "{objects:?}");
}

#[test]
fn charts_of_older_data_are_not_published() {
    let store = Arc::new(MemoryStore::new());
    let public = public(&store);
    assert!(!public.publish_charts(week(), "old", b"{}", |_| false).expect("no error"));
    assert_eq!(public.index().expect("an index").weeks[&week()].charts, None);
    remove_superseded(&public).expect("removed");
    assert!(store.snapshot().objects.is_empty());
}

#[test]
fn whatever_interrupts_it_every_object_stays_tracked() {
    for operation in 0.. {
        let store = Arc::new(MemoryStore::new());
        let public = public(&store);
        store.inject(Fault::PowerCutAfter(operation));
        let stopped = public.publish_charts(week(), "x", b"{}", |_| true).is_err();
        store.restart();
        remove_superseded(&public).expect("removed");
        let index = public.index().expect("an index");
        let objects = store.snapshot().objects;
        assert_eq!(objects.len(), index.current().len(), "stopped at {operation}");
        if !stopped {
            assert!(operation > 3);
            return;
        }
    }
}

/// A store in which a merge removes what is superseded, right after the first object was put.
#[derive(Debug)]
struct Swept(Arc<MemoryStore>, AtomicBool);

impl Store for Swept {
    fn get(&self, key: &Key) -> Result<Option<Vec<u8>>, StoreError> {
        self.0.get(key)
    }

    fn put(&self, objects: &[(Key, Vec<u8>)]) -> Result<(), StoreError> {
        self.0.put(objects)?;
        if !self.1.swap(true, Ordering::SeqCst) {
            remove_superseded(&PublicData::new(self.0.clone())).expect("removed");
        }
        Ok(())
    }

    fn put_file(&self, key: &Key, scratch: &Path) -> Result<(), StoreError> {
        self.0.put_file(key, scratch)
    }

    fn open(&self, key: &Key) -> Result<Option<File>, StoreError> {
        self.0.open(key)
    }

    fn remove(&self, key: &Key) -> Result<(), StoreError> {
        self.0.remove(key)
    }

    fn list(&self, folder: &Key) -> Result<Vec<Key>, StoreError> {
        self.0.list(folder)
    }

    fn pointer(&self, key: &Key) -> Result<Option<Vec<u8>>, StoreError> {
        self.0.pointer(key)
    }

    fn swap(&self, key: &Key, expected: Option<&[u8]>, new: &[u8]) -> Result<Swap, StoreError> {
        self.0.swap(key, expected, new)
    }
}

#[test]
fn charts_that_a_merge_removes_before_they_are_named_are_put_again() {
    let store = Arc::new(MemoryStore::new());
    public(&store);
    let public = PublicData::new(Arc::new(Swept(store.clone(), AtomicBool::new(false))));
    assert!(public.publish_charts(week(), "x", b"{}", |_| true).expect("published"));
    let index = public.index().expect("an index");
    assert_eq!(store.snapshot().objects.len(), index.current().len());
}
