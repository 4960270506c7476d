//! The chapters of the book, in order. Each is a Markdown file of the repository, readable there, too: links
//! between chapters, and from them to the source, are rewritten for the site.

use super::markdown::{self, Rendered};
use crate::web::pages::layout::HELP;

/// Where files are that the site does not have.
pub(super) const SOURCE: &str = env!("CARGO_PKG_REPOSITORY");
/// The one picture.
pub(super) const GROWTH: &str = "growth.svg";
pub(super) const GROWTH_SVG: &str = include_str!("../../../../docs/growth.svg");

/// One file of Markdown, and its address.
#[derive(Debug)]
pub(super) struct Chapter {
    /// Its path in the repository.
    pub(super) path: &'static str,
    text: &'static str,
    /// What it is about, for those who link to it.
    pub(super) about: &'static str,
}

/// Makes a chapter of a file, by its path in the repository.
macro_rules! chapter {
    ($path:literal, $about:literal) => {
        Chapter { path: $path, text: include_str!(concat!("../../../../", $path)), about: $about }
    };
}

/// The contents, and the chapters.
pub(super) const BOOK: &[Chapter] = &[
    chapter!("docs/README.md", "What Candor is, and the chapters of its book."),
    chapter!("docs/first-hour.md", "From nothing to charts of your own program."),
    chapter!(
        "docs/definitions.md",
        "Every field of the folder that says what is collected, and what it draws."
    ),
    chapter!("docs/client.md", "Counting in a Rust program, and what runs on its users’ machines."),
    chapter!("docs/go.md", "Counting in a Go program, in two ways."),
    chapter!(
        "docs/operating.md",
        "From an empty machine to the first chart, and on to backups and monitoring."
    ),
    chapter!("docs/proxy.md", "Settings for a proxy in front that keeps nobody’s address."),
    chapter!(
        "src/keys.md",
        "Where the log’s key may be, how it is changed, and what to do when it is lost."
    ),
    chapter!("docs/rates.md", "How sampling rates follow the number of installations."),
    chapter!("docs/scale.md", "What more versions, charts, weeks and reports cost, measured."),
    chapter!("docs/speed.md", "How fast it is beside other programs, and what bounds it."),
    chapter!("docs/stacks.md", "How crash stacks become issues of a tracker, each told once."),
    chapter!("docs/figures.md", "How figures are made, with the numbers of an example."),
    chapter!("docs/data.md", "The public data: reports, files, editions."),
    chapter!(
        "docs/sql.md",
        "Counting where the files lie: DuckDB, DataFusion, Spark, ClickHouse, Trino."
    ),
    chapter!("docs/checking.md", "How anyone can check a deployment, from anywhere."),
    chapter!("src/attacks.md", "What was tried against a deployment, and who noticed."),
    chapter!("docs/comparison.md", "What the alternatives do better, and what they take."),
];

impl Chapter {
    /// The last part of its address; empty for the contents.
    pub(super) fn name(&self) -> &'static str {
        let file = self.path.rsplit('/').next().unwrap_or(self.path);
        match file.strip_suffix(".md").unwrap_or(file) {
            "README" => "",
            name => name,
        }
    }

    /// Where it is on the site.
    pub(super) fn address(&self) -> String {
        format!("{HELP}{}", self.name())
    }

    /// Its heading.
    pub(super) fn title(&self) -> &'static str {
        let line = self.text.lines().find_map(|line| line.strip_prefix("# "));
        line.unwrap_or(self.path)
    }

    /// As HTML.
    pub(super) fn render(&self) -> Rendered {
        markdown::render(self.text, |target| self.link(target))
    }

    /// Where a link of this chapter leads on the site.
    fn link(&self, target: &str) -> String {
        if target.starts_with('#') || target.contains("://") {
            return target.to_owned();
        }
        let (file, fragment) = match target.split_once('#') {
            Some((file, fragment)) => (file, format!("#{fragment}")),
            None => (target, String::new()),
        };
        let path = resolve(self.path, file);
        if let Some(chapter) = BOOK.iter().find(|chapter| chapter.path == path) {
            format!("{}{fragment}", chapter.address())
        } else if path.strip_prefix("docs/") == Some(GROWTH) {
            format!("{HELP}{GROWTH}")
        } else {
            format!("{SOURCE}/blob/HEAD/{path}{fragment}")
        }
    }
}

/// The path that `relative` names in the file `from`.
fn resolve(from: &str, relative: &str) -> String {
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    for part in relative.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_rewritten() {
        let go = BOOK.iter().find(|chapter| chapter.name() == "go").expect("docs/go.md");
        for (target, link) in [
            ("client.md", "/help/client"),
            ("client.md#asking", "/help/client#asking"),
            ("#versions", "#versions"),
            ("../src/keys.md", "/help/keys"),
            ("growth.svg", "/help/growth.svg"),
            ("./README.md", "/help/"),
            ("https://go.dev/ref/mod#a", "https://go.dev/ref/mod#a"),
        ] {
            assert_eq!(go.link(target), link);
        }
        assert_eq!(go.link("../go"), format!("{SOURCE}/blob/HEAD/go"));
        assert_eq!(go.link("../README.md#try"), format!("{SOURCE}/blob/HEAD/README.md#try"));
    }
}
