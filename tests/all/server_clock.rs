//! A server whose own clock is wrong says so, and refuses no report because of it.
//!
//! A test cannot set the machine's clock, but it can choose what the server compares it with: the
//! commit of its newest config is dated as if the clock were behind, or as if nothing had been
//! published for long.

#![cfg(feature = "server")]

use crate::support;
use jiff::{SignedDuration, Timestamp};
use std::fs::File;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use support::receiver::Server;
use support::{Charts, Deployment, succeed};

/// A server with a config whose commit was made this many days from now.
struct Served {
    deployment: Deployment,
    server: Server,
    admin: String,
}

impl Served {
    fn new(days: i64) -> Served {
        let (charts, deployment) = (Charts::new(), Deployment::new());
        let date = day(days) + "T12:00:00Z";
        succeed(
            Command::new("git")
                .args(["-c", "user.name=A", "-c", "user.email=a@example.org"])
                .args(["commit", "-q", "--amend", "--no-edit"])
                .current_dir(charts.path())
                .env("GIT_COMMITTER_DATE", date),
        );
        deployment.publish(&charts);
        let log = File::create(deployment.path().join("server.log")).expect("a log file");
        let server = Server::start(deployment.path(), "info", Stdio::from(log));
        let mut served = Served { deployment, server, admin: String::new() };
        // It is printed after the public address.
        let patience = Instant::now() + Duration::from_secs(60);
        loop {
            let said = served.said();
            let mut lines = said.lines();
            if let Some(address) =
                lines.find_map(|l| l.strip_prefix("health and metrics on http://"))
                && said.ends_with('\n')
            {
                served.admin = address.to_owned();
                break;
            }
            assert!(Instant::now() < patience, "{said}");
            std::thread::sleep(Duration::from_millis(5));
        }
        // The receiver opens in the background.
        while !exchange(&served.admin, "GET /health/uploads HTTP/1.1\r\n", "").contains(" 200 ") {
            assert!(Instant::now() < patience, "{}", served.said());
        }
        served
    }

    /// What the server has logged.
    fn said(&self) -> String {
        std::fs::read_to_string(self.deployment.path().join("server.log")).expect("the log")
    }

    fn health(&self) -> String {
        exchange(&self.admin, "GET /health HTTP/1.1\r\n", "")
    }

    /// Sends a report of the week that ends this many days from now.
    fn upload(&self, days: i64) -> String {
        let week = day(days);
        let report = format!(
            "{{\"Week\":\"{week}\",\"LastWeek\":\"\",\"X\":0.001,\"Programs\":null,\
             \"Config\":\"v0.1.0\"}}"
        );
        let head = format!("POST /upload/{week} HTTP/1.1\r\nContent-Type: application/json\r\n");
        exchange(&self.server.address, &head, &report)
    }
}

/// The day this many days from now.
fn day(days: i64) -> String {
    (Timestamp::now() + SignedDuration::from_hours(24 * days)).strftime("%F").to_string()
}

/// The whole answer to a request.
fn exchange(address: &str, head: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(address).expect("connect");
    let length = body.len();
    let end = format!("Host: x\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}");
    stream.write_all((head.to_owned() + &end).as_bytes()).expect("send");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("receive");
    answer
}

fn assert_status(answer: &str, status: u16, said: &str) {
    assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
    assert!(answer.contains(said), "{answer}");
}

#[test]
fn a_server_whose_clock_is_behind_says_so_and_refuses_no_week() {
    let served = Served::new(40);
    let said = "the commit of config v0.1.0 was made at";
    assert_status(&served.health(), 503, said);
    assert!(served.said().contains(said), "{}", served.said());
    for days in [-40, 40] {
        let answer = served.upload(days);
        assert_status(&answer, 503, said);
        assert!(answer.to_lowercase().contains("\r\nretry-after: "), "{answer}");
    }
    assert_status(&served.upload(-2), 200, "");
    assert_status(&served.health(), 503, said);
}

#[test]
fn a_server_that_no_commit_confirms_refuses_no_week_whatever_reports_say() {
    let served = Served::new(-60);
    let said = "nothing confirms the clock, which shows ";
    assert_status(&served.health(), 200, said);
    assert!(served.said().contains(said), "{}", served.said());
    assert_status(&served.upload(-40), 503, said);
    assert_status(&served.upload(40), 503, said);
    assert_status(&served.upload(-2), 200, "");
    // Anyone can send that.
    assert_status(&served.upload(-40), 503, said);
    assert_status(&served.health(), 200, "\nclock: ok, unconfirmed\n  nothing confirms the clock");
}

#[test]
fn a_server_that_a_commit_confirms_refuses_weeks() {
    let served = Served::new(-20);
    assert_status(&served.health(), 200, "\nclock: ok\nok\n");
    assert_status(&served.upload(-40), 400, "is more than 28 days old");
    assert_status(&served.upload(40), 400, "is more than 7 days in the future");
}
