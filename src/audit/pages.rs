//! Whether the pages for people and the receiver use the newest config in the log.
//!
//! The receiver is sent a report that it must refuse: of a program that no config can name, under the newest
//! config. The refusal names the config that it was checked against. The report is not stored.

use super::fetch::{FetchError, Remote, SMALL};
use super::keys::AuditKeys;
use super::parts::{COUNTERS, joined};
use super::verdict::Check;
use crate::client::{Answer, Http, Upload as _};
use crate::collection::{CollectionConfig, expand};
use crate::gomod::{Module, ModuleVersion};
use crate::percent;
use crate::tlog::Policy;
use jiff::civil::Date;
use std::collections::HashSet;

/// A name that no program can have: `.invalid` is reserved (RFC 6761).
const NO_PROGRAM: &str = "audit.invalid/nothing";

/// Checks that everything uses the newest version, `module`.
pub(super) fn check_pages(
    remote: &Remote<'_>,
    http: &Http,
    module: &Module,
    today: Date,
    check: &mut Check,
) {
    let version = module.version();
    let path = format!("config/{version}.json");
    match remote.get(&path, SMALL) {
        Ok(json) if json == module.config() => {}
        Ok(_) => check
            .wrong(format!("{} is not the config.json in the zip of {version}", remote.url(&path))),
        Err(trouble) => check.failed(&trouble),
    }
    for path in ["", "config/"] {
        names_newest(remote, path, version, check);
    }
    let privacy = names_newest(remote, "privacy", version, check);
    // If a version was published meanwhile, the page lists that one's strings.
    if let Ok(config) = CollectionConfig::from_json(module.config())
        && let Some((page, of)) = privacy
        && of == version
    {
        lists_all(remote, &page, version, &config, check);
    }
    receiver(remote, http, version, today, check);
}

/// Checks that the policy that the deployment offers names the log's key.
pub(super) fn check_policy(remote: &Remote<'_>, keys: &AuditKeys, check: &mut Check) {
    let path = "log/policy";
    let url = remote.url(path);
    let policy = match remote.ask(path, SMALL) {
        Ok(policy) => policy,
        Err(trouble) => return check.failed(&trouble),
    };
    let log = keys.faces().map(|faces| faces.log);
    match Policy::parse(&policy) {
        Err(error) => check.unchecked(format!("{url} is not a policy: {error}")),
        Ok(policy) if policy.logs().iter().any(|one| log.as_ref() == Some(&one.key)) => {}
        Ok(_) => check.wrong(format!(
            "{url} does not name this log's key: whoever uses it trusts another log"
        )),
    }
}

/// Checks that a page links to the newest version.
fn names_newest(
    remote: &Remote<'_>,
    path: &str,
    version: ModuleVersion,
    check: &mut Check,
) -> Option<(String, ModuleVersion)> {
    let page = match remote.get(path, SMALL) {
        Ok(page) => String::from_utf8_lossy(&page).into_owned(),
        Err(trouble) => {
            check.failed(&trouble);
            return None;
        }
    };
    let named = page.split("/config/v0.").skip(1).filter_map(|rest| {
        let number = rest.split('.').next()?;
        number.parse().ok().and_then(|number| ModuleVersion::new(number).ok())
    });
    let newest = named.max();
    match newest {
        // It may have been published after the head was read.
        Some(newest) if newest >= version => {}
        Some(other) => check.wrong(format!(
            "{} names config {other}, and the newest is {version}",
            remote.url(path)
        )),
        None => check.wrong(format!("{} names no config", remote.url(path))),
    }
    newest.map(|newest| (page, newest))
}

/// Checks that the privacy page lists every string of the config. The counters of a program that has too many for one
/// page may be in a list of their own, which the page links to.
fn lists_all(
    remote: &Remote<'_>,
    page: &str,
    version: ModuleVersion,
    config: &CollectionConfig,
    check: &mut Check,
) {
    let url = remote.url("privacy");
    let is_missing = |name: &String| {
        let escaped = name.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
        !page.contains(&format!("<code>{escaped}</code>"))
    };
    for program in &config.programs {
        if is_missing(&program.name) {
            check.wrong(format!("{url} does not list {:?}", program.name));
        }
        let counters = program.counters.iter().flat_map(|counter| expand(&counter.name));
        let stacks = program.stacks.iter().map(|stack| stack.name.clone());
        let mut missing: Vec<String> = counters.chain(stacks).filter(is_missing).collect();
        let list = format!("counters/{}/index.json", percent::path(&program.name));
        if !missing.is_empty() && page.contains(&format!("/{list}\"")) {
            match listed(remote, &list, version) {
                Ok(Some(names)) => missing.retain(|name| !names.contains(name)),
                // Another version was published meanwhile.
                Ok(None) => missing.clear(),
                Err(trouble) => {
                    check.failed(&trouble);
                    missing.clear();
                }
            }
        }
        for name in missing {
            check.wrong(format!("{url} does not list {name:?}"));
        }
    }
}

/// The names in the list of a program's counters; `None` if it is that of a newer version.
fn listed(
    remote: &Remote<'_>,
    path: &str,
    version: ModuleVersion,
) -> Result<Option<HashSet<String>>, FetchError> {
    let list = joined(remote, path, COUNTERS)?.ok_or_else(|| remote.withheld(path))?;
    match list["config"].as_str().and_then(|named| named.parse::<ModuleVersion>().ok()) {
        Some(named) if named == version => {}
        Some(newer) if newer > version => return Ok(None),
        _ => {
            let url = remote.url(path);
            return Err(FetchError::Wrong(format!("{url} is not of the newest config, {version}")));
        }
    }
    let names = list["counters"].as_array().into_iter().flatten();
    Ok(Some(names.filter_map(|counter| Some(counter["name"].as_str()?.to_owned())).collect()))
}

fn receiver(
    remote: &Remote<'_>,
    http: &Http,
    version: ModuleVersion,
    today: Date,
    check: &mut Check,
) {
    let url = remote.url(&format!("upload/{today}"));
    let report = format!(
        r#"{{"Week":"{today}","LastWeek":"","X":1e-300,"Programs":[{{"Program":"{NO_PROGRAM}","Version":"v0.0.0","GoVersion":"none","GOOS":"none","GOARCH":"none","Counters":{{}},"Stacks":{{}}}}],"Config":"{version}"}}"#
    );
    match http.post(&url, &report) {
        Err(error) => check.unchecked(format!("the receiver: {error}")),
        Ok(Answer::Refused(said)) if said.contains(&format!("is not in config {version}")) => {}
        Ok(Answer::Refused(said)) if said.contains("the week") => {
            check.unchecked(format!("the receiver has another day than {today}: {said}"));
        }
        Ok(Answer::Refused(said)) => check.wrong(format!(
            "{url} does not check reports against config {version}: it says {said:?}"
        )),
        Ok(Answer::Accepted) => {
            check.wrong(format!("{url} took a report of a program that no config names"));
        }
        Ok(Answer::Retry(said)) => check.unchecked(format!("{url} takes no reports now: {said}")),
    }
}
