//! Tests of refreshing, with registries in memory.

use super::*;
use crate::address::Address;
use crate::charts::parse;
use crate::collection::{allowed_toolchains, reporting_versions};
use proptest::prelude::*;
use std::cell::RefCell;
use std::collections::BTreeSet;

/// Registries that have these answers, by their addresses.
struct Fake {
    answers: BTreeMap<String, Vec<u8>>,
    tags: Vec<String>,
    asked: RefCell<Vec<String>>,
    addresses: [Address; 3],
}

impl Fake {
    fn new(answers: &[(&str, &str)]) -> Fake {
        let answers =
            answers.iter().map(|(url, text)| ((*url).to_owned(), text.as_bytes().to_vec()));
        let addresses = ["https://go.example", "https://crates.example", "https://rust.example"];
        Fake {
            answers: answers.collect(),
            tags: Vec::new(),
            asked: RefCell::default(),
            addresses: addresses.map(|address| address.parse().expect("an address")),
        }
    }
}

impl Registries for Fake {
    fn go_proxy(&self) -> &Address {
        &self.addresses[0]
    }

    fn crates_index(&self) -> &Address {
        &self.addresses[1]
    }

    fn rust_releases(&self) -> &Address {
        &self.addresses[2]
    }

    fn get(&self, url: &str, _: usize) -> Result<Option<Vec<u8>>, ReleaseError> {
        self.asked.borrow_mut().push(url.to_owned());
        Ok(self.answers.get(url).cloned())
    }

    fn tags(&self) -> Result<Vec<String>, ReleaseError> {
        Ok(self.tags.clone())
    }
}

const COLLECTION: &str = "module = 'example.org/config'\ngoos = ['linux']\ngoarch = ['amd64']\ntoolchains = ['other1']\n";
const LIST: &str = "https://go.example/example.org/p/@v/list";

fn sources(collection: &str, program: &str, chart: &str) -> Sources {
    let name = if program.contains("cmd/tool") { "cmd/tool" } else { "example.org/p" };
    let charts = format!(
        "[[chart]]\ntitle = 't'\nissue = ['https://x.org/1']\nprogram = '{name}'\n\
         type = 'partition'\ncounter = 'c'\n{chart}"
    );
    Sources::from_files(vec![
        ("collection.toml".into(), collection.into()),
        ("programs/p.toml".into(), program.into()),
        ("charts/p.toml".into(), charts.into()),
    ])
}

fn refreshed(sources: &Sources, registries: &Fake, all: bool) -> Refreshed {
    let definitions = parse(sources).unwrap_or_else(|errors| panic!("{errors}"));
    refresh(&definitions, sources, registries, all)
}

/// What is added to the versions of a program whose file has these lines, with these released ones.
fn added(lines: &str, chart: &str, released: &str) -> Vec<String> {
    let program = format!("program = 'example.org/p'\nmodule = 'example.org/p'\n{lines}");
    let registries = Fake::new(&[(LIST, &released.replace(' ', "\n"))]);
    let Refreshed { mut lists, failures, .. } =
        refreshed(&sources(COLLECTION, &program, chart), &registries, false);
    assert_eq!(failures, []);
    lists.remove(0).added
}

#[test]
fn a_list_begins_with_its_oldest_version() {
    let released = "v0.9.0 v1.0.0 v1.1.0 v1.2.0-rc.1 v1.2.0 v1.0.1-0.20260102030405-0123456789ab";
    assert_eq!(added("versions = ['v1.0.0']", "", released), ["v1.1.0", "v1.2.0"]);
    assert_eq!(
        added("versions = ['v1.1.0-rc.1']", "", released),
        ["v1.1.0", "v1.2.0-rc.1", "v1.2.0"]
    );
    assert_eq!(added("versions = ['devel']", "version = 'v1.1.0'", released), ["v1.1.0", "v1.2.0"]);
    let padding = "[padding]\nreleases = 1\nmajor = 0\nminor = 0\npatch = 1\nprerelease = 1\n";
    let all = ["v0.9.0", "v1.0.0", "v1.1.0", "v1.2.0-rc.1", "v1.2.0"];
    assert_eq!(added(padding, "", released), all);
    assert!(added("versions = ['v1.2.0']", "", released).is_empty());
    let hand = "versions = ['v1.0.0']\nversions_from = 'hand'";
    assert!(added(hand, "", released).is_empty());
    // What no build of a Go module reports is not listed, whatever a proxy says.
    let never = "v1.1.0+meta v1.1.0+dirty v1.2.0+incompatible v2.0.0 v1.1.0";
    assert_eq!(added("versions = ['v1.0.0']", "", never), ["v1.1.0"]);
    let before_modules = "v1.1.0 v2.0.0+incompatible";
    assert_eq!(
        added("versions = ['v1.0.0']", "", before_modules),
        ["v1.1.0", "v2.0.0+incompatible"]
    );
    // What is longer than any version that somebody releases stays out.
    let long = |letters: usize| format!("v1.1.0-{}", "a".repeat(letters));
    assert_eq!(added("versions = ['v1.0.0-rc.1']", "", &long(93)), [long(93)]);
    assert!(added("versions = ['v1.0.0-rc.1']", "", &long(94)).is_empty());
}

#[test]
fn a_list_holds_while_half_of_its_padding_is_left() {
    let list = |released: &str| {
        added(
            "versions = ['v1.4.0']\n[padding]\nreleases = 4\nmajor = 0\nminor = 2\npatch = 4\n\
             prerelease = 2\nseries = 2",
            "",
            released,
        )
    };
    for holds in ["v1.4.0", "v1.4.1", "v1.4.2", "v1.5.0", "v1.5.0-pre.1"] {
        assert!(list(holds).is_empty(), "{holds}");
    }
    for short in ["v1.4.3", "v1.6.0", "v1.5.2", "v1.4.1-rc.1"] {
        assert_eq!(list(short), [short]);
    }
    // Then all of them are listed.
    assert_eq!(list("v1.4.1 v1.6.0"), ["v1.4.1", "v1.6.0"]);
}

#[test]
fn of_rust_nothing_is_asked_after_the_first_series_that_is_missing() {
    let at = |name: &str| format!("https://rust.example/dist/channel-rust-{name}.toml.sha256");
    let (old, new, sum) = (at("1.94.0"), at("1.95.0"), "0".repeat(64));
    let registries = Fake::new(&[(&old, &sum), (&new, &sum)]);
    let collection = COLLECTION.replace("other1", "rust1.94.0");
    let program = "program = 'example.org/p'\nmodule = 'example.org/p'\nversions = ['v1.0.0']\n\
                   versions_from = 'hand'\n";
    let found = refreshed(&sources(&collection, program, ""), &registries, false);
    assert_eq!(found.failures, []);
    let expected = ["1.94.0", "1.94.1", "1.95.0", "1.95.1", "1.96.0"].map(at);
    assert_eq!(*registries.asked.borrow(), expected);
}

#[test]
fn everyone_is_asked_where_the_file_says() {
    let program = |from: &str| {
        format!(
            "program = 'example.org/p'\nmodule = 'example.org/p'\nversions = ['v1.0.0']\n{from}"
        )
    };
    let packet = |text: String| format!("{:04x}{text}", text.len() + 4);
    let tag = packet(format!("{} refs/tags/p-1.3.0\n", "0".repeat(40)));
    let refs = format!("001e# service=git-upload-pack\n0000{tag}0000");
    let mut registries = Fake::new(&[
        (LIST, "v1.1.0\n"),
        ("https://crates.example/p", "<html>"),
        ("https://crates.example/1/p", "{\"vers\":\"1.2.0\"}\n"),
        ("https://crates.example/q-/q-/q-", ""),
        ("https://git.example/a/info/refs?service=git-upload-pack", &refs),
        ("https://html.example/info/refs?service=git-upload-pack", "<html>"),
    ]);
    registries.tags = vec!["v1.4.0".into(), "other".into()];
    let outcome = |from: &str| {
        let Refreshed { lists, failures, .. } =
            refreshed(&sources(COLLECTION, &program(from), ""), &registries, false);
        let added = lists.first().map(|list| list.added.join(" ")).unwrap_or_default();
        failures.first().map_or(added, ToString::to_string)
    };
    assert_eq!(outcome(""), "v1.1.0");
    assert_eq!(outcome("versions_from = 'go'"), "v1.1.0");
    assert_eq!(outcome("versions_from = 'crates'"), "v1.2.0");
    assert_eq!(outcome("versions_from = 'crates:p'"), "v1.2.0");
    assert_eq!(outcome("versions_from = 'git'"), "v1.4.0");
    assert_eq!(outcome("versions_from = 'git:https://git.example/a#p-*'"), "v1.3.0");
    for (from, told) in [
        ("crates:nobodys", "https://crates.example/no/bo/nobodys has nothing of nobodys"),
        (
            "git#gopls/v*",
            "the repository with the charts has no tag with a version of example.org/p",
        ),
        ("git:https://git.example/a", "https://git.example/a has no tag"),
        (
            "git:https://html.example",
            "answered with something else than the names of a git repository",
        ),
        ("git:https://gone.example", "has nothing of example.org/p"),
    ] {
        let outcome = outcome(&format!("versions_from = '{from}'"));
        assert!(outcome.contains(told), "{outcome}");
    }
}

#[test]
fn a_program_of_which_nobody_says_who_knows_is_named() {
    let program = "program = 'p'\nmodule = 'p'\nversions = ['v1.0.0']\n";
    let text = String::from(
        "[[chart]]\ntitle = 't'\nissue = ['https://x.org/1']\nprogram = 'p'\n\
                             type = 'partition'\ncounter = 'c'\n",
    );
    let sources = Sources::from_files(vec![
        ("collection.toml".into(), COLLECTION.into()),
        ("programs/p.toml".into(), program.into()),
        ("charts/p.toml".into(), text.into()),
    ]);
    let failures = refreshed(&sources, &Fake::new(&[]), false).failures;
    let told = failures.first().expect("a failure").to_string();
    assert!(
        told.starts_with("programs/p.toml does not say who knows the versions of p;"),
        "{told}"
    );
}

#[test]
fn hostile_lists_add_nothing() {
    let long = format!("v1.1.0-{}", "a".repeat(200));
    let released = format!("v1.1.0\u{1b}[2J v1.2 \u{202e}v1.3.0 {long} v99999999999999999999.0.0");
    assert!(added("versions = ['v1.0.0']", "", &released).is_empty());
    let many: Vec<String> = (1..=1001).map(|patch| format!("v1.0.{patch}")).collect();
    let program = "program = 'example.org/p'\nmodule = 'example.org/p'\nversions = ['v1.0.0']\n";
    let registries = Fake::new(&[(LIST, &many.join("\n"))]);
    let Refreshed { files, failures, .. } =
        refreshed(&sources(COLLECTION, program, ""), &registries, false);
    assert!(files.is_empty());
    assert!(matches!(failures.first(), Some(ReleaseError::TooMany { count: 1001, .. })));
    // A server that has every file has no release.
    let collection = COLLECTION.replace("other1", "rust1.95.0");
    let registries = Fake::new(&[
        (LIST, ""),
        ("https://rust.example/dist/channel-rust-1.95.0.toml.sha256", "ok"),
    ]);
    let failures = refreshed(&sources(&collection, program, ""), &registries, false).failures;
    assert!(matches!(failures.first(), Some(ReleaseError::Malformed { .. })), "{failures:?}");
}

#[test]
fn toolchains_of_the_listed_languages_are_listed_in_their_place() {
    let sum = format!("{}  channel-rust.toml\n", "0".repeat(64));
    let rust = ["1.94.0", "1.94.1", "1.95.0", "1.95.1", "1.96.0"];
    let rust =
        rust.map(|version| format!("https://rust.example/dist/channel-rust-{version}.toml.sha256"));
    let go = ["1.22.0", "1.23.0", "1.24rc1", "1.24.0", "1.9.2rc2"];
    let go = go.map(|version| format!("v0.0.1-go{version}.linux-amd64\nv0.0.1-go{version}.x-y\n"));
    let go = go.concat();
    let mut answers: Vec<(&str, &str)> =
        rust.iter().map(|url| (url.as_str(), sum.as_str())).collect();
    answers.push(("https://go.example/golang.org/toolchain/@v/list", &go));
    answers.push((LIST, "v1.0.0\n"));
    let program = "program = 'example.org/p'\nmodule = 'example.org/p'\nversions = ['v1.0.0']\n";
    let registries = Fake::new(&answers);
    let list = |toolchains: &str| {
        let collection = COLLECTION.replace("'other1'", toolchains);
        let Refreshed { files, failures, .. } =
            refreshed(&sources(&collection, program, ""), &registries, false);
        assert_eq!(failures, []);
        let text = files.get("collection.toml").cloned().unwrap_or(collection);
        let table: toml::Table = text.parse().expect("TOML");
        let list = table["toolchains"].as_array().expect("a list").clone();
        let names = list.iter().filter_map(toml::Value::as_str);
        names.collect::<Vec<_>>().join(" ")
    };
    assert_eq!(
        list("'rust1.95.0', 'rust1.94.1', 'go1.22.0'"),
        "rust1.96.0 rust1.95.1 rust1.95.0 rust1.94.1 go1.22.0 go1.23.0 go1.24.0"
    );
    assert_eq!(list("'go1.24rc1', 'python3.1'"), "go1.24rc1 go1.24.0 python3.1");
    assert_eq!(list("'go1.24.0'"), "go1.24.0");
    registries.asked.borrow_mut().clear();
    assert_eq!(list("'python3.1'"), "python3.1");
    assert_eq!(*registries.asked.borrow(), [LIST], "nobody else is asked");
}

#[test]
fn a_list_of_go_versions_in_a_programs_file_is_refreshed_like_the_toolchains() {
    let go = "v0.0.1-go1.24.0.linux-amd64\nv0.0.1-go1.24.1.linux-amd64\n";
    let registries = Fake::new(&[("https://go.example/golang.org/toolchain/@v/list", go)]);
    let program = "program = 'cmd/tool'\nversions = ['go1.24.0']";
    let refreshed = refreshed(&sources(COLLECTION, program, ""), &registries, false);
    let expected = "program = 'cmd/tool'\nversions = ['go1.24.0', 'go1.24.1']";
    assert_eq!(refreshed.files.get("programs/p.toml").map(String::as_str), Some(expected));
    assert_eq!(refreshed.failures, []);
}

/// A release: of the latest series, of the one before, or a new series.
#[derive(Debug, Clone, Copy)]
enum Step {
    Fix,
    FixBefore,
    Series,
}

/// The releases of weeks: at most two in each, of which at most one begins a series.
fn weeks() -> impl Strategy<Value = Vec<Vec<Step>>> {
    let fix = prop_oneof![Just(Step::Fix), Just(Step::FixBefore)];
    let first = prop_oneof![2 => fix.clone(), 1 => Just(Step::Series)];
    let week = (proptest::option::of(first), proptest::option::of(fix), any::<bool>());
    let week = week.prop_map(|(one, other, swapped)| {
        let mut week: Vec<Step> = one.into_iter().chain(other).collect();
        if swapped {
            week.reverse();
        }
        week
    });
    proptest::collection::vec(week, 1..40)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 30, ..ProptestConfig::default() })]

    /// Whoever refreshes weekly never leaves out a release, nor a compiler, on the day when it comes out.
    #[test]
    fn no_release_is_left_out_and_few_weeks_have_an_edit(weeks in weeks()) {
        let collection = COLLECTION.replace("'other1'", "'go1.23.0', 'go1.24.0'")
            + "[padding]\nminor = 2\npatch = 4\nprerelease = 0\n";
        let program = "program = 'example.org/p'\nmodule = 'example.org/p'\n\
                       versions = [\n  'v1.23.0', # one\n  'v1.24.0',\n]\n[padding]\nreleases = 4\nmajor = 0\n\
                       minor = 2\npatch = 4\nprerelease = 0\nseries = 2\n";
        let mut now = sources(&collection, program, "");
        let mut released: BTreeSet<(u64, u64)> = [(23, 0), (24, 0)].into();
        let mut edits = 0;
        for week in &weeks {
            let definitions = parse(&now).expect("valid");
            let versions = reporting_versions(&definitions, &definitions.programs[0]);
            let versions: BTreeSet<&str> = versions.iter().map(Version::as_str).collect();
            let toolchains = allowed_toolchains(&definitions);
            for step in week {
                let (series, _) = *released.last().expect("a release");
                let series = match step {
                    Step::Fix => series,
                    Step::FixBefore => series - 1,
                    Step::Series => series + 1,
                };
                let patch = released.range((series, 0)..=(series, u64::MAX)).next_back();
                let release = (series, patch.map_or(0, |(_, patch)| patch + 1));
                let name = format!("1.{}.{}", release.0, release.1);
                prop_assert!(versions.contains(format!("v{name}").as_str()), "v{}", name);
                prop_assert!(toolchains.contains(&format!("go{name}")), "go{}", name);
                released.insert(release);
            }
            let names: Vec<String> =
                released.iter().map(|(minor, patch)| format!("1.{minor}.{patch}")).collect();
            let list: String = names.iter().map(|name| format!("v{name}\n")).collect();
            let go: String =
                names.iter().map(|name| format!("v0.0.1-go{name}.linux-amd64\n")).collect();
            let registries = Fake::new(&[
                (LIST, &list),
                ("https://go.example/golang.org/toolchain/@v/list", &go),
            ]);
            let Refreshed { files, failures, .. } = refresh(&definitions, &now, &registries, false);
            prop_assert_eq!(failures, []);
            edits += usize::from(files.contains_key("programs/p.toml"));
            let edited = now.iter().map(|(path, _, bytes)| {
                let text = files.get(path).map(|text| text.clone().into_bytes());
                (path.to_owned(), text.unwrap_or_else(|| bytes.to_vec()))
            });
            now = Sources::from_files(edited.collect());
        }
        // An edit makes room for two releases at least.
        let releases = released.len() - 2;
        prop_assert!(edits * 2 <= releases, "{} edits for {} releases", edits, releases);
    }
}
