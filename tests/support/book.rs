//! Pages of Markdown, and the code in them.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// The README, the chapters of the book and the pages beside the source, by their paths.
pub fn pages() -> BTreeMap<String, String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |path: &str| fs::read_to_string(root.join(path)).expect("a page");
    let mut pages: BTreeMap<String, String> =
        ["README.md", "src/keys.md"].map(|path| (path.to_owned(), read(path))).into();
    for entry in fs::read_dir(root.join("docs")).expect("docs") {
        let name = entry.expect("a file").file_name().to_string_lossy().into_owned();
        if name.ends_with(".md") {
            let path = format!("docs/{name}");
            let text = read(&path);
            pages.insert(path, text);
        }
    }
    pages
}

/// The blocks of code in one language.
pub fn blocks(page: &str, language: &str) -> Vec<String> {
    let parts = page.split("```").skip(1).step_by(2);
    let of_language = parts.filter_map(|part| part.strip_prefix(language)?.strip_prefix('\n'));
    of_language.map(str::to_owned).collect()
}

/// The files of a charts folder that a page shows: blocks that begin with `# PATH`. Those with one path follow each
/// other in it.
pub fn files(page: &str) -> BTreeMap<String, String> {
    let mut files: BTreeMap<String, String> = BTreeMap::new();
    for block in blocks(page, "toml") {
        let first = block.lines().next().and_then(|line| line.strip_prefix("# "));
        if let Some(path) = first.filter(|path| path.ends_with(".toml") && !path.contains(' ')) {
            files.entry(path.to_owned()).or_default().push_str(&block);
        }
    }
    files
}
