//! Writing what is new, in an order that is right at any time.

use super::addresses::Turn;
use super::gather::{Gathered, NewObject};
use super::written::{NAME, shown_size};
use crate::store::StoreError;
use crate::store::plain::{PlainHeaders, PlainObject, PlainStore};
use serde::Serialize;
use std::io;

/// Names the run that writes; each run overwrites it.
const RUN: &str = ".candor/run";
/// How many objects and bytes are written at once, in any order.
const TOGETHER: (usize, usize) = (64, 16 << 20);
/// After how many objects the list of what was written is renewed.
const LIST_EVERY: usize = 4096;

/// What a run did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CopyReport {
    /// How many objects were written.
    pub written: usize,
    /// How many bytes they have.
    pub bytes: u64,
    /// How many were there.
    pub unchanged: usize,
    /// The size of the log that is copied.
    pub tree_size: u64,
    /// Its root.
    pub root: String,
    /// Links on pages that lead nowhere, as on the server.
    pub dead_links: Vec<String>,
}

/// Why writing ended early.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The place of the copy refuses.
    #[error("{0}; what was written until now is right, and running this again writes the rest")]
    Store(#[from] StoreError),
    /// Another run has begun.
    #[error(
        "another run began to write the same copy, so this one has ended; that one, or running this again, writes the rest"
    )]
    Overtaken,
    /// What was to be written cannot be read again.
    #[error("the temporary file cannot be read: {0}; run this again")]
    Temporary(#[from] io::Error),
    /// There is no name for this run.
    #[error("no random number: {0}")]
    Random(#[from] getrandom::Error),
}

/// Writes everything, for the run that has this claim.
pub fn write(
    gathered: Gathered,
    run: &Claim<'_>,
    progress: impl Fn(usize, usize),
) -> Result<CopyReport, WriteError> {
    let store = run.store;
    let Gathered { mut objects, mut bodies, mut written, unchanged, dead } = gathered;
    objects.sort_by(|a, b| (a.turn, b.found, &a.name).cmp(&(b.turn, a.found, &b.name)));
    let mut report = CopyReport {
        written: 0,
        bytes: 0,
        unchanged,
        tree_size: written.size,
        root: written.root.clone(),
        dead_links: dead,
    };
    let all = objects.len();
    let mut listed = 0;
    let mut waiting = objects.into_iter().peekable();
    while let Some(first) = waiting.next() {
        let turn = first.turn;
        run.check()?;
        if listed + LIST_EVERY <= report.written {
            list(store, &written.encode())?;
            listed = report.written;
        }
        // Also what wrote there without a claim that is known here.
        if turn == Turn::Head && shown_size(store)? > Some(report.tree_size) {
            return Err(WriteError::Overtaken);
        }
        let mut batch: Vec<NewObject> = vec![first];
        let mut bytes = batch.iter().map(|object| object.body.1).sum::<usize>();
        while let Some(next) = waiting.next_if(|next| {
            next.turn == turn
                && turn <= Turn::Proof
                && batch.len() < TOGETHER.0
                && bytes + next.body.1 <= TOGETHER.1
        }) {
            bytes += next.body.1;
            batch.push(next);
        }
        let mut plain = Vec::with_capacity(batch.len());
        for object in &batch {
            let bytes = bodies.read(object.body)?.into();
            let (name, headers) = (object.name.clone(), object.headers.clone());
            plain.push(PlainObject { name, headers, bytes });
        }
        store.write(plain)?;
        report.written += batch.len();
        report.bytes += bytes as u64;
        written.tags.extend(batch.into_iter().map(|object| (object.name, object.tag)));
        progress(report.written, all);
    }
    run.check()?;
    list(store, &written.encode())?;
    Ok(report)
}

fn own(name: &str, bytes: &[u8]) -> PlainObject {
    let headers = PlainHeaders {
        content_type: "text/plain; charset=utf-8".to_owned(),
        cache_control: "no-store".to_owned(),
        disposition: None,
    };
    PlainObject { name: name.to_owned(), headers, bytes: bytes.to_vec().into() }
}

fn list(store: &dyn PlainStore, bytes: &[u8]) -> Result<(), StoreError> {
    store.write(vec![own(NAME, bytes)])
}

/// This run's name at the place of the copy. Whoever takes one afterwards has looked at the deployment later, and
/// this run ends.
#[derive(Debug)]
pub struct Claim<'a> {
    store: &'a dyn PlainStore,
    name: String,
}

impl Claim<'_> {
    /// Takes it, before the deployment is looked at.
    pub fn new(store: &dyn PlainStore) -> Result<Claim<'_>, WriteError> {
        let mut random = [0; 16];
        getrandom::fill(&mut random)?;
        let name = crate::hex::hex(&random);
        store.write(vec![own(RUN, name.as_bytes())])?;
        Ok(Claim { store, name })
    }

    /// Fails if another run has begun since.
    fn check(&self) -> Result<(), WriteError> {
        match self.store.read(RUN)? {
            Some(name) if name == self.name.as_bytes() => Ok(()),
            _ => Err(WriteError::Overtaken),
        }
    }
}
