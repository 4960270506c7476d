//! Links, times and commits, written the same way on all pages.

use crate::charts::CommitDetails;
use crate::gomod::{CommitTime, Provenance};
use crate::percent;
use crate::web::draw;
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

/// Links to discussions, in brackets; nothing if there are none.
pub(in crate::web) fn discussions(issues: &[String]) -> Markup {
    html! {
        @for (index, issue) in issues.iter().enumerate() {
            @if index == 0 { " (" } @else { ", " }
            (link(issue, &html! { "discussion" @if issues.len() > 1 { " " (index + 1) } }))
            @if index + 1 == issues.len() { ")" }
        }
    }
}

/// When and by whom something was introduced.
pub(in crate::web) fn introduced(repository: &str, details: &CommitDetails) -> Markup {
    let name = |name: &str| html! { bdi { (draw::plain(name)) } };
    html! {
        time datetime=(details.on) { (details.on) } " by " (name(&details.author))
        @for (index, reviewer) in details.reviewers.iter().enumerate() {
            @if index == 0 { ", reviewed by " } @else { ", " }
            (name(reviewer))
        }
        ", " (commit(repository, &details.commit))
    }
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

/// A line of a file at a commit, as a link where its repository is on a known forge; else beside links to what is
/// known of it.
pub(in crate::web) fn place(repository: &str, commit: &str, file: &str, line: u32) -> Markup {
    let text = html! { code { bdi { (draw::plain(file)) } ":" (line) } };
    match file_address(repository, commit, file, line) {
        Some(address) => link(&address, &text),
        None => html! { (text) " at " (self::commit(repository, commit)) (of(repository)) },
    }
}

/// A repository that is on no known forge, with a link.
fn of(repository: &str) -> Markup {
    html! { @if is_web_address(repository) { " of " (link(repository, &html! { (repository) })) } }
}

/// A text that is not broken over lines.
pub(in crate::web) fn unbroken(text: &str) -> Markup {
    html! { span.nowrap { (text) } }
}

/// The pages of a repository, by the addresses that its forge gives them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Forge {
    GitHub,
    GitLab,
    Forgejo,
    /// Of googlesource.com.
    Gitiles,
}

/// Where a known forge shows a commit.
pub(in crate::web) fn commit_address(repository: &str, commit: &str) -> Option<String> {
    let (forge, base) = forge(repository)?;
    Some(match forge {
        Forge::Gitiles => format!("{base}/+/{commit}"),
        Forge::GitHub | Forge::GitLab | Forge::Forgejo => format!("{base}/commit/{commit}"),
    })
}

/// Where a known forge shows what changed from one commit to another.
pub(in crate::web) fn range_address(repository: &str, commits: [&str; 2]) -> Option<String> {
    let ((forge, base), [from, to]) = (forge(repository)?, commits);
    Some(match forge {
        Forge::Gitiles => format!("{base}/+/{from}..{to}"),
        Forge::GitHub | Forge::GitLab | Forge::Forgejo => format!("{base}/compare/{from}...{to}"),
    })
}

/// Where a known forge shows a line of a file at a commit; line 0 is the whole file.
pub(in crate::web) fn file_address(
    repository: &str,
    commit: &str,
    file: &str,
    line: u32,
) -> Option<String> {
    let (forge, base) = forge(repository)?;
    let file = percent::path(file);
    let (mut address, mark) = match forge {
        Forge::GitHub | Forge::GitLab => (format!("{base}/blob/{commit}/{file}"), "#L"),
        Forge::Forgejo => (format!("{base}/src/commit/{commit}/{file}"), "#L"),
        Forge::Gitiles => (format!("{base}/+/{commit}/{file}"), "#"),
    };
    if line > 0 {
        address.push_str(&format!("{mark}{line}"));
    }
    Some(address)
}

/// The address of a repository's pages, if it is on a known forge. GitLab redirects addresses without `/-/`.
fn forge(repository: &str) -> Option<(Forge, &str)> {
    let base = repository.trim_end_matches('/');
    let base = base.strip_suffix(".git").unwrap_or(base);
    let (host, path) = base.strip_prefix("https://")?.split_once('/')?;
    let forge = match host {
        "github.com" => Forge::GitHub,
        "codeberg.org" => Forge::Forgejo,
        _ if host == "gitlab.com" || host.starts_with("gitlab.") => Forge::GitLab,
        _ if host.ends_with(".googlesource.com") => Forge::Gitiles,
        _ => return None,
    };
    let is_whole = forge == Forge::Gitiles || path.contains('/');
    (is_whole && !path.is_empty() && is_web_address(base)).then_some((forge, base))
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
            ("https://gitlab.example.org/a/b", Some("https://gitlab.example.org/a/b/commit/")),
            (
                "https://go.googlesource.com/telemetry",
                Some("https://go.googlesource.com/telemetry/+/"),
            ),
            ("https://github.com/a", None),
            ("https://example.org/a/b", None),
            ("https://evilgitlab.com/a/b", None),
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

    #[test]
    fn a_definition_is_a_link_wherever_its_repository_can_be_visited() {
        let at = |repository: &str| place(repository, "c0ffee", "charts/a.toml", 7).into_string();
        let known = at("https://go.googlesource.com/telemetry");
        let address = "https://go.googlesource.com/telemetry/+/c0ffee/charts/a.toml#7";
        assert!(known.starts_with(&format!("<a href=\"{address}\"")), "{known}");
        let other = at("https://git.example.org/charts");
        assert!(
            other.contains(">charts/a.toml</bdi>:7</code> at <code>c0ffee</code> of "),
            "{other}"
        );
        assert!(other.contains("<a href=\"https://git.example.org/charts\""), "{other}");
        for nowhere in ["", "/home/me/charts", "javascript:x"] {
            assert!(!at(nowhere).contains("href"), "{nowhere}");
        }
    }
}
