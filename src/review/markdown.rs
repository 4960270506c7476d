//! Texts from elsewhere in Markdown, which neither obeys them nor mentions anyone.

use crate::terminal::OneLine;

/// Text as code, which neither a backquote nor a line end in it can end.
pub fn code(text: &str) -> String {
    let text = OneLine(text).to_string();
    let longest = longest_fence(&text);
    let fence = "`".repeat(longest + 1);
    match longest {
        0 => format!("{fence}{text}{fence}"),
        _ => format!("{fence} {text} {fence}"),
    }
}

/// Lines as a block of code in a language, which nothing in them can end.
pub fn code_block(language: &str, lines: &[String]) -> String {
    let lines: Vec<String> = lines.iter().map(|line| OneLine(line).to_string()).collect();
    let longest = lines.iter().map(|line| longest_fence(line)).max().unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    format!("{fence}{language}\n{}\n{fence}\n", lines.join("\n"))
}

fn longest_fence(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or(0)
}

/// Text that Markdown shows as it is, and in which nothing means anything: words that a forge would make a link, a
/// mention or a picture of are code, in which it looks for none of these.
///
/// GitHub and GitLab look for them in what Markdown has become, where an escape is gone. So only code is safe.
pub fn inert(text: &str) -> String {
    let text = OneLine(text).to_string();
    let mut out = String::with_capacity(text.len());
    let mut acting: Vec<&str> = Vec::new();
    for word in text.split(' ') {
        if acts(word) {
            acting.push(word);
            continue;
        }
        finish(&mut out, &mut acting);
        out.push_str(&escaped(word));
        out.push(' ');
    }
    finish(&mut out, &mut acting);
    out.pop();
    out
}

/// Ends a run of words that are code.
fn finish(out: &mut String, acting: &mut Vec<&str>) {
    if !acting.is_empty() {
        out.push_str(&code(&acting.join(" ")));
        out.push(' ');
        acting.clear();
    }
}

/// Whether a forge could make something of a word: an address, a mention, a reference to an issue, a merge request,
/// a milestone, a label or a commit, a formula, or an emoji by its name.
fn acts(word: &str) -> bool {
    let has = |signs: &str| word.contains(|c| signs.contains(c));
    let lower = word.to_ascii_lowercase();
    let is_address = word.contains("://") || lower.contains("www.") || lower.contains("mailto:");
    let is_reference = word.split(|c: char| !c.is_ascii_alphanumeric() && c != '-').any(|part| {
        let numbered = part.rsplit_once('-').is_some_and(|(name, number)| {
            let is_name = name.contains(|c: char| c.is_ascii_alphabetic()) && part != "UTF-8";
            is_name && !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
        });
        let is_commit = part.len() >= 7 && part.bytes().all(|byte| byte.is_ascii_hexdigit());
        numbered || is_commit
    });
    // `!12`, `%12` and `&12`, and `:tada:`.
    let before_a_name = |sign: char| {
        word.split(sign)
            .skip(1)
            .any(|rest| rest.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '"'))
    };
    let is_emoji = word.matches(':').count() >= 2 || word.starts_with(':');
    has("@#~$^")
        || is_address
        || is_reference
        || is_emoji
        || ['!', '%', '&'].into_iter().any(before_a_name)
}

/// Words of a text that Markdown shows as they are. Forges may still find references in them: see [`inert`].
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in OneLine(text).to_string().chars() {
        match c {
            '@' | '#' | '<' | '>' | '&' | '`' => out.push_str(&format!("&#{};", u32::from(c))),
            c if c.is_ascii_punctuation() && !",.;:'\"?!-()/".contains(c) => {
                out.push('\\');
                out.push(c);
            }
            c => out.push(c),
        }
    }
    out
}

/// A message, with what it quotes between backquotes as code.
pub fn message(text: &str) -> String {
    let parts: Vec<&str> = text.split('`').collect();
    // An odd number of backquotes quotes nothing.
    if parts.len().is_multiple_of(2) {
        return inert(text);
    }
    let part = |(at, part): (usize, &&str)| match at % 2 {
        1 if part.is_empty() => String::new(),
        1 => code(part),
        _ => inert(part),
    };
    parts.iter().enumerate().map(part).collect()
}

/// A link to an address of the web, under its end; anything else is code.
pub fn link(address: &str) -> String {
    let rest = address.split_once("://").map_or(address, |(_, rest)| rest);
    link_as(rest.trim_end_matches('/'), address)
}

/// A link to an address of the web, under these words; an address that is none is code.
pub fn link_as(words: &str, address: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-._~:/?#%&=+".contains(c);
    let is_web = address.starts_with("https://") || address.starts_with("http://");
    if !is_web || !address.chars().all(is_plain) {
        return code(address);
    }
    // In a link, nothing else becomes one.
    format!("[{}](<{address}>)", escaped(words))
}

/// A number, whole, with its thousands apart.
pub fn thousands(number: f64) -> String {
    let digits = format!("{:.0}", number.max(0.0));
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_link_leads_to_the_web_or_is_none() {
        assert_eq!(link("https://example.org/1/"), "[example.org/1](<https://example.org/1/>)");
        assert_eq!(link("javascript:alert(1)"), "`javascript:alert(1)`");
        assert_eq!(link("https://x/>evil"), "`https://x/>evil`");
        assert_eq!(link_as("a [b]", "https://x.org/"), "[a \\[b\\]](<https://x.org/>)");
    }

    #[test]
    fn a_forge_finds_nothing_in_a_text() {
        for (text, expected) in [
            ("Which editors?", "Which editors?"),
            ("Time to start: 10-100 ms, 95% & more", "Time to start: 10-100 ms, 95\\% &#38; more"),
            ("See https://evil.example now", "See `https://evil.example` now"),
            ("See www.evil.example", "See `www.evil.example`"),
            ("Fixes GH-2 and x/y#3 and #4", "Fixes `GH-2` and `x/y#3` and `#4`"),
            (
                "Since a5c3785ed8d6a35868bc169f07e40e889087fd2e it",
                "Since `a5c3785ed8d6a35868bc169f07e40e889087fd2e` it",
            ),
            ("a party :tada: here", "a party `:tada:` here"),
            ("@everyone look at @org/team", "`@everyone` look at `@org/team`"),
            ("!12 %13 &14 ~bug $15 ^alert", "`!12 %13 &14 ~bug $15 ^alert`"),
            ("mail j@x.org", "mail `j@x.org`"),
            ("`a` **b** [c](d) <b>", "&#96;a&#96; \\*\\*b\\*\\* \\[c\\](d) &#60;b&#62;"),
            ("with ` and `@x`y", "with &#96; and `` `@x`y ``"),
            ("", ""),
            ("a  b", "a  b"),
        ] {
            assert_eq!(inert(text), expected);
        }
    }

    proptest! {
        #[test]
        fn what_acts_is_code(text in "[a-c1-3@#:!%&~$` ]{0,24}") {
            // What is outside of code has no sign that a forge looks for.
            let shown = inert(&text);
            let mut outside = String::new();
            let mut rest = shown.as_str();
            while let Some(open) = rest.find('`') {
                outside.push_str(&rest[..open]);
                let fence: String = rest[open..].chars().take_while(|c| *c == '`').collect();
                let inner = &rest[open + fence.len()..];
                let runs = inner.match_indices(&fence).find(|(at, _)| {
                    !inner[..*at].ends_with('`') && !inner[at + fence.len()..].starts_with('`')
                });
                let (end, _) = runs.expect("a code span ends");
                rest = &inner[end + fence.len()..];
            }
            outside.push_str(rest);
            for entity in ["&#96;", "&#38;"] {
                outside = outside.replace(entity, "");
            }
            prop_assert!(!outside.contains(['@', '#', '~', '$']), "{} in {}", outside, shown);
        }

        #[test]
        fn nothing_ends_a_block_of_code(lines in proptest::collection::vec("[`~a\n\r@<\u{202e}]{0,12}", 0..6)) {
            let block = code_block("text", &lines);
            let inner: Vec<&str> = block.lines().collect();
            let fence = inner.last().copied().unwrap_or_default().to_owned();
            prop_assert!(fence.len() >= 3 && fence.chars().all(|c| c == '`'));
            prop_assert!(!inner[1..inner.len() - 1].iter().any(|line| line.contains(&fence)));
            prop_assert_eq!(inner.len(), lines.len().max(1) + 2);
        }
    }
}
