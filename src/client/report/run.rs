//! One run: what has ended becomes reports, and what may be sent is sent.
//!
//! The module's page tells the steps and what may happen between any two of them.

use super::destination::Destination;
use super::error::ReportError;
use super::event::{Event, Summary};
use super::filter::{Reason, filter};
use super::json::{NO_CONFIG, Report};
use super::known_config::{FetchFailure, KnownConfig, obtain};
use super::rules::Hold;
use super::shelf::{self, Listing, Shelf};
use super::weeks::{Week, Weeks};
use super::x::X;
use crate::client::day::Day;
use crate::client::files;
use crate::client::folder::Folder;
use crate::client::mode::{Consent, Mode};
use crate::client::upload::{Answer, Upload};
use crate::client::{Http, Transport};
use crate::collection::Allowed;
use std::io;
use std::path::Path;
use std::time::SystemTime;

/// The longest report that is sent, in bytes. It is far beyond what servers take.
const LONGEST_REPORT: u64 = 4 << 20;

/// The longest file that holds no more than a day, in bytes.
const LONGEST_MARK: u64 = 1024;

/// What a run works on.
#[derive(Debug, Clone)]
pub struct RunOptions {
    /// The telemetry folder.
    pub folder: Folder,
    /// Where reports go. Without it, local reports are made, and nothing is sent.
    pub destination: Option<Destination>,
    /// The time.
    pub now: SystemTime,
    /// Whether a user waits for the result. If not, what the network has refused today is not tried
    /// again today: many programs start many times a day, and a server that is down has it hard
    /// enough.
    pub asked_by_user: bool,
}

impl RunOptions {
    /// A run now, on behalf of a program.
    pub fn new(folder: Folder, destination: Destination) -> RunOptions {
        let now = SystemTime::now();
        RunOptions { folder, destination: Some(destination), now, asked_by_user: false }
    }
}

/// What a run reaches others by.
pub(crate) trait Wire: Transport + Upload {}
impl<T: Transport + Upload> Wire for T {}

/// Makes reports of weeks that have ended, and sends those that may be sent, as the mode in the
/// folder allows.
///
/// Blocks for as long as the network takes, at most a minute for each request, of which there are a
/// few. Any number of processes may do this at once: one does the work, the others return. May be
/// killed at any moment.
///
/// # Errors
///
/// The folder cannot be used. What is wrong with one week only is in the [`Summary`].
pub fn run_uploads(options: &RunOptions) -> Result<Summary, ReportError> {
    run(options, &Http::new(), &|| Consent::now(&options.folder))
}

pub(crate) fn run(
    options: &RunOptions,
    wire: &dyn Wire,
    consent: &dyn Fn() -> Consent,
) -> Result<Summary, ReportError> {
    let mut summary = Summary::new(consent());
    if summary.consent.mode == Mode::Off {
        return Ok(summary);
    }
    let listing = Listing::read(&options.folder)?;
    if listing.counter_files.is_empty() && listing.pending.is_empty() && listing.ready.is_empty() {
        return Ok(summary);
    }
    let Some(shelf) = Shelf::take(&options.folder)? else {
        summary.busy = true;
        return Ok(summary);
    };
    let today = Day::of(options.now);
    let mut run = Run { options, wire, consent, shelf, today, config: None, summary };
    run.make_local_reports()?;
    if let Some(destination) = &options.destination
        && run.summary.consent.mode == Mode::On
    {
        destination.bind(&run.shelf, &options.folder)?;
        run.decide(destination)?;
        run.send(destination)?;
    }
    Ok(run.summary)
}

struct Run<'a> {
    options: &'a RunOptions,
    wire: &'a dyn Wire,
    consent: &'a dyn Fn() -> Consent,
    shelf: Shelf,
    today: Day,
    /// The config, or why there is none: asked for at most once a run.
    config: Option<Result<KnownConfig, FetchFailure>>,
    summary: Summary,
}

impl Run<'_> {
    /// Steps 1 to 3: counter files of weeks that have ended become local reports.
    fn make_local_reports(&mut self) -> Result<(), ReportError> {
        let listing = self.listing()?;
        let weeks = Weeks::read(&listing.counter_files, self.options.now);
        for (path, reason) in weeks.unreadable {
            self.say(Event::Unreadable { path, reason });
        }
        for week in weeks.ended {
            if !listing.local.contains(&week.end) && !week.programs.is_empty() {
                self.make_local_report(&week, &listing)?;
            }
            // The report is there, and durable. So it was if it was there before: either a run
            // ended just here, or the files were found after their week was reported.
            for file in &week.files {
                self.shelf.remove(file)?;
            }
        }
        Ok(())
    }

    fn make_local_report(&mut self, week: &Week, listing: &Listing) -> Result<(), ReportError> {
        let folder = &self.options.folder;
        let (begin, end) = (week.begin, week.end);
        // Only another kind of client makes a report to send before the local one.
        let made = self.read_made(end, listing);
        let report = Report {
            week: end,
            last_week: listing.last_sent_before(end),
            x: made.map_or_else(X::draw, Ok)?,
            programs: week.programs.clone(),
            config: NO_CONFIG.to_owned(),
        };
        let hold = Hold::check(&self.summary.consent, Some(begin), end, self.today);
        if hold.is_none() && made.is_none() {
            self.shelf.replace(&shelf::pending(folder, end), &format!("began {begin}\n"))?;
        }
        self.shelf.create(&shelf::local_report(folder, end), &report.to_json())?;
        self.say(Event::Reported { week: end, hold });
        Ok(())
    }

    /// The X of a report that was made already, whatever became of it.
    fn read_made(&self, week: Day, listing: &Listing) -> Option<X> {
        let folder = &self.options.folder;
        let (ready, sent) = (shelf::ready(folder, week), shelf::sent(folder, week));
        let path = match week {
            week if listing.ready.contains(&week) => ready,
            week if listing.sent.contains(&week) => sent,
            _ => return None,
        };
        read_report(&path).ok().map(|report| report.x)
    }

    /// Steps 4 to 6: of each pending week it is decided what is sent.
    fn decide(&mut self, destination: &Destination) -> Result<(), ReportError> {
        let folder = &self.options.folder;
        let listing = self.listing()?;
        let mut undecided = Vec::new();
        for week in &listing.pending {
            let made = [&listing.ready, &listing.sent, &listing.refused];
            let hold = self.hold_of_pending(*week);
            match read_report(&shelf::local_report(folder, *week)) {
                // A run ended between step 6's two halves.
                _ if made.iter().any(|made| made.contains(week)) => {}
                _ if hold.is_some_and(Hold::may_pass) => continue,
                Ok(report) if hold.is_none() => {
                    undecided.push(report);
                    continue;
                }
                Ok(_) => self.say(Event::Held { week: *week, hold }),
                Err(reason) => self.say(Event::Lost { week: *week, reason }),
            }
            self.shelf.remove(&shelf::pending(folder, *week))?;
        }
        if undecided.is_empty() {
            return Ok(());
        }
        let xs: Vec<X> = undecided.iter().map(|report| report.x).collect();
        match self.config(destination, &xs)? {
            Ok(known) => {
                let allowed = Allowed::new(&known.config);
                undecided.iter().try_for_each(|local| self.decide_one(local, &allowed, &known))
            }
            Err(failure) => {
                for report in undecided {
                    let reason = failure.reason.clone();
                    self.say(Event::Waits { week: report.week, reason });
                }
                Ok(())
            }
        }
    }

    fn decide_one(
        &mut self,
        local: &Report,
        allowed: &Allowed,
        known: &KnownConfig,
    ) -> Result<(), ReportError> {
        let (folder, week) = (&self.options.folder, local.week);
        let last_week = self.listing()?.last_sent_before(week);
        let filtered = filter(local, allowed, &known.version.to_string(), last_week);
        match filtered.report {
            Some(report) => {
                self.shelf.create(&shelf::ready(folder, week), &report.to_json())?;
                self.say(Event::Ready { week, withheld: filtered.withheld.len() });
            }
            None => {
                let sampled = filtered.withheld.iter().find_map(|withheld| match withheld.reason {
                    Reason::NotSampled { .. } => Some(withheld.reason),
                    _ => None,
                });
                let reason = sampled.unwrap_or(Reason::NothingAsked);
                self.say(Event::Withheld { week, reason: reason.to_string() });
            }
        }
        self.shelf.remove(&shelf::pending(folder, week))
    }

    /// Steps 7 and 8: what is ready is sent, the oldest first.
    fn send(&mut self, destination: &Destination) -> Result<(), ReportError> {
        let folder = &self.options.folder;
        let listing = self.listing()?;
        if listing.ready.is_empty() {
            return Ok(());
        }
        // Reports that were ready when a check failed wait with the others.
        let must_check = FetchFailure::of_folder(folder).is_some_and(|failure| failure.check);
        if must_check && let Err(failure) = self.config(destination, &[])? {
            for week in listing.ready {
                self.say(Event::Waits { week, reason: failure.reason.clone() });
            }
            return Ok(());
        }
        let unsent = shelf::unsent(folder);
        let last =
            files::read_text(&unsent, LONGEST_MARK).ok().and_then(|day| day.parse::<Day>().ok());
        if last == Some(self.today) && !self.options.asked_by_user {
            for week in listing.ready {
                let reason = "no report could be sent today, so it is tried tomorrow".to_owned();
                self.say(Event::Waits { week, reason });
            }
            return Ok(());
        }
        for week in listing.ready {
            let ready = shelf::ready(folder, week);
            if listing.sent.contains(&week) {
                // Another kind of client has sent it, and ended before it took this away.
                self.shelf.remove(&ready)?;
                continue;
            }
            // Asked anew for each: the user may have changed their mind meanwhile.
            match Hold::check(&(self.consent)(), None, week, self.today) {
                Some(hold) => {
                    self.say(Event::Held { week, hold: Some(hold) });
                    if !hold.may_pass() {
                        self.shelf.remove(&ready)?;
                    }
                    continue;
                }
                None if week > self.today => {
                    let reason = "its week has not ended: the clock was set back".to_owned();
                    self.say(Event::Waits { week, reason });
                    continue;
                }
                None => {}
            }
            let report = read_text(&ready).map_err(ReportError::io("read", &ready))?;
            let url = destination.upload.join(&week.to_string());
            let answer = self.wire.post(&url, &report);
            match answer {
                Ok(Answer::Taken) => {
                    self.shelf.rename(&ready, &shelf::sent(folder, week))?;
                    self.say(Event::Sent { week });
                }
                Ok(Answer::Refused(said)) => {
                    self.shelf.rename(&ready, &shelf::refused(folder, week))?;
                    self.say(Event::Refused { week, said });
                }
                // The server is out of reach, or busy: the rest would meet the same.
                Ok(Answer::Later(reason)) => return self.wait(week, reason, &unsent),
                Err(error) => return self.wait(week, error.to_string(), &unsent),
            }
        }
        Ok(())
    }

    fn wait(&mut self, week: Day, reason: String, unsent: &Path) -> Result<(), ReportError> {
        self.say(Event::Waits { week, reason });
        self.shelf.replace(unsent, &self.today.to_string())
    }

    fn config(
        &mut self,
        destination: &Destination,
        xs: &[X],
    ) -> Result<Result<KnownConfig, FetchFailure>, ReportError> {
        if let Some(config) = &self.config {
            return Ok(config.clone());
        }
        let (folder, source) = (&self.options.folder, &destination.source);
        let asked = self.options.asked_by_user;
        let config = obtain(&self.shelf, folder, source, &self.wire, self.today, xs, asked)?;
        Ok(self.config.insert(config).clone())
    }

    fn hold_of_pending(&self, week: Day) -> Option<Hold> {
        let begin = read_begin(&self.options.folder, week);
        Hold::check(&self.summary.consent, begin, week, self.today)
    }

    fn listing(&self) -> Result<Listing, ReportError> {
        Listing::read(&self.options.folder)
    }

    fn say(&mut self, event: Event) {
        self.summary.events.push(event);
    }
}

/// When a pending week began. What cannot be read began before any day of opting in.
pub(super) fn read_begin(folder: &Folder, week: Day) -> Option<Day> {
    let text = files::read_text(&shelf::pending(folder, week), LONGEST_MARK).unwrap_or_default();
    let begin = text.trim().strip_prefix("began ").and_then(|day| day.parse().ok());
    Some(begin.unwrap_or_else(|| Day::of(SystemTime::UNIX_EPOCH)))
}

/// Reads a report that this machine wrote; the error says what is wrong with it.
pub(super) fn read_report(path: &Path) -> Result<Report, String> {
    let in_file = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
    let text = read_text(path).map_err(|e| in_file(&e))?;
    Report::from_json(text.as_bytes()).map_err(|e| in_file(&e))
}

pub(super) fn read_text(path: &Path) -> io::Result<String> {
    files::read_text(path, LONGEST_REPORT)
}
