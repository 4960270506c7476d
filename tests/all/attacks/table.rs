//! The result of each attack, and the table of all of them.

use std::fmt::Write as _;

/// Who might notice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Eye {
    Client,
    Go,
    Witness,
    Audit,
    Verify,
    Browser,
}

impl Eye {
    pub const ALL: [Eye; 6] =
        [Eye::Client, Eye::Go, Eye::Witness, Eye::Audit, Eye::Verify, Eye::Browser];

    fn name(self) -> &'static str {
        match self {
            Eye::Client => "our client",
            Eye::Go => "the `go` command",
            Eye::Witness => "a witness",
            Eye::Audit => "`candor audit`",
            Eye::Verify => "`candor verify`",
            Eye::Browser => "a browser",
        }
    }
}

/// When it is noticed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// Even on a first visit.
    AtOnce,
    /// By those who saw the honest log before.
    NextLook,
    /// By those who require witnesses, once the freshness limit is over.
    Limit,
    /// Never.
    Never,
}

impl When {
    fn text(self) -> &'static str {
        match self {
            When::AtOnce => "at once",
            When::NextLook => "at its next look",
            When::Limit => "within the freshness limit",
            When::Never => "no",
        }
    }
}

/// What one of the observers reported.
#[derive(Debug, Clone)]
pub struct Seen {
    pub eye: Eye,
    pub when: When,
    pub message: String,
}

/// An attack, and who noticed.
#[derive(Debug, Clone)]
pub struct Row {
    pub attack: &'static str,
    /// What the attacker does.
    pub how: &'static str,
    pub seen: Vec<Seen>,
}

impl Row {
    pub fn is_noticed(&self) -> bool {
        self.seen.iter().any(|seen| seen.when != When::Never)
    }

    fn cell(&self, eye: Eye) -> &'static str {
        let seen = self.seen.iter().find(|seen| seen.eye == eye);
        seen.map_or("", |seen| seen.when.text())
    }
}

const INTRODUCTION: &str = "\
# Who notices what

Each attack below is carried out by a test (`tests/all/attacks`), which wrote this page: by a real server, with the
log's real key if the log's owner is the attacker. Everyone who might notice then looks at it with the program
that people really use. The messages are what these printed, with addresses, hashes and keys replaced.

*At once* means: even on a first visit. *At its next look*: by those who saw the honest log before, on this
machine. *Within the freshness limit*: by those who require witnesses, once their signatures are older than the
limit, a week by default. *No*: the attack goes unnoticed. An empty cell: it does not look at such things. *A
browser* means one that shows the pages of the log and of the newest version, with the script that verifies
them.
";

/// The page.
pub fn markdown(rows: &[Row]) -> String {
    let mut page = format!("{INTRODUCTION}\n| attack |");
    Eye::ALL.iter().for_each(|eye| page += &format!(" {} |", eye.name()));
    page += &format!("\n|{}\n", " --- |".repeat(Eye::ALL.len() + 1));
    for row in rows {
        let _ = write!(page, "| {} |", row.attack);
        Eye::ALL.iter().for_each(|eye| page += &format!(" {} |", row.cell(*eye)));
        page += "\n";
    }
    page += "\n# What they say\n";
    for row in rows {
        let _ = write!(page, "\n## {}\n\n{}\n\n", capital(row.attack), row.how);
        for seen in row.seen.iter().filter(|seen| seen.when != When::Never) {
            let message = seen.message.replace('`', "'");
            let _ = writeln!(page, "- {}: `{message}`", seen.eye.name());
        }
    }
    page
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_uppercase().collect::<String>() + letters.as_str()
    })
}

/// What a program printed, without the parts that differ in each run.
pub fn settled(message: &str) -> String {
    let mut words: Vec<String> = Vec::new();
    for word in message.split_whitespace() {
        words.push(settled_word(word));
    }
    let text = words.join(" ");
    match text.char_indices().nth(420) {
        None => text,
        Some((at, _)) => {
            let cut = text[..at].rsplit_once(' ').map_or(&text[..at], |(before, _)| before);
            format!("{cut} …")
        }
    }
}

fn settled_word(word: &str) -> String {
    let mut word = word.to_owned();
    while let Some(at) = word.find("http://127.0.0.1:") {
        let rest =
            word[at + "http://127.0.0.1:".len()..].trim_start_matches(|c: char| c.is_ascii_digit());
        word = format!("{}https://telemetry.example.org{rest}", &word[..at]);
    }
    if let Some(at) = word.find("/tmp/") {
        word = format!("{}FILE", &word[..at]);
    }
    // Runs of base64 or hexadecimal, which are longer than any word.
    let mut settled = String::new();
    let mut run = String::new();
    for letter in word.chars().chain(['\n']) {
        if letter.is_ascii_alphanumeric() || "+/=".contains(letter) {
            run.push(letter);
            continue;
        }
        let random = run.len() >= 40 && !run.contains("telemetry") && !run.contains("example");
        settled += if random { "HASH" } else { &run };
        run.clear();
        settled.push(letter);
    }
    let mut word = settled.trim_end_matches('\n').to_owned();
    // The ID of a key, after its name.
    for (at, _) in word.clone().match_indices('+') {
        let id: String = word[at + 1..].chars().take(8).collect();
        if id.len() == 8 && id.chars().all(|c| c.is_ascii_hexdigit()) {
            word = word.replace(&id, "KEYID");
            break;
        }
    }
    word
}
