//! Module zips: byte-identical for equal input when written, checked when read.
//!
//! The format is that of <https://go.dev/ref/mod#zip-files>: every entry is a plain file named
//! `MODULE@VERSION/NAME`. Where the format leaves a choice, we write entries in the order given, *stored*
//! rather than compressed, with the earliest time that a zip can express, no permissions, no extra fields
//! and no comment.
//!
//! Stored, because a compressor's output depends on the release of its library: two builds could not be
//! relied on to give the same bytes, and an auditor who rebuilds a version next year would have to guess
//! which release was used. Stored, the bytes follow from these rules alone. Compression is left to HTTP.
//!
//! Reading accepts any packing that Go accepts, so that future writers may differ, and refuses what Go
//! refuses: names outside the module, names that are unsafe on some file system, two names that differ
//! only in case, and more bytes than [`MAX_ZIP`], whatever the zip declares.

use super::file_name::is_file_element;
use super::hash::summarize;
use super::{Hash1, ModulePath, ModuleVersion};
use crate::hashing::HashingWriter;
use ::zip::result::ZipError as FormatError;
use ::zip::write::SimpleFileOptions;
use ::zip::{CompressionMethod, DateTime, System, ZipArchive, ZipWriter};
use std::collections::BTreeMap;
use std::io::{self, Cursor, Read, Write};

/// Go's limit for a module zip, and for all its files together, in bytes.
pub const MAX_ZIP: u64 = 500 << 20;
/// Go's limit for the `go.mod` in a module zip, in bytes.
pub const MAX_GO_MOD: u64 = 16 << 20;
/// Our limit for one file that is held in memory, in bytes. Far more than any config.
pub const MAX_FILE: u64 = 64 << 20;

/// Why a module zip could not be made or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ZipError {
    /// The bytes are not a zip, or a damaged one.
    #[error("the module zip is damaged: {0}; download it again, or restore it from a backup")]
    Damaged(#[source] FormatError),
    /// A file of the zip could not be unpacked.
    #[error("{name:?} in the module zip is damaged: {source}")]
    DamagedFile {
        /// The full name of the entry.
        name: String,
        /// What the decoder said.
        #[source]
        source: io::Error,
    },
    /// An entry that is not allowed in a module zip.
    #[error("the module zip has an entry {name:?}, which {fault}")]
    Entry {
        /// The name of the entry, with replacement characters where it was not UTF-8.
        name: String,
        /// What is wrong with it.
        fault: &'static str,
    },
    /// The file asked for is not there.
    #[error("the module zip has no file {0:?}")]
    Missing(String),
    /// Too many bytes.
    #[error("{what} is larger than {limit} bytes, the most that is allowed")]
    TooLarge {
        /// The file, or "the module zip".
        what: String,
        /// The limit in bytes.
        limit: u64,
    },
}

/// Makes the zip of `path` at `version` from `files`: names within the module, and contents.
///
/// Equal input gives equal bytes, on every machine and in every build.
pub fn create_zip(
    path: &ModulePath,
    version: ModuleVersion,
    files: &[(&str, &[u8])],
) -> Result<Vec<u8>, ZipError> {
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Stored)
        .last_modified_time(DateTime::DEFAULT)
        // Also the default on every system but Windows.
        .system(System::Unix)
        .external_attributes(0);
    let mut names = NameCheck::default();
    let mut budget = Budget::default();
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, contents) in files {
        let whole = format!("{path}@{version}/{name}");
        names.check(&whole, name)?;
        let limit = if *name == "go.mod" { MAX_GO_MOD } else { MAX_FILE };
        budget.spend(name, contents.len() as u64, limit)?;
        writer.start_file(&*whole, options).map_err(ZipError::Damaged)?;
        writer
            .write_all(contents)
            .map_err(|source| ZipError::DamagedFile { name: whole.clone(), source })?;
    }
    let bytes = writer.finish().map_err(ZipError::Damaged)?.into_inner();
    check_size(&bytes)?;
    Ok(bytes)
}

/// The `h1:` hash of a module zip, as in the first line of a checksum database's record.
///
/// Memory use does not grow with the files. Names are not compared with a module path: if the hash is the
/// expected one, so are the names, which are part of it.
pub fn hash_zip(zip: &[u8]) -> Result<Hash1, ZipError> {
    hash_within(zip, Budget::default())
}

fn hash_within(zip: &[u8], mut budget: Budget) -> Result<Hash1, ZipError> {
    let mut archive = open(zip)?;
    let mut digests = Vec::new();
    for index in 0..archive.len() {
        let file = archive.by_index(index).map_err(ZipError::Damaged)?;
        let name = entry_name(file.name_raw())?;
        let mut digest = HashingWriter::new(io::sink());
        let limit = budget.left(MAX_ZIP);
        let size = io::copy(&mut file.take(limit.saturating_add(1)), &mut digest)
            .map_err(|source| ZipError::DamagedFile { name: name.clone(), source })?;
        budget.spend(&name, size, MAX_ZIP)?;
        let (_, _, hash) = digest
            .finish()
            .map_err(|source| ZipError::DamagedFile { name: name.clone(), source })?;
        digests.push((name, hash));
    }
    // `entry_name` has refused every newline.
    summarize(digests)
        .ok_or_else(|| ZipError::Entry { name: String::new(), fault: "has a newline in its name" })
}

/// The contents of `name` (within the module) in the zip of `path` at `version`, after the names of all
/// entries were checked. At most [`MAX_FILE`] bytes are unpacked.
pub fn read_file(
    zip: &[u8],
    path: &ModulePath,
    version: ModuleVersion,
    name: &str,
) -> Result<Vec<u8>, ZipError> {
    let mut archive = open(zip)?;
    let prefix = format!("{path}@{version}/");
    let mut names = NameCheck::default();
    for raw in archive.file_names_raw() {
        let whole = entry_name(raw)?;
        let inner = whole.strip_prefix(&prefix).ok_or_else(|| ZipError::Entry {
            name: whole.clone(),
            fault: "is not a file of this module and version",
        })?;
        names.check(&whole, inner)?;
    }
    let whole = format!("{prefix}{name}");
    let index =
        archive.index_for_name_raw(whole.as_bytes()).ok_or(ZipError::Missing(whole.clone()))?;
    let file = archive.by_index(index).map_err(ZipError::Damaged)?;
    let limit = if name == "go.mod" { MAX_GO_MOD } else { MAX_FILE };
    let mut contents = Vec::new();
    file.take(limit + 1)
        .read_to_end(&mut contents)
        .map_err(|source| ZipError::DamagedFile { name: whole.clone(), source })?;
    Budget::default().spend(&whole, contents.len() as u64, limit)?;
    Ok(contents)
}

/// Opens the zip, refusing inconsistent headers, with which two readers would see different files.
pub(super) fn open(zip: &[u8]) -> Result<ZipArchive<Cursor<&[u8]>>, ZipError> {
    check_size(zip)?;
    let mut archive = ZipArchive::new(Cursor::new(zip)).map_err(ZipError::Damaged)?;
    archive.validate_header_consistency().map_err(ZipError::Damaged)?;
    Ok(archive)
}

fn check_size(zip: &[u8]) -> Result<(), ZipError> {
    Budget::default().spend("the module zip", zip.len() as u64, MAX_ZIP)
}

/// The name as Go sees it: the raw bytes, whatever encoding the entry claims.
pub(super) fn entry_name(raw: &[u8]) -> Result<String, ZipError> {
    let refuse = |fault| ZipError::Entry { name: String::from_utf8_lossy(raw).into_owned(), fault };
    let name = std::str::from_utf8(raw).map_err(|_| refuse("is not named in UTF-8"))?;
    match name {
        _ if name.contains('\n') => Err(refuse("has a newline in its name")),
        _ if name.ends_with('/') => Err(refuse("is a folder; a module zip has files only")),
        _ => Ok(name.to_string()),
    }
}

/// The bytes that a zip's files may still take up together.
struct Budget(u64);

impl Default for Budget {
    fn default() -> Budget {
        Budget(MAX_ZIP)
    }
}

impl Budget {
    fn left(&self, limit: u64) -> u64 {
        self.0.min(limit)
    }

    fn spend(&mut self, what: &str, size: u64, limit: u64) -> Result<(), ZipError> {
        let limit = self.left(limit);
        match self.0.checked_sub(size) {
            Some(left) if size <= limit => self.0 = left,
            _ => return Err(ZipError::TooLarge { what: what.to_string(), limit }),
        }
        Ok(())
    }
}

/// Go's rules for the names in one zip, taken together.
#[derive(Default)]
struct NameCheck {
    /// By name in lower case: the name as it is, and whether it is a folder.
    seen: BTreeMap<String, (String, bool)>,
}

impl NameCheck {
    /// Checks `inner`, the name within the module; `whole` is for the message.
    fn check(&mut self, whole: &str, inner: &str) -> Result<(), ZipError> {
        let refuse = |fault| Err(ZipError::Entry { name: whole.to_string(), fault });
        if !inner.split('/').all(is_file_element) {
            return refuse("is not a name that every file system accepts");
        }
        let last = inner.rsplit('/').next().unwrap_or(inner);
        if last.eq_ignore_ascii_case("go.mod") && inner != "go.mod" {
            return refuse("is another module's go.mod, or go.mod in capitals");
        }
        let folders = inner.match_indices('/').map(|(at, _)| (inner.split_at(at).0, true));
        for (name, folder) in folders.chain([(inner, false)]) {
            let new = (name.to_string(), folder);
            match self.seen.insert(name.to_ascii_lowercase(), new.clone()) {
                Some(old) if old != new || !folder => {
                    return refuse("is the same as another on a file system that folds capitals");
                }
                _ => {}
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
