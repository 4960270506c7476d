//! Which configs of a deployment are open, and what publishing these definitions would change.
//!
//! With `--data`, days are read from the store; with `--url`, from `/config/index.json` of any deployment.
//! The states that follow are computed here.

use super::super::Failure;
use super::super::patient::Patient;
use crate::charts::Definitions;
use crate::charts::diagnostic::{Diagnostic, Severity};
use crate::client::{Address, Download as _};
use crate::gomod::ModuleVersion;
use crate::publish::{Catalogues, ConfigState, Deployment, Versions, last_days};
use crate::store::Key;
use crate::terminal::OneLine;
use crate::tlog::{CHECKPOINT, Published};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use std::fmt::{self, Write};
use std::path::Path;

/// The longest answer that is read, in bytes: a hundred versions take about ten thousand.
const LONGEST: usize = 1 << 20;

/// A version of a deployment, as stored or served.
struct StoredVersion {
    version: ModuleVersion,
    /// `None` if it cannot be read.
    as_of: Option<Date>,
    is_revoked: bool,
    /// Since when, if known.
    revoked_since: Option<Date>,
}

/// What the check reports about a version.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct CheckedVersion {
    version: ModuleVersion,
    #[serde(skip_serializing_if = "Option::is_none")]
    as_of: Option<Date>,
    #[serde(flatten)]
    state: ConfigState,
    #[serde(skip_serializing_if = "Option::is_none")]
    change: Option<Change>,
}

/// What publishing these definitions would change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Change {
    /// These definitions revoke it.
    WouldBeRevoked,
    /// It is revoked now, and these definitions do not revoke it.
    WouldNotBeRevoked,
}

/// Every version, newest first.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub(super) struct CheckedVersions(Vec<CheckedVersion>);

/// The parts of `/config/index.json` that are needed.
#[derive(Deserialize)]
struct ServedVersions {
    versions: Vec<ServedVersion>,
    next: Option<String>,
}

#[derive(Deserialize)]
struct ServedVersion {
    version: ModuleVersion,
    as_of: Date,
    state: String,
    #[serde(default)]
    since: Option<Date>,
}

/// The versions of a deployment in a folder, and warnings about the definitions.
pub(super) fn of_folder(
    folder: &Path,
    definitions: &Definitions,
    today: Date,
) -> Result<(CheckedVersions, Vec<Diagnostic>), Failure> {
    let deployment = Deployment::open(folder)?;
    let checkpoint = deployment.store.pointer(&Key::new(CHECKPOINT)?)?;
    let mut stored = Vec::new();
    if let Some(checkpoint) = checkpoint {
        let head = Published::open(&checkpoint, deployment.verifiers())?.head();
        let versions = Versions::new(deployment.module.clone(), deployment.store.clone());
        let revoked = match head.size.get() {
            0 => Vec::new(),
            _ => Catalogues::new(deployment.store.clone()).revoked()?,
        };
        for version in (1..=head.size.get()).filter_map(|number| ModuleVersion::new(number).ok()) {
            let module = versions.module(head, version).ok();
            let as_of = module.map(|module| module.provenance().as_of.civil());
            let revoked = revoked.iter().find(|one| one.version == version);
            let (is_revoked, revoked_since) =
                (revoked.is_some(), revoked.and_then(|one| one.since));
            stored.push(StoredVersion { version, as_of, is_revoked, revoked_since });
        }
    }
    let mut found = Vec::new();
    if definitions.collection.module.value != deployment.module.as_str() {
        let message = format!(
            "the deployment publishes {}, and these definitions are for another module",
            deployment.module
        );
        let location = &definitions.collection.module.location;
        found.push(
            Diagnostic::at(Severity::Warning, location, message)
                .with_help("name the deployment of this module with --data"),
        );
    }
    let (checked, more) = check(stored, definitions, today);
    found.extend(more);
    Ok((checked, found))
}

/// The versions of a deployment at an address, and warnings about the definitions.
pub(super) fn of_address(
    address: &Address,
    definitions: &Definitions,
    today: Date,
) -> Result<(CheckedVersions, Vec<Diagnostic>), Failure> {
    let http = Patient::new();
    let mut stored: Vec<StoredVersion> = Vec::new();
    let mut path = "config/index.json".to_owned();
    loop {
        let url = address.join(&path);
        let wrong = |reason: &dyn fmt::Display| {
            Failure::new(format!(
                "{url} does not say which configs are open: {reason}; give the address of a \
                 deployment's site with --url"
            ))
        };
        let answer = http.get(&url, LONGEST).map_err(|error| wrong(&error))?;
        let answer = answer.ok_or_else(|| wrong(&"there is nothing there"))?;
        let served: ServedVersions =
            serde_json::from_slice(&answer).map_err(|error| wrong(&error))?;
        let before = stored.len();
        for ServedVersion { version, as_of, state, since } in served.versions {
            if stored.last().is_some_and(|last| last.version.number() != version.number() + 1) {
                return Err(wrong(&"its versions are not in order"));
            }
            let is_revoked = state == "revoked";
            // Of a closed version, `since` is the day on which it was closed.
            let (as_of, revoked_since) = (Some(as_of), since.filter(|_| is_revoked));
            stored.push(StoredVersion { version, as_of, is_revoked, revoked_since });
        }
        match served.next.as_deref().and_then(|next| next.split_once('?')) {
            Some((_, query)) if stored.len() > before => {
                path = format!("config/index.json?{query}")
            }
            Some(_) => return Err(wrong(&"a page has no versions, and links to more")),
            None => break,
        }
    }
    stored.reverse();
    Ok(check(stored, definitions, today))
}

/// Compares the versions, oldest first, with the definitions.
fn check(
    stored: Vec<StoredVersion>,
    definitions: &Definitions,
    today: Date,
) -> (CheckedVersions, Vec<Diagnostic>) {
    let retention = &definitions.collection.retention;
    let revoke = |version: ModuleVersion| {
        retention.revoked.iter().find(|number| number.value.get() == version.number())
    };
    let newest = stored.last().map(|last| last.version);
    let mut found = Vec::new();
    for number in &retention.revoked {
        let warning =
            |message: String| Diagnostic::at(Severity::Warning, &number.location, message);
        match newest {
            Some(newest) if number.value.get() == newest.number() => found.push(
                warning(format!("{newest} is the newest config, and it is revoked"))
                    .with_help("no reports are accepted until the next one is published"),
            ),
            Some(newest) if number.value.get() < newest.number() => {}
            _ => found.push(
                warning(format!("the deployment has no config v0.{}.0", number.value))
                    .with_help("correct the version, or remove it"),
            ),
        }
    }
    let days: Vec<Option<Date>> = stored.iter().map(|one| one.as_of).collect();
    let versions = stored.into_iter().zip(last_days(&days)).map(|(one, last_day)| {
        let StoredVersion { version, as_of, is_revoked, revoked_since } = one;
        let change = match (is_revoked, revoke(version).is_some()) {
            (false, true) => Some(Change::WouldBeRevoked),
            (true, false) => Some(Change::WouldNotBeRevoked),
            _ => None,
        };
        let state = ConfigState::on(today, last_day, is_revoked).revoked_since(revoked_since);
        CheckedVersion { version, as_of, state, change }
    });
    let mut versions: Vec<CheckedVersion> = versions.collect();
    versions.reverse();
    (CheckedVersions(versions), found)
}

impl CheckedVersions {
    /// Those under which reports are accepted, newest first.
    pub(super) fn open(&self) -> Vec<ModuleVersion> {
        let is_open = |one: &&CheckedVersion| {
            matches!(one.state, ConfigState::Newest | ConfigState::Open { .. })
        };
        self.0.iter().filter(is_open).map(|one| one.version).collect()
    }
}

impl fmt::Display for CheckedVersions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return writeln!(f, "no config has been published yet");
        }
        writeln!(f, "reports under the published configs:")?;
        let width = self.0.first().map_or(0, |newest| newest.version.to_string().len());
        for CheckedVersion { version, as_of, state, change } in &self.0 {
            let mut line = format!("  {:width$}  {}", version.to_string(), state);
            let note = match change {
                Some(Change::WouldBeRevoked) => "; revoked in these definitions, not yet published",
                Some(Change::WouldNotBeRevoked) => {
                    "; not in these definitions, so no longer revoked once they are published"
                }
                None => "",
            };
            let damaged = if as_of.is_none() { "; it is damaged in the store" } else { "" };
            // Writing to a string does not fail.
            let _ = write!(line, "{note}{damaged}");
            writeln!(f, "{}", OneLine(line))?;
        }
        Ok(())
    }
}
