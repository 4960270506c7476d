//! One audit: run, evidence kept, result printed.

use super::super::progress::Bar;
use super::super::{Failure, Output};
use super::screen::Screen;
use crate::audit::{AuditOptions, AuditReport, audit};
use crate::client::Http;
use crate::durable;
use crate::tlog::Evidence;
use jiff::Timestamp;
use std::io;
use std::path::{Path, PathBuf};

/// Audits, writes evidence if there is any, and prints the result.
pub(super) fn once(
    options: &AuditOptions,
    evidence: &Path,
    out: Output,
) -> Result<AuditReport, Failure> {
    let bar = Bar::new();
    let report = audit(options, &Http::new(), Timestamp::now(), &bar)?;
    drop(bar);
    let written = write_evidence(&report, evidence)?;
    out.line(&report, Screen { report: &report, evidence: &written })?;
    Ok(report)
}

/// Writes each piece of evidence to a file of its own, and returns their names. No file is overwritten, and
/// evidence that is in a file already is not written again.
fn write_evidence(report: &AuditReport, first: &Path) -> Result<Vec<PathBuf>, Failure> {
    let mut written = Vec::new();
    for evidence in &report.evidence {
        let text = evidence.to_string();
        let mut names = std::iter::once(first.to_owned())
            .chain((2..u32::MAX).map(|number| with_suffix(first, &format!(".{number}"))));
        let path = names.find_map(|path| match keep(&path, evidence, &text) {
            Ok(true) => Some(Ok(path)),
            Ok(false) => None,
            Err(e) => Some(Err(Failure::new(format!("cannot write {}: {e}", path.display())))),
        });
        written.extend(path.transpose()?);
    }
    Ok(written)
}

/// Whether the evidence is in this file now; it is not if the file holds something else.
fn keep(path: &Path, evidence: &Evidence, text: &str) -> io::Result<bool> {
    if path.symlink_metadata().is_ok() {
        // Read only if it is not longer than evidence can be. Remarks may differ.
        let is_short = path.metadata().is_ok_and(|file| file.is_file() && file.len() < (16 << 20));
        let there = if is_short { std::fs::read(path).ok() } else { None };
        let there = there.and_then(|bytes| Evidence::parse(&bytes).ok());
        return Ok(there.is_some_and(|there| there.shows == evidence.shows));
    }
    durable::make_folders(durable::folder_of(path))?;
    let temporary = with_suffix(path, &format!(".{}.tmp", std::process::id()));
    durable::create(path, &temporary, text.as_bytes(), durable::shared_file)
}

/// The path with a suffix after its file name.
pub(super) fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}
