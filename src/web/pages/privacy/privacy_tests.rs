//! Every sentence that depends on a setting changes with it.

use super::*;
use crate::web::receiving::{Budgets, Receiving};
use crate::web::numbers;

/// The words of the page, without what is markup.
fn page(practice: &Practice) -> String {
    let html = body("telemetry.example.org/config", None, None, practice).into_string();
    let mut words = String::new();
    for part in html.split('<') {
        let text = part.split_once('>').map_or(part, |(_, text)| text);
        words.push_str(text);
    }
    words.replace("&quot;", "\"").replace("&lt;", "<").replace("&amp;", "&")
}

fn receiving() -> Receiving {
    Receiving { merges: true, trusted_proxies: Vec::new(), budgets: None }
}

/// A deployment that takes reports, and has a stack chart.
fn practice() -> Practice {
    Practice {
        receiving: Some(receiving()),
        stacks: vec![("Crashes".to_owned(), Vec::new())],
        ..Practice::new(None)
    }
}

/// What is said with one setting and not with another one, and the other way around.
fn changes(with: &Practice, says: &[&str], without: &Practice, instead: &[&str]) {
    let (one, other) = (page(with), page(without));
    for sentence in says {
        assert!(one.contains(sentence), "{sentence:?} is not said: {one}");
        assert!(!other.contains(sentence), "{sentence:?} is said in any case");
    }
    for sentence in instead {
        assert!(other.contains(sentence), "{sentence:?} is not said: {other}");
        assert!(!one.contains(sentence), "{sentence:?} is said in any case");
    }
    assert_ne!(with.key(), without.key(), "the page would be kept");
}

#[test]
fn what_is_said_of_receiving_depends_on_whether_this_server_does() {
    changes(
        &practice(),
        &[
            "until it is merged, once a day",
            "A keyed hash of each report",
            "This server sets no limit",
        ],
        &Practice { receiving: None, ..practice() },
        &["This server takes no reports itself", "is up to the server that takes them"],
    );
    let by_hand = Receiving { merges: false, ..receiving() };
    changes(
        &practice(),
        &["until it is merged, once a day"],
        &Practice { receiving: Some(by_hand), ..practice() },
        &["until whoever runs this merges it with candor merge"],
    );
}

#[test]
fn what_is_said_of_addresses_and_floods_depends_on_budgets() {
    let budgets = Some(Budgets { prefix: 50, day: 40_000 });
    let with = Practice { receiving: Some(Receiving { budgets, ..receiving() }), ..practice() };
    changes(
        &with,
        &[
            "at most 50 reports at once from one network (/24, or /48 of IPv6), and 40,000 new ones a day from all",
            "until the secret is thrown away, every hour",
            "The server keeps a hash of the network that it is in",
            "Networks, at once",
        ],
        &practice(),
        &[
            "This server sets no limit to how many reports one sender may send",
            "nowhere: it is dropped as the connection is taken",
            "The server drops it as it accepts a connection",
        ],
    );
    // The number of prefixes is computed: for 16,588 reports and one point up from 10%.
    let needed = (16_588.0_f64 * 0.01 / 0.89).ceil();
    let html = body("m", None, None, &with).into_string();
    let reports = numbers::grouped(needed as u64);
    let prefixes = (needed / 50.0).ceil();
    let cells = format!("<td class=\"number\">{reports}</td><td class=\"number\">{prefixes}</td>");
    assert!(html.contains(&cells), "{cells}");
}

#[test]
fn what_is_said_of_proxies_depends_on_which_are_trusted() {
    let trusted_proxies = vec!["10.0.0.0/8".to_owned(), "192.0.2.7/32".to_owned()];
    let with =
        Practice { receiving: Some(Receiving { trusted_proxies, ..receiving() }), ..practice() };
    changes(
        &with,
        &["it believes what they say of them, in memory alone: 10.0.0.0/8, 192.0.2.7/32."],
        &practice(),
        &["This server trusts no proxy’s word on them."],
    );
}

#[test]
fn what_is_said_of_stacks_depends_on_the_minimum_and_the_packages() {
    let open = Practice { stack_minimum: 1, ..practice() };
    changes(
        &Practice { stack_minimum: 5, ..practice() },
        &["once at least 5 reports of a week have it", "No stack is shown that too few reports"],
        &open,
        &["Every stack is shown, even one that a single report has"],
    );
    let packages = vec!["example.org/tools".to_owned()];
    changes(
        &Practice { stacks: vec![("Crashes".to_owned(), packages)], ..practice() },
        &["Crashes: example.org/tools"],
        &practice(),
        &[
            "Crashes: no list: functions of any package are named",
            "of any package, where a chart has no list of packages",
        ],
    );
    changes(
        &Practice { stack_minimum: 2, ..practice() },
        &[
            "Whoever sends 2 reports with the same stack has it shown: the minimum counts reports, not people",
        ],
        &open,
        &["Whoever sends one report has its stack shown"],
    );
    let none = Practice { stacks: Vec::new(), ..practice() };
    assert!(!page(&none).contains("Call stacks") && page(&practice()).contains("Call stacks"));
    changes(
        &practice(),
        &[
            "The whole row of a public report with a stack that is not shown",
            "any words can be published",
        ],
        &none,
        &[],
    );
}

#[test]
fn what_is_said_of_configs_depends_on_which_are_revoked() {
    changes(
        &Practice { revoked: vec!["v0.3.0".to_owned(), "v0.5.0".to_owned()], ..practice() },
        &["their reports are refused at once: v0.3.0, v0.5.0."],
        &practice(),
        &["None is revoked."],
    );
}

#[test]
fn what_is_said_of_witnesses_depends_on_whether_there_are_any() {
    changes(
        &Practice { witnesses: 3, ..practice() },
        &["3 witnesses must see it too", "the verdict witnesses of candor audit"],
        &practice(),
        &["No witness looks at the log of configs"],
    );
}

#[test]
fn the_numbers_of_a_flood_follow_the_confidence_of_the_charts() {
    let table = page(&practice());
    assert!(
        table.contains("16,588 reports give a share to within 1% at 99% confidence"),
        "{table}"
    );
    let other = Practice { sample: 9_604, confidence: 0.95, ..practice() };
    changes(
        &other,
        &["9,604 reports give a share to within 1% at 95% confidence"],
        &practice(),
        &["16,588 reports"],
    );
}

#[test]
fn every_section_that_the_contents_name_is_there_once() {
    for practice in [practice(), Practice::new(None)] {
        let html = body("m", None, None, &practice).into_string();
        for (id, _) in CONTENTS {
            let there = html.matches(&format!(" id=\"{id}\"")).count();
            let linked = html.matches(&format!("href=\"#{id}\"")).count();
            let expected = usize::from(id != "stacks" || !practice.stacks.is_empty());
            assert_eq!(there, expected, "{id}");
            assert!(linked >= expected, "{id}");
        }
    }
}
