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
//! 5. [`Journal`]: the public row is appended to the open segment with all others that wait, and synced
//!    once for all. A report that was seen is not stored again. Only then: 200.
//! 6. The segment is sealed: shuffled, without what told its reports apart. A merge takes it into the
//!    public data, and has it removed.
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
//! | `folder` | which files there are |
//! | [`segment_id`](SegmentId) | what a segment is called |
//! | `framing` | how records lie in segment files |
//! | `segment` | the one segment that is appended to |
//! | `seen` | which reports were stored, by day |
//! | `shuffle` | random order |
//! | `sealing` | from the open segment to a sealed one |
//! | [`sealed`](sealed_segments) | reading sealed segments |
//! | [`segment_list`](listed_segments) | which segments there are, so that one that is missing is missed |
//! | [`requests`](ask_to_seal) | what a merge asks of the receiver |
//! | [`journal`](Journal), `writer` | many waiters, one sync; each report once |
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
//! Nothing here logs a word of a report. No exact X, no LastWeek and no time of arrival is ever written to
//! a disk.
//!
//! Before it is sealed, an open segment has reports in their order of arrival, for an hour at most
//! ([`Limits::age`]), and beside each its identity. A file system adds times: that a file was made,
//! changed or renamed then. So whoever has both the disk and a proxy's log of addresses and times can
//! tell, before the merge, that the reports of a sealed segment came between two times an hour or less
//! apart, in some order, and of an open one in which order; where a segment has a single report, that is
//! that report. With the merge these files are gone, and what was in them lies among all reports of the
//! day. What a disk keeps of files that were removed is beyond this program.

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
    Admission, AdmissionSettings, AdmissionState, Budgets, ChosenBudgets, Expected, FreeSpace,
    Peer, TrustedProxies, TrustedProxy, TrustedProxyError, expected_reports,
};
pub use check::{CheckedReport, NotTaken, check, oldest_week};
pub use clock::{Clock, ClockState, KnownTime, SystemClock};
pub use configs::{ConfigSet, ConfigSetError};
pub use door::{Answer, FrontDoor, FrontDoorError, UploadCounts};
pub use entrance::{Entrance, UploadState};
#[cfg(any(test, feature = "testing"))]
pub use http::router;
pub use http::router_with;
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
