//! A file store: what an operation has confirmed stays, whatever was killed before, but for what a machine sees first
//! of a log.

use super::Scenario;
use super::replay::Before;
use crate::durable::recorder::Recorder;
use crate::store::{FileStore, Key, Store, StoreError, Swap};
use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::path::Path;

const FOLDER: &str = "srv/store";
const HEAD: &str = "log/head";

/// Objects, in folders beside and below others; a pointer to others; a scratch file; a removal. And the same after
/// another writer was killed, at each of its syncs.
pub(super) fn scenarios() -> Vec<Scenario> {
    let mut scenarios = vec![scenario(None).expect("not killed"), memory()];
    scenarios.extend((0..).map_while(|syncs| scenario(Some(syncs))));
    assert!(scenarios.len() > 10, "{} syncs", scenarios.len());
    scenarios
}

/// What a machine has seen of a log: first by one process, which also makes the folders above, then by another. The
/// first may be forgotten, but is never half there; the second may not.
fn memory() -> Scenario {
    let temporary = super::folder();
    let root = temporary.path().to_owned();
    let recorder = Recorder::start(&root);
    let head = Key::new(HEAD).expect("a key");
    for seen in 1..=2_u32 {
        let process = FileStore::of_memory(root.join(FOLDER));
        let before = (seen > 1).then(|| (seen - 1).to_string());
        let before = before.as_deref().map(str::as_bytes);
        let swapped = process.swap(&head, before, seen.to_string().as_bytes());
        assert_eq!(swapped.expect("written"), Swap::Won);
    }
    recorder.promise("head 2");
    let check = |state: &Path, before: &Before<'_>| {
        let found = number(&FileStore::of_memory(state.join(FOLDER)));
        let found = found.map_err(|error| error.to_string())?;
        match before.promised("head 2") {
            true if found != 2 => Err(format!("2 was seen, and {found} is remembered")),
            _ if found > 2 => Err("what is remembered is half there".to_owned()),
            _ => Ok(()),
        }
    };
    Scenario { name: "remembering", root, record: recorder.finish(), check: Box::new(check) }
}

/// `None` if there are fewer syncs.
fn scenario(kill_at_sync: Option<usize>) -> Option<Scenario> {
    let temporary = super::folder();
    let root = temporary.path().to_owned();
    if kill_at_sync.is_some() {
        // A killed process may leave one folder without a durable name, but not two.
        fs::create_dir(root.join("srv")).expect("made");
    }
    let recorder = Recorder::start(&root);
    let store = || FileStore::new(root.join(FOLDER));
    let scratch = root.join("scratch");
    if let Some(syncs) = kill_at_sync {
        recorder.kill_at_sync(syncs);
        let done = write(&store(), &scratch, &|_| {});
        if !recorder.restart() {
            done.expect("written");
            return None;
        }
    }
    write(&store(), &scratch, &|promise| recorder.promise(promise)).expect("written");
    let check = |state: &Path, before: &Before<'_>| {
        check(&state.join(FOLDER), &state.join("scratch"), before).map_err(|e| e.to_string())
    };
    Some(Scenario { name: "storing", root, record: recorder.finish(), check: Box::new(check) })
}

/// Does all of it, and may be repeated from wherever it stopped.
fn write(store: &FileStore, scratch: &Path, promise: &dyn Fn(String)) -> Result<(), StoreError> {
    let put = |names: &[&str]| -> Result<(), StoreError> {
        let objects: Result<Vec<_>, StoreError> =
            names.iter().map(|name| Ok((Key::new(*name)?, name.as_bytes().to_vec()))).collect();
        store.put(&objects?)?;
        names.iter().for_each(|name| promise(format!("has {name}")));
        Ok(())
    };
    let swap = |to: u32| -> Result<(), StoreError> {
        let head = Key::new(HEAD)?;
        let now = number(store)?;
        if now < to {
            let expected = (now > 0).then(|| now.to_string());
            let referred = (Key::new(referred_by(to))?, to.to_string().into_bytes());
            let swap = store.put_and_swap(
                &[referred],
                &head,
                expected.as_deref().map(str::as_bytes),
                to.to_string().as_bytes(),
            )?;
            assert_eq!(swap, Swap::Won);
        }
        // A process that finds it already there promises nothing until another write made it durable.
        if now <= to {
            promise(format!("head {to}"));
        }
        Ok(())
    };
    put(&["log/tile/0/000.p/1"])?;
    put(&["log/tile/0/000.p/2", "log/tile/0/001.p/1"])?;
    put(&["log/tile/0/000"])?;
    fs::write(scratch, "log/large/file").expect("written");
    store.put_file(&Key::new("log/large/file")?, scratch)?;
    promise("has log/large/file".to_owned());
    put(&["log/large/folder/below"])?;
    swap(1)?;
    swap(2)?;
    store.remove(&Key::new("log/tile/0/000.p/1")?)?;
    promise("gone log/tile/0/000.p/1".to_owned());
    Ok(())
}

/// The object that the pointer refers to, beside the pointer or in another folder.
fn referred_by(number: u32) -> String {
    match number {
        1 => "log/one".to_owned(),
        _ => format!("referred/{number}"),
    }
}

fn number(store: &FileStore) -> Result<u32, StoreError> {
    let bytes = store.pointer(&Key::new(HEAD)?)?.unwrap_or_else(|| b"0".to_vec());
    Ok(String::from_utf8_lossy(&bytes).parse().unwrap_or(u32::MAX))
}

fn check(folder: &Path, scratch: &Path, before: &Before<'_>) -> Result<(), Box<dyn Error>> {
    let store = FileStore::new(folder);
    let mut objects = BTreeMap::new();
    let mut head = 0;
    for promise in before.promises {
        match promise.split_once(' ').unwrap_or_default() {
            ("has", name) => drop(objects.insert(name, true)),
            ("gone", name) => drop(objects.insert(name, false)),
            (_, number) => head = number.parse()?,
        }
    }
    for (name, is_there) in objects {
        let found = store.get(&Key::new(name)?)?;
        // An object that is being removed may be gone before that is confirmed.
        let removed = !is_there || name == "log/tile/0/000.p/1" && head == 2;
        if found.as_deref() != Some(name.as_bytes()) && !(removed && found.is_none())
            || !is_there && found.is_some()
        {
            return Err(format!("{name} should be there: {is_there}; found {found:?}").into());
        }
    }
    let found = number(&store)?;
    if found < head || found > 2 {
        return Err(format!("the pointer was {head}, found {found}").into());
    }
    if found > 0
        && store.get(&Key::new(referred_by(found))?)? != Some(found.to_string().into_bytes())
    {
        return Err(format!("the pointer is {found}, and what it refers to is not there").into());
    }
    Ok(write(&store, scratch, &|_| {})?)
}
