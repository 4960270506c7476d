//! Objects that are not served: rows that wait, complete rows of reports with a hidden stack, and `identities`.
//!
//! Lines in the order of public data, compressed with Zstandard. They are named after their SHA-256 by
//! the index, and removed as soon as it names others: only a merge reads them.

use super::batch::Batch;
use super::dataset::HashingFile;
use super::line::LineKey;
use super::merge_error::{MergeError, Stop};
use super::scratch::Scratch;
use super::sort::{LineReader, Lines};
use super::zstd_lines::{self, ZstdWriter};
use crate::aggregate::index::{Index, PrivateFile, private_key};
use crate::aggregate::public::{PublicData, PublicError};
use crate::durable;
use crate::hashing::sha256_of;
use crate::hex::hex;
use crate::store::Key;
use jiff::civil::Date;
use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::path::PathBuf;

/// A private object that was made.
#[derive(Debug)]
pub(super) struct MadePrivate {
    /// Where it is.
    pub scratch: PathBuf,
    /// Its entry in the index.
    pub file: PrivateFile,
}

/// Writes lines, in order, to a private object.
pub(super) struct PrivateWriter {
    path: PathBuf,
    out: ZstdWriter<HashingFile>,
    batch: Batch,
    reports: BTreeMap<Date, u64>,
}

impl PrivateWriter {
    /// Begins the file `NAME.private` in the scratch folder.
    pub fn start(scratch: &Scratch, name: &str) -> io::Result<PrivateWriter> {
        let path = scratch.path(&format!("{name}.private"));
        let out = ZstdWriter::new(HashingFile::create(&path)?)?;
        Ok(PrivateWriter { path, out, batch: Batch::default(), reports: BTreeMap::new() })
    }

    /// Adds the next line.
    pub fn push(&mut self, key: LineKey, line: &[u8]) -> io::Result<()> {
        *self.reports.entry(key.day).or_default() += 1;
        self.batch.push(line);
        if self.batch.is_full() {
            let batch = self.batch.take();
            self.out.write(&batch)?;
        }
        Ok(())
    }

    /// Finishes it; `None` if it has no lines.
    pub fn finish(mut self) -> io::Result<Option<MadePrivate>> {
        if self.reports.is_empty() {
            durable::remove_unsynced(&self.path)?;
            return Ok(None);
        }
        let batch = self.batch.take();
        self.out.write(&batch)?;
        let (_, bytes, sha256) = self.out.finish()?.finish()?;
        let file = PrivateFile { bytes, sha256: hex(&sha256), reports: self.reports };
        Ok(Some(MadePrivate { scratch: self.path, file }))
    }
}

/// Reads the lines of a private object, after checking its hash.
pub(super) fn read(public: &PublicData, file: &PrivateFile) -> Result<impl Lines + use<>, Stop> {
    let named = |index: &Index| {
        [&index.waiting, &index.unshown].into_iter().flatten().any(|other| other == file)
    };
    let (key, opened) = open(public, file, named)?;
    let decoded = zstd_lines::decode(opened);
    Ok(LineReader(decoded.map_err(|source| PublicError::Io { name: key.to_string(), source })?))
}

/// Opens a private object, after checking its hash. `named` says whether an index names it.
pub(super) fn open(
    public: &PublicData,
    file: &PrivateFile,
    named: impl Fn(&Index) -> bool,
) -> Result<(Key, File), Stop> {
    let key = Key::new(private_key(&file.sha256))?;
    let failed = |source| PublicError::Io { name: key.to_string(), source };
    let Some(mut opened) = public.store().open(&key)? else {
        // Another merge may just have replaced it.
        return Err(match named(&public.index()?) {
            true => MergeError::from(PublicError::MissingRows { name: key.to_string() }).into(),
            false => Stop::Lost,
        });
    };
    if sha256_of(&mut opened).map_err(failed)? != file.sha256 {
        return Err(MergeError::from(PublicError::DamagedRows { name: key.to_string() }).into());
    }
    io::Seek::rewind(&mut opened).map_err(failed)?;
    Ok((key, opened))
}
