//! The folder for a merge's unfinished files.
//!
//! ```text
//! DIR/scratch/.lock     held (flock) by the one merge that runs on this machine
//! DIR/scratch/*         unfinished files; whoever takes the lock removes left-over ones
//! ```

use crate::durable;
use std::fs::{self, DirBuilder, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

/// A locked scratch folder. It is unlocked when this is dropped, or when the process dies.
#[derive(Debug)]
pub(super) struct Scratch {
    folder: PathBuf,
    lock: File,
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // Closing the file is not enough: a child that was just started still has it open, until its program runs.
        let _ = self.lock.unlock();
    }
}

impl Scratch {
    /// Locks the folder, which is created if needed, and removes what a merge that died left in it.
    /// [`io::ErrorKind::WouldBlock`] if another process has locked it.
    pub fn take(folder: &Path) -> io::Result<Scratch> {
        durable::make_folders_unsynced(folder, &mut DirBuilder::new())?;
        let lock = folder.join(".lock");
        let file = durable::lock_file(&lock)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(io::ErrorKind::WouldBlock.into()),
            Err(TryLockError::Error(error)) => return Err(error),
        }
        let scratch = Scratch { folder: folder.to_owned(), lock: file };
        scratch.clear()?;
        Ok(scratch)
    }

    /// Removes all files.
    pub fn clear(&self) -> io::Result<()> {
        for entry in fs::read_dir(&self.folder)? {
            let entry = entry?;
            if entry.file_name() != ".lock" && entry.file_type()?.is_file() {
                durable::remove_unsynced(&entry.path())?;
            }
        }
        Ok(())
    }

    /// The path of a file of this name.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// An unnamed file, which is deleted when it is closed.
    pub fn unnamed(&self) -> io::Result<File> {
        tempfile::tempfile_in(&self.folder)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_at_a_time_has_it_and_the_next_finds_it_empty() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let first = Scratch::take(folder.path()).expect("free");
        fs::write(first.path("half"), "half").expect("written");
        let error = Scratch::take(folder.path()).expect_err("taken");
        assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
        let _of_a_child = first.lock.try_clone().expect("as a child inherits it");
        drop(first);
        let second = Scratch::take(folder.path()).expect("free");
        assert!(!second.path("half").exists());
    }
}
