//! Waiting for something to do.

use quintet_actor::{inbox::InboxSlot, supervisor::Fault};
use quintet_dht_protocol::dht::PACKET_MAX;
use tokio::{pin, select, task::yield_now, time::sleep_until};
use tokio_util::sync::CancellationToken;

use super::{Message, driver::Driver};

/// Drives the node until told to stop.
///
/// # Errors
///
/// A fault when a socket is beyond use.
pub(crate) async fn run(
    mut driver: Driver,
    slot: InboxSlot<Message>,
    stop: CancellationToken,
) -> Result<(), Fault> {
    let mut inbox = slot.take()?;
    // One byte more than a packet may have, so that a longer one shows.
    let mut buffer = vec![0; PACKET_MAX + 1];
    let mut due = driver.next_wake();
    let timer = sleep_until(driver.clock.deadline(due));
    pin!(timer);
    let mut more = false;
    while !stop.is_cancelled() {
        if driver.next_wake() != due {
            due = driver.next_wake();
            timer.as_mut().reset(driver.clock.deadline(due));
        }
        let sockets = std::sync::Arc::clone(&driver.sockets);
        let message = if more {
            // Others on this thread come first, then there is more to read.
            yield_now().await;
            None
        } else {
            select! {
                () = stop.cancelled() => break,
                Some(message) = inbox.recv() => Some(message),
                () = sockets.readable() => None,
                () = sockets.writable(driver.outgoing.first()) => None,
                () = &mut timer => None,
            }
        };
        more = driver.turn(message, &mut inbox, &mut buffer)?;
    }
    driver.farewell().await;
    Ok(())
}
