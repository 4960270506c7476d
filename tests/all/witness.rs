//! The promises of `candor witness` to logs, monitors and its operator, over HTTP: for each case of the
//! specification, the answer that it requires (<https://c2sp.org/tlog-witness>).

#![cfg(feature = "server")]

use crate::support;
use candor::tlog::{Checkpoint, Hash, LeafIndex, Note, NoteSignature, Subtree, TreeHead, TreeSize};
use candor::witness::Witness;
use support::other_log::{OtherLog, body, cosigned_at};
use support::witnessing::{
    Answer, NAME, WitnessFolder, agent, answered, get, keys_of, submit, submit_to, witness_verb,
};
use support::{Charts, Deployment, Server, candor, json, refused, serve_command, succeed};

const LOG: &str = "log.example.com/one";

fn hash_of(log: &OtherLog) -> String {
    Witness::origin_hash(&log.origin)
}

/// Checks an answer of 200: every key has cosigned the note, at one time, and nothing else has.
fn assert_cosigned(witness: &WitnessFolder, note: &Note, answer: &Answer) -> u64 {
    assert_eq!(answer.status, 200, "{answer:?}");
    assert!(answer.body.ends_with('\n') && answer.body.starts_with("— "), "{answer:?}");
    assert_eq!(answer.body.lines().count(), witness.keys.len(), "{answer:?}");
    let times = witness.keys.iter().map(|key| cosigned_at(key, note, &answer.body));
    let times: Vec<u64> = times.map(|time| time.expect("cosigned")).collect();
    assert!(times.iter().all(|time| *time == times[0] && *time > 1_700_000_000), "{times:?}");
    times[0]
}

fn assert_conflict(answer: &Answer, size: u64) {
    let expected = (409, "text/x.tlog.size", format!("{size}\n"));
    assert_eq!((answer.status, answer.content_type.as_str(), answer.body.clone()), expected);
}

#[test]
fn every_case_of_the_specification_has_its_answer() {
    let log = OtherLog::new(LOG, 1, 40);
    let witness = WitnessFolder::of_logs(&[&log]);
    let server = witness.serve();
    let fork = log.fork(1, 5);
    let other_key = OtherLog::new(LOG, 2, 40);
    let unknown = OtherLog::new("log.example.com/unknown", 1, 40);
    let status = |body: &str| submit(&server.url, body).status;
    let wrong_root = TreeHead { size: TreeSize::ZERO, root: log.head(1).root };
    let mut flipped = log.note(10).to_string().into_bytes();
    let last = flipped.len() - 5;
    flipped[last] ^= 1;
    let flipped = String::from_utf8(flipped).expect("text");

    // Nothing cosigned yet: nothing for monitors, and the old size is 0.
    assert_eq!(get(&server.url, &format!("{}/checkpoint", hash_of(&log))).status, 404);
    assert_conflict(&submit(&server.url, log.submission(3, 10)), 0);
    // An empty tree has only one root.
    assert_eq!(status(&body(0, &[], &log.sign(wrong_root, &[]))), 422);
    // From size 0 no proof is needed, and none is accepted.
    assert_eq!(status(&body(0, &log.proof(3, 10), &log.note(10))), 422);
    // The empty tree can be cosigned.
    let answer = submit(&server.url, log.submission(0, 0));
    assert_cosigned(&witness, &log.note(0), &answer);
    // The first one with leaves.
    let answer = submit(&server.url, log.submission(0, 10));
    assert_cosigned(&witness, &log.note(10), &answer);
    assert!(answer.content_type.starts_with("text/plain"), "{answer:?}");

    // From here on the size is 10. In each case, all earlier checks pass.
    let ten_hashes = log.proof(10, 20);
    let mut one_missing = ten_hashes.clone();
    one_missing.pop();
    let mut one_more = ten_hashes.clone();
    one_more.push(Hash::EMPTY);
    let mut one_wrong = ten_hashes.clone();
    one_wrong[0] = Hash::EMPTY;
    let text = |note: &Note| note.text().to_owned();
    let unsigned = format!("{}\n— {LOG} AAAAAAAAAAA=\n", text(&log.note(20)));
    let no_checkpoint = Note::sign("not\na checkpoint\n", &[&log.signer]).expect("a note");
    let many = vec![Hash::EMPTY; 64];
    let cases: Vec<(&str, u16, String)> = vec![
        // 400: malformed.
        ("nothing", 400, String::new()),
        ("no note", 400, "old 10\n\n".to_owned()),
        ("no empty line", 400, log.submission(10, 20).replacen("\n\n", "\n", 1)),
        ("a leading zero", 400, log.submission(10, 20).replacen("old 10", "old 010", 1)),
        ("a plus", 400, log.submission(10, 20).replacen("old 10", "old +10", 1)),
        ("no size", 400, log.submission(10, 20).replacen("old 10", "old ", 1)),
        ("another word", 400, log.submission(10, 20).replacen("old 10", "new 10", 1)),
        ("two spaces", 400, log.submission(10, 20).replacen("old 10", "old  10", 1)),
        ("carriage returns", 400, log.submission(10, 20).replace('\n', "\r\n")),
        ("no hash", 400, log.submission(10, 20).replacen("old 10\n", "old 10\nx\n", 1)),
        ("64 hashes", 400, body(10, &many, &log.note(20))),
        ("no last line end", 400, log.submission(10, 20).trim_end().to_owned()),
        ("no checkpoint in the note", 400, body(10, &ten_hashes, &no_checkpoint)),
        ("no signatures", 400, body(10, &ten_hashes, &(text(&log.note(20)) + "\n"))),
        // 404 comes before errors in the signature or the sizes.
        ("an unknown log", 404, unknown.submission(10, 20)),
        ("an unknown log, old larger", 404, body(30, &[], &unknown.note(20))),
        // 403 comes before errors in the sizes.
        ("another key under the name", 403, other_key.submission(10, 20)),
        ("no signature of the log", 403, body(10, &ten_hashes, &unsigned)),
        ("a bad signature", 403, body(10, &ten_hashes, &flipped)),
        ("another key, and old larger", 403, body(30, &[], &other_key.note(20))),
        ("another key, and another old size", 403, other_key.submission(3, 20)),
        (
            "a good signature and a bad one of the same key",
            403,
            format!("{}{}", log.submission(10, 20), flipped.lines().last().expect("a line")) + "\n",
        ),
        // 400 comes before the state is read.
        ("the old size is larger", 400, body(21, &[], &log.note(20))),
        ("the old size is larger, and a fork", 400, body(10, &[], &fork.note(9))),
        // 422 comes after the state.
        ("a proof with a hash less", 422, body(10, &one_missing, &log.note(20))),
        ("a proof with a hash more", 422, body(10, &one_more, &log.note(20))),
        ("a proof with a wrong hash", 422, body(10, &one_wrong, &log.note(20))),
        ("no proof", 422, body(10, &[], &log.note(20))),
        ("a fork, proved in itself", 422, fork.submission(10, 20)),
        ("another root of the same size", 422, body(10, &[], &fork.note(10))),
        ("a proof between equal sizes", 422, body(10, &ten_hashes, &log.note(10))),
    ];
    for (name, expected, body) in &cases {
        let answer = submit(&server.url, body);
        assert_eq!(answer.status, *expected, "{name}: {answer:?}");
        assert!(answer.content_type.starts_with("text/plain"), "{name}: {answer:?}");
    }
    // 409 comes before the proof is checked, and gives the size.
    for body in [
        log.submission(0, 20),
        log.submission(9, 20),
        log.submission(11, 20),
        fork.submission(9, 20),
        body(0, &[], &log.note(9)),
        body(0, &one_wrong, &log.note(20)),
        body(0, &[], &log.sign(wrong_root, &[])),
    ] {
        assert_conflict(&submit(&server.url, body), 10);
    }
    // None of this has changed anything.
    let shown = get(&server.url, &format!("{}/checkpoint", hash_of(&log)));
    assert!(shown.body.starts_with(&log.note(10).to_string()), "{shown:?}");
    // The log can continue.
    let answer = submit(&server.url, log.submission(10, 20));
    assert_cosigned(&witness, &log.note(20), &answer);
    assert!(server.stop().success());
}

#[test]
fn other_requests_have_their_own_status() {
    let log = OtherLog::new(LOG, 1, 20);
    let witness = WitnessFolder::of_logs(&[&log]);
    let server = witness.serve();
    let status = |path: &str| get(&server.url, path).status;
    assert_eq!(status("add-checkpoint"), 405);
    assert_eq!(status("anything"), 404);
    assert_eq!(status("checkpoint"), 404);
    assert_eq!(status(&format!("{}/checkpoint", hash_of(&log).to_uppercase())), 404);
    assert_eq!(status("../../witness.toml/checkpoint"), 404);
    assert_eq!(status(&format!("{}/checkpoint", "0".repeat(64))), 404);
    let too_long = "x".repeat(300 << 10);
    assert_eq!(submit(&server.url, too_long).status, 413);
    let posted = agent().post(format!("{}/{}/checkpoint", server.url, hash_of(&log)));
    assert_eq!(answered(posted.send_empty().expect("an answer")).expect("a body").status, 405);
    // A prefix that ends in a slash, joined to a path that starts with one.
    assert_eq!(submit(&format!("{}/", server.url), log.submission(0, 5)).status, 200);
    // Its identity.
    let about = get(&server.url, "");
    assert_eq!(about.status, 200);
    assert!(witness.keys.iter().all(|key| about.body.contains(&key.to_string())), "{about:?}");
}

#[test]
fn monitors_get_what_was_cosigned_with_the_signatures_that_were_verified() {
    let log = OtherLog::new(LOG, 1, 20);
    let witness = WitnessFolder::of_logs(&[&log]);
    let server = witness.serve();
    // A line by an unknown key is ignored: neither cosigned nor passed on.
    let stranger = OtherLog::new("stranger.example", 9, 20);
    let note = stranger.note(7).signatures().iter().cloned().fold(log.note(7), Note::with);
    let answer = submit(&server.url, body(0, &[], &note));
    let time = assert_cosigned(&witness, &log.note(7), &answer);
    let shown = get(&server.url, &format!("{}/checkpoint", hash_of(&log)));
    assert_eq!((shown.status, &*shown.body), (200, &*format!("{}{}", log.note(7), answer.body)));
    // The same checkpoint again gets a time that is not older, and monitors get that one.
    let again = submit(&server.url, body(7, &[], &log.note(7)));
    assert!(assert_cosigned(&witness, &log.note(7), &again) >= time);
    let shown = get(&server.url, &format!("{}/checkpoint", hash_of(&log)));
    assert_eq!(shown.body, format!("{}{}", log.note(7), again.body));
    // Extension lines are cosigned unchanged.
    let extended = log.sign(log.head(9), &["an extension", "another"]);
    let answer = submit(&server.url, body(7, &log.proof(7, 9), &extended));
    assert_cosigned(&witness, &extended, &answer);
    let shown = get(&server.url, &format!("{}/checkpoint", hash_of(&log)));
    let parsed = Note::parse(shown.body.as_bytes()).expect("a note");
    assert_eq!(Checkpoint::parse(parsed.text()).expect("a checkpoint").extensions().len(), 2);
    // The same head without them is cosigned, too: a cosignature says nothing about them.
    let answer = submit(&server.url, body(9, &[], &log.note(9)));
    assert_cosigned(&witness, &log.note(9), &answer);
}

#[test]
fn a_changed_list_is_used_at_once_and_an_invalid_one_never() {
    let (first, second) = (OtherLog::new(LOG, 1, 20), OtherLog::new("second", 2, 20));
    let witness = WitnessFolder::of_logs(&[&first]);
    let server = witness.serve();
    assert_eq!(submit(&server.url, first.submission(0, 5)).status, 200);
    assert_eq!(submit(&server.url, second.submission(0, 5)).status, 404);
    witness.add_log(&second.vkey());
    assert_eq!(submit(&server.url, second.submission(0, 5)).status, 200);
    assert_eq!(server.health("/health"), (200, "witness: ok\nok\n".to_owned()));
    assert!(server.health("/metrics").1.contains("candor_witness_logs 2\n"));

    // A damaged list changes nothing, and is reported.
    let list = witness.path().join("witness/logs");
    let good = std::fs::read_to_string(&list).expect("the list");
    std::fs::write(&list, good.replace("qpd", "qdp")).expect("written");
    assert_eq!(submit(&server.url, first.submission(5, 6)).status, 200);
    assert_eq!(submit(&server.url, second.submission(5, 6)).status, 200);
    let (status, said) = server.health("/health");
    assert_eq!(status, 503);
    assert!(said.contains("stay in force") && said.contains("expected `qpd`"), "{said}");
    assert!(server.health("/metrics").1.contains("candor_witness_list_refused 1\n"));
    std::fs::remove_file(&list).expect("removed");
    assert_eq!(submit(&server.url, first.submission(6, 7)).status, 200);
    assert_eq!(server.health("/health").0, 503);

    // A log that was removed from the list is refused, but its state is kept.
    let without_first = good.replace(&first.vkey(), &OtherLog::new("third", 3, 0).vkey());
    std::fs::write(&list, without_first).expect("written");
    assert_eq!(submit(&server.url, first.submission(7, 8)).status, 404);
    assert_eq!(server.health("/health").0, 200);
    std::fs::write(&list, &good).expect("written");
    assert_conflict(&submit(&server.url, first.submission(0, 8)), 7);

    // Starting with an invalid list is refused, and the message gives the line.
    assert!(server.stop().success());
    std::fs::write(&list, good.replace("logs/v0", "logs/v9")).expect("written");
    let mut command = witness.command();
    assert!(refused(&mut command, 1).contains("begins with the line `logs/v0`"));
}

#[test]
fn keys_are_rotated_with_an_overlap() {
    let log = OtherLog::new(LOG, 1, 20);
    let witness = WitnessFolder::of_logs(&[&log]);
    let server = witness.serve();
    assert_cosigned(&witness, &log.note(5), &submit(&server.url, log.submission(0, 5)));
    let old = keys_of(&witness.show());
    assert_eq!(old.len(), 2);

    // One more key at once, and one that starts later.
    let add = |arguments: &[&str]| json(witness_verb(witness.path(), "add-key").args(arguments));
    let new = add(&["--kind", "ed25519"]);
    let new: candor::tlog::CosignerKey =
        new["vkey"].as_str().expect("a key").parse().expect("a key");
    add(&["--kind", "ml-dsa-44", "--since", "2999-01-01T00:00:00Z"]);
    server.signal("HUP");
    let mut in_force =
        WitnessFolder { folder: tempfile::TempDir::new().expect("a folder"), keys: old };
    in_force.keys.push(new.clone());
    // The same checkpoint gets the new key's cosignature, too.
    wait_for(|| submit(&server.url, body(5, &[], &log.note(5))).body.lines().count() == 3);
    assert_cosigned(&in_force, &log.note(5), &submit(&server.url, body(5, &[], &log.note(5))));

    // The first Ed25519 key ends.
    let ended = in_force.keys.remove(1);
    let id = ended.id().to_string();
    succeed(witness_verb(witness.path(), "retire-key").arg(&id));
    let seed = witness.path().join(format!("witness/keys/ed25519-{id}.seed"));
    std::fs::remove_file(seed).expect("the seed that nobody needs any more");
    server.signal("HUP");
    wait_for(|| submit(&server.url, body(5, &[], &log.note(5))).body.lines().count() == 2);
    let answer = submit(&server.url, log.submission(5, 8));
    assert_cosigned(&in_force, &log.note(8), &answer);
    assert_eq!(cosigned_at(&ended, &log.note(8), &answer.body), None);
    let unknown = refused(witness_verb(witness.path(), "retire-key").arg("00000000"), 1);
    assert!(unknown.contains("no key 00000000"), "{unknown}");

    // Invalid settings leave the last ones in force.
    let settings = witness.path().join("witness/witness.toml");
    let good = std::fs::read_to_string(&settings).expect("settings");
    std::fs::write(&settings, format!("colour = \"red\"\n{good}")).expect("written");
    server.signal("HUP");
    wait_for(|| server.health("/health").0 == 503);
    assert!(server.health("/health").1.contains("colour"));
    assert_cosigned(&in_force, &log.note(9), &submit(&server.url, log.submission(8, 9)));
}

/// Waits for something that another process does.
fn wait_for(happened: impl Fn() -> bool) {
    while !happened() {
        std::thread::yield_now();
    }
}

#[test]
fn a_seed_that_others_may_read_or_of_another_key_is_refused() {
    let witness = WitnessFolder::new();
    let keys = witness.path().join("witness/keys");
    let mut seeds: Vec<_> =
        std::fs::read_dir(&keys).expect("list").map(|file| file.expect("a file").path()).collect();
    seeds.sort();
    let [ed25519, ml_dsa] = &seeds[..] else { panic!("{seeds:?}") };
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode =
            |mode| std::fs::set_permissions(ed25519, PermissionsExt::from_mode(mode)).expect("set");
        assert_eq!(std::fs::metadata(ed25519).expect("a file").permissions().mode() & 0o777, 0o600);
        mode(0o644);
        assert!(refused(&mut witness.command(), 1).contains("has mode 0644"));
        mode(0o600);
    }
    let own = std::fs::read(ed25519).expect("a seed");
    std::fs::copy(ml_dsa, ed25519).expect("copied");
    assert!(refused(&mut witness.command(), 1).contains("is not the seed of"));
    std::fs::write(ed25519, own).expect("written");
    // No second witness is made, and a missing one is not served.
    let again = refused(witness_verb(witness.path(), "init").args(["--name", NAME]), 1);
    assert!(again.contains("already holds a witness"), "{again}");
    let nowhere = witness.path().join("nowhere");
    let mut command = candor();
    command.args(["witness", "--data"]).arg(&nowhere);
    let said = refused(&mut command, 1);
    assert!(said.contains("candor witness init") && !nowhere.exists(), "{said}");
}

#[test]
fn a_log_that_submits_more_than_its_list_says_is_asked_to_wait() {
    let (log, other) = (OtherLog::new(LOG, 1, 40), OtherLog::new("other", 2, 20));
    let witness = WitnessFolder::of_logs(&[&other]);
    succeed(witness_verb(witness.path(), "add-log").arg(log.vkey()).args(["--per-day", "2"]));
    let server = witness.serve();
    assert_eq!(submit(&server.url, log.submission(0, 1)).status, 200);
    // Refused requests do not count against the log's budget.
    for _ in 0..5 {
        assert_eq!(submit(&server.url, log.fork(1, 0).submission(1, 2)).status, 422);
        assert_conflict(&submit(&server.url, log.submission(0, 2)), 1);
    }
    assert_eq!(submit(&server.url, log.submission(1, 2)).status, 200);
    let answer = submit(&server.url, log.submission(2, 3));
    assert_eq!(answer.status, 429, "{answer:?}");
    let wait: u64 = answer.retry_after.expect("how long to wait").parse().expect("seconds");
    assert!((1..=43_200).contains(&wait), "{wait}");
    // Checks come first, other logs have their own budgets, and repeating a checkpoint does not count as
    // growth.
    assert_eq!(submit(&server.url, log.fork(1, 0).submission(2, 3)).status, 422);
    assert_eq!(submit(&server.url, other.submission(0, 5)).status, 200);
    let first = submit(&server.url, body(2, &[], &log.note(2)));
    assert_cosigned(&witness, &log.note(2), &first);
    // However often it is repeated.
    for _ in 0..20 {
        let answer = submit(&server.url, body(2, &[], &log.note(2)));
        assert_cosigned(&witness, &log.note(2), &answer);
    }
    assert_eq!(submit(&server.url, log.submission(2, 3)).status, 429);
}

#[test]
fn what_was_cosigned_is_remembered_across_a_restart() {
    let log = OtherLog::new(LOG, 1, 40);
    let witness = WitnessFolder::of_logs(&[&log]);
    let server = witness.serve();
    let before = submit(&server.url, log.submission(0, 12));
    let before = assert_cosigned(&witness, &log.note(12), &before);
    assert!(server.stop().success());
    let server = witness.serve();
    let metrics = server.health("/metrics").1;
    let log_label = format!("{{log=\"{}\"}}", &hash_of(&log)[..16]);
    assert!(metrics.contains(&format!("candor_witness_log_size{log_label} 12\n")), "{metrics}");
    assert_eq!(submit(&server.url, body(12, &[], &log.fork(1, 3).note(12))).status, 422);
    assert_conflict(&submit(&server.url, log.submission(0, 20)), 12);
    let after = submit(&server.url, log.submission(12, 20));
    assert!(assert_cosigned(&witness, &log.note(20), &after) >= before);
    let metrics = server.health("/metrics").1;
    for (status, count) in [(200, 1), (409, 1), (422, 1), (403, 0)] {
        let line =
            format!("requests_total{{request=\"add-checkpoint\",status=\"{status}\"}} {count}\n");
        assert!(metrics.contains(&line), "{line}{metrics}");
    }
    assert!(metrics.contains("candor_witness_inconsistent_total 1\n"), "{metrics}");
    let shown = witness.show();
    assert_eq!((&shown["logs"][0]["size"], &shown["name"]), (&20.into(), &NAME.into()));
}

#[test]
fn a_damaged_state_is_not_treated_as_empty() {
    let log = OtherLog::new(LOG, 1, 40);
    let witness = WitnessFolder::of_logs(&[&log]);
    let server = witness.serve();
    assert_eq!(submit(&server.url, log.submission(0, 12)).status, 200);
    let path = witness.path().join("witness/store/cosigned").join(hash_of(&log));
    let mut bytes = std::fs::read(&path).expect("the state");
    let at = bytes.len() / 2;
    bytes[at] ^= 4;
    std::fs::write(&path, bytes).expect("written");
    // It is not treated as if nothing had been cosigned.
    assert_eq!(submit(&server.url, log.submission(0, 12)).status, 500);
    assert_eq!(submit(&server.url, log.submission(12, 20)).status, 500);
    assert_eq!(get(&server.url, &format!("{}/checkpoint", hash_of(&log))).status, 500);
    let (status, said) = server.health("/health");
    assert!(status == 503 && said.contains(&hash_of(&log)) && said.contains("damaged"), "{said}");
    assert!(server.stop().success());
    // Also if it is found at the start.
    let server = witness.serve();
    assert!(server.health("/health").1.contains("damaged"));
    assert_eq!(submit(&server.url, log.submission(0, 12)).status, 500);
}

#[test]
fn a_log_may_have_another_name_than_its_key_and_several_keys() {
    let witness = WitnessFolder::new();
    let [first, second] = [1, 2].map(|seed| OtherLog::new("key.example", seed, 20));
    for log in [&first, &second] {
        let mut add = witness_verb(witness.path(), "add-log");
        succeed(add.arg(log.vkey()).args(["--origin", "the origin, with spaces"]));
    }
    let again = refused(
        witness_verb(witness.path(), "add-log")
            .arg(first.vkey())
            .args(["--origin", "the origin, with spaces"]),
        1,
    );
    assert!(again.contains("already on the list with this key"), "{again}");
    let server = witness.serve();
    let note = |signers: &[&OtherLog], size: usize| {
        let head = first.head(size);
        let text = format!("the origin, with spaces\n{}\n{}\n", head.size, head.root);
        let signers: Vec<_> = signers.iter().map(|log| &log.signer).collect();
        Note::sign(text, &signers).expect("a note")
    };
    // The name of the key is not a log.
    assert_eq!(submit(&server.url, first.submission(0, 3)).status, 404);
    let both = note(&[&first, &second], 3);
    assert_cosigned(&witness, &both, &submit(&server.url, body(0, &[], &both)));
    let alone = note(&[&second], 5);
    let answer = submit(&server.url, body(3, &first.proof(3, 5), &alone));
    assert_cosigned(&witness, &alone, &answer);
    let neither = note(&[&OtherLog::new("key.example", 3, 0)], 7);
    assert_eq!(submit(&server.url, body(5, &first.proof(5, 7), &neither)).status, 403);
}

#[test]
fn no_client_address_is_written_anywhere() {
    let log = OtherLog::new(LOG, 1, 20);
    let witness = WitnessFolder::of_logs(&[&log]);
    let server = witness.serve();
    let _ = submit(&server.url, log.submission(0, 5));
    let _ = submit(&server.url, log.fork(1, 0).submission(5, 6));
    let metrics = server.health("/metrics").1 + &server.health("/health").1;
    assert!(!metrics.contains("127.0.0.1") && !metrics.contains(LOG), "{metrics}");
    for (path, bytes) in support::contents(witness.path()) {
        assert!(!String::from_utf8_lossy(&bytes).contains("127.0.0.1"), "{}", path.display());
    }
}

#[test]
fn a_deployment_is_a_witness_of_another() {
    let [publisher, other] = [Deployment::new(), Deployment::new()];
    let charts = Charts::new();
    publisher.publish(&charts);
    // Without a witness in its folder none is served, and the message says what to do.
    let mut command = serve_command(other.path());
    let said = refused(command.arg("--witness"), 1);
    assert!(said.contains("candor witness init"), "{said}");
    let server = other.serve();
    assert_eq!(get(&server.url, "witness/").status, 404);
    assert!(server.stop().success());

    let made = json(witness_verb(other.path(), "init").args(["--name", NAME]));
    succeed(witness_verb(other.path(), "add-log").arg(&publisher.log_key));
    let (published, server) = (publisher.serve(), Server::start(&mut command));
    let checkpoint = || String::from_utf8(published.get("/log/checkpoint").1).expect("text");
    let witness = format!("{}/witness", server.url);
    let first = checkpoint();
    let answer = submit(&witness, body(0, &[], &first));
    let note = Note::parse(first.as_bytes()).expect("a note");
    for key in keys_of(&made) {
        assert!(cosigned_at(&key, &note, &answer.body).is_some(), "{answer:?}");
    }
    // One entry more: the proof from 1 to 2 is the second leaf.
    publisher.publish({
        charts.add_chart("more");
        &charts
    });
    // What is served is read again at intervals.
    wait_for(|| checkpoint() != first);
    let second = checkpoint();
    assert_eq!(submit(&witness, body(1, &[], &second)).status, 422);
    let tile = published.get("/log/tile/0/000.p/2").1;
    let leaf = Hash::from(<[u8; 32]>::try_from(&tile[32..]).expect("a hash"));
    assert_eq!(submit(&witness, body(1, &[leaf], &second)).status, 200);
    // Monitors can read it from any origin, and it is part of the deployment's health and metrics.
    let origin = Checkpoint::parse(note.text()).expect("a checkpoint").origin().clone();
    let path = format!("witness/{}/checkpoint", Witness::origin_hash(&origin));
    assert!(get(&server.url, &path).body.starts_with(second.trim_end()));
    assert_conflict(&submit(&witness, body(0, &[], &second)), 2);
    assert!(get(&server.url, "witness/").body.contains(NAME));
    assert!(server.health("/health").1.contains("witness: ok\n"));
    let metrics = server.health("/metrics").1;
    assert!(metrics.contains("candor_witness_cosigned_total{of=\"growth\"} 2\n"), "{metrics}");
    assert!(
        metrics.contains("candor_requests_total{part=\"witness\",status=\"200\"}"),
        "{metrics}"
    );
    // Everything else is served as before.
    assert_eq!(server.get("/log/checkpoint").0, 200);
    assert!(server.stop().success() && published.stop().success());
}

#[test]
fn two_deployments_witness_each_other() {
    let deployments = [Deployment::new(), Deployment::new()];
    let keys = deployments.each_ref().map(|deployment| {
        let made = witness_verb(deployment.path(), "init").args(["--name", NAME]).output();
        let made = serde_json::from_slice(&made.expect("the program").stdout);
        keys_of(&made.expect("JSON"))
    });
    for (number, deployment) in deployments.iter().enumerate() {
        let other = &deployments[1 - number];
        succeed(witness_verb(deployment.path(), "add-log").arg(&other.log_key));
    }
    let servers = deployments
        .each_ref()
        .map(|deployment| Server::start(serve_command(deployment.path()).arg("--witness")));
    let charts = Charts::new();
    for (number, deployment) in deployments.iter().enumerate() {
        let other = 1 - number;
        let path = deployment.path().join("candor.toml");
        let text = std::fs::read_to_string(&path).expect("candor.toml");
        let mut text = text.replacen("name =", "quorum = \"all\"\nname =", 1);
        for (kind, key) in keys[other].iter().enumerate() {
            let url = format!("{}/witness/", servers[other].url);
            text +=
                &format!("\n[[witness]]\nname = \"w{kind}\"\nkey = \"{key}\"\nurl = \"{url}\"\n");
        }
        std::fs::write(&path, text).expect("written");
    }
    for round in 0..2 {
        charts.add_chart(&format!("chart{round}"));
        for (number, deployment) in deployments.iter().enumerate() {
            let done = deployment.publish(&charts);
            let size = done["tree_size"].as_u64().expect("a size");
            let served = || {
                let (status, text) = servers[number].get("/log/checkpoint");
                (status == 200).then(|| Note::parse(&text).expect("a note")).filter(|note| {
                    let head = Checkpoint::parse(note.text()).expect("a checkpoint").head();
                    head.size.get() == size
                })
            };
            wait_for(|| served().is_some());
            let note = served().expect("the new head");
            let checkpoint = Checkpoint::parse(note.text()).expect("a checkpoint");
            for key in &keys[1 - number] {
                assert!(key.verify(&note, &checkpoint).expect("no bad signature").is_some());
            }
        }
    }
    assert!(servers.into_iter().all(|server| server.stop().success()));
}

#[test]
fn subtrees_of_what_was_cosigned_are_signed_by_ml_dsa() {
    let log = OtherLog::new(LOG, 1, 40);
    let witness = WitnessFolder::of_logs(&[&log]);
    let server = witness.serve();
    let lines = submit(&server.url, log.submission(0, 29)).body;
    let cosigned = format!("{}{lines}", log.note(29));
    let ask = |start: usize, end: usize, size: usize, note: &str| {
        let (hash, proof) = log.subtree(start, end, size);
        let proof: String = proof.iter().map(|hash| format!("{hash}\n")).collect();
        format!("subtree {start} {end}\n{hash}\n{proof}\n{note}")
    };
    let submit = |body: &str| submit_to(&server.url, "sign-subtree", body);
    for (start, end) in [(8, 13), (0, 29), (0, 16), (28, 29), (16, 29), (5, 6)] {
        let answer = submit(&ask(start, end, 29, &cosigned));
        assert_eq!((answer.status, answer.body.lines().count()), (200, 1), "{answer:?}");
        let line = NoteSignature::parse(answer.body.trim_end()).expect("a signature line");
        assert_eq!(line.bytes()[..8], [0; 8], "a subtree's cosignature says no time");
        let (hash, _) = log.subtree(start, end, 29);
        let size = |number: usize| TreeSize::new(number as u64).expect("a size");
        let leaf = LeafIndex::new(start as u64).expect("an index");
        let subtree = Subtree::new(leaf, size(end)).expect("a subtree");
        let [ml_dsa, ed25519] = &witness.keys[..] else { panic!("{:?}", witness.keys) };
        assert!(ml_dsa.verifies_subtree(&log.origin, subtree, hash, &line));
        assert!(!ml_dsa.verifies_subtree(&log.origin, subtree, Hash::EMPTY, &line));
        assert!(!ed25519.verifies_subtree(&log.origin, subtree, hash, &line));
    }
    let good = ask(8, 13, 29, &cosigned);
    let [ml_dsa, ed25519] =
        [0, 1].map(|line| format!("{}\n", lines.lines().nth(line).expect("a line")));
    let mut forged = ml_dsa.clone().into_bytes();
    let middle = forged.len() / 2;
    forged[middle] = if forged[middle] == b'A' { b'B' } else { b'A' };
    let forged = String::from_utf8(forged).expect("text");
    let elsewhere = OtherLog::new("log.example.com/unknown", 1, 40).note(29).to_string();
    for (name, status, body) in [
        ("nothing", 400, String::new()),
        ("another word", 400, good.replacen("subtree", "tree", 1)),
        ("a leading zero", 400, good.replacen("8 13", "08 13", 1)),
        ("no subtree", 400, good.replacen("8 13", "7 13", 1)),
        ("an empty one", 400, good.replacen("8 13", "8 8", 1)),
        ("backwards", 400, good.replacen("8 13", "16 13", 1)),
        ("beyond the tree", 400, good.replacen("8 13", "0 30", 1)),
        ("no hash", 400, "subtree 8 13\n\n".to_owned() + &cosigned),
        (
            "64 hashes",
            400,
            good.replacen("\n\n", &format!("\n{}\n", format!("{}\n", Hash::EMPTY).repeat(64)), 1),
        ),
        ("an unknown log", 404, ask(8, 13, 29, &(elsewhere + &ml_dsa))),
        ("not cosigned", 403, ask(8, 13, 29, &log.note(29).to_string())),
        ("not this one", 403, ask(8, 13, 20, &format!("{}{lines}", log.note(20)))),
        ("forged", 403, ask(8, 13, 29, &format!("{}{forged}", log.note(29)))),
        ("another subtree", 422, good.replacen("8 13", "8 14", 1)),
        ("a hash more", 422, good.replacen("\n\n", &format!("\n{}\n\n", Hash::EMPTY), 1)),
        ("another hash", 422, {
            let (hash, _) = log.subtree(8, 13, 29);
            good.replacen(&hash.to_string(), &Hash::EMPTY.to_string(), 1)
        }),
        // Either kind of key may have cosigned.
        ("by one key", 200, ask(8, 13, 29, &format!("{}{ml_dsa}", log.note(29)))),
        ("by the other key", 200, ask(8, 13, 29, &format!("{}{ed25519}", log.note(29)))),
    ] {
        let answer = submit(&body);
        assert_eq!(answer.status, status, "{name}: {answer:?}");
    }
    assert_eq!(get(&server.url, "sign-subtree").status, 405);
}

#[test]
fn a_copy_of_the_folder_cosigns_nothing_until_it_is_moved() {
    let log = OtherLog::new(LOG, 1, 40);
    let witness = WitnessFolder::of_logs(&[&log]);
    let server = witness.serve();
    assert_eq!(submit(&server.url, log.submission(0, 5)).status, 200);
    assert!(server.stop().success());
    let copy = tempfile::TempDir::new().expect("a folder");
    support::copy_folder(witness.path(), copy.path());
    // The original continues; a copy, or the original restored from a backup, does not.
    assert!(witness.serve().stop().success());
    let said = refused(&mut support::witnessing::serve_command(copy.path()), 1);
    assert!(said.contains("is a copy") && said.contains("candor witness move"), "{said}");
    // Not without being asked to.
    refused(&mut witness_verb(copy.path(), "move"), 2);
    succeed(witness_verb(copy.path(), "move").arg("--nothing-newer"));
    let server = Server::start(&mut support::witnessing::serve_command(copy.path()));
    assert_conflict(&submit(&server.url, log.submission(0, 9)), 5);
    assert_eq!(submit(&server.url, log.submission(5, 9)).status, 200);
    assert!(server.stop().success());
}
