//! Keeping keys to this process: out of its environment, and out of core dumps.
//!
//! `tlog` protects keys in memory; these are the two things that only a whole process can do.
//!
//! **The environment.** A variable with a key would be inherited by every child process (such as git's
//! credential helpers), and no safe call removes it from the memory where the kernel put it. So the process
//! writes the key to a pipe, and executes the same program with the same arguments but without the
//! variable; the new program reads the pipe. It has the same process id, so supervisors do not notice.
//!
//! **Core dumps.** Verbs that sign set the limit for core files to zero, which also applies where the
//! kernel pipes dumps to a program, and on Linux make the process not dumpable: other processes of the
//! same user can then neither trace it nor read its memory or environment. Root still can.

use super::Failure;
#[cfg(unix)]
use crate::tlog::seed_source::{is_variable, remember};
#[cfg(unix)]
use std::env;
#[cfg(unix)]
use std::fs::File;
#[cfg(unix)]
use std::io::{self, Write as _};
#[cfg(unix)]
use std::os::fd::{AsRawFd as _, RawFd};
#[cfg(unix)]
use std::os::unix::process::CommandExt as _;
#[cfg(unix)]
use std::process::Command;
#[cfg(unix)]
use zeroize::Zeroizing;

/// Tells the new program where the keys are: `PID` and, for each key, `VARIABLE=DESCRIPTOR`, separated by
/// spaces. It is not secret, and means nothing to other processes.
#[cfg(unix)]
const PIPES: &str = "CANDOR_KEY_PIPES";

/// Takes the keys out of the environment. Called before anything else, and again by the program that this
/// may execute.
#[cfg(unix)]
pub(super) fn take_keys_from_environment() -> Result<(), Failure> {
    for (variable, pipe) in handed_over() {
        let read = File::open(format!("/dev/fd/{pipe}"));
        // Nobody else has this descriptor.
        let _ = nix::unistd::close(pipe);
        remember(&variable, read.map_err(|e| failed(&variable, &e))?)?;
    }
    let names = env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    let variables: Vec<String> = names.filter(|name| is_variable(name)).collect();
    if variables.is_empty() {
        return Ok(());
    }
    let error = start_again_without(&variables);
    Err(failed(&variables.join(", "), &error))
}

/// On other systems the variable stays.
#[cfg(not(unix))]
pub(super) fn take_keys_from_environment() -> Result<(), Failure> {
    Ok(())
}

#[cfg(unix)]
fn failed(variables: &str, error: &io::Error) -> Failure {
    Failure::new(format!(
        "cannot take {variables} out of the environment: {error}; keep the key in its file, or hand it \
         over as a systemd credential"
    ))
}

/// The pipes that were handed over when this program executed itself.
#[cfg(unix)]
fn handed_over() -> Vec<(String, RawFd)> {
    let Ok(text) = env::var(PIPES) else { return Vec::new() };
    let mut words = text.split(' ');
    // A child inherits the variable, but not the pipes.
    if words.next() != Some(std::process::id().to_string().as_str()) {
        return Vec::new();
    }
    let pipe = |word: &str| {
        let (variable, pipe) = word.split_once('=')?;
        Some((variable.to_owned(), pipe.parse().ok()?))
    };
    words.filter_map(pipe).collect()
}

/// Executes this program again. Returns only if that fails.
#[cfg(unix)]
fn start_again_without(variables: &[String]) -> io::Error {
    let mut arguments = env::args_os();
    let name = arguments.next().unwrap_or_default();
    let program = match env::current_exe() {
        Ok(program) => program,
        Err(error) => return error,
    };
    let mut command = Command::new(program);
    command.arg0(name).args(arguments);
    let mut pipes = vec![std::process::id().to_string()];
    let mut open = Vec::new();
    for variable in variables {
        let text = Zeroizing::new(env::var_os(variable).unwrap_or_default().into_encoded_bytes());
        match pipe_with(&text) {
            Ok(pipe) => {
                pipes.push(format!("{variable}={}", pipe.as_raw_fd()));
                open.push(pipe);
            }
            Err(error) => return error,
        }
        command.env_remove(variable);
    }
    command.env(PIPES, pipes.join(" ")).exec()
}

/// A pipe that holds a line and has no writer, and that the next program inherits.
#[cfg(unix)]
fn pipe_with(line: &[u8]) -> io::Result<io::PipeReader> {
    use nix::fcntl::{FcntlArg, FdFlag, fcntl};
    let (reader, mut writer) = io::pipe()?;
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    // A pipe holds this much before anyone reads it, and a key is shorter.
    writer.write_all(line.get(..512).unwrap_or(line))?;
    writer.write_all(b"\n")?;
    fcntl(&reader, FcntlArg::F_SETFD(FdFlag::empty()))?;
    Ok(reader)
}

/// From now on, the process leaves no core file, and only root may inspect it.
#[cfg(unix)]
pub(super) fn forbid_dumps() {
    use nix::sys::resource::{Resource, setrlimit};
    // Lowering a limit is always allowed. If one of the two calls fails, the other still protects.
    let _ = setrlimit(Resource::RLIMIT_CORE, 0, 0);
    #[cfg(target_os = "linux")]
    let _ = nix::sys::prctl::set_dumpable(false);
}

/// On other systems there is no safe call for this.
#[cfg(not(unix))]
pub(super) fn forbid_dumps() {}
