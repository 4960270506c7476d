//! The keys of one log: one seed, a signer for each face.

#[cfg(test)]
use super::TreeHead;
use super::{Face, Host, Seed, Signer, VerifierKey};

/// The two signers of one log: one seed under two names. While its key is being changed, four: the next
/// key signs beside the present one, so that whoever knows either of them believes what is published.
#[derive(Debug)]
pub struct LogKeys {
    pub(super) sumdb: Signer,
    pub(super) log: Signer,
    pub(super) verifiers: LogVerifiers,
    pub(super) next: Option<Box<LogKeys>>,
    /// Every head that was signed with these keys, in order.
    #[cfg(test)]
    signed: std::sync::Arc<std::sync::Mutex<Vec<TreeHead>>>,
}

/// The public half of [`LogKeys`]: all that is needed to serve and check a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogVerifiers {
    /// The host after which both faces are named.
    pub host: Host,
    /// The verifier key of the checksum database face, for `GOSUMDB`.
    pub sumdb: VerifierKey,
    /// The verifier key of the tlog-tiles face.
    pub log: VerifierKey,
}

impl LogKeys {
    /// The signers of the log at `host` whose secret is `seed`.
    pub fn new(host: &Host, seed: &Seed) -> LogKeys {
        let [sumdb, log] = Face::ALL.map(|face| seed.signer(face.key_name(host)));
        let verifiers = LogVerifiers {
            host: host.clone(),
            sumdb: sumdb.verifier_key().clone(),
            log: log.verifier_key().clone(),
        };
        LogKeys {
            sumdb,
            log,
            verifiers,
            next: None,
            #[cfg(test)]
            signed: std::sync::Arc::default(),
        }
    }

    /// These keys, and beside them the next ones of the same log, which sign everything, too.
    pub fn with_next(self, next: LogKeys) -> LogKeys {
        LogKeys { next: Some(Box::new(next)), ..self }
    }

    /// As these keys, but what is signed is also noted in `signed`.
    #[cfg(test)]
    pub(super) fn noting(self, signed: std::sync::Arc<std::sync::Mutex<Vec<TreeHead>>>) -> LogKeys {
        LogKeys { signed, ..self }
    }

    #[cfg(test)]
    pub(super) fn note_signing(&self, head: TreeHead) {
        self.signed.lock().expect("no test panicked").push(head);
    }

    /// The public half.
    pub fn verifiers(&self) -> &LogVerifiers {
        &self.verifiers
    }

    /// The keys of the tlog-tiles face that sign: the present one, and the next where there is one.
    pub(super) fn log_keys(&self) -> Vec<VerifierKey> {
        let all = [Some(self), self.next.as_deref()];
        all.into_iter().flatten().map(|keys| keys.verifiers.log.clone()).collect()
    }
}

impl LogVerifiers {
    /// The keys of both faces of the log whose key of one face this is: `HOST` or `HOST/log`. `None`
    /// where the name is of neither form.
    pub fn of(key: &VerifierKey) -> Option<LogVerifiers> {
        let name = key.name().as_str();
        let host: Host = name.strip_suffix("/log").unwrap_or(name).parse().ok()?;
        let [sumdb, log] = Face::ALL.map(|face| key.named(face.key_name(&host)));
        Some(LogVerifiers { host, sumdb, log })
    }

    /// The policy that believes this log without any witness, as C2SP tlog-policy writes one.
    pub fn policy(&self) -> String {
        format!("log {}\nquorum none\n", self.log)
    }
}
