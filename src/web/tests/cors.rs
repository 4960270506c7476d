//! CORS: pages of any site may read what is public, including errors and partial answers, but may not send
//! uploads.

use super::fixture::{Answer, ESCAPED, Fixture, ask};
use crate::ingest::ReceiverSlot;
use crate::web::router;
use axum::http::{Method, StatusCode};

fn assert_readable(answer: &Answer, what: &str) {
    assert_eq!(answer.header("access-control-allow-origin"), "*", "{what}");
    assert_eq!(answer.header("cross-origin-resource-policy"), "cross-origin", "{what}");
    let exposed = answer.header("access-control-expose-headers").to_lowercase();
    let exposed: Vec<_> = exposed.split(", ").collect();
    for name in ["content-range", "content-length", "etag", "accept-ranges", "retry-after"] {
        assert!(exposed.contains(&name), "{what}: {name}");
    }
}

const ORIGIN: (&str, &str) = ("origin", "https://shell.example.net");

#[tokio::test]
async fn everything_public_may_be_read_from_any_origin() {
    let router = Fixture::with(3).router().await;
    for (path, status) in [
        ("/".to_owned(), 200),
        ("/charts/".to_owned(), 200),
        ("/data".to_owned(), 308),
        ("/data/index.json".to_owned(), 200),
        ("/data/weeks/week-2026-11-15.parquet".to_owned(), 404),
        ("/config/v0.1.0/config.json".to_owned(), 404),
        ("/log/checkpoint".to_owned(), 200),
        ("/log/tile/0/000.p/3".to_owned(), 200),
        ("/log/tile/0/000.p/4".to_owned(), 404),
        ("/latest".to_owned(), 200),
        ("/sumdb/latest".to_owned(), 200),
        ("/sumdb/lookup/x".to_owned(), 400),
        (format!("/goproxy/{ESCAPED}/@v/v0.1.0.zip"), 200),
        (format!("/goproxy/{ESCAPED}/@v/v0.9.0.zip"), 404),
        ("/nothing/here".to_owned(), 404),
    ] {
        for method in [Method::GET, Method::HEAD] {
            let answer = ask(&router, method.clone(), &path, &[ORIGIN]).await;
            assert_eq!(answer.status.as_u16(), status, "{method} {path}");
            assert_readable(&answer, &path);
        }
    }
    let post = ask(&router, Method::POST, "/log/checkpoint", &[ORIGIN]).await;
    assert_eq!(post.status, StatusCode::METHOD_NOT_ALLOWED);
    assert_readable(&post, "405");
    let first = ask(&router, Method::GET, "/log/checkpoint", &[ORIGIN]).await;
    let known = [ORIGIN, ("if-none-match", first.header("etag"))];
    let unchanged = ask(&router, Method::GET, "/log/checkpoint", &known).await;
    assert_eq!(unchanged.status, StatusCode::NOT_MODIFIED);
    assert_readable(&unchanged, "304");
}

#[tokio::test]
async fn an_engine_in_a_browser_reads_parquet_in_parts() {
    let router = super::data::fixture().router().await;
    let path = super::data::PARQUET;
    // What DuckDB asks before anything else, and a browser before that.
    let preflight = [
        ORIGIN,
        ("access-control-request-method", "GET"),
        ("access-control-request-headers", "if-none-match,range"),
    ];
    let allowed = ask(&router, Method::OPTIONS, path, &preflight).await;
    assert_eq!((allowed.status, allowed.body.len()), (StatusCode::NO_CONTENT, 0));
    assert_eq!(allowed.header("access-control-allow-methods"), "GET, HEAD, OPTIONS");
    assert_eq!(allowed.header("access-control-allow-headers"), "*");
    assert_eq!(allowed.header("access-control-max-age"), "86400");
    assert_readable(&allowed, "preflight");
    let head = ask(&router, Method::HEAD, path, &[ORIGIN]).await;
    assert_eq!(head.header("content-length"), "1000000");
    assert_readable(&head, "HEAD");
    let part = ask(&router, Method::GET, path, &[ORIGIN, ("range", "bytes=999992-999999")]).await;
    assert_eq!((part.status, part.body.len()), (StatusCode::PARTIAL_CONTENT, 8));
    assert_eq!(part.header("content-range"), "bytes 999992-999999/1000000");
    assert_readable(&part, "206");
    let beyond = ask(&router, Method::GET, path, &[ORIGIN, ("range", "bytes=1000000-")]).await;
    assert_eq!(beyond.status, StatusCode::RANGE_NOT_SATISFIABLE);
    assert_eq!(beyond.header("content-range"), "bytes */1000000");
    assert_readable(&beyond, "416");
}

#[tokio::test]
async fn options_without_an_origin_list_the_methods() {
    let router = Fixture::with(1).router().await;
    let answer = ask(&router, Method::OPTIONS, "/log/checkpoint", &[]).await;
    assert_eq!(answer.status, StatusCode::NO_CONTENT);
    assert_eq!(answer.header("allow"), "GET, HEAD, OPTIONS");
    assert_eq!(answer.header("access-control-allow-methods"), "");
}

#[tokio::test]
async fn no_page_may_send_an_upload() {
    let site = Fixture::with(1).site().await;
    // Only the headers matter: no receiver is needed.
    let router = router(site, Some(ReceiverSlot::new()));
    let preflight = [
        ORIGIN,
        ("access-control-request-method", "POST"),
        ("access-control-request-headers", "content-type"),
    ];
    for path in ["/upload/2026-11-15", "/upload", "/upload/", "//upload/2026-11-15"] {
        for method in [Method::OPTIONS, Method::POST, Method::GET] {
            let answer = ask(&router, method.clone(), path, &preflight).await;
            assert_ne!(answer.status, StatusCode::NO_CONTENT, "{method} {path}");
            let cors = answer.headers.keys().filter(|name| {
                name.as_str().starts_with("access-control-")
                    || name.as_str() == "cross-origin-resource-policy"
            });
            assert_eq!(cors.count(), 0, "{method} {path}");
        }
    }
}
