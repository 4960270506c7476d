//! The receiver: each acknowledged report is stored, once, until it is merged; the list of segments is
//! complete; and nothing that is merged counts again.

use super::folder::{self, OPEN, SEALED};
use super::journal_error::JournalError;
use super::limits::Limits;
use super::queue::{NotStored, Stored, Waiting};
use super::segment_list::listed_segments;
use super::testing::{config, now, report};
use super::writer::Writer;
use super::{
    CheckedReport, LoggedConfig, Report, SegmentId, ask_to_seal, check, framing, remove_merged,
    sealed_segments,
};
use crate::durable::ReservedFile;
use crate::durable::recorder::Recorder;
use crate::gomod::ModuleVersion;
use crate::power_cut::{self, Before, Scenario};
use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::fs::{self, OpenOptions};
use std::path::{Path, PathBuf};
use std::time::Duration;

const WEEK: &str = "2026-02-08";
const FOLDER: &str = "srv/reports";
const ALL: u32 = 9;

/// A segment holds three reports.
const LIMITS: Limits = Limits {
    queue: 8,
    batch: 1 << 20,
    segment: 1000,
    age: Duration::from_secs(86400),
    known: 1 << 20,
};

/// Reports are received by three processes, one of which is killed between a write and its sync; they
/// are sealed and merged. And the same after another process, which was killed at one of its syncs.
pub(crate) fn scenarios() -> Vec<Scenario> {
    (0..=SYNCS).map(|syncs| scenario(syncs.checked_sub(1))).collect()
}

/// How many syncs a process makes that receives a report, seals it, and sees it merged.
const SYNCS: usize = 19;

struct World<'a> {
    folder: PathBuf,
    recorder: &'a Recorder,
}

fn scenario(kill_at_sync: Option<usize>) -> Scenario {
    let temporary = power_cut::folder();
    let root = temporary.path().to_owned();
    if kill_at_sync.is_some() {
        // A killed process may leave one folder without a durable name, but not two.
        fs::create_dir(root.join("srv")).expect("made");
    }
    let recorder = Recorder::start(&root);
    let folder = root.join(FOLDER);
    let world = World { folder: folder.clone(), recorder: &recorder };
    if let Some(syncs) = kill_at_sync {
        recorder.kill_at_sync(syncs);
        if let Ok(mut writer) = open(&folder) {
            let stored = store(&mut writer, 1).is_ok();
            if stored {
                world.acknowledged(1);
            }
            if writer.seal_all() && stored {
                world.merge();
                writer.poll();
            }
        }
        assert!(recorder.restart(), "there are not {syncs} syncs before this one");
    }
    let mut writer = open(&folder).expect("a writer");
    for number in 1..=4 {
        store(&mut writer, number).expect("stored");
        world.acknowledged(number);
    }
    drop(writer);
    let written = world.kill_while_writing(5);
    let mut writer = open(&folder).expect("a writer");
    assert_eq!(store(&mut writer, 5), Ok(if written { Stored::Duplicate } else { Stored::New }));
    world.acknowledged(5);
    store(&mut writer, 6).expect("stored");
    world.acknowledged(6);
    assert!(writer.seal_all());
    world.merge();
    assert!(writer.poll());
    store(&mut writer, 7).expect("stored");
    world.acknowledged(7);
    drop(writer);
    ask_to_seal(&folder, Duration::ZERO).expect("sealed");
    drop(open(&folder).expect("a writer"));
    world.merge();
    let mut writer = open(&folder).expect("a writer");
    store(&mut writer, 8).expect("stored");
    world.acknowledged(8);
    drop(writer);
    Scenario {
        name: "receiving",
        root,
        record: recorder.finish(),
        check: Box::new(|state, before| {
            check_state(&state.join(FOLDER), before).map_err(|e| e.to_string())
        }),
    }
}

impl World<'_> {
    /// Notes that a report was acknowledged, and where it is if it is not merged.
    fn acknowledged(&self, number: u32) {
        let report = checked(number);
        let has = |id: &SegmentId| {
            [OPEN, SEALED].iter().any(|end| {
                let bytes = fs::read(folder::path(&self.folder, *id, end)).unwrap_or_default();
                bytes.windows(report.row().len()).any(|window| window == report.row())
            })
        };
        let ids = [OPEN, SEALED].map(|end| folder::segments(&self.folder, end).expect("a folder"));
        match ids.into_iter().flatten().find(has) {
            Some(id) => self.recorder.promise(format!("stored {number} in {id}")),
            None => self.recorder.promise(format!("stored {number} in merged")),
        }
    }

    /// Like a merge: once the rows of sealed segments are durable elsewhere, the segments are removed.
    fn merge(&self) {
        let mut ids = Vec::new();
        for file in sealed_segments(&self.folder).expect("a folder") {
            let rows = file.read().expect("what was sealed");
            let rows: Vec<_> =
                rows.iter().map(|found| String::from_utf8_lossy(found.row)).collect();
            self.recorder.promise(format!("merged {} {}", file.id(), rows.join("\n")));
            ids.push(file.id());
        }
        // This fails if the test kills the program.
        let _ = remove_merged(&self.folder, ids);
    }

    /// Whether there was a segment to write into.
    fn kill_while_writing(&self, number: u32) -> bool {
        let ids = folder::segments(&self.folder, OPEN).expect("a folder");
        let Some(id) = ids.first() else { return false };
        let path = folder::path(&self.folder, *id, OPEN);
        let key = fs::read(self.folder.join("seen").join(WEEK)).expect("a key");
        let report = checked(number);
        let mut identity = vec![];
        let digest = <sha2::Sha256 as sha2::Digest>::new_with_prefix(&key[16..48]);
        identity.extend_from_slice(&sha2::Digest::finalize(sha2::Digest::chain_update(
            digest,
            report.bytes(),
        )));
        let mut bytes = Vec::new();
        framing::write(&mut bytes, &identity[..16], report.row());
        let end = framing::end_before_zeros(&fs::read(&path).expect("a segment")) as u64;
        let file = OpenOptions::new().write(true).open(&path).expect("opened");
        let mut file = ReservedFile::new(file, &path, end).expect("a file");
        file.append(&bytes).expect("written");
        true
    }
}

/// What others rely on.
#[derive(Default)]
struct Promised {
    /// The acknowledged numbers, and the segment of each at that time.
    stored: Vec<(u32, Option<SegmentId>)>,
    /// The rows that are merged, by the segment.
    merged: BTreeMap<SegmentId, BTreeSet<Vec<u8>>>,
}

impl Promised {
    fn parse(before: &Before<'_>) -> Promised {
        let mut promised = Promised::default();
        for text in before.promises {
            let (what, rest) = text.split_once(' ').expect("a promise");
            if what == "merged" {
                let (id, rows) = rest.split_once(' ').expect("rows");
                let rows = rows.split('\n').map(|row| row.as_bytes().to_vec()).collect();
                promised.merged.insert(id.parse().expect("an id"), rows);
            } else {
                let (number, id) = rest.split_once(" in ").expect("a place");
                promised.stored.push((number.parse().expect("a number"), id.parse().ok()));
            }
        }
        promised
    }

    /// How often each row counts: what is merged, and what is sealed and not merged.
    fn rows(&self, folder: &Path) -> Result<Vec<Vec<u8>>, Box<dyn Error>> {
        let mut rows: Vec<_> = self.merged.values().flatten().cloned().collect();
        for file in sealed_segments(folder)? {
            if !self.merged.contains_key(&file.id()) {
                rows.extend(file.read()?.iter().map(|found| found.row.to_vec()));
            }
        }
        rows.sort();
        match rows.windows(2).any(|two| two[0] == two[1]) {
            true => Err("a report is stored twice".into()),
            false => Ok(rows),
        }
    }
}

fn check_state(folder: &Path, before: &Before<'_>) -> Result<(), Box<dyn Error>> {
    let promised = Promised::parse(before);
    // Before anything is repaired: if one of these segments is lost, that is noticed. Each copy of the
    // list is enough.
    for copy in [folder.join("segments"), folder.with_extension("segments")] {
        let list = fs::read_to_string(copy).unwrap_or_default();
        for (number, segment) in &promised.stored {
            let is_listed = |id: &SegmentId| list.contains(&id.to_string());
            let is_merged = |id: &SegmentId| promised.merged.contains_key(id);
            if segment.as_ref().is_some_and(|id| !is_listed(id) && !is_merged(id)) {
                return Err(format!("{number} is in segment {segment:?}: {list:?}").into());
            }
        }
    }
    let mut writer = open(folder)?;
    let rows = promised.rows(folder)?;
    for (number, _) in &promised.stored {
        if !rows.iter().any(|row| row == checked(*number).row()) {
            return Err(format!("{number} was acknowledged and is not stored").into());
        }
        if store(&mut writer, *number) != Ok(Stored::Duplicate) {
            return Err(format!("{number} is stored twice").into());
        }
    }
    for number in 1..=ALL {
        store(&mut writer, number).map_err(|_| "not stored")?;
    }
    if !writer.seal_all() {
        return Err("not sealed".into());
    }
    drop(writer);
    if promised.rows(folder)?.len() != ALL as usize {
        return Err("some report is missing".into());
    }
    remove_merged(folder, promised.merged.keys().copied())?;
    drop(open(folder)?);
    let listed = listed_segments(folder)?;
    if !listed.damaged.is_empty() {
        return Err("the list is damaged".into());
    }
    for file in sealed_segments(folder)? {
        match listed.segments.get(&file.id()) {
            Some(Some(sealed)) if sealed.bytes == file.length() => {}
            other => return Err(format!("{} is listed as {other:?}", file.name()).into()),
        }
    }
    let mut left = listed.segments.keys().filter(|id| promised.merged.contains_key(id));
    if let Some(id) = left.next() {
        return Err(format!("{id} is merged, and still listed").into());
    }
    let mut gone = listed.segments.keys().filter(|id| !folder::path(folder, **id, SEALED).exists());
    gone.next().map_or(Ok(()), |id| Err(format!("{id} is listed, and not there").into()))
}

pub(crate) fn open(folder: &Path) -> Result<Writer, JournalError> {
    let oldest = "2026-01-13".parse().expect("a date");
    let is_locked = |error: &JournalError| matches!(error, JournalError::InUse { .. });
    power_cut::unlocked(|| Writer::open(folder, oldest, LIMITS), is_locked)
}

/// A report; each number gives another one, also in its public row.
fn checked(number: u32) -> CheckedReport {
    let config = LoggedConfig::new(ModuleVersion::FIRST, &config(1.0));
    let json = report(0.25 + f64::from(number) / 1e6);
    let json = json.replace("\"verb:run\":3", &format!("\"verb:run\":{number}"));
    let report = Report::decode(json.as_bytes()).expect("a report");
    check(&report, WEEK.parse().expect("a date"), &config, now()).expect("allowed")
}

pub(crate) fn store(writer: &mut Writer, number: u32) -> Result<Stored, NotStored> {
    let (answer, answered) = tokio::sync::oneshot::channel();
    writer.commit(vec![Waiting { report: checked(number), answer }]);
    answered.blocking_recv().unwrap_or(Err(NotStored))
}
