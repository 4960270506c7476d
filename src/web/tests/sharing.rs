//! What people share: addresses that stay, badges, feeds, what search engines read, and titles that tell pages apart.

use super::fixture::{Answer, Fixture, ask, get};
use crate::aggregate::PublicData;
use crate::charts_fixture::{self as charts, GOPLS, NEWEST};
use crate::web::router;
use axum::Router;
use axum::http::{Method, StatusCode};
use std::collections::{BTreeMap, BTreeSet};

/// A deployment with charts of three weeks, of which all but the newest are final.
async fn charted() -> (Fixture, Router) {
    let fixture = Fixture::with(2);
    let weeks: Vec<_> = charts::weeks(3).into_iter().map(charts::week).collect();
    charts::publish(&fixture.store, &weeks);
    let changed = PublicData::new(fixture.store.clone()).update(|index| {
        for (date, week) in &mut index.weeks {
            week.data.complete = *date < NEWEST;
        }
        Ok::<_, crate::aggregate::PublicError>(())
    });
    changed.expect("an index");
    let router = router(fixture.site().await, None);
    (fixture, router)
}

async fn leads_to(router: &Router, path: &str) -> String {
    let answer = get(router, path).await;
    assert_eq!(answer.status, StatusCode::TEMPORARY_REDIRECT, "{path}: {}", answer.text());
    assert_eq!(answer.header("cache-control"), "public, max-age=300", "{path}");
    answer.header("location").to_owned()
}

#[tokio::test]
async fn latest_leads_to_the_newest_final_week_and_the_newest_version() {
    let (_fixture, router) = charted().await;
    for (path, target) in [
        ("/charts/@latest/".to_owned(), "/charts/@2026-11-08/".to_owned()),
        (format!("/charts/{GOPLS}/@latest"), format!("/charts/{GOPLS}/@2026-11-08/")),
        (
            format!("/charts/{GOPLS}/@latest/platforms.svg"),
            format!("/charts/{GOPLS}/@2026-11-08/platforms.svg"),
        ),
        ("/config/@latest".to_owned(), "/config/v0.2.0".to_owned()),
        ("/config/@latest.json".to_owned(), "/config/v0.2.0.json".to_owned()),
        ("/log/entry/@latest".to_owned(), "/log/entry/1".to_owned()),
    ] {
        assert_eq!(leads_to(&router, &path).await, target, "{path}");
        assert_eq!(get(&router, &target).await.status, StatusCode::OK, "{target}");
    }
    for path in ["/charts/no/such/program/@latest/", "/config/@latest.zip", "/charts/@latestx"] {
        assert_eq!(get(&router, path).await.status, StatusCode::NOT_FOUND, "{path}");
    }
    let empty = Fixture::new().router().await;
    for path in ["/charts/@latest/", "/config/@latest", "/log/entry/@latest"] {
        assert_eq!(get(&empty, path).await.status, StatusCode::NOT_FOUND, "{path}");
    }
    let data = super::data::fixture().router().await;
    for ending in ["parquet", "ndjson.zst", "ndjson.gz"] {
        let target = leads_to(&data, &format!("/data/weeks/@latest.{ending}")).await;
        assert_eq!(target, format!("/data/weeks/week-2026-11-15.{ending}"));
    }
    assert_eq!(get(&data, "/data/weeks/@latest.csv").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn without_a_final_week_latest_leads_to_the_newest() {
    let fixture = Fixture::with(1);
    let weeks: Vec<_> = charts::weeks(2).into_iter().map(charts::week).collect();
    charts::publish(&fixture.store, &weeks);
    let changed = PublicData::new(fixture.store.clone()).update(|index| {
        index.weeks.values_mut().for_each(|week| week.data.complete = false);
        Ok::<_, crate::aggregate::PublicError>(())
    });
    changed.expect("an index");
    let router = fixture.router().await;
    assert_eq!(leads_to(&router, "/charts/@latest/").await, format!("/charts/@{NEWEST}/"));
}

#[tokio::test]
async fn every_chart_has_a_badge() {
    let (_fixture, router) = charted().await;
    let week = charts::week(NEWEST);
    let program = week.programs.iter().find(|one| one.program == GOPLS).expect("the program");
    assert!(program.charts.len() > 3);
    for figure in &program.charts {
        let path = format!("/charts/{GOPLS}/@{NEWEST}/{}.badge.svg", figure.id);
        let badge = get(&router, &path).await;
        assert_eq!(badge.status, StatusCode::OK, "{path}");
        assert_eq!(badge.header("content-type"), "image/svg+xml", "{path}");
        let text = badge.text();
        assert!(text.starts_with("<svg ") && text.len() < 2_000, "{path}: {text}");
        assert!(!text.contains("style=") && !text.contains("<script"), "{path}: {text}");
    }
}

#[tokio::test]
async fn the_page_of_a_chart_has_a_picture_for_those_who_link_to_it() {
    let (_fixture, router) = charted().await;
    let page = get(&router, &format!("/charts/{GOPLS}/@{NEWEST}/platforms")).await;
    let start = "<meta property=\"og:image\" content=\"https://telemetry.example.org";
    let card = between(page.text(), start, "\"");
    let picture = get(&router, card).await;
    assert_eq!(picture.status, StatusCode::OK, "{card}");
    assert_eq!(picture.header("content-type"), "image/png", "{card}");
}

/// Asserts that an answer is Atom, with this many entries whose links work.
async fn assert_feed(router: &Router, path: &str, entries: usize) -> Answer {
    let feed = get(router, path).await;
    assert_eq!(feed.header("content-type"), "application/atom+xml; charset=utf-8", "{path}");
    let text = feed.text();
    assert_eq!(text.matches("<entry>").count(), entries, "{path}: {text}");
    let opened =
        text.matches('<').count() - text.matches("</").count() - text.matches("<?").count();
    assert_eq!(opened, text.matches("</").count(), "{path}");
    for link in text.split("<link rel=\"alternate\" href=\"https://telemetry.example.org").skip(1) {
        let page = link.split('"').next().expect("an address");
        assert_eq!(get(router, page).await.status, StatusCode::OK, "{path}: {page}");
    }
    feed
}

#[tokio::test]
async fn weeks_and_charts_have_feeds() {
    let (_fixture, router) = charted().await;
    let weeks = assert_feed(&router, "/charts/atom.xml", 3).await;
    for part in
        ["<id>tag:telemetry.example.org,2026:week/2026-11-15</id>", ", provisional<", ", final<"]
    {
        assert!(weeks.text().contains(part), "{part}: {}", weeks.text());
    }
    assert_feed(&router, "/charts/new.xml", 0).await;
    let page = get(&router, "/").await;
    for feed in ["/config/atom.xml", "/charts/atom.xml", "/charts/new.xml"] {
        let link = "type=\"application/atom+xml\" title=\"";
        assert!(page.text().contains(link) && page.text().contains(&format!("href=\"{feed}\"")));
    }
}

#[tokio::test]
async fn search_engines_find_every_page_that_stays() {
    let (_fixture, router) = charted().await;
    let robots = get(&router, "/robots.txt").await;
    assert!(robots.header("content-type").starts_with("text/plain"));
    assert!(robots.text().contains("Sitemap: https://telemetry.example.org/sitemap.xml\n"));
    let map = get(&router, "/sitemap.xml").await;
    assert_eq!(map.header("content-type"), "application/xml; charset=utf-8");
    let addresses: Vec<&str> =
        map.text().split("<loc>https://telemetry.example.org").skip(1).collect();
    let addresses: Vec<&str> =
        addresses.iter().filter_map(|rest| rest.split("</loc>").next()).collect();
    for expected in ["/", "/config/v0.2.0", "/charts/@2026-11-08/", "/privacy"] {
        assert!(addresses.contains(&expected), "{expected}: {addresses:?}");
    }
    for address in &addresses {
        assert_eq!(get(&router, address).await.status, StatusCode::OK, "{address}");
    }
    let part = get(&router, "/sitemap/1.xml").await;
    assert_eq!(part.text(), map.text());
    for path in ["/sitemap/0.xml", "/sitemap/99.xml", "/sitemap/x.xml", "/sitemap/1"] {
        assert_eq!(get(&router, path).await.status, StatusCode::NOT_FOUND, "{path}");
    }
}

fn between<'a>(text: &'a str, from: &str, to: &str) -> &'a str {
    text.split(from).nth(1).and_then(|rest| rest.split(to).next()).unwrap_or_default()
}

#[tokio::test]
async fn each_page_has_a_title_of_its_own_and_says_what_it_is() {
    let (_fixture, router) = charted().await;
    let (mut known, mut next) = (BTreeSet::from(["/".to_owned()]), vec!["/".to_owned()]);
    let mut titles: BTreeMap<String, String> = BTreeMap::new();
    while let Some(path) = next.pop() {
        let answer = ask(&router, Method::GET, &path, &[("accept", "text/html")]).await;
        if answer.status != StatusCode::OK
            || !answer.header("content-type").starts_with("text/html")
        {
            continue;
        }
        let html = answer.text();
        for property in ["og:title", "og:description", "og:site_name"] {
            let content = between(html, &format!("<meta property=\"{property}\" content=\""), "\"");
            assert!(!content.is_empty(), "{path}: {property}");
        }
        // A page that has another permanent address shares its title with that one.
        if answer.header("link").is_empty() {
            let title = between(html, "<title>", "</title>").to_owned();
            assert!(title.ends_with(" · telemetry.example.org"), "{path}: {title}");
            if let Some(other) = titles.insert(title.clone(), path.clone()) {
                panic!("{path} and {other} are both called {title}");
            }
        }
        for link in html.split(" href=\"").skip(1).filter_map(|rest| rest.split('"').next()) {
            let link = link.replace("&amp;", "&");
            let link = link.split('#').next().unwrap_or_default().to_owned();
            if link.starts_with('/') && known.insert(link.clone()) {
                next.push(link);
            }
        }
    }
    assert!(titles.len() > 30, "{titles:?}");
}

#[tokio::test]
async fn checksums_are_lines_of_hash_and_name() {
    let router = super::data::fixture().router().await;
    let weeks = get(&router, "/data/weeks/SHA256SUMS").await;
    assert_eq!(weeks.status, StatusCode::OK);
    assert!(weeks.header("content-type").starts_with("text/plain"));
    let lines: Vec<&str> = weeks.text().lines().collect();
    assert_eq!(lines.len(), 3);
    for line in lines {
        let (hash, name) = line.split_once("  ").expect("two spaces");
        let file = get(&router, &format!("/data/weeks/{name}")).await;
        assert_eq!(file.header("etag"), format!("\"{hash}\""), "{name}");
    }
    let days = get(&router, "/data/days/SHA256SUMS").await;
    assert_eq!(days.text().lines().count(), 2);
    assert_eq!(get(&router, "/data/years/SHA256SUMS").await.status, StatusCode::NOT_FOUND);
}
