//! A disk that is full for a while: a small file system, and a file that uses up the rest of it.

use std::fs::File;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

/// A file that takes all space until it is dropped.
#[derive(Debug)]
pub struct Filler {
    path: PathBuf,
    file: File,
    bytes: u64,
}

impl Filler {
    /// Fills the file system that `folder` is on. Panics if it does not become full.
    pub fn fill(folder: &Path) -> Filler {
        let path = folder.join("filler");
        let file = File::create(&path).expect("a file that fills the disk");
        let mut filler = Filler { path, file, bytes: 0 };
        filler.refill();
        filler
    }

    /// Takes what was freed since.
    pub fn refill(&mut self) {
        let block = vec![0_u8; 1 << 20];
        let mut size = block.len();
        // Ever smaller pieces, down to what no report fits into.
        while size >= 64 {
            match self.file.write(&block[..size]) {
                Ok(written) => self.bytes += written as u64,
                Err(e) if e.kind() == ErrorKind::StorageFull => size /= 2,
                Err(e) => panic!("the disk does not become full: {e}"),
            }
            assert!(self.bytes < 16 << 30, "{} is on no small file system", self.path.display());
        }
    }
}

impl Drop for Filler {
    fn drop(&mut self) {
        // It lies in a temporary folder at worst.
        let _ = std::fs::remove_file(&self.path);
    }
}
