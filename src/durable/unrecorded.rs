//! Outside unit tests nothing is recorded, and all of this compiles to nothing.

use std::io;
use std::path::Path;

/// What is synced.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Sync {
    File,
    Folder,
}

/// An open file.
#[derive(Debug)]
pub(super) struct Handle;

impl Handle {
    pub(super) fn alive(&self) -> io::Result<()> {
        Ok(())
    }

    pub(super) fn alive_to_sync(&self) -> io::Result<()> {
        Ok(())
    }

    pub(super) fn appended(&self, _: &[u8]) {}

    pub(super) fn written(&self, _: u64, _: &[u8]) {}

    pub(super) fn cut(&self, _: u64) {}

    pub(super) fn synced(&self, _: Sync) -> bool {
        false
    }
}

pub(super) fn created(_: &Path) -> Handle {
    Handle
}

pub(super) fn opened(_: &Path) -> Handle {
    Handle
}

pub(super) fn made_folder(_: &Path) {}

pub(super) fn linked(_: &Path, _: &Path) {}

pub(super) fn renamed(_: &Path, _: &Path) {}

pub(super) fn removed(_: &Path) {}

pub(super) fn folder_synced(_: &Path, _: Sync) -> bool {
    false
}

pub(super) fn alive(_: &Path) -> io::Result<()> {
    Ok(())
}

pub(super) fn alive_to_sync(_: &Path) -> io::Result<()> {
    Ok(())
}

pub(super) fn check_devices(_: &Path, _: &Path) -> io::Result<()> {
    Ok(())
}
