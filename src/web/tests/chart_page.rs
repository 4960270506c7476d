//! The page of one chart from the outside: its stable address, its views, and pages of ranges.

use super::fixture::{Answer, Fixture, ask, get};
use crate::aggregate::figure::{Breakdown, Dimension, Figure, Group, WeekCharts};
use crate::charts_fixture::{self as charts, AWKWARD, GOPLS, HOSTILE, LONELY, NEWEST};
use axum::Router;
use axum::http::{Method, StatusCode};

/// A deployment with these charts.
async fn deployed(weeks: &[WeekCharts]) -> (Fixture, Router) {
    let fixture = Fixture::with(1);
    charts::publish(&fixture.store, weeks);
    let router = fixture.router().await;
    (fixture, router)
}

/// A deployment with charts of this many weeks, of which the newest is provisional.
async fn charted(weeks: u32) -> (Fixture, Router) {
    let weeks: Vec<_> = charts::weeks(weeks).into_iter().map(charts::week).collect();
    deployed(&weeks).await
}

async fn page(router: &Router, path: &str) -> Answer {
    ask(router, Method::GET, path, &[("accept", "text/html")]).await
}

fn figure<'a>(week: &'a mut WeekCharts, program: &str, id: &str) -> &'a mut Figure {
    let program = week.programs.iter_mut().find(|one| one.program == program).expect("it");
    program.charts.iter_mut().find(|one| one.id == id).expect("the chart")
}

/// The title of a page, without the site's name.
fn title(answer: &Answer) -> &str {
    let title = answer.text().split("<title>").nth(1).expect("a title");
    title.split(" · telemetry.example.org</title>").next().expect("the site's name")
}

/// The links of a page.
fn links(text: &str) -> Vec<String> {
    let parts = text.split(" href=\"").skip(1);
    parts.filter_map(|part| Some(part.split('"').next()?.replace("&amp;", "&"))).collect()
}

#[tokio::test]
async fn a_chart_has_an_address_that_stays_and_shows_its_newest_final_week() {
    let (_fixture, router) = charted(3).await;
    let stable = page(&router, &format!("/charts/{GOPLS}/gopls-client")).await;
    assert_eq!(stable.status, StatusCode::OK);
    let dated = format!("/charts/{GOPLS}/@2026-11-08/gopls-client");
    assert_eq!(stable.header("link"), format!("<{dated}>; rel=\"canonical\""));
    assert_eq!(stable.body, page(&router, &dated).await.body);
    for form in ["csv", "json", "svg"] {
        let file = get(&router, &format!("/charts/{GOPLS}/gopls-client.{form}")).await;
        assert_eq!(file.status, StatusCode::SEE_OTHER, "{form}");
        assert_eq!(file.header("location"), format!("{dated}.{form}"));
        assert_eq!(get(&router, file.header("location")).await.status, StatusCode::OK, "{form}");
    }
    // What is asked for of it is the same.
    let sliced = page(&router, &format!("/charts/{GOPLS}/gopls-client?by=platform")).await;
    assert_eq!(sliced.body, page(&router, &format!("{dated}?by=platform")).await.body);
    // Neither a chart nor a program.
    let nothing = page(&router, &format!("/charts/{GOPLS}/nothing")).await;
    assert_eq!(nothing.status, StatusCode::PERMANENT_REDIRECT);
    assert_eq!(page(&router, nothing.header("location")).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn without_a_final_week_the_newest_one_is_shown_and_said_to_be_provisional() {
    let (_fixture, router) = charted(1).await;
    let stable = page(&router, &format!("/charts/{LONELY}/platforms")).await;
    let link = format!("</charts/{LONELY}/@2026-11-15/platforms>; rel=\"canonical\"");
    assert_eq!(stable.header("link"), link);
    assert!(stable.text().contains("This week is provisional"));
    let (_fixture, router) = charted(3).await;
    let stable = page(&router, &format!("/charts/{LONELY}/platforms")).await;
    assert!(!stable.text().contains("provisional:"));
    let newest = page(&router, &format!("/charts/{LONELY}/@2026-11-15/platforms")).await;
    assert!(newest.text().contains("This week is provisional"));
    assert!(links(newest.text()).contains(&format!("/charts/{LONELY}/@2026-11-08/platforms")));
}

#[tokio::test]
async fn a_chart_begins_with_its_figure_then_its_trend_then_its_week() {
    let mut weeks = [NEWEST, NEWEST.saturating_sub(jiff::Span::new().weeks(1))].map(charts::week);
    for (week, share) in weeks.iter_mut().zip([0.7, 0.6]) {
        let chart = figure(week, GOPLS, "gopls-client");
        chart.rows[0].estimate = charts::estimate(share, &chart.base);
    }
    let (_fixture, router) = deployed(&weeks).await;
    let answer = page(&router, &format!("/charts/{GOPLS}/@2026-11-15/gopls-client")).await;
    let text = answer.text();
    assert_eq!(title(&answer), format!("Editor distribution · {GOPLS}, 9–15 Nov 2026"));
    let order = [
        "<h1>",
        "70.0%</span> <bdi>client:vscode</bdi>",
        "▲ up 10.0 points</span> in a week",
        "from 18,",
        "id=\"weeks\"",
        "id=\"week\"",
        "<caption>",
        "id=\"closer\"",
        "id=\"reading\"",
        "id=\"origin\"",
        "id=\"use\"",
    ];
    let mut rest = text;
    for part in order {
        let found = rest.split_once(part).unwrap_or_else(|| panic!("{part} is missing or early"));
        rest = found.1;
    }
    for said in [
        "99% confidence",
        "https://telemetry.example.org/charts/golang.org/x/tools/gopls/@2026-11-15/gopls-client",
        "&lt;img src=&quot;https://telemetry.example.org/charts/golang.org/x/tools/gopls/gopls-client.svg&quot;",
    ] {
        assert!(text.contains(said), "{said}");
    }
}

#[tokio::test]
async fn a_chart_is_sliced_by_a_form_without_script() {
    let (_fixture, router) = charted(2).await;
    let base = format!("/charts/{GOPLS}/@2026-11-15/gopls-client");
    let whole = page(&router, &base).await;
    assert!(whole.text().contains("<select name=\"by\">"));
    for (by, one) in
        [("version", "v0.20.0"), ("platform", "linux/arm64"), ("toolchain", "go1.24.6")]
    {
        let answer = page(&router, &format!("{base}?by={by}")).await;
        assert_eq!(answer.status, StatusCode::OK, "{by}");
        assert!(title(&answer).starts_with(&format!("Editor distribution by {by} · ")));
        let headings = answer.text().split("<h3").skip(1);
        let has = headings.into_iter().any(|rest| {
            rest.split("</h3>").next().is_some_and(|heading| heading.contains(&format!(">{one}<")))
        });
        assert!(has, "{by}: {one} has a heading");
        assert!(answer.text().contains("<select name=\"compare\">"), "{by}");
    }
    // What is not understood changes nothing.
    assert_eq!(page(&router, &format!("{base}?by=colour&x=%3Cscript%3E")).await.body, whole.body);
    // A chart of versions has no versions.
    let none = page(&router, &format!("/charts/{GOPLS}/@2026-11-15/platforms?by=version")).await;
    assert_eq!(none.status, StatusCode::NOT_FOUND);
    let platforms = format!("/charts/{GOPLS}/@2026-11-15/platforms");
    assert!(links(none.text()).contains(&platforms));
    let platforms = page(&router, &platforms).await;
    assert!(!platforms.text().contains("<select name=\"by\">"));
}

#[tokio::test]
async fn another_week_shows_the_same_view_if_it_has_it() {
    let mut weeks: Vec<_> = charts::weeks(3).into_iter().map(charts::week).collect();
    for slices in &mut figure(&mut weeks[2], GOPLS, "gopls-client").by {
        slices.groups.retain(|group| group.label != "v0.19.1");
    }
    let (_fixture, router) = deployed(&weeks).await;
    let (first, middle, last) = ("@2026-11-01", "@2026-11-08", "@2026-11-15");
    let base = format!("/charts/{GOPLS}");
    let pair = "?by=version&compare=v0.19.1&with=v0.20.0";
    for (query, earlier, later) in [
        ("?by=version", "?by=version", "?by=version"),
        (pair, "", pair),
        // A week is not compared with itself.
        ("?compare=2026-11-15", "?compare=2026-11-15", ""),
        ("", "", ""),
    ] {
        let answer = page(&router, &format!("{base}/{middle}/gopls-client{query}")).await;
        let links = links(answer.text());
        for (week, query) in [(first, earlier), (last, later)] {
            let link = format!("{base}/{week}/gopls-client{query}");
            assert!(links.contains(&link), "{query}: {link} is not in {links:?}");
            assert_eq!(page(&router, &link).await.status, StatusCode::OK, "{link}");
        }
    }
}

#[tokio::test]
async fn a_chart_is_compared_with_four_weeks_before_unless_another_week_is_chosen() {
    let (_fixture, router) = charted(8).await;
    let answer = page(&router, &format!("/charts/{GOPLS}/@2026-11-15/gopls-client")).await;
    assert!(answer.text().contains("<option value=\"2026-10-18\" selected>"), "{}", answer.text());
}

#[tokio::test]
async fn all_charts_are_on_as_many_pages_as_they_need() {
    let mut weeks: Vec<_> = charts::weeks(2).into_iter().map(charts::week).collect();
    for week in &mut weeks {
        let program = week.programs.iter_mut().find(|one| one.program == GOPLS).expect("it");
        let all = charts::base(100, 1.0);
        let more = (0..90).map(|n| {
            let (id, title) = (format!("more-{n}"), format!("More {n}"));
            charts::figure(
                &id,
                &title,
                crate::aggregate::figure::Kind::Partition,
                all,
                &[("a", 0.5)],
            )
        });
        program.charts.extend(more);
    }
    let (_fixture, router) = deployed(&weeks).await;
    for weeks in ["@2026-11-15", "@2026-11-08..2026-11-15"] {
        let first = format!("/charts/{GOPLS}/{weeks}/@all");
        let (mut path, mut seen, mut titles) = (first.clone(), Vec::new(), Vec::new());
        loop {
            let answer = page(&router, &path).await;
            assert_eq!(answer.status, StatusCode::OK, "{path}");
            titles.push(title(&answer).to_owned());
            let shown = answer.text().matches("<section class=\"chart\"").count();
            assert!(shown <= 40, "{path}: {shown}");
            seen.push(shown);
            let next = answer.text().split_once(" rel=\"next\">More").map(|(before, _)| before);
            let Some(next) = next.and_then(|before| links(&format!("{before}\"")).pop()) else {
                break;
            };
            path = next;
        }
        assert!(seen.len() > 2 && seen.iter().sum::<usize>() > 90, "{weeks}: {seen:?}");
        assert!(titles[1].contains(", page 2") && !titles[0].contains("page"), "{titles:?}");
        let far = page(&router, &format!("{first}?page=99")).await;
        assert_eq!(far.status, StatusCode::NOT_FOUND);
        assert!(links(far.text()).contains(&first));
    }
}

#[tokio::test]
async fn two_weeks_are_compared_bucket_by_bucket() {
    let mut weeks = [NEWEST, NEWEST.saturating_sub(jiff::Span::new().weeks(1))].map(charts::week);
    for (week, shares) in weeks.iter_mut().zip([[0.7, 0.2], [0.6, 0.2005]]) {
        let chart = figure(week, GOPLS, "gopls-client");
        chart.rows.truncate(2);
        for (row, share) in chart.rows.iter_mut().zip(shares) {
            row.estimate = charts::estimate(share, &chart.base);
        }
    }
    let (_fixture, router) = deployed(&weeks).await;
    let base = format!("/charts/{GOPLS}/@2026-11-15/gopls-client");
    let answer = page(&router, &format!("{base}?compare=2026-11-08")).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert!(
        title(&answer).contains("2–8 Nov 2026 and 9–15 Nov 2026 compared"),
        "{}",
        title(&answer)
    );
    let text = answer.text();
    assert!(text.contains("<bdi>vscode</bdi></strong> up 10.0 points (8.7 to 11.3)."), "{text}");
    assert_eq!(text.matches("class=\"mark changed\"").count(), 1);
    assert!(text.contains("independent samples"));
    // Backwards it is the same with the other sign.
    let back = format!("/charts/{GOPLS}/@2026-11-08/gopls-client?compare=2026-11-15");
    let back = page(&router, &back).await;
    assert!(
        back.text().contains("<bdi>vscode</bdi></strong> down 10.0 points (8.7 to 11.3)."),
        "{}",
        back.text()
    );
    // Without a change there is nothing to name.
    let path = format!("/charts/{GOPLS}/@2026-11-15/platforms?compare=2026-11-08");
    let same = page(&router, &path).await;
    assert!(same.text().contains("No difference is larger than chance would explain"));
    let twice = page(&router, &format!("{base}?compare=2026-11-15")).await;
    assert!(twice.text().contains("This is the same week twice"));
    let missing = page(&router, &format!("{base}?compare=2020-01-05")).await;
    assert_eq!(missing.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_chart_without_reports_says_why_and_shows_no_numbers() {
    let mut week = charts::week(NEWEST);
    let chart = figure(&mut week, GOPLS, "gopls-client");
    chart.base = charts::base(0, 1.0);
    let base = chart.base;
    for row in &mut chart.rows {
        row.estimate = charts::estimate(0.0, &base);
    }
    chart.none = Some(charts::estimate(0.0, &base));
    (chart.by, chart.reweighted) = (Vec::new(), Vec::new());
    let (_fixture, router) = deployed(&[week]).await;
    let base = format!("/charts/{GOPLS}/@2026-11-15");
    let answer = page(&router, &format!("{base}/gopls-client")).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert!(answer.text().contains("<span class=\"value\">–</span>"), "{}", answer.text());
    assert!(answer.text().contains("No report of this week could have contained"));
    for unsaid in
        ["0 reports,", "n = 0", "0 to 100%", "small sample", "<dt>Cite</dt>", "#closer", "<table"]
    {
        assert!(!answer.text().contains(unsaid), "{unsaid}: {}", answer.text());
    }
    // Among all charts of the program, too.
    let all = page(&router, &format!("{base}/@all")).await;
    let section = all.text().split("<section").find(|part| part.contains("/gopls-client\""));
    let section = section.expect("its section");
    assert!(!section.contains("0 to 100%") && !section.contains("small sample"), "{section}");
}

#[tokio::test]
async fn ratios_and_stacks_are_compared_too() {
    let mut weeks = [NEWEST, NEWEST.saturating_sub(jiff::Span::new().weeks(1))].map(charts::week);
    let (_fixture, router) = deployed(&weeks).await;
    let base = format!("/charts/{GOPLS}/@2026-11-15");
    let ratio = page(&router, &format!("{base}/gopls-bug?compare=2026-11-08")).await;
    assert!(ratio.text().contains("medians"));
    assert!(ratio.text().contains("Newcombe"));
    // Which share of installations crashed at all is said first, also of versions.
    for (week, share) in weeks.iter_mut().zip([0.1, 0.05]) {
        let chart = figure(week, GOPLS, "gopls-crash");
        let base = chart.base;
        chart.none = Some(charts::estimate(1.0 - share, &base));
        let slice = |label: &str, share: f64| Group {
            label: label.to_owned(),
            base,
            rows: Vec::new(),
            none: Some(charts::estimate(1.0 - share, &base)),
        };
        let groups = vec![slice("v0.20.0", 0.1), slice("v0.19.1", 0.05)];
        chart.by = vec![Breakdown { dimension: Dimension::Version, groups, rest: None }];
    }
    let (_fixture, router) = deployed(&weeks).await;
    for query in ["compare=2026-11-08", "by=version&compare=v0.19.1&with=v0.20.0"] {
        let answer = page(&router, &format!("{base}/gopls-crash?{query}")).await;
        assert!(answer.text().contains("<bdi>any stack</bdi></strong> up 5.0 points"), "{query}");
    }
    let stack = page(&router, &format!("{base}/gopls-crash?compare=2026-11-08")).await;
    assert_eq!(stack.status, StatusCode::OK);
    // Ranks would be those of one of the two weeks.
    assert!(!stack.text().contains("1.\u{a0}<bdi>") && !stack.text().contains(">1. "));
}

#[tokio::test]
async fn two_versions_are_compared_and_hostile_names_are_only_text() {
    let (_fixture, router) = charted(2).await;
    let base = format!("/charts/{GOPLS}/@2026-11-15/gopls-client");
    let pair = page(&router, &format!("{base}?by=version&compare=v0.19.1&with=v0.20.0")).await;
    assert_eq!(pair.status, StatusCode::OK);
    assert!(pair.text().contains("from <bdi>v0.19.1</bdi> to <bdi>v0.20.0</bdi>"));
    assert!(pair.text().contains("<option value=\"v0.19.1\" selected>"));
    assert!(pair.text().contains("Users of the two differ"), "{}", pair.text());
    let twice = page(&router, &format!("{base}?by=version&compare=v0.19.1&with=v0.19.1")).await;
    assert!(twice.text().contains("Both were the same, so there is nothing to compare."));
    assert!(
        !page(&router, &format!("{base}?by=version")).await.text().contains("Both were the same")
    );
    let nobody = page(&router, &format!("{base}?by=version&compare=v0.19.1&with=v9.9.9")).await;
    assert_eq!(nobody.status, StatusCode::NOT_FOUND);
    let form = "by=version&compare=%3Cscript%3Ealert%281%29%3C%2Fscript%3E&with=%E2%80%AEturned";
    let odd = page(&router, &format!("/charts/{AWKWARD}/@2026-11-15/odd?{form}")).await;
    assert_eq!(odd.status, StatusCode::OK);
    let text = odd.text();
    assert!(text.contains("&lt;script&gt;alert(1)&lt;/script&gt;"));
    assert!(!text.contains("<script") && !text.contains(" style="), "{}", HOSTILE[0]);
    assert!(!text.split("</h1>").nth(1).expect("a body").contains(">\u{202e}"));
}

#[tokio::test]
async fn pages_of_ranges_have_titles_of_their_own_and_no_dead_links() {
    let (_fixture, router) = charted(12).await;
    // The week to 13 September has no charts.
    let range = "@2026-08-30..2026-09-13";
    let one = page(&router, &format!("/charts/{GOPLS}/{range}/gopls-client")).await;
    let days = "24–30 Aug 2026 to 7–13 Sep 2026";
    assert_eq!(title(&one), format!("Editor distribution over weeks · {GOPLS}, {days}"));
    let other = page(&router, &format!("/charts/{GOPLS}/{range}/platforms")).await;
    assert_eq!(title(&other), format!("Platforms over weeks · {GOPLS}, {days}"));
    assert!(one.text().contains("The last of these weeks: 31 Aug – 6 Sep 2026"), "{}", one.text());
    for link in links(one.text()).into_iter().filter(|link| link.starts_with("/charts/")) {
        assert_eq!(page(&router, &link).await.status, StatusCode::OK, "{link}");
    }
    assert!(!one.text().contains("provisional"));
    let newest = page(&router, &format!("/charts/{GOPLS}/@2026-10-25..2026-11-15/platforms")).await;
    assert!(
        newest.text().contains("The week of 9–15 Nov 2026 is provisional"),
        "{}",
        newest.text()
    );
}

#[tokio::test]
async fn new_configs_and_releases_are_marked_on_the_weeks() {
    let all: Vec<_> = charts::weeks(3).into_iter().map(charts::week).collect();
    let mut weeks = all;
    for (index, week) in weeks.iter_mut().enumerate() {
        let chart = figure(week, GOPLS, "gopls-client");
        // The newest week is the first under v0.4.0.
        let reports = chart.base.reports;
        let (config, rate) = if index == 0 { ("v0.4.0", 0.5) } else { ("v0.3.0", 0.25) };
        chart.rates =
            vec![crate::aggregate::figure::RateUse { config: config.into(), rate, reports }];
        let versions = figure(week, GOPLS, "program-versions");
        if index > 0 {
            versions.rows.retain(|row| row.label != "v0.20.0" && row.label != "v0.21.0-pre.1");
        }
    }
    let (_fixture, router) = deployed(&weeks).await;
    let answer = page(&router, &format!("/charts/{GOPLS}/@2026-11-15/gopls-client")).await;
    let text = answer.text();
    let config = "the first reports under config v0.4.0, sampling rate 50% instead of 25%";
    assert!(text.contains(config), "{text}");
    assert!(text.contains("the first reports of version v0.20.0"), "{text}");
    assert!(!text.contains("version v0.21.0-pre.1"), "{text}");
    assert!(!text.contains("under config v0.3.0,"), "{text}");
    let told = "Upright lines: a new config (solid), a new version of the program (dashed).";
    assert!(text.contains(told), "{text}");
}

#[tokio::test]
async fn an_ordinary_chart_s_page_is_small() {
    let (_fixture, router) = charted(30).await;
    for id in
        ["gopls-client", "gopls-completion-latency", "gopls-goversion", "gopls-bug", "gopls-crash"]
    {
        for query in ["", "?compare=2026-11-08", "?by=platform"] {
            let path = format!("/charts/{GOPLS}/@2026-11-15/{id}{query}");
            let answer = page(&router, &path).await;
            assert!(answer.body.len() < 64 << 10, "{path}: {} bytes", answer.body.len());
        }
    }
}

#[tokio::test]
async fn the_query_of_a_chart_names_a_file_that_is_served_where_it_was_asked() {
    let fixture = Fixture::with(9);
    charts::publish(&fixture.store, &[charts::week(NEWEST)]);
    let router = fixture.router().await;
    super::data::add_parquet(&fixture, NEWEST);
    let path = format!("/charts/{GOPLS}/@2026-11-15/gopls-client");
    for (host, base) in [
        ("telemetry.example.org", "https://telemetry.example.org"),
        ("127.0.0.1:8080", "http://127.0.0.1:8080"),
    ] {
        let headers = [("host", host), ("accept", "text/html")];
        let shown = ask(&router, Method::GET, &path, &headers).await;
        assert!(shown.text().contains(&format!("curl -s {base}{path}.sql | duckdb")), "{host}");
        // What is cited does not depend on where it was read.
        let cited = format!("telemetry.example.org. https://telemetry.example.org{path}<");
        assert!(shown.text().contains(&cited), "{host}");
        let sql = ask(&router, Method::GET, &format!("{path}.sql"), &headers).await;
        let named: Vec<&str> =
            sql.text().split('\'').filter(|part| part.ends_with(".parquet")).collect();
        assert!(!named.is_empty(), "{}", sql.text());
        for name in named {
            let file = name.strip_prefix(base).unwrap_or_else(|| panic!("{name} of {host}"));
            assert_eq!(get(&router, file).await.status, StatusCode::OK, "{name}");
        }
    }
}
