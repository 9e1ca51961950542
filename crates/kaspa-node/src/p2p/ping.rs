//! Asks a peer every two minutes whether it is there.
//!
//! Reference: `SendPingsFlow`.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use quintet_kaspa_protocol::wire::Message;
use tokio::{sync::mpsc, time::timeout};

use super::{
    error::{PeerError, misbehaviour},
    peer::{ANSWER_WITHIN, Peer},
};

/// Time between two questions.
const PING_EVERY: Duration = Duration::from_secs(120);

/// Runs for as long as the peer answers.
pub(super) async fn run(peer: Arc<Peer>, mut pongs: mpsc::Receiver<u64>) -> Result<(), PeerError> {
    loop {
        tokio::time::sleep(PING_EVERY).await;
        let (nonce, asked) = (rand::random(), Instant::now());
        peer.tell(Message::Ping(nonce)).await?;
        match timeout(ANSWER_WITHIN, pongs.recv()).await {
            Ok(Some(answer)) if answer == nonce => peer.set_last_ping(asked.elapsed()),
            Ok(Some(_)) => return Err(misbehaviour("nonce mismatch between ping and pong")),
            Ok(None) => return Err(PeerError::Closed),
            Err(_) => {
                let (what, within) = ("a pong", ANSWER_WITHIN);
                return Err(PeerError::Timeout { what, within });
            }
        }
    }
}
