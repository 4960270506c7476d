//! Attacks on the log's history: by its owner, who has its key, or with old signatures by the owner.

use crate::attacks::eyes::{Shown, audit};
use crate::attacks::table::{Eye, Row, Seen, When, settled};
use crate::attacks::world::Honest;
use crate::support::http::Meddler;
use crate::support::{MODULE, candor, run, text};
use candor::gomod::{Module, ModuleVersion};
use candor::tlog::Record;
use tempfile::TempDir;

pub fn play() -> Vec<Row> {
    let honest = Honest::new();
    vec![
        two_histories(&honest),
        removed_entry(&honest),
        reused_version(&honest),
        other_origin(&honest),
        // These two let the honest log grow.
        rolled_back(&honest),
        stale_tiles(&honest),
    ]
}

fn two_histories(honest: &Honest) -> Row {
    let (evil, modules) = honest.evil();
    // The same versions in the other order: nothing is wrong with it except that it is another history.
    evil.publish(1, modules[1].config(), modules[1].provenance());
    evil.publish(2, modules[0].config(), modules[0].provenance());
    let served = evil.serve();
    let shown = Shown { honest, before: honest.url(), after: &served.url };
    // What the auditor left is shown to someone who was not there.
    let folder = TempDir::new().expect("a folder");
    let state = folder.path().join("state");
    audit(honest, &honest.deployment, honest.url(), &state);
    audit(honest, &honest.deployment, &served.url, &state);
    let mut command = candor();
    command.arg("verify").arg(state.with_extension("evidence"));
    let confirmed = run(command.args(["--vkey", &honest.deployment.log_key]));
    assert!(confirmed.status.success(), "{}", text(&confirmed.stderr));
    let message = settled(text(&confirmed.stdout).lines().next().expect("a line"));
    let mut seen = shown.all();
    seen.push(Seen { eye: Eye::Verify, when: When::AtOnce, message });
    Row {
        attack: "two histories to two clients",
        how: "The log's owner signs a second history with the real key, and shows different \
              clients different histories. Those who saw one refuse the other, and the auditor \
              leaves a file of evidence, which `candor verify` confirms on any machine.",
        seen,
    }
}

/// A cheating server, which answers the `go` command as if all were well: our own refuses to serve a log
/// whose entries are not the records of their versions.
fn for_go(url: &str, index: u64, record: &Record, module: &Module) -> Meddler {
    let (latest, record, version) =
        (ureq_get(&format!("{url}/latest")), record.to_string(), module.version());
    let info = format!("{{\"Version\":\"{version}\",\"Time\":\"2026-02-03T04:05:06Z\"}}");
    let go_mod = format!("module {MODULE}\n\ngo 1.16\n");
    let go_mod = module_file(module, "go.mod").unwrap_or(go_mod.into_bytes());
    let zip = module.zip().to_vec();
    Meddler::new(url, move |path, body| {
        let file = path.rsplit('/').next().unwrap_or_default();
        match file {
            "@latest" => info.clone().into_bytes(),
            "list" => format!("{version}\n").into_bytes(),
            _ if file == format!("{version}.info") => info.clone().into_bytes(),
            _ if file == format!("{version}.mod") => go_mod.clone(),
            _ if file == format!("{version}.zip") => zip.clone(),
            _ if path.contains("/lookup/") => {
                format!("{index}\n{record}\n{}", text(&latest)).into_bytes()
            }
            _ => body,
        }
    })
}

fn ureq_get(url: &str) -> Vec<u8> {
    ureq::get(url).call().expect("an answer").body_mut().read_to_vec().expect("a body")
}

/// A file of a module's zip.
fn module_file(module: &Module, name: &str) -> Option<Vec<u8>> {
    let mut zip = zip::ZipArchive::new(std::io::Cursor::new(module.zip())).ok()?;
    let name = format!("{}@{}/{name}", module.path(), module.version());
    let mut file = zip.by_name(&name).ok()?;
    let mut bytes = Vec::new();
    std::io::Read::read_to_end(&mut file, &mut bytes).ok()?;
    Some(bytes)
}

fn removed_entry(honest: &Honest) -> Row {
    let (evil, modules) = honest.evil();
    let record = evil.publish(2, modules[1].config(), modules[1].provenance());
    let served = evil.serve();
    let lying = for_go(&served.url, 0, &record, &modules[1]);
    let shown = Shown { honest, before: honest.url(), after: &lying.url };
    Row {
        attack: "a removed entry",
        how: "The log's owner signs a log without the first version.",
        seen: shown.all(),
    }
}

fn reused_version(honest: &Honest) -> Row {
    let (evil, modules) = honest.evil();
    evil.publish(1, modules[0].config(), modules[0].provenance());
    let first = ModuleVersion::new(1).expect("a version");
    let path = modules[1].path().clone();
    let config = modules[1].config().to_vec();
    let again = Module::build(path, first, config, modules[1].provenance().clone());
    let again = again.expect("a module");
    let (zip, go_mod) = (again.zip_hash(), again.go_mod_hash());
    let record = Record::new(MODULE, "v0.1.0", zip, go_mod).expect("a record");
    evil.log(&record);
    let served = evil.serve();
    let lying = for_go(&served.url, 1, &record, &again);
    let shown = Shown { honest, before: honest.url(), after: &lying.url };
    Row {
        attack: "a reused version number",
        how: "The log's owner logs a second config as v0.1.0.",
        seen: shown.all(),
    }
}

fn other_origin(honest: &Honest) -> Row {
    let (_, sumdb) = honest.server.get("/latest");
    let (_, log) = honest.server.get("/log/checkpoint");
    let swapped = Meddler::new(honest.url(), move |path, body| match path {
        "/log/checkpoint" => sumdb.clone(),
        path if path.ends_with("/latest") && !path.ends_with("/@latest") => log.clone(),
        path if path.contains("/lookup/") => {
            let record = text(&body);
            let record = record.split_once("\n\n").expect("a record").0.to_owned();
            [record.as_bytes(), b"\n\n", &log[..]].concat()
        }
        _ => body,
    });
    let shown = Shown { honest, before: honest.url(), after: &swapped.url };
    Row {
        attack: "a checkpoint with another origin",
        how: "Instead of its checkpoint a server shows another log's, signed with the same \
              secret: the log's two checkpoints are swapped.",
        seen: shown.all(),
    }
}

fn stale_tiles(honest: &Honest) -> Row {
    // Instead of the tile of three entries it has the one from when there was one entry.
    let stale = Meddler::new(honest.url(), |path, body| match path {
        path if path.ends_with("/0/000.p/3") => body[..32].to_vec(),
        // A mirror has what the specification names.
        "/log/newest" => Vec::new(),
        _ => body,
    });
    let shown = Shown { honest, before: honest.url(), after: &stale.url };
    Row {
        attack: "a mirror that serves stale tiles",
        how: "A mirror shows the new checkpoint, but old hash tiles.",
        seen: shown.readers(),
    }
}

fn rolled_back(honest: &Honest) -> Row {
    let (evil, modules) = honest.evil();
    for (number, module) in (1..).zip(&modules) {
        evil.publish(number, module.config(), module.provenance());
    }
    let served = evil.serve();
    honest.grow("third", 3);
    let shown = Shown { honest, before: honest.url(), after: &served.url };
    Row {
        attack: "a rolled-back log",
        how: "The server shows the log from before the newest version.",
        seen: shown.all(),
    }
}
