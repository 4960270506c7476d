//! The public data over HTTP: whole, in part, unchanged, replaced and damaged.

use super::fixture::{Answer, Fixture, ask, get};
use crate::aggregate::PublicData;
use crate::aggregate::index::{
    ChartsFile, Dataset, FileFormat, PrivateFile, PublicFile, SegmentDays, Week,
};
use crate::ingest::SegmentId;
use crate::store::{Key, Store};
use axum::Router;
use axum::http::{Method, StatusCode};
use jiff::civil::{Date, date};
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;

const WEEK: Date = date(2026, 11, 15);

/// Bytes that do not repeat soon.
fn bytes(length: usize) -> Vec<u8> {
    (0..length).map(|at| (at * 31 + at / 251) as u8).collect()
}

fn public_file(store: &dyn Store, stem: &str, format: FileFormat, bytes: Vec<u8>) -> PublicFile {
    let sha256: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    let file = PublicFile {
        name: format!("{stem}.{}", format.extension()),
        format,
        bytes: bytes.len() as u64,
        sha256: sha256.clone(),
    };
    store.put(&[(Key::new(format!("public/{sha256}")).expect("a key"), bytes)]).expect("stored");
    file
}

/// A deployment with a week that is complete, and a day that is not.
pub fn fixture() -> Fixture {
    let fixture = Fixture::with(1);
    let store = fixture.store.clone();
    let file = |name: &str, format, length| public_file(&*store, name, format, bytes(length));
    let week = FileFormat::ALL.map(|format| file("week-2026-11-15", format, 1_000_000)).to_vec();
    let day = ["2026-11-15"; 2];
    let day = day.iter().zip([(FileFormat::NdjsonGzip, 10), (FileFormat::Parquet, 0)]);
    let day: Vec<_> = day.map(|(name, (format, length))| file(name, format, length)).collect();
    let data = |files, complete| Dataset {
        reports: 16_588,
        rows: 20_001,
        complete,
        files,
        ..Dataset::default()
    };
    let changed = PublicData::new(store.clone()).update(|index| {
        index.weeks.insert(WEEK, Week { data: data(week.clone(), true), charts: None });
        index.days.insert(WEEK, data(day.clone(), false));
        index.problems = vec!["2026-11-15.0.segment <b>: cut short".to_owned()];
        index.superseded = vec!["public/old".to_owned()];
        index.segments.insert(SegmentId::from_bytes([1; 16]), SegmentDays { from: WEEK, to: WEEK });
        let reports = [(WEEK, 3)].into();
        let private = PrivateFile { bytes: 1, sha256: "00".repeat(32), reports };
        (index.waiting, index.unshown) = (Some(private.clone()), Some(private));
        Ok::<_, crate::aggregate::PublicError>(())
    });
    changed.expect("an index");
    fixture
}

/// Adds a Parquet file to a week that has charts.
pub fn add_parquet(fixture: &Fixture, week: Date) {
    let store = fixture.store.clone();
    let file = public_file(&*store, &format!("week-{week}"), FileFormat::Parquet, b"PAR1".to_vec());
    let changed = PublicData::new(store).update(|index| {
        index.weeks.get_mut(&week).expect("the week").data.files.push(file.clone());
        Ok::<_, crate::aggregate::PublicError>(())
    });
    changed.expect("an index");
}

pub const PARQUET: &str = "/data/weeks/week-2026-11-15.parquet";

async fn part(router: &Router, range: &str) -> Answer {
    ask(router, Method::GET, PARQUET, &[("range", range)]).await
}

#[tokio::test]
async fn files_are_sent_whole() {
    let fixture = fixture();
    let router = fixture.router().await;
    let whole = get(&router, PARQUET).await;
    assert_eq!((whole.status, whole.body.len()), (StatusCode::OK, 1_000_000));
    assert_eq!(whole.body, bytes(1_000_000));
    assert_eq!(whole.header("content-type"), "application/vnd.apache.parquet");
    assert_eq!(whole.header("content-length"), "1000000");
    assert_eq!(whole.header("accept-ranges"), "bytes");
    assert_eq!(whole.header("cache-control"), "public, max-age=86400");
    assert_eq!(whole.header("etag").len(), 66);
    let head = ask(&router, Method::HEAD, PARQUET, &[("range", "bytes=0-9")]).await;
    assert_eq!((head.status, head.body.len()), (StatusCode::OK, 0));
    assert_eq!(head.header("content-length"), "1000000");
    let gzip = ask(
        &router,
        Method::GET,
        "/data/days/2026-11-15.ndjson.gz",
        &[("accept-encoding", "gzip")],
    );
    let gzip = gzip.await;
    assert_eq!(gzip.header("content-type"), "application/gzip");
    assert_eq!((gzip.header("content-encoding"), gzip.body.len()), ("", 10));
    assert_eq!(gzip.header("cache-control"), "public, max-age=300", "it may be replaced");
    let empty = get(&router, "/data/days/2026-11-15.parquet").await;
    assert_eq!((empty.status, empty.header("content-length")), (StatusCode::OK, "0"));
}

#[tokio::test]
async fn parts_are_sent_on_request() {
    let fixture = fixture();
    let router = fixture.router().await;
    let all = bytes(1_000_000);
    for (range, first, last) in [
        ("bytes=0-0", 0, 0),
        ("bytes=999992-", 999_992, 999_999),
        ("bytes=-8", 999_992, 999_999),
        ("bytes=262000-530000", 262_000, 530_000),
    ] {
        let answer = part(&router, range).await;
        assert_eq!(answer.status, StatusCode::PARTIAL_CONTENT, "{range}");
        assert_eq!(answer.header("content-range"), format!("bytes {first}-{last}/1000000"));
        assert_eq!(answer.header("content-length"), (last - first + 1).to_string());
        assert_eq!(answer.body, all[first..=last], "{range}");
    }
    let beyond = part(&router, "bytes=1000000-").await;
    assert_eq!(beyond.status, StatusCode::RANGE_NOT_SATISFIABLE);
    assert_eq!(beyond.header("content-range"), "bytes */1000000");
    for range in ["bytes=0-1,4-5", "bytes=x", "pages=1-2"] {
        assert_eq!(part(&router, range).await.body.len(), 1_000_000, "{range}");
    }
    let tag = get(&router, PARQUET).await.header("etag").to_owned();
    let conditional = async |tag: &str| {
        let headers = [("range", "bytes=0-1"), ("if-range", tag)];
        ask(&router, Method::GET, PARQUET, &headers).await.status
    };
    assert_eq!(conditional(&tag).await, StatusCode::PARTIAL_CONTENT);
    assert_eq!(conditional("\"older\"").await, StatusCode::OK);
    let known = ask(&router, Method::GET, PARQUET, &[("if-none-match", &tag)]).await;
    assert_eq!((known.status, known.body.len()), (StatusCode::NOT_MODIFIED, 0));
}

/// The names of all fields below a value; dates are not names of fields.
fn fields(value: &serde_json::Value, found: &mut BTreeSet<String>) {
    match value {
        serde_json::Value::Object(fields_of) => {
            for (name, value) in fields_of {
                let is_field = name.parse::<Date>().is_err();
                found.extend(is_field.then(|| name.clone()));
                fields(value, found);
            }
        }
        serde_json::Value::Array(values) => values.iter().for_each(|value| fields(value, found)),
        _ => {}
    }
}

#[tokio::test]
async fn the_page_explains_each_field_of_the_index_and_its_format() {
    let fixture = fixture();
    let changed = PublicData::new(fixture.store.clone()).update(|index| {
        let week = index.weeks.get_mut(&WEEK).expect("the week");
        let (sha256, made_from) = ("00".repeat(32), "00".repeat(32));
        week.charts = Some(ChartsFile { bytes: 1, sha256, made_from });
        Ok::<_, crate::aggregate::PublicError>(())
    });
    changed.expect("charts");
    let router = fixture.router().await;
    let index = get(&router, "/data/index.json").await;
    let index: serde_json::Value = serde_json::from_slice(&index.body).expect("JSON");
    let page = get(&router, "/data/").await;
    let page = page.text();
    let table = page.split("Fields of index.json").nth(1).expect("the table");
    let table = table.split("</table>").next().expect("its end");
    let words = table.split(|c: char| !c.is_alphanumeric() && c != '_');
    let words: BTreeSet<&str> = words.collect();
    let mut found = BTreeSet::new();
    fields(&index, &mut found);
    assert!(found.contains("made_from") && found.contains("edition"), "{found:?}");
    for field in &found {
        assert!(words.contains(field.as_str()), "{field} is not in the table: {table}");
    }
    let number = format!("the number of this format: {}<", index["format"]);
    assert!(table.contains(&number), "{number}");
    assert!(page.contains("if at least 10 reports came late"), "{page}");
}

#[tokio::test]
async fn only_what_the_index_names_is_served() {
    let fixture = fixture();
    let router = fixture.router().await;
    for path in [
        "weeks/2026-11-08.parquet",
        "weeks/2026-11-15.parquet",
        "weeks/week-2026-11-15.csv",
        "days/week-2026-11-15.parquet",
        "weeks/2026-11-15",
        "days/2026-11-15.ndjson.zst",
        "years/2026-11-15.parquet",
        "weeks/week-2026-11-15.parquet/",
        "2026-11-15.parquet",
        "public/index",
        "weeks/",
        "index",
    ] {
        let answer = get(&router, &format!("/data/{path}")).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
    }
    let index = get(&router, "/data/index.json").await;
    assert_eq!(index.header("content-type"), "application/json");
    let json: serde_json::Value = serde_json::from_slice(&index.body).expect("JSON");
    assert_eq!(json["format"], 3);
    assert_eq!(json["weeks"]["2026-11-15"]["data"]["files"][0]["bytes"], 1_000_000);
    for only_for_merges in ["superseded", "segments", "waiting", "unshown"] {
        assert!(json[only_for_merges].is_null(), "{only_for_merges} is nobody's business");
    }
}

#[tokio::test]
async fn a_damaged_file_is_never_sent() {
    let fixture = fixture();
    let mut damaged = fixture.store.snapshot();
    for (key, object) in &mut damaged.objects {
        if key.as_str().starts_with("public/") && object.len() == 1_000_000 {
            object[500_000] ^= 1;
        }
    }
    let good = fixture.store.snapshot();
    fixture.store.restore(&damaged);
    let router = fixture.router().await;
    assert_eq!(get(&router, PARQUET).await.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(part(&router, "bytes=0-9").await.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(get(&router, "/data/").await.status, StatusCode::OK);
    fixture.store.restore(&good);
    assert_eq!(get(&router, PARQUET).await.status, StatusCode::OK, "mended without a restart");
}

#[tokio::test]
async fn the_page_lists_files_columns_and_commands_that_read_them() {
    let fixture = fixture();
    let router = fixture.router().await;
    let page = get(&router, "/data/").await;
    for part in [
        "href=\"/data/weeks/week-2026-11-15.parquet\"",
        "href=\"/data/days/2026-11-15.ndjson.gz\"",
        "16,588",
        "1.00 MB",
        "<code>counters</code>",
        "https://telemetry.example.org/data/weeks/week-2026-11-15.parquet",
        "2026-11-15.0.segment &lt;b&gt;",
        "provisional",
        "<summary>1 day</summary>",
        "sha256sum --check",
    ] {
        assert!(page.text().contains(part), "{part}");
    }
    let here = ask(&router, Method::GET, "/data/", &[("host", "127.0.0.1:8080")]).await;
    assert!(here.text().contains("http://127.0.0.1:8080/data/weeks/week-2026-11-15.parquet"));
    // So does every other page with commands.
    for path in ["/", "/check"] {
        let here = ask(&router, Method::GET, path, &[("host", "127.0.0.1:8080")]).await;
        assert!(here.text().contains("GOPROXY=http://127.0.0.1:8080/goproxy"), "{path}");
    }
    assert_eq!(get(&router, "/data/?weeks-before=yesterday").await.status, StatusCode::BAD_REQUEST);
    let before = get(&router, "/data/?weeks-before=2026-11-15").await;
    assert!(before.text().contains("There are none yet"));
}
