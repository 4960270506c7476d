//! X: the random number of a report, which decides what is sampled.
//!
//! Both ends use it: the client draws it and the receiver reads it.

use super::go_json;
use serde::de::{Deserializer, Unexpected, Visitor};
use serde::ser::Serializer;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The random number of a report: greater than 0 and at most 1. The client draws one of 2^53 numbers, all
/// equally likely.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct X(f64);

/// A number that is not a valid X.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[error("X must be greater than 0 and at most 1, not {0}")]
pub struct XError(f64);

impl X {
    /// The largest X, which reveals nothing.
    pub(crate) const LARGEST: X = X(1.0);

    /// Checks the range.
    pub fn new(number: f64) -> Option<X> {
        (number > 0.0 && number <= 1.0).then_some(X(number))
    }

    /// Makes one from 64 random bits.
    pub fn from_bits(bits: u64) -> X {
        const ONE: f64 = (1_u64 << 53) as f64;
        // From 1 to 2^53, all of which a double holds exactly.
        X(((bits >> 11) + 1) as f64 / ONE)
    }

    /// The number.
    pub fn get(self) -> f64 {
        self.0
    }
}

impl TryFrom<f64> for X {
    type Error = XError;

    fn try_from(number: f64) -> Result<X, XError> {
        X::new(number).ok_or(XError(number))
    }
}

/// As Go prints it, and as it is stored.
impl fmt::Display for X {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&go_json::number(self.0))
    }
}

impl<'de> Deserialize<'de> for X {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<X, D::Error> {
        struct Share;
        impl Visitor<'_> for Share {
            type Value = X;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("X, a number greater than 0 and at most 1")
            }

            fn visit_f64<E: serde::de::Error>(self, number: f64) -> Result<X, E> {
                X::new(number).ok_or_else(|| E::invalid_value(Unexpected::Float(number), &self))
            }

            fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<X, E> {
                // 1 is the only whole number in range.
                X::new(number as f64)
                    .ok_or_else(|| E::invalid_value(Unexpected::Unsigned(number), &self))
            }
        }
        deserializer.deserialize_f64(Share)
    }
}

impl Serialize for X {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_ends_of_the_range() {
        assert_eq!(X::from_bits(u64::MAX).get(), 1.0);
        assert_eq!(X::from_bits(0).get(), f64::EPSILON / 2.0);
        for bad in [0.0, -0.0, -0.1, 1.0 + f64::EPSILON, f64::NAN, f64::INFINITY] {
            assert!(X::try_from(bad).is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn every_draw_is_an_x_and_survives_json(bits: u64) {
            let x = X::from_bits(bits);
            prop_assert_eq!(X::try_from(x.get()), Ok(x));
            let json = super::go_json::to_string(&x).expect("a number");
            prop_assert_eq!(serde_json::from_str::<X>(&json).expect("an X"), x);
        }
    }
}
