//! Which module version a zip contains, from the zip alone.
//!
//! Every file in a module zip is named `MODULE@VERSION/NAME`, so the zip says what it claims to be, and
//! its hashes say what its record in a checksum database must be. This works for any module, not only
//! those of Candor.

use super::zip::{entry_name, open};
use super::{Hash1, ZipError, hash_go_mod, hash_zip};
use std::io::Read as _;

/// The module version that a zip claims to be, and its hashes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ZipIdentity {
    /// The module's path, not checked against Go's rules.
    pub module: String,
    /// The version.
    pub version: String,
    /// The hash of the zip.
    pub zip: Hash1,
    /// The hash of its `go.mod`.
    pub go_mod: Hash1,
}

/// Reads which module version a zip contains, and hashes it.
///
/// # Errors
///
/// It is not a zip, or its files do not all belong to one module version.
pub fn identify_zip(zip: &[u8]) -> Result<ZipIdentity, ZipError> {
    let mut archive = open(zip)?;
    let mut prefix: Option<String> = None;
    for raw in archive.file_names_raw() {
        let name = entry_name(raw)?;
        // A module's path may have slashes, and no version has one.
        let of_version = name.find('@').and_then(|at| {
            let slash = name.get(at..)?.find('/')?;
            name.get(..at + slash)
        });
        match (of_version, &prefix) {
            (Some(found), None) => prefix = Some(found.to_owned()),
            (Some(found), Some(first)) if found == first => {}
            _ => {
                let fault = "is not a file of one module version, MODULE@VERSION/NAME";
                return Err(ZipError::Entry { name, fault });
            }
        }
    }
    let prefix = prefix.ok_or_else(|| ZipError::Missing("of any name".to_owned()))?;
    let (module, version) = prefix.split_once('@').unwrap_or((&prefix, ""));
    let name = format!("{prefix}/go.mod");
    let go_mod = match archive.index_for_name_raw(name.as_bytes()) {
        // As the go command does for a module without one.
        None => format!("module {module}\n").into_bytes(),
        Some(index) => {
            let file = archive.by_index(index).map_err(ZipError::Damaged)?;
            let mut text = Vec::new();
            let read = file.take(super::MAX_GO_MOD + 1).read_to_end(&mut text);
            read.map_err(|source| ZipError::DamagedFile { name: name.clone(), source })?;
            if text.len() as u64 > super::MAX_GO_MOD {
                return Err(ZipError::TooLarge { what: name, limit: super::MAX_GO_MOD });
            }
            text
        }
    };
    Ok(ZipIdentity {
        module: module.to_owned(),
        version: version.to_owned(),
        zip: hash_zip(zip)?,
        go_mod: hash_go_mod(&go_mod),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Cursor, Write as _};

    fn zip(files: &[(&str, &str)]) -> Vec<u8> {
        let mut writer = ::zip::ZipWriter::new(Cursor::new(Vec::new()));
        for (name, contents) in files {
            let options = ::zip::write::SimpleFileOptions::default();
            writer.start_file(*name, options).expect("a file");
            writer.write_all(contents.as_bytes()).expect("memory");
        }
        writer.finish().expect("memory").into_inner()
    }

    #[test]
    fn a_zip_names_its_module_and_version() {
        let with = zip(&[
            ("example.org/a/b@v1.2.3-pre/go.mod", "module example.org/a/b\n"),
            ("example.org/a/b@v1.2.3-pre/x/y@z", "text"),
        ]);
        let identity = identify_zip(&with).expect("a module zip");
        assert_eq!((&*identity.module, &*identity.version), ("example.org/a/b", "v1.2.3-pre"));
        assert_eq!(Some(identity.zip), hash_zip(&with).ok());
        assert_eq!(identity.go_mod, hash_go_mod(b"module example.org/a/b\n"));
        let without = zip(&[("example.org/a/b@v1.2.3-pre/x", "text")]);
        assert_eq!(identify_zip(&without).expect("a module zip").go_mod, identity.go_mod);
    }

    #[test]
    fn a_zip_of_two_versions_or_none_is_refused() {
        for files in [
            &[][..],
            &[("x", "")],
            &[("a@v1", "")],
            &[("a@v1/x", ""), ("a@v2/x", "")],
            &[("a@v1/x", ""), ("x", "")],
            &[("a@v1/x", ""), ("b@v1/x", "")],
        ] {
            assert!(identify_zip(&zip(files)).is_err(), "{files:?}");
        }
        assert!(identify_zip(b"no zip").is_err());
    }
}
