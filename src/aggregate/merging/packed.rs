//! Lines packed for sorting: texts that many lines share become numbers.
//!
//! The rows of one program name the same counters in the same order, so of a row little else than its counts is
//! its own. A line is cut into pieces, each followed by a count:
//!
//! ```text
//! {"Week":"2026-02-08","X":0.5,"Programs":[{...,"Counters":{"verb:help":   3
//! ,"verb:run":                                                             12
//! },"Stacks":{}}],"Config":"v0.7.0"}                                       nothing: the line's end
//! ```
//!
//! ```text
//! packed line   pieces with what follows them
//! piece         its number + 1; or 0, a length, and its bytes, if it has no number
//! count         as it is; 0 at the line's end
//! ```
//!
//! All numbers are LEB128. What is unpacked is what was packed, whatever a line is. Memory: [`MOST_PIECES`] and
//! [`MOST_BYTES`]; after that, new pieces are written out.

use std::collections::HashMap;
use std::ops::Range;

/// How many pieces have a number.
const MOST_PIECES: usize = 1 << 16;
/// How many bytes these have together.
const MOST_BYTES: usize = 4 << 20;
/// A longer piece has no number.
const LONGEST_PIECE: usize = 4096;
/// How many pieces are compared before one is looked up.
const GUESSES: usize = 12;
/// No piece.
const NONE: u32 = u32::MAX;

/// The pieces that have numbers.
#[derive(Debug, Default)]
pub(super) struct Pieces {
    bytes: Vec<u8>,
    /// Where each is.
    ranges: Vec<Range<usize>>,
}

impl Pieces {
    fn get(&self, number: u32) -> Option<&[u8]> {
        self.bytes.get(self.ranges.get(number as usize)?.clone())
    }

    /// Appends the line that was packed; `None` if this is no packed line.
    pub fn unpack(&self, mut packed: &[u8], line: &mut Vec<u8>) -> Option<()> {
        loop {
            match read_number(&mut packed)? {
                0 => {
                    let length = usize::try_from(read_number(&mut packed)?).ok()?;
                    let (piece, rest) = packed.split_at_checked(length)?;
                    line.extend_from_slice(piece);
                    packed = rest;
                }
                number => {
                    line.extend_from_slice(self.get(u32::try_from(number - 1).ok()?)?);
                }
            }
            match read_number(&mut packed)? {
                0 => return packed.is_empty().then_some(()),
                count => write_decimal(line, count),
            }
        }
    }
}

/// Packs lines, and numbers their pieces.
#[derive(Debug)]
pub(super) struct Packer {
    pieces: Pieces,
    numbers: HashMap<Box<[u8]>, u32>,
    /// For each piece the one that is expected after it, and after all of them the one that begins a line. Since
    /// names are in order in every row, this becomes the list of all names; those that a row does not have are
    /// passed over. So nearly always a piece is compared with one or two others, and not looked up.
    next: Vec<u32>,
    first: u32,
}

impl Default for Packer {
    fn default() -> Packer {
        let (pieces, numbers) = (Pieces::default(), HashMap::new());
        Packer { pieces, numbers, next: Vec::new(), first: NONE }
    }
}

impl Packer {
    /// Appends the packed line.
    pub fn pack(&mut self, line: &[u8], packed: &mut Vec<u8>) {
        let (mut rest, mut last) = (line, NONE);
        loop {
            let Cut { piece, number, count, behind } = self.cut(last, rest);
            if number == NONE {
                packed.push(0);
                write_number(packed, piece.len() as u64);
                packed.extend_from_slice(piece);
            } else {
                write_number(packed, u64::from(number) + 1);
            }
            write_number(packed, count);
            if count == 0 {
                return;
            }
            (rest, last) = (behind, number);
        }
    }

    /// The pieces, for unpacking.
    pub fn into_pieces(self) -> Pieces {
        self.pieces
    }

    /// Cuts the first piece off what is left of a line.
    fn cut<'a>(&mut self, last: u32, rest: &'a [u8]) -> Cut<'a> {
        let expected = self.expected(last);
        let mut guess = expected;
        for _ in 0..GUESSES {
            let Some(piece) = self.pieces.get(guess) else { break };
            if let Some(behind) = rest.strip_prefix(piece)
                && let Some((count, behind)) = read_count(behind)
            {
                let piece = rest.get(..piece.len()).unwrap_or_default();
                return Cut { piece, number: guess, count, behind };
            }
            guess = self.expected(guess);
        }
        let (piece, count, behind) = first_piece(rest);
        let number = self.number(piece);
        if number != NONE && self.pieces.get(expected).is_none_or(|expected| piece < expected) {
            match self.next.get_mut(last as usize) {
                Some(next) => *next = number,
                None => self.first = number,
            }
            if let Some(next) = self.next.get_mut(number as usize)
                && *next == NONE
            {
                *next = expected;
            }
        }
        Cut { piece, number, count, behind }
    }

    /// The number of a piece, which gets one if there is room for it.
    fn number(&mut self, piece: &[u8]) -> u32 {
        if let Some(number) = self.numbers.get(piece) {
            return *number;
        }
        let is_short = piece.len() <= LONGEST_PIECE;
        let bytes = self.pieces.bytes.len() + piece.len();
        if !is_short || self.next.len() >= MOST_PIECES || bytes > MOST_BYTES {
            return NONE;
        }
        let number = u32::try_from(self.next.len()).unwrap_or(NONE);
        self.pieces.ranges.push(self.pieces.bytes.len()..bytes);
        self.pieces.bytes.extend_from_slice(piece);
        self.numbers.insert(piece.into(), number);
        self.next.push(NONE);
        number
    }

    fn expected(&self, last: u32) -> u32 {
        if last == NONE {
            return self.first;
        }
        self.next.get(last as usize).copied().unwrap_or(NONE)
    }
}

/// A piece, and what is behind it.
struct Cut<'a> {
    piece: &'a [u8],
    /// [`NONE`] if it has none.
    number: u32,
    /// 0 at the line's end.
    count: u64,
    /// What is behind the count.
    behind: &'a [u8],
}

/// The first piece, up to the first count behind a name, with that count and what is behind it.
fn first_piece(rest: &[u8]) -> (&[u8], u64, &[u8]) {
    let ends = memchr::memmem::find_iter(rest, b"\":").map(|found| found + 2);
    let cut = ends.filter_map(|end| rest.split_at_checked(end)).find_map(|(piece, behind)| {
        let (count, behind) = read_count(behind).filter(|(count, _)| *count > 0)?;
        Some((piece, count, behind))
    });
    cut.unwrap_or((rest, 0, &[]))
}

/// A whole number above 0 without leading zeros, and what is behind it; 0 at the end.
fn read_count(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let Some((first, mut rest)) = bytes.split_first() else { return Some((0, bytes)) };
    if !(b'1'..=b'9').contains(first) {
        return None;
    }
    let mut count = u64::from(first - b'0');
    while let Some((digit @ b'0'..=b'9', behind)) = rest.split_first() {
        count = count.checked_mul(10)?.checked_add(u64::from(digit - b'0'))?;
        rest = behind;
    }
    Some((count, rest))
}

fn write_decimal(line: &mut Vec<u8>, count: u64) {
    let (mut digits, mut start, mut left) = ([0; 20], 20, count);
    while left > 0 && start > 0 {
        start -= 1;
        if let Some(digit) = digits.get_mut(start) {
            *digit = b'0' + (left % 10) as u8;
        }
        left /= 10;
    }
    line.extend_from_slice(digits.get(start..).unwrap_or_default());
}

fn write_number(packed: &mut Vec<u8>, mut number: u64) {
    while number > 0x7f {
        packed.push(0x80 | (number & 0x7f) as u8);
        number >>= 7;
    }
    packed.push(number as u8);
}

fn read_number(packed: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = packed.split_first()?;
        *packed = rest;
        number |= u64::from(byte & 0x7f) << shift;
        if *byte < 0x80 {
            return Some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aggregate::testing::any_report;
    use proptest::collection::vec;
    use proptest::prelude::*;

    fn packed_and_unpacked(lines: &[Vec<u8>]) -> (usize, Vec<Vec<u8>>) {
        let mut packer = Packer::default();
        let packed: Vec<Vec<u8>> = lines
            .iter()
            .map(|line| {
                let mut packed = Vec::new();
                packer.pack(line, &mut packed);
                packed
            })
            .collect();
        let pieces = packer.into_pieces();
        let unpacked = packed.iter().map(|packed| {
            let mut line = Vec::new();
            pieces.unpack(packed, &mut line).expect("packed");
            line
        });
        (packed.iter().map(Vec::len).sum(), unpacked.collect())
    }

    proptest! {
        #[test]
        fn what_is_unpacked_is_what_was_packed(
            lines in vec(prop_oneof![
                any_report(),
                "(\"[ab]?\":|,|0|1|9{1,21}|18446744073709551616|é){0,12}".prop_map(String::into_bytes),
            ], 0..60),
        ) {
            prop_assert_eq!(packed_and_unpacked(&lines).1, lines);
        }
    }

    #[test]
    fn rows_of_one_program_take_little_more_than_their_counts() {
        let row = |number: u64| {
            let names = (0..90).filter(|name| (number * 31 + name * 7) % 5 < 3);
            let counters: Vec<_> = names
                .map(|name| format!("\"feature/used-{name:02}:yes\":{}", number + 1))
                .collect();
            format!("{{\"X\":0.5,\"Counters\":{{{}}},\"Stacks\":{{}}}}", counters.join(","))
        };
        let lines: Vec<_> = (0..100).map(|number| row(number).into_bytes()).collect();
        let (packed, unpacked) = packed_and_unpacked(&lines);
        assert_eq!(unpacked, lines);
        assert!(packed * 8 < lines.concat().len(), "{packed} of {}", lines.concat().len());
    }

    #[test]
    fn pieces_beyond_the_limits_are_written_out() {
        let line = |number: usize| {
            format!("{{\"{number}{}\":1}}", "n".repeat(LONGEST_PIECE - 20)).into_bytes()
        };
        let lines: Vec<_> = (0..MOST_BYTES / LONGEST_PIECE + 100).map(line).collect();
        let long = vec![vec![b'l'; LONGEST_PIECE + 1]];
        assert_eq!(packed_and_unpacked(&lines).1, lines);
        assert_eq!(packed_and_unpacked(&long), (LONGEST_PIECE + 5, long));
        assert_eq!(Pieces::default().unpack(&[1, 0], &mut Vec::new()), None);
        assert_eq!(Pieces::default().unpack(&[0, 5, 1], &mut Vec::new()), None);
    }
}
