//! One reviewed file as text: byte offsets to lines and columns, and the line to show.
//!
//! Offsets become places in constant time (a table of lines, and a count of characters every few
//! bytes), so a hostile file with one endless line costs no more than any other.

use super::diagnostic::{Diagnostic, Excerpt, Severity};
use super::location::Location;
use crate::terminal::is_escaped;
use std::sync::Arc;

/// Characters are counted at every multiple of this many bytes, unless all are ASCII.
const BLOCK: usize = 256;

/// How many characters of a long line are shown on each side of the caret.
const WINDOW: usize = 80;

/// A file's text and its table of lines.
#[derive(Debug)]
pub struct SourceText {
    file: Arc<str>,
    text: String,
    /// The byte offset at which each line starts.
    lines: Vec<usize>,
    /// How many characters start before each multiple of [`BLOCK`]; `None` if all are ASCII, one byte
    /// each.
    blocks: Option<Vec<usize>>,
}

impl SourceText {
    /// The text of `file`.
    pub fn new(file: impl Into<Arc<str>>, text: String) -> SourceText {
        let lines = std::iter::once(0)
            .chain(text.bytes().enumerate().filter(|(_, b)| *b == b'\n').map(|(i, _)| i + 1))
            .collect();
        let count = |bytes: &[u8]| {
            let blocks = bytes.chunks(BLOCK).scan(0, |count, block| {
                let before = *count;
                *count += characters(block);
                Some(before)
            });
            blocks.collect()
        };
        let blocks = (!text.is_ascii()).then(|| count(text.as_bytes()));
        SourceText { file: file.into(), text, lines, blocks }
    }

    /// Whether all characters are ASCII.
    pub fn is_ascii(&self) -> bool {
        self.blocks.is_none()
    }

    /// The file's path in the charts folder.
    pub fn file(&self) -> &Arc<str> {
        &self.file
    }

    /// The whole text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The lines without line breaks, each with the byte offset at which it starts.
    pub fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        let ends = self.lines.iter().skip(1).copied().chain([self.text.len() + 1]);
        self.lines.iter().copied().zip(ends).map(|(start, end)| (start, self.slice(start, end - 1)))
    }

    /// The location of a byte offset; an offset past the end is the end.
    pub fn location(&self, offset: usize) -> Location {
        let offset = offset.min(self.text.len());
        let line = self.lines.partition_point(|start| *start <= offset);
        let start = self.lines.get(line.saturating_sub(1)).copied().unwrap_or(0);
        let column = self.characters_before(offset) - self.characters_before(start) + 1;
        let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        Location { file: self.file.clone(), line: number(line), column: number(column) }
    }

    /// A diagnostic that points at a byte offset and shows the line.
    pub fn diagnostic(&self, severity: Severity, offset: usize, message: String) -> Diagnostic {
        Diagnostic::at(severity, &self.location(offset), message).with_source(self.excerpt(offset))
    }

    /// A diagnostic that points at a known location, and shows the line.
    pub fn diagnostic_at(
        &self,
        severity: Severity,
        location: &Location,
        message: String,
    ) -> Diagnostic {
        Diagnostic::at(severity, location, message).with_source(self.excerpt(self.offset(location)))
    }

    /// The byte offset of a location in this file.
    pub fn offset(&self, location: &Location) -> usize {
        let line = (location.line as usize).saturating_sub(1);
        let start = self.lines.get(line).copied().unwrap_or(self.text.len());
        let characters =
            self.characters_before(start) + (location.column as usize).saturating_sub(1);
        let Some(blocks) = &self.blocks else { return characters.min(self.text.len()) };
        let block = blocks.partition_point(|count| *count <= characters).saturating_sub(1);
        let inside = characters - blocks.get(block).copied().unwrap_or(0);
        (block * BLOCK..self.text.len())
            .filter(|offset| self.text.is_char_boundary(*offset))
            .nth(inside)
            .unwrap_or(self.text.len())
    }

    /// The line around a byte offset, or a window of it.
    fn excerpt(&self, offset: usize) -> Excerpt {
        let mut offset = offset.min(self.text.len());
        while !self.text.is_char_boundary(offset) {
            offset -= 1;
        }
        let (before, after) = self.text.split_at(offset);
        let mut back: Vec<char> =
            before.chars().rev().take_while(|c| *c != '\n').take(2 * WINDOW + 1).collect();
        let mut ahead: Vec<char> =
            after.chars().take_while(|c| *c != '\n').take(2 * WINDOW + 1).collect();
        let long = back.len() + ahead.len() > 2 * WINDOW;
        if long && back.len() > WINDOW {
            back.truncate(WINDOW - 1);
            back.push('…');
        }
        if long && ahead.len() > WINDOW {
            ahead.truncate(WINDOW - 1);
            ahead.push('…');
        }
        let text = back.iter().rev().chain(&ahead).map(|c| shown(*c)).collect();
        Excerpt { text, caret: back.len() }
    }

    fn characters_before(&self, offset: usize) -> usize {
        let Some(blocks) = &self.blocks else { return offset };
        let block = (offset / BLOCK).min(blocks.len().saturating_sub(1));
        let before = blocks.get(block).copied().unwrap_or(0);
        let rest = self.text.as_bytes().get(block * BLOCK..offset).unwrap_or_default();
        before + characters(rest)
    }

    fn slice(&self, start: usize, end: usize) -> &str {
        self.text.get(start..end).unwrap_or_default()
    }
}

/// How many UTF-8 characters start in these bytes.
fn characters(bytes: &[u8]) -> usize {
    bytes.iter().filter(|byte| !matches!(byte, 0x80..=0xBF)).count()
}

/// Whether an invisible character changes what a reader sees: marks and overrides of writing direction,
/// with which text is displayed in another order than it is parsed.
pub fn is_deceptive(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn shown(c: char) -> char {
    match c {
        '\t' => ' ',
        c if is_escaped(c) => char::REPLACEMENT_CHARACTER,
        c => c,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn columns_count_characters_and_lines_end_at_newlines() {
        let text = SourceText::new("f", "aé\n\n😀b".into());
        let cases = [(0, 1, 1), (1, 1, 2), (3, 1, 3), (4, 2, 1), (5, 3, 1), (9, 3, 2), (99, 3, 3)];
        for (offset, line, column) in cases {
            let location = text.location(offset);
            assert_eq!((location.line, location.column), (line, column), "offset {offset}");
        }
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines, [(0, "aé"), (4, ""), (5, "😀b")]);
    }

    #[test]
    fn a_long_line_is_shown_as_a_window_around_the_column() {
        let text = SourceText::new("f", format!("{}X{}\nnext", "a".repeat(9000), "b".repeat(9000)));
        let excerpt = text.excerpt(9000);
        assert_eq!(excerpt.text, format!("…{}X{}…", "a".repeat(79), "b".repeat(78)));
        assert_eq!(excerpt.text.chars().nth(excerpt.caret), Some('X'));
        let start = text.excerpt(0);
        assert_eq!((start.caret, start.text.chars().count()), (0, 80));
    }

    #[test]
    fn what_a_terminal_would_obey_is_not_shown() {
        let text = SourceText::new("f", "\tred\u{1b}[31m \u{202e}abc".into());
        assert_eq!(text.excerpt(0).text, " red\u{fffd}[31m \u{fffd}abc");
    }

    proptest! {
        #[test]
        fn locations_and_offsets_are_the_same_thing(
            text in "([a-zé😀]{0,400}\n?){0,9}|[a-z\n]{0,40}",
            at in any::<proptest::sample::Index>(),
        ) {
            let source = SourceText::new("f", text.clone());
            let boundaries: Vec<usize> =
                (0..=text.len()).filter(|i| text.is_char_boundary(*i)).collect();
            let offset = boundaries[at.index(boundaries.len())];
            let location = source.location(offset);
            let before = &text[..offset];
            let line_start = before.rfind('\n').map_or(0, |i| i + 1);
            prop_assert_eq!(location.line as usize, before.matches('\n').count() + 1);
            prop_assert_eq!(location.column as usize, before[line_start..].chars().count() + 1);
            prop_assert_eq!(source.offset(&location), offset);
        }
    }
}
