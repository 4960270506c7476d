//! The receiver: each report that was acknowledged is stored, once, and the list of segments names
//! what there is.

use super::folder::{self, SegmentName};
use super::segment_list::listed_segments;
use super::testing::{config, now, report};
use super::{
    CheckedReport, Journal, JournalError, Limits, LoggedConfig, Report, Stored, check, parse_date,
};
use super::{record, stored_reports};
use crate::durable::AppendFile;
use crate::durable::recorder::Recorder;
use crate::gomod::ModuleVersion;
use crate::power_cut::{self, Before, Scenario};
use jiff::civil::Date;
use std::collections::BTreeSet;
use std::error::Error;
use std::fs::{self, OpenOptions};
use std::path::Path;

const WEEK: &str = "2026-02-08";
const FOLDER: &str = "srv/reports";
const ALL: u32 = 7;

/// A segment takes three reports.
const LIMITS: Limits = Limits { queue: 8, batch: 1 << 20, segment: 1000 };

/// Reports are received by three processes, one of which is killed between a write and its sync. And
/// the same after another one, which was killed at one of its first syncs.
pub(crate) fn scenarios() -> Vec<Scenario> {
    (0..7_usize).map(|syncs| scenario(syncs.checked_sub(1))).collect()
}

fn scenario(kill_at_sync: Option<usize>) -> Scenario {
    let temporary = power_cut::folder();
    let root = temporary.path().to_owned();
    if kill_at_sync.is_some() {
        // Whoever is killed may leave one folder without a durable name, and not two.
        fs::create_dir(root.join("srv")).expect("made");
    }
    let recorder = Recorder::start(&root);
    let folder = root.join(FOLDER);
    if let Some(syncs) = kill_at_sync {
        recorder.kill_at_sync(syncs);
        assert!(open(&folder).is_err() && recorder.restart(), "{syncs}");
    }
    let receive = |journal: &Journal, number: u32, expected: Stored| {
        assert_eq!(store(journal, number), Ok(expected));
        recorder.promise(format!("stored {number} in {}", segment_of(&folder, number)));
    };
    let journal = open(&folder).expect("a journal");
    for number in 1..=4 {
        receive(&journal, number, Stored::New);
    }
    drop(journal);
    kill_while_writing(&folder, 5);
    let journal = open(&folder).expect("a journal");
    receive(&journal, 5, Stored::Duplicate);
    receive(&journal, 6, Stored::New);
    drop(journal);
    drop(open(&folder).expect("a journal"));
    Scenario {
        name: "receiving",
        root,
        record: recorder.finish(),
        check: Box::new(|state, before| {
            check_state(&state.join(FOLDER), before).map_err(|e| e.to_string())
        }),
    }
}

fn check_state(folder: &Path, before: &Before<'_>) -> Result<(), Box<dyn Error>> {
    let promised: Vec<(u32, u64)> = before.promises.iter().map(|text| parse(text)).collect();
    // Before anything is mended: if one of these segments is lost one day, it is missed. Each copy of
    // the list is enough for that.
    for copy in [folder.join("segments"), folder.with_extension("segments")] {
        let list = fs::read_to_string(copy).unwrap_or_default();
        for (number, segment) in &promised {
            if !list.contains(&format!("{{\"segment\":{segment},")) {
                return Err(format!("{number} is in segment {segment}: {list:?}").into());
            }
        }
    }
    let journal = open(folder)?;
    let found = stored(folder)?;
    for (number, _) in &promised {
        if !found.contains(checked(*number).bytes()) {
            return Err(format!("{number} was acknowledged and is not stored").into());
        }
        if store(&journal, *number) != Ok(Stored::Duplicate) {
            return Err(format!("{number} is stored twice").into());
        }
    }
    for number in 1..=ALL {
        store(&journal, number).map_err(|_| "not stored")?;
    }
    drop(journal);
    if stored(folder)?.len() != ALL as usize {
        return Err("some report is missing".into());
    }
    drop(open(folder)?);
    let listed = listed_segments(folder)?;
    if !listed.damaged.is_empty() {
        return Err("the list is damaged".into());
    }
    for segment in folder::segments(folder)? {
        let name = segment.file_name();
        let length = fs::metadata(folder.join(&name))?.len();
        match listed.segments.get(&segment.number) {
            None => return Err(format!("{name} is not listed").into()),
            Some(None) if segment.until.is_some() => {
                return Err(format!("{name} is not listed as sealed").into());
            }
            Some(Some(sealed)) if sealed.bytes != length => {
                return Err(format!("{name} has {length} bytes, listed: {}", sealed.bytes).into());
            }
            Some(_) => {}
        }
    }
    Ok(())
}

fn parse(promise: &str) -> (u32, u64) {
    let (number, segment) = promise
        .strip_prefix("stored ")
        .and_then(|rest| rest.split_once(" in "))
        .expect("a promise of this scenario");
    (number.parse().expect("a number"), segment.parse().expect("a number"))
}

fn open(folder: &Path) -> Result<Journal, JournalError> {
    let oldest = parse_date("2026-01-13").expect("a date");
    let is_locked = |error: &JournalError| matches!(error, JournalError::InUse { .. });
    power_cut::unlocked(|| Journal::open(folder, oldest, LIMITS), is_locked)
}

fn checked(number: u32) -> CheckedReport {
    let config = LoggedConfig::new(ModuleVersion::FIRST, &config(1.0));
    let json = report(0.25 + f64::from(number) / 1e6);
    let report = Report::decode(json.as_bytes()).expect("a report");
    check(&report, parse_date(WEEK).expect("a date"), &config, now()).expect("allowed")
}

fn store(journal: &Journal, number: u32) -> Result<Stored, super::NotStored> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    runtime.block_on(journal.queue_permit().expect("a permit").store(checked(number)))
}

/// What is stored, once it is sure that nothing is damaged and nothing there twice.
fn stored(folder: &Path) -> Result<BTreeSet<Vec<u8>>, Box<dyn Error>> {
    let mut all = BTreeSet::new();
    for found in stored_reports(folder, Date::MIN..=Date::MAX)? {
        if !all.insert(found?.bytes().to_vec()) {
            return Err("a report is there twice".into());
        }
    }
    Ok(all)
}

fn last_segment(folder: &Path) -> SegmentName {
    *folder::segments(folder).expect("a folder").last().expect("a segment")
}

/// The number of the segment that has a report.
fn segment_of(folder: &Path, number: u32) -> u64 {
    let report = checked(number);
    let has = |name: &SegmentName| {
        let (_, bytes) = folder::read(folder, *name).expect("a segment");
        bytes.windows(report.bytes().len()).any(|window| window == report.bytes())
    };
    folder::segments(folder).expect("a folder").into_iter().find(has).expect("stored").number
}

fn kill_while_writing(folder: &Path, number: u32) {
    let path = folder.join(last_segment(folder).file_name());
    let mut bytes = Vec::new();
    let report = checked(number);
    record::write(&mut bytes, report.identity(), report.bytes());
    let file = OpenOptions::new().append(true).open(&path).expect("opened");
    AppendFile::new(file, &path).append(&bytes).expect("written");
}
