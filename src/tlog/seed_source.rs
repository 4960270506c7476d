//! Where a seed comes from.
//!
//! In this order, for the key called `log`; the first one found is used, and if there is something wrong
//! with it, that is an error and not a reason to look further:
//!
//! | where | what |
//! | --- | --- |
//! | `CANDOR_LOG_SEED` | the line of the key file, in the environment |
//! | `$CREDENTIALS_DIRECTORY/log.seed` | the key file, as a systemd credential (`LoadCredential=log.seed:/PATH`, or `LoadCredentialEncrypted=`) |
//! | `keys/log.seed` | the key file in the deployment's folder |
//!
//! A credential may be group-readable: systemd grants it to a service by an access control list, whose
//! mask shows in the group bits.
//!
//! The environment is the worst of the three. Anyone who may trace the process sees it in `/proc`, every
//! child inherits it, and no safe call removes it. So the `candor` program restarts itself without the
//! variable, passes its value through a pipe, and stores the seed here ([`remember`]) before anything
//! else happens.

use super::seed::Readers;
use super::{Seed, SeedError};
use std::collections::BTreeMap;
use std::env;
use std::ffi::OsString;
use std::fmt;
#[cfg(feature = "server")]
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use zeroize::Zeroizing;

/// The seeds that were in the environment when the program started.
static REMEMBERED: Mutex<BTreeMap<String, Seed>> = Mutex::new(BTreeMap::new());

/// The places in which a key is looked for.
#[derive(Debug, Clone)]
pub struct SeedSource {
    name: &'static str,
    file: PathBuf,
}

/// Where a key was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SeedLocation {
    /// The environment variable of this name.
    Environment(String),
    /// A credential from the service manager.
    Credential(PathBuf),
    /// The key file in the deployment's folder, which need not be there.
    File(PathBuf),
}

impl SeedSource {
    /// The key called `name` (`log`, say), whose file is `file`.
    pub fn new(name: &'static str, file: impl Into<PathBuf>) -> SeedSource {
        SeedSource { name, file: file.into() }
    }

    /// The environment variable that may hold the key.
    pub fn variable(&self) -> String {
        variable(self.name)
    }

    /// The key file in the deployment's folder, used where there is nothing else.
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// Where the key is, in this process's environment.
    pub fn find(&self) -> SeedLocation {
        self.find_in(|name| env::var_os(name))
    }

    /// The key, from the first place that has it.
    pub fn load(&self) -> Result<Seed, SeedError> {
        self.load_in(|name| env::var_os(name))
    }

    fn find_in(&self, environment: impl Fn(&str) -> Option<OsString>) -> SeedLocation {
        let variable = self.variable();
        if remembered(self.name).is_some() || environment(&variable).is_some() {
            return SeedLocation::Environment(variable);
        }
        let credential = environment("CREDENTIALS_DIRECTORY")
            .map(|folder| Path::new(&folder).join(format!("{}.seed", self.name)))
            .filter(|path| path.exists());
        credential.map_or_else(|| SeedLocation::File(self.file.clone()), SeedLocation::Credential)
    }

    fn load_in(&self, environment: impl Fn(&str) -> Option<OsString>) -> Result<Seed, SeedError> {
        match self.find_in(&environment) {
            SeedLocation::Environment(variable) => {
                if let Some(seed) = remembered(self.name) {
                    return Ok(seed);
                }
                let text = environment(&variable).unwrap_or_default();
                let text = Zeroizing::new(text.into_encoded_bytes());
                Seed::parse(&text).ok_or(SeedError::MalformedVariable(variable))
            }
            SeedLocation::Credential(path) => Seed::load_for(&path, Readers::Granted),
            SeedLocation::File(path) => Seed::load(&path),
        }
    }
}

impl fmt::Display for SeedLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SeedLocation::Environment(variable) => {
                write!(f, "the key in the environment variable {variable}")
            }
            SeedLocation::Credential(path) => write!(f, "the credential {}", path.display()),
            SeedLocation::File(path) => path.display().fmt(f),
        }
    }
}

/// The name of an environment variable that may hold a key.
fn variable(name: &str) -> String {
    format!("CANDOR_{}_SEED", name.to_uppercase().replace('.', "_"))
}

fn remembered(name: &str) -> Option<Seed> {
    REMEMBERED.lock().unwrap_or_else(PoisonError::into_inner).get(&variable(name)).cloned()
}

/// Whether this is the name of an environment variable that may hold a key.
#[cfg(feature = "server")]
pub(crate) fn is_variable(name: &str) -> bool {
    name.starts_with("CANDOR_") && name.ends_with("_SEED")
}

/// Keeps the seed from an environment variable, so that the variable itself is no longer needed. From
/// here on every [`SeedSource`] of this name finds it.
#[cfg(feature = "server")]
pub(crate) fn remember(variable: &str, text: impl Read) -> Result<(), SeedError> {
    let malformed = || SeedError::MalformedVariable(variable.to_owned());
    let failed =
        |source: io::Error| SeedError::Io { action: "read", path: PathBuf::from(variable), source };
    let seed = Seed::read(text).map_err(failed)?.ok_or_else(malformed)?;
    let mut seeds = REMEMBERED.lock().unwrap_or_else(PoisonError::into_inner);
    seeds.insert(variable.to_owned(), seed);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tlog::KeyName;
    use std::fs;

    fn public(seed: &Seed) -> String {
        seed.signer(KeyName::new("example.org/log").expect("a name")).verifier_key().to_string()
    }

    /// A source whose three places hold seeds 1, 2 and 3, as far as they are named.
    fn places(folder: &Path, which: &str) -> (SeedSource, BTreeMap<String, OsString>) {
        let credentials = folder.join("credentials");
        fs::create_dir_all(&credentials).expect("a folder");
        let source = SeedSource::new("test", folder.join("keys.seed"));
        let mut environment = BTreeMap::new();
        environment.insert("CREDENTIALS_DIRECTORY".to_owned(), credentials.clone().into());
        if which.contains('e') {
            let text = folder.join("text");
            Seed::from([1; 32]).save(&text).expect("saved");
            let text = fs::read_to_string(text).expect("text");
            environment.insert("CANDOR_TEST_SEED".to_owned(), text.trim_end().into());
        }
        if which.contains('c') {
            Seed::from([2; 32]).save(&credentials.join("test.seed")).expect("saved");
        }
        if which.contains('f') {
            Seed::from([3; 32]).save(&folder.join("keys.seed")).expect("saved");
        }
        (source, environment)
    }

    #[test]
    fn the_first_place_that_has_a_key_is_used() {
        for (which, wanted) in
            [("ecf", 1), ("ec", 1), ("ef", 1), ("e", 1), ("cf", 2), ("c", 2), ("f", 3)]
        {
            let folder = tempfile::tempdir().expect("a folder");
            let (source, environment) = places(folder.path(), which);
            let seed = source.load_in(|name| environment.get(name).cloned()).expect("a seed");
            assert_eq!(public(&seed), public(&Seed::from([wanted; 32])), "{which}");
        }
        let folder = tempfile::tempdir().expect("a folder");
        let (source, environment) = places(folder.path(), "");
        let error = source.load_in(|name| environment.get(name).cloned()).expect_err("nowhere");
        assert!(matches!(error, SeedError::Missing(_)), "{error}");
    }

    #[test]
    fn an_error_in_the_first_place_is_not_skipped() {
        let folder = tempfile::tempdir().expect("a folder");
        let (source, mut environment) = places(folder.path(), "ecf");
        for text in ["", "AAAA", &"A".repeat(43), &"A".repeat(44), &"A".repeat(100)] {
            environment.insert("CANDOR_TEST_SEED".to_owned(), text.into());
            let error = source.load_in(|name| environment.get(name).cloned()).expect_err("bad");
            let message = error.to_string();
            assert!(message.contains("CANDOR_TEST_SEED"), "{message}");
            assert!(text.is_empty() || !message.contains(text), "{message} tells the secret");
        }
        environment.remove("CANDOR_TEST_SEED");
        fs::write(folder.path().join("credentials/test.seed"), "no key\n").expect("write");
        let error = source.load_in(|name| environment.get(name).cloned()).expect_err("bad");
        assert!(error.to_string().contains("credentials/test.seed"), "{error}");
    }

    #[cfg(unix)]
    #[test]
    fn a_credential_may_show_the_mask_of_its_access_control_list() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().expect("a folder");
        let (source, environment) = places(folder.path(), "c");
        let path = folder.path().join("credentials/test.seed");
        for (mode, accepted) in
            [(0o400, true), (0o440, true), (0o600, true), (0o460, false), (0o444, false)]
        {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("chmod");
            let loaded = source.load_in(|name| environment.get(name).cloned());
            assert_eq!(loaded.is_ok(), accepted, "{mode:o}");
        }
    }

    #[cfg(feature = "server")]
    #[test]
    fn a_remembered_seed_is_found_first() {
        let folder = tempfile::tempdir().expect("a folder");
        let text = folder.path().join("text");
        Seed::from([9; 32]).save(&text).expect("saved");
        remember("CANDOR_REMEMBERED_TEST_SEED", fs::File::open(&text).expect("a file"))
            .expect("a seed");
        let source = SeedSource::new("remembered.test", folder.path().join("none"));
        let seed = source.load_in(|_| None).expect("a seed");
        assert_eq!(public(&seed), public(&Seed::from([9; 32])));
        let error = remember("CANDOR_OTHER_TEST_SEED", &b"no seed\n"[..]).expect_err("malformed");
        assert!(error.to_string().contains("CANDOR_OTHER_TEST_SEED"), "{error}");
    }
}
