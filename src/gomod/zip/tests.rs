//! What a module zip promises, and what is refused in one.

use super::*;
use crate::gomod::hash_files;
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;

fn module() -> (ModulePath, ModuleVersion) {
    (ModulePath::new("example.org/Config").expect("a path"), ModuleVersion::FIRST)
}

fn whole(name: &str) -> String {
    format!("example.org/Config@v0.1.0/{name}")
}

/// A zip of exactly these entries, as someone else might pack it.
fn pack(entries: &[(&str, &[u8])], method: CompressionMethod) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(method);
    for (name, contents) in entries {
        writer.start_file(*name, options).expect("start");
        writer.write_all(contents).expect("write");
    }
    writer.finish().expect("finish").into_inner()
}

#[test]
fn the_bytes_of_a_zip_never_change() {
    // The whole zip, so that a new release of the zip library cannot change a byte unnoticed.
    let (path, version) = module();
    let zip = create_zip(&path, version, &[("a", b"x")]).expect("a zip");
    let name = whole("a").into_bytes();
    let crc = [0x83, 0x16, 0xdc, 0x8c];
    let common =
        [&[0, 0, 0, 0, 0, 0, 33, 0][..], &crc, &[1, 0, 0, 0, 1, 0, 0, 0, 27, 0, 0, 0]].concat();
    let local = [b"PK\x03\x04\x0a\0", &common[..], &name, b"x"].concat();
    let central =
        [b"PK\x01\x02\x0a\x03\x0a\0", &common[..], &[0; 2 + 2 + 2 + 4 + 4], &name].concat();
    let (start, size) = (local.len() as u8, central.len() as u8);
    let end = [b"PK\x05\x06\0\0\0\0\x01\0\x01\0", &[size, 0, 0, 0, start, 0, 0, 0, 0, 0][..]];
    assert_eq!(zip, [local, central, end.concat()].concat());
}

#[test]
fn zips_of_any_packing_are_read_and_hash_alike() {
    let (path, version) = module();
    let config = b"{}\n".repeat(1000);
    let ours =
        create_zip(&path, version, &[("go.mod", b"module m\n"), ("c", &config)]).expect("a zip");
    let (go_mod, c) = (whole("go.mod"), whole("c"));
    let theirs = pack(&[(&c, &config), (&go_mod, b"module m\n")], CompressionMethod::Deflated);
    assert!(theirs.len() < ours.len());
    assert_eq!(hash_zip(&ours).expect("a hash"), hash_zip(&theirs).expect("a hash"));
    for zip in [ours, theirs] {
        assert_eq!(read_file(&zip, &path, version, "c").expect("there"), config);
        assert_eq!(read_file(&zip, &path, version, "go.mod").expect("there"), b"module m\n");
        let missing = read_file(&zip, &path, version, "d");
        assert!(matches!(missing, Err(ZipError::Missing(_))), "{missing:?}");
    }
}

#[test]
fn names_that_go_refuses_are_refused() {
    let (path, version) = module();
    for bad in [
        "example.org/Config@v0.2.0/a",
        "example.org/config@v0.1.0/a",
        "/etc/passwd",
        "../a",
        "example.org/Config@v0.1.0/../a",
        "example.org/Config@v0.1.0//a",
        "example.org/Config@v0.1.0/a\\b",
        "example.org/Config@v0.1.0/a:b",
        "example.org/Config@v0.1.0/nul",
        "example.org/Config@v0.1.0/a\nb",
        "example.org/Config@v0.1.0/GO.MOD",
        "example.org/Config@v0.1.0/sub/go.mod",
        "example.org/Config@v0.1.0/C",
        "example.org/Config@v0.1.0/c/d",
        "example.org/Config@v0.1.0/folder/",
    ] {
        let zip = pack(&[(&whole("c"), b"{}"), (bad, b"")], CompressionMethod::Stored);
        let read = read_file(&zip, &path, version, "c");
        assert!(matches!(read, Err(ZipError::Entry { .. })), "{bad}: {read:?}");
    }
    for bad in ["", "a//b", "../a", "Go.mod", "a\n", "ü"] {
        let created = create_zip(&path, version, &[(bad, b"")]);
        assert!(matches!(created, Err(ZipError::Entry { .. })), "{bad:?}: {created:?}");
    }
    let twice = create_zip(&path, version, &[("a", b""), ("a", b"")]);
    assert!(matches!(twice, Err(ZipError::Entry { .. })), "{twice:?}");
}

#[test]
fn a_zip_that_two_readers_see_differently_is_refused() {
    let (path, version) = module();
    // Two entries of one name: rename the second in place.
    let mut zip = pack(&[(&whole("c"), b"1"), (&whole("d"), b"2")], CompressionMethod::Stored);
    let name = whole("d").into_bytes();
    let places: Vec<usize> = (0..zip.len()).filter(|&at| zip[at..].starts_with(&name)).collect();
    assert_eq!(places.len(), 2, "once before the contents, once in the directory");
    for at in &places {
        zip[at + name.len() - 1] = b'c';
    }
    assert!(matches!(hash_zip(&zip), Err(ZipError::Damaged(_))));
    assert!(matches!(read_file(&zip, &path, version, "c"), Err(ZipError::Damaged(_))));
    // A directory that names the file otherwise than the file itself.
    zip[places[1] + name.len() - 1] = b'd';
    assert!(matches!(hash_zip(&zip), Err(ZipError::Damaged(_))));
}

#[test]
fn more_than_the_limits_is_neither_packed_nor_unpacked() {
    let (path, version) = module();
    let large = vec![0; MAX_GO_MOD as usize + 1];
    let created = create_zip(&path, version, &[("go.mod", &large)]);
    assert!(matches!(created, Err(ZipError::TooLarge { limit: MAX_GO_MOD, .. })), "{created:?}");
    // 16 MiB of zeros in some kilobytes.
    let bomb = pack(&[(&whole("go.mod"), &large)], CompressionMethod::Deflated);
    assert!(bomb.len() < 1 << 17);
    let read = read_file(&bomb, &path, version, "go.mod");
    assert!(matches!(read, Err(ZipError::TooLarge { limit: MAX_GO_MOD, .. })), "{read:?}");
    let mut budget = Budget::default();
    assert!(budget.spend("a", MAX_ZIP - 1, MAX_ZIP).is_ok());
    assert!(budget.spend("b", 2, MAX_ZIP).is_err(), "the files share one limit");
    assert!(budget.spend("c", 1, MAX_ZIP).is_ok());
}

/// A deflated file of so many zeros, of which what follows is damaged.
fn broken_after(name: &str, zeros: usize) -> Vec<u8> {
    let contents = [vec![0; zeros], (0..=u8::MAX).cycle().take(1 << 20).collect()].concat();
    let mut zip = pack(&[(&whole(name), &contents)], CompressionMethod::Deflated);
    let end = zip.windows(4).rposition(|at| at == b"PK\x01\x02").expect("a directory");
    // Not in the very last bytes: those may be padding.
    zip[end - 200..end - 50].fill(0xff);
    zip
}

/// Whoever would unpack all of it comes to the damage.
#[test]
fn what_is_over_a_limit_is_not_even_unpacked() {
    let (path, version) = module();
    for (name, limit) in [("go.mod", MAX_GO_MOD), ("c", MAX_FILE)] {
        let zip = broken_after(name, limit as usize + (1 << 20));
        let read = read_file(&zip, &path, version, name);
        let ZipError::TooLarge { limit: said, .. } = read.expect_err("too large") else {
            panic!("{name} was unpacked up to the damage")
        };
        assert_eq!(said, limit, "{name}");
        let within = broken_after(name, 1 << 20);
        let read = read_file(&within, &path, version, name);
        assert!(matches!(read, Err(ZipError::DamagedFile { .. })), "{name}: {read:?}");
    }
    let zip = broken_after("c", 3 << 20);
    let hash = hash_within(&zip, Budget(2 << 20));
    assert!(matches!(hash, Err(ZipError::TooLarge { .. })), "{hash:?}");
    let hash = hash_within(&zip, Budget(8 << 20));
    assert!(matches!(hash, Err(ZipError::DamagedFile { .. })), "{hash:?}");
}

proptest! {
    #[test]
    fn what_was_packed_is_read_back_and_hashes_as_its_files(
        files in btree_map("[a-z]{1,6}0?", vec(any::<u8>(), 0..200), 1..5),
    ) {
        let (path, version) = module();
        let list: Vec<(&str, &[u8])> =
            files.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice())).collect();
        prop_assume!(list.iter().all(|(name, _)| is_file_element(name)));
        let zip = create_zip(&path, version, &list).expect("a zip");
        prop_assert_eq!(&zip, &create_zip(&path, version, &list).expect("a zip"));
        let whole: Vec<(String, &[u8])> = list.iter().map(|(n, b)| (whole(n), *b)).collect();
        let hash = hash_files(whole.iter().map(|(name, bytes)| (name.as_str(), *bytes)));
        prop_assert_eq!(Some(hash_zip(&zip).expect("a hash")), hash);
        for (name, bytes) in list {
            prop_assert_eq!(read_file(&zip, &path, version, name).expect("there"), bytes);
        }
    }

    #[test]
    fn damage_is_an_error_or_leaves_the_files_as_they_were(
        at in any::<prop::sample::Index>(), bits in 1..=u8::MAX,
    ) {
        let (path, version) = module();
        let mut zip = create_zip(&path, version, &[("a", b"first"), ("b", b"second")]).expect("a zip");
        let hash = hash_zip(&zip).expect("a hash");
        let at = at.index(zip.len());
        zip[at] ^= bits;
        if let Ok(read) = read_file(&zip, &path, version, "a") {
            prop_assert_eq!(read, b"first");
        }
        if let Ok(damaged) = hash_zip(&zip) {
            // Metadata that nobody reads, or a name: then the hash is another.
            let same_names = read_file(&zip, &path, version, "b").is_ok()
                && read_file(&zip, &path, version, "a").is_ok();
            prop_assert_eq!(damaged == hash, same_names);
        }
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in vec(any::<u8>(), 0..300)) {
        let (path, version) = module();
        let _ = hash_zip(&bytes);
        let _ = read_file(&bytes, &path, version, "a");
    }
}
