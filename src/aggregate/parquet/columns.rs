//! Reports in memory as columns: the contents of a Parquet file, and the input of estimates.

/// Builds of programs, one per row, in the order of the file; a report without builds has one row. All
/// columns are equally long.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Columns {
    /// The distinct texts; other columns refer to them by index.
    pub texts: Vec<String>,
    /// The number of the row's report. Rows of one report are adjacent.
    pub report: Vec<i64>,
    /// The report's X.
    pub x: Vec<f64>,
    /// The version of the config that the report names.
    pub config: Vec<u32>,
    /// The program's path; `None`, like the following columns, in a row without a build.
    pub program: Vec<Option<u32>>,
    /// The program's version.
    pub version: Vec<Option<u32>>,
    /// The toolchain that built it.
    pub toolchain: Vec<Option<u32>>,
    /// The operating system.
    pub goos: Vec<Option<u32>>,
    /// The architecture.
    pub goarch: Vec<Option<u32>>,
    /// What was counted.
    pub counters: Counts,
    /// The stacks that were counted.
    pub stacks: Counts,
}

/// For every row, names with their counts.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Counts {
    /// The names of row i are those from `ends[i - 1]` (0 for the first row) to before `ends[i]`.
    pub ends: Vec<usize>,
    /// Names, in the order of the row's report.
    pub names: Vec<u32>,
    /// How often each was counted.
    pub counts: Vec<u64>,
}

impl Columns {
    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.report.len()
    }

    /// How many rows have a build.
    pub fn builds(&self) -> usize {
        self.program.iter().flatten().count()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.report.is_empty()
    }
}

impl Counts {
    /// The names and counts of a row.
    pub fn row(&self, row: usize) -> impl Iterator<Item = (u32, u64)> + '_ {
        let start = row.checked_sub(1).and_then(|before| self.ends.get(before)).copied();
        let range = start.unwrap_or(0)..self.ends.get(row).copied().unwrap_or(0);
        let names = self.names.get(range.clone()).unwrap_or_default();
        let counts = self.counts.get(range).unwrap_or_default();
        names.iter().copied().zip(counts.iter().copied())
    }
}
