//! What pages promise holds for the deployment as it is configured.

use super::fixture::{Fixture, get};
use crate::tlog::{Cosigner, CosignerKind, KeyName};
use crate::web::{ReceiverSettings, Site, router};

/// Where promises are made.
const PAGES: [&str; 3] = ["/", "/privacy", "/check"];

async fn pages(site: Site) -> Vec<(&'static str, String)> {
    let router = router(site, None);
    let mut pages = Vec::new();
    for path in PAGES {
        pages.push((path, get(&router, path).await.text().to_owned()));
    }
    pages
}

/// A policy with three witnesses, of which `quorum` says how many must have signed.
fn policy(site: &Site, quorum: &str) -> String {
    let mut text = site.keys().policy().replace("quorum none\n", "");
    for number in 0..3 {
        let name = KeyName::new(format!("witness{number}.example.org")).expect("a name");
        let witness = Cosigner::new(name, CosignerKind::Ed25519, &[number; 32]);
        text += &format!("witness w{number} {}\n", witness.verifier_key());
    }
    text + quorum
}

#[tokio::test]
async fn one_log_for_everyone_is_promised_as_far_as_witnesses_make_it_so() {
    let fixture = Fixture::with(1);
    let alone = "No witness has to sign this log";
    let signed = "2 of its 3 witnesses must have signed that the log has only grown";
    for (quorum, says, instead) in [
        ("", alone, signed),
        ("quorum none\n", alone, signed),
        ("group g 2 w0 w1 w2\nquorum g\n", signed, alone),
    ] {
        let site = fixture.site().await;
        if !quorum.is_empty() {
            site.set_policy(policy(&site, quorum).as_bytes());
        }
        for (path, page) in pages(site).await {
            let is_elsewhere = path == "/privacy";
            assert!(page.contains(says) || is_elsewhere, "{path}, {quorum}: {page}");
            assert!(!page.contains(instead), "{path}, {quorum}: {page}");
            assert!(!page.contains("without everyone seeing it"), "{path}");
        }
    }
}

#[tokio::test]
async fn addresses_are_promised_as_far_as_this_server_goes() {
    let fixture = Fixture::with(1);
    let direct = "It is not set up to be behind a proxy.";
    let behind = "It is behind a proxy (<code>127.0.0.1</code>), which sees every address";
    let elsewhere = "This server accepts no reports itself. Whatever stands in front";
    let all = [direct, behind, elsewhere];
    for (receiving, says) in [
        (None, elsewhere),
        (Some(Vec::new()), direct),
        (Some(vec!["127.0.0.1".to_owned()]), behind),
    ] {
        let site = fixture.site().await;
        if let Some(trusted_proxies) = receiving {
            site.set_receiver_settings(ReceiverSettings {
                in_store: false,
                merges: true,
                trusted_proxies,
                budgets: None,
            });
        }
        for (path, page) in pages(site).await {
            for sentence in all {
                assert_eq!(page.contains(sentence), sentence == says, "{path}: {sentence}");
            }
            assert!(page.contains("the operator’s word"), "{path}");
        }
    }
}

#[tokio::test]
async fn no_page_promises_more_than_there_are_commands_for() {
    let site = Fixture::with(1).site().await;
    for (path, page) in pages(site).await {
        for said in
            ["each promise, command by command", "only as many reports as an estimate needs"]
        {
            assert!(!page.contains(said), "{path}: {said}");
        }
        if path == "/" {
            // The newest config asks half of the installations.
            assert!(
                page.contains("At present 50% of the installations that opted in are asked"),
                "{page}"
            );
            assert!(page.contains("href=\"/check#unchecked\""), "{page}");
            assert!(page.contains("until that chart is removed"), "{page}");
        }
    }
}

#[tokio::test]
async fn no_page_promises_that_a_report_cannot_be_recognized() {
    let site = Fixture::with(1).site().await;
    for (path, page) in pages(site).await {
        if path != "/check" {
            assert!(
                page.contains("href=\"/privacy#not-defended\"")
                    || page.contains("id=\"not-defended\""),
                "{path}"
            );
            assert!(page.to_lowercase().contains("combination"), "{path}");
        }
    }
}
