//! How fast a log on disk grows if every append is durable before it returns: staged entries, head,
//! tiles, the signer's lock and the checkpoint are all synced. Entries a second, for batches of 1 and of
//! 1,000.

use candor::store::FileStore;
use candor::tlog::SignerLock;
use candor::tlog::{Appended, Entry, EntryValidator, InvalidEntry, LeafIndex, Log, LogKeys, Seed};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use std::sync::Arc;

/// Accepts every entry.
#[derive(Debug)]
struct Anything;

impl EntryValidator for Anything {
    fn validate(&self, _: LeafIndex, _: &Entry) -> Result<(), InvalidEntry> {
        Ok(())
    }
}

fn append(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("append, with fsync");
    group.sample_size(20);
    for batch in [1_u64, 1_000] {
        let folder = tempfile::TempDir::new().expect("a temporary folder");
        let keys = LogKeys::new(
            &"telemetry.example.org".parse().expect("a host"),
            &Seed::generate().expect("a seed"),
        );
        let memory = folder.path().join("signer");
        std::fs::create_dir(&memory).expect("a folder");
        let store = Arc::new(FileStore::new(folder.path().join("store")));
        let signer = SignerLock::in_folder(&memory).expect("a signer");
        let log = Log::new(store, keys, signer, Arc::new(Anything));
        log.create().expect("a new log");
        let entries: Vec<_> = (0..batch)
            .map(|number| {
                // As long as a checksum database record.
                Entry::new(format!("{number:0>200}").as_bytes()).expect("an entry")
            })
            .collect();
        let mut head = log.settle().expect("a head");
        group.throughput(Throughput::Elements(batch));
        group.bench_function(format!("batches of {batch}"), |bencher| {
            bencher.iter(|| match log.append(head, &entries).expect("appended") {
                Appended::Committed(new) => head = new,
                Appended::LostRace => panic!("nobody else appends"),
            });
        });
    }
    group.finish();
}

criterion_group!(benches, append);
criterion_main!(benches);
