//! Bounded downloads from the audited deployment, with two kinds of failure.
//!
//! If a server cannot be reached or answers with an error, that says nothing about its honesty: the thing
//! *could not be checked*. The same holds for an answer that is too large, as networks sometimes insert
//! pages of their own. If the server says that it does not have what its signed tree or its index promises,
//! that is *wrong*.

use crate::client::{Address, Download as _, Http, TransportError};
use crate::tlog::{Bundle, Entry, EntryError, Tile, TileReadError, TileReader};
use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt;

/// The largest page or small JSON file, in bytes.
pub(super) const SMALL: usize = 32 << 20;

/// The deployment, or the log alone.
#[derive(Debug)]
pub(super) struct Remote<'a> {
    base: &'a Address,
    http: &'a Http,
}

/// Why a download failed.
#[derive(Debug, Clone)]
pub(super) enum FetchError {
    /// The server could not be reached, or failed.
    Unreachable(String),
    /// The server contradicts what it signed or indexed.
    Wrong(String),
}

impl FetchError {
    pub(super) fn is_wrong(&self) -> bool {
        matches!(self, FetchError::Wrong(_))
    }
}

impl fmt::Display for FetchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FetchError::Unreachable(text) | FetchError::Wrong(text) => f.write_str(text),
        }
    }
}

impl std::error::Error for FetchError {}

impl From<TransportError> for FetchError {
    fn from(error: TransportError) -> FetchError {
        let hint = match error {
            TransportError::TooLarge { .. } => {
                ": more than there can be. Something else may have answered, such as the sign-in page of a \
                 network or a proxy: open it in a browser, and try again"
            }
            _ => "",
        };
        FetchError::Unreachable(format!("{error}{hint}"))
    }
}

impl<'a> Remote<'a> {
    pub(super) fn new(base: &'a Address, http: &'a Http) -> Remote<'a> {
        Remote { base, http }
    }

    pub(super) fn url(&self, path: &str) -> String {
        self.base.join(path)
    }

    /// What is at a path; `None` if the server says that there is nothing.
    pub(super) fn find(&self, path: &str, limit: usize) -> Result<Option<Vec<u8>>, FetchError> {
        Ok(self.http.get(&self.url(path), limit)?)
    }

    /// What must be at a path, according to what the server signed or indexed.
    pub(super) fn get(&self, path: &str, limit: usize) -> Result<Vec<u8>, FetchError> {
        self.find(path, limit)?.ok_or_else(|| self.withheld(path))
    }

    /// As [`Remote::get`], for what was not promised: if it is missing, that is not wrong.
    pub(super) fn ask(&self, path: &str, limit: usize) -> Result<Vec<u8>, FetchError> {
        let absent = || FetchError::Unreachable(format!("there is nothing at {}", self.url(path)));
        self.find(path, limit)?.ok_or_else(absent)
    }

    pub(super) fn withheld(&self, path: &str) -> FetchError {
        let url = self.url(path);
        FetchError::Wrong(format!("{url} is withheld: the server says that there is nothing"))
    }

    /// The hashes of a tile, below this path. A log may delete a partial tile once there is a full one.
    pub(super) fn tile(
        &self,
        tile: Tile,
        prefix: &str,
        path: fn(Tile) -> String,
    ) -> Result<Vec<u8>, FetchError> {
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
    pub(super) fn entries(&self, bundle: Bundle, path: &str) -> Result<Vec<Entry>, FetchError> {
        let limit = |bundle: Bundle| usize::from(bundle.width()) * (2 + Entry::MAXIMUM);
        let below = |bundle: Bundle| format!("{path}{}", bundle.path());
        let wide = |error: &EntryError| {
            FetchError::Wrong(format!("{}: {error}", self.url(&below(bundle))))
        };
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

/// The tiles of the log or of a database, to make proofs from. Proofs are verified.
pub(super) struct RemoteTiles<'a> {
    remote: &'a Remote<'a>,
    /// The path before `tile/`: `log/`, or empty for a log alone.
    prefix: &'a str,
    path: fn(Tile) -> String,
}

impl<'a> RemoteTiles<'a> {
    /// The tiles of the log.
    pub(super) fn of_log(remote: &'a Remote<'a>, prefix: &'a str) -> RemoteTiles<'a> {
        RemoteTiles { remote, prefix, path: Tile::path }
    }

    /// The tiles of a checksum database.
    pub(super) fn of_database(remote: &'a Remote<'a>, prefix: &'a str) -> RemoteTiles<'a> {
        RemoteTiles { remote, prefix, path: Tile::sumdb_path }
    }
}

/// Tiles of which the lowest ones are known, and the others are asked for once.
pub(super) struct KnownTiles<'a> {
    others: RemoteTiles<'a>,
    known: Option<(Tile, Vec<u8>)>,
    asked: RefCell<HashMap<Tile, Vec<u8>>>,
}

impl<'a> KnownTiles<'a> {
    pub(super) fn new(others: RemoteTiles<'a>) -> KnownTiles<'a> {
        KnownTiles { others, known: None, asked: RefCell::default() }
    }

    /// From now on this tile is known, instead of another.
    pub(super) fn know(&mut self, tile: Tile, bytes: Vec<u8>) {
        self.known = Some((tile, bytes));
    }
}

impl TileReader for KnownTiles<'_> {
    fn read_tile(&self, tile: Tile) -> Result<Vec<u8>, TileReadError> {
        /// More than one way to the root has.
        const KEPT: usize = 64;
        if let Some((known, bytes)) = &self.known
            && *known == tile
        {
            return Ok(bytes.clone());
        }
        if let Some(bytes) = self.asked.borrow().get(&tile) {
            return Ok(bytes.clone());
        }
        let bytes = self.others.read_tile(tile)?;
        let mut asked = self.asked.borrow_mut();
        if asked.len() == KEPT {
            asked.clear();
        }
        asked.insert(tile, bytes.clone());
        Ok(bytes)
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
