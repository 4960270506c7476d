//! A deployment's witnesses: `[[witness]]` and `quorum`, or `policy`, and `refresh`, in `candor.toml`.
//!
//! ```toml
//! quorum = 2                     # or "all", "any", "none"; above every [table]
//! refresh = "6h"
//!
//! [[witness]]
//! name = "example"               # what messages call it
//! key = "witness.example/w1+..." # type 0x04 or 0x06
//! url = "https://witness.example/w1"   # its submission prefix
//! ```
//!
//! or, for groups of witnesses, `policy = "FILE"`: a C2SP tlog-policy, relative to the deployment's
//! folder. Either way the result is a [`Policy`] that has the log's own key, and its text, which is
//! served so that others can pin it.

use crate::address::Address;
use crate::charts::Diagnostics;
use crate::charts::diagnostic::Severity;
use crate::charts::text::SourceText;
use crate::tlog::{CLOCK_TOLERANCE, CosignerKey, Policy, VerifierKey, Witnesses as _};
use crate::witness::Feeder;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use toml::Spanned;

/// How often an unchanged head is cosigned again: often enough for clients with a limit of one day, even
/// after three failures; seldom enough for witnesses that allow a log 24 requests a day.
const REFRESH: Duration = Duration::from_secs(6 * 3600);
/// The shortest and longest useful intervals: by default, clients refuse what is a week old.
const SHORTEST: SignedDuration = SignedDuration::from_mins(1);
const LONGEST: SignedDuration = SignedDuration::from_hours(3 * 24);

/// The settings of witnesses in `candor.toml`.
#[derive(Debug, Clone, Default)]
pub(super) struct WitnessTables {
    pub(super) quorum: Option<Spanned<toml::Value>>,
    pub(super) policy: Option<Spanned<String>>,
    pub(super) refresh: Option<Spanned<String>>,
    pub(super) witnesses: Vec<Spanned<WitnessTable>>,
}

/// One `[[witness]]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WitnessTable {
    name: Spanned<String>,
    key: Spanned<String>,
    url: Spanned<String>,
}

/// The witnesses of a deployment.
#[derive(Debug, Clone)]
pub struct DeploymentWitnesses {
    /// The client that asks them.
    pub feeder: Arc<Feeder>,
    /// The policy that says how many of them must cosign, as a C2SP tlog-policy.
    pub policy_text: Arc<[u8]>,
    /// How old the cosignatures of the newest head may get.
    pub refresh: Duration,
    /// The file with the policy, if `candor.toml` names one.
    pub(super) policy_file: Option<PathBuf>,
}

impl DeploymentWitnesses {
    /// When a quorum had cosigned the note of a checkpoint, in seconds since 1970; if the policy asks for
    /// no witness, when any witness did last. `None` if that is not known.
    pub fn cosigned_at(&self, note: &str) -> Option<u64> {
        let believed = self.policy().check(note.as_bytes()).ok()?;
        match self.policy().needs_no_witness() {
            true => believed.cosigned.values().filter_map(|time| time.seconds()).max(),
            false => believed.fresh_at,
        }
    }

    /// Whether the note of a checkpoint has to be cosigned again: its quorum is older than `refresh`, or
    /// a witness cosigned it with a time in the future.
    pub fn is_due(&self, note: &str, now: Timestamp) -> bool {
        let now = u64::try_from(now.as_second()).unwrap_or(0);
        let since = now.saturating_sub(self.refresh.as_secs());
        let times = self.policy().check(note.as_bytes()).map(|believed| believed.cosigned);
        let is_to_come = times.is_ok_and(|times| {
            times.values().any(|time| time.seconds() > Some(now.saturating_add(CLOCK_TOLERANCE)))
        });
        is_to_come || self.cosigned_at(note).is_none_or(|at| at < since)
    }

    /// The policy.
    pub fn policy(&self) -> &Policy {
        self.feeder.policy()
    }
}

/// What is wrong: the byte offset in the settings, the problem, and how to fix it.
struct Fault(usize, String, String);

fn fault(at: &Spanned<impl Sized>, message: impl Into<String>, help: impl Into<String>) -> Fault {
    Fault(at.span().start, message.into(), help.into())
}

impl WitnessTables {
    /// The witnesses of the log with this key, deployed in `folder`. `None` if the settings do not
    /// mention any. `source` is the whole settings file.
    pub(super) fn read(
        &self,
        folder: &Path,
        source: &SourceText,
        log: &VerifierKey,
    ) -> Result<Option<DeploymentWitnesses>, Diagnostics> {
        self.find(folder, log).map_err(|Fault(at, message, help)| {
            source.diagnostic(Severity::Error, at, message).with_help(help).into()
        })
    }

    fn find(&self, folder: &Path, log: &VerifierKey) -> Result<Option<DeploymentWitnesses>, Fault> {
        let text = match (&self.policy, self.witnesses.first(), &self.quorum) {
            (None, None, None) => {
                return match &self.refresh {
                    None => Ok(None),
                    Some(refresh) => Err(fault(
                        refresh,
                        "refresh is set, but there is no witness to ask",
                        "remove it, or add a [[witness]] and a quorum",
                    )),
                };
            }
            (Some(file), None, None) => of_file(file, folder, log)?,
            (Some(file), ..) => {
                return Err(fault(
                    file,
                    "policy replaces [[witness]] and quorum, but these are given, too",
                    "write the witnesses and the quorum into the policy, or remove policy",
                ));
            }
            (None, witness, quorum) => {
                let Some(quorum) = quorum else {
                    let at = witness.map_or(0, |witness| witness.span().start);
                    return Err(Fault(
                        at,
                        "there is a [[witness]], but no quorum that says how many must cosign"
                            .to_owned(),
                        "write quorum = \"all\", \"any\", \"none\" or a number, above the first \
                         [table]"
                            .to_owned(),
                    ));
                };
                self.policy_text(quorum, log)?.into_bytes()
            }
        };
        let at = self.policy.as_ref().map_or(0, |policy| policy.span().start);
        let of_policy = |message: String| {
            let name = self.policy.as_ref().map_or("the witnesses", |policy| policy.get_ref());
            Fault(at, format!("{name}: {message}"), "correct it".to_owned())
        };
        let policy = Policy::parse(&text).map_err(|error| of_policy(error.to_string()))?;
        let feeder = Feeder::new(policy).map_err(|error| of_policy(error.to_string()))?;
        Ok(Some(DeploymentWitnesses {
            feeder: Arc::new(feeder),
            policy_text: text.into(),
            policy_file: self.policy.as_ref().map(|file| folder.join(file.get_ref())),
            refresh: self.refresh_interval()?,
        }))
    }

    fn refresh_interval(&self) -> Result<Duration, Fault> {
        let Some(refresh) = &self.refresh else { return Ok(REFRESH) };
        let parsed = refresh.get_ref().parse::<SignedDuration>().ok();
        let interval = parsed.filter(|interval| (SHORTEST..=LONGEST).contains(interval));
        interval.and_then(|interval| interval.try_into().ok()).ok_or_else(|| {
            fault(
                refresh,
                format!("refresh = {:?} is not a time from 1 minute to 3 days", refresh.get_ref()),
                "write it like \"6h\" or \"90m\"",
            )
        })
    }

    /// The policy of the `[[witness]]` tables.
    fn policy_text(
        &self,
        quorum: &Spanned<toml::Value>,
        log: &VerifierKey,
    ) -> Result<String, Fault> {
        let mut text = format!("log {log}\n");
        let mut names: Vec<&str> = Vec::new();
        let mut keys: Vec<CosignerKey> = Vec::new();
        for witness in &self.witnesses {
            let WitnessTable { name, key, url } = witness.get_ref();
            let word = name.get_ref().as_str();
            if word.is_empty() || word == "none" || !word.chars().all(|c| c.is_ascii_graphic()) {
                return Err(fault(
                    name,
                    format!("{word:?} cannot be the name of a witness"),
                    "choose a word without spaces that is not \"none\"",
                ));
            }
            if names.contains(&word) {
                return Err(fault(
                    name,
                    format!("two witnesses are called {word:?}"),
                    "choose another name for one of them",
                ));
            }
            let parsed: CosignerKey = key.get_ref().parse().map_err(|error| {
                fault(key, format!("the key of {word}: {error}"), "ask its operator for the vkey")
            })?;
            if let Some((other, _)) =
                names.iter().zip(&keys).find(|(_, other)| other.is_same_key(&parsed))
            {
                return Err(fault(
                    key,
                    format!("{word} has the same key as {other}"),
                    "remove one of the two: a key counts once",
                ));
            }
            if let Err(error) = url.get_ref().parse::<Address>() {
                return Err(fault(
                    url,
                    format!("the url of {word}: {error}"),
                    "write the witness's submission prefix, without /add-checkpoint",
                ));
            }
            names.push(word);
            keys.push(parsed);
            let _ = writeln!(text, "witness {word} {} {}", key.get_ref(), url.get_ref());
        }
        let count = names.len();
        let (threshold, is_known) = match quorum.get_ref() {
            toml::Value::String(word) => {
                (word.clone(), matches!(word.as_str(), "all" | "any" | "none"))
            }
            toml::Value::Integer(number) => (number.to_string(), *number >= 1),
            other => (other.to_string(), false),
        };
        if !is_known {
            return Err(fault(
                quorum,
                format!("quorum = {} is not a quorum", quorum.get_ref()),
                "write \"all\", \"any\", \"none\", or how many witnesses must cosign",
            ));
        }
        if threshold == "none" {
            text.push_str("quorum none\n");
            return Ok(text);
        }
        let number = match threshold.as_str() {
            "all" => count,
            "any" => 1,
            number => number.parse().unwrap_or(usize::MAX),
        };
        if number > count || count == 0 {
            return Err(fault(
                quorum,
                format!("quorum = {} asks for more than the {count} witnesses", quorum.get_ref()),
                "add a [[witness]], or lower the quorum",
            ));
        }
        // Choose a group name that no witness has.
        let mut group = "quorum".to_owned();
        while names.contains(&group.as_str()) {
            group.push('\'');
        }
        let _ = writeln!(text, "group {group} {threshold} {}\nquorum {group}", names.join(" "));
        Ok(text)
    }
}

/// The policy in a file, with the log's own key.
fn of_file(file: &Spanned<String>, folder: &Path, log: &VerifierKey) -> Result<Vec<u8>, Fault> {
    let path = folder.join(file.get_ref());
    let text = std::fs::read(&path).map_err(|error| {
        let help = "policy is a file, relative to this folder";
        fault(file, format!("cannot read {}: {error}", path.display()), help)
    })?;
    let policy = Policy::parse(&text)
        .map_err(|error| fault(file, format!("{}: {error}", path.display()), "correct it line"))?;
    if policy.logs().iter().any(|known| known.key == *log) {
        return Ok(text);
    }
    if policy.logs().iter().any(|known| known.key.name() == log.name()) {
        let message = format!("{} has another key for the log {}", path.display(), log.name());
        return Err(fault(file, message, format!("write its key there: {log}")));
    }
    Ok([format!("log {log}\n").as_bytes(), &text].concat())
}
