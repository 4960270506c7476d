//! What counting costs a program: nanoseconds for an increment of a mapped counter, with one thread, and
//! with two at once that share a counter or have one each.
//!
//! `scripts/bench` shows those of golang.org/x/telemetry on the same machine next to these.

use candor::client::counter::{Counter, Status};
use candor::client::folder::Folder;
use candor::client::{Options, Program, start};
use criterion::{Criterion, criterion_group, criterion_main};
use std::hint::black_box;
use std::sync::Barrier;
use std::time::{Duration, Instant};

static ONE: Counter = Counter::new("bench/one");
static ANOTHER: Counter = Counter::new("bench/with-a-name-of-its-own-cache-line");

/// How long the slower of two threads takes for this many increments each.
fn two_threads(increments: u64, second: &'static Counter) -> Duration {
    let barrier = Barrier::new(2);
    let count = |counter: &'static Counter| {
        barrier.wait();
        let begin = Instant::now();
        for _ in 0..increments {
            black_box(counter).inc();
        }
        begin.elapsed()
    };
    std::thread::scope(|scope| {
        let other = scope.spawn(|| count(second));
        count(&ONE).max(other.join().expect("joined"))
    })
}

fn increment(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("increment");
    let folder = tempfile::TempDir::new().expect("a temporary folder");
    std::fs::write(folder.path().join("mode"), "local").expect("write");
    let options = Options::default().folder(Folder::at(folder.path()));
    let status = start(Program::new("example.org/bench", "1.0.0"), options);
    assert!(matches!(status, Status::Counting(_)), "{status:?} (is DO_NOT_TRACK set?)");
    ANOTHER.inc();
    group.bench_function("one thread", |bencher| bencher.iter(|| black_box(&ONE).inc()));
    group.bench_function("two threads, same counter", |bencher| {
        bencher.iter_custom(|increments| two_threads(increments, &ONE));
    });
    group.bench_function("two threads, own counters", |bencher| {
        bencher.iter_custom(|increments| two_threads(increments, &ANOTHER));
    });
    group.finish();
}

criterion_group!(benches, increment);
criterion_main!(benches);
