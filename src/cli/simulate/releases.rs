//! Releases over the weeks: each appears, is taken up by more and more installations, and is replaced by the next.
//!
//! A config also lists versions that will come. Of the finished ones (no prereleases), up to half, and at most
//! [`LATER`], are released after the history begins, one every [`RELEASE_WEEKS`]; the others were released at the
//! same pace before. When all are out, the newest stays. A prerelease comes out a week before its release.
//!
//! An installation upgrades some time after a release; how long that takes it is its own, and never changes.

/// The weeks between two releases.
const RELEASE_WEEKS: i64 = 3;
/// The most versions that are released in the course of a history.
const LATER: usize = 20;
/// How many weeks most installations take to upgrade, on average, and how many slow ones take.
const PACE: f64 = 2.5;
const SLOW_PACE: f64 = 15.0;
/// The shares of installations that are slow, and that try prereleases.
const SLOW: f64 = 0.12;
const TESTERS: f64 = 0.03;

/// The versions that are out in a week.
#[derive(Debug)]
pub(super) struct Releases {
    /// Each with its age in weeks at the end of the week, newest first.
    out: Vec<Release>,
    /// The version that is out for a while and has a bug that the one before and the next do not have.
    buggy: Option<String>,
}

#[derive(Debug)]
struct Release {
    version: String,
    age: f64,
    is_finished: bool,
}

impl Releases {
    /// The releases of a list, oldest first, some weeks into the history.
    pub(super) fn of(versions: &[String], weeks: i64) -> Releases {
        let finished = versions.iter().filter(|version| is_finished(version)).count();
        // A list of prereleases alone is one of releases.
        let is_release = |version: &str| finished == 0 || is_finished(version);
        let all = if finished == 0 { versions.len() } else { finished };
        let later = (all / 2).min(LATER);
        let current = all.saturating_sub(later + 1);
        let mut before = 0;
        let mut out = Vec::new();
        let mut buggy = None;
        for version in versions {
            let is_finished = is_release(version);
            let week = (before as i64 - current as i64) * RELEASE_WEEKS - i64::from(!is_finished);
            if is_finished && before == current + 2 {
                buggy = Some(version.clone());
            }
            before += usize::from(is_finished);
            let age = (weeks - week + 1) as f64;
            if age > 0.0 || out.is_empty() {
                out.push(Release { version: version.clone(), age, is_finished });
            }
        }
        out.reverse();
        Releases { out, buggy }
    }

    /// The one release with a bug of its own, the second one after the history begins; an empty string, which is
    /// no version's, if the list is too short for it.
    pub(super) fn with_a_bug(&self) -> String {
        self.buggy.clone().unwrap_or_default()
    }

    /// The version that an installation uses, whose place among all is `pace`, over 0 and at most 1; an empty
    /// string if there are none.
    pub(super) fn used_at(&self, pace: f64) -> String {
        let tests = pace > 1.0 - TESTERS;
        let wait = match pace {
            _ if tests => 0.0,
            pace if pace <= SLOW => -SLOW_PACE * (pace / SLOW).ln(),
            pace => -PACE * ((pace - SLOW) / (1.0 - TESTERS - SLOW)).ln(),
        };
        let fits = |release: &&Release| (release.is_finished || tests) && release.age > wait;
        let found = self.out.iter().find(fits).or(self.out.last());
        found.map(|release| release.version.clone()).unwrap_or_default()
    }
}

/// Whether a version is no prerelease, by semantic versioning or as Go names its own.
fn is_finished(version: &str) -> bool {
    !version.contains(['-']) && !version.contains("rc") && !version.contains("beta")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn versions(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    /// The share of installations that use a version.
    fn share(releases: &Releases, version: &str) -> f64 {
        let paces = (1..=10_000).map(|place| f64::from(place) / 10_000.0);
        paces.filter(|pace| releases.used_at(*pace) == version).count() as f64 / 10_000.0
    }

    #[test]
    fn releases_appear_grow_and_are_replaced() {
        let list = versions(&["v1.0.0", "v1.1.0", "v1.2.0", "v1.3.0-rc.1", "v1.3.0", "v1.4.0"]);
        // v1.2.0 is out when the history begins, v1.3.0 after three weeks, v1.4.0 after six.
        let list = &list;
        let over = |version: &'static str| {
            (0..40).map(move |week| share(&Releases::of(list, week), version))
        };
        let newer: Vec<f64> = over("v1.3.0").collect();
        assert!(newer[..3].iter().all(|share| *share == 0.0), "{newer:?}");
        assert!(newer[3] > 0.1 && newer[3] < newer[4] && newer[4] < newer[5], "{newer:?}");
        assert!(newer[6..].windows(2).all(|pair| pair[1] <= pair[0]), "{newer:?}");
        // Nothing jumps, and nothing starts over.
        for version in ["v1.2.0", "v1.4.0"] {
            let shares: Vec<f64> = over(version).collect();
            let moves = shares.windows(2).map(|pair| (pair[1] - pair[0]).abs());
            assert!(moves.fold(0.0, f64::max) < 0.35, "{version}: {shares:?}");
        }
        assert!(over("v1.4.0").next_back().is_some_and(|share| share > 0.85));
        assert!(share(&Releases::of(list, 100_000), "v1.4.0") > 0.99);
        // Few try what is not finished.
        let tried = share(&Releases::of(list, 2), "v1.3.0-rc.1");
        assert!(tried > 0.0 && tried <= TESTERS + 0.001, "{tried}");
    }

    #[test]
    fn one_release_has_a_bug_of_its_own() {
        let list =
            versions(&["v1.0.0", "v1.1.0", "v1.2.0", "v1.3.0", "v1.4.0", "v1.5.0", "v1.6.0"]);
        assert_eq!(Releases::of(&list, 0).with_a_bug(), "v1.5.0");
        assert_eq!(Releases::of(&versions(&["v1.0.0"]), 0).with_a_bug(), "");
    }

    #[test]
    fn any_list_has_a_version_for_everyone() {
        assert_eq!(Releases::of(&[], 7).used_at(0.5), "");
        for list in
            [versions(&["v1.0.0"]), versions(&["go1.27rc1"]), versions(&["v1.0.0", "v2.0.0"])]
        {
            for week in [-1_000, 0, 1_000] {
                let releases = Releases::of(&list, week);
                assert!(
                    list.contains(&releases.used_at(1e-9)) && list.contains(&releases.used_at(1.0))
                );
            }
        }
    }
}
