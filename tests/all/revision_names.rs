//! Only what was named is published: a tag cannot pass for a branch, and a name that could mean two commits
//! is refused with the full names of both.

#![cfg(feature = "server")]

use crate::support;
use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use support::{Charts, Deployment, candor, contents, json, refused};

/// A repository whose branch `main` is reviewed, and a commit on top of it that nobody reviewed and that is
/// on no branch.
struct Proposal {
    charts: Charts,
    reviewed: String,
    unreviewed: String,
}

impl Proposal {
    fn new() -> Proposal {
        let charts = Charts::new();
        let reviewed = charts.git(&["rev-parse", "HEAD"]).trim().to_owned();
        let unreviewed = charts.add_chart("passwords");
        charts.git(&["reset", "-q", "--hard", &reviewed]);
        // A reference that keeps it reachable, and that the tests do not use.
        charts.git(&["tag", "proposal", &unreviewed]);
        Proposal { charts, reviewed, unreviewed }
    }

    /// The repository in place, and mirrored.
    fn locations(&self) -> [String; 2] {
        let path = self.charts.path().display().to_string();
        [path.clone(), format!("file://{path}")]
    }

    /// Makes a reference to the unreviewed commit.
    fn plant(&self, reference: &str) {
        self.charts.git(&["update-ref", reference, &self.unreviewed]);
    }
}

fn publish(deployment: &Deployment, location: &str, revision: &str) -> Command {
    let mut command = candor();
    command.args(["--json", "publish", "--charts", location, &format!("--rev={revision}")]);
    command.arg("--data").arg(deployment.path());
    command
}

#[test]
fn a_name_that_means_two_commits_is_refused_with_both_names() {
    let proposal = Proposal::new();
    let prefix = &proposal.reviewed[..9];
    for (typed, planted, names) in [
        ("main", "refs/tags/main", ["refs/heads/main", "refs/tags/main"]),
        (
            prefix,
            &format!("refs/heads/{prefix}"),
            [&format!("refs/heads/{prefix}"), &proposal.reviewed],
        ),
        (
            prefix,
            &format!("refs/tags/{prefix}"),
            [&format!("refs/tags/{prefix}"), &proposal.reviewed],
        ),
        ("HEAD", "refs/heads/HEAD", ["HEAD", "refs/heads/HEAD"]),
        ("HEAD", "refs/tags/HEAD", ["HEAD", "refs/tags/HEAD"]),
        ("main~0", "refs/tags/main", ["refs/heads/main", "refs/tags/main"]),
    ] {
        proposal.plant(planted);
        for location in proposal.locations() {
            let deployment = Deployment::new();
            let before = contents(&deployment.path().join("store"));
            let message = refused(&mut publish(&deployment, &location, typed), 1);
            for name in names {
                assert!(message.contains(name), "{typed} with {planted}: {message}");
            }
            assert_eq!(contents(&deployment.path().join("store")), before);
            // What the message advises works.
            if typed == "main" {
                assert!(message.contains("--rev refs/heads/NAME"), "{message}");
                let done = json(&mut publish(&deployment, &location, "refs/heads/main"));
                assert_eq!(done["commit"], proposal.reviewed.as_str());
                let done = json(&mut publish(&deployment, &location, "refs/tags/main"));
                assert_eq!(done["commit"], proposal.unreviewed.as_str());
            }
        }
        proposal.charts.git(&["update-ref", "-d", planted]);
    }
}

#[test]
fn names_that_can_mean_only_one_commit_are_accepted() {
    let proposal = Proposal::new();
    let whole = proposal.reviewed.as_str();
    // A reference named like a full object name, or of the same commit, is harmless.
    proposal.plant(&format!("refs/heads/{whole}"));
    proposal.plant("refs/heads/refs/heads/main");
    proposal.charts.git(&["update-ref", "refs/tags/same", whole]);
    proposal.charts.git(&["update-ref", "refs/heads/same", whole]);
    for typed in [
        whole,
        &whole[..9],
        "main",
        "heads/main",
        "refs/heads/main",
        "HEAD",
        "same",
        "proposal~1",
        "proposal^",
    ] {
        for location in proposal.locations() {
            let deployment = Deployment::new();
            let done = json(&mut publish(&deployment, &location, typed));
            assert_eq!(done["commit"], whole, "{typed} of {location}");
        }
    }
}

#[test]
fn names_that_mean_no_commit_are_refused() {
    let proposal = Proposal::new();
    proposal.charts.git(&["tag", "blob", "HEAD:charts-config/collection.toml"]);
    // The name of a missing commit, and a branch of that name.
    let absent = "0123456789".repeat(4);
    proposal.plant(&format!("refs/heads/{absent}"));
    let deployment = Deployment::new();
    for typed in [
        "nonesuch",
        "",
        "-x",
        "--upload-pack=x",
        "..",
        "refs/heads/..",
        "refs/heads/../../HEAD",
        "../HEAD",
        "refs/heads/",
        "main:charts-config",
        ":/A change",
        "main@{0}",
        "@{-1}",
        "main..proposal",
        "blob",
        "origin",
        &absent,
        "main^{tree}",
        "abc",
    ] {
        for location in proposal.locations() {
            let message = refused(&mut publish(&deployment, &location, typed), 1);
            assert!(message.contains("has no commit"), "{typed:?} of {location}: {message}");
        }
    }
}

#[test]
fn a_remote_branch_of_a_clone_is_found_and_never_confused() {
    let proposal = Proposal::new();
    let clone = tempfile::TempDir::new().expect("a temporary folder");
    let to = clone.path().display().to_string();
    proposal.charts.git(&["clone", "-q", &proposal.locations()[0], &to]);
    let deployment = Deployment::new();
    let done = json(&mut publish(&deployment, &to, "origin/main"));
    assert_eq!(done["commit"], proposal.reviewed.as_str());
    proposal.charts.git(&["-C", &to, "tag", "origin/main", &proposal.unreviewed]);
    let message = refused(&mut publish(&deployment, &to, "origin/main"), 1);
    for name in ["refs/tags/origin/main", "refs/remotes/origin/main"] {
        assert!(message.contains(name), "{message}");
    }
}

/// A watching publisher; stopped on drop.
struct Watching(Child);

impl Drop for Watching {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn watch(deployment: &Deployment, location: &str, branch: &[&str]) -> Command {
    let mut command = candor();
    command.args(["--json", "publish", "--watch", "--interval", "1", "--charts", location]);
    command.args(branch).arg("--data").arg(deployment.path());
    command
}

#[test]
fn a_watch_follows_the_branch_whatever_tags_there_are() {
    for branch in [&["--rev=main"][..], &["--rev=refs/heads/main"], &[]] {
        for mirrored in [0, 1] {
            let proposal = Proposal::new();
            for planted in ["refs/tags/main", "refs/tags/HEAD", "refs/heads/HEAD"] {
                proposal.plant(planted);
            }
            let deployment = Deployment::new();
            let location = &proposal.locations()[mirrored];
            let mut child = watch(&deployment, location, branch)
                .stdout(Stdio::piped())
                .stderr(Stdio::inherit())
                .spawn()
                .expect("start candor publish --watch");
            let mut lines = BufReader::new(child.stdout.take().expect("a piped stdout")).lines();
            let _watching = Watching(child);
            let mut next = || {
                let line = lines.next().expect("the publisher goes on").expect("a line");
                serde_json::from_str::<Value>(&line).expect("JSON")["commit"].clone()
            };
            assert_eq!(next(), proposal.reviewed.as_str(), "{branch:?} of {location}");
            // The merged commit is found, and the tag is not.
            let merged = proposal.charts.add_chart("merged");
            assert_eq!(next(), merged.as_str(), "{branch:?} of {location}");
        }
    }
}

/// Runs a watch that must end by itself without publishing anything, and returns why.
fn watch_refused(deployment: &Deployment, location: &str, branch: &[&str]) -> String {
    let child = watch(deployment, location, branch)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("start candor publish --watch");
    let mut watching = Watching(child);
    let (stdout, stderr) = (watching.0.stdout.take(), watching.0.stderr.take());
    let mut line = String::new();
    BufReader::new(stdout.expect("piped")).read_line(&mut line).expect("read");
    let only: Value = serde_json::from_str(&line).expect("a line of JSON");
    assert_eq!(only["error"]["status"], 1, "it watches {branch:?} of {location}");
    assert_eq!(watching.0.wait().expect("wait").code(), Some(1));
    std::io::read_to_string(stderr.expect("piped")).expect("read")
}

#[test]
fn a_watch_of_anything_but_a_branch_is_refused() {
    let proposal = Proposal::new();
    let deployment = Deployment::new();
    for (typed, found) in [
        ("proposal", "refs/tags/proposal"),
        ("refs/tags/proposal", "refs/tags/proposal"),
        (proposal.reviewed.as_str(), proposal.reviewed.as_str()),
    ] {
        for location in proposal.locations() {
            let typed = format!("--rev={typed}");
            let message = watch_refused(&deployment, &location, &[&typed]);
            assert!(message.contains(found) && message.contains("not a branch"), "{message}");
        }
    }
    proposal.charts.git(&["checkout", "-q", "--detach"]);
    let message = watch_refused(&deployment, &proposal.locations()[0], &[]);
    assert!(message.contains("HEAD") && message.contains("not a branch"), "{message}");
}
