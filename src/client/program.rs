//! The program that counts: its name, version, toolchain and platform, written as in the collection
//! config, which follows Go.
//!
//! As in golang/telemetry (`internal/telemetry/proginfo.go`), everything but a release is `devel`, so that
//! developers' builds are one version and not thousands, and are not taken for what users have.

use std::borrow::Cow;

/// A program, as its counter files and reports name it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    pub(crate) path: Cow<'static, str>,
    pub(crate) version: Cow<'static, str>,
    pub(crate) toolchain: Cow<'static, str>,
}

impl Program {
    /// A program, by its path in the collection config and its version.
    ///
    /// `1.2.3` becomes `v1.2.3`, as in configs. No version, `0.0.0`, and whatever is not a release (with
    /// `devel`, `dirty`, or the number of a commit, as `git describe` writes it) become `devel`. The
    /// toolchain is the one that compiled this crate. [`program!`](crate::program) also sees how the
    /// program was built.
    pub fn new(
        path: impl Into<Cow<'static, str>>,
        version: impl Into<Cow<'static, str>>,
    ) -> Program {
        let version = version.into();
        let version = if !is_release(&version) {
            "devel".into()
        } else if version.starts_with(|c: char| c.is_ascii_digit()) {
            format!("v{version}").into()
        } else {
            version
        };
        Program { path: path.into(), version, toolchain: env!("CANDOR_TOOLCHAIN").into() }
    }

    /// The same program, as `devel` if this is a developer's build.
    #[doc(hidden)]
    #[must_use]
    pub fn unless_developed(self, is_developed: bool) -> Program {
        if is_developed { Program { version: "devel".into(), ..self } } else { self }
    }

    /// The same program, built with another toolchain: `rust1.95.0`, `go1.26.8`, `devel`.
    #[must_use]
    pub fn with_toolchain(self, toolchain: impl Into<Cow<'static, str>>) -> Program {
        Program { toolchain: toolchain.into(), ..self }
    }
}

/// The program that this is called in: `program!("example.org/myprog")`, with the version of its package.
///
/// A build that its developers made for themselves (with debug assertions, or by `cargo install --git`) is
/// `devel`, whatever the version. As a second argument it takes another version, such as what a build script
/// got from `git describe`.
///
/// ```
/// use candor::client::{Options, start};
///
/// start(candor::program!("example.org/myprog"), Options::default());
/// ```
#[macro_export]
macro_rules! program {
    ($path:expr $(,)?) => {
        $crate::program!($path, env!("CARGO_PKG_VERSION"))
    };
    ($path:expr, $version:expr $(,)?) => {{
        // A constant, so that the program has no folder of its developer's in it.
        const IS_DEVELOPED: bool =
            cfg!(debug_assertions) || $crate::client::is_from_git(env!("CARGO_MANIFEST_DIR"));
        $crate::client::Program::new($path, $version).unless_developed(IS_DEVELOPED)
    }};
}

/// Whether a package in this folder was downloaded by `cargo install --git`.
#[doc(hidden)]
pub const fn is_from_git(folder: &str) -> bool {
    const MARK: &[u8] = b"git/checkouts";
    let folder = folder.as_bytes();
    let mut at = 0;
    while at + MARK.len() <= folder.len() {
        let mut same = 0;
        while same < MARK.len()
            && (folder[at + same] == MARK[same]
                || (MARK[same] == b'/' && folder[at + same] == b'\\'))
        {
            same += 1;
        }
        if same == MARK.len() {
            return true;
        }
        at += 1;
    }
    false
}

/// Whether a version is that of a release, and not of something in between.
fn is_release(version: &str) -> bool {
    let number = version.trim_start_matches('v');
    let is_nothing = version.is_empty() || number == "0.0.0";
    let between = ["devel", "dirty", "unknown"].iter().any(|word| version.contains(word))
        || ["0.0.0-", "0.0.0+"].iter().any(|prefix| number.starts_with(prefix));
    // With a time and a commit, or a number of commits and a commit.
    let counted = version.matches('-').count() > 1;
    !is_nothing && !between && !counted
}

/// This platform's operating system, by Go's name.
pub fn goos() -> &'static str {
    match std::env::consts::OS {
        "macos" => "darwin",
        other => other,
    }
}

/// This platform's architecture, by Go's name.
pub fn goarch() -> &'static str {
    let little = cfg!(target_endian = "little");
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "x86" => "386",
        "aarch64" => "arm64",
        "loongarch64" => "loong64",
        "powerpc64" if little => "ppc64le",
        "powerpc64" => "ppc64",
        "mips64" if little => "mips64le",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_written_as_configs_write_them() {
        for (version, written) in [
            ("1.2.3", "v1.2.3"),
            ("0.16.0-pre.1", "v0.16.0-pre.1"),
            ("v0.16.0-pre.1", "v0.16.0-pre.1"),
            ("(devel)", "devel"),
            ("v0.0.0-20231207172801-3c8b0df0c3fd", "devel"),
            ("go1.26.8", "go1.26.8"),
            ("go1.26.8-x", "go1.26.8-x"),
            ("", "devel"),
            ("0.0.0", "devel"),
            ("v0.0.0", "devel"),
            ("0.0.0-dev", "devel"),
            ("0.0.1", "v0.0.1"),
            ("unknown", "devel"),
            ("1.2.3-dirty", "devel"),
            ("v1.2.3+dirty", "devel"),
            // As `git describe` writes it.
            ("v1.2.3-4-gb6365b5", "devel"),
            ("1.2.3+incompatible", "v1.2.3+incompatible"),
        ] {
            assert_eq!(Program::new("example.org/tool", version).version, written);
        }
    }

    #[test]
    fn a_developers_build_is_known() {
        for (folder, is) in [
            ("/home/me/.cargo/git/checkouts/myprog-3f2/1a2b3c4", true),
            ("C:\\Users\\me\\.cargo\\git\\checkouts\\myprog-3f2\\1a2b3c4", true),
            ("/home/me/.cargo/registry/src/index.crates.io-1949/myprog-1.2.3", false),
            ("/build/myprog-1.2.3", false),
            ("/home/me/git/checkout", false),
            ("", false),
        ] {
            assert_eq!(is_from_git(folder), is, "{folder}");
        }
        // These tests are built with debug assertions.
        assert_eq!(crate::program!("example.org/tool").version, "devel");
        assert_eq!(crate::program!("example.org/tool", "1.2.3").version, "devel");
        assert_eq!(Program::new("x", "1.2.3").unless_developed(false).version, "v1.2.3");
    }

    #[test]
    fn the_toolchain_is_a_release_of_rust_or_devel() {
        let program = Program::new("example.org/tool", "1.0.0");
        let release =
            program.toolchain.strip_prefix("rust").map(|release| release.split('.').count());
        assert!(release == Some(3) || program.toolchain == "devel", "{}", program.toolchain);
        assert_eq!(program.with_toolchain("go1.26.8").toolchain, "go1.26.8");
    }
}
