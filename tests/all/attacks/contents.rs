//! Attacks on what the log vouches for, and on the data and charts.

use crate::attacks::eyes::{Shown, audit};
use crate::attacks::table::{Eye, Row, Seen, When, settled};
use crate::attacks::world::{Honest, publish, upload};
use crate::support::charted::rounded_reports as reports;
use crate::support::http::Meddler;
use crate::support::{Deployment, MODULE, candor, run, text};
use candor::gomod::Module;
use tempfile::TempDir;

pub fn play() -> Vec<Row> {
    let honest = Honest::new();
    vec![
        changed_zip(&honest),
        not_built_from_its_commit(&honest),
        extra_counter(&honest),
        proof_for_another_tree(&honest),
        false_chart(&honest),
        foreign_row(&honest),
    ]
}

fn changed_zip(honest: &Honest) -> Row {
    let (_, modules) = honest.evil();
    let module = &modules[1];
    let config = [module.config(), b"\n"].concat();
    let (path, provenance) = (module.path().clone(), module.provenance().clone());
    let other = Module::build(path, module.version(), config, provenance).expect("a module");
    let zip = other.zip().to_vec();
    let changed = Meddler::new(honest.url(), move |path, body| {
        if path.ends_with("@v/v0.2.0.zip") { zip.clone() } else { body }
    });
    let shown = Shown { honest, before: honest.url(), after: &changed.url };
    let mut seen = shown.readers();
    seen.push(verified(honest, &changed.url, honest.url()));
    Row {
        attack: "a changed zip under an old hash",
        how: "A proxy serves another config instead of the one that was logged.",
        seen,
    }
}

/// What `candor verify` says about the zip of v0.2.0 from one address with the proof from another.
fn verified(honest: &Honest, zip: &str, proof: &str) -> Seen {
    let folder = TempDir::new().expect("a folder");
    let download = |url: &str, name: &str| {
        let url = format!("{url}/goproxy/{MODULE}/@v/{name}");
        let mut answer = ureq::get(&url).call().expect("an answer");
        let path = folder.path().join(name);
        std::fs::write(&path, answer.body_mut().read_to_vec().expect("a body")).expect("written");
        path
    };
    let (zip, proof) = (download(zip, "v0.2.0.zip"), download(proof, "v0.2.0.tlog-proof"));
    let mut command = candor();
    command.arg("verify").arg(proof).args(["--vkey", &honest.deployment.log_key]);
    let output = run(command.arg("--zip").arg(zip));
    let (when, message) = match output.status.code() {
        Some(0) => (When::Never, String::new()),
        Some(1) => (When::AtOnce, settled(&text(&output.stderr))),
        _ => panic!("{}", text(&output.stderr)),
    };
    Seen { eye: Eye::Verify, when, message }
}

fn not_built_from_its_commit(honest: &Honest) -> Row {
    let (evil, modules) = honest.evil();
    evil.publish(1, modules[0].config(), modules[0].provenance());
    let config = String::from_utf8(modules[1].config().to_vec()).expect("text");
    let raised = config.replacen("\"Rate\": 0.8294", "\"Rate\": 0.8295", 1);
    assert_ne!(raised, config);
    evil.publish(2, raised.as_bytes(), modules[1].provenance());
    let served = evil.serve();
    let shown = Shown { honest, before: &served.url, after: &served.url };
    Row {
        attack: "a config that was not built from its commit",
        how: "The log's owner logs a config with a higher rate than in its commit.",
        seen: shown.newcomers(),
    }
}

fn extra_counter(honest: &Honest) -> Row {
    let (evil, modules) = honest.evil();
    evil.publish(1, modules[0].config(), modules[0].provenance());
    let config = String::from_utf8(modules[1].config().to_vec()).expect("text");
    let more = config.replacen("{run,old,help", "{run,old,help,spy", 1);
    let more = if more == config { config.replacen("help", "help,spy", 1) } else { more };
    assert_ne!(more, config);
    evil.publish(2, more.as_bytes(), modules[1].provenance());
    let served = evil.serve();
    let shown = Shown { honest, before: &served.url, after: &served.url };
    Row {
        attack: "an extra counter slipped into the config",
        how: "The log's owner logs a config with a bucket that no definition asks for.",
        seen: shown.newcomers(),
    }
}

fn proof_for_another_tree(honest: &Honest) -> Row {
    let (evil, modules) = honest.evil();
    // The same records, in a tree with one more; its proofs are valid, but for that tree.
    for (number, module) in (1..).zip(&modules) {
        evil.publish(number, module.config(), module.provenance());
    }
    let third = [modules[1].config(), b"\n"].concat();
    evil.publish(3, &third, modules[1].provenance());
    let served = evil.serve();
    let (_, checkpoint) = honest.server.get("/log/checkpoint");
    let (_, proof) = honest.server.get(&format!("/goproxy/{MODULE}/@v/v0.2.0.tlog-proof"));
    let honest_lines = text(&proof);
    let mixed = Meddler::new(&served.url, move |path, body| match path {
        "/log/checkpoint" => checkpoint.clone(),
        // The path in one tree, under the checkpoint of another.
        path if path.ends_with(".tlog-proof") => {
            let other = text(&body);
            let (path, _) = other.split_once("\n\n").expect("a proof");
            let (_, note) = honest_lines.split_once("\n\n").expect("a proof");
            format!("{path}\n\n{note}").into_bytes()
        }
        path if path.ends_with("/tile/0/000.p/2") => vec![7; 64],
        _ => body,
    });
    let shown = Shown { honest, before: honest.url(), after: &mixed.url };
    let client = shown.client();
    Row {
        attack: "a proof for another tree",
        how: "A server proves a record in one tree, but shows the signed checkpoint of another.",
        seen: vec![
            client,
            shown.audit(),
            verified(honest, honest.url(), &mixed.url),
            shown.browser(),
        ],
    }
}

fn false_chart(honest: &Honest) -> Row {
    let changed = Meddler::new(honest.url(), |path, body| {
        if !path.ends_with("/charts.json") {
            return body;
        }
        text(&body).replace("\"total\":", "\"total\":1").into_bytes()
    });
    let shown = Shown { honest, before: honest.url(), after: &changed.url };
    Row {
        attack: "a chart that is not what the data says",
        how: "The site shows other figures than follow from its public data.",
        seen: vec![shown.audit()],
    }
}

fn foreign_row(honest: &Honest) -> Row {
    let deployment = Deployment::new();
    for revision in ["HEAD~1", "HEAD"] {
        publish(&deployment, &honest.source, revision);
    }
    let allowed = reports("2026-02-03", 0..200);
    let one = allowed.iter().find(|report| report.contains("\"verb:run\"")).expect("one");
    let foreign = one.replacen("\"verb:run\"", "\"verb:spy\"", 1);
    upload(&deployment, &[&allowed[..20], &[foreign]].concat());
    let server = deployment.serve();
    let folder = TempDir::new().expect("a folder");
    let found = audit(honest, &deployment, &server.url, &folder.path().join("state"));
    let message = settled(&found.expect("noticed"));
    Row {
        attack: "data with a row that no config allows",
        how: "The public data holds a counter that was never in a config.",
        seen: vec![Seen { eye: Eye::Audit, when: When::AtOnce, message }],
    }
}
