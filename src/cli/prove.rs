//! `candor prove`: a proof of a config version that can be checked later, without the server.

use super::trust::Trust;
use super::verify::Verified;
use super::{Failure, Output};
use crate::client::{Address, Http, RemoteLog, prove};
use crate::gomod::ModuleVersion;
use crate::terminal::OneLine;
use crate::tlog::{LeafIndex, Record};
use std::fs;
use std::path::PathBuf;

/// Make a proof that a config version is in a deployment's log.
///
/// The proof (C2SP tlog-proof) holds the log's signed tree head with its witnesses' cosignatures, and
/// the way from the version's record to it. It is verified before it is written: under the key or
/// policy that is given, for one that is verified under none says nothing.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  \
    candor prove https://telemetry.example.org v0.3.0 --vkey telemetry.example.org/log+... \\\n      \
    --out v0.3.0.tlog-proof\n\n\
    Exit status: 0 proved, 1 refused, 2 wrong usage.")]
pub(super) struct Args {
    /// The deployment.
    #[arg(value_name = "URL")]
    url: Address,
    /// The version, or `latest`.
    #[arg(value_name = "VERSION")]
    version: String,
    /// Where to write the proof.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    #[command(flatten)]
    trust: Trust,
}

pub(super) fn run(args: Args, out: Output) -> Result<(), Failure> {
    let policy = args.trust.needed()?;
    let wanted = match &*args.version {
        "latest" => None,
        text => {
            let version: ModuleVersion = text.parse().map_err(Failure::usage)?;
            Some((version, LeafIndex::new(version.leaf_index())?))
        }
    };
    let log: Address = args.url.join("log").parse()?;
    let http = Http::new();
    let proved = prove(RemoteLog::new(&log, &http), &policy, wanted.map(|(_, index)| index))?;
    let index = proved.proof.index;
    let record = Record::try_from(&proved.entry).map_err(|error| {
        Failure::new(format!("entry {index} of the log is in it, but no version's record: {error}"))
    })?;
    if let Some((version, _)) = wanted
        && record.version() != version.to_string()
    {
        return Err(Failure::new(format!(
            "entry {index} of the log is the record of {} {}, not of {version}: it is no log of config \
             versions as Candor keeps one",
            record.module(),
            record.version()
        )));
    }
    let file = args.out.display().to_string();
    fs::write(&args.out, proved.proof.to_string())
        .map_err(|error| Failure::new(format!("cannot write {file}: {error}")))?;
    let verified = Verified::new(&policy, &proved.believed, index, Some(&record), &proved.entry);
    let check = format!("wrote {}\n", OneLine(&file));
    out.result(&verified, format!("{verified}{check}"))
}
