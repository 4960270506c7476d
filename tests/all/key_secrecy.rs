//! The promise that a log's key stays in the process that signs: one copy in memory, and none in its
//! environment, in a core dump or in what it prints.

#![cfg(feature = "server")]

use crate::support;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use sha2::{Digest as _, Sha512};
use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Read as _, Seek as _, SeekFrom};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::process::{Child, Command, Stdio};
use support::{Charts, Deployment, candor, contents, refused, run, succeed, text};

/// The line in a deployment's key file.
fn key_line(deployment: &Deployment) -> String {
    let line = fs::read_to_string(deployment.path().join("keys/log.seed")).expect("a key");
    line.trim_end().to_owned()
}

/// A `publish --watch` that has published and is waiting for a change. It is stopped on drop.
struct Idle(Child);

impl Idle {
    fn start(command: &mut Command) -> Idle {
        let mut idle = Idle(command.stdout(Stdio::piped()).spawn().expect("a process"));
        let out = idle.0.stdout.take().expect("its output");
        let mut line = String::new();
        BufReader::new(out).read_line(&mut line).expect("a line");
        assert!(line.contains("published"), "{line}");
        // It prints just before it sleeps for an hour.
        loop {
            let state = fs::read_to_string(format!("/proc/{}/stat", idle.0.id())).expect("a state");
            let state = state.rsplit(')').next().expect("fields").trim_start().to_owned();
            if state.starts_with('S') {
                return idle;
            }
            std::thread::yield_now();
        }
    }

    fn file(&self, name: &str) -> String {
        format!("/proc/{}/{name}", self.0.id())
    }
}

impl Drop for Idle {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn watch(deployment: &Deployment, charts: &Charts) -> Command {
    let mut command = deployment.publish_command(charts);
    command.args(["--watch", "--interval", "3600"]).stderr(Stdio::null());
    command
}

/// The forms of a key that might be in memory, by name.
fn traces(line: &str) -> Vec<(&'static str, Vec<u8>)> {
    let seed = STANDARD.decode(line).expect("base64");
    // The key as it is expanded for signing: RFC 8032, 5.1.5.
    let expanded = Sha512::digest(&seed);
    let mut scalar = expanded[..32].to_vec();
    scalar[0] &= 248;
    scalar[31] = scalar[31] & 127 | 64;
    vec![
        ("the seed", seed),
        ("its text", line.as_bytes().to_vec()),
        ("the hash's first half", expanded[..32].to_vec()),
        ("the scalar", scalar),
        ("the prefix", expanded[32..].to_vec()),
    ]
}

fn count(haystack: &[u8], needle: &[u8]) -> usize {
    let first = needle[0];
    let starts = haystack.iter().enumerate().filter(|(_, byte)| **byte == first);
    starts.filter(|(at, _)| haystack[*at..].starts_with(needle)).count()
}

/// The memory of another process: `None` if the system does not allow reading it.
fn memory(idle: &Idle) -> Option<Vec<Vec<u8>>> {
    let mut memory = File::open(idle.file("mem")).ok()?;
    let maps = fs::read_to_string(idle.file("maps")).ok()?;
    let mut regions = Vec::new();
    for line in maps.lines().filter(|line| line.contains(" rw")) {
        let (from, to) = line.split_whitespace().next()?.split_once('-')?;
        let number = |text| u64::from_str_radix(text, 16).expect("hexadecimal");
        let (from, to) = (number(from), number(to));
        memory.seek(SeekFrom::Start(from)).expect("seek");
        let mut region = vec![0; usize::try_from(to - from).expect("a length")];
        if memory.read_exact(&mut region).is_ok() {
            regions.push(region);
        }
    }
    assert!(regions.len() > 5, "{maps}");
    Some(regions)
}

#[test]
fn an_idle_publisher_holds_one_copy_of_its_key() {
    let (charts, deployment) = (Charts::new(), Deployment::new());
    let line = key_line(&deployment);
    let idle = Idle::start(&mut watch(&deployment, &charts));
    let Some(regions) = memory(&idle) else {
        eprintln!("the memory of the process cannot be read here, which is a stronger promise");
        return;
    };
    let found: Vec<(&str, usize)> = traces(&line)
        .iter()
        .map(|(what, bytes)| (*what, regions.iter().map(|region| count(region, bytes)).sum()))
        .collect();
    let wanted = [
        ("the seed", 1),
        ("its text", 0),
        ("the hash's first half", 0),
        ("the scalar", 0),
        ("the prefix", 0),
    ];
    assert_eq!(found, wanted);
}

#[test]
fn a_publisher_that_crashes_leaves_no_core() {
    let (charts, deployment) = (Charts::new(), Deployment::new());
    let folder = tempfile::TempDir::new().expect("a folder");
    // Raises the limit to the highest that is allowed.
    let mut command = watch(&deployment, &charts);
    let mut shell = Command::new("sh");
    shell.args(["-c", "ulimit -c $(ulimit -H -c); exec \"$@\"", "sh"]);
    shell.arg(command.get_program()).args(command.get_args()).current_dir(folder.path());
    command = shell;
    let mut idle = Idle::start(command.stderr(Stdio::null()));
    let limits = fs::read_to_string(idle.file("limits")).expect("the limits");
    let core = limits.lines().find(|line| line.starts_with("Max core file size"));
    let core: Vec<&str> = core.expect("a limit").split_whitespace().collect();
    assert_eq!(core[4..6], ["0", "0"], "{limits}");
    succeed(Command::new("kill").args(["-ABRT", &idle.0.id().to_string()]));
    let status = idle.0.wait().expect("an end");
    assert_eq!(status.signal(), Some(6));
    assert!(!status.core_dumped(), "it left a core");
    assert!(contents(folder.path()).is_empty(), "it left a file");
}

#[test]
fn no_other_process_may_read_a_publishers_memory() {
    let (charts, deployment) = (Charts::new(), Deployment::new());
    let mut command = watch(&deployment, &charts);
    if fs::metadata("/proc/self").expect("this process").uid() == 0 {
        // For root, everything in /proc belongs to root anyway, so run as nobody.
        let folder = tempfile::TempDir::new().expect("a folder");
        let program = folder.path().join("candor");
        // A copy that anyone may run. Another process makes it: a program cannot be started while a child of this
        // one, which other tests start too, still has it open for writing.
        succeed(Command::new("cp").arg(env!("CARGO_BIN_EXE_candor")).arg(&program));
        for path in [folder.path(), charts.path(), deployment.path()] {
            succeed(Command::new("chown").args(["-R", "65534"]).arg(path));
        }
        let mut other = Command::new(&program);
        other.args(command.get_args()).stderr(Stdio::null()).env("HOME", folder.path()).uid(65534);
        look(&Idle::start(&mut other));
    } else {
        look(&Idle::start(&mut command));
    }

    fn look(idle: &Idle) {
        let status = fs::read_to_string(idle.file("status")).expect("its status");
        assert!(!status.contains("\nUid:\t0\t"), "{status}");
        // In /proc, the files of a process that is not dumpable belong to root.
        assert_eq!(fs::metadata(idle.file("environ")).expect("its environment").uid(), 0);
    }
}

#[test]
fn a_key_is_removed_from_the_environment() {
    let (charts, deployment) = (Charts::new(), Deployment::new());
    let line = key_line(&deployment);
    fs::remove_file(deployment.path().join("keys/log.seed")).expect("removed");
    let message = refused(&mut deployment.publish_command(&charts), 1);
    assert!(message.contains("there is no key at"), "{message}");

    let mut command = watch(&deployment, &charts);
    let idle = Idle::start(command.env("CANDOR_LOG_SEED", &line));
    let environment = fs::read(idle.file("environ")).expect("its environment");
    let environment = text(&environment);
    assert!(!environment.contains(&line), "{environment}");
    assert!(!environment.split('\0').any(|entry| entry.starts_with("CANDOR_LOG_SEED=")));
    let regions = memory(&idle).unwrap_or_default();
    for (what, bytes) in traces(&line) {
        let copies: usize = regions.iter().map(|region| count(region, &bytes)).sum();
        assert!(copies <= usize::from(what == "the seed"), "{what}: {copies}");
    }

    for wrong in ["", "AAAA", &line[1..]] {
        let mut command = deployment.publish_command(&charts);
        let message = refused(command.env("CANDOR_LOG_SEED", wrong), 1);
        assert!(message.contains("the environment variable CANDOR_LOG_SEED holds no key"));
        assert!(wrong.is_empty() || !message.contains(wrong), "{message}");
    }
    let other = STANDARD.encode([7; 32]);
    let message = refused(deployment.publish_command(&charts).env("CANDOR_LOG_SEED", &other), 1);
    let wanted = "the key in the environment variable CANDOR_LOG_SEED is not the key of this";
    assert!(message.contains(wanted) && !message.contains(&other), "{message}");
}

#[test]
fn a_key_may_be_a_credential_of_the_service_manager() {
    let (charts, deployment) = (Charts::new(), Deployment::new());
    let credentials = tempfile::TempDir::new().expect("a folder");
    let credential = credentials.path().join("log.seed");
    fs::rename(deployment.path().join("keys/log.seed"), &credential).expect("moved");
    let publish = || {
        let mut command = deployment.publish_command(&charts);
        command.env("CREDENTIALS_DIRECTORY", credentials.path());
        command
    };
    succeed(&mut publish());
    let show = || {
        let mut command = candor();
        command.args(["signer", "show", "--data"]).arg(deployment.path());
        command
    };
    let shown = succeed(show().env("CREDENTIALS_DIRECTORY", credentials.path()));
    let wanted = format!("the credential {}", credential.display());
    assert!(shown.contains(&wanted), "{shown}");
    fs::set_permissions(&credential, fs::Permissions::from_mode(0o444)).expect("chmod");
    let message = refused(&mut publish(), 1);
    assert!(message.contains("others on this machine can use it"), "{message}");
}

#[test]
fn a_log_is_created_with_a_key_from_elsewhere() {
    let folder = tempfile::TempDir::new().expect("a folder");
    let line = STANDARD.encode([3; 32]);
    let mut command = candor();
    command.args(["init", "--name", "a.example", "--module", "a.example/config", "--data"]);
    let output = run(command.arg(folder.path()).env("CANDOR_LOG_SEED", &line));
    let said = text(&output.stdout) + &text(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert!(!folder.path().join("keys/log.seed").exists(), "nothing is written");
    assert!(said.contains("Back up the key in the environment variable CANDOR_LOG_SEED"), "{said}");
    assert!(!said.contains(&line), "{said}");
    for (path, bytes) in contents(folder.path()) {
        assert!(!text(&bytes).contains(&line), "{} holds the key", path.display());
    }
}
