use super::recorder::Recorder;
use super::*;

fn content(path: &Path) -> String {
    fs::read_to_string(path).expect("read")
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("a folder");
    let mut names: Vec<String> = entries
        .map(|entry| entry.expect("an entry").file_name().into_string().expect("text"))
        .collect();
    names.sort();
    names
}

#[test]
fn a_file_is_replaced_or_made_whole_and_nothing_else_is_left() {
    let folder = tempfile::tempdir().expect("a folder");
    let (path, temporary) = (folder.path().join("file"), folder.path().join("tmp"));
    replace(&path, &temporary, b"first", shared_file).expect("made");
    replace(&path, &temporary, b"second", shared_file).expect("replaced");
    assert!(!create(&path, &temporary, b"third", shared_file).expect("there is one"));
    assert_eq!(
        (content(&path).as_str(), names(folder.path())),
        ("second", vec!["file".to_owned()])
    );
    let other = folder.path().join("other");
    assert!(create(&other, &temporary, b"third", private_file).expect("made"));
    assert_eq!(content(&other), "third");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(fs::metadata(&other).expect("metadata").permissions().mode() & 0o7777, 0o600);
    }
    rename(&other, &path).expect("renamed");
    assert_eq!((content(&path).as_str(), names(folder.path())), ("third", vec!["file".to_owned()]));
    assert!(remove(&path).expect("removed") && !remove(&path).expect("gone"));
    assert_eq!(names(folder.path()), [""; 0]);
}

#[test]
fn a_temporary_file_left_by_a_killed_process_is_not_written_into() {
    let folder = tempfile::tempdir().expect("a folder");
    let (path, temporary) = (folder.path().join("file"), folder.path().join("tmp"));
    // It had given the file its name, but died before it removed the other one.
    fs::write(&temporary, "first").expect("written");
    fs::hard_link(&temporary, &path).expect("linked");
    assert!(!create(&path, &temporary, b"second", shared_file).expect("there is one"));
    assert_eq!(content(&path), "first");
    fs::hard_link(&path, &temporary).expect("linked");
    replace(&folder.path().join("other"), &temporary, b"second", shared_file).expect("made");
    assert_eq!(content(&path), "first");
}

#[test]
fn a_file_that_could_not_be_synced_gets_no_name() {
    let folder = tempfile::tempdir().expect("a folder");
    let (path, temporary) = (folder.path().join("file"), folder.path().join("tmp"));
    let recorder = Recorder::start(folder.path());
    replace(&path, &temporary, b"first", shared_file).expect("made");
    for attempt in [true, false] {
        recorder.kill_at_sync(0);
        let done = match attempt {
            true => replace(&path, &temporary, b"second", shared_file).map(|()| true),
            false => create(&folder.path().join("new"), &temporary, b"second", shared_file),
        };
        assert!(done.is_err() && recorder.restart());
        assert_eq!(content(&path), "first");
        assert!(!folder.path().join("new").exists());
    }
    replace(&path, &temporary, b"second", shared_file).expect("a new one, whole");
    assert_eq!(content(&path), "second");
}

#[test]
fn missing_folders_are_made() {
    let folder = tempfile::tempdir().expect("a folder");
    let deep = folder.path().join("a/b/c");
    let made = make_folders_unsynced(&deep, &mut DirBuilder::new()).expect("made");
    let expected = ["a", "a/b", "a/b/c"].map(|name| folder.path().join(name));
    assert_eq!(made, expected);
    assert!(make_folders_unsynced(&deep, &mut DirBuilder::new()).expect("there").is_empty());
    make_folders(&deep).expect("there");
    make_folders(&folder.path().join("a/d")).expect("made");
    fs::write(folder.path().join("file"), "").expect("written");
    for below in ["file", "file/a"] {
        let refused = make_folders(&folder.path().join(below));
        assert!(refused.is_err(), "a file is no folder: {below}");
    }
}
