//! External sorting: any number of lines in bounded memory.
//!
//! The method is the classical one (Knuth, The Art of Computer Programming, volume 3, section 5.4).
//! Lines are collected until a chunk is full; the chunk is sorted and written to its own file, a run,
//! while the next one is collected. At the end all runs are merged. If there are more than may be open
//! at once, some are merged into one first.
//!
//! Lines are packed (`packed`) while they are collected, and unpacked when they come out: rows of one program take
//! a tenth of their bytes then, in memory and in runs. A run holds sorted lines, each after its day (4 bytes), its
//! hash (16 bytes) and its packed length (4 bytes), so that no line is hashed again.
//!
//! Memory: three chunks (one being collected, one waiting, one being written), or a buffer for each open run; and the
//! pieces of packed lines. Several sorters share the chunks.

use super::line::{LineKey, order};
use super::packed::{Packer, Pieces};
use super::scratch::Scratch;
use jiff::civil::Date;
use std::cmp::Ordering;
use std::collections::binary_heap::PeekMut;
use std::collections::{BinaryHeap, VecDeque};
use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Read, Seek, Write};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread::{self, Scope, ScopedJoinHandle};

/// How much is in memory, or open, at once.
#[derive(Debug, Clone, Copy)]
pub(super) struct SortLimits {
    /// Bytes of a chunk.
    pub chunk: usize,
    /// Runs that are merged at once.
    pub fan_in: usize,
}

impl Default for SortLimits {
    fn default() -> SortLimits {
        SortLimits { chunk: 16 << 20, fan_in: 128 }
    }
}

/// Collects lines in any order.
pub(super) struct Sorter<'scope> {
    limits: SortLimits,
    packer: Packer,
    chunk: Chunk,
    full: SyncSender<Chunk>,
    /// Chunks that are written, for their memory.
    empty: Receiver<Chunk>,
    writer: ScopedJoinHandle<'scope, io::Result<Vec<RunReader>>>,
    scratch: &'scope Scratch,
}

impl<'scope> Sorter<'scope> {
    /// Begins; runs are files in `scratch`, written by a thread of this scope.
    pub fn start<'env>(
        scope: &'scope Scope<'scope, 'env>,
        scratch: &'scope Scratch,
        limits: SortLimits,
    ) -> Sorter<'scope> {
        let (full, chunks) = sync_channel(1);
        let (written, empty) = channel();
        let writer = scope.spawn(move || write_runs(&chunks, &written, scratch));
        let (packer, chunk) = (Packer::default(), Chunk::default());
        Sorter { limits, packer, chunk, full, empty, writer, scratch }
    }

    /// Adds a line, without its end.
    pub fn push(&mut self, key: LineKey, line: &[u8]) -> io::Result<()> {
        self.chunk.push(key, |bytes| self.packer.pack(line, bytes));
        if self.chunk.size() >= self.limits.chunk {
            let chunk = std::mem::take(&mut self.chunk);
            // The writer only ends early if it failed; `finish` returns the error.
            self.full.send(chunk).map_err(|_| io::Error::other("sorting stopped"))?;
            self.chunk = self.empty.try_recv().unwrap_or_default();
        }
        Ok(())
    }

    fn push_all(&mut self, lines: &[(LineKey, &[u8])]) -> io::Result<()> {
        lines.iter().try_for_each(|(key, line)| self.push(*key, line))
    }

    /// Returns all lines, merged. The chunk that is left in memory is not written.
    pub fn finish(self) -> io::Result<Merge> {
        let Sorter { limits, packer, mut chunk, full, empty, writer, scratch } = self;
        drop((full, empty));
        let runs = writer.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
        chunk.sort();
        let mut runs = VecDeque::from(runs);
        let fan_in = limits.fan_in.max(2);
        while runs.len() > fan_in {
            let mut merge = Merge::default();
            for run in runs.drain(..fan_in) {
                merge.add(Box::new(run))?;
            }
            let mut out = RunWriter::new(scratch)?;
            while let Some(key) = merge.advance()? {
                out.write(key, merge.line())?;
            }
            runs.push_back(out.finish()?);
        }
        let pieces = Arc::new(packer.into_pieces());
        let mut merge = Merge::default();
        for run in runs {
            merge.add(Box::new(Unpacked::new(run, &pieces)))?;
        }
        merge.add(Box::new(Unpacked::new(InMemory { chunk, next: 0 }, &pieces)))?;
        Ok(merge)
    }
}

/// Several sorters, each with a part of the lines, so that several cores pack them. Which line is in which part
/// makes no difference to what comes out.
pub(super) struct Sorters<'scope> {
    first: Sorter<'scope>,
    others: Vec<Sorter<'scope>>,
}

/// More threads gain nothing: then segments cannot be read so fast.
const MOST_SORTERS: usize = 4;

impl<'scope> Sorters<'scope> {
    /// Begins, like [`Sorter::start`]; together they have these limits.
    pub fn start<'env>(
        scope: &'scope Scope<'scope, 'env>,
        scratch: &'scope Scratch,
        limits: SortLimits,
    ) -> Sorters<'scope> {
        let cores = thread::available_parallelism().map_or(1, NonZeroUsize::get);
        let sorters = cores.min(MOST_SORTERS);
        let limits = SortLimits { chunk: limits.chunk / sorters, ..limits };
        let start = || Sorter::start(scope, scratch, limits);
        Sorters { first: start(), others: (1..sorters).map(|_| start()).collect() }
    }

    /// Adds a line, without its end.
    pub fn push(&mut self, key: LineKey, line: &[u8]) -> io::Result<()> {
        self.first.push(key, line)
    }

    /// Adds lines, without their ends.
    pub fn push_all(&mut self, lines: &[(LineKey, &[u8])]) -> io::Result<()> {
        let size = lines.len().div_ceil(self.others.len() + 1).max(1);
        let mut parts = lines.chunks(size);
        let own = parts.next().unwrap_or_default();
        thread::scope(|scope| {
            let others = self.others.iter_mut().zip(parts);
            let threads: Vec<_> =
                others.map(|(sorter, part)| scope.spawn(move || sorter.push_all(part))).collect();
            let pushed = self.first.push_all(own);
            threads.into_iter().fold(pushed, |pushed, thread| {
                let other = thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
                pushed.and(other)
            })
        })
    }

    /// Returns all lines, merged.
    pub fn finish(self) -> io::Result<Merge> {
        let mut merge = self.first.finish()?;
        for other in self.others {
            merge.heads.append(&mut other.finish()?.heads);
        }
        Ok(merge)
    }
}

const RUN_BUFFER: usize = 128 << 10;

fn write_runs(
    chunks: &Receiver<Chunk>,
    written: &Sender<Chunk>,
    scratch: &Scratch,
) -> io::Result<Vec<RunReader>> {
    let mut runs = Vec::new();
    for mut chunk in chunks {
        chunk.sort();
        let mut out = RunWriter::new(scratch)?;
        for entry in &chunk.entries {
            out.write(entry.key, packed(&chunk.bytes, entry))?;
        }
        runs.push(out.finish()?);
        chunk.clear();
        // It is needed no more once all lines are collected.
        let _ = written.send(chunk);
    }
    Ok(runs)
}

/// Packed lines in memory.
#[derive(Debug, Default)]
struct Chunk {
    bytes: Vec<u8>,
    entries: Vec<Entry>,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    key: LineKey,
    start: usize,
    length: usize,
}

impl Chunk {
    /// Adds a line, which `write` appends.
    fn push(&mut self, key: LineKey, write: impl FnOnce(&mut Vec<u8>)) {
        let start = self.bytes.len();
        write(&mut self.bytes);
        self.entries.push(Entry { key, start, length: self.bytes.len() - start });
    }

    fn clear(&mut self) {
        self.bytes.clear();
        self.entries.clear();
    }

    fn size(&self) -> usize {
        self.bytes.len() + self.entries.len() * size_of::<Entry>()
    }

    fn sort(&mut self) {
        let Chunk { bytes, entries } = self;
        entries
            .sort_unstable_by(|a, b| order((a.key, packed(bytes, a)), (b.key, packed(bytes, b))));
    }
}

fn packed<'a>(bytes: &'a [u8], entry: &Entry) -> &'a [u8] {
    bytes.get(entry.start..entry.start + entry.length).unwrap_or_default()
}

struct RunWriter(BufWriter<File>);

impl RunWriter {
    fn new(scratch: &Scratch) -> io::Result<RunWriter> {
        Ok(RunWriter(BufWriter::with_capacity(1 << 20, scratch.unnamed()?)))
    }

    fn write(&mut self, key: LineKey, packed: &[u8]) -> io::Result<()> {
        let length = u32::try_from(packed.len()).map_err(|_| io::ErrorKind::InvalidInput)?;
        let [year, year_too] = key.day.year().to_le_bytes();
        let [month, day] = [key.day.month(), key.day.day()].map(i8::unsigned_abs);
        self.0.write_all(&[year, year_too, month, day])?;
        self.0.write_all(&key.hash.to_le_bytes())?;
        self.0.write_all(&length.to_le_bytes())?;
        self.0.write_all(packed)
    }

    fn finish(self) -> io::Result<RunReader> {
        let mut file = self.0.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.rewind()?;
        Ok(RunReader(BufReader::with_capacity(RUN_BUFFER, file)))
    }
}

/// Reads the packed lines of a run.
struct RunReader(BufReader<File>);

impl Lines for RunReader {
    fn next(&mut self, line: &mut Vec<u8>) -> io::Result<Option<LineKey>> {
        if self.0.fill_buf()?.is_empty() {
            return Ok(None);
        }
        let (mut day, mut hash, mut length) = ([0; 4], [0; 16], [0; 4]);
        self.0.read_exact(&mut day)?;
        self.0.read_exact(&mut hash)?;
        self.0.read_exact(&mut length)?;
        line.resize(u32::from_le_bytes(length) as usize, 0);
        self.0.read_exact(line)?;
        let [year, year_too, month, day] = day;
        let (year, [month, day]) =
            (i16::from_le_bytes([year, year_too]), [month, day].map(u8::cast_signed));
        let day = Date::new(year, month, day).map_err(|_| no_report())?;
        Ok(Some(LineKey { day, hash: u128::from_le_bytes(hash) }))
    }
}

/// Lines in order.
pub(super) trait Lines: Send {
    /// Replaces `line` by the next line. Returns its key, or `None` after the last.
    fn next(&mut self, line: &mut Vec<u8>) -> io::Result<Option<LineKey>>;
}

/// Reads ordered lines, each of which has an end.
pub(super) struct LineReader<R>(pub R);

impl<R: BufRead + Send> Lines for LineReader<R> {
    fn next(&mut self, line: &mut Vec<u8>) -> io::Result<Option<LineKey>> {
        line.clear();
        if self.0.read_until(b'\n', line)? == 0 {
            return Ok(None);
        }
        if line.pop() != Some(b'\n') {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        LineKey::of(line).ok_or_else(no_report).map(Some)
    }
}

fn no_report() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "a line is no report")
}

/// Unpacks lines.
struct Unpacked<L> {
    lines: L,
    packed: Vec<u8>,
    pieces: Arc<Pieces>,
}

impl<L> Unpacked<L> {
    fn new(lines: L, pieces: &Arc<Pieces>) -> Unpacked<L> {
        Unpacked { lines, packed: Vec::new(), pieces: pieces.clone() }
    }
}

impl<L: Lines> Lines for Unpacked<L> {
    fn next(&mut self, line: &mut Vec<u8>) -> io::Result<Option<LineKey>> {
        let Some(key) = self.lines.next(&mut self.packed)? else { return Ok(None) };
        line.clear();
        self.pieces.unpack(&self.packed, line).ok_or_else(no_report)?;
        Ok(Some(key))
    }
}

struct InMemory {
    chunk: Chunk,
    next: usize,
}

impl Lines for InMemory {
    fn next(&mut self, line: &mut Vec<u8>) -> io::Result<Option<LineKey>> {
        let Some(entry) = self.chunk.entries.get(self.next) else { return Ok(None) };
        self.next += 1;
        line.clear();
        line.extend_from_slice(packed(&self.chunk.bytes, entry));
        Ok(Some(entry.key))
    }
}

/// Merges sources of ordered lines to one.
#[derive(Default)]
pub(super) struct Merge {
    heads: BinaryHeap<Head>,
    line: Vec<u8>,
}

/// The next line of a source.
struct Head {
    key: LineKey,
    line: Vec<u8>,
    source: Box<dyn Lines>,
}

impl Merge {
    /// Adds a source. None of its lines may sort before one that was returned already.
    pub fn add(&mut self, mut source: Box<dyn Lines>) -> io::Result<()> {
        let mut line = Vec::new();
        if let Some(key) = source.next(&mut line)? {
            self.heads.push(Head { key, line, source });
        }
        Ok(())
    }

    /// The key of the line that comes next.
    pub fn next_key(&self) -> Option<LineKey> {
        self.heads.peek().map(|head| head.key)
    }

    /// Advances to the next line. Returns its key, or `None` after the last.
    pub fn advance(&mut self) -> io::Result<Option<LineKey>> {
        let Some(head) = self.heads.peek_mut() else { return Ok(None) };
        let key = head.key;
        pop(head, &mut self.line)?;
        Ok(Some(key))
    }

    /// The current line, without its end.
    pub fn line(&self) -> &[u8] {
        &self.line
    }
}

/// Takes the line of the first head, and advances its source.
fn pop(mut head: PeekMut<'_, Head>, line: &mut Vec<u8>) -> io::Result<()> {
    let Head { key, line: next, source } = &mut *head;
    std::mem::swap(next, line);
    match source.next(next)? {
        Some(new) => *key = new,
        None => drop(PeekMut::pop(head)),
    }
    Ok(())
}

/// Reversed, since a `BinaryHeap` has its greatest item first.
impl Ord for Head {
    fn cmp(&self, other: &Head) -> Ordering {
        order((other.key, &other.line), (self.key, &self.line))
    }
}

impl PartialOrd for Head {
    fn partial_cmp(&self, other: &Head) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Head {
    fn eq(&self, other: &Head) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Head {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aggregate::testing::any_report;
    use proptest::collection::vec;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn lines_come_out_in_order_however_little_memory_there_is(
            reports in vec(any_report(), 0..80),
            chunk in 1..5000usize,
            fan_in in 2..5usize,
        ) {
            let folder = tempfile::tempdir().expect("a temporary folder");
            let scratch = Scratch::take(folder.path()).expect("scratch");
            let mut merge = std::thread::scope(|scope| {
                let mut sorters = Sorters::start(scope, &scratch, SortLimits { chunk, fan_in });
                let keyed = reports.iter().map(|report| {
                    (LineKey::of(report).expect("a key"), report.as_slice())
                });
                let lines: Vec<(LineKey, &[u8])> = keyed.collect();
                sorters.push_all(&lines).expect("pushed");
                if let Some((key, line)) = lines.first() {
                    sorters.push(*key, line).expect("pushed");
                }
                sorters.finish().expect("sorted")
            });
            let mut found = Vec::new();
            while let Some(key) = merge.advance().expect("read") {
                prop_assert_eq!(LineKey::of(merge.line()), Some(key));
                found.push(merge.line().to_vec());
            }
            // What was pushed twice comes out twice.
            let mut expected: Vec<_> = reports.iter().chain(reports.first()).cloned().collect();
            expected.sort_by_key(|line| (LineKey::of(line), line.clone()));
            prop_assert_eq!(found, expected);
        }
    }
}
