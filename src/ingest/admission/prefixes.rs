//! What each network has sent lately, in a table of a fixed size, under keys that live an hour.
//!
//! An entry is a hash of the prefix under a random key, and two numbers. The table has two generations:
//! the present one, and the one before, which is only read. Every half hour the older one is dropped
//! with its key, the present one becomes the older, and an empty one with a new key begins. So a key
//! lives an hour, and nothing that was kept under it can be read after that.
//!
//! **Nothing resets at the border.** A prefix that is asked for and is not in the present generation is
//! looked for in the one before, under that one's key, and what it has used moves with it. It is
//! forgotten only when it has sent nothing for half an hour at least, an hour at most.
//!
//! **When it is full.** Entries lie in sets of [`WAYS`], chosen by the hash; a new one takes the place
//! of the one in its set that has used least. So those who use much stay known, and those who are
//! pushed out are those of whom there was least to know. A prefix that is not in the table counts as
//! one that has used nothing: nobody is ever shut out because others fill the table.

use super::peer::Prefix;
use sha2::{Digest, Sha256};
use std::hash::{BuildHasher, RandomState};
use std::time::Duration;
use zeroize::Zeroizing;

/// How long a key lives, in two generations of half of it.
pub const KEY_LIFE: Duration = Duration::from_secs(3600);
/// How fast what was used counts less: after so long, 37% of it is left.
pub const FADING: Duration = Duration::from_secs(24 * 3600);
/// How many prefixes have one set to themselves.
const WAYS: usize = 8;
const SETS: usize = 1 << 14;
/// How many prefixes one generation remembers.
pub const PREFIXES: usize = SETS * WAYS;

/// What a prefix has used, fading.
#[derive(Clone, Copy, Default)]
pub(super) struct Used {
    pub(super) reports: f64,
    pub(super) bytes: f64,
}

#[derive(Clone, Copy, Default)]
struct Entry {
    /// The hash; 0 where there is none.
    hash: u64,
    used: Used,
    /// When that was so.
    at: Duration,
}

impl Entry {
    fn used(&self, now: Duration) -> Used {
        let elapsed = now.saturating_sub(self.at).as_secs_f64();
        let left = libm::exp(-elapsed / FADING.as_secs_f64());
        Used { reports: self.used.reports * left, bytes: self.used.bytes * left }
    }
}

struct Generation {
    key: Zeroizing<[u8; 32]>,
    entries: Box<[Entry]>,
}

impl Generation {
    fn new() -> Generation {
        let mut key = Zeroizing::new([0; 32]);
        if getrandom::fill(key.as_mut()).is_err() {
            // Not secret from whoever can guess the standard library's keys, but never constant.
            for (number, part) in key.chunks_exact_mut(8).enumerate() {
                part.copy_from_slice(&RandomState::new().hash_one(number).to_le_bytes());
            }
        }
        Generation { key, entries: vec![Entry::default(); PREFIXES].into() }
    }

    fn hash(&self, prefix: Prefix) -> u64 {
        let digest = Sha256::new().chain_update(self.key.as_ref()).chain_update(prefix.bytes());
        let digest = digest.finalize();
        let first = digest.first_chunk().copied().unwrap_or_default();
        u64::from_le_bytes(first).max(1)
    }

    fn set(&mut self, hash: u64) -> &mut [Entry] {
        let begin = (hash as usize % SETS) * WAYS;
        self.entries.get_mut(begin..begin + WAYS).unwrap_or_default()
    }
}

/// The table.
pub(super) struct Prefixes {
    current: Generation,
    previous: Option<Generation>,
    /// When the present generation began.
    began: Duration,
}

impl Prefixes {
    pub(super) fn new() -> Prefixes {
        Prefixes { current: Generation::new(), previous: None, began: Duration::ZERO }
    }

    /// Drops what is too old. To be called now and then also when nobody sends anything.
    pub(super) fn forget(&mut self, now: Duration) {
        let age = now.saturating_sub(self.began);
        if age < KEY_LIFE / 2 {
            return;
        }
        let old = std::mem::replace(&mut self.current, Generation::new());
        self.previous = (age < KEY_LIFE).then_some(old);
        self.began = now;
    }

    /// What a prefix has used, which is remembered for as long as it is asked for.
    pub(super) fn used(&mut self, prefix: Prefix, now: Duration) -> Used {
        self.forget(now);
        let hash = self.current.hash(prefix);
        if let Some(entry) = self.current.set(hash).iter().find(|entry| entry.hash == hash) {
            return entry.used(now);
        }
        let Some(before) = &mut self.previous else { return Used::default() };
        let hash = before.hash(prefix);
        let found = before.set(hash).iter().find(|entry| entry.hash == hash);
        let Some(used) = found.map(|entry| entry.used(now)) else { return Used::default() };
        // Also where it is refused now: only silence is forgotten.
        self.set(prefix, used, now);
        used
    }

    /// From now on a prefix has used this.
    pub(super) fn set(&mut self, prefix: Prefix, used: Used, now: Duration) {
        let hash = self.current.hash(prefix);
        let set = self.current.set(hash);
        let place = match set.iter().position(|entry| entry.hash == hash) {
            Some(place) => set.get_mut(place),
            // An empty one has used nothing.
            None => set.iter_mut().min_by(|one, other| {
                let reports = |entry: &Entry| entry.used(now).reports;
                (one.hash != 0, reports(one))
                    .partial_cmp(&(other.hash != 0, reports(other)))
                    .unwrap_or(std::cmp::Ordering::Equal)
            }),
        };
        if let Some(place) = place {
            *place = Entry { hash, used, at: now };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::peer::Source;
    use super::*;
    use std::net::Ipv4Addr;

    fn prefix(number: u32) -> Prefix {
        Prefix::of(Source::Address(Ipv4Addr::from(number << 8).into()))
    }

    fn used(reports: f64) -> Used {
        Used { reports, bytes: 0.0 }
    }

    const MINUTE: Duration = Duration::from_secs(60);

    #[test]
    fn what_was_used_moves_over_the_border_and_is_gone_an_hour_later() {
        let mut table = Prefixes::new();
        table.set(prefix(1), used(1000.0), MINUTE * 29);
        let first_key = table.current.key.clone();
        // The border is at 30 minutes.
        let kept = table.used(prefix(1), MINUTE * 31).reports;
        assert!((998.0..1000.0).contains(&kept), "{kept}");
        assert!(*table.current.key != *first_key);
        // Over the next border, again; and two borders without a word from it end it.
        assert!(table.used(prefix(1), MINUTE * 62).reports > 970.0);
        table.forget(MINUTE * 93);
        assert!(table.used(prefix(1), MINUTE * 124).reports == 0.0);
        let keys = [Some(&table.current), table.previous.as_ref()];
        assert!(keys.into_iter().flatten().all(|kept| *kept.key != *first_key));
    }

    #[test]
    fn a_silent_table_forgets_too() {
        let mut table = Prefixes::new();
        table.set(prefix(1), used(1000.0), Duration::ZERO);
        table.forget(KEY_LIFE);
        assert!(table.previous.is_none());
        assert!(table.used(prefix(1), KEY_LIFE).reports == 0.0);
    }

    #[test]
    fn those_who_use_much_stay_known_in_a_table_that_is_full() {
        let mut table = Prefixes::new();
        for heavy in 0..100 {
            table.set(prefix(heavy), used(500.0), Duration::ZERO);
        }
        for light in 1000..1000 + 4 * PREFIXES as u32 {
            table.set(prefix(light), used(1.0), Duration::ZERO);
        }
        assert!((0..100).all(|heavy| table.used(prefix(heavy), Duration::ZERO).reports == 500.0));
        assert!(table.used(prefix(999), Duration::ZERO).reports == 0.0, "others are not judged");
    }
}
