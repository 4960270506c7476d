//! Replaces files of a charts folder that people are going to review.

use super::Failure;
use crate::durable;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};
use tempfile::{Builder, NamedTempFile};

/// How the names of files that are being written begin and end.
const UNFINISHED: (&str, &str) = (".candor-", ".unfinished");
/// For how long such a file may belong to a run that goes on.
const RUN: Duration = Duration::from_secs(60);

/// Replaces these files, named from `folder`, by their new texts. All texts are written before any file is
/// replaced, so a full disk changes nothing, and no file is ever there in part. What a run that was killed left
/// unfinished, in the folder or one in it, is removed.
pub(super) fn replace_files<'a>(
    folder: &Path,
    edits: impl IntoIterator<Item = (&'a String, &'a String)>,
) -> Result<(), Failure> {
    remove_unfinished(folder, SystemTime::now());
    let mut written: Vec<(NamedTempFile, PathBuf)> = Vec::new();
    for (file, text) in edits {
        let path = folder.join(file);
        let beside = path.parent().unwrap_or(folder);
        let write = || {
            let (begin, end) = UNFINISHED;
            let mut new = Builder::new().prefix(begin).suffix(end).tempfile_in(beside)?;
            new.write_all(text.as_bytes())?;
            new.as_file().set_permissions(fs::metadata(&path)?.permissions())?;
            durable::sync_file(new.path())?;
            Ok(new)
        };
        written.push((write().map_err(|error| failed(&path, &error))?, path));
    }
    for (new, path) in written {
        new.persist(&path).map_err(|error| failed(&path, &error.error))?;
    }
    Ok(())
}

/// Removes what a killed run left, in the folder and in those in it. Best effort: it is in nobody's way, except in a
/// commit of everything.
fn remove_unfinished(folder: &Path, now: SystemTime) {
    let list = |folder: &Path| fs::read_dir(folder).into_iter().flatten().flatten();
    let folders = list(folder).filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    let folders: Vec<PathBuf> = folders.map(|entry| entry.path()).collect();
    for entry in folders.iter().map(PathBuf::as_path).chain([folder]).flat_map(list) {
        let (begin, end) = UNFINISHED;
        let name = entry.file_name();
        let is_ours =
            name.to_str().is_some_and(|name| name.starts_with(begin) && name.ends_with(end));
        let written = entry
            .metadata()
            .ok()
            .filter(fs::Metadata::is_file)
            .and_then(|file| file.modified().ok());
        let is_old = |written: SystemTime| now.duration_since(written).is_ok_and(|age| age >= RUN);
        if is_ours && written.is_some_and(is_old) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

fn failed(path: &Path, error: &std::io::Error) -> Failure {
    Failure::new(format!("cannot write {}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_killed_run_left_is_removed_by_the_next() {
        let folder = tempfile::tempdir().expect("a folder");
        fs::create_dir(folder.path().join("programs")).expect("a folder");
        let ours = [".candor-a1B2.unfinished", "programs/.candor-x.unfinished"];
        let others = [".candor-notes", "x.unfinished", "programs/a.toml"];
        for file in ours.iter().chain(&others) {
            fs::write(folder.path().join(file), "text").expect("written");
        }
        let is_there = |file: &&str| folder.path().join(file).exists();
        // Another run may be about to finish.
        remove_unfinished(folder.path(), SystemTime::now());
        assert!(ours.iter().all(is_there));
        remove_unfinished(folder.path(), SystemTime::now() + RUN);
        assert!(!ours.iter().any(is_there));
        assert!(others.iter().all(is_there));
    }

    #[test]
    fn nothing_is_replaced_unless_all_can_be_written() {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("a"), "old").expect("written");
        let edits = |files: [&str; 2]| files.map(|file| (file.to_owned(), "new".to_owned()));
        let replace = |edits: &[(String, String)]| {
            replace_files(folder.path(), edits.iter().map(|(file, text)| (file, text)))
        };
        let failure = replace(&edits(["a", "missing/b"])).expect_err("no such folder");
        assert!(failure.message.contains("missing/b"), "{}", failure.message);
        let read = |file: &str| fs::read_to_string(folder.path().join(file)).expect("a file");
        assert_eq!(read("a"), "old");
        fs::write(folder.path().join("c"), "old").expect("written");
        replace(&edits(["a", "c"])).expect("both are there");
        assert_eq!((read("a").as_str(), read("c").as_str()), ("new", "new"));
        // Nothing else is left.
        assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 2);
    }
}
