//! The tags of a git repository, as its server lists them to everyone who is about to fetch
//! (<https://git-scm.com/docs/http-protocol>): one request, and nothing is downloaded but the list.

use crate::charts::version::{SemanticVersion, Version};
use crate::charts::version_source::TagPattern;

/// The path of the list, below the repository's address.
pub const PATH: &str = "info/refs?service=git-upload-pack";

/// The names of the tags in a server's list; `None` if it is not one.
pub fn names(list: &[u8]) -> Option<Vec<String>> {
    let (first, rest) = packet(list)?;
    first?.starts_with(b"# service=git-upload-pack").then_some(())?;
    let mut names = Vec::new();
    let mut rest = rest;
    while !rest.is_empty() {
        let (line, after) = packet(rest)?;
        rest = after;
        let Some(line) = line else { continue };
        // After the first name comes what the server can do.
        let line = line.split(|b| *b == 0 || *b == b'\n').next().unwrap_or_default();
        let Ok(line) = str::from_utf8(line) else { continue };
        let Some((_, name)) = line.split_once(' ') else { continue };
        // `^{}` is the commit of a tag that is an object of its own.
        names.extend(
            name.strip_prefix("refs/tags/").filter(|tag| !tag.ends_with("^{}")).map(str::to_owned),
        );
    }
    Some(names)
}

/// The first packet, which may be empty, and what follows: four hexadecimal digits say how long it is, with
/// themselves.
fn packet(bytes: &[u8]) -> Option<(Option<&[u8]>, &[u8])> {
    let (length, rest) = bytes.split_at_checked(4)?;
    let length = usize::from_str_radix(str::from_utf8(length).ok()?, 16).ok()?;
    match length {
        0 => Some((None, rest)),
        _ => rest.split_at_checked(length.checked_sub(4)?).map(|(line, rest)| (Some(line), rest)),
    }
}

/// The versions that tags name.
pub fn versions(tags: &[String], pattern: &TagPattern) -> Vec<Version> {
    let parse = |tag: &String| SemanticVersion::parse(&format!("v{}", pattern.version(tag)?));
    tags.iter().filter_map(parse).map(Version::Semantic).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "001e# service=git-upload-pack\n0000";

    fn line(text: &str) -> String {
        format!("{:04x}{text}", text.len() + 4)
    }

    #[test]
    fn a_servers_list_has_each_tag_once() {
        let id = "0".repeat(40);
        let list = [
            HEAD.to_owned(),
            line(&format!("{id} HEAD\0multi_ack agent=git/2\n")),
            line(&format!("{id} refs/heads/v9.9.9\n")),
            line(&format!("{id} refs/tags/v1.2.0\n")),
            line(&format!("{id} refs/tags/v1.2.0^{{}}\n")),
            line(&format!("{id} refs/tags/gopls/v0.1.0\n")),
            "0000".to_owned(),
        ];
        let tags = names(list.concat().as_bytes()).expect("a list");
        assert_eq!(tags, ["v1.2.0", "gopls/v0.1.0"]);
        let found = versions(&tags, &TagPattern::default());
        assert_eq!(found.iter().map(Version::as_str).collect::<Vec<_>>(), ["v1.2.0"]);
        let gopls = TagPattern { before: "gopls/".into(), after: String::new() };
        let found = versions(&tags, &gopls);
        assert_eq!(found.iter().map(Version::as_str).collect::<Vec<_>>(), ["v0.1.0"]);
    }

    #[test]
    fn an_empty_repository_has_no_tags() {
        let list =
            format!("{HEAD}{}0000", line(&format!("{} capabilities^{{}}\0x\n", "0".repeat(40))));
        assert_eq!(names(list.as_bytes()), Some(Vec::new()));
    }

    #[test]
    fn anything_else_is_no_list() {
        for bad in
            ["", "<html></html>", "0000", "001e# service=git-upload-pack", "0003", "zzzz", "001e"]
        {
            assert_eq!(names(bad.as_bytes()), None, "{bad:?}");
        }
        for cut in ["00", "0005", "0003", "ffff", "-001", "é"] {
            assert_eq!(names(format!("{HEAD}{cut}").as_bytes()), None, "{cut:?}");
        }
    }
}
