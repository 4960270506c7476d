//! Requests that no honest client makes: each gets 400, 404 or 414, and none a server error.

use super::fixture::{ESCAPED, Fixture, ask};
use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use proptest::prelude::*;
use tower::ServiceExt;

/// Sends a request, if the path is valid in HTTP at all.
async fn status(router: &Router, path: &str) -> Option<StatusCode> {
    let request = Request::builder().uri(path).body(Body::empty()).ok()?;
    Some(router.clone().oneshot(request).await.expect("an answer").status())
}

#[tokio::test]
async fn hostile_paths_are_refused() {
    let router = Fixture::with(3).router().await;
    let endings = [
        "%2e%2e/%2e%2e/etc/passwd",
        "../../keys/log.seed",
        "..%2f..%2fkeys/log.seed",
        "..",
        "%252e%252e/",
        "%252f",
        "//",
        "/",
        "%00",
        "x%00",
        "%",
        "%2",
        "%zz",
        "%ff",
        "%c0%ae",
        "\\..\\",
        "%5c..%5c",
        "a%0d%0aset-cookie:x",
        "%20",
        "checkpoint%00",
        "checkpoint/",
        "head",
        "staged",
        "latest/../latest",
        "@v/list",
        "@latest",
        "!",
        "!!",
        "!/@v/list",
        "!A/@v/list",
        "lookup",
        "lookup/",
        "lookup/@",
        "lookup/@@",
        "lookup/a@b@c",
        "lookup/%40%40",
        "lookup/..@..",
        "tile",
        "tile/",
        "tile/8",
        "tile/8/",
        "tile/8/0",
        "tile/8/0/",
        "tile/8/0/-1",
        "tile/8/0/-01",
        "tile/8/0/1",
        "tile/8/0/0000",
        "tile/8/0/000.p/0",
        "tile/8/0/000.p/256",
        "tile/8/0/000.p/-1",
        "tile/8/0/000.p/01",
        "tile/8/0/000.p/99999999999999999999",
        "tile/8/0/000.p",
        "tile/8/64/000",
        "tile/8/-1/000",
        "tile/7/0/000",
        "tile/0/0",
        "tile/-1/000",
        "tile/64/000",
        "tile/256/000",
        "tile/0/000.p/0",
        "tile/0/000.p/256",
        "tile/0/x000/000",
        "tile/0/X001/000",
        "tile/0/x999/x999/x999/x999/x999/x999/x999/999",
        "tile/0/x036/x028/x797/x018/x963/967",
        "tile/0/x036/x028/x797/x018/x963/968",
        "tile/0/99999999999999999999999999999",
        "tile/entries",
        "tile/entries/",
        "tile/entries/0",
        "tile/entries/000.p/0",
        "tile/entries/..",
        "tile/entries/x036/x028/x797/x018/x963/967",
        "tile/8/data/0",
        "tile/8/data/000.p/256",
        "tile/8/data/x036/x028/x797/x018/x963/967",
    ];
    let versions = [
        "v0.-1.0",
        "v0.00.0",
        "v0.18446744073709551616.0",
        "v0.9223372036854775807.0",
        "..",
        ".",
        "%2e%2e",
        "v0.1.0%00",
        "v0.1.0%2f..",
        "!",
        "!!",
        "V0.1.0",
        "!v0.1.0",
        "v0.1.0 ",
        "",
        "con",
    ];
    let module = format!("/goproxy/{ESCAPED}/@v/");
    let proxied = "/goproxy/sumdb/telemetry.example.org/";
    let mut paths: Vec<String> = Vec::new();
    let machines = ["/", "/goproxy/", "/sumdb/", "/log/", "/goproxy/sumdb/", proxied, &module];
    let pages =
        ["/config/", "/config/v0.1.0...", "/log/entry/", "/data/", "/data/days/", "/privacy/"];
    for base in machines.into_iter().chain(pages) {
        paths.extend(endings.iter().map(|ending| format!("{base}{ending}")));
    }
    for version in versions {
        paths.extend(["info", "mod", "zip", "x"].map(|kind| format!("{module}{version}.{kind}")));
        paths.push(format!("/sumdb/lookup/{ESCAPED}@{version}"));
    }
    for path in paths {
        if let Some(status) = status(&router, &path).await {
            let refused = matches!(status, StatusCode::BAD_REQUEST | StatusCode::NOT_FOUND);
            let newest = ["/config/@latest", "/log/entry/@latest"].contains(&path.as_str());
            assert!(refused != newest, "{path}: {status}");
        }
    }
}

#[tokio::test]
async fn long_addresses_are_refused() {
    let router = Fixture::with(1).router().await;
    for base in ["/goproxy/", "/sumdb/lookup/", "/log/tile/0/", "/log/tile/entries/"] {
        for (length, expected) in [(1000, None), (3000, Some(414)), (60_000, Some(414))] {
            let path = format!("{base}{}", "a".repeat(length));
            let status = status(&router, &path).await.expect("a request").as_u16();
            match expected {
                Some(expected) => assert_eq!(status, expected),
                None => assert!(matches!(status, 400 | 404), "{status}"),
            }
        }
    }
}

#[tokio::test]
async fn unusual_headers_and_methods_do_no_harm() {
    let router = Fixture::with(3).router().await;
    let odd = [
        ("accept-encoding", ";;;q=,,gzip;q=1e99"),
        ("accept-encoding", "\u{a0}"),
        ("if-none-match", "\"\", W/, ,\"unclosed"),
        ("if-modified-since", "yesterday"),
        ("range", "bytes=99999999999-"),
        ("host", ""),
        ("content-length", "0"),
    ];
    for header in odd {
        let answer = ask(&router, Method::GET, "/log/checkpoint", &[header]).await;
        assert_eq!(answer.status, StatusCode::OK, "{header:?}");
    }
    for method in [Method::POST, Method::PUT, Method::DELETE, Method::TRACE, Method::CONNECT] {
        let answer = ask(&router, method, "/log/checkpoint", &[]).await;
        assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED);
        assert_eq!(answer.header("cache-control"), "no-store");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn no_path_is_an_error_of_the_server(
        paths in prop::collection::vec(
            "/(goproxy|sumdb|log|goproxy/sumdb/telemetry.example.org|config|data|privacy)/(tile/|lookup/|telemetry.example.org/!config/@v/|entry/|days/|weeks/|compare|\\?before=)?[!-~]{0,20}",
            20,
        ),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("a runtime").block_on(async {
            let router = Fixture::with(1).router().await;
            for path in paths {
                if let Some(status) = status(&router, &path).await {
                    assert!(!status.is_server_error(), "{path}: {status}");
                }
            }
        });
    }
}
