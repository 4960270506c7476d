//! Processes that are killed at moments that are seen, not guessed.
//!
//! A moment is counted by what has changed on the disk: the process is killed when it has changed for
//! the so-manieth time, however fast the machine is just now. A process that is done before is told
//! apart from one that was killed, so a test can insist on having hit what it aimed at.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Starts a command and kills it once what is below `folder` was seen to change so many times. Returns
/// whether it was killed before its end.
pub fn kill_after_changes(command: &mut Command, folder: &Path, changes: u32) -> bool {
    let mut last = look(folder);
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
        let now = look(folder);
        if now != last {
            (left, last) = (left - 1, now);
        } else {
            std::thread::yield_now();
        }
    }
    child.kill().expect("killed");
    !child.wait().expect("its end").success()
}

/// The files below a folder and their lengths, as far as they stay for so long.
fn look(folder: &Path) -> BTreeMap<PathBuf, u64> {
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
