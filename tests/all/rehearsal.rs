//! `candor serve --rehearsal`: charts of what is sent, from the published config, and nothing of it is kept.

#![cfg(feature = "server")]

use crate::support;
use std::time::Duration;
use support::{Charts, Deployment, Server, candor, contents, receiver, run, succeed, text};
use tempfile::TempDir;

#[test]
fn what_is_rehearsed_is_charted_at_once_and_nothing_of_it_is_kept() {
    let (charts, deployment) = (Charts::new(), Deployment::new());
    deployment.publish(&charts);
    let before = contents(deployment.path());
    let mut command = support::serve_command(deployment.path());
    let temporary = TempDir::new().expect("a temporary folder");
    let server = Server::start(command.arg("--rehearsal").env("TMPDIR", temporary.path()));
    while server.health("/health/uploads").0 != 200 {}
    let mut simulate = candor();
    simulate.args(["simulate", "--reports", "150", "--url", &server.url, "--charts"]);
    succeed(simulate.arg(charts.path()).args(["--week", &receiver::week().to_string()]));

    let page = loop {
        let (status, page) = server.get("/charts/example.org/hello/");
        if status == 200 && text(&page).contains("Verbs") {
            break text(&page);
        }
        std::thread::sleep(Duration::from_millis(50));
    };
    assert!(page.contains("This is a rehearsal") && page.contains("noindex"), "{page}");
    let health = server.health("/health");
    assert_eq!(health.0, 200, "{}", health.1);
    assert!(!contents(temporary.path()).is_empty());
    server.stop();
    // What a real server publishes of it: nothing, since nothing is there.
    assert_eq!(contents(deployment.path()), before);
    assert!(contents(temporary.path()).is_empty());
    for with in ["--no-uploads", "--no-charts", "--witness"] {
        let mut both = support::serve_command(deployment.path());
        let refused = run(both.args(["--rehearsal", with]));
        assert_eq!(refused.status.code(), Some(2), "{with}");
    }
}
