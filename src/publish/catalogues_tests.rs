use super::*;
use crate::charts::day_of;
use crate::publish::CatalogueRetention;
use crate::store::MemoryStore;
use proptest::prelude::*;

const DAY: i64 = 86_400;

fn catalogue(commit: &str, day: i64, repository: &str) -> Catalogue {
    Catalogue {
        format: FORMAT,
        repository: repository.to_owned(),
        commit: commit.to_owned(),
        time: day * DAY,
        as_of: day_of(day * DAY),
        path: String::new(),
        project: None,
        confidence: 0.99,
        retention: CatalogueRetention::default(),
        programs: Vec::new(),
        charts: Vec::new(),
        marginals: Vec::new(),
        introduced: Vec::new(),
        index: Default::default(),
    }
}

fn version(number: u64) -> ModuleVersion {
    ModuleVersion::new(number).expect("a version")
}

fn entries(catalogues: &Catalogues) -> Vec<CatalogueEntry> {
    let recorded = catalogues.recorded().expect("an index");
    recorded.entries().map(|entry| entry.expect("a page")).collect()
}

fn commits(catalogues: &Catalogues) -> Vec<String> {
    entries(catalogues).into_iter().map(|entry| entry.commit).collect()
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
fn a_config_is_revoked_since_the_first_of_the_unbroken_run_of_catalogues() {
    let store = Arc::new(MemoryStore::new());
    let catalogues = Catalogues::new(store.clone());
    assert!(matches!(catalogues.revoked(), Err(CatalogueError::NoneRecorded)));
    let day = |number: i64| day_of(number * DAY);
    for (number, revoked) in
        [(1, vec![1, 2]), (2, vec![2]), (3, vec![1, 2]), (4, vec![1, 2, 3]), (5, vec![3, 2, 1])]
    {
        let revoked = revoked.into_iter().map(version).collect();
        let retention = CatalogueRetention { stack_minimum: 3, revoked };
        let one = Catalogue { retention, ..catalogue(&number.to_string(), number, "x") };
        let before = catalogues.newest().expect("read");
        assert_eq!(catalogues.record(&one, version(9)).expect("recorded"), before);
    }
    let found = || -> Vec<(u64, Option<Date>)> {
        let revoked = catalogues.revoked().expect("read").into_iter();
        revoked.map(|one| (one.version.number(), one.since)).collect()
    };
    assert_eq!(found(), [(3, Some(day(4))), (2, Some(day(1))), (1, Some(day(3)))]);
    // What a damaged one said is unknown.
    let mut snapshot = store.snapshot();
    let second = entries(&catalogues).remove(1).key;
    snapshot.objects.insert(Key::new(second).expect("a key"), b"{}".to_vec());
    store.restore(&snapshot);
    assert_eq!(found(), [(3, Some(day(4))), (2, None), (1, None)]);
}

#[test]
fn a_catalogue_that_was_edited_in_the_store_is_refused() {
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
        assert!(catalogues.recorded().is_err(), "bit {bit}");
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
        let entries = entries(&catalogues);
        let places: Vec<_> = entries
            .iter()
            .map(|entry| (entry.version.parse::<ModuleVersion>().expect("a version"), entry.time))
            .collect();
        prop_assert_eq!(places.len(), 8);
        prop_assert!(places.is_sorted(), "{:?}", places);
    }
}

/// An index in the format without pages, with this many entries whose days go up and down.
fn without_pages(store: &dyn Store, count: u64) -> Vec<CatalogueEntry> {
    let one = to_json(&catalogue("a", 1, "x"));
    store.put(&[(Key::new(key_of(&one)).expect("a key"), one.clone())]).expect("put");
    let time = |number: i64| (10_000 + number + 700 * (number % 3)) * DAY;
    let entry = |number: u64| CatalogueEntry {
        commit: number.to_string(),
        time: time(number as i64),
        as_of: day_of(time(number as i64)),
        key: key_of(&one),
        version: version(number).to_string(),
    };
    let entries: Vec<_> = (1..=count).map(entry).collect();
    let index = serde_json::json!({"format": 1, "catalogues": entries});
    let key = Key::new(INDEX).expect("a key");
    assert_eq!(store.swap(&key, None, &to_json(&index)).expect("swapped"), Swap::Won);
    entries
}

#[test]
fn an_index_of_any_length_is_one_of_pages_and_says_the_same() {
    for count in [1, 63, 64, 65, 128, 129, 4_200, 10_000] {
        let store = Arc::new(MemoryStore::new());
        let mut expected = without_pages(store.as_ref(), count);
        let catalogues = Catalogues::new(store.clone());
        assert_eq!(entries(&catalogues), expected, "{count}");
        for number in 1..=70_u64 {
            let one =
                catalogue(&format!("new {number}"), 20_000 + number as i64, &number.to_string());
            catalogues.record(&one, version(count + number)).expect("recorded");
            expected.push(CatalogueEntry {
                commit: one.commit.clone(),
                time: one.time,
                as_of: one.as_of,
                key: key_of(&to_json(&one)),
                version: version(count + number).to_string(),
            });
            let pointer = store.pointer(&Key::new(INDEX).expect("a key")).expect("read");
            assert!(pointer.expect("an index").len() < 40_000, "the pointer stays small");
        }
        assert_eq!(entries(&catalogues), expected, "{count}");
        let backwards = catalogues.recorded().expect("an index");
        let backwards: Vec<_> = backwards.newest_first().map(|one| one.expect("a page")).collect();
        assert!(backwards.iter().rev().eq(&expected), "{count}");
        let recorded = catalogues.recorded().expect("an index");
        assert!(recorded.index.catalogues.len() <= catalogue_index_page());
        for number in (9_990..20_080).step_by(97) {
            let date = day_of(number * DAY);
            let naive = expected.iter().rev().find(|entry| entry.as_of <= date);
            let found = recorded.in_force(date).expect("pages");
            assert_eq!(found.as_ref(), naive.or(expected.first()), "{count}, day {number}");
        }
        let recent = recorded.recent().expect("a page");
        assert!(expected.ends_with(&recent) && recent.len() >= 64, "{}", recent.len());
    }
}

fn catalogue_index_page() -> usize {
    crate::publish::catalogue_index::PAGE
}

#[test]
fn a_page_that_was_edited_or_lost_is_named() {
    let store = Arc::new(MemoryStore::new());
    let all = without_pages(store.as_ref(), 200);
    let catalogues = Catalogues::new(store.clone());
    catalogues.record(&catalogue("b", 30_000, "y"), version(201)).expect("recorded");
    let good = store.snapshot();
    let is_page = |key: &&Key| key.as_str().starts_with("catalogue/page/");
    let page = good.objects.keys().find(is_page).expect("a page").clone();
    for edit in [true, false] {
        let mut damaged = good.clone();
        match edit {
            // Another time, which is valid JSON.
            true => {
                let bytes = damaged.objects.get_mut(&page).expect("a page");
                let time = bytes.windows(7).position(|word| word == b"\"time\":").expect("a time");
                bytes[time + 8] ^= 1;
            }
            false => drop(damaged.objects.remove(&page)),
        }
        store.restore(&damaged);
        let recorded = catalogues.recorded().expect("the pointer is good");
        let found: Vec<_> = recorded.entries().filter_map(Result::err).collect();
        assert_eq!(found.len(), 1, "and the other pages are read");
        assert!(found[0].to_string().contains(page.as_str()), "{}", found[0]);
    }
    store.restore(&good);
    assert_eq!(entries(&catalogues).len(), all.len() + 1);
}

#[test]
fn what_retired_is_found_version_by_version_as_far_as_definitions_can_be_read() {
    let chart = |id: &str, expires: Option<&str>| -> crate::publish::CatalogueChart {
        let chart = serde_json::json!({
            "id": id, "title": id, "issue": [], "kind": "partition", "program": "p", "counter": id,
            "expires": expires, "file": "charts/p.toml", "line": 1, "added": "a", "added_on": "1970-01-01",
        });
        serde_json::from_value(chart).expect("a chart")
    };
    let store = Arc::new(MemoryStore::new());
    let catalogues = Catalogues::new(store.clone());
    let all = [
        (1, 1, vec![chart("a", Some("1970-01-02")), chart("b", None), chart("c", None)]),
        // Its last day has passed.
        (2, 2, vec![chart("b", None), chart("c", Some("1970-12-31"))]),
        // Removed before its last day, and without a new version.
        (2, 3, vec![chart("b", None)]),
        (5, 4, vec![chart("b", None), chart("d", None)]),
        (6, 5, vec![]),
    ];
    for (number, day, charts) in all {
        let one = Catalogue { charts, ..catalogue(&day.to_string(), day, "x") };
        catalogues.record(&one, version(number)).expect("recorded");
    }
    let retired = |first: u64, last: u64| {
        let found = catalogues.retired(version(first)..=version(last)).expect("read");
        let charts = found.charts.iter().map(|one| {
            let last = one.last_day().map(|day| day.to_string());
            (one.version.number(), one.chart.id.clone(), one.since.to_string(), last)
        });
        (charts.collect::<Vec<_>>(), found.incomplete)
    };
    let of = |version, id: &str, since: &str, last: Option<&str>| {
        (version, id.to_owned(), since.to_owned(), last.map(str::to_owned))
    };
    let a = of(2, "a", "1970-01-03", Some("1970-01-02"));
    let (b, c) = (of(6, "b", "1970-01-06", None), of(2, "c", "1970-01-04", None));
    let d = of(6, "d", "1970-01-06", None);
    assert_eq!(retired(1, 6), (vec![b.clone(), d.clone(), c.clone(), a.clone()], false));
    assert_eq!(retired(2, 5), (vec![c.clone(), a.clone()], false));
    for (first, last) in [(1, 1), (3, 5), (7, 9)] {
        assert_eq!(retired(first, last), (vec![], false), "{first} to {last}");
    }
    let behind = |number| {
        let entry = catalogues.entry_behind(version(number)).expect("read")?;
        Some(catalogues.read_if_whole(&entry).expect("read")?.commit)
    };
    assert_eq!([1, 2, 3, 5, 9].map(behind), ["1", "3", "3", "4", "5"].map(|c| Some(c.to_owned())));
    // Of what comes before damaged definitions, nothing is said.
    let mut snapshot = store.snapshot();
    let third = entries(&catalogues).remove(2).key;
    snapshot.objects.insert(Key::new(third).expect("a key"), b"{}".to_vec());
    store.restore(&snapshot);
    assert_eq!(retired(1, 6), (vec![b, d], true));
    assert_eq!((behind(2), behind(5)), (None, Some("4".to_owned())));
}

#[test]
fn the_definitions_behind_a_version_are_found_by_reading_a_few_pages() {
    let store = Arc::new(MemoryStore::new());
    let catalogues = Catalogues::new(store.clone());
    // Of every third version, of some two; and one that was recorded late.
    let numbers = (1..=3_000).filter(|number| number % 3 == 0 || number % 10 == 0);
    let numbers =
        numbers.chain([2_990]).flat_map(|number| [number].repeat(1 + number as usize % 2));
    for (day, number) in numbers.enumerate() {
        let one = catalogue(&day.to_string(), 1 + day as i64 / 9, &day.to_string());
        catalogues.record(&one, version(number)).expect("recorded");
    }
    let all = entries(&catalogues);
    let of = |entry: &CatalogueEntry| entry.version.parse::<ModuleVersion>().expect("a version");
    let recorded = catalogues.recorded().expect("read");
    for number in (1..=3_010).step_by(7) {
        let version = version(number);
        let expected: Vec<&CatalogueEntry> =
            all.iter().rev().filter(|entry| of(entry) <= version).take(70).collect();
        store.restart();
        let found = recorded.newest_first_from(version).take(70);
        let found: Vec<CatalogueEntry> = found.collect::<Result<_, _>>().expect("read");
        assert_eq!(found.iter().collect::<Vec<_>>(), expected, "{number}");
        assert!(store.operations() <= 40, "{number}: {} operations", store.operations());
        assert_eq!(
            catalogues.entry_behind(version).expect("read").as_ref(),
            expected.first().copied()
        );
    }
}
