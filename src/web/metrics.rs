//! What the server counts about itself: requests by part of the site and by status; and all figures
//! about what the deployment does.
//!
//! Nothing about clients: no address, no path, no user agent, and no time of any one request. The
//! format is Prometheus' text (<https://prometheus.io/docs/instrumenting/exposition_formats/>).

use super::address;
use super::health::{ClockReport, LostReports};
use super::quorum::WitnessFigures;
use super::site::Site;
use crate::aggregate::{UpkeepState, Work};
use crate::ingest::{AdmissionState, ReceiverSlot, UploadState};
use axum::http::StatusCode;
use jiff::Timestamp;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// The parts of the site, by the first element of the path.
const PARTS: [&str; 8] = ["goproxy", "sumdb", "log", "upload", "data", "witness", "pages", "other"];
/// The statuses that are counted apart; any other is counted as 0.
const STATUSES: [u16; 12] = [200, 206, 303, 304, 400, 404, 405, 414, 416, 500, 503, 0];

/// Counts since the server started.
#[derive(Debug)]
pub(super) struct Metrics {
    started: Timestamp,
    requests: [[AtomicU64; STATUSES.len()]; PARTS.len()],
}

impl Default for Metrics {
    fn default() -> Metrics {
        Metrics { started: Timestamp::now(), requests: Default::default() }
    }
}

impl Metrics {
    /// Counts an answer to a request for `path`.
    pub(super) fn count(&self, path: &str, status: StatusCode) {
        let part = match address::first_element(path) {
            Some("goproxy") => "goproxy",
            Some("sumdb" | "latest" | "lookup" | "tile") => "sumdb",
            Some("log") => "log",
            Some("upload") => "upload",
            Some("data") => "data",
            Some("witness") => "witness",
            None | Some("charts" | "check" | "config" | "privacy") => "pages",
            _ => "other",
        };
        let row = self.requests.iter().zip(PARTS).find(|(_, name)| *name == part);
        let status = status.as_u16();
        let cell = row.and_then(|(row, _)| {
            let mut cells = row.iter().zip(STATUSES);
            cells.find(|(_, counted)| *counted == status || *counted == 0)
        });
        if let Some((cell, _)) = cell {
            cell.fetch_add(1, Relaxed);
        }
    }

    /// Every count, by part and status.
    fn counts(&self) -> impl Iterator<Item = (&'static str, u16, u64)> {
        self.requests.iter().zip(PARTS).flat_map(|(row, part)| {
            let cells = row.iter().zip(STATUSES);
            cells.map(move |(cell, status)| (part, status, cell.load(Relaxed)))
        })
    }
}

/// Everything that is told, at one moment. What this process does not do stands at 0.
pub(super) struct Figures<'a> {
    site: &'a Site,
    uploads: UploadState,
    upkeep: UpkeepState,
    clock: ClockReport,
    witnesses: Option<WitnessFigures>,
    /// Segments that have lost reports.
    lost: LostReports,
    admission: Option<AdmissionState>,
}

impl<'a> Figures<'a> {
    /// Those of a site and its uploads, where these segments have lost reports.
    pub(super) fn of(
        site: &'a Site,
        slot: Option<&ReceiverSlot>,
        lost: LostReports,
    ) -> Figures<'a> {
        let operations = site.operations();
        let clock = operations.and_then(|operations| operations.clock.as_ref());
        let upkeep = operations.and_then(|operations| operations.upkeep.clone());
        let witnesses = operations.and_then(|operations| WitnessFigures::of(site, operations));
        Figures {
            site,
            witnesses,
            uploads: slot.map(ReceiverSlot::state).unwrap_or_default(),
            upkeep: upkeep.unwrap_or_else(|| UpkeepState::new(&[])),
            clock: clock.map(|clock| clock()).unwrap_or_default(),
            lost,
            admission: operations
                .and_then(|operations| Some(operations.admission.as_ref()?.state())),
        }
    }
}

/// Prometheus' text format.
impl fmt::Display for Figures<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut family = |name: &str, kind: &str, help: &str, samples: &[(String, i128)]| {
            writeln!(f, "# HELP candor_{name} {help}\n# TYPE candor_{name} {kind}")?;
            let mut samples = samples.iter();
            samples.try_for_each(|(labels, value)| writeln!(f, "candor_{name}{labels} {value}"))
        };
        let alone = |value: i128| [(String::new(), value)];
        let number = |value: u64| alone(i128::from(value));
        let Figures { site, uploads, upkeep, .. } = self;
        let size = site.heads().last().map_or(0, |head| head.tree().size.get());
        let version = env!("CARGO_PKG_VERSION");
        let build = [(format!("{{version=\"{version}\"}}"), 1)];
        family("build_info", "gauge", "The program's version.", &build)?;
        let start = site.metrics().started.as_second();
        let help = "When the process began to serve, in seconds since 1970.";
        family("start_time_seconds", "gauge", help, &alone(start.into()))?;
        family("log_size", "gauge", "Entries of the log that is shown.", &number(size))?;
        let requests = site.metrics().counts().map(|(part, status, count)| {
            (format!("{{part=\"{part}\",status=\"{status}\"}}"), count.into())
        });
        let help = "Requests answered, by part of the site and status; status 0 is any other.";
        family("requests_total", "counter", help, &requests.collect::<Vec<_>>())?;
        let counts = &uploads.counts;
        let answers = [
            ("stored", counts.stored),
            ("duplicate", counts.duplicates),
            ("refused", counts.refused),
            ("unavailable", counts.unavailable),
        ];
        let answers = answers.map(|(name, count)| (format!("{{answer=\"{name}\"}}"), count.into()));
        family("uploads_total", "counter", "Uploads, by what came of them.", &answers)?;
        let open = u64::from(uploads.opened > 0 && uploads.problem.is_none());
        family("receiver_open", "gauge", "Whether reports are taken.", &number(open))?;
        let help = "How often the reports folder was opened.";
        family("receiver_opened_total", "counter", help, &number(uploads.opened))?;
        let queued = uploads.journal.queued as u64;
        family(
            "upload_queue_reports",
            "gauge",
            "Reports that wait to be stored.",
            &number(queued),
        )?;
        let capacity = uploads.journal.capacity as u64;
        family("upload_queue_limit", "gauge", "The most that may wait.", &number(capacity))?;
        let help = "How often the disk refused to store reports.";
        family("disk_errors_total", "counter", help, &number(uploads.journal.disk_errors))?;
        if let Some(admission) = &self.admission {
            let left = number(admission.reports_left);
            let help = "New reports for which the day's budget has room.";
            family("upload_budget_left_reports", "gauge", help, &left)?;
            let help = "Bytes of reports, likewise.";
            family("upload_budget_left_bytes", "gauge", help, &number(admission.bytes_left))?;
            let help = "New reports of a day's budget.";
            let day = number(admission.budgets.day_reports);
            family("upload_budget_day_reports", "gauge", help, &day)?;
            let spent = [
                ("day", admission.refused_by_day),
                ("network", admission.refused_by_network),
                ("disk", admission.refused_by_disk),
            ];
            let spent = spent.map(|(name, count)| (format!("{{budget=\"{name}\"}}"), count.into()));
            let help = "Uploads that were asked to come again, by the budget that was spent.";
            family("uploads_over_budget_total", "counter", help, &spent)?;
        }
        let help = "Segments of uploads that are missing with reports that were not merged.";
        family("lost_segments", "gauge", help, &number(self.lost.gone.len() as u64))?;
        let help = "Segments of uploads that are damaged, and that the operator has not given up.";
        let damaged = self.lost.damaged.len() as u64;
        family("damaged_segments", "gauge", help, &number(damaged))?;
        let help = "How often an object of the store was found missing or damaged.";
        family("store_damage_total", "counter", help, &number(site.damage().times()))?;
        let works = |figure: &dyn Fn(Work) -> i128| {
            Work::ALL.map(|work| (format!("{{work=\"{}\"}}", work.name()), figure(work)))
        };
        let seconds = |time: Option<Timestamp>| time.map_or(0, Timestamp::as_second).into();
        let ended = works(&|work| seconds(upkeep.work(work).ended));
        let help = "When a merge, a chart or a check for what has expired ended last, in seconds since 1970; 0 before the first.";
        family("upkeep_ended_time_seconds", "gauge", help, &ended)?;
        let failed = works(&|work| upkeep.work(work).problem.is_some().into());
        family("upkeep_last_failed", "gauge", "Whether the last one failed.", &failed)?;
        let now = Timestamp::now();
        let age = works(&|work| upkeep.age(work, now).into());
        let help = "How long ago the last one succeeded, or, before the first, the process began.";
        family("upkeep_age_seconds", "gauge", help, &age)?;
        let done = Work::ALL.into_iter().flat_map(|work| {
            let state = upkeep.work(work);
            [("done", state.done_count), ("failed", state.failed_count)].map(|(outcome, count)| {
                let name = work.name();
                (format!("{{work=\"{name}\",outcome=\"{outcome}\"}}"), count.into())
            })
        });
        let help = "Merges, charts and checks for what has expired, by what came of them.";
        family("upkeep_runs_total", "counter", help, &done.collect::<Vec<_>>())?;
        let help = "How often the thread that merges and charts was begun again.";
        family("upkeep_restarts_total", "counter", help, &number(upkeep.restarts()))?;
        let help = "Seconds by which the clock is known to be ahead, or behind.";
        family("clock_skew_seconds", "gauge", help, &alone(self.clock.skew.into()))?;
        let help = "Whether no recent commit confirms the clock, so that it may be ahead.";
        family("clock_unconfirmed", "gauge", help, &alone(self.clock.note.is_some().into()))?;
        let Some(witnesses) = &self.witnesses else { return Ok(()) };
        let reached = u64::from(witnesses.missing.is_none());
        let help = "Whether the policy takes the log that is shown.";
        family("quorum_reached", "gauge", help, &number(reached))?;
        let help = "When a quorum of witnesses had cosigned the log that is shown, in seconds since 1970; 0 where none has.";
        let at = witnesses.quorum_at.unwrap_or(0);
        family("quorum_cosigned_time_seconds", "gauge", help, &number(at))?;
        let help = "How long ago that was.";
        let age = witnesses.quorum_age(now).unwrap_or(0);
        family("quorum_cosigned_age_seconds", "gauge", help, &number(age))?;
        let at = witnesses.labelled(|one| vec![("", one.cosigned_at.unwrap_or(0).into())]);
        let help = "When a witness cosigned the log that is shown, in seconds since 1970; 0 where it has not.";
        family("witness_cosigned_time_seconds", "gauge", help, &at)?;
        let answers = witnesses.labelled(|one| {
            let (cosigned, failed) =
                one.last.as_ref().map_or((0, 0), |last| (last.cosigned_count, last.failed_count));
            vec![(",answer=\"cosigned\"", cosigned.into()), (",answer=\"none\"", failed.into())]
        });
        let help = "What witnesses were asked to cosign by this process, by whether they did.";
        family("witness_answers_total", "counter", help, &answers)?;
        let refresh = [("done", witnesses.refresh.done), ("failed", witnesses.refresh.failed)];
        let refresh =
            refresh.map(|(name, count)| (format!("{{outcome=\"{name}\"}}"), count.into()));
        let help = "How often the log was to be cosigned again, by what came of it.";
        family("cosigned_again_total", "counter", help, &refresh)
    }
}
