//! `candor signer`: where the log's one signer is, moving it, changing its key, and discarding a head
//! that it refuses.

use super::{DataFolder, Failure, Output};
use crate::client::{Address, Download as _, Http, RemoteLog};
use crate::count::entries;
use crate::publish::Deployment;
use crate::terminal::OneLine;
use crate::tlog::{
    Checkpoint, LockBackend as _, LogVerifiers, Note, Protocol, SeedLocation, SeenHead, SignerId,
    TreeHead,
};
use crate::witness::Witness;
use clap::Subcommand;
use serde::Serialize;
use std::fmt::{self, Write as _};

/// See and move the log's one signer.
///
/// A log has one signer: a folder on a machine, which keeps the last head that it signed apart from the
/// store. A copy of the folder, or a restored backup, is refused until the signer is moved there.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    candor signer show --data /srv/candor\n  \
    candor signer move --data /srv/candor --url https://telemetry.example.org")]
pub(super) struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Show which folder is the signer, and what was signed last.
    #[command(after_help = "Example:\n  candor signer show --data /srv/candor")]
    Show(DataFolder),
    /// Make this folder on this machine the log's one signer.
    ///
    /// Looks at everything that shows what was signed: the store's checkpoint and head, the signer's lock,
    /// what its witnesses have cosigned, and what the deployment serves at --url (a cache may delay that;
    /// witnesses know the newest). It continues from the newest, and changes nothing if they do not belong
    /// to one history or the store lacks some of it. From then on, the previous signer is refused. If its
    /// machine is still running and has a lock of its own, remove the key from it.
    #[command(after_help = "Example:\n  \
        candor signer move --data /srv/candor --url https://telemetry.example.org")]
    Move(MoveArgs),
    /// Introduce the log's next key, which signs together with the current one from now on.
    ///
    /// Both keys are trusted then: publish the new one wherever you published the old one, and give people
    /// time. Programs may be built with a policy that lists both; witnesses have to add the new key.
    /// Restart `serve` and `publish --watch`, so that they sign with both. Later run `candor signer retire`.
    #[command(after_help = "Example:\n  candor signer rotate --data /srv/candor")]
    Rotate(DataFolder),
    /// Make the next key the log's key, and forget the old one.
    ///
    /// Whoever does not know the next key by now will refuse the log from the next version on. Restart
    /// `serve` and `publish --watch`.
    #[command(after_help = "Example:\n  candor signer retire --data /srv/candor")]
    Retire(DataFolder),
    /// Go back to the head that was signed last, if the signer refuses what was committed after it.
    ///
    /// Only an invalid head is discarded, such as one that names a version without a zip, which no publisher
    /// commits. First find out who can write to the store.
    #[command(after_help = "Example:\n  candor signer discard --data /srv/candor")]
    Discard(DataFolder),
}

#[derive(Debug, clap::Args)]
struct MoveArgs {
    #[command(flatten)]
    data: DataFolder,
    /// Where the deployment is served; what is served there counts as signed.
    #[arg(long, value_name = "URL", required_unless_present = "not_served")]
    url: Option<String>,
    /// The log is not served anywhere, or no longer reachable. If that is wrong, two histories may be signed,
    /// and every client that saw one refuses the other.
    #[arg(long, conflicts_with = "url")]
    not_served: bool,
}

/// A tree head, as results show it.
#[derive(Debug, Serialize)]
struct Head {
    tree_size: u64,
    root: String,
}

impl From<TreeHead> for Head {
    fn from(head: TreeHead) -> Head {
        Head { tree_size: head.size.get(), root: head.root.to_string() }
    }
}

impl fmt::Display for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, root {}", entries(self.tree_size), self.root)
    }
}

pub(super) fn run(args: Args, out: Output) -> Result<(), Failure> {
    match args.verb {
        Verb::Show(data) => show(&Deployment::open(&data.folder)?, out),
        Verb::Move(args) => move_here(&Deployment::open(&args.data.folder)?, args.url, out),
        Verb::Rotate(data) => {
            let deployment = Deployment::open(&data.folder)?;
            let keys = Keys::from(&deployment.begin_rotation()?);
            let key = Deployment::open(&data.folder)?.next_seed_source().find();
            let text = format!(
                "from now on, every head is also signed with the next key:\n{keys}\
                 Back up {key}, and publish these keys. Restart `serve` and\n\
                 `publish --watch`. When people know them: candor signer retire --data {data}\n",
                key = OneLine(key),
                data = OneLine(data.folder.display()),
            );
            out.result(&keys, text)
        }
        Verb::Retire(data) => {
            let deployment = Deployment::open(&data.folder)?;
            let keys = Keys::from(&deployment.end_rotation()?);
            let mut text = format!("the log's keys from now on:\n{keys}");
            if let location @ (SeedLocation::Environment(_) | SeedLocation::Credential(_)) =
                deployment.next_seed_source().find()
            {
                let _ = writeln!(
                    text,
                    "Hand over {} as that of the log from now on.",
                    OneLine(location)
                );
            }
            let _ = writeln!(text, "Restart `serve` and `publish --watch`.");
            out.result(&keys, text)
        }
        Verb::Discard(data) => {
            let head = Head::from(Deployment::open(&data.folder)?.log()?.discard()?);
            let text = format!("the log is back at what was signed last: {head}\n");
            out.result(&head, text)
        }
    }
}

/// The keys that clients verify with.
#[derive(Debug, Serialize)]
struct Keys {
    sumdb_key: String,
    log_key: String,
}

impl From<&LogVerifiers> for Keys {
    fn from(keys: &LogVerifiers) -> Keys {
        Keys { sumdb_key: keys.sumdb.to_string(), log_key: keys.log.to_string() }
    }
}

impl fmt::Display for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "  {}   the go command's checksum database (GOSUMDB)", self.sumdb_key)?;
        writeln!(f, "  {}   the transparency log (C2SP tlog-tiles)", self.log_key)
    }
}

/// What `candor signer show` prints.
#[derive(Debug, Serialize)]
struct Shown {
    /// Whether this folder is the signer.
    here: bool,
    /// Why it is not.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// Where the key is.
    key: String,
    /// Why it cannot be used, or what to know about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    key_note: Option<String>,
    /// The keys that also sign, during a rotation.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<Keys>,
    lock: String,
    lock_signer: Option<String>,
    registered: Option<String>,
    last_signed: Option<Head>,
    published: Option<Head>,
    committed: Option<Head>,
}

fn show(deployment: &Deployment, out: Output) -> Result<(), Failure> {
    let standing = deployment.signer_status()?;
    let lock_signer = standing.lock.as_ref().and_then(|record| record.signer.clone());
    let reason = match deployment.signer() {
        Err(e) => Some(e.to_string()),
        Ok(id) if lock_signer.as_ref() != Some(&id) => {
            Some(format!("this folder is the signer {id}, and the lock does not name it"))
        }
        Ok(id) if standing.registered.as_ref() != Some(&id) => {
            Some(format!("this folder is the signer {id}, and the store does not name it"))
        }
        Ok(_) => None,
    };
    let name = |id: Option<SignerId>| id.map(|id| id.to_string());
    let shown = Shown {
        here: reason.is_none(),
        reason,
        key: deployment.seed_source().find().to_string(),
        key_note: key_note(deployment),
        next: deployment.next_verifiers().map(Keys::from),
        lock: deployment.lock()?.location(),
        lock_signer: name(lock_signer),
        registered: name(standing.registered),
        last_signed: standing.lock.map(|record| record.head.into()),
        published: standing.published.map(Head::from),
        committed: standing.committed.map(Head::from),
    };
    out.result(&shown, &shown)
}

/// What to know about the log's key.
fn key_note(deployment: &Deployment) -> Option<String> {
    match deployment.seed_source().load() {
        Err(error) => Some(error.to_string()),
        Ok(seed) if !seed.is_locked() => Some(
            "it may be written to swap: raise the limit of locked memory (`ulimit -l`, LimitMEMLOCK=)"
                .to_owned(),
        ),
        Ok(_) => None,
    }
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.reason {
            None => writeln!(f, "the log's signer is this folder")?,
            Some(reason) => writeln!(f, "the log's signer is not this folder: {reason}")?,
        }
        let none = || "none".to_owned();
        let name = |id: &Option<String>| id.clone().unwrap_or_else(none);
        let head = |head: &Option<Head>| head.as_ref().map_or_else(none, ToString::to_string);
        writeln!(f, "  key             {}", self.key)?;
        if let Some(note) = &self.key_note {
            writeln!(f, "                  {note}")?;
        }
        if let Some(next) = &self.next {
            writeln!(f, "  the next key    {}", next.log_key)?;
        }
        writeln!(f, "  lock            {}", self.lock)?;
        writeln!(f, "  it names        {}", name(&self.lock_signer))?;
        writeln!(f, "  the store names {}", name(&self.registered))?;
        writeln!(f, "  last signed     {}", head(&self.last_signed))?;
        writeln!(f, "  published       {}", head(&self.published))?;
        writeln!(f, "  committed       {}", head(&self.committed))
    }
}

/// What `candor signer move` prints.
#[derive(Debug, Serialize)]
struct Moved {
    signer: String,
    #[serde(flatten)]
    head: Head,
}

fn move_here(deployment: &Deployment, url: Option<String>, out: Output) -> Result<(), Failure> {
    let looked_at_url = url.is_some();
    let mut seen = cosigned(deployment, out);
    seen.extend(url.map(|url| served(deployment, &url)).transpose()?);
    let head = Head::from(deployment.move_signer(seen)?);
    let signer = deployment.signer()?.to_string();
    let whose = match deployment.is_lock_shared() {
        true => "every folder that has the key and uses the signer's lock",
        false => "this folder",
    };
    let mut text = format!("the log's signer is {whose} from now on ({signer})\n  {head}\n");
    let _ = match deployment.is_lock_shared() {
        true => writeln!(
            text,
            "Machines that have the same keys/ and candor.toml sign, too, and need no move. Where a copy of the key \
             is used without this lock, remove it: there it is refused only as long as the store says so."
        ),
        false => writeln!(
            text,
            "If the previous signer still exists, remove keys/log.seed from it: it is refused only as long as \
             the store says so."
        ),
    };
    if !looked_at_url {
        let _ =
            writeln!(text, "What the deployment serves was not looked at, as --not-served says.");
    }
    out.result(&Moved { signer, head }, text)
}

/// What the deployment's witnesses cosigned last, which no cache delays. If one cannot be asked, that is
/// printed, and the rest goes on.
fn cosigned(deployment: &Deployment, out: Output) -> Vec<SeenHead> {
    let origin = Protocol::TlogTiles.origin(deployment.host());
    let path = format!("{}/checkpoint", Witness::origin_hash(&origin));
    let http = Http::new();
    let ask = |url: &str| -> Result<TreeHead, Failure> {
        let url = url.trim_end_matches('/').parse::<Address>()?.join(&path);
        let bytes = http.get(&url, Note::MAXIMUM_LENGTH)?;
        let bytes = bytes.ok_or_else(|| Failure::new(format!("there is nothing at {url}")))?;
        let checkpoint = Checkpoint::open(&bytes, &deployment.verifiers().log, &origin)?;
        Ok(checkpoint.head())
    };
    let policy = deployment.witnesses().map(|witnesses| witnesses.policy());
    let mut seen = Vec::new();
    for witness in policy.map(|policy| policy.witnesses()).unwrap_or_default() {
        let (name, url) = (OneLine(&witness.name), witness.url.as_ref().map(ToString::to_string));
        match ask(&url.unwrap_or_default()) {
            Ok(head) => seen.push(SeenHead { what: format!("log that {name} has cosigned"), head }),
            Err(e) => {
                out.say(format_args!("what {name} has cosigned could not be read: {}", e.message));
            }
        }
    }
    seen
}

/// The head that a deployment serves.
fn served(deployment: &Deployment, url: &str) -> Result<SeenHead, Failure> {
    let address: Address = format!("{}/log", url.trim_end_matches('/')).parse()?;
    let http = Http::new();
    let bytes = RemoteLog::new(&address, &http).checkpoint()?;
    let origin = Protocol::TlogTiles.origin(deployment.host());
    let checkpoint = Checkpoint::open(&bytes, &deployment.verifiers().log, &origin)
        .map_err(|e| Failure::new(format!("the checkpoint at {url} is not this log's: {e}")))?;
    Ok(SeenHead { what: format!("log at {url}"), head: checkpoint.head() })
}
