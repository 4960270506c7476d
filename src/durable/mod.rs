//! Everything that must survive a power cut is written through here, and nowhere else.
//!
//! The system calls when all goes well, in order:
//!
//! | operation | calls |
//! | --- | --- |
//! | [`replace`] | create a temporary file, `write` and `fsync` it, `rename` it to its name, `fsync` the folder |
//! | [`create`] | the same with `link` and `unlink` instead of `rename`, so an existing file is not replaced |
//! | [`rename`], [`remove`] | `rename` or `unlink`, `fsync` the folder of the name |
//! | [`make_folders`] | `mkdir` each missing folder, the outermost first; then `fsync` their parents |
//! | [`AppendFile`] | `write` at the end, `fdatasync` |
//! | [`ReservedFile`] | the same; or `ftruncate`, `fsync`; and now and then `write` of zeros after the end, which later records replace |
//!
//! Folders are synced because a name is durable only once its folder is synced, and that folder's own
//! name only once its parent is. So if another process may have created a folder just now, its parent is
//! synced as well. [`FileStore`](crate::store::FileStore) handles many files at once: it uses the single
//! steps ([`NewFile`], [`rename_unsynced`], [`make_folders_unsynced`], [`sync_folder`]), and documents
//! their order.
//!
//! # When `fsync` fails
//!
//! The kernel may then have dropped what it could not write and marked the file clean, so a second
//! `fsync` that succeeds means nothing, and there is none. A file that could not be synced is removed
//! without ever getting its final name; a retry writes a new one. A file that is appended to is truncated
//! to what was durable before, and nothing is appended to it any more: the next record goes to a new
//! file. If a folder could not be synced, the caller gets an error, and a name in it may or may not
//! survive a power cut, as if the power had failed just then.
//!
//! # What is still unsafe
//!
//! A disk that lies about having written data. Systems other than Unix do not sync folders. Until its
//! folder is synced, a name that was replaced or removed may show its old content after a power cut, so
//! success must not be reported before that.
//!
//! # How it is tested
//!
//! In unit tests every call is recorded with its caller, and `power_cut` replays every state that a power
//! cut may leave. Each sync must be needed for some promise.
//!
//! | file | one idea |
//! | --- | --- |
//! | `file` | open files: written once, appended to, or with zeros after the end |
//! | `recorder` | records all calls, in unit tests |
//! | `unrecorded` | the same interface without recording, for everything else |

// Everywhere else these are refused.
#![allow(clippy::disallowed_methods)]

mod file;
#[cfg_attr(not(test), path = "unrecorded.rs")]
pub(crate) mod recorder;

pub use file::{AppendFile, NewFile, ReservedFile};

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

/// Creates a file that must not exist yet.
pub type Make = fn(&Path) -> io::Result<File>;

/// A new file with the permissions that the umask allows: for output that is passed on. Data that we keep
/// uses [`private_file`].
pub fn shared_file(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).open(path)
}

/// A new file that only its owner may read and write.
pub fn private_file(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// A file that only its owner may read and write, created if it is missing: for locks.
pub fn lock_file(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.create(true).truncate(false).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Gives `path` this content atomically, replacing any other. `temporary` is a name in the same file
/// system that nobody else uses; any leftover there is removed.
#[track_caller]
pub fn replace(path: &Path, temporary: &Path, content: &[u8], make: Make) -> io::Result<()> {
    write_temporary(temporary, content, make)?;
    if let Err(error) = rename_unsynced(temporary, path) {
        let _ = remove_unsynced(temporary);
        return Err(error);
    }
    sync_folder_of(path)
}

/// Creates a file at `path` with this content atomically; `false` if the name exists, which is then left
/// alone. `temporary` is as in [`replace`].
#[track_caller]
pub fn create(path: &Path, temporary: &Path, content: &[u8], make: Make) -> io::Result<bool> {
    write_temporary(temporary, content, make)?;
    let created = link_unsynced(temporary, path);
    // It is rewritten each time, so it does not matter if it stays.
    let _ = remove_unsynced(temporary);
    let created = created?;
    // Even if it existed: whoever created it may have died before the sync.
    sync_folder_of(path)?;
    Ok(created)
}

#[track_caller]
fn write_temporary(path: &Path, content: &[u8], make: Make) -> io::Result<()> {
    // What a killed process left may be linked to a final name: never write into it.
    remove_unsynced(path)?;
    let mut file = NewFile::new(make(path)?, path);
    let written = match file.write_all(content) {
        Ok(()) => file.sync(),
        failed => failed,
    };
    if written.is_err() {
        let _ = remove_unsynced(path);
    }
    written
}

/// Gives the file a second name, if that is free; `false` if not. If the file system has no hard links,
/// the file is renamed instead. Nothing is durable until the folder is synced.
pub fn link_unsynced(from: &Path, to: &Path) -> io::Result<bool> {
    recorder::alive(to)?;
    match fs::hard_link(from, to) {
        Ok(()) => {
            recorder::linked(from, to);
            Ok(true)
        }
        Err(e) if e.kind() == ErrorKind::AlreadyExists => Ok(false),
        // Only a process that does not synchronise with this one could have created the file just now.
        Err(_) if fs::symlink_metadata(to).is_ok() => Ok(false),
        Err(_) => rename_unsynced(from, to).map(|()| true),
    }
}

/// Renames a file, replacing any other. The old name is gone, but may reappear after a power cut until
/// its folder is synced, too.
#[track_caller]
pub fn rename(from: &Path, to: &Path) -> io::Result<()> {
    rename_unsynced(from, to)?;
    sync_folder_of(to)
}

/// Removes a file; `false` if there is none. Either way its name is gone for good.
#[track_caller]
pub fn remove(path: &Path) -> io::Result<bool> {
    let removed = remove_unsynced(path)?;
    sync_folder_of(path)?;
    Ok(removed)
}

/// As [`rename`], and nothing of it is durable until the folder of `to` is synced.
pub fn rename_unsynced(from: &Path, to: &Path) -> io::Result<()> {
    recorder::alive(to)?;
    recorder::check_devices(from, to)?;
    fs::rename(from, to)?;
    recorder::renamed(from, to);
    Ok(())
}

/// As [`remove`], and nothing of it is durable until the folder is synced.
pub fn remove_unsynced(path: &Path) -> io::Result<bool> {
    recorder::alive(path)?;
    match fs::remove_file(path) {
        Ok(()) => {
            recorder::removed(path);
            Ok(true)
        }
        Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(false),
        Err(e) => Err(e),
    }
}

/// Creates a folder and its missing parents, accessible only by their owner (mode 0700). If it exists,
/// its name is made durable: whoever created it may have died before that.
#[track_caller]
pub fn make_folders(path: &Path) -> io::Result<()> {
    let made = make_folders_unsynced(path, &mut DirBuilder::new())?;
    if made.is_empty() {
        return match sync_folder_of(path) {
            // A folder that this user may not list belongs to someone else, who also created what is in
            // it.
            Err(e) if e.kind() == ErrorKind::PermissionDenied => Ok(()),
            synced => synced,
        };
    }
    for folder in made {
        sync_folder_of(&folder)?;
    }
    Ok(())
}

/// As [`make_folders`], with this builder, whose mode becomes 0700. Returns the created folders, the
/// outermost first. Their names are durable once their parents are synced.
pub fn make_folders_unsynced(path: &Path, builder: &mut DirBuilder) -> io::Result<Vec<PathBuf>> {
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(builder, 0o700);
    make_with(path, builder)
}

/// The same with the permissions that the umask allows: for what others are to read.
pub fn make_shared_folders_unsynced(path: &Path) -> io::Result<Vec<PathBuf>> {
    make_with(path, &mut DirBuilder::new())
}

fn make_with(path: &Path, builder: &mut DirBuilder) -> io::Result<Vec<PathBuf>> {
    recorder::alive(path)?;
    builder.recursive(false);
    let mut missing = Vec::new();
    for folder in path.ancestors() {
        if folder.as_os_str().is_empty() || folder.is_dir() {
            break;
        }
        missing.push(folder);
    }
    let mut made = Vec::new();
    for folder in missing.into_iter().rev() {
        match builder.create(folder) {
            Ok(()) => recorder::made_folder(folder),
            // Another process was faster, but may die before it has synced the name.
            Err(e) if e.kind() == ErrorKind::AlreadyExists && folder.is_dir() => {}
            Err(e) => return Err(e),
        }
        made.push(folder.to_owned());
    }
    Ok(made)
}

/// Makes the names in a folder durable.
#[track_caller]
pub fn sync_folder(folder: &Path) -> io::Result<()> {
    recorder::alive_to_sync(folder)?;
    if recorder::folder_synced(folder, recorder::Sync::Folder) {
        return Ok(());
    }
    #[cfg(unix)]
    File::open(folder)?.sync_all()?;
    Ok(())
}

/// Makes the name of a file or folder durable.
#[track_caller]
pub fn sync_folder_of(path: &Path) -> io::Result<()> {
    sync_folder(folder_of(path))
}

/// The folder that a file or folder is in.
pub fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        // A relative name, or the root, which is its own parent.
        Some(_) => Path::new("."),
        None => path,
    }
}

/// Makes a file's content durable that others have finished writing.
#[track_caller]
pub fn sync_file(path: &Path) -> io::Result<()> {
    NewFile::new_found(File::open(path)?, path).sync()
}

#[cfg(test)]
mod tests;
