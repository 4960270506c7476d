//! What publishing one more version costs after 1, 1,000, 100,000 and 1,000,000 versions, with every
//! write durable: the time, and the operations on the store on disk.
//!
//! The logs are made through the library; `long_log` says in what they differ from real ones. Both the
//! slowest and the median publication are shown, since one in 64 also writes a page of the index and one
//! in 256 completes a tile. `SIZES` names other sizes; with `--json`, each is a line of JSON.

#[path = "../tests/support/long_log.rs"]
mod long_log;

use candor::store::FileStore;
use long_log::LongLog;
use std::time::Instant;

const TIMES: usize = 65;

fn main() {
    let sizes = std::env::var("SIZES").unwrap_or("1 1000 100000 1000000".to_owned());
    let json = std::env::args().any(|argument| argument == "--json");
    let heading =
        "versions   median ms  slowest ms   reads  lists writes removals  KB read  KB written";
    if !json {
        println!("{heading}");
    }
    for size in sizes.split_whitespace().map(|size| size.parse().expect("a size")) {
        let folder = tempfile::TempDir::new().expect("a temporary folder");
        let log = LongLog::new(FileStore::new(folder.path().join("store")), size);
        let mut all: Vec<_> = (0..TIMES)
            .map(|_| {
                let start = Instant::now();
                let asked = log.publish();
                (start.elapsed().as_secs_f64() * 1e3, asked)
            })
            .collect();
        all.sort_by(|(one, _), (other, _)| one.total_cmp(other));
        let (median, slowest) = (all[TIMES / 2].0, all[TIMES - 1].0);
        let most = all.iter().map(|(_, asked)| asked).max_by_key(|asked| asked.operations());
        let most = most.expect("some");
        if json {
            let point = serde_json::json!({
                "bench": "publish", "versions": size, "ms": median, "slowest_ms": slowest,
                "operations": most.operations(), "bytes_read": most.bytes_read,
                "bytes_written": most.bytes_written,
            });
            println!("{point}");
            continue;
        }
        println!(
            "{size:<10} {median:>9.1} {slowest:>11.1} {:>7} {:>6} {:>6} {:>8} {:>8} {:>11}",
            most.reads,
            most.lists,
            most.writes,
            most.removals,
            most.bytes_read / 1000,
            most.bytes_written / 1000
        );
    }
}
