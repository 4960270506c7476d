//! The command line. `scripts/soak` explains it.

use std::path::PathBuf;

/// The command line.
pub struct Arguments {
    pub minutes: u32,
    /// A folder on a small file system, to be filled.
    pub disk: Option<PathBuf>,
    /// How many files the server may open unless it raises its limit.
    pub open_files: u64,
}

impl Arguments {
    pub fn read() -> Arguments {
        let mut arguments = Arguments { minutes: 60, disk: None, open_files: 1024 };
        let mut words = std::env::args().skip(1);
        while let Some(word) = words.next() {
            let mut number = || {
                let value = words.next().and_then(|value| value.parse::<u32>().ok());
                value.filter(|value| *value > 0).unwrap_or_else(|| panic!("{word} needs a number"))
            };
            match word.as_str() {
                "--minutes" => arguments.minutes = number().min(24 * 60),
                "--open-files" => arguments.open_files = number().into(),
                "--disk" => arguments.disk = words.next().map(PathBuf::from),
                other => panic!("unknown argument {other}; see scripts/soak"),
            }
        }
        arguments
    }
}
