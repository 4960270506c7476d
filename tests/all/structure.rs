//! The structure of the source: no two files import each other, not even over others, and modules use only
//! those that come before them in the flow of data.
//!
//! What is looked at is `use` declarations and paths (`crate::`, `self::`, `super::`) of all files that are
//! not for tests alone. A path counts as one to the file that defines the item, not to a `mod.rs` that exports
//! it again.

use proc_macro2::{TokenStream, TokenTree};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use syn::visit::{self, Visit};

/// The modules, in the order in which data flows. Those of `ANYONE` may be used by all.
const FLOW: [&str; 16] = [
    "charts",
    "collection",
    "review",
    "gomod",
    "report",
    "tlog",
    "witness",
    "publish",
    "client",
    "ingest",
    "aggregate",
    "stacks",
    "audit",
    "web",
    "static_site",
    "cli",
];
const ANYONE: [&str; 14] = [
    "address",
    "body",
    "count",
    "day",
    "durable",
    "event",
    "hashing",
    "hex",
    "import_path",
    "percent",
    "repository_url",
    "store",
    "terminal",
    "text",
];

type Name = Vec<String>;

/// A module: one file.
#[derive(Default)]
struct Module {
    /// What it exports under its own name and is another's: by name, the path.
    exports: BTreeMap<String, Name>,
    /// Paths that it names, absolute.
    paths: BTreeSet<Name>,
}

fn name(path: &str) -> Name {
    path.split("::").filter(|part| !part.is_empty()).map(str::to_owned).collect()
}

fn is_for_tests(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().filter(|attribute| attribute.path().is_ident("cfg")).any(|attribute| {
        let tokens = attribute.meta.require_list().map(|list| list.tokens.to_string());
        // `test`, `all(test, ...)` or `any(test, feature = "testing")`, and not the feature alone.
        let tokens = tokens.unwrap_or_default();
        tokens == "test"
            || tokens.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).nth(1)
                == Some("test")
    })
}

/// Reads a file, and those of the modules that it declares.
fn read(file: &Path, folder: &Path, module: Name, found: &mut BTreeMap<Name, Module>) {
    let text = std::fs::read_to_string(file).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
    let parsed = syn::parse_file(&text).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
    let declared = parsed.items.iter().filter_map(|item| match item {
        syn::Item::Mod(item) if item.content.is_none() && !is_for_tests(&item.attrs) => Some(item),
        _ => None,
    });
    let mut children = BTreeSet::new();
    for item in declared {
        let child = item.ident.to_string();
        let flat = folder.join(format!("{child}.rs"));
        let inner = folder.join(&child);
        let path = if flat.exists() { flat } else { inner.join("mod.rs") };
        let mut name = module.clone();
        name.push(child.clone());
        children.insert(child);
        read(&path, &inner, name, found);
    }
    let mut reader = Reader { module: module.clone(), children, read: Module::default() };
    reader.visit_file(&parsed);
    found.insert(module, reader.read);
}

struct Reader {
    module: Name,
    children: BTreeSet<String>,
    read: Module,
}

impl Reader {
    /// An absolute path, if it is one of this crate.
    fn absolute(&self, path: &[String]) -> Option<Name> {
        let (first, rest) = path.split_first()?;
        let base = match first.as_str() {
            "crate" => return Some(rest.to_vec()),
            "self" => self.module.clone(),
            "super" => {
                let parent = self.module.split_last().map(|(_, parent)| parent.to_vec())?;
                let above =
                    Reader { module: parent, children: BTreeSet::new(), read: Module::default() };
                return match rest.first().map(String::as_str) {
                    Some("super") => above.absolute(rest),
                    _ => Some([above.module, rest.to_vec()].concat()),
                };
            }
            child if self.children.contains(child) => {
                return Some([self.module.clone(), path.to_vec()].concat());
            }
            _ => return None,
        };
        Some([base, rest.to_vec()].concat())
    }

    fn tree(&mut self, prefix: &Name, tree: &syn::UseTree, exported: bool) {
        match tree {
            syn::UseTree::Path(path) => {
                let prefix = [prefix.clone(), vec![path.ident.to_string()]].concat();
                self.tree(&prefix, &path.tree, exported);
            }
            syn::UseTree::Group(group) => {
                group.items.iter().for_each(|tree| self.tree(prefix, tree, exported));
            }
            syn::UseTree::Name(used) => self.used(prefix, &used.ident, &used.ident, exported),
            syn::UseTree::Rename(used) => self.used(prefix, &used.ident, &used.rename, exported),
            syn::UseTree::Glob(_) => {
                if let Some(path) = self.absolute(prefix) {
                    self.read.paths.insert(path);
                }
            }
        }
    }

    fn used(&mut self, prefix: &Name, ident: &syn::Ident, local: &syn::Ident, exported: bool) {
        let mut path = prefix.clone();
        if ident != "self" {
            path.push(ident.to_string());
        }
        let Some(path) = self.absolute(&path) else { return };
        if exported {
            self.read.exports.insert(local.to_string(), path);
        } else {
            self.read.paths.insert(path);
        }
    }

    /// Paths within a macro's tokens.
    fn tokens(&mut self, tokens: TokenStream) {
        let mut path: Name = Vec::new();
        let mut colons = 0;
        for token in tokens {
            match &token {
                TokenTree::Punct(punct) if punct.as_char() == ':' => {
                    colons += 1;
                    continue;
                }
                TokenTree::Ident(ident) => {
                    if colons != 2 {
                        self.end(std::mem::take(&mut path));
                    }
                    path.push(ident.to_string());
                }
                TokenTree::Group(group) => {
                    self.end(std::mem::take(&mut path));
                    self.tokens(group.stream());
                }
                _ => self.end(std::mem::take(&mut path)),
            }
            colons = 0;
        }
        self.end(path);
    }

    fn end(&mut self, path: Name) {
        if path.len() > 1
            && let Some(path) = self.absolute(&path)
        {
            self.read.paths.insert(path);
        }
    }
}

impl<'ast> Visit<'ast> for Reader {
    fn visit_item(&mut self, item: &'ast syn::Item) {
        let attributes = match item {
            syn::Item::Mod(item) => &item.attrs,
            syn::Item::Use(item) => &item.attrs,
            syn::Item::Fn(item) => &item.attrs,
            syn::Item::Impl(item) => &item.attrs,
            syn::Item::Struct(item) => &item.attrs,
            _ => &Vec::new(),
        };
        // A module within the file would have paths of its own; all that are here are tests.
        if !is_for_tests(attributes) {
            visit::visit_item(self, item);
        }
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        let exported = !matches!(item.vis, syn::Visibility::Inherited);
        self.tree(&Vec::new(), &item.tree, exported);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let names: Name = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        self.end(names);
        visit::visit_path(self, path);
    }

    // `pub(in crate::web)` uses nothing.
    fn visit_visibility(&mut self, _: &'ast syn::Visibility) {}

    fn visit_macro(&mut self, makro: &'ast syn::Macro) {
        self.tokens(makro.tokens.clone());
        visit::visit_macro(self, makro);
    }
}

/// The module that defines what a path names.
fn definer(modules: &BTreeMap<Name, Module>, path: &[String], depth: usize) -> Option<Name> {
    let module =
        (0..=path.len()).rev().map(|end| &path[..end]).find(|name| modules.contains_key(*name))?;
    let item = path.get(module.len());
    let exported = item.and_then(|item| modules[module].exports.get(item));
    match exported {
        Some(exported) if depth < 8 => {
            let rest = &path[module.len() + 1..];
            definer(modules, &[exported.as_slice(), rest].concat(), depth + 1)
        }
        _ => Some(module.to_vec()),
    }
}

/// Which file uses which.
fn edges() -> BTreeMap<String, BTreeSet<String>> {
    let source = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut modules = BTreeMap::new();
    read(&source.join("lib.rs"), &source, Vec::new(), &mut modules);
    let used = |(name, module): (&Name, &Module)| {
        let to = module.paths.iter().filter_map(|path| definer(&modules, path, 0));
        let to = to.filter(|to| to != name && !to.is_empty()).map(|to| to.join("::"));
        (name.join("::"), to.collect())
    };
    modules.iter().map(used).collect()
}

/// The strongly connected components of more than one file, by Tarjan.
fn circles(edges: &BTreeMap<String, BTreeSet<String>>) -> Vec<BTreeSet<&str>> {
    #[derive(Default)]
    struct Walk<'e> {
        number: BTreeMap<&'e str, usize>,
        low: BTreeMap<&'e str, usize>,
        stack: Vec<&'e str>,
        found: Vec<BTreeSet<&'e str>>,
    }
    fn walk<'e>(at: &'e str, edges: &'e BTreeMap<String, BTreeSet<String>>, walked: &mut Walk<'e>) {
        let number = walked.number.len();
        walked.number.insert(at, number);
        walked.low.insert(at, number);
        walked.stack.push(at);
        for to in edges.get(at).into_iter().flatten() {
            if !walked.number.contains_key(to.as_str()) {
                walk(to, edges, walked);
                let low = walked.low[at].min(walked.low[to.as_str()]);
                walked.low.insert(at, low);
            } else if walked.stack.contains(&to.as_str()) {
                let low = walked.low[at].min(walked.number[to.as_str()]);
                walked.low.insert(at, low);
            }
        }
        if walked.low[at] == number {
            let start = walked.stack.iter().position(|name| *name == at).expect("it is there");
            let component: BTreeSet<&str> = walked.stack.drain(start..).collect();
            if component.len() > 1 {
                walked.found.push(component);
            }
        }
    }
    let mut walked = Walk::default();
    for at in edges.keys() {
        if !walked.number.contains_key(at.as_str()) {
            walk(at, edges, &mut walked);
        }
    }
    walked.found
}

#[test]
fn no_files_import_each_other() {
    let edges = edges();
    // It saw the source at all.
    assert!(edges.len() > 300, "{} files", edges.len());
    assert!(edges["tlog::proof"].contains("tlog::hash"), "{:?}", edges["tlog::proof"]);
    let found = circles(&edges);
    assert!(found.is_empty(), "{} circles: {found:#?}", found.len());
}

#[test]
fn data_flows_one_way() {
    let mut wrong = Vec::new();
    for (from, to) in edges() {
        let top = |name: &str| name.split("::").next().unwrap_or_default().to_owned();
        let place = |name: &str| FLOW.iter().position(|module| *module == top(name));
        for to in to {
            let fine = match (place(&from), place(&to)) {
                (Some(from), Some(to)) => to <= from,
                (_, None) => ANYONE.contains(&top(&to).as_str()) || top(&from) == top(&to),
                (None, Some(_)) => from.is_empty(),
            };
            if !(fine || from.is_empty() || from == "main") {
                wrong.push(format!("{from} uses {to}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn a_circle_is_found() {
    let edge =
        |from: &str, to: &[&str]| (from.to_owned(), to.iter().map(|to| (*to).to_owned()).collect());
    let edges = BTreeMap::from([
        edge("a", &["b"]),
        edge("b", &["c"]),
        edge("c", &["b", "d"]),
        edge("d", &[]),
    ]);
    assert_eq!(circles(&edges), [BTreeSet::from(["b", "c"])]);
    assert_eq!(name("a::b"), ["a", "b"]);
}

/// Files of a folder of modules that no module names, and that are therefore not compiled.
fn forgotten(folder: &Path, head: &Path, found: &mut Vec<PathBuf>) {
    let text = std::fs::read_to_string(head).unwrap_or_else(|e| panic!("{}: {e}", head.display()));
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        let module = path.file_stem().and_then(|name| name.to_str()).expect("a name");
        if path == head {
            continue;
        }
        if !text.lines().any(|line| line == format!("mod {module};")) {
            found.push(path);
        } else if path.is_dir() {
            forgotten(&path, &path.join("mod.rs"), found);
        }
    }
}

#[test]
fn no_file_of_tests_is_forgotten() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/all");
    let mut found = Vec::new();
    forgotten(&folder, &folder.join("main.rs"), &mut found);
    assert!(found.is_empty(), "tests/all/main.rs, or a mod.rs, does not name {found:#?}");
}
