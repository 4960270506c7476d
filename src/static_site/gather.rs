//! Asking a site for everything that is to be written, before any of it is.
//!
//! Links are followed from the front page, and what the log has is known. Bodies that are new are kept in a file
//! without a name until they are written, however many they are.

use super::adapt::{self, file_of};
use super::addresses::{LogAddresses, SEEDS, SHARED, Turn, also_at, is_for_servers, name_of};
use super::links::{Links, Place, own};
use super::written::{NAME, NotWritten, Written, shown_size, tag_of};
use crate::aggregate::chart_csv::name_of as dimension_name;
use crate::aggregate::figure::Dimension;
use crate::gomod::ModulePath;
use crate::store::StoreError;
use crate::store::plain::{PlainHeaders, PlainStore};
use crate::tlog::{ProofError, StoredTiles, TreeHead, TreeSize, prefix_root};
use crate::web::{Answer, Reader, WrittenAt};
use std::collections::{BTreeSet, VecDeque};
use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use tokio::task::JoinSet;

/// How many answers are asked for at once.
const TOGETHER: usize = 4;
/// How many redirects are followed from one address.
const REDIRECTS: usize = 4;

/// What is copied.
#[derive(Debug, Clone)]
pub struct Source {
    /// The site, whose state does not change meanwhile.
    pub reader: Reader,
    /// The module.
    pub module: ModulePath,
    /// The name of the checksum database.
    pub database: String,
    /// The head that the site shows.
    pub tree: TreeHead,
    /// The log's tiles.
    pub tiles: StoredTiles,
    /// The policy and keys by which clients verify it: proofs of earlier runs are written again if they differ.
    pub trust: Vec<u8>,
    /// When this is.
    pub now: WrittenAt,
}

/// Everything that is to be written.
#[derive(Debug)]
pub struct Gathered {
    pub(super) objects: Vec<NewObject>,
    pub(super) bodies: Bodies,
    pub(super) written: Written,
    pub(super) unchanged: usize,
    /// Links that lead nowhere, which a server has, too.
    pub(super) dead: Vec<String>,
}

/// An object that is new or has changed.
#[derive(Debug)]
pub(super) struct NewObject {
    pub(super) turn: Turn,
    /// A larger number was found later.
    pub(super) found: usize,
    pub(super) name: String,
    pub(super) tag: String,
    pub(super) headers: PlainHeaders,
    /// Where its body begins, and its length.
    pub(super) body: (u64, usize),
}

/// Bodies on disk.
#[derive(Debug)]
pub(super) struct Bodies {
    file: File,
    end: u64,
}

impl Bodies {
    fn new() -> io::Result<Bodies> {
        Ok(Bodies { file: tempfile::tempfile()?, end: 0 })
    }

    fn keep(&mut self, bytes: &[u8]) -> io::Result<(u64, usize)> {
        let at = self.end;
        self.file.write_all(bytes)?;
        self.end += bytes.len() as u64;
        Ok((at, bytes.len()))
    }

    pub(super) fn read(&mut self, (at, length): (u64, usize)) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; length];
        self.file.seek(SeekFrom::Start(at))?;
        self.file.read_exact(&mut bytes)?;
        Ok(bytes)
    }
}

/// Why nothing is written.
#[derive(Debug, thiserror::Error)]
pub enum GatherError {
    /// The place of the copy cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What was written there is not understood.
    #[error("{NAME} at the place of the copy cannot be read: {0}")]
    NotWritten(#[from] NotWritten),
    /// A copy must not go back.
    #[error(
        "the copy has a log of {copied} entries, and this deployment one of {own}: the store was restored from a backup, or \
         is another log; nothing was written"
    )]
    Older {
        /// The entries of the copy.
        copied: u64,
        /// Those of the deployment.
        own: u64,
    },
    /// A copy has one history.
    #[error(
        "the copy has another log, of {0} entries, than this deployment; nothing was written: write to a new place, or \
         empty this one"
    )]
    OtherLog(u64),
    /// Whether it is the same log cannot be seen.
    #[error("the deployment's log cannot be compared with that of the copy: {0}")]
    Log(#[from] ProofError),
    /// The site refuses what it should have.
    #[error(
        "{address} cannot be served ({status}), so nothing was written; `candor verify-store` says what is damaged, and if a merge \
         ran meanwhile, run this again"
    )]
    Refused {
        /// The path.
        address: String,
        /// The status.
        status: u16,
    },
    /// What is to be written cannot be kept until then.
    #[error(
        "the temporary file cannot be written: {0}; make room in the folder for temporary files"
    )]
    Temporary(#[from] io::Error),
}

/// An address to ask for.
#[derive(Debug, Clone)]
struct Wanted {
    address: String,
    /// Whether a link leads there, or only a text mentions it.
    is_linked: bool,
}

/// What a copy has, which must be of this log, and no newer one.
pub fn check_copy(source: &Source, store: &dyn PlainStore) -> Result<(), GatherError> {
    written_before(source, store).map(drop)
}

fn written_before(source: &Source, store: &dyn PlainStore) -> Result<Written, GatherError> {
    let before = match store.read(NAME)? {
        Some(bytes) => Written::parse(&bytes)?,
        None => Written::default(),
    };
    let own = source.tree.size;
    // A run that was interrupted has written a head, but not the list.
    let copied = shown_size(store)?.unwrap_or_default().max(before.size);
    if copied > own.get() {
        return Err(GatherError::Older { copied, own: own.get() });
    }
    if let Ok(size) = TreeSize::new(before.size)
        && size != TreeSize::ZERO
        && prefix_root(size, own, &source.tiles)?.to_string() != before.root
    {
        return Err(GatherError::OtherLog(before.size));
    }
    Ok(before)
}

/// Asks for everything. `progress` is called with how many answers there were and how many more are known of.
pub async fn gather(
    source: &Source,
    store: &dyn PlainStore,
    everything: bool,
    progress: impl Fn(usize, usize),
) -> Result<Gathered, GatherError> {
    let mut before = written_before(source, store)?;
    let (own_size, own_root) = (source.tree.size.get(), source.tree.root.to_string());
    if everything {
        before.tags.clear();
    }
    let trust = tag_of(&[&source.trust]);
    let log = LogAddresses::new(&source.module, &source.database);
    if before.trust != trust {
        // Also if this run is interrupted, the next one writes them again.
        before.tags.retain(|name, _| !log.lasts(&format!("/{name}"), source.tree));
    }
    let mut run = Run {
        place: Place { base: source.reader.base_path(), address: source.reader.address() },
        log,
        seen: BTreeSet::new(),
        waiting: VecDeque::new(),
        found: 0,
        gathered: Gathered {
            objects: Vec::new(),
            bodies: Bodies::new()?,
            written: Written { size: own_size, root: own_root, trust, tags: before.tags },
            unchanged: 0,
            dead: Vec::new(),
        },
    };
    let log = run.log.all(source.tree);
    for address in SEEDS.into_iter().map(str::to_owned).chain(log) {
        run.want(address, true);
    }
    for address in SHARED {
        run.want(address.to_owned(), false);
    }
    let mut asked = JoinSet::new();
    loop {
        while asked.len() < TOGETHER
            && let Some(wanted) = run.waiting.pop_front()
        {
            if run.is_known(&wanted.address, source.tree) {
                run.gathered.unchanged += 1;
                continue;
            }
            run.found += 1;
            let (reader, base, found) = (source.reader.clone(), run.place.base.clone(), run.found);
            asked.spawn(async move {
                let (answer, by) = follow(&reader, &wanted.address, &base).await;
                (wanted, found, answer, by)
            });
        }
        let Some(done) = asked.join_next().await else { break };
        let (wanted, found, answer, by) =
            done.map_err(|error| io::Error::other(error.to_string()))?;
        run.take(wanted, found, answer, by)?;
        progress(run.found, run.waiting.len());
    }
    run.add_own(source).await?;
    Ok(run.gathered)
}

/// The answer for an address, or where it redirects to; with the lifetime of the first redirect, if there was one.
async fn follow(reader: &Reader, address: &str, base: &str) -> (Answer, Option<(String, String)>) {
    let mut answer = reader.get(address).await;
    let mut by = None;
    for _ in 0..REDIRECTS {
        let to = answer.location.as_deref().and_then(|to| own(to, base)?.ok());
        let Some(to) = to.filter(|_| (300..400).contains(&answer.status)) else { break };
        let lifetime = answer.cache_control.clone();
        by.get_or_insert((to.clone(), lifetime)).0 = to.clone();
        answer = reader.get(&to).await;
    }
    (answer, by)
}

struct Run {
    place: Place,
    log: LogAddresses,
    seen: BTreeSet<String>,
    waiting: VecDeque<Wanted>,
    found: usize,
    gathered: Gathered,
}

impl Run {
    fn want(&mut self, address: String, is_linked: bool) {
        // The log's own addresses that change are asked for once, and what is mentioned as an example costs an answer.
        if !is_for_servers(&address) && self.seen.insert(address.clone()) {
            self.waiting.push_back(Wanted { address, is_linked });
        }
    }

    /// Whether what is at an address was written before and does not change; what it leads to is asked for anyway.
    fn is_known(&self, address: &str, tree: TreeHead) -> bool {
        let is_written =
            || name_of(address).is_some_and(|name| self.gathered.written.tags.contains_key(&name));
        let never_changes = address.contains("/tile/")
            || [".zip", ".mod", ".info"].iter().any(|end| address.ends_with(end))
                && address.starts_with("/goproxy/")
            || address.starts_with("/config/v") && address.ends_with(".json");
        (never_changes || self.log.lasts(address, tree)) && is_written()
    }

    fn take(
        &mut self,
        wanted: Wanted,
        found: usize,
        mut answer: Answer,
        by: Option<(String, String)>,
    ) -> Result<(), GatherError> {
        let address = wanted.address;
        match answer.status {
            200 => {}
            404 | 400 | 410 if !wanted.is_linked => return Ok(()),
            404 => {
                self.gathered.dead.push(address);
                return Ok(());
            }
            status => return Err(GatherError::Refused { address, status }),
        }
        if let Some((to, lifetime)) = by {
            let is_its_folder = to == format!("{address}/");
            self.want(to, true);
            if is_its_folder {
                // Servers of files redirect there by themselves.
                return Ok(());
            }
            answer.cache_control = lifetime;
        }
        let links = Links::of(&answer.content_type, &answer.body, &self.place);
        for linked in links.linked {
            self.want(linked, true);
        }
        for mentioned in links.mentioned {
            self.want(mentioned, false);
        }
        for also in also_at(&address) {
            self.want(also, false);
        }
        // What auditors read, and no page leads to: a program's charts by each dimension.
        if let Some(before) = address.strip_suffix("/charts.json") {
            for by in Dimension::ALL {
                self.want(format!("{before}/charts@{}.json", dimension_name(by)), false);
            }
        }
        let Some(name) = name_of(&address) else {
            self.gathered.dead.push(address);
            return Ok(());
        };
        let file = file_of(&answer, &self.place);
        let is_immutable = answer.cache_control.contains("immutable")
            || (address.starts_with("/data/days/") || address.starts_with("/data/weeks/"))
                && !address.contains("/@latest");
        let turn = self.log.turn(&address, is_immutable);
        let headers = PlainHeaders {
            content_type: match answer.content_type.is_empty() {
                true => "text/plain; charset=utf-8".to_owned(),
                false => answer.content_type,
            },
            cache_control: match answer.cache_control.as_str() {
                // `supported` has no lifetime of its own.
                "no-store" | "" => "public, max-age=300".to_owned(),
                lifetime => lifetime.to_owned(),
            },
            disposition: answer.disposition,
        };
        self.add(turn, found, name, headers, &file)
    }

    fn add(
        &mut self,
        turn: Turn,
        found: usize,
        name: String,
        headers: PlainHeaders,
        file: &[u8],
    ) -> Result<(), GatherError> {
        let tag = tag_of(&[
            adapt::VERSION,
            headers.content_type.as_bytes(),
            headers.cache_control.as_bytes(),
            headers.disposition.as_deref().unwrap_or_default().as_bytes(),
            file,
        ]);
        if self.gathered.written.tags.get(&name) == Some(&tag) {
            self.gathered.unchanged += 1;
            return Ok(());
        }
        let body = self.gathered.bodies.keep(file)?;
        self.gathered.objects.push(NewObject { turn, found, name, tag, headers, body });
        Ok(())
    }

    /// What only a copy has.
    async fn add_own(&mut self, source: &Source) -> Result<(), GatherError> {
        let headers = |content_type: &str| PlainHeaders {
            content_type: content_type.to_owned(),
            cache_control: "public, max-age=5".to_owned(),
            disposition: None,
        };
        let html = "text/html; charset=utf-8";
        // Any path that is nothing; a page of the same kind says so.
        let mut missing = source.reader.get("/404.html").await;
        missing.policy = source.reader.get("/").await.policy;
        let body = file_of(&missing, &self.place);
        self.add(Turn::Page, 0, "404.html".to_owned(), headers(html), &body)?;
        for (name, text) in super::servers::files(&self.place.base, &source.module) {
            self.add(
                Turn::Page,
                0,
                name.to_owned(),
                headers("text/plain; charset=utf-8"),
                text.as_bytes(),
            )?;
        }
        let page = Answer {
            content_type: html.to_owned(),
            body: source.reader.page_of_files(&source.now).into(),
            ..missing
        };
        let page = file_of(&page, &self.place);
        self.add(Turn::Status, 0, "status/index.html".to_owned(), headers(html), &page)?;
        // This type cannot fail to serialise.
        let json = serde_json::to_string_pretty(&source.now).unwrap_or_default() + "\n";
        self.add(
            Turn::Status,
            0,
            "status.json".to_owned(),
            headers("application/json"),
            json.as_bytes(),
        )
    }
}
