//! Stack counters: how often something happened, by call stack.
//!
//! A stack is stored as in golang/telemetry (`internal/counter/stackcounter.go`): the counter's name, then
//! one frame a line, innermost call first. [`crate::collection::frame`] is the grammar of frames. Ours
//! are made from Rust's backtraces:
//!
//! - `myprog::build::run:=42`: the function's path and the line in its file. No file, folder, address or
//!   value. Without line tables in the program: `myprog::build::run`.
//! - Generic arguments are removed, and so is the hash that the compiler adds; `<T as Trait>::method`
//!   becomes `T::method`, or `Trait::method` if `T` has no path; all closures are `{closure}`. So a
//!   function has one name, whichever mangling the compiler uses.
//! - Frames above the program's own call (of panics and of this crate) and below its `main` or its
//!   threads' functions are left out.
//!
//! The source is the text of [`Backtrace`] rather than the `backtrace` crate: a program has that code
//! already, and the crate would add nine more and a second copy of it. Rust does not guarantee the text's
//! format; but only what matches the frame grammar passes, so a change of format can lose stacks but not
//! privacy, and a test would notice it.

use super::layout::MAX_NAME;
use super::memory_limit;
use super::name::is_counter_name;
use super::recorder::{RECORDER, Recorder};
use crate::collection::frame::{TRUNCATED, is_frame};
use std::backtrace::Backtrace;

/// The only frame of an unknown stack: the program has no symbols, or too little memory to read them.
const UNKNOWN: &str = "unknown";

/// A counter that counts each call stack separately.
///
/// Counting unwinds the stack and reads the program's symbols, which takes up to milliseconds: it is for
/// things that should not happen.
///
/// It also takes as much memory as the program's debug information. If a limit of the process
/// (`RLIMIT_AS`, `RLIMIT_DATA`) leaves less than a GiB plus twice the program's size, stacks are not
/// captured: all are counted as one, whose only frame is `unknown`.
///
/// ```
/// use candor::client::counter::StackCounter;
///
/// static BUG: StackCounter = StackCounter::new("myprog/bug", 16);
///
/// fn impossible() {
///     BUG.inc();
/// }
/// # impossible();
/// ```
#[derive(Debug)]
pub struct StackCounter {
    name: &'static str,
    depth: usize,
}

impl StackCounter {
    /// A counter with this name, which keeps this many frames of each stack.
    pub const fn new(name: &'static str, depth: usize) -> StackCounter {
        StackCounter { name, depth }
    }

    /// Counts the stack of the caller. Never fails, and does nothing if counting is off.
    pub fn inc(&self) {
        if !RECORDER.has_stopped() {
            count(&RECORDER, self.name, &callers(self.depth));
        }
    }
}

/// At most this many frames of the calls that led here. Empty if they are unknown, or there is too little
/// memory to find out.
pub(in crate::client) fn callers(depth: usize) -> Vec<String> {
    if !memory_limit::allows_stacks() {
        return Vec::new();
    }
    frames(&Backtrace::force_capture().to_string(), depth)
}

/// Counts a stack once.
pub(super) fn count(
    recorder: &'static Recorder,
    name: &str,
    frames: &[String],
) -> Option<&'static super::recorder::Entry> {
    if !is_counter_name(name) {
        return None;
    }
    let entry = recorder.entry(&stored_name(name, frames))?;
    entry.add(1);
    Some(entry)
}

/// The stored name of a stack. If not all frames fit, the last line says so.
fn stored_name(name: &str, frames: &[String]) -> String {
    let unknown = [UNKNOWN.to_owned()];
    let frames = if frames.is_empty() { &unknown } else { frames };
    let mut stored = name.to_owned();
    for (number, frame) in frames.iter().enumerate() {
        let is_last = number + 1 == frames.len();
        let reserve = if is_last { 0 } else { TRUNCATED.len() + 1 };
        if stored.len() + 1 + frame.len() + reserve > MAX_NAME {
            stored.truncate(MAX_NAME - TRUNCATED.len() - 1);
            return format!("{stored}\n{TRUNCATED}");
        }
        stored.push('\n');
        stored.push_str(frame);
    }
    stored
}

/// At most this many of the program's own frames in a backtrace.
fn frames(backtrace: &str, depth: usize) -> Vec<String> {
    let mut calls: Vec<Call> = Vec::new();
    for line in backtrace.lines().map(str::trim_start) {
        match line.strip_prefix("at ") {
            // FILE:LINE:COLUMN, where FILE may have colons. Only the line is used.
            Some(location) => {
                let number = location.rsplit(':').nth(1).and_then(|line| line.parse().ok());
                if let Some(call) = calls.last_mut() {
                    call.line = number;
                }
            }
            None => {
                let number_ends = line.find(|c: char| !c.is_ascii_digit()).unwrap_or(0);
                let symbol = line[number_ends..].strip_prefix(": ").unwrap_or(line);
                calls.push(Call { function: function_path(symbol), line: None });
            }
        }
    }
    // In a panic, the call that caused it is below this function.
    let begun = calls.iter().position(|call| call.function.contains("rust_begin_unwind"));
    let above = begun.map_or(0, |at| at + 1);
    let is_program = |call: &Call| !MACHINERY.iter().any(|start| call.function.starts_with(start));
    let is_below = |call: &Call| {
        call.function.contains(BELOW)
            || C_RUNTIME.contains(&call.function.as_str())
            || call.function.starts_with("__libc_start_")
    };
    let end = calls.iter().position(is_below).unwrap_or(calls.len());
    calls.truncate(end);
    let own = calls.iter().skip(above).skip_while(|call| !is_program(call));
    // A line without a function is useless.
    let own = own.filter(|call| !call.function.is_empty());
    let frames = own.map(|call| match call.line {
        Some(line) => format!("{}:={line}", call.function),
        None => call.function.clone(),
    });
    frames.filter(|frame| is_frame(frame)).take(depth).collect()
}

/// Frames above the program's own call.
const MACHINERY: &[&str] = &[
    "std::backtrace",
    "std::panicking",
    "core::panicking",
    "std::panic::panic_any",
    "candor::client::counter::stack::",
    "candor::client::crash::",
];

/// Below this function of the standard library there is no frame of the program.
const BELOW: &str = "__rust_begin_short_backtrace";

/// What the C library calls a program or a thread from. It may have names where the program has none; then nothing
/// of the stack is known.
const C_RUNTIME: [&str; 9] = [
    "_start",
    "start",
    "start_thread",
    "thread_start",
    "_pthread_start",
    "clone",
    "__clone",
    "clone3",
    "__clone3",
];

struct Call {
    function: String,
    line: Option<u32>,
}

/// A symbol printed by Rust, as a plain path. Empty if it has no name.
fn function_path(symbol: &str) -> String {
    let symbol = symbol.split(".llvm.").next().unwrap_or_default();
    if symbol.starts_with("<unknown>") || symbol.len() > 4 * MAX_NAME {
        return String::new();
    }
    let symbol = match symbol.rsplit_once("::h") {
        Some((path, hash)) if hash.len() == 16 && hash.bytes().all(|b| b.is_ascii_hexdigit()) => {
            path
        }
        _ => symbol,
    };
    let mut path = String::with_capacity(symbol.len());
    let mut rest = symbol;
    while let Some(next) = rest.chars().next() {
        rest = match next {
            '<' => {
                let (inner, after) = group(rest, '<', '>');
                if path.is_empty() {
                    path.push_str(&qualified_path(inner));
                } else if path.ends_with("::") {
                    // `path::<arguments>`, or `path::<impl Trait for Type>`.
                    path.truncate(path.len() - 2);
                }
                after
            }
            '{' => {
                let (inner, after) = group(rest, '{', '}');
                let kind = if inner.contains("shim") { "shim" } else { inner };
                let kind = kind.trim_start_matches('{');
                let kind = kind.split(|c: char| !c.is_alphabetic()).next().unwrap_or_default();
                if !path.is_empty() && !path.ends_with("::") {
                    path.push_str("::");
                }
                path.push('{');
                path.push_str(kind);
                path.push('}');
                after
            }
            other => {
                if other.is_alphanumeric() || other == '_' || other == ':' {
                    path.push(other);
                }
                &rest[other.len_utf8()..]
            }
        };
    }
    path.trim_start_matches(':').to_owned()
}

/// The text between the first character, which opens a group, and the one that closes it; and the text
/// after that. The `>` of `->` closes nothing.
fn group(text: &str, opens: char, closes: char) -> (&str, &str) {
    let (mut depth, mut before) = (0_usize, ' ');
    for (at, c) in text.char_indices() {
        if c == opens {
            depth += 1;
        } else if c == closes && before != '-' {
            depth -= 1;
        }
        if depth == 0 {
            return (&text[opens.len_utf8()..at], &text[at + c.len_utf8()..]);
        }
        before = c;
    }
    (&text[opens.len_utf8()..], "")
}

/// The path of `Type` or `Type as Trait`: that of the type if it has one, otherwise that of the trait.
fn qualified_path(inner: &str) -> String {
    let mut depth = 0_i32;
    let as_at = inner.char_indices().find_map(|(at, c)| {
        depth += i32::from(matches!(c, '<' | '(' | '[')) - i32::from(matches!(c, '>' | ')' | ']'));
        (depth == 0 && inner[at..].starts_with(" as ")).then_some(at)
    });
    let (of, r#trait) = as_at.map_or((inner, ""), |at| (&inner[..at], &inner[at + " as ".len()..]));
    let mut of = of;
    while let Some(shorter) =
        ["&", "*const ", "*mut ", "mut ", "dyn "].iter().find_map(|p| of.strip_prefix(p))
    {
        of = shorter;
    }
    let of = of.split(" + ").next().unwrap_or(of);
    let has_path = of.starts_with(|c: char| c.is_alphabetic() || c == '_' || c == '<');
    function_path(if has_path { of } else { r#trait })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn symbols_become_plain_paths() {
        for (symbol, path) in [
            ("a::inner", "a::inner"),
            ("a::inner::h0123456789abcdef", "a::inner"),
            ("a::inner.llvm.1234567", "a::inner"),
            ("<a::S as a::T>::go::{{closure}}", "a::S::go::{closure}"),
            ("<a::S as a::T>::go::{closure#0}", "a::S::go::{closure}"),
            ("a::inner::<<a::S as a::T>::go::{closure#0}>", "a::inner"),
            ("<[i32] as a::T>::go", "a::T::go"),
            ("<(A, B) as a::T>::go", "a::T::go"),
            ("<&mut F as core::ops::FnOnce<()>>::call_once", "F::call_once"),
            (
                "<alloc::boxed::Box<F,A> as core::ops::function::Fn<Args>>::call",
                "alloc::boxed::Box::call",
            ),
            (
                "<alloc::boxed::Box<dyn Fn() -> u8 + Send> as Fn<()>>::call",
                "alloc::boxed::Box::call",
            ),
            ("<dyn core::any::Any + Send>::is::<u8>", "core::any::Any::is"),
            ("core::option::Option<T>::unwrap", "core::option::Option::unwrap"),
            ("<core::option::Option<i32>>::unwrap", "core::option::Option::unwrap"),
            (
                "core::slice::index::<impl core::ops::Index<I> for [T]>::index",
                "core::slice::index::index",
            ),
            (
                "core::ops::function::FnOnce::call_once{{vtable.shim}}",
                "core::ops::function::FnOnce::call_once::{shim}",
            ),
            (
                "<a::b<C>::{closure#1} as F<()>>::call_once::{shim:vtable#0}",
                "a::b::{closure}::call_once::{shim}",
            ),
            ("start_thread", "start_thread"),
            ("<unknown>", ""),
            ("<[T]>::sort", "sort"),
            ("", ""),
        ] {
            assert_eq!(function_path(symbol), path, "{symbol}");
        }
    }

    const PANIC: &str = "   0: candor::client::crash::count
             at /home/alice/candor/src/client/crash.rs:30:9
   1: std::panicking::panic_with_hook
             at /rustc/0/library/std/src/panicking.rs:833:13
   2: __rustc::rust_begin_unwind
             at /rustc/0/library/std/src/panicking.rs:689:5
   3: core::panicking::panic_fmt
   4: core::option::unwrap_failed
             at /rustc/0/library/core/src/option.rs:2236:5
   5: <myprog::Session as myprog::Run>::run::{{closure}}
             at C:\\Users\\alice\\main.rs:12:48
      myprog::inlined
             at ./a:b.rs:44:1
   6: <unknown>
   7: myprog::main
  17: std::sys::backtrace::__rust_begin_short_backtrace
             at /rustc/0/library/std/src/sys/backtrace.rs:166:18
  18: std::rt::lang_start
";

    #[test]
    fn the_frames_of_a_panic_are_those_of_the_program() {
        let expected = [
            "core::option::unwrap_failed:=2236",
            "myprog::Session::run::{closure}:=12",
            "myprog::inlined:=44",
            "myprog::main",
        ];
        assert_eq!(frames(PANIC, 16), expected);
        assert_eq!(frames(PANIC, 2), expected[..2]);
        assert_eq!(frames("disabled backtrace", 16), ["disabledbacktrace"]);
        // A stripped program, where only the C library has names.
        let stripped = "   0: <unknown>\n   1: __libc_start_call_main\n             at ./csu/libc-start.h:58:16\n   \
                        2: __libc_start_main_impl\n   3: <unknown>\n";
        assert_eq!(frames(stripped, 16), [""; 0]);
    }

    #[test]
    fn a_stack_is_stored_under_the_counters_name_and_fits() {
        assert_eq!(stored_name("s", &["a:=1".into(), "b".into()]), "s\na:=1\nb");
        assert_eq!(stored_name("s", &[]), "s\nunknown");
        let long = stored_name("s", &vec!["f".repeat(1000); 9]);
        assert!(long.len() <= MAX_NAME && long.ends_with("f\ntruncated"), "{long}");
        let kept = crate::collection::frame::keep(&long[2..], 4).expect("frames");
        assert_eq!((kept.frames.as_str(), kept.cut), (&long[2..], false));
        // A stack that fits exactly is not cut.
        let exact = stored_name("s", &vec!["f".repeat(818); 5]);
        assert_eq!((exact.len(), exact.contains(TRUNCATED)), (MAX_NAME, false));
    }

    #[test]
    fn this_toolchains_backtraces_are_understood() {
        let frames = frames(&Backtrace::force_capture().to_string(), 64);
        // Only frames below this crate's own; the test's own frames count as ours.
        assert!(!frames.is_empty());
        assert!(frames.iter().all(|frame| is_frame(frame)), "{frames:?}");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn every_function_of_this_program_makes_a_frame() {
        let program = std::env::current_exe().expect("this program");
        let mut nm = std::process::Command::new("nm");
        let output = nm.args(["--demangle", "--defined-only"]).arg(program).output();
        let output = output.expect("nm; install binutils").stdout;
        let symbols = String::from_utf8(output).expect("text");
        // Address, kind and name; the name may have spaces.
        let functions = symbols.lines().filter_map(|line| {
            let mut columns = line.splitn(3, ' ');
            let (_, kind, name) = (columns.next()?, columns.next()?, columns.next()?);
            matches!(kind, "T" | "t").then_some(name)
        });
        let functions: std::collections::BTreeSet<&str> = functions.collect();
        assert!(functions.len() > 4_000, "{}", functions.len());
        let is_lost = |function: &&&str| !is_frame(&function_path(function));
        let lost: Vec<_> = functions.iter().filter(is_lost).collect();
        assert!(lost.is_empty(), "{} of {}: {lost:#?}", lost.len(), functions.len());
    }

    proptest! {
        #[test]
        fn whatever_a_backtrace_says_only_frames_come_out(
            text in "([ ]{0,3}[0-9]{0,2}(: )?[a-z:<>{}# ./\\\\-]{0,30}\n( at [a-z/:0-9]{0,12})?){0,12}",
            any in any::<String>(),
        ) {
            for frame in frames(&text, 64).iter().chain(&frames(&any, 64)) {
                prop_assert!(is_frame(frame), "{}", frame);
            }
        }
    }
}
