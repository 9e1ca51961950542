//! L1 blocks as a sequencer needs them: origins that were asked for are kept, what L1 does not say in time is not known.

use std::{sync::Arc, time::Duration};

use alloy_consensus::Receipt;
use alloy_primitives::Log;
use quintet_rollup_protocol::{
    attributes::Epoch,
    config::RollupConfig,
    deposit::{DEPOSIT_TOPIC, derive_deposits},
    system::{CONFIG_UPDATE_TOPIC, ConfigUpdate},
    view::LogMask,
};

use crate::l1::{L1Block, L1Error, L1Source};

/// Time L1 has to name the block behind the origin: a block must not wait for it long.
const NEXT_PATIENCE: Duration = Duration::from_millis(500);
/// Time L1 has to name an origin that the next block cannot do without.
const CURRENT_PATIENCE: Duration = Duration::from_secs(10);

/// Asks L1 for origins.
#[derive(Debug)]
pub(super) struct Origins {
    source: Arc<dyn L1Source>,
    config: Arc<RollupConfig>,
    current: Option<L1Block>,
    next: Option<L1Block>,
}

impl Origins {
    pub(super) fn new(source: Arc<dyn L1Source>, config: Arc<RollupConfig>) -> Self {
        Self { source, config, current: None, next: None }
    }

    /// Forgets what is known: L1 was reorganised.
    pub(super) fn forget(&mut self) {
        (self.current, self.next) = (None, None);
    }

    async fn ask(&self, number: u64, patience: Duration) -> Option<L1Block> {
        match tokio::time::timeout(patience, self.source.block(number)).await {
            Ok(Ok(block)) => block,
            Ok(Err(error)) => {
                tracing::warn!(number, %error, "L1 does not name an origin");
                None
            }
            Err(_) => {
                tracing::warn!(number, "L1 takes too long to name an origin");
                None
            }
        }
    }

    /// Returns the L1 block of a number, which is the head's origin.
    pub(super) async fn current(&mut self, number: u64) -> Option<L1Block> {
        if self.next.as_ref().is_some_and(|next| next.header.block.number == number) {
            self.current = self.next.take();
        }
        if self.current.as_ref().is_none_or(|known| known.header.block.number != number) {
            self.current = self.ask(number, CURRENT_PATIENCE).await;
        }
        self.current.clone()
    }

    /// Returns the L1 block behind the head's origin.
    pub(super) async fn next(&mut self, number: u64) -> Option<L1Block> {
        if self.next.as_ref().is_none_or(|known| known.header.block.number != number) {
            self.next = self.ask(number, NEXT_PATIENCE).await;
        }
        self.next.clone()
    }

    /// Returns the hash that L1 has at a number.
    pub(super) async fn hash(&self, number: u64) -> Option<alloy_primitives::B256> {
        self.ask(number, CURRENT_PATIENCE).await.map(|block| block.header.block.hash)
    }

    /// Returns an L1 block as the first block of its epoch needs it.
    pub(super) async fn epoch(&self, block: &L1Block) -> Result<Epoch, L1Error> {
        let mut epoch = Epoch { header: block.header.clone(), ..Epoch::default() };
        let config = &self.config;
        let deposits = LogMask::new(config.deposit_contract, DEPOSIT_TOPIC);
        let updates = LogMask::new(config.l1_system_config, CONFIG_UPDATE_TOPIC);
        if !block.header.may_hold(&deposits) && !block.header.may_hold(&updates) {
            return Ok(epoch);
        }
        let at = block.header.block;
        let receipts = self.source.receipts(&at, block.receipts_root).await?;
        let logs = || receipts.iter().flat_map(|receipt: &Receipt| receipt.logs.iter());
        let malformed = |what: &'static str, reason: String| L1Error::Missing {
            endpoint: "L1".to_owned(),
            what: format!("{what} of the specified form in block {}: {reason}", at.number),
            advice: "no chain can be built on it",
        };
        // Failed transactions have no logs.
        epoch.deposits = derive_deposits(logs(), config.deposit_contract, at.hash)
            .map_err(|error| malformed("deposits", error.to_string()))?;
        let is_update = |log: &&Log| {
            log.address == config.l1_system_config
                && log.topics().first() == Some(&CONFIG_UPDATE_TOPIC)
        };
        let read: Result<_, _> = logs().filter(is_update).map(ConfigUpdate::read).collect();
        epoch.updates = read.map_err(|error| malformed("updates", error.to_string()))?;
        Ok(epoch)
    }
}
