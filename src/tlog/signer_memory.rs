//! What the signer remembers: the last tree head it signed, in a file of its own.
//!
//! The file lies apart from the store and is synced before a signature leaves, so that a store
//! that was rolled back, swapped or edited cannot make this signer sign a second history: the
//! memory knows better. The folder's lock makes signers on one machine take turns.
//!
//! ```text
//! DIR/head    SIZE ROOT\n          the last head signed; written to a temporary name, synced,
//!                                  renamed, and the folder synced
//! DIR/.lock                        held (flock) from reading the memory until after signing
//! ```
//!
//! What is still unsafe: a machine restored from a backup together with its store. Witnesses are
//! the remedy for that.

use super::TreeHead;
use super::layout::{format_head, parse_head};
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

/// The folder in which a signer remembers. Nothing is read or written until it is locked.
#[derive(Debug, Clone)]
pub struct SignerMemory {
    folder: PathBuf,
}

/// Why the memory could not be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MemoryError {
    /// The operating system refused.
    #[error("cannot {action} the signer's memory {path}: {source}")]
    Io {
        /// What was being done.
        action: &'static str,
        /// To what.
        path: String,
        /// The system's answer.
        source: io::Error,
    },
    /// There is no memory, and making one up would forget what was signed.
    #[error(
        "the signer's memory {path} is missing, so nothing says what this key has signed; \
         restore the file from the newest backup"
    )]
    Missing {
        /// The file.
        path: String,
    },
    /// Something was signed already, and a new log was to be made.
    #[error("the signer's memory {path} says that this key has signed a log already")]
    Exists {
        /// The file.
        path: String,
    },
    /// The file does not hold a tree head.
    #[error("the signer's memory {path} does not hold one line `SIZE ROOT`; restore the file")]
    Malformed {
        /// The file.
        path: String,
    },
}

impl SignerMemory {
    /// The memory in `folder`, which must exist.
    pub fn new(folder: impl Into<PathBuf>) -> SignerMemory {
        SignerMemory { folder: folder.into() }
    }

    /// Waits for its turn, and reads the memory.
    pub(super) fn lock(&self) -> Result<LockedMemory, MemoryError> {
        let path = self.folder.join(".lock");
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .and_then(|file| file.lock().map(|()| file))
            .map_err(|e| failed("lock", &path, e))?;
        let file = self.folder.join("head");
        let head = match fs::read(&file) {
            Ok(text) => Some(
                parse_head(&text)
                    .ok_or_else(|| MemoryError::Malformed { path: file.display().to_string() })?,
            ),
            Err(e) if e.kind() == ErrorKind::NotFound => None,
            Err(e) => return Err(failed("read", &file, e)),
        };
        Ok(LockedMemory { _lock: lock, file, head })
    }
}

/// The memory while its owner has the turn.
#[derive(Debug)]
pub(super) struct LockedMemory {
    _lock: File,
    file: PathBuf,
    head: Option<TreeHead>,
}

impl LockedMemory {
    /// The last head signed.
    pub(super) fn head(&self) -> Result<TreeHead, MemoryError> {
        self.head.ok_or_else(|| MemoryError::Missing { path: self.file.display().to_string() })
    }

    /// Refuses where something was signed: a new log begins with nothing but the empty tree.
    pub(super) fn expect_new(&self) -> Result<(), MemoryError> {
        match self.head {
            None | Some(TreeHead::EMPTY) => Ok(()),
            Some(_) => Err(MemoryError::Exists { path: self.file.display().to_string() }),
        }
    }

    /// Remembers `head`, durably. Only after this may a signature on it leave.
    pub(super) fn remember(&mut self, head: TreeHead) -> Result<(), MemoryError> {
        if self.head == Some(head) {
            return Ok(());
        }
        let temporary = self.file.with_extension("tmp");
        let write = || -> io::Result<()> {
            let mut file = File::create(&temporary)?;
            file.write_all(format_head(head).as_bytes())?;
            file.sync_all()?;
            fs::rename(&temporary, &self.file)?;
            File::open(self.file.parent().unwrap_or(Path::new(".")))?.sync_all()
        };
        write().map_err(|e| failed("write", &self.file, e))?;
        self.head = Some(head);
        Ok(())
    }
}

fn failed(action: &'static str, path: &Path, source: io::Error) -> MemoryError {
    MemoryError::Io { action, path: path.display().to_string(), source }
}
