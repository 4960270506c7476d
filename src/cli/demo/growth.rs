//! A population that grows ten thousandfold, week by week: what `candor rates` makes of it.
//!
//! A cycle is what a project does every week: installations report (found by [`Reporters`], so that a hundred
//! million are as fast as a few thousand), the week is merged and charted, populations are estimated from the weeks
//! whose reports have arrived, and the config with the new rates is published. The first days of a week are
//! still reported under the config before by those that have not fetched the new one ([`STALE`]).
//!
//! Every report goes through the receiver, which checks it as one from outside; only HTTP is left out. Truth is
//! what the simulation draws from: the probability with which an installation counts something.

use super::super::Failure;
use super::super::chart::chart_deployment;
use super::super::rates;
use super::super::simulate::{Population, Reporters};
use super::narrator::Demo;
use super::project::{commit, publish};
use super::weeks::{SEED, StoryClock, receiver_slot};
use crate::aggregate::figure::{Interval, ProgramCharts};
use crate::aggregate::populations::plan;
use crate::aggregate::statistics::total::installations;
use crate::aggregate::stored_charts::Wanted;
use crate::aggregate::{Merging, PublicData, Unwatched, Weeks, merge};
use crate::charts::definition::Proportion;
use crate::charts::{Definitions, parse, read_work_tree};
use crate::client::report::filter;
use crate::collection::{Allowed, CollectionConfig, compile, error_of, reports_needed};
use crate::day::Day;
use crate::gomod::ModuleVersion;
use crate::ingest::{Answer, Buffer, Receiver};
use crate::publish::{Catalogues, Deployment};
use crate::review::thousands;
use crate::web::{Panel, Plot};
use jiff::ToSpan;
use jiff::civil::{Date, date};
use serde::Serialize;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;
use tokio::task::JoinSet;

/// The first day of the first week, a Monday.
const FIRST: Date = date(2026, 1, 5);
const MODULE: &str = "telemetry.example.org/config";
const PROGRAM: &str = "example.org/hello";
const PROGRAM_FILE: &str = "programs/hello.toml";
/// The confidence of the story's definitions.
const CONFIDENCE: f64 = 0.99;
/// How many weeks it grows where nobody says so.
pub(super) const WEEKS: u16 = 30;
/// From how many weeks populations are estimated.
const KNOWN: usize = 8;
/// One of so many installations still obeys the config before.
const STALE: u64 = 50;
/// How many reports are on their way at once.
const AT_ONCE: usize = 256;

/// A growing population.
#[derive(Debug, clap::Args)]
pub(super) struct Growth {
    /// Instead, let a population grow for some weeks, and show that rates follow it: each week is simulated,
    /// merged, estimated and published.
    #[arg(long)]
    pub(super) growth: bool,
    /// How many installations there are in the first week.
    #[arg(long, value_name = "N", default_value_t = 10_000, requires = "growth",
          value_parser = clap::value_parser!(u64).range(1..))]
    from: u64,
    /// How many there are in the last week.
    #[arg(long, value_name = "N", default_value_t = 100_000_000, requires = "growth",
          value_parser = clap::value_parser!(u64).range(1..))]
    to: u64,
    /// How far a share may be from the truth.
    #[arg(long, value_name = "SHARE", default_value_t = 0.01, requires = "growth")]
    error: f64,
    /// Draw the weeks as SVG into this file.
    #[arg(long, value_name = "FILE", requires = "growth")]
    plot: Option<PathBuf>,
}

/// What became of a growing population.
#[derive(Debug, Serialize)]
pub(super) struct Grown {
    confidence: f64,
    /// How far a share may be from the truth.
    error: f64,
    /// The reports a week that this takes.
    needed: u64,
    weeks: Vec<GrownWeek>,
}

/// A week of a growing population.
#[derive(Debug, Serialize)]
struct GrownWeek {
    week: Date,
    /// How many installations there were.
    installations: u64,
    /// The population that the definitions stated.
    population: u64,
    /// The sampling rate that followed from it.
    rate: f64,
    /// The config that most installations obeyed.
    config: ModuleVersion,
    /// The accepted reports.
    reports: u64,
    /// The same for each report that the accuracy takes; or for each installation, if there are fewer.
    of_target: f64,
    /// How many installations the reports stand for.
    estimate: Interval,
    /// The widest interval of a share, as half its width.
    half_width: f64,
    /// The same for each that so many reports give at worst, if there are as many as needed.
    of_goal: f64,
    /// How many intervals of shares there are.
    intervals: u64,
    /// How many of them do not have the truth.
    missed: u64,
    /// Whether somebody had to allow the population that followed.
    allowed_jump: bool,
}

/// A config, and its version.
struct Obeyed {
    version: ModuleVersion,
    config: CollectionConfig,
}

fn definitions(growth: &Growth) -> [(&'static str, String); 3] {
    let Growth { error, from, .. } = growth;
    let collection = format!(
        "module     = \"{MODULE}\"\n\
         goos       = [\"darwin\", \"linux\", \"windows\"]\n\
         goarch     = [\"amd64\", \"arm64\"]\n\
         toolchains = [\"rust1.95.0\"]\n\n\
         [sampling]\nconfidence = {CONFIDENCE}\nerror      = {error}\n"
    );
    let program = format!(
        "program    = \"{PROGRAM}\"\n\
         module     = \"{PROGRAM}\"\n\
         versions   = [\"v1.0.0\", \"v1.1.0\", \"v1.2.0\"]\n\
         population = {from} # refreshed every week\n"
    );
    let chart = |title: &str, kind: &str, counter: &str| {
        format!(
            "[[chart]]\ntitle   = \"{title}\"\nissue   = [\"https://example.org/hello/issues/1\"]\n\
             type    = \"{kind}\"\nprogram = \"{PROGRAM}\"\ncounter = \"{counter}\"\n\n"
        )
    };
    let charts = [
        chart("Verbs that people run", "partition", "hello/verb:{greet,wave,bow,other}"),
        chart("Editors", "timeseries", "hello/editor:{vim,emacs,code,other}"),
        chart("Names greeted at once", "histogram", "hello/names:{1,2,4,8,16,32}"),
    ];
    [
        ("collection.toml", collection),
        (PROGRAM_FILE, program),
        ("charts/questions.toml", charts.concat()),
    ]
}

impl Growth {
    /// How many installations there are in a week, counted from 0, of so many.
    fn installations(&self, week: u16, weeks: u16) -> u64 {
        let share = f64::from(week) / f64::from(weeks - 1);
        let (from, to) = (self.from as f64, self.to as f64);
        (from * (to / from).powf(share)).round() as u64
    }
}

impl Demo {
    /// Lets a population grow.
    pub(super) fn grow(&self, growth: &Growth) -> Result<Grown, Failure> {
        let proportion = |value| Proportion::new(value).ok_or("a share is between 0 and 1");
        let (error, confidence) = (proportion(growth.error), proportion(CONFIDENCE));
        let (error, confidence) =
            (error.map_err(Failure::usage)?, confidence.map_err(Failure::usage)?);
        let needed = reports_needed(error, confidence);
        self.out.narrate(format_args!(
            "From {} to {} installations in {} weeks. Within {}% at {}% confidence takes {} reports a week.",
            thousands(growth.from as f64),
            thousands(growth.to as f64),
            self.weeks,
            growth.error * 100.0,
            CONFIDENCE * 100.0,
            thousands(needed as f64)
        ));
        self.out.narrate(GrownWeek::HEADINGS);
        let project = self.folder.join("project");
        let files = definitions(growth);
        let files = files.each_ref().map(|(name, text)| (*name, text.as_str()));
        let before = FIRST.saturating_sub(1.day());
        commit(&project, before, "Ask some questions", &files)?;
        let deployment = self.deployment()?;
        let charts = project.join("charts-config");
        let mut now = obeyed(&deployment, &project, before)?;
        let mut earlier: Option<Obeyed> = None;
        let mut definitions = parse(&read_work_tree(&charts)?)?;
        let clock = StoryClock::default();
        clock.set(day(before)?, 0);
        let receiver = receiver_slot(&deployment, clock.clone())?.receiver();
        let receiver = receiver.ok_or_else(|| Failure::new("the receiver is not open"))?;
        let mut weeks = Vec::new();
        for number in 0..self.weeks {
            let monday = FIRST.saturating_add(i64::from(number).weeks());
            let installations = growth.installations(number, self.weeks);
            for weekday in 0..7_u8 {
                if self.is_stopped() {
                    return Err(Failure::new("stopped"));
                }
                let ended = day(monday.saturating_add(i64::from(weekday).days()))?;
                clock.set(ended, 1);
                let reports = reports(&now, earlier.as_ref(), ended, (weekday, installations))?;
                self.send(&receiver, ended, reports)?;
            }
            let next = monday.saturating_add(1.week());
            merge_on(&deployment, next)?;
            chart_deployment(&deployment, &Weeks::Outdated, &Unwatched)?;
            let mut week =
                observe(&deployment, &definitions, &now, (monday, installations), needed)?;
            week.allowed_jump = refresh(&deployment, &project, &definitions, next)?;
            self.out.narrate(&week);
            weeks.push(week);
            definitions = parse(&read_work_tree(&charts)?)?;
            let newest = obeyed(&deployment, &project, next)?;
            earlier = Some(std::mem::replace(&mut now, newest));
        }
        let grown = Grown { confidence: CONFIDENCE, error: growth.error, needed, weeks };
        if let Some(file) = &growth.plot {
            let failed = |e| Failure::new(format!("cannot write {}: {e}", file.display()));
            fs::write(file, grown.plot().svg()).map_err(failed)?;
        }
        Ok(grown)
    }

    /// Has the receiver take reports of a day.
    fn send(
        &self,
        receiver: &Arc<Receiver>,
        day: Day,
        reports: Vec<String>,
    ) -> Result<(), Failure> {
        let date: Arc<str> = day.to_string().into();
        let mut reports = reports.into_iter();
        self.runtime.block_on(async {
            loop {
                let mut sent = JoinSet::new();
                for body in reports.by_ref().take(AT_ONCE) {
                    let permit = receiver.queue_permit();
                    let permit =
                        permit.map_err(|_| Failure::new("the receiver's queue is full"))?;
                    let (receiver, date) = (receiver.clone(), date.clone());
                    sent.spawn(
                        async move { receiver.accept(permit, &date, body.as_bytes()).await },
                    );
                }
                if sent.is_empty() {
                    return Ok(());
                }
                while let Some(answer) = sent.join_next().await {
                    match answer? {
                        Answer::Stored(_) => {}
                        Answer::Refused(reason) => return Err(Failure::new(reason)),
                        Answer::Unavailable(reason) => return Err(Failure::new(reason)),
                    }
                }
            }
        })
    }
}

fn day(date: Date) -> Result<Day, Failure> {
    date.to_string().parse().map_err(Failure::new)
}

/// Publishes what is checked out, and returns the config that is then the newest.
fn obeyed(deployment: &Deployment, project: &Path, on: Date) -> Result<Obeyed, Failure> {
    let (publication, _) = publish(deployment, project, on)?;
    let definitions = parse(&read_work_tree(&project.join("charts-config"))?)?;
    Ok(Obeyed { version: publication.version.parse()?, config: compile(&definitions, on) })
}

/// The reports of those installations whose week ends on a day: every seventh one's does.
fn reports(
    now: &Obeyed,
    earlier: Option<&Obeyed>,
    ended: Day,
    (weekday, installations): (u8, u64),
) -> Result<Vec<String>, Failure> {
    let since = day(FIRST)?;
    let population = Population::of(&now.config, SEED, ended, since);
    let known = |obeyed: &Obeyed| (Allowed::new(&obeyed.config), obeyed.version.to_string());
    let (new, old) = (known(now), earlier.map(known));
    let rate = |obeyed: &Obeyed| obeyed.config.sample_rate.get();
    let most = earlier.map_or(0.0, rate).max(rate(now));
    let of_day = (installations + 6 - u64::from(weekday)) / 7;
    let stream = ended.since(Day::of(SystemTime::UNIX_EPOCH)).unsigned_abs();
    let mut reports = Vec::new();
    for (place, x) in Reporters::new(SEED, stream, of_day, most) {
        let number = place * 7 + u64::from(weekday);
        let (allowed, version) = match &old {
            Some(old) if place % STALE == 0 => old,
            _ => &new,
        };
        // Who draws more than the rate of the config that it obeys is silent after all.
        let local = population.installation(number);
        let filtered = filter(&local, x, allowed, version, None);
        reports.extend(filtered.report.map(|report| report.to_json()));
    }
    Ok(reports)
}

/// Merges what was received, on a day.
fn merge_on(deployment: &Deployment, today: Date) -> Result<(), Failure> {
    let (buffer, scratch) = (Buffer::of(deployment), deployment.scratch());
    let store = deployment.store.clone();
    let stack_minimum = Catalogues::new(store.clone()).stack_minimum()?;
    let merging = Merging { buffer, store, scratch: &scratch, today, stack_minimum };
    merge(&merging, &Unwatched)?;
    Ok(())
}

/// Compares the charts of a week with the truth.
fn observe(
    deployment: &Deployment,
    definitions: &Definitions,
    obeyed: &Obeyed,
    (monday, installations_now): (Date, u64),
    needed: u64,
) -> Result<GrownWeek, Failure> {
    let sunday = monday.saturating_add(6.days());
    let data = PublicData::new(deployment.store.clone());
    let missing = || Failure::new(format!("the week until {sunday} was not charted"));
    let outline = data.week_outline(&data.index()?, sunday)?.ok_or_else(missing)?;
    let of = outline.program(PROGRAM).ok_or_else(missing)?;
    let ProgramCharts { charts, .. } = data.program_charts(sunday, of, Wanted::All)?;
    let rates = charts.first().map(|all| all.rates.as_slice()).unwrap_or_default();
    let estimate = installations(rates.iter().map(|rate| (rate.reports, rate.rate)), CONFIDENCE);
    let estimate = estimate.ok_or_else(missing)?;
    let truth = Population::of(&obeyed.config, SEED, day(sunday)?, day(FIRST)?);
    let (mut intervals, mut missed, mut half_width) = (0, 0, 0.0_f64);
    for row in charts.iter().flat_map(|chart| &chart.rows) {
        let share = row.counter.as_ref().and_then(|counter| truth.share(PROGRAM, counter));
        let Some(share) = share else { continue };
        let Interval { low, high, .. } = row.estimate.share;
        intervals += 1;
        missed += u64::from(!(low..=high).contains(&share));
        half_width = half_width.max((high - low) / 2.0);
    }
    let stated = definitions.programs.first().and_then(|program| program.population.as_ref());
    let reports = outline.week.reports;
    let target = needed.min(installations_now) as f64;
    let confidence = Proportion::new(CONFIDENCE).ok_or_else(missing)?;
    Ok(GrownWeek {
        week: sunday,
        installations: installations_now,
        population: stated.map_or(0, |stated| stated.get()),
        rate: obeyed.config.sample_rate.get(),
        config: obeyed.version,
        reports,
        of_target: reports as f64 / target,
        estimate,
        half_width,
        of_goal: half_width / error_of(target, confidence),
        intervals,
        missed,
        allowed_jump: false,
    })
}

/// Writes and commits the population that the weeks so far ask for. Returns whether it jumped: then somebody
/// looked, and allowed it.
fn refresh(
    deployment: &Deployment,
    project: &Path,
    definitions: &Definitions,
    today: Date,
) -> Result<bool, Failure> {
    let data = PublicData::new(deployment.store.clone());
    let observed = rates::stored(&data, definitions, today, KNOWN)?;
    let planned = |allow| {
        let none = || Failure::new("the definitions have no [sampling]");
        plan(definitions, &observed, today, allow).ok_or_else(none)
    };
    let (mut found, mut jumped) = (planned(false)?, false);
    if found.jumps().next().is_some() {
        (found, jumped) = (planned(true)?, true);
    }
    let folder = project.join("charts-config");
    if !rates::write(&folder, &found, false)?.is_empty() {
        let path = folder.join(PROGRAM_FILE);
        let failed = |e| Failure::new(format!("cannot read {}: {e}", path.display()));
        let text = fs::read_to_string(&path).map_err(failed)?;
        commit(project, today, "Refresh the population", &[(PROGRAM_FILE, &text)])?;
    }
    Ok(jumped)
}

impl GrownWeek {
    const HEADINGS: &str = "week until     installations    population       rate   reports  of target  half-width  missed";
}

impl fmt::Display for GrownWeek {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}  {:>16}  {:>12}  {:>8.4}%  {:>8}    {:>6.1}%      {:>5.2}%  {:>2}/{}",
            self.week,
            self.installations,
            self.population,
            self.rate * 100.0,
            self.reports,
            self.of_target * 100.0,
            self.half_width * 100.0,
            self.missed,
            self.intervals
        )
    }
}

impl Grown {
    /// The range of a number over the weeks whose rate followed from enough earlier ones.
    fn range(&self, number: impl Fn(&GrownWeek) -> f64) -> Option<(f64, f64)> {
        let settled = self.weeks.iter().skip(KNOWN + 1).map(number);
        settled.fold(None, |range, number| match range {
            None => Some((number, number)),
            Some((low, high)) => Some((f64::min(low, number), f64::max(high, number))),
        })
    }

    fn counted(&self) -> (u64, u64) {
        let sum = |number: fn(&GrownWeek) -> u64| self.weeks.iter().map(number).sum();
        (sum(|week| week.missed), sum(|week| week.intervals))
    }

    fn plot(&self) -> Plot {
        let points = |value: fn(&GrownWeek) -> f64| {
            let exact = |value: f64| Some(Interval { value, low: value, high: value });
            self.weeks.iter().map(|week| exact(value(week))).collect()
        };
        let (missed, intervals) = self.counted();
        let confidence = self.confidence * 100.0;
        let first = self.weeks.first().map_or(0, |week| week.installations);
        let last = self.weeks.last().map_or(0, |week| week.installations);
        Plot {
            title: "Rates follow a growing population".to_owned(),
            subtitle: format!(
                "{} to {} installations; a share within {}% at {confidence}% confidence takes {} reports",
                thousands(first as f64),
                thousands(last as f64),
                self.error * 100.0,
                thousands(self.needed as f64)
            ),
            source: "Made by `candor demo --growth --plot FILE`.".to_owned(),
            weeks: self.weeks.iter().map(|week| week.week).collect(),
            panels: vec![
                Panel {
                    axis: "Installations, as a power of ten: 4 is ten thousand, 8 a hundred million".to_owned(),
                    note: None,
                    series: vec![
                        (
                            "Installations".to_owned(),
                            points(|week| (week.installations as f64).log10()),
                        ),
                        (
                            "Population in the definitions".to_owned(),
                            points(|week| (week.population as f64).log10()),
                        ),
                    ],
                },
                Panel {
                    axis: "Accepted reports for each that is needed (or for each installation, while there are \
                           fewer); the widest interval of a share for the one that was asked for"
                        .to_owned(),
                    note: Some(format!(
                        "{missed} of {intervals} intervals at {confidence}% confidence do not have the truth."
                    )),
                    series: vec![
                        ("Reports".to_owned(), points(|week| week.of_target)),
                        ("Widest interval".to_owned(), points(|week| week.of_goal)),
                    ],
                },
            ],
        }
    }
}

impl fmt::Display for Grown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (missed, intervals) = self.counted();
        let confidence = self.confidence * 100.0;
        writeln!(
            f,
            "\n{missed} of {intervals} intervals at {confidence}% confidence do not have the truth"
        )?;
        if let (Some((least, most)), Some((_, widest))) =
            (self.range(|week| week.of_target), self.range(|week| week.half_width))
        {
            writeln!(
                f,
                "once {KNOWN} weeks were known: {:.1}% to {:.1}% of the reports that are needed, and shares within \
                 {:.2}% at most (asked: {}%)",
                least * 100.0,
                most * 100.0,
                widest * 100.0,
                self.error * 100.0
            )?;
        }
        Ok(())
    }
}
