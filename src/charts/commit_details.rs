//! Who wrote a commit, and who reviewed it by its trailers.
//!
//! Only names are read: addresses of mail are in the repository, and belong nowhere else.

use super::history::History;
use super::introduced::day_of;
use super::repository_error::RepositoryError;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// The trailers that name who agreed to a commit.
const REVIEWS: [&str; 3] = ["reviewed-by", "approved-by", "acked-by"];

/// What a commit says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommitDetails {
    /// Its object name.
    pub commit: String,
    /// Its day, in UTC.
    pub on: Date,
    /// The first line of its message.
    pub subject: String,
    /// The name of its author.
    pub author: String,
    /// The names in its `Reviewed-by`, `Approved-by` and `Acked-by` trailers, each once.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reviewers: Vec<String>,
}

impl History {
    /// The details of commits of this history, given their full names.
    pub fn details<'c>(
        &self,
        commits: impl IntoIterator<Item = &'c str>,
    ) -> Result<HashMap<String, CommitDetails>, RepositoryError> {
        let mut details = HashMap::new();
        self.each_commit(commits, |name, commit| {
            details.insert(name.to_owned(), details_of(name, commit));
        })?;
        Ok(details)
    }
}

fn details_of(name: &str, commit: &git2::Commit<'_>) -> CommitDetails {
    let message = String::from_utf8_lossy(commit.message_bytes()).into_owned();
    let mut reviewers: Vec<String> = Vec::new();
    // A message without trailers, or one that git cannot read, names nobody.
    if let Ok(trailers) = git2::message_trailers_strs(&message) {
        for (key, value) in trailers.iter() {
            let name = value.split('<').next().unwrap_or_default().trim().to_owned();
            if REVIEWS.contains(&key.to_ascii_lowercase().as_str())
                && !name.is_empty()
                && !reviewers.contains(&name)
            {
                reviewers.push(name);
            }
        }
    }
    CommitDetails {
        commit: name.to_owned(),
        on: day_of(commit.time().seconds()),
        subject: message.lines().next().unwrap_or_default().to_owned(),
        author: String::from_utf8_lossy(commit.author().name_bytes()).into_owned(),
        reviewers,
    }
}
