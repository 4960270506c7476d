//! X: the random number that decides what is sampled of a week.
//!
//! It is drawn once a week, after the config for that week is chosen (see `sampling`), and stored with
//! the local report, so that neither a retry nor another process draws again. It is the only thing
//! that tells the reports of two machines apart.

use serde::{Deserialize, Serialize};

/// A number greater than 0 and at most 1: one of 2^53, all equally likely.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct X(f64);

/// A number that is not a valid X.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[error("X must be greater than 0 and at most 1, not {0}")]
pub struct XError(f64);

/// The operating system gave no random bits.
#[derive(Debug, thiserror::Error)]
#[error("the system gave no randomness for sampling: {0}; nothing was reported")]
pub struct RandomnessError(#[from] getrandom::Error);

impl X {
    /// Draws one with the system's randomness.
    ///
    /// # Errors
    ///
    /// The system has none.
    pub fn draw() -> Result<X, RandomnessError> {
        let mut bits = [0; 8];
        getrandom::fill(&mut bits)?;
        Ok(X::from_bits(u64::from_ne_bytes(bits)))
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
        if number > 0.0 && number <= 1.0 { Ok(X(number)) } else { Err(XError(number)) }
    }
}

impl From<X> for f64 {
    fn from(x: X) -> f64 {
        x.0
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

    #[test]
    fn the_systems_randomness_fills_the_range() {
        let mut tenths = [0; 10];
        for _ in 0..1000 {
            let x = X::draw().expect("randomness").get();
            tenths[((x * 10.0) as usize).min(9)] += 1;
        }
        // Each has 100 on average, with a standard deviation of 9.5.
        assert!(tenths.iter().all(|count| (5..=195).contains(count)), "{tenths:?}");
    }

    proptest! {
        #[test]
        fn every_draw_is_an_x_and_survives_json(bits: u64) {
            let x = X::from_bits(bits);
            prop_assert_eq!(X::try_from(x.get()), Ok(x));
            let json = crate::collection::go_json::to_string(&x).expect("a number");
            prop_assert_eq!(serde_json::from_str::<X>(&json).expect("an X"), x);
        }
    }
}
