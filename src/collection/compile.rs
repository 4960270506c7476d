//! Definitions to the smallest collection config that they need.
//!
//! A pure function: the same definitions and the same day give the same config. Only charts that are
//! live on that day count ([`Chart::is_live`]). A program is listed if one of them names it; without any,
//! every list is empty and the sample rate is 0. (Go's client takes 0 for "no limit", but finds no program
//! to report on. To Candor's client 0 means nothing.)
//!
//! - **Programs** are sorted by name, their counters are in the order of the definitions.
//! - **Versions** follow golang/telemetry (`internal/configgen`): a program reports from the first
//!   version that any of its charts counts from. A chart without a version counts from the first.
//!   Unlike there, versions are padded before the earlier ones are left out, so that a chart may
//!   ask for a future version.
//! - **Stack groups** become one entry per stack, since Go's client does not expand them.
//! - **Ratios** also collect their divisor. If another live chart of the program collects it already,
//!   that entry's rate is raised to the ratio's, if it is lower (a report with the dividend must have
//!   the divisor, too); otherwise the divisor gets an entry after the ratio's.

use super::config::{CollectionConfig, CounterConfig, ProgramConfig, Rate, StackConfig};
use super::pad::pad_versions;
use super::rate::{rate, reports_needed};
use super::toolchains::allowed_toolchains;
use crate::charts::Definitions;
use crate::charts::definition::{Chart, ChartKind, Padding, Program};
use crate::charts::location::At;
use crate::charts::version::{GoVersion, SemanticVersion, Version};
use jiff::civil::Date;
use std::collections::{BTreeMap, HashMap};

/// The config that these definitions ask for on a day, in UTC.
pub fn compile(definitions: &Definitions, as_of: Date) -> CollectionConfig {
    let mut charts: BTreeMap<&str, Vec<&Chart>> = BTreeMap::new();
    for chart in definitions.live(as_of) {
        charts.entry(chart.program.as_str()).or_default().push(chart);
    }
    let listed: HashMap<&str, &Program> =
        definitions.programs.iter().map(|program| (program.program.as_str(), program)).collect();
    let programs: Vec<ProgramConfig> = charts
        .into_iter()
        // Checked definitions describe the program of every chart.
        .filter_map(|(name, charts)| Some((*listed.get(name)?, charts)))
        .map(|(program, charts)| compile_program(definitions, program, &charts))
        .collect();
    if programs.is_empty() {
        return CollectionConfig::default();
    }
    let strings = |values: &[At<String>]| values.iter().map(|value| value.value.clone()).collect();
    let collection = &definitions.collection;
    let mut config = CollectionConfig {
        goos: strings(&collection.goos),
        goarch: strings(&collection.goarch),
        go_version: allowed_toolchains(definitions),
        sample_rate: Rate::NONE,
        programs,
    };
    config.sample_rate = config.rates().fold(Rate::NONE, Rate::max);
    config
}

fn compile_program(
    definitions: &Definitions,
    program: &Program,
    charts: &[&Chart],
) -> ProgramConfig {
    let first = first_version(charts);
    let versions = reporting_versions(definitions, program);
    let eligible = versions.iter().filter(|v| first.is_none_or(|first| v.at_least(first)));
    let mut compiled = ProgramConfig {
        name: program.program.as_str().to_owned(),
        versions: eligible.map(|version| version.as_str().to_owned()).collect(),
        ..ProgramConfig::default()
    };
    let mut divisors = divisors(definitions, program, charts);
    for chart in charts {
        let rate = chart_rate(definitions, program, chart);
        if let ChartKind::Stack { depth, .. } = &chart.kind {
            let depth = depth.value;
            let stacks = chart.counter.names().map(|name| StackConfig { name, rate, depth });
            compiled.stacks.extend(stacks);
            continue;
        }
        // A divisor that has an entry needs no other, so it is removed here.
        let rate = match divisors.is_empty() {
            true => rate,
            false => {
                let names = chart.counter.names();
                names.filter_map(|name| divisors.remove(&name)).fold(rate, Rate::max)
            }
        };
        compiled.counters.push(CounterConfig { name: chart.counter.as_str().to_owned(), rate });
    }
    if !divisors.is_empty() {
        insert_divisors(&mut compiled, charts, divisors);
    }
    compiled
}

/// The first version that is counted, of those that the charts name; `None` if all are.
fn first_version<'c>(charts: &[&'c Chart]) -> Option<&'c Version> {
    let versions: Option<Vec<&Version>> =
        charts.iter().map(|chart| chart.version.as_deref()).collect();
    versions?.into_iter().min()
}

/// All versions of a program that may report, whichever versions its charts count from.
pub fn reporting_versions(definitions: &Definitions, program: &Program) -> Vec<Version> {
    if program.program.is_toolchain() && program.versions.is_none() {
        let toolchains = allowed_toolchains(definitions);
        let toolchains = toolchains.iter().filter_map(|name| GoVersion::parse(name));
        let mut versions: Vec<Version> = toolchains.map(Version::Go).collect();
        versions.sort();
        return versions;
    }
    let listed = definitions.versions(program);
    let Some(padding) = &program.padding else { return listed };
    padded_versions(listed, padding.value)
}

/// Versions and those that padding allows in advance.
pub fn padded_versions(listed: Vec<Version>, padding: Padding) -> Vec<Version> {
    let devel = listed.contains(&Version::Devel).then_some(Version::Devel);
    let listed: Vec<SemanticVersion> = listed
        .into_iter()
        .filter_map(|version| match version {
            Version::Semantic(version) => Some(version),
            // Checked definitions pad only programs with semantic versions.
            Version::Go(_) | Version::Devel => None,
        })
        .collect();
    let prereleases: Vec<String> =
        (1..=padding.prerelease).map(|number| format!("pre.{number}")).collect();
    let padded = pad_versions(&listed, &prereleases, padding).into_iter().map(Version::Semantic);
    padded.chain(devel).collect()
}

/// The rate at which a chart reaches its target error.
fn chart_rate(definitions: &Definitions, program: &Program, chart: &Chart) -> Rate {
    match (&definitions.collection.sampling, &program.population) {
        (Some(sampling), Some(population)) => {
            let error = chart.error.as_ref().unwrap_or(&sampling.error);
            rate(reports_needed(error.value, sampling.confidence.value), population.value)
        }
        _ => Rate::ALL,
    }
}

/// The divisors of the ratio charts, each with the largest rate of its ratios.
fn divisors(
    definitions: &Definitions,
    program: &Program,
    charts: &[&Chart],
) -> HashMap<String, Rate> {
    let mut divisors = HashMap::new();
    for chart in charts {
        if let Some(over) = chart.over() {
            let rate = chart_rate(definitions, program, chart);
            let most = divisors.entry(over.as_str().to_owned()).or_insert(rate);
            *most = most.max(rate);
        }
    }
    divisors
}

/// Adds the divisors that no chart collects, each after the first ratio that divides by it.
fn insert_divisors(
    compiled: &mut ProgramConfig,
    charts: &[&Chart],
    mut divisors: HashMap<String, Rate>,
) {
    let plain = charts.iter().filter(|chart| !matches!(chart.kind, ChartKind::Stack { .. }));
    let collected = std::mem::take(&mut compiled.counters);
    for (chart, counter) in plain.zip(collected) {
        compiled.counters.push(counter);
        if let Some((name, rate)) =
            chart.over().and_then(|over| divisors.remove_entry(over.as_str()))
        {
            compiled.counters.push(CounterConfig { name, rate });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::charts::{Sources, parse};

    const COLLECTION: &str = "module = 'example.org/config'\ngoos = ['linux']\n\
        goarch = ['amd64']\ntoolchains = ['go1.9.2rc2', 'go1.20', 'go1.21.0', 'rust1.95.0']\n";
    const PROGRAM: &str = "program = 'example.org/p'\nmodule = 'example.org/p'\n\
        versions = ['v1.1.0', 'v1.0.0', 'v1.2.0-pre.1']\n";
    const SAMPLING: &str = "[sampling]\nconfidence = 0.99\nerror = 0.01\n";

    fn chart(keys: &str) -> String {
        let program = if keys.contains("program =") { "" } else { "program = 'example.org/p'\n" };
        format!("[[chart]]\ntitle = 't'\nissue = ['https://x.org/1']\n{program}{keys}\n")
    }

    fn compiled(files: &[(&str, String)], day: &str) -> CollectionConfig {
        let files =
            files.iter().map(|(path, text)| ((*path).into(), text.clone().into())).collect();
        let definitions = parse(&Sources::from_files(files)).unwrap_or_else(|e| panic!("{e}"));
        compile(&definitions, day.parse().expect("a day"))
    }

    /// Compiles charts of one program, whose file has `extra` keys.
    fn program(sampling: &str, extra: &str, charts: &[&str], day: &str) -> CollectionConfig {
        let charts: String = charts.iter().map(|keys| chart(keys)).collect();
        let files = [
            ("collection.toml", format!("{COLLECTION}{sampling}")),
            ("programs/p.toml", format!("{PROGRAM}{extra}")),
            ("charts/p.toml", charts),
        ];
        compiled(&files, day)
    }

    fn counters(config: &CollectionConfig) -> Vec<(&str, f64)> {
        let counters = config.programs.iter().flat_map(|program| &program.counters);
        counters.map(|counter| (counter.name.as_str(), counter.rate.get())).collect()
    }

    const DAY: &str = "2026-01-01";

    #[test]
    fn a_chart_is_collected_through_the_day_on_which_it_expires() {
        let charts = ["type = 'partition'\ncounter = 'c'\nexpires = 2027-06-30"];
        let at = |time| program("", "", &charts, time);
        assert_eq!(counters(&at("2027-06-30")), [("c", 1.0)]);
        assert_eq!(at("2027-07-01"), CollectionConfig::default());
    }

    #[test]
    fn a_program_reports_from_the_first_version_that_counts() {
        let versions = |charts: &[&str]| program("", "", charts, DAY).programs.remove(0).versions;
        let (old, new) = ("version = 'v1.0.0'", "version = 'v1.1.0'");
        let a = |version| format!("type = 'partition'\ncounter = 'a'\n{version}");
        let b = |version| format!("type = 'partition'\ncounter = 'b'\n{version}");
        let all = ["v1.0.0", "v1.1.0", "v1.2.0-pre.1"];
        assert_eq!(versions(&[&a(new), &b(new)]), all[1..]);
        assert_eq!(versions(&[&a(new), &b(old)]), all);
        assert_eq!(versions(&[&a(new), &b("")]), all);
    }

    #[test]
    fn a_program_of_the_toolchain_has_the_valid_toolchains() {
        let keys = "program = 'cmd/go'\ntype = 'partition'\ncounter = 'c'\nversion = 'go1.20'";
        let files = [
            ("collection.toml", COLLECTION.to_owned()),
            ("programs/go.toml", "program = 'cmd/go'".to_owned()),
            ("charts/go.toml", chart(keys)),
        ];
        let config = compiled(&files, DAY);
        assert_eq!(config.programs[0].versions, ["go1.20", "go1.21.0"]);
        assert_eq!(config.go_version.len(), 4);
    }

    #[test]
    fn toolchains_to_come_are_allowed_where_padding_says_so() {
        let keys = "program = 'cmd/go'\ntype = 'partition'\ncounter = 'c'\nversion = 'go1.21.0'";
        let padding = "[padding]\nminor = 1\npatch = 1\nprerelease = 1\nseries = 1\n";
        let files = [
            ("collection.toml", format!("{COLLECTION}{padding}")),
            ("programs/go.toml", "program = 'cmd/go'".to_owned()),
            ("charts/go.toml", chart(keys)),
        ];
        let config = compiled(&files, DAY);
        let go = ["go1.21.1", "go1.22rc1", "go1.22.0", "go1.22.1"];
        assert_eq!(config.programs[0].versions, [&["go1.21.0"], go.as_slice()].concat());
        let rust = ["rust1.95.1", "rust1.96.0", "rust1.96.1"];
        assert_eq!(config.go_version[4..], [go.as_slice(), &rust].concat());
    }

    #[test]
    fn a_chart_may_start_at_a_version_to_come() {
        let padding = "[padding]\nreleases = 2\nmajor = 0\nminor = 1\npatch = 1\nprerelease = 0";
        let charts = ["type = 'partition'\ncounter = 'c'\nversion = 'v1.2.0'"];
        let config = program("", padding, &charts, DAY);
        assert_eq!(config.programs[0].versions, ["v1.2.0", "v1.2.1"]);
    }

    #[test]
    fn rates_follow_error_confidence_and_population() {
        let charts = [
            "type = 'partition'\ncounter = 'usual'",
            "type = 'partition'\ncounter = 'rough'\nerror = 0.05",
            "type = 'stack'\ncounter = 's:{a,b}'\ndepth = 9\nerror = 0.02",
        ];
        let config = program(SAMPLING, "population = 250000", &charts, DAY);
        assert_eq!(counters(&config), [("usual", 0.066352), ("rough", 0.002656)]);
        let stacks = &config.programs[0].stacks;
        let stacks: Vec<_> =
            stacks.iter().map(|s| (s.name.as_str(), s.rate.get(), s.depth)).collect();
        assert_eq!(stacks, [("s:a", 0.016588, 9), ("s:b", 0.016588, 9)]);
        assert_eq!(config.sample_rate.get(), 0.066352);
        assert_eq!(program(SAMPLING, "", &charts, DAY).sample_rate, Rate::ALL);
        assert_eq!(program(SAMPLING, "population = 16588", &charts, DAY).sample_rate, Rate::ALL);
    }

    #[test]
    fn a_divisor_is_collected_once_and_as_often_as_its_ratios_need() {
        let population = "population = 250000";
        let ratio = "type = 'ratio'\ncounter = 'r'\nover = 'd'";
        let rough = "type = 'ratio'\ncounter = 'q'\nover = 'd'\nerror = 0.05";
        let group = "type = 'partition'\ncounter = 'x'";
        let divisor = "type = 'partition'\ncounter = 'd'\nerror = 0.05";
        let found = |charts: &[&str]| {
            let config = program(SAMPLING, population, charts, DAY);
            let counters = counters(&config);
            counters.iter().map(|(name, rate)| format!("{name} {rate}")).collect::<Vec<_>>()
        };
        assert_eq!(
            found(&[rough, group, ratio]),
            ["q 0.002656", "d 0.066352", "x 0.066352", "r 0.066352"]
        );
        assert_eq!(found(&[rough, divisor]), ["q 0.002656", "d 0.002656"]);
        assert_eq!(found(&[divisor, ratio, rough]), ["d 0.066352", "r 0.066352", "q 0.002656"]);
    }

    #[test]
    fn programs_are_sorted_and_counters_are_not() {
        let other = "program = 'example.org/a'\nmodule = 'example.org/a'\nversions = ['v1.0.0']";
        let keys = |rest: &str| format!("type = 'partition'\n{rest}");
        let charts = chart(&keys("counter = 'z'")) + &chart(&keys("counter = 'y:{b,a}'"));
        let files = [
            ("collection.toml", COLLECTION.to_owned()),
            ("programs/p.toml", PROGRAM.to_owned()),
            ("programs/z.toml", other.to_owned()),
            ("charts/2.toml", chart(&keys("counter = 'a'"))),
            ("charts/1.toml", charts),
            ("charts/3.toml", chart(&keys("program = 'example.org/a'\ncounter = 'c'"))),
        ];
        let config = compiled(&files, DAY);
        let names: Vec<_> = config.programs.iter().map(|program| program.name.as_str()).collect();
        assert_eq!(names, ["example.org/a", "example.org/p"]);
        assert_eq!(counters(&config), [("c", 1.0), ("z", 1.0), ("y:{b,a}", 1.0), ("a", 1.0)]);
    }
}
