//! Counting does not harm programs: whatever is in the telemetry folder, and whatever the process may not
//! do, the program runs to its end, and so do the verbs that read the folder.

#![cfg(feature = "server")]

use crate::counting_process::Job;
use crate::support;
use candor::client::counter::CounterFile;
use candor::client::folder::Folder;
use candor::client::mode::Mode;
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;
use support::{Deployment, candor, contents, succeed, text};
use tempfile::TempDir;

const PROGRAM: [&str; 3] = ["example.org/tool", "v1.0.0", "rust1.95.0"];

/// A folder of a user who has opted in, in which something was counted.
fn folder() -> TempDir {
    let folder = TempDir::new().expect("a temporary folder");
    let long_ago = "2020-01-01".parse().expect("a day");
    Mode::On.store(&Folder::at(folder.path()), long_ago).expect("stored");
    Job::new(folder.path(), PROGRAM).with("start", "").with("count", "a 1").run();
    folder
}

fn counter_file(folder: &Path) -> PathBuf {
    let files = fs::read_dir(folder.join("local")).expect("list");
    let mut paths = files.map(|entry| entry.expect("an entry").path());
    paths.find(|path| path.extension().is_some_and(|e| e == "count")).expect("a counter file")
}

/// A program that counts in every way.
fn job(folder: &Path) -> Job {
    let job = Job::new(folder, PROGRAM).with("count", "early 1").with("start", "");
    job.with("count", "late 2").with("many", "n 2000")
}

/// Waits for a process to end by itself. It is a failure if it hangs.
fn ends(mut command: Command, what: &str) -> Output {
    let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    wait(child.expect("started"), what)
}

fn wait(mut child: std::process::Child, what: &str) -> Output {
    for _ in 0..6_000 {
        if child.try_wait().expect("waited").is_some() {
            return child.wait_with_output().expect("output");
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    child.kill().expect("killed");
    panic!("{what} hangs")
}

/// Creates something at a path, given a folder of other files.
type Make = fn(&Path, &Path);

/// Things that are not a regular file of this user.
const KINDS: [(&str, Make); 7] = [
    ("a pipe", |path, _| succeed_quietly(Command::new("mkfifo").arg(path))),
    ("a folder", |path, _| fs::create_dir(path).expect("created")),
    ("a socket", |path, _| drop(UnixListener::bind(path).expect("bound"))),
    ("a link to endless zeros", |path, _| symlink("/dev/zero", path).expect("linked")),
    ("a link to a terminal", |path, _| symlink("/dev/tty", path).expect("linked")),
    ("a link to nothing", |path, target| symlink(target.join("nothing"), path).expect("linked")),
    ("a link to a precious file", |path, target| {
        symlink(target.join("precious"), path).expect("linked");
    }),
];

fn succeed_quietly(command: &mut Command) {
    succeed(command);
}

fn remove(path: &Path) {
    match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_dir() => fs::remove_dir_all(path).expect("removed"),
        Ok(_) => fs::remove_file(path).expect("removed"),
        Err(_) => {}
    }
}

/// Runs a program that counts, and all verbs, in a folder with something in it.
fn everything_ends(folder: &Path, to: &Deployment, what: &str) {
    let counted = wait(job(folder).spawn().child, what);
    assert!(counted.status.success(), "{what}: {}", text(&counted.stderr));
    for verb in ["env", "view", "report", "upload"] {
        let mut command = candor();
        command.args(["telemetry", verb, "--dir"]).arg(folder).env_remove("DO_NOT_TRACK");
        if verb == "upload" {
            // Nobody listens there.
            command.args(["--url", "http://127.0.0.1:9", "--module", support::MODULE, "--vkey"]);
            command.arg(&to.log_key);
        }
        let output = ends(command, &format!("{what}: {verb}"));
        let code = output.status.code();
        assert!(matches!(code, Some(0 | 1)), "{what}: {verb}: {}", text(&output.stderr));
        assert!(!text(&output.stderr).contains("panicked"), "{what}: {}", text(&output.stderr));
    }
}

#[test]
fn no_file_of_any_kind_hangs_or_kills_anything_or_is_written_through() {
    let deployment = Deployment::new();
    let target = TempDir::new().expect("a temporary folder");
    fs::write(target.path().join("precious"), "precious").expect("write");
    let precious = contents(target.path());
    let folder = folder();
    let count = counter_file(folder.path());
    let count = count.strip_prefix(folder.path()).expect("within").to_str().expect("UTF-8");
    let names = [
        "mode",
        "local",
        "local/weekends",
        count,
        "local/other@v1.0.0-rust1.95.0-linux-amd64-2026-01-01.v1.count",
        "local/2026-01-01.json",
        "local/local.2026-01-01.json",
        "local/2026-01-01.pending",
        "local/2026-01-01.json.refused",
        "upload",
        "upload/2026-01-01.json",
        "candor",
        "candor/lock",
        "candor/tmp",
        "candor/destination.json",
        "candor/config.json",
        "candor/failure.json",
        "candor/unsent",
        "candor/seen",
        "candor/.lock",
        "candor/worked",
        "candor/attempt",
        "candor/worker",
    ];
    for name in names {
        for (kind, make) in KINDS {
            let folder = self::folder();
            for own in ["upload", "candor"] {
                fs::create_dir_all(folder.path().join(own)).expect("created");
            }
            let path = folder.path().join(name);
            remove(&path);
            make(&path, target.path());
            everything_ends(folder.path(), &deployment, &format!("{kind} as {name}"));
            assert_eq!(contents(target.path()), precious, "{kind} as {name}");
        }
    }
    // The folder itself.
    for (kind, make) in KINDS {
        let parent = TempDir::new().expect("a temporary folder");
        let path = parent.path().join("telemetry");
        make(&path, target.path());
        everything_ends(&path, &deployment, &format!("{kind} as the folder"));
        assert_eq!(contents(target.path()), precious, "{kind} as the folder");
    }
    // A link to a folder that would do is none of the user's telemetry folders either.
    let parent = TempDir::new().expect("a temporary folder");
    let path = parent.path().join("telemetry");
    symlink(folder.path(), &path).expect("linked");
    let before = contents(folder.path());
    everything_ends(&path, &deployment, "a link to a folder");
    assert_eq!(contents(folder.path()), before);
}

#[test]
fn obstacles_are_named_and_env_shows_them() {
    let deployment = Deployment::new();
    let target = TempDir::new().expect("a temporary folder");
    let verb = |verb: &str, folder: &Path| {
        let mut command = candor();
        command.args(["telemetry", verb, "--dir"]).arg(folder).env_remove("DO_NOT_TRACK");
        command
    };
    let (pipe, link, directory) = (KINDS[0].1, KINDS[6].1, KINDS[1].1);
    for (name, make) in [
        ("local", pipe),
        ("local", link),
        ("upload", pipe),
        ("candor", pipe),
        ("candor/lock", directory),
        ("candor/worker", pipe),
        ("candor/config.json", link),
        ("candor/seen", pipe),
        ("candor/destination.json", pipe),
    ] {
        let folder = folder();
        for own in ["local", "upload", "candor"] {
            fs::create_dir_all(folder.path().join(own)).expect("created");
        }
        let path = folder.path().join(name);
        remove(&path);
        make(&path, target.path());
        let expected = format!("cannot use {}: it is a", path.display());
        let shown = text(&ends(verb("env", folder.path()), name).stdout);
        assert_eq!(shown.matches("obstacle:").count(), 1, "{name}: {shown}");
        assert!(
            shown.contains(&expected) && shown.contains("until you remove it"),
            "{name}: {shown}"
        );
        // A counter file of a week that has ended, so that there is something to do.
        if name != "local" {
            fs::copy(
                counter_file(folder.path()),
                folder.path().join("local/other@v1.0.0-rust1.95.0-linux-amd64-2026-01-01.v1.count"),
            )
            .expect("copied");
        }
        let mut upload = verb("upload", folder.path());
        upload.args(["--url", "http://127.0.0.1:9", "--module", support::MODULE, "--vkey"]);
        upload.arg(&deployment.log_key);
        let output = ends(upload, name);
        let message = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{name}: {message}");
        let path = path.display().to_string();
        assert!(message.contains(&path) && message.contains("until you remove it"), "{message}");
        assert!(!message.contains("tries again"), "{message}");
    }
}

#[test]
fn the_program_writes_a_damaged_destination_again_and_the_error_says_so() {
    let folder = folder();
    fs::create_dir_all(folder.path().join("candor")).expect("created");
    fs::write(folder.path().join("candor/destination.json"), "{").expect("write");
    let mut upload = candor();
    upload.args(["telemetry", "upload", "--dir"]).arg(folder.path()).env_remove("DO_NOT_TRACK");
    let message = text(&ends(upload, "upload").stderr);
    assert!(message.contains("the program writes it again"), "{message}");
    assert!(!message.contains("delete"), "{message}");
}

#[test]
fn another_file_with_a_counter_files_name_is_not_overwritten() {
    let target = TempDir::new().expect("a temporary folder");
    let victim = target.path().join("victim");
    // Its second name may be anywhere, and its content anything, even a counter file.
    let counter_bytes = fs::read(counter_file(folder().path())).expect("read");
    let texts: [&[u8]; 4] = [b"", b"precious\n", &[0; 100], &counter_bytes];
    for (linked, bytes) in texts.map(|bytes| (true, bytes)).into_iter().chain([(false, texts[1])]) {
        let folder = folder();
        let path = counter_file(folder.path());
        remove(&path);
        fs::write(&victim, bytes).expect("write");
        if linked {
            fs::hard_link(&victim, &path).expect("linked");
        } else {
            fs::copy(&victim, &path).expect("copied");
        }
        let printed = job(folder.path()).with("stack", "bug").with("status", "").run();
        assert_eq!(fs::read(&path).expect("read"), bytes, "{printed}");
        assert_eq!(fs::read(&victim).expect("read"), bytes, "{printed}");
        let reason = if linked { "it is one file under 2 names" } else { "is not a counter file" };
        assert!(printed.contains(reason), "{printed}");
    }
}

#[test]
fn counting_into_a_damaged_file_is_not_called_counting() {
    for (key, value, reason) in [
        ("zeros", "", "was overwritten by another program"),
        ("cut", "x 0", "was shortened by another program"),
    ] {
        let folder = folder();
        let job = Job::new(folder.path(), PROGRAM).with("start", "").with("count", "a 1");
        let job = job.with("status", "").with(key, value).with("count", "a 1").with("status", "");
        // A new name, which would damage whatever the file is now.
        let printed = job.with("count", "b 1").with("status", "").run();
        assert_eq!(printed.matches("counting into ").count(), 1, "{printed}");
        assert_eq!(printed.matches(reason).count(), 2, "{printed}");
        assert!(CounterFile::read(&counter_file(folder.path())).is_err(), "{key}");
    }
}

#[test]
fn another_users_files_are_not_touched() {
    let deployment = Deployment::new();
    for name in ["", "mode", "local", "local/weekends"] {
        let folder = folder();
        let path = folder.path().join(name);
        if std::os::unix::fs::chown(&path, Some(4711), None).is_err() {
            // Only root can give files away, so nobody else can test this.
            return;
        }
        let before = contents(folder.path());
        everything_ends(folder.path(), &deployment, &format!("another user's {name:?}"));
        // The files are unchanged, and there is no new one in a folder that is not ours.
        let after = contents(folder.path());
        for (file, bytes) in &before {
            assert_eq!(after.get(file), Some(bytes), "{name}: {}", file.display());
        }
        let new: Vec<_> = after.keys().filter(|file| !before.contains_key(*file)).collect();
        assert!(new.iter().all(|file| !file.starts_with(&path)), "{name}: {new:?}");
    }
}

#[test]
fn no_limit_of_the_process_kills_it() {
    // Of file sizes: nothing at all, or not beyond the first page. Of descriptors. Of memory.
    for limit in
        ["fsize 0", "fsize 1", "fsize 16384", "fsize 20000", "nofile 0", "nofile 3", "as 0"]
    {
        let fresh = TempDir::new().expect("a temporary folder");
        fs::write(fresh.path().join("mode"), "on 2020-01-01").expect("write");
        let used = folder();
        for folder in [fresh.path(), used.path()] {
            let job = Job::new(folder, PROGRAM).with("limit", limit).with("start", "");
            let job = job.with("count", "late 2").with("many", "n 2000").with("stack", "bug");
            let output = wait(job.with("status", "").spawn().child, limit);
            assert!(output.status.success(), "{limit}: {} {}", output.status, text(&output.stderr));
        }
        // And when the limit is set later.
        let job = Job::new(used.path(), PROGRAM).with("start", "").with("limit", limit);
        let job = job.with("count", "late 2").with("many", "n 2000").with("stack", "bug");
        let output = wait(job.with("status", "").spawn().child, limit);
        assert!(output.status.success(), "{limit}: {} {}", output.status, text(&output.stderr));
    }
    // It was the limit that stopped it.
    let folder = folder();
    let job = Job::new(folder.path(), PROGRAM).with("limit", "fsize 20000").with("start", "");
    let printed = job.with("many", "n 2000").with("status", "").run();
    assert!(printed.contains("may not make files of more than 20000 bytes"), "{printed}");
}

/// The counts of the only counter file.
fn counts(folder: &Path) -> BTreeMap<String, u64> {
    CounterFile::read(&counter_file(folder)).expect("a counter file").counts
}

#[cfg(target_os = "linux")]
#[test]
fn stacks_are_not_captured_where_memory_is_limited() {
    let run = |limit: &str| {
        let folder = folder();
        let job = Job::new(folder.path(), PROGRAM).with("start", "").with("room", limit);
        let job = job.with("stack", "bug").with("caught", "of no harm").with("count", "b 2");
        // The program's own panic hook does not capture a stack either.
        let quiet = |command: &mut Command| {
            command.env("RUST_BACKTRACE", "0");
        };
        let output = wait(job.with("status", "").spawn_with(quiet).child, limit);
        assert!(output.status.success(), "{limit}: {} {}", output.status, text(&output.stderr));
        counts(folder.path())
    };
    // From almost nothing to almost enough.
    let little = ["as 256", "as 1024", "as 4096", "as 16384", "as 65536", "as 131072", "as 262144"];
    for limit in little.into_iter().chain(["data 256", "data 1024", "data 4096"]) {
        let names = ["a", "b", "bug\nunknown", "crash/without-stack"];
        let numbers = [1, 2, 1, 1];
        let expected = names.map(str::to_owned).into_iter().zip(numbers).collect();
        assert_eq!(run(limit), expected, "{limit}");
    }
    // A generous limit changes nothing.
    for limit in ["as 1073741824", "data 1073741824"] {
        let names: Vec<String> = run(limit).into_keys().collect();
        assert!(names.iter().any(|name| name.starts_with("crash/panic\n")), "{names:?}");
        assert!(names.iter().any(|name| name.contains("::inner:=")), "{names:?}");
    }
}

#[test]
fn a_counter_file_that_is_shortened_kills_no_process() {
    for length in [0, 1, 4096, 16384] {
        let folder = folder();
        let job = Job::new(folder.path(), PROGRAM).with("start", "").with("many", "n 2000");
        let job =
            job.with("cut", &format!("x {length}")).with("count", "n7 5").with("many", "n 2000");
        let job = job.with("many", "m 2000").with("stack", "bug").with("panic", "caught");
        let output = wait(job.with("status", "").spawn().child, "a cut file");
        assert!(output.status.success(), "{length}: {} {}", output.status, text(&output.stderr));
    }
}

#[test]
fn other_faults_still_kill() {
    let folder = folder();
    let mut process = Job::new(folder.path(), PROGRAM).with("start", "").with("ready", "").spawn();
    process.wait_until_ready();
    // Rust's own handler, which was there before, takes the first one for a fault that will happen again,
    // and restores the system's default.
    for _ in 0..1_000 {
        if process.child.try_wait().expect("waited").is_some() {
            break;
        }
        succeed(Command::new("kill").args(["-BUS", &process.child.id().to_string()]));
        std::thread::sleep(Duration::from_millis(10));
    }
    let output = process.finish_anyhow();
    assert_eq!(std::os::unix::process::ExitStatusExt::signal(&output.status), Some(7));
}

#[test]
fn files_and_folders_are_private_whatever_the_umask() {
    for umask in ["0", "22", "777"] {
        let parent = TempDir::new().expect("a temporary folder");
        let path = parent.path().join("telemetry");
        Mode::Local
            .store(&Folder::at(&path), "2020-01-01".parse().expect("a day"))
            .expect("stored");
        remove(&path.join("local"));
        Job::new(&path, PROGRAM).with("umask", umask).with("start", "").with("count", "a 1").run();
        // Again: the files can be opened.
        Job::new(&path, PROGRAM).with("umask", umask).with("start", "").with("count", "a 1").run();
        let mut modes = BTreeMap::new();
        for file in contents(&path).into_keys().chain([path.clone(), path.join("local")]) {
            let metadata = fs::metadata(&file).expect("there");
            let expected = if metadata.is_dir() { 0o700 } else { 0o600 };
            modes.insert(file, (metadata.permissions().mode() & 0o7777, expected));
            assert_eq!(metadata.uid(), nix::unistd::geteuid().as_raw());
        }
        assert!(modes.len() >= 5 && modes.values().all(|(is, must)| is == must), "{modes:?}");
    }
}
