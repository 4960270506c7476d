//! A deployment's files are its user's alone, whatever umask the program was started with.
//!
//! Everything below a deployment's folder has mode 0600 or 0700: keys, the buffer of reports, settings, and
//! even the public objects of the store, which only the server has to read there. `durable` creates its
//! files and folders so. For the rest (locks, scratch files, mirrors of repositories, what libraries make)
//! this sets the umask of the process. A Unix socket that serves others keeps the mode that the inherited
//! umask asks for.

use super::Output;
use super::shell::quoted;
use std::path::Path;

/// From now on, this process makes no file that others may read. Call this before starting threads.
#[cfg(unix)]
pub(super) fn make_private_files() {
    use nix::sys::stat::{Mode, umask};
    let others = Mode::S_IRWXG | Mode::S_IRWXO;
    let inherited = umask(others);
    umask(inherited | others);
    let _ = INHERITED.set(inherited.bits());
}

/// Other systems have no modes.
#[cfg(not(unix))]
pub(super) fn make_private_files() {}

/// The umask that the process was started with.
#[cfg(unix)]
static INHERITED: std::sync::OnceLock<nix::libc::mode_t> = std::sync::OnceLock::new();

/// Gives a socket the mode that the inherited umask allows.
#[cfg(unix)]
pub(super) fn open_socket(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    let Some(inherited) = INHERITED.get() else { return Ok(()) };
    #[allow(clippy::useless_conversion, reason = "the type differs between systems")]
    let mode = 0o777 & !u32::from(*inherited);
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))
}

/// Warns the operator if others may read a deployment's files, and says how to fix it.
pub(super) fn warn_of_wide_modes(deployment: &Path, out: Output) {
    if let Some(wide) = find_wide(deployment) {
        out.say(format_args!(
            "warning: others may read {wide} and perhaps more of this deployment; run: chmod -R go-rwx {}",
            quoted(&deployment.display().to_string())
        ));
    }
}

/// The first file or folder that is not private. The deployment's folder itself may be shared.
#[cfg(unix)]
fn find_wide(deployment: &Path) -> Option<String> {
    use std::os::unix::fs::MetadataExt as _;
    let entries = |folder: &Path| {
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        entries.map(|entry| entry.path()).collect::<Vec<_>>()
    };
    // Everything deeper is protected by these.
    let mut paths = entries(deployment);
    for secret in ["keys", "signer", "witness/keys", "reports"] {
        paths.extend(entries(&deployment.join(secret)));
    }
    paths.sort();
    let wide = paths.into_iter().find(|path| {
        let found = path.symlink_metadata();
        found.is_ok_and(|found| {
            let kind = found.file_type();
            (kind.is_file() || kind.is_dir()) && found.mode() & 0o077 != 0
        })
    });
    wide.map(|path| path.display().to_string())
}

#[cfg(not(unix))]
fn find_wide(_: &Path) -> Option<String> {
    None
}
