//! Installations: who uses which programs in which builds, and what they count in a week.
//!
//! They follow from the config, a seed and the week. The first items of lists (platforms, toolchains,
//! buckets of a group) are the most frequent, by Zipf's law, so that charts have a shape. Over the weeks
//! new versions are released and old ones disappear, and what people count changes with the seasons.
//!
//! Each installation has its own streams of random numbers, derived from the seed and its number, so the
//! order in which installations are made does not matter. One stream is for what never changes (its
//! platform, its programs), and another, new every week, for X and what it counts.

use crate::client::day::Day;
use crate::client::report::{Build, LocalReport, ProgramReport, X};
use crate::collection::{CollectionConfig, expand};
use std::collections::BTreeMap;
use std::time::SystemTime;

/// A counter that every installation counts and no config lists: it must never be sent.
pub const UNLISTED: &str = "simulate/unlisted";

/// A population in one week, of any size.
pub struct Population {
    seed: u64,
    week: Day,
    goos: Vec<String>,
    goarch: Vec<String>,
    toolchains: Vec<String>,
    programs: Vec<Program>,
}

struct Program {
    name: String,
    /// The released versions, newest first.
    versions: Vec<String>,
    /// Names, and the share of installations that count them.
    counters: Vec<(String, f64)>,
    stacks: Vec<(String, f64)>,
}

impl Population {
    /// The population of users of a config's programs, in the week that ended on `week`.
    pub fn of(config: &CollectionConfig, seed: u64, week: Day) -> Population {
        // Weeks since some Sunday.
        let weeks = week.since(Day::of(SystemTime::UNIX_EPOCH)).div_euclid(7);
        let programs = config.programs.iter().map(|program| {
            let counters = program.counters.iter().flat_map(|counter| {
                let names = expand(&counter.name).enumerate();
                names.map(|(index, name)| (name, (share(index) * season(index, weeks)).min(0.98)))
            });
            let stacks = program.stacks.iter().flat_map(|stack| {
                (0..5).map(|bug| (crash(&stack.name, bug, stack.depth), share(bug) / 10.0))
            });
            Program {
                name: program.name.clone(),
                versions: released(&program.versions, weeks),
                counters: counters.collect(),
                stacks: stacks.collect(),
            }
        });
        Population {
            seed,
            week,
            goos: config.goos.clone(),
            goarch: config.goarch.clone(),
            toolchains: config.go_version.clone(),
            programs: programs.collect(),
        }
    }

    /// The X that an installation draws for the week, whatever the config. It decides whether anything is
    /// sent.
    pub fn x(&self, number: u64) -> X {
        X::from_bits(self.weekly(number).next())
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
        let toolchain = lasting.one_of(&self.toolchains);
        // Everyone uses one program, and some use more.
        let first = lasting.below(self.programs.len());
        let mut weekly = self.weekly(number);
        // The first number of the stream is X, which is drawn when the config is known.
        let _x = weekly.next();
        let mut programs = Vec::new();
        for (index, program) in self.programs.iter().enumerate() {
            if lasting.unit() > 0.2 && index != first {
                continue;
            }
            let build = Build {
                program: program.name.clone(),
                version: lasting.one_of(&program.versions),
                toolchain: toolchain.clone(),
                goos: goos.clone(),
                goarch: goarch.clone(),
            };
            let mut counters = weekly.counts(&program.counters);
            counters.insert(UNLISTED.to_owned(), 1);
            let stacks = weekly.counts(&program.stacks);
            programs.push(ProgramReport { build, counters, stacks });
        }
        LocalReport { week: self.week, last_week: None, programs, draw: None }
    }
}

/// The share of installations that count the item at this index of a list.
fn share(index: usize) -> f64 {
    0.9 / (index + 1) as f64
}

/// The factor by which that differs in a week from the average: up to a fifth.
fn season(index: usize, weeks: i64) -> f64 {
    let year = weeks as f64 / 26.0 + index as f64 * 0.37;
    1.0 + 0.2 * (year * std::f64::consts::TAU).sin()
}

/// The released versions, newest first: the first half of what the config lists (it allows some in
/// advance), and one more every other week, until it starts over.
fn released(versions: &[String], weeks: i64) -> Vec<String> {
    let half = versions.len() / 2;
    let later = (versions.len() - half).max(1) as u64;
    let more = weeks.unsigned_abs() / 2 % later;
    // The remainder is below the length of a list.
    let out = half + more as usize + 1;
    versions.iter().take(out).rev().cloned().collect()
}

/// The stack of one bug: some frames of a program that does not exist.
fn crash(name: &str, bug: usize, depth: u32) -> String {
    let frames = usize::try_from(depth).unwrap_or(usize::MAX).clamp(1, 4);
    let lines = (0..frames).map(|frame| format!("\nmain.bug{bug}.call{frame}:+{}", bug + 1));
    std::iter::once(name.to_owned()).chain(lines).collect()
}

/// SplitMix64 (Steele, Lea and Flood, 2014): a stream of numbers made from a seed.
struct Random(u64);

impl Random {
    fn new(seed: u64, stream: u64) -> Random {
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
    fn unit(&mut self) -> f64 {
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

    fn counts(&mut self, names: &[(String, f64)]) -> BTreeMap<String, i64> {
        let mut counts = BTreeMap::new();
        for (name, share) in names {
            if self.unit() <= *share {
                let count = 1 + self.below(20) as i64;
                counts.insert(name.clone(), count);
            }
        }
        counts
    }
}
