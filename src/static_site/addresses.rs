//! The addresses that are known without following a link, and what is special about some.

use crate::gomod::{ModulePath, ModuleVersion};
use crate::tlog::{Bundle, Tile, TreeHead, TreeSize};

/// Where a run begins to follow links.
pub(super) const SEEDS: [&str; 12] = [
    "/",
    "/charts/",
    "/charts/@all",
    "/counters/",
    "/data/",
    "/config/",
    "/config/index.json",
    "/log/",
    "/help/",
    "/sitemap.xml",
    "/robots.txt",
    "/data/index.json",
];

/// Where it looks, too.
pub(super) const SHARED: [&str; 3] =
    ["/config/@latest", "/config/@latest.json", "/log/entry/@latest"];

/// When an object is written: those of a later time lead to those of an earlier one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Turn {
    /// Its bytes never change.
    Immutable,
    /// Pages and files; those that were found later come first.
    Page,
    /// Proofs under the newest head, whose tiles are there by now.
    Proof,
    /// The newest head, by itself.
    Head,
    /// The list of versions, and which one is the newest.
    List,
    /// What says that everything was written.
    Status,
}

/// The log's own addresses.
#[derive(Debug, Clone)]
pub(super) struct LogAddresses {
    /// The paths below which the checksum database is.
    databases: [String; 3],
    /// Where the module is in the proxy, with a slash at its end.
    module: String,
    escaped: String,
}

impl LogAddresses {
    pub(super) fn new(module: &ModulePath, database: &str) -> LogAddresses {
        let escaped = module.escape();
        LogAddresses {
            databases: [
                "/".to_owned(),
                "/sumdb/".to_owned(),
                format!("/goproxy/sumdb/{database}/"),
            ],
            module: format!("/goproxy/{escaped}/"),
            escaped,
        }
    }

    /// All tiles, bundles, versions, lookups and pointers of the log with this head.
    pub(super) fn all(&self, tree: TreeHead) -> Vec<String> {
        let size = tree.size;
        let mut all = Vec::new();
        for tile in Tile::changed(TreeSize::ZERO, size) {
            all.push(format!("/log/{}", tile.path()));
            all.extend(self.databases.iter().map(|below| format!("{below}{}", tile.sumdb_path())));
        }
        for bundle in Bundle::changed(TreeSize::ZERO, size) {
            all.push(format!("/log/{}", bundle.path()));
            all.extend(
                self.databases.iter().map(|below| format!("{below}{}", bundle.sumdb_path())),
            );
        }
        for version in (1..=size.get()).filter_map(|number| ModuleVersion::new(number).ok()) {
            let files = ["info", "mod", "zip", "tlog-proof"];
            all.extend(files.map(|file| format!("{}@v/{version}.{file}", self.module)));
            let looked_up = |below: &String| format!("{below}lookup/{}@{version}", self.escaped);
            all.extend(self.databases.iter().map(looked_up));
        }
        all.extend(self.databases.iter().map(|below| format!("{below}latest")));
        all.extend(self.databases[1..].iter().map(|below| format!("{below}supported")));
        all.extend(["/log/checkpoint", "/log/policy"].map(str::to_owned));
        all.push(format!("{}@v/list", self.module));
        if size != TreeSize::ZERO {
            all.push("/log/newest".to_owned());
            all.push(format!("{}@latest", self.module));
        }
        all
    }

    /// When what is at this address is written.
    pub(super) fn turn(&self, address: &str, is_immutable: bool) -> Turn {
        let in_module = address.strip_prefix(&self.module);
        let in_database =
            self.databases.iter().rev().find_map(|below| address.strip_prefix(below.as_str()));
        match (in_module, in_database) {
            (Some("@v/list" | "@latest"), _) => Turn::List,
            (_, Some("latest")) => Turn::Head,
            _ if address == "/log/checkpoint" => Turn::Head,
            _ if address == "/log/newest" || address.ends_with(".tlog-proof") => Turn::Proof,
            (_, Some(path)) if path.starts_with("lookup/") => Turn::Proof,
            _ if is_immutable => Turn::Immutable,
            _ => Turn::Page,
        }
    }

    /// Whether what was once written at this address stays right, although a server would answer with a newer head:
    /// it proves the same under the head of that time, which is signed as well and whose tiles stay.
    pub(super) fn lasts(&self, address: &str, tree: TreeHead) -> bool {
        let looked_up = |below: &String| {
            address.strip_prefix(below.as_str()).is_some_and(|rest| rest.starts_with("lookup/"))
        };
        let old_proof = address
            .strip_prefix(&self.module)
            .and_then(|rest| rest.strip_prefix("@v/")?.strip_suffix(".tlog-proof")?.parse().ok())
            .is_some_and(|version: ModuleVersion| version.number() < tree.size.get());
        let entry = address.strip_prefix("/log/entry/").is_some_and(|name| !name.starts_with('@'));
        self.databases.iter().any(looked_up) || old_proof || entry
    }
}

/// Addresses that follow from one, which people share and no page need link to: `@latest`, and badges.
pub(super) fn also_at(address: &str) -> Vec<String> {
    let is_date = |text: &str| text.parse::<jiff::civil::Date>().is_ok();
    if let Some((date, ending)) =
        address.strip_prefix("/data/weeks/").and_then(|name| name.split_once('.'))
    {
        return match is_date(date) {
            true => vec![format!("/data/weeks/@latest.{ending}")],
            false => Vec::new(),
        };
    }
    let week = address.strip_prefix("/charts").and_then(|_| address.split_once("/@"));
    let Some((program, (date, name))) =
        week.and_then(|(program, rest)| Some((program, rest.split_once('/')?)))
    else {
        return Vec::new();
    };
    let latest = format!("{program}/@latest");
    match name.strip_suffix(".svg").filter(|chart| !chart.ends_with(".badge")) {
        _ if !is_date(date) => Vec::new(),
        None if name.is_empty() => vec![latest.clone(), format!("{latest}/")],
        None => Vec::new(),
        Some(chart) => ["", ".svg", ".png", ".json", ".csv", ".badge.svg"]
            .map(|ending| format!("{latest}/{chart}{ending}"))
            .into_iter()
            .chain([format!("{program}/@{date}/{chart}.badge.svg")])
            .collect(),
    }
}

/// Whether an address is not part of a copy: what accepts something, and a witness.
pub(super) fn is_for_servers(address: &str) -> bool {
    let first = address.trim_start_matches('/').split('/').next().unwrap_or_default();
    matches!(first, "upload" | "witness" | "health" | "metrics")
}

/// The name of the object at an address; `None` if it cannot have one.
pub(super) fn name_of(address: &str) -> Option<String> {
    let path = crate::percent::decoded(address)?;
    let mut name = path.strip_prefix('/')?.to_owned();
    if name.is_empty() || name.ends_with('/') {
        name.push_str("index.html");
    }
    let is_element = |element: &str| {
        !matches!(element, "" | "." | "..")
            && element.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\')
    };
    (name.len() <= 1000 && !name.starts_with(".candor/") && name.split('/').all(is_element))
        .then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_from_addresses() {
        for (address, name) in [
            ("/", Some("index.html")),
            ("/charts/", Some("charts/index.html")),
            ("/charts/@all", Some("charts/@all")),
            ("/counters/a/b%3Ac", Some("counters/a/b:c")),
            ("/a//b", None),
            ("/a/../b", None),
            ("/.candor/written", None),
            ("/%2e%2e/a", None),
            ("/a%00", None),
        ] {
            assert_eq!(name_of(address).as_deref(), name, "{address}");
        }
    }

    #[test]
    fn what_people_share_is_asked_for() {
        let also = |address: &str| also_at(address).join(" ");
        assert_eq!(also("/data/weeks/2026-11-15.csv.zst"), "/data/weeks/@latest.csv.zst");
        assert_eq!(also("/charts/@2026-11-15/"), "/charts/@latest /charts/@latest/");
        assert_eq!(also("/charts/a/b/@2026-11-15/"), "/charts/a/b/@latest /charts/a/b/@latest/");
        assert_eq!(
            also("/charts/a/@2026-11-15/x.svg"),
            "/charts/a/@latest/x /charts/a/@latest/x.svg /charts/a/@latest/x.png /charts/a/@latest/x.json \
             /charts/a/@latest/x.csv /charts/a/@latest/x.badge.svg /charts/a/@2026-11-15/x.badge.svg"
        );
        for address in [
            "/",
            "/charts/a/@latest/x.svg",
            "/charts/a/@2026-11-15..2026-11-22/x.svg",
            "/charts/a/@2026-11-15/x.badge.svg",
            "/charts/a/@2026-11-15/x.json",
            "/data/weeks/@latest.parquet",
            "/data/weeks/SHA256SUMS",
        ] {
            assert_eq!(also(address), "", "{address}");
        }
    }

    #[test]
    fn what_leads_to_others_comes_after_them() {
        let module = ModulePath::new("telemetry.example.org/Config").expect("a module");
        let log = LogAddresses::new(&module, "telemetry.example.org");
        let tree =
            TreeHead { size: TreeSize::new(3).expect("small"), root: crate::tlog::Hash::EMPTY };
        let all = log.all(tree);
        let turn = |address: &str| {
            assert!(all.iter().any(|one| one == address), "{address}: {all:#?}");
            log.turn(address, address.contains("tile"))
        };
        assert_eq!(turn("/tile/8/0/000.p/3"), Turn::Immutable);
        assert_eq!(turn("/log/tile/entries/000.p/3"), Turn::Immutable);
        let module = "telemetry.example.org/!config";
        let database = "/goproxy/sumdb/telemetry.example.org";
        assert_eq!(turn(&format!("{database}/lookup/{module}@v0.2.0")), Turn::Proof);
        assert_eq!(turn(&format!("/lookup/{module}@v0.2.0")), Turn::Proof);
        assert_eq!(turn(&format!("{database}/latest")), Turn::Head);
        assert_eq!(turn("/latest"), Turn::Head);
        assert_eq!(turn(&format!("/goproxy/{module}/@v/list")), Turn::List);
        assert!(log.lasts(&format!("/lookup/{module}@v0.2.0"), tree));
        assert!(log.lasts(&format!("/goproxy/{module}/@v/v0.2.0.tlog-proof"), tree));
        assert!(!log.lasts(&format!("/goproxy/{module}/@v/v0.3.0.tlog-proof"), tree));
        assert!(Turn::Immutable < Turn::Page && Turn::Proof < Turn::Head);
    }
}
