//! `candor init`: a new deployment, with a key of its own.

use super::{DataFolder, Failure, Output};
use crate::publish::{Deployment, OWN_STORE};
use crate::terminal::OneLine;
use serde::Serialize;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

/// Make a deployment: its keys, its settings and an empty, signed log.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  \
    candor init --data /srv/candor --name telemetry.example.org \\\n    \
    --module telemetry.example.org/config\n  \
    candor init --data /srv/candor --name telemetry.example.org \\\n    \
    --module telemetry.example.org/config --store s3://example-telemetry/candor")]
pub(super) struct Args {
    #[command(flatten)]
    data: DataFolder,
    /// The host where the deployment is served; the log is named after it.
    #[arg(long, value_name = "HOST")]
    name: String,
    /// The Go module that clients download.
    #[arg(long, value_name = "PATH")]
    module: String,
    /// Where the store is: file://DIR, s3://BUCKET/PREFIX, gs://BUCKET/PREFIX or az://CONTAINER/PREFIX. A bucket
    /// is tried out first; its credentials are those of the environment (see docs/operating.md).
    #[arg(long, value_name = "URL", default_value = OWN_STORE)]
    store: String,
}

#[derive(Serialize)]
struct Made {
    data: String,
    name: String,
    module: String,
    store: String,
    sumdb_key: String,
    log_key: String,
}

/// What a folder may have before it becomes a deployment: what an init that was interrupted leaves, a witness, and
/// what the root of a disk has.
const MAY_BE_THERE: [&str; 6] = ["candor.tmp", "keys", "lost+found", "signer", "store", "witness"];

pub(super) fn run(args: Args, out: Output) -> Result<(), Failure> {
    refuse_other_things(&args.data.folder)?;
    let (folder, store) = (&args.data.folder, &args.store);
    let deployment = Deployment::init_with_store(folder, &args.name, &args.module, store)?;
    let keys = deployment.verifiers();
    let made = Made {
        data: args.data.folder.display().to_string(),
        name: deployment.host().to_string(),
        module: deployment.module.to_string(),
        store: deployment.store_location(),
        sumdb_key: keys.sumdb.to_string(),
        log_key: keys.log.to_string(),
    };
    let text = format!(
        "Made a deployment of {module} in {data}{with_store}.\n\n\
         Verifier keys; publish them where users will look for them:\n  \
         {sumdb}   the go command's checksum database (GOSUMDB)\n  \
         {log}   the transparency log (C2SP tlog-tiles)\n\n\
         Back up {key}: clients accept no other key. The log's one signer is this\n\
         folder on this machine; `candor signer` shows it, and moves it when it has to.\n\
         Next: candor publish --data {data} --charts REPO\n",
        module = made.module,
        with_store = match args.store == OWN_STORE {
            true => String::new(),
            false => format!(", with its store at {}", OneLine(&made.store)),
        },
        data = OneLine(&made.data),
        key = OneLine(deployment.seed_source().find()),
        sumdb = made.sumdb_key,
        log = made.log_key,
    );
    out.result(&made, text)?;
    warn_of_work_tree(&args.data.folder, out);
    Ok(())
}

/// Refuses a folder that is used for something else. One that has a deployment is refused later.
fn refuse_other_things(folder: &Path) -> Result<(), Failure> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => {
            let folder = folder.display();
            return Err(Failure::new(format!("{folder} cannot be made a deployment: {error}")));
        }
    };
    let mut names: Vec<_> = entries.flatten().map(|entry| entry.file_name()).collect();
    names.sort();
    let is_other =
        |name: &&std::ffi::OsString| !MAY_BE_THERE.iter().any(|known| name.as_os_str() == *known);
    match names.iter().find(is_other) {
        Some(other) if !folder.join("candor.toml").exists() => Err(Failure::new(format!(
            "{} has other things in it, such as {}; name a new folder, or an empty one",
            folder.display(),
            other.display()
        ))),
        _ => Ok(()),
    }
}

/// Warns if a `git add` might take the key with it.
fn warn_of_work_tree(folder: &Path, out: Output) {
    let whole = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
    if let Some(tree) = whole.ancestors().find(|above| above.join(".git").exists()) {
        out.say(format_args!(
            "warning: {} is inside the git work tree {}, and the log's key must never be committed: move the \
             folder out of it before you publish, or at least name it in .gitignore",
            folder.display(),
            tree.display()
        ));
    }
}
