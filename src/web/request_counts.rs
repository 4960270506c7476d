//! How many requests were answered, by part of the site and status.
//!
//! Nothing about clients is counted: no address, no path, no user agent, and no time of any one request.

use super::address;
use axum::http::StatusCode;
use jiff::Timestamp;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// The parts of the site, by the first element of the path.
const PARTS: [&str; 8] = ["goproxy", "sumdb", "log", "upload", "data", "witness", "pages", "other"];
/// The statuses that are counted separately; all others are counted as 0.
const STATUSES: [u16; 12] = [200, 206, 303, 304, 400, 404, 405, 414, 416, 500, 503, 0];

/// Counts since the server started.
#[derive(Debug)]
pub(super) struct RequestCounts {
    pub(super) started: Timestamp,
    requests: [[AtomicU64; STATUSES.len()]; PARTS.len()],
}

impl Default for RequestCounts {
    fn default() -> RequestCounts {
        RequestCounts { started: Timestamp::now(), requests: Default::default() }
    }
}

impl RequestCounts {
    /// Counts an answer to a request for `path`.
    pub(super) fn count(&self, path: &str, status: StatusCode) {
        let part = match address::first_element(path) {
            Some("goproxy") => "goproxy",
            Some("sumdb" | "latest" | "lookup" | "tile") => "sumdb",
            Some("log") => "log",
            Some("upload") => "upload",
            Some("data") => "data",
            Some("witness") => "witness",
            None | Some("charts" | "check" | "config" | "privacy") => "pages",
            _ => "other",
        };
        let row = self.requests.iter().zip(PARTS).find(|(_, name)| *name == part);
        let status = status.as_u16();
        let cell = row.and_then(|(row, _)| {
            let mut cells = row.iter().zip(STATUSES);
            cells.find(|(_, counted)| *counted == status || *counted == 0)
        });
        if let Some((cell, _)) = cell {
            cell.fetch_add(1, Relaxed);
        }
    }

    /// All counts, by part and status.
    pub(super) fn counts(&self) -> impl Iterator<Item = (&'static str, u16, u64)> {
        self.requests.iter().zip(PARTS).flat_map(|(row, part)| {
            let cells = row.iter().zip(STATUSES);
            cells.map(move |(cell, status)| (part, status, cell.load(Relaxed)))
        })
    }
}
