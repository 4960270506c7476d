//! Whose telemetry this is: what `[project]` in the definitions says, on every page.

use super::words;
use crate::publish::CatalogueProject;
use crate::tlog::Host;
use maud::{Markup, html};

/// Licences that people choose for data, by their SPDX identifiers, with their texts.
const LICENCES: [(&str, &str); 6] = [
    ("CC0-1.0", "https://creativecommons.org/publicdomain/zero/1.0/"),
    ("CC-BY-4.0", "https://creativecommons.org/licenses/by/4.0/"),
    ("CC-BY-SA-4.0", "https://creativecommons.org/licenses/by-sa/4.0/"),
    ("ODbL-1.0", "https://opendatacommons.org/licenses/odbl/1-0/"),
    ("ODC-By-1.0", "https://opendatacommons.org/licenses/by/1-0/"),
    ("PDDL-1.0", "https://opendatacommons.org/licenses/pddl/1-0/"),
];

/// The name of a project's telemetry.
pub(super) fn telemetry_of(name: &str) -> String {
    match name.to_lowercase().ends_with("telemetry") {
        true => name.to_owned(),
        false => format!("{name} telemetry"),
    }
}

/// Who this is, in the footer of every page.
pub(super) fn about(project: &CatalogueProject, host: &Host) -> Markup {
    html! {
        p.who {
            strong { (project.name) } " runs this site, " (host) "."
            @if let Some(address) = &project.home_page {
                " Home page: " (words::link(address, &html! { (without_scheme(address)) })) "."
            }
            @if let Some(address) = &project.contact { " Contact: " (contact(address)) "." }
            @if let Some(name) = &project.licence { " Licence of the data: " (licence(name)) "." }
        }
    }
}

/// Where questions are answered.
pub(super) fn contact(address: &str) -> Markup {
    match words::is_web_address(address) {
        true => words::link(address, &html! { (without_scheme(address)) }),
        // The definitions only allow addresses that need no quoting.
        false => html! { a href={ "mailto:" (address) } { (address) } },
    }
}

/// A licence's name, with a link to its text if it is a known one.
pub(super) fn licence(name: &str) -> Markup {
    match LICENCES.iter().find(|(known, _)| *known == name) {
        Some((name, address)) => words::link(address, &html! { (name) }),
        None => html! { (name) },
    }
}

/// An address as people write it.
fn without_scheme(address: &str) -> &str {
    let rest = address.split_once("://").map_or(address, |(_, rest)| rest);
    rest.trim_end_matches('/')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_says_telemetry_once() {
        assert_eq!(telemetry_of("gopls and friends"), "gopls and friends telemetry");
        assert_eq!(telemetry_of("Go Telemetry"), "Go Telemetry");
    }

    #[test]
    fn the_footer_says_who_how_to_ask_and_what_may_be_done_with_the_data() {
        let project = CatalogueProject {
            name: "Us & you".to_owned(),
            opt_in: "us on".to_owned(),
            opt_out: "us off".to_owned(),
            home_page: Some("https://example.org/".to_owned()),
            contact: Some("us@example.org".to_owned()),
            licence: Some("CC0-1.0".to_owned()),
        };
        let host: Host = "telemetry.example.org".parse().expect("a host");
        let footer = about(&project, &host).into_string();
        for part in [
            "<strong>Us &amp; you</strong> runs this site, telemetry.example.org.",
            "<a href=\"https://example.org/\" rel=\"noopener\">example.org</a>",
            "<a href=\"mailto:us@example.org\">us@example.org</a>",
            "<a href=\"https://creativecommons.org/publicdomain/zero/1.0/\" rel=\"noopener\">CC0-1.0</a>",
        ] {
            assert!(footer.contains(part), "{part} is not in {footer}");
        }
        assert_eq!(licence("ours").into_string(), "ours");
        let asked = contact("https://example.org/ask").into_string();
        assert!(asked.contains("href=\"https://example.org/ask\""), "{asked}");
    }
}
