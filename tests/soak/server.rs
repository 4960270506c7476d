//! The server under test: the real `candor serve`, started, watched through `/proc`, and ended.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::mpsc::sync_channel;
use std::time::{Duration, Instant};

/// How long a start or an orderly end may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// So many reports a day have room: weeks of them come within minutes here. A network's budget is the
/// one of every deployment.
const DAY_REPORTS: &str = "1000000";

/// How to start the server.
#[derive(Debug)]
pub struct Settings {
    /// The deployment's folder.
    pub data: PathBuf,
    /// The file that the server's log is added to.
    pub log: PathBuf,
    /// How many files it may have open until it asks for more.
    pub open_files: u64,
}

/// A running server; killed on drop.
pub struct Server {
    child: Child,
    pub address: SocketAddr,
    // It must not find its standard output closed.
    _stdout: BufReader<ChildStdout>,
}

/// The server's memory and open files at one moment.
#[derive(Debug, Clone, Copy)]
pub struct Sample {
    pub resident_kib: u64,
    pub peak_kib: u64,
    pub descriptors: u64,
}

impl Server {
    /// Starts `candor serve`, with more arguments. Blocks until it listens.
    pub fn start(settings: &Settings, more: &[&str]) -> Server {
        let Settings { data, log, open_files } = settings;
        let log = File::options().create(true).append(true).open(log).expect("a log file");
        let mut child = Command::new("sh")
            .args(["-c", &format!("ulimit -Sn {open_files}; exec \"$@\""), "sh"])
            .arg(env!("CARGO_BIN_EXE_candor"))
            .args(["serve", "--listen", "127.0.0.1:0", "--day-reports", DAY_REPORTS, "--data"])
            .arg(data)
            .args(more)
            .env_remove("CANDOR_DATA_DIR")
            .env("CANDOR_LOG", "warn")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .expect("start candor serve");
        let mut stdout = BufReader::new(child.stdout.take().expect("a piped stdout"));
        let (said, first) = sync_channel(1);
        std::thread::spawn(move || {
            let mut line = String::new();
            let read = stdout.read_line(&mut line);
            said.send(read.map(|_| (line, stdout)))
        });
        let Ok(Ok((line, stdout))) = first.recv_timeout(PATIENCE) else {
            let _ = child.kill();
            panic!("candor serve does not say where it listens")
        };
        let address = line.trim().strip_prefix("listening on http://").and_then(|a| a.parse().ok());
        let address = address.unwrap_or_else(|| {
            let _ = child.kill();
            panic!("candor serve said {line:?}")
        });
        Server { child, address, _stdout: stdout }
    }

    /// How it ended, if it did by itself.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("the server's state")
    }

    /// Kills it with SIGKILL, and waits until it is gone.
    pub fn kill(mut self) {
        self.child.kill().expect("kill the server");
        self.child.wait().expect("wait for the server");
    }

    /// Asks it to stop, as an operator would: whether it did, in time and in order.
    pub fn stop(mut self) -> bool {
        let asked = Command::new("kill").arg(self.child.id().to_string()).status();
        assert!(asked.expect("run kill").success(), "the server was gone before it was stopped");
        let began = Instant::now();
        while began.elapsed() < PATIENCE {
            if let Some(status) = self.ended() {
                return status.success();
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        false
    }

    /// What the system says of it; nothing where it is gone.
    pub fn sample(&self) -> Option<Sample> {
        let process = format!("/proc/{}", self.child.id());
        let status = std::fs::read_to_string(format!("{process}/status")).ok()?;
        let kib = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name))?;
            line.trim().strip_suffix(" kB")?.parse().ok()
        };
        let descriptors = std::fs::read_dir(format!("{process}/fd")).ok()?.count() as u64;
        let (resident_kib, peak_kib) = (kib("VmRSS:")?, kib("VmHWM:")?);
        Some(Sample { resident_kib, peak_kib, descriptors })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// How many files this process may have open.
pub fn open_files_limit() -> u64 {
    let limits = std::fs::read_to_string("/proc/self/limits").expect("read the limits");
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"));
    let soft = line.and_then(|line| line.split_whitespace().next()).expect("a limit of open files");
    // If it is not a number, it is "unlimited".
    soft.parse().unwrap_or(u64::MAX)
}
