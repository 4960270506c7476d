//! Why the verb could not be carried out.

use std::fmt;

/// Why the verb could not do it.
#[derive(Debug)]
pub struct Problem {
    /// The exit code of the program.
    pub code: u8,
    /// What happened, in a sentence.
    pub message: String,
}

impl Problem {
    /// It could not be done: exit code 1.
    pub fn refused(message: impl fmt::Display) -> Problem {
        Problem { code: 1, message: message.to_string() }
    }

    /// Wrong usage: exit code 2.
    pub fn usage(message: impl fmt::Display) -> Problem {
        Problem { code: 2, message: message.to_string() }
    }
}
