//! `candor serve`: a deployment over HTTP.
//!
//! First signals are caught, both addresses are bound (a port in use fails at once), and the published
//! head is read; then serving begins. Everything that may take long runs on threads of its own, which end
//! when the process is asked to stop: opening the receiver, which reads what was stored; publishing what
//! has expired; having witnesses cosign the log again; merging and charting uploads. None of this delays
//! the end of the process: it may all be killed at any moment.

use super::listen::{bind, url};
use super::signals::stop_signal;
use super::{DataFolder, Failure, Output, runtime};
use crate::aggregate::{LostSegment, PUBLIC_DATA, UpkeepState, Work, lost_segments};
use crate::client::verb::temporary::Temporary;
use crate::durable;
use crate::event::{Event, SetOnDrop};
use crate::ingest::{
    Admission, AdmissionSettings, Buffer, ChosenBudgets, ClockState, ConfigSet, FreeSpace, Limits,
    Receiver, ReceiverError, ReceiverSlot, SystemClock, TrustedProxies, TrustedProxy,
    TrustedProxyError, keep_open,
};
use crate::publish::{Deployment, DeploymentError, LiveDeployment, Refresher};
use crate::terminal::OneLine;
use crate::tlog::SeedLocation;
use crate::web::{self, BasePath, ClockReport, ListenAddress, LostReports, Operations};
use crate::witness::Witness;
use std::pin::pin;
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::Duration;

/// How long to wait for threads that read a disk when the process is asked to stop.
const LAST_READS: Duration = Duration::from_secs(1);
/// How long to wait, likewise, for the queue of reports. No sender was told that these are stored.
const LAST_REPORTS: Duration = Duration::from_secs(10);

/// Serve a deployment: GOPROXY, checksum database, transparency log, uploads, and the website.
///
/// Prints `listening on http://ADDR` (or `unix:/PATH`) when ready; uploads are accepted once everything
/// stored before has been read. Changes of the witnesses in candor.toml take effect at once; all others
/// need a restart. Stops on SIGINT or SIGTERM, after finishing the requests in progress. Put a
/// TLS-terminating proxy or a CDN in front: everything is cacheable.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  candor serve --data /srv/candor --listen localhost:8080")]
pub(super) struct Args {
    #[command(flatten)]
    data: DataFolder,
    /// Where to listen: HOST:PORT, :PORT for all addresses, or unix:/PATH; port 0 takes a free one.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080")]
    listen: ListenAddress,
    /// Write nothing, neither to the store nor to the deployment's folder: no reports are accepted, and clients
    /// are asked to send theirs later. For machines that only answer readers; neither key nor signer is needed.
    #[arg(long)]
    read_only: bool,
    /// Leave merging uploads and making charts to `candor merge` and `candor chart`; otherwise both
    /// run at the start and after the end of each day in UTC.
    #[arg(long)]
    no_charts: bool,
    /// Rehearse: accept reports under the published configs, and chart them at once, in a temporary folder that
    /// is removed at the end. Nothing of them can become public, and the pages say what they are.
    #[arg(long, conflicts_with_all = ["read_only", "no_charts", "witness"])]
    rehearsal: bool,
    /// Also serve the witness of this folder, below /witness/; `candor witness init` makes one.
    #[arg(long)]
    witness: bool,
    /// The path below which a proxy in front passes requests on, such as /telemetry, if this host serves other
    /// things too. The proxy must leave the path as it is.
    #[arg(long, value_name = "PATH", default_value = "/")]
    base_path: BasePath,
    /// A proxy of yours, whose Forwarded or X-Forwarded-For says where an upload comes from: an address, a
    /// network such as 10.1.0.0/16, or unix for connections through the Unix socket. May be given several
    /// times; nobody else is believed. Adds to `trusted_proxies` in candor.toml.
    #[arg(long = "trusted-proxy", value_name = "CIDR")]
    trusted_proxies: Vec<TrustedProxy>,
    /// How many new reports are accepted per day [default: four times what sampling expects].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    day_reports: Option<u64>,
    /// How many bytes they may have together [default: 4096 for each report].
    #[arg(long, value_name = "BYTES", value_parser = clap::value_parser!(u64).range(1..))]
    day_bytes: Option<u64>,
    /// How many reports one network may send in a short time [default: 5000]; never more than half of what
    /// is left of the day's.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    network_reports: Option<u64>,
    /// A second address, for /health and /metrics; best kept on loopback.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:0")]
    admin: ListenAddress,
}

pub(super) fn run(args: Args, out: Output) -> Result<(), Failure> {
    super::log_lines::log_to_standard_error();
    let deployment = Deployment::open(&args.data.folder)?;
    let witness = args.witness.then(|| Witness::open(&args.data.folder)).transpose()?;
    super::private::warn_of_wide_modes(&args.data.folder, out);
    // What is public is served all the same.
    if !args.read_only
        && !args.rehearsal
        && !only_receives(&deployment)
        // Publishing says what else is wrong.
        && let Err(
            error @ (DeploymentError::NoSigner { .. } | DeploymentError::NotMovedThere { .. }),
        ) = deployment.signer()
    {
        out.say(format_args!("warning: nothing can be published from here: {error}"));
    }
    if !args.read_only && !args.rehearsal {
        deployment.try_out_store()?;
    }
    let live = LiveDeployment::new(deployment.clone());
    let temporary = args.rehearsal.then(|| rehearsal_folder(&deployment)).transpose()?;
    let deployment = match &temporary {
        Some(folder) => deployment.rehearsal(folder.path(), &PUBLIC_DATA),
        None => deployment,
    };
    let runtime = runtime::many_threads()?;
    let background = Background { stop: Event::new(), received: OnceLock::new() };
    let served = runtime.block_on(serve(args, (deployment, live), witness, &background, out));
    background.stop.set();
    // Otherwise the runtime would wait for a disk that does not answer.
    runtime.shutdown_timeout(LAST_READS);
    if let Some(received) = background.received.get() {
        received.wait(LAST_REPORTS);
    }
    served
}

/// Whether this is one of several machines, and not one that signs: then it needs no key.
fn only_receives(deployment: &Deployment) -> bool {
    let key = deployment.seed_source().find();
    deployment.is_shared() && matches!(key, SeedLocation::File(file) if !file.exists())
}

/// A folder for what is received and made in a rehearsal, removed on drop.
fn rehearsal_folder(deployment: &Deployment) -> Result<Temporary, Failure> {
    let failed = |e| Failure::new(format!("cannot make a temporary folder: {e}"));
    let folder = Temporary::new().map_err(Failure::new)?;
    for written in deployment.rehearsal(folder.path(), &PUBLIC_DATA).written_folders() {
        durable::make_folders(&written).map_err(failed)?;
    }
    Ok(folder)
}

/// The background threads.
struct Background {
    /// Set when they are to stop.
    stop: Event,
    /// Set when the thread that accepts reports, if there is one, has ended.
    received: OnceLock<Event>,
}

async fn serve(
    args: Args,
    (deployment, live): (Deployment, LiveDeployment),
    witness: Option<Witness>,
    background: &Background,
    out: Output,
) -> Result<(), Failure> {
    super::signals::survive_file_limits();
    let mut asked = pin!(stop_signal());
    let receives = !args.read_only;
    let opened = async {
        let listener = bind(&args.listen).await?;
        let admin = bind(&args.admin).await?;
        let site = web::Site::open(
            deployment.module.clone(),
            deployment.verifiers().clone(),
            deployment.store.clone(),
        )
        .await?;
        site.set_base_path(args.base_path.clone());
        Ok::<_, Failure>((listener, admin, site))
    };
    let opened = tokio::select! {
        opened = opened => opened,
        () = asked.as_mut() => return Ok(()),
    };
    let (listener, admin, site) = opened?;
    let (url, admin_url) = (url(&listener)? + &args.base_path.to_string(), url(&admin)?);
    let admission = admission(&args, &deployment)?;
    let names = admission.trusted().names();
    let trusted = receives.then(|| trusted_sentence(admission.trusted()));
    let slot = receives.then(ReceiverSlot::new);
    if let Some(slot) = &slot {
        receive(&deployment, slot, background, limits(&args, &deployment));
    }
    // Even with --no-charts, what has expired is published, except by a server that may not write.
    let signs = receives && !args.rehearsal && !only_receives(&deployment);
    let charts: &[Work] = if args.no_charts { &[] } else { &[Work::Merge, Work::Chart] };
    let works: Vec<Work> = [&[Work::Publish][..usize::from(signs)], charts].concat();
    let upkeep = receives.then(|| UpkeepState::new(&works));
    if let Some(upkeep) = &upkeep {
        let (upkeep, stop) = (upkeep.clone(), background.stop.clone());
        match args.rehearsal {
            true => super::upkeep::rehearse(deployment.clone(), upkeep, stop),
            false => super::upkeep::begin(live.clone(), upkeep, stop),
        }
    }
    // A server that may not write does not ask for cosignatures.
    let refresher = signs.then(|| Refresher::new(live.clone()));
    let refresh = refresher.as_ref().map(|refresher| refresher.state().clone());
    site.set_policy(&deployment.policy());
    super::witness::reload_when_asked(witness.as_ref())?;
    super::refresh::begin(live.clone(), refresher, site.clone(), background.stop.clone());
    let mut operations = operations(&deployment, upkeep, slot.as_ref());
    if receives {
        super::expectation::begin(&deployment, &site, &admission, background.stop.clone());
    }
    operations.admission = receives.then_some(admission);
    operations.deployment = Some(live);
    operations.refresh = refresh;
    operations.witness = witness;
    operations.rehearsal = args.rehearsal;
    site.set_operations(operations);
    if receives {
        site.set_receiver_settings(web::ReceiverSettings {
            in_store: deployment.is_shared(),
            merges: !args.no_charts,
            trusted_proxies: names,
            budgets: None,
        });
    }
    out.line(&serde_json::json!({ "listening": url }), format_args!("listening on {url}\n"))?;
    out.say(format_args!("health and metrics on {admin_url}"));
    if let Some(trusted) = trusted {
        out.say(format_args!("{trusted}"));
    }
    let asked = async {
        asked.await;
        background.stop.set();
    };
    web::serve(listener, Some(admin), site, slot, asked).await;
    Ok(())
}

/// Who may upload how much. The command line takes precedence over candor.toml.
fn admission(args: &Args, deployment: &Deployment) -> Result<Admission, Failure> {
    let settings = deployment.uploads();
    let named = settings.trusted_proxies.iter().map(|text| {
        text.parse().map_err(|error: TrustedProxyError| {
            let text = OneLine(text);
            Failure::new(format!("candor.toml: trusted_proxies names {text:?}: {error}"))
        })
    });
    let mut trusted = named.collect::<Result<Vec<TrustedProxy>, _>>()?;
    trusted.extend(&args.trusted_proxies);
    Ok(Admission::new(AdmissionSettings {
        trusted: TrustedProxies::new(trusted),
        budgets: ChosenBudgets {
            day_reports: args.day_reports.or(settings.day_reports),
            day_bytes: args.day_bytes.or(settings.day_bytes),
            prefix_reports: args.network_reports.or(settings.network_reports),
        },
        free_space: FreeSpace {
            folders: deployment.written_folders(),
            reserve: settings.free_space,
        },
    }))
}

fn trusted_sentence(trusted: &TrustedProxies) -> String {
    match trusted.is_empty() {
        true => {
            "no proxy is trusted: an upload counts for the network of its connection".to_owned()
        }
        false => format!("trusted to say whom an upload is from: {trusted}"),
    }
}

/// Opens the receiver of a deployment, and keeps it open, on a thread of its own.
fn receive(deployment: &Deployment, slot: &ReceiverSlot, background: &Background, limits: Limits) {
    let (deployment, slot) = (deployment.clone(), slot.clone());
    let stop = background.stop.clone();
    let ended = SetOnDrop(background.received.get_or_init(Event::new).clone());
    thread::spawn(move || {
        let _ended = ended;
        keep_open(&slot, &stop, |stop| open_receiver(&deployment, limits, stop));
    });
}

/// As many reports are remembered as all days that are still accepted may have.
fn limits(args: &Args, deployment: &Deployment) -> Limits {
    let chosen = args.day_reports.or(deployment.uploads().day_reports);
    chosen.map_or_else(Limits::default, Limits::where_admitted)
}

fn open_receiver(
    deployment: &Deployment,
    limits: Limits,
    stop: &Event,
) -> Result<Receiver, ReceiverError> {
    let (module, keys) = (deployment.module.clone(), deployment.verifiers().clone());
    let configs = ConfigSet::open(module, keys, deployment.store.clone())?;
    Receiver::open_in(stop, &Buffer::of(deployment), configs, Box::new(SystemClock), limits)
}

/// What /health and /metrics report, besides what is served.
fn operations(
    deployment: &Deployment,
    upkeep: Option<UpkeepState>,
    slot: Option<&ReceiverSlot>,
) -> Operations {
    let (buffer, store) = (Buffer::of(deployment), deployment.store.clone());
    // Batches in the store are read by the merge alone: there may be many, and far away.
    let is_here = buffer.folder().is_some();
    let lost = move || match lost_segments(&buffer, &store) {
        Ok(lost) => {
            let (damaged, gone): (Vec<_>, Vec<_>) = lost.iter().partition(|lost| lost.is_damaged());
            let sentence = |lost: &LostSegment| lost.to_string();
            LostReports {
                gone: gone.into_iter().map(sentence).collect(),
                damaged: damaged.into_iter().map(sentence).collect(),
            }
        }
        Err(error) => LostReports { gone: vec![error.to_string()], damaged: Vec::new() },
    };
    let lost_reports = slot.filter(|_| is_here).map(|_| Arc::new(lost) as _);
    let clock = slot.cloned().map(|slot| {
        let report = move || slot.receiver().map(|receiver| clock_report(receiver.clock_state()));
        Arc::new(move || report().unwrap_or_default()) as _
    });
    Operations { upkeep, lost_reports, clock, ..Operations::default() }
}

/// A clock that nothing confirms is not a problem: perhaps there is just little traffic.
fn clock_report(state: ClockState) -> ClockReport {
    let sentence = (!state.is_plausible()).then(|| state.to_string());
    let (problem, note) = if state.is_wrong() { (sentence, None) } else { (None, sentence) };
    ClockReport { skew: state.skew().as_secs(), problem, note }
}
