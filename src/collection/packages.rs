//! Packages: whose functions may be named in a stack.
//!
//! The [frame grammar](super::frame) limits the shape of a frame, not its meaning, so anyone can
//! send words that look like functions. A stack chart may therefore list the packages that its
//! program is made of. One or more successive frames of any other package become one line
//! [`OTHER_PACKAGES`].
//!
//! An entry is the path of a Go package or module, or the name of a Rust crate:
//!
//! | entry | names functions of |
//! | --- | --- |
//! | `golang.org/x/tools` | the package of this path, and those below it, element by element |
//! | `serde_json`, `serde-json` | the crate |
//! | `std` | the standard library: Go's packages as `go list std` has them, and Rust's crates `std`, `core`, `alloc` and those that come with them |
//!
//! The standard library may only be named if it is listed: as a whole, or by package (`runtime`,
//! `net/http`, `core`). Go calls the package of a program's `main` function `main`, whatever its path; it
//! may be named if the program's path may.
//!
//! How a frame names its package:
//!
//! - **Go** writes the path, whose last element is escaped, a dot, and the function:
//!   `gopkg.in/yaml%2ev3.(*parser).parse.func1` is in `gopkg.in/yaml.v3`. Closures, methods and generic
//!   functions (`slices.SortFunc[...]`) follow the same dot. A function that the compiler generates to
//!   compare a type is in that type's package (`type:.eq.example.org/p.T`).
//! - **Rust** writes a path that begins with the crate: `candor::ingest::check::{closure}`.
//!
//! After the package only names of the language are allowed: with a slash or a second address there, it is
//! not a function. Functions without a package belong to no listed package: those written in assembly or C
//! (`memeqbody`, `start_thread`), and those that Go's compiler generates for types without a name, which
//! may hold any text. A frame of which nothing is known, `.` or `unknown`, stays as it is.
//!
//! A limit: a made-up function of a listed package looks like any other.

use super::frame::{self, OTHER_PACKAGES, TRUNCATED};
use crate::import_path::is_within;
use crate::percent;

/// The entry that stands for the standard library of either language.
pub const STANDARD: &str = "std";

/// The first elements of the paths of Go's standard library.
const GO_STANDARD: &[&str] = &[
    "archive",
    "bufio",
    "bytes",
    "cmp",
    "compress",
    "container",
    "context",
    "crypto",
    "database",
    "debug",
    "embed",
    "encoding",
    "errors",
    "expvar",
    "flag",
    "fmt",
    "go",
    "hash",
    "html",
    "image",
    "index",
    "internal",
    "io",
    "iter",
    "log",
    "maps",
    "math",
    "mime",
    "net",
    "os",
    "path",
    "plugin",
    "reflect",
    "regexp",
    "runtime",
    "simd",
    "slices",
    "sort",
    "strconv",
    "strings",
    "structs",
    "sync",
    "syscall",
    "testing",
    "text",
    "time",
    "unicode",
    "unique",
    "unsafe",
    "weak",
];
/// The packages that Go's standard library vendors.
const GO_VENDORED: &str = "vendor/golang.org/x";
/// The crates of Rust's standard library.
const RUST_STANDARD: &[&str] =
    &["std", "core", "alloc", "proc_macro", "test", "panic_unwind", "panic_abort", "std_detect"];

/// Frames of which a client knows nothing: of Go's and of ours.
const UNKNOWN: [&str; 2] = [".", "unknown"];

/// The packages whose functions a stack of one program may name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packages {
    entries: Vec<String>,
    /// Whether the package that Go calls `main` is one of these.
    main: bool,
}

impl Packages {
    /// These entries, for stacks of the program with this path.
    pub fn new(entries: &[String], program: &str) -> Packages {
        let main = entries.iter().any(|entry| is_within(program, entry));
        Packages { entries: entries.to_vec(), main }
    }

    /// What is kept of a stack's frames, which are in canonical form.
    pub fn restrict(&self, frames: &str) -> String {
        let mut kept = String::with_capacity(frames.len());
        let mut last = "";
        for frame in frames.split('\n') {
            let line = match frame == TRUNCATED || self.may_name(frame::function(frame)) {
                true => frame,
                false => OTHER_PACKAGES,
            };
            if line == OTHER_PACKAGES && last == OTHER_PACKAGES {
                continue;
            }
            if !kept.is_empty() {
                kept.push('\n');
            }
            kept.push_str(line);
            last = line;
        }
        kept
    }

    /// Whether this function may be named.
    pub fn may_name(&self, function: &str) -> bool {
        if UNKNOWN.contains(&function) {
            return true;
        }
        match Package::of(function) {
            None => false,
            Some(Package::Crate(name)) => self.entries.iter().any(|entry| {
                entry.replace('-', "_") == name
                    || (entry == STANDARD && RUST_STANDARD.contains(&name))
            }),
            Some(Package::Path(path)) => {
                (self.main && path == "main")
                    || self.entries.iter().any(|entry| match entry.as_str() {
                        STANDARD => is_go_standard(&path),
                        entry => is_within(&path, entry),
                    })
            }
        }
    }
}

/// What a function belongs to.
#[derive(Debug, PartialEq, Eq)]
enum Package<'f> {
    /// A Rust crate.
    Crate(&'f str),
    /// The path of a Go package.
    Path(String),
}

impl Package<'_> {
    fn of(function: &str) -> Option<Package<'_>> {
        if let Some((name, path)) = function.split_once("::")
            && !function.starts_with("type:")
        {
            let is_segment = |text: &str| {
                !text.is_empty() && text.chars().all(|c| c.is_alphanumeric() || "_{}".contains(c))
            };
            let is_path = is_segment(name) && path.split("::").all(is_segment);
            return is_path.then_some(Package::Crate(name));
        }
        go_package(function).map(Package::Path)
    }
}

/// The path of the package that a Go function is in.
fn go_package(function: &str) -> Option<String> {
    const OF_TYPES: [&str; 4] = ["type:.eq.", "type:.hash.", "type..eq.", "type..hash."];
    let of_type = OF_TYPES.iter().find_map(|prefix| function.strip_prefix(prefix));
    let name = match of_type {
        // An array of a type is in the type's package.
        Some(name) => name.trim_start_matches(|c: char| "[]*".contains(c) || c.is_ascii_digit()),
        None => function,
    };
    // The path ends before any character that only a function can have; slashes after it do not count.
    let path = name.split(['(', '[', '{']).next().unwrap_or(name);
    let element = path.rfind('/').map_or(0, |slash| slash + 1);
    let dot = element + name.get(element..)?.find('.')?;
    let (package, rest) = (name.get(..dot)?, name.get(dot + 1..)?);
    if package.is_empty() || !is_go_function(rest) {
        return None;
    }
    percent::decoded(package)
}

/// Whether this can follow a package and its dot.
fn is_go_function(rest: &str) -> bool {
    // As in `Close-fm`, `F-range1` and `duffzero+180-tramp0`.
    const SUFFIXES: [&str; 3] = ["fm", "range", "tramp"];
    let suffixes = rest.split('-').skip(1);
    rest.chars().all(|c| c.is_alphanumeric() || "_.()*[]·+-".contains(c))
        && suffixes.into_iter().all(|part| SUFFIXES.iter().any(|suffix| part.starts_with(suffix)))
}

fn is_go_standard(path: &str) -> bool {
    let first = path.split('/').next().unwrap_or(path);
    GO_STANDARD.contains(&first) || is_within(path, GO_VENDORED)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn packages(entries: &[&str], program: &str) -> Packages {
        let entries: Vec<String> = entries.iter().map(|entry| (*entry).to_owned()).collect();
        Packages::new(&entries, program)
    }

    #[test]
    fn functions_of_the_packages_are_named_and_no_others() {
        let tools = packages(
            &["golang.org/x/tools", "gopkg.in/yaml.v3", "net/http"],
            "golang.org/x/tools/gopls",
        );
        for named in [
            "golang.org/x/tools.F",
            "golang.org/x/tools/gopls/internal/cache.(*Session).NewView",
            "golang.org/x/tools/gopls/internal/cache.(*Session).NewView.func1.2",
            "golang.org/x/tools/gopls/internal/util.Map[...]",
            "golang.org/x/tools/gopls/internal/util.(*List[...]).Push-fm",
            "golang.org/x/tools/gopls/internal/cache.init.0",
            "golang.org/x/tools/gopls/internal/cache.F-range1.func2",
            "gopkg.in/yaml%2ev3.(*parser).parse",
            "net/http.(*conn).serve",
            "net/http/httptest.NewServer",
            "type:.eq.golang.org/x/tools/gopls.T",
            "type:.hash.[2]golang.org/x/tools/gopls.T",
            "main.main",
            "main.(*T).Close-fm",
            "unknown",
            ".",
        ] {
            assert!(tools.may_name(named), "{named}");
        }
        for other in [
            "visit-evil.example/free-pills::now",
            "visit-evil.example/free-pills.now",
            "golang.org/x/toolsmith.F",
            "golang.org/x.F",
            "golang.org/x/tools",
            "golang.org/x/tools.visit-evil.example/free-pills::now",
            "golang.org/x/tools.visit-evil.example/free-pills.now",
            "golang.org/x/tools.visit-evil",
            "golang.org/x/tools.F[visit-evil.example/free-pills::now]",
            "golang.org/x/tools.F[visit-evil.example/free-pills.now]",
            "golang.org/x/tools.F{visit-evil.example/free-pills.now}",
            "golang.org/x/tools::F",
            "gopkg.in/yaml.v3.F",
            "gopkg.in/yaml%2.F",
            "gopkg.in/yaml%zzv3.F",
            "netx.F",
            "net.F",
            "runtime.gopanic",
            "std::panicking::begin_panic",
            "memeqbody",
            "start_thread",
            "go:(*struct { golang.org/x/tools/gopls.T }).visit-evil",
            "type:.eq.struct { golang.org/x/tools/gopls.T \"json:\\\"visit evil\\\"\" }",
            "type:.eq.golang.org/x/tools.struct { visit evil }",
            "main::main",
            "{closure}",
            "",
        ] {
            assert!(!tools.may_name(other), "{other}");
        }
    }

    #[test]
    fn crates_are_named_whole() {
        let candor = packages(&["candor", "serde-json", "core"], "candor");
        for named in [
            "candor::run",
            "candor::ingest::check::{closure}",
            "serde_json::de::from_str",
            "core::ops::function::FnOnce::call_once",
        ] {
            assert!(candor.may_name(named), "{named}");
        }
        for other in [
            "candor2::run",
            "serde::de::from_str",
            "alloc::vec::Vec::push",
            "candor::visit-evil.example::now",
            "candor::evil/free-pills::now",
            "evil/candor::run",
            "candor",
        ] {
            assert!(!candor.may_name(other), "{other}");
        }
    }

    #[test]
    fn the_standard_library_is_named_where_it_is_listed() {
        let names = [
            "runtime.gopanic",
            "net/http.(*conn).serve",
            "vendor/golang.org/x/net/http2.F",
            "internal/runtime/maps.(*Map).Delete",
            "slices.SortFunc[...]",
            "std::thread::spawn",
            "core::option::unwrap_failed",
            "alloc::vec::Vec::push",
        ];
        let (with, without) = (packages(&["p", "std"], "p"), packages(&["p"], "p"));
        for name in names {
            assert!(with.may_name(name) && !without.may_name(name), "{name}");
        }
        for name in
            ["vendor/evil.example/x.F", "vendor.F", "evil.F", "stdx::f", "std.F", "std/evil.F"]
        {
            assert!(!with.may_name(name), "{name}");
        }
    }

    #[test]
    fn main_is_the_programs_own_package() {
        for (entries, program, named) in [
            (&["example.org/p"][..], "example.org/p/cmd/tool", true),
            (&["example.org/p"], "example.org/q", false),
            (&["main"], "example.org/q", true),
            (&["std"], "example.org/q", false),
        ] {
            let packages = packages(entries, program);
            assert_eq!(packages.may_name("main.main"), named, "{entries:?} {program}");
        }
    }

    #[test]
    fn successive_frames_of_other_packages_become_one_line() {
        let packages = packages(&["a", "b"], "p");
        for (frames, kept) in [
            ("a.f:+1\nb::g:=2", "a.f:+1\nb::g:=2"),
            (
                "a.f:+1\nevil.g:+7\nevil.h\nb::g:=2\nevil.i",
                "a.f:+1\n(other packages)\nb::g:=2\n(other packages)",
            ),
            ("evil.g:+7\nevil.h:+8", "(other packages)"),
            ("evil.g:+7\nevil.h:+8\ntruncated", "(other packages)\ntruncated"),
            ("truncated", "truncated"),
            ("unknown", "unknown"),
            (".:=0,+0x0\na.f", ".:=0,+0x0\na.f"),
        ] {
            assert_eq!(packages.restrict(frames), kept, "{frames:?}");
        }
    }

    proptest! {
        #[test]
        fn no_chosen_text_passes_but_below_a_listed_package(
            before in "[a-z./:()*\\[\\]{}%-]{0,12}",
            after in "[a-z./:()*\\[\\]{}%-]{0,12}",
        ) {
            let packages = packages(&["example.org/p", "candor", "std"], "example.org/p");
            let function = format!("{before}evil.example/pills{after}");
            if packages.may_name(&function) {
                let below = ["example.org/p/", "std/", "candor/"].iter().any(|p| before.starts_with(p));
                let first = before.split('/').next().unwrap_or_default();
                prop_assert!(below || is_go_standard(first) || before.starts_with("type:"), "{}", function);
            }
        }

        #[test]
        fn restricting_twice_is_restricting_once(
            frames in proptest::collection::vec(proptest::sample::select(&["a.f:+1", "evil.g:+7", "b::g", "truncated", "unknown"][..]), 1..9),
        ) {
            let packages = packages(&["a", "b"], "p");
            let once = packages.restrict(&frames.join("\n"));
            // The line itself belongs to no package.
            prop_assert_eq!(packages.restrict(&once), once);
        }
    }
}
