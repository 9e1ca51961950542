//! Resolves the names of bootstrap nodes, and applies what may change while the node runs.
//!
//! Names are resolved in the background: a node without a working resolver starts all the same, with
//! the contacts it had. A name that does not resolve is tried again.

use std::{collections::BTreeSet, net::SocketAddr, time::Duration};

use quintet_actor::{inbox::Client, supervisor::Fault};
use quintet_node::config::{Config, HostPort};
use tokio::{
    net::lookup_host,
    select,
    sync::watch,
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use crate::{config::DhtConfig, socket::Message};

/// Time the system's resolver has for one name.
const RESOLVE_TIMEOUT: Duration = Duration::from_secs(5);

/// Addresses used of one name.
const ADDRS_PER_NAME: usize = 4;

/// Time until names that did not resolve are tried again; doubles up to [`AGAIN_MAX`].
const AGAIN: Duration = Duration::from_secs(5);

/// Longest time between two attempts.
const AGAIN_MAX: Duration = Duration::from_secs(10 * 60);

/// Keeps the socket actor told of its bootstrap addresses and limits until told to stop.
///
/// # Errors
///
/// None is known to happen.
pub(crate) async fn run(
    mut config: DhtConfig,
    mut reloads: Option<watch::Receiver<Config>>,
    socket: Client<Message>,
    stop: CancellationToken,
) -> Result<(), Fault> {
    let mut again = AGAIN;
    let mut limits = config.limits.clone();
    loop {
        let (addrs, complete) = select! {
            () = stop.cancelled() => return Ok(()),
            resolved = resolve(&config.bootstrap) => resolved,
        };
        debug!(?addrs, complete, "bootstrap names resolved");
        // Only a stopping node refuses.
        let _ = socket.tell(Message::SetBootstrap(addrs)).await;
        if config.limits != limits {
            limits = config.limits.clone();
            let _ = socket.tell(Message::SetLimits(limits.clone())).await;
        }
        let wait =
            async { if complete { core::future::pending().await } else { sleep(again).await } };
        select! {
            () = stop.cancelled() => return Ok(()),
            () = wait => again = (again * 2).min(AGAIN_MAX),
            Some(new) = reloaded(&mut reloads) => {
                again = AGAIN;
                config = new;
            }
        }
    }
}

/// Waits for a reload that holds our section; none without reloads.
async fn reloaded(reloads: &mut Option<watch::Receiver<Config>>) -> Option<DhtConfig> {
    let receiver = reloads.as_mut()?;
    receiver.changed().await.ok()?;
    let section = receiver.borrow_and_update().section::<DhtConfig>();
    section.ok().map(|section| (*section).clone())
}

/// Resolves all names; says too whether every one of them has an address.
async fn resolve(names: &[HostPort]) -> (Vec<SocketAddr>, bool) {
    let mut addrs = BTreeSet::new();
    let mut complete = true;
    for name in names {
        if let Some(addr) = name.socket_addr() {
            addrs.insert(addr);
            continue;
        }
        match timeout(RESOLVE_TIMEOUT, lookup_host((name.host(), name.port()))).await {
            Ok(Ok(found)) => addrs.extend(found.take(ADDRS_PER_NAME)),
            Ok(Err(error)) => {
                complete = false;
                warn!(%name, %error, "bootstrap name does not resolve");
            }
            Err(_) => {
                complete = false;
                warn!(%name, "bootstrap name does not resolve in time");
            }
        }
    }
    (addrs.into_iter().collect(), complete)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn addresses_need_no_resolver_and_are_named_once() {
        let name = |text: &str| text.parse::<HostPort>().unwrap();
        let names = [name("192.0.2.1:6881"), name("[2001:db8::1]:6881"), name("192.0.2.1:6881")];
        let (addrs, complete) = resolve(&names).await;
        assert_eq!(addrs.len(), 2);
        assert!(complete);
    }
}
