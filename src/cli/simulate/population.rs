//! Installations: who uses which programs in which builds, and what they count in a week.
//!
//! Made from the config and a seed. Of lists (versions, platforms, buckets of a group), what stands
//! first is the most frequent, by Zipf's law, so that charts have a shape. Each installation has a
//! stream of random numbers of its own, made from the seed and its number: the order in which
//! installations are made does not matter.

use crate::client::day::Day;
use crate::client::report::{Build, NO_CONFIG, ProgramReport, Report, X};
use crate::collection::{CollectionConfig, expand};
use std::collections::BTreeMap;

/// A counter that every installation counts, and no config lists: it must never arrive.
pub const UNLISTED: &str = "simulate/unlisted";

/// A population, of any size.
pub struct Population {
    seed: u64,
    goos: Vec<String>,
    goarch: Vec<String>,
    toolchains: Vec<String>,
    programs: Vec<Program>,
}

struct Program {
    name: String,
    versions: Vec<String>,
    /// Names, and the share of installations that count them.
    counters: Vec<(String, f64)>,
    stacks: Vec<(String, f64)>,
}

impl Population {
    /// The population of users of a config's programs.
    pub fn of(config: &CollectionConfig, seed: u64) -> Population {
        let programs = config.programs.iter().map(|program| {
            let counters = program.counters.iter().flat_map(|counter| {
                expand(&counter.name).enumerate().map(|(place, name)| (name, share(place)))
            });
            let stacks = program.stacks.iter().flat_map(|stack| {
                (0..5).map(|bug| (crash(&stack.name, bug, stack.depth), share(bug) / 10.0))
            });
            Program {
                name: program.name.clone(),
                versions: program.versions.clone(),
                counters: counters.collect(),
                stacks: stacks.collect(),
            }
        });
        Population {
            seed,
            goos: config.goos.clone(),
            goarch: config.goarch.clone(),
            toolchains: config.go_version.clone(),
            programs: programs.collect(),
        }
    }

    /// What an installation counted in a week: its local report.
    pub fn installation(&self, number: u64, week: Day) -> Report {
        let mut random = Random::new(self.seed, number);
        let x = X::from_bits(random.next());
        let goos = random.one_of(&self.goos);
        let goarch = random.one_of(&self.goarch);
        let toolchain = random.one_of(&self.toolchains);
        // Everyone uses one program, and some use more.
        let first = random.below(self.programs.len());
        let mut programs = Vec::new();
        for (place, program) in self.programs.iter().enumerate() {
            if place != first && random.unit() > 0.2 {
                continue;
            }
            let build = Build {
                program: program.name.clone(),
                version: random.one_of(&program.versions),
                toolchain: toolchain.clone(),
                goos: goos.clone(),
                goarch: goarch.clone(),
            };
            let mut counters = random.counts(&program.counters);
            counters.insert(UNLISTED.to_owned(), 1);
            let stacks = random.counts(&program.stacks);
            programs.push(ProgramReport { build, counters, stacks });
        }
        Report { week, last_week: None, x, programs, config: NO_CONFIG.to_owned() }
    }
}

/// The share of installations that count what stands at this place of a list.
fn share(place: usize) -> f64 {
    0.9 / (place + 1) as f64
}

/// The stack of one bug: some frames of a program that does not exist.
fn crash(name: &str, bug: usize, depth: u32) -> String {
    let frames = usize::try_from(depth).unwrap_or(usize::MAX).clamp(1, 4);
    let lines = (0..frames).map(|frame| format!("\nsimulated.bug{bug}.call{frame}:+{}", bug + 1));
    std::iter::once(name.to_owned()).chain(lines).collect()
}

/// SplitMix64 (Steele, Lea and Flood, 2014): a stream of numbers made from a seed.
struct Random(u64);

impl Random {
    fn new(seed: u64, stream: u64) -> Random {
        // Mixed, so that neighbouring seeds and streams have nothing in common.
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

    /// One of a list, by Zipf's law; nothing of an empty one.
    fn one_of(&mut self, list: &[String]) -> String {
        let weights = || (1..=list.len()).map(|place| 1.0 / place as f64);
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
