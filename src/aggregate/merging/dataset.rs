//! The three files of the same reports: written together from ordered lines, or for a week spliced from
//! the files of its days.
//!
//! Each format has its own thread, and all get the same batches of lines, so making three files takes
//! as long as making the slowest. Memory: a few batches, and a row group.
//!
//! A week's lines are those of Monday, then those of Tuesday, and so on, so its files can be made by
//! copying: only checksums and footers are new.

use super::batch::Batch;
use super::gzip_lines::{self, GzipWriter};
use super::scratch::Scratch;
use super::zstd_lines::{self, ZstdWriter};
use crate::aggregate::index::{Dataset, FileFormat, PublicFile};
use crate::aggregate::parquet::error::ParquetError;
use crate::aggregate::parquet::splice;
use crate::aggregate::parquet::writer::ParquetWriter;
use crate::hashing::HashingWriter;
use crate::hex::hex;
use crate::ingest::{DecodeError, Report};
use std::fs::File;
use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

/// How many batches wait for a writer.
const WAITING: usize = 4;

/// Why the files of a dataset could not be made.
#[derive(Debug, thiserror::Error)]
pub(super) enum DatasetError {
    #[error("cannot write {path}: {source}")]
    Io { path: String, source: io::Error },
    #[error("cannot write {path}: {source}")]
    Parquet { path: String, source: ParquetError },
    /// A stored report is intact but not understood.
    #[error(transparent)]
    Report(#[from] DecodeError),
}

/// A finished file.
#[derive(Debug, Clone)]
pub(super) struct Made {
    /// Where it is.
    pub scratch: PathBuf,
    /// Its entry in the index.
    pub file: PublicFile,
}

/// Writes ordered lines to the files of all formats.
pub(super) struct DatasetWriter {
    batch: Batch,
    reports: u64,
    text: u64,
    writers: Vec<Writer>,
}

struct Writer {
    batches: SyncSender<Arc<Batch>>,
    thread: JoinHandle<Result<(Made, Option<Decoded>), DatasetError>>,
}

/// What is known once the lines are decoded.
#[derive(Debug, Clone, Copy)]
struct Decoded {
    /// The rows of the Parquet file.
    rows: u64,
    /// How many reports have stacks.
    with_stacks: u64,
}

impl DatasetWriter {
    /// Begins the files `NAME.FORMAT` in the scratch folder.
    pub fn start(scratch: &Scratch, name: &str) -> DatasetWriter {
        let start = |format: FileFormat| {
            let (batches, waiting) = sync_channel(WAITING);
            let path = scratch.path(&format!("{name}.{}", format.extension()));
            let thread = std::thread::spawn(move || write(format, path, &waiting));
            Writer { batches, thread }
        };
        let writers = FileFormat::ALL.map(start).into();
        DatasetWriter { batch: Batch::default(), reports: 0, text: 0, writers }
    }

    /// Adds the next line. [`DatasetWriter::finish`] reports the error of a writer that failed.
    pub fn push(&mut self, line: &[u8]) {
        self.batch.push(line);
        self.reports += 1;
        self.text += line.len() as u64 + 1;
        if self.batch.is_full() {
            self.send();
        }
    }

    fn send(&mut self) {
        let batch = self.batch.take();
        for writer in &self.writers {
            let _ = writer.batches.send(batch.clone());
        }
    }

    /// Finishes the files. They are not durable yet.
    pub fn finish(mut self) -> Result<(Dataset, Vec<Made>), DatasetError> {
        if !self.batch.is_empty() {
            self.send();
        }
        let (reports, text_bytes) = (self.reports, self.text);
        let mut dataset = Dataset { reports, text_bytes, ..Dataset::default() };
        let mut made = Vec::new();
        // Wait for all threads, even if the first failed.
        let mut failed = None;
        for Writer { batches, thread } in self.writers {
            drop(batches);
            match thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)) {
                Ok((file, decoded)) => {
                    if let Some(Decoded { rows, with_stacks }) = decoded {
                        (dataset.rows, dataset.with_stacks) = (rows, with_stacks);
                    }
                    dataset.files.push(file.file.clone());
                    made.push(file);
                }
                Err(error) => failed = failed.or(Some(error)),
            }
        }
        failed.map_or(Ok((dataset, made)), Err)
    }
}

fn write(
    format: FileFormat,
    path: PathBuf,
    batches: &Receiver<Arc<Batch>>,
) -> Result<(Made, Option<Decoded>), DatasetError> {
    let place = || path.display().to_string();
    let failed = |source| DatasetError::Io { path: place(), source };
    let parquet = |source| DatasetError::Parquet { path: place(), source };
    let out = HashingFile::create(&path).map_err(failed)?;
    let (out, decoded) = match format {
        FileFormat::NdjsonZstd => {
            let mut writer = ZstdWriter::new(out).map_err(failed)?;
            batches.iter().try_for_each(|batch| writer.write(&batch)).map_err(failed)?;
            (writer.finish().map_err(failed)?, None)
        }
        FileFormat::NdjsonGzip => {
            let mut writer = GzipWriter::new(out).map_err(failed)?;
            batches.iter().try_for_each(|batch| writer.write(&batch)).map_err(failed)?;
            (writer.finish().map_err(failed)?, None)
        }
        FileFormat::Parquet => {
            let mut writer = ParquetWriter::new(out).map_err(parquet)?;
            let mut with_stacks = 0;
            for batch in batches {
                for line in batch.lines() {
                    if writer.write_row(line).map_err(parquet)? {
                        continue;
                    }
                    let report = Report::decode(line)?;
                    let mut programs = report.programs.iter();
                    let has = programs.any(|program| program.stacks.iter().next().is_some());
                    with_stacks += u64::from(has);
                    writer.write(&report).map_err(parquet)?;
                }
            }
            let (out, rows) = writer.finish().map_err(parquet)?;
            (out, Some(Decoded { rows, with_stacks }))
        }
    };
    Ok((out.made(&path, format).map_err(failed)?, decoded))
}

/// The opened files of a day, and its entry in the index.
pub(super) struct Part {
    /// Its entry in the index.
    pub dataset: Dataset,
    /// Its files, in the order of [`FileFormat::ALL`].
    pub files: [File; 3],
}

/// Makes the files of a week from those of its days, which come in order.
pub(super) fn splice(
    scratch: &Scratch,
    name: &str,
    parts: Vec<Part>,
) -> Result<(Dataset, Vec<Made>), DatasetError> {
    let mut dataset = Dataset::default();
    let (mut zstd, mut gzip, mut parquet) = (Vec::new(), Vec::new(), Vec::new());
    for Part { dataset: day, files: [a, b, c] } in parts {
        dataset.reports += day.reports;
        dataset.rows += day.rows;
        dataset.with_stacks += day.with_stacks;
        dataset.text_bytes += day.text_bytes;
        zstd.push(a);
        gzip.push((b, day.text_bytes));
        parquet.push(c);
    }
    let mut made = Vec::new();
    for format in FileFormat::ALL {
        let path = scratch.path(&format!("{name}.{}", format.extension()));
        let place = || path.display().to_string();
        let failed = |source| DatasetError::Io { path: place(), source };
        let mut out = HashingFile::create(&path).map_err(failed)?;
        let spliced = match format {
            FileFormat::NdjsonZstd => zstd_lines::splice(&mut out, &mut zstd),
            FileFormat::NdjsonGzip => gzip_lines::splice(&mut out, &mut gzip),
            FileFormat::Parquet => {
                let parts = std::mem::take(&mut parquet);
                let failed = |source| DatasetError::Parquet { path: place(), source };
                out = splice::splice(out, parts).map_err(failed)?;
                Ok(())
            }
        };
        spliced.map_err(failed)?;
        let file = out.made(&path, format).map_err(failed)?;
        dataset.files.push(file.file.clone());
        made.push(file);
    }
    Ok((dataset, made))
}

/// A file of public data that is being written.
pub(super) type HashingFile = HashingWriter<BufWriter<File>>;

impl HashingFile {
    /// Begins a file.
    pub(super) fn create(path: &Path) -> io::Result<HashingFile> {
        Ok(HashingWriter::new(BufWriter::with_capacity(256 << 10, File::create(path)?)))
    }

    fn made(self, path: &Path, format: FileFormat) -> io::Result<Made> {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let (_, bytes, sha256) = self.finish()?;
        let file = PublicFile { name, format, bytes, sha256: hex(&sha256) };
        Ok(Made { scratch: path.to_owned(), file })
    }
}
