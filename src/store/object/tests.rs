//! The contract over the in-memory store of `object_store`: what is ours, without a network.

use super::*;
use crate::store::contract;
use object_store::memory::InMemory;
use std::sync::Arc;
use tempfile::TempDir;

fn in_memory(memory: &Arc<InMemory>, scratch: &TempDir) -> BucketStore {
    BucketStore {
        url: "s3://bucket/some/prefix".parse().expect("a URL"),
        client: Client {
            endpoint: format!("memory {:p}", Arc::as_ptr(memory)),
            name: "s3://bucket/some/prefix".to_owned(),
            objects: memory.clone(),
            parts: memory.clone(),
        },
        scratch: scratch.path().join("downloads"),
        patience: Patience { first: Duration::from_millis(1), ..PATIENCE },
    }
}

#[test]
fn keeps_the_contract_of_a_store() {
    contract::check(|| {
        let (memory, scratch) = (Arc::new(InMemory::new()), TempDir::new().expect("a folder"));
        move || -> Box<dyn Store> { Box::new(in_memory(&memory, &scratch)) }
    });
}

#[test]
fn a_store_that_keeps_its_conditions_passes_the_probe() {
    let (memory, scratch) = (Arc::new(InMemory::new()), TempDir::new().expect("a folder"));
    let store = in_memory(&memory, &scratch);
    store.probe_again().expect("passed");
    assert!(store.list(&Key::new("log").expect("a key")).expect("listed").is_empty());
}

#[test]
fn reading_piece_by_piece_makes_no_folder() {
    let (memory, scratch) = (Arc::new(InMemory::new()), TempDir::new().expect("a folder"));
    let store = in_memory(&memory, &scratch);
    let key = Key::new("public/some").expect("a key");
    store.put(&[(key.clone(), b"bytes".to_vec())]).expect("stored");
    assert!(store.open(&key).expect("opened").is_some());
    let left = std::fs::read_dir(scratch.path()).expect("a folder").count();
    assert_eq!(left, 0, "a server that only answers readers writes nothing");
}
