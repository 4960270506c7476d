//! The check: is every string and number of this report one that the config it names asks for?
//!
//! [`CheckedReport`] is made here and nowhere else, and nothing else can be stored. What it holds
//! is written anew from what was understood, so nothing that was not looked at can pass.

use super::configs::LoggedConfig;
use super::refusal::{Refusal, What};
use super::report::{ProgramReport, Report, X};
use super::{CLOCK_TOLERANCE, MAX_WEEK_AGE};
use crate::collection::config::Rate;
use crate::collection::frame::{is_frame, stack_depth};
use crate::gomod::ModuleVersion;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// A report that its config allows, ready to be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckedReport {
    week: Date,
    oldest: Date,
    identity: Identity,
    bytes: Vec<u8>,
}

/// What tells two reports apart: the first 16 bytes of the SHA-256 of a report's one form.
///
/// X is in it, which has some 52 random bits, so two installations that counted the same still send
/// two reports; one report sent twice is one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Identity([u8; 16]);

impl Identity {
    /// The identity of a report in its one form.
    pub fn of(bytes: &[u8]) -> Identity {
        let mut identity = [0; 16];
        identity.iter_mut().zip(Sha256::digest(bytes)).for_each(|(to, from)| *to = from);
        Identity(identity)
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// The identity with these bytes.
    pub(super) fn from_bytes(bytes: [u8; 16]) -> Identity {
        Identity(bytes)
    }
}

impl CheckedReport {
    /// The report's week.
    pub fn week(&self) -> Date {
        self.week
    }

    /// The oldest week that was taken when this report was checked.
    pub fn oldest(&self) -> Date {
        self.oldest
    }

    /// What tells it from any other report.
    pub fn identity(&self) -> Identity {
        self.identity
    }

    /// The report in its one form.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// The oldest week of which reports are taken at this time.
pub fn oldest_week(now: Timestamp) -> Date {
    let today = day(now);
    // Only the first days of the calendar have no such day before them.
    today.checked_sub(i64::from(MAX_WEEK_AGE).days()).unwrap_or(Date::MIN)
}

/// Checks a report that was sent to `/upload/DATE` against the config that it names.
///
/// The first thing that is wrong is the refusal. A `config` of another version than the report's
/// allows nothing.
pub fn check(
    report: &Report<'_>,
    date: Date,
    config: &LoggedConfig,
    now: Timestamp,
) -> Result<CheckedReport, Refusal> {
    let week = report.week;
    if date != week {
        return Err(Refusal::OtherWeek { week, date });
    }
    // A client uploads as soon as its own clock says that the week is over. Ours may be behind, and
    // a report that is refused is lost.
    let latest = now.checked_add(SignedDuration::from_secs(CLOCK_TOLERANCE)).unwrap_or(now);
    if week > day(latest) {
        return Err(Refusal::Future { week });
    }
    let oldest = oldest_week(now);
    if week < oldest {
        return Err(Refusal::TooOld { week });
    }
    if let Some(last_week) = report.last_week
        && last_week >= week
    {
        return Err(Refusal::LastWeek { last_week, week });
    }
    let version = report.config;
    if config.version() != version {
        return Err(Refusal::Config { version });
    }
    let rate = config.allowed().sample_rate();
    if report.x.get() > rate.get() {
        return Err(Refusal::Sampled { x: report.x, rate, config: version });
    }
    report.programs.iter().try_for_each(|program| check_program(program, report.x, config))?;
    check_builds(&report.programs)?;
    let bytes = report.encode();
    Ok(CheckedReport { week, oldest, identity: Identity::of(&bytes), bytes })
}

fn day(time: Timestamp) -> Date {
    TimeZone::UTC.to_datetime(time).date()
}

fn check_program(report: &ProgramReport<'_>, x: X, config: &LoggedConfig) -> Result<(), Refusal> {
    let (allowed, version) = (config.allowed(), config.version());
    let program = allowed
        .program(&report.program)
        .ok_or_else(|| unknown(What::Program, &report.program, version))?;
    let unknown_here = |what, name: &str| Refusal::UnknownInProgram {
        what,
        name: name.to_owned(),
        program: report.program.to_string(),
        config: version,
    };
    if !program.version(&report.version) {
        return Err(unknown_here(What::Version, &report.version));
    }
    for (what, name, known) in [
        (What::Toolchain, &report.toolchain, allowed.toolchain(&report.toolchain)),
        (What::Goos, &report.goos, allowed.goos(&report.goos)),
        (What::Goarch, &report.goarch, allowed.goarch(&report.goarch)),
    ] {
        if !known {
            return Err(unknown(what, name, version));
        }
    }
    for (name, _) in report.counters.iter() {
        let rate = program.counter(name).ok_or_else(|| unknown_here(What::Counter, name))?;
        check_rate(What::Counter, name, rate, x)?;
    }
    for (stack, _) in report.stacks.iter() {
        let (name, frames) = match stack.split_once('\n') {
            Some((name, frames)) => (name, Some(frames)),
            None => (stack, None),
        };
        let allowed = program.stack(name).ok_or_else(|| unknown_here(What::Stack, name))?;
        check_rate(What::Stack, name, allowed.rate, x)?;
        check_frames(name, frames, allowed.depth)?;
    }
    Ok(())
}

/// Checks what stands below the name of a stack counter: one frame a line.
fn check_frames(name: &str, frames: Option<&str>, depth: u32) -> Result<(), Refusal> {
    let frames = frames.ok_or_else(|| Refusal::NoFrames { name: name.to_owned() })?;
    let name = || name.to_owned();
    match stack_depth(frames).map(|found| (found, u32::try_from(found))) {
        Some((_, Ok(found))) if found <= depth => Ok(()),
        Some((frames, _)) => Err(Refusal::TooDeep { name: name(), frames, depth }),
        None => {
            let frame = frames.split('\n').find(|line| !is_frame(line)).unwrap_or_default();
            Err(Refusal::Frame { name: name(), frame: frame.to_owned() })
        }
    }
}

fn check_rate(what: What, name: &str, rate: Rate, x: X) -> Result<(), Refusal> {
    if x.get() > rate.get() {
        return Err(Refusal::Rate { what, name: name.to_owned(), rate, x });
    }
    Ok(())
}

/// Each build of a program reports once: otherwise its counts would have two places.
fn check_builds(programs: &[ProgramReport<'_>]) -> Result<(), Refusal> {
    let mut builds: Vec<_> = programs
        .iter()
        .map(|p| [&*p.program, &*p.version, &*p.toolchain, &*p.goos, &*p.goarch])
        .collect();
    builds.sort_unstable();
    let twice = builds.windows(2).find_map(|pair| match pair {
        [[program, rest @ ..], [other, others @ ..]] if program == other && rest == others => {
            Some((*program).to_owned())
        }
        _ => None,
    });
    twice.map_or(Ok(()), |program| Err(Refusal::Twice { program }))
}

fn unknown(what: What, name: &str, config: ModuleVersion) -> Refusal {
    Refusal::Unknown { what, name: name.to_owned(), config }
}

#[cfg(test)]
#[path = "check_tests.rs"]
mod tests;
