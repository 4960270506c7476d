//! Numbers in sentences: `1 chart`, `2 charts`, `3 days`.

use std::fmt::Display;

/// A number with its noun, in the plural unless it is one.
pub(crate) fn count<N: Display + PartialEq + From<u8>>(number: N, noun: &str) -> String {
    let plural = if number == N::from(1) { "" } else { "s" };
    format!("{number} {noun}{plural}")
}

/// A number of entries: `1 entry`, `2 entries`.
pub(crate) fn entries(number: impl Display) -> String {
    let number = number.to_string();
    let noun = if number == "1" { "entry" } else { "entries" };
    format!("{number} {noun}")
}

/// A length of time, rounded down to a unit that suits it.
pub(crate) fn duration(seconds: u64) -> String {
    match seconds {
        0..120 => count(seconds, "second"),
        120..7200 => count(seconds / 60, "minute"),
        7200..172_800 => count(seconds / 3600, "hour"),
        _ => count(seconds / 86_400, "day"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_is_singular() {
        let counted = [0_u64, 1, 2].map(|number| count(number, "report"));
        assert_eq!(counted, ["0 reports", "1 report", "2 reports"]);
    }

    #[test]
    fn entries_have_a_plural_of_their_own() {
        assert_eq!([0, 1, 2].map(entries), ["0 entries", "1 entry", "2 entries"]);
    }

    #[test]
    fn a_length_of_time_has_one_unit() {
        let said = [1, 119, 120, 7199, 7200, 172_799, 172_800, 700_000].map(duration);
        let expected = [
            "1 second",
            "119 seconds",
            "2 minutes",
            "119 minutes",
            "2 hours",
            "47 hours",
            "2 days",
            "8 days",
        ];
        assert_eq!(said, expected);
    }
}
