//! A made-up report under the newest config, for the privacy page.

use crate::collection::config::{CollectionConfig, CounterConfig, ProgramConfig, Rate};
use crate::collection::frame::OTHER_PACKAGES;
use crate::collection::packages::Packages;
use crate::collection::{Allowed, expand, go_json, stands_for};
use crate::gomod::{CommitTime, ModuleVersion};
use crate::ingest::{Count, Counts, ProgramReport, Report, X};
use crate::publish::{Catalogue, CatalogueChart};
use std::borrow::Cow;

/// How many counters are in the example.
const COUNTERS: usize = 4;
/// From how many these are chosen: the last entry of a name may say that it is not sent.
const CANDIDATES: usize = 8;
/// A frame that any program may have.
const EXAMPLE: &str = "main.main:+12";

/// A report that a client could send under this config, as Go's clients write it; `None` if the config
/// collects nothing. It only depends on the config and its time.
pub(super) fn example(
    version: ModuleVersion,
    time: CommitTime,
    config: &CollectionConfig,
    catalogue: Option<&Catalogue>,
) -> Option<String> {
    go_json::to_string_indented(&report(version, time, config, catalogue)?, "  ").ok()
}

/// The same, as data.
pub(super) fn report(
    version: ModuleVersion,
    time: CommitTime,
    config: &CollectionConfig,
    catalogue: Option<&Catalogue>,
) -> Option<Report<'static>> {
    let wanted = |program: &&ProgramConfig| {
        let counts = !program.counters.is_empty() || !program.stacks.is_empty();
        counts && !program.versions.is_empty()
    };
    let program = config.programs.iter().find(wanted)?;
    // If a name is listed twice, the last one counts.
    let program = config.programs.iter().rfind(|other| other.name == program.name)?;
    // The first of each group, as one installation rarely uses all.
    let counters = program.counters.iter().filter(|counter| counter.rate > Rate::NONE);
    let counters = counters.filter_map(|counter| expand(&counter.name).next());
    let counters: Vec<String> = counters.take(CANDIDATES).collect();
    let allowed = Allowed::new(&part(config, program, &counters));
    let allowed = allowed.program(&program.name)?;
    let counters = counters.into_iter();
    let counters = counters.filter_map(|name| Some((allowed.counter(&name)?, name)));
    let counters = counters.filter(|(rate, _)| *rate > Rate::NONE).take(COUNTERS);
    let stacks = program.stacks.iter().filter_map(|stack| {
        let allowed = allowed.stack(&stack.name).filter(|s| s.rate > Rate::NONE && s.depth > 0)?;
        let frame = frame(&program.name, &stack.name, catalogue);
        Some((allowed.rate, format!("{}\n{frame}", stack.name)))
    });
    let (counters, stacks): (Vec<_>, Vec<_>) = (counters.collect(), stacks.take(1).collect());
    // X decides what is in a report; it must be below the lowest rate of what is shown.
    let rates = counters.iter().chain(&stacks).map(|(rate, _)| *rate);
    let rate =
        rates.fold(config.sample_rate, |least, rate| if rate < least { rate } else { least });
    let week = time.day();
    Some(Report {
        week,
        last_week: Some(week.minus(7)),
        // Three digits are enough for an example, and rounding down keeps it under the rate.
        x: X::new((rate.get() * 618.0).floor() / 1000.0).or_else(|| X::new(rate.get()))?,
        programs: vec![ProgramReport {
            program: program.name.clone().into(),
            version: newest(&program.versions)?.clone().into(),
            toolchain: newest(&config.go_version)?.clone().into(),
            goos: usual(&config.goos, &["linux", "darwin", "windows"])?.clone().into(),
            goarch: usual(&config.goarch, &["amd64", "arm64"])?.clone().into(),
            counters: counts(counters)?,
            stacks: counts(stacks)?,
        }],
        config: version,
    })
}

/// What a config says of these counters of a program, and of its stacks: it may have very many others.
fn part(
    config: &CollectionConfig,
    program: &ProgramConfig,
    counters: &[String],
) -> CollectionConfig {
    let is_about = |entry: &&CounterConfig| counters.iter().any(|one| stands_for(&entry.name, one));
    let counters = program.counters.iter().filter(is_about).cloned().collect();
    let program = ProgramConfig {
        name: program.name.clone(),
        versions: program.versions.clone(),
        counters,
        stacks: program.stacks.clone(),
    };
    CollectionConfig {
        goos: config.goos.clone(),
        goarch: config.goarch.clone(),
        go_version: config.go_version.clone(),
        sample_rate: config.sample_rate,
        programs: vec![program],
    }
}

/// The first of these that is listed, or what is listed first.
fn usual<'l>(listed: &'l [String], usual: &[&str]) -> Option<&'l String> {
    let found = usual.iter().find_map(|usual| listed.iter().find(|one| one == usual));
    found.or(listed.first())
}

/// The last version that is a release, or the last one.
fn newest(versions: &[String]) -> Option<&String> {
    let others = ["devel", "-", "rc", "beta"];
    let is_release = |version: &&String| !others.iter().any(|other| version.contains(other));
    versions.iter().rfind(is_release).or(versions.last())
}

/// A frame of a package that the stack's chart lists.
fn frame(program: &str, stack: &str, catalogue: Option<&Catalogue>) -> String {
    let charts = catalogue.into_iter().flat_map(|catalogue| &catalogue.charts);
    let asks = |chart: &&CatalogueChart| {
        let counters = || expand(&chart.counter).any(|counter| counter == stack);
        chart.kind == "stack" && chart.program == program && counters()
    };
    let listed: Vec<&CatalogueChart> = charts.filter(asks).collect();
    // If one of them has no list, functions of any package are named.
    if listed.iter().any(|chart| chart.packages.is_empty()) || listed.is_empty() {
        return EXAMPLE.to_owned();
    }
    let entries: Vec<String> = listed.iter().flat_map(|chart| chart.packages.clone()).collect();
    let packages = Packages::new(&entries, program);
    let of_entry = |entry: &String| {
        let (folder, last) = entry.rsplit_once('/').map_or(("", entry.as_str()), |(f, l)| (f, l));
        let slash = if folder.is_empty() { "" } else { "/" };
        let last = last.replace('.', "%2e");
        let of_go = format!("{folder}{slash}{last}.Run");
        let of_rust = format!("{}::run", entry.replace('-', "_"));
        // Without either, it is probably the name of a crate.
        if entry.contains(['/', '.']) { of_go } else { of_rust }
    };
    let functions = ["main.main", "runtime.main"].map(str::to_owned).into_iter();
    let mut functions = functions.chain(entries.iter().map(of_entry));
    let named = functions.find(|function| packages.may_name(function));
    named.map_or_else(|| OTHER_PACKAGES.to_owned(), |function| format!("{function}:+12"))
}

/// Each name once, with a made-up count.
fn counts(names: Vec<(Rate, String)>) -> Option<Counts<'static>> {
    let mut names: Vec<String> = names.into_iter().map(|(_, name)| name).collect();
    names.sort_unstable();
    names.dedup();
    let pairs = names.into_iter().zip([17, 3, 1, 208].into_iter().cycle());
    let pairs = pairs.map(|(name, count)| Some((Cow::Owned(name), Count::new(count)?)));
    Counts::from_pairs(pairs.collect::<Option<_>>()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn catalogue(packages: &[&str]) -> Catalogue {
        let json = serde_json::json!({
            "format": 1, "repository": "", "commit": "", "time": 0, "as_of": "2026-02-04", "path": "",
            "confidence": 0.99, "programs": [], "charts": [{
                "id": "crashes", "title": "Crashes", "issue": [], "kind": "stack",
                "program": "example.org/tool", "counter": "crash:{a,b}", "packages": packages,
                "file": "", "line": 1, "added": "", "added_on": "2026-02-04",
            }],
        });
        serde_json::from_value(json).expect("a catalogue")
    }

    #[test]
    fn the_example_is_of_a_likely_machine() {
        let list = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let systems = list(&["aix", "android", "linux", "windows"]);
        assert_eq!(usual(&systems, &["darwin", "windows"]).map(String::as_str), Some("windows"));
        assert_eq!(usual(&list(&["aix"]), &["linux"]).map(String::as_str), Some("aix"));
        let versions = list(&["v1.0.0", "v1.1.0", "v1.2.0-pre.1", "devel"]);
        assert_eq!(newest(&versions).map(String::as_str), Some("v1.1.0"));
        assert_eq!(newest(&list(&["devel"])).map(String::as_str), Some("devel"));
        assert_eq!(newest(&[]), None);
    }

    #[test]
    fn the_frame_belongs_to_a_package_that_the_chart_lists() {
        for (packages, expected) in [
            (&[] as &[&str], "main.main:+12"),
            (&["example.org/tool", "std"], "main.main:+12"),
            (&["example.org/else"], "example.org/else.Run:+12"),
            (&["gopkg.in/yaml.v3"], "gopkg.in/yaml%2ev3.Run:+12"),
            (&["serde-json"], "serde_json::run:+12"),
            (&["std"], "runtime.main:+12"),
        ] {
            let found = frame("example.org/tool", "crash:b", Some(&catalogue(packages)));
            assert_eq!(found, expected, "{packages:?}");
        }
        let other = frame("example.org/tool", "crash:c", Some(&catalogue(&["example.org/else"])));
        assert_eq!(other, EXAMPLE, "no chart asks for it");
    }
}
