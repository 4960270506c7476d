//! `candor telemetry rehearse`: a week in a minute, for a program's author.
//!
//! With a charts folder, everything is made for this rehearsal alone, in a temporary folder: a deployment with
//! a key of its own, its config compiled from the folder as it is, a receiver on this machine, and the charts
//! that come of the report. Nothing of it can become public: the key is known to nobody, the pages say what
//! they are, and the folder is removed at the end.

use super::projects::name_of;
use super::today::Today;
use crate::aggregate::{Unwatched, Weeks};
use crate::charts::location::At;
use crate::charts::program_path::ProgramPath;
use crate::charts::{charts_folder, parse, read_work_tree};
use crate::cli::chart::chart_deployment;
use crate::cli::demo::project::{commit, publish};
use crate::cli::merge::merge_deployment;
use crate::cli::today::today;
use crate::cli::{Failure, Output, listen, runtime, signals};
use crate::client::Http;
use crate::client::folder::Folder;
use crate::client::report::Destination;
use crate::client::verb::rehearse::{ChartsFolder, Passed, Rehearsal};
use crate::client::verb::temporary::Temporary;
use crate::count::count;
use crate::day::Day;
use crate::ingest::{ConfigSet, Limits, Receiver, ReceiverSlot, SystemClock};
use crate::publish::Deployment;
use crate::terminal::OneLine;
use crate::web;
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::sync::oneshot;

/// The host of a deployment that is made for a rehearsal. Nobody can have it (RFC 2606).
const HOST: &str = "rehearsal.invalid";

/// Make a week of what was counted, and see what becomes of it, in a minute.
///
/// The counts of the folder become the report of a week that ended yesterday, by the steps of a real one, in a
/// folder of its own. Without --charts, the config is that of the project's own deployment, and nothing is
/// sent. With --charts, a deployment with these definitions is made for the rehearsal: the report is sent to
/// it, and you see the charts that would come of it. The exit status is 1 if no count got through.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    candor telemetry --project example.org/myprog rehearse\n  \
    candor telemetry --project example.org/myprog rehearse --charts charts-config --keep-serving")]
pub(super) struct Args {
    /// The charts folder, or a folder with one named charts-config; as it is, committed or not.
    #[arg(long, value_name = "CHARTS")]
    charts: Option<PathBuf>,
    /// Keep serving the website with its charts at the end, until interrupted.
    #[arg(long, requires = "charts")]
    keep_serving: bool,
    #[command(flatten)]
    today: Today,
}

/// What is printed with `--json`.
#[derive(Debug, Serialize)]
struct Rehearsed {
    project: String,
    /// What happened, in sentences.
    told: Vec<String>,
    /// Whether any count is in the report.
    passed: bool,
    /// The pages of the charts, if there is a deployment for this rehearsal.
    charts: Vec<String>,
    /// How many figures they have.
    figures: u64,
}

pub(super) fn run(args: Args, folder: &Folder, out: Output) -> Result<(), Failure> {
    let Some(charts) = &args.charts else {
        let Some(own) = Destination::of_folder(folder)? else {
            return Err(Failure::usage(format!(
                "it is not known where the reports of {} go: run the program once with the mode on, or \
                 name its definitions with --charts",
                name_of(folder)
            )));
        };
        let (passed, told) = rehearse(&args, folder, &own, None, ChartsFolder::default())?;
        let rehearsed = Rehearsed::of(folder, passed, &told);
        out.result(&rehearsed, told)?;
        return verdict(passed);
    };
    let temporary = Temporary::new().map_err(Failure::new)?;
    let runtime = runtime::many_threads()?;
    let stop = {
        let _entered = runtime.enter();
        signals::stop_signal()
    };
    let (deployment, charts) = deployment_of(&charts_folder(charts), temporary.path())?;
    let (_served, url) = serve(&deployment, &runtime)?;
    let key = deployment.verifiers().log.to_string();
    let own = Destination::at(&url, deployment.module.as_str(), &key)?;
    let (passed, mut told) = rehearse(&args, folder, &own, Some(&own), charts)?;
    let mut rehearsed = Rehearsed::of(folder, passed, &told);
    let merged = merge_deployment(&deployment, &Unwatched)?;
    let charted = chart_deployment(&deployment, &Weeks::Outdated, &Unwatched)?;
    rehearsed.figures = charted.weeks.iter().map(|week| week.figures).sum();
    if merged.days.is_empty() {
        told += "6. So there is nothing to chart, and nothing to look at.\n";
        out.result(&rehearsed, told)?;
        return verdict(passed);
    }
    told += &format!("6. The charts of it: {}.\n", count(rehearsed.figures, "figure"));
    rehearsed.charts = vec![format!("{url}/charts/")];
    if !args.keep_serving {
        told += "   Run it with --keep-serving to look at them. Nothing is left on this machine.\n";
        out.result(&rehearsed, told)?;
        return verdict(passed);
    }
    told += &format!("   {url}/charts/\n   Ctrl-C ends the rehearsal, and removes everything.\n");
    out.result(&rehearsed, told)?;
    runtime.block_on(stop);
    verdict(passed)
}

/// It fails if no count got through, which the steps have explained.
fn verdict(passed: Passed) -> Result<(), Failure> {
    if passed.counts { Ok(()) } else { Err(Failure::reported()) }
}

/// Rehearses, and returns what is to be told.
fn rehearse(
    args: &Args,
    folder: &Folder,
    own: &Destination,
    receiver: Option<&Destination>,
    charts: ChartsFolder,
) -> Result<(Passed, String), Failure> {
    let now = args.today.now();
    let transport = &Http::new();
    let rehearsal =
        Rehearsal { folder, own, receiver, transport, today: Day::of(now), now, charts };
    let mut told = String::new();
    let without_counts = "choose `local` for it, use the program, and rehearse again";
    let passed = rehearsal.run(without_counts, &mut told).map_err(Failure::new)?;
    Ok((passed, told))
}

impl Rehearsed {
    fn of(folder: &Folder, passed: Passed, told: &str) -> Rehearsed {
        let told = told.lines().map(|line| OneLine(line).to_string()).collect();
        let (project, passed) = (name_of(folder), passed.counts);
        Rehearsed { project, told, passed, charts: Vec::new(), figures: 0 }
    }
}

/// A deployment of these definitions, with a key that nobody else has; and where they are.
fn deployment_of(charts: &Path, folder: &Path) -> Result<(Deployment, ChartsFolder), Failure> {
    let sources = read_work_tree(charts)?;
    // Mistakes are shown with the files that the user knows.
    let definitions = parse(&sources).map_err(|e| e.below(charts))?;
    let module = definitions.collection.module.value.clone();
    let project = folder.join("project");
    // What was parsed is text.
    let files: Vec<(&str, &str)> = sources
        .iter()
        .filter_map(|(path, _, bytes)| Some((path, std::str::from_utf8(bytes).ok()?)))
        .collect();
    let day = today().yesterday().map_err(|e| Failure::new(e.to_string()))?;
    commit(&project, day, "A rehearsal", &files)?;
    let deployment = Deployment::init(&folder.join("deployment"), HOST, &module)?;
    publish(&deployment, &project, day)?;
    let programs = definitions.programs.iter();
    let file = |of: &At<ProgramPath>| (of.value.as_str().to_owned(), of.location.file.to_string());
    let programs = programs.map(|program| file(&program.program)).collect();
    Ok((deployment, ChartsFolder { path: charts.display().to_string(), programs }))
}

/// Serves it to this machine alone, until what is returned is dropped.
fn serve(
    deployment: &Deployment,
    runtime: &tokio::runtime::Runtime,
) -> Result<(oneshot::Sender<()>, String), Failure> {
    let (module, keys) = (deployment.module.clone(), deployment.verifiers().clone());
    let configs = ConfigSet::open(module, keys, deployment.store.clone())?;
    let (clock, limits) = (Box::new(SystemClock), Limits::default());
    let receiver = Receiver::open(&deployment.reports(), configs, clock, limits)?;
    let slot = ReceiverSlot::of(Arc::new(receiver));
    let (stop, stopped) = oneshot::channel();
    runtime.block_on(async {
        let site = web::Site::open(
            deployment.module.clone(),
            deployment.verifiers().clone(),
            deployment.store.clone(),
        )
        .await?;
        site.set_operations(web::Operations { rehearsal: true, ..web::Operations::default() });
        let any = web::ListenAddress::Address(([127, 0, 0, 1], 0).into());
        let listener = listen::bind(&any).await?;
        let url = listen::url(&listener)?;
        runtime.spawn(web::serve(listener, None, site, Some(slot), async {
            // Ends when the sender is dropped.
            let _ = stopped.await;
        }));
        Ok((stop, url))
    })
}
