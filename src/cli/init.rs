//! `candor init`: a new deployment, with a key of its own.

use super::{DataFolder, Failure, Output};
use crate::publish::Deployment;
use crate::terminal::OneLine;
use serde::Serialize;

/// Make a deployment: its keys, its settings and an empty, signed log.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  \
    candor init --data /srv/candor --name telemetry.example.org \\\n    \
    --module telemetry.example.org/config")]
pub(super) struct Args {
    #[command(flatten)]
    data: DataFolder,
    /// The host where the deployment is served; the log is named after it.
    #[arg(long, value_name = "HOST")]
    name: String,
    /// The Go module that clients download.
    #[arg(long, value_name = "PATH")]
    module: String,
}

#[derive(Serialize)]
struct Made {
    data: String,
    name: String,
    module: String,
    sumdb_key: String,
    log_key: String,
}

pub(super) fn run(args: Args, out: Output) -> Result<(), Failure> {
    let deployment = Deployment::init(&args.data.folder, &args.name, &args.module)?;
    let keys = deployment.verifiers();
    let made = Made {
        data: args.data.folder.display().to_string(),
        name: deployment.host().to_string(),
        module: deployment.module.to_string(),
        sumdb_key: keys.sumdb.to_string(),
        log_key: keys.log.to_string(),
    };
    let text = format!(
        "Made a deployment of {module} in {data}.\n\n\
         Verifier keys; publish them where users will look for them:\n  \
         {sumdb}   the go command's checksum database (GOSUMDB)\n  \
         {log}   the transparency log (C2SP tlog-tiles)\n\n\
         Back up {key}: clients accept no other key. The log's one signer is this\n\
         folder on this machine; `candor signer` shows it, and moves it when it has to.\n\
         Next: candor publish --data {data} --charts REPO\n",
        module = made.module,
        data = OneLine(&made.data),
        key = OneLine(deployment.seed_source().find()),
        sumdb = made.sumdb_key,
        log = made.log_key,
    );
    out.result(&made, text)
}
