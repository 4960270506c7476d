//! The names of the files of reporting.
//!
//! ```text
//! FOLDER/local/*.v1.count            counter files
//! FOLDER/local/local.DATE.json       all counts of the week that ended on DATE; once it is drawn,
//!                                    also the X and the version of the config it was drawn under
//! FOLDER/local/DATE.pending          the day on which that week began: what of it is sent is not
//!                                    decided yet
//! FOLDER/local/DATE.json             the report to be sent
//! FOLDER/local/DATE.json.refused     the report, refused by the server
//! FOLDER/upload/DATE.json            the report, after it was sent
//! FOLDER/candor/                     the lock, and what is known about the config
//! ```
//!
//! The names that end in `.json` are those of golang/telemetry (`internal/upload`). Its clients take
//! every other such file in `local` for a report to send, so the rest have other endings.

use crate::client::folder::Folder;
use crate::day::Day;
use std::path::PathBuf;

/// The folder for what Go's client does not know about.
pub(in crate::client) fn own_folder(folder: &Folder) -> PathBuf {
    folder.path().join("candor")
}

/// The file with the last day on which no report could be sent.
pub(super) fn unsent(folder: &Folder) -> PathBuf {
    own_folder(folder).join("unsent")
}

/// All counts of a week.
pub(super) fn local_report(folder: &Folder, week: Day) -> PathBuf {
    folder.local().join(format!("local.{week}.json"))
}

/// Says that a week is not decided yet.
pub(super) fn pending(folder: &Folder, week: Day) -> PathBuf {
    folder.local().join(format!("{week}.pending"))
}

/// A report to be sent.
pub(super) fn ready(folder: &Folder, week: Day) -> PathBuf {
    folder.local().join(format!("{week}.json"))
}

/// A report that the server has refused.
pub(super) fn refused(folder: &Folder, week: Day) -> PathBuf {
    folder.local().join(format!("{week}.json.refused"))
}

/// A report that was sent.
pub(super) fn sent(folder: &Folder, week: Day) -> PathBuf {
    folder.upload().join(format!("{week}.json"))
}
