//! What happens to the story's project: commits, publishing, and an owner of the key who misuses it.

use super::super::Failure;
use crate::charts::Repository;
use crate::client::VerifiedConfig;
use crate::collection::CollectionConfig;
use crate::gomod::RepositoryUrl;
use crate::publish::{CompileDay, Deployment, Outcome, Publication, Publisher};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// Publishes what is checked out in a project, as `candor publish` does, on a day of the story. Returns the
/// newest version, and whether it is new.
pub(in crate::cli) fn publish(
    deployment: &Deployment,
    project: &Path,
    day: Date,
) -> Result<(Publication, bool), Failure> {
    let publisher =
        Publisher::new(deployment.module.clone(), deployment.store.clone(), deployment.log()?);
    publisher.begin()?;
    let repository = Repository::open(&project.display().to_string(), None, Path::new("cache"))?;
    match publisher.publish(
        &repository.read(None)?,
        &RepositoryUrl::default(),
        CompileDay::Chosen(day),
    )? {
        Outcome::Published(publication) | Outcome::Completed(publication) => {
            Ok((publication, true))
        }
        Outcome::Unchanged(publication) => Ok((publication, false)),
    }
}

/// Writes files below `charts-config` of a project and commits them at noon of a day of the story; makes the
/// repository if there is none. Returns the commit's abbreviated name.
pub(in crate::cli) fn commit(
    project: &Path,
    day: Date,
    message: &str,
    files: &[(&str, &str)],
) -> Result<String, Failure> {
    let git = git2::Repository::init(project)?;
    let mut index = git.index()?;
    for (name, text) in files {
        let name = Path::new("charts-config").join(name);
        let path = project.join(&name);
        let write = || {
            fs::create_dir_all(path.parent().unwrap_or(project))?;
            fs::write(&path, text)
        };
        write().map_err(|e| Failure::new(format!("cannot write {}: {e}", path.display())))?;
        index.add_path(&name)?;
    }
    index.write()?;
    let tree = git.find_tree(index.write_tree()?)?;
    let noon = day.at(12, 0, 0, 0).to_zoned(TimeZone::UTC)?.timestamp().as_second();
    let time = git2::Time::new(noon, 0);
    let maintainer = git2::Signature::new("A Maintainer", "maintainer@example.org", &time)?;
    let parent = git.head().ok().and_then(|head| head.peel_to_commit().ok());
    let parents: Vec<_> = parent.iter().collect();
    let id = git.commit(Some("HEAD"), &maintainer, &maintainer, message, &tree, &parents)?;
    Ok(id.to_string().chars().take(12).collect())
}

/// What the owner of a key can do: make another deployment with it.
pub(super) fn copy_key(from: &Path, to: &Path) -> Result<(), Failure> {
    let name = "keys/log.seed";
    // `init` uses an existing key only if there is a signer's folder, as after an interrupted init.
    fs::create_dir_all(to.join("keys"))
        .and_then(|()| fs::create_dir_all(to.join("signer")))
        .and_then(|()| fs::copy(from.join(name), to.join(name)))
        .map(drop)
        .map_err(|e| Failure::new(format!("cannot copy the key: {e}")))
}

/// The counters and stacks that a config names.
pub(super) fn strings(fetched: &VerifiedConfig) -> Result<BTreeSet<String>, Failure> {
    let config = CollectionConfig::from_json(fetched.config())?;
    let of_program = |program: &crate::collection::config::ProgramConfig| {
        let counters = program.counters.iter().map(|counter| counter.name.clone());
        let stacks = program.stacks.iter().map(|stack| format!("{} (stacks)", stack.name));
        counters.chain(stacks).collect::<Vec<_>>()
    };
    Ok(config.programs.iter().flat_map(of_program).collect())
}
