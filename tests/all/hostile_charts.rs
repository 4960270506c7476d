//! Charts folders that are made to be as expensive as possible: each is checked, or refused, within 512 MiB
//! of memory, and the messages stay readable.

#![cfg(feature = "server")]

use crate::support;
use std::fs;
use std::path::Path;
use std::process::Command;
use support::{Charts, candor, run, text};
use tempfile::TempDir;

const FILE: usize = (1 << 20) - 4096;
const MARGINALS: &str =
    "title = 'S'\nsource = ['https://example.org/s']\nprogram = 'example.org/hello'\n";

/// A folder with one chart and these files.
fn folder(files: &[(String, String)]) -> TempDir {
    let charts = Charts::new();
    let folder = TempDir::new().expect("a temporary folder");
    support::copy_folder(&charts.path().join("charts-config"), folder.path());
    for (name, contents) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().expect("a parent")).expect("created");
        fs::write(path, contents).expect("written");
    }
    folder
}

/// `candor check` of a folder with limited memory.
fn check(folder: &Path) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", "ulimit -v 524288; exec \"$@\"", "sh"]);
    command.arg(candor().get_program()).arg("check").arg(folder);
    command
}

/// Many short items, on lines that are not too long.
fn lines(item: impl Fn(usize) -> String, separator: &str) -> String {
    let mut all = String::new();
    let mut line = 0;
    for number in 0.. {
        let item = item(number);
        line += item.len() + separator.len();
        if line > 1000 {
            all.push('\n');
            line = 0;
        }
        if all.len() + item.len() > FILE {
            break;
        }
        all += &item;
        all += separator;
    }
    all
}

fn chart(counter: &str) -> String {
    support::chart("Verbs", counter)
}

/// A group of many buckets, on many lines.
fn group(buckets: usize) -> String {
    let buckets: Vec<String> = (0..buckets).map(|number| format!("b{number:05}")).collect();
    format!("\"\"\"hello/group:{{{}}}\"\"\"", buckets.join(",\\\n"))
}

#[test]
fn no_folder_costs_more_than_the_limit() {
    let many = |item: fn(usize) -> String| lines(item, ", ");
    let cases: Vec<(&str, Vec<(String, String)>)> = vec![
        ("an array", vec![("charts/a.toml".into(), format!("chart = [{}]", many(|_| "0".into())))]),
        ("keys", vec![("charts/a.toml".into(), lines(|n| format!("k{n:x} = 0"), "\n"))]),
        ("tables", vec![("charts/a.toml".into(), lines(|n| format!("[k{n:x}]"), "\n"))]),
        ("charts", vec![("charts/a.toml".into(), lines(|_| "[[chart]]".into(), "\n"))]),
        (
            "files",
            (0..5000).map(|n| (format!("charts/{n}.toml"), "[[chart]]\n".repeat(20))).collect(),
        ),
        ("brackets", vec![("charts/a.toml".into(), format!("a = {}", "[".repeat(60_000)))]),
        (
            "claims",
            vec![(
                "stacks/s.toml".into(),
                "program = 'example.org/hello'\n".to_owned()
                    + &lines(
                        |n| {
                            format!(
                                "[[claim]]\nissue = 'https://example.org/issues/{n}'\nwhen = '\"a{n:x}\" || top \"b\"'\n\
                                 stacks = ['a{n:x}.f']"
                            )
                        },
                        "\n",
                    ),
            )],
        ),
        (
            "predicates",
            vec![(
                "stacks/s.toml".into(),
                "program = 'example.org/hello'\n".to_owned()
                    + &lines(
                        |n| {
                            format!(
                                "[[claim]]\nissue = 'https://example.org/issues/{n}'\nwhen = '{}'",
                                "!(".repeat(300)
                            )
                        },
                        "\n",
                    ),
            )],
        ),
        (
            "margins",
            vec![(
                "marginals/s.toml".into(),
                MARGINALS.to_owned()
                    + &lines(
                        |n| {
                            format!(
                                "[[margin]]\nof = 'hello/x:{{a{n:x}}}'\nshares = {{a{n:x} = 1}}"
                            )
                        },
                        "\n",
                    ),
            )],
        ),
    ];
    for (what, files) in cases {
        let folder = folder(&files);
        let output = run(&mut check(folder.path()));
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{what}: {}", said.get(..2000).unwrap_or(&said));
        assert!(said.len() < 1 << 20, "{what}: {} bytes are said", said.len());
        assert!(said.contains("error: "), "{what}");
    }
}

/// Two files of some 400 KB in which every category is a mistake. Each message used to list all buckets.
#[test]
fn mistakes_do_not_repeat_what_is_long() {
    let buckets = 25_000;
    let shares: String = (0..buckets).map(|n| format!("x{n} = 0.00004\n")).collect();
    let margin = format!("[[margin]]\nof = {}\n[margin.shares]\n{shares}", group(buckets));
    let counter = chart("COUNTER").replace("\"COUNTER\"", &group(buckets));
    assert!(counter.contains("b24999"));
    let folder = folder(&[
        ("charts/group.toml".into(), counter),
        ("marginals/s.toml".into(), MARGINALS.to_owned() + &margin),
    ]);
    let output = run(&mut check(folder.path()));
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{}", said.get(..2000).unwrap_or(&said));
    assert!(said.contains("has no bucket `x0`"), "{}", said.get(..2000).unwrap_or(&said));
    assert!(said.contains("b00000, b00001"), "the first buckets are named");
    assert!(said.contains("24001 more mistakes are not shown"), "what is left out is counted");
    assert!(said.len() < 1 << 20, "{} bytes are said", said.len());
}

/// Names with a long common prefix are short as a group, and long when they are expanded.
#[test]
fn groups_are_measured_expanded() {
    let long = "x".repeat(4000);
    let counter = |name: &str, buckets: usize| {
        let buckets: Vec<String> = (0..buckets).map(|n| format!("{n:x}")).collect();
        chart(&format!("{name}{long}:{{{}}}", buckets.join(",")))
    };
    let said = |files: &[(String, String)]| {
        let folder = folder(files);
        let output = run(&mut check(folder.path()));
        (output.status.code(), text(&output.stderr))
    };
    let one = said(&[("charts/a.toml".into(), counter("a", 300))]);
    assert_eq!(one.0, Some(1));
    assert!(one.1.contains("expanded, the names of the group have"), "{}", one.1);
    let many: String = (0..100).map(|n| counter(&format!("a{n}"), 200)).collect();
    let all = said(&[("charts/a.toml".into(), many)]);
    assert_eq!(all.0, Some(1));
    assert!(all.1.contains("names of all counters have more than"), "{}", all.1);
    let few: String = (0..10).map(|n| counter(&format!("a{n}"), 200)).collect();
    assert_eq!(said(&[("charts/a.toml".into(), few)]), (Some(0), String::new()));
}
