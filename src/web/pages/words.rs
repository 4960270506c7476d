//! Links, times and commits, written the same way on all pages.

use crate::gomod::{CommitTime, Provenance};
use maud::{Markup, html};

/// A text with its first letter capitalized.
pub(in crate::web) fn capitalized(text: &str) -> String {
    let mut characters = text.chars();
    match characters.next() {
        Some(first) => first.to_uppercase().chain(characters).collect(),
        None => String::new(),
    }
}

/// A commit's time, for machines and people.
pub(in crate::web) fn time(time: CommitTime) -> Markup {
    moment(&time.to_string())
}

/// A time in RFC 3339, in UTC.
pub(in crate::web) fn moment(text: &str) -> Markup {
    let shown = text.trim_end_matches('Z').replace('T', " ");
    // Seconds do not matter here; the exact time is in the attribute.
    let shown = shown.get(..16).unwrap_or(&shown);
    html! { time datetime=(text) { (shown) " UTC" } }
}

/// A link, if the address is an http or https one; else just its text.
pub(in crate::web) fn link(address: &str, text: &Markup) -> Markup {
    if is_web_address(address) {
        html! { a href=(address) rel="noopener" { (text) } }
    } else {
        html! { (text) }
    }
}

/// Whether an address is an http or https one. Anything else (`javascript:`, `data:`) must never
/// become a link.
pub(in crate::web) fn is_web_address(address: &str) -> bool {
    let rest = ["https://", "http://"].iter().find_map(|scheme| {
        let (start, rest) = address.split_at_checked(scheme.len())?;
        start.eq_ignore_ascii_case(scheme).then_some(rest)
    });
    rest.is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_graphic()))
}

/// The first digits of a commit's hash, with a link if its repository is on a known forge.
pub(in crate::web) fn commit(repository: &str, commit: &str) -> Markup {
    let short = html! { code { (commit.get(..12).unwrap_or(commit)) } };
    match commit_address(repository, commit) {
        Some(address) => link(&address, &short),
        None => short,
    }
}

/// The commit that a version was compiled from.
pub(in crate::web) fn commit_of(provenance: &Provenance) -> Markup {
    commit(provenance.repository.as_str(), provenance.commit.as_str())
}

/// Where a known forge shows a commit.
pub(in crate::web) fn commit_address(repository: &str, commit: &str) -> Option<String> {
    Some(format!("{}/commit/{commit}", forge(repository)?))
}

/// Where a known forge shows what changed from one commit to another.
pub(in crate::web) fn range_address(repository: &str, commits: [&str; 2]) -> Option<String> {
    Some(format!("{}/compare/{}...{}", forge(repository)?, commits[0], commits[1]))
}

/// Where a known forge shows a line of a file at a commit; line 0 is the whole file.
pub(in crate::web) fn file_address(
    repository: &str,
    commit: &str,
    file: &str,
    line: u32,
) -> Option<String> {
    let base = forge(repository)?;
    let mut address = match base.contains("://codeberg.org/") {
        true => format!("{base}/src/commit/{commit}/"),
        false => format!("{base}/blob/{commit}/"),
    };
    for byte in file.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                address.push(char::from(byte));
            }
            _ => address.push_str(&format!("%{byte:02X}")),
        }
    }
    if line > 0 {
        address.push_str(&format!("#L{line}"));
    }
    Some(address)
}

/// The address of a repository's pages on a known forge. GitLab redirects addresses without `/-/`.
fn forge(repository: &str) -> Option<&str> {
    let known = ["https://github.com/", "https://gitlab.com/", "https://codeberg.org/"];
    let base = repository.trim_end_matches('/');
    let base = base.strip_suffix(".git").unwrap_or(base);
    let path = known.iter().find_map(|host| base.strip_prefix(host))?;
    (path.contains('/') && is_web_address(base)).then_some(base)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_web_addresses_become_links() {
        for good in ["https://a.b/c?d=e&f#g", "http://a", "HTTPS://a"] {
            assert!(is_web_address(good), "{good}");
        }
        for bad in [
            "javascript:alert(1)",
            "data:text/html,x",
            "//a",
            "/a",
            "a",
            "",
            "https://",
            " https://a",
            "https://a b",
            "java\nscript:x",
            "https:a",
            "ftp://a",
        ] {
            assert!(!is_web_address(bad), "{bad}");
        }
        let text = html! { "<b>" };
        assert_eq!(link("javascript:x", &text).into_string(), "&lt;b&gt;");
        let quoted = link("https://a/\"onclick=", &text).into_string();
        assert!(quoted.starts_with("<a href=\"https://a/&quot;onclick=\""), "{quoted}");
    }

    #[test]
    fn commits_on_known_forges_are_linked() {
        let commit = "a".repeat(40);
        for (repository, address) in [
            ("https://github.com/a/b", Some("https://github.com/a/b/commit/")),
            ("https://gitlab.com/a/b/c.git", Some("https://gitlab.com/a/b/c/commit/")),
            ("https://codeberg.org/a/b/", Some("https://codeberg.org/a/b/commit/")),
            ("https://github.com/a", None),
            ("https://github.com.evil.org/a/b", None),
            ("git@github.com:a/b", None),
            ("http://github.com/a/b", None),
            ("", None),
        ] {
            let expected = address.map(|base| format!("{base}{commit}"));
            assert_eq!(commit_address(repository, &commit), expected, "{repository}");
        }
        assert_eq!(
            file_address("https://github.com/a/b", "c0", "charts/a b#.toml", 7).as_deref(),
            Some("https://github.com/a/b/blob/c0/charts/a%20b%23.toml#L7")
        );
    }
}
