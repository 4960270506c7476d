//! The checksum databases that a deployment serves: below its module proxy, where the `go` command looks
//! first; below `/sumdb/`; and at the root of the host.
//!
//! Each may be a different program, or a cache, so everything is requested from each. Every tree that one of
//! them signs must be the log's, or continue it, or be continued by it, which is proved from the tiles of
//! the longer one.

use super::fetch::{FetchError, Remote, RemoteTiles, SMALL};
use super::fork::forked;
use super::keys::{AuditKeys, Signed, foreign, is_foreign};
use super::verdict::{Check, VerdictId};
use crate::count::entries;
use crate::tlog::{Contradiction, TreeHead};
use std::cell::RefCell;

/// The checksum databases that answered, and what they signed.
#[derive(Debug)]
pub(super) struct Databases {
    /// The path before `latest`, `lookup/` and `tile/` of each.
    pub prefixes: Vec<String>,
    log: Signed,
    /// Trees that were proved to be the log's.
    good: RefCell<Vec<TreeHead>>,
    evidence: RefCell<Vec<Contradiction>>,
}

impl Databases {
    /// No databases, for a log alone.
    pub(super) fn none(log: &Signed) -> Databases {
        let good = RefCell::new(vec![log.checkpoint.head()]);
        let evidence = RefCell::new(Vec::new());
        Databases { prefixes: Vec::new(), log: log.clone(), good, evidence }
    }

    /// Asks each for its newest tree. One that does not answer is reported, and asked for nothing else.
    pub(super) fn find(remote: &Remote<'_>, keys: &AuditKeys, log: &Signed) -> (Databases, Check) {
        let mut check = Check::of(VerdictId::Faces);
        let mut databases = Databases::none(log);
        let Some(faces) = keys.faces() else {
            check.unchecked("the log's key is not that of a deployment with a checksum database");
            return (databases, check);
        };
        let of_proxy = format!("goproxy/sumdb/{}/", faces.sumdb.name());
        for prefix in [of_proxy.as_str(), "sumdb/", ""] {
            // Without this answer, the go command looks for the database elsewhere.
            if !prefix.is_empty()
                && let Err(trouble) = remote.ask(&format!("{prefix}supported"), SMALL)
            {
                check.failed(&trouble);
            }
            let latest = format!("{prefix}latest");
            match remote.ask(&latest, SMALL) {
                Err(trouble) => check.failed(&trouble),
                Ok(note) => {
                    let note = String::from_utf8_lossy(&note);
                    let url = remote.url(&latest);
                    databases.newest(remote, keys, prefix, &url, &note, &mut check);
                    databases.prefixes.push(prefix.to_owned());
                }
            }
        }
        (databases, check)
    }

    fn newest(
        &self,
        remote: &Remote<'_>,
        keys: &AuditKeys,
        prefix: &str,
        url: &str,
        note: &str,
        check: &mut Check,
    ) {
        let Some(shown) = opened(keys, url, note, check) else { return };
        let (tree, head) = (shown.checkpoint.head(), self.log.checkpoint.head());
        if tree.size < head.size {
            check.wrong(format!(
                "{url} shows a tree of {}, and the log one of {}",
                entries(tree.size),
                head.size
            ));
        }
        self.belongs(remote, prefix, url, shown, check);
    }

    /// The signed tree in an answer, if it is the log's.
    pub(super) fn shown(
        &self,
        remote: &Remote<'_>,
        keys: &AuditKeys,
        (prefix, url): (&str, &str),
        note: &str,
        check: &mut Check,
    ) -> Option<TreeHead> {
        let shown = opened(keys, url, note, check)?;
        let tree = shown.checkpoint.head();
        self.belongs(remote, prefix, url, shown, check).then_some(tree)
    }

    /// Whether a signed tree belongs to the log's history.
    fn belongs(
        &self,
        remote: &Remote<'_>,
        prefix: &str,
        url: &str,
        shown: Signed,
        check: &mut Check,
    ) -> bool {
        let (tree, head) = (shown.checkpoint.head(), self.log.checkpoint.head());
        if self.good.borrow().contains(&tree) {
            return true;
        }
        if tree.size == head.size {
            check.wrong(format!(
                "{url} shows another tree of {} than the log does",
                entries(tree.size)
            ));
            let (first, second) = (self.log.note.clone(), shown.note);
            self.evidence.borrow_mut().push(Contradiction::TwoRoots { first, second });
            return false;
        }
        let (older, newer) = match tree.size < head.size {
            true => (&shown, &self.log),
            false => (&self.log, &shown),
        };
        let tiles = match tree.size < head.size {
            true => RemoteTiles::of_log(remote, "log/"),
            false => RemoteTiles::of_database(remote, prefix),
        };
        match forked(older.checkpoint.head(), newer.checkpoint.head(), &tiles) {
            Ok(None) => {
                self.good.borrow_mut().push(tree);
                true
            }
            Ok(Some((prefix_root, proof))) => {
                check.wrong(format!(
                    "{url} shows another history than the log: of its {} and the log's {}, \
                     the longer does not begin with the shorter",
                    entries(tree.size),
                    head.size
                ));
                let (older, newer) = (older.note.clone(), newer.note.clone());
                let proved = Contradiction::NotContained { older, newer, prefix_root, proof };
                self.evidence.borrow_mut().push(proved);
                false
            }
            Err(trouble) => {
                check.unchecked(format!(
                    "{url} shows a tree of {}, and it cannot be proved to be the log's: \
                     {trouble}",
                    entries(tree.size)
                ));
                false
            }
        }
    }

    /// The evidence that was found, once.
    pub(super) fn take_evidence(&self) -> Vec<Contradiction> {
        self.evidence.take()
    }
}

/// The database's signed tree in an answer.
fn opened(keys: &AuditKeys, url: &str, note: &str, check: &mut Check) -> Option<Signed> {
    match keys.open_sumdb(note) {
        Ok(signed) => Some(signed),
        Err(error) if is_foreign(&error) => {
            check.failed(&FetchError::Unreachable(foreign(url, &error)));
            None
        }
        Err(error) => {
            check.wrong(format!("{url}: {error}"));
            None
        }
    }
}
