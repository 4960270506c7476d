//! A chart's numbers as CSV (RFC 4180): a header, then one line per bucket for all reports, for every
//! version, platform and toolchain, and for every reweighting.
//!
//! **Formulas.** Spreadsheets evaluate cells that begin with `=`, `+`, `-` or `@`. A text that begins
//! with one of these, with a tab, a carriage return or an apostrophe gets an apostrophe in front. To
//! get the original text, remove one apostrophe from every cell that begins with one.

use super::figure::{
    Base, Dimension, Estimate, Figure, Interval, Kind, ProgramCharts, Row, WeekCharts,
};

/// The quantiles of ratios that get columns.
const QUANTILES: [(f64, &str); 5] =
    [(0.05, "q05"), (0.25, "q25"), (0.5, "q50"), (0.75, "q75"), (0.95, "q95")];

/// The columns before those of quantiles, and what they contain.
pub(crate) const COLUMNS: [(&str, &str); 20] = [
    ("week", "the last day of the week, a Sunday"),
    ("complete", "whether no report of that week can arrive any more"),
    ("program", "the program’s path"),
    ("chart", "the chart’s name in addresses"),
    ("kind", "partition, histogram, timeseries, ratio or stack"),
    ("by", "all, version, platform, toolchain or reweighted"),
    ("group", "the version, platform, toolchain, or name of the reweighting; empty for all"),
    (
        "row",
        "bucket, or none: the reports of the chart, or of the group, that held none of the chart’s counters",
    ),
    ("label", "the bucket; of a stack, the function of its innermost frame"),
    ("counter", "the counter’s whole name"),
    ("frames", "of a stack, the functions of its frames, one a line, the innermost first"),
    ("reports", "the reports that held it"),
    ("total", "the sum of their weights: estimated installations"),
    ("share", "its share of the base, from 0 to 1"),
    ("share_low", "the lower bound of the share’s interval"),
    ("share_high", "the upper bound"),
    ("confidence", "the confidence of all intervals"),
    ("base_reports", "the reports that could have held it"),
    ("base_total", "the sum of their weights"),
    ("base_effective", "how many equally weighted reports tell as much"),
];

/// The columns after those of quantiles.
pub(crate) const LAST_COLUMNS: [(&str, &str); 6] = [
    (
        "expected_reports",
        "how many reports of the whole chart were to be expected from the weeks before; empty where there are none",
    ),
    (
        "jump",
        "up or down where the chart, the program or the week has more or fewer reports than the weeks \
         before explain; empty where the number is ordinary",
    ),
    (
        "most_reports",
        "the reports that counted this bucket more often than any other of the chart; empty where buckets \
         exclude each other",
    ),
    ("most_share", "their share of the whole chart’s base; with none these add up to 1"),
    ("most_share_low", "the lower bound of that share’s interval"),
    ("most_share_high", "the upper bound"),
];

/// Text for a cell: guarded against formulas, and quoted if needed.
fn text(text: &str) -> String {
    let guard = text.starts_with(['=', '+', '-', '@', '\t', '\r', '\'']);
    let text = if guard { format!("'{text}") } else { text.to_owned() };
    match text.contains([',', '"', '\n', '\r']) {
        true => format!("\"{}\"", text.replace('"', "\"\"")),
        false => text,
    }
}

/// A CSV file being written.
pub(crate) struct Csv(String);

/// The part of a chart that a line belongs to.
struct Part<'a> {
    week: &'a WeekCharts,
    program: &'a str,
    jump: &'a str,
    figure: &'a Figure,
    by: &'a str,
    group: &'a str,
    base: &'a Base,
}

impl Csv {
    /// The header.
    pub(crate) fn new() -> Csv {
        let mut names: Vec<String> = COLUMNS.iter().map(|(name, _)| (*name).to_owned()).collect();
        for (_, name) in QUANTILES {
            names.extend([name.to_owned(), format!("{name}_low"), format!("{name}_high")]);
        }
        names.extend(LAST_COLUMNS.map(|(name, _)| name.to_owned()));
        let mut csv = Csv(String::new());
        csv.line(&names);
        csv
    }

    /// All lines of a chart in a week.
    pub(crate) fn add(&mut self, week: &WeekCharts, program: &ProgramCharts, figure: &Figure) {
        let jump = figure.jump.or(program.jump).or(week.jump);
        let jump = jump.map_or("", |jump| if jump.is_up() { "up" } else { "down" });
        let program = program.program.as_str();
        let part = Part { week, program, jump, figure, by: "all", group: "", base: &figure.base };
        for row in &figure.rows {
            self.row(&part, row);
        }
        if let Some(none) = &figure.none {
            self.cells(&part, "none", None, none);
        }
        for breakdown in &figure.by {
            for group in &breakdown.groups {
                let by = name_of(breakdown.dimension);
                let part = Part { by, group: &group.label, base: &group.base, ..part };
                for row in &group.rows {
                    self.row(&part, row);
                }
                if let Some(none) = &group.none {
                    self.cells(&part, "none", None, none);
                }
            }
        }
        for reweighted in &figure.reweighted {
            let (group, base) = (reweighted.id.as_str(), &reweighted.base);
            let part = Part { by: "reweighted", group, base, ..part };
            for row in &reweighted.rows {
                self.row(&part, row);
            }
        }
    }

    fn row(&mut self, part: &Part, row: &Row) {
        self.cells(part, "bucket", Some(row), &row.estimate);
    }

    fn cells(&mut self, part: &Part, what: &str, row: Option<&Row>, estimate: &Estimate) {
        let Estimate { reports, total, share } = estimate;
        let mut cells = vec![
            part.week.week.to_string(),
            part.week.complete.to_string(),
            text(part.program),
            text(&part.figure.id),
            kind_of(part.figure.kind).to_owned(),
            part.by.to_owned(),
            text(part.group),
            what.to_owned(),
            text(row.map_or("", |row| &row.label)),
            text(row.and_then(|row| row.counter.as_deref()).unwrap_or("")),
            text(&row.map_or(String::new(), |row| row.frames.join("\n"))),
            reports.to_string(),
            total.to_string(),
            share.value.to_string(),
            share.low.to_string(),
            share.high.to_string(),
            part.week.confidence.to_string(),
            part.base.reports.to_string(),
            part.base.total.to_string(),
            part.base.effective.to_string(),
        ];
        let distribution = row.and_then(|row| row.distribution.as_ref());
        for (at, _) in QUANTILES {
            let found = distribution.and_then(|distribution| {
                distribution.quantiles.iter().find(|found| (found.at - at).abs() < 1e-9)
            });
            match found.map(|found| found.quotient) {
                Some(Interval { value, low, high }) => {
                    cells.extend([value, low, high].map(|number| number.to_string()));
                }
                None => cells.extend([const { String::new() }; 3]),
            }
        }
        let expected = part.figure.expected;
        cells.push(expected.map_or(String::new(), |expected| expected.reports.to_string()));
        cells.push(part.jump.to_owned());
        match row.and_then(|row| row.most) {
            Some(Estimate { reports, share: Interval { value, low, high }, .. }) => {
                cells.push(reports.to_string());
                cells.extend([value, low, high].map(|number| number.to_string()));
            }
            None => cells.extend([const { String::new() }; 4]),
        }
        self.line(&cells);
    }

    fn line(&mut self, cells: &[String]) {
        self.0.push_str(&cells.join(","));
        self.0.push_str("\r\n");
    }

    /// The file.
    pub(crate) fn finish(self) -> String {
        self.0
    }
}

/// The word for a kind of chart.
pub(crate) fn kind_of(kind: Kind) -> &'static str {
    match kind {
        Kind::Partition => "partition",
        Kind::Histogram => "histogram",
        Kind::Timeseries => "timeseries",
        Kind::Ratio => "ratio",
        Kind::Stack => "stack",
    }
}

/// The word for what a chart is broken down by.
pub(crate) fn name_of(dimension: Dimension) -> &'static str {
    match dimension {
        Dimension::Version => "version",
        Dimension::Platform => "platform",
        Dimension::Toolchain => "toolchain",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aggregate::figure::{Expected, Jump};
    use crate::charts_fixture::{self as fixture, AWKWARD, GOPLS, HOSTILE};

    /// Reads CSV by RFC 4180, with the guards taken off.
    fn read(csv: &str) -> Vec<Vec<String>> {
        let (mut lines, mut cells, mut cell, mut quoted) = (vec![], vec![], String::new(), false);
        let mut characters = csv.chars().peekable();
        while let Some(c) = characters.next() {
            match c {
                '"' if quoted && characters.peek() == Some(&'"') => {
                    characters.next();
                    cell.push('"');
                }
                '"' => quoted = !quoted,
                ',' if !quoted => cells.push(std::mem::take(&mut cell)),
                '\r' if !quoted => {
                    assert_eq!(characters.next(), Some('\n'));
                    cells.push(std::mem::take(&mut cell));
                    lines.push(std::mem::take(&mut cells));
                }
                c => cell.push(c),
            }
        }
        assert!(cells.is_empty() && cell.is_empty() && !quoted);
        for line in &mut lines {
            for cell in line {
                if let Some(text) = cell.strip_prefix('\'') {
                    *cell = text.to_owned();
                } else {
                    assert!(!cell.starts_with(['=', '+', '-', '@', '\t', '\r']), "{cell}");
                }
            }
        }
        lines
    }

    fn csv_of(program: &str, id: &str) -> (Figure, Vec<Vec<String>>) {
        let week = fixture::week(fixture::NEWEST);
        let charts = week.programs.iter().find(|found| found.program == program).expect("it");
        let figure = charts.charts.iter().find(|figure| figure.id == id).expect("a figure");
        let mut csv = Csv::new();
        csv.add(&week, charts, figure);
        (figure.clone(), read(&csv.finish()))
    }

    #[test]
    fn every_text_comes_back_as_it_was_and_none_begins_a_formula() {
        let (figure, lines) = csv_of(AWKWARD, "odd");
        let labels: Vec<_> = lines.iter().skip(1).take(HOSTILE.len()).map(|l| &l[8]).collect();
        assert_eq!(labels, HOSTILE.iter().collect::<Vec<_>>());
        let groups: Vec<_> = figure.by[0].groups.iter().map(|group| &group.label).collect();
        for group in groups {
            assert!(lines.iter().any(|line| line[6] == *group), "{group}");
        }
        let (figure, lines) = csv_of(AWKWARD, "deep");
        for (row, line) in figure.rows.iter().zip(lines.iter().skip(1)) {
            assert_eq!(line[10], row.frames.join("\n"));
        }
    }

    #[test]
    fn every_number_comes_back_exactly() {
        let (figure, lines) = csv_of(GOPLS, "gopls-bug");
        let width = COLUMNS.len() + 15 + LAST_COLUMNS.len();
        assert!(lines.iter().all(|line| line.len() == width));
        for (row, line) in figure.rows.iter().zip(lines.iter().skip(1)) {
            let number = |place: usize| line[place].parse::<f64>().expect("a number");
            assert_eq!(number(11) as u64, row.estimate.reports);
            assert_eq!(number(12), row.estimate.total);
            assert_eq!(number(14), row.estimate.share.low);
            let quantiles = &row.distribution.as_ref().expect("quantiles").quantiles;
            for (place, quantile) in quantiles.iter().enumerate() {
                assert_eq!(number(20 + 3 * place), quantile.quotient.value);
                assert_eq!(number(22 + 3 * place), quantile.quotient.high);
            }
        }
    }

    #[test]
    fn a_jump_is_in_every_line() {
        let mut week = fixture::week(fixture::NEWEST);
        let jump = Jump { reports: 9, expected: 4.5, low: 0.0, high: 8.5, weeks: 3 };
        let cells = |week: &WeekCharts| {
            let charts = week.programs.iter().find(|found| found.program == GOPLS).expect("it");
            let mut csv = Csv::new();
            csv.add(week, charts, &charts.charts[0]);
            let lines = read(&csv.finish());
            let last = |line: &Vec<String>| line[line.len() - 6..line.len() - 4].to_vec();
            lines.iter().map(last).collect::<Vec<_>>()
        };
        let ordinary = cells(&week);
        assert_eq!(ordinary[0], ["expected_reports", "jump"]);
        assert!(ordinary.iter().skip(1).all(|line| *line == ["", ""]));
        week.jump = Some(jump);
        let program = week.programs.iter_mut().find(|found| found.program == GOPLS).expect("it");
        program.charts[0].expected = Some(Expected { reports: 4.5, low: 0.0, high: 8.5, weeks: 3 });
        assert!(cells(&week).iter().skip(1).all(|line| *line == ["4.5", "up"]));
        week.jump = Some(Jump { reports: 1, low: 2.0, ..jump });
        assert!(cells(&week).iter().skip(1).all(|line| *line == ["4.5", "down"]));
    }

    #[test]
    fn the_whole_its_parts_and_its_reweightings_have_lines() {
        let (figure, lines) = csv_of(GOPLS, "gopls-client");
        let count = |by: &str, row: &str| {
            lines.iter().filter(|line| line[5] == by && line[7] == row).count()
        };
        assert_eq!(count("all", "bucket"), figure.rows.len());
        assert_eq!(count("all", "none"), 1);
        assert_eq!(count("version", "bucket"), 7 * figure.rows.len());
        let nones = figure.by.iter().flat_map(|by| &by.groups).filter(|group| group.none.is_some());
        let by = ["version", "platform", "toolchain"].map(|by| count(by, "none"));
        assert!(by[0] > 0 && by.iter().sum::<usize>() == nones.count(), "{by:?}");
        assert_eq!(count("reweighted", "bucket"), figure.rows.len());
        assert_eq!(count("reweighted", "none"), 0);
    }
}
