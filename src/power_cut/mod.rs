//! Checks every promise in every state that a power cut may leave.
//!
//! A [`Scenario`] runs the real code once, in a recorded folder ([`durable::recorder`](crate::durable)).
//! Then the power is cut after every single operation of the record: each possible state of the disk at
//! that point ([`disk`], [`states`]) is written to a folder, the real program is started on it, and every
//! promise that was made before the cut is checked.
//!
//! Then the same is done for the program without one of its syncs, for each of them: some promise must
//! break. This finds both unnecessary syncs and unchecked promises.
//!
//! | scenario | promises |
//! | --- | --- |
//! | [`storing`] | what a file store has confirmed stays |
//! | [`publishing`] | what was published is there, no signature is forgotten, `init` can be repeated |
//! | [`ingesting`] | each report that was acknowledged is stored once, and its segment is listed |
//! | [`merging`] | public data is complete; merging again gives the same, and nothing is left over |
//! | [`reporting`] | a choice stays; one X is sent for each week; what was seen of the log is remembered |
//!
//! | file | one idea |
//! | --- | --- |
//! | [`disk`] | a disk: what is durable, and what is pending |
//! | [`states`] | the states that a power cut may leave |
//! | [`replay`] | cuts the power after every operation and checks |
//! | [`storing`], [`publishing`] | scenarios; the others are in their modules |
//! | [`forgetting`] | from the receiver to the public data, killed a thousand times |
//!
//! A killed program leaves unsynced data to the next one, which must not rely on it: so some scenarios
//! begin with a program that is killed at one of its syncs.
//!
//! Not tested: a disk that loses synced data, two power cuts, a cut while two programs write, and most
//! subsets of many pending changes (see [`states`]).

mod disk;
mod forgetting;
mod publishing;
mod replay;
mod states;
mod storing;

pub(crate) use replay::Before;

use crate::aggregate::power_cut as merging;
use crate::client::report::power_cut as reporting;
use crate::durable::recorder::Record;
use crate::ingest::power_cut as ingesting;
use replay::{replay, survivors};
use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tempfile::TempDir;

/// A folder, in memory if possible: thousands of states are written.
pub(crate) fn folder() -> TempDir {
    let memory = Path::new("/dev/shm");
    match tempfile::tempdir_in(memory) {
        Ok(folder) => folder,
        Err(_) => tempfile::tempdir().expect("a temporary folder"),
    }
}

/// Retries while a lock is held: a test that starts a process shares all locks with it for a moment.
pub(crate) fn unlocked<T, E>(
    attempt: impl Fn() -> Result<T, E>,
    is_locked: impl Fn(&E) -> bool,
) -> Result<T, E> {
    for _ in 0..1000 {
        match attempt() {
            Err(error) if is_locked(&error) => std::thread::sleep(Duration::from_millis(5)),
            done => return done,
        }
    }
    attempt()
}

/// Starts the program on what is left in a folder, and returns which promise is broken.
type Check = dyn Fn(&Path, &Before<'_>) -> Result<(), String>;

/// A run of the real program, and what must hold after a power cut anywhere in it.
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    /// The folder that it ran in.
    pub(crate) root: PathBuf,
    pub(crate) record: Record,
    pub(crate) check: Box<Check>,
}

/// Syncs that no promise of these scenarios needs: a part of the path, and why they are kept.
const KEPT: [(&str, &str); 1] = [(
    "src/ingest/segment_list.rs",
    "the list is needed only if a segment's file is lost as well; no scenario here loses one",
)];

fn keep_their_promises(scenarios: &[Scenario]) {
    let (mut known, mut states) = (HashSet::new(), 0);
    for scenario in scenarios {
        let replayed = replay(scenario, None, known);
        states += replayed.states;
        let broken = replayed.broken.unwrap_or_default();
        assert!(broken.is_empty(), "{}: {broken}", scenario.name);
        known = replayed.known;
    }
    println!("{}: {states} states", scenarios[0].name);
}

#[test]
fn a_store_keeps_its_promises() {
    keep_their_promises(&storing::scenarios());
}

#[test]
fn publishing_keeps_its_promises() {
    keep_their_promises(&publishing::scenarios());
}

#[test]
fn receiving_keeps_its_promises() {
    keep_their_promises(&ingesting::scenarios());
}

#[test]
fn merging_keeps_its_promises() {
    keep_their_promises(&merging::scenarios());
}

#[test]
fn a_users_folder_keeps_its_promises() {
    keep_their_promises(&reporting::scenarios());
}

#[test]
fn every_sync_is_needed() {
    let all = [
        storing::scenarios(),
        reporting::scenarios(),
        ingesting::scenarios(),
        merging::scenarios(),
        publishing::scenarios(),
    ];
    let scenarios: Vec<Scenario> = all.into_iter().flatten().collect();
    let (sites, survivors) = survivors(&scenarios);
    println!("{} of {sites} mutants killed", sites - survivors.len());
    let surplus: Vec<_> =
        survivors.iter().filter(|site| !KEPT.iter().any(|(kept, _)| site.contains(kept))).collect();
    assert!(surplus.is_empty(), "no promise needs these syncs: {surplus:#?}");
}
