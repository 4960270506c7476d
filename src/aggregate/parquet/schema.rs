//! The columns of a Parquet file of reports: one row per build of a program, and one row for a report
//! without builds.
//!
//! The format is [Apache Parquet](https://parquet.apache.org/docs/file-format/). Lists have its
//! standard three levels, so every reader sees a list of (name, count) pairs. Rows of one report are
//! adjacent, in the order of the report's programs; reports are in the order of the NDJSON file. In the
//! row of a report without builds, the columns of a build are NULL, and its lists are empty, so that
//! reports can be counted in Parquet alone.
//!
//! A report has the same number in its day's and its week's file. The number reveals only its day and
//! its position in an order by content.

use super::error::ParquetError;
use jiff::civil::Date;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::parser::parse_message_type;
use parquet::schema::types::{ColumnPath, TypePtr};
use std::sync::Arc;

/// One column, for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: &'static str,
    /// Its type, as SQL engines show it.
    pub kind: &'static str,
    /// What it holds.
    pub meaning: &'static str,
}

const fn column(name: &'static str, kind: &'static str, meaning: &'static str) -> Column {
    Column { name, kind, meaning }
}

/// The range of report numbers for each day, which no day exceeds.
const REPORTS_A_DAY: i64 = 10_000_000_000;

/// The number of a report: of its day, and of its line in that day's NDJSON file, from 0.
pub(in crate::aggregate) fn report_number(day: Date, line: u64) -> i64 {
    let line = i64::try_from(line).unwrap_or(i64::MAX);
    (i64::from(days_since_1970(day)) * REPORTS_A_DAY).saturating_add(line)
}

pub(super) fn days_since_1970(date: Date) -> i32 {
    (date - Date::constant(1970, 1, 1)).get_days()
}

const COLUMNS: [Column; 11] = [
    column(
        "report",
        "BIGINT",
        "The report that the row is of: the days from 1970-01-01 to its week, times 10000000000, \
         plus its line, counted from 0, in that day's NDJSON file. It is the same in the files of \
         the day and of the week, and no other report has it in any file, so COUNT(DISTINCT \
         report) counts reports, however many files are read. In a later edition of a day \
         its reports may have other numbers: read files together that one index.json names.",
    ),
    column("week", "DATE", "The day on which the counted week ended."),
    column(
        "x",
        "DOUBLE",
        "The smallest rate in force that is not below the report's random number: a counter of \
         rate r is in the report only if x <= r. The number itself is not published: what was \
         sampled follows from x, and the number would only tell one report from all others. For \
         the same reason there is no LastWeek, the week of the report before: it would join the \
         reports of one machine to each other.",
    ),
    column("config", "VARCHAR", "The version of the collection config that was obeyed."),
    column(
        "program",
        "VARCHAR",
        "The program's package path. A report that tells of no program has one row in which this \
         and all that follows is NULL, and the lists are empty: COUNT(program) counts builds.",
    ),
    column("version", "VARCHAR", "The program's version."),
    column("toolchain", "VARCHAR", "The toolchain that built it."),
    column("goos", "VARCHAR", "The operating system, by Go's name."),
    column("goarch", "VARCHAR", "The architecture, by Go's name."),
    column(
        "counters",
        "LIST(STRUCT(name VARCHAR, count BIGINT))",
        "What was counted, and how often in the week, ordered by name.",
    ),
    column(
        "stacks",
        "LIST(STRUCT(name VARCHAR, count BIGINT))",
        "The call stacks that were counted: the counter's name, then one frame a line.",
    ),
];

/// The columns, in the file's order.
pub fn schema() -> &'static [Column] {
    &COLUMNS
}

/// The index of each leaf column in a row group. Column 1 is the date.
pub(super) mod leaf {
    pub const REPORT: usize = 0;
    pub const WEEK: usize = 1;
    pub const X: usize = 2;
    pub const CONFIG: usize = 3;
    pub const PROGRAM: usize = 4;
    pub const VERSION: usize = 5;
    pub const TOOLCHAIN: usize = 6;
    pub const GOOS: usize = 7;
    pub const GOARCH: usize = 8;
    pub const COUNTER_NAMES: usize = 9;
    pub const COUNTER_COUNTS: usize = 10;
    pub const STACK_NAMES: usize = 11;
    pub const STACK_COUNTS: usize = 12;
    pub const ALL: usize = 13;
}

const MESSAGE: &str = "
message report {
  required int64 report;
  required int32 week (DATE);
  required double x;
  required binary config (STRING);
  optional binary program (STRING);
  optional binary version (STRING);
  optional binary toolchain (STRING);
  optional binary goos (STRING);
  optional binary goarch (STRING);
  required group counters (LIST) {
    repeated group list {
      required group element {
        required binary name (STRING);
        required int64 count;
      }
    }
  }
  required group stacks (LIST) {
    repeated group list {
      required group element {
        required binary name (STRING);
        required int64 count;
      }
    }
  }
}";

/// The schema as the file states it.
pub(super) fn message() -> Result<TypePtr, ParquetError> {
    Ok(Arc::new(parse_message_type(MESSAGE)?))
}

/// How columns are encoded. Nothing here depends on time or machine, so the same reports give the
/// same bytes.
pub(super) fn properties() -> WriterProperties {
    let path = |name: &str| ColumnPath::from(name);
    // Consecutive numbers gain nothing from a dictionary, and queries nothing from the minimum and
    // maximum names of a list.
    let mut builder = WriterProperties::builder()
        .set_created_by("candor".to_owned())
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_dictionary_page_size_limit(4 << 20)
        .set_statistics_enabled(EnabledStatistics::Chunk)
        .set_offset_index_disabled(true)
        .set_column_dictionary_enabled(path("report"), false)
        .set_column_encoding(path("report"), Encoding::DELTA_BINARY_PACKED);
    for list in ["counters", "stacks"] {
        for field in ["name", "count"] {
            let parts = [list, "list", "element", field].map(str::to_owned);
            builder = builder.set_column_statistics_enabled(
                ColumnPath::new(parts.to_vec()),
                EnabledStatistics::None,
            );
        }
    }
    builder.build()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documented_columns_are_those_of_the_file() {
        let message = message().expect("a schema");
        let names: Vec<_> = message.get_fields().iter().map(|field| field.name()).collect();
        let documented: Vec<_> = schema().iter().map(|column| column.name).collect();
        assert_eq!(names, documented);
    }
}
