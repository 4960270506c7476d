//! Rotating the log's key, with overlap.
//!
//! 1. [`Deployment::begin_rotation`] makes the next key (`keys/log.next.seed`, or wherever
//!    [`SeedSource`](crate::tlog::SeedSource) finds `log.next`), names it in `candor.toml` under
//!    `[next]`, and has the newest head signed by both. From here on every head has two signatures under
//!    each of the log's names: a client that knows either key accepts it, and ignores the other.
//! 2. The next key spreads, for as long as that takes: programs are built with it (a policy may list
//!    both), users change `GOSUMDB`, witnesses add it to their lists.
//! 3. [`Deployment::end_rotation`] makes it the log's key, which alone signs the next head.
//!
//! The log, its entries and its one signer stay the same. A client that does not know the next key by
//! then refuses the log, as it should.
//!
//! If it is interrupted at any moment, the same call completes it: the key is durable before
//! `candor.toml` names it, and the former one is overwritten only when `candor.toml` no longer names it.

use super::deployment::{Deployment, DeploymentError, SETTINGS, failed};
use crate::durable;
use crate::tlog::{LockBackend as _, LogVerifiers, Seed, SeedError, SeedLocation, StoreLock};
use std::fs;

impl Deployment {
    /// Creates the next key if there is none, and has the newest head signed with it, too. Returns its
    /// public half.
    pub fn begin_rotation(&self) -> Result<LogVerifiers, DeploymentError> {
        if let Some(next) = self.next_verifiers() {
            self.log()?.settle()?;
            return Ok(next.clone());
        }
        // Only the signer may introduce a key.
        self.log()?.settle()?;
        let source = self.next_seed_source();
        if let SeedLocation::File(path) = source.find() {
            match Seed::generate()?.save(&path) {
                // An interrupted rotation continues with its key.
                Ok(()) | Err(SeedError::Exists(_)) => {}
                Err(e) => return Err(e.into()),
            }
        }
        let keys = crate::tlog::LogKeys::new(self.host(), &source.load()?);
        let next = keys.verifiers();
        let mut text = self.settings()?;
        if !text.ends_with('\n') {
            text.push('\n');
        }
        text += &format!(
            "\n[next]\n# Signs alongside the present key, until `candor signer retire`.\n\
             sumdb_key = \"{}\"\nlog_key = \"{}\"\n",
            next.sumdb, next.log
        );
        let changed = Deployment::with(&self.folder, &text)?;
        if changed.next_verifiers() != Some(next) || changed.verifiers() != self.verifiers() {
            return Err(self.by_hand("add the table [next] with the keys sumdb_key and log_key"));
        }
        self.write_settings(&text)?;
        changed.log()?.settle()?;
        Ok(next.clone())
    }

    /// Makes the next key the log's key, and removes the former one.
    pub fn end_rotation(&self) -> Result<LogVerifiers, DeploymentError> {
        let changed = match self.next_verifiers() {
            Some(next) => self.go_over_to(next)?,
            // Interrupted before the file was renamed.
            None if self.next_seed_source().file().exists() => self.clone(),
            None => return Err(DeploymentError::NoNextKey),
        };
        // Fails if the next seed belongs to neither key.
        let log = changed.log()?;
        if let (SeedLocation::File(next), SeedLocation::File(seed)) =
            (self.next_seed_source().find(), self.seed_source().find())
            && next.exists()
        {
            durable::rename(&next, &seed).map_err(|e| failed("rename", &next, e))?;
        }
        log.settle()?;
        Ok(changed.verifiers().clone())
    }

    /// Makes the next keys the log's in `candor.toml`.
    fn go_over_to(&self, next: &LogVerifiers) -> Result<Deployment, DeploymentError> {
        let log = self.log()?;
        log.settle()?;
        let text = self.settings()?;
        let text = text
            .replace(&self.verifiers().sumdb.to_string(), &next.sumdb.to_string())
            .replace(&self.verifiers().log.to_string(), &next.log.to_string());
        let text = without_table(&text, "[next]");
        let changed = Deployment::with(&self.folder, &text)?;
        if changed.next_verifiers().is_some() || changed.verifiers() != next {
            return Err(self.by_hand(
                "replace sumdb_key and log_key with those of the table [next], and remove the \
                 table",
            ));
        }
        self.take_lock_along(&changed)?;
        self.write_settings(&text)?;
        Ok(changed)
    }

    /// Copies a lock that is kept elsewhere, because it is named after the log's key.
    fn take_lock_along(&self, changed: &Deployment) -> Result<(), DeploymentError> {
        let (before, after): (StoreLock, StoreLock) = (self.lock()?, changed.lock()?);
        if before.location() == after.location() {
            return Ok(());
        }
        if let Some(record) = before.fetch()? {
            // If another publisher has signed since, the signer will refuse, because it missed that.
            let there = after.fetch()?;
            let _ = after.replace(there.as_deref(), &record)?;
        }
        Ok(())
    }

    fn settings(&self) -> Result<String, DeploymentError> {
        let path = self.folder.join(SETTINGS);
        fs::read_to_string(&path).map_err(|e| failed("read", &path, e))
    }

    fn write_settings(&self, text: &str) -> Result<(), DeploymentError> {
        let path = self.folder.join(SETTINGS);
        let (temporary, make) = (path.with_extension("tmp"), durable::private_file);
        durable::replace(&path, &temporary, text.as_bytes(), make)
            .map_err(|e| failed("write", &path, e))
    }

    fn by_hand(&self, what: &str) -> DeploymentError {
        DeploymentError::Settings {
            path: self.folder.join(SETTINGS).display().to_string(),
            message: format!("this program cannot edit it the way it is written: {what}"),
        }
    }
}

/// TOML text without one table: without its header and the lines up to the next header.
fn without_table(text: &str, header: &str) -> String {
    let mut inside = false;
    let mut kept = String::new();
    for line in text.split_inclusive('\n') {
        if line.trim_start().starts_with('[') {
            inside = line.trim() == header;
        }
        if !inside {
            kept += line;
        }
    }
    kept
}
