//! A week in a minute: what was counted becomes the report of a week that ended yesterday, by the steps and
//! the code of a real one, in a folder that is removed at the end.
//!
//! Nothing is sent to the project's receiver, because it could not tell rehearsed counts from real ones. Its
//! config is fetched and verified, and the report is shown. `candor telemetry rehearse` sends it to a receiver
//! that is there for this rehearsal alone.

use super::problem::Problem;
use crate::client::counter::{CounterFile, Metadata, write_file};
use crate::client::day::Day;
use crate::client::files;
use crate::client::folder::Folder;
use crate::client::mode::{Consent, Mode};
use crate::client::report::{
    Destination, Event, Filtered, KnownConfig, Listing, LocalReport, Report, RunOptions, X, filter,
    in_words, local_report_of, run_with,
};
use crate::client::start::Setup;
use crate::client::transport::{Request, Response, Transport, TransportError};
use crate::collection::Allowed;
use crate::terminal::OneLine;
use std::path::PathBuf;

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
    };
    let without_counts = format!("choose `{verb} local`, use the program, and rehearse again");
    rehearsal.run(&without_counts, out).map_err(Problem::refused)
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
}

impl Rehearsal<'_> {
    /// Rehearses, and tells `out` what became of it.
    ///
    /// # Errors
    ///
    /// A sentence: nothing was counted, or no config can be had.
    pub fn run(&self, without_counts: &str, out: &mut String) -> Result<(), String> {
        let counted = self.counted(without_counts)?;
        let temporary = Temporary::new()?;
        let to = self.receiver.unwrap_or(self.own);
        let end = self.today.minus(1);
        let begin = end.minus(7);
        self.count_again(&counted, begin, end, &temporary.0)?;
        *out += &format!(
            "1. Counted: what is in {} now, as the week that began on {begin} and ended on {end}.\n",
            OneLine(self.folder.path().display())
        );
        let options = RunOptions {
            folder: temporary.0.clone(),
            destination: Some(to.clone()),
            now: self.now,
            asked_by_user: true,
        };
        let transport = Held { transport: self.transport, passes_uploads: self.receiver.is_some() };
        let consent = || Consent::read(&temporary.0, None);
        let smallest = || Ok(X::from_bits(0));
        let summary = run_with(&options, &transport, &consent, &smallest)
            .map_err(|error| error.to_string())?;
        let known = KnownConfig::of_folder(&temporary.0, &to.source);
        let (Some(known), Some(local)) = (known, local_report_of(&temporary.0, end)) else {
            return Err(failures(&summary.events));
        };
        *out += &format!(
            "2. The config {} of {} was fetched, and is in the log {}.\n",
            known.version,
            to.source.module,
            OneLine(&known.log)
        );
        let filtered = self.filtered(&known, &local);
        self.tell(&known, &local, &filtered, out);
        let is_sent = summary.sent().next().is_some();
        match (&filtered.report, self.receiver) {
            (None, _) => {}
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
        Ok(())
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

    /// What is left out, and what would be sent.
    fn tell(
        &self,
        known: &KnownConfig,
        local: &LocalReport,
        filtered: &Filtered,
        out: &mut String,
    ) {
        let lines = |out: &mut String, sentences: &[String]| {
            sentences.iter().for_each(|sentence| *out += &format!("   {}\n", OneLine(sentence)));
        };
        match filtered.withheld.as_slice() {
            [] => *out += "3. Nothing is left out: the config lists all of it.\n",
            withheld => {
                *out += "3. Left out, because the config does not ask for it:\n";
                let sentences: Vec<_> = withheld.iter().map(|one| one.sentence()).collect();
                lines(out, &sentences);
            }
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
            }
            None => {
                *out += "4. So nothing is left, and nothing would be sent. This was counted:\n";
                let builds: Vec<_> =
                    local.programs.iter().map(|program| in_words(&program.build())).collect();
                lines(out, &builds);
            }
        }
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

/// A folder for one rehearsal.
struct Temporary(Folder);

impl Temporary {
    fn new() -> Result<Temporary, String> {
        let mut random = [0; 8];
        getrandom::fill(&mut random).map_err(|error| error.to_string())?;
        let name = format!("candor-rehearsal-{:016x}", u64::from_ne_bytes(random));
        let path: PathBuf = std::env::temp_dir().join(name);
        files::create_folder(&path).map_err(|e| format!("cannot make {}: {e}", path.display()))?;
        Ok(Temporary(Folder::at(path)))
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        // It is among the system's temporary files: those who clean up there remove it otherwise.
        let _ = std::fs::remove_dir_all(self.0.path());
    }
}
