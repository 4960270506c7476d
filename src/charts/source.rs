//! The files of one charts folder: which are read, which are ignored, which are refused.
//!
//! ```text
//! collection.toml        what is published, and for which platforms
//! programs/**/*.toml     one program a file
//! charts/**/*.toml       chart definitions, any number a file
//! marginals/**/*.toml    published shares to which samples can be weighted, one source a file
//! ```
//!
//! Everything whose name does not end in `.toml` (a README) and everything under a name that
//! starts with a dot is ignored. Symbolic links are refused, wherever they lead: what is reviewed
//! must be what is read. A `.toml` file in any other place is reported by
//! [`parse`](super::parse()), with all the other mistakes.
//!
//! [`Sources`] come from a folder here; `publish` makes them from a git tree.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The largest file that is read, in bytes.
pub const MAX_FILE: usize = 64 << 20;

/// The files of one charts folder, in the order of their paths.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sources(BTreeMap<String, Vec<u8>>);

/// What a file of the folder is for, which its path decides.
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
    /// A `.toml` file in a place where none is expected.
    Stray,
}

/// Why a charts folder could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SourceError {
    /// The folder is missing, or is not a folder.
    #[error("{0} is not a folder; name the folder that holds collection.toml")]
    NotAFolder(PathBuf),
    /// There is a symbolic link in the folder.
    #[error(
        "{0} is a symbolic link, and what is reviewed must be what is read; put the file itself there"
    )]
    SymbolicLink(PathBuf),
    /// There is something else than files and folders.
    #[error("{0} is neither a file nor a folder; remove it from the charts folder")]
    Special(PathBuf),
    /// A name is not Unicode.
    #[error("the file name {0:?} is not valid UTF-8; rename the file")]
    Name(PathBuf),
    /// A file is too large to be a reviewed definition.
    #[error(
        "{path} has {size} bytes, and at most {MAX_FILE} are read; split it into several files"
    )]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Its size in bytes.
        size: u64,
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

impl Sources {
    /// Reads the charts folder at `root`.
    pub fn from_folder(root: &Path) -> Result<Sources, SourceError> {
        if !root.is_dir() {
            return Err(SourceError::NotAFolder(root.to_path_buf()));
        }
        let mut files = Vec::new();
        read_folder(root, "", &mut files)?;
        Ok(Sources::from_files(files))
    }

    /// Takes files that were read from elsewhere: pairs of a path relative to the charts folder,
    /// with `/` between its elements, and the bytes. Those that are not definitions are dropped.
    /// The order of `files` does not matter.
    pub fn from_files(files: Vec<(String, Vec<u8>)>) -> Sources {
        Sources(files.into_iter().filter(|(path, _)| is_definition(path)).collect())
    }

    /// The files in the order of their paths.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Role, &[u8])> {
        self.0.iter().map(|(path, bytes)| (path.as_str(), Role::of(path), bytes.as_slice()))
    }
}

impl Role {
    /// What the file at `path` is for.
    fn of(path: &str) -> Role {
        match path.split_once('/') {
            None if path == "collection.toml" => Role::Collection,
            Some(("programs", _)) => Role::Program,
            Some(("charts", _)) => Role::Charts,
            Some(("marginals", _)) => Role::Marginals,
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
    files: &mut Vec<(String, Vec<u8>)>,
) -> Result<(), SourceError> {
    let unreadable = |path: &Path| {
        let path = path.to_path_buf();
        move |source| SourceError::Unreadable { path, source }
    };
    for entry in fs::read_dir(folder).map_err(unreadable(folder))? {
        let entry = entry.map_err(unreadable(folder))?;
        let path = entry.path();
        let kind = entry.file_type().map_err(unreadable(&path))?;
        let Ok(name) = entry.file_name().into_string() else {
            return Err(SourceError::Name(path));
        };
        if name.starts_with('.') {
            continue;
        }
        let relative = format!("{prefix}{name}");
        if kind.is_symlink() {
            return Err(SourceError::SymbolicLink(path));
        } else if kind.is_dir() {
            read_folder(&path, &format!("{relative}/"), files)?;
        } else if !kind.is_file() {
            return Err(SourceError::Special(path));
        } else if is_definition(&relative) {
            let size = entry.metadata().map_err(unreadable(&path))?.len();
            if size > MAX_FILE as u64 {
                return Err(SourceError::TooLarge { path, size });
            }
            files.push((relative, fs::read(&path).map_err(unreadable(&path))?));
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
    fn symbolic_links_are_refused_wherever_they_are() {
        for link in ["charts/b.toml", "README", "docs"] {
            let folder = folder(&["collection.toml", "charts/a.toml"]);
            std::os::unix::fs::symlink("/etc", folder.path().join(link)).expect("link");
            let error = Sources::from_folder(folder.path()).expect_err("refused").to_string();
            assert!(error.contains(link) && error.contains("symbolic link"), "{error}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn odd_names_and_odd_files_are_refused() {
        use std::os::unix::ffi::OsStrExt;
        let named = folder(&["collection.toml"]);
        let name = std::ffi::OsStr::from_bytes(b"charts\xff.toml");
        fs::write(named.path().join(name), b"").expect("write");
        assert!(matches!(Sources::from_folder(named.path()), Err(SourceError::Name(_))));

        let socket = folder(&["collection.toml"]);
        let _listener =
            std::os::unix::net::UnixListener::bind(socket.path().join("a.toml")).expect("bind");
        assert!(matches!(Sources::from_folder(socket.path()), Err(SourceError::Special(_))));
    }
}
