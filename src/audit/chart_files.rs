//! Compares the files of single charts, `/charts/PROGRAM/@WEEK/CHART.json` and `.csv`, with figures computed
//! from the public data.
//!
//! People download these files, and a server may show other numbers in them than in `charts.json`.

use super::fetch::{FetchError, Remote};
use super::served_charts::{LARGEST, differ, expected, near};
use super::verdict::Check;
use crate::aggregate::chart_csv::Csv;
use crate::aggregate::figure::{Figure, ProgramCharts, WeekCharts};
use crate::percent;
use serde_json::Value;

/// Compares the files of each chart of a week. Returns the number of files.
pub(super) fn check_files(remote: &Remote<'_>, week: &WeekCharts, check: &mut Check) -> u64 {
    let mut files = 0;
    for program in &week.programs {
        for figure in &program.charts {
            let (name, id) = (percent::path(&program.program), percent::path(&figure.id));
            let base = format!("charts/{name}/@{}/{id}", week.week);
            for (ending, compare) in [(".json", json as Compare), (".csv", csv)] {
                let path = format!("{base}{ending}");
                let compared = remote.get(&path, LARGEST).and_then(|bytes| {
                    compare(week, program, figure, &bytes).map_err(|reason| {
                        let url = remote.url(&path);
                        FetchError::Wrong(format!("{url} is not what the data says: {reason}"))
                    })
                });
                match compared {
                    Ok(()) => files += 1,
                    Err(trouble) => check.failed(&trouble),
                }
            }
        }
    }
    files
}

type Compare = fn(&WeekCharts, &ProgramCharts, &Figure, &[u8]) -> Result<(), String>;

fn json(
    week: &WeekCharts,
    program: &ProgramCharts,
    figure: &Figure,
    served: &[u8],
) -> Result<(), String> {
    let served: Value = serde_json::from_slice(served).map_err(|error| error.to_string())?;
    let chart = serde_json::to_value(figure).unwrap_or_default();
    differ(&expected(week, program, ("chart", chart)), &served, &program.program)
}

fn csv(
    week: &WeekCharts,
    program: &ProgramCharts,
    figure: &Figure,
    served: &[u8],
) -> Result<(), String> {
    let mut csv = Csv::new();
    csv.add(week, program, figure);
    let (ours, theirs) = (csv.finish(), String::from_utf8_lossy(served));
    let (mut expected, mut found) = (ours.split("\r\n"), theirs.split("\r\n"));
    for number in 1_u64.. {
        match (expected.next(), found.next()) {
            (None, None) => break,
            (Some(one), Some(other)) if same_line(one, other) => {}
            (one, other) => {
                let say = |line: Option<&str>| match line {
                    Some(line) => format!("{:?}", line.chars().take(200).collect::<String>()),
                    None => "missing".to_owned(),
                };
                return Err(format!("line {number} is {}, and should be {}", say(other), say(one)));
            }
        }
    }
    Ok(())
}

/// Whether two lines have the same cells, except for rounding. A comma inside a text is in the same place
/// in both, or they differ anyway.
fn same_line(one: &str, other: &str) -> bool {
    let (mut ours, mut theirs) = (one.split(','), other.split(','));
    loop {
        match (ours.next(), theirs.next()) {
            (None, None) => return true,
            (Some(a), Some(b)) if a == b => {}
            (Some(a), Some(b)) => match (a.parse::<f64>(), b.parse::<f64>()) {
                (Ok(a), Ok(b)) if near(a, b) => {}
                _ => return false,
            },
            _ => return false,
        }
    }
}
