//! A config on several pages: `/config/VERSION?page=2`.
//!
//! Its tables have rows: each program with its versions, then its counters and stack counters. A page shows some of
//! them, and says which, so that the script can compare it with the same part of `config.json`.

use crate::collection::config::{CollectionConfig, CounterConfig, ProgramConfig, StackConfig};
use crate::collection::count_of;
use crate::web::numbers::counted;
use maud::{Markup, html};
use std::ops::Range;

/// Once a page has so many names, the next row begins another one.
const NAMES: usize = 2_000;

/// What is on a page.
#[derive(Debug, PartialEq)]
pub(super) struct Part<'c> {
    /// From 1.
    page: usize,
    pages: usize,
    /// Which of all rows.
    rows: Range<usize>,
    pub(super) programs: Vec<OfProgram<'c>>,
    /// The page on which each program begins.
    begins: Vec<(&'c str, usize)>,
}

/// What is on a page of a program.
#[derive(Debug, PartialEq)]
pub(super) struct OfProgram<'c> {
    pub(super) program: &'c ProgramConfig,
    /// Which of its rows; the first has its versions.
    rows: Range<usize>,
}

impl<'c> OfProgram<'c> {
    /// All of a program.
    pub(super) fn whole(program: &'c ProgramConfig) -> OfProgram<'c> {
        OfProgram { program, rows: 0..1 + program.counters.len() + program.stacks.len() }
    }

    /// Whether it begins here, rather than on an earlier page.
    pub(super) fn begins(&self) -> bool {
        self.rows.start == 0
    }

    /// Whether all of it is here.
    pub(super) fn is_whole(&self) -> bool {
        self.rows == OfProgram::whole(self.program).rows
    }

    pub(super) fn counters(&self) -> &'c [CounterConfig] {
        within(&self.program.counters, &self.rows, 1)
    }

    pub(super) fn stacks(&self) -> &'c [StackConfig] {
        within(&self.program.stacks, &self.rows, 1 + self.program.counters.len())
    }
}

/// The elements with these row numbers, the first of which has the number `first`.
fn within<'c, T>(all: &'c [T], rows: &Range<usize>, first: usize) -> &'c [T] {
    let place = |row: usize| row.saturating_sub(first).min(all.len());
    all.get(place(rows.start)..place(rows.end)).unwrap_or_default()
}

/// The page that a query asks for; what it does not know is ignored.
pub(super) fn asked(query: &str) -> usize {
    let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    let asked = pairs.find(|(key, _)| *key == "page").and_then(|(_, page)| page.parse().ok());
    asked.unwrap_or(1).max(1)
}

/// The query of a page, with the question mark; empty for the first.
pub(super) fn query(page: usize) -> String {
    if page == 1 { String::new() } else { format!("?page={page}") }
}

impl<'c> Part<'c> {
    /// What is on a page; `None` if there are fewer.
    pub(super) fn of(config: &'c CollectionConfig, page: usize) -> Option<Part<'c>> {
        let mut part =
            Part { page, pages: 1, rows: 0..0, programs: Vec::new(), begins: Vec::new() };
        // Where reports may come from is on the first page.
        let mut on_page = config.goos.len() + config.goarch.len() + config.go_version.len();
        let mut all = 0;
        for program in &config.programs {
            let counters = program.counters.iter().map(|counter| count_of(&counter.name));
            let rows = std::iter::once(1 + program.versions.len()).chain(counters);
            let mut shown: Option<Range<usize>> = None;
            for (row, names) in rows.chain(program.stacks.iter().map(|_| 1)).enumerate() {
                if on_page >= NAMES {
                    (part.pages, on_page) = (part.pages + 1, 0);
                }
                on_page += names;
                if row == 0 {
                    part.begins.push((&program.name, part.pages));
                }
                if part.pages == page {
                    if part.programs.is_empty() && shown.is_none() {
                        part.rows = all..all;
                    }
                    part.rows.end = all + 1;
                    shown.get_or_insert(row..row).end = row + 1;
                }
                all += 1;
            }
            part.programs.extend(shown.map(|rows| OfProgram { program, rows }));
        }
        (page <= part.pages).then_some(part)
    }

    /// Whether there is no other page.
    pub(super) fn is_all(&self) -> bool {
        self.pages == 1
    }

    /// Whether nothing is before it.
    pub(super) fn is_first(&self) -> bool {
        self.page == 1
    }

    /// Its rows, for the script; `None` if there is no other page.
    pub(super) fn rows(&self) -> Option<String> {
        (!self.is_all()).then(|| format!("{}-{}", self.rows.start, self.rows.end))
    }

    /// Links to the pages before and after it, and to where each program begins; empty if there are none.
    /// `address` is that of the first page.
    pub(super) fn links(&self, address: &str) -> Markup {
        let on = |page: usize| format!("{address}{}#sources", query(page));
        html! {
            @if !self.is_all() {
                nav.pages aria-label="Pages of this config" {
                    span { "Page " (self.page) " of " (self.pages) }
                    @if self.page > 1 { a href=(on(self.page - 1)) rel="prev" { "← Before" } }
                    @if self.page < self.pages { a href=(on(self.page + 1)) rel="next" { "More →" } }
                }
                @if self.is_first() && self.begins.len() > 1 {
                    details {
                        summary { "Where each of " (counted(self.begins.len() as u64, "program")) " begins" }
                        ul.names {
                            @for (program, page) in &self.begins {
                                li { code { (program) } ": " a href=(on(*page)) { "page " (page) } }
                            }
                        }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A config of programs with so many versions, groups of seven counters and stacks.
    fn config(programs: &[[usize; 3]]) -> CollectionConfig {
        let many = |count: usize, name: &str| -> Vec<String> {
            (0..count).map(|number| format!("{name}{number}")).collect()
        };
        let program = |(number, [versions, groups, stacks]): (usize, &[usize; 3])| {
            let counters = many(*groups, "g").into_iter().map(
                |name| serde_json::json!({ "Name": format!("{name}:{{a,b,c,d,e,f,g}}"), "Rate": 0.5 }),
            );
            let stacks = many(*stacks, "s")
                .into_iter()
                .map(|name| serde_json::json!({ "Name": name, "Rate": 0.5, "Depth": 4 }));
            serde_json::json!({
                "Name": format!("p{number}"), "Versions": many(*versions, "v1.0."),
                "Counters": counters.collect::<Vec<_>>(), "Stacks": stacks.collect::<Vec<_>>(),
            })
        };
        let config = serde_json::json!({
            "GOOS": ["linux"], "GOARCH": ["amd64"], "GoVersion": ["go1.24.1"], "SampleRate": 1,
            "Programs": programs.iter().enumerate().map(program).collect::<Vec<_>>(),
        });
        serde_json::from_value(config).expect("a config")
    }

    #[test]
    fn every_row_is_on_one_page() {
        let config = config(&[[1, 0, 0], [3, 700, 5], [2_500, 1, 1], [1, 0, 2_100], [1, 1, 1]]);
        let (mut counters, mut stacks, mut headings, mut rows) = (vec![], vec![], vec![], 0);
        let pages = Part::of(&config, 1).expect("a page").pages;
        assert!(pages > 4, "{pages}");
        for page in 1..=pages {
            let part = Part::of(&config, page).expect("a page");
            assert_eq!((part.rows.start, part.pages), (rows, pages));
            assert_eq!(part.rows(), Some(format!("{rows}-{}", part.rows.end)));
            rows = part.rows.end;
            let shown: usize = part.programs.iter().map(|of| of.rows.len()).sum();
            assert_eq!(shown, part.rows.len());
            for of in &part.programs {
                headings.extend(of.begins().then_some((&of.program.name, page)));
                counters.extend(of.counters().iter().map(|one| (&of.program.name, one)));
                stacks.extend(of.stacks().iter().map(|one| (&of.program.name, one)));
                assert_eq!(
                    of.is_whole(),
                    of.rows.len() == 1 + of.program.counters.len() + of.program.stacks.len()
                );
            }
            let links = part.links("/config/v0.1.0").into_string();
            assert_eq!(
                links.contains(&format!("?page={}#sources\" rel=\"next\"", page + 1)),
                page < pages
            );
            assert_eq!(links.contains("rel=\"prev\""), page > 1);
            let begins: Vec<_> = part.begins.iter().map(|(name, page)| (*name, *page)).collect();
            let all = headings.iter().map(|(name, page)| (name.as_str(), *page));
            assert!(all.eq(begins.into_iter().filter(|(_, on)| *on <= page)));
        }
        assert_eq!(Part::of(&config, pages + 1), None);
        let programs = &config.programs;
        let all = programs.iter().flat_map(|of| of.counters.iter().map(|one| (&of.name, one)));
        assert!(counters.into_iter().eq(all));
        let all = programs.iter().flat_map(|of| of.stacks.iter().map(|one| (&of.name, one)));
        assert!(stacks.into_iter().eq(all));
    }

    #[test]
    fn a_short_config_is_on_one_page() {
        for programs in [&[][..], &[[2, 3, 4]], &[[1, 0, 0], [100, 200, 300]]] {
            let config = config(programs);
            let part = Part::of(&config, 1).expect("a page");
            assert!(part.is_all() && part.programs.len() == programs.len());
            assert!(part.programs.iter().all(OfProgram::is_whole));
            assert_eq!((part.rows(), part.links("/a").into_string()), (None, String::new()));
            assert_eq!(Part::of(&config, 2), None);
        }
        assert_eq!(["", "page=0", "page=x", "a=b&page=3"].map(asked), [1, 1, 1, 3]);
        assert_eq!((query(1), query(3)), (String::new(), "?page=3".to_owned()));
    }
}
