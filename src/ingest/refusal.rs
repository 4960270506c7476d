//! Why a report is refused: always one plain sentence, always status 400.
//!
//! One status for all, because a client can do only one thing: throw the report away. (Go's client
//! does that on any 4xx, and tries again on anything else that is not 200.) So what time may fix is
//! never here but in [`Unavailable`](super::Unavailable). A sentence quotes at most the beginning of
//! what was sent, escaped.

use super::report::DecodeError;
use super::{MAX_BODY, MAX_WEEK_AGE, MAX_WEEK_AHEAD};
use crate::collection::X;
use crate::collection::config::Rate;
use crate::day::Day;
use crate::gomod::ModuleVersion;
use crate::publish::OPEN_DAYS;
use crate::text::Excerpt;
use jiff::civil::Date;

/// Why a report is refused.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The path has no date.
    #[error("{} is not a date; reports are sent to /upload/ and the report's week, such as 2026-02-08", Excerpt(.0))]
    Address(String),
    /// The body is not declared as JSON.
    #[error("the content type of a report is application/json")]
    ContentType,
    /// The body is compressed, or otherwise encoded.
    #[error("the report has the Content-Encoding {}; send it as plain JSON, without that header", Excerpt(.0))]
    ContentEncoding(String),
    /// The body is over the limit.
    #[error("the report is larger than {MAX_BODY} bytes")]
    TooLarge,
    /// The body is not a report.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// The path and the report name different dates.
    #[error("the report is of the week {week}, but was sent to /upload/{date}")]
    OtherWeek {
        /// The report's.
        week: Day,
        /// The path's.
        date: Day,
    },
    /// The week ends long after now.
    #[error("the week {week} is more than {MAX_WEEK_AHEAD} days in the future")]
    Future {
        /// The report's week.
        week: Day,
    },
    /// The week ended too long ago.
    #[error("the week {week} is more than {MAX_WEEK_AGE} days old")]
    TooOld {
        /// The report's week.
        week: Day,
    },
    /// The log has no such version.
    #[error("config {version} is not in the log")]
    Config {
        /// The version that the report names.
        version: ModuleVersion,
    },
    /// A newer config was published too long ago.
    #[error(
        "reports under config {version} were accepted until {last_day}, {OPEN_DAYS} days after a \
         newer one was published"
    )]
    Closed {
        /// The version that the report names.
        version: ModuleVersion,
        /// The last day on which it would have been accepted.
        last_day: Date,
    },
    /// The config was revoked.
    #[error("config {version} was revoked, and reports under it are no longer accepted")]
    Revoked {
        /// The version that the report names.
        version: ModuleVersion,
    },
    /// X is above the sample rate.
    #[error("X is {x}, above the sample rate {rate} of config {config}", rate = .rate.get())]
    Sampled {
        /// The report's.
        x: X,
        /// The config's.
        rate: Rate,
        /// The config.
        config: ModuleVersion,
    },
    /// The config has no such program or toolchain.
    #[error("{field} {} is not in config {config}", Excerpt(.name))]
    Unknown {
        /// The field.
        field: Field,
        /// The string.
        name: String,
        /// The config.
        config: ModuleVersion,
    },
    /// The config has no such version, counter or stack of this program.
    #[error("{field} {} of program {} is not in config {config}", Excerpt(.name), Excerpt(.program))]
    UnknownInProgram {
        /// The field.
        field: Field,
        /// The string.
        name: String,
        /// The program.
        program: String,
        /// The config.
        config: ModuleVersion,
    },
    /// A counter should not have been sampled.
    #[error("{field} {} has the rate {rate}, and X is {x}", Excerpt(.name), rate = .rate.get())]
    Rate {
        /// A counter or a stack.
        field: Field,
        /// Its name.
        name: String,
        /// The config's.
        rate: Rate,
        /// The report's.
        x: X,
    },
    /// A stack counter has no stack.
    #[error("stack {} has no frames", Excerpt(.name))]
    NoFrames {
        /// Its name.
        name: String,
    },
    /// A build of a program is listed twice.
    #[error("program {} is listed twice with the same version, toolchain and platform", Excerpt(.program))]
    Twice {
        /// The program.
        program: String,
    },
}

impl Refusal {
    /// What was refused because of the date: at another time it might have been accepted.
    pub(super) fn timed(&self) -> Option<Timed> {
        match self {
            Refusal::Future { week } | Refusal::TooOld { week } => Some(Timed::Week(*week)),
            Refusal::Closed { version, .. } => Some(Timed::Config(*version)),
            _ => None,
        }
    }
}

/// What is only accepted for some time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Timed {
    /// A report's week.
    Week(Day),
    /// The config that a report names.
    Config(ModuleVersion),
}

impl std::fmt::Display for Timed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Timed::Week(week) => write!(f, "the week {week} is too old or in the future"),
            Timed::Config(version) => write!(f, "config {version} is closed"),
        }
    }
}

/// A field of a report that a config restricts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    /// A program's package path.
    Program,
    /// A program's version.
    Version,
    /// A toolchain.
    Toolchain,
    /// A counter.
    Counter,
    /// A stack counter's name.
    Stack,
}

impl std::fmt::Display for Field {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Field::Program => "program",
            Field::Version => "version",
            Field::Toolchain => "GoVersion",
            Field::Counter => "counter",
            Field::Stack => "stack",
        })
    }
}
