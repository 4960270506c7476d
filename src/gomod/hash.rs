//! `h1:` hashes, by which `go.sum` files and checksum databases know a module.
//!
//! The algorithm is `Hash1` of golang.org/x/mod/sumdb/dirhash: the SHA-256 of a summary with one line a
//! file, in byte order of the names: the hexadecimal SHA-256 of the file, two spaces, the name, a
//! newline. Names in a module zip are whole (`MODULE@VERSION/NAME`); a `go.mod` alone is hashed as one
//! file of the name `go.mod`. How the zip was packed does not affect the hash.
//!
//! Hashing a zip is in `zip.rs`.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};
use std::fmt;
use std::str::FromStr;

/// An `h1:` hash. Its text is `h1:` and standard base64 with padding.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hash1([u8; 32]);

/// The text is not an `h1:` hash.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a hash of the form h1: and 44 characters of base64")]
pub struct Hash1Error(String);

impl Hash1 {
    /// The 32 bytes in lower-case hexadecimal, for use in the name of an object.
    pub fn hex(&self) -> String {
        crate::hex::hex(&self.0)
    }

    /// The SHA-256 of the summary.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// The hash of a set of files, given as full names and contents, in any order. `None` if a name has a
/// newline, because the summary could then be that of other files.
#[cfg(any(test, feature = "testing"))]
pub fn hash_files<'a>(files: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> Option<Hash1> {
    let digests = files.into_iter().map(|(name, bytes)| (name.to_string(), sha256(bytes)));
    summarize(digests.collect())
}

/// The hash of a `go.mod` file, as in the second line of a checksum database's record.
pub fn hash_go_mod(go_mod: &[u8]) -> Hash1 {
    Hash1(sha256(summary_line("go.mod", &sha256(go_mod)).as_bytes()))
}

/// The hash of files whose SHA-256 is already known.
pub(super) fn summarize(mut digests: Vec<(String, [u8; 32])>) -> Option<Hash1> {
    if digests.iter().any(|(name, _)| name.contains('\n')) {
        return None;
    }
    digests.sort();
    let summary: String = digests.iter().map(|(name, hash)| summary_line(name, hash)).collect();
    Some(Hash1(sha256(summary.as_bytes())))
}

fn summary_line(name: &str, digest: &[u8; 32]) -> String {
    format!("{}  {name}\n", crate::hex::hex(digest))
}

fn sha256(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

impl fmt::Display for Hash1 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "h1:{}", STANDARD.encode(self.0))
    }
}

impl fmt::Debug for Hash1 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Hash1 {
    type Err = Hash1Error;

    fn from_str(text: &str) -> Result<Hash1, Hash1Error> {
        text.strip_prefix("h1:")
            .and_then(|base64| STANDARD.decode(base64).ok())
            .and_then(|bytes| bytes.try_into().ok())
            .map(Hash1)
            .ok_or_else(|| Hash1Error(text.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::btree_map;
    use proptest::prelude::*;

    #[test]
    fn a_hash_is_the_digest_of_the_summary() {
        let summary = "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03  a\n\
                       e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855  b\n";
        let hash = hash_files([("b", &b""[..]), ("a", b"hello\n")]).expect("plain names");
        assert_eq!(hash.as_bytes(), &sha256(summary.as_bytes()));
        assert_eq!(hash_files([("go.mod", &b"module x\n"[..])]), Some(hash_go_mod(b"module x\n")));
    }

    #[test]
    fn names_sort_by_their_bytes_and_never_have_a_newline() {
        let one = hash_files([("a/b", &b"1"[..]), ("a-b", b"2")]);
        let summary = [summary_line("a-b", &sha256(b"2")), summary_line("a/b", &sha256(b"1"))];
        assert_eq!(one, Some(Hash1(sha256(summary.concat().as_bytes()))));
        assert_eq!(hash_files([("a\nb", &b""[..])]), None);
    }

    #[test]
    fn only_one_text_names_a_hash() {
        let hash = hash_go_mod(b"");
        let text = hash.to_string();
        assert_eq!(text.parse(), Ok(hash));
        assert_eq!(hash.hex().len(), 64);
        for bad in [
            "",
            "h1:",
            "h2:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
            "h1:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU",
            "h1:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFV=",
            "h1:47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU=",
            "h1:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n",
            "h1:47DEQpj8HBSa",
        ] {
            assert!(bad.parse::<Hash1>().is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn the_order_of_files_does_not_affect_the_hash(
            files in btree_map("[a-z/.]{1,6}", any::<Vec<u8>>(), 0..6),
        ) {
            let forward = files.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice()));
            let backward = forward.clone().rev();
            prop_assert_eq!(hash_files(forward), hash_files(backward));
        }

        #[test]
        fn every_byte_and_every_name_affects_the_hash(
            files in btree_map("[a-z]{1,6}", any::<Vec<u8>>(), 1..6),
            flip in any::<(prop::sample::Index, u8)>(),
        ) {
            let hash = |files: &std::collections::BTreeMap<String, Vec<u8>>| {
                hash_files(files.iter().map(|(n, b)| (n.as_str(), b.as_slice())))
            };
            let before = hash(&files);
            let name = flip.0.get(&files.keys().cloned().collect::<Vec<_>>()).clone();
            let mut changed = files.clone();
            changed.get_mut(&name).expect("it is there").push(flip.1);
            prop_assert_ne!(before, hash(&changed));
            let mut renamed = files.clone();
            let bytes = renamed.remove(&name).expect("it is there");
            renamed.insert(format!("{name}0"), bytes);
            prop_assert_ne!(before, hash(&renamed));
        }
    }
}
