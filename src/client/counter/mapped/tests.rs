//! A mapped file with other writers, and with forged content.

use super::*;
use crate::client::counter::parse::CounterFile;
use crate::client::counter::parse::tests::{file, metadata};
use proptest::prelude::*;
use std::collections::BTreeMap;

struct TestFile {
    _temporary: tempfile::TempDir,
    path: PathBuf,
}

impl TestFile {
    fn new() -> TestFile {
        let temporary = tempfile::tempdir().expect("a temporary folder");
        let path = temporary.path().join("a.v1.count");
        TestFile { _temporary: temporary, path }
    }

    fn with(bytes: &[u8]) -> TestFile {
        let place = TestFile::new();
        std::fs::write(&place.path, bytes).expect("write");
        place
    }

    fn open(&self) -> Result<Mapped, CountingError> {
        Mapped::open(&self.path, &metadata())
    }

    fn counts(&self) -> BTreeMap<String, u64> {
        CounterFile::read(&self.path).expect("a counter file").counts
    }
}

#[test]
fn a_new_file_is_one_page_with_its_metadata() {
    let place = TestFile::new();
    place.open().expect("opened");
    assert_eq!(std::fs::read(&place.path).expect("read"), file(&[]));
}

#[test]
fn files_are_written_as_the_format_says() {
    let place = TestFile::new();
    let mut mapped = place.open().expect("opened");
    let names = ["a", "myprog/verb:build", &"n".repeat(4000), "b"];
    for (name, number) in names.iter().zip(1..) {
        add(mapped.count(name.as_bytes()).expect("placed"), number);
    }
    let list: Vec<_> = names.iter().copied().zip(1..).collect();
    assert_eq!(std::fs::read(&place.path).expect("read"), file(&list));
}

#[test]
fn a_name_has_one_count_however_often_it_is_looked_up() {
    let place = TestFile::with(&file(&[("a", 40)]));
    let (mut one, mut two) = (place.open().expect("opened"), place.open().expect("opened"));
    add(one.count(b"a").expect("found"), 1);
    add(two.count(b"a").expect("found"), 1);
    assert_eq!(place.counts(), BTreeMap::from([("a".to_owned(), 42)]));
}

#[test]
fn a_file_cut_off_while_it_was_created_is_completed() {
    for length in [0, 10, 300] {
        let place = TestFile::with(&file(&[])[..length]);
        place.open().expect("opened");
        assert_eq!(std::fs::read(&place.path).expect("read"), file(&[]));
    }
}

#[test]
fn only_a_beginning_of_this_counter_file_is_completed() {
    let whole = file(&[]);
    let header = header(&metadata().to_string()).expect("short enough").len();
    // What Go's programs and ours may leave: nothing, zeros, a part of the header or all of it.
    let mut torn = whole[..header].to_vec();
    torn[..16].fill(0);
    let zeros = |length| vec![0; length];
    for begun in
        [zeros(0), zeros(1), zeros(9000), whole[..header].to_vec(), whole[..9000].to_vec(), torn]
    {
        let place = TestFile::with(&begun);
        place.open().expect("opened");
        assert_eq!(std::fs::read(&place.path).expect("read"), whole);
    }
    let mut others = whole[..header].to_vec();
    others[40] ^= 1;
    let mut longer = whole[..header].to_vec();
    longer.push(b'x');
    let texts: [&[u8]; 5] = [b"\n", b"a", b"my notes\n", &[b'n'; 16_383], &[b'n'; 20_000]];
    for bytes in texts.into_iter().chain([&*others, &*longer]) {
        let place = TestFile::with(bytes);
        let error = place.open().err().expect("refused");
        match bytes.starts_with(MAGIC) {
            true => assert!(matches!(error, CountingError::Other { .. }), "{error}"),
            false => assert!(matches!(error, CountingError::NotACounterFile { .. }), "{error}"),
        }
        assert_eq!(std::fs::read(&place.path).expect("read"), bytes);
    }
}

#[test]
fn another_programs_file_is_left_alone() {
    let mut bytes = file(&[("a", 1)]);
    let at = bytes.windows(4).position(|four| four == b"tool").expect("the program");
    bytes[at] = b'p';
    let place = TestFile::with(&bytes);
    assert!(matches!(place.open(), Err(CountingError::Other { .. })));
    assert_eq!(std::fs::read(&place.path).expect("read"), bytes);
}

#[test]
fn counting_into_a_deleted_file_is_harmless() {
    let place = TestFile::new();
    let mut mapped = place.open().expect("opened");
    std::fs::remove_file(&place.path).expect("deleted");
    for number in 0..2_000 {
        add(mapped.count(format!("n{number}").as_bytes()).expect("placed"), 1);
    }
    assert!(!place.path.exists());
}

#[test]
fn a_full_file_takes_no_new_names_and_keeps_counting_the_old_ones() {
    let place = TestFile::with(&file(&[("a", 1)]));
    let sparse = std::fs::OpenOptions::new().write(true).open(&place.path).expect("open");
    sparse.set_len(MAX_FILE.into()).expect("extended");
    let mut mapped = place.open().expect("opened");
    let limit = mapped.word(mapped.layout.limit()).expect("mapped");
    limit.store(MAX_FILE - UNIT, Relaxed);
    assert!(matches!(mapped.count(b"b"), Err(CountingError::Full { .. })));
    assert_eq!(mapped.count(b"a").expect("found").load(Relaxed), 1);
    assert_eq!(std::fs::metadata(&place.path).expect("there").len(), u64::from(MAX_FILE));
}

#[test]
fn an_invalid_offset_is_an_error_and_extends_nothing() {
    let layout = Layout::new(header(&metadata().to_string()).expect("fits").len() as u32);
    let layout = layout.expect("a layout");
    let (head, record) = (layout.head(bucket(b"a")), layout.records());
    for (offset, number) in [
        (layout.limit(), 4),
        (layout.limit(), PAGE * 2),
        (layout.limit(), u32::MAX),
        (head, 1),
        (head, PAGE),
        (head, DEAD),
        (record + NEXT, record),
        (record + NAME_LENGTH, 0),
        (record + NAME_LENGTH, u32::MAX),
    ] {
        let mut bytes = file(&[("a", 1)]);
        bytes[offset as usize..offset as usize + 4].copy_from_slice(&number.to_ne_bytes());
        let place = TestFile::with(&bytes);
        let mut mapped = place.open().expect("opened");
        // A name in the same chain as "a" that is not there.
        let twin =
            (0..).map(|n| format!("t{n}")).find(|name| bucket(name.as_bytes()) == bucket(b"a"));
        let found = mapped.count(twin.expect("some name").as_bytes());
        assert!(matches!(found, Err(CountingError::Broken { .. })), "{offset:#x} {number:#x}");
        assert_eq!(std::fs::metadata(&place.path).expect("there").len(), u64::from(PAGE));
    }
}

#[test]
fn a_full_disk_is_an_error() {
    // Linux has a file that behaves like one on a full disk.
    if cfg!(target_os = "linux") {
        let opened = Mapped::open(Path::new("/dev/full"), &metadata());
        assert!(matches!(opened, Err(CountingError::Io { .. })));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_forged_file_makes_nothing_panic_or_hang(
        edits in proptest::collection::vec((224..PAGE as usize - 4, any::<u32>()), 0..20),
        targeted in proptest::collection::vec((0..700_usize, 0..1024_u32), 0..40),
        pages in 1..3_usize,
    ) {
        let mut bytes = file(&[("a", 1), ("b", 2), ("c", 3)]);
        bytes.resize(pages * PAGE as usize, 0);
        for (at, number) in edits {
            bytes[at..at + 4].copy_from_slice(&number.to_ne_bytes());
        }
        for (word, unit) in targeted {
            let at = 224 + 4 * word;
            bytes[at..at + 4].copy_from_slice(&(unit * 32).to_ne_bytes());
        }
        let place = TestFile::with(&bytes);
        if let Ok(mut mapped) = place.open() {
            for number in 0..600 {
                if let Ok(count) = mapped.count(format!("n{number}").as_bytes()) {
                    add(count, 1);
                }
            }
        }
        // Whatever the limit was forged to say, the file did not grow by more than its names need.
        prop_assert!(std::fs::metadata(&place.path).expect("there").len() <= (pages as u64 + 3) * u64::from(PAGE));
    }
}
