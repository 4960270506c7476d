//! Expanding counter expressions: `chart:{a,b}` stands for `chart:a` and `chart:b`.
//!
//! This reads the expressions of a config exactly as Go's client does
//! (golang/telemetry `internal/config`, `Expand`), whatever they hold. Chart definitions follow the
//! stricter rules of `charts::counter`.

use std::collections::HashMap;

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

/// How many names an expression stands for, as by [`expand`].
pub fn count_of(expression: &str) -> usize {
    match expression.split_once('{') {
        None => 1,
        Some((_, rest)) => rest.strip_suffix('}').unwrap_or(rest).split(',').count(),
    }
}

/// Whether a name is one of those that an expression stands for, as by [`expand`].
pub fn stands_for(expression: &str, name: &str) -> bool {
    match expression.split_once('{') {
        None => expression == name,
        Some((prefix, rest)) => name.strip_prefix(prefix).is_some_and(|bucket| {
            rest.strip_suffix('}').unwrap_or(rest).split(',').any(|one| one == bucket)
        }),
    }
}

/// Expressions that stand for exactly these names: the inverse of [`expand`]. Names of one chart become
/// one group, at the position of the first.
pub fn contract<'a>(names: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let mut groups: Vec<(&str, Vec<&str>)> = Vec::new();
    let mut positions: HashMap<&str, usize> = HashMap::new();
    for name in names {
        // A brace in a name can only be the start of a bucket.
        let split = name.find('{').or_else(|| name.find(':').map(|colon| colon + 1));
        let bucket = split.and_then(|at| name.split_at_checked(at));
        match bucket.filter(|(_, bucket)| !bucket.contains(',')) {
            None => groups.push((name, Vec::new())),
            Some((chart, bucket)) => {
                let position = *positions.entry(chart).or_insert(groups.len());
                match groups.get_mut(position) {
                    Some((_, buckets)) => buckets.push(bucket),
                    None => groups.push((chart, vec![bucket])),
                }
            }
        }
    }
    let write = |(chart, buckets): (&str, Vec<&str>)| match buckets.as_slice() {
        [] => chart.to_owned(),
        [bucket] if !bucket.contains('{') => format!("{chart}{bucket}"),
        buckets => format!("{chart}{{{}}}", buckets.join(",")),
    };
    groups.into_iter().map(write).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    #[test]
    fn names_of_one_chart_are_written_together() {
        let cases: &[(&[&str], &[&str])] = &[
            (&["a:b", "bug", "a:c"], &["a:{b,c}", "bug"]),
            (&["a:b"], &["a:b"]),
            (&["a:b,c", "a:d"], &["a:b,c", "a:d"]),
            (&["a:", "a:b"], &["a:{,b}"]),
            (&[], &[]),
        ];
        for (names, expressions) in cases {
            assert_eq!(contract(names.iter().copied()), *expressions, "{names:?}");
        }
    }

    proptest! {
        #[test]
        fn whatever_a_config_names_is_contracted_to_the_same_names(
            expressions in prop::collection::vec("[ab:,{}]{0,7}", 0..5),
        ) {
            let names: BTreeSet<String> = expressions.iter().flat_map(|e| expand(e)).collect();
            let contracted = contract(names.iter().map(String::as_str));
            let again: Vec<String> = contracted.iter().flat_map(|e| expand(e)).collect();
            prop_assert_eq!(again.len(), names.len());
            prop_assert_eq!(again.into_iter().collect::<BTreeSet<_>>(), names);
        }
    }

    proptest! {
        #[test]
        fn names_are_counted_and_found_without_expanding(
            expression in "[ab:,{}]{0,9}",
            name in "[ab:,{}]{0,4}",
        ) {
            let names: Vec<String> = expand(&expression).collect();
            prop_assert_eq!(count_of(&expression), names.len());
            prop_assert_eq!(stands_for(&expression, &name), names.contains(&name));
            prop_assert!(names.iter().all(|name| stands_for(&expression, name)));
        }
    }

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
