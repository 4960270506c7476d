//! Whether there is memory enough to find out about a stack.
//!
//! The standard library maps the program's debug information, takes it apart, and holds a lock of
//! its own meanwhile. An allocation that fails there ends the process or, as its error message
//! wants the same lock, makes it wait for ever. A program that runs under a limit of its memory may
//! be able to deal with that limit; it must not die of being counted. So where little is left below
//! a limit, stacks are not looked at.
//!
//! Limits that kill rather than refuse (a control group's) cannot be asked; nor is there a defence
//! against memory that others take between this look and its use, but to ask for more than enough.

/// How much must be left for a stack, in bytes, beside the program's own length: its file is
/// mapped, and so are those of its libraries and what is parsed of them.
#[cfg(unix)]
const AMPLE: u64 = if usize::BITS > 32 { 1 << 30 } else { 1 << 28 };

/// Whether the process may have so much more memory that a stack can safely be looked at.
#[cfg(unix)]
pub(in crate::client) fn is_ample() -> bool {
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
    // Twice: what is parsed is hardly longer than what it is parsed from.
    let program = std::env::current_exe().and_then(std::fs::metadata);
    let needed = program.map_or(AMPLE, |file| AMPLE.saturating_add(file.len().saturating_mul(2)));
    [(of_addresses, addresses), (of_data, data)]
        .into_iter()
        .all(|(limit, used)| limit == RLIM_INFINITY || limit.saturating_sub(used) >= needed)
}

/// Other systems have no such limits.
#[cfg(not(unix))]
pub(in crate::client) fn is_ample() -> bool {
    true
}

/// How many bytes of addresses and of data the process has in use. `None` if that is not known.
#[cfg(target_os = "linux")]
fn in_use() -> Option<(u64, u64)> {
    let pages = std::fs::read_to_string("/proc/self/statm").ok()?;
    let mut pages = pages.split_ascii_whitespace().map(str::parse::<u64>);
    let (addresses, data) = (pages.next()?.ok()?, pages.nth(4)?.ok()?);
    let page = nix::unistd::sysconf(nix::unistd::SysconfVar::PAGE_SIZE).ok()??;
    let page = u64::try_from(page).ok()?;
    Some((addresses.saturating_mul(page), data.saturating_mul(page)))
}

/// Elsewhere it is supposed to be much: some systems limit every process, at tens of GiB.
#[cfg(all(unix, not(target_os = "linux")))]
fn in_use() -> Option<(u64, u64)> {
    Some((16 * AMPLE, 16 * AMPLE))
}
