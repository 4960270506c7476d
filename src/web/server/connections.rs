//! Which connections are open, what each of them does, and which one makes room.
//!
//! | what is used up | who makes room |
//! | --- | --- |
//! | [`Budget::connections`] | the connection that has been idle for longest |
//! | [`Budget::readers`]: requests other than uploads, each until all of its answer was sent | the one whose client has not received anything for longest, and for a second at least |
//! | [`Budget::unreceived`]: bytes in memory that clients do not receive | the same |
//!
//! A connection is idle while no request is under way, before its first one too. The budgets add up
//! (`limits`), so that readers, uploads and idle connections never take one another's room. Uploads
//! have a budget of their own where they are read, in `ingest`.
//!
//! Nobody's address is known here. Budgets for networks are of uploads, and asked in `ingest::admission`.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::Instant;

/// How long a client may receive nothing before it is one that makes room.
const STALLED: Duration = Duration::from_secs(1);

/// How many connections that had to end may still have their sockets when others are taken in.
const ENDING: usize = 4;

/// What connections may take together.
#[derive(Debug, Clone, Copy)]
pub(in crate::web) struct Budget {
    /// Connections that are open at once.
    pub(in crate::web) connections: usize,
    /// Requests other than uploads that are under way at once.
    pub(in crate::web) readers: usize,
    /// Bytes of answers in memory whose clients do not receive them.
    pub(in crate::web) unreceived: u64,
}

/// All connections of a server.
#[derive(Debug, Clone)]
pub(super) struct Connections {
    budget: Budget,
    table: Arc<Mutex<Table>>,
    /// Told when a connection that had to end has closed its socket.
    closed: Arc<Notify>,
}

/// One connection, which counts until this is dropped.
#[derive(Debug)]
pub(super) struct Connection {
    connections: Connections,
    number: u64,
    /// Told when the connection has to make room.
    end: Arc<Notify>,
}

#[derive(Debug, Default)]
struct Table {
    /// Numbers tell what came first.
    next: u64,
    open: HashMap<u64, Entry>,
    /// Connections without a request, by when that began.
    idle: BTreeMap<u64, u64>,
    /// Readers that receive nothing, by when that began.
    stalled: BTreeMap<u64, u64>,
    readers: usize,
    unreceived: u64,
    /// Connections that were told to end and have not closed their sockets yet.
    ending: usize,
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
    /// A request is, for one who reads or not.
    Request { reads: bool },
}

#[derive(Debug, Clone, Copy)]
struct Stalled {
    number: u64,
    since: Instant,
    /// The bytes in memory that wait.
    bytes: u64,
}

/// There is no room for another reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::web) struct Busy;

impl Connections {
    pub(super) fn new(budget: Budget) -> Connections {
        Connections { budget, table: Arc::default(), closed: Arc::default() }
    }

    /// Takes in a connection; another one ends if that is needed. `None` where all are busy.
    pub(super) fn admit(&self) -> Option<Connection> {
        let mut table = self.lock();
        if table.open.len() >= self.budget.connections
            && !table.end_oldest_idle()
            && !table.end_longest_stalled()
        {
            return None;
        }
        let (number, end) = (table.number(), Arc::new(Notify::new()));
        let entry = Entry { end: end.clone(), doing: Doing::Idle(number), stalled: None };
        table.open.insert(number, entry);
        table.idle.insert(number, number);
        Some(Connection { connections: self.clone(), number, end })
    }

    /// Waits until those that had to end have closed their sockets, but for a few: descriptors are
    /// planned for no more.
    pub(super) async fn closed(&self) {
        loop {
            let closed = self.closed.notified();
            if self.lock().ending <= ENDING {
                return;
            }
            closed.await;
        }
    }

    /// Ends the connection that has been idle for longest, if there is one.
    pub(super) fn make_room(&self) -> bool {
        self.lock().end_oldest_idle()
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

    fn end_oldest_idle(&mut self) -> bool {
        let oldest = self.idle.first_key_value().map(|(_, connection)| *connection);
        oldest.is_some_and(|connection| self.end(connection))
    }

    fn end_longest_stalled(&mut self) -> bool {
        let longest = self.stalled.first_key_value().map(|(_, connection)| *connection);
        let since = |connection: &u64| self.open.get(connection)?.stalled.map(|s| s.since);
        let over = longest.filter(|longest| since(longest).is_some_and(|s| s.elapsed() >= STALLED));
        over.is_some_and(|connection| self.end(connection))
    }

    /// Forgets a connection at once, and tells it.
    fn end(&mut self, connection: u64) -> bool {
        let end = self.open.get(&connection).map(|entry| entry.end.clone());
        self.remove(connection);
        if let Some(end) = &end {
            self.ending += 1;
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
    /// Ends when the connection has to make room for others.
    pub(super) async fn ended(&self) {
        self.end.notified().await;
    }

    /// A request has begun.
    pub(super) fn begin(&self) {
        let mut table = self.connections.lock();
        let Some(entry) = table.open.get_mut(&self.number) else { return };
        if let Doing::Idle(since) = entry.doing {
            entry.doing = Doing::Request { reads: false };
            table.idle.remove(&since);
        }
    }

    /// The request is one of a reader. Where there is no room, the request counts as none.
    pub(super) fn read(&self) -> Result<(), Busy> {
        let mut table = self.connections.lock();
        if table.readers >= self.connections.budget.readers && !table.end_longest_stalled() {
            return Err(Busy);
        }
        match table.open.get_mut(&self.number) {
            Some(entry) if matches!(entry.doing, Doing::Request { reads: false }) => {
                entry.doing = Doing::Request { reads: true };
                table.readers += 1;
                Ok(())
            }
            Some(_) => Ok(()),
            // It just ended.
            None => Err(Busy),
        }
    }

    /// All of the answer was sent.
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

    /// The client does not receive what waits for it, of which so many bytes are in memory.
    pub(super) fn stall(&self, bytes: u64) {
        let mut table = self.connections.lock();
        let number = table.number();
        let Some(entry) = table.open.get_mut(&self.number) else { return };
        if entry.stalled.is_some() {
            return;
        }
        entry.stalled = Some(Stalled { number, since: Instant::now(), bytes });
        table.stalled.insert(number, self.number);
        table.unreceived += bytes;
        while table.unreceived > self.connections.budget.unreceived && table.end_longest_stalled() {
        }
    }

    /// The client received something.
    pub(super) fn receive(&self) {
        self.connections.lock().received(self.number);
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        let mut table = self.connections.lock();
        if table.open.contains_key(&self.number) {
            table.remove(self.number);
        } else {
            table.ending -= 1;
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

    /// Whether a connection was told to end.
    fn is_ended(connection: &Connection) -> bool {
        !connection.connections.lock().open.contains_key(&connection.number)
    }

    /// As if the connection had been stalled for long.
    fn age(connection: &Connection) {
        let mut table = connection.connections.lock();
        let entry = table.open.get_mut(&connection.number).expect("open");
        entry.stalled.as_mut().expect("stalled").since -= STALLED;
    }

    #[tokio::test]
    async fn the_one_that_has_been_idle_for_longest_makes_room() {
        let all = connections(3, 3);
        let [first, second, third] = [(); 3].map(|()| admit(&all));
        first.begin();
        first.read().expect("room");
        let fourth = admit(&all);
        assert_eq!([&first, &second, &third].map(is_ended), [false, true, false]);
        second.ended().await;
        // From here on the first is the youngest.
        first.finish();
        let fifth = admit(&all);
        assert_eq!([&first, &third, &fourth].map(is_ended), [false, true, false]);
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
        // An upload is none of them.
        assert!(!is_ended(&upload));
        second.stall(1);
        first.stall(1);
        assert_eq!(third.read(), Err(Busy), "it may be but for a moment");
        [&first, &second].into_iter().for_each(age);
        assert_eq!(third.read(), Ok(()));
        assert_eq!([&first, &second].map(is_ended), [false, true]);
        first.receive();
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
    async fn what_is_not_received_is_bounded() {
        let all = connections(9, 9);
        let [first, second, third] = [(); 3].map(|()| admit(&all));
        for connection in [&first, &second, &third] {
            connection.begin();
            connection.read().expect("room");
        }
        first.stall(60);
        age(&first);
        second.stall(60);
        assert_eq!([&first, &second].map(is_ended), [true, false]);
        // One that has just begun to wait may be about to receive it.
        third.stall(60);
        assert_eq!([&second, &third].map(is_ended), [false, false]);
        assert_eq!(all.lock().unreceived, 120);
    }
}
