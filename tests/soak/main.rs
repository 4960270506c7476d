//! A soak test: the real `candor serve` for an hour (or some minutes) under honest load and floods,
//! killed with SIGKILL every minute, on a disk that becomes full now and then. `scripts/soak` runs it;
//! its exit status says whether everything held.
//!
//! | what must hold | how it is found |
//! | --- | --- |
//! | no report that got a 200 is lost or doubled, and none is refused | every report has a number, by which it is looked for in the public data after the last merge |
//! | readers wait at most 3 times as long as in quiet, by the 99th percentile | a quiet time first, with the same load; refused counts as waiting for ever |
//! | memory and open files are flat | `/proc`, the first and the last quarter of each life of the server |
//! | every report gets in once there is space again, and the server never ends by itself | senders try again until they are done |
//!
//! | file | one idea |
//! | --- | --- |
//! | `plan` | what happens when |
//! | `arguments` | what is asked for |
//! | `server` | the server's start, its end, and what `/proc` says of it |
//! | `wire` | one HTTP exchange, from a network of the client's own |
//! | `clients` | what honest clients share, and what became of their requests |
//! | `readers`, `senders` | honest clients |
//! | `reports` | the reports, and how to recognise them |
//! | `lives` | the server's lives, from start to SIGKILL |
//! | `floods` | hostile clients |
//! | `disk` | a full disk |
//! | `public` | the public data |
//! | `figures`, `verdict` | what was measured, and what must hold of it |
//!
//! Everything is on loopback and in temporary folders, and ends by itself. It needs Linux: `/proc`, and
//! 127.0.0.0/8, so that clients can come from many networks.

mod arguments;
mod clients;
mod disk;
mod figures;
mod floods;
mod lives;
mod plan;
mod public;
mod readers;
mod reports;
mod senders;
mod server;
#[path = "../support/mod.rs"]
mod support;
mod verdict;
mod wire;

use arguments::Arguments;
use candor::aggregate::{Merging, Unwatched, merge};
use candor::publish::Deployment;
use clients::{Clients, Request, Who};
use floods::{Floods, Large, Made};
use jiff::ToSpan;
use lives::{BURST, Lives};
use reports::Reports;
use senders::Senders;
use server::{Server, Settings};
use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::process::{Command, ExitCode};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use support::{candor, run, succeed};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use verdict::Verdict;

/// Files that this process needs besides those of floods.
const OWN_FILES: u64 = 1_000;
/// After this many days each day of the reports has its last edition.
const LAST_EDITION: i64 = 40;

fn main() -> ExitCode {
    let arguments = Arguments::read();
    let runtime = || {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        builder.worker_threads(1).enable_all().build().expect("a runtime")
    };
    // Hostile clients have their own thread, so that they do not distort the times of honest ones.
    let (honest, hostile) = (runtime(), runtime());
    let passed = honest.block_on(soak(&arguments, &hostile));
    honest.shutdown_background();
    hostile.shutdown_background();
    ExitCode::from(u8::from(!passed))
}

/// Whether everything held.
async fn soak(arguments: &Arguments, hostile: &Runtime) -> bool {
    let stopped = lives::stop_flag();
    let folder = TempDir::new().expect("a temporary folder");
    let disk = arguments.disk.as_deref();
    let settings = Settings {
        data: disk.unwrap_or(folder.path()).join("data"),
        log: folder.path().join("log"),
        open_files: arguments.open_files,
    };
    let (quiet, lives) = plan::divide(arguments.minutes);
    let seconds = quiet.as_secs() + u64::from(lives) * 62;
    let count = plan::FIRST_REPORTS + seconds * plan::UPLOADS_PER_SECOND + u64::from(lives) * BURST;
    println!("soak: {lives} lives of the server, each ended by SIGKILL; at most {count} reports");

    let charts = reports::charts();
    let names = ["init", "--name", support::HOST, "--module", support::MODULE, "--data"];
    succeed(candor().args(names).arg(&settings.data));
    let mut publish = on(&settings, "publish");
    succeed(publish.arg("--charts").arg(charts.path()));
    let reports = Reports::make(&charts, count, folder.path());
    let mut server = Server::start(&settings, &[]);
    let clients = Arc::new(Clients::new(server.address));
    let senders = Arc::new(Senders::new(clients.clone(), reports));
    senders.send_first(plan::FIRST_REPORTS).await;
    let mut verdict = Verdict::default();
    verdict.note(server.stop(), "the server stops when it is asked to");
    succeed(&mut on(&settings, "merge"));
    succeed(&mut on(&settings, "chart"));

    let mut past = Lives::new(settings, senders.clone(), disk.is_some(), stopped);
    server = past.start();
    readers::check(&clients).await;
    let large = public::largest(&public::index(server.address)).expect("a public file");
    let (large, made) = (Arc::new(Large(large)), Arc::new(Made::default()));
    clients.forget();
    let reading = tokio::spawn(readers::read(clients.clone()));
    let watched = clients.clone();
    let watching = tokio::spawn(async move { watched.watch_clock().await });
    let sending = tokio::spawn(senders.clone().send());
    past.say(&format!("quiet for {} s", quiet.as_secs()));
    server = past.live(server, &plan::QUIET, [quiet; 2]).await;

    let scale = flood_scale();
    for (number, life) in (1..=lives).zip(plan::LIVES.iter().cycle()) {
        past.say(&format!("life {number} of {lives}: {}", life.name));
        let floods = Floods::begin(life, scale, hostile.handle(), &clients, &made, &large);
        server = past.live(server, life, [plan::LIFE; 2]).await;
        past.kill(server).await;
        drop(floods);
        server = past.start();
    }
    sending.abort();
    past.say(&format!("no floods any more; {} reports are to be taken", senders.under_way()));
    senders.come_to_an_end();
    server = past.live(server, &plan::LAST, plan::SETTLE).await;
    reading.abort();
    watching.abort();
    verdict.note(server.stop(), "the server stops when it is asked to, after everything");
    check_all(&past, &mut verdict, lives, &made)
}

/// Merges for the last time, looks for every report, and checks what must hold.
fn check_all(past: &Lives, verdict: &mut Verdict, lives: u32, made: &Made) -> bool {
    let senders = &past.senders;
    let merged = run(&mut on(&past.settings, "merge"));
    let finished = publish_finally(&past.settings);
    let server = Server::start(&past.settings, &["--read-only"]);
    let public = public::count(server.address, &senders.reports);
    drop(server);
    let requests = past.senders.clients.requests();
    let rows = figures::rows(&past.lived, &requests, &past.full);
    figures::print(&rows);
    println!(
        "{} reports sent, {} of them again after their 200; hostile clients made {} connections\n",
        senders.sent(),
        senders.again.load(Relaxed),
        made.count()
    );

    verdict.note(past.ended_by_itself == 0, "the server never ends by itself");
    let log = std::fs::read_to_string(&past.settings.log).unwrap_or_default();
    verdict.note(!log.contains("panicked"), "no thread of the server panics");
    verdict.note(merged.status.success(), "what was taken is merged");
    verdict.note(finished.is_empty(), &format!("every day has its last edition: {finished:?}"));
    let buffer = buffered(&past.settings);
    verdict.note(buffer.is_empty(), &format!("nothing is left in the buffer: {buffer:?}"));
    public.iter().for_each(|(of, found)| verdict.judge_public(&senders.reports, of, found));
    verdict.judge_senders(senders);
    verdict.judge_figures(&rows);
    verdict.note(
        past.kills == lives && past.cut > 0,
        &format!("{} kills cut off {} uploads", past.kills, past.cut),
    );
    let full = |request: &Request| past.full.iter().any(|full| figures::overlaps(request, *full));
    let later = |request: &&Request| request.who == Who::Sender && request.status == Some(503);
    let later = requests.iter().filter(later).filter(|request| full(request)).count();
    match past.full.len() {
        0 if past.on_small_disk => verdict.skip("a full disk: that takes 4 minutes at least"),
        0 => verdict.skip("a full disk: no small file system was given with --disk"),
        times => verdict
            .note(later > 0, &format!("the disk was full {times} times, {later} uploads got 503")),
    }
    verdict.end(&log)
}

/// Merges as on a day on which no report of these weeks can come any more, for what comes after a day's
/// edition waits for the next one: what was found wrong.
fn publish_finally(settings: &Settings) -> Vec<String> {
    let deployment = Deployment::open(&settings.data).expect("a deployment");
    let (reports, scratch) = (deployment.reports(), deployment.scratch());
    let today = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date();
    let merging = Merging {
        buffer: (&reports).into(),
        store: deployment.store.clone(),
        scratch: &scratch,
        today: today.checked_add(LAST_EDITION.days()).expect("a day"),
        stack_minimum: 1,
    };
    let merged = merge(&merging, &Unwatched).expect("merged");
    merged.problems.iter().map(ToString::to_string).collect()
}

/// The segments that are in the buffer.
fn buffered(settings: &Settings) -> Vec<OsString> {
    let entries = std::fs::read_dir(settings.data.join("reports")).expect("list the buffer");
    let names = entries.map(|entry| entry.expect("an entry").file_name());
    let is_segment = |name: &OsString| {
        let end = Path::new(name).extension().and_then(OsStr::to_str);
        end.is_some_and(|end| ["open", "sealed", "tmp"].contains(&end))
    };
    names.filter(is_segment).collect()
}

/// A verb on the deployment.
fn on(settings: &Settings, verb: &str) -> Command {
    let mut command = candor();
    command.args([verb, "--data"]).arg(&settings.data);
    command
}

/// By how much floods must be smaller than planned, for want of open files.
fn flood_scale() -> f64 {
    let (limit, planned) = (server::open_files_limit(), plan::most_connections() as u64);
    let room = limit.saturating_sub(OWN_FILES);
    if room >= planned {
        return 1.0;
    }
    println!(
        "soak: floods are SMALLER than planned: only {limit} open files are allowed here, and \
         {} are wanted",
        planned + OWN_FILES
    );
    room as f64 / planned as f64
}
