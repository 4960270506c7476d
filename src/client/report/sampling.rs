//! By which config a week is sampled, and when its X is drawn.
//!
//! A report is sent, and a counter is in it, if X is at most the rate in the config, and the server
//! gives each report the weight 1/rate. That is right only if the probability of being sent *is* that
//! rate: X must be drawn independently of the config, and the config chosen independently of X. So, in
//! this order:
//!
//! 1. A config is chosen, by its age and by what can be fetched today ([`choose_config`]).
//! 2. X is drawn, and kept with the config's version ([`LocalReport::draw`]).
//! 3. The week is filtered by that config: its rates, its names and its version
//!    ([`filter`](super::filter())).
//!
//! No step is repeated: a week that has an X keeps it, and is filtered by the config that X was drawn
//! under, whatever has become known since. A newer config is for the next week.
//!
//! # Which config
//!
//! | the known config | |
//! | --- | --- |
//! | none, or a check has failed since | one is fetched; until that succeeds, no X is drawn |
//! | fetched today | is used |
//! | fetched within 28 days | the newest is fetched; without a network or server, the known one is used |
//! | fetched earlier | the newest is fetched; until that succeeds, no X is drawn |
//!
//! Why the newest config is fetched for each week, though at a low rate most weeks are not sent: whether
//! a week will be sent is not known before X is drawn, and fetching only for the weeks that will be
//! biases the sample. When a rate went from 0.02 to 0.2, the machines that knew of it at once (the
//! newly installed) had ten times the chance, and were overrepresented by a factor of three. And if
//! machines fetched less often, the first weeks of a new chart would come from new installations
//! only, and others would keep sending what a project no longer asks for.
//!
//! What it costs: a machine with a week to report (all its programs' weeks end on one day) makes one
//! request for a checkpoint of about 200 bytes, which any cache can answer, and further ones only if
//! the log has grown
//! ([`ConfigClient::fetch_newer_than`](crate::client::ConfigClient::fetch_newer_than)). (Go's client
//! asks for the newest version every day.) It tells the proxy only that somebody at this address
//! reports. With a sample rate of 0 no week is sent whatever X is, so such a config is renewed only
//! after 28 days. When such a project starts collecting again, the first four weeks come from those
//! installations that know it already.
//!
//! What it does not cure: for a new counter, nobody who has already reported a week reports it again.
//! For the week in which it is added, and those before, it is known only from machines that report
//! late.
//!
//! Why 28 days: a server accepts reports under a config that was its newest within the last 56 days,
//! and a report may wait 21 days ([`OLDEST`]) until it is sent.

use super::json::{Draw, LocalReport};
use super::known_config::{FetchFailure, KnownConfig};
use super::rules::OLDEST;
use crate::collection::X;
use crate::day::Day;
use std::borrow::Borrow;

/// A config that was fetched this many days ago is renewed if possible.
const RENEWED_AFTER: i64 = 1;
/// A config that was fetched this many days ago is no longer used.
const USELESS_AFTER: i64 = 28;
/// For how many days after a config was the newest a server accepts reports under it.
const TAKEN_FOR: i64 = 56;
const _: () = assert!(USELESS_AFTER + OLDEST < TAKEN_FOR);

/// Whether a newer config is fetched before a week is sampled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Renewal {
    Unneeded,
    /// If that fails, the known one is used.
    Wanted,
    /// If that fails, no week is sampled.
    Required,
}

fn renewal(known: &KnownConfig, today: Day) -> Renewal {
    let age = today.since(known.fetched);
    let samples_nothing = known.config.sample_rate.get() <= 0.0;
    match age {
        // The clock was set back: its age is unknown.
        ..0 => Renewal::Required,
        0..RENEWED_AFTER => Renewal::Unneeded,
        RENEWED_AFTER..USELESS_AFTER if samples_nothing => Renewal::Unneeded,
        RENEWED_AFTER..USELESS_AFTER => Renewal::Wanted,
        USELESS_AFTER.. => Renewal::Required,
    }
}

/// Chooses the config by which weeks without an X are sampled today.
///
/// `known` is the config that was fetched last, if no check has failed since. `renew` fetches the
/// newest; it is called at most once. There is no X yet that could influence the choice.
///
/// # Errors
///
/// No config can be fetched today. The outer error is whatever else `renew` fails with.
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
    /// Draws the week's X under this config, unless it has one already: each week has one X.
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
        KnownConfig::unverified(version, fetched.parse().expect("a day"), config)
    }

    #[test]
    fn the_age_of_the_known_config_and_the_network_choose_the_config() {
        let (old, new) = (1, 2);
        for (today, rate, found, asked, chosen) in [
            // Without fetching.
            ("2026-11-01", 0.1, Some(true), false, Some(old)),
            // Fetched, or not.
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
            // It samples nothing.
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
