//! What could be read of a charts folder: definitions with and without mistakes, and the mistakes.

use super::claims::StackClaims;
use super::definition::{Chart, CollectionSettings, Program};
use super::diagnostic::{Diagnostic, Severity};
use super::found::Found;
use super::location::Location;
use super::marginals::Marginals;
use super::table::source_offset;
use super::text::SourceText;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What could be read of a folder.
#[derive(Debug, Default)]
pub struct Parsed {
    pub texts: BTreeMap<Arc<str>, SourceText>,
    pub collection: Option<CollectionSettings>,
    pub programs: Vec<Program>,
    pub charts: Vec<Chart>,
    pub marginals: Vec<Marginals>,
    pub stacks: Vec<StackClaims>,
    /// Whether every file of `programs/` was understood.
    pub programs_complete: bool,
    pub found: Found,
}

impl Parsed {
    /// An error at byte `offset` of the string that was written at `at`, or at the whole value for 0.
    pub(super) fn error(&self, at: &Location, offset: usize, message: String) -> Diagnostic {
        let Some(text) = self.texts.get(&at.file) else {
            return Diagnostic::at(Severity::Error, at, message);
        };
        match offset {
            0 => text.diagnostic_at(Severity::Error, at, message),
            _ => {
                let start = text.offset(at);
                let offset = start + source_offset(text, start, offset);
                text.diagnostic(Severity::Error, offset, message)
            }
        }
    }

    /// A warning about the whole value that was written at `at`.
    pub(super) fn warning(&self, at: &Location, message: String) -> Diagnostic {
        Diagnostic { severity: Severity::Warning, ..self.error(at, 0, message) }
    }
}
