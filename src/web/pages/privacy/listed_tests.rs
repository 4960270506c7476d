//! The privacy page's promise: it lists everything that a report can contain.

use super::*;
use crate::collection::config::{CounterConfig, ProgramConfig, Rate, StackConfig};
use crate::collection::{CollectionConfig, expand};
use crate::gomod::{
    CommitTime, Hash1, ModuleVersion, ObjectId, Provenance, RepositoryPath, RepositoryUrl,
};
use crate::ingest::{LoggedConfig, Report, check};
use crate::web::source::ConfigJson;
use jiff::Timestamp;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use std::collections::BTreeSet;

fn loaded(config: &CollectionConfig) -> LoadedConfig {
    LoadedConfig {
        version: ModuleVersion::new(7).expect("a version"),
        config: Ok(config.clone()),
        json: ConfigJson::new(config.to_json().into_bytes()),
        provenance: Provenance {
            repository: RepositoryUrl::default(),
            commit: ObjectId::new("a".repeat(40)).expect("an object name"),
            tree: ObjectId::new("b".repeat(40)).expect("an object name"),
            path: RepositoryPath::default(),
            as_of: "2026-02-04".parse().expect("a day"),
            time: CommitTime::from_unix_seconds(1_770_091_506).expect("a time"),
            program_version: "0.1.0".into(),
        },
        zip_hash: format!("h1:{}=", "A".repeat(43)).parse::<Hash1>().expect("a hash"),
    }
}

/// What the page lists for a config: the contents of its `code` elements outside the example, as a browser
/// would show them.
fn listed(config: &CollectionConfig) -> BTreeSet<String> {
    let page =
        body("telemetry.example.org/config", Some(&loaded(config)), None, &PageSettings::new(None))
            .into_string();
    let mut listed = BTreeSet::new();
    for (before, code) in page.split("<code>").zip(page.split("<code>").skip(1)) {
        let (text, _) = code.split_once("</code>").expect("a closed element");
        if !before.ends_with("<pre>") {
            let text = text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"");
            listed.insert(text.replace("&amp;", "&"));
        }
    }
    listed
}

fn names(pattern: &'static str) -> impl Strategy<Value = Vec<String>> {
    vec(pattern, 1..4)
}

fn rates() -> impl Strategy<Value = Rate> {
    prop::sample::select(vec![0.001, 0.3, 1.0]).prop_map(|rate| Rate::new(rate).expect("a rate"))
}

/// Configs with names that need escaping in HTML.
fn configs() -> impl Strategy<Value = CollectionConfig> {
    let counter = ("[a-c<>&\"']{1,3}(:[a-c<]{1,3}|:\\{[a-c<&]{1,3},[a-c\"]{1,3}\\})?", rates())
        .prop_map(|(name, rate)| CounterConfig { name, rate });
    let stack = ("[a-c<&]{1,3}", rates(), 1..9u32).prop_map(|(name, rate, depth)| StackConfig {
        name,
        rate,
        depth,
    });
    let program =
        ("[a-c/<]{1,4}", names("v[0-9]\\.[0-9]\\.0"), vec(counter, 0..5), vec(stack, 0..3))
            .prop_map(|(name, versions, counters, stacks)| ProgramConfig {
                name,
                versions,
                counters,
                stacks,
            });
    let everywhere = (names("[a-z]{1,3}"), names("[a-z]{1,3}"), names("go[0-9<]"));
    (everywhere, vec(program, 1..4)).prop_map(|((goos, goarch, go_version), programs)| {
        CollectionConfig { goos, goarch, go_version, sample_rate: Rate::ALL, programs }
    })
}

/// Every string of a config, with groups expanded.
fn strings(config: &CollectionConfig) -> BTreeSet<String> {
    let everywhere = [&config.goos, &config.goarch, &config.go_version];
    let mut strings: BTreeSet<String> = everywhere.into_iter().flatten().cloned().collect();
    for program in &config.programs {
        strings.insert(program.name.clone());
        strings.extend(program.versions.iter().cloned());
        strings.extend(program.counters.iter().flat_map(|counter| expand(&counter.name)));
        strings.extend(program.stacks.iter().map(|stack| stack.name.clone()));
    }
    strings
}

/// A report that picks from what the config allows.
fn random_report(config: &CollectionConfig, picks: &[Index]) -> String {
    let mut picks = picks.iter().cycle();
    let mut pick = |from: &[String]| picks.next().expect("endless").get(from).clone();
    let program = pick(&config.programs.iter().map(|p| p.name.clone()).collect::<Vec<_>>());
    // Of two programs with the same name, the last one counts.
    let program = config.programs.iter().rfind(|p| p.name == program).expect("that program");
    let mut counters = serde_json::Map::new();
    let names: Vec<String> = program.counters.iter().flat_map(|c| expand(&c.name)).collect();
    for _ in 0..names.len().min(3) {
        counters.insert(pick(&names), 7.into());
    }
    let mut stacks = serde_json::Map::new();
    let names: Vec<String> = program.stacks.iter().map(|stack| stack.name.clone()).collect();
    if !names.is_empty() {
        stacks.insert(format!("{}\nmain.main:+1", pick(&names)), 1.into());
    }
    serde_json::json!({
        "Week": "2026-02-03", "LastWeek": "", "X": 0.0005, "Config": "v0.7.0",
        "Programs": [{
            "Program": program.name, "Version": pick(&program.versions),
            "GoVersion": pick(&config.go_version), "GOOS": pick(&config.goos),
            "GOARCH": pick(&config.goarch), "Counters": counters, "Stacks": stacks,
        }],
    })
    .to_string()
}

/// Every string in JSON, names and values, except dates and frames.
fn strings_of_json(value: &serde_json::Value, strings: &mut BTreeSet<String>) {
    match value {
        serde_json::Value::String(text) => {
            strings.insert(text.clone());
        }
        serde_json::Value::Array(values) => {
            values.iter().for_each(|value| strings_of_json(value, strings));
        }
        serde_json::Value::Object(fields) => {
            for (name, value) in fields {
                let name = name.split('\n').next().unwrap_or_default();
                strings.insert(name.to_owned());
                if !matches!(name, "Week" | "LastWeek" | "Config") {
                    strings_of_json(value, strings);
                }
            }
        }
        _ => {}
    }
}

fn check_at_its_time(report: &Report<'_>, config: &CollectionConfig) {
    let logged = LoggedConfig::new(ModuleVersion::new(7).expect("a version"), config);
    let now: Timestamp = "2026-02-04T00:00:00Z".parse().expect("a time");
    check(report, report.week, &logged, now).expect("a report that is accepted");
}

#[test]
fn counters_that_are_too_many_are_on_pages_of_their_own() {
    let program = |name: &str, counters: usize| {
        serde_json::json!({
            "Name": format!("example.org/{name}"), "Versions": ["v1.0.0"],
            "Counters": (0..counters)
                .map(|n| serde_json::json!({ "Name": format!("{name}/{n}:{{a,b}}"), "Rate": 0.5 }))
                .collect::<Vec<_>>(),
        })
    };
    let config = |programs: &[serde_json::Value]| {
        let json = serde_json::json!({
            "GOOS": ["linux"], "GOARCH": ["amd64"], "GoVersion": ["go1.26.8"], "SampleRate": 0.5,
            "Programs": programs,
        });
        CollectionConfig::from_json(json.to_string().as_bytes()).expect("a config")
    };
    let page = |config: &CollectionConfig| {
        let (loaded, settings) = (loaded(config), PageSettings::new(None));
        body("telemetry.example.org/config", Some(&loaded), None, &settings).into_string()
    };
    let many = page(&config(&[program("few", 3), program("many", 2_000), program("more", 1)]));
    let link = "href=\"/counters/example.org/many/\"";
    assert!(many.contains(link) && many.contains("4,000 counters, too many for this page"));
    assert!(many.contains(", but for counters that are too many for one page"));
    assert!(!many.contains("<code>many/7:a"), "it is not listed here");
    for listed in ["<code>few/2:b</code>", "<code>more/0:a</code>"] {
        assert!(many.contains(listed), "{listed}");
    }
    let all = page(&config(&[program("many", 2_000)]));
    assert!(all.contains("<code>many/1999:b</code>") && !all.contains("too many for"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn every_string_of_the_config_is_on_the_page(config in configs()) {
        let listed = listed(&config);
        for string in strings(&config) {
            prop_assert!(listed.contains(&string), "{string:?} is not among {listed:?}");
        }
    }

    #[test]
    fn every_string_of_any_accepted_report_is_on_the_page(
        config in configs(),
        picks in vec(any::<Index>(), 12),
    ) {
        let json = random_report(&config, &picks);
        check_at_its_time(&Report::decode(json.as_bytes()).expect("a report"), &config);
        let mut strings = BTreeSet::new();
        strings_of_json(&serde_json::from_str(&json).expect("JSON"), &mut strings);
        let listed = listed(&config);
        for string in strings {
            prop_assert!(listed.contains(&string), "{string:?} is not among {listed:?}");
        }
    }

    #[test]
    fn the_example_is_a_report_that_is_accepted(config in configs()) {
        let config = loaded(&config);
        let understood = config.config.as_ref().expect("a config");
        let time = config.provenance.time;
        if let Some(report) = example::report(config.version, time, understood, None) {
            check_at_its_time(&report, understood);
            let text = example::example(config.version, time, understood, None).expect("JSON");
            prop_assert_eq!(Report::decode(text.as_bytes()).expect("the same report"), report);
        }
    }
}
