//! Health and metrics cover everything that a deployment does.

use super::fixture::{Answer, Fixture, MODULE, ask, get};
use crate::aggregate::{UpkeepState, Work};
use crate::gomod::ModulePath;
use crate::ingest::ReceiverSlot;
use crate::store::{Key, MemoryStore, Store, StoreError, Wrapped, Wrapper};
use crate::tlog::{Tile, tile_key};
use crate::web::{ClockReport, LostReports, Operations, Site, admin, router};
use axum::Router;
use axum::http::{Method, StatusCode};
use jiff::Timestamp;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Barrier, Mutex};

async fn status(router: &Router, path: &str) -> StatusCode {
    get(router, path).await.status
}

async fn health(site: &Site, slot: Option<ReceiverSlot>) -> Answer {
    get(&admin(site.clone(), slot), "/health").await
}

#[tokio::test]
async fn being_live_ready_and_healthy_are_different() {
    let site = Fixture::with(1).site().await;
    let admin = admin(site, Some(ReceiverSlot::new()));
    // The receiver is not open yet, which does not affect readers.
    assert_eq!(status(&admin, "/health/live").await, 200);
    assert_eq!(status(&admin, "/health/ready").await, 200);
    assert_eq!(status(&admin, "/health/uploads").await, 503);
    let all = get(&admin, "/health").await;
    assert_eq!(
        (all.status, all.header("cache-control")),
        (StatusCode::SERVICE_UNAVAILABLE, "no-store")
    );
    assert!(all.text().starts_with("log: ok\nstore: ok\ndata: ok\nuploads: not ok\n  "));
    assert!(all.text().ends_with("\nnot ok\n"), "{}", all.text());
    let json = ask(&admin, Method::GET, "/health", &[("accept", "application/json")]).await;
    assert_eq!(json.status, 503);
    let json: serde_json::Value = serde_json::from_slice(&json.body).expect("JSON");
    assert_eq!((&json["well"], &json["parts"][3]["part"]), (&false.into(), &"uploads".into()));
}

/// A store whose next read waits for someone at the barrier.
#[derive(Debug)]
struct Meeting {
    store: Arc<MemoryStore>,
    waits: Arc<AtomicBool>,
    barrier: Arc<Barrier>,
}

impl Wrapper for Meeting {
    fn inner(&self) -> &dyn Store {
        &*self.store
    }

    fn wrap_get(&self, key: &Key) -> Result<Option<Vec<u8>>, StoreError> {
        if self.waits.swap(false, Relaxed) {
            self.barrier.wait();
        }
        self.store.get(key)
    }
}

#[tokio::test]
async fn parts_are_checked_side_by_side_so_that_one_that_hangs_delays_no_other() {
    let fixture = Fixture::with(1);
    let (waits, barrier) = (Arc::new(AtomicBool::new(false)), Arc::new(Barrier::new(2)));
    let (store, there) = (fixture.store.clone(), barrier.clone());
    let store = Wrapped(Meeting { store, waits: waits.clone(), barrier });
    let path = ModulePath::new(MODULE).expect("a path");
    let site = Site::open(path, fixture.keys.clone(), Arc::new(store)).await.expect("a site");
    // Whichever is checked first is well only if the other is checked meanwhile.
    let find = move || {
        there.wait();
        LostReports::default()
    };
    let lost_reports = Some(Arc::new(find) as _);
    site.set_operations(Operations { lost_reports, ..Operations::default() });
    waits.store(true, Relaxed);
    let all = health(&site, None).await;
    assert!(!waits.load(Relaxed), "the store was read");
    assert_eq!(all.status, 200, "{}", all.text());
    assert!(all.text().contains("\nreports: ok\n"), "{}", all.text());
}

#[tokio::test]
async fn problems_of_upkeep_the_clock_and_lost_reports_are_reported() {
    let site = Fixture::with(1).site().await;
    let upkeep = UpkeepState::new(&[Work::Merge, Work::Chart]);
    let said: Arc<Mutex<Vec<String>>> = Arc::default();
    let (lost, skewed) = (said.clone(), said.clone());
    site.set_operations(Operations {
        upkeep: Some(upkeep.clone()),
        lost_reports: Some(Arc::new(move || {
            let gone = lost.lock().expect("a lock").clone();
            LostReports { gone, damaged: Vec::new() }
        })),
        clock: Some(Arc::new(move || {
            let problem = skewed.lock().expect("a lock").first().cloned();
            ClockReport { skew: problem.as_ref().map_or(0, |_| -86_400), problem, note: None }
        })),
        ..Operations::default()
    });
    assert_eq!(health(&site, None).await.status, 200);
    upkeep.note_begun(Work::Merge, Timestamp::now());
    upkeep.note_panicked(Timestamp::now());
    let ill = health(&site, None).await;
    assert_eq!(ill.status, 503);
    assert!(ill.text().contains("upkeep: not ok\n  the last merge failed"), "{}", ill.text());
    upkeep.note_ended(Work::Merge, Timestamp::now(), None);
    assert_eq!(health(&site, None).await.status, 200);
    upkeep.note_thread(Some("the thread has ended"));
    assert!(health(&site, None).await.text().contains("  the thread has ended\n"));
    upkeep.note_thread(None);
    said.lock().expect("a lock").push("segment 3 is gone".to_owned());
    let ill = health(&site, None).await;
    assert_eq!(ill.status, 503);
    assert!(ill.text().contains("reports: not ok\n  segment 3 is gone\n"), "{}", ill.text());
    assert!(ill.text().contains("clock: not ok\n"), "{}", ill.text());
    let metrics = get(&admin(site, None), "/metrics").await;
    for line in [
        "candor_lost_segments 1",
        "candor_damaged_segments 0",
        "candor_clock_skew_seconds -86400",
        "candor_upkeep_restarts_total 1",
        "candor_upkeep_runs_total{work=\"merge\",outcome=\"done\"} 1",
        "candor_upkeep_runs_total{work=\"merge\",outcome=\"failed\"} 1",
    ] {
        assert!(metrics.text().lines().any(|found| found == line), "{line}\n{}", metrics.text());
    }
}

#[tokio::test]
async fn a_committed_head_that_cannot_be_signed_is_a_problem_and_readers_are_served() {
    let fixture = Fixture::with(2);
    let site = fixture.site().await;
    let good = fixture.store.snapshot();
    let root = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    for forged in [format!("3 {root}\n"), format!("2 {root}\n"), "rubbish".to_owned()] {
        let mut snapshot = good.clone();
        snapshot.pointers.insert(Key::new("log/head").expect("a key"), forged.clone().into());
        fixture.store.restore(&snapshot);
        let ill = health(&site, None).await;
        assert_eq!(ill.status, 503, "{forged}");
        assert!(ill.text().contains("publishing: not ok\n"), "{}", ill.text());
        assert_eq!(status(&admin(site.clone(), None), "/health/ready").await, 200);
        assert_eq!(status(&router(site.clone(), None), "/log/checkpoint").await, 200);
    }
    fixture.store.restore(&good);
    assert_eq!(health(&site, None).await.status, 200);
}

#[tokio::test]
async fn an_unconfirmed_clock_is_neither_a_fault_nor_simply_ok() {
    let site = Fixture::with(1).site().await;
    let note = Some("nothing confirms the clock".to_owned());
    let report = ClockReport { note, ..ClockReport::default() };
    site.set_operations(Operations {
        clock: Some(Arc::new(move || report.clone())),
        ..Operations::default()
    });
    let doubtful = health(&site, None).await;
    assert_eq!(doubtful.status, 200);
    let said = "\nclock: ok, unconfirmed\n  nothing confirms the clock\nok\n";
    assert!(doubtful.text().ends_with(said), "{}", doubtful.text());
    let metrics = get(&admin(site, None), "/metrics").await;
    assert!(metrics.text().contains("\ncandor_clock_unconfirmed 1\n"), "{}", metrics.text());
}

#[tokio::test]
async fn a_damaged_object_is_a_problem_from_its_first_request_until_it_is_repaired() {
    let fixture = Fixture::with(2);
    let good = fixture.store.snapshot();
    let site = fixture.site().await;
    let public = router(site.clone(), None);
    let mut damaged = good.clone();
    let key = tile_key(Tile::new(0, 0, 2).expect("a tile")).expect("a key");
    damaged.objects.get_mut(&key).expect("the tile")[40] ^= 1;
    fixture.store.restore(&damaged);
    assert_eq!(health(&site, None).await.status, 200, "nobody can know yet");
    assert_eq!(status(&public, "/log/tile/0/000.p/2").await, 500);
    for _ in 0..2 {
        let ill = health(&site, None).await;
        assert_eq!(ill.status, 503);
        assert!(ill.text().contains("store: not ok\n  the tiles in the store"), "{}", ill.text());
        assert_eq!(status(&admin(site.clone(), None), "/health/ready").await, 200);
    }
    fixture.store.restore(&good);
    assert_eq!(health(&site, None).await.status, 200);
    assert_eq!(status(&public, "/log/tile/0/000.p/2").await, 200);
}

#[tokio::test]
async fn a_damaged_index_is_a_problem() {
    let fixture = Fixture::with(1);
    let site = fixture.site().await;
    let mut damaged = fixture.store.snapshot();
    for name in ["public/index", "catalogue/index"] {
        let before = damaged.pointers.clone();
        damaged.pointers.insert(Key::new(name).expect("a key"), b"{\"format\":2}".to_vec());
        fixture.store.restore(&damaged);
        let ill = health(&site, None).await;
        assert_eq!(ill.status, 503);
        assert!(ill.text().contains(&format!("data: not ok\n  {name} ")), "{}", ill.text());
        damaged.pointers = before;
    }
}

#[tokio::test]
async fn every_metric_exists_from_the_start() {
    let site = Fixture::with(2).site().await;
    let metrics = get(&admin(site, Some(ReceiverSlot::new())), "/metrics").await;
    let mut figures = 0;
    for line in metrics.text().lines().filter(|line| !line.starts_with('#')) {
        let (name, value) = line.rsplit_once(' ').expect("a value");
        match name.split('{').next().expect("a name") {
            "candor_build_info" => assert!(name.contains(env!("CARGO_PKG_VERSION")), "{name}"),
            "candor_start_time_seconds" => assert!(value.parse::<u64>().expect("a time") > 0),
            "candor_log_size" => assert_eq!(value, "2"),
            _ => assert_eq!(value, "0", "{name}"),
        }
        figures += 1;
    }
    assert!(figures > 100, "{figures}");
    for name in [
        "requests_total{part=\"upload\",status=\"503\"}",
        "uploads_total{answer=\"unavailable\"}",
        "upload_queue_reports",
        "disk_errors_total",
        "store_damage_total",
        "upkeep_runs_total{work=\"chart\",outcome=\"failed\"}",
        "upkeep_age_seconds{work=\"merge\"}",
    ] {
        assert!(metrics.text().contains(&format!("\ncandor_{name} 0\n")), "{name}");
    }
}
