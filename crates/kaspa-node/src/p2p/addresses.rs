//! Addresses of other peers: each peer is asked once, and answered from the book.
//!
//! Reference: `ReceiveAddressesFlow`, `SendAddressesFlow`.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use quintet_kaspa_protocol::wire::{ADDRESSES_MAX, Message};
use quintet_net::book::Book;
use quintet_primitives::time::UnixTime;
use tokio::{sync::mpsc, time::timeout};

use super::{
    error::{PeerError, misbehaviour},
    hub::{Hub, lock},
    peer::{ANSWER_WITHIN, Peer},
};

/// Addresses told at once.
///
/// Reference: `MAX_ADDRESSES_SEND`.
const TOLD_MAX: usize = 1000;

/// Of a hundred addresses of the book, those told at once: nobody copies it by asking a few times.
const TOLD_PERCENT: u8 = 23;

/// Writes an address into the book that somebody named.
pub(super) fn note(book: &mut Book, address: SocketAddr, source: IpAddr, now: UnixTime) {
    book.add(address, source, now, now, &mut rand::rng());
}

/// Asks a peer for addresses, once.
pub(super) async fn run(
    hub: Arc<Hub>,
    peer: Arc<Peer>,
    mut answers: mpsc::Receiver<Message>,
) -> Result<(), PeerError> {
    peer.tell(Message::RequestAddresses).await?;
    let answer = timeout(ANSWER_WITHIN, answers.recv()).await;
    match answer {
        Ok(Some(Message::Addresses(addresses))) => {
            if addresses.len() > ADDRESSES_MAX {
                return Err(misbehaviour(format!(
                    "address count {} exceeded {ADDRESSES_MAX}",
                    addresses.len()
                )));
            }
            let (source, now) = (peer.address.ip(), hub.now());
            let mut book = lock(&hub.book);
            addresses.into_iter().for_each(|address| note(&mut book, address, source, now));
        }
        Ok(_) => return Err(PeerError::Closed),
        Err(_) => {
            let (what, within) = ("addresses", ANSWER_WITHIN);
            return Err(PeerError::Timeout { what, within });
        }
    }
    hub.dial.notify_one();
    // A second answer has nobody to take it, and ends the connection when it finds no room.
    std::future::pending().await
}

/// Returns what a peer that asks is told.
pub(super) fn told(hub: &Hub) -> Message {
    let book = lock(&hub.book);
    // A young book is told whole: nobody could learn much, and a young network needs every address.
    let percent = if book.len() <= TOLD_MAX { 100 } else { TOLD_PERCENT };
    let sample = book.sample(TOLD_MAX, percent, hub.now(), &mut rand::rng());
    Message::Addresses(sample.into_iter().map(|(address, _)| address).collect())
}
