//! The store changes, is rolled back, is damaged or fails, and what is shown remains true.

use super::data;
use super::fixture::{ESCAPED, Fixture, get, module};
use crate::gomod::ModulePath;
use crate::publish::zip_key;
use crate::store::{Fault, Key, Snapshot};
use crate::tlog::{Bundle, Tile, bundle_key, tile_key};
use crate::web::{Site, admin, router};
use axum::Router;
use axum::http::StatusCode;
use std::time::Duration;

/// Waits until the last reading of the head is old.
async fn grow_old() {
    tokio::time::sleep(crate::web::head::FRESH + Duration::from_millis(50)).await;
}

fn zip(number: u64) -> Key {
    zip_key(&module(number).zip_hash()).expect("a key")
}

async fn status(router: &Router, path: &str) -> StatusCode {
    get(router, path).await.status
}

/// The store with one object changed.
fn edited(fixture: &Fixture, key: &Key, edit: impl FnOnce(&mut Vec<u8>)) -> Snapshot {
    let mut snapshot = fixture.store.snapshot();
    edit(snapshot.objects.get_mut(key).expect("the object"));
    snapshot
}

#[tokio::test]
async fn a_new_version_is_found_when_it_is_requested() {
    let fixture = Fixture::with(1);
    let router = fixture.router().await;
    let info = format!("/goproxy/{ESCAPED}/@v/v0.2.0.info");
    assert_eq!(status(&router, &info).await, StatusCode::NOT_FOUND);
    fixture.publish(1);
    // What the last reading has is answered from it; for the rest the store is read again, but not at once.
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(status(&router, &info).await, StatusCode::OK);
    assert_eq!(status(&router, "/log/tile/0/000.p/2").await, StatusCode::OK);
    let list = get(&router, &format!("/goproxy/{ESCAPED}/@v/list")).await;
    assert_eq!(list.text(), "v0.1.0\nv0.2.0\n");
}

#[tokio::test]
async fn nothing_is_visible_before_it_is_logged() {
    let fixture = Fixture::with(2);
    let before = fixture.store.snapshot();
    fixture.publish(1);
    // All objects of the third version are there; the published head is still the second.
    let mut halfway = fixture.store.snapshot();
    halfway.pointers = before.pointers;
    fixture.store.restore(&halfway);
    let router = fixture.router().await;
    for path in [
        format!("/goproxy/{ESCAPED}/@v/v0.3.0.zip"),
        format!("/sumdb/lookup/{ESCAPED}@v0.3.0"),
        "/log/tile/0/000.p/3".into(),
        "/log/tile/entries/000.p/3".into(),
        "/sumdb/tile/8/data/000.p/3".into(),
    ] {
        assert_eq!(status(&router, &path).await, StatusCode::NOT_FOUND, "{path}");
    }
    let latest = get(&router, &format!("/goproxy/{ESCAPED}/@latest")).await;
    assert!(latest.text().contains("v0.2.0"));
}

#[tokio::test]
async fn a_zip_that_was_not_logged_is_never_served() {
    let fixture = Fixture::with(2);
    let path = ["info", "mod", "zip"].map(|kind| format!("/goproxy/{ESCAPED}/@v/v0.1.0.{kind}"));
    let other = module(2).zip().to_vec();
    for damage in [
        edited(&fixture, &zip(1), |bytes| *bytes = other),
        edited(&fixture, &zip(1), |bytes| bytes.truncate(100)),
        edited(&fixture, &zip(1), |bytes| {
            // A byte of the config, so the zip's own checksum is wrong too.
            let at = bytes.windows(10).position(|w| w == b"SampleRate").expect("the config");
            bytes[at] = b's';
        }),
    ] {
        fixture.store.restore(&damage);
        let router = fixture.router().await;
        for path in &path {
            let answer = get(&router, path).await;
            assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR, "{path}");
            assert_eq!(answer.header("cache-control"), "no-store");
            assert!(!answer.text().contains("module/"), "the object is only for the operator");
        }
        // Everything else is as it was.
        assert_eq!(status(&router, &format!("/goproxy/{ESCAPED}/@v/v0.2.0.zip")).await, 200);
        assert_eq!(status(&router, &format!("/sumdb/lookup/{ESCAPED}@v0.1.0")).await, 200);
    }
}

#[tokio::test]
async fn a_repaired_object_is_served_without_a_restart() {
    let fixture = Fixture::with(1);
    let good = fixture.store.snapshot();
    let router = fixture.router().await;
    fixture.store.restore(&edited(&fixture, &zip(1), |bytes| bytes.truncate(9)));
    let path = format!("/goproxy/{ESCAPED}/@v/v0.1.0.zip");
    assert_eq!(status(&router, &path).await, 500);
    fixture.store.restore(&good);
    assert_eq!(status(&router, &path).await, 200);
}

#[tokio::test]
async fn damaged_tiles_and_bundles_are_errors() {
    let fixture = Fixture::with(3);
    let tile = tile_key(Tile::new(0, 0, 3).expect("a tile")).expect("a key");
    let bundle = bundle_key(Bundle::new(0, 3).expect("a bundle")).expect("a key");
    let cases = [
        (&tile, "/log/tile/0/000.p/3"),
        (&tile, "/sumdb/tile/8/0/000.p/2"),
        (&bundle, "/log/tile/entries/000.p/3"),
        (&bundle, "/log/tile/entries/000.p/1"),
        (&bundle, "/sumdb/tile/8/data/000.p/3"),
        (&bundle, "/sumdb/lookup/telemetry.example.org/!config@v0.1.0"),
        (&bundle, "/goproxy/telemetry.example.org/!config/@v/v0.1.0.zip"),
    ];
    let good = fixture.store.snapshot();
    for (key, path) in cases {
        let mut missing = good.clone();
        missing.objects.remove(key);
        for damage in [
            edited(&fixture, key, |bytes| bytes.truncate(bytes.len() - 1)),
            edited(&fixture, key, |bytes| bytes.push(0)),
            edited(&fixture, key, Vec::clear),
            edited(&fixture, key, |bytes| bytes[20] ^= 1),
            missing,
        ] {
            fixture.store.restore(&damage);
            assert_eq!(status(&fixture.router().await, path).await, 500, "{path}");
            fixture.store.restore(&good);
        }
        assert_eq!(status(&fixture.router().await, path).await, 200, "{path}");
    }
}

#[tokio::test]
async fn a_flipped_bit_anywhere_in_the_log_is_never_served() {
    // Two tiles of level 0, one of them full, and one of level 1.
    let fixture = Fixture::with(300);
    let good = fixture.store.snapshot();
    let head = fixture.store.snapshot().objects;
    let objects = head.keys().filter(|key| key.as_str().starts_with("log/tile/"));
    let mut flipped = 0;
    for key in objects {
        let name = key.as_str().strip_prefix("log/").expect("a tile of the log");
        let below = name.strip_prefix("tile/").expect("a tile");
        let paths = match below.strip_prefix("entries/") {
            Some(bundle) => [format!("/log/{name}"), format!("/sumdb/tile/8/data/{bundle}")],
            None => [format!("/log/{name}"), format!("/sumdb/tile/8/{below}")],
        };
        let length = good.objects[key].len();
        for bit in (0..length * 8).step_by(length * 8 / 5 + 1) {
            fixture.store.restore(&edited(&fixture, key, |bytes| bytes[bit / 8] ^= 1 << (bit % 8)));
            let router = fixture.router().await;
            for path in &paths {
                let answer = get(&router, path).await;
                assert_eq!(answer.status, 500, "{path}, bit {bit}");
                assert_eq!(answer.header("cache-control"), "no-store");
            }
            flipped += 1;
            fixture.store.restore(&good);
        }
        let router = fixture.router().await;
        for path in &paths {
            assert_eq!(status(&router, path).await, 200, "{path}");
        }
    }
    assert!(flipped >= 5 * 5, "the log has tiles of two levels and bundles: {flipped}");
}

#[tokio::test]
async fn a_record_that_was_replaced_with_its_zip_is_not_served() {
    // Someone who can edit the store makes a record that matches another zip, unlike the log.
    let fixture = Fixture::with(2);
    let forged = {
        let mut forged = fixture.store.snapshot();
        let key = bundle_key(Bundle::new(0, 2).expect("a bundle")).expect("a key");
        let bundle = forged.objects.get_mut(&key).expect("the bundle");
        let [hash, other] = [2, 1].map(|number| module(number).zip_hash().to_string());
        let at = bundle.windows(hash.len()).position(|part| part == hash.as_bytes());
        let at = at.expect("the record of the second version");
        bundle[at..at + other.len()].copy_from_slice(other.as_bytes());
        forged
    };
    fixture.store.restore(&forged);
    let router = fixture.router().await;
    let zip = get(&router, &format!("/goproxy/{ESCAPED}/@v/v0.2.0.zip")).await;
    assert_eq!(zip.status, 500);
    assert_eq!(status(&router, &format!("/sumdb/lookup/{ESCAPED}@v0.2.0")).await, 500);
}

#[tokio::test]
async fn after_a_rollback_or_failure_of_the_store_the_newest_head_is_still_shown() {
    let fixture = Fixture::with(1);
    let old = fixture.store.snapshot();
    fixture.publish(1);
    let site = fixture.site().await;
    let (router, admin) = (router(site.clone(), None), admin(site, None));
    let checkpoint = get(&router, "/log/checkpoint").await.body;
    let new = fixture.store.snapshot();
    let mut torn = new.clone();
    torn.pointers.values_mut().for_each(|bytes| bytes.truncate(20));
    let mut none = new.clone();
    none.pointers.clear();
    for (state, said) in [(old, "rolled back"), (torn, "damaged"), (none, "no log/checkpoint")] {
        fixture.store.restore(&state);
        grow_old().await;
        let before = fixture.store.operations();
        assert_eq!(get(&router, "/log/checkpoint").await.body, checkpoint);
        assert!(fixture.store.operations() > before, "the store was read, and not trusted");
        let health = get(&admin, "/health").await;
        assert_eq!(health.status, StatusCode::SERVICE_UNAVAILABLE);
        assert!(health.text().contains(said), "{}", health.text());
    }
    fixture.store.restore(&new);
    assert_eq!(status(&admin, "/health").await, 200);
    fixture.store.inject(Fault::PowerCutBefore(0));
    grow_old().await;
    assert_eq!(get(&router, "/log/checkpoint").await.body, checkpoint);
    assert!(fixture.store.operations() > 0, "the store was read, and failed");
    fixture.store.restart();
    assert_eq!(status(&admin, "/health").await, 200);
}

#[tokio::test]
async fn missing_or_damaged_definitions_are_errors_on_the_pages_that_show_them() {
    let fixture = Fixture::with(1);
    let good = fixture.store.snapshot();
    let is_of_catalogues = |key: &Key| key.as_str().starts_with("catalogue/");
    let object = good.objects.keys().find(|key| is_of_catalogues(key)).expect("a catalogue");
    let index = Key::new("catalogue/index").expect("a key");
    let (mut no_index, mut no_object, mut flipped) = (good.clone(), good.clone(), good.clone());
    no_index.pointers.remove(&index);
    no_object.objects.remove(object);
    flipped.pointers.get_mut(&index).expect("an index")[40] ^= 1;
    let mut nothing = no_index.clone();
    nothing.objects.remove(object);
    let edited = edited(&fixture, object, |bytes| bytes[20] ^= 1);
    for damage in [no_index, no_object, flipped, nothing, edited] {
        fixture.store.restore(&damage);
        let site = fixture.site().await;
        let (router, admin) = (router(site.clone(), None), admin(site, None));
        for path in ["/", "/privacy"] {
            let answer = get(&router, path).await;
            assert_eq!(answer.status, 500, "{path}");
            assert_eq!(answer.header("cache-control"), "no-store");
        }
        let said = "Which versions the project has revoked cannot be read at the moment.";
        for path in ["/config/", "/config/v0.1.0"] {
            let page = get(&router, path).await;
            assert_eq!(page.status, 200, "{path}");
            assert!(page.text().contains(said), "{path}");
        }
        assert_eq!(status(&router, "/config/index.json").await, 500, "for machines");
        let health = get(&admin, "/health").await;
        assert_eq!(health.status, 503);
        assert!(health.text().contains("\ndata: not ok\n  catalogue/"), "{}", health.text());
        assert!(health.text().contains("`candor publish`"), "{}", health.text());
        fixture.store.restore(&good);
        for path in ["/", "/privacy"] {
            assert_eq!(status(&router, path).await, 200, "{path}");
        }
        assert_eq!(status(&admin, "/health").await, 200);
    }
}

#[tokio::test]
async fn a_head_of_another_log_is_not_served() {
    let (ours, theirs) = (Fixture::with(1), Fixture::with(1));
    let path = || ModulePath::new("a.example.org").expect("a path");
    let refused = Site::open(path(), ours.keys.clone(), theirs.store.clone()).await;
    assert!(refused.is_err_and(|e| e.to_string().contains("log/checkpoint")));
    let empty = std::sync::Arc::new(crate::store::MemoryStore::new());
    let refused = Site::open(path(), ours.keys.clone(), empty).await;
    assert!(refused.is_err_and(|e| e.to_string().contains("candor publish")));
}

#[tokio::test]
async fn an_object_is_read_from_the_store_once() {
    let fixture = Fixture::with(3);
    let router = fixture.router().await;
    let paths = [
        "/log/tile/0/000.p/3".to_string(),
        "/log/tile/entries/000.p/3".into(),
        format!("/goproxy/{ESCAPED}/@v/v0.1.0.zip"),
    ];
    for path in &paths {
        assert_eq!(status(&router, path).await, 200);
    }
    fixture.store.restart();
    for path in &paths {
        assert_eq!(status(&router, path).await, 200);
    }
    // At most the head was read again.
    assert!(fixture.store.operations() <= 1, "{}", fixture.store.operations());
}

#[tokio::test]
async fn requests_are_counted_by_part_and_status_and_nothing_else() {
    let fixture = Fixture::with(2);
    let site = fixture.site().await;
    let (router, admin) = (router(site.clone(), None), admin(site, None));
    for path in ["/", "/log/checkpoint", "/log/checkpoint", "/log/nothing", "/secret/alice"] {
        get(&router, path).await;
    }
    get(&router, "//upload/2026-02-08").await;
    let metrics = get(&admin, "/metrics").await;
    let requests = metrics.text().lines().filter(|line| line.starts_with("candor_requests_total"));
    let counts: Vec<&str> = requests.filter(|line| !line.ends_with(" 0")).collect();
    assert_eq!(
        counts,
        [
            "candor_requests_total{part=\"log\",status=\"200\"} 2",
            "candor_requests_total{part=\"log\",status=\"404\"} 1",
            "candor_requests_total{part=\"upload\",status=\"405\"} 1",
            "candor_requests_total{part=\"pages\",status=\"200\"} 1",
            "candor_requests_total{part=\"other\",status=\"404\"} 1",
        ]
    );
    assert!(!metrics.text().contains("alice"));
}

#[tokio::test]
async fn a_store_that_is_away_is_no_damage_and_all_is_well_when_it_is_back() {
    let fixture = data::fixture();
    let site = fixture.site().await;
    let router = router(site.clone(), None);
    let paths = [
        format!("/goproxy/{ESCAPED}/@v/v0.1.0.zip"),
        format!("/sumdb/lookup/{ESCAPED}@v0.1.0"),
        "/log/tile/0/000.p/1".into(),
        "/log/tile/entries/000.p/1".into(),
        "/config/v0.1.0".into(),
        "/data/index.json".into(),
        "/data/weeks/week-2026-11-15.parquet".into(),
        "/charts/".into(),
    ];
    fixture.store.inject(Fault::Away);
    for path in &paths {
        let answer = get(&router, path).await;
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{path}: {}", answer.text());
        assert_eq!(answer.header("retry-after"), "5", "{path}");
        assert!(!answer.text().contains("memory:"), "the cause is only for the operator");
    }
    assert_eq!(status(&admin(site.clone(), None), "/health").await, 503);
    fixture.store.restart();
    assert_eq!(status(&admin(site.clone(), None), "/health").await, 200);
    for path in &paths {
        let now = status(&router, path).await;
        assert_eq!(now, StatusCode::OK, "{path}");
    }
}
