//! The life of a connection: transport, handshake, flows, end.
//!
//! ```text
//!   accept ┐                                       ┌ relay workers · transactions · light · heavy · ping · addresses · IBD
//!          ├─► transport ─► handshake ─► admitted ─┤
//!   dial ──┘                                       └ the router reads until the stream ends or somebody closes the peer
//! ```

use std::{net::SocketAddr, sync::Arc, time::Duration};

use quintet_kaspa_protocol::wire::Frame;
use quintet_net::limits::Slot;
use tokio::{net::TcpStream, time::timeout};
use tonic::Streaming;
use tracing::debug;

use super::{
    addresses,
    error::PeerError,
    handshake::{Agreed, Handshake},
    hub::{Hub, lock},
    ibd,
    peer::Peer,
    ping, relay,
    router::{Queues, Routes, routes},
    serve, transactions,
    transport::{self, Pipe},
};

/// How long a connection may take to the end of its handshake.
///
/// Reference: four seconds for versions and eight for ready.
const HANDSHAKE_WITHIN: Duration = Duration::from_secs(12);

/// Runs a connection that a peer opened.
pub(super) async fn accepted(hub: Arc<Hub>, stream: TcpStream, address: SocketAddr, slot: Slot) {
    let cancel = hub.cancel.child_token();
    let (pipe, run) = transport::serve(stream, cancel.clone());
    let driver = hub.tasks.spawn(run);
    let pipe = tokio::select! {
        pipe = timeout(HANDSHAKE_WITHIN, pipe) => pipe.ok().and_then(Result::ok),
        () = cancel.cancelled() => None,
    };
    if let Some(pipe) = pipe {
        let peer = Peer::new(hub.next_key(), address, false, pipe.outgoing.clone(), cancel.clone());
        let error = run_peer(&hub, Arc::new(peer), pipe).await;
        debug!(%address, %error, "inbound connection ended");
    }
    cancel.cancel();
    let _ = driver.await;
    lock(&hub.connections).close(slot);
}

/// Runs a connection that we open over a stream; returns why it ended, and whether its handshake was done.
pub(super) async fn dialled(
    hub: &Arc<Hub>,
    stream: TcpStream,
    address: SocketAddr,
) -> (PeerError, bool) {
    let cancel = hub.cancel.child_token();
    let called = timeout(HANDSHAKE_WITHIN, transport::call(stream, cancel.clone())).await;
    let (pipe, run) = match called {
        Ok(Ok(called)) => called,
        Ok(Err(error)) => return (error, false),
        Err(_) => {
            let (what, within) = ("the call to be taken", HANDSHAKE_WITHIN);
            return (PeerError::Timeout { what, within }, false);
        }
    };
    let driver = hub.tasks.spawn(run);
    let peer = Peer::new(hub.next_key(), address, true, pipe.outgoing.clone(), cancel.clone());
    let peer = Arc::new(peer);
    let error = run_peer(hub, Arc::clone(&peer), pipe).await;
    cancel.cancel();
    let _ = driver.await;
    (error, peer.agreed().is_some())
}

/// Runs a peer over an open call to its end.
async fn run_peer(hub: &Arc<Hub>, peer: Arc<Peer>, pipe: Pipe) -> PeerError {
    let Pipe { mut incoming, outgoing } = pipe;
    drop(outgoing);
    // Kept until the peer is closed: without them its flows end, and the first reason to end is the one a peer is told.
    let (routes, queues) = routes();
    let error = match meet(hub, &peer, &mut incoming).await {
        Ok(()) => {
            start_flows(hub, &peer, queues);
            let error = read(&peer, &routes, &mut incoming).await;
            // Another flow may have closed the peer for a better reason.
            peer.end().unwrap_or(error)
        }
        Err(error) => error,
    };
    hub.blame(peer.address.ip(), &error);
    peer.close(error.clone());
    drop(routes);
    hub.dismiss(&peer);
    error
}

/// Goes through the handshake.
async fn meet(
    hub: &Arc<Hub>,
    peer: &Arc<Peer>,
    incoming: &mut Streaming<Frame>,
) -> Result<(), PeerError> {
    let (mut handshake, first) = Handshake::begin(hub.version());
    peer.tell(first).await?;
    let meeting = async {
        loop {
            let step = handshake.take(next(incoming).await?.message)?;
            for message in step.send {
                peer.tell(message).await?;
            }
            if let Some(agreed) = step.done {
                return Ok::<Agreed, PeerError>(agreed);
            }
        }
    };
    let agreed = tokio::select! {
        () = peer.cancel.cancelled() => return Err(PeerError::Stopping),
        met = timeout(HANDSHAKE_WITHIN, meeting) => met.map_err(|_| PeerError::Timeout {
            what: "the end of the handshake",
            within: HANDSHAKE_WITHIN,
        })??,
    };
    let signed = |millis: u64| i64::try_from(millis).unwrap_or(i64::MAX);
    let offset = signed(hub.now_millis()).saturating_sub(signed(agreed.version.timestamp));
    let said = agreed.version.address;
    peer.agree(agreed, offset);
    hub.admit(peer)?;
    let mut book = lock(&hub.book);
    if peer.is_outbound {
        addresses::note(&mut book, peer.address, peer.address.ip(), hub.now());
        book.succeeded(peer.address, hub.now());
    }
    if let Some(said) = said {
        addresses::note(&mut book, said, peer.address.ip(), hub.now());
    }
    Ok(())
}

async fn next(incoming: &mut Streaming<Frame>) -> Result<Frame, PeerError> {
    match incoming.message().await {
        Ok(Some(frame)) => Ok(frame),
        Ok(None) => Err(PeerError::Closed),
        Err(status) if status.code() == tonic::Code::InvalidArgument => {
            Err(PeerError::Misbehaviour { reason: status.message().to_owned() })
        }
        Err(status) => Err(PeerError::Transport { reason: status.message().to_owned() }),
    }
}

/// Reads until the stream ends, a message is out of place, or somebody closes the peer.
async fn read(peer: &Arc<Peer>, routes: &Routes, incoming: &mut Streaming<Frame>) -> PeerError {
    loop {
        let frame = tokio::select! {
            () = peer.cancel.cancelled() => return peer.end().unwrap_or(PeerError::Stopping),
            frame = next(incoming) => frame,
        };
        if let Err(error) = frame.and_then(|frame| routes.route(peer, frame)) {
            return error;
        }
    }
}

/// Starts a peer's flows. One that ends with an error ends the connection.
fn start_flows(hub: &Arc<Hub>, peer: &Arc<Peer>, queues: Queues) {
    let Queues { blocks, transaction_ids, transactions, light, heavy, pongs, addresses } = queues;
    let of = || (Arc::clone(hub), Arc::clone(peer));
    let spawn = |flow: &'static str, run: BoxFlow| {
        let peer = Arc::clone(peer);
        hub.tasks.spawn(async move {
            let cancel = peer.cancel.clone();
            let ended = tokio::select! {
                () = cancel.cancelled() => Ok(()),
                ended = run => ended,
            };
            if let Err(error) = ended {
                debug!(peer = %peer.address, flow, %error, "flow ended");
                peer.close(error);
            }
        });
    };
    let trigger = ibd::Trigger::default();
    let (h, p) = of();
    spawn("ibd", Box::pin(ibd::run(h, p, trigger.clone())));
    let invs = Arc::new(tokio::sync::Mutex::new(blocks));
    for _ in 0..relay::workers(hub) {
        let (h, p) = of();
        spawn("relay", Box::pin(relay::run(h, p, Arc::clone(&invs), trigger.clone())));
    }
    let (h, p) = of();
    spawn("transactions", Box::pin(transactions::run(h, p, transaction_ids, transactions)));
    let (h, p) = of();
    spawn("light requests", Box::pin(serve::light(h, p, light)));
    let (h, p) = of();
    spawn("heavy requests", Box::pin(serve::heavy(h, p, heavy)));
    let (_, p) = of();
    spawn("ping", Box::pin(ping::run(p, pongs)));
    let (h, p) = of();
    spawn("addresses", Box::pin(addresses::run(h, p, addresses)));
}

type BoxFlow = std::pin::Pin<Box<dyn Future<Output = Result<(), PeerError>> + Send>>;
