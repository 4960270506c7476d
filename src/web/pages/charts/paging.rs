//! Charts of a program on several pages: `?page=2`.

use crate::web::numbers::grouped;
use maud::{Markup, html};
use std::ops::RangeInclusive;

/// The most charts of a week on a page.
const CHARTS: usize = 40;
/// The most weeks of charts on a page: a chart of ten weeks has ten.
const WEEKS: usize = 600;
/// The fewest charts on a page, however many weeks there are.
const FEWEST: usize = 5;
/// The fewest and the most charts in short on a page: how each changed takes a millisecond.
const CARDS: RangeInclusive<usize> = 20..=60;
/// The most weeks of charts in short on a page.
const CARD_WEEKS: usize = 2_000;

/// A page of charts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Page {
    /// From 1.
    number: usize,
    /// How many charts it has at most.
    most: usize,
}

impl Page {
    /// The page that a query asks for, of charts of so many weeks. What it does not know is ignored.
    pub(super) fn parse(query: &str, weeks: usize) -> Page {
        Page::of(query, (WEEKS / weeks.max(1)).clamp(FEWEST, CHARTS))
    }

    /// The same of charts of one week in short.
    pub(super) fn of_week(query: &str) -> Page {
        Page::of(query, *CARDS.end())
    }

    /// The same over weeks.
    pub(super) fn of_cards(query: &str, weeks: usize) -> Page {
        Page::of(query, (CARD_WEEKS / weeks.max(1)).clamp(*CARDS.start(), *CARDS.end()))
    }

    /// The page that a query asks for, with so many charts at most.
    fn of(query: &str, most: usize) -> Page {
        let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        let asked = pairs.find(|(key, _)| *key == "page").and_then(|(_, page)| page.parse().ok());
        Page { number: asked.unwrap_or(1).max(1), most }
    }

    /// The number of its first chart; 0 is the first of all.
    pub(super) fn first(self) -> usize {
        (self.number - 1).saturating_mul(self.most)
    }

    /// How many charts it has at most.
    pub(super) fn most(self) -> usize {
        self.most
    }

    /// Whether there is such a page of so many charts.
    pub(super) fn is_of(self, all: usize) -> bool {
        self.number == 1 || self.first() < all
    }

    /// Its query, with the question mark; empty for the first.
    pub(super) fn query(self) -> String {
        match self.number {
            1 => String::new(),
            number => format!("?page={number}"),
        }
    }

    /// For titles: `, page 2`; empty for the first.
    pub(super) fn title(self) -> String {
        match self.number {
            1 => String::new(),
            number => format!(", page {number}"),
        }
    }

    /// Which of so many charts are shown, and links to the others; empty if all are. `address` is that of the
    /// first page.
    pub(super) fn links(self, all: usize, address: &str) -> Markup {
        let (first, last) = (self.first(), all.min(self.first().saturating_add(self.most)));
        let on = |number: usize| format!("{address}{}", Page { number, ..self }.query());
        html! {
            @if all > self.most {
                nav.pages aria-label="Pages of charts" {
                    span { (grouped((first as u64).saturating_add(1))) "–" (grouped(last as u64)) " of " (grouped(all as u64)) " charts" }
                    @if self.number > 1 { a href=(on(self.number - 1)) rel="prev" { "← Before" } }
                    @if last < all { a href=(on(self.number + 1)) rel="next" { "More →" } }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_has_fewer_charts_of_more_weeks() {
        for (weeks, most) in [(1, 40), (12, 40), (26, 23), (105, 5), (10_000, 5)] {
            assert_eq!(Page::parse("", weeks).most(), most, "{weeks}");
        }
        for (weeks, most) in [(1, 60), (26, 60), (52, 38), (105, 20)] {
            assert_eq!(Page::of_cards("", weeks).most(), most, "{weeks}");
        }
        let pages = ["", "page=0", "page=-1", "page=x", "page=2", "x=1&page=3"];
        let numbers = pages.map(|query| Page::parse(query, 1).number);
        assert_eq!(numbers, [1, 1, 1, 1, 2, 3]);
        let far = Page::parse(&format!("page={}", usize::MAX), 1);
        assert!(!far.is_of(10_000) && far.links(10_000, "/a").into_string().contains("/a?page="));
    }

    #[test]
    fn each_page_leads_to_the_next() {
        let links = |query: &str, all| Page::parse(query, 1).links(all, "/a").into_string();
        assert_eq!(links("", 40), "");
        let (first, second, last) = (links("", 90), links("page=2", 90), links("page=3", 90));
        assert!(
            first.contains("1–40 of 90 charts")
                && first.contains("href=\"/a?page=2\" rel=\"next\"")
        );
        assert!(
            second.contains("href=\"/a\" rel=\"prev\"") && second.contains("href=\"/a?page=3\"")
        );
        assert!(last.contains("81–90 of 90") && !last.contains("next"), "{last}");
        assert!(!Page::parse("page=4", 1).is_of(90) && Page::parse("page=3", 1).is_of(90));
    }
}
