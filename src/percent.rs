//! Percent-encoding (RFC 3986, section 2.1): a byte as `%` and two hexadecimal digits.

/// A text in which every byte that is not plain is encoded. `plain` is given each byte and where it is.
pub(crate) fn encoded(text: &str, plain: impl Fn(usize, u8) -> bool) -> String {
    let mut encoded = String::with_capacity(text.len());
    for (at, byte) in text.bytes().enumerate() {
        match byte.is_ascii() && plain(at, byte) {
            true => encoded.push(char::from(byte)),
            false => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

/// The path of a file, program or chart in an address: what RFC 3986 calls unreserved, `+` and slashes stay.
#[cfg(feature = "server")]
pub(crate) fn path(text: &str) -> String {
    encoded(text, |_, byte| byte.is_ascii_alphanumeric() || b"-._~+/".contains(&byte))
}

/// The text that was encoded; `None` if it is malformed.
pub(crate) fn decoded(text: &str) -> Option<String> {
    decode(text.as_bytes(), |_| None)
}

/// The same, but a `%` without two digits stands for itself.
pub(crate) fn decoded_where_possible(text: &str) -> Option<String> {
    decode(text.as_bytes(), Some)
}

fn decode(mut rest: &[u8], malformed: impl Fn(u8) -> Option<u8>) -> Option<String> {
    let mut bytes = Vec::with_capacity(rest.len());
    while let Some((first, after)) = rest.split_first() {
        let escaped = if *first == b'%' { after.split_first_chunk() } else { None };
        let escaped = escaped.and_then(|(digits, after)| Some((byte(digits)?, after)));
        let (byte, after) = match escaped {
            Some(escaped) => escaped,
            None if *first == b'%' => (malformed(*first)?, after),
            None => (*first, after),
        };
        bytes.push(byte);
        rest = after;
    }
    String::from_utf8(bytes).ok()
}

fn byte(digits: &[u8; 2]) -> Option<u8> {
    let digit =
        |digit: u8| char::from(digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let [high, low] = *digits;
    Some(digit(high)? << 4 | digit(low)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_percent_sign_without_digits_is_malformed_or_itself() {
        for text in ["%", "%4", "%zz", "%+f", "a%", "100% of"] {
            assert_eq!(decoded(text), None, "{text}");
            assert_eq!(decoded_where_possible(text).as_deref(), Some(text));
        }
        assert_eq!(decoded("%FF"), None, "not UTF-8");
        assert_eq!(decoded("a%2fb%2E%c3%BC").as_deref(), Some("a/b.ü"));
        assert_eq!(decoded_where_possible("%41%4").as_deref(), Some("A%4"));
    }

    #[cfg(feature = "server")]
    #[test]
    fn paths_stay_readable() {
        assert_eq!(path("example.org/a b+c~d/Ü%"), "example.org/a%20b+c~d/%C3%9C%25");
    }

    proptest! {
        #[test]
        fn what_is_encoded_is_decoded(text in any::<String>(), plain in any::<[bool; 7]>()) {
            let encoded = encoded(&text, |at, byte| byte != b'%' && plain[at % 7]);
            prop_assert!(encoded.is_ascii());
            prop_assert_eq!(decoded(&encoded), Some(text.clone()));
            prop_assert_eq!(decoded_where_possible(&encoded), Some(text));
        }
    }
}
