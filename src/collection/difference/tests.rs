//! The promises of a difference: it is empty exactly where two configs mean the same, and otherwise
//! names every string that one of them has and the other has not.

use super::*;
use crate::collection::config::{CounterConfig, StackConfig};
use proptest::collection::vec;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

fn config(json: &str) -> CollectionConfig {
    CollectionConfig::from_json(json.as_bytes()).expect("a config")
}

#[test]
fn what_changed_is_told_in_words() {
    let old = config(
        r#"{"GOOS":["linux"],"GOARCH":["amd64"],"GoVersion":["go1.25.0"],"SampleRate":0.06,
        "Programs":[{"Name":"gopls","Versions":["v1.3.0"],"Counters":[
            {"Name":"editor:{vim,emacs}","Rate":0.06},{"Name":"old","Rate":1}],
            "Stacks":[{"Name":"crash","Rate":1,"Depth":8}]},
            {"Name":"gone","Versions":["v0.1.0"]}]}"#,
    );
    let new = config(
        r#"{"GOOS":["linux","windows"],"GOARCH":[],"GoVersion":["go1.25.0","go1.26.0","go1.27.0"],
        "SampleRate":0.12,"Programs":[{"Name":"gopls","Versions":["v1.3.0","v1.4.0"],"Counters":[
            {"Name":"editor:{vim,helix,zed}","Rate":0.12},{"Name":"new","Rate":0.066}],
            "Stacks":[{"Name":"crash","Rate":1,"Depth":16},{"Name":"bug","Rate":0.5,"Depth":1}]},
            {"Name":"come","Versions":["v0.2.0"],"Counters":[{"Name":"c","Rate":1}]}]}"#,
    );
    let words = difference(&old, &new).to_string();
    let expected = "also accepts reports from operating system `windows`
no longer accepts reports from architecture `amd64`
also accepts reports of programs built with toolchains `go1.26.0` and `go1.27.0`
asks for 12% of all reports instead of 6%
also accepts reports from version `v1.4.0` of `gopls`
now also collects `editor:{helix,zed}` of `gopls`, from 12% of reports
now also collects `new` of `gopls`, from 6.6% of reports
now samples `editor:vim` of `gopls` at 12% instead of 6%
no longer collects `editor:emacs` and `old` of `gopls`
now also collects stacks `bug` of `gopls`, at most 1 frame deep, from 50% of reports
now collects stacks `crash` of `gopls` to a depth of 16 frames instead of 8
now also collects from program `come`
also accepts reports from version `v0.2.0` of `come`
now also collects `c` of `come`, from every report
no longer collects anything from program `gone`
no longer accepts reports from version `v0.1.0` of `gone`
";
    assert_eq!(words, expected);
}

/// Every string of a config and what is said of it, as a reader of the format would have them.
type Meaning = BTreeMap<(String, &'static str, String), String>;

fn meaning(config: &CollectionConfig) -> Meaning {
    let mut meaning = Meaning::new();
    let mut add = |program: &str, kind, name: &str, said: String| {
        meaning.insert((program.to_owned(), kind, name.to_owned()), said);
    };
    add("", "sample rate", "", config.sample_rate.get().to_string());
    for (kind, names) in
        [("system", &config.goos), ("arch", &config.goarch), ("toolchain", &config.go_version)]
    {
        names.iter().for_each(|name| add("", kind, name, String::new()));
    }
    // Of two programs with one name the last counts, and the first says nothing.
    let last: BTreeMap<&str, &ProgramConfig> =
        config.programs.iter().map(|program| (program.name.as_str(), program)).collect();
    for program in last.values() {
        let path = &program.name;
        add(path, "program", path, String::new());
        program.versions.iter().for_each(|version| add(path, "version", version, String::new()));
        for counter in &program.counters {
            for name in expand(&counter.name) {
                add(path, "counter", &name, counter.rate.get().to_string());
            }
        }
        for stack in &program.stacks {
            add(path, "stack", &stack.name, format!("{} {}", stack.rate.get(), stack.depth));
        }
    }
    meaning
}

/// The strings that a difference names as there now (or no longer), with their programs.
fn named(difference: &Difference, wanted: bool) -> BTreeSet<(String, &'static str, String)> {
    let mut named = BTreeSet::new();
    for change in &difference.changes {
        let (program, kind, now) = match change {
            Change::Environments { what: Environment::System, now, .. } => ("", "system", *now),
            Change::Environments { what: Environment::Architecture, now, .. } => ("", "arch", *now),
            Change::Environments { what: Environment::Toolchain, now, .. } => {
                ("", "toolchain", *now)
            }
            Change::Program { program, now } => (program.as_str(), "program", *now),
            Change::Versions { program, now, .. } => (program.as_str(), "version", *now),
            Change::Collected { program, what: Counted::Counter, .. } => {
                (program.as_str(), "counter", true)
            }
            Change::Collected { program, .. } => (program.as_str(), "stack", true),
            Change::Dropped { program, what: Counted::Counter, .. } => {
                (program.as_str(), "counter", false)
            }
            Change::Dropped { program, .. } => (program.as_str(), "stack", false),
            _ => continue,
        };
        if now != wanted {
            continue;
        }
        // What counts is what the sentence says, not what the change holds.
        let mut names: Vec<String> = change
            .sentence()
            .into_iter()
            .filter_map(|phrase| match phrase {
                Phrase::Name(name) => Some(name),
                Phrase::Words(_) => None,
            })
            .collect();
        if !program.is_empty() && kind != "program" {
            assert_eq!(names.pop().as_deref(), Some(program));
        }
        for name in names {
            let written_out = if kind == "counter" { expand(&name).collect() } else { vec![name] };
            for name in written_out {
                named.insert((program.to_owned(), kind, name));
            }
        }
    }
    named
}

fn rates() -> impl Strategy<Value = Rate> {
    prop::sample::select(vec![0.0, 0.25, 0.250_001, 1.0])
        .prop_map(|r| Rate::new(r).expect("a rate"))
}

fn names() -> impl Strategy<Value = Vec<String>> {
    vec("[abc]{1,2}", 0..3)
}

fn counter() -> impl Strategy<Value = CounterConfig> {
    ("[ab]:\\{[a-c<,]{0,5}\\}|[ab]:[ab,<]?|[ab]|[ab]?\\{[ab:,]{0,4}\\}", rates())
        .prop_map(|(name, rate)| CounterConfig { name, rate })
}

/// Two configs of one program that have many of their entries in common, in any order.
fn relatives() -> impl Strategy<Value = [CollectionConfig; 2]> {
    let picked = || vec(any::<prop::sample::Index>(), 0..5);
    (vec(counter(), 1..5), picked(), picked()).prop_map(|(pool, old, new)| {
        [old, new].map(|picked| {
            let counters = picked.iter().map(|at| at.get(&pool).clone()).collect();
            let program =
                ProgramConfig { name: "p".to_owned(), counters, ..ProgramConfig::default() };
            CollectionConfig {
                goos: Vec::new(),
                goarch: Vec::new(),
                go_version: Vec::new(),
                sample_rate: Rate::new(1.0).expect("a rate"),
                programs: vec![program],
            }
        })
    })
}

fn configs() -> impl Strategy<Value = CollectionConfig> {
    let counter = counter();
    let stack = ("[ab]", rates(), 0..3u32).prop_map(|(name, rate, depth)| StackConfig {
        name,
        rate,
        depth,
    });
    let program = ("[pq][<]?", names(), vec(counter, 0..5), vec(stack, 0..3)).prop_map(
        |(name, versions, counters, stacks)| ProgramConfig { name, versions, counters, stacks },
    );
    (names(), names(), names(), rates(), vec(program, 0..4)).prop_map(
        |(goos, goarch, go_version, sample_rate, programs)| CollectionConfig {
            goos,
            goarch,
            go_version,
            sample_rate,
            programs,
        },
    )
}

proptest! {
    #[test]
    fn a_config_does_not_differ_from_itself(config in configs()) {
        prop_assert!(difference(&config, &config).is_empty());
    }

    #[test]
    fn no_difference_means_the_same_meaning(old in configs(), new in configs()) {
        let same = meaning(&old) == meaning(&new);
        prop_assert_eq!(difference(&old, &new).is_empty(), same);
    }

    #[test]
    fn what_both_have_alike_hides_nothing([old, new] in relatives()) {
        let same = meaning(&old) == meaning(&new);
        prop_assert_eq!(difference(&old, &new).is_empty(), same);
        let keys = |config| meaning(config).into_keys().collect::<BTreeSet<_>>();
        let (before, after) = (keys(&old), keys(&new));
        let difference = difference(&old, &new);
        prop_assert_eq!(named(&difference, true), after.difference(&before).cloned().collect());
        prop_assert_eq!(named(&difference, false), before.difference(&after).cloned().collect());
    }

    #[test]
    fn every_string_that_only_one_of_them_has_is_named_and_no_other(
        old in configs(),
        new in configs(),
    ) {
        let keys = |config| meaning(config).into_keys().collect::<BTreeSet<_>>();
        let (before, after) = (keys(&old), keys(&new));
        let difference = difference(&old, &new);
        prop_assert_eq!(named(&difference, true), after.difference(&before).cloned().collect());
        prop_assert_eq!(named(&difference, false), before.difference(&after).cloned().collect());
    }

    #[test]
    fn the_way_back_undoes_the_way_there(old in configs(), new in configs()) {
        let (there, back) = (difference(&old, &new), difference(&new, &old));
        prop_assert_eq!(named(&there, true), named(&back, false));
        prop_assert_eq!(there.is_empty(), back.is_empty());
    }
}
