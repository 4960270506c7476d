//! Public data, from a deployment's folder or from its site.
//!
//! What a site sends is bounded, and compared with the site's own index. Whether the site is honest is what
//! `candor audit` checks.

use crate::aggregate::index::{Dataset, FORMAT, FileFormat, Index};
use crate::aggregate::{PublicData, PublicError};
use crate::client::{Address, Download as _, Http, TransportError};
use crate::count::count;
use crate::gomod::ModuleVersion;
use crate::hashing::HashingWriter;
use crate::hex::hex;
use jiff::civil::Date;
use std::fs::File;
use std::io::{self, BufReader, Seek as _};

/// The longest index of a site that is read, in bytes.
const LONGEST_INDEX: usize = 32 << 20;
/// The largest file of a site that is read, in bytes.
const LARGEST_FILE: u64 = 8 << 30;

/// Where public data is read from.
#[derive(Debug)]
pub enum PublicSource {
    /// A deployment's store.
    Folder(PublicData),
    /// A deployment's site.
    Site {
        /// How it is reached.
        http: Http,
        /// Its address.
        address: Address,
    },
}

/// Why stacks could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StacksError {
    /// The site did not answer.
    #[error(transparent)]
    Transport(#[from] TransportError),
    /// The store failed.
    #[error(transparent)]
    Public(#[from] PublicError),
    /// A site does not have what its index names.
    #[error("{url}: {reason}; ask the site's operator, or try again later")]
    Site {
        /// The address.
        url: String,
        /// What is wrong.
        reason: String,
    },
    /// A file cannot be read.
    #[error("cannot read {name}: {source}")]
    Io {
        /// The file.
        name: String,
        /// The system's answer.
        source: io::Error,
    },
    /// A file holds something else than public rows.
    #[error("{name}, report {number}: {reason}; `candor audit` checks all files of a site")]
    Malformed {
        /// The file.
        name: String,
        /// The number of the report, from 1.
        number: u64,
        /// What is wrong.
        reason: String,
    },
    /// A config cannot be read.
    #[error("cannot read the config {version}: {reason}")]
    Config {
        /// Its version.
        version: ModuleVersion,
        /// Why.
        reason: String,
    },
    /// The week has no data.
    #[error(
        "there is no public data of the week until {0}; weeks are named after their last day, a Sunday"
    )]
    NoWeek(Date),
    /// There are not so many weeks.
    #[error("there is no public data of {} before the newest", count(*.0, "week"))]
    TooLongAgo(usize),
    /// No week has data.
    #[error("there is no public data yet; run `candor merge` first")]
    NoData,
}

impl PublicSource {
    /// The index of public data.
    pub fn index(&self) -> Result<Index, StacksError> {
        let (http, address) = match self {
            PublicSource::Folder(data) => return Ok(data.index()?),
            PublicSource::Site { http, address } => (http, address),
        };
        let url = address.join("data/index.json");
        let wrong = |reason: String| StacksError::Site { url: url.clone(), reason };
        let answer = http.get(&url, LONGEST_INDEX)?;
        let bytes = answer.ok_or_else(|| wrong("there is nothing there".to_owned()))?;
        let index: Index = serde_json::from_slice(&bytes)
            .map_err(|error| wrong(format!("this is not an index of public data: {error}")))?;
        match index.format {
            FORMAT => Ok(index),
            other => Err(wrong(format!("it has format {other}, and this program knows {FORMAT}"))),
        }
    }

    /// The reports of a week, one a line.
    pub(super) fn reports(
        &self,
        week: Date,
        dataset: &Dataset,
    ) -> Result<(String, impl io::BufRead + use<>), StacksError> {
        let file = dataset.file(FileFormat::NdjsonZstd).ok_or(StacksError::NoWeek(week))?;
        let failed = |source| StacksError::Io { name: file.name.clone(), source };
        let opened = match self {
            PublicSource::Folder(data) => data.open(file)?,
            PublicSource::Site { http, address } => {
                let is_plain = |name: &str| {
                    name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-.".contains(&byte))
                };
                let url = address.join("data/index.json");
                if !is_plain(&file.name) || file.bytes > LARGEST_FILE {
                    let reason = format!("it names a file {:?} of {} bytes", file.name, file.bytes);
                    return Err(StacksError::Site { url, reason });
                }
                let url = address.join(&format!("data/weeks/{}", file.name));
                download(http, url, (file.bytes, &file.sha256))?
            }
        };
        let text = zstd::Decoder::new(opened).map_err(failed)?;
        Ok((file.name.clone(), BufReader::with_capacity(128 << 10, text)))
    }
}

/// Downloads a file that must have this length and hash.
fn download(http: &Http, url: String, (bytes, sha256): (u64, &str)) -> Result<File, StacksError> {
    let own = |source| StacksError::Io { name: format!("a copy of {url}"), source };
    let mut kept = HashingWriter::new(tempfile::tempfile().map_err(own)?);
    let downloaded = http.download(&url, bytes, &mut kept)?;
    let (mut file, _, hash) = kept.finish().map_err(own)?;
    let reason = match downloaded {
        None => "there is nothing there, though the index names it",
        Some(_) if hex(&hash) != sha256 => "it is another file than the index names",
        Some(_) => {
            file.rewind().map_err(own)?;
            return Ok(file);
        }
    };
    Err(StacksError::Site { reason: reason.to_owned(), url: url.clone() })
}
