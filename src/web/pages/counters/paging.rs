//! The counters of a program on several pages: `?page=2`.

use super::listed::{self, Group};
use crate::collection::config::ProgramConfig;
use crate::web::numbers::grouped;
use maud::{Markup, html};
use std::ops::Range;

/// Once a page has so many counters, the next group begins another one.
const COUNTERS: usize = 400;
/// The same of a file.
const IN_A_FILE: usize = 2_000;

/// A page of counters, from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Page(usize);

/// What is on a page.
#[derive(Debug, PartialEq)]
pub(super) struct Part {
    pub(super) groups: Vec<Group>,
    /// Which of all counters they are.
    counters: Range<usize>,
    /// How many there are on all pages.
    all: usize,
}

impl Part {
    /// Whether there is no other page.
    pub(super) fn is_all(&self) -> bool {
        self.counters.len() == self.all
    }

    /// Whether there is a page after it.
    pub(super) fn has_next(&self) -> bool {
        self.counters.end < self.all
    }
}

impl Page {
    /// The first page.
    pub(super) const FIRST: Page = Page(1);

    /// Whether any counters are on it.
    pub(super) fn has_any(self, program: &ProgramConfig) -> bool {
        !self.of(program).groups.is_empty()
    }

    /// The page that a query asks for. What it does not know is ignored.
    pub(super) fn parse(query: &str) -> Page {
        let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        let asked = pairs.find(|(key, _)| *key == "page").and_then(|(_, page)| page.parse().ok());
        Page(asked.unwrap_or(1).max(1))
    }

    /// Its query, with the question mark; empty for the first.
    pub(super) fn query(self) -> String {
        if self.0 == 1 { String::new() } else { format!("?page={}", self.0) }
    }

    /// For titles: `, page 2`; empty for the first.
    pub(super) fn title(self) -> String {
        if self.0 == 1 { String::new() } else { format!(", page {}", self.0) }
    }

    /// The next one.
    pub(super) fn next(self) -> Page {
        Page(self.0.saturating_add(1))
    }

    /// What is on it: no group is on two pages. Without groups, there are fewer pages, unless it is the first.
    pub(super) fn of(self, program: &ProgramConfig) -> Part {
        self.with(program, COUNTERS)
    }

    /// The same of a file, which has more.
    pub(super) fn of_file(self, program: &ProgramConfig) -> Part {
        self.with(program, IN_A_FILE)
    }

    fn with(self, program: &ProgramConfig, most: usize) -> Part {
        let (mut page, mut on_page, mut all) = (1, 0, 0);
        let mut part = Part { groups: Vec::new(), counters: 0..0, all: 0 };
        for group in listed::groups(program) {
            if on_page >= most {
                (page, on_page) = (page + 1, 0);
            }
            let count = group.counters.len();
            if page == self.0 {
                if part.groups.is_empty() {
                    part.counters = all..all;
                }
                part.counters.end += count;
                part.groups.push(group);
            }
            on_page += count;
            all += count;
        }
        Part { all, ..part }
    }

    /// Which counters are shown, and links to the others; empty if all are. `address` is that of the first page.
    pub(super) fn links(self, part: &Part, address: &str) -> Markup {
        let Range { start, end } = part.counters;
        let on = |page: usize| format!("{address}{}", Page(page).query());
        html! {
            @if !part.is_all() {
                nav.pages aria-label="Pages of counters" {
                    span { (grouped(start as u64 + 1)) "–" (grouped(end as u64)) " of " (grouped(part.all as u64)) }
                    @if self.0 > 1 { a href=(on(self.0 - 1)) rel="prev" { "← Before" } }
                    @if part.has_next() { a href=(on(self.0 + 1)) rel="next" { "More →" } }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A program with groups of so many counters.
    fn program(groups: &[usize]) -> ProgramConfig {
        let counters = groups.iter().enumerate().map(|(group, count)| {
            let buckets: Vec<String> = (0..*count).map(|bucket| format!("b{bucket}")).collect();
            serde_json::json!({ "Name": format!("g{group}:{{{}}}", buckets.join(",")), "Rate": 0.5 })
        });
        let program = serde_json::json!({
            "Name": "p", "Versions": ["v1.0.0"], "Counters": counters.collect::<Vec<_>>(),
        });
        serde_json::from_value(program).expect("a program")
    }

    #[test]
    fn every_group_is_on_one_page() {
        let program = program(&[7; 300]);
        let all = listed::groups(&program);
        assert_eq!(all.len(), 300);
        let (mut found, mut number) = (Vec::new(), 1);
        loop {
            let (page, links) = (Page(number), Page(number).of(&program));
            if links.groups.is_empty() {
                break;
            }
            assert!(links.counters.len() < COUNTERS + 7, "{number}");
            assert_eq!(links.counters.start, found.len() * 7, "{number}");
            let text = page.links(&links, "/a").into_string();
            assert_eq!(
                text.contains(&format!("/a?page={}", number + 1)),
                links.counters.end < 2_100
            );
            found.extend(links.groups);
            number += 1;
        }
        assert_eq!(found, all);
        assert_eq!(number, 7, "pages and one more");
    }

    #[test]
    fn a_few_counters_are_on_one_page() {
        for groups in [&[][..], &[COUNTERS], &[3, 4]] {
            let program = program(groups);
            let part = Page::parse("").of(&program);
            assert!(part.is_all() && part.groups.len() == groups.len());
            assert_eq!(Page(1).links(&part, "/a").into_string(), "");
            assert!(Page::parse("page=2").of(&program).groups.is_empty());
        }
        let pages = ["page=0", "page=x", "a=b&page=3"].map(Page::parse);
        assert_eq!(pages, [Page(1), Page(1), Page(3)]);
    }
}
