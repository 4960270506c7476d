//! Counting, seen from outside: processes that count, and the folder they leave behind.

use crate::counting_process::{Job, Process};
use candor::client::counter::CounterFile;
use candor::client::folder::Folder;
use candor::collection::frame;
use std::collections::BTreeMap;
use std::path::Path;
use tempfile::TempDir;

const PROGRAM: [&str; 3] = ["example.org/tool", "v1.0.0", "rust1.95.0"];

fn folder(mode: &str) -> TempDir {
    let folder = TempDir::new().expect("a temporary folder");
    std::fs::write(folder.path().join("mode"), mode).expect("write");
    folder
}

/// The counts of the only counter file.
fn counts(folder: &Path) -> BTreeMap<String, u64> {
    let files = std::fs::read_dir(folder.join("local")).expect("list");
    let paths = files.map(|file| file.expect("an entry").path());
    let paths: Vec<_> =
        paths.filter(|path| path.extension().is_some_and(|e| e == "count")).collect();
    // A test that runs over midnight has two.
    let mut counts = BTreeMap::new();
    for path in paths {
        for (name, count) in CounterFile::read(&path).expect("a counter file").counts {
            *counts.entry(name).or_default() += count;
        }
    }
    counts
}

#[test]
fn processes_that_add_new_counters_at_once_lose_none() {
    let folder = folder("local");
    let mut processes: Vec<_> = (0..3)
        .map(|number| {
            Job::new(folder.path(), PROGRAM)
                .with("count", "early 5")
                .with("start", "")
                .with("ready", "")
                .with("many", "shared/ 3000")
                .with("many", &format!("own{number}/ 2000"))
                .with("count", "same 100000")
                .spawn()
        })
        .collect();
    processes.iter_mut().for_each(Process::wait_until_ready);
    processes.iter_mut().for_each(Process::go);
    processes.into_iter().for_each(|process| drop(process.finish()));

    let counts = counts(folder.path());
    assert_eq!(counts.len(), 3000 + 3 * 2000 + 2);
    for (name, count) in counts {
        let expected = match name.split('/').next() {
            Some("shared") => 3,
            Some("early") => 15,
            Some("same") => 300_000,
            _ => 1,
        };
        assert_eq!(count, expected, "{name}");
    }
}

#[test]
fn nothing_is_written_unless_the_user_allowed_it() {
    for (mode, do_not_track) in [(None, None), (Some("off"), None), (Some("on"), Some("1"))] {
        let parent = TempDir::new().expect("a temporary folder");
        let folder = parent.path().join("telemetry");
        if let Some(mode) = mode {
            std::fs::create_dir(&folder).expect("create");
            std::fs::write(folder.join("mode"), mode).expect("write");
        }
        let job = Job::new(&folder, PROGRAM)
            .with("count", "early 5")
            .with("start", "")
            .with("count", "late 5")
            .with("stack", "bug")
            .with("panic", "at the disco")
            .with("status", "");
        let process = job.spawn_with(|command| {
            command.envs(do_not_track.map(|value| ("DO_NOT_TRACK", value)));
        });
        assert!(process.finish().contains("Off("), "{mode:?}");
        let left: Vec<_> = match mode {
            Some(_) => std::fs::read_dir(&folder).expect("list").collect(),
            None => std::fs::read_dir(parent.path()).expect("list").collect(),
        };
        assert_eq!(left.len(), usize::from(mode.is_some()), "{mode:?}: {left:?}");
    }
}

#[test]
fn a_panic_is_counted_by_its_stack_without_its_message() {
    let folder = folder("local");
    let message = "the password is swordfish";
    let job = Job::new(folder.path(), PROGRAM).with("start", "").with("panic", message);
    let output = job.spawn().finish_anyhow();
    assert!(output.status.success());
    // The program still fails in its own way.
    assert!(String::from_utf8_lossy(&output.stderr).contains(message));

    let counts = counts(folder.path());
    let (stack, count) = counts.iter().next().expect("one");
    assert_eq!((counts.len(), *count), (1, 1), "{counts:?}");
    let (name, frames) = stack.split_once('\n').expect("a stack");
    assert_eq!(name, "crash/panic");
    let kept = frame::keep(frames, 16).expect("frames");
    assert_eq!((kept.frames.as_str(), kept.cut), (frames, false), "{stack}");
    assert!(frames.contains('\n'), "{stack}");
    // The first frame is the function that panicked, with its line.
    assert!(frames.starts_with("all::counting_process::fail:="), "{stack}");
    assert!(!frames.contains(".rs") && !frames.contains("swordfish"), "{stack}");
    assert!(!frames.contains("short_backtrace") && !frames.contains("panicking"), "{stack}");
}

#[test]
fn a_stack_counter_counts_its_callers() {
    let folder = folder("local");
    let job = Job::new(folder.path(), PROGRAM).with("start", "");
    job.with("stack", "bug").with("stack", "bug").run();
    let counts = counts(folder.path());
    let (stack, count) = counts.iter().next().expect("one");
    assert_eq!((counts.len(), *count), (1, 2), "{counts:?}");
    let lines: Vec<_> = stack.split('\n').collect();
    assert_eq!(lines[0], "bug");
    assert!(lines[1].starts_with("all::counting_process::inner:="), "{stack}");
    assert!(lines[2].starts_with("all::counting_process::outer:="), "{stack}");
}

#[test]
fn a_program_whose_counts_cannot_be_stored_runs_as_usual() {
    let folder = folder("local");
    // A file where a folder should be.
    std::fs::write(folder.path().join("local"), "").expect("write");
    let job = Job::new(folder.path(), PROGRAM)
        .with("start", "")
        .with("count", "a 10")
        .with("panic", "at the disco")
        .with("status", "");
    let printed = job.run();
    assert!(printed.contains("Stopped(\"cannot use "), "{printed}");
}

#[test]
fn a_killed_process_loses_nothing() {
    let folder = folder("local");
    let job = Job::new(folder.path(), PROGRAM).with("start", "").with("count", "a 10");
    let mut process = job.with("ready", "").spawn();
    process.wait_until_ready();
    process.child.kill().expect("killed");
    process.finish_anyhow();
    assert_eq!(counts(folder.path()), BTreeMap::from([("a".to_owned(), 10)]));
}

#[test]
fn programs_do_not_mix() {
    let folder = folder("on 2026-11-22");
    let [path, version, toolchain] = PROGRAM;
    for program in [PROGRAM, [path, "v1.0.1", toolchain], ["example.org/other", version, toolchain]]
    {
        Job::new(folder.path(), program).with("start", "").with("count", "a 1").run();
    }
    // Another program whose files have the same name is refused, and the counts stay.
    let program = ["example.com/tool", version, toolchain];
    let job = Job::new(folder.path(), program).with("start", "").with("count", "a 1");
    assert!(job.with("status", "").run().contains("belongs to another program"));
    assert_eq!(counts(folder.path()), BTreeMap::from([("a".to_owned(), 3)]));
    assert!(Folder::at(folder.path()).local().join("weekends").exists());
}
