//! Numbers in sentences: `1 chart`, `2 charts`.

use std::fmt::Display;

/// A number with its noun, in the plural unless it is one.
pub(super) fn count<N: Display + PartialEq + From<u8>>(number: N, noun: &str) -> String {
    let plural = if number == N::from(1) { "" } else { "s" };
    format!("{number} {noun}{plural}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_is_singular() {
        let counted = [0_u64, 1, 2].map(|number| count(number, "report"));
        assert_eq!(counted, ["0 reports", "1 report", "2 reports"]);
    }
}
