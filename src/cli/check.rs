//! `candor check`: every mistake of a charts folder, or that there are none.
//!
//! | file | one idea |
//! | --- | --- |
//! | `configs` | which configs of a deployment are open, and what these definitions change |
//! | `packages` | proposing `packages` for stack charts |

mod configs;
mod packages;

use self::configs::CheckedVersions;
use self::packages::Proposals;
use super::rates::{Place, observed};
use super::shell::quoted;
use super::today::today;
use super::{Failure, Output};
use crate::charts::diagnostic::{Severity, UNREAD_FILE};
use crate::charts::{
    Definitions, Diagnostic, Diagnostics, Repository, charts_folder, parse, read_work_tree,
    unread_in, unread_of,
};
use crate::client::Address;
use crate::count::count;
use crate::gomod::ModuleVersion;
use crate::review::{
    self, AllowedHere, Linted, NotCompared, Proposal, SeenPrograms, counts_since, lint,
    old_populations, propose,
};
use jiff::civil::Date;
use serde::Serialize;
use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::{Path, PathBuf};

/// Check a charts folder, and show all the mistakes in it.
///
/// Nothing is collected and nothing published. Warnings alone do not fail the check; charts that expire
/// within 30 days are among them. With a deployment, it also says under which published configs reports
/// are accepted; with a program's list of dependencies, it proposes whose functions stacks may name.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  \
    candor check charts-config\n  \
    candor check --json charts-config\n  \
    candor check charts-config --url https://telemetry.example.org\n  \
    candor check charts-config --packages-from go.sum\n  \
    candor check charts-config --base origin/main --format markdown")]
pub(super) struct Args {
    /// The charts folder, or a folder with one named charts-config.
    charts: PathBuf,
    /// Warn of what expires within 30 days of this day, in UTC [default: today].
    #[arg(long, value_name = "DATE")]
    as_of: Option<Date>,
    /// The folder of the deployment: show which of its configs are open, closed and revoked.
    #[arg(long, value_name = "DIR", conflicts_with = "url")]
    data: Option<PathBuf>,
    /// The same for the deployment at this address, read from its site.
    #[arg(long, value_name = "URL")]
    url: Option<Address>,
    /// A go.sum or Cargo.lock of the programs: propose `packages` for each stack chart, as TOML to paste and
    /// to shorten. May be given several times. Nothing is proposed while the definitions have mistakes.
    #[arg(long, value_name = "FILE")]
    packages_from: Vec<PathBuf>,
    /// Say what these definitions change, compared with a branch, tag or commit: what is newly collected and
    /// no longer, from how many reports, and who asked. The commit is the last one that both have. With a
    /// deployment, its charts say how many installations have the versions that a chart counts.
    #[arg(long, value_name = "REV")]
    base: Option<String>,
    /// How to print the result.
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = Format::Text)]
    format: Format,
}

/// How to print the result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// For a terminal.
    Text,
    /// As JSON, like --json.
    Json,
    /// As a comment for a proposal.
    Markdown,
    /// For code scanning services: SARIF 2.1.0.
    Sarif,
}

/// What is printed as JSON.
#[derive(Default, Serialize)]
struct Report<'a> {
    /// Whether there are no errors.
    valid: bool,
    /// How many charts are defined.
    charts: usize,
    /// For how many programs.
    programs: usize,
    /// Errors and warnings.
    diagnostics: Vec<&'a Diagnostic>,
    /// Whether reports under each published config are accepted, with `--data` or `--url`.
    #[serde(skip_serializing_if = "Option::is_none")]
    configs: Option<&'a CheckedVersions>,
    /// What is proposed for each stack chart, with `--packages-from`.
    #[serde(skip_serializing_if = "Option::is_none")]
    packages: Option<&'a Proposals>,
    /// What the definitions change, with `--base`.
    #[serde(skip_serializing_if = "Option::is_none")]
    proposal: Option<&'a Proposal>,
}

/// The configs of a deployment in a folder under which reports are accepted, the newest first.
pub(super) fn open_configs_of_folder(
    folder: &Path,
    definitions: &Definitions,
    today: Date,
) -> Result<Vec<ModuleVersion>, Failure> {
    Ok(configs::of_folder(folder, definitions, today)?.0.open())
}

/// The same of the deployment at an address.
pub(super) fn open_configs_of_address(
    address: &Address,
    definitions: &Definitions,
    today: Date,
) -> Result<Vec<ModuleVersion>, Failure> {
    Ok(configs::of_address(address, definitions, today)?.0.open())
}

pub(super) fn run(mut args: Args, mut out: Output) -> Result<(), Failure> {
    match args.format {
        Format::Json => out.json = true,
        Format::Text if out.json => args.format = Format::Json,
        format if out.json && format != Format::Json => {
            return Err(Failure::usage("--json and another --format exclude each other"));
        }
        _ => {}
    }
    let folder = charts_folder(&args.charts);
    let sources = read_work_tree(&folder)?;
    let definitions = match parse(&sources) {
        Ok(definitions) => definitions,
        Err(errors) => {
            // What is missing may be in a file that is not read.
            let unread = unread_in(&folder).into_iter().map(unread_warning);
            let all = Diagnostics::new(errors.iter().cloned().chain(unread).collect());
            let errors = without_known(all.unwrap_or(errors), args.base.as_deref(), &folder);
            return mistakes(errors, &args, &folder, out);
        }
    };
    let as_of = args.as_of.unwrap_or_else(today);
    let proposed = match &args.base {
        None => None,
        Some(base) => {
            let seen = seen(&args, &definitions, as_of, out);
            Some(proposal((folder.as_path(), base.as_str()), &definitions, as_of, &seen)?)
        }
    };
    let old = match &proposed {
        Some(proposed) => proposed.old.clone(),
        None => old_in(&folder, &definitions, as_of),
    };
    let linted = lint(&definitions, &sources, &old, as_of);
    let mut warnings = linted.warnings;
    let unread_before = proposed.as_ref().map(|proposed| &proposed.unread);
    let unread = unread_in(&folder).into_iter();
    let unread = unread.filter(|path| unread_before.is_none_or(|known| !known.contains(path)));
    warnings.extend(unread.map(unread_warning));
    let configs = match (&args.data, &args.url) {
        (Some(folder), _) => Some(configs::of_folder(folder, &definitions, as_of)?),
        (_, Some(address)) => Some(configs::of_address(address, &definitions, as_of)?),
        _ => None,
    };
    let configs = configs.map(|(configs, found)| {
        warnings.extend(found);
        configs
    });
    let packages = match args.packages_from.as_slice() {
        [] => None,
        files => Some(packages::propose(files, &definitions)?),
    };
    let proposal = proposed.map(|Proposed { mut proposal, before, .. }| {
        // What was there before is not the proposal's.
        warnings.retain(|found| !before.warnings.iter().any(|known| is_same(found, known)));
        let same = |one: &AllowedHere, other: &AllowedHere| {
            (one.code, &one.file, &one.reason) == (other.code, &other.file, &other.reason)
        };
        let is_new = |one: &AllowedHere| !before.allowed.iter().any(|known| same(one, known));
        proposal.allowed = linted.allowed.into_iter().filter(is_new).collect();
        proposal
    });
    let parts = [
        configs.as_ref().map(ToString::to_string),
        packages.as_ref().map(ToString::to_string),
        proposal.as_ref().map(review::text),
    ];
    match args.format {
        Format::Markdown => {
            let command = command(&args, &folder);
            out.result(&(), review::markdown(proposal.as_ref(), &warnings, &command))
        }
        Format::Sarif => {
            Output { json: true }.result(&review::sarif(&warnings, &inside(&folder)), "")
        }
        Format::Json | Format::Text => {
            let report = Report {
                valid: true,
                charts: definitions.charts.len(),
                programs: definitions.programs.len(),
                diagnostics: warnings.iter().collect(),
                configs: configs.as_ref(),
                packages: packages.as_ref(),
                proposal: proposal.as_ref(),
            };
            let shown: Vec<Diagnostic> = warnings.iter().map(|one| one.below(&folder)).collect();
            out.result(&report, text(&definitions, &shown, parts))
        }
    }
}

/// Mistakes with the warnings beside them, but for those that the definitions which a proposal would change have, too.
fn without_known(found: Diagnostics, base: Option<&str>, folder: &Path) -> Diagnostics {
    let Some(base) = base else { return found };
    let known = || {
        let folder = folder.display().to_string();
        let repository = Repository::open(&folder, None, Path::new("")).ok()?;
        let revision = repository.read_base(base).ok()??;
        let mut known: Vec<Diagnostic> = match parse(&revision.sources) {
            Ok(definitions) => definitions.warnings,
            Err(errors) => errors.into_iter().collect(),
        };
        known.extend(unread_of(&revision).unwrap_or_default().into_iter().map(unread_warning));
        Some(known)
    };
    // Without a base that can be read, all of it is shown.
    let Some(known) = known() else { return found };
    let is_new = |one: &Diagnostic| {
        one.severity == Severity::Error || !known.iter().any(|known| is_same(one, known))
    };
    let new = Diagnostics::new(found.iter().filter(|one| is_new(one)).cloned().collect());
    new.unwrap_or(found)
}

/// Whether two diagnostics say the same, wherever in its file it is.
fn is_same(one: &Diagnostic, other: &Diagnostic) -> bool {
    (&one.file, one.code, &one.message) == (&other.file, other.code, &other.message)
}

/// Prints the mistakes in definitions.
fn mistakes(errors: Diagnostics, args: &Args, folder: &Path, out: Output) -> Result<(), Failure> {
    match args.format {
        Format::Json => {
            let diagnostics = errors.iter().collect();
            out.result(&Report { diagnostics, ..Report::default() }, "")?;
            Err(Failure::reported())
        }
        Format::Markdown => {
            let errors: Vec<Diagnostic> = errors.into_iter().collect();
            out.result(&(), review::markdown(None, &errors, &command(args, folder)))?;
            Err(Failure::reported())
        }
        Format::Sarif => {
            Output { json: true }.result(&review::sarif(errors.iter(), &inside(folder)), "")?;
            Err(Failure::reported())
        }
        Format::Text => {
            if !args.packages_from.is_empty() {
                out.say(
                    "no packages are proposed while the definitions have mistakes; fix these first:",
                );
            }
            Err(errors.below(folder).into())
        }
    }
}

/// Definitions beside those of the last commit that they have in common with another.
struct Proposed {
    /// What they change.
    proposal: Proposal,
    /// What the lints say of the definitions of that commit.
    before: Linted,
    /// The programs whose population is old.
    old: BTreeSet<String>,
    /// The files in that commit that look like definitions and are not read.
    unread: BTreeSet<String>,
}

/// The programs whose population is old, as far as the folder's repository knows. Outside of one, and of a history that
/// was not fetched, nothing is known.
fn old_in(folder: &Path, definitions: &Definitions, as_of: Date) -> BTreeSet<String> {
    if definitions.programs.iter().all(|program| program.population.is_none()) {
        return BTreeSet::new();
    }
    let old = || {
        let repository = Repository::open(&folder.display().to_string(), None, Path::new(""))?;
        old_populations(definitions, &repository.read(Some("HEAD"))?, as_of)
    };
    old().unwrap_or_default()
}

/// What is said of a file that looks like a definition and is not read.
fn unread_warning(path: String) -> Diagnostic {
    let message = "this file is not read, since its name is not that of a definition";
    let help = "remove it, or give it a name that ends in .toml; editors and merges leave such files behind";
    Diagnostic::file(Severity::Warning, path, message).with_code(UNREAD_FILE).with_help(help)
}

/// The versions that programs have, if the deployment's charts are needed to tell how accurate a chart is.
fn seen(args: &Args, definitions: &Definitions, as_of: Date, out: Output) -> SeenPrograms {
    let place = match (&args.data, &args.url) {
        (Some(folder), _) => Place::Folder(folder.clone()),
        (_, Some(address)) => Place::Site(address.clone()),
        _ => return SeenPrograms::new(),
    };
    if !definitions.live(as_of).any(|chart| counts_since(chart, definitions).is_some()) {
        return SeenPrograms::new();
    }
    match observed(&place, definitions, as_of, 1) {
        Ok(programs) => {
            let programs = programs.into_iter();
            programs.filter_map(|(path, found)| Some((path, found.versions()?))).collect()
        }
        Err(failure) => {
            // What is collected can be told without it.
            out.say(format_args!(
                "candor: it is not known which versions installations have: {}",
                failure.message
            ));
            SeenPrograms::new()
        }
    }
}

fn proposal(
    (folder, base): (&Path, &str),
    definitions: &Definitions,
    as_of: Date,
    seen: &SeenPrograms,
) -> Result<Proposed, Failure> {
    // Of a local repository, nothing is cached.
    let repository = Repository::open(&folder.display().to_string(), None, Path::new(""))?;
    let Some(revision) = repository.read_base(base)? else {
        let proposal = propose(None, definitions, as_of, seen);
        return Ok(Proposed {
            proposal,
            before: Linted::default(),
            old: BTreeSet::new(),
            unread: BTreeSet::new(),
        });
    };
    // A history that was not fetched says nothing of it.
    let old = old_populations(definitions, &revision, as_of).unwrap_or_default();
    let unread = unread_of(&revision).unwrap_or_default();
    let nothing_old = BTreeSet::new();
    let (proposal, before) = match parse(&revision.sources) {
        Ok(base) => (
            propose(Some(&base), definitions, as_of, seen),
            lint(&base, &revision.sources, &nothing_old, as_of),
        ),
        Err(errors) => {
            let mut proposal = propose(None, definitions, as_of, seen);
            let errors = errors.iter().filter(|error| error.severity == Severity::Error);
            let mistakes: Vec<&Diagnostic> = errors.collect();
            proposal.not_compared = mistakes.first().map(|first| NotCompared {
                commit: revision.commit.to_string(),
                place: match first.line {
                    Some(line) => format!("{}:{line}", first.file),
                    None => first.file.clone(),
                },
                mistake: first.message.clone(),
                more: mistakes.len() - 1,
            });
            (proposal, Linted::default())
        }
    };
    Ok(Proposed { proposal, before, old, unread })
}

/// The command that prints everything about this check, from the root of the repository.
fn command(args: &Args, folder: &Path) -> String {
    let inside = inside(folder);
    let folder = if inside.is_empty() { "." } else { inside.as_str() };
    let base = args.base.as_ref().map(|base| format!(" --base {}", quoted(base)));
    let as_of = args.as_of.map(|day| format!(" --as-of {day}"));
    format!(
        "candor check {}{}{}",
        quoted(folder),
        base.unwrap_or_default(),
        as_of.unwrap_or_default()
    )
}

/// The charts folder from the root of its repository, as well as it is known.
fn inside(folder: &Path) -> String {
    let whole = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
    let top = whole.ancestors().find(|above| above.join(".git").exists());
    let inside = top.and_then(|top| whole.strip_prefix(top).ok()).unwrap_or(folder);
    inside.display().to_string()
}

fn text<const N: usize>(
    definitions: &Definitions,
    warnings: &[Diagnostic],
    parts: [Option<String>; N],
) -> String {
    let mut text = String::new();
    for warning in warnings {
        // Writing to a string does not fail.
        let _ = writeln!(text, "{warning}\n");
    }
    let (charts, programs) = (definitions.charts.len(), definitions.programs.len());
    let _ =
        writeln!(text, "no mistakes: {}, {}", count(charts, "chart"), count(programs, "program"));
    for part in parts.into_iter().flatten() {
        let _ = write!(text, "\n{part}");
    }
    text
}
