//! Is this string allowed? A config, indexed for the questions that a client asks before it sends
//! a report and a server asks before it keeps one.

use super::config::{CollectionConfig, ProgramConfig, Rate};
use super::expand::expand;
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
    /// Indexes a config. Where it lists a name twice, the last entry counts, as in Go's client.
    pub fn new(config: &CollectionConfig) -> Allowed {
        let set = |strings: &[String]| strings.iter().cloned().collect();
        Allowed {
            goos: set(&config.goos),
            goarch: set(&config.goarch),
            toolchains: set(&config.go_version),
            programs: config
                .programs
                .iter()
                .map(|program| (program.name.clone(), Arc::new(AllowedProgram::new(program))))
                .collect(),
            sample_rate: config.sample_rate,
        }
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

    /// What the program may report, if it may at all.
    pub fn program(&self, name: &str) -> Option<&AllowedProgram> {
        self.programs.get(name).map(Arc::as_ref)
    }

    /// Holds the programs that are the same in `other` once for both: successive configs differ in
    /// little, and a server holds them all.
    pub fn share(&mut self, other: &Allowed) {
        for (name, program) in &mut self.programs {
            match other.programs.get(name) {
                Some(same) if same == program => *program = same.clone(),
                _ => {}
            }
        }
    }
}

impl AllowedProgram {
    fn new(program: &ProgramConfig) -> AllowedProgram {
        let counters = program.counters.iter();
        let stacks = program.stacks.iter();
        AllowedProgram {
            versions: program.versions.iter().cloned().collect(),
            counters: counters
                .flat_map(|counter| expand(&counter.name).map(|name| (name, counter.rate)))
                .collect(),
            stacks: stacks
                .map(|stack| {
                    let allowed = AllowedStack { rate: stack.rate, depth: stack.depth };
                    (stack.name.clone(), allowed)
                })
                .collect(),
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

    /// How a stack counter may be reported, if at all; `name` is what stands before its frames.
    pub fn stack(&self, name: &str) -> Option<AllowedStack> {
        self.stacks.get(name).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
