//! The keys of one log: one seed, and a signer for each protocol.

#[cfg(test)]
use super::TreeHead;
use super::{Host, Protocol, Seed, Signer, VerifierKey};

/// The two signers of one log: one seed under two names. While the key is being rotated there are four:
/// the next key signs alongside the present one, so a client that knows either of them can verify what is
/// published.
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
    /// The host after which the keys are named.
    pub host: Host,
    /// The verifier key of the checksum database, for `GOSUMDB`.
    pub sumdb: VerifierKey,
    /// The verifier key of the tlog-tiles log.
    pub log: VerifierKey,
}

impl LogKeys {
    /// The signers of the log at `host` whose secret is `seed`.
    pub fn new(host: &Host, seed: &Seed) -> LogKeys {
        let [sumdb, log] = Protocol::ALL.map(|protocol| seed.signer(protocol.key_name(host)));
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

    /// These keys together with the log's next ones, which also sign everything.
    pub fn with_next(self, next: LogKeys) -> LogKeys {
        LogKeys { next: Some(Box::new(next)), ..self }
    }

    /// These keys; every head that they sign is also pushed to `signed`.
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

    /// The tlog-tiles keys that sign: the present one, and the next if there is one.
    pub(super) fn log_keys(&self) -> Vec<VerifierKey> {
        let all = [Some(self), self.next.as_deref()];
        all.into_iter().flatten().map(|keys| keys.verifiers.log.clone()).collect()
    }
}

impl LogVerifiers {
    /// The keys of both protocols, given the key of one: `HOST` or `HOST/log`. `None` if the name has
    /// neither form.
    pub fn of(key: &VerifierKey) -> Option<LogVerifiers> {
        let name = key.name().as_str();
        let host: Host = name.strip_suffix("/log").unwrap_or(name).parse().ok()?;
        let [sumdb, log] = Protocol::ALL.map(|protocol| key.named(protocol.key_name(&host)));
        Some(LogVerifiers { host, sumdb, log })
    }

    /// The C2SP tlog-policy that accepts this log without any witness.
    pub fn policy(&self) -> String {
        format!("log {}\nquorum none\n", self.log)
    }
}
