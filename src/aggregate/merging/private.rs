//! Objects that are not served: rows that wait, and complete rows of reports with a hidden stack.
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
use crate::aggregate::index::{PrivateFile, private_key};
use crate::aggregate::public::{PublicData, PublicError};
use crate::durable;
use crate::hashing::sha256_of;
use crate::hex::hex;
use crate::store::Key;
use jiff::civil::Date;
use std::collections::BTreeMap;
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
    let key = Key::new(private_key(&file.sha256))?;
    let failed = |source| PublicError::Io { name: key.to_string(), source };
    let Some(mut opened) = public.store().open(&key)? else {
        // Another merge may just have replaced it.
        let index = public.index()?;
        let named = [&index.waiting, &index.unshown];
        return Err(match named.into_iter().flatten().any(|other| other == file) {
            true => MergeError::from(PublicError::MissingRows { name: key.to_string() }).into(),
            false => Stop::Lost,
        });
    };
    if sha256_of(&mut opened).map_err(failed)? != file.sha256 {
        return Err(MergeError::from(PublicError::DamagedRows { name: key.to_string() }).into());
    }
    io::Seek::rewind(&mut opened).map_err(failed)?;
    Ok(LineReader(zstd_lines::decode(opened).map_err(failed)?))
}
