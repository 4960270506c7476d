//! Paths of programs, modules and packages, as Go imports them: elements between slashes.

/// Whether a path is `entry` or below it, element by element.
pub(crate) fn is_within(path: &str, entry: &str) -> bool {
    let rest = path.strip_prefix(entry);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::is_within;

    #[test]
    fn a_path_is_below_another_by_whole_elements() {
        assert!(is_within("a/b", "a/b") && is_within("a/b/c", "a/b"));
        assert!(!is_within("a/bc", "a/b") && !is_within("a", "a/b"));
    }
}
