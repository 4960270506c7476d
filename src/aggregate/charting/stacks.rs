//! Stacks, grouped by the functions of their frames.
//!
//! Line numbers change with every edit of a file, so stacks that differ only in the positions of their
//! frames count as one ([`frame::function`]). If a client truncated a stack, its last frame may be
//! incomplete: it is left out, and the line `truncated` stands for it and the rest.
//!
//! Memory: each distinct stack takes its own length and a few hundred bytes. Only the most frequent are
//! published.

use crate::collection::frame::{self, TRUNCATED};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// The most stacks of a figure that are published.
pub const PUBLISHED: usize = 1000;

/// A stack counter and the functions of a stack.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Grouped {
    /// The index of the counter among its figure's rows.
    pub row: usize,
    /// The functions, innermost first, one per line.
    pub functions: String,
}

/// The stacks of one program that were seen, numbered, as [`Parts`](super::parts::Parts) are.
#[derive(Debug, Default)]
pub struct Stacks(Mutex<HashMap<(usize, Grouped), u32>>);

impl Stacks {
    /// The number of a figure's stack.
    pub fn number(&self, figure: usize, stack: Grouped) -> u32 {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let next = u32::try_from(known.len()).unwrap_or(u32::MAX);
        *known.entry((figure, stack)).or_insert(next)
    }

    /// All stacks, by number.
    pub fn into_list(self) -> Vec<Grouped> {
        let known = self.0.into_inner().unwrap_or_else(PoisonError::into_inner);
        let mut list: Vec<(Grouped, u32)> =
            known.into_iter().map(|((_, stack), number)| (stack, number)).collect();
        list.sort_unstable_by_key(|(_, number)| *number);
        list.into_iter().map(|(stack, _)| stack).collect()
    }
}

/// The functions of the frames that follow a stack counter's name.
pub fn functions(frames: &str) -> String {
    // Go's clients truncate a stack anywhere, and end it with an empty line; ours truncate between
    // frames.
    let cut = frames.strip_suffix('\n').filter(|rest| rest.ends_with(TRUNCATED));
    let mut functions: Vec<&str> = cut.unwrap_or(frames).split('\n').map(frame::function).collect();
    if cut.is_some() && functions.len() > 1 {
        functions.remove(functions.len() - 2);
    }
    functions.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stacks_that_differ_in_positions_only_are_one() {
        let cases = [
            ("main.f:+1,+0x2\nmain.main:=12", "main.f\nmain.main"),
            ("main.f:+7,+0x9\nmain.main:-3", "main.f\nmain.main"),
            ("run", "run"),
            ("main.f:+1\nmain.g:+2\ntruncated", "main.f\nmain.g\ntruncated"),
            ("main.f:+1\nmain.g:+\ntruncated\n", "main.f\ntruncated"),
            ("main.f:+1\nmain.\ntruncated\n", "main.f\ntruncated"),
        ];
        for (frames, expected) in cases {
            assert_eq!(functions(frames), expected, "{frames:?}");
        }
    }
}
