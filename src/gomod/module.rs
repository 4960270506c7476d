//! One complete version of the module: built from a compiled config, or opened from its zip.
//!
//! The zip holds four files, in this order:
//!
//! | file | what it is |
//! | --- | --- |
//! | `go.mod` | the module path, and a language version old enough for every Go client since 1.16 |
//! | `doc.go` | the Go package, with a comment that says what this is and where it is reviewed |
//! | `config.json` | what clients obey |
//! | `provenance.json` | what it was compiled from |
//!
//! Building is a pure function: no clock, no randomness. So anyone with the source can rebuild a
//! version and compare every byte.

use super::{
    Hash1, ModulePath, ModuleVersion, Provenance, ZipError, create_zip, hash_go_mod, hash_zip,
    read_file,
};

/// The name of the file that names the module.
pub const GO_MOD: &str = "go.mod";
/// The name of the file that makes the module a Go package.
pub const DOC: &str = "doc.go";
/// The name of the collection config.
pub const CONFIG: &str = "config.json";
/// The name of the file that says what the config was compiled from.
pub const PROVENANCE: &str = "provenance.json";

/// One version of the module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Module {
    path: ModulePath,
    version: ModuleVersion,
    provenance: Provenance,
    go_mod: Vec<u8>,
    config: Vec<u8>,
    zip: Vec<u8>,
    zip_hash: Hash1,
}

/// Why a version could not be built or opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ModuleError {
    /// The zip could not be made or read.
    #[error("{path}@{version}: {source}")]
    Zip {
        /// The module.
        path: ModulePath,
        /// The version.
        version: ModuleVersion,
        /// What is wrong.
        #[source]
        source: ZipError,
    },
    /// `provenance.json` was not written by Candor.
    #[error("{path}@{version}: {PROVENANCE} in the module zip is malformed: {source}")]
    Provenance {
        /// The module.
        path: ModulePath,
        /// The version.
        version: ModuleVersion,
        /// What is wrong.
        #[source]
        source: serde_json::Error,
    },
}

impl Module {
    /// Builds `path` at `version` from a compiled config and what it was compiled from.
    ///
    /// Equal input gives a byte-identical zip. Fails only if the config is too large.
    pub fn build(
        path: ModulePath,
        version: ModuleVersion,
        config: Vec<u8>,
        provenance: Provenance,
    ) -> Result<Module, ModuleError> {
        let go_mod = go_mod_text(&path).into_bytes();
        let files = [
            (GO_MOD, go_mod.as_slice()),
            (DOC, &doc_text(&path, &provenance).into_bytes()),
            (CONFIG, &config),
            (PROVENANCE, &provenance.to_json()),
        ];
        let built = create_zip(&path, version, &files).and_then(|zip| Ok((hash_zip(&zip)?, zip)));
        match built {
            Ok((zip_hash, zip)) => {
                Ok(Module { path, version, provenance, go_mod, config, zip, zip_hash })
            }
            Err(source) => Err(ModuleError::Zip { path, version, source }),
        }
    }

    /// Opens the zip of `path` at `version`. Whether it is the zip that was published is up to the caller
    /// to check: compare [`Module::zip_hash`] with the log's record.
    pub fn open(
        path: ModulePath,
        version: ModuleVersion,
        zip: Vec<u8>,
    ) -> Result<Module, ModuleError> {
        let read = |name| read_file(&zip, &path, version, name);
        let files = (|| Ok((hash_zip(&zip)?, read(GO_MOD)?, read(CONFIG)?, read(PROVENANCE)?)))();
        let (zip_hash, go_mod, config, provenance) = match files {
            Ok(files) => files,
            Err(source) => return Err(ModuleError::Zip { path, version, source }),
        };
        match Provenance::from_json(&provenance) {
            Ok(provenance) => {
                Ok(Module { path, version, provenance, go_mod, config, zip, zip_hash })
            }
            Err(source) => Err(ModuleError::Provenance { path, version, source }),
        }
    }

    /// The module's path.
    pub fn path(&self) -> &ModulePath {
        &self.path
    }

    /// The version.
    pub fn version(&self) -> ModuleVersion {
        self.version
    }

    /// What the config was compiled from.
    pub fn provenance(&self) -> &Provenance {
        &self.provenance
    }

    /// `config.json`, what clients obey.
    pub fn config(&self) -> &[u8] {
        &self.config
    }

    /// `go.mod`, which the proxy protocol also serves alone, as `.mod`.
    pub fn go_mod(&self) -> &[u8] {
        &self.go_mod
    }

    /// The module zip.
    pub fn zip(&self) -> &[u8] {
        &self.zip
    }

    /// The `h1:` hash of the zip: the first line of the log's record.
    pub fn zip_hash(&self) -> Hash1 {
        self.zip_hash
    }

    /// The `h1:` hash of `go.mod`: the second line of the log's record.
    pub fn go_mod_hash(&self) -> Hash1 {
        hash_go_mod(&self.go_mod)
    }
}

/// The text of `go.mod`. No valid path needs quotes there.
pub fn go_mod_text(path: &ModulePath) -> String {
    format!("module {path}\n\ngo 1.16\n")
}

/// The text of `doc.go`. All that goes into it is free of newlines, so the comment cannot end early.
fn doc_text(path: &ModulePath, provenance: &Provenance) -> String {
    let repository = provenance.repository.as_str();
    let reviewed = if repository.is_empty() {
        String::new()
    } else {
        let folder = match provenance.path.as_str() {
            "" => String::new(),
            folder => format!(", in {folder}"),
        };
        format!("//\n// The definitions are reviewed at {repository}{folder}.\n")
    };
    format!(
        "// Code generated by candor. DO NOT EDIT.\n\n\
         // Package config holds the collection config of {path}.\n\
         //\n\
         // {CONFIG} lists every counter that programs of people who opted in may report, and how\n\
         // often; nothing else may be reported. It was compiled from reviewed chart definitions;\n\
         // {PROVENANCE} names the very commit, from which anyone can compile it again.\n\
         {reviewed}\
         package config\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gomod::{CommitTime, ObjectId, RepositoryPath, RepositoryUrl};
    use proptest::prelude::*;

    fn provenance(repository: &str) -> Provenance {
        Provenance {
            repository: RepositoryUrl::public(repository),
            commit: ObjectId::new("a".repeat(40)).expect("an object name"),
            tree: ObjectId::new("b".repeat(40)).expect("an object name"),
            path: RepositoryPath::new("charts-config").expect("a path"),
            as_of: "2026-02-04".parse().expect("a day"),
            time: CommitTime::from_unix_seconds(1_770_091_506).expect("a time"),
            program_version: "0.1.0".into(),
        }
    }

    fn build(config: &[u8], repository: &str) -> Module {
        let path = ModulePath::new("telemetry.example.org/Config").expect("a path");
        Module::build(path, ModuleVersion::FIRST, config.to_vec(), provenance(repository))
            .expect("a module")
    }

    #[test]
    fn a_module_names_its_path_and_version() {
        let module = build(b"{}", "https://git.example.org/charts");
        let read = |name| {
            let bytes = read_file(module.zip(), module.path(), module.version(), name);
            String::from_utf8(bytes.expect("there")).expect("text")
        };
        assert_eq!(read(GO_MOD), "module telemetry.example.org/Config\n\ngo 1.16\n");
        assert_eq!(read(CONFIG), "{}");
        let doc = read(DOC);
        assert!(doc.contains("reviewed at https://git.example.org/charts, in charts-config.\n"));
        assert!(doc.ends_with("\npackage config\n"));
        assert!(!build(b"{}", "/home/alice/charts").zip().windows(5).any(|w| w == b"alice"));
    }

    #[test]
    fn a_zip_that_is_not_this_module_is_not_opened() {
        let module = build(b"{}", "");
        let other = ModulePath::new("telemetry.example.org/other").expect("a path");
        let opened = Module::open(other, module.version(), module.zip().to_vec());
        assert!(matches!(opened, Err(ModuleError::Zip { .. })), "{opened:?}");
        let files = [(GO_MOD, &b""[..]), (CONFIG, b"{}"), (PROVENANCE, b"{\"commit\":1}")];
        let zip = create_zip(module.path(), module.version(), &files).expect("a zip");
        let opened = Module::open(module.path().clone(), module.version(), zip);
        assert!(matches!(opened, Err(ModuleError::Provenance { .. })), "{opened:?}");
    }

    proptest! {
        #[test]
        fn what_was_built_is_what_is_opened(config in any::<Vec<u8>>(), number in 1..=ModuleVersion::MAX) {
            let path = ModulePath::new("example.org/c").expect("a path");
            let version = ModuleVersion::new(number).expect("in range");
            let build = || Module::build(path.clone(), version, config.clone(), provenance(""));
            let module = build().expect("a module");
            prop_assert_eq!(&module, &build().expect("a module"));
            let opened = Module::open(path.clone(), version, module.zip().to_vec()).expect("a module");
            prop_assert_eq!(opened, module);
        }
    }
}
