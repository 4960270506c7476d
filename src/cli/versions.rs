//! `candor versions`: lists the versions and toolchains that were released since.

use super::edited::replace_files;
use super::patient::Patient;
use super::{Failure, Output};
use crate::charts::{Sources, charts_folder, parse, read_work_tree, tags};
use crate::client::{Address, Download as _};
use crate::count::count;
use crate::review::releases::{Refreshed, RefreshedList, Registries, ReleaseError, refresh};
use crate::terminal::OneLine;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

/// The Go project's own proxy.
const GO_PROXY: &str = "https://proxy.golang.org";
/// The most names that are shown of a list.
const SHOWN: usize = 6;

/// List the versions and toolchains that were released since, as an edit to review.
///
/// Each program's file says in `versions_from` who knows its versions: a Go module proxy, a crates index, or the
/// tags of a git repository. The path of a Go module tells by itself. The lists `versions` and `toolchains` are edited
/// where they are, with their comments and their order, and nothing is ever removed. A list with `[padding]` is only
/// edited when less than half of what it allows in advance is left. Pre-releases are only listed where one is already,
/// or where `[padding]` allows for some (`prerelease`); elsewhere they are skipped.
///
/// Where somebody who is asked does not answer, what they would know stays as it is, everything else is listed, and
/// the exit status is 1.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    candor versions charts-config\n  \
    candor versions charts-config --check\n  \
    candor versions charts-config --go-proxy https://goproxy.example.org --json")]
pub(super) struct Args {
    /// The charts folder, or a folder with one named charts-config.
    charts: PathBuf,
    /// Change nothing; the exit status is 1 if something would change.
    #[arg(long)]
    check: bool,
    /// List every release, also those that `[padding]` already allows.
    #[arg(long)]
    all: bool,
    /// The Go module proxy [default: the first address in GOPROXY, or <https://proxy.golang.org>].
    #[arg(long, value_name = "URL")]
    go_proxy: Option<Address>,
    /// The crates index, of the sparse kind.
    #[arg(long, value_name = "URL", default_value = "https://index.crates.io")]
    crates_index: Address,
    /// Where Rust is released.
    #[arg(long, value_name = "URL", default_value = "https://static.rust-lang.org")]
    rust_releases: Address,
}

/// What is printed.
#[derive(Serialize)]
struct Report {
    /// The files that were changed, or with `--check` would be.
    files: Vec<String>,
    lists: Vec<RefreshedList>,
    /// Why some lists stay as they are.
    failures: Vec<String>,
    #[serde(skip)]
    check: bool,
}

/// Whom to ask, over HTTP.
struct Asking<'a> {
    http: Patient,
    go_proxy: Address,
    /// Why no proxy is asked, if `GOPROXY` names none.
    unasked: Option<String>,
    args: &'a Args,
    folder: &'a Path,
}

pub(super) fn run(args: Args, out: Output) -> Result<(), Failure> {
    let folder = charts_folder(&args.charts);
    let sources = read_work_tree(&folder)?;
    let definitions = parse(&sources).map_err(|e| e.below(&folder))?;
    let asked_for = std::env::var("GOPROXY").ok().filter(|list| !list.trim().is_empty());
    let (named, unasked) = match (&args.go_proxy, asked_for) {
        (Some(named), _) => (Some(named.clone()), None),
        (None, None) => (None, None),
        (None, Some(list)) => {
            first_proxy(&list).map_or_else(|why| (None, Some(why)), |one| (Some(one), None))
        }
    };
    let go_proxy = named.map_or_else(|| GO_PROXY.parse(), Ok)?;
    let asking = Asking { http: Patient::new(), go_proxy, unasked, args: &args, folder: &folder };
    let Refreshed { lists, files, failures } = refresh(&definitions, &sources, &asking, args.all);
    // What is written has to be valid like what was read.
    parse(&edited(&sources, &files))?;
    if !args.check {
        replace_files(&folder, &files)?;
    }
    let changed = !files.is_empty();
    let files = files.into_keys().collect();
    let report = Report { files, lists, failures: messages(&failures), check: args.check };
    out.result(&report, &report)?;
    match report.failures.as_slice() {
        [] if args.check && changed => Err(Failure::reported()),
        [] => Ok(()),
        failures => Err(Failure { lines: true, ..Failure::new(failures.join("\n")) }),
    }
}

/// The first address in a list like `GOPROXY`, or why no proxy is asked. `off` and `direct` are a wish not to ask the
/// usual one.
fn first_proxy(list: &str) -> Result<Address, String> {
    for one in list.split([',', '|']).map(str::trim) {
        let (_, rest) = one.split_once("://").unwrap_or_default();
        if rest.contains('@') {
            // A password is never shown.
            return Err(
                "a proxy in GOPROXY has a user name or a password, which are not sent, so none is asked; name one that \
                 needs none with --go-proxy"
                    .to_owned(),
            );
        }
        if let Ok(address) = one.parse() {
            return Ok(address);
        }
    }
    Err(format!(
        "GOPROXY={list} names no Go module proxy, so none is asked; name one with --go-proxy"
    ))
}

/// What failed, each once: one proxy may be asked for several programs.
fn messages(failures: &[ReleaseError]) -> Vec<String> {
    let mut messages: Vec<String> = Vec::new();
    for message in failures.iter().map(|failure| OneLine(failure).to_string()) {
        if !messages.contains(&message) {
            messages.push(message);
        }
    }
    messages
}

/// The folder's files after the edits.
fn edited(sources: &Sources, files: &BTreeMap<String, String>) -> Sources {
    let now = sources.iter().map(|(path, _, bytes)| {
        let text = files.get(path).map(|text| text.clone().into_bytes());
        (path.to_owned(), text.unwrap_or_else(|| bytes.to_vec()))
    });
    Sources::from_files(now.collect())
}

impl Registries for Asking<'_> {
    fn go_proxy(&self) -> &Address {
        &self.go_proxy
    }

    fn crates_index(&self) -> &Address {
        &self.args.crates_index
    }

    fn rust_releases(&self) -> &Address {
        &self.args.rust_releases
    }

    fn get(&self, url: &str, limit: usize) -> Result<Option<Vec<u8>>, ReleaseError> {
        if let Some(why) = self.unasked.as_ref().filter(|_| url.starts_with(self.go_proxy.as_str()))
        {
            return Err(ReleaseError::NoAnswer(why.clone()));
        }
        self.http.get(url, limit).map_err(|error| ReleaseError::NoAnswer(error.to_string()))
    }

    fn tags(&self) -> Result<Vec<String>, ReleaseError> {
        tags(self.folder).map_err(|error| ReleaseError::NoAnswer(error.to_string()))
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let added = if self.check { "would add" } else { "added" };
        for list in &self.lists {
            let file = OneLine(&list.file);
            if !list.added.is_empty() {
                let key = if list.program.is_some() { "versions" } else { "toolchains" };
                writeln!(f, "{file}: {added} {} to {key}", some(&list.added))?;
            } else if !list.allowed_in_advance.is_empty() {
                writeln!(f, "{file}: [padding] allows {} already", some(&list.allowed_in_advance))?;
            } else if list.none_released {
                let asked = OneLine(list.asked.join(", "));
                writeln!(f, "{file}: no release is known to {asked}, so the list stays as it is")?;
            }
        }
        match self.files.len() {
            0 if !self.failures.is_empty() => writeln!(f, "nothing was changed"),
            0 => writeln!(f, "nothing to add: every release is allowed"),
            files if self.check => writeln!(f, "{} would change", count(files as u64, "file")),
            files => writeln!(f, "{} changed", count(files as u64, "file")),
        }
    }
}

/// The first few names, and of more, how many there are up to the last one.
fn some(names: &[String]) -> OneLine<String> {
    OneLine(match (names.get(..SHOWN), names.last()) {
        (Some(first), Some(last)) if names.len() > SHOWN + 1 => {
            format!("{} and {} more up to {last}", first.join(", "), names.len() - SHOWN)
        }
        _ => names.join(", "),
    })
}
