//! `/charts/atom.xml`, the feed of weeks, and `/charts/new.xml`, the feed of charts that were added.

use super::address::{self, Form, ROOT, Weeks};
use super::programs;
use crate::aggregate::index::Index;
use crate::collection::expand;
use crate::publish::{Catalogue, CatalogueChart};
use crate::web::numbers;
use crate::web::pages::counters::address as counter_address;
use crate::web::pages::feed::{Entry, Feed};
use crate::web::pages::layout::{CHARTS_FEED, WEEKS_FEED};
use crate::web::refusal::Refusal;
use crate::web::representation::{Content, Lifetime};
use crate::web::site::Site;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use jiff::civil::Date;

/// How many entries a feed has.
const ENTRIES: usize = 30;

/// `/charts/atom.xml`
pub(in crate::web::pages) async fn weeks(
    State(site): State<Site>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let shown = site.index().await?;
    let key = format!("{WEEKS_FEED} {:x}", shown.tag);
    let load = async move { Ok(shown) };
    let feed = site.cached(key, Content::Atom, load, |site, shown| {
        let feed = Feed {
            id: "weeks",
            title: "weeks",
            subtitle: "Every week of reports, when its charts are there and when it is final",
            own: WEEKS_FEED,
            page: ROOT,
        };
        feed.write(site, &week_entries(&shown.index))
    });
    Ok(feed.await?.respond(&headers, Lifetime::Seconds))
}

fn week_entries(index: &Index) -> Vec<Entry> {
    let charted = index.weeks.iter().rev().filter(|(_, week)| week.charts.is_some());
    let entries = charted.take(ENTRIES).map(|(date, week)| {
        let reports = numbers::counted(week.data.reports, "report");
        let (state, text) = match week.data.complete {
            true => ("final", "No report of this week can arrive any more: its figures are final."),
            false => {
                ("provisional", "Reports of this week can still arrive, so its figures may change.")
            }
        };
        Entry {
            id: format!("week/{date}"),
            title: format!("{}: {reports}, {state}", programs::week_of(*date)),
            updated: midnight(week.data.published),
            page: format!("{ROOT}{}/", Weeks::One(*date)),
            text: text.to_owned(),
        }
    });
    entries.collect()
}

/// `/charts/new.xml`
pub(in crate::web::pages) async fn new_charts(
    State(site): State<Site>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let catalogue = site.catalogue(&*site.head().await?).await?;
    let index = site.index().await?;
    let charted = index.index.weeks.iter().rev().find(|(_, week)| week.charts.is_some());
    let newest = charted.map(|(week, _)| *week);
    let key = format!("{CHARTS_FEED} {newest:?} {}", catalogue.key);
    let load = async move { Ok(catalogue) };
    let feed = site.cached(key, Content::Atom, load, move |site, shown| {
        let feed = Feed {
            id: "charts",
            title: "new charts",
            subtitle: "Every chart that was added to the definitions, and why",
            own: CHARTS_FEED,
            page: ROOT,
        };
        let entries = shown.catalogue.as_ref().map(|catalogue| chart_entries(catalogue, newest));
        let entries = entries.unwrap_or_default();
        feed.write(site, &entries)
    });
    Ok(feed.await?.respond(&headers, Lifetime::Seconds))
}

/// The page of a chart; before its first week, that of its counter. `newest` is the newest week with charts.
fn page_of(chart: &CatalogueChart, newest: Option<Date>) -> String {
    let program = chart.program.as_str();
    let counter = || counter_address::counter(program, &expand(&chart.counter).next()?);
    match newest {
        Some(week) if chart.added_on <= week => {
            address::newest_chart(program, &chart.id, Form::Page)
        }
        _ => counter().unwrap_or_else(|| counter_address::program(program)),
    }
}

fn chart_entries(catalogue: &Catalogue, newest: Option<Date>) -> Vec<Entry> {
    let mut charts: Vec<_> = catalogue.charts.iter().collect();
    // Those of one day stay in the definitions' order.
    charts.sort_by_key(|chart| std::cmp::Reverse(chart.added_on));
    let entries = charts.into_iter().take(ENTRIES).map(|chart| {
        let about = chart.description.iter().map(String::as_str);
        let text: Vec<&str> = about.chain(chart.issue.iter().map(String::as_str)).collect();
        Entry {
            id: format!("chart/{}/{}", chart.program, chart.id),
            title: format!("{}, of {}", chart.title, chart.program),
            updated: midnight(chart.added_on),
            page: page_of(chart, newest),
            text: text.join("\n"),
        }
    });
    entries.collect()
}

fn midnight(day: Date) -> String {
    format!("{day}T00:00:00Z")
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;
    use serde_json::json;

    #[test]
    fn an_entry_leads_to_the_chart_and_before_its_first_week_to_its_counter() {
        let chart: CatalogueChart = serde_json::from_value(json!({
            "id": "verb", "title": "Verbs", "issue": [], "kind": "partition", "program": "example.org/tool",
            "counter": "verb:{run,help}", "file": "a.toml", "line": 1, "added": "c", "added_on": "2026-02-04",
        }))
        .expect("a chart");
        let counter = "/counters/example.org/tool/verb:run";
        for (newest, page) in [
            (Some(date(2026, 2, 8)), "/charts/example.org/tool/verb"),
            (Some(date(2026, 2, 1)), counter),
            (None, counter),
        ] {
            assert_eq!(page_of(&chart, newest), page);
        }
    }
}
