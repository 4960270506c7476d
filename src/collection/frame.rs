//! The frames of a stack counter: what may stand below its name.
//!
//! A stack counter is reported under its name followed by one frame a line, the innermost first:
//!
//! ```text
//! crash/crash
//! runtime.gopanic:+69,+0x12f
//! golang.org/x/tools/gopls/internal/cache.(*Session).NewView:=104,+0x3c
//! ```
//!
//! The form is that of golang/telemetry (`internal/counter/stackcounter.go`), after its ditto marks
//! were resolved:
//!
//! ```text
//! frame    = function ":" line [ "," offset ]
//! line     = ( "+" / "-" / "=" ) digits      relative to the function's first line; "=" absolute
//! offset   = ( "+" / "-" ) "0x" hexadecimal  of the instruction within the function
//! function = letters, digits and  _ . / - ~ ( ) * [ ] { } < > # $ % @ & ' + , ; ! = :
//! ```
//!
//! A function may be empty: Go writes that for code which is not Go's. A slash stands in it only
//! between the elements of an import path, so neither an absolute file path nor one that climbs
//! (`../`) is a frame; nor is anything with a space, a quotation mark, a backslash or a control
//! character. So a frame can name code, and is a poor place for anything else.
//!
//! Go cuts a name that is too long for its counter file and marks the cut with a last line,
//! `truncated`, after a frame of which only the beginning is left.

/// The most bytes a frame may have: the length of the longest name in a counter file.
pub const MAX_FRAME: usize = 4096;

/// What ends a stack that Go has cut.
pub const TRUNCATED: &str = "\ntruncated\n";

/// Whether a line is a frame.
pub fn is_frame(line: &str) -> bool {
    let Some((function, place)) = line.rsplit_once(':') else { return false };
    let (number, offset) = match place.split_once(',') {
        Some((number, offset)) => (number, Some(offset)),
        None => (place, None),
    };
    line.len() <= MAX_FRAME
        && is_line_number(number)
        && offset.is_none_or(is_offset)
        && is_function(function)
}

/// Whether a line may be what was left of a frame by a cut.
pub fn is_cut_frame(line: &str) -> bool {
    // Go cuts bytes; what is left of a character becomes U+FFFD in JSON. A ditto mark whose frame
    // was cut is not resolved.
    let rest = line.trim_end_matches('\u{fffd}');
    line.len() <= MAX_FRAME && (rest == "\"" || is_path(rest))
}

fn is_line_number(text: &str) -> bool {
    let digits = text.strip_prefix(['+', '-', '=']);
    digits.is_some_and(|d| (1..=10).contains(&d.len()) && d.bytes().all(|b| b.is_ascii_digit()))
}

fn is_offset(text: &str) -> bool {
    let digits = text.strip_prefix(['+', '-']).and_then(|rest| rest.strip_prefix("0x"));
    digits.is_some_and(|d| (1..=16).contains(&d.len()) && d.bytes().all(|b| b.is_ascii_hexdigit()))
}

fn is_function(text: &str) -> bool {
    is_path(text) && !text.ends_with('/')
}

/// Characters of functions, in elements none of which is empty or climbs. The last one may be
/// empty, for it may have been cut off.
fn is_path(text: &str) -> bool {
    let mut elements = text.split('/');
    let last = elements.next_back().unwrap_or_default();
    text.chars().all(is_function_character)
        && elements.all(|element| !matches!(element, "" | "." | ".."))
        && !matches!(last, "." | ".." if text.contains('/'))
}

fn is_function_character(c: char) -> bool {
    c.is_alphanumeric() || "_./-~()*[]{}<>#$%@&'+,;!=:".contains(c)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_frames_of_go_and_of_rust_are_frames() {
        for frame in [
            "main.main:+12",
            "main.main:+12,+0x34",
            "main.init.0:-1",
            "main.callee:=1,+0x12",
            "runtime.goexit:+0,+0xfffffffffffffff0",
            "golang.org/x/tools/gopls/internal/cache.(*Session).NewView.func1.2:+104,+0x3c",
            "gopkg.in/yaml%2ev3.Unmarshal:+3",
            "example.org/p.Map[...]:=20",
            "example.org/p.Größe:=20",
            "type:.eq.example.org/p.Key:+1",
            "go:textfipsstart.x:+1",
            "glob..func1:+1",
            ".:=0,+0x12",
            ":=0,+0x12",
            "std::panicking::begin_panic_handler::{{closure}}:=697",
            "<alloc::boxed::Box<F,A>>::call_once{{vtable.shim}}:=250",
            "example::{impl#3}::run::{closure#0}:=12",
        ] {
            assert!(is_frame(frame), "{frame}");
        }
    }

    #[test]
    fn what_is_no_frame_is_refused() {
        let long = format!("{}:+1", "a".repeat(MAX_FRAME));
        for line in [
            "",
            "main.main",
            "main.main:",
            "main.main:12",
            "main.main:+",
            "main.main:+1x",
            "main.main:+12345678901",
            "main.main:+1,",
            "main.main:+1,0x1",
            "main.main:+1,+0x",
            "main.main:+1,+0xg",
            "main.main:+1,+0x11111111111111111",
            "main.main:+1,+0x1,+0x1",
            "main main:+1",
            "main.main:+1 ",
            "main\t.main:+1",
            "main.main\r:+1",
            "\".main:+1",
            "/home/alice/main.go:=1",
            "a//b.c:=1",
            "../secret.c:=1",
            "a/../secret.c:=1",
            "a/./b.c:=1",
            "a/:=1",
            "a/..:=1",
            "C:\\Users\\alice:=1",
            "alice\u{200b}:=1",
            "truncated",
            &long,
        ] {
            assert!(!is_frame(line), "{line}");
        }
    }

    #[test]
    fn what_is_left_of_a_cut_frame_is_known() {
        for line in ["", "\"", "\u{fffd}", "gol", "golang.org/", "a/b.Gr\u{fffd}", "a.b:+1,+0"] {
            assert!(is_cut_frame(line), "{line}");
        }
        for line in ["a b", "/home", "a/../b", "\"\"", "a\u{fffd}b", "a\nb"] {
            assert!(!is_cut_frame(line), "{line}");
        }
    }

    proptest! {
        #[test]
        fn every_beginning_of_a_frame_is_a_cut_frame(
            frame in "[a-z%]{1,6}(\\.[a-z]{1,3}){0,2}(/[a-z]{1,4}){0,3}\\.[a-zA-Zß()*.\\[\\]]{1,9}:[+=-][0-9]{1,4}(,\\+0x[0-9a-f]{1,6})?",
            cut in 0..60usize,
        ) {
            prop_assert!(is_frame(&frame), "{}", frame);
            let bytes = frame.as_bytes();
            let left = String::from_utf8_lossy(&bytes[..cut.min(bytes.len())]).into_owned();
            prop_assert!(is_cut_frame(&left), "{}", left);
        }

        #[test]
        fn no_line_with_a_space_or_control_character_is_a_frame(line in ".*[\\s\\x00-\\x1f\"\\\\].*") {
            prop_assert!(!is_frame(&line));
        }
    }
}
