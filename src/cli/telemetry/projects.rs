//! Which projects count on this machine, and which of them is meant.
//!
//! Each has a folder of its own, named after it ([`Folder::of`]). Looking at, changing or turning off
//! an unknown project is an error: someone who misspells the name must not believe that they have
//! opted out. Only turning telemetry on may name a project that has no folder yet, because nothing
//! is written before that; the name must then be one that a program can have.

use crate::cli::{Failure, Output};
use crate::client::folder::Folder;
use crate::client::mode::Consent;
use crate::client::report::Listing;
use crate::percent;
use crate::terminal::OneLine;
use serde::Serialize;
use std::fmt::Write;
use std::path::{Path, PathBuf};

/// The project of `candor` itself, which is always known.
pub(super) const OWN: &str = "candor";

/// A project on this machine.
#[derive(Debug, Serialize)]
struct Project {
    project: String,
    folder: PathBuf,
    mode: String,
    reason: String,
    /// The last week whose report was sent.
    last_report: Option<String>,
    /// The command that changes it, which takes on, local or off.
    change: String,
}

/// What the user wants with a project.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// To let it count.
    Begin,
    /// To change, delete or send something.
    Change,
    /// To look at something.
    Look,
}

/// The folder of a project, which must exist except for [`Purpose::Begin`].
pub(super) fn folder_of(project: &str, purpose: Purpose) -> Result<Folder, Failure> {
    let folder = Folder::of(project)?;
    // An existing folder is taken whatever its name.
    if project == OWN || folder.path().is_dir() {
        return Ok(folder);
    }
    check_name(project).map_err(Failure::usage)?;
    let unchanged = match purpose {
        Purpose::Begin => return Ok(folder),
        Purpose::Change => ", so nothing was changed",
        Purpose::Look => "",
    };
    Err(Failure::new(format!(
        "no project {project} is known on this machine{unchanged}; the known projects: {}",
        list()
    )))
}

/// Whether a program can have this name: elements of a path, as in Go's import paths.
fn check_name(project: &str) -> Result<(), String> {
    let is_element = |element: &str| {
        !element.is_empty()
            && !element.starts_with('.')
            && !element.ends_with('.')
            && element.chars().all(|c| c.is_ascii_alphanumeric() || "-._~+".contains(c))
    };
    let is_name = |name: &str| name.split('/').all(is_element);
    if is_name(project) {
        return Ok(());
    }
    match project.split_once("://") {
        Some((scheme, rest)) if is_name(rest.trim_end_matches('/')) => {
            let rest = rest.trim_end_matches('/');
            Err(format!("leave out {scheme}://, and name the project {rest}"))
        }
        _ => Err(format!(
            "{project:?} cannot be the name of a program; one looks like example.org/myprog: \
             letters, digits and -._~+ between slashes"
        )),
    }
}

/// A hint at other projects, if this is the folder of `candor` itself, which has never counted here,
/// and others have.
pub(super) fn hint_at_others(folder: &Folder) -> Option<String> {
    let is_own = Folder::of(OWN).is_ok_and(|own| own.path() == folder.path());
    let others = names();
    (is_own && !folder.path().is_dir() && !others.is_empty()).then(|| {
        format!(
            "This is about {OWN} itself, which has never counted here. Name another project with \
             --project: {}",
            others.join(", ")
        )
    })
}

/// The projects of this machine, for a sentence.
pub(super) fn list() -> String {
    match names().as_slice() {
        [] => "none".to_owned(),
        names => names.join(", "),
    }
}

/// What a folder is called in messages: its project, or its path.
pub(super) fn name_of(folder: &Folder) -> String {
    let path = folder.path();
    let name = path.file_name().and_then(|name| percent::decoded(name.to_str()?));
    match name {
        Some(project) if is_project_folder(path) => project,
        _ => path.display().to_string(),
    }
}

/// Whether this is a project's own folder, and not one that the user named by its path.
pub(super) fn is_project_folder(path: &Path) -> bool {
    all_projects().is_some_and(|all| path.parent() == Some(&all))
}

/// `candor telemetry` without a verb: every project on this machine, and its mode.
pub(super) fn run(out: Output) -> Result<(), Failure> {
    let mut projects = Vec::new();
    for project in names() {
        let folder = Folder::of(&project)?;
        let consent = Consent::now(&folder);
        projects.push(Project {
            mode: consent.mode.to_string(),
            reason: consent.reason(folder.path()),
            // A folder that cannot be read has sent nothing that anyone could know of.
            last_report: Listing::read(&folder)
                .ok()
                .and_then(|listing| listing.sent.last().map(ToString::to_string)),
            change: format!("candor telemetry --project {project}"),
            folder: folder.path().to_path_buf(),
            project,
        });
    }
    let mut text = String::new();
    for Project { project, mode, reason, folder, last_report, change } in &projects {
        let (project, reason, change) = (OneLine(project), OneLine(reason), OneLine(change));
        let folder = OneLine(folder.display());
        let last = match last_report {
            Some(week) => format!("sent for the week that ended on {week}"),
            None => "none was sent".to_owned(),
        };
        // Writing to a string does not fail.
        let _ = writeln!(
            text,
            "{project}: {mode} ({reason})\n  folder       {folder}\n  last report  {last}\n  \
             to change    {change} on|local|off\n"
        );
    }
    if projects.is_empty() {
        text += "No project is known on this machine: nothing is counted.\n";
    } else {
        text += "`view` instead of `on` shows what is counted and what would be sent; \
                 DO_NOT_TRACK=1 in the environment turns all of them off.\n";
    }
    out.result(&projects, text)
}

/// The folder that has a folder for each project.
fn all_projects() -> Option<PathBuf> {
    Some(Folder::of(OWN).ok()?.path().parent()?.to_path_buf())
}

/// The names of all projects that have a folder, in order.
fn names() -> Vec<String> {
    let entries = all_projects().and_then(|all| std::fs::read_dir(all).ok());
    let folders = entries.into_iter().flatten().flatten().filter(|entry| entry.path().is_dir());
    let mut names: Vec<String> =
        folders.filter_map(|entry| percent::decoded(entry.file_name().to_str()?)).collect();
    names.sort_unstable();
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_project_has_a_name_that_a_program_can_have() {
        for name in ["myprog", "example.org/My-prog_2/v2", "gitlab.com/~a/b+c"] {
            assert_eq!(check_name(name), Ok(()));
        }
        for name in ["../x", "/etc/passwd", "a//b", "a/", "a b", "a\nb", "\u{1b}[31m", "a/.b", "."]
        {
            let error = check_name(name).expect_err(name);
            assert!(error.contains("example.org/myprog"), "{error}");
        }
        let error = check_name("https://example.org/myprog/").expect_err("a URL");
        assert_eq!(error, "leave out https://, and name the project example.org/myprog");
        assert!(check_name("https://").expect_err("no name").contains("looks like"));
    }

    #[test]
    fn the_name_of_a_folder_leads_back_to_its_project() {
        for project in ["candor", "example.org/my-prog", "A b%", "..", "Zürich"] {
            let folder = Folder::of(project).expect("a folder");
            let name = folder.path().file_name().and_then(|name| name.to_str()).expect("a name");
            assert_eq!(percent::decoded(name).as_deref(), Some(project));
            assert_eq!(name_of(&folder), project);
        }
        for name in ["%", "%4", "%zz", "%FF"] {
            assert_eq!(percent::decoded(name), None, "{name}");
        }
        assert_eq!(name_of(&Folder::at("/elsewhere/x")), "/elsewhere/x");
    }
}
