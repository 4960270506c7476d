//! Receiving reports: check every report against the config that it names, and store it durably.
//!
//! # The life of a report
//!
//! 1. `http`: `POST /upload/DATE`; doubled slashes are fine. [`Admission`] says whether there is budget
//!    left for it; if not, the answer is 503. The body is read, within limits (`body`), and then a
//!    [`QueuePermit`] is taken; if the queue is full, the answer is 503 at once. From here on only the
//!    date, the content type and the body exist.
//! 2. [`Report::decode`]: the body is parsed strictly, into types that cannot hold a malformed report.
//! 3. [`ConfigSet`]: finds the config that the report names; the log keeps every version. A report
//!    made under an old config is as welcome as any other until 56 days after a newer one was
//!    published; no honest report comes later.
//! 4. [`check()`]: checks every string and number against that config. What is wrong is a [`Refusal`]:
//!    400 and one sentence. What time may fix is [`Unavailable`]: 503 and one sentence. What an honest
//!    client cannot know is left out. The rest becomes a [`CheckedReport`], written from the parsed
//!    values rather than copied from the body.
//! 5. [`Journal`]: appends the public row to the open segment, together with all others that wait, and
//!    syncs once for all of them. A report that was seen before is not stored again. Only then: 200.
//! 6. The segment is sealed: shuffled, and stripped of the reports' identities. A merge adds it to the
//!    public data and has it removed.
//!
//! | file | one idea |
//! | --- | --- |
//! | [`admission`](Admission) | who may upload now: budgets, kept in memory only |
//! | `http` | the HTTP interface |
//! | [`receiver`](Receiver) | configs, clock and journal together |
//! | [`receiver_slot`](ReceiverSlot) | the server's receiver, or the reason why there is none |
//! | [`keep_open`](keep_open()) | opens the receiver again whenever it has ended |
//! | [`report`](Report) | a report: strict parsing, canonical form |
//! | [`check`](check()) | what a config allows |
//! | [`refusal`](Refusal) | why a report is never accepted |
//! | [`unavailable`](Unavailable) | why a report is not accepted now |
//! | [`configs`](ConfigSet) | the logged configs, indexed once they are named |
//! | [`logged_config`](LoggedConfig) | one of them: what it allows, and until when |
//! | `definitions` | which configs are revoked, and whose functions their stacks may name |
//! | [`clock`](ClockState) | whether this server's own clock is right |
//! | [`journal`](Journal) | the queue of reports, and the thread that stores them |
//! | `writer` | that thread: one sync for many reports, each report stored once |
//! | [`buffer`](Buffer) | where accepted reports wait for a merge: in a folder, or in the store |
//! | `batches` | accepted reports in a store that several machines share |
//! | `store_writer` | the thread that puts them there |
//! | [`identity`](Identity) | by what a report is known that is sent again |
//! | [`queue`](QueuePermit) | a queued report: its permit and its answer |
//! | [`limits`](Limits) | how much the journal holds |
//! | `disk_errors` | what the disk or the store refused |
//! | [`journal_error`](JournalError) | why the reports folder cannot be opened |
//! | `folder` | the files in the reports folder |
//! | `seen` | which reports are stored already, by day |
//! | [`segment_id`](SegmentId) | the name of a segment |
//! | `framing` | the record format of segment files |
//! | `segment` | the open segment, which is appended to |
//! | `sealing` | turns an open segment into a sealed one |
//! | `shuffle` | random order |
//! | [`sealed`](sealed_segments) | reads sealed segments |
//! | [`segment_list`](listed_segments) | lists all segments, so that a missing one is noticed |
//! | [`read_error`](ReadError) | what could not be read of the reports folder |
//! | `requests` | the files by which a merge asks something of the receiver |
//! | [`merge_requests`](ask_to_seal) | the merge's side: asks the receiver, or does it where none runs |
//!
//! # Privacy
//!
//! A sender's address reaches [`Admission`] alone, which keeps a keyed hash of the sender's network in
//! memory for an hour and writes nothing of it anywhere. No header reaches this module except the
//! content type and encoding, and the headers in which a proxy that the operator named says who sent a
//! request. Nothing here logs any content of a report. The exact X, LastWeek and the time of arrival
//! are never written to disk.
//!
//! Until it is sealed, an open segment holds reports in their order of arrival, for an hour at most
//! ([`Limits::age`]), each with its identity. The file system adds the times at which a file was
//! created, changed or renamed. So whoever has both the disk and a proxy's log of addresses and times
//! can tell, before the merge, that the reports of a sealed segment arrived between two times an hour
//! or less apart, in some order, and those of an open one in which order; if a segment has a single
//! report, it is that report. The merge removes these files, and their reports are then among all
//! others of the day. What a disk keeps of removed files is beyond this program.
//!
//! Where the store has the buffer, the same holds of its objects: the store knows when each batch was put, and a
//! batch has the reports of some 20 ms, in random order. Once an hour batches are combined. Their rows have identities
//! until the merge, which tell nobody more who does not know a whole report, with its exact X.

mod admission;
mod batches;
mod buffer;
mod check;
mod clock;
mod configs;
mod definitions;
mod disk_errors;
mod folder;
mod framing;
mod http;
mod identity;
mod journal;
mod journal_error;
mod keep_open;
mod limits;
mod logged_config;
mod merge_requests;
#[cfg(test)]
mod open_tests;
#[cfg(test)]
pub(crate) mod power_cut;
mod queue;
mod read_error;
mod receiver;
mod receiver_slot;
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
mod store_writer;
#[cfg(test)]
pub(crate) mod testing;
mod unavailable;
mod writer;

pub use crate::collection::X;
pub use crate::report::{Count, Counts};
pub use admission::{
    Admission, AdmissionSettings, AdmissionState, Budgets, ChosenBudgets, Expected, FreeSpace,
    Peer, TrustedProxies, TrustedProxy, TrustedProxyError, expected_reports,
};
pub use batches::{Combined, FOLDER as UPLOADS, LargeBatches, combine_batches};
pub use buffer::Buffer;
pub use check::{CheckedReport, NotAccepted, check, oldest_week};
pub use clock::{Clock, ClockState, KnownTime, SystemClock};
pub use configs::{ConfigSet, ConfigSetError};
#[cfg(any(test, feature = "testing"))]
pub use http::router;
pub use http::router_with;
pub use identity::Identity;
pub use journal::{Journal, JournalState};
pub use journal_error::JournalError;
pub use keep_open::keep_open;
pub use limits::Limits;
pub use logged_config::LoggedConfig;
pub use merge_requests::{Sealed, ask_to_seal, remove_merged};
pub use queue::{NotStored, QueueFull, QueuePermit, Stored};
pub use read_error::ReadError;
pub use receiver::{Answer, Receiver, ReceiverError, UploadCounts};
pub use receiver_slot::{ReceiverSlot, UploadState};
pub use refusal::{Field, Refusal, Timed};
pub use report::{DecodeError, ProgramReport, Report};
#[cfg(test)]
#[allow(unused_imports)]
pub(crate) use sealed::encode as encode_sealed;
pub use sealed::{SealedFile, SealedRow, SealedRows, sealed_file_name, sealed_segments};
pub use segment_id::{SegmentId, SegmentIdError};
pub use segment_list::{ListedSegments, SealedSegment, listed_segments};
pub use unavailable::Unavailable;

/// The largest body of an upload, in bytes. Reports of Go's clients have a few thousand.
pub const MAX_BODY: usize = 256 << 10;
/// How long ago the week of a report may have ended, in days.
pub const MAX_WEEK_AGE: i32 = 28;
// A client keeps using a config for 28 days, so no report that it makes under it comes too late.
const _: () = assert!(crate::publish::OPEN_DAYS >= 28 + MAX_WEEK_AGE);

/// How far a client's clock may be ahead of ours, in seconds.
pub const CLOCK_TOLERANCE: i64 = 3600;
/// A report whose week ends at most this many days from now gets 503 rather than 400. A client whose
/// clock is further ahead is refused.
pub const MAX_WEEK_AHEAD: i32 = 7;
/// A report whose config is at most this many versions ahead of the newest one here gets 503 rather
/// than 400: more versions than are published in the 28 days during which a report can be sent again.
pub const MAX_CONFIGS_AHEAD: u64 = 100;
