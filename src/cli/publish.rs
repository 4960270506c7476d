//! `candor publish`: the config of a charts repository, as the next version.

use super::progress::Working;
use super::{DataFolder, Failure, Output, signals, static_site};
use crate::charts::{Repository, Revision};
use crate::count::entries;
use crate::gomod::RepositoryUrl;
use crate::publish::{
    ChartsSource, CommitOutcome, CompileDay, Deployment, Outcome, Publisher, Watch,
};
use crate::publish::{LiveDeployment, RefreshError, Refresher};
use crate::repository_url::RepositoryAddress;
use crate::store::PlainPlace;
use crate::terminal::OneLine;
use crate::web::BasePath;
use jiff::Timestamp;
use jiff::civil::Date;
use std::fmt;
use std::time::Duration;

/// Publish the config of a charts repository.
///
/// Compiles the charts folder at one commit, and appends the config to the log as the next version of the
/// module. If the config is that of the newest version, there is no new one; whatever else the definitions
/// say (revoked configs, packages, titles) takes effect all the same, and is printed. What has expired is
/// left out, so publishing the same commit on a later day may make a new version.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    candor publish --data /srv/candor --charts https://example.org/project.git\n  \
    candor publish --data /srv/candor --charts ./project --rev v1.2.0\n  \
    candor publish --data /srv/candor --charts https://example.org/project.git --watch\n  \
    candor publish --data /srv/candor --charts . --static s3://example-telemetry-site")]
pub(super) struct Args {
    #[command(flatten)]
    data: DataFolder,
    /// The git repository with the charts folder: a local path, or an https:// URL.
    #[arg(long, value_name = "REPO")]
    charts: String,
    /// The charts folder in the repository, if it is neither the root nor charts-config.
    #[arg(long, value_name = "FOLDER")]
    path: Option<String>,
    /// The branch, tag or commit to publish [default: the one checked out; of a URL, the default branch]. A
    /// name that could mean several commits must be written in full, as in refs/heads/main; with --watch,
    /// this is a branch.
    #[arg(long, value_name = "REV")]
    rev: Option<String>,
    /// The day for which charts are compiled, in UTC, which decides what has expired [default: today]. Only
    /// with this can it be earlier than that of the newest version. Reports under the previous version are
    /// accepted until 56 days after it.
    #[arg(long, value_name = "DATE", conflicts_with = "watch")]
    as_of: Option<Date>,
    /// Keep watching the branch, and publish each change of the compiled config once, in commit order.
    #[arg(long)]
    watch: bool,
    /// Then write everything public as plain files there, as `candor static` does, which has more settings.
    #[arg(long = "static", value_name = "URL", conflicts_with = "watch")]
    static_to: Option<PlainPlace>,
    /// How many seconds to wait before looking again.
    #[arg(long, value_name = "SECONDS", default_value_t = 60, requires = "watch",
          value_parser = clap::value_parser!(u64).range(1..=86_400))]
    interval: u64,
}

pub(super) fn run(args: Args, out: Output) -> Result<(), Failure> {
    super::private::warn_of_wide_modes(&args.data.folder, out);
    // If a publication is killed at any moment, the next one completes it.
    if args.watch { signals::end_when_asked() } else { signals::end_when_terminated() }?;
    let deployment = Deployment::open(&args.data.folder)?;
    deployment.try_out_store()?;
    let publisher =
        Publisher::new(deployment.module.clone(), deployment.store.clone(), deployment.log()?);
    let working = Working::on("looking at the log and its witnesses");
    let begun = publisher.begin();
    drop(working);
    say_witnesses(&deployment, begun.is_ok(), out);
    begun?;
    let working = Working::on(format!("reading {}", OneLine(RepositoryAddress::new(&args.charts))));
    let repository = Repository::open(&args.charts, args.path.as_deref(), &deployment.cache())?;
    let source =
        ChartsSource { location: RepositoryAddress::new(&args.charts), path: args.path.clone() };
    if args.watch {
        drop(working);
        source.write(&deployment.charts_source())?;
        let watch = Watch::new(repository, args.rev, &publisher)?;
        let watch = watch.resuming(&deployment.watched());
        return follow(watch, &publisher, &deployment, Duration::from_secs(args.interval), out);
    }
    let revision = repository.read(args.rev.as_deref())?;
    drop(working);
    let address = RepositoryUrl::public(repository.address());
    let day = args.as_of.map_or_else(|| CompileDay::at(Timestamp::now()), CompileDay::Chosen);
    let working = Working::on("compiling, signing and publishing");
    let outcome = publisher.publish(&revision, &address, day)?;
    drop(working);
    say_witnesses(&deployment, true, out);
    source.write(&deployment.charts_source())?;
    if let Some(version) = publisher.completed() {
        out.say(format_args!("completed: {version} is published now, too"));
    }
    let changed = !matches!(outcome, Outcome::Unchanged(_));
    if changed && !source_has_address(&address) {
        out.say(
            "the provenance names no repository, because this one has no https address: auditors need a copy of \
             it, for `candor audit --charts`",
        );
    }
    out.result(&outcome, &outcome)?;
    say_revoked(&outcome, out);
    say_cosigned(&deployment, out);
    if let Some(to) = &args.static_to {
        let copied = static_site::copy(&deployment, to, &BasePath::default(), false, out)?;
        for line in copied.to_string().lines() {
            out.say(format_args!("{line}"));
        }
    }
    Ok(())
}

/// Prints which witnesses did not cosign, if enough others did; otherwise the error says so.
fn say_witnesses(deployment: &Deployment, is_enough: bool, out: Output) {
    let witnesses = deployment.witnesses().filter(|_| is_enough);
    for (name, problem) in witnesses.map(|all| all.feeder.state().problems()).unwrap_or_default() {
        out.say(format_args!("the witness {name} did not cosign: {problem}"));
    }
}

/// Warns if the newest config is revoked, so that nothing is collected.
fn say_revoked(outcome: &Outcome, out: Output) {
    let newest = outcome.newest();
    if newest.revoked {
        out.say(format_args!(
            "{} is the newest config, and it is revoked: no reports are accepted until the next one is \
             published",
            newest.version
        ));
    }
}

/// Whether auditors can find the repository from what is published.
fn source_has_address(address: &RepositoryUrl) -> bool {
    address.as_str().starts_with("https://")
}

/// Prints who has cosigned, if anyone was asked.
fn say_cosigned(deployment: &Deployment, out: Output) {
    let answers = deployment.witnesses().map(|all| all.feeder.state().answers());
    let cosigned = answers.unwrap_or_default().into_iter();
    let cosigned = cosigned.filter(|(_, last)| last.problem.is_none()).map(|(name, _)| name);
    let cosigned: Vec<String> = cosigned.collect();
    if !cosigned.is_empty() {
        out.say(format_args!("cosigned by {}", cosigned.join(", ")));
    }
}

/// Watches the branch. Temporary errors are printed and retried; any other ends this.
fn follow(
    mut watch: Watch,
    publisher: &Publisher,
    deployment: &Deployment,
    interval: Duration,
    out: Output,
) -> Result<(), Failure> {
    let mut refresher = Refresher::new(LiveDeployment::new(deployment.clone()));
    loop {
        let mut printed = Ok(());
        let report = |revision: &Revision, found: CommitOutcome| match found {
            Ok(outcome) => {
                printed = out.line(&outcome, &outcome);
                say_revoked(&outcome, out);
            }
            Err(e) => {
                out.say(format_args!("commit {} is skipped:", revision.commit));
                out.say_failure(&e.into());
            }
        };
        match watch.poll(publisher, CompileDay::at(Timestamp::now()), report) {
            Ok(()) => {}
            Err(e) if e.may_pass() => out.say(format_args!("candor: {e}; trying again")),
            Err(e) => return Err(e.into()),
        }
        printed?;
        match refresher.poll(Timestamp::now()) {
            Err(RefreshError::Log(e)) if !e.may_pass() => return Err(e.into()),
            Err(e) => out.say(format_args!("candor: the log is not cosigned again: {e}")),
            Ok(_) => {}
        }
        std::thread::sleep(interval);
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Outcome::Published(new) => writeln!(
                f,
                "published {}@{} from commit {}\n  {}\n  log: {}, root {}",
                new.module,
                new.version,
                new.commit,
                new.sum,
                entries(new.tree_size),
                new.root
            ),
            Outcome::Completed(newest) => writeln!(
                f,
                "completed: {}@{} is published now, from commit {}\n  {}\n  log: {}, root {}",
                newest.module,
                newest.version,
                newest.commit,
                newest.sum,
                entries(newest.tree_size),
                newest.root
            ),
            Outcome::Unchanged(newest) => {
                let (said, end) = match newest.in_force {
                    None => ("unchanged", "; nothing was published"),
                    Some(_) => ("no new version", ""),
                };
                writeln!(
                    f,
                    "{said}: the config is that of {}@{} (commit {}){end}",
                    newest.module, newest.version, newest.commit
                )
            }
        }?;
        self.newest().in_force.as_ref().map_or(Ok(()), |in_force| write!(f, "{in_force}"))
    }
}
