//! Following the instructions to opt out works: the site shows the commands of that very project, and the
//! program decides about the project that was named, or says that there is none.

#![cfg(feature = "server")]

use crate::support;
use std::path::Path;
use std::process::Command;
use support::{Charts, Deployment, candor, json, refused, succeed, text};
use tempfile::TempDir;

const PROJECT: &str = "\n[project]\nname = \"Hello <and> friends\"\nopt_in = \"hello telemetry on\"\n\
                       opt_out = \"hello telemetry off\"\nhome_page = \"https://example.org/hello/\"\n\
                       contact = \"telemetry@example.org\"\nlicence = \"CC0-1.0\"\n";

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
    every_page_says_whose_it_is(&deployment);
}

fn every_page_says_whose_it_is(deployment: &Deployment) {
    let server = deployment.serve();
    let paths = ["/", "/charts/", "/data/", "/config/", "/config/v0.1.0", "/log/", "/log/entry/0"];
    for path in [&paths[..], &["/privacy", "/check"]].concat() {
        let page = text(&server.get(path).1);
        assert!(!page.contains("gotelemetry") && !page.contains("candor telemetry"), "{path}");
        let (header, rest) = page.split_once("<main ").expect("a page");
        let (_, footer) = rest.split_once("</main>").expect("a page");
        assert!(header.contains("href=\"/\">Hello &lt;and&gt; friends telemetry</a>"), "{path}");
        for part in [
            "<strong>Hello &lt;and&gt; friends</strong> runs this site",
            "href=\"https://example.org/hello/\"",
            "href=\"mailto:telemetry@example.org\"",
            ">CC0-1.0</a>",
        ] {
            assert!(footer.contains(part), "{path}: {part} is not in {footer}");
        }
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
    let wrong = "\n[project]\nname = \"\"\nopt_in = \"a\\u001bb\"\nleave = \"x\"\n\
                 home_page = \"example.org\"\ncontact = \"ask us\"\nlicence = \" \"\n";
    charts.write("charts-config/collection.toml", &(without + wrong));
    let message = refused(candor().arg("check").arg(charts.path()), 1);
    for part in [
        "the text is empty",
        "has an invisible one",
        "unknown key `leave`",
        "no `opt_out`",
        "\"example.org\" is not a link",
        "write the address of the project's site, like `https://example.org`",
        "\"ask us\" is neither an email address nor a link",
    ] {
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

#[test]
fn the_list_says_of_each_project_what_was_sent_and_how_to_change_it() {
    let home = TempDir::new().expect("a temporary folder");
    let home = home.path();
    let said = succeed(&mut telemetry(home, &[]));
    assert!(said.contains("No project is known on this machine"), "{said}");
    for project in ["example.org/a", "example.org/b"] {
        succeed(&mut telemetry(home, &["on", "--project", project]));
    }
    let sent = home.join("settings/candor/example.org%2Fb/upload");
    std::fs::create_dir_all(&sent).expect("created");
    for week in ["2026-11-08", "2026-11-15"] {
        std::fs::write(sent.join(format!("{week}.json")), "").expect("written");
    }
    let said = succeed(&mut telemetry(home, &[]));
    let [first, second] = &said.split("\n\n").take(2).collect::<Vec<_>>()[..] else {
        panic!("{said}")
    };
    for part in [
        "example.org/a: on (chosen on ",
        "settings/candor/example.org%2Fa",
        "none was sent",
        "candor telemetry --project example.org/a on|local|off",
    ] {
        assert!(first.contains(part), "{part}: {said}");
    }
    assert!(second.contains("sent for the week that ended on 2026-11-15"), "{said}");
    let all = json(&mut telemetry(home, &["--json"]));
    assert_eq!(all[0]["last_report"], serde_json::Value::Null);
    assert_eq!(all[1]["last_report"], "2026-11-15");
    assert_eq!(all[1]["change"], "candor telemetry --project example.org/b");
}

#[test]
fn candor_counts_its_own_verbs_once_its_user_has_chosen_that() {
    let home = TempDir::new().expect("a temporary folder");
    let home = home.path();
    let with_home = |arguments: &[&str]| {
        let mut command = candor();
        command.args(arguments).env("HOME", home).env("XDG_CONFIG_HOME", home.join("settings"));
        command.env_remove("DO_NOT_TRACK").env_remove("CANDOR_TELEMETRY");
        command
    };
    let charts = concat!(env!("CARGO_MANIFEST_DIR"), "/charts-config");
    let counted = || {
        let seen = json(&mut with_home(&["telemetry", "view", "--json"]));
        let mut counts = std::collections::BTreeMap::new();
        for week in seen["weeks"].as_array().expect("weeks") {
            for program in week["counted"].as_array().expect("programs") {
                assert_eq!(program["Program"], "candor");
                for (name, count) in program["Counters"].as_object().expect("counters") {
                    *counts.entry(name.clone()).or_insert(0) += count.as_u64().expect("a count");
                }
            }
        }
        counts
    };
    // Off like everything until someone chooses.
    succeed(&mut with_home(&["check", charts]));
    assert!(!home.join("settings").exists());
    succeed(&mut with_home(&["telemetry", "local"]));
    succeed(&mut with_home(&["check", charts]));
    succeed(&mut with_home(&["--json", "check", charts]));
    refused(&mut with_home(&["check", "/no/such/folder"]), 1);
    refused(&mut with_home(&["chekc"]), 2);
    let counts = counted();
    for (name, times) in [
        ("candor/verb:check", 3),
        ("candor/exit:refused", 1),
        ("candor/exit:usage", 1),
        // With this look at it.
        ("candor/run", 5),
        ("candor/verb:telemetry", 1),
    ] {
        assert_eq!(counts.get(name), Some(&times), "{name}: {counts:?}");
    }
    assert_eq!(counts.len(), 5, "{counts:?}");
    // Its own variable takes that away again, for one run.
    succeed(with_home(&["check", charts]).env("CANDOR_TELEMETRY", "off"));
    assert_eq!(counted().get("candor/verb:check"), Some(&3));
    // What decides about counting is not counted.
    succeed(&mut with_home(&["telemetry", "off"]));
    succeed(&mut with_home(&["check", charts]));
    let folder = home.join("settings/candor/candor");
    assert_eq!(
        json(&mut with_home(&["telemetry", "clean", "--yes", "--json"]))["forgotten"],
        false
    );
    assert_eq!(json(&mut with_home(&["telemetry", "clean", "--yes", "--json"]))["forgotten"], true);
    assert!(!folder.exists());
}

#[test]
fn a_week_is_rehearsed_with_definitions_of_the_authors_own() {
    let (charts, home) = (Charts::new(), TempDir::new().expect("a temporary folder"));
    let project = ["--project", "example.org/hello"];
    let rehearse = |more: &[&str]| {
        let charts = charts.path().to_str().expect("UTF-8");
        telemetry(home.path(), &[&project[..], &["rehearse", "--charts", charts], more].concat())
    };
    succeed(&mut telemetry(home.path(), &[&project[..], &["local"]].concat()));
    let said = refused(&mut rehearse(&[]), 1);
    assert!(said.contains("there is nothing to rehearse"), "{said}");
    let folder = home.path().join("settings/candor/example.org%2Fhello");
    let job =
        crate::counting_process::Job::new(&folder, ["example.org/hello", "v1.0.0", "rust1.95.0"]);
    job.with("start", "").with("count", "hello/verb:run 3").with("count", "hello/secret 1").run();
    let before = support::contents(&folder);
    let said = succeed(&mut rehearse(&[]));
    for part in [
        "counter hello/secret is not in the config",
        "\"hello/verb:run\": 3",
        "there for this rehearsal alone",
        "The charts of it: ",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    assert_eq!(support::contents(&folder), before, "the user's own folder is as it was");
    let rehearsed = json(&mut rehearse(&["--json"]));
    assert!(rehearsed["figures"].as_u64().expect("a number") >= 1, "{rehearsed}");
    // Another toolchain is what the report lacks, and it is named.
    let file = charts.path().join("charts-config/collection.toml");
    let text =
        std::fs::read_to_string(&file).expect("readable").replace("rust1.95.0", "rust1.94.0");
    std::fs::write(&file, text).expect("written");
    let output = support::run(&mut rehearse(&[]));
    let said = support::text(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "nothing got through: {said}");
    assert!(said.contains("toolchain rust1.95.0 is not in the config"), "{said}");
    assert!(said.contains("list \"rust1.95.0\" under `toolchains` in "), "{said}");
    assert!(said.contains("there is nothing to chart"), "{said}");
}
