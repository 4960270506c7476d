//! `/charts/@all`: every chart, counter and stack counter, found by name. A form without script; the answer is
//! there as `/charts/@all.json` too.
//!
//! It is made from the newest definitions and the newest config alone, so it costs the same however many
//! weeks there are; an answer has at most [`LISTED`] rows.

use super::address::{self, Form, Weeks};
use super::tables::{name, path};
use crate::collection::{CollectionConfig, count_of, expand};
use crate::percent;
use crate::publish::{Catalogue, RESERVED};
use crate::web::draw;
use crate::web::numbers::{counted, grouped};
use crate::web::pages::counters::address as counter_address;
use crate::web::pages::layout;
use crate::web::public::ShownCatalogue;
use crate::web::source::LoadedConfig;
use jiff::civil::Date;
use maud::{Markup, html};
use serde::Serialize;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

/// The most rows of an answer.
pub(super) const LISTED: usize = 200;
/// The most bytes of a text to find.
const TEXT: usize = 200;
/// The titles of the charts that every program has, in the order of [`RESERVED`].
const AUTOMATIC: [&str; 3] = ["Program versions", "Platforms", "Toolchains"];

/// The types to choose from: the value in the address, and its name.
const TYPES: [(&str, &str); 8] = [
    ("", "everything"),
    ("chart", "charts"),
    ("partition", "partitions"),
    ("histogram", "histograms"),
    ("timeseries", "time series"),
    ("ratio", "ratios"),
    ("stack", "stacks"),
    ("counter", "counters"),
];

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Asked {
    text: String,
    program: String,
    kind: String,
    /// From 1.
    page: usize,
}

impl Asked {
    /// Reads the query of an address. What it does not know is ignored.
    pub(super) fn parse(query: &str) -> Asked {
        let mut asked = Asked { page: 1, ..Asked::default() };
        for (key, value) in query.split('&').filter_map(|pair| pair.split_once('=')) {
            let value = decoded(value);
            match key {
                "q" => asked.text = value,
                "program" => asked.program = value,
                "type" if TYPES.iter().any(|(known, _)| *known == value) => asked.kind = value,
                "page" => asked.page = value.parse().unwrap_or(1).max(1),
                _ => {}
            }
        }
        asked
    }

    /// The title of its page.
    pub(super) fn title(&self) -> String {
        let mut title = "All charts and counters".to_owned();
        let given = [("named", &self.text), ("of", &self.program), ("of type", &self.kind)];
        for (what, value) in given.into_iter().filter(|(_, value)| !value.is_empty()) {
            title.push_str(&format!(" {what} {}", draw::plain(value)));
        }
        if self.page > 1 {
            title.push_str(&format!(", page {}", self.page));
        }
        title
    }

    /// The address of the same as JSON.
    pub(super) fn json_address(&self) -> String {
        self.address().replacen("@all", "@all.json", 1)
    }

    /// The same as an address.
    pub(super) fn address(&self) -> String {
        let mut pairs = Vec::new();
        let given = [("q", &self.text), ("program", &self.program), ("type", &self.kind)];
        for (key, value) in given.into_iter().filter(|(_, value)| !value.is_empty()) {
            pairs.push(format!("{key}={}", query(value)));
        }
        if self.page > 1 {
            pairs.push(format!("page={}", self.page));
        }
        match pairs.as_slice() {
            [] => "/charts/@all".to_owned(),
            pairs => format!("/charts/@all?{}", pairs.join("&")),
        }
    }
}

/// The address that finds all charts of a program.
pub(super) fn charts_of(program: &str) -> String {
    let (program, kind) = (program.to_owned(), "chart".to_owned());
    Asked { program, kind, page: 1, ..Asked::default() }.address()
}

/// The address that finds a text.
pub(in crate::web) fn search(text: &str) -> String {
    Asked { text: cut(text).to_owned(), page: 1, ..Asked::default() }.address()
}

/// A value in a query.
fn query(value: &str) -> String {
    percent::encoded(value, |_, byte| byte.is_ascii_alphanumeric() || b"-._~/:".contains(&byte))
}

/// The beginning of a text, of a size that is searched for.
fn cut(text: &str) -> &str {
    let end = (0..=TEXT).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    text.get(..end).unwrap_or(text).trim()
}

/// A value of a form, as browsers send it (`application/x-www-form-urlencoded`); nothing if it is no text.
fn decoded(value: &str) -> String {
    let text = percent::decoded_where_possible(&value.replace('+', " ")).unwrap_or_default();
    cut(&text).to_owned()
}

/// Whether a text has a part, in capital or small letters.
pub(in crate::web) fn contains(text: &str, part: &str) -> bool {
    let (text, part) = (text.as_bytes(), part.as_bytes());
    part.is_empty() || text.windows(part.len()).any(|window| window.eq_ignore_ascii_case(part))
}

/// What is searched.
#[derive(Debug, Default)]
pub(super) struct Searched {
    catalogue: Arc<ShownCatalogue>,
    /// The newest config.
    config: Option<Arc<LoadedConfig>>,
    /// The newest week with charts.
    week: Option<Date>,
    /// What identifies all of this.
    pub(super) key: String,
}

impl Searched {
    /// `week` is the newest one with charts.
    pub(super) fn new(
        catalogue: Arc<ShownCatalogue>,
        config: Option<Arc<LoadedConfig>>,
        week: Option<Date>,
    ) -> Searched {
        let of = config.as_ref().map(|config| config.version);
        let key = format!("{of:?} {week:?} {}", catalogue.key);
        Searched { catalogue, config, week, key }
    }

    fn config(&self) -> Option<&CollectionConfig> {
        self.config.as_ref()?.config.as_ref().ok()
    }

    /// The newest week with charts, and the programs of which charts are in an answer.
    pub(super) fn charted(&self, asked: &Asked) -> Option<(Date, BTreeSet<String>)> {
        let Answer { rows, .. } =
            find(asked, self.catalogue.catalogue.as_ref(), self.config(), self.week);
        let of_charts = rows.into_iter().filter(|row| row.chart.is_some());
        Some((self.week?, of_charts.map(|row| row.program).collect()))
    }

    /// A chart that the newest week does not have, since it was defined later, has no page: only its counter has.
    fn find(&self, asked: &Asked, there: &There) -> Answer {
        let mut answer = find(asked, self.catalogue.catalogue.as_ref(), self.config(), self.week);
        for row in &mut answer.rows {
            let Some((id, counter)) = &row.chart else { continue };
            let of_program = there.get(&row.program);
            if self.week.is_some() && of_program.is_none_or(|ids| !ids.contains(id)) {
                let first = counter.as_deref().and_then(|counter| expand(counter).next());
                row.address =
                    first.and_then(|first| counter_address::counter(&row.program, &first));
                row.is_charted = of_program.is_some_and(|ids| !ids.is_empty());
            }
        }
        answer
    }
}

/// The ids of the charts that programs have in the newest week.
pub(super) type There = HashMap<String, HashSet<String>>;

/// Something that was found.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Found {
    /// Its kind, in words.
    what: String,
    #[serde(rename = "name")]
    shown: String,
    program: String,
    /// Its page.
    #[serde(rename = "page", skip_serializing_if = "Option::is_none")]
    address: Option<String>,
    /// Of a chart, its id, and its counter if a definition names one.
    #[serde(skip)]
    chart: Option<(String, Option<String>)>,
    #[serde(skip)]
    is_counter: bool,
    /// Whether its program has charts.
    #[serde(skip)]
    is_charted: bool,
}

/// The answer for machines.
#[derive(Debug, Serialize)]
struct Json<'a> {
    format: u32,
    /// How much is found in all; an answer has at most 200 of it.
    found: usize,
    page: usize,
    /// The address of the rest.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
    rows: &'a [Found],
}

/// The answer as JSON.
pub(super) fn json(asked: &Asked, searched: &Searched, there: &There) -> String {
    let Answer { rows, all } = searched.find(asked, there);
    let more = asked.page.saturating_mul(LISTED) < all;
    let next = || Asked { page: asked.page + 1, ..asked.clone() }.json_address();
    let json = Json { format: 1, found: all, page: asked.page, next: more.then(next), rows: &rows };
    // None of these types can fail to serialise.
    serde_json::to_string_pretty(&json).unwrap_or_default() + "\n"
}

/// What is found, a page of it, and how much there is in all.
struct Answer {
    rows: Vec<Found>,
    all: usize,
}

impl Answer {
    /// Counts a row, and makes it if it is on the page that was asked for.
    fn add(&mut self, asked: &Asked, row: impl FnOnce() -> Found) {
        let first = (asked.page - 1).saturating_mul(LISTED);
        if (first..first.saturating_add(LISTED)).contains(&self.all) {
            self.rows.push(row());
        }
        self.all += 1;
    }

    /// Counts so many rows, if none of them is on the page that was asked for.
    fn skip(&mut self, asked: &Asked, count: usize) -> bool {
        let first = (asked.page - 1).saturating_mul(LISTED);
        let is_elsewhere = self.all + count <= first || self.all >= first.saturating_add(LISTED);
        self.all += if is_elsewhere { count } else { 0 };
        is_elsewhere
    }
}

fn find(
    asked: &Asked,
    catalogue: Option<&Catalogue>,
    config: Option<&CollectionConfig>,
    week: Option<Date>,
) -> Answer {
    let words: Vec<&str> = asked.text.split_whitespace().collect();
    let of_program = |program: &str| asked.program.is_empty() || asked.program == program;
    let of_kind = |kind: &str, is_chart: bool| match asked.kind.as_str() {
        "" => true,
        "chart" => is_chart,
        "counter" => !is_chart,
        asked => is_chart && asked == kind,
    };
    let named =
        |texts: &[&str]| words.iter().all(|word| texts.iter().any(|text| contains(text, word)));
    let page = |program: &str, id: &str, counter: &str| match week {
        Some(week) => Some(address::chart(program, Weeks::One(week), id, Form::Page)),
        // Without a week with charts, what is known of it is on its counter's page.
        None => counter_address::counter(program, expand(counter).next().as_deref()?),
    };
    let mut answer = Answer { rows: Vec::new(), all: 0 };
    let charts = catalogue.map_or(&[][..], |catalogue| &catalogue.charts);
    for chart in charts.iter().filter(|chart| of_program(&chart.program)) {
        let texts = [&chart.title, &chart.id, &chart.counter, &chart.program].map(String::as_str);
        if of_kind(&chart.kind, true) && named(&texts) {
            answer.add(asked, || Found {
                what: format!("chart: {}", kind_name(&chart.kind)),
                shown: chart.title.clone(),
                program: chart.program.clone(),
                address: page(&chart.program, &chart.id, &chart.counter),
                chart: Some((chart.id.clone(), Some(chart.counter.clone()))),
                is_counter: false,
                is_charted: week.is_some(),
            });
        }
    }
    let programs = catalogue.map_or(&[][..], |catalogue| &catalogue.programs);
    for (week, program) in programs.iter().filter_map(|program| Some((week?, &program.program))) {
        for (id, title) in RESERVED.into_iter().zip(AUTOMATIC) {
            if of_program(program) && of_kind("partition", true) && named(&[title, id, program]) {
                answer.add(asked, || Found {
                    what: "chart: partition".to_owned(),
                    shown: title.to_owned(),
                    program: program.clone(),
                    address: Some(address::chart(program, Weeks::One(week), id, Form::Page)),
                    chart: Some((id.to_owned(), None)),
                    is_counter: false,
                    is_charted: true,
                });
            }
        }
    }
    for program in config.map_or(&[][..], |config| &config.programs) {
        if !of_program(&program.name) || !of_kind("", false) {
            continue;
        }
        let is_charted = week.is_some() && programs.iter().any(|of| of.program == program.name);
        // What the program's own name says need not be in that of a counter.
        let left: Vec<&str> =
            words.iter().copied().filter(|word| !contains(&program.name, word)).collect();
        let found = |counter: &str, what: &str| Found {
            what: what.to_owned(),
            address: counter_address::counter(&program.name, counter),
            shown: counter.to_owned(),
            program: program.name.clone(),
            chart: None,
            is_counter: true,
            is_charted,
        };
        let is_named = |counter: &str| left.iter().all(|word| contains(counter, word));
        for entry in &program.counters {
            if left.is_empty() && answer.skip(asked, count_of(&entry.name)) {
                continue;
            }
            for counter in expand(&entry.name).filter(|counter| is_named(counter)) {
                answer.add(asked, || found(&counter, "counter"));
            }
        }
        for entry in program.stacks.iter().filter(|entry| is_named(&entry.name)) {
            answer.add(asked, || found(&entry.name, "stack counter"));
        }
    }
    answer
}

fn kind_name(kind: &str) -> &str {
    if kind == "timeseries" { "time series" } else { kind }
}

/// The page.
pub(super) fn body(asked: &Asked, searched: &Searched, there: &There) -> Markup {
    shown(
        asked,
        searched.find(asked, there),
        searched.catalogue.catalogue.as_ref(),
        searched.config(),
    )
}

fn shown(
    asked: &Asked,
    Answer { rows, all }: Answer,
    catalogue: Option<&Catalogue>,
    config: Option<&CollectionConfig>,
) -> Markup {
    let first = (asked.page - 1).saturating_mul(LISTED);
    let on = |page: usize| Asked { page, ..asked.clone() }.address();
    html! {
        h1 { "All charts and counters" }
        (form(asked, catalogue, config))
        @if rows.is_empty() {
            p {
                @match all {
                    0 if asked.text.is_empty() => "There is nothing of this type. Try another program or type.",
                    0 => "Nothing has this name. Try a part of it, or another program or type.",
                    _ => "There are fewer pages than that.",
                }
            }
        } @else {
            p {
                @match all > rows.len() {
                    true => {
                        "Showing " (grouped(first as u64 + 1)) "–" (grouped((first + rows.len()) as u64)) " of "
                        (grouped(all as u64)) "."
                    }
                    false => { (grouped(all as u64)) " found." }
                }
            }
            (table(&rows))
        }
        nav.pages aria-label="Pages" {
            @if asked.page > 1 { a href=(on(asked.page - 1)) rel="prev" { "← Before" } }
            @if all > first.saturating_add(LISTED) { a href=(on(asked.page + 1)) rel="next" { "More →" } }
        }
        p { a href=(asked.json_address()) { "This list as JSON" } }
        p.note {
            "What the newest definitions ask for. Charts that are no longer collected are at the end of their "
            "program’s page."
        }
    }
}

fn form(asked: &Asked, catalogue: Option<&Catalogue>, config: Option<&CollectionConfig>) -> Markup {
    let defined = catalogue.into_iter().flat_map(|catalogue| &catalogue.programs);
    let collected = config.into_iter().flat_map(|config| &config.programs);
    let programs: BTreeSet<&str> = defined
        .map(|program| program.program.as_str())
        .chain(collected.map(|program| program.name.as_str()))
        .collect();
    html! {
        form method="get" action="/charts/@all" role="search" {
            label {
                "Name"
                input type="search" name="q" value=(asked.text) maxlength=(TEXT);
            }
            label {
                "Program"
                select name="program" {
                    option value="" { "all " (counted(programs.len() as u64, "program")) }
                    @for program in programs {
                        option value=(program) selected[asked.program == program] { (program) }
                    }
                }
            }
            label {
                "Type"
                select name="type" {
                    @for (value, shown) in TYPES {
                        option value=(value) selected[asked.kind == value] { (shown) }
                    }
                }
            }
            button type="submit" { "Find" }
        }
    }
}

fn table(rows: &[Found]) -> Markup {
    let table = html! {
        table.full.found.cells {
            caption { "Charts first, then counters" }
            thead {
                tr { th scope="col" { "Name" } th scope="col" { "What it is" } }
            }
            tbody {
                @for row in rows {
                    tr {
                        th scope="row" {
                            @match (&row.address, row.is_counter) {
                                (Some(address), true) => a href=(address) { code { (name(&row.shown)) } },
                                (Some(address), false) => a href=(address) { (name(&row.shown)) },
                                (None, _) => code { (name(&row.shown)) },
                            }
                        }
                        td {
                            (row.what) ", in "
                            @let page = match row.is_charted {
                                true => address::program(&row.program),
                                false => counter_address::program(&row.program),
                            };
                            a href=(page) { (path(&row.program)) }
                        }
                    }
                }
            }
        }
    };
    layout::wide("Table of what was found", &table)
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;
    use serde_json::json;

    fn catalogue(charts: usize) -> Catalogue {
        let charts: Vec<_> = (0..charts)
            .map(|n| {
                let kind = if n % 10 == 0 { "histogram" } else { "partition" };
                json!({
                    "id": format!("c{n}"), "title": format!("Question <{n}>"), "issue": [], "kind": kind,
                    "program": format!("example.org/p{}", n % 3), "counter": format!("c{n}:{{a,Bb}}"),
                    "file": "", "line": 1, "added": "", "added_on": "2026-01-01"
                })
            })
            .collect();
        let programs: Vec<_> =
            (0..3).map(|n| json!({ "program": format!("example.org/p{n}") })).collect();
        serde_json::from_value(json!({
            "format": 1, "repository": "", "commit": "", "time": 0, "as_of": "1970-01-01", "path": "",
            "confidence": 0.99, "programs": programs, "charts": charts,
        }))
        .expect("a catalogue")
    }

    fn config(charts: usize) -> CollectionConfig {
        let programs: Vec<_> = (0..3)
            .map(|program| {
                let of_program = (0..charts).filter(|n| n % 3 == program);
                let counters: Vec<_> = of_program
                    .map(|n| json!({ "Name": format!("c{n}:{{a,Bb}}"), "Rate": 1 }))
                    .collect();
                json!({
                    "Name": format!("example.org/p{program}"), "Versions": [], "Counters": counters,
                    "Stacks": [{ "Name": "crash/crash", "Rate": 1, "Depth": 16 }]
                })
            })
            .collect();
        let json = json!({
            "GOOS": [], "GOARCH": [], "GoVersion": [], "SampleRate": 1, "Programs": programs
        });
        CollectionConfig::from_json(json.to_string().as_bytes()).expect("a config")
    }

    fn found(query: &str) -> Answer {
        let week = Some(date(2026, 11, 15));
        find(&Asked::parse(query), Some(&catalogue(100)), Some(&config(100)), week)
    }

    #[test]
    fn forms_are_read_as_browsers_send_them() {
        let asked = Asked::parse("q=gopls%2Fclient%3A+x%&program=a&type=ratio&page=3&x=y");
        let (text, program, kind) = ("gopls/client: x%".into(), "a".into(), "ratio".into());
        assert_eq!(asked, Asked { text, program, kind, page: 3 });
        assert_eq!(Asked::parse(asked.address().split_once('?').expect("a query").1), asked);
        let title = "All charts and counters named gopls/client: x% of a of type ratio, page 3";
        assert_eq!(asked.title(), title);
        assert_eq!(Asked::parse("").title(), "All charts and counters");
        let odd = Asked::parse("q=%ff%fe&type=evil&page=-1");
        assert_eq!((odd.kind.as_str(), odd.page), ("", 1));
        assert!(Asked::parse(&format!("q={}", "ü".repeat(10_000))).text.len() <= TEXT);
        assert_eq!(Asked::parse("page=99999999999999999999999").page, 1);
    }

    #[test]
    fn everything_is_found_by_its_name() {
        // Charts, three more of each program, counters with two buckets each, and three stack counters.
        assert_eq!(found("").all, 100 + 9 + 200 + 3);
        assert_eq!(found("type=chart").all, 109);
        assert_eq!(found("type=histogram").all, 10);
        assert_eq!(found("type=counter").all, 203);
        assert_eq!(found("program=example.org/p1&type=counter").all, 67);
        assert_eq!(found("q=QUESTION+%3C42%3E").rows[0].shown, "Question <42>");
        let counters = found("q=c42%3Abb&type=counter");
        assert_eq!(counters.rows[0].address.as_deref(), Some("/counters/example.org/p0/c42:Bb"));
        let chart = found("q=c42&type=chart");
        let page = "/charts/example.org/p0/@2026-11-15/c42";
        assert_eq!(chart.rows[0].address.as_deref(), Some(page));
        assert_eq!(found("q=crash+p2").all, 1);
        let said =
            |query: &str| shown(&Asked::parse(query), found(query), None, None).into_string();
        let (unnamed, named) = (said("type=ratio"), said("q=nothing+of+it"));
        assert!(
            !unnamed.contains("Nothing has this name") && unnamed.contains("nothing of this type")
        );
        assert!(named.contains("Nothing has this name"), "{named}");
        assert_eq!(found("q=nothing-like-it").all, 0);
    }

    #[test]
    fn answers_are_bounded_and_have_pages() {
        let (first, second, third) = (found("page=1"), found("page=2"), found("page=3"));
        assert_eq!((first.rows.len(), second.rows.len(), third.rows.len()), (200, 112, 0));
        assert!(!second.rows.iter().any(|row| first.rows.contains(row)));
        assert_eq!(found("page=18446744073709551615").rows.len(), 0);
        let (catalogue, config) = (catalogue(10_000), config(10_000));
        let asked = Asked::parse("q=c");
        let answer = find(&asked, Some(&catalogue), Some(&config), None);
        let shown = shown(&asked, answer, Some(&catalogue), Some(&config)).into_string();
        assert!(shown.len() < 100_000, "{}", shown.len());
        assert!(shown.contains("Showing 1–200 of 30,003."));
        assert!(shown.contains("href=\"/charts/@all?q=c&amp;page=2\" rel=\"next\""));
    }
}
