//! `candor simulate`: a population of installations that counts, samples and reports, for demonstrations,
//! for load tests, and for checking that charts show the truth.
//!
//! Every report is made as on a user's machine, by [`filter`]: from the counts of a week, the config that
//! the installation already knew, and an X drawn under that config alone. Only the counter files are left
//! out, and X comes from the seed. What all installations counted, reported or not, is the truth that
//! charts can be compared with. This is not in `client`, because no program that counts needs it.
//!
//! | file | one idea |
//! | --- | --- |
//! | `population` | what each installation is, and what it counts |
//! | `reporters` | which of many installations report |
//! | `releases` | which versions are out, and who uses which |
//! | `truth` | what is true of all installations |

mod population;
mod releases;
mod reporters;
mod truth;

use super::progress::Bar;
use super::published::of_site;
use super::today::today;
use super::{Failure, Output};
use crate::aggregate::{Phase, Progress as _};
use crate::charts::{charts_folder, parse, read_work_tree};
use crate::client::report::{KnownConfig, filter};
use crate::client::{Address, Answer, Http, Upload};
use crate::collection::{Allowed, CollectionConfig, compile};
use crate::count::count;
use crate::day::Day;
use crate::gomod::ModuleVersion;
pub(super) use population::Population;
use population::start_of_year;
pub(super) use reporters::Reporters;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant, SystemTime};
pub(super) use truth::Truth;

/// How often a report is sent to a busy server before the simulation gives up.
const ATTEMPTS: u32 = 20;

/// After how many reports the bar moves.
const SHOWN_EVERY: u64 = 64;

/// Let a population of installations report a week, and print what is true of it.
///
/// The same seed gives the same reports. Installations are simulated until N of them are in the sample, so
/// there are more of them if the config samples; the truth is about all of them.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    candor simulate --charts charts-config --reports 1000 --out reports.ndjson\n  \
    candor simulate --charts charts-config --reports 100000 --seed 7 \\\n      \
    --url http://127.0.0.1:8080 --config v0.3.0")]
pub(super) struct Args {
    /// The charts folder whose config the installations obey; or a config.json.
    #[arg(long, value_name = "CHARTS")]
    charts: PathBuf,
    /// How many reports are made.
    #[arg(long, value_name = "N")]
    reports: u64,
    /// The seed of the population.
    #[arg(long, value_name = "S", default_value_t = 1)]
    seed: u64,
    /// The version under which the config was published [default: the newest of the deployment at --url, or v0.1.0].
    #[arg(long, value_name = "VERSION")]
    config: Option<ModuleVersion>,
    /// The day on which the week ended [default: today].
    #[arg(long, value_name = "DATE")]
    week: Option<Day>,
    /// The day on which the population's history begins: from then on, versions are released and replaced.
    /// Name the same for all weeks of one history [default: the first day of the week's year].
    #[arg(long, value_name = "DATE")]
    since: Option<Day>,
    /// Send the reports to the deployment at this URL.
    #[arg(long, value_name = "URL")]
    url: Option<Address>,
    /// How many connections send in parallel.
    #[arg(long, value_name = "N", default_value_t = 4, requires = "url",
          value_parser = clap::value_parser!(u16).range(1..=1024))]
    connections: u16,
    /// Write the reports to this file, one JSON value per line.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

pub(super) fn run(args: Args, out: Output) -> Result<(), Failure> {
    let config = read_config(&args.charts)?;
    if args.reports > 0 && (config.sample_rate.get() <= 0.0 || config.programs.is_empty()) {
        return Err(Failure::new(
            "the config asks for nothing, so nobody would ever report; add a chart definition",
        ));
    }
    let week = args.week.unwrap_or_else(|| Day::of(SystemTime::now()));
    let mut writer = match &args.out {
        Some(file) => {
            let failed = |e| Failure::new(format!("cannot write {}: {e}", file.display()));
            Some(BufWriter::new(File::create(file).map_err(failed)?))
        }
        None => None,
    };
    let version = match (args.config, &args.url) {
        (Some(version), _) => version,
        (None, Some(url)) => newest_of(url)?,
        (None, None) => ModuleVersion::FIRST,
    };
    let mut truth = Truth::new(args.seed, week, version, config.sample_rate.get());
    let started = Instant::now();
    // Far more installations than needed, if any of them may report.
    let enough = (args.reports as f64 / config.sample_rate.get() * 20.0) as u64 + 100_000;
    let mut make = |sender: Option<&SyncSender<String>>| -> Result<(), Failure> {
        let since = args.since.unwrap_or_else(|| start_of_year(week));
        let population = Population::of(&config, args.seed, week, since);
        let allowed = Allowed::new(&config);
        let known = KnownConfig::unverified(version, week, config.clone());
        let version = version.to_string();
        let bar = Bar::new();
        let installations = 0..;
        for (number, mut local) in installations.map(|n| (n, population.installation(n))) {
            if truth.reports >= args.reports {
                break;
            }
            if number > enough {
                return Err(Failure::new(format!(
                    "of {number} installations only {} may report: does the config list versions \
                     and platforms?",
                    truth.reports
                )));
            }
            truth.count(&local.programs);
            let draw = local.draw(&known, || Ok::<_, Failure>(population.x(number)))?;
            let filtered = filter(&local, draw.x, &allowed, &version, Some(earlier(week)));
            let Some(report) = filtered.report else { continue };
            truth.reports += 1;
            if let Some(writer) = &mut writer {
                serde_json::to_writer(&mut *writer, &report)?;
                writer.write_all(b"\n")?;
            }
            // The sending threads end early only if they fail, and then return the error.
            if sender.is_some_and(|sender| sender.send(report.to_json()).is_err()) {
                break;
            }
            if truth.reports.is_multiple_of(SHOWN_EVERY) || truth.reports == args.reports {
                bar.advance(Phase::Reports, truth.reports, args.reports);
            }
        }
        Ok(())
    };
    match &args.url {
        None => make(None)?,
        Some(url) => send_all(url, week, args.connections, make)?,
    }
    if let Some(mut writer) = writer {
        writer.flush()?;
    }
    // On standard error, because the result depends on the seed alone.
    let seconds = started.elapsed().as_secs_f64();
    out.say(format_args!("{} in {seconds:.2} s", count(truth.reports, "report")));
    if let Some(url) = args.url.as_ref().filter(|_| truth.reports > 0) {
        // Who does not say so does not rehearse; the reports were sent in any case.
        if Http::new().rehearses(&url.join("log/checkpoint")).unwrap_or(false) {
            out.say(format_args!(
                "this server rehearses: they are charted in a few seconds, at {}, and nothing of them is kept",
                url.join("charts/")
            ));
            return out.result(&truth, &truth);
        }
        out.say("these invented reports stay in that deployment's public data: it should be one for practice");
        if week >= Day::of(SystemTime::now()) {
            out.say(format_args!(
                "they are published and charted when {week} is over, in UTC; to see charts now, name a week that \
                 has ended: --week {}",
                week.minus(3)
            ));
        }
    }
    out.result(&truth, &truth)
}

/// The config compiled from a charts folder, or read from a file.
fn read_config(path: &Path) -> Result<CollectionConfig, Failure> {
    if path.is_file() {
        let json = std::fs::read(path)?;
        let not_one = |e| Failure::new(format!("{}: {e}", path.display()));
        return CollectionConfig::from_json(&json).map_err(not_one);
    }
    let folder = charts_folder(path);
    let definitions = parse(&read_work_tree(&folder)?).map_err(|e| e.below(&folder))?;
    Ok(compile(&definitions, today()))
}

/// The newest version of a deployment.
fn newest_of(url: &Address) -> Result<ModuleVersion, Failure> {
    let newest = of_site(url)?.newest();
    newest.ok_or_else(|| Failure::new(format!("{url} has published no config yet")))
}

/// The week before: the last reported week of an installation that reports every week.
fn earlier(week: Day) -> Day {
    week.minus(7)
}

/// Sends what `make` produces over a number of connections, which are kept open.
pub(super) fn send_all(
    url: &Address,
    week: Day,
    connections: u16,
    make: impl FnOnce(Option<&SyncSender<String>>) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let url = url.join(&format!("upload/{week}"));
    let (sender, receiver) = sync_channel(usize::from(connections) * 4);
    let receiver = Mutex::new(Some(receiver));
    thread::scope(|scope| {
        let senders: Vec<_> =
            (0..connections).map(|_| scope.spawn(|| send(&url, &receiver))).collect();
        let made = make(Some(&sender));
        drop(sender);
        let mut sent = Ok(());
        for thread in senders {
            let result = thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            sent = sent.and(result);
        }
        made.and(sent)
    })
}

/// Sends reports until there are none left. After a failure, no thread sends any more.
fn send(url: &str, reports: &Mutex<Option<Receiver<String>>>) -> Result<(), Failure> {
    // Each thread has its own connection, so one that waits does not delay another.
    let http = Http::new();
    let next = || {
        let reports = reports.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        reports.as_ref().and_then(|reports| reports.recv().ok())
    };
    while let Some(report) = next() {
        if let Err(failure) = send_one(&http, url, &report) {
            // Dropping the receiver tells the producer to stop.
            reports.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take();
            return Err(failure);
        }
    }
    Ok(())
}

fn send_one(http: &Http, url: &str, report: &str) -> Result<(), Failure> {
    let mut last = String::new();
    for attempt in 0..ATTEMPTS {
        match http.post(url, report) {
            Ok(Answer::Accepted) => return Ok(()),
            Ok(Answer::Refused(said)) => {
                return Err(Failure::new(format!("{url} refused a report: {said}")));
            }
            Ok(Answer::Retry(said)) => last = said,
            Err(error) => last = error.to_string(),
        }
        thread::sleep(Duration::from_millis(50 * u64::from(attempt + 1)));
    }
    let way_out = match last.contains("budget") {
        true => {
            ". For simulations, start the server with --day-reports 1000000 --network-reports 1000000"
        }
        false => "",
    };
    Err(Failure::new(format!(
        "{url} did not take a report in {ATTEMPTS} attempts: {last}{way_out}"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::report::X;

    const CONFIG: &str = r#"{"GOOS":["linux","windows"],"GOARCH":["amd64"],
        "GoVersion":["go1.26.8"],"SampleRate":0.5,"Programs":[{"Name":"example.org/p",
        "Versions":["v1.0.0","v1.1.0"],"Counters":[{"Name":"editor:{vim,emacs}","Rate":0.5}],
        "Stacks":[{"Name":"crash","Rate":0.5,"Depth":3}]}]}"#;

    #[test]
    fn a_population_is_made_from_its_seed_alone() {
        let config = CollectionConfig::from_json(CONFIG.as_bytes()).expect("a config");
        let week = "2026-11-22".parse().expect("a day");
        let [first, again, other] = [1, 1, 2]
            .map(|seed| Population::of(&config, seed, week, start_of_year(week)).installation(7));
        assert_eq!(first, again);
        assert_ne!(first, other);
        assert_ne!(first, Population::of(&config, 1, week, start_of_year(week)).installation(8));
    }

    #[test]
    fn an_installation_stays_what_it_is_and_draws_x_anew_every_week() {
        let config = CollectionConfig::from_json(CONFIG.as_bytes()).expect("a config");
        let [one, next] = ["2026-11-15", "2026-11-22"]
            .map(|week| week.parse().expect("a day"))
            .map(|week| Population::of(&config, 1, week, start_of_year(week)).installation(7));
        assert_eq!(one.programs[0].goos, next.programs[0].goos);
        let [one, next] = ["2026-11-15", "2026-11-22"]
            .map(|week| week.parse().expect("a day"))
            .map(|week| Population::of(&config, 1, week, start_of_year(week)).x(7));
        assert_ne!(one, next);
    }

    #[test]
    fn the_sample_estimates_the_truth() {
        let config = CollectionConfig::from_json(CONFIG.as_bytes()).expect("a config");
        let week = "2026-11-22".parse().expect("a day");
        let (population, allowed) =
            (Population::of(&config, 1, week, start_of_year(week)), Allowed::new(&config));
        let mut truth = Truth::new(1, week, ModuleVersion::new(1).expect("one"), 0.5);
        let mut sampled = Truth::new(1, week, ModuleVersion::new(1).expect("one"), 0.5);
        for number in 0..20_000 {
            let local = population.installation(number);
            truth.count(&local.programs);
            let filtered = filter(&local, population.x(number), &allowed, "v0.1.0", None);
            if let Some(report) = filtered.report {
                sampled.count(&report.programs);
            }
        }
        let (all, some) = (&truth.programs["example.org/p"], &sampled.programs["example.org/p"]);
        let share = some.installations as f64 / all.installations as f64;
        assert!((0.48..0.52).contains(&share), "{share}");
        for counter in ["editor:vim", "editor:emacs"] {
            let share = |p: &truth::ProgramTruth| {
                p.counters[counter].installations as f64 / p.installations as f64
            };
            assert!((share(all) - share(some)).abs() < 0.02, "{counter}");
        }
        // What nobody asks for is counted, and never in a report.
        assert!(all.counters.contains_key(population::UNLISTED));
        assert!(!some.counters.contains_key(population::UNLISTED));
        assert!(!some.stacks.is_empty());
    }

    #[test]
    fn every_x_is_as_likely_as_any_other() {
        let config = CollectionConfig::from_json(CONFIG.as_bytes()).expect("a config");
        let week = "2026-11-22".parse().expect("a day");
        let population = Population::of(&config, 3, week, start_of_year(week));
        let below = |x: f64| {
            let xs = (0..10_000).map(|number| population.x(number));
            xs.filter(|drawn: &X| drawn.get() <= x).count()
        };
        assert!((4800..5200).contains(&below(0.5)));
        assert!((900..1100).contains(&below(0.1)));
    }
}
