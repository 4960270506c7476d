//! Who the signer is, and telling a copy of it from the original.
//!
//! A signer is a folder on a machine. It has a random name, in a file that was created there and is never
//! changed; the file records what it was when it was created:
//!
//! ```text
//! DIR/identity    {"id":"32 HEX","machine":"32 HEX","inode":123,"born":"1770000000.123456789"}
//! ```
//!
//! | recorded | detects | not known on |
//! | --- | --- | --- |
//! | `inode` | a copy of the file in another folder, on another disk, or from a backup | systems other than Unix |
//! | `born`, when the file was created | the same, if the inode number was reused | file systems that do not record it |
//! | `machine`, a hash of the machine's ID (`/etc/machine-id`) | a clone of the disk in another machine | most containers |
//!
//! What is unknown, then or now, is not compared. Host names, addresses, device numbers and boot IDs are
//! not used: they change when a machine or container restarts. So a reboot, a new container on the same
//! volume, or a folder renamed within its file system changes nothing; a folder that was copied, restored
//! from a backup or moved to another file system is refused until `candor signer move` has looked at what
//! is public.
//!
//! What cannot be detected: a clone of a whole disk on a machine with the same ID, and a disk rolled back
//! to a snapshot. A lock on neither of them protects against those (see [`log`](super::Log)). On a file
//! system that renumbers its files at each mount, the signer is refused after each mount: keep it
//! elsewhere.

use crate::durable::{self, NewFile};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::fmt;
use std::fs::{self, File, Metadata};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::UNIX_EPOCH;

/// The random name of a signer: 32 hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SignerId(String);

/// Text that is not the name of a signer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not the name of a signer: that is 32 hexadecimal digits")]
pub struct SignerIdError(String);

impl SignerId {
    /// A name that nobody else has.
    pub fn generate() -> Result<SignerId, IdentityError> {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes).map_err(IdentityError::Randomness)?;
        Ok(SignerId(crate::hex::hex(&bytes)))
    }

    /// The digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SignerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for SignerId {
    type Err = SignerIdError;

    fn from_str(text: &str) -> Result<SignerId, SignerIdError> {
        let good = |byte: u8| byte.is_ascii_digit() || matches!(byte, b'a'..=b'f');
        if text.len() == 32 && text.bytes().all(good) {
            Ok(SignerId(text.to_owned()))
        } else {
            Err(SignerIdError(text.chars().take(100).collect()))
        }
    }
}

/// A machine's ID, as a hash that reveals nothing else about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Machine(Option<String>);

impl Machine {
    /// This machine.
    pub fn this() -> Machine {
        let files = ["/etc/machine-id", "/var/lib/dbus/machine-id", "/etc/hostid"];
        let name = files.iter().filter_map(|file| fs::read_to_string(file).ok());
        // Before its first start, an image says `uninitialized` or nothing.
        let mut names = name.map(|name| name.trim().to_owned()).filter(|name| name.len() >= 32);
        names.next().map_or(Machine(None), |name| Machine::named(&name))
    }

    /// A machine with this name.
    pub fn named(name: &str) -> Machine {
        let hash = Sha256::new().chain_update("candor signer's machine\n").chain_update(name);
        Machine(Some(crate::hex::hex(&hash.finalize()[..16])))
    }

    /// A machine that has no name.
    #[cfg(any(test, feature = "testing"))]
    pub fn unnamed() -> Machine {
        Machine(None)
    }
}

/// The signer of a folder.
#[derive(Debug, Clone)]
pub struct SignerIdentity {
    folder: PathBuf,
    machine: Machine,
}

/// Why a folder is not a signer's.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IdentityError {
    /// The operating system refused.
    #[error("cannot {action} the signer's identity {path}: {source}")]
    Io {
        /// What was being done.
        action: &'static str,
        /// To what.
        path: String,
        /// The system's answer.
        source: io::Error,
    },
    /// There is no identity.
    #[error(
        "no signer was ever registered here (there is no {path}), and a log has one signer. To \
         make it this one, run `candor signer move`"
    )]
    Missing {
        /// The file.
        path: String,
    },
    /// The file holds something else.
    #[error("{path} does not say who signs here; run `candor signer move` to register this folder")]
    Malformed {
        /// The file.
        path: String,
    },
    /// The folder, or the machine, is not the one that was registered.
    #[error(
        "the signer {id} is registered elsewhere: {path} {difference}. This folder is a copy, or \
         was restored from a backup, so it may not know what was signed since. Nothing was \
         signed. A log has one signer: to make it this one, and if the other will never sign \
         again, run `candor signer move`"
    )]
    Copied {
        /// The file.
        path: String,
        /// Who is registered.
        id: SignerId,
        /// What differs.
        difference: String,
    },
    /// The system has no randomness to give.
    #[error("the system gave no randomness for the signer's name: {0}")]
    Randomness(getrandom::Error),
}

/// What the file holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    machine: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    inode: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    born: Option<String>,
}

impl SignerIdentity {
    /// The signer of `folder` on `machine`. Reads nothing yet.
    pub fn new(folder: impl Into<PathBuf>, machine: Machine) -> SignerIdentity {
        SignerIdentity { folder: folder.into(), machine }
    }

    fn path(&self) -> PathBuf {
        self.folder.join("identity")
    }

    /// Who signs here; refused if the folder is not the one that was registered.
    pub fn read(&self) -> Result<SignerId, IdentityError> {
        let path = self.path();
        let shown = || path.display().to_string();
        let io = |source: io::Error| match source.kind() {
            ErrorKind::NotFound => IdentityError::Missing { path: shown() },
            _ => failed("read", &path, source),
        };
        let file = File::open(&path).map_err(io)?;
        let now = self.describe(&file.metadata().map_err(io)?);
        let text = io::read_to_string(file).map_err(|source| failed("read", &path, source))?;
        let malformed = |_| IdentityError::Malformed { path: shown() };
        let stored: Stored = serde_json::from_str(&text).map_err(|_| malformed(()))?;
        let id: SignerId = stored.id.parse().map_err(|_| malformed(()))?;
        match difference(&stored, &now) {
            None => Ok(id),
            Some(difference) => Err(IdentityError::Copied { path: shown(), id, difference }),
        }
    }

    /// Makes `id` the signer of this folder, durably.
    pub fn write(&self, id: &SignerId) -> Result<(), IdentityError> {
        let (path, temporary) = (self.path(), self.folder.join("identity.tmp"));
        let write = || -> io::Result<()> {
            durable::remove_unsynced(&temporary)?;
            let mut file = NewFile::new(durable::private_file(&temporary)?, &temporary);
            let stored = Stored { id: id.0.clone(), ..self.describe(&file.metadata()?) };
            file.write_all(serde_json::to_string(&stored)?.as_bytes())?;
            file.write_all(b"\n")?;
            file.sync()?;
            // Renaming keeps the file's inode and creation time.
            durable::rename(&temporary, &path)
        };
        write().map_err(|source| failed("write", &path, source))
    }

    /// Who signs here; registers a new signer if nobody did yet.
    pub fn read_or_register(&self) -> Result<SignerId, IdentityError> {
        match self.read() {
            Err(IdentityError::Missing { .. }) => {
                let id = SignerId::generate()?;
                self.write(&id)?;
                Ok(id)
            }
            Ok(id) => {
                // The process that wrote it may have died before its name was durable.
                let path = self.path();
                durable::sync_folder(&self.folder).map_err(|e| failed("sync", &path, e))?;
                Ok(id)
            }
            refused => refused,
        }
    }

    /// What is known about a file on this machine.
    fn describe(&self, file: &Metadata) -> Stored {
        #[cfg(unix)]
        let inode = Some(std::os::unix::fs::MetadataExt::ino(file));
        #[cfg(not(unix))]
        let inode = None;
        let born = file.created().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        let born = born.map(|age| format!("{}.{:09}", age.as_secs(), age.subsec_nanos()));
        Stored { id: String::new(), machine: self.machine.0.clone(), inode, born }
    }
}

/// The first difference in what is known on both sides.
fn difference(stored: &Stored, now: &Stored) -> Option<String> {
    if let (Some(stored), Some(now)) = (&stored.machine, &now.machine)
        && stored != now
    {
        return Some("was created on another machine".to_owned());
    }
    if let (Some(stored), Some(now)) = (stored.inode, now.inode)
        && stored != now
    {
        return Some(format!(
            "was created as file number {stored} on its disk, and is now number \
                             {now}"
        ));
    }
    if let (Some(stored), Some(now)) = (&stored.born, &now.born)
        && stored != now
    {
        return Some("is not the file that was created then, but a later one".to_owned());
    }
    None
}

fn failed(action: &'static str, path: &Path, source: io::Error) -> IdentityError {
    IdentityError::Io { action, path: path.display().to_string(), source }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn here(folder: &Path) -> SignerIdentity {
        SignerIdentity::new(folder, Machine::named("here"))
    }

    #[test]
    fn a_signer_is_recognized_where_it_was_made() {
        let parent = tempfile::tempdir().expect("a folder");
        let folder = parent.path().join("signer");
        fs::create_dir(&folder).expect("a folder");
        assert!(matches!(here(&folder).read(), Err(IdentityError::Missing { .. })));
        let id = here(&folder).read_or_register().expect("registered");
        assert_eq!(here(&folder).read_or_register().expect("the same"), id);
        // A container over the same volume, which knows no machine.
        let container = SignerIdentity::new(&folder, Machine::unnamed());
        assert_eq!(container.read().expect("the same"), id);
        // The folder gets another name, or is mounted elsewhere.
        let renamed = parent.path().join("renamed");
        fs::rename(&folder, &renamed).expect("renamed");
        assert_eq!(here(&renamed).read().expect("the same"), id);
    }

    #[test]
    fn a_copy_is_told_from_the_original() {
        let (folder, other) =
            (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
        let id = here(folder.path()).read_or_register().expect("registered");
        let copied = |result: Result<SignerId, IdentityError>| match result {
            Err(IdentityError::Copied { id: of, difference, .. }) if of == id => difference,
            other => panic!("{other:?}"),
        };
        // The whole disk in another machine.
        let elsewhere = SignerIdentity::new(folder.path(), Machine::named("elsewhere"));
        assert!(copied(elsewhere.read()).contains("another machine"));
        // The folder, copied.
        let file = folder.path().join("identity");
        fs::copy(&file, other.path().join("identity")).expect("copy");
        copied(here(other.path()).read());
        // A backup of the folder, put back where it was.
        let backup = fs::read(&file).expect("read");
        let kept = File::open(&file).expect("open");
        fs::remove_file(&file).expect("remove");
        fs::write(&file, backup).expect("write");
        copied(here(folder.path()).read());
        drop(kept);
        // Registered anew, it is an original again.
        let new = SignerId::generate().expect("an id");
        here(other.path()).write(&new).expect("written");
        assert_eq!(here(other.path()).read().expect("an original"), new);
    }

    #[test]
    fn unknown_parts_are_not_compared() {
        let stored = |machine: &str, inode, born: &str| Stored {
            id: String::new(),
            machine: Some(machine.to_owned()),
            inode,
            born: Some(born.to_owned()),
        };
        let all = stored("a", Some(1), "1.0");
        let nothing = Stored { id: String::new(), machine: None, inode: None, born: None };
        assert_eq!(difference(&all, &all), None);
        assert_eq!((difference(&all, &nothing), difference(&nothing, &all)), (None, None));
        for other in
            [stored("b", Some(1), "1.0"), stored("a", Some(2), "1.0"), stored("a", Some(1), "2.0")]
        {
            assert!(difference(&all, &other).is_some(), "{other:?}");
        }
    }

    #[test]
    fn a_malformed_identity_is_named() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("identity");
        for bad in
            ["", "{}", "{\"id\":\"x\"}", "{\"id\":\"0123456789abcdef0123456789abcdef\",\"x\":1}"]
        {
            fs::write(&path, bad).expect("write");
            let error = here(folder.path()).read().expect_err("malformed");
            assert!(matches!(error, IdentityError::Malformed { .. }), "{bad}: {error}");
        }
    }
}
