//! How a server takes reports, as its pages say.

/// How a server takes reports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receiving {
    /// Whether it merges them into the public data by itself, each day.
    pub merges: bool,
    /// The proxies whose word on a client's address it takes, as they are configured.
    pub trusted_proxies: Vec<String>,
    /// How many reports are taken; `None` where as many are as come.
    pub budgets: Option<Budgets>,
}

/// How many reports are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budgets {
    /// From one network (/24, or /48 of IPv6) at once.
    pub prefix: u64,
    /// New ones from all together in a day.
    pub day: u64,
}
