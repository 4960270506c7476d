//! Reports for a receiver, valid and broken, reproducible from a seed. They are generated as trees, so
//! that a mutation can do what no JSON library would write.

use super::receiver::week;

/// A small generator of random numbers (splitmix64), the same on every machine.
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit as u64) as usize
    }

    fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }
}

/// JSON in which an object may have a key twice, and a value may be malformed.
#[derive(Clone)]
enum Tree {
    Object(Vec<(String, Tree)>),
    List(Vec<Tree>),
    /// Printed as it is.
    Raw(String),
}

fn string(text: &str) -> Tree {
    Tree::Raw(serde_json::to_string(text).expect("JSON"))
}

impl Tree {
    fn print(&self, out: &mut String) {
        match self {
            Tree::Raw(text) => out.push_str(text),
            Tree::List(items) => {
                out.push('[');
                for (at, item) in items.iter().enumerate() {
                    out.push_str(if at == 0 { "" } else { "," });
                    item.print(out);
                }
                out.push(']');
            }
            Tree::Object(fields) => {
                out.push('{');
                for (at, (key, value)) in fields.iter().enumerate() {
                    out.push_str(if at == 0 { "" } else { ", " });
                    out.push_str(&serde_json::to_string(key).expect("JSON"));
                    out.push_str(": ");
                    value.print(out);
                }
                out.push('}');
            }
        }
    }

    /// How many trees there are in it, itself included.
    fn size(&self) -> usize {
        match self {
            Tree::Raw(_) => 1,
            Tree::List(items) => 1 + items.iter().map(Tree::size).sum::<usize>(),
            Tree::Object(fields) => 1 + fields.iter().map(|(_, v)| v.size()).sum::<usize>(),
        }
    }

    /// The tree with this number, counted in the order in which they are printed.
    fn at(&mut self, number: usize) -> Option<&mut Tree> {
        fn find<'a>(tree: &'a mut Tree, number: &mut usize) -> Option<&'a mut Tree> {
            if *number == 0 {
                return Some(tree);
            }
            *number -= 1;
            match tree {
                Tree::Raw(_) => None,
                Tree::List(items) => items.iter_mut().find_map(|item| find(item, number)),
                Tree::Object(fields) => fields.iter_mut().find_map(|(_, v)| find(v, number)),
            }
        }
        let mut number = number;
        find(self, &mut number)
    }
}

/// An upload: the date in the address, and the body.
pub struct Upload {
    pub date: String,
    pub body: Vec<u8>,
    /// Whether it was not mutated.
    pub untouched: bool,
}

/// The weeks of the reports that are generated.
pub fn weeks() -> Vec<String> {
    let week = week();
    (0..20)
        .map(|days| week.checked_sub(jiff::ToSpan::days(days)).expect("a day").to_string())
        .collect()
}

/// Everything that the second config allows, by program.
const PROGRAMS: [(&str, &[&str], &str, usize); 2] = [
    ("hello", &["hello/verb:run", "hello/verb:stop", "hello/rare"], "crash/panic", 5),
    ("tool", &["tool/mode:fast", "tool/mode:slow"], "tool/bug", 2),
];
const FRAMES: [&str; 11] = [
    "main.main:+12,+0x34",
    "runtime.goexit:+0,+0x1",
    "golang.org/x/tools/gopls/internal/cache.(*Session).NewView:+12,+0x3f",
    "example.org/list.(*List[...]).Push:=1,+0x2",
    "hello::build::run:=42",
    "größe::{closure}:=7",
    "type:.eq.struct { A interface {}; B string \"json:\\\"b,omitempty\\\"\" }:+0,+0x17",
    "type:.hash.[2]interface {}:+0,+0x17",
    "go:(*struct { io.Reader; io.Closer }).Close:+0,+0x1",
    "git.sr.ht/~alice/mail.Send:+1,+0x2",
    ".memeqbody:+3,+0x1",
];
/// Lines that no stack may have.
const NO_FRAMES: [&str; 6] = [
    "std::vector<int, std::allocator<int> >::at:=7,+0x1",
    "main.main:+3,+0x7fff5c0ffee0",
    "a secret word",
    "/home/alice/main.go",
    "type:.eq.struct { A string \"\u{202e}\" }:+0,+0x17",
    "",
];

fn program(random: &mut Random, which: usize, version: &str) -> Tree {
    let (name, counters, stack, depth) = PROGRAMS[which];
    let mut counts = Vec::new();
    for counter in counters {
        if random.one_in(2) {
            // Go's client sends counters that were created but not incremented, or went beyond 2^63.
            let count = match random.below(8) {
                0 => "0".to_owned(),
                1 => "-1".to_owned(),
                _ => (1 + random.below(999)).to_string(),
            };
            counts.push(((*counter).to_owned(), Tree::Raw(count)));
        }
    }
    let mut stacks: Vec<(String, Tree)> = Vec::new();
    for number in 0..random.below(3) {
        let mut key = stack.to_owned();
        // Go's client truncates at 16 calls, and then adds inlined ones.
        for _ in 0..random.below(depth + 3) {
            let strange = random.one_in(12);
            let frame = if strange { random.pick(&NO_FRAMES) } else { random.pick(&FRAMES) };
            key = key + "\n" + frame;
        }
        // Makes the stack differ from the one before, though perhaps below the depth.
        key += &format!("\nhello::f{number}:=1");
        key += random.pick(&[
            "",
            "",
            "",
            "\ntruncated",
            "\nmain.ma\ntruncated\n",
            "\n\"\ntruncated\n",
        ]);
        stacks.push((key, Tree::Raw("1".to_owned())));
    }
    let fields = [
        ("Program", string(&format!("example.org/{name}"))),
        ("Version", string(version)),
        ("GoVersion", string(random.pick(&["go1.26.8", "rust1.95.0"]))),
        ("GOOS", string(random.pick(&["linux", "windows", "windows", "plan9"]))),
        ("GOARCH", string(random.pick(&["amd64", "arm64", "arm64", "386"]))),
        ("Counters", Tree::Object(counts)),
        ("Stacks", Tree::Object(stacks)),
    ];
    Tree::Object(fields.map(|(key, value)| (key.to_owned(), value)).to_vec())
}

/// A report as an honest client under the second config may send it, with zero or more mutations.
pub fn upload(random: &mut Random) -> Upload {
    let weeks = weeks();
    let date = weeks[random.below(weeks.len())].clone();
    let mut programs = Vec::new();
    for which in 0..2 {
        for version in ["v1.0.0", "v1.1.0"] {
            if random.one_in(2) {
                programs.push(program(random, which, version));
            }
        }
    }
    let last_week: &str = random.pick(&["", "2020-01-01", "2020-01-01", &weeks[0]]);
    // Below every rate, and almost always unique.
    let x = (random.next() >> 11) as f64 / (1_u64 << 53) as f64 * 0.2 + 1e-9;
    let programs =
        if programs.is_empty() { Tree::Raw("null".into()) } else { Tree::List(programs) };
    let fields = [
        ("Week", string(&date)),
        ("LastWeek", string(last_week)),
        ("X", Tree::Raw(x.to_string())),
        ("Programs", programs),
        ("Config", string("v0.2.0")),
    ];
    let mut tree = Tree::Object(fields.map(|(key, value)| (key.to_owned(), value)).to_vec());
    let mutations = random.below(4);
    for _ in 0..mutations {
        mutate(random, &mut tree);
    }
    let mut body = String::new();
    tree.print(&mut body);
    let mut body = body.into_bytes();
    let broken = !body.is_empty() && random.one_in(6);
    if broken {
        break_text(random, &mut body);
    }
    let elsewhere = random.one_in(20);
    let date = if elsewhere {
        random.pick(&["2026-02-30", "today", "%00", "2020-01-01", "1e3", "..%2f..", "9999-12-31"])
    } else {
        &date
    };
    let untouched = mutations == 0 && !broken && !elsewhere;
    Upload { date: date.to_owned(), body, untouched }
}

const NUMBERS: [&str; 26] = [
    "0",
    "-0",
    "-1",
    "1",
    "2",
    "0.5",
    "0.99",
    "1.0",
    "1e3",
    "1E+2",
    "1e-3",
    "1e-320",
    "1e308",
    "1e309",
    "1e999999999",
    "9223372036854775807",
    "9223372036854775808",
    "18446744073709551615",
    "18446744073709551616",
    "00",
    "01",
    "+1",
    ".5",
    "5.",
    "NaN",
    "-Infinity",
];
const TEXTS: [&str; 30] = [
    "\"\"",
    "\"a secret word\"",
    "\"\\u0000\"",
    "\"\\ud800\"",
    "\"\\ud83d\\ude00\"",
    "\"\\uDC00\\uD800\"",
    "\"\u{202e}\u{feff}\"",
    "\"\\n\"",
    "\"crash/panic\"",
    "\"crash/panic\\n\"",
    "\"hello/rare\"",
    "\"v0.1.0\"",
    "\"v0.3.0\"",
    "\"v0.18446744073709551615.0\"",
    "\"v1.0.0\"",
    "\"go1.26.8\"",
    "\"linux\"",
    "\"LINUX\"",
    "\"example.org/tool\"",
    "\"example.org/hello \"",
    "\"2026-13-01\"",
    "\"0000-00-00\"",
    "\"9999-12-31\"",
    "\"203.0.113.77\"",
    "\"C:\\\\Users\\\\alice\"",
    "\"{run,help}\"",
    "\"unterminated",
    "'single'",
    "\"tab\tinside\"",
    "\"\\x41\"",
];
const OTHERS: [&str; 10] =
    ["null", "true", "false", "[]", "{}", "[[]]", "{\"\":{}}", "nul", "", "{\"Counters\":{}}"];
const KEYS: [&str; 16] = [
    "Week",
    "week",
    "X",
    "x",
    "Programs",
    "Counters",
    "Stacks",
    "Extra",
    "",
    "GOOS",
    "IP",
    "hello/verb:run",
    "tool/mode:fast",
    "crash/panic\nmain.main:+1",
    "crash/panic\n/home/alice",
    "hello/verb:{run,stop}",
];

/// Changes one thing somewhere in the tree.
fn mutate(random: &mut Random, tree: &mut Tree) {
    let place = random.below(tree.size());
    let Some(found) = tree.at(place) else { return };
    match found {
        Tree::Object(fields) if !fields.is_empty() && random.one_in(2) => {
            let at = random.below(fields.len());
            match random.below(5) {
                0 => drop(fields.remove(at)),
                1 => fields.push(fields[at].clone()),
                2 => fields[at].0 = random.pick(&KEYS).to_owned(),
                3 => {
                    let value = Tree::Raw(random.pick(&NUMBERS).to_owned());
                    fields.push((random.pick(&KEYS).to_owned(), value));
                }
                _ => fields[at].0 = change_text(random, &fields[at].0),
            }
        }
        Tree::List(items) if !items.is_empty() && random.one_in(2) => {
            let at = random.below(items.len());
            match random.below(3) {
                0 => drop(items.remove(at)),
                1 => items.push(items[at].clone()),
                _ => items.swap(at, 0),
            }
        }
        value => {
            let raw = match random.below(8) {
                0..=2 => random.pick(&NUMBERS).to_owned(),
                3..=4 => random.pick(&TEXTS).to_owned(),
                5 => random.pick(&OTHERS).to_owned(),
                6 => {
                    let depth = random.pick(&[1, 10, 127, 128, 129, 5_000]);
                    let (open, close) = random.pick(&[("[", "]"), ("{\"a\":", "}")]);
                    open.repeat(depth) + "1" + &close.repeat(depth)
                }
                _ => match value {
                    Tree::Raw(text) => change_text(random, text),
                    _ => "\"\"".to_owned(),
                },
            };
            *value = Tree::Raw(raw);
        }
    }
}

/// Inserts, removes or replaces characters.
fn change_text(random: &mut Random, text: &str) -> String {
    let mut characters: Vec<char> = text.chars().collect();
    let at = random.below(characters.len() + 1);
    let new = random
        .pick(&['a', 'Z', '0', '9', '.', ':', '/', ' ', '\n', '"', '\\', '\0', 'ß', '😀', '{']);
    match random.below(4) {
        0 => characters.insert(at, new),
        1 if at < characters.len() => drop(characters.remove(at)),
        2 if at < characters.len() => characters[at] = new,
        _ => characters.extend(std::iter::repeat_n(new, random.pick(&[1, 60, 300]))),
    }
    characters.into_iter().collect()
}

/// Breaks the bytes themselves.
fn break_text(random: &mut Random, body: &mut Vec<u8>) {
    let at = random.below(body.len());
    match random.below(6) {
        0 => body.truncate(at),
        1 => body[at] ^= 1 << random.below(8),
        2 => drop(body.splice(at..at, *b"\xff\xfe")),
        3 => drop(body.splice(0..0, *b"\xef\xbb\xbf")),
        4 => body.extend_from_slice(random.pick(&[b"{}".as_slice(), b" \n\t", b"\0", b"]"])),
        _ => {
            let end = (at + 1 + random.below(30)).min(body.len());
            body.drain(at..end);
        }
    }
}
