//! `file://DIR`: the default store, one file an object.
//!
//! The system calls of a happy `put` of one new object, in order:
//!
//! 1. `flock(DIR/.lock, EXCLUSIVE)`: writers of one store take turns; readers never wait.
//! 2. write `DIR/.tmp/N`, `fsync` it: the bytes are on disk before any name leads to them.
//! 3. `rename` to its name: seen whole or not at all.
//! 4. `fsync` the folder, and every ancestor that this process has not yet synced: the name
//!    survives a power cut.
//!
//! A batch does step 2 for all its objects before step 3 for any. `swap` does the same for the
//! pointer's file, after comparing under the lock. A writer that dies leaves at most files in
//! `.tmp`, which the next writer removes: it holds the lock, so nobody else is using them.
//!
//! `put_file` syncs the scratch file before it takes the lock, so that a large one holds nobody up,
//! and then does steps 1, 3 and 4. A scratch file of another file system is copied in step 2
//! instead. `remove` takes the lock, unlinks the file and syncs the folder.
//!
//! What is still unsafe: a disk that lies about `fsync`, and a file system on which `flock` does
//! not reach other machines (use an object store there).

use super::{Key, Store, StoreError, Swap};
use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufReader, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::thread::{self, ScopedJoinHandle};

/// A store in a folder of the local file system. See the module's page for the protocol.
#[derive(Debug)]
pub struct FileStore {
    root: PathBuf,
    /// Folders whose own entry is known to be durable; owned by whoever holds the file lock.
    synced: Mutex<BTreeSet<PathBuf>>,
}

impl FileStore {
    /// A store in `root`. Nothing is read or created until the first operation.
    pub fn new(root: impl Into<PathBuf>) -> FileStore {
        FileStore { root: root.into(), synced: Mutex::default() }
    }

    fn path(&self, key: &Key) -> PathBuf {
        self.root.join(key.as_str())
    }

    /// Takes the writers' lock, and clears what a writer that died left behind.
    fn lock(&self) -> Result<File, StoreError> {
        let path = self.root.join(".lock");
        fs::create_dir_all(&self.root).map_err(|e| failed("create", &self.root, e))?;
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(|e| failed("open", &path, e))?;
        file.lock().map_err(|e| failed("lock", &path, e))?;
        let temporary = self.root.join(".tmp");
        match fs::remove_dir_all(&temporary) {
            Err(e) if e.kind() != ErrorKind::NotFound => Err(failed("clear", &temporary, e)),
            _ => fs::create_dir(&temporary).map_err(|e| failed("create", &temporary, e)),
        }?;
        Ok(file)
    }

    /// Writes and syncs the bytes under a temporary name.
    fn write_temporary(&self, number: usize, bytes: &[u8]) -> Result<PathBuf, StoreError> {
        let path = self.root.join(".tmp").join(number.to_string());
        let write = || -> io::Result<()> {
            let mut file = File::create_new(&path)?;
            file.write_all(bytes)?;
            file.sync_all()
        };
        match write() {
            Ok(()) => Ok(path),
            Err(e) => {
                // Best effort: the next writer clears the folder anyway.
                let _ = fs::remove_file(&path);
                Err(failed("write", &path, e))
            }
        }
    }

    /// Writes and syncs many at once: a disk that is asked for several syncs together does them in
    /// hardly more time than one.
    fn write_all_temporary(&self, files: &[(PathBuf, &[u8])]) -> Result<Vec<PathBuf>, StoreError> {
        const TOGETHER: usize = 16;
        let mut written = Vec::with_capacity(files.len());
        for (round, group) in files.chunks(TOGETHER).enumerate() {
            if let [(_, bytes)] = group {
                written.push(self.write_temporary(round * TOGETHER, bytes)?);
                continue;
            }
            let results: Vec<_> = thread::scope(|scope| {
                let threads: Vec<_> = (round * TOGETHER..)
                    .zip(group)
                    .map(|(number, (_, bytes))| {
                        scope.spawn(move || self.write_temporary(number, bytes))
                    })
                    .collect();
                threads.into_iter().map(ScopedJoinHandle::join).collect()
            });
            for result in results {
                written.push(result.unwrap_or_else(|panic| std::panic::resume_unwind(panic))?);
            }
        }
        Ok(written)
    }

    /// Moves a synced file to a name; across file systems by a copy, which is synced too.
    fn move_file(&self, from: &Path, to: &Path) -> Result<(), StoreError> {
        match fs::rename(from, to) {
            Err(e) if e.kind() == ErrorKind::CrossesDevices => {}
            other => return other.map_err(|e| failed("rename to", to, e)),
        }
        let temporary = self.root.join(".tmp").join("copy");
        fs::copy(from, &temporary)
            .and_then(|_| File::open(&temporary)?.sync_all())
            .map_err(|e| failed("write", &temporary, e))?;
        fs::rename(&temporary, to).map_err(|e| failed("rename to", to, e))?;
        fs::remove_file(from).map_err(|e| failed("remove", from, e))
    }

    fn create_parent(&self, path: &Path) -> Result<(), StoreError> {
        let parent = path.parent().unwrap_or(&self.root);
        fs::create_dir_all(parent).map_err(|e| failed("create", parent, e))
    }

    /// Makes the names in the folders of `paths` durable, and the folders' own names.
    fn sync_folders<'a>(&self, paths: impl Iterator<Item = &'a PathBuf>) -> Result<(), StoreError> {
        let mut synced = self.synced.lock().unwrap_or_else(PoisonError::into_inner);
        let mut folders = BTreeSet::new();
        for path in paths {
            for (distance, folder) in path.ancestors().skip(1).enumerate() {
                if distance == 0 || !synced.contains(folder) {
                    folders.insert(folder.to_path_buf());
                }
                if folder == self.root {
                    break;
                }
            }
        }
        for folder in folders {
            File::open(&folder)
                .and_then(|f| f.sync_all())
                .map_err(|e| failed("sync", &folder, e))?;
            synced.insert(folder);
        }
        Ok(())
    }
}

impl Store for FileStore {
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
        let mut missing = Vec::new();
        for (key, bytes) in objects {
            match self.get(key)? {
                Some(existing) if existing == *bytes => {}
                Some(_) => {
                    let place = format!("file://{}", self.root.display());
                    return Err(StoreError::Conflict { place, key: key.clone() });
                }
                None => missing.push((self.path(key), bytes.as_slice())),
            }
        }
        for (path, _) in &missing {
            self.create_parent(path)?;
        }
        let temporary = self.write_all_temporary(&missing)?;
        for (from, (to, _)) in temporary.iter().zip(&missing) {
            fs::rename(from, to).map_err(|e| failed("rename to", to, e))?;
        }
        // An object that was there already may owe its name to a writer that died before syncing
        // the folder: sync it all the same.
        let paths: Vec<_> = objects.iter().map(|(key, _)| self.path(key)).collect();
        self.sync_folders(paths.iter())
    }

    fn put_file(&self, key: &Key, scratch: &Path) -> Result<(), StoreError> {
        File::open(scratch).and_then(|f| f.sync_all()).map_err(|e| failed("sync", scratch, e))?;
        let _lock = self.lock()?;
        let path = self.path(key);
        match self.open(key)? {
            Some(existing) => {
                let new = File::open(scratch).map_err(|e| failed("read", scratch, e))?;
                if !same_bytes(existing, new).map_err(|e| failed("read", &path, e))? {
                    let place = format!("file://{}", self.root.display());
                    return Err(StoreError::Conflict { place, key: key.clone() });
                }
                fs::remove_file(scratch).map_err(|e| failed("remove", scratch, e))?;
            }
            None => {
                self.create_parent(&path)?;
                self.move_file(scratch, &path)?;
            }
        }
        self.sync_folders(std::iter::once(&path))
    }

    fn open(&self, key: &Key) -> Result<Option<File>, StoreError> {
        let path = self.path(key);
        match File::open(&path) {
            // A folder can be opened too, but it is no object.
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
        match fs::remove_file(&path) {
            Ok(()) => self.sync_folders(std::iter::once(&path)),
            Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(()),
            Err(e) => Err(failed("remove", &path, e)),
        }
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
            // Whatever has no object's name was not written by a store.
            keys.extend(key.filter(|_| is_file));
        }
        Ok(keys)
    }

    fn pointer(&self, key: &Key) -> Result<Option<Vec<u8>>, StoreError> {
        self.get(key)
    }

    fn swap(&self, key: &Key, expected: Option<&[u8]>, new: &[u8]) -> Result<Swap, StoreError> {
        let _lock = self.lock()?;
        if self.get(key)?.as_deref() != expected {
            return Ok(Swap::Lost);
        }
        let path = self.path(key);
        self.create_parent(&path)?;
        let temporary = self.write_temporary(0, new)?;
        fs::rename(&temporary, &path).map_err(|e| failed("rename to", &path, e))?;
        self.sync_folders(std::iter::once(&path))?;
        Ok(Swap::Won)
    }
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

fn failed(action: &'static str, path: &Path, source: io::Error) -> StoreError {
    StoreError::Io { action, path: path.display().to_string(), source }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::contract;

    #[test]
    fn keeps_the_contract_of_a_store() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        contract::check(&FileStore::new(folder.path().join("store")));
        contract::check_files(&FileStore::new(folder.path().join("store")));
    }

    #[test]
    fn two_instances_on_one_folder_never_both_win_a_swap() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        contract::check_race(|| Box::new(FileStore::new(folder.path())));
    }

    #[test]
    fn what_a_dead_writer_left_is_cleared_by_the_next() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        fs::create_dir(folder.path().join(".tmp")).expect("create");
        fs::write(folder.path().join(".tmp/0"), b"half").expect("write");
        let store = FileStore::new(folder.path());
        let key = Key::new("a").expect("a key");
        store.put(&[(key.clone(), b"whole".to_vec())]).expect("put");
        assert_eq!(store.get(&key).expect("get").as_deref(), Some(&b"whole"[..]));
        assert_eq!(fs::read_dir(folder.path().join(".tmp")).expect("list").count(), 0);
    }
}
