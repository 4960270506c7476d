//! The frame grammar: what a line of a stack may look like.
//!
//! A stack counter's name is followed by frames, one per line, innermost call first. Clients write them,
//! and the receiver stores no stack with anything else in it: a frame names a function and a line, never a
//! file, a folder, an address or a person.
//!
//! ```text
//! frame    = function [ ":" position ] | ":" position
//! position = ( "+" | "-" | "=" ) number [ ",+0x" offset ]
//! number   = 1 to 7 decimal digits
//! offset   = 1 to 7 lower-case hexadecimal digits
//! ```
//!
//! `function` is a symbol of either language (`collection::symbol`):
//!
//! - Go's clients (golang/telemetry `internal/counter/stackcounter.go`) write
//!   `golang.org/x/tools/gopls/internal/cache.(*Session).NewView:+12,+0x3f`: the line within the
//!   function (`+`, or `-` where a directive says so; `=` for the line within the file where the
//!   function was inlined), and the instruction within the function. (In counter files `"` stands
//!   for the package of the frame before; in reports it is spelled out.)
//! - Rust's clients (`client::counter::stack`) write `myprog::build::run:=42`: the line within the
//!   file. A program without line numbers writes `myprog::build::run`.
//!
//! An offset of more than seven digits is an address in memory, which may distinguish machines, so it is
//! not allowed. The grammar limits the shape of a frame, not its meaning: whoever forges a report can
//! write words that look like functions.

use super::symbol::{canonical_name, is_symbol};

/// The longest frame in bytes: the limit of a whole name in a counter file.
pub const MAX_FRAME: usize = 4096;

/// The last line of a stack whose rest did not fit into a counter's name.
pub const TRUNCATED: &str = "truncated";

/// The line that stands for one or more successive frames of packages that a chart's `packages` do not
/// name. It is not in the frame grammar, so nobody can send it as a function.
pub const OTHER_PACKAGES: &str = "(other packages)";

/// What public data has instead of the frames of a stack that fewer reports of a week have than
/// `stack_minimum`. It is used nowhere else.
pub const TOO_FEW: &str = "(fewer reports than are shown)";

/// Whether a line of a stack follows the frame grammar.
pub fn is_frame(frame: &str) -> bool {
    let function = function(frame);
    // A first frame without a symbol has only a position.
    frame.len() <= MAX_FRAME && (is_symbol(function) || (function.is_empty() && !frame.is_empty()))
}

/// The function of a frame: the part before its position.
pub fn function(frame: &str) -> &str {
    match frame.rsplit_once(':') {
        Some((function, position)) if is_position(position) => function,
        _ => frame,
    }
}

/// What is kept of a stack's frames.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// The frames in canonical form, one per line.
    pub frames: String,
    /// Whether there were more frames than may be kept.
    pub cut: bool,
}

/// Keeps the first `depth` frames of a stack counter in canonical form, one per line. The line
/// [`TRUNCATED`] follows them if all of the client's frames are kept and it had no room for more. `None`
/// if no frame is left, or one of them does not follow the frame grammar.
///
/// Go's clients cut a name that is too long at any byte, and add the line [`TRUNCATED`] and an empty one:
/// the line before may be part of a frame, and is left out. Ours drop whole frames, and add only the line
/// [`TRUNCATED`]. So that each function has one name, the dot that Go's clients write before a function
/// without a package (except in a stack's first line) is removed, and a function without a name is
/// written `.`.
pub fn keep(frames: &str, depth: u32) -> Option<Kept> {
    let mut lines: Vec<&str> = frames.split('\n').collect();
    let unfinished = match lines.as_slice() {
        [.., _, TRUNCATED, ""] => 3,
        [_, .., TRUNCATED] => 1,
        _ => 0,
    };
    lines.truncate(lines.len() - unfinished);
    let depth = usize::try_from(depth).unwrap_or(usize::MAX);
    let cut = lines.len() > depth;
    lines.truncate(depth);
    if lines.is_empty() || !lines.iter().all(|line| is_frame(line)) {
        return None;
    }
    let mut kept = String::with_capacity(frames.len() + 1);
    for frame in lines {
        let function = function(frame);
        let (_, position) = frame.split_at(function.len());
        kept.push_str(canonical_name(function));
        kept.push_str(position);
        kept.push('\n');
    }
    match unfinished > 0 && !cut {
        true => kept.push_str(TRUNCATED),
        false => drop(kept.pop()),
    }
    Some(Kept { frames: kept, cut })
}

/// Whether these may be the frames of a stack in public data: the result of [`keep`], perhaps with lines
/// for other packages, or [`TOO_FEW`].
pub fn is_public(frames: &str, depth: u32) -> bool {
    if frames == TOO_FEW {
        return true;
    }
    // Check with any valid frame in place of that line, which is not in the grammar.
    const ANY: &str = ".";
    let lines: Vec<&str> = frames.split('\n').collect();
    let is_other = |line: &&str| **line == *OTHER_PACKAGES;
    let twice = lines.windows(2).any(|pair| pair.iter().all(is_other));
    let frame = |line: &&str| if is_other(line) { ANY.to_owned() } else { (*line).to_owned() };
    let frames = lines.iter().map(frame).collect::<Vec<_>>().join("\n");
    !twice && keep(&frames, depth).is_some_and(|kept| kept.frames == frames)
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
        ":=0,+0x0",
        "runtime.:=0,+0x0",
        ".memeqbody:+3,+0x1",
        "git.sr.ht/~alice/mail.Send:+1,+0x2",
        "type:.hash.struct { A interface {}; B string }:+0,+0x17",
        "type:.eq.[2]interface {}:+0,+0x17",
        "type:.eq.struct { R int64 \"xml:\\\"r:=1\\\"\" }:+0,+0x17",
        "type:.eq.struct { F uintptr; X0 *bytes.Buffer \"json:\\\"a\\\"\" }:+0,+0x1",
        "go:(*struct { io.Reader; io.Closer }).Close:+0,+0x17",
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
            (":=0,+0x1", ""),
            ("truncated", "truncated"),
        ] {
            assert_eq!(function(frame), name);
        }
    }

    #[test]
    fn files_folders_addresses_and_prose_are_not_frames() {
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
            "\"",
            "type:.eq.struct { A int \"\u{202e}\" }:+0,+0x17",
            "_:_:+1",
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
    fn a_stack_is_kept_in_canonical_form_and_no_deeper_than_allowed() {
        for (stack, depth, kept) in [
            ("main.main:+1,+0x2", 1, Some("main.main:+1,+0x2")),
            ("a::b:=1\nc::d", 2, Some("a::b:=1\nc::d")),
            ("a::b:=1\nc::d\ne", 2, Some("a::b:=1\nc::d")),
            ("truncated", 4, Some("truncated")),
            // What is below the depth need not be a frame.
            ("a.b:+1\nstd::vector<int>::f", 1, Some("a.b:+1")),
            ("a.b:+1\nstd::vector<int>::f", 2, None),
            ("a.b:+1\n\n", 1, Some("a.b:+1")),
            // No frames at all.
            ("a.b:+1", 0, None),
            ("", 4, None),
            ("\n", 4, None),
            ("a::b\n", 4, None),
            ("a::b\n\nc::d", 4, None),
            ("/home/alice\na.b:+1,+0x2", 4, None),
            ("a.b:+1,+0x2\ntruncated\nmore words", 4, None),
            // Names that Go's clients write in two ways.
            (":=0,+0x0", 4, Some(".:=0,+0x0")),
            ("memeqbody:+1,+0x2\nmain.f:+1,+0x2", 4, Some("memeqbody:+1,+0x2\nmain.f:+1,+0x2")),
            ("main.f:+1,+0x2\n.memeqbody:+1,+0x2", 4, Some("main.f:+1,+0x2\nmemeqbody:+1,+0x2")),
            // Cut by Go's clients in the middle of a frame, of a character, of a package, and at the
            // end of a line.
            ("a.b:+1,+0x2\nruntime.goe\ntruncated\n", 4, Some("a.b:+1,+0x2\ntruncated")),
            ("a.b:+1,+0x2\n\u{fffd}\ntruncated\n", 4, Some("a.b:+1,+0x2\ntruncated")),
            ("a.b:+1,+0x2\n\"\ntruncated\n", 4, Some("a.b:+1,+0x2\ntruncated")),
            ("a.b:+1,+0x2\n\ntruncated\n", 4, Some("a.b:+1,+0x2\ntruncated")),
            ("a.b:+1,+0x2\na secret\ntruncated\n", 4, Some("a.b:+1,+0x2\ntruncated")),
            ("a.b:+1,+0x2\nruntime.goe\ntruncated\n", 1, Some("a.b:+1,+0x2\ntruncated")),
            ("a.b:+1,+0x2\nc.d:+1\ne\ntruncated\n", 1, Some("a.b:+1,+0x2")),
            ("main.main:+1,+0x\ntruncated\n", 4, None),
            ("a secret\na.b:+1,+0x2\nx\ntruncated\n", 4, None),
            // By ours, which drop whole frames.
            ("a::b:=1\ntruncated", 4, Some("a::b:=1\ntruncated")),
            ("a::b:=1\nc\ntruncated", 1, Some("a::b:=1")),
        ] {
            assert_eq!(
                keep(stack, depth).map(|kept| kept.frames).as_deref(),
                kept,
                "{stack:?} at {depth}"
            );
        }
    }

    #[test]
    fn what_is_public_of_a_stack_may_leave_frames_out() {
        for (frames, is) in [
            ("a.b:+1\nc.d:+2", true),
            ("(other packages)", true),
            ("a.b:+1\n(other packages)\nc.d:+2\n(other packages)", true),
            ("(other packages)\ntruncated", true),
            ("(fewer reports than are shown)", true),
            ("(other packages)\n(other packages)", false),
            ("(other packages)\n(fewer reports than are shown)", false),
            ("a.b:+1\n(Other packages)", false),
            ("a.b:+1\n(other packages):+1", false),
            ("a.b:+1\n\n(other packages)", false),
            ("a.b\nc.d\ne.f\ng.h\n(other packages)", false),
            ("", false),
        ] {
            assert_eq!(is_public(frames, 4), is, "{frames:?}");
        }
        for line in [OTHER_PACKAGES, TOO_FEW] {
            assert!(!is_frame(line) && keep(line, 4).is_none(), "nobody can send {line:?}");
        }
    }

    proptest! {
        #[test]
        fn wherever_a_stack_is_cut_whole_frames_are_kept(
            which in 0..FRAMES.len(),
            at in 0usize..80,
            depth in 1..4u32,
        ) {
            let frame = FRAMES[which];
            prop_assume!(at <= frame.len() && frame.is_char_boundary(at));
            let stack = format!("main.f:+1\n{}\ntruncated\n", &frame[..at]);
            let frames = "main.f:+1\ntruncated".to_owned();
            prop_assert_eq!(keep(&stack, depth), Some(Kept { frames, cut: false }), "{}", stack);
        }

        #[test]
        fn what_is_kept_is_kept_unchanged(
            which in proptest::collection::vec(0..FRAMES.len(), 1..6),
            end in proptest::sample::select(&["", "\ntruncated", "\nx\ntruncated\n"]),
            depth in 1..8u32,
        ) {
            let frames: Vec<_> = which.iter().map(|at| FRAMES[*at]).collect();
            let kept = keep(&(frames.join("\n") + end), depth).expect("frames").frames;
            prop_assert!(kept.split('\n').count() <= depth as usize + 1);
            let again = Kept { frames: kept.clone(), cut: false };
            prop_assert_eq!(keep(&kept, depth), Some(again), "{}", kept);
        }

        #[test]
        fn no_frame_holds_a_space_a_backslash_or_a_control_character(text in "[a-z:/.+=0-9 \\\\\t]{0,12}") {
            if is_frame(&text) {
                prop_assert!(!text.contains([' ', '\\', '\t']) && !text.starts_with(['/', '~']), "{}", text);
            }
        }
    }
}
