//! The verb, on machines of its own.

use super::*;
use crate::client::program::Program;
use std::path::Path;

fn setup(folder: &Path) -> Setup {
    Setup {
        program: Program::new("example.org/tool", "1.0.0").with_toolchain("rust1.95.0"),
        folder: Ok(Folder::at(folder)),
        variable: Some("TOOL_TELEMETRY"),
        ahead: 0,
        #[cfg(feature = "client")]
        upload: None,
    }
}

/// What the verb prints, or its exit code and message.
fn verb(setup: &Setup, arguments: &[&str]) -> Result<String, (u8, String)> {
    let arguments: Vec<OsString> = arguments.iter().map(OsString::from).collect();
    let mut out = String::new();
    match run(Some(setup), "tool telemetry", &arguments, &mut out) {
        Ok(()) => Ok(out),
        Err(Problem { code, message }) => Err((code, message)),
    }
}

#[test]
fn each_choice_is_stored_and_explained() {
    let temporary = tempfile::tempdir().expect("a temporary folder");
    let path = temporary.path().join("telemetry");
    let setup = setup(&path);
    let folder = Folder::at(&path);
    for nothing in [&[][..], &["--help"], &["view"]] {
        let said = verb(&setup, nothing).expect("printed");
        assert!(said.contains("mode") && said.contains("off (nobody has chosen yet"), "{said}");
        assert!(!path.exists(), "looking changes nothing");
    }
    for (word, mode) in [("on", Mode::On), ("local", Mode::Local), ("off", Mode::Off)] {
        let said = verb(&setup, &[word]).expect("chosen");
        assert!(said.starts_with(&format!("telemetry of example.org/tool is {word}. ")), "{said}");
        assert_eq!(Consent::read(&folder, None).mode, mode);
    }
    let said = verb(&setup, &[]).expect("printed");
    assert!(said.contains("off (chosen on 2") && said.contains("TOOL_TELEMETRY=off"), "{said}");
    assert!(said.contains("tool telemetry local"), "{said}");
}

#[test]
fn wrong_usage_is_named_and_changes_nothing() {
    let temporary = tempfile::tempdir().expect("a temporary folder");
    let path = temporary.path().join("telemetry");
    for words in [&["of"][..], &["on", "off"], &["--on"], &["view", "x"], &["\u{1b}[2J"]] {
        let (code, message) = verb(&setup(&path), words).expect_err("refused");
        assert_eq!(code, 2, "{message}");
        assert!(message.contains("on, local, off, view or rehearse"), "{message}");
    }
    assert!(!path.exists());
    let mut out = String::new();
    let problem = run(None, "tool telemetry", &[], &mut out).expect_err("not started");
    assert_eq!(problem.code, 1);
}

#[test]
fn a_folder_that_cannot_be_written_is_an_error_and_not_a_choice() {
    let temporary = tempfile::tempdir().expect("a temporary folder");
    let file = temporary.path().join("file");
    std::fs::write(&file, "").expect("written");
    let (code, message) = verb(&setup(&file.join("telemetry")), &["on"]).expect_err("refused");
    assert_eq!(code, 1);
    assert!(message.contains("cannot store the telemetry mode"), "{message}");
}

#[test]
fn who_cannot_store_off_is_told_what_turns_it_off() {
    let temporary = tempfile::tempdir().expect("a temporary folder");
    let setup = setup(temporary.path());
    verb(&setup, &["local"]).expect("chosen");
    // Nothing can be written under the name of the new choice.
    let taken = temporary.path().join(format!(".mode.{}", std::process::id()));
    std::fs::create_dir_all(taken.join("full")).expect("made");
    let (_, message) = verb(&setup, &["off"]).expect_err("not stored");
    assert!(message.contains("cannot store the telemetry mode"), "{message}");
    assert!(message.contains("Telemetry is still local. DO_NOT_TRACK=1"), "{message}");
    let (_, message) = verb(&setup, &["on"]).expect_err("not stored");
    assert!(!message.contains("DO_NOT_TRACK"), "{message}");
    // It says the truth.
    std::fs::remove_dir_all(temporary.path()).expect("removed");
    assert_eq!(setup.consent(&Folder::at(temporary.path())).mode, Mode::Off);
}

#[test]
fn what_was_counted_can_be_seen() {
    let temporary = tempfile::tempdir().expect("a temporary folder");
    let setup = setup(temporary.path());
    verb(&setup, &["local"]).expect("chosen");
    let folder = Folder::at(temporary.path());
    count(&folder);
    let said = verb(&setup, &["view"]).expect("printed");
    assert!(said.contains("mode local (chosen on 2"), "{said}");
    assert!(said.contains("example.org/tool@v1.0.0 rust1.95.0"), "{said}");
    assert!(said.contains("3  tool/verb:build"), "{said}");
    // Turning it off says that they are still there.
    let said = verb(&setup, &["off"]).expect("chosen");
    assert!(said.contains("Earlier counts are still in"), "{said}");
}

/// Counts this week, as the program does.
fn count(folder: &Folder) {
    let today = Day::of(std::time::SystemTime::now());
    let setup = setup(folder.path());
    let recorder: &'static _ = Box::leak(Box::new(crate::client::counter::Recorder::new()));
    recorder.start(folder.clone(), setup.program, today, &Consent::read(folder, None));
    recorder.counter("tool/verb:build").expect("a name").add(3);
    recorder.counter("tool/secret").expect("a name").add(1);
}

#[cfg(not(feature = "client"))]
#[test]
fn a_program_that_only_counts_says_so() {
    let temporary = tempfile::tempdir().expect("a temporary folder");
    let setup = setup(temporary.path());
    let (code, message) = verb(&setup, &["rehearse"]).expect_err("refused");
    assert_eq!((code, message.contains("sends nothing")), (1, true), "{message}");
    let said = verb(&setup, &[]).expect("printed");
    assert!(said.contains("never sent"), "{said}");
}

#[cfg(feature = "client")]
mod of_a_client {
    use super::*;
    use crate::client::report::testing::{Deployment, day};
    use crate::client::start::Uploading;
    use crate::client::transport::{Request, Response, Transport, TransportError};
    use crate::client::verb::rehearse::{ChartsFolder, Passed, Rehearsal};
    use std::sync::Arc;

    fn config(toolchain: &str, counter: &str) -> String {
        let (goos, goarch) = (crate::client::goos(), crate::client::goarch());
        format!(
            r#"{{"GOOS":["{goos}"],"GOARCH":["{goarch}"],"GoVersion":["{toolchain}"],
            "SampleRate":0.25,"Programs":[{{"Name":"example.org/tool","Versions":["v1.0.0"],
            "Counters":[{{"Name":"{counter}","Rate":0.25}}]}}]}}"#
        )
    }

    /// What a rehearsal of three counts says, and the reports that left the machine.
    fn rehearsed(config: &str, to_receiver: bool) -> (Passed, String, usize) {
        let temporary = tempfile::tempdir().expect("a temporary folder");
        let folder = Folder::at(temporary.path());
        verb(&setup(temporary.path()), &["local"]).expect("chosen");
        count(&folder);
        let files = |folder: &Folder| crate::client::report::Listing::read(folder).expect("read");
        let before = files(&folder);
        let deployment = Deployment::new(config);
        let own = deployment.destination();
        let rehearsal = Rehearsal {
            folder: &folder,
            own: &own,
            receiver: to_receiver.then_some(&own),
            transport: &deployment,
            today: day("2026-11-22"),
            now: day("2026-11-22").start() + std::time::Duration::from_secs(3600),
            charts: ChartsFolder::default(),
        };
        let mut out = String::new();
        let said = rehearsal.run("choose local", &mut out).map(|passed| (passed, out));
        assert_eq!(files(&folder), before, "the user's own folder is as it was");
        let sent = deployment.arrived.lock().expect("unpoisoned").values().map(Vec::len).sum();
        let (passed, said) = said.expect("rehearsed");
        (passed, said, sent)
    }

    #[test]
    fn without_a_deployment_a_rehearsal_names_the_way_without_one() {
        #[derive(Debug)]
        struct Nowhere;
        impl Transport for Nowhere {
            fn send(&self, request: &Request<'_>) -> Result<Response, TransportError> {
                Err(TransportError::failed(request.url, "there is no such host"))
            }
        }
        let temporary = tempfile::tempdir().expect("a temporary folder");
        let folder = Folder::at(temporary.path());
        verb(&setup(temporary.path()), &["local"]).expect("chosen");
        count(&folder);
        let own = Deployment::new(&config("rust1.95.0", "tool/verb:build")).destination();
        let run = |receiver| {
            let (today, charts) = (day("2026-11-22"), ChartsFolder::default());
            let now = today.start() + std::time::Duration::from_secs(3600);
            let (folder, own, transport) = (&folder, &own, &Nowhere);
            let rehearsal = Rehearsal { folder, own, receiver, transport, today, now, charts };
            rehearsal.run("choose local", &mut String::new()).expect_err("no config")
        };
        let said = run(None);
        assert!(said.starts_with("the config cannot be had: cannot download"), "{said}");
        assert!(said.contains("rehearse --charts FOLDER"), "{said}");
        assert!(!run(Some(&own)).contains("--charts"), "it has a receiver already");
    }

    #[test]
    fn a_rehearsal_shows_the_report_and_sends_nothing() {
        let (passed, said, sent) = rehearsed(&config("rust1.95.0", "tool/verb:{build,run}"), false);
        assert_eq!(passed, Passed { report: true, counts: true });
        assert_eq!(sent, 0, "{said}");
        for part in [
            "the week that began on 2026-11-14 and ended on 2026-11-21",
            "           3  tool/verb:build\n",
            "In earnest, it is a week that ends on a ",
            "2. The config v0.1.0 of",
            "counter tool/secret is not in the config",
            "   - name tool/secret in `counter` of a chart with `program = \"example.org/tool\"`",
            "\"tool/verb:build\": 3",
            "25% of weeks are sent",
            "This one was not.",
        ] {
            assert!(said.contains(part), "{part}: {said}");
        }
        assert!(!said.contains("\"tool/secret\""), "{said}");
    }

    /// The numbers at the beginnings of lines.
    fn steps(said: &str) -> Vec<&str> {
        said.lines().filter_map(|line| line.split_once(". ")).map(|(number, _)| number).collect()
    }

    #[test]
    fn what_keeps_a_report_back_is_named_with_the_way_out_and_fails() {
        for to_receiver in [false, true] {
            let (passed, said, sent) =
                rehearsed(&config("rust1.94.0", "tool/verb:build"), to_receiver);
            assert_eq!((passed, sent), (Passed { report: false, counts: false }, 0), "{said}");
            for part in [
                "toolchain rust1.95.0 is not in the config",
                "- list \"rust1.95.0\" under `toolchains` in charts-config/collection.toml",
                "4. So nothing would be sent: toolchain rust1.95.0 is not in the config.",
                "           1  tool/secret\n",
            ] {
                assert!(said.contains(part), "{part}: {said}");
            }
            let steps: Vec<_> =
                steps(&said).into_iter().filter(|it| !it.starts_with(' ')).collect();
            assert_eq!(steps, ["1", "2", "3", "4", "5"], "{said}");
        }
        let (passed, said, _) = rehearsed(&config("rust1.95.0", "tool/other"), false);
        assert_eq!(passed, Passed { report: true, counts: false });
        assert!(said.contains("No count is in it"), "{said}");
        assert!(said.contains("- name tool/secret, tool/verb:build in `counter`"), "{said}");
    }

    #[test]
    fn a_report_is_sent_to_a_receiver_for_this_rehearsal_alone() {
        let (_, said, sent) = rehearsed(&config("rust1.95.0", "tool/verb:build"), true);
        assert!(said.contains("for this rehearsal alone"), "{said}");
        assert_eq!(sent, 1, "{said}");
    }

    #[test]
    fn there_is_nothing_to_rehearse_before_something_was_counted() {
        let temporary = tempfile::tempdir().expect("a temporary folder");
        let deployment = Arc::new(Deployment::new(&config("rust1.94.0", "tool/verb:build")));
        let upload = Uploading { to: deployment.destination(), transport: deployment };
        let setup = Setup { upload: Some(upload), ..setup(temporary.path()) };
        let (code, message) = verb(&setup, &["rehearse"]).expect_err("refused");
        assert_eq!(code, 1);
        assert!(message.contains("choose `tool telemetry local`"), "{message}");
        verb(&setup, &["local"]).expect("chosen");
        count(&Folder::at(temporary.path()));
        let (code, message) = verb(&setup, &["rehearse"]).expect_err("nothing gets through");
        assert_eq!((code, message.contains("listed above")), (1, true), "{message}");
        let (code, _) = verb(&setup, &["rehearse", "now"]).expect_err("refused");
        assert_eq!(code, 2);
        let said = verb(&setup, &[]).expect("printed");
        assert!(said.contains("sent to https://telemetry.example.org, once a week"), "{said}");
    }
}
