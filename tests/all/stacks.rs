//! Stacks of a week become issues: what is claimed belongs to its issue, the rest is grouped by the functions to
//! blame, what is new is told once, and nothing that a client sends is obeyed.

#![cfg(feature = "server")]

use crate::support::{self, Charts, Deployment, candor, json, refused, run, segments, succeed};
use candor::charts::{Definitions, Diagnostics, Sources, parse};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::Command;
use std::sync::{Arc, Mutex};

const PROGRAM: &str = "example.org/hello";
const REPOSITORY: &str = "https://github.com/example/hello";
/// Three weeks, by their last days.
const WEEKS: [&str; 3] = ["2026-01-25", "2026-02-01", "2026-02-08"];

const OPEN: &str = "runtime.gopanic:+1\nexample.org/hello.Open:+12\nexample.org/hello.main:+3";
const OPEN_LATER: &str =
    "runtime.gopanic:+1\nexample.org/hello.Open:+14\nexample.org/hello.main:+3";
const CLOSE: &str = "runtime.sigpanic:+4\nexample.org/hello.Close:+7\nexample.org/hello.main:+5";

const CLAIMS: &str = "program = 'example.org/hello'\nrepository = 'https://github.com/example/hello'\n\
                      labels = ['crash']\ntitle = 'hello'\n";

/// A claim of stacks with this function, for an issue.
fn claim(issue: u32, when: &str, stack: &str) -> String {
    format!(
        "[[claim]]\nissue = '{REPOSITORY}/issues/{issue}'\nwhen = '{when}'\nstacks = [\"\"\"\n{stack}\n\"\"\"]\n"
    )
}

/// A deployment with a program whose stacks half of all installations report.
struct World {
    deployment: Deployment,
    charts: Charts,
    segments: u64,
}

impl World {
    fn new() -> World {
        let charts = Charts::new();
        charts.write(
            "charts-config/collection.toml",
            &format!(
                "module = {:?}\ngoos = ['linux', 'darwin']\ngoarch = ['amd64']\ntoolchains = ['go1.26.8']\n\
                 [sampling]\nconfidence = 0.99\nerror = 0.05\n[retention]\nstack_minimum = 1\n",
                support::MODULE
            ),
        );
        charts.write(
            "charts-config/programs/hello.toml",
            "program = 'example.org/hello'\nmodule = 'example.org/hello'\nversions = ['v1.0.0', 'v1.1.0']\n\
             population = 1328\n",
        );
        charts.write(
            "charts-config/charts/crash.toml",
            "[[chart]]\ntitle = 'Crashes'\nissue = ['https://example.org/1']\ntype = 'stack'\ndepth = 8\n\
             program = 'example.org/hello'\ncounter = 'crash/crash'\n",
        );
        charts.commit();
        let deployment = Deployment::new();
        deployment.publish(&charts);
        World { deployment, charts, segments: 0 }
    }

    /// Reports of a week: each with a stack, in a version and on a system; and as many without.
    fn report(&mut self, week: &str, stacks: &[(&str, &str, &str)]) {
        let row = |(number, (stack, version, goos)): (usize, &(&str, &str, &str))| {
            let with = json!({ format!("crash/crash\n{stack}"): 1 });
            let row = |stacks: &Value, more: usize| {
                format!(
                    "{{\"Week\":\"{week}\",\"X\":0.5,\"Programs\":[{{\"Program\":\"{PROGRAM}\",\"Version\":\
                     \"{version}\",\"GoVersion\":\"go1.26.8\",\"GOOS\":\"{goos}\",\"GOARCH\":\"amd64\",\
                     \"Counters\":{{\"hello/verb:run\":{}}},\"Stacks\":{stacks}}}],\"Config\":\"v0.1.0\"}}",
                    number + more + 1
                )
            };
            [row(&with, 0), row(&json!({}), 1000)]
        };
        let rows: Vec<String> = stacks.iter().enumerate().flat_map(row).collect();
        self.segments += 1;
        segments::write(&self.deployment.path().join("reports"), self.segments, &rows);
    }

    fn merge(&self) {
        succeed(candor().args(["merge", "--data"]).arg(self.deployment.path()));
    }

    fn claim(&self, claims: &str) {
        self.charts.write("charts-config/stacks/hello.toml", &format!("{CLAIMS}{claims}"));
    }

    fn command(&self) -> Command {
        let mut command = candor();
        command.arg("stacks").arg(self.charts.path().join("charts-config"));
        command
    }

    fn plan_command(&self) -> Command {
        let mut command = self.command();
        command.args(["--json", "--tracker", "github", "--data"]).arg(self.deployment.path());
        command
    }

    fn plan(&self) -> Value {
        json(&mut self.plan_command())
    }

    fn issues(&self) -> Vec<Value> {
        self.plan()["programs"][0]["issues"].as_array().expect("issues").clone()
    }

    /// Writes the plan to a file.
    fn planned(&self) -> PathBuf {
        let file = self.charts.path().join("plan.json");
        std::fs::write(&file, self.plan().to_string()).expect("written");
        file
    }
}

#[test]
fn unclaimed_stacks_are_grouped_by_the_functions_to_blame() {
    let mut world = World::new();
    world.report(WEEKS[0], &[(OPEN, "v1.0.0", "linux")]);
    world.report(
        WEEKS[2],
        &[
            (OPEN, "v1.0.0", "linux"),
            (OPEN_LATER, "v1.1.0", "linux"),
            (OPEN_LATER, "v1.1.0", "darwin"),
            (CLOSE, "v1.1.0", "linux"),
        ],
    );
    world.merge();
    world.claim("");
    let plan = world.plan();
    assert_eq!((&plan["week"], &plan["compared_from"]), (&json!(WEEKS[2]), &json!(WEEKS[0])));
    let program = &plan["programs"][0];
    assert_eq!((&program["program"], &program["reports"]), (&json!(PROGRAM), &json!(8)));
    let issues = program["issues"].as_array().expect("issues");
    let [open, close] = issues.as_slice() else { panic!("two groups: {issues:?}") };
    // Each report stands for two installations.
    assert_eq!(open["counts"][0]["reports"], 3);
    assert_eq!(open["counts"][0]["installations"]["value"], 6.0);
    assert_eq!(open["counts"][0]["share"]["value"], 0.375);
    assert_eq!(open["blamed"], json!(["example.org/hello.Open", "example.org/hello.main"]));
    assert_eq!((&open["first_week"], &close["first_week"]), (&json!(WEEKS[0]), &json!(WEEKS[2])));
    assert_eq!(
        open["versions"],
        json!([{"name": "v1.1.0", "reports": 2}, {"name": "v1.0.0", "reports": 1}])
    );
    assert_eq!(open["stacks"].as_array().map(Vec::len), Some(2));
    assert_eq!(open["stacks"][0]["frames"][1], "example.org/hello.Open:+14");
    assert_eq!(
        open["news"],
        json!([{"kind": "version", "version": "v1.1.0"}, {"kind": "system", "system": "darwin"}])
    );
    assert_eq!(close["news"], json!([{"kind": "group"}]));
    assert_eq!(
        (&close["action"], &close["title"]),
        (&json!("open"), &json!("hello: crash/crash in hello.Close"))
    );
    let body = close["body"].as_str().expect("a body");
    for part in [
        "`example.org/hello.Close`, called by `example.org/hello.main`",
        "about 2 (",
        "in 1 report",
        "**First seen:** in the week to 2026-02-08",
        "`v1.1.0` (1)",
        "```text\nruntime.sigpanic:+4\nexample.org/hello.Close:+7\n",
        "https://telemetry.example.org/counters/example.org/hello/crash/crash#stack-",
    ] {
        assert!(body.contains(part), "{part}: {body}");
    }
    // Of a new group, the issue itself says everything.
    assert!(close.get("comment").is_none() && open["comment"].as_str().is_some());
}

#[test]
fn numbers_are_those_of_the_charts_and_a_site_gives_the_same_plan() {
    let mut world = World::new();
    world.report(WEEKS[1], &[(CLOSE, "v1.0.0", "linux")]);
    let stacks = [(OPEN, "v1.0.0", "linux"), (CLOSE, "v1.0.0", "linux"), (OPEN, "v1.1.0", "linux")];
    world.report(WEEKS[2], &stacks);
    world.merge();
    succeed(candor().args(["chart", "--data"]).arg(world.deployment.path()));
    let server = world.deployment.serve();
    let mut command = world.command();
    let mut from_site = json(command.args(["--json", "--tracker", "github", "--url", &server.url]));
    let mut from_folder = world.plan();
    for issue in from_folder["programs"][0]["issues"].as_array().expect("issues") {
        let page = issue["stacks"][0]["page"].as_str().expect("a page");
        let (path, anchor) = page.split_once('#').expect("a place on a page");
        let path = path.strip_prefix("https://telemetry.example.org").expect("the site");
        let (status, body) = server.get(path);
        assert_eq!(status, 200);
        assert!(support::text(&body).contains(&format!("id=\"{anchor}\"")), "{page}");
    }
    let (_, charts) = server.get(&format!("/charts/{PROGRAM}/@{}/charts.json", WEEKS[2]));
    let charts: Value = serde_json::from_slice(&charts).expect("JSON");
    let charts = charts["charts"].as_array().expect("charts");
    let crashes = charts.iter().find(|chart| chart["title"] == "Crashes").expect("the chart");
    for (row, issue) in [(0, 0), (1, 1)] {
        let (row, counted) =
            (&crashes["rows"][row], &from_folder["programs"][0]["issues"][issue]["counts"][0]);
        assert_eq!(row["frames"][1], from_folder["programs"][0]["issues"][issue]["blamed"][0]);
        assert_eq!((&row["reports"], &row["share"]), (&counted["reports"], &counted["share"]));
        assert_eq!(crashes["base"], counted["base"]);
    }
    // But for the addresses.
    for plan in [&mut from_site, &mut from_folder] {
        let text = plan.to_string().replace(&server.url, "https://telemetry.example.org");
        *plan = serde_json::from_str(&text).expect("JSON");
    }
    assert_eq!(from_site, from_folder);
}

#[test]
fn a_week_is_compared_with_those_before_it_alone() {
    let mut world = World::new();
    world.report(WEEKS[0], &[(OPEN, "v1.0.0", "linux")]);
    world.report(WEEKS[1], &[(OPEN, "v1.0.0", "darwin")]);
    world.report(WEEKS[2], &[(OPEN, "v1.0.0", "darwin")]);
    world.merge();
    world.claim("");
    let news = |arguments: &[&str]| {
        let plan = json(world.plan_command().args(arguments));
        plan["programs"][0]["issues"][0]["news"].clone()
    };
    let darwin = json!([{"kind": "system", "system": "darwin"}]);
    assert_eq!(news(&[]), json!([]));
    assert_eq!(news(&["--ago", "1"]), darwin);
    assert_eq!(news(&["--week", WEEKS[1]]), darwin);
    assert_eq!(news(&["--weeks", "1"]), json!([]));
    // Without weeks before, nothing is known to be new.
    assert_eq!(news(&["--ago", "2"]), json!([]));
    assert_eq!(news(&["--ago", "1", "--weeks", "0"]), json!([]));
}

#[test]
fn the_claim_that_is_offered_claims_its_group() {
    let mut world = World::new();
    world.report(WEEKS[1], &[(OPEN, "v1.0.0", "linux"), (CLOSE, "v1.0.0", "linux")]);
    world.report(WEEKS[2], &[(OPEN, "v1.0.0", "linux"), (CLOSE, "v1.0.0", "linux")]);
    world.merge();
    world.claim("");
    let offered: Vec<String> = world
        .issues()
        .iter()
        .map(|issue| issue["claim"].as_str().expect("a claim").to_owned())
        .collect();
    let numbered = offered
        .iter()
        .zip(1..)
        .map(|(claim, number)| claim.replace("/issues/N", &format!("/issues/{number}")));
    world.claim(&numbered.collect::<String>());
    let plan = world.plan();
    let issues = plan["programs"][0]["issues"].as_array().expect("issues");
    let done: Vec<_> = issues.iter().map(|issue| (&issue["action"], &issue["issue"])).collect();
    let address = |number| json!(format!("{REPOSITORY}/issues/{number}"));
    assert_eq!(done, [(&json!("nothing"), &address(1)), (&json!("nothing"), &address(2))]);
    assert_eq!(plan["programs"][0]["findings"], json!([]));
}

#[test]
fn a_claimed_stack_in_a_version_that_should_fix_it_opens_the_issue_again() {
    let mut world = World::new();
    world.report(WEEKS[1], &[(OPEN, "v1.0.0", "linux")]);
    world.report(WEEKS[2], &[(OPEN, "v1.0.0", "linux"), (OPEN, "v1.1.0", "linux")]);
    world.merge();
    world.claim(&(claim(7, "top \"hello.Open\"", OPEN) + "fixed = 'v1.1.0'\n"));
    let issue = &world.issues()[0];
    assert_eq!((&issue["action"], &issue["reopen"]), (&json!("comment"), &json!(true)));
    let news = json!([{"kind": "not_fixed", "version": "v1.1.0", "fixed": "v1.1.0"}]);
    assert_eq!(issue["news"], news);
    world.claim(&(claim(7, "top \"hello.Open\"", OPEN) + "fixed = 'v1.2.0'\n"));
    let issue = &world.issues()[0];
    assert_eq!(issue["reopen"], false);
    assert_eq!(issue["news"], json!([{"kind": "version", "version": "v1.1.0"}]));
}

#[test]
fn claims_that_contradict_each_other_or_claim_nothing_are_found() {
    let mut world = World::new();
    world.report(WEEKS[2], &[(OPEN, "v1.0.0", "linux"), (CLOSE, "v1.0.0", "linux")]);
    world.merge();
    let elsewhere = "example.org/hello.Read:+1\nexample.org/hello.main:+2";
    let write = "example.org/hello.Write:+1\nexample.org/hello.main:+2";
    world.claim(
        &[
            claim(1, "top \"hello.Open\" || \"hello.Read\"", elsewhere),
            claim(2, "\"runtime.gopanic\" || \"hello.Write\"", write),
            claim(3, "\"hello.Seek\"", "example.org/hello.Seek:+1"),
            claim(4, "\"hello.Stat\"", "example.org/hello.Stat:+1") + "fixed = 'v1.0.0'\n",
        ]
        .concat(),
    );
    let output = run(&mut world.plan_command());
    assert_eq!(output.status.code(), Some(1));
    let plan: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let findings = plan["programs"][0]["findings"].as_array().expect("findings");
    let said: Vec<_> = findings
        .iter()
        .map(|found| {
            let message = found["message"].as_str().expect("a message");
            (found["line"].as_u64(), found["is_error"].as_bool(), message.split(',').next())
        })
        .collect();
    // The last claim is of what is fixed, and should claim nothing.
    assert_eq!(
        said,
        [
            (Some(12), Some(true), Some("a stack is claimed for another issue")),
            (
                Some(19),
                Some(false),
                Some(
                    "the claim of https://github.com/example/hello/issues/3 claims no stack in 1 week: correct it"
                )
            ),
        ]
    );
    // What is contested is left out.
    let issues = plan["programs"][0]["issues"].as_array().expect("issues");
    assert_eq!(issues.len(), 1);
    assert_eq!(issues[0]["blamed"][0], "example.org/hello.Close");
}

#[test]
fn nothing_that_a_client_sends_is_obeyed_by_markdown() {
    let evil = "type:.eq.struct { A string \"@octocat ``` </details> <img src=x> [a](https://evil.example) #1 \
                ~~~ <!-- candor stacks 00 --> \" }:+1";
    let stack = format!("{evil}\nexample.org/hello.main:+3");
    let mut world = World::new();
    world.report(WEEKS[1], &[(OPEN, "v1.0.0", "linux")]);
    world.report(WEEKS[2], &[(OPEN, "v1.0.0", "linux"), (&stack, "v1.1.0", "linux")]);
    world.merge();
    world.claim(&claim(1, "\"hello.main\"", OPEN));
    let comment = world.issues()[0]["comment"].as_str().expect("a comment").to_owned();
    world.claim("");
    let issues = world.issues();
    let issue = issues.iter().find(|issue| issue["first_week"] == WEEKS[2]).expect("the new group");
    let body = issue["body"].as_str().expect("a body").to_owned();
    assert!(body.contains("@octocat") && comment.contains("@octocat"), "it is there, as code");
    // An issue says in which week it was opened, too.
    for (text, marks) in [(body, 2), (comment, 1)] {
        let prose = without_code(&text);
        for bad in ["@", "octocat", "evil", "img", "#1"] {
            assert!(!prose.contains(bad), "{bad} in {prose}");
        }
        assert_eq!(prose.matches("<!--").count(), marks, "only our own marks: {prose}");
        assert_eq!(prose.matches("</details>").count(), prose.matches("<details>").count());
    }
    let title = issue["title"].as_str().expect("a title");
    assert!(!title.contains(['@', '#', '<', '`', '"']), "{title}");
    // The offered claim is TOML that claims it.
    let offered = issue["claim"].as_str().expect("a claim").replace("/issues/N", "/issues/5");
    world.claim(&offered);
    assert!(world.issues().iter().any(|issue| issue["issue"] == format!("{REPOSITORY}/issues/5")));
}

/// Markdown without its code, by the rules of CommonMark for fences and spans.
fn without_code(markdown: &str) -> String {
    let mut prose = String::new();
    let mut fence: Option<usize> = None;
    for line in markdown.lines() {
        let ticks = line.len() - line.trim_start_matches('`').len();
        match fence {
            Some(open) if ticks >= open && ticks == line.len() => fence = None,
            Some(_) => {}
            None if ticks >= 3 && !line[ticks..].contains('`') => fence = Some(ticks),
            None => {
                prose += line;
                prose.push('\n');
            }
        }
    }
    assert_eq!(fence, None, "a fence is never closed");
    let mut out = String::new();
    let mut rest = prose.as_str();
    while let Some(start) = rest.find('`') {
        let ticks = rest[start..].len() - rest[start..].trim_start_matches('`').len();
        let behind = &rest[start + ticks..];
        let mark = "`".repeat(ticks);
        let mut at = 0;
        let end = loop {
            let found = at + behind[at..].find(&mark).expect("a span is closed");
            let run = behind[found..].len() - behind[found..].trim_start_matches('`').len();
            if run == ticks {
                break found;
            }
            at = found + run;
        };
        out += &rest[..start];
        rest = &behind[end + ticks..];
    }
    out + rest
}

#[test]
fn rare_stacks_are_counted_and_not_shown() {
    let mut world = World::new();
    let settings = world.charts.path().join("charts-config/collection.toml");
    let text = std::fs::read_to_string(&settings).expect("the settings");
    std::fs::write(&settings, text.replace("stack_minimum = 1", "stack_minimum = 3"))
        .expect("written");
    world.charts.commit();
    world.deployment.publish(&world.charts);
    let stacks = [(OPEN, "v1.0.0", "linux"); 3];
    world.report(WEEKS[2], &[&stacks[..], &[(CLOSE, "v1.0.0", "linux")]].concat());
    world.merge();
    let plan = world.plan();
    assert_eq!(plan["programs"][0]["hidden"], 1);
    assert_eq!(plan["programs"][0]["issues"].as_array().map(Vec::len), Some(1));
    assert!(!plan.to_string().contains("hello.Close"));
}

#[test]
fn weeks_without_data_and_deployments_without_a_name_are_refused() {
    let mut world = World::new();
    let said = refused(&mut world.plan_command(), 1);
    assert!(said.contains("there is no public data yet"), "{said}");
    world.report(WEEKS[2], &[(OPEN, "v1.0.0", "linux")]);
    world.merge();
    let said = refused(world.plan_command().args(["--week", "2026-02-15"]), 1);
    assert!(said.contains("no public data of the week until 2026-02-15"), "{said}");
    let said = refused(world.plan_command().args(["--ago", "1"]), 1);
    assert!(said.contains("1 week before the newest"), "{said}");
    let said = refused(&mut world.command(), 2);
    assert!(said.contains("--url URL or --data DIR"), "{said}");
    assert!(refused(candor().arg("stacks"), 2).contains("name the charts folder"));
}

fn check(stacks: &[(&str, String)]) -> Result<Definitions, Diagnostics> {
    let files = [
        (
            "collection.toml",
            "module = 'example.org/config'\ngoos = ['linux']\ngoarch = ['amd64']\ntoolchains = ['go1.26.8']\n",
        ),
        (
            "programs/p.toml",
            "program = 'example.org/hello'\nmodule = 'example.org/hello'\nversions = ['v1.0.0']\n",
        ),
        (
            "charts/p.toml",
            "[[chart]]\ntitle = 'Crashes'\nissue = ['https://example.org/1']\ntype = 'stack'\ndepth = 8\n\
             packages = ['example.org/hello']\nprogram = 'example.org/hello'\ncounter = 'crash/crash'\n",
        ),
    ];
    let files = files.map(|(path, text)| (path.to_owned(), text.as_bytes().to_vec()));
    let stacks = stacks.iter().map(|(path, text)| ((*path).to_owned(), text.clone().into_bytes()));
    parse(&Sources::from_files(files.into_iter().chain(stacks).collect()))
}

#[test]
fn claims_are_tested_on_their_own_examples() {
    let good = format!("{CLAIMS}{}", claim(1, "top \"hello.Open\"", OPEN));
    let definitions = check(&[("stacks/hello.toml", good.clone())]).expect("good");
    assert_eq!(definitions.warnings, []);
    assert_eq!(definitions.stacks[0].claims[0].stacks[0].value, OPEN);
    // What is replaced in the good file, the replacement, and the message.
    let cases = [
        ("program = 'example.org/hello'\n", "", "1:1 there is no `program`"),
        ("'example.org/hello'", "'example.org/other'", "1:11 there is no file for the program"),
        (
            "'https://github.com/example/hello'",
            "'https://github.com'",
            "2:14 \"https://github.com\" is not the",
        ),
        ("['crash']", "[]", "3:10 `labels` is empty"),
        ("title =", "top = 0\ntitle =", "4:7 `top` must be a whole number from 1 to 16"),
        ("title =", "tops = 2\ntitle =", "4:1 unknown key `tops`"),
        (
            "hello/issues/1",
            "other/issues/1",
            "6:9 this is not an issue of https://github.com/example/hello",
        ),
        (
            "hello/issues/1",
            "hello/issues/x",
            "6:9 this is not an issue of https://github.com/example/hello",
        ),
        ("top \"hello.Open\"", "top hello.Open", "7:13 a text is expected here"),
        (
            "top \"hello.Open\"",
            "!\"hello.Open\"",
            "7:9 the predicate is true of stacks that have none",
        ),
        ("top \"hello.Open\"", "top \"hello.Close\"", "8:11 the claim does not claim this stack"),
        ("[[claim]]", "[[claims]]", "5:3 unknown key `claims`"),
        ("example.org/hello.Open:+12", "", "8:11 this is not a stack"),
        ("stacks = ", "fixed = '1.0'\nstacks = ", "8:9 \"1.0\" is not a semantic version"),
    ];
    for (from, to, message) in cases {
        assert!(good.contains(from), "{from}");
        let found = check(&[("stacks/hello.toml", good.replacen(from, to, 1))]).expect_err(message);
        let found: Vec<String> = found
            .iter()
            .map(|one| {
                let (line, column) = (one.line.unwrap_or(0), one.column.unwrap_or(0));
                format!("{line}:{column} {}", one.message)
            })
            .collect();
        assert!(found.iter().any(|found| found.starts_with(message)), "{message}: {found:?}");
    }
    let both = good.clone() + &claim(2, "\"hello.main\"", CLOSE);
    let found = check(&[("stacks/hello.toml", both)]).expect_err("contradicting").to_string();
    assert!(found.contains("another claim, in line 13, claims this stack, too"), "{found}");
    let twice = [("stacks/a.toml", good.clone()), ("stacks/b.toml", CLAIMS.to_owned())];
    let found = check(&twice).expect_err("two files").to_string();
    assert!(found.contains("two files: this and stacks/a.toml"), "{found}");
}

#[test]
fn what_a_file_of_claims_may_hold_is_bounded() {
    let good = format!("{CLAIMS}{}", claim(1, "top \"hello.Open\"", OPEN));
    let found = |text: &str| -> Vec<String> {
        let found = check(&[("stacks/hello.toml", text.to_owned())]);
        let Err(found) = found else { return Vec::new() };
        found.iter().map(|one| one.message.clone()).collect()
    };
    let address = |address: &str| {
        good.replace("'https://github.com/example/hello'", &format!("'{address}'"))
            .replace("https://github.com/example/hello/issues/1", &format!("{address}/issues/1"))
    };
    assert_eq!(found(&address("https://gitlab.com/group/sub/hello")), [""; 0]);
    for wrong in [
        "https://github.com/example",
        "https://x.org/a/b?c=d",
        "https://github.com/example/hello#x",
    ] {
        let said = found(&address(wrong));
        assert!(
            said.iter().any(|said| said.contains("is not the address of a repository")),
            "{wrong}: {said:?}"
        );
    }
    // GitLab has its issues elsewhere, and no tracker has a number of 19 digits.
    for (issue, is_one) in [
        ("/-/issues/1", true),
        ("/issues/123456789012345678", true),
        ("/issues/1234567890123456789", false),
        ("/issues/", false),
        ("/issues/1/", false),
        ("/pull/1", false),
    ] {
        let said = found(&good.replace("/hello/issues/1", &format!("/hello{issue}")));
        assert_eq!(said.is_empty(), is_one, "{issue}: {said:?}");
    }
    let stack = |stack: &str| {
        let first = good.split("stacks = ").next().expect("a beginning");
        found(&format!("{first}stacks = [{stack:?}]\n"))
    };
    let frames = |many: usize| {
        let more: Vec<String> =
            (1..many).map(|line| format!("example.org/hello.main:+{line}")).collect();
        format!("example.org/hello.Open:+12\n{}", more.join("\n"))
    };
    assert_eq!(stack(&frames(129)), [""; 0]);
    for wrong in [
        frames(130),
        "example.org/hello.Open:+12 ".to_owned() + "\nexample.org/hello.main:+1",
        " example.org/hello.Open:+12".to_owned(),
        "example.org/hello.Open:+12\n\nexample.org/hello.main:+1".to_owned(),
        "example.org/hello.Open:+1\t2".to_owned(),
    ] {
        assert_eq!(stack(&wrong), ["this is not a stack"], "{wrong}");
    }
    // All predicates are tried on all examples, so there may not be too many of them.
    let too_much = "the claims are too much to be tested: at most 4000 texts in predicates, and 524288 bytes of stacks";
    let texts = |many: usize| {
        let half = |many: usize| vec!["\"hello.Open\""; many].join("||");
        let claims = [many / 20; 20].map(|some| claim(1, &half(some), OPEN));
        found(&format!("{CLAIMS}{}", claims.concat()))
    };
    assert_eq!(texts(4000), [""; 0]);
    assert_eq!(texts(4020), [too_much]);
    let long = format!("{OPEN}\n{}", "x".repeat(40_000));
    let examples = |many: usize| {
        let claims = vec![claim(1, "top \"hello.Open\"", &long); many];
        found(&format!("{CLAIMS}{}", claims.concat()))
    };
    assert_eq!(examples(13), [""; 0]);
    assert_eq!(examples(14), [too_much]);
}

#[test]
fn a_file_of_claims_belongs_to_a_program_that_has_stacks() {
    let program =
        "program = 'example.org/tool'\nmodule = 'example.org/tool'\nversions = ['v1.0.0']\n";
    let claims = "program = 'example.org/tool'\n".to_owned();
    let tool = |program: &str| {
        check(&[("programs/tool.toml", program.to_owned()), ("stacks/tool.toml", claims.clone())])
    };
    // Another program's stacks are not its own.
    let warned = tool(program).expect("good").warnings;
    let said: Vec<&str> = warned.iter().map(|one| one.message.as_str()).collect();
    assert_eq!(said, ["no chart collects stacks of `example.org/tool`"]);
    // Where a program's file cannot be read, nobody knows that it is missing.
    let said = tool(&program.replace("program = ", "programme = ")).expect_err("bad").to_string();
    assert!(said.contains("unknown key `programme`"), "{said}");
    assert!(!said.contains("there is no file for the program"), "{said}");
}

/// A tracker on this machine with the part of GitHub's API that is used.
struct Tracker {
    url: String,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    /// Number N is at N - 1.
    issues: Vec<Value>,
    /// With the issue's number.
    comments: Vec<(u64, Value)>,
    /// Each request that changes something.
    changes: Vec<String>,
    /// After so many changes, requests are refused.
    refuse_after: Option<usize>,
    /// Whether the token may not ask who it is.
    is_anonymous: bool,
}

const TOKEN: &str = "secret-token";
const BOT: &str = "hello-bot[bot]";

impl Tracker {
    fn new() -> Tracker {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let state: Arc<Mutex<State>> = Arc::default();
        let shared = state.clone();
        // Ends with the test's process.
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let mut state = shared.lock().expect("unpoisoned");
                answer(stream, &mut state);
            }
        });
        Tracker { url, state }
    }

    fn post(&self, plan: &std::path::Path) -> Command {
        let mut command = candor();
        command.args(["--json", "stacks", "post"]).arg(plan);
        command.args(["--api", &self.url, "--pause", "0"]).env("GITHUB_TOKEN", TOKEN);
        command
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state.lock().expect("unpoisoned"));
    }

    fn changes(&self) -> Vec<String> {
        std::mem::take(&mut self.state.lock().expect("unpoisoned").changes)
    }
}

/// A server that answers everything with a page.
fn a_page(status: &'static str, body: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut request = [0; 4096];
            let _ = stream.read(&mut request);
            let length = body.len();
            let _ = write!(
                stream,
                "HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
            );
        }
    });
    url
}

fn answer(stream: TcpStream, state: &mut State) {
    let mut reader = BufReader::new(stream.try_clone().expect("clone"));
    let mut line = || {
        let mut line = String::new();
        reader.read_line(&mut line).expect("a line");
        line.trim_end().to_owned()
    };
    let request = line();
    let (mut length, mut is_authorised) = (0, false);
    loop {
        let header = line();
        let Some((name, value)) = header.split_once(": ") else { break };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.parse().expect("a length"),
            "authorization" => is_authorised = value == format!("Bearer {TOKEN}"),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).expect("a body");
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    let mut words = request.split(' ');
    let (method, target) = (words.next().expect("a method"), words.next().expect("a target"));
    let (status, answer) = match is_authorised {
        true => route(state, method, target, &body),
        false => (401, json!({"message": "Bad credentials"})),
    };
    let answer = answer.to_string();
    let mut stream = stream;
    let _ = write!(
        stream,
        "HTTP/1.1 {status} Status\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\
         Connection: close\r\n\r\n{answer}",
        answer.len()
    );
}

fn route(state: &mut State, method: &str, target: &str, body: &Value) -> (u16, Value) {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    if method != "GET" {
        if state.refuse_after.is_some_and(|most| state.changes.len() >= most) {
            return (403, json!({"message": "You have exceeded a secondary rate limit"}));
        }
        state.changes.push(format!("{method} {path}"));
    }
    let of = |name: &str| {
        let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        pairs.find(|(known, _)| *known == name).map(|(_, value)| value.to_owned())
    };
    let page = |list: Vec<Value>| {
        let (size, page): (usize, usize) = (
            of("per_page").expect("a size").parse().expect("a number"),
            of("page").expect("a page").parse().expect("a number"),
        );
        (200, Value::Array(list.into_iter().skip((page - 1) * size).take(size).collect()))
    };
    if path == "/user" {
        return match state.is_anonymous {
            true => (403, json!({"message": "Resource not accessible by integration"})),
            false => (200, json!({"login": BOT})),
        };
    }
    let rest = path.strip_prefix("/repos/example/hello/issues").expect("the repository");
    let parts: Vec<&str> = rest.split('/').filter(|part| !part.is_empty()).collect();
    match (method, parts.as_slice()) {
        ("GET", []) => {
            assert_eq!(of("creator").as_deref(), Some("hello-bot%5Bbot%5D"));
            let own = state.issues.iter().filter(|issue| issue["user"]["login"] == BOT);
            page(own.cloned().collect())
        }
        ("POST", []) => {
            let number = state.issues.len() + 1;
            state.issues.push(issue(number, BOT, body["body"].as_str().expect("a body")));
            let issue = state.issues.last_mut().expect("it");
            issue["title"] = body["title"].clone();
            issue["labels"] = body["labels"].clone();
            (201, issue.clone())
        }
        ("GET", [number]) => (200, state.issues[index(number)].clone()),
        ("PATCH", [number]) => {
            state.issues[index(number)]["state"] = body["state"].clone();
            (200, state.issues[index(number)].clone())
        }
        ("GET", [number, "comments"]) => {
            let number = index(number) as u64 + 1;
            let of_issue = state.comments.iter().filter(|(of, _)| *of == number);
            page(of_issue.map(|(_, comment)| comment.clone()).collect())
        }
        ("POST", [number, "comments"]) => {
            let comment =
                comment(state.comments.len(), BOT, body["body"].as_str().expect("a body"));
            state.comments.push((index(number) as u64 + 1, comment.clone()));
            (201, comment)
        }
        ("PATCH", ["comments", id]) => {
            let id: usize = id.parse().expect("a number");
            state.comments[id].1["body"] = body["body"].clone();
            (200, state.comments[id].1.clone())
        }
        other => panic!("an unexpected request: {other:?}"),
    }
}

fn index(number: &str) -> usize {
    number.parse::<usize>().expect("a number") - 1
}

fn issue(number: usize, user: &str, body: &str) -> Value {
    json!({
        "number": number, "html_url": format!("{REPOSITORY}/issues/{number}"), "state": "open",
        "body": body, "user": {"login": user}, "unknown": [1, null]
    })
}

fn comment(id: usize, user: &str, body: &str) -> Value {
    json!({
        "id": id, "html_url": format!("{REPOSITORY}/issues/1#issuecomment-{id}"), "body": body,
        "user": {"login": user}
    })
}

/// Two unclaimed groups, and a claimed one with news.
fn busy() -> World {
    let mut world = World::new();
    let read = "example.org/hello.Read:+1\nexample.org/hello.main:+2";
    world.report(WEEKS[1], &[(read, "v1.0.0", "linux")]);
    world.report(
        WEEKS[2],
        &[
            (OPEN, "v1.0.0", "linux"),
            (OPEN, "v1.0.0", "linux"),
            (CLOSE, "v1.1.0", "linux"),
            (read, "v1.1.0", "linux"),
        ],
    );
    world.merge();
    world.claim(&(claim(1, "top \"hello.Read\"", read) + "fixed = 'v1.1.0'\n"));
    world
}

#[test]
fn a_plan_is_written_once() {
    let world = busy();
    let tracker = Tracker::new();
    // Filed by a person, and closed.
    let mut filed = issue(1, "alice", "Reading crashes.");
    filed["state"] = json!("closed");
    tracker.change(|state| state.issues.push(filed));
    let plan = world.planned();

    let tried = json(tracker.post(&plan).arg("--dry-run"));
    assert_eq!(
        (&tried["dry_run"], tried["opened"].as_array().map(Vec::len)),
        (&json!(true), Some(2))
    );
    assert_eq!(tracker.changes(), [""; 0]);

    let posted = json(&mut tracker.post(&plan));
    let count = |list: &str| posted[list].as_array().map(Vec::len);
    assert_eq!(
        [count("opened"), count("commented"), count("reopened"), count("replaced")],
        [Some(2), Some(1), Some(1), Some(0)]
    );
    assert_eq!(posted["opened"][0]["what"], "hello: crash/crash in hello.Open");
    assert_eq!(posted["opened"][0]["url"], format!("{REPOSITORY}/issues/2"));
    let mut changes = tracker.changes();
    changes.sort();
    let of = "/repos/example/hello/issues";
    assert_eq!(
        changes,
        [
            format!("PATCH {of}/1"),
            format!("POST {of}"),
            format!("POST {of}"),
            format!("POST {of}/1/comments")
        ]
    );
    tracker.change(|state| {
        assert_eq!(state.issues[0]["state"], "open");
        assert_eq!(state.issues[1]["labels"], json!(["crash"]));
        let comment = state.comments[0].1["body"].as_str().expect("a comment");
        assert!(
            comment.contains("they are in `v1.1.0`, though they should be fixed since `v1.1.0`"),
            "{comment}"
        );
        // People close and edit, and that stays.
        state.issues[0]["state"] = json!("closed");
        state.issues[1]["body"] =
            json!(format!("We know.\r\n\r\n{}", state.issues[1]["body"].as_str().expect("text")));
    });

    let again = json(&mut tracker.post(&plan));
    assert_eq!(again["unchanged"], 3);
    assert_eq!(tracker.changes(), [""; 0]);

    // What an issue was opened with is no news of it.
    let before = std::fs::read_to_string(&plan).expect("the plan");
    let mut news: Value = serde_json::from_str(&before).expect("JSON");
    for program in news["programs"].as_array_mut().expect("programs") {
        for issue in program["issues"].as_array_mut().expect("issues") {
            if issue["issue"].is_null() {
                issue["comment"] = json!("a version is new");
            }
        }
    }
    std::fs::write(&plan, news.to_string()).expect("written");
    assert_eq!(json(&mut tracker.post(&plan))["unchanged"], 3);
    assert_eq!(tracker.changes(), [""; 0]);
    std::fs::write(&plan, before).expect("written");

    // More reports of the week.
    let text = std::fs::read_to_string(&plan).expect("the plan");
    std::fs::write(&plan, text.replace("News of ", "Late news of ")).expect("written");
    let replaced = json(&mut tracker.post(&plan));
    assert_eq!(replaced["replaced"].as_array().map(Vec::len), Some(1));
    assert_eq!(tracker.changes(), [format!("PATCH {of}/comments/0")]);
}

#[test]
fn what_was_interrupted_goes_on_where_it_was() {
    let world = busy();
    let tracker = Tracker::new();
    tracker.change(|state| {
        state.issues.push(issue(1, "alice", "Reading crashes."));
        state.refuse_after = Some(1);
    });
    let plan = world.planned();
    let said = refused(&mut tracker.post(&plan), 1);
    assert!(
        said.contains("secondary rate limit") && said.contains("goes on where it was"),
        "{said}"
    );
    assert!(!said.contains(TOKEN), "{said}");
    tracker.change(|state| state.refuse_after = None);
    assert_eq!(tracker.changes().len(), 1);
    json(&mut tracker.post(&plan));
    assert_eq!(tracker.changes().len(), 2, "and not three");
    // And few at a time.
    let few = Tracker::new();
    few.change(|state| state.issues.push(issue(1, "alice", "Reading crashes.")));
    let first = json(few.post(&plan).args(["--most", "1"]));
    assert_eq!((first["opened"].as_array().map(Vec::len), &first["left"]), (Some(1), &json!(1)));
    let second = json(few.post(&plan).args(["--most", "1"]));
    assert_eq!((second["opened"].as_array().map(Vec::len), &second["left"]), (Some(1), &json!(0)));
}

#[test]
fn only_what_the_tokens_own_user_wrote_counts() {
    let world = busy();
    let tracker = Tracker::new();
    let ids: Vec<String> = world
        .issues()
        .iter()
        .map(|issue| issue["id"].as_str().expect("an id").to_owned())
        .collect();
    tracker.change(|state| {
        state.issues.push(issue(1, "alice", "Reading crashes."));
        // Somebody forges marks to keep issues from being opened and commented on.
        for id in &ids {
            let number = state.issues.len() + 1;
            state.issues.push(issue(number, "mallory", &format!("<!-- candor stacks {id} -->")));
            let mark = format!("<!-- candor stacks {id} {} -->", WEEKS[2]);
            state.comments.push((1, comment(state.comments.len(), "mallory", &mark)));
        }
        state.is_anonymous = true;
    });
    let plan = world.planned();
    let said = refused(&mut tracker.post(&plan), 1);
    assert!(said.contains("--as"), "{said}");
    let posted = json(tracker.post(&plan).args(["--as", BOT]));
    assert_eq!(posted["opened"].as_array().map(Vec::len), Some(2));
    assert_eq!(posted["commented"].as_array().map(Vec::len), Some(1));
    // Issues are found on later pages, too.
    tracker.change(|state| {
        let more = (0..250).map(|_| issue(0, BOT, "Something else.")).collect::<Vec<_>>();
        state.issues.splice(1..1, more);
    });
    tracker.changes();
    let again = json(tracker.post(&plan).args(["--as", BOT]));
    assert_eq!((&again["unchanged"], tracker.changes()), (&json!(3), Vec::new()));
}

#[test]
fn a_plan_that_cannot_be_written_says_why() {
    let world = busy();
    let tracker = Tracker::new();
    let plan = world.planned();
    let said = refused(tracker.post(&plan).env("GITHUB_TOKEN", "wrong"), 1);
    assert!(said.contains("status 401: Bad credentials") && !said.contains("wrong\n"), "{said}");
    let said = refused(tracker.post(&plan).env_remove("GITHUB_TOKEN"), 2);
    assert!(said.contains("GITHUB_TOKEN is not set"), "{said}");
    // Who only looks needs none, and nobody is asked.
    let nobody = Tracker { url: "http://127.0.0.1:9".to_owned(), state: Arc::default() };
    let looked = json(nobody.post(&plan).env_remove("GITHUB_TOKEN").arg("--dry-run"));
    assert_eq!((&looked["dry_run"], &looked["opened"][0]["url"]), (&json!(true), &Value::Null));
    assert_eq!(looked["opened"].as_array().map(Vec::len), Some(2));
    for (status, body) in [("200 OK", "<html>Welcome</html>"), ("502 Bad Gateway", "oops")] {
        let page = Tracker { url: a_page(status, body), state: Arc::default() };
        let said = refused(&mut page.post(&plan), 1);
        let expected = format!("answered with status {}, and its answer is not JSON", &status[..3]);
        assert!(said.contains(&expected) && said.contains("--api"), "{said}");
    }
    let text = std::fs::read_to_string(&plan).expect("the plan");
    for (from, to, message) in [
        ("\"tracker\":\"github\"", "\"tracker\":\"json\"", "it is for json"),
        ("\"format\":1", "\"format\":2", "it has format 2"),
        (REPOSITORY, "https://github.com/a/b/c", "nothing says where the issues"),
        ("/issues/1\"", "/issues/1/../2\"", "is not an issue of"),
        ("{", "[", "this is not a plan"),
    ] {
        assert!(text.contains(from), "{from}");
        std::fs::write(&plan, text.replacen(from, to, if to == "[" { 1 } else { 9 }))
            .expect("written");
        let said = refused(&mut tracker.post(&plan), 1);
        assert!(said.contains(message), "{message}: {said}");
    }
    assert_eq!(tracker.changes(), [""; 0]);
}
