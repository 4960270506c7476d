//! `candor man`: manual pages, made from the same definitions as the help.

use super::{Failure, Output};
use clap_mangen::Man;
use serde::Serialize;
use std::fs;
use std::path::{Path, PathBuf};

/// Write the manual pages of the program and of each verb.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  candor man ~/.local/share/man/man1 && man candor-serve")]
pub(super) struct Args {
    /// The folder, which is made if it is not there.
    #[arg(value_name = "DIR")]
    folder: PathBuf,
}

/// What the foot of each page says.
const SOURCE: &str = concat!("candor ", env!("CARGO_PKG_VERSION"));

/// What is printed with `--json`.
#[derive(Serialize)]
struct Written {
    pages: Vec<String>,
}

/// Writes a page for a command line and each of its verbs.
pub(super) fn run(args: &Args, mut command: clap::Command, out: Output) -> Result<(), Failure> {
    let failed =
        |path: &Path, error| Failure::new(format!("cannot write {}: {error}", path.display()));
    fs::create_dir_all(&args.folder).map_err(|error| failed(&args.folder, error))?;
    // With this, a verb knows the names above its own.
    command.build();
    let mut pages = Vec::new();
    let mut left = vec![command];
    while let Some(command) = left.pop() {
        let verbs = command.get_subcommands().filter(|verb| verb.get_name() != "help");
        left.extend(verbs.cloned());
        let page = Man::new(command).source(SOURCE).manual("Candor");
        let name = page.get_filename();
        let path = args.folder.join(&name);
        let mut text = Vec::new();
        page.render(&mut text)
            .and_then(|()| fs::write(&path, text))
            .map_err(|error| failed(&path, error))?;
        pages.push(name);
    }
    pages.sort();
    let text = format!(
        "{} manual pages in {}\n",
        pages.len(),
        crate::terminal::OneLine(args.folder.display())
    );
    out.result(&Written { pages }, text)
}
