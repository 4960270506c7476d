//! The program that counts: its name, version, toolchain and platform, written as in the collection
//! config, which follows Go.
//!
//! The rules for versions and toolchains are those of golang/telemetry
//! (`internal/telemetry/proginfo.go`): everything but a release is `devel`, so that local builds are one
//! version and not thousands.

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
    /// The version may be `env!("CARGO_PKG_VERSION")`: `1.2.3` becomes `v1.2.3`, as in configs. The
    /// toolchain is the one that compiled this crate.
    pub fn new(
        path: impl Into<Cow<'static, str>>,
        version: impl Into<Cow<'static, str>>,
    ) -> Program {
        let version = version.into();
        let version = if version.contains("devel") || version.matches('-').count() > 1 {
            "devel".into()
        } else if version.starts_with(|c: char| c.is_ascii_digit()) {
            format!("v{version}").into()
        } else {
            version
        };
        Program { path: path.into(), version, toolchain: env!("CANDOR_TOOLCHAIN").into() }
    }

    /// The same program, built with another toolchain: `rust1.95.0`, `go1.26.8`, `devel`.
    #[must_use]
    pub fn with_toolchain(self, toolchain: impl Into<Cow<'static, str>>) -> Program {
        Program { toolchain: toolchain.into(), ..self }
    }
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
            ("", ""),
        ] {
            assert_eq!(Program::new("example.org/tool", version).version, written);
        }
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
