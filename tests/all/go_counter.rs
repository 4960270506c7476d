//! Counter files and the real peer, golang.org/x/telemetry, unmodified: each reads what the other wrote,
//! and both count into one file at once.
//!
//! The module is in the module cache: `scripts/setup test` puts it there.

use crate::counting_process::Job;
use candor::client::counter::{CounterFile, is_stack};
use candor::collection::frame;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

/// A telemetry folder that programs in both languages share, and the Go program.
struct Shared {
    folder: TempDir,
    program: PathBuf,
}

/// The go command in `tests/go`, without network, and without telemetry of its own.
fn go(arguments: &[&str], settings: &Path) -> Command {
    let mut command = Command::new("go");
    command
        .args(arguments)
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/go"))
        .env("GOPROXY", "off")
        .env("GOFLAGS", "-mod=readonly")
        .env("GOTOOLCHAIN", "local")
        .env("XDG_CONFIG_HOME", settings);
    command
}

fn succeed(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|e| panic!("install go: {command:?}: {e}"));
    let (stdout, stderr) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(
        output.status.success(),
        "{command:?} failed; `scripts/setup test` fetches what it needs\n{stdout}\n{stderr}"
    );
    stdout.into_owned()
}

impl Shared {
    fn new() -> Shared {
        let folder = TempDir::new().expect("a temporary folder");
        std::fs::write(folder.path().join("mode"), "local").expect("write");
        let program = folder.path().join("count");
        let output = program.to_str().expect("UTF-8");
        succeed(&mut go(&["build", "-buildvcs=false", "-o", output, "./count"], folder.path()));
        Shared { folder, program }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn count(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command.arg("-dir").arg(self.path()).args(arguments);
        command
    }

    /// A Rust process that counts as the Go program does: same names, same file.
    fn job(&self) -> Job {
        let metadata = self.file().1.metadata;
        Job::new(self.path(), [&metadata.program, &metadata.version, &metadata.toolchain])
            .with("start", "")
    }

    /// The only counter file, and what our parser reads.
    fn file(&self) -> (PathBuf, CounterFile) {
        let files = std::fs::read_dir(self.path().join("local")).expect("list");
        let paths = files.map(|file| file.expect("an entry").path());
        let mut paths = paths.filter(|path| path.extension().is_some_and(|e| e == "count"));
        let path = paths.next().expect("a counter file");
        assert_eq!(paths.next(), None, "a second counter file; was it midnight?");
        let file = CounterFile::read(&path).expect("a counter file");
        (path, file)
    }

    /// What Go's own parser reads.
    fn read_by_go(&self) -> BTreeMap<String, u64> {
        let mut command = go(&["test", "-count=1", "-run", "TestRead", "."], self.path());
        let printed = succeed(command.args(["-v"]).env("COUNTER_FILE", self.file().0));
        let json = printed.lines().find_map(|line| line.strip_prefix("READ ")).expect("a result");
        let kinds: BTreeMap<String, BTreeMap<String, u64>> =
            serde_json::from_str(json).expect("JSON");
        kinds.into_values().flatten().collect()
    }
}

/// Runs a test that must not span midnight, again if it did.
fn within_a_day<T>(attempt: impl Fn() -> T) -> T {
    let day =
        || std::time::SystemTime::UNIX_EPOCH.elapsed().expect("after 1970").as_secs() / 86_400;
    loop {
        let before = day();
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(&attempt));
        match result {
            Ok(result) => return result,
            Err(failure) if day() == before => std::panic::resume_unwind(failure),
            Err(_) => {}
        }
    }
}

fn go_process(shared: &Shared, arguments: &[&str]) -> Child {
    let mut command = shared.count(arguments);
    let mut child =
        command.arg("-go").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("started");
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().expect("a pipe")).read_line(&mut line).expect("a line");
    assert_eq!(line, "ready\n");
    child
}

#[test]
fn go_reads_what_we_write() {
    within_a_day(|| {
        let shared = Shared::new();
        // Go only tells how it names the program; then we write the whole file.
        succeed(&mut shared.count(&[]));
        let job = shared.job();
        std::fs::remove_file(shared.file().0).expect("deleted");
        let long = format!("{} 3", "n".repeat(4096));
        job.with("count", "gophers 7")
            .with("count", "größe:<50ms 1")
            .with("count", &long)
            .with("many", "crowd/ 5000")
            .with("stack", "bug")
            .run();
        let ours = shared.file().1.counts;
        assert_eq!(ours.len(), 5004);
        assert_eq!(ours["gophers"], 7);
        assert_eq!(shared.read_by_go(), ours);
    });
}

#[test]
fn we_read_what_go_writes() {
    within_a_day(|| {
        let shared = Shared::new();
        let arguments = ["-name", "gophers", "-times", "7", "-many", "crowd/", "-of", "5000"];
        succeed(shared.count(&arguments).args(["-stack", "bug"]));
        let (path, file) = shared.file();
        let name = path.file_name().and_then(|name| name.to_str());
        assert_eq!(name, Some(&*file.metadata.file_name()));
        assert_eq!(file.metadata.program, "candor.test/go/count");
        assert_eq!(file.metadata.version, "devel");
        assert_eq!(file.counts["gophers"], 7);
        assert_eq!(file.counts.len(), 5002);
        assert_eq!(shared.read_by_go(), file.counts);

        let stack = file.counts.keys().find(|name| is_stack(name)).expect("a stack");
        let (name, frames) = stack.split_once('\n').expect("frames");
        assert_eq!(name, "bug");
        let kept = frame::keep(frames, 16).expect("frames");
        assert_eq!((kept.frames.as_str(), kept.cut), (frames, false), "{stack}");
        assert!(frames.starts_with("main.inner:") && frames.contains("\nmain.outer:"), "{stack}");
    });
}

#[test]
fn a_go_and_a_rust_process_that_count_at_once_lose_nothing() {
    within_a_day(|| {
        let shared = Shared::new();
        succeed(&mut shared.count(&[]));
        let many = ["-many", "crowd/", "-of", "5000"];
        let mut go =
            go_process(&shared, &[&["-name", "same", "-times", "1000000"], &many[..]].concat());
        let job = shared.job().with("ready", "").with("count", "same 1000000");
        let mut rust = job.with("many", "crowd/ 5000").spawn();
        rust.wait_until_ready();
        rust.go();
        go.stdin.take().expect("a pipe").write_all(b"go\n").expect("written");
        rust.finish();
        assert!(go.wait().expect("an end").success());

        let counts = shared.file().1.counts;
        assert_eq!(counts["same"], 2_000_000);
        assert_eq!(counts.len(), 5001);
        for number in 0..5000 {
            assert_eq!(counts[&format!("crowd/{number}")], 2, "{number}");
        }
        assert_eq!(shared.read_by_go(), counts);
    });
}

#[test]
fn both_end_the_week_on_the_same_day() {
    within_a_day(|| {
        let shared = Shared::new();
        let local = shared.path().join("local");
        for weekday in 0..7 {
            std::fs::create_dir_all(&local).expect("create");
            std::fs::write(local.join("weekends"), format!("{weekday}\n")).expect("write");
            succeed(&mut shared.count(&["-name", "a"]));
            // Ours opens Go's file only if it expects byte-identical metadata.
            let printed = shared.job().with("count", "a 1").with("status", "").run();
            let (path, file) = shared.file();
            assert!(printed.contains(&format!("counting into {}", path.display())), "{printed}");
            assert_eq!((file.metadata.end.weekday(), file.counts["a"]), (weekday, 2));
            std::fs::remove_dir_all(&local).expect("deleted");
        }
    });
}

#[test]
fn each_keeps_the_weekday_that_the_other_has_drawn() {
    within_a_day(|| {
        let shared = Shared::new();
        succeed(&mut shared.count(&[]));
        let job = || shared.job().with("count", "a 1");
        let by_go = job();
        by_go.run();
        assert_eq!(shared.file().1.counts["a"], 1);

        // Now ours draws.
        let again = job();
        std::fs::remove_dir_all(shared.path().join("local")).expect("deleted");
        again.run();
        succeed(&mut shared.count(&["-name", "a"]));
        assert_eq!(shared.file().1.counts["a"], 2);
    });
}
