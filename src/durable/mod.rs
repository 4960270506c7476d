//! What is promised to survive a power cut goes to the disk through here, and nowhere else.
//!
//! The system calls of the happy paths, in order:
//!
//! | operation | calls |
//! | --- | --- |
//! | [`replace`] | make a temporary file, `write`, `fsync` it, `rename` it to the name, `fsync` the folder |
//! | [`create`] | the same with `link` and `unlink` instead of `rename`: what has the name stays |
//! | [`rename`], [`remove`] | `rename` or `unlink`, `fsync` the folder of the name |
//! | [`make_folders`] | for each folder that is missing, the outermost first: `mkdir`; then `fsync` the folders that they are in |
//! | [`AppendFile`] | `write` at the end, `fdatasync`; or `ftruncate`, `fsync` |
//!
//! A folder is synced because a name is durable only with the folder that it is in; and that
//! folder's own name only with the one above. So whoever uses a folder which another process may
//! have made a moment ago syncs the one above it as well. [`FileStore`](crate::store::FileStore)
//! does many files at once: it uses the single steps ([`NewFile`], [`rename_unsynced`],
//! [`make_folders_unsynced`], [`sync_folder`]), and says in which order.
//!
//! # When `fsync` fails
//!
//! The kernel may then have dropped what it could not write, and call the file clean: a second
//! `fsync` that succeeds says nothing. So it is never asked twice. A file that could not be synced
//! is removed, and gets no name that counts; whoever tries again writes a new one. A file that is
//! appended to is cut back to what was durable before, and nothing is appended to it any more: the
//! next record goes to a new file. A folder that could not be synced is an error to whoever waits;
//! what has a name in it may be there after a power cut or not, as if the power had failed just then.
//!
//! # What is still unsafe
//!
//! A disk that says it has written what it has not. Systems other than Unix do not sync folders. A
//! name that was replaced or removed may show its old content after a power cut, until its folder
//! is synced: nobody may be told before that.
//!
//! # How it is known
//!
//! In unit tests every call is recorded with the place that asked for it, and `power_cut` replays
//! every state that a power cut may leave. Each sync there has to be needed by some promise.

// Everywhere else these are refused.
#![allow(clippy::disallowed_methods)]

mod file;
#[cfg_attr(not(test), path = "unrecorded.rs")]
pub(crate) mod recorder;

pub use file::{AppendFile, NewFile};

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

/// How a file is opened that must not be there yet.
pub type Make = fn(&Path) -> io::Result<File>;

/// A new file that everyone may read whom the umask lets: for what is made to be handed on. What is
/// kept is made by [`private_file`].
pub fn shared_file(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).open(path)
}

/// A new file that its owner alone may read and write.
pub fn private_file(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// A file that its owner alone may read and write, made where it is missing: for locks.
pub fn lock_file(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.create(true).truncate(false).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Gives `path` this content, whole, in the place of any other. `temporary` is a name in the same
/// file system that nobody else uses; what was left there is removed.
#[track_caller]
pub fn replace(path: &Path, temporary: &Path, content: &[u8], make: Make) -> io::Result<()> {
    write_temporary(temporary, content, make)?;
    if let Err(error) = rename_unsynced(temporary, path) {
        let _ = remove_unsynced(temporary);
        return Err(error);
    }
    sync_folder_of(path)
}

/// Makes a file at `path` with this content, whole; `false` if there is something of that name, which
/// stays as it is. `temporary` is as in [`replace`].
#[track_caller]
pub fn create(path: &Path, temporary: &Path, content: &[u8], make: Make) -> io::Result<bool> {
    write_temporary(temporary, content, make)?;
    let created = link_unsynced(temporary, path);
    // It is written anew each time, so it does not matter if it stays.
    let _ = remove_unsynced(temporary);
    let created = created?;
    // Also where it was there: whoever made it may have died before the sync.
    sync_folder_of(path)?;
    Ok(created)
}

#[track_caller]
fn write_temporary(path: &Path, content: &[u8], make: Make) -> io::Result<()> {
    // What a killed process left may be linked to a name that counts: never write into it.
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

/// Gives the file a second name, if that is free; `false` if not. Where the file system has no
/// links, it gets the name in place of its own. Nothing is durable until the folder is synced.
pub fn link_unsynced(from: &Path, to: &Path) -> io::Result<bool> {
    recorder::alive(to)?;
    match fs::hard_link(from, to) {
        Ok(()) => {
            recorder::linked(from, to);
            Ok(true)
        }
        Err(e) if e.kind() == ErrorKind::AlreadyExists => Ok(false),
        // Only a process that does not take turns with this one could put a file there just now.
        Err(_) if fs::symlink_metadata(to).is_ok() => Ok(false),
        Err(_) => rename_unsynced(from, to).map(|()| true),
    }
}

/// Gives a file another name, in the place of any other file. The old name is gone, or may be there
/// as well after a power cut, until its folder is synced too.
#[track_caller]
pub fn rename(from: &Path, to: &Path) -> io::Result<()> {
    rename_unsynced(from, to)?;
    sync_folder_of(to)
}

/// Removes a file; `false` if there is none, and then too its name is gone for good.
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

/// Makes a folder, and those above it that are missing, which are their user's alone (mode 0700). Where it is there already, its name is made
/// durable: whoever made it may have died before that.
#[track_caller]
pub fn make_folders(path: &Path) -> io::Result<()> {
    let made = make_folders_unsynced(path, &mut DirBuilder::new())?;
    if made.is_empty() {
        return match sync_folder_of(path) {
            // One that this user may not list is somebody else's, and so was making what is in it.
            Err(e) if e.kind() == ErrorKind::PermissionDenied => Ok(()),
            synced => synced,
        };
    }
    for folder in made {
        sync_folder_of(&folder)?;
    }
    Ok(())
}

/// As [`make_folders`], by this builder, whose mode becomes 0700; tells which were made, the outermost first. Their names are durable once the
/// folder that each is in is synced.
pub fn make_folders_unsynced(path: &Path, builder: &mut DirBuilder) -> io::Result<Vec<PathBuf>> {
    recorder::alive(path)?;
    builder.recursive(false);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(builder, 0o700);
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
            // Another process was faster. It may die before it has synced the name.
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
        // Of a relative name, or of the root, which is its own.
        Some(_) => Path::new("."),
        None => path,
    }
}

/// Makes the content of a file durable that others have written, and write no more.
#[track_caller]
pub fn sync_file(path: &Path) -> io::Result<()> {
    NewFile::new_found(File::open(path)?, path).sync()
}

#[cfg(test)]
mod tests;
