//! The tags of the repository that a folder is in.

use super::opening;
use super::repository_error::RepositoryError;
use std::path::Path;

/// The names of all tags, without those that are not UTF-8.
pub fn tags(folder: &Path) -> Result<Vec<String>, RepositoryError> {
    let location = folder.display().to_string();
    let git = opening::open(&location)?;
    let names = git.tag_names(None).map_err(|source| RepositoryError::Git { location, source })?;
    Ok(names.iter().flatten().flatten().map(str::to_owned).collect())
}
