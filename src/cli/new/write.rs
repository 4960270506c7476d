//! Writing the files, over nothing that is there.

use super::super::Failure;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// Writes the files into a folder that is new, empty or a git repository without files, or, if it may have
/// others, beside them. Either all of them are written or none.
pub(super) fn write(
    folder: &Path,
    files: &[(String, String)],
    existing: bool,
) -> Result<(), Failure> {
    let other = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => {
            return Err(Failure::new(format!("cannot read {}: {error}", folder.display())));
        }
        Ok(entries) => entries.flatten().map(|entry| entry.file_name()).find(|name| name != ".git"),
    };
    if let (Some(other), false) = (other, existing) {
        return Err(Failure::new(format!(
            "{} has other things in it, such as {}; choose another folder, or add to this one with --existing",
            folder.display(),
            other.display()
        )));
    }
    let is_there = |path: &PathBuf| path.symlink_metadata().is_ok();
    if let Some(path) = files.iter().map(|(path, _)| folder.join(path)).find(is_there) {
        return Err(Failure::new(format!(
            "{} exists already, and nothing was written; rename it, or remove it, to have it made anew",
            path.display()
        )));
    }
    let mut written = Written::default();
    for (path, text) in files {
        written.add(&folder.join(path), text).map_err(|(path, error)| {
            Failure::new(format!("cannot write {}: {error}", path.display()))
        })?;
    }
    written.keep();
    Ok(())
}

/// What was made so far. Dropped before everything is there, it removes it again.
#[derive(Default)]
struct Written {
    files: Vec<PathBuf>,
    folders: Vec<PathBuf>,
}

impl Written {
    fn add(&mut self, path: &Path, text: &str) -> Result<(), (PathBuf, io::Error)> {
        let parents = path.ancestors().skip(1).filter(|above| !above.as_os_str().is_empty());
        let missing: Vec<&Path> = parents.take_while(|above| !above.exists()).collect();
        for folder in missing.into_iter().rev() {
            fs::create_dir(folder).map_err(|error| (folder.to_owned(), error))?;
            self.folders.push(folder.to_owned());
        }
        let mut file = File::create_new(path).map_err(|error| (path.to_owned(), error))?;
        self.files.push(path.to_owned());
        file.write_all(text.as_bytes()).map_err(|error| (path.to_owned(), error))
    }

    fn keep(mut self) {
        self.files.clear();
        self.folders.clear();
    }
}

impl Drop for Written {
    fn drop(&mut self) {
        // Best effort: only the first failure is reported.
        for file in &self.files {
            let _ = fs::remove_file(file);
        }
        for folder in self.folders.iter().rev() {
            let _ = fs::remove_dir(folder);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_completed_is_removed_again() {
        let folder = tempfile::tempdir().expect("a folder");
        let new = folder.path().join("a/new");
        // A file cannot be below a file.
        let files = ["b/one", "b/one/two"].map(|path| (path.to_owned(), "text".to_owned()));
        let failure = write(&new, &files, false).expect_err("impossible");
        assert!(failure.message.contains("cannot write"), "{}", failure.message);
        assert!(fs::read_dir(folder.path()).expect("list").next().is_none());
    }
}
