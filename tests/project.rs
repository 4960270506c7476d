//! Following the instructions to opt out works: the site shows the commands of that very project, and the
//! program decides about the project that was named, or says that there is none.

#![cfg(feature = "server")]

mod support;

use std::path::Path;
use std::process::Command;
use support::{Charts, Deployment, candor, json, refused, succeed, text};
use tempfile::TempDir;

const PROJECT: &str = "\n[project]\nname = \"Hello <and> friends\"\nopt_in = \"hello telemetry on\"\n\
                       opt_out = \"hello telemetry off\"\n";

fn pages(deployment: &Deployment) -> [String; 2] {
    let server = deployment.serve();
    ["/", "/privacy"].map(|path| {
        let (status, page) = server.get(path);
        assert_eq!(status, 200);
        text(&page)
    })
}

#[test]
fn the_site_shows_the_commands_of_the_project() {
    let (charts, deployment) = (Charts::new(), Deployment::new());
    deployment.publish(&charts);
    for page in pages(&deployment) {
        for mode in ["on", "local", "off"] {
            let command = format!("candor telemetry --project example.org/hello {mode}");
            assert!(page.contains(&format!("<code>{command}</code>")), "{command}: {page}");
        }
        assert!(!page.contains("gotelemetry"), "{page}");
        assert!(!page.contains("<code>candor telemetry off</code>"), "{page}");
    }
    // This section is only for people: there is no new version, and the pages show it.
    let file = charts.path().join("charts-config/collection.toml");
    let without = std::fs::read_to_string(&file).expect("readable");
    charts.write("charts-config/collection.toml", &(without + PROJECT));
    charts.commit();
    assert_eq!(deployment.publish(&charts)["outcome"], "unchanged");
    for page in pages(&deployment) {
        for part in ["Hello &lt;and&gt; friends", "hello telemetry on", "hello telemetry off"] {
            assert!(page.contains(part), "{part}: {page}");
        }
        assert!(!page.contains("candor telemetry"), "{page}");
    }
}

#[test]
fn gos_commands_are_shown_only_for_gos_module() {
    let module = "golang.org/x/telemetry/config";
    let (charts, deployment) = (Charts::of_module(module), Deployment::of_module(module));
    deployment.publish(&charts);
    for page in pages(&deployment) {
        assert!(page.contains("<code>gotelemetry off</code>"), "{page}");
        assert!(!page.contains("candor telemetry"), "{page}");
    }
}

#[test]
fn mistakes_in_the_project_are_shown() {
    let charts = Charts::new();
    let file = charts.path().join("charts-config/collection.toml");
    let without = std::fs::read_to_string(&file).expect("readable");
    let wrong = "\n[project]\nname = \"\"\nopt_in = \"a\\u001bb\"\nleave = \"x\"\n";
    charts.write("charts-config/collection.toml", &(without + wrong));
    let message = refused(candor().arg("check").arg(charts.path()), 1);
    for part in ["the text is empty", "has an invisible one", "unknown key `leave`", "no `opt_out`"]
    {
        assert!(message.contains(part), "{part:?} is not in {message}");
    }
}

fn telemetry(home: &Path, arguments: &[&str]) -> Command {
    let mut command = candor();
    command.arg("telemetry").args(arguments);
    command.env("HOME", home).env("XDG_CONFIG_HOME", home.join("settings"));
    command.env_remove("DO_NOT_TRACK");
    command
}

#[test]
fn a_project_that_is_not_here_is_an_error_that_lists_those_that_are() {
    let home = TempDir::new().expect("a temporary folder");
    let home = home.path();
    let verbs: &[&[&str]] =
        &[&["off"], &["view"], &["env"], &["report"], &["upload"], &["clean", "--yes"]];
    let misspelt = ["--project", "example.org/myporg"];
    for verb in verbs {
        let message = refused(&mut telemetry(home, &[&misspelt, *verb].concat()), 1);
        let said = "no project example.org/myporg is known on this machine";
        assert!(message.contains(said) && message.contains("none"), "{verb:?}: {message}");
    }
    assert!(!home.join("settings").exists(), "nothing was made");

    for project in ["example.org/myprog", "example.org/Other"] {
        let said = succeed(&mut telemetry(home, &["on", "--project", project]));
        assert!(said.contains(&format!("telemetry of {project} is on")), "{said}");
        assert!(said.contains("was not on this machine before"), "{said}");
    }
    for verb in verbs {
        let message = refused(&mut telemetry(home, &[&misspelt, *verb].concat()), 1);
        assert!(message.contains("example.org/Other, example.org/myprog"), "{verb:?}: {message}");
    }
    // Each verb says which project it is about.
    for verb in [&["local"][..], &["report"], &["clean", "--yes"], &["off"]] {
        let named = ["--project", "example.org/myprog"];
        let said = succeed(&mut telemetry(home, &[&named, verb].concat()));
        assert!(said.contains("example.org/myprog"), "{verb:?}: {said}");
        assert!(!said.contains("on this machine before"), "{verb:?}: {said}");
        let said = json(&mut telemetry(home, &[&named, verb, &["--json"]].concat()));
        assert_eq!(said["project"], "example.org/myprog", "{verb:?}");
    }
    let all = json(&mut telemetry(home, &["--json"]));
    let modes: Vec<_> = all.as_array().expect("a list").iter().collect();
    assert_eq!(modes.len(), 2);
    assert_eq!(
        (&modes[0]["project"], &modes[0]["mode"]),
        (&"example.org/Other".into(), &"on".into())
    );
    assert_eq!(
        (&modes[1]["project"], &modes[1]["mode"]),
        (&"example.org/myprog".into(), &"off".into())
    );
    // This program itself has never counted; the message says how to name another.
    for verb in ["view", "env", "upload"] {
        let said = succeed(&mut telemetry(home, &[verb]));
        assert!(said.contains("candor itself") && said.contains("example.org/Other, "), "{said}");
        let first = said.lines().next().unwrap_or_default();
        assert!(first.contains("candor"), "{verb}: {said}");
    }
    let said = succeed(&mut telemetry(home, &["view", "--project", "example.org/myprog"]));
    assert!(said.starts_with("telemetry of example.org/myprog\n"), "{said}");
    assert!(!said.contains("candor itself"), "{said}");
    // Without a name it is this program itself, whether or not it has counted.
    assert!(succeed(&mut telemetry(home, &["off"])).contains("telemetry of candor is off"));
}

#[test]
fn a_mistyped_project_can_be_forgotten_and_an_invalid_name_is_refused() {
    let home = TempDir::new().expect("a temporary folder");
    let home = home.path();
    for name in ["../x", "/etc/passwd", "https://example.org/myprog", "a\nb", "a\u{1b}b"] {
        let message = refused(&mut telemetry(home, &["on", "--project", name]), 2);
        assert!(message.contains("example.org/myprog"), "{message}");
    }
    assert!(!home.join("settings").exists(), "nothing was made");

    let named =
        |verb: &[&str]| telemetry(home, &[&["--project", "example.org/mprog"], verb].concat());
    let folder = home.join("settings/candor/example.org%2Fmprog");
    succeed(&mut named(&["on"]));
    // Not while it is on.
    let said = succeed(&mut named(&["clean", "--yes"]));
    assert!(said.contains("`off`, and then `clean`") && folder.exists(), "{said}");
    let said = succeed(&mut named(&["off"]));
    assert!(said.contains("Nothing is left"), "{said}");
    // It asks first.
    refused(&mut named(&["clean"]), 1);
    assert!(folder.join("mode").exists());
    let said = succeed(&mut named(&["clean", "--yes"]));
    assert!(said.contains("forgotten") && !folder.exists(), "{said}");
    assert_eq!(json(&mut telemetry(home, &["--json"])), serde_json::json!([]));

    // Other people's files stay.
    succeed(&mut named(&["on"]));
    succeed(&mut named(&["off"]));
    std::fs::write(folder.join("notes"), "mine").expect("write");
    let said = json(&mut named(&["clean", "--yes", "--json"]));
    assert_eq!(said["forgotten"], false, "{said}");
    assert!(folder.join("notes").exists());
}

#[test]
fn a_link_in_place_of_a_folder_is_named() {
    let home = TempDir::new().expect("a temporary folder");
    let settings = home.path().join("settings/candor");
    std::fs::create_dir_all(&settings).expect("created");
    let folder = settings.join("candor");
    std::os::unix::fs::symlink(home.path(), &folder).expect("linked");
    let message = refused(&mut telemetry(home.path(), &["on"]), 1);
    assert!(message.contains(&format!("{}: it is a link", folder.display())), "{message}");
}
