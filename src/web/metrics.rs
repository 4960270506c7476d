//! `/metrics`: requests by part of the site and status, and everything else that the deployment does,
//! in Prometheus' text format (<https://prometheus.io/docs/instrumenting/exposition_formats/>).

use super::operations::{ClockReport, LostReports};
use super::quorum::QuorumStatus;
use super::site::Site;
use crate::aggregate::{UpkeepState, Work};
use crate::ingest::{AdmissionState, ReceiverSlot, UploadState};
use jiff::Timestamp;
use std::fmt;

/// All metrics at one moment. What this process does not do is 0.
pub(super) struct Metrics<'a> {
    site: &'a Site,
    uploads: UploadState,
    upkeep: UpkeepState,
    clock: ClockReport,
    witnesses: Option<QuorumStatus>,
    /// Segments whose reports were lost.
    lost: LostReports,
    admission: Option<AdmissionState>,
}

impl<'a> Metrics<'a> {
    /// The metrics of a site and its uploads, where the reports of these segments were lost.
    pub(super) fn of(
        site: &'a Site,
        slot: Option<&ReceiverSlot>,
        lost: LostReports,
    ) -> Metrics<'a> {
        let operations = site.operations();
        let clock = operations.and_then(|operations| operations.clock.as_ref());
        let upkeep = operations.and_then(|operations| operations.upkeep.clone());
        let witnesses = operations.and_then(|operations| QuorumStatus::of(site, operations));
        Metrics {
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
impl fmt::Display for Metrics<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut family = |name: &str, kind: &str, help: &str, samples: &[(String, i128)]| {
            writeln!(f, "# HELP candor_{name} {help}\n# TYPE candor_{name} {kind}")?;
            let mut samples = samples.iter();
            samples.try_for_each(|(labels, value)| writeln!(f, "candor_{name}{labels} {value}"))
        };
        let alone = |value: i128| [(String::new(), value)];
        let number = |value: u64| alone(i128::from(value));
        let Metrics { site, uploads, upkeep, .. } = self;
        let size = site.heads().last().map_or(0, |head| head.tree().size.get());
        let version = env!("CARGO_PKG_VERSION");
        let build = [(format!("{{version=\"{version}\"}}"), 1)];
        family("build_info", "gauge", "The program's version.", &build)?;
        let start = site.request_counts().started.as_second();
        let help = "When the process began to serve, in seconds since 1970.";
        family("start_time_seconds", "gauge", help, &alone(start.into()))?;
        family("log_size", "gauge", "Entries of the log that is shown.", &number(size))?;
        let requests = site.request_counts().counts().map(|(part, status, count)| {
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
        family("uploads_total", "counter", "Uploads, by outcome.", &answers)?;
        let open = u64::from(uploads.opened > 0 && uploads.problem.is_none());
        family("receiver_open", "gauge", "Whether reports are accepted.", &number(open))?;
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
        let help = "How often the disk or the store refused to store reports.";
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
            let help = "Uploads that were told to try again later, by the budget that was used up.";
            family("uploads_over_budget_total", "counter", help, &spent)?;
        }
        let help = "Segments of uploads that are missing, with reports that were not merged.";
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
        let help = "Merges, charts and checks for what has expired, by outcome.";
        family("upkeep_runs_total", "counter", help, &done.collect::<Vec<_>>())?;
        let help = "How often the thread that merges and charts was restarted.";
        family("upkeep_restarts_total", "counter", help, &number(upkeep.restarts()))?;
        let help = "Seconds by which the clock is known to be ahead, or behind.";
        family("clock_skew_seconds", "gauge", help, &alone(self.clock.skew.into()))?;
        let help = "Whether no recent commit confirms the clock, so that it may be ahead.";
        family("clock_unconfirmed", "gauge", help, &alone(self.clock.note.is_some().into()))?;
        let Some(witnesses) = &self.witnesses else { return Ok(()) };
        let reached = u64::from(witnesses.missing.is_none());
        let help = "Whether the log that is shown satisfies the policy.";
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
        let help = "Requests to witnesses by this process, by whether they cosigned.";
        family("witness_answers_total", "counter", help, &answers)?;
        let refresh = [("done", witnesses.refresh.done), ("failed", witnesses.refresh.failed)];
        let refresh =
            refresh.map(|(name, count)| (format!("{{outcome=\"{name}\"}}"), count.into()));
        let help = "Attempts to have the log cosigned again, by outcome.";
        family("cosigned_again_total", "counter", help, &refresh)
    }
}
