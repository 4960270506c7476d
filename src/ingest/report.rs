//! A report as the receiver has it: parsed strictly, written in canonical form.
//!
//! The format and its fields are in [`crate::report`]. Here nothing may follow the closing brace, and the types
//! cannot hold a malformed report; whether a config allows it is up to [`check`](super::check()).
//!
//! The canonical form makes a report that is sent twice byte-identical: fields in Go's order, counts
//! ordered by name, numbers as Go prints them, no white space.
//!
//! The *public row* is the canonical form without `LastWeek`, which would link the rows of one machine,
//! and with `X` rounded up to the smallest rate in force, since whoever sent or relayed the report
//! knows the exact number. It is parsed like any report: `LastWeek` may be absent.

use crate::collection::X;
use crate::collection::go_json;
use crate::gomod::ModuleVersion;
use crate::report::{self, Counts, OnlyObject, Text};
use crate::text::bounded;
use serde::Serialize;
use std::io::{self, Write};

/// One installation's counts of one week.
pub type Report<'a> = report::Report<X, ModuleVersion, ProgramReport<'a>>;

/// The counts of one build of one program.
pub type ProgramReport<'a> = report::ProgramReport<Text<'a>, Counts<'a>>;

/// Why bytes are not a report: what was found, what was expected, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the report is malformed at line {line}, column {column}: {message}")]
pub struct DecodeError {
    message: String,
    line: usize,
    column: usize,
}

impl<'a> Report<'a> {
    /// Parses a report. Strings without escapes are borrowed from `json`.
    pub fn decode(json: &'a [u8]) -> Result<Report<'a>, DecodeError> {
        serde_json::from_slice::<OnlyObject<Report>>(json).map(|report| report.0).map_err(|error| {
            let (line, column) = (error.line(), error.column());
            let message = error.to_string();
            let place = format!(" at line {line} column {column}");
            let message = bounded(message.strip_suffix(&place).unwrap_or(&message));
            DecodeError { message, line, column }
        })
    }

    /// The report's canonical form.
    pub fn encode(&self) -> Vec<u8> {
        one_form(self)
    }

    /// The report's public row: without LastWeek, and with this X instead of its own.
    pub fn encode_public(&self, x: X) -> Vec<u8> {
        one_form(&self.public_row(x))
    }

    /// The same, if these bytes are the canonical form of a report that differs in nothing but X and LastWeek: what
    /// both texts have in common is copied, which is most of them.
    pub(super) fn encode_public_from(&self, canonical: &[u8], x: X) -> Vec<u8> {
        const PROGRAMS: &[u8] = b",\"Programs\":";
        // What comes before can contain no such text.
        let programs = canonical.windows(PROGRAMS.len()).position(|at| at == PROGRAMS);
        let Some(rest) = programs.and_then(|at| canonical.get(at..)) else {
            return self.encode_public(x);
        };
        let mut row = Vec::with_capacity(canonical.len());
        row.extend_from_slice(b"{\"Week\":");
        write_form(&self.week, &mut row);
        row.extend_from_slice(b",\"X\":");
        write_form(&x, &mut row);
        row.extend_from_slice(rest);
        row
    }
}

fn one_form(report: &impl Serialize) -> Vec<u8> {
    // Most reports need no more.
    let mut bytes = Vec::with_capacity(2048);
    write_form(report, &mut bytes);
    bytes
}

fn write_form(report: &impl Serialize, bytes: &mut Vec<u8>) {
    let mut serializer = serde_json::Serializer::with_formatter(bytes, Canonical);
    // Serialising these types cannot fail: keys are strings, numbers are finite, and writing to memory
    // does not fail. Half a text would not parse as a report.
    let _ = report.serialize(&mut serializer);
}

/// Compact JSON with Go's numbers.
struct Canonical;

impl serde_json::ser::Formatter for Canonical {
    fn write_f64<W: ?Sized + Write>(&mut self, writer: &mut W, value: f64) -> io::Result<()> {
        writer.write_all(go_json::number(value).as_bytes())
    }
}

#[cfg(test)]
#[path = "report_tests.rs"]
mod tests;
