//! Downloads from the deployment that is audited, bounded, with two kinds of failure.
//!
//! That a server cannot be reached, or answers with an error of its own, says nothing about its
//! honesty: such a thing *could not be checked*. Nor does an answer that is larger than anything true
//! could be: a page of a network's own is often found in the place of what was asked for. That the
//! server says it does not have what its signed tree or its index promises is *wrong*.

use crate::client::{Address, Http, Transport, TransportError};
use crate::tlog::{Bundle, Entry, EntryError, Tile, TileReadError, TileReader};
use std::fmt;

/// The most that a page or a small JSON may have.
pub(super) const SMALL: usize = 32 << 20;

/// The deployment, or the log alone.
#[derive(Debug)]
pub(super) struct Remote<'a> {
    base: &'a Address,
    http: &'a Http,
}

/// Why there is nothing to check.
#[derive(Debug, Clone)]
pub(super) enum Trouble {
    /// The server could not be reached, or failed.
    Unreachable(String),
    /// The server contradicts what it signed or indexed.
    Wrong(String),
}

impl Trouble {
    pub(super) fn is_wrong(&self) -> bool {
        matches!(self, Trouble::Wrong(_))
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Trouble::Unreachable(text) | Trouble::Wrong(text) => f.write_str(text),
        }
    }
}

impl std::error::Error for Trouble {}

impl From<TransportError> for Trouble {
    fn from(error: TransportError) -> Trouble {
        let hint = match error {
            TransportError::TooLarge { .. } => {
                ": more than there can be. Something else may have answered, such as the sign-in page of a \
                 network or a proxy: look at it in a browser, and try again"
            }
            _ => "",
        };
        Trouble::Unreachable(format!("{error}{hint}"))
    }
}

impl<'a> Remote<'a> {
    pub(super) fn new(base: &'a Address, http: &'a Http) -> Remote<'a> {
        Remote { base, http }
    }

    pub(super) fn url(&self, path: &str) -> String {
        self.base.join(path)
    }

    /// What is at a path; `None` where the server says that there is nothing.
    pub(super) fn find(&self, path: &str, limit: usize) -> Result<Option<Vec<u8>>, Trouble> {
        Ok(self.http.get(&self.url(path), limit)?)
    }

    /// What must be at a path, by what the server signed or indexed.
    pub(super) fn get(&self, path: &str, limit: usize) -> Result<Vec<u8>, Trouble> {
        self.find(path, limit)?.ok_or_else(|| self.withheld(path))
    }

    /// As [`Remote::get`], where nothing promises it: its absence says nothing.
    pub(super) fn ask(&self, path: &str, limit: usize) -> Result<Vec<u8>, Trouble> {
        let absent = || Trouble::Unreachable(format!("there is nothing at {}", self.url(path)));
        self.find(path, limit)?.ok_or_else(absent)
    }

    pub(super) fn withheld(&self, path: &str) -> Trouble {
        let url = self.url(path);
        Trouble::Wrong(format!("{url} is withheld: the server says that there is nothing"))
    }

    /// The hashes of a tile, below this path. A log may drop a partial tile once there is a full one.
    pub(super) fn tile(
        &self,
        tile: Tile,
        prefix: &str,
        path: fn(Tile) -> String,
    ) -> Result<Vec<u8>, Trouble> {
        let (full, path) = (tile.full(), |tile| format!("{prefix}{}", path(tile)));
        let mut bytes = match self.find(&path(tile), tile.length())? {
            Some(bytes) => bytes,
            None if tile.is_partial() => self.get(&path(full), full.length())?,
            None => return Err(self.withheld(&path(tile))),
        };
        bytes.truncate(tile.length());
        Ok(bytes)
    }

    /// The entries of a bundle.
    pub(super) fn entries(&self, bundle: Bundle, path: &str) -> Result<Vec<Entry>, Trouble> {
        let limit = |bundle: Bundle| usize::from(bundle.width()) * (2 + Entry::MAXIMUM);
        let below = |bundle: Bundle| format!("{path}{}", bundle.path());
        let wide =
            |error: &EntryError| Trouble::Wrong(format!("{}: {error}", self.url(&below(bundle))));
        match self.find(&below(bundle), limit(bundle))? {
            Some(bytes) => bundle.decode(&bytes).map_err(|error| wide(&error)),
            None if bundle.is_partial() => {
                let full = bundle.full();
                let bytes = self.get(&below(full), limit(full))?;
                let mut entries = full.decode(&bytes).map_err(|error| wide(&error))?;
                entries.truncate(usize::from(bundle.width()));
                Ok(entries)
            }
            None => Err(self.withheld(&below(bundle))),
        }
    }
}

/// The tiles of one face, for making proofs, which are verified.
pub(super) struct RemoteTiles<'a> {
    remote: &'a Remote<'a>,
    /// What stands before `tile/`: of the log, `log/`, or nothing for a log alone.
    prefix: &'a str,
    path: fn(Tile) -> String,
}

impl<'a> RemoteTiles<'a> {
    /// Those of the tlog-tiles face.
    pub(super) fn of_log(remote: &'a Remote<'a>, prefix: &'a str) -> RemoteTiles<'a> {
        RemoteTiles { remote, prefix, path: Tile::path }
    }

    /// Those of a checksum database.
    pub(super) fn of_database(remote: &'a Remote<'a>, prefix: &'a str) -> RemoteTiles<'a> {
        RemoteTiles { remote, prefix, path: Tile::sumdb_path }
    }
}

impl TileReader for RemoteTiles<'_> {
    fn read_tile(&self, tile: Tile) -> Result<Vec<u8>, TileReadError> {
        let below = |tile: Tile| format!("{}{}", self.prefix, (self.path)(tile));
        let found = self.remote.find(&below(tile), tile.length())?;
        match found {
            Some(bytes) => Ok(bytes),
            None if tile.is_partial() => {
                Ok(self.remote.get(&below(tile.full()), tile.full().length())?)
            }
            None => Err(self.remote.withheld(&below(tile)).into()),
        }
    }
}
