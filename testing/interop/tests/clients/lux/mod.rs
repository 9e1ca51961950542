//! Unmodified clients of Ethereum on a development chain: deploying, calling, events, subscriptions, proofs.

mod cast;
mod forge;
mod libraries;

use anyhow::Result;
use interop::{Binary, EvmClient, Lab, Lux, lab, skipped};

/// Runs a test with a client on a chain of its own, if both are there.
fn with_chain(client: EvmClient, test: impl FnOnce(&Lab, &Lux) -> Result<()>) -> Result<()> {
    if let Some(reason) = client.absence() {
        return skipped(&reason);
    }
    let binary = match Binary::find() {
        Ok(binary) => binary,
        Err(reason) => return skipped(&reason),
    };
    lab(|lab| test(lab, &Lux::start(lab, &binary, &[])?))
}
