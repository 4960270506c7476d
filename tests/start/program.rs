//! A real program that calls `start` first in `main`; and how tests run it.

use super::support;
use candor::client::counter::{Counter, status};
use candor::client::day::Day;
use candor::client::folder::Folder;
use candor::client::mode::Mode;
use candor::client::{Destination, Options, Program, Prompt, start, telemetry};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tempfile::TempDir;

/// The program's first argument, where it has arguments.
pub const NAME: &str = "short-lived";
/// A variable of the host's environment that must not be passed on.
pub const SECRET: &str = "CANDOR_TEST_SECRET";

static RUNS: Counter = Counter::new("hello/verb:run");

/// The program: counts one, lives for 20 milliseconds, and ends with status 7.
pub fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(2).collect();
    let program = Program::new("example.org/hello", "1.0.0").with_toolchain("rust1.95.0");
    start(program, options(&arguments));
    if let Some(at) = arguments.iter().position(|argument| argument == "--telemetry") {
        return telemetry(&arguments[at + 1..]);
    }
    RUNS.inc();
    if arguments.iter().any(|argument| argument == "--children") {
        match nix::sys::wait::waitpid(None, Some(nix::sys::wait::WaitPidFlag::WNOHANG)) {
            Err(nix::errno::Errno::ECHILD) => println!("no children"),
            other => println!("{other:?}"),
        }
    }
    if arguments.iter().any(|argument| argument == "--status") {
        println!("{:?}", status());
    }
    if arguments.iter().any(|argument| argument == "--wait") {
        println!("ready");
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
    }
    std::thread::sleep(Duration::from_millis(20));
    std::process::exit(7)
}

fn options(arguments: &[String]) -> Options {
    let value = |name: &str| {
        let at = arguments.iter().position(|argument| argument == name)?;
        arguments.get(at + 1).cloned()
    };
    let seconds = |name| value(name).map(|text| text.parse().map(Duration::from_secs).expect(name));
    let mut options = Options::default();
    if let Some(folder) = value("--folder") {
        options = options.folder(Folder::at(folder));
    }
    if let (Some(url), Some(key)) = (value("--url"), value("--key")) {
        let to = Destination::at(&url, support::MODULE, &key);
        options = options.upload(to.expect("a destination"));
    }
    options = options.variable("HELLO_TELEMETRY");
    if arguments.iter().any(|argument| argument == "--ask") {
        options = options.ask(Prompt::for_percent(100.0));
    }
    if let Some(now) = seconds("--now") {
        options = options.as_of(UNIX_EPOCH + now);
    }
    if let Some(limit) = seconds("--limit") {
        options = options.upload_limit(limit);
    }
    options
}

/// A machine on which the program runs.
pub struct Machine {
    folder: TempDir,
    url: String,
    key: String,
    pub executable: PathBuf,
}

impl Machine {
    /// A machine whose user opted in long ago.
    pub fn new(url: &str, key: &str) -> Machine {
        let machine = Machine::without_a_choice(url, key);
        machine.choose(Mode::On);
        machine
    }

    /// A machine whose user has not chosen.
    pub fn without_a_choice(url: &str, key: &str) -> Machine {
        Machine {
            folder: TempDir::new().expect("a temporary folder"),
            url: url.to_owned(),
            key: key.to_owned(),
            executable: std::env::current_exe().expect("this test's program"),
        }
    }

    /// The same machine, whose programs are built for another address.
    pub fn at(self, url: &str) -> Machine {
        Machine { url: url.to_owned(), ..self }
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    pub fn choose(&self, mode: Mode) {
        mode.store(&Folder::at(self.path()), day(-40)).expect("stored");
    }

    /// The program, started this many days (and minutes) from today.
    pub fn program(&self, days: i64, minutes: u64) -> Command {
        let mut command = Command::new(&self.executable);
        let now = day(days).start() + Duration::from_secs(3600 + minutes * 60);
        let now = now.duration_since(UNIX_EPOCH).expect("after 1970").as_secs().to_string();
        command.args([NAME, "--now", &now, "--url", &self.url, "--key", &self.key, "--folder"]);
        command.arg(self.path()).env(SECRET, "secret").env_remove("DO_NOT_TRACK");
        command.stdin(Stdio::null());
        command
    }

    /// The program, which counts into the folder of its own in the user's settings.
    pub fn program_at_home(&self, days: i64) -> Command {
        let with_folder = self.program(days, 0);
        let mut command = Command::new(with_folder.get_program());
        let words: Vec<_> = with_folder.get_args().collect();
        // Without the last two, which name the folder.
        command.args(&words[..words.len() - 2]);
        command.env_remove("XDG_CONFIG_HOME").env_remove("DO_NOT_TRACK").stdin(Stdio::null());
        command
    }

    /// What the program's own verb `telemetry` prints.
    pub fn verb(&self, days: i64, words: &[&str]) -> String {
        let mut command = self.program(days, 0);
        let output = command.arg("--telemetry").args(words).output().expect("started");
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        support::text(&output.stdout)
    }

    /// Runs it to its end, and checks that it ends as it should.
    pub fn run(&self, command: &mut Command) -> String {
        let output = command.output().expect("started");
        assert_eq!(output.status.code(), Some(7), "{output:?}");
        assert_eq!(support::text(&output.stderr), "");
        support::text(&output.stdout)
    }

    pub fn was_attempted(&self) -> bool {
        self.path().join("candor/attempt").exists()
    }

    /// The day on which the work was last done.
    pub fn done(&self) -> Option<Day> {
        let text = std::fs::read_to_string(self.path().join("candor/worked")).ok()?;
        text.trim().parse().ok()
    }

    pub fn wait_until_done(&self, days: i64) {
        wait_for("the day's work", || (self.done() == Some(day(days))).then_some(()));
        // Its process ends just after.
        wait_for("the worker's end", || self.workers().is_empty().then_some(()));
    }

    /// The processes that do this machine's work: those whose task names its folder.
    pub fn workers(&self) -> Vec<u32> {
        let folder = self.path().to_str().expect("UTF-8").as_bytes();
        let is_ours = |process: &u32| {
            let environment = std::fs::read(format!("/proc/{process}/environ")).unwrap_or_default();
            let mut variables = environment.split(|byte| *byte == 0);
            variables.any(|variable| {
                variable.starts_with(b"CANDOR_TELEMETRY_CHILD=")
                    && variable.windows(folder.len()).any(|part| part == folder)
                    && variable.windows(6).any(|part| part == b"\"Work\"")
            })
        };
        processes().into_iter().filter(is_ours).collect()
    }

    pub fn wait_for_worker(&self) -> u32 {
        wait_for("a worker", || self.workers().first().copied())
    }
}

/// The day this many days from today.
pub fn day(days: i64) -> Day {
    let today = Day::of(SystemTime::now());
    match u32::try_from(days) {
        Ok(days) => today.plus(days),
        Err(_) => today.minus(u32::try_from(days.unsigned_abs()).expect("so few days")),
    }
}

pub fn processes() -> Vec<u32> {
    let entries = std::fs::read_dir("/proc").expect("/proc");
    entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok()).collect()
}

/// Fields of `/proc/PID/stat` after the name: state, parent, group, session, terminal.
pub fn stat(process: u32) -> Option<Vec<String>> {
    let text = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    let (_, fields) = text.rsplit_once(") ")?;
    Some(fields.split(' ').map(str::to_owned).collect())
}

/// The processes whose parent this is, and their states.
pub fn children(parent: u32) -> Vec<(u32, String)> {
    let child = |process: u32| {
        let fields = stat(process)?;
        (fields[1] == parent.to_string()).then(|| (process, fields[0].clone()))
    };
    processes().into_iter().filter_map(child).collect()
}

/// Waits for something to happen, for as long as a slow machine may take.
pub fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    for _ in 0..12_000 {
        if let Some(found) = look() {
            return found;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    panic!("waited for {what} in vain")
}

/// Waits until a program that was started with `--wait` has done everything else.
pub fn wait_until_ready(child: &mut Child) {
    use std::io::BufRead;
    let stdout = child.stdout.as_mut().expect("a pipe");
    let mut lines = std::io::BufReader::with_capacity(1, stdout).lines();
    assert!(lines.any(|line| line.expect("a line") == "ready"), "it ended before it was ready");
}

pub fn kill(process: u32) {
    support::succeed(Command::new("kill").args(["-9", &process.to_string()]));
}
