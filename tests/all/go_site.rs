//! The site of the Go project's real definitions, over some weeks of simulated reports: every link works, and
//! pages are as light as their readers need.
//!
//! The definitions are under `CANDOR_DATA`; without it this is skipped, and says so.

#![cfg(feature = "server")]

use crate::support;
use std::collections::{BTreeMap, BTreeSet};
use support::go_site::GoSite;
use support::text;

const GOPLS: &str = "golang.org/x/tools/gopls";
/// What pages may weigh, in bytes.
const LIGHT: usize = 150_000;

/// The values of an attribute on a page, as a browser reads them.
fn attributes(html: &str, name: &str) -> Vec<String> {
    let start = format!(" {name}=\"");
    let values = html.split(&start).skip(1).filter_map(|rest| rest.split('"').next());
    let decoded = |value: &str| {
        value
            .replace("&quot;", "\"")
            .replace("&lt;", "<")
            .replace("&gt;", ">")
            .replace("&amp;", "&")
    };
    values.map(decoded).collect()
}

/// GETs everything that can be reached, and returns the pages by their addresses.
pub fn crawl(get: impl Fn(&str) -> (u16, Vec<u8>)) -> BTreeMap<String, String> {
    let mut pages = BTreeMap::new();
    let mut fragments = Vec::new();
    let mut seen = BTreeSet::from(["/".to_owned()]);
    let mut next = vec![("/".to_owned(), String::new())];
    while let Some((path, from)) = next.pop() {
        let (status, body) = get(&path);
        assert_eq!(status, 200, "{path}, found on {from}");
        if !body.starts_with(b"<!DOCTYPE html>") {
            continue;
        }
        let page = text(&body);
        for link in attributes(&page, "href") {
            assert!(
                link.starts_with(['/', '#'])
                    || link.starts_with("https://")
                    || link.starts_with("mailto:"),
                "{path} links to {link}"
            );
            let (to, fragment) = link.split_once('#').unwrap_or((&link, ""));
            let to = if to.is_empty() { path.as_str() } else { to };
            if !to.starts_with('/') {
                continue;
            }
            if !fragment.is_empty() {
                fragments.push((path.clone(), to.to_owned(), fragment.to_owned()));
            }
            if seen.insert(to.to_owned()) {
                next.push((to.to_owned(), path.clone()));
            }
        }
        pages.insert(path, page);
    }
    for (from, to, fragment) in fragments {
        let ids = pages.get(&to).map(|page| attributes(page, "id")).unwrap_or_default();
        assert!(ids.contains(&fragment), "{from} links to #{fragment} of {to}, which has none");
    }
    pages
}

#[test]
fn every_link_works_and_pages_are_light() {
    let Some(site) = GoSite::new(3, 600) else { return };
    let server = site.deployment.serve();
    let pages = crawl(|path| server.get(path));
    for path in [
        "/charts/@all".to_owned(),
        "/counters/".to_owned(),
        format!("/charts/{GOPLS}/"),
        format!("/counters/{GOPLS}/"),
        format!("/counters/{GOPLS}/gopls/client:vscode"),
        format!("/counters/{GOPLS}/gopls/bug"),
        format!("/charts/{GOPLS}/@{}/gopls-client", site.weeks.last().expect("a week")),
    ] {
        assert!(pages.contains_key(&path), "{path} is not reached");
    }
    for (path, page) in &pages {
        // Everything at once is what these are for.
        let is_whole =
            path.ends_with("/@all") || path == "/privacy" || path.starts_with("/config/");
        let is_chart = path.starts_with("/charts/") && !path.ends_with('/') && path.contains("/@");
        if !is_whole && !is_chart {
            assert!(page.len() < LIGHT, "{path}: {} bytes", page.len());
        }
    }
    the_overview_has_every_chart(&pages);
    a_counter_says_who_asked(&site, &pages);
    everything_is_found(&server);
}

fn the_overview_has_every_chart(pages: &BTreeMap<String, String>) {
    let overview = &pages[&format!("/charts/{GOPLS}/")];
    let (reviewed, rest) = overview.split_once("<details").expect("what is folded");
    assert!(reviewed.contains("Editor Distribution") && !reviewed.contains("Program versions"));
    assert!(rest.contains("Program versions") && rest.contains("Toolchains"));
    assert_eq!(
        overview.matches("<svg class=\"sparkline\"").count(),
        overview.matches("<h3>").count()
    );
    // One address for everything, as it was.
    let all = attributes(overview, "href").into_iter().find(|link| link.ends_with("/@all"));
    assert!(pages[&all.expect("a link")].contains("Editor Distribution"));
}

/// A bucket of a chart is younger than the chart.
fn a_counter_says_who_asked(site: &GoSite, pages: &BTreeMap<String, String>) {
    let page = |bucket: &str| &pages[&format!("/counters/{GOPLS}/gopls/client:{bucket}")];
    for (bucket, since) in [("vscode", 1), ("windsurf", 3), ("claude", 5)] {
        let version = format!("v0.{since}.0");
        let day = site.published[since - 1];
        let since = format!(
            "config <a href=\"/config/{version}\">{version}</a>, of <time datetime=\"{day}\">"
        );
        assert!(page(bucket).contains(&since), "{bucket}: {since} is not in {}", page(bucket));
    }
    let vscode = page("vscode");
    for said in ["https://go.dev/issue/61038", "Editor Distribution", "100% of those", "gopls.toml"]
    {
        assert!(vscode.contains(said), "{said}");
    }
    let day = site.published[0];
    // The commit that added the chart is among those that asked for it, so it is not named apart.
    let (_, asked) = vscode.split_once("<dt>Asked for by</dt>").expect("who asked");
    assert!(asked.contains(&format!("<time datetime=\"{day}\">{day}</time> by ")), "{asked}");
    assert!(!vscode.contains(", by commit"), "{vscode}");
    // Both ways.
    let chart = attributes(vscode, "href").into_iter().find(|link| link.ends_with("/gopls-client"));
    assert!(pages.contains_key(&chart.expect("a link to the chart")));
    let crashes = &pages[&format!("/counters/{GOPLS}/crash/crash")];
    for said in
        ["First seen", "Reports by version", "main.main", "16 frames", "https://go.dev/issue/"]
    {
        assert!(crashes.contains(said), "{said}: {crashes}");
    }
}

fn everything_is_found(server: &support::Server) {
    let found = |query: &str| {
        let (status, body) = server.get(&format!("/charts/@all{query}"));
        assert_eq!(status, 200, "{query}");
        text(&body)
    };
    assert!(found("?q=editor").contains("Editor Distribution"));
    assert!(found("?q=client%3Aneovim&type=counter").contains("/gopls/client:neovim\""));
    assert!(found("?program=cmd%2Fgo&type=histogram&q=zzz").contains("Nothing has this name"));
    for missing in ["/counters/nobody/x", &format!("/counters/{GOPLS}/gopls/client:nobody")] {
        assert_eq!(server.get(missing).0, 404, "{missing}");
    }
}
