//! `candor rates`: the population of each program, from the public data.

use super::edited::replace_files;
use super::patient::Patient;
use super::published::{Where, download, not_a_site};
use super::today::today;
use super::{Failure, Output};
use crate::aggregate::index::Index;
use crate::aggregate::populations::{
    ChartPlan, Decision, EstimatedWeek, ObservedChart, ObservedProgram, ObservedWeek, Plan,
    ProgramPlan, plan, usable_weeks,
};
use crate::aggregate::{PublicData, PublicError};
use crate::charts::edit::set_integer;
use crate::charts::{Definitions, charts_folder, parse, read_work_tree};
use crate::client::Address;
use crate::collection::config::Rate;
use crate::count::count;
use crate::percent;
use crate::publish::{Deployment, RESERVED};
use crate::review::{points, thousands};
use crate::terminal::OneLine;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt::{self, Display};
use std::fs;
use std::path::{Path, PathBuf};

/// The longest answer of a site that is read, in bytes.
const LONGEST: usize = 32 << 20;

/// Refresh the population of each program, from which its sampling rates follow.
///
/// Estimates from the public data how many installations report each program, for the week that the next config is
/// for, and writes `population` where that no longer gives the reports that the charts need. Says how accurate each
/// chart was, and will be. Files keep every other byte; the change is meant to be reviewed and published like any
/// other. A population that would double or halve is left as it is, and the exit status is 1: somebody should look
/// at the weeks, and then allow it.
///
/// What a site shows is taken as it is; `candor audit` checks that it follows from its data.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    candor rates charts-config --url https://telemetry.example.org\n  \
    candor rates . --data /srv/candor --dry-run\n  \
    candor rates . --url https://telemetry.example.org --allow-jumps --json")]
pub(super) struct Args {
    /// The charts folder, or a folder with one named charts-config.
    charts: PathBuf,
    #[command(flatten)]
    deployment: Where,
    /// From how many of the newest weeks populations are estimated.
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u8).range(1..=52))]
    weeks: u8,
    /// The day in whose week the new rates begin, in UTC: only weeks whose reports have arrived by then are
    /// used [default: today].
    #[arg(long, value_name = "DATE")]
    as_of: Option<Date>,
    /// Also write populations that double or halve.
    #[arg(long)]
    allow_jumps: bool,
    /// Write nothing.
    #[arg(long)]
    dry_run: bool,
}

/// What is printed.
#[derive(Debug, Serialize)]
struct Refreshed {
    #[serde(flatten)]
    plan: Plan,
    /// The files that were changed, or would be.
    changed: Vec<String>,
    dry_run: bool,
}

pub(super) fn run(args: Args, out: Output) -> Result<(), Failure> {
    let folder = charts_folder(&args.charts);
    let definitions = parse(&read_work_tree(&folder)?).map_err(|e| e.below(&folder))?;
    let as_of = args.as_of.unwrap_or_else(today);
    let most = usize::from(args.weeks);
    let none = "name the deployment with --url URL or --data DIR";
    let place = args.deployment.place().ok_or_else(|| Failure::usage(none))?;
    let observed = observed(&place, &definitions, as_of, most)?;
    let Some(plan) = plan(&definitions, &observed, as_of, args.allow_jumps) else {
        return Err(Failure::new(
            "collection.toml has no [sampling], so every installation reports everything, and no rate follows \
             from a population; add confidence and error, as in `confidence = 0.99` and `error = 0.01`",
        ));
    };
    let changed = write(&folder, &plan, args.dry_run)?;
    let jumps = plan.jumps().count();
    let refreshed = Refreshed { plan, changed, dry_run: args.dry_run };
    out.result(&refreshed, &refreshed)?;
    if jumps > 0 {
        out.say(format_args!(
            "candor: {} left as {}: look at the charts of these weeks, and add --allow-jumps if they are right",
            count(jumps, "population"),
            if jumps == 1 { "it is" } else { "they are" }
        ));
        return Err(Failure::reported());
    }
    Ok(())
}

/// Writes the new populations, and returns the names of the files.
pub(super) fn write(folder: &Path, plan: &Plan, dry_run: bool) -> Result<Vec<String>, Failure> {
    let mut edited: BTreeMap<String, String> = BTreeMap::new();
    for (file, population) in plan.changes() {
        let path = folder.join(file);
        let text = fs::read_to_string(&path)
            .map_err(|error| Failure::new(format!("cannot read {}: {error}", path.display())))?;
        let text = set_integer(&text, "population", population)
            .map_err(|error| Failure::new(format!("{}: {error}", path.display())))?;
        edited.insert(file.to_owned(), text);
    }
    if !dry_run {
        replace_files(folder, &edited)?;
    }
    Ok(edited.into_keys().collect())
}

/// What the newest charts of a deployment say of the programs.
pub(super) fn observed(
    place: &Place,
    definitions: &Definitions,
    as_of: Date,
    most: usize,
) -> Result<BTreeMap<String, ObservedProgram>, Failure> {
    match place {
        Place::Site(address) => of_site(address, definitions, as_of, most),
        Place::Folder(data) => of_folder(data, definitions, as_of, most),
    }
}

fn of_folder(
    data: &Path,
    definitions: &Definitions,
    as_of: Date,
    most: usize,
) -> Result<BTreeMap<String, ObservedProgram>, Failure> {
    let deployment = Deployment::open(data)?;
    if definitions.collection.module.value != deployment.module.as_str() {
        return Err(Failure::new(format!(
            "the deployment publishes {}, and these definitions are for {}; name the deployment of that module \
             with --data",
            deployment.module,
            OneLine(&definitions.collection.module.value)
        )));
    }
    let data = PublicData::new(deployment.store.clone());
    Ok(stored(&data, definitions, as_of, most)?)
}

/// What a deployment's charts say of the programs.
pub(super) fn stored(
    data: &PublicData,
    definitions: &Definitions,
    as_of: Date,
    most: usize,
) -> Result<BTreeMap<String, ObservedProgram>, PublicError> {
    let index: Index = data.index()?;
    let charted = index.weeks.iter().filter(|(_, week)| week.charts.is_some());
    let weeks = usable_weeks(charted.map(|(week, _)| *week), as_of, most);
    let programs = definitions.programs.iter().map(|program| {
        let path = program.program.as_str();
        Ok((path.to_owned(), ObservedProgram::stored(data, &index, path, &weeks)?))
    });
    programs.collect()
}

/// The part of `/charts/programs.json` that is needed.
#[derive(Deserialize)]
struct ServedWeeks {
    weeks: Vec<Date>,
}

fn of_site(
    address: &Address,
    definitions: &Definitions,
    as_of: Date,
    most: usize,
) -> Result<BTreeMap<String, ObservedProgram>, Failure> {
    let http = Patient::new();
    let wrong = |url: &str, reason: &dyn Display| not_a_site(&url, reason);
    let get = |path: &str| {
        let url = address.join(path);
        let answer = download(&http, &url, LONGEST)?;
        Ok::<_, Failure>((url, answer))
    };
    let (url, weeks) = get("charts/programs.json")?;
    let weeks = weeks.ok_or_else(|| wrong(&url, &"there is nothing there"))?;
    let ServedWeeks { weeks } =
        serde_json::from_slice(&weeks).map_err(|error| wrong(&url, &error))?;
    let weeks = usable_weeks(weeks, as_of, most);
    let [versions, ..] = RESERVED;
    let mut observed = BTreeMap::new();
    for program in &definitions.programs {
        let path = program.program.as_str();
        let mut found = ObservedProgram::default();
        for week in &weeks {
            let below = format!("charts/{}/@{week}", percent::path(path));
            let (url, Some(served)) = get(&format!("{below}/{versions}.json"))? else { continue };
            let served = ObservedWeek::of_json(&served, *week);
            found.weeks.push(served.map_err(|error| wrong(&url, &error))?);
            if found.weeks.len() == 1
                && let (url, Some(served)) = get(&format!("{below}/overview.json"))?
            {
                let charts = ObservedChart::list_of_json(&served);
                found.charts = charts.map_err(|error| wrong(&url, &error))?;
            }
        }
        observed.insert(path.to_owned(), found);
    }
    Ok(observed)
}

/// Where a deployment is.
pub(super) enum Place {
    /// In this folder.
    Folder(PathBuf),
    /// Served at this address.
    Site(Address),
}

impl Where {
    /// Where the deployment is; `None` if none was named.
    fn place(&self) -> Option<Place> {
        if let Some(address) = &self.url {
            return Some(Place::Site(address.clone()));
        }
        let usual = || std::env::var_os("CANDOR_DATA_DIR").map(PathBuf::from);
        self.data.clone().or_else(usual).map(Place::Folder)
    }
}

impl Display for Refreshed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for program in &self.plan.programs {
            write_program(program, &self.plan, f)?;
        }
        let files = count(self.changed.len(), "file");
        match (self.changed.is_empty(), self.dry_run) {
            (true, _) => writeln!(f, "nothing to change"),
            (_, true) => writeln!(f, "{files} would be changed"),
            (_, false) => writeln!(f, "{files} changed"),
        }
    }
}

/// A number with its noun, in the plural unless it is written as one.
fn nouns(number: f64, noun: &str) -> String {
    let number = thousands(number);
    let plural = if number == "1" { "" } else { "s" };
    format!("{number} {noun}{plural}")
}

fn write_program(program: &ProgramPlan, plan: &Plan, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let stated = match program.population {
        Some(population) => format!("population {}", thousands(population as f64)),
        None => "no population".to_owned(),
    };
    let becomes = match program.decision {
        Decision::Kept => "stays".to_owned(),
        Decision::Changed { proposed } => format!("becomes {}", thousands(proposed as f64)),
        Decision::Jump { proposed } => {
            format!("would become {}, and is left as it is", thousands(proposed as f64))
        }
        Decision::NotObserved => "stays: no charts of the last weeks have reports of it".to_owned(),
        Decision::NotCollected => "stays: no chart of it is collected".to_owned(),
    };
    writeln!(f, "{}: {stated} {becomes}", OneLine(&program.program))?;
    if let (Some(newest), Some(expected)) = (program.weeks.first(), program.expected) {
        let EstimatedWeek { week, reports, installations: of, .. } = newest;
        writeln!(
            f,
            "  week until {week}: {}, for {} ({} to {})",
            nouns(*reports as f64, "report"),
            nouns(of.value, "installation"),
            thousands(of.low),
            thousands(of.high)
        )?;
        let growth = match program.growth {
            Some(growth) => {
                let percent = format!("{:.1}", (growth - 1.0).abs() * 100.0);
                let word = if growth < 1.0 { "fewer" } else { "more" };
                format!("{percent}% {word} each week")
            }
            None => "no growth that chance does not explain".to_owned(),
        };
        writeln!(
            f,
            "  week until {}: {} expected ({} to {}), from {}: {growth}",
            plan.week,
            thousands(expected.value),
            thousands(expected.low),
            thousands(expected.high),
            count(program.weeks.len(), "week")
        )?;
        let jumps = program.weeks.iter().filter(|week| week.jump).map(|week| week.week.to_string());
        let jumps: Vec<String> = jumps.collect();
        if !jumps.is_empty() {
            writeln!(
                f,
                "  more or fewer reports than expected from the weeks before: until {}",
                jumps.join(", ")
            )?;
        }
    }
    program.charts.iter().try_for_each(|chart| write_chart(chart, plan, f))
}

fn write_chart(chart: &ChartPlan, plan: &Plan, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let rate = match chart.rate == chart.rate_before {
        true => format!("rate {}", chart.rate.percent()),
        false => {
            let (before, now) = Rate::percents(chart.rate_before, chart.rate);
            format!("rate {before}, now {now}")
        }
    };
    let confidence = plan.confidence * 100.0;
    let whose = chart.since.as_deref().map(|first| format!(" of {first} or later"));
    let whose = whose.unwrap_or_default();
    let said = |accuracy: crate::review::Accuracy| {
        let (error, reports) = (points(accuracy.error), thousands(accuracy.reports));
        match accuracy.at_best {
            true => format!("within {error} at best, by at most {reports} reports{whose}"),
            false => format!("within {error} by {reports} reports{whose}"),
        }
    };
    let was = chart.was.map(|was| format!("; was {}", said(was))).unwrap_or_default();
    let will = chart.will_be.map(|will| format!("; will be {}", said(will))).unwrap_or_default();
    let goal = points(chart.error);
    let title = OneLine(&chart.title);
    let line = format!("{rate}{was}{will} (asked: {goal}, {confidence}% confidence)");
    writeln!(f, "  \"{title}\": {}", OneLine(line))
}
