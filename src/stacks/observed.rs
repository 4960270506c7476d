//! Which stacks the reports of some weeks have: of the newest week in full, of the weeks before only in which
//! builds they were.
//!
//! As in charts, a report counts once however many builds it has, and stands for 1 / rate installations: the
//! rate of the stack counter under the config that the report names. A stack is taken only if that config
//! allows it.

use super::source::{PublicSource, StacksError};
use crate::aggregate::index::{Index, week_of};
use crate::aggregate::statistics::sample::Weights;
use crate::charts::Definitions;
use crate::charts::definition::ChartKind;
use crate::charts::program_path::ProgramPath;
use crate::charts::version::Version;
use crate::collection::frame::{TOO_FEW, is_public};
use crate::collection::{Allowed, CollectionConfig};
use crate::gomod::ModuleVersion;
use crate::ingest::{ProgramReport, Report};
use jiff::civil::Date;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io::{BufRead, Read as _};

/// The longest line that is read; reports are far smaller.
const LONGEST_LINE: u64 = 16 << 20;

/// The stacks of some weeks.
#[derive(Debug)]
pub struct Observed {
    /// The week that is looked at, named after its last day.
    pub week: Date,
    /// Whether no report of it can arrive any more.
    pub complete: bool,
    /// The weeks that were read, oldest first; the last one is [`Observed::week`].
    pub weeks: Vec<Date>,
    /// By path.
    pub programs: BTreeMap<String, ObservedProgram>,
}

/// The stacks of a program.
#[derive(Debug, Default)]
pub struct ObservedProgram {
    /// How many reports of the week have the program.
    pub reports: u64,
    /// How many have a stack that is not shown, because too few reports have it.
    pub hidden: u64,
    /// The reports of the week that could have each stack counter.
    pub(super) bases: BTreeMap<String, Sampled>,
    pub(super) stacks: BTreeMap<StackName, History>,
}

/// A stack as reports have it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct StackName {
    /// The stack counter.
    pub counter: String,
    /// The frames, innermost first, one a line.
    pub frames: String,
}

/// When and where a stack was seen.
#[derive(Debug)]
pub(super) struct History {
    /// The first of the weeks that has it.
    pub first: Date,
    /// The builds that had it before the week.
    pub before: Builds,
    /// Each build of each report that has it in the week.
    pub now: Vec<Sighting>,
}

/// Properties of builds.
#[derive(Debug, Clone, Default)]
pub(super) struct Builds {
    pub versions: BTreeSet<String>,
    pub systems: BTreeSet<String>,
}

/// A build of a report that has a stack.
#[derive(Debug)]
pub(super) struct Sighting {
    /// The number of the report in its week.
    pub report: u64,
    pub config: ModuleVersion,
    /// How many installations the report stands for.
    pub weight: f64,
    pub version: String,
    pub platform: String,
    pub toolchain: String,
}

/// Reports, counted by config; each config's have the same weight.
#[derive(Debug, Clone, Default)]
pub(super) struct Sampled(BTreeMap<ModuleVersion, (f64, u64)>);

impl Sampled {
    pub(super) fn add(&mut self, config: ModuleVersion, weight: f64) {
        self.0.entry(config).or_insert((weight, 0)).1 += 1;
    }

    pub(super) fn weights(&self) -> Weights {
        let mut weights = Weights::default();
        self.0.values().for_each(|(weight, reports)| weights.add_many(*weight, *reports));
        weights
    }
}

/// Which week is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WantedWeek {
    /// The one that ended on this day.
    Until(Date),
    /// So many weeks with data before the newest whose days are all public.
    Ago(usize),
}

/// Reads a week, and up to `before` weeks before it.
///
/// # Errors
///
/// There is no such week, or something cannot be read.
pub fn observe(
    source: &PublicSource,
    (week, before): (WantedWeek, usize),
    definitions: &Definitions,
    config: &mut dyn FnMut(ModuleVersion) -> Result<CollectionConfig, String>,
) -> Result<Observed, StacksError> {
    let index = source.index()?;
    let week = match week {
        WantedWeek::Until(week) => week,
        WantedWeek::Ago(weeks) => {
            let newest = newest(&index).ok_or(StacksError::NoData)?;
            let mut earlier = index.weeks.range(..=newest).rev().map(|(week, _)| *week);
            earlier.nth(weeks).ok_or(StacksError::TooLongAgo(weeks))?
        }
    };
    let data = &index.weeks.get(&week).ok_or(StacksError::NoWeek(week))?.data;
    let earlier = index.weeks.range(..week).rev().take(before).map(|(week, _)| *week);
    let mut weeks: Vec<Date> = earlier.collect();
    weeks.reverse();
    weeks.push(week);
    let programs = BTreeMap::new();
    let mut observed = Observed { week, complete: data.complete, weeks, programs };
    let mut rules = Rules { configs: HashMap::new(), firsts: firsts(definitions), config };
    for of in observed.weeks.clone() {
        let Some(week) = index.weeks.get(&of) else { continue };
        let (name, mut lines) = source.reports(of, &week.data)?;
        read(&mut lines, (of, &name), &mut rules, &mut observed)?;
    }
    Ok(observed)
}

/// The newest week whose days are all public, or else the newest.
fn newest(index: &Index) -> Option<Date> {
    let with_reports = || index.weeks.iter().rev().filter(|(_, week)| week.data.reports > 0);
    let is_whole = |week: &crate::aggregate::index::Week| u8::from(week.data.edition) > 0;
    let whole = with_reports().find(|(_, week)| is_whole(week));
    whole.or_else(|| with_reports().next()).map(|(date, _)| *date)
}

/// The first version that is counted of each stack counter, where its chart names one.
fn firsts(definitions: &Definitions) -> HashMap<(String, String), Version> {
    let stacks =
        definitions.charts.iter().filter(|chart| matches!(chart.kind, ChartKind::Stack { .. }));
    let named = stacks.filter_map(|chart| Some((chart, chart.version.as_ref()?)));
    let each = named.flat_map(|(chart, first)| {
        let program = chart.program.value.as_str();
        chart.counter.names().map(move |name| ((program.to_owned(), name), first.value.clone()))
    });
    each.collect()
}

/// What reports may have.
struct Rules<'a> {
    configs: HashMap<ModuleVersion, Config>,
    firsts: HashMap<(String, String), Version>,
    config: &'a mut dyn FnMut(ModuleVersion) -> Result<CollectionConfig, String>,
}

/// A config.
struct Config {
    allowed: Allowed,
    /// The stack counters of each program.
    stacks: HashMap<String, Vec<String>>,
}

impl Rules<'_> {
    fn load(&mut self, version: ModuleVersion) -> Result<(), StacksError> {
        if self.configs.contains_key(&version) {
            return Ok(());
        }
        let failed = |reason| StacksError::Config { version, reason };
        let config = (self.config)(version).map_err(failed)?;
        let mut stacks: HashMap<String, Vec<String>> = HashMap::new();
        for program in &config.programs {
            let names = program.stacks.iter().map(|stack| stack.name.clone());
            stacks.entry(program.name.clone()).or_default().extend(names);
        }
        self.configs.insert(version, Config { allowed: Allowed::new(&config), stacks });
        Ok(())
    }

    /// Whether a build counts for a stack counter.
    fn counts(&self, build: &ProgramReport<'_>, counter: &str) -> bool {
        let key = (build.program.to_string(), counter.to_owned());
        let Some(first) = self.firsts.get(&key) else { return true };
        let path = ProgramPath::parse(&build.program);
        let version = path.and_then(|path| path.parse_version(&build.version));
        version.is_some_and(|version| version.at_least(first))
    }
}

fn read(
    lines: &mut impl BufRead,
    (week, name): (Date, &str),
    rules: &mut Rules<'_>,
    observed: &mut Observed,
) -> Result<(), StacksError> {
    let mut line = Vec::new();
    let mut number = 0;
    loop {
        line.clear();
        let failed = |source| StacksError::Io { name: name.to_owned(), source };
        if lines.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut line).map_err(failed)? == 0 {
            return Ok(());
        }
        number += 1;
        let malformed =
            |reason: String| StacksError::Malformed { name: name.to_owned(), number, reason };
        let report = Report::decode(line.strip_suffix(b"\n").unwrap_or(&line))
            .map_err(|error| malformed(error.to_string()))?;
        if week_of(report.week.civil()) != week {
            return Err(malformed(format!("it is of the week {}", report.week)));
        }
        rules.load(report.config)?;
        take(&report, (week, number), rules, observed);
    }
}

/// Takes a report's stacks.
fn take(
    report: &Report<'_>,
    (week, number): (Date, u64),
    rules: &Rules<'_>,
    observed: &mut Observed,
) {
    let Some(Config { allowed, stacks }) = rules.configs.get(&report.config) else { return };
    let is_now = week == observed.week;
    let mut by_program: BTreeMap<&str, Vec<&ProgramReport<'_>>> = BTreeMap::new();
    for build in &report.programs {
        let may_report = allowed.program(&build.program).is_some_and(|program| {
            program.version(&build.version)
                && allowed.goos(&build.goos)
                && allowed.goarch(&build.goarch)
                && allowed.toolchain(&build.toolchain)
        });
        if may_report {
            by_program.entry(&build.program).or_default().push(build);
        }
    }
    for (name, builds) in by_program {
        let Some(rule) = allowed.program(name) else { continue };
        let program = observed.programs.entry(name.to_owned()).or_default();
        program.reports += u64::from(is_now);
        for counter in stacks.get(name).into_iter().flatten().filter(|_| is_now) {
            let sampled = rule.stack(counter).filter(|stack| report.x.get() <= stack.rate.get());
            if let Some(stack) = sampled
                && builds.iter().any(|build| rules.counts(build, counter))
            {
                let base = program.bases.entry(counter.clone()).or_default();
                base.add(report.config, 1.0 / stack.rate.get());
            }
        }
        let mut has_hidden = false;
        for build in builds {
            for (stack, _) in build.stacks.iter() {
                let Some((counter, frames)) = stack.split_once('\n') else { continue };
                let sampled =
                    rule.stack(counter).filter(|stack| report.x.get() <= stack.rate.get());
                let Some(allowed) = sampled else { continue };
                if !is_public(frames, allowed.depth) || !rules.counts(build, counter) {
                    continue;
                }
                if frames == TOO_FEW {
                    has_hidden = true;
                    continue;
                }
                let name = StackName { counter: counter.to_owned(), frames: frames.to_owned() };
                let new = || History { first: week, before: Builds::default(), now: Vec::new() };
                let history = program.stacks.entry(name).or_insert_with(new);
                let platform = format!("{}/{}", &*build.goos, &*build.goarch);
                if is_now {
                    history.now.push(Sighting {
                        report: number,
                        config: report.config,
                        weight: 1.0 / allowed.rate.get(),
                        version: build.version.to_string(),
                        platform,
                        toolchain: build.toolchain.to_string(),
                    });
                } else {
                    history.before.versions.insert(build.version.to_string());
                    history.before.systems.insert(build.goos.to_string());
                }
            }
        }
        program.hidden += u64::from(has_hidden && is_now);
    }
}
