use super::*;
use crate::store::MemoryStore;
use proptest::prelude::*;

const DAY: i64 = 86_400;

fn catalogue(commit: &str, day: i64, repository: &str) -> Catalogue {
    Catalogue {
        format: FORMAT,
        repository: repository.to_owned(),
        commit: commit.to_owned(),
        time: day * DAY,
        as_of: super::super::added::day(day * DAY),
        path: String::new(),
        project: None,
        confidence: 0.99,
        programs: Vec::new(),
        charts: Vec::new(),
        marginals: Vec::new(),
    }
}

fn version(number: u64) -> ModuleVersion {
    ModuleVersion::new(number).expect("a version")
}

fn commits(catalogues: &Catalogues) -> Vec<String> {
    catalogues.entries().expect("entries").into_iter().map(|entry| entry.commit).collect()
}

#[test]
fn only_what_differs_from_the_catalogue_before_it_is_recorded() {
    let catalogues = Catalogues::new(Arc::new(MemoryStore::new()));
    assert_eq!(catalogues.newest().expect("read"), None);
    let (a, again, b) = (catalogue("a", 1, "x"), catalogue("b", 2, "x"), catalogue("c", 3, "y"));
    for (one, number) in [(&a, 1), (&a, 1), (&again, 2), (&b, 2), (&a, 1)] {
        catalogues.record(one, version(number)).expect("recorded");
    }
    assert_eq!(commits(&catalogues), ["a", "c"]);
    assert_eq!(catalogues.newest().expect("read"), Some(b));
}

#[test]
fn a_day_has_the_newest_catalogue_of_that_day_or_before_else_the_oldest() {
    let catalogues = Catalogues::new(Arc::new(MemoryStore::new()));
    let all = [catalogue("a", 10, "x"), catalogue("b", 12, "y"), catalogue("c", 12, "z")];
    for one in &all {
        catalogues.record(one, version(1)).expect("recorded");
    }
    for (date, expected) in [
        ("1970-01-01", 0),
        ("1970-01-11", 0),
        ("1970-01-12", 0),
        ("1970-01-13", 2),
        ("2026-01-01", 2),
    ] {
        let found = catalogues.at(date.parse().expect("a date")).expect("read");
        assert_eq!(found.as_ref(), all.get(expected), "{date}");
    }
}

#[test]
fn a_catalogue_that_was_edited_in_the_store_is_not_believed() {
    let store = Arc::new(MemoryStore::new());
    let catalogues = Catalogues::new(store.clone());
    catalogues.record(&catalogue("a", 1, "x"), version(1)).expect("recorded");
    let mut snapshot = store.snapshot();
    let (_, bytes) = snapshot.objects.iter_mut().next().expect("an object");
    *bytes = to_json(&catalogue("a", 1, "evil"));
    store.restore(&snapshot);
    assert!(matches!(catalogues.newest(), Err(CatalogueError::Malformed { .. })));
    snapshot.objects.clear();
    store.restore(&snapshot);
    assert!(matches!(catalogues.newest(), Err(CatalogueError::Missing(_))));
}

#[test]
fn every_flipped_bit_of_the_index_is_noticed() {
    let store = Arc::new(MemoryStore::new());
    let catalogues = Catalogues::new(store.clone());
    catalogues.record(&catalogue("a", 1, "x"), version(3)).expect("recorded");
    let good = store.snapshot();
    let key = Key::new(INDEX).expect("a key");
    for bit in 0..good.pointers[&key].len() * 8 {
        let mut flipped = good.clone();
        flipped.pointers.get_mut(&key).expect("the index")[bit / 8] ^= 1 << (bit % 8);
        store.restore(&flipped);
        assert!(catalogues.entries().is_err(), "bit {bit}");
    }
}

#[test]
fn publishers_that_record_at_once_lose_nothing() {
    let store = Arc::new(MemoryStore::new());
    std::thread::scope(|scope| {
        for publisher in 0..4_i64 {
            let catalogues = Catalogues::new(store.clone());
            scope.spawn(move || {
                for day in (publisher..40).step_by(4) {
                    let one = catalogue(&day.to_string(), day, &day.to_string());
                    catalogues.record(&one, version(1)).expect("recorded");
                }
            });
        }
    });
    let expected: Vec<String> = (0..40).map(|day| day.to_string()).collect();
    assert_eq!(commits(&Catalogues::new(store)), expected);
}

proptest! {
    #[test]
    fn the_order_is_that_of_versions_and_commits_whoever_records_first(
        order in Just((1..9_u64).collect::<Vec<_>>()).prop_shuffle(),
    ) {
        let catalogues = Catalogues::new(Arc::new(MemoryStore::new()));
        for number in order {
            let name = number.to_string();
            // Versions grow; of two commits of one version the later one is later in time.
            let one = catalogue(&name, (100 * number % 300) as i64, &name);
            catalogues.record(&one, version(number.div_ceil(2) * 6)).expect("recorded");
        }
        let entries = catalogues.entries().expect("entries");
        let places: Vec<_> = entries
            .iter()
            .map(|entry| (entry.version.parse::<ModuleVersion>().expect("a version"), entry.time))
            .collect();
        prop_assert_eq!(places.len(), 8);
        prop_assert!(places.is_sorted(), "{:?}", places);
    }
}
