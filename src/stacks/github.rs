//! Writing a plan to GitHub: the only step that changes anything outside, and it changes nothing the second time.
//!
//! What was written is found by marks in it, `<!-- candor stacks ID -->` in an issue's text, and
//! `<!-- candor stacks ID WEEK -->` in its text and in a comment's. Only what the token's own user wrote counts, for anyone could
//! write a mark into an issue of theirs. An issue's text is never changed, since people may have edited it; a
//! comment of a week is replaced if the week's data has changed since. If a run is interrupted, the next one
//! goes on where it was.
//!
//! The token is sent to the API's address alone: over https, or to this machine; redirects are not followed.
//! API: <https://docs.github.com/rest/issues>, version 2022-11-28.
//!
//! What is still unsafe: two runs at the same time may open the same issue twice, and so may a second run within
//! the seconds that GitHub takes until its lists have a new issue.

use super::planned::FORMAT;
use super::wording::{LONGEST, comment_mark, mark};
use crate::client::Address;
use crate::percent;
use crate::text::bounded;
use jiff::civil::Date;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::time::Duration;
use ureq::Agent;
use ureq::http::Response;

/// How many issues or comments are on one page of the API.
const PAGE: usize = 100;
/// The most pages that are read of one list.
const PAGES: usize = 100;
/// The longest answer, in bytes: a page of the longest texts.
const LONGEST_ANSWER: u64 = 64 << 20;
/// The address of the API for repositories on github.com.
const GITHUB_API: &str = "https://api.github.com";
const GITHUB: &str = "https://github.com/";
/// The most labels of an issue.
const MAX_LABELS: usize = 100;

/// The part of a plan that is needed to write it.
#[derive(Debug, Deserialize)]
pub struct Posting {
    format: u32,
    tracker: String,
    week: Date,
    programs: Vec<PostedProgram>,
}

#[derive(Debug, Deserialize)]
struct PostedProgram {
    program: String,
    repository: Option<String>,
    #[serde(default)]
    labels: Vec<String>,
    issues: Vec<PostedIssue>,
}

#[derive(Debug, Deserialize)]
struct PostedIssue {
    id: String,
    issue: Option<String>,
    title: Option<String>,
    body: Option<String>,
    comment: Option<String>,
    #[serde(default)]
    reopen: bool,
}

/// How a plan is written.
#[derive(Debug)]
pub struct Settings {
    /// The API's address; that of github.com if there is none.
    pub api: Option<Address>,
    /// The name of the token's user; asked of the API if there is none.
    pub user: Option<String>,
    /// The most issues that are opened.
    pub most: usize,
    /// How long to wait before each change, as GitHub asks.
    pub pause: Duration,
    /// Whether nothing is changed.
    pub dry: bool,
}

/// Why a plan could not be written, or not all of it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PostError {
    /// It is no plan for GitHub.
    #[error(
        "this is not a plan for GitHub: {0}; make one with `candor stacks ... --tracker github --out FILE`"
    )]
    NotAPlan(String),
    /// The definitions do not say where issues are.
    #[error(
        "nothing says where the issues of {0} are: add `repository = \"https://github.com/...\"` to its file in \
         stacks/, and make the plan again"
    )]
    NoRepository(String),
    /// The repository's API is not known.
    #[error("{0} is not on github.com: give the address of its API with --api")]
    NoApi(String),
    /// The API did not answer.
    #[error("cannot reach {url}: {reason}; run the command again, which goes on where it was")]
    Failed {
        /// The address.
        url: String,
        /// What happened.
        reason: String,
    },
    /// The answer is not what the API answers.
    #[error(
        "{url} answered with status {status}, and {what}: give the address of GitHub's API with --api (of a \
         server of your own it ends in /api/v3), or try again later if it is right"
    )]
    NotTheApi {
        /// The address.
        url: String,
        /// The HTTP status.
        status: u16,
        /// What it is instead.
        what: String,
    },
    /// The API refused.
    #[error("{url} answered with status {status}: {reason}{hint}")]
    Refused {
        /// The address.
        url: String,
        /// The HTTP status.
        status: u16,
        /// What it said.
        reason: String,
        /// What to do.
        hint: &'static str,
    },
    /// A list is too long.
    #[error("{0} has more than {most} entries", most = PAGE * PAGES)]
    TooLong(String),
}

/// What was written.
#[derive(Debug, Default, Serialize)]
pub struct Posted {
    /// Whether nothing was changed, and this is what would be.
    pub dry_run: bool,
    /// The issues that were opened.
    pub opened: Vec<Written>,
    /// The issues that got a comment.
    pub commented: Vec<Written>,
    /// The issues whose comment of the week was replaced.
    pub replaced: Vec<Written>,
    /// The closed issues that were opened again.
    pub reopened: Vec<Written>,
    /// How many groups have nothing to write.
    pub unchanged: u64,
    /// How many issues were not opened, since there were more than are opened at once.
    pub left: u64,
}

/// Something that was written.
#[derive(Debug, Serialize)]
pub struct Written {
    /// The group.
    pub id: String,
    /// The address of the issue or comment; absent where nothing was changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// The issue's title, or its number.
    pub what: String,
}

/// The API, with a token.
pub struct GitHub {
    agent: Agent,
    /// Absent if the API is not asked.
    token: Option<String>,
    settings: Settings,
}

/// An issue, as the API has it.
#[derive(Debug, Deserialize)]
struct Issue {
    number: u64,
    html_url: String,
    #[serde(default)]
    state: String,
    #[serde(default)]
    body: Option<String>,
    user: Option<User>,
}

/// A comment.
#[derive(Debug, Deserialize)]
struct Comment {
    id: u64,
    html_url: String,
    #[serde(default)]
    body: Option<String>,
    user: Option<User>,
}

#[derive(Debug, Deserialize)]
struct User {
    login: String,
}

impl Posting {
    /// Reads a plan.
    pub fn parse(json: &[u8]) -> Result<Posting, PostError> {
        let posting: Posting = serde_json::from_slice(json)
            .map_err(|error| PostError::NotAPlan(bounded(&error.to_string())))?;
        match (posting.format, posting.tracker.as_str()) {
            (FORMAT, "github") => Ok(posting),
            (FORMAT, other) => Err(PostError::NotAPlan(format!("it is for {}", bounded(other)))),
            (other, _) => Err(PostError::NotAPlan(format!(
                "it has format {other}, and this program knows {FORMAT}"
            ))),
        }
    }
}

/// What the token's user has written before.
struct Own {
    user: String,
    issues: Vec<Issue>,
}

/// Writing to one repository.
struct Writing<'a> {
    github: &'a GitHub,
    place: Place,
    own: Own,
    week: Date,
    posted: &'a mut Posted,
    told: &'a mut dyn FnMut(&str),
}

impl PostedIssue {
    /// Checks that it can be written.
    fn check(&self, place: &Place) -> Result<(), PostError> {
        let is_id = |id: &str| {
            !id.is_empty() && id.len() <= 64 && id.bytes().all(|byte| byte.is_ascii_hexdigit())
        };
        if !is_id(&self.id) {
            let reason = format!("{} is not the name of a group", bounded(&self.id));
            return Err(PostError::NotAPlan(reason));
        }
        let texts = [&self.title, &self.body, &self.comment];
        if texts.iter().any(|text| text.as_ref().is_some_and(|text| text.len() > LONGEST)) {
            return Err(PostError::NotAPlan(format!("a text has more than {LONGEST} bytes")));
        }
        self.issue.as_ref().map_or(Ok(()), |issue| number_of(place, issue).map(drop))
    }
}

/// Where the issues of a repository are.
struct Place {
    /// The address of the repository.
    repository: String,
    /// The address of the API for it.
    api: String,
}

impl GitHub {
    /// Prepares to write with a token. Without one, nothing is asked and nothing is written: it is told what would be
    /// written if nothing was yet.
    pub fn new(token: Option<String>, settings: Settings) -> GitHub {
        let https_only =
            settings.api.as_ref().is_none_or(|api| api.as_str().starts_with("https://"));
        let agent = Agent::config_builder()
            .http_status_as_error(false)
            .https_only(https_only)
            .max_redirects(0)
            .timeout_connect(Some(Duration::from_secs(10)))
            .timeout_global(Some(Duration::from_secs(30)))
            .user_agent(concat!("candor/", env!("CARGO_PKG_VERSION")));
        // What is on this machine is not behind a proxy.
        let agent = if https_only { agent } else { agent.proxy(None) };
        GitHub { agent: agent.build().into(), token, settings }
    }

    /// Writes a plan. `told` is called after each change.
    ///
    /// # Errors
    ///
    /// Something could not be written; what was written before stays, and is found by the next run.
    pub fn post(&self, plan: &Posting, told: &mut dyn FnMut(&str)) -> Result<Posted, PostError> {
        // Nothing is written of a plan that is wrong somewhere.
        for program in plan.programs.iter().filter(|program| !program.issues.is_empty()) {
            let place = self.place(program)?;
            program.issues.iter().try_for_each(|issue| issue.check(&place))?;
        }
        let mut posted =
            Posted { dry_run: self.settings.dry || self.token.is_none(), ..Posted::default() };
        for program in plan.programs.iter().filter(|program| !program.issues.is_empty()) {
            let place = self.place(program)?;
            let own = self.own(&place)?;
            let mut writing =
                Writing { github: self, place, own, week: plan.week, posted: &mut posted, told };
            for issue in &program.issues {
                writing.write(program, issue)?;
            }
        }
        Ok(posted)
    }

    fn place(&self, program: &PostedProgram) -> Result<Place, PostError> {
        let no_repository = || PostError::NoRepository(program.program.clone());
        let repository = program.repository.clone().ok_or_else(no_repository)?;
        let api = match &self.settings.api {
            Some(api) => api.as_str(),
            None if repository.starts_with(GITHUB) => GITHUB_API,
            None => return Err(PostError::NoApi(bounded(&repository))),
        };
        let path = repository.split_once("://").and_then(|(_, rest)| rest.split_once('/'));
        let names = path.and_then(|(_, path)| path.split_once('/'));
        let is_name = |name: &str| {
            !matches!(name, "" | "." | "..")
                && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte))
        };
        match names {
            Some((owner, name)) if is_name(owner) && is_name(name) => {
                Ok(Place { api: format!("{api}/repos/{owner}/{name}"), repository })
            }
            _ => Err(PostError::NoRepository(program.program.clone())),
        }
    }

    /// The token's user, and the issues that it opened.
    fn own(&self, place: &Place) -> Result<Own, PostError> {
        if self.token.is_none() {
            return Ok(Own { user: String::new(), issues: Vec::new() });
        }
        let user = self.user(place)?;
        let api = &place.api;
        let creator =
            percent::encoded(&user, |_, byte| byte.is_ascii_alphanumeric() || byte == b'-');
        let mut issues: Vec<Issue> =
            self.list(&format!("{api}/issues?state=all&creator={creator}"))?;
        issues.retain(|issue| is_of(issue.user.as_ref(), &user));
        Ok(Own { user, issues })
    }

    fn user(&self, place: &Place) -> Result<String, PostError> {
        if let Some(user) = &self.settings.user {
            return Ok(user.clone());
        }
        let root = place.api.split("/repos/").next().unwrap_or_default();
        match self.get::<User>(&format!("{root}/user")) {
            Ok(user) => Ok(user.login),
            Err(PostError::Refused { url, status: status @ (403 | 404), reason, .. }) => {
                let hint = "; name the token's user with --as, such as `github-actions[bot]`";
                Err(PostError::Refused { url, status, reason, hint })
            }
            Err(other) => Err(other),
        }
    }

    /// All entries of a list whose address ends with a query.
    fn list<T: DeserializeOwned>(&self, address: &str) -> Result<Vec<T>, PostError> {
        let mut all = Vec::new();
        let join = if address.ends_with('?') { "" } else { "&" };
        for page in 1..=PAGES {
            let url = format!("{address}{join}per_page={PAGE}&page={page}");
            let mut entries: Vec<T> = self.get(&url)?;
            let is_last = entries.len() < PAGE;
            all.append(&mut entries);
            if is_last {
                return Ok(all);
            }
        }
        Err(PostError::TooLong(address.to_owned()))
    }

    fn authorization(&self) -> String {
        format!("Bearer {}", self.token.as_deref().unwrap_or_default())
    }

    fn get<T: DeserializeOwned>(&self, url: &str) -> Result<T, PostError> {
        let request = self.agent.get(url).header("Accept", "application/vnd.github+json");
        let request = request.header("X-GitHub-Api-Version", "2022-11-28");
        let request = request.header("Authorization", self.authorization());
        read(url, request.call())
    }

    /// Changes something; `None` if nothing may be changed.
    fn change<T: DeserializeOwned>(
        &self,
        method: &str,
        url: &str,
        body: &Value,
    ) -> Result<Option<T>, PostError> {
        if self.settings.dry || self.token.is_none() {
            return Ok(None);
        }
        std::thread::sleep(self.settings.pause);
        let request = match method {
            "PATCH" => self.agent.patch(url),
            _ => self.agent.post(url),
        };
        let request = request.header("Accept", "application/vnd.github+json");
        let request = request.header("X-GitHub-Api-Version", "2022-11-28");
        let request = request.header("Content-Type", "application/json");
        let request = request.header("Authorization", self.authorization());
        read(url, request.send(body.to_string())).map(Some)
    }
}

impl Writing<'_> {
    fn write(&mut self, program: &PostedProgram, issue: &PostedIssue) -> Result<(), PostError> {
        let number = match &issue.issue {
            Some(address) => Some(number_of(&self.place, address)?),
            None => {
                let mark = mark(&issue.id);
                let mut own = self.own.issues.iter();
                let known = own.find(|issue| has_line(issue.body.as_deref(), &mark));
                // What an issue was opened with needs no comment.
                let told = comment_mark(&issue.id, self.week);
                if known.is_some_and(|known| has_line(known.body.as_deref(), &told)) {
                    self.posted.unchanged += 1;
                    return Ok(());
                }
                known.map(|issue| issue.number)
            }
        };
        match (number, &issue.title, &issue.body, &issue.comment) {
            (None, Some(title), Some(body), _) => self.open(program, issue, title, body),
            (Some(number), _, _, Some(comment)) => self.comment(issue, number, comment),
            _ => {
                self.posted.unchanged += 1;
                Ok(())
            }
        }
    }

    fn open(
        &mut self,
        program: &PostedProgram,
        issue: &PostedIssue,
        title: &str,
        body: &str,
    ) -> Result<(), PostError> {
        if self.posted.opened.len() >= self.github.settings.most {
            self.posted.left += 1;
            return Ok(());
        }
        let labels: Vec<&String> = program.labels.iter().take(MAX_LABELS).collect();
        let new = json!({ "title": title, "body": body, "labels": labels });
        let url = format!("{}/issues", self.place.api);
        let opened: Option<Issue> = self.github.change("POST", &url, &new)?;
        (self.told)(&format!("opened {title}"));
        let url = opened.map(|opened| opened.html_url);
        self.posted.opened.push(Written { id: issue.id.clone(), url, what: title.to_owned() });
        Ok(())
    }

    fn comment(&mut self, issue: &PostedIssue, number: u64, text: &str) -> Result<(), PostError> {
        let of_issue = format!("{}/issues/{number}", self.place.api);
        let mark = comment_mark(&issue.id, self.week);
        let is_asked = self.github.token.is_some();
        let comments: Vec<Comment> = match is_asked {
            true => self.github.list(&format!("{of_issue}/comments?"))?,
            false => Vec::new(),
        };
        let is_known = |comment: &&Comment| {
            is_of(comment.user.as_ref(), &self.own.user) && has_line(comment.body.as_deref(), &mark)
        };
        let known = comments.iter().rev().find(is_known);
        let written = |url: Option<String>| {
            let what = format!("#{number}");
            Written { id: issue.id.clone(), url, what }
        };
        if let Some(known) = known {
            if same(known.body.as_deref().unwrap_or_default(), text) {
                self.posted.unchanged += 1;
                return Ok(());
            }
            let url = format!("{}/issues/comments/{}", self.place.api, known.id);
            let body = json!({ "body": text });
            let replaced: Option<Comment> = self.github.change("PATCH", &url, &body)?;
            (self.told)(&format!("replaced the comment on #{number}"));
            self.posted.replaced.push(written(replaced.map(|comment| comment.html_url)));
            return Ok(());
        }
        // Before the comment: a run that finds the comment does not open the issue again, since people may have
        // closed it after that.
        if issue.reopen && is_asked && self.github.get::<Issue>(&of_issue)?.state == "closed" {
            let open = json!({ "state": "open", "state_reason": "reopened" });
            let reopened: Option<Issue> = self.github.change("PATCH", &of_issue, &open)?;
            (self.told)(&format!("opened #{number} again"));
            self.posted.reopened.push(written(reopened.map(|issue| issue.html_url)));
        }
        let url = format!("{of_issue}/comments");
        let new: Option<Comment> = self.github.change("POST", &url, &json!({ "body": text }))?;
        (self.told)(&format!("commented on #{number}"));
        self.posted.commented.push(written(new.map(|comment| comment.html_url)));
        Ok(())
    }
}

fn read<T: DeserializeOwned>(
    url: &str,
    answer: Result<Response<ureq::Body>, ureq::Error>,
) -> Result<T, PostError> {
    let failed =
        |error: ureq::Error| PostError::Failed { url: url.to_owned(), reason: error.to_string() };
    let mut answer = answer.map_err(failed)?;
    let status = answer.status().as_u16();
    let bytes =
        answer.body_mut().with_config().limit(LONGEST_ANSWER).read_to_vec().map_err(failed)?;
    if !(200..300).contains(&status) {
        #[derive(Deserialize)]
        struct Said {
            message: String,
        }
        let said = serde_json::from_slice::<Said>(&bytes).map(|said| said.message);
        if said.is_err() && serde_json::from_slice::<serde::de::IgnoredAny>(&bytes).is_err() {
            let what = "its answer is not JSON".to_owned();
            return Err(PostError::NotTheApi { url: url.to_owned(), status, what });
        }
        let hint = match status {
            300..=399 => "; if the repository was renamed, correct `repository` in stacks/",
            401 => "; the token in GITHUB_TOKEN is wrong or has expired",
            403 | 429 => {
                "; the token may lack the permission to write issues, or there were too many requests: \
                 wait, and run the command again, which goes on where it was"
            }
            404 => "; the token may not see it, or it does not exist",
            _ => "; run the command again later, which goes on where it was",
        };
        let reason = bounded(&said.unwrap_or_default());
        return Err(PostError::Refused { url: url.to_owned(), status, reason, hint });
    }
    serde_json::from_slice(&bytes).map_err(|error| {
        let what = match error.classify() {
            serde_json::error::Category::Data => {
                format!("its answer is not understood: {}", bounded(&error.to_string()))
            }
            _ => "its answer is not JSON".to_owned(),
        };
        PostError::NotTheApi { url: url.to_owned(), status, what }
    })
}

/// The number of an issue of this repository.
fn number_of(place: &Place, address: &str) -> Result<u64, PostError> {
    let rest = address.strip_prefix(&place.repository);
    let number = rest
        .and_then(|rest| rest.strip_prefix("/issues/"))
        .filter(|number| number.bytes().all(|byte| byte.is_ascii_digit()));
    let number = number.and_then(|number| number.parse().ok());
    number.ok_or_else(|| {
        PostError::NotAPlan(format!("{} is not an issue of {}", bounded(address), place.repository))
    })
}

fn is_of(author: Option<&User>, user: &str) -> bool {
    author.is_some_and(|author| author.login.eq_ignore_ascii_case(user))
}

/// Whether one of the lines is this one.
fn has_line(text: Option<&str>, line: &str) -> bool {
    text.unwrap_or_default().lines().any(|other| other.trim() == line)
}

/// Whether two texts are the same but for line ends and what is around them.
fn same(one: &str, other: &str) -> bool {
    one.trim().lines().map(str::trim_end).eq(other.trim().lines().map(str::trim_end))
}
