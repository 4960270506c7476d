//! Files that look like definitions and are not read: what editors and merges leave behind, such as `p.toml~`,
//! `.p.toml.swp` and `p.toml.orig`.
//!
//! They are no mistakes, since nothing in them is published. But someone may believe that something is.

use super::repository::Revision;
use super::repository_error::RepositoryError;
use git2::{ObjectType, Oid, TreeWalkMode, TreeWalkResult};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// The most entries of a folder that are looked at.
const MOST: usize = 100_000;
/// The deepest folders that are looked at.
const DEEPEST: usize = 32;

/// The files of a folder that look like definitions and are not read, by their paths in it, in order. What cannot be
/// listed is left out: reading the definitions says so.
pub fn unread_in(folder: &Path) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut left = MOST;
    add(folder, "", DEEPEST, &mut left, &mut found);
    found
}

fn add(folder: &Path, prefix: &str, depth: usize, left: &mut usize, found: &mut BTreeSet<String>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let Some(next) = left.checked_sub(1) else { return };
        *left = next;
        // A name that is not UTF-8 is refused by who reads it.
        let Ok(name) = entry.file_name().into_string() else { continue };
        let path = format!("{prefix}{name}");
        let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
        if !is_folder && is_unread(&name) {
            found.insert(path);
        } else if is_folder && depth > 0 && !name.starts_with('.') {
            add(&entry.path(), &format!("{path}/"), depth - 1, left, found);
        }
    }
}

/// The same of a commit's charts folder.
pub fn unread_of(revision: &Revision) -> Result<BTreeSet<String>, RepositoryError> {
    let Some(commits) = revision.history.reader()? else { return Ok(BTreeSet::new()) };
    let tree = Oid::from_str(revision.tree.as_str()).and_then(|id| commits.git.find_tree(id));
    let mut found = BTreeSet::new();
    let walked = tree.and_then(|tree| {
        tree.walk(TreeWalkMode::PreOrder, |prefix, entry| {
            let name = entry.name().unwrap_or_default();
            let is_folder = entry.kind() == Some(ObjectType::Tree);
            if !is_folder && is_unread(name) {
                found.insert(format!("{prefix}{name}"));
            }
            // One that is hidden is not walked through.
            if is_folder && name.starts_with('.') {
                TreeWalkResult::Skip
            } else {
                TreeWalkResult::Ok
            }
        })
    });
    walked.map_err(|error| commits.git_error(error))?;
    Ok(found)
}

/// Whether a file with this name looks like a definition and is not read: `.toml` is in its name, and not at its end.
/// Emacs marks a file that it has open with a link `.#p.toml`.
fn is_unread(name: &str) -> bool {
    if name.starts_with(".#") {
        return name.ends_with(".toml");
    }
    let lower = name.to_ascii_lowercase();
    let ends_a_word = |at: usize| {
        let next = lower.get(at + ".toml".len()..).unwrap_or_default().chars().next();
        next.is_none_or(|c| !c.is_alphanumeric())
    };
    !name.ends_with(".toml") && lower.match_indices(".toml").any(|(at, _)| ends_a_word(at))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_editors_and_merges_leave_behind_looks_like_a_definition() {
        for name in [
            "p.toml~",
            "p.toml.~1~",
            "#p.toml#",
            ".#p.toml",
            ".p.toml.swp",
            "p.toml.swp",
            ".p.toml.swo",
            "p.toml.orig",
            "p.toml.rej",
            "p.toml.tmp",
            "p.toml.bak",
            "p.toml (copy)",
            "p.TOML",
        ] {
            assert!(is_unread(name), "{name}");
        }
        for name in
            ["p.toml", ".p.toml", "README.md", "toml", "p.tomlx", "toml.txt", "p.txt~", ".swp"]
        {
            assert!(!is_unread(name), "{name}");
        }
    }

    #[test]
    fn folders_are_looked_through_and_hidden_ones_are_not() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        for file in ["a.toml~", "charts/sub/b.toml.orig", ".git/c.toml~", "charts/d.toml"] {
            let path = folder.path().join(file);
            fs::create_dir_all(path.parent().expect("a parent")).expect("create");
            fs::write(path, "").expect("write");
        }
        let found: Vec<String> = unread_in(folder.path()).into_iter().collect();
        assert_eq!(found, ["a.toml~", "charts/sub/b.toml.orig"]);
        assert_eq!(unread_in(&folder.path().join("none")), BTreeSet::new());
    }
}
