//! Which population each program's file should state for the coming week, and how accurate its charts become.
//!
//! The population is chosen so that a week has the reports that the strictest chart asks for, with the stated
//! confidence: it is a little lower than what is expected, by what the [`forecast`](crate::aggregate::statistics::forecast) and the draw of
//! the reports may miss it by. A stated population that still does stays: while it is not above the middle between
//! the two, and not so low that more than a tenth too many report ([`SLACK`]). So a file changes when there is a
//! reason, and not each week.
//!
//! A population that would become more than [`JUMP`] times what it was, or less than one over that, is not
//! changed unless somebody says so: it may be a flood of false reports, or a fault.

use super::observed::{ObservedChart, ObservedProgram, ObservedWeek};
use crate::aggregate::figure::{Interval, Kind};
use crate::aggregate::index::week_of;
use crate::aggregate::statistics::forecast::{Forecast, PastWeek, forecast};
use crate::aggregate::statistics::total::installations;
use crate::aggregate::statistics::volume::COVERED;
use crate::charts::Definitions;
use crate::charts::definition::{Chart, ChartKind, Program, Proportion, Sampling};
use crate::charts::location::At;
use crate::collection::config::Rate;
use crate::collection::{compile, error_of, reports_needed};
use crate::review::{Accuracy, counts_since, rate_of};
use jiff::civil::Date;
use serde::Serialize;
use std::collections::BTreeMap;
use std::num::NonZeroU64;

/// How many times the needed reports are no reason for a change.
pub const SLACK: f64 = 1.1;
/// From one population to the next, this factor is too much to be believed.
pub const JUMP: f64 = 2.0;
/// A program that was last observed more than so many weeks ago is not forecast.
pub const OLDEST: u32 = 6;

/// The populations of all programs for a week.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Plan {
    /// The last day of the week.
    pub week: Date,
    /// The probability with which each interval has the truth, and with which there are enough reports.
    pub confidence: f64,
    /// The programs, in the order of their files.
    pub programs: Vec<ProgramPlan>,
}

/// The population of a program.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ProgramPlan {
    /// The program.
    pub program: String,
    /// Its file, in the charts folder.
    pub file: String,
    /// The population that it states.
    pub population: Option<u64>,
    /// What becomes of it.
    #[serde(flatten)]
    pub decision: Decision,
    /// How many installations are expected to report.
    pub expected: Option<Interval>,
    /// Their growth a week, as a factor, where it can be told from chance.
    pub growth: Option<f64>,
    /// The weeks that this is based on, the newest first.
    pub weeks: Vec<EstimatedWeek>,
    /// Its charts that are collected.
    pub charts: Vec<ChartPlan>,
}

/// What becomes of a population.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(tag = "decision", rename_all = "kebab-case")]
pub enum Decision {
    /// It still does.
    Kept,
    /// It is replaced.
    Changed {
        /// With this.
        proposed: u64,
    },
    /// It would be replaced with one that is hard to believe, and is not.
    Jump {
        /// This one.
        proposed: u64,
    },
    /// No report of the last weeks tells anything of it.
    NotObserved,
    /// No chart of the program is collected.
    NotCollected,
}

/// A program's installations in an earlier week.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EstimatedWeek {
    /// The last day of the week.
    pub week: Date,
    /// Its reports of the program.
    pub reports: u64,
    /// How many installations they stand for.
    pub installations: Interval,
    /// Whether there are more or fewer than the weeks before explain.
    pub jump: bool,
    #[serde(skip)]
    variance: f64,
}

/// The sampling of a chart.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ChartPlan {
    /// Its heading.
    pub title: String,
    /// Its counters.
    pub counter: String,
    /// How far a share may be from the truth, as its definition asks.
    pub error: f64,
    /// Its rate, and what it becomes.
    pub rate_before: Rate,
    /// Its rate from now on.
    pub rate: Rate,
    /// The first version that it counts, if an earlier one may report, too.
    pub since: Option<String>,
    /// How accurate it was in the newest week, if that has it.
    pub was: Option<Accuracy>,
    /// How accurate it will be, if that is known.
    pub will_be: Option<Accuracy>,
}

/// Plans the populations for the week of a day. `None` without `[sampling]`: then everyone reports everything,
/// whatever the population is.
pub fn plan(
    definitions: &Definitions,
    observed: &BTreeMap<String, ObservedProgram>,
    as_of: Date,
    allow_jumps: bool,
) -> Option<Plan> {
    let sampling = definitions.collection.sampling.as_ref()?;
    let mut after = definitions.clone();
    let nothing = ObservedProgram::default();
    let mut programs = Vec::new();
    for (program, after) in definitions.programs.iter().zip(&mut after.programs) {
        let live = || definitions.live(as_of).filter(|chart| is_of(chart, program));
        let reports = live().map(|chart| needed(chart, sampling)).max();
        let observed = observed.get(program.program.as_str()).unwrap_or(&nothing);
        let planned = plan_program(program, observed, reports, (sampling, as_of), allow_jumps);
        if let Decision::Changed { proposed } = planned.decision {
            let location = program.program.location.clone();
            after.population = NonZeroU64::new(proposed).map(|value| At { value, location });
        }
        programs.push(planned);
    }
    let configs = (compile(definitions, as_of), compile(&after, as_of));
    for (program, planned) in definitions.programs.iter().zip(&mut programs) {
        let observed = observed.get(program.program.as_str()).unwrap_or(&nothing);
        let expected = planned.expected.map(|expected| expected.value);
        let charts = definitions.live(as_of).filter(|chart| is_of(chart, program));
        let charts = charts.filter_map(|chart| {
            let rates = (rate_of(chart, &configs.0)?, rate_of(chart, &configs.1)?);
            plan_chart(chart, rates, observed, expected, definitions)
        });
        planned.charts = charts.collect();
    }
    let confidence = sampling.confidence.get();
    Some(Plan { week: week_of(as_of), confidence, programs })
}

fn is_of(chart: &Chart, program: &Program) -> bool {
    chart.program.as_str() == program.program.as_str()
}

fn error(chart: &Chart, sampling: &Sampling) -> Proportion {
    chart.error.as_ref().unwrap_or(&sampling.error).value
}

/// The reports that a chart needs.
fn needed(chart: &Chart, sampling: &Sampling) -> u64 {
    reports_needed(error(chart, sampling), sampling.confidence.value)
}

/// Plans the population of a program, of which a week needs so many reports; `None` if it has no chart.
fn plan_program(
    program: &Program,
    observed: &ObservedProgram,
    reports: Option<u64>,
    (sampling, as_of): (&Sampling, Date),
    allow_jumps: bool,
) -> ProgramPlan {
    let confidence = sampling.confidence.get();
    let weeks = observed.weeks.iter().filter_map(|week| estimated(week, confidence));
    let mut weeks: Vec<EstimatedWeek> = weeks.collect();
    let coming = week_of(as_of);
    let ago = |week: &EstimatedWeek| {
        let days = week.week.until(coming).map_or(0, |span| span.get_days());
        u32::try_from(days / 7).unwrap_or(0)
    };
    if weeks.first().is_none_or(|newest| ago(newest) > OLDEST) {
        weeks.clear();
    }
    let past: Vec<PastWeek> = weeks
        .iter()
        .map(|week| PastWeek {
            ago: ago(week),
            installations: week.installations.value,
            variance: week.variance,
        })
        .collect();
    let forecast = forecast(&past, confidence);
    let stated = program.population.as_ref().map(|population| population.get());
    let decision = match (reports, &forecast) {
        (None, _) => Decision::NotCollected,
        (_, None) => Decision::NotObserved,
        (Some(reports), Some(forecast)) => {
            decide(stated, forecast, reports, confidence, allow_jumps)
        }
    };
    ProgramPlan {
        program: program.program.as_str().to_owned(),
        file: program.program.location.file.to_string(),
        population: stated,
        decision,
        expected: forecast.map(|forecast| forecast.installations),
        growth: forecast.and_then(|forecast| forecast.growth),
        weeks,
        charts: Vec::new(),
    }
}

fn decide(
    stated: Option<u64>,
    forecast: &Forecast,
    reports: u64,
    confidence: f64,
    allow_jumps: bool,
) -> Decision {
    // Exact up to 2^53, which no population reaches.
    let safe = forecast.population_for(reports as f64, confidence);
    let proposed = rounded(safe);
    let Some(stated) = stated else { return Decision::Changed { proposed } };
    let highest = f64::midpoint(safe, forecast.installations.value);
    if stated == proposed || (safe / SLACK..=highest).contains(&(stated as f64)) {
        return Decision::Kept;
    }
    let factor = proposed as f64 / stated as f64;
    if !allow_jumps && !(1.0 / JUMP..=JUMP).contains(&factor) {
        return Decision::Jump { proposed };
    }
    Decision::Changed { proposed }
}

/// A population with three significant digits, rounded down; at least one.
fn rounded(population: f64) -> u64 {
    // As TOML has no larger numbers; the cast is exact enough.
    let whole = population.clamp(1.0, 9e18).floor() as u64;
    let digits = whole.checked_ilog10().unwrap_or(0);
    let unit = 10_u64.pow(digits.saturating_sub(2));
    whole / unit * unit
}

/// How many installations used the program in a week; `None` if its reports do not tell.
fn estimated(week: &ObservedWeek, confidence: f64) -> Option<EstimatedWeek> {
    if week.coverage < COVERED {
        return None;
    }
    let found = installations(week.sampled.iter().copied(), confidence)?;
    let (mut total, mut variance) = (0.0, 0.0);
    for (reports, rate) in week.sampled.iter().filter(|(_, rate)| *rate > 0.0) {
        let reports = *reports as f64;
        total += reports / rate;
        variance += reports * (1.0 - rate.min(1.0)) / (rate * rate);
    }
    let of_all = |number: f64| number / week.coverage;
    Some(EstimatedWeek {
        week: week.week,
        reports: week.sampled.iter().fold(0, |sum, (reports, _)| sum.saturating_add(*reports)),
        installations: Interval {
            value: of_all(found.value),
            low: of_all(found.low),
            high: of_all(found.high),
        },
        jump: week.jump.is_some(),
        variance: variance / (total * total),
    })
}

fn plan_chart(
    chart: &Chart,
    (rate_before, rate): (Rate, Rate),
    observed: &ObservedProgram,
    expected: Option<f64>,
    definitions: &Definitions,
) -> Option<ChartPlan> {
    let sampling = definitions.collection.sampling.as_ref()?;
    let confidence = sampling.confidence.value;
    let counter = chart.counter.as_str();
    let is_this = |other: &&ObservedChart| {
        other.kind == kind(&chart.kind) && other.counter.as_deref() == Some(counter)
    };
    let found = observed.charts.iter().find(is_this).filter(|found| found.base.reports > 0);
    let since = counts_since(chart, definitions);
    let counted = since.and_then(|first| {
        observed.versions().and_then(|seen| seen.share_since(&chart.program.value, first))
    });
    let accuracy = |reports: f64| Accuracy {
        reports,
        error: error_of(reports, confidence),
        at_best: since.is_some() && counted.is_none(),
    };
    let share = counted.unwrap_or(1.0);
    Some(ChartPlan {
        title: chart.title.value.clone(),
        counter: counter.to_owned(),
        error: error(chart, sampling).get(),
        rate_before,
        rate,
        since: since.map(ToString::to_string),
        was: found.map(|found| Accuracy {
            reports: found.base.reports as f64,
            error: error_of(found.base.effective, confidence),
            at_best: false,
        }),
        will_be: expected.map(|expected| accuracy(expected * share * rate.get())),
    })
}

fn kind(kind: &ChartKind) -> Kind {
    match kind {
        ChartKind::Partition => Kind::Partition,
        ChartKind::Histogram => Kind::Histogram,
        ChartKind::Timeseries => Kind::Timeseries,
        ChartKind::Ratio { .. } => Kind::Ratio,
        ChartKind::Stack { .. } => Kind::Stack,
    }
}

impl Plan {
    /// The populations to write, by file.
    pub fn changes(&self) -> impl Iterator<Item = (&str, u64)> {
        self.programs.iter().filter_map(|program| match program.decision {
            Decision::Changed { proposed } => Some((program.file.as_str(), proposed)),
            _ => None,
        })
    }

    /// The programs whose population would jump.
    pub fn jumps(&self) -> impl Iterator<Item = &ProgramPlan> {
        let jumps = |program: &&ProgramPlan| matches!(program.decision, Decision::Jump { .. });
        self.programs.iter().filter(jumps)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aggregate::figure::{Base, Jump};
    use crate::charts::{Sources, parse};
    use jiff::ToSpan;
    use jiff::civil::date;

    const HELLO: &str = "example.org/hello";
    const AS_OF: Date = date(2026, 11, 23);

    fn definitions(population: &str, rest: &str) -> Definitions {
        let files = [
            (
                "collection.toml",
                "module = 'telemetry.example.org/config'\ngoos = ['linux']\ngoarch = ['amd64']\n\
                 toolchains = ['rust1.95.0']\n[sampling]\nconfidence = 0.99\nerror = 0.01\n"
                    .to_owned(),
            ),
            (
                "programs/hello.toml",
                format!(
                    "program = '{HELLO}'\nmodule = '{HELLO}'\nversions = ['v1.0.0']\n{population}\n"
                ),
            ),
            (
                "charts/verbs.toml",
                format!(
                    "[[chart]]\ntitle = 'Verbs'\nissue = ['https://example.org/1']\n\
                     type = 'partition'\nprogram = '{HELLO}'\ncounter = 'verb:{{run,help}}'\n{rest}"
                ),
            ),
        ];
        let files = files.map(|(path, text)| (path.to_owned(), text.into_bytes()));
        let sources = Sources::from_files(files.into());
        parse(&sources).unwrap_or_else(|errors| panic!("{errors}"))
    }

    /// Weeks of so many installations that were sampled at a rate, the newest first.
    fn observed(installations: &[f64], rate: f64) -> BTreeMap<String, ObservedProgram> {
        let weeks = installations.iter().zip(1..).map(|(installations, ago)| ObservedWeek {
            week: date(2026, 11, 22) - ago.weeks(),
            coverage: 1.0,
            jump: None,
            sampled: vec![((installations * rate).round() as u64, rate)],
            versions: vec![
                ("v1.0.0".to_owned(), installations * 0.9),
                ("v2.0.0".to_owned(), installations * 0.1),
            ],
        });
        let reports = (installations.first().unwrap_or(&0.0) * rate).round();
        let base = Base { reports: reports as u64, total: reports / rate, effective: reports };
        let counter = Some("verb:{run,help}".to_owned());
        let charts = vec![ObservedChart { kind: Kind::Partition, counter, base }];
        BTreeMap::from([(HELLO.to_owned(), ObservedProgram { weeks: weeks.collect(), charts })])
    }

    fn planned(
        population: &str,
        seen: &BTreeMap<String, ObservedProgram>,
        jumps: bool,
    ) -> ProgramPlan {
        let plan = plan(&definitions(population, ""), seen, AS_OF, jumps).expect("sampling");
        assert_eq!((plan.week, plan.confidence), (date(2026, 11, 29), 0.99));
        plan.programs.into_iter().next().expect("a program")
    }

    #[test]
    fn a_population_that_grew_is_followed_and_the_rate_falls() {
        let grown: Vec<f64> = (0..8).map(|ago| 4e5 / 1.1_f64.powi(ago)).collect();
        let found = planned("population = 300_000", &observed(&grown, 0.05), false);
        let Decision::Changed { proposed } = found.decision else { panic!("{found:?}") };
        // Two weeks after 400,000, less a few percent for what is not known.
        assert!((445_000..484_000).contains(&proposed) && proposed % 1000 == 0, "{proposed}");
        let expected = found.expected.expect("a forecast");
        assert!((expected.value / 484_000.0 - 1.0).abs() < 0.01, "{expected:?}");
        assert!((found.growth.expect("growth") - 1.1).abs() < 0.01);
        let chart = &found.charts[0];
        assert_eq!(chart.rate_before.get(), 16_588.0 / 300_000.0);
        assert_eq!(chart.rate.get(), 16_588.0 / proposed as f64);
        let (was, will_be) = (chart.was.expect("known"), chart.will_be.expect("known"));
        assert_eq!(was.reports, 20_000.0);
        assert!(will_be.error <= 0.01 && will_be.reports < 1.1 * 16_588.0, "{will_be:?}");
    }

    #[test]
    fn a_chart_of_new_versions_has_the_reports_of_those() {
        let mut definitions = definitions("population = 250000", "version = 'v2.0.0'\n");
        let mut seen = observed(&[2.5e5; 8], 0.0664);
        let chart = |definitions: &Definitions, seen: &BTreeMap<String, ObservedProgram>| {
            let plan = plan(definitions, seen, AS_OF, false).expect("sampling");
            plan.programs[0].charts[0].clone()
        };
        // Where no earlier version may report, all reports are of it.
        let all = [At {
            value: definitions.charts[0].version.as_deref().cloned().expect("a version"),
            location: definitions.charts[0].location.clone(),
        }];
        let old = definitions.programs[0].versions.replace(all.to_vec());
        let found = chart(&definitions, &seen);
        assert_eq!(found.since, None);
        let whole = found.will_be.expect("known");
        definitions.programs[0].versions = old;
        definitions.programs[0].versions.as_mut().expect("versions").extend(all);
        let found = chart(&definitions, &seen);
        assert_eq!(found.since.as_deref(), Some("v2.0.0"));
        let tenth = found.will_be.expect("known");
        assert!(
            (tenth.reports * 10.0 / whole.reports - 1.0).abs() < 1e-9,
            "{tenth:?} of {whole:?}"
        );
        assert!(tenth.error > 0.03 && !tenth.at_best, "{tenth:?}");
        seen.values_mut().flat_map(|one| &mut one.weeks).for_each(|week| week.versions.clear());
        let unknown = chart(&definitions, &seen).will_be.expect("known");
        assert!(unknown.at_best && unknown.reports == whole.reports, "{unknown:?}");
    }

    #[test]
    fn a_population_that_still_does_stays() {
        let steady = observed(&[2.5e5; 8], 0.0664);
        let Decision::Changed { proposed } =
            planned("population = 300000", &steady, false).decision
        else {
            panic!("it is too high");
        };
        for kept in [proposed, proposed + 1000, proposed - 9000] {
            let found = planned(&format!("population = {kept}"), &steady, false);
            assert_eq!(found.decision, Decision::Kept, "{kept}");
            assert_eq!(found.charts[0].rate, found.charts[0].rate_before);
        }
        for other in [249_900, 200_000] {
            let found = planned(&format!("population = {other}"), &steady, false);
            assert_eq!(found.decision, Decision::Changed { proposed }, "{other}");
        }
        // Where none was stated, everyone was asked.
        let found = planned("", &steady, false);
        assert_eq!(found.decision, Decision::Changed { proposed });
        assert_eq!(found.charts[0].rate_before, Rate::ALL);
    }

    #[test]
    fn the_strictest_chart_decides() {
        let steady = observed(&[2.5e5; 8], 0.0664);
        let proposed = |rest: &str| {
            let plan = plan(&definitions("population = 300000", rest), &steady, AS_OF, false);
            let plan = plan.expect("sampling");
            let Decision::Changed { proposed } = plan.programs[0].decision else {
                panic!("{plan:?}")
            };
            let errors: Vec<f64> =
                plan.programs[0].charts.iter().map(|chart| chart.error).collect();
            (proposed, errors)
        };
        let chart = |error: &str| {
            format!(
                "[[chart]]\ntitle = 'More'\nissue = ['https://example.org/1']\ntype = 'partition'\n\
                 program = '{HELLO}'\ncounter = 'more'\nerror = {error}\n"
            )
        };
        let alone = proposed("");
        assert_eq!(alone.1, [0.01]);
        assert_eq!(proposed(&chart("0.05")), (alone.0, vec![0.01, 0.05]));
        // Fewer reports are a rougher draw: the population has to be the safer for it.
        let (loose, errors) = proposed("error = 0.05\n");
        assert!(loose < alone.0 && errors == [0.05], "{loose} {alone:?}");
        assert_eq!(proposed(&format!("error = 0.05\n{}", chart("0.01"))).0, alone.0);
    }

    #[test]
    fn a_week_is_as_certain_as_its_sampling() {
        let week = |sampled: Vec<(u64, f64)>, coverage: f64| ObservedWeek {
            week: date(2026, 11, 15),
            coverage,
            jump: None,
            sampled,
            versions: Vec::new(),
        };
        let found = estimated(&week(vec![(100, 1.0)], 1.0), 0.99).expect("known");
        assert_eq!((found.variance, found.installations.value, found.jump), (0.0, 100.0, false));
        // 100 / 0.5 installations, with a variance of 100 (1 - 0.5) / 0.5^2 around it.
        let found = estimated(&week(vec![(100, 0.5)], 1.0), 0.99).expect("known");
        assert!((found.variance - 200.0 / (200.0 * 200.0)).abs() < 1e-12, "{}", found.variance);
        // Half of the installations were asked.
        let half = estimated(&week(vec![(100, 0.5)], 0.5), 0.99).expect("known");
        assert!((half.installations.value - 400.0).abs() < 1e-9, "{half:?}");
        let jump = Jump { reports: 100, expected: 15.0, low: 10.0, high: 20.0, weeks: 3 };
        let marked = ObservedWeek { jump: Some(jump), ..week(vec![(100, 0.5)], 1.0) };
        assert!(estimated(&marked, 0.99).expect("known").jump);
    }

    #[test]
    fn a_chart_was_as_accurate_as_it_was_drawn() {
        let seen = observed(&[2.5e5; 8], 0.0664);
        let was = |change: &dyn Fn(&mut ObservedChart)| {
            let mut seen = seen.clone();
            seen.values_mut().flat_map(|program| &mut program.charts).for_each(change);
            planned("population = 250000", &seen, false).charts[0].was
        };
        assert!(was(&|_| {}).is_some());
        // It had no report, was of another kind, or of other counters.
        assert_eq!(was(&|chart| chart.base.reports = 0), None);
        assert_eq!(was(&|chart| chart.kind = Kind::Histogram), None);
        assert_eq!(was(&|chart| chart.counter = Some("verb:{run}".to_owned())), None);
    }

    #[test]
    fn a_population_of_one_stays() {
        let found = planned("population = 1", &observed(&[1.0; 8], 1.0), false);
        assert_eq!(found.decision, Decision::Kept, "{found:?}");
    }

    #[test]
    fn a_jump_needs_somebody_to_allow_it() {
        let seen = observed(&[2.5e6; 8], 0.0664);
        let found = planned("population = 250000", &seen, false);
        let Decision::Jump { proposed } = found.decision else { panic!("{found:?}") };
        assert_eq!(found.charts[0].rate, found.charts[0].rate_before);
        let jumping = plan(&definitions("population = 250000", ""), &seen, AS_OF, false);
        let jumping = jumping.expect("sampling");
        assert_eq!((jumping.changes().count(), jumping.jumps().count()), (0, 1));
        let allowed = planned("population = 250000", &seen, true);
        assert_eq!(allowed.decision, Decision::Changed { proposed });
        let shrunk = planned("population = 250000", &observed(&[1e5; 8], 0.0664), false);
        assert!(matches!(shrunk.decision, Decision::Jump { .. }), "{shrunk:?}");
    }

    #[test]
    fn what_was_not_observed_is_not_changed() {
        let population = "population = 250000";
        for seen in [BTreeMap::new(), observed(&[], 0.1), observed(&[0.0, 0.0], 0.1)] {
            assert_eq!(planned(population, &seen, false).decision, Decision::NotObserved);
        }
        // The newest is of two weeks ago.
        for (dropped, is_observed) in [(0, true), (4, true), (5, false), (6, false)] {
            let mut old = observed(&[1e5; 8], 0.1);
            old.values_mut().for_each(|program| drop(program.weeks.drain(..dropped)));
            let found = planned(population, &old, false);
            assert_eq!(found.decision != Decision::NotObserved, is_observed, "{dropped}");
            assert_eq!(!found.weeks.is_empty(), is_observed, "{dropped}");
        }
        let mut new = observed(&[1e5; 8], 0.1);
        new.values_mut()
            .flat_map(|program| &mut program.weeks)
            .for_each(|week| week.coverage = 0.05);
        assert_eq!(planned(population, &new, false).decision, Decision::NotObserved);
        let expired = definitions(population, "expires = 2026-01-01\n");
        let plan = plan(&expired, &observed(&[1e5; 8], 0.1), AS_OF, false).expect("sampling");
        assert_eq!(plan.programs[0].decision, Decision::NotCollected);
        assert_eq!(plan.changes().count(), 0);
    }

    #[test]
    fn a_config_that_is_spreading_hides_nobody() {
        let mut seen = observed(&[1.25e5; 8], 0.0664);
        seen.values_mut()
            .flat_map(|program| &mut program.weeks)
            .for_each(|week| week.coverage = 0.5);
        let expected = planned("population = 250000", &seen, false).expected.expect("a forecast");
        assert!((expected.value / 2.5e5 - 1.0).abs() < 0.01, "{expected:?}");
    }

    #[test]
    fn populations_are_rounded_down_to_three_digits() {
        for (number, expected) in [
            (0.0, 1),
            (0.9, 1),
            (999.9, 999),
            (1234.0, 1230),
            (99_999.0, 99_900),
            (1e8, 100_000_000),
            (1e300, 9_000_000_000_000_000_000),
        ] {
            assert_eq!(rounded(number), expected);
        }
    }
}
