//! The format of a plan: what should be written to a tracker, as JSON. Under one number of the format, fields may
//! be added, but none is removed or changed.

use super::grouped::ClaimFinding;
use super::news::News;
use crate::aggregate::figure::{Base, Interval};
use jiff::civil::Date;
use serde::Serialize;

/// The version of the plan's format.
pub(super) const FORMAT: u32 = 1;
/// For whom a plan is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Tracker {
    /// GitHub: with the texts of issues and comments.
    Github,
    /// Any: facts alone.
    Json,
}

/// What should be written to a tracker about a week.
#[derive(Debug, Serialize)]
pub struct Plan {
    /// The version of this format: 1.
    pub format: u32,
    /// For whom it is.
    pub tracker: Tracker,
    /// The site that it is about.
    pub site: String,
    /// The week, named after its last day.
    pub week: Date,
    /// Whether no report of it can arrive any more.
    pub complete: bool,
    /// The oldest week that it was compared with; of what that has, it is unknown when it began.
    pub compared_from: Date,
    /// With how many weeks before it was compared.
    pub compared_weeks: u64,
    /// The probability with which each interval contains the true value.
    pub confidence: f64,
    /// Programs with stacks or claims.
    pub programs: Vec<PlannedProgram>,
}

impl Plan {
    /// Whether claims leave out stacks because they contradict each other.
    pub fn has_errors(&self) -> bool {
        let mut findings = self.programs.iter().flat_map(|program| &program.findings);
        findings.any(|finding| finding.is_error)
    }
}

/// What should be written about a program.
#[derive(Debug, Serialize)]
pub struct PlannedProgram {
    /// Its path.
    pub program: String,
    /// The repository that has its issues.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repository: Option<String>,
    /// The labels of issues that are opened.
    pub labels: Vec<String>,
    /// How many reports of the week have it.
    pub reports: u64,
    /// How many of these have a stack that is not shown, because too few reports have it.
    pub hidden: u64,
    /// Its groups, those of most installations first.
    pub issues: Vec<PlannedIssue>,
    /// What is wrong with its claims, judging by the data.
    pub findings: Vec<ClaimFinding>,
}

/// What is to be done about a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// No claim claims it.
    Open,
    /// It is claimed, and there is news.
    Comment,
    /// It is claimed, and there is nothing new.
    Nothing,
}

/// A group of stacks, and what is to be done about it.
#[derive(Debug, Serialize)]
pub struct PlannedIssue {
    /// The group's name, the same every week.
    pub id: String,
    /// What is to be done.
    pub action: Action,
    /// The issue that claims it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub issue: Option<String>,
    /// The functions to blame, innermost first.
    pub blamed: Vec<String>,
    /// How many reports and installations have it, by counter.
    pub counts: Vec<Counted>,
    /// The first week that has it.
    pub first_week: Date,
    /// Reports of the week by version, those of most reports first.
    pub versions: Vec<Part>,
    /// By operating system and architecture.
    pub platforms: Vec<Part>,
    /// By toolchain.
    pub toolchains: Vec<Part>,
    /// The most frequent stacks.
    pub stacks: Vec<PlannedStack>,
    /// How many more there are.
    pub more_stacks: u64,
    /// What none of the weeks before has.
    pub news: Vec<News>,
    /// Whether it was seen in a version in which it should be fixed, so that a closed issue is opened again.
    pub reopen: bool,
    /// For a group that no claim claims: a claim of it, as TOML.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub claim: Option<String>,
    /// The title of a new issue.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// The text of a new issue.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// A comment for the issue that is there already; absent without news.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
}

/// How many have a group's stacks of one counter.
#[derive(Debug, Clone, Serialize)]
pub struct Counted {
    /// The stack counter.
    pub counter: String,
    /// How many reports.
    pub reports: u64,
    /// How many installations they stand for.
    pub installations: Interval,
    /// The share of the installations that could have reported it.
    pub share: Interval,
    /// The reports that could have it.
    pub base: Base,
}

/// One version, platform or toolchain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Part {
    /// Its name.
    pub name: String,
    /// How many reports have the group in it.
    pub reports: u64,
}

/// A stack.
#[derive(Debug, Clone, Serialize)]
pub struct PlannedStack {
    /// The stack counter.
    pub counter: String,
    /// The frames, innermost first.
    pub frames: Vec<String>,
    /// How many reports of the week have it.
    pub reports: u64,
    /// The first week that has it.
    pub first_week: Date,
    /// Whether none of the weeks before has its functions.
    pub is_new: bool,
    /// Its place on the site, if its counter can have a page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub page: Option<String>,
}
