//! Rust's releases: each has a manifest (<https://forge.rust-lang.org/infra/channel-layout.html>), and beside it
//! a file of a hundred bytes with its checksum, whose existence says that the release exists. There is no list, so
//! they are asked for one after the other, until one is missing.

use super::asked::{Registries, ReleaseError};
use crate::charts::version::SemanticVersion;

/// The most releases that are asked for: twenty years of them.
const MOST: usize = 400;
/// The longest checksum file that is read, in bytes.
const LONGEST: usize = 4096;

/// The releases of Rust from the first of a series on, such as `(1, 94)`.
pub fn releases(
    registries: &dyn Registries,
    (major, first): (u64, u64),
) -> Result<Vec<SemanticVersion>, ReleaseError> {
    let mut found = Vec::new();
    let mut minor = first;
    let mut patch = 0;
    for _ in 0..MOST {
        let path = format!("dist/channel-rust-{major}.{minor}.{patch}.toml.sha256");
        let url = registries.rust_releases().join(&path);
        let sum = registries.get(&url, LONGEST)?;
        if sum.as_ref().is_some_and(|sum| !is_checksum(sum)) {
            return Err(ReleaseError::Malformed { url, expected: "a checksum" });
        }
        match (sum.is_some(), patch) {
            (true, _) => {
                found.extend(SemanticVersion::new(major, minor, patch, ""));
                patch += 1;
            }
            // The series is not released yet.
            (false, 0) => break,
            (false, _) => (minor, patch) = (minor + 1, 0),
        }
    }
    Ok(found)
}

/// Whether a file begins with a SHA-256, as `sha256sum` writes it.
fn is_checksum(file: &[u8]) -> bool {
    file.get(..64).is_some_and(|sum| sum.iter().all(u8::is_ascii_hexdigit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_begins_with_a_whole_checksum_is_a_release() {
        let sum = "0123456789abcdefABCDEF".repeat(3);
        for file in [&sum[..64], &format!("{}  channel-rust-1.95.0.toml\n", &sum[..64])] {
            assert!(is_checksum(file.as_bytes()), "{file}");
        }
        let wrong = format!("{}g", &sum[..63]);
        let first = format!("g{}", &sum[..63]);
        for file in ["", "ok", &sum[..63], &wrong, &first, &"<html>".repeat(20)] {
            assert!(!is_checksum(file.as_bytes()), "{file}");
        }
    }
}
