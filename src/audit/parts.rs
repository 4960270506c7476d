//! A file about all charts of a program, which is served in parts: each but the last links to the next.

use super::fetch::{FetchError, Remote};
use super::served_charts::LARGEST;
use serde_json::{Map, Value};
use std::collections::HashSet;

/// The whole file, without links; `None` if the server says that there is nothing. However many parts a server
/// makes of it, they are at most [`LARGEST`] bytes together.
pub(super) fn joined(remote: &Remote<'_>, path: &str) -> Result<Option<Value>, FetchError> {
    let mut left = LARGEST;
    let Some(mut whole) = part(remote, path, &mut left)? else { return Ok(None) };
    let mut next = whole.remove("next");
    let mut charts = charts_of(&mut whole);
    let mut seen: HashSet<String> = charts.iter().filter_map(id).collect();
    while let Some(address) = next {
        let wrong = |what: &str| {
            let url = remote.url(path);
            Err(FetchError::Wrong(format!("{url} links to another part, {address}, {what}")))
        };
        let Some((_, query)) = address.as_str().and_then(|address| address.split_once('?')) else {
            return wrong("which is no address of one");
        };
        let path = format!("{path}?{query}");
        let Some(mut more) = part(remote, &path, &mut left)? else {
            return Err(remote.withheld(&path));
        };
        next = more.remove("next");
        let added = charts_of(&mut more);
        if added.is_empty() {
            return wrong("which has no charts");
        }
        if more != whole {
            return wrong("which describes another week or edition");
        }
        if added.iter().filter_map(id).any(|id| !seen.insert(id)) {
            return wrong("which has charts that were in one before");
        }
        charts.extend(added);
    }
    whole.insert("charts".to_owned(), Value::Array(charts));
    Ok(Some(Value::Object(whole)))
}

fn id(chart: &Value) -> Option<String> {
    Some(chart.get("id")?.as_str()?.to_owned())
}

fn part(
    remote: &Remote<'_>,
    path: &str,
    left: &mut usize,
) -> Result<Option<Map<String, Value>>, FetchError> {
    let Some(bytes) = remote.find(path, *left)? else { return Ok(None) };
    *left = left.saturating_sub(bytes.len());
    serde_json::from_slice(&bytes)
        .map(Some)
        .map_err(|error| FetchError::Wrong(format!("{}: {error}", remote.url(path))))
}

fn charts_of(part: &mut Map<String, Value>) -> Vec<Value> {
    match part.remove("charts") {
        Some(Value::Array(charts)) => charts,
        _ => Vec::new(),
    }
}
