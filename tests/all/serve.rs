//! What `candor serve` and `candor env` promise as processes.

#![cfg(feature = "server")]

use crate::support;
use std::process::Command;
use support::{
    Charts, Deployment, HOST, Server, candor, contents, in_background, json, receiver, refused,
    serve_command, succeed, text,
};

#[test]
fn serving_needs_no_key_and_stops_cleanly_when_asked() {
    let deployment = Deployment::new();
    deployment.publish(&Charts::new());
    std::fs::remove_dir_all(deployment.path().join("keys")).expect("remove");
    std::fs::remove_dir_all(deployment.path().join("signer")).expect("remove");
    let before = contents(deployment.path());
    let server = deployment.serve();
    let (status, checkpoint) = server.get("/log/checkpoint");
    assert_eq!(status, 200);
    assert!(text(&checkpoint).starts_with(&format!("{HOST}/log\n1\n")), "{}", text(&checkpoint));
    assert!(server.stop().success());
    // What is being written when a server stops remains below `.tmp`, where nothing reads it.
    let own =
        ["reports", "reports.segments", "scratch", "store/.tmp", "store/aggregate", "store/public"];
    let own = own.map(|folder| deployment.path().join(folder));
    let mut after = contents(deployment.path());
    after.retain(|path, _| !own.iter().any(|folder| path.starts_with(folder)));
    assert_eq!(after, before, "serving writes nothing but reports, and what is made of them");
}

#[test]
fn an_empty_log_can_be_served() {
    let deployment = Deployment::new();
    let server = deployment.serve();
    let (status, latest) = server.get("/sumdb/latest");
    assert_eq!(status, 200);
    assert!(text(&latest).starts_with("go.sum database tree\n0\n"), "{}", text(&latest));
    let (status, list) = server.get(&format!("/goproxy/{}/@v/list", deployment.module));
    assert_eq!((status, list.len()), (200, 0));
    assert_eq!(server.get(&format!("/goproxy/{}/@latest", deployment.module)).0, 404);
}

/// A segment that a process may have left open.
#[cfg(unix)]
const PIPED_SEGMENT: &str = "reports/00112233445566778899aabbccddeeff.open";

#[cfg(unix)]
#[test]
fn a_named_pipe_among_the_reports_does_not_block_anything() {
    for name in ["reports/segments", "reports/.lock", PIPED_SEGMENT, "reports.segments"] {
        let deployment = Deployment::new();
        let path = deployment.path().join(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("created");
        succeed(Command::new("mkfifo").arg(&path));
        let server = deployment.serve();
        // It has tried, and was not blocked.
        while !server.health("/health/uploads").1.contains("cannot ") {}
        let (status, said) = server.health("/health");
        assert_eq!(status, 503, "{name}: {said}");
        assert!(said.contains("uploads: not ok\n  cannot "), "{name}: {said}");
        assert!(server.stop().success(), "{name}");
    }
}

#[cfg(unix)]
#[test]
fn a_file_size_limit_is_treated_as_a_full_disk() {
    let folder = tempfile::TempDir::new().expect("a temporary folder");
    receiver::deploy(folder.path());
    let serve = serve_command(folder.path());
    let mut shell = Command::new("sh");
    // A block has 512 or 1024 bytes, depending on the shell.
    shell.args(["-c", "ulimit -f 8; exec \"$0\" \"$@\""]).arg(serve.get_program());
    let server = Server::start(shell.args(serve.get_args()).arg("--no-charts"));
    while server.health("/health/uploads").0 != 200 {}
    let statuses: Vec<u16> =
        (0..60).map(|number| server.upload(&receiver::report(number))).collect();
    let stored = statuses.iter().take_while(|status| **status == 200).count();
    assert!(stored > 0 && statuses[stored..].iter().all(|status| *status == 503), "{statuses:?}");
    assert!(stored < statuses.len(), "the limit was not met");
    assert!(server.health("/health/uploads").1.contains("the disk refused"));
    assert!(server.stop().success());
}

/// What keeps a server from storing reports.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Obstacle {
    /// Another server has the folder.
    Locked,
    /// The folder cannot be created.
    File,
}

#[test]
fn a_server_serves_and_stops_whatever_the_state_of_its_reports_folder() {
    for obstacle in [Obstacle::Locked, Obstacle::File] {
        let deployment = Deployment::new();
        deployment.publish(&Charts::new());
        let other = (obstacle == Obstacle::Locked).then(|| deployment.serve());
        match &other {
            // It opens its folder while serving.
            Some(other) => while other.health("/health/uploads").0 != 200 {},
            None => std::fs::write(deployment.path().join("reports"), "").expect("written"),
        }
        for signal in ["TERM", "INT"] {
            let command = serve_command(deployment.path());
            let server = Server::start(&mut in_background(&command));
            assert_eq!(server.get("/log/checkpoint").0, 200);
            // By then it has tried, and waits to try again.
            let cause = ["in use by another process", "cannot create"][obstacle as usize];
            while !server.health("/health/uploads").1.contains(cause) {}
            assert_eq!(server.health("/health/live"), (200, "ok\n".to_owned()));
            assert_eq!(server.health("/health/ready").0, 200);
            assert_eq!(server.health("/health").0, 503);
            assert!(server.stop_with(signal).success(), "{obstacle:?} {signal}");
        }
        // Once nothing is in the way, another one accepts reports.
        if let Some(other) = other {
            assert_eq!(other.health("/health").0, 200, "{}", other.health("/health").1);
            assert!(other.stop().success());
            let server = deployment.serve();
            while server.health("/health/uploads").0 != 200 {}
        }
    }
}

#[test]
fn a_port_in_use_is_reported_at_once_whatever_the_state_of_the_folder() {
    let deployment = Deployment::new();
    let server = deployment.serve();
    let taken = server.url.strip_prefix("http://").expect("an address");
    let mut command = candor();
    command.args(["serve", "--listen", taken, "--data"]).arg(deployment.path());
    let said = refused(&mut command, 1);
    assert!(said.contains(taken) && said.contains("another program has it"), "{said}");
    assert!(server.stop().success());
}

#[test]
fn a_socket_that_cannot_be_created_is_an_error_with_advice() {
    let deployment = Deployment::new();
    let far = "x".repeat(200);
    for (socket, advice) in [
        ("nowhere/candor.sock", "there is no such folder: make it"),
        ("candor.toml/candor.sock", "there is no such folder: make it"),
        (far.as_str(), "name a shorter path"),
    ] {
        let listen = format!("unix:{}", deployment.path().join(socket).display());
        let mut command = candor();
        command.args(["serve", "--listen", &listen, "--data"]).arg(deployment.path());
        let said = refused(&mut command, 1);
        assert!(said.contains(advice), "{said}");
    }
}

#[test]
fn the_environment_can_be_read_by_a_shell_and_the_go_command() {
    let deployment = Deployment::new();
    let environment = |url: Option<&str>| {
        let mut command = candor();
        command.arg("env").args(url.map(|url| ["--url", url]).into_iter().flatten());
        succeed(command.arg("--data").arg(deployment.path()))
    };
    let key = &deployment.sumdb_key;
    assert_eq!(environment(None), format!("GOPROXY=https://{HOST}/goproxy\nGOSUMDB={key}\n"));
    let local = environment(Some("http://127.0.0.1:8080/"));
    let expected = format!(
        "GOPROXY=http://127.0.0.1:8080/goproxy\nGOSUMDB='{key} http://127.0.0.1:8080/sumdb'\n"
    );
    assert_eq!(local, expected);
    let script = format!("set -a; {local} set +a; printf '%s' \"$GOSUMDB\"");
    let read = succeed(Command::new("sh").args(["-c", &script]));
    assert_eq!(read, format!("{key} http://127.0.0.1:8080/sumdb"));
    let printed = json(candor().args(["env", "--json", "--data"]).arg(deployment.path()));
    assert_eq!(printed["GOSUMDB"], *key);
}
