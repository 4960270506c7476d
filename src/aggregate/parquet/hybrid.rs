//! Small numbers in runs and bit-packed, Parquet's
//! [hybrid encoding](https://parquet.apache.org/docs/file-format/data-pages/encodings/#RLE): levels, and indices into
//! dictionaries.
//!
//! The library has it, too, but only between values and columns: a name that is in a million reports would be hashed
//! a million times when it is written, and shared a million times when it is read.

/// How many bits numbers below `end` need.
pub(super) fn width_for(end: usize) -> u32 {
    usize::BITS - end.saturating_sub(1).leading_zeros()
}

/// Appends numbers, bit-packed.
pub(super) fn write_packed(
    out: &mut Vec<u8>,
    width: u32,
    numbers: impl ExactSizeIterator<Item = u32>,
) {
    let groups = numbers.len().div_ceil(8);
    write_header(out, (groups as u64) << 1 | 1);
    let end = out.len() + groups * width as usize;
    out.reserve(end - out.len() + 8);
    let (mut bits, mut filled) = (0, 0);
    for number in numbers {
        bits |= u64::from(number) << filled;
        filled += width;
        if filled >= 32 {
            out.extend_from_slice(&(bits as u32).to_le_bytes());
            bits >>= 32;
            filled -= 32;
        }
    }
    out.extend_from_slice(&(bits as u32).to_le_bytes());
    // A group is written whole, and what was appended beyond it is zero.
    out.resize(end, 0);
}

/// Appends a run of one number.
pub(super) fn write_run(out: &mut Vec<u8>, width: u32, number: u32, length: usize) {
    write_header(out, (length as u64) << 1);
    out.extend(number.to_le_bytes().iter().take(width.div_ceil(8) as usize));
}

fn write_header(out: &mut Vec<u8>, mut header: u64) {
    while header > 0x7f {
        out.push(0x80 | (header & 0x7f) as u8);
        header >>= 7;
    }
    out.push(header as u8);
}

/// Reads `count` numbers; `None` if there are fewer. The end of `bytes` may be anything.
pub(super) fn read(
    mut bytes: &[u8],
    width: u32,
    mut count: usize,
    mut each: impl FnMut(u32),
) -> Option<()> {
    if width > 32 {
        return None;
    }
    let mask = (1 << width) - 1;
    while count > 0 {
        let header = read_header(&mut bytes)?;
        let length = usize::try_from(header >> 1).ok()?;
        if header & 1 == 0 {
            let (number, rest) = bytes.split_at_checked(width.div_ceil(8) as usize)?;
            bytes = rest;
            let number = little_endian(number) as u32;
            let length = length.min(count);
            (0..length).for_each(|_| each(number));
            count -= length;
            if length == 0 {
                return None;
            }
            continue;
        }
        let run = length.checked_mul(width as usize)?;
        let (packed, rest) = bytes.split_at(run.min(bytes.len()));
        bytes = rest;
        let length = length.checked_mul(8)?.min(count);
        let mut words = packed.chunks(4);
        let (mut bits, mut filled) = (0_u64, 0);
        for _ in 0..length {
            if filled < width {
                let word = words.next()?;
                bits |= little_endian(word) << filled;
                filled += 8 * word.len() as u32;
                if filled < width {
                    return None;
                }
            }
            each((bits & mask) as u32);
            bits >>= width;
            filled -= width;
        }
        count -= length;
        if length == 0 {
            return None;
        }
    }
    Some(())
}

fn little_endian(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

fn read_header(bytes: &mut &[u8]) -> Option<u64> {
    let mut header = 0;
    for shift in (0..63).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        header |= u64::from(byte & 0x7f) << shift;
        if *byte < 0x80 {
            return Some(header);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_written_is_read_again(
            pieces in vec((any::<bool>(), vec(any::<u32>(), 1..100)), 0..8),
            width in 0..=32u32,
        ) {
            let mask = ((1_u64 << width) - 1) as u32;
            let (mut bytes, mut expected, mut padding) = (Vec::new(), Vec::new(), 0);
            for (number, (is_run, numbers)) in (1..).zip(&pieces) {
                let numbers: Vec<u32> = numbers.iter().map(|number| number & mask).collect();
                // What is packed is a multiple of eight, but for the end.
                let whole = numbers.len() / 8 * 8;
                if *is_run {
                    write_run(&mut bytes, width, numbers[0], numbers.len());
                    expected.extend(std::iter::repeat_n(numbers[0], numbers.len()));
                } else if number == pieces.len() {
                    write_packed(&mut bytes, width, numbers.iter().copied());
                    expected.extend(&numbers);
                    padding = numbers.len().next_multiple_of(8) - numbers.len();
                } else if whole > 0 {
                    write_packed(&mut bytes, width, numbers[..whole].iter().copied());
                    expected.extend(&numbers[..whole]);
                }
            }
            let mut found = Vec::new();
            prop_assert_eq!(read(&bytes, width, expected.len(), |number| found.push(number)), Some(()));
            prop_assert_eq!(&found, &expected);
            let beyond = expected.len() + padding + 1;
            prop_assert_eq!(read(&bytes, width, beyond, |_| {}), None);
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in vec(any::<u8>(), 0..40), width in 0..40u32) {
            let mut found = 0;
            let read = read(&bytes, width, 1000, |_| found += 1);
            prop_assert!(found <= 1000 && (read.is_none() || found == 1000));
        }
    }

    #[test]
    fn numbers_have_the_width_of_the_largest() {
        let widths = [0, 1, 2, 3, 4, 5, 256, 257].map(width_for);
        assert_eq!(widths, [0, 0, 1, 2, 2, 3, 8, 9]);
    }
}
