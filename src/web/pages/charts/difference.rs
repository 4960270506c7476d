//! Values of rows, and the differences between them, as text.

use super::tables::quantile;
use crate::aggregate::figure::{Interval, Kind, Row};
use crate::web::numbers;

/// The value of a row: its share, or the median of its quotients. Without an upper bound that is infinite.
pub(super) fn value(row: &Row, kind: Kind) -> Option<Interval> {
    if kind != Kind::Ratio {
        return Some(row.estimate.share);
    }
    let median = quantile(row.distribution.as_ref()?, 0.5)?;
    let Interval { value, low, high } = median.quotient;
    Some(Interval { value, low, high: if median.open { f64::INFINITY } else { high } })
}

/// A difference of shares in percentage points, without a sign: `1.2`.
fn points(difference: f64) -> String {
    let points = difference.abs() * 100.0;
    match points {
        _ if points == 0.0 => "0".to_owned(),
        _ if points < 0.01 => "<0.01".to_owned(),
        _ if points < 1.0 => format!("{points:.2}"),
        _ => format!("{points:.1}"),
    }
}

/// A difference without its sign, and without its unit.
pub(super) fn size(value: f64, kind: Kind) -> String {
    match kind {
        Kind::Ratio if !value.is_finite() => "∞".to_owned(),
        Kind::Ratio => numbers::quotient(value.abs()),
        _ => points(value),
    }
}

/// A difference with its sign.
pub(super) fn signed(value: f64, kind: Kind) -> String {
    match size(value, kind) {
        zero if zero == "0" => zero,
        // Its sign would say more than the number.
        tiny if tiny.starts_with('<') => "0.00".to_owned(),
        size if value < 0.0 => format!("−{size}"),
        size => format!("+{size}"),
    }
}

/// The unit of differences, after a number.
pub(super) fn unit(kind: Kind) -> &'static str {
    if kind == Kind::Ratio { "" } else { " points" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_have_a_sign_and_few_digits() {
        let shown = |value| signed(value, Kind::Partition);
        assert_eq!([0.1, -0.0123, 0.0].map(shown), ["+10.0", "−1.2", "0"]);
        assert_eq!(shown(0.00001), "0.00", "its sign would say more than the number");
        assert_eq!(signed(-f64::INFINITY, Kind::Ratio), "−∞");
        assert_eq!((unit(Kind::Ratio), unit(Kind::Stack)), ("", " points"));
    }
}
