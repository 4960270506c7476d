//! A disk before a power cut: what is durable, and what is pending.
//!
//! Only what was synced is durable. A file's content is durable up to its last sync. A change of a name
//! (of a file or folder: added, removed or renamed) is durable once its folder was synced, and is lost if
//! that folder's own name is lost. Pending changes are independent of each other, even within a folder. A
//! renamed file is never without a name: within a folder the change is atomic; across folders the old
//! name goes only if the new one is there.

use crate::durable::recorder::{Event, FileNumber, Record, Site};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::rc::Rc;

/// What a name refers to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Entry {
    Folder,
    File(FileNumber),
}

/// A pending change of a name.
#[derive(Debug, Clone)]
pub(super) struct Change {
    pub(super) number: usize,
    /// The folder whose sync makes it durable.
    pub(super) folder: PathBuf,
    /// A change that this one depends on.
    pub(super) needs: Option<usize>,
    step: Step,
}

#[derive(Debug, Clone)]
enum Step {
    Add(PathBuf, Entry),
    Remove(PathBuf, FileNumber),
    Move { from: PathBuf, to: PathBuf, file: FileNumber },
}

/// A file's content: what is durable, and what is pending.
#[derive(Debug, Clone, Default)]
pub(super) struct Content {
    pub(super) synced: Rc<Vec<u8>>,
    pub(super) now: Rc<Vec<u8>>,
    pub(super) is_certain: bool,
}

pub(super) type Names = BTreeMap<PathBuf, Entry>;

/// The disk.
#[derive(Debug)]
pub(super) struct Disk<'a> {
    root: &'a Path,
    /// The sync that is skipped.
    without: Option<Site>,
    /// The durable names.
    pub(super) names: Names,
    /// The names that programs see.
    seen: Names,
    pub(super) changes: Vec<Change>,
    pub(super) files: BTreeMap<FileNumber, Content>,
    numbers: usize,
}

impl<'a> Disk<'a> {
    /// The disk when the recording started.
    pub(super) fn before(root: &'a Path, record: &Record, without: Option<Site>) -> Disk<'a> {
        let mut names = Names::new();
        let mut files = BTreeMap::new();
        names.extend(record.folders.iter().map(|path| (path.clone(), Entry::Folder)));
        for (number, (path, bytes)) in record.files.iter().enumerate() {
            names.insert(path.clone(), Entry::File(number));
            let bytes = Rc::new(bytes.clone());
            files.insert(number, Content { synced: bytes.clone(), now: bytes, is_certain: true });
        }
        let (seen, changes) = (names.clone(), Vec::new());
        Disk { root, without, names, seen, changes, files, numbers: 0 }
    }

    /// Applies an event.
    pub(super) fn apply(&mut self, event: &Event) {
        match event {
            Event::MakeFolder(path) => self.add(path, Entry::Folder),
            Event::Create(path, number) => {
                self.files.insert(*number, Content::default());
                self.add(path, Entry::File(*number));
            }
            Event::Append(number, bytes) => {
                self.write(*number, |now| now.extend_from_slice(bytes));
            }
            Event::Write(number, at, bytes) => self.write(*number, |now| {
                let end = at + bytes.len();
                now.resize(now.len().max(end), 0);
                now[*at..end].copy_from_slice(bytes);
            }),
            Event::Cut(number, length) => self.write(*number, |now| now.resize(*length, 0)),
            Event::SyncFile(number, site) => {
                if self.without != Some(*site) {
                    let file = self.file(*number);
                    file.synced = file.now.clone();
                    file.is_certain = true;
                }
            }
            Event::SyncFolder(folder, site) => {
                if self.without != Some(*site) {
                    self.sync_folder(folder);
                }
            }
            Event::Rename(from, to) => self.rename(from, to),
            Event::Link(from, to) => {
                let entry = self.seen[from];
                self.add(to, entry);
            }
            Event::Remove(path) => {
                if let Some(Entry::File(file)) = self.seen.remove(path) {
                    self.change(folder(path), Step::Remove(path.clone(), file), None);
                }
            }
            Event::Found(path, number, bytes) => {
                let now = Rc::new(bytes.clone());
                let content = Content { synced: now.clone(), now, is_certain: true };
                self.files.insert(*number, content);
                let above: Vec<PathBuf> =
                    path.ancestors().take_while(|at| *at != self.root).map(folder_path).collect();
                above.iter().for_each(|folder| self.sync_folder(folder));
                self.names.insert(path.clone(), Entry::File(*number));
                self.seen.insert(path.clone(), Entry::File(*number));
            }
            Event::Promise(_) => {}
        }
    }

    /// What programs see under a name.
    pub(super) fn read(&self, path: &Path) -> Option<&[u8]> {
        match self.seen.get(path)? {
            Entry::Folder => None,
            Entry::File(number) => Some(self.files[number].now.as_slice()),
        }
    }

    /// The names after a cut that keeps only these changes.
    pub(super) fn names_with(&self, changes: &BTreeSet<usize>) -> Names {
        let mut names = self.names.clone();
        for change in &self.changes {
            if changes.contains(&change.number) {
                change.step.apply(&mut names);
            }
        }
        // What is in a lost folder is lost.
        let mut lost: BTreeSet<PathBuf> = BTreeSet::new();
        for path in names.keys() {
            let parent = folder(path);
            if lost.contains(parent)
                || parent != self.root && names.get(parent) != Some(&Entry::Folder)
            {
                lost.insert(path.clone());
            }
        }
        names.retain(|path, _| !lost.contains(path));
        names
    }

    fn file(&mut self, number: FileNumber) -> &mut Content {
        self.files.get_mut(&number).expect("a file that was made or found")
    }

    fn write(&mut self, number: FileNumber, write: impl FnOnce(&mut Vec<u8>)) {
        let file = self.file(number);
        write(Rc::make_mut(&mut file.now));
        file.is_certain = file.synced == file.now;
    }

    fn add(&mut self, path: &Path, entry: Entry) {
        let parent = folder(path);
        assert!(
            parent == self.root || self.seen.get(parent) == Some(&Entry::Folder),
            "{} was made without `durable`",
            parent.display()
        );
        self.seen.insert(path.to_owned(), entry);
        self.change(parent, Step::Add(path.to_owned(), entry), None);
    }

    fn rename(&mut self, from: &Path, to: &Path) {
        let Some(Entry::File(file)) = self.seen.remove(from) else {
            panic!("{} is no file that was seen", from.display())
        };
        if folder(from) == folder(to) {
            self.seen.insert(to.to_owned(), Entry::File(file));
            let step = Step::Move { from: from.to_owned(), to: to.to_owned(), file };
            self.change(folder(to), step, None);
        } else {
            self.add(to, Entry::File(file));
            let needs = self.changes.last().map(|change| change.number);
            self.change(folder(from), Step::Remove(from.to_owned(), file), needs);
        }
    }

    fn change(&mut self, folder: &Path, step: Step, needs: Option<usize>) {
        // If a name is added and removed repeatedly, only the last time is pending: otherwise names of
        // temporary files would pile up.
        if let Step::Add(path, _) = &step {
            self.changes.retain(|old| match &old.step {
                Step::Add(other, _) | Step::Remove(other, _) => other != path,
                Step::Move { .. } => true,
            });
        }
        let number = self.numbers;
        self.numbers += 1;
        self.changes.push(Change { number, folder: folder.to_owned(), needs, step });
    }

    fn sync_folder(&mut self, folder: &Path) {
        let needed: BTreeSet<usize> = self
            .changes
            .iter()
            .filter(|change| change.folder == folder)
            .flat_map(|change| change.needs.into_iter().chain([change.number]))
            .collect();
        for change in &self.changes {
            if needed.contains(&change.number) {
                change.step.apply(&mut self.names);
            }
        }
        self.changes.retain(|change| !needed.contains(&change.number));
    }
}

impl Step {
    fn apply(&self, names: &mut Names) {
        let remove = |names: &mut Names, path: &PathBuf, file: &FileNumber| {
            // Not a file that has taken the name since.
            if names.get(path) == Some(&Entry::File(*file)) {
                names.remove(path);
            }
        };
        match self {
            Step::Add(path, entry) => drop(names.insert(path.clone(), *entry)),
            Step::Remove(path, file) => remove(names, path, file),
            Step::Move { from, to, file } => {
                names.insert(to.clone(), Entry::File(*file));
                remove(names, from, file);
            }
        }
    }
}

fn folder_path(path: &Path) -> PathBuf {
    folder(path).to_owned()
}

fn folder(path: &Path) -> &Path {
    path.parent().expect("a name in a folder")
}
