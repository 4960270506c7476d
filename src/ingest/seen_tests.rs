//! Which reports are known, by day.

use super::*;
use crate::durable::recorder::Recorder;
use tempfile::TempDir;

fn date(text: &str) -> Day {
    text.parse().expect("a date")
}

fn open(folder: &TempDir, oldest: &str) -> Seen {
    Seen::open(&Event::new(), folder.path(), date(oldest), usize::MAX).expect("opened")
}

/// Stores reports as the journal does.
fn store(seen: &mut Seen, day: &str, reports: std::ops::Range<u32>) {
    for report in reports {
        let identity = seen.identity(date(day), &report.to_le_bytes()).expect("an identity");
        assert!(seen.add(date(day), identity), "{report}");
    }
}

fn knows(seen: &mut Seen, day: &str, report: u32) -> bool {
    let identity = seen.identity(date(day), &report.to_le_bytes()).expect("an identity");
    seen.has(date(day), identity)
}

#[test]
fn saved_identities_are_known_again_and_are_sorted() {
    let folder = TempDir::new().expect("a temporary folder");
    let mut seen = open(&folder, "2026-01-01");
    store(&mut seen, "2026-02-08", 0..500);
    seen.save().expect("saved");
    store(&mut seen, "2026-02-08", 500..1000);
    store(&mut seen, "2026-02-01", 0..10);
    assert_eq!((seen.len(), seen.newest()), (1010, Some(date("2026-02-08"))));
    seen.save().expect("saved");
    let bytes = fs::read(folder.path().join("seen/2026-02-08")).expect("a file");
    assert_eq!(bytes.len(), 16 + 32 + 16 * 1000 + 32);
    let identities: Vec<_> = bytes[48..bytes.len() - 32].as_chunks::<16>().0.to_vec();
    assert!(identities.is_sorted());
    let mut again = open(&folder, "2026-01-01");
    assert_eq!((again.len(), again.newest()), (1010, Some(date("2026-02-08"))));
    assert!((0..1000).all(|report| knows(&mut again, "2026-02-08", report)));
    assert!(!knows(&mut again, "2026-02-08", 1000) && !knows(&mut again, "2026-02-01", 10));
}

#[test]
fn each_day_has_its_own_key_and_both_are_removed_in_time() {
    let folder = TempDir::new().expect("a temporary folder");
    let mut seen = open(&folder, "2026-01-01");
    for day in ["2026-02-06", "2026-02-07", "2026-02-08"] {
        store(&mut seen, day, 0..1);
    }
    seen.save().expect("saved");
    let files = || {
        let mut files: Vec<_> = fs::read_dir(folder.path().join("seen"))
            .expect("a folder")
            .map(|entry| entry.expect("an entry").path())
            .collect();
        files.sort();
        files
    };
    let keys: HashSet<Vec<u8>> =
        files().iter().map(|file| fs::read(file).expect("a file")[16..64].to_vec()).collect();
    assert_eq!(keys.len(), 3);
    seen.forget_before(date("2026-02-08")).expect("forgotten");
    assert_eq!(files().len(), 2, "a day later the file goes");
    // The clock was set back: what still exists is known again.
    assert!(knows(&mut seen, "2026-02-07", 0));
    seen.forget_before(date("2026-02-09")).expect("forgotten");
    assert_eq!(files().len(), 1);
    assert_eq!(seen.len(), 0);
}

#[test]
fn a_damaged_file_stops_reports_of_its_day_only() {
    let folder = TempDir::new().expect("a temporary folder");
    let mut seen = open(&folder, "2026-01-01");
    store(&mut seen, "2026-02-07", 0..1);
    store(&mut seen, "2026-02-08", 0..2);
    seen.save().expect("saved");
    let path = folder.path().join("seen/2026-02-08");
    let good = fs::read(&path).expect("a file");
    for at in 0..good.len() {
        let mut bad = good.clone();
        bad[at] ^= 1;
        let cut = good[..at].to_vec();
        for bytes in [bad, cut] {
            fs::write(&path, bytes).expect("written");
            let mut seen = open(&folder, "2026-01-01");
            let refused = seen.identity(date("2026-02-08"), b"report").expect_err("damaged");
            assert!(refused.to_string().contains("2026-02-08 is damaged"), "{refused}");
            assert!(knows(&mut seen, "2026-02-07", 0), "{at}");
        }
    }
}

#[test]
fn identities_that_could_not_be_saved_stay_known_and_are_saved_later() {
    let folder = TempDir::new().expect("a temporary folder");
    let recorder = Recorder::start(folder.path());
    let mut seen = open(&folder, "2026-01-01");
    store(&mut seen, "2026-02-08", 0..5);
    seen.save().expect("saved");
    store(&mut seen, "2026-02-08", 5..9);
    recorder.kill_at_sync(0);
    assert!(seen.save().is_err() && recorder.restart());
    assert!((0..9).all(|report| knows(&mut seen, "2026-02-08", report)));
    assert_eq!(open(&folder, "2026-01-01").len(), 5);
    seen.save().expect("saved");
    assert_eq!((seen.len(), open(&folder, "2026-01-01").len()), (9, 9));
}
