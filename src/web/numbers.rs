//! Numbers as people read them, the same in pictures, tables and sentences.
//!
//! Shares are percentages, with more decimals near 0% and 100%: only 0 reads `0%`, and only 1 reads `100%`.

use jiff::civil::Date;

/// A number with a comma between groups of three digits.
pub(in crate::web) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (place, digit) in digits.char_indices() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A number of things: `1 report`, `2,000 reports`.
pub(in crate::web) fn counted(number: u64, what: &str) -> String {
    counted_as(number, what, &format!("{what}s"))
}

/// The same, for words with an irregular plural.
pub(in crate::web) fn counted_as(number: u64, one: &str, many: &str) -> String {
    format!("{} {}", grouped(number), if number == 1 { one } else { many })
}

/// A size in bytes, with three significant digits.
pub(in crate::web) fn size(bytes: u64) -> String {
    let units = ["B", "kB", "MB", "GB", "TB", "PB"];
    let mut value = bytes as f64;
    let mut unit = 0;
    while value >= 999.5 && unit + 1 < units.len() {
        value /= 1000.0;
        unit += 1;
    }
    let decimals = if unit == 0 || value >= 99.95 {
        0
    } else if value >= 9.995 {
        1
    } else {
        2
    };
    format!("{value:.decimals$} {}", units.get(unit).copied().unwrap_or_default())
}

/// The smallest share that is written out; likewise for the distance from 1.
const TINY: f64 = 0.0001;

/// A sum of weights, rounded to a whole number.
pub(in crate::web) fn total(sum: f64) -> String {
    // Sums of weights are neither negative nor near the limits of u64; the cast saturates.
    grouped(sum.round() as u64)
}

/// An estimated number of installations: `1 installation`, `1,024 installations`.
pub(in crate::web) fn installations(sum: f64) -> String {
    // As in `total`.
    counted(sum.round() as u64, "installation")
}

/// A share from 0 to 1: `43.2%`, `0.04%`, `<0.01%`, `99.98%`, `>99.99%`.
pub(in crate::web) fn percent(share: f64) -> String {
    let rest = 1.0 - share;
    match share {
        _ if share <= 0.0 => "0%".to_owned(),
        _ if rest <= 0.0 => "100%".to_owned(),
        _ if share < TINY => "<0.01%".to_owned(),
        _ if rest < TINY => ">99.99%".to_owned(),
        _ if share < 0.01 || rest < 0.01 => format!("{:.2}%", share * 100.0),
        _ => format!("{:.1}%", share * 100.0),
    }
}

/// The bounds of a share: `42.1 to 44.4%`.
pub(in crate::web) fn percent_range(low: f64, high: f64) -> String {
    let (low, high) = (percent(low), percent(high));
    format!("{} to {high}", low.trim_end_matches('%'))
}

/// A sampling rate: `6.6352%`, `100%`. Exact up to four decimals.
pub(in crate::web) fn rate(rate: f64) -> String {
    let text = format!("{:.4}", rate * 100.0);
    format!("{}%", text.trim_end_matches('0').trim_end_matches('.'))
}

/// A quotient, with three significant digits: `0`, `0.0123`, `1.5`, `1,230`, `2.5e9`.
pub(in crate::web) fn quotient(value: f64) -> String {
    if value == 0.0 {
        return "0".to_owned();
    }
    if value.abs() >= 1e7 {
        let text = format!("{value:.2e}");
        let (digits, power) = text.split_once('e').unwrap_or((&text, "0"));
        return format!("{}e{power}", digits.trim_end_matches('0').trim_end_matches('.'));
    }
    if value.abs() >= 999.5 {
        let step = 10f64.powi(value.abs().log10().floor() as i32 - 2);
        return total((value / step).round() * step);
    }
    if value.abs() < 1e-6 {
        return format!("{value:.0e}");
    }
    let decimals = 2 - value.abs().log10().floor() as i32;
    let text = format!("{value:.*}", usize::try_from(decimals).unwrap_or(0));
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    }
}

/// The abbreviated names of the months.
const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// `15 Nov`.
pub(in crate::web) fn day(date: Date) -> String {
    let month = usize::try_from(date.month() - 1).ok().and_then(|month| MONTHS.get(month));
    format!("{} {}", date.day(), month.unwrap_or(&""))
}

/// The days of a week: `9–15 Nov 2026`, `28 Dec 2026 – 3 Jan 2027`.
pub(in crate::web) fn week(first: Date, last: Date) -> String {
    if first.year() != last.year() {
        return format!("{} {} – {} {}", day(first), first.year(), day(last), last.year());
    }
    match first.month() == last.month() {
        true => format!("{}–{} {}", first.day(), day(last), last.year()),
        false => format!("{} – {} {}", day(first), day(last), last.year()),
    }
}

/// `99%` for a confidence of 0.99.
pub(in crate::web) fn confidence(confidence: f64) -> String {
    rate(confidence)
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn numbers_are_grouped_and_sizes_short() {
        for (number, text) in [(0, "0"), (999, "999"), (1000, "1,000"), (16_588_000, "16,588,000")]
        {
            assert_eq!(grouped(number), text);
        }
        assert_eq!(grouped(u64::MAX), "18,446,744,073,709,551,615");
        assert_eq!(
            (counted(1, "report"), counted(0, "report")),
            ("1 report".into(), "0 reports".into())
        );
        for (bytes, text) in [
            (0, "0 B"),
            (999, "999 B"),
            (1000, "1.00 kB"),
            (12_345, "12.3 kB"),
            (999_600, "1.00 MB"),
        ] {
            assert_eq!(size(bytes), text);
        }
    }

    #[test]
    fn shares_near_0_and_1_differ_from_them() {
        for (share, text) in [
            (0.0, "0%"),
            (1e-9, "<0.01%"),
            (0.0004, "0.04%"),
            (0.01, "1.0%"),
            (0.4321, "43.2%"),
            (0.9998, "99.98%"),
            (1.0 - 1e-9, ">99.99%"),
            (1.0, "100%"),
        ] {
            assert_eq!(percent(share), text);
        }
        assert_eq!(percent_range(0.421, 0.444), "42.1 to 44.4%");
        assert_eq!(percent_range(0.0, 0.0002), "0 to 0.02%");
    }

    #[test]
    fn quotients_have_three_digits() {
        for (value, text) in [
            (0.0, "0"),
            (0.5, "0.5"),
            (0.012345, "0.0123"),
            (1.5, "1.5"),
            (12.345, "12.3"),
            (100.0, "100"),
            (999.9, "1,000"),
            (1234.0, "1,230"),
            (1_234_567.0, "1,230,000"),
            (2.5e9, "2.5e9"),
            (1e-9, "1e-9"),
        ] {
            assert_eq!(quotient(value), text);
        }
    }

    #[test]
    fn a_week_is_written_as_shortly_as_possible() {
        assert_eq!(week(date(2026, 11, 9), date(2026, 11, 15)), "9–15 Nov 2026");
        assert_eq!(week(date(2026, 10, 26), date(2026, 11, 1)), "26 Oct – 1 Nov 2026");
        assert_eq!(week(date(2026, 12, 28), date(2027, 1, 3)), "28 Dec 2026 – 3 Jan 2027");
    }

    #[test]
    fn rates_keep_all_their_digits() {
        for (value, text) in [(1.0, "100%"), (0.5, "50%"), (0.066352, "6.6352%"), (0.99, "99%")] {
            assert_eq!(rate(value), text);
        }
    }
}
