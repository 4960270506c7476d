//! Reports: from counter files to what is sent, through the config and despite every interruption.
//!
//! [`start`](super::start()) has a process of its own do all of this once a day. A program may also do
//! it itself, and then waits for the network:
//!
//! ```no_run
//! use candor::client::folder::Folder;
//! use candor::client::{Destination, RunOptions, run_uploads};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let to = Destination::at(
//!     "https://telemetry.example.org",
//!     "telemetry.example.org/config",
//!     "telemetry.example.org/log+...",
//! )?;
//! run_uploads(&RunOptions::new(Folder::of("example.org/myprog")?, to))?;
//! # Ok(())
//! # }
//! ```
//!
//! # The life of a week
//!
//! 1. Its counter files end: the clock has passed the day that they name by some minutes.
//! 2. If the week may be sent ([`Hold`]), `DATE.pending` is written.
//! 3. All its counts are written to `local.DATE.json`, and the counter files are removed.
//! 4. If the week is pending, a verified config is chosen to sample it by ([`choose_config`]).
//! 5. X is drawn, and kept in `local.DATE.json` with the config's version.
//! 6. The local report is filtered by that config ([`filter()`]).
//! 7. The result, if there is any, becomes `DATE.json`, and `DATE.pending` is removed.
//! 8. `DATE.json` is sent.
//! 9. It is moved to the folder `upload`.
//!
//! # Interruptions
//!
//! Every step leaves one file, whole and durable, before the next begins (see `report_folder`); the
//! next run continues from there. If a run is killed
//!
//! - before `local.DATE.json` exists: the counter files are still there, and the next run starts over.
//!   It overwrites a stale `DATE.pending`.
//! - before the counter files are removed: the next run finds the report, and removes them.
//! - before `local.DATE.json` holds X: nobody has seen that X, and nothing was decided by it, so
//!   another may be drawn.
//! - before `DATE.json` exists: the X in `local.DATE.json` stays, and so does the config it was drawn
//!   under. If that config is no longer here, this very version is fetched again, in as many runs as
//!   that takes; X is not drawn again.
//! - before `DATE.pending` is removed: the next run removes it before it sends anything.
//! - between the server's answer and the move: the same bytes are sent again, and the server counts
//!   them once.
//!
//! # Several processes
//!
//! golang/telemetry (`internal/upload/Doc.txt`) lists what several processes may do to each other:
//! (1A) see different files of one week, (1B) make two reports of one week with different X, (1C)
//! send a report twice. Here one process at a time holds the lock, from listing the files to moving
//! the report; the others return at once. Go's other gap, a lock file left behind by a killed
//! process, is closed by using a lock of the operating system. Go's own clients do not know our
//! lock. If they work in the same folder, files are created by whichever is first and never
//! overwritten, so there is one X for a week; 1C remains, and is harmless.
//!
//! What is still unsafe: disks that lie about `fsync`, and file systems on which `flock` does not
//! reach other machines.
//!
//! # Files
//!
//! | file | one idea |
//! | --- | --- |
//! | `x` | the random number that decides what is sampled |
//! | `json` | a report's text |
//! | `weeks` | from counter files to weeks |
//! | `rules` | whether a week may be sent at all |
//! | `filter` | what a config lets through of a week |
//! | `paths` | the names of all files |
//! | `listing` | which files a folder has, and what is in their way |
//! | `report_folder` | the lock, and how files are written |
//! | `destination` | where a folder's reports go |
//! | `known_config` | the config known here, and how newer ones are fetched |
//! | `sampling` | by which config a week is sampled, and when X is drawn |
//! | `run` | the steps above |
//! | `event` | what happened in a run |
//! | `preview` | what would be sent |
//! | `words` | the same in words |
//! | `error` | why a run stopped |

mod destination;
mod error;
mod event;
mod filter;
mod json;
mod known_config;
mod listing;
mod paths;
#[cfg(all(test, feature = "server"))]
pub(crate) mod power_cut;
mod preview;
mod report_folder;
mod rules;
mod run;
#[cfg(test)]
mod run_tests;
#[cfg(test)]
mod sampled_tests;
mod sampling;
#[cfg(test)]
pub(in crate::client) mod testing;
mod weeks;
pub(crate) mod words;
mod x;

pub use crate::collection::{X, XError};
pub(in crate::client) use destination::DestinationJson;
pub use destination::{Destination, DestinationError};
pub use error::ReportError;
pub use event::{Event, Summary};
pub(crate) use filter::why_nothing;
pub use filter::{Filtered, Reason, Withheld, filter, in_words};
pub use json::{Build, Draw, LocalReport, NO_CONFIG, ProgramReport, Report};
pub use known_config::{FetchFailure, KnownConfig};
pub use listing::{Listing, obstacles};
pub(in crate::client) use paths::own_folder;
pub use preview::{Outcome, Preview, WeekPreview};
pub use report_folder::ReportFolder;
pub use rules::{Hold, OLDEST};
pub(in crate::client) use run::local_report_of;
pub(crate) use run::refresh_config;
pub(in crate::client) use run::run as run_with;
#[cfg(feature = "http")]
pub use run::run_uploads;
pub use run::{RunOptions, run_uploads_by};
pub use sampling::choose_config;
pub use weeks::{Week, Weeks};
pub use x::RandomnessError;
#[cfg(test)]
pub(crate) use x::draw;
