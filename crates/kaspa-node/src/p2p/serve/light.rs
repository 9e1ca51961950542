//! Requests for what is at hand: relayed blocks, transactions, addresses, short locators.
//!
//! Reference: `HandleRelayBlockRequests`, `RequestTransactionsFlow`, `SendAddressesFlow`, `RequestBlockLocatorFlow`.

use std::sync::Arc;

use quintet_kaspa_protocol::wire::{Frame, Message};
use tokio::sync::mpsc;

use super::{read, unanswerable};
use crate::p2p::{addresses, error::PeerError, hub::Hub, peer::Peer};

/// Most hashes of a locator that is asked for: distances double.
const LOCATOR_MAX: u32 = 64;

/// Tells the peer of our sink, then answers for as long as it asks.
pub(in crate::p2p) async fn run(
    hub: Arc<Hub>,
    peer: Arc<Peer>,
    mut requests: mpsc::Receiver<Frame>,
) -> Result<(), PeerError> {
    // So that two nodes find out who lacks what, even when no block is found for a while.
    let sink = hub.consensus().sink();
    if sink != hub.consensus().params().genesis.block().header.hash() {
        peer.tell(Message::InvRelayBlock(sink)).await?;
    }
    while let Some(frame) = requests.recv().await {
        let id = frame.request_id;
        match frame.message {
            Message::RequestRelayBlocks(hashes) => {
                for hash in hashes {
                    let block = read(&hub, move |consensus| consensus.block(&hash)).await?;
                    let missing = || unanswerable(format!("cannot find full block {hash}"));
                    let block = Box::new(block.ok_or_else(missing)?);
                    peer.send(&Frame::response(Message::Block(block), id)).await?;
                }
            }
            Message::RequestTransactions(ids) => {
                for id in ids {
                    let answer = match hub.pool.get(&id) {
                        Some(tx) => Message::Transaction(Box::new((*tx).clone())),
                        None => Message::TransactionNotFound(id),
                    };
                    peer.tell(answer).await?;
                }
            }
            Message::RequestAddresses => peer.tell(addresses::told(&hub)).await?,
            Message::RequestBlockLocator { high, limit } => {
                let limit = usize::try_from(limit.min(LOCATOR_MAX)).unwrap_or(0);
                let locator = hub.consensus().block_locator(&high, limit);
                let locator = locator.ok_or_else(|| {
                    unanswerable(format!("{high} is not above our pruning point"))
                })?;
                peer.send(&Frame::response(Message::BlockLocator(locator), id)).await?;
            }
            other => {
                return Err(crate::p2p::peer::unexpected("a request", other.kind()));
            }
        }
    }
    Err(PeerError::Closed)
}
