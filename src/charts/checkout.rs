//! A charts folder in a work tree, and why files of its commit are missing there.
//!
//! Git may leave files out of a work tree: in a sparse checkout, in a clone without a checkout, or
//! because the repository is bare. The folder is then not what would be published, and the user is told
//! so, instead of being told that definitions are missing.

use super::commit_reader::committed_definitions;
use super::opening;
use super::repository_error::RepositoryError;
use super::source::{COLLECTION_FILE, CUSTOMARY_FOLDER, Sources};
use std::path::{Path, PathBuf};

/// The charts folder that the user means: the named folder, or the customary one in it.
pub fn charts_folder(named: &Path) -> PathBuf {
    let customary = named.join(CUSTOMARY_FOLDER);
    if !named.join(COLLECTION_FILE).exists() && customary.is_dir() {
        customary
    } else {
        named.to_path_buf()
    }
}

/// Reads the charts folder at `folder`, in git or not. Refused where git left files out of it.
pub fn read_work_tree(folder: &Path) -> Result<Sources, RepositoryError> {
    let here = Sources::from_folder(folder);
    match left_out(folder, here.as_ref().ok()) {
        Some(error) => Err(error),
        None => Ok(here?),
    }
}

/// Why `here`, which was read from `folder`, lacks definitions of the commit, where git left them out.
/// Other problems of the repository do not matter: the folder is only read.
fn left_out(folder: &Path, here: Option<&Sources>) -> Option<RepositoryError> {
    let named = std::path::absolute(folder).ok()?;
    let existing = named.ancestors().find(|above| above.is_dir())?;
    let rest = named.strip_prefix(existing).ok()?;
    let lacks = |path: &str| !here.is_some_and(|here| here.has(path));
    let nothing = here.is_none_or(Sources::is_empty);
    let location = folder.display().to_string();
    let unreadable = |obstacle: String| RepositoryError::Unreadable { location, obstacle };

    let Ok(git) = opening::open(&existing.display().to_string()) else {
        let never = nothing && opening::was_never_checked_out(existing);
        return never.then(|| unreadable(NO_CHECKOUT.to_owned()));
    };
    let Some(top) = git.workdir() else {
        let inside = git.is_bare() && nothing;
        return inside.then(|| unreadable(BARE.to_owned()));
    };
    let whole = existing.canonicalize().ok()?.join(rest);
    let inside = whole.strip_prefix(top.canonicalize().ok()?).ok()?.to_str()?;
    let (charts, committed) = committed_definitions(&git, inside)?;
    let mut lacking = committed.iter().filter(|path| lacks(path));
    if !git.path().join("index").exists() {
        return nothing.then(|| unreadable(NO_CHECKOUT.to_owned()));
    }
    if !git.config().ok()?.get_bool("core.sparseCheckout").unwrap_or(false) {
        return None;
    }
    // A file removed by hand was not left out by git. libgit2 cannot read the index of every sparse
    // checkout; then every missing file counts as left out.
    let index = git.index().ok();
    let is_left_out = |path: &&String| {
        let Some(index) = &index else { return true };
        let entry = index.get_path(&Path::new(&charts).join(path.as_str()), 0);
        entry.is_some_and(|entry| entry.flags_extended & SKIP_WORKTREE != 0)
    };
    let file = Path::new(&charts).join(lacking.find(is_left_out)?);
    let way_out = match charts.as_str() {
        "" => "git sparse-checkout disable".to_owned(),
        charts => format!("git sparse-checkout add {charts}"),
    };
    Some(unreadable(format!(
        "is incomplete: the sparse checkout leaves out {}; run `{way_out}`",
        file.display()
    )))
}

/// The flag of an index entry whose file a sparse checkout leaves out.
const SKIP_WORKTREE: u16 = git2::IndexEntryExtendedFlag::SKIP_WORKTREE.bits();

const NO_CHECKOUT: &str =
    "is a clone in which nothing was checked out; run `git checkout` in it, and try again";

const BARE: &str = "is a bare repository, which has no files to read; make a work tree of it \
                    with `git clone`, and name that";
