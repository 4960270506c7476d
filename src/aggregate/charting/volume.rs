//! Marks weeks, programs and charts whose number of reports jumps.
//!
//! A week's charts depend on its data alone, except for these marks, which also depend on the charts of
//! the weeks before it ([`volume`](crate::aggregate::statistics::volume) has the rule). So charts are
//! made first and marked afterwards; if only an earlier week has changed, they are marked again without
//! being counted again.

use crate::aggregate::figure::{Base, ConfigUse, Expected, Jump, RateUse, WeekCharts};
use crate::aggregate::statistics::sample::Weights;
use crate::aggregate::statistics::volume::{Range, Volume, WEEKS, expected};
use jiff::civil::Date;
use serde::Deserialize;
use std::borrow::Borrow;
use std::collections::BTreeMap;

/// How many weeks before a week its marks depend on.
pub const WEEKS_BEFORE: usize = WEEKS;

/// The part of a week's charts that later weeks are compared with, read from their JSON.
#[derive(Debug, Clone, Deserialize)]
pub struct WeekVolume {
    week: Date,
    configs: Vec<ConfigUse>,
    programs: Vec<ProgramVolume>,
}

#[derive(Debug, Clone, Deserialize)]
struct ProgramVolume {
    program: String,
    coverage: f64,
    charts: Vec<FigureVolume>,
}

#[derive(Debug, Clone, Deserialize)]
struct FigureVolume {
    id: String,
    coverage: f64,
    rates: Vec<RateUse>,
    base: Base,
}

/// Has what later weeks are compared with.
pub trait HasVolumes {
    /// What later weeks are compared with.
    fn volumes(&self) -> WeekVolume;
}

impl HasVolumes for WeekCharts {
    fn volumes(&self) -> WeekVolume {
        let figure = |figure: &crate::aggregate::figure::Figure| FigureVolume {
            id: figure.id.clone(),
            coverage: figure.coverage,
            rates: figure.rates.clone(),
            base: figure.base,
        };
        let programs = self.programs.iter().map(|program| ProgramVolume {
            program: program.program.clone(),
            coverage: program.coverage,
            charts: program.charts.iter().map(figure).collect(),
        });
        WeekVolume { week: self.week, configs: self.configs.clone(), programs: programs.collect() }
    }
}

impl WeekVolume {
    /// Reads the `charts.json` of a single program, which includes the week's fields.
    pub fn of_program(charts: serde_json::Value) -> Result<WeekVolume, serde_json::Error> {
        #[derive(Deserialize)]
        struct Served {
            week: Date,
            configs: Vec<ConfigUse>,
            #[serde(flatten)]
            program: ProgramVolume,
        }
        let Served { week, configs, program } = serde_json::from_value(charts)?;
        Ok(WeekVolume { week, configs, programs: vec![program] })
    }

    /// Joins those of different programs by week.
    pub fn joined(volumes: impl IntoIterator<Item = WeekVolume>) -> Vec<WeekVolume> {
        let mut weeks: BTreeMap<Date, WeekVolume> = BTreeMap::new();
        for WeekVolume { week, configs, programs } in volumes {
            let of = WeekVolume { week, configs, programs: Vec::new() };
            weeks.entry(week).or_insert(of).programs.extend(programs);
        }
        weeks.into_values().collect()
    }

    /// Of all reports.
    fn whole(&self) -> Volume {
        let mut weights = Weights::default();
        for config in &self.configs {
            weights.add_many(1.0 / config.sample_rate, config.reports);
        }
        let newest = self.configs.last().map(|config| config.sample_rate);
        volume(&weights.base(), 1.0, newest)
    }

    /// Of a program: all its reports.
    fn program(&self, program: &str) -> Option<Volume> {
        let found = self.find(program)?;
        let known = found.charts.first()?;
        Some(volume(&known.base, found.coverage, newest_rate(&known.rates)))
    }

    /// Of a figure, which is usually at the same place in every week.
    fn figure(&self, program: &str, (at, id): (usize, &str)) -> Option<Volume> {
        let found = self.find(program)?;
        let here = found.charts.get(at).filter(|figure| figure.id == id);
        let figure = here.or_else(|| found.charts.iter().find(|figure| figure.id == id))?;
        let coverage = found.coverage * figure.coverage;
        Some(volume(&figure.base, coverage, newest_rate(&figure.rates)))
    }

    fn find(&self, program: &str) -> Option<&ProgramVolume> {
        self.programs.iter().find(|found| found.program == program)
    }
}

fn newest_rate(rates: &[RateUse]) -> Option<f64> {
    rates.last().map(|rate| rate.rate)
}

fn volume(base: &Base, coverage: f64, newest: Option<f64>) -> Volume {
    let Base { reports, total, effective } = *base;
    let rate = if total > 0.0 { reports as f64 / total } else { newest.unwrap_or_default() };
    Volume { reports, total, effective, coverage, rate }
}

/// Sets, for a week, its programs and their charts, how many reports the weeks before explain, and
/// marks what has more or fewer. Too few are marked only once no report can arrive any more.
pub fn mark<V: Borrow<WeekVolume>>(charts: &mut WeekCharts, before: &[V]) {
    let now = charts.volumes();
    let before: Vec<(u32, &WeekVolume)> = before
        .iter()
        .map(Borrow::borrow)
        .filter_map(|other: &WeekVolume| Some((weeks_between(other.week, charts.week)?, other)))
        .collect();
    let complete = charts.complete;
    let compare = |of: &dyn Fn(&WeekVolume) -> Option<Volume>| {
        let earlier: Vec<(u32, Volume)> =
            before.iter().filter_map(|(ago, week)| Some((*ago, of(week)?))).collect();
        let volume = of(&now)?;
        let range = expected(&volume, &earlier)?;
        Some((volume.reports, range))
    };
    (charts.expected, charts.jump) = jump(compare(&|week| Some(week.whole())), complete);
    for program in &mut charts.programs {
        let path = program.program.clone();
        (program.expected, program.jump) = jump(compare(&|week| week.program(&path)), complete);
        for (at, figure) in program.charts.iter_mut().enumerate() {
            let compared = compare(&|week| week.figure(&path, (at, &figure.id)));
            (figure.expected, figure.jump) = jump(compared, complete);
        }
    }
}

/// How many weeks one week is before another, if it is within range.
fn weeks_between(earlier: Date, later: Date) -> Option<u32> {
    let days = earlier.until(later).ok()?.get_days();
    let weeks = u32::try_from(days / 7).ok()?;
    (days % 7 == 0 && (1..=WEEKS as u32).contains(&weeks)).then_some(weeks)
}

fn jump(compared: Option<(u64, Range)>, complete: bool) -> (Option<Expected>, Option<Jump>) {
    let Some((reports, range)) = compared else { return (None, None) };
    let Range { expected, high, weeks, .. } = range;
    let low = if complete { range.low } else { 0.0 };
    let jumps = (reports as f64) > high || (reports as f64) < low;
    let jump = jumps.then_some(Jump { reports, expected, low, high, weeks });
    (Some(Expected { reports: expected, low, high, weeks }), jump)
}

#[cfg(test)]
#[path = "volume_tests.rs"]
mod tests;
