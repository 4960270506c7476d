//! A power cut and a user's folder: a confirmed choice is kept, only one X is sent for each week, and
//! what was seen of the log is not forgotten.

use super::known_config::check_has_failed;
use super::testing::{CONFIG, CounterFile, Deployment, FILE, day};
use super::{
    Destination, Listing, LocalReport, ReportFolder, RunOptions, draw, own_folder, run::run,
};
use crate::client::files;
use crate::client::folder::Folder;
use crate::client::mode::{Consent, DecidedBy, Mode};
use crate::client::testing::response;
use crate::client::upload::Answer;
use crate::client::{Request, Response, Transport, TransportError};
use crate::durable::recorder::Recorder;
use crate::power_cut::{self, Before, Scenario};
use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::fs;
use std::path::Path;

const FOLDER: &str = "config/candor/project";
/// What the user chooses, in order; before that, nothing.
const CHOICES: [Mode; 2] = [Mode::On, Mode::Off];
const WEEKS: [&str; 2] = ["2026-11-08", "2026-11-15"];

/// The user opts in, and a week is counted. One run is before its end, one gets an invalid checkpoint,
/// and one sends the report but loses the answer. Then X is drawn for a second week without a network,
/// and both weeks are sent. The user opts out, and removes all reports.
pub(crate) fn scenarios() -> Vec<Scenario> {
    let temporary = power_cut::folder();
    let root = temporary.path().to_owned();
    let mut server = Deployment::new(CONFIG);
    let recorder = Recorder::start(&root);
    let folder = Folder::at(root.join(FOLDER));
    recorder.promise("choosing");
    choose(&folder, Mode::On).expect("stored");
    recorder.promise("chosen");
    let count = |begin: &str, end: &str| {
        files::create_folder(&folder.local()).expect("made");
        recorder.found(&CounterFile { begin, end, ..FILE }.write(folder.path()));
        recorder.promise(format!("counted {end}"));
    };
    let run = |server: &Deployment, today: &str, lies: bool, sends: bool| {
        let network = Recorded { server, lies, recorder: Some(&recorder) };
        report(&folder, &network, today, sends).expect("a run");
    };
    let reported = |week: &str| {
        let path = folder.local().join(format!("local.{week}.json"));
        let local = LocalReport::from_json(&fs::read(path).expect("there")).expect("a report");
        let x = local.draw.expect("X was drawn").x;
        recorder.promise(format!("drawn {week} {x:?}"));
        recorder.promise(format!("seen {}", newest_seen(&folder)));
    };
    count("2026-11-03", WEEKS[0]);
    run(&server, "2026-11-07", false, true);
    recorder.promise("bound");
    run(&server, "2026-11-09", true, true);
    recorder.promise("in doubt");
    recorder.promise("asks again");
    server.answers(None);
    run(&server, "2026-11-10", false, true);
    reported(WEEKS[0]);
    server.configs.publish(&CONFIG.replace("build,run", "build,run,test"));
    server.answers(Some(Answer::Accepted));
    count("2026-11-08", WEEKS[1]);
    run(&server, "2026-11-16", false, false);
    reported(WEEKS[1]);
    run(&server, "2026-11-17", false, true);
    reported(WEEKS[1]);
    recorder.promise("choosing");
    choose(&folder, Mode::Off).expect("stored");
    recorder.promise("chosen");
    let locked = ReportFolder::lock(&folder).expect("locked").expect("free");
    let reports = Listing::read(&folder).expect("read").paths(&folder);
    recorder.promise("begins to clear");
    locked.clear(&reports).expect("cleared");
    recorder.promise("cleared");
    drop(locked);
    let record = recorder.finish();
    server.answers(Some(Answer::Accepted));
    let check = move |state: &Path, before: &Before<'_>| {
        let folder = Folder::at(state.join(FOLDER));
        check(&folder, before, &server).map_err(|e| e.to_string())
    };
    vec![Scenario { name: "a user's folder", root, record, check: Box::new(check) }]
}

fn check(folder: &Folder, before: &Before<'_>, server: &Deployment) -> Result<(), Box<dyn Error>> {
    let count = |what: &str| before.promises.iter().filter(|promise| **promise == what).count();
    let (begun, chosen) = (count("choosing"), count("chosen"));
    let consent = Consent::read(folder, None);
    if let DecidedBy::BadModeFile(reason) = consent.decided_by {
        return Err(reason.into());
    }
    let choice = |number: usize| number.checked_sub(1).map_or(Mode::Off, |at| CHOICES[at]);
    if ![choice(chosen), choice(begun)].contains(&consent.mode) {
        return Err(format!("after {chosen} choices the mode is {}", consent.mode).into());
    }
    let promised =
        |what: &'static str| before.promises.iter().filter_map(move |text| text.strip_prefix(what));
    for seen in promised("seen ") {
        // The first tree that a machine sees may be forgotten, as if it had not seen the log yet.
        let may_be_forgotten = seen == "1" && find(&own_folder(folder).join("seen")).is_none();
        if newest_seen(folder) < seen.parse()? && !may_be_forgotten {
            return Err(
                format!("the log was seen at {seen}, known is {}", newest_seen(folder)).into()
            );
        }
    }
    if before.promised("bound") && Destination::of_folder(folder)? != Some(server.destination()) {
        return Err("the destination of this folder's reports was forgotten".into());
    }
    if before.promised("in doubt") && !before.promised("asks again") && !check_has_failed(folder) {
        return Err("the failed verification of the log was forgotten".into());
    }
    let cleared = before.promised("begins to clear");
    let listing = Listing::read(folder)?;
    if before.promised("cleared") && listing != Listing::default() {
        return Err(format!("what was removed is back: {listing:?}").into());
    }
    for drawn in promised("drawn ").filter(|_| !cleared) {
        let (week, x) = drawn.split_once(' ').unwrap_or_default();
        let path = folder.local().join(format!("local.{week}.json"));
        let local = LocalReport::from_json(&fs::read(path)?)?;
        if local.draw.map(|draw| format!("{:?}", draw.x)).as_deref() != Some(x) {
            return Err(format!("the X of {week} was {x}").into());
        }
    }
    // Whatever was chosen: if the user opts in again, only one X may be sent.
    choose(folder, Mode::On)?;
    server.arrived.lock().expect("unpoisoned").clear();
    let network = Recorded { server, lies: false, recorder: None };
    for today in ["2026-11-18", "2026-11-19"] {
        report(folder, &network, today, true)?;
    }
    let mut sent: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for post in promised("posted ") {
        let (url, text) = post.split_once('\n').unwrap_or_default();
        sent.entry(url).or_default().insert(text);
    }
    let arrived = server.arrived.lock().expect("unpoisoned");
    for (url, texts) in &*arrived {
        sent.entry(url).or_default().extend(texts.iter().map(String::as_str));
    }
    if let Some((url, texts)) = sent.iter().find(|(_, texts)| texts.len() > 1) {
        return Err(format!("to {url} went {texts:#?}").into());
    }
    for week in promised("counted ").filter(|_| !cleared) {
        if !sent.keys().any(|url| url.ends_with(week)) {
            return Err(format!("the counts of {week} are lost").into());
        }
    }
    let left = Listing::read(folder)?;
    if !(left.ready.is_empty() && left.pending.is_empty() && left.counter_files.is_empty()) {
        return Err(format!("something was left undone: {left:?}").into());
    }
    Ok(())
}

fn choose(folder: &Folder, mode: Mode) -> Result<(), crate::client::mode::SetModeError> {
    mode.store(folder, day(if mode == Mode::On { "2026-11-01" } else { "2026-11-17" }))
}

fn report(
    folder: &Folder,
    network: &Recorded<'_>,
    today: &str,
    sends: bool,
) -> Result<(), super::ReportError> {
    let options = RunOptions {
        folder: folder.clone(),
        destination: sends.then(|| network.server.destination()),
        now: day(today).start() + std::time::Duration::from_secs(3600),
        asked_by_user: false,
    };
    let attempt = || match run(&options, network, &|| Consent::read(folder, None), &draw) {
        Ok(summary) if summary.busy => Err(None),
        Ok(_) => Ok(()),
        Err(error) => Err(Some(error)),
    };
    power_cut::unlocked(attempt, Option::is_none).map_err(|error| error.expect("not locked"))
}

/// The size of the newest tree that was seen.
fn newest_seen(folder: &Folder) -> u64 {
    let found = find(&own_folder(folder).join("seen"));
    let size = found.as_deref().and_then(|note| note.lines().nth(1)?.parse().ok());
    size.unwrap_or_default()
}

/// The one file in a folder.
fn find(folder: &Path) -> Option<String> {
    let mut entries = fs::read_dir(folder).ok()?;
    entries.find_map(|entry| {
        let path = entry.ok()?.path();
        if path.is_dir() { find(&path) } else { fs::read_to_string(path).ok() }
    })
}

/// A server whose uploads are recorded.
#[derive(Debug)]
struct Recorded<'a> {
    server: &'a Deployment,
    /// Whether the checkpoint is invalid.
    lies: bool,
    recorder: Option<&'a Recorder>,
}

impl Transport for Recorded<'_> {
    fn send(&self, request: &Request<'_>) -> Result<Response, TransportError> {
        if self.lies && request.url.ends_with("/checkpoint") {
            return Ok(response(Some(b"no note".to_vec())));
        }
        if let (Some(recorder), Some(report)) = (self.recorder, request.body) {
            recorder.promise(format!("posted {}\n{report}", request.url));
        }
        self.server.send(request)
    }
}
