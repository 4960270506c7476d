//! A week in a minute: what was counted becomes the report of a week that ended yesterday, by the steps and
//! the code of a real one, in a folder that is removed at the end.
//!
//! Nothing is sent to the project's receiver, because it could not tell rehearsed counts from real ones. Its
//! config is fetched and verified, and the report is shown. `candor telemetry rehearse` sends it to a receiver
//! that is there for this rehearsal alone.

use super::problem::Problem;
use super::temporary::Temporary;
pub use super::way_out::ChartsFolder;
use crate::client::counter::{CounterFile, Metadata, write_file};
use crate::client::day::Day;
use crate::client::folder::Folder;
use crate::client::mode::{Consent, Mode};
use crate::client::report::{
    Build, Destination, Event, Filtered, KnownConfig, Listing, LocalReport, Report, RunOptions,
    Withheld, X, filter, in_words, local_report_of, run_with, why_nothing,
};
use crate::client::start::Setup;
use crate::client::transport::{Request, Response, Transport, TransportError};
use crate::collection::Allowed;
use crate::terminal::OneLine;
use std::collections::BTreeMap;

/// Rehearses a week of what was counted in a folder.
pub(super) fn run(
    setup: &Setup,
    folder: &Folder,
    verb: &str,
    out: &mut String,
) -> Result<(), Problem> {
    let Some(upload) = &setup.upload else {
        return Err(Problem::refused(
            "this program sends nothing, so there is nothing to rehearse",
        ));
    };
    let rehearsal = Rehearsal {
        folder,
        own: &upload.to,
        receiver: None,
        transport: &*upload.transport,
        today: Day::of(setup.now()),
        now: setup.now(),
        charts: ChartsFolder::default(),
    };
    let without_counts = format!("choose `{verb} local`, use the program, and rehearse again");
    match rehearsal.run(&without_counts, out).map_err(Problem::refused)? {
        Passed { counts: true, .. } => Ok(()),
        Passed { counts: false, .. } => {
            Err(Problem::refused("no count of it would be sent; what to change is listed above"))
        }
    }
}

/// What of a rehearsed week would be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Passed {
    /// Whether there is a report.
    pub report: bool,
    /// Whether any count is in it.
    pub counts: bool,
}

/// A rehearsal of one folder's counts.
pub struct Rehearsal<'a> {
    /// Whose counts.
    pub folder: &'a Folder,
    /// Where its reports really go.
    pub own: &'a Destination,
    /// A receiver for rehearsals alone, if there is one: the rehearsed one goes there.
    pub receiver: Option<&'a Destination>,
    /// How servers are reached.
    pub transport: &'a dyn Transport,
    /// The day of the rehearsal.
    pub today: Day,
    /// And its time.
    pub now: std::time::SystemTime,
    /// Where the definitions of the config are.
    pub charts: ChartsFolder,
}

impl Rehearsal<'_> {
    /// Rehearses, and tells `out` what became of it.
    ///
    /// # Errors
    ///
    /// A sentence: nothing was counted, or no config can be had.
    pub fn run(&self, without_counts: &str, out: &mut String) -> Result<Passed, String> {
        let counted = self.counted(without_counts)?;
        let temporary = Temporary::new()?;
        let again = Folder::at(temporary.path().join("telemetry"));
        let to = self.receiver.unwrap_or(self.own);
        let end = self.today.minus(1);
        let begin = end.minus(7);
        self.count_again(&counted, begin, end, &again)?;
        *out += &format!(
            "1. Counted: what is in {} now, as the week that began on {begin} and ended on {end}.\n",
            OneLine(self.folder.path().display())
        );
        list(&counted, out);
        let options = RunOptions {
            folder: again.clone(),
            destination: Some(to.clone()),
            now: self.now,
            asked_by_user: true,
        };
        let transport = Held { transport: self.transport, passes_uploads: self.receiver.is_some() };
        let consent = || Consent::read(&again, None);
        let smallest = || Ok(X::from_bits(0));
        let summary = run_with(&options, &transport, &consent, &smallest)
            .map_err(|error| error.to_string())?;
        let known = KnownConfig::of_folder(&again, &to.source);
        let (Some(known), Some(local)) = (known, local_report_of(&again, end)) else {
            return Err(self.without_config(&summary.events));
        };
        *out += &format!(
            "2. The config {} of {} was fetched, and is in the log {}.\n",
            known.version,
            to.source.module,
            OneLine(&known.log)
        );
        let filtered = self.filtered(&known, &local);
        self.tell(&known, &filtered, out);
        let is_sent = summary.sent().next().is_some();
        match (&filtered.report, self.receiver) {
            (None, _) => {
                *out += &format!(
                    "5. In earnest, nothing would go to {} either.\n",
                    OneLine(&self.own.upload)
                );
            }
            (Some(report), None) => {
                *out += &format!(
                    "5. In earnest it would be sent to {}. This one was not.\n",
                    OneLine(format!("{}/{}", self.own.upload, report.week))
                );
            }
            (Some(_), Some(to)) if is_sent => {
                let upload = OneLine(&to.upload);
                *out += &format!(
                    "5. It was sent to {upload}, which is there for this rehearsal alone.\n"
                );
            }
            (Some(_), Some(_)) => return Err(failures(&summary.events)),
        }
        Ok(Passed { report: filtered.report.is_some(), counts: has_counts(&filtered) })
    }

    /// Why there is no config to rehearse with.
    fn without_config(&self, events: &[Event]) -> String {
        let reasons = events.iter().filter_map(|event| match event {
            Event::Waits { reason, .. } => Some(reason.clone()),
            _ => None,
        });
        let reasons: Vec<String> = reasons.collect();
        let why = if reasons.is_empty() { failures(events) } else { reasons.join("; ") };
        match self.receiver {
            Some(_) => why,
            None => format!(
                "the config cannot be had: {why}\nBefore there is a deployment, `candor telemetry --project NAME \
                 rehearse --charts FOLDER` rehearses with the definitions alone"
            ),
        }
    }

    /// What was counted: the counter files of weeks that were not reported yet.
    fn counted(&self, without_counts: &str) -> Result<Vec<CounterFile>, String> {
        let listing = Listing::read(self.folder).map_err(|error| error.to_string())?;
        let files = listing.counter_files.iter().filter_map(|path| CounterFile::read(path).ok());
        let files: Vec<CounterFile> =
            files.filter(|file| file.counts.values().any(|count| *count > 0)).collect();
        match files.is_empty() {
            true => Err(format!(
                "nothing was counted in {} yet, so there is nothing to rehearse: {without_counts}",
                self.folder.path().display()
            )),
            false => Ok(files),
        }
    }

    /// Counts the same again into another folder, whose user opted in before that week.
    fn count_again(
        &self,
        counted: &[CounterFile],
        begin: Day,
        end: Day,
        to: &Folder,
    ) -> Result<(), String> {
        Mode::On.store(to, begin.minus(1)).map_err(|error| error.to_string())?;
        for file in counted {
            let metadata = Metadata { begin, end, ..file.metadata.clone() };
            write_file(to, &metadata, &file.counts).map_err(|error| error.to_string())?;
        }
        Ok(())
    }

    fn filtered(&self, known: &KnownConfig, local: &LocalReport) -> Filtered {
        let (x, allowed) = (X::from_bits(0), Allowed::new(&known.config));
        filter(local, x, &allowed, &known.version.to_string(), None)
    }

    /// What is left out, how to let it through, and what would be sent.
    fn tell(&self, known: &KnownConfig, filtered: &Filtered, out: &mut String) {
        // That nothing is left of the whole report is said below.
        let of_a_build = filtered.withheld.iter().filter(|one| one.build.is_some());
        let mut left_out: Vec<String> = of_a_build.map(Withheld::sentence).collect();
        left_out.dedup();
        match left_out.is_empty() && filtered.report.is_some() {
            true => *out += "3. Nothing is left out: the config lists all of it.\n",
            false => *out += "3. Left out, because the config does not ask for it:\n",
        }
        for sentence in left_out {
            *out += &format!("   {}\n", OneLine(sentence));
        }
        let ways = self.charts.ways_out(&filtered.withheld);
        if !ways.is_empty() {
            *out += "   To let it through, in the definitions of the config:\n";
        }
        for way in ways {
            *out += &format!("   - {}\n", OneLine(way));
        }
        let percent = (known.config.sample_rate.get() * 10_000.0).round() / 100.0;
        match &filtered.report {
            Some(report) => {
                *out += &format!(
                    "4. The report, byte for byte. X decides what is sampled; here it has its smallest \
                     value, which everything passes.\n   In earnest it is random, and {percent}% of \
                     weeks are sent.\n{}\n",
                    Report::to_json(report)
                );
                if !has_counts(filtered) {
                    *out += "   No count is in it: it says only that this build was used.\n";
                }
            }
            None => {
                let why = why_nothing(&filtered.withheld);
                *out += &format!("4. So nothing would be sent: {}.\n", OneLine(why));
            }
        }
    }
}

/// Whether any count is in the report.
fn has_counts(filtered: &Filtered) -> bool {
    let programs = filtered.report.iter().flat_map(|report| &report.programs);
    programs.into_iter().any(|one| !one.counters.is_empty() || !one.stacks.is_empty())
}

/// Lists counts by build, and says when real weeks end.
fn list(counted: &[CounterFile], out: &mut String) {
    let mut builds: BTreeMap<String, BTreeMap<&str, u64>> = BTreeMap::new();
    for file in counted {
        let Metadata { program, version, toolchain, goos, goarch, .. } = file.metadata.clone();
        let counts = builds
            .entry(in_words(&Build { program, version, toolchain, goos, goarch }))
            .or_default();
        for (name, count) in file.counts.iter().filter(|(_, count)| **count > 0) {
            let sum = counts.entry(name).or_default();
            *sum = sum.saturating_add(*count);
        }
    }
    for (build, counts) in builds {
        *out += &format!("   {}\n", OneLine(build));
        for (name, count) in counts {
            let lines: Vec<_> = name.split('\n').map(|line| OneLine(line).to_string()).collect();
            *out += &format!("   {count:>9}  {}\n", lines.join("\n              "));
        }
    }
    if let Some(file) = counted.first() {
        *out += &format!(
            "   In earnest, it is a week that ends on a {}: this machine's weeks do.\n",
            file.metadata.end.weekday_name()
        );
    }
}

/// What went wrong in a run.
fn failures(events: &[Event]) -> String {
    let texts: Vec<String> = events
        .iter()
        .filter(|event| !matches!(event, Event::Reported { .. } | Event::Ready { .. }))
        .map(ToString::to_string)
        .collect();
    match texts.is_empty() {
        true => "no report was made of it".to_owned(),
        false => texts.join("; "),
    }
}

/// A transport that lets no report through, unless it goes to a receiver for rehearsals.
#[derive(Debug)]
struct Held<'a> {
    transport: &'a dyn Transport,
    passes_uploads: bool,
}

impl Transport for Held<'_> {
    fn send(&self, request: &Request<'_>) -> Result<Response, TransportError> {
        match request.body {
            Some(_) if !self.passes_uploads => {
                Ok(Response { status: 200, content_type: None, body: Vec::new() })
            }
            _ => self.transport.send(request),
        }
    }
}
