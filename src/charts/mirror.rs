//! A repository that is known by its URL: a bare copy of it in a cache, brought up to date by
//! fetching.
//!
//! Branches and tags of the copy are those of the original, whatever happened there: moved back,
//! renamed, or `x` gone and `x/y` come, which cannot stand beside each other. So objects are
//! downloaded first, then names that are gone are removed, and then the others are set. A process
//! that dies in between leaves a copy that the next fetch completes.
//!
//! For `https://`, proxies are those that git itself would use: `http.proxy` and its relatives in
//! git's settings, then `https_proxy` and `no_proxy` in the environment, in lower or upper case.
//! libgit2 asks no proxy for `http://`.

use super::repository::RepositoryError;
use crate::repository_url::RepositoryAddress;
use git2::{AutotagOption, FetchOptions, ProxyOptions, RemoteCallbacks, RemoteUpdateFlags};
use sha2::{Digest, Sha256};
use std::path::Path;

/// All branches and tags, wherever they were before.
const NAMES: [&str; 2] = ["+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*"];

/// The copy of the repository at `url` below the folder `cache`, which is made where there is none.
/// It stays the same when a token in the URL is renewed.
pub(super) fn open(
    url: &RepositoryAddress,
    cache: &Path,
) -> Result<git2::Repository, RepositoryError> {
    let location = url.to_string();
    if !["https://", "http://", "file://"].iter().any(|scheme| url.for_git().starts_with(scheme)) {
        return Err(RepositoryError::Protocol { location });
    }
    let name: String =
        Sha256::digest(&location).iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    git2::Repository::init_bare(cache.join(name))
        .map_err(|source| RepositoryError::Git { location, source })
}

/// Brings the copy up to date.
pub(super) fn fetch(copy: &git2::Repository, url: &RepositoryAddress) -> Result<(), git2::Error> {
    fetch_names(copy, url).map_err(|error| {
        // libgit2 repeats addresses that it does not understand.
        git2::Error::new(error.code(), error.class(), url.hidden_in(error.message()))
    })
}

fn fetch_names(copy: &git2::Repository, url: &RepositoryAddress) -> Result<(), git2::Error> {
    let mut remote = copy.remote_anonymous(url.for_git())?;
    let mut proxy = ProxyOptions::new();
    proxy.auto();
    let mut options = FetchOptions::new();
    options.remote_callbacks(callbacks()?).proxy_options(proxy);
    options.download_tags(AutotagOption::None).update_fetchhead(false);
    remote.download(&NAMES, Some(&mut options))?;
    remote.prune(None)?;
    remote.update_tips(None, RemoteUpdateFlags::empty(), AutotagOption::None, None)?;
    // The list of names outlives the connection. A repository may have no default branch.
    if let Ok(branch) = remote.default_branch() {
        copy.set_head(branch.as_str()?)?;
    }
    Ok(())
}

fn callbacks() -> Result<RemoteCallbacks<'static>, git2::Error> {
    let configuration = git2::Config::open_default()?;
    let mut callbacks = RemoteCallbacks::new();
    let mut asked = false;
    callbacks.credentials(move |url, username, _| {
        // A helper's answer that was refused once will be refused again.
        if std::mem::replace(&mut asked, true) {
            return Err(git2::Error::from_str("the credentials were refused"));
        }
        git2::Cred::credential_helper(&configuration, url, username)
    });
    Ok(callbacks)
}
