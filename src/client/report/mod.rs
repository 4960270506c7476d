//! Reports: from counter files to what is sent, through the config and past every interruption.
//!
//! [`start`](super::start()) lets a process of its own do all of it, once a day. A program may also
//! do it itself, and waits for the network then:
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
//! 1. Its counter files end: the clock has passed the day that they name, and some minutes.
//! 2. If the week may be sent ([`Hold`]), `DATE.pending` is written.
//! 3. All that was counted becomes `local.DATE.json`, and the counter files are removed.
//! 4. If the week is pending, a verified config is chosen to sample it by ([`choose_config`]).
//! 5. X is drawn, and kept in `local.DATE.json` with the config's version.
//! 6. The local report is seen through that config ([`filter()`]).
//! 7. What is left becomes `DATE.json`, if anything is, and `DATE.pending` is removed.
//! 8. `DATE.json` is sent.
//! 9. It is moved to the folder `upload`.
//!
//! # Interruptions
//!
//! Every step leaves one file, whole and durable, before the next begins (see `shelf`); whoever
//! runs next goes on from what is there. Killed
//!
//! - before `local.DATE.json` is there: the counter files are, and it starts over. A stale
//!   `DATE.pending` is written over.
//! - before the counter files are removed: they are, by the next run, which finds the report.
//! - before `local.DATE.json` holds X: none was seen outside, and nothing was decided by it, so
//!   another may be drawn.
//! - before `DATE.json` is there: the X in `local.DATE.json` stands, and so does the config that it
//!   was drawn under. If that is not at hand any more, this very version is fetched again, however
//!   often that takes; X is not drawn again.
//! - before `DATE.pending` is removed: it is, by the next run, before anything is sent.
//! - between the server's answer and the move: the same bytes are sent again, and the server counts
//!   them once.
//!
//! # Several processes
//!
//! golang/telemetry (`internal/upload/Doc.txt`) lists what several processes may do to each other:
//! (1A) see different files of one week, (1B) make two reports of one week that differ in X, (1C)
//! send a report twice. Here one process at a time has the lock, from looking to moving; the others
//! return at once. Its other gap, a lock file that a killed process leaves behind for ever, is
//! closed by a lock of the system's. Go's own clients do not know our lock. Where they work in the
//! same folder, files are created by whoever is first and never overwritten, so there is one X for
//! a week, and 1C remains, which is harmless.
//!
//! What is still unsafe: disks that lie about `fsync`, and file systems on which `flock` does not
//! reach other machines.
//!
//! | file | one idea |
//! | --- | --- |
//! | `x` | the random number that samples |
//! | `json` | a report's text |
//! | `weeks` | counter files to weeks |
//! | `rules` | whether a week may be sent at all |
//! | `filter` | what of it a config allows |
//! | `shelf` | files, lock, durability |
//! | `destination` | where a folder's reports go |
//! | `known_config` | the config known, and how more are asked for |
//! | `sampling` | by which config a week is sampled, and when X is drawn |
//! | `run` | the steps above |
//! | `event` | what happened |
//! | `preview` | what would happen |

mod destination;
mod error;
mod event;
mod filter;
mod json;
mod known_config;
#[cfg(all(test, feature = "server"))]
pub(crate) mod power_cut;
mod preview;
mod rules;
mod run;
#[cfg(test)]
mod run_tests;
#[cfg(test)]
mod sampled_tests;
mod sampling;
mod shelf;
#[cfg(test)]
mod testing;
mod weeks;
mod x;

pub use destination::{Destination, DestinationError};
pub use error::ReportError;
pub use event::{Event, Summary};
pub use filter::{Filtered, Reason, Withheld, filter};
pub use json::{Build, Draw, LocalReport, NO_CONFIG, ProgramReport, Report};
pub use known_config::{FetchFailure, KnownConfig};
pub use preview::{Future, Preview, WeekPreview};
pub use rules::{Hold, OLDEST};
pub use run::{RunOptions, run_uploads};
pub use sampling::choose_config;
pub(in crate::client) use shelf::own_folder;
pub use shelf::{Listing, Shelf, obstacles};
pub use weeks::{Week, Weeks};
pub use x::{RandomnessError, X, XError};
