//! The files of reporting: their names, the lock around a run, and how they are written.
//!
//! ```text
//! FOLDER/local/*.v1.count            counter files
//! FOLDER/local/local.DATE.json       all counts of the week that ended on DATE; with its X, and the
//!                                    version of the config that it was drawn under, once it is
//! FOLDER/local/DATE.pending          the day on which that week began: it is not yet decided
//!                                    what of it is sent
//! FOLDER/local/DATE.json             what is sent of it; waits to be sent
//! FOLDER/local/DATE.json.refused     the same, refused by the server
//! FOLDER/upload/DATE.json            the same, after it was sent
//! FOLDER/candor/                     the lock, and what is known of the config
//! ```
//!
//! Names that end in `.json` are those of golang/telemetry (`internal/upload`); its clients take
//! every other such file in `local` for a report to send, so the rest have other endings.
//!
//! Whatever is written is durable before a later step relies on it ([`durable`]):
//! `candor/tmp` is written and synced, linked or renamed to its name, and the folder is synced. A
//! link fails if there is a file: what another process wrote is never overwritten. So every name leads
//! to whole content or to nothing, whenever the power fails.

use super::error::ReportError;
use crate::client::counter::SUFFIX;
use crate::client::day::Day;
use crate::client::files;
use crate::client::folder::Folder;
use crate::durable;
use std::collections::BTreeSet;
use std::fs::{self, File, TryLockError};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

/// What files a folder has. Reading it creates nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Listing {
    /// Counter files, expired or not, in the order of their names.
    pub counter_files: Vec<PathBuf>,
    /// Weeks with a local report.
    pub local: BTreeSet<Day>,
    /// Weeks of which it is not decided what is sent.
    pub pending: BTreeSet<Day>,
    /// Weeks with a report that waits to be sent.
    pub ready: BTreeSet<Day>,
    /// Weeks whose report the server refused.
    pub refused: BTreeSet<Day>,
    /// Weeks whose report was sent.
    pub sent: BTreeSet<Day>,
}

impl Listing {
    /// Looks into a folder. One that is not there has no files.
    ///
    /// # Errors
    ///
    /// It cannot be read.
    pub fn read(folder: &Folder) -> Result<Listing, ReportError> {
        let mut listing = Listing::default();
        for name in names(&folder.local())? {
            let day = |prefix: &str, suffix: &str| -> Option<Day> {
                name.strip_prefix(prefix)?.strip_suffix(suffix)?.parse().ok()
            };
            if name.ends_with(SUFFIX) {
                listing.counter_files.push(folder.local().join(&name));
            } else if let Some(week) = day("local.", ".json") {
                listing.local.insert(week);
            } else if let Some(week) = day("", ".pending") {
                listing.pending.insert(week);
            } else if let Some(week) = day("", ".json") {
                listing.ready.insert(week);
            } else if let Some(week) = day("", ".json.refused") {
                listing.refused.insert(week);
            }
        }
        for name in names(&folder.upload())? {
            listing.sent.extend(name.strip_suffix(".json").and_then(|day| day.parse::<Day>().ok()));
        }
        listing.counter_files.sort_unstable();
        Ok(listing)
    }

    /// Where all of them are, as they are in this folder.
    pub fn paths(&self, folder: &Folder) -> Vec<PathBuf> {
        type PathOf = fn(&Folder, Day) -> PathBuf;
        let kinds: [(&BTreeSet<Day>, PathOf); 5] = [
            (&self.local, local_report),
            (&self.pending, pending),
            (&self.ready, ready),
            (&self.refused, refused),
            (&self.sent, sent),
        ];
        let of_weeks =
            kinds.iter().flat_map(|(weeks, path)| weeks.iter().map(|week| path(folder, *week)));
        self.counter_files.iter().cloned().chain(of_weeks).collect()
    }

    /// The last week before this one whose report was sent. Go's client takes the last of all,
    /// which a server would refuse in the report of a week that was found late.
    pub fn last_sent_before(&self, week: Day) -> Option<Day> {
        self.sent.range(..week).next_back().copied()
    }
}

fn names(folder: &Path) -> Result<Vec<String>, ReportError> {
    // A link is not followed, as it would not be by who writes there.
    let entries = match files::check_folder(folder).and_then(|()| fs::read_dir(folder)) {
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(ReportError::io("read", folder))?,
    };
    let mut names = Vec::new();
    for entry in entries {
        let name = entry.map_err(ReportError::io("read", folder))?.file_name();
        // No file of ours has a name that is not UTF-8.
        names.extend(name.into_string());
    }
    Ok(names)
}

/// What lies in a folder in the place of its own files and folders, and stops its work until
/// somebody removes it. Looking creates nothing.
pub fn obstacles(folder: &Folder) -> Vec<ReportError> {
    let mut found = Vec::new();
    let mut note = |path: &Path, checked: io::Result<()>| match checked {
        Err(e) if e.kind() != ErrorKind::NotFound => {
            found.push(ReportError::io("use", path)(e));
            false
        }
        _ => true,
    };
    // What is in a folder that is none is not looked at.
    if note(folder.path(), files::check_folder(folder.path())) {
        for part in [folder.local(), folder.upload()] {
            note(&part, files::check_folder(&part));
        }
        let own = own_folder(folder);
        if note(&own, files::check_folder(&own)) {
            let names = OWN_FILES.map(|name| own.join(name));
            let unfit: Vec<_> =
                names.into_iter().filter(|path| !note(path, files::check_name(path))).collect();
            if let Err((path, e)) = files::check_tree(&own)
                && !unfit.contains(&path)
            {
                note(&path, Err(e));
            }
        }
        // What cannot be listed is among those above.
        for path in Listing::read(folder).unwrap_or_default().paths(folder) {
            note(&path, files::check_name(&path));
        }
    }
    found
}

/// A folder that this process alone makes reports in, until it is dropped.
#[derive(Debug)]
pub struct Shelf {
    folder: Folder,
    _lock: File,
}

impl Shelf {
    /// Takes the lock. `None` if another process has it: that one does the work.
    ///
    /// The system gives the lock back when its process ends, however that happens.
    ///
    /// # Errors
    ///
    /// The folder cannot be written.
    pub fn take(folder: &Folder) -> Result<Option<Shelf>, ReportError> {
        let own = own_folder(folder);
        for folder in [folder.path(), &folder.local(), &folder.upload(), &own] {
            files::create_folder(folder).map_err(ReportError::io("use", folder))?;
        }
        files::create_folder_durably(&own).map_err(ReportError::io("use", &own))?;
        // What is seen of the log is kept by `FileStore`, which opens what it finds.
        files::check_tree(&own).map_err(|(path, e)| ReportError::io("use", path)(e))?;
        let path = own.join("lock");
        let lock = files::open_shared(&path).map_err(ReportError::io("open", &path))?;
        match lock.try_lock() {
            Ok(()) => Ok(Some(Shelf { folder: folder.clone(), _lock: lock })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(e)) => Err(ReportError::io("lock", path)(e)),
        }
    }

    /// Creates a file with this content. `false` if there is one already, which stays as it is.
    #[track_caller]
    pub(super) fn create(&self, path: &Path, content: &str) -> Result<bool, ReportError> {
        interruption()?;
        let created = files::create_durably(path, &self.temporary(), content.as_bytes());
        created.map_err(at_target("write", path))
    }

    /// Creates a file with this content, in the place of any other.
    #[track_caller]
    pub(super) fn replace(&self, path: &Path, content: &str) -> Result<(), ReportError> {
        interruption()?;
        files::replace(path, &self.temporary(), content.as_bytes())
            .map_err(at_target("write", path))
    }

    /// As [`Shelf::replace`], but not durably: after a power cut there may be the file before, none, or
    /// one that cannot be read. For what is only kept to save work.
    pub(super) fn keep(&self, path: &Path, content: &str) -> Result<(), ReportError> {
        interruption()?;
        files::replace_unsynced(path, &self.temporary(), content.as_bytes())
            .map_err(at_target("write", path))
    }

    /// Removes a file that is of no use any more, if it is there. Not durably: whoever finds it again
    /// after a power cut does so once more.
    pub(super) fn remove(&self, path: &Path) -> Result<(), ReportError> {
        interruption()?;
        durable::remove_unsynced(path).map(drop).map_err(at_target("remove", path))
    }

    /// Gives a report that was dealt with the name that says so, in the place of any other file. Not
    /// durably: it has one of the two names after a power cut, and is then dealt with once more.
    pub(super) fn rename(&self, from: &Path, to: &Path) -> Result<(), ReportError> {
        interruption()?;
        durable::rename_unsynced(from, to).map_err(at_target("write", to))
    }

    /// Where what is written gets no name that counts. Whoever has the lock is the only one to use it.
    fn temporary(&self) -> PathBuf {
        own_folder(&self.folder).join("tmp")
    }

    /// Removes these files, durably: the user wants them gone.
    ///
    /// # Errors
    ///
    /// One of them cannot be removed; those before it are.
    pub fn clear(&self, files: &[PathBuf]) -> Result<(), ReportError> {
        for file in files {
            durable::remove(file).map_err(at_target("remove", file))?;
        }
        Ok(())
    }

    /// Removes all that Candor keeps in the folder, the user's choice last, and the folder itself.
    /// `false` if something else is in it, which stays.
    ///
    /// # Errors
    ///
    /// Something cannot be removed.
    pub fn remove_folder(self) -> Result<bool, ReportError> {
        let folder = &self.folder;
        for part in [folder.local(), folder.upload(), own_folder(folder)] {
            fs::remove_dir_all(&part).map_err(ReportError::io("remove", &part))?;
        }
        let mode = folder.mode_file();
        durable::remove(&mode).map_err(at_target("remove", &mode))?;
        match fs::remove_dir(folder.path()) {
            Err(e) if e.kind() == ErrorKind::DirectoryNotEmpty => Ok(false),
            removed => removed.map(|()| true).map_err(ReportError::io("remove", folder.path())),
        }
    }
}

/// Tests end a run here, as if the process had been killed. Nothing happens otherwise.
fn interruption() -> Result<(), ReportError> {
    #[cfg(test)]
    if super::testing::is_interrupted() {
        let killed = io::Error::other("the test ends this run");
        return Err(ReportError::io("go on in", "this process")(killed));
    }
    Ok(())
}

/// The error of a change of this name: what has the name is the reason, if it is no file.
fn at_target(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> ReportError {
    move |error| {
        let reason = files::check_name(path).err().filter(files::is_unfit);
        ReportError::io(action, path)(reason.unwrap_or(error))
    }
}

/// The files that Candor has there, and of which none may be a folder.
const OWN_FILES: [&str; 9] = [
    "lock",
    "tmp",
    "destination.json",
    "config.json",
    "failure.json",
    "unsent",
    "worker",
    "worked",
    "attempt",
];

/// Where Candor keeps what Go's client does not know of.
pub(in crate::client) fn own_folder(folder: &Folder) -> PathBuf {
    folder.path().join("candor")
}

/// Holds the last day on which no report could be sent.
pub(super) fn unsent(folder: &Folder) -> PathBuf {
    own_folder(folder).join("unsent")
}

pub(super) fn local_report(folder: &Folder, week: Day) -> PathBuf {
    folder.local().join(format!("local.{week}.json"))
}

pub(super) fn pending(folder: &Folder, week: Day) -> PathBuf {
    folder.local().join(format!("{week}.pending"))
}

pub(super) fn ready(folder: &Folder, week: Day) -> PathBuf {
    folder.local().join(format!("{week}.json"))
}

pub(super) fn refused(folder: &Folder, week: Day) -> PathBuf {
    folder.local().join(format!("{week}.json.refused"))
}

pub(super) fn sent(folder: &Folder, week: Day) -> PathBuf {
    folder.upload().join(format!("{week}.json"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shelf() -> (tempfile::TempDir, Folder, Shelf) {
        let temporary = tempfile::tempdir().expect("a temporary folder");
        let folder = Folder::at(temporary.path().join("telemetry"));
        let shelf = Shelf::take(&folder).expect("taken").expect("free");
        (temporary, folder, shelf)
    }

    #[test]
    fn one_has_the_lock() {
        let (_temporary, folder, shelf) = shelf();
        assert!(Shelf::take(&folder).expect("looked").is_none());
        drop(shelf);
        assert!(Shelf::take(&folder).expect("looked").is_some());
    }

    #[test]
    fn what_is_there_is_not_overwritten_by_creating() {
        let (_temporary, folder, shelf) = shelf();
        let path = folder.local().join("file");
        assert!(shelf.create(&path, "first").expect("created"));
        assert!(!shelf.create(&path, "second").expect("looked"));
        assert_eq!(fs::read_to_string(&path).expect("read"), "first");
        // A process that was killed between link and unlink left two names for one file.
        fs::hard_link(&path, own_folder(&folder).join("tmp")).expect("linked");
        assert!(shelf.create(&folder.local().join("other"), "third").expect("created"));
        assert_eq!(fs::read_to_string(&path).expect("read"), "first");
        shelf.replace(&path, "fourth").expect("replaced");
        assert_eq!(fs::read_to_string(&path).expect("read"), "fourth");
        shelf.remove(&path).expect("removed");
        shelf.remove(&path).expect("gone already");
    }

    #[test]
    fn files_are_known_by_their_names() {
        let (_temporary, folder, _shelf) = shelf();
        for name in [
            "tool@v1.0.0-rust1.95.0-linux-amd64-2026-11-15.v1.count",
            "local.2026-11-08.json",
            "2026-11-15.pending",
            "2026-11-08.json",
            "2026-11-01.json.refused",
            "gopls-2026-11-02.json",
            "2026-13-01.json",
            "weekends",
        ] {
            fs::write(folder.local().join(name), "").expect("write");
        }
        fs::write(folder.upload().join("2026-10-25.json"), "").expect("write");
        fs::write(folder.upload().join("2026-11-01.json.lock"), "").expect("write");
        let listing = Listing::read(&folder).expect("read");
        let day = |text: &str| text.parse::<Day>().expect("a day");
        assert_eq!(listing.counter_files.len(), 1);
        assert_eq!(listing.local, [day("2026-11-08")].into());
        assert_eq!(listing.pending, [day("2026-11-15")].into());
        assert_eq!(listing.ready, [day("2026-11-08")].into());
        assert_eq!(listing.refused, [day("2026-11-01")].into());
        assert_eq!(listing.sent, [day("2026-10-25")].into());
        assert_eq!(listing.last_sent_before(day("2026-11-01")), Some(day("2026-10-25")));
        assert_eq!(listing.last_sent_before(day("2026-10-25")), None);
        let missing = Folder::at(folder.path().join("missing"));
        assert_eq!(Listing::read(&missing).expect("read"), Listing::default());
    }
}
