//! Predicates over stacks: which stacks belong to an issue.
//!
//! ```text
//! predicate = all { "||" all }
//! all       = one { "&&" one }
//! one       = "!" one | "(" predicate ")" | [ "top" ] text
//! text      = '"' one or more characters, with \" for a quote and \\ for a backslash '"'
//! ```
//!
//! - `"cache.(*Session).NewView"` is true of a stack if one of its frames contains these whole words: in
//!   front of the text and behind it there is no letter, digit or underscore that would continue a word
//!   of it. So `"open"` is not found in `reopen` or `open_file`. A frame is a function and, in most stacks,
//!   a line: `"hover.Hover:+17"` is of one line of that function.
//! - `top "hover.Hover"` asks this of a single frame: the innermost one that is not of the language's
//!   runtime and that the file does not `skip`.
//!
//! That is all. A predicate has no variables and no repetition, its length and nesting are limited, and
//! evaluating it cannot fail. Predicates of the Go project's tool for the same purpose, which has the same
//! operators, mean the same here, as long as their texts do not extend over several frames.

use std::fmt;

/// The longest predicate in bytes.
const MAX_LENGTH: usize = 4000;
/// How deep parentheses and negations may be nested.
const MAX_DEPTH: u32 = 32;

/// A predicate over the frames of a stack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Predicate(Node);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Node {
    /// One of the frames has this text.
    Any(String),
    /// The top frame has it.
    Top(String),
    Not(Box<Node>),
    All(Vec<Node>),
    Either(Vec<Node>),
}

/// Why a text is not a predicate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PredicateError {
    /// What is wrong.
    pub message: String,
    /// How to fix it.
    pub help: String,
    /// The byte at which it is wrong.
    pub offset: usize,
}

impl Predicate {
    /// Parses a predicate.
    pub fn parse(text: &str) -> Result<Predicate, PredicateError> {
        let mut parser = Parser { text, at: 0, depth: 0 };
        if text.len() > MAX_LENGTH {
            let message = format!("the predicate is longer than {MAX_LENGTH} bytes");
            return Err(parser.error(message, "write several claims of the same issue"));
        }
        let root = parser.either()?;
        parser.space();
        if parser.at < text.len() {
            let help = "join two texts with `&&` or `||`";
            return Err(parser.error("the predicate goes on where it could end", help));
        }
        let predicate = Predicate(root);
        if predicate.matches(&[], None) {
            let message = "the predicate is true of stacks that have none of its functions";
            let help = "name a function that every stack of the issue has: `\"main.open\" && !\"main.test\"`";
            return Err(PredicateError { message: message.into(), help: help.into(), offset: 0 });
        }
        Ok(predicate)
    }

    /// Whether it is true of a stack with these frames, innermost first. `top` is the index of the top
    /// frame.
    pub fn matches(&self, frames: &[&str], top: Option<usize>) -> bool {
        self.0.matches(frames, top)
    }

    /// How many texts it has.
    pub(super) fn texts(&self) -> usize {
        self.0.texts()
    }
}

/// The predicate, as short as it can be written.
impl fmt::Display for Predicate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.written())
    }
}

impl Node {
    fn written(&self) -> String {
        let joined = |nodes: &[Node], by: &str| {
            let parts: Vec<String> = nodes.iter().map(Node::inner).collect();
            parts.join(by)
        };
        match self {
            Node::Any(text) => quoted(text),
            Node::Top(text) => format!("top {}", quoted(text)),
            Node::Not(node) => format!("!{}", node.inner()),
            Node::All(nodes) => joined(nodes, " && "),
            Node::Either(nodes) => joined(nodes, " || "),
        }
    }

    /// The same within another one: in parentheses, if it has an operator.
    fn inner(&self) -> String {
        match self {
            Node::All(nodes) | Node::Either(nodes) if nodes.len() > 1 => {
                format!("({})", self.written())
            }
            _ => self.written(),
        }
    }

    fn matches(&self, frames: &[&str], top: Option<usize>) -> bool {
        match self {
            Node::Any(text) => frames.iter().any(|frame| has_words(frame, text)),
            Node::Top(text) => {
                let top = top.and_then(|top| frames.get(top));
                top.is_some_and(|frame| has_words(frame, text))
            }
            Node::Not(node) => !node.matches(frames, top),
            Node::All(nodes) => nodes.iter().all(|node| node.matches(frames, top)),
            Node::Either(nodes) => nodes.iter().any(|node| node.matches(frames, top)),
        }
    }

    fn texts(&self) -> usize {
        match self {
            Node::Any(_) | Node::Top(_) => 1,
            Node::Not(node) => node.texts(),
            Node::All(nodes) | Node::Either(nodes) => nodes.iter().map(Node::texts).sum(),
        }
    }
}

/// Whether a frame contains a text as whole words. Occurrences may overlap.
fn has_words(frame: &str, text: &str) -> bool {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let (starts, ends) = (text.starts_with(is_word), text.ends_with(is_word));
    let mut from = 0;
    while let Some(found) = frame.get(from..).and_then(|rest| rest.find(text)) {
        let at = from + found;
        let before = frame.get(..at).unwrap_or_default();
        let behind = frame.get(at + text.len()..).unwrap_or_default();
        let goes_on = starts && before.ends_with(is_word) || ends && behind.starts_with(is_word);
        if !goes_on {
            return true;
        }
        from = at + text.chars().next().map_or(1, char::len_utf8);
    }
    false
}

/// A text of a predicate, as it is written there.
pub fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
    depth: u32,
}

impl Parser<'_> {
    fn rest(&self) -> &str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn space(&mut self) {
        self.at += self.rest().len() - self.rest().trim_start().len();
    }

    fn error(&self, message: impl Into<String>, help: impl Into<String>) -> PredicateError {
        PredicateError { message: message.into(), help: help.into(), offset: self.at }
    }

    /// Whether this comes next; then it is behind.
    fn takes(&mut self, token: &str) -> bool {
        self.space();
        let is_next = self.rest().starts_with(token);
        if is_next {
            self.at += token.len();
        }
        is_next
    }

    fn either(&mut self) -> Result<Node, PredicateError> {
        let mut nodes = vec![self.all()?];
        while self.takes("||") {
            nodes.push(self.all()?);
        }
        Ok(one_of(nodes, Node::Either))
    }

    fn all(&mut self) -> Result<Node, PredicateError> {
        let mut nodes = vec![self.one()?];
        while self.takes("&&") {
            nodes.push(self.one()?);
        }
        Ok(one_of(nodes, Node::All))
    }

    fn one(&mut self) -> Result<Node, PredicateError> {
        if self.depth >= MAX_DEPTH {
            let message = format!("the predicate is nested more than {MAX_DEPTH} deep");
            return Err(self.error(message, "write several claims of the same issue"));
        }
        self.depth += 1;
        let node = if self.takes("!") {
            Node::Not(Box::new(self.one()?))
        } else if self.takes("(") {
            let inner = self.either()?;
            if !self.takes(")") {
                return Err(self.error("a parenthesis is never closed", "close it with `)`"));
            }
            inner
        } else if self.takes("top") {
            Node::Top(self.string()?)
        } else {
            Node::Any(self.string()?)
        };
        self.depth -= 1;
        Ok(node)
    }

    fn string(&mut self) -> Result<String, PredicateError> {
        self.space();
        let start = self.at;
        if !self.takes("\"") {
            let help = "write a part of a frame in double quotes, like `\"main.open\"`; before it may be \
                        `!`, `(` or `top`";
            return Err(self.error("a text is expected here", help));
        }
        let mut text = String::new();
        let mut chars = self.text.get(self.at..).unwrap_or_default().char_indices();
        while let Some((offset, c)) = chars.next() {
            match c {
                '"' if text.is_empty() => {
                    self.at = start;
                    return Err(self.error("the text is empty", "write a part of a frame"));
                }
                '"' => {
                    self.at += offset + 1;
                    return Ok(text);
                }
                '\\' => match chars.next() {
                    Some((_, escaped @ ('"' | '\\'))) => text.push(escaped),
                    _ => {
                        self.at += offset;
                        let help = "only `\\\"` and `\\\\` are escapes";
                        return Err(self.error("this is no escape", help));
                    }
                },
                c if c.is_control() => {
                    self.at += offset;
                    let help = "a text is a part of one frame; join several with `&&`";
                    return Err(
                        self.error("the text has a line break or a control character", help)
                    );
                }
                c => text.push(c),
            }
        }
        self.at = start;
        Err(self.error("the text is never closed", "close it with `\"`"))
    }
}

fn one_of(mut nodes: Vec<Node>, many: fn(Vec<Node>) -> Node) -> Node {
    match nodes.len() {
        1 => nodes.remove(0),
        _ => many(nodes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_means_the_same() {
        for text in [
            "\"a\"",
            "top \"a\" && !\"b\"",
            "\"a\" || (\"b\" && !(top \"c\" || \"d\\\"\\\\\")) || !!\"e\" && \"f\"",
        ] {
            let parsed = Predicate::parse(text).expect("a predicate");
            let again = Predicate::parse(&parsed.to_string()).expect("a predicate");
            assert_eq!(parsed, again, "{text}: {parsed}");
        }
        let short = Predicate::parse("top  \"a\"&&! \"b\"").expect("a predicate");
        assert_eq!(short.to_string(), "top \"a\" && !\"b\"");
    }
    use proptest::prelude::*;

    const STACK: [&str; 4] = [
        "runtime.sigpanic:+12,+0x3f",
        "golang.org/x/tools/gopls/internal/golang.Hover:+170",
        "golang.org/x/tools/gopls/internal/server.(*server).Hover:+4",
        "main.main:+3",
    ];

    fn is_true(predicate: &str) -> bool {
        Predicate::parse(predicate).expect("a predicate").matches(&STACK, Some(1))
    }

    #[test]
    fn a_text_is_found_as_whole_words_of_one_frame() {
        for (predicate, expected) in [
            (r#""golang.Hover""#, true),
            (r#""golang.Hover:+170""#, true),
            (r#""golang.Hover:+17""#, false),
            (r#""olang.Hover""#, false),
            (r#""Hove""#, false),
            (r#""(*server).Hover""#, true),
            (r#""(*server).""#, true),
            (r#""server.(""#, true),
            (r#""(*serve""#, false),
            (r#"".Hover""#, true),
            (r#""main""#, true),
            (r#"top "golang.Hover""#, true),
            (r#"top "main.main""#, false),
            (r#"top"golang.Hover""#, true),
            (r#""runtime.sigpanic" && "golang.Hover""#, true),
            (r#""runtime.sigpanic" && "golang.Completion""#, false),
            (r#""golang.Completion" || "golang.Hover""#, true),
            (r#""main.main" && !"golang.Hover""#, false),
            (r#""main.main" && !("golang.Completion" || "y")"#, true),
            // What is joined by && belongs together.
            (r#""main.main" || "a" && "b""#, true),
            (r#"("main.main" || "a") && "b""#, false),
            (r#" "main.main"&&!!"main.main" "#, true),
        ] {
            assert_eq!(is_true(predicate), expected, "{predicate}");
        }
    }

    #[test]
    fn words_may_overlap_with_what_is_no_word() {
        let has = |frame: &str, text: &str| has_words(frame, text);
        assert!(has("aa.aa.a", "aa.a"));
        assert!(has("x.f.x.f", "x.f"));
        assert!(!has("öpen", "pen"));
        assert!(has("größe.f", "größe"));
        assert!(!has("f_1", "f"));
    }

    #[test]
    fn every_mistake_is_named_where_it_is() {
        for (predicate, offset, message) in [
            ("", 0, "a text is expected"),
            ("main.open", 0, "a text is expected"),
            (r#""a" "b""#, 4, "goes on where it could end"),
            (r#""a" & "b""#, 4, "goes on where it could end"),
            (r#""a" &&"#, 6, "a text is expected"),
            (r#"("a""#, 4, "never closed"),
            (r#""a"#, 0, "never closed"),
            (r#""""#, 0, "the text is empty"),
            (r#""a\n""#, 2, "no escape"),
            ("\"a\nb\"", 2, "a line break"),
            (r#"!"a""#, 0, "none of its functions"),
            (r#""a" || !"b""#, 0, "none of its functions"),
            (r#"top ("a")"#, 4, "a text is expected"),
        ] {
            let error = Predicate::parse(predicate).expect_err(predicate);
            assert!(error.message.contains(message), "{predicate}: {}", error.message);
            assert_eq!(error.offset, offset, "{predicate}");
        }
        let deep = format!("{}\"a\"{}", "(".repeat(40), ")".repeat(40));
        assert!(Predicate::parse(&deep).expect_err("deep").message.contains("nested"));
        let long = format!("\"{}\"", "a".repeat(MAX_LENGTH));
        assert!(Predicate::parse(&long).expect_err("long").message.contains("longer"));
    }

    #[test]
    fn the_longest_and_the_deepest_predicate_are_as_long_and_deep_as_said() {
        let long = |bytes: usize| Predicate::parse(&format!("\"{}\"", "a".repeat(bytes - 2)));
        assert!(long(MAX_LENGTH).is_ok() && long(MAX_LENGTH + 1).is_err());
        let deep = |levels: usize| {
            Predicate::parse(&format!("{}\"a\"{}", "(".repeat(levels - 1), ")".repeat(levels - 1)))
        };
        let most = usize::try_from(MAX_DEPTH).expect("a number");
        assert!(deep(most).is_ok() && deep(most + 1).is_err());
    }

    proptest! {
        #[test]
        fn nothing_makes_the_parser_fail(text in "[\"\\\\()!&| topa.:+é\n]{0,60}") {
            if let Ok(predicate) = Predicate::parse(&text) {
                prop_assert!(!predicate.matches(&[], None));
                predicate.matches(&STACK, Some(1));
            }
        }

        #[test]
        fn a_quoted_text_is_found_in_itself(text in "[ -~é]{1,30}") {
            let predicate = Predicate::parse(&quoted(&text)).expect("a predicate");
            prop_assert!(predicate.matches(&[&text], None));
        }
    }
}
