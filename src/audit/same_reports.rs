//! A digest of a file's reports, to check that the NDJSON and the Parquet file of a dataset contain the same
//! reports in the same order.

use crate::aggregate::parquet::columns::{Columns, Counts};
use crate::ingest::{ProgramReport, Report};
use jiff::civil::Date;
use sha2::{Digest, Sha256};

/// Reports are numbered with this many numbers per day, as the format's documentation says.
const REPORTS_A_DAY: i64 = 10_000_000_000;

/// The digest so far.
#[derive(Default)]
pub(super) struct ReportsDigest {
    digest: Sha256,
    /// The day and line of the last NDJSON report.
    last: Option<(Date, i64)>,
}

impl ReportsDigest {
    /// Adds the next report of an NDJSON file.
    pub(super) fn report(&mut self, report: &Report<'_>) {
        let week = report.week.civil();
        let day = (week - Date::constant(1970, 1, 1)).get_days();
        let line = match self.last {
            Some((last, line)) if last == week => line + 1,
            _ => 0,
        };
        self.last = Some((week, line));
        let number = i64::from(day) * REPORTS_A_DAY + line;
        let (x, config) = (report.x.get(), report.config.to_string());
        if report.programs.is_empty() {
            self.row(number, day, x, &config);
            self.digest.update([0]);
        }
        for program in &report.programs {
            self.row(number, day, x, &config);
            self.build(program);
        }
    }

    fn build(&mut self, build: &ProgramReport<'_>) {
        self.digest.update([1]);
        for text in [&build.program, &build.version, &build.toolchain, &build.goos, &build.goarch] {
            self.text(text);
        }
        for counts in [&build.counters, &build.stacks] {
            self.digest.update((counts.iter().count() as u64).to_le_bytes());
            for (name, count) in counts.iter() {
                self.text(name);
                self.digest.update(count.get().to_le_bytes());
            }
        }
    }

    /// Adds the rows of a Parquet file's next row group, whose reports are of these days.
    pub(super) fn rows(&mut self, columns: &Columns, days: &[i32]) {
        let text = |id: Option<u32>| {
            let index = id.and_then(|id| usize::try_from(id).ok());
            index.and_then(|at| columns.texts.get(at)).map(String::as_str).unwrap_or_default()
        };
        for (row, number) in columns.report.iter().enumerate() {
            let x = columns.x.get(row).copied().unwrap_or_default();
            let day = days.get(row).copied().unwrap_or_default();
            self.row(*number, day, x, text(columns.config.get(row).copied()));
            let is_build = columns.program.get(row).is_some_and(Option::is_some);
            self.digest.update([u8::from(is_build)]);
            if !is_build {
                continue;
            }
            for column in [
                &columns.program,
                &columns.version,
                &columns.toolchain,
                &columns.goos,
                &columns.goarch,
            ] {
                self.text(text(column.get(row).copied().flatten()));
            }
            for counts in [&columns.counters, &columns.stacks] {
                self.counts(counts, row, &text);
            }
        }
    }

    fn counts<'t>(&mut self, counts: &Counts, row: usize, text: &dyn Fn(Option<u32>) -> &'t str) {
        self.digest.update((counts.row(row).count() as u64).to_le_bytes());
        for (name, count) in counts.row(row) {
            self.text(text(Some(name)));
            self.digest.update(count.to_le_bytes());
        }
    }

    fn row(&mut self, number: i64, day: i32, x: f64, config: &str) {
        self.digest.update(number.to_le_bytes());
        self.digest.update(day.to_le_bytes());
        self.digest.update(x.to_bits().to_le_bytes());
        self.text(config);
    }

    fn text(&mut self, text: &str) {
        self.digest.update((text.len() as u64).to_le_bytes());
        self.digest.update(text);
    }

    /// The digest, which is the same for two files only if they contain the same reports.
    pub(super) fn finish(self) -> [u8; 32] {
        self.digest.finalize().into()
    }
}
