//! `candor prove`: a proof of a config version that can be checked later, without the server.

use super::trust::Trust;
use super::verify::{LARGEST_ZIP, Verified, not_from_the_future};
use super::{Failure, Output};
use crate::client::{Address, Download as _, Http, ProveError, RemoteLog, prove};
use crate::gomod::{ModulePath, ModuleVersion, escape_version, hash_zip};
use crate::terminal::OneLine;
use crate::tlog::{LeafIndex, Record};
use std::fmt::Display;
use std::fs;
use std::path::{Path, PathBuf};

/// Make a proof that a config version is in a deployment's log.
///
/// The proof (C2SP tlog-proof) holds the log's signed tree head with its witnesses' cosignatures, and the
/// inclusion proof of the version's record. It is verified with the given key or policy before it is
/// written.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  \
    candor prove https://telemetry.example.org v0.3.0 --vkey telemetry.example.org/log+... \\\n      \
    --out v0.3.0.tlog-proof --zip v0.3.0.zip\n\n\
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
    /// Where to save the version's zip, which `candor verify` needs with the proof.
    #[arg(long, value_name = "FILE")]
    zip: Option<PathBuf>,
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
    let proved = prove(RemoteLog::new(&log, &http), &policy, wanted.map(|(_, index)| index));
    let proved = match (proved, wanted) {
        (Err(ProveError::NoEntry { size, .. }), Some((version, _))) => {
            let newest = match ModuleVersion::new(size) {
                Ok(newest) => format!("the newest is {newest}"),
                Err(_) => "nothing has been published".to_owned(),
            };
            return Err(Failure::new(format!("the log at {log} has no {version}: {newest}")));
        }
        (Err(ProveError::NoEntry { .. }), None) => {
            return Err(Failure::new(format!(
                "the log at {log} has no version: nothing has been published"
            )));
        }
        (proved, _) => proved?,
    };
    not_from_the_future(&proved.believed)?;
    let index = proved.proof.index;
    let record = Record::try_from(&proved.entry).map_err(|error| {
        Failure::new(format!(
            "entry {index} is in the log, but is not the record of a version: {error}"
        ))
    })?;
    if let Some((version, _)) = wanted
        && record.version() != version.to_string()
    {
        return Err(Failure::new(format!(
            "entry {index} of the log is the record of {} {}, not of {version}: this is not a log of \
             config versions as Candor keeps one",
            record.module(),
            record.version()
        )));
    }
    let file = args.out.display().to_string();
    fs::write(&args.out, proved.proof.to_string())
        .map_err(|error| Failure::new(format!("cannot write {file}: {error}")))?;
    let zip = zip_address(&args.url, &record)?;
    let mut wrote = format!("wrote {}\n", OneLine(&file));
    match &args.zip {
        None => wrote += &format!("  of the zip at {}\n", OneLine(&zip)),
        Some(file) => {
            save_zip(&zip, &record, &http, file)?;
            wrote += &format!("wrote {}, from {zip}\n", OneLine(file.display()));
        }
    }
    let verified = Verified::new(&policy, &proved.believed, index, Some(&record), &proved.entry);
    out.result(&verified, format!("{verified}{wrote}"))
}

/// Where a version's zip is.
fn zip_address(url: &Address, record: &Record) -> Result<String, Failure> {
    let module: ModulePath = record.module().parse()?;
    let version = escape_version(record.version())?;
    Ok(url.join(&format!("goproxy/{}/@v/{version}.zip", module.escape())))
}

/// Saves the zip, after checking that it is the one in the record.
fn save_zip(url: &str, record: &Record, http: &Http, file: &Path) -> Result<(), Failure> {
    let zip = http.get(url, LARGEST_ZIP)?;
    let zip = zip.ok_or_else(|| Failure::new(format!("there is no zip at {url}")))?;
    let named =
        |what: &dyn Display| Failure::new(format!("{url} is not the zip that was logged: {what}"));
    let found = hash_zip(&zip).map_err(|error| named(&error))?;
    if found != record.zip() {
        return Err(named(&format_args!(
            "it has the hash {found}, and the log says {}",
            record.zip()
        )));
    }
    fs::write(file, zip)
        .map_err(|error| Failure::new(format!("cannot write {}: {error}", file.display())))
}
