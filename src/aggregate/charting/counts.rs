//! Counts that a SQL engine made, as text with a row for each, become the same tally as our own counting.
//!
//! The queries are in `sql/counts`, and what they need to know is in the tables of
//! [`plan_tables`](super::plan_tables). The columns, by their names in the first line, in any order:
//!
//! | column | what is in it |
//! | --- | --- |
//! | `week` | the last day of the week |
//! | `config`, `program` | the config that the reports name, and the program |
//! | `dimension` | which part of its reports: `all`, `version`, `platform`, `toolchain` or `cell` |
//! | `part` | the version, platform or toolchain |
//! | `cell` | the sum of the digits of a cell of published marginals |
//! | `chart` | the chart |
//! | `item` | `sent`, `present`, `base`, `any`, `bucket`, `most`, `stack`, `quotient`; or `counted`: that a query was run |
//! | `name` | the counter |
//! | `functions` | a stack's functions, with tabs between them |
//! | `dividend`, `divisor` | a quotient |
//! | `reports` | how many reports |

use super::parts::{Part, Parts, WHOLE};
use super::plan::{FigurePlan, PRESENT, Plan, ProgramPlan};
use super::plan_tables::{BUCKETS, kind, steps};
use super::stacks::{Grouped, Stacks};
use super::tally::{NO_PART, ProgramTally, Quotient, Tally};
use super::week::{CountedWeek, WeekOf};
use crate::aggregate::figure::Kind;
use csv::ByteRecord;
use jiff::civil::Date;
use std::collections::{BTreeSet, HashMap};
use std::fs::File;
use std::path::{Path, PathBuf};

/// The columns, in the order in which the queries name them.
const COLUMNS: [&str; 13] = [
    "week",
    "program",
    "config",
    "dimension",
    "part",
    "cell",
    "chart",
    "item",
    "name",
    "functions",
    "dividend",
    "divisor",
    "reports",
];

/// The queries, of each of which all weeks have a row.
const QUERIES: [&str; 4] = ["builds", "buckets", "ratios", "stacks"];

/// Files of counts, each of which may have any number of weeks.
#[derive(Debug)]
pub struct CountFiles {
    /// With the weeks that are in each.
    files: Vec<(PathBuf, BTreeSet<String>)>,
}

/// Why counts cannot be charted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CountsError {
    /// A file cannot be read.
    #[error("cannot read {file}: {source}")]
    Read {
        /// The file.
        file: String,
        /// Why.
        source: csv::Error,
    },
    /// A folder cannot be read.
    #[error("cannot read {file}: {source}")]
    Folder {
        /// The folder.
        file: String,
        /// Why.
        source: std::io::Error,
    },
    /// A folder has no counts.
    #[error(
        "{file} has no file whose name ends with .csv; name the file or folder that the engine wrote"
    )]
    Nothing {
        /// The folder.
        file: String,
    },
    /// A column is missing.
    #[error(
        "{file} has no column `{column}`: its first line should name the columns of the queries in sql/counts \
         (write CSV with a header)"
    )]
    Column {
        /// The file.
        file: String,
        /// The column.
        column: &'static str,
    },
    /// A row is not what the queries give.
    #[error("{file}:{line}: {reason}")]
    Row {
        /// The file.
        file: String,
        /// The line, from 1.
        line: u64,
        /// What is wrong.
        reason: String,
    },
    /// A query was not run.
    #[error(
        "nothing of the query {query}.sql is in the counts of the week until {week}: give the results of all of \
         builds.sql, buckets.sql, ratios.sql and stacks.sql"
    )]
    Missing {
        /// The query.
        query: &'static str,
        /// The week.
        week: Date,
    },
    /// Something is counted twice.
    #[error(
        "{what} is in the counts of the week until {week} twice; give each file once, and make each by one run \
         of one query"
    )]
    Twice {
        /// What.
        what: String,
        /// The week.
        week: Date,
    },
    /// The counts do not add up.
    #[error(
        "the counts of the week until {week} are not those of its data: {reason}. Count the files that one \
         index.json names, with the plan that `candor chart --plan` writes now"
    )]
    Other {
        /// The week.
        week: Date,
        /// What differs.
        reason: String,
    },
}

/// A row of counts.
struct Row<'r> {
    record: &'r ByteRecord,
    columns: &'r [usize; 13],
}

impl Row<'_> {
    fn text(&self, column: usize) -> Result<&str, String> {
        let bytes =
            self.columns.get(column).and_then(|at| self.record.get(*at)).unwrap_or_default();
        std::str::from_utf8(bytes).map_err(|_| "it is not UTF-8".to_owned())
    }

    fn number(&self, column: usize) -> Result<u64, String> {
        let text = self.text(column)?;
        let name = COLUMNS.get(column).unwrap_or(&"");
        text.parse().map_err(|_| format!("{name} is {text:?}, which is not a whole number"))
    }
}

impl CountFiles {
    /// Opens files of counts, and the `.csv` files of folders.
    pub fn open(paths: &[PathBuf]) -> Result<CountFiles, CountsError> {
        let mut files = Vec::new();
        for path in paths {
            if !path.is_dir() {
                files.push(path.clone());
                continue;
            }
            let failed = |source| CountsError::Folder { file: path.display().to_string(), source };
            let mut found = Vec::new();
            for entry in std::fs::read_dir(path).map_err(failed)? {
                let entry = entry.map_err(failed)?.path();
                if entry.extension().is_some_and(|extension| extension == "csv") {
                    found.push(entry);
                }
            }
            if found.is_empty() {
                return Err(CountsError::Nothing { file: path.display().to_string() });
            }
            found.sort();
            files.extend(found);
        }
        let mut opened = CountFiles { files: Vec::new() };
        for path in files {
            let mut weeks = BTreeSet::new();
            each_row(&path, |row| {
                let week = row.text(0)?;
                if !weeks.contains(week) {
                    weeks.insert(week.to_owned());
                }
                Ok(())
            })?;
            opened.files.push((path, weeks));
        }
        Ok(opened)
    }

    /// The weeks that are in the files.
    pub fn weeks(&self) -> Result<BTreeSet<Date>, CountsError> {
        let mut weeks = BTreeSet::new();
        for (path, found) in &self.files {
            for week in found {
                weeks.insert(week.parse().map_err(|_| CountsError::Row {
                    file: path.display().to_string(),
                    line: 1,
                    reason: format!("{week:?} is not a day as in 2026-11-22"),
                })?);
            }
        }
        Ok(weeks)
    }

    /// The counts of a week.
    pub(super) fn read<'w>(&self, week: WeekOf<'w>) -> Result<CountedWeek<'w>, CountsError> {
        let plan = Plan::new(week.catalogue, week.configs);
        let mut reading = Reading::new(&plan);
        let name = week.week.to_string();
        for (path, _) in self.files.iter().filter(|(_, weeks)| weeks.contains(&name)) {
            each_row(path, |row| match row.text(0)? == name {
                true => reading.row(row),
                false => Ok(()),
            })?;
        }
        let Reading { mut tally, parts, stacks, missing, twice, .. } = reading;
        if let Some(query) = missing.first() {
            return Err(CountsError::Missing { query, week: week.week });
        }
        if let Some(what) = twice {
            return Err(CountsError::Twice { what, week: week.week });
        }
        let other = |reason| CountsError::Other { week: week.week, reason };
        let sent: u64 = tally.reports.iter().sum();
        if sent != week.reports {
            return Err(other(format!("they are of {sent} reports, and it has {}", week.reports)));
        }
        complete(&plan, &mut tally).map_err(other)?;
        let parts = parts.into_iter().map(Parts::into_list).collect();
        let stacks = stacks.into_iter().map(Stacks::into_list).collect();
        Ok(CountedWeek::new(week, plan, tally, parts, stacks))
    }
}

/// Counts the reports with none of a chart's counters, which are those that could have them without those that do.
/// The error says which counts do not fit together.
fn complete(plan: &Plan, tally: &mut Tally) -> Result<(), String> {
    for (program, counted) in plan.programs.iter().zip(&mut tally.programs) {
        let path = &program.program;
        for ((_, config), counts) in &mut counted.counts {
            let sent = tally.reports.get(*config as usize).copied().unwrap_or_default();
            let at = |counts: &[u64], place: usize| counts.get(place).copied().unwrap_or_default();
            let present = at(counts, PRESENT);
            if present > sent {
                return Err(format!("{present} reports have {path}, of {sent}"));
            }
            for figure in &program.figures {
                let (id, base) = (&figure.about.id, at(counts, figure.base));
                if base > present {
                    return Err(format!("{base} reports could have {id} of {path}, of {present}"));
                }
                let counted = figure.rows.iter().filter(|_| figure.about.kind != Kind::Stack);
                let most = counted.map(|row| at(counts, row.place)).max().unwrap_or_default();
                if most.max(at(counts, figure.none)) > base {
                    return Err(format!(
                        "of {base} reports, more have a counter of {id} of {path}"
                    ));
                }
                if figure.about.kind != Kind::Ratio
                    && let Some(none) = counts.get_mut(figure.none)
                {
                    *none = base - *none;
                }
            }
        }
    }
    Ok(())
}

/// Calls `each` with the rows of a file.
fn each_row(
    path: &Path,
    mut each: impl FnMut(&Row<'_>) -> Result<(), String>,
) -> Result<(), CountsError> {
    let file = || path.display().to_string();
    let unread = |source| CountsError::Read { file: file(), source };
    let opened = File::open(path).map_err(|error| unread(error.into()))?;
    let mut reader = csv::Reader::from_reader(opened);
    let header = reader.byte_headers().map_err(unread)?.clone();
    let mut columns = [0; 13];
    for (column, at) in COLUMNS.iter().zip(&mut columns) {
        let found = header.iter().position(|name| name == column.as_bytes());
        *at = found.ok_or_else(|| CountsError::Column { file: file(), column })?;
    }
    let mut record = ByteRecord::new();
    while reader.read_byte_record(&mut record).map_err(unread)? {
        each(&Row { record: &record, columns: &columns }).map_err(|reason| {
            let line = record.position().map_or(0, csv::Position::line);
            CountsError::Row { file: file(), line, reason }
        })?;
    }
    Ok(())
}

/// The counts of a week that is being read.
struct Reading<'p> {
    tally: Tally,
    /// By program.
    parts: Vec<Parts>,
    /// By program.
    stacks: Vec<Stacks>,
    configs: HashMap<&'p str, u32>,
    programs: HashMap<&'p str, Program<'p>>,
    /// The queries of which nothing was read yet.
    missing: Vec<&'static str>,
    /// What was read twice.
    twice: Option<String>,
    quotients: BTreeSet<(usize, usize, u32, u32, u64, u64)>,
}

/// Where things of a program are.
struct Program<'p> {
    number: usize,
    plan: &'p ProgramPlan,
    steps: Vec<i64>,
    figures: HashMap<&'p str, (usize, &'p FigurePlan, HashMap<&'p str, usize>)>,
}

impl<'p> Reading<'p> {
    fn new(plan: &'p Plan) -> Reading<'p> {
        let program = |(number, plan): (usize, &'p ProgramPlan)| {
            let figure = |(number, figure): (usize, &'p FigurePlan)| {
                let rows = figure.rows.iter().enumerate();
                let rows = rows.map(|(at, row)| (row.counter.as_str(), at)).collect();
                (figure.about.id.as_str(), (number, figure, rows))
            };
            let figures = plan.figures.iter().enumerate().map(figure).collect();
            let steps = steps(&plan.margins).unwrap_or_default();
            (plan.program.as_str(), Program { number, plan, steps, figures })
        };
        let mut tally = Tally::default();
        tally.reports.resize(plan.configs.len(), 0);
        tally.programs.resize_with(plan.programs.len(), Default::default);
        Reading {
            tally,
            parts: plan.programs.iter().map(|_| Parts::new()).collect(),
            stacks: plan.programs.iter().map(|_| Stacks::default()).collect(),
            configs: (0..).zip(&plan.configs).map(|(at, of)| (of.version.as_str(), at)).collect(),
            programs: plan.programs.iter().enumerate().map(program).collect(),
            missing: QUERIES.to_vec(),
            twice: None,
            quotients: BTreeSet::new(),
        }
    }

    fn row(&mut self, row: &Row<'_>) -> Result<(), String> {
        if row.text(7)? == "counted" {
            let query = row.text(8)?;
            self.missing.retain(|missing| *missing != query);
            return Ok(());
        }
        let name = row.text(2)?;
        let config = *self
            .configs
            .get(name)
            .ok_or_else(|| format!("no report of the week names the config {name:?}"))?;
        let (item, reports) = (row.text(7)?, row.number(12)?);
        if item == "sent" {
            let counted = self.tally.reports.get_mut(config as usize);
            return match counted {
                Some(counted) if *counted == 0 => {
                    *counted = reports;
                    Ok(())
                }
                _ => self.again(format!("config {name}")),
            };
        }
        let path = row.text(1)?;
        let Some(program) = self.programs.get(path) else {
            return Err(format!("no config of the week has the program {path:?}"));
        };
        let part = part(program, row)?;
        let (Some(parts), Some(tally)) =
            (self.parts.get(program.number), self.tally.programs.get_mut(program.number))
        else {
            return Ok(());
        };
        let part = if part == Part::Whole { WHOLE } else { parts.number(part) };
        if item == "present" {
            let fresh = add(tally, program.plan, (part, config), PRESENT, reports);
            return if fresh { Ok(()) } else { self.again(path.to_owned()) };
        }
        let chart = row.text(6)?;
        let Some((number, figure, rows)) = program.figures.get(chart) else {
            return Err(format!("{path} has no chart {chart:?} in this week"));
        };
        let counter = row.text(8)?;
        let of_kind = match item {
            "base" => true,
            "any" => figure.about.kind != Kind::Ratio,
            "bucket" | "most" => kind(figure.about.kind) == BUCKETS,
            "stack" => figure.about.kind == Kind::Stack,
            "quotient" => figure.about.kind == Kind::Ratio,
            _ => return Err(format!("item is {item:?}, which no query of sql/counts gives")),
        };
        if !of_kind {
            return Err(format!(
                "the chart {chart} of {path} is not of a type that has the item {item:?}"
            ));
        }
        let at = rows.get(counter).copied();
        let planned = at.and_then(|at| figure.rows.get(at));
        if planned.is_none() && !matches!(item, "base" | "any") {
            return Err(format!("the chart {chart} of {path} has no counter {counter:?}"));
        }
        let key = (part, config);
        let fresh = match (item, planned) {
            ("base", _) => add(tally, program.plan, key, figure.base, reports),
            // Those with none of them follow, at the end of the week.
            ("any", _) => add(tally, program.plan, key, figure.none, reports),
            ("bucket", Some(planned)) => add(tally, program.plan, key, planned.place, reports),
            ("most", Some(planned)) => add(tally, program.plan, key, planned.most, reports),
            ("stack", _) => {
                let functions = row.text(9)?.replace('\t', "\n");
                let grouped = Grouped { row: at.unwrap_or_default(), functions };
                let Some(stacks) = self.stacks.get(program.number) else { return Ok(()) };
                let stack = stacks.number(*number, grouped);
                let figure = u32::try_from(*number).map_err(|_| "too many charts".to_owned())?;
                tally.stacks.insert((figure, stack, part, config), reports).is_none()
            }
            ("quotient", Some(planned)) => {
                let (dividend, divisor) = (row.number(10)?, row.number(11)?);
                if dividend == 0 || divisor == 0 {
                    return Err("a quotient's numbers are over 0".to_owned());
                }
                let ratio = figure.first_ratio + at.unwrap_or_default();
                let length = tally.quotients.len().max(ratio + 1);
                tally.quotients.resize_with(length, Vec::new);
                let quotient = Quotient {
                    value: dividend as f64 / divisor as f64,
                    config,
                    parts: [part, NO_PART, NO_PART, NO_PART, NO_PART],
                };
                if let Some(quotients) = tally.quotients.get_mut(ratio) {
                    let reports = usize::try_from(reports).unwrap_or(usize::MAX);
                    quotients.extend(std::iter::repeat_n(quotient, reports));
                }
                plus(tally, program.plan, key, planned.place, reports);
                let key = (program.number, ratio, part, config, dividend, divisor);
                self.quotients.insert(key)
            }
            _ => true,
        };
        if fresh { Ok(()) } else { self.again(format!("{item} {counter} of {chart} of {path}")) }
    }

    fn again(&mut self, what: String) -> Result<(), String> {
        self.twice.get_or_insert(what);
        Ok(())
    }
}

/// Which part of a program's reports a row is about.
fn part(program: &Program<'_>, row: &Row<'_>) -> Result<Part, String> {
    let (dimension, value) = (row.text(3)?, row.text(4)?.to_owned());
    Ok(match dimension {
        "all" => Part::Whole,
        "version" => Part::Version(value),
        "platform" => Part::Platform(value),
        "toolchain" => Part::Toolchain(value),
        "cell" => {
            let cell = row.text(5)?;
            let mut rest: i64 = cell
                .parse()
                .map_err(|_| format!("cell is {cell:?}, which is not a whole number"))?;
            let margins = &program.plan.margins;
            let mut categories = vec![None; margins.len()];
            // The last margin has the largest digits.
            for ((category, step), margin) in
                categories.iter_mut().zip(&program.steps).zip(margins).rev()
            {
                let digit = rest / step;
                rest %= step;
                if digit < 0 || digit as usize > margin.categories.len() {
                    return Err(format!("there is no cell {cell} of {}", program.plan.program));
                }
                *category = u32::try_from(digit).ok().and_then(|digit| digit.checked_sub(1));
            }
            Part::Cell(categories)
        }
        _ => return Err(format!("dimension is {dimension:?}, which no query of sql/counts gives")),
    })
}

/// Counts reports where none were counted; otherwise says so.
fn add(
    tally: &mut ProgramTally,
    plan: &ProgramPlan,
    key: (u32, u32),
    place: usize,
    reports: u64,
) -> bool {
    let counts = tally.counts.entry(key).or_insert_with(|| vec![0; plan.width]);
    match counts.get_mut(place) {
        Some(count) if *count == 0 => {
            *count = reports;
            true
        }
        _ => false,
    }
}

fn plus(tally: &mut ProgramTally, plan: &ProgramPlan, key: (u32, u32), place: usize, reports: u64) {
    let counts = tally.counts.entry(key).or_insert_with(|| vec![0; plan.width]);
    if let Some(count) = counts.get_mut(place) {
        *count += reports;
    }
}
