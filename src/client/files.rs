//! Opening the files of a telemetry folder so that nothing in the folder can harm the program.
//!
//! A folder in a user's home may hold anything: a pipe that nobody writes to, a link to `/dev/zero`,
//! another user's file. So every file in it is opened here, and is
//!
//! - checked before it is opened: it must be a regular file of this user. Links are not followed;
//! - opened without blocking, and checked again, in case it was replaced meanwhile;
//! - never inherited by a program that is started later;
//! - read up to a limit that the caller sets;
//! - created for this user only (0600 and 0700), whatever the umask;
//! - written only if the process may write files of that size: beyond `RLIMIT_FSIZE` the system would
//!   kill the program (`SIGXFSZ`);
//! - never overwritten in place: new content goes to a new file, which is then renamed. A link of that
//!   name is replaced, and its target is not changed. (Counter files are the exception, because several
//!   processes write them at once. They must not have a second name, a hard link, because they could be
//!   another kind of file under it.)
//!
//! Folders above the telemetry folder are up to the user, and may be links. Systems other than Unix have
//! no such owners and pipes; there only the kind of the file is checked.

use crate::durable::{self, NewFile};
use std::fmt;
use std::fs::{self, DirBuilder, File, Metadata, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

#[cfg(unix)]
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt, OpenOptionsExt, PermissionsExt};

/// The content of a file of at most `limit` bytes.
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

/// The content of a file of at most `limit` bytes, which must be UTF-8.
pub(crate) fn read_text(path: &Path, limit: u64) -> io::Result<String> {
    let not_text = |_| io::Error::new(ErrorKind::InvalidData, "it is not UTF-8");
    String::from_utf8(read(path, limit)?).map_err(not_text)
}

/// Opens a file to lock it, or to read and write it in place; creates it if it is missing. An existing
/// file may be written only if [`check_links`] allows it.
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

/// Creates a file with this content, not durably. The name must not exist.
pub(crate) fn create(path: &Path, content: &[u8]) -> io::Result<()> {
    may_grow_to(content.len() as u64)?;
    make(path)?.write_all(content)
}

/// Writes a file with this content durably, replacing any other. `temporary` is a name that nobody else
/// uses.
#[track_caller]
pub(crate) fn replace(path: &Path, temporary: &Path, content: &[u8]) -> io::Result<()> {
    may_grow_to(content.len() as u64)?;
    durable::replace(path, temporary, content, make)
}

/// As [`replace`], but not durably.
pub(crate) fn replace_unsynced(path: &Path, temporary: &Path, content: &[u8]) -> io::Result<()> {
    // A killed process may have left it.
    durable::remove_unsynced(temporary)?;
    may_grow_to(content.len() as u64)?;
    let mut file = NewFile::new(make(temporary)?, temporary);
    file.write_all(content)
        .and_then(|()| durable::rename_unsynced(temporary, path))
        .inspect_err(|_| drop(durable::remove_unsynced(temporary)))
}

/// Creates a file with this content durably; `false` if the file exists, which is left unchanged.
#[track_caller]
pub(crate) fn create_durably(path: &Path, temporary: &Path, content: &[u8]) -> io::Result<bool> {
    may_grow_to(content.len() as u64)?;
    durable::create(path, temporary, content, make)
}

/// As [`create_folder`], but durably, including its parent: a program that only counts may have created
/// both without waiting for the disk.
#[track_caller]
pub(crate) fn create_folder_durably(path: &Path) -> io::Result<()> {
    let mut new = create_folder_unsynced(path)?;
    new.extend([path.to_owned(), durable::folder_of(path).to_owned()]);
    new.sort_unstable();
    new.dedup();
    for folder in new {
        match durable::sync_folder_of(&folder) {
            // This user has not made a folder that they may not list.
            Err(e) if e.kind() == ErrorKind::PermissionDenied => {}
            synced => synced?,
        }
    }
    Ok(())
}

/// Creates a folder for this user only, and its parents if they are missing. An existing one must be a
/// folder of this user, not a link.
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

/// Checks that this is a folder of this user, not a link to one.
pub(crate) fn check_folder(path: &Path) -> io::Result<()> {
    let metadata = fs::symlink_metadata(path)?;
    if !metadata.is_dir() {
        return Err(unusable(format!("it is {}, not a folder", kind(&metadata))));
    }
    check_owner(&metadata)
}

/// Checks that this name is free, or that of a regular file of this user.
pub(crate) fn check_name(path: &Path) -> io::Result<()> {
    match fs::symlink_metadata(path) {
        Ok(metadata) => check_file(&metadata),
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(()),
        Err(e) => Err(e),
    }
}

/// Checks that a folder and those below it have only regular files of this user, for code that opens
/// files there without this module. The error names the first that is not.
pub(crate) fn check_tree(folder: &Path) -> Result<(), (PathBuf, io::Error)> {
    let at_folder = |e| (folder.to_path_buf(), e);
    check_folder(folder).map_err(at_folder)?;
    for entry in fs::read_dir(folder).map_err(at_folder)? {
        let path = entry.map_err(at_folder)?.path();
        match fs::symlink_metadata(&path) {
            Ok(metadata) if metadata.is_dir() => check_tree(&path)?,
            Ok(metadata) => check_file(&metadata).map_err(|e| (path, e))?,
            // A temporary file that another process has removed.
            Err(e) if e.kind() == ErrorKind::NotFound => {}
            Err(e) => return Err((path, e)),
        }
    }
    Ok(())
}

/// Whether this error is about something that is not a file or folder of this user. Trying again does
/// not help: a person must remove it.
pub(crate) fn is_unusable(error: &io::Error) -> bool {
    error.get_ref().is_some_and(|reason| reason.is::<Unusable>())
}

/// Checks that this process may write a file of this length. Trying would kill the process.
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
        return Err(unusable(format!("it is {}, not a file", kind(metadata))));
    }
    check_owner(metadata)
}

#[cfg(unix)]
fn check_owner(metadata: &Metadata) -> io::Result<()> {
    if metadata.uid() == nix::unistd::geteuid().as_raw() {
        return Ok(());
    }
    Err(io::Error::new(
        ErrorKind::PermissionDenied,
        Unusable("it belongs to another user".to_owned()),
    ))
}

#[cfg(not(unix))]
fn check_owner(_: &Metadata) -> io::Result<()> {
    Ok(())
}

/// Checks that a file has one name at most (none if it was deleted meanwhile).
#[cfg(unix)]
pub(crate) fn check_links(metadata: &Metadata) -> io::Result<()> {
    match metadata.nlink() {
        0 | 1 => Ok(()),
        names => Err(unusable(format!("it is one file under {names} names, linked to each other"))),
    }
}

#[cfg(not(unix))]
pub(crate) fn check_links(_: &Metadata) -> io::Result<()> {
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

/// Why something cannot be used as a file or folder of this user.
#[derive(Debug)]
struct Unusable(String);

impl fmt::Display for Unusable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Unusable {}

fn unusable(reason: String) -> io::Error {
    io::Error::new(ErrorKind::InvalidInput, Unusable(reason))
}
