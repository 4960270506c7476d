//! A JSON Schema (<https://json-schema.org/draft-07>) of each kind of file, for editors: completion, and what each
//! key does. It is made from the same keys by which the files are read, so it cannot say anything else. What it
//! cannot say (that a program has a file, that a date is of the calendar) `candor check` says.
//!
//! Taplo, which TOML editors use, finds it by a line `#:schema URL` at the head of a file; it shows dates as strings.

use super::chart::{CHARTS, OF_ONE_TYPE};
use super::collection::COLLECTION;
use super::marginals::MARGINALS;
use super::program::PROGRAM;
use super::stacks::STACKS;
use crate::charts::table::{Key, Shape};
use serde_json::{Map, Value, json};

/// A kind of file in a charts folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileKind {
    /// `collection.toml`
    Collection,
    /// A file of `programs/`.
    Program,
    /// A file of `charts/`.
    Chart,
    /// A file of `marginals/`.
    Marginals,
    /// A file of `stacks/`.
    Stacks,
}

impl FileKind {
    /// All kinds.
    pub const ALL: [FileKind; 5] = [
        FileKind::Collection,
        FileKind::Program,
        FileKind::Chart,
        FileKind::Marginals,
        FileKind::Stacks,
    ];

    /// Its name on the command line and in addresses.
    pub fn name(self) -> &'static str {
        match self {
            FileKind::Collection => "collection",
            FileKind::Program => "program",
            FileKind::Chart => "chart",
            FileKind::Marginals => "marginals",
            FileKind::Stacks => "stacks",
        }
    }

    /// The kind of a file, by its path in a charts folder.
    #[cfg(any(test, feature = "testing"))]
    pub fn of(path: &str) -> Option<FileKind> {
        if path == "collection.toml" {
            return Some(FileKind::Collection);
        }
        let (folder, file) = path.split_once('/')?;
        if file.contains('/') || !file.ends_with(".toml") {
            return None;
        }
        match folder {
            "programs" => Some(FileKind::Program),
            "charts" => Some(FileKind::Chart),
            "marginals" => Some(FileKind::Marginals),
            "stacks" => Some(FileKind::Stacks),
            _ => None,
        }
    }

    fn title(self) -> &'static str {
        match self {
            FileKind::Collection => "collection.toml: what holds for all programs",
            FileKind::Program => "A file of programs/: one program",
            FileKind::Chart => "A file of charts/: what is asked",
            FileKind::Marginals => "A file of marginals/: published shares of the whole population",
            FileKind::Stacks => "A file of stacks/: which stacks belong to which issue",
        }
    }

    fn keys(self) -> &'static [Key] {
        match self {
            FileKind::Collection => COLLECTION,
            FileKind::Program => PROGRAM,
            FileKind::Chart => CHARTS,
            FileKind::Marginals => MARGINALS,
            FileKind::Stacks => STACKS,
        }
    }
}

/// The JSON Schema of a kind of file.
pub fn json_schema(kind: FileKind) -> Value {
    let mut schema = table(kind.keys());
    schema.insert("$schema".into(), "http://json-schema.org/draft-07/schema#".into());
    schema.insert("title".into(), kind.title().into());
    Value::Object(schema)
}

/// An object with these keys and no others.
fn table(keys: &[Key]) -> Map<String, Value> {
    let properties: Map<String, Value> =
        keys.iter().map(|key| (key.name.to_owned(), property(key))).collect();
    let required: Vec<&str> = keys.iter().filter(|key| key.required).map(|key| key.name).collect();
    let mut schema = Map::new();
    schema.insert("type".into(), "object".into());
    schema.insert("properties".into(), Value::Object(properties));
    schema.insert("required".into(), required.into());
    schema.insert("additionalProperties".into(), false.into());
    let rules: Vec<Value> = OF_ONE_TYPE
        .iter()
        .filter(|(name, ..)| keys.iter().any(|key| key.name == *name))
        .map(|(name, owner, is_needed)| rule(name, owner, *is_needed))
        .collect();
    if !rules.is_empty() {
        schema.insert("allOf".into(), rules.into());
    }
    schema
}

/// That only charts of one type have a key, and whether they must.
fn rule(name: &str, owner: &str, is_needed: bool) -> Value {
    let is_owner = json!({ "properties": { "type": { "const": owner } }, "required": ["type"] });
    let others = json!({ "properties": { name: false } });
    let owners = if is_needed { json!({ "required": [name] }) } else { json!({}) };
    json!({ "if": is_owner, "then": owners, "else": others })
}

fn property(key: &Key) -> Value {
    let mut schema = shape(key.shape);
    schema.insert("description".into(), key.about.into());
    if let Some(example) = example(key) {
        schema.insert("examples".into(), vec![example].into());
    }
    Value::Object(schema)
}

fn shape(shape: Shape) -> Map<String, Value> {
    let schema = match shape {
        Shape::Text => json!({ "type": "string" }),
        Shape::OneOf(texts) => json!({ "type": "string", "enum": texts }),
        Shape::Texts => json!({
            "type": "array",
            "items": { "type": "string" },
            "minItems": 1,
            "uniqueItems": true,
        }),
        Shape::Whole(least, most) => {
            json!({ "type": "integer", "minimum": least, "maximum": most })
        }
        Shape::Between(low, high) if high.is_finite() => {
            json!({ "type": "number", "exclusiveMinimum": low, "exclusiveMaximum": high })
        }
        Shape::Between(low, _) => json!({ "type": "number", "exclusiveMinimum": low }),
        Shape::Day => json!({ "type": "string", "format": "date" }),
        Shape::Table(keys) => Value::Object(table(keys)),
        Shape::Tables(keys) => json!({ "type": "array", "items": table(keys) }),
        Shape::Shares => json!({
            "type": "object",
            "additionalProperties": { "type": "number", "exclusiveMinimum": 0, "maximum": 1 },
        }),
    };
    match schema {
        Value::Object(schema) => schema,
        _ => Map::new(),
    }
}

/// The value of the key's example line, unless it is only the head of a table.
fn example(key: &Key) -> Option<Value> {
    let line: toml::Table = key.example.parse().ok()?;
    match line.get(key.name)? {
        toml::Value::Datetime(date) => Some(date.to_string().into()),
        toml::Value::Table(table) if table.is_empty() => None,
        toml::Value::Array(array) if array.iter().any(toml::Value::is_table) => None,
        value => serde_json::to_value(value).ok(),
    }
}
