//! The numbers of a chart, again, by anyone: as SQL over the public data of its week.
//!
//! The queries are in `sql/`, one file for each type of chart, with braces in the place of names and rates.
//! DuckDB runs them as they are. The page of a chart offers its query, and `tests/recompute.rs` compares
//! what the same query finds with what is served. Intervals are not in it: they follow from these counts
//! and weights by [`statistics`](crate::aggregate::statistics).

use crate::aggregate::figure::{Dimension, Figure, Kind};
use crate::collection::{CollectionConfig, expand};
use crate::publish::RESERVED;
use std::collections::{BTreeMap, HashMap, HashSet};

const PARTITION: &str = include_str!("../../sql/partition.sql");
const STACK: &str = include_str!("../../sql/stack.sql");
const RATIO: &str = include_str!("../../sql/ratio.sql");
const BUILDS: &str = include_str!("../../sql/builds.sql");

/// What a query needs to know.
#[derive(Debug, Clone, Copy)]
pub struct Query<'a> {
    /// The address or file of the week's data.
    pub parquet: &'a str,
    /// The program's path.
    pub program: &'a str,
    /// The chart, of which only its definition and the names of its counters are used.
    pub figure: &'a Figure,
    /// The configs that the week's reports name, by version.
    pub configs: &'a BTreeMap<String, CollectionConfig>,
    /// Only the builds with this version, platform or toolchain.
    pub part: Option<(Dimension, &'a str)>,
}

/// The query for a chart's type, with braces in the place of names and rates.
pub fn template(figure: &Figure) -> &'static str {
    match (figure.counter.is_some(), figure.kind) {
        (false, _) => BUILDS,
        (true, Kind::Stack) => STACK,
        (true, Kind::Ratio) => RATIO,
        (true, Kind::Partition | Kind::Histogram | Kind::Timeseries) => PARTITION,
    }
}

/// The column, or columns, of a dimension.
fn column(dimension: Dimension) -> &'static str {
    match dimension {
        Dimension::Version => "version",
        Dimension::Platform => "goos || '/' || goarch",
        Dimension::Toolchain => "toolchain",
    }
}

/// Text inside of quotes.
fn quoted(text: &str) -> String {
    text.replace('\'', "''")
}

impl Query<'_> {
    /// The query.
    pub fn sql(&self) -> String {
        let part = self.part.map_or_else(String::new, |(dimension, value)| {
            format!(" AND {} = '{}'", column(dimension), quoted(value))
        });
        let [versions, platforms, _, _] = RESERVED;
        let value = match self.figure.id.as_str() {
            id if id == versions => column(Dimension::Version),
            id if id == platforms => column(Dimension::Platform),
            _ => column(Dimension::Toolchain),
        };
        let named = [
            ("configs", self.listed()),
            ("parquet", quoted(self.parquet)),
            ("program", quoted(self.program)),
            ("part", part),
            ("over", quoted(self.figure.over.as_deref().unwrap_or_default())),
            ("value", value.to_owned()),
        ];
        // In one pass, since names may hold braces.
        let mut sql = String::new();
        let mut rest = template(self.figure);
        while let Some((before, after)) = rest.split_once('{') {
            let (name, after) = after.split_once('}').unwrap_or((after, ""));
            sql.push_str(before);
            if let Some((_, text)) = named.iter().find(|(known, _)| *known == name) {
                sql.push_str(text);
            }
            rest = after;
        }
        sql.push_str(rest);
        sql
    }

    /// The configs, as rows of a table.
    fn listed(&self) -> String {
        let rows = self.configs.iter().filter_map(|(version, config)| {
            let version = quoted(version);
            // In this form a number is a DOUBLE, not a DECIMAL.
            match self.figure.counter.as_deref() {
                None => Some(format!("('{version}', {:e})", config.sample_rate.get())),
                Some(expression) => {
                    let (rate, names) = self.collected(config, expression)?;
                    let names: Vec<_> =
                        names.iter().map(|name| format!("'{}'", quoted(name))).collect();
                    Some(format!("('{version}', {rate:e}, [{}])", names.join(", ")))
                }
            }
        });
        let rows: Vec<String> = rows.collect();
        match (rows.is_empty(), self.figure.counter.is_some()) {
            (false, _) => rows.join(",\n    "),
            // A table has at least one row; this one joins nothing.
            (true, true) => "(NULL, NULL::DOUBLE, []::VARCHAR[])".to_owned(),
            (true, false) => "(NULL, NULL::DOUBLE)".to_owned(),
        }
    }

    /// The chart's counters that a config collects, and the rate at which a report has all of them: the
    /// lowest of theirs, and of the divisor's. `None` if it collects none.
    fn collected(&self, config: &CollectionConfig, expression: &str) -> Option<(f64, Vec<String>)> {
        let program = config.programs.iter().rfind(|program| program.name == self.program)?;
        let mut rates: HashMap<String, f64> = HashMap::new();
        match self.figure.kind {
            Kind::Stack => {
                rates.extend(program.stacks.iter().map(|s| (s.name.clone(), s.rate.get())));
            }
            _ => {
                for counter in &program.counters {
                    rates.extend(expand(&counter.name).map(|name| (name, counter.rate.get())));
                }
            }
        }
        let divisor = match &self.figure.over {
            Some(over) => *rates.get(over)?,
            None => 1.0,
        };
        // In the order of the rows, which decides between counters that a report counts equally often;
        // those that only older configs have are rows, too.
        let mut names: Vec<String> = Vec::new();
        let rows = self.figure.rows.iter().filter_map(|row| row.counter.clone());
        let mut known = HashSet::new();
        for name in rows.chain(expand(expression)) {
            if rates.contains_key(&name) && known.insert(name.clone()) {
                names.push(name);
            }
        }
        let rate = names.iter().filter_map(|name| rates.get(name)).fold(divisor, |a, b| a.min(*b));
        (!names.is_empty()).then_some((rate, names))
    }
}
