//! A deployment that stays open: its witnesses follow `candor.toml`.
//!
//! A long-running process reloads it now and then ([`LiveDeployment::reload`]). If the file, or the
//! policy that it names, has changed, its witnesses are in force from then on, the next time the
//! deployment is used. A file that cannot be used changes nothing, and its problem is reported until it
//! is fixed. All other changes in `candor.toml` need a restart.

use super::deployment::{Deployment, SETTINGS};
use std::fs;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// An open deployment. Cloning is cheap; all clones are the same.
#[derive(Debug, Clone)]
pub struct LiveDeployment(Arc<Mutex<Live>>);

#[derive(Debug)]
struct Live {
    deployment: Deployment,
    /// The files as they were read last.
    read: Option<Vec<Vec<u8>>>,
    problem: Option<String>,
}

impl LiveDeployment {
    /// This deployment, as it was opened.
    pub fn new(deployment: Deployment) -> LiveDeployment {
        LiveDeployment(Arc::new(Mutex::new(Live { deployment, read: None, problem: None })))
    }

    /// The deployment, with the witnesses that are in force.
    pub fn current(&self) -> Deployment {
        self.lock().deployment.clone()
    }

    /// Why the settings as they are now are not in force.
    pub fn problem(&self) -> Option<String> {
        self.lock().problem.clone()
    }

    /// Reads the settings if they have changed. Returns whether the witnesses in force have changed.
    pub fn reload(&self) -> bool {
        let (known, before, was_wrong) = {
            let live = self.lock();
            (live.deployment.clone(), live.read.clone(), live.problem.is_some())
        };
        let read = files(&known);
        // The problem may be in a file that is not known here.
        if !was_wrong && before.as_ref() == Some(&read) {
            return false;
        }
        let opened = Deployment::open(&known.folder).map_err(|error| error.to_string());
        let opened = opened.and_then(|new| match new.differs_but_for_witnesses(&known) {
            true => Err("its name, module or keys have changed: restart this process".to_owned()),
            false => Ok(new),
        });
        let mut live = self.lock();
        live.read = Some(read);
        match opened {
            Ok(new) => {
                live.problem = None;
                let changed = !new.has_witnesses_of(&known);
                if changed {
                    live.deployment = known.with_witnesses_of(&new);
                }
                changed
            }
            Err(problem) => {
                live.problem = Some(problem);
                false
            }
        }
    }

    /// Nothing panics while it holds the lock.
    fn lock(&self) -> MutexGuard<'_, Live> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The contents of the settings files; empty for one that cannot be read.
fn files(deployment: &Deployment) -> Vec<Vec<u8>> {
    let settings = deployment.folder.join(SETTINGS);
    let policy = deployment.witnesses().and_then(|witnesses| witnesses.policy_file.clone());
    [Some(settings), policy]
        .into_iter()
        .flatten()
        .map(|path| fs::read(path).unwrap_or_default())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tlog::{CosignerKind, KeyName, Seed};

    fn witness(number: u8) -> String {
        let name = KeyName::new(format!("w{number}.example")).expect("a name");
        let key = Seed::from([number; 32]).cosigner(name, CosignerKind::Ed25519);
        let key = key.verifier_key();
        format!("[[witness]]\nname = \"w{number}\"\nkey = \"{key}\"\nurl = \"https://w{number}\"\n")
    }

    fn names(live: &LiveDeployment) -> Vec<String> {
        let current = live.current();
        let witnesses = current.witnesses().map(|all| all.policy().witnesses().to_vec());
        witnesses.unwrap_or_default().iter().map(|one| one.name.to_string()).collect()
    }

    #[test]
    fn witnesses_follow_the_file_and_an_invalid_one_changes_nothing() {
        let folder = tempfile::tempdir().expect("a folder");
        let (path, name) = (folder.path(), "telemetry.example.org");
        let made = Deployment::init(path, name, "example.org/config").expect("a deployment");
        let settings = path.join(SETTINGS);
        let own = fs::read_to_string(&settings).expect("the settings");
        let write = |text: String| fs::write(&settings, text).expect("written");
        let live = LiveDeployment::new(made);
        assert!(!live.reload() && names(&live).is_empty());

        write(format!("quorum = 1\n{own}{}", witness(1)));
        assert!(live.reload() && !live.reload());
        assert_eq!((names(&live), live.problem()), (vec!["w1".to_owned()], None));

        for broken in ["quorum = 3\n", "quorum = \n"] {
            write(format!("{broken}{own}{}{}", witness(1), witness(2)));
            assert!(!live.reload());
            assert_eq!(names(&live), ["w1"], "what was in force stays");
            let problem = live.problem().expect("a problem");
            assert!(problem.contains("quorum"), "{problem}");
        }
        let renamed = own.replace("example.org/config", "example.org/other");
        write(format!("quorum = 2\n{renamed}{}{}", witness(1), witness(2)));
        assert!(!live.reload() && live.problem().expect("a problem").contains("restart"));

        // A policy file that does not exist yet, and changes later.
        write(format!("policy = \"ours\"\n{own}"));
        assert!(!live.reload() && live.problem().is_some());
        let policy = |number: u8| {
            let text = witness(number);
            let key = text.lines().find_map(|line| line.strip_prefix("key = ")).expect("a key");
            let line = format!("witness w{number} {} https://w{number}\n", key.trim_matches('"'));
            fs::write(path.join("ours"), format!("{line}quorum w{number}\n")).expect("written");
        };
        policy(2);
        assert!(live.reload() && live.problem().is_none());
        assert_eq!(names(&live), ["w2"]);
        policy(3);
        assert!(live.reload());
        assert_eq!(names(&live), ["w3"]);
    }
}
