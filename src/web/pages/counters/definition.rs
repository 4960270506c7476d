//! What a definition says, on the pages of its counters and of its chart: who asked for it, and its limits.

use super::program::code;
use crate::charts::CommitDetails;
use crate::collection::expand;
use crate::collection::frame::OTHER_PACKAGES;
use crate::publish::{Catalogue, CatalogueChart};
use crate::web::draw;
use crate::web::pages::words;
use maud::{Markup, html};

/// The most commits that are listed.
const COMMITS: usize = 5;

/// The commits that introduced what a chart counts, the oldest first; empty if that was not recorded.
fn commits<'c>(catalogue: &'c Catalogue, chart: &CatalogueChart) -> Vec<&'c CommitDetails> {
    let names: Vec<String> = expand(&chart.counter).chain(chart.over.clone()).collect();
    let names = names.iter().map(String::as_str);
    let is_stack = chart.kind == "stack";
    let mut commits = catalogue.introduced_by(&chart.program, names, is_stack);
    commits.sort_by_key(|commit| commit.on);
    commits
}

/// Whether a commit is one of those that asked for a chart, which [`who`] lists.
pub(super) fn is_asked_in(catalogue: &Catalogue, chart: &CatalogueChart, commit: &str) -> bool {
    commits(catalogue, chart).iter().take(COMMITS).any(|asked| asked.commit == commit)
}

/// Whether [`who`] names this commit and no other.
pub(super) fn is_only_commit(catalogue: &Catalogue, chart: &CatalogueChart, commit: &str) -> bool {
    matches!(commits(catalogue, chart).as_slice(), [only] if only.commit == commit)
}

/// Who asked for a chart, and when that was changed last: terms and descriptions.
pub(in crate::web::pages) fn who(catalogue: &Catalogue, chart: &CatalogueChart) -> Markup {
    let commits = commits(catalogue, chart);
    let repository = catalogue.repository.as_str();
    html! {
        @if !commits.is_empty() {
            dt { "Asked for by" }
            dd {
                @for (index, commit) in commits.iter().take(COMMITS).enumerate() {
                    @if index > 0 { br; }
                    @if !commit.subject.is_empty() { "“" bdi { (draw::plain(&commit.subject)) } "”, " }
                    (words::introduced(repository, commit))
                }
                @if commits.len() > COMMITS { br; "and " (commits.len() - COMMITS) " more commits" }
            }
        }
        @if let [_, .., last] = commits.as_slice() {
            dt { "Counters last added" }
            dd { time datetime=(last.on) { (last.on) } }
        }
    }
}

/// What is counted, and until when: terms and descriptions.
pub(in crate::web::pages) fn limits(chart: &CatalogueChart) -> Markup {
    html! {
        dt { "Counted by" }
        dd {
            @match &chart.version {
                Some(version) => { "version " bdi { (draw::plain(version)) } " and later" }
                None => "every version that may report",
            }
        }
        dt { "Collected until" }
        dd {
            @match chart.expires {
                Some(day) => time datetime=(day) { (day) },
                None => "no end date; until the definition is removed",
            }
        }
        @if !chart.packages.is_empty() {
            dt { "Functions named" }
            dd {
                "those of these packages; others are stored as " code { (OTHER_PACKAGES) }
                ul.names { @for package in &chart.packages { li { (code(package)) } } }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn commit(commit: &str, on: &str, author: &str, counters: &[&str]) -> serde_json::Value {
        json!({
            "commit": commit, "on": on, "subject": "Count <verbs>", "author": author,
            "counters": { "example.org/tool": counters },
        })
    }

    #[test]
    fn a_definition_says_who_asked_and_what_was_added_since() {
        let catalogue = |commits: &[serde_json::Value]| -> Catalogue {
            serde_json::from_value(json!({
                "format": 1, "repository": "https://github.com/example/charts", "commit": "c", "time": 0,
                "as_of": "2026-02-04", "path": "", "confidence": 0.99, "programs": [], "introduced": commits,
                "charts": [{
                    "id": "verb", "title": "Verbs", "issue": [], "kind": "partition", "program": "example.org/tool",
                    "counter": "verb:{run,help}", "expires": "2027-01-01", "file": "a.toml", "line": 1, "added": "c",
                    "added_on": "2026-02-04",
                }],
            }))
            .expect("a catalogue")
        };
        let said = |catalogue: &Catalogue| {
            let chart = &catalogue.charts[0];
            html! { (who(catalogue, chart)) (limits(chart)) }.into_string()
        };
        let first = commit("aaaa", "2026-02-04", "Ann", &["verb:run"]);
        let later = commit("bbbb", "2026-03-05", "Ben", &["verb:help", "other:x"]);
        let none_of_it = commit("cccc", "2026-04-06", "Cid", &["other:{y,z}"]);
        let text = said(&catalogue(&[later.clone(), none_of_it, first.clone()]));
        let (ann, ben) = (text.find("by <bdi>Ann"), text.find("by <bdi>Ben"));
        assert!(ann.is_some() && ann < ben && !text.contains("Cid"), "{text}");
        for part in [
            "“<bdi>Count &lt;verbs&gt;</bdi>”",
            "href=\"https://github.com/example/charts/commit/aaaa\"",
            "<dt>Counters last added</dt><dd><time datetime=\"2026-03-05\">",
            "<dt>Collected until</dt><dd><time datetime=\"2027-01-01\">",
            "every version that may report",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
        let (one, two) =
            (catalogue(std::slice::from_ref(&first)), catalogue(&[first.clone(), later]));
        let asked =
            |catalogue: &Catalogue, commit| is_asked_in(catalogue, &catalogue.charts[0], commit);
        assert!(asked(&one, "aaaa") && asked(&two, "bbbb") && !asked(&two, "cccc"));
        assert!(is_only_commit(&one, &one.charts[0], "aaaa"));
        assert!(!is_only_commit(&two, &two.charts[0], "aaaa"));
        assert!(!said(&catalogue(&[first])).contains("last added"));
        assert!(!said(&catalogue(&[])).contains("Asked for by"));
    }
}
