//! `candor serve --rehearsal`: charts of what is sent, from the published config, and nothing of it is kept.

#![cfg(feature = "server")]

use crate::support;
use std::time::Duration;
use support::{Charts, Deployment, Server, candor, contents, receiver, run, text};
use tempfile::TempDir;

/// Waits until a week with so many reports is public.
fn await_reports(server: &Server, reports: u64) {
    loop {
        let (status, index) = server.get("/data/index.json");
        let packed: String = text(&index).chars().filter(|c| !c.is_whitespace()).collect();
        if status == 200 && packed.contains(&format!("\"reports\":{reports},")) {
            return;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn what_is_rehearsed_is_charted_at_once_and_nothing_of_it_is_kept() {
    let (charts, deployment) = (Charts::new(), Deployment::new());
    deployment.publish(&charts);
    let before = contents(deployment.path());
    let mut command = support::serve_command(deployment.path());
    let temporary = TempDir::new().expect("a temporary folder");
    let server = Server::start(command.arg("--rehearsal").env("TMPDIR", temporary.path()));
    while server.health("/health/uploads").0 != 200 {}
    // A second rehearsal of the same day is charted like the first one.
    for (reports, all) in [("150", 150), ("40", 190)] {
        let mut simulate = candor();
        simulate.args(["simulate", "--reports", reports, "--url", &server.url, "--seed", reports]);
        simulate.args(["--week", &receiver::week().to_string(), "--charts"]).arg(charts.path());
        let simulated = run(&mut simulate);
        let said = text(&simulated.stderr);
        assert!(simulated.status.success(), "{said}");
        let place = format!("charted in a few seconds, at {}/charts/", server.url);
        assert!(said.contains(&place) && !said.contains("is over"), "{said}");
        await_reports(&server, all);
    }

    let page = loop {
        let (status, page) = server.get("/charts/example.org/hello/");
        if status == 200 && text(&page).contains("Verbs") {
            break text(&page);
        }
        std::thread::sleep(Duration::from_millis(50));
    };
    assert!(page.contains("This is a rehearsal") && page.contains("noindex"), "{page}");
    for path in ["/", "/privacy", "/data/"] {
        let page = text(&server.get(path).1);
        assert!(page.contains("does not hold here"), "{path}: {page}");
    }
    let health = server.health("/health");
    assert_eq!(health.0, 200, "{}", health.1);
    assert!(!contents(temporary.path()).is_empty());
    server.stop();
    // What a real server publishes of it: nothing, since nothing is there.
    assert_eq!(contents(deployment.path()), before);
    assert!(contents(temporary.path()).is_empty());
    for with in ["--read-only", "--no-charts", "--witness"] {
        let mut both = support::serve_command(deployment.path());
        let refused = run(both.args(["--rehearsal", with]));
        assert_eq!(refused.status.code(), Some(2), "{with}");
    }
}

/// A killed rehearsal cannot remove its folder, so the next one does; and not those of rehearsals that run.
#[test]
fn the_next_rehearsal_removes_what_a_killed_one_left() {
    let (charts, deployment) = (Charts::new(), Deployment::new());
    deployment.publish(&charts);
    let temporary = TempDir::new().expect("a temporary folder");
    let start = || {
        let mut command = support::serve_command(deployment.path());
        Server::start(command.arg("--rehearsal").env("TMPDIR", temporary.path()))
    };
    let folders = || {
        let entries = std::fs::read_dir(temporary.path()).expect("a folder");
        let mut names: Vec<_> = entries.map(|entry| entry.expect("an entry").file_name()).collect();
        names.sort();
        names
    };
    start().kill();
    let left = folders();
    assert_eq!(left.len(), 1, "{left:?}");
    let first = start();
    let running = folders();
    assert!(running.len() == 1 && running != left, "{running:?}");
    let second = start();
    assert_eq!(folders().len(), 2, "{:?}", folders());
    first.stop();
    second.stop();
    assert!(folders().is_empty(), "{:?}", folders());
}
