//! Part of a file: the `Range` header (RFC 9110, section 14).
//!
//! A single range of bytes is supported, which is what readers of Parquet ask for. Several ranges, other
//! units and malformed headers are ignored, as section 14.2 allows: the answer is the whole file.

use axum::http::HeaderMap;
use axum::http::header::{IF_RANGE, RANGE};

/// The part of a file that is requested.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    /// All of it.
    Whole,
    /// The bytes from `first` to `last`, both included.
    Part {
        /// The first byte.
        first: u64,
        /// The last byte.
        last: u64,
    },
    /// Bytes beyond its end: 416.
    Nothing,
}

/// The part that a GET request asks for, of a file of `length` bytes with this entity tag.
pub(super) fn wanted(request: &HeaderMap, length: u64, etag: &str) -> Wanted {
    let mut lines = request.get_all(RANGE).into_iter();
    let (Some(line), None) = (lines.next(), lines.next()) else { return Wanted::Whole };
    // Section 13.1.5: a client that has a part of another version must be sent the whole. Only a strong
    // tag can match, and dates are not used here.
    if let Some(condition) = request.get(IF_RANGE)
        && condition.as_bytes() != etag.as_bytes()
    {
        return Wanted::Whole;
    }
    let range = line.to_str().ok().and_then(|line| line.split_once('='));
    match range {
        Some((unit, range)) if unit.trim().eq_ignore_ascii_case("bytes") => {
            part(range.trim(), length)
        }
        _ => Wanted::Whole,
    }
}

fn part(range: &str, length: u64) -> Wanted {
    let Some((first, last)) = range.split_once('-') else { return Wanted::Whole };
    let (Some(first), Some(last)) = (number(first), number(last)) else { return Wanted::Whole };
    let end = length.checked_sub(1);
    match (first, last, end) {
        (Some(first), Some(last), _) if first > last => Wanted::Whole,
        (None, None, _) => Wanted::Whole,
        (Some(first), last, Some(end)) if first <= end => {
            Wanted::Part { first, last: last.map_or(end, |last| last.min(end)) }
        }
        (None, Some(suffix), Some(end)) if suffix > 0 => {
            Wanted::Part { first: length.saturating_sub(suffix), last: end }
        }
        _ => Wanted::Nothing,
    }
}

/// `Some(None)` for nothing, `None` for something that is not a number. Numbers that are too large count
/// as the largest.
fn number(digits: &str) -> Option<Option<u64>> {
    match digits.trim() {
        "" => Some(None),
        digits if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
            Some(Some(digits.parse().unwrap_or(u64::MAX)))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges() {
        let part = |first, last| Wanted::Part { first, last };
        for (range, expected) in [
            ("bytes=0-", part(0, 99)),
            ("bytes=0-0", part(0, 0)),
            ("bytes=10-19", part(10, 19)),
            ("bytes=90-1000", part(90, 99)),
            ("bytes=-10", part(90, 99)),
            ("bytes=-1000", part(0, 99)),
            ("Bytes = 5 - 6", part(5, 6)),
            ("bytes=0-99999999999999999999999", part(0, 99)),
            ("bytes=100-", Wanted::Nothing),
            ("bytes=100-200", Wanted::Nothing),
            ("bytes=99999999999999999999999-", Wanted::Nothing),
            ("bytes=-0", Wanted::Nothing),
            ("bytes=20-10", Wanted::Whole),
            ("bytes=-", Wanted::Whole),
            ("bytes=", Wanted::Whole),
            ("bytes=0-1,5-6", Wanted::Whole),
            ("bytes=a-b", Wanted::Whole),
            ("bytes=+1-2", Wanted::Whole),
            ("lines=0-1", Wanted::Whole),
            ("0-1", Wanted::Whole),
            ("", Wanted::Whole),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(RANGE, range.parse().expect("a header value"));
            assert_eq!(wanted(&headers, 100, "\"a\""), expected, "{range}");
            // An empty file has no parts.
            let empty = wanted(&headers, 0, "\"a\"");
            assert!(!matches!(empty, Wanted::Part { .. }), "{range}");
        }
        assert_eq!(wanted(&HeaderMap::new(), 100, "\"a\""), Wanted::Whole);
    }

    #[test]
    fn a_part_is_sent_only_if_the_client_has_the_same_version() {
        for (condition, has) in
            [("\"a\"", true), ("\"b\"", false), ("W/\"a\"", false), ("Sun", false)]
        {
            let mut headers = HeaderMap::new();
            headers.insert(RANGE, "bytes=0-1".parse().expect("a header value"));
            headers.insert(IF_RANGE, condition.parse().expect("a header value"));
            let part = wanted(&headers, 100, "\"a\"") != Wanted::Whole;
            assert_eq!(part, has, "{condition}");
        }
    }
}
