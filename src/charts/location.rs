//! Where a repository is: a URL, or a folder of this machine.

use std::path::Path;

/// The text as a URL, if it is one: `scheme://...`, or git's short form `user@host:path`.
pub(super) fn as_url(location: &str) -> Option<&str> {
    let scheme = location.split_once("://").is_some_and(|(scheme, _)| {
        !scheme.is_empty() && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'+')
    });
    let short = location.split_once(':').is_some_and(|(host, _)| {
        host.contains('@') && !host.contains('/') && !Path::new(location).exists()
    });
    (scheme || short).then_some(location)
}

/// A URL without the `user:password@` that must never be published or printed.
pub(super) fn without_credentials(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let (authority, path) = rest.find('/').map_or((rest, ""), |at| rest.split_at(at));
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    format!("{scheme}://{host}{path}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_never_leave() {
        for (url, public) in [
            ("https://example.org/r.git", "https://example.org/r.git"),
            ("https://bob:secret@example.org/r.git", "https://example.org/r.git"),
            ("https://token@example.org:8443", "https://example.org:8443"),
            ("https://a:b@c@example.org/x@y", "https://example.org/x@y"),
        ] {
            assert_eq!(without_credentials(url), public);
        }
    }

    #[test]
    fn a_path_is_not_a_url() {
        for path in ["/srv/charts", "charts", "./a:b", "C:\\charts", "://x"] {
            assert_eq!(as_url(path), None, "{path}");
        }
        for url in ["https://example.org/r", "ssh://x/y", "git@example.org:team/charts.git"] {
            assert_eq!(as_url(url), Some(url));
        }
    }
}
