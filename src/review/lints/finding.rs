//! What a lint found.

use super::catalog::Lint;
use crate::charts::location::Location;

/// Something that a lint found.
pub(super) struct Finding {
    pub(super) lint: Lint,
    pub(super) location: Location,
    pub(super) message: String,
    pub(super) help: String,
}
