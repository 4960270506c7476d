//! The id of a segment: 128 random bits, as 32 hex digits.
//!
//! No id is drawn twice, not even on another machine or after a folder was restored from a copy. So an
//! index that names an id includes every report of that segment, wherever a file of that name comes
//! from.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::str::FromStr;

/// The id of a segment.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SegmentId([u8; 16]);

/// A text that is not an id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a segment's id has 32 lower-case hex digits")]
pub struct SegmentIdError;

impl SegmentId {
    /// Draws a random id.
    pub fn random() -> Result<SegmentId, getrandom::Error> {
        let mut id = [0; 16];
        getrandom::fill(&mut id)?;
        Ok(SegmentId(id))
    }

    /// The id with these bytes.
    #[cfg(any(test, feature = "testing"))]
    pub fn from_bytes(bytes: [u8; 16]) -> SegmentId {
        SegmentId(bytes)
    }
}

impl fmt::Display for SegmentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", u128::from_be_bytes(self.0))
    }
}

impl fmt::Debug for SegmentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for SegmentId {
    type Err = SegmentIdError;

    fn from_str(text: &str) -> Result<SegmentId, SegmentIdError> {
        let id = u128::from_str_radix(text, 16).map_err(|_| SegmentIdError)?;
        let id = SegmentId(id.to_be_bytes());
        // Only the canonical form.
        if id.to_string() == text { Ok(id) } else { Err(SegmentIdError) }
    }
}

impl Serialize for SegmentId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for SegmentId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<SegmentId, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_read_as_it_is_written_and_in_no_other_form() {
        let id = SegmentId::random().expect("randomness");
        let text = id.to_string();
        assert_eq!((text.len(), text.parse()), (32, Ok(id)));
        let json = serde_json::to_string(&id).expect("JSON");
        assert_eq!(serde_json::from_str::<SegmentId>(&json).expect("an id"), id);
        let digits = "0123456789abcdef0123456789abcdef";
        assert!(digits.parse::<SegmentId>().is_ok());
        for bad in [&digits[1..], &digits.to_uppercase(), &format!("+{}", &digits[1..]), ""] {
            assert_eq!(bad.parse::<SegmentId>(), Err(SegmentIdError), "{bad}");
        }
        assert_ne!(id, SegmentId::random().expect("randomness"));
    }
}
