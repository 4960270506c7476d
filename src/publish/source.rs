//! The repository that was published from, `DIR/charts.json`: so that expired definitions can leave the
//! config without anyone running a command.
//!
//! ```json
//! {"location":"https://example.org/project.git","path":"charts-config"}
//! ```
//!
//! The location is what was passed to git, and may contain a token, so only the owner can read the file.
//! It says only where to read; which commit is compiled again is in the provenance of the newest version,
//! which is in the log.

use super::deployment::{Deployment, DeploymentError, failed};
use super::transaction::{CompileDay, Outcome, Publication, PublishError, Publisher};
use crate::charts::{ObjectName, Repository, RepositoryError};
use crate::durable;
use crate::gomod::RepositoryUrl;
use crate::repository_url::RepositoryAddress;
use serde::{Deserialize, Serialize};
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

/// A repository, and its charts folder if one was named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChartsSource {
    /// The repository.
    pub location: RepositoryAddress,
    /// The folder, if one was named.
    pub path: Option<String>,
}

/// The file's JSON.
#[derive(Serialize, Deserialize)]
struct Stored {
    location: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    path: Option<String>,
}

impl ChartsSource {
    /// The stored source, if there is one.
    pub fn read(file: &Path) -> Result<Option<ChartsSource>, DeploymentError> {
        let text = match fs::read_to_string(file) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed("read", file, error)),
        };
        let stored = serde_json::from_str::<Stored>(&text).map_err(|error| {
            let path = file.display().to_string();
            let message = format!("{error}; remove it, and `candor publish` writes it again");
            DeploymentError::Settings { path, message }
        })?;
        let location = RepositoryAddress::new(stored.location);
        Ok(Some(ChartsSource { location, path: stored.path }))
    }

    /// Stores it, if it has changed.
    pub fn write(&self, file: &Path) -> Result<(), DeploymentError> {
        if matches!(ChartsSource::read(file), Ok(Some(known)) if known == *self) {
            return Ok(());
        }
        let location = self.absolute();
        let stored = Stored { location, path: self.path.clone() };
        // Two strings always become JSON.
        let text = serde_json::to_string(&stored).unwrap_or_default() + "\n";
        // It may hold a token.
        let (temporary, make) = (file.with_extension("tmp"), durable::private_file);
        durable::replace(file, &temporary, text.as_bytes(), make)
            .map_err(|error| failed("write", file, error))
    }

    /// A server may run in a different folder from the publisher.
    fn absolute(&self) -> String {
        let given = self.location.for_git();
        let folder = if self.location.is_url() { None } else { fs::canonicalize(given).ok() };
        folder.and_then(|f| f.to_str().map(str::to_owned)).unwrap_or_else(|| given.to_owned())
    }
}

/// The result of [`republish`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Republished {
    /// A new version, without what has expired.
    New(Box<Publication>),
    /// Nothing, and why.
    NothingToDo(&'static str),
}

/// Why expired definitions could not be removed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RepublishError {
    /// The deployment's folder or key.
    #[error(transparent)]
    Deployment(#[from] DeploymentError),
    /// The log, the store, or the newest version.
    #[error(transparent)]
    Publish(#[from] PublishError),
    /// The repository that was published from can no longer be read.
    #[error(
        "definitions have expired, and the commit of the newest version cannot be read: {0}. Run \
         `candor publish`, which also records where the repository is now"
    )]
    Repository(#[from] RepositoryError),
}

/// Compiles the commit of the newest version again, if something in it has expired since, and publishes
/// the result. Call it now and then; it reads very little if there is nothing to do.
pub fn republish(deployment: &Deployment, day: CompileDay) -> Result<Republished, RepublishError> {
    use Republished::NothingToDo;
    let Some(source) = ChartsSource::read(&deployment.charts_source())? else {
        return Ok(NothingToDo("nothing was published from here"));
    };
    let log = match deployment.log() {
        // Whoever is the signer now does it.
        Err(DeploymentError::Identity(_)) => return Ok(NothingToDo("the signer is elsewhere")),
        log => log?,
    };
    let publisher = Publisher::new(deployment.module.clone(), deployment.store.clone(), log);
    let Some(newest) = publisher.newest()? else {
        return Ok(NothingToDo("nothing was published yet"));
    };
    if publisher.expires_by(day)? == Some(false) {
        return Ok(NothingToDo("nothing has expired"));
    }
    let Some(commit) = ObjectName::parse(newest.provenance().commit.as_str()) else {
        return Ok(NothingToDo("the newest version names no commit"));
    };
    let path = source.path.as_deref();
    let cache = deployment.cache();
    // The commit was published from there, so it exists; a mirror is fetched only if it was removed.
    let mut repository = Repository::open_as_it_is(source.location, path, &cache)?;
    let revision = match repository.read_object(&commit) {
        Err(_) => {
            repository.refresh()?;
            repository.read_object(&commit)?
        }
        revision => revision?,
    };
    let address = RepositoryUrl::public(repository.address());
    publisher.begin()?;
    Ok(match publisher.publish_again(&revision, &address, day, newest.version()) {
        Ok(Outcome::Published(new) | Outcome::Completed(new)) => Republished::New(Box::new(new)),
        Ok(Outcome::Unchanged(_)) => NothingToDo(
            "what has expired is still collected for \
                                                  another chart",
        ),
        Err(PublishError::Overtaken(_)) => NothingToDo(
            "a newer version was published in the \
                                                        meantime",
        ),
        Err(error) => return Err(error.into()),
    })
}
