//! The promises of the signer: it never signs an invalid head, a log has one signer, and every refusal
//! names a way out that works.

#![cfg(feature = "server")]

use crate::support;
use candor::gomod::{Hash1, Module, ModulePath, ModuleVersion};
use candor::publish::zip_key;
use candor::store::FileStore;
use candor::tlog::{Edge, Entry, Record, StoredTiles, TreeHead};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use support::witnessing::WitnessFolder;
use support::{Charts, Deployment, MODULE, candor, contents, copy_folder, json, refused, succeed};
use tempfile::TempDir;

/// A hash of nothing that is stored.
const NOWHERE: &str = "h1:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";

fn signer(verb: &str, folder: &Path) -> Command {
    let mut command = candor();
    command.args(["--json", "signer", verb, "--data"]).arg(folder);
    command
}

fn publish(folder: &Path, charts: &Charts) -> Command {
    let mut command = candor();
    command.args(["--json", "publish", "--data"]).arg(folder).arg("--charts").arg(charts.path());
    command
}

/// The head in a store's pointer.
fn committed(store: &Path) -> TreeHead {
    let text = std::fs::read_to_string(store.join("log/head")).expect("a head");
    let (size, root) = text.trim().split_once(' ').expect("two words");
    TreeHead { size: size.parse().expect("a size"), root: root.parse().expect("a root") }
}

/// Commits these entries, as someone could who may write to the store but has no key.
fn commit(store: &Path, entries: &[&[u8]]) -> TreeHead {
    let tiles = StoredTiles::new(Arc::new(FileStore::new(store)));
    let before = committed(store);
    let mut edge = Edge::load(before, &tiles).expect("the log's edge");
    let mut staged =
        format!("candor staged entries v1\n{} {}\n", before.size, before.root).into_bytes();
    for entry in entries {
        let entry = Entry::new(*entry).expect("short");
        edge.append(&[entry.leaf_hash()]).expect("room");
        staged.extend(u16::try_from(entry.as_bytes().len()).expect("short").to_be_bytes());
        staged.extend(entry.as_bytes());
    }
    let head = edge.head();
    let root: String = head.root.as_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    let name = format!("log/staged/{}-{root}", head.size);
    std::fs::write(store.join(name), staged).expect("write");
    std::fs::write(store.join("log/head"), format!("{} {}\n", head.size, head.root))
        .expect("write");
    head
}

fn record(module: &str, version: &str, zip: Hash1) -> Vec<u8> {
    let go_mod = NOWHERE.parse().expect("a hash");
    Record::new(module, version, zip, go_mod).expect("a record").to_string().into_bytes()
}

/// A deployment with one version, and definitions for the next.
fn published() -> (Charts, Deployment) {
    let (charts, deployment) = (Charts::new(), Deployment::new());
    assert_eq!(deployment.publish(&charts)["version"], "v0.1.0");
    charts.add_chart("second");
    (charts, deployment)
}

/// Checks the whole refusal of an invalid head: nothing is signed or changed, the message says what is
/// wrong, and the way out that it names works.
fn refused_and_discarded(charts: &Charts, deployment: &Deployment, what: &str, wanted: &[&str]) {
    let before = contents(deployment.path());
    let message = refused(&mut deployment.publish_command(charts), 1);
    for part in wanted {
        assert!(message.contains(part), "{what}: {part:?} is not in {message}");
    }
    assert!(message.to_lowercase().contains("nothing was signed"), "{what}: {message}");
    assert!(message.contains("`candor signer discard`"), "{what}: {message}");
    assert_eq!(contents(deployment.path()), before, "{what}: something was signed or changed");

    let discarded = json(&mut signer("discard", deployment.path()));
    assert_eq!(discarded["tree_size"], 1, "{what}");
    let done = deployment.publish(charts);
    assert_eq!((&done["version"], &done["tree_size"]), (&"v0.2.0".into(), &2.into()), "{what}");
}

#[test]
fn a_version_without_its_zip_is_never_signed() {
    let (charts, deployment) = published();
    let nowhere: Hash1 = NOWHERE.parse().expect("a hash");
    commit(&deployment.path().join("store"), &[&record(MODULE, "v0.2.0", nowhere)]);
    let zip = zip_key(&nowhere).expect("a key");
    let wanted = ["entry 1", zip.as_str(), "v0.2.0", "missing", "stays at 1 entry"];
    refused_and_discarded(&charts, &deployment, "no zip", &wanted);
}

#[test]
fn entries_that_are_not_the_record_of_their_version_are_never_signed() {
    let other_zip = |store: &Path| -> Hash1 {
        // The zip of the first version, which is valid only there.
        let files = contents(&store.join("module"));
        let bytes = files.into_values().next().expect("a zip");
        let path = ModulePath::new(MODULE).expect("a path");
        let version = ModuleVersion::new(1).expect("a version");
        Module::open(path, version, bytes).expect("a module").zip_hash()
    };
    let nowhere: Hash1 = NOWHERE.parse().expect("a hash");
    // A name, the entries (which may depend on the store), and a part of the message.
    type Case<'a> = (&'a str, &'a dyn Fn(&Path) -> Vec<Vec<u8>>, &'a str);
    let cases: [Case<'_>; 8] = [
        (
            "another version's zip",
            &|store| vec![record(MODULE, "v0.2.0", other_zip(store))],
            "entry 1",
        ),
        (
            "a number that is taken",
            &|store| vec![record(MODULE, "v0.1.0", other_zip(store))],
            "not the record",
        ),
        (
            "a number that is skipped",
            &|_| vec![record(MODULE, "v0.3.0", nowhere)],
            "not the record",
        ),
        (
            "another module",
            &|_| vec![record("example.org/other", "v0.2.0", nowhere)],
            "not the record",
        ),
        ("no record", &|_| vec![b"whatever\n".to_vec()], "not the record"),
        ("no text", &|_| vec![vec![0xff, 0xfe]], "not the record"),
        ("nothing", &|_| vec![Vec::new()], "not the record"),
        (
            "a second one",
            &|_| vec![record(MODULE, "v0.2.0", nowhere), record(MODULE, "v0.3.0", nowhere)],
            "entry 1",
        ),
    ];
    for (what, planted, wanted) in cases {
        let (charts, deployment) = published();
        let store = deployment.path().join("store");
        let entries = planted(&store);
        commit(&store, &entries.iter().map(Vec::as_slice).collect::<Vec<_>>());
        refused_and_discarded(&charts, &deployment, what, &[wanted]);
    }
}

#[test]
fn an_invalid_entry_after_a_valid_one_keeps_both_from_being_signed() {
    // A twin commits the next version as a publisher would, which makes a valid entry.
    let (charts, deployment) = published();
    let twin = TempDir::new().expect("a temporary folder");
    copy_folder(deployment.path(), twin.path());
    succeed(signer("move", twin.path()).arg("--not-served"));
    let done = json(&mut publish(twin.path(), &charts));
    let part = |name: &str| done[name].as_str().expect(name).parse::<Hash1>().expect("a hash");
    let sound = Record::new(MODULE, "v0.2.0", part("sum"), part("go_mod_sum")).expect("a record");
    let store = deployment.path().join("store");
    copy_folder(&twin.path().join("store/module"), &store.join("module"));
    let unsound = record(MODULE, "v0.3.0", NOWHERE.parse().expect("a hash"));
    commit(&store, &[sound.to_string().as_bytes(), &unsound]);
    refused_and_discarded(&charts, &deployment, "the second", &["entry 2", "v0.3.0"]);
}

#[test]
fn a_head_that_does_not_follow_from_the_signed_one_is_never_signed() {
    let elsewhere = "lfr56Rt3XVIWskXuMVCYDBSaVGUxFqxzMXGb8NSbVd0=";
    // A name, how the store is edited, and a part of the message.
    type Case<'a> = (&'a str, &'a dyn Fn(&Path), &'a str);
    let cases: [Case<'_>; 4] = [
        (
            "another root of the signed size",
            &|store| {
                std::fs::write(store.join("log/head"), format!("1 {elsewhere}\n")).expect("write");
            },
            "log/head says root",
        ),
        (
            "no staged entries",
            &|store| {
                std::fs::write(store.join("log/head"), format!("2 {elsewhere}\n")).expect("write");
            },
            "there is no log/staged/2-",
        ),
        (
            "damaged staged entries",
            &|store| {
                let head = commit(store, &[b"whatever"]);
                let staged = store.join("log/staged");
                let root = head.root.as_bytes().iter().map(|b| format!("{b:02x}"));
                let name = staged.join(format!("2-{}", root.collect::<String>()));
                std::fs::write(name, "whatever").expect("write");
            },
            "holds no staged entries",
        ),
        (
            "entries that lead elsewhere",
            &|store| {
                commit(store, &[b"whatever"]);
                let staged = contents(&store.join("log/staged"));
                let (_, bytes) = staged.iter().next_back().expect("staged");
                let root: String = [7; 32].iter().map(|b| format!("{b:02x}")).collect();
                std::fs::write(store.join(format!("log/staged/2-{root}")), bytes).expect("write");
                let head = candor::tlog::Hash::from([7; 32]);
                std::fs::write(store.join("log/head"), format!("2 {head}\n")).expect("write");
            },
            "entr",
        ),
    ];
    for (what, plant, wanted) in cases {
        let (charts, deployment) = published();
        plant(&deployment.path().join("store"));
        refused_and_discarded(&charts, &deployment, what, &[wanted]);
    }
    // Pointers that are not a head at all.
    let (charts, deployment) = published();
    let head = deployment.path().join("store/log/head");
    std::fs::write(&head, "whatever").expect("write");
    let message = refused(&mut deployment.publish_command(&charts), 1);
    assert!(message.contains("log/head") && message.contains("candor signer discard"), "{message}");
    succeed(&mut signer("discard", deployment.path()));
    assert_eq!(deployment.publish(&charts)["version"], "v0.2.0");
}

#[test]
fn an_object_that_blocks_the_next_entry_is_named_and_can_be_removed() {
    let (charts, deployment) = published();
    let tile = deployment.path().join("store/log/tile/0/000.p/2");
    std::fs::write(&tile, [7; 64]).expect("write");
    let message = refused(&mut deployment.publish_command(&charts), 1);
    assert!(message.contains("log/tile/0/000.p/2") && message.contains("Remove it"), "{message}");
    std::fs::remove_file(&tile).expect("remove");
    let done = deployment.publish(&charts);
    assert_eq!((&done["version"], &done["tree_size"]), (&"v0.2.0".into(), &2.into()));
}

#[test]
fn a_valid_head_is_not_discarded() {
    let (charts, deployment) = published();
    let message = refused(&mut signer("discard", deployment.path()), 1);
    assert!(message.contains("nothing to discard"), "{message}");
    assert_eq!(deployment.publish(&charts)["version"], "v0.2.0");
}

/// A deployment's folder on another machine: a copy that uses the same store.
fn copy_of(deployment: &Deployment) -> TempDir {
    let folder = TempDir::new().expect("a temporary folder");
    for part in ["keys", "signer"] {
        copy_folder(&deployment.path().join(part), &folder.path().join(part));
    }
    let settings = std::fs::read_to_string(deployment.path().join("candor.toml")).expect("read");
    let store = format!("file://{}", deployment.path().join("store").display());
    std::fs::write(folder.path().join("candor.toml"), settings.replace("file://store", &store))
        .expect("write");
    folder
}

/// Keeps the signer's lock in a folder of its own.
fn share_lock(folder: &Path, lock: &Path) {
    let path = folder.join("candor.toml");
    let settings = std::fs::read_to_string(&path).expect("read");
    let settings = format!("{settings}\n[signer]\nlock = \"file://{}\"\n", lock.display());
    std::fs::write(path, settings).expect("write");
}

/// The store as it was, to restore it later.
struct Backup(TempDir, PathBuf);

impl Backup {
    fn of(folder: &Path) -> Backup {
        let backup = TempDir::new().expect("a temporary folder");
        copy_folder(folder, backup.path());
        Backup(backup, folder.to_owned())
    }

    fn put_back(&self) {
        std::fs::remove_dir_all(&self.1).expect("remove");
        copy_folder(self.0.path(), &self.1);
    }
}

/// The attack with two machines: a copy of the key, with an older memory and a store that was rolled
/// back, signs another history.
#[test]
fn a_second_machine_with_an_older_memory_signs_nothing() {
    let (charts, deployment) = published();
    let second = copy_of(&deployment);
    let store = deployment.path().join("store");
    let backup = Backup::of(&store);
    assert_eq!(deployment.publish(&charts)["version"], "v0.2.0");
    // What readers saw is served from elsewhere, for example a cache.
    let seen = Deployment { folder: TempDir::new().expect("a folder"), ..published().1 };
    copy_folder(deployment.path(), seen.path());
    let server = seen.serve();

    backup.put_back();
    let before = (contents(&store), contents(second.path()));
    let other = Charts::new();
    other.add_chart("another-history");
    let message = refused(&mut publish(second.path(), &other), 1);
    for part in ["registered elsewhere", "Nothing was signed", "`candor signer move`"] {
        assert!(message.contains(part), "{part:?} is not in {message}");
    }
    // Moving the signer here reads what is public, which shows that the store is out of date.
    let message = refused(signer("move", second.path()).args(["--url", &server.url]), 1);
    for part in [server.url.as_str(), "of 2 entries", "the store has 1", "rolled back"] {
        assert!(message.contains(part), "{part:?} is not in {message}");
    }
    assert_eq!((contents(&store), contents(second.path())), before);
    let message = refused(&mut deployment.publish_command(&other), 1);
    assert!(message.contains("rolled back"), "{message}");

    // With the newer store it can be moved, and then the first machine signs nothing.
    std::fs::remove_dir_all(&store).expect("remove");
    copy_folder(&seen.path().join("store"), &store);
    let moved = json(signer("move", second.path()).args(["--url", &server.url]));
    assert_eq!(moved["tree_size"], 2);
    let message = refused(&mut deployment.publish_command(&other), 1);
    assert!(message.contains("the signer was moved"), "{message}");
    assert_eq!(json(&mut publish(second.path(), &other))["version"], "v0.3.0");
    let message = refused(&mut deployment.publish_command(&charts), 1);
    assert!(message.contains("`candor signer move`"), "{message}");
    // And it moves back.
    succeed(signer("move", deployment.path()).arg("--not-served"));
    assert_eq!(deployment.publish(&charts)["version"], "v0.4.0");
    refused(&mut publish(second.path(), &other), 1);
}

#[test]
fn a_shared_lock_records_what_any_signer_signed() {
    let (charts, deployment) = published();
    let lock = TempDir::new().expect("a temporary folder");
    share_lock(deployment.path(), lock.path());
    let message = refused(&mut deployment.publish_command(&charts), 1);
    assert!(message.contains("lock") && message.contains("missing"), "{message}");
    succeed(signer("move", deployment.path()).arg("--not-served"));

    let second = copy_of(&deployment);
    let store = deployment.path().join("store");
    let backup = Backup::of(&store);
    assert_eq!(deployment.publish(&charts)["version"], "v0.2.0");
    let newest = Backup::of(&store);
    backup.put_back();
    // No reader has seen the second version, but the lock records it, so no --url is needed.
    let message = refused(signer("move", second.path()).arg("--not-served"), 1);
    assert!(message.contains("the signer's lock") && message.contains("of 2 entries"), "{message}");
    for folder in [second.path(), deployment.path()] {
        refused(&mut publish(folder, &charts), 1);
    }
    newest.put_back();
    succeed(signer("move", second.path()).arg("--not-served"));
    charts.add_chart("third");
    assert_eq!(json(&mut publish(second.path(), &charts))["version"], "v0.3.0");
    // The first machine, with the store from before the signer was moved: its folder has only what it
    // knew then, but the lock records more.
    newest.put_back();
    let other = Charts::new();
    other.add_chart("another-history");
    let message = refused(&mut deployment.publish_command(&other), 1);
    assert!(message.contains("names another signer"), "{message}");
    let message = refused(signer("move", deployment.path()).arg("--not-served"), 1);
    assert!(message.contains("of 3 entries"), "{message}");
}

#[test]
fn a_restored_backup_of_the_signer_is_refused_until_it_is_moved() {
    let (charts, deployment) = published();
    let backup = Backup::of(&deployment.path().join("signer"));
    assert_eq!(deployment.publish(&charts)["version"], "v0.2.0");
    backup.put_back();
    charts.add_chart("third");
    let message = refused(&mut deployment.publish_command(&charts), 1);
    assert!(message.contains("restored from a backup"), "{message}");
    assert_eq!(json(signer("move", deployment.path()).arg("--not-served"))["tree_size"], 2);
    assert_eq!(deployment.publish(&charts)["version"], "v0.3.0");
}

#[test]
fn a_lock_behind_the_published_head_is_refused() {
    let (charts, deployment) = published();
    let lock = deployment.path().join("signer/head");
    let old = std::fs::read(&lock).expect("read");
    assert_eq!(deployment.publish(&charts)["version"], "v0.2.0");
    // Like a disk snapshot that is restored: the identity is the one that was made here.
    std::fs::write(&lock, old).expect("write");
    let before = contents(deployment.path());
    charts.add_chart("third");
    let message = refused(&mut deployment.publish_command(&charts), 1);
    assert!(
        message.contains("signed log of 2 entries") && message.contains("older copy"),
        "{message}"
    );
    assert_eq!(contents(deployment.path()), before);
    succeed(signer("move", deployment.path()).arg("--not-served"));
    assert_eq!(deployment.publish(&charts)["version"], "v0.3.0");
}

#[test]
fn a_move_checks_what_witnesses_have_cosigned() {
    let (charts, deployment) = (Charts::new(), Deployment::new());
    let witness = WitnessFolder::new();
    witness.add_log(&deployment.log_key);
    let server = witness.serve();
    let settings = deployment.path().join("candor.toml");
    let mut text = std::fs::read_to_string(&settings).expect("settings");
    for (number, key) in witness.keys.iter().enumerate() {
        let url = &server.url;
        text += &format!("\n[[witness]]\nname = \"w{number}\"\nkey = \"{key}\"\nurl = \"{url}\"\n");
    }
    std::fs::write(&settings, format!("quorum = \"all\"\n{text}")).expect("written");
    deployment.publish(&charts);
    // A complete copy, including the store, made before the next version is published.
    let copy = TempDir::new().expect("a temporary folder");
    copy_folder(deployment.path(), copy.path());
    charts.add_chart("second");
    deployment.publish(&charts);
    let message = refused(signer("move", copy.path()).arg("--not-served"), 1);
    assert!(
        message.contains("log that w0 has cosigned shows a signed log of 2 entries"),
        "{message}"
    );
    drop(server);
    // No witness can be reached, and the message says so.
    let output = support::run(signer("move", copy.path()).arg("--not-served"));
    let said = support::text(&output.stderr);
    assert!(said.contains("what w1 has cosigned could not be read"), "{said}");
}

#[test]
fn a_move_without_a_public_check_must_be_requested() {
    let (_charts, deployment) = published();
    let message = refused(&mut signer("move", deployment.path()), 2);
    assert!(message.contains("--url"), "{message}");
    succeed(signer("move", deployment.path()).arg("--not-served"));
}

#[test]
fn a_lost_or_malformed_lock_is_refused_with_a_way_out() {
    for lost in ["missing", "malformed", "without a signer"] {
        let (charts, deployment) = published();
        let lock = deployment.path().join("signer/head");
        let text = std::fs::read_to_string(&lock).expect("read");
        match lost {
            "missing" => std::fs::remove_file(&lock).expect("remove"),
            "malformed" => std::fs::write(&lock, "whatever").expect("write"),
            // As older versions wrote it, before signers were registered.
            _ => {
                let head = text.lines().next().expect("a line");
                std::fs::write(&lock, format!("{head}\n")).expect("write");
                std::fs::remove_file(deployment.path().join("signer/identity")).expect("remove");
                std::fs::remove_file(deployment.path().join("store/log/signer")).expect("remove");
            }
        }
        let message = refused(&mut deployment.publish_command(&charts), 1);
        assert!(message.contains("`candor signer move"), "{lost}: {message}");
        if lost == "malformed" {
            // The message says to remove it first.
            refused(signer("move", deployment.path()).arg("--not-served"), 1);
            std::fs::remove_file(&lock).expect("remove");
        }
        succeed(signer("move", deployment.path()).arg("--not-served"));
        assert_eq!(deployment.publish(&charts)["version"], "v0.2.0", "{lost}");
    }
}

#[test]
fn a_lock_is_outside_the_store_and_its_folder_must_exist() {
    let (charts, deployment) = published();
    let settings = deployment.path().join("candor.toml");
    let text = std::fs::read_to_string(&settings).expect("read");
    let with = |lock: &str| {
        std::fs::write(&settings, format!("{text}\n[signer]\nlock = {lock:?}\n")).expect("write");
    };
    for inside in ["file://store", "file://store/log", "file://./store/../store"] {
        with(inside);
        let message = refused(&mut deployment.publish_command(&charts), 1);
        assert!(message.contains("is in the store"), "{inside}: {message}");
    }
    for bad in ["", "s4://bucket/lock", "file://", "lock"] {
        with(bad);
        let message = refused(&mut deployment.publish_command(&charts), 1);
        assert!(message.contains("file:///DIR"), "{bad}: {message}");
    }
    let disk = deployment.path().join("disk");
    with(&format!("file://{}", disk.display()));
    let mut moving = signer("move", deployment.path());
    moving.arg("--not-served");
    for mut command in [deployment.publish_command(&charts), moving] {
        let message = refused(&mut command, 1);
        assert!(message.contains("mount its disk"), "{message}");
        assert!(!disk.exists());
    }
    std::fs::create_dir(&disk).expect("create");
    succeed(signer("move", deployment.path()).arg("--not-served"));
    assert_eq!(deployment.publish(&charts)["version"], "v0.2.0");
}

#[test]
fn a_key_alone_does_not_start_a_new_log() {
    let (_, deployment) = published();
    let folder = TempDir::new().expect("a temporary folder");
    copy_folder(&deployment.path().join("keys"), &folder.path().join("keys"));
    let mut init = candor();
    init.args(["init", "--name", support::HOST, "--module", MODULE, "--data"]).arg(folder.path());
    let before = contents(folder.path());
    let message = refused(&mut init, 1);
    for part in ["log.seed", "`candor signer move`", "move the key away"] {
        assert!(message.contains(part), "{part:?} is not in {message}");
    }
    assert_eq!(contents(folder.path()), before);
}

#[test]
fn show_says_where_the_signer_is() {
    let (charts, deployment) = published();
    let show = |folder: &Path| -> Value { json(&mut signer("show", folder)) };
    let first = show(deployment.path());
    assert_eq!(first["here"], true, "{first}");
    assert_eq!(first["lock_signer"], first["registered"]);
    assert!(first["lock"].as_str().expect("a place").ends_with("signer/head"));
    for part in ["last_signed", "published", "committed"] {
        assert_eq!(first[part]["tree_size"], 1, "{part}");
    }
    let second = copy_of(&deployment);
    let shown = show(second.path());
    assert_eq!(shown["here"], false);
    assert!(shown["reason"].as_str().expect("a reason").contains("candor signer move"), "{shown}");
    succeed(signer("move", second.path()).arg("--not-served"));
    assert_eq!(show(second.path())["here"], true);
    assert_ne!(show(second.path())["registered"], first["registered"]);
    let shown = show(deployment.path());
    assert_eq!(shown["here"], false);
    assert!(shown["reason"].as_str().expect("a reason").contains("the store does not"), "{shown}");
    // It needs no key, and says the same as text.
    std::fs::remove_dir_all(second.path().join("keys")).expect("remove");
    let text = succeed(candor().args(["signer", "show", "--data"]).arg(second.path()));
    assert!(text.contains("the log's signer is this folder"), "{text}");
    drop(charts);
}

#[test]
fn an_edited_bundle_is_refused_before_more_entries_join_it() {
    let (charts, deployment) = published();
    // Someone without a key edits the entry with which the next bundle begins, and a publisher dies
    // between committing and signing; the next publisher completes its work.
    let store = deployment.path().join("store");
    let bundle = store.join("log/tile/entries/000.p/1");
    let mut bytes = std::fs::read(&bundle).expect("read");
    let last = bytes.len() - 2;
    bytes[last] ^= 1;
    std::fs::write(&bundle, bytes).expect("write");
    let library = candor::publish::Deployment::open(deployment.path()).expect("a deployment");
    let module = {
        let twin = TempDir::new().expect("a temporary folder");
        copy_folder(deployment.path(), twin.path());
        let mut bytes = std::fs::read(&bundle).expect("read");
        bytes[last] ^= 1;
        std::fs::write(twin.path().join("store/log/tile/entries/000.p/1"), bytes).expect("write");
        succeed(signer("move", twin.path()).arg("--not-served"));
        let done = json(&mut publish(twin.path(), &charts));
        copy_folder(&twin.path().join("store/module"), &store.join("module"));
        done
    };
    let hash = |name: &str| module[name].as_str().expect(name).parse::<Hash1>().expect("a hash");
    let record = Record::new(MODULE, "v0.2.0", hash("sum"), hash("go_mod_sum")).expect("a record");
    commit(&store, &[record.to_string().as_bytes()]);
    let message = refused(&mut deployment.publish_command(&charts), 1);
    assert!(message.contains("log/tile/entries/000.p/1"), "{message}");
    let wider = candor::store::Key::new("log/tile/entries/000.p/2").expect("a key");
    assert_eq!(library.store.get(&wider).expect("get"), None, "{message}");
}
