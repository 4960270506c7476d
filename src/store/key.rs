//! The names of objects and pointers: relative slash-separated paths that are safe on every
//! backend, so that no backend has to think about `..`, absolute paths or odd bytes.

use std::fmt;

/// The name of an object or pointer, such as `log/tile/0/x001/234`.
///
/// One or more elements separated by single slashes. An element holds ASCII letters, digits and
/// `.`, `-`, `_`, `=`, `+`, and neither starts with a dot nor is empty.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(String);

/// A string that is not the name of an object.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not an object name: use a-z, A-Z, 0-9, '.', '-', '_', '=', '+' between slashes")]
pub struct KeyError(String);

impl Key {
    /// Checks `name` and makes it a key.
    pub fn new(name: impl Into<String>) -> Result<Key, KeyError> {
        let name = name.into();
        let good = |element: &str| {
            !element.is_empty()
                && !element.starts_with('.')
                && element.bytes().all(|b| {
                    b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_' | b'=' | b'+')
                })
        };
        if name.len() <= 512 && name.split('/').all(good) {
            Ok(Key(name))
        } else {
            Err(KeyError(name))
        }
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl AsRef<str> for Key {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_relative_paths_are_keys() {
        for good in ["a", "log/tile/0/x001/234.p/7", "module/0a.zip", "log/head"] {
            assert_eq!(Key::new(good).expect(good).as_str(), good);
        }
        for bad in ["", "/a", "a/", "a//b", "..", "a/../b", ".hidden", "a b", "ü", "a\\b", "a\0"] {
            assert!(Key::new(bad).is_err(), "{bad:?}");
        }
        assert!(Key::new("a".repeat(513)).is_err());
    }
}
