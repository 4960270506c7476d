//! `file://DIR`: the default store, with one file per object.
//!
//! The steps of a successful `put` of one new object, in order, each as [`durable`] does it:
//!
//! 1. `flock(DIR/.lock, EXCLUSIVE)`: writers of one store take turns; readers never wait.
//! 2. write `DIR/.tmp/N`, `fsync` it: the bytes are on disk before any name leads to them.
//! 3. `mkdir` the folders that are missing, `rename` to the object's name: seen whole or not at all.
//! 4. `fsync` the folder, so that the name survives a power cut; and the parent of each folder that was
//!    created, or whose own name this process does not know to be durable.
//!
//! A batch does step 2 for all its objects before step 3 for any, and syncs each folder once. All files
//! are being written before the first is synced, so that the disk's journal is written for all at once, and
//! a batch costs little more than one object. `swap` does the same for the pointer's file, after comparing
//! under the lock, and `put_and_swap` writes the pointer's file with the objects, and renames it once their
//! names are durable. A writer that dies leaves only files
//! in `.tmp`, which the next writer removes: it holds the lock, so nobody else is using them. `.tmp`
//! itself is never synced, since nothing in it matters.
//!
//! `put_file` syncs the scratch file before it takes the lock, so that a large one does not hold up
//! others, and then does steps 1, 3 and 4. A scratch file on another file system is copied in step 2
//! instead. `remove` takes the lock, unlinks the file and syncs the folder; `forget` leaves out the sync.
//!
//! Still unsafe: a disk that lies about `fsync`, and a file system on which `flock` does not work across
//! machines (use an object store there).

use super::{Key, Store, StoreError, Swap, distinct, failed};
use crate::durable::{self, NewFile};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, DirBuilder, File};
use std::io::{self, BufReader, ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// A store in a folder of the local file system. See the module's documentation for the protocol.
#[derive(Debug)]
pub struct FileStore {
    root: PathBuf,
    /// What is known about folders; guarded by the file lock.
    folders: Mutex<Folders>,
    /// Whether a pointer's first value may be forgotten in a power cut.
    forgets_firsts: bool,
}

#[derive(Debug, Default)]
struct Folders {
    /// Those whose own name is known to be durable: their parent was synced after they were created.
    durable: BTreeSet<PathBuf>,
    /// Those above the store that were created for it, and are not known to be durable.
    made_above: BTreeSet<PathBuf>,
}

impl FileStore {
    /// A store in `root`. Nothing is read or created until the first operation.
    pub fn new(root: impl Into<PathBuf>) -> FileStore {
        FileStore { root: root.into(), folders: Mutex::default(), forgets_firsts: false }
    }

    /// The same for what a machine has seen of logs. A pointer that was just created may be gone after a power
    /// cut (never half there), as if the machine had not seen that log yet; so folders in the store are not synced
    /// for it. Its later values are as durable as any.
    pub fn of_memory(root: impl Into<PathBuf>) -> FileStore {
        FileStore { forgets_firsts: true, ..FileStore::new(root) }
    }

    fn path(&self, key: &Key) -> PathBuf {
        self.root.join(key.as_str())
    }

    /// Takes the writers' lock, and removes what a dead writer left behind.
    fn lock(&self) -> Result<File, StoreError> {
        let path = self.root.join(".lock");
        self.make_folders(&self.root)?;
        let file = durable::lock_file(&path).map_err(|e| failed("open", &path, e))?;
        file.lock().map_err(|e| failed("lock", &path, e))?;
        let temporary = self.root.join(".tmp");
        self.make_folders(&temporary)?;
        let clear = || -> io::Result<()> {
            for left in fs::read_dir(&temporary)? {
                durable::remove_unsynced(&left?.path())?;
            }
            Ok(())
        };
        clear().map_err(|e| failed("clear", &temporary, e))?;
        Ok(file)
    }

    /// Writes and syncs files under temporary names.
    fn write_temporary(&self, files: &[(PathBuf, &[u8])]) -> Result<Vec<PathBuf>, StoreError> {
        let folder = self.root.join(".tmp");
        let paths: Vec<_> =
            (0..files.len()).map(|number| folder.join(number.to_string())).collect();
        // Not more at once than a process may have open.
        for (paths, files) in paths.chunks(TOGETHER).zip(files.chunks(TOGETHER)) {
            if let Err((path, error)) = write_and_sync(paths, files) {
                // Best effort: the next writer clears the folder anyway.
                for path in paths {
                    let _ = durable::remove_unsynced(path);
                }
                return Err(failed("write", path, error));
            }
        }
        Ok(paths)
    }

    /// Checks that a batch is in no conflict with what is there, and returns which of its objects are missing.
    fn missing<'o>(
        &self,
        objects: &BTreeMap<&Key, &'o [u8]>,
    ) -> Result<Vec<(PathBuf, &'o [u8])>, StoreError> {
        let mut missing = Vec::new();
        for (key, bytes) in objects {
            match self.get(key)? {
                Some(existing) if existing == *bytes => {}
                Some(_) => return Err(self.conflict(key)),
                None => missing.push((self.path(key), *bytes)),
            }
        }
        Ok(missing)
    }

    fn conflict(&self, key: &Key) -> StoreError {
        let location = format!("file://{}", self.root.display());
        StoreError::Conflict { location, key: key.clone() }
    }

    /// Gives synced files their names.
    fn name(&self, temporary: &[PathBuf], files: &[(PathBuf, &[u8])]) -> Result<(), StoreError> {
        for (_, (path, _)) in temporary.iter().zip(files) {
            self.make_folder_of(path)?;
        }
        for (from, (to, _)) in temporary.iter().zip(files) {
            durable::rename_unsynced(from, to).map_err(|e| failed("rename to", to, e))?;
        }
        Ok(())
    }

    /// Moves a synced file to a name; across file systems by a copy, which is also synced.
    fn move_file(&self, from: &Path, to: &Path) -> Result<(), StoreError> {
        match durable::rename_unsynced(from, to) {
            Err(e) if e.kind() == ErrorKind::CrossesDevices => {}
            other => return other.map_err(|e| failed("rename to", to, e)),
        }
        let temporary = self.root.join(".tmp").join("copy");
        fs::copy(from, &temporary)
            .and_then(|_| durable::sync_file(&temporary))
            .map_err(|e| failed("write", &temporary, e))?;
        durable::rename_unsynced(&temporary, to).map_err(|e| failed("rename to", to, e))?;
        durable::remove_unsynced(from).map(drop).map_err(|e| failed("remove", from, e))
    }

    /// Creates a folder and its missing parents. Their names are not durable yet.
    fn make_folders(&self, folder: &Path) -> Result<(), StoreError> {
        let made = durable::make_folders_unsynced(folder, &mut DirBuilder::new())
            .map_err(|e| failed("create", folder, e))?;
        let mut folders = self.folders.lock().unwrap_or_else(PoisonError::into_inner);
        for made in made {
            // It was known, but someone has removed it since.
            folders.durable.remove(&made);
            if !made.starts_with(&self.root) {
                folders.made_above.insert(made);
            }
        }
        Ok(())
    }

    fn make_folder_of(&self, path: &Path) -> Result<(), StoreError> {
        self.make_folders(durable::folder_of(path))
    }

    /// Makes the names of folders durable that were created above the store: no later process knows that they were.
    fn sync_folders_above(&self) -> Result<(), StoreError> {
        let mut known = self.folders.lock().unwrap_or_else(PoisonError::into_inner);
        for made in &known.made_above {
            let folder = durable::folder_of(made);
            durable::sync_folder(folder).map_err(|e| failed("sync", folder, e))?;
        }
        known.made_above.clear();
        Ok(())
    }

    /// Makes the names of `paths` durable, and those of their folders.
    #[track_caller]
    fn sync_names<'a>(&self, paths: impl Iterator<Item = &'a PathBuf>) -> Result<(), StoreError> {
        let mut known = self.folders.lock().unwrap_or_else(PoisonError::into_inner);
        let mut folders = BTreeSet::new();
        let mut new = BTreeSet::new();
        for path in paths {
            folders.insert(durable::folder_of(path));
            for folder in path.ancestors().skip(1) {
                // Folders above the store existed before it, unless they were created for it.
                if !folder.starts_with(&self.root) && !known.made_above.contains(folder) {
                    break;
                }
                if !known.durable.contains(folder) && new.insert(folder.to_path_buf()) {
                    folders.insert(durable::folder_of(folder));
                }
            }
        }
        for folder in folders {
            match durable::sync_folder(folder) {
                // If this user may not list the folder of a store, someone else created the store.
                Err(e)
                    if e.kind() == ErrorKind::PermissionDenied
                        && !folder.starts_with(&self.root)
                        && known.made_above.is_empty() => {}
                other => other.map_err(|e| failed("sync", folder, e))?,
            }
        }
        known.made_above.clear();
        known.durable.append(&mut new);
        Ok(())
    }
}

impl Store for FileStore {
    fn file_of(&self, key: &Key) -> Option<PathBuf> {
        Some(self.path(key))
    }

    fn get(&self, key: &Key) -> Result<Option<Vec<u8>>, StoreError> {
        let path = self.path(key);
        match fs::read(&path) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(e)
                if matches!(
                    e.kind(),
                    ErrorKind::NotFound | ErrorKind::NotADirectory | ErrorKind::IsADirectory
                ) =>
            {
                Ok(None)
            }
            Err(e) => Err(failed("read", &path, e)),
        }
    }

    fn put(&self, objects: &[(Key, Vec<u8>)]) -> Result<(), StoreError> {
        let _lock = self.lock()?;
        let objects = distinct(objects).map_err(|key| self.conflict(key))?;
        let missing = self.missing(&objects)?;
        let temporary = self.write_temporary(&missing)?;
        self.name(&temporary, &missing)?;
        // An existing object may have been named by a writer that died before syncing the folder: sync it
        // anyway.
        let paths: Vec<_> = objects.keys().map(|key| self.path(key)).collect();
        self.sync_names(paths.iter())
    }

    fn put_file(&self, key: &Key, scratch: &Path) -> Result<(), StoreError> {
        durable::sync_file(scratch).map_err(|e| failed("sync", scratch, e))?;
        let _lock = self.lock()?;
        let path = self.path(key);
        match self.open(key)? {
            Some(existing) => {
                let new = File::open(scratch).map_err(|e| failed("read", scratch, e))?;
                if !same_bytes(existing, new).map_err(|e| failed("read", &path, e))? {
                    return Err(self.conflict(key));
                }
                durable::remove_unsynced(scratch).map_err(|e| failed("remove", scratch, e))?;
            }
            None => {
                self.make_folder_of(&path)?;
                self.move_file(scratch, &path)?;
            }
        }
        self.sync_names(std::iter::once(&path))
    }

    fn open(&self, key: &Key) -> Result<Option<File>, StoreError> {
        let path = self.path(key);
        match File::open(&path) {
            // A folder can be opened too, but it is not an object.
            Ok(file) => match file.metadata() {
                Ok(metadata) if metadata.is_file() => Ok(Some(file)),
                Ok(_) => Ok(None),
                Err(e) => Err(failed("read", &path, e)),
            },
            Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
                Ok(None)
            }
            Err(e) => Err(failed("read", &path, e)),
        }
    }

    fn remove(&self, key: &Key) -> Result<(), StoreError> {
        let _lock = self.lock()?;
        let path = self.path(key);
        match durable::remove_unsynced(&path) {
            Ok(true) => self.sync_names(std::iter::once(&path)),
            Ok(false) => Ok(()),
            Err(e) => Err(failed("remove", &path, e)),
        }
    }

    fn forget(&self, keys: &[Key]) -> Result<(), StoreError> {
        let _lock = self.lock()?;
        keys.iter().try_for_each(|key| {
            let path = self.path(key);
            durable::remove_unsynced(&path).map(drop).map_err(|e| failed("remove", &path, e))
        })
    }

    fn list(&self, folder: &Key) -> Result<Vec<Key>, StoreError> {
        let path = self.path(folder);
        let files = match fs::read_dir(&path) {
            Ok(files) => files,
            Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
                return Ok(Vec::new());
            }
            Err(e) => return Err(failed("list", &path, e)),
        };
        let mut keys = Vec::new();
        for file in files {
            let file = file.map_err(|e| failed("list", &path, e))?;
            let is_file = file.file_type().map_err(|e| failed("list", &path, e))?.is_file();
            let name = file.file_name();
            let key = name.to_str().and_then(|name| Key::new(format!("{folder}/{name}")).ok());
            // A file without a valid object name was not written by a store.
            keys.extend(key.filter(|_| is_file));
        }
        Ok(keys)
    }

    fn pointer(&self, key: &Key) -> Result<Option<Vec<u8>>, StoreError> {
        self.get(key)
    }

    fn swap(&self, key: &Key, expected: Option<&[u8]>, new: &[u8]) -> Result<Swap, StoreError> {
        self.put_and_swap(&[], key, expected, new)
    }

    fn put_and_swap(
        &self,
        objects: &[(Key, Vec<u8>)],
        key: &Key,
        expected: Option<&[u8]>,
        new: &[u8],
    ) -> Result<Swap, StoreError> {
        let _lock = self.lock()?;
        if self.get(key)?.as_deref() != expected {
            return Ok(Swap::Lost);
        }
        let objects = distinct(objects).map_err(|key| self.conflict(key))?;
        let mut files = self.missing(&objects)?;
        let path = self.path(key);
        files.push((path.clone(), new));
        let temporary = self.write_temporary(&files)?;
        let referred = files.len().saturating_sub(1);
        let (objects_from, pointer_from) = temporary.split_at(referred);
        let (objects_to, pointer_to) = files.split_at(referred);
        if !objects.is_empty() {
            self.name(objects_from, objects_to)?;
            // As in `put`, also those that were there.
            let paths: Vec<_> = objects.keys().map(|key| self.path(key)).collect();
            self.sync_names(paths.iter())?;
        }
        self.name(pointer_from, pointer_to)?;
        if expected.is_none() && self.forgets_firsts {
            self.sync_folders_above()?;
        } else {
            self.sync_names(std::iter::once(&path))?;
        }
        Ok(Swap::Won)
    }
}

/// How many files are open at once while a batch is written.
const TOGETHER: usize = 16;

/// Writes new files, and syncs them. If that fails, says which one.
fn write_and_sync<'p>(
    paths: &'p [PathBuf],
    files: &[(PathBuf, &[u8])],
) -> Result<(), (&'p Path, io::Error)> {
    let mut written = Vec::with_capacity(paths.len());
    for (path, (_, bytes)) in paths.iter().zip(files) {
        let write = || -> io::Result<NewFile> {
            let mut file = NewFile::new(durable::private_file(path)?, path);
            file.write_all(bytes)?;
            Ok(file)
        };
        written.push((path, write().map_err(|e| (path.as_path(), e))?));
    }
    if written.len() > 1 {
        written.iter().for_each(|(_, file)| file.start_writing());
    }
    written.into_iter().try_for_each(|(path, file)| file.sync().map_err(|e| (path.as_path(), e)))
}

fn same_bytes(one: File, other: File) -> io::Result<bool> {
    if one.metadata()?.len() != other.metadata()?.len() {
        return Ok(false);
    }
    let (mut one, mut other) = (BufReader::new(one), BufReader::new(other));
    let (mut bytes, mut others) = (vec![0; 64 << 10], vec![0; 64 << 10]);
    loop {
        let read = one.read(&mut bytes)?;
        let (Some(bytes), Some(others)) = (bytes.get(..read), others.get_mut(..read)) else {
            return Ok(false);
        };
        if read == 0 {
            return Ok(true);
        }
        other.read_exact(others)?;
        if bytes != others {
            return Ok(false);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::contract;

    #[test]
    fn keeps_the_contract_of_a_store() {
        contract::check(|| {
            let folder = tempfile::tempdir().expect("a temporary folder");
            move || -> Box<dyn Store> { Box::new(FileStore::new(folder.path().join("store"))) }
        });
    }

    #[test]
    fn the_next_writer_removes_what_a_dead_one_left() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        fs::create_dir_all(folder.path().join(".tmp")).expect("create");
        fs::write(folder.path().join(".tmp/0"), b"half").expect("write");
        let store = FileStore::new(folder.path());
        let key = Key::new("a").expect("a key");
        store.put(&[(key.clone(), b"whole".to_vec())]).expect("put");
        assert_eq!(store.get(&key).expect("get").as_deref(), Some(&b"whole"[..]));
        assert_eq!(fs::read_dir(folder.path().join(".tmp")).expect("list").count(), 0);
    }
}
