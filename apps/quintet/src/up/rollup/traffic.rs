//! Something to look at: transfers on the rollup, some a second, and now and then a deposit from L1.

use std::{sync::Arc, time::Duration};

use alloy_primitives::{Bytes, TxKind, U256};
use quintet_actor::supervisor::Fault;
use quintet_eth_rpc::{EthError, EthNode};
use quintet_lux_node::{
    dev::DevAccount,
    send::{self, Outgoing},
};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use tokio_util::sync::CancellationToken;

use super::{LocalRollup, Role, files::PORTAL};
use crate::up::{accounts::Cast, bursts::bursts};

/// Time between two bursts.
const BURST_EVERY: Duration = Duration::from_millis(500);

/// Transfers of a burst.
const BURST: u32 = 3;

/// Bursts between two deposits.
const BURSTS_A_DEPOSIT: u64 = 20;

/// Transactions that may wait before no more are sent: the chain has fallen behind.
const WAITING_MAX: usize = 200;

/// Gas of a plain transfer, and of a deposit on L1.
const TRANSFER_GAS: u64 = 21_000;
const DEPOSIT_GAS: u64 = 100_000;

/// Most wei that a deposit brings.
const DEPOSIT_MAX: u64 = 1_000_000_000;

/// Sends until told to stop; deposits through a node of L1.
pub(in crate::up) async fn run(
    nodes: Vec<LocalRollup>,
    l1: Arc<EthNode>,
    cast: Cast,
    seed: u64,
    stop: CancellationToken,
) -> Result<(), Fault> {
    let sequencer = nodes.iter().find(|node| node.role == Role::Sequencer);
    let Some(sequencer) = sequencer else { return Ok(()) };
    let (l2, rng) = (Arc::clone(sequencer.handle.eth()), StdRng::seed_from_u64(seed));
    let traffic = Traffic { l2, l1, cast, rng };
    let burst =
        |traffic: &mut Traffic, burst: u64| traffic.burst(burst.is_multiple_of(BURSTS_A_DEPOSIT));
    bursts(&sequencer.name, BURST_EVERY, traffic, burst, stop).await
}

struct Traffic {
    l2: Arc<EthNode>,
    l1: Arc<EthNode>,
    cast: Cast,
    rng: StdRng,
}

impl Traffic {
    fn burst(&mut self, deposits: bool) {
        if deposits {
            self.deposit();
        }
        let waiting = self.l2.pool().pool().status();
        if waiting.pending + waiting.queued >= WAITING_MAX {
            tracing::debug!(waiting.pending, "no more is sent until blocks have caught up");
            return;
        }
        for _ in 0..BURST {
            if let Err(error) = self.transfer() {
                tracing::info!("not sent: {}", error.message);
            }
        }
    }

    fn transfer(&mut self) -> Result<(), EthError> {
        let count = self.cast.busy.len().max(1);
        let (from, to) = (self.rng.random_range(0..count), self.rng.random_range(0..count));
        let (Some(from), Some(to)) = (self.cast.busy.get(from), self.cast.busy.get(to)) else {
            return Ok(());
        };
        let what = money(to, self.rng.random_range(1..1_000));
        send::send(&self.l2, from, what).map(|_| ())
    }

    fn deposit(&mut self) {
        let wei = self.rng.random_range(1..DEPOSIT_MAX);
        let (to, value) = (TxKind::Call(PORTAL), U256::from(wei));
        let what = Outgoing { to, value, input: Bytes::new(), gas_limit: DEPOSIT_GAS };
        match send::send(&self.l1, &self.cast.depositor, what) {
            Ok(hash) => tracing::info!(%hash, wei, "a deposit is sent to L1"),
            Err(error) => tracing::info!("no deposit: {}", error.message),
        }
    }
}

fn money(to: &DevAccount, wei: u64) -> Outgoing {
    let (to, value) = (TxKind::Call(to.address), U256::from(wei));
    Outgoing { to, value, input: Bytes::new(), gas_limit: TRANSFER_GAS }
}
