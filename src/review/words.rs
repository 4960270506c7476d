//! A proposal in words: the document that is shown as plain text, and as a comment in Markdown.
//!
//! What comes from a proposal is never obeyed: in text every piece is a [`OneLine`]; in Markdown names are code,
//! titles are escaped and mention nobody, and only addresses of the web become links.

use super::claims::ClaimsProposal;
use super::markdown::{code, inert, link, message, thousands};
use super::proposal::{
    Accuracy, ChartBefore, ChartSummary, CountedShare, NotCompared, PopulationChange,
    ProgramProposal, Proposal, SamplingSummary,
};
use crate::collection::config::Rate;
use crate::collection::difference::{Change, Phrase};
use crate::count::count;
use crate::terminal::OneLine;
use jiff::civil::Date;
use std::fmt::Write;

/// The most names of a change that are shown one by one.
const NAMES: usize = 6;
/// How many are shown of more.
const SHOWN: usize = 4;
/// The longest group that is shown whole, in bytes.
const LONGEST: usize = 120;
/// Begins what stands for names that are left out.
pub(super) const CUT: &str = "…";
/// The most names of a list that are all shown.
const LISTED: usize = 20;
/// How many are shown of a longer one.
const FIRST: usize = 10;

/// A piece of a sentence.
#[derive(Clone)]
pub(super) enum Piece {
    /// Words of ours.
    Words(String),
    /// A string of a config.
    Name(String),
    /// A text of the proposal.
    Title(String),
    /// What is wrong, with what it quotes between backquotes.
    Message(String),
    /// An address.
    Link(String),
}

/// A sentence of a document.
pub(super) struct Item {
    /// The whole sentence.
    pub(super) whole: Vec<Piece>,
    /// The sentence with long lists cut, if it has any.
    pub(super) short: Option<Vec<Piece>>,
    /// The groups of what is newly collected that the short sentence cuts or leaves out, whole.
    pub(super) groups: Vec<String>,
}

impl From<Vec<Piece>> for Item {
    fn from(whole: Vec<Piece>) -> Item {
        Item { whole, short: None, groups: Vec::new() }
    }
}

/// A document: headings, each with its items.
pub(super) struct Document(pub(super) Vec<(Vec<Piece>, Vec<Item>)>);

/// The proposal as text for a terminal, whole: nothing in it is cut.
pub fn text(proposal: &Proposal) -> String {
    let mut out = String::new();
    for (heading, items) in document(proposal).0 {
        // Writing to a string does not fail.
        let _ = writeln!(out, "{}", OneLine(plain(&heading)));
        for item in items {
            let _ = writeln!(out, "  {}", OneLine(plain(&item.whole)));
        }
    }
    out
}

pub(super) fn document(proposal: &Proposal) -> Document {
    let mut parts: Vec<(Vec<Piece>, Vec<Item>)> = Vec::new();
    if let Some(not_compared) = &proposal.not_compared {
        let heading =
            "Nothing can be compared: the definitions that this would change have mistakes";
        parts.push((vec![words(heading)], vec![mistakes(not_compared).into()]));
    }
    if proposal.changes_nothing() && proposal.not_compared.is_none() {
        parts
            .push((vec![words("This proposal changes nothing of what is collected.")], Vec::new()));
    }
    if !proposal.everywhere.is_empty() {
        let items = proposal.everywhere.iter().map(change).collect();
        parts.push((vec![words("All programs")], items));
    }
    for program in &proposal.programs {
        parts.push((vec![Piece::Name(program.program.clone())], program_items(program, proposal)));
    }
    if !proposal.expiring.is_empty() {
        let items = proposal.expiring.iter().map(|chart| {
            let last = chart.expires.unwrap_or(proposal.as_of);
            let until = match last < proposal.as_of {
                true => format!(" expired on {last}, and is not collected any more"),
                false => format!(" is collected until {last}"),
            };
            vec![title(chart), words(until)].into()
        });
        parts.push((vec![words("About to expire, or expired")], items.collect()));
    }
    if !proposal.allowed.is_empty() {
        let items = proposal.allowed.iter().map(|allowed| {
            let place = format!("{}:{}", allowed.file, allowed.line);
            let because = [words(" allowed in "), name(&place), words(", because: ")];
            let mut item = vec![name(allowed.code)];
            item.extend(because);
            item.push(Piece::Title(allowed.reason.clone()));
            item.into()
        });
        parts.push((vec![words("Allowed by this proposal itself")], items.collect()));
    }
    for claims in &proposal.claims {
        let heading = vec![words("Claims of stacks of "), name(&claims.program)];
        parts.push((heading, claim_items(claims).into_iter().map(Item::from).collect()));
    }
    Document(parts)
}

/// Why nothing is compared.
fn mistakes(not_compared: &NotCompared) -> Vec<Piece> {
    let NotCompared { commit, place, mistake, more } = not_compared;
    let more = match more {
        0 => String::new(),
        more => format!(" (and {} more)", count(*more, "mistake")),
    };
    vec![
        words("in commit "),
        name(commit.get(..12).unwrap_or(commit)),
        words(": "),
        name(place),
        words(": "),
        Piece::Message(mistake.clone()),
        words(format!("{more}; below is everything that the new definitions collect")),
    ]
}

fn claim_items(claims: &ClaimsProposal) -> Vec<Vec<Piece>> {
    let mut items = Vec::new();
    let lists = [
        ("claims stacks that match ", &claims.added),
        ("no longer claims stacks that match ", &claims.removed),
    ];
    for (verb, list) in lists {
        for claim in list {
            let mut item = vec![words(verb), name(&claim.when)];
            item.extend([words(" for "), Piece::Link(claim.issue.clone())]);
            if let Some(version) = &claim.fixed {
                item.extend([words(", fixed in "), name(version)]);
            }
            items.push(item);
        }
    }
    if claims.settings {
        let what = "changes how stacks are grouped, or where and how their issues are opened";
        items.push(vec![words(what)]);
    }
    if claims.examples > 0 {
        let more = count(claims.examples, "claim");
        items.push(vec![words(format!("changes the examples of {more}"))]);
    }
    items
}

fn program_items(program: &ProgramProposal, proposal: &Proposal) -> Vec<Item> {
    let mut items: Vec<Item> = program
        .changes
        .iter()
        .filter(|change| !matches!(change, Change::Program { now: true, .. }))
        .map(|of| {
            let Item { whole, short, groups } = change(of);
            let without = |sentence| without_program(sentence, &program.program);
            Item { whole: without(whole), short: short.map(without), groups }
        })
        .collect();
    for (charts, verb) in [
        (&program.added, "asked for by "),
        (&program.removed, "no longer asked for by "),
        (&program.reordered, "the same buckets in another order: "),
        (&program.reworded, "only the words change of "),
    ] {
        items.extend(charts.iter().map(|chart| asking(verb, chart, proposal).into()));
    }
    items.extend(program.changed.iter().map(|chart| changing(chart).into()));
    items.extend(resampled(&program.resampled, proposal));
    let is_about_rates = |change: &Change| {
        matches!(change, Change::Collected { .. } | Change::Rate { .. } | Change::Program { .. })
    };
    if let Some(sampling) = &program.sampling
        && program.changes.iter().any(is_about_rates)
    {
        items.push(sampled(sampling).into());
    } else if let Some(change) = &program.population {
        items.push(population(change).into());
    }
    items
}

/// Another number of installations, where no rate changes with it.
fn population(PopulationChange { now, before }: &PopulationChange) -> Vec<Piece> {
    let number = |number: u64| thousands(number as f64);
    let said = match (now, before) {
        (Some(now), Some(before)) => {
            format!("`population` is {} (before, {})", number(*now), number(*before))
        }
        (Some(now), None) => format!("`population` is {} (before, none was stated)", number(*now)),
        (None, before) => {
            format!("`population` is not stated any more (before, {})", number(before.unwrap_or(0)))
        }
    };
    vec![words(format!("{said}; no rate changes with it"))]
}

/// A sentence without "of PROGRAM", which its heading says.
fn without_program(mut sentence: Vec<Piece>, program: &str) -> Vec<Piece> {
    let at = sentence.windows(2).position(|pair| {
        matches!(pair, [Piece::Words(of), Piece::Name(name)] if of == " of " && name == program)
    });
    if let Some(at) = at {
        sentence.drain(at..at + 2);
    }
    sentence
}

fn asking(verb: &str, chart: &ChartSummary, proposal: &Proposal) -> Vec<Piece> {
    let mut item = vec![words(verb), title(chart), words(format!(", a {}", chart.kind))];
    match chart.expires {
        Some(day) => item.push(words(format!(" until {day}"))),
        None => item.push(words(" without an end")),
    }
    for (at, issue) in chart.issue.iter().enumerate() {
        item.push(words(if at == 0 { ", discussed in " } else { ", " }));
        item.push(Piece::Link(issue.clone()));
    }
    if let Some(before) = &chart.before {
        item.extend(end_before(chart.expires, before));
        item.extend(discussed_before(before));
    }
    if let (Some(accuracy), Some(confidence)) = (chart.accuracy, proposal.confidence) {
        item.extend(expected(chart, accuracy, confidence * 100.0));
    } else if let Some(since) = &chart.since {
        item.extend([words("; counts "), name(since), words(" and later")]);
    }
    item
}

/// A chart of which only the last day or the discussions change.
fn changing(chart: &ChartSummary) -> Vec<Piece> {
    let mut item = vec![words("changed: "), title(chart), words(format!(", a {}", chart.kind))];
    let Some(before) = &chart.before else { return item };
    if before.expires.is_some() {
        item.push(words(match chart.expires {
            Some(day) => format!(", collected until {day}"),
            None => ", collected without an end".to_owned(),
        }));
        item.extend(end_before(chart.expires, before));
    }
    if before.issue.is_some() {
        item.push(words(", now discussed in "));
        item.extend(links(&chart.issue));
        item.extend(discussed_before(before));
    }
    item
}

/// Which last day a chart had, and how much longer it is collected.
fn end_before(now: Option<Date>, before: &ChartBefore) -> Option<Piece> {
    let text = match (before.expires?, now) {
        (None, _) => " (before, it had no end)".to_owned(),
        (Some(was), None) => format!(" (before, until {was})"),
        (Some(was), Some(now)) => {
            let days = was.until(now).map_or(0, |span| span.get_days());
            let how = if days < 0 { "shorter" } else { "longer" };
            format!(" (before, until {was}: {} {how})", long(days.unsigned_abs()))
        }
    };
    Some(words(text))
}

/// So many days, in words.
fn long(days: u32) -> String {
    match days {
        1 => "1 day".to_owned(),
        0..=60 => format!("{days} days"),
        61..=730 => format!("about {:.0} months", f64::from(days) / 30.44),
        _ => format!("about {:.0} years", f64::from(days) / 365.25),
    }
}

/// Where a chart was discussed before.
fn discussed_before(before: &ChartBefore) -> Vec<Piece> {
    let Some(issue) = &before.issue else { return Vec::new() };
    let mut pieces = vec![words(" (before, in ")];
    pieces.extend(links(issue));
    pieces.push(words(")"));
    pieces
}

fn links(addresses: &[String]) -> Vec<Piece> {
    let mut pieces = Vec::new();
    for (at, address) in addresses.iter().enumerate() {
        if at > 0 {
            pieces.push(words(", "));
        }
        pieces.push(Piece::Link(address.clone()));
    }
    pieces
}

/// Charts that are as accurate as each other, and were before, share a sentence.
fn resampled(charts: &[ChartSummary], proposal: &Proposal) -> Vec<Item> {
    let Some(confidence) = proposal.confidence else { return Vec::new() };
    let mut groups: Vec<(String, Vec<Piece>, Vec<&ChartSummary>)> = Vec::new();
    for chart in charts {
        let was = chart.before.as_ref().and_then(|before| before.accuracy);
        let (Some(now), Some(was)) = (chart.accuracy, was) else { continue };
        let mut said = expected(chart, now, confidence * 100.0);
        let (reports, error) = (reports(was.reports), points(was.error));
        said.push(words(format!(" (before, {reports} and {error})")));
        let key = plain(&said);
        match groups.iter_mut().find(|(known, _, _)| *known == key) {
            Some((_, _, charts)) => charts.push(chart),
            None => groups.push((key, said, vec![chart])),
        }
    }
    let items = groups.into_iter().map(|(_, said, charts)| {
        let named = |most: usize| {
            let mut item = vec![words("another accuracy: ")];
            for (at, chart) in charts.iter().take(most).enumerate() {
                item.extend([words(if at == 0 { "" } else { ", " }), title(chart)]);
            }
            if charts.len() > most {
                item.push(words(format!(", {CUT} {} more", charts.len() - most)));
            }
            item
        };
        let with = |mut item: Vec<Piece>| {
            item.extend(said.iter().cloned());
            item
        };
        let short = (charts.len() > NAMES).then(|| with(named(SHOWN)));
        Item { whole: with(named(usize::MAX)), short, groups: Vec::new() }
    });
    items.collect()
}

/// A number of reports.
fn reports(number: f64) -> String {
    let number = thousands(number);
    let plural = if number == "1" { "" } else { "s" };
    format!("{number} report{plural}")
}

/// How many reports are expected, and how accurate a share is then.
fn expected(chart: &ChartSummary, accuracy: Accuracy, confidence: f64) -> Vec<Piece> {
    let (reports, error) = (reports(accuracy.reports), points(accuracy.error));
    let Some(since) = &chart.since else {
        return vec![words(format!(
            "; about {reports} a week, so each share is within {error} at {confidence}% confidence"
        ))];
    };
    let since = name(since);
    match chart.counted {
        None => vec![
            words("; counts "),
            since,
            words(format!(
                " and later, and it is not known how many installations have those: at most {reports} a week, so each \
                 share is within {error} at best, at {confidence}% confidence"
            )),
        ],
        Some(CountedShare { share: 0.0, week }) => vec![
            words("; counts "),
            since,
            words(format!(
                " and later, which nobody had in the week until {week}, so its accuracy is not known yet"
            )),
        ],
        Some(CountedShare { share, week }) => vec![
            words("; counts "),
            since,
            words(format!(
                " and later, which {} had in the week until {week}: about {reports} a week, so each \
                 share is within {error} at {confidence}% confidence",
                of_installations(share)
            )),
        ],
    }
}

/// A share of the installations.
fn of_installations(share: f64) -> String {
    let percent = share * 100.0;
    match percent {
        ..0.1 => "fewer than 0.1% of the installations".to_owned(),
        0.1..9.95 => format!("{percent:.1}% of the installations"),
        _ => format!("{percent:.0}% of the installations"),
    }
}

fn sampled(sampling: &SamplingSummary) -> Vec<Piece> {
    let whose = match &sampling.since {
        Some(first) => vec![words(" of the installations with "), name(first), words(" or later")],
        None => vec![words(" of the installations")],
    };
    let (now, before) = match sampling.rate_before {
        Some(before) => {
            let (before, now) = Rate::percents(before, sampling.rate);
            (now.to_string(), format!(", before it was {before}"))
        }
        None => (sampling.rate.percent().to_string(), String::new()),
    };
    let most = if sampling.since.is_some() { "at most" } else { "about" };
    let reports = match sampling.population {
        Some(population) => format!(
            ": {most} {} a week from {}",
            reports(population as f64 * sampling.rate.get()),
            thousands(population as f64)
        ),
        None => "; nobody says how many there are, so the accuracy is unknown (set `population`)"
            .to_owned(),
    };
    let mut item = vec![words(now)];
    item.extend(whose);
    item.push(words(format!(" report it{before}{reports}")));
    item
}

/// A change as a sentence in plain text, with long lists of versions cut.
pub fn change_in_short(of: &Change) -> String {
    plain(&in_short(of))
}

/// A change, whole and with long lists cut.
fn change(change: &Change) -> Item {
    let phrases = change.sentence().into_iter();
    let whole: Vec<Piece> = phrases
        .map(|phrase| match phrase {
            Phrase::Words(words) => Piece::Words(words),
            Phrase::Name(name) => Piece::Name(name),
        })
        .collect();
    let short = in_short(change);
    if plain(&short) == plain(&whole) {
        return whole.into();
    }
    let names_of = |pieces: &[Piece]| -> Vec<String> {
        let name = |piece: &Piece| match piece {
            Piece::Name(name) => Some(name.clone()),
            _ => None,
        };
        pieces.iter().filter_map(name).collect()
    };
    let shown = names_of(&short);
    let groups = match change {
        Change::Collected { .. } => {
            names_of(&whole).into_iter().filter(|name| !shown.contains(name)).collect()
        }
        _ => Vec::new(),
    };
    Item { whole, short: Some(short), groups }
}

/// A change, with long lists cut.
fn in_short(change: &Change) -> Vec<Piece> {
    let phrases = shortened(change).sentence();
    let pieces = phrases.into_iter().map(|phrase| match phrase {
        Phrase::Words(words) => Piece::Words(words),
        // Stands for the names that are left out.
        Phrase::Name(name) if name.starts_with(CUT) => Piece::Words(name),
        Phrase::Name(name) => Piece::Name(short_group(&name)),
    });
    without_most(pieces.collect())
}

/// A sentence of which the first long list of names is cut.
fn without_most(pieces: Vec<Piece>) -> Vec<Piece> {
    let goes_on = |piece: &Piece| match piece {
        Piece::Name(_) => true,
        Piece::Words(words) => words == ", " || words == " and ",
        _ => false,
    };
    let Some(first) = pieces.iter().position(|piece| matches!(piece, Piece::Name(_))) else {
        return pieces;
    };
    // Between two names there is a comma or an \"and\".
    let list = pieces.iter().skip(first).take_while(|piece| goes_on(piece)).count();
    let names = list.div_ceil(2);
    if names <= LISTED {
        return pieces;
    }
    let mut short = Vec::new();
    for (at, piece) in pieces.into_iter().enumerate() {
        if at == first + list {
            short.push(words(format!(", {CUT} {} more", names - FIRST)));
        }
        if at < first + 2 * FIRST - 1 || at >= first + list {
            short.push(piece);
        }
    }
    short
}

/// A group with its first buckets, and how many more it has; a short one as it is.
fn short_group(group: &str) -> String {
    let Some((stem, buckets)) = group.split_once('{').filter(|_| group.len() > LONGEST) else {
        return group.to_owned();
    };
    let buckets: Vec<&str> = buckets.trim_end_matches('}').split(',').collect();
    let mut length = 0;
    let shown = buckets.iter().take_while(|bucket| {
        length += bucket.len() + 1;
        length <= LONGEST / 2
    });
    let shown: Vec<&str> = shown.copied().collect();
    let more = buckets.len() - shown.len();
    format!("{stem}{{{},{CUT} {more} more}}", shown.join(","))
}

fn shortened(change: &Change) -> Change {
    let mut short = change.clone();
    let (Change::Versions { versions: names, .. } | Change::Environments { names, .. }) =
        &mut short
    else {
        return short;
    };
    if names.len() > NAMES {
        let more = names.len() - SHOWN;
        let last = names.last().cloned().unwrap_or_default();
        names.truncate(SHOWN - 1);
        names.push(format!("{CUT} {more} more"));
        names.push(last);
    }
    short
}

fn words(words: impl Into<String>) -> Piece {
    Piece::Words(words.into())
}

fn name(name: &str) -> Piece {
    Piece::Name(name.to_owned())
}

fn title(chart: &ChartSummary) -> Piece {
    Piece::Title(chart.title.clone())
}

fn plain(pieces: &[Piece]) -> String {
    let text = |piece: &Piece| match piece {
        Piece::Words(words) | Piece::Message(words) => words.clone(),
        Piece::Name(name) => format!("`{name}`"),
        Piece::Title(title) => format!("\"{title}\""),
        Piece::Link(address) => address.clone(),
    };
    pieces.iter().map(text).collect()
}

pub(super) fn marked(pieces: &[Piece]) -> String {
    let text = |piece: &Piece| match piece {
        Piece::Words(words) => words.clone(),
        Piece::Name(name) => code(name),
        Piece::Title(title) => format!("“{}”", inert(title)),
        Piece::Message(text) => message(text),
        Piece::Link(address) => link(address),
    };
    pieces.iter().map(text).collect()
}

/// An error in percentage points.
pub(crate) fn points(error: f64) -> String {
    let percent = error * 100.0;
    let text = if percent < 10.0 { format!("{percent:.1}") } else { format!("{percent:.0}") };
    match text.strip_suffix(".0").unwrap_or(&text) {
        "1" => "1 point".to_owned(),
        many => format!("{many} points"),
    }
}
