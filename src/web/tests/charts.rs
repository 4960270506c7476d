//! `/charts/` from the outside: pages link to one another, files contain what was stored, and hostile names
//! do no harm.

use super::fixture::{Answer, Fixture, ask, get};
use crate::aggregate::chart_csv::name_of;
use crate::aggregate::figure::{Dimension, Figure, Jump, WeekCharts};
use crate::aggregate::stored_charts::series::{ChartSeries, reduced};
use crate::charts_fixture::{self as charts, AWKWARD, GOPLS, HOSTILE, LONELY, NEWEST};
use axum::Router;
use axum::http::{Method, StatusCode};
use jiff::civil::Date;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// A deployment with charts of this many weeks.
async fn charted(weeks: u32) -> (Fixture, Router) {
    let fixture = Fixture::with(1);
    let weeks: Vec<_> = charts::weeks(weeks).into_iter().map(charts::week).collect();
    charts::publish(&fixture.store, &weeks);
    let router = fixture.router().await;
    (fixture, router)
}

async fn page(router: &Router, path: &str) -> Answer {
    ask(router, Method::GET, path, &[("accept", "text/html")]).await
}

/// All values of an attribute on a page.
fn values<'a>(page: &'a str, attribute: &str) -> Vec<&'a str> {
    let start = format!(" {attribute}=\"");
    let parts = page.split(start.as_str()).skip(1);
    parts.filter_map(|part| part.split('"').next()).collect()
}

/// The addresses of a page's links, as a browser understands them.
fn links(page: &str) -> Vec<String> {
    values(page, "href").into_iter().map(|link| link.replace("&amp;", "&")).collect()
}

fn stored(program: &str) -> Vec<Figure> {
    let week = charts::week(NEWEST);
    let found = week.programs.into_iter().find(|found| found.program == program);
    found.expect("the program").charts
}

#[tokio::test]
async fn every_link_between_chart_pages_works() {
    let (_fixture, router) = charted(3).await;
    let mut waiting = vec!["/charts/".to_owned()];
    let mut seen: BTreeSet<String> = waiting.iter().cloned().collect();
    while let Some(path) = waiting.pop() {
        let answer = page(&router, &path).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}");
        if !answer.header("content-type").starts_with("text/html") {
            continue;
        }
        let text = answer.text();
        let ids: Vec<_> = values(text, "id");
        let unique: BTreeSet<_> = ids.iter().collect();
        assert_eq!(unique.len(), ids.len(), "{path}: an id is there twice");
        for reference in ["aria-labelledby", "aria-describedby"] {
            for id in values(text, reference) {
                assert!(unique.contains(&id), "{path}: {id}");
            }
        }
        for link in links(text) {
            if let Some(id) = link.strip_prefix('#') {
                assert!(unique.contains(&id), "{path}: {link}");
            }
            let link = link.split('#').next().unwrap_or_default().to_owned();
            if link.starts_with("/charts/") && seen.insert(link.clone()) {
                waiting.push(link);
            }
        }
    }
    for program in [GOPLS, AWKWARD, LONELY] {
        for expected in [
            format!("/charts/{program}/@2026-11-15/platforms.svg"),
            format!("/charts/{program}/@2026-11-01/charts.json"),
            format!("/charts/{program}/@2026-11-01..2026-11-15/platforms.csv"),
        ] {
            let exists = program != AWKWARD || !expected.contains("platforms");
            assert_eq!(seen.contains(&expected), exists, "{expected}");
        }
    }
}

/// Charts of three weeks. In the newest, a program and one of its charts have a jump; in the one before, the
/// whole week has too few reports.
async fn flooded() -> (Fixture, Router) {
    let fixture = Fixture::with(1);
    let mut weeks: Vec<_> = charts::weeks(3).into_iter().map(charts::week).collect();
    let jump = Jump { reports: 36_000, expected: 15_600.4, low: 0.0, high: 24_000.0, weeks: 8 };
    let program = weeks[0].programs.iter_mut().find(|one| one.program == GOPLS).expect("it");
    program.jump = Some(jump);
    let figure = program.charts.iter_mut().find(|one| one.id == "gopls-goversion").expect("it");
    figure.jump = Some(Jump { reports: 40_000, ..jump });
    weeks[1].jump = Some(Jump { reports: 300, low: 900.0, ..jump });
    charts::publish(&fixture.store, &weeks);
    let router = fixture.router().await;
    (fixture, router)
}

#[tokio::test]
async fn a_jump_is_explained_below_the_title_and_marked_on_every_chart_page_and_file() {
    let (_fixture, router) = flooded().await;
    let whole = "▲ 36,000 reports of the whole program, 15,600 expected";
    let chart = "▲ 40,000 reports, 15,600 expected";
    let week = "▼ 300 reports of the whole week, 15,600 expected";
    let sentence = "has more reports than expected from the 8 weeks before: 36,000 instead of 15,600; \
                    from 0 to 24,000 would be normal.";
    for (path, said, unsaid) in [
        ("/charts/", vec![whole], vec![week]),
        ("/charts/@2026-11-08/", vec![week, "This week has fewer"], vec![whole]),
        (&format!("/charts/{GOPLS}/"), vec![whole, chart, sentence], vec![week]),
        (
            &format!("/charts/{GOPLS}/@2026-11-15/@all"),
            vec![whole, chart, sentence, "This chart has more"],
            vec![week],
        ),
        (&format!("/charts/{LONELY}/"), vec![], vec!["▲", "▼"]),
        (
            &format!("/charts/{GOPLS}/@2026-11-15/platforms"),
            vec![whole, "This program has more"],
            vec![chart],
        ),
        (&format!("/charts/{GOPLS}/@2026-11-15/platforms.svg"), vec![whole], vec![]),
        (
            &format!("/charts/{GOPLS}/@2026-11-15/gopls-goversion"),
            vec![chart, "2026-11-08 has fewer"],
            vec![],
        ),
        (&format!("/charts/{GOPLS}/@2026-11-01..2026-11-15/"), vec![chart], vec![]),
        (
            &format!("/charts/{GOPLS}/@2026-11-01..2026-11-15/@all"),
            vec![whole, chart, week],
            vec![],
        ),
        (
            &format!("/charts/{GOPLS}/@2026-11-01..2026-11-15/platforms"),
            vec![whole, week, "▲ more, ▼ fewer reports"],
            vec![chart],
        ),
        (
            &format!("/charts/{GOPLS}/@2026-11-01..2026-11-15/platforms.svg"),
            vec!["▲ more, ▼ fewer reports", "2026-11-15 has more reports than expected: 36,000"],
            vec![],
        ),
        (&format!("/charts/{LONELY}/@2026-11-08/platforms"), vec![week], vec![]),
        // The newest week is not final.
        ("/", vec![week], vec![whole]),
    ] {
        let answer = page(&router, path).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}");
        let text = answer.text();
        said.iter().for_each(|said| assert!(text.contains(said), "{path}: {said}"));
        unsaid.iter().for_each(|said| assert!(!text.contains(said), "{path}: {said}"));
        if path.starts_with("/charts/") && answer.header("content-type").starts_with("text/html") {
            assert_eq!(text.matches("href=\"/privacy#flood\"").count(), 1, "{path}");
        }
    }
    let path = format!("/charts/{GOPLS}/@2026-11-15/platforms.json");
    let json: serde_json::Value =
        serde_json::from_slice(&page(&router, &path).await.body).expect("JSON");
    assert_eq!(json["jump"]["reports"], 36_000);
    assert!(json["chart"]["jump"].is_null() && json["whole_week"]["jump"].is_null());
    assert!(json["chart"].as_object().expect("an object").contains_key("expected"));
    let before = page(&router, &path.replace("11-15", "11-08")).await;
    let json: serde_json::Value = serde_json::from_slice(&before.body).expect("JSON");
    assert_eq!(json["whole_week"]["jump"]["reports"], 300);
    let csv = page(&router, &path.replace(".json", ".csv")).await;
    assert!(csv.text().lines().nth(1).expect("a row").ends_with(",up,,,,"), "{}", csv.text());
}

#[tokio::test]
async fn the_newest_week_is_also_at_the_program_s_own_address() {
    let (_fixture, router) = charted(3).await;
    let newest = page(&router, &format!("/charts/{GOPLS}/")).await;
    assert_eq!(newest.status, StatusCode::OK);
    let link = format!("</charts/{GOPLS}/@2026-11-15/>; rel=\"canonical\"");
    assert_eq!(newest.header("link"), link);
    let dated = page(&router, &format!("/charts/{GOPLS}/@2026-11-15/")).await;
    assert_eq!(newest.body, dated.body);
    let bare = page(&router, &format!("/charts/{GOPLS}")).await;
    assert_eq!(bare.status, StatusCode::PERMANENT_REDIRECT);
    assert_eq!(bare.header("location"), format!("/charts/{GOPLS}/"));
}

#[tokio::test]
async fn every_figure_is_shown_as_a_picture_and_as_a_table() {
    let (_fixture, router) = charted(3).await;
    let answer = page(&router, &format!("/charts/{GOPLS}/@2026-11-15/@all")).await;
    let text = answer.text();
    for figure in stored(GOPLS) {
        assert!(text.contains(&format!("/@2026-11-15/{}.csv\"", figure.id)), "{}", figure.id);
        for row in figure.rows.iter().take(10) {
            let label = row.label.replace('<', "&lt;").replace('&', "&amp;");
            let label = label.replace("&amp;lt;", "&lt;");
            assert!(text.contains(&format!("<bdi>{label}</bdi>")), "{label}");
        }
    }
    let figures = stored(GOPLS).len();
    assert_eq!(text.matches("<figure class=\"drawing\">").count(), figures);
    assert!(text.matches("<caption>").count() >= figures);
    for said in [
        "provisional",
        "99% interval",
        "Estimated installations",
        "6.6352% under config",
        "charts-config/charts/gopls.toml",
        "https://github.com/example/charts/blob/0c9d8b7a6f5e4d3c2b4d1f0c35a8d2be2b2f4a7e/charts-config/charts/gopls.toml#L12",
        "https://github.com/example/charts/commit/4d1f0c35a8d2be2b2f4a7e0c9d8b7a6f5e4d3c2b",
        "https://github.com/example/charts/issues/12",
        "Developer survey 2026",
        "none of these",
        "no longer collected",
    ] {
        assert!(text.contains(said), "{said}");
    }
    let chart = page(&router, &format!("/charts/{GOPLS}/@2026-11-15/gopls-client")).await;
    assert!(chart.text().contains("<option value=\"platform\""), "{}", chart.text());
}

async fn json(router: &Router, path: &str) -> serde_json::Value {
    let answer = get(router, path).await;
    assert_eq!(
        (answer.status, answer.header("content-type")),
        (StatusCode::OK, "application/json")
    );
    serde_json::from_slice(&answer.body).expect("JSON")
}

#[tokio::test]
async fn json_equals_what_was_stored() {
    let (_fixture, router) = charted(2).await;
    for program in [GOPLS, AWKWARD] {
        let base = format!("/charts/{program}/@2026-11-15/");
        let all = json(&router, &format!("{base}charts.json")).await;
        let mut figures: Vec<Figure> =
            serde_json::from_value(all["charts"].clone()).expect("charts");
        assert!(figures.iter().all(|figure| figure.by.is_empty()));
        for by in Dimension::ALL {
            let name = name_of(by);
            let slices = json(&router, &format!("{base}charts@{name}.json")).await;
            assert_eq!((&slices["dimension"], &slices["week"]), (&name.into(), &all["week"]));
            for one in slices["charts"].as_array().expect("a list") {
                let id = one["id"].as_str().expect("an id");
                let figure = figures.iter_mut().find(|figure| figure.id == id).expect("a chart");
                figure.by.push(serde_json::from_value(one["by"].clone()).expect("slices"));
                let alone = json(&router, &format!("{base}{id}@{name}.json")).await;
                assert_eq!((&alone["id"], &alone["by"]), (&one["id"], &one["by"]));
            }
        }
        assert_eq!(figures, stored(program));
        assert_eq!(all["week"], "2026-11-15");
        assert_eq!(
            (&all["edition"], &all["complete"]),
            (&serde_json::json!(1), &serde_json::json!(false))
        );
        let overview = json(&router, &format!("{base}overview.json")).await;
        for (number, figure) in figures.into_iter().enumerate() {
            let one = json(&router, &format!("{base}{}.json", figure.id)).await;
            let read: Figure = serde_json::from_value(one["chart"].clone()).expect("a chart");
            let listed = &overview["charts"][number];
            assert_eq!(
                (&listed["id"], &listed["base"]),
                (&one["chart"]["id"], &one["chart"]["base"])
            );
            assert_eq!(listed["rows"], figure.rows.len());
            assert_eq!(read, figure);
            assert_eq!(one["program"], program);
        }
    }
    for path in ["@2026-11-15/nothing@version.json", "@2020-01-05/charts@version.json"] {
        let answer = get(&router, &format!("/charts/{GOPLS}/{path}")).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
    }
}

#[tokio::test]
async fn the_programs_of_a_week_are_listed_as_json() {
    let (_fixture, router) = charted(2).await;
    let newest = json(&router, "/charts/programs.json").await;
    assert_eq!(newest["weeks"], serde_json::json!(["2026-11-15", "2026-11-08"]));
    let week = charts::week(NEWEST);
    let programs: Vec<_> = newest["programs"].as_array().expect("a list").iter().collect();
    assert_eq!(programs.len(), week.programs.len());
    for (listed, program) in programs.iter().zip(&week.programs) {
        assert_eq!(listed["program"], program.program.as_str());
        assert_eq!(listed["charts"], program.charts.len());
        assert_eq!(listed["reports"], program.reports);
    }
    let earlier = json(&router, "/charts/@2026-11-08/programs.json").await;
    assert_eq!(earlier["week"]["week"], "2026-11-08");
    let missing = get(&router, "/charts/@2020-01-05/programs.json").await;
    assert_eq!(missing.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_chart_over_weeks_has_the_numbers_of_each_week() {
    // Over the ends of three spans, with a week without charts.
    let (_fixture, router) = charted(30).await;
    for program in [GOPLS, AWKWARD] {
        for figure in stored(program) {
            let path = format!("/charts/{program}/@2026-04-26..2026-11-15/{}.json", figure.id);
            let found = json(&router, &path).await;
            assert_eq!(found["weeks"].as_array().expect("a list").len(), 29, "{path}");
            let series: ChartSeries =
                serde_json::from_value(found["series"].clone()).expect("series");
            let first: Vec<Option<Date>> =
                serde_json::from_value(found["first_weeks"].clone()).expect("weeks");
            assert_eq!(first, series.first_weeks());
            let figures: Vec<_> = series.figures().collect();
            assert!(figures.is_sorted_by_key(|(week, _)| *week));
            let (week, newest) = figures.last().expect("a week").clone();
            assert_eq!((week, newest), (NEWEST, reduced(figure)), "{path}");
            for (week, found) in figures {
                let all = charts::week(week).programs;
                let one = all.into_iter().find(|one| one.program == program).expect("it");
                let expected = one.charts.into_iter().find(|one| one.id == found.id).expect("it");
                assert_eq!(found.rows, reduced(expected).rows, "{path} {week}");
            }
        }
    }
}

#[tokio::test]
async fn hostile_names_are_only_text() {
    let (_fixture, router) = charted(2).await;
    let range = "@2026-11-08..2026-11-15/";
    for path in [
        "/charts/".to_owned(),
        format!("/charts/{AWKWARD}/"),
        format!("/charts/{AWKWARD}/@2026-11-15/odd"),
        format!("/charts/{AWKWARD}/@2026-11-15/deep"),
        format!("/charts/{AWKWARD}/{range}"),
        format!("/charts/{AWKWARD}/{range}odd"),
        format!("/charts/{AWKWARD}/@2026-11-15/odd.svg"),
    ] {
        let answer = page(&router, &path).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}");
        let text = answer.text();
        assert!(!text.contains("<script"), "{path}");
        assert!(!text.contains(" style="), "{path}");
        assert!(!text.contains('\u{202e}'), "{path}");
        assert!(!links(text).iter().any(|link| link.starts_with("javascript")), "{path}");
    }
    let answer = page(&router, &format!("/charts/{AWKWARD}/@2026-11-15/odd")).await;
    assert!(answer.text().contains("&lt;script&gt;alert(1)&lt;/script&gt;"));
    assert!(answer.text().contains("javascript:alert(1)"), "shown, and not linked");
    assert!(answer.text().contains("Zürich 東京 🦀"));
}

#[tokio::test]
async fn files_are_saved_under_safe_names() {
    let (_fixture, router) = charted(2).await;
    for (file, kind, disposition) in [
        ("odd.csv", "text/csv; charset=utf-8; header=present", "attachment"),
        ("odd.json", "application/json", "inline"),
        ("odd.svg", "image/svg+xml", "inline"),
    ] {
        let answer = get(&router, &format!("/charts/{AWKWARD}/@2026-11-15/{file}")).await;
        assert_eq!(answer.header("content-type"), kind);
        let ending = file.split('.').next_back().expect("an ending");
        let name = format!("{disposition}; filename=\"gopls-odd-2026-11-15.{ending}\"");
        assert_eq!(answer.header("content-disposition"), name);
    }
    let csv = get(&router, &format!("/charts/{AWKWARD}/@2026-11-15/odd.csv")).await;
    for line in csv.text().split("\r\n").skip(1) {
        assert!(!line.split(',').any(|cell| cell.starts_with(['=', '+', '-', '@'])), "{line}");
    }
    let svg = get(&router, &format!("/charts/{GOPLS}/@2026-11-15/gopls-client.svg")).await;
    assert!(svg.text().starts_with("<?xml"));
    assert!(svg.text().contains("xmlns=\"http://www.w3.org/2000/svg\""));
    assert!(svg.text().contains("Source: https://telemetry.example.org/charts/"));
}

#[tokio::test]
async fn what_does_not_exist_is_refused_with_links() {
    let (_fixture, router) = charted(3).await;
    for (path, way) in [
        ("/charts/nobody/".to_owned(), "/charts/".to_owned()),
        (format!("/charts/{GOPLS}/@2020-01-05/"), "/charts/@2026-11-01/".to_owned()),
        (format!("/charts/{GOPLS}/@2026-11-15/nothing"), format!("/charts/{GOPLS}/@2026-11-15/")),
        ("/charts/nobody/@2026-11-15/".to_owned(), "/charts/@2026-11-15/".to_owned()),
        ("/charts/@2020-01-05/".to_owned(), "/charts/@2026-11-01/".to_owned()),
        (format!("/charts/{GOPLS}/@2026-11-14..2026-11-15/"), "/charts/".to_owned()),
        (format!("/charts/{GOPLS}/@2020-01-05..2020-01-12/"), "/charts/".to_owned()),
        (
            format!("/charts/{GOPLS}/@2026-11-08..2026-11-15/nothing.csv"),
            format!("/charts/{GOPLS}/@2026-11-08..2026-11-15/"),
        ),
        (format!("/charts/{GOPLS}/@2026-13-01/"), "/charts/".to_owned()),
    ] {
        let answer = page(&router, &path).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
        assert!(links(answer.text()).contains(&way), "{path}: {:?}", links(answer.text()));
        let plain = get(&router, &path).await;
        assert_eq!(plain.status, StatusCode::NOT_FOUND, "{path}");
        assert!(plain.text().starts_with("not found: "), "{path}: {}", plain.text());
        assert_eq!(plain.header("cache-control"), "no-store");
    }
    let long = page(&router, &format!("/charts/{GOPLS}/@2016-11-13..2026-11-15/")).await;
    assert_eq!(long.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_form_without_script_leads_to_a_range() {
    let (_fixture, router) = charted(4).await;
    let text = page(&router, &format!("/charts/{GOPLS}/")).await;
    let action = format!("action=\"/charts/{GOPLS}/@range\"");
    assert!(text.text().contains(&action));
    let form = format!("/charts/{GOPLS}/@range?from=2026-11-15&to=2026-11-01");
    let answer = get(&router, &form).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
    let range = format!("/charts/{GOPLS}/@2026-11-01..2026-11-15/");
    assert_eq!(answer.header("location"), range);
    let answer = page(&router, &range).await;
    assert!(answer.text().contains("weeks are not added up"));
    let bad = get(&router, &format!("/charts/{GOPLS}/@range?from=x")).await;
    assert_eq!(bad.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_range_shows_each_week_separately() {
    let (_fixture, router) = charted(12).await;
    let path = format!("/charts/{GOPLS}/@2026-08-30..2026-11-15/gopls-client");
    let text = page(&router, &path).await;
    // The week to 13 September has no charts, and is a row without values.
    assert_eq!(text.text().matches("<th class=\"nowrap\" scope=\"row\">").count(), 12);
    let csv = get(&router, &format!("{path}.csv")).await;
    let mut weeks: BTreeMap<&str, usize> = BTreeMap::new();
    for line in csv.text().split("\r\n").skip(1).filter(|line| !line.is_empty()) {
        *weeks.entry(line.split(',').next().expect("a week")).or_default() += 1;
    }
    assert_eq!(weeks.len(), 11);
    assert!(!weeks.contains_key("2026-09-13"));
    let rows: BTreeSet<_> = weeks.values().collect();
    assert_eq!(rows.len(), 1, "{weeks:?}");
}

#[tokio::test]
async fn pages_and_files_are_cached_by_clients() {
    let (fixture, router) = charted(2).await;
    for path in [format!("/charts/{GOPLS}/"), format!("/charts/{GOPLS}/@2026-11-15/odd.json")] {
        let path = path.replace("odd", "platforms");
        let first = get(&router, &path).await;
        let tag = first.header("etag").to_owned();
        let again = ask(&router, Method::GET, &path, &[("if-none-match", &tag)]).await;
        assert_eq!(again.status, StatusCode::NOT_MODIFIED, "{path}");
        // Browsers apply the headers of a 304: a stricter policy would break the page's style.
        let policy = "content-security-policy";
        assert_eq!(again.header(policy), first.header(policy), "{path}");
        let head = ask(&router, Method::HEAD, &path, &[]).await;
        assert_eq!((head.status, head.body.len()), (StatusCode::OK, 0));
        assert_eq!(head.header("etag"), tag);
    }
    // Other charts make another page.
    let before = get(&router, "/charts/").await;
    let changed = WeekCharts { complete: true, ..charts::week(NEWEST) };
    charts::publish(&fixture.store, &[changed]);
    let after = get(&fixture.router().await, "/charts/").await;
    assert_ne!(before.header("etag"), after.header("etag"));
}

#[tokio::test]
async fn without_charts_the_pages_say_so() {
    let fixture = Fixture::with(1);
    let router = fixture.router().await;
    let empty = page(&router, "/charts/").await;
    assert_eq!(empty.status, StatusCode::OK);
    assert!(empty.text().contains("There are no charts yet"));
    assert_eq!(page(&router, "/").await.status, StatusCode::OK);
    let program = page(&router, &format!("/charts/{GOPLS}/")).await;
    assert_eq!(program.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_damaged_week_is_an_error_on_its_own_pages_and_nowhere_else() {
    let (fixture, _) = charted(2).await;
    let damaged = serde_json::json!({
        "format": 3, "days": {}, "weeks": {
            "2026-11-15": {
                "data": {
                    "reports": 1, "rows": 1, "edition": 3, "published": "2026-12-15",
                    "complete": true, "files": []
                },
                "charts": { "bytes": 1, "sha256": "00".repeat(32), "made_from": "" }
            }
        }
    });
    let key = crate::store::Key::new("public/index").expect("a key");
    use crate::store::Store;
    let before = fixture.store.pointer(&key).expect("read");
    let bytes = crate::store::checksum::add(serde_json::to_vec(&damaged).expect("JSON"));
    let _ = fixture.store.swap(&key, before.as_deref(), &bytes).expect("swapped");
    let site = fixture.site().await;
    let router = crate::web::router(site.clone(), None);
    assert_eq!(page(&router, "/").await.status, StatusCode::OK);
    let charts = page(&router, "/charts/").await;
    // The index still names them, so they are missing, not being replaced; health reports that.
    assert_eq!(charts.status, StatusCode::INTERNAL_SERVER_ERROR);
    let health = get(&crate::web::admin(site, None), "/health").await;
    assert!(health.text().contains("run `candor chart --week 2026-11-15`"), "{}", health.text());
}

#[tokio::test]
async fn the_home_page_leads_to_each_program() {
    let (_fixture, router) = charted(2).await;
    let home = page(&router, "/").await;
    let text = home.text();
    for program in [GOPLS, AWKWARD, LONELY] {
        let link = format!("/charts/{program}/@2026-11-08/");
        assert!(links(text).contains(&link), "{program}");
    }
    assert!(!text.contains("<script"));
    assert!(!text.contains(HOSTILE[0]));
}

/// Writes pages as files, to look at: `CANDOR_PAGES=FOLDER cargo test --lib web::tests::charts`.
#[tokio::test]
async fn chart_pages_can_be_written_as_files() {
    let Some(folder) = std::env::var_os("CANDOR_PAGES") else { return };
    let (_fixture, router) = charted(30).await;
    let home = page(&router, "/").await;
    let mut paths = vec!["/".to_owned(), "/charts/".to_owned(), "/charts/@format".to_owned()];
    paths.extend(links(home.text()).into_iter().filter(|l| l.starts_with("/style")));
    for program in [GOPLS, AWKWARD, LONELY] {
        paths.push(format!("/charts/{program}/"));
        paths.push(format!("/charts/{program}/@2026-05-24..2026-11-15/"));
        for figure in stored(program) {
            paths.push(format!("/charts/{program}/@2026-11-15/{}", figure.id));
            paths.push(format!("/charts/{program}/@2026-11-15/{}.svg", figure.id));
            paths.push(format!("/charts/{program}/@2026-05-24..2026-11-15/{}", figure.id));
        }
    }
    for path in paths {
        let answer = page(&router, &path).await;
        let name = match path.ends_with('/') {
            true => format!("{path}index.html"),
            false if path.contains("/@") && !path.ends_with(".svg") => format!("{path}.html"),
            false => path.clone(),
        };
        let file = Path::new(&folder).join(name.trim_start_matches('/'));
        std::fs::create_dir_all(file.parent().expect("a folder")).expect("made");
        std::fs::write(file, &answer.body).expect("written");
    }
}
