//! `candor static`: everything public of a deployment as plain files, for a bucket and a CDN to serve.

use super::progress::Working;
use super::{DataFolder, Failure, Output, runtime, signals};
use crate::count;
use crate::publish::Deployment;
use crate::static_site::{Claim, CopyReport, Source, check_copy, gather, write};
use crate::store::{Pinned, PlainPlace};
use crate::terminal::OneLine;
use crate::tlog::{Protocol, StoredTiles, TreeSize};
use crate::web::{BasePath, Reader, Site, WrittenAt};
use jiff::Timestamp;
use std::fmt;
use std::sync::Arc;

/// Write everything public as plain files, for a bucket and a CDN to serve.
///
/// Writes what `candor serve` would answer to each address, with its headers, as objects of a bucket or files of a
/// folder: the module proxy, the checksum database, the log, data, charts and pages. Then only uploads need a server.
/// Immutable files are written first and pointers last, so that a reader finds everything at any time; a later run
/// writes what is new, and completes one that was interrupted. Nothing is removed. It needs no key and changes nothing of
/// the deployment: run it after publishing, merging and charting.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    candor static --data /srv/candor --to s3://example-telemetry-site\n  \
    candor static --data /srv/candor --to file:///srv/www")]
pub(super) struct Args {
    #[command(flatten)]
    data: DataFolder,
    /// Where the files are to be: file:///FOLDER, s3://BUCKET/PREFIX, gs://BUCKET/PREFIX or az://CONTAINER/PREFIX.
    #[arg(long, value_name = "URL")]
    to: PlainPlace,
    /// The path below which they will be served, such as /telemetry, if the host serves other things too. It leads to
    /// the place of --to.
    #[arg(long, value_name = "PATH", default_value = "/")]
    base_path: BasePath,
    /// Write all files again, not only those that are new: if someone else changed or removed some.
    #[arg(long)]
    again: bool,
}

pub(super) fn run(args: Args, out: Output) -> Result<(), Failure> {
    // If it is killed at any moment, the next run completes it.
    signals::end_when_terminated()?;
    let deployment = Deployment::open(&args.data.folder)?;
    let report = copy(&deployment, &args.to, &args.base_path, args.again, out)?;
    out.result(&report, &report)
}

/// Writes the files of a deployment.
pub(super) fn copy(
    deployment: &Deployment,
    to: &PlainPlace,
    base_path: &BasePath,
    again: bool,
    out: Output,
) -> Result<CopyReport, Failure> {
    if let Some(own) = deployment.overlapping(to) {
        return Err(Failure::new(format!(
            "the files cannot be at {to}, since {own} is there: they would be mixed, and what is not public be served; name \
             another place"
        )));
    }
    let store = to.open()?;
    let working = Working::on("asking for everything");
    let runtime = runtime::many_threads()?;
    // Whoever must not write does not disturb another run.
    let first = runtime.block_on(source(deployment, base_path))?;
    check_copy(&first, &*store)?;
    drop(first);
    let run = Claim::new(&*store)?;
    let gathered = runtime.block_on(async {
        let source = source(deployment, base_path).await?;
        gather(&source, &*store, again, |_, _| {}).await.map_err(Failure::from)
    })?;
    drop(working);
    let working = Working::on("writing what is new");
    let report = write(gathered, &run, |_, _| {})?;
    drop(working);
    for link in &report.dead_links {
        out.say(format_args!("warning: a page links to {}, and nothing is there", OneLine(link)));
    }
    Ok(report)
}

/// The deployment as it is now, and stays while it is copied.
async fn source(deployment: &Deployment, base_path: &BasePath) -> Result<Source, Failure> {
    let store = Arc::new(Pinned::new(deployment.store.clone()));
    let (module, keys) = (deployment.module.clone(), deployment.verifiers().clone());
    let tiles = StoredTiles::new(store.clone());
    let site = Site::open(module.clone(), keys.clone(), store).await?;
    site.set_base_path(base_path.clone());
    let policy = deployment.policy();
    site.set_policy(&policy);
    let (tree, signed) = site
        .shown_head(Protocol::TlogTiles)
        .ok_or_else(|| Failure::new("there is no log yet; run `candor init` first"))?;
    let mut cosigned = None;
    if let Some(witnesses) = deployment.witnesses().filter(|_| tree.size != TreeSize::ZERO) {
        let refused = |error| {
            Failure::new(format!(
                "nothing is written, because clients would refuse it: {error}; `candor publish` asks the witnesses again"
            ))
        };
        witnesses.policy().check(signed.as_bytes()).map_err(refused)?;
        cosigned = witnesses.cosigned_at(&signed);
    }
    let time = |at: u64| i64::try_from(at).ok().and_then(|at| Timestamp::from_second(at).ok());
    let newest_week = site.newest_charted_week().await;
    let trust = [policy.as_ref(), keys.sumdb.to_string().as_bytes()].concat();
    Ok(Source {
        reader: Reader::new(site),
        database: keys.sumdb.name().to_string(),
        module,
        tree,
        tiles,
        trust,
        now: WrittenAt {
            written: Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            tree_size: tree.size.get(),
            root: tree.root.to_string(),
            cosigned: cosigned.and_then(time).map(|at| at.to_string()),
            newest_week: newest_week.map(|week| week.to_string()),
        },
    })
}

impl fmt::Display for CopyReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "wrote {} ({} bytes); {} were there already\n  log: {}, root {}",
            count::count(self.written as u64, "object"),
            self.bytes,
            self.unchanged,
            count::entries(self.tree_size),
            self.root
        )
    }
}
