//! One audit, from the checkpoint to the charts.

use super::charts::{ChartAudit, Recomputed};
use super::data::{DataChecks, check_data, read_index};
use super::databases::Databases;
use super::editions::check_editions;
use super::entries::{EntryChecks, LogLocation, read_again, read_entries};
use super::fetch::{KnownTiles, Remote, RemoteTiles};
use super::heads::{Freshness, HeadVerdicts, check_head};
use super::keys::{AuditKeys, Signed};
use super::pages::{check_pages, check_policy};
use super::promises::{Promise, promises};
use super::rebuild::Rebuilder;
use super::rotation::{Rotation, day_of, read_before};
use super::rows::Rules;
use super::second_opinion::SecondOpinion;
use super::state::{AuditState, StateError};
use super::verdict::{Check, State, Verdict, VerdictId};
use super::versions::{VersionChecks, Versions, record_of, wrong_record};
use crate::aggregate::Progress;
use crate::client::{Address, Http};
use crate::count::count;
use crate::day::date_of;
use crate::gomod::ModuleVersion;
use crate::tlog::{Bundle, Contradiction, Entry, Evidence, LeafIndex, Record, TreeHead};
use jiff::Timestamp;
use serde::Serialize;
use std::path::PathBuf;
use std::time::Duration;

/// How often charts are compared if they are made again meanwhile.
const ATTEMPTS: u32 = 3;

/// The options of an audit.
#[derive(Debug, Clone)]
pub struct AuditOptions {
    /// The deployment; or, for a log alone, the address before `checkpoint` and `tile/`.
    pub url: Address,
    /// The log's key, and witnesses.
    pub keys: AuditKeys,
    /// A copy of the charts repository; without one, the one in the provenances is fetched.
    pub charts: Option<String>,
    /// The state file.
    pub state: PathBuf,
    /// Whether only the log is audited, which may be any C2SP tlog-tiles log.
    pub log_only: bool,
    /// Whether everything is checked again, and not only what is new.
    pub full: bool,
    /// How old the cosignatures of a quorum may be.
    pub fresh_within: Duration,
}

/// The result of an audit.
#[derive(Debug, Clone, Serialize)]
pub struct AuditReport {
    /// What was audited.
    pub url: String,
    /// The log's verifier key.
    pub log: String,
    /// The time, in UTC.
    pub at: String,
    /// The size of the served tree; absent if its signature is not valid.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entries: Option<u64>,
    /// Its root.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub root: Option<String>,
    /// Whether this log was audited for the first time.
    pub first_run: bool,
    /// The worst of the verdicts.
    pub state: State,
    /// The verdicts, in the order of [`VerdictId::ALL`].
    pub verdicts: Vec<Verdict>,
    /// The twelve promises; none for a log alone.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub promises: Vec<Promise>,
    /// Standalone evidence, which has been checked.
    #[serde(skip)]
    pub evidence: Vec<Evidence>,
}

impl AuditReport {
    /// Whether nothing is wrong, and nothing that was requested is unchecked.
    pub fn is_ok(&self) -> bool {
        self.state <= State::NotAsked
    }

    /// The verdict on something.
    #[cfg(any(test, feature = "testing"))]
    pub fn verdict(&self, id: VerdictId) -> Option<&Verdict> {
        self.verdicts.iter().find(|verdict| verdict.id == id)
    }
}

/// Audits once. The state is saved along the way; only problems with its file are errors.
pub fn audit(
    options: &AuditOptions,
    http: &Http,
    now: Timestamp,
    progress: &dyn Progress,
) -> Result<AuditReport, StateError> {
    let now = now.round(jiff::Unit::Second).unwrap_or(now);
    let log = options.keys.log().map(ToString::to_string).unwrap_or_default();
    let mut state = AuditState::read(&options.state, &log)?;
    let first_run = state.newest.is_none();
    if options.full {
        state.verified = SecondOpinion::default();
        state.reading = None;
        state.wrong_entries.clear();
        state.again.clear();
        state.files.clear();
        state.charts.clear();
    }
    let remote = Remote::new(&options.url, http);
    let mut run = Run { options, http, remote: &remote, now, progress, evidence: Vec::new() };
    let (verdicts, head) = run.verdicts(&mut state)?;
    state.write(&options.state)?;
    let seen = format!("seen at {} at {now}", options.url);
    let keys = options.keys.evidence();
    let evidence = run.evidence.into_iter().map(|shows| Evidence::new(shows).remark(&*seen));
    let head = head.map(|signed| signed.checkpoint.head());
    Ok(AuditReport {
        url: options.url.to_string(),
        log,
        at: now.to_string(),
        entries: head.map(|head| head.size.get()),
        root: head.map(|head| head.root.to_string()),
        first_run,
        state: verdicts.iter().map(|verdict| verdict.state).max().unwrap_or(State::Unchecked),
        promises: if options.log_only { Vec::new() } else { promises(&verdicts) },
        verdicts,
        // Only evidence that holds is reported.
        evidence: evidence.filter(|evidence| evidence.check(keys).is_ok()).collect(),
    })
}

struct Run<'r> {
    options: &'r AuditOptions,
    http: &'r Http,
    remote: &'r Remote<'r>,
    now: Timestamp,
    progress: &'r dyn Progress,
    evidence: Vec<Contradiction>,
}

impl<'r> Run<'r> {
    fn prefix(&self) -> &'static str {
        if self.options.log_only { "" } else { "log/" }
    }

    fn verdicts(
        &mut self,
        state: &mut AuditState,
    ) -> Result<(Vec<Verdict>, Option<Signed>), StateError> {
        let freshness = Freshness {
            now: u64::try_from(self.now.as_second()).unwrap_or_default(),
            within: self.options.fresh_within,
        };
        let keys = &self.options.keys;
        let of_head = check_head(self.remote, self.prefix(), keys, state, freshness);
        let HeadVerdicts { signature, witnesses, mut consistency, head, .. } = of_head;
        self.evidence.extend(of_head.evidence);
        let Some(signed) = head else {
            let mut verdicts = vec![signature, witnesses, consistency];
            self.fill(&mut verdicts, "there is no head that the log's key signed");
            return Ok((verdicts, None));
        };
        let head = signed.checkpoint.head();
        let mut repositories = self.options.state.clone().into_os_string();
        repositories.push(".repositories");
        let rebuilder = Rebuilder::new(self.options.charts.clone(), repositories.into());
        let (databases, faces) = match self.options.log_only {
            true => (Databases::none(&signed), Check::of(VerdictId::Faces)),
            false => Databases::find(self.remote, keys, &signed),
        };
        let mut versions = Versions::new(self.remote, keys, head, rebuilder, databases);
        let continues = of_head.continues || of_head.undecided;
        versions.is_newest = continues;
        let mut log = self.log(state, &signed, continues, &mut versions, faces)?;
        self.evidence.extend(versions.databases.take_evidence());
        if of_head.undecided && log.root_follows {
            // The entries show what the tiles did not.
            let mut check = Check::of(VerdictId::Consistency);
            if log.is_root {
                consistency = check.verdict(
                    "it continues the tree that was seen before: the entries since then lead to it",
                );
            } else if log.verdicts.first().is_some_and(|root| root.state == State::Wrong) {
                check.wrong("neither its tiles nor its entries lead on from the tree seen before");
                consistency = check.verdict("");
            }
        }
        if consistency.state <= State::NotAsked {
            state.remember(&signed);
        }
        let mut verdicts = vec![signature, witnesses, consistency];
        verdicts.append(&mut log.verdicts);
        if !self.options.log_only {
            // Saved before the longest part.
            state.write(&self.options.state)?;
            self.site_and_data(state, &mut versions, &mut verdicts);
        }
        self.fill(&mut verdicts, "only the log was audited");
        self.note_part_read(state, &verdicts);
        Ok((verdicts, Some(signed)))
    }

    /// The next run of this day need not read today's part again, if nothing of it was out of reach or wrong.
    fn note_part_read(&self, state: &mut AuditState, verdicts: &[Verdict]) {
        let reading = [
            VerdictId::Root,
            VerdictId::Tiles,
            VerdictId::Versions,
            VerdictId::DataFiles,
            VerdictId::DataRows,
            VerdictId::Charts,
        ];
        let mut read = verdicts.iter().filter(|verdict| reading.contains(&verdict.id));
        if read.all(|verdict| verdict.state <= State::NotAsked) {
            let today = Some(day_of(self.now));
            match self.options.log_only {
                true => state.part_of_log_read = today,
                false => state.part_read = today,
            }
        }
    }

    /// Adds the missing verdicts.
    fn fill(&self, verdicts: &mut Vec<Verdict>, why: &str) {
        for id in VerdictId::ALL {
            if !verdicts.iter().any(|verdict| verdict.id == id) {
                verdicts.push(match self.options.log_only {
                    true => Verdict::not_asked(id, "only the log was audited"),
                    false => Verdict::unchecked(id, why),
                });
            }
        }
        verdicts.sort_by_key(|verdict| verdict.id);
    }

    /// The verdicts on entries, tiles and versions.
    fn log(
        &mut self,
        state: &mut AuditState,
        signed: &Signed,
        continues: bool,
        versions: &mut Versions<'_>,
        faces: Check,
    ) -> Result<LogVerdicts, StateError> {
        let head = signed.checkpoint.head();
        let databases = versions.databases.prefixes.clone();
        let location =
            LogLocation { remote: self.remote, prefix: self.prefix(), databases: &databases };
        let usable = |tree: &SecondOpinion| continues && tree.size() <= head.size.get();
        let reading = state.reading.clone().filter(|tree| usable(tree));
        let resumed = reading.as_ref().map(SecondOpinion::size);
        let before = state.verified.size();
        let root_follows = usable(&state.verified) && before > 0;
        let started = reading.or_else(|| Some(state.verified.clone()).filter(usable));
        let mut tree = started.unwrap_or_default();
        // A different history is checked separately, and not remembered.
        let mut aside = AuditState { module: state.module.clone(), ..AuditState::default() };
        let path = self.options.state.clone();
        let of = if continues { &mut *state } else { &mut aside };
        let (mut checks, mut found) = (EntryChecks::new(), VersionChecks::new());
        let log_only = self.options.log_only;
        self.recheck(of, versions, &mut found);
        let mut wrong: Vec<(LeafIndex, Entry)> = Vec::new();
        let mut module = of.module.take();
        // Both closures need it, but only one at a time.
        let cell = std::cell::RefCell::new((of, &mut found));
        let visit = |index: LeafIndex, entry: &Entry| {
            if log_only {
                return;
            }
            let mut cell = cell.borrow_mut();
            let (state, found) = &mut *cell;
            match record_of(index, entry, &mut module) {
                Ok(record) => {
                    if !versions.check(index, &record, found) {
                        state.again.insert(index.get(), record.to_string());
                    }
                }
                Err(reason) => {
                    if wrong.len() < 10 {
                        wrong.push((index, entry.clone()));
                    }
                    state.wrong_entries.insert(index.get(), reason);
                }
            }
        };
        let remember = |tree: &SecondOpinion| {
            let mut cell = cell.borrow_mut();
            let (state, _) = &mut *cell;
            if !continues {
                return Ok(());
            }
            state.reading = Some(tree.clone());
            state.write(&path)
        };
        let first = tree.size();
        let is_root =
            read_entries(location, &mut tree, head, &mut checks, self.progress, visit, remember)?;
        let (of, _) = cell.into_inner();
        of.module = module;
        of.reading = None;
        if is_root {
            of.verified = tree;
        } else if !checks.root.is_wrong() {
            // The server went away: the next run continues here.
            of.reading = Some(tree);
            let verdicts = self.no_root(checks, faces);
            return Ok(LogVerdicts { verdicts, is_root, root_follows });
        } else {
            // Entries that do not lead to a signed root prove nothing about the log.
            let verified = of.verified.size();
            of.wrong_entries.retain(|index, _| *index < verified);
            of.again.retain(|index, _| *index < verified);
            let verdicts = self.no_root(checks, faces);
            return Ok(LogVerdicts { verdicts, is_root, root_follows });
        }
        let reread =
            self.read_again(of, location, (first, head), versions, &mut checks, &mut found);
        of.wrong_entries.values().for_each(|reason| found.versions.wrong(reason));
        let wrong_entries_exist = !of.wrong_entries.is_empty();
        let module = of.module.clone();
        let tiles = RemoteTiles::of_log(self.remote, self.prefix());
        if wrong_entries_exist {
            let proved = wrong.into_iter().filter_map(|(index, entry)| {
                wrong_record(&tiles, &signed.note, head, index, entry)
            });
            self.evidence.extend(proved.take(1));
        }
        let new = head.size.get() - first.min(head.size.get());
        let from = match resumed {
            Some(from) if from > before => {
                format!(" (going on from entry {from}, where the last run ended)")
            }
            _ if before > 0 && root_follows => format!(" ({new} of them new)"),
            _ => String::new(),
        };
        let mut verdicts = vec![
            checks.root.verdict(format!(
                "the {} to the root by rs_merkle{from}{}",
                match head.size.get() {
                    1 => "one entry hashes".to_owned(),
                    size => format!("{size} entries hash"),
                },
                read_before(new + reread, head.size.get(), ("entry", "entries"))
            )),
            checks.tiles.verdict("the hash tiles are those of the entries that were read"),
        ];
        if !self.options.log_only {
            if let Some(module) = &module {
                versions.list(module, &mut found.versions);
                versions.kept_proof(&mut found.versions);
            }
            checks.faces.take(faces);
            checks.faces.take(found.faces);
            let paths: Vec<String> = databases.iter().map(|prefix| format!("/{prefix}")).collect();
            verdicts.push(checks.faces.verdict(format!(
                "the checksum database shows the same tree, tiles and records at {}",
                paths.join(", ")
            )));
            let (size, seen, read) = (head.size.get(), found.seen, found.seen + found.reread);
            verdicts.push(found.versions.verdict(format!(
                "entry N-1 is v0.N.0, {size} of {size}, the proxy lists exactly these, and the newest \
                 proof for keeping holds"
            )));
            verdicts.push(found.zips.verdict(format!(
                "{} and its go.mod are those of its record{}",
                each_of(read, "zip"),
                read_before(read, size, ("zip", "zips"))
            )));
            // A zip with a known hash does not need to be compiled again.
            let known = |what: &str| match size.saturating_sub(seen) {
                0 => String::new(),
                known => format!("; {known} {what} in earlier runs (--full does it again)"),
            };
            verdicts.push(found.rebuilt.verdict(format!(
                "{} is what its commit compiles to, byte for byte{}",
                each_of(seen, "config"),
                known("were compiled")
            )));
            verdicts.push(found.minimal.verdict(format!(
                "every string of {} is asked for by a live definition{}",
                count(seen, "config"),
                known("were looked through")
            )));
        }
        Ok(LogVerdicts { verdicts, is_root, root_follows })
    }

    /// The verdicts if the entries do not lead to the root.
    fn no_root(&self, mut checks: EntryChecks, faces: Check) -> Vec<Verdict> {
        // These may show which entries are wrong.
        for hint in checks.tiles.details() {
            checks.root.unchecked(hint);
        }
        let mut verdicts = vec![checks.root.verdict("")];
        let of_entries = match self.options.log_only {
            true => &[VerdictId::Tiles][..],
            false => &[
                VerdictId::Tiles,
                VerdictId::Versions,
                VerdictId::Zips,
                VerdictId::Rebuilt,
                VerdictId::Minimal,
            ],
        };
        let why = "the entries that are served do not lead to the signed root";
        verdicts.extend(of_entries.iter().map(|id| Verdict::unchecked(*id, why)));
        // What databases signed is wrong whatever the entries are.
        if faces.is_wrong() {
            verdicts.push(faces.verdict(""));
        } else if !self.options.log_only {
            verdicts.push(Verdict::unchecked(VerdictId::Faces, why));
        }
        verdicts
    }

    /// Reads again the newest of what was found right before, and today's part of the rest. Returns the number
    /// of entries.
    fn read_again(
        &self,
        state: &mut AuditState,
        location: LogLocation<'_>,
        (before, head): (u64, TreeHead),
        versions: &mut Versions<'_>,
        checks: &mut EntryChecks,
        found: &mut VersionChecks,
    ) -> u64 {
        /// How many of the newest versions are read again every time.
        const NEWEST: u64 = 3;
        let of_log = state.part_of_log_read.filter(|_| self.options.log_only);
        let rotation = Rotation::at(self.now, &[state.part_read, of_log]);
        let newest = before.saturating_sub(NEWEST);
        let chosen = |index: u64| index >= newest || rotation.has(index);
        let last = before.saturating_sub(1) / 256;
        let mut above = KnownTiles::new(RemoteTiles::of_log(location.remote, location.prefix));
        let mut entries_read = 0;
        let bundles = (0..before.div_ceil(256)).filter(|index| match self.options.log_only {
            true => *index == last || rotation.has(*index),
            false => (index * 256..before.min((index + 1) * 256)).any(chosen),
        });
        for bundle in bundles.filter_map(|index| Bundle::for_size(index, head.size)) {
            let Some(entries) = read_again(location, bundle, head, &mut above, checks) else {
                continue;
            };
            for (at, entry) in (bundle.first_leaf()..before).zip(&entries) {
                entries_read += 1;
                let skip = self.options.log_only || !chosen(at) || state.again.contains_key(&at);
                let (Ok(index), Ok(record)) = (LeafIndex::new(at), Record::try_from(entry)) else {
                    continue;
                };
                if !skip
                    && !state.wrong_entries.contains_key(&at)
                    && !versions.check_again(index, &record, found)
                {
                    state.again.insert(at, record.to_string());
                }
            }
        }
        entries_read
    }

    /// Checks the versions again that were not right before.
    fn recheck(
        &self,
        state: &mut AuditState,
        versions: &mut Versions<'_>,
        found: &mut VersionChecks,
    ) {
        let again: Vec<(u64, String)> =
            state.again.iter().map(|(index, record)| (*index, record.clone())).collect();
        for (at, record) in again {
            let index = LeafIndex::new(at).ok().filter(|index| index.is_in(versions.head.size));
            let record = record.parse::<Record>();
            if let (Some(index), Ok(record)) = (index, record)
                && versions.check(index, &record, found)
            {
                state.again.remove(&at);
            }
        }
    }

    /// The verdicts on pages, data and charts.
    fn site_and_data(
        &self,
        state: &mut AuditState,
        versions: &mut Versions<'r>,
        verdicts: &mut Vec<Verdict>,
    ) {
        let newest = ModuleVersion::new(versions.head.size.get()).ok();
        let module = newest.map(|version| versions.module(version));
        let mut pages = Check::of(VerdictId::Pages);
        match &module {
            None => {
                verdicts.push(Verdict::not_asked(VerdictId::Pages, "nothing was published yet"))
            }
            Some(Err(trouble)) => {
                pages.unchecked(format!("the newest config cannot be compared with: {trouble}"));
                verdicts.push(pages.verdict(""));
            }
            Some(Ok(module)) => {
                let today = date_of(self.now);
                check_pages(self.remote, self.http, module, today, &mut pages);
                check_policy(self.remote, &self.options.keys, &mut pages);
                let said = format!(
                    "the site, the privacy page and the receiver name config {}",
                    module.version()
                );
                verdicts.push(pages.verdict(said));
            }
        }
        let (index, indexed_editions) = match read_index(self.remote) {
            Ok(index) => index,
            Err(trouble) => {
                let mut files = Check::of(VerdictId::DataFiles);
                files.failed(&trouble);
                verdicts.push(files.verdict(""));
                let why = "there is no index of the public data";
                for id in [
                    VerdictId::DataRows,
                    VerdictId::RowForm,
                    VerdictId::Editions,
                    VerdictId::OpenConfigs,
                    VerdictId::Charts,
                    VerdictId::Jumps,
                ] {
                    verdicts.push(Verdict::unchecked(id, why));
                }
                return;
            }
        };
        let mut data = DataChecks::new();
        let mut rules = Rules::new(versions);
        let rotation = Rotation::at(self.now, &[state.part_read]);
        let (remote, http, progress) = (self.remote, self.http, self.progress);
        check_data((remote, http), &index, &mut rules, state, rotation, &mut data, progress);
        let DataChecks { files, rows, open, form, mut first_rows, read, reports, known } = data;
        let known = read_before(read, read + known, ("file", "files"));
        verdicts.push(files.verdict(match read {
            1 => format!("1 file is that which the index names{known}"),
            read => format!("{read} files are those that the index names{known}"),
        }));
        verdicts.push(rows.verdict(match reports {
            1 => format!("1 report holds only what the config that it names allows{known}"),
            _ => {
                format!("{reports} reports hold only what the config that they name allows{known}")
            }
        }));
        verdicts.push(form.verdict(format!(
            "rows have no LastWeek and no exact X, and are in the order of their hashes, and no complete \
             week shows a stack that fewer have than its stack_minimum{known}"
        )));
        let is_other = |verdict: &Verdict| {
            verdict.id == VerdictId::Consistency && verdict.state == State::Wrong
        };
        verdicts.push(if verdicts.iter().any(is_other) {
            // The state belongs to the log that was seen before.
            Verdict::unchecked(VerdictId::Editions, "the log is not the one that was seen before")
        } else {
            let mut editions = Check::of(VerdictId::Editions);
            let compared = check_editions(&indexed_editions, &mut first_rows, state, &mut editions);
            editions.verdict(format!(
                "what was seen before of {} of {} days is there, and editions only add",
                compared.before, compared.days
            ))
        });
        verdicts.push(open.verdict(format!(
            "no report is of a day after the config that it names had closed{known}"
        )));
        let mut charts = Check::of(VerdictId::Charts);
        let mut jumps = Check::of(VerdictId::Jumps);
        let Some(Ok(module)) = module else {
            for check in [&mut charts, &mut jumps] {
                check.unchecked("the newest config is not there");
            }
            return verdicts.extend([charts.verdict(""), jumps.verdict("")]);
        };
        let mut index = index;
        let mut attempts = 1;
        let recomputed = loop {
            let mut audit = ChartAudit {
                remote,
                http,
                index: &index,
                versions: &mut *versions,
                provenance: module.provenance().clone(),
                volumes: std::collections::HashMap::new(),
            };
            let recomputed = audit.check(state, rotation, (&mut charts, &mut jumps), progress);
            if attempts == ATTEMPTS || (charts.is_ok() && jumps.is_ok()) {
                break recomputed;
            }
            // A deployment makes charts again, for new definitions or late reports: then those that were compared
            // were not made together.
            match read_index(remote) {
                Ok((now, _)) if now.weeks != index.weeks => index = now,
                _ => break recomputed,
            }
            attempts += 1;
            charts = Check::of(VerdictId::Charts);
            jumps = Check::of(VerdictId::Jumps);
        };
        let Recomputed { weeks, figures, files, known, none, marks } = recomputed;
        let (shown, span) = (count(figures, "figure"), count(weeks, "week"));
        let are = |number| if number == 1 { "is" } else { "are" };
        let mut said = format!("{shown} of {span} {} what the public data says", are(figures));
        said += &read_before(weeks, weeks + known, ("week", "weeks"));
        said += &format!(
            "; pages for people were not compared; their JSON and CSV were ({} of single charts)",
            count(files, "file")
        );
        if none > 0 {
            let have = if none == 1 { "has" } else { "have" };
            said += &format!("; {} {have} no charts yet", count(none, "week"));
        }
        verdicts.push(charts.verdict(said));
        let of = read_before(weeks, weeks + known, ("week", "weeks"));
        verdicts.push(jumps.verdict(format!(
            "{} on numbers of reports {} what the weeks before give, and no other is there, in {span}{of}",
            count(marks, "mark"),
            are(marks)
        )));
    }
}

/// `each of 3 configs`, or `one config`.
fn each_of(number: u64, noun: &str) -> String {
    match number {
        1 => format!("one {noun}"),
        _ => format!("each of {}", count(number, noun)),
    }
}

struct LogVerdicts {
    verdicts: Vec<Verdict>,
    /// Whether the entries lead to the signed root.
    is_root: bool,
    /// Whether reading started at a root that was verified before.
    root_follows: bool,
}

impl AuditState {
    /// Remembers a head, which later ones must continue.
    fn remember(&mut self, signed: &Signed) {
        let is_new = self
            .newest
            .as_deref()
            .is_none_or(|newest| newest.split("\n\n").next() != signed.note.split("\n\n").next());
        self.heads += u64::from(is_new);
        self.newest = Some(signed.note.clone());
    }
}
