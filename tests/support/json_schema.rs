//! As much of JSON Schema (draft 7) as our schemas use; a keyword that is not known here fails.

use serde_json::Value;

/// What is wrong with a value, by a schema; empty if nothing is.
pub fn violations(schema: &Value, value: &Value) -> Vec<String> {
    let mut found = Vec::new();
    check(schema, value, "", &mut found);
    found
}

fn check(schema: &Value, value: &Value, at: &str, found: &mut Vec<String>) {
    let rules = match schema {
        Value::Bool(true) => return,
        Value::Bool(false) => return found.push(format!("{at} may not be here")),
        schema => schema.as_object().expect("a schema"),
    };
    let number = value.as_f64();
    for (keyword, rule) in rules {
        let holds = match keyword.as_str() {
            "$schema" | "title" | "description" | "examples" | "then" | "else" => true,
            "type" => match rule.as_str().expect("a type") {
                "object" => value.is_object(),
                "array" => value.is_array(),
                "string" => value.is_string(),
                "integer" => value.is_i64() || value.is_u64(),
                "number" => value.is_number(),
                other => panic!("the type {other}"),
            },
            "enum" => rule.as_array().expect("values").contains(value),
            "const" => value == rule,
            "format" => rule == "date" && value.as_str().is_none_or(|text| text.len() == 10),
            "minimum" => number.is_none_or(|number| number >= rule.as_f64().expect("a number")),
            "maximum" => number.is_none_or(|number| number <= rule.as_f64().expect("a number")),
            "exclusiveMinimum" => number.is_none_or(|n| n > rule.as_f64().expect("a number")),
            "exclusiveMaximum" => number.is_none_or(|n| n < rule.as_f64().expect("a number")),
            "minItems" => {
                let least = rule.as_u64().expect("a number") as usize;
                value.as_array().is_none_or(|items| items.len() >= least)
            }
            "uniqueItems" => value.as_array().is_none_or(|items| {
                items.iter().enumerate().all(|(index, item)| !items[..index].contains(item))
            }),
            "items" => {
                for (index, item) in value.as_array().into_iter().flatten().enumerate() {
                    check(rule, item, &format!("{at}[{index}]"), found);
                }
                true
            }
            "required" => rule.as_array().expect("names").iter().all(|name| {
                value.as_object().is_none_or(|o| o.contains_key(name.as_str().expect("a name")))
            }),
            "properties" => {
                for (name, schema) in rule.as_object().expect("schemas") {
                    if let Some(value) = value.get(name) {
                        check(schema, value, &format!("{at}.{name}"), found);
                    }
                }
                true
            }
            "additionalProperties" => {
                let known = rules.get("properties").and_then(Value::as_object);
                for (name, value) in value.as_object().into_iter().flatten() {
                    if known.is_none_or(|known| !known.contains_key(name)) {
                        check(rule, value, &format!("{at}.{name}"), found);
                    }
                }
                true
            }
            "allOf" => {
                for schema in rule.as_array().expect("schemas") {
                    check(schema, value, at, found);
                }
                true
            }
            "if" => {
                let branch = if violations(rule, value).is_empty() { "then" } else { "else" };
                if let Some(schema) = rules.get(branch) {
                    check(schema, value, at, found);
                }
                true
            }
            other => panic!("the keyword {other}"),
        };
        if !holds {
            found.push(format!("{at} breaks {keyword}: {rule}"));
        }
    }
}
