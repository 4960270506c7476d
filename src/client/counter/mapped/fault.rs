//! Survives a mapped counter file being shortened by another program.
//!
//! Touching a page that the file no longer has makes the system send `SIGBUS`, which kills the process; so
//! does a disk that turns out to be full only then. Nothing can keep another program of the same user
//! from shortening a file, and checking beforehand is always too early. So the signal is handled: a page
//! of zeros replaces the missing one, and the program goes on. The counts in that page are lost; the
//! recorder's next check finds that the file was shortened, and opens it again.
//!
//! A signal handler belongs to the whole process, so this one interferes as little as possible: it is
//! installed once, when the first counter file is mapped, handles only faults in counter files, and
//! passes everything else to the previous handler or the system's default. A program that later
//! installs a handler of its own replaces it, and loses this protection.
//!
//! Only on Linux. On other systems a shortened file kills the process, as with Go's client.

use nix::libc;
use std::mem::MaybeUninit;
use std::ptr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicPtr, AtomicUsize, Ordering::SeqCst};

/// Memory in which faults are handled. Never freed.
struct Guarded {
    start: usize,
    length: usize,
    next: *const Guarded,
}

/// The most recently guarded memory: the head of a list that only grows.
static GUARDED: AtomicPtr<Guarded> = AtomicPtr::new(ptr::null_mut());
/// The handler before this one. Known before this one is installed.
static BEFORE: OnceLock<libc::sigaction> = OnceLock::new();
/// How many pages were replaced. A file that was mapped before the last replacement may be affected.
static REPLACED: AtomicUsize = AtomicUsize::new(0);
/// The system's page size; a power of two. Known before the handler is installed.
static PAGE_SIZE: AtomicUsize = AtomicUsize::new(0);

/// Handles faults in this memory, a mapped file that stays mapped.
pub(super) fn guard(start: *mut u8, length: usize) {
    let guarded = Box::leak(Box::new(Guarded { start: start.addr(), length, next: ptr::null() }));
    loop {
        let before = GUARDED.load(SeqCst);
        guarded.next = before;
        if GUARDED.compare_exchange(before, guarded, SeqCst, SeqCst).is_ok() {
            break;
        }
    }
    install();
}

/// How many pages of counter files were found to be missing so far.
pub(super) fn replaced() -> usize {
    REPLACED.load(SeqCst)
}

fn install() {
    static INSTALLED: OnceLock<()> = OnceLock::new();
    INSTALLED.get_or_init(|| {
        // SAFETY: only reads a system setting.
        let page_size = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
        let Ok(page_size) = usize::try_from(page_size) else { return };
        PAGE_SIZE.store(page_size, SeqCst);
        // SAFETY: both structures are plain data, for which zeros are valid; the first call only
        // reads the current handler, and the second installs a function that may be called at any time
        // from now on: it does not wait, allocate or lock.
        unsafe {
            let mut before = MaybeUninit::<libc::sigaction>::zeroed();
            if libc::sigaction(libc::SIGBUS, ptr::null(), before.as_mut_ptr()) != 0 {
                return;
            }
            let _ = BEFORE.set(before.assume_init());
            let mut ours = MaybeUninit::<libc::sigaction>::zeroed().assume_init();
            ours.sa_sigaction = handle as *const () as libc::sighandler_t;
            ours.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK | libc::SA_RESTART;
            libc::sigaction(libc::SIGBUS, &ours, ptr::null_mut());
        }
    });
}

/// The handler.
extern "C" fn handle(signal: libc::c_int, info: *mut libc::siginfo_t, context: *mut libc::c_void) {
    // SAFETY: the system calls this with a valid `info`. Errno is the interrupted code's, and is
    // put back.
    unsafe {
        let errno = libc::__errno_location();
        let before = *errno;
        let address = (*info).si_addr().addr();
        // Codes above 0 are from the kernel; with others, a process sent the signal.
        if (*info).si_code > 0 && is_guarded(address) && replace_page(address) {
            *errno = before;
            return;
        }
        call_previous_handler(signal, info, context);
        *errno = before;
    }
}

fn is_guarded(address: usize) -> bool {
    let mut next = GUARDED.load(SeqCst).cast_const();
    // SAFETY: the list's elements are leaked, and do not change once they are in it.
    while let Some(guarded) = unsafe { next.as_ref() } {
        if address.wrapping_sub(guarded.start) < guarded.length {
            return true;
        }
        next = guarded.next;
    }
    false
}

/// Replaces a page by zeros.
///
/// # Safety
///
/// The address is in guarded memory.
unsafe fn replace_page(address: usize) -> bool {
    let page_size = PAGE_SIZE.load(SeqCst);
    let page = address & !(page_size - 1);
    let (protection, flags) = (
        libc::PROT_READ | libc::PROT_WRITE,
        libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_FIXED,
    );
    // SAFETY: the page is within a mapping of ours, which begins and ends at multiples of 16 KiB,
    // and is accessed only atomically, by those who expect it to change at any time. On systems
    // with larger pages than that, the mapping begins at a page all the same, and what is replaced
    // beyond its end belongs to nobody.
    let mapped = unsafe {
        libc::mmap(ptr::without_provenance_mut(page), page_size, protection, flags, -1, 0)
    };
    REPLACED.fetch_add(1, SeqCst);
    mapped != libc::MAP_FAILED
}

/// Does what would have been done without this handler.
///
/// # Safety
///
/// The arguments are those of the handler.
unsafe fn call_previous_handler(
    signal: libc::c_int,
    info: *mut libc::siginfo_t,
    context: *mut libc::c_void,
) {
    type Simple = extern "C" fn(libc::c_int);
    type Detailed = extern "C" fn(libc::c_int, *mut libc::siginfo_t, *mut libc::c_void);
    let before = BEFORE.get();
    let handler = before.map_or(libc::SIG_DFL, |before| before.sa_sigaction);
    // SAFETY: anything but the two constants is a function of the kind that the flag says, which the
    // program has installed to be called like this. The system's default is restored as it was.
    unsafe {
        match before {
            Some(before) if handler != libc::SIG_DFL && handler != libc::SIG_IGN => {
                if before.sa_flags & libc::SA_SIGINFO == 0 {
                    std::mem::transmute::<libc::sighandler_t, Simple>(handler)(signal);
                } else {
                    let handler = std::mem::transmute::<libc::sighandler_t, Detailed>(handler);
                    handler(signal, info, context);
                }
            }
            _ if handler == libc::SIG_IGN && (*info).si_code <= 0 => {}
            _ => {
                let mut default = MaybeUninit::<libc::sigaction>::zeroed().assume_init();
                default.sa_sigaction = libc::SIG_DFL;
                libc::sigaction(signal, &default, ptr::null_mut());
                // A fault happens again when this returns; a signal that was sent is sent again.
                if (*info).si_code <= 0 {
                    libc::raise(signal);
                }
            }
        }
    }
}
