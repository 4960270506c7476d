//! Where a project's telemetry is on a machine: one folder, with the layout of golang/telemetry
//! (`internal/telemetry/dir.go`), so that both can share it.
//!
//! ```text
//! FOLDER/mode                 what the user chose, and since when
//! FOLDER/local/               stays on the machine: counter files, `weekends`, local reports
//! FOLDER/upload/              reports that were sent
//! FOLDER/debug/               created by users who want logs
//! ```
//!
//! Naming a folder creates nothing. The content of `mode` is defined in [`super::mode`], that of counter
//! files in [`super::counter`].

use crate::percent;
use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};

/// The telemetry folder of a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folder {
    root: PathBuf,
    shared_with_go: bool,
}

/// Why there is no telemetry folder.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum FolderError {
    /// The environment variable that says where this user's settings are is not set.
    Unset(&'static str),
    /// The settings folder would depend on where the program was started.
    Relative(&'static str),
    /// A project without a name.
    NoProject,
}

impl fmt::Display for FolderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("cannot find the telemetry folder: ")?;
        match self {
            FolderError::Unset(name) => write!(f, "${name} is not set; set it, or name a folder"),
            FolderError::Relative(name) => write!(f, "${name} is not an absolute path"),
            FolderError::NoProject => f.write_str("the project has no name"),
        }
    }
}

impl std::error::Error for FolderError {}

impl Folder {
    /// The folder of one project: `candor/PROJECT` in the user's settings (`$XDG_CONFIG_HOME` or
    /// `~/.config`; `~/Library/Application Support` on Apple's systems; `%AppData%` on Windows), as in
    /// Go's `os.UserConfigDir`.
    ///
    /// A project is named by the path of its program, or by any name that its programs agree on.
    /// Every project has a folder of its own, because consent is given to a project, and its reports go
    /// to its own deployment: they must not contain another project's counts.
    ///
    /// # Errors
    ///
    /// The environment does not say where that is, or the name is empty.
    pub fn of(project: &str) -> Result<Folder, FolderError> {
        if project.is_empty() {
            return Err(FolderError::NoProject);
        }
        let root = user_settings(std::env::consts::OS, |name| std::env::var_os(name))?;
        Ok(Folder { root: root.join("candor").join(file_name(project)), shared_with_go: false })
    }

    /// The folder of programs that use golang.org/x/telemetry: `go/telemetry` in the user's settings.
    /// There the user's choice for Go's programs applies.
    ///
    /// # Errors
    ///
    /// The environment does not say where that is.
    pub fn shared_with_go() -> Result<Folder, FolderError> {
        let root = user_settings(std::env::consts::OS, |name| std::env::var_os(name))?;
        Ok(Folder { root: root.join("go").join("telemetry"), shared_with_go: true })
    }

    /// A folder named by the user. If it is that of Go's programs, it counts as shared with them.
    pub fn at(root: impl Into<PathBuf>) -> Folder {
        let root = root.into();
        let shared_with_go = Folder::shared_with_go().is_ok_and(|folder| folder.root == root);
        Folder { root, shared_with_go }
    }

    /// The same folder, with Go's rule for users who have not chosen yet: count, never send.
    #[must_use]
    pub fn with_gos_rule(self) -> Folder {
        Folder { shared_with_go: true, ..self }
    }

    /// Whether Go's rule for a missing mode file applies.
    pub fn is_shared_with_go(&self) -> bool {
        self.shared_with_go
    }

    /// The folder itself.
    pub fn path(&self) -> &Path {
        &self.root
    }

    /// The file with the user's choice.
    pub fn mode_file(&self) -> PathBuf {
        self.root.join("mode")
    }

    /// Where counter files and local reports are kept.
    pub fn local(&self) -> PathBuf {
        self.root.join("local")
    }

    /// Where sent reports are kept.
    pub fn upload(&self) -> PathBuf {
        self.root.join("upload")
    }

    /// Where logs go, if the user has created this folder.
    pub fn debug(&self) -> PathBuf {
        self.root.join("debug")
    }
}

/// A project's name as the name of a folder on any system: every byte but lower-case letters, digits,
/// `-`, `_` and inner dots becomes `%` and two hexadecimal digits.
fn file_name(project: &str) -> String {
    let last = project.len() - 1;
    percent::encoded(project, |at, byte| match byte {
        b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' => true,
        b'.' => at != 0 && at != last,
        _ => false,
    })
}

/// Go's `os.UserConfigDir`.
fn user_settings(
    os: &str,
    variable: impl Fn(&str) -> Option<OsString>,
) -> Result<PathBuf, FolderError> {
    let path = |name: &'static str| match variable(name) {
        Some(value) if !value.is_empty() => Ok(PathBuf::from(value)),
        _ => Err(FolderError::Unset(name)),
    };
    let absolute = |name: &'static str, path: PathBuf| {
        if path.is_absolute() { Ok(path) } else { Err(FolderError::Relative(name)) }
    };
    match os {
        "windows" => path("AppData"),
        "macos" | "ios" => Ok(path("HOME")?.join("Library").join("Application Support")),
        _ => match path("XDG_CONFIG_HOME") {
            Ok(settings) => absolute("XDG_CONFIG_HOME", settings),
            Err(_) => absolute("HOME", path("HOME")?).map(|home| home.join(".config")),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_where_go_looks_for_them() {
        type Case<'a> = (&'a str, &'a [(&'a str, &'a str)], Result<&'a str, FolderError>);
        let cases: &[Case<'_>] = &[
            ("linux", &[("HOME", "/h")], Ok("/h/.config")),
            ("linux", &[("HOME", "/h"), ("XDG_CONFIG_HOME", "")], Ok("/h/.config")),
            ("linux", &[("HOME", "/h"), ("XDG_CONFIG_HOME", "/x")], Ok("/x")),
            ("linux", &[("XDG_CONFIG_HOME", "x")], Err(FolderError::Relative("XDG_CONFIG_HOME"))),
            ("linux", &[("HOME", "h")], Err(FolderError::Relative("HOME"))),
            ("freebsd", &[], Err(FolderError::Unset("HOME"))),
            ("macos", &[("HOME", "/h")], Ok("/h/Library/Application Support")),
            ("windows", &[("AppData", "/a")], Ok("/a")),
            ("windows", &[("HOME", "/h")], Err(FolderError::Unset("AppData"))),
        ];
        for (os, environment, expected) in cases {
            let variable = |name: &str| {
                environment.iter().find(|(n, _)| *n == name).map(|(_, value)| OsString::from(value))
            };
            let found = user_settings(os, variable);
            assert_eq!(found, expected.clone().map(PathBuf::from), "{os} {environment:?}");
        }
    }

    #[test]
    fn every_project_has_a_folder_of_its_own() {
        for (project, name) in [
            ("candor", "candor"),
            ("example.org/my-prog", "example.org%2Fmy-prog"),
            ("example.org/My_Prog", "example.org%2F%4Dy_%50rog"),
            ("..", "%2E%2E"),
            ("a/../b", "a%2F..%2Fb"),
            ("x y%", "x%20y%25"),
        ] {
            assert_eq!(file_name(project), name);
        }
        assert_eq!(Folder::of(""), Err(FolderError::NoProject));
    }

    #[test]
    fn a_named_folder_has_candors_rule_unless_it_is_gos_own() {
        let named = Folder::at("/somewhere/telemetry");
        assert!(!named.is_shared_with_go());
        assert!(named.with_gos_rule().is_shared_with_go());
        if let Ok(gos) = Folder::shared_with_go() {
            assert!(Folder::at(gos.path()).is_shared_with_go());
        }
    }
}
