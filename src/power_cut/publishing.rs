//! `init`, publishing and signing: nothing that was said or signed is forgotten, and every state can be
//! gone on from.

use super::Scenario;
use super::replay::Before;
use crate::charts::{Repository, Revision};
use crate::durable::recorder::Recorder;
use crate::gomod::RepositoryUrl;
use crate::publish::{CompileDay, Deployment, DeploymentError, Outcome, Publisher};
use crate::store::Key;
use crate::tlog::{LockRecord, Published, TreeHead};
use std::error::Error;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

const HOST: &str = "telemetry.example.org";
const MODULE: &str = "telemetry.example.org/config";
/// Below the folder that is recorded.
const FOLDER: &str = "srv/candor";
const INIT: &str = "init";
/// So many of the revisions are published before the last cut.
const PUBLISHED: usize = 2;

type Anyhow<T> = Result<T, Box<dyn Error>>;

/// One deployment is made and publishes.
pub(super) fn scenarios() -> Vec<Scenario> {
    vec![scenario()]
}

fn scenario() -> Scenario {
    let charts = tempfile::tempdir().expect("a folder");
    let revisions = revisions(charts.path());
    let temporary = tempfile::tempdir().expect("a folder");
    let root = temporary.path().to_owned();
    let recorder = Recorder::start(&root);
    let folder = root.join(FOLDER);
    Deployment::init(&folder, HOST, MODULE).expect("made");
    recorder.promise(INIT);
    let mut heads = vec![TreeHead::EMPTY];
    for (number, revision) in (1..).zip(&revisions) {
        if number == PUBLISHED + 1 {
            break;
        }
        heads.push(publish(&folder, revision).expect("published"));
        recorder.promise(published(number));
    }
    let record = recorder.finish();
    // Goes on undisturbed: what every interrupted one must come to as well.
    for revision in revisions.iter().skip(PUBLISHED) {
        heads.push(publish(&folder, revision).expect("published"));
    }
    let check = move |state: &Path, before: &Before<'_>| {
        // Its history is read.
        let _ = &charts;
        let folder = state.join(FOLDER);
        forget_places(&folder);
        check(&folder, before, &revisions, &heads).map_err(|e| e.to_string())
    };
    Scenario { name: "publishing", root, record, check: Box::new(check) }
}

fn published(number: usize) -> String {
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
    // What readers have seen was signed, and its signer knows it.
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
    let head = publisher.verify_store()?;
    let size = usize::try_from(head.size.get())?;
    for number in 1..=PUBLISHED {
        if before.promised(&published(number)) && size < number {
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
    publisher.verify_store()?;
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

/// As `candor publish` does.
fn publish(folder: &Path, revision: &Revision) -> Anyhow<TreeHead> {
    let publisher = publisher(&Deployment::open(folder)?)?;
    publisher.verify_store()?;
    let repository = RepositoryUrl::public("https://example.org/charts");
    let day = CompileDay::Chosen(jiff::civil::date(2026, 2, 3));
    match publisher.publish(revision, &repository, day)? {
        Outcome::Published(_) | Outcome::Unchanged(_) => Ok(publisher.verify_store()?),
    }
}

/// In another folder, on another disk, the files of this one are copies. So what tells copies apart is
/// left out.
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
fn revisions(folder: &Path) -> Vec<Revision> {
    let git = |arguments: &[&str]| {
        let done = Command::new("git")
            .args(["-c", "user.name=a", "-c", "user.email=a@example.org"])
            .args(arguments)
            .current_dir(folder)
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_SYSTEM", "/dev/null")
            .output()
            .expect("git");
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    };
    let write = |name: &str, text: &str| {
        let path = folder.join("charts-config").join(name);
        fs::create_dir_all(path.parent().expect("a parent")).expect("made");
        fs::write(path, text).expect("written");
    };
    git(&["init", "-q", "-b", "main"]);
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
        git(&["add", "-A"]);
        git(&["commit", "-q", "-m", "A change"]);
        let location = folder.to_str().expect("text");
        let cache = folder.join("cache");
        let repository = Repository::open(location, None, &cache).expect("opened");
        repository.read(None).expect("a revision")
    };
    (1..=PUBLISHED + 1).map(commit).collect()
}
