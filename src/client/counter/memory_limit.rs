//! Whether there is enough memory to capture a stack.
//!
//! The standard library maps and parses the program's debug information, and holds a lock of its own
//! meanwhile. An allocation that fails there ends the process or, because its error message needs the
//! same lock, deadlocks. A program may be able to handle its memory limit; counting must not kill it. So
//! if too little memory is left below a limit, stacks are not captured.
//!
//! Limits that kill instead of refusing (those of control groups) cannot be queried. The only defence
//! against memory that is taken between this check and its use is to require more than enough.

/// How much memory must be left for a stack, in bytes, besides twice the program's own size: its file and
/// those of its libraries are mapped and parsed.
#[cfg(unix)]
const NEEDED: u64 = if usize::BITS > 32 { 1 << 30 } else { 1 << 28 };

/// Whether the process may use enough memory to capture a stack safely.
#[cfg(unix)]
pub(in crate::client) fn allows_stacks() -> bool {
    use nix::sys::resource::{RLIM_INFINITY, Resource, getrlimit};
    let limit = |resource| getrlimit(resource).map_or(0, |(limit, _)| limit);
    // Some systems, and nix on FreeBSD, do not have the former.
    #[cfg(not(any(target_os = "freebsd", target_os = "netbsd", target_os = "openbsd")))]
    let of_addresses = limit(Resource::RLIMIT_AS);
    #[cfg(any(target_os = "freebsd", target_os = "netbsd", target_os = "openbsd"))]
    let of_addresses = RLIM_INFINITY;
    let of_data = limit(Resource::RLIMIT_DATA);
    if (of_addresses, of_data) == (RLIM_INFINITY, RLIM_INFINITY) {
        return true;
    }
    let Some((addresses, data)) = in_use() else { return false };
    // Twice, because what is parsed is hardly larger than its source.
    let program = std::env::current_exe().and_then(std::fs::metadata);
    let needed = program.map_or(NEEDED, |file| NEEDED.saturating_add(file.len().saturating_mul(2)));
    [(of_addresses, addresses), (of_data, data)]
        .into_iter()
        .all(|(limit, used)| limit == RLIM_INFINITY || limit.saturating_sub(used) >= needed)
}

/// Other systems have no such limits.
#[cfg(not(unix))]
pub(in crate::client) fn allows_stacks() -> bool {
    true
}

/// How many bytes of address space and of data the process uses. `None` if unknown.
#[cfg(target_os = "linux")]
fn in_use() -> Option<(u64, u64)> {
    let pages = std::fs::read_to_string("/proc/self/statm").ok()?;
    let mut pages = pages.split_ascii_whitespace().map(str::parse::<u64>);
    let (addresses, data) = (pages.next()?.ok()?, pages.nth(4)?.ok()?);
    let page = nix::unistd::sysconf(nix::unistd::SysconfVar::PAGE_SIZE).ok()??;
    let page = u64::try_from(page).ok()?;
    Some((addresses.saturating_mul(page), data.saturating_mul(page)))
}

/// Elsewhere a lot is assumed: some systems limit every process, to tens of GiB.
#[cfg(all(unix, not(target_os = "linux")))]
fn in_use() -> Option<(u64, u64)> {
    Some((16 * NEEDED, 16 * NEEDED))
}
