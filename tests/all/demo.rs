//! `candor demo`: one command shows the whole pipeline, ends by itself and leaves nothing behind, with and
//! without the go command.

#![cfg(feature = "server")]

use crate::support;
use std::process::Command;
use support::{candor, json, succeed};
use tempfile::TempDir;

/// `candor demo` with its own folder for temporary files.
fn demo(temporary: &TempDir) -> Command {
    let mut command = candor();
    command.arg("demo").env("TMPDIR", temporary.path());
    command
}

fn is_empty(folder: &TempDir) -> bool {
    std::fs::read_dir(folder.path()).expect("list").next().is_none()
}

#[test]
fn it_tells_the_whole_story_and_leaves_nothing_behind() {
    let temporary = TempDir::new().expect("a temporary folder");
    let story = succeed(&mut demo(&temporary));
    for part in [
        "1. What is collected is decided in the open",
        "v0.1.0 is in the signed log",
        "go command, given GOPROXY and GOSUMDB: v0.1.0 verified",
        "v0.2.0 is in the signed log",
        "go command, given GOPROXY and GOSUMDB: v0.2.0 verified",
        "Now also collected: crash/panic (stacks)",
        "Publishing again changes nothing: v0.2.0 stays",
        "SECURITY ERROR",
        "Each draws X anew every week",
        "reports, in an order that says nothing of their arrival",
        "with 99% confidence, between",
        "/charts/example.org/hello/",
        "all is well",
    ] {
        assert!(story.contains(part), "{part:?} is not in\n{story}");
    }
    assert!(is_empty(&temporary));
}

#[test]
fn it_works_without_the_go_command() {
    let temporary = TempDir::new().expect("a temporary folder");
    // The story is told in full by the other test.
    let told = json(demo(&temporary).args(["--json", "--weeks", "2"]).env("PATH", ""));
    assert_eq!(told["verified_by_go"], false);
    assert_eq!(told["published"][1]["version"], "v0.2.0");
    assert!(told["refused"].as_str().is_some_and(|refusal| refusal.contains("forked")), "{told}");
    let states = |state: &str| {
        let verdicts = told["audited"]["verdicts"].as_array().expect("verdicts");
        verdicts.iter().filter(|verdict| verdict["state"] == state).count()
    };
    assert_eq!(states("ok"), 18, "{told:#}");
    let number = |name: &str| told["reported"][name].as_f64().expect(name);
    assert!(number("reports") > 13_000.0, "{told}");
    // Reports are drawn anew every day, so once in a hundred days the truth is outside a 99% interval. It is
    // never this far outside.
    let estimate = told["reported"]["estimate"]["value"].as_f64().expect("an estimate");
    assert!((estimate - number("truth")).abs() < 0.03, "{told}");
    assert!(is_empty(&temporary));
}

#[test]
fn it_leaves_nothing_behind_when_interrupted() {
    let temporary = TempDir::new().expect("a temporary folder");
    let mut child =
        demo(&temporary).stdout(std::process::Stdio::null()).spawn().expect("start candor demo");
    while is_empty(&temporary) {
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
    succeed(Command::new("kill").arg(child.id().to_string()));
    assert!(!child.wait().expect("wait").success());
    assert!(is_empty(&temporary));
}
