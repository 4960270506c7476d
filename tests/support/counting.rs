//! A Rust process that counts, for tests: the test's own executable, run again.
//!
//! The test program that uses this has a test `as_another_process` at its top, which does nothing but call
//! [`run`]; in the processes started here it is the only one that runs.

use candor::client::counter::{self, Counter, StackCounter, Status};
use candor::client::folder::Folder;
use candor::client::{Options, Program, start};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

const JOB: &str = "CANDOR_TEST_COUNT";

/// What the process does: `key value` pairs, in the order in which they are carried out.
#[derive(Default)]
pub struct Job(String);

impl Job {
    /// A program that counts into this folder.
    pub fn new(folder: &Path, program: [&str; 3]) -> Job {
        let [path, version, toolchain] = program;
        let folder = folder.to_str().expect("a folder's name in UTF-8");
        Job::default()
            .with("folder", folder)
            .with("program", path)
            .with("version", version)
            .with("toolchain", toolchain)
    }

    /// Adds a step. The steps, in their order: `start`; `ready`, which waits for [`Process::go`];
    /// `count NAME TIMES`; `many PREFIX NUMBER`; `stack NAME`; `panic MESSAGE`, in a
    /// thread, and `caught MESSAGE`, in this one; `limit NAME
    /// NUMBER`, `room NAME KIBIBYTES`, a limit beyond what is in use, and `umask MODE`, of the
    /// process; `cut X LENGTH` and `zeros`, of its counter file; `status`,
    /// which prints it.
    pub fn with(mut self, key: &str, value: &str) -> Job {
        self.0.push_str(&format!("{key}\t{value}\n"));
        self
    }

    /// Starts the process.
    pub fn spawn(self) -> Process {
        self.spawn_with(|_| {})
    }

    /// The same, with a changed environment.
    pub fn spawn_with(self, change: impl FnOnce(&mut Command)) -> Process {
        let mut command = Command::new(std::env::current_exe().expect("the test's program"));
        command
            .args(["--exact", "as_another_process", "--nocapture", "--test-threads=1"])
            .env(JOB, &self.0)
            .env_remove("DO_NOT_TRACK")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        change(&mut command);
        Process { child: command.spawn().expect("started") }
    }

    /// Runs it until it ends, which must be successful. Returns its output.
    pub fn run(self) -> String {
        self.spawn().finish()
    }
}

/// A running process.
pub struct Process {
    pub child: Child,
}

impl Process {
    /// Waits until it is ready.
    pub fn wait_until_ready(&mut self) {
        let stdout = self.child.stdout.as_mut().expect("a pipe");
        // What comes after "ready" is sent only after `go`: nothing is lost with the buffer.
        let mut lines = BufReader::with_capacity(1, stdout).lines();
        assert!(lines.any(|line| line.expect("a line") == "ready"), "it ended before it was ready");
    }

    /// Lets it continue.
    pub fn go(&mut self) {
        self.child.stdin.take().expect("a pipe").write_all(b"go\n").expect("written");
    }

    /// Waits until it ends, which must be successful.
    pub fn finish(self) -> String {
        let output = self.finish_anyhow();
        let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{}\n{stdout}\n{stderr}", output.status);
        stdout
    }

    /// Waits until it ends.
    pub fn finish_anyhow(self) -> Output {
        self.child.wait_with_output().expect("an end")
    }
}

/// What the process does, if this is one.
pub fn run() {
    let Ok(job) = std::env::var(JOB) else { return };
    let mut told = std::collections::HashMap::<String, String>::new();
    for line in job.lines() {
        let (key, value) = line.split_once('\t').expect("a pair");
        let (name, number) = value.rsplit_once(' ').unwrap_or((value, "1"));
        let number = || number.parse::<u64>().expect("a number");
        match key {
            "start" => {
                let program = Program::new(told["program"].clone(), told["version"].clone())
                    .with_toolchain(told["toolchain"].clone());
                let folder = Folder::at(&told["folder"]);
                start(program, Options::default().folder(folder).count_panics());
            }
            "ready" => {
                println!("\nready");
                std::io::stdin().read_line(&mut String::new()).expect("a line");
            }
            "count" => {
                let counter = Counter::new(name.to_owned().leak());
                for _ in 0..number() {
                    counter.inc();
                }
            }
            "many" => (0..number()).for_each(|n| counter::count(&format!("{name}{n}"))),
            "stack" => outer(&StackCounter::new(value.to_owned().leak(), 16)),
            "panic" => {
                let caught = std::thread::spawn({
                    let message = value.to_owned();
                    move || fail(&message)
                });
                assert!(caught.join().is_err());
            }
            // A new thread would need memory itself.
            "caught" => assert!(std::panic::catch_unwind(|| fail(value)).is_err()),
            "limit" => {
                use nix::sys::resource::{Resource, getrlimit, setrlimit};
                let resource = match name {
                    "fsize" => Resource::RLIMIT_FSIZE,
                    "nofile" => Resource::RLIMIT_NOFILE,
                    "as" => Resource::RLIMIT_AS,
                    other => panic!("{other}"),
                };
                let (_, hard) = getrlimit(resource).expect("a limit");
                setrlimit(resource, number(), hard).expect("set");
            }
            "room" => {
                use nix::sys::resource::{Resource, getrlimit, setrlimit};
                let used = std::fs::read_to_string("/proc/self/status").expect("Linux");
                let (resource, line) = match name {
                    "as" => (Resource::RLIMIT_AS, "VmSize:"),
                    "data" => (Resource::RLIMIT_DATA, "VmData:"),
                    other => panic!("{other}"),
                };
                let used = used.lines().find_map(|text| text.strip_prefix(line)).expect("a line");
                let used = used.trim().trim_end_matches(" kB").parse::<u64>().expect("a number");
                let (_, hard) = getrlimit(resource).expect("a limit");
                setrlimit(resource, 1024 * (used + number()), hard).expect("set");
            }
            "umask" => {
                let mode = u32::from_str_radix(value, 8).expect("a mode");
                nix::sys::stat::umask(nix::sys::stat::Mode::from_bits_truncate(mode));
            }
            "cut" => {
                let Status::Counting(path) = counter::status() else { panic!("not counting") };
                let file = std::fs::OpenOptions::new().write(true).open(path).expect("open");
                file.set_len(number()).expect("cut");
            }
            "zeros" => {
                let Status::Counting(path) = counter::status() else { panic!("not counting") };
                // In place: what is mapped here is the same file.
                let file = std::fs::OpenOptions::new().write(true).open(&path).expect("open");
                let length = file.metadata().expect("there").len();
                let zeros = vec![0; length.try_into().expect("short")];
                std::os::unix::fs::FileExt::write_all_at(&file, &zeros, 0).expect("written");
            }
            "status" => match counter::status() {
                Status::Counting(path) => println!("\ncounting into {}", path.display()),
                other => println!("\n{other:?}"),
            },
            _ => {
                told.insert(key.to_owned(), value.to_owned());
            }
        }
    }
}

#[inline(never)]
fn outer(counter: &StackCounter) {
    inner(counter);
    std::hint::black_box(counter);
}

#[inline(never)]
fn inner(counter: &StackCounter) {
    counter.inc();
    std::hint::black_box(counter);
}

#[inline(never)]
fn fail(message: &str) {
    panic!("{message}");
}
