//! Sentences that depend on a setting change with it.

use super::*;
use crate::web::numbers;
use crate::web::receiver_settings::{Budgets, ReceiverSettings};

/// The text of the page, without markup.
fn page(settings: &PageSettings) -> String {
    let html = body("telemetry.example.org/config", None, None, settings).into_string();
    let mut words = String::new();
    for part in html.split('<') {
        let text = part.split_once('>').map_or(part, |(_, text)| text);
        words.push_str(text);
    }
    words.replace("&quot;", "\"").replace("&lt;", "<").replace("&amp;", "&")
}

fn receiving() -> ReceiverSettings {
    ReceiverSettings { in_store: false, merges: true, trusted_proxies: Vec::new(), budgets: None }
}

/// A deployment that accepts reports and has a stack chart.
fn settings() -> PageSettings {
    with_receiver(Some(receiving()))
}

/// The same deployment, which accepts reports like this.
fn with_receiver(receiving: Option<ReceiverSettings>) -> PageSettings {
    PageSettings {
        promised: promises::Settings { receiving, ..promises::Settings::default() },
        stacks: vec![("Crashes".to_owned(), Vec::new())],
        ..PageSettings::new(None)
    }
}

/// Asserts that the page says `says` only with one setting, and `instead` only with the other.
fn changes(with: &PageSettings, says: &[&str], without: &PageSettings, instead: &[&str]) {
    let (one, other) = (page(with), page(without));
    for sentence in says {
        assert!(one.contains(sentence), "{sentence:?} is not said: {one}");
        assert!(!other.contains(sentence), "{sentence:?} is said in any case");
    }
    for sentence in instead {
        assert!(other.contains(sentence), "{sentence:?} is not said: {other}");
        assert!(!one.contains(sentence), "{sentence:?} is said in any case");
    }
    assert_ne!(with.key(), without.key(), "the page would be cached");
}

#[test]
fn sentences_about_receiving_depend_on_whether_this_server_does() {
    changes(
        &settings(),
        &[
            "until it is merged, once a day",
            "A keyed hash of each report",
            "This server does not limit",
        ],
        &with_receiver(None),
        &["This server accepts no reports itself", "depends on the server that accepts them"],
    );
    let by_hand = ReceiverSettings { merges: false, ..receiving() };
    changes(
        &settings(),
        &["until it is merged, once a day"],
        &with_receiver(Some(by_hand)),
        &["until the operator merges it with candor merge"],
    );
}

#[test]
fn sentences_about_addresses_and_floods_depend_on_budgets() {
    let budgets = Some(Budgets { prefix: 50, day: 40_000 });
    let with = with_receiver(Some(ReceiverSettings { budgets, ..receiving() }));
    changes(
        &with,
        &[
            "at most 50 reports at once from one network (/24, or /48 of IPv6), and 40,000 new ones a day from all",
            "until at most an hour after the network’s last report",
            "This server keeps only a hash of the sender’s network, with a secret, in memory",
            "Networks, at once",
        ],
        &settings(),
        &[
            "This server does not limit how many reports one sender may send",
            "nowhere on this server",
            "This server does not keep the sender’s address",
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
fn sentences_about_what_is_kept_depend_on_where() {
    let budgets = Some(Budgets { prefix: 50, day: 40_000 });
    let kept =
        |in_store| with_receiver(Some(ReceiverSettings { in_store, budgets, ..receiving() }));
    changes(
        &kept(true),
        &[
            "the store (below uploads/), which is at its provider and is not served",
            "the store, which is at its provider",
            "The provider of the store can tell when",
            "or the store, or breaks into either, can see them",
            "Each server that takes reports has limits of its own",
        ],
        &kept(false),
        &[
            "the buffer, on this server’s disk",
            "while a file of the buffer is being written",
            "whoever runs this server, or breaks into it, can see them",
        ],
    );
}

#[test]
fn sentences_about_proxies_depend_on_which_are_trusted() {
    let trusted_proxies = vec!["10.0.0.0/8".to_owned(), "192.0.2.7/32".to_owned()];
    let with = with_receiver(Some(ReceiverSettings { trusted_proxies, ..receiving() }));
    changes(
        &with,
        &["It is behind proxies (10.0.0.0/8, 192.0.2.7/32), which see every address"],
        &settings(),
        &["It is not set up to be behind a proxy."],
    );
}

#[test]
fn sentences_about_stacks_depend_on_the_minimum_and_the_packages() {
    let open = PageSettings { stack_minimum: 1, ..settings() };
    changes(
        &PageSettings { stack_minimum: 5, ..settings() },
        &["once at least 5 reports of a week have it", "No stack is shown that too few reports"],
        &open,
        &["Every stack is shown, even if only a single report has it"],
    );
    let packages = vec!["example.org/tools".to_owned()];
    changes(
        &PageSettings { stacks: vec![("Crashes".to_owned(), packages)], ..settings() },
        &["Crashes: example.org/tools"],
        &settings(),
        &[
            "Crashes: no list, so functions of any package are named",
            "of any package, if a chart has no list of packages",
        ],
    );
    changes(
        &PageSettings { stack_minimum: 2, ..settings() },
        &[
            "Anyone who sends 2 reports with the same stack gets it published: the minimum counts reports, not people",
        ],
        &open,
        &["Anyone who sends one report gets its stack published"],
    );
    let none = PageSettings { stacks: Vec::new(), ..settings() };
    assert!(!page(&none).contains("Call stacks") && page(&settings()).contains("Call stacks"));
    changes(
        &settings(),
        &[
            "The whole row of a public report with a call stack that is too rare to be shown",
            "any words that look like functions can be published",
        ],
        &none,
        &[],
    );
}

#[test]
fn sentences_about_configs_depend_on_which_are_revoked() {
    changes(
        &PageSettings { revoked: vec!["v0.3.0".to_owned(), "v0.5.0".to_owned()], ..settings() },
        &["Revoked, so reports under them are refused: v0.3.0, v0.5.0."],
        &settings(),
        &["None has been revoked."],
    );
}

#[test]
fn sentences_about_witnesses_depend_on_whether_there_are_any() {
    let with = |witnesses, quorum| {
        let promised = promises::Settings { witnesses, quorum, ..settings().promised };
        PageSettings { promised, ..settings() }
    };
    changes(
        &with(3, 2),
        &["2 of its 3 witnesses must have signed it", "the verdict witnesses of candor audit"],
        &settings(),
        &["No witness checks the log of configs"],
    );
    changes(
        &with(3, 3),
        &["all of its 3 witnesses must have signed it"],
        &with(3, 0),
        &["The log’s policy names 3 witnesses but requires none of them"],
    );
}

#[test]
fn the_numbers_of_a_flood_follow_the_confidence_of_the_charts() {
    let table = page(&settings());
    assert!(
        table.contains("16,588 reports give a share to within 1% at 99% confidence"),
        "{table}"
    );
    let other = PageSettings { sample: 9_604, confidence: 0.95, ..settings() };
    changes(
        &other,
        &["9,604 reports give a share to within 1% at 95% confidence"],
        &settings(),
        &["16,588 reports"],
    );
}

#[test]
fn every_section_in_the_contents_exists_once() {
    for settings in [settings(), PageSettings::new(None)] {
        let html = body("m", None, None, &settings).into_string();
        for (id, _) in CONTENTS {
            let there = html.matches(&format!(" id=\"{id}\"")).count();
            let linked = html.matches(&format!("href=\"#{id}\"")).count();
            let expected = usize::from(id != "stacks" || !settings.stacks.is_empty());
            assert_eq!(there, expected, "{id}");
            assert!(linked >= expected, "{id}");
        }
    }
}
