//! Reading files that a user names, which may be endless pipes.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// The bytes of a file of at most `limit` bytes.
pub(super) fn read_at_most(file: &Path, limit: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let beyond = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    File::open(file)?.take(beyond).read_to_end(&mut bytes)?;
    if bytes.len() > limit {
        let message = format!("it has more than {limit} bytes, the limit for such a file");
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, message));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_over_the_limit_is_not_read_further() {
        let folder = tempfile::TempDir::new().expect("a temporary folder");
        let file = folder.path().join("five");
        std::fs::write(&file, "12345").expect("written");
        assert_eq!(read_at_most(&file, 5).expect("read"), b"12345");
        let error = read_at_most(&file, 4).expect_err("too long").to_string();
        assert!(error.contains("more than 4 bytes"), "{error}");
    }
}
