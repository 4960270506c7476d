//! Writing definitions as TOML for review, so that a later change of one bucket, version or issue
//! changes one line.

use toml::Value;

/// A list or group that is longer than this is written on several lines.
pub(super) const WIDTH: usize = 96;

/// A line `key = value`, with a comment.
pub fn line(key: &str, value: &str, comment: Option<&str>) -> String {
    format!("{key} = {value}{}\n", remark(comment))
}

/// A quoted string.
pub fn string(text: &str) -> String {
    Value::String(text.to_owned()).to_string()
}

/// A number with a decimal point.
pub fn number(value: f64) -> String {
    Value::Float(value).to_string()
}

/// A list of strings, on one line if it fits and has no comments.
pub fn list(key: &str, values: &[(&str, Option<&str>)]) -> String {
    let strings: Vec<String> = values.iter().map(|(text, _)| string(text)).collect();
    let short = format!("{key} = [{}]\n", strings.join(", "));
    if short.len() <= WIDTH && values.iter().all(|(_, comment)| comment.is_none()) {
        return short;
    }
    let lines = strings.iter().zip(values);
    let lines: String = lines
        .map(|(string, (_, comment))| format!("    {string},{}\n", remark(*comment)))
        .collect();
    format!("{key} = [\n{lines}]\n")
}

/// A counter expression; a long group is written with one bucket per line.
pub fn counter(key: &str, expression: &str, comment: Option<&str>) -> String {
    let short = line(key, &string(expression), comment);
    let group = expression.split_once('{').and_then(|(prefix, rest)| {
        // A character with a meaning between triple quotes keeps the expression on one line.
        let buckets = rest.strip_suffix('}')?;
        (!expression.contains(['"', '\\'])).then_some((prefix, buckets))
    });
    match group {
        Some((prefix, buckets)) if short.len() > WIDTH => {
            let buckets = buckets.replace(',', ",\\\n    ");
            format!("{key} = \"\"\"{prefix}{{\\\n    {buckets}}}\"\"\"{}\n", remark(comment))
        }
        _ => short,
    }
}

/// A comment at the end of a line, without characters that TOML forbids there.
fn remark(comment: Option<&str>) -> String {
    match comment {
        Some(comment) => format!(" # {}", comment.replace(char::is_control, " ")),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn value(text: &str) -> Value {
        let table: toml::Table = text.parse().unwrap_or_else(|error| panic!("{text}: {error}"));
        table["key"].clone()
    }

    #[test]
    fn a_long_group_has_a_bucket_a_line() {
        let text = counter("key", &format!("a:{{{}}}", "bucket,".repeat(15) + "last"), None);
        assert!(text.starts_with("key = \"\"\"a:{\\\n    bucket,\\\n    bucket,\\\n"), "{text}");
        assert!(text.ends_with("    last}\"\"\"\n"), "{text}");
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back_as_itself(
            text in any::<String>(),
            comment in proptest::option::of("[^\n]{0,9}"),
            buckets in proptest::collection::vec("[a-z.]{1,9}", 1..40),
            float in -1e9..1e9,
        ) {
            let comment = comment.as_deref();
            prop_assert_eq!(value(&line("key", &string(&text), comment)), Value::from(text.clone()));
            prop_assert_eq!(value(&line("key", &number(float), comment)), Value::from(float));
            let expression = format!("chart:{{{}}}", buckets.join(","));
            prop_assert_eq!(value(&counter("key", &expression, comment)), Value::from(expression));
            let values: Vec<_> = buckets.iter().map(|b| (b.as_str(), comment)).collect();
            prop_assert_eq!(value(&list("key", &values)), Value::from(buckets.clone()));
        }
    }
}
