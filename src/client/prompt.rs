//! Asking the user once whether to opt in.
//!
//! - **A stated share of users is asked**, and always the same ones: those for whom a hash of the project and
//!   of their home folder (its path, number and time of creation) is below the share. No identifier is made,
//!   kept or sent, nothing is written for those who are not asked, and a share that grows asks new people
//!   only.
//! - **Never twice.** Before the question is shown, `off` is stored as the user's choice. Whoever closes the
//!   terminal has said no. Where it cannot be stored, nobody is asked.
//! - **Only a person at a terminal**, where standard input, output and error are one; not where `CI`,
//!   `DO_NOT_TRACK` or the program's own variable is set, and not before the verb `telemetry`.
//! - **No is the default.** Only `y` or `yes` opts in.
//! - **What comes of it can be counted**: whoever says yes is counted as [`ACCEPTED`], and nobody else.

use super::day::Day;
use super::folder::Folder;
use super::mode::{Consent, DecidedBy, Mode};
use std::ffi::OsStr;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, BufRead, IsTerminal, Read, Write};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

/// The counter of those who said yes.
pub const ACCEPTED: &str = "telemetry/prompt:accepted";

/// The longest answer that is read, in bytes.
const LONGEST_ANSWER: u64 = 256;

/// Who is asked whether to opt in.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Prompt {
    /// Of all users, from 0 to 1.
    share: f64,
}

impl Prompt {
    /// Asks this share of the users who have not chosen yet, in percent: 0 asks nobody, 100 everybody. What
    /// is below 0 counts as 0, and what is above 100 as 100.
    pub const fn for_percent(percent: f64) -> Prompt {
        // What is not a number asks nobody.
        let percent = if percent >= 0.0 { percent } else { 0.0 };
        Prompt { share: if percent > 100.0 { 1.0 } else { percent / 100.0 } }
    }

    /// Whether a user is among those who are asked, by their number from 0 to 1.
    fn includes(self, number: f64) -> bool {
        number < self.share
    }
}

/// What the question is about.
pub(super) struct Question<'a> {
    /// The project.
    pub project: &'a str,
    pub folder: &'a Folder,
    pub consent: &'a Consent,
    /// The website of the deployment that reports go to; `None` if nothing is ever sent.
    pub site: Option<&'a str>,
    /// How the user changes their mind.
    pub verb: &'a str,
    pub today: Day,
}

/// Asks, if this process may. Says whether the user has said yes.
pub(super) fn ask(prompt: Prompt, question: &Question<'_>) -> bool {
    let is_set = |name: &str| std::env::var_os(name).is_some_and(|value| is_yes(&value));
    let is_terminal =
        io::stdin().is_terminal() && io::stdout().is_terminal() && io::stderr().is_terminal();
    let is_verb = std::env::args_os().nth(1).is_some_and(|argument| argument == "telemetry");
    if question.consent.decided_by != DecidedBy::NoModeFile
        || !is_terminal
        || is_set("CI")
        || is_verb
        || !prompt.includes(number_of_user(question.project))
    {
        return false;
    }
    ask_over(question, &mut io::stdin().lock(), &mut io::stderr().lock())
}

/// Whether an environment variable is set to anything but a no.
fn is_yes(value: &OsStr) -> bool {
    !["", "0", "false"].iter().any(|no| value == *no)
}

/// The question, over any terminal.
fn ask_over(question: &Question<'_>, from: &mut dyn BufRead, to: &mut dyn Write) -> bool {
    // First, so that nobody is asked twice, however this ends.
    if Mode::Off.store(question.folder, question.today).is_err() {
        return false;
    }
    let text = text(question);
    if to.write_all(text.as_bytes()).and_then(|()| to.flush()).is_err() {
        return false;
    }
    let mut answer = String::new();
    if from.take(LONGEST_ANSWER).read_line(&mut answer).is_err() {
        return false;
    }
    let is_yes = matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes");
    let mode = if question.site.is_some() { Mode::On } else { Mode::Local };
    let accepted = is_yes && mode.store(question.folder, question.today).is_ok();
    let said = match (accepted, is_yes) {
        (true, _) => format!("Thank you. `{} off` ends it at any time.\n", question.verb),
        (false, true) => "That could not be stored, so it stays off.\n".to_owned(),
        (false, false) => "It stays off, and you are not asked again.\n".to_owned(),
    };
    // Whoever cannot be told has still chosen.
    let _ = to.write_all(said.as_bytes()).and_then(|()| to.flush());
    accepted
}

fn text(question: &Question<'_>) -> String {
    let Question { project, site, verb, .. } = question;
    let sent = match site {
        Some(site) => format!(
            "If you agree, {project} counts on this machine how it is used, and once a week a\n\
             random sample of machines sends the totals to {site}.\n\
             Which counts may be sent is decided in public, and listed there; they have no\n\
             identifier, no address is stored, and everybody can see the results.\n\
             `{verb} view` shows what would be sent, before it is.\n"
        ),
        None => format!(
            "If you agree, {project} counts on this machine how it is used. Nothing is sent.\n\
             `{verb} view` shows what was counted.\n"
        ),
    };
    format!("\n{sent}You are asked this once.\nMay it? [y/N] ")
}

/// A number from 0 to 1 that is always the same for a user and a project, and evenly distributed.
fn number_of_user(project: &str) -> f64 {
    let home = std::env::var_os("HOME").or_else(|| std::env::var_os("USERPROFILE"));
    number_of(project, Path::new(&home.unwrap_or_default()))
}

fn number_of(project: &str, home: &Path) -> f64 {
    let mut hasher = DefaultHasher::new();
    (project, home).hash(&mut hasher);
    if let Ok(metadata) = std::fs::metadata(home) {
        #[cfg(unix)]
        std::os::unix::fs::MetadataExt::ino(&metadata).hash(&mut hasher);
        let created = metadata.created().ok();
        created.and_then(|time: SystemTime| time.duration_since(UNIX_EPOCH).ok()).hash(&mut hasher);
    }
    // 53 bits, which a float has.
    (hasher.finish() >> 11) as f64 / (1_u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn today() -> Day {
        "2026-11-22".parse().expect("a day")
    }

    /// Asks on a machine without a choice. Returns whether the user accepted, the choice, and what was shown.
    fn answered(answer: &str, site: Option<&str>) -> (bool, Mode, String) {
        let temporary = tempfile::tempdir().expect("a temporary folder");
        let folder = Folder::at(temporary.path().join("telemetry"));
        let consent = Consent::read(&folder, None);
        let question = Question {
            project: "example.org/tool",
            folder: &folder,
            consent: &consent,
            site,
            verb: "tool telemetry",
            today: today(),
        };
        let mut shown = Vec::new();
        let accepted = ask_over(&question, &mut answer.as_bytes(), &mut shown);
        let after = Consent::read(&folder, None);
        assert_eq!((after.decided_by, after.since), (DecidedBy::ModeFile, Some(today())));
        (accepted, after.mode, String::from_utf8(shown).expect("text"))
    }

    #[test]
    fn only_a_yes_opts_in_and_every_answer_is_the_last() {
        for yes in ["y\n", "Y\n", "yes\n", "  YES \r\n"] {
            let (accepted, mode, shown) = answered(yes, Some("https://telemetry.example.org"));
            assert_eq!((accepted, mode), (true, Mode::On), "{yes:?}");
            assert!(shown.contains("https://telemetry.example.org"), "{shown}");
            assert!(shown.contains("`tool telemetry off`"), "{shown}");
        }
        for no in ["\n", "n\n", "", "yes please\n", "\u{1b}[A\n", "ja\n", "yy\n"] {
            let (accepted, mode, _) = answered(no, Some("https://telemetry.example.org"));
            assert_eq!((accepted, mode), (false, Mode::Off), "{no:?}");
        }
        let (accepted, mode, shown) = answered("y\n", None);
        assert_eq!((accepted, mode), (true, Mode::Local));
        assert!(shown.contains("Nothing is sent"), "{shown}");
        // A flood is not an answer.
        let (accepted, mode, _) = answered(&"y".repeat(100_000), None);
        assert_eq!((accepted, mode), (false, Mode::Off));
    }

    #[test]
    fn nobody_is_asked_where_the_answer_cannot_be_stored() {
        let temporary = tempfile::tempdir().expect("a temporary folder");
        std::fs::write(temporary.path().join("file"), "").expect("written");
        let folder = Folder::at(temporary.path().join("file/telemetry"));
        let consent = Consent::read(&folder, None);
        let question = Question {
            project: "x",
            folder: &folder,
            consent: &consent,
            site: None,
            verb: "x telemetry",
            today: today(),
        };
        let mut shown = Vec::new();
        assert!(!ask_over(&question, &mut &b"y\n"[..], &mut shown));
        assert_eq!(shown, b"");
    }

    #[test]
    fn the_share_that_is_asked_is_the_one_that_was_stated() {
        let temporary = tempfile::tempdir().expect("a temporary folder");
        let users: Vec<f64> = (0..2000)
            .map(|user| number_of("example.org/tool", &temporary.path().join(user.to_string())))
            .collect();
        let asked = |percent| {
            let prompt = Prompt::for_percent(percent);
            users.iter().filter(|user| prompt.includes(**user)).count()
        };
        for none in [0.0, -5.0, f64::NAN] {
            assert_eq!(asked(none), 0, "{none}");
        }
        for all in [100.0, 250.0] {
            assert_eq!(asked(all), 2000, "{all}");
        }
        // 200 on average, with a standard deviation of 13.4.
        assert!((120..=280).contains(&asked(10.0)), "{}", asked(10.0));
        // Of those who are asked at 10%, all are among those at 20%.
        let (ten, twenty) = (Prompt::for_percent(10.0), Prompt::for_percent(20.0));
        assert!(users.iter().all(|user| !ten.includes(*user) || twenty.includes(*user)));
        // Always the same, and another for another project.
        let number = |project| number_of(project, temporary.path());
        assert_eq!(number("example.org/tool").to_bits(), number("example.org/tool").to_bits());
        assert_ne!(number("example.org/tool").to_bits(), number("example.org/other").to_bits());
    }
}
