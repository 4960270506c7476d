//! What reporting promises, with a machine and a server in memory, interrupted at every step.

use super::testing::{CONFIG, CounterFile, Deployment, FILE, Machine, day, interrupt_after};
use super::*;
use crate::client::mode::{Consent, Mode};
use crate::client::testing::LOG;
use crate::client::upload::Answer;
use crate::collection::CollectionConfig;
use crate::tlog::Freshness;
use std::sync::atomic::Ordering::SeqCst;

#[test]
fn a_week_that_has_ended_is_reported_filtered_and_sent() {
    let (machine, server) = (Machine::opted_in("2026-11-01"), Deployment::new(CONFIG));
    machine.count(FILE);
    machine.count(CounterFile { version: "devel", counts: &[("tool/verb:run", 1)], ..FILE });
    let running =
        CounterFile { begin: "2026-11-08", end: "2026-11-15", counts: &[("a", 1)], ..FILE };
    machine.count(running);
    let summary = machine.run(&server, "2026-11-09").expect("a run");
    assert_eq!(summary.sent().collect::<Vec<_>>(), [day("2026-11-08")], "{summary:?}");
    assert_eq!(
        machine.files(),
        [
            "local/local.2026-11-08.json",
            "local/tool@v1.0.0-rust1.95.0-linux-amd64-2026-11-08.v1.count",
            "upload/2026-11-08.json"
        ]
    );
    let [text] = &server.texts("2026-11-08")[..] else { panic!("one report") };
    let sent = Report::from_json(text.as_bytes()).expect("a report");
    assert_eq!(sent.config, "v0.1.0");
    assert_eq!(sent.last_week, None);
    let [program] = &sent.programs[..] else { panic!("{text}") };
    let counters: Vec<_> = program.counters.iter().map(|(n, c)| (n.as_str(), *c)).collect();
    assert_eq!(counters, [("tool/verb:build", 3)]);
    let local = machine.local("2026-11-08");
    assert_eq!((local.draw, local.programs.len()), (Draw::of(Some(sent.x), "v0.1.0"), 2));

    // A week later, the report says which was the last.
    let summary = machine.run(&server, "2026-11-16").expect("a run");
    assert_eq!(summary.sent().count(), 1, "{summary:?}");
    let sent = Report::from_json(server.texts("2026-11-15")[0].as_bytes()).expect("a report");
    assert_eq!(sent.last_week, Some(day("2026-11-08")));
    // Nothing is left to do.
    assert_eq!(machine.run(&server, "2026-11-17").expect("a run").events, []);
}

#[test]
fn a_week_has_ended_once_programs_have_noticed() {
    let machine = Machine::opted_in("2026-11-01");
    machine.count(FILE);
    let files = Listing::read(&machine.folder).expect("read").counter_files;
    for (minutes, ended) in [(0, false), (19, false), (21, true)] {
        let now = day("2026-11-08").start() + std::time::Duration::from_secs(60 * minutes);
        assert_eq!(Weeks::read(&files, now).ended.len(), usize::from(ended), "{minutes}");
    }
}

#[test]
fn weeks_that_began_before_opting_in_are_never_sent() {
    for (since, begin, sent) in [
        ("2026-11-02", "2026-11-03", true),
        ("2026-11-03", "2026-11-03", false),
        ("2026-11-05", "2026-11-03", false),
        ("2026-11-20", "2026-11-03", false),
    ] {
        let (machine, server) = (Machine::opted_in(since), Deployment::new(CONFIG));
        machine.count(CounterFile { begin, ..FILE });
        // Of the same week, but begun later: the earliest day decides.
        machine.count(CounterFile { begin: "2026-11-07", version: "v1.0.1", ..FILE });
        for today in ["2026-11-21", "2026-11-22"] {
            machine.run(&server, today).expect("a run");
        }
        assert_eq!(server.texts("2026-11-08").len(), usize::from(sent), "{since} {begin}");
        assert_eq!(server.fetches() > 0, sent, "nothing is asked for what is never sent");
        assert!(machine.files().contains(&"local/local.2026-11-08.json".to_owned()));
        // Opting in again does not change the past.
        machine.choose(Mode::On, "2026-11-01");
        machine.run(&server, "2026-11-22").expect("a run");
        assert_eq!(server.texts("2026-11-08").len(), usize::from(sent), "{since} {begin}");
    }
}

#[test]
fn the_mode_decides_what_is_done() {
    for (mode, written, sent) in
        [(Mode::Off, false, false), (Mode::Local, true, false), (Mode::On, true, true)]
    {
        let (machine, server) = (Machine::new(), Deployment::new(CONFIG));
        machine.count(FILE);
        machine.choose(mode, "2026-11-01");
        let before = machine.files();
        machine.run(&server, "2026-11-09").expect("a run");
        assert_eq!(machine.files() != before, written, "{mode}");
        assert_eq!(machine.folder.path().join("candor").exists(), written, "{mode}");
        assert_eq!(server.texts("2026-11-08").len(), usize::from(sent), "{mode}");
        assert_eq!(server.fetches() > 0, sent, "{mode}");
    }
}

#[test]
fn interrupted_anywhere_nothing_is_lost_and_one_x_is_sent() {
    let mut interruptions = 0;
    for operation in 0.. {
        let (machine, server) = (Machine::opted_in("2026-11-01"), Deployment::new(CONFIG));
        machine.count(FILE);
        machine.count(CounterFile { version: "devel", ..FILE });
        machine.count(CounterFile { begin: "2026-11-08", end: "2026-11-15", ..FILE });
        // Twice in a row, and then not again. The server's answer is lost in the second.
        interrupt_after(operation);
        let interrupted = machine.run(&server, "2026-11-16").is_err();
        interrupt_after(operation / 2);
        server.answers(None);
        let _ = machine.run(&server, "2026-11-16");
        interrupt_after(usize::MAX);
        server.answers(Some(Answer::Accepted));
        machine.run(&server, "2026-11-17").expect("a run");
        for week in ["2026-11-08", "2026-11-15"] {
            let texts = server.texts(week);
            let [text] = &texts[..] else { panic!("{operation}: {week}: {texts:?}") };
            let sent = Report::from_json(text.as_bytes()).expect("a report");
            assert_eq!(sent.programs[0].counters["tool/verb:build"], 3, "{operation}");
            let local = machine.local(week);
            assert_eq!(local.draw, Draw::of(Some(sent.x), "v0.1.0"), "{operation}");
            let counted: i64 = local.programs.iter().map(|p| p.counters["tool/secret"]).sum();
            assert_eq!(counted, if week == "2026-11-08" { 2 } else { 1 }, "{operation}");
        }
        assert_eq!(machine.files().len(), 4, "{:?}", machine.files());
        if !interrupted {
            break;
        }
        interruptions = operation;
    }
    // For a power cut within an operation see `power_cut`.
    assert!(interruptions > 15, "the run has more operations than {interruptions}");
}

#[test]
fn a_config_is_fetched_once_for_each_week_that_may_be_sent() {
    let (machine, mut server) = (Machine::opted_in("2026-11-01"), Deployment::new(CONFIG));
    // Nothing has ended: nothing is fetched.
    machine.count(FILE);
    machine.run(&server, "2026-11-07").expect("a run");
    assert_eq!(server.fetches(), 0);
    machine.run(&server, "2026-11-09").expect("a run");
    assert_eq!((server.fetches(), server.downloads()), (1, 1));
    // Not without a week to decide, nor twice a day; and only the checkpoint if nothing is new.
    for (begin, end, today, fetches) in [
        ("2026-11-09", "2026-11-22", "2026-11-16", 1),
        ("2026-11-09", "2026-11-15", "2026-11-16", 2),
        ("2026-11-10", "2026-11-14", "2026-11-16", 2),
        ("2026-11-16", "2026-11-21", "2026-11-21", 3),
        ("2026-11-16", "2026-11-22", "2026-11-23", 4),
    ] {
        machine.count(CounterFile { begin, end, ..FILE });
        machine.run(&server, today).expect("a run");
        assert_eq!((server.fetches(), server.downloads()), (fetches, 1), "{today}");
    }
    server.configs.publish(CONFIG);
    machine.count(CounterFile { begin: "2026-11-23", end: "2026-11-29", ..FILE });
    machine.run(&server, "2026-11-30").expect("a run");
    assert_eq!((server.fetches(), server.downloads()), (5, 2));
    assert_eq!(server.texts("2026-11-29").len(), 1);
}

#[test]
fn at_sample_rate_0_no_config_is_fetched_until_the_known_one_is_stale() {
    let config = CONFIG.replace("\"SampleRate\":1", "\"SampleRate\":0");
    let (machine, server) = (Machine::opted_in("2026-11-01"), Deployment::new(&config));
    for (begin, end, today, fetches) in [
        ("2026-11-03", "2026-11-08", "2026-11-09", 1),
        ("2026-11-08", "2026-11-15", "2026-11-16", 1),
        ("2026-11-15", "2026-11-22", "2026-11-23", 1),
        ("2026-11-22", "2026-11-29", "2026-11-30", 1),
        ("2026-11-29", "2026-12-06", "2026-12-07", 2),
    ] {
        machine.count(CounterFile { begin, end, ..FILE });
        let summary = machine.run(&server, today).expect("a run");
        assert!(matches!(summary.events.last(), Some(Event::Withheld { .. })), "{summary:?}");
        assert_eq!(server.fetches(), fetches, "{today}");
    }
    assert!(server.arrived.lock().expect("unpoisoned").is_empty());
    assert!(!machine.files().iter().any(|file| file.ends_with(".pending")));
}

#[test]
fn after_a_failed_check_nothing_is_sent_until_one_succeeds() {
    let (machine, mut server) = (Machine::opted_in("2026-11-01"), Deployment::new(CONFIG));
    // One report is ready, but the server is busy.
    machine.count(FILE);
    server.answers(Some(Answer::Retry("busy".to_owned())));
    machine.run(&server, "2026-11-09").expect("a run");
    server.answers(Some(Answer::Accepted));
    // Then the log is forked.
    let honest = server.configs.file(&format!("{LOG}/checkpoint"));
    let mut forked = crate::client::testing::Server::new();
    forked.publish(&CONFIG.replace("tool/verb", "tool/secret"));
    server.configs.put(&format!("{LOG}/checkpoint"), &forked.file(&format!("{LOG}/checkpoint")));
    machine.count(CounterFile { begin: "2026-11-09", end: "2026-11-16", ..FILE });
    for today in ["2026-11-17", "2026-11-18"] {
        let summary = machine.run(&server, today).expect("a run");
        assert_eq!(summary.sent().count(), 0, "{summary:?}");
        assert!(server.texts("2026-11-08").is_empty(), "the report that was ready waits, too");
        let failure = FetchFailure::of_folder(&machine.folder).expect("stored");
        assert!(failure.check && failure.reason.contains("SECURITY ERROR"), "{failure:?}");
        assert_eq!(failure.day, day(today));
    }
    // Twice a day only if the user asks.
    let fetches = server.fetches();
    machine.run(&server, "2026-11-18").expect("a run");
    assert_eq!(server.fetches(), fetches);
    machine.run_as(&server, "2026-11-18", true).expect("a run");
    assert_eq!(server.fetches(), fetches + 1);
    // A day without a network does not clear it.
    server.reachable.store(false, SeqCst);
    machine.run(&server, "2026-11-19").expect("a run");
    assert!(FetchFailure::of_folder(&machine.folder).expect("stored").check);
    server.reachable.store(true, SeqCst);
    server.configs.put(&format!("{LOG}/checkpoint"), &honest);
    server.configs.publish(CONFIG);
    let summary = machine.run(&server, "2026-11-20").expect("a run");
    assert_eq!(summary.sent().count(), 2, "{summary:?}");
    assert_eq!(FetchFailure::of_folder(&machine.folder), None);
}

#[test]
fn while_the_log_is_frozen_nothing_is_sent() {
    let machine = Machine::opted_in("2026-11-01");
    machine.count(FILE);
    let mut server = Deployment::new(CONFIG);
    server.configs.ask_for_witnesses();
    let cosigned = |server: &mut Deployment, on: &str| {
        let time = day(on).start().duration_since(std::time::UNIX_EPOCH).expect("after 1970");
        server.configs.cosign(&[(1, time.as_secs()), (2, time.as_secs())]);
    };
    cosigned(&mut server, "2026-10-31");
    let summary = machine.run(&server, "2026-11-09").expect("a run");
    assert!(matches!(summary.events.last(), Some(Event::Waits { .. })), "{summary:?}");
    let failure = FetchFailure::of_folder(&machine.folder).expect("stored");
    assert!(failure.check && failure.reason.contains("is 9 days old"), "{failure:?}");
    // A clock that is behind says nothing about the log.
    cosigned(&mut server, "2026-11-13");
    let ahead = Machine::opted_in("2026-11-01");
    ahead.count(FILE);
    ahead.run(&server, "2026-11-10").expect("a run");
    let failure = FetchFailure::of_folder(&ahead.folder).expect("stored");
    assert!(
        !failure.check && failure.reason.contains("ahead of this machine's clock"),
        "{failure:?}"
    );
    assert!(server.texts("2026-11-08").is_empty());
    for machine in [machine, ahead] {
        machine.run(&server, "2026-11-13").expect("a run");
        assert_eq!(FetchFailure::of_folder(&machine.folder), None);
        let known = KnownConfig::of_folder(&machine.folder, &server.destination().source);
        assert!(matches!(known.expect("known").freshness, Freshness::At(_)));
    }
    assert_eq!(server.texts("2026-11-08").len(), 2);
}

#[test]
fn a_refused_report_is_put_aside_and_one_that_was_not_accepted_waits() {
    let (machine, server) = (Machine::opted_in("2026-11-01"), Deployment::new(CONFIG));
    machine.count(FILE);
    server.answers(Some(Answer::Retry("busy".to_owned())));
    machine.run(&server, "2026-11-09").expect("a run");
    assert!(machine.files().contains(&"local/2026-11-08.json".to_owned()));
    server.answers(Some(Answer::Refused("no".to_owned())));
    // Not twice on one day, unless the user asks.
    let summary = machine.run(&server, "2026-11-09").expect("a run");
    assert!(
        matches!(&summary.events[..], [Event::Waits { reason, .. }] if reason.contains("tomorrow"))
    );
    machine.run_as(&server, "2026-11-09", true).expect("a run");
    assert_eq!(machine.files(), ["local/2026-11-08.json.refused", "local/local.2026-11-08.json"]);
    // It is neither sent nor made again.
    server.answers(Some(Answer::Accepted));
    machine.count(FILE);
    machine.run(&server, "2026-11-10").expect("a run");
    assert!(server.texts("2026-11-08").is_empty());
}

#[test]
fn what_waited_too_long_is_not_sent() {
    let (machine, server) = (Machine::opted_in("2026-11-01"), Deployment::new(CONFIG));
    machine.count(FILE);
    server.answers(Some(Answer::Retry("busy".to_owned())));
    machine.run(&server, "2026-11-09").expect("a run");
    server.answers(Some(Answer::Accepted));
    machine.run(&server, "2026-11-30").expect("a run");
    assert!(server.texts("2026-11-08").is_empty());
    assert_eq!(machine.files(), ["local/local.2026-11-08.json"]);
}

#[test]
fn two_projects_do_not_share_a_folder() {
    let (machine, server) = (Machine::opted_in("2026-11-01"), Deployment::new(CONFIG));
    machine.count(FILE);
    machine.run(&server, "2026-11-09").expect("a run");
    machine.count(CounterFile { begin: "2026-11-09", end: "2026-11-15", ..FILE });
    let mut other = server.destination();
    other.source.module =
        crate::gomod::ModulePath::new("other.example.org/config").expect("a path");
    let options = RunOptions {
        folder: machine.folder.clone(),
        destination: Some(other),
        now: day("2026-11-16").start(),
        asked_by_user: true,
    };
    let refused = run::run(&options, &&server, &|| Consent::read(&machine.folder, None), &draw);
    assert!(matches!(refused, Err(ReportError::OtherDestination { .. })), "{refused:?}");
}

#[test]
fn what_is_shown_is_what_is_sent() {
    let (machine, server) = (Machine::opted_in("2026-11-01"), Deployment::new(CONFIG));
    machine.count(FILE);
    let config = CollectionConfig::from_json(CONFIG.as_bytes()).expect("a config");
    let show = || {
        let consent = Consent::read(&machine.folder, None);
        let now = day("2026-11-09").start();
        Preview::of(&machine.folder, consent, Some((&config, "v0.1.0")), now).expect("shown")
    };
    // Before X is drawn: the same except for X.
    let preview = show();
    let Outcome::AtMost(Filtered { report: Some(most), withheld }) = &preview.weeks[0].outcome
    else {
        panic!("{preview:?}")
    };
    assert_eq!(withheld.len(), 1);
    // No config can be fetched, so no X is drawn.
    server.reachable.store(false, SeqCst);
    machine.run_without_drawing(&server, "2026-11-09").expect("a run");
    let before = machine.files();
    let waiting = show();
    assert_eq!(machine.files(), before, "looking changes nothing");
    let Outcome::AtMost(Filtered { report: Some(shown), .. }) = &waiting.weeks[0].outcome else {
        panic!("{waiting:?}")
    };
    assert_eq!(shown, most);
    // Then one is fetched, but the server is busy.
    server.reachable.store(true, SeqCst);
    server.answers(Some(Answer::Retry("busy".to_owned())));
    machine.run(&server, "2026-11-10").expect("a run");
    let ready = show();
    assert!(ready.weeks.is_empty());
    let [(week, text)] = &ready.ready[..] else { panic!("{ready:?}") };
    let shown = Report::from_json(text.as_bytes()).expect("a report");
    assert_eq!((*week, &shown), (day("2026-11-08"), &Report { x: shown.x, ..most.clone() }));
    server.answers(Some(Answer::Accepted));
    machine.run(&server, "2026-11-11").expect("a run");
    assert_eq!(server.texts("2026-11-08"), std::slice::from_ref(text));
    assert_eq!(show().sent, [day("2026-11-08")]);
}
