//! What the server counts about itself: requests by part of the site and by status.
//!
//! Nothing about clients: no address, no path, no user agent, and no time of any one request. The
//! format is Prometheus' text (<https://prometheus.io/docs/instrumenting/exposition_formats/>).

use crate::ingest::UploadCounts;
use axum::http::StatusCode;
use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// The parts of the site, by the first element of the path.
const PARTS: [&str; 7] = ["goproxy", "sumdb", "log", "upload", "data", "pages", "other"];
/// The statuses that are counted apart; any other is counted as 0.
const STATUSES: [u16; 12] = [200, 206, 303, 304, 400, 404, 405, 414, 416, 500, 503, 0];

/// Counts since the server started.
#[derive(Debug, Default)]
pub(super) struct Metrics {
    requests: [[AtomicU64; STATUSES.len()]; PARTS.len()],
}

impl Metrics {
    /// Counts an answer to a request for `path`.
    pub(super) fn count(&self, path: &str, status: StatusCode) {
        let part = match path.split('/').nth(1) {
            Some("goproxy") => "goproxy",
            Some("sumdb" | "latest" | "lookup" | "tile") => "sumdb",
            Some("log") => "log",
            Some("upload") => "upload",
            Some("data") => "data",
            Some("" | "charts" | "config" | "privacy") => "pages",
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

    /// The counts as text, with the size of the log that is shown.
    pub(super) fn render(&self, log_size: u64, uploads: Option<UploadCounts>) -> String {
        let mut text = String::from(
            "# HELP candor_log_size Entries of the log that is shown.\n\
             # TYPE candor_log_size gauge\n",
        );
        // Writing to a String cannot fail.
        let _ = writeln!(text, "candor_log_size {log_size}");
        text += "# HELP candor_requests_total Requests answered, by part of the site and status; \
                 status 0 is any other.\n\
                 # TYPE candor_requests_total counter\n";
        for (row, part) in self.requests.iter().zip(PARTS) {
            for (cell, status) in row.iter().zip(STATUSES) {
                let count = cell.load(Relaxed);
                if count > 0 {
                    let labels = format!("part=\"{part}\",status=\"{status}\"");
                    let _ = writeln!(text, "candor_requests_total{{{labels}}} {count}");
                }
            }
        }
        if let Some(uploads) = uploads {
            text += "# HELP candor_uploads_total Uploads, by what came of them.\n\
                     # TYPE candor_uploads_total counter\n";
            for (answer, count) in [
                ("stored", uploads.stored),
                ("duplicate", uploads.duplicates),
                ("refused", uploads.refused),
                ("unavailable", uploads.unavailable),
            ] {
                let _ = writeln!(text, "candor_uploads_total{{answer=\"{answer}\"}} {count}");
            }
        }
        text
    }
}
