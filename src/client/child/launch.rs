//! Processes: how launcher and worker are started, and what they do first.

use super::task::{ARGUMENT, Part, VARIABLE};
use super::work::work;
use super::{Schedule, Task};
use crate::client::threads::spawn;
use crate::client::transport::Transport;
use crate::day::Day;
use nix::unistd::{close, getegid, geteuid, getgid, getuid, setsid};
use std::ffi::OsString;
use std::os::fd::RawFd;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio, exit};
use std::sync::Arc;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// How long a host waits for its launcher before it leaves that to a thread.
const PATIENCE: Duration = Duration::from_millis(100);

/// If this process is a child, does its work and ends it. What the work is done over is made only then.
pub fn run_if_child(transport: impl FnOnce() -> Option<Arc<dyn Transport>>) {
    let Some(text) = std::env::var_os(VARIABLE) else { return };
    let mut arguments = std::env::args_os().skip(1);
    if arguments.next().is_none_or(|argument| argument != ARGUMENT)
        || arguments.next().is_some()
        || is_setuid()
    {
        return;
    }
    // From here on it must not act as a host, whatever happens.
    match text.to_str().and_then(Task::read) {
        Some((Part::Launch, task)) => start_worker(&task),
        Some((Part::Work, task)) => {
            if let Some(transport) = transport() {
                run_worker(task, &*transport);
            }
        }
        None => {}
    }
    exit(0)
}

/// Whether this process can start children.
pub fn is_possible() -> bool {
    // A child needs the name in `argv[0]`.
    !is_setuid() && std::process::id() != 1 && std::env::args_os().next().is_some()
}

fn is_setuid() -> bool {
    getuid() != geteuid() || getgid() != getegid()
}

/// Starts the launcher, and waits for it.
pub fn launch(task: Task) {
    let Some(mut launcher) = command(&task, Part::Launch) else { return };
    // Not in the host's process group: Ctrl-C is meant for the host.
    let Ok(mut launcher) = launcher.process_group(0).spawn() else { return };
    if !has_ended(&mut launcher, PATIENCE) {
        // A process that nobody waits for remains as a zombie.
        let _ = spawn("candor-reaper", move || drop(launcher.wait()));
    }
}

/// Whether a process ends within this time. If somebody else has waited for it, it has ended.
fn has_ended(child: &mut Child, patience: Duration) -> bool {
    let begun = Instant::now();
    let mut pause = Duration::from_micros(100);
    loop {
        match child.try_wait() {
            Ok(None) if begun.elapsed() < patience => sleep(pause),
            Ok(None) => return false,
            Ok(Some(_)) | Err(_) => return true,
        }
        pause = (pause * 2).min(Duration::from_millis(5));
    }
}

fn start_worker(task: &Task) {
    if let Some(mut worker) = command(task, Part::Work) {
        // Not waited for: when the launcher ends, the worker is adopted by the system.
        let _ = worker.spawn();
    }
}

fn run_worker(task: Task, transport: &dyn Transport) {
    close_inherited();
    // Succeeds, because the leader of its process group is the launcher.
    let _ = setsid();
    let _ = std::env::set_current_dir("/");
    #[cfg(target_os = "linux")]
    let _ = nix::sys::prctl::set_name(c"candor-upload");
    let (schedule, today, limit) = (Schedule::of(&task.folder), Day::of(task.now), task.limit);
    let watch = spawn("candor-limit", move || {
        sleep(limit);
        // Counts as done: what took too long today is tried again tomorrow.
        let _ = schedule.done(today);
        exit(0)
    });
    if watch.is_ok() {
        work(&task, transport);
    }
}

/// A command that runs this executable, and inherits only the chosen environment.
fn command(task: &Task, part: Part) -> Option<Command> {
    let mut command = Command::new(executable()?);
    command
        .arg0(std::env::args_os().next()?)
        .arg(ARGUMENT)
        .env_clear()
        .envs(Task::environment(std::env::vars_os()))
        .env(VARIABLE, OsString::from(task.write(part)?))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    Some(command)
}

/// The executable of this process.
fn executable() -> Option<PathBuf> {
    if cfg!(any(target_os = "android", target_os = "linux")) {
        // Its path may have been deleted, or replaced by another version.
        Some("/proc/self/exe".into())
    } else {
        std::env::current_exe().ok()
    }
}

/// Closes all file descriptors but the standard streams. Only for a process that has not opened any
/// of its own yet.
fn close_inherited() {
    let numbers = |folder: &str| -> Option<Vec<RawFd>> {
        let names =
            std::fs::read_dir(folder).ok()?.filter_map(|entry| Some(entry.ok()?.file_name()));
        Some(names.filter_map(|name| name.to_str()?.parse().ok()).collect())
    };
    let open = numbers("/proc/self/fd").or_else(|| numbers("/dev/fd"));
    for number in open.unwrap_or_else(|| (0..1024).collect()) {
        if number > 2 {
            // One is closed already: that of the folder that was listed.
            let _ = close(number);
        }
    }
}
