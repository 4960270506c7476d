//! Addresses of repositories, and the only code that decides which parts of them may be shown.
//!
//! The address that is passed to git ([`RepositoryAddress`]) may contain a user name, a password or a
//! token anywhere. What is published ([`RepositoryUrl`]), printed, or used in a name is the address
//! without those parts.

use crate::percent;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::path::{Path, PathBuf};

/// Where a repository is, as passed to git: a local folder, a URL, or git's short form of an SSH address,
/// `user@host:path`. `Display` and `Debug` leave out what must not be shown.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct RepositoryAddress(String);

/// The address of a repository that may be published: without credentials, or empty.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RepositoryUrl(String);

/// An address that is not written as [`RepositoryUrl::public`] writes it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("repository address {0:?} contains more than a public address may")]
pub struct RepositoryUrlError(String);

/// An address without user name, password, query and fragment.
struct Stripped<'a> {
    /// With `://`; empty in the short form.
    scheme: String,
    /// `git@` in an SSH address, which names the service and not a person; otherwise empty.
    user: &'static str,
    host: &'a str,
    path: &'a str,
}

impl<'a> Stripped<'a> {
    /// `None` for a local folder.
    fn of(address: &'a str) -> Option<Stripped<'a>> {
        let address = address.split(['?', '#']).next().unwrap_or("");
        let (scheme, rest) = match address.split_once("://") {
            Some((scheme, rest)) => (scheme.to_ascii_lowercase() + "://", rest),
            None => (String::new(), address),
        };
        // HOST:PATH is git's short form of an SSH address; a slash before the colon, or one letter
        // (a drive of Windows) for a host, makes it a folder.
        let end = if scheme.is_empty() {
            rest.find(['/', ':']).filter(|at| rest.as_bytes().get(*at) == Some(&b':'))?
        } else {
            rest.find('/').unwrap_or(rest.len())
        };
        let (authority, path) = rest.split_at(end);
        let (user, host) = authority.rsplit_once('@').unwrap_or(("", authority));
        if scheme.is_empty() && host.len() == 1 {
            return None;
        }
        let ssh = matches!(scheme.as_str(), "ssh://" | "");
        let user = if ssh && user == "git" { "git@" } else { "" };
        Some(Stripped { scheme, user, host, path })
    }
}

impl fmt::Display for Stripped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}{}{}", self.scheme, self.user, self.host, self.path)
    }
}

impl RepositoryAddress {
    /// Takes an address as a user wrote it.
    pub fn new(address: impl Into<String>) -> RepositoryAddress {
        RepositoryAddress(address.into())
    }

    /// The full address, with credentials: only for git.
    pub fn for_git(&self) -> &str {
        &self.0
    }

    /// Whether it is a URL or the short form of one, and not a local folder.
    pub fn is_url(&self) -> bool {
        let scheme = self.0.split_once("://").is_some_and(|(scheme, _)| {
            !scheme.is_empty() && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'+')
        });
        let short = self.0.split_once(':').is_some_and(|(host, _)| {
            host.contains('@') && !host.contains('/') && !Path::new(&self.0).exists()
        });
        scheme || short
    }

    /// The folder of a `file://` URL, with percent-encoding decoded.
    pub fn file(&self) -> Option<PathBuf> {
        let path = self.0.strip_prefix("file://")?;
        let path = path.strip_prefix("localhost").filter(|p| p.starts_with('/')).unwrap_or(path);
        percent::decoded_where_possible(path).map(PathBuf::from)
    }

    /// A text from elsewhere that may contain this address, with the address as it may be shown.
    pub fn hidden_in(&self, text: &str) -> String {
        match self.0.is_empty() {
            true => text.to_owned(),
            false => text.replace(&self.0, &self.to_string()),
        }
    }
}

/// The address as it may be printed, which stays the same when a token changes.
impl fmt::Display for RepositoryAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match Stripped::of(&self.0) {
            // A folder may have any of these characters in its name.
            _ if self.0.starts_with("file://") || !self.is_url() => f.write_str(&self.0),
            Some(stripped) => stripped.fmt(f),
            None => f.write_str(&self.0),
        }
    }
}

impl fmt::Debug for RepositoryAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RepositoryAddress({self})")
    }
}

impl From<&str> for RepositoryAddress {
    fn from(address: &str) -> RepositoryAddress {
        RepositoryAddress::new(address)
    }
}

impl From<&String> for RepositoryAddress {
    fn from(address: &String) -> RepositoryAddress {
        RepositoryAddress::new(address)
    }
}

impl RepositoryUrl {
    /// The part of an address that may be published.
    ///
    /// User names, passwords, query and fragment are left out, since any of them can be a token. Only the
    /// name `git` of an SSH address stays: it names the service, not a person. Anything that is not a
    /// network address (such as a local folder) becomes empty.
    pub fn public(address: impl Into<RepositoryAddress>) -> RepositoryUrl {
        let RepositoryAddress(address) = address.into();
        let Some(stripped) = Stripped::of(&address) else { return RepositoryUrl::default() };
        let known = ["https://", "http://", "ssh://", "git://", ""];
        let graphic = [stripped.host, stripped.path].concat().bytes().all(|b| b.is_ascii_graphic());
        if !known.contains(&stripped.scheme.as_str()) || stripped.host.is_empty() || !graphic {
            return RepositoryUrl::default();
        }
        RepositoryUrl(stripped.to_string())
    }

    /// The address; empty where the repository has none.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for RepositoryUrl {
    type Error = RepositoryUrlError;

    fn try_from(text: String) -> Result<RepositoryUrl, RepositoryUrlError> {
        let url = RepositoryUrl::public(&text);
        if url.0 == text { Ok(url) } else { Err(RepositoryUrlError(text)) }
    }
}

impl From<RepositoryUrl> for String {
    fn from(url: RepositoryUrl) -> String {
        url.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn addresses_are_published_and_printed_without_credentials() {
        for (address, public, shown) in [
            ("https://host/charts", "https://host/charts", None),
            ("https://user:token@host:8443/a/b.git", "https://host:8443/a/b.git", None),
            ("HTTPS://token@host/a", "https://host/a", None),
            ("https://u:p@ss@host/a", "https://host/a", None),
            ("https://host/a@b", "https://host/a@b", None),
            ("https://host/a?private_token=x", "https://host/a", None),
            ("https://host/a#token", "https://host/a", None),
            ("https://token@host", "https://host", None),
            ("ssh://git@host:22/a", "ssh://git@host:22/a", None),
            ("ssh://alice@host/a", "ssh://host/a", None),
            ("git@host:a/b.git", "git@host:a/b.git", None),
            ("alice@host:a/b.git", "host:a/b.git", None),
            ("git://host/a", "git://host/a", None),
            ("file:///home/alice/100%#?", "", Some("file:///home/alice/100%#?")),
            ("/home/alice/charts", "", Some("/home/alice/charts")),
            ("/srv/a?b#c", "", Some("/srv/a?b#c")),
            ("../charts", "", Some("../charts")),
            ("charts", "", Some("charts")),
            ("./a:b", "", Some("./a:b")),
            ("C:\\charts", "", Some("C:\\charts")),
            ("C:/charts", "", Some("C:/charts")),
            ("https://", "", Some("https://")),
            ("https://user@/a", "", Some("https:///a")),
            ("https://u:p@host/a\nb", "", Some("https://host/a\nb")),
            ("https://u:p@host/ü?t", "", Some("https://host/ü")),
            ("ftp://user:token@host/a", "", Some("ftp://host/a")),
            ("", "", Some("")),
        ] {
            assert_eq!(RepositoryUrl::public(address).as_str(), public, "{address}");
            let given = RepositoryAddress::new(address);
            assert_eq!(given.to_string(), shown.unwrap_or(public), "{address}");
            assert_eq!(format!("{given:?}"), format!("RepositoryAddress({given})"));
            assert_eq!(given.for_git(), address);
        }
    }

    #[test]
    fn a_message_from_git_shows_no_token() {
        let address = RepositoryAddress::new("https://bob:secret@host/a?private_token=x");
        let message = "cannot reach https://bob:secret@host/a?private_token=x: no route";
        assert_eq!(address.hidden_in(message), "cannot reach https://host/a: no route");
        assert_eq!(RepositoryAddress::default().hidden_in("a"), "a");
    }

    #[test]
    fn a_file_url_is_a_folder() {
        for (url, folder) in [
            ("file:///srv/charts", Some("/srv/charts")),
            ("file://localhost/srv/a%20b", Some("/srv/a b")),
            ("file:///srv/100%/%zz", Some("/srv/100%/%zz")),
            ("https://example.org/x", None),
        ] {
            assert_eq!(RepositoryAddress::new(url).file(), folder.map(PathBuf::from), "{url}");
        }
    }

    #[test]
    fn a_path_is_not_a_url() {
        for path in ["/srv/charts", "charts", "./a:b", "C:\\charts", "://x"] {
            assert!(!RepositoryAddress::new(path).is_url(), "{path}");
        }
        for url in ["https://example.org/r", "ssh://x/y", "git@example.org:team/charts.git"] {
            assert!(RepositoryAddress::new(url).is_url(), "{url}");
        }
    }

    proptest! {
        #[test]
        fn publishing_what_may_be_published_changes_nothing(address in "([a-z]{0,5}://)?[a-z@:./?#]{0,20}") {
            let once = RepositoryUrl::public(&address);
            prop_assert_eq!(&RepositoryUrl::public(once.as_str()), &once);
            // What is published and what is printed of a URL do not disagree.
            if once != RepositoryUrl::default() && RepositoryAddress::new(&address).is_url() {
                prop_assert_eq!(RepositoryAddress::new(&address).to_string(), once.as_str());
            }
        }

        #[test]
        fn no_text_makes_it_panic(text in ".*") {
            let _ = RepositoryUrl::public(&text);
            let _ = RepositoryAddress::new(&text).to_string();
            let _ = RepositoryAddress::new(text).file();
        }
    }
}
