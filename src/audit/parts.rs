//! A file about all charts or counters of a program, which is served in parts: each but the last links to the next.

use super::fetch::{FetchError, Remote};
use super::served_charts::LARGEST;
use serde_json::{Map, Value};
use std::collections::HashSet;

/// What a file lists: the member that has it, what identifies each in it, and what each part has of its own besides,
/// which is left out.
#[derive(Debug, Clone, Copy)]
pub(super) struct Listed {
    member: &'static str,
    id: &'static str,
    besides: &'static [&'static str],
}

pub(super) const CHARTS: Listed = Listed { member: "charts", id: "id", besides: &[] };
pub(super) const COUNTERS: Listed = Listed { member: "counters", id: "name", besides: &["charts"] };

/// The whole file, without links; `None` if the server says that there is nothing. However many parts a server
/// makes of it, they are at most [`LARGEST`] bytes together.
pub(super) fn joined(
    remote: &Remote<'_>,
    path: &str,
    listed: Listed,
) -> Result<Option<Value>, FetchError> {
    let mut left = LARGEST;
    let Some(mut whole) = part(remote, path, &mut left)? else { return Ok(None) };
    let mut next = whole.remove("next");
    let mut all = listed.of(&mut whole);
    let mut seen: HashSet<String> = all.iter().filter_map(|one| listed.id_of(one)).collect();
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
        let added = listed.of(&mut more);
        if added.is_empty() {
            return wrong(&format!("which has no {}", listed.member));
        }
        if more != whole {
            return wrong("which is about something else");
        }
        if added.iter().filter_map(|one| listed.id_of(one)).any(|id| !seen.insert(id)) {
            return wrong(&format!("which has {} that were in one before", listed.member));
        }
        all.extend(added);
    }
    whole.insert(listed.member.to_owned(), Value::Array(all));
    Ok(Some(Value::Object(whole)))
}

impl Listed {
    /// What a part has of it.
    fn of(self, part: &mut Map<String, Value>) -> Vec<Value> {
        for member in self.besides {
            part.remove(*member);
        }
        match part.remove(self.member) {
            Some(Value::Array(all)) => all,
            _ => Vec::new(),
        }
    }

    fn id_of(self, one: &Value) -> Option<String> {
        Some(one.get(self.id)?.as_str()?.to_owned())
    }
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
