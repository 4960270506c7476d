//! Bytes in lower-case hexadecimal.

/// Two digits a byte.
pub(crate) fn hex(bytes: &[u8]) -> String {
    const DIGITS: [char; 16] =
        ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];
    let digit = |number: u8| DIGITS.get(usize::from(number)).copied().unwrap_or_default();
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

/// Two digits a byte, for at most so many of the first bytes: a name that nobody else has by accident.
pub(crate) fn shortened(bytes: &[u8], most: usize) -> String {
    hex(bytes.get(..most).unwrap_or(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_has_two_digits() {
        let all: Vec<u8> = (0..=255).collect();
        let expected: String = all.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex(&all), expected);
        assert_eq!(shortened(&all, 3), "000102");
        assert_eq!(shortened(&all[..2], 3), "0001");
        assert_eq!(hex(&[]), "");
    }
}
