//! Which configs are revoked, and since when.
//!
//! A catalogue does not say since when: it is the day of the first of the catalogues that have revoked
//! the config without interruption until now.

use super::catalogues::{CatalogueError, Catalogues};
use crate::gomod::ModuleVersion;
use jiff::civil::Date;
use std::collections::BTreeSet;

/// A config that the newest catalogue revokes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Revocation {
    /// The config.
    pub version: ModuleVersion,
    /// The day for which the first definitions that revoke it were published; `None` if those cannot be
    /// read.
    pub since: Option<Date>,
}

impl Catalogues {
    /// What the newest catalogue of a log with versions revokes, and since when. Older catalogues are
    /// read only as far back as needed.
    pub fn revoked(&self) -> Result<Vec<Revocation>, CatalogueError> {
        let recorded = self.recorded()?;
        let mut entries = recorded.newest_first();
        let newest = entries.next().ok_or(CatalogueError::NoneRecorded)??;
        let revoked = self.read(&newest)?.retention.revoked;
        let mut still: BTreeSet<ModuleVersion> = revoked.iter().copied().collect();
        let since = Some(newest.as_of);
        let mut all: Vec<Revocation> =
            revoked.into_iter().map(|version| Revocation { version, since }).collect();
        while !still.is_empty() {
            let Some(entry) = entries.next() else { break };
            let read =
                entry.and_then(|entry| Ok((self.read(&entry)?.retention.revoked, entry.as_of)));
            let since = match read {
                Ok((revoked, as_of)) => {
                    still.retain(|version| revoked.contains(version));
                    Some(as_of)
                }
                Err(error @ CatalogueError::Store(_)) => return Err(error),
                Err(_) => None,
            };
            for one in all.iter_mut().filter(|one| still.contains(&one.version)) {
                one.since = since;
            }
            if since.is_none() {
                break;
            }
        }
        Ok(all)
    }
}
