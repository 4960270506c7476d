//! A program's overview and the home page: every chart in short, light, and changes in words.

use super::fixture::{Answer, Fixture, ask};
use crate::aggregate::figure::{Kind, WeekCharts};
use crate::charts_fixture::{self as charts, AWKWARD, GOPLS, LONELY, NEWEST};
use axum::Router;
use axum::http::{Method, StatusCode};

async fn served(weeks: &[WeekCharts]) -> Router {
    let fixture = Fixture::with(1);
    charts::publish(&fixture.store, weeks);
    fixture.router().await
}

fn weeks(count: u32) -> Vec<WeekCharts> {
    charts::weeks(count).into_iter().map(charts::week).collect()
}

async fn page(router: &Router, path: &str) -> Answer {
    let answer = ask(router, Method::GET, path, &[("accept", "text/html")]).await;
    assert_eq!(answer.status, StatusCode::OK, "{path}: {}", answer.text());
    answer
}

/// The card of a chart.
fn card<'p>(page: &'p str, id: &str) -> &'p str {
    let at = page.find(&format!("/{id}\">")).unwrap_or_else(|| panic!("no card of {id}"));
    page[at..].split("</li>").next().expect("a card")
}

#[tokio::test]
async fn a_program_s_page_has_every_chart_in_short() {
    let router = served(&weeks(8)).await;
    let week = charts::week(NEWEST);
    for program in &week.programs {
        let answer = page(&router, &format!("/charts/{}/", program.program)).await;
        let text = answer.text();
        assert!(text.len() < 150_000, "{}", text.len());
        assert_eq!(text.matches("<h3>").count(), program.charts.len(), "{}", program.program);
        for figure in &program.charts {
            let card = card(text, &figure.id);
            assert_eq!(card.contains("no longer collected"), !figure.collected, "{card}");
        }
    }
    let answer = page(&router, &format!("/charts/{GOPLS}/")).await;
    let editor = card(answer.text(), "gopls-client");
    for said in [
        "<bdi>client:vscode</bdi>",
        "%</span>",
        "aria-label=\"Editor distribution, client:vscode over 8 weeks",
    ] {
        assert!(editor.contains(said), "{said}: {editor}");
    }
    assert!(card(answer.text(), "gopls-bug").contains("median of completion"));
    assert!(card(answer.text(), "gopls-crash").contains("with any of its stacks"));
    // What every program has is folded, after what was reviewed.
    let (reviewed, folded) = answer.text().split_once("<details").expect("folded");
    assert!(reviewed.contains("gopls-client") && !reviewed.contains("/platforms\""));
    assert!(folded.contains("/platforms\""));
}

#[tokio::test]
async fn a_change_is_marked_only_beyond_what_chance_explains() {
    let mut all = weeks(5);
    let of = |week: &mut WeekCharts, id: &str, value: f64| {
        let program = week.programs.iter_mut().find(|one| one.program == GOPLS).expect("it");
        let figure = program.charts.iter_mut().find(|one| one.id == id).expect("a chart");
        let base = figure.base;
        for row in &mut figure.rows {
            row.estimate = charts::estimate(0.01, &base);
        }
        figure.rows[0].estimate = charts::estimate(value, &base);
    };
    // The newest week is the first.
    for (ago, week) in all.iter_mut().enumerate() {
        of(week, "gopls-client", 0.6 - 0.05 * ago as f64);
        of(week, "gopls-goversion", 0.5);
    }
    let router = served(&all).await;
    let text = page(&router, &format!("/charts/{GOPLS}/")).await;
    let grown = card(text.text(), "gopls-client");
    assert!(grown.contains("▲ up 20.0 points</span> in 4 weeks ("), "{grown}");
    let same = card(text.text(), "gopls-goversion");
    assert!(same.contains("no clear change in ") && !same.contains("▲"), "{same}");
}

#[tokio::test]
async fn a_range_has_the_same_cards_and_its_last_week_is_there() {
    let router = served(&weeks(4)).await;
    let range = page(&router, &format!("/charts/{GOPLS}/@2026-10-25..2026-11-22/")).await;
    assert!(range.text().contains(&format!("href=\"/charts/{GOPLS}/@2026-11-15/\"")));
    let link = format!("href=\"/charts/{GOPLS}/@2026-10-25..2026-11-22/gopls-client\"");
    assert!(range.text().contains(&link), "{}", range.text());
    assert!(range.text().len() < 150_000);
    // All of it on one page, too.
    for path in ["@2026-11-15/@all", "@2026-10-25..2026-11-22/@all"] {
        let all = page(&router, &format!("/charts/{GOPLS}/{path}")).await;
        assert_eq!(all.text().matches("<section class=\"chart\"").count(), 8, "{path}");
    }
}

#[tokio::test]
async fn the_home_page_says_how_many_installations_a_final_week_stands_for() {
    let mut all = weeks(3);
    for week in &mut all {
        week.configs.truncate(1);
        week.configs[0].reports = 1_000;
        week.configs[0].sample_rate = 0.1;
        week.reports = 1_000;
    }
    let text = page(&served(&all).await, "/").await.text().to_owned();
    // The newest week is provisional, so it is the one before.
    for said in [
        "<span class=\"value\">10,000</span> installations that opted in, in the week of 2–8 Nov 2026",
        "An estimate from 1,000 reports",
        "with 99% confidence",
        "How many people did not opt in is not known.",
    ] {
        assert!(text.contains(said), "{said}: {text}");
    }
    all.iter_mut().for_each(|week| week.configs[0].sample_rate = 1.0);
    let text = page(&served(&all).await, "/").await.text().to_owned();
    assert!(text.contains("1,000 reports: every installation that opted in was asked."), "{text}");
    assert!(!text.contains("estimated"), "{text}");
    // Without a final week, the newest one.
    let text = page(&served(&all[..1]).await, "/").await.text().to_owned();
    assert!(text.contains("in the week of 9–15 Nov 2026"), "{text}");
    assert!(text.contains("Reports of this week may still arrive."), "{text}");
}

#[tokio::test]
async fn the_home_page_has_three_charts_and_leads_everywhere() {
    let text = page(&served(&weeks(6)).await, "/").await.text().to_owned();
    let cards = text.split("<ul class=\"cards charted\">").nth(1).expect("cards");
    let cards = cards.split("</ul>").next().expect("cards");
    assert_eq!(cards.matches("<li ").count(), 3, "{cards}");
    assert!(!cards.contains("/program-versions\"") && !cards.contains("/platforms\""), "{cards}");
    for to in [
        "/charts/",
        "/charts/@all",
        "/counters/",
        "/data/",
        "/config/",
        "/log/",
        "/privacy",
        "/check",
    ] {
        assert!(text.contains(&format!("<a href=\"{to}\">")), "{to}");
    }
    // The number of reports beside a link is that of the page it leads to: of the newest final week.
    let week = charts::weeks(2).into_iter().map(charts::week).next_back().expect("a final week");
    for program in [GOPLS, AWKWARD, LONELY] {
        let link = format!("<a href=\"/charts/{program}/@{}/\">", week.week);
        let (_, after) =
            text.split_once(&link).unwrap_or_else(|| panic!("{link} is not in {text}"));
        let reports = week.programs.iter().find(|one| one.program == program).expect("it").reports;
        let said = format!("<br>{}, ", crate::web::numbers::counted(reports, "report"));
        assert!(after.split("</li>").next().expect("a line").contains(&said), "{program}: {said}");
    }
    assert!(text.contains("The largest of many changes look larger than they are."), "{text}");
    assert!(text.len() < 40_000, "{}", text.len());
    // What changed most is first.
    let mut all = weeks(5);
    for (ago, week) in all.iter_mut().enumerate() {
        let program = week.programs.iter_mut().find(|one| one.program == GOPLS).expect("it");
        let chart = program.charts.iter_mut().find(|one| one.id == "gopls-completion-latency");
        let chart = chart.expect("a chart");
        assert_eq!(chart.kind, Kind::Histogram);
        let base = chart.base;
        chart.rows.truncate(1);
        chart.rows[0].estimate = charts::estimate(0.2 + 0.15 * ago as f64, &base);
    }
    let text = page(&served(&all).await, "/").await.text().to_owned();
    assert!(text.contains("What changed most"));
    let first = text.split("<li class=\"card\">").nth(1).expect("a card");
    let first = first.split("</li>").next().expect("a card");
    assert!(first.contains("Completion latency") && first.contains("▼ down "), "{first}");
}

#[tokio::test]
async fn charts_and_counters_are_found_by_name() {
    let router = Fixture::with(1).router().await;
    let found = page(&router, "/charts/@all?q=verb").await;
    assert!(found.text().contains("href=\"/counters/example.org/hello/verb:run\""));
    assert!(!found.text().contains("crash/panic"));
    let hostile =
        page(&router, "/charts/@all?q=%3Cscript%3E%22&program=%3Cb%3E&type=%3Ci%3E").await;
    assert!(hostile.text().contains("value=\"&lt;script&gt;&quot;\""));
    for markup in ["<script", "<b>", "<i>"] {
        assert!(!hostile.text().contains(markup), "{markup}");
    }
    let all = page(&router, "/charts/@all").await;
    assert!(all.text().contains("44 found"), "{}", all.text());
    assert!(all.text().contains("odd:&lt;script&gt;"));
}
