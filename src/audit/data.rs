//! The files of the public data.
//!
//! The index is not signed, so it is only compared with itself and the files: each file has the size and
//! hash that it names, and the three forms of a dataset contain the same reports. Each report is checked
//! against the config that it names (`rows`). An omitted report cannot be noticed from outside.

use super::editions::IndexedEditions;
use super::fetch::{FetchError, Remote, SMALL};
use super::public_form::RowForms;
use super::rotation::Rotation;
use super::rows::{Rows, Rules};
use super::same_reports::ReportsDigest;
use super::shown_stacks::ShownStacks;
use super::state::AuditState;
use super::verdict::{Check, VerdictId};
use crate::aggregate::index::{Dataset, FileFormat, Index, PublicFile, week_of};
use crate::aggregate::{Phase, Progress};
use crate::client::{Http, TransportError};
use crate::hashing::{HashingWriter, sha256_of};
use crate::hex::hex;
use jiff::civil::Date;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufReader, Seek};

/// The largest public file that is downloaded.
const LARGEST_FILE: u64 = 64 << 30;

/// The checks of the public data.
pub(super) struct DataChecks {
    pub files: Check,
    pub rows: Check,
    pub open: Check,
    pub form: Check,
    /// Hashes of the first rows of the days whose files were read.
    pub first_rows: BTreeMap<Date, Vec<u64>>,
    pub read: u64,
    pub reports: u64,
    /// Files that were found right before, and have not changed.
    pub known: u64,
}

impl DataChecks {
    pub(super) fn new() -> DataChecks {
        DataChecks {
            files: Check::of(VerdictId::DataFiles),
            rows: Check::of(VerdictId::DataRows),
            open: Check::of(VerdictId::OpenConfigs),
            form: Check::of(VerdictId::RowForm),
            first_rows: BTreeMap::new(),
            read: 0,
            reports: 0,
            known: 0,
        }
    }
}

/// Downloads the index.
pub(super) fn read_index(remote: &Remote<'_>) -> Result<(Index, IndexedEditions), FetchError> {
    let bytes = remote.ask("data/index.json", SMALL)?;
    let malformed = |error: serde_json::Error| {
        FetchError::Wrong(format!("{}: {error}", remote.url("data/index.json")))
    };
    let index = serde_json::from_slice(&bytes).map_err(malformed)?;
    Ok((index, serde_json::from_slice(&bytes).map_err(malformed)?))
}

/// Checks every file in the index that was not found right before, and some of the others again.
pub(super) fn check_data(
    (remote, http): (&Remote<'_>, &Http),
    index: &Index,
    rules: &mut Rules<'_, '_>,
    state: &mut AuditState,
    rotation: Rotation,
    checks: &mut DataChecks,
    progress: &dyn Progress,
) {
    let days = index.days.iter().map(|(date, dataset)| ("days", *date, dataset));
    let weeks = index.weeks.iter().map(|(date, week)| ("weeks", *date, &week.data));
    let all: Vec<_> = days.chain(weeks).collect();
    let current: std::collections::BTreeSet<String> =
        all.iter().flat_map(|(_, _, set)| &set.files).map(|file| file.sha256.clone()).collect();
    state.files.retain(|sha256| current.contains(sha256));
    // Only earlier runs count: files with the same hash are all read.
    let before = state.files.clone();
    let newest = [index.days.keys().next_back(), index.weeks.keys().next_back()];
    for (done, (kind, date, dataset)) in all.iter().enumerate() {
        progress.advance(Phase::Files, done as u64, all.len() as u64);
        let known = dataset.files.iter().all(|file| before.contains(&file.sha256));
        let again = newest.contains(&Some(date)) || rotation.has_date(*date);
        if known && !again && !dataset.files.is_empty() {
            checks.known += dataset.files.len() as u64;
            continue;
        }
        // Reports of a day are counted with its week, if there is one.
        let counts = *kind == "weeks" || !index.weeks.contains_key(&week_of(*date));
        if check_dataset(remote, http, (kind, *date, dataset), counts, rules, checks) {
            state.files.extend(dataset.files.iter().map(|file| file.sha256.clone()));
        }
    }
    progress.advance(Phase::Files, all.len() as u64, all.len() as u64);
}

fn check_dataset(
    remote: &Remote<'_>,
    http: &Http,
    (kind, date, dataset): (&str, Date, &Dataset),
    counts: bool,
    rules: &mut Rules<'_, '_>,
    checks: &mut DataChecks,
) -> bool {
    let mut is_right = true;
    let mut texts: BTreeMap<String, String> = BTreeMap::new();
    let mut digests: Vec<[u8; 32]> = Vec::new();
    for format in FileFormat::ALL {
        let Some(file) = dataset.file(format) else {
            let extension = format.extension();
            checks.files.wrong(format!("the index names no {extension} file for {kind}/{date}"));
            is_right = false;
            continue;
        };
        let opened = match download(remote, http, kind, file) {
            Ok(opened) => opened,
            Err(trouble) => {
                checks.files.failed(&trouble);
                is_right = false;
                continue;
            }
        };
        checks.read += 1;
        let mut rows = Rows {
            name: &file.name,
            in_set: &|week: Date| match kind {
                "days" => week == date,
                _ => week_of(week) == date,
            },
            rules,
            forms: RowForms::default(),
            digest: ReportsDigest::default(),
            stacks: (kind == "weeks" && dataset.complete).then(ShownStacks::default),
            is_right: true,
            bad: None,
            reports: 0,
            rows: 0,
        };
        let read = match format {
            FileFormat::Parquet => rows.parquet(opened, &mut checks.rows),
            FileFormat::NdjsonZstd => zstd::Decoder::new(opened)
                .and_then(|text| {
                    let checks = (&mut checks.rows, &mut checks.open, &mut checks.form);
                    rows.lines(BufReader::new(text), checks)
                })
                .map(|digest| drop(texts.insert(file.name.clone(), digest))),
            // The same text again, so only its hash is needed.
            FileFormat::NdjsonGzip => {
                sha256_of(flate2::read::MultiGzDecoder::new(BufReader::new(opened)))
                    .map(|digest| drop(texts.insert(file.name.clone(), digest)))
            }
        };
        rows.report_bad(&mut checks.rows);
        if let Err(error) = read {
            checks.files.wrong(format!("{} cannot be read: {error}", file.name));
            is_right = false;
            continue;
        }
        is_right &= rows.is_right;
        let rare = rows.stacks.as_ref().and_then(|stacks| stacks.rare(dataset.stack_minimum));
        if let Some(rare) = rare {
            checks.form.wrong(format!("{}: {rare}", file.name));
            is_right = false;
        }
        if format != FileFormat::NdjsonGzip {
            digests.push(std::mem::take(&mut rows.digest).finish());
        }
        if kind == "days" && format == FileFormat::NdjsonZstd {
            checks.first_rows.insert(date, std::mem::take(&mut rows.forms.first));
        }
        let (counted, stated) = match format {
            FileFormat::NdjsonZstd => (rows.reports, dataset.reports),
            FileFormat::Parquet => (rows.rows, dataset.rows),
            FileFormat::NdjsonGzip => (0, 0),
        };
        checks.reports += if format == FileFormat::NdjsonZstd && counts { counted } else { 0 };
        if counted != stated {
            checks
                .files
                .wrong(format!("{} has {counted} of what the index says are {stated}", file.name));
            is_right = false;
        }
    }
    let mut texts = texts.values();
    if let Some(first) = texts.next()
        && texts.any(|other| other != first)
    {
        checks.files.wrong(format!("the two NDJSON files of {kind}/{date} hold different reports"));
        is_right = false;
    }
    if let [text, parquet] = digests[..]
        && text != parquet
    {
        checks.files.wrong(format!(
            "the Parquet file of {kind}/{date} has other reports than its NDJSON, or numbers them differently"
        ));
        is_right = false;
    }
    is_right
}

/// Downloads a file, and checks its size and hash against the index.
pub(super) fn download(
    remote: &Remote<'_>,
    http: &Http,
    kind: &str,
    file: &PublicFile,
) -> Result<File, FetchError> {
    let path = format!("data/{kind}/{}", file.name);
    let url = remote.url(&path);
    if file.bytes > LARGEST_FILE || file.name.contains(['/', '?', '#', '%']) {
        return Err(FetchError::Wrong(format!(
            "the index names {:?} of {} bytes",
            file.name, file.bytes
        )));
    }
    let own = |error: io::Error| FetchError::Unreachable(format!("cannot store {url}: {error}"));
    let mut kept = HashingWriter::new(tempfile::tempfile().map_err(own)?);
    let downloaded = http.download(&url, file.bytes, &mut kept);
    if let Err(TransportError::TooLarge { .. }) = &downloaded {
        let said = format!("{url} has more bytes than the {} that the index says", file.bytes);
        return Err(FetchError::Wrong(said));
    }
    match downloaded? {
        None => return Err(remote.withheld(&path)),
        Some(bytes) if bytes != file.bytes => {
            return Err(FetchError::Wrong(format!(
                "{url} has {bytes} bytes, and the index says {}",
                file.bytes
            )));
        }
        Some(_) => {}
    }
    let (mut opened, _, hash) = kept.finish().map_err(own)?;
    if hex(&hash) != file.sha256 {
        return Err(FetchError::Wrong(format!(
            "{url} does not have the hash that the index names"
        )));
    }
    opened.rewind().map_err(own)?;
    Ok(opened)
}
