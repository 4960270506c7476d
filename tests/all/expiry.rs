//! A definition that expires leaves the config on its day, whether or not anyone commits anything; and
//! anyone with the commit and the day can compile the same bytes again.

#![cfg(feature = "server")]

use crate::support;
use candor::charts::Repository;
use candor::gomod::{Module, ModulePath, RepositoryUrl};
use candor::publish::{
    CompileDay, Deployment as Opened, Outcome, Publisher, Republished, Versions, Watch, republish,
};
use serde_json::Value;
use std::path::Path;
use support::{Charts, Deployment, MODULE, candor, chart, json, refused, succeed};

/// Two charts, one of which expires on a day.
fn charts(last: &str) -> Charts {
    let charts = Charts::new();
    let expiring = format!("{}expires = {last}\n", chart("Ends", "hello/ends"));
    charts.write("charts-config/charts/ends.toml", &expiring);
    charts.commit();
    charts
}

fn publish(deployment: &Deployment, charts: &Charts, as_of: Option<&str>) -> std::process::Command {
    let mut command = deployment.publish_command(charts);
    command.args(as_of.map(|day| format!("--as-of={day}")));
    command
}

/// A published version, from the store.
fn module(deployment: &Deployment, number: u64) -> Module {
    let opened = Opened::open(deployment.path()).expect("a deployment");
    let head = opened.log().expect("a log").settle().expect("settled");
    let path = ModulePath::new(MODULE).expect("a path");
    let version = candor::gomod::ModuleVersion::new(number).expect("a version");
    Versions::new(path, opened.store).module(head, version).expect("a version")
}

fn counters(config: &[u8]) -> Vec<String> {
    let config: Value = serde_json::from_slice(config).expect("JSON");
    let counters = config["Programs"][0]["Counters"].as_array().expect("counters");
    counters.iter().map(|one| one["Name"].as_str().expect("a name").to_owned()).collect()
}

#[test]
fn the_same_commit_is_published_again_when_a_definition_has_expired() {
    let (deployment, charts) = (Deployment::new(), charts("2926-06-30"));
    for (day, outcome) in [
        ("2926-06-29", "published"),
        ("2926-06-30", "unchanged"),
        ("2926-07-01", "published"),
        ("2926-07-02", "unchanged"),
    ] {
        assert_eq!(
            json(publish(&deployment, &charts, Some(day)).arg("--json"))["outcome"],
            outcome
        );
    }
    let [before, after] = [1, 2].map(|number| module(&deployment, number));
    assert_eq!(counters(before.config()), ["hello/ends", "hello/verb:{run,help}"]);
    assert_eq!(counters(after.config()), ["hello/verb:{run,help}"]);
    let (was, is) = (before.provenance(), after.provenance());
    assert_eq!(
        (was.as_of.to_string(), is.as_of.to_string()),
        ("2926-06-29".into(), "2926-07-01".into())
    );
    assert_eq!((&was.commit, was.time), (&is.commit, is.time));

    // Anyone can make these bytes again from what the zip says.
    let clone = tempfile::TempDir::new().expect("a folder");
    charts.git(&["clone", "-q", ".", clone.path().to_str().expect("text")]);
    for module in [before, after] {
        let provenance = module.provenance();
        let place = clone.path().display().to_string();
        charts.git(&["-C", &place, "checkout", "-q", provenance.commit.as_str()]);
        let mut compile = candor();
        compile.arg("compile").arg(clone.path().join(provenance.path.as_str()));
        compile.args(["--as-of", &provenance.as_of.to_string()]);
        assert_eq!(succeed(&mut compile).as_bytes(), module.config());
    }
}

#[test]
fn a_clock_that_goes_backwards_collects_nothing_again() {
    let (deployment, charts) = (Deployment::new(), charts("2926-06-30"));
    succeed(&mut publish(&deployment, &charts, Some("2926-07-01")));
    // By the clock it is much earlier.
    let message = refused(&mut publish(&deployment, &charts, None), 1);
    assert!(message.contains("v0.1.0 was compiled for 2926-07-01"), "{message}");
    assert!(message.contains("--as-of 20"), "{message}");
    assert_eq!(counters(module(&deployment, 1).config()), ["hello/verb:{run,help}"]);
    // A day that someone chooses is accepted, and everyone can see it.
    succeed(&mut publish(&deployment, &charts, Some("2926-06-01")));
    assert_eq!(module(&deployment, 2).provenance().as_of.to_string(), "2926-06-01");
    let message = refused(&mut publish(&deployment, &charts, Some("someday")), 2);
    assert!(message.contains("someday"), "{message}");
}

#[test]
fn a_watch_publishes_on_the_day_without_a_new_commit() {
    let (deployment, charts) = (Deployment::new(), charts("2026-06-30"));
    let opened = Opened::open(deployment.path()).expect("a deployment");
    let log = opened.log().expect("a log");
    let publisher = Publisher::new(opened.module.clone(), opened.store.clone(), log);
    let location = charts.path().display().to_string();
    let open =
        || Repository::open(&location, None, Path::new("/nonexistent")).expect("a repository");
    let today = |day: &str| CompileDay::Today(day.parse().expect("a day"));
    let look = |watch: &mut Watch, day| {
        let mut published = Vec::new();
        let report = |_: &_, found: Result<Outcome, _>| match found.expect("published") {
            Outcome::Published(new) => published.push(new.version),
            Outcome::Completed(same) | Outcome::Unchanged(same) => {
                published.push(format!("still {}", same.version));
            }
        };
        watch.poll(&publisher, today(day), report).map(|()| published)
    };
    let mut watch = Watch::new(open(), None, &publisher).expect("a watch");
    let seen = |watch: &mut Watch, day| look(watch, day).expect("a look");
    assert_eq!(seen(&mut watch, "2026-06-29"), ["v0.1.0"]);
    assert_eq!(seen(&mut watch, "2026-06-30"), [""; 0]);
    assert_eq!(seen(&mut watch, "2026-07-01"), ["v0.2.0"]);
    assert_eq!(seen(&mut watch, "2026-07-01"), [""; 0]);
    // A restarted watch, and one whose clock is wrong for a while.
    let mut watch = Watch::new(open(), None, &publisher).expect("a watch");
    assert_eq!(seen(&mut watch, "2026-07-01"), [""; 0]);
    let refused = look(&mut watch, "2026-06-30").expect_err("it was later before");
    assert!(refused.may_pass(), "{refused}");
    assert_eq!(seen(&mut watch, "2026-07-02"), [""; 0]);
    // A watch that was not running on the day.
    let late = Deployment::new();
    let late = Opened::open(late.path()).expect("a deployment");
    let publisher =
        Publisher::new(late.module.clone(), late.store.clone(), late.log().expect("a log"));
    let revision = open().read(None).expect("a commit");
    let published = publisher.publish(&revision, &RepositoryUrl::default(), today("2026-06-01"));
    assert!(matches!(published, Ok(Outcome::Published(_))));
    let mut watch = Watch::new(open(), None, &publisher).expect("a watch");
    let mut outcomes = 0;
    watch
        .poll(&publisher, today("2026-08-01"), |_, found| {
            outcomes += usize::from(matches!(found, Ok(Outcome::Published(_))));
        })
        .expect("a look");
    assert_eq!(outcomes, 1);
}

#[test]
fn the_source_is_remembered_and_published_from_again() {
    let (deployment, charts) = (Deployment::new(), charts("2026-06-30"));
    let opened = Opened::open(deployment.path()).expect("a deployment");
    let today = |day: &str| CompileDay::Today(day.parse().expect("a day"));
    let on = |day: &str| republish(&opened, today(day)).map_err(|error| error.to_string());
    let is_nothing = |found| matches!(found, Ok(Republished::NothingToDo(_)));
    assert!(is_nothing(on("2026-07-01")), "nothing was published from anywhere");
    succeed(&mut publish(&deployment, &charts, Some("2026-06-29")));
    let remembered = deployment.path().join("charts.json");
    let mode = std::os::unix::fs::MetadataExt::mode(&remembered.metadata().expect("remembered"));
    assert_eq!(mode & 0o777, 0o600);
    assert!(is_nothing(on("2026-06-30")));
    // A missing repository is noticed on the day when it is needed, and not before.
    let away = charts.path().with_extension("away");
    std::fs::rename(charts.path(), &away).expect("moved");
    assert!(is_nothing(on("2026-06-30")));
    let error = on("2026-07-01").expect_err("not there");
    assert!(
        error.contains("definitions have expired") && error.contains("candor publish"),
        "{error}"
    );
    std::fs::rename(&away, charts.path()).expect("moved back");
    // What was committed in the meantime was reviewed, but nobody has published it.
    charts.add_chart("later");
    let Ok(Republished::New(new)) = on("2026-07-01") else { panic!("it has expired") };
    assert_eq!(new.version, "v0.2.0");
    assert_eq!(counters(module(&deployment, 2).config()), ["hello/verb:{run,help}"]);
    assert_eq!(
        module(&deployment, 2).provenance().commit,
        module(&deployment, 1).provenance().commit
    );
    assert!(is_nothing(on("2026-07-02")));
    std::fs::write(&remembered, "{}").expect("damaged");
    let error = on("2026-07-02").expect_err("damaged");
    assert!(error.contains("charts.json") && error.contains("remove it"), "{error}");
}

#[test]
fn a_server_publishes_what_has_expired() {
    let (deployment, charts) = (Deployment::new(), charts("2020-06-30"));
    // A mirror, which is not fetched again: the server needs no network for it.
    let mut publish = candor();
    publish.args(["publish", "--as-of", "2020-06-01", "--charts"]);
    publish.arg(format!("file://{}", charts.path().display())).arg("--data").arg(deployment.path());
    succeed(&mut publish);
    let away = charts.path().with_extension("away");
    std::fs::rename(charts.path(), &away).expect("moved");
    let server = deployment.serve();
    let list = || {
        let (status, list) = server.get(&format!("/goproxy/{MODULE}/@v/list"));
        assert_eq!(status, 200);
        String::from_utf8(list).expect("text")
    };
    let began = std::time::Instant::now();
    while list() != "v0.1.0\nv0.2.0\n" {
        assert!(began.elapsed().as_secs() < 60, "{}", list());
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    let metrics = || server.health("/metrics").1;
    while !metrics().contains("upkeep_runs_total{work=\"publish\",outcome=\"done\"} 1") {
        assert!(began.elapsed().as_secs() < 60, "{}", metrics());
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    drop(server);
    assert_eq!(counters(module(&deployment, 2).config()), ["hello/verb:{run,help}"]);
    std::fs::rename(&away, charts.path()).expect("moved back");
}

#[test]
fn a_commit_is_not_published_again_over_a_newer_one() {
    let (deployment, charts) = (Deployment::new(), charts("2026-06-30"));
    succeed(&mut publish(&deployment, &charts, Some("2026-06-01")));
    let opened = Opened::open(deployment.path()).expect("a deployment");
    let log = opened.log().expect("a log");
    let publisher = Publisher::new(opened.module.clone(), opened.store.clone(), log);
    let place = charts.path().display().to_string();
    let repository = Repository::open(&place, None, Path::new("/nonexistent")).expect("one");
    let (old, first) = (repository.read(None).expect("a commit"), module(&deployment, 1).version());
    charts.add_chart("newer");
    succeed(&mut publish(&deployment, &charts, Some("2026-06-02")));
    let day = CompileDay::Today("2026-07-01".parse().expect("a day"));
    let refused = publisher.publish_again(&old, &RepositoryUrl::default(), day, first);
    let error = refused.expect_err("v0.2.0 is newer").to_string();
    assert!(error.contains("v0.2.0 was published in the meantime"), "{error}");
    assert_eq!(opened.log().expect("a log").settle().expect("settled").size.get(), 2);
}

/// A page as text, without its markup.
fn page(server: &crate::support::Server, path: &str) -> String {
    let (status, html) = server.get(path);
    assert_eq!(status, 200, "{path}");
    let html = String::from_utf8(html).expect("text");
    html.split('<').map(|part| part.split_once('>').map_or(part, |(_, text)| text)).collect()
}

#[test]
fn everyone_sees_what_retired_and_when_what_will_and_who_asked() {
    let (deployment, charts) = (Deployment::new(), charts("2926-06-30"));
    succeed(&mut publish(&deployment, &charts, Some("2926-06-01")));
    succeed(&mut publish(&deployment, &charts, Some("2926-07-01")));
    // One is removed, another will retire; a reviewer agreed.
    charts.git(&["rm", "-q", "charts-config/charts/verbs.toml"]);
    let file = "charts-config/charts/next.toml";
    charts.write(file, &format!("{}expires = 2926-12-31\n", chart("Next", "hello/next:{a,b}")));
    charts.git(&["add", "-A"]);
    charts.git(&["commit", "-q", "-m", "Ask\n\nReviewed-by: Ada Lovelace <ada@example.org>"]);
    succeed(&mut publish(&deployment, &charts, Some("2926-07-02")));
    // A bucket is added later, by another commit.
    charts.write(file, &format!("{}expires = 2926-12-31\n", chart("Next", "hello/next:{a,b,c}")));
    charts.commit();
    succeed(&mut publish(&deployment, &charts, Some("2926-07-03")));
    let server = deployment.serve();
    let list = page(&server, "/config/");
    let ends = "“Ends” of example.org/hello retired on 2926-07-01: its last day was 2926-06-30 (discussion)";
    let verbs = "“Verbs” of example.org/hello retired on 2926-07-02: its definition was removed (discussion)";
    for (version, retired) in
        [("v0.1.0", None), ("v0.2.0", Some(ends)), ("v0.3.0", Some(verbs)), ("v0.4.0", None)]
    {
        let one = page(&server, &format!("/config/{version}"));
        for sentence in [ends, verbs] {
            assert_eq!(one.contains(sentence), retired == Some(sentence), "{version}: {one}");
            assert!(list.contains(sentence), "{list}");
        }
    }
    // The newest first.
    assert!(list.find(verbs) < list.find(ends), "{list}");
    let next = list.split("What retires next").nth(1).expect("a section");
    assert!(next.contains("2926-12-31Next (discussion)example.org/hello"), "{next}");
    assert!(list.contains("Some charts retire on a day."), "{list}");
    let later = page(&server, "/config/?before=v0.4.0");
    assert!(later.contains(ends) && !later.contains("What retires next"), "{later}");
    assert!(!page(&server, "/config/?before=v0.2.0").contains("retired on"));

    // The commits are those that `candor explain` names.
    let mut explain = candor();
    explain.args(["explain", "--json", "--all", "--as-of", "2926-07-03"]).arg(charts.path());
    let all = json(&mut explain);
    let commit = |string: &str| {
        let all = all.as_array().expect("a list");
        let found = all.iter().find(|one| one["string"] == string).expect("explained");
        found["introduced"]["commit"].as_str().expect("a commit")[..12].to_owned()
    };
    let (first, second) = (commit("hello/next:a"), commit("hello/next:c"));
    assert_ne!(first, second);
    let by =
        |commit: &str, reviewed: &str| format!("2026-02-03 by A Maintainer{reviewed}, {commit}");
    let (first, second) = (by(&first, ", reviewed by Ada Lovelace"), by(&second, ""));
    for path in ["/privacy", "/config/v0.4.0"] {
        let text = page(&server, path);
        assert!(text.contains(&first) && text.contains(&second), "{path}: {text}");
    }
    let version = page(&server, "/config/v0.3.0");
    assert!(version.contains(&first) && !version.contains(&second), "{version}");
    let counter = page(&server, "/counters/example.org/hello/hello/next:c");
    // Who introduced it, and who asked for its chart before.
    assert!(counter.contains(&format!("Introduced{second}")), "{counter}");
    assert!(!counter.contains(&format!("Introduced{first}")), "{counter}");
}

#[test]
fn nothing_is_said_to_retire_where_no_chart_has_a_last_day() {
    let (deployment, charts) = (Deployment::new(), Charts::new());
    succeed(&mut publish(&deployment, &charts, None));
    let list = page(&deployment.serve(), "/config/");
    assert!(list.contains("No chart has a last day"), "{list}");
    assert!(!list.contains("retire on a day"), "{list}");
}
