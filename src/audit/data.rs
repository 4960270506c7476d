//! The public data: its files match the index, and its rows contain only what their configs allow.
//!
//! The index is not signed, so it is only compared with itself and the files: each file has the size and
//! hash that it names, the three forms of a dataset contain the same reports, and every report contains
//! only strings, rates and depths of the config that it names, which must be in the log. An omitted report
//! cannot be noticed from outside.

use super::digest::{hex, sha256_of};
use super::editions::IndexedEditions;
use super::fetch::{FetchError, Remote, SMALL};
use super::public_form::{Rates, RowForms};
use super::rotation::Rotation;
use super::same_reports::ReportsDigest;
use super::shown_stacks::ShownStacks;
use super::state::AuditState;
use super::verdict::{Check, VerdictId};
use super::versions::Versions;
use crate::aggregate::index::{Dataset, FileFormat, Index, PublicFile, week_of};
use crate::aggregate::parquet::columns::Columns;
use crate::aggregate::{ParquetReader, Phase, Progress};
use crate::client::{Http, TransportError};
use crate::collection::Allowed;
use crate::gomod::{Module, ModuleVersion};
use crate::ingest::{ProgramReport, Report};
use jiff::ToSpan;
use jiff::civil::Date;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, Write};

/// The largest public file that is downloaded.
const LARGEST_FILE: u64 = 64 << 30;
/// The longest line that is read; reports are far smaller.
const LONGEST_LINE: u64 = 16 << 20;

/// Reports under a config are accepted for this many days after the next one.
const OPEN_DAYS: i32 = 56;

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

/// Configs, indexed for rows.
pub(super) struct Rules<'v, 'a> {
    pub versions: &'v mut Versions<'a>,
    allowed: HashMap<ModuleVersion, Result<Allowed, FetchError>>,
    /// The last day of reports under each config; `None` for the newest.
    last_days: HashMap<ModuleVersion, Result<Option<Date>, FetchError>>,
    rates: Rates,
}

impl<'v, 'a> Rules<'v, 'a> {
    pub(super) fn new(versions: &'v mut Versions<'a>) -> Rules<'v, 'a> {
        let (allowed, last_days) = (HashMap::new(), HashMap::new());
        Rules { versions, allowed, last_days, rates: Rates::default() }
    }

    fn of(&mut self, version: ModuleVersion) -> Result<&Allowed, FetchError> {
        let versions = &mut *self.versions;
        let found = self
            .allowed
            .entry(version)
            .or_insert_with(|| versions.config(version).map(|config| Allowed::new(&config)));
        found.as_ref().map_err(FetchError::clone)
    }
}

impl Rules<'_, '_> {
    /// The last day of reports under a config, from the day for which the next one was published.
    fn last_day(&mut self, version: ModuleVersion) -> Result<Option<Date>, FetchError> {
        let versions = &mut *self.versions;
        let found = self.last_days.entry(version).or_insert_with(|| {
            let as_of = |module: Result<Module, FetchError>| {
                let day = module?.provenance().as_of.to_string();
                day.parse::<Date>().map_err(|error| FetchError::Wrong(format!("{day}: {error}")))
            };
            let Ok(next) = ModuleVersion::new(version.number() + 1) else { return Ok(None) };
            if next.number() > versions.head.size.get() {
                return Ok(None);
            }
            let day = as_of(versions.module(version))?.max(as_of(versions.module(next))?);
            Ok(Some(day.saturating_add(i64::from(OPEN_DAYS).days())))
        });
        found.clone()
    }
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
        progress.advance(Phase::Days, done as u64, all.len() as u64);
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
    progress.advance(Phase::Days, all.len() as u64, all.len() as u64);
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
    let mut said: Vec<[u8; 32]> = Vec::new();
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
            said.push(std::mem::take(&mut rows.digest).finish());
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
    let mut digests = texts.values();
    if let Some(first) = digests.next()
        && digests.any(|other| other != first)
    {
        checks.files.wrong(format!("the two NDJSON files of {kind}/{date} hold different reports"));
        is_right = false;
    }
    if let [text, parquet] = said[..]
        && text != parquet
    {
        checks.files.wrong(format!(
            "the Parquet file of {kind}/{date} holds other reports than its NDJSON, or numbers them otherwise"
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
    let mut kept = Hashed { file: tempfile::tempfile().map_err(own)?, digest: Sha256::new() };
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
    let Hashed { file: mut opened, digest } = kept;
    if hex(&digest.finalize()) != file.sha256 {
        return Err(FetchError::Wrong(format!(
            "{url} does not have the hash that the index names"
        )));
    }
    opened.rewind().map_err(own)?;
    Ok(opened)
}

struct Hashed {
    file: File,
    digest: Sha256,
}

impl Write for Hashed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.digest.update(bytes.get(..written).unwrap_or_default());
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// Checks the rows of one file against the configs.
struct Rows<'r, 'v, 'a> {
    name: &'r str,
    in_set: &'r dyn Fn(Date) -> bool,
    rules: &'r mut Rules<'v, 'a>,
    forms: RowForms,
    /// Of all that the file says.
    digest: ReportsDigest,
    /// Of the NDJSON file of a complete week.
    stacks: Option<ShownStacks>,
    is_right: bool,
    /// The reports that are not allowed.
    bad: Option<Bad>,
    reports: u64,
    /// The number of builds of programs, in a Parquet file.
    rows: u64,
}

/// The reports of a file that are not allowed.
struct Bad {
    /// The number of the first, and what is wrong with it.
    first: (u64, String),
    /// The number of the last one, as a report may have several rows.
    last: u64,
    reports: u64,
}

impl Rows<'_, '_, '_> {
    /// Checks that a row has the form of public rows.
    fn check_form(&mut self, line: &[u8], report: &Report<'_>, check: &mut Check) {
        let of = (&mut self.rules.rates, &mut *self.rules.versions);
        match self.forms.next(line, report, of) {
            Ok(Ok(())) => {}
            Ok(Err(reason)) => {
                self.is_right = false;
                check.wrong(format!("{}, report {}: {reason}", self.name, self.reports));
            }
            Err(trouble) => {
                self.is_right = false;
                check.failed(&trouble);
            }
        }
    }

    /// Checks that a config was open on a day.
    fn check_open(&mut self, config: ModuleVersion, day: Date, check: &mut Check) {
        match self.rules.last_day(config) {
            Ok(Some(last)) if day > last => {
                self.is_right = false;
                check.wrong(format!(
                    "{}: a report of {day} names {config}, which ended on {last}",
                    self.name
                ));
            }
            Ok(_) => {}
            Err(trouble) => {
                self.is_right = false;
                check.failed(&trouble);
            }
        }
    }

    fn lines(
        &mut self,
        mut text: impl BufRead,
        (check, open, form): (&mut Check, &mut Check, &mut Check),
    ) -> io::Result<String> {
        let mut digest = Sha256::new();
        let mut line = Vec::new();
        loop {
            line.clear();
            if text.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut line)? == 0 {
                return Ok(hex(&digest.finalize()));
            }
            digest.update(&line);
            self.reports += 1;
            let report = Report::decode(line.strip_suffix(b"\n").unwrap_or(&line));
            let found = match &report {
                Err(error) => Err(Some(error.to_string())),
                Ok(report) => {
                    self.digest.report(report);
                    if let Some(stacks) = &mut self.stacks {
                        stacks.add(self.reports, report);
                    }
                    self.check_open(report.config, report.week, open);
                    self.check_form(line.strip_suffix(b"\n").unwrap_or(&line), report, form);
                    self.report(report, check)
                }
            };
            self.note(found);
        }
    }

    fn note(&mut self, found: Result<(), Option<String>>) {
        let Err(reason) = found else { return };
        self.is_right = false;
        let (Some(reason), number) = (reason, self.reports) else { return };
        let first = || Bad { first: (number, reason), last: 0, reports: 0 };
        let bad = self.bad.get_or_insert_with(first);
        bad.reports += u64::from(bad.last != number);
        bad.last = number;
    }

    /// Reports what is wrong with the file: the number of reports, and the first of them.
    fn report_bad(&self, check: &mut Check) {
        let Some(Bad { first: (number, reason), reports, .. }) = &self.bad else { return };
        let more = match reports {
            0 | 1 => String::new(),
            reports => format!("; {reports} reports of this file are wrong"),
        };
        check.wrong(format!("{}, report {number}: {reason}{more}", self.name));
    }

    /// `Err(None)` if the problem was already reported.
    fn report(&mut self, report: &Report<'_>, check: &mut Check) -> Result<(), Option<String>> {
        if !(self.in_set)(report.week) {
            return Err(Some(format!("it is of the week {}", report.week)));
        }
        let allowed = match self.rules.of(report.config) {
            Ok(allowed) => allowed,
            Err(trouble) => {
                check.failed(&trouble);
                return Err(None);
            }
        };
        let (x, config) = (report.x.get(), report.config);
        if x > allowed.sample_rate().get() {
            return Err(Some(above_sample_rate(config)));
        }
        report
            .programs
            .iter()
            .try_for_each(|program| build(allowed, program, x))
            .map_err(|what| Some(format!("{config} does not allow {what}")))
    }

    fn parquet(&mut self, file: File, check: &mut Check) -> io::Result<()> {
        let other = |error: crate::aggregate::ParquetError| io::Error::other(error.to_string());
        // The Parquet library may panic on malformed files.
        let read = || -> io::Result<Vec<(Columns, Vec<i32>)>> {
            let reader = ParquetReader::open(file).map_err(other)?;
            let group = |group| Ok((reader.read(group)?, reader.days(group)?));
            (0..reader.row_groups()).map(|number| group(number).map_err(other)).collect()
        };
        let groups = std::panic::catch_unwind(std::panic::AssertUnwindSafe(read))
            .unwrap_or_else(|_| Err(io::Error::other("it is damaged")))?;
        let mut last = None;
        for (columns, days) in groups {
            self.digest.rows(&columns, &days);
            for (row, number) in columns.report.iter().enumerate() {
                self.rows += u64::from(columns.program.get(row).is_some_and(Option::is_some));
                self.reports += u64::from(last.replace(*number) != Some(*number));
                let found = self.row(&columns, row, check);
                self.note(found);
            }
        }
        Ok(())
    }

    fn row(
        &mut self,
        columns: &Columns,
        row: usize,
        check: &mut Check,
    ) -> Result<(), Option<String>> {
        let text = |id: Option<u32>| {
            let index = id.and_then(|id| usize::try_from(id).ok());
            index.and_then(|at| columns.texts.get(at)).map(String::as_str).unwrap_or_default()
        };
        let of = |column: &[Option<u32>]| text(column.get(row).copied().flatten());
        let config = text(columns.config.get(row).copied());
        let Ok(version) = config.parse::<ModuleVersion>() else {
            return Err(Some(format!("it names the config {config:?}")));
        };
        let allowed = match self.rules.of(version) {
            Ok(allowed) => allowed,
            Err(trouble) => {
                check.failed(&trouble);
                return Err(None);
            }
        };
        let x = columns.x.get(row).copied().unwrap_or(f64::MAX);
        if columns.program.get(row).is_some_and(Option::is_none) {
            let fine = x <= allowed.sample_rate().get();
            return fine.then_some(()).ok_or_else(|| Some(above_sample_rate(version)));
        }
        let names = |counts: &crate::aggregate::parquet::columns::Counts| -> Vec<&str> {
            let index = |(name, _): (u32, u64)| usize::try_from(name).ok();
            let names = counts.row(row).filter_map(index);
            names.filter_map(|at| columns.texts.get(at)).map(String::as_str).collect()
        };
        let seen = Build {
            program: of(&columns.program),
            version: of(&columns.version),
            toolchain: of(&columns.toolchain),
            goos: of(&columns.goos),
            goarch: of(&columns.goarch),
            counters: names(&columns.counters),
            stacks: names(&columns.stacks),
        };
        seen.is_allowed(allowed, x).map_err(|what| Some(format!("{version} does not allow {what}")))
    }
}

fn above_sample_rate(config: ModuleVersion) -> String {
    format!("its X is above the sample rate of {config}")
}

/// What one build of a program reported, in any of the files.
struct Build<'b> {
    program: &'b str,
    version: &'b str,
    toolchain: &'b str,
    goos: &'b str,
    goarch: &'b str,
    counters: Vec<&'b str>,
    stacks: Vec<&'b str>,
}

fn build(allowed: &Allowed, report: &ProgramReport<'_>, x: f64) -> Result<(), String> {
    let seen = Build {
        program: &report.program,
        version: &report.version,
        toolchain: &report.toolchain,
        goos: &report.goos,
        goarch: &report.goarch,
        counters: report.counters.iter().map(|(name, _)| name).collect(),
        stacks: report.stacks.iter().map(|(name, _)| name).collect(),
    };
    seen.is_allowed(allowed, x)
}

impl Build<'_> {
    /// Checks that a config allows this in a report with this X; the error says what it does not allow.
    fn is_allowed(&self, allowed: &Allowed, x: f64) -> Result<(), String> {
        let program = allowed.program(self.program);
        let program = program.ok_or_else(|| format!("the program {:?}", self.program))?;
        let of = self.program;
        for (is, what, name) in [
            (program.version(self.version), "the version", self.version),
            (allowed.toolchain(self.toolchain), "the toolchain", self.toolchain),
            (allowed.goos(self.goos), "the operating system", self.goos),
            (allowed.goarch(self.goarch), "the architecture", self.goarch),
        ] {
            if !is {
                return Err(format!("{what} {name:?} of {of}"));
            }
        }
        for name in &self.counters {
            match program.counter(name) {
                None => return Err(format!("the counter {name:?} of {of}")),
                Some(rate) if x > rate.get() => {
                    return Err(format!(
                        "the counter {name:?} of {of} in a report with so large an X"
                    ));
                }
                Some(_) => {}
            }
        }
        for stack in &self.stacks {
            let (name, frames) = stack.split_once('\n').unwrap_or((stack, ""));
            let rule = program.stack(name).filter(|rule| x <= rule.rate.get());
            if !rule.is_some_and(|rule| rule.is_public(frames)) {
                return Err(format!("the stack {stack:?} of {of}"));
            }
        }
        Ok(())
    }
}
