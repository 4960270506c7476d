//! Consent: whether anything is counted, and whether anything is sent.
//!
//! The user's choice is one line in the file `mode` of the telemetry folder, in the format of
//! golang/telemetry (`internal/telemetry/dir.go`): the mode, a space, and the day on which it was
//! chosen (`on 2026-11-22`). It applies to all programs that share the folder.
//!
//! Silence is not consent. Without the file nothing is counted, except in a folder shared with Go's own
//! programs, where their default, `local`, applies. A file that cannot be read or understood means
//! `off`. So does `DO_NOT_TRACK` (<https://consoledonottrack.com>), unless it is empty, `0` or `false`:
//! it overrides the file. A program may name a variable of its own, which can only take away
//! ([`Consent::limited_by`]).
//!
//! Reports decide which weeks may be sent after `on`; everything that writes checks for `off` itself.

use super::day::Day;
use super::files;
use super::folder::Folder;
use std::ffi::OsStr;
use std::fmt;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// The longest mode file that is read, in bytes.
const LONGEST_CHOICE: u64 = 1024;

/// What the user allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Nothing is written and nothing is sent.
    Off,
    /// Programs count on this machine, and nothing is sent.
    Local,
    /// Programs count, and sampled reports are sent for weeks that began after opting in.
    On,
}

/// A text that is not a mode.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModeError(String);

impl fmt::Display for ModeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} is not a mode: choose on, local or off", self.0)
    }
}

impl std::error::Error for ModeError {}

/// What is allowed, since when, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Consent {
    /// What is allowed.
    pub mode: Mode,
    /// The day on which the user chose it, if the file says.
    pub since: Option<Day>,
    /// Who decided.
    pub decided_by: DecidedBy,
}

/// What a [`Consent`] is based on.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum DecidedBy {
    /// The user, in the mode file.
    ModeFile,
    /// The user has not chosen.
    NoModeFile,
    /// The environment variable `DO_NOT_TRACK`.
    DoNotTrack,
    /// The program's own environment variable, of this name.
    Variable(String),
    /// The mode file exists but cannot be understood; this says why.
    BadModeFile(String),
}

/// Why a choice could not be stored.
#[derive(Debug)]
pub struct SetModeError {
    path: PathBuf,
    source: io::Error,
}

impl fmt::Display for SetModeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot store the telemetry mode in {}: {}", self.path.display(), self.source)
    }
}

impl std::error::Error for SetModeError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.source)
    }
}

impl Consent {
    /// The consent for a folder, in a process with this value of `DO_NOT_TRACK`.
    ///
    /// Creates nothing. Any error means [`Mode::Off`].
    pub fn read(folder: &Folder, do_not_track: Option<&OsStr>) -> Consent {
        let off = |decided_by| Consent { mode: Mode::Off, since: None, decided_by };
        if do_not_track.is_some_and(|value| !["", "0", "false"].iter().any(|no| value == *no)) {
            return off(DecidedBy::DoNotTrack);
        }
        let mut path = folder.path().to_path_buf();
        let read = files::check_folder(&path).and_then(|()| {
            path = folder.mode_file();
            files::read_text(&path, LONGEST_CHOICE)
        });
        match read {
            Ok(text) => Consent::parse(&text).unwrap_or_else(|error| {
                off(DecidedBy::BadModeFile(format!("{}: {error}", path.display())))
            }),
            Err(e) if e.kind() == ErrorKind::NotFound => Consent {
                mode: if folder.is_shared_with_go() { Mode::Local } else { Mode::Off },
                since: None,
                decided_by: DecidedBy::NoModeFile,
            },
            Err(e) => off(DecidedBy::BadModeFile(format!("cannot read {}: {e}", path.display()))),
        }
    }

    /// The same, or less if the program's own environment variable says so: `off` (or `0`, `false`, `no`),
    /// or `local`. Any other value changes nothing: a variable cannot opt in, because it does not say since
    /// when.
    #[must_use]
    pub fn limited_by(self, variable: &str, value: Option<&OsStr>) -> Consent {
        let value = value.and_then(OsStr::to_str).unwrap_or_default().to_ascii_lowercase();
        let mode = match value.as_str() {
            "off" | "0" | "false" | "no" => Mode::Off,
            "local" if self.mode == Mode::On => Mode::Local,
            _ => return self,
        };
        if self.mode == Mode::Off {
            return self;
        }
        Consent { mode, decided_by: DecidedBy::Variable(variable.to_owned()), ..self }
    }

    /// Why it is so, in a few words to be put in parentheses after the mode.
    pub(crate) fn reason(&self, folder: &Path) -> String {
        match &self.decided_by {
            DecidedBy::ModeFile => match self.since {
                Some(since) => format!("chosen on {since}"),
                None => "chosen; the mode file does not say when".to_owned(),
            },
            DecidedBy::NoModeFile if !folder.is_dir() => {
                "nobody has chosen yet: the folder does not exist".to_owned()
            }
            DecidedBy::NoModeFile => "nobody has chosen yet".to_owned(),
            DecidedBy::DoNotTrack => "DO_NOT_TRACK is set".to_owned(),
            DecidedBy::Variable(name) => format!("{name} says so"),
            DecidedBy::BadModeFile(error) => error.clone(),
        }
    }

    /// The consent for a folder, in this process.
    pub fn now(folder: &Folder) -> Consent {
        Consent::read(folder, std::env::var_os("DO_NOT_TRACK").as_deref())
    }

    fn parse(text: &str) -> Result<Consent, ModeError> {
        let text = text.trim();
        let (mode, since) = match text.split_once(' ') {
            // As in Go's client, a malformed day is ignored.
            Some((mode, day)) => (mode, day.parse().ok()),
            None => (text, None),
        };
        Ok(Consent { mode: mode.parse()?, since, decided_by: DecidedBy::ModeFile })
    }
}

impl Mode {
    /// Stores the user's choice, made today, durably. The file is replaced atomically.
    ///
    /// # Errors
    ///
    /// The folder cannot be created or written. The old choice then remains.
    pub fn store(self, folder: &Folder, today: Day) -> Result<(), SetModeError> {
        let path = folder.mode_file();
        let in_file = |path: &Path| {
            let path = path.to_path_buf();
            move |source| SetModeError { path, source }
        };
        files::create_folder_durably(folder.path()).map_err(in_file(folder.path()))?;
        // Each process has a temporary name of its own. Of two choices at once, the last rename wins.
        let temporary = folder.path().join(format!(".mode.{}", std::process::id()));
        let choice = format!("{self} {today}");
        files::replace(&path, &temporary, choice.as_bytes()).map_err(in_file(&path))
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Mode::Off => "off",
            Mode::Local => "local",
            Mode::On => "on",
        })
    }
}

impl FromStr for Mode {
    type Err = ModeError;

    fn from_str(text: &str) -> Result<Mode, ModeError> {
        match text {
            "off" => Ok(Mode::Off),
            "local" => Ok(Mode::Local),
            "on" => Ok(Mode::On),
            _ => Err(ModeError(text.to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> Option<Day> {
        Some(text.parse().expect("a day"))
    }

    fn with_file(text: &[u8]) -> Consent {
        let temporary = tempfile::tempdir().expect("a temporary folder");
        let folder = Folder::at(temporary.path());
        std::fs::write(folder.mode_file(), text).expect("write");
        Consent::read(&folder, None)
    }

    #[test]
    fn the_mode_file_is_read_as_go_writes_it() {
        for (text, mode, since) in [
            ("on", Mode::On, None),
            ("on 2026-11-22", Mode::On, day("2026-11-22")),
            ("on 2026-11-22\n", Mode::On, day("2026-11-22")),
            ("on yesterday", Mode::On, None),
            ("local 2026-11-22", Mode::Local, day("2026-11-22")),
            ("off", Mode::Off, None),
            (" off 2026-11-22", Mode::Off, day("2026-11-22")),
        ] {
            let expected = Consent { mode, since, decided_by: DecidedBy::ModeFile };
            assert_eq!(with_file(text.as_bytes()), expected, "{text:?}");
        }
    }

    #[test]
    fn what_cannot_be_understood_is_not_consent() {
        for text in [&b""[..], b"yes", b"ON", b"on\t2026-11-22", b"https://example.org", b"\xff"] {
            let consent = with_file(text);
            assert_eq!(consent.mode, Mode::Off, "{text:?}");
            assert!(matches!(consent.decided_by, DecidedBy::BadModeFile(_)), "{text:?}");
        }
        let temporary = tempfile::tempdir().expect("a temporary folder");
        let folder = Folder::at(temporary.path());
        std::fs::create_dir(folder.mode_file()).expect("create");
        assert_eq!(Consent::read(&folder, None).mode, Mode::Off);
    }

    #[test]
    fn without_a_choice_nothing_is_counted_except_by_gos_default() {
        let temporary = tempfile::tempdir().expect("a temporary folder");
        let folder = Folder::at(temporary.path().join("missing"));
        let consent = Consent::read(&folder, None);
        assert_eq!((consent.mode, consent.decided_by), (Mode::Off, DecidedBy::NoModeFile));
        let shared = folder.clone().with_gos_rule();
        assert_eq!(Consent::read(&shared, None).mode, Mode::Local);
        assert!(!folder.path().exists());
    }

    #[test]
    fn do_not_track_overrides_the_file() {
        let temporary = tempfile::tempdir().expect("a temporary folder");
        let folder = Folder::at(temporary.path());
        Mode::On.store(&folder, day("2026-11-22").expect("a day")).expect("stored");
        for (value, mode) in [
            ("1", Mode::Off),
            ("true", Mode::Off),
            ("yes", Mode::Off),
            ("2", Mode::Off),
            ("", Mode::On),
            ("0", Mode::On),
            ("false", Mode::On),
        ] {
            assert_eq!(Consent::read(&folder, Some(OsStr::new(value))).mode, mode, "{value:?}");
        }
    }

    #[test]
    fn a_programs_own_variable_can_only_take_away() {
        let consent = |mode| Consent { mode, since: None, decided_by: DecidedBy::ModeFile };
        for (chosen, value, expected) in [
            (Mode::On, "off", Mode::Off),
            (Mode::On, "0", Mode::Off),
            (Mode::Local, "FALSE", Mode::Off),
            (Mode::On, "local", Mode::Local),
            (Mode::On, "on", Mode::On),
            (Mode::On, "", Mode::On),
            (Mode::Local, "on", Mode::Local),
            (Mode::Local, "local", Mode::Local),
            (Mode::Off, "on", Mode::Off),
            (Mode::Off, "local", Mode::Off),
        ] {
            let limited = consent(chosen).limited_by("TOOL_TELEMETRY", Some(OsStr::new(value)));
            assert_eq!(limited.mode, expected, "{chosen} {value}");
            let by = DecidedBy::Variable("TOOL_TELEMETRY".to_owned());
            assert_eq!(limited.decided_by == by, chosen != expected, "{chosen} {value}");
        }
        assert_eq!(consent(Mode::On).limited_by("TOOL_TELEMETRY", None), consent(Mode::On));
    }

    #[test]
    fn a_choice_is_stored_as_go_reads_it_and_replaces_the_last_one() {
        let temporary = tempfile::tempdir().expect("a temporary folder");
        let folder = Folder::at(temporary.path().join("a/b"));
        let today = "2026-11-22".parse().expect("a day");
        for (mode, text) in [
            (Mode::On, "on 2026-11-22"),
            (Mode::Local, "local 2026-11-22"),
            (Mode::Off, "off 2026-11-22"),
        ] {
            mode.store(&folder, today).expect("stored");
            assert_eq!(std::fs::read_to_string(folder.mode_file()).expect("read"), text);
        }
        assert_eq!(std::fs::read_dir(folder.path()).expect("list").count(), 1);
    }
}
