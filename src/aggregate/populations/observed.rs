//! What charts say of a program's installations, in some weeks: from the store, or as a site serves them.

use crate::aggregate::edition::Edition;
use crate::aggregate::figure::{Base, Jump, Kind, ProgramCharts, RateUse};
use crate::aggregate::index::Index;
use crate::aggregate::public::{PublicData, PublicError};
use crate::aggregate::stored_charts::Wanted;
use crate::review::SeenVersions;
use jiff::civil::Date;
use serde::Deserialize;

/// A program as it was observed.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ObservedProgram {
    /// The weeks in which it has charts, the newest first.
    pub weeks: Vec<ObservedWeek>,
    /// Its charts in the newest of them.
    pub charts: Vec<ObservedChart>,
}

/// A program in one week.
#[derive(Debug, Clone, PartialEq)]
pub struct ObservedWeek {
    /// The last day of the week.
    pub week: Date,
    /// The share of the week's installations whose config asks for the program.
    pub coverage: f64,
    /// Present where there are more or fewer reports than the weeks before explain.
    pub jump: Option<Jump>,
    /// How many reports have the program, by the rate at which they were sampled.
    pub sampled: Vec<(u64, f64)>,
    /// About how many installations had each version.
    pub versions: Vec<(String, f64)>,
}

/// How many reports a chart was made of.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct ObservedChart {
    /// What is drawn.
    pub kind: Kind,
    /// Its counters; absent from charts that every program has.
    #[serde(default)]
    pub counter: Option<String>,
    /// The reports that could have them.
    pub base: Base,
}

/// Why what a site serves is not used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServedError {
    /// It is not the JSON of a chart.
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    /// It has a number that cannot be.
    #[error("{0}")]
    Impossible(String),
}

/// Of these weeks, those whose reports have arrived by a day but for stragglers, up to a number of them; the
/// newest first.
pub fn usable_weeks(all: impl IntoIterator<Item = Date>, as_of: Date, most: usize) -> Vec<Date> {
    let arrived = |week: &Date| Edition::due(*week, as_of) >= Edition::Second;
    let mut weeks: Vec<Date> = all.into_iter().filter(arrived).collect();
    weeks.sort_unstable_by(|a, b| b.cmp(a));
    weeks.dedup();
    weeks.truncate(most);
    weeks
}

impl ObservedWeek {
    /// Reads the JSON of the chart of a program's versions, which has all its reports.
    ///
    /// # Errors
    ///
    /// It is another week's, or has numbers that cannot be.
    pub fn of_json(json: &[u8], week: Date) -> Result<ObservedWeek, ServedError> {
        #[derive(Deserialize)]
        struct Served {
            week: Date,
            coverage: f64,
            #[serde(default)]
            jump: Option<Jump>,
            chart: ServedChart,
        }
        #[derive(Deserialize)]
        struct ServedChart {
            rates: Vec<RateUse>,
            #[serde(default)]
            rows: Vec<ServedRow>,
        }
        #[derive(Deserialize)]
        struct ServedRow {
            label: String,
            total: f64,
        }
        let served: Served = serde_json::from_slice(json)?;
        let wrong = |what: String| Err(ServedError::Impossible(what));
        if served.week != week {
            return wrong(format!("it is of the week until {}", served.week));
        }
        if !(0.0..=1.0).contains(&served.coverage) {
            return wrong(format!("a share of installations is {}", served.coverage));
        }
        let rates = &served.chart.rates;
        if let Some(found) = rates.iter().find(|found| !(found.rate > 0.0 && found.rate <= 1.0)) {
            return wrong(format!("a sampling rate is {}", found.rate));
        }
        let rows = &served.chart.rows;
        if let Some(found) = rows.iter().find(|row| !(row.total >= 0.0 && row.total.is_finite())) {
            return wrong(format!("a version has {} installations", found.total));
        }
        let versions = rows.iter().map(|row| (row.label.clone(), row.total)).collect();
        Ok(ObservedWeek::new(week, served.coverage, served.jump, rates, versions))
    }

    fn new(
        week: Date,
        coverage: f64,
        jump: Option<Jump>,
        rates: &[RateUse],
        versions: Vec<(String, f64)>,
    ) -> ObservedWeek {
        let sampled = rates.iter().map(|used| (used.reports, used.rate)).collect();
        ObservedWeek { week, coverage, jump, sampled, versions }
    }
}

impl ObservedChart {
    /// Reads the JSON of the list of a program's charts.
    pub fn list_of_json(json: &[u8]) -> Result<Vec<ObservedChart>, ServedError> {
        #[derive(Deserialize)]
        struct Served {
            charts: Vec<ObservedChart>,
        }
        let served: Served = serde_json::from_slice(json)?;
        Ok(served.charts)
    }
}

impl ObservedProgram {
    /// Its versions in the newest week.
    pub fn versions(&self) -> Option<SeenVersions> {
        let newest = self.weeks.first()?;
        Some(SeenVersions { week: newest.week, installations: newest.versions.clone() })
    }

    /// What the stored charts of these weeks say, which are the newest first.
    pub fn stored(
        data: &PublicData,
        index: &Index,
        program: &str,
        weeks: &[Date],
    ) -> Result<ObservedProgram, PublicError> {
        let mut observed = ObservedProgram::default();
        for week in weeks {
            let Some(outline) = data.week_outline(index, *week)? else { continue };
            let Some(of) = outline.program(program) else { continue };
            // The first chart has all reports of the program; of the newest week, all charts are shown.
            let is_newest = observed.weeks.is_empty();
            let wanted = if is_newest { Wanted::All } else { Wanted::First(1) };
            let ProgramCharts { charts, coverage, jump, .. } =
                data.program_charts(*week, of, wanted)?;
            let Some(all) = charts.first() else { continue };
            let versions = all.rows.iter().map(|row| (row.label.clone(), row.estimate.total));
            let seen = ObservedWeek::new(*week, coverage, jump, &all.rates, versions.collect());
            observed.weeks.push(seen);
            if is_newest {
                let chart = |figure: crate::aggregate::figure::Figure| ObservedChart {
                    kind: figure.kind,
                    counter: figure.counter,
                    base: figure.base,
                };
                observed.charts = charts.into_iter().map(chart).collect();
            }
        }
        Ok(observed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn a_week_is_usable_once_its_reports_had_a_week_to_arrive() {
        let weeks = [date(2026, 11, 8), date(2026, 11, 22), date(2026, 11, 1), date(2026, 11, 15)];
        let usable = |as_of| usable_weeks(weeks, as_of, 2);
        assert_eq!(usable(date(2026, 11, 23)), [date(2026, 11, 15), date(2026, 11, 8)]);
        assert_eq!(usable(date(2026, 11, 22)), [date(2026, 11, 8), date(2026, 11, 1)]);
        assert_eq!(usable(date(2026, 11, 8)), []);
        // Each counts once.
        let twice = [date(2026, 11, 8), date(2026, 11, 8), date(2026, 11, 1)];
        let usable = usable_weeks(twice, date(2026, 11, 23), 2);
        assert_eq!(usable, [date(2026, 11, 8), date(2026, 11, 1)]);
    }

    #[test]
    fn impossible_numbers_are_refused() {
        let week = date(2026, 11, 15);
        let json = |week: &str, coverage: &str, rate: &str| {
            let chart = format!(
                "{{\"week\":\"{week}\",\"coverage\":{coverage},\"chart\":{{\"rows\":[{{\"label\":\"v1.0.0\",\"total\":14}}],\"rates\":\
                 [{{\"config\":\"v0.1.0\",\"rate\":{rate},\"reports\":7}}]}}}}"
            );
            ObservedWeek::of_json(chart.as_bytes(), date(2026, 11, 15))
        };
        let read = json("2026-11-15", "1.0", "0.5").expect("a week");
        let versions = vec![("v1.0.0".to_owned(), 14.0)];
        let sampled = vec![(7, 0.5)];
        assert_eq!(read, ObservedWeek { week, coverage: 1.0, jump: None, sampled, versions });
        for (other, coverage, rate) in [
            ("2026-11-08", "1.0", "0.5"),
            ("2026-11-15", "1.5", "0.5"),
            ("2026-11-15", "1.0", "0"),
            ("2026-11-15", "1.0", "-1"),
            ("2026-11-15", "1.0", "2"),
            ("2026-11-15", "1.0", "1e400"),
            ("soon", "1.0", "0.5"),
        ] {
            assert!(json(other, coverage, rate).is_err(), "{other} {coverage} {rate}");
        }
        let total = |total: &str| {
            let chart = format!(
                "{{\"week\":\"2026-11-15\",\"coverage\":1.0,\"chart\":{{\"rates\":[],\"rows\":\
                 [{{\"label\":\"v1.0.0\",\"total\":{total}}}]}}}}"
            );
            ObservedWeek::of_json(chart.as_bytes(), week).is_ok()
        };
        assert!(total("0") && total("0.5"));
        assert!(!total("-1") && !total("-0.001") && !total("1e400") && !total("null"));
    }
}
