//! Floods from one machine, and from one with a thousand networks, against the real program: how many
//! reports are accepted, that honest reports are accepted meanwhile, how far the chart moves, and
//! whether the week is marked.
//!
//! The short form asserts on counts. `scripts/flood` runs it in full: 64 connections for 60 seconds,
//! beside 16,588 honest reports, of which 44% have a counter that the attacker wants to make vanish,
//! and after eight honest weeks of about as many.
//!
//! Senders are told apart by `X-Forwarded-For` of a proxy that the server trusts: this process. The
//! honest reports of the week come before the flood, to a server with a week's budget in one minute,
//! which is then restarted, since a test cannot last a week; `ingest::admission::simulation` simulates
//! whole weeks. The weeks before are written as sealed segments, since they can no longer be uploaded.
//!
//! | file | one idea |
//! | --- | --- |
//! | `senders` | the senders and their reports |
//! | `aftermath` | the public data in the end |

#![cfg(feature = "server")]

mod aftermath;
mod senders;
#[path = "../support/mod.rs"]
mod support;

use aftermath::{Public, last_sunday, public, write_weeks_before};
use jiff::civil::Date;
use senders::{Sender, honest, honest_report, hostile, hostile_report};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};
use support::{Charts, Deployment, Server, serve_command};

/// A budget that is never used up.
const NO_LIMIT: &str = "1000000000";
/// A day's budget if 16,588 reports a week are expected.
const DAY: u64 = 9_479;

/// The parameters of a flood.
#[derive(Clone, Copy)]
struct Play {
    honest: u64,
    connections: u64,
    networks: u64,
    /// When it ends; until then, at most so many uploads.
    seconds: u64,
    uploads: u64,
    budget: Budget,
    /// How many days it is played on.
    days: u64,
}

/// What a server takes.
#[derive(Clone, Copy, PartialEq)]
enum Budget {
    /// What follows from what sampling expects.
    Expected,
    /// A day's, of which a network may take its part.
    Day(u64),
    /// As much as comes.
    Unlimited,
}

/// What came of it.
#[derive(Debug)]
struct Outcome {
    sent: u64,
    taken: u64,
    /// Honest senders of networks of their own who came during the flood, and those who were taken.
    came: u64,
    let_in: u64,
    /// The share that the honest reports have, in percent.
    before: f64,
    public: Public,
}

/// The number of a line of the metrics.
fn metric(server: &Server, name: &str) -> u64 {
    let (_, text) = server.health("/metrics");
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.and_then(|value| value.trim().parse().ok()).unwrap_or_else(|| panic!("{name} in {text}"))
}

fn serve(deployment: &Path, more: &[&str]) -> Server {
    let mut command = serve_command(deployment);
    // Merged once, at the end: of a day that was public before the flood, it would wait a week.
    Server::start(command.args(["--no-charts", "--trusted-proxy", "127.0.0.1"]).args(more))
}

/// Starts a server, and waits until its budget is the one that is meant.
fn serve_with(deployment: &Path, budget: Budget) -> Server {
    let day = match budget {
        Budget::Expected => DAY.to_string(),
        Budget::Day(day) => day.to_string(),
        Budget::Unlimited => NO_LIMIT.to_owned(),
    };
    let chosen = match budget {
        Budget::Expected => &[][..],
        Budget::Day(_) => &["--day-reports", &day],
        Budget::Unlimited => &["--day-reports", &day, "--network-reports", NO_LIMIT],
    };
    let server = serve(deployment, chosen);
    // The definitions are read in the background.
    while metric(&server, "candor_upload_budget_day_reports").to_string() != day {
        std::thread::yield_now();
    }
    server
}

fn play(play: Play) -> Outcome {
    let (charts, deployment) = (Charts::new(), Deployment::new());
    let program = std::fs::read_to_string(charts.path().join("charts-config/programs/hello.toml"));
    let program = program.expect("a program") + "population = 16588\n";
    charts.write("charts-config/programs/hello.toml", &program);
    charts.commit();
    deployment.publish(&charts);
    let week = last_sunday();
    let mut outcome = Flooded::default();
    send_honest(deployment.path(), week, play.honest);
    for _ in 0..play.days {
        // Starting again forgets what was used, as the next day does.
        let server = serve_with(deployment.path(), play.budget);
        flood(&server, week, play, &mut outcome);
        server.stop();
    }
    let Flooded { sent, taken, came, let_in } = outcome;
    let (sent, taken) = (sent.into_inner(), taken.into_inner());
    let run = (0..play.honest + let_in).filter(|number| number % 100 < 44).count() as f64;
    let all = (play.honest + let_in) as f64;
    write_weeks_before(deployment.path(), week, play.honest);
    let public = public(deployment.path(), week);
    // What was taken is public, once, and nothing else is.
    assert_eq!(public.flood, taken, "{public:?}");
    assert_eq!(public.reports, play.honest + let_in + taken, "{public:?}");
    assert!((public.share - 100.0 * run / (all + taken as f64)).abs() < 1e-6, "{public:?}");
    Outcome { sent, taken, came, let_in, before: 100.0 * run / all, public }
}

/// The week's honest reports come.
fn send_honest(deployment: &Path, week: Date, reports: u64) {
    let server = serve(deployment, &["--day-reports", NO_LIMIT]);
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let mut sender = Sender::new(&server);
            scope.spawn(move || {
                for number in (thread..reports).step_by(8) {
                    let status = sender.send(&honest(number), week, &honest_report(week, number));
                    assert_eq!(status, 200, "{number}");
                }
            });
        }
    });
    server.stop();
}

/// What was sent so far, and what became of it.
#[derive(Default)]
struct Flooded {
    sent: AtomicU64,
    taken: AtomicU64,
    came: u64,
    let_in: u64,
}

/// Floods a server, while some honest senders come.
fn flood(server: &Server, week: Date, play: Play, outcome: &mut Flooded) {
    let Flooded { sent, taken, came, let_in } = outcome;
    let (sent, taken) = (&*sent, &*taken);
    let last = sent.load(Relaxed).saturating_add(play.uploads);
    let ends = Instant::now() + Duration::from_secs(play.seconds);
    std::thread::scope(|scope| {
        let flood: Vec<_> = (0..play.connections)
            .map(|_| {
                scope.spawn(move || {
                    let mut sender = Sender::new(server);
                    while Instant::now() < ends {
                        let number = sent.fetch_add(1, Relaxed);
                        if number >= last {
                            sent.fetch_sub(1, Relaxed);
                            return;
                        }
                        let from = hostile(number, play.networks);
                        let status = sender.send(&from, week, &hostile_report(week, number));
                        assert!([200, 503].contains(&status), "{status}");
                        taken.fetch_add(u64::from(status == 200), Relaxed);
                    }
                })
            })
            .collect();
        // As often as honest senders come in a week of as many as there are reports; or ten to fifty
        // while few uploads are played, so that they are no jump themselves.
        let pause = Duration::from_secs(7 * 24 * 3600) / 16_588;
        let least = *came + 10;
        let most = if play.uploads == u64::MAX { u64::MAX } else { *came + 50 };
        while *came < least || (*came < most && flood.iter().any(|thread| !thread.is_finished())) {
            let number = play.honest + *came;
            *came += 1;
            let report = honest_report(week, number);
            let status = Sender::new(server).send(&honest(number), week, &report);
            *let_in += u64::from(status == 200);
            if play.uploads == u64::MAX {
                let left = ends.saturating_duration_since(Instant::now());
                std::thread::sleep(pause.min(left).max(Duration::from_millis(1)));
            }
        }
    });
}

const SHORT: Play = Play {
    honest: 100,
    connections: 8,
    networks: 1,
    seconds: 600,
    uploads: 600,
    budget: Budget::Day(450),
    days: 1,
};

#[test]
fn one_network_takes_a_third_of_the_day_nobody_is_shut_out_and_the_week_is_marked() {
    let outcome = play(SHORT);
    assert!((140..=160).contains(&outcome.taken), "{outcome:?}");
    assert_eq!(outcome.came, outcome.let_in, "{outcome:?}");
    assert!(outcome.public.marked, "{outcome:?}");
}

#[test]
fn many_networks_leave_room_for_those_who_have_sent_nothing() {
    let many = Play { networks: 12, uploads: 900, budget: Budget::Day(300), ..SHORT };
    let outcome = play(many);
    // Six sevenths of it.
    assert!((220..=265).contains(&outcome.taken), "{outcome:?}");
    assert!(outcome.let_in >= 10, "{outcome:?}");
    assert!(outcome.public.marked, "{outcome:?}");
}

#[test]
fn a_flood_that_is_small_beside_ordinary_weeks_is_counted_and_leaves_no_mark() {
    let outcome = play(Play { budget: Budget::Day(100), ..SHORT });
    assert!((30..=40).contains(&outcome.taken), "{outcome:?}");
    assert!(!outcome.public.marked, "{outcome:?}");
    assert!(outcome.public.share < 0.9 * outcome.before, "{outcome:?}");
}

/// Minutes long: `scripts/flood` runs it.
#[test]
#[ignore = "scripts/flood runs it"]
fn in_full() {
    println!(
        "| flood, 64 connections for 60 s | uploads sent | taken, and public | honest senders meanwhile, \
         taken | a share of | reports of the week, and expected | marked, from what number on |"
    );
    println!("| --- | --- | --- | --- | --- | --- | --- |");
    let full = Play {
        honest: 16_588,
        connections: 64,
        networks: 1,
        seconds: 60,
        uploads: u64::MAX,
        budget: Budget::Expected,
        days: 1,
    };
    for (what, play_of) in [
        ("one network", full),
        ("1,000 networks", Play { networks: 1_000, ..full }),
        ("1,000 networks, on two days", Play { networks: 1_000, days: 2, ..full }),
        ("one network, without budgets", Play { budget: Budget::Unlimited, ..full }),
    ] {
        let Outcome { sent, taken, came, let_in, before, public } = play(play_of);
        let Public { reports, flood, share, expected, high, marked } = public;
        let least = high as u64 + 1;
        let from = least - (full.honest + let_in);
        println!(
            "| {what} | {sent} | {taken}, {flood} | {let_in} of {came} | {before:.1}% becomes {share:.1}% | \
             {reports}, {expected:.0} | {}, from {from} false ones on |",
            if marked { "yes" } else { "NO" }
        );
        assert!(play_of.budget == Budget::Unlimited || came == let_in);
    }
}
