//! Tests of plans, made of stacks in memory.

use super::super::observed::{Builds, History, StackName};
use super::*;
use crate::charts::{Sources, parse};
use crate::gomod::ModuleVersion;
use jiff::civil::date;

const PROGRAM: &str = "example.org/hello";
const REPOSITORY: &str = "https://github.com/example/hello";
const BEFORE: Date = date(2026, 11, 8);
const WEEK: Date = date(2026, 11, 15);

/// A stack: its counter, its function, and the versions before the week and in it.
type Stack<'s> = (&'s str, &'s str, &'s [&'s str], &'s [&'s str]);

/// The plan for stacks. Each version is one report; without weeks before, there are only those of the week.
fn planned(stacks: &[Stack<'_>], weeks: &[Date], claims: &str) -> Plan {
    let mut program = ObservedProgram { reports: 1000, ..ObservedProgram::default() };
    let config = ModuleVersion::new(1).expect("a version");
    let mut report = 0;
    for (counter, function, before, now) in stacks {
        let history = History {
            first: if before.is_empty() { WEEK } else { BEFORE },
            before: Builds {
                versions: before.iter().map(|version| (*version).to_owned()).collect(),
                systems: ["linux".to_owned()].into(),
            },
            now: now
                .iter()
                .map(|version| {
                    report += 1;
                    Sighting {
                        report,
                        config,
                        weight: 1.0,
                        version: (*version).to_owned(),
                        platform: "linux/amd64".to_owned(),
                        toolchain: "go1.26.8".to_owned(),
                    }
                })
                .collect(),
        };
        let frames = format!("{PROGRAM}.{function}:+1\n{PROGRAM}.main:+2");
        program.stacks.insert(StackName { counter: (*counter).to_owned(), frames }, history);
        for _ in 0..100 {
            program.bases.entry((*counter).to_owned()).or_default().add(config, 1.0);
        }
    }
    let observed = Observed {
        week: WEEK,
        complete: true,
        weeks: weeks.to_vec(),
        programs: BTreeMap::from([(PROGRAM.to_owned(), program)]),
    };
    let files = [
        (
            "collection.toml",
            "module = 'example.org/config'\ngoos = ['linux']\ngoarch = ['amd64']\ntoolchains = ['go1.26.8']\n"
                .to_owned(),
        ),
        (
            "programs/p.toml",
            format!("program = '{PROGRAM}'\nmodule = '{PROGRAM}'\nversions = ['v1.0.0']\n"),
        ),
        (
            "charts/p.toml",
            format!(
                "[[chart]]\ntitle = 'Crashes'\nissue = ['https://example.org/1']\ntype = 'stack'\ndepth = 8\n\
                 packages = ['{PROGRAM}']\nprogram = '{PROGRAM}'\ncounter = 'crash'\n"
            ),
        ),
        (
            "stacks/p.toml",
            format!("program = '{PROGRAM}'\nrepository = '{REPOSITORY}'\n{claims}"),
        ),
    ];
    let files = files.map(|(path, text)| (path.to_owned(), text.into_bytes()));
    let definitions =
        parse(&Sources::from_files(files.into())).unwrap_or_else(|errors| panic!("{errors}"));
    let planning = Planning {
        tracker: Tracker::Github,
        site: "https://telemetry.example.org",
        page: &|_, _, _| None,
        program: None,
        confidence: 0.99,
    };
    plan(&observed, &definitions, &planning)
}

/// A claim of the stacks that have this function.
fn claim(when: &str, function: &str, fixed: &str) -> String {
    let fixed = if fixed.is_empty() { String::new() } else { format!("fixed = '{fixed}'\n") };
    format!(
        "[[claim]]\nissue = '{REPOSITORY}/issues/1'\nwhen = '{when}'\n{fixed}\
         stacks = [\"\"\"\n{PROGRAM}.{function}:+1\n{PROGRAM}.main:+2\"\"\"]\n"
    )
}

fn issues(plan: &Plan) -> &[PlannedIssue] {
    &plan.programs[0].issues
}

/// The news of the one issue of a claimed stack with these versions before the week and in it.
fn news(before: &[&str], now: &[&str], claims: &str) -> Vec<News> {
    let plan = planned(&[("crash", "Open", before, now)], &[BEFORE, WEEK], claims);
    let [issue] = issues(&plan) else { panic!("{plan:?}") };
    issue.news.clone()
}

#[test]
fn only_a_version_that_is_later_than_all_before_is_news() {
    let claim = claim("\"hello.Open\"", "Open", "");
    let version = |version: &str| News::Version { version: version.to_owned() };
    let before = ["v1.0.0", "v1.2.0"];
    for same in ["v1.0.0", "v1.2.0", "v0.9.0", "v1.1.0", "devel"] {
        assert_eq!(news(&before, &[same], &claim), [], "{same}");
    }
    assert_eq!(news(&before, &["v1.3.0"], &claim), [version("v1.3.0")]);
    assert_eq!(
        news(&before, &["v1.1.0", "v1.10.0", "v1.2.1"], &claim),
        [version("v1.10.0"), version("v1.2.1")]
    );
}

#[test]
fn what_should_be_fixed_is_told_once_and_from_the_last_fix_on() {
    let fixed_in = |fixed: &str| claim("\"hello.Open\"", "Open", fixed);
    let told = |version: &str, fixed: &str| News::NotFixed {
        version: version.to_owned(),
        fixed: fixed.to_owned(),
    };
    let one = fixed_in("v1.1.0");
    assert_eq!(news(&["v1.0.0"], &["v1.0.0"], &one), []);
    assert_eq!(news(&["v1.0.0"], &["v1.1.0"], &one), [told("v1.1.0", "v1.1.0")]);
    assert_eq!(news(&["v1.1.0"], &["v1.1.0"], &one), [], "the weeks before told it");
    // Of two claims, the later fix counts, in whichever order they are.
    for claims in [[fixed_in("v1.1.0"), fixed_in("v1.3.0")], [fixed_in("v1.3.0"), one.clone()]] {
        let claims = claims.concat();
        let later = [News::Version { version: "v1.2.0".to_owned() }];
        assert_eq!(news(&["v1.0.0"], &["v1.2.0"], &claims), later);
        assert_eq!(news(&["v1.0.0"], &["v1.3.0"], &claims), [told("v1.3.0", "v1.3.0")]);
    }
}

#[test]
fn a_group_that_the_week_has_not_is_no_issue() {
    let stacks: [Stack<'_>; 2] =
        [("crash", "Open", &["v1.0.0"], &[]), ("crash", "Close", &["v1.0.0"], &["v1.0.0"])];
    let plan = planned(&stacks, &[BEFORE, WEEK], "");
    let blamed: Vec<_> = issues(&plan).iter().map(|issue| issue.blamed[0].clone()).collect();
    assert_eq!(blamed, [format!("{PROGRAM}.Close")]);
}

#[test]
fn nothing_is_new_in_the_first_week() {
    let claim = claim("\"hello.main\"", "Open", "");
    let stacks: [Stack<'_>; 1] = [("crash", "Open", &[], &["v1.0.0"])];
    for (weeks, is_new) in [(&[WEEK][..], false), (&[BEFORE, WEEK], true)] {
        let plan = planned(&stacks, weeks, &claim);
        let issue = &issues(&plan)[0];
        assert_eq!((issue.stacks[0].is_new, !issue.news.is_empty()), (is_new, is_new), "{issue:?}");
    }
}

#[test]
fn readers_of_an_issue_see_its_new_stacks_first_and_a_few_of_all() {
    let claim = claim("\"hello.main\"", "Open", "");
    let names: Vec<String> = (0..7).map(|number| format!("F{number}")).collect();
    let stacks: Vec<Stack<'_>> = names
        .iter()
        .map(|name| -> Stack<'_> {
            let before: &[&str] = if name == "F6" { &[] } else { &["v1.0.0"] };
            // The new one has the fewest reports.
            let now: &[&str] = if name == "F6" { &["v1.0.0"] } else { &["v1.0.0", "v1.0.0"] };
            ("crash", name, before, now)
        })
        .collect();
    let plan = planned(&stacks, &[BEFORE, WEEK], &claim);
    let [issue] = issues(&plan) else { panic!("{plan:?}") };
    let shown: Vec<_> = issue.stacks.iter().map(|stack| (stack.is_new, stack.reports)).collect();
    assert_eq!(shown, [(true, 1), (false, 2), (false, 2), (false, 2), (false, 2)]);
    assert_eq!(issue.more_stacks, 2);
    assert_eq!(issue.news, [News::Stacks { count: 1 }]);
}

#[test]
fn the_counter_of_most_installations_is_first() {
    let claim = claim("\"hello.Open\"", "Open", "");
    let versions = ["v1.0.0"];
    let stacks: [Stack<'_>; 2] = [
        ("bug", "Open", &versions, &versions),
        ("crash", "Open", &versions, &["v1.0.0", "v1.0.0", "v1.0.0"]),
    ];
    let plan = planned(&stacks, &[BEFORE, WEEK], &claim);
    let [issue] = issues(&plan) else { panic!("{plan:?}") };
    let counts: Vec<_> =
        issue.counts.iter().map(|counted| (counted.counter.as_str(), counted.reports)).collect();
    assert_eq!(counts, [("crash", 3), ("bug", 1)]);
}
