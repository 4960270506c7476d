//! Stores in buckets: the contract of all stores, over servers that others wrote.
#![cfg(feature = "server")]

use crate::machines::candor_on;
use crate::support;

use candor::store::{BucketStore, Key, Store, StoreError, Swap, contract};
use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Read as _};
use std::process::Stdio;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Barrier, Mutex};
use support::fault_proxy::FaultProxy;
use support::s3::{BUCKET, S3};
use support::{HOST, MODULE, Server, refused, succeed};
use tempfile::TempDir;

fn key(name: &str) -> Key {
    Key::new(name).expect("a key")
}

/// The contract, each case below a prefix of its own.
fn check(server: &S3) {
    let cases = AtomicU32::new(0);
    contract::check(|| {
        let prefix = format!("contract/{}", cases.fetch_add(1, Ordering::Relaxed));
        move || -> Box<dyn Store> { Box::new(server.store(&prefix)) }
    });
}

#[test]
fn versitygw_keeps_the_contract_of_a_store() {
    check(&S3::versitygw());
}

#[test]
fn moto_keeps_the_contract_of_a_store() {
    check(&S3::moto());
}

/// For a provider's own store, or another server: CANDOR_TEST_BUCKET is the URL of a place in a bucket that may be
/// written to, and the credentials are where `candor` looks for them.
#[test]
#[ignore = "run by hand and by scripts/buckets-check, with CANDOR_TEST_BUCKET"]
fn the_bucket_that_is_named_keeps_the_contract_of_a_store() {
    let place = std::env::var("CANDOR_TEST_BUCKET").expect("CANDOR_TEST_BUCKET is set");
    let folder = TempDir::new().expect("a folder");
    // A random name, so that it can be run again.
    let run = folder.path().file_name().expect("a name").to_string_lossy().replace('.', "");
    let cases = AtomicU32::new(0);
    contract::check(|| {
        let prefix = format!("{run}/{}", cases.fetch_add(1, Ordering::Relaxed));
        let url = format!("{}/{prefix}", place.trim_end_matches('/'));
        let scratch = folder.path().join("scratch");
        move || -> Box<dyn Store> {
            let environment = std::env::vars().collect();
            let store =
                BucketStore::with(url.parse().expect("a URL"), scratch.clone(), &environment);
            Box::new(store.expect("a store"))
        }
    });
}

#[test]
fn a_store_that_ignores_conditions_is_refused_before_anything_is_written() {
    let server = S3::s3rver();
    let store = server.store("a");
    let error = store.probe().expect_err("refused").to_string();
    assert!(error.contains("s3://candor-test/a"), "{error}");
    assert!(error.contains("it let a second writer create an object that was there"), "{error}");
    assert!(error.contains("the log would have two histories"), "{error}");
    // Also by the first write, if nobody asked.
    let key = key("log/head");
    assert!(store.swap(&key, None, b"0").is_err());
    assert!(store.put(&[(key.clone(), vec![1])]).is_err());
    assert_eq!(store.get(&key).expect("read"), None);
}

#[test]
fn large_files_are_uploaded_in_parts_and_never_overwrite() {
    let server = S3::versitygw();
    let store = server.store("large");
    let folder = TempDir::new().expect("a folder");
    let scratch = |bytes: &[u8]| {
        let path = folder.path().join("scratch");
        std::fs::write(&path, bytes).expect("written");
        path
    };
    // Three parts, the last of them short.
    let large: Vec<u8> = (0..40_000_000_u32).map(|at| (at % 251) as u8).collect();
    let mut other = large.clone();
    other[39_999_999] = 7;
    for _ in 0..2 {
        let path = scratch(&large);
        store.put_file(&key("a/large"), &path).expect("stored");
        assert!(!path.exists());
    }
    for bytes in [&other[..], &large[1..]] {
        let refused = store.put_file(&key("a/large"), &scratch(bytes));
        assert!(matches!(refused, Err(StoreError::Conflict { .. })), "{refused:?}");
    }
    let mut read = Vec::new();
    let opened = store.open(&key("a/large")).expect("read").expect("it is there");
    (&opened).read_to_end(&mut read).expect("read");
    assert!(read == large);
    assert_eq!(store.list(&key("a")).expect("listed"), [key("a/large")]);
    let staged = server.files().join("large/.staging");
    assert!(!staged.exists() || staged.read_dir().expect("a folder").next().is_none());
}

#[test]
fn what_an_operator_can_mend_is_said() {
    let server = S3::versitygw();
    let get = |bucket: &str, changes: &[(&str, &str)]| {
        let mut environment = server.environment();
        environment
            .extend(changes.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        let url = format!("s3://{bucket}/a").parse().expect("a URL");
        let scratch = server.files().with_file_name("scratch");
        let store = BucketStore::with(url, scratch, &environment)?;
        store.get(&key("log/head")).map(drop)
    };
    get(BUCKET, &[]).expect("there is none, and that is fine");
    for (bucket, changes, words) in [
        ("another-bucket", &[][..], "there is no such bucket"),
        (BUCKET, &[("AWS_SECRET_ACCESS_KEY", "wrong")], "check AWS_ACCESS_KEY_ID"),
        (BUCKET, &[("AWS_ACCESS_KEY_ID", "wrong")], "check AWS_ACCESS_KEY_ID"),
        (BUCKET, &[("AWS_ENDPOINT_URL", "http://192.0.2.1")], "AWS_ALLOW_HTTP"),
        (BUCKET, &[("AWS_PROFILE", "nobody"), ("HOME", "/nowhere/at/all")], "no such profile"),
    ] {
        let error = get(bucket, changes).expect_err("refused").to_string();
        assert!(error.contains(words) && error.contains(&format!("s3://{bucket}/a")), "{error}");
        assert!(!error.contains("candor-test-secret"), "{error}");
    }
}

#[test]
fn the_demo_runs_on_a_bucket() {
    let server = S3::versitygw();
    let mut demo = candor_on(&server);
    demo.args(["demo", "--weeks", "2", "--store", &server.url("demo")]);
    let told = succeed(&mut demo);
    assert!(
        told.contains(&format!("Objects and pointers are in {}", server.url("demo"))),
        "{told}"
    );
    assert!(server.files().join("demo/log/checkpoint").exists());
    assert!(told.contains("Nothing is left on this machine"), "{told}");
}

#[test]
fn a_deployment_in_a_bucket_keeps_its_signers_memory_apart_from_it() {
    let server = S3::versitygw();
    let folder = TempDir::new().expect("a folder");
    let data = folder.path().join("deployment");
    let init = |data: &std::path::Path, store: &str| {
        let mut init = candor_on(&server);
        init.args(["init", "--name", HOST, "--module", MODULE, "--store", store]);
        init.arg("--data").arg(data);
        init
    };
    let made = succeed(&mut init(&data, &server.url("one")));
    assert!(made.contains("with its store at s3://candor-test/one"), "{made}");
    assert!(!data.join("store").exists() && server.files().join("one/log/head").exists());
    let verify = || {
        let mut verify = candor_on(&server);
        verify.arg("verify-store").arg("--data").arg(&data);
        verify
    };
    succeed(&mut verify());

    // Another deployment does not take the same place, and one that failed left no key.
    let second = folder.path().join("second");
    let taken = refused(&mut init(&second, &server.url("one")), 1);
    assert!(taken.contains("already"), "{taken}");
    let nowhere = folder.path().join("nowhere");
    let missing = refused(&mut init(&nowhere, "s3://another-bucket/one"), 1);
    assert!(missing.contains("there is no such bucket"), "{missing}");
    assert!(!nowhere.join("keys").exists());
    let wrong = refused(&mut init(&nowhere, "s3:/bucket"), 1);
    assert!(wrong.contains("s3://BUCKET/PREFIX"), "{wrong}");

    // The lock may be in a bucket too, and not in the store.
    let settings = data.join("candor.toml");
    let before = std::fs::read_to_string(&settings).expect("the settings");
    for (lock, is_apart) in [("one/lock", false), ("one", false), ("one-lock", true)] {
        let lock = server.url(lock);
        std::fs::write(&settings, format!("{before}[signer]\nlock = \"{lock}\"\n"))
            .expect("written");
        let mut show = candor_on(&server);
        show.args(["signer", "show", "--data"]).arg(&data);
        if is_apart {
            let shown = succeed(&mut show);
            assert!(shown.contains(&lock), "{shown}");
        } else {
            let said = refused(&mut show, 1);
            assert!(said.contains("the signer's lock is in the store"), "{said}");
        }
    }

    // Moved there, it is where the next publication remembers what it signed.
    let mut serve = candor_on(&server);
    serve
        .args([
            "serve",
            "--read-only",
            "--listen",
            "127.0.0.1:0",
            "--admin",
            "127.0.0.1:0",
            "--data",
        ])
        .arg(&data);
    let served = Server::start(&mut serve);
    let mut moved = candor_on(&server);
    moved.args(["signer", "move", "--url", &served.url, "--data"]).arg(&data);
    let said = succeed(&mut moved);
    assert!(said.contains("the same keys/ and candor.toml sign, too"), "{said}");
    assert!(!said.contains("previous signer"), "it is this folder, which keeps its key: {said}");
    let locks = server.files().join("one-lock").read_dir().expect("a folder");
    let is_lock = |entry: std::io::Result<std::fs::DirEntry>| {
        entry.expect("an entry").file_name().to_string_lossy().starts_with("signer-")
    };
    assert_eq!(locks.map(is_lock).filter(|is_lock| *is_lock).count(), 1);
    succeed(&mut verify());

    // A bucket that is away is said before it is an error, which takes longer.
    for verb in ["serve", "merge"] {
        let mut away = candor_on(&server);
        away.env("AWS_ENDPOINT_URL", nobody()).args([verb, "--data"]).arg(&data);
        let mut away = away.stderr(Stdio::piped()).spawn().expect("started");
        let mut said = String::new();
        let errors = away.stderr.take().expect("its errors");
        BufReader::new(errors).read_line(&mut said).expect("a line");
        away.kill().expect("stopped");
        away.wait().expect("its end");
        assert!(said.contains("; trying again"), "{verb}: {said}");
        let is_named = said.contains(&server.url("one")) && said.contains(" at http://127.0.0.1:");
        assert!(is_named, "{verb}: {said}");
    }
}

/// An address where nobody answers.
fn nobody() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    format!("http://{}", listener.local_addr().expect("an address"))
}

/// How many schedules of faults are run; more by hand.
fn schedules() -> u64 {
    let wanted = std::env::var("CANDOR_FAULT_SCHEDULES").ok();
    wanted.map_or(100, |number| number.parse().expect("a number"))
}

#[test]
fn with_lost_answers_every_step_is_won_once_or_not_known() {
    let server = S3::versitygw();
    let (next, faults) = (AtomicU32::new(0), Mutex::new((0, 0)));
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                loop {
                    let seed = u64::from(next.fetch_add(1, Ordering::Relaxed));
                    if seed >= schedules() {
                        return;
                    }
                    let (of_this, unknown) = run_schedule(&server, seed);
                    let mut all = faults.lock().expect("not poisoned");
                    *all = (all.0 + of_this, all.1 + unknown);
                }
            });
        }
    });
    let (faults, unknown) = *faults.lock().expect("not poisoned");
    println!("{} schedules, {faults} faults, {unknown} steps not known", schedules());
    assert!(faults > 5 * schedules(), "only {faults} faults");
}

/// Writers that change one pointer and create the same objects, through a proxy with faults; returns how many of
/// these there were, and how often a writer could not know what it had done.
fn run_schedule(server: &S3, seed: u64) -> (u64, usize) {
    const WRITERS: usize = 3;
    const STEPS: usize = 5;
    let proxy = FaultProxy::start(&server.endpoint, seed, 200);
    let prefix = format!("faults/{seed}");
    let (pointer, start) = (key("log/head"), Barrier::new(WRITERS));
    // Each attempt has a name of its own, and appends that to the pointer.
    let done: Vec<Vec<(String, Option<Swap>)>> = std::thread::scope(|scope| {
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| {
                let (proxy, prefix, pointer, start) = (&proxy, &prefix, &pointer, &start);
                scope.spawn(move || {
                    let store = server.store_through(prefix, &proxy.endpoint()).hurried();
                    let (mut done, mut won) = (Vec::new(), 0);
                    start.wait();
                    for attempt in 0..100 {
                        let Ok(old) = store.pointer(pointer) else { continue };
                        let own = format!("{writer}.{attempt};");
                        let mut new = old.clone().unwrap_or_default();
                        new.extend_from_slice(own.as_bytes());
                        let swapped = store.swap(pointer, old.as_deref(), &new).ok();
                        won += usize::from(swapped == Some(Swap::Won));
                        done.push((own, swapped));
                        if won == STEPS {
                            break;
                        }
                    }
                    assert_eq!(won, STEPS, "seed {seed}: a writer never came through");
                    done
                })
            })
            .collect();
        writers.into_iter().map(|writer| writer.join().expect("joined")).collect()
    });
    // What comes late has come.
    std::thread::sleep(std::time::Duration::from_millis(40));
    let direct = server.store(&prefix);
    let last = direct.pointer(&pointer).expect("read").expect("it was set");
    let last = String::from_utf8(last).expect("text");
    let steps: Vec<&str> = last.split_inclusive(';').collect();
    let different: BTreeSet<&str> = steps.iter().copied().collect();
    assert_eq!(steps.len(), different.len(), "seed {seed}: a step was made twice: {last}");
    let (mut known, mut unknown) = (BTreeSet::new(), 0);
    for (own, swapped) in done.iter().flatten() {
        let is_there = different.contains(own.as_str());
        known.insert(own.as_str());
        match swapped {
            Some(Swap::Won) => assert!(is_there, "seed {seed}: {own} was won and is lost: {last}"),
            Some(Swap::Lost) => {
                assert!(!is_there, "seed {seed}: {own} was lost and is there: {last}")
            }
            None => unknown += 1,
        }
    }
    assert!(different.is_subset(&known), "seed {seed}: {last}");

    // Objects: of writers with different bytes one wins; what is stored is whole, and is there.
    let stored: Vec<_> = std::thread::scope(|scope| {
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| {
                let (proxy, prefix) = (&proxy, &prefix);
                scope.spawn(move || {
                    let store = server.store_through(prefix, &proxy.endpoint()).hurried();
                    let batch: Vec<_> = (0..4_u8)
                        .map(|at| {
                            let own =
                                if at == 0 { vec![writer as u8; 5000] } else { vec![at; 300_000] };
                            (key(&format!("object/{at}")), own)
                        })
                        .collect();
                    let shared = store.put(&batch[1..]);
                    (store.put(&batch[..1]), shared)
                })
            })
            .collect();
        writers.into_iter().map(|writer| writer.join().expect("joined")).collect()
    });
    std::thread::sleep(std::time::Duration::from_millis(40));
    let winner = direct.get(&key("object/0")).expect("read");
    for (writer, (own, shared)) in stored.iter().enumerate() {
        let is_ours = winner.as_deref() == Some(&[writer as u8; 5000][..]);
        match own {
            Ok(()) => assert!(is_ours, "seed {seed}: stored, and not there"),
            Err(StoreError::Conflict { .. }) => {
                assert!(!is_ours, "seed {seed}: refused, and there")
            }
            Err(_) => {}
        }
        assert!(!matches!(shared, Err(StoreError::Conflict { .. })), "seed {seed}: {shared:?}");
        if shared.is_ok() {
            for at in 1..4_u8 {
                let through = server.store_through(&prefix, &proxy.endpoint()).hurried();
                let name = key(&format!("object/{at}"));
                assert!(direct.get(&name).expect("read") == Some(vec![at; 300_000]));
                if let Ok(opened) = through.open(&name) {
                    let mut read = Vec::new();
                    opened.expect("there").read_to_end(&mut read).expect("read");
                    assert!(read == vec![at; 300_000], "seed {seed}: torn");
                }
            }
        }
    }
    (proxy.faults(), unknown)
}
