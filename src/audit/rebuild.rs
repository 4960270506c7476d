//! Compiles a config again from the commit in its provenance, and checks that each of its strings is needed.
//!
//! The repository is the auditor's own copy (`--charts`), or the https address in the provenance, which is
//! signed with the rest of the zip. Everything else follows from the commit and the day.

use super::verdict::Check;
use crate::charts::{Definitions, ObjectName, Repository, RepositoryError, Revision, parse};
use crate::collection::{CollectionConfig, ConfigString, compile, expand, needs};
use crate::gomod::{Module, Provenance};
use jiff::civil::Date;
use std::collections::{BTreeSet, HashMap};
use std::path::PathBuf;

/// Charts repositories, opened once each.
#[derive(Debug)]
pub(super) struct Rebuilder {
    charts: Option<String>,
    cache: PathBuf,
    opened: HashMap<(String, String), Result<Repository, String>>,
}

/// The definitions of one commit.
pub(super) struct Source {
    pub definitions: Definitions,
    pub revision: Revision,
}

/// Why there is no source: it could not be read, or it is missing where it must be.
pub(super) enum NoSource {
    Unread(String),
    Wrong(String),
}

impl Rebuilder {
    /// Reads from `charts`, or from the addresses in provenances, which are copied below `cache`.
    pub(super) fn new(charts: Option<String>, cache: PathBuf) -> Rebuilder {
        Rebuilder { charts, cache, opened: HashMap::new() }
    }

    /// The definitions at a commit.
    pub(super) fn source(
        &mut self,
        repository: &str,
        path: &str,
        commit: &str,
    ) -> Result<Source, NoSource> {
        let is_own = self.charts.is_some();
        let location = match &self.charts {
            Some(charts) => charts.clone(),
            None if repository.starts_with("https://") => repository.to_owned(),
            None => {
                return Err(NoSource::Unread(
                    "its provenance names no repository with an https address; name a copy of the \
                     charts repository with --charts"
                        .to_owned(),
                ));
            }
        };
        let key = (location.clone(), path.to_owned());
        let opened = self.opened.entry(key).or_insert_with(|| {
            Repository::open(&location, Some(path), &self.cache).map_err(|error| error.to_string())
        });
        let repository = opened.as_ref().map_err(|error| NoSource::Unread(error.clone()))?;
        let name = ObjectName::parse(commit)
            .ok_or_else(|| NoSource::Wrong(format!("{commit:?} names no commit")))?;
        let revision = repository.read_object(&name).map_err(|error| match error {
            // A copy may be older than the newest version.
            RepositoryError::NoRevision { .. } if is_own => {
                NoSource::Unread(format!("{error}; fetch what is new"))
            }
            RepositoryError::NoRevision { .. }
            | RepositoryError::NoCharts { .. }
            | RepositoryError::NotAFolder { .. }
            | RepositoryError::Refused { .. } => NoSource::Wrong(error.to_string()),
            other => NoSource::Unread(other.to_string()),
        })?;
        match parse(&revision.sources) {
            Ok(definitions) => Ok(Source { definitions, revision }),
            Err(_) => Err(NoSource::Wrong(format!("the definitions at {commit} have mistakes"))),
        }
    }

    /// Compiles a version again.
    pub(super) fn check(&mut self, module: &Module, rebuilt: &mut Check, minimal: &mut Check) {
        let Provenance { repository, commit, path, as_of, .. } = module.provenance();
        let version = module.version();
        let source = self.source(repository.as_str(), path.as_str(), commit.as_str());
        let source = match source {
            Ok(source) => source,
            Err(NoSource::Unread(reason)) => {
                rebuilt.unchecked(format!("{version}: {reason}"));
                minimal.unchecked(format!("{version}: {reason}"));
                return;
            }
            Err(NoSource::Wrong(reason)) => {
                rebuilt
                    .wrong(format!("{version} cannot have been built from its commit: {reason}"));
                minimal.unchecked(format!("{version}: {reason}"));
                return;
            }
        };
        let day = as_of.civil();
        if let Some(reason) = differs(module, &source, day) {
            let commit = commit.as_str();
            rebuilt.wrong(format!("{version} is not what commit {commit} compiles to: {reason}"));
        }
        unneeded(module, &source.definitions, day, minimal);
    }
}

/// How a version differs from what its commit compiles to.
fn differs(module: &Module, source: &Source, day: Date) -> Option<String> {
    let Provenance { commit, tree, time, .. } = module.provenance();
    let revision = &source.revision;
    if revision.tree.as_str() != tree.as_str() {
        return Some(format!("its charts folder is {}, not {}", revision.tree, tree.as_str()));
    }
    let of_commit = crate::gomod::CommitTime::from_unix_seconds(revision.time).ok();
    if of_commit != Some(*time) {
        return Some(format!("it says another time than that of commit {}", commit.as_str()));
    }
    let named = source.definitions.collection.module.value.to_string();
    if named != module.path().as_str() {
        return Some(format!("the definitions are for the module {named}"));
    }
    let config = compile(&source.definitions, day).to_json().into_bytes();
    if config != module.config() {
        return Some(first_difference(&config, module.config()));
    }
    let again =
        Module::build(module.path().clone(), module.version(), config, module.provenance().clone());
    match again {
        Ok(again) if again.zip_hash() == module.zip_hash() => None,
        _ => Some("the zip holds other files".to_owned()),
    }
}

/// The first line in which two configs differ.
fn first_difference(compiled: &[u8], published: &[u8]) -> String {
    let (compiled, published) =
        (String::from_utf8_lossy(compiled), String::from_utf8_lossy(published));
    let (mut ours, mut theirs) = (compiled.lines(), published.lines());
    for line in 1.. {
        match (ours.next(), theirs.next()) {
            (None, None) => break,
            (one, other) if one == other => {}
            (one, other) => {
                let say = |line: Option<&str>| match line {
                    Some(line) => format!("{:?}", line.trim().chars().take(80).collect::<String>()),
                    None => "nothing".to_owned(),
                };
                let (one, other) = (say(one), say(other));
                return format!("line {line} of its config.json is {other}, and should be {one}");
            }
        }
    }
    "its config.json ends differently".to_owned()
}

/// Reports every string of a config that no live definition needs.
fn unneeded(module: &Module, definitions: &Definitions, day: Date, minimal: &mut Check) {
    let version = module.version();
    let config = match CollectionConfig::from_json(module.config()) {
        Ok(config) => config,
        Err(error) => return minimal.wrong(format!("{version}: {error}")),
    };
    let needed = needs(definitions, day);
    for string in strings(&config) {
        if !needed.contains_key(&string) {
            minimal.wrong(format!(
                "{version} has {}, which no live definition asks for",
                described(&string)
            ));
        }
    }
}

/// All strings of a config, with groups expanded.
fn strings(config: &CollectionConfig) -> BTreeSet<ConfigString> {
    let mut strings = BTreeSet::new();
    strings.extend(config.goos.iter().cloned().map(ConfigString::Goos));
    strings.extend(config.goarch.iter().cloned().map(ConfigString::Goarch));
    strings.extend(config.go_version.iter().cloned().map(ConfigString::Toolchain));
    for entry in &config.programs {
        let program = || entry.name.clone();
        strings.insert(ConfigString::Program(program()));
        let versions = entry.versions.iter().cloned();
        strings
            .extend(versions.map(|version| ConfigString::Version { program: program(), version }));
        let names = entry.counters.iter().flat_map(|counter| expand(&counter.name));
        strings.extend(names.map(|name| ConfigString::Counter { program: program(), name }));
        let names = entry.stacks.iter().map(|stack| stack.name.clone());
        strings.extend(names.map(|name| ConfigString::Stack { program: program(), name }));
    }
    strings
}

fn described(string: &ConfigString) -> String {
    match string {
        ConfigString::Goos(name) => format!("the operating system {name}"),
        ConfigString::Goarch(name) => format!("the architecture {name}"),
        ConfigString::Toolchain(name) => format!("the toolchain {name}"),
        ConfigString::Program(name) => format!("the program {name}"),
        ConfigString::Version { program, version } => format!("version {version} of {program}"),
        ConfigString::Counter { program, name } => format!("the counter {name} of {program}"),
        ConfigString::Stack { program, name } => format!("the stack counter {name} of {program}"),
    }
}
