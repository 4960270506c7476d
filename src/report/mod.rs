//! A report: one machine's counts of one week. Its format, for those who write reports and those who read
//! them.
//!
//! The JSON is that of Go's clients
//! ([`telemetry.Report`](https://pkg.go.dev/golang.org/x/telemetry/internal/telemetry#Report)):
//!
//! ```text
//! {"Week":"2026-02-08","LastWeek":"2026-02-01","X":0.25,"Programs":[{
//!     "Program":"example.org/p","Version":"v1.2.0","GoVersion":"go1.26.8","GOOS":"linux",
//!     "GOARCH":"amd64","Counters":{"verb:run":3},"Stacks":{"crash/crash\nmain.main:+12":1}
//! }],"Config":"v0.7.0"}
//! ```
//!
//! It is read strictly: every field exactly once, no others, names spelled as here. Only `LastWeek` may be
//! absent, and `Programs` may be `null`, as Go writes an empty list. Counts are sorted by name, so that a
//! report has only one text.
//!
//! | file | one idea |
//! | --- | --- |
//! | `fields` | the fields of a report and of a program in it |
//! | `counts` | names with their counts |
//!
//! What differs between those who use it are the types of some fields. A client owns its strings, has counts
//! as its counters have them, and keeps weeks whose X is not drawn (`client::report`). The receiver borrows
//! from the body, and its types cannot hold a malformed report (`ingest`).

mod counts;
mod fields;

#[cfg(feature = "server")]
pub use counts::{Count, Counts};
pub use fields::{Build, ProgramReport, Report};
#[cfg(feature = "server")]
pub(crate) use fields::{OnlyObject, Text};
