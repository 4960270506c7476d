//! Honest readers: of pages, of the log, of the module and of the public data.

use crate::clients::{Clients, Who};
use crate::plan::READS_PER_SECOND;
use crate::support::MODULE;
use crate::wire;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{MissedTickBehavior, interval};

/// What is read, in turn.
pub fn paths() -> Vec<String> {
    vec![
        "/".to_owned(),
        "/log/checkpoint".to_owned(),
        format!("/goproxy/{MODULE}/@latest"),
        "/charts/example.org/hello/".to_owned(),
        format!("/goproxy/{MODULE}/@v/v0.1.0.zip"),
        "/privacy".to_owned(),
        "/data/index.json".to_owned(),
        "/config/".to_owned(),
    ]
}

/// Reads at a steady rate for ever, however long answers take.
pub async fn read(clients: Arc<Clients>) {
    let mut ticks = interval(Duration::from_micros(1_000_000 / READS_PER_SECOND));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    for path in paths().iter().cycle() {
        ticks.tick().await;
        let (clients, request) = (clients.clone(), wire::get(path));
        tokio::spawn(async move {
            // The result is noted.
            let _ = clients.exchange(Who::Reader, &request, 1, Duration::ZERO).await;
        });
    }
}

/// Sees that each path can be read at all.
pub async fn check(clients: &Clients) {
    for path in paths() {
        let answer = clients.exchange(Who::Reader, &wire::get(&path), 1, Duration::ZERO).await;
        let answer = answer.unwrap_or_else(|e| panic!("{path}: {e}"));
        assert_eq!(answer.status, 200, "{path}");
    }
}
