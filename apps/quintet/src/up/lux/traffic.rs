//! Something to look at: transfers and a token among accounts of its own, about twenty a second.

use std::time::Duration;

use alloy_primitives::{Address, B256, Bytes, TxKind, U256, hex};
use quintet_actor::supervisor::Fault;
use quintet_eth_rpc::EthError;
use quintet_lux_node::dev::{DevAccount, DevNode, Outgoing};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

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
    dev: DevNode,
    accounts: Vec<DevAccount>,
    seed: u64,
    stop: CancellationToken,
) -> Result<(), Fault> {
    let rng = StdRng::seed_from_u64(seed);
    let mut traffic = Traffic { dev, accounts, rng, token: None, transfers: 0, tokens: 0 };
    let span = tracing::error_span!("node", instance = super::INSTANCE);
    let mut ticks = interval(BURST_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    for burst in 1_u64.. {
        if stop.run_until_cancelled(ticks.tick()).await.is_none() {
            break;
        }
        let within = span.clone();
        // The pool reads accounts from the disk.
        let sent = tokio::task::spawn_blocking(move || {
            within.in_scope(|| traffic.burst(burst.is_multiple_of(BURSTS_A_LINE)));
            traffic
        });
        let Ok(back) = sent.await else { return Ok(()) };
        traffic = back;
    }
    Ok(())
}

struct Traffic {
    dev: DevNode,
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
        let waiting = self.dev.node.pool().pool().status();
        if waiting.pending + waiting.queued >= WAITING_MAX {
            tracing::debug!(
                pending = waiting.pending,
                "no more is sent until blocks have caught up"
            );
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
        let (from, to) = (self.rng.random_range(0..count), self.rng.random_range(0..count));
        let (Some(from), Some(to)) = (self.accounts.get(from), self.accounts.get(to)) else {
            return Ok(());
        };
        let Some(token) = self.token else {
            let (nonce, hash) = (self.dev.next_nonce(from.address)?, self.deploy(from)?);
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
            self.dev.send(from, Outgoing { to, value: U256::ZERO, input, gas_limit: TOKEN_GAS })?;
            self.tokens += 1;
        } else {
            let (to, value) = (TxKind::Call(to.address), U256::from(amount));
            let input = Bytes::new();
            self.dev.send(from, Outgoing { to, value, input, gas_limit: TRANSFER_GAS })?;
            self.transfers += 1;
        }
        Ok(())
    }

    fn deploy(&self, from: &DevAccount) -> Result<B256, EthError> {
        let code = hex::decode(TOKEN.trim());
        let mut code = code.map_err(|error| EthError::server(error.to_string()))?;
        code.extend(constructor_arguments());
        let input = Bytes::from(code);
        let to = TxKind::Create;
        self.dev.send(from, Outgoing { to, value: U256::ZERO, input, gas_limit: DEPLOY_GAS })
    }
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
