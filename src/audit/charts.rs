//! Computes the served charts again from the public data.
//!
//! The week's Parquet file (whose hash is in the index), the configs that its reports name (from the log),
//! and the definitions at the commit that the charts name (from the charts repository) give the figures
//! again. They must match `/charts/PROGRAM/@WEEK/charts.json` and, for slices, `charts@version.json` and so on,
//! number by number.
//!
//! The day for which the definitions were recorded, which decides which of them are live, is not published.
//! Any possible day will do: that of the commit, those for which versions were compiled from it, and those
//! after which one of its definitions expires.

use super::chart_files::check_files;
use super::data::download;
use super::fetch::{FetchError, Remote};
use super::parts::{CHARTS, joined};
use super::rebuild::{NoSource, Source};
use super::rotation::Rotation;
use super::served_charts::{differ, expected};
use super::state::AuditState;
use super::verdict::Check;
use super::versions::Versions;
use crate::aggregate::chart_csv::name_of;
use crate::aggregate::charting::volume::{WEEKS_BEFORE, WeekVolume, mark};
use crate::aggregate::charting::week::WeekOf;
use crate::aggregate::figure::{Dimension, ProgramCharts, WeekCharts};
use crate::aggregate::index::{FileFormat, Index, Week};
use crate::aggregate::{ConfigUnder, ParquetReader, Phase, Progress};
use crate::charts::RepositoryError;
use crate::client::Http;
use crate::day::date_of;
use crate::gomod::{ModuleVersion, Provenance};
use crate::hex::hex;
use crate::percent;
use crate::publish::{Catalogue, describe};
use jiff::ToSpan;
use jiff::civil::Date;
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::collections::{BTreeSet, HashMap};
use std::num::NonZeroUsize;

/// The number of newest weeks of which each chart's own files are read.
const NEWEST: u64 = 4;

/// How much was computed again.
#[derive(Debug, Default)]
pub(super) struct Recomputed {
    pub weeks: u64,
    pub figures: u64,
    /// Files of single charts, JSON and CSV.
    pub files: u64,
    /// Weeks that were computed before from the same data.
    pub known: u64,
    /// Weeks without charts so far.
    pub none: u64,
    /// Marks on numbers of reports that jump.
    pub marks: u64,
}

/// What charts are computed from.
pub(super) struct ChartAudit<'r, 'a> {
    pub remote: &'r Remote<'a>,
    pub http: &'r Http,
    pub index: &'r Index,
    pub versions: &'r mut Versions<'a>,
    /// What the newest version was compiled from.
    pub provenance: Provenance,
    /// The served numbers of reports that weeks are compared with, by week and program.
    pub volumes: HashMap<(Date, String), Option<WeekVolume>>,
}

impl ChartAudit<'_, '_> {
    /// Computes the charts of all weeks that were not computed before, newest first, and some of the others
    /// again.
    pub(super) fn check(
        &mut self,
        state: &mut AuditState,
        rotation: Rotation,
        (check, jumps): (&mut Check, &mut Check),
        progress: &dyn Progress,
    ) -> Recomputed {
        let mut recomputed = Recomputed::default();
        let index = self.index;
        state
            .charts
            .retain(|week, _| week.parse().is_ok_and(|week| index.weeks.contains_key(&week)));
        let total = index.weeks.len() as u64;
        for (done, (date, week)) in (0..).zip(index.weeks.iter().rev()) {
            progress.advance(Phase::Weeks, done, total);
            let Some(charts) = &week.charts else {
                recomputed.none += 1;
                continue;
            };
            let parquet = week.data.file(FileFormat::Parquet).map(|file| file.sha256.as_str());
            let mark = format!("{} {}", charts.sha256, parquet.unwrap_or_default());
            let served = match self.served_outline(*date) {
                Ok(served) => served,
                Err(trouble) => {
                    check.failed(&trouble);
                    continue;
                }
            };
            let digest = format!("{mark} {served} {}", self.before(*date));
            let again = done == 0 || rotation.has_date(*date);
            if !again && state.charts.get(&date.to_string()) == Some(&digest) {
                recomputed.known += 1;
                continue;
            }
            let mut own = Check::of(super::VerdictId::Charts);
            let mut own_jumps = Check::of(super::VerdictId::Jumps);
            if let Some(computed) = self.week(*date, week, (&mut own, &mut own_jumps)) {
                recomputed.marks += marks(&computed);
                let programs = computed.programs.iter();
                recomputed.figures += programs.map(|one| one.charts.len() as u64).sum::<u64>();
                if done < NEWEST || again {
                    recomputed.files += check_files(self.remote, &computed, &mut own);
                }
            }
            recomputed.weeks += 1;
            if own.is_ok() && own_jumps.is_ok() {
                state.charts.insert(date.to_string(), digest);
            }
            check.take(own);
            jumps.take(own_jumps);
        }
        progress.advance(Phase::Weeks, total, total);
        recomputed
    }

    /// A digest of the served page that lists the programs of a week.
    fn served_outline(&self, week: Date) -> Result<String, FetchError> {
        let path = format!("charts/@{week}/");
        let page = self.remote.get(&path, super::fetch::SMALL)?;
        Ok(hex(&Sha256::digest(page)))
    }

    /// The computed charts, if the served ones match.
    fn week(
        &mut self,
        date: Date,
        week: &Week,
        (check, jumps): (&mut Check, &mut Check),
    ) -> Option<WeekCharts> {
        let file = week.data.file(FileFormat::Parquet)?;
        let opened = match download(self.remote, self.http, "weeks", file) {
            Ok(opened) => opened,
            Err(trouble) => {
                check.unchecked(format!("the charts of {date}: {trouble}"));
                return None;
            }
        };
        let reader = match ParquetReader::open(opened) {
            Ok(reader) => reader,
            Err(error) => {
                check.unchecked(format!("the charts of {date}: {}: {error}", file.name));
                return None;
            }
        };
        match self.recompute(date, week, &reader) {
            Ok(Outcome::Same(computed)) => return computed.map(|charts| *charts),
            Ok(Outcome::MarksDiffer(reason)) => {
                jumps.wrong(format!("in the week to {date}, {reason}"));
                return None;
            }
            Ok(Outcome::Differ(reason)) => {
                check.wrong(format!(
                    "the charts of the week to {date} are not what its data says: {reason}"
                ));
            }
            Err(trouble) => check.failed(&trouble),
        }
        // Without the figures, the marks cannot be checked.
        jumps.unchecked(format!("the charts of {date} are not those of its data"));
        None
    }

    /// A digest of the data of the weeks that a week is compared with.
    fn before(&self, date: Date) -> String {
        let mut digest = Sha256::new();
        for (week, entry) in self.earlier(date) {
            let parquet = entry.data.file(FileFormat::Parquet).map(|file| file.sha256.as_str());
            digest.update(format!("{week} {}\n", parquet.unwrap_or_default()));
        }
        hex(&digest.finalize())
    }

    /// The weeks with charts that a week is compared with.
    fn earlier(&self, date: Date) -> impl Iterator<Item = (Date, &'_ Week)> {
        let first = date.saturating_sub((WEEKS_BEFORE as i64).weeks());
        let earlier = self.index.weeks.range(first..date);
        earlier.map(|(week, entry)| (*week, entry)).filter(|(_, entry)| entry.charts.is_some())
    }

    /// Marks jumps in the computed charts, compared with the served weeks before.
    fn mark(&mut self, computed: &mut WeekCharts) -> Result<(), FetchError> {
        // A week without rows has nothing to be compared with.
        let earlier = self.earlier(computed.week).filter(|(_, entry)| entry.data.rows > 0);
        let weeks: Vec<Date> = earlier.map(|(week, _)| week).collect();
        let programs: Vec<String> =
            computed.programs.iter().map(|program| program.program.clone()).collect();
        let mut volumes = Vec::new();
        for week in weeks {
            let before = volumes.len();
            for program in &programs {
                let key = (week, program.clone());
                if !self.volumes.contains_key(&key) {
                    let served = self.served(week, program)?;
                    let read = served.map(WeekVolume::of_program).transpose();
                    let read = read.map_err(|error| {
                        FetchError::Wrong(format!("the charts of {program} to {week}: {error}"))
                    })?;
                    self.volumes.insert(key.clone(), read);
                }
                volumes.extend(self.volumes.get(&key).cloned().flatten());
            }
            if volumes.len() == before {
                return Err(FetchError::Unreachable(format!(
                    "the marks of {}: the week to {week} only has charts of other programs, which are not \
                     looked up",
                    computed.week
                )));
            }
        }
        mark(computed, &WeekVolume::joined(volumes));
        Ok(())
    }

    fn recompute(
        &mut self,
        date: Date,
        week: &Week,
        reader: &ParquetReader,
    ) -> Result<Outcome, FetchError> {
        let unread =
            |what: String| FetchError::Unreachable(format!("the charts of {date}: {what}"));
        let named = reader.configs().map_err(|error| unread(error.to_string()))?;
        let mut configs = Vec::new();
        for name in named {
            let version: ModuleVersion =
                name.parse().map_err(|_| unread(format!("reports name the config {name:?}")))?;
            // Another verdict checks whether the row may name it.
            let config =
                self.versions.config(version).map_err(|error| unread(error.to_string()))?;
            configs.push(ConfigUnder { version, config });
        }
        configs.sort_by_key(|under| under.version);
        let programs: BTreeSet<&str> = configs
            .iter()
            .flat_map(|under| under.config.programs.iter().map(|program| program.name.as_str()))
            .collect();
        let mut served = Vec::new();
        for program in programs {
            if let Some(mut charts) = self.served(date, program)? {
                self.add_slices(date, program, &mut charts)?;
                served.push((program.to_owned(), charts));
            }
        }
        let Some((_, first)) = served.first() else {
            return Ok(match week.data.rows {
                0 => Outcome::Same(None),
                _ => Outcome::Differ("none are served".to_owned()),
            });
        };
        let commit = first.pointer("/definitions/commit").and_then(Value::as_str);
        let commit = commit.unwrap_or_default().to_owned();
        let Provenance { repository, path, .. } = &self.provenance;
        let source = self.versions.rebuilder.source(repository.as_str(), path.as_str(), &commit);
        let source = source.map_err(|error| match error {
            NoSource::Unread(reason) => unread(reason),
            NoSource::Wrong(reason) => FetchError::Wrong(format!("the charts of {date}: {reason}")),
        })?;
        let mut outcome = None;
        for day in self.days(&source) {
            let catalogue =
                self.catalogue(&source, day).map_err(|error| unread(error.to_string()))?;
            let of = WeekOf {
                week: date,
                edition: week.data.edition,
                complete: week.data.complete,
                reports: week.data.reports,
                catalogue: &catalogue,
                configs: &configs,
            };
            let threads = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
            let mut computed =
                of.charts(reader, threads, &|_| {}).map_err(|error| unread(error.to_string()))?;
            match compare(&computed, &served, Without::Marks) {
                Ok(()) => {
                    self.mark(&mut computed)?;
                    return Ok(match compare(&computed, &served, Without::Nothing) {
                        Ok(()) => Outcome::Same(Some(Box::new(computed))),
                        Err(reason) => Outcome::MarksDiffer(reason),
                    });
                }
                Err(reason) => drop(outcome.get_or_insert(reason)),
            }
        }
        Ok(Outcome::Differ(outcome.unwrap_or_default()))
    }

    /// The days for which the definitions at a commit may have been recorded.
    fn days(&self, source: &Source) -> Vec<Date> {
        let of_commit = jiff::Timestamp::from_second(source.revision.time).unwrap_or_default();
        let mut days = vec![date_of(of_commit)];
        days.push(self.provenance.as_of.civil());
        let ends = source.definitions.charts.iter().filter_map(|chart| chart.expires.as_ref());
        days.extend(ends.filter_map(|expires| expires.value.checked_add(1.day()).ok()));
        // Days with the same live charts give the same figures.
        let mut seen = BTreeSet::new();
        days.retain(|day| {
            let live = source.definitions.charts.iter().map(|chart| chart.is_live(*day));
            seen.insert(live.collect::<Vec<bool>>())
        });
        days
    }

    fn catalogue(&self, source: &Source, day: Date) -> Result<Catalogue, RepositoryError> {
        let known = |_: &str| Ok(None);
        let repository = &self.provenance.repository;
        describe(&source.definitions, &source.revision, repository, day, known)
    }

    /// Adds the served slices of a program to its served charts.
    fn add_slices(&self, week: Date, program: &str, charts: &mut Value) -> Result<(), FetchError> {
        for by in Dimension::ALL {
            let path =
                format!("charts/{}/@{week}/charts@{}.json", percent::path(program), name_of(by));
            let Some(slices) = joined(self.remote, &path, CHARTS)? else {
                return Err(self.remote.withheld(&path));
            };
            let found = slices.get("charts").and_then(Value::as_array);
            for one in found.into_iter().flatten() {
                let all = charts.get_mut("charts").and_then(Value::as_array_mut);
                let of = all.into_iter().flatten().find(|chart| chart.get("id") == one.get("id"));
                let Some(of) = of.and_then(Value::as_object_mut) else {
                    let url = self.remote.url(&path);
                    let id = one.get("id").unwrap_or(&Value::Null);
                    return Err(FetchError::Wrong(format!(
                        "{url} has slices of {id}, which is no chart"
                    )));
                };
                let list = of.entry("by").or_insert_with(|| Value::Array(Vec::new()));
                if let Some(list) = list.as_array_mut() {
                    list.push(one.get("by").cloned().unwrap_or_default());
                }
            }
        }
        Ok(())
    }

    /// The served charts of a program, if there are any.
    fn served(&self, week: Date, program: &str) -> Result<Option<Value>, FetchError> {
        joined(
            self.remote,
            &format!("charts/{}/@{week}/charts.json", percent::path(program)),
            CHARTS,
        )
    }
}

enum Outcome {
    /// The computed charts match; `None` if there is nothing to chart.
    Same(Option<Box<WeekCharts>>),
    Differ(String),
    /// The figures match, but the marks do not.
    MarksDiffer(String),
}

/// What is left out of a comparison.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Without {
    Nothing,
    /// The marks, which depend on the weeks before.
    Marks,
}

/// The number of marks of a week.
fn marks(charts: &WeekCharts) -> u64 {
    let programs = charts.programs.iter();
    let of_program = |program: &ProgramCharts| {
        let figures = program.charts.iter().filter(|figure| figure.jump.is_some()).count();
        figures + usize::from(program.jump.is_some())
    };
    (programs.map(of_program).sum::<usize>() + usize::from(charts.jump.is_some())) as u64
}

/// Removes the marks from charts.
fn unmark(charts: &mut Value) {
    match charts {
        Value::Object(fields) => {
            fields.remove("expected");
            fields.remove("jump");
            for name in ["whole_week", "charts", "chart"] {
                if let Some(inside) = fields.get_mut(name) {
                    unmark(inside);
                }
            }
        }
        Value::Array(elements) => elements.iter_mut().for_each(unmark),
        _ => {}
    }
}

/// Compares the computed charts with the served ones.
fn compare(
    computed: &WeekCharts,
    served: &[(String, Value)],
    without: Without,
) -> Result<(), String> {
    for program in &computed.programs {
        let found = served.iter().find(|(name, _)| *name == program.program);
        let (_, found) =
            found.ok_or_else(|| format!("there are no charts of {}", program.program))?;
        let charts = serde_json::to_value(&program.charts).unwrap_or_default();
        let mut ours = expected(computed, program, ("charts", charts));
        if without == Without::Marks {
            let mut found = found.clone();
            unmark(&mut ours);
            unmark(&mut found);
            differ(&ours, &found, &program.program)?;
        } else {
            differ(&ours, found, &program.program)?;
        }
    }
    match served.iter().find(|(name, _)| !computed.programs.iter().any(|p| p.program == *name)) {
        Some((name, _)) => Err(format!("there are charts of {name}, which no config names")),
        None => Ok(()),
    }
}
