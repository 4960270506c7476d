//! `candor stacks`: the stacks of a week as issues of a tracker: planned, and in a step of its own written.

use super::input::read_at_most;
use super::patient::PATIENCE;
use super::published::{PublishedConfigs, Where};
use super::{Failure, Output};
use crate::aggregate::PublicData;
use crate::charts::{charts_folder, parse, read_work_tree};
use crate::client::{Address, Http};
use crate::count::count;
use crate::publish::Deployment;
use crate::stacks::{
    Action, GitHub, Plan, PlannedIssue, Planning, Posted, Posting, PublicSource, Settings, Tracker,
    WantedWeek, Written, installations, observe, plan, told,
};
use crate::terminal::OneLine;
use crate::web::stack_place;
use clap::Subcommand;
use jiff::civil::Date;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The environment variable with the token of `post`.
const TOKEN: &str = "GITHUB_TOKEN";
/// The longest plan that is read, in bytes.
const LONGEST_PLAN: usize = 256 << 20;
/// The confidence of intervals where the definitions have none, as in charts.
const CONFIDENCE: f64 = 0.99;

/// Sort the stacks of a week into issues: those to open, and those to comment on since there is news.
///
/// Stacks belong to an issue if a claim in the charts folder says so (stacks/*.toml); the others are grouped by
/// the functions to blame. Nothing is written to a tracker: the plan is data, to be read, or to be written with
/// `candor stacks post`. Claims that claim no stack are named, and so are those that claim the same one, whose
/// stacks are left out: the exit status is 1 then.
#[derive(Debug, clap::Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "Examples:\n  \
    candor stacks charts-config --url https://telemetry.example.org\n  \
    candor stacks charts-config --data /srv/candor --tracker github --out plan.json\n  \
    GITHUB_TOKEN=... candor stacks post plan.json"
)]
pub(super) struct Args {
    #[command(subcommand)]
    verb: Option<Verb>,
    /// The charts folder, or a folder with one named charts-config.
    #[arg(value_name = "CHARTS")]
    charts: Option<PathBuf>,
    #[command(flatten)]
    deployment: Where,
    /// The week, by its last day, a Sunday [default: the newest whose days are all public].
    #[arg(long, value_name = "DATE")]
    week: Option<Date>,
    /// So many weeks before the newest: reports of a week may come for a month, and bring news of it late.
    #[arg(long, value_name = "N", default_value_t = 0, conflicts_with = "week")]
    ago: usize,
    /// With how many weeks before it is compared, to tell what is new.
    #[arg(long, value_name = "N", default_value_t = 12)]
    weeks: usize,
    /// Only the stacks of this program.
    #[arg(long, value_name = "PROGRAM")]
    program: Option<String>,
    /// For whom the plan is: `github` has the texts of issues and comments, `json` the facts alone.
    #[arg(long, value_name = "TRACKER", value_enum, default_value_t = Kind::Json)]
    tracker: Kind,
    /// Write the plan to this file, as JSON; - for standard output.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// For whom a plan is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Kind {
    /// GitHub.
    Github,
    /// Any tracker.
    Json,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Write a plan to GitHub: open issues, and comment where there is news.
    ///
    /// The token is taken from the environment variable GITHUB_TOKEN; it needs the permission to read and write
    /// issues. A second run changes nothing: what an earlier one wrote is found by marks in it, if the same user
    /// wrote it.
    #[command(after_help = "Examples:\n  \
        candor stacks post plan.json --dry-run\n  \
        candor stacks post plan.json --as 'github-actions[bot]'")]
    Post(PostArgs),
}

#[derive(Debug, clap::Args)]
struct PostArgs {
    /// The plan: a file that `candor stacks --tracker github --out FILE` wrote.
    #[arg(value_name = "PLAN")]
    plan: PathBuf,
    /// The name of the token's user, where the token cannot tell it [default: asked of the API].
    #[arg(long = "as", value_name = "USER")]
    user: Option<String>,
    /// Open at most this many issues.
    #[arg(long, value_name = "N", default_value_t = 10)]
    most: usize,
    /// Wait so many seconds before each change, as GitHub asks.
    #[arg(long, value_name = "SECONDS", default_value_t = 1)]
    pause: u64,
    /// Say what would be written, and write nothing. Without a token, nothing is asked either: then it is what a first
    /// run would write.
    #[arg(long)]
    dry_run: bool,
    /// The address of the API [default: <https://api.github.com>].
    #[arg(long, value_name = "URL")]
    api: Option<Address>,
}

pub(super) fn run(args: Args, out: Output) -> Result<(), Failure> {
    match &args.verb {
        Some(Verb::Post(args)) => post(args, out),
        None => make(&args, out),
    }
}

fn make(args: &Args, out: Output) -> Result<(), Failure> {
    let Some(charts) = &args.charts else {
        return Err(Failure::usage(
            "name the charts folder, like `candor stacks charts-config`; claims of stacks are in it",
        ));
    };
    let folder = charts_folder(charts);
    let definitions = parse(&read_work_tree(&folder)?).map_err(|e| e.below(&folder))?;
    let (source, site) = open(&args.deployment)?;
    let none = "nothing has been published";
    let configs: PublishedConfigs = args.deployment.open()?.ok_or_else(|| Failure::new(none))?;
    let mut config = |version| configs.config(version).map_err(|failure| failure.message);
    let week = args.week.map_or(WantedWeek::Ago(args.ago), WantedWeek::Until);
    let observed = observe(&source, (week, args.weeks), &definitions, &mut config)?;
    let tracker = match args.tracker {
        Kind::Github => Tracker::Github,
        Kind::Json => Tracker::Json,
    };
    let program = args.program.as_deref();
    let planning =
        Planning { tracker, site: &site, page: &stack_place, program, confidence: CONFIDENCE };
    let plan = plan(&observed, &definitions, &planning);
    let out = match &args.out {
        Some(file) if file != Path::new("-") => {
            let json = serde_json::to_string_pretty(&plan)? + "\n";
            std::fs::write(file, json).map_err(|error| {
                Failure::new(format!("cannot write {}: {error}", file.display()))
            })?;
            out
        }
        Some(_) => Output { json: true },
        None => out,
    };
    out.result(&plan, &plan)?;
    match plan.has_errors() {
        true => Err(Failure::reported()),
        false => Ok(()),
    }
}

/// The public data of a deployment, and the address of its site.
fn open(deployment: &Where) -> Result<(PublicSource, String), Failure> {
    if let Some(address) = &deployment.url {
        let source = PublicSource::Site { http: Http::within(PATIENCE), address: address.clone() };
        return Ok((source, address.as_str().to_owned()));
    }
    let usual = || std::env::var_os("CANDOR_DATA_DIR").map(PathBuf::from);
    let folder = deployment.data.clone().or_else(usual);
    let none = "name the deployment with --url URL or --data DIR";
    let deployment = Deployment::open(&folder.ok_or_else(|| Failure::usage(none))?)?;
    let site = format!("https://{}", deployment.host());
    Ok((PublicSource::Folder(PublicData::new(deployment.store.clone())), site))
}

fn post(args: &PostArgs, out: Output) -> Result<(), Failure> {
    let bytes = read_at_most(&args.plan, LONGEST_PLAN)
        .map_err(|error| Failure::new(format!("cannot read {}: {error}", args.plan.display())))?;
    let plan = Posting::parse(&bytes)?;
    let token = std::env::var(TOKEN).ok().filter(|token| !token.is_empty());
    let no_token = format!("{TOKEN} is not set: put a token that may write issues there");
    if token.is_none() && !args.dry_run {
        return Err(Failure::usage(no_token));
    }
    if token.is_none() {
        out.say(format_args!(
            "candor: {TOKEN} is not set, so what was written before is not known: this is what a first run would write"
        ));
    }
    let is_token = |token: &String| token.bytes().all(|byte| byte.is_ascii_graphic());
    if !token.as_ref().is_none_or(is_token) {
        return Err(Failure::usage(format!("{TOKEN} has a character that no token has")));
    }
    let settings = Settings {
        api: args.api.clone(),
        user: args.user.clone(),
        most: args.most,
        pause: Duration::from_secs(args.pause.min(600)),
        dry: args.dry_run,
    };
    let posted = GitHub::new(token, settings).post(&plan, &mut |told| {
        if !args.dry_run {
            out.say(told);
        }
    })?;
    out.result(&posted, &posted)
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let provisional = if self.complete { "" } else { ", provisional" };
        let weeks = count(self.compared_weeks, "week");
        writeln!(f, "week to {}{provisional}, compared with {weeks} before", self.week)?;
        for program in &self.programs {
            let groups = count(program.issues.len() as u64, "group");
            let heading = format!("{}: {groups} of stacks", program.program);
            writeln!(f, "{}", OneLine(heading))?;
            for issue in &program.issues {
                self.write_issue(f, issue)?;
            }
            if program.hidden > 0 {
                let hidden = count(program.hidden, "report");
                writeln!(f, "  {hidden} with a stack that too few have to be shown")?;
            }
            for finding in &program.findings {
                let kind = if finding.is_error { "error" } else { "warning" };
                let text =
                    format!("{kind}: {}:{}: {}", finding.file, finding.line, finding.message);
                writeln!(f, "  {}", OneLine(text))?;
            }
        }
        if self.programs.is_empty() {
            writeln!(f, "no stacks")?;
        }
        Ok(())
    }
}

impl Plan {
    fn write_issue(&self, f: &mut fmt::Formatter<'_>, issue: &PlannedIssue) -> fmt::Result {
        let what = match issue.action {
            Action::Open => "open",
            Action::Comment => "comment",
            Action::Nothing => "nothing",
        };
        let blamed = issue.blamed.join(", called by ");
        let of = issue.issue.as_deref().map(|issue| format!(" ({issue})")).unwrap_or_default();
        writeln!(f, "  {}", OneLine(format!("{what:<7}  {blamed}{of}")))?;
        for counted in &issue.counts {
            writeln!(f, "           {}", OneLine(installations(counted)))?;
        }
        let before = if issue.first_week == self.compared_from { " or before" } else { "" };
        writeln!(f, "           first seen in the week to {}{before}", issue.first_week)?;
        for news in &issue.news {
            let told = told(news, self.compared_weeks);
            writeln!(f, "           {}", OneLine(format!("new: {told}")))?;
        }
        Ok(())
    }
}

impl fmt::Display for Posted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let would = if self.dry_run { "would be " } else { "" };
        let lists: [(&str, &[Written]); 4] = [
            ("opened", &self.opened),
            ("commented on", &self.commented),
            ("replaced: the comment on", &self.replaced),
            ("opened again", &self.reopened),
        ];
        for (what, written) in lists {
            for one in written {
                let url = one.url.as_deref().map(|url| format!(": {url}")).unwrap_or_default();
                writeln!(f, "{}", OneLine(format!("{would}{what} {}{url}", one.what)))?;
            }
        }
        if self.unchanged > 0 {
            writeln!(f, "{} with nothing to write", count(self.unchanged, "group"))?;
        }
        if self.left > 0 {
            let left = count(self.left, "more issue");
            writeln!(f, "{left} to open: run the command again, or with a larger --most")?;
        }
        Ok(())
    }
}
