//! What the program says on a terminal, in a pipe and to programs: colours only on a terminal whose user has not asked
//! for none, errors as JSON, places as they are named from where one stands, and what waits for the end of the day.

#![cfg(feature = "server")]

use crate::support::{
    Charts, Deployment, Server, candor, chart, run, serve_command, succeed, text,
};
use serde_json::Value;
use std::process::Command;

/// A charts repository with a mistake.
fn mistaken() -> Charts {
    let charts = Charts::new();
    let broken = chart("A", "hello/a").replace("partition", "pie");
    charts.write("charts-config/charts/bad.toml", &broken);
    charts
}

#[test]
fn errors_are_json_where_results_are() {
    let charts = mistaken();
    let folder = charts.path().join("charts-config").display().to_string();
    let nothing = "/nonexistent/deployment";
    for (arguments, status) in [
        (vec!["compile", &folder], 1),
        (vec!["versions", &folder], 1),
        (vec!["export", &folder], 1),
        (vec!["rates", &folder, "--data", nothing], 1),
        (vec!["simulate", "--reports", "1", "--charts", &folder], 1),
        (vec!["merge", "--data", nothing], 1),
        (vec!["chart", "--data", nothing], 1),
        (vec!["publish", "--data", nothing, "--charts", &folder], 1),
        (vec!["serve", "--data", nothing], 1),
        (vec!["env", "--data", nothing], 1),
        (vec!["verify-store", "--data", nothing], 1),
        (vec!["signer", "show", "--data", nothing], 1),
        (vec!["telemetry", "--project", "example.org/unknown", "view"], 1),
        (vec!["schema"], 2),
        (vec!["merge", "--no-such-flag"], 2),
        (vec!["no-such-verb"], 2),
    ] {
        let output = run(candor().arg("--json").args(&arguments));
        let printed = text(&output.stdout);
        assert_eq!(output.status.code(), Some(status), "{arguments:?}: {printed}");
        let value: Value = serde_json::from_str(&printed)
            .unwrap_or_else(|error| panic!("{arguments:?} printed {printed:?}: {error}"));
        assert_eq!(value["error"]["status"], status, "{arguments:?}");
        let message = value["error"]["message"].as_str().expect("a message");
        assert!(message.len() > 10, "{arguments:?}: {message}");
        // For people who read a log, as without it.
        assert!(!output.stderr.is_empty(), "{arguments:?}");
        let plain = run(candor().args(&arguments));
        assert!(plain.stdout.is_empty(), "{arguments:?}: {}", text(&plain.stdout));
        if arguments.contains(&folder.as_str()) && arguments[0] != "publish" {
            let found = &value["error"]["diagnostics"][0];
            let file = found["file"].as_str().expect("a file");
            assert_eq!(file, format!("{folder}/charts/bad.toml"), "{arguments:?}");
            assert!(
                found["line"].is_u64() && found["message"].is_string(),
                "{arguments:?}: {found}"
            );
        }
    }
    // A result that says it all is the only value.
    let output = run(candor().args(["check", "--json"]).arg(&folder));
    let value: Value = serde_json::from_slice(&output.stdout).expect("one value");
    assert_eq!((value["valid"].as_bool(), value.get("error")), (Some(false), None));
}

#[test]
fn places_are_named_from_where_one_stands() {
    let charts = mistaken();
    let above = charts.path().parent().expect("a folder");
    let name = charts.path().file_name().expect("a name").to_str().expect("text");
    for (from, argument, expected) in [
        (charts.path(), ".", "--> charts-config/charts/bad.toml:".to_owned()),
        (charts.path(), "charts-config", "--> charts-config/charts/bad.toml:".to_owned()),
        (above, name, format!("--> {name}/charts-config/charts/bad.toml:")),
    ] {
        for verb in ["check", "compile"] {
            let output = run(candor().args([verb, argument]).current_dir(from));
            let said = text(&output.stderr);
            assert!(said.contains(&expected), "candor {verb} {argument}: {said}");
        }
    }
}

#[test]
fn only_a_terminal_gets_colours_and_only_if_its_user_wants_them() {
    let charts = mistaken();
    let check = || {
        let mut check = candor();
        check.arg("check").arg(charts.path()).env("TERM", "xterm").env_remove("NO_COLOR");
        check.env_remove("CLICOLOR").env("CLICOLOR_FORCE", "1");
        check
    };
    let output = run(&mut check());
    assert!(!output.stderr.contains(&0x1b), "{}", text(&output.stderr));
    // On a terminal, which `script` (of bsdutils) makes.
    let on_terminal = |setting: Option<(&str, &str)>| {
        let mut script = Command::new("script");
        let line =
            format!("'{}' check '{}'", env!("CARGO_BIN_EXE_candor"), charts.path().display());
        script.args(["-qec", &line, "/dev/null"]).env("TERM", "xterm");
        script.env_remove("NO_COLOR").env_remove("CLICOLOR").envs(setting);
        script.stdin(std::process::Stdio::null());
        text(&run(&mut script).stdout)
    };
    let coloured = on_terminal(None);
    assert!(coloured.contains("\x1b[1;31merror\x1b[0m: there is no chart type"), "{coloured:?}");
    for setting in [("NO_COLOR", "1"), ("CLICOLOR", "0"), ("TERM", "dumb")] {
        let plain = on_terminal(Some(setting));
        assert!(plain.contains("error: there is no chart type"), "{setting:?}: {plain:?}");
        assert!(!plain.contains('\x1b'), "{setting:?}: {plain:?}");
    }
}

#[test]
fn what_waits_for_the_end_of_the_day_is_said() {
    let (charts, deployment) = (Charts::new(), Deployment::new());
    deployment.publish(&charts);
    // It leaves merging to the verb.
    let server = Server::start(serve_command(deployment.path()).arg("--no-charts"));
    let folder = charts.path().join("charts-config");
    let simulate = |week: Option<&str>| {
        let mut simulate = candor();
        simulate
            .args(["simulate", "--reports", "1", "--url", &server.url, "--charts"])
            .arg(&folder);
        let output = run(simulate.args(week.map(|_| "--week")).args(week));
        (output.status.success(), text(&output.stderr))
    };
    let (sent, said) = simulate(None);
    assert!(sent && said.contains("1 report in "), "{said}");
    assert!(
        said.contains("is over, in UTC; to see charts now, name a week that has ended: --week 20"),
        "{said}"
    );
    // As it says.
    let week = said.split("--week ").nth(1).and_then(|rest| rest.lines().next()).expect("a day");
    let (sent, said) = simulate(Some(week));
    assert!(sent && !said.contains("is over"), "{said}");
    let merged = succeed(candor().args(["merge", "--data"]).arg(deployment.path()));
    assert!(
        merged.contains("1 report of ") && merged.contains(" waits until that day is over"),
        "{merged}"
    );
    assert!(merged.contains("rehearse --charts CHARTS"), "{merged}");
}
