//! What embedders use is listed in `tests/api.txt`, so that a change of it shows in review.
//!
//! The listing is made from the documentation of the feature `http`, which has all of it, as `rustdoc` writes it: each public
//! item with its declaration, methods, variants and traits. Where a change is meant:
//!
//! ```sh
//! UPDATE_API=1 cargo test --test all api::
//! ```

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The text between two marks, and what comes after it.
fn between<'t>(text: &'t str, start: &str, end: &str) -> Option<(&'t str, &'t str)> {
    let (_, rest) = text.split_once(start)?;
    rest.split_once(end)
}

/// HTML as text on one line.
fn plain(html: &str) -> String {
    let mut text = String::new();
    let mut in_tag = false;
    for character in html.chars() {
        match character {
            '<' => in_tag = true,
            '>' => in_tag = false,
            _ if !in_tag => text.push(character),
            _ => {}
        }
    }
    for (entity, character) in [
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
        ("&#39;", "'"),
        ("&nbsp;", " "),
        ("&amp;", "&"),
    ] {
        text = text.replace(entity, character);
    }
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// What a page says of its item, a line each.
fn item(page: &str) -> Vec<String> {
    // What follows is implemented for every type.
    let page = page.split("<h2 id=\"synthetic-implementations\"").next().unwrap_or_default();
    let page = page.split("<h2 id=\"blanket-implementations\"").next().unwrap_or_default();
    let page = page.split("<h2 id=\"implementors\"").next().unwrap_or_default();
    let mut lines = Vec::new();
    let Some((declaration, mut rest)) = between(page, "<pre class=\"rust item-decl\">", "</pre>")
    else {
        return lines;
    };
    lines.push(plain(declaration));
    let mut of_traits = Vec::new();
    while let Some((start, after)) = rest.split_once(" class=\"code-header\">") {
        let is_of_trait = page.len() - after.len()
            > page.find("<h2 id=\"trait-implementations\"").unwrap_or(usize::MAX);
        let is_impl = start.ends_with("<h3");
        let end = if is_impl { "</h3>" } else { "</h4>" };
        let (header, after) = after.split_once(end).unwrap_or((after, ""));
        // Every derived `PartialEq` has it.
        if header.contains("StructuralPartialEq") {
            rest = after;
            continue;
        }
        match (is_of_trait, is_impl) {
            (true, true) => of_traits.push(plain(header)),
            // What a trait has is the trait's matter.
            (true, false) => {}
            (false, _) => lines.push(format!("    {}", plain(header))),
        }
        rest = after;
    }
    of_traits.sort();
    lines.extend(of_traits.into_iter().map(|header| format!("    {header}")));
    lines
}

/// The pages of all items, by the path of the item.
fn pages(folder: &Path) -> BTreeMap<String, String> {
    let all = std::fs::read_to_string(folder.join("all.html")).expect("the list of all items");
    let mut found = BTreeMap::new();
    let mut rest = all.split_once("<h3 id=").map_or("", |(_, items)| items);
    while let Some((link, after)) = between(rest, "<li><a href=\"", "\"") {
        let (path, after) = between(after, ">", "</a>").expect("the item's path");
        let page = std::fs::read_to_string(folder.join(link)).expect("an item's page");
        found.insert(plain(path), page);
        rest = after;
    }
    found
}

#[test]
fn what_embedders_use_is_what_is_listed() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    // Beside what is built already.
    let target = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("..");
    let mut doc = Command::new(env!("CARGO"));
    doc.current_dir(root).args(["doc", "--locked", "--offline", "--no-deps", "--lib"]);
    doc.args(["--no-default-features", "--features", "http"]).arg("--target-dir").arg(&target);
    let output = doc.output().expect("start cargo");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let pages = pages(&target.join("doc/candor"));
    let mut listing = String::new();
    for (path, page) in &pages {
        listing += &format!("candor::{path}\n");
        for line in item(page) {
            listing += &format!("    {line}\n");
        }
    }
    let file = root.join("tests/api.txt");
    if std::env::var_os("UPDATE_API").is_some() {
        std::fs::write(&file, &listing).expect("write the listing");
    }
    let listed = std::fs::read_to_string(&file).expect("tests/api.txt");
    let of_listing: Vec<&str> =
        listing.lines().filter(|line| !listed.lines().any(|l| l == *line)).collect();
    let of_file: Vec<&str> =
        listed.lines().filter(|line| !listing.lines().any(|l| l == *line)).collect();
    assert!(
        listing == listed,
        "the API is another than tests/api.txt says; where that is meant, run UPDATE_API=1 cargo test --test \
         all api::\nnew: {of_listing:#?}\ngone: {of_file:#?}"
    );
}
