//! The one call at a program's start.

use super::counter::{RECORDER, Status};
use super::crash;
use super::day::Day;
use super::folder::Folder;
use super::mode::Consent;
use super::program::Program;
use std::time::{Duration, SystemTime};

/// How often a long-running program looks whether its week has ended or the user has changed
/// their mind. Not simply once at the week's end: clocks stand still while a machine sleeps.
const LOOK_EVERY: Duration = Duration::from_secs(15 * 60);

/// What [`start`] does besides opening the counter file.
#[derive(Debug, Clone, Default)]
pub struct Options {
    folder: Option<Folder>,
    panics: bool,
    long_running: bool,
}

impl Options {
    /// Counts into another folder than that of the program ([`Folder::of`] its path). The programs
    /// of one project that shall share a consent name one folder.
    #[must_use]
    pub fn folder(self, folder: Folder) -> Options {
        Options { folder: Some(folder), ..self }
    }

    /// Counts panics by their stack, as `crash/panic`: functions and lines, no values. The
    /// program's panic hook is still called.
    #[must_use]
    pub fn count_panics(self) -> Options {
        Options { panics: true, ..self }
    }

    /// Begins a new counter file when the week ends, and stops or begins to count when the user
    /// says so. For programs that run for days: it takes a thread that sleeps. Without it, a
    /// program counts until its end into the file with which it began.
    #[must_use]
    pub fn long_running(self) -> Options {
        Options { long_running: true, ..self }
    }
}

/// Begins to keep what the program counts, if the user allows it.
///
/// Returns quickly, never fails: the result says what happened, for those who want to know. What
/// was counted before is kept, too. Nothing is written where counting is off. Only the first call
/// of a process does anything.
///
/// ```no_run
/// use candor::client::{Options, Program, start};
///
/// let program = Program::new("example.org/myprog", env!("CARGO_PKG_VERSION"));
/// start(program, Options::default().count_panics());
/// ```
pub fn start(program: Program, options: Options) -> Status {
    let folder = match options.folder.map_or_else(|| Folder::of(&program.path), Ok) {
        Ok(folder) => folder,
        Err(error) => {
            RECORDER.stop(error.into());
            return RECORDER.status();
        }
    };
    let first = RECORDER.status() == Status::NotStarted;
    RECORDER.start(folder.clone(), program, Day::of(SystemTime::now()), &Consent::now(&folder));
    let status = RECORDER.status();
    let counting = matches!(status, Status::Counting(_));
    if first && options.panics && (counting || options.long_running) {
        crash::count_panics();
    }
    if first && options.long_running {
        let thread = std::thread::Builder::new().name("candor-telemetry".into());
        // Without the thread, the program counts into its first file, as others do.
        let _ = thread.spawn(move || {
            loop {
                std::thread::sleep(LOOK_EVERY);
                RECORDER.renew(Day::of(SystemTime::now()), &Consent::now(&folder));
            }
        });
    }
    status
}
