//! One run: makes reports of the weeks that have ended, and sends those that may be sent.
//!
//! [The module](super) lists the steps, and what an interruption between any two of them does.

use super::destination::Destination;
use super::error::ReportError;
use super::event::{Event, Summary};
use super::filter::{filter, why_nothing};
use super::json::{Draw, LocalReport, Report};
use super::known_config::{ConfigFetcher, FetchFailure, KnownConfig, check_has_failed};
use super::listing::Listing;
use super::paths;
use super::report_folder::ReportFolder;
use super::rules::Hold;
use super::sampling::choose_config;
use super::weeks::{Week, Weeks};
use super::x::{RandomnessError, draw};
use crate::client::files;
use crate::client::folder::Folder;
use crate::client::mode::{Consent, Mode};
use crate::client::upload::{Answer, Upload as _};
use crate::client::{ConfigSource, Transport};
use crate::collection::Allowed;
use crate::collection::X;
use crate::day::Day;
use std::io;
use std::path::Path;
use std::time::SystemTime;

/// The longest report that is read, in bytes: far more than servers accept.
const LONGEST_REPORT: u64 = 4 << 20;

/// The longest file that holds only a day, in bytes.
const LONGEST_MARK: u64 = 1024;

/// What a run works on.
#[derive(Debug, Clone)]
pub struct RunOptions {
    /// The telemetry folder.
    pub folder: Folder,
    /// Where reports go. Without it nothing is fetched or sent: local reports are made, and their X is
    /// drawn if the config known from earlier runs is recent enough to sample them.
    pub destination: Option<Destination>,
    /// The time.
    pub now: SystemTime,
    /// Whether a user is waiting for the result. If not, what failed over the network today is not
    /// tried again today: many programs start many times a day, and would burden a server that is
    /// down.
    pub asked_by_user: bool,
}

impl RunOptions {
    /// A run now, on behalf of a program.
    pub fn new(folder: Folder, destination: Destination) -> RunOptions {
        let now = SystemTime::now();
        RunOptions { folder, destination: Some(destination), now, asked_by_user: false }
    }
}

/// Makes reports of weeks that have ended, and sends those that may be sent, as the mode in the
/// folder allows.
///
/// Blocks while it waits for the network: for a few requests, of at most a minute each. Any number of
/// processes may call this at once: one does the work, the others return. They may be killed at any
/// moment.
///
/// # Errors
///
/// The folder cannot be used. A problem with a single week is in the [`Summary`].
#[cfg(feature = "http")]
pub fn run_uploads(options: &RunOptions) -> Result<Summary, ReportError> {
    run_uploads_by(options, &crate::client::Http::new())
}

/// The same as [`run_uploads`](crate::client::run_uploads()), over a transport of the program's own.
///
/// # Errors
///
/// The folder cannot be used. A problem with a single week is in the [`Summary`].
pub fn run_uploads_by(
    options: &RunOptions,
    transport: &dyn Transport,
) -> Result<Summary, ReportError> {
    run(options, transport, &|| Consent::now(&options.folder), &draw)
}

/// Fetches and verifies the newest config now, even if one was fetched today; weeks whose X is drawn keep
/// theirs. `None` if the mode is not `on`, no destination is named, or another process is making reports.
///
/// # Errors
///
/// The folder cannot be used.
pub(crate) fn refresh_config(
    options: &RunOptions,
    transport: &dyn Transport,
) -> Result<Option<Result<KnownConfig, FetchFailure>>, ReportError> {
    let folder = &options.folder;
    let Some(destination) =
        options.destination.as_ref().filter(|_| Consent::now(folder).mode == Mode::On)
    else {
        return Ok(None);
    };
    let Some(reports) = ReportFolder::lock(folder)? else { return Ok(None) };
    destination.bind(&reports, folder)?;
    let fetcher = ConfigFetcher {
        reports: &reports,
        folder,
        source: &destination.source,
        transport: Some(transport),
        now: options.now,
        asked_by_user: true,
    };
    let known = fetcher.known();
    fetcher.newest(known.as_ref()).map(Some)
}

pub(crate) fn run(
    options: &RunOptions,
    network: &dyn Transport,
    consent: &dyn Fn() -> Consent,
    draw: &dyn Fn() -> Result<X, RandomnessError>,
) -> Result<Summary, ReportError> {
    let mut summary = Summary::new(consent());
    if summary.consent.mode == Mode::Off {
        return Ok(summary);
    }
    let listing = Listing::read(&options.folder)?;
    if listing.counter_files.is_empty() && listing.pending.is_empty() && listing.ready.is_empty() {
        return Ok(summary);
    }
    let Some(reports) = ReportFolder::lock(&options.folder)? else {
        summary.busy = true;
        return Ok(summary);
    };
    let today = Day::of(options.now);
    let mut run =
        Run { options, network, consent, draw, reports, today, no_config: false, summary };
    run.make_local_reports()?;
    if run.summary.consent.mode != Mode::On {
        return Ok(run.summary);
    }
    if let Some(destination) = &options.destination {
        destination.bind(&run.reports, &options.folder)?;
        run.decide(&destination.source)?;
        run.send(destination)?;
    } else if let Ok(Some(destination)) = Destination::of_folder(&options.folder) {
        run.decide(&destination.source)?;
    }
    Ok(run.summary)
}

struct Run<'a> {
    options: &'a RunOptions,
    network: &'a dyn Transport,
    consent: &'a dyn Fn() -> Consent,
    draw: &'a dyn Fn() -> Result<X, RandomnessError>,
    reports: ReportFolder,
    today: Day,
    /// Whether fetching a config has failed. It is not tried again in this run.
    no_config: bool,
    summary: Summary,
}

impl Run<'_> {
    /// Steps 1 to 3: counter files of weeks that have ended become local reports.
    fn make_local_reports(&mut self) -> Result<(), ReportError> {
        let listing = self.listing()?;
        let weeks = Weeks::read(&listing.counter_files, self.options.now);
        for (path, reason) in weeks.unreadable {
            self.record(Event::Unreadable { path, reason });
        }
        for week in weeks.ended {
            if !listing.local.contains(&week.end) && !week.programs.is_empty() {
                self.make_local_report(&week, &listing)?;
            }
            // The report exists and is durable. If it existed before, a run ended right here, or the
            // files turned up after their week was reported.
            for file in &week.files {
                self.reports.remove(file)?;
            }
        }
        Ok(())
    }

    fn make_local_report(&mut self, week: &Week, listing: &Listing) -> Result<(), ReportError> {
        let folder = &self.options.folder;
        let (begin, end) = (week.begin, week.end);
        // Only Go's client makes the report to be sent before the local one.
        let made = self.read_made(end, listing);
        let report = LocalReport {
            week: end,
            last_week: listing.last_sent_before(end),
            programs: week.programs.clone(),
            draw: made.as_ref().and_then(|made| Draw::of(Some(made.x), &made.config)),
        };
        let hold = Hold::check(&self.summary.consent, Some(begin), end, self.today);
        if hold.is_none() && made.is_none() {
            self.reports.replace(&paths::pending(folder, end), &format!("began {begin}\n"))?;
        }
        self.reports.create(&paths::local_report(folder, end), &report.to_json())?;
        self.record(Event::Reported { week: end, hold });
        Ok(())
    }

    /// A report of this week that is already made, sent or not.
    fn read_made(&self, week: Day, listing: &Listing) -> Option<Report> {
        let folder = &self.options.folder;
        let (ready, sent) = (paths::ready(folder, week), paths::sent(folder, week));
        let path = match week {
            week if listing.ready.contains(&week) => ready,
            week if listing.sent.contains(&week) => sent,
            _ => return None,
        };
        Report::from_json(read_text(&path).ok()?.as_bytes()).ok()
    }

    /// Steps 4 to 7: decides for each pending week what is sent.
    fn decide(&mut self, source: &ConfigSource) -> Result<(), ReportError> {
        let (drawn, undrawn): (Vec<_>, Vec<_>) =
            self.undecided()?.into_iter().partition(|local| local.draw.is_some());
        let is_sending = self.options.destination.is_some();
        // These come first, because a newer config would replace the known one.
        for local in drawn.into_iter().filter(|_| is_sending) {
            self.decide_drawn(local, source)?;
        }
        if undrawn.is_empty() {
            return Ok(());
        }
        let config = {
            let fetcher = self.fetcher(source);
            choose_config(fetcher.known(), self.today, |known| fetcher.newest(known))?
        };
        let known = match config {
            Ok(known) => known,
            Err(failure) => {
                undrawn.iter().for_each(|local| self.record_wait(local.week, &failure));
                return Ok(());
            }
        };
        let allowed = Allowed::new(&known.config);
        for mut local in undrawn {
            let draw = local.draw(&known, self.draw)?;
            let path = paths::local_report(&self.options.folder, local.week);
            self.reports.replace(&path, &local.to_json())?;
            // If not, `view` shows the user what will be sent, and what not and why.
            if is_sending {
                self.decide_one(&local, draw, &allowed)?;
            }
        }
        Ok(())
    }

    /// The pending weeks that may be sent. Those that never may be sent are no longer pending.
    fn undecided(&mut self) -> Result<Vec<LocalReport>, ReportError> {
        let folder = &self.options.folder;
        let listing = self.listing()?;
        let mut undecided = Vec::new();
        for week in &listing.pending {
            let made = [&listing.ready, &listing.sent, &listing.refused];
            let hold = self.hold_of_pending(*week);
            match read_local(&paths::local_report(folder, *week)) {
                // A run ended in the middle of step 7.
                _ if made.iter().any(|made| made.contains(week)) => {}
                _ if hold.is_some_and(Hold::is_temporary) => continue,
                Ok(local) if hold.is_none() => {
                    undecided.push(local);
                    continue;
                }
                Ok(_) => self.record(Event::Held { week: *week, hold }),
                Err(reason) => self.record(Event::Lost { week: *week, reason }),
            }
            self.reports.remove(&paths::pending(folder, *week))?;
        }
        Ok(undecided)
    }

    /// Decides about a week whose X was drawn by an earlier run, by the config of that run.
    fn decide_drawn(
        &mut self,
        local: LocalReport,
        source: &ConfigSource,
    ) -> Result<(), ReportError> {
        let (week, Some(draw)) = (local.week, local.draw) else { return Ok(()) };
        match self.fetcher(source).version(draw.config)? {
            Ok(Some(known)) => self.decide_one(&local, draw, &Allowed::new(&known.config)),
            Ok(None) => {
                let reason = format!("the log no longer has the config {}", draw.config);
                self.record(Event::Withheld { week, reason });
                self.reports.remove(&paths::pending(&self.options.folder, week))
            }
            Err(failure) => {
                self.record_wait(week, &failure);
                Ok(())
            }
        }
    }

    fn decide_one(
        &mut self,
        local: &LocalReport,
        draw: Draw,
        allowed: &Allowed,
    ) -> Result<(), ReportError> {
        let (folder, week) = (&self.options.folder, local.week);
        let last_week = self.listing()?.last_sent_before(week);
        let filtered = filter(local, draw.x, allowed, &draw.config.to_string(), last_week);
        match filtered.report {
            Some(report) => {
                self.reports.create(&paths::ready(folder, week), &report.to_json())?;
                self.record(Event::Ready { week, withheld: filtered.withheld.len() });
            }
            None => {
                let reason = why_nothing(&filtered.withheld);
                self.record(Event::Withheld { week, reason });
            }
        }
        self.reports.remove(&paths::pending(folder, week))
    }

    /// Steps 8 and 9: sends the reports that are ready, the oldest first.
    fn send(&mut self, destination: &Destination) -> Result<(), ReportError> {
        let folder = &self.options.folder;
        let listing = self.listing()?;
        if listing.ready.is_empty() {
            return Ok(());
        }
        // After a failed check, reports that were ready before wait as well.
        if check_has_failed(folder)
            && let Err(failure) = self.fetcher(&destination.source).newest(None)?
        {
            listing.ready.iter().for_each(|week| self.record_wait(*week, &failure));
            return Ok(());
        }
        let unsent = paths::unsent(folder);
        let last =
            files::read_text(&unsent, LONGEST_MARK).ok().and_then(|day| day.parse::<Day>().ok());
        if last == Some(self.today) && !self.options.asked_by_user {
            for week in listing.ready {
                let reason = "no report could be sent today; it is tried again tomorrow".to_owned();
                self.record(Event::Waits { week, reason });
            }
            return Ok(());
        }
        for week in listing.ready {
            let ready = paths::ready(folder, week);
            if listing.sent.contains(&week) {
                // Go's client has sent it, and ended before it removed this file.
                self.reports.remove(&ready)?;
                continue;
            }
            // Read again for each: the user may have changed their mind meanwhile.
            match Hold::check(&(self.consent)(), None, week, self.today) {
                Some(hold) => {
                    self.record(Event::Held { week, hold: Some(hold) });
                    if !hold.is_temporary() {
                        self.reports.remove(&ready)?;
                    }
                    continue;
                }
                None if week > self.today => {
                    let reason = "its week has not ended: the clock was set back".to_owned();
                    self.record(Event::Waits { week, reason });
                    continue;
                }
                None => {}
            }
            let report = read_text(&ready).map_err(ReportError::io("read", &ready))?;
            let url = destination.upload.join(&week.to_string());
            let answer = self.network.post(&url, &report);
            match answer {
                Ok(Answer::Accepted) => {
                    self.reports.rename(&ready, &paths::sent(folder, week))?;
                    self.record(Event::Sent { week });
                }
                Ok(Answer::Refused(answer)) => {
                    self.reports.rename(&ready, &paths::refused(folder, week))?;
                    self.record(Event::Refused { week, answer });
                }
                // The server cannot be reached or is busy: the others would fail as well.
                Ok(Answer::Retry(reason)) => return self.wait(week, reason, &unsent),
                Err(error) => return self.wait(week, error.to_string(), &unsent),
            }
        }
        Ok(())
    }

    fn wait(&mut self, week: Day, reason: String, unsent: &Path) -> Result<(), ReportError> {
        self.record(Event::Waits { week, reason });
        self.reports.replace_unsynced(unsent, &self.today.to_string())
    }

    /// The fetcher of configs; without a destination it fetches none.
    fn fetcher<'f>(&'f self, source: &'f ConfigSource) -> ConfigFetcher<'f> {
        ConfigFetcher {
            reports: &self.reports,
            folder: &self.options.folder,
            source,
            transport: self.options.destination.as_ref().map(|_| self.network),
            now: self.options.now,
            asked_by_user: self.options.asked_by_user && !self.no_config,
        }
    }

    /// Records that a week waits. Without a destination, every week waits for a run that has one, so that
    /// is not recorded.
    fn record_wait(&mut self, week: Day, failure: &FetchFailure) {
        self.no_config = true;
        if self.options.destination.is_some() {
            self.record(Event::Waits { week, reason: failure.reason.clone() });
        }
    }

    fn hold_of_pending(&self, week: Day) -> Option<Hold> {
        let begin = read_begin(&self.options.folder, week);
        Hold::check(&self.summary.consent, begin, week, self.today)
    }

    fn listing(&self) -> Result<Listing, ReportError> {
        Listing::read(&self.options.folder)
    }

    fn record(&mut self, event: Event) {
        self.summary.events.push(event);
    }
}

/// When a pending week began. If that cannot be read, it began before any day of opting in.
pub(super) fn read_begin(folder: &Folder, week: Day) -> Option<Day> {
    let text = files::read_text(&paths::pending(folder, week), LONGEST_MARK).unwrap_or_default();
    let begin = text.trim().strip_prefix("began ").and_then(|day| day.parse().ok());
    Some(begin.unwrap_or_else(|| Day::of(SystemTime::UNIX_EPOCH)))
}

/// The local report of a week, if it is here and can be read.
pub(in crate::client) fn local_report_of(folder: &Folder, week: Day) -> Option<LocalReport> {
    read_local(&paths::local_report(folder, week)).ok()
}

/// Reads a local report; the error says what is wrong with it.
pub(super) fn read_local(path: &Path) -> Result<LocalReport, String> {
    let in_file = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
    let text = read_text(path).map_err(|e| in_file(&e))?;
    LocalReport::from_json(text.as_bytes()).map_err(|e| in_file(&e))
}

pub(super) fn read_text(path: &Path) -> io::Result<String> {
    files::read_text(path, LONGEST_REPORT)
}
