//! The receiver over HTTP: statuses, headers, sentences.

use super::*;
use crate::ingest::Limits;
use crate::ingest::testing::stored_rows;
use crate::ingest::testing::{Log, config, report};
use crate::ingest::{AdmissionSettings, ChosenBudgets, FreeSpace, TrustedProxies};
use axum::body::{Body, Bytes, to_bytes};
use axum::http::Method;
use std::sync::Arc;
use tempfile::TempDir;
use tower::ServiceExt;

/// A body whose rest never arrives.
struct BreaksOff;

impl axum::body::HttpBody for BreaksOff {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<std::io::Result<hyper::body::Frame<Bytes>>>> {
        std::task::Poll::Ready(Some(Err(std::io::ErrorKind::ConnectionReset.into())))
    }
}

/// A report of another week.
fn of_week(week: &str) -> String {
    report(0.2).replace("2026-02-08", week).replace("2026-02-01", "")
}

#[tokio::test]
async fn what_time_may_fix_gets_503() {
    let bench = Bench::new();
    let (status, headers, text) =
        bench.send(upload_request("/upload/2026-02-12", of_week("2026-02-12"))).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(headers.get(RETRY_AFTER), Some(&HeaderValue::from(35 * 3600)));
    let said = "the week 2026-02-12 has not ended yet; send the report again when it has\n";
    assert_eq!(text, said);
    // A client that is ahead of this server's copy of the log.
    let newer = report(0.2).replace("v0.1.0", "v0.101.0");
    let (status, text) = bench.post(PATH, newer.clone()).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(text, "config v0.101.0 is not known here yet; send the report again later\n");
    let old = newer.replace("2026-02-08", "2026-01-12").replace("2026-02-01", "");
    assert_eq!(
        bench.post("/upload/2026-01-12", old).await,
        bad("the week 2026-01-12 is more than 28 days old")
    );
    // A body that breaks off.
    let broken = Body::new(BreaksOff);
    let (status, text) = bench.post(PATH, broken).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(text, "the report ended before all of it was sent; send it again\n");
    assert_eq!(bench.stored(), 0);
    assert_eq!(bench.receiver.counts().unavailable, 3);
}

#[tokio::test]
async fn no_report_is_refused_because_of_a_wrong_clock() {
    // The newest config was committed on 2026-02-03.
    for (now, week, said) in [
        ("2026-01-10T00:00:00Z", "2026-02-08", "but the commit of config v0.1.0 was made at"),
        ("2026-03-20T00:00:00Z", "2026-02-08", "nothing confirms the clock"),
    ] {
        let bench = Bench::at(now);
        let path = format!("/upload/{week}");
        let (status, text) = bench.post(&path, of_week(week)).await;
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{now}");
        assert!(text.contains(said) && !text.trim_end().contains('\n'), "{text}");
        assert!(!bench.receiver.clock_state().is_plausible());
        // What is wrong regardless of the time is still refused.
        assert_eq!(bench.post(&path, "{}").await.0, StatusCode::BAD_REQUEST);
    }
    // Reports, which may be forged, confirm nothing: they do not get others' refused, now or after a
    // restart.
    let bench = Bench::at("2026-03-20T00:00:00Z");
    for week in ["2026-03-14", "2026-03-15"] {
        assert_eq!(bench.post(&format!("/upload/{week}"), of_week(week)).await, OK);
        let honest = bench.post(PATH, of_week("2026-02-08")).await;
        assert_eq!(honest.0, StatusCode::SERVICE_UNAVAILABLE, "{}", honest.1);
    }
    let folder = bench.folder;
    drop(bench.receiver);
    let receiver = bench.log.receiver_at(folder.path(), Limits::default(), "2026-03-20T00:00:00Z");
    assert!(!receiver.clock_state().is_plausible());
    drop(receiver);
    let receiver = bench.log.receiver_at(folder.path(), Limits::default(), "2026-02-20T00:00:00Z");
    assert!(receiver.clock_state().is_wrong(), "a week of 2026-03-15 has ended already");
}

/// A receiver under one config with the sample rate 1.
struct Bench {
    log: Log,
    folder: TempDir,
    receiver: Arc<Receiver>,
}

impl Bench {
    fn new() -> Bench {
        Bench::with(Limits::default())
    }

    fn with(limits: Limits) -> Bench {
        let (log, folder) = (Log::new(), TempDir::new().expect("a temporary folder"));
        log.append(&config(1.0));
        Bench { receiver: log.receiver(folder.path(), limits), log, folder }
    }

    /// At another time than the tests of this module.
    fn at(now: &str) -> Bench {
        let (log, folder) = (Log::new(), TempDir::new().expect("a temporary folder"));
        log.append(&config(1.0));
        Bench { receiver: log.receiver_at(folder.path(), Limits::default(), now), log, folder }
    }

    async fn send(&self, request: Request) -> (StatusCode, HeaderMap, String) {
        let response = router(ReceiverSlot::of(self.receiver.clone()))
            .oneshot(request)
            .await
            .expect("infallible");
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, 1 << 20).await.expect("a body");
        (parts.status, parts.headers, String::from_utf8(body.to_vec()).expect("text"))
    }

    async fn post(&self, path: &str, body: impl Into<Body>) -> (StatusCode, String) {
        let (status, _, text) = self.send(upload_request(path, body)).await;
        (status, text)
    }

    fn stored(&self) -> usize {
        stored_rows(self.folder.path()).len()
    }
}

fn upload_request(path: &str, body: impl Into<Body>) -> Request {
    Request::builder()
        .method(Method::POST)
        .uri(path)
        .header(CONTENT_TYPE, "application/json")
        .body(body.into())
        .expect("a request")
}

const PATH: &str = "/upload/2026-02-08";
const OK: (StatusCode, String) = (StatusCode::OK, String::new());

fn bad(sentence: &str) -> (StatusCode, String) {
    (StatusCode::BAD_REQUEST, format!("{sentence}\n"))
}

#[tokio::test]
async fn a_report_is_stored_and_a_second_copy_changes_nothing() {
    let bench = Bench::new();
    assert_eq!(bench.post(PATH, report(0.2)).await, OK);
    assert_eq!(bench.post(PATH, report(0.2)).await, OK);
    assert_eq!(bench.post(PATH, report(0.3)).await, OK);
    assert_eq!(bench.stored(), 2);
    assert_eq!(bench.post(PATH, "{}").await.0, StatusCode::BAD_REQUEST);
    let counts = bench.receiver.counts();
    assert_eq!((counts.stored, counts.duplicates, counts.refused), (2, 1, 1));
}

#[tokio::test]
async fn bad_requests_are_answered_with_a_sentence() {
    let bench = Bench::new();
    let address = "is not a date; reports are sent to /upload/ and the report's week, such as \
                   2026-02-08";
    assert_eq!(
        bench.post("/upload/today", report(0.2)).await,
        bad(&format!("\"today\" {address}"))
    );
    let zeros = "0".repeat(100);
    assert_eq!(
        bench.post(&format!("/upload/{zeros}"), report(0.2)).await,
        bad(&format!("\"{}...\" {address}", "0".repeat(60)))
    );
    assert_eq!(bench.post("/upload/%ff", report(0.2)).await, bad(&format!("\"\" {address}")));
    assert_eq!(
        bench.post("/upload/2026-02-01", report(0.2)).await,
        bad("the report is of the week 2026-02-08, but was sent to /upload/2026-02-01")
    );
    assert_eq!(
        bench.post(PATH, report(0.2).replace("v0.1.0", "v0.102.0")).await,
        bad("config v0.102.0 is not in the log")
    );
    for content_type in [None, Some("text/plain"), Some("application/jsonx"), Some("")] {
        let mut request = upload_request(PATH, report(0.2));
        request.headers_mut().remove(CONTENT_TYPE);
        if let Some(value) = content_type {
            request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(value));
        }
        let (status, _, text) = bench.send(request).await;
        assert_eq!((status, text), bad("the content type of a report is application/json"));
    }
    for encoding in ["gzip", "br, gzip", "Identity, zstd"] {
        let mut request = upload_request(PATH, report(0.2));
        request.headers_mut().insert(CONTENT_ENCODING, HeaderValue::from_static(encoding));
        let (status, _, text) = bench.send(request).await;
        let said = format!(
            "the report has the Content-Encoding \"{encoding}\"; send it as plain JSON, without that \
             header"
        );
        assert_eq!((status, text), bad(&said));
    }
    assert_eq!(bench.stored(), 0);
    let mut request = upload_request(PATH, report(0.2));
    request.headers_mut().insert(CONTENT_ENCODING, HeaderValue::from_static("Identity"));
    let with_charset = HeaderValue::from_static("Application/JSON; charset=utf-8");
    request.headers_mut().insert(CONTENT_TYPE, with_charset);
    assert_eq!(bench.send(request).await.0, StatusCode::OK);
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused() {
    let bench = Bench::new();
    let fitting = report(0.2) + &" ".repeat(MAX_BODY - report(0.2).len());
    let too_large = || bad("the report is larger than 262144 bytes");
    assert_eq!(bench.post(PATH, fitting.clone() + " ").await, too_large());
    // If the length is declared, the body is not even read.
    let mut request = upload_request(PATH, Body::empty());
    request.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from_static("262145"));
    let (status, _, text) = bench.send(request).await;
    assert_eq!((status, text), too_large());
    assert_eq!(bench.post(PATH, fitting).await, OK);
}

#[tokio::test]
async fn other_methods_and_paths_are_not_served() {
    let bench = Bench::new();
    for method in [Method::GET, Method::HEAD, Method::PUT, Method::DELETE, Method::OPTIONS] {
        let mut request = upload_request(PATH, report(0.2));
        *request.method_mut() = method.clone();
        let (status, headers, _) = bench.send(request).await;
        assert_eq!(status, StatusCode::METHOD_NOT_ALLOWED, "{method}");
        assert_eq!(headers.get(ALLOW), Some(&HeaderValue::from_static("POST")));
    }
    for path in
        ["/upload", "/upload/", "/upload//", "/upload/2026-02-08/x", "/uploads/2026-02-08", "/"]
    {
        assert_eq!(bench.post(path, report(0.2)).await.0, StatusCode::NOT_FOUND, "{path}");
    }
    assert_eq!(bench.stored(), 0);
}

#[tokio::test]
async fn redundant_slashes_are_accepted() {
    let bench = Bench::new();
    let paths = [
        "/upload//2026-02-08",
        "/upload////2026-02-08",
        "//upload/2026-02-08",
        "//upload//2026-02-08",
        "/upload/2026-02-08/",
        "//upload/2026-02-08//",
    ];
    for (number, path) in paths.into_iter().enumerate() {
        let x = 0.2 + number as f64 / 1000.0;
        assert_eq!(bench.post(path, report(x)).await, OK, "{path}");
        assert_eq!(bench.stored(), number + 1, "{path}");
    }
}

#[tokio::test]
async fn a_full_queue_gets_503() {
    let bench = Bench::with(Limits { queue: 1, ..Limits::default() });
    let taken = bench.receiver.queue_permit().expect("a permit");
    let (status, headers, text) = bench.send(upload_request(PATH, report(0.2))).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(headers.get(RETRY_AFTER), Some(&HeaderValue::from_static("60")));
    assert_eq!(text, "the queue of reports is full; send it again later\n");
    drop(taken);
    assert_eq!(bench.post(PATH, report(0.2)).await, OK);
    assert_eq!(bench.receiver.counts().unavailable, 1);
}

#[tokio::test]
async fn a_report_of_an_older_config_is_accepted_after_newer_ones_exist() {
    let bench = Bench::new();
    bench.log.append(&config(0.1));
    // Under version 2, X would be over the sample rate.
    assert_eq!(bench.post(PATH, report(0.2)).await, OK);
    let newer = |x| report(x).replace("v0.1.0", "v0.2.0");
    assert_eq!(
        bench.post(PATH, newer(0.2)).await,
        bad("X is 0.2, above the sample rate 0.1 of config v0.2.0")
    );
    assert_eq!(bench.post(PATH, newer(0.05)).await, OK);
}

#[tokio::test]
async fn a_log_that_cannot_be_read_never_makes_a_client_throw_its_report_away() {
    let bench = Bench::new();
    bench.log.store.inject(crate::store::Fault::PowerCutBefore(0));
    let newer = report(0.05).replace("v0.1.0", "v0.2.0");
    assert_eq!(bench.post(PATH, newer.clone()).await.0, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(bench.post(PATH, report(0.2)).await, OK, "what is held in memory is enough");
    bench.log.store.restart();
    bench.log.append(&config(0.1));
    assert_eq!(bench.post(PATH, newer).await, OK);
}

/// Sends a report with this X from this peer, and returns the answer.
async fn send_from(
    bench: &Bench,
    admission: &Admission,
    peer: &str,
    forwarded: Option<&str>,
    body: String,
) -> (StatusCode, String) {
    let mut request = upload_request(PATH, body);
    request.extensions_mut().insert(Peer::tcp(peer.parse().expect("an address")));
    if let Some(forwarded) = forwarded {
        let value = HeaderValue::from_str(forwarded).expect("a value");
        request.headers_mut().insert("x-forwarded-for", value);
    }
    let slot = ReceiverSlot::of(bench.receiver.clone());
    let routes = router_with(slot, BodyLimits::default(), admission.clone());
    let response = routes.oneshot(request).await.expect("infallible");
    let (parts, body) = response.into_parts();
    if parts.status == StatusCode::SERVICE_UNAVAILABLE {
        assert_eq!(parts.headers.get(RETRY_AFTER), Some(&HeaderValue::from(3600)));
    }
    let body = to_bytes(body, 1 << 20).await.expect("a body");
    (parts.status, String::from_utf8(body.to_vec()).expect("text"))
}

fn admission(day_reports: u64, trusted: &[&str]) -> Admission {
    let named = trusted.iter().map(|proxy| proxy.parse().expect("a network")).collect();
    let budgets = ChosenBudgets { day_reports: Some(day_reports), ..ChosenBudgets::default() };
    let trusted = TrustedProxies::new(named);
    Admission::new(AdmissionSettings { trusted, budgets, ..AdmissionSettings::default() })
}

/// A different report for each number.
fn numbered(number: u32) -> String {
    report(0.1 + f64::from(number) / 1000.0)
}

#[tokio::test]
async fn one_network_can_use_a_third_and_the_rest_is_for_others() {
    let (bench, admission) = (Bench::new(), admission(9, &[]));
    let send = |number, peer| send_from(&bench, &admission, peer, None, numbered(number));
    for number in 0..3 {
        assert_eq!(send(number, "198.51.100.1").await.0, StatusCode::OK, "{number}");
    }
    let spent = "your network's budget of reports is spent; send it again tomorrow\n";
    for peer in ["198.51.100.1", "198.51.100.200", "::ffff:198.51.100.7"] {
        let answer = send(3, peer).await;
        assert_eq!(answer, (StatusCode::SERVICE_UNAVAILABLE, spent.to_owned()), "{peer}");
    }
    for number in 4..10 {
        let peer = format!("2001:db8:{number}::1");
        let sent = send_from(&bench, &admission, &peer, None, numbered(number));
        assert_eq!(sent.await.0, StatusCode::OK, "{peer}");
    }
    let (status, text) = send(10, "203.0.113.1").await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(text, "today's budget of reports is spent; send it again tomorrow\n");
    assert_eq!(bench.stored(), 9);
    let state = admission.state();
    assert_eq!((state.refused_by_day, state.refused_by_network), (1, 3));
    assert!(state.problems.iter().any(|problem| problem.contains("is spent")), "{state:?}");
}

#[tokio::test]
async fn only_new_reports_use_up_the_days_budget() {
    let (bench, admission) = (Bench::new(), admission(3, &[]));
    for number in 0..20 {
        let peer = format!("198.51.{number}.1");
        let answer = send_from(&bench, &admission, &peer, None, numbered(1)).await;
        assert_eq!(answer.0, StatusCode::OK, "the same report again");
        let peer = format!("203.0.{number}.1");
        let answer = send_from(&bench, &admission, &peer, None, "{}".to_owned()).await;
        assert_eq!(answer.0, StatusCode::BAD_REQUEST);
    }
    assert_eq!(admission.state().reports_left, 2);
    // Its network is charged for everything that is examined.
    for _ in 0..2 {
        send_from(&bench, &admission, "192.0.2.1", None, "{}".to_owned()).await;
    }
    let answer = send_from(&bench, &admission, "192.0.2.1", None, "{}".to_owned()).await;
    assert_eq!(answer.0, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(admission.state().reports_left, 2);
}

#[tokio::test]
async fn senders_behind_a_named_proxy_have_their_own_budgets() {
    for (trusted, taken) in [(&["127.0.0.1"][..], 6), (&["127.0.0.2"], 3), (&[], 3)] {
        let (bench, admission) = (Bench::new(), admission(9, trusted));
        for number in 0..6 {
            let client = format!("evil, 203.0.{number}.7");
            send_from(&bench, &admission, "127.0.0.1", Some(&client), numbered(number)).await;
        }
        assert_eq!(bench.stored(), taken, "{trusted:?}");
        assert!(admission.state().notes.is_empty());
        for number in 0..6 {
            send_from(&bench, &admission, "127.0.0.1", Some("203.0.1.7"), numbered(number)).await;
        }
        let named = trusted == ["127.0.0.1"];
        assert_eq!(admission.state().notes.is_empty(), named, "{trusted:?}");
    }
}

#[tokio::test]
async fn a_disk_with_too_little_space_gets_503() {
    let bench = Bench::new();
    let folders = vec![bench.folder.path().to_owned()];
    let free_space = FreeSpace { folders, reserve: Some(u64::MAX) };
    let admission = Admission::new(AdmissionSettings { free_space, ..Default::default() });
    let send = || send_from(&bench, &admission, "192.0.2.1", None, numbered(1));
    admission.refresh();
    let (status, text) = send().await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(text, "the server's disk is nearly full; send the report again later\n");
    assert!(admission.state().problems.iter().any(|problem| problem.contains("free_space")));
    assert_eq!(bench.stored(), 0);
}
