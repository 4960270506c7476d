//! A repository that is known by its URL: a bare copy of it in a cache, brought up to date by
//! fetching.
//!
//! The copy has the branches and tags of the original, even after they were moved back or renamed, or
//! after `x` was replaced by `x/y`, which cannot exist at the same time. So objects are downloaded
//! first, then removed names are pruned, and then the others are set. If the process dies in between,
//! the next fetch completes the copy.
//!
//! For `https://`, proxies are those that git itself would use: `http.proxy` and its relatives in
//! git's settings, then `https_proxy` and `no_proxy` in the environment, in lower or upper case.
//! libgit2 asks no proxy for `http://`.

use super::repository_error::RepositoryError;
use crate::hex::shortened;
use crate::repository_url::RepositoryAddress;
use git2::{
    AutotagOption, FetchOptions, Progress, ProxyOptions, RemoteCallbacks, RemoteUpdateFlags,
};
use sha2::{Digest, Sha256};
use std::cell::Cell;
use std::path::Path;
use std::time::{Duration, Instant};

/// All branches and tags, moved by force.
const NAMES: [&str; 2] = ["+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*"];

/// How much one fetch downloads, and how long it may take: charts may live in a large project's
/// repository, but a server must not keep us busy for ever.
#[derive(Debug, Clone, Copy)]
struct Limits {
    bytes: usize,
    objects: usize,
    time: Duration,
}

const LIMITS: Limits =
    Limits { bytes: 4 << 30, objects: 20_000_000, time: Duration::from_secs(2 * 3600) };

/// The copy of the repository at `url` below the folder `cache`; made if it does not exist. A renewed
/// token in the URL leads to the same copy.
pub(super) fn open(
    url: &RepositoryAddress,
    cache: &Path,
) -> Result<git2::Repository, RepositoryError> {
    let location = url.to_string();
    if !["https://", "http://", "file://"].iter().any(|scheme| url.for_git().starts_with(scheme)) {
        return Err(RepositoryError::Protocol { location });
    }
    let name = shortened(&Sha256::digest(&location), 16);
    git2::Repository::init_bare(cache.join(name))
        .map_err(|source| RepositoryError::Git { location, source })
}

/// Brings the copy up to date.
pub(super) fn fetch(copy: &git2::Repository, url: &RepositoryAddress) -> Result<(), git2::Error> {
    fetch_within(copy, url, LIMITS).map_err(|error| {
        // libgit2 quotes addresses that it does not understand, with the credentials in them.
        git2::Error::new(error.code(), error.class(), url.hidden_in(error.message()))
    })
}

fn fetch_within(
    copy: &git2::Repository,
    url: &RepositoryAddress,
    limits: Limits,
) -> Result<(), git2::Error> {
    let mut remote = copy.remote_anonymous(url.for_git())?;
    let mut proxy = ProxyOptions::new();
    proxy.auto();
    let mut options = FetchOptions::new();
    let (began, exceeded) = (Instant::now(), Cell::new(None));
    let mut callbacks = callbacks()?;
    callbacks.transfer_progress(|progress| {
        exceeded.set(limits.exceeded_by(&progress, began.elapsed()));
        exceeded.get().is_none()
    });
    options.remote_callbacks(callbacks).proxy_options(proxy);
    options.download_tags(AutotagOption::None).update_fetchhead(false);
    let downloaded = remote.download(&NAMES, Some(&mut options));
    drop(options);
    if let Some(what) = exceeded.get() {
        return Err(git2::Error::from_str(&format!(
            "the download was given up after {what}; keep the charts in a repository of their own"
        )));
    }
    downloaded?;
    remote.prune(None)?;
    remote.update_tips(None, RemoteUpdateFlags::empty(), AutotagOption::None, None)?;
    // The list of names is still there after the connection is closed. A repository may have no
    // default branch.
    if let Ok(branch) = remote.default_branch() {
        copy.set_head(branch.as_str()?)?;
    }
    Ok(())
}

impl Limits {
    /// The limit that a download has exceeded, in words.
    fn exceeded_by(&self, progress: &Progress<'_>, time: Duration) -> Option<&'static str> {
        if progress.received_bytes() > self.bytes {
            Some("4 GiB, the most that is fetched at once")
        } else if progress.total_objects() > self.objects {
            Some("the server offered more than 20 million objects")
        } else if time > self.time {
            Some("two hours, the longest that a download may take")
        } else {
            None
        }
    }
}

fn callbacks() -> Result<RemoteCallbacks<'static>, git2::Error> {
    let configuration = git2::Config::open_default()?;
    let mut callbacks = RemoteCallbacks::new();
    let mut asked = false;
    callbacks.credentials(move |url, username, _| {
        // Credentials that were refused once would be refused again.
        if std::mem::replace(&mut asked, true) {
            return Err(git2::Error::from_str("the credentials were refused"));
        }
        git2::Cred::credential_helper(&configuration, url, username)
    });
    Ok(callbacks)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tempfile::TempDir;

    /// A repository with a commit, a tree and a file of `bytes` bytes that do not compress well.
    fn repository(bytes: usize) -> TempDir {
        let folder = TempDir::new().expect("a temporary folder");
        let git = git2::Repository::init_bare(folder.path()).expect("a repository");
        let noise = (0_u64..).map(|n| (n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56) as u8);
        let blob = git.blob(&noise.take(bytes).collect::<Vec<u8>>()).expect("a blob");
        let mut tree = git.treebuilder(None).expect("a tree");
        tree.insert("a", blob, 0o100644).expect("an entry");
        let tree = git.find_tree(tree.write().expect("written")).expect("the tree");
        let who = git2::Signature::new("A", "a@b", &git2::Time::new(0, 0)).expect("a person");
        git.commit(Some("refs/heads/main"), &who, &who, "A", &tree, &[]).expect("a commit");
        folder
    }

    #[test]
    fn a_download_is_given_up_beyond_each_limit() {
        let from = repository(1 << 20);
        let url = RepositoryAddress::new(format!("file://{}", from.path().display()));
        let fetch = |limits| {
            let cache = TempDir::new().expect("a temporary folder");
            let copy = open(&url, cache.path()).expect("a copy");
            let fetched = fetch_within(&copy, &url, limits).map_err(|e| e.message().to_owned());
            (fetched, copy.find_reference("refs/heads/main").is_ok())
        };
        assert_eq!(fetch(LIMITS), (Ok(()), true));
        for (limits, what) in [
            (Limits { bytes: 1000, ..LIMITS }, "4 GiB"),
            (Limits { objects: 2, ..LIMITS }, "20 million objects"),
            (Limits { time: Duration::ZERO, ..LIMITS }, "two hours"),
        ] {
            let (fetched, has_main) = fetch(limits);
            let message = fetched.expect_err("given up");
            assert!(message.contains(what) && message.contains("given up"), "{message}");
            assert!(!has_main, "{message}");
        }
    }
}
