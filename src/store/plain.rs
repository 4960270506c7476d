//! Plain objects with headers, which web servers and CDNs serve as they are: what a static copy of a site is in.
//!
//! Unlike the objects of a [`Store`](super::Store), they may be overwritten, and have names as addresses have them.
//! An object is seen whole or not at all, and what [`PlainStore::write`] has written survives a power cut. It has no
//! order among the objects of one call.
//!
//! In a folder, objects have no headers of their own: their servers have to be told. And an object whose name, with a
//! slash, begins the names of others is a folder's `index.html`: of the counters `a` and `a/b` the first one's page.

use super::{StoreError, failed};
use crate::durable::{self, NewFile};
use bytes::Bytes;
use std::collections::BTreeSet;
use std::fmt::Debug;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

/// An object to write.
#[derive(Debug, Clone)]
pub struct PlainObject {
    /// Its name: printable ASCII, elements between slashes, none of them empty, `.` or `..`.
    pub name: String,
    /// Its headers.
    #[cfg_attr(not(feature = "object-stores"), allow(dead_code, reason = "files have none"))]
    pub headers: PlainHeaders,
    /// Its bytes.
    pub bytes: Bytes,
}

/// The headers that object stores keep.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PlainHeaders {
    /// `Content-Type`
    pub content_type: String,
    /// `Cache-Control`
    pub cache_control: String,
    /// `Content-Disposition`
    pub disposition: Option<String>,
}

/// A place for plain objects.
pub trait PlainStore: Debug + Send + Sync {
    /// The bytes of an object, if there is one.
    fn read(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError>;

    /// Writes objects, and overwrites those that are there.
    fn write(&self, objects: Vec<PlainObject>) -> Result<(), StoreError>;
}

/// What servers of a folder answer with to its own address.
const INDEX: &str = "index.html";

/// Where files are while they are written; nothing served has a name like this.
const TEMPORARY: &str = ".candor/writing";

/// Plain objects as files of a folder, for everyone to read as far as the umask allows.
#[derive(Debug)]
pub struct PlainFolder {
    root: PathBuf,
    /// Whether what others left unfinished was removed.
    is_clear: AtomicBool,
}

impl PlainFolder {
    /// The objects in `root`, which is made when something is written.
    pub fn new(root: impl Into<PathBuf>) -> PlainFolder {
        PlainFolder { root: root.into(), is_clear: AtomicBool::new(false) }
    }

    fn path(&self, name: &str) -> Result<PathBuf, StoreError> {
        let path = self.root.join(name);
        let is_plain = |element: &str| {
            !matches!(element, "" | "." | "..")
                && element.is_ascii()
                && !element.contains(['\\', '\0'])
        };
        match name.split('/').all(is_plain) {
            true => Ok(path),
            false => Err(failed("write", &path, io::Error::other("that is no name of an object"))),
        }
    }
}

impl PlainStore for PlainFolder {
    fn read(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let path = self.path(name)?;
        let read = match fs::read(&path) {
            Err(error) if error.kind() == ErrorKind::IsADirectory => fs::read(path.join(INDEX)),
            read => read,
        };
        match read {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error)
                if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) =>
            {
                Ok(None)
            }
            Err(error) => Err(failed("read", &path, error)),
        }
    }

    /// The bytes of all objects are on the disk before any name leads to them; then each folder is synced once.
    fn write(&self, objects: Vec<PlainObject>) -> Result<(), StoreError> {
        let writing = self.root.join(TEMPORARY);
        if !self.is_clear.swap(true, Ordering::Relaxed) {
            // What is there was left by a process that died, or is another's, which does not go on either.
            for left in fs::read_dir(&writing).into_iter().flatten().flatten() {
                let _ = durable::remove_unsynced(&left.path());
            }
        }
        let mut synced = BTreeSet::new();
        make_folder(&writing, &mut synced)?;
        let mut written = Vec::new();
        for (number, object) in objects.iter().enumerate() {
            let path = self.path(&object.name)?;
            let temporary = writing.join(format!("{}-{number}", std::process::id()));
            write_file(&temporary, &object.bytes).map_err(|e| failed("write", &path, e))?;
            written.push((temporary, path));
        }
        for (temporary, mut path) in written {
            self.make_way(&path, &writing, &mut synced)?;
            make_folder(durable::folder_of(&path), &mut synced)?;
            if path.is_dir() {
                path.push(INDEX);
            }
            durable::rename_unsynced(&temporary, &path).map_err(|e| failed("write", &path, e))?;
            synced.insert(durable::folder_of(&path).to_owned());
        }
        for folder in synced {
            durable::sync_folder(&folder).map_err(|e| failed("write", &folder, e))?;
        }
        Ok(())
    }
}

impl PlainFolder {
    /// Where a file is in the place of a folder of this path, the file becomes that folder's [`INDEX`]. Who is stopped
    /// between its two steps leaves the file aside, and has to write all again.
    fn make_way(
        &self,
        path: &Path,
        writing: &Path,
        to_sync: &mut BTreeSet<PathBuf>,
    ) -> Result<(), StoreError> {
        let above = path.ancestors().skip(1).take_while(|folder| *folder != self.root);
        let Some(file) = above.into_iter().find(|folder| folder.is_file()) else { return Ok(()) };
        let aside = writing.join(format!("{}-{INDEX}", std::process::id()));
        let failed = |error| failed("make a folder of", file, error);
        durable::rename_unsynced(file, &aside).map_err(failed)?;
        make_folder(file, to_sync)?;
        durable::rename_unsynced(&aside, &file.join(INDEX)).map_err(failed)?;
        to_sync.insert(file.to_owned());
        Ok(())
    }
}

/// Makes a folder, and notes which folders have to be synced for that.
fn make_folder(folder: &Path, to_sync: &mut BTreeSet<PathBuf>) -> Result<(), StoreError> {
    let made =
        durable::make_shared_folders_unsynced(folder).map_err(|e| failed("create", folder, e))?;
    to_sync.extend(made.iter().map(|made| durable::folder_of(made).to_owned()));
    Ok(())
}

fn write_file(path: &Path, bytes: &[u8]) -> io::Result<()> {
    durable::remove_unsynced(path)?;
    let mut file = NewFile::new(durable::shared_file(path)?, path);
    file.write_all(bytes)?;
    file.sync()
}

/// Plain objects in memory, for tests: the n-th write and all after it fail.
#[cfg(any(test, feature = "testing"))]
#[derive(Debug, Default)]
pub struct PlainMemory {
    objects: std::sync::Mutex<std::collections::BTreeMap<String, PlainObject>>,
    /// How many objects may still be written.
    left: std::sync::atomic::AtomicU64,
}

#[cfg(any(test, feature = "testing"))]
impl PlainMemory {
    /// Lets so many objects be written from now on.
    pub fn allow(&self, objects: u64) {
        self.left.store(objects, std::sync::atomic::Ordering::SeqCst);
    }

    /// A copy of what is there.
    pub fn objects(&self) -> std::collections::BTreeMap<String, PlainObject> {
        self.objects.lock().expect("no panic").clone()
    }
}

#[cfg(any(test, feature = "testing"))]
impl PlainStore for PlainMemory {
    fn read(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let objects = self.objects.lock().expect("no panic");
        Ok(objects.get(name).map(|object| object.bytes.to_vec()))
    }

    fn write(&self, objects: Vec<PlainObject>) -> Result<(), StoreError> {
        use std::sync::atomic::Ordering::SeqCst;
        for object in objects {
            let left = self.left.load(SeqCst);
            if left == 0 {
                return Err(StoreError::Injected { operation: 0 });
            }
            self.left.store(left - 1, SeqCst);
            self.objects.lock().expect("no panic").insert(object.name.clone(), object);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_replaced_whole_and_names_stay_inside() {
        let folder = tempfile::TempDir::new().expect("a folder");
        let writing = folder.path().join("www").join(TEMPORARY);
        fs::create_dir_all(&writing).expect("made");
        fs::write(writing.join("1-0"), "half").expect("written");
        let store = PlainFolder::new(folder.path().join("www"));
        let object = |name: &str, bytes: &'static [u8]| PlainObject {
            name: name.to_owned(),
            headers: PlainHeaders::default(),
            bytes: Bytes::from_static(bytes),
        };
        assert_eq!(store.read("a/b").expect("read"), None);
        store.write(vec![object("a/b", b"1"), object("a/@c", b"2")]).expect("written");
        store.write(vec![object("a/b", b"3")]).expect("written");
        assert_eq!(store.read("a/b").expect("read"), Some(b"3".to_vec()));
        assert_eq!(store.read("a/@c").expect("read"), Some(b"2".to_vec()));
        assert_eq!(store.read("a/b/c").expect("read"), None);
        assert_eq!(fs::read_dir(&writing).expect("a folder").count(), 0);
        // A name can be the beginning of another, whichever comes first.
        store.write(vec![object("c", b"4"), object("c/d", b"5")]).expect("written");
        store.write(vec![object("a", b"6"), object("c/d/e", b"7")]).expect("written");
        for (name, bytes) in
            [("c", b"4"), ("c/d", b"5"), ("a", b"6"), ("c/d/e", b"7"), ("a/b", b"3")]
        {
            assert_eq!(store.read(name).expect("read"), Some(bytes.to_vec()), "{name}");
        }
        assert!(folder.path().join("www/c/d/index.html").is_file());
        store.write(vec![object("c", b"8")]).expect("written");
        assert_eq!(store.read("c").expect("read"), Some(b"8".to_vec()));
        assert_eq!(store.read("c/d").expect("read"), Some(b"5".to_vec()));
        for name in ["", "/a", "a//b", "../a", "a/..", "ä"] {
            assert!(store.write(vec![object(name, b"x")]).is_err(), "{name}");
        }
    }
}
