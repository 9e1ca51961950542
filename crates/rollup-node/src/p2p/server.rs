//! Blocks for peers that missed them, by number.
//!
//! **Spec:** `rollup-node-p2p.md`, "`payload_by_number`"; op-node's `ReqRespServer`.

use std::{
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use quintet_eth_chain::BlockTag;
use quintet_rollup_protocol::{
    config::RollupConfig,
    gossip::request::{self, Absence},
};
use tokio::sync::Semaphore;

use super::{AnswerChannel, P2pClient};
use crate::engine::L2Reader;

/// Questions that are answered at once; others are told to ask somebody else.
const SERVED_MAX: usize = 4;

/// Gives blocks.
#[derive(Debug)]
pub(crate) struct Server {
    config: Arc<RollupConfig>,
    reader: L2Reader,
    client: P2pClient,
    free: Arc<Semaphore>,
}

impl Server {
    /// Gives the blocks of a chain.
    pub(crate) fn new(config: Arc<RollupConfig>, reader: L2Reader, client: P2pClient) -> Self {
        Self { config, reader, client, free: Arc::new(Semaphore::new(SERVED_MAX)) }
    }

    /// Answers, on a thread that may wait for the disk.
    pub(crate) fn answer(&self, number: u64, channel: AnswerChannel) {
        let Ok(place) = Arc::clone(&self.free).try_acquire_owned() else {
            self.client.answer(channel, Absence::Other.encode());
            return;
        };
        let (config, reader) = (Arc::clone(&self.config), self.reader.clone());
        let client = self.client.clone();
        // Its end nobody waits for: it is short, and reads only.
        let _answering = tokio::task::spawn_blocking(move || {
            let now =
                SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
            let answer = find(&config, &reader, number, now).unwrap_or_else(Absence::encode);
            client.answer(channel, answer);
            drop(place);
        });
    }
}

fn find(
    config: &RollupConfig,
    reader: &L2Reader,
    number: u64,
    now: u64,
) -> Result<Vec<u8>, Absence> {
    if !request::may_exist(config, number, now) {
        return Err(Absence::Invalid);
    }
    let found = reader.envelope(BlockTag::Number(number)).map_err(|error| {
        tracing::warn!(number, %error, "a block cannot be read for a peer");
        Absence::Other
    })?;
    let (version, envelope) = found.ok_or(Absence::Unavailable)?;
    request::encode(version, &envelope).map_err(|error| {
        tracing::warn!(number, %error, "a block cannot be given to a peer");
        Absence::Other
    })
}
