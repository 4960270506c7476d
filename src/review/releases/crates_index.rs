//! A crates index of the sparse kind (<https://doc.rust-lang.org/cargo/reference/registry-index.html>): a file for
//! each crate, with one version a line.

use crate::charts::version::{SemanticVersion, Version};
use serde::Deserialize;

/// What is needed of a line.
#[derive(Deserialize)]
struct Line {
    vers: String,
}

/// The path of a crate's file, below the index's address.
pub fn path(name: &str) -> String {
    let name = name.to_ascii_lowercase();
    let part = |from, to| name.get(from..to).unwrap_or_default();
    match name.len() {
        1 => format!("1/{name}"),
        2 => format!("2/{name}"),
        3 => format!("3/{}/{name}", part(0, 1)),
        _ => format!("{}/{}/{name}", part(0, 2), part(2, 4)),
    }
}

/// The versions in a crate's file; `None` if it is not one.
pub fn versions(file: &str) -> Option<Vec<Version>> {
    let mut versions = Vec::new();
    for line in file.lines().filter(|line| !line.trim().is_empty()) {
        let line: Line = serde_json::from_str(line).ok()?;
        versions.extend(SemanticVersion::parse(&format!("v{}", line.vers)).map(Version::Semantic));
    }
    Some(versions)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crates_file_is_where_cargo_looks_for_it() {
        for (name, expected) in [
            ("a", "1/a"),
            ("ab", "2/ab"),
            ("abc", "3/a/abc"),
            ("Serde_Json", "se/rd/serde_json"),
            ("toml", "to/ml/toml"),
        ] {
            assert_eq!(path(name), expected);
        }
    }

    #[test]
    fn a_withdrawn_version_counts_and_what_is_no_version_does_not() {
        let file = "{\"name\":\"x\",\"vers\":\"0.1.0\",\"yanked\":true,\"deps\":[]}\n\
                    {\"vers\":\"0.2.0-rc.1\"}\n{\"vers\":\"nightly\"}\n";
        let found = versions(file).expect("a crate's file");
        let found: Vec<&str> = found.iter().map(Version::as_str).collect();
        assert_eq!(found, ["v0.1.0", "v0.2.0-rc.1"]);
        assert_eq!(versions("<html>"), None);
        assert_eq!(versions("{}"), None);
    }
}
