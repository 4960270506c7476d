//! Names with their counts, as the receiver reads and stores them.
//!
//! `null` is read as no counts, as Go writes an empty map. A count of 0 or less is left out: Go's client sends
//! 0 for a counter whose program ended between creating and incrementing it, and a negative number for one
//! that went beyond 2^63.

use super::fields::Text;
use crate::text::Excerpt;
use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, Unexpected, Visitor};
use serde::ser::{Serialize, SerializeMap, Serializer};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

/// How often something was counted: from 1 to [`Count::MAX`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Count(u64);

/// Names with their counts, ordered by name, each name once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counts<'a>(Vec<(Cow<'a, str>, Count)>);

impl Count {
    /// The largest count, since Go keeps them in an `int64`.
    pub const MAX: u64 = i64::MAX as u64;

    /// Checks the range.
    pub fn new(number: u64) -> Option<Count> {
        (1..=Count::MAX).contains(&number).then_some(Count(number))
    }

    /// The number.
    pub fn get(self) -> u64 {
        self.0
    }
}

impl<'a> Counts<'a> {
    /// The names and counts, ordered by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Count)> {
        self.0.iter().map(|(name, count)| (name.as_ref(), *count))
    }

    /// How many names there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether nothing was counted.
    #[cfg(any(test, feature = "testing"))]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Sorts pairs, and adds up the counts of a name that occurs several times.
    pub fn sum(pairs: Vec<(Cow<'a, str>, Count)>) -> Counts<'a> {
        let mut sums: BTreeMap<Cow<'a, str>, Count> = BTreeMap::new();
        for (name, Count(count)) in pairs {
            let sum = sums.entry(name).or_insert(Count(0));
            *sum = Count(sum.0.saturating_add(count).min(Count::MAX));
        }
        Counts(sums.into_iter().collect())
    }

    /// Sorts pairs. A name that occurs twice is the error.
    pub fn from_pairs(mut pairs: Vec<(Cow<'a, str>, Count)>) -> Result<Counts<'a>, Cow<'a, str>> {
        pairs.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
        let twice = pairs.windows(2).find_map(|pair| match pair {
            [(a, _), (b, _)] if a == b => Some(a.clone()),
            _ => None,
        });
        twice.map_or(Ok(Counts(pairs)), Err)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Counts<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Pairs;
        impl<'de> Visitor<'de> for Pairs {
            type Value = Counts<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of names and counts")
            }

            fn visit_unit<E>(self) -> Result<Counts<'de>, E> {
                Ok(Counts::default())
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Counts<'de>, A::Error> {
                let mut pairs = Vec::new();
                while let Some((name, counted)) = map.next_entry::<Text<'de>, Counted>()? {
                    if let Some(count) = counted.0 {
                        pairs.push((name.0, count));
                    }
                }
                Counts::from_pairs(pairs)
                    .map_err(|name| A::Error::custom(format!("{} is listed twice", Excerpt(&name))))
            }
        }
        deserializer.deserialize_any(Pairs)
    }
}

/// A count, if it is positive.
struct Counted(Option<Count>);

impl<'de> Deserialize<'de> for Counted {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Counted, D::Error> {
        struct Whole;
        impl Visitor<'_> for Whole {
            type Value = Counted;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "a count, which is a whole number up to {}", Count::MAX)
            }

            fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<Counted, E> {
                match Count::new(number) {
                    None if number > 0 => {
                        Err(E::invalid_value(Unexpected::Unsigned(number), &self))
                    }
                    count => Ok(Counted(count)),
                }
            }

            // serde_json only calls this for negative numbers.
            fn visit_i64<E: serde::de::Error>(self, _: i64) -> Result<Counted, E> {
                Ok(Counted(None))
            }
        }
        deserializer.deserialize_i64(Whole)
    }
}

impl Serialize for Counts<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, count) in self.iter() {
            map.serialize_entry(name, &count.get())?;
        }
        map.end()
    }
}
