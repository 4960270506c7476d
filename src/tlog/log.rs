//! The log in a store: append, commit, check, sign, publish. Safe against crashes and against a second
//! history.
//!
//! # The life of an entry
//!
//! 1. *Stage.* The entries are stored under the root that they lead to, with the objects that they refer
//!    to, and checked. Nothing reads them yet.
//! 2. *Commit.* The unsigned head pointer is swapped from the head before to the new one. If publishers
//!    race, one wins; the others have changed nothing and start over from the winner's head. From here on
//!    the entries are in the log, whichever process dies.
//! 3. *Check.* Whoever settles the log reads every entry between the last signed head and the committed
//!    one, passes it to the validator, and appends its hash to the signed tree ([`SoundHead`]). Nothing
//!    is written before: anyone who can write to the store can commit whatever they like, and is refused
//!    here.
//! 4. *Integrate.* The tiles and bundles of the new head are derived from the staged entries and stored.
//!    Only a committed and sound head gets here, so each name has only one possible content.
//! 5. *Sign.* The new head is proved consistent with the last signed head and with the published one, by
//!    the verifier that clients use. The signer's lock is swapped to it, durably; then it is signed for
//!    both protocols.
//! 6. *Witness.* If the log has a policy, its witnesses are asked to cosign the signed head
//!    ([`Witnesses`]). Without a quorum it ends here, and the previous head stays published; the next run
//!    asks again for the same head.
//! 7. *Publish.* The checkpoint pointer is swapped. Readers see the entries from here on.
//! 8. *Prune.* What the published head supersedes is removed: narrower tiles and bundles, and staged
//!    entries ([`prune`](super::prune)). Nothing above depends on it.
//!
//! [`Log::settle`] does steps 3 to 8 for whatever head is committed. Every append ends with it and every
//! publisher begins with it, so recovering from a crash is the normal path. A head that is already
//! published goes through step 6 again if its cosignatures no longer satisfy the policy (which was
//! changed) or are too old ([`Log::refresh`]).
//!
//! Witnesses see a head before the log's readers do, and it cannot be taken back: it is committed, and
//! every later head continues it.
//!
//! # Why no two heads of one size are ever signed
//!
//! A head is signed only after the signer's lock holds it ([`SignerLock`]), and the lock moves by
//! compare-and-swap from one head to a longer one that continues it. So the heads that one lock has held
//! form a chain with one head per size: whoever shares the lock, in whatever order they run, die and
//! restart, and whatever happens to the store. A store that was rolled back is behind the lock, and an
//! edited one does not continue it. That is why the lock is kept apart from the store.
//!
//! What remains is a second lock, as in a copy of the signer's folder. Four things guard against that.
//!
//! - A signer is bound to its machine and folder: a copy elsewhere, or a restored backup, is refused
//!   ([`SignerIdentity`](super::SignerIdentity)) until someone moves the signer deliberately.
//! - Moving it ([`Log::take_over`]) starts from the newest head that is publicly visible, and registers
//!   the new signer in the store. From then on the old one is refused, even if it is still running.
//! - As long as the store keeps what was committed, there is only one chain of committed heads, and a
//!   copy could only sign what the original signs. A lock that is behind the published head is refused
//!   all the same: it has missed something.
//! - A lock named by URL in `candor.toml` is shared by all copies, so the argument above covers them all.
//!
//! If the lock is in the signer's own folder, signing a second history takes two faults at once: a second
//! lock that its signer trusts (the disk was cloned or rolled back to a snapshot on a machine of the same
//! name; or the signer was moved, and the old machine keeps running), *and* a store rolled back to before
//! something that one of the two has signed. Nothing on such a machine can tell that this has happened.
//! The remedy is a lock on another disk or in a bucket, or witnesses: they remember for everyone.

use super::layout::{
    CHECKPOINT, HEAD, SIGNER, StoredTiles, bundle_key, format_head, key, parse_head,
};
use super::layout::{staged_key, tile_key};
use super::prune::prune;
use super::signer_lock::{LastSigned, SignerLock};
use super::sound::{SIGNED, SoundHead, checked_bundle, is_integrated, load_edge};
use super::staged::Staged;
use super::tile::FULL;
use super::witnesses::{Cosigned, Witnesses, Witnessing};
use super::{
    Bundle, Edge, Entry, EntryValidator, InvalidEntry, LogError, LogKeys, LogVerifiers, SignerId,
};
use super::{
    ProofError, Published, Tile, TreeHead, TreeSize, append_to_bundles, edge::read_hashes,
};
use super::{prove_consistency, verify_consistency};
use crate::count;
use crate::store::{Key, Store, StoreError, Swap};
use std::sync::Arc;

/// A log that this process may append to and sign.
#[derive(Debug)]
pub struct Log {
    pub(super) store: Arc<dyn Store>,
    keys: LogKeys,
    pub(super) signer: SignerLock,
    pub(super) validator: Arc<dyn EntryValidator>,
    witnessing: Option<Witnessing>,
}

/// What came of an [`Log::append_with`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "a lost race appended nothing: start over from the new head"]
pub enum Appended {
    /// The entries are in the log, and a head that has them is published.
    Committed(TreeHead),
    /// Another publisher moved the head first. Nothing was changed.
    LostRace,
}

/// The published head, with the pointer's bytes.
pub(super) type PublishedBytes = (Published, Vec<u8>);

impl Log {
    /// The log in `store`, signed with `keys` as far as `signer` allows, of entries that `validator`
    /// accepts. Reads nothing yet.
    pub fn new(
        store: Arc<dyn Store>,
        keys: LogKeys,
        signer: SignerLock,
        validator: Arc<dyn EntryValidator>,
    ) -> Log {
        Log { store, keys, signer, validator, witnessing: None }
    }

    /// The same log, publishing heads only once these witnesses have cosigned them.
    #[must_use]
    pub fn witnessed_by(self, witnesses: Arc<dyn Witnesses>) -> Log {
        let log = self.keys.log_keys();
        Log { witnessing: Some(Witnessing { witnesses, log }), ..self }
    }

    /// The tiles and bundles of this log.
    pub fn tiles(&self) -> StoredTiles {
        StoredTiles::new(self.store.clone())
    }

    /// The keys that clients verify with.
    pub fn verifiers(&self) -> &LogVerifiers {
        self.keys.verifiers()
    }

    /// Whether a head is committed but not published: a publisher is at work, or died while it was.
    pub fn is_interrupted(&self) -> Result<bool, LogError> {
        // In this order, so that a publisher that finishes in between is not taken for one that died.
        let head = self.committed()?;
        let published = self.published()?;
        Ok(published.is_none_or(|(published, _)| published.head().size < head.size))
    }

    /// Creates the log: commits, signs and publishes the empty tree. Refuses if there is one already.
    /// Completes an earlier attempt that was interrupted.
    pub fn create(&self) -> Result<(), LogError> {
        let empty = format_head(TreeHead::EMPTY);
        let swap = self.store.swap(&key(HEAD)?, None, empty.as_bytes())?;
        if swap == Swap::Lost && self.committed()? != TreeHead::EMPTY {
            return Err(LogError::Taken);
        }
        let me = registration(self.signer.signer());
        let swap = self.store.swap(&key(SIGNER)?, None, &me)?;
        if swap == Swap::Lost && self.registered()?.as_ref() != Some(self.signer.signer()) {
            return Err(LogError::Taken);
        }
        self.signer.begin()?;
        self.settle().map(drop)
    }

    /// Completes whatever a publisher that died left undone, checks the store against what was signed
    /// before, and returns the head. See the module's documentation.
    pub fn settle(&self) -> Result<TreeHead, LogError> {
        self.rest(None, None)
    }

    /// The same, and has the head cosigned again unless a quorum of witnesses has done so since this
    /// time, in seconds since 1970: clients refuse a head that nobody has vouched for lately. Without
    /// witnesses it does no more than [`Log::settle`].
    pub fn refresh(&self, since: u64) -> Result<TreeHead, LogError> {
        self.rest(None, Some(since))
    }

    /// `synced` is a head that this process itself committed.
    fn rest(&self, synced: Option<TreeHead>, since: Option<u64>) -> Result<TreeHead, LogError> {
        // Each round either returns, or lost a swap to a publisher that made progress.
        loop {
            let (published, last) = self.read_heads()?;
            let head = self.committed()?;
            self.check_heads(published.as_ref(), last, head)?;
            let sound = self.check(last.head(), head)?;
            let shown = published.as_ref().map(|(shown, _)| shown);
            let is_published = shown.is_some_and(|shown| shown.head() == head);
            if !is_published {
                if synced != Some(head) && self.sync_committed(head)? == Swap::Lost {
                    continue;
                }
                self.integrate(sound)?;
            }
            self.prove(SIGNED, sound)?;
            if let Some(shown) = shown {
                self.continues("log published", shown.head(), head)?;
            }
            let last = if last.head() == head { Some(last) } else { self.signer.advance(sound)? };
            let Some(last) = last else { continue };
            let sign =
                || Published::sign(last, &self.keys).map_err(|e| LogError::damaged(CHECKPOINT, e));
            let signed = match shown.filter(|_| is_published) {
                // A key was added since.
                Some(shown) if !shown.is_signed_by(&self.keys) => {
                    sign()?.with_cosignatures_of(shown)?
                }
                Some(shown) if self.suffices(shown, since) => return Ok(head),
                Some(shown) => shown.clone(),
                None => sign()?,
            };
            let Cosigned { published: signed, missing } = self.cosign(signed, shown, since)?;
            if let Some(missing) = missing {
                if self.committed()? != head || self.published()? != published {
                    // Another publisher has moved on, and the witnesses with it.
                    continue;
                }
                if is_published && !missing.is_alarm() && shown != Some(&signed) {
                    // Keep the cosignatures that we did get. If this swap is lost, another publisher
                    // continues from there.
                    let _ = self.publish(&signed, published.as_ref())?;
                }
                return Err(missing);
            }
            if self.publish(&signed, published.as_ref())? == Swap::Won {
                let former = shown.map_or(TreeSize::ZERO, |shown| shown.head().size);
                if !is_published {
                    prune(self.store.as_ref(), former, head)?;
                }
                return Ok(head);
            }
        }
    }

    /// [`Log::append_with`] of entries that refer to nothing.
    #[cfg(any(test, feature = "testing"))]
    pub fn append(&self, at: TreeHead, entries: &[Entry]) -> Result<Appended, LogError> {
        self.append_with(at, entries, Vec::new())
    }

    /// Appends any number of entries, as one commit, to the tree with head `at`, and stores the objects that they
    /// refer to with the staged entries: in one batch, which costs hardly more than the entries alone.
    ///
    /// Returns once a head that contains them is published. `at` must come from [`Log::settle`].
    pub fn append_with(
        &self,
        at: TreeHead,
        entries: &[Entry],
        objects: Vec<(Key, Vec<u8>)>,
    ) -> Result<Appended, LogError> {
        if entries.is_empty() {
            return Err(LogError::Empty);
        }
        let mut edge = load_edge(&self.tiles(), at)?;
        let leaves: Vec<_> = entries.iter().map(Entry::leaf_hash).collect();
        edge.append(&leaves)?;
        let head = edge.head();
        let staged = staged_key(head)?;
        let mut batch = objects;
        batch.push((staged.clone(), Staged::encode(at, entries)));
        self.store.put(&batch).map_err(|e| match e {
            StoreError::Conflict { ref key, .. } if *key == staged => in_the_way(e),
            other => other.into(),
        })?;
        // Before they are committed: what they refer to is there now.
        for (index, entry) in (at.size.get()..).zip(entries) {
            let index = super::LeafIndex::new(index)?;
            self.validator.validate(index, entry).map_err(|e| match e {
                InvalidEntry::Store(e) => LogError::Store(e),
                InvalidEntry::Refused(reason) => {
                    LogError::InvalidEntry { index: index.get(), reason }
                }
            })?;
        }
        let (old, new) = (format_head(at), format_head(head));
        match self.store.swap(&key(HEAD)?, Some(old.as_bytes()), new.as_bytes())? {
            Swap::Lost => Ok(Appended::LostRace),
            Swap::Won => self.rest(Some(head), None).map(Appended::Committed),
        }
    }

    /// The published head, and the last signed one. They are read in this order and before the committed
    /// head, since each lags behind the next: unless something is wrong, none is ahead of one read later,
    /// whatever other publishers do in between.
    pub(super) fn read_heads(&self) -> Result<(Option<PublishedBytes>, LastSigned), LogError> {
        let published = self.published()?;
        Ok((published, self.signer.last_signed()?))
    }

    /// Refuses a store that is behind what was signed, a lock that is behind what is published, and a
    /// signer that is not the registered one.
    pub(super) fn check_heads(
        &self,
        published: Option<&PublishedBytes>,
        last: LastSigned,
        head: TreeHead,
    ) -> Result<(), LogError> {
        let signed = last.head();
        if signed.size > head.size {
            return Err(LogError::RolledBack { signed, store: head });
        }
        if let Some((published, _)) = published {
            let published = published.head();
            if published.size > head.size {
                let (has, shows) = (head.size, published.size);
                let reason =
                    format!("it has {}, and the published checkpoint {shows}", count::entries(has));
                return Err(LogError::damaged(HEAD, reason));
            }
            if published.size > signed.size {
                self.continues(SIGNED, signed, published)?;
                let location = self.signer.backend().location();
                return Err(LogError::Behind { location, signed, published });
            }
        }
        let (registered, signer) = (self.registered()?, self.signer.signer());
        if registered.as_ref() != Some(signer) {
            return Err(LogError::OtherSigner { registered, signer: signer.clone() });
        }
        Ok(())
    }

    /// Step 3.
    pub(super) fn check(&self, signed: TreeHead, head: TreeHead) -> Result<SoundHead, LogError> {
        SoundHead::check(&self.store, signed, head, self.validator.as_ref())
    }

    /// The committed head.
    pub(super) fn committed(&self) -> Result<TreeHead, LogError> {
        committed(self.store.as_ref())
    }

    /// The published head, its two signatures checked, with the pointer's bytes.
    pub(super) fn published(&self) -> Result<Option<PublishedBytes>, LogError> {
        let Some(bytes) = self.store.pointer(&key(CHECKPOINT)?)? else { return Ok(None) };
        let published = Published::open(&bytes, self.keys.verifiers())
            .map_err(|e| LogError::damaged(CHECKPOINT, e))?;
        Ok(Some((published, bytes)))
    }

    /// The signer registered in the store.
    pub(super) fn registered(&self) -> Result<Option<SignerId>, LogError> {
        registered(self.store.as_ref())
    }

    /// Step 4: derives and stores the tiles and bundles of a sound head.
    pub(super) fn integrate(&self, sound: SoundHead) -> Result<(), LogError> {
        let head = sound.head();
        if head.size == TreeSize::ZERO {
            return Ok(());
        }
        let name = staged_key(head)?;
        let Some(staged) = Staged::load(self.store.as_ref(), head)? else {
            if is_integrated(&self.tiles(), head)? {
                // Another publisher has already done this, and pruned the staged entries.
                return Ok(());
            }
            let reason = format!("it names a tree to which nothing leads: there is no {name}");
            return Err(LogError::damaged(HEAD, reason));
        };
        let before = staged.before;
        let mut edge =
            Edge::load(before, &self.tiles()).map_err(|e| LogError::of_edge(&name, e))?;
        let mut objects = self.bundles(before.size, &staged.entries)?;
        let leaves: Vec<_> = staged.entries.iter().map(Entry::leaf_hash).collect();
        let tiles = edge.append(&leaves)?;
        if edge.head() != head {
            return Err(LogError::damaged(&name, "its entries do not lead to the committed head"));
        }
        for (tile, bytes) in tiles {
            objects.push((tile_key(tile)?, bytes));
        }
        let signed_is_before = sound.from().size <= before.size;
        self.store
            .put(&objects)
            .map_err(|e| if signed_is_before { in_the_way(e) } else { e.into() })
    }

    /// The bundles that change when `entries` are appended to a log of `size` entries whose edge was
    /// checked.
    fn bundles(&self, size: TreeSize, entries: &[Entry]) -> Result<Vec<(Key, Vec<u8>)>, LogError> {
        let index = size.get() / FULL;
        let partial = match (Bundle::for_size(index, size), Tile::for_size(0, index, size)) {
            (Some(bundle), Some(tile)) => {
                let leaves = read_hashes(&self.tiles(), tile)
                    .map_err(|e| LogError::of_tile(e, |e| LogError::damaged("the log", e)))?;
                checked_bundle(&self.tiles(), bundle, &leaves)?
            }
            _ => Vec::new(),
        };
        append_to_bundles(size, &partial, entries)
            .map_err(|e| LogError::damaged("an entry bundle", e))?
            .into_iter()
            .map(|(bundle, bytes)| Ok((bundle_key(bundle)?, bytes)))
            .collect()
    }

    /// Before step 5, and before anything is built on the head: checks that the stored right edge leads
    /// to its root, that the last bundle matches the edge, and that the head continues the one it was
    /// checked from.
    pub(super) fn prove(&self, what: &str, sound: SoundHead) -> Result<(), LogError> {
        let (tiles, size) = (self.tiles(), sound.head().size);
        let edge = load_edge(&tiles, sound.head())?;
        if let Some(bundle) = Bundle::for_size(size.get() / FULL, size) {
            checked_bundle(&tiles, bundle, edge.partial_tile(0))?;
        }
        self.continues(what, sound.from(), sound.head())
    }

    /// Proves, with the verifier that clients use, that `head` continues `earlier`.
    pub(super) fn continues(
        &self,
        what: &str,
        earlier: TreeHead,
        head: TreeHead,
    ) -> Result<(), LogError> {
        let checked = prove_consistency(earlier.size, head.size, &self.tiles())
            .and_then(|proof| verify_consistency(earlier, head, &proof));
        let inconsistent = |reason: String| LogError::Inconsistent {
            what: what.into(),
            earlier,
            store: head,
            reason,
        };
        checked.map_err(|e| match e {
            ProofError::Tile(e) => LogError::of_tile(e, |e| inconsistent(e.to_string())),
            other => inconsistent(other.to_string()),
        })
    }

    /// Before the signer's lock moves: whoever committed the head may have died before it was synced, and
    /// a signed head must survive a power cut.
    fn sync_committed(&self, head: TreeHead) -> Result<Swap, LogError> {
        let bytes = format_head(head);
        Ok(self.store.swap(&key(HEAD)?, Some(bytes.as_bytes()), bytes.as_bytes())?)
    }

    /// Whether the published head has the cosignatures it should have.
    fn suffices(&self, published: &Published, since: Option<u64>) -> bool {
        self.witnessing.as_ref().is_none_or(|witnessing| witnessing.suffices(published, since))
    }

    /// Step 6.
    fn cosign(
        &self,
        signed: Published,
        former: Option<&Published>,
        since: Option<u64>,
    ) -> Result<Cosigned, LogError> {
        match &self.witnessing {
            Some(witnessing) => witnessing.ask(signed, former, Arc::new(self.tiles()), since),
            None => Ok(Cosigned { published: signed, missing: None }),
        }
    }

    /// Step 7.
    fn publish(
        &self,
        signed: &Published,
        before: Option<&PublishedBytes>,
    ) -> Result<Swap, LogError> {
        let bytes = signed.encode().map_err(|e| LogError::damaged(CHECKPOINT, e))?;
        let before = before.map(|(_, bytes)| bytes.as_slice());
        Ok(self.store.swap(&key(CHECKPOINT)?, before, &bytes)?)
    }
}

/// Checks what is committed in `store` but not published yet, as the signer will before it signs: for
/// those who watch a log without being its signer. Reads nothing if there is nothing new.
pub fn verify_committed(
    store: &Arc<dyn Store>,
    published: TreeHead,
    validator: &dyn EntryValidator,
) -> Result<(), LogError> {
    SoundHead::check(store, published, committed(store.as_ref())?, validator).map(drop)
}

/// The committed head of the log in a store.
pub fn committed(store: &dyn Store) -> Result<TreeHead, LogError> {
    let bytes = store.pointer(&key(HEAD)?)?.ok_or(LogError::NoLog)?;
    parse_head(&bytes).ok_or_else(|| {
        let reason = "it is not one line `SIZE ROOT` (`candor signer discard` puts back the head \
                      that was signed last)";
        LogError::damaged(HEAD, reason)
    })
}

/// The signer registered in a store.
pub fn registered(store: &dyn Store) -> Result<Option<SignerId>, LogError> {
    let Some(bytes) = store.pointer(&key(SIGNER)?)? else { return Ok(None) };
    let id = str::from_utf8(&bytes).ok().and_then(|text| text.strip_suffix('\n')?.parse().ok());
    // Anything else does not name this signer.
    Ok(id)
}

/// The bytes that register a signer.
pub(super) fn registration(signer: &SignerId) -> Vec<u8> {
    format!("{signer}\n").into_bytes()
}

/// The error for an object that no signed head contains but whose name is needed.
fn in_the_way(error: StoreError) -> LogError {
    match error {
        StoreError::Conflict { key, .. } => LogError::InTheWay { key },
        other => other.into(),
    }
}
