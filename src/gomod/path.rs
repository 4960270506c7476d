//! Module paths: which ones Go accepts, and how they look in a URL.
//!
//! The rules are those of `CheckPath` and `EscapePath` in golang.org/x/mod/module, described in
//! <https://go.dev/ref/mod#module-path> and <https://go.dev/ref/mod#goproxy-protocol>:
//!
//! - elements between slashes, none empty, each of ASCII letters, digits and `-._~`, neither
//!   beginning nor ending with a dot;
//! - the first element is a domain name in lower case: `a-z`, digits, `-` and at least one dot, and
//!   no leading `-`;
//! - up to its first dot, no element is a name that Windows reserves (`con`, `lpt1`, in any
//!   case) or ends in `~` and digits (a short name of Windows);
//! - in a URL every capital letter is written as `!` and its lower case, so that paths differ on
//!   file systems that do not tell capitals apart.
//!
//! One rule is ours: since every version is `v0.N.0`, a path with a major version suffix (`/v2`, or any
//! `gopkg.in/` path) is refused, because Go would accept none of its versions. So is a path over
//! [`ModulePath::MAX_LENGTH`] bytes, which would not fit in a URL.

use super::file_name::is_reserved_on_windows;
use std::fmt;
use std::str::FromStr;

/// A module path that Go accepts together with the versions `v0.N.0`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ModulePath(String);

/// Why a text is not a [`ModulePath`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("module path {path:?} {fault}")]
pub struct PathError {
    /// The text that was refused.
    pub path: String,
    /// What is wrong with it.
    pub fault: PathFault,
}

/// The ways in which a module path can be wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PathFault {
    /// The path is empty.
    #[error("is empty: write one like telemetry.example.org/config")]
    Empty,
    /// It is longer than [`ModulePath::MAX_LENGTH`].
    #[error("is longer than {} bytes: choose a shorter one", ModulePath::MAX_LENGTH)]
    TooLong,
    /// A slash at the start or the end, or two in a row.
    #[error("has an empty element: use single slashes, and none at the start or the end")]
    EmptyElement,
    /// A character outside the allowed ones.
    #[error(
        "has the character {0:?}: use ASCII letters, digits, '-', '.', '_' and '~' between slashes"
    )]
    Character(char),
    /// A character of the first element that is not allowed in a domain name.
    #[error(
        "has {0:?} in its first element: that is a domain name, of a-z, digits, '-' and dots only"
    )]
    DomainCharacter(char),
    /// The first element begins with a dash.
    #[error("begins with '-': begin with the domain name of the project")]
    LeadingDash,
    /// The first element has no dot.
    #[error("has no dot before its first slash: begin with a domain name, like example.org")]
    NoDomain,
    /// An element begins or ends with a dot.
    #[error("has the element {0:?}, which begins or ends with a dot: leave that dot out")]
    OuterDot(String),
    /// An element is a reserved name on Windows.
    #[error("has the element {0:?}, a name that Windows reserves: choose another")]
    Reserved(String),
    /// An element looks like a Windows short name.
    #[error("has the element {0:?}, which looks like a short name of Windows: leave the '~' out")]
    ShortName(String),
    /// The last element is a major version suffix.
    #[error(
        "ends in {0:?}, Go's suffix for another major version: ours are v0.N.0, so leave it out"
    )]
    MajorVersion(String),
    /// A gopkg.in path.
    #[error(
        "is at gopkg.in, whose paths carry a major version: ours are v0.N.0, use another domain"
    )]
    GopkgIn,
    /// An escaped path with a capital letter, or a `!` without a lower-case letter after it.
    #[error("is not escaped as in a URL: write '!' and the lower-case letter for each capital")]
    Escape,
}

impl ModulePath {
    /// The longest path, in bytes.
    pub const MAX_LENGTH: usize = 512;

    /// Checks `path` and makes it a module path.
    pub fn new(path: impl Into<String>) -> Result<ModulePath, PathError> {
        let path = path.into();
        match check(&path) {
            Ok(()) => Ok(ModulePath(path)),
            Err(fault) => Err(PathError { path, fault }),
        }
    }

    /// Reads the form that a path has in a URL: see [`ModulePath::escape`].
    pub fn unescape(escaped: &str) -> Result<ModulePath, PathError> {
        match unescape(escaped) {
            Some(path) => ModulePath::new(path),
            None => Err(PathError { path: escaped.to_string(), fault: PathFault::Escape }),
        }
    }

    /// The path as in a URL: `!` and the lower-case letter for each capital.
    pub fn escape(&self) -> String {
        escape(&self.0)
    }

    /// The path.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn check(path: &str) -> Result<(), PathFault> {
    if path.is_empty() {
        return Err(PathFault::Empty);
    }
    if path.len() > ModulePath::MAX_LENGTH {
        return Err(PathFault::TooLong);
    }
    path.split('/').try_for_each(check_element)?;
    let (domain, rest) = path.split_once('/').unwrap_or((path, ""));
    if domain.starts_with('-') {
        return Err(PathFault::LeadingDash);
    }
    if let Some(bad) = domain.chars().find(|c| !matches!(c, 'a'..='z' | '0'..='9' | '-' | '.')) {
        return Err(PathFault::DomainCharacter(bad));
    }
    if !domain.contains('.') {
        return Err(PathFault::NoDomain);
    }
    if domain == "gopkg.in" && !rest.is_empty() {
        return Err(PathFault::GopkgIn);
    }
    // Go refuses /v0, /v1, /v01 and /v1.2 outright; /v2 and above want versions of that major.
    let last = rest.rsplit('/').next().unwrap_or("");
    match last.strip_prefix('v') {
        Some(number)
            if !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit() || b == b'.') =>
        {
            Err(PathFault::MajorVersion(format!("/{last}")))
        }
        _ => Ok(()),
    }
}

fn check_element(element: &str) -> Result<(), PathFault> {
    if element.is_empty() {
        return Err(PathFault::EmptyElement);
    }
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_' | '~');
    if let Some(bad) = element.chars().find(|&c| !allowed(c)) {
        return Err(PathFault::Character(bad));
    }
    if element.starts_with('.') || element.ends_with('.') {
        return Err(PathFault::OuterDot(element.to_string()));
    }
    if is_reserved_on_windows(element) {
        return Err(PathFault::Reserved(element.to_string()));
    }
    let stem = element.split('.').next().unwrap_or(element);
    match stem.rsplit_once('~') {
        Some((_, digits)) if !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) => {
            Err(PathFault::ShortName(element.to_string()))
        }
        _ => Ok(()),
    }
}

/// `!` and the lower-case letter for each ASCII capital.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len() + 4);
    for c in text.chars() {
        if c.is_ascii_uppercase() {
            escaped.push('!');
        }
        escaped.push(c.to_ascii_lowercase());
    }
    escaped
}

/// The text whose escaped form this is; `None` if it is not an escaped form.
pub(super) fn unescape(escaped: &str) -> Option<String> {
    let mut text = String::with_capacity(escaped.len());
    let mut chars = escaped.chars();
    while let Some(c) = chars.next() {
        match c {
            '!' => match chars.next() {
                Some(lower @ 'a'..='z') => text.push(lower.to_ascii_uppercase()),
                _ => return None,
            },
            'A'..='Z' => return None,
            c if c.is_ascii() => text.push(c),
            _ => return None,
        }
    }
    Some(text)
}

impl FromStr for ModulePath {
    type Err = PathError;

    fn from_str(path: &str) -> Result<ModulePath, PathError> {
        ModulePath::new(path)
    }
}

impl fmt::Display for ModulePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl AsRef<str> for ModulePath {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn paths_that_go_accepts_are_accepted() {
        for path in [
            "golang.org/x/telemetry/config",
            "telemetry.example.org/Config",
            "example.org",
            "a.b-c.d/E_f/~g/h.i/com10/console/x~1y/v/vv2/v2x",
            "v1.2",
            "gopkg.in",
            "gopkg.info/x",
            "a.b/x.y~1",
        ] {
            assert_eq!(ModulePath::new(path).expect(path).as_str(), path);
        }
    }

    #[test]
    fn every_rule_refuses_its_own_kind() {
        use PathFault::*;
        let text = String::from;
        for (path, fault) in [
            (text(""), Empty),
            (format!("a.b/{}", "c".repeat(509)), TooLong),
            (text("/a.b"), EmptyElement),
            (text("a.b/"), EmptyElement),
            (text("a.b//c"), EmptyElement),
            (text("a.b/c d"), Character(' ')),
            (text("a.b/c@d"), Character('@')),
            (text("a.b/c+d"), Character('+')),
            (text("a.b/%2e"), Character('%')),
            (text("a.b/ü"), Character('ü')),
            (text("a.b\\c"), Character('\\')),
            (text("a.b/c\0"), Character('\0')),
            (text("a.b/c\n"), Character('\n')),
            (text("Example.org/x"), DomainCharacter('E')),
            (text("a_b.org/x"), DomainCharacter('_')),
            (text("a~b.org/x"), DomainCharacter('~')),
            (text("-a.org/x"), LeadingDash),
            (text("example/x.y"), NoDomain),
            (text("a.b/.."), OuterDot(text(".."))),
            (text("a.b/."), OuterDot(text("."))),
            (text("a.b/.git"), OuterDot(text(".git"))),
            (text("a.b/c."), OuterDot(text("c."))),
            (text("a.b/Con"), Reserved(text("Con"))),
            (text("a.b/nul.txt"), Reserved(text("nul.txt"))),
            (text("a.b/LPT9"), Reserved(text("LPT9"))),
            (text("com1.org/x"), Reserved(text("com1.org"))),
            (text("a.b/long~12"), ShortName(text("long~12"))),
            (text("a.b/x~1.y"), ShortName(text("x~1.y"))),
            (text("a.b/v0"), MajorVersion(text("/v0"))),
            (text("a.b/v1"), MajorVersion(text("/v1"))),
            (text("a.b/v2"), MajorVersion(text("/v2"))),
            (text("a.b/v1.2"), MajorVersion(text("/v1.2"))),
            (text("gopkg.in/yaml.v3"), GopkgIn),
            (text("gopkg.in/yaml.v0"), GopkgIn),
        ] {
            assert_eq!(ModulePath::new(path.clone()), Err(PathError { path, fault }));
        }
    }

    #[test]
    fn the_message_names_the_path_the_cause_and_the_remedy() {
        assert_eq!(
            ModulePath::new("a.b/v2").expect_err("refused").to_string(),
            "module path \"a.b/v2\" ends in \"/v2\", Go's suffix for another major version: ours \
             are v0.N.0, so leave it out"
        );
    }

    #[test]
    fn capitals_are_escaped() {
        let path = ModulePath::new("telemetry.example.org/ConFig").expect("a path");
        assert_eq!(path.escape(), "telemetry.example.org/!con!fig");
        assert_eq!(ModulePath::unescape("telemetry.example.org/!con!fig"), Ok(path));
        for bad in ["a.b/Config", "a.b/!", "a.b/!!c", "a.b/!C", "a.b/!1", "a.b/!é", "a.b/é"] {
            let fault = ModulePath::unescape(bad).expect_err(bad).fault;
            assert_eq!(fault, PathFault::Escape, "{bad}");
        }
        // Correctly escaped, but not a path.
        assert!(ModulePath::unescape("a.b/../c").is_err());
        assert!(ModulePath::unescape("!a.b/c").is_err());
    }

    proptest! {
        #[test]
        fn escaping_is_undone_by_unescaping(path in "[a-z]{1,8}\\.[a-z]{2,3}(/[A-Za-z][A-Za-z0-9_-]{0,8}){0,4}") {
            if let Ok(path) = ModulePath::new(path) {
                let escaped = path.escape();
                prop_assert!(!escaped.bytes().any(|b| b.is_ascii_uppercase()));
                prop_assert_eq!(ModulePath::unescape(&escaped), Ok(path));
            }
        }

        #[test]
        fn what_unescapes_is_the_escaped_form_of_what_it_gives(escaped in "[!a-zA-Z./~]{0,12}") {
            if let Some(text) = unescape(&escaped) {
                prop_assert_eq!(escape(&text), escaped);
            }
        }

        #[test]
        fn no_text_makes_it_panic(text in ".*") {
            let _ = ModulePath::new(text.clone());
            let _ = ModulePath::unescape(&text);
        }
    }
}
