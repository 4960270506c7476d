//! Module versions: ours are exactly `v0.N.0`, N counting up by one from 1.
//!
//! The major version stays 0 because a config promises no API; the patch stays 0 because a published
//! config is never patched, only followed. Since the log holds one record per version, in order, the
//! version and the record's index in the log are one number: `v0.N.0` is entry N-1.
//!
//! Requests may name any version. [`unescape_version`] tells a well-formed one that is merely not ours
//! from one that no client would send. The rules are `EscapeVersion` and `UnescapeVersion` of
//! golang.org/x/mod/module.

use super::file_name::is_file_element;
use super::path;
use std::fmt;
use std::str::FromStr;

/// The version `v0.N.0`, N from 1 to [`ModuleVersion::MAX`]; ordered by N.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
#[serde(try_from = "String", into = "String")]
pub struct ModuleVersion(u64);

/// Why a text or number is not one of our versions.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum VersionError {
    /// Not of the form `v0.N.0`.
    #[error("version {0:?} is not of the form v0.N.0, N counting up from 1")]
    Form(String),
    /// N is zero or over [`ModuleVersion::MAX`].
    #[error("version number {0} is not between 1 and {max}", max = ModuleVersion::MAX)]
    Number(u64),
    /// Not the escaped form of any version.
    #[error("{0:?} is not an escaped version, with '!' and the lower-case letter for each capital")]
    Escape(String),
}

impl ModuleVersion {
    /// The version that is published first, `v0.1.0`.
    pub const FIRST: ModuleVersion = ModuleVersion(1);

    /// The largest N: a log holds at most this many entries, since Go counts them in an `int64`.
    pub const MAX: u64 = i64::MAX as u64;

    /// The version `v0.NUMBER.0`.
    pub fn new(number: u64) -> Result<ModuleVersion, VersionError> {
        match number {
            1..=Self::MAX => Ok(ModuleVersion(number)),
            _ => Err(VersionError::Number(number)),
        }
    }

    /// N of `v0.N.0`; also the size of a log with this newest version.
    pub fn number(self) -> u64 {
        self.0
    }

    /// The index of this version's record in the log: N-1.
    pub fn leaf_index(self) -> u64 {
        self.0 - 1
    }

    /// The version after this one; there is none only after [`ModuleVersion::MAX`].
    pub fn next(self) -> Result<ModuleVersion, VersionError> {
        ModuleVersion::new(self.0 + 1)
    }
}

impl FromStr for ModuleVersion {
    type Err = VersionError;

    fn from_str(text: &str) -> Result<ModuleVersion, VersionError> {
        let number = text
            .strip_prefix("v0.")
            .and_then(|rest| rest.strip_suffix(".0"))
            .filter(|digits| digits.bytes().all(|b| b.is_ascii_digit()))
            .filter(|digits| !digits.starts_with('0'))
            .and_then(|digits| digits.parse().ok());
        match number {
            Some(number) => ModuleVersion::new(number),
            None => Err(VersionError::Form(text.to_string())),
        }
    }
}

impl TryFrom<String> for ModuleVersion {
    type Error = VersionError;

    fn try_from(text: String) -> Result<ModuleVersion, VersionError> {
        text.parse()
    }
}

impl From<ModuleVersion> for String {
    fn from(version: ModuleVersion) -> String {
        version.to_string()
    }
}

impl fmt::Display for ModuleVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "v0.{}.0", self.0)
    }
}

/// The escaped form of any version, for a URL; refused if it has none.
pub fn escape_version(version: &str) -> Result<String, VersionError> {
    if is_version_text(version) && !version.contains('!') {
        Ok(path::escape(version))
    } else {
        Err(VersionError::Escape(version.to_string()))
    }
}

/// The version, of whatever form, whose escaped form this is.
pub fn unescape_version(escaped: &str) -> Result<String, VersionError> {
    path::unescape(escaped)
        .filter(|version| is_version_text(version))
        .ok_or_else(|| VersionError::Escape(escaped.to_string()))
}

/// Go requires a version to be one element of a file path, and ASCII when it is escaped.
fn is_version_text(version: &str) -> bool {
    is_file_element(version) && version.is_ascii()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn only_the_canonical_form_is_a_version() {
        for bad in [
            "",
            "v0.0.0",
            "v0.01.0",
            "v0.1",
            "v0.1.1",
            "v1.1.0",
            "0.1.0",
            "v0.+1.0",
            "v0.-1.0",
            "v0.1.0-pre",
            "v0.1.0+incompatible",
            " v0.1.0",
            "v0.1.0\n",
            "v0..0",
            "v0.0",
            "V0.1.0",
            "v0.9223372036854775808.0",
            "v0.18446744073709551616.0",
            "v0.١.0",
        ] {
            assert!(bad.parse::<ModuleVersion>().is_err(), "{bad:?}");
        }
        assert_eq!("v0.9223372036854775807.0".parse(), Ok(ModuleVersion(ModuleVersion::MAX)));
    }

    #[test]
    fn versions_count_up_by_one_with_the_log() {
        let first = ModuleVersion::FIRST;
        assert_eq!((first.to_string().as_str(), first.leaf_index()), ("v0.1.0", 0));
        let second = first.next().expect("there is a second");
        assert_eq!((second.number(), second.leaf_index()), (2, 1));
        assert!(first < second);
        let last = ModuleVersion::new(ModuleVersion::MAX).expect("the last");
        assert_eq!(last.next(), Err(VersionError::Number(1 << 63)));
    }

    #[test]
    fn any_version_of_a_url_is_read_or_refused() {
        assert_eq!(unescape_version("v1.0.0-!r!c1").as_deref(), Ok("v1.0.0-RC1"));
        assert_eq!(escape_version("v1.0.0-RC1").as_deref(), Ok("v1.0.0-!r!c1"));
        assert_eq!(unescape_version("v2.0.0+incompatible").as_deref(), Ok("v2.0.0+incompatible"));
        for bad in ["", ".", "..", "v1.", "a/b", "a\\b", "V1", "v1!", "v1!!", "con", "v1\0", "ü"] {
            assert!(unescape_version(bad).is_err(), "{bad:?}");
        }
        for bad in ["", "..", "v!1", "a/b", "nul.x", "ü"] {
            assert!(escape_version(bad).is_err(), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn display_is_undone_by_parsing(number in 1..=ModuleVersion::MAX) {
            let version = ModuleVersion::new(number).expect("in range");
            prop_assert_eq!(version.to_string().parse(), Ok(version));
        }

        #[test]
        fn what_parses_displays_as_it_was_written(text in "v?[0-9+.-]{0,9}") {
            if let Ok(version) = text.parse::<ModuleVersion>() {
                prop_assert_eq!(version.to_string(), text);
            }
        }

        #[test]
        fn escaping_is_undone_by_unescaping(version in "[a-zA-Z0-9.+-]{1,12}") {
            if let Ok(escaped) = escape_version(&version) {
                prop_assert_eq!(unescape_version(&escaped), Ok(version));
            }
        }
    }
}
