//! The public data: files that are what the index says, and rows that the config they name allows.
//!
//! The index is not signed, so what it says is only held against itself and the files: that a file has
//! the size and hash that it names, that the three forms of one dataset hold the same reports, and that
//! every report holds nothing but strings, rates and depths of the config that it names, which the log
//! has. A report that was left out cannot be missed from outside.

use super::editions::Said;
use super::fetch::{Remote, SMALL, Trouble};
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

/// The largest public file that is read.
const LARGEST_FILE: u64 = 64 << 30;
/// The longest line: a report's body is far smaller.
const LONGEST_LINE: u64 = 16 << 20;

/// For how many days after a newer config reports under one are taken.
const OPEN_DAYS: i32 = 56;

/// What is checked of the data.
pub(super) struct DataChecks {
    pub files: Check,
    pub rows: Check,
    pub open: Check,
    pub form: Check,
    /// Of days whose files were read: hashes of their first rows.
    pub first_rows: BTreeMap<Date, Vec<u64>>,
    pub read: u64,
    pub reports: u64,
    /// Files that were right before, and have not changed.
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

/// The index, as the deployment serves it.
pub(super) fn read_index(remote: &Remote<'_>) -> Result<(Index, Said), Trouble> {
    let bytes = remote.ask("data/index.json", SMALL)?;
    let malformed = |error: serde_json::Error| {
        Trouble::Wrong(format!("{}: {error}", remote.url("data/index.json")))
    };
    let index = serde_json::from_slice(&bytes).map_err(malformed)?;
    Ok((index, serde_json::from_slice(&bytes).map_err(malformed)?))
}

/// Configs, indexed for rows.
pub(super) struct Rules<'v, 'a> {
    pub versions: &'v mut Versions<'a>,
    allowed: HashMap<ModuleVersion, Result<Allowed, Trouble>>,
    /// The last day of reports under a config; `None` for the newest.
    last_days: HashMap<ModuleVersion, Result<Option<Date>, Trouble>>,
    rates: Rates,
}

impl<'v, 'a> Rules<'v, 'a> {
    pub(super) fn new(versions: &'v mut Versions<'a>) -> Rules<'v, 'a> {
        let (allowed, last_days) = (HashMap::new(), HashMap::new());
        Rules { versions, allowed, last_days, rates: Rates::default() }
    }

    fn of(&mut self, version: ModuleVersion) -> Result<&Allowed, Trouble> {
        let versions = &mut *self.versions;
        let found = self
            .allowed
            .entry(version)
            .or_insert_with(|| versions.config(version).map(|config| Allowed::new(&config)));
        found.as_ref().map_err(Trouble::clone)
    }
}

impl Rules<'_, '_> {
    /// The last day of reports under a config, by the day for which the next one was published.
    fn last_day(&mut self, version: ModuleVersion) -> Result<Option<Date>, Trouble> {
        let versions = &mut *self.versions;
        let found = self.last_days.entry(version).or_insert_with(|| {
            let as_of = |module: Result<Module, Trouble>| {
                let day = module?.provenance().as_of.to_string();
                day.parse::<Date>().map_err(|error| Trouble::Wrong(format!("{day}: {error}")))
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

/// Checks every file of the index that was not found to be right before, and some of the others again.
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
    // What this run finds right stands for no other file: equal ones are read, too.
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
        // Reports of a day are counted with its week, where there is one.
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
    let mut whole = true;
    let mut texts: BTreeMap<String, String> = BTreeMap::new();
    let mut said: Vec<[u8; 32]> = Vec::new();
    for format in FileFormat::ALL {
        let Some(file) = dataset.file(format) else {
            let extension = format.extension();
            checks.files.wrong(format!("the index names no {extension} file for {kind}/{date}"));
            whole = false;
            continue;
        };
        let opened = match download(remote, http, kind, file) {
            Ok(opened) => opened,
            Err(trouble) => {
                checks.files.failed(&trouble);
                whole = false;
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
            fine: true,
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
            // The same text again, so only its hash is of interest.
            FileFormat::NdjsonGzip => {
                digest_of(flate2::read::MultiGzDecoder::new(BufReader::new(opened)))
                    .map(|digest| drop(texts.insert(file.name.clone(), digest)))
            }
        };
        rows.tell_bad(&mut checks.rows);
        if let Err(error) = read {
            checks.files.wrong(format!("{} cannot be read: {error}", file.name));
            whole = false;
            continue;
        }
        whole &= rows.fine;
        let rare = rows.stacks.as_ref().and_then(|stacks| stacks.rare(dataset.stack_minimum));
        if let Some(rare) = rare {
            checks.form.wrong(format!("{}: {rare}", file.name));
            whole = false;
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
            whole = false;
        }
    }
    let mut digests = texts.values();
    if let Some(first) = digests.next()
        && digests.any(|other| other != first)
    {
        checks.files.wrong(format!("the two NDJSON files of {kind}/{date} hold different reports"));
        whole = false;
    }
    if let [text, parquet] = said[..]
        && text != parquet
    {
        checks.files.wrong(format!(
            "the Parquet file of {kind}/{date} holds other reports than its NDJSON, or numbers them otherwise"
        ));
        whole = false;
    }
    whole
}

/// Downloads a file whose size and hash the index names.
pub(super) fn download(
    remote: &Remote<'_>,
    http: &Http,
    kind: &str,
    file: &PublicFile,
) -> Result<File, Trouble> {
    let path = format!("data/{kind}/{}", file.name);
    let url = remote.url(&path);
    if file.bytes > LARGEST_FILE || file.name.contains(['/', '?', '#', '%']) {
        return Err(Trouble::Wrong(format!(
            "the index names {:?} of {} bytes",
            file.name, file.bytes
        )));
    }
    let own = |error: io::Error| Trouble::Unreachable(format!("no room for {url}: {error}"));
    let mut kept = Hashed { file: tempfile::tempfile().map_err(own)?, digest: Sha256::new() };
    let downloaded = http.download(&url, file.bytes, &mut kept);
    if let Err(TransportError::TooLarge { .. }) = &downloaded {
        let said = format!("{url} has more bytes than the {} that the index says", file.bytes);
        return Err(Trouble::Wrong(said));
    }
    match downloaded? {
        None => return Err(remote.withheld(&path)),
        Some(bytes) if bytes != file.bytes => {
            return Err(Trouble::Wrong(format!(
                "{url} has {bytes} bytes, and the index says {}",
                file.bytes
            )));
        }
        Some(_) => {}
    }
    let Hashed { file: mut opened, digest } = kept;
    if hex(&digest.finalize()) != file.sha256 {
        return Err(Trouble::Wrong(format!("{url} does not have the hash that the index names")));
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

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn digest_of(mut text: impl Read) -> io::Result<String> {
    let mut digest = Sha256::new();
    let mut buffer = vec![0; 128 << 10];
    loop {
        match text.read(&mut buffer)? {
            0 => return Ok(hex(&digest.finalize())),
            read => digest.update(buffer.get(..read).unwrap_or_default()),
        }
    }
}

/// The rows of one file, on their way past the configs.
struct Rows<'r, 'v, 'a> {
    name: &'r str,
    in_set: &'r dyn Fn(Date) -> bool,
    rules: &'r mut Rules<'v, 'a>,
    forms: RowForms,
    /// Of all that the file says.
    digest: ReportsDigest,
    /// Of the NDJSON file of a complete week.
    stacks: Option<ShownStacks>,
    fine: bool,
    /// The reports that no config allows.
    bad: Option<Bad>,
    reports: u64,
    /// Builds of programs, in a Parquet file.
    rows: u64,
}

/// Reports of one file that no config allows.
struct Bad {
    /// The number of the first, and what is wrong with it.
    first: (u64, String),
    /// The number of the last: a report has several rows.
    last: u64,
    reports: u64,
}

impl Rows<'_, '_, '_> {
    /// Whether a row is in the form of public ones.
    fn has_form(&mut self, line: &[u8], report: &Report<'_>, check: &mut Check) {
        let of = (&mut self.rules.rates, &mut *self.rules.versions);
        match self.forms.next(line, report, of) {
            Ok(Ok(())) => {}
            Ok(Err(reason)) => {
                self.fine = false;
                check.wrong(format!("{}, report {}: {reason}", self.name, self.reports));
            }
            Err(trouble) => {
                self.fine = false;
                check.failed(&trouble);
            }
        }
    }

    /// Whether reports under a config could be of this day.
    fn is_open(&mut self, config: ModuleVersion, day: Date, check: &mut Check) {
        match self.rules.last_day(config) {
            Ok(Some(last)) if day > last => {
                self.fine = false;
                check.wrong(format!(
                    "{}: a report of {day} names {config}, which ended on {last}",
                    self.name
                ));
            }
            Ok(_) => {}
            Err(trouble) => {
                self.fine = false;
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
                    self.is_open(report.config, report.week, open);
                    self.has_form(line.strip_suffix(b"\n").unwrap_or(&line), report, form);
                    self.report(report, check)
                }
            };
            self.note(found);
        }
    }

    fn note(&mut self, found: Result<(), Option<String>>) {
        let Err(reason) = found else { return };
        self.fine = false;
        let (Some(reason), number) = (reason, self.reports) else { return };
        let first = || Bad { first: (number, reason), last: 0, reports: 0 };
        let bad = self.bad.get_or_insert_with(first);
        bad.reports += u64::from(bad.last != number);
        bad.last = number;
    }

    /// Tells what is wrong with the file: how many reports, and the first of them.
    fn tell_bad(&self, check: &mut Check) {
        let Some(Bad { first: (number, reason), reports, .. }) = &self.bad else { return };
        let more = match reports {
            0 | 1 => String::new(),
            reports => format!("; {reports} reports of this file are wrong"),
        };
        check.wrong(format!("{}, report {number}: {reason}{more}", self.name));
    }

    /// `Err(None)` where that was told already.
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
        // The library that reads the format may panic on bytes that are not of it.
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
            let place = id.and_then(|id| usize::try_from(id).ok());
            place.and_then(|at| columns.texts.get(at)).map(String::as_str).unwrap_or_default()
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
            let place = |(name, _): (u32, u64)| usize::try_from(name).ok();
            let names = counts.row(row).filter_map(place);
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
    format!("its X is over the sample rate of {config}")
}

/// What one build of a program reported, in whatever file.
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
    /// Whether a config allows it of a report with this X; or what it does not.
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
                        "the counter {name:?} of {of} in a report of so large an X"
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
