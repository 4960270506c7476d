//! The frame grammar: what a line of a stack may look like.
//!
//! A stack counter's name is followed by one frame a line, innermost call first. Clients write
//! them, and the front door refuses a stack that holds anything else: a frame names a function and
//! a line, never a file, a folder, an address or a person.
//!
//! ```text
//! frame    = function [ ":" position ]
//! position = ( "+" | "-" | "=" ) number [ ",+0x" offset ]
//! function = "." | segment { "/" segment }
//! segment  = ( letter | digit | "_" | "{" ) { letter | digit | one of _ . - ~ + % ( ) * [ ] { } · | "::" }
//! number   = 1 to 7 decimal digits
//! offset   = 1 to 7 lower-case hexadecimal digits
//! ```
//!
//! It holds the frames of both worlds:
//!
//! - Go's clients (golang/telemetry `internal/counter/stackcounter.go`) write
//!   `golang.org/x/tools/gopls/internal/cache.(*Session).NewView:+12,+0x3f`: the line within the
//!   function (`+`, or `=` for the line within the file where the function was inlined), and the
//!   instruction within the function. `.` is a function without a known symbol. A function of a
//!   type, `type:.eq.main.T`, has the one colon that stands alone.
//! - Rust's clients (`client::counter::stack`) write `myprog::build::run:=42`: the line within the
//!   file. A program that carries no line numbers writes `myprog::build::run`.
//!
//! An offset longer than seven digits is an address in memory, which may tell one machine from
//! another, and a first segment `_` is how Go writes a folder of the user's machine: both are no
//! frames. The grammar keeps the shape, not the meaning: whoever forges a report can write words
//! that look like functions, as they can in any text.

/// The longest frame, in bytes.
pub const MAX_FRAME: usize = 1024;

/// The line that ends a stack of which the rest did not fit into a counter's name.
pub const TRUNCATED: &str = "truncated";

/// Whether a line of a stack is of the frame grammar.
pub fn is_frame(frame: &str) -> bool {
    frame.len() <= MAX_FRAME && is_function(function(frame))
}

/// The function of a frame: what stands before its position.
pub fn function(frame: &str) -> &str {
    match frame.rsplit_once(':') {
        Some((function, position)) if is_position(position) => function,
        _ => frame,
    }
}

/// How many frames a stack has: the lines after a stack counter's name. `None` if one of them is
/// not of the frame grammar.
///
/// Go's clients cut a name that is too long wherever that is, and add the line [`TRUNCATED`] and
/// an empty one: there the last line may be the start of a frame, and counts as one. Ours drop
/// whole frames, and add the line alone. The line itself does not count.
pub fn stack_depth(frames: &str) -> Option<usize> {
    let without = |end: &str| frames.strip_suffix(end)?.strip_suffix(TRUNCATED)?.strip_suffix('\n');
    if let Some(cut) = without("\n") {
        let (whole, last) = match cut.rsplit_once('\n') {
            Some((whole, last)) => (whole.split('\n').count(), last),
            None => (0, cut),
        };
        let whole_are_frames = cut.split('\n').take(whole).all(is_frame);
        return (whole_are_frames && is_start_of_frame(last)).then_some(whole + 1);
    }
    let frames = without("").unwrap_or(frames);
    frames.split('\n').all(is_frame).then(|| frames.split('\n').count())
}

fn is_position(position: &str) -> bool {
    let Some(rest) = position.strip_prefix(['+', '-', '=']) else { return false };
    let (line, offset) = match rest.split_once(",+0x") {
        Some((line, offset)) => (line, Some(offset)),
        None => (rest, None),
    };
    let digits = |text: &str, kind: fn(&u8) -> bool| {
        (1..=7).contains(&text.len()) && text.as_bytes().iter().all(kind)
    };
    digits(line, u8::is_ascii_digit)
        && offset.is_none_or(|o| digits(o, |b| matches!(b, b'0'..=b'9' | b'a'..=b'f')))
}

fn is_function(function: &str) -> bool {
    let name = function.strip_prefix("type:.").unwrap_or(function);
    function == "." || (!name.starts_with("_/") && name.split('/').all(is_segment))
}

fn is_segment(segment: &str) -> bool {
    let mut rest = segment;
    while let Some((before, after)) = rest.split_once(':') {
        match after.strip_prefix(':') {
            Some(after) if !before.is_empty() && !after.is_empty() => rest = after,
            _ => return false,
        }
    }
    segment.starts_with(|c: char| c.is_alphanumeric() || c == '_' || c == '{')
        && segment.chars().all(|c| c.is_alphanumeric() || "_.-~+%()*[]{}·:".contains(c))
}

/// Whether more text could make it a frame: for the last line of a stack that was cut.
fn is_start_of_frame(line: &str) -> bool {
    // Half a character at the cut has become a replacement character on its way through JSON.
    let line = line.trim_end_matches(char::REPLACEMENT_CHARACTER);
    let (function, position) = match line.rsplit_once(':') {
        Some((function, rest)) if rest.starts_with(['+', '-', '=']) => (function, &rest[1..]),
        _ => (line, ""),
    };
    let (number, offset) = position.split_once(',').unwrap_or((position, ""));
    let digits = offset.trim_start_matches('+').trim_start_matches('0').trim_start_matches('x');
    let complete = |text: &str| if text.is_empty() { "0".to_owned() } else { text.to_owned() };
    let function = function.trim_end_matches([':', '/', '.']);
    line.len() <= MAX_FRAME
        && (function.is_empty() || is_function(function))
        && is_position(&format!("+{},+0x{}", complete(number), complete(digits)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const FRAMES: &[&str] = &[
        "main.main:+3,+0x1c",
        "main.main:=3,+0x0",
        "main.main:-1,+0x1c",
        "main.main:+3",
        "runtime.goexit:+0,+0x1",
        "golang.org/x/tools/gopls/internal/cache.(*Session).NewView:+12,+0x3f",
        "gopkg.in/yaml%2ev3.(*parser).parse.func1.2:+7,+0x1f",
        "example.org/list.(*List[...]).Push:+1,+0x2",
        "main.(*T).Close-fm:+0,+0x3",
        "main.größe:+0,+0x3",
        "type:.eq.main.T:+1,+0x20",
        "glob..func1:+1,+0x20",
        ".:=0,+0x1",
        "myprog::build::run:=42",
        "myprog::build::run",
        "myprog::main::{closure}:=7",
        "start_thread:=442",
        "unknown",
        "truncated",
    ];

    #[test]
    fn functions_and_lines_of_both_languages_are_frames() {
        for frame in FRAMES {
            assert!(is_frame(frame), "{frame}");
        }
    }

    #[test]
    fn the_function_of_a_frame_has_no_position() {
        for (frame, name) in [
            ("main.main:+3,+0x1c", "main.main"),
            ("myprog::build::run:=42", "myprog::build::run"),
            ("myprog::build::run", "myprog::build::run"),
            ("type:.eq.main.T:+1,+0x20", "type:.eq.main.T"),
            ("type:.eq.main.T", "type:.eq.main.T"),
            (".:=0,+0x1", "."),
            ("truncated", "truncated"),
        ] {
            assert_eq!(function(frame), name);
        }
    }

    #[test]
    fn files_folders_addresses_and_prose_are_no_frames() {
        for text in [
            "",
            " ",
            "/home/alice/src/main.rs:12",
            "src/main.rs:12",
            "./src/main.rs:12:5",
            "../secret",
            "~/notes",
            "home/.ssh/id",
            "_/home/alice/project.main:+3,+0x1c",
            "C:\\Users\\alice\\main.rs",
            "C:/Users/alice/main.rs",
            "a//b.c:+1",
            "main.main:+3,+0x7fff5c0ffee0",
            "main.main:+3,+0x1C",
            "main.main:+3,0x1c",
            "main.main:3",
            "main.main:+",
            "main.main:+12345678",
            "main.main:+1\n",
            "main.main()\tx",
            "alice@example.org",
            "a secret word",
            "\".Next:+1,+0x2",
            "a:b",
            "a::",
            "::a",
            "a:::b",
            "<T as U>::f",
            "a::b::<T>",
        ] {
            assert!(!is_frame(text), "{text:?}");
        }
        assert!(!is_frame(&"a".repeat(MAX_FRAME + 1)));
        assert!(is_frame(&"a".repeat(MAX_FRAME)));
    }

    #[test]
    fn a_stack_has_as_many_frames_as_lines() {
        for (stack, depth) in [
            ("main.main:+1,+0x2", Some(1)),
            ("a::b:=1\nc::d", Some(2)),
            ("main.main:+1,+0x2\nruntime.goexit:+0,+0x1", Some(2)),
            ("truncated", Some(1)),
            ("größe\u{fffd}\ntruncated\n", Some(1)),
            ("a.b:+1,+0x7fff5c0ff\ntruncated\n", None),
            // Cut by Go's clients in the middle of a frame, and at its end.
            ("main.main:+1,+0x2\nruntime.goe\ntruncated\n", Some(2)),
            ("main.main:+1,+0x2\nexample.org/\ntruncated\n", Some(2)),
            ("main.main:+1,+0x2\ntruncated\n", Some(1)),
            ("a.b:+1,\ntruncated\n", Some(1)),
            ("a.b:+1,+0\ntruncated\n", Some(1)),
            ("a.b:+\ntruncated\n", Some(1)),
            ("a.b:+1,+0x2\n\ntruncated\n", Some(2)),
            // By ours, which drops whole frames.
            ("a::b:=1\ntruncated", Some(1)),
            ("", None),
            ("\n", None),
            ("a::b\n", None),
            ("a::b\n\nc::d", None),
            ("a secret\ntruncated\n", None),
            ("/home/alice\ntruncated\n", None),
            ("/home/alice\na.b:+1,+0x2\ntruncated\n", None),
            ("a.b:+1,+0x2\ntruncated\nmore words", None),
        ] {
            assert_eq!(stack_depth(stack), depth, "{stack:?}");
        }
    }

    proptest! {
        #[test]
        fn every_place_where_a_frame_can_be_cut_is_known(which in 0..FRAMES.len(), at in 0usize..80) {
            let frame = FRAMES[which];
            prop_assume!(at <= frame.len() && frame.is_char_boundary(at));
            let stack = format!("{}\ntruncated\n", &frame[..at]);
            prop_assert_eq!(stack_depth(&stack), Some(1), "{}", stack);
        }

        #[test]
        fn no_frame_holds_a_space_a_backslash_or_a_control_character(text in "[a-z:/.+=0-9 \\\\\t]{0,12}") {
            if is_frame(&text) {
                prop_assert!(!text.contains([' ', '\\', '\t']) && !text.starts_with(['/', '~']), "{}", text);
            }
        }
    }
}
