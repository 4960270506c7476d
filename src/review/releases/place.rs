//! Where in a list new releases go: after the one before them, or in a list that has the newest first, before it.

/// A list of names with new ones in it. `order` says to which group a name belongs, and how it compares in it; what
/// it does not know stays where it is, and a new name that it does not know is left out.
pub fn placed<G: PartialEq, K: Ord>(
    listed: &[String],
    new: &[String],
    order: impl Fn(&str) -> Option<(G, K)>,
) -> Vec<String> {
    let mut list: Vec<(String, Option<(G, K)>)> =
        listed.iter().map(|name| (name.clone(), order(name))).collect();
    for name in new {
        let Some((group, key)) = order(name) else { continue };
        let keys = || {
            let known =
                list.iter().enumerate().filter_map(|(at, (_, one))| Some((one.as_ref()?, at)));
            known.filter(|((its, _), _)| *its == group).map(|((_, key), at)| (key, at))
        };
        let newest_first = keys().count() > 1 && keys().is_sorted_by(|(a, _), (b, _)| a > b);
        let before = keys().filter(|(one, _)| **one < key).max();
        let at = match (before, newest_first) {
            (Some((_, at)), false) => at + 1,
            (Some((_, at)), true) => at,
            // It is the oldest.
            (None, false) => keys().map(|(_, at)| at).min().unwrap_or(list.len()),
            (None, true) => keys().map(|(_, at)| at + 1).max().unwrap_or(list.len()),
        };
        list.insert(at, (name.clone(), Some((group, key))));
    }
    list.into_iter().map(|(name, _)| name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(listed: &str, new: &str) -> String {
        let names = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        let order = |name: &str| Some((name.len() > 3, name.parse::<i32>().ok()?));
        placed(&names(listed), &names(new), order).join(" ")
    }

    #[test]
    fn each_group_has_its_own_order() {
        assert_eq!(place("1001 2 1", "3 1002"), "1001 1002 3 2 1");
    }

    #[test]
    fn releases_stand_beside_those_before_and_after_them() {
        assert_eq!(place("1 3", "0 2 4"), "0 1 2 3 4");
        assert_eq!(place("3 1", "0 2 4"), "4 3 2 1 0");
        assert_eq!(place("1", "0 2"), "0 1 2");
        assert_eq!(place("", "1 2"), "1 2");
        assert_eq!(place("1 devel", "2 3"), "1 2 3 devel");
        assert_eq!(place("devel 5 1", "7"), "devel 7 5 1");
        assert_eq!(place("x 1 y", "0"), "x 0 1 y");
        // Where a list has no order, each still follows the one before it.
        assert_eq!(place("5 1 3", "4 6"), "5 6 1 3 4");
        assert_eq!(place("1", "x"), "1");
    }
}
