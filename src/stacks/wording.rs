//! Titles, texts and comments of issues, in the Markdown of GitHub.
//!
//! Frames, versions, platforms and counters are inside code that they cannot end, where nobody is mentioned and
//! nothing is a link. A title has only letters, digits and a few signs.

use super::news::News;
use super::planned::{Counted, Part, PlannedIssue, PlannedStack};
use crate::aggregate::figure::Interval;
use crate::charts::claims::StackClaims;
use crate::charts::format;
use crate::charts::predicate::quoted;
use crate::collection::frame::function;
use crate::count::count;
use crate::review::markdown::{code, code_block, link_as, thousands};
use jiff::civil::Date;
use std::fmt::Write as _;

/// The longest text that is written, in bytes: trackers refuse more than about 65,000.
pub(super) const LONGEST: usize = 60_000;
/// The longest title, in characters.
const LONGEST_TITLE: usize = 200;
/// The longest claim that is a part of a text.
const LONGEST_CLAIM: usize = 20_000;
/// The most frames of a stack, and characters of a frame.
const FRAMES: usize = 64;
const FRAME: usize = 300;
/// The most versions, platforms and toolchains that are named.
const PARTS: usize = 10;

/// The week that a text is about.
pub(super) struct Week<'a> {
    pub last: Date,
    pub complete: bool,
    /// With how many weeks before it was compared, and the first week that was read.
    pub compared: u64,
    pub from: Date,
    pub confidence: f64,
    pub site: &'a str,
}

/// By this, the issue of a group is found.
pub(super) fn mark(id: &str) -> String {
    format!("<!-- candor stacks {id} -->")
}

/// By this, the comment of a group in a week is found.
pub(super) fn comment_mark(id: &str, week: Date) -> String {
    format!("<!-- candor stacks {id} {week} -->")
}

/// The title of a new issue.
pub(super) fn title(claims: &StackClaims, issue: &PlannedIssue) -> String {
    let prefix = match &claims.title {
        Some(title) => title.value.as_str(),
        None => claims.program.value.as_str(),
    };
    let blamed = issue.blamed.first().map_or("an unknown function", |function| short(function));
    let counter = issue.counts.first().map_or("stack", |counted| counted.counter.as_str());
    let title = format!("{prefix}: {counter} in {blamed}");
    // What a tracker may give a meaning becomes an underscore.
    let plain = |c: char| if c.is_alphanumeric() || " ._-/:()*[],+".contains(c) { c } else { '_' };
    title.chars().map(plain).take(LONGEST_TITLE).collect()
}

/// A function without the folders of its package.
fn short(function: &str) -> &str {
    let name = function.split(['(', '[', '{']).next().unwrap_or(function);
    let start = name.rfind('/').map_or(0, |slash| slash + 1);
    function.get(start..).filter(|short| !short.is_empty()).unwrap_or(function)
}

/// The text of a new issue.
pub(super) fn body(week: &Week<'_>, program: &str, issue: &PlannedIssue) -> String {
    let mut blamed = issue.blamed.iter();
    let first = blamed.next().map_or_else(String::new, |function| code(&cut(function, FRAME)));
    let callers: Vec<String> = blamed.map(|function| code(&cut(function, FRAME))).collect();
    let called = match callers.as_slice() {
        [] => String::new(),
        callers => format!(", called by {}", callers.join(", called by ")),
    };
    let intro = format!(
        "Reports of {} in the week to {} have stacks in {first}{called}, which no issue claims.\n",
        code(program),
        week.last
    );
    let claim = issue.claim.as_ref().filter(|claim| claim.len() <= LONGEST_CLAIM).map(|claim| {
        let lines: Vec<String> = claim.lines().map(str::to_owned).collect();
        format!(
            "\n<details><summary>Claim these stacks for this issue</summary>\n\nWith this claim in the program's \
             file in `stacks/` of the charts folder, with the number of this issue, news of these stacks \
             become comments here. Widen or narrow `when` as you learn more.\n\n{}\n</details>\n",
            code_block("toml", &lines)
        )
    });
    let marks = format!("{}\n{}", mark(&issue.id), comment_mark(&issue.id, week.last));
    fitting(&marks, &intro, week, issue, &claim.unwrap_or_default())
}

/// A comment with the news of a week.
pub(super) fn comment(week: &Week<'_>, program: &str, issue: &PlannedIssue) -> String {
    let mut intro = format!("News of {} in the week to {}:\n\n", code(program), week.last);
    let mut news: Vec<String> = issue.news.iter().map(|news| told(news, week.compared)).collect();
    let more = news.len().saturating_sub(PARTS);
    news.truncate(PARTS);
    if more > 0 {
        news.push(format!("and {more} more"));
    }
    for one in news {
        // Writing to a string does not fail.
        let _ = writeln!(intro, "- {one}");
    }
    fitting(&comment_mark(&issue.id, week.last), &intro, week, issue, "")
}

/// A piece of news in words, if so many weeks before were compared.
pub(crate) fn told(news: &News, compared: u64) -> String {
    match news {
        News::Group => {
            format!("none of {} before has these stacks", count(compared, "week"))
        }
        News::NotFixed { version, fixed } => {
            format!(
                "they are in {}, though they should be fixed since {}",
                code(version),
                code(fixed)
            )
        }
        News::Version { version } => format!("they are in version {}", code(version)),
        News::System { system } => format!("they are on {}", code(system)),
        News::Stacks { count: 1 } => "there is a stack with other functions".to_owned(),
        News::Stacks { count } => format!("there are {count} stacks with other functions"),
    }
}

/// The whole text, with as many stacks as fit.
fn fitting(mark: &str, intro: &str, week: &Week<'_>, issue: &PlannedIssue, end: &str) -> String {
    let text = |shown: usize| {
        let stacks: String = issue.stacks.iter().take(shown).map(shown_stack).collect();
        let left = issue.more_stacks + issue.stacks.len().saturating_sub(shown) as u64;
        let more = match left {
            0 => String::new(),
            left => format!("\n{} in this group, not shown here.\n", are(left)),
        };
        format!("{mark}\n{intro}\n{}{stacks}{more}{end}{}", facts(week, issue), footer(week))
    };
    let most = issue.stacks.len();
    let shown = (1..=most).rev().find(|shown| text(*shown).len() <= LONGEST).unwrap_or(1);
    text(shown)
}

fn are(stacks: u64) -> String {
    match stacks {
        1 => "One more stack is".to_owned(),
        many => format!("{many} more stacks are"),
    }
}

fn facts(week: &Week<'_>, issue: &PlannedIssue) -> String {
    let mut out = String::new();
    for counted in &issue.counts {
        let _ = writeln!(out, "- **Installations:** {}", installations(counted));
    }
    let first = match issue.first_week == week.from {
        true => format!("in the week to {} or before", issue.first_week),
        false => format!("in the week to {}", issue.first_week),
    };
    let _ = writeln!(out, "- **First seen:** {first}");
    for (what, parts) in [
        ("Versions", &issue.versions),
        ("Platforms", &issue.platforms),
        ("Toolchains", &issue.toolchains),
    ] {
        let _ = writeln!(out, "- **{what}:** {}", listed(parts));
    }
    out
}

/// How many installations have stacks of a counter.
pub(crate) fn installations(counted: &Counted) -> String {
    let Interval { value, low, high } = counted.installations;
    let share = counted.share;
    format!(
        "about {} ({} to {}), {} ({} to {}) of those that could report {}; in {}",
        thousands(value),
        thousands(low.min(value)),
        thousands(high.max(value)),
        percent(share.value),
        percent(share.low),
        percent(share.high),
        code(&counted.counter),
        count(counted.reports, "report")
    )
}

/// A share in percent, with two digits that say something.
fn percent(share: f64) -> String {
    let percent = share * 100.0;
    match percent {
        p if p <= 0.0 => "0%".to_owned(),
        p if p < 0.001 => "under 0.001%".to_owned(),
        p if p < 0.01 => format!("{p:.4}%"),
        p if p < 0.1 => format!("{p:.3}%"),
        p if p < 1.0 => format!("{p:.2}%"),
        p if p < 10.0 => format!("{p:.1}%"),
        p => format!("{p:.0}%"),
    }
}

fn listed(parts: &[Part]) -> String {
    let named = parts.iter().take(PARTS);
    let named: Vec<String> =
        named.map(|part| format!("{} ({})", code(&part.name), part.reports)).collect();
    match parts.len().saturating_sub(PARTS) {
        0 => named.join(", "),
        more => format!("{} and {more} more", named.join(", ")),
    }
}

fn shown_stack(stack: &PlannedStack) -> String {
    let mut frames: Vec<String> =
        stack.frames.iter().take(FRAMES).map(|frame| cut(frame, FRAME)).collect();
    match stack.frames.len().saturating_sub(FRAMES) {
        0 => {}
        more => frames.push(format!("({} left out)", count(more as u64, "frame"))),
    }
    let page = stack.page.as_ref().map(|page| format!(", {}", link_as("on the site", page)));
    format!(
        "\n{}n {} ({}){}:\n\n{}",
        if stack.is_new { "New, i" } else { "I" },
        count(stack.reports, "report"),
        code(&stack.counter),
        page.unwrap_or_default(),
        code_block("text", &frames)
    )
}

fn footer(week: &Week<'_>) -> String {
    let provisional = match week.complete {
        true => "",
        false => "Reports of this week may still arrive. ",
    };
    format!(
        "\n{provisional}Numbers in parentheses after a name are reports; ranges hold at {}% confidence, by {}. \
         Only a sample of those who opted in report, and anyone who did can send any stack: it is a hint, not a \
         proof.\n",
        (week.confidence * 1000.0).round() / 10.0,
        link_as("the public data", &format!("{}/data/", week.site))
    )
}

fn cut(text: &str, characters: usize) -> String {
    match text.char_indices().nth(characters) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

/// A claim of a group, as TOML to paste: it claims the group's most frequent stack.
pub(super) fn claim(claims: &StackClaims, issue: &PlannedIssue) -> String {
    let repository = claims.repository.as_ref().map(|repository| repository.value.as_str());
    let issues = repository.unwrap_or("https://example.org/OWNER/NAME");
    let Some(stack) = issue.stacks.first() else { return String::new() };
    let frames: Vec<&str> = stack.frames.iter().map(String::as_str).collect();
    let blamed = claims.blamed(&frames);
    let words = blamed.iter().filter_map(|at| frames.get(*at)).map(|frame| quoted(function(frame)));
    let when = format!("top {}", words.collect::<Vec<_>>().join(" && "));
    let lines = frames.join("\n");
    // What has a meaning between triple quotes is written on one line, with escapes.
    let example = match lines.contains(['\\', '"'])
        || lines.contains(|c: char| c.is_control() && c != '\n')
    {
        true => format::string(&lines),
        false => format!("\"\"\"\n{lines}\n\"\"\""),
    };
    format!(
        "[[claim]]\nissue = {}\nwhen = {}\nstacks = [{example}]\n",
        format::string(&format!("{issues}/issues/N")),
        format::string(&when)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aggregate::figure::Base;
    use crate::charts::location::{At, Location};
    use crate::charts::program_path::ProgramPath;
    use crate::stacks::planned::Action;

    const WEEK: Date = jiff::civil::date(2026, 2, 8);

    fn claims() -> StackClaims {
        let location = Location { file: "stacks/p.toml".into(), line: 1, column: 1 };
        let value = ProgramPath::parse("example.org/p").expect("a path");
        StackClaims::of(At { value, location })
    }

    fn issue(frame: &str, frames: usize) -> PlannedIssue {
        let interval = Interval { value: 0.0123, low: 0.004, high: 0.0311 };
        let stack = || PlannedStack {
            counter: "crash/crash".to_owned(),
            frames: vec![frame.to_owned(); frames],
            reports: 3,
            first_week: WEEK,
            is_new: false,
            page: Some(
                "https://example.org/counters/example.org/p/crash/crash#stack-00".to_owned(),
            ),
        };
        let part = |name: &str| vec![Part { name: name.to_owned(), reports: 3 }];
        PlannedIssue {
            id: "0123456789abcdef".to_owned(),
            action: Action::Open,
            issue: None,
            blamed: vec![frame.to_owned()],
            counts: vec![Counted {
                counter: "crash/crash".to_owned(),
                reports: 3,
                installations: Interval { value: 1234.0, low: 401.2, high: 3120.9 },
                share: interval,
                base: Base::default(),
            }],
            first_week: WEEK,
            versions: part("v1.0.0"),
            platforms: part("linux/amd64"),
            toolchains: part("go1.26.8"),
            stacks: (0..5).map(|_| stack()).collect(),
            more_stacks: 1,
            news: vec![News::Stacks { count: 2 }],
            reopen: false,
            claim: None,
            title: None,
            body: None,
            comment: None,
        }
    }

    fn week() -> Week<'static> {
        let site = "https://example.org";
        Week { last: WEEK, complete: true, compared: 3, from: WEEK, confidence: 0.99, site }
    }

    #[test]
    fn an_estimate_is_said_with_its_range() {
        let said = installations(&issue("p.f", 1).counts[0]);
        let expected = "about 1,234 (401 to 3,121), 1.2% (0.40% to 3.1%) of those that could report \
                        `crash/crash`; in 3 reports";
        assert_eq!(said, expected);
        for (share, said) in [
            (0.0, "0%"),
            (0.000_001, "under 0.001%"),
            (0.000_05, "0.0050%"),
            (0.000_5, "0.050%"),
            (0.005, "0.50%"),
            (0.05, "5.0%"),
            (0.123, "12%"),
            (1.0, "100%"),
        ] {
            assert_eq!(percent(share), said, "{share}");
        }
    }

    #[test]
    fn a_title_has_the_function_without_its_folders_and_nothing_with_a_meaning() {
        for (function, title) in [
            (
                "golang.org/x/tools/gopls/internal/cache.(*Session).NewView",
                "cache.(*Session).NewView",
            ),
            ("p::run::{closure}", "p::run::_closure_"),
            ("example.org/list.(*List[...]).Push", "list.(*List[...]).Push"),
            (
                "type:.eq.struct { A string \"@all #1 </b>\" }",
                "type:.eq.struct _ A string __all _1 _/b_",
            ),
        ] {
            let title = format!("example.org/p: crash/crash in {title}");
            let found = super::title(&claims(), &issue(function, 1));
            assert!(found.starts_with(&title), "{found}");
        }
        assert!(super::title(&claims(), &issue(&"x".repeat(4000), 1)).len() <= LONGEST_TITLE);
    }

    #[test]
    fn every_text_fits_however_long_stacks_are() {
        let mut issue = issue(&"é`".repeat(2000), 129);
        issue.claim = Some(claim(&claims(), &issue));
        for text in
            [body(&week(), "example.org/p", &issue), comment(&week(), "example.org/p", &issue)]
        {
            assert!(text.len() <= LONGEST, "{}", text.len());
            assert!(text.contains("in this group, not shown here"), "{text}");
            assert!(text.contains("(65 frames left out)"), "{text}");
        }
    }

    #[test]
    fn a_claim_of_any_frame_claims_it() {
        for frame in
            ["p.f:+1", "type:.eq.struct { A string \"a\\\"b\" }:+1", "'''", "\"\"\"", "a\\b"]
        {
            let text = claim(&claims(), &issue(frame, 3));
            let read: toml::Table = text.parse().unwrap_or_else(|error| panic!("{text}: {error}"));
            let claim = &read["claim"][0];
            let when = claim["when"].as_str().expect("a predicate");
            let when = crate::charts::predicate::Predicate::parse(when);
            let stack = claim["stacks"][0].as_str().expect("a stack").trim_end();
            let frames: Vec<&str> = stack.lines().collect();
            assert_eq!(frames, [frame; 3], "{text}");
            assert!(when.is_ok_and(|when| when.matches(&frames, Some(0))), "{text}");
        }
    }
}
