//! Checks that the config which a report names asks for every string and number in it.
//!
//! **Nothing honest is refused, nothing foreign is stored.** Go's client filters what it sends by
//! program, version, toolchain, counter, stack and rate, so anything wrong there is a [`Refusal`]. It
//! filters by nothing else; what it may honestly send beyond that is left out, and the rest is
//! accepted:
//!
//! | in the report | what is stored |
//! | --- | --- |
//! | a build for a GOOS or GOARCH that the config does not name | the report without it. If nothing is left, the report without programs, which still counts as one installation |
//! | more frames than the stack's depth | the first ones. Stacks that become equal are added up |
//! | a frame that does not match the grammar | the report without that stack |
//! | functions outside the `packages` of the stack's chart | one fixed frame in their place, see [`packages`](crate::collection::packages). Stacks that become equal are added up |
//! | a count of 0, or less | the report without that counter (see [`Report::decode`]) |
//! | LastWeek | the report without it |
//!
//! A week that has not ended is [`Unavailable`], unless it is more than [`MAX_WEEK_AHEAD`] days ahead.
//!
//! Only this file makes a [`CheckedReport`], and nothing else can be stored. It is written from the
//! parsed values, so nothing unchecked can pass. What is stored is its public row: without LastWeek,
//! and with X rounded up to the config's smallest rate that is not below it. That keeps, for each of
//! the config's rates, whether X is at most that rate; X is needed for nothing else.

use super::logged_config::LoggedConfig;
use super::refusal::{Field, Refusal};
use super::report::{ProgramReport, Report};
use super::unavailable::Unavailable;
use super::{CLOCK_TOLERANCE, MAX_WEEK_AGE, MAX_WEEK_AHEAD};
use crate::collection::X;
use crate::collection::config::Rate;
use crate::day::Day;
use crate::report::Counts;
use jiff::{SignedDuration, Timestamp};
use std::time::SystemTime;

/// A report that its config allows, ready to be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckedReport {
    week: Day,
    oldest: Day,
    bytes: Vec<u8>,
    row: Vec<u8>,
}

impl CheckedReport {
    /// The report's week.
    pub fn week(&self) -> Day {
        self.week
    }

    /// The oldest week that was accepted when this report was checked.
    pub fn oldest(&self) -> Day {
        self.oldest
    }

    /// The report's canonical form, with all that was sent, which identifies it. It is never written to
    /// disk.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The report's public row: what is stored of it.
    pub fn row(&self) -> &[u8] {
        &self.row
    }

    /// Its size in memory, in bytes.
    pub(super) fn size(&self) -> usize {
        self.bytes.len() + self.row.len()
    }
}

/// The oldest week whose reports are accepted at this time.
pub fn oldest_week(now: Timestamp) -> Day {
    day(now).minus(MAX_WEEK_AGE.unsigned_abs())
}

/// Why a report is not accepted.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum NotAccepted {
    /// It is refused for good.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// It may be accepted later.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// Checks a report that was sent to `/upload/DATE` against the config that it names.
///
/// The first problem found is the refusal. If `config` is not of the version that the report names, it
/// is refused.
pub fn check(
    report: &Report<'_>,
    date: Day,
    config: &LoggedConfig,
    now: Timestamp,
) -> Result<CheckedReport, NotAccepted> {
    check_week(report, date, now)?;
    if config.version() == report.config {
        config.check_open(day(now).civil())?;
    }
    let kept = keep_report(report, config)?;
    let rate = config.allowed().rate_from(kept.x.get()).and_then(|rate| X::new(rate.get()));
    // No report that gets here has an X above all rates.
    let rate = rate.unwrap_or(X::LARGEST);
    let bytes = report.encode();
    let row = match kept.programs == report.programs {
        true => kept.encode_public_from(&bytes, rate),
        false => kept.encode_public(rate),
    };
    Ok(CheckedReport { week: report.week, oldest: oldest_week(now), bytes, row })
}

/// Checks what needs no config: whether reports of this week are accepted now.
pub(super) fn check_week(
    report: &Report<'_>,
    date: Day,
    now: Timestamp,
) -> Result<(), NotAccepted> {
    let week = report.week;
    if date != week {
        return Err(Refusal::OtherWeek { week, date }.into());
    }
    // A client uploads as soon as its own clock says that the week is over. Our clock may be behind,
    // and a refused report is lost.
    let tolerance = SignedDuration::from_secs(CLOCK_TOLERANCE);
    if week > day(now.checked_add(tolerance).unwrap_or(now)) {
        let ahead = SignedDuration::from_hours(24 * i64::from(MAX_WEEK_AHEAD));
        if week > day(now.checked_add(ahead).unwrap_or(now)) {
            return Err(Refusal::Future { week }.into());
        }
        // Only fails at the end of the calendar.
        let ends = Timestamp::try_from(week.start()).unwrap_or(now);
        let wait = ends.duration_since(now).saturating_sub(tolerance);
        return Err(Unavailable::NotEnded { week, wait }.into());
    }
    if week < oldest_week(now) {
        return Err(Refusal::TooOld { week }.into());
    }
    Ok(())
}

fn day(time: Timestamp) -> Day {
    Day::of(SystemTime::from(time))
}

/// What the config allows of a report.
fn keep_report<'a>(report: &Report<'a>, config: &LoggedConfig) -> Result<Report<'a>, NotAccepted> {
    let version = report.config;
    if config.version() != version {
        return Err(Refusal::Config { version }.into());
    }
    let rate = config.allowed().sample_rate();
    if !rate.samples(report.x) {
        return Err(Refusal::Sampled { x: report.x, rate, config: version }.into());
    }
    check_builds(&report.programs)?;
    let kept = report.programs.iter().map(|program| keep_program(program, report.x, config));
    Ok(Report {
        week: report.week,
        last_week: None,
        x: report.x,
        programs: kept.filter_map(Result::transpose).collect::<Result<_, _>>()?,
        config: version,
    })
}

/// What the config allows of a program's report; `None` if the config does not name its platform.
fn keep_program<'a>(
    report: &ProgramReport<'a>,
    x: X,
    config: &LoggedConfig,
) -> Result<Option<ProgramReport<'a>>, NotAccepted> {
    let (allowed, version) = (config.allowed(), config.version());
    let unknown =
        |field, name: &str| Refusal::Unknown { field, name: name.to_owned(), config: version };
    let program =
        allowed.program(&report.program).ok_or_else(|| unknown(Field::Program, &report.program))?;
    let unknown_here = |field, name: &str| Refusal::UnknownInProgram {
        field,
        name: name.to_owned(),
        program: report.program.to_string(),
        config: version,
    };
    if !program.version(&report.version) {
        return Err(unknown_here(Field::Version, &report.version).into());
    }
    if !allowed.toolchain(&report.toolchain) {
        return Err(unknown(Field::Toolchain, &report.toolchain).into());
    }
    for (name, _) in report.counters.iter() {
        let rate = program.counter(name).ok_or_else(|| unknown_here(Field::Counter, name))?;
        check_rate(Field::Counter, name, rate, x)?;
    }
    let mut stacks = Vec::with_capacity(report.stacks.len());
    for (stack, count) in report.stacks.iter() {
        let (name, frames) = match stack.split_once('\n') {
            Some((name, frames)) => (name, Some(frames)),
            None => (stack, None),
        };
        let allowed = program.stack(name).ok_or_else(|| unknown_here(Field::Stack, name))?;
        check_rate(Field::Stack, name, allowed.rate, x)?;
        let frames = frames.ok_or_else(|| Refusal::NoFrames { name: name.to_owned() })?;
        if let Some(kept) = allowed.keep(frames) {
            let frames = config.name_packages(&report.program, name, kept.frames)?;
            stacks.push((format!("{name}\n{frames}").into(), count));
        }
    }
    if !allowed.goos(&report.goos) || !allowed.goarch(&report.goarch) {
        return Ok(None);
    }
    Ok(Some(ProgramReport { stacks: Counts::sum(stacks), ..report.clone() }))
}

fn check_rate(field: Field, name: &str, rate: Rate, x: X) -> Result<(), Refusal> {
    if !rate.samples(x) {
        return Err(Refusal::Rate { field, name: name.to_owned(), rate, x });
    }
    Ok(())
}

/// Refuses a report that lists a build of a program twice.
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

#[cfg(test)]
#[path = "check_tests.rs"]
mod tests;
