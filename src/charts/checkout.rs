//! A charts folder as it lies in a work tree, and why it does not hold what its commit has.
//!
//! Git may leave files out of a work tree: by a sparse checkout, by a clone without a checkout, or
//! because the repository is bare. What is there is then not what would be published, and whoever
//! checks it has to hear that, not that definitions are missing.

use super::opening;
use super::repository::{CUSTOMARY_FOLDER, MARK, RepositoryError, committed_definitions};
use super::source::Sources;
use std::path::{Path, PathBuf};

/// The charts folder that is meant: the named one, or the customary one in it.
pub fn charts_folder(named: &Path) -> PathBuf {
    let customary = named.join(CUSTOMARY_FOLDER);
    if !named.join(MARK).exists() && customary.is_dir() { customary } else { named.to_path_buf() }
}

/// Reads the charts folder at `folder`, in git or not. Refused where git has left out some of it.
pub fn read_work_tree(folder: &Path) -> Result<Sources, RepositoryError> {
    let here = Sources::from_folder(folder);
    match left_out(folder, here.as_ref().ok()) {
        Some(error) => Err(error),
        None => Ok(here?),
    }
}

/// Why `here`, which was read from `folder`, lacks definitions of the commit, where git is why.
/// Nothing else that may be wrong with the repository matters to a folder that is only looked at.
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
    // What was removed by hand is not left out. libgit2 does not read the index of every sparse
    // checkout; then that is not known.
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
        "is not whole: the sparse checkout leaves out {}; run `{way_out}`",
        file.display()
    )))
}

/// The flag of an index entry whose file git keeps out of the work tree.
const SKIP_WORKTREE: u16 = git2::IndexEntryExtendedFlag::SKIP_WORKTREE.bits();

const NO_CHECKOUT: &str =
    "is a clone in which nothing was checked out; run `git checkout` in it, and check again";

const BARE: &str = "is a bare repository, which has no files to look at; make a work tree of it \
                    with `git clone`, and check that";
