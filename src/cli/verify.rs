//! `candor verify`: a proof or a file of evidence, checked without a network.

use super::input::read_at_most;
use super::trust::Trust;
use super::{Failure, Output};
use crate::count::duration;
use crate::gomod::identify_zip;
use crate::terminal::OneLine;
use crate::tlog::{
    AcceptedCheckpoint, EVIDENCE, Entry, Evidence, LeafIndex, NotFresh, Policy, Record, TlogProof,
};
use jiff::Timestamp;
use serde::Serialize;
use std::fmt;
use std::path::{Path, PathBuf};

/// The most bytes that are read of a proof or evidence; their own limits are lower.
const LARGEST: usize = 8 << 20;
/// The most bytes that are read of a module zip, the same as for a download.
pub(super) const LARGEST_ZIP: usize = 64 << 20;
/// How the file of a proof begins.
const PROOF: &[u8] = b"c2sp.org/tlog-proof@";

/// Check a proof of a config version, or evidence against a log, offline.
///
/// A proof (from `candor prove`, or the .tlog-proof next to a version's zip) is checked against the zip:
/// its record must be in a tree that the key or policy trusts. Evidence (a file that clients and auditors
/// write when a log contradicts itself) is checked with the key of the log or witness that it is against.
/// Nothing is fetched, and nothing that the deployment says is trusted.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    candor verify v0.3.0.tlog-proof --vkey telemetry.example.org/log+... --zip v0.3.0.zip\n  \
    candor verify v0.3.0.tlog-proof --policy FILE --zip v0.3.0.zip --json\n  \
    candor verify fork.candor-evidence --vkey telemetry.example.org/log+...\n\n\
    Exit status: 0 verified, 1 found wrong, 2 wrong usage: nothing was checked.")]
pub(super) struct Args {
    /// The proof, or the evidence.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    trust: Trust,
    /// The module zip that the proof is of.
    #[arg(long, value_name = "FILE", conflicts_with = "entry")]
    zip: Option<PathBuf>,
    /// The entry that the proof is of, byte for byte, for logs of anything but module versions.
    #[arg(long, value_name = "FILE")]
    entry: Option<PathBuf>,
}

pub(super) fn run(args: Args, out: Output) -> Result<(), Failure> {
    let bytes = read(&args.file, LARGEST)?;
    if bytes.starts_with(PROOF) {
        return proof(&args, &bytes, out);
    }
    if Evidence::is_evidence(&bytes) {
        return evidence(&args, &bytes, out);
    }
    Err(Failure::new(format!(
        "{} is neither a proof nor evidence: a proof begins with the line c2sp.org/tlog-proof@v1, \
         evidence with {EVIDENCE}",
        args.file.display()
    )))
}

/// What evidence proves.
#[derive(Debug, Serialize)]
struct Confirmed {
    kind: &'static str,
    proved: String,
    /// The witnesses of the policy that cosigned both contradictory statements.
    witnesses: Vec<String>,
    /// Unverified remarks of whoever wrote the file.
    remarks: Vec<String>,
}

fn evidence(args: &Args, bytes: &[u8], out: Output) -> Result<(), Failure> {
    if args.zip.is_some() || args.entry.is_some() {
        return Err(Failure::usage("evidence needs nothing else: leave out --zip and --entry"));
    }
    let named = |what: &dyn fmt::Display| {
        Failure::new(format!("{} proves nothing: {what}", args.file.display()))
    };
    let evidence = Evidence::parse(bytes).map_err(|error| named(&error))?;
    let proved = args.trust.with_keys(|keys| evidence.check(keys))?;
    let proved = proved.map_err(|error| named(&error))?;
    let confirmed = Confirmed {
        kind: evidence.shows.kind(),
        proved: proved.sentence,
        witnesses: proved.witnesses.iter().map(ToString::to_string).collect(),
        remarks: evidence.remarks,
    };
    out.result(&confirmed, &confirmed)
}

impl fmt::Display for Confirmed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "confirmed: {}", OneLine(&self.proved))?;
        for witness in &self.witnesses {
            writeln!(f, "  cosigned by {}", OneLine(witness))?;
        }
        for remark in &self.remarks {
            writeln!(f, "  remark (unverified): {}", OneLine(remark))?;
        }
        Ok(())
    }
}

fn proof(args: &Args, bytes: &[u8], out: Output) -> Result<(), Failure> {
    let policy = args.trust.needed()?;
    let (record, entry) = match (&args.zip, &args.entry) {
        (Some(zip), _) => {
            let record = record_of(zip)?;
            let entry = record.entry()?;
            (Some(record), entry)
        }
        (None, Some(file)) => {
            let entry = Entry::new(read(file, Entry::MAXIMUM)?).map_err(Failure::usage)?;
            (Record::try_from(&entry).ok(), entry)
        }
        (None, None) => {
            return Err(Failure::usage(
                "say what the proof is of: --zip FILE, the zip of the module version",
            ));
        }
    };
    let named = |what: &dyn fmt::Display| {
        Failure::new(format!("{} proves nothing: {what}", args.file.display()))
    };
    let proof = TlogProof::parse(bytes).map_err(|error| named(&error))?;
    let believed = proof.verify(entry.leaf_hash(), &policy).map_err(|error| match &record {
        Some(record) => {
            let (module, version, zip) = (record.module(), record.version(), record.zip());
            named(&format_args!("of {module} {version} with the hash {zip}, {error}"))
        }
        None => named(&error),
    })?;
    not_from_the_future(&believed).map_err(|error| named(&error))?;
    let verified = Verified::new(&policy, &believed, proof.index, record.as_ref(), &entry);
    out.result(&verified, &verified)
}

/// Refuses what a quorum of witnesses cosigned at a time that is in the future by the local clock.
pub(super) fn not_from_the_future(believed: &AcceptedCheckpoint) -> Result<(), NotFresh> {
    // A clock before 1970 is as wrong as one at 1970.
    let now = u64::try_from(Timestamp::now().as_second()).unwrap_or(0);
    believed.not_from_the_future(now)
}

/// The record that a log must have for a zip.
fn record_of(file: &Path) -> Result<Record, Failure> {
    let named = |error: &dyn fmt::Display| Failure::new(format!("{}: {error}", file.display()));
    let zip = identify_zip(&read(file, LARGEST_ZIP)?).map_err(|error| named(&error))?;
    Record::new(zip.module, zip.version, zip.zip, zip.go_mod).map_err(|error| named(&error))
}

fn read(file: &Path, limit: usize) -> Result<Vec<u8>, Failure> {
    read_at_most(file, limit)
        .map_err(|error| Failure::usage(format!("cannot read {}: {error}", file.display())))
}

/// What a proof proves.
#[derive(Debug, Serialize)]
pub(super) struct Verified {
    module: Option<String>,
    version: Option<String>,
    zip: Option<String>,
    go_mod: Option<String>,
    leaf: String,
    index: u64,
    log: String,
    size: u64,
    root: String,
    witnesses: Vec<Witness>,
    /// When a quorum of witnesses last cosigned it, if any did.
    fresh_at: Option<String>,
    /// How long ago that is by the local clock.
    age_seconds: Option<i64>,
}

/// A witness of the policy.
#[derive(Debug, Serialize)]
struct Witness {
    name: String,
    key: String,
    cosigned: bool,
    /// When, if it says so.
    time: Option<String>,
}

impl Verified {
    pub(super) fn new(
        policy: &Policy,
        believed: &AcceptedCheckpoint,
        index: LeafIndex,
        record: Option<&Record>,
        entry: &Entry,
    ) -> Verified {
        let head = believed.checkpoint.head();
        let witnesses = policy.witnesses().iter().enumerate().map(|(number, witness)| {
            let cosigned = believed.cosigned.get(&number);
            Witness {
                name: witness.name.to_string(),
                key: format!("{}+{}", witness.key.name(), witness.key.id()),
                cosigned: cosigned.is_some(),
                time: cosigned.and_then(|time| time.seconds()).map(time),
            }
        });
        let age = |seconds| Some(Timestamp::now().as_second() - i64::try_from(seconds).ok()?);
        Verified {
            module: record.map(|record| record.module().to_owned()),
            version: record.map(|record| record.version().to_owned()),
            zip: record.map(|record| record.zip().to_string()),
            go_mod: record.map(|record| record.go_mod().to_string()),
            leaf: entry.leaf_hash().to_string(),
            index: index.get(),
            log: believed.log.to_string(),
            size: head.size.get(),
            root: head.root.to_string(),
            witnesses: witnesses.collect(),
            fresh_at: believed.fresh_at.map(time),
            age_seconds: believed.fresh_at.and_then(age),
        }
    }
}

/// A time in seconds since 1970, in UTC.
fn time(seconds: u64) -> String {
    let time = i64::try_from(seconds).ok().and_then(|seconds| Timestamp::from_second(seconds).ok());
    time.map_or_else(|| format!("{seconds} s after 1970"), |time| time.to_string())
}

/// A length of time, rounded.
fn age(seconds: i64) -> String {
    let when = if seconds < 0 { "ahead of" } else { "ago by" };
    format!("{} {when} the clock here", duration(seconds.unsigned_abs()))
}

impl fmt::Display for Verified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match (&self.module, &self.version) {
            (Some(module), Some(version)) => format!("{module} {version}"),
            _ => format!("the entry with leaf hash {}", self.leaf),
        };
        writeln!(f, "verified: {} is in the log", OneLine(what))?;
        if let Some(zip) = &self.zip {
            writeln!(f, "  zip:       {zip}")?;
        }
        writeln!(f, "  log:       {}", OneLine(&self.log))?;
        writeln!(f, "  entry:     {} of {}, root {}", self.index, self.size, self.root)?;
        for witness in &self.witnesses {
            let said = match (&witness.time, witness.cosigned) {
                (Some(time), _) => format!("cosigned at {time}"),
                (None, true) => "cosigned, without a time".to_owned(),
                (None, false) => "did not cosign".to_owned(),
            };
            writeln!(f, "  witness:   {}, {said}", OneLine(&witness.name))?;
        }
        match (&self.fresh_at, self.age_seconds) {
            (Some(at), Some(seconds)) => {
                writeln!(f, "  freshness: the newest tree of the log at {at}, {}", age(seconds))
            }
            _ => writeln!(
                f,
                "  freshness: cannot be known, as no witness vouches for a time: the log may be longer \
                 by now"
            ),
        }
    }
}
