//! The files of a telemetry folder, opened so that nothing in the folder can harm the program.
//!
//! A folder in a user's home may hold anything: a pipe that nobody writes to, a link to `/dev/zero`,
//! a file of another owner. So whatever of it is opened goes through here, and is
//!
//! - looked at before it is opened: only a regular file of this user is. Links are not followed;
//! - opened without waiting, and looked at again, in case it was exchanged meanwhile;
//! - never handed on to a program that is started later;
//! - read up to a limit that its reader names;
//! - made for this user alone (0600 and 0700), whatever the umask says;
//! - written only if the process may make files so large: beyond `RLIMIT_FSIZE` the system would
//!   not only refuse, but kill the program (`SIGXFSZ`);
//! - never written over in place: new content is a new file, which is then given the name. A link
//!   of that name is replaced, and what it leads to stays as it is. (Counter files are the
//!   exception: several processes write them at once. So they must have no second name, a hard
//!   link, under which they may be somebody's file of another kind.)
//!
//! Folders above the telemetry folder are the user's affair: those may be links. Systems other
//! than Unix have neither owners nor pipes in this sense; only the kind of the file is looked at.

use crate::durable::{self, NewFile};
use std::fs::{self, DirBuilder, File, Metadata, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

#[cfg(unix)]
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt, OpenOptionsExt, PermissionsExt};

/// The content of a file of at most so many bytes.
pub(crate) fn read(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let file = open(path, OpenOptions::new().read(true))?;
    let mut bytes = Vec::new();
    file.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit {
        let reason = format!("it has more than {limit} bytes");
        return Err(io::Error::new(ErrorKind::FileTooLarge, reason));
    }
    Ok(bytes)
}

/// The content of a file of at most so many bytes, which must be UTF-8.
pub(crate) fn read_text(path: &Path, limit: u64) -> io::Result<String> {
    let not_text = |_| io::Error::new(ErrorKind::InvalidData, "it is not UTF-8");
    String::from_utf8(read(path, limit)?).map_err(not_text)
}

/// A file to lock, or to read and write in place, which is made if it is missing. What is already
/// there may be written only if [`check_names`] allows it.
pub(crate) fn open_shared(path: &Path) -> io::Result<File> {
    let existing = || open(path, OpenOptions::new().read(true).write(true));
    match existing() {
        Err(e) if e.kind() == ErrorKind::NotFound => {}
        opened => return opened,
    }
    match make(path) {
        // Another process has just made it.
        Err(e) if e.kind() == ErrorKind::AlreadyExists => existing(),
        made => made,
    }
}

/// Makes a file with this content. There must be nothing of this name. Nothing of it is durable.
pub(crate) fn create(path: &Path, content: &[u8]) -> io::Result<()> {
    may_grow_to(content.len() as u64)?;
    make(path)?.write_all(content)
}

/// Makes a file with this content, durably, in the place of any other. `temporary` is a name that
/// nobody else uses.
#[track_caller]
pub(crate) fn replace(path: &Path, temporary: &Path, content: &[u8]) -> io::Result<()> {
    may_grow_to(content.len() as u64)?;
    durable::replace(path, temporary, content, make)
}

/// As [`replace`], but nothing of it is durable.
pub(crate) fn replace_unsynced(path: &Path, temporary: &Path, content: &[u8]) -> io::Result<()> {
    // What a killed process left.
    durable::remove_unsynced(temporary)?;
    may_grow_to(content.len() as u64)?;
    let mut file = NewFile::new(make(temporary)?, temporary);
    file.write_all(content)
        .and_then(|()| durable::rename_unsynced(temporary, path))
        .inspect_err(|_| drop(durable::remove_unsynced(temporary)))
}

/// Makes a file with this content, durably; `false` if there is one, which stays as it is.
#[track_caller]
pub(crate) fn create_durably(path: &Path, temporary: &Path, content: &[u8]) -> io::Result<bool> {
    may_grow_to(content.len() as u64)?;
    durable::create(path, temporary, content, make)
}

/// As [`create_folder`], and durable, with the folder that it is in: a program that only counts makes
/// both, and waits for no disk.
#[track_caller]
pub(crate) fn create_folder_durably(path: &Path) -> io::Result<()> {
    let mut new = create_folder_unsynced(path)?;
    new.extend([path.to_owned(), durable::folder_of(path).to_owned()]);
    new.sort_unstable();
    new.dedup();
    for folder in new {
        match durable::sync_folder_of(&folder) {
            // What this user may not list, this user has not made.
            Err(e) if e.kind() == ErrorKind::PermissionDenied => {}
            synced => synced?,
        }
    }
    Ok(())
}

/// Makes a folder of the user's own, and those above it that are missing. One that is there already
/// must be a folder, not a link, and this user's.
pub(crate) fn create_folder(path: &Path) -> io::Result<()> {
    create_folder_unsynced(path).map(drop)
}

fn create_folder_unsynced(path: &Path) -> io::Result<Vec<PathBuf>> {
    match check_folder(path) {
        Err(e) if e.kind() == ErrorKind::NotFound => {}
        checked => return checked.map(|()| Vec::new()),
    }
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    builder.mode(0o700);
    let made = durable::make_folders_unsynced(path, &mut builder)?;
    #[cfg(unix)]
    fs::set_permissions(path, fs::Permissions::from_mode(0o700))?;
    check_folder(path)?;
    Ok(made)
}

/// Whether this is a folder, not a link to one, and this user's.
pub(crate) fn check_folder(path: &Path) -> io::Result<()> {
    let metadata = fs::symlink_metadata(path)?;
    if !metadata.is_dir() {
        return Err(unfit(format!("it is {}, not a folder", kind(&metadata))));
    }
    check_owner(&metadata)
}

/// Whether what has this name, if anything has, is a regular file of this user's.
pub(crate) fn check_name(path: &Path) -> io::Result<()> {
    match fs::symlink_metadata(path) {
        Ok(metadata) => check_file(&metadata),
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(()),
        Err(e) => Err(e),
    }
}

/// Whether everything in a folder, and in the folders below it, is a regular file of this user's:
/// for code that opens files there without going through this module. The error tells which is not.
pub(crate) fn check_tree(folder: &Path) -> Result<(), (PathBuf, io::Error)> {
    let at_folder = |e| (folder.to_path_buf(), e);
    check_folder(folder).map_err(at_folder)?;
    for entry in fs::read_dir(folder).map_err(at_folder)? {
        let path = entry.map_err(at_folder)?.path();
        match fs::symlink_metadata(&path) {
            Ok(metadata) if metadata.is_dir() => check_tree(&path)?,
            Ok(metadata) => check_file(&metadata).map_err(|e| (path, e))?,
            // A temporary file of another process, gone by now.
            Err(e) if e.kind() == ErrorKind::NotFound => {}
            Err(e) => return Err((path, e)),
        }
    }
    Ok(())
}

/// Whether this error is about something that is no file or folder of this user's. It stays so
/// until a person removes it: to try again does not help.
pub(crate) fn is_unfit(error: &io::Error) -> bool {
    error.get_ref().is_some_and(|reason| reason.is::<Unfit>())
}

/// Whether this process may make a file so long. Trying it would kill the process.
pub(crate) fn may_grow_to(length: u64) -> io::Result<()> {
    #[cfg(unix)]
    if let Ok((limit, _)) =
        nix::sys::resource::getrlimit(nix::sys::resource::Resource::RLIMIT_FSIZE)
        && limit < length
    {
        let reason = format!("this process may not make files of more than {limit} bytes");
        return Err(io::Error::new(ErrorKind::FileTooLarge, reason));
    }
    #[cfg(not(unix))]
    let _ = length;
    Ok(())
}

fn open(path: &Path, options: &mut OpenOptions) -> io::Result<File> {
    check_file(&fs::symlink_metadata(path)?)?;
    #[cfg(unix)]
    options.custom_flags(
        // std adds O_CLOEXEC.
        nix::libc::O_NOFOLLOW | nix::libc::O_NONBLOCK | nix::libc::O_NOCTTY,
    );
    let file = options.open(path)?;
    check_file(&file.metadata()?)?;
    Ok(file)
}

fn make(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create_new(true);
    #[cfg(unix)]
    options.mode(0o600);
    let file = options.open(path)?;
    #[cfg(unix)]
    file.set_permissions(fs::Permissions::from_mode(0o600))?;
    Ok(file)
}

fn check_file(metadata: &Metadata) -> io::Result<()> {
    if !metadata.is_file() {
        return Err(unfit(format!("it is {}, not a file", kind(metadata))));
    }
    check_owner(metadata)
}

#[cfg(unix)]
fn check_owner(metadata: &Metadata) -> io::Result<()> {
    if metadata.uid() == nix::unistd::geteuid().as_raw() {
        return Ok(());
    }
    Err(io::Error::new(ErrorKind::PermissionDenied, Unfit("it belongs to another user".to_owned())))
}

#[cfg(not(unix))]
fn check_owner(_: &Metadata) -> io::Result<()> {
    Ok(())
}

/// Whether a file has one name at most; none, if it was deleted meanwhile.
#[cfg(unix)]
pub(crate) fn check_names(metadata: &Metadata) -> io::Result<()> {
    match metadata.nlink() {
        0 | 1 => Ok(()),
        names => Err(unfit(format!("it is one file under {names} names, linked to each other"))),
    }
}

#[cfg(not(unix))]
pub(crate) fn check_names(_: &Metadata) -> io::Result<()> {
    Ok(())
}

fn kind(metadata: &Metadata) -> &'static str {
    let kind = metadata.file_type();
    #[cfg(unix)]
    match () {
        () if kind.is_fifo() => return "a pipe",
        () if kind.is_socket() => return "a socket",
        () if kind.is_block_device() || kind.is_char_device() => return "a device",
        () => {}
    }
    match () {
        () if kind.is_symlink() => "a link",
        () if kind.is_dir() => "a folder",
        () if kind.is_file() => "a file",
        () => "something else",
    }
}

/// What is wrong with something that is no file or folder of this user's.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Unfit(String);

fn unfit(reason: String) -> io::Error {
    io::Error::new(ErrorKind::InvalidInput, Unfit(reason))
}
