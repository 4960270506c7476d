//! A page reads what it shows: however many weeks, programs and charts there are, it reads few objects.

use super::fixture::{Fixture, ask};
use crate::aggregate::stored_charts::outline::spans;
use crate::charts_fixture::{self as charts, GOPLS, NEWEST};
use axum::Router;
use axum::http::{Method, StatusCode};
use jiff::ToSpan;

/// A deployment with a program that has so many charts in so many weeks.
fn deployed(weeks: u32, copies: usize) -> Fixture {
    let fixture = Fixture::with(1);
    let week = |last| {
        let mut week = charts::week(last);
        week.programs.retain(|program| program.program == GOPLS);
        let program = &mut week.programs[0];
        program.charts.truncate(6);
        let few = program.charts.clone();
        for copy in 1..copies {
            let renamed = |mut figure: crate::aggregate::figure::Figure| {
                figure.id = format!("{}-{copy}", figure.id);
                figure
            };
            program.charts.extend(few.iter().cloned().map(renamed));
        }
        week
    };
    let weeks: Vec<_> = charts::weeks(weeks).into_iter().map(week).collect();
    charts::publish(&fixture.store, &weeks);
    fixture
}

/// How many times a first request reads the store.
async fn reads(fixture: &Fixture, path: &str) -> u64 {
    let router: Router = fixture.router().await;
    // What every page needs.
    ask(&router, Method::GET, "/log/", &[("accept", "text/html")]).await;
    let before = fixture.store.operations();
    let answer = ask(&router, Method::GET, path, &[("accept", "text/html")]).await;
    assert_eq!(answer.status, StatusCode::OK, "{path}: {}", answer.text());
    fixture.store.operations() - before
}

fn range(weeks: i64) -> String {
    format!("/charts/{GOPLS}/@{}..{NEWEST}", NEWEST.saturating_sub((weeks - 1).weeks()))
}

#[tokio::test]
async fn a_page_over_weeks_reads_a_few_objects_for_each_quarter() {
    let fixture = deployed(40, 1);
    for weeks in [2, 13, 30, 40] {
        let from = NEWEST.saturating_sub((weeks - 1).weeks());
        let spans = spans(from, NEWEST).count() as u64;
        let range = range(weeks);
        for path in ["/", "/@all", "/gopls-client", "/gopls-client.csv", "/gopls-client.json"] {
            let read = reads(&fixture, &format!("{range}{path}")).await;
            // The outline of the span, its series, and those again for the charts of a page.
            assert!(read <= 12 + 3 * spans, "{weeks} weeks{path}: {read} reads of {spans} spans");
        }
    }
}

#[tokio::test]
async fn more_charts_and_weeks_are_not_more_reads() {
    let (few, many) = (deployed(14, 1), deployed(27, 6));
    let week = format!("/charts/{GOPLS}/@{NEWEST}");
    for path in [
        "/".to_owned(),
        "/charts/".to_owned(),
        format!("/charts/{GOPLS}/"),
        format!("{week}/@all"),
        format!("{week}/gopls-client"),
        format!("{week}/gopls-client?by=version"),
        format!("{}/", range(13)),
    ] {
        let (of_few, of_many) = (reads(&few, &path).await, reads(&many, &path).await);
        // Half a year of trends has one more quarter than fourteen weeks.
        assert!(of_many <= of_few + 6, "{path}: {of_few} reads, and {of_many} of more charts");
    }
}

#[tokio::test]
async fn a_range_of_many_charts_is_on_several_pages() {
    let fixture = deployed(40, 10);
    let router = fixture.router().await;
    let range = range(40);
    let mut cards = 0;
    let mut path = format!("{range}/");
    let mut pages = 0;
    loop {
        let answer = ask(&router, Method::GET, &path, &[("accept", "text/html")]).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}");
        cards += answer.text().matches("<h3>").count();
        pages += 1;
        let next =
            answer.text().split("href=\"").skip(1).find(|rest| {
                rest.split('>').next().is_some_and(|link| link.contains("rel=\"next\""))
            });
        match next.and_then(|rest| rest.split('"').next()) {
            Some(next) => path = next.to_owned(),
            None => break,
        }
    }
    let fixture_charts = charts::week(NEWEST).programs.into_iter().find(|one| one.program == GOPLS);
    let few = fixture_charts.expect("it").charts.len().min(6);
    assert_eq!((cards, pages), (few * 10, 2), "all of them, each once");
    let none = ask(&router, Method::GET, &format!("{range}/?page=9"), &[]).await;
    assert_eq!(none.status, StatusCode::NOT_FOUND);
}
