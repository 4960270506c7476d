//! The config that was chosen before X was drawn decides about the week, and no other.

use super::testing::{CounterFile, Deployment, FILE, Machine, day, interrupt_after};
use super::*;
use crate::client::testing::{LOG, Server};
use crate::client::upload::Answer;
use crate::collection::CollectionConfig;
use std::sync::atomic::Ordering::SeqCst;

/// A config with this rate for everything.
fn config(rate: f64, verbs: &str) -> String {
    format!(
        r#"{{"GOOS":["linux"],"GOARCH":["amd64"],"GoVersion":["rust1.95.0"],"SampleRate":{rate},
        "Programs":[{{"Name":"example.org/tool","Versions":["v1.0.0"],
        "Counters":[{{"Name":"tool/verb:{verbs}","Rate":{rate}}}]}}]}}"#
    )
}

/// A week in which two things were counted.
fn week(machine: &Machine, begin: &str, end: &str) {
    machine.count(CounterFile {
        begin,
        end,
        counts: &[("tool/verb:build", 3), ("tool/verb:run", 1)],
        ..FILE
    });
}

/// A machine that fetched the first config on this day, and a server that has published a second one
/// since, with another rate and another counter. A week ended on 2026-11-15.
fn machine_and_server(rates: [f64; 2], fetched: &str) -> (Machine, Deployment) {
    let machine = Machine::opted_in("2026-11-01");
    let mut server = Deployment::new(&config(rates[0], "build"));
    week(&machine, "2026-11-03", "2026-11-08");
    machine.run_drawing(&server, fetched, 1.0).expect("a run");
    server.configs.publish(&config(rates[1], "run"));
    week(&machine, "2026-11-09", "2026-11-15");
    (machine, server)
}

/// The one report of a week: its config and its counter.
fn sent(server: &Deployment, week: &str) -> Option<(String, String)> {
    let texts = server.texts(week);
    let text = texts.first()?;
    assert_eq!(texts.len(), 1, "{texts:?}");
    let report = Report::from_json(text.as_bytes()).expect("a report");
    let [counter] = &report.programs[0].counters.keys().collect::<Vec<_>>()[..] else {
        panic!("one counter: {text}")
    };
    Some((report.config, (*counter).clone()))
}

#[test]
fn a_week_is_sampled_by_one_config_that_x_has_not_chosen() {
    let old = Some(("v0.1.0", "tool/verb:build"));
    let new = Some(("v0.2.0", "tool/verb:run"));
    for (rates, fetched, today, has_configs, x, is_sent) in [
        // The rate has gone up. The known config is renewed before X is drawn.
        ([0.02, 0.2], "2026-11-09", "2026-11-16", true, 0.1, new),
        ([0.02, 0.2], "2026-11-09", "2026-11-16", true, 0.01, new),
        ([0.02, 0.2], "2026-11-09", "2026-11-16", true, 0.3, None),
        // Fetched today, it is used; a newer one is for the next week.
        ([0.02, 0.2], "2026-11-16", "2026-11-16", true, 0.1, None),
        ([0.02, 0.2], "2026-11-16", "2026-11-16", true, 0.01, old),
        // It is also used if no newer one can be fetched: its rates, its counters and its version.
        ([0.02, 0.2], "2026-11-09", "2026-11-16", false, 0.1, None),
        ([0.02, 0.2], "2026-11-09", "2026-11-16", false, 0.01, old),
        ([0.02, 0.2], "2026-11-09", "2026-12-06", false, 0.01, old),
        // The rate has gone down.
        ([0.2, 0.02], "2026-11-09", "2026-11-16", true, 0.1, None),
        ([0.2, 0.02], "2026-11-09", "2026-11-16", true, 0.01, new),
        ([0.2, 0.02], "2026-11-16", "2026-11-16", true, 0.1, old),
        ([0.2, 0.02], "2026-11-09", "2026-11-16", false, 0.1, old),
    ] {
        let (machine, server) = machine_and_server(rates, fetched);
        server.has_configs.store(has_configs, SeqCst);
        let summary = machine.run_drawing(&server, today, x).expect("a run");
        let sent = sent(&server, "2026-11-15");
        let sent = sent.as_ref().map(|(config, counter)| (config.as_str(), counter.as_str()));
        assert_eq!(sent, is_sent, "{rates:?} {fetched} {has_configs} {x}: {summary:?}");
        // That is final.
        server.has_configs.store(true, SeqCst);
        machine.run_without_drawing(&server, today).expect("a run");
        assert_eq!(server.texts("2026-11-15").len(), usize::from(is_sent.is_some()));
        assert!(!machine.files().iter().any(|file| file.ends_with(".pending")));
    }
}

#[test]
fn whether_a_config_is_fetched_does_not_depend_on_x() {
    for (fetched, fetches) in [("2026-11-16", 1), ("2026-11-15", 2), ("2026-11-09", 2)] {
        for x in [0.01, 0.1, 1.0] {
            let (machine, server) = machine_and_server([0.02, 0.2], fetched);
            machine.run_drawing(&server, "2026-11-16", x).expect("a run");
            assert_eq!(server.fetches(), fetches, "{fetched} {x}");
        }
    }
}

#[test]
fn without_a_config_that_a_server_would_accept_no_x_is_drawn() {
    // No config at all, on a new machine.
    let machine = Machine::opted_in("2026-11-01");
    let server = Deployment::new(&config(0.2, "build"));
    week(&machine, "2026-11-03", "2026-11-08");
    server.has_configs.store(false, SeqCst);
    for today in ["2026-11-09", "2026-11-10", "2026-11-29"] {
        let summary = machine.run_without_drawing(&server, today).expect("a run");
        assert!(matches!(summary.events.last(), Some(Event::Waits { .. })), "{summary:?}");
        assert_eq!(machine.local("2026-11-08").draw, None);
    }
    server.has_configs.store(true, SeqCst);
    machine.run_drawing(&server, "2026-11-29", 0.1).expect("a run");
    assert_eq!(server.texts("2026-11-08").len(), 0, "not twice on one day");
    let summary = machine.run_as(&server, "2026-11-29", true).expect("a run");
    assert!(machine.local("2026-11-08").draw.is_some(), "{summary:?}");
    // A config fetched four weeks ago.
    let (machine, server) = machine_and_server([1.0, 1.0], "2026-11-09");
    week(&machine, "2026-11-16", "2026-12-06");
    server.has_configs.store(false, SeqCst);
    let summary = machine.run_without_drawing(&server, "2026-12-07").expect("a run");
    assert!(matches!(summary.events.last(), Some(Event::Waits { .. })), "{summary:?}");
    server.has_configs.store(true, SeqCst);
    machine.run_drawing(&server, "2026-12-08", 1.0).expect("a run");
    assert_eq!(sent(&server, "2026-12-06").expect("sent").0, "v0.2.0");
}

#[test]
fn after_a_failed_check_no_x_is_drawn() {
    let (machine, server) = machine_and_server([1.0, 1.0], "2026-11-09");
    let honest = server.configs.file(&format!("{LOG}/checkpoint"));
    let mut forked = Server::new();
    forked.publish(&config(0.5, "secret"));
    server.configs.put(&format!("{LOG}/checkpoint"), &forked.file(&format!("{LOG}/checkpoint")));
    for today in ["2026-11-16", "2026-11-17"] {
        let summary = machine.run_without_drawing(&server, today).expect("a run");
        assert!(matches!(summary.events.last(), Some(Event::Waits { .. })), "{summary:?}");
    }
    server.configs.put(&format!("{LOG}/checkpoint"), &honest);
    machine.run_drawing(&server, "2026-11-18", 1.0).expect("a run");
    assert_eq!(sent(&server, "2026-11-15").expect("sent").0, "v0.2.0");
}

#[test]
fn weeks_that_waited_together_have_an_x_each_and_one_config() {
    let machine = Machine::opted_in("2026-11-01");
    let server = Deployment::new(&config(1.0, "build"));
    server.reachable.store(false, SeqCst);
    let weeks =
        [("2026-11-03", "2026-11-08"), ("2026-11-08", "2026-11-15"), ("2026-11-15", "2026-11-22")];
    for (begin, end) in weeks {
        week(&machine, begin, end);
        machine.run_without_drawing(&server, &day(end).plus(1).to_string()).expect("a run");
    }
    server.reachable.store(true, SeqCst);
    machine.run(&server, "2026-11-24").expect("a run");
    assert_eq!(server.fetches(), 1);
    let mut xs = weeks.map(|(_, end)| {
        let text = server.texts(end).pop().expect("sent");
        Report::from_json(text.as_bytes()).expect("a report").x.get()
    });
    xs.sort_by(f64::total_cmp);
    assert!(xs[0] < xs[1] && xs[1] < xs[2], "{xs:?}");
}

/// Machines on which a run was killed between drawing this X and acting on it, once for each step in
/// between.
fn killed_after_drawing(rates: [f64; 2], x: f64, mut then: impl FnMut(Machine, Deployment)) {
    let mut killed = 0;
    for operation in 0.. {
        // Fetched on the same day, and so used as it is.
        let (machine, server) = machine_and_server(rates, "2026-11-16");
        interrupt_after(operation);
        let interrupted = machine.run_drawing(&server, "2026-11-16", x).is_err();
        interrupt_after(usize::MAX);
        if !interrupted {
            break;
        }
        let files = machine.files();
        let is_there = |file: &str| files.iter().any(|other| other == file);
        let drawn =
            is_there("local/local.2026-11-15.json") && machine.local("2026-11-15").draw.is_some();
        if drawn && is_there("local/2026-11-15.pending") && !is_there("local/2026-11-15.json") {
            killed += 1;
            then(machine, server);
        }
    }
    assert!(killed > 0, "a run was killed there");
}

#[test]
fn a_crash_after_drawing_changes_neither_x_nor_the_config() {
    for (x, is_sent) in [(0.01, true), (0.1, false)] {
        killed_after_drawing([0.02, 0.2], x, |machine, server| {
            // `view` shows what will be sent.
            let config = CollectionConfig::from_json(config(0.02, "build").as_bytes());
            let consent = crate::client::mode::Consent::read(&machine.folder, None);
            let preview = Preview::of(
                &machine.folder,
                consent,
                Some((&config.expect("a config"), "v0.1.0")),
                day("2026-11-16").start(),
            );
            let preview = preview.expect("shown");
            let Outcome::Decided(Filtered { report, .. }) = &preview.weeks[0].outcome else {
                panic!("{preview:?}")
            };
            let shown = report.as_ref().map(Report::to_json);
            // A week later there is a newer config, under which this X would be sent.
            machine.run_without_drawing(&server, "2026-11-22").expect("a run");
            assert_eq!(server.texts("2026-11-15"), shown.into_iter().collect::<Vec<_>>());
            assert_eq!(server.texts("2026-11-15").len(), usize::from(is_sent));
            assert_eq!(machine.local("2026-11-15").draw.expect("drawn").x.get(), x);
        });
    }
}

#[test]
fn the_config_that_x_was_drawn_under_is_fetched_again_if_it_is_missing() {
    killed_after_drawing([0.02, 0.2], 0.01, |machine, server| {
        std::fs::remove_file(machine.folder.path().join("candor/config.json")).expect("removed");
        server.has_configs.store(false, SeqCst);
        let summary = machine.run_without_drawing(&server, "2026-11-17").expect("a run");
        assert!(matches!(summary.events.last(), Some(Event::Waits { .. })), "{summary:?}");
        server.has_configs.store(true, SeqCst);
        machine.run_without_drawing(&server, "2026-11-18").expect("a run");
        let sent = sent(&server, "2026-11-15");
        assert_eq!(sent, Some(("v0.1.0".to_owned(), "tool/verb:build".to_owned())));
    });
}

#[test]
fn without_a_destination_x_is_drawn_under_a_known_config_and_nothing_is_fetched_or_sent() {
    let (machine, server) = machine_and_server([1.0, 1.0], "2026-11-09");
    let fetches = server.fetches();
    let summary = machine.run_offline(&server, "2026-12-01").expect("a run");
    assert!(matches!(summary.events[..], [Event::Reported { hold: None, .. }]), "{summary:?}");
    let draw = machine.local("2026-11-15").draw.expect("drawn");
    machine.run_without_drawing(&server, "2026-12-02").expect("a run");
    let text = server.texts("2026-11-15").pop().expect("sent");
    let sent_report = Report::from_json(text.as_bytes()).expect("a report");
    assert_eq!(Draw::of(Some(sent_report.x), &sent_report.config), Some(draw));
    assert_eq!((server.fetches(), sent_report.config.as_str()), (fetches, "v0.1.0"));
    // Not under a config that is too old, and no failure is stored.
    week(&machine, "2026-12-01", "2026-12-08");
    let summary = machine.run_offline(&server, "2026-12-09").expect("a run");
    assert!(matches!(summary.events[..], [Event::Reported { hold: None, .. }]), "{summary:?}");
    assert_eq!(machine.local("2026-12-08").draw, None);
    machine.run(&server, "2026-12-09").expect("a run");
    assert_eq!(sent(&server, "2026-12-08").expect("sent").0, "v0.2.0");
}

#[test]
fn x_is_not_drawn_again_for_a_report_that_was_not_accepted() {
    let (machine, server) = machine_and_server([1.0, 1.0], "2026-11-09");
    server.answers(Some(Answer::Retry("busy".to_owned())));
    machine.run_drawing(&server, "2026-11-16", 0.7).expect("a run");
    for today in ["2026-11-17", "2026-11-18"] {
        machine.run_without_drawing(&server, today).expect("a run");
    }
    server.answers(Some(Answer::Accepted));
    machine.run_without_drawing(&server, "2026-11-19").expect("a run");
    let text = server.texts("2026-11-15").pop().expect("sent");
    assert_eq!(Report::from_json(text.as_bytes()).expect("a report").x.get(), 0.7);
}
