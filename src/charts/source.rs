//! The files of one charts folder: which are read, which are ignored, which are refused.
//!
//! ```text
//! collection.toml        what is published, and for which platforms
//! programs/**/*.toml     one program a file
//! charts/**/*.toml       chart definitions, any number a file
//! marginals/**/*.toml    published shares to which samples can be weighted, one source a file
//! stacks/**/*.toml       which stacks belong to which issue, one program a file
//! ```
//!
//! Files whose names do not end in `.toml` (a README), and everything under a name that starts with a
//! dot, are ignored. A symbolic link or a submodule where a definition may be is refused, wherever it
//! leads: what is reviewed must be what is read. A `.toml` file anywhere else is reported by
//! [`parse`](super::parse()), with all the other mistakes.
//!
//! One [`Filter`] decides this for folders (here) and for git trees (`commit_reader`), by names and sizes
//! alone, before anything is read, and up to fixed limits.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The folder looked for in a repository when none is named and its root is not a charts folder.
pub const CUSTOMARY_FOLDER: &str = "charts-config";
/// The file that makes a folder a charts folder.
pub(super) const COLLECTION_FILE: &str = "collection.toml";

/// The largest file that is read, in bytes: about seventy times the size of all the Go project's
/// definitions. Parsing a file briefly takes up to a hundred times its size in memory.
pub const MAX_FILE: u64 = 1 << 20;
/// The most bytes that are read from one charts folder.
pub const MAX_BYTES: u64 = 8 << 20;
/// The most files and folders in one charts folder, ignored ones included.
pub const MAX_ENTRIES: usize = 100_000;
/// The largest git tree object in bytes: one folder with a few hundred thousand entries. The limit also
/// applies to the folders above the charts.
pub(super) const MAX_TREE: u64 = 16 << 20;
/// The deepest nesting of folders.
const MAX_DEPTH: usize = 32;

/// The files of one charts folder, in the order of their paths.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sources(BTreeMap<String, Vec<u8>>);

/// What a file of the folder is for, decided by its path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// `collection.toml`.
    Collection,
    /// A file below `programs/`.
    Program,
    /// A file below `charts/`.
    Charts,
    /// A file below `marginals/`.
    Marginals,
    /// A file below `stacks/`.
    Stacks,
    /// A `.toml` file anywhere else.
    Stray,
}

/// Why a charts folder could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SourceError {
    /// The folder is missing, or is not a folder.
    #[error("{0} is not a folder; name the folder that holds collection.toml")]
    NotAFolder(PathBuf),
    /// Something in the folder cannot be a definition.
    #[error("{path} {refusal}")]
    Refused {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        refusal: Refusal,
    },
    /// The operating system refused.
    #[error(
        "cannot read {path}: {source}; make it readable for this user and run the command again"
    )]
    Unreadable {
        /// The file or folder.
        path: PathBuf,
        /// The system's answer.
        #[source]
        source: io::Error,
    },
}

/// Why something in a charts folder is not read: the rest of a sentence that begins with its path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// A symbolic link where a definition may be.
    #[error(
        "is a symbolic link, and what is reviewed must be what is read; put the file itself there"
    )]
    Link,
    /// A submodule where a definition may be.
    #[error("is a submodule, and what is reviewed must be what is read; put the files there")]
    Submodule,
    /// Neither a file nor a folder.
    #[error("is neither a file nor a folder; remove it from the charts folder")]
    Special,
    /// The name is not Unicode.
    #[error("has a name that is not UTF-8; rename it")]
    Name,
    /// The file is too large.
    #[error("has {0} bytes, and a file may have at most {MAX_FILE}; split it into several")]
    TooLarge(u64),
    /// The files are too large together.
    #[error("is too much: a charts folder may have at most {MAX_BYTES} bytes")]
    TooMuch,
    /// There are too many files and folders.
    #[error(
        "is too much: a charts folder may have at most {MAX_ENTRIES} files and folders; keep the charts \
         in a folder of their own"
    )]
    TooMany,
    /// A folder of a git tree has too many entries.
    #[error(
        "is a folder with so many files that their list has {0} bytes, and at most {MAX_TREE} are read; \
         keep the charts in a folder of their own, and name it with --path"
    )]
    TooLong(u64),
    /// The folders are nested too deeply.
    #[error("is more than {MAX_DEPTH} folders deep; move it up")]
    TooDeep,
}

/// What an entry is, as a folder or a git tree lists it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Folder,
    File,
    Link,
    Submodule,
    Special,
}

/// What to do with an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    Skip,
    Enter,
    Read,
}

/// Decides which entries of one charts folder are definitions, and enforces the limits.
#[derive(Debug, Default)]
pub(super) struct Filter {
    entries: usize,
    bytes: u64,
}

impl Filter {
    /// What to do with the entry at `path`; `is_text` says whether its name is UTF-8.
    pub(super) fn classify(
        &mut self,
        path: &str,
        is_text: bool,
        kind: Kind,
    ) -> Result<Action, Refusal> {
        self.entries += 1;
        if self.entries > MAX_ENTRIES {
            return Err(Refusal::TooMany);
        }
        let name = path.rsplit('/').next().unwrap_or(path);
        if name.starts_with('.') {
            return Ok(Action::Skip);
        }
        let first = path.split('/').next().unwrap_or(path);
        let is_definition = path.ends_with(".toml");
        let may_be_one =
            is_definition || ["programs", "charts", "marginals", "stacks"].contains(&first);
        match kind {
            Kind::File if !is_definition => Ok(Action::Skip),
            _ if !is_text && may_be_one => Err(Refusal::Name),
            _ if !is_text => Ok(Action::Skip),
            Kind::File => Ok(Action::Read),
            Kind::Folder if path.matches('/').count() >= MAX_DEPTH => Err(Refusal::TooDeep),
            Kind::Folder => Ok(Action::Enter),
            _ if !may_be_one => Ok(Action::Skip),
            Kind::Link => Err(Refusal::Link),
            Kind::Submodule => Err(Refusal::Submodule),
            Kind::Special => Err(Refusal::Special),
        }
    }

    /// Counts a file that is about to be read.
    pub(super) fn count_file(&mut self, size: u64) -> Result<(), Refusal> {
        self.bytes = self.bytes.saturating_add(size);
        if size > MAX_FILE {
            Err(Refusal::TooLarge(size))
        } else if self.bytes > MAX_BYTES {
            Err(Refusal::TooMuch)
        } else {
            Ok(())
        }
    }
}

impl Sources {
    /// Reads the charts folder at `root`.
    pub fn from_folder(root: &Path) -> Result<Sources, SourceError> {
        if !root.is_dir() {
            return Err(SourceError::NotAFolder(root.to_path_buf()));
        }
        let mut files = Vec::new();
        read_folder(root, "", &mut Filter::default(), &mut files)?;
        Ok(Sources::from_files(files))
    }

    /// Files that were read elsewhere: pairs of a path relative to the charts folder, with `/` between
    /// its elements, and the bytes, in any order. Those that are not definitions are dropped.
    pub fn from_files(files: Vec<(String, Vec<u8>)>) -> Sources {
        Sources(files.into_iter().filter(|(path, _)| is_definition(path)).collect())
    }

    /// The paths of files that differ. Line endings do not count: git may change them on check-out.
    pub(super) fn differences<'s>(&'s self, other: &'s Sources) -> impl Iterator<Item = &'s str> {
        let paths: BTreeSet<&str> =
            self.0.keys().chain(other.0.keys()).map(String::as_str).collect();
        paths.into_iter().filter(|path| match (self.0.get(*path), other.0.get(*path)) {
            (Some(a), Some(b)) => !lines(a).eq(lines(b)),
            _ => true,
        })
    }

    /// Whether there is a file at this path.
    pub(super) fn has(&self, path: &str) -> bool {
        self.0.contains_key(path)
    }

    /// Whether there is no file.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The files in the order of their paths.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Role, &[u8])> {
        self.0.iter().map(|(path, bytes)| (path.as_str(), Role::of(path), bytes.as_slice()))
    }
}

/// The lines of a file, whatever its line endings.
fn lines(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    bytes.split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line))
}

impl Role {
    /// What the file at `path` is for.
    fn of(path: &str) -> Role {
        match path.split_once('/') {
            None if path == "collection.toml" => Role::Collection,
            Some(("programs", _)) => Role::Program,
            Some(("charts", _)) => Role::Charts,
            Some(("marginals", _)) => Role::Marginals,
            Some(("stacks", _)) => Role::Stacks,
            _ => Role::Stray,
        }
    }
}

fn is_definition(path: &str) -> bool {
    path.ends_with(".toml") && path.split('/').all(|element| !element.starts_with('.'))
}

fn read_folder(
    folder: &Path,
    prefix: &str,
    filter: &mut Filter,
    files: &mut Vec<(String, Vec<u8>)>,
) -> Result<(), SourceError> {
    let unreadable = |path: &Path| {
        let path = path.to_path_buf();
        move |source| SourceError::Unreadable { path, source }
    };
    for entry in fs::read_dir(folder).map_err(unreadable(folder))? {
        let entry = entry.map_err(unreadable(folder))?;
        let path = entry.path();
        let file_type = entry.file_type().map_err(unreadable(&path))?;
        let kind = if file_type.is_symlink() {
            Kind::Link
        } else if file_type.is_file() {
            Kind::File
        } else if !file_type.is_dir() {
            Kind::Special
        } else if path.join(".git").symlink_metadata().is_ok() {
            // A repository inside another is a submodule, or does not belong to it at all.
            Kind::Submodule
        } else {
            Kind::Folder
        };
        let name = entry.file_name();
        let relative = format!("{prefix}{}", name.to_string_lossy());
        let refused = |refusal| SourceError::Refused { path: path.clone(), refusal };
        match filter.classify(&relative, name.to_str().is_some(), kind).map_err(refused)? {
            Action::Skip => {}
            Action::Enter => read_folder(&path, &format!("{relative}/"), filter, files)?,
            Action::Read => {
                let size = entry.metadata().map_err(unreadable(&path))?.len();
                filter.count_file(size).map_err(refused)?;
                files.push((relative, fs::read(&path).map_err(unreadable(&path))?));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(files: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("a temporary folder");
        for file in files {
            let path = folder.path().join(file);
            fs::create_dir_all(path.parent().expect("a parent")).expect("create");
            fs::write(path, file).expect("write");
        }
        folder
    }

    #[test]
    fn only_definitions_are_read_in_the_order_of_their_paths() {
        let folder = folder(&[
            "programs/a.toml",
            "README.md",
            "charts/sub/deep.toml",
            "charts/notes.txt",
            "collection.toml",
            "marginals/survey.toml",
            "chart/typo.toml",
            ".git/config.toml",
        ]);
        let sources = Sources::from_folder(folder.path()).expect("readable");
        let found: Vec<_> = sources.iter().map(|(path, role, _)| (path, role)).collect();
        let expected = [
            ("chart/typo.toml", Role::Stray),
            ("charts/sub/deep.toml", Role::Charts),
            ("collection.toml", Role::Collection),
            ("marginals/survey.toml", Role::Marginals),
            ("programs/a.toml", Role::Program),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn a_missing_folder_says_what_is_expected() {
        let error = Sources::from_folder(Path::new("/no/such/folder")).expect_err("refused");
        assert!(error.to_string().contains("/no/such/folder is not a folder"), "{error}");
    }

    #[cfg(unix)]
    #[test]
    fn symbolic_links_are_refused_where_definitions_may_be_and_nowhere_else() {
        for link in ["charts/b.toml", "charts/more", "programs", "odd.toml"] {
            let folder = folder(&["collection.toml", "charts/a.toml"]);
            std::os::unix::fs::symlink("/etc", folder.path().join(link)).expect("link");
            let error = Sources::from_folder(folder.path()).expect_err("refused").to_string();
            assert!(error.contains(link) && error.contains("symbolic link"), "{error}");
        }
        for link in ["README", "docs", ".config.toml"] {
            let folder = folder(&["collection.toml", "charts/a.toml"]);
            std::os::unix::fs::symlink("/etc", folder.path().join(link)).expect("link");
            Sources::from_folder(folder.path()).expect("not looked at");
        }
    }

    #[cfg(unix)]
    #[test]
    fn odd_names_and_odd_files_are_refused() {
        use std::os::unix::ffi::OsStrExt;
        let named = folder(&["collection.toml"]);
        let name = std::ffi::OsStr::from_bytes(b"charts\xff.toml");
        fs::write(named.path().join(name), b"").expect("write");
        let error = Sources::from_folder(named.path()).expect_err("refused");
        assert!(matches!(error, SourceError::Refused { refusal: Refusal::Name, .. }), "{error}");

        let socket = folder(&["collection.toml"]);
        let _listener =
            std::os::unix::net::UnixListener::bind(socket.path().join("a.toml")).expect("bind");
        let error = Sources::from_folder(socket.path()).expect_err("refused");
        assert!(matches!(error, SourceError::Refused { refusal: Refusal::Special, .. }), "{error}");
    }
}
