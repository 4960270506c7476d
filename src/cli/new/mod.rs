//! `candor new`: a charts folder with a first definition, and the CI that goes with it.
//!
//! | file | one idea |
//! | --- | --- |
//! | `files` | the files, filled in from `template` |
//! | `write` | writing them, over nothing that is there |

mod files;
mod write;

use self::files::{Ci, Facts, GITLAB_CI, GITLAB_INCLUDE, files};
use super::shell::quoted;
use super::today::today;
use super::{Failure, Output};
use crate::address::Address;
use crate::charts::program_path::ProgramPath;
use crate::charts::{CUSTOMARY_FOLDER, Sources, parse};
use crate::gomod::ModulePath;
use crate::review::PLACEHOLDER;
use crate::terminal::OneLine;
use jiff::ToSpan as _;
use serde::Serialize;
use std::path::PathBuf;

/// Start a charts folder: a first definition with a guide, and CI for GitHub and GitLab.
///
/// The CI checks each proposal, says in one comment what it changes, and once a week proposes new versions,
/// toolchains and sampling rates. What you do not say yet is named after example.org or replace-me.example, to be changed.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    candor new telemetry --program github.com/ada/hello --url https://telemetry.hello.dev \\\n    \
    --repository https://github.com/ada/hello --ci github\n  \
    candor new --existing .")]
pub(super) struct Args {
    /// The folder: a new one, an empty one, or a git repository without files.
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// Add to a folder that has other files. None of them is changed; of a .gitlab-ci.yml that is there, it is said
    /// which line to add.
    #[arg(long)]
    existing: bool,
    /// The program that counts: a Go package path, or the name of a Rust crate.
    #[arg(long, value_name = "PATH", default_value = "example.org/hello")]
    program: String,
    /// The address at which the deployment will be.
    #[arg(long, value_name = "URL", default_value = "https://telemetry.example.org")]
    url: Address,
    /// The Go module in which programs download the config [default: config, below the host of --url].
    #[arg(long, value_name = "PATH")]
    module: Option<String>,
    /// The address of the repository, for links to discussions [default: that of a program whose path says it, such
    /// as github.com/ada/hello; otherwise a placeholder, which `candor check` asks to replace].
    #[arg(long, value_name = "URL")]
    repository: Option<Address>,
    /// For which services CI is written.
    #[arg(long, value_name = "SERVICE", value_enum, value_delimiter = ',',
          default_values_t = [Ci::Github, Ci::Gitlab])]
    ci: Vec<Ci>,
}

/// What is printed with `--json`.
#[derive(Serialize)]
struct Report<'a> {
    folder: String,
    files: Vec<&'a str>,
    /// The line to add to the .gitlab-ci.yml that is there.
    #[serde(skip_serializing_if = "Option::is_none")]
    gitlab_include: Option<&'static str>,
}

pub(super) fn run(args: Args, out: Output) -> Result<(), Failure> {
    let facts = facts(&args)?;
    let mut files = files(&facts, &args.ci);
    let has_gitlab_ci = args.existing && args.folder.join(GITLAB_CI).symlink_metadata().is_ok();
    let before = files.len();
    files.retain(|(path, _)| !(has_gitlab_ci && path == GITLAB_CI));
    let gitlab_include = (files.len() < before).then_some(GITLAB_INCLUDE);
    // What a name makes invalid is said now, not by the first check.
    let inside = files.iter().filter_map(|(path, text)| {
        let path = path.strip_prefix(CUSTOMARY_FOLDER)?.strip_prefix('/')?;
        path.ends_with(".toml").then(|| (path.to_owned(), text.clone().into_bytes()))
    });
    parse(&Sources::from_files(inside.collect()))?;
    write::write(&args.folder, &files, args.existing)?;
    let folder = args.folder.display().to_string();
    let names = files.iter().map(|(path, _)| path.as_str()).collect();
    let text = text(&args, &files, gitlab_include);
    out.result(&Report { folder, files: names, gitlab_include }, text)
}

fn facts(args: &Args) -> Result<Facts, Failure> {
    let program = ProgramPath::parse(&args.program).ok_or_else(|| {
        Failure::usage(format!(
            "{:?} is not the path of a program: give one like github.com/ada/hello, or the name of a crate",
            args.program
        ))
    })?;
    let repository = match &args.repository {
        Some(repository) => repository.clone(),
        None => repository_of(&program)?,
    };
    for address in [&args.url, &repository] {
        // They are written into files of several formats, in each of which these characters stand for themselves.
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "-._~:/%[]".contains(c);
        if !address.as_str().chars().all(is_plain) {
            return Err(Failure::usage(format!(
                "{address} has characters other than letters, digits and -._~:/%"
            )));
        }
    }
    let module = match &args.module {
        Some(module) => module.clone(),
        None => format!("{}/config", host(args.url.as_str())),
    };
    let module = ModulePath::new(module).map_err(|error| {
        Failure::usage(format!("{error}; say with --module what the config's module is called"))
    })?;
    let today = today();
    Ok(Facts {
        program,
        module,
        url: args.url.clone(),
        repository,
        // Far from the end of the calendar.
        expires: today.checked_add(1.year()).unwrap_or(today),
    })
}

/// Hosts of repositories whose addresses are their owners and names.
const FORGES: [&str; 3] = ["github.com", "gitlab.com", "codeberg.org"];

/// The repository that a program's path says, or a placeholder.
fn repository_of(program: &ProgramPath) -> Result<Address, Failure> {
    let path = program.as_str();
    let elements: Vec<&str> = path.split('/').collect();
    let is_plain =
        |text: &str| text.chars().all(|c| c.is_ascii_alphanumeric() || "-._".contains(c));
    let address = match elements.as_slice() {
        [host, owner, name, ..] if FORGES.contains(host) && is_plain(owner) && is_plain(name) => {
            format!("https://{host}/{owner}/{name}")
        }
        _ => format!("https://{PLACEHOLDER}/{}", files::name_of(path)),
    };
    address.parse().map_err(|error| Failure::usage(format!("{error}; name it with --repository")))
}

/// The host of an address.
fn host(address: &str) -> &str {
    let rest = address.split_once("://").map_or(address, |(_, rest)| rest);
    let authority = rest.split('/').next().unwrap_or(rest);
    authority.split(':').next().unwrap_or(authority)
}

fn text(args: &Args, files: &[(String, String)], gitlab_include: Option<&str>) -> String {
    let mut text = String::new();
    for (path, _) in files {
        text += &format!("  {}\n", OneLine(args.folder.join(path).display()));
    }
    if let Some(line) = gitlab_include {
        text += &format!(
            "\nAdd this line to {GITLAB_CI}, or what is in its brackets to the include that is there:\n  {line}\n"
        );
    }
    let folder = quoted(&args.folder.display().to_string());
    let folder = OneLine(&folder);
    format!(
        "Made\n{text}\n\
         Next, change what is named after example.org or {PLACEHOLDER}, and the first definition into your own question. Then:\n  \
         candor check {folder}\n  \
         candor compile {folder}/{CUSTOMARY_FOLDER}     what programs may report, as they read it\n  \
         candor publish --data DATA --charts {folder}     once it is committed, and `candor init` made DATA\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repository_is_what_the_path_says_or_a_placeholder() {
        for (program, expected) in [
            ("github.com/ada/hello/cmd/greet", "https://github.com/ada/hello"),
            ("hello-world", "https://replace-me.example/hello-world"),
            ("example.org/hello/v2", "https://replace-me.example/hello"),
            ("github.com/Ada/a.b~c/v2", "https://replace-me.example/a-b-c"),
        ] {
            let program = ProgramPath::parse(program).expect("a path");
            assert_eq!(repository_of(&program).expect("an address").as_str(), expected);
        }
    }

    #[test]
    fn hosts_of_addresses() {
        for (address, expected) in [
            ("https://telemetry.example.org", "telemetry.example.org"),
            ("https://example.org:8443/telemetry", "example.org"),
            ("http://localhost/x", "localhost"),
        ] {
            assert_eq!(host(address), expected);
        }
    }
}
