//! Every route: what it answers, how long that may be cached, and what does not exist.

use super::fixture::{Answer, ESCAPED, Fixture, MODULE, ask, get, module, root_of};
use crate::gomod::Info;
use crate::tlog::{Checkpoint, Lookup, Protocol, ProvedFile};
use crate::web::router;
use axum::http::{Method, StatusCode};
use flate2::read::GzDecoder;
use std::collections::BTreeSet;
use std::io::Read;

const FOREVER: &str = "public, max-age=31536000, immutable";
const SECONDS: &str = "public, max-age=5";

fn assert_ok(answer: &Answer, content: &str, caching: &str) {
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    assert_eq!(answer.header("content-type"), content);
    assert_eq!(answer.header("cache-control"), caching);
    assert_eq!(answer.header("x-content-type-options"), "nosniff");
    assert!(answer.header("etag").starts_with('"'));
}

#[tokio::test]
async fn the_module_proxy_serves_the_versions_of_the_log() {
    let router = Fixture::with(3).router().await;
    let proxy = format!("/goproxy/{ESCAPED}");
    let list = get(&router, &format!("{proxy}/@v/list")).await;
    assert_ok(&list, "text/plain; charset=utf-8", SECONDS);
    assert_eq!(list.text(), "v0.1.0\nv0.2.0\nv0.3.0\n");
    let latest = get(&router, &format!("{proxy}/@latest")).await;
    assert_ok(&latest, "application/json", SECONDS);
    assert_eq!(latest.body, Info::of(&module(3)).to_json());
    let info = get(&router, &format!("{proxy}/@v/v0.2.0.info")).await;
    assert_ok(&info, "application/json", FOREVER);
    assert_eq!(info.body, Info::of(&module(2)).to_json());
    let go_mod = get(&router, &format!("{proxy}/@v/v0.2.0.mod")).await;
    assert_ok(&go_mod, "text/plain; charset=utf-8", FOREVER);
    assert_eq!(go_mod.body, module(2).go_mod());
    let zip = get(&router, &format!("{proxy}/@v/v0.2.0.zip")).await;
    assert_eq!(zip.status, StatusCode::OK);
    assert_eq!(zip.header("content-type"), "application/zip");
    assert_eq!(zip.body, module(2).zip());
    // As the go command writes it.
    let encoded = get(&router, "/goproxy/telemetry.example.org/%21config/@v/v0.2.0.mod").await;
    assert_eq!(encoded.body, go_mod.body);
}

#[tokio::test]
async fn the_newest_version_is_served_with_its_proof() {
    let fixture = Fixture::with(3);
    for newest in [3, 4] {
        let router = fixture.router().await;
        let answer = get(&router, "/log/newest").await;
        assert_ok(&answer, "application/octet-stream", SECONDS);
        let ProvedFile { proof, file } =
            ProvedFile::parse(answer.body.to_vec()).expect("an answer");
        assert_eq!(file, module(newest).zip());
        let checkpoint = get(&router, "/log/checkpoint").await;
        assert_eq!(proof.checkpoint, checkpoint.text());
        let beside = get(&router, &format!("/goproxy/{ESCAPED}/@v/v0.{newest}.0.tlog-proof")).await;
        assert_eq!(proof.to_string(), beside.text());
        fixture.publish(1);
    }
    let empty = get(&Fixture::new().router().await, "/log/newest").await;
    assert_eq!(empty.status, StatusCode::NOT_FOUND);
    assert_eq!(empty.header("cache-control"), "no-store");
}

#[tokio::test]
async fn for_other_modules_the_go_command_asks_the_next_proxy() {
    let router = Fixture::with(3).router().await;
    for path in [
        "golang.org/x/text/@v/list".into(),
        "golang.org/x/text/@latest".into(),
        "golang.org/x/text/@v/v0.3.0.zip".into(),
        "gopkg.in/yaml.v3/@v/v3.0.1.info".into(),
        "rsc.io/quote/v3/@v/list".into(),
        // A parent and a child of the module are other modules.
        "telemetry.example.org/@v/list".into(),
        format!("{ESCAPED}/sub/@v/list"),
        "telemetry.example.org/config/@v/list".into(),
        format!("{ESCAPED}/@v/v0.4.0.info"),
        format!("{ESCAPED}/@v/v0.4.0.mod"),
        format!("{ESCAPED}/@v/v0.4.0.zip"),
        format!("{ESCAPED}/@v/v0.0.0.zip"),
        format!("{ESCAPED}/@v/v0.01.0.zip"),
        format!("{ESCAPED}/@v/v1.0.0.info"),
        format!("{ESCAPED}/@v/v0.9223372036854775808.0.info"),
        format!("{ESCAPED}/@v/master.info"),
        format!("{ESCAPED}/@v/v0.1.0.ziphash"),
        format!("{ESCAPED}/@v/v0.1.0"),
        format!("{ESCAPED}/@v/"),
        format!("{ESCAPED}/@v"),
        format!("{ESCAPED}/@latest/"),
        ESCAPED.into(),
        "sumdb/sum.golang.org/supported".into(),
        "sumdb/telemetry.example.org/log/supported".into(),
        "sumdb/supported".into(),
    ] {
        let answer = get(&router, &format!("/goproxy/{path}")).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}: {}", answer.text());
        assert!(answer.text().starts_with("not found: "), "{path}: {}", answer.text());
        assert_eq!(answer.header("content-type"), "text/plain; charset=utf-8");
        assert_eq!(answer.header("cache-control"), "no-store", "{path}");
    }
    let empty = Fixture::new().router().await;
    let list = get(&empty, &format!("/goproxy/{ESCAPED}/@v/list")).await;
    assert_eq!((list.status, list.text()), (StatusCode::OK, ""));
    let latest = get(&empty, &format!("/goproxy/{ESCAPED}/@latest")).await;
    assert_eq!(latest.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn the_checksum_database_is_served_directly_and_through_the_proxy() {
    let fixture = Fixture::with(3);
    let router = fixture.router().await;
    for base in ["", "/sumdb", "/goproxy/sumdb/telemetry.example.org"] {
        let latest = get(&router, &format!("{base}/latest")).await;
        assert_ok(&latest, "text/plain; charset=utf-8", SECONDS);
        let origin = Protocol::Sumdb.origin(&fixture.keys.host);
        let tree = Checkpoint::open(&latest.body, &fixture.keys.sumdb, &origin).expect("signed");
        assert_eq!(tree.head().size.get(), 3);
        let lookup = get(&router, &format!("{base}/lookup/{ESCAPED}@v0.2.0")).await;
        assert_ok(&lookup, "text/plain; charset=utf-8", SECONDS);
        let lookup = Lookup::parse(lookup.text()).expect("a lookup");
        assert_eq!((lookup.index.get(), lookup.tree.as_str()), (1, latest.text()));
        let (zip, go_mod) = (module(2).zip_hash(), module(2).go_mod_hash());
        let record = format!("{MODULE} v0.2.0 {zip}\n{MODULE} v0.2.0/go.mod {go_mod}\n");
        assert_eq!(lookup.text, record);
        let tile = get(&router, &format!("{base}/tile/8/0/000.p/3")).await;
        assert_ok(&tile, "application/octet-stream", FOREVER);
        assert_eq!(tile.body.len(), 96);
        let data = get(&router, &format!("{base}/tile/8/data/000.p/3")).await;
        assert_ok(&data, "text/plain; charset=utf-8", FOREVER);
        assert_eq!(data.text().split("\n\n").nth(1), record.strip_suffix('\n'));
        for path in [
            "lookup/golang.org/x/text@v0.3.0",
            "lookup/telemetry.example.org/config@v0.2.0",
            "lookup/telemetry.example.org/!config@v0.4.0",
            "lookup/telemetry.example.org/!config@v1.0.0",
            "lookup/telemetry.example.org/!config@v0.2.0/go.mod",
            "tile/8/0/000.p/4",
            "tile/8/0/000",
            "tile/8/0/001.p/1",
            "tile/8/1/000.p/1",
            "tile/8/63/000",
            "tile/8/data/000",
            "elsewhere",
        ] {
            let answer = get(&router, &format!("{base}/{path}")).await;
            let refused = [StatusCode::NOT_FOUND, StatusCode::BAD_REQUEST];
            assert!(refused.contains(&answer.status), "{path}: {}", answer.status);
            assert_eq!(answer.header("cache-control"), "no-store", "{path}");
        }
    }
    for base in ["/sumdb", "/goproxy/sumdb/telemetry.example.org"] {
        let supported = get(&router, &format!("{base}/supported")).await;
        assert_eq!((supported.status, supported.body.len()), (StatusCode::OK, 0), "{base}");
    }
}

#[tokio::test]
async fn the_log_is_served_by_tlog_tiles() {
    let fixture = Fixture::with(3);
    let router = fixture.router().await;
    let checkpoint = get(&router, "/log/checkpoint").await;
    assert_ok(&checkpoint, "text/plain; charset=utf-8", SECONDS);
    let origin = Protocol::TlogTiles.origin(&fixture.keys.host);
    let tree = Checkpoint::open(&checkpoint.body, &fixture.keys.log, &origin).expect("signed");
    let entries = get(&router, "/log/tile/entries/000.p/3").await;
    assert_ok(&entries, "application/octet-stream", FOREVER);
    assert_eq!(root_of(&entries.body, 3), tree.head());
    let tile = get(&router, "/log/tile/0/000.p/3").await;
    assert_ok(&tile, "application/octet-stream", FOREVER);
}

#[tokio::test]
async fn every_partial_tile_of_every_older_tree_is_served_and_nothing_beyond_the_head() {
    let fixture = Fixture::with(300);
    let router = fixture.router().await;
    let full = get(&router, "/log/tile/0/000").await.body;
    let entries = get(&router, "/log/tile/entries/000").await.body;
    let data = get(&router, "/sumdb/tile/8/data/000").await;
    assert_eq!((full.len(), data.text().matches("\n\n").count()), (8192, 256));
    assert_eq!(root_of(&entries, 256).size.get(), 256);
    // No object of these widths was ever stored: they are cut from the full ones.
    for width in 1..256 {
        let tile = get(&router, &format!("/log/tile/0/000.p/{width}")).await;
        assert_eq!(tile.body, full[..width * 32], "{width}");
        let part = get(&router, &format!("/log/tile/entries/000.p/{width}")).await;
        assert!(entries.starts_with(&part.body));
        assert_eq!(root_of(&part.body, width).size.get(), width as u64);
        let part = get(&router, &format!("/sumdb/tile/8/data/000.p/{width}")).await;
        assert!(data.text().starts_with(part.text()));
        assert_eq!(part.text().matches("\n\n").count(), width);
    }
    assert_eq!(get(&router, "/log/tile/1/000.p/1").await.body.len(), 32);
    for (path, status) in [
        ("tile/0/001.p/44", StatusCode::OK),
        ("tile/0/001.p/43", StatusCode::OK),
        ("tile/0/001.p/45", StatusCode::NOT_FOUND),
        ("tile/0/001", StatusCode::NOT_FOUND),
        ("tile/0/002.p/1", StatusCode::NOT_FOUND),
        ("tile/1/000.p/2", StatusCode::NOT_FOUND),
        ("tile/1/000", StatusCode::NOT_FOUND),
        ("tile/2/000.p/1", StatusCode::NOT_FOUND),
        ("tile/entries/001.p/44", StatusCode::OK),
        ("tile/entries/001.p/45", StatusCode::NOT_FOUND),
        ("tile/entries/001", StatusCode::NOT_FOUND),
    ] {
        assert_eq!(get(&router, &format!("/log/{path}")).await.status, status, "{path}");
    }
}

#[tokio::test]
async fn what_a_client_has_cached_is_not_sent_again() {
    let router = Fixture::with(3).router().await;
    for path in [
        "/".into(),
        "/log/checkpoint".into(),
        "/log/tile/0/000.p/3".into(),
        "/log/tile/entries/000.p/3".into(),
        "/sumdb/latest".into(),
        format!("/sumdb/lookup/{ESCAPED}@v0.1.0"),
        format!("/goproxy/{ESCAPED}/@v/list"),
        format!("/goproxy/{ESCAPED}/@v/v0.1.0.zip"),
    ] {
        let first = get(&router, &path).await;
        let tag = first.header("etag");
        let again = ask(&router, Method::GET, &path, &[("if-none-match", tag)]).await;
        assert_eq!(again.status, StatusCode::NOT_MODIFIED, "{path}");
        assert!(again.body.is_empty());
        assert_eq!(again.header("etag"), tag);
        assert_eq!(again.header("cache-control"), first.header("cache-control"));
        let head = ask(&router, Method::HEAD, &path, &[]).await;
        assert_eq!((head.status, head.body.len()), (StatusCode::OK, 0), "{path}");
        assert_eq!(head.header("etag"), tag);
        assert_eq!(head.header("content-length"), first.body.len().to_string(), "{path}");
        let post = ask(&router, Method::POST, &path, &[]).await;
        assert_eq!(post.status, StatusCode::METHOD_NOT_ALLOWED);
    }
}

#[tokio::test]
async fn text_and_zips_are_compressed_for_clients_that_accept_it() {
    let router = Fixture::with(200).router().await;
    for path in [
        format!("/goproxy/{ESCAPED}/@v/list"),
        format!("/goproxy/{ESCAPED}/@v/v0.1.0.zip"),
        "/log/tile/entries/000.p/200".into(),
        "/sumdb/tile/8/data/000.p/200".into(),
    ] {
        let plain = get(&router, &path).await;
        let packed = ask(&router, Method::GET, &path, &[("accept-encoding", "gzip")]).await;
        assert_eq!(packed.header("content-encoding"), "gzip", "{path}");
        assert_eq!(packed.header("vary"), "accept-encoding");
        assert_ne!(packed.header("etag"), plain.header("etag"));
        assert!(packed.body.len() < plain.body.len());
        let mut unpacked = Vec::new();
        GzDecoder::new(&packed.body[..]).read_to_end(&mut unpacked).expect("gzip");
        assert_eq!(unpacked, plain.body);
    }
    let hashes =
        ask(&router, Method::GET, "/log/tile/0/000.p/200", &[("accept-encoding", "gzip")]).await;
    assert_eq!(hashes.header("content-encoding"), "");
}

#[tokio::test]
async fn the_front_page_says_what_is_here() {
    let fixture = Fixture::with(2);
    let page = get(&fixture.router().await, "/").await;
    assert_ok(&page, "text/html; charset=utf-8", SECONDS);
    for part in [MODULE, "v0.2.0", &fixture.keys.log.to_string(), &fixture.keys.sumdb.to_string()] {
        assert!(page.text().contains(part), "{part}");
    }
    let empty = get(&Fixture::new().router().await, "/").await;
    assert!(empty.text().contains("none yet"));
}

#[tokio::test]
async fn a_server_without_a_receiver_asks_clients_to_try_again() {
    let router = Fixture::with(1).router().await;
    for path in ["/upload/2026-02-08", "/upload//2026-02-08"] {
        let answer =
            ask(&router, Method::POST, path, &[("content-type", "application/json")]).await;
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(answer.header("retry-after"), "60");
        assert_eq!(answer.text(), "no reports are accepted at the moment; send it again later\n");
    }
}

#[tokio::test]
async fn below_a_base_path_every_address_begins_with_it() {
    let site = Fixture::with(3).site().await;
    site.set_base_path("/a/telemetry".parse().expect("a base path"));
    let router = router(site, None);
    let (mut seen, mut next) = (BTreeSet::new(), vec!["/a/telemetry/".to_owned()]);
    while let Some(address) = next.pop() {
        let path = address.split('#').next().unwrap_or_default().to_owned();
        if !seen.insert(path.clone()) || path.contains("/find?") {
            continue;
        }
        let answer = get(&router, &path).await;
        if answer.status.is_redirection() {
            next.push(answer.header("location").to_owned());
        } else {
            assert_eq!(answer.status, StatusCode::OK, "{path}");
        }
        if !answer.header("content-type").starts_with("text/html") {
            continue;
        }
        let html = answer.text();
        for name in ["href", "src", "action", "data-log", "data-zip", "data-json"] {
            let start = format!(" {name}=\"");
            let values = html.split(&*start).skip(1);
            let values = values.map(|rest| rest.split('"').next().unwrap_or_default());
            for value in values.filter(|value| value.starts_with('/')) {
                assert!(value.starts_with("/a/telemetry/"), "{path}: {value}");
                // A form's address needs what is asked for.
                if name != "action" {
                    next.push(value.replace("&amp;", "&"));
                }
            }
        }
    }
    assert!(seen.len() > 20 && seen.contains("/a/telemetry/log/entry/2"), "{seen:?}");

    // Absolute addresses.
    let host = "https://telemetry.example.org/a/telemetry";
    for (path, part) in [
        ("/sitemap.xml", format!("<loc>{host}/charts/</loc>")),
        (
            "/robots.txt",
            "Disallow: /a/telemetry/upload/\nDisallow: /a/telemetry/witness/".to_owned(),
        ),
        ("/robots.txt", format!("Sitemap: {host}/sitemap.xml")),
        ("/config/atom.xml", format!("href=\"{host}/config/\"")),
        ("/", format!("GOPROXY={host}/goproxy")),
        ("/check", format!("candor audit {host}")),
    ] {
        let answer = get(&router, &format!("/a/telemetry{path}")).await;
        assert!(answer.text().contains(&part), "{path}: {part}: {}", answer.text());
    }
    // Redirects, and what is outside.
    let moved = get(&router, "/a/telemetry/charts").await;
    assert_eq!(moved.header("location"), "/a/telemetry/charts/");
    for outside in ["/", "/charts/", "/a/", "/a/telemetryx/", "/log/checkpoint"] {
        let answer = get(&router, outside).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{outside}");
        assert!(
            answer.text().contains("see /a/telemetry/ for what is served"),
            "{}",
            answer.text()
        );
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
    }
    let page = ask(&router, Method::GET, "/x", &[("accept", "text/html")]).await;
    assert!(page.text().contains(" href=\"/a/telemetry/charts/\""), "{}", page.text());
}
