//! A report as the newest config lets clients send it, made up for the privacy page.

use crate::collection::config::{CollectionConfig, ProgramConfig, Rate};
use crate::collection::{Allowed, expand, go_json};
use crate::gomod::{CommitTime, ModuleVersion};
use crate::ingest::{Count, Counts, ProgramReport, Report, X};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use std::borrow::Cow;

/// How many counters are in the example.
const COUNTERS: usize = 4;

/// A report that a client under this config could send, as Go's clients write it; `None` where the
/// config asks for nothing. It follows from the config and its time alone.
pub(super) fn example(
    version: ModuleVersion,
    time: CommitTime,
    config: &CollectionConfig,
) -> Option<String> {
    go_json::to_string_indented(&report(version, time, config)?, "  ").ok()
}

/// The same, as data.
pub(super) fn report(
    version: ModuleVersion,
    time: CommitTime,
    config: &CollectionConfig,
) -> Option<Report<'static>> {
    let wanted = |program: &&ProgramConfig| {
        let counts = !program.counters.is_empty() || !program.stacks.is_empty();
        counts && !program.versions.is_empty()
    };
    let program = config.programs.iter().find(wanted)?;
    // Where a name is listed twice, the last one counts.
    let program = config.programs.iter().rfind(|other| other.name == program.name)?;
    let allowed = Allowed::new(config);
    let allowed = allowed.program(&program.name)?;
    // The first of each group: one installation seldom uses all.
    let counters = program.counters.iter().filter_map(|counter| expand(&counter.name).next());
    let counters = counters.filter_map(|name| Some((allowed.counter(&name)?, name)));
    let counters = counters.filter(|(rate, _)| *rate > Rate::NONE).take(COUNTERS);
    let stacks = program.stacks.iter().filter_map(|stack| {
        let allowed = allowed.stack(&stack.name).filter(|s| s.rate > Rate::NONE && s.depth > 0)?;
        Some((allowed.rate, format!("{}\nmain.main:+12", stack.name)))
    });
    let (counters, stacks): (Vec<_>, Vec<_>) = (counters.collect(), stacks.take(1).collect());
    // X decides what is in a report: this one is as small as the rarest thing shown asks for.
    let rates = counters.iter().chain(&stacks).map(|(rate, _)| *rate);
    let rate =
        rates.fold(config.sample_rate, |least, rate| if rate < least { rate } else { least });
    let week = day(time)?;
    Some(Report {
        week,
        last_week: week.checked_sub(7.days()).ok(),
        // Three digits are enough for an example, and rounding down keeps it under the rate.
        x: X::new((rate.get() * 618.0).floor() / 1000.0).or_else(|| X::new(rate.get()))?,
        programs: vec![ProgramReport {
            program: program.name.clone().into(),
            version: program.versions.last()?.clone().into(),
            toolchain: config.go_version.last()?.clone().into(),
            goos: config.goos.first()?.clone().into(),
            goarch: config.goarch.first()?.clone().into(),
            counters: counts(counters)?,
            stacks: counts(stacks)?,
        }],
        config: version,
    })
}

fn day(time: CommitTime) -> Option<Date> {
    let time = Timestamp::from_second(time.unix_seconds()).ok()?;
    Some(TimeZone::UTC.to_datetime(time).date())
}

/// Each name once, with some count.
fn counts(names: Vec<(Rate, String)>) -> Option<Counts<'static>> {
    let mut names: Vec<String> = names.into_iter().map(|(_, name)| name).collect();
    names.sort_unstable();
    names.dedup();
    let pairs = names.into_iter().zip([17, 3, 1, 208].into_iter().cycle());
    let pairs = pairs.map(|(name, count)| Some((Cow::Owned(name), Count::new(count)?)));
    Counts::from_pairs(pairs.collect::<Option<_>>()?).ok()
}
