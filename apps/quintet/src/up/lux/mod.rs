//! The LuxTensor chain of a local network: one proposer, a block every second, RPC for everybody's tools.
//!
//! ```text
//!   traffic ──transfers, a token──► DevServing ──HTTP, WebSocket──► wallets, cast, scripts
//!                                       │
//!                                       └── head, blocks, pool ──► feed ──► Publisher ──► pages
//! ```
//!
//! Accounts: the first are shown and for whoever wants them; the others are the proposer's and the traffic's, so that nobody's nonces
//! meet.

mod check;
mod feed;
mod traffic;

use std::path::Path;

use alloy_primitives::{Address, U256};
use anyhow::Context as _;
use quintet_eth_chain::{ChainOptions, EthChain, Retention};
use quintet_lux_node::{
    dev::{DevAccount, DevOptions, MNEMONIC, Mining, accounts},
    genesis::{GAS_LIMIT_DEFAULT, LuxGenesis},
};
use quintet_store::Durability;

pub(super) use self::{check::prove, feed::run as feed, traffic::run as traffic};
use crate::{
    dev_chain::{ChainPlaces, DevServing, ETHER, Lasting},
    listen::usual_or_free,
};

/// Name of the chain's node.
pub(super) const INSTANCE: &str = "lux";

/// LuxTensor's number of chains for development.
const CHAIN_ID: u64 = 88_980;

/// Milliseconds between blocks.
const BLOCK_MILLIS: u64 = 1_000;

/// Port that tools expect; a free one is taken where it is not free.
const PORT: u16 = 8_545;

/// Accounts for whoever wants them.
const SHOWN: u32 = 10;

/// Accounts that send among themselves.
const BUSY: u32 = 6;

/// What each account has at the beginning, ether.
const BALANCE: u64 = 10_000;

/// Blocks whose states and bodies are kept: an hour of them.
const KEPT: u64 = 3_600;

/// A chain that runs.
#[derive(Debug)]
pub(super) struct LuxChain {
    pub(super) serving: DevServing,
    /// Accounts that send among themselves.
    pub(super) busy: Vec<DevAccount>,
}

impl LuxChain {
    /// Starts the chain below `home`, at the port tools expect if `usual` and it is free.
    pub(super) async fn start(home: &Path, usual: bool) -> anyhow::Result<Self> {
        let mut shown = accounts(MNEMONIC, SHOWN + 1 + BUSY)?;
        let all: Vec<Address> = shown.iter().map(|account| account.address).collect();
        let mut busy = shown.split_off(usize::try_from(SHOWN)?);
        let proposer = busy.pop().map_or(Address::ZERO, |account| account.address);
        let balance = U256::from(BALANCE) * U256::from(ETHER);
        // From the beginning of time, so that a chain that stays begins where it began.
        let genesis = LuxGenesis::development(CHAIN_ID, 0, GAS_LIMIT_DEFAULT, all, balance)?;
        let retention = Retention { states: KEPT, archive: false, bodies: Some(KEPT) };
        // Nobody's money: it survives a killed process, and need not survive a power cut.
        let durability = Durability::Buffered;
        let options = ChainOptions { retention, durability, ..ChainOptions::default() };
        let place = home.join(INSTANCE);
        let chain = EthChain::open(&place, genesis.spec, options)
            .with_context(|| format!("{INSTANCE} does not start: {}", place.display()))?;
        let mining = Mining::Interval { millis: BLOCK_MILLIS };
        let options = DevOptions { mining, coinbase: proposer, accounts: shown };
        let serving =
            DevServing::start(chain, options, usual_or_free(PORT, usual), Lasting::Goes).await?;
        Ok(Self { serving, busy })
    }

    /// Where it is.
    pub(super) fn places(&self) -> ChainPlaces {
        self.serving.places()
    }
}
