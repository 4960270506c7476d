//! Processes: how children are started, and what they do first.

use super::order::{ARGUMENT, Part, VARIABLE};
use super::work::work;
use super::{Marks, Order};
use crate::client::day::Day;
use nix::sys::signal::{SigSet, SigmaskHow};
use nix::unistd::{close, getegid, geteuid, getgid, getuid, setsid};
use std::ffi::OsString;
use std::io;
use std::os::fd::RawFd;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio, exit};
use std::thread::{Builder, JoinHandle, sleep};
use std::time::{Duration, Instant};

/// How long a host waits for its launcher itself.
const PATIENCE: Duration = Duration::from_millis(100);

/// Does what this process was started for, and ends it, if it is a child.
pub fn take_over() {
    let Some(text) = std::env::var_os(VARIABLE) else { return };
    let mut arguments = std::env::args_os().skip(1);
    if arguments.next().is_none_or(|argument| argument != ARGUMENT)
        || arguments.next().is_some()
        || has_more_rights_than_its_user()
    {
        return;
    }
    // From here on it must not become a host, whatever happens.
    match text.to_str().and_then(Order::read) {
        Some((Part::Launch, order)) => start_worker(&order),
        Some((Part::Work, order)) => be_worker(order),
        None => {}
    }
    exit(0)
}

/// Whether this process may have children.
pub fn is_possible() -> bool {
    // Without arguments, a child could not know what it is: it would do the host's work.
    !has_more_rights_than_its_user()
        && std::process::id() != 1
        && std::env::args_os().next().is_some()
}

fn has_more_rights_than_its_user() -> bool {
    getuid() != geteuid() || getgid() != getegid()
}

/// Starts the launcher, and sees it end.
pub fn launch(order: Order) {
    let Some(mut launcher) = command(&order, Part::Launch) else { return };
    // Not in the host's process group: Ctrl-C is meant for the host.
    let Ok(mut launcher) = launcher.process_group(0).spawn() else { return };
    if !has_ended(&mut launcher, PATIENCE) {
        // A process that nobody waits for stays as a zombie.
        let _ = spawn_quiet("candor-reaper", move || drop(launcher.wait()));
    }
}

/// Whether a process ends within this time. One that somebody else has waited for has ended.
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

/// Starts a thread that gets none of the program's signals: they belong to its own threads.
pub fn spawn_quiet(name: &str, run: impl FnOnce() + Send + 'static) -> io::Result<JoinHandle<()>> {
    let before = SigSet::all().thread_swap_mask(SigmaskHow::SIG_SETMASK);
    let thread = Builder::new().name(name.to_owned()).spawn(run);
    if let Ok(before) = before {
        // It was in force a moment ago.
        let _ = before.thread_set_mask();
    }
    thread
}

fn start_worker(order: &Order) {
    if let Some(mut worker) = command(order, Part::Work) {
        // Not waited for: when the launcher ends, the system takes it over.
        let _ = worker.spawn();
    }
}

fn be_worker(order: Order) {
    close_inherited();
    // It is not the leader of its group: the launcher is.
    let _ = setsid();
    let _ = std::env::set_current_dir("/");
    #[cfg(target_os = "linux")]
    let _ = nix::sys::prctl::set_name(c"candor-upload");
    let (marks, today, limit) = (Marks::of(&order.folder), Day::of(order.now), order.limit);
    let watch = spawn_quiet("candor-limit", move || {
        sleep(limit);
        // As good as done: what took so long today is tried again tomorrow.
        let _ = marks.done(today);
        exit(0)
    });
    if watch.is_ok() {
        work(&order);
    }
}

/// A process of this executable, without anything of this one.
fn command(order: &Order, part: Part) -> Option<Command> {
    let mut command = Command::new(executable()?);
    command
        .arg0(std::env::args_os().next()?)
        .arg(ARGUMENT)
        .env_clear()
        .envs(Order::hand_on(std::env::vars_os()))
        .env(VARIABLE, OsString::from(order.write(part)?))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    Some(command)
}

/// The file that this process runs.
fn executable() -> Option<PathBuf> {
    if cfg!(any(target_os = "android", target_os = "linux")) {
        // Not its name, which may be gone or lead to another version by now.
        Some("/proc/self/exe".into())
    } else {
        std::env::current_exe().ok()
    }
}

/// Closes what a process has inherited beyond its standard streams. Only for one in which nothing
/// was opened yet that is still used.
fn close_inherited() {
    let numbers = |folder: &str| -> Option<Vec<RawFd>> {
        let names =
            std::fs::read_dir(folder).ok()?.filter_map(|entry| Some(entry.ok()?.file_name()));
        Some(names.filter_map(|name| name.to_str()?.parse().ok()).collect())
    };
    let open = numbers("/proc/self/fd").or_else(|| numbers("/dev/fd"));
    for number in open.unwrap_or_else(|| (0..1024).collect()) {
        if number > 2 {
            // Some are closed already: the one that listed the others.
            let _ = close(number);
        }
    }
}
