//! Sizes, leaf indexes, and tree heads, which identify a whole tree.
//!
//! A size is not an index; the types keep them apart. Both stay below 2^63, which is what Go's
//! signed integers and every other implementation can hold, so no arithmetic on them wraps.

use super::Hash;
use std::fmt;
use std::str::FromStr;

/// The number of leaves of a tree, below 2^63.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct TreeSize(u64);

/// The index of a leaf, from zero, below 2^63.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct LeafIndex(u64);

/// Text or a number that is not a tree size or leaf index.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a tree size or leaf index: write a decimal number below 2^63, no leading 0")]
pub struct TreeLimitError(String);

/// What identifies a tree: its size and root. A checkpoint is a signed tree head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TreeHead {
    /// The number of leaves.
    pub size: TreeSize,
    /// The Merkle tree hash over all leaves; [`Hash::EMPTY`] for the empty tree.
    pub root: Hash,
}

impl TreeHead {
    /// The head of the tree without leaves.
    pub const EMPTY: TreeHead = TreeHead { size: TreeSize::ZERO, root: Hash::EMPTY };
}

const LIMIT: u64 = 1 << 63;

impl TreeSize {
    /// The size of the empty tree.
    pub const ZERO: TreeSize = TreeSize(0);

    /// A tree of `leaves` leaves.
    pub fn new(leaves: u64) -> Result<TreeSize, TreeLimitError> {
        below_limit(leaves).map(TreeSize)
    }

    /// The number of leaves.
    pub fn get(self) -> u64 {
        self.0
    }

    /// The size after `leaves` more leaves.
    pub fn plus(self, leaves: usize) -> Result<TreeSize, TreeLimitError> {
        let too_many = || TreeLimitError(format!("{} + {leaves}", self.0));
        let sum = u64::try_from(leaves).ok().and_then(|leaves| self.0.checked_add(leaves));
        TreeSize::new(sum.ok_or_else(too_many)?)
    }

    /// The index that the next appended leaf gets, which is the size itself.
    pub fn next_index(self) -> LeafIndex {
        LeafIndex(self.0)
    }

    /// The index of the last leaf; `None` in the empty tree.
    pub fn last_index(self) -> Option<LeafIndex> {
        self.0.checked_sub(1).map(LeafIndex)
    }
}

impl LeafIndex {
    /// The leaf at `index`.
    pub fn new(index: u64) -> Result<LeafIndex, TreeLimitError> {
        below_limit(index).map(LeafIndex)
    }

    /// The index, from zero.
    pub fn get(self) -> u64 {
        self.0
    }

    /// Whether a tree of this size has the leaf.
    pub fn is_in(self, size: TreeSize) -> bool {
        self.0 < size.0
    }
}

fn below_limit(number: u64) -> Result<u64, TreeLimitError> {
    if number < LIMIT { Ok(number) } else { Err(TreeLimitError(number.to_string())) }
}

/// Reads a number as `Display` writes it: digits alone, no leading zero.
fn parse_decimal(text: &str) -> Result<u64, TreeLimitError> {
    text.parse::<u64>()
        .ok()
        .filter(|number| *number < LIMIT && number.to_string() == text)
        .ok_or_else(|| TreeLimitError(text.chars().take(100).collect()))
}

impl fmt::Display for TreeSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for LeafIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for TreeSize {
    type Err = TreeLimitError;

    fn from_str(text: &str) -> Result<TreeSize, TreeLimitError> {
        parse_decimal(text).map(TreeSize)
    }
}

impl FromStr for LeafIndex {
    type Err = TreeLimitError;

    fn from_str(text: &str) -> Result<LeafIndex, TreeLimitError> {
        parse_decimal(text).map(LeafIndex)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_decimal_and_below_the_limit() {
        assert_eq!("0".parse(), Ok(TreeSize::ZERO));
        assert_eq!("9223372036854775807".parse::<TreeSize>().map(TreeSize::get), Ok(LIMIT - 1));
        for bad in ["", "00", "01", "+1", "-1", " 1", "1\n", "1_0", "0x1", "9223372036854775808"] {
            assert!(bad.parse::<TreeSize>().is_err(), "{bad:?}");
            assert!(bad.parse::<LeafIndex>().is_err(), "{bad:?}");
        }
        assert!(TreeSize::new(LIMIT).is_err());
        assert!(TreeSize::new(LIMIT - 1).expect("a size").plus(1).is_err());
    }
}
