//! The front door: check every report against the exact config it names, and store it durably.
//!
//! # The life of a report
//!
//! 1. `http`: `POST /upload/DATE`, slashes doubled or not. [`Admission`] says whether there is a budget
//!    for it; where there is none, the answer is 503. The body is read, within limits (`body`),
//!    and a [`QueuePermit`] is taken once it is there; where there is none, the answer is 503 at once.
//!    From here on only the date, the content type and the body exist.
//! 2. [`Report::decode`]: the body is read strictly, into types that cannot be wrong.
//! 3. [`ConfigSet`]: the config of the version that the report names, which the log holds for ever.
//!    A report made under an old config is as welcome as any other, until 56 days after a newer one
//!    was published; no honest report comes later.
//! 4. [`check()`]: every string and number against that config. What is wrong is a [`Refusal`], 400,
//!    one sentence; what time may cure is [`Unavailable`], 503, one sentence; what honest clients
//!    cannot know is left out. What is right is a [`CheckedReport`], written anew from what was
//!    understood.
//! 5. [`Journal`]: appended to a segment file with all others that wait, and synced once for all. A
//!    report that is there already is not stored again. Only then: 200.
//!
//! | file | one idea |
//! | --- | --- |
//! | [`admission`](Admission) | who may upload now: budgets, in memory alone |
//! | [`report`](Report) | a report's JSON, read strictly, written in one form |
//! | `excerpt` | text from outside, made fit for an answer |
//! | [`refusal`](Refusal) | why a report is never taken |
//! | [`unavailable`](Unavailable) | why a report is not taken now |
//! | [`clock`](ClockState) | whether this server's own clock is right |
//! | [`configs`](ConfigSet) | the logged configs, ready for questions |
//! | `definitions` | which of them are revoked, and whose functions their stacks may name |
//! | [`logged_config`](LoggedConfig) | one of them: what it allows, and until when |
//! | [`check`](check()) | what is right under a config |
//! | `record` | how reports lie in a segment file |
//! | `folder` | which segment files there are |
//! | `segment` | the one segment that is appended to |
//! | [`segment_list`](listed_segments) | which segments there were, so that one that is missing is missed |
//! | [`journal`](Journal) | many waiters, one sync; each report once |
//! | [`stored`](stored_reports) | reading back what was stored |
//! | [`unread`](segment_files) | reading on where the last reading ended |
//! | [`door`](FrontDoor) | all of it together |
//! | `entrance` | the receiver of a server's uploads, or why there is none |
//! | [`keep_open`](keep_open()) | a receiver that is opened again whenever it has ended |
//! | [`http`](router) | its wire |
//!
//! # Privacy
//!
//! Whom a connection is from reaches [`Admission`] alone, which keeps a keyed hash of the sender's
//! network in memory, for an hour, and writes nothing of it anywhere. No header but the content type, and
//! those in which a proxy that the operator named says whom a request is from, reaches any of these.
//! Nothing here logs a word of a report, and no time of arrival is stored.

mod admission;
mod check;
mod clock;
mod configs;
mod definitions;
mod door;
mod entrance;
mod excerpt;
mod folder;
mod framing;
mod http;
mod journal;
mod keep_open;
mod logged_config;
#[cfg(test)]
mod open_tests;
#[cfg(test)]
pub(crate) mod power_cut;
mod read_error;
mod refusal;
mod report;
mod requests;
mod sealed;
mod sealing;
mod seen;
mod segment;
mod segment_id;
mod segment_list;
mod shuffle;
#[cfg(test)]
mod testing;
mod unavailable;
mod writer;

pub use admission::{
    Admission, AdmissionSettings, AdmissionState, Budgets, ChosenBudgets, FreeSpace, Peer,
    TrustedProxies, TrustedProxy, TrustedProxyError, expected_reports,
};
pub use check::{CheckedReport, NotTaken, check, oldest_week};
pub use clock::{Clock, ClockState, KnownTime, SystemClock};
pub use configs::{ConfigSet, ConfigSetError};
pub use door::{Answer, FrontDoor, FrontDoorError, UploadCounts};
pub use entrance::{Entrance, UploadState};
pub use http::{router, router_with};
pub use journal::{
    Busy, Journal, JournalError, JournalState, Limits, NotStored, QueuePermit, Stored,
};
pub use keep_open::keep_open;
pub use logged_config::LoggedConfig;
pub use read_error::ReadError;
pub use refusal::{Refusal, Timed, What};
pub use report::{Count, Counts, DecodeError, ProgramReport, Report, X, parse_date};
pub use requests::{Sealed, ask_to_seal, remove_merged};
#[cfg(test)]
#[allow(unused_imports)]
pub(crate) use sealed::encode as encode_sealed;
pub use sealed::{SealedFile, SealedRows, sealed_file_name, sealed_segments};
pub use segment_id::{SegmentId, SegmentIdError};
pub use segment_list::{ListedSegments, SealedSegment, listed_segments};
pub use unavailable::Unavailable;

/// The largest body of an upload, in bytes. The reports of Go's clients have some thousand.
pub const MAX_BODY: usize = 256 << 10;
/// How long ago the week of a report may have ended, in days.
pub const MAX_WEEK_AGE: i32 = 28;
// A client goes on using a config for 28 days: no report that it makes under it comes too late.
const _: () = assert!(crate::publish::OPEN_DAYS >= 28 + MAX_WEEK_AGE);

/// How far a client's clock may be ahead of ours, in seconds.
pub const CLOCK_TOLERANCE: i64 = 3600;
/// How far ahead a week may end for its report to be asked to come again rather than refused, in
/// days: a client whose clock is further ahead than a week is not waited for.
pub const MAX_WEEK_AHEAD: i32 = 7;
/// How many versions a client's config may be ahead of the newest one here for its report to be asked
/// to come again rather than refused: more than are published in the 28 days for which a report can
/// come again at all.
pub const MAX_CONFIGS_AHEAD: u64 = 100;
