//! Text in pictures: its estimated width, and how it is made to fit.
//!
//! A picture is drawn without knowing the reader's fonts. Widths are estimated per character, based on the
//! widest common sans-serif fonts (Verdana, DejaVu Sans), so that text that is estimated to fit does fit.

/// Stands for what was left out.
const ELLIPSIS: char = '…';

/// The estimated width of `text`, in pixels at a font size in pixels.
pub(super) fn width(text: &str, size: f64) -> f64 {
    text.chars().map(advance).sum::<f64>() * size
}

/// The estimated width of a character, relative to the font size.
fn advance(character: char) -> f64 {
    match character {
        'i' | 'j' | 'l' | '\'' | '|' => 0.32,
        ' ' | '.' | ',' | ':' | ';' | '!' | 'I' | '/' | '\\' | 'f' | 't' | 'r' | '(' | ')'
        | '[' | ']' | '·' => 0.42,
        'm' | 'M' | 'W' | '@' | '%' | '…' => 1.0,
        'w' | 'G' | 'O' | 'Q' | 'N' | 'H' | 'D' | 'U' | '<' | '>' | '=' | '+' | '&' | '#' | '~' => {
            0.84
        }
        '0'..='9' | 'a'..='z' => 0.64,
        'A'..='Z' => 0.72,
        c if c.is_ascii() => 0.64,
        // Latin, Greek and Cyrillic; Hebrew and Arabic are not wider.
        '\u{80}'..='\u{10ff}' => 0.8,
        // Ideographs and other characters as wide as two letters.
        _ => 1.3,
    }
}

/// `text` without characters that move, hide or reorder the text around them, or that XML does not allow.
pub(in crate::web) fn plain(text: &str) -> String {
    let unfit = |c: char| {
        c.is_control()
            || matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
                | '\u{feff}' | '\u{fffe}' | '\u{ffff}')
    };
    text.chars().map(|c| if unfit(c) { '\u{fffd}' } else { c }).collect()
}

/// `text`, shortened in the middle if it is wider than `room`, as names differ at both ends.
pub(super) fn fit(text: &str, size: f64, room: f64) -> String {
    let text = plain(text);
    if width(&text, size) <= room {
        return text;
    }
    let room = room - width("…", size);
    let characters: Vec<char> = text.chars().collect();
    let (mut head, mut tail, mut used) = (0, characters.len(), 0.0);
    // Takes characters from both ends, two at the start for one at the end.
    for turn in 0usize.. {
        let front = turn % 3 != 2;
        let index = if front { head } else { tail.saturating_sub(1) };
        let Some(next) = characters.get(index).filter(|_| head < tail) else { break };
        used += advance(*next) * size;
        if used > room {
            break;
        }
        if front { head += 1 } else { tail -= 1 }
    }
    let part = |range: &[char]| range.iter().collect::<String>();
    let head = part(characters.get(..head).unwrap_or_default());
    let tail = part(characters.get(tail..).unwrap_or_default());
    format!("{}{ELLIPSIS}{}", head.trim_end(), tail.trim_start())
}

/// A name in one line, or in two if it is wider than `room`, broken where names have joints. If even that
/// is too wide, it is shortened.
pub(super) fn lines(text: &str, size: f64, room: f64) -> Vec<String> {
    let text = plain(text);
    if width(&text, size) <= room {
        return vec![text];
    }
    let (mut used, mut joint) = (0.0, 0);
    for (place, character) in text.char_indices() {
        used += advance(character) * size;
        if used > room {
            break;
        }
        if matches!(character, '/' | '.' | ' ' | '-' | '_' | ':' | ',') {
            joint = place + character.len_utf8();
        }
    }
    let (first, second) = text.split_at(joint);
    match first.trim().is_empty() || width(second, size) > room * 2.0 {
        true => vec![fit(&text, size, room)],
        false => vec![first.trim().to_owned(), fit(second.trim(), size, room)],
    }
}

/// `text` in lines of at most `room`, broken between words; wider words are shortened.
pub(super) fn wrap(text: &str, size: f64, room: f64) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        let word = fit(word, size, room);
        match lines.last_mut() {
            Some(line) if width(&format!("{line} {word}"), size) <= room => {
                line.push(' ');
                line.push_str(&word);
            }
            _ => lines.push(word),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_are_shortened_in_the_middle() {
        assert_eq!(fit("editor", 10.0, 100.0), "editor");
        let fitted = fit("golang.org/x/tools/gopls/internal/server.Run", 10.0, 120.0);
        assert!(fitted.starts_with("golang.org"), "{fitted}");
        assert!(fitted.ends_with("Run"), "{fitted}");
    }

    #[test]
    fn a_long_name_has_two_lines() {
        let name = "golang.org/x/tools/gopls/internal/server.Run";
        assert_eq!(lines("editor", 10.0, 100.0), ["editor"]);
        assert_eq!(lines(name, 10.0, 150.0), ["golang.org/x/tools/gopls/", "internal/server.Run"]);
        assert_eq!(lines("abcdefghijklmnopqrstuvwxyz", 10.0, 60.0).len(), 1);
    }

    #[test]
    fn text_is_broken_between_words() {
        assert_eq!(wrap("one two three", 10.0, 50.0), ["one two", "three"]);
        assert_eq!(wrap("", 10.0, 50.0), Vec::<String>::new());
    }

    proptest! {
        #[test]
        fn what_is_fitted_fits(text in "\\PC{0,80}|[\\x00-\\x7f\u{202e}\u{fffe}]{0,80}", room in 20.0..300.0f64) {
            let fitted = fit(&text, 12.0, room);
            prop_assert!(width(&fitted, 12.0) <= room + 1e-9);
            prop_assert!(!fitted.chars().any(char::is_control));
            for line in wrap(&text, 12.0, room).into_iter().chain(lines(&text, 12.0, room)) {
                prop_assert!(width(&line, 12.0) <= room + 1e-9);
            }
            prop_assert!(lines(&text, 12.0, room).len() <= 2);
        }
    }
}
