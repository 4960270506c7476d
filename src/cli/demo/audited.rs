//! The audit: someone who trusts nobody checks everything.

use super::super::Failure;
use super::super::audit::Screen;
use super::narrator::Demo;
use super::weeks::StoryClock;
use crate::aggregate::index::Index;
use crate::audit::{AuditKeys, AuditOptions, AuditReport, audit};
use crate::client::{Address, Download as _, Http};
use crate::publish::Deployment;
use crate::tlog::Policy;
use jiff::Timestamp;
use std::path::Path;
use std::thread;
use std::time::Duration;

/// The largest index of public data that the story makes.
const INDEX: usize = 1 << 20;

impl Demo {
    /// Audits what is served, as anyone could: with only the project's repository and the policy, which names
    /// the keys of the log and its witness.
    pub(super) fn audit(
        &self,
        deployment: &Deployment,
        url: &str,
        project: &Path,
        clock: &StoryClock,
    ) -> Result<AuditReport, Failure> {
        let url: Address = url.parse()?;
        let policy = deployment.witnesses().map(|witnesses| witnesses.policy_text.as_ref());
        let policy = policy.unwrap_or_default();
        let (file, charts) = (self.folder.join("policy.txt"), project.display());
        std::fs::write(&file, policy)
            .map_err(|e| Failure::new(format!("cannot write {}: {e}", file.display())))?;
        let file = file.display();
        self.quote(format_args!("candor audit {url} --policy {file} --charts {charts}"));
        clock.set_to_now();
        let http = Http::new();
        wait_for_charts(&http, &url)?;
        let options = AuditOptions {
            url,
            keys: AuditKeys::new(Policy::parse(policy)?)?,
            charts: Some(project.display().to_string()),
            state: self.folder.join("auditor").join("state.json"),
            log_only: false,
            full: false,
            fresh_within: Duration::from_secs(7 * 86_400),
        };
        let bar = super::super::progress::Bar::new();
        let report = audit(&options, &http, Timestamp::now(), &bar)?;
        drop(bar);
        self.quote(Screen { report: &report, evidence: &[] });
        if !report.is_ok() {
            return Err(Failure::new("the audit found something wrong with an honest deployment"));
        }
        Ok(report)
    }
}

/// A server checks its store about once a second, so new charts may take a moment to appear.
fn wait_for_charts(http: &Http, url: &Address) -> Result<(), Failure> {
    for _ in 0..100 {
        let index = http.get(&url.join("data/index.json"), INDEX)?.unwrap_or_default();
        let index: Index = serde_json::from_slice(&index)?;
        if !index.weeks.is_empty() && index.weeks.values().all(|week| week.charts.is_some()) {
            break;
        }
        thread::sleep(Duration::from_millis(100));
    }
    Ok(())
}
