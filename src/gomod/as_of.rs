//! The day for which a config was compiled: `as_of` in `provenance.json`, like `2026-11-27`.
//!
//! Definitions expire on a day. So the definitions at a commit and this day, in UTC, determine a config,
//! and anyone who has both can compile the same bytes again.

use super::CommitTime;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// A day of the calendar from 1970 to 9999, written `2026-11-27`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AsOf(CommitTime);

/// Not a day in the one form that is used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a day of the form 2026-11-27, from 1970 on")]
pub struct AsOfError(String);

impl fmt::Display for AsOf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let start = self.0.to_string();
        f.write_str(start.split('T').next().unwrap_or_default())
    }
}

impl FromStr for AsOf {
    type Err = AsOfError;

    fn from_str(text: &str) -> Result<AsOf, AsOfError> {
        let start = format!("{text}T00:00:00Z").parse();
        start.map(AsOf).map_err(|_| AsOfError(text.to_owned()))
    }
}

impl TryFrom<String> for AsOf {
    type Error = AsOfError;

    fn try_from(text: String) -> Result<AsOf, AsOfError> {
        text.parse()
    }
}

impl From<AsOf> for String {
    fn from(day: AsOf) -> String {
        day.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_has_one_form() {
        for good in ["1970-01-01", "2026-11-27", "2028-02-29", "9999-12-31"] {
            assert_eq!(good.parse::<AsOf>().expect("a day").to_string(), good);
        }
        for bad in
            ["", "2026-02-29", "2026-1-1", "1969-12-31", "2026-11-27T00:00:00Z", "+026-11-27"]
        {
            assert!(bad.parse::<AsOf>().is_err(), "{bad}");
        }
        let day = |text: &str| text.parse::<AsOf>().expect("a day");
        assert!(day("2026-11-27") < day("2026-11-28"));
    }
}
