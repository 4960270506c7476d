//! The addresses of counters, written and parsed.
//!
//! ```text
//! /counters/                     all programs
//! /counters/PROGRAM/             what a program may report
//! /counters/PROGRAM/index.json   the same for machines
//! /counters/PROGRAM/NAME         a counter or a stack counter
//! /counters/PROGRAM/NAME.json    the same for machines
//! /counters/PROGRAM/CHART        all counters with this name before the colon
//! ```
//!
//! Both programs and names have slashes, so an address is parsed with the programs that there are; of
//! several, the longest that fits is meant. A counter whose name cannot be in a path has no page: one with a
//! space, a percent sign or an empty element between slashes, which no reviewed definition can name, or with
//! more than [`LONGEST`] characters.

use crate::percent;

/// The root of all counters' addresses.
pub(in crate::web) const ROOT: &str = "/counters/";
/// The longest name that has a page, encoded.
const LONGEST: usize = 1024;

/// What an address refers to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Target<'a> {
    Programs,
    Program(&'a str),
    Json(&'a str),
    Name(&'a str, &'a str),
    /// The same address with a slash at its end.
    Elsewhere,
}

/// Parses what follows [`ROOT`], decoded. `None` if it begins with none of these programs.
pub(super) fn parse<'a>(
    path: &'a str,
    programs: impl Iterator<Item = &'a str>,
) -> Option<Target<'a>> {
    if path.is_empty() {
        return Some(Target::Programs);
    }
    let fits = |program: &&str| {
        let rest = path.strip_prefix(program);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    let program = programs.filter(fits).max_by_key(|program| program.len())?;
    let rest = path.strip_prefix(program)?;
    Some(match rest.strip_prefix('/') {
        None => Target::Elsewhere,
        Some("") => Target::Program(program),
        Some("index.json") => Target::Json(program),
        Some(name) => Target::Name(program, name),
    })
}

/// Text in an address.
fn encoded(text: &str) -> String {
    percent::encoded(text, |_, byte| byte.is_ascii_alphanumeric() || b"-._~+/:".contains(&byte))
}

/// The page of what a program may report.
pub(in crate::web) fn program(program: &str) -> String {
    format!("{ROOT}{}/", encoded(program))
}

/// The page of a counter; `None` if its name cannot be in an address.
pub(in crate::web) fn counter(program: &str, name: &str) -> Option<String> {
    let elements = || name.split('/');
    let plain = name.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'%' | b'\\'))
        && elements().all(|element| !matches!(element, "" | "." | ".."));
    let encoded_name = encoded(name);
    let fits = plain && encoded_name.len() <= LONGEST && name != "index.json";
    fits.then(|| format!("{ROOT}{}/{encoded_name}", encoded(program)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROGRAMS: [&str; 4] = ["example.org/a", "example.org/a/b", "cmd/go", "odd/~+x"];

    fn parsed(path: &str) -> Option<Target<'_>> {
        parse(path, PROGRAMS.into_iter())
    }

    #[test]
    fn addresses_are_parsed_back() {
        assert_eq!(parsed(""), Some(Target::Programs));
        for program in PROGRAMS {
            let below = |address: String| address.strip_prefix(ROOT).expect("the root").to_owned();
            assert_eq!(parsed(&below(super::program(program))), Some(Target::Program(program)));
            for name in ["gopls/client:vscode", "a", "crash/crash", "go/flag:-o.x_~"] {
                let address = below(counter(program, name).expect("a page"));
                assert_eq!(parsed(&address), Some(Target::Name(program, name)));
            }
        }
        assert_eq!(parsed("cmd/go"), Some(Target::Elsewhere));
        assert_eq!(parsed("cmd/go/index.json"), Some(Target::Json("cmd/go")));
        assert_eq!(parsed("cmd/gofmt/x"), None);
        assert_eq!(parsed("nobody/x"), None);
    }

    #[test]
    fn the_longest_program_is_meant() {
        assert_eq!(parsed("example.org/a/b"), Some(Target::Elsewhere));
        assert_eq!(parsed("example.org/a/b/c"), Some(Target::Name("example.org/a/b", "c")));
        assert_eq!(parsed("example.org/a/c"), Some(Target::Name("example.org/a", "c")));
    }

    #[test]
    fn names_are_encoded_or_have_no_page() {
        let address = counter("cmd/go", "latency:<10ms,\"x\"{?#&=").expect("a page");
        assert_eq!(address, "/counters/cmd/go/latency:%3C10ms%2C%22x%22%7B%3F%23%26%3D");
        let long = "a".repeat(LONGEST + 1);
        for name in ["a b", "100%", "a//b", "/a", "a/", "../a", ".", "é", "", "\n", "index.json"] {
            assert_eq!(counter("cmd/go", name), None, "{name:?}");
        }
        assert_eq!(counter("cmd/go", &long), None);
    }
}
