//! Who signs blocks: a slot of the system configuration's contract on L1, looked at now and then.
//!
//! **Spec:** `system-config.md`, "Unsafe Block Signer"; op-node's `RuntimeConfig`.

use std::{sync::Arc, time::Duration};

use alloy_primitives::Address;
use quintet_rollup_protocol::{config::RollupConfig, system::UNSAFE_BLOCK_SIGNER_SLOT};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::l1::L1Source;

/// Who signs, if it is known.
pub(crate) type Signers = watch::Receiver<Option<Address>>;

/// Time between two looks. op-node takes ten minutes; blocks of a new key are rejected until then, and whoever brings them blamed.
const EVERY: Duration = Duration::from_secs(60);
/// Time before another look, if L1 did not answer.
const PAUSE: Duration = Duration::from_secs(5);

/// Looks until told to stop.
pub(crate) async fn follow(
    source: Arc<dyn L1Source>,
    config: Arc<RollupConfig>,
    signer: watch::Sender<Option<Address>>,
    stop: CancellationToken,
) {
    loop {
        let found = tokio::select! {
            () = stop.cancelled() => return,
            found = source.storage(config.l1_system_config, UNSAFE_BLOCK_SIGNER_SLOT) => found,
        };
        let pause = match found {
            Ok(Some(value)) => {
                let now = Some(Address::from_word(value)).filter(|found| !found.is_zero());
                signer.send_if_modified(|known| {
                    let is_other = *known != now;
                    if is_other {
                        tracing::info!(signer = ?now, "blocks of peers must be signed");
                    }
                    *known = now;
                    is_other
                });
                EVERY
            }
            Ok(None) => {
                tracing::warn!(
                    "L1 does not say who signs blocks: those of peers are ignored; name the signer"
                );
                EVERY
            }
            Err(error) => {
                tracing::warn!(%error, "L1 does not say who signs blocks; asked again soon");
                PAUSE
            }
        };
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(pause) => {}
        }
    }
}
