//! Nothing is stored that the config does not allow, and nothing honest is refused: 100,000 reports, as
//! honest clients send them and then mostly broken in one or more ways, get 200, 400, or 503 if a date
//! or a config's version is now in the future. An independent check finds that every stored report is
//! allowed, and every acknowledged one is stored, without what honest clients cannot know not to send.

#![cfg(feature = "server")]

use crate::support;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::Request;
use candor::body::BodyLimits;
use candor::ingest::{self, Admission, AdmissionSettings, ChosenBudgets, ReceiverSlot};
use serde_json::Value;
use std::collections::BTreeMap;
use support::mutation::{Random, Upload, upload, weeks};
use support::receiver;
use support::segments;
use tempfile::TempDir;
use tower::ServiceExt;

const REPORTS: usize = 100_000;
/// How many at once, so that the journal rarely syncs.
const AT_ONCE: usize = 500;

/// Large budgets, since all senders are in one network here.
fn wide() -> Admission {
    let all = Some(1 << 40);
    let budgets = ChosenBudgets { day_reports: all, day_bytes: all, prefix_reports: all };
    Admission::new(AdmissionSettings { budgets, ..AdmissionSettings::default() })
}

/// Sends an upload; true if it was accepted.
async fn send(router: Router, upload: Upload) -> (Upload, bool) {
    let request = Request::post(format!("/upload/{}", upload.date))
        .header("content-type", "application/json")
        .body(Body::from(upload.body.clone()))
        .expect("a request");
    let response = router.oneshot(request).await.expect("infallible");
    let status = response.status().as_u16();
    let sentence = to_bytes(response.into_body(), 4096).await.expect("a short answer");
    let sentence = std::str::from_utf8(&sentence).expect("text");
    let shown = || String::from_utf8_lossy(&upload.body).into_owned();
    match status {
        200 => assert_eq!(sentence, ""),
        400 => {
            let line = sentence.strip_suffix('\n').expect("a line");
            assert!(!line.is_empty() && !line.contains(char::is_control), "{line:?}");
            assert!(line.len() < 1200, "{line}");
            assert!(!upload.untouched, "{line}: {}", shown());
        }
        503 => {
            let to_come =
                sentence.contains("has not ended yet") || sentence.contains("not known here yet");
            assert!(to_come && !upload.untouched, "{sentence}: {}", shown());
        }
        _ => panic!("{status} {sentence}: {}", shown()),
    }
    (upload, status == 200)
}

#[test]
fn of_100_000_mutated_reports_only_allowed_ones_are_stored_and_all_of_them() {
    let folder = TempDir::new().expect("a temporary folder");
    receiver::deploy(folder.path());
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let door = receiver::open(folder.path());
    let slot = ReceiverSlot::of(door.clone());
    let router = ingest::router_with(slot, BodyLimits::default(), wide());
    let (configs, weeks) = (receiver::configs(folder.path()), weeks());
    let mut random = Random(7);
    let mut taken = BTreeMap::new();
    let mut shortened = 0;
    for _ in 0..REPORTS / AT_ONCE {
        let uploads: Vec<_> = (0..AT_ONCE)
            .map(|_| runtime.spawn(send(router.clone(), upload(&mut random))))
            .collect();
        for sent in uploads {
            let (upload, ok) = runtime.block_on(sent).expect("no panic");
            if ok {
                let sent: Value = serde_json::from_slice(&upload.body).expect("JSON");
                let form = segments::stored_form(sent.clone(), &configs);
                shortened += usize::from(form["Programs"] != sent["Programs"]);
                // Identifies reports besides what is stored of them, since rows may be equal.
                let report = candor::ingest::Report::decode(&upload.body).expect("a report");
                taken.insert(report.encode(), form.to_string());
            }
        }
    }
    let counts = door.counts();
    drop((router, door));

    let stored = segments::reports(&receiver::reports_folder(folder.path()));
    for report in &stored {
        segments::assert_allowed(report, &configs, &weeks);
    }
    let mut stored: Vec<_> = stored.iter().map(Value::to_string).collect();
    stored.sort();
    let mut expected: Vec<_> = taken.into_values().collect();
    expected.sort();
    assert_eq!(stored, expected, "each is stored once");
    println!("{counts:?}, {shortened} shortened");
    assert!(shortened > REPORTS / 20, "{shortened}");
    assert!((1..REPORTS as u64 / 100).contains(&counts.unavailable), "{counts:?}");
    assert!(counts.stored as usize > REPORTS / 10, "{counts:?}");
    assert!(counts.refused as usize > REPORTS / 2, "{counts:?}");
}
