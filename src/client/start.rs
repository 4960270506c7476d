//! The one call at a program's start.

use super::child;
use super::counter::{RECORDER, Status};
use super::crash;
use super::day::Day;
use super::folder::Folder;
use super::mode::{Consent, Mode};
use super::program::Program;
use super::report::Destination;
use std::time::{Duration, SystemTime};

/// How often a long-running program checks whether the day's work is due. Not simply once a day, because
/// timers stop while a machine sleeps.
const CHECK_EVERY: Duration = Duration::from_secs(15 * 60);
/// How long the day's work may take by default.
const LIMIT: Duration = Duration::from_secs(5 * 60);

/// What [`start`] does besides opening the counter file.
#[derive(Debug, Clone, Default)]
pub struct Options {
    folder: Option<Folder>,
    destination: Option<Destination>,
    panics: bool,
    long_running: bool,
    as_of: Option<SystemTime>,
    limit: Option<Duration>,
}

impl Options {
    /// Counts into this folder instead of the program's own ([`Folder::of`] its path). Programs of one
    /// project that share the user's consent use one folder.
    #[must_use]
    pub fn folder(self, folder: Folder) -> Options {
        Options { folder: Some(folder), ..self }
    }

    /// Where reports go. If the user has chosen `on`, and only then, [`start`] has a child process fetch
    /// the config, make reports and send them, once a day.
    ///
    /// Without it, counts stay here until `candor telemetry upload` or
    /// [`run_uploads`](super::run_uploads()) sends them.
    #[must_use]
    pub fn upload(self, to: Destination) -> Options {
        Options { destination: Some(to), ..self }
    }

    /// Counts panics by their stack, as `crash/panic`: functions and lines, no values. The program's
    /// panic hook is still called. Without symbols, or with too little memory to read them (see
    /// [`StackCounter`](super::counter::StackCounter)), all panics count as `crash/without-stack`.
    #[must_use]
    pub fn count_panics(self) -> Options {
        Options { panics: true, ..self }
    }

    /// For programs that run for days: checks every quarter of an hour whether the day's work is due, in
    /// a thread that sleeps and receives no signals. Without it, only [`start`] checks that.
    ///
    /// Weeks end even without it: see [`counter`](super::counter).
    #[must_use]
    pub fn long_running(self) -> Options {
        Options { long_running: true, ..self }
    }

    /// Acts as if the program were started at this time, for tests and trial runs.
    #[must_use]
    pub fn as_of(self, now: SystemTime) -> Options {
        Options { as_of: Some(now), ..self }
    }

    /// How long the day's work may take before its process ends. The default is five minutes.
    #[must_use]
    pub fn upload_limit(self, limit: Duration) -> Options {
        Options { limit: Some(limit), ..self }
    }
}

/// Starts to store what the program counts, if the user allows it.
///
/// Returns quickly and never fails; the result says what happened. Counts from before this call are
/// stored, too. If counting is off, nothing is written. Only the first call in a process does anything.
///
/// ```no_run
/// use candor::client::{Destination, Options, Program, start};
///
/// # fn destination() -> Destination { unimplemented!() }
/// // Destination::at("https://telemetry.example.org", "telemetry.example.org/config", KEY)
/// let to: Destination = destination();
/// let program = Program::new("example.org/myprog", env!("CARGO_PKG_VERSION"));
/// start(program, Options::default().upload(to).count_panics());
/// ```
///
/// # Call it first in `main`
///
/// If the user has chosen `on`, [`Options::upload`] names a destination, and the day's work is not done
/// yet, this starts the program's executable again, with one argument of Candor's own and without the
/// program's arguments, terminal and open files. In that process this call does the work and does not
/// return: **whatever a program does before this call, it does twice.** So nothing but the options
/// should come before it, not even reading arguments. On systems other than Unix there is no such
/// process, and [`Options::long_running`] does the work in its thread.
pub fn start(program: Program, options: Options) -> Status {
    #[cfg(unix)]
    child::run_if_child();
    let folder = match options.folder.map_or_else(|| Folder::of(&program.path), Ok) {
        Ok(folder) => folder,
        Err(error) => {
            RECORDER.stop(error.into());
            return RECORDER.status();
        }
    };
    let system_now = SystemTime::now();
    let now = options.as_of.unwrap_or(system_now);
    let first = RECORDER.status() == Status::NotStarted;
    let consent = Consent::now(&folder);
    RECORDER.start(folder.clone(), program, Day::of(now), &consent);
    let status = RECORDER.status();
    if !first {
        return status;
    }
    if options.panics && (matches!(status, Status::Counting(_)) || options.long_running) {
        crash::count_panics();
    }
    let ahead = seconds_ahead(now, system_now);
    RECORDER.follow_clock(ahead);
    let task = options.destination.map(|destination| child::Task {
        folder: folder.clone(),
        destination,
        now,
        limit: options.limit.unwrap_or(LIMIT),
    });
    #[cfg(unix)]
    if let Some(task) = &task
        && consent.mode == Mode::On
    {
        child::start_if_due(task.clone());
    }
    if options.long_running {
        // If the thread cannot be started, the next start of the program does the work.
        let _ = spawn("candor-telemetry", move || check_repeatedly(&folder, task.as_ref(), ahead));
    }
    status
}

/// Runs in a thread until a long-running program ends.
fn check_repeatedly(folder: &Folder, task: Option<&child::Task>, ahead: i64) {
    loop {
        std::thread::sleep(CHECK_EVERY);
        let now = time(ahead);
        let consent = Consent::now(folder);
        RECORDER.renew(Day::of(now), &consent);
        if let Some(task) = task
            && consent.mode == Mode::On
        {
            let task = child::Task { now, ..task.clone() };
            #[cfg(unix)]
            child::start_if_due(task);
            #[cfg(not(unix))]
            if child::Schedule::of(&task.folder).attempt(now) {
                child::work(&task);
            }
        }
    }
}

#[cfg(unix)]
use child::spawn_without_signals as spawn;

#[cfg(not(unix))]
fn spawn(
    name: &str,
    run: impl FnOnce() + Send + 'static,
) -> std::io::Result<std::thread::JoinHandle<()>> {
    std::thread::Builder::new().name(name.to_owned()).spawn(run)
}

/// How many seconds `now` is ahead of `system`.
fn seconds_ahead(now: SystemTime, system: SystemTime) -> i64 {
    let seconds = |duration: Duration| i64::try_from(duration.as_secs()).unwrap_or(i64::MAX);
    match now.duration_since(system) {
        Ok(ahead) => seconds(ahead),
        Err(behind) => -seconds(behind.duration()),
    }
}

/// The program's time, which is `ahead` seconds ahead of the system's.
fn time(ahead: i64) -> SystemTime {
    let (system, by) = (SystemTime::now(), Duration::from_secs(ahead.unsigned_abs()));
    let now = if ahead < 0 { system.checked_sub(by) } else { system.checked_add(by) };
    now.unwrap_or(system)
}
