//! One run: what has ended becomes reports, and what may be sent is sent.
//!
//! The module's page tells the steps and what may happen between any two of them.

use super::destination::Destination;
use super::error::ReportError;
use super::event::{Event, Summary};
use super::filter::{Reason, filter};
use super::json::{Draw, LocalReport, Report};
use super::known_config::{ConfigFetcher, FetchFailure, must_check};
use super::rules::Hold;
use super::sampling::choose_config;
use super::shelf::{self, Listing, Shelf};
use super::weeks::{Week, Weeks};
use super::x::{RandomnessError, X};
use crate::client::day::Day;
use crate::client::files;
use crate::client::folder::Folder;
use crate::client::mode::{Consent, Mode};
use crate::client::upload::{Answer, Upload};
use crate::client::{ConfigSource, Http, Transport};
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
    /// Where reports go. Without it nothing is fetched or sent: local reports are made, and their X
    /// drawn where the config known from earlier runs is recent enough to sample them.
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
    run(options, &Http::new(), &|| Consent::now(&options.folder), &X::draw)
}

pub(crate) fn run(
    options: &RunOptions,
    wire: &dyn Wire,
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
    let Some(shelf) = Shelf::take(&options.folder)? else {
        summary.busy = true;
        return Ok(summary);
    };
    let today = Day::of(options.now);
    let mut run = Run { options, wire, consent, draw, shelf, today, no_config: false, summary };
    run.make_local_reports()?;
    if run.summary.consent.mode != Mode::On {
        return Ok(run.summary);
    }
    if let Some(destination) = &options.destination {
        destination.bind(&run.shelf, &options.folder)?;
        run.decide(&destination.source)?;
        run.send(destination)?;
    } else if let Ok(Some(destination)) = Destination::of_folder(&options.folder) {
        run.decide(&destination.source)?;
    }
    Ok(run.summary)
}

struct Run<'a> {
    options: &'a RunOptions,
    wire: &'a dyn Wire,
    consent: &'a dyn Fn() -> Consent,
    draw: &'a dyn Fn() -> Result<X, RandomnessError>,
    shelf: Shelf,
    today: Day,
    /// Whether a config was asked for in vain: it is not asked for again in this run.
    no_config: bool,
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
        let report = LocalReport {
            week: end,
            last_week: listing.last_sent_before(end),
            programs: week.programs.clone(),
            draw: made.as_ref().and_then(|made| Draw::of(Some(made.x), &made.config)),
        };
        let hold = Hold::check(&self.summary.consent, Some(begin), end, self.today);
        if hold.is_none() && made.is_none() {
            self.shelf.replace(&shelf::pending(folder, end), &format!("began {begin}\n"))?;
        }
        self.shelf.create(&shelf::local_report(folder, end), &report.to_json())?;
        self.say(Event::Reported { week: end, hold });
        Ok(())
    }

    /// A report that was made already, whatever became of it.
    fn read_made(&self, week: Day, listing: &Listing) -> Option<Report> {
        let folder = &self.options.folder;
        let (ready, sent) = (shelf::ready(folder, week), shelf::sent(folder, week));
        let path = match week {
            week if listing.ready.contains(&week) => ready,
            week if listing.sent.contains(&week) => sent,
            _ => return None,
        };
        Report::from_json(read_text(&path).ok()?.as_bytes()).ok()
    }

    /// Steps 4 to 7: of each pending week it is decided what is sent.
    fn decide(&mut self, source: &ConfigSource) -> Result<(), ReportError> {
        let (drawn, undrawn): (Vec<_>, Vec<_>) =
            self.undecided()?.into_iter().partition(|local| local.draw.is_some());
        let is_sending = self.options.destination.is_some();
        // First, as a renewed config takes the place of the one that is known.
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
                undrawn.iter().for_each(|local| self.say_waits(local.week, &failure));
                return Ok(());
            }
        };
        let allowed = Allowed::new(&known.config);
        for mut local in undrawn {
            let draw = local.draw(&known, self.draw)?;
            let path = shelf::local_report(&self.options.folder, local.week);
            self.shelf.replace(&path, &local.to_json())?;
            // Otherwise its user can see what will be sent, and what not and why.
            if is_sending {
                self.decide_one(&local, draw, &allowed)?;
            }
        }
        Ok(())
    }

    /// The pending weeks that may be sent. Those that never may are pending no longer.
    fn undecided(&mut self) -> Result<Vec<LocalReport>, ReportError> {
        let folder = &self.options.folder;
        let listing = self.listing()?;
        let mut undecided = Vec::new();
        for week in &listing.pending {
            let made = [&listing.ready, &listing.sent, &listing.refused];
            let hold = self.hold_of_pending(*week);
            match read_local(&shelf::local_report(folder, *week)) {
                // A run ended between step 7's two halves.
                _ if made.iter().any(|made| made.contains(week)) => {}
                _ if hold.is_some_and(Hold::may_pass) => continue,
                Ok(local) if hold.is_none() => {
                    undecided.push(local);
                    continue;
                }
                Ok(_) => self.say(Event::Held { week: *week, hold }),
                Err(reason) => self.say(Event::Lost { week: *week, reason }),
            }
            self.shelf.remove(&shelf::pending(folder, *week))?;
        }
        Ok(undecided)
    }

    /// Decides a week whose X was drawn by an earlier run, by the config of that run.
    fn decide_drawn(
        &mut self,
        local: LocalReport,
        source: &ConfigSource,
    ) -> Result<(), ReportError> {
        let (week, Some(draw)) = (local.week, local.draw) else { return Ok(()) };
        match self.fetcher(source).version(draw.config)? {
            Ok(Some(known)) => self.decide_one(&local, draw, &Allowed::new(&known.config)),
            Ok(None) => {
                let reason = format!("the log has no config {} any more", draw.config);
                self.say(Event::Withheld { week, reason });
                self.shelf.remove(&shelf::pending(&self.options.folder, week))
            }
            Err(failure) => {
                self.say_waits(week, &failure);
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

    /// Steps 8 and 9: what is ready is sent, the oldest first.
    fn send(&mut self, destination: &Destination) -> Result<(), ReportError> {
        let folder = &self.options.folder;
        let listing = self.listing()?;
        if listing.ready.is_empty() {
            return Ok(());
        }
        // Reports that were ready when a check failed wait with the others.
        if must_check(folder)
            && let Err(failure) = self.fetcher(&destination.source).newest(None)?
        {
            listing.ready.iter().for_each(|week| self.say_waits(*week, &failure));
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
        self.shelf.keep(unsent, &self.today.to_string())
    }

    /// What asks for configs; without a destination it asks for none.
    fn fetcher<'f>(&'f self, source: &'f ConfigSource) -> ConfigFetcher<'f> {
        let transport: &dyn Transport = &self.wire;
        ConfigFetcher {
            shelf: &self.shelf,
            folder: &self.options.folder,
            source,
            transport: self.options.destination.as_ref().map(|_| transport),
            now: self.options.now,
            asked_by_user: self.options.asked_by_user && !self.no_config,
        }
    }

    /// Without a destination, everything waits for a run with one.
    fn say_waits(&mut self, week: Day, failure: &FetchFailure) {
        self.no_config = true;
        if self.options.destination.is_some() {
            self.say(Event::Waits { week, reason: failure.reason.clone() });
        }
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

/// Reads a local report; the error says what is wrong with it.
pub(super) fn read_local(path: &Path) -> Result<LocalReport, String> {
    let in_file = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
    let text = read_text(path).map_err(|e| in_file(&e))?;
    LocalReport::from_json(text.as_bytes()).map_err(|e| in_file(&e))
}

pub(super) fn read_text(path: &Path) -> io::Result<String> {
    files::read_text(path, LONGEST_REPORT)
}
