//! The one secret of a log, and the file it lives in.
//!
//! A seed is an Ed25519 private key as RFC 8032 defines it: 32 random bytes. Its file holds one
//! line, the standard base64 of those bytes (44 characters) and a line end, and nothing else. Both
//! faces of a log sign with one seed under two names.
//!
//! On Unix the file is made with mode 0600 and refused if anyone but its owner may read or write
//! it: whoever reads it can fork the log. Elsewhere its folder has to protect it; no mode is
//! checked there.

use super::{Cosigner, CosignerKind, Hash, KeyName, Signer};
use crate::durable;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use std::fmt;
use std::fs::File;
use std::io::{self, ErrorKind, Read as _};
use std::path::{Path, PathBuf};
use zeroize::{Zeroize as _, ZeroizeOnDrop, Zeroizing};

/// The length of the file: 44 characters of base64 and a line end.
const FILE_LENGTH: usize = 45;

/// The secret of a log. Wiped from memory on drop, and never shown by `Debug`.
pub struct Seed([u8; Hash::LENGTH]);

/// Why there is no seed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SeedError {
    /// There is no file.
    #[error(
        "there is no key at {}: `candor init` makes one; if this log has published before, put its \
         own key back instead, for clients refuse any other",
        .0.display()
    )]
    Missing(PathBuf),
    /// A new seed would replace the one that is there.
    #[error(
        "there is a key at {} already, and clients know it: it is never overwritten; move it away \
         first if this is to be a new log",
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
        let mut seed = Seed([0; Hash::LENGTH]);
        getrandom::fill(&mut seed.0).map_err(SeedError::Randomness)?;
        Ok(seed)
    }

    /// Writes the seed to a new file with mode 0600, durably and whole: whenever the power fails, there
    /// is a key or no file. Never overwrites a file.
    pub fn save(&self, path: &Path) -> Result<(), SeedError> {
        let text = Zeroizing::new(STANDARD.encode(self.0) + "\n");
        let mut temporary = path.as_os_str().to_owned();
        temporary.push(".tmp");
        let (temporary, make) = (PathBuf::from(temporary), durable::private_file);
        match durable::create(path, &temporary, text.as_bytes(), make) {
            Ok(true) => Ok(()),
            Ok(false) => Err(SeedError::Exists(path.to_owned())),
            Err(error) => Err(failed("write", path, error)),
        }
    }

    /// Reads the seed from its file, after checking who may read it.
    pub fn load(path: &Path) -> Result<Seed, SeedError> {
        let file = File::open(path).map_err(|error| match error.kind() {
            ErrorKind::NotFound => SeedError::Missing(path.to_owned()),
            _ => failed("read", path, error),
        })?;
        #[cfg(unix)]
        {
            // Asked of the open file, so that it is the file which is read below.
            let metadata = file.metadata().map_err(|error| failed("read", path, error))?;
            let mode = std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & 0o7777;
            if metadata.is_file() && mode & 0o077 != 0 {
                return Err(SeedError::Permissions { path: path.to_owned(), mode });
            }
        }
        // Sized once, so that no copy of the secret is left behind by a growing buffer.
        let mut text = Zeroizing::new(Vec::with_capacity(2 * FILE_LENGTH));
        file.take(FILE_LENGTH as u64 + 1)
            .read_to_end(&mut text)
            .map_err(|error| failed("read", path, error))?;
        Seed::parse(&text).ok_or_else(|| SeedError::Malformed(path.to_owned()))
    }

    /// The signer that this seed is under `name`.
    pub fn signer(&self, name: KeyName) -> Signer {
        Signer::new(name, &self.0)
    }

    /// The cosigner of a kind that this seed is under `name`. One seed serves one kind and one name.
    pub fn cosigner(&self, name: KeyName, kind: CosignerKind) -> Cosigner {
        Cosigner::new(name, kind, &self.0)
    }

    fn parse(text: &[u8]) -> Option<Seed> {
        let line = text.strip_suffix(b"\n")?;
        let bytes = Zeroizing::new(STANDARD.decode(line).ok()?);
        bytes.as_slice().try_into().ok().map(Seed)
    }
}

impl Drop for Seed {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl ZeroizeOnDrop for Seed {}

impl From<[u8; Hash::LENGTH]> for Seed {
    /// A seed that the caller made: for tests, or from a key kept elsewhere. The caller's copy
    /// stays with the caller.
    fn from(bytes: [u8; Hash::LENGTH]) -> Seed {
        Seed(bytes)
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
    fn what_is_no_key_is_named() {
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
