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

/// How often a long-running program looks whether the day's work is due. Not simply once a day:
/// clocks stand still while a machine sleeps.
const LOOK_EVERY: Duration = Duration::from_secs(15 * 60);
/// How long the day's work may take, unless the program says otherwise.
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
    /// Counts into another folder than that of the program ([`Folder::of`] its path). The programs
    /// of one project that shall share a consent name one folder.
    #[must_use]
    pub fn folder(self, folder: Folder) -> Options {
        Options { folder: Some(folder), ..self }
    }

    /// Where reports go. Where the user has chosen `on`, and only there, [`start`] lets a child
    /// fetch the config, make reports and send them, once a day.
    ///
    /// Without it, what is counted stays here until `candor telemetry upload` or
    /// [`run_uploads`](super::run_uploads()) sends it.
    #[must_use]
    pub fn upload(self, to: Destination) -> Options {
        Options { destination: Some(to), ..self }
    }

    /// Counts panics by their stack, as `crash/panic`: functions and lines, no values. The
    /// program's panic hook is still called. Where there are no symbols, or too little memory
    /// below a limit to look at them (see [`StackCounter`](super::counter::StackCounter)), all
    /// panics count as `crash/without-stack`.
    #[must_use]
    pub fn count_panics(self) -> Options {
        Options { panics: true, ..self }
    }

    /// For programs that run for days: looks every quarter of an hour whether the day's work is
    /// due, in a thread that sleeps and gets none of the program's signals. Without it, that is
    /// looked for by [`start`] alone.
    ///
    /// Weeks end without it, too: see [`counter`](super::counter).
    #[must_use]
    pub fn long_running(self) -> Options {
        Options { long_running: true, ..self }
    }

    /// As if the program were started at this time: for tests and rehearsals.
    #[must_use]
    pub fn as_of(self, now: SystemTime) -> Options {
        Options { as_of: Some(now), ..self }
    }

    /// How long the day's work may take, at most; then its process ends. Five minutes, if this is
    /// not said.
    #[must_use]
    pub fn upload_limit(self, limit: Duration) -> Options {
        Options { limit: Some(limit), ..self }
    }
}

/// Begins to keep what the program counts, if the user allows it.
///
/// Returns quickly, never fails: the result says what happened, for those who want to know. What
/// was counted before is kept, too. Nothing is written where counting is off. Only the first call
/// of a process does anything.
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
/// Where the user has chosen `on`, [`Options::upload`] names a destination, and the day's work is
/// not done yet, this starts the program's executable again, with one argument of Candor's own and
/// without the program's arguments, terminal and open files. In that process this call does the
/// work and does not return: **whatever a program does before it, it then does twice.** So nothing
/// but the options should come before; not even arguments be read. On systems other than Unix
/// there is no such process, and [`Options::long_running`] does the work in its thread.
pub fn start(program: Program, options: Options) -> Status {
    #[cfg(unix)]
    child::take_over();
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
    RECORDER.keep_time(ahead);
    let order = options.destination.map(|destination| child::Order {
        folder: folder.clone(),
        destination,
        now,
        limit: options.limit.unwrap_or(LIMIT),
    });
    #[cfg(unix)]
    if let Some(order) = &order
        && consent.mode == Mode::On
    {
        child::begin_if_due(order.clone());
    }
    if options.long_running {
        // Without the thread, it is as if the program ended and were not started again.
        let _ = spawn("candor-telemetry", move || look_again(&folder, order.as_ref(), ahead));
    }
    status
}

/// What a long-running program does until its end.
fn look_again(folder: &Folder, order: Option<&child::Order>, ahead: i64) {
    loop {
        std::thread::sleep(LOOK_EVERY);
        let now = time(ahead);
        let consent = Consent::now(folder);
        RECORDER.renew(Day::of(now), &consent);
        if let Some(order) = order
            && consent.mode == Mode::On
        {
            let order = child::Order { now, ..order.clone() };
            #[cfg(unix)]
            child::begin_if_due(order);
            #[cfg(not(unix))]
            if child::Marks::of(&order.folder).attempt(now) {
                child::work(&order);
            }
        }
    }
}

#[cfg(unix)]
use child::spawn_quiet as spawn;

#[cfg(not(unix))]
fn spawn(
    name: &str,
    run: impl FnOnce() + Send + 'static,
) -> std::io::Result<std::thread::JoinHandle<()>> {
    std::thread::Builder::new().name(name.to_owned()).spawn(run)
}

/// How many seconds one time is after the other.
fn seconds_ahead(now: SystemTime, system: SystemTime) -> i64 {
    let seconds = |duration: Duration| i64::try_from(duration.as_secs()).unwrap_or(i64::MAX);
    match now.duration_since(system) {
        Ok(ahead) => seconds(ahead),
        Err(behind) => -seconds(behind.duration()),
    }
}

/// The program's time, which is so many seconds ahead of the system's.
fn time(ahead: i64) -> SystemTime {
    let (system, by) = (SystemTime::now(), Duration::from_secs(ahead.unsigned_abs()));
    let now = if ahead < 0 { system.checked_sub(by) } else { system.checked_add(by) };
    now.unwrap_or(system)
}
