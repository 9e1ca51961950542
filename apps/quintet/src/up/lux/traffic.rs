//! Something to look at: transfers and a token among accounts of its own, about twenty a second.
//!
//! Each account sends through one node, always the same, so that its nonces do not depend on how fast nodes tell each other.

use std::{sync::Arc, time::Duration};

use alloy_primitives::{Address, B256, Bytes, TxKind, U256, hex};
use quintet_actor::supervisor::Fault;
use quintet_eth_rpc::{EthError, EthNode};
use quintet_lux_node::{
    dev::DevAccount,
    send::{self, Outgoing},
};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use tokio_util::sync::CancellationToken;

use super::LocalValidator;
use crate::up::bursts::bursts;

/// Time between two bursts.
const BURST_EVERY: Duration = Duration::from_millis(250);

/// Transactions of a burst.
const BURST: u32 = 5;

/// Bursts between two lines of the log.
const BURSTS_A_LINE: u64 = 40;

/// Transactions that may wait before no more are sent: the chain has fallen behind.
const WAITING_MAX: usize = 500;

/// Gas of a plain transfer, and most for what else is sent.
const TRANSFER_GAS: u64 = 21_000;
const TOKEN_GAS: u64 = 100_000;
const DEPLOY_GAS: u64 = 2_000_000;

/// What makes the token: `testing/interop/peers/lux/foundry/src/Token.sol`, by solc 0.8.37 with its optimiser.
const TOKEN: &str = include_str!("token.hex");

/// What the token is called, and how much of it there is.
const TOKEN_NAME: &str = "Quintet";
const TOKEN_SUPPLY: u64 = 1_000_000_000;

/// Selector of `transfer(address,uint256)`.
const TRANSFER: [u8; 4] = [0xa9, 0x05, 0x9c, 0xbb];

/// Sends until told to stop.
pub(in crate::up) async fn run(
    nodes: Vec<LocalValidator>,
    accounts: Vec<DevAccount>,
    seed: u64,
    stop: CancellationToken,
) -> Result<(), Fault> {
    let rng = StdRng::seed_from_u64(seed);
    let Some(first) = nodes.first() else { return Ok(()) };
    let nodes = nodes.iter().map(|node| Arc::clone(&node.node)).collect();
    let traffic = Traffic { nodes, accounts, rng, token: None, transfers: 0, tokens: 0 };
    let burst =
        |traffic: &mut Traffic, burst: u64| traffic.burst(burst.is_multiple_of(BURSTS_A_LINE));
    bursts(&first.name, BURST_EVERY, traffic, burst, stop).await
}

struct Traffic {
    nodes: Vec<Arc<EthNode>>,
    accounts: Vec<DevAccount>,
    rng: StdRng,
    token: Option<Address>,
    transfers: u64,
    tokens: u64,
}

impl Traffic {
    fn burst(&mut self, tells: bool) {
        if tells {
            tracing::info!("sent {} transfers and {} of the token", self.transfers, self.tokens);
        }
        let waiting = self.nodes.iter().map(|node| {
            let status = node.pool().pool().status();
            status.pending + status.queued
        });
        let waiting = waiting.max().unwrap_or_default();
        if waiting >= WAITING_MAX {
            tracing::debug!(waiting, "no more is sent until blocks have caught up");
            return;
        }
        for _ in 0..BURST {
            if let Err(error) = self.deed() {
                tracing::info!("not sent: {}", error.message);
            }
        }
    }

    fn deed(&mut self) -> Result<(), EthError> {
        let count = self.accounts.len().max(1);
        let (own, to) = (self.rng.random_range(0..count), self.rng.random_range(0..count));
        let (Some(from), Some(to)) = (self.accounts.get(own), self.accounts.get(to)) else {
            return Ok(());
        };
        let Some(node) = self.nodes.get(own % self.nodes.len().max(1)) else { return Ok(()) };
        let Some(token) = self.token else {
            let (nonce, hash) = (send::next_nonce(node, from.address)?, deploy(node, from)?);
            let token = from.address.create(nonce);
            tracing::info!("the token {token} is made by {hash}");
            self.token = Some(token);
            return Ok(());
        };
        // The first has all of the token; the others hand on what they got.
        let amount = self.rng.random_range(1..1_000_u64);
        if self.rng.random_ratio(3, 10) {
            let mut input = TRANSFER.to_vec();
            input.extend(to.address.into_word());
            input.extend(U256::from(amount).to_be_bytes::<32>());
            let (to, input) = (TxKind::Call(token), Bytes::from(input));
            let what = Outgoing { to, value: U256::ZERO, input, gas_limit: TOKEN_GAS };
            send::send(node, from, what)?;
            self.tokens += 1;
        } else {
            let (to, value) = (TxKind::Call(to.address), U256::from(amount));
            let input = Bytes::new();
            send::send(node, from, Outgoing { to, value, input, gas_limit: TRANSFER_GAS })?;
            self.transfers += 1;
        }
        Ok(())
    }
}

fn deploy(node: &EthNode, from: &DevAccount) -> Result<B256, EthError> {
    let code = hex::decode(TOKEN.trim());
    let mut code = code.map_err(|error| EthError::server(error.to_string()))?;
    code.extend(constructor_arguments());
    let input = Bytes::from(code);
    let to = TxKind::Create;
    send::send(node, from, Outgoing { to, value: U256::ZERO, input, gas_limit: DEPLOY_GAS })
}

/// `(string name, uint256 supply)`, as Solidity's ABI has it.
fn constructor_arguments() -> Vec<u8> {
    const WORD: usize = 32;
    let words = [U256::from(2 * WORD), U256::from(TOKEN_SUPPLY), U256::from(TOKEN_NAME.len())];
    let mut out: Vec<u8> = words.iter().flat_map(|word| word.to_be_bytes::<WORD>()).collect();
    out.extend(TOKEN_NAME.bytes());
    out.resize(out.len().next_multiple_of(WORD), 0);
    out
}

#[cfg(test)]
mod tests {
    use alloy_primitives::keccak256;

    use super::*;

    #[test]
    fn the_selector_is_that_of_its_signature() {
        assert_eq!(keccak256("transfer(address,uint256)")[..4], TRANSFER);
    }

    #[test]
    fn arguments_of_the_constructor_fill_whole_words() {
        let arguments = constructor_arguments();
        assert_eq!(arguments.len(), 4 * 32);
        assert_eq!(&arguments[96..103], TOKEN_NAME.as_bytes());
    }
}
