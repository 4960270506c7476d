//! `candor import`: the Go project's records as a charts folder.

use super::{Failure, Output};
use crate::charts::Diagnostic;
use crate::collection::{Import, Imported, import};
use crate::count::count;
use crate::terminal::OneLine;
use serde::Serialize;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Import chart definitions in the Go project's record format.
///
/// With the config that was published from them, the imported folder compiles to exactly that config, and
/// notes tell what else the records say.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  \
    candor import config.txt --upload-config config.json --out charts-config")]
pub(super) struct Args {
    /// The records: golang/telemetry's internal/chartconfig/config.txt, or one like it.
    #[arg(value_name = "CONFIG_TXT")]
    records: PathBuf,
    /// The config.json that was published from these records.
    #[arg(long, value_name = "JSON")]
    upload_config: Option<PathBuf>,
    /// The charts folder to make; it must not exist yet, or be empty.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// The Go module under which the definitions will be published.
    #[arg(long, value_name = "PATH", default_value = "golang.org/x/telemetry/config")]
    module: String,
}

/// What is printed with `--json`.
#[derive(Serialize)]
struct Report<'a> {
    folder: String,
    module: &'a str,
    files: Vec<&'a str>,
    charts: usize,
    programs: usize,
    notices: &'a [Diagnostic],
}

pub(super) fn run(args: Args, out: Output) -> Result<(), Failure> {
    let records = read(&args.records)?;
    let published = args.upload_config.as_deref().map(read).transpose()?;
    let names = [Some(&args.records), args.upload_config.as_ref()]
        .map(|path| path.map(|path| path.display().to_string()).unwrap_or_default());
    let [file, published_file] = &names;
    let imported = import(&Import {
        file,
        records: &records,
        published: published.as_deref().map(|json| (published_file.as_str(), json)),
        module: &args.module,
    })?;
    write(&args.out, &imported)?;
    if !out.json {
        for notice in &imported.notices {
            out.say_lines(format_args!("{notice}\n"));
        }
    }
    let (charts, programs) =
        (imported.definitions.charts.len(), imported.definitions.programs.len());
    let folder = args.out.display().to_string();
    let text = format!(
        "imported {} of {} into {}, to be published as {} (see --module)\n",
        count(charts, "chart"),
        count(programs, "program"),
        OneLine(&folder),
        OneLine(&args.module)
    );
    let files = imported.files.iter().map(|(path, _)| path.as_str()).collect();
    let notices = &imported.notices;
    let report = Report { folder, module: &args.module, files, charts, programs, notices };
    out.result(&report, text)
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    fs::read(path).map_err(|error| Failure::new(format!("cannot read {}: {error}", path.display())))
}

/// Makes the complete folder or nothing: the files are written next to it first.
fn write(folder: &Path, imported: &Imported) -> Result<(), Failure> {
    if folder.exists() && !fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_none()) {
        return Err(Failure::new(format!(
            "{} exists and is not an empty folder; choose another with --out",
            folder.display()
        )));
    }
    let mut staged = folder.as_os_str().to_owned();
    staged.push(format!(".importing-{}", std::process::id()));
    let staged = PathBuf::from(staged);
    let make = || -> io::Result<()> {
        for (path, bytes) in &imported.files {
            let path = staged.join(path);
            if let Some(parent) = path.parent() {
                fs::create_dir_all(parent)?;
            }
            fs::write(path, bytes)?;
        }
        if folder.exists() {
            fs::remove_dir(folder)?;
        }
        // For people and git: nothing promises that it survives a power cut.
        #[allow(clippy::disallowed_methods)]
        fs::rename(&staged, folder)
    };
    make().map_err(|error| {
        // Best effort: only the first failure is reported.
        let _ = fs::remove_dir_all(&staged);
        Failure::new(format!("cannot write {}: {error}", folder.display()))
    })
}
