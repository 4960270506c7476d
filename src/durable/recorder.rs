//! Records what is done to the files in a folder, in unit tests.
//!
//! While a folder is recorded, nothing in it is really synced: power cuts are replayed from the record.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, ErrorKind};
use std::panic::Location;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A file, numbered in order of creation; its names may change.
pub(crate) type FileNumber = usize;

/// What is synced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Sync {
    File,
    Folder,
}

/// The source location that asked for a sync, and of what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Site {
    pub(crate) file: &'static str,
    pub(crate) line: u32,
    pub(crate) what: Sync,
}

/// What was done.
#[derive(Debug, Clone)]
pub(crate) enum Event {
    MakeFolder(PathBuf),
    Create(PathBuf, FileNumber),
    Append(FileNumber, Vec<u8>),
    /// Bytes at a position, over what is there or beyond the end.
    Write(FileNumber, usize, Vec<u8>),
    Cut(FileNumber, usize),
    SyncFile(FileNumber, Site),
    SyncFolder(PathBuf, Site),
    Rename(PathBuf, PathBuf),
    Link(PathBuf, PathBuf),
    Remove(PathBuf),
    /// A file that others have created and made durable.
    Found(PathBuf, FileNumber, Vec<u8>),
    /// Something that others now rely on.
    Promise(String),
}

/// What was there before, and everything that was done since.
#[derive(Debug, Default)]
pub(crate) struct Record {
    pub(crate) folders: Vec<PathBuf>,
    pub(crate) files: Vec<(PathBuf, Vec<u8>)>,
    pub(crate) events: Vec<Event>,
    names: BTreeMap<PathBuf, FileNumber>,
    numbers: usize,
    /// The program is killed at this sync, counted from now.
    killed_in: Option<usize>,
    is_killed: bool,
}

/// Records a folder, or skips its syncs, until it is dropped.
#[derive(Debug)]
pub(crate) struct Recorder {
    root: PathBuf,
    record: Option<Arc<Mutex<Record>>>,
}

type Root = (PathBuf, Option<Arc<Mutex<Record>>>);

static ROOTS: Mutex<Vec<Root>> = Mutex::new(Vec::new());

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Recorder {
    /// Starts recording below `root`. What is there counts as durable.
    pub(crate) fn start(root: &Path) -> Recorder {
        let mut record = Record::default();
        record.find(root);
        Recorder::with(root, Some(Arc::new(Mutex::new(record))))
    }

    /// Skips syncs below `root`, and records nothing.
    pub(crate) fn without_syncs(root: &Path) -> Recorder {
        Recorder::with(root, None)
    }

    fn with(root: &Path, record: Option<Arc<Mutex<Record>>>) -> Recorder {
        let recorder = Recorder { root: root.to_owned(), record };
        lock(&ROOTS).push((recorder.root.clone(), recorder.record.clone()));
        recorder
    }

    /// Records what others rely on from here on.
    pub(crate) fn promise(&self, promise: impl Into<String>) {
        if let Some(record) = &self.record {
            lock(record).events.push(Event::Promise(promise.into()));
        }
    }

    /// Records a file that others have created and made durable.
    pub(crate) fn found(&self, path: &Path) {
        if let Some(record) = &self.record {
            let (mut record, bytes) = (lock(record), fs::read(path).expect("a file"));
            let number = record.numbers;
            record.numbers += 1;
            record.names.insert(path.to_owned(), number);
            record.events.push(Event::Found(path.to_owned(), number, bytes));
        }
    }

    /// Kills the running program when it asks for its next sync after this many: that one is not done,
    /// and nothing after it until [`Recorder::restart`].
    pub(crate) fn kill_at_sync(&self, syncs: usize) {
        if let Some(record) = &self.record {
            lock(record).killed_in = Some(syncs);
        }
    }

    /// Starts another program. Returns whether the one before was killed.
    pub(crate) fn restart(&self) -> bool {
        let Some(record) = &self.record else { return false };
        let mut record = lock(record);
        record.killed_in = None;
        std::mem::take(&mut record.is_killed)
    }

    /// Forgets what was done so far.
    pub(crate) fn forget(&self) {
        if let Some(record) = &self.record {
            lock(record).events.clear();
        }
    }

    /// Ends the recording.
    pub(crate) fn finish(self) -> Record {
        let record = self.record.as_ref().map(|record| std::mem::take(&mut *lock(record)));
        record.unwrap_or_default()
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        lock(&ROOTS).retain(|(root, _)| *root != self.root);
    }
}

impl Record {
    fn find(&mut self, folder: &Path) {
        for entry in fs::read_dir(folder).expect("a folder to record") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                self.folders.push(path.clone());
                self.find(&path);
            } else {
                self.files.push((path.clone(), fs::read(&path).expect("a file")));
                self.names.insert(path, self.numbers);
                self.numbers += 1;
            }
        }
    }

    fn create(&mut self, path: &Path) -> FileNumber {
        let number = self.numbers;
        self.numbers += 1;
        self.names.insert(path.to_owned(), number);
        self.events.push(Event::Create(path.to_owned(), number));
        number
    }

    /// The file of this name; one that others created is added now.
    fn number(&mut self, path: &Path) -> FileNumber {
        if let Some(number) = self.names.get(path) {
            return *number;
        }
        let number = self.create(path);
        let bytes = fs::read(path).unwrap_or_default();
        if !bytes.is_empty() {
            self.events.push(Event::Append(number, bytes));
        }
        number
    }
}

/// The root that this path is below.
fn root_of(path: &Path) -> Option<Root> {
    lock(&ROOTS).iter().find(|(root, _)| path.starts_with(root)).cloned()
}

fn record<T>(path: &Path, note: impl FnOnce(&mut Record) -> T) -> Option<T> {
    let (_, record) = root_of(path)?;
    record.map(|record| note(&mut lock(&record)))
}

/// An open file.
#[derive(Debug)]
pub(super) struct Handle {
    path: PathBuf,
    number: Option<FileNumber>,
}

impl Handle {
    fn note(&self, event: impl FnOnce(FileNumber) -> Event) {
        if let Some(number) = self.number {
            record(&self.path, |record| record.events.push(event(number)));
        }
    }

    pub(super) fn appended(&self, bytes: &[u8]) {
        self.note(|number| Event::Append(number, bytes.to_owned()));
    }

    pub(super) fn written(&self, at: u64, bytes: &[u8]) {
        let at = usize::try_from(at).expect("a position");
        self.note(|number| Event::Write(number, at, bytes.to_owned()));
    }

    pub(super) fn cut(&self, length: u64) {
        self.note(|number| Event::Cut(number, usize::try_from(length).expect("a length")));
    }

    pub(super) fn alive(&self) -> io::Result<()> {
        alive(&self.path)
    }

    pub(super) fn alive_to_sync(&self) -> io::Result<()> {
        alive_to_sync(&self.path)
    }

    /// Records a sync. Returns whether to skip it.
    #[track_caller]
    pub(super) fn synced(&self, what: Sync) -> bool {
        let site = site(Location::caller(), what);
        self.note(|number| Event::SyncFile(number, site));
        root_of(&self.path).is_some()
    }
}

fn site(caller: &'static Location<'static>, what: Sync) -> Site {
    Site { file: caller.file(), line: caller.line(), what }
}

pub(super) fn created(path: &Path) -> Handle {
    Handle { path: path.to_owned(), number: record(path, |record| record.create(path)) }
}

pub(super) fn opened(path: &Path) -> Handle {
    Handle { path: path.to_owned(), number: record(path, |record| record.number(path)) }
}

pub(super) fn made_folder(path: &Path) {
    record(path, |record| record.events.push(Event::MakeFolder(path.to_owned())));
}

pub(super) fn linked(from: &Path, to: &Path) {
    record(to, |record| {
        if let Some(number) = record.names.get(from).copied() {
            record.names.insert(to.to_owned(), number);
        }
        record.events.push(Event::Link(from.to_owned(), to.to_owned()));
    });
}

pub(super) fn renamed(from: &Path, to: &Path) {
    record(to, |record| {
        // Called afterwards, so a file that others wrote is read under its new name.
        let number = match record.names.remove(from) {
            Some(number) => number,
            None => {
                let number = record.create(from);
                record.names.remove(from);
                let bytes = fs::read(to).unwrap_or_default();
                record.events.push(Event::Append(number, bytes));
                number
            }
        };
        record.names.insert(to.to_owned(), number);
        record.events.push(Event::Rename(from.to_owned(), to.to_owned()));
    });
}

pub(super) fn removed(path: &Path) {
    record(path, |record| {
        if record.names.remove(path).is_some() {
            record.events.push(Event::Remove(path.to_owned()));
        }
    });
}

/// Records a sync. Returns whether to skip it.
#[track_caller]
pub(super) fn folder_synced(folder: &Path, what: Sync) -> bool {
    let site = site(Location::caller(), what);
    record(folder, |record| record.events.push(Event::SyncFolder(folder.to_owned(), site)));
    root_of(folder).is_some()
}

/// Fails if the program was killed.
pub(super) fn alive(path: &Path) -> io::Result<()> {
    match record(path, |record| record.is_killed) {
        Some(true) => Err(io::Error::other("the program was killed by a test")),
        _ => Ok(()),
    }
}

/// As [`alive`], before a sync, at which the program may be killed.
pub(super) fn alive_to_sync(path: &Path) -> io::Result<()> {
    record(path, |record| match &mut record.killed_in {
        Some(0) => record.is_killed = true,
        Some(syncs) => *syncs -= 1,
        None => {}
    });
    alive(path)
}

/// Two recorded folders count as two disks.
pub(super) fn check_devices(from: &Path, to: &Path) -> io::Result<()> {
    match (root_of(from), root_of(to)) {
        (Some((one, _)), Some((other, _))) if one != other => Err(ErrorKind::CrossesDevices.into()),
        _ => Ok(()),
    }
}
