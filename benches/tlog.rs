//! What the log's tree costs.
//!
//! - `prove` and `verify`: one proof at 1,000,000 leaves, from tiles in memory (so without the time to
//!   read them): what a client or server computes for each request. "From checked tiles" is what the
//!   server does, which keeps the nodes of some tiles; golang.org/x/mod checks the tiles, too, so that is
//!   its counterpart (`tests/go/tlog`).
//! - `append`: leaves a second with [`Edge::append`], including writing tiles but not hashing the leaf
//!   data, in batches of 1 and of 1,000.
//! - `root`: bytes of leaf data a second from entries to root, for records (about 200 bytes) and for 64
//!   KiB entries, beside one SHA-256 over the same bytes. The difference is the cost of the tree.

use candor::tlog::{
    CheckedTiles, Edge, Entry, Hash, LeafIndex, Tile, TileReadError, TileReader, TreeSize,
    leaf_hash, prove_consistency, prove_inclusion, verify_consistency, verify_inclusion,
};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::hint::black_box;
use std::time::Duration;

const SIZE: u64 = 1_000_000;

struct Tiles(HashMap<Tile, Vec<u8>>);

impl TileReader for Tiles {
    fn read_tile(&self, tile: Tile) -> Result<Vec<u8>, TileReadError> {
        self.0.get(&tile).cloned().ok_or_else(|| "no such tile".into())
    }
}

fn leaves(count: u64) -> Vec<Hash> {
    (0..count).map(|leaf| leaf_hash(&leaf.to_be_bytes())).collect()
}

fn proofs(criterion: &mut Criterion) {
    let leaves = leaves(SIZE);
    let (mut older, mut edge) = (Edge::empty(), Edge::empty());
    older.append(&leaves[..765_432]).expect("room");
    let tiles = Tiles(edge.append(&leaves).expect("room").into_iter().collect());
    let (old, head) = (older.head(), edge.head());
    let index = LeafIndex::new(543_210).expect("an index");
    let size = TreeSize::new(SIZE).expect("a size");
    let included = prove_inclusion(index, size, &tiles).expect("a proof");
    let consistent = prove_consistency(old.size, size, &tiles).expect("a proof");

    let mut group = criterion.benchmark_group("a million leaves");
    group.bench_function("prove inclusion", |b| b.iter(|| prove_inclusion(index, size, &tiles)));
    let checked = CheckedTiles::new(&tiles);
    let mut leaf = 0;
    group.bench_function("prove inclusion of any leaf, from checked tiles", |b| {
        b.iter(|| {
            leaf = (leaf + 543_210) % SIZE;
            checked.prove_inclusion(head, LeafIndex::new(leaf).expect("an index"))
        })
    });
    group.bench_function("prove inclusion of one leaf again, from checked tiles", |b| {
        b.iter(|| checked.prove_inclusion(head, index))
    });
    group.bench_function("verify inclusion", |b| {
        b.iter(|| verify_inclusion(leaves[543_210], index, head, black_box(&included)))
    });
    group.bench_function("prove consistency", |b| {
        b.iter(|| prove_consistency(old.size, size, &tiles))
    });
    group.bench_function("verify consistency", |b| {
        b.iter(|| verify_consistency(old, head, black_box(&consistent)))
    });
    group.bench_function("load the edge", |b| b.iter(|| Edge::load(head, &tiles)));
    group.finish();
}

fn append(criterion: &mut Criterion) {
    let leaves = leaves(1_000);
    let mut start = Edge::empty();
    start.append(&self::leaves(SIZE)).expect("room");
    let mut group = criterion.benchmark_group("append to a million leaves");
    for batch in [1, 1_000] {
        let mut edge = start.clone();
        group.throughput(Throughput::Elements(batch as u64));
        group.bench_function(format!("batches of {batch}"), |b| {
            b.iter(|| (edge.append(&leaves[..batch]), edge.root()))
        });
    }
    group.finish();
}

fn root(criterion: &mut Criterion) {
    const BYTES: usize = 32 << 20;
    let mut group = criterion.benchmark_group("root");
    group.throughput(Throughput::Bytes(BYTES as u64));
    let data = vec![0x5a; BYTES];
    group.bench_function("SHA-256 of the same bytes", |b| b.iter(|| Sha256::digest(&data)));
    for length in [200, 65_535] {
        let entries: Vec<Entry> =
            data.chunks(length).map(|chunk| Entry::new(chunk).expect("short")).collect();
        group.bench_function(format!("entries of {length} bytes"), |b| {
            b.iter(|| {
                let hashes: Vec<Hash> = entries.iter().map(Entry::leaf_hash).collect();
                let mut edge = Edge::empty();
                edge.append(&hashes).expect("room");
                edge.root()
            })
        });
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1))
        .sample_size(20)
        .without_plots();
    targets = proofs, append, root
}
criterion_main!(benches);
