//! Keeping keys to this process: out of its environment, and out of core dumps.
//!
//! Keys in memory are `tlog`'s concern; these are the two things that only a whole process can do.
//!
//! **The environment.** A variable that holds a key would be inherited by every child (`git` asked for a
//! password, say), and no safe call removes it from the block in which the kernel put it. So the process
//! writes the key to a pipe and replaces itself by the same program with the same arguments, without the
//! variable; the program that comes after reads the pipe. It has the same process id, so nobody who
//! supervises it notices.
//!
//! **Core dumps.** Verbs that sign set the limit for core files to zero, which also holds where the
//! kernel pipes dumps to a program, and on Linux declare the process not dumpable: then other processes
//! of the same user can neither trace it nor read its memory or environment. Root still can.

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

/// What tells the program that comes after where the keys are: `PID` and, for each,
/// `VARIABLE=DESCRIPTOR`, with spaces between. It says no secret, and means nothing to another process.
#[cfg(unix)]
const PIPES: &str = "CANDOR_KEY_PIPES";

/// Takes the keys out of the environment. To be called before anything else, and a second time by the
/// program that this may start in place of this one.
#[cfg(unix)]
pub(super) fn take_keys_from_environment() -> Result<(), Failure> {
    for (variable, pipe) in handed_over() {
        let read = File::open(format!("/dev/fd/{pipe}"));
        // Nobody else has it; what was read is gone.
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

/// Elsewhere the variable stays where it is.
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

/// The pipes that this program was started with in place of itself.
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

/// Replaces this process. Returns only where that fails.
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
    // No more than a pipe takes before anyone reads it; a key is shorter.
    writer.write_all(line.get(..512).unwrap_or(line))?;
    writer.write_all(b"\n")?;
    fcntl(&reader, FcntlArg::F_SETFD(FdFlag::empty()))?;
    Ok(reader)
}

/// From now on the process leaves no core file, and nobody but root may look into it.
#[cfg(unix)]
pub(super) fn forbid_dumps() {
    use nix::sys::resource::{Resource, setrlimit};
    // Lowering a limit is always allowed; should it fail, the next line stands, and the other way round.
    let _ = setrlimit(Resource::RLIMIT_CORE, 0, 0);
    #[cfg(target_os = "linux")]
    let _ = nix::sys::prctl::set_dumpable(false);
}

/// Elsewhere there is no safe call for it.
#[cfg(not(unix))]
pub(super) fn forbid_dumps() {}
