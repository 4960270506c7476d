//! The plan of weeks as tables, so that any SQL engine can count their reports: which reports could have what
//! a chart counts, and which counter feeds it. `sql/counts` has the queries, and
//! [`counts`](super::counts) reads what they find.
//!
//! | table | a row for |
//! | --- | --- |
//! | `days` | a day of a week, which is named after its last day |
//! | `parts` | a way in which a program's reports are divided: `all`, `version`, `platform`, `toolchain`, `cell` |
//! | `strata` | reports of one config with one rate, of builds from one version on: what charts have in common |
//! | `versions` | a version that counts for the charts of a program that begin with some version (`since`) |
//! | `charts` | a chart under a config that collects it |
//! | `buckets` | a counter of a chart, by place; place 0 is the divisor of a ratio |
//! | `margins` | a category of published marginals: a digit, which says its place in its margin, and which margin |

use super::marginal_plan::{MarginPlan, Property};
use super::plan::{ConfigUnder, FigurePlan, Plan, ProgramPlan};
use crate::aggregate::figure::Kind;
use crate::aggregate::index::days_of;
use crate::aggregate::parquet::error::ParquetError;
use crate::aggregate::parquet::table::{TableColumn, write_table};
use crate::charts::program_path::ProgramPath;
use crate::charts::version::Version;
use jiff::ToSpan;
use jiff::civil::Date;
use std::collections::BTreeSet;
use std::io::Write;

/// The kinds of charts, as the queries name them.
pub const BUCKETS: &str = "buckets";
/// See [`BUCKETS`].
pub const RATIO: &str = "ratio";
/// See [`BUCKETS`].
pub const STACK: &str = "stack";

/// Which queries count a chart.
pub fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Partition | Kind::Histogram | Kind::Timeseries => BUCKETS,
        Kind::Ratio => RATIO,
        Kind::Stack => STACK,
    }
}

/// The digit of a margin's first category; those of the others are its multiples. `None` if the cells of a program
/// are too many to be numbered.
pub fn steps(margins: &[MarginPlan]) -> Option<Vec<i64>> {
    let mut step: i64 = 1;
    let mut steps = Vec::with_capacity(margins.len());
    for margin in margins {
        steps.push(step);
        let digits = i64::try_from(margin.categories.len()).ok()?.checked_add(1)?;
        step = step.checked_mul(digits)?;
    }
    Some(steps)
}

/// Why a plan is not written as tables.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PlanError {
    /// There are too many margins.
    #[error(
        "the margins of {program} divide its reports into more cells than a query can number; chart its weeks \
         with `candor chart` alone"
    )]
    Cells {
        /// The program.
        program: String,
    },
    /// A table could not be written.
    #[error(transparent)]
    Parquet(#[from] ParquetError),
}

/// A cell of a table.
#[derive(Debug, Clone, Copy)]
enum Cell<'a> {
    Text(&'a str),
    Number(i64),
    Real(f64),
    Day(Date),
}

/// A table that is being filled.
#[derive(Debug)]
struct Table {
    name: &'static str,
    columns: Vec<(&'static str, TableColumn)>,
}

impl Table {
    fn new(name: &'static str, columns: &[(&'static str, TableColumn)]) -> Table {
        Table { name, columns: columns.to_vec() }
    }

    /// Adds a row, whose first cells may be those of many.
    fn add(&mut self, first: &[Cell<'_>], rest: &[Cell<'_>]) {
        for ((_, column), cell) in self.columns.iter_mut().zip(first.iter().chain(rest)) {
            match (column, *cell) {
                (TableColumn::Text(column), Cell::Text(text)) => column.push(text.to_owned()),
                (TableColumn::Number(column), Cell::Number(number)) => column.push(number),
                (TableColumn::Real(column), Cell::Real(number)) => column.push(number),
                (TableColumn::Day(column), Cell::Day(day)) => column.push(day),
                _ => debug_assert!(false, "a column has one type"),
            }
        }
    }
}

/// The tables, of any number of weeks.
#[derive(Debug)]
pub struct PlanTables {
    days: Table,
    parts: Table,
    strata: Table,
    versions: Table,
    charts: Table,
    buckets: Table,
    margins: Table,
}

impl Default for PlanTables {
    fn default() -> PlanTables {
        let text = || TableColumn::Text(Vec::new());
        let number = || TableColumn::Number(Vec::new());
        let real = || TableColumn::Real(Vec::new());
        let day = || TableColumn::Day(Vec::new());
        let of_program = [("week", text()), ("program", text())];
        let table = |name, more: &[(&'static str, TableColumn)]| {
            Table::new(name, &[&of_program, more].concat())
        };
        PlanTables {
            days: Table::new("days", &[("day", day()), ("week", text())]),
            parts: table("parts", &[("dimension", text())]),
            strata: table(
                "strata",
                &[("config", text()), ("stratum", number()), ("rate", real()), ("since", number())],
            ),
            versions: table("versions", &[("since", number()), ("version", text())]),
            charts: table(
                "charts",
                &[("config", text()), ("chart", text()), ("kind", text()), ("stratum", number())],
            ),
            buckets: table("buckets", &[("chart", text()), ("place", number()), ("name", text())]),
            margins: table(
                "margins",
                &[
                    ("margin", number()),
                    ("property", text()),
                    ("value", text()),
                    ("digit", number()),
                ],
            ),
        }
    }
}

impl PlanTables {
    /// Adds the plan of the week that ends on `week`, made for these configs.
    pub fn add(
        &mut self,
        week: Date,
        plan: &Plan,
        configs: &[ConfigUnder],
    ) -> Result<(), PlanError> {
        let name = week.to_string();
        let days = days_of(week);
        let mut day = *days.start();
        while day <= *days.end() {
            self.days.add(&[], &[Cell::Day(day), Cell::Text(&name)]);
            day = day.saturating_add(1.day());
        }
        for program in &plan.programs {
            self.add_program(&name, plan, program, configs)?;
        }
        Ok(())
    }

    fn add_program(
        &mut self,
        week: &str,
        plan: &Plan,
        program: &ProgramPlan,
        configs: &[ConfigUnder],
    ) -> Result<(), PlanError> {
        let of = [Cell::Text(week), Cell::Text(&program.program)];
        for dimension in ["all", "version", "platform", "toolchain"] {
            self.parts.add(&of, &[Cell::Text(dimension)]);
        }
        if !program.margins.is_empty() {
            self.parts.add(&of, &[Cell::Text("cell")]);
        }
        let mut since: Vec<&Option<Version>> = Vec::new();
        let mut strata: Vec<(usize, u64, usize)> = Vec::new();
        for figure in &program.figures {
            let from = place_of(&mut since, &figure.first);
            let about = &figure.about;
            for ((number, config), rate) in plan.configs.iter().enumerate().zip(&figure.rates) {
                let Some(rate) = rate else { continue };
                let before = strata.len();
                let stratum = place_of(&mut strata, (number, rate.to_bits(), from));
                if stratum == before {
                    self.strata.add(
                        &of,
                        &[
                            Cell::Text(&config.version),
                            Cell::Number(number_of(stratum)),
                            Cell::Real(*rate),
                            Cell::Number(number_of(from)),
                        ],
                    );
                }
                self.charts.add(
                    &of,
                    &[
                        Cell::Text(&config.version),
                        Cell::Text(&about.id),
                        Cell::Text(kind(about.kind)),
                        Cell::Number(number_of(stratum)),
                    ],
                );
            }
            for (place, name) in places(figure) {
                self.buckets
                    .add(&of, &[Cell::Text(&about.id), Cell::Number(place), Cell::Text(name)]);
            }
        }
        let path = ProgramPath::parse(&program.program);
        let versions: BTreeSet<&str> = configs
            .iter()
            .flat_map(|under| &under.config.programs)
            .filter(|of| of.name == program.program)
            .flat_map(|of| of.versions.iter().map(String::as_str))
            .collect();
        for (number, first) in since.into_iter().enumerate() {
            let counts = |version: &&&str| match first {
                Some(first) => {
                    let parsed = path.as_ref().and_then(|path| path.parse_version(version));
                    parsed.is_some_and(|version| version.at_least(first))
                }
                None => true,
            };
            for version in versions.iter().filter(counts) {
                self.versions.add(&of, &[Cell::Number(number_of(number)), Cell::Text(version)]);
            }
        }
        let steps = steps(&program.margins)
            .ok_or_else(|| PlanError::Cells { program: program.program.clone() })?;
        for ((number, margin), step) in program.margins.iter().enumerate().zip(steps) {
            let property = match margin.property {
                Property::Goos => "goos",
                Property::Goarch => "goarch",
                Property::Platform => "platform",
                Property::Version => "version",
                Property::Toolchain => "toolchain",
                Property::Counters => "counter",
            };
            let values = match margin.property {
                Property::Counters => &margin.counters,
                _ => &margin.categories,
            };
            for (category, value) in (1..).zip(values) {
                self.margins.add(
                    &of,
                    &[
                        Cell::Number(number_of(number)),
                        Cell::Text(property),
                        Cell::Text(value),
                        Cell::Number(step * category),
                    ],
                );
            }
        }
        Ok(())
    }

    /// The tables' names, and how to write each as Parquet.
    pub fn files<W: Write + Send>(
        &self,
        mut create: impl FnMut(&str) -> Result<W, ParquetError>,
        mut finish: impl FnMut(&str, W) -> Result<(), ParquetError>,
    ) -> Result<(), ParquetError> {
        for table in [
            &self.days,
            &self.parts,
            &self.strata,
            &self.versions,
            &self.charts,
            &self.buckets,
            &self.margins,
        ] {
            let out = write_table(create(table.name)?, &table.columns)?;
            finish(table.name, out)?;
        }
        Ok(())
    }
}

/// The counters that feed a figure, with their places: its rows from 1 on, and at 0 the divisor of a ratio.
pub fn places(figure: &FigurePlan) -> impl Iterator<Item = (i64, &str)> {
    let divisor = figure.about.over.as_deref().map(|over| (0, over));
    divisor.into_iter().chain((1..).zip(figure.rows.iter().map(|row| row.counter.as_str())))
}

/// Where a value is in a list, to which it is added if it is not in it.
fn place_of<T: PartialEq>(list: &mut Vec<T>, value: T) -> usize {
    match list.iter().position(|known| *known == value) {
        Some(place) => place,
        None => {
            list.push(value);
            list.len() - 1
        }
    }
}

fn number_of(place: usize) -> i64 {
    i64::try_from(place).unwrap_or(i64::MAX)
}
