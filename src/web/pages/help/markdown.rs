//! Markdown as HTML: CommonMark (<https://spec.commonmark.org>) with tables, as the chapters are written, and with
//! the apostrophes and quotation marks of printed text.
//!
//! HTML in the Markdown is text here: no chapter can bring markup of its own. Headings get the ids that GitHub
//! gives them, so a link to a part works here and there. Lines that doctests hide (`# ...` in Rust) are hidden.

use maud::{Markup, PreEscaped, html};
use pulldown_cmark::{Alignment, CodeBlockKind, Event, HeadingLevel, Options, Parser, Tag, TagEnd};
use std::collections::BTreeMap;
use std::mem::take;

/// A chapter as HTML.
#[derive(Debug, Default)]
pub(super) struct Rendered {
    /// The text of its first heading, which is not in `html`.
    pub(super) title: String,
    /// The headings of the second level: their ids and texts.
    pub(super) sections: Vec<(String, String)>,
    /// All that follows the title.
    pub(super) html: Markup,
    /// All ids.
    #[cfg_attr(not(test), allow(dead_code, reason = "for tests"))]
    pub(super) ids: Vec<String>,
    /// Where its links and pictures lead.
    #[cfg_attr(not(test), allow(dead_code, reason = "for tests"))]
    pub(super) links: Vec<String>,
}

/// Renders a chapter; `resolve` says where each of its links leads on the site.
pub(super) fn render(text: &str, resolve: impl Fn(&str) -> String) -> Rendered {
    let mut writer = Writer::default();
    for event in Parser::new_ext(text, Options::ENABLE_TABLES | Options::ENABLE_SMART_PUNCTUATION) {
        writer.event(event, &resolve);
    }
    Rendered { html: PreEscaped(writer.html), ..writer.rendered }
}

/// What has been written, and what is open.
#[derive(Default)]
struct Writer {
    rendered: Rendered,
    html: String,
    /// How often each id was wanted.
    wanted: BTreeMap<String, usize>,
    /// The plain text of the open heading or picture.
    plain: Option<String>,
    /// Where the HTML of the open heading begins.
    heading: usize,
    /// The text of the last heading.
    section: String,
    /// The address of the open picture.
    picture: String,
    /// The open block of code, and whether it is Rust.
    code: Option<(String, bool)>,
    table: Table,
}

/// The open table.
#[derive(Default)]
struct Table {
    /// How many there were, this one included.
    number: usize,
    alignments: Vec<Alignment>,
    in_head: bool,
    column: usize,
}

fn escaped(text: &str) -> String {
    html! { (text) }.into_string()
}

impl Writer {
    fn push(&mut self, html: &str) {
        self.html.push_str(html);
    }

    fn event(&mut self, event: Event, resolve: &impl Fn(&str) -> String) {
        if !self.picture.is_empty() {
            return self.inside_picture(event);
        }
        match event {
            Event::Start(tag) => self.start(tag, resolve),
            Event::End(tag) => self.end(tag),
            Event::Text(text) | Event::Html(text) | Event::InlineHtml(text) => self.text(&text),
            Event::Code(code) => {
                if let Some(plain) = &mut self.plain {
                    plain.push_str(&code);
                }
                let code = escaped(&code);
                self.push(&format!("<code>{code}</code>"));
            }
            Event::SoftBreak => self.text("\n"),
            Event::HardBreak => self.push("<br>"),
            Event::Rule => self.push("<hr>"),
            // Extensions that are not turned on.
            Event::InlineMath(text) | Event::DisplayMath(text) | Event::FootnoteReference(text) => {
                self.text(&text);
            }
            Event::TaskListMarker(_) => {}
        }
    }

    /// Of what describes a picture, the text is kept.
    fn inside_picture(&mut self, event: Event) {
        let plain = self.plain.get_or_insert_default();
        match event {
            Event::Text(text) | Event::Code(text) => plain.push_str(&text),
            Event::SoftBreak | Event::HardBreak => plain.push(' '),
            Event::End(TagEnd::Image) => self.end(TagEnd::Image),
            _ => {}
        }
    }

    fn text(&mut self, text: &str) {
        if let Some((code, _)) = &mut self.code {
            code.push_str(text);
            return;
        }
        if let Some(plain) = &mut self.plain {
            plain.push_str(text);
        }
        self.html.push_str(&escaped(text));
    }

    fn start(&mut self, tag: Tag, resolve: &impl Fn(&str) -> String) {
        match tag {
            Tag::Paragraph => self.push("<p>"),
            Tag::Heading { .. } => {
                self.plain = Some(String::new());
                self.heading = self.html.len();
            }
            Tag::BlockQuote(_) => self.push("<blockquote>"),
            Tag::CodeBlock(kind) => {
                let is_rust =
                    matches!(kind, CodeBlockKind::Fenced(info) if info.starts_with("rust"));
                self.code = Some((String::new(), is_rust));
            }
            Tag::List(None) => self.push("<ul>"),
            Tag::List(Some(1)) => self.push("<ol>"),
            Tag::List(Some(first)) => self.push(&format!("<ol start=\"{first}\">")),
            Tag::Item => self.push("<li>"),
            Tag::Table(alignments) => {
                let number = self.table.number + 1;
                self.table = Table { number, alignments, ..Table::default() };
                let label = format!("Table {number}: {}", self.section);
                let label = escaped(&label);
                self.push(&format!(
                    "<div class=\"scroll\" role=\"region\" aria-label=\"{label}\" tabindex=\"0\"><table>"
                ));
            }
            Tag::TableHead => {
                self.table.in_head = true;
                self.push("<thead><tr>");
            }
            Tag::TableRow => self.push("<tr>"),
            Tag::TableCell => self.cell(),
            Tag::Emphasis => self.push("<em>"),
            Tag::Strong => self.push("<strong>"),
            Tag::Link { dest_url, .. } => {
                let address = resolve(&dest_url);
                self.push(&format!("<a href=\"{}\">", escaped(&address)));
                self.rendered.links.push(address);
            }
            Tag::Image { dest_url, .. } => {
                self.picture = resolve(&dest_url);
                self.plain = Some(String::new());
            }
            // Extensions that are not turned on, and HTML, whose text is in events of its own.
            _ => {}
        }
    }

    fn end(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::Paragraph => self.push("</p>\n"),
            TagEnd::Heading(level) => self.end_heading(level),
            TagEnd::BlockQuote(_) => self.push("</blockquote>\n"),
            TagEnd::CodeBlock => self.end_code(),
            TagEnd::List(true) => self.push("</ol>\n"),
            TagEnd::List(false) => self.push("</ul>\n"),
            TagEnd::Item => self.push("</li>\n"),
            TagEnd::Table => self.push("</tbody></table></div>\n"),
            TagEnd::TableHead => {
                self.table.in_head = false;
                self.push("</tr></thead><tbody>");
                self.table.column = 0;
            }
            TagEnd::TableRow => {
                self.push("</tr>");
                self.table.column = 0;
            }
            TagEnd::TableCell => {
                self.push(if self.table.in_head { "</th>" } else { "</td>" });
                self.table.column += 1;
            }
            TagEnd::Emphasis => self.push("</em>"),
            TagEnd::Strong => self.push("</strong>"),
            TagEnd::Link => self.push("</a>"),
            TagEnd::Image => {
                let (address, alternative) = (take(&mut self.picture), take(&mut self.plain));
                let picture = html! { img src=(address) alt=(alternative.unwrap_or_default()); };
                self.push(&picture.into_string());
                self.rendered.links.push(address);
            }
            _ => {}
        }
    }

    /// Begins a cell. An empty heading is a cell like others: it names nothing.
    fn cell(&mut self) {
        let name = if self.table.in_head { "th" } else { "td" };
        let scope = if self.table.in_head { " scope=\"col\"" } else { "" };
        let is_number = self.table.alignments.get(self.table.column) == Some(&Alignment::Right);
        let class = if is_number { " class=\"number\"" } else { "" };
        self.push(&format!("<{name}{scope}{class}>"));
    }

    /// The first heading is the title; the others lead to themselves.
    fn end_heading(&mut self, level: HeadingLevel) {
        let plain = self.plain.take().unwrap_or_default();
        let inner = self.html.split_off(self.heading);
        self.section.clone_from(&plain);
        if self.rendered.title.is_empty() {
            self.rendered.title = plain;
            return;
        }
        let id = self.id(&plain);
        // The page's only heading of the first level is its title.
        let level = match level {
            HeadingLevel::H1 | HeadingLevel::H2 => "h2",
            HeadingLevel::H3 => "h3",
            _ => "h4",
        };
        self.push(&format!("<{level} id=\"{id}\"><a href=\"#{id}\">{inner}</a></{level}>\n"));
        self.rendered.links.push(format!("#{id}"));
        if level == "h2" {
            self.rendered.sections.push((id, plain));
        }
    }

    /// A heading's id: its letters, digits, `-` and `_`, in lower case, with `-` for spaces; a number behind a
    /// repeated one.
    fn id(&mut self, text: &str) -> String {
        let kept = text.chars().filter_map(|c| match c {
            ' ' => Some('-'),
            c if c.is_alphanumeric() || c == '-' || c == '_' => Some(c),
            _ => None,
        });
        let id: String = kept.flat_map(char::to_lowercase).collect();
        let times = self.wanted.entry(id.clone()).or_insert(0);
        *times += 1;
        let id = if *times == 1 { id } else { format!("{id}-{}", *times - 1) };
        self.rendered.ids.push(id.clone());
        id
    }

    fn end_code(&mut self) {
        let Some((code, is_rust)) = self.code.take() else { return };
        let is_hidden = |line: &&str| is_rust && (*line == "#" || line.starts_with("# "));
        let shown: Vec<&str> = code.lines().filter(|line| !is_hidden(line)).collect();
        let block = html! { pre { code { (shown.join("\n")) } } };
        self.push(&block.into_string());
        self.push("\n");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn html(text: &str) -> String {
        render(text, |target| format!("/to/{target}")).html.into_string()
    }

    #[test]
    fn what_chapters_use_becomes_html() {
        for (text, expected) in [
            (
                "a *b* **c** `d < e`",
                "<p>a <em>b</em> <strong>c</strong> <code>d &lt; e</code></p>\n",
            ),
            ("[a `b`](c.md)", "<p><a href=\"/to/c.md\">a <code>b</code></a></p>\n"),
            ("![a\n*b*](c.svg)", "<p><img src=\"/to/c.svg\" alt=\"a b\"></p>\n"),
            ("it's `it's`", "<p>it’s <code>it's</code></p>\n"),
            ("- a\n- b\n", "<ul><li>a</li>\n<li>b</li>\n</ul>\n"),
            ("3. a\n", "<ol start=\"3\"><li>a</li>\n</ol>\n"),
            ("```sh\n# a & b\n```", "<pre><code># a &amp; b</code></pre>\n"),
            ("```rust,no_run\n# hidden\n#[a]\nb\n```", "<pre><code>#[a]\nb</code></pre>\n"),
            (
                "| a | b |\n| --- | ---: |\n| c | 1 |\n",
                "<div class=\"scroll\" role=\"region\" aria-label=\"Table 1: \" tabindex=\"0\"><table>\
                 <thead><tr><th scope=\"col\">a</th><th scope=\"col\" class=\"number\">b</th></tr></thead>\
                 <tbody><tr><td>c</td><td class=\"number\">1</td></tr></tbody></table></div>\n",
            ),
        ] {
            assert_eq!(html(text), expected, "{text}");
        }
    }

    #[test]
    fn html_in_the_text_is_text() {
        let made = html("a <script>b</script>\n\n<img src=x>\n\n[c](<\"><b>)\n");
        assert!(
            !made.contains("<script") && !made.contains("<img") && !made.contains("<b>"),
            "{made}"
        );
    }

    #[test]
    fn headings_have_ids_that_are_their_own() {
        let page = render("# The `title`\n\n## A b, c!\n\n### D\n\n## A b c\n", str::to_owned);
        assert_eq!(page.title, "The title");
        let sections = [("a-b-c", "A b, c!"), ("a-b-c-1", "A b c")];
        assert_eq!(page.sections, sections.map(|(id, title)| (id.to_owned(), title.to_owned())));
        let html = page.html.into_string();
        assert!(html.contains("<h3 id=\"d\"><a href=\"#d\">D</a></h3>"), "{html}");
        assert!(!html.contains("<h1"), "{html}");
    }
}
