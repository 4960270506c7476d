//! How a server accepts reports, for its pages.

/// How a server accepts reports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceiverSettings {
    /// Whether it keeps them in a store that others can use, too, and not on its own disk.
    pub in_store: bool,
    /// Whether it merges them into the public data itself, every day.
    pub merges: bool,
    /// The proxies that it trusts to name a client's address, as configured.
    pub trusted_proxies: Vec<String>,
    /// How many reports it accepts; `None` for no limit.
    pub budgets: Option<Budgets>,
}

/// How many reports are accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budgets {
    /// From one network (/24, or /48 for IPv6) at once.
    pub prefix: u64,
    /// New ones from all networks together, in a day.
    pub day: u64,
}
