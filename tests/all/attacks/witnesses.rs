//! Attacks on witnesses, on their signatures, and on clients that rely on them for freshness.

use crate::attacks::eyes::{refusal, wrong};
use crate::attacks::table::{Eye, Row, Seen, When, settled};
use crate::support::fake_witness::Served;
use crate::support::http::Meddler;
use crate::support::other_log::OtherLog;
use crate::support::witnessing::{WitnessFolder, cosign_published, submit};
use crate::support::{Charts, Client, Deployment, Go, MODULE, Server, candor, run, text};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use candor::client::Wanted;
use candor::tlog::CosignerKind;
use std::time::{SystemTime, UNIX_EPOCH};
use tempfile::TempDir;

pub fn play() -> Vec<Row> {
    let world = Witnessed::new(now());
    let honest = |_: &str, body: Vec<u8>| body;
    for seen in world.seen(When::AtOnce, honest) {
        assert_eq!(seen.when, When::Never, "an honest log: {}", seen.message);
    }
    vec![frozen(), forged(&world), missing(&world), replayed(&world), fork_to_sign(), race()]
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs()
}

/// A deployment with two versions, each of which its one witness has cosigned.
struct Witnessed {
    charts: Charts,
    deployment: Deployment,
    /// Not asked again, but there.
    _witness: Served,
    server: Server,
    /// What it signed when there was one version.
    first: String,
}

impl Witnessed {
    /// The witness's clock shows this time.
    fn new(time: u64) -> Witnessed {
        let (charts, deployment) = (Charts::new(), Deployment::new());
        let witness = Served::new("witness.example", CosignerKind::Ed25519);
        let path = deployment.path().join("candor.toml");
        let own = std::fs::read_to_string(&path).expect("the settings");
        let settings = format!("quorum = \"all\"\n{own}{}", witness.table("one"));
        std::fs::write(&path, settings).expect("written");
        deployment.publish(&charts);
        let first = deployment.serve();
        let note = text(&first.get("/log/checkpoint").1);
        first.stop();
        charts.add_chart("second");
        deployment.publish(&charts);
        witness.witness.at(time);
        cosign_published(deployment.path(), &[&witness.witness], time);
        let server = deployment.serve();
        Witnessed { charts, deployment, _witness: witness, server, first: cosignature(&note) }
    }

    fn policy(&self) -> String {
        text(&self.server.get("/log/policy").1)
    }

    /// The reports of those who require witnesses, when someone changes the server's answers; and of the
    /// go command, which does not.
    fn seen(
        &self,
        when: When,
        change: impl Fn(&str, Vec<u8>) -> Vec<u8> + Send + Sync + 'static,
    ) -> Vec<Seen> {
        let shown = Meddler::new(&self.server.url, change);
        let url = shown.url.as_str();
        let folder = TempDir::new().expect("a folder");
        let policy = folder.path().join("policy");
        std::fs::write(&policy, self.policy()).expect("written");
        let seen = |eye, found: Option<String>| {
            let when = if found.is_some() { when } else { When::Never };
            Seen { eye, when, message: settled(&found.unwrap_or_default()) }
        };

        let client = Client::new(&self.deployment, url).believing(&self.policy());
        let client = client.fetch(Wanted::Latest).err().map(|error| error.to_string());

        let (printed, stderr) = Go::new(&self.deployment, url).download(MODULE, "latest");
        let go = printed["Sum"].is_null().then(|| format!("{}{stderr}", printed["Error"]));

        let mut audit = candor();
        audit.args(["--json", "audit", url, "--policy"]).arg(&policy);
        audit.arg("--charts").arg(self.charts.path());
        let audit = wrong(&run(audit.arg("--state").arg(folder.path().join("state"))).stdout);

        let download = |name: &str| {
            let url = format!("{url}/goproxy/{MODULE}/@v/{name}");
            let mut answer = ureq::get(&url).call().expect("an answer");
            let bytes = answer.body_mut().read_to_vec().expect("a body");
            std::fs::write(folder.path().join(name), bytes).expect("written");
            folder.path().join(name)
        };
        let mut verify = candor();
        verify.arg("verify").arg(download("v0.2.0.tlog-proof")).arg("--policy").arg(&policy);
        let verify = run(verify.arg("--zip").arg(download("v0.2.0.zip")));
        let verify = (!verify.status.success()).then(|| text(&verify.stderr));

        vec![
            seen(Eye::Client, client),
            seen(Eye::Go, go),
            seen(Eye::Audit, audit),
            seen(Eye::Verify, verify),
        ]
    }

    /// The same where the witness's line is replaced in whatever is signed.
    fn with_line(&self, line: String) -> Vec<Seen> {
        self.seen(When::AtOnce, move |path, body| {
            if path != "/log/checkpoint" && !path.ends_with(".tlog-proof") {
                return body;
            }
            let note = text(&body);
            note.replace(&cosignature(&note), &line).into_bytes()
        })
    }
}

/// The witness's line of a note.
fn cosignature(note: &str) -> String {
    let line = note.lines().find(|line| line.starts_with("— witness.example "));
    format!("{}\n", line.expect("a cosignature"))
}

fn frozen() -> Row {
    // The witness's clock says when it was asked last: more than a week before ours.
    let world = Witnessed::new(now() - 8 * 24 * 3600);
    Row {
        attack: "a frozen log",
        how: "A server keeps showing an old state of the log, though newer versions were \
              published. Nothing in it is wrong except its age, which the witnesses' signatures \
              show. Without witnesses nobody who sees only this server can know.",
        seen: world.seen(When::Limit, |_, body| body),
    }
}

fn forged(world: &Witnessed) -> Row {
    let (_, note) = world.server.get("/log/checkpoint");
    let line = cosignature(&text(&note));
    let (before, signature) = line.trim_end().rsplit_once(' ').expect("a signature");
    let mut bytes = STANDARD.decode(signature).expect("base64");
    *bytes.last_mut().expect("a byte") ^= 1;
    Row {
        attack: "a forged cosignature",
        how: "A server shows a witness's signature that the witness did not make.",
        seen: world.with_line(format!("{before} {}\n", STANDARD.encode(bytes))),
    }
}

fn missing(world: &Witnessed) -> Row {
    Row {
        attack: "a missing cosignature",
        how: "A server shows a checkpoint that no witness has signed.",
        seen: world.with_line(String::new()),
    }
}

fn replayed(world: &Witnessed) -> Row {
    Row {
        attack: "a replayed cosignature",
        how: "A server shows a new checkpoint with a witness's signature of an older one.",
        seen: world.with_line(world.first.clone()),
    }
}

const LOG: &str = "log.example.com/one";

fn fork_to_sign() -> Row {
    let log = OtherLog::new(LOG, 1, 20);
    let witness = WitnessFolder::of_logs(&[&log]);
    let server = witness.serve();
    assert_eq!(submit(&server.url, log.submission(0, 10)).status, 200);
    let fork = log.fork(1, 5);
    let answer = submit(&server.url, fork.submission(10, 20));
    let message = settled(&refusal(&answer).expect("refused"));
    assert_eq!(submit(&server.url, log.submission(10, 20)).status, 200, "the honest one goes on");
    Row {
        attack: "a witness that is asked to sign a fork",
        how: "The log's owner submits another history to a witness that has already signed one.",
        seen: vec![Seen { eye: Eye::Witness, when: When::AtOnce, message }],
    }
}

fn race() -> Row {
    let log = OtherLog::new(LOG, 1, 10);
    let fork = log.fork(1, 0);
    let witness = WitnessFolder::of_logs(&[&log]);
    let server = witness.serve();
    let mut refusals = std::collections::BTreeSet::new();
    let mut signed = std::collections::BTreeSet::new();
    std::thread::scope(|scope| {
        let submissions = (0..40).map(|number| {
            let history = if number % 2 == 0 { &log } else { &fork };
            let url = &server.url;
            scope.spawn(move || (number % 2, submit(url, history.submission(0, 10))))
        });
        for thread in submissions.collect::<Vec<_>>() {
            let (history, answer) = thread.join().expect("an answer");
            match refusal(&answer) {
                None => drop(signed.insert(history)),
                Some(refusal) => drop(refusals.insert(settled(&refusal))),
            }
        }
    });
    assert_eq!(signed.len(), 1, "one history is signed");
    let message = refusals.into_iter().collect::<Vec<_>>().join("; ");
    Row {
        attack: "a witness that is asked to sign two histories at once",
        how: "The log's owner submits two histories to a witness in forty requests at the same \
              time. It signs one of them, and answers the other requests with the size that it \
              has signed.",
        seen: vec![Seen { eye: Eye::Witness, when: When::AtOnce, message }],
    }
}
