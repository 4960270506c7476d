//! By which config a week is sampled, and when its X is drawn.
//!
//! A report is sent, and a counter is in it, if X is at most the rate that a config says, and the
//! server takes each report for as many as 1/rate. That is right only if the probability of being
//! sent *is* that rate: X must be drawn without regard to the config, and the config chosen without
//! regard to X. So, in this order:
//!
//! 1. A config is chosen, by its age and by what the network says today ([`choose_config`]).
//! 2. X is drawn, and kept with the config's version ([`LocalReport::draw`]).
//! 3. The week is seen through that config, its rates, its names and its version
//!    ([`filter`](super::filter())).
//!
//! Nothing is ever done again: a week that has an X keeps it, and is seen through the config that
//! the X was drawn under, whatever has become known since. A newer config is for the next week.
//!
//! # Which config
//!
//! | the config known | |
//! | --- | --- |
//! | none, or one of which a check failed | is fetched; until that succeeds, no X is drawn |
//! | fetched today | serves as it is |
//! | fetched within 28 days | is renewed; if that cannot be, for want of a network or of a server, it serves as it is |
//! | fetched earlier | is renewed; until that succeeds, no X is drawn |
//!
//! Why it is renewed for each week, though at a low rate nearly all weeks are not sent: whether a week
//! will be sent is not known before X is drawn, and to fetch only where it will be is what bends the
//! sample. With a rate that goes from 0.02 to 0.2, those who know of it at once (the newly
//! installed) had ten times the chance, and stood for three times as many as they are. And machines
//! that renew more seldom leave the first weeks of a new chart to the newly installed, and go on to
//! send what a project has stopped asking for.
//!
//! What it costs: a machine with a week to report (all its programs' weeks end on one day) asks once
//! for a checkpoint of some 200 bytes, which any cache can answer, and for more only if the log has
//! grown
//! ([`ConfigClient::fetch_newer_than`](crate::client::ConfigClient::fetch_newer_than)). (Go's client
//! asks for the newest version every day.) It tells the proxy that somebody at this address reports,
//! and nothing else. Where a config's sample rate is 0 no week is sent whatever X is, so that one is
//! asked about after 28 days only. When such a project begins to collect again, its first four weeks
//! are of those installations that have heard of it.
//!
//! What it does not cure: under a counter that is added, nobody has reported who reported before. In
//! the week in which it is added, and those before it, it is known of those alone who are late.
//!
//! Why 28 days: a server takes reports by a config that was its newest within 56 days, and a report
//! may wait for 21 ([`OLDEST`]) until it is sent.

use super::json::{Draw, LocalReport};
use super::known_config::{FetchFailure, KnownConfig};
use super::rules::OLDEST;
use super::x::X;
use crate::client::day::Day;
use std::borrow::Borrow;

/// A config that was fetched so many days ago is renewed, if that can be.
const RENEWED_AFTER: i64 = 1;
/// A config that was fetched so many days ago samples no week.
const USELESS_AFTER: i64 = 28;
/// For how many days after it was the newest a server takes reports by a config.
const TAKEN_FOR: i64 = 56;
const _: () = assert!(USELESS_AFTER + OLDEST < TAKEN_FOR);

/// Whether a config is asked for anew before a week is sampled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Renewal {
    Unneeded,
    /// Without it, the known one serves.
    Wanted,
    /// Without it, no week is sampled.
    Required,
}

fn renewal(known: &KnownConfig, today: Day) -> Renewal {
    let age = today.since(known.fetched);
    let samples_nothing = known.config.sample_rate.get() <= 0.0;
    match age {
        // The clock was set back: nobody knows how old it is.
        ..0 => Renewal::Required,
        0..RENEWED_AFTER => Renewal::Unneeded,
        RENEWED_AFTER..USELESS_AFTER if samples_nothing => Renewal::Unneeded,
        RENEWED_AFTER..USELESS_AFTER => Renewal::Wanted,
        USELESS_AFTER.. => Renewal::Required,
    }
}

/// Chooses the config by which weeks are sampled today that have no X yet.
///
/// `known` is what was fetched last, if no check has failed since. `renew` asks for the newest; it
/// is called at most once. No X goes in: there is none yet.
///
/// # Errors
///
/// None can be had today. The outer error is whatever else `renew` fails with.
pub fn choose_config<K: Borrow<KnownConfig>, E>(
    known: Option<K>,
    today: Day,
    renew: impl FnOnce(Option<&K>) -> Result<Result<K, FetchFailure>, E>,
) -> Result<Result<K, FetchFailure>, E> {
    let Some(known) = known else { return renew(None) };
    match renewal(known.borrow(), today) {
        Renewal::Unneeded => Ok(Ok(known)),
        Renewal::Required => renew(Some(&known)),
        Renewal::Wanted => match renew(Some(&known))? {
            Err(failure) if !failure.check => Ok(Ok(known)),
            renewed => Ok(renewed),
        },
    }
}

impl LocalReport {
    /// Draws the week's X, unless it has one: there is one for each week. It goes by this config
    /// from now on.
    ///
    /// # Errors
    ///
    /// What `draw` fails with.
    pub fn draw<E>(
        &mut self,
        known: &KnownConfig,
        draw: impl FnOnce() -> Result<X, E>,
    ) -> Result<Draw, E> {
        match self.draw {
            Some(drawn) => Ok(drawn),
            None => Ok(*self.draw.insert(Draw { config: known.version, x: draw()? })),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collection::CollectionConfig;
    use crate::gomod::ModuleVersion;

    fn known(version: u64, fetched: &str, rate: f64) -> KnownConfig {
        let json = format!(
            r#"{{"GOOS":[],"GOARCH":[],"GoVersion":[],"SampleRate":{rate},"Programs":[]}}"#
        );
        let config = CollectionConfig::from_json(json.as_bytes()).expect("a config");
        let version = ModuleVersion::new(version).expect("a version");
        KnownConfig::of_nobody(version, fetched.parse().expect("a day"), config)
    }

    #[test]
    fn the_age_of_the_known_config_and_the_network_choose_the_config() {
        let (old, new) = (1, 2);
        for (today, rate, found, asked, chosen) in [
            // Without asking.
            ("2026-11-01", 0.1, Some(true), false, Some(old)),
            // Asked, and answered or not.
            ("2026-11-02", 0.1, Some(true), true, Some(new)),
            ("2026-11-02", 0.1, None, true, Some(old)),
            ("2026-11-08", 0.1, Some(true), true, Some(new)),
            ("2026-11-28", 0.1, None, true, Some(old)),
            ("2026-11-29", 0.1, None, true, None),
            ("2026-11-29", 0.1, Some(true), true, Some(new)),
            // An answer that is not what the log vouches for.
            ("2026-11-08", 0.1, Some(false), true, None),
            // The clock was set back.
            ("2026-10-31", 0.1, None, true, None),
            ("2026-10-31", 0.1, Some(true), true, Some(new)),
            // It asks for nothing.
            ("2026-11-28", 0.0, Some(true), false, Some(old)),
            ("2026-11-29", 0.0, Some(true), true, Some(new)),
        ] {
            let day: Day = today.parse().expect("a day");
            let mut was_asked = false;
            let known_config = known(old, "2026-11-01", rate);
            let config = choose_config(Some(known_config.clone()), day, |known| {
                was_asked = true;
                assert_eq!(known, Some(&known_config));
                Ok::<_, std::convert::Infallible>(match found {
                    Some(true) => Ok(self::known(new, today, 0.2)),
                    _ => Err(FetchFailure {
                        day,
                        reason: String::new(),
                        check: found == Some(false),
                    }),
                })
            });
            let Ok(config) = config;
            let version = config.ok().map(|config| config.version.leaf_index() + 1);
            assert_eq!((was_asked, version), (asked, chosen), "{today} {rate} {found:?}");
        }
        let fetched: Result<_, std::convert::Infallible> =
            choose_config(None, "2026-11-01".parse().expect("a day"), |known| {
                assert_eq!(known, None::<&KnownConfig>);
                Ok(Ok(self::known(new, "2026-11-01", 0.2)))
            });
        assert!(matches!(fetched, Ok(Ok(_))));
    }

    #[test]
    fn a_week_keeps_its_x_and_the_config_that_was_known_before() {
        let mut local = LocalReport {
            week: "2026-11-08".parse().expect("a day"),
            last_week: None,
            programs: Vec::new(),
            draw: None,
        };
        let failed = local.draw(&known(1, "2026-11-08", 0.1), || Err::<X, _>("no randomness"));
        assert_eq!((failed, local.draw), (Err("no randomness"), None));
        for (version, bits) in [(1, 5 << 60), (2, 1 << 60), (3, 0)] {
            let known = known(version, "2026-11-08", 0.1);
            let drawn = local.draw(&known, || Ok::<_, ()>(X::from_bits(bits)));
            let first = Draw {
                config: self::known(1, "2026-11-08", 0.1).version,
                x: X::from_bits(5 << 60),
            };
            assert_eq!((drawn, local.draw), (Ok(first), Some(first)));
        }
    }
}
