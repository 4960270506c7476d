//! A telemetry folder in which this process alone makes reports: the lock, and how files are written.
//!
//! Every file is durable before a later step relies on it ([`durable`]): its content is written to
//! `candor/tmp` and synced, that file is linked or renamed to the final name, and the folder is
//! synced. Linking fails if there is a file of that name, so nothing that another process wrote is
//! overwritten. Whenever the power fails, every name has whole content or none.

use super::error::ReportError;
use super::paths::own_folder;
use crate::client::files;
use crate::client::folder::Folder;
use crate::durable;
use std::fs::{self, File, TryLockError};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

/// A folder in which this process alone makes reports, until this is dropped.
#[derive(Debug)]
pub struct ReportFolder {
    folder: Folder,
    lock: File,
}

impl Drop for ReportFolder {
    fn drop(&mut self) {
        // Closing the file is not enough: a child that was just started still has it open, until its program runs.
        let _ = self.lock.unlock();
    }
}

impl ReportFolder {
    /// Locks the folder. `None` if another process has the lock: that one does the work.
    ///
    /// The operating system releases the lock when the process ends, however it ends.
    ///
    /// # Errors
    ///
    /// The folder cannot be written.
    pub fn lock(folder: &Folder) -> Result<Option<ReportFolder>, ReportError> {
        let own = own_folder(folder);
        for folder in [folder.path(), &folder.local(), &folder.upload(), &own] {
            files::create_folder(folder).map_err(ReportError::io("use", folder))?;
        }
        files::create_folder_durably(&own).map_err(ReportError::io("use", &own))?;
        // `FileStore`, which keeps what was seen of the log, opens whatever it finds.
        files::check_tree(&own).map_err(|(path, e)| ReportError::io("use", path)(e))?;
        let path = own.join("lock");
        let lock = files::open_shared(&path).map_err(ReportError::io("open", &path))?;
        match lock.try_lock() {
            Ok(()) => Ok(Some(ReportFolder { folder: folder.clone(), lock })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(e)) => Err(ReportError::io("lock", path)(e)),
        }
    }

    /// Creates a file with this content. `false` if the file exists; it is left unchanged.
    #[track_caller]
    pub(super) fn create(&self, path: &Path, content: &str) -> Result<bool, ReportError> {
        interruption()?;
        let created = files::create_durably(path, &self.temporary(), content.as_bytes());
        created.map_err(at_target("write", path))
    }

    /// Writes a file with this content, replacing any file of that name.
    #[track_caller]
    pub(super) fn replace(&self, path: &Path, content: &str) -> Result<(), ReportError> {
        interruption()?;
        files::replace(path, &self.temporary(), content.as_bytes())
            .map_err(at_target("write", path))
    }

    /// As [`ReportFolder::replace`], but not durably: after a power cut there may be the old file, none,
    /// or one that cannot be read. For caches.
    pub(super) fn replace_unsynced(&self, path: &Path, content: &str) -> Result<(), ReportError> {
        interruption()?;
        files::replace_unsynced(path, &self.temporary(), content.as_bytes())
            .map_err(at_target("write", path))
    }

    /// Removes a file that is no longer needed, if it exists. Not durably: if it is back after a power
    /// cut, it is removed again.
    pub(super) fn remove(&self, path: &Path) -> Result<(), ReportError> {
        interruption()?;
        durable::remove_unsynced(path).map(drop).map_err(at_target("remove", path))
    }

    /// Renames a report that was sent or refused, replacing any file of that name. Not durably: after
    /// a power cut it may have the old name, and is then sent again.
    pub(super) fn rename(&self, from: &Path, to: &Path) -> Result<(), ReportError> {
        interruption()?;
        durable::rename_unsynced(from, to).map_err(at_target("write", to))
    }

    /// A temporary file. Only the process that holds the lock uses it.
    fn temporary(&self) -> PathBuf {
        own_folder(&self.folder).join("tmp")
    }

    /// Removes these files durably: the user wants them gone.
    ///
    /// # Errors
    ///
    /// One of them cannot be removed. Those before it were removed.
    pub fn clear(&self, files: &[PathBuf]) -> Result<(), ReportError> {
        for file in files {
            durable::remove(file).map_err(at_target("remove", file))?;
        }
        Ok(())
    }

    /// Removes everything that Candor keeps in the folder, the user's choice last, and the folder
    /// itself. `false` if something else is in it: then the folder stays.
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

/// Lets tests end a run here, as if the process had been killed.
fn interruption() -> Result<(), ReportError> {
    #[cfg(test)]
    if super::testing::is_interrupted() {
        let killed = io::Error::other("the test ends this run");
        return Err(ReportError::io("go on in", "this process")(killed));
    }
    Ok(())
}

/// An error in changing this file. If something else has its name, that is the reason given.
fn at_target(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> ReportError {
    move |error| {
        let reason = files::check_name(path).err().filter(files::is_unusable);
        ReportError::io(action, path)(reason.unwrap_or(error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn locked() -> (tempfile::TempDir, Folder, ReportFolder) {
        let temporary = tempfile::tempdir().expect("a temporary folder");
        let folder = Folder::at(temporary.path().join("telemetry"));
        let reports = ReportFolder::lock(&folder).expect("locked").expect("free");
        (temporary, folder, reports)
    }

    #[test]
    fn only_one_has_the_lock() {
        let (_temporary, folder, reports) = locked();
        assert!(ReportFolder::lock(&folder).expect("looked").is_none());
        let _of_a_child = reports.lock.try_clone().expect("as a child inherits it");
        drop(reports);
        assert!(ReportFolder::lock(&folder).expect("looked").is_some());
    }

    #[test]
    fn creating_does_not_overwrite() {
        let (_temporary, folder, reports) = locked();
        let path = folder.local().join("file");
        assert!(reports.create(&path, "first").expect("created"));
        assert!(!reports.create(&path, "second").expect("looked"));
        assert_eq!(fs::read_to_string(&path).expect("read"), "first");
        // A process that was killed between link and unlink left two names for one file.
        fs::hard_link(&path, own_folder(&folder).join("tmp")).expect("linked");
        assert!(reports.create(&folder.local().join("other"), "third").expect("created"));
        assert_eq!(fs::read_to_string(&path).expect("read"), "first");
        reports.replace(&path, "fourth").expect("replaced");
        assert_eq!(fs::read_to_string(&path).expect("read"), "fourth");
        reports.remove(&path).expect("removed");
        reports.remove(&path).expect("gone already");
    }
}
