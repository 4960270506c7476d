//! Rates go up and down, and estimates stay correct.
//!
//! Installations come and go, are online every week or once in eight, and do different things when
//! they are new. Each week that they report is decided by the client's own code ([`choose_config`],
//! [`LocalReport::draw`], [`filter`]), on a calendar of its own; networks fail, and so do checks.
//! What arrives is estimated as the server does: each report weighs one over the rate of the config
//! that it names. In each of many repetitions the same installations draw other X.

use super::CONFIDENCE;
use super::binomial::{Random, allowed};
use candor::aggregate::figure::Interval;
use candor::aggregate::statistics::interval::share;
use candor::aggregate::statistics::sample::Weights;
use candor::client::day::Day;
use candor::client::report::{
    Build, FetchFailure, KnownConfig, LocalReport, OLDEST, ProgramReport, Report, X, choose_config,
    filter,
};
use candor::collection::{Allowed, CollectionConfig};
use candor::gomod::ModuleVersion;
use std::convert::Infallible;

const INSTALLATIONS: usize = 20_000;
/// Weeks before the first evaluated one, so that clients know configs of every age.
const BEFORE: usize = 8;
const WEEKS: usize = 12;
/// Weeks after the last one, in which clients that were offline report.
const AFTER: usize = 4;
const REPETITIONS: u32 = 24;

/// From which week on there is a config, and its rates for all and for half as many; none before the
/// counter is added.
const CONFIGS: [(usize, f64, Option<f64>); 7] = [
    (0, 0.1, None),
    (4, 0.02, None),
    (BEFORE + 2, 0.2, None),
    (BEFORE + 4, 0.2, Some(0.2)),
    (BEFORE + 7, 0.05, Some(0.02)),
    (BEFORE + 9, 0.2, Some(0.1)),
    (BEFORE + 11, 0.02, Some(0.02)),
];
/// The first week that ended after the counter was added. Of those before it only they report it who
/// are late.
const ADDED: usize = BEFORE + 5;
/// The counters: of new installations; of rarely online ones; of some, collected at half the rate; and
/// of new ones, collected since the fourth config.
const COUNTERS: [&str; 4] = ["p/new", "p/seldom", "p/half", "p/added"];

/// How an installation decides whether to report.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Rule {
    /// Like the client.
    Client,
    /// X first, and then a config; a newer one only if X is below the rate of the known one.
    DrawnFirst,
}

#[test]
fn estimates_cover_the_truth_while_rates_go_up_and_down() {
    let outcome = World::new().run(Rule::Client);
    for (counter, name) in COUNTERS.iter().enumerate() {
        let (missed, of) = (outcome.missed[counter], outcome.of[counter]);
        println!("{name}: {missed} of {of} missed, {} allowed", outcome.allowed(counter));
        assert!(missed <= outcome.allowed(counter), "{name}");
    }
}

#[test]
fn a_config_that_x_helps_to_choose_is_found_out() {
    let outcome = World::new().run(Rule::DrawnFirst);
    println!("{:?} of {:?} missed", outcome.missed, outcome.of);
    // Of what the newly installed do.
    assert!(outcome.missed[0] > 3 * outcome.allowed(0));
}

struct Outcome {
    /// By counter: how many of the weeks' intervals do not hold the truth.
    missed: [usize; COUNTERS.len()],
    /// By counter: how many there are.
    of: [u32; COUNTERS.len()],
}

impl Outcome {
    fn allowed(&self, counter: usize) -> usize {
        allowed(self.of[counter], 1.0 - CONFIDENCE)
    }
}

struct Installation {
    /// The weeks in which it is there.
    there: std::ops::Range<usize>,
    /// It is online once in this many weeks, starting at this one.
    every: usize,
    phase: usize,
    /// The day on which its weeks end.
    weekday: u32,
    /// What it counts besides, in a bit for each counter.
    habits: usize,
}

struct World {
    installations: Vec<Installation>,
    /// By day: the newest config, as it is known to whoever fetches it then.
    newest: Vec<KnownConfig>,
    /// By config: what it allows, and the last day on which it is the newest.
    configs: Vec<(Allowed, Day)>,
    start: Day,
}

/// Weeks of reports, added up.
#[derive(Clone, Copy, Default)]
struct Sum {
    hit: Weights,
    base: Weights,
    /// How many installations there are, and how many of them count it.
    there: u64,
    counting: u64,
}

impl World {
    fn new() -> World {
        let start: Day = "2026-06-07".parse().expect("a day");
        let known: Vec<KnownConfig> = (1..).zip(CONFIGS).map(config).collect();
        // Published in the middle of a week.
        let first_day = |week: usize| week as u32 * 7 + if week > 0 { 3 } else { 0 };
        let newest = (0..(BEFORE + WEEKS + AFTER + 1) as u32 * 7).map(|day| {
            let published = CONFIGS.iter().filter(|of| first_day(of.0) <= day).count();
            KnownConfig { fetched: start.plus(day), ..known[published - 1].clone() }
        });
        let ends = CONFIGS.iter().skip(1).map(|of| start.plus(first_day(of.0)));
        let ends = ends.chain([start.plus(10_000)]);
        let mut random = Random(1);
        let installations = (0..INSTALLATIONS).map(|number| Installation::new(number, &mut random));
        World {
            installations: installations.collect(),
            newest: newest.collect(),
            configs: known.iter().map(|known| Allowed::new(&known.config)).zip(ends).collect(),
            start,
        }
    }

    fn run(&self, rule: Rule) -> Outcome {
        let (mut missed, mut of) = ([0; COUNTERS.len()], [0; COUNTERS.len()]);
        let mut estimates = [[0.0; WEEKS]; COUNTERS.len()];
        let mut truths = [[0.0; WEEKS]; COUNTERS.len()];
        for repetition in 0..REPETITIONS {
            let weeks = self.repeat(rule, u64::from(repetition));
            for (week, sums) in weeks.iter().skip(BEFORE).take(WEEKS).enumerate() {
                for (counter, sum) in sums.iter().enumerate() {
                    if COUNTERS[counter] == "p/added" && week + BEFORE < ADDED {
                        continue;
                    }
                    let found: Interval = share(&sum.hit, &sum.base, CONFIDENCE);
                    let truth = sum.counting as f64 / sum.there as f64;
                    missed[counter] += usize::from(found.low > truth || found.high < truth);
                    of[counter] += 1;
                    estimates[counter][week] += 100.0 * found.value / f64::from(REPETITIONS);
                    truths[counter][week] = 100.0 * truth;
                }
            }
        }
        for (counter, name) in COUNTERS.iter().enumerate() {
            let percent = |of: [f64; WEEKS]| of.map(|value| format!("{value:5.1}")).join(" ");
            println!("{rule:?}, {name}, truth and mean of estimates in %, by week:");
            println!("  {}\n  {}", percent(truths[counter]), percent(estimates[counter]));
        }
        Outcome { missed, of }
    }

    /// Lets everyone report all weeks.
    fn repeat(&self, rule: Rule, seed: u64) -> Vec<[Sum; COUNTERS.len()]> {
        let mut draws = Random(seed.wrapping_mul(0x2545_f491_4f6c_dd1d));
        let mut weeks = vec![[Sum::default(); COUNTERS.len()]; BEFORE + WEEKS + AFTER];
        let mut locals: Vec<LocalReport> = (0..1 << COUNTERS.len()).map(local).collect();
        for installation in &self.installations {
            // The network, which does not know X.
            let mut luck = Random(installation.habits as u64 ^ installation.there.start as u64);
            let mut known: Option<&KnownConfig> = None;
            let mut pending: Vec<(usize, Option<X>)> = Vec::new();
            for week in installation.there.clone() {
                let drawn = (rule == Rule::DrawnFirst).then(|| X::from_bits(draws.bits()));
                pending.push((week, drawn));
                if week % installation.every != installation.phase {
                    continue;
                }
                let (network, delay) = (luck.uniform(), (luck.uniform() * 3.0) as u32);
                let day = (week as u32) * 7 + installation.weekday + delay;
                let today = self.start.plus(day);
                let ended = |week: usize| self.start.plus(week as u32 * 7 + installation.weekday);
                pending.retain(|(week, _)| today.since(ended(*week)) <= OLDEST);
                let renew = |_: Option<&&KnownConfig>| -> Result<Result<_, _>, Infallible> {
                    let failed = |check| FetchFailure { day: today, reason: String::new(), check };
                    Ok(match network {
                        ..0.01 => Err(failed(true)),
                        0.01..0.1 => Err(failed(false)),
                        _ => Ok(&self.newest[day as usize]),
                    })
                };
                let xs: Vec<f64> = pending.iter().flat_map(|(_, x)| x.map(X::get)).collect();
                let chosen = match (rule, known) {
                    (Rule::DrawnFirst, Some(known)) if suffices(known, today, &xs) => Ok(known),
                    (Rule::DrawnFirst, known) => {
                        let Ok(chosen) = renew(known.as_ref());
                        chosen
                    }
                    (Rule::Client, known) => {
                        let Ok(chosen) = choose_config(known, today, renew);
                        chosen
                    }
                };
                match chosen {
                    Ok(chosen) => known = Some(chosen),
                    Err(failure) => {
                        // Nothing is known after a check has failed.
                        known = known.filter(|_| !failure.check);
                        continue;
                    }
                }
                let Some(known) = known else { continue };
                let place = known.version.leaf_index() as usize;
                let (allowed, newest_until) = &self.configs[place];
                for (week, drawn) in pending.drain(..) {
                    let counted = installation.counts(week);
                    let local = &mut locals[counted];
                    local.draw = None;
                    let draw = || Ok(drawn.unwrap_or_else(|| X::from_bits(draws.bits())));
                    let Ok::<_, Infallible>(draw) = local.draw(known, draw);
                    let version = draw.config.to_string();
                    let filtered = filter(local, draw.x, allowed, &version, None);
                    for (counter, sum) in weeks[week].iter_mut().enumerate() {
                        sum.there += 1;
                        sum.counting += (counted >> counter & 1) as u64;
                    }
                    let Some(report) = filtered.report else { continue };
                    assert!(today.since(*newest_until) < 56 - OLDEST, "the server would refuse it");
                    receive(&report, &mut weeks[week]);
                }
            }
        }
        weeks
    }
}

/// Adds a report like the server, by the config that it names.
fn receive(report: &Report, sums: &mut [Sum; COUNTERS.len()]) {
    let version: ModuleVersion = report.config.parse().expect("a version");
    let (_, rate, added) = CONFIGS[version.leaf_index() as usize];
    let counters = &report.programs[0].counters;
    for ((name, rate), sum) in
        COUNTERS.iter().zip([Some(rate), Some(rate), Some(rate / 2.0), added]).zip(sums)
    {
        let Some(rate) = rate.filter(|rate| report.x.get() <= *rate) else { continue };
        sum.base.add(1.0 / rate);
        if counters.contains_key(*name) {
            sum.hit.add(1.0 / rate);
        }
    }
}

impl Installation {
    fn new(number: usize, random: &mut Random) -> Installation {
        let weeks = BEFORE + WEEKS + AFTER;
        // A tenth leave every week, and as many come.
        let lives = 1 + (random.uniform().ln() / 0.9_f64.ln()) as usize;
        let first =
            if number.is_multiple_of(3) { 0 } else { (random.uniform() * weeks as f64) as usize };
        let every = match random.uniform() {
            ..0.8 => 1,
            0.8..0.9 => 2,
            _ => 3 + (random.uniform() * 6.0) as usize,
        };
        Installation {
            there: first..(first + lives + every).min(weeks),
            every,
            phase: (random.uniform() * every as f64) as usize,
            weekday: (random.uniform() * 7.0) as u32,
            habits: random.bits() as usize >> 8,
        }
    }

    /// The counters that it counts in a week.
    fn counts(&self, week: usize) -> usize {
        let new = week == self.there.start;
        let often = |share: usize, shift: usize| (self.habits >> shift) % 100 < share;
        let counts = [
            new,
            often(if self.every > 1 { 70 } else { 10 }, 0),
            often(if new { 80 } else { 30 }, 7),
            new || often(2, 14),
        ];
        (0..).zip(counts).map(|(place, counts)| usize::from(counts) << place).sum()
    }
}

/// The earlier rule: a config stays in use for four weeks if X is above its rate.
fn suffices(known: &KnownConfig, today: Day, xs: &[f64]) -> bool {
    let (age, rate) = (today.since(known.fetched), known.config.sample_rate.get());
    age < 7 || (age < 28 && xs.iter().all(|x| *x > rate))
}

fn config((version, (_, rate, added)): (u64, (usize, f64, Option<f64>))) -> KnownConfig {
    let half = rate / 2.0;
    let added =
        added.map_or(String::new(), |rate| format!(r#",{{"Name":"p/added","Rate":{rate}}}"#));
    let json = format!(
        r#"{{"GOOS":["linux"],"GOARCH":["amd64"],"GoVersion":["rust1.95.0"],"SampleRate":{rate},
        "Programs":[{{"Name":"example.org/p","Versions":["v1.0.0"],"Counters":[
        {{"Name":"p/{{new,seldom}}","Rate":{rate}}},{{"Name":"p/half","Rate":{half}}}{added}]}}]}}"#
    );
    let config = CollectionConfig::from_json(json.as_bytes()).expect("a config");
    let version = ModuleVersion::new(version).expect("a version");
    KnownConfig::unverified(version, "2026-06-07".parse().expect("a day"), config)
}

/// The week of whoever counts these counters.
fn local(counted: usize) -> LocalReport {
    let text = |text: &str| text.to_owned();
    let build = Build {
        program: text("example.org/p"),
        version: text("v1.0.0"),
        toolchain: text("rust1.95.0"),
        goos: text("linux"),
        goarch: text("amd64"),
    };
    let names = COUNTERS.iter().enumerate().filter(|(place, _)| counted >> place & 1 == 1);
    let counters = names.map(|(_, name)| (text(name), 1)).collect();
    LocalReport {
        week: "2026-06-14".parse().expect("a day"),
        last_week: None,
        programs: vec![ProgramReport::of(build, counters, Default::default())],
        draw: None,
    }
}
