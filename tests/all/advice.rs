//! The advice in messages helps: each is followed literally.

#![cfg(feature = "server")]

use crate::support;
use serde_json::Value;
use std::path::PathBuf;
use support::{
    Charts, Deployment, Server, candor, json, refused, segments, serve_command, succeed,
};

/// A deployment with merged and charted reports of a past week.
struct World {
    deployment: Deployment,
    charts: Charts,
}

impl World {
    fn new() -> World {
        let (deployment, charts) = (Deployment::new(), Charts::new());
        deployment.publish(&charts);
        let report = r#"{"Week":"2026-02-08","LastWeek":"","X":0.25,"Programs":[{"Program":"example.org/hello","Version":"v1.0.0","GoVersion":"rust1.95.0","GOOS":"linux","GOARCH":"amd64","Counters":{"hello/verb:run":3},"Stacks":{}}],"Config":"v0.1.0"}"#;
        let reports = deployment.path().join("reports");
        segments::write(&reports, 1, &[report.to_owned()]);
        let world = World { deployment, charts };
        for verb in ["merge", "chart"] {
            world.run(&[verb]);
        }
        world
    }

    fn command(&self, arguments: &[&str]) -> std::process::Command {
        let mut command = candor();
        command.args(arguments).arg("--data").arg(self.deployment.path());
        command
    }

    fn run(&self, arguments: &[&str]) -> String {
        succeed(&mut self.command(arguments))
    }

    fn refused(&self, arguments: &[&str]) -> String {
        refused(&mut self.command(arguments), 1)
    }

    fn store(&self, name: &str) -> PathBuf {
        self.deployment.path().join("store").join(name)
    }

    fn index(&self) -> Value {
        let bytes = std::fs::read(self.store("public/index")).expect("the index");
        serde_json::from_slice(&bytes).expect("JSON")
    }

    /// The object of a file of the week, by the index of its format.
    fn file(&self, format: usize) -> PathBuf {
        let index = self.index();
        let file = &index["days"]["2026-02-08"]["files"][format]["sha256"];
        self.store("public").join(file.as_str().expect("a hash"))
    }

    fn charts_object(&self) -> PathBuf {
        let index = self.index();
        let charts = &index["weeks"]["2026-02-08"]["charts"]["sha256"];
        self.store("public").join(charts.as_str().expect("a hash"))
    }

    /// Runs every command that a message names, in order.
    fn follow(&self, message: &str) {
        let commands: Vec<&str> =
            message.split('`').skip(1).step_by(2).filter(|c| c.starts_with("candor ")).collect();
        assert!(!commands.is_empty(), "no command in: {message}");
        for command in commands {
            let words: Vec<&str> = command.split(' ').skip(1).collect();
            let mut command = self.command(&words);
            if words[0] == "publish" {
                command.arg("--charts").arg(self.charts.path());
            }
            succeed(&mut command);
        }
    }
}

fn flip(path: &PathBuf) {
    let mut bytes = std::fs::read(path).expect("read");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(path, bytes).expect("written");
}

const CHART: [&str; 3] = ["chart", "--week", "2026-02-08"];

#[test]
fn files_of_data_that_are_missing_or_damaged_are_made_again() {
    let world = World::new();
    for format in 0..3 {
        let file = world.file(format);
        let good = std::fs::read(&file).expect("read");
        for damage in [|file: &PathBuf| std::fs::remove_file(file).expect("removed"), flip] {
            damage(&file);
            // Charting reads the Parquet file, merging again reads the others.
            let said = match format {
                2 => world.refused(&CHART),
                _ => format!("`candor merge --week 2026-02-08` {}", file.display()),
            };
            world.follow(&said);
            assert_eq!(std::fs::read(&file).expect("made again"), good);
            world.run(&CHART);
        }
    }
}

#[test]
fn charts_that_are_missing_or_damaged_are_made_again() {
    let world = World::new();
    let object = world.charts_object();
    let good = std::fs::read(&object).expect("read");
    for damage in [|file: &PathBuf| std::fs::remove_file(file).expect("removed"), flip] {
        damage(&object);
        let server = Server::start(serve_command(world.deployment.path()).arg("--no-charts"));
        let page = "/charts/example.org/hello/@2026-02-08/hello-verb.json";
        assert_eq!(server.get(page).0, 500);
        let (_, health) = server.health("/health");
        world.follow(&health);
        assert_eq!(std::fs::read(&object).expect("made again"), good);
        assert_eq!(server.get(page).0, 200);
        let (_, health) = server.health("/health");
        assert!(health.contains("\nstore: ok\n"), "{health}");
        assert!(server.stop().success());
    }
    // The daily charting finds them missing, too.
    std::fs::remove_file(&object).expect("removed");
    assert_eq!(json(&mut world.command(&["--json", "chart"]))["weeks"][0]["week"], "2026-02-08");
}

#[test]
fn an_index_that_is_damaged_or_missing_is_restored_from_a_copy() {
    let world = World::new();
    let path = world.store("public/index");
    let (good, copy) = (world.index(), std::fs::read(&path).expect("read"));
    for is_there in [true, false] {
        match is_there {
            true => flip(&path),
            false => std::fs::remove_file(&path).expect("removed"),
        }
        for verb in ["merge", "chart"] {
            let said = world.refused(&[verb]);
            assert!(said.contains("public/index is "), "{said}");
        }
        let server = world.deployment.serve();
        for page in ["/", "/data/", "/data/index.json", "/charts/"] {
            assert_eq!(server.get(page).0, 500, "{page}");
        }
        let (status, health) = server.health("/health");
        assert_eq!(status, 503);
        assert!(health.contains("\ndata: not ok\n  public/index is "), "{health}");
        assert!(server.stop().success());
        // Merged data is stored nowhere else, so nothing else is advised.
        let said = world.refused(&["merge"]);
        assert!(said.contains("Restore it from the newest copy of the store"), "{said}");
        assert!(!said.contains("remove"), "{said}");
        std::fs::write(&path, &copy).expect("restored");
        json(&mut world.command(&["--json", "merge"]));
        json(&mut world.command(&["--json", "chart"]));
        assert_eq!(world.index()["days"], good["days"]);
        assert_eq!(world.index()["weeks"], good["weeks"]);
    }
}

#[test]
fn definitions_that_are_damaged_or_missing_are_recorded_anew() {
    let world = World::new();
    let index = world.store("catalogue/index");
    let good = std::fs::read(&index).expect("read");
    let entries: Value = serde_json::from_slice(&good).expect("JSON");
    let object = world.store(entries["catalogues"][0]["key"].as_str().expect("a key"));
    for damaged in [&index, &object] {
        for is_there in [true, false] {
            match is_there {
                true => flip(damaged),
                false => std::fs::remove_file(damaged).expect("removed"),
            }
            let said = world.refused(&CHART);
            assert!(said.contains("candor publish"), "{said}");
            for file in [&index, &object] {
                // Undamaged files may stay, except the index, which the advice names.
                if file.exists() && (file == damaged || file == &index) {
                    assert!(said.contains("catalogue/index"), "{said}");
                    std::fs::remove_file(file).expect("removed");
                }
            }
            world.follow(&said);
            assert_eq!(std::fs::read(&index).expect("recorded"), good);
            world.run(&CHART);
        }
    }
}

#[test]
fn a_checkpoint_that_is_missing_or_damaged_is_signed_again() {
    let world = World::new();
    let path = world.store("log/checkpoint");
    let good = std::fs::read(&path).expect("read");
    for is_there in [false, true] {
        match is_there {
            true => flip(&path),
            false => std::fs::remove_file(&path).expect("removed"),
        }
        let said = world.refused(&["serve", "--listen", "127.0.0.1:0"]);
        assert_eq!(said.contains("remove it"), is_there, "{said}");
        if is_there {
            std::fs::remove_file(&path).expect("removed");
        }
        world.follow(&said);
        assert_eq!(std::fs::read(&path).expect("signed again"), good);
        assert!(world.deployment.serve().stop().success());
    }
}

#[test]
fn a_reports_folder_that_is_in_use_does_not_keep_anyone_from_serving() {
    let world = World::new();
    let first = world.deployment.serve();
    while first.health("/health/uploads").0 != 200 {}
    let second = world.deployment.serve();
    let said = loop {
        let (_, said) = second.health("/health/uploads");
        if said.contains("in use") {
            break said;
        }
    };
    assert!(said.contains("serve with --read-only"), "{said}");
    assert!(second.stop().success());
    let second = Server::start(serve_command(world.deployment.path()).arg("--read-only"));
    assert_eq!(second.health("/health"), (200, second.health("/health").1));
    assert!(second.stop().success() && first.stop().success());
}
