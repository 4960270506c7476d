//! The lives of the server: start, measure, end.

use crate::clients::{Clients, Who};
use crate::disk::Filler;
use crate::figures::Lived;
use crate::plan::Life;
use crate::senders::Senders;
use crate::server::{Server, Settings};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;
use tokio::time::sleep;

/// How often to measure the server.
const LOOK: Duration = Duration::from_millis(500);
/// How many reports are under way when the server is killed.
pub const BURST: u64 = 200;

/// The server's lives so far.
pub struct Lives {
    pub settings: Settings,
    clients: Arc<Clients>,
    pub senders: Arc<Senders>,
    /// Told to stop by a signal.
    stopped: Arc<AtomicBool>,
    /// Whether the deployment is on a disk that may be filled.
    pub on_small_disk: bool,
    filler: Option<(Filler, Duration)>,
    /// When the disk was full.
    pub full: Vec<[Duration; 2]>,
    pub lived: Vec<Lived>,
    pub kills: u32,
    /// Uploads without an answer, because the server was killed.
    pub cut: u64,
    pub ended_by_itself: u32,
}

impl Lives {
    /// Nothing is measured yet.
    pub fn new(
        settings: Settings,
        senders: Arc<Senders>,
        on_small_disk: bool,
        stopped: Arc<AtomicBool>,
    ) -> Lives {
        Lives {
            settings,
            clients: senders.clients.clone(),
            senders,
            stopped,
            on_small_disk,
            filler: None,
            full: Vec::new(),
            lived: Vec::new(),
            kills: 0,
            cut: 0,
            ended_by_itself: 0,
        }
    }

    /// Prints what starts.
    pub fn say(&self, what: &str) {
        println!("soak: {:>4} s: {what}", self.clients.now().as_secs());
    }

    /// Starts the server, and tells clients where it is.
    pub fn start(&self) -> Server {
        let server = Server::start(&self.settings, &[]);
        self.clients.move_to(server.address);
        server
    }

    /// Lets the server live for the first of these times, or up to the second one until all reports
    /// are taken; and measures that.
    pub async fn live(
        &mut self,
        mut server: Server,
        life: &'static Life,
        [least, most]: [Duration; 2],
    ) -> Server {
        let began = self.clients.now();
        let mut samples = Vec::new();
        let mut full_disk = life.full_disk.filter(|_| self.on_small_disk);
        while self.clients.now() < began + least
            || (self.clients.now() < began + most && self.senders.under_way() > 0)
        {
            sleep(LOOK).await;
            if self.stopped.load(Relaxed) {
                println!("soak: STOPPED by a signal");
                // Everything is cleaned up on return, the server first.
                std::panic::resume_unwind(Box::new("stopped by a signal"));
            }
            let now = self.clients.now();
            if let Some((from, to)) = full_disk
                && now >= began + from
            {
                full_disk = None;
                self.full.push([now, began + to]);
                self.filler = Some((Filler::fill(&self.settings.data), began + to));
            }
            if let Some((filler, until)) = &mut self.filler {
                match now < *until {
                    true => filler.refill(),
                    false => self.filler = None,
                }
            }
            samples.extend(server.sample().map(|sample| (now, sample)));
            if let Some(status) = server.ended() {
                println!("candor serve ended by itself with {status}; starting it again");
                self.ended_by_itself += 1;
                server = self.start();
            }
        }
        let ended = self.clients.now();
        self.lived.push(Lived { life, began, ended, samples });
        server
    }

    /// Kills the server in the middle of uploads.
    pub async fn kill(&mut self, server: Server) {
        let began = self.clients.now();
        self.senders.burst(BURST);
        // Between the first and the last answers, at other moments each time.
        sleep(Duration::from_millis(20 + u64::from(self.kills) * 37 % 80)).await;
        server.kill();
        self.kills += 1;
        sleep(Duration::from_millis(100)).await;
        let requests = self.clients.requests();
        let cut = requests.iter().rev().take_while(|request| request.ended >= began);
        let cut = cut.filter(|request| request.who == Who::Sender && request.status.is_none());
        self.cut += cut.count() as u64;
    }
}

/// A flag that a signal sets, so that the server is not left behind. To be called on a runtime.
pub fn stop_flag() -> Arc<AtomicBool> {
    use tokio::signal::unix::{SignalKind, signal};
    let stopped = Arc::new(AtomicBool::new(false));
    for kind in [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()] {
        let (stopped, mut signals) = (stopped.clone(), signal(kind).expect("a signal handler"));
        tokio::spawn(async move {
            signals.recv().await;
            stopped.store(true, Relaxed);
        });
    }
    stopped
}
