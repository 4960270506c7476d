//! A Go module proxy (<https://go.dev/ref/mod#goproxy-protocol>): the list of a module's versions, and in that of
//! the module `golang.org/toolchain`, Go's own.

use crate::charts::version::{GoVersion, SemanticVersion, Version};

/// The module whose versions are Go's toolchains, one for each platform.
pub const TOOLCHAIN: &str = "golang.org/toolchain";

/// The path of the list of a module's versions, below the proxy's address.
pub fn list_path(module: &str) -> String {
    let mut path = String::new();
    for c in module.chars() {
        // Capital letters are escaped, for file systems that do not tell them apart.
        if c.is_ascii_uppercase() {
            path.push('!');
        }
        path.push(c.to_ascii_lowercase());
    }
    path + "/@v/list"
}

/// The versions in a list.
pub fn versions(list: &str) -> Vec<Version> {
    // After a version there may be its time.
    let first = list.lines().filter_map(|line| line.split_ascii_whitespace().next());
    first.filter_map(SemanticVersion::parse).map(Version::Semantic).collect()
}

/// The toolchains in the list of [`TOOLCHAIN`]: `v0.0.1-go1.24.1.linux-amd64`.
pub fn toolchains(list: &str) -> Vec<GoVersion> {
    let name = |line: &str| {
        let name = line.trim().strip_prefix("v0.0.1-")?;
        GoVersion::parse(name.rsplit_once('.')?.0)
    };
    // Some are named like `go1.24.1-custom`.
    list.lines().filter_map(name).filter(|version| !version.as_str().contains('-')).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_read_as_the_go_command_reads_them() {
        let text = |version: &Version| version.as_str().to_owned();
        let list =
            "v1.2.3\nv1.3.0-pre.1 2026-01-02T03:04:05Z\r\n\nmaster\nv2.0.0+incompatible\n1.0.0\n";
        let found: Vec<String> = versions(list).iter().map(text).collect();
        assert_eq!(found, ["v1.2.3", "v1.3.0-pre.1", "v2.0.0+incompatible"]);
        assert_eq!(
            list_path("github.com/BurntSushi/toml/v2"),
            "github.com/!burnt!sushi/toml/v2/@v/list"
        );
    }

    #[test]
    fn toolchains_are_found_once_for_each_platform() {
        let list = "v0.0.1-go1.21rc2.linux-amd64\nv0.0.1-go1.9.2rc2.linux-amd64\n\
                    v0.0.1-go1.24.1.windows-arm64\nv0.0.1-go1.24.1.linux-amd64\nv0.0.2-go1.25.0.a-b\nv0.0.1-x";
        let found = toolchains(list);
        let found: Vec<&str> = found.iter().map(GoVersion::as_str).collect();
        assert_eq!(found, ["go1.21rc2", "go1.24.1", "go1.24.1"]);
    }
}
