//! The one secret of a log or a witness, and the file it is kept in.
//!
//! A seed is an Ed25519 private key as RFC 8032 defines it (or, for a witness, the seed of an ML-DSA-44
//! key): 32 random bytes. Its file holds one line, the standard base64 of those bytes (44 characters) and
//! a line end, and nothing else. A log uses one seed, under two names, for both of its protocols.
//!
//! On Unix the file is made with mode 0600 and refused if anyone but its owner may read or write it:
//! whoever reads it can fork the log. On other systems its folder has to protect it; no mode is checked.
//!
//! In memory there is one copy, in a page of its own (`secret`). Other places that a seed may come from
//! are in `seed_source`.

use super::secret::Secret;
use crate::durable;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use std::convert::Infallible;
use std::fmt;
use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use zeroize::{Zeroize as _, Zeroizing};

/// The length of the text: 44 characters of base64.
const TEXT_LENGTH: usize = 44;
/// The length of the file: the text and a line end.
const FILE_LENGTH: usize = TEXT_LENGTH + 1;
/// What base64 of the text's length may decode to, with padding and without.
const DECODED_LENGTH: usize = 33;

/// The secret of a log or witness. Clones share one copy, which is wiped from memory when the last of
/// them is dropped; `Debug` never shows it.
#[derive(Clone)]
pub struct Seed(Arc<Secret>);

/// Who may read a seed's file besides its owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Readers {
    /// No one.
    Owner,
    /// The group, too: if the service manager grants a service its credential by an access control list,
    /// the group bits show the list's mask.
    Granted,
}

/// Why a seed could not be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SeedError {
    /// There is no file.
    #[error(
        "there is no key at {}: `candor init` makes one; if this log has published before, \
         restore its own key instead, for clients refuse any other",
        .0.display()
    )]
    Missing(PathBuf),
    /// A new seed would replace the one that is there.
    #[error(
        "there is already a key at {}, and clients know it: it is never overwritten; move it \
         away first if this is to be a new log",
        .0.display()
    )]
    Exists(PathBuf),
    /// Others may read or write the file.
    #[error(
        "the key {} has mode {mode:04o}, so others on this machine can use it: run `chmod 600 {}`, \
         and make a new log if someone else may have read it",
        .path.display(), .path.display()
    )]
    Permissions {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The file holds something else.
    #[error(
        "{} holds no key: it must be one line of base64 for 32 bytes, as `candor init` wrote it; \
         restore it from a backup",
        .0.display()
    )]
    Malformed(PathBuf),
    /// The environment variable holds something else.
    #[error(
        "the environment variable {0} holds no key: it must be the line of a key file, 44 characters \
         of base64 for 32 bytes"
    )]
    MalformedVariable(String),
    /// The system refused.
    #[error("cannot {action} the key {}: {source}", .path.display())]
    Io {
        /// `read`, `write` or `sync`.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// The system has no randomness to give.
    #[error("the system gave no randomness for a new key: {0}")]
    Randomness(getrandom::Error),
}

impl Seed {
    /// A new seed from the system's randomness.
    pub fn generate() -> Result<Seed, SeedError> {
        let fill = |bytes: &mut [u8; Secret::LENGTH]| {
            getrandom::fill(bytes).map_err(SeedError::Randomness)
        };
        Ok(Seed(Arc::new(Secret::filled(fill)?)))
    }

    /// Writes the seed to a new file with mode 0600, durably and atomically: after a power cut there is a
    /// complete key or no file. Never overwrites a file.
    pub fn save(&self, path: &Path) -> Result<(), SeedError> {
        let mut temporary = path.as_os_str().to_owned();
        temporary.push(".tmp");
        let (temporary, make) = (PathBuf::from(temporary), durable::private_file);
        let made = self.0.with(|bytes| {
            let mut text = Zeroizing::new([b'\n'; FILE_LENGTH]);
            // 32 bytes have exactly the characters that there is room for.
            let _ = STANDARD.encode_slice(bytes, text.as_mut());
            durable::create(path, &temporary, text.as_ref(), make)
        });
        match made {
            Ok(true) => Ok(()),
            Ok(false) => Err(SeedError::Exists(path.to_owned())),
            Err(error) => Err(failed("write", path, error)),
        }
    }

    /// Reads the seed from its file, after checking who may read it.
    pub fn load(path: &Path) -> Result<Seed, SeedError> {
        Seed::load_for(path, Readers::Owner)
    }

    /// The same, for a file that `readers` may read.
    pub(super) fn load_for(path: &Path, readers: Readers) -> Result<Seed, SeedError> {
        let file = File::open(path).map_err(|error| match error.kind() {
            ErrorKind::NotFound => SeedError::Missing(path.to_owned()),
            _ => failed("read", path, error),
        })?;
        #[cfg(unix)]
        {
            // Checked on the open file, so that it is the one that is read below.
            let metadata = file.metadata().map_err(|error| failed("read", path, error))?;
            let mode = std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & 0o7777;
            let refused = if readers == Readers::Granted { 0o037 } else { 0o077 };
            if metadata.is_file() && mode & refused != 0 {
                return Err(SeedError::Permissions { path: path.to_owned(), mode });
            }
        }
        #[cfg(not(unix))]
        let _ = readers;
        let read = Seed::read(file).map_err(|error| failed("read", path, error))?;
        read.ok_or_else(|| SeedError::Malformed(path.to_owned()))
    }

    /// Reads the one line of a seed's file. `None` if it is anything else.
    pub(super) fn read(from: impl Read) -> io::Result<Option<Seed>> {
        let filled = Secret::filled(|bytes| {
            let mut text = Zeroizing::new([0; FILE_LENGTH + 1]);
            let length = read_all(from, text.as_mut())?;
            let line = text.get(..length).and_then(|text| text.strip_suffix(b"\n"));
            decode(line.ok_or(ReadError::Malformed)?, bytes)
        });
        match filled {
            Ok(secret) => Ok(Some(Seed(Arc::new(secret)))),
            Err(ReadError::Malformed) => Ok(None),
            Err(ReadError::Io(error)) => Err(error),
        }
    }

    /// The seed that a line of base64 stands for, with or without its line end. The text stays with the
    /// caller.
    pub(super) fn parse(text: &[u8]) -> Option<Seed> {
        let line = text.strip_suffix(b"\n").unwrap_or(text);
        let secret = Secret::filled(|bytes| decode(line, bytes));
        secret.ok().map(|secret| Seed(Arc::new(secret)))
    }

    /// Whether the system keeps the secret out of swap.
    pub fn is_locked(&self) -> bool {
        self.0.is_locked()
    }

    /// Does something with the secret. What `work` returns must not hold it.
    pub(super) fn with<R>(&self, work: impl FnOnce(&[u8; Secret::LENGTH]) -> R) -> R {
        self.0.with(work)
    }
}

/// Why a seed could not be read.
enum ReadError {
    Io(io::Error),
    Malformed,
}

impl From<io::Error> for ReadError {
    fn from(error: io::Error) -> ReadError {
        ReadError::Io(error)
    }
}

/// Reads until the end or until the buffer is full, and returns the number of bytes. Nothing is buffered
/// elsewhere.
fn read_all(mut from: impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut length = 0;
    while let Some(rest) = buffer.get_mut(length..).filter(|rest| !rest.is_empty()) {
        match from.read(rest) {
            Ok(0) => break,
            Ok(read) => length += read,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(length)
}

/// Decodes the text of a seed into `seed`.
fn decode(line: &[u8], seed: &mut [u8; Secret::LENGTH]) -> Result<(), ReadError> {
    if line.len() != TEXT_LENGTH {
        return Err(ReadError::Malformed);
    }
    let mut decoded = Zeroizing::new([0; DECODED_LENGTH]);
    let length = STANDARD.decode_slice(line, decoded.as_mut()).map_err(|_| ReadError::Malformed)?;
    let bytes = decoded.get(..length).filter(|bytes| bytes.len() == seed.len());
    seed.copy_from_slice(bytes.ok_or(ReadError::Malformed)?);
    Ok(())
}

impl From<[u8; Secret::LENGTH]> for Seed {
    /// A seed that the caller made: for tests, or from a key kept elsewhere. The caller's copy
    /// stays with the caller.
    fn from(mut bytes: [u8; Secret::LENGTH]) -> Seed {
        let fill = |place: &mut [u8; Secret::LENGTH]| {
            place.copy_from_slice(&bytes);
            Ok::<_, Infallible>(())
        };
        let Ok(secret) = Secret::filled(fill);
        bytes.zeroize();
        Seed(Arc::new(secret))
    }
}

impl fmt::Debug for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Seed(secret)")
    }
}

fn failed(action: &'static str, path: &Path, source: io::Error) -> SeedError {
    SeedError::Io { action, path: path.to_owned(), source }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tlog::KeyName;
    use std::fs;

    fn verifier_key(seed: &Seed) -> String {
        let name = KeyName::new("example.org/log").expect("a name");
        seed.signer(name).verifier_key().to_string()
    }

    #[test]
    fn a_seed_survives_its_file() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("seed");
        let seed = Seed::generate().expect("randomness");
        seed.save(&path).expect("a new file");
        let text = fs::read_to_string(&path).expect("the file");
        assert_eq!((text.len(), text.ends_with("=\n")), (FILE_LENGTH, true));
        let loaded = Seed::load(&path).expect("the same seed");
        assert_eq!(verifier_key(&loaded), verifier_key(&seed));
        assert_ne!(verifier_key(&Seed::generate().expect("randomness")), verifier_key(&seed));
        assert_eq!(format!("{seed:?}"), "Seed(secret)");
    }

    #[test]
    fn a_file_is_never_overwritten() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("seed");
        Seed::from([1; 32]).save(&path).expect("a new file");
        let error = Seed::from([2; 32]).save(&path).expect_err("taken");
        assert!(matches!(error, SeedError::Exists(_)), "{error}");
        let kept = Seed::load(&path).expect("the first seed");
        assert_eq!(verifier_key(&kept), verifier_key(&Seed::from([1; 32])));
    }

    #[cfg(unix)]
    #[test]
    fn a_file_that_others_may_touch_is_refused() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("seed");
        Seed::from([1; 32]).save(&path).expect("a new file");
        let mode = fs::metadata(&path).expect("metadata").permissions().mode();
        assert_eq!(mode & 0o7777, 0o600);
        for (mode, accepted) in
            [(0o600, true), (0o400, true), (0o640, false), (0o604, false), (0o610, false)]
        {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("chmod");
            let loaded = Seed::load(&path);
            assert_eq!(loaded.is_ok(), accepted, "{mode:o}");
            if let Err(error) = loaded {
                let way_out = format!("chmod 600 {}", path.display());
                assert!(error.to_string().contains(&way_out), "{error}");
            }
        }
    }

    #[test]
    fn a_file_without_a_key_is_named() {
        let folder = tempfile::tempdir().expect("a folder");
        let missing = Seed::load(&folder.path().join("none")).expect_err("missing");
        assert!(missing.to_string().contains("candor init"), "{missing}");
        let good = STANDARD.encode([1; 32]);
        let cases = [
            String::new(),
            "\n".into(),
            good.clone(),
            format!("{good}\n\n"),
            format!("{good}\r\n"),
            format!(" {good}\n"),
            format!("{}\n", STANDARD.encode([1; 31])),
            format!("{}\n", STANDARD.encode([1; 33])),
            "x".repeat(100_000),
        ];
        for (number, case) in cases.iter().enumerate() {
            let path = folder.path().join(number.to_string());
            Seed::from([1; 32]).save(&path).expect("a file with the right mode");
            fs::write(&path, case).expect("write");
            let error = Seed::load(&path).expect_err("malformed");
            assert!(matches!(error, SeedError::Malformed(_)), "{number}: {error}");
        }
        assert!(matches!(Seed::load(folder.path()), Err(SeedError::Io { .. })), "a folder");
    }
}
