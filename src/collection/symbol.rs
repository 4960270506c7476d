//! The names of functions in Go and Rust programs.
//!
//! ```text
//! symbol    = path | "." path | "." | generated
//! path      = segment { "/" segment }
//! segment   = start { letter | digit | one of _ . - ~ + % ( ) * [ ] { } · | "::" }
//! start     = letter | digit | "_" | "{", and after a slash also one of ~ - +
//! generated = ( "type:.eq." | "type:.hash." ) type
//!           | "go:" [ "(*" ] ( "struct {" | "interface {" ) type
//!           | "go:" path
//! type      = { "[" number "]" | "*" } path | characters that can be printed, a part of a type in them
//! ```
//!
//! **Go** (cmd/compile `internal/types/fmt.go` and `internal/ir/func.go`, cmd/internal/objabi
//! `path.go`, cmd/link, runtime `traceback.go`) has the names of
//!
//! - functions in packages: `golang.org/x/tools/gopls/internal/cache.(*Session).NewView`, with
//!   bytes of the last element escaped (`gopkg.in/yaml%2ev3.Marshal`), users of a forge
//!   (`git.sr.ht/~alice/mail.Send`), closures (`main.f.func1.2`, `main.f-range1`, `main.f.gowrap1`,
//!   `glob..func1`), initialisers (`main.init.0`), bound methods (`main.T.M-fm`), types of functions
//!   (`main.(*T·1).M`), calls into C (`main._Cfunc_puts`) and code that the linker inserts
//!   (`runtime.duffzero+180-tramp0`);
//! - generic functions: the runtime prints `[...]` for whatever is between the first `[` and the last
//!   `]` of a name;
//! - functions without a package, which are written in assembly: `memeqbody`. In a report they have a dot
//!   before them, except in the first line of a stack: `.memeqbody`. And `.` is a function of which
//!   nothing is known;
//! - functions that the compiler generates for types and names after them: comparisons
//!   (`type:.eq.struct { io.Reader; Name string "json:\"name\"" }`, `type:.hash.[...]interface {}`),
//!   and methods that a type without a name gets from what it embeds
//!   (`go:(*struct { io.Reader; io.Closer }).Close`). Up to Go 1.19 they begin with `type..` and `go.`.
//!   Tags of fields are any text; and as `[...]` may stand for half a tag and half a structure, only the
//!   characters of such a type can be checked.
//!
//! **Rust** has the names that [`client::counter::stack`](crate) writes: paths such as
//! `myprog::build::run::{closure}`.
//!
//! No name has a control character, a line break, or a character that changes the direction of text. Some
//! names that Go could print are refused: those with folders that begin with a dot, which look like a
//! user's files; those that begin with `_/`, which is how Go writes a folder on the user's machine; and
//! those that C++ symbolizers write.

/// Whether this can be the name of a function.
pub(super) fn is_symbol(name: &str) -> bool {
    if name == "." {
        return true;
    }
    match generated(name) {
        Some(made_for) => is_type(made_for),
        None => {
            is_path(name.strip_prefix("go:").or_else(|| name.strip_prefix('.')).unwrap_or(name))
        }
    }
}

/// The canonical name of a function: without the dot before a function without a package; `.` for a
/// function without a name.
pub(super) fn canonical_name(name: &str) -> &str {
    match name.strip_prefix('.') {
        None if name.is_empty() => ".",
        None | Some("") => name,
        Some(rest) => rest,
    }
}

/// The type that the compiler generated a function for, if it did, or the method of a type without a name.
fn generated(name: &str) -> Option<&str> {
    const OF_TYPES: [&str; 4] = ["type:.eq.", "type:.hash.", "type..eq.", "type..hash."];
    if let Some(r#type) = OF_TYPES.iter().find_map(|prefix| name.strip_prefix(prefix)) {
        return Some(r#type);
    }
    let of_go = name.strip_prefix("go:").or_else(|| name.strip_prefix("go."))?;
    let without_name = of_go.strip_prefix("(*").unwrap_or(of_go);
    let is_type = ["struct {", "interface {"].iter().any(|start| without_name.starts_with(start));
    is_type.then_some(of_go)
}

/// Whether Go could print this for a type: a composed one, perhaps shortened by the runtime, or a name,
/// perhaps of an array's elements.
fn is_type(text: &str) -> bool {
    const COMPOSED: [&str; 5] = ["struct {", "interface {", "chan ", "func(", "[...]"];
    if COMPOSED.iter().any(|part| text.contains(part)) {
        return !text.starts_with(' ') && !text.ends_with(' ') && text.chars().all(is_printable);
    }
    is_path(text.trim_start_matches(|c: char| "[]*".contains(c) || c.is_ascii_digit()))
}

/// Whether a character is visible and does not move others: not one that Rust would escape (controls,
/// formatting, separators, unassigned ones).
fn is_printable(c: char) -> bool {
    match c {
        ' '..='~' => true,
        _ => !c.is_ascii() && (c.is_alphanumeric() || c.escape_debug().len() == 1),
    }
}

fn is_path(path: &str) -> bool {
    !path.starts_with("_/")
        && path.split('/').enumerate().all(|(at, segment)| {
            let start = if at == 0 { "_{" } else { "_{~-+" };
            segment.starts_with(|c: char| c.is_alphanumeric() || start.contains(c))
                && is_segment(segment)
        })
}

fn is_segment(segment: &str) -> bool {
    let mut rest = segment;
    while let Some((before, after)) = rest.split_once(':') {
        match after.strip_prefix(':') {
            Some(after) if !before.is_empty() && !after.is_empty() => rest = after,
            _ => return false,
        }
    }
    segment.chars().all(|c| c.is_alphanumeric() || "_.-~+%()*[]{}·:".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;
    use std::process::Command;

    #[test]
    fn function_names_of_go_and_rust_are_symbols() {
        for name in [
            "main.main",
            "golang.org/x/tools/gopls/internal/cache.(*Session).NewView",
            "gopkg.in/yaml%2ev3.(*parser).parse.func1.2",
            "git.sr.ht/~alice/mail.Send",
            "example.org/-/+x.F",
            "example.org/list.(*List[...]).Push",
            "cmd/go/internal/auth.init.OnceValues[...].func2.1",
            "main.(*T).Close-fm",
            "main.F-range1",
            "main.F.func1.gowrap2",
            "main.F.deferwrap1",
            "main.init.0",
            "main.map.init.0",
            "main.(*T·1).String",
            "main.größe",
            "main._Cfunc_puts",
            "_cgoexp_0123456789ab_goCallback",
            "runtime/cgo(.text)",
            "plugin/unnamed-4dc8a6f0.Open",
            "runtime.duffzero+180-tramp0",
            "glob..func1",
            "_rt0_amd64_linux",
            "memeqbody",
            ".memeqbody",
            ".",
            "runtime.",
            "type:.eq.main.T",
            "type:.eq.[2]interface {}",
            "type:.hash.[...]interface {}",
            "type:.hash.struct { A interface {}; B string }",
            "type:.eq.struct { Log struct { R int64 \"xml:\\\"r,attr\\\"\" } \"xml:\\\"log\\\"\" }",
            "type:.eq.struct { Name string \"comment:\\\"用户名，必填\\\"\" }",
            "type:.eq.[...]B; C string }",
            "type:.eq.<-chan int",
            "type:.eq.go.shape.struct { net/netip.isV6 bool; net/netip.zoneV6 string }",
            "type..eq.struct { A string }",
            "go:(*struct { io.Reader; io.Closer }).Close",
            "go:struct { go/types.Type }.String",
            "go.struct { go/types.Type }.String",
            "go:interface { F() }.F-fm",
            "go:textfipsstart",
            "myprog::build::run",
            "myprog::main::{closure}",
            "{closure}",
        ] {
            assert!(is_symbol(name), "{name}");
        }
    }

    #[test]
    fn anything_else_is_not_a_symbol() {
        for name in [
            "",
            " ",
            "..",
            "../secret",
            "./main",
            "/home/alice/src/main",
            "~/notes",
            "home/.ssh/id",
            "_/home/alice/project.main",
            "C:/Users/alice/main",
            "a//b.c",
            "a/",
            "a secret word",
            "alice@example.org",
            "\"",
            "a:b",
            "a::",
            "::a",
            "a:::b",
            "<T as U>::f",
            "type:.eq.",
            "type:.eq.the password is x",
            "type:.eq. struct { A int }",
            "type:.eq.struct { A int }\n",
            "type:.eq.struct { A int \"\u{202e}\" }",
            "type:.eq.struct { A int \"\u{200b}\" }",
            "type:.eq.struct { A int \"\u{feff}\u{2028}\" }",
            "type:.eq.struct { A int \"\u{7f}\" }",
            "type:.other.struct { A int }",
            "type:.eq./home/alice/x",
            "type:.eq.[2]",
            "go:a secret word",
            "go:/home/alice/x",
            "go.a secret word",
            "struct { A int }.F",
        ] {
            assert!(!is_symbol(name), "{name:?}");
        }
    }

    #[test]
    fn a_function_has_one_name() {
        for (name, one) in [
            ("", "."),
            (".", "."),
            (".memeqbody", "memeqbody"),
            ("memeqbody", "memeqbody"),
            ("glob..func1", "glob..func1"),
        ] {
            assert_eq!(canonical_name(name), one, "{name}");
        }
    }

    /// The same as runtime.funcNameForPrint.
    fn printed(name: &str) -> String {
        match (name.find('['), name.rfind(']')) {
            (Some(from), Some(to)) if to > from => {
                format!("{}[...]{}", &name[..from], &name[to + 1..])
            }
            _ => name.to_owned(),
        }
    }

    #[test]
    fn every_function_of_gos_own_programs_is_a_symbol() {
        let go = |arguments: &[&str]| {
            let output = Command::new("go").args(arguments).output().expect("install Go");
            assert!(output.status.success(), "go {arguments:?}");
            String::from_utf8(output.stdout).expect("text")
        };
        let root = go(&["env", "GOROOT"]);
        let tools = go(&["env", "GOTOOLDIR"]);
        let program = format!("{}/bin/go", root.trim());
        let compiler = format!("{}/compile", tools.trim());
        let mut names = BTreeSet::new();
        for binary in [program, compiler] {
            for line in go(&["tool", "nm", &binary]).lines() {
                // Address, kind and name; a name may have spaces in it.
                let mut columns = line.trim_start().splitn(3, ' ');
                let (_, kind, name) = (columns.next(), columns.next(), columns.next());
                if let (Some("T" | "t"), Some(name)) = (kind, name) {
                    names.insert(name.to_owned());
                }
            }
        }
        assert!(names.len() > 20_000, "{}", names.len());
        assert!(names.iter().any(|name| name.starts_with("type:.eq.struct {")));
        assert!(names.iter().any(|name| name.starts_with("go:(*struct {")));
        for name in names {
            let printed = printed(&name);
            assert!(is_symbol(&printed), "{printed}");
            assert!(printed.len() <= crate::collection::frame::MAX_FRAME, "{printed}");
        }
    }

    proptest! {
        #[test]
        fn no_symbol_breaks_a_line_or_turns_it(
            start in "(type:\\.eq\\.struct \\{ |go:struct \\{ |main\\.|)",
            text in "(\\PC|\\pC){0,12}",
        ) {
            let name = start + &text;
            let bad = |c: char| {
                c.is_control()
                    || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
                        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{e000}'..='\u{f8ff}')
            };
            prop_assert!(!is_symbol(&name) || !name.contains(bad), "{:?}", name);
        }
    }
}
