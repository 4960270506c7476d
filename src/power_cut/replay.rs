//! Cuts the power after every operation, and checks what is left.

use super::Scenario;
use super::disk::Disk;
use super::states::{self, State};
use crate::durable;
use crate::durable::recorder::{Event, Recorder, Site};
use std::collections::hash_map::DefaultHasher;
use std::collections::{BTreeSet, HashSet};
use std::fs;
use std::hash::{Hash, Hasher};
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// What happened before the power cut.
pub(crate) struct Before<'a> {
    /// The promises that were made.
    pub(crate) promises: &'a [&'a str],
    /// The contents that each file has had, by its path below the root.
    seen: &'a [(PathBuf, Vec<u8>)],
}

impl Before<'_> {
    /// Whether this was promised.
    pub(crate) fn promised(&self, promise: &str) -> bool {
        self.promises.contains(&promise)
    }

    /// The contents of this file that readers may have seen since the recording started.
    pub(crate) fn seen(&self, path: &str) -> impl Iterator<Item = &[u8]> {
        let named = self.seen.iter().filter(move |(seen, _)| seen == Path::new(path));
        named.map(|(_, bytes)| bytes.as_slice())
    }
}

/// The result of a replay.
#[derive(Debug, Default)]
pub(super) struct Replayed {
    pub(super) states: usize,
    /// The first promise that was broken, and where.
    pub(super) broken: Option<String>,
    /// All states that were reached, with what was promised before.
    pub(super) known: HashSet<u64>,
}

/// Checks every new state at every point, optionally without one of the syncs. Stops at the first broken
/// promise.
pub(super) fn replay(scenario: &Scenario, without: Option<Site>, known: HashSet<u64>) -> Replayed {
    let first = match without {
        // Losing everything that is pending usually breaks a promise, and is quick to check.
        Some(_) => run(scenario, without, known.clone(), Pass::AllIsLost),
        None => Replayed::default(),
    };
    match first.broken {
        Some(_) => first,
        None => run(scenario, without, known, Pass::Everything),
    }
}

/// Which states are checked.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Pass {
    Nothing,
    AllIsLost,
    Everything,
}

/// How many syncs there are, and which can be left out without breaking a promise of any scenario.
pub(super) fn survivors(scenarios: &[Scenario]) -> (usize, Vec<String>) {
    let of_event = |event: &Event| match event {
        Event::SyncFile(_, site) | Event::SyncFolder(_, site) => Some(*site),
        _ => None,
    };
    let sites = |scenario: &Scenario| -> BTreeSet<Site> {
        scenario.record.events.iter().filter_map(of_event).collect()
    };
    let all: BTreeSet<Site> = scenarios.iter().flat_map(sites).collect();
    // The states of the unchanged program keep every promise: other tests check that.
    let known: Vec<HashSet<u64>> =
        scenarios.iter().map(|one| run(one, None, HashSet::new(), Pass::Nothing).known).collect();
    let mut survivors = Vec::new();
    for site in &all {
        let name = format!("{}:{} ({:?})", site.file, site.line, site.what);
        let killed = scenarios.iter().zip(&known).find_map(|(scenario, known)| {
            let is_there = sites(scenario).contains(site);
            let replayed = is_there.then(|| replay(scenario, Some(*site), known.clone()))?;
            replayed.broken.map(|broken| (replayed.states, scenario.name, broken))
        });
        match killed {
            Some((states, scenario, broken)) => {
                let first = broken.lines().next().unwrap_or_default();
                println!("killed in {scenario}, state {states}: {name}: {first}");
            }
            None => {
                println!("survived: {name}");
                survivors.push(name);
            }
        }
    }
    (all.len(), survivors)
}

fn run(scenario: &Scenario, without: Option<Site>, known: HashSet<u64>, pass: Pass) -> Replayed {
    let Scenario { root, record, check, .. } = scenario;
    let mut disk = Disk::before(root, record, without);
    let synced: BTreeSet<&Path> = record.events.iter().filter_map(synced_folder).collect();
    let folders = record.events.iter().filter_map(|event| match event {
        Event::MakeFolder(path) => Some(path.clone()),
        _ => None,
    });
    let never_synced: BTreeSet<PathBuf> =
        folders.filter(|path| !synced.contains(path.as_path())).collect();
    let mut replayed = Replayed { known, ..Replayed::default() };
    let (mut promises, mut seen) = (Vec::new(), Vec::new());
    for event in &record.events {
        disk.apply(event);
        match event {
            Event::Promise(promise) => promises.push(promise.as_str()),
            Event::Rename(_, path) | Event::Link(_, path) => {
                let bytes = disk.read(path).unwrap_or_default().to_vec();
                seen.push((path.strip_prefix(root).unwrap_or(path).to_owned(), bytes));
            }
            _ => {}
        }
        let mut states = states::after_cut(&disk, &never_synced);
        if pass == Pass::AllIsLost {
            states.truncate(1);
        }
        for state in states {
            let is_new = replayed.known.insert(key(&state, promises.len(), seen.len()));
            if !is_new || pass == Pass::Nothing {
                continue;
            }
            replayed.states += 1;
            let folder = super::folder();
            let _calm = Recorder::without_syncs(folder.path());
            lay_out(&state, root, folder.path());
            let before = Before { promises: &promises, seen: &seen };
            if let Err(broken) = check(folder.path(), &before) {
                replayed.broken = Some(tell(&broken, event, &state, root));
                return replayed;
            }
        }
    }
    replayed
}

fn synced_folder(event: &Event) -> Option<&Path> {
    match event {
        Event::SyncFolder(folder, _) => Some(folder),
        _ => None,
    }
}

fn key(state: &State, promises: usize, seen: usize) -> u64 {
    let mut hasher = DefaultHasher::new();
    (state, promises, seen).hash(&mut hasher);
    hasher.finish()
}

fn lay_out(state: &State, root: &Path, folder: &Path) {
    for (path, content) in state {
        let to = folder.join(path.strip_prefix(root).expect("below the root"));
        match content {
            None => fs::create_dir(&to),
            // Readable only by its owner, as a key must be.
            Some(bytes) => durable::private_file(&to).and_then(|mut to| to.write_all(bytes)),
        }
        .expect("laid out");
    }
}

fn tell(broken: &str, event: &Event, state: &State, root: &Path) -> String {
    let files = state.iter().map(|(path, content)| {
        let path = path.strip_prefix(root).unwrap_or(path).display();
        match content {
            None => format!("  {path}/"),
            Some(bytes) => {
                let start = String::from_utf8_lossy(&bytes[..bytes.len().min(60)]);
                format!("  {path} ({}): {start:?}", bytes.len())
            }
        }
    });
    let files: Vec<String> = files.collect();
    let event: String = format!("{event:?}").chars().take(300).collect();
    format!("{broken}\nafter {event}\nwith\n{}", files.join("\n"))
}
