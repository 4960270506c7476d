//! The parts of a program's reports that are tallied separately.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// Some of a program's reports.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Part {
    /// All of them.
    Whole,
    /// Those with a build of this version.
    Version(String),
    /// Those with a build for this platform, `linux/amd64`.
    Platform(String),
    /// Those with a build by this toolchain.
    Toolchain(String),
    /// Those in these categories, by margin; `None` is unknown.
    Cell(Vec<Option<u32>>),
}

/// The number of [`Part::Whole`].
pub const WHOLE: u32 = 0;

/// The parts of one program that were seen, numbered.
///
/// Threads share it, so a number means the same to all of them. The numbering depends on the order of
/// threads; nothing published does.
#[derive(Debug)]
pub struct Parts(Mutex<HashMap<Part, u32>>);

impl Parts {
    /// With only [`Part::Whole`].
    pub fn new() -> Parts {
        Parts(Mutex::new(HashMap::from([(Part::Whole, WHOLE)])))
    }

    /// The number of a part.
    pub fn number(&self, part: Part) -> u32 {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // There are fewer parts than reports, so the number fits.
        let next = u32::try_from(known.len()).unwrap_or(u32::MAX);
        *known.entry(part).or_insert(next)
    }

    /// All parts, by number.
    pub fn into_list(self) -> Vec<Part> {
        let known = self.0.into_inner().unwrap_or_else(PoisonError::into_inner);
        let mut list: Vec<(Part, u32)> = known.into_iter().collect();
        list.sort_unstable_by_key(|(_, number)| *number);
        list.into_iter().map(|(part, _)| part).collect()
    }
}
