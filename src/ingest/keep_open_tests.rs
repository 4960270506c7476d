//! A receiver that ends is noticed and replaced, and nothing that was acknowledged is forgotten.

use super::*;
use crate::ingest::journal::Journal;
use crate::ingest::segment::Disk;
use crate::ingest::testing::{self, Log, config, report};
use crate::ingest::writer::Writer;
use crate::ingest::{Answer, Unavailable, oldest_week};
use crate::ingest::{Limits, Stored};
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use tempfile::TempDir;

const DAY: &str = "2026-02-08";
/// Longer than any test.
const HOURS: Duration = Duration::from_secs(7200);

/// A disk that makes the journal's thread panic at its second write.
#[derive(Debug)]
struct Deadly(Box<dyn Disk>, u64);

impl Disk for Deadly {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.1 += 1;
        assert!(self.1 < 2, "as a test asked");
        self.0.append(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.0.sync()
    }

    fn cut(&mut self, length: u64) -> io::Result<()> {
        self.0.cut(length)
    }
}

fn deadly_receiver(log: &Log, folder: &Path) -> Result<Receiver, ReceiverError> {
    let oldest = oldest_week(testing::now());
    let limits = Limits { queue: 8, ..Limits::default() };
    let mut writer = Writer::open(folder, oldest, limits)?;
    writer.segment().replace_disk(|disk| Box::new(Deadly(disk, 0)));
    let journal = Journal::start(writer)?;
    Ok(Receiver::with_journal(journal, log.configs(), testing::clock()))
}

fn receiver(log: &Log, folder: &Path, stop: &Event) -> Result<Receiver, ReceiverError> {
    let limits = Limits::default();
    Receiver::open_unless(stop, folder, log.configs(), testing::clock(), limits)
}

async fn send(receiver: &Receiver, x: f64) -> Answer {
    let permit = receiver.queue_permit().expect("a permit");
    receiver.accept(permit, DAY, report(x).as_bytes()).await
}

#[tokio::test]
async fn a_dead_journal_is_noticed_and_another_is_opened() {
    let (log, folder) = (Log::new(), TempDir::new().expect("a temporary folder"));
    log.append(&config(1.0));
    let path = folder.path().to_owned();
    let (slot, stop) = (ReceiverSlot::new(), Event::new());
    let (second_began, go_on) = (Event::new(), Event::new());
    let keeper = {
        let (slot, stop) = (slot.clone(), stop.clone());
        let (second_began, go_on) = (second_began.clone(), go_on.clone());
        let opened = AtomicU64::new(0);
        std::thread::spawn(move || {
            let open = |stop: &Event| match opened.fetch_add(1, Ordering::SeqCst) {
                0 => deadly_receiver(&log, &path),
                1 => {
                    second_began.set();
                    assert!(go_on.wait(HOURS));
                    panic!("as a test asked, once more");
                }
                _ => receiver(&log, &path, stop),
            };
            keep_open_every(&slot, &stop, open, Duration::ZERO);
        })
    };
    let first = slot.receiver_within(HOURS).await.expect("a receiver");
    assert_eq!(slot.state().problem, None);
    assert_eq!(send(&first, 0.25).await, Answer::Stored(Stored::New));
    assert_eq!(
        send(&first, 0.5).await,
        Answer::Unavailable(Unavailable::NotStored),
        "the thread has died of it"
    );
    drop(first);
    assert!(second_began.wait(HOURS));
    let problem = slot.state().problem.expect("a problem");
    assert!(problem.contains("thread that stores reports has ended"), "{problem}");
    assert!(problem.contains("restart the server"), "the way out: {problem}");
    go_on.set();
    let second = slot.receiver_within(HOURS).await.expect("another receiver");
    assert_eq!(slot.state().problem, None);
    assert_eq!(send(&second, 0.25).await, Answer::Stored(Stored::Duplicate));
    assert_eq!(send(&second, 0.5).await, Answer::Stored(Stored::New));
    drop(second);
    let state = slot.state();
    assert_eq!(state.opened, 2);
    stop.set();
    keeper.join().expect("no panic");
    assert!(slot.receiver().is_none());
    assert_eq!(testing::stored_rows(folder.path()).len(), 2);
}

#[test]
fn it_stops_at_once_while_the_folder_cannot_be_opened() {
    let (log, folder) = (Log::new(), TempDir::new().expect("a temporary folder"));
    let (slot, stop, never) = (ReceiverSlot::new(), Event::new(), Event::new());
    // To the lock, this is another process.
    let other = receiver(&log, folder.path(), &never).expect("a receiver");
    let refused = Event::new();
    std::thread::scope(|scope| {
        let keeper = scope.spawn(|| {
            let open = |stop: &Event| {
                let opened = receiver(&log, folder.path(), stop);
                refused.set();
                opened
            };
            keep_open_every(&slot, &stop, open, HOURS);
        });
        assert!(refused.wait(HOURS));
        // It may not be waiting yet, or it may be: both end.
        stop.set();
        keeper.join().expect("no panic");
    });
    let problem = slot.state().problem.expect("a problem");
    assert!(problem.contains("in use by another process"), "{problem}");
    drop(other);
}

#[test]
fn it_stops_while_segments_are_read() {
    let (log, folder) = (Log::new(), TempDir::new().expect("a temporary folder"));
    log.append(&config(1.0));
    let stop = Event::new();
    drop(receiver(&log, folder.path(), &stop).expect("a receiver"));
    stop.set();
    let stopped = receiver(&log, folder.path(), &stop);
    assert!(matches!(stopped, Err(ReceiverError::Journal(JournalError::Stopped { .. }))));
    stop.set();
    keep_open(&ReceiverSlot::new(), &stop, |_| panic!("it is not opened any more"));
}
