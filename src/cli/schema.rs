//! `candor schema`: a JSON Schema of each kind of file in a charts folder, for editors.

use super::{Failure, Output};
use crate::charts::{FileKind, json_schema};
use crate::terminal::OneLine;
use clap::builder::PossibleValuesParser;
use serde::Serialize;
use std::fs;
use std::path::{Path, PathBuf};

/// Print a JSON Schema of a kind of file in a charts folder, for editors.
///
/// Editors that use Taplo complete and explain keys by it. A line at the head of a file says where it is:
/// `#:schema https://HOST/help/schema/chart.json`, which every deployment serves, or a path.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  candor schema chart\n  candor schema --out schema")]
pub(super) struct Args {
    /// The kind of file.
    #[arg(value_name = "KIND", required_unless_present = "out",
          value_parser = PossibleValuesParser::new(FileKind::ALL.map(FileKind::name)))]
    kind: Option<String>,
    /// Write the schemas of all kinds to files KIND.json in this folder, which is made if it is not there.
    #[arg(long, value_name = "DIR", conflicts_with = "kind")]
    out: Option<PathBuf>,
}

/// What is printed with `--json` and `--out`.
#[derive(Serialize)]
struct Written {
    files: Vec<String>,
}

pub(super) fn run(args: Args, out: Output) -> Result<(), Failure> {
    if let Some(folder) = &args.out {
        return write_all(folder, out);
    }
    let kind = FileKind::ALL.into_iter().find(|kind| Some(kind.name()) == args.kind.as_deref());
    let kind = kind.ok_or_else(|| Failure::usage("name a kind of file, or a folder with --out"))?;
    out.result(&json_schema(kind), text(kind)?)
}

/// The schema as it is written to a file.
fn text(kind: FileKind) -> Result<String, Failure> {
    Ok(format!("{}\n", serde_json::to_string_pretty(&json_schema(kind))?))
}

fn write_all(folder: &Path, out: Output) -> Result<(), Failure> {
    let failed =
        |path: &Path, error| Failure::new(format!("cannot write {}: {error}", path.display()));
    fs::create_dir_all(folder).map_err(|error| failed(folder, error))?;
    let mut files = Vec::new();
    for kind in FileKind::ALL {
        let name = format!("{}.json", kind.name());
        let path = folder.join(&name);
        fs::write(&path, text(kind)?).map_err(|error| failed(&path, error))?;
        files.push(name);
    }
    let said = format!("{} schemas in {}\n", files.len(), OneLine(folder.display()));
    out.result(&Written { files }, said)
}
