//! The rows of public files: each must contain only what the config that it names allows.

use super::fetch::FetchError;
use super::public_form::{Rates, RowForms};
use super::same_reports::ReportsDigest;
use super::shown_stacks::ShownStacks;
use super::verdict::Check;
use super::versions::Versions;
use crate::aggregate::ParquetReader;
use crate::aggregate::parquet::columns::Columns;
use crate::collection::Allowed;
use crate::gomod::{Module, ModuleVersion};
use crate::hex::hex;
use crate::ingest::{ProgramReport, Report};
use jiff::ToSpan;
use jiff::civil::Date;
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufRead, Read};

/// The longest line that is read; reports are far smaller.
const LONGEST_LINE: u64 = 16 << 20;

/// Reports under a config are accepted for this many days after the next one.
const OPEN_DAYS: i32 = 56;

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
                Ok::<_, FetchError>(module?.provenance().as_of.civil())
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

/// Checks the rows of one file against the configs.
pub(super) struct Rows<'r, 'v, 'a> {
    pub(super) name: &'r str,
    pub(super) in_set: &'r dyn Fn(Date) -> bool,
    pub(super) rules: &'r mut Rules<'v, 'a>,
    pub(super) forms: RowForms,
    /// The digest of the file's reports.
    pub(super) digest: ReportsDigest,
    /// The stacks of the NDJSON file of a complete week.
    pub(super) stacks: Option<ShownStacks>,
    pub(super) is_right: bool,
    /// The reports that are not allowed.
    pub(super) bad: Option<Bad>,
    pub(super) reports: u64,
    /// The number of builds of programs, in a Parquet file.
    pub(super) rows: u64,
}

/// The reports of a file that are not allowed.
pub(super) struct Bad {
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

    pub(super) fn lines(
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
                    self.check_open(report.config, report.week.civil(), open);
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
    pub(super) fn report_bad(&self, check: &mut Check) {
        let Some(Bad { first: (number, reason), reports, .. }) = &self.bad else { return };
        let more = match reports {
            0 | 1 => String::new(),
            reports => format!("; {reports} reports of this file are wrong"),
        };
        check.wrong(format!("{}, report {number}: {reason}{more}", self.name));
    }

    /// `Err(None)` if the problem was already reported.
    fn report(&mut self, report: &Report<'_>, check: &mut Check) -> Result<(), Option<String>> {
        if !(self.in_set)(report.week.civil()) {
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

    pub(super) fn parquet(&mut self, file: File, check: &mut Check) -> io::Result<()> {
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
