//! The one call at a program's start.
//!
//! What it was told is kept, for the program's own verb ([`super::telemetry()`]).

#[cfg(feature = "client")]
use super::child;
use super::counter::{RECORDER, Status};
use super::crash;
use super::day::Day;
use super::folder::{Folder, FolderError};
use super::mode::Consent;
#[cfg(feature = "client")]
use super::mode::Mode;
use super::program::Program;
use super::prompt::{self, Prompt, Question};
#[cfg(feature = "client")]
use super::report::Destination;
use super::threads::spawn;
#[cfg(feature = "client")]
use super::transport::Transport;
#[cfg(feature = "client")]
use std::sync::Arc;
use std::sync::OnceLock;
use std::time::{Duration, SystemTime};

/// How often a long-running program checks whether the day's work is due. Not simply once a day, because
/// timers stop while a machine sleeps.
const CHECK_EVERY: Duration = Duration::from_secs(15 * 60);
/// How long the day's work may take by default.
#[cfg(feature = "client")]
const LIMIT: Duration = Duration::from_secs(5 * 60);

#[cfg(feature = "client")]
impl Options {
    /// What a child does its work over. Its options may be other than its parent's, whose arguments it does not
    /// have: then it has ours, where there is one.
    fn transport(&self) -> Option<Arc<dyn Transport>> {
        let own = self.upload.as_ref().map(|upload| Arc::clone(&upload.transport));
        #[cfg(feature = "http")]
        let own = own.or_else(|| Some(Arc::new(super::Http::new())));
        own
    }
}

/// What the first call of [`start`] was told.
static SETUP: OnceLock<Setup> = OnceLock::new();

/// What [`start`] does besides opening the counter file.
#[derive(Debug, Clone, Default)]
pub struct Options {
    folder: Option<Folder>,
    variable: Option<&'static str>,
    prompt: Option<Prompt>,
    panics: bool,
    long_running: bool,
    as_of: Option<SystemTime>,
    #[cfg(feature = "client")]
    upload: Option<Uploading>,
    #[cfg(feature = "client")]
    limit: Option<Duration>,
}

/// Where reports go, and over what.
#[cfg(feature = "client")]
#[derive(Debug, Clone)]
pub(super) struct Uploading {
    pub to: Destination,
    pub transport: Arc<dyn Transport>,
}

/// A program's telemetry, as its author has set it up.
#[derive(Debug, Clone)]
pub(super) struct Setup {
    /// The program.
    pub program: Program,
    /// Its folder.
    pub folder: Result<Folder, FolderError>,
    /// Its own environment variable.
    pub variable: Option<&'static str>,
    /// The program's time, in seconds ahead of the system's.
    pub ahead: i64,
    /// Where its reports go.
    #[cfg(feature = "client")]
    pub upload: Option<Uploading>,
}

impl Setup {
    /// That of this process, once [`start`] was called.
    pub fn of_process() -> Option<&'static Setup> {
        SETUP.get()
    }

    /// What the user allows in this process.
    pub fn consent(&self, folder: &Folder) -> Consent {
        let consent = Consent::now(folder);
        match self.variable {
            Some(name) => consent.limited_by(name, std::env::var_os(name).as_deref()),
            None => consent,
        }
    }

    /// The website of the deployment that reports go to.
    #[cfg(feature = "client")]
    pub fn site(&self) -> Option<&str> {
        let address = self.upload.as_ref()?.to.upload.as_str();
        Some(address.strip_suffix("/upload").unwrap_or(address))
    }

    /// A program that only counts has none.
    #[cfg(not(feature = "client"))]
    pub fn site(&self) -> Option<&str> {
        None
    }

    /// The program's time.
    pub fn now(&self) -> SystemTime {
        time(self.ahead)
    }

    /// How users call the program's own verb.
    pub fn verb() -> String {
        let path = std::env::args_os().next().map(std::path::PathBuf::from);
        let name =
            path.as_ref().and_then(|path| path.file_stem()).map(|name| name.to_string_lossy());
        format!("{} telemetry", name.as_deref().unwrap_or("this program's"))
    }
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
    #[cfg(feature = "http")]
    #[must_use]
    pub fn upload(self, to: Destination) -> Options {
        self.upload_by(to, super::Http::new())
    }

    /// The same, over a transport of the program's own. It is used in the child process alone, so it should
    /// cost little to make.
    #[cfg(feature = "client")]
    #[must_use]
    pub fn upload_by(self, to: Destination, transport: impl Transport + 'static) -> Options {
        Options { upload: Some(Uploading { to, transport: Arc::new(transport) }), ..self }
    }

    /// An environment variable of the program's own, such as `MYPROG_TELEMETRY`, with which users can take away
    /// what they have allowed: `off`, or `local`. It cannot opt in.
    #[must_use]
    pub fn variable(self, name: &'static str) -> Options {
        Options { variable: Some(name), ..self }
    }

    /// Asks users who have not chosen whether to opt in: a share of them, once, at a terminal. Without it,
    /// nobody is asked.
    ///
    /// The question is asked in [`start`], which then waits for the answer. It says what is counted and sent,
    /// and where; the answer is no unless it is `y` or `yes`. Nobody is asked where `CI`, `DO_NOT_TRACK` or
    /// the program's own variable is set. Whoever says yes is counted as `telemetry/prompt:accepted`.
    #[must_use]
    pub fn ask(self, whom: Prompt) -> Options {
        Options { prompt: Some(whom), ..self }
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
    #[cfg(feature = "client")]
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
/// let to = Destination::at(
///     "https://telemetry.example.org",
///     "telemetry.example.org/config",
///     "telemetry.example.org/log+...",
/// )
/// .expect("constants");
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
    #[cfg(all(unix, feature = "client"))]
    child::run_if_child(|| options.transport());
    let system_now = SystemTime::now();
    let now = options.as_of.unwrap_or(system_now);
    let setup = Setup {
        folder: options.folder.clone().map_or_else(|| Folder::of(&program.path), Ok),
        program,
        variable: options.variable,
        ahead: seconds_ahead(now, system_now),
        #[cfg(feature = "client")]
        upload: options.upload.clone(),
    };
    let is_first = SETUP.set(setup.clone()).is_ok();
    if !is_first {
        return RECORDER.status();
    }
    let folder = match &setup.folder {
        Ok(folder) => folder.clone(),
        Err(error) => {
            RECORDER.stop(error.clone().into());
            return RECORDER.status();
        }
    };
    let mut consent = setup.consent(&folder);
    let accepted = options.prompt.is_some_and(|whom| is_accepted(whom, &setup, &folder, &consent));
    if accepted {
        consent = setup.consent(&folder);
    }
    RECORDER.start(folder.clone(), setup.program.clone(), Day::of(now), &consent);
    if accepted {
        super::counter::count(prompt::ACCEPTED);
    }
    let status = RECORDER.status();
    if options.panics && (matches!(status, Status::Counting(_)) || options.long_running) {
        crash::count_panics();
    }
    RECORDER.follow_clock(setup.ahead);
    let work = DaysWork::of(&folder, &options);
    work.start_if_due(&consent, now);
    if options.long_running {
        // If the thread cannot be started, the next start of the program does the work.
        let _ = spawn("candor-telemetry", move || check_repeatedly(&folder, &work, &setup));
    }
    status
}

/// Asks the user, if this process may, and they have not chosen. Whether they said yes.
fn is_accepted(whom: Prompt, setup: &Setup, folder: &Folder, consent: &Consent) -> bool {
    let question = Question {
        project: &setup.program.path,
        folder,
        consent,
        site: setup.site(),
        verb: &Setup::verb(),
        today: Day::of(setup.now()),
    };
    let is_limited = setup.variable.is_some_and(|name| std::env::var_os(name).is_some());
    !is_limited && prompt::ask(whom, &question)
}

/// Runs in a thread until a long-running program ends.
fn check_repeatedly(folder: &Folder, work: &DaysWork, setup: &Setup) {
    loop {
        std::thread::sleep(CHECK_EVERY);
        let now = setup.now();
        let consent = setup.consent(folder);
        RECORDER.renew(Day::of(now), &consent);
        work.start_or_do_if_due(&consent, now);
    }
}

/// The day's work of a program that sends reports.
struct DaysWork {
    #[cfg(feature = "client")]
    task: Option<(child::Task, Arc<dyn Transport>)>,
}

#[cfg(feature = "client")]
impl DaysWork {
    fn of(folder: &Folder, options: &Options) -> DaysWork {
        let task = |upload: &Uploading| {
            let task = child::Task {
                folder: folder.clone(),
                destination: upload.to.clone(),
                now: SystemTime::UNIX_EPOCH,
                limit: options.limit.unwrap_or(LIMIT),
            };
            (task, Arc::clone(&upload.transport))
        };
        DaysWork { task: options.upload.as_ref().map(task) }
    }

    fn due(&self, consent: &Consent, now: SystemTime) -> Option<(child::Task, &dyn Transport)> {
        let (task, transport) = self.task.as_ref().filter(|_| consent.mode == Mode::On)?;
        Some((child::Task { now, ..task.clone() }, &**transport))
    }

    /// Has a child do the work, where there can be one.
    fn start_if_due(&self, consent: &Consent, now: SystemTime) {
        #[cfg(unix)]
        if let Some((task, _)) = self.due(consent, now) {
            child::start_if_due(task);
        }
    }

    /// Has a child do the work, or does it where there can be none.
    fn start_or_do_if_due(&self, consent: &Consent, now: SystemTime) {
        self.start_if_due(consent, now);
        #[cfg(not(unix))]
        if let Some((task, transport)) = self.due(consent, now)
            && child::Schedule::of(&task.folder).attempt(now)
        {
            child::work(&task, transport);
        }
    }
}

/// Nothing, in a program that only counts.
#[cfg(not(feature = "client"))]
impl DaysWork {
    fn of(_: &Folder, _: &Options) -> DaysWork {
        DaysWork {}
    }

    fn start_if_due(&self, _: &Consent, _: SystemTime) {}

    fn start_or_do_if_due(&self, _: &Consent, _: SystemTime) {}
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
