//! Thirty-two secret bytes, in a page of memory of their own.
//!
//! The page is locked so that it is not swapped out, excluded from core dumps and forked children, and
//! wiped before it is freed. A key that is expanded from the bytes is on the stack for one operation,
//! after which that part of the stack is overwritten. So a process that is not signing holds the secret
//! once, in that page, and nowhere else.
//!
//! If the system refuses some of this, we go on without it: if memory cannot be locked
//! ([`Secret::is_locked`]), the page may be swapped out. Hibernation writes all memory to disk, locked or
//! not. On systems other than Linux a core dump may contain the page.

use std::fmt;
use zeroize::{Zeroize as _, Zeroizing, zeroize_stack};

/// How much of the stack is overwritten after the secret was used: more than signing by ML-DSA takes in
/// a build without optimisation.
const STACK: usize = 384 * 1024;

/// Secret bytes. Wiped from memory on drop, and never shown by `Debug`.
pub(super) struct Secret {
    memory: Memory,
    locked: bool,
}

enum Memory {
    /// The bytes come first; the rest of the page is unused.
    #[cfg(feature = "client")]
    Page(memmap2::MmapMut),
    /// If the system gives no page.
    Heap(Box<[u8; Secret::LENGTH]>),
}

impl Secret {
    /// How many bytes a secret has.
    pub(super) const LENGTH: usize = 32;

    /// A secret that `fill` writes in place. Nothing is kept if that fails.
    pub(super) fn filled<E>(
        fill: impl FnOnce(&mut [u8; Secret::LENGTH]) -> Result<(), E>,
    ) -> Result<Secret, E> {
        let mut secret = Secret::empty();
        let filled = secret.fill(fill);
        zeroize_stack::<STACK>();
        filled.map(|()| secret)
    }

    fn empty() -> Secret {
        #[cfg(feature = "client")]
        if let Ok(page) = memmap2::MmapMut::map_anon(Secret::LENGTH) {
            let locked = protect(&page);
            return Secret { memory: Memory::Page(page), locked };
        }
        Secret { memory: Memory::Heap(Box::new([0; Secret::LENGTH])), locked: false }
    }

    fn bytes(&self) -> &[u8] {
        match &self.memory {
            #[cfg(feature = "client")]
            Memory::Page(page) => page,
            Memory::Heap(bytes) => bytes.as_slice(),
        }
    }

    /// The bytes; never `None`, since a page is longer.
    fn bytes_mut(&mut self) -> Option<&mut [u8; Secret::LENGTH]> {
        match &mut self.memory {
            #[cfg(feature = "client")]
            Memory::Page(page) => page.first_chunk_mut(),
            Memory::Heap(bytes) => Some(bytes),
        }
    }

    /// Not inlined, so that whatever it leaves on the stack is where the caller overwrites it.
    #[inline(never)]
    fn fill<E>(
        &mut self,
        fill: impl FnOnce(&mut [u8; Secret::LENGTH]) -> Result<(), E>,
    ) -> Result<(), E> {
        self.bytes_mut().map_or(Ok(()), fill)
    }

    /// Calls `work` with the bytes, and overwrites what it leaves on the stack. The result must not
    /// contain the secret.
    pub(super) fn with<R>(&self, work: impl FnOnce(&[u8; Secret::LENGTH]) -> R) -> R {
        let result = self.use_bytes(work);
        zeroize_stack::<STACK>();
        result
    }

    #[inline(never)]
    fn use_bytes<R>(&self, work: impl FnOnce(&[u8; Secret::LENGTH]) -> R) -> R {
        let mut bytes = Zeroizing::new([0; Secret::LENGTH]);
        for (to, from) in bytes.iter_mut().zip(self.bytes()) {
            *to = *from;
        }
        work(&bytes)
    }

    /// Whether the system keeps the bytes out of swap.
    pub(super) fn is_locked(&self) -> bool {
        self.locked
    }
}

/// Asks the system to keep a page out of swap, core dumps and child processes. Returns whether it is kept
/// out of swap.
#[cfg(feature = "client")]
fn protect(page: &memmap2::MmapMut) -> bool {
    #[cfg(target_os = "linux")]
    for advice in [memmap2::Advice::DontDump, memmap2::Advice::DontFork] {
        // If the kernel does not support it, the process's own protection remains.
        let _ = page.advise(advice);
    }
    #[cfg(unix)]
    let locked = page.lock().is_ok();
    #[cfg(not(unix))]
    let locked = false;
    locked
}

impl Drop for Secret {
    fn drop(&mut self) {
        if let Some(bytes) = self.bytes_mut() {
            bytes.zeroize();
        }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}
