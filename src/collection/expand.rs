//! Counter expressions written out: `chart:{a,b}` stands for `chart:a` and `chart:b`.
//!
//! This reads the expressions of a config exactly as Go's client does
//! (golang/telemetry `internal/config`, `Expand`), whatever they hold. What may be written in a
//! chart definition is stricter, and `charts::counter`'s business.

/// The names that an expression stands for, in order.
pub fn expand(expression: &str) -> impl Iterator<Item = String> + '_ {
    let (prefix, buckets) = match expression.split_once('{') {
        Some((prefix, rest)) => (prefix, Some(rest.strip_suffix('}').unwrap_or(rest).split(','))),
        None => (expression, None),
    };
    let single = buckets.is_none().then(|| prefix.to_owned());
    let group = buckets.into_iter().flatten().map(move |bucket| format!("{prefix}{bucket}"));
    single.into_iter().chain(group)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_are_expanded_as_go_does() {
        let cases: &[(&str, &[&str])] = &[
            ("bug", &["bug"]),
            ("a:b", &["a:b"]),
            ("a:{b,c}", &["a:b", "a:c"]),
            ("a:{b}", &["a:b"]),
            ("a:{}", &["a:"]),
            ("a{b,c", &["ab", "ac"]),
            ("", &[""]),
        ];
        for (expression, names) in cases {
            assert_eq!(expand(expression).collect::<Vec<_>>(), *names, "{expression}");
        }
    }
}
