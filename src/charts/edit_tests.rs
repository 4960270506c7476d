use super::*;
use proptest::prelude::*;

fn strings(text: &str, values: &[&str]) -> String {
    set_strings(text, "versions", values).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn values(text: &str) -> Vec<String> {
    let table: toml::Table = text.parse().unwrap_or_else(|error| panic!("{text}: {error}"));
    let array = table["versions"].as_array().expect("an array").clone();
    array.into_iter().map(|value| value.as_str().expect("a string").to_owned()).collect()
}

#[test]
fn a_new_value_is_written_as_its_neighbours_are() {
    let cases = [
        ("[\"b\"]", "[\"a\", \"b\", \"c\"]"),
        ("[ 'b' ]", "[ 'a', 'b', 'c' ]"),
        ("[\"b\",]", "[\"a\", \"b\", \"c\",]"),
        ("[\"b\",\"d\"]", "[\"a\",\"b\",\"c\"]"),
        ("[]", "[\"a\", \"b\", \"c\"]"),
        ("[\n  \"b\",\n]", "[\n  \"a\",\n  \"b\",\n  \"c\",\n]"),
        ("[\n  \"b\"\n]", "[\n  \"a\",\n  \"b\",\n  \"c\"\n]"),
        ("[\n]", "[\n    \"a\",\n    \"b\",\n    \"c\",\n]"),
        ("[ # of\n\t'b' # b\n]", "[ # of\n\t'a',\n\t'b', # b\n\t'c'\n]"),
        ("[\r\n  \"b\",\r\n]", "[\r\n  \"a\",\r\n  \"b\",\r\n  \"c\",\r\n]"),
        ("['a', 'b', 'c', # c\n 'd']", "['a', 'b', 'c' # c\n]"),
        ("[\n  \"b\"\n  , \"c\"\n]", "[\n  \"a\",\n  \"b\"\n  , \"c\"\n]"),
    ];
    for (before, after) in cases {
        let ending = if before.contains('\r') { "\r\n" } else { "\n" };
        let around =
            |array| format!("# 1{ending}a=1 # 2{ending}versions  = {array} # 3{ending}[t]");
        assert_eq!(strings(&around(before), &["a", "b", "c"]), around(after), "{before}");
    }
}

#[test]
fn what_is_listed_newest_first_stays_so() {
    let array = "versions = [\n    # 2\n    'v2',\n    'v1', # 1\n]\n";
    let expected = "versions = [\n    'v3',\n    # 2\n    'v2',\n    'v1', # 1\n    'v0',\n]\n";
    assert_eq!(strings(array, &["v0", "v1", "v2", "v3"]), expected);
}

#[test]
fn what_remains_does_not_move_and_keeps_its_comments() {
    let text = "versions = [ # all\n    # one\n    'v1', # 1\n\n    # three\n    'v3', # 3\n    'x', # x\n    # end\n]";
    let expected = "versions = [ # all\n    # one\n    'v1', # 1\n    'v2',\n\n    # three\n    'v3', # 3\n    'v4',\n    # end\n]";
    assert_eq!(strings(text, &["v1", "v2", "v3", "v4"]), expected);
    assert_eq!(
        strings(text, &["v3"]),
        "versions = [ # all\n    # one\n\n    # three\n    'v3', # 3\n    # end\n]"
    );
}

#[test]
fn an_array_may_become_empty() {
    assert_eq!(strings("versions = [ # c\n 'a']", &[]), "versions = [ # c\n]");
    assert_eq!(strings("versions = ['a', 'b']", &[]), "versions = []");
}

#[test]
fn an_array_of_full_lines_is_filled() {
    let long = ["\"aaaaaaaaaa\""; 7].map(str::to_owned);
    let long: Vec<String> =
        long.iter().enumerate().map(|(n, one)| one.replacen('a', &n.to_string(), 1)).collect();
    let text = format!("versions = [\n  {},\n  \"b\", \"c\"]\n", long.join(", "));
    let mut wanted = values(&text);
    wanted.insert(7, "new".into());
    wanted.push("d".into());
    let wanted: Vec<&str> = wanted.iter().map(String::as_str).collect();
    let expected =
        format!("versions = [\n  {},\n  \"new\",\n  \"b\", \"c\", \"d\"]\n", long.join(", "));
    assert_eq!(strings(&text, &wanted), expected);
}

#[test]
fn a_line_that_gets_too_long_is_broken_and_one_that_is_too_long_is_not() {
    let many: Vec<String> = (10..30).map(|number| format!("v1.{number}.0")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let broken = strings("versions = ['v1.10.0'] # c\n", &many);
    assert!(broken.starts_with("versions = [\n    'v1.10.0',\n    'v1.11.0',\n"), "{broken}");
    assert!(broken.ends_with("    'v1.29.0',\n] # c\n"), "{broken}");
    let long = format!("versions = [\"{}\"]\n", many.join("\", \""));
    let all = [many.as_slice(), &["v2.0.0"]].concat();
    assert_eq!(strings(&long, &all), long.replace("]", ", \"v2.0.0\"]"));
}

#[test]
fn a_number_keeps_its_grouping() {
    let set = |text| set_integer(text, "population", 1_234_567).expect("an edit");
    assert_eq!(set("population = 250_000 # c"), "population = 1_234_567 # c");
    assert_eq!(set("a = 1\r\npopulation=25\r\n"), "a = 1\r\npopulation=1234567\r\n");
    assert_eq!(set("population = 0x12d687"), "population = 0x12d687");
    assert_eq!(grouped(1), "1");
    assert_eq!(grouped(100), "100");
    assert_eq!(grouped(1000), "1_000");
}

#[test]
fn a_missing_key_is_added_after_the_last_one() {
    let set = |text| set_integer(text, "population", 7).expect("an edit");
    let cases = [
        (
            "# c\na = 1\nb = [\n 'x', # x\n] # b\n\n[population_of]\nc = 1\n",
            "# c\na = 1\nb = [\n 'x', # x\n] # b\npopulation = 7\n\n[population_of]\nc = 1\n",
        ),
        ("a = 1", "a = 1\npopulation = 7"),
        ("a = 1\r\n[[t]]\r\n", "a = 1\r\npopulation = 7\r\n[[t]]\r\n"),
        ("program    = 1\nb          = 2\n", "program    = 1\nb          = 2\npopulation = 7\n"),
        ("", "population = 7\n"),
        ("\u{feff}[t]\nx = 1\n", "\u{feff}population = 7\n[t]\nx = 1\n"),
    ];
    for (before, after) in cases {
        assert_eq!(set(before), after);
    }
    assert_eq!(strings("a = 1\n[t]\n", &["x"]), "a = 1\nversions = [\"x\"]\n[t]\n");
}

#[test]
fn what_is_no_such_value_is_not_edited() {
    for wrong in ["versions = 1", "versions = ['a', 1]", "versions = 'a'", "versions = [['a']]"] {
        let error = set_strings(wrong, "versions", &["a"]);
        assert!(matches!(error, Err(EditError::WrongType { .. })), "{wrong}: {error:?}");
    }
    assert!(set_integer("population = '1'", "population", 1).is_err());
    assert!(matches!(set_integer("a = ", "b", 1), Err(EditError::Malformed(_))));
}

/// Line breaks, spaces and comments, as people write them between values.
fn trivia() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        3 => "[ \t]{0,3}",
        2 => Just("\n    ".to_owned()),
        1 => " ?#[ a-z,'\"\\[\\]]{0,9}\n",
        1 => Just("\r\n".to_owned()),
    ];
    proptest::collection::vec(piece, 0..4).prop_map(|pieces| pieces.concat())
}

fn array() -> impl Strategy<Value = String> {
    let element = (trivia(), 0..30_u8, any::<bool>(), trivia(), trivia());
    let elements = proptest::collection::vec(element, 0..12);
    (trivia(), elements, any::<bool>()).prop_map(|(close, elements, trailing)| {
        let last = elements.len().saturating_sub(1);
        let mut seen = HashSet::new();
        let mut text = String::from("[");
        for (number, (before, value, literal, between, after)) in elements.iter().enumerate() {
            let value = if seen.insert(value) { value.to_string() } else { format!("x{number}") };
            let quote = if *literal { '\'' } else { '"' };
            let comma = if number < last || trailing { "," } else { "" };
            text += &format!("{before}{quote}{value}{quote}{between}{comma}{after}");
        }
        text + &close + "]"
    })
}

fn comments(text: &str) -> Vec<String> {
    let mut comments: Vec<String> = text
        .lines()
        .filter_map(|line| Some(line.split_once('#')?.1.trim_end().to_owned()))
        .collect();
    comments.sort();
    comments
}

proptest! {
    #[test]
    fn an_array_gets_the_values_that_it_is_given_and_nothing_else_changes(
        array in array(),
        wanted in proptest::collection::btree_set(0..30_u8, 0..12),
    ) {
        let (head, tail) = ("# head\na = 1\nversions = ", " # tail\n[t]\nb = 2");
        let text = format!("{head}{array}{tail}");
        let wanted: Vec<String> = wanted.iter().map(u8::to_string).collect();
        let wanted: Vec<&str> = wanted.iter().map(String::as_str).collect();
        let edited = strings(&text, &wanted);
        prop_assert!(edited.starts_with(head) && edited.ends_with(tail), "{}", edited);
        let mut found = values(&edited);
        let remaining: Vec<String> =
            values(&text).into_iter().filter(|one| wanted.contains(&one.as_str())).collect();
        let kept: Vec<String> =
            found.iter().filter(|one| remaining.contains(one)).cloned().collect();
        prop_assert_eq!(kept, remaining, "{}", edited);
        found.sort();
        let mut sorted = wanted.clone();
        sorted.sort_unstable();
        prop_assert_eq!(found, sorted, "{}", edited);
        // Once it has them, it stays as it is.
        prop_assert_eq!(strings(&edited, &wanted), edited);
    }

    #[test]
    fn adding_values_keeps_every_comment_and_every_line(array in array(), more in 30..40_u8) {
        let text = format!("versions = {array}\n");
        let mut wanted = values(&text);
        prop_assume!(wanted.len() > 1);
        prop_assert_eq!(&set_strings(&text, "versions", &wanted.iter().map(String::as_str).collect::<Vec<_>>()).unwrap(), &text);
        wanted.insert(wanted.len() / 2, more.to_string());
        wanted.push((more + 10).to_string());
        let wanted: Vec<&str> = wanted.iter().map(String::as_str).collect();
        let edited = strings(&text, &wanted);
        prop_assert_eq!(comments(&edited), comments(&text), "{}", edited);
        prop_assert_eq!(values(&edited), wanted, "{}", edited);
    }
}
