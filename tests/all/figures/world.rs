//! Random definitions, configs and reports.

use candor::aggregate::ConfigUnder;
use candor::aggregate::parquet::columns::{Columns, Counts};
use candor::collection::CollectionConfig;
use candor::collection::config::{CounterConfig, ProgramConfig, Rate, StackConfig};
use candor::gomod::ModuleVersion;
use candor::publish::{Catalogue, CatalogueChart, CatalogueProgram, MarginDefinition, Marginals};
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap};

/// A small random number generator (xorshift, Marsaglia 2003), so that a seed determines everything.
pub struct Random(pub u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    pub fn below(&mut self, most: usize) -> usize {
        (self.next() >> 16) as usize % most
    }

    fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    fn one<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())]
    }
}

/// Two of these have the same base name.
pub const PROGRAMS: [&str; 3] = ["cmd/hello", "example.org/hello", "example.org/tool"];
const GO_VERSIONS: [&str; 3] = ["go1.21.0", "go1.9", "go1.21rc1"];
const VERSIONS: [&str; 4] = ["v1.10.0", "v1.9.0", "v1.9.0-pre.2", "v2.0.0"];
const TOOLCHAINS: [&str; 3] = ["go1.26.8", "go1.9.2", "rust1.95.0"];
const GOOS: [&str; 3] = ["linux", "darwin", "windows"];
const GOARCH: [&str; 2] = ["amd64", "arm64"];
const RATES: [f64; 5] = [1.0, 0.5, 0.25, 0.066352, 0.75];

/// Possible charts: kind, chart, buckets (empty for a single counter), divisor.
pub type Sort = (&'static str, &'static str, &'static [&'static str], Option<&'static str>);
const CHARTS: [Sort; 8] = [
    ("partition", "editor", &["other", "vim", "<b>\"&'", "naïve"], None),
    ("histogram", "lat.ms", &["1", "16", "4"], None),
    ("timeseries", "single", &[], None),
    ("ratio", "fail", &["net", "disk"], Some("runs")),
    ("ratio", "retry", &[], Some("editor:vim")),
    ("stack", "crash", &["panic", "oom"], None),
    ("stack", "bug", &[], None),
    ("partition", "old", &["a", "b"], None),
];

pub struct World {
    pub catalogue: Catalogue,
    pub configs: Vec<ConfigUnder>,
    /// The reports' JSON.
    pub reports: Vec<Value>,
}

fn expression(chart: &str, buckets: &[&str]) -> String {
    match buckets {
        [] => chart.to_owned(),
        _ => format!("{chart}:{{{}}}", buckets.join(",")),
    }
}

impl World {
    pub fn new(random: &mut Random, reports: usize) -> World {
        let catalogue = catalogue(random);
        let configs: Vec<ConfigUnder> =
            (1..=1 + random.below(4) as u64).map(|number| config(random, number)).collect();
        let reports = (0..reports).map(|_| report(random, &configs)).collect();
        World { catalogue, configs, reports }
    }
}

fn catalogue(random: &mut Random) -> Catalogue {
    let mut charts = Vec::new();
    for program in PROGRAMS {
        for (kind, chart, buckets, over) in CHARTS {
            if random.chance(25) {
                continue;
            }
            let versions: &[&str] = if program == "cmd/hello" { &GO_VERSIONS } else { &VERSIONS };
            let first = random.chance(30).then(|| random.one(versions).to_owned());
            charts.push(CatalogueChart {
                id: chart.replace('.', "-"),
                title: format!("{chart} of {program}"),
                description: None,
                issue: vec!["https://example.org/1".into()],
                kind: kind.into(),
                program: program.into(),
                counter: expression(chart, buckets),
                over: over.map(str::to_owned),
                depth: None,
                packages: Vec::new(),
                version: first,
                expires: None,
                file: "charts/a.toml".into(),
                line: 1,
                added: "a".repeat(40),
                added_on: "2026-01-01".parse().expect("a date"),
            });
        }
    }
    let of = |of: &str, shares: &[(&str, f64)]| MarginDefinition {
        of: of.into(),
        shares: shares.iter().map(|(name, share)| ((*name).to_owned(), *share)).collect(),
    };
    let survey = |id: &str, margins: Vec<MarginDefinition>| Marginals {
        id: id.into(),
        title: "A survey".into(),
        source: vec!["https://example.org/s".into()],
        program: PROGRAMS[1].into(),
        trim: 1e9,
        margins,
    };
    let goos = of("goos", &[("windows", 0.5), ("linux", 0.3), ("darwin", 0.2)]);
    let editor = of("editor:{vim,other}", &[("vim", 0.7), ("other", 0.3)]);
    let platform = of("platform", &[("linux/amd64", 0.9), ("plan9/arm64", 0.1)]);
    let version = of("version", &[("v1.9.0", 0.4), ("v2.0.0", 0.6)]);
    let toolchain = of("toolchain", &[("go1.26.8", 0.25), ("rust1.95.0", 0.75)]);
    Catalogue {
        format: 1,
        repository: "https://example.org/charts".into(),
        commit: "c".repeat(40),
        time: 1_770_000_000,
        as_of: "2026-02-02".parse().expect("a day"),
        path: "charts-config".into(),
        project: None,
        confidence: 0.95,
        retention: candor::publish::CatalogueRetention::default(),
        programs: PROGRAMS
            .map(|program| CatalogueProgram { program: program.into(), population: None })
            .into(),
        charts,
        marginals: vec![
            survey("one", vec![goos, editor]),
            survey("two", vec![platform, version, toolchain]),
        ],
        introduced: Vec::new(),
        index: Default::default(),
    }
}

fn config(random: &mut Random, number: u64) -> ConfigUnder {
    let mut rates = Vec::new();
    let mut rate = |random: &mut Random| {
        let rate = random.one(&RATES);
        rates.push(rate);
        Rate::new(rate).expect("a rate")
    };
    let mut programs = Vec::new();
    for name in PROGRAMS {
        if random.chance(10) {
            continue;
        }
        let mut program = ProgramConfig { name: name.into(), ..ProgramConfig::default() };
        for (kind, chart, buckets, _) in
            CHARTS.iter().chain(&[("partition", "runs", &[][..], None)])
        {
            if random.chance(20) {
                continue;
            }
            let mut some: Vec<&str> =
                buckets.iter().copied().filter(|_| random.chance(80)).collect();
            if random.chance(30) && !buckets.is_empty() {
                some.push("gone");
            }
            if some.is_empty() && !buckets.is_empty() {
                continue;
            }
            let counter = expression(chart, &some);
            if *kind == "stack" {
                let rate = rate(random);
                program.stacks.extend(
                    candor::collection::expand(&counter).map(|name| StackConfig {
                        name,
                        rate,
                        depth: 8,
                    }),
                );
            } else if some.len() > 1 && random.chance(20) {
                // One chart at two rates, as it may be in the middle of a change.
                let (first, rest) = some.split_at(1);
                for buckets in [first, rest] {
                    let name = expression(chart, buckets);
                    program.counters.push(CounterConfig { name, rate: rate(random) });
                }
            } else {
                program.counters.push(CounterConfig { name: counter, rate: rate(random) });
            }
        }
        programs.push(program);
    }
    let sample_rate = rates.iter().copied().fold(0.0, f64::max);
    let config = CollectionConfig {
        goos: Vec::new(),
        goarch: Vec::new(),
        go_version: Vec::new(),
        sample_rate: Rate::new(sample_rate).expect("a rate"),
        programs,
    };
    ConfigUnder { version: ModuleVersion::new(number).expect("a version"), config }
}

/// A report that the receiver accepts: it only contains what its config allows.
fn report(random: &mut Random, configs: &[ConfigUnder]) -> Value {
    let under = &configs[random.below(configs.len())];
    let x = under.config.sample_rate.get() * (1 + random.below(1 << 20)) as f64 / (1 << 20) as f64;
    let mut programs: BTreeMap<[&str; 5], Value> = BTreeMap::new();
    // Sometimes none at all: then the sample rate is 0 and no report is sent, but nothing fails.
    for _ in 0..1 + random.below(4) {
        let Some(program) = under.config.programs.get(random.below(PROGRAMS.len())) else {
            continue;
        };
        let versions: &[&str] = if program.name == "cmd/hello" { &GO_VERSIONS } else { &VERSIONS };
        let (goos, goarch) = (random.one(&GOOS), random.one(&GOARCH));
        let (version, toolchain) = (random.one(versions), random.one(&TOOLCHAINS));
        let mut counters: HashMap<String, u64> = HashMap::new();
        for entry in &program.counters {
            for name in candor::collection::expand(&entry.name) {
                if x <= entry.rate.get() && random.chance(40) {
                    counters.insert(name, 1 + random.below(5) as u64);
                }
            }
        }
        let mut stacks: HashMap<String, u64> = HashMap::new();
        for entry in program.stacks.iter().filter(|entry| x <= entry.rate.get()) {
            while random.chance(40) {
                let frames: Vec<String> = (0..1 + random.below(2))
                    .map(|_| format!("main.f{}:+{},+0x1", random.below(2), random.below(3)))
                    .collect();
                stacks.insert(format!("{}\n{}", entry.name, frames.join("\n")), 1);
            }
        }
        programs.insert(
            [&program.name, version, toolchain, goos, goarch],
            json!({"Program": program.name, "Version": version, "GoVersion": toolchain,
                   "GOOS": goos, "GOARCH": goarch, "Counters": counters, "Stacks": stacks}),
        );
    }
    let mut programs: Vec<Value> = programs.into_values().collect();
    if random.chance(50) {
        programs.reverse();
    }
    json!({"Week": "2026-02-08", "X": x, "Programs": programs, "Config": under.version.to_string()})
}

/// Reports as columns, in row groups of random length.
pub fn row_groups(random: &mut Random, reports: &[Value]) -> Vec<Columns> {
    let mut groups = vec![Columns::default()];
    for (number, report) in reports.iter().enumerate() {
        if random.chance(10) {
            groups.push(Columns::default());
        }
        let group = groups.last_mut().expect("one");
        let programs = report["Programs"].as_array().expect("programs");
        // A report without builds has one row.
        let rows = programs.iter().map(Some).chain(programs.is_empty().then_some(None));
        for program in rows {
            group.report.push(number as i64);
            group.x.push(report["X"].as_f64().expect("a number"));
            let text =
                |value: &Value, group: &mut Columns| intern(group, value.as_str().expect("a text"));
            let config = text(&report["Config"], group);
            group.config.push(config);
            let [p, v, t, o, a] = ["Program", "Version", "GoVersion", "GOOS", "GOARCH"]
                .map(|field| Some(text(&program?[field], group)));
            group.program.push(p);
            group.version.push(v);
            group.toolchain.push(t);
            group.goos.push(o);
            group.goarch.push(a);
            for (field, stacks) in [("Counters", false), ("Stacks", true)] {
                let listed = program.map(|program| program[field].as_object().expect("counts"));
                for (name, count) in listed.into_iter().flatten() {
                    let name = intern(group, name);
                    let counts = counts(group, stacks);
                    counts.names.push(name);
                    counts.counts.push(count.as_u64().expect("a count"));
                }
                let counts = counts(group, stacks);
                counts.ends.push(counts.names.len());
            }
        }
    }
    groups
}

fn counts(group: &mut Columns, stacks: bool) -> &mut Counts {
    if stacks { &mut group.stacks } else { &mut group.counters }
}

fn intern(group: &mut Columns, text: &str) -> u32 {
    let known = group.texts.iter().position(|known| known == text);
    known.unwrap_or_else(|| {
        group.texts.push(text.to_owned());
        group.texts.len() - 1
    }) as u32
}
