//! The current date.

use crate::day::date_of;
use jiff::Timestamp;
use jiff::civil::Date;

/// Today, in UTC.
pub(super) fn today() -> Date {
    date_of(Timestamp::now())
}
