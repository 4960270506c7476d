//! Kills processes at observed moments, not guessed ones.
//!
//! A moment is a number of changes on the disk: the process is killed once that many were seen, however
//! fast the machine is. A process that finishes first is told apart from one that was killed, so a test
//! can insist that it really killed one.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Starts a command and kills it once what is below `folder` was seen to change this many times. Returns
/// whether it was killed before it ended.
pub fn kill_after_changes(command: &mut Command, folder: &Path, changes: u32) -> bool {
    let mut last = file_lengths(folder);
    let mut left = changes;
    let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    let mut child = child.unwrap_or_else(|e| panic!("cannot start {command:?}: {e}"));
    loop {
        if child.try_wait().expect("its state").is_some() {
            return false;
        }
        if left == 0 {
            break;
        }
        let now = file_lengths(folder);
        if now != last {
            (left, last) = (left - 1, now);
        } else {
            std::thread::yield_now();
        }
    }
    child.kill().expect("killed");
    !child.wait().expect("its end").success()
}

/// The files below a folder and their lengths, except for those that vanish meanwhile.
fn file_lengths(folder: &Path) -> BTreeMap<PathBuf, u64> {
    let mut files = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        let Ok(entries) = std::fs::read_dir(&next) else { continue };
        for entry in entries.flatten() {
            match entry.metadata() {
                Ok(metadata) if metadata.is_dir() => folders.push(entry.path()),
                Ok(metadata) => {
                    files.insert(entry.path(), metadata.len());
                }
                Err(_) => {}
            }
        }
    }
    files
}
