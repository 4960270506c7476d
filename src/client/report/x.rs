//! Drawing X, the random number that decides what is sampled of a week.
//!
//! It is drawn once a week, after the config for that week is chosen (see `sampling`), and stored with
//! the local report, so that neither a retry nor another process draws again. It is the only thing
//! that tells the reports of two machines apart.

use crate::collection::X;

/// The operating system gave no random bits.
#[derive(Debug, thiserror::Error)]
#[error("the system gave no randomness for sampling: {0}; nothing was reported")]
pub struct RandomnessError(#[from] getrandom::Error);

/// Draws one with the system's randomness.
///
/// # Errors
///
/// The system has none.
pub(crate) fn draw() -> Result<X, RandomnessError> {
    let mut bits = [0; 8];
    getrandom::fill(&mut bits)?;
    Ok(X::from_bits(u64::from_ne_bytes(bits)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_systems_randomness_fills_the_range() {
        let mut tenths = [0; 10];
        for _ in 0..1000 {
            let x = draw().expect("randomness").get();
            tenths[((x * 10.0) as usize).min(9)] += 1;
        }
        // Each has 100 on average, with a standard deviation of 9.5.
        assert!(tenths.iter().all(|count| (5..=195).contains(count)), "{tenths:?}");
    }
}
