//! The compiled config is minimal: every string in it is needed by a live chart, and when charts are
//! removed, exactly what only they needed is gone.

#![cfg(feature = "server")]

use candor::charts::{Definitions, Sources, parse};
use candor::collection::{CollectionConfig, ConfigString, compile, expand, needs};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::subsequence;
use std::collections::BTreeSet;
use std::fmt::Write;

/// A chart to write; the numbers choose among the possibilities.
#[derive(Debug, Clone)]
struct Plan {
    program: usize,
    kind: usize,
    buckets: usize,
    version: Option<usize>,
    expires: Option<u8>,
    over: usize,
    error: bool,
}

const PROGRAMS: [&str; 3] = ["cmd/tool", "example.org/a", "example.org/b/c"];
const VERSIONS: [&str; 4] = ["v1.0.0", "v1.1.0-pre.1", "v1.1.0", "v1.2.0"];
const TOOLCHAINS: [&str; 4] = ["go1.20", "go1.21rc1", "go1.21.0", "rust1.95.0"];

fn plan() -> impl Strategy<Value = Plan> {
    let version = proptest::option::of(0..4_usize);
    let expires = proptest::option::of(1..28_u8);
    let parts = (0..3_usize, 0..5_usize, 0..4_usize, version, expires, 0..8_usize, any::<bool>());
    parts.prop_map(|(program, kind, buckets, version, expires, over, error)| Plan {
        program,
        kind,
        buckets,
        version,
        expires,
        over,
        error,
    })
}

fn is_stack(plan: &Plan) -> bool {
    plan.kind == 0
}

/// The counter of a plan: the first of a group, or the whole group.
fn counter(number: usize, plan: &Plan, whole: bool) -> String {
    let buckets: Vec<String> = (0..plan.buckets).map(|bucket| format!("b{bucket}")).collect();
    match (plan.buckets, whole) {
        (0, _) => format!("counter{number}"),
        (_, true) => format!("counter{number}:{{{}}}", buckets.join(",")),
        (_, false) => format!("counter{number}:b0"),
    }
}

/// The divisor of a ratio: another chart's counter, or one that no chart has.
fn over(number: usize, plans: &[Plan]) -> String {
    let plan = &plans[number];
    let other = plan.over % plans.len();
    let usable = other != number
        && plans[other].program == plan.program
        && !is_stack(&plans[other])
        && plan.over.is_multiple_of(2);
    if usable { counter(other, &plans[other], false) } else { format!("divisor{}", plan.over % 3) }
}

fn definitions(plans: &[Plan], padding: bool, collection: &str) -> Definitions {
    let mut charts = String::new();
    for (number, plan) in plans.iter().enumerate() {
        let kind = ["stack", "partition", "histogram", "timeseries", "ratio"][plan.kind];
        let program = PROGRAMS[plan.program];
        let counter = counter(number, plan, true);
        let text = &mut charts;
        writeln!(text, "[[chart]]\ntitle = '{number}'\nissue = ['https://x.org/{number}']")
            .unwrap();
        writeln!(text, "type = '{kind}'\nprogram = '{program}'\ncounter = '{counter}'").unwrap();
        if let Some(version) = plan.version {
            let versions = if plan.program == 0 { &TOOLCHAINS[..3] } else { &VERSIONS[..] };
            writeln!(text, "version = '{}'", versions[version % versions.len()]).unwrap();
        }
        match kind {
            "stack" => writeln!(text, "depth = {}", plan.buckets + 1).unwrap(),
            "ratio" => writeln!(text, "over = '{}'", over(number, plans)).unwrap(),
            _ => {}
        }
        if let Some(day) = plan.expires {
            writeln!(text, "expires = 2026-02-{day:02}").unwrap();
        }
        if plan.error {
            writeln!(text, "error = 0.05").unwrap();
        }
    }
    let program = |name: &str| {
        let padding = if padding {
            "[padding]\nreleases = 2\nmajor = 1\nminor = 1\npatch = 1\nprerelease = 1\n"
        } else {
            ""
        };
        let versions = VERSIONS.map(|version| format!("'{version}'")).join(",");
        format!("program = '{name}'\nmodule = '{name}'\nversions = [{versions}]\n{padding}")
    };
    let files = [
        ("collection.toml", collection.to_owned()),
        ("charts/all.toml", charts),
        ("programs/0.toml", format!("program = '{}'\npopulation = 100000\n", PROGRAMS[0])),
        ("programs/1.toml", format!("population = 30000\n{}", program(PROGRAMS[1]))),
        ("programs/2.toml", program(PROGRAMS[2])),
    ];
    let files = files.map(|(path, text)| (path.to_owned(), text.into_bytes()));
    parse(&Sources::from_files(files.into())).unwrap_or_else(|errors| panic!("{errors}"))
}

/// Everything that a config says, with groups expanded.
fn strings(config: &CollectionConfig) -> BTreeSet<ConfigString> {
    let mut strings = BTreeSet::new();
    let mut add = |string| assert!(strings.insert(string), "a string is there twice");
    config.goos.iter().cloned().map(ConfigString::Goos).for_each(&mut add);
    config.goarch.iter().cloned().map(ConfigString::Goarch).for_each(&mut add);
    config.go_version.iter().cloned().map(ConfigString::Toolchain).for_each(&mut add);
    for entry in &config.programs {
        let program = || entry.name.clone();
        add(ConfigString::Program(program()));
        for version in entry.versions.iter().cloned() {
            add(ConfigString::Version { program: program(), version });
        }
        for name in entry.counters.iter().flat_map(|counter| expand(&counter.name)) {
            add(ConfigString::Counter { program: program(), name });
        }
        for name in entry.stacks.iter().map(|stack| stack.name.clone()) {
            add(ConfigString::Stack { program: program(), name });
        }
    }
    strings
}

/// The rate of a counter, to check that removing charts never raises one.
fn rate_of(config: &CollectionConfig, string: &ConfigString) -> Option<f64> {
    let ConfigString::Counter { program, name } = string else { return None };
    let entry = config.programs.iter().find(|entry| entry.name == *program)?;
    let counter = entry.counters.iter().find(|c| expand(&c.name).any(|one| one == *name))?;
    Some(counter.rate.get())
}

proptest! {
    #[test]
    fn each_string_goes_exactly_when_the_charts_that_need_it_are_gone(
        (plans, kept) in vec(plan(), 1..12).prop_flat_map(|plans| {
            let all: Vec<usize> = (0..plans.len()).collect();
            let some = subsequence(all, 0..=plans.len());
            (Just(plans), some)
        }),
        padding in any::<bool>(),
        day in 1..28_i8,
    ) {
        let collection = format!(
            "module = 'x.org/config'\ngoos = ['linux', 'plan9']\ngoarch = ['arm64']\n\
             toolchains = {TOOLCHAINS:?}\n[sampling]\nconfidence = 0.95\nerror = 0.01\n"
        );
        let as_of = format!("2026-02-{day:02}").parse().expect("a day");
        let full = definitions(&plans, padding, &collection);
        let config = compile(&full, as_of);
        let needs = needs(&full, as_of);
        let needed: BTreeSet<ConfigString> = needs.keys().cloned().collect();
        prop_assert_eq!(&strings(&config), &needed, "what is compiled is what is needed");

        let mut rest = full.clone();
        let titles: BTreeSet<String> = kept.iter().map(ToString::to_string).collect();
        rest.charts.retain(|chart| titles.contains(&chart.title.value));
        let smaller = compile(&rest, as_of);
        let left: BTreeSet<ConfigString> = needs
            .iter()
            .filter(|(_, charts)| charts.iter().any(|chart| titles.contains(&chart.title.value)))
            .map(|(string, _)| string.clone())
            .collect();
        prop_assert_eq!(&strings(&smaller), &left, "what is left is what is still needed");
        for string in &left {
            let (before, after) = (rate_of(&config, string), rate_of(&smaller, string));
            prop_assert!(after <= before, "{:?} from {:?} to {:?}", string, before, after);
        }
        prop_assert!(smaller.sample_rate <= config.sample_rate);
    }
}

/// A change that a maintainer makes to the definitions.
#[derive(Debug, Clone)]
enum Edit {
    Add(Plan),
    Remove(usize),
    Replace(usize, Plan),
    /// Collected until that day, or without an end.
    Expire(usize, Option<u8>),
    /// The day for which the config is compiled.
    Day(u8),
    Padding(bool),
}

fn edit() -> impl Strategy<Value = Edit> {
    let which = 0..64_usize;
    prop_oneof![
        4 => plan().prop_map(Edit::Add),
        2 => which.clone().prop_map(Edit::Remove),
        2 => (which.clone(), plan()).prop_map(|(which, plan)| Edit::Replace(which, plan)),
        2 => (which, proptest::option::of(1..28_u8)).prop_map(|(which, day)| Edit::Expire(which, day)),
        1 => (1..28_u8).prop_map(Edit::Day),
        1 => any::<bool>().prop_map(Edit::Padding),
    ]
}

/// The counters, stacks and programs that live charts ask for, by the plans alone.
fn asked_for(plans: &[Plan], day: u8) -> BTreeSet<ConfigString> {
    let mut asked = BTreeSet::new();
    for (number, plan) in plans.iter().enumerate() {
        if plan.expires.is_some_and(|last| last < day) {
            continue;
        }
        let program = PROGRAMS[plan.program].to_owned();
        asked.insert(ConfigString::Program(program.clone()));
        let name = counter(number, plan, true);
        if is_stack(plan) {
            for name in expand(&name) {
                asked.insert(ConfigString::Stack { program: program.clone(), name });
            }
            continue;
        }
        let buckets = (0..plan.buckets).map(|bucket| format!("counter{number}:b{bucket}"));
        let names = if plan.buckets == 0 { vec![name] } else { buckets.collect() };
        let divisor = (plan.kind == 4).then(|| over(number, plans));
        for name in names.into_iter().chain(divisor) {
            asked.insert(ConfigString::Counter { program: program.clone(), name });
        }
    }
    asked
}

proptest! {
    #[test]
    fn no_sequence_of_edits_leaves_a_string_that_no_live_chart_asks_for(
        edits in vec(edit(), 1..24),
    ) {
        let collection = format!(
            "module = 'x.org/config'\ngoos = ['linux']\ngoarch = ['arm64']\ntoolchains = {TOOLCHAINS:?}\n\
             [sampling]\nconfidence = 0.95\nerror = 0.01\n"
        );
        let (mut plans, mut day, mut padding): (Vec<Plan>, u8, bool) = (Vec::new(), 1, false);
        for edit in edits {
            let place = |which: usize| which.checked_rem(plans.len());
            match edit {
                Edit::Add(plan) => plans.push(plan),
                Edit::Remove(which) => {
                    if let Some(place) = place(which) {
                        plans.remove(place);
                    }
                }
                Edit::Replace(which, plan) => {
                    if let Some(place) = place(which) {
                        plans[place] = plan;
                    }
                }
                Edit::Expire(which, last) => {
                    if let Some(place) = place(which) {
                        plans[place].expires = last;
                    }
                }
                Edit::Day(other) => day = other,
                Edit::Padding(other) => padding = other,
            }
            // A folder without a chart is refused, and nothing is compiled.
            if plans.is_empty() {
                continue;
            }
            let as_of = format!("2026-02-{day:02}").parse().expect("a day");
            let config = compile(&definitions(&plans, padding, &collection), as_of);
            let collected: BTreeSet<ConfigString> = strings(&config)
                .into_iter()
                .filter(|string| {
                    use ConfigString::{Counter, Program, Stack};
                    matches!(string, Counter { .. } | Program(_) | Stack { .. })
                })
                .collect();
            let asked = asked_for(&plans, day);
            prop_assert_eq!(&collected, &asked, "after {:?} on day {}", plans, day);
            // Without a chart, nothing is left of what is the same everywhere.
            let nothing = config.goos.is_empty() && config.go_version.is_empty();
            prop_assert_eq!(nothing, asked.is_empty());
        }
    }
}
