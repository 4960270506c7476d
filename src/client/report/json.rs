//! A report as Go's client writes it: `json.MarshalIndent(report, "", " ")` of
//! [`telemetry.Report`](https://pkg.go.dev/golang.org/x/telemetry/internal/telemetry#Report).
//!
//! ```text
//! {
//!  "Week": "2026-11-22",
//!  "LastWeek": "",
//!  "X": 0.25,
//!  "Programs": [
//!   {
//!    "Program": "example.org/tool",
//!    "Version": "v1.2.3",
//!    "GoVersion": "rust1.95.0",
//!    "GOOS": "linux",
//!    "GOARCH": "amd64",
//!    "Counters": {
//!     "tool/verb:build": 3
//!    },
//!    "Stacks": {}
//!   }
//!  ],
//!  "Config": "v0.7.0"
//! }
//! ```
//!
//! The format and its fields are in [`crate::report`]; counters and programs are sorted by name.
//!
//! [`LocalReport`] is the same for what stays on this machine. Until X is drawn, its `X` is 0, which is
//! not a valid X, and its `Config` is [`NO_CONFIG`].

use crate::collection::X;
use crate::collection::go_json;
use crate::day::Day;
use crate::gomod::ModuleVersion;
use crate::report;
use std::collections::BTreeMap;

/// The config version of a report that was made without a config, as Go's client writes it.
pub const NO_CONFIG: &str = "v0.0.0-0";

/// One machine's counts of one week, as they are sent. Its config is the version that it was filtered by, or
/// [`NO_CONFIG`].
pub type Report = report::Report<X, String, ProgramReport>;

/// What one build of one program counted.
pub type ProgramReport = report::ProgramReport<String, BTreeMap<String, i64>>;

/// A build of a program. Counter files of the same build are merged.
pub type Build = report::Build<String>;

/// [`LocalReport`] as it is written, from programs that are borrowed, and read.
type LocalJson<P> = report::Report<f64, String, P>;

/// Everything that one machine counted in one week, and how the week is sampled.
#[derive(Debug, Clone, PartialEq)]
pub struct LocalReport {
    /// The day on which the week ended.
    pub week: Day,
    /// The week of the last report that was sent before this one was made.
    pub last_week: Option<Day>,
    /// What each build of each program counted.
    pub programs: Vec<ProgramReport>,
    /// The week's X, once it is drawn. For a week that may not be sent, it never is.
    pub draw: Option<Draw>,
}

/// An X, and the config whose rates it is compared with, which was chosen before X was drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Draw {
    /// The random number.
    pub x: X,
    /// The version of the config.
    pub config: ModuleVersion,
}

impl Draw {
    /// The X and config of a report, if it has both.
    pub(super) fn of(x: Option<X>, config: &str) -> Option<Draw> {
        Some(Draw { x: x?, config: config.parse().ok()? })
    }
}

impl Report {
    /// The text that is stored and sent.
    pub fn to_json(&self) -> String {
        // These types always serialise: keys are strings, numbers are finite, and writing to memory
        // does not fail. A server would refuse an empty text.
        go_json::to_string_indented(self, " ").unwrap_or_default()
    }

    /// Reads a text that this machine wrote.
    ///
    /// # Errors
    ///
    /// The text is something else.
    pub fn from_json(json: &[u8]) -> Result<Report, serde_json::Error> {
        serde_json::from_slice(json)
    }
}

impl LocalReport {
    /// The text that is stored.
    pub fn to_json(&self) -> String {
        let (x, config) = match self.draw {
            Some(draw) => (draw.x.get(), draw.config.to_string()),
            None => (0.0, NO_CONFIG.to_owned()),
        };
        let (week, last_week, programs) = (self.week, self.last_week, self.programs.iter());
        let json = LocalJson { week, last_week, x, programs: programs.collect(), config };
        // Always serialises, like a report.
        go_json::to_string_indented(&json, " ").unwrap_or_default()
    }

    /// Reads a text that this machine wrote. An X that was drawn before a config was chosen is ignored.
    ///
    /// # Errors
    ///
    /// The text is something else.
    pub fn from_json(json: &[u8]) -> Result<LocalReport, serde_json::Error> {
        let LocalJson { week, last_week, x, programs, config } = serde_json::from_slice(json)?;
        Ok(LocalReport { week, last_week, programs, draw: Draw::of(X::new(x), &config) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_written_as_gos_client_writes_it() {
        // Printed by go1.26 for the same values.
        let text = "{\n \"Week\": \"2026-11-22\",\n \"LastWeek\": \"\",\n \"X\": 0.25,\n \
                    \"Programs\": [\n  {\n   \"Program\": \"example.org/tool\",\n   \"Version\": \
                    \"v1.2.3\",\n   \"GoVersion\": \"rust1.95.0\",\n   \"GOOS\": \"linux\",\n   \
                    \"GOARCH\": \"amd64\",\n   \"Counters\": {\n    \"tool/latency:\\u003c50ms\": \
                    3\n   },\n   \"Stacks\": {}\n  }\n ],\n \"Config\": \"v0.7.0\"\n}";
        let report = Report::from_json(text.as_bytes()).expect("a report");
        assert_eq!(report.programs[0].counters["tool/latency:<50ms"], 3);
        assert_eq!(report.to_json(), text);
        let empty = Report { programs: Vec::new(), last_week: Some(report.week), ..report };
        let json = empty.to_json();
        assert!(json.contains(" \"Programs\": null,\n"), "{json}");
        assert_eq!(Report::from_json(json.as_bytes()).expect("a report"), empty);
    }
    #[test]
    fn a_local_report_has_no_x_before_a_config_is_known() {
        let mut local = LocalReport {
            week: "2026-11-22".parse().expect("a day"),
            last_week: None,
            programs: Vec::new(),
            draw: None,
        };
        let json = local.to_json();
        assert!(json.contains("\"X\": 0,\n") && json.contains("\"v0.0.0-0\""), "{json}");
        assert_eq!(LocalReport::from_json(json.as_bytes()).expect("a report"), local);
        assert!(Report::from_json(json.as_bytes()).is_err(), "it cannot be sent");
        // Written by an installation that drew X first.
        let early = json.replace("\"X\": 0,", "\"X\": 0.5,");
        assert_eq!(LocalReport::from_json(early.as_bytes()).expect("a report"), local);
        local.draw = Draw::of(X::try_from(0.25).ok(), "v0.7.0");
        let json = local.to_json();
        assert!(json.contains("\"X\": 0.25,\n") && json.contains("\"v0.7.0\""), "{json}");
        assert_eq!(LocalReport::from_json(json.as_bytes()).expect("a report"), local);
    }
}
