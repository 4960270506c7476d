//! The system's cheapest clock, because every count reads it.
//!
//! On Linux that is the coarse clock, a few milliseconds behind the precise one. The kernel keeps it in
//! memory that every process can read, so reading it takes no system call, unless a sandbox has removed
//! that memory. Other systems have only one clock.

/// Seconds since 1970; 0 before.
#[inline]
#[cfg(any(target_os = "android", target_os = "linux"))]
pub(super) fn seconds() -> u64 {
    use nix::time::{ClockId, clock_gettime};
    let time = clock_gettime(ClockId::CLOCK_REALTIME_COARSE);
    time.ok().and_then(|time| u64::try_from(time.tv_sec()).ok()).unwrap_or(0)
}

/// Seconds since 1970; 0 before.
#[cfg(not(any(target_os = "android", target_os = "linux")))]
pub(super) fn seconds() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs())
}
