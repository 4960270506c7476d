//! The promise of `candor publish --watch`: each change of the compiled config becomes one
//! version, in commit order, once; a commit with mistakes is skipped, with a message.

#![cfg(feature = "server")]

use crate::support;
use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use support::{Charts, Deployment, candor, chart, in_background, succeed};

/// A watching publisher, stopped on drop.
struct Watching(Child);

impl Drop for Watching {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn watch(deployment: &Deployment, location: &str) -> (Watching, impl Iterator<Item = Value>) {
    let mut child = candor()
        .args(["--json", "publish", "--watch", "--interval", "1", "--charts", location, "--data"])
        .arg(deployment.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()
        .expect("start candor publish --watch");
    let lines = BufReader::new(child.stdout.take().expect("a piped stdout")).lines();
    let values =
        lines.map(|line| serde_json::from_str(&line.expect("a line")).expect("a line of JSON"));
    (Watching(child), values)
}

#[test]
fn a_branch_is_followed_commit_by_commit() {
    let (charts, deployment) = (Charts::new(), Deployment::new());
    let url = format!("file://{}", charts.path().display());
    let (watching, mut found) = watch(&deployment, &url);
    let mut next = |what: &str| {
        let value = found.next().expect("the publisher goes on");
        match what {
            // A commit that cannot be published is told in a line, too.
            "error" => {
                assert_eq!(value["error"]["diagnostics"][0]["file"], "charts/third.toml", "{value}")
            }
            _ => assert_eq!(value["outcome"], what, "{value}"),
        }
        (value["commit"].clone(), value["version"].clone())
    };
    let first = charts.git(&["rev-parse", "HEAD"]).trim().to_owned();
    assert_eq!(next("published"), (first.into(), "v0.1.0".into()));

    // Five commits that arrive together: a change, one outside the charts that is not reported, another
    // title, an error, and its correction.
    charts.git(&["checkout", "-q", "-b", "side"]);
    let second = charts.add_chart("second");
    charts.write("README.md", "Nothing that matters to clients.");
    charts.commit();
    charts.write("charts-config/charts/second.toml", &chart("Another title", "hello/second"));
    charts.commit();
    charts.write("charts-config/charts/third.toml", "[[chart]]\ntitle = 3\n");
    charts.commit();
    charts.write("charts-config/charts/third.toml", &chart("Third", "hello/third"));
    let fourth = charts.commit();
    charts.git(&["branch", "-f", "main", "side"]);
    assert_eq!(next("published"), (second.clone().into(), "v0.2.0".into()));
    assert_eq!(next("unchanged"), (second.into(), "v0.2.0".into()));
    next("error");
    assert_eq!(next("published"), (fourth.into(), "v0.3.0".into()));
    drop(watching);

    // A publisher that starts again continues where the log says it was.
    let fifth = charts.add_chart("fifth");
    charts.git(&["branch", "-f", "main", "side"]);
    let (_watching, mut found) = watch(&deployment, &url);
    let value = found.next().expect("the publisher goes on");
    assert_eq!((&value["commit"], &value["version"]), (&fifth.into(), &"v0.4.0".into()));
}

#[test]
fn it_stops_when_asked_however_it_was_started() {
    let (charts, deployment) = (Charts::new(), Deployment::new());
    for signal in ["INT", "TERM"] {
        charts.add_chart(&signal.to_lowercase());
        let mut command = candor();
        command.args(["--json", "publish", "--watch", "--interval", "3600", "--charts"]);
        command.arg(charts.path()).arg("--data").arg(deployment.path());
        let mut child = in_background(&command).stdout(Stdio::piped()).spawn().expect("started");
        // Once it has printed something it has polled, and now waits for an hour.
        let mut line = String::new();
        let stdout = child.stdout.take().expect("a piped stdout");
        BufReader::new(stdout).read_line(&mut line).expect("a line");
        assert!(line.contains("published"), "{line}");
        succeed(Command::new("kill").args(["-s", signal, &child.id().to_string()]));
        assert!(child.wait().expect("its end").success(), "{signal}");
    }
}

/// Quickly adds this many commits that do not touch the charts.
fn add_many(charts: &Charts, count: usize) {
    let mut stream = String::new();
    for number in 0..count {
        let from = if number == 0 { "from refs/heads/main^0\n" } else { "" };
        stream += &format!(
            "commit refs/heads/main\ncommitter A <a@example.org> {} +0000\ndata 1\nA\n{from}\
             M 100644 inline beside/{number}\ndata 1\nA\n",
            1_770_200_000 + number
        );
    }
    charts.write(".git/stream", &stream);
    let stream = std::fs::File::open(charts.path().join(".git/stream")).expect("the stream");
    let mut git = Command::new("git");
    succeed(git.args(["fast-import", "--quiet"]).current_dir(charts.path()).stdin(stream));
}

#[test]
fn commits_outside_the_charts_are_walked_once_and_never_read() {
    use candor::charts::Repository;
    use candor::publish::{CompileDay, Deployment as Opened, Publisher, Watch};
    let (charts, deployment) = (Charts::new(), Deployment::new());
    let opened = Opened::open(deployment.path()).expect("a deployment");
    let log = opened.log().expect("a log");
    let publisher = Publisher::new(opened.module.clone(), opened.store.clone(), log);
    let location = charts.path().display().to_string();
    let open = || Repository::open(&location, None, deployment.path()).expect("a repository");
    let day = CompileDay::Today("2026-02-03".parse().expect("a day"));
    let resumed = || {
        let watch = Watch::new(open(), Some("main".to_owned()), &publisher).expect("a watch");
        watch.resuming(&opened.watched())
    };
    let mut watch = resumed();
    let look = |watch: &mut Watch| {
        let mut seen = 0;
        watch.poll(&publisher, day, |_, _| seen += 1).expect("a look");
        seen
    };
    assert_eq!(look(&mut watch), 1);
    add_many(&charts, 2000);
    assert_eq!(look(&mut watch), 0);
    // The walk is not repeated: the objects of the earlier commits are gone, so it could not be.
    let tip = charts.git(&["rev-parse", "refs/heads/main"]);
    let last = opened.watched().read_dir().expect("cursors").next().expect("one").expect("read");
    let kept = std::fs::read_to_string(last.path()).expect("a cursor");
    assert_eq!(kept, format!("{}\nmain\n{location}\n", tip.trim()));
    let mut watch = resumed();
    assert_eq!(look(&mut watch), 0);
    // A change after all these is found by a watch with a cursor, and by one whose cursor is damaged.
    charts.git(&["reset", "-q", "--hard", "main"]);
    charts.add_chart("second");
    let mut watch = resumed();
    assert_eq!(look(&mut watch), 1);
    std::fs::write(last.path(), "no commit\n").expect("damaged");
    charts.add_chart("third");
    assert_eq!(look(&mut resumed()), 1);
}

#[test]
fn a_cursor_behind_what_was_published_by_hand_publishes_nothing_older() {
    use candor::charts::Repository;
    use candor::publish::{CompileDay, Deployment as Opened, Publisher, Watch};
    let (charts, deployment) = (Charts::new(), Deployment::new());
    let opened = Opened::open(deployment.path()).expect("a deployment");
    let log = opened.log().expect("a log");
    let publisher = Publisher::new(opened.module.clone(), opened.store.clone(), log);
    let location = charts.path().display().to_string();
    let day = CompileDay::at("2026-02-03T00:00:00Z".parse().expect("a time"));
    let resumed = || {
        let repository = Repository::open(&location, None, deployment.path());
        let watch = Watch::new(repository.expect("a repository"), None, &publisher);
        watch.expect("a watch").resuming(&opened.watched())
    };
    let look = |watch: &mut Watch| {
        let mut seen = Vec::new();
        let report =
            |revision: &candor::charts::Revision, _| seen.push(revision.commit.to_string());
        watch.poll(&publisher, day, report).expect("a look");
        seen
    };
    let mut running = resumed();
    assert_eq!(look(&mut running).len(), 1);
    charts.add_chart("second");
    let third = charts.add_chart("third");
    let repository = Repository::open(&location, None, deployment.path()).expect("a repository");
    let revision = repository.read(None).expect("a commit");
    let address = candor::gomod::RepositoryUrl::default();
    publisher.publish(&revision, &address, day).expect("published by hand");
    let commit = || publisher.newest().expect("read").expect("one").provenance().commit.clone();
    // Neither a watch that starts nor one that is running goes back to the second.
    assert_eq!((look(&mut resumed()), look(&mut running)), (vec![], vec![]));
    assert_eq!(commit().as_str(), third);
}
