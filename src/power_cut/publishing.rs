//! `init`, publishing and signing: nothing that was confirmed or signed is forgotten, and work can
//! continue from every state.

use super::Scenario;
use super::replay::Before;
use crate::charts::{Repository, Revision};
use crate::durable::{self, recorder::Recorder};
use crate::gomod::RepositoryUrl;
use crate::publish::{CompileDay, Deployment, DeploymentError, Outcome, Publisher, verify_store};
use crate::store::Key;
use crate::tlog::{LockRecord, Published, TreeHead};
use std::error::Error;
use std::fs;
use std::path::Path;
use std::sync::Arc;

const HOST: &str = "telemetry.example.org";
const MODULE: &str = "telemetry.example.org/config";
/// Within the recorded folder.
const FOLDER: &str = "srv/candor";
const INIT: &str = "init";
/// How many of the revisions are published before the last cut.
const PUBLISHED: usize = 2;

type Anyhow<T> = Result<T, Box<dyn Error>>;

/// A deployment is created and publishes; and the same if the first attempt to create it was killed, at
/// each of its syncs.
pub(super) fn scenarios() -> Vec<Scenario> {
    let mut scenarios = vec![scenario(None).expect("not killed")];
    scenarios.extend((0..).map_while(|syncs| scenario(Some(syncs))));
    assert!(scenarios.len() > 15, "{} syncs", scenarios.len());
    scenarios
}

/// `None` if there are fewer syncs.
fn scenario(kill_at_sync: Option<usize>) -> Option<Scenario> {
    let charts = super::folder();
    // The rest is tested only once.
    let mut published = if kill_at_sync.is_some() { 0 } else { PUBLISHED };
    let revisions = revisions(charts.path(), published.max(1) + 1);
    let temporary = super::folder();
    let root = temporary.path().to_owned();
    let folder = root.join(FOLDER);
    if kill_at_sync.is_some() {
        // A killed process may leave one folder without a durable name, but not two.
        fs::create_dir_all(durable::folder_of(&folder)).expect("made");
    }
    let recorder = Recorder::start(&root);
    if let Some(syncs) = kill_at_sync {
        recorder.kill_at_sync(syncs);
        let made = Deployment::init(&folder, HOST, MODULE);
        if !recorder.restart() {
            made.expect("made");
            return None;
        }
    }
    match Deployment::init(&folder, HOST, MODULE) {
        // The first one was killed at the very end.
        Err(DeploymentError::Exists { .. }) if kill_at_sync.is_some() => published = 1,
        made => {
            made.expect("made");
            recorder.promise(INIT);
        }
    }
    let mut heads = vec![TreeHead::EMPTY];
    for (number, revision) in (1..).zip(&revisions) {
        if number > published {
            break;
        }
        heads.push(publish(&folder, revision).expect("published"));
        recorder.promise(promise_of(number));
    }
    let record = recorder.finish();
    // Continues undisturbed: every interrupted run must reach the same heads.
    for revision in revisions.iter().skip(published) {
        heads.push(publish(&folder, revision).expect("published"));
    }
    let check = move |state: &Path, before: &Before<'_>| {
        // Keep the repository: its history is read.
        let _ = &charts;
        let folder = state.join(FOLDER);
        forget_places(&folder);
        check(&folder, before, &revisions, &heads).map_err(|e| e.to_string())
    };
    Some(Scenario { name: "publishing", root, record, check: Box::new(check) })
}

fn promise_of(number: usize) -> String {
    format!("published {number}")
}

fn check(
    folder: &Path,
    before: &Before<'_>,
    revisions: &[Revision],
    heads: &[TreeHead],
) -> Anyhow<()> {
    let deployment = match Deployment::open(folder) {
        Err(DeploymentError::Missing { .. }) if !before.promised(INIT) => {
            Deployment::init(folder, HOST, MODULE)?
        }
        opened => opened?,
    };
    // Whatever readers have seen was signed, and the signer knows it.
    let lock = LockRecord::read(&deployment.lock()?)?;
    for checkpoint in before.seen("srv/candor/store/log/checkpoint") {
        let Ok(seen) = Published::open(checkpoint, deployment.verifiers()) else { continue };
        let size = seen.head().size;
        let known = lock.as_ref().map(|lock| lock.head.size);
        if known.is_none_or(|known| known < size) {
            return Err(
                format!("the head of size {size} was signed, the lock has {known:?}").into()
            );
        }
    }
    let publisher = publisher(&deployment)?;
    let head = publisher.begin()?;
    let size = usize::try_from(head.size.get())?;
    for number in 1..=PUBLISHED {
        if before.promised(&promise_of(number)) && size < number {
            return Err(format!("{number} versions were published, and there are {size}").into());
        }
    }
    let mut last = head;
    for (number, revision) in revisions.iter().enumerate().skip(size.saturating_sub(1)) {
        let outcome = publish(folder, revision)?;
        if heads.get(number + 1) != Some(&outcome) {
            return Err(format!("version {} leads to another head", number + 1).into());
        }
        last = outcome;
    }
    if heads.last() != Some(&last) {
        return Err("the log is not the one that was begun".into());
    }
    whole(&deployment, &publisher)?;
    let store = &deployment.store;
    match store.pointer(&Key::new("log/checkpoint")?)? {
        Some(bytes) if Published::open(&bytes, deployment.verifiers())?.head() == last => Ok(()),
        _ => Err("another head is published".into()),
    }
}

fn publisher(deployment: &Deployment) -> Anyhow<Publisher> {
    let store = Arc::clone(&deployment.store);
    Ok(Publisher::new(deployment.module.clone(), store, deployment.log()?))
}

/// Starts as a publisher does; then everything that is stored must match what was signed.
fn whole(deployment: &Deployment, publisher: &Publisher) -> Anyhow<TreeHead> {
    let head = publisher.begin()?;
    let keys = deployment.verifiers();
    let verified = verify_store(&deployment.module, keys, &deployment.store, |_, _| {})?;
    match verified.problems.first() {
        None => Ok(head),
        Some(problem) => Err(problem.clone().into()),
    }
}

/// As `candor publish` does.
fn publish(folder: &Path, revision: &Revision) -> Anyhow<TreeHead> {
    let deployment = Deployment::open(folder)?;
    let publisher = publisher(&deployment)?;
    publisher.begin()?;
    let repository = RepositoryUrl::public("https://example.org/charts");
    let day = CompileDay::Chosen(jiff::civil::date(2026, 2, 3));
    match publisher.publish(revision, &repository, day)? {
        Outcome::Published(_) | Outcome::Completed(_) | Outcome::Unchanged(_) => {
            whole(&deployment, &publisher)
        }
    }
}

/// The files here are copies in another folder, on another disk, so the data that detects copies is
/// removed.
fn forget_places(folder: &Path) {
    let path = folder.join("signer/identity");
    let text = fs::read_to_string(&path).unwrap_or_default();
    let Ok(mut identity) = serde_json::from_str::<serde_json::Value>(&text) else { return };
    if let Some(identity) = identity.as_object_mut() {
        identity.retain(|key, _| key == "id");
        fs::write(&path, identity_line(identity)).expect("written");
    }
}

fn identity_line(identity: &serde_json::Map<String, serde_json::Value>) -> String {
    format!("{}\n", serde_json::to_string(identity).expect("JSON"))
}

/// Commits, each of which changes the config.
fn revisions(folder: &Path, count: usize) -> Vec<Revision> {
    // Starts no process, which would inherit the locks of other tests for a moment.
    let git = git2::Repository::init(folder).expect("a repository");
    let write = |name: &str, text: &str| {
        let path = folder.join("charts-config").join(name);
        fs::create_dir_all(path.parent().expect("a parent")).expect("made");
        fs::write(path, text).expect("written");
    };
    write(
        "collection.toml",
        &format!(
            "module = {MODULE:?}\ngoos = [\"linux\"]\ngoarch = [\"amd64\"]\n\
             toolchains = [\"rust1.95.0\"]\n"
        ),
    );
    write(
        "programs/hello.toml",
        "program = \"example.org/hello\"\nmodule = \"example.org/hello\"\nversions = [\"v1.0.0\"]\n",
    );
    let commit = |number: usize| {
        write(
            &format!("charts/{number}.toml"),
            &format!(
                "[[chart]]\ntitle = \"Verb {number}\"\nissue = [\"https://example.org/issue/1\"]\n\
                 type = \"partition\"\nprogram = \"example.org/hello\"\n\
                 counter = \"hello/verb{number}:{{run,help}}\"\n"
            ),
        );
        let mut index = git.index().expect("an index");
        index.add_all(["charts-config"], git2::IndexAddOption::DEFAULT, None).expect("added");
        index.write().expect("written");
        let tree = index.write_tree().and_then(|tree| git.find_tree(tree)).expect("a tree");
        let time = git2::Time::new(1_770_000_000, 0);
        let author = git2::Signature::new("a", "a@example.org", &time).expect("an author");
        let parent = git.head().and_then(|head| head.peel_to_commit()).ok();
        let parents: Vec<&git2::Commit<'_>> = parent.iter().collect();
        git.commit(Some("HEAD"), &author, &author, "A change", &tree, &parents).expect("committed");
        let location = folder.to_str().expect("text");
        let cache = folder.join("cache");
        let repository = Repository::open(location, None, &cache).expect("opened");
        repository.read(None).expect("a revision")
    };
    (1..=count).map(commit).collect()
}
