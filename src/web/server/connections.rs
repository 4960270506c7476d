//! Which connections are open, what each of them does, and which one is closed when there is no room.
//!
//! | what is used up | which connection is closed |
//! | --- | --- |
//! | [`Budget::connections`] | the one that has been idle longest |
//! | [`Budget::readers`]: requests other than uploads, until their answers are sent | the one whose client has received nothing for longest, and for at least a second |
//! | [`Budget::unreceived`]: bytes in memory that clients have not received | the same |
//!
//! A connection is idle while it has no request, also before its first one. The budgets add up (`limits`),
//! so readers, uploads and idle connections never take one another's room. Uploads have a budget of their
//! own in `ingest`.
//!
//! Clients' addresses are not known here. Budgets for networks only apply to uploads
//! (`ingest::admission`).

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::Instant;

/// A client that has received nothing for this long may be disconnected.
const STALLED: Duration = Duration::from_secs(1);

/// How many closing connections may still have their sockets open while others are accepted.
const CLOSING: usize = 4;

/// What all connections together may use.
#[derive(Debug, Clone, Copy)]
pub(in crate::web) struct Budget {
    /// Connections that are open at once.
    pub(in crate::web) connections: usize,
    /// Requests other than uploads that are under way at once.
    pub(in crate::web) readers: usize,
    /// Bytes of answers in memory that clients have not received.
    pub(in crate::web) unreceived: u64,
}

/// All connections of a server.
#[derive(Debug, Clone)]
pub(super) struct Connections {
    budget: Budget,
    table: Arc<Mutex<Table>>,
    /// Notified when a connection that was told to close has closed its socket.
    closed: Arc<Notify>,
}

/// An open connection, which is counted until this is dropped.
#[derive(Debug)]
pub(super) struct Connection {
    connections: Connections,
    number: u64,
    /// Notified when the connection has to close.
    end: Arc<Notify>,
}

#[derive(Debug, Default)]
struct Table {
    /// Numbers are in order of time.
    next: u64,
    open: HashMap<u64, Entry>,
    /// Connections without a request, by when they became idle.
    idle: BTreeMap<u64, u64>,
    /// Readers whose clients receive nothing, by since when.
    stalled: BTreeMap<u64, u64>,
    readers: usize,
    unreceived: u64,
    /// Connections that were told to close and have not closed their sockets yet.
    closing: usize,
}

#[derive(Debug)]
struct Entry {
    end: Arc<Notify>,
    doing: Doing,
    stalled: Option<Stalled>,
}

#[derive(Debug, Clone, Copy)]
enum Doing {
    /// No request is under way, since this number.
    Idle(u64),
    /// A request is; of a reader, or not.
    Request { reads: bool },
}

#[derive(Debug, Clone, Copy)]
struct Stalled {
    number: u64,
    since: Instant,
    /// The bytes in memory that the client has not received.
    bytes: u64,
}

/// There is no room for another reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::web) struct Busy;

impl Connections {
    pub(super) fn new(budget: Budget) -> Connections {
        Connections { budget, table: Arc::default(), closed: Arc::default() }
    }

    /// Admits a connection, closing another one if needed. `None` if all are busy.
    pub(super) fn admit(&self) -> Option<Connection> {
        let mut table = self.lock();
        if table.open.len() >= self.budget.connections
            && !table.close_oldest_idle()
            && !table.close_longest_stalled()
        {
            return None;
        }
        let (number, end) = (table.number(), Arc::new(Notify::new()));
        let entry = Entry { end: end.clone(), doing: Doing::Idle(number), stalled: None };
        table.open.insert(number, entry);
        table.idle.insert(number, number);
        Some(Connection { connections: self.clone(), number, end })
    }

    /// Waits until all but a few of the closing connections have closed their sockets, as there are no
    /// descriptors for more.
    pub(super) async fn closed(&self) {
        loop {
            let closed = self.closed.notified();
            if self.lock().closing <= CLOSING {
                return;
            }
            closed.await;
        }
    }

    /// Closes the connection that has been idle longest, if there is one.
    pub(super) fn close_idle(&self) -> bool {
        self.lock().close_oldest_idle()
    }

    /// Nothing panics while it holds the lock.
    fn lock(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    fn close_oldest_idle(&mut self) -> bool {
        let oldest = self.idle.first_key_value().map(|(_, connection)| *connection);
        oldest.is_some_and(|connection| self.end(connection))
    }

    fn close_longest_stalled(&mut self) -> bool {
        let longest = self.stalled.first_key_value().map(|(_, connection)| *connection);
        let since = |connection: &u64| self.open.get(connection)?.stalled.map(|s| s.since);
        let over = longest.filter(|longest| since(longest).is_some_and(|s| s.elapsed() >= STALLED));
        over.is_some_and(|connection| self.end(connection))
    }

    /// Removes a connection at once, and tells it to close.
    fn end(&mut self, connection: u64) -> bool {
        let end = self.open.get(&connection).map(|entry| entry.end.clone());
        self.remove(connection);
        if let Some(end) = &end {
            self.closing += 1;
            end.notify_one();
        }
        end.is_some()
    }

    fn remove(&mut self, connection: u64) {
        self.received(connection);
        match self.open.remove(&connection).map(|entry| entry.doing) {
            Some(Doing::Idle(since)) => _ = self.idle.remove(&since),
            Some(Doing::Request { reads: true }) => self.readers -= 1,
            Some(Doing::Request { reads: false }) | None => {}
        }
    }

    fn received(&mut self, connection: u64) {
        let entry = self.open.get_mut(&connection);
        if let Some(stalled) = entry.and_then(|entry| entry.stalled.take()) {
            self.stalled.remove(&stalled.number);
            self.unreceived -= stalled.bytes;
        }
    }
}

impl Connection {
    /// Completes when the connection has to close.
    pub(super) async fn must_close(&self) {
        self.end.notified().await;
    }

    /// A request has started.
    pub(super) fn begin(&self) {
        let mut table = self.connections.lock();
        let Some(entry) = table.open.get_mut(&self.number) else { return };
        if let Doing::Idle(since) = entry.doing {
            entry.doing = Doing::Request { reads: false };
            table.idle.remove(&since);
        }
    }

    /// Counts the request as one of a reader, if there is room.
    pub(super) fn read(&self) -> Result<(), Busy> {
        let mut table = self.connections.lock();
        if table.readers >= self.connections.budget.readers && !table.close_longest_stalled() {
            return Err(Busy);
        }
        match table.open.get_mut(&self.number) {
            Some(entry) if matches!(entry.doing, Doing::Request { reads: false }) => {
                entry.doing = Doing::Request { reads: true };
                table.readers += 1;
                Ok(())
            }
            Some(_) => Ok(()),
            // It was just told to close.
            None => Err(Busy),
        }
    }

    /// The whole answer was sent.
    pub(super) fn finish(&self) {
        let mut table = self.connections.lock();
        table.received(self.number);
        let number = table.number();
        let Some(entry) = table.open.get_mut(&self.number) else { return };
        if let Doing::Request { reads } = std::mem::replace(&mut entry.doing, Doing::Idle(number)) {
            table.idle.insert(number, self.number);
            table.readers -= usize::from(reads);
        }
    }

    /// The client does not receive its answer, of which so many bytes are in memory.
    pub(super) fn client_stalled(&self, bytes: u64) {
        let mut table = self.connections.lock();
        let number = table.number();
        let Some(entry) = table.open.get_mut(&self.number) else { return };
        if entry.stalled.is_some() {
            return;
        }
        entry.stalled = Some(Stalled { number, since: Instant::now(), bytes });
        table.stalled.insert(number, self.number);
        table.unreceived += bytes;
        while table.unreceived > self.connections.budget.unreceived && table.close_longest_stalled()
        {
        }
    }

    /// The client received something.
    pub(super) fn client_received(&self) {
        self.connections.lock().received(self.number);
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        let mut table = self.connections.lock();
        if table.open.contains_key(&self.number) {
            table.remove(self.number);
        } else {
            table.closing -= 1;
            drop(table);
            self.connections.closed.notify_one();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connections(connections: usize, readers: usize) -> Connections {
        Connections::new(Budget { connections, readers, unreceived: 100 })
    }

    fn admit(connections: &Connections) -> Connection {
        connections.admit().expect("room")
    }

    /// Whether a connection was told to close.
    fn is_closing(connection: &Connection) -> bool {
        !connection.connections.lock().open.contains_key(&connection.number)
    }

    /// Makes the connection look as if it had been stalled for long.
    fn age(connection: &Connection) {
        let mut table = connection.connections.lock();
        let entry = table.open.get_mut(&connection.number).expect("open");
        entry.stalled.as_mut().expect("stalled").since -= STALLED;
    }

    #[tokio::test]
    async fn the_connection_that_has_been_idle_longest_makes_room() {
        let all = connections(3, 3);
        let [first, second, third] = [(); 3].map(|()| admit(&all));
        first.begin();
        first.read().expect("room");
        let fourth = admit(&all);
        assert_eq!([&first, &second, &third].map(is_closing), [false, true, false]);
        second.must_close().await;
        // Now the first one has become idle last.
        first.finish();
        let fifth = admit(&all);
        assert_eq!([&first, &third, &fourth].map(is_closing), [false, true, false]);
        drop((second, third));
        assert_eq!(all.lock().open.len(), 3);
        [&first, &fourth, &fifth].into_iter().for_each(Connection::begin);
        assert!(all.admit().is_none(), "nobody is idle");
        drop(first);
        assert!(all.admit().is_some());
    }

    #[tokio::test]
    async fn readers_that_do_not_receive_make_room_for_others() {
        let all = connections(9, 2);
        let [first, second, third, upload] = [(); 4].map(|()| admit(&all));
        [&first, &second, &third, &upload].into_iter().for_each(Connection::begin);
        assert_eq!([first.read(), second.read(), third.read()], [Ok(()), Ok(()), Err(Busy)]);
        // Uploads are not counted as readers.
        assert!(!is_closing(&upload));
        second.client_stalled(1);
        first.client_stalled(1);
        assert_eq!(third.read(), Err(Busy), "it may only be for a moment");
        [&first, &second].into_iter().for_each(age);
        assert_eq!(third.read(), Ok(()));
        assert_eq!([&first, &second].map(is_closing), [false, true]);
        first.client_received();
        assert_eq!(admit(&all).read(), Err(Busy));
        first.finish();
        upload.read().expect("room");
        assert_eq!(all.lock().readers, 2);
        drop((first, second, third, upload));
        let table = all.lock();
        assert_eq!((table.readers, table.unreceived, table.stalled.len()), (0, 0, 0));
        assert_eq!((table.open.len(), table.idle.len()), (0, 0));
    }

    #[tokio::test]
    async fn unreceived_bytes_are_bounded() {
        let all = connections(9, 9);
        let [first, second, third] = [(); 3].map(|()| admit(&all));
        for connection in [&first, &second, &third] {
            connection.begin();
            connection.read().expect("room");
        }
        first.client_stalled(60);
        age(&first);
        second.client_stalled(60);
        assert_eq!([&first, &second].map(is_closing), [true, false]);
        // One that has just stalled may be about to receive more.
        third.client_stalled(60);
        assert_eq!([&second, &third].map(is_closing), [false, false]);
        assert_eq!(all.lock().unreceived, 120);
    }
}
