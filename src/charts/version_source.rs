//! `versions_from` in a file of `programs/`: who knows which versions of the program were released.
//!
//! | value | who is asked |
//! | --- | --- |
//! | `"go"` | a Go module proxy, for the program's module |
//! | `"crates"`, `"crates:NAME"` | a crates index, for the crate with the module's or another name |
//! | `"git"`, `"git:URL"` | the tags of the repository with the charts, or of another |
//! | `"git#gopls/v*"`, `"git:URL#gopls/v*"` | the same, where a tag has more than the version: `*` is the version |
//! | `"hand"` | nobody: people list the versions |
//!
//! Without it, a module whose path begins with a domain is asked for at a Go module proxy; others have to say it.
//! Nothing of it changes what is collected.

use crate::address::Address;
use std::fmt;

/// Who knows which versions of a program were released.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VersionSource {
    /// A Go module proxy.
    Go,
    /// A crates index; the crate's name, unless it is the module's.
    Crates(Option<String>),
    /// The tags of a git repository: that of the charts, unless there is an address.
    Git {
        /// The https address.
        url: Option<String>,
        /// What tags of this program look like, unless they are plain versions.
        tags: TagPattern,
    },
    /// Nobody.
    Hand,
}

/// What the tags of a program look like: what is before and after the version.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TagPattern {
    /// What is before the version.
    pub before: String,
    /// What is after it.
    pub after: String,
}

impl TagPattern {
    /// The version in a tag's name, without a `v` before it.
    pub fn version<'t>(&self, tag: &'t str) -> Option<&'t str> {
        let version = tag.strip_prefix(&self.before)?.strip_suffix(&self.after)?;
        Some(version.strip_prefix('v').unwrap_or(version))
    }
}

impl VersionSource {
    /// Parses a value of `versions_from`.
    pub fn parse(text: &str) -> Option<VersionSource> {
        match text {
            "go" => return Some(VersionSource::Go),
            "hand" => return Some(VersionSource::Hand),
            "crates" => return Some(VersionSource::Crates(None)),
            _ => {}
        }
        if let Some(name) = text.strip_prefix("crates:") {
            return is_crate(name).then(|| VersionSource::Crates(Some(name.to_owned())));
        }
        let (place, pattern) = match text.split_once('#') {
            Some((place, pattern)) => (place, Some(pattern)),
            None => (text, None),
        };
        let tags = match pattern.map(|pattern| pattern.split_once('*')) {
            None => TagPattern::default(),
            Some(Some((before, after))) if !after.contains('*') => {
                TagPattern { before: before.to_owned(), after: after.to_owned() }
            }
            Some(_) => return None,
        };
        let url = match place.strip_prefix("git")? {
            "" => None,
            url => Some(url.strip_prefix(':').filter(|url| is_address(url))?.to_owned()),
        };
        Some(VersionSource::Git { url, tags })
    }

    /// Who knows the versions of a module that does not say it: if its path begins with a domain, a Go module
    /// proxy. A plain name may be somebody else's crate.
    pub fn of_module(module: &str) -> Option<VersionSource> {
        let (domain, _) = module.split_once('/')?;
        domain.contains('.').then_some(VersionSource::Go)
    }
}

/// Whether a text can be the name of a crate.
pub fn is_crate(name: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    (1..=64).contains(&name.len()) && name.bytes().all(allowed)
}

/// Whether a text is the address of a repository that can be asked without secrets: https, or http on this
/// machine.
fn is_address(text: &str) -> bool {
    text.parse::<Address>().is_ok()
}

impl fmt::Display for VersionSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            VersionSource::Go => f.write_str("go"),
            VersionSource::Hand => f.write_str("hand"),
            VersionSource::Crates(None) => f.write_str("crates"),
            VersionSource::Crates(Some(name)) => write!(f, "crates:{name}"),
            VersionSource::Git { url, tags } => {
                f.write_str("git")?;
                if let Some(url) = url {
                    write!(f, ":{url}")?;
                }
                match *tags == TagPattern::default() {
                    true => Ok(()),
                    false => write!(f, "#{}*{}", tags.before, tags.after),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_are_written_as_they_are_read() {
        for text in [
            "go",
            "hand",
            "crates",
            "crates:serde_json",
            "git",
            "git#gopls/v*",
            "git:https://example.org/a/b.git",
            "git:https://example.org/a#release-*-final",
            "git:http://127.0.0.1:80/a",
        ] {
            let source = VersionSource::parse(text).unwrap_or_else(|| panic!("{text}"));
            assert_eq!(source.to_string(), text);
        }
        for bad in [
            "",
            "cargo",
            "crates:",
            "crates:a/b",
            "gitlab",
            "git:",
            "git:git@example.org:a/b",
            "git:https://me:secret@example.org/a",
            "git:http://example.org/a",
            "git:file:///etc",
            "git#v",
            "git#*v*",
            "go#v*",
        ] {
            assert_eq!(VersionSource::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn the_path_of_a_go_module_tells_who_knows() {
        let of = VersionSource::of_module;
        assert_eq!(of("golang.org/x/tools/gopls"), Some(VersionSource::Go));
        assert_eq!(of("candor"), None);
        assert_eq!(of("tools/candor"), None);
        assert_eq!(of("example.org"), None);
    }

    #[test]
    fn the_version_is_where_the_star_is() {
        let version = |source: &str, tag: &str| match VersionSource::parse(source) {
            Some(VersionSource::Git { tags, .. }) => tags.version(tag).map(str::to_owned),
            other => panic!("{other:?}"),
        };
        assert_eq!(version("git", "v1.2.3").as_deref(), Some("1.2.3"));
        assert_eq!(version("git", "1.2.3").as_deref(), Some("1.2.3"));
        assert_eq!(version("git#gopls/v*", "gopls/v0.1.0").as_deref(), Some("0.1.0"));
        assert_eq!(version("git#gopls/v*", "v0.1.0"), None);
        assert_eq!(version("git#a-*-b", "a-1.0.0-b").as_deref(), Some("1.0.0"));
        assert_eq!(version("git#aa*aa", "aaa"), None);
    }
}
