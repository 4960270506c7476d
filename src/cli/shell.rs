//! Words of a POSIX shell.

/// A value as one word, quoted if it needs quotes.
pub(super) fn quoted(value: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_./:+=@%".contains(&b);
    match value.bytes().all(plain) && !value.starts_with('-') {
        true => value.to_owned(),
        false => format!("'{}'", value.replace('\'', r"'\''")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_one_word() {
        for (value, word) in [
            ("/srv/candor", "/srv/candor"),
            ("/srv/my data", "'/srv/my data'"),
            ("/it's", "'/it'\\''s'"),
            ("-rf", "'-rf'"),
            ("https://[::1]:8080", "'https://[::1]:8080'"),
        ] {
            assert_eq!(quoted(value), word);
        }
    }
}
