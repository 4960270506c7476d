//! The metadata of a counter file: its week and its program.
//!
//! One `Key: value` a line, and an empty line at the end; the file's name is made from the same values
//! (golang/telemetry `internal/counter/file.go`, `rotate1`):
//!
//! ```text
//! TimeBegin: 2026-11-22T00:00:00Z
//! TimeEnd: 2026-11-25T00:00:00Z
//! Program: example.org/tool
//! Version: v1.2.3
//! GoVersion: rust1.95.0
//! GOOS: linux
//! GOARCH: amd64
//!
//! tool@v1.2.3-rust1.95.0-linux-amd64-2026-11-22.v1.count
//! ```

use super::layout::MAX_METADATA;
use crate::client::program::{self, Program};
use crate::day::{Day, DayError};
use std::fmt;
use std::str::FromStr;

/// The end of every counter file's name.
pub const SUFFIX: &str = ".v1.count";

/// Whose counts a file holds, and for which days.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Metadata {
    /// The day on which counting into the file began.
    pub begin: Day,
    /// The first day after its week.
    pub end: Day,
    /// The program's path.
    pub program: String,
    /// The program's version; may be empty.
    pub version: String,
    /// The toolchain that built it; the file calls it `GoVersion`.
    pub toolchain: String,
    /// The operating system, by Go's name.
    pub goos: String,
    /// The architecture, by Go's name.
    pub goarch: String,
}

/// Why a text is not the metadata of a counter file, or a program cannot have any.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum MetadataError {
    /// A line without a key.
    Line(String),
    /// A missing key.
    Missing(&'static str),
    /// A time that is not the start of a day.
    Time {
        /// Which one.
        key: &'static str,
        /// Why.
        source: DayError,
    },
    /// A value that cannot be in a line or in the file's name.
    Value {
        /// Which one.
        key: &'static str,
        /// What it says.
        value: String,
        /// What else is not allowed in it.
        not: &'static str,
    },
    /// Too long for the format.
    TooLong(usize),
}

impl fmt::Display for MetadataError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            MetadataError::Line(line) => write!(f, "{line:?} is not of the form `Key: value`"),
            MetadataError::Missing(key) => write!(f, "{key} is missing"),
            MetadataError::Time { key, source } => {
                write!(f, "{key} is not the start of a day: {source}")
            }
            MetadataError::Value { key, value, not } => write!(
                f,
                "{key} {value:?} cannot be in a counter file's name: no spaces, control characters \
                 or {not}"
            ),
            MetadataError::TooLong(bytes) => write!(
                f,
                "the program's name, version and toolchain are too long: {bytes} bytes of metadata, \
                 at most 512 fit"
            ),
        }
    }
}

impl std::error::Error for MetadataError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            MetadataError::Time { source, .. } => Some(source),
            _ => None,
        }
    }
}

impl Metadata {
    /// The metadata of a program on this platform.
    ///
    /// # Errors
    ///
    /// The program's name, version or toolchain has characters that cannot be in a file's name, or is too
    /// long.
    pub fn new(program: &Program, begin: Day, end: Day) -> Result<Metadata, MetadataError> {
        let metadata = Metadata {
            begin,
            end,
            program: program.path.to_string(),
            version: program.version.to_string(),
            toolchain: program.toolchain.to_string(),
            goos: program::goos().to_owned(),
            goarch: program::goarch().to_owned(),
        };
        for (key, value, not, may_be_empty) in [
            ("Program", &metadata.program, "backslashes", false),
            ("Version", &metadata.version, "slashes", true),
            ("GoVersion", &metadata.toolchain, "slashes", false),
        ] {
            let bad = |c: char| {
                c.is_whitespace() || c.is_control() || c == '\\' || (c == '/' && key != "Program")
            };
            if value.contains(bad) || (value.is_empty() && !may_be_empty) {
                return Err(MetadataError::Value { key, value: value.clone(), not });
            }
        }
        match metadata.to_string().len() {
            length if length > MAX_METADATA => Err(MetadataError::TooLong(length)),
            _ => Ok(metadata),
        }
    }

    /// The file's name in the folder `local`.
    pub fn file_name(&self) -> String {
        let base = self.program.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
        let at = if self.version.is_empty() { "" } else { "@" };
        let Metadata { begin, version, toolchain, goos, goarch, .. } = self;
        format!("{base}{at}{version}-{toolchain}-{goos}-{goarch}-{begin}{SUFFIX}")
    }
}

impl fmt::Display for Metadata {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Metadata { program, version, toolchain, goos, goarch, .. } = self;
        let (begin, end) = (self.begin.to_rfc3339(), self.end.to_rfc3339());
        write!(
            f,
            "TimeBegin: {begin}\nTimeEnd: {end}\nProgram: {program}\nVersion: {version}\n\
             GoVersion: {toolchain}\nGOOS: {goos}\nGOARCH: {goarch}\n\n"
        )
    }
}

impl FromStr for Metadata {
    type Err = MetadataError;

    fn from_str(text: &str) -> Result<Metadata, MetadataError> {
        let mut values = Vec::new();
        for line in text.split('\n').filter(|line| !line.is_empty()) {
            let pair = line.split_once(": ");
            values.push(pair.ok_or_else(|| MetadataError::Line(line.to_owned()))?);
        }
        let value = |key: &'static str| {
            // The last one wins, as in Go's parser.
            let found = values.iter().rev().find(|(found, _)| *found == key);
            found.map(|(_, value)| *value).ok_or(MetadataError::Missing(key))
        };
        let day = |key| {
            Day::from_rfc3339(value(key)?).map_err(|source| MetadataError::Time { key, source })
        };
        let text = |key| value(key).map(str::to_owned);
        Ok(Metadata {
            begin: day("TimeBegin")?,
            end: day("TimeEnd")?,
            program: text("Program")?,
            version: text("Version")?,
            toolchain: text("GoVersion")?,
            goos: text("GOOS")?,
            goarch: text("GOARCH")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metadata(path: &'static str, version: &'static str) -> Result<Metadata, MetadataError> {
        let begin: Day = "2026-11-22".parse().expect("a day");
        let program = Program::new(path, "v1.0.0").with_toolchain("go1.26.8");
        let program = Program { version: version.into(), ..program };
        Metadata::new(&program, begin, begin.plus(3))
    }

    #[test]
    fn metadata_is_written_as_go_writes_it_and_read_again() {
        let metadata = metadata("golang.org/x/tools/gopls", "v0.16.0").expect("metadata");
        let (goos, goarch) = (program::goos(), program::goarch());
        let text = metadata.to_string();
        assert_eq!(
            text,
            format!(
                "TimeBegin: 2026-11-22T00:00:00Z\nTimeEnd: 2026-11-25T00:00:00Z\n\
                 Program: golang.org/x/tools/gopls\nVersion: v0.16.0\nGoVersion: go1.26.8\n\
                 GOOS: {goos}\nGOARCH: {goarch}\n\n"
            )
        );
        assert_eq!(text.parse(), Ok(metadata.clone()));
        let name = format!("gopls@v0.16.0-go1.26.8-{goos}-{goarch}-2026-11-22.v1.count");
        assert_eq!(metadata.file_name(), name);
    }

    #[test]
    fn without_a_version_there_is_none_in_the_files_name() {
        let name = metadata("tool", "").expect("metadata").file_name();
        assert!(name.starts_with("tool-go1.26.8-"), "{name}");
    }

    #[test]
    fn what_cannot_be_a_line_or_a_files_name_is_refused() {
        for (path, version) in [
            ("", "v1.0.0"),
            ("a\nVersion: v2.0.0", "v1.0.0"),
            ("a b", "v1.0.0"),
            ("a\\b", "v1.0.0"),
            ("a", "../../v1.0.0"),
            ("a", "v1 0"),
        ] {
            let refused = metadata(path, version);
            assert!(matches!(refused, Err(MetadataError::Value { .. })), "{path:?} {version:?}");
        }
        let long: &'static str = "v".repeat(400).leak();
        assert!(matches!(metadata("a", long), Err(MetadataError::TooLong(_))));
    }

    #[test]
    fn broken_metadata_says_what_is_wrong() {
        let whole = metadata("a", "").expect("metadata").to_string();
        for (from, to, error) in [
            ("GOOS: ", "GOOS=", "is not of the form"),
            ("Version: \n", "", "Version is missing"),
            ("T00:00:00Z\nTimeEnd", "T01:00:00Z\nTimeEnd", "TimeBegin is not the start of a day"),
        ] {
            let broken: Result<Metadata, _> = whole.replacen(from, to, 1).parse();
            let message = broken.expect_err(to).to_string();
            assert!(message.contains(error), "{message}");
        }
    }
}
