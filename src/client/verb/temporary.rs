//! A folder for one rehearsal, among the system's temporary files.
//!
//! It is removed at the end. A process that is killed leaves it behind, and the next rehearsal removes it: as long
//! as a rehearsal lives, it holds a lock in its folder.

use crate::client::files;
use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

/// How the folders are called, before a random number.
const PREFIX: &str = "candor-rehearsal-";
/// The locked file in each of them.
const LOCK: &str = "lock";
/// How often another name is tried.
const ATTEMPTS: usize = 8;

/// A folder for one rehearsal, removed on drop.
#[derive(Debug)]
pub struct Temporary {
    path: PathBuf,
    /// Held as long as the folder is used.
    lock: Option<File>,
}

impl Temporary {
    /// Makes a folder, and removes those of rehearsals that were killed.
    ///
    /// # Errors
    ///
    /// A sentence: it cannot be made.
    pub fn new() -> Result<Temporary, String> {
        Temporary::in_folder(&std::env::temp_dir())
    }

    /// The same, in this folder of temporary files.
    fn in_folder(parent: &Path) -> Result<Temporary, String> {
        remove_abandoned(parent);
        for _ in 0..ATTEMPTS {
            let mut random = [0; 8];
            getrandom::fill(&mut random).map_err(|error| error.to_string())?;
            let path = parent.join(format!("{PREFIX}{:016x}", u64::from_ne_bytes(random)));
            let failed = |e| format!("cannot make the temporary folder {}: {e}", path.display());
            match locked(&path).map_err(failed)? {
                Some(lock) => return Ok(Temporary { path, lock: Some(lock) }),
                // Another rehearsal took it for abandoned before it was locked.
                None => continue,
            }
        }
        Err(format!("cannot keep a temporary folder in {}", parent.display()))
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        // Some systems keep a file that is open.
        drop(self.lock.take());
        // The next rehearsal tries again.
        let _ = fs::remove_dir_all(&self.path);
    }
}

/// Makes a folder, and locks it. `None` if it was removed meanwhile.
fn locked(path: &Path) -> io::Result<Option<File>> {
    files::create_folder(path)?;
    let file = path.join(LOCK);
    let lock = match files::open_shared(&file) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        opened => opened?,
    };
    // Whoever removes a folder locks it first.
    let is_ours = lock.try_lock().is_ok() && file.exists();
    Ok(is_ours.then_some(lock))
}

/// Removes the folders of rehearsals whose processes have ended. Others clean up where that fails.
fn remove_abandoned(parent: &Path) {
    let entries = fs::read_dir(parent).into_iter().flatten().flatten();
    let named = |path: &PathBuf| {
        let name = path.file_name().and_then(|name| name.to_str());
        name.is_some_and(|name| name.starts_with(PREFIX))
    };
    for path in entries.map(|entry| entry.path()).filter(named) {
        // Of this user, and not a link; a folder without a lock is being made.
        let file = path.join(LOCK);
        if files::check_folder(&path).is_err() || !file.exists() {
            continue;
        }
        if let Ok(lock) = files::open_shared(&file)
            && lock.try_lock().is_ok()
        {
            let _ = fs::remove_dir_all(&path);
            drop(lock);
            let _ = fs::remove_dir_all(&path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_of_the_dead_are_removed_and_those_of_the_living_and_of_others_stay() {
        let parent = tempfile::tempdir().expect("a temporary folder");
        let dead = parent.path().join("candor-rehearsal-0000000000000001");
        fs::create_dir_all(dead.join("deployment")).expect("made");
        fs::write(dead.join(LOCK), "").expect("written");
        let being_made = parent.path().join("candor-rehearsal-0000000000000002");
        fs::create_dir(&being_made).expect("made");
        let elsewhere = parent.path().join("elsewhere");
        fs::create_dir(&elsewhere).expect("made");
        fs::write(elsewhere.join(LOCK), "").expect("written");
        #[cfg(unix)]
        std::os::unix::fs::symlink(&elsewhere, parent.path().join("candor-rehearsal-3"))
            .expect("linked");

        let living = Temporary::in_folder(parent.path()).expect("made");
        assert!(!dead.exists() && being_made.exists() && elsewhere.join(LOCK).exists());
        let another = Temporary::in_folder(parent.path()).expect("made");
        assert!(living.path().exists() && another.path() != living.path());
        let path = another.path().to_owned();
        drop(another);
        assert!(!path.exists() && living.path().exists());
    }
}
