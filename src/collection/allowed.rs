//! Is this string allowed? A config, indexed for what a client checks before it sends a report, and a
//! server before it stores one.

use super::config::{CollectionConfig, ProgramConfig, Rate};
use super::expand::expand;
use super::frame::{self, Kept};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// A config's strings, ready to be looked up.
#[derive(Debug, Clone, Default)]
pub struct Allowed {
    goos: HashSet<String>,
    goarch: HashSet<String>,
    toolchains: HashSet<String>,
    programs: HashMap<String, Arc<AllowedProgram>>,
    sample_rate: Rate,
    /// All rates, in order.
    rates: Vec<Rate>,
}

/// What one program may report.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct AllowedProgram {
    versions: HashSet<String>,
    counters: HashMap<String, Rate>,
    stacks: HashMap<String, AllowedStack>,
}

/// How a stack counter may be reported.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AllowedStack {
    /// It is in a report only when the report's X is at most this.
    pub rate: Rate,
    /// The most frames that may follow its name.
    pub depth: u32,
}

impl Allowed {
    /// Indexes a config. As in Go's client, a program that is listed twice may report what either entry
    /// says, and of a counter that is listed twice the last entry counts.
    pub fn new(config: &CollectionConfig) -> Allowed {
        let set = |strings: &[String]| strings.iter().cloned().collect();
        let mut programs: HashMap<String, AllowedProgram> = HashMap::new();
        for program in &config.programs {
            programs.entry(program.name.clone()).or_default().add(program);
        }
        Allowed {
            goos: set(&config.goos),
            goarch: set(&config.goarch),
            toolchains: set(&config.go_version),
            programs: programs.into_iter().map(|(name, rules)| (name, Arc::new(rules))).collect(),
            sample_rate: config.sample_rate,
            rates: rates(config),
        }
    }

    /// The smallest rate that is not below this X. Rounding X up to it changes nothing about which
    /// counters, stacks and reports are sampled.
    pub fn rate_from(&self, x: f64) -> Option<Rate> {
        let index = self.rates.partition_point(|rate| rate.get() < x);
        self.rates.get(index).copied()
    }

    /// The largest X with which a report may be sent.
    pub fn sample_rate(&self) -> Rate {
        self.sample_rate
    }

    /// Whether reports may come from this operating system.
    pub fn goos(&self, goos: &str) -> bool {
        self.goos.contains(goos)
    }

    /// Whether reports may come from this architecture.
    pub fn goarch(&self, goarch: &str) -> bool {
        self.goarch.contains(goarch)
    }

    /// Whether reporting programs may be built with this toolchain.
    pub fn toolchain(&self, toolchain: &str) -> bool {
        self.toolchains.contains(toolchain)
    }

    /// Whether any program may report stacks.
    pub fn has_stacks(&self) -> bool {
        self.programs.values().any(|program| !program.stacks.is_empty())
    }

    /// What the program may report, if it may at all.
    pub fn program(&self, name: &str) -> Option<&AllowedProgram> {
        self.programs.get(name).map(Arc::as_ref)
    }

    /// Shares the memory of programs that are the same in `other`: successive configs differ little, and a
    /// server keeps them all.
    pub fn share(&mut self, other: &Allowed) {
        for (name, program) in &mut self.programs {
            match other.programs.get(name) {
                Some(same) if same == program => *program = same.clone(),
                _ => {}
            }
        }
    }
}

fn rates(config: &CollectionConfig) -> Vec<Rate> {
    let mut rates: Vec<Rate> = config.rates().collect();
    rates.sort_unstable_by(|a, b| a.get().total_cmp(&b.get()));
    rates.dedup();
    rates
}

impl AllowedProgram {
    /// Go's client keeps one rate per name, for counters and stacks alike.
    fn add(&mut self, program: &ProgramConfig) {
        self.versions.extend(program.versions.iter().cloned());
        for counter in &program.counters {
            for name in expand(&counter.name) {
                if let Some(stack) = self.stacks.get_mut(&name) {
                    stack.rate = counter.rate;
                }
                self.counters.insert(name, counter.rate);
            }
        }
        for stack in &program.stacks {
            if let Some(rate) = self.counters.get_mut(&stack.name) {
                *rate = stack.rate;
            }
            let allowed = AllowedStack { rate: stack.rate, depth: stack.depth };
            self.stacks.insert(stack.name.clone(), allowed);
        }
    }

    /// Whether this version may report.
    pub fn version(&self, version: &str) -> bool {
        self.versions.contains(version)
    }

    /// The rate of a counter, if it may be reported at all.
    pub fn counter(&self, name: &str) -> Option<Rate> {
        self.counters.get(name).copied()
    }

    /// How a stack counter may be reported, if at all; `name` is without the frames.
    pub fn stack(&self, name: &str) -> Option<AllowedStack> {
        self.stacks.get(name).copied()
    }
}

impl AllowedStack {
    /// What may be kept of a stack's frames; `None` if nothing may. Client and server apply the same rule:
    /// what one sends is what the other stores.
    pub fn keep(&self, frames: &str) -> Option<Kept> {
        frame::keep(frames, self.depth)
    }

    /// Whether a stack in public data may have these frames.
    pub fn is_public(&self, frames: &str) -> bool {
        frame::is_public(frames, self.depth)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounding_x_up_to_a_rate_changes_nothing_that_is_sampled() {
        let json = r#"{"GOOS":[],"GOARCH":[],"GoVersion":[],"SampleRate":0.5,"Programs":[
            {"Name":"p","Versions":[],"Counters":[{"Name":"a","Rate":0.1},{"Name":"b","Rate":0.5}],
             "Stacks":[{"Name":"s","Rate":0.25,"Depth":2}]}]}"#;
        let allowed =
            Allowed::new(&CollectionConfig::from_json(json.as_bytes()).expect("a config"));
        for x in (1..=500).map(|x| f64::from(x) / 1000.0) {
            let rounded = allowed.rate_from(x).expect("a rate").get();
            assert!([0.1, 0.25, 0.5].contains(&rounded), "{x}: {rounded}");
            for rate in [0.1, 0.25, 0.5] {
                assert_eq!(x <= rate, rounded <= rate, "{x}");
            }
        }
        assert_eq!(allowed.rate_from(0.51), None);
    }

    #[test]
    fn programs_that_did_not_change_are_held_once() {
        let allowed = |counter: &str| {
            let json = r#"{"GOOS":[],"GOARCH":[],"GoVersion":[],"SampleRate":1,"Programs":[
                {"Name":"p","Versions":[],"Counters":[{"Name":"COUNTER","Rate":1}]},
                {"Name":"q","Versions":["v1.0.0"]}]}"#;
            let config = CollectionConfig::from_json(json.replace("COUNTER", counter).as_bytes());
            Allowed::new(&config.expect("a config"))
        };
        let (first, mut second) = (allowed("a"), allowed("b"));
        second.share(&first);
        let same = |name| std::ptr::eq(first.program(name).unwrap(), second.program(name).unwrap());
        assert!(same("q") && !same("p"));
        assert!(second.program("p").is_some_and(|p| p.counter("b").is_some()));
    }

    /// As golang/telemetry `internal/config` does it: one map of rates for all names of a program.
    #[test]
    fn what_is_listed_twice_is_read_as_gos_client_reads_it() {
        let json = br#"{"GOOS":[],"GOARCH":[],"GoVersion":[],"SampleRate":1,"Programs":[
            {"Name":"p","Versions":["v1.0.0"],"Counters":[{"Name":"c:{a,b}","Rate":0.25},
            {"Name":"c:a","Rate":0.5},{"Name":"both","Rate":0.25}],
            "Stacks":[{"Name":"both","Rate":0.75,"Depth":2},{"Name":"s","Rate":0.75,"Depth":4}]},
            {"Name":"p","Versions":["v1.1.0"],"Counters":[{"Name":"s","Rate":0.125}]}]}"#;
        let allowed = Allowed::new(&CollectionConfig::from_json(json).expect("a config"));
        let program = allowed.program("p").expect("listed");
        assert!(program.version("v1.0.0") && program.version("v1.1.0"));
        let rates = [("c:a", 0.5), ("c:b", 0.25), ("both", 0.75), ("s", 0.125)];
        for (name, rate) in rates {
            assert_eq!(program.counter(name).map(Rate::get), Some(rate), "{name}");
        }
        let rate = Rate::new(0.125).expect("a rate");
        assert_eq!(program.stack("s"), Some(AllowedStack { rate, depth: 4 }));
    }

    #[test]
    fn only_what_the_config_lists_is_allowed() {
        let json = br#"{"GOOS":["linux"],"GOARCH":["arm64"],"GoVersion":["go1.26.8"],
            "SampleRate":0.5,"Programs":[{"Name":"p","Versions":["v1.0.0"],
            "Counters":[{"Name":"c:{a,b}","Rate":0.25},{"Name":"plain","Rate":0.5}],
            "Stacks":[{"Name":"s","Rate":1,"Depth":16}]}]}"#;
        let allowed = Allowed::new(&CollectionConfig::from_json(json).expect("a config"));
        assert!(allowed.goos("linux") && !allowed.goos("arm64"));
        assert!(allowed.goarch("arm64") && !allowed.goarch("linux"));
        assert!(allowed.toolchain("go1.26.8") && !allowed.toolchain("go1.26"));
        assert_eq!(allowed.sample_rate().get(), 0.5);
        assert!(allowed.program("q").is_none());

        let program = allowed.program("p").expect("listed");
        assert!(program.version("v1.0.0") && !program.version("v1.0.1"));
        let rate = |name| program.counter(name).map(Rate::get);
        assert_eq!((rate("c:a"), rate("c:b"), rate("plain")), (Some(0.25), Some(0.25), Some(0.5)));
        for name in ["c", "c:", "c:{a,b}", "c:a,b", "s", ""] {
            assert_eq!(rate(name), None, "{name}");
        }
        assert_eq!(program.stack("s"), Some(AllowedStack { rate: Rate::ALL, depth: 16 }));
        assert_eq!(program.stack("plain"), None);
    }
}
