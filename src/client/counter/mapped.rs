//! A counter file in use: mapped into memory, and written by several processes at once.
//!
//! Only this file and `fault` have unsafe code: for memory that other processes write, and for references
//! that threads exchange without a lock. Three rules make it sound.
//!
//! 1. **What is mapped stays mapped** until the process ends. A pointer to a count stays valid, so
//!    counting needs no lock against unmapping. The price is address space: 16 KiB for each page of a
//!    file, a few hundred KiB for a process that counts for a year.
//! 2. **All access is atomic**, including names: there is never a reference to plain bytes, so another
//!    process that writes at the wrong moment, or writes nonsense, can make us read nonsense but cannot
//!    cause undefined behaviour. Counts are always accessed as 64 bits, everything else as 32.
//! 3. **Every offset is checked** against what is mapped before it becomes a pointer.
//!
//! If a program shortens the file while it is in use, every process that touches a missing page is killed
//! (`SIGBUS`). Neither Go's clients nor ours ever shorten a file, and deleting one is harmless; on Linux
//! `fault` handles the signal in case another program does. On other systems the danger remains. A full
//! disk could have the same effect, because Go's clients leave holes in the file that get their blocks
//! when first written; so on Linux every page's blocks are allocated before it is mapped, and a full disk
//! is an ordinary error.
//!
//! The format is in [`super::layout`]; which file it is, in [`super::file`].
#![allow(unsafe_code)]

#[cfg(target_os = "linux")]
mod fault;
/// On other systems no page is replaced.
#[cfg(not(target_os = "linux"))]
mod fault {
    pub fn replaced() -> usize {
        0
    }
}

use super::error::CountingError;
use super::layout::{
    DEAD, Layout, MAGIC, MAX_FILE, MAX_NAME, NAME_LENGTH, NAME_LENGTH_MARK, NAME_LENGTH_MASK, NEXT,
    PAGE, RECORD_HEADER, UNIT, bucket, header,
};
use super::metadata::Metadata;
use crate::client::files;
use memmap2::{MmapOptions, MmapRaw};
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::ptr;
use std::sync::atomic::{
    AtomicPtr, AtomicU32, AtomicU64,
    Ordering::{AcqRel, Acquire, Relaxed, SeqCst},
};

/// An optional reference that threads read and replace without a lock.
pub(super) struct AtomicRef<T: 'static>(AtomicPtr<T>);

impl<T: Sync> AtomicRef<T> {
    pub const fn none() -> AtomicRef<T> {
        AtomicRef(AtomicPtr::new(ptr::null_mut()))
    }

    #[inline]
    pub fn load(&self) -> Option<&'static T> {
        Self::reference(self.0.load(Acquire))
    }

    pub fn store(&self, new: Option<&'static T>) {
        self.0.store(Self::pointer(new), SeqCst);
    }

    pub fn swap(&self, new: Option<&'static T>) -> Option<&'static T> {
        Self::reference(self.0.swap(Self::pointer(new), SeqCst))
    }

    /// Replaces `old`, compared by identity. Returns whether it was still there.
    pub fn replace(&self, old: Option<&'static T>, new: &'static T) -> bool {
        let (old, new) = (Self::pointer(old), Self::pointer(Some(new)));
        self.0.compare_exchange(old, new, SeqCst, SeqCst).is_ok()
    }

    fn pointer(reference: Option<&'static T>) -> *mut T {
        reference.map_or(ptr::null_mut(), |reference| ptr::from_ref(reference).cast_mut())
    }

    #[inline]
    fn reference(pointer: *mut T) -> Option<&'static T> {
        // SAFETY: the pointer is null or was made from a `&'static T` by `pointer`, the only source of
        // stored values. Storing it released, and loading it acquired, what it points to. `T` is `Sync`,
        // so any thread may have the reference. Nobody makes a `&mut` from it.
        unsafe { pointer.as_ref() }
    }
}

/// Adds to a count, which saturates at the largest value.
#[inline]
pub(super) fn add(count: &AtomicU64, number: u64) {
    if count.fetch_add(number, Relaxed).checked_add(number).is_none() {
        count.store(u64::MAX, Relaxed);
    }
}

/// A counter file, mapped up to its length when last checked.
pub(super) struct Mapped {
    path: PathBuf,
    file: File,
    /// The header of the file.
    header: Vec<u8>,
    layout: Layout,
    /// Without gaps, from the file's beginning.
    windows: Vec<Window>,
    /// Where the last window ends: a multiple of the page size.
    length: u32,
    /// How many pages, of any file, were found to be missing before this one was opened.
    replaced: usize,
}

/// A part of the file. Never unmapped.
struct Window {
    start: u32,
    length: u32,
    memory: &'static MmapRaw,
}

impl Mapped {
    /// Opens the file with exactly this metadata, or creates it.
    ///
    /// If several processes create it at once, all write the same header, and the file has its full
    /// first page only after that: none sees a page without a header. A shorter file that has anything
    /// but that header, or a part of it, is not a counter file, and is left unchanged.
    pub fn open(path: &Path, metadata: &Metadata) -> Result<Mapped, CountingError> {
        let other = || CountingError::Other { path: path.to_path_buf() };
        let header = header(&metadata.to_string()).ok_or_else(other)?;
        let layout = u32::try_from(header.len()).ok().and_then(Layout::new).ok_or_else(other)?;
        let mut file = files::open_shared(path).map_err(CountingError::io("open", path))?;
        file.metadata()
            .and_then(|metadata| files::check_links(&metadata))
            .map_err(CountingError::io("use", path))?;
        let mut begun = Vec::new();
        Read::take(&file, PAGE.into())
            .read_to_end(&mut begun)
            .map_err(CountingError::io("read", path))?;
        let is_begun = begun.len() == PAGE as usize;
        let is_ours = if is_begun {
            begun.starts_with(&header)
        } else {
            let mut parts = begun.iter().zip(header.iter().chain(std::iter::repeat(&0)));
            parts.all(|(byte, expected)| [0, *expected].contains(byte))
        };
        if !is_ours {
            let is_others = begun.starts_with(MAGIC);
            let none = || CountingError::NotACounterFile { path: path.to_path_buf() };
            return Err(if is_others { other() } else { none() });
        }
        if !is_begun {
            files::may_grow_to(PAGE.into())
                .and_then(|()| write_at(&mut file, 0, &header))
                .map_err(CountingError::io("write", path))?;
        }
        let path = path.to_path_buf();
        let (windows, replaced) = (Vec::new(), fault::replaced());
        let mut mapped = Mapped { path, file, header, layout, windows, length: 0, replaced };
        mapped.map_up_to(PAGE)?;
        mapped.follow()?;
        // Another program may have created it at the same moment, as its own file.
        if mapped.is_intact() { Ok(mapped) } else { Err(other()) }
    }

    /// Whether the mapped file still begins with the header.
    fn is_intact(&self) -> bool {
        self.header.chunks_exact(4).zip((0..).step_by(4)).all(|(expected, offset)| {
            self.word(offset).is_some_and(|word| word.load(Relaxed).to_ne_bytes() == *expected)
        })
    }

    /// The file's path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The count of this name, which is added to the file if it is not there.
    ///
    /// The name is 1 to 4096 bytes long. See [`super::layout`] for the four steps.
    pub fn count(&mut self, name: &[u8]) -> Result<&'static AtomicU64, CountingError> {
        // If a page was replaced, new names would overwrite those of other processes; if the file was
        // overwritten, they would damage another program's data.
        if fault::replaced() != self.replaced {
            return Err(CountingError::Shortened { path: self.path.clone() });
        }
        if !self.is_intact() {
            return Err(CountingError::Overwritten { path: self.path.clone() });
        }
        let head_at = self.layout.head(bucket(name));
        let head_word = self.word(head_at).ok_or_else(|| self.broken(head_at))?;

        // 1. Search.
        let mut head = head_word.load(Acquire);
        if let Some(count) = self.search(name, head, 0)? {
            return Ok(count);
        }

        // 2. Reserve.
        let limit_at = self.layout.limit();
        let limit_word = self.word(limit_at).ok_or_else(|| self.broken(limit_at))?;
        let start = loop {
            let limit = limit_word.load(Acquire);
            // The limit moves only after the file was extended.
            if limit > self.length {
                self.follow()?;
            }
            if limit > self.length {
                return Err(self.broken(limit_at));
            }
            let Some((start, end)) = self.layout.place(limit, name.len()) else {
                let full = limit > MAX_FILE - 2 * PAGE;
                let path = self.path.clone();
                return Err(if full {
                    CountingError::Full { path }
                } else {
                    self.broken(limit_at)
                });
            };
            if end > self.length {
                self.map_up_to(end.next_multiple_of(PAGE))?;
            } else if limit_word.compare_exchange(limit, end, AcqRel, Relaxed).is_ok() {
                break start;
            }
        };

        // 3. Write. Nobody else knows of this record; linking it releases what is written.
        let outside = || self.broken(start);
        let count = self.counter(start).ok_or_else(outside)?;
        let next = self.word(start + NEXT).ok_or_else(outside)?;
        let length = u32::try_from(name.len()).unwrap_or_default();
        for (bytes, at) in name.chunks(4).zip((start + RECORD_HEADER..).step_by(4)) {
            let mut word = [0; 4];
            word[..bytes.len()].copy_from_slice(bytes);
            self.word(at).ok_or_else(outside)?.store(u32::from_ne_bytes(word), Relaxed);
        }
        let stored_length = self.word(start + NAME_LENGTH).ok_or_else(outside)?;
        stored_length.store(length | NAME_LENGTH_MARK, Relaxed);

        // 4. Link. Another process may have linked records since, maybe one with the same name.
        loop {
            next.store(head, Relaxed);
            let Err(newer) = head_word.compare_exchange(head, start, AcqRel, Acquire) else {
                return Ok(count);
            };
            if let Some(theirs) = self.search(name, newer, head)? {
                next.store(DEAD, Relaxed);
                return Ok(theirs);
            }
            head = newer;
        }
    }

    /// Looks for a name in the chain that begins at `offset`, and before `end`.
    fn search(
        &mut self,
        name: &[u8],
        mut offset: u32,
        end: u32,
    ) -> Result<Option<&'static AtomicU64>, CountingError> {
        // A chain with more records than fit in the file is circular.
        let mut steps = 0;
        while offset != 0 && offset != end {
            // The record may be in a page that another process has added.
            if !self.layout.holds_record(offset, self.length) {
                self.follow()?;
            }
            steps += 1;
            let (same, next) = self
                .record(offset, name)
                .filter(|_| steps <= self.length / UNIT)
                .ok_or_else(|| self.broken(offset))?;
            if same {
                return Ok(self.counter(offset));
            }
            offset = next;
        }
        Ok(None)
    }

    /// Whether the record at this offset has this name, and the offset of the next. `None` if there is no
    /// record.
    fn record(&self, offset: u32, name: &[u8]) -> Option<(bool, u32)> {
        if !self.layout.holds_record(offset, self.length) {
            return None;
        }
        let next = self.word(offset + NEXT)?.load(Relaxed);
        let length = (self.word(offset + NAME_LENGTH)?.load(Relaxed) & NAME_LENGTH_MASK) as usize;
        if !(1..=MAX_NAME).contains(&length) {
            return None;
        }
        let mut same = length == name.len();
        for (bytes, at) in name.chunks(4).zip((offset + RECORD_HEADER..).step_by(4)) {
            if !same {
                break;
            }
            let word = self.word(at)?.load(Relaxed).to_ne_bytes();
            same = word[..bytes.len()] == *bytes;
        }
        Some((same, next))
    }

    /// Checks that the file is still the one that was opened: neither shortened, even temporarily, nor
    /// overwritten.
    pub fn check(&self) -> Result<(), CountingError> {
        let path = || self.path.clone();
        // The length first: reading a missing page would replace it.
        let is_shortened = fault::replaced() != self.replaced
            || self.file.metadata().is_ok_and(|metadata| metadata.len() < self.length.into());
        if is_shortened {
            return Err(CountingError::Shortened { path: path() });
        }
        if !self.is_intact() {
            return Err(CountingError::Overwritten { path: path() });
        }
        Ok(())
    }

    /// Maps the pages that other processes have added to the file. Returns whether there were any.
    fn follow(&mut self) -> Result<bool, CountingError> {
        let length = self.file.metadata().map_err(CountingError::io("examine", &self.path))?.len();
        let length = u32::try_from(length).unwrap_or(MAX_FILE).min(MAX_FILE);
        let pages = length - length % PAGE;
        let grown = pages > self.length;
        if grown {
            self.map_up_to(pages)?;
        }
        Ok(grown)
    }

    /// Maps the file up to `end`, a multiple of the page size, extending it if it is shorter.
    ///
    /// Other processes may do so at once: only zeros are written, where there is never a record.
    fn map_up_to(&mut self, end: u32) -> Result<(), CountingError> {
        let (start, length) = (self.length, end - self.length);
        let mut extend = || -> io::Result<()> {
            let is_shorter = self.file.metadata()?.len() < end.into();
            if is_shorter {
                files::may_grow_to(end.into())?;
            }
            if !allocate(&self.file, start, length)? && is_shorter {
                write_at(&mut self.file, end - 4, &[0; 4])?;
            }
            Ok(())
        };
        extend().map_err(CountingError::io("extend", &self.path))?;
        let memory = MmapOptions::new()
            .offset(start.into())
            .len(length as usize)
            .map_raw(&self.file)
            .map_err(CountingError::io("map", &self.path))?;
        // Rule 1: it is never unmapped.
        let memory: &'static MmapRaw = Box::leak(Box::new(memory));
        #[cfg(target_os = "linux")]
        fault::guard(memory.as_mut_ptr(), memory.len());
        self.windows.push(Window { start, length, memory });
        self.length = end;
        Ok(())
    }

    fn word(&self, offset: u32) -> Option<&'static AtomicU32> {
        let pointer = self.pointer(offset, 4)?;
        // SAFETY: `pointer` has checked that four aligned bytes are mapped there, and by rule 1 they stay
        // mapped. By rule 2 all access is atomic; the kernel's, for `write_at`, never touches words in
        // use: the header is written before it is mapped, or with the same bytes.
        Some(unsafe { AtomicU32::from_ptr(pointer.cast()) })
    }

    fn counter(&self, offset: u32) -> Option<&'static AtomicU64> {
        let pointer = self.pointer(offset, 8)?;
        // SAFETY: as for `word`, with eight bytes. Only the first eight bytes of records are accessed this
        // way, and records begin at multiples of 32: in a valid file, no word is within a counter. In a
        // forged one it may be; both are still read and written atomically, and the numbers are as good
        // as the forgery.
        Some(unsafe { AtomicU64::from_ptr(pointer.cast()) })
    }

    /// The address of `size` mapped bytes at this offset, if it is aligned.
    fn pointer(&self, offset: u32, size: u32) -> Option<*mut u8> {
        let after = self.windows.partition_point(|window| window.start <= offset);
        let window = self.windows.get(after.checked_sub(1)?)?;
        let within = offset - window.start;
        let fits = offset.is_multiple_of(size) && within.checked_add(size)? <= window.length;
        // Windows begin at multiples of the page size, so alignment in the file is alignment in memory.
        fits.then(|| window.memory.as_mut_ptr().wrapping_add(within as usize))
    }

    fn broken(&self, offset: u32) -> CountingError {
        CountingError::Broken { path: self.path.clone(), offset }
    }
}

fn write_at(file: &mut File, offset: u32, bytes: &[u8]) -> io::Result<()> {
    file.seek(SeekFrom::Start(offset.into()))?;
    file.write_all(bytes)
}

/// Allocates disk blocks for a part of the file without changing its content, extending the file if it
/// is shorter. Returns whether the file system can do that.
#[cfg(target_os = "linux")]
fn allocate(file: &File, offset: u32, length: u32) -> io::Result<bool> {
    use nix::errno::Errno;
    use nix::fcntl::{FallocateFlags, fallocate};
    loop {
        return match fallocate(file, FallocateFlags::empty(), offset.into(), length.into()) {
            Ok(()) => Ok(true),
            Err(Errno::EINTR) => continue,
            Err(Errno::EOPNOTSUPP | Errno::ENOSYS | Errno::EPERM | Errno::EINVAL) => Ok(false),
            Err(error) => Err(error.into()),
        };
    }
}

/// Other systems have no call that does only this.
#[cfg(not(target_os = "linux"))]
fn allocate(_: &File, _: u32, _: u32) -> io::Result<bool> {
    Ok(false)
}

#[cfg(test)]
mod tests;
