//! Disk space that is reserved for publishing, merging and charting: if there is too little, uploads
//! get 503 and those go on.

use std::io;
use std::path::{Path, PathBuf};

/// The largest reserve unless the operator says otherwise, in bytes.
pub const MOST_RESERVE: u64 = 1 << 30;
/// The reserve is the file system's size divided by this.
pub const RESERVE_PART: u64 = 20;

/// The folders whose file systems must keep free space, and how much.
#[derive(Debug, Clone, Default)]
pub struct FreeSpace {
    /// The folders. For one that does not exist yet, its parent counts.
    pub folders: Vec<PathBuf>,
    /// The operator's choice in bytes; otherwise `1 / RESERVE_PART` of each, at most `MOST_RESERVE`.
    pub reserve: Option<u64>,
}

impl FreeSpace {
    /// The problem, in words for the operator. Blocks for as long as the disk takes to answer.
    pub(super) fn look(&self) -> Option<String> {
        self.folders.iter().find_map(|folder| {
            let there = folder.ancestors().find(|folder| folder.is_dir())?;
            // If the disk cannot be asked, writing will show whether it is full.
            let (free, size) = space(there).ok()?;
            let reserve = self.reserve.unwrap_or((size / RESERVE_PART).min(MOST_RESERVE));
            (free < reserve).then(|| {
                format!(
                    "{free} bytes are free where {} is, and {reserve} are kept for publishing: no \
                     reports are accepted until there is more (`free_space` below [uploads] in \
                     candor.toml)",
                    folder.display()
                )
            })
        })
    }
}

/// The bytes of a folder's file system that are free for this user, and all that it has.
#[cfg(unix)]
fn space(folder: &Path) -> io::Result<(u64, u64)> {
    let found = nix::sys::statvfs::statvfs(folder)?;
    #[allow(clippy::useless_conversion, reason = "the types differ between systems")]
    let (piece, free, all) = (
        u64::from(found.fragment_size()),
        u64::from(found.blocks_available()),
        u64::from(found.blocks()),
    );
    Ok((free.saturating_mul(piece), all.saturating_mul(piece)))
}

#[cfg(not(unix))]
fn space(_: &Path) -> io::Result<(u64, u64)> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn space_below_the_reserve_is_told() {
        let folder = tempfile::tempdir().expect("a folder");
        let look = |reserve| {
            let folders = vec![folder.path().join("not/there/yet")];
            FreeSpace { folders, reserve: Some(reserve) }.look()
        };
        assert_eq!(look(0), None);
        let said = look(u64::MAX).expect("a disk that is too small");
        assert!(said.contains("are kept for publishing"), "{said}");
    }
}
