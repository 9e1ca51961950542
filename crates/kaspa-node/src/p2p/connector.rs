//! Opens and takes connections.
//!
//! ```text
//!   listener ─► banned? ─► limits ─► connection::accepted
//!   --connect, --addpeer, add_peer ─► a task each: dial, run, wait, again
//!   book ─► as many as are missing, one a second at most ─► dial, run
//! ```
//!
//! Reference: `ConnectionManager`.

use std::{collections::HashSet, net::SocketAddr, sync::Arc, time::Duration};

use quintet_net::{
    book::Pick,
    dial::{BackoffConfig, DialBackoff, DialConfig, Dialer, Target},
    limits::Direction,
};
use tokio::net::{TcpListener, TcpStream};
use tracing::{debug, warn};

use super::{
    connection,
    hub::{Hub, lock},
    settings::Settings,
};

/// How long a dial may take.
const DIAL_WITHIN: Duration = Duration::from_secs(5);

/// How often somebody of the book is dialled, at most.
const BOOK_EVERY: Duration = Duration::from_secs(1);

/// The wait after a wanted peer could not be reached: the first, and the longest.
const RETRY: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(30));

/// How long a connection must have lasted for the next wait to be the first again.
const LASTED: Duration = Duration::from_secs(60);

/// The wait after the listener could not take a connection: no more files, as a rule.
const ACCEPT_AGAIN: Duration = Duration::from_millis(200);

/// Peers to be connected to by name, at most.
const WANTED_MAX: usize = 256;

/// Whom to be connected to.
#[derive(Debug)]
pub(super) struct Wanted {
    /// Whether others are not dialled.
    only: bool,
    targets: HashSet<Target>,
    dialling: HashSet<SocketAddr>,
    backoff: DialBackoff,
}

impl Wanted {
    pub(super) fn new(settings: &Settings) -> Self {
        Self {
            only: !settings.connect.is_empty(),
            targets: HashSet::new(),
            dialling: HashSet::new(),
            backoff: DialBackoff::new(BackoffConfig::default()),
        }
    }
}

fn dialer(hub: &Hub) -> Dialer {
    Dialer::new(DialConfig { timeout: DIAL_WITHIN, proxy: hub.settings.proxy.clone() })
}

/// Wants a peer; for ever, or once. Returns whether it was not wanted yet and there is room for it.
pub(super) fn want(hub: &Arc<Hub>, target: Target, for_ever: bool) -> bool {
    {
        let mut wanted = lock(&hub.wanted);
        if wanted.targets.len() >= WANTED_MAX || !wanted.targets.insert(target.clone()) {
            return false;
        }
    }
    let of_task = Arc::clone(hub);
    hub.tasks.spawn(async move {
        keep(&of_task, &target, for_ever).await;
        lock(&of_task.wanted).targets.remove(&target);
    });
    true
}

/// Keeps a connection to a wanted peer.
async fn keep(hub: &Arc<Hub>, target: &Target, for_ever: bool) {
    let dialer = dialer(hub);
    let mut wait = RETRY.0;
    loop {
        let begun = hub.instant();
        let dialled = tokio::select! {
            () = hub.cancel.cancelled() => return,
            dialled = dialer.dial(target) => dialled,
        };
        match dialled {
            Ok(stream) => {
                if let Ok(address) = stream.peer_addr() {
                    run(hub, stream, address).await;
                }
            }
            Err(error) => debug!(%target, %error, "not reached"),
        }
        if !for_ever || hub.cancel.is_cancelled() {
            return;
        }
        wait = if hub.instant().saturating_since(begun) > LASTED {
            RETRY.0
        } else {
            wait.saturating_mul(2).min(RETRY.1)
        };
        tokio::select! {
            () = hub.cancel.cancelled() => return,
            () = tokio::time::sleep(wait) => {}
        }
    }
}

/// Runs a connection over a stream that was dialled; returns whether the peer was of use.
async fn run(hub: &Arc<Hub>, stream: TcpStream, address: SocketAddr) -> bool {
    let slot = lock(&hub.connections).open(Direction::Outbound, address.ip());
    let slot = match slot {
        Ok(slot) => slot,
        Err(error) => {
            debug!(%address, %error, "not connected");
            return false;
        }
    };
    let (error, is_met) = connection::dialled(hub, stream, address).await;
    lock(&hub.connections).close(slot);
    debug!(%address, %error, "outbound connection ended");
    is_met
}

/// Takes connections until the node stops.
pub(super) async fn accept(hub: Arc<Hub>, listener: TcpListener) {
    loop {
        let accepted = tokio::select! {
            () = hub.cancel.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        let (stream, address) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                warn!(%error, "a connection could not be taken");
                tokio::time::sleep(ACCEPT_AGAIN).await;
                continue;
            }
        };
        if hub.is_banned(address.ip()) {
            continue;
        }
        let slot = lock(&hub.connections).open(Direction::Inbound, address.ip());
        let slot = match slot {
            Ok(slot) => slot,
            Err(error) => {
                debug!(%address, %error, "connection refused");
                continue;
            }
        };
        let _ = stream.set_nodelay(true);
        hub.tasks.spawn(connection::accepted(Arc::clone(&hub), stream, address, slot));
    }
}

/// Dials peers of the book while there are too few connections.
pub(super) async fn dial_from_book(hub: Arc<Hub>) {
    if lock(&hub.wanted).only || hub.settings.outbound == 0 {
        return;
    }
    loop {
        tokio::select! {
            () = hub.cancel.cancelled() => return,
            () = hub.dial.notified() => {}
            () = tokio::time::sleep(BOOK_EVERY) => {}
        }
        if let Some(address) = candidate(&hub) {
            let of_task = Arc::clone(&hub);
            hub.tasks.spawn(async move { try_candidate(&of_task, address).await });
        }
    }
}

/// Returns an address to dial, marked as being dialled.
fn candidate(hub: &Hub) -> Option<SocketAddr> {
    let outbound = hub.peers().iter().filter(|peer| peer.is_outbound).count();
    let now = hub.now();
    let mut wanted = lock(&hub.wanted);
    if outbound + wanted.dialling.len() >= hub.settings.outbound {
        return None;
    }
    let pick = lock(&hub.book).select(Pick::Any, now, &mut rand::rng())?;
    let address = pick.addr;
    let is_us = Some(address) == hub.local || Some(address) == hub.settings.external;
    let is_out = is_us
        || hub.is_banned(address.ip())
        || hub.is_connected(address)
        || wanted.backoff.wait_until(address, hub.instant()).is_some()
        || !wanted.dialling.insert(address);
    (!is_out).then_some(address)
}

async fn try_candidate(hub: &Arc<Hub>, address: SocketAddr) {
    lock(&hub.book).attempted(address, true, hub.now());
    let dialled = dialer(hub).dial(&Target::Addr(address)).await;
    let is_met = match dialled {
        Ok(stream) => {
            // From here on it counts as a peer, or fails soon.
            lock(&hub.wanted).dialling.remove(&address);
            run(hub, stream, address).await
        }
        Err(error) => {
            debug!(%address, %error, "not reached");
            false
        }
    };
    let mut wanted = lock(&hub.wanted);
    wanted.dialling.remove(&address);
    if is_met {
        wanted.backoff.succeeded(address);
        lock(&hub.book).seen(address, hub.now());
    } else {
        wanted.backoff.failed(address, hub.instant(), &mut rand::rng());
    }
}
