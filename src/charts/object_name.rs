//! The names of git objects.

use git2::Oid;
use std::fmt;

/// A full git object name in lower-case hexadecimal.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ObjectName(String);

impl ObjectName {
    /// The hexadecimal digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Reads the full name of an object.
    pub fn parse(name: &str) -> Option<ObjectName> {
        Oid::from_str(name).ok().map(ObjectName::of).filter(|parsed| parsed.as_str() == name)
    }

    pub(super) fn of(id: Oid) -> ObjectName {
        ObjectName(id.to_string())
    }
}

impl fmt::Display for ObjectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
