//! Text from elsewhere: which of its characters are shown, and how it is quoted.

use std::fmt;

/// Whether a character must not be shown as it is: it would move the cursor of a terminal, hide text, be
/// invisible, or change the direction of text.
pub fn is_unfit(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e0fff}')
}

/// Whether nobody sees this character in a text: those of [`is_unfit`] but line ends and tabs, and those that are shown
/// as nothing, or only change how the one before them looks.
pub fn is_hidden(c: char) -> bool {
    match c {
        '\n' | '\r' | '\t' => false,
        '\u{34f}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}' => {
            true
        }
        '\u{2800}'
        | '\u{3164}'
        | '\u{fe00}'..='\u{fe0f}'
        | '\u{ffa0}'
        | '\u{1d173}'..='\u{1d17a}' => true,
        c if has_no_meaning(c) => true,
        c => is_unfit(c),
    }
}

/// Whether every font shows this character as it likes, or as nothing: those for private use, and the one that stands
/// for an object.
pub fn has_no_meaning(c: char) -> bool {
    matches!(c, '\u{e000}'..='\u{f8ff}' | '\u{fffc}' | '\u{f0000}'..='\u{10ffff}')
}

/// Whether a character is escaped where a text is shown: those of [`is_unfit`] and of [`is_hidden`].
pub fn is_escaped(c: char) -> bool {
    is_unfit(c) || is_hidden(c)
}

/// The most characters that are quoted.
const SHOWN: usize = 60;
/// The most characters of a decoder's message, which may quote what it found.
const MESSAGE: usize = 200;

/// The beginning of a text in quotes, escaped, with `...` if something was left out.
pub(crate) struct Excerpt<'a>(pub(crate) &'a str);

impl fmt::Display for Excerpt<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (shown, rest) = cut(self.0, SHOWN);
        let mark = if rest.is_empty() { "" } else { "..." };
        f.write_str("\"")?;
        for c in shown.chars() {
            // A mark that changes the character before it is invisible by itself.
            match is_escaped(c) && !c.is_control() {
                true => write!(f, "{}", c.escape_unicode())?,
                false => write!(f, "{}", c.escape_debug())?,
            }
        }
        write!(f, "{mark}\"")
    }
}

/// A message that may quote untrusted text, bounded and on one line.
pub(crate) fn bounded(message: &str) -> String {
    let (shown, rest) = cut(message, MESSAGE);
    let mut text: String = shown
        .chars()
        .map(|c| if is_escaped(c) { char::REPLACEMENT_CHARACTER } else { c })
        .collect();
    if !rest.is_empty() {
        text += "...";
    }
    text
}

/// The first names of a list, and how many more there are.
pub(crate) fn listed<N: AsRef<str>>(names: &[N], most: usize) -> String {
    let shown: Vec<&str> = names.iter().take(most).map(AsRef::as_ref).collect();
    match names.len().saturating_sub(most) {
        _ if names.is_empty() => "none".to_owned(),
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

/// Splits a text after at most this many characters.
fn cut(text: &str, characters: usize) -> (&str, &str) {
    let end = text.char_indices().nth(characters).map_or(text.len(), |(at, _)| at);
    text.split_at(end)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_left_out_is_marked() {
        assert_eq!(Excerpt("a\"b\n").to_string(), r#""a\"b\n""#);
        let long = "ä".repeat(SHOWN);
        assert_eq!(Excerpt(&long).to_string(), format!("\"{long}\""));
        assert_eq!(Excerpt(&(long.clone() + "x")).to_string(), format!("\"{long}...\""));
    }

    #[test]
    fn a_long_list_ends_with_a_number() {
        assert_eq!(listed::<&str>(&[], 2), "none");
        assert_eq!(listed(&["a", "b"], 2), "a, b");
        assert_eq!(listed(&["a", "b", "c", "d"], 2), "a, b and 2 more");
    }

    proptest! {
        #[test]
        fn no_text_is_shown_long_or_on_two_lines(text in "(.|\n|\x1b|\u{202e}|\u{2028}|\u{3164}|\u{fe0f}|\u{e000}){0,300}") {
            for shown in [Excerpt(&text).to_string(), bounded(&text)] {
                prop_assert!(shown.chars().count() <= SHOWN * 10 + 5, "{}", shown);
                prop_assert!(!shown.contains(is_escaped), "{:?}", shown);
            }
        }
    }
}
