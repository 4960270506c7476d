//! The columns of a Parquet file of reports: one row a build of a program.
//!
//! The format is [Apache Parquet](https://parquet.apache.org/docs/file-format/). Lists have its
//! standard three levels, so every reader sees a list of (name, count) pairs. Rows of one report
//! stand together, in the order of the report's programs; reports stand in the order of the NDJSON
//! file of the same reports. A report that tells of no program has no row.

use super::error::ParquetError;
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

const COLUMNS: [Column; 12] = [
    column(
        "report",
        "BIGINT",
        "The report that the row is of: its line, counted from 0, in the NDJSON file of the same \
         name. Count reports with COUNT(DISTINCT report).",
    ),
    column("week", "DATE", "The day on which the counted week ended."),
    column("last_week", "DATE", "The same of the report before this one; NULL if there was none."),
    column(
        "x",
        "DOUBLE",
        "The random number that decided what was sampled: a counter of rate r is in the report \
         only if x <= r.",
    ),
    column("config", "VARCHAR", "The version of the collection config that was obeyed."),
    column("program", "VARCHAR", "The program's package path."),
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

/// Where each leaf column stands in a row group. What is between 0 and 3 is the dates.
pub(super) mod leaf {
    pub const REPORT: usize = 0;
    pub const X: usize = 3;
    pub const CONFIG: usize = 4;
    pub const PROGRAM: usize = 5;
    pub const VERSION: usize = 6;
    pub const TOOLCHAIN: usize = 7;
    pub const GOOS: usize = 8;
    pub const GOARCH: usize = 9;
    pub const COUNTER_NAMES: usize = 10;
    pub const COUNTER_COUNTS: usize = 11;
    pub const STACK_NAMES: usize = 12;
    pub const STACK_COUNTS: usize = 13;
    pub const ALL: usize = 14;
}

const MESSAGE: &str = "
message report {
  required int64 report;
  required int32 week (DATE);
  optional int32 last_week (DATE);
  required double x;
  required binary config (STRING);
  required binary program (STRING);
  required binary version (STRING);
  required binary toolchain (STRING);
  required binary goos (STRING);
  required binary goarch (STRING);
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
    // Numbers that count up one by one, and numbers no two of which are equal, gain nothing from a
    // dictionary. The smallest and largest name of a list help no query.
    let mut builder = WriterProperties::builder()
        .set_created_by("candor".to_owned())
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_dictionary_page_size_limit(4 << 20)
        .set_statistics_enabled(EnabledStatistics::Chunk)
        .set_offset_index_disabled(true)
        .set_column_dictionary_enabled(path("report"), false)
        .set_column_encoding(path("report"), Encoding::DELTA_BINARY_PACKED)
        .set_column_dictionary_enabled(path("x"), false);
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
