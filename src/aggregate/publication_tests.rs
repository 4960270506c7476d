//! Charts are published beside a merge, and nothing that was put is forgotten.

use super::*;
use crate::store::{Fault, Key, MemoryStore};
use std::sync::Arc;

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
fn charts_replace_those_before_them_and_the_next_merge_removes_these() {
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
    let current = index.current().into_iter().map(|sha256| object_key(sha256).expect("a key"));
    assert_eq!(objects, current.collect::<Vec<_>>());
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
fn whatever_stops_it_nothing_that_was_put_is_forgotten() {
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
