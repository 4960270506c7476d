//! Until when reports under a config are accepted, and whose functions their stacks may name.

use super::configs::ConfigSet;
use super::refusal::Timed;
use super::testing::{Log, config, report};
use super::{Answer, ConfigSetError, Limits, Receiver, Refusal, Stored, Unavailable};
use crate::client::report::{FetchFailure, KnownConfig, OLDEST, choose_config};
use crate::collection::CollectionConfig;
use crate::gomod::ModuleVersion;
use jiff::civil::Date;
use jiff::{Timestamp, ToSpan};
use std::convert::Infallible;
use tempfile::TempDir;

fn version(number: u64) -> ModuleVersion {
    ModuleVersion::new(number).expect("a version")
}

fn day(text: &str) -> Date {
    text.parse().expect("a day")
}

/// Sends the report of a week under a config.
async fn send(receiver: &Receiver, week: Date, config: u64) -> Answer {
    let body = report(0.2)
        .replace("2026-02-08", &week.to_string())
        .replace("2026-02-01", "")
        .replace("v0.1.0", &version(config).to_string());
    let permit = receiver.queue_permit().expect("room");
    receiver.accept(permit, &week.to_string(), body.as_bytes()).await
}

/// The answers of a server that is started at this time to reports of this week under these configs.
async fn answers(log: &Log, now: &str, week: &str, configs: &[u64]) -> Vec<Answer> {
    let folder = TempDir::new().expect("a temporary folder");
    let receiver = log.receiver_at(folder.path(), Limits::default(), now);
    let mut answers = Vec::new();
    for config in configs {
        answers.push(send(&receiver, day(week), *config).await);
    }
    answers
}

const TAKEN: Answer = Answer::Stored(Stored::New);

#[tokio::test]
async fn a_config_ends_56_days_after_the_next_one_was_published() {
    let log = Log::new();
    log.append_on("2026-02-04", &config(1.0));
    log.append_on("2026-02-05", &config(0.9));
    log.append_on("2026-03-30", &config(0.8));
    let (week, all) = ("2026-03-29", [1, 2, 3]);
    let last = answers(&log, "2026-04-02T23:59:59Z", week, &all).await;
    assert_eq!(last, [TAKEN, TAKEN, TAKEN]);
    let closed = Refusal::Closed { version: version(1), last_day: day("2026-04-02") };
    let said = "reports under config v0.1.0 were accepted until 2026-04-02, 56 days after a newer one was \
                published";
    assert_eq!(closed.to_string(), said);
    let next = answers(&log, "2026-04-03T00:00:00Z", week, &all).await;
    assert_eq!(next, [Answer::Refused(closed), TAKEN, TAKEN]);
    // Without a newer commit, this could be a clock that is months ahead.
    let later = answers(&log, "2026-05-26T00:00:00Z", "2026-05-24", &all).await;
    for (number, answer) in (1..3).zip(&later) {
        match answer {
            Answer::Unavailable(Unavailable::Clock { of, .. }) => {
                assert_eq!(*of, Timed::Config(version(number)));
            }
            other => panic!("{number}: {other:?}"),
        }
    }
    assert_eq!(later[2], TAKEN, "the newest is open however old it is");
}

#[tokio::test]
async fn a_config_stays_open_while_the_next_one_is_damaged() {
    let log = Log::new();
    log.append_on("2026-02-04", &config(1.0));
    let before = log.store.snapshot();
    log.append_on("2026-02-05", &config(0.9));
    let mut damaged = log.store.snapshot();
    let zip = damaged
        .objects
        .keys()
        .find(|key| key.as_str().ends_with(".zip") && !before.objects.contains_key(*key));
    let zip = zip.expect("the new zip").clone();
    let whole = damaged.objects.insert(zip.clone(), vec![0]).expect("the zip");
    log.store.restore(&damaged);
    let later = "2026-04-20T00:00:00Z";
    assert_eq!(answers(&log, later, "2026-04-19", &[1]).await, [TAKEN]);
    // A later config closes it, and so does the damaged one once it is restored.
    log.append_on("2026-04-10", &config(0.8));
    assert_eq!(answers(&log, later, "2026-04-19", &[1]).await, [TAKEN]);
    let mut mended = log.store.snapshot();
    mended.objects.insert(zip, whole);
    let configs = log.configs();
    log.store.restore(&mended);
    assert!(configs.find(version(2)).await.expect("mended").is_some());
    let first = configs.find(version(1)).await.expect("read").expect("logged");
    assert_eq!(first.check_open(day("2026-04-02")), Ok(()));
    assert!(first.check_open(day("2026-04-03")).is_err());
}

#[tokio::test]
async fn a_running_server_refuses_revoked_configs() {
    let log = Log::new();
    log.append(&config(1.0));
    log.append(&config(0.9));
    let folder = TempDir::new().expect("a temporary folder");
    let receiver = log.receiver(folder.path(), Limits::default());
    let week = day("2026-02-08");
    assert_eq!(send(&receiver, week, 1).await, TAKEN);
    let revoked = |number| Answer::Refused(Refusal::Revoked { version: version(number) });
    // The newest, too: nobody's reports are accepted until there is another.
    log.record(version(2), "2026-02-05", &config(0.9), &[], &["v0.1.0", "v0.2.0", "v0.7.0"]);
    receiver.configs().let_time_pass();
    assert_eq!(send(&receiver, week, 1).await, revoked(1));
    assert_eq!(send(&receiver, week, 2).await, revoked(2));
    let said = "config v0.2.0 was revoked, and reports under it are no longer accepted";
    assert_eq!(Refusal::Revoked { version: version(2) }.to_string(), said);
    let next = log.append_alone("2026-02-06", &config(0.8));
    log.record(next, "2026-02-06", &config(0.8), &[], &["v0.2.0"]);
    assert_eq!(send(&receiver, week, 3).await, TAKEN);
    assert_eq!(send(&receiver, week, 2).await, revoked(2));
    assert_eq!(
        send(&receiver, week, 1).await,
        Answer::Stored(Stored::Duplicate),
        "it is not revoked any more"
    );
}

#[tokio::test]
async fn a_store_that_fails_closes_no_config() {
    let log = Log::new();
    log.append(&config(1.0));
    let folder = TempDir::new().expect("a temporary folder");
    let receiver = log.receiver(folder.path(), Limits::default());
    log.store.inject(crate::store::Fault::PowerCutBefore(0));
    receiver.configs().let_time_pass();
    assert_eq!(send(&receiver, day("2026-02-08"), 1).await, TAKEN);
}

/// What is kept of a stack under a config.
async fn named(configs: &ConfigSet, number: u64, frames: &str) -> Result<String, Unavailable> {
    let config = configs.find(version(number)).await.expect("read").expect("logged");
    config.name_packages("example.org/p", "crash", frames.to_owned())
}

const FRAMES: &str = "main.f:+1\nvisit-evil.example/free-pills::now\nexample.org/q.G:+3";

#[tokio::test]
async fn functions_are_kept_as_the_definitions_of_each_version_say() {
    let log = Log::new();
    log.append(&config(1.0));
    let second = log.append_alone("2026-02-05", &config(0.9));
    log.record(second, "2026-02-05", &config(0.9), &["example.org/p"], &[]);
    // It has no definitions of its own, so the earlier ones apply.
    log.append_alone("2026-02-06", &config(0.8));
    let configs = log.configs();
    let other = "main.f:+1\n(other packages)";
    for (number, kept) in [(1, FRAMES), (2, other), (3, other)] {
        assert_eq!(named(&configs, number, FRAMES).await.as_deref(), Ok(kept), "{number}");
    }
    // A change of the packages alone makes no new version, and applies.
    log.record(version(3), "2026-02-07", &config(0.8), &["example.org"], &[]);
    configs.let_time_pass();
    let both = "main.f:+1\n(other packages)\nexample.org/q.G:+3";
    for (number, kept) in [(1, FRAMES), (2, other), (3, both)] {
        assert_eq!(named(&configs, number, FRAMES).await.as_deref(), Ok(kept), "{number}");
    }
    let found = configs.find(version(2)).await.expect("read").expect("logged");
    let body = report(0.2)
        .replace("v0.1.0", "v0.2.0")
        .replace("\\nruntime.main:=283", "\\nevil.f\\nevil.g");
    let body = super::Report::decode(body.as_bytes()).expect("a report");
    let checked =
        super::check(&body, "2026-02-08".parse().expect("a day"), &found, super::testing::now())
            .expect("taken");
    let stored = String::from_utf8(checked.row().to_vec()).expect("text");
    assert!(stored.contains(r#""crash\nmain.main:+12,+0x34\n(other packages)":1"#), "{stored}");
}

#[tokio::test]
async fn a_stack_without_a_known_definition_gets_503() {
    let log = Log::new();
    log.append(&config(1.0));
    let json = config(0.9).to_json().replace("\"crash\"", "\"panic\"");
    let renamed = CollectionConfig::from_json(json.as_bytes()).expect("a config");
    let next = log.append_alone("2026-02-05", &renamed);
    let configs = log.configs();
    let found = |configs: ConfigSet| async move {
        let config = configs.find(next).await.expect("read").expect("logged");
        config.name_packages("example.org/p", "panic", FRAMES.to_owned())
    };
    assert_eq!(found(configs).await, Err(Unavailable::Unreadable { version: next }));
    log.record(next, "2026-02-05", &renamed, &["main"], &[]);
    assert_eq!(found(log.configs()).await.as_deref(), Ok("main.f:+1\n(other packages)"));
}

#[tokio::test]
async fn damaged_definitions_are_never_treated_as_missing() {
    let log = Log::new();
    log.append(&config(1.0));
    let whole = log.store.snapshot();
    let of_first = whole.objects.keys().find(|key| key.as_str().starts_with("catalogue/"));
    let of_first = of_first.expect("a catalogue").clone();
    let second = log.append_alone("2026-02-05", &config(0.9));
    log.record(second, "2026-02-05", &config(0.9), &["example.org/p"], &[]);
    let mut damaged = log.store.snapshot();
    damaged.objects.insert(of_first, b"{}".to_vec());
    log.store.restore(&damaged);
    let configs = log.configs();
    assert_eq!(
        named(&configs, 1, FRAMES).await,
        Err(Unavailable::Unreadable { version: version(1) })
    );
    assert!(named(&configs, 2, FRAMES).await.is_ok());
    // Without the newest catalogue it is unknown what is revoked.
    damaged.objects.retain(|key, _| !key.as_str().starts_with("catalogue/"));
    log.store.restore(&damaged);
    assert!(matches!(log.try_configs(), Err(ConfigSetError::Definitions(_))));
    damaged.pointers.retain(|key, _| !key.as_str().starts_with("catalogue/"));
    log.store.restore(&damaged);
    assert!(matches!(log.try_configs(), Err(ConfigSetError::Definitions(_))));
}

/// Whether our client makes reports on a day by a config that it fetched on another, while it reaches
/// nobody.
fn makes_reports(fetched: Date, today: Date) -> bool {
    let day = |date: Date| date.to_string().parse().expect("a day");
    let known = KnownConfig::unverified(version(1), day(fetched), config(1.0));
    let failure = FetchFailure { day: day(today), reason: "no network".to_owned(), check: false };
    let chosen = choose_config(Some(known), day(today), |_| Ok::<_, Infallible>(Err(failure)));
    chosen.is_ok_and(|chosen| chosen.is_ok())
}

#[tokio::test]
async fn no_report_that_a_client_makes_and_sends_in_time_comes_too_late() {
    let log = Log::new();
    let superseded = day("2026-02-05");
    log.append_on("2026-02-04", &config(1.0));
    log.append_on("2026-02-05", &config(0.9));
    // So that the clock is trusted on all those days.
    log.append_on("2026-03-20", &config(0.8));
    let first = log.configs().find(version(1)).await.expect("read").expect("logged");
    let plus = |date: Date, days: i64| date.checked_add(days.days()).expect("a day");
    let mut latest = superseded;
    // Fetched on the day on which the next one was published, or before.
    for fetched in (-30..=0).map(|days| plus(superseded, days)) {
        for made in (0..=60).map(|days| plus(fetched, days)) {
            // Go's client fetches the newest config when it makes reports, so it makes none under this
            // one later.
            if made > superseded && !makes_reports(fetched, made) {
                continue;
            }
            // The week has ended when the report is made; both clients send it for this long.
            for sent in (0..=OLDEST).map(|days| plus(made, days)) {
                assert_eq!(first.check_open(sent), Ok(()), "{fetched} {made} {sent}");
                latest = latest.max(sent);
            }
        }
    }
    // Other clients may send it later, since servers accept a week for longer.
    let most = plus(superseded, 28 + i64::from(super::MAX_WEEK_AGE));
    assert!(latest > plus(superseded, 40) && latest <= most, "{latest}");
    assert_eq!(first.check_open(most), Ok(()));
    assert!(first.check_open(plus(most, 1)).is_err());
    let now: Timestamp = format!("{latest}T12:00:00Z").parse().expect("a time");
    let week = plus(latest, -OLDEST).to_string();
    assert_eq!(answers(&log, &now.to_string(), &week, &[1]).await, [TAKEN]);
}
