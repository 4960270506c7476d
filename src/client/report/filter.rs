//! What may leave the machine: a local report, filtered by a verified config.
//!
//! Only what the config lists is sent: the program, its version, toolchain, operating system and
//! architecture; counters by their full name, if X is at most their rate; stacks by their name and as
//! many frames as their depth allows, all in the grammar of [`crate::collection::frame`], which the
//! server checks too. The same function makes what is sent and what `candor telemetry view` shows, so
//! the two are byte-identical.
//!
//! Go's client leaves operating system, architecture, depth and frames to its server to check.

use super::json::{Build, LocalReport, ProgramReport, Report};
use crate::collection::Allowed;
use crate::collection::X;
use crate::collection::allowed::AllowedProgram;
use crate::collection::config::Rate;
use crate::day::Day;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;

/// A local report, divided into what would be sent and what would not.
#[derive(Debug, Clone, PartialEq)]
pub struct Filtered {
    /// What is sent, if anything is.
    pub report: Option<Report>,
    /// What is not sent, and why.
    pub withheld: Vec<Withheld>,
}

/// Something that is not sent.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Withheld {
    /// The build that counted it; `None` for the report as a whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub build: Option<Build>,
    /// The name of the counter or stack; `None` for the whole build.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Why.
    #[serde(serialize_with = "as_text")]
    pub reason: Reason,
}

impl Withheld {
    /// What is not sent and why, in a sentence that names what the config lacks.
    pub fn sentence(&self) -> String {
        let name = self.name.as_deref().map(|name| name.split('\n').next().unwrap_or_default());
        let Some(build) = &self.build else { return self.reason.to_string() };
        let Build { program, version, toolchain, goos, goarch } = build;
        let lacking = match self.reason {
            Reason::Program => format!("program {program}"),
            Reason::Version => format!("version {version} of {program}"),
            Reason::Toolchain => format!("toolchain {toolchain}"),
            Reason::Goos => format!("operating system {goos}"),
            Reason::Goarch => format!("architecture {goarch}"),
            Reason::Counter => format!("counter {}", name.unwrap_or_default()),
            reason => {
                let what = name.map_or_else(|| in_words(build), str::to_owned);
                return format!("{what}: {reason}");
            }
        };
        format!("{lacking} is not in the config")
    }
}

/// A build on one line.
pub fn in_words(build: &Build) -> String {
    let Build { program, version, toolchain, goos, goarch } = build;
    format!("{program}@{version} {toolchain} {goos}/{goarch}")
}

/// Why nothing of a report is sent: what the sample, or the config, lacks.
pub fn why_nothing(withheld: &[Withheld]) -> String {
    let builds = withheld.iter().filter(|one| one.build.is_some() && one.name.is_none());
    let mut sentences: Vec<String> = builds.map(Withheld::sentence).collect();
    sentences.dedup();
    match withheld.iter().find(|one| matches!(one.reason, Reason::NotSampled { .. })) {
        Some(not_sampled) => not_sampled.reason.to_string(),
        None if sentences.is_empty() => Reason::NothingAsked.to_string(),
        None => crate::text::listed(&sentences, 3),
    }
}

/// Why something is not sent.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Reason {
    /// The report is not in the sample.
    NotSampled {
        /// Its X.
        x: X,
        /// The largest X that is sent.
        rate: Rate,
    },
    /// The config lists nothing that is in it.
    NothingAsked,
    /// The program is not listed.
    Program,
    /// The version is not listed.
    Version,
    /// The toolchain is not listed.
    Toolchain,
    /// The operating system is not listed.
    Goos,
    /// The architecture is not listed.
    Goarch,
    /// The counter is not listed.
    Counter,
    /// The counter is not in the sample.
    Rate {
        /// The report's X.
        x: X,
        /// The largest X with which this counter is sent.
        rate: Rate,
    },
    /// It has more frames than may be sent.
    Depth {
        /// How many may be sent.
        allowed: u32,
    },
    /// One of its lines is not a function and a line number.
    Frame,
    /// It was never counted.
    Zero,
}

/// Divides a local report by a config.
///
/// `x` is the week's, and `version` the config's; `last_week` is the week of the last report that
/// was sent before this one.
pub fn filter(
    local: &LocalReport,
    x: X,
    allowed: &Allowed,
    version: &str,
    last_week: Option<Day>,
) -> Filtered {
    let rate = allowed.sample_rate();
    if !rate.samples(x) {
        let reason = Reason::NotSampled { x, rate };
        let withheld = vec![Withheld { build: None, name: None, reason }];
        return Filtered { report: None, withheld };
    }
    let mut withheld = Vec::new();
    let programs: Vec<ProgramReport> = local
        .programs
        .iter()
        .filter_map(|program| match allowed_program(program, allowed) {
            Ok(rules) => Some(filter_program(program, rules, x, &mut withheld)),
            Err(reason) => {
                let build = Some(program.build());
                withheld.push(Withheld { build, name: None, reason });
                None
            }
        })
        .collect();
    if programs.is_empty() {
        // Go's client sends such a report. It would only say that this machine exists.
        withheld.push(Withheld { build: None, name: None, reason: Reason::NothingAsked });
        return Filtered { report: None, withheld };
    }
    let report = Report { week: local.week, last_week, x, programs, config: version.to_owned() };
    Filtered { report: Some(report), withheld }
}

fn allowed_program<'a>(
    build: &ProgramReport,
    allowed: &'a Allowed,
) -> Result<&'a AllowedProgram, Reason> {
    let program = allowed.program(&build.program).ok_or(Reason::Program)?;
    for (listed, reason) in [
        (program.version(&build.version), Reason::Version),
        (allowed.toolchain(&build.toolchain), Reason::Toolchain),
        (allowed.goos(&build.goos), Reason::Goos),
        (allowed.goarch(&build.goarch), Reason::Goarch),
    ] {
        if !listed {
            return Err(reason);
        }
    }
    Ok(program)
}

/// A program that the config lists stays in the report even without counters, as with Go's client:
/// charts of versions and platforms are made from the fact that it was used.
fn filter_program(
    program: &ProgramReport,
    rules: &AllowedProgram,
    x: X,
    withheld: &mut Vec<Withheld>,
) -> ProgramReport {
    let mut withhold = |name: &str, reason| {
        let (build, name) = (Some(program.build()), Some(name.to_owned()));
        withheld.push(Withheld { build, name, reason });
    };
    let mut counters = BTreeMap::new();
    for (name, count) in &program.counters {
        match check_counter(name, *count, rules, x) {
            Ok(()) => drop(counters.insert(name.clone(), *count)),
            Err(reason) => withhold(name, reason),
        }
    }
    // Stacks that differ only below the depth become one.
    let mut stacks: BTreeMap<String, i64> = BTreeMap::new();
    for (name, count) in &program.stacks {
        match keep_stack(name, *count, rules, x) {
            Ok((kept, deeper)) => {
                let sum = stacks.entry(kept).or_default();
                *sum = sum.saturating_add(*count);
                if let Some(reason) = deeper {
                    withhold(name, reason);
                }
            }
            Err(reason) => withhold(name, reason),
        }
    }
    ProgramReport::of(program.build(), counters, stacks)
}

fn check_counter(name: &str, count: i64, rules: &AllowedProgram, x: X) -> Result<(), Reason> {
    if count <= 0 {
        return Err(Reason::Zero);
    }
    check_rate(x, rules.counter(name).ok_or(Reason::Counter)?)
}

/// The part of a stack that is sent, and why it is not the whole.
fn keep_stack(
    stack: &str,
    count: i64,
    rules: &AllowedProgram,
    x: X,
) -> Result<(String, Option<Reason>), Reason> {
    if count <= 0 {
        return Err(Reason::Zero);
    }
    let (name, frames) = stack.split_once('\n').unwrap_or((stack, ""));
    let allowed = rules.stack(name).ok_or(Reason::Counter)?;
    check_rate(x, allowed.rate)?;
    let kept = allowed.keep(frames).ok_or(Reason::Frame)?;
    let deeper = kept.cut.then_some(Reason::Depth { allowed: allowed.depth });
    Ok((format!("{name}\n{}", kept.frames), deeper))
}

fn check_rate(x: X, rate: Rate) -> Result<(), Reason> {
    if rate.samples(x) { Ok(()) } else { Err(Reason::Rate { x, rate }) }
}

fn as_text<S: serde::Serializer>(reason: &Reason, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(reason)
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reason::NotSampled { x, rate } => {
                write!(f, "not in the sample: X is {:.4}, and the rate {:.4}", x.get(), rate.get())
            }
            Reason::NothingAsked => f.write_str("the config asks for nothing in it"),
            Reason::Program => f.write_str("the config does not list the program"),
            Reason::Version => f.write_str("the config does not list the version"),
            Reason::Toolchain => f.write_str("the config does not list the toolchain"),
            Reason::Goos => f.write_str("the config does not list the operating system"),
            Reason::Goarch => f.write_str("the config does not list the architecture"),
            Reason::Counter => f.write_str("the config does not list the counter"),
            Reason::Rate { x, rate } => {
                write!(f, "not in the sample: X is {:.4}, and its rate {:.4}", x.get(), rate.get())
            }
            Reason::Depth { allowed } => write!(f, "only the first {allowed} frames are sent"),
            Reason::Frame => f.write_str("a line of the stack is not a function and a line number"),
            Reason::Zero => f.write_str("never counted"),
        }
    }
}

#[cfg(test)]
#[path = "filter_tests.rs"]
mod tests;
