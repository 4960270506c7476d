//! `candor serve`: a deployment over HTTP.

use super::{DataFolder, Failure, Output};
use crate::ingest::{ConfigSet, Entrance, FrontDoor, FrontDoorError, Limits, SystemClock};
use crate::publish::Deployment;
use crate::web;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::TcpListener;

/// How long to wait before trying again to open the front door.
const RETRY: Duration = Duration::from_secs(60);

/// Serve a deployment: GOPROXY, checksum database, transparency log, uploads, and the website.
///
/// Prints `listening on http://ADDR` when ready. Stops on SIGINT or SIGTERM, after finishing the
/// requests under way. Put a TLS-terminating proxy or a CDN in front: everything is cacheable.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  candor serve --data /srv/candor --listen 127.0.0.1:8080")]
pub(super) struct Args {
    #[command(flatten)]
    data: DataFolder,
    /// The address to listen on; port 0 takes a free one.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// Take no reports and publish none; clients are asked to send theirs later. The deployment's
    /// folder may then be read-only.
    #[arg(long)]
    no_uploads: bool,
    /// Leave merging uploads and making charts to `candor merge` and `candor chart`; otherwise both
    /// run at the start and after the end of each day in UTC.
    #[arg(long)]
    no_charts: bool,
    /// A second address, for /health and /metrics; best kept on loopback.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:0")]
    admin: SocketAddr,
}

pub(super) fn run(args: Args, out: Output) -> Result<(), Failure> {
    let deployment = Deployment::open(&args.data.folder)?;
    super::log_to_standard_error();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|e| Failure::new(format!("cannot start the server's threads: {e}")))?;
    runtime.block_on(async {
        let site = web::Site::open(
            deployment.module.clone(),
            deployment.verifiers().clone(),
            deployment.store.clone(),
        )
        .await?;
        let entrance = match args.no_uploads {
            true => None,
            false => Some(open_entrance(&deployment)),
        };
        if !args.no_uploads && !args.no_charts {
            super::upkeep::begin(deployment.clone());
        }
        let listener = bind(args.listen).await?;
        let address = local_address(&listener)?;
        let admin = bind(args.admin).await?;
        out.line(
            &serde_json::json!({ "listening": format!("http://{address}") }),
            format_args!("listening on http://{address}\n"),
        )?;
        out.say(format_args!("health and metrics on http://{}", local_address(&admin)?));
        web::serve(listener, Some(admin), site, entrance, stop_signal()).await;
        Ok(())
    })
}

/// The entrance with its door behind it; where that cannot be opened, what is published is served
/// all the same, and senders of reports are asked to come again.
fn open_entrance(deployment: &Deployment) -> Entrance {
    let entrance = Entrance::new();
    if let Err(e) = hang_door(deployment, &entrance) {
        tracing::error!("no reports are taken, and their senders asked to come again: {e}");
        let (deployment, entrance) = (deployment.clone(), entrance.clone());
        tokio::task::spawn_blocking(move || {
            while hang_door(&deployment, &entrance).is_err() {
                std::thread::sleep(RETRY);
            }
        });
    }
    entrance
}

fn hang_door(deployment: &Deployment, entrance: &Entrance) -> Result<(), FrontDoorError> {
    let (module, keys) = (deployment.module.clone(), deployment.verifiers().clone());
    let configs = ConfigSet::open(module, keys, deployment.store.clone())?;
    let limits = Limits::default();
    let door = FrontDoor::open(&deployment.reports(), configs, Box::new(SystemClock), limits)?;
    entrance.hang(door);
    Ok(())
}

pub(super) async fn bind(address: SocketAddr) -> Result<TcpListener, Failure> {
    TcpListener::bind(address).await.map_err(|e| {
        let advice = match e.kind() {
            io::ErrorKind::AddrInUse => "; another program has it: stop that, or name another port",
            io::ErrorKind::PermissionDenied => "; ports below 1024 need privileges: name another",
            _ => "",
        };
        Failure::new(format!("cannot listen on {address}: {e}{advice}"))
    })
}

pub(super) fn local_address(listener: &TcpListener) -> Result<SocketAddr, Failure> {
    listener.local_addr().map_err(|e| Failure::new(format!("cannot tell the own address: {e}")))
}

/// A future that ends when the process is asked to stop. From this call on, being asked does not
/// end the process by itself. To be called on a runtime.
pub(super) fn stop_signal() -> impl Future<Output = ()> + Send + 'static {
    #[cfg(unix)]
    let terminate = {
        use tokio::signal::unix::{SignalKind, signal};
        let streams = [SignalKind::terminate(), SignalKind::interrupt()].map(signal);
        async move {
            let [Ok(mut terminate), Ok(mut interrupt)] = streams else {
                // Without a handler the system's own way of stopping is left.
                return std::future::pending().await;
            };
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
        }
    };
    #[cfg(not(unix))]
    let terminate = async {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending().await
        }
    };
    terminate
}
