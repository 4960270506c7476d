//! Where a repository is: a URL, or a folder of this machine.

use std::path::{Path, PathBuf};

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

/// The folder that a `file://` URL names, with `%20` and the like read as the bytes they stand for.
pub(super) fn file_of(url: &str) -> Option<PathBuf> {
    let path = url.strip_prefix("file://")?;
    let path = path.strip_prefix("localhost").filter(|p| p.starts_with('/')).unwrap_or(path);
    let mut decoded = Vec::new();
    let mut rest = path.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let byte = after.get(..2).filter(|_| *first == b'%').and_then(|digits| {
            let digits = str::from_utf8(digits).ok()?;
            digits.bytes().all(|b| b.is_ascii_hexdigit()).then_some(())?;
            u8::from_str_radix(digits, 16).ok()
        });
        decoded.push(byte.unwrap_or(*first));
        rest = if byte.is_some() { after.get(2..).unwrap_or_default() } else { after };
    }
    String::from_utf8(decoded).ok().map(PathBuf::from)
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
    fn a_file_url_is_a_folder() {
        for (url, folder) in [
            ("file:///srv/charts", Some("/srv/charts")),
            ("file://localhost/srv/a%20b", Some("/srv/a b")),
            ("file:///srv/100%/%zz", Some("/srv/100%/%zz")),
            ("https://example.org/x", None),
        ] {
            assert_eq!(file_of(url), folder.map(PathBuf::from), "{url}");
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
