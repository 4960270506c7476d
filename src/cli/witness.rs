//! `candor witness`: serving and managing a witness of transparency logs.

use super::listen::{bind, url};
use super::signals::stop_signal;
use super::{DataFolder, Failure, Output, runtime};
use crate::terminal::OneLine;
use crate::tlog::Origin;
use crate::web::{self, ListenAddress};
use crate::witness::{
    KeyKind, ListedLog, LogKey, Witness, WitnessFolder, WitnessKeyInfo, WitnessLogInfo,
};
use clap::Subcommand;
use jiff::Timestamp;
use serde::Serialize;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Duration;

/// How long to wait for threads that use a disk, when the process is asked to stop.
const LAST_WRITES: Duration = Duration::from_secs(1);

/// Cosign the checkpoints of other people's logs (C2SP tlog-witness).
///
/// Serves the witness in DIR/witness, which `candor witness init` makes. The submission prefix and the
/// monitoring prefix are the address itself. Prints `listening on http://ADDR` when ready. A changed list
/// of logs is read at once; SIGHUP reloads keys and settings. Stops on SIGINT or SIGTERM. Put a
/// TLS-terminating proxy in front.
#[derive(Debug, clap::Args)]
#[command(
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    after_help = "Examples:\n  \
        candor witness init --data /srv/witness --name witness.example.org\n  \
        candor witness add-log --data /srv/witness VKEY\n  \
        candor witness --data /srv/witness --listen localhost:8081"
)]
pub(super) struct Args {
    #[command(subcommand)]
    verb: Option<Verb>,
    /// The folder whose witness is served.
    #[arg(long, value_name = "DIR", env = "CANDOR_DATA_DIR", required = true)]
    data: Option<PathBuf>,
    /// Where to listen: HOST:PORT, :PORT for all addresses, or unix:/PATH; port 0 takes a free one.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8081")]
    listen: ListenAddress,
    /// A second address, for /health and /metrics; best kept on loopback.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:0")]
    admin: ListenAddress,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Make a witness: a key of each kind, and an empty list of logs.
    #[command(after_help = "Example:\n  \
        candor witness init --data /srv/witness --name witness.example.org")]
    Init(InitArgs),
    /// Show the witness's keys, and its logs with their last cosigned head.
    #[command(after_help = "Example:\n  candor witness show --data /srv/witness")]
    Show(DataFolder),
    /// Add a log to the witness's list; a running witness cosigns it from then on.
    ///
    /// A log with several keys, as during a rotation, is added once for each.
    #[command(after_help = "Example:\n  \
        candor witness add-log --data /srv/witness \\\n    \
        telemetry.example.org/log+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k")]
    AddLog(Box<AddLogArgs>),
    /// Make another key; the witness cosigns with all that are in force.
    ///
    /// To change a key, add the new one, wait until everyone's policy lists it, and retire the old one. A
    /// running witness uses it after SIGHUP.
    #[command(after_help = "Example:\n  \
        candor witness add-key --data /srv/witness --kind ml-dsa-44")]
    AddKey(AddKeyArgs),
    /// Make this copied folder the witness.
    ///
    /// A witness is one folder. A copy is refused, because it may not know what was cosigned since it was
    /// made. Stop the other witness for good, copy its folder, and confirm that here.
    #[command(after_help = "Example:\n  \
        candor witness move --data /srv/witness --nothing-newer")]
    Move(MoveArgs),
    /// Retire a key; its seed may be removed after that. A running witness follows after SIGHUP.
    #[command(after_help = "Example:\n  \
        candor witness retire-key --data /srv/witness 530d903a --until 2027-12-01T00:00:00Z")]
    RetireKey(RetireKeyArgs),
}

#[derive(Debug, clap::Args)]
struct InitArgs {
    #[command(flatten)]
    data: DataFolder,
    /// The name in every cosignature: a host and perhaps a path, without https://.
    #[arg(long, value_name = "NAME")]
    name: String,
}

#[derive(Debug, clap::Args)]
struct AddLogArgs {
    #[command(flatten)]
    data: DataFolder,
    /// The log's verifier key.
    key: LogKey,
    /// The log's origin, if it is not the key's name.
    #[arg(long)]
    origin: Option<String>,
    /// How many checkpoints per day the log may submit.
    #[arg(long, value_name = "NUMBER", default_value_t = 86_400, value_parser = clap::value_parser!(u64).range(1..))]
    per_day: u64,
    /// How to reach the log's operator.
    #[arg(long, value_name = "TEXT", default_value = "unknown")]
    contact: String,
}

#[derive(Debug, clap::Args)]
struct AddKeyArgs {
    #[command(flatten)]
    data: DataFolder,
    /// ml-dsa-44, as the specification recommends, or ed25519, which every verifier knows.
    #[arg(long)]
    kind: KeyKind,
    /// When it begins to cosign [default: now].
    #[arg(long, value_name = "TIME")]
    since: Option<Timestamp>,
}

#[derive(Debug, clap::Args)]
struct MoveArgs {
    #[command(flatten)]
    data: DataFolder,
    /// Confirm that nothing was cosigned since the copy was made, and that the other folder will never cosign
    /// again. If that is wrong, two histories of a log may be cosigned.
    #[arg(long, required = true)]
    nothing_newer: bool,
}

#[derive(Debug, clap::Args)]
struct RetireKeyArgs {
    #[command(flatten)]
    data: DataFolder,
    /// The key's ID, or its whole verifier key.
    key: String,
    /// When it is retired [default: now].
    #[arg(long, value_name = "TIME")]
    until: Option<Timestamp>,
}

/// What `init` and `show` print.
#[derive(Debug, Serialize)]
struct Shown {
    name: String,
    keys: Vec<WitnessKeyInfo>,
    logs: Vec<WitnessLogInfo>,
}

pub(super) fn run(args: Args, out: Output) -> Result<(), Failure> {
    match args.verb {
        None => {
            let data =
                args.data.ok_or_else(|| Failure::usage("say which folder with --data DIR"))?;
            super::private::warn_of_wide_modes(&data, out);
            serve(Witness::open(&data)?, &args.listen, &args.admin, out)
        }
        Some(Verb::Init(args)) => show(&WitnessFolder::create(&args.data.folder, &args.name)?, out),
        Some(Verb::Show(data)) => show(&WitnessFolder::open(&data.folder)?, out),
        Some(Verb::AddLog(args)) => add_log(*args, out),
        Some(Verb::AddKey(args)) => {
            let mut folder = WitnessFolder::open(&args.data.folder)?;
            let key = folder.add_key(args.kind, args.since)?;
            out.result(&serde_json::json!({ "vkey": key.to_string() }), format!("{key}\n"))
        }
        Some(Verb::Move(args)) => {
            let folder = WitnessFolder::open(&args.data.folder)?;
            folder.move_here()?;
            show(&folder, out)
        }
        Some(Verb::RetireKey(args)) => {
            let mut folder = WitnessFolder::open(&args.data.folder)?;
            let until = args.until.unwrap_or_else(Timestamp::now);
            folder.end_key(&args.key, until)?;
            let ended = serde_json::json!({ "key": args.key, "until": until });
            out.result(&ended, format!("{} cosigns until {until}\n", OneLine(&args.key)))
        }
    }
}

fn add_log(args: AddLogArgs, out: Output) -> Result<(), Failure> {
    let folder = WitnessFolder::open(&args.data.folder)?;
    let AddLogArgs { key, per_day, contact, .. } = args;
    let origin = match args.origin {
        Some(origin) => Origin::new(origin)?,
        None => Origin::from(key.name().clone()),
    };
    let log = ListedLog { origin, key, per_day, contact };
    folder.add_log(&log)?;
    let hash = Witness::origin_hash(&log.origin);
    let text = format!(
        "{} is cosigned from now on; monitors read {hash}/checkpoint\n",
        OneLine(&log.origin)
    );
    out.result(&serde_json::json!({ "origin": log.origin.as_str(), "hash": hash }), text)
}

fn show(folder: &WitnessFolder, out: Output) -> Result<(), Failure> {
    let shown = Shown { name: folder.name().to_owned(), keys: folder.keys(), logs: folder.logs()? };
    let mut text = format!("{} cosigns with:\n", OneLine(&shown.name));
    for key in &shown.keys {
        let _ = write!(text, "  {}", OneLine(&key.vkey));
        let _ = key.since.map(|since| write!(text, "  since {since}"));
        let _ = key.until.map(|until| write!(text, "  until {until}"));
        text.push('\n');
    }
    let _ = writeln!(text, "Logs:{}", if shown.logs.is_empty() { " none yet" } else { "" });
    for log in &shown.logs {
        let _ = write!(text, "  {}  ", OneLine(&log.origin));
        let _ = match (&log.problem, log.size, log.time.map(i64::try_from)) {
            (Some(problem), ..) => writeln!(text, "{}", OneLine(problem)),
            (None, Some(size), Some(Ok(time))) => {
                let time = Timestamp::from_second(time).unwrap_or_default();
                writeln!(text, "size {size}, cosigned at {time}")
            }
            _ => writeln!(text, "never cosigned"),
        };
    }
    out.result(&shown, text)
}

fn serve(
    witness: Witness,
    listen: &ListenAddress,
    admin: &ListenAddress,
    out: Output,
) -> Result<(), Failure> {
    super::log_lines::log_to_standard_error();
    let runtime = runtime::many_threads()?;
    let served = runtime.block_on(async {
        super::signals::survive_file_limits();
        let stop = stop_signal();
        reload_when_asked(Some(&witness))?;
        let (listener, admin) = (bind(listen).await?, bind(admin).await?);
        let (url, admin_url) = (url(&listener)?, url(&admin)?);
        out.line(&serde_json::json!({ "listening": url }), format_args!("listening on {url}\n"))?;
        out.say(format_args!("health and metrics on {admin_url}"));
        web::serve_witness(listener, admin, witness.clone(), stop).await;
        Ok(())
    });
    // Otherwise the runtime would wait for a disk that does not answer.
    runtime.shutdown_timeout(LAST_WRITES);
    served
}

/// From now on, SIGHUP makes the witness, if there is one, reload its settings, keys and lists, and no
/// longer ends the process. Call this on a runtime.
pub(super) fn reload_when_asked(witness: Option<&Witness>) -> Result<(), Failure> {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let mut asked = signal(SignalKind::hangup())
            .map_err(|e| Failure::new(format!("cannot catch signals: {e}")))?;
        let witness = witness.cloned();
        tokio::spawn(async move {
            while asked.recv().await.is_some() {
                let Some(witness) = witness.clone() else { continue };
                let _ = tokio::task::spawn_blocking(move || witness.reload()).await;
            }
        });
    }
    Ok(())
}
