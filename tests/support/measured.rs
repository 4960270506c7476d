//! What a process costs: its time, and its peak memory.

use std::fs;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// The duration, and the process's peak memory in bytes.
pub type Measured = (Duration, u64);

/// Runs a command that must succeed.
pub fn measure_command(command: &mut Command) -> Measured {
    let began = Instant::now();
    let mut child = command.spawn().unwrap_or_else(|e| panic!("cannot run {command:?}: {e}"));
    let (_, memory) = measure_process(child.id(), || {
        assert!(child.wait().expect("wait").success(), "{command:?} failed");
    });
    (began.elapsed(), memory)
}

/// The peak is looked at every millisecond, so what a process takes in its last one is missed.
pub fn measure_process(process: u32, work: impl FnOnce()) -> Measured {
    let (done, most) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let watcher = thread::spawn({
        let (done, most) = (done.clone(), most.clone());
        move || {
            while !done.load(Ordering::Relaxed) {
                most.fetch_max(high_water_mark(process), Ordering::Relaxed);
                thread::sleep(Duration::from_millis(1));
            }
        }
    });
    let began = Instant::now();
    work();
    let took = began.elapsed();
    most.fetch_max(high_water_mark(process), Ordering::Relaxed);
    done.store(true, Ordering::Relaxed);
    watcher.join().expect("the watcher ends");
    (took, most.load(Ordering::Relaxed))
}

/// `VmHWM` of a process: its peak resident set, in bytes. 0 if it is gone.
pub fn high_water_mark(process: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.and_then(|line| line.trim().strip_suffix("kB")?.trim().parse().ok());
    kilobytes.unwrap_or(0_u64) * 1024
}

/// The bytes of all files in a folder.
pub fn bytes_in(folder: &std::path::Path) -> u64 {
    let Ok(entries) = fs::read_dir(folder) else { return 0 };
    let bytes = entries.map(|entry| {
        let path = entry.expect("an entry").path();
        // A file may be removed meanwhile.
        match fs::symlink_metadata(&path) {
            Ok(data) if data.is_dir() => bytes_in(&path),
            Ok(data) => data.len(),
            Err(_) => 0,
        }
    });
    bytes.sum()
}

/// Milliseconds, and MiB.
pub fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

pub fn mib(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}
