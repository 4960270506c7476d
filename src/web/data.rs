//! `/data/days/NAME`, `/data/weeks/NAME` and `/data/index.json`: the public data itself; `SHA256SUMS` in each of
//! the two folders (`checksums`), and `@latest.ENDING` for the newest file of an ending.
//!
//! Files are streamed from the store as they are, in full or in part (`range`): engines that read
//! Parquet over HTTP ask for the footer first, and then for the columns they need. The entity tag is the
//! file's SHA-256. Compressed files are sent without `Content-Encoding`: the compressed file is what is
//! offered.

use super::address::Address;
use super::checksums;
use super::file_body::{CHUNK, FileBody};
use super::latest::{self, LATEST};
use super::range::{Wanted, wanted};
use super::refusal::Refusal;
use super::representation::{Content, Lifetime, is_known};
use super::server::Streamed;
use super::site::Site;
use crate::aggregate::index::{Dataset, FileFormat, Index, PublicFile};
use axum::body::Body;
use axum::extract::State;
use axum::http::header::{ACCEPT_RANGES, CACHE_CONTROL, CONTENT_RANGE, CONTENT_TYPE, ETAG};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::response::Response;
use std::collections::BTreeMap;
use std::io::{Seek, SeekFrom};

pub(super) async fn get(
    State(site): State<Site>,
    address: Address,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let path = address.below("/data/");
    let shown = site.index().await?;
    if path == "index.json" {
        let load = async move { Ok(shown.clone()) };
        let tag = site.index().await?.tag;
        let json = site.cached(format!("index.json {tag:x}"), Content::Json, load, |_, shown| {
            public_json(&shown.index)
        });
        return Ok(json.await?.respond(&headers, Lifetime::Seconds));
    }
    let in_folder = path.split_once('/');
    if let Some((folder, checksums::NAME)) = in_folder
        && let Some(list) = checksums::list(&shown.index, folder)
    {
        let key = format!("{path} {:x}", shown.tag);
        let made = site.cached(key, Content::Text, async { Ok(()) }, move |_, ()| list);
        return Ok(made.await?.respond(&headers, Lifetime::Seconds));
    }
    if let Some((folder, name)) = in_folder
        && let Some(ending) = name.strip_prefix(LATEST)
        && let Some(newest) = newest(&shown.index, folder, ending)
    {
        return Ok(latest::redirect(&format!("/data/{folder}/{newest}")));
    }
    let found = in_folder.and_then(|(kind, name)| find(&shown.index, kind, name));
    let Some((dataset, file)) = found else {
        return Err(Refusal::not_found("not found: /data/index.json lists all files"));
    };
    let etag = format!("\"{}\"", file.sha256);
    let mut response = Response::new(Body::empty());
    let tag = HeaderValue::try_from(&etag).map_err(|_| Refusal::damaged())?;
    let lifetime = if dataset.complete { Lifetime::Day } else { Lifetime::Minutes };
    let head = response.headers_mut();
    head.insert(CACHE_CONTROL, lifetime.header());
    if is_known(&headers, &tag) {
        head.insert(ETAG, tag);
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        return Ok(response);
    }
    head.insert(ETAG, tag);
    head.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    head.insert(CONTENT_TYPE, media_type(file.format));
    // Ranges are defined for GET only.
    let wanted = match method {
        Method::GET => wanted(&headers, file.bytes, &etag),
        _ => Wanted::Whole,
    };
    let (first, length) = match wanted {
        Wanted::Whole => (0, file.bytes),
        Wanted::Part { first, last } => {
            content_range(head, &format!("bytes {first}-{last}/{}", file.bytes))?;
            (first, last - first + 1)
        }
        Wanted::Nothing => {
            content_range(head, &format!("bytes */{}", file.bytes))?;
            head.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
            *response.status_mut() = StatusCode::RANGE_NOT_SATISFIABLE;
            return Ok(response);
        }
    };
    if matches!(wanted, Wanted::Part { .. }) {
        *response.status_mut() = StatusCode::PARTIAL_CONTENT;
    }
    let mut opened = site.public_file(file).await?;
    // This only moves the position; nothing is read.
    opened.seek(SeekFrom::Start(first)).map_err(|_| Refusal::damaged())?;
    *response.body_mut() = Body::new(FileBody::new(opened, length));
    response.extensions_mut().insert(Streamed(CHUNK));
    Ok(response)
}

/// The name of the newest file with this ending in a folder: of a dataset with reports that is complete, or if
/// there is none yet, of any with reports.
fn newest<'a>(index: &'a Index, folder: &str, ending: &str) -> Option<&'a str> {
    let newest_first: Vec<&Dataset> = match folder {
        "weeks" => index.weeks.values().rev().map(|week| &week.data).collect(),
        "days" => index.days.values().rev().collect(),
        _ => return None,
    };
    let with = |complete: bool| {
        let datasets = newest_first.iter().filter(|data| data.reports > 0);
        let mut files = datasets.filter(|data| data.complete || !complete).filter_map(|data| {
            let has =
                |file: &&PublicFile| ending.strip_prefix('.') == Some(file.format.extension());
            data.files.iter().find(has)
        });
        files.next().map(|file| file.name.as_str())
    };
    with(true).or_else(|| with(false))
}

/// A file in the index, and its dataset.
fn find<'a>(index: &'a Index, kind: &str, name: &str) -> Option<(&'a Dataset, &'a PublicFile)> {
    // The date in the file's name says where to look; the whole name must match there.
    let date = name.strip_prefix("week-").unwrap_or(name).get(..10)?.parse().ok()?;
    let dataset = match kind {
        "days" => index.days.get(&date)?,
        "weeks" => &index.weeks.get(&date)?.data,
        _ => return None,
    };
    dataset.files.iter().find(|file| file.name == name).map(|file| (dataset, file))
}

fn media_type(format: FileFormat) -> HeaderValue {
    HeaderValue::from_static(match format {
        FileFormat::NdjsonZstd => "application/zstd",
        FileFormat::NdjsonGzip => "application/gzip",
        FileFormat::Parquet => "application/vnd.apache.parquet",
    })
}

fn content_range(head: &mut HeaderMap, range: &str) -> Result<(), Refusal> {
    head.insert(CONTENT_RANGE, HeaderValue::try_from(range).map_err(|_| Refusal::damaged())?);
    Ok(())
}

/// The index without what only the next merge needs: the number of waiting reports would tell when they
/// arrived.
fn public_json(index: &Index) -> String {
    let index = Index {
        superseded: Vec::new(),
        segments: BTreeMap::new(),
        waiting: None,
        unshown: None,
        ..index.clone()
    };
    // None of these types can fail to serialise: keys are dates, numbers are integers.
    serde_json::to_string_pretty(&index).unwrap_or_default() + "\n"
}
