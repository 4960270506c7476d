//! Pages: what they say, that nothing from outside becomes markup, and that all links work.

use super::fixture::{Answer, Fixture, HOSTILE, MODULE, ask, get, module};
use crate::tlog::{Hash, InclusionProof, LeafIndex, leaf_hash, verify_inclusion};
use axum::Router;
use axum::http::{Method, StatusCode};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;

/// All pages of a deployment with three versions.
const PAGES: [&str; 13] = [
    "/",
    "/config/",
    "/config/?before=v0.2.0",
    "/config/v0.1.0",
    "/config/v0.3.0",
    "/config/v0.1.0...v0.3.0",
    "/log/",
    "/log/?before=1",
    "/log/entry/1",
    "/privacy",
    "/data/",
    "/help/",
    "/help/rates",
];

const POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; \
                      base-uri 'none'; frame-ancestors 'none'";

async fn page(router: &Router, path: &str) -> Answer {
    let answer = get(router, path).await;
    assert_eq!(answer.status, StatusCode::OK, "{path}: {}", answer.text());
    assert_eq!(answer.header("content-type"), "text/html; charset=utf-8", "{path}");
    answer
}

/// The values of an attribute, as a browser reads them.
fn attributes(html: &str, name: &str) -> Vec<String> {
    let start = format!(" {name}=\"");
    let values = html.split(&start).skip(1).filter_map(|rest| rest.split('"').next());
    values.map(|value| value.replace("&quot;", "\"").replace("&amp;", "&")).collect()
}

#[tokio::test]
async fn every_page_has_the_layout_and_a_strict_policy() {
    let router = Fixture::with(3).router().await;
    for path in PAGES {
        let answer = page(&router, path).await;
        // The script is inlined, and allowed by its hash, on the pages that have it.
        let script = answer.text().split_once("<script type=\"module\">");
        let policy = match script.and_then(|(_, rest)| rest.split_once("</script>")) {
            None => POLICY.to_owned(),
            Some((script, _)) => {
                let hash = STANDARD.encode(Sha256::digest(script));
                format!("{POLICY}; script-src 'sha256-{hash}'; connect-src 'self'")
            }
        };
        let verifies = path.starts_with("/log/") || path.starts_with("/config/v");
        let verifies = verifies && !path.contains("...");
        assert_eq!(script.is_some(), verifies, "{path}");
        assert_eq!(answer.header("content-security-policy"), policy, "{path}");
        assert_eq!(answer.header("referrer-policy"), "no-referrer", "{path}");
        assert!(answer.header("cache-control").starts_with("public, max-age="), "{path}");
        assert!(answer.header("etag").starts_with('"'), "{path}");
        let html = answer.text();
        assert!(html.starts_with("<!DOCTYPE html><html lang=\"en\">"), "{path}");
        for (part, times) in [
            ("<h1>", 1),
            ("<main ", 1),
            ("<script", usize::from(verifies)),
            (" style=", 0),
            ("<style", 0),
        ] {
            assert_eq!(html.matches(part).count(), times, "{path}: {part}");
        }
    }
}

#[tokio::test]
async fn every_link_within_the_site_works() {
    let router = Fixture::with(45).router().await;
    let (mut known, mut next) = (BTreeSet::new(), vec!["/".to_owned()]);
    while let Some(path) = next.pop() {
        let answer = get(&router, &path).await;
        let good = answer.status == StatusCode::OK || answer.status == StatusCode::SEE_OTHER;
        assert!(good, "{path}: {} {}", answer.status, answer.text());
        if answer.header("content-type").starts_with("text/html") {
            for link in attributes(answer.text(), "href") {
                let inside = link.starts_with('/');
                let here = link
                    .strip_prefix('#')
                    .is_some_and(|id| answer.text().contains(&format!(" id=\"{id}\"")));
                assert!(inside || link.starts_with("https://") || here, "{path}: {link}");
                if inside && known.insert(link.clone()) {
                    next.push(link);
                }
            }
        }
    }
    for found in [
        "/config/v0.1.0",
        "/log/entry/0",
        "/config/v0.44.0...v0.45.0",
        "/privacy",
        "/data/",
        "/help/go",
    ] {
        assert!(known.contains(found), "{found} is not reached");
    }
}

#[tokio::test]
async fn names_from_outside_are_never_markup() {
    let router = Fixture::with(3).router().await;
    for path in ["/config/v0.3.0", "/privacy"] {
        let answer = page(&router, path).await;
        assert!(answer.text().contains("odd:&lt;script&gt;alert"), "{path}");
        assert!(!answer.text().contains("<script>"), "{path}");
    }
    for path in ["/config/%3Cscript%3E", "/nothing/%3Cscript%3E", "/log/entry/%3Cb%3E"] {
        let answer = ask(&router, Method::GET, path, &[("accept", "text/html")]).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
        assert!(!answer.text().contains("<script>") && !answer.text().contains("<b>"), "{path}");
    }
    assert!(HOSTILE.contains("<script>"));
}

#[tokio::test]
async fn refusals_are_pages_for_browsers_and_a_sentence_for_machines() {
    let router = Fixture::with(1).router().await;
    let accept = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
    for (path, status) in [
        ("/nothing", StatusCode::NOT_FOUND),
        ("/config/v0.9.0", StatusCode::NOT_FOUND),
        ("/log/entry/1", StatusCode::NOT_FOUND),
        ("/config/compare?from=v0.1.0", StatusCode::BAD_REQUEST),
        ("/data/days/2026-01-01.parquet", StatusCode::NOT_FOUND),
    ] {
        let shown = ask(&router, Method::GET, path, &[("accept", accept)]).await;
        assert_eq!(shown.status, status, "{path}");
        assert_eq!(shown.header("content-type"), "text/html; charset=utf-8", "{path}");
        assert_eq!(shown.header("content-security-policy"), POLICY, "{path}");
        assert!(shown.text().contains("<h1>"), "{path}");
        for accept in ["*/*", "application/json"] {
            let plain = ask(&router, Method::GET, path, &[("accept", accept)]).await;
            assert_eq!(
                (plain.status, plain.header("cache-control")),
                (status, "no-store"),
                "{path}"
            );
            assert_eq!(plain.header("content-type"), "text/plain; charset=utf-8", "{path}");
            assert!(!plain.text().contains('<'), "{path}");
        }
    }
}

#[tokio::test]
async fn changes_are_described_in_words() {
    let router = Fixture::with(3).router().await;
    let change =
        "also accepts reports from version <code>v1.3.0</code> of <code>example.org/hello</code>";
    for path in ["/config/", "/config/v0.3.0", "/config/v0.2.0...v0.3.0"] {
        assert!(page(&router, path).await.text().contains(change), "{path}");
    }
    let both = page(&router, "/config/v0.1.0...v0.3.0").await;
    assert!(both.text().contains("versions <code>v1.2.0</code> and <code>v1.3.0</code>"));
    let back = page(&router, "/config/v0.3.0...v0.1.0").await;
    assert!(back.text().contains("no longer accepts reports from versions"));
    let same = page(&router, "/config/v0.3.0...v0.3.0").await;
    assert!(same.text().contains("This is the same version twice"));
    assert!(!same.text().contains("only the formatting"));
    assert!(back.text().contains("v0.1.0 is the older one"));
    for (query, target) in [
        ("from=v0.1.0&to=v0.3.0", "/config/v0.1.0...v0.3.0"),
        ("to=v0.1.0&from=v0.3.0", "/config/v0.3.0...v0.1.0"),
    ] {
        let sent = get(&router, &format!("/config/compare?{query}")).await;
        assert_eq!((sent.status, sent.header("location")), (StatusCode::SEE_OTHER, target));
    }
    let config = get(&router, "/config/v0.2.0.json").await;
    assert_eq!(config.body, module(2).config());
    assert_eq!(config.header("cache-control"), "public, max-age=31536000, immutable");
}

#[tokio::test]
async fn a_long_history_is_shown_and_read_in_parts() {
    let fixture = Fixture::with(300);
    let router = fixture.router().await;
    fixture.store.restart();
    let newest = page(&router, "/config/").await;
    // A record's bundle and a zip for each version, the head, and what else is public.
    assert!(fixture.store.operations() < 50, "{}", fixture.store.operations());
    assert!(newest.text().contains("<h2><a href=\"/config/v0.281.0\""));
    assert!(!newest.text().contains("<h2><a href=\"/config/v0.280.0\""));
    assert_eq!(newest.text().matches("<article ").count(), 20);
    let (mut path, mut versions) = ("/config/".to_owned(), 0);
    loop {
        let answer = page(&router, &path).await;
        versions += answer.text().matches("<article ").count();
        let older = answer.text().split("href=\"").find(|rest| rest.contains("rel=\"next\">Older"));
        let Some(older) = older.filter(|rest| rest.starts_with("/config/?before=")) else { break };
        path = older.split('"').next().expect("an address").to_owned();
    }
    assert_eq!(versions, 300);
    fixture.store.restart();
    page(&router, "/log/").await;
    assert!(fixture.store.operations() < 10, "{}", fixture.store.operations());
}

#[tokio::test]
async fn the_proof_on_an_entrys_page_is_valid() {
    let fixture = Fixture::with(7);
    let site = fixture.site().await;
    let router = fixture.router().await;
    let tree = site.head().await.expect("a head").tree();
    for number in 0..7 {
        let answer = page(&router, &format!("/log/entry/{number}")).await;
        let html = answer.text().replace("&#43;", "+");
        let record = html.split("<pre><code>").nth(1).and_then(|rest| rest.split("</code>").next());
        let leaf = leaf_hash(record.expect("a record").as_bytes());
        let proof = html.split("Position</th>").nth(1).unwrap_or_default();
        let cells: Vec<Hash> = proof
            .split("<span class=\"hash\">")
            .skip(1)
            .filter_map(|rest| rest.split('<').next()?.parse().ok())
            .collect();
        // Each step has two hashes, and the root is below them.
        let (root, steps) = cells.split_last().expect("hashes");
        let siblings = steps.iter().copied().step_by(2).collect();
        assert_eq!(*root, tree.root);
        let index = LeafIndex::new(number).expect("an index");
        verify_inclusion(leaf, index, tree, &InclusionProof::new(siblings)).expect("in the tree");
    }
}

#[tokio::test]
async fn the_feed_is_atom_and_names_every_change() {
    let fixture = Fixture::with(3);
    let router = fixture.router().await;
    let feed = get(&router, "/config/atom.xml").await;
    assert_eq!(feed.header("content-type"), "application/atom+xml; charset=utf-8");
    let text = feed.text();
    assert!(text.starts_with("<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<feed xmlns="));
    assert_eq!(text.matches("<entry>").count(), 3);
    for part in [
        "<id>tag:telemetry.example.org,2026:config</id>",
        "<id>tag:telemetry.example.org,2026:config/v0.3.0</id>",
        "<updated>2026-02-03T04:05:06Z</updated>",
        "<link rel=\"self\" href=\"https://telemetry.example.org/config/atom.xml\"",
        "also accepts reports from version `v1.3.0`",
        "the first version collects",
    ] {
        assert!(text.contains(part), "{part} is not in {text}");
    }
    // Every start tag has an end tag, as XML requires.
    let opened =
        text.matches('<').count() - text.matches("</").count() - text.matches("<?").count();
    assert_eq!(opened, text.matches("</").count());
    let empty = get(&Fixture::new().router().await, "/config/atom.xml").await;
    assert_eq!((empty.status, empty.text().matches("<entry>").count()), (StatusCode::OK, 0));
}

#[tokio::test]
async fn an_empty_deployment_has_all_its_pages() {
    let router = Fixture::new().router().await;
    for path in ["/", "/config/", "/log/", "/privacy", "/data/"] {
        page(&router, path).await;
    }
    assert!(page(&router, "/").await.text().contains(MODULE));
}

#[tokio::test]
async fn the_stylesheet_and_the_icon_may_be_cached_for_ever() {
    let router = Fixture::with(1).router().await;
    let html = page(&router, "/").await;
    let assets: Vec<String> = attributes(html.text(), "href")
        .into_iter()
        .filter(|link| link.ends_with(".css") || link.ends_with(".svg"))
        .collect();
    assert_eq!(assets.len(), 2);
    for path in assets {
        let answer = get(&router, &path).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}");
        assert_eq!(answer.header("cache-control"), "public, max-age=31536000, immutable");
        let expected = match path.ends_with(".css") {
            true => "default-src 'none'".to_owned(),
            // A picture may use the one style that all pictures carry.
            false => {
                let hash = STANDARD.encode(Sha256::digest(crate::web::draw::file_style()));
                format!(
                    "default-src 'none'; style-src 'sha256-{hash}'; base-uri 'none'; \
                     frame-ancestors 'none'"
                )
            }
        };
        assert_eq!(answer.header("content-security-policy"), expected, "{path}");
    }
}
