//! The promise that a witness never cosigns two histories of one log: no matter how many submit at once,
//! how many processes serve its folder, or when one of them is killed.

#![cfg(feature = "server")]

use crate::support;
use candor::store::{FileStore, Key, Store, StoreError, Swap, Wrapped, Wrapper};
use candor::tlog::{CosignerKey, Note, TreeHead};
use candor::web::{ListenAddress, Listener, serve_witness};
use candor::witness::Witness;
use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Barrier, Mutex};
use support::Server;
use support::other_log::{OtherLog, body, cosigned_at};
use support::witnessing::{Answer, WitnessFolder, get, serve_command, submit, try_submit};

const LOG: &str = "log.example.com/one";
const LARGEST: usize = 120;
/// How many leaves the two histories share.
const SHARED: usize = 7;

/// A log with two histories.
struct TwoHistories {
    one: OtherLog,
    other: OtherLog,
}

impl TwoHistories {
    fn new() -> TwoHistories {
        let one = OtherLog::new(LOG, 1, LARGEST);
        TwoHistories { other: one.fork(1, SHARED), one }
    }

    fn history(&self, number: usize) -> &OtherLog {
        if number.is_multiple_of(2) { &self.one } else { &self.other }
    }

    /// The head of a history at a size.
    fn head(&self, history: usize, size: usize) -> TreeHead {
        self.history(history).head(size)
    }

    /// Which histories have all of these heads.
    fn histories(&self, heads: &BTreeMap<usize, TreeHead>) -> Vec<usize> {
        let has =
            |history: &usize| heads.iter().all(|(size, head)| self.head(*history, *size) == *head);
        (0..2).filter(has).collect()
    }
}

/// What a witness has cosigned, as the logs received it.
#[derive(Default)]
struct Cosigned(Mutex<BTreeMap<usize, TreeHead>>);

impl Cosigned {
    /// Records an answer. Fails at a second root of one size.
    fn note(&self, log: &OtherLog, size: usize, keys: &[CosignerKey], answer: &Answer) {
        if answer.status != 200 {
            return;
        }
        let note = log.note(size);
        for key in keys {
            assert!(cosigned_at(key, &note, &answer.body).is_some(), "{answer:?}");
        }
        let head = log.head(size);
        let mut heads = self.0.lock().expect("the heads");
        assert_eq!(*heads.entry(size).or_insert(head), head, "two roots of size {size}");
    }
}

/// Submits until the whole history is cosigned or is refused, as a publisher does, continuing from the
/// size that a 409 gives. Returns the last status.
fn push(url: &str, log: &OtherLog, step: usize, keys: &[CosignerKey], cosigned: &Cosigned) -> u16 {
    let mut old = 0;
    loop {
        let new = (old + step).min(LARGEST);
        let Some(answer) = try_submit(url, log.submission(old, new)) else { return 0 };
        cosigned.note(log, new, keys, &answer);
        match answer.status {
            200 if new == LARGEST => return 200,
            200 => old = new,
            409 => {
                let size: usize = answer.body.trim().parse().expect("a size");
                if size == LARGEST {
                    // Submitting that size again shows whether it belongs to this history.
                    let answer = submit(url, body(size, &[], &log.note(size)));
                    cosigned.note(log, size, keys, &answer);
                    return answer.status;
                }
                old = size;
            }
            status => return status,
        }
    }
}

#[test]
fn a_hundred_submitters_at_once_get_one_history() {
    let log = TwoHistories::new();
    let witness = WitnessFolder::of_logs(&[&log.one]);
    let server = witness.serve();
    let (cosigned, barrier) = (Cosigned::default(), Barrier::new(100));
    let ended: Vec<(usize, u16)> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..100)
            .map(|number| {
                let (url, log, keys) = (&server.url, log.history(number), &witness.keys);
                let (cosigned, barrier) = (&cosigned, &barrier);
                scope.spawn(move || {
                    barrier.wait();
                    (number % 2, push(url, log, 1 + number % 13, keys, cosigned))
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().expect("a thread")).collect()
    });
    let heads = cosigned.0.into_inner().expect("the heads");
    let histories = log.histories(&heads);
    let [won] = histories[..] else {
        panic!("the cosigned heads have the histories {histories:?}")
    };
    for (history, status) in ended {
        // The other history is refused at a proof that fails, or, if a 409 already gave the last size, at
        // its root.
        assert_eq!(status, if history == won { 200 } else { 422 });
    }
    assert!(heads.contains_key(&LARGEST) && heads.len() > 3, "{heads:?}");
    let shown = get(&server.url, &format!("{}/checkpoint", Witness::origin_hash(&log.one.origin)));
    let note = Note::parse(shown.body.as_bytes()).expect("a note");
    assert_eq!(note.text(), log.history(won).note(LARGEST).text());
    assert!(server.stop().success());
}

#[test]
fn two_processes_on_one_folder_cosign_one_history() {
    let log = TwoHistories::new();
    let witness = WitnessFolder::of_logs(&[&log.one]);
    // Each is asked for a history that differs from the first leaf on, and both read before one has
    // written, as their disk is slow.
    let log = TwoHistories { other: log.one.fork(1, 0), ..log };
    let servers = [WitnessChild::start(witness.path(), 0), WitnessChild::start(witness.path(), 0)];
    let (cosigned, barrier) = (Cosigned::default(), Barrier::new(8));
    std::thread::scope(|scope| {
        for number in 0..8 {
            let url = &servers[number % 2].url;
            let (log, keys, cosigned) = (log.history(number), &witness.keys, &cosigned);
            let barrier = &barrier;
            scope.spawn(move || {
                barrier.wait();
                push(url, log, 1 + number % 5, keys, cosigned)
            });
        }
    });
    let heads = cosigned.0.into_inner().expect("the heads");
    assert_eq!(log.histories(&heads).len(), 1, "{heads:?}");
    assert!(heads.contains_key(&LARGEST));
}

/// This program's own witness, in a process that a test can have killed at a chosen moment.
struct WitnessChild {
    child: Child,
    url: String,
}

impl WitnessChild {
    /// Dies at the swap with this number, counted from 1; before it or (`TEST_AFTER`) after it. Never
    /// at 0.
    fn start(folder: &Path, at: u64) -> WitnessChild {
        WitnessChild::start_with(folder, at, false)
    }

    fn start_with(folder: &Path, at: u64, after: bool) -> WitnessChild {
        let mut child = Command::new(std::env::current_exe().expect("this program"))
            .args([
                "--exact",
                "witness_race::child_that_is_a_witness",
                "--include-ignored",
                "--nocapture",
            ])
            .env("TEST_WITNESS", folder)
            .env("TEST_SWAP", at.to_string())
            .env("TEST_AFTER", after.to_string())
            .stdout(Stdio::piped())
            .spawn()
            .expect("this program");
        let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
        let url = lines
            .by_ref()
            .map_while(Result::ok)
            .find_map(|line| line.split_once("listening on ").map(|(_, url)| url.to_owned()));
        std::thread::spawn(move || lines.for_each(drop));
        WitnessChild { child, url: url.expect("its address") }
    }

    /// Waits for its end, which must be by SIGKILL.
    fn killed(mut self) {
        use std::os::unix::process::ExitStatusExt as _;
        let status = self.child.wait().expect("its end");
        assert_eq!(status.signal(), Some(9), "{status}");
    }
}

impl Drop for WitnessChild {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Not a test of its own: the process that others kill.
#[test]
#[ignore = "run by other tests, in a process of its own"]
fn child_that_is_a_witness() {
    let variable = |name| std::env::var(name).expect(name);
    let folder = Witness::folder_of(Path::new(&variable("TEST_WITNESS")));
    let store = Arc::new(Wrapped(Killer {
        store: FileStore::new(folder.join("store")),
        swaps: AtomicU64::new(0),
        at: variable("TEST_SWAP").parse().expect("a number"),
        after: variable("TEST_AFTER") == "true",
    }));
    let witness = Witness::with(folder, store, Box::new(jiff::Timestamp::now));
    let witness = witness.expect("a witness");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let address: ListenAddress = "127.0.0.1:0".parse().expect("an address");
        let [public, admin] =
            [Listener::bind(&address).await, Listener::bind(&address).await].map(Result::unwrap);
        println!("listening on {}", public.url().expect("a URL"));
        serve_witness(public, admin, witness, std::future::pending()).await;
    });
}

/// A store that kills its own process before or after the swap with this number.
#[derive(Debug)]
struct Killer {
    store: FileStore,
    swaps: AtomicU64,
    at: u64,
    after: bool,
}

impl Wrapper for Killer {
    fn inner(&self) -> &dyn Store {
        &self.store
    }

    fn wrap_swap(
        &self,
        key: &Key,
        expected: Option<&[u8]>,
        new: &[u8],
    ) -> Result<Swap, StoreError> {
        let number = self.swaps.fetch_add(1, Ordering::SeqCst) + 1;
        if number == self.at && !self.after {
            support::die();
        }
        // A slow disk: others read before this is written.
        std::thread::sleep(std::time::Duration::from_millis(5));
        let swapped = self.store.swap(key, expected, new);
        if number == self.at {
            support::die();
        }
        swapped
    }
}

#[test]
fn killed_between_check_and_answer_it_remembers_what_it_answered() {
    for after in [false, true] {
        let log = TwoHistories::new();
        let witness = WitnessFolder::of_logs(&[&log.one]);
        let url = |server: &Server| server.url.clone();
        // It has answered 10, and dies while 20 is checked and not yet answered.
        let child = WitnessChild::start_with(witness.path(), 2, after);
        assert_eq!(submit(&child.url, log.one.submission(0, 10)).status, 200);
        assert_eq!(try_submit(&child.url, log.one.submission(10, 20)), None, "it died");
        child.killed();

        let server = witness.serve();
        let size = match after {
            false => 10,
            true => 20,
        };
        // Another history than what was answered or recorded is refused.
        assert_eq!(submit(&url(&server), body(size, &[], &log.other.note(size))).status, 422);
        let answer = submit(&url(&server), log.other.submission(size, 30));
        assert_eq!(answer.status, 422, "{answer:?}");
        let told = submit(&url(&server), log.one.submission(0, 30));
        assert_eq!((told.status, told.body), (409, format!("{size}\n")));
        // If it had recorded but not answered, the log asks again and gets the cosignature.
        let again = submit(&url(&server), body(size, &[], &log.one.note(size)));
        assert_eq!(again.status, 200, "{again:?}");
        assert_eq!(submit(&url(&server), log.one.submission(size, 30)).status, 200);
        assert!(server.stop().success());
    }
}

#[test]
fn a_witness_killed_at_any_moment_cosigns_one_history() {
    let log = TwoHistories::new();
    let witness = WitnessFolder::of_logs(&[&log.one]);
    let cosigned = Cosigned::default();
    for round in 0..12 {
        let server = Server::start(&mut serve_command(witness.path()));
        let (keys, cosigned) = (&witness.keys, &cosigned);
        std::thread::scope(|scope| {
            for number in 0..4 {
                let (url, log) = (server.url.clone(), log.history(number + round));
                scope.spawn(move || push(&url, log, 1, keys, cosigned));
            }
            // Killed once it has answered this much more.
            let said = cosigned.0.lock().expect("the heads").len();
            let enough = |heads: usize| heads > said + round % 4 || heads + 1 >= LARGEST / 2;
            while !enough(cosigned.0.lock().expect("the heads").len()) {
                std::thread::yield_now();
            }
            server.kill();
        });
    }
    let heads = cosigned.0.into_inner().expect("the heads");
    assert!(log.histories(&heads).len() == 1 && heads.len() > 12, "{heads:?}");
    let largest = *heads.keys().max().expect("cosigned");
    let server = witness.serve();
    let told = submit(&server.url, log.one.submission(0, 1));
    let size: usize = told.body.trim().parse().expect("a size");
    assert!(told.status == 409 && size >= largest, "{told:?}");
}
