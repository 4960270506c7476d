//! Charts are published while merges run, and every object stays tracked.

use super::*;
use crate::aggregate::figure::WeekCharts;
use crate::aggregate::stored_charts::NewCharts;
use crate::charts_fixture as fixture;
use crate::store::{Fault, MemoryStore, Store, StoreError, Wrapped, Wrapper};
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

/// Publishes charts with this number of reports.
fn publish(public: &PublicData, reports: u64) -> Result<bool, PublicError> {
    publish_if(public, reports, true)
}

fn publish_if(public: &PublicData, reports: u64, still: bool) -> Result<bool, PublicError> {
    let index = public.index()?;
    let charts = fixture::week(week());
    let programs = charts.programs.iter().filter(|one| one.program != fixture::AWKWARD).cloned();
    let programs: Vec<_> = programs.collect();
    let around = WeekCharts { programs: Vec::new(), reports, ..charts };
    let mut new = NewCharts::begin(public, &index, around)?;
    for mut program in programs {
        program.reports = reports;
        program.charts.truncate(3);
        for figure in &mut program.charts {
            figure.base.reports = reports;
            figure.by.iter_mut().flat_map(|by| &mut by.groups).for_each(|group| {
                group.base.reports = reports;
            });
        }
        new.add(program, None)?;
    }
    Ok(new.publish(&reports.to_string(), |_| still)?.is_some())
}

/// Panics unless the store has exactly the objects that the index and the outlines of charts name.
fn check(store: &MemoryStore, public: &PublicData, what: &str) {
    remove_superseded(public).expect("removed");
    let index = public.index().expect("an index");
    let current = index.current();
    let objects: BTreeSet<String> =
        store.snapshot().objects.into_keys().map(|key| key.to_string()).collect();
    for key in &current {
        assert!(objects.contains(key), "{what}: {key} is missing");
    }
    for key in objects.difference(&current) {
        let (folder, _) = key.rsplit_once('/').expect("a folder");
        let left = leftovers(public, &index, folder).expect("read").flatten();
        let left = left.unwrap_or_else(|| panic!("{what}: {key} is left"));
        assert_eq!(left, [], "{what}");
    }
    for week in index.weeks.iter().filter(|(_, week)| week.charts.is_some()).map(|(week, _)| week) {
        assert!(public.has_charts(&index, *week).expect("read"), "{what}");
        public.charts(&index, *week).expect("whole").expect("charts");
    }
}

#[test]
fn charts_replace_earlier_ones_and_the_next_merge_removes_those() {
    let store = Arc::new(MemoryStore::new());
    let public = public(&store);
    for reports in [1000, 2000, 1000] {
        assert!(publish(&public, reports).expect("published"));
        let index = public.index().expect("an index");
        let made_from = index.weeks[&week()].charts.clone().expect("charts").made_from;
        assert_eq!(made_from, reports.to_string());
        assert_eq!(public.charts(&index, week()).expect("read").expect("charts").reports, reports);
    }
    let before = store.snapshot().objects.len();
    check(&store, &public, "after a merge");
    assert!(store.snapshot().objects.len() < before);
}

#[test]
fn damaged_charts_are_made_again() {
    let store = Arc::new(MemoryStore::new());
    let public = public(&store);
    assert!(publish(&public, 1000).expect("published"));
    let whole = store.snapshot();
    for key in whole.objects.keys() {
        for missing in [false, true] {
            let mut damaged = whole.clone();
            match damaged.objects.get_mut(key) {
                Some(bytes) if !missing => bytes.iter_mut().for_each(|byte| *byte ^= 1),
                _ => drop(damaged.objects.remove(key)),
            }
            store.restore(&damaged);
            let index = public.index().expect("an index");
            let said = public.check_charts(&index, week()).expect_err("noticed").to_string();
            let word = if missing { "is missing" } else { "is damaged" };
            assert!(said.contains(word) && said.contains("`candor chart --week 20"), "{said}");
            assert!(!missing || !public.has_charts(&index, week()).expect("read"));
            assert!(publish(&public, 1000).expect("published"));
            let index = public.index().expect("an index");
            public.check_charts(&index, week()).expect("whole");
            remove_superseded(&public).expect("removed");
            assert_eq!(store.snapshot().objects, whole.objects, "{key}");
        }
    }
}

#[test]
fn charts_of_older_data_are_not_published() {
    let store = Arc::new(MemoryStore::new());
    let public = public(&store);
    assert!(!publish_if(&public, 1000, false).expect("no error"));
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
        let stopped = publish(&public, 1000).is_err();
        store.restart();
        check(&store, &public, &format!("stopped at {operation}"));
        if !stopped {
            assert!(operation > 8);
            return;
        }
    }
}

/// A store in which a merge removes what is superseded, right after the first object was put.
#[derive(Debug)]
struct Swept(Arc<MemoryStore>, AtomicBool);

impl Wrapper for Swept {
    fn inner(&self) -> &dyn Store {
        &*self.0
    }

    fn wrap_put(&self, objects: &[(Key, Vec<u8>)]) -> Result<(), StoreError> {
        self.0.put(objects)?;
        if !self.1.swap(true, Ordering::SeqCst) {
            remove_superseded(&PublicData::new(self.0.clone())).expect("removed");
        }
        Ok(())
    }
}

#[test]
fn charts_that_a_merge_removes_before_they_are_named_are_not_named() {
    let store = Arc::new(MemoryStore::new());
    public(&store);
    let public = PublicData::new(Arc::new(Wrapped(Swept(store.clone(), AtomicBool::new(false)))));
    assert!(!publish(&public, 1000).expect("no error"), "they have to be made again");
    check(&store, &public, "after that");
    assert!(publish(&public, 1000).expect("published"));
    check(&store, &public, "made again");
}

#[test]
fn series_that_another_process_has_changed_are_made_again() {
    let store = Arc::new(MemoryStore::new());
    let public = public(&store);
    let index = public.index().expect("an index");
    let around = WeekCharts { programs: Vec::new(), ..fixture::week(week()) };
    let new = NewCharts::begin(&public, &index, around).expect("begun");
    assert!(publish(&public, 1000).expect("published"));
    assert_eq!(new.publish("x", |_| true).expect("no error"), None);
    check(&store, &public, "after both");
}
