//! Each report is read once, over any number of readings, whatever becomes of the segment.

use super::super::record::{self, HEADER};
use super::*;
use proptest::collection::vec;
use proptest::prelude::*;

const FOREVER: Taking = Taking { before: Date::MAX, decoded: false };

fn report(week: &str, text: &str) -> Vec<u8> {
    format!("{{\"Week\":\"{week}\",\"{text}\"}}").into_bytes()
}

fn append(bytes: &mut Vec<u8>, report: &[u8]) {
    record::write(bytes, Identity::of(report), report);
}

fn before(week: &str) -> Taking {
    Taking { before: week.parse().expect("a date"), decoded: false }
}

/// A folder with one segment that is written to.
struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Folder {
        Folder(tempfile::tempdir().expect("a temporary folder"))
    }

    fn write(&self, bytes: &[u8]) {
        std::fs::write(self.0.path().join("00000001.open"), bytes).expect("written");
    }

    fn seal(&self) {
        let to = self.0.path().join("00000001-until-2026-02-08.reports");
        std::fs::rename(self.0.path().join("00000001.open"), to).expect("renamed");
    }

    fn read(&self, mark: &mut Option<ReadMark>, taking: Taking) -> (Vec<Vec<u8>>, Vec<String>) {
        let [segment] = segment_files(self.0.path()).expect("a folder").try_into().expect("one");
        let mut unread = segment.load(mark.as_ref(), taking).expect("readable");
        let mut reports = Vec::new();
        while let Some((_, report)) = unread.next_report() {
            reports.push(report.to_vec());
        }
        let (new, problems) = unread.finish();
        // As it is stored.
        let json = serde_json::to_string(&new).expect("JSON");
        *mark = Some(serde_json::from_str(&json).expect("a mark"));
        (reports, problems.iter().map(ToString::to_string).collect())
    }
}

proptest! {
    #[test]
    fn readings_of_a_growing_segment_give_each_report_once(
        steps in vec((vec("[a-z]{0,20}", 0..4), 0..30usize), 1..6),
    ) {
        let folder = Folder::new();
        let (mut bytes, mut mark) = (HEADER.to_vec(), None);
        let (mut written, mut read) = (Vec::new(), Vec::new());
        for (texts, torn) in steps {
            for text in texts {
                let report = report("2026-02-08", &text);
                append(&mut bytes, &report);
                written.push(report);
            }
            // The beginning of a record that is cut off before more is written.
            let mut half = Vec::new();
            append(&mut half, &report("2026-02-08", "this is one that is never written whole"));
            folder.write(&[&bytes[..], &half[..torn]].concat());
            let (reports, problems) = folder.read(&mut mark, FOREVER);
            prop_assert_eq!(problems, Vec::<String>::new());
            read.extend(reports);
            prop_assert_eq!(&read, &written);
        }
        folder.write(&bytes);
        folder.seal();
        prop_assert_eq!(folder.read(&mut mark, FOREVER), (vec![], vec![]));
    }
}

#[test]
fn what_was_read_and_then_cut_back_is_read_anew() {
    let folder = Folder::new();
    let [one, two, three] = ["one", "two", "three"].map(|text| report("2026-02-08", text));
    let mut bytes = HEADER.to_vec();
    append(&mut bytes, &one);
    let (mut cut, mut mark) = (bytes.clone(), None);
    append(&mut bytes, &two);
    folder.write(&bytes);
    assert_eq!(folder.read(&mut mark, FOREVER).0, [one.clone(), two]);
    // The server's sync failed; it cut the file back and went on with another report.
    append(&mut cut, &three);
    append(&mut cut, &one);
    folder.write(&cut);
    assert_eq!(folder.read(&mut mark, FOREVER).0, [one.clone(), three, one]);
}

#[test]
fn damage_is_named_in_every_reading_until_it_is_mended() {
    let folder = Folder::new();
    let reports = ["one", "two", "three"].map(|text| report("2026-02-08", text));
    let mut bytes = HEADER.to_vec();
    reports.iter().for_each(|report| append(&mut bytes, report));
    let mut damaged = bytes.clone();
    let second = HEADER.len() + record::PREFIX + reports[0].len();
    damaged[second + 30] ^= 1;
    folder.write(&damaged);
    let mut mark = None;
    let (read, problems) = folder.read(&mut mark, FOREVER);
    assert_eq!(read, [reports[0].clone(), reports[2].clone()]);
    let [problem] = &problems[..] else { panic!("{problems:?}") };
    let start = format!("reports/00000001.open is damaged from byte {second} to ");
    assert!(problem.starts_with(&start), "{problem}");
    assert_eq!(folder.read(&mut mark, FOREVER), (vec![], problems.clone()));
    append(&mut bytes, &report("2026-02-08", "four"));
    append(&mut damaged, &report("2026-02-08", "four"));
    folder.write(&damaged);
    assert_eq!(folder.read(&mut mark, FOREVER), (vec![report("2026-02-08", "four")], problems));
    folder.write(&bytes);
    let (read, problems) = folder.read(&mut mark, FOREVER);
    assert_eq!((read.len(), problems), (4, vec![]));
}

#[test]
fn reports_of_a_week_that_is_not_over_are_held_back_until_it_is() {
    let folder = Folder::new();
    let texts =
        [("2026-02-08", "a"), ("2026-02-10", "b"), ("2026-02-09", "c"), ("2026-02-10", "d")];
    let [a, b, c, d] = texts.map(|(week, text)| report(week, text));
    let mut bytes = HEADER.to_vec();
    [&a, &b, &c].iter().for_each(|report| append(&mut bytes, report));
    folder.write(&bytes);
    let mut mark = None;
    assert_eq!(folder.read(&mut mark, before("2026-02-10")).0, [a.clone(), c.clone()]);
    append(&mut bytes, &d);
    folder.write(&bytes);
    assert!(folder.read(&mut mark, before("2026-02-10")).0.is_empty());
    assert_eq!(folder.read(&mut mark, before("2026-02-11")).0, [b, d]);
    assert!(folder.read(&mut mark, before("2026-02-12")).0.is_empty());
}

#[test]
fn what_is_whole_and_not_understood_is_damage_where_every_report_is_decoded() {
    let folder = Folder::new();
    let good = super::super::testing::report(0.25).into_bytes();
    let mut bytes = HEADER.to_vec();
    append(&mut bytes, &report("2026-02-08", "no report"));
    append(&mut bytes, &good);
    folder.write(&bytes);
    let (read, problems) = folder.read(&mut None, Taking { decoded: true, ..FOREVER });
    assert_eq!((read, problems.len()), (vec![good], 1));
}

#[test]
fn a_segment_of_a_later_format_is_an_error() {
    let folder = Folder::new();
    folder.write(b"candor reports\x02\n...");
    let [segment] = segment_files(folder.0.path()).expect("a folder").try_into().expect("one");
    let error = segment.load(None, FOREVER).expect_err("another format").to_string();
    assert!(error.starts_with("reports/00000001.open has format 2"), "{error}");
}

#[test]
fn a_folder_that_is_not_there_has_no_segments() {
    assert!(segment_files(Path::new("/nonexistent/reports")).expect("none").is_empty());
}
