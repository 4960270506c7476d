//! The names of counters, and the stored names of stack counters.
//!
//! A plain name follows the conventions of golang/telemetry (`counter/doc.go`): `myprog/verb:build`,
//! without spaces. A stack counter is stored as a counter whose name continues, after a newline, with one
//! frame a line. Go's clients save space: if the text up to the last dot is that of the line before,
//! they write `"` for it (`internal/counter/stackcounter.go`). Ours write full names, and read both.

use super::layout::MAX_NAME;
use std::borrow::Cow;

/// A stored stack whose expanded frames would be longer than this is not expanded. An honest one has some
/// thousands of bytes; a forged one of 4 KiB could expand to megabytes.
const MAX_EXPANDED: usize = 64 * 1024;

/// Whether a counter may have this name: 1 to 4096 bytes, no white space, no control characters.
pub fn is_counter_name(name: &str) -> bool {
    (1..=MAX_NAME).contains(&name.len())
        && !name.contains(|c: char| c.is_whitespace() || c.is_control())
}

/// Whether a stored name is that of a stack counter.
pub fn is_stack(name: &str) -> bool {
    name.contains('\n')
}

/// A stored name with all frames in full.
pub(super) fn expand(name: &str) -> Cow<'_, str> {
    if !is_stack(name) || !name.contains('"') {
        return Cow::Borrowed(name);
    }
    let mut text = String::with_capacity(2 * name.len());
    let mut last = "";
    for (number, line) in name.split('\n').enumerate() {
        if number > 0 {
            text.push('\n');
        }
        match line.rsplit_once('.') {
            Some(("\"", rest)) => {
                if !last.is_empty() {
                    text.push_str(last);
                    text.push('.');
                }
                text.push_str(rest);
            }
            Some((path, _)) if !path.is_empty() => {
                last = path;
                text.push_str(line);
            }
            _ => text.push_str(line),
        }
        if text.len() > MAX_EXPANDED {
            return Cow::Borrowed(name);
        }
    }
    Cow::Owned(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_no_white_space_and_are_not_too_long() {
        for name in ["a", "myprog/verb:build", "gopls/latency:<50ms", "größe", &"n".repeat(4096)]
        {
            assert!(is_counter_name(name), "{name}");
        }
        for name in ["", "a b", "a\nb", "a\tb", "a\0", "\u{a0}", &"n".repeat(4097)] {
            assert!(!is_counter_name(name), "{name:?}");
        }
    }

    #[test]
    fn repeated_paths_are_expanded_as_go_does() {
        for (stored, full) in [
            ("plain\".name", "plain\".name"),
            (
                "s\na.F:+1\n\".G:+2\nb/c.d.H:+3\n\".I:+4",
                "s\na.F:+1\na.G:+2\nb/c.d.H:+3\nb/c.d.I:+4",
            ),
            // Without a path before it, there is nothing to repeat.
            ("s\n\".F:+1", "s\nF:+1"),
            // The counter's own name counts as a line.
            ("s.t\n\".F:+1", "s.t\ns.F:+1"),
            ("s\nmyprog::run:=1\nmyprog::main:=2", "s\nmyprog::run:=1\nmyprog::main:=2"),
            ("s\na.F:+1\n.:=0\n\".G:+2", "s\na.F:+1\n.:=0\na.G:+2"),
            ("s\na.F:+1\ntruncated\n", "s\na.F:+1\ntruncated\n"),
        ] {
            assert_eq!(expand(stored), full);
        }
    }

    #[test]
    fn a_forged_stack_does_not_grow_without_bound() {
        let bomb = format!("s\n{}.a{}", "p".repeat(2000), "\n\".".repeat(600));
        assert_eq!(expand(&bomb), bomb);
    }
}
