//! `candor explain`: who asked for a string of the config.

use super::check::{open_configs_of_address, open_configs_of_folder};
use super::published::{PublishedConfigs, Where};
use super::today::today;
use super::{Failure, Output};
use crate::charts::version::{GoVersion, SemanticVersion};
use crate::charts::{CommitDetails, Definitions, Repository, RepositoryError, parse};
use crate::collection::{Allowed, CollectionConfig, ConfigString, contract, expand, needs};
use crate::count::count;
use crate::gomod::ModuleVersion;
use crate::review::{Asking, Explanation, StringKind, branches, explain};
use crate::terminal::OneLine;
use jiff::civil::Date;
use serde::Serialize;
use std::collections::{HashMap, HashSet};
use std::fmt::{self, Write};
use std::sync::Arc;

/// Say who asked for a string of the config: which definition, in which discussion, and which commit.
///
/// A string is a counter, a stack counter, a group like `editor:{vim,emacs}`, a program, a version, a
/// toolchain, an operating system or an architecture. The commit is the oldest in the unbroken line of
/// commits whose definitions need the string, wherever its folder was before. Of a merged branch, the commit that
/// wrote it and the one that merged it are both named. With a deployment, the first of its configs that has the string is named, too.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    candor explain charts-config gopls/client:vscode\n  \
    candor explain . --all --url https://telemetry.example.org\n  \
    candor explain https://example.org/project.git v1.4.0 --json")]
pub(super) struct Args {
    /// The git repository with the charts folder, or that folder: a path, or an https:// URL.
    #[arg(value_name = "CHARTS")]
    charts: String,
    /// The string.
    #[arg(value_name = "STRING", required_unless_present = "all", conflicts_with = "all")]
    string: Option<String>,
    /// Explain every string of the config.
    #[arg(long)]
    all: bool,
    /// The branch, tag or commit [default: the one checked out; of a URL, the default branch].
    #[arg(long, value_name = "REV")]
    rev: Option<String>,
    /// The charts folder in the repository [default: the folder named, its root, or charts-config].
    #[arg(long, value_name = "FOLDER")]
    path: Option<String>,
    /// The day for which charts are compiled, in UTC, which decides what has expired [default: today].
    #[arg(long, value_name = "DATE")]
    as_of: Option<Date>,
    #[command(flatten)]
    deployment: Where,
}

/// The most open configs that are looked through, the newest first.
const OPEN: usize = 50;

/// What is printed of a string.
#[derive(Serialize)]
struct Explained {
    #[serde(flatten)]
    explanation: Explanation,
    /// The first config of the deployment, in the unbroken line up to the newest, that has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    since: Option<ModuleVersion>,
}

pub(super) fn run(args: Args, out: Output) -> Result<(), Failure> {
    let cache = tempfile::tempdir()
        .map_err(|error| Failure::new(format!("cannot make a temporary folder: {error}")))?;
    let repository = Repository::open(&args.charts, args.path.as_deref(), cache.path())?;
    let revision = repository.read(args.rev.as_deref())?;
    let definitions = parse(&revision.sources)?;
    let as_of = args.as_of.unwrap_or_else(today);
    let wanted: Option<HashSet<String>> = args.string.as_ref().map(|string| {
        // A group stands for each of its counters.
        [string.clone()].into_iter().chain(expand(string)).collect()
    });
    let is_wanted = |string: &ConfigString| {
        wanted.as_ref().is_none_or(|wanted| wanted.contains(text_of(string)))
    };
    let nothing = |_: &str| Ok::<_, RepositoryError>(None);
    let mut explanations = explain(&revision, &definitions, as_of, is_wanted, nothing)?;
    branches(&mut explanations, &revision)?;
    if let (Some(string), true) = (&args.string, explanations.is_empty()) {
        let all = needs(&definitions, Date::MIN);
        let expired = all.iter().find(|(known, _)| is_wanted(known)).map(|(_, charts)| charts);
        let last = expired.and_then(|charts| {
            charts.iter().filter_map(|chart| chart.expires.as_ref()).map(|day| day.value).max()
        });
        let known = all.keys().map(text_of);
        let open = still_open(&args, &definitions, as_of, string)?;
        return Err(Failure::new(match last {
            Some(last) => format!(
                "{} is not collected any more: the last definition that asks for it expired on {last}{open}; \
                 to see who asked, add --as-of {last}",
                OneLine(string)
            ),
            None => format!(
                "{} is not in the config, and no definition asks for it{open}{}",
                OneLine(string),
                similar(string, known)
            ),
        }));
    }
    let missing: Vec<String> = args.string.iter().flat_map(|string| expand(string)).collect();
    let missing: Vec<String> = missing
        .into_iter()
        .filter(|name| !explanations.iter().any(|found| found.string == *name))
        .collect();
    let published = args.deployment.open()?;
    let since = published.map(|published| first_with(&explanations, &published)).transpose()?;
    let explained = explanations.into_iter().enumerate().map(|(at, explanation)| {
        let since = since.as_ref().and_then(|since| since.get(at).copied().flatten());
        Explained { explanation, since }
    });
    let explained: Vec<Explained> = explained.collect();
    let text = text(&explained);
    out.result(&explained, text)?;
    match missing.as_slice() {
        [] => Ok(()),
        [one] => Err(Failure::new(format!("{} is not in the config", OneLine(one)))),
        many => Err(Failure::new(format!("{} are not in the config", OneLine(many.join(", "))))),
    }
}

/// Says which configs of the deployment have the string and are still open, so that reports with it are accepted;
/// empty if there are none.
fn still_open(
    args: &Args,
    definitions: &Definitions,
    today: Date,
    string: &str,
) -> Result<String, Failure> {
    let Some(published) = args.deployment.open()? else { return Ok(String::new()) };
    let open = match &args.deployment.url {
        Some(address) => open_configs_of_address(address, definitions, today)?,
        None => match args.deployment.folder() {
            Some(folder) => open_configs_of_folder(&folder, definitions, today)?,
            None => Vec::new(),
        },
    };
    let mut having = Vec::new();
    for version in open.into_iter().take(OPEN) {
        if mentions(&published.config(version)?, string) {
            having.push(version.to_string());
        }
    }
    Ok(match having.as_slice() {
        [] => String::new(),
        [one] => {
            format!("; but the config {one} still asks for it, and reports under it are accepted")
        }
        many => format!(
            "; but the configs {} still ask for it, and reports under them are accepted",
            many.join(", ")
        ),
    })
}

/// Whether a config has a string, of any kind.
fn mentions(config: &CollectionConfig, string: &str) -> bool {
    let lists = [&config.goos, &config.goarch, &config.go_version];
    let is_listed = |list: &[String]| list.iter().any(|one| one == string);
    lists.into_iter().any(|list| is_listed(list))
        || config.programs.iter().any(|program| {
            program.name == string
                || is_listed(&program.versions)
                || program.stacks.iter().any(|stack| stack.name == string)
                || program.counters.iter().any(|counter| {
                    counter.name == string || expand(&counter.name).any(|name| name == string)
                })
        })
}

fn text_of(string: &ConfigString) -> &str {
    match string {
        ConfigString::Goos(name)
        | ConfigString::Goarch(name)
        | ConfigString::Toolchain(name)
        | ConfigString::Program(name)
        | ConfigString::Counter { name, .. }
        | ConfigString::Stack { name, .. } => name,
        ConfigString::Version { version, .. } => version,
    }
}

/// Names that contain the string, or its last part, as a hint; empty if there are none.
fn similar<'a>(string: &str, known: impl Iterator<Item = &'a str>) -> String {
    let last = string.rsplit([':', '/']).next().unwrap_or(string);
    let fits = |name: &&str| !last.is_empty() && name.contains(last);
    let mut found: Vec<&str> = known.filter(fits).collect();
    found.sort_unstable();
    found.dedup();
    found.truncate(5);
    match found.as_slice() {
        [] => "; --all lists everything".to_owned(),
        found => format!("; similar: {}", OneLine(found.join(", "))),
    }
}

/// The first config with each string, in the unbroken line up to the newest.
fn first_with(
    explanations: &[Explanation],
    published: &PublishedConfigs,
) -> Result<Vec<Option<ModuleVersion>>, Failure> {
    let mut since = vec![None; explanations.len()];
    let mut open: Vec<usize> = (0..explanations.len()).collect();
    let mut number = published.newest().map_or(0, ModuleVersion::number);
    while number > 0 && !open.is_empty() {
        let version = ModuleVersion::new(number)?;
        let config = published.config(version)?;
        let allowed = Allowed::new(&config);
        open.retain(|at| {
            let there = explanations.get(*at).is_some_and(|string| has(&config, &allowed, string));
            if let Some(since) = since.get_mut(*at).filter(|_| there) {
                *since = Some(version);
            }
            there
        });
        number -= 1;
    }
    Ok(since)
}

fn has(config: &CollectionConfig, allowed: &Allowed, explanation: &Explanation) -> bool {
    let string = explanation.string.as_str();
    let program = || allowed.program(explanation.program.as_deref()?);
    match explanation.kind {
        StringKind::Goos => config.goos.iter().any(|one| one == string),
        StringKind::Goarch => config.goarch.iter().any(|one| one == string),
        StringKind::Toolchain => config.go_version.iter().any(|one| one == string),
        StringKind::Program => allowed.program(string).is_some(),
        StringKind::Version => program().is_some_and(|program| program.version(string)),
        StringKind::Counter => program().is_some_and(|program| program.counter(string).is_some()),
        StringKind::Stack => program().is_some_and(|program| program.stack(string).is_some()),
    }
}

/// The explanations as text. Strings that are explained by the same words share a paragraph.
fn text(explained: &[Explained]) -> String {
    let mut text = String::new();
    let mut positions: HashMap<Key<'_>, usize> = HashMap::new();
    let mut paragraphs: Vec<Paragraph<'_>> = Vec::new();
    for one in explained {
        let position = *positions.entry(Key::of(one)).or_insert(paragraphs.len());
        match paragraphs.get_mut(position) {
            Some(paragraph) => paragraph.0.push(one),
            None => paragraphs.push(Paragraph(vec![one])),
        }
    }
    for paragraph in paragraphs {
        if !text.is_empty() {
            text.push('\n');
        }
        // Writing to a string does not fail.
        let _ = write!(text, "{paragraph}");
    }
    text
}

/// All that a paragraph says of a string, but the string itself and the line where it is written.
#[derive(PartialEq, Eq, Hash)]
struct Key<'e> {
    kind: StringKind,
    program: Option<&'e str>,
    rate: Option<u64>,
    file: &'e str,
    in_advance: bool,
    commits: (&'e str, Option<&'e str>),
    since: Option<ModuleVersion>,
    charts: *const [Arc<Asking>],
}

impl Key<'_> {
    fn of(explained: &Explained) -> Key<'_> {
        let explanation = &explained.explanation;
        let written = explanation.written.as_ref();
        Key {
            kind: explanation.kind,
            program: explanation.program.as_deref(),
            rate: explanation.rate.map(|rate| rate.get().to_bits()),
            file: &explanation.file,
            in_advance: explanation.in_advance,
            commits: (
                &explanation.introduced.commit,
                written.map(|written| written.commit.as_str()),
            ),
            since: explained.since,
            // Strings that the same charts need have the very same list.
            charts: Arc::as_ptr(&explanation.charts),
        }
    }
}

/// Strings with the same explanation.
struct Paragraph<'a>(Vec<&'a Explained>);

/// How many charts are named before the others are counted.
const NAMED: usize = 3;

impl fmt::Display for Paragraph<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(Explained { explanation, since }) = self.0.first() else { return Ok(()) };
        let mut names: Vec<&str> =
            self.0.iter().map(|one| one.explanation.string.as_str()).collect();
        if matches!(explanation.kind, StringKind::Version | StringKind::Toolchain) {
            // Others stay where they are: before these, in alphabetical order.
            names.sort_by_cached_key(|name| (SemanticVersion::parse(name), GoVersion::parse(name)));
        }
        let names = names.into_iter();
        let names = match explanation.kind {
            StringKind::Counter => contract(names),
            _ => names.map(str::to_owned).collect(),
        };
        let of = explanation.program.as_ref().map(|program| format!(" of {program}"));
        let rate = explanation.rate.map(|rate| format!(", from {} of the reports", rate.percent()));
        let advance = if explanation.in_advance { ", allowed in advance" } else { "" };
        let heading = format!(
            "{} {}{}{}{advance}",
            explanation.kind.noun(names.len()),
            names.join(", "),
            of.unwrap_or_default(),
            rate.unwrap_or_default()
        );
        writeln!(f, "{}", OneLine(heading))?;
        let charts = &explanation.charts;
        let named = if charts.len() > NAMED + 1 { NAMED } else { charts.len() };
        for (at, chart) in charts.iter().take(named).enumerate() {
            line(f, if at == 0 { "asked for by" } else { "" }, &describe(chart))?;
            chart.issue.iter().try_for_each(|issue| line(f, "", issue))?;
        }
        if charts.len() > named {
            line(f, "", &format!("and {}", count(charts.len() - named, "other chart")))?;
        }
        line(f, "written in", &format!("{}:{}", explanation.file, explanation.line))?;
        if let Some(written) = &explanation.written {
            commit(f, "written", written)?;
            commit(f, "merged", &explanation.introduced)?;
        } else {
            commit(f, "introduced", &explanation.introduced)?;
        }
        match since {
            Some(version) => line(f, "published", &format!("since {version}")),
            None => Ok(()),
        }
    }
}

/// A commit, by whom, and who reviewed it.
fn commit(f: &mut fmt::Formatter<'_>, what: &str, commit: &CommitDetails) -> fmt::Result {
    let reviewed = match commit.reviewers.as_slice() {
        [] => String::new(),
        names => format!(", reviewed by {}", names.join(", ")),
    };
    let short = commit.commit.get(..12).unwrap_or(&commit.commit);
    line(f, what, &format!("on {} by {}{reviewed}", commit.on, commit.author))?;
    line(f, "", &format!("{short} {}", commit.subject))
}

fn line(f: &mut fmt::Formatter<'_>, what: &str, text: &str) -> fmt::Result {
    writeln!(f, "  {what:<12}  {}", OneLine(text))
}

fn describe(chart: &Asking) -> String {
    let expires = chart.expires.map(|day| format!(", until {day}")).unwrap_or_default();
    format!("\"{}\", a {}{expires}: {}:{}", chart.title, chart.kind, chart.file, chart.line)
}

impl StringKind {
    fn noun(self, many: usize) -> String {
        let noun = match self {
            StringKind::Goos => "operating system",
            StringKind::Goarch => "architecture",
            StringKind::Toolchain => "toolchain",
            StringKind::Program => "program",
            StringKind::Version => "version",
            StringKind::Counter => "counter",
            StringKind::Stack => "stack counter",
        };
        if many == 1 { noun.to_owned() } else { format!("{noun}s") }
    }
}
