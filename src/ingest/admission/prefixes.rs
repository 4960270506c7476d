//! What each network has used lately, in a table of fixed size, under keys that live an hour.
//!
//! An entry is a hash of the prefix under a random key, and two numbers. There are two generations: the
//! current one, and the previous one, which is only read. Every half hour the previous one is dropped
//! with its key, the current one becomes the previous one, and an empty one with a new key begins. So a
//! key lives an hour, and its entries cannot be read after that.
//!
//! **Nothing resets when a generation ends.** A prefix that is not in the current generation is looked
//! up in the previous one, under that key, and its usage moves along. It is only forgotten once it has
//! sent nothing for at least half an hour, at most an hour.
//!
//! **When it is full.** The table is set-associative, with [`WAYS`] entries per set; a new entry
//! replaces the one in its set with the lowest usage. So heavy users stay known. A prefix that is not
//! in the table counts as having used nothing: nobody is ever turned away because others fill the
//! table.

use super::peer::Prefix;
use sha2::{Digest, Sha256};
use std::hash::{BuildHasher, RandomState};
use std::time::Duration;
use zeroize::Zeroizing;

/// How long a key lives: two generations of half of it.
pub const KEY_LIFE: Duration = Duration::from_secs(3600);
/// The time in which usage decays to 37%.
pub const FADING: Duration = Duration::from_secs(24 * 3600);
/// How many prefixes share a set.
const WAYS: usize = 8;
const SETS: usize = 1 << 14;
/// How many prefixes one generation remembers.
pub const PREFIXES: usize = SETS * WAYS;

/// A prefix's usage, which decays.
#[derive(Clone, Copy, Default)]
pub(super) struct Used {
    pub(super) reports: f64,
    pub(super) bytes: f64,
}

#[derive(Clone, Copy, Default)]
struct Entry {
    /// The hash; 0 if the entry is empty.
    hash: u64,
    used: Used,
    /// The time of `used`.
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
            // Not secret from someone who can guess the standard library's keys, but never constant.
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
    /// When the current generation began.
    began: Duration,
}

impl Prefixes {
    pub(super) fn new() -> Prefixes {
        Prefixes { current: Generation::new(), previous: None, began: Duration::ZERO }
    }

    /// Drops what is too old. Call it regularly even when nobody sends anything.
    pub(super) fn forget(&mut self, now: Duration) {
        let age = now.saturating_sub(self.began);
        if age < KEY_LIFE / 2 {
            return;
        }
        let old = std::mem::replace(&mut self.current, Generation::new());
        self.previous = (age < KEY_LIFE).then_some(old);
        self.began = now;
    }

    /// A prefix's usage, which is remembered for as long as it is asked for.
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
        // Even if it is refused now: only silence is forgotten.
        self.set(prefix, used, now);
        used
    }

    /// Sets a prefix's usage.
    pub(super) fn set(&mut self, prefix: Prefix, used: Used, now: Duration) {
        let hash = self.current.hash(prefix);
        let set = self.current.set(hash);
        let place = match set.iter().position(|entry| entry.hash == hash) {
            Some(place) => set.get_mut(place),
            // An empty entry counts as unused.
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
