//! The promise that nothing of a log with a policy is served before a quorum of its witnesses has
//! cosigned it: whatever witnesses answer, and whenever the publisher is killed.

#![cfg(feature = "server")]

use crate::support;
use candor::tlog::{AcceptedCheckpoint, CosignerKind, Note, Policy, Protocol, Published};
use sha2::{Digest as _, Sha256};
use std::fs;
use std::process::{Command, Stdio};
use support::fake_witness::{Behaviour, Served, conflict, now, status};
use support::moment::kill_after_changes;
use support::peers::{PeerWitness, peer};
use support::witnessing::cosign_published;
use support::{Charts, Deployment, Server, candor, json, refused, run, succeed, text};
use tempfile::TempDir;

/// A time long past, and one far in the future.
const LONG_AGO: u64 = 1_000_000_000;
const TO_COME: u64 = 4_000_000_000;

/// Whether a time is now, within what the clocks of two machines may differ by.
fn is_now(time: Option<u64>) -> bool {
    time.is_some_and(|time| time.abs_diff(now()) <= 300)
}

/// Sets a deployment's witnesses: the settings that come before all tables, and the tables.
fn set_witnesses(deployment: &Deployment, settings: &str, tables: &[String]) {
    let path = deployment.path().join("candor.toml");
    let text = fs::read_to_string(&path).expect("the settings");
    // What `candor init` wrote is between these marks.
    let own = text.split("# own\n").nth(1).unwrap_or(&text);
    let new = format!("{settings}\n# own\n{own}# own\n{}", tables.concat());
    fs::write(&path, new).expect("written");
}

/// The deployment, opened through the library.
fn opened(deployment: &Deployment) -> candor::publish::Deployment {
    candor::publish::Deployment::open(deployment.path()).expect("a deployment")
}

struct Bench {
    charts: Charts,
    deployment: Deployment,
    one: Served,
    two: Served,
}

impl Bench {
    /// A deployment with two witnesses, one of each kind of key, both of which must cosign.
    fn new() -> Bench {
        let (charts, deployment) = (Charts::new(), Deployment::new());
        let one = Served::new("one.example", CosignerKind::Ed25519);
        let two = Served::new("two.example", CosignerKind::MlDsa44);
        let bench = Bench { charts, deployment, one, two };
        let tables = [bench.one.table("one"), bench.two.table("two")];
        set_witnesses(&bench.deployment, "quorum = \"all\"", &tables);
        bench
    }

    fn publish_refused(&self) -> String {
        refused(&mut self.deployment.publish_command(&self.charts), 1)
    }

    /// Both witnesses cosigned the published head at this time.
    fn cosigned_at(&self, time: u64) {
        let witnesses = [self.one.witness.as_ref(), self.two.witness.as_ref()];
        cosign_published(self.deployment.path(), &witnesses, time);
    }

    fn publish(&self) -> u64 {
        self.deployment.publish(&self.charts)["tree_size"].as_u64().expect("a size")
    }
}

/// The size of the checkpoint that a server shows, which the policy that it serves accepts.
fn shown(server: &Server) -> (AcceptedCheckpoint, String) {
    // A request for something that is missing makes the server read the head again, unless it just did.
    std::thread::sleep(std::time::Duration::from_millis(100));
    server.get(&format!("/goproxy/{}/@v/v0.1000.0.info", support::MODULE));
    let (status, policy) = server.get("/log/policy");
    assert_eq!(status, 200);
    let policy = Policy::parse(&policy).expect("a policy");
    let (status, note) = server.get("/log/checkpoint");
    assert_eq!(status, 200);
    let believed = policy.check(&note).unwrap_or_else(|e| panic!("{e}\n{}", text(&note)));
    let size = believed.checkpoint.head().size;
    // The other protocol shows the same tree, and the list of versions nothing beyond it.
    let latest = text(&server.get("/latest").1);
    assert_eq!(latest.lines().nth(1), Some(size.to_string().as_str()));
    let module = &support::MODULE;
    let list = text(&server.get(&format!("/goproxy/{module}/@v/list")).1);
    assert_eq!(list.lines().count() as u64, size.get());
    let next = format!("/goproxy/{module}/@v/v0.{}.0.info", size.get() + 1);
    assert_eq!(server.get(&next).0, 404);
    (believed, text(&note))
}

fn size_shown(server: &Server) -> u64 {
    shown(server).0.checkpoint.head().size.get()
}

#[test]
fn nothing_is_served_before_the_quorum_and_the_next_publish_completes_the_work() {
    let bench = Bench::new();
    assert_eq!(bench.publish(), 1);
    let server = bench.deployment.serve();
    let (believed, before) = shown(&server);
    assert_eq!(believed.cosigned.len(), 2);
    bench.charts.add_chart("second");
    bench.charts.commit();

    bench.two.witness.always(status(403));
    let message = bench.publish_refused();
    assert!(message.contains("too few witnesses cosigned the log of 2 entries"), "{message}");
    assert!(message.contains("one cosigned; two did not: it answered 403"), "{message}");
    assert_eq!(shown(&server).1, before, "the old head stays served");
    let first = bench.one.witness.requests().pop().expect("a request").note;

    // If a new head followed one that was never published, readers would have a gap: so that one is
    // completed first.
    bench.charts.add_chart("third");
    bench.charts.commit();
    let message = bench.publish_refused();
    assert!(message.contains("the log of 2 entries"), "{message}");
    assert_eq!(bench.one.witness.requests().pop().expect("a request").note, first);

    // The server's operator is told at once.
    let (code, health) = server.health("/health");
    assert_eq!(code, 503, "{health}");
    let said = "publishing: not ok\n  the log has 2 entries, and 1 of them are published";
    assert!(health.contains(said) && health.contains("`candor publish` completes it"), "{health}");

    bench.two.witness.always(Behaviour::Honest);
    let output = run(&mut bench.deployment.publish_command(&bench.charts));
    let said = text(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert!(said.contains("completed: v0.2.0 is published now, too"), "{said}");
    assert!(said.contains("cosigned by one, two"), "{said}");
    assert!(said.contains("auditors need a copy of it, for `candor audit --charts`"), "{said}");
    assert_eq!(shown(&server).0.cosigned.len(), 2);
    assert!(server.health("/health").1.contains("publishing: ok"));
    assert_eq!(size_shown(&server), 3);
    assert_eq!(bench.one.witness.known(), shown(&server).0.checkpoint.head());
    let verified = succeed(candor().args(["verify-store", "--data"]).arg(bench.deployment.path()));
    assert!(verified.contains('3'), "{verified}");
}

#[test]
fn a_version_that_waited_for_its_quorum_is_reported_as_published() {
    let bench = Bench::new();
    bench.two.witness.always(status(403));
    bench.publish_refused();
    bench.two.witness.always(Behaviour::Honest);
    let completed = bench.deployment.publish(&bench.charts);
    assert_eq!((&completed["outcome"], &completed["tree_size"]), (&"completed".into(), &1.into()));
    let unchanged = bench.deployment.publish(&bench.charts);
    assert_eq!(unchanged["outcome"], "unchanged");
}

#[test]
fn a_running_server_follows_the_witnesses_in_its_settings() {
    let bench = Bench::new();
    set_witnesses(&bench.deployment, "", &[]);
    assert_eq!(bench.publish(), 1);
    let server = bench.deployment.serve();
    assert!(shown(&server).0.cosigned.is_empty());
    let wait_for = |said: &str| loop {
        let health = server.health("/health").1;
        if health.contains(said) {
            return health;
        }
        std::thread::yield_now();
    };
    set_witnesses(&bench.deployment, "quorum = 1", &[bench.one.table("one")]);
    let health = wait_for("a quorum had cosigned what is shown");
    assert!(health.contains("witnesses: ok"), "{health}");
    assert_eq!(shown(&server).0.cosigned.len(), 1, "cosigned, and by the policy that is served");

    // A file with errors changes nothing, and is reported.
    set_witnesses(&bench.deployment, "quorum = 7", &[bench.one.table("one")]);
    let health = wait_for("settings: not ok\n  the current candor.toml is not in force");
    assert!(health.contains("asks for more than the 1 witnesses"), "{health}");
    assert_eq!(shown(&server).0.cosigned.len(), 1);

    set_witnesses(&bench.deployment, "quorum = \"all\"", &[bench.two.table("two")]);
    let health = wait_for("two cosigned what is shown at");
    assert!(!health.contains("settings"), "{health}");
    let (believed, note) = shown(&server);
    assert!(believed.cosigned.len() == 1 && note.contains("two.example"), "{note}");
}

#[test]
fn every_bad_answer_is_reported_and_changes_nothing() {
    let bench = Bench::new();
    assert_eq!(bench.publish(), 1);
    let server = bench.deployment.serve();
    let before = shown(&server).1;
    bench.charts.add_chart("second");
    bench.charts.commit();
    let elsewhere = Served::new("two.example", CosignerKind::MlDsa44);
    let location = vec![("Location", format!("{}/add-checkpoint", elsewhere.url))];
    let long = Behaviour::Answer(200, Vec::new(), vec![b'x'; 1 << 20]);
    for (answer, said) in [
        (status(500), "some witnesses do so if they do not know this log"),
        (status(404), "does not know this log"),
        (status(400), "400"),
        (Behaviour::Answer(307, location.clone(), Vec::new()), "redirects are not followed"),
        (Behaviour::Answer(302, location, Vec::new()), "redirects are not followed"),
        (long, "more than 65536 bytes"),
        (Behaviour::Answer(200, Vec::new(), b"garbage".to_vec()), "no cosignatures"),
        (Behaviour::OtherKey, "without a cosignature by the key two.example+"),
        (Behaviour::BadSignature, "does not match the note"),
        (conflict("no size\n"), "409 without the size"),
        (conflict("1\n"), "ALARM: the witness two does not accept"),
        (status(422), "ALARM: the witness two does not accept"),
        (
            conflict("1000\n"),
            "ALARM: the witness two says that it cosigned a log of this name with 1000",
        ),
    ] {
        bench.two.witness.always(answer.clone());
        let message = bench.publish_refused();
        assert!(message.contains(said), "{answer:?}: {message}");
        assert_eq!(shown(&server).1, before, "{answer:?}");
    }
    assert!(elsewhere.witness.requests().is_empty(), "nothing was sent where it was led");
    let health = server.health("/health").1;
    assert!(health.contains("witnesses: ok\n  a quorum had cosigned"), "{health}");
    bench.two.witness.always(Behaviour::AmongOthers);
    assert_eq!(bench.publish(), 2);
    assert_eq!(size_shown(&server), 2);
}

#[test]
fn a_publisher_that_is_killed_at_any_moment_is_completed_by_the_next() {
    let bench = Bench::new();
    assert_eq!(bench.publish(), 1);
    let server = bench.deployment.serve();
    let mut size = 1;
    let mut kill = |name: &str, two: Behaviour, killed: &mut dyn FnMut(&mut Command)| {
        bench.charts.add_chart(name);
        bench.charts.commit();
        bench.two.witness.always(two);
        killed(&mut bench.deployment.publish_command(&bench.charts));
        let seen = size_shown(&server);
        bench.two.witness.always(Behaviour::Honest);
        assert_eq!(bench.publish(), size + 1);
        assert_eq!(size_shown(&server), size + 1);
        size += 1;
        seen + 1 - size
    };
    // While one witness has cosigned and the other is being asked; it may have cosigned as well.
    for (name, two) in [("asked", Behaviour::Hang), ("cosigned", Behaviour::CosignAndHangUp)] {
        bench.one.witness.requests();
        bench.two.witness.requests();
        let seen = kill(name, two, &mut |publish| {
            let mut child =
                publish.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("runs");
            while !(bench.one.witness.was_asked() && bench.two.witness.was_asked()) {
                assert!(child.try_wait().expect("its state").is_none(), "it waits for the witness");
                std::thread::yield_now();
            }
            child.kill().expect("killed");
            child.wait().expect("its end");
        });
        assert_eq!(seen, 0, "no quorum, nothing shown");
    }
    // At any change of the store.
    let store = bench.deployment.path().join("store");
    let mut outcomes = [0, 0];
    for changes in 1.. {
        let mut was_killed = false;
        let seen = kill(&format!("kill-{changes}"), Behaviour::Honest, &mut |publish| {
            was_killed = kill_after_changes(publish, &store, changes);
        });
        if !was_killed {
            break;
        }
        outcomes[usize::try_from(seen).expect("the old size or the new")] += 1;
    }
    assert!(outcomes[0] > 0, "{outcomes:?}");
}

#[test]
fn a_server_has_the_log_cosigned_again() {
    let bench = Bench::new();
    assert_eq!(bench.publish(), 1);
    bench.cosigned_at(LONG_AGO);
    let read_only = Server::start(
        Command::new(env!("CARGO_BIN_EXE_candor"))
            .args(["serve", "--read-only", "--listen", "127.0.0.1:0", "--data"])
            .arg(bench.deployment.path()),
    );
    let (stale, before) = shown(&read_only);
    assert_eq!(stale.fresh_at, Some(LONG_AGO));
    let (code, health) = read_only.health("/health");
    assert!(
        code == 503 && health.contains("witnesses: not ok\n  a quorum of witnesses"),
        "{health}"
    );
    assert!(health.contains("one cosigned what is shown at 2001-09-09T01:46:40Z"), "{health}");

    let server = bench.deployment.serve();
    let fresh = loop {
        let (believed, note) = shown(&server);
        if note != before {
            break believed;
        }
        std::thread::yield_now();
    };
    assert_eq!(fresh.checkpoint, stale.checkpoint, "the same head");
    assert!(is_now(fresh.fresh_at), "{:?}", fresh.fresh_at);
    assert_eq!(
        size_shown(&read_only),
        1,
        "both servers show the new cosignatures, sooner or later"
    );
    let health = loop {
        let (_, health) = server.health("/health");
        if health.contains("it did") {
            break health;
        }
    };
    assert!(health.contains("witnesses: ok"), "{health}");
    let metrics = server.health("/metrics").1;
    let time = fresh.fresh_at.expect("a time");
    for expected in [
        "candor_quorum_reached 1\n".to_owned(),
        format!("candor_quorum_cosigned_time_seconds {time}\n"),
        "candor_witness_cosigned_time_seconds{witness=\"two\"} ".to_owned(),
        "candor_witness_answers_total{witness=\"one\",answer=\"cosigned\"} 1\n".to_owned(),
        "candor_cosigned_again_total{outcome=\"done\"} 1\n".to_owned(),
    ] {
        assert!(metrics.contains(&expected), "{expected}{metrics}");
    }
}

/// Waits until both have cosigned the published head with a current time.
fn wait_until_cosigned(bench: &Bench, mut while_waiting: impl FnMut()) {
    let pointer = bench.deployment.path().join("store/log/checkpoint");
    let policy = opened(&bench.deployment).policy();
    let policy = Policy::parse(&policy).expect("a policy");
    loop {
        let bytes = fs::read(&pointer).expect("a pointer");
        let published = Published::open(&bytes, opened(&bench.deployment).verifiers());
        let note = published.expect("signed").note(Protocol::TlogTiles).to_owned();
        if policy.check(note.as_bytes()).is_ok_and(|it| is_now(it.fresh_at)) {
            return;
        }
        while_waiting();
        std::thread::yield_now();
    }
}

#[test]
fn a_time_in_the_future_does_not_stop_a_server_from_refreshing() {
    let bench = Bench::new();
    assert_eq!(bench.publish(), 1);
    bench.cosigned_at(TO_COME);
    let _server = bench.deployment.serve();
    wait_until_cosigned(&bench, || {});
}

#[test]
fn a_witness_with_a_wrong_clock_does_not_count_when_publishing() {
    let bench = Bench::new();
    for (time, said) in [
        (TO_COME, "its clock is wrong: its cosignature has the time 2096-10-02T07:06:40Z"),
        (LONG_AGO, "its clock is wrong: its cosignature has the time 2001-09-09T01:46:40Z"),
    ] {
        bench.two.witness.at(time);
        let message = bench.publish_refused();
        assert!(message.contains("one cosigned; two did not"), "{message}");
        assert!(message.contains(said), "{message}");
    }
    bench.two.witness.at_system_time();
    assert_eq!(bench.publish(), 1);
}

#[test]
fn a_watch_has_the_log_cosigned_again() {
    let bench = Bench::new();
    assert_eq!(bench.publish(), 1);
    bench.cosigned_at(LONG_AGO);
    let mut watch = bench.deployment.publish_command(&bench.charts);
    watch.args(["--watch", "--interval", "1"]).stdout(Stdio::null());
    let mut watch = watch.spawn().expect("runs");
    wait_until_cosigned(&bench, || {
        assert!(watch.try_wait().expect("its state").is_none(), "it goes on");
    });
    watch.kill().expect("killed");
    watch.wait().expect("its end");
}

#[test]
fn a_server_says_which_witness_does_not_cosign_again() {
    let bench = Bench::new();
    assert_eq!(bench.publish(), 1);
    bench.cosigned_at(LONG_AGO);
    bench.two.witness.always(status(404));
    let server = bench.deployment.serve();
    let health = loop {
        let (_, health) = server.health("/health");
        if health.contains("the log is not cosigned again") {
            break health;
        }
    };
    assert!(health.contains("two did not: it answered 404"), "{health}");
    let (believed, _) = shown(&server);
    assert_eq!(believed.fresh_at, Some(LONG_AGO), "no quorum has a newer time");
    let times: Vec<_> = believed.cosigned.values().map(|time| time.seconds()).collect();
    assert!(is_now(times[0]), "who did cosign counts");
    assert_eq!(times[1], Some(LONG_AGO));
    assert!(
        server.health("/metrics").1.contains("candor_cosigned_again_total{outcome=\"failed\"} 1\n")
    );
}

#[test]
fn the_next_publish_meets_a_changed_policy() {
    let bench = Bench::new();
    set_witnesses(&bench.deployment, "", &[]);
    assert_eq!(bench.publish(), 1);
    let server = bench.deployment.serve();
    assert!(
        shown(&server).0.cosigned.is_empty(),
        "without witnesses the policy names the log alone"
    );
    drop(server);
    set_witnesses(&bench.deployment, "quorum = 1", &[bench.one.table("one")]);
    assert_eq!(bench.publish(), 1, "nothing new, and cosigned now");
    assert_eq!(shown(&bench.deployment.serve()).0.cosigned.len(), 1);
    // In a file, with a group, and with a second witness that does not run.
    let (key, url) = (&bench.two.witness.key, &bench.two.url);
    let policy = format!("# ours\nwitness two {key} {url}\ngroup g any two\nquorum g\n");
    fs::write(bench.deployment.path().join("ours.policy"), policy).expect("written");
    set_witnesses(&bench.deployment, "policy = \"ours.policy\"", &[]);
    assert_eq!(bench.publish(), 1);
    let (_, note) = shown(&bench.deployment.serve());
    let note = Note::parse(note.as_bytes()).expect("a note");
    let names: Vec<&str> = note.signatures().iter().map(|line| line.name().as_str()).collect();
    assert_eq!(
        names,
        ["telemetry.example.org/log", "two.example"],
        "who is out of the policy is left out"
    );
}

#[test]
fn settings_with_wrong_witnesses_are_refused_with_their_location() {
    let bench = Bench::new();
    let [one, two] = [bench.one.table("one"), bench.two.table("two")];
    let without = |table: &str, what: &str| {
        let lines = table.lines().filter(|line| !line.starts_with(what));
        lines.map(|line| format!("{line}\n")).collect::<String>()
    };
    let log_key = &bench.deployment.log_key;
    let with_key = format!("[[witness]]\nname = \"x\"\nurl = \"https://x\"\nkey = \"{log_key}\"\n");
    let remote = without(&one, "url") + "url = \"http://witness.example\"\n";
    let named = |name: &str| without(&one, "name") + &format!("name = \"{name}\"\n");
    fs::write(bench.deployment.path().join("no.policy"), "quorum x\n").expect("written");
    for (settings, tables, said) in [
        ("", vec![one.clone()], "no quorum that says how many must cosign"),
        ("quorum = \"most\"", vec![one.clone()], "quorum = \"most\" is not a quorum"),
        ("quorum = 0", vec![one.clone()], "quorum = 0 is not a quorum"),
        ("quorum = 1.5", vec![one.clone()], "quorum = 1.5 is not a quorum"),
        ("quorum = 3", vec![one.clone(), two.clone()], "asks for more than the 2 witnesses"),
        ("quorum = \"all\"", vec![], "asks for more than the 0 witnesses"),
        ("quorum = 1", vec![without(&one, "url")], "missing field `url`"),
        ("quorum = 1", vec![one.clone(), named("other")], "other has the same key as one"),
        ("quorum = 1", vec![one.clone(), one.clone()], "two witnesses are called"),
        ("quorum = 1", vec![named("two words")], "cannot be the name"),
        ("quorum = 1", vec![with_key], "a witness's key is of type 0x04"),
        ("quorum = 1", vec![without(&one, "key") + "key = \"x\"\n"], "the key of one"),
        ("quorum = 1", vec![remote], "| url = \"http://witness.example\""),
        ("policy = \"no.policy\"", vec![one.clone()], "these are given, too"),
        ("policy = \"no.policy\"", vec![], "line 1 of the policy"),
        ("policy = \"none.policy\"", vec![], "cannot read"),
        ("refresh = \"6h\"", vec![], "no witness to ask"),
        ("refresh = \"6\"\nquorum = 1", vec![one.clone()], "not a time from 1 minute to 3 days"),
        ("refresh = \"30s\"\nquorum = 1", vec![one.clone()], "not a time from 1 minute to 3 days"),
        ("", vec!["quorum = 1\n".to_owned(), one.clone()], "above all tables"),
    ] {
        let tables = if tables.first().is_some_and(|t| t.starts_with("quorum")) {
            vec![format!("[signer]\n{}", tables.concat())]
        } else {
            tables
        };
        set_witnesses(&bench.deployment, settings, &tables);
        let message = bench.publish_refused();
        assert!(message.contains(said), "{settings} {tables:?}: {message}");
        assert!(message.contains("candor.toml:"), "the place: {message}");
    }
    assert!(bench.one.witness.requests().is_empty());
}

/// A witness that is really running: its submission prefix and its keys.
enum Running {
    Peer(PeerWitness),
    Ours(OurWitness, Server),
}

impl Running {
    fn candor(log_key: &str) -> Running {
        let witness = OurWitness::new("witness.example", log_key);
        let server = witness.start();
        Running::Ours(witness, server)
    }

    fn tables(&self) -> Vec<String> {
        let (keys, url) = match self {
            Running::Peer(peer) => (&peer.keys, &peer.url),
            Running::Ours(witness, server) => (&witness.keys, &server.url),
        };
        tables("w", keys, url)
    }
}

/// A table for each key of a witness.
fn tables(name: &str, keys: &[String], url: &str) -> Vec<String> {
    let each = keys.iter().enumerate().map(|(number, key)| {
        format!("[[witness]]\nname = \"{name}{number}\"\nkey = \"{key}\"\nurl = \"{url}\"\n")
    });
    each.collect()
}

/// What publishing prints with a witness that does not know the log.
fn says_of_an_unknown_log(start: impl Fn(&str) -> Running) -> String {
    let (charts, deployment, other) = (Charts::new(), Deployment::new(), Deployment::new());
    // It knows a log of this name with another key.
    let witness = start(&other.log_key);
    set_witnesses(&deployment, "quorum = \"all\"", &witness.tables());
    refused(&mut deployment.publish_command(&charts), 1)
}

/// A witness of the first signer detects a second signer with the same key.
fn detects_a_second_signer(start: impl Fn(&str) -> Running) {
    let first = Deployment::new();
    let witness = start(&first.log_key);
    let [one, two] = [Charts::new(), Charts::new()];
    two.add_chart("another");
    two.commit();
    let (twin, third) = (first.twin(), first.twin());
    for deployment in [&first, &twin, &third] {
        set_witnesses(deployment, "quorum = \"all\"", &witness.tables());
    }
    assert_eq!(first.publish(&one)["tree_size"], 1);
    let message = refused(&mut twin.publish_command(&two), 1);
    assert!(message.contains("ALARM: the witness w0 does not accept"), "{message}");
    assert!(message.contains("there is a second signer with this key"), "{message}");
    one.add_chart("second");
    one.commit();
    assert_eq!(first.publish(&one)["tree_size"], 2);
    let message = refused(&mut third.publish_command(&two), 1);
    assert!(message.contains("it cosigned a log of this name with 2 entries"), "{message}");
    for deployment in [&twin, &third] {
        let server = deployment.serve();
        let note = text(&server.get("/log/checkpoint").1);
        assert_eq!(note.lines().nth(1), Some("0"), "nothing of it is served: {note}");
    }
}

#[test]
fn litewitness_detects_a_second_signer() {
    let start = |log_key: &str| Running::Peer(PeerWitness::litewitness(log_key));
    detects_a_second_signer(start);
    let message = says_of_an_unknown_log(start);
    assert!(message.contains("w0 did not: it answered 403"), "{message}");
}

#[test]
fn omniwitness_detects_a_second_signer() {
    let start = |log_key: &str| Running::Peer(PeerWitness::omniwitness(log_key));
    detects_a_second_signer(start);
    let message = says_of_an_unknown_log(start);
    assert!(message.contains("w0 did not: it answered 500; some witnesses do so"), "{message}");
}

#[test]
fn candor_witness_detects_a_second_signer() {
    detects_a_second_signer(Running::candor);
    let message = says_of_an_unknown_log(Running::candor);
    assert!(message.contains("w0 did not: it answered 403"), "{message}");
}

/// A `candor witness` of this log, with the keys that it cosigns with.
struct OurWitness {
    folder: TempDir,
    keys: Vec<String>,
}

impl OurWitness {
    fn new(name: &str, log_key: &str) -> OurWitness {
        let folder = TempDir::new().expect("a temporary folder");
        let verb = |verb: &str| {
            let mut command = candor();
            command.args(["--json", "witness", verb, "--data"]).arg(folder.path());
            command
        };
        succeed(verb("init").args(["--name", name]));
        succeed(verb("add-log").arg(log_key));
        let shown = json(&mut verb("show"));
        let keys = shown["keys"].as_array().expect("keys").iter();
        let keys = keys.map(|key| key["vkey"].as_str().expect("a key").to_owned()).collect();
        OurWitness { folder, keys }
    }

    fn start(&self) -> Server {
        let mut command = candor();
        command.args(["witness", "--listen", "127.0.0.1:0", "--data"]).arg(self.folder.path());
        Server::start(&mut command)
    }
}

#[test]
fn one_of_two_candor_witnesses_is_killed() {
    let (charts, deployment) = (Charts::new(), Deployment::new());
    let log_key = &deployment.log_key;
    let [one, two] = ["one.example", "two.example"].map(|name| OurWitness::new(name, log_key));
    let (first, second) = (one.start(), two.start());
    let set = |one_url: &str, two_url: &str| {
        let tables =
            [tables("one", &one.keys, one_url), tables("two", &two.keys, two_url)].concat();
        set_witnesses(&deployment, "quorum = \"all\"", &tables);
    };
    set(&first.url, &second.url);
    assert_eq!(deployment.publish(&charts)["tree_size"], 1);
    let server = deployment.serve();
    assert_eq!(shown(&server).0.cosigned.len(), 4, "a key of each kind");

    let gone = second.url.clone();
    second.stop_with("KILL");
    charts.add_chart("second");
    charts.commit();
    let message = refused(&mut deployment.publish_command(&charts), 1);
    assert!(message.contains("one0 cosigned; one1 cosigned; two0 did not:"), "{message}");
    assert_eq!(size_shown(&server), 1);

    // It comes back at another address, and remembers what it cosigned.
    let second = two.start();
    set(&first.url, &second.url);
    assert_eq!(deployment.publish(&charts)["tree_size"], 2);
    drop(server);
    let server = deployment.serve();
    assert_eq!(shown(&server).0.cosigned.len(), 4);

    // With a quorum of one, the other is missing, and the message names it.
    second.stop_with("KILL");
    let tables = [tables("one", &one.keys, &first.url), tables("two", &two.keys, &gone)].concat();
    set_witnesses(&deployment, "quorum = 2", &tables);
    charts.add_chart("third");
    charts.commit();
    let output = run(&mut deployment.publish_command(&charts));
    let said = text(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert!(said.contains("the witness two1 did not cosign"), "{said}");
    let head = text(&first.get(&format!("/{}/checkpoint", origin_hash())).1);
    assert_eq!(head.lines().nth(1), Some("3"), "what the witness shows to monitors: {head}");
}

/// The path with which a monitor asks a witness for the log.
fn origin_hash() -> String {
    let digest = Sha256::digest(format!("{}/log", support::HOST));
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn tesseras_fsck_accepts_a_cosigned_log() {
    let bench = Bench::new();
    for size in 1..=3 {
        assert_eq!(bench.publish(), size);
        bench.charts.add_chart(&format!("chart{size}"));
        bench.charts.commit();
    }
    let server = bench.deployment.serve();
    let key = bench.deployment.path().join("log.key");
    fs::write(&key, &bench.deployment.log_key).expect("written");
    let mut fsck = peer("fsck");
    let url = format!("{}/log/", server.url);
    fsck.args(["--ui=false", "--storage_url", &url, "--public_key"]).arg(&key);
    let said = text(&run(&mut fsck).stderr);
    assert!(said.contains("Successfully fsck'd log with size 3"), "{said}");
}
