//! Installations: who uses which programs in which builds, and what they count in a week.
//!
//! They follow from the config, a seed, the week, and the week in which their history begins. The first items of
//! lists (platforms, buckets of a group) are the most frequent, by Zipf's law, and groups of numbers have a hump,
//! so that charts have a shape. Over the weeks new versions are released (`releases`), one of them has a crash that
//! the next one fixes, and the second bucket of each group grows.
//!
//! Each installation has its own streams of random numbers, derived from the seed and its number, so the
//! order in which installations are made does not matter. One stream is for what never changes (its
//! platform, its programs, how soon it upgrades), and another, new every week, for X and what it counts.

use super::releases::Releases;
use crate::client::report::{Build, LocalReport, ProgramReport, X};
use crate::collection::{CollectionConfig, expand};
use crate::day::Day;
use std::collections::BTreeMap;
use std::time::SystemTime;

/// A counter that every installation counts and no config lists: it must never be sent.
pub const UNLISTED: &str = "simulate/unlisted";

/// The frames of each bug's stack, of programs that do not exist.
const BUGS: [[&str; 4]; 5] = [
    ["main.parseName:+23", "main.greet:+8", "main.run:+41", "main.main:+5"],
    ["main.readSettings:+17", "main.settings:+9", "main.run:+12", "main.main:+5"],
    ["main.openFile:+31", "main.load:+14", "main.run:+19", "main.main:+5"],
    ["main.writeLine:+6", "main.print:+22", "main.run:+33", "main.main:+5"],
    ["main.lookUp:+44", "main.complete:+3", "main.run:+27", "main.main:+5"],
];
/// The share of installations that the first of them hits, with the one release that has it.
const REGRESSION: f64 = 0.12;

/// A population in one week, of any size.
pub struct Population {
    seed: u64,
    week: Day,
    goos: Vec<String>,
    goarch: Vec<String>,
    toolchains: Releases,
    programs: Vec<Program>,
}

struct Program {
    name: String,
    releases: Releases,
    /// Names, and the share of installations that count them.
    counters: Vec<(String, f64)>,
    stacks: Vec<Stack>,
}

/// The stack of a bug.
struct Stack {
    name: String,
    /// The share of installations that it hits.
    share: f64,
    /// The only version that has it; `None` if all have it.
    version: Option<String>,
}

impl Population {
    /// The population of users of a config's programs, in the week that ended on `week`. Its history begins in
    /// the week of `since`.
    pub fn of(config: &CollectionConfig, seed: u64, week: Day, since: Day) -> Population {
        let weeks = week.since(since).div_euclid(7);
        let programs = config.programs.iter().map(|program| {
            let releases = Releases::of(&program.versions, weeks);
            let counters = program.counters.iter().flat_map(|counter| {
                let names: Vec<String> = expand(&counter.name).collect();
                let shares = shares(&names, weeks);
                names.into_iter().zip(shares)
            });
            let stacks = program.stacks.iter().flat_map(|stack| {
                BUGS.iter().enumerate().map(|(index, frames)| {
                    let depth = usize::try_from(stack.depth).unwrap_or(usize::MAX).max(1);
                    let frames: Vec<&str> = frames.iter().take(depth).copied().collect();
                    let name = format!("{}\n{}", stack.name, frames.join("\n"));
                    match index {
                        0 => {
                            Stack { name, share: REGRESSION, version: Some(releases.with_a_bug()) }
                        }
                        _ => Stack { name, share: share(index) / 25.0, version: None },
                    }
                })
            });
            let (counters, stacks) = (counters.collect(), stacks.collect());
            Program { name: program.name.clone(), counters, stacks, releases }
        });
        Population {
            seed,
            week,
            goos: config.goos.clone(),
            goarch: config.goarch.clone(),
            toolchains: Releases::of(&config.go_version, weeks),
            programs: programs.collect(),
        }
    }

    /// The X that an installation draws for the week, whatever the config. It decides whether anything is
    /// sent.
    pub fn x(&self, number: u64) -> X {
        X::from_bits(self.weekly(number).next())
    }

    /// The probability that an installation with a program counts a counter in the week.
    pub fn share(&self, program: &str, counter: &str) -> Option<f64> {
        let program = self.programs.iter().find(|known| known.name == program)?;
        program.counters.iter().find(|(name, _)| name == counter).map(|(_, share)| *share)
    }

    fn weekly(&self, number: u64) -> Random {
        let day = self.week.since(Day::of(SystemTime::UNIX_EPOCH)).unsigned_abs();
        Random::new(Random::new(self.seed, day).next(), number)
    }

    /// What an installation counted in the week: its local report.
    pub fn installation(&self, number: u64) -> LocalReport {
        let mut lasting = Random::new(self.seed, number);
        let goos = lasting.one_of(&self.goos);
        let goarch = lasting.one_of(&self.goarch);
        let toolchain = self.toolchains.used_at(lasting.unit());
        // Everyone uses one program, and some use more.
        let first = lasting.below(self.programs.len());
        let mut weekly = self.weekly(number);
        // The first number of the stream is X, which is drawn when the config is known.
        let _x = weekly.next();
        let mut programs = Vec::new();
        for (index, program) in self.programs.iter().enumerate() {
            // Drawn for every program, so that an upgrade of one changes nothing of the next.
            let (uses, pace) = (lasting.unit(), lasting.unit());
            if uses > 0.2 && index != first {
                continue;
            }
            let build = Build {
                program: program.name.clone(),
                version: program.releases.used_at(pace),
                toolchain: toolchain.clone(),
                goos: goos.clone(),
                goarch: goarch.clone(),
            };
            let counted = program.counters.iter().map(|(name, share)| (name, *share));
            let mut counters = weekly.counts(counted);
            counters.insert(UNLISTED.to_owned(), 1);
            let has = |stack: &&Stack| stack.version.as_ref().is_none_or(|v| *v == build.version);
            let crashed = program.stacks.iter().filter(has).map(|stack| (&stack.name, stack.share));
            let stacks = weekly.counts(crashed);
            programs.push(ProgramReport::of(build, counters, stacks));
        }
        LocalReport { week: self.week, last_week: None, programs, draw: None }
    }
}

/// The first day of a day's year, with which a history begins unless another is chosen.
pub fn start_of_year(day: Day) -> Day {
    let text = day.to_string();
    let year = text.get(..4).unwrap_or_default();
    format!("{year}-01-01").parse().unwrap_or(day)
}

/// The share of installations that count the item at this index of a list.
fn share(index: usize) -> f64 {
    0.9 / (index + 1) as f64
}

/// The shares of installations that count each name of a group, some weeks into the history.
fn shares(names: &[String], weeks: i64) -> Vec<f64> {
    let bucket =
        |name: &String| name.rsplit(':').next().and_then(|bucket| bucket.parse::<f64>().ok());
    let is_scale = names.len() > 2 && names.iter().all(|name| bucket(name).is_some());
    let most = (names.len() as f64 - 1.0) * 0.4;
    let width = names.len() as f64 / 5.0;
    let shares = (0..names.len()).map(|index| match index {
        _ if is_scale => 0.7 * (-((index as f64 - most) / width).powi(2) / 2.0).exp(),
        1 => share(1) * growth(weeks),
        _ => share(index),
    });
    shares.enumerate().map(|(index, share)| (share * season(index, weeks)).min(0.98)).collect()
}

/// From a half to one and a third, most of it over some ten weeks.
fn growth(weeks: i64) -> f64 {
    0.5 + 0.8 / (1.0 + (-(weeks as f64 - 6.0) / 2.5).exp())
}

/// The factor by which a share differs in a week from the average: up to a twentieth.
fn season(index: usize, weeks: i64) -> f64 {
    let year = weeks as f64 / 26.0 + index as f64 * 0.37;
    1.0 + 0.05 * (year * std::f64::consts::TAU).sin()
}

/// SplitMix64 (Steele, Lea and Flood, 2014): a stream of numbers made from a seed.
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(seed: u64, stream: u64) -> Random {
        // Mixed, so that neighbouring seeds and streams are unrelated.
        let seed = Random(seed).next();
        Random(Random(seed ^ stream.wrapping_mul(0xd134_2543_de82_ef95)).next())
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Over 0 and at most 1.
    pub(super) fn unit(&mut self) -> f64 {
        X::from_bits(self.next()).get()
    }

    fn below(&mut self, limit: usize) -> usize {
        // A slight preference of small numbers is harmless here.
        (self.next() % limit.max(1) as u64) as usize
    }

    /// One item of a list, by Zipf's law; an empty string for an empty list.
    fn one_of(&mut self, list: &[String]) -> String {
        let weights = || (1..=list.len()).map(|rank| 1.0 / rank as f64);
        let mut left = self.unit() * weights().sum::<f64>();
        for (text, weight) in list.iter().zip(weights()) {
            left -= weight;
            if left <= 0.0 {
                return text.clone();
            }
        }
        list.last().cloned().unwrap_or_default()
    }

    fn counts<'a>(
        &mut self,
        names: impl Iterator<Item = (&'a String, f64)>,
    ) -> BTreeMap<String, i64> {
        let mut counts = BTreeMap::new();
        for (name, share) in names {
            if self.unit() <= share {
                let count = 1 + self.below(20) as i64;
                counts.insert(name.clone(), count);
            }
        }
        counts
    }
}
