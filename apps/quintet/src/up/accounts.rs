//! Accounts of the EVM chains of a local network, all of one phrase that everybody knows. Each has its part, so that nobody's nonces meet.

use alloy_primitives::{Address, U256};
use anyhow::Context as _;
use quintet_lux_node::dev::{DevAccount, MNEMONIC, accounts};

use crate::dev_chain::ETHER;

/// Accounts for whoever wants them.
const SHOWN: usize = 10;

/// Accounts that send among themselves, on each chain.
const BUSY: usize = 6;

/// What each account has at the beginning, ether.
const BALANCE: u64 = 10_000;

/// Who is who.
#[derive(Debug, Clone)]
pub(super) struct Cast {
    /// For whoever wants them.
    pub(super) shown: Vec<DevAccount>,
    /// They send among themselves.
    pub(super) busy: Vec<DevAccount>,
    /// Posts the rollup's blocks to L1.
    pub(super) batcher: DevAccount,
    /// Signs the rollup's blocks.
    pub(super) signer: DevAccount,
    /// Deposits from L1 on the rollup.
    pub(super) depositor: DevAccount,
    /// Deposits in `--check`.
    pub(super) prover: DevAccount,
}

impl Cast {
    pub(super) fn new() -> anyhow::Result<Self> {
        let all = SHOWN + BUSY + 4;
        let mut shown = accounts(MNEMONIC, u32::try_from(all)?)?;
        let mut busy = shown.split_off(SHOWN);
        let mut others = busy.split_off(BUSY).into_iter();
        let mut next = || others.next().context("an account is missing");
        Ok(Self {
            batcher: next()?,
            signer: next()?,
            depositor: next()?,
            prover: next()?,
            shown,
            busy,
        })
    }

    /// Who has money on L1 at the beginning, and how much, wei.
    pub(super) fn funded_on_l1(&self) -> Vec<(Address, U256)> {
        let mut funded = self.funded_on_l2();
        let others = [&self.batcher, &self.depositor, &self.prover];
        funded.extend(others.map(|one| (one.address, money())));
        funded
    }

    /// Who has money on the rollup at the beginning, and how much, wei.
    pub(super) fn funded_on_l2(&self) -> Vec<(Address, U256)> {
        self.shown.iter().chain(&self.busy).map(|one| (one.address, money())).collect()
    }
}

fn money() -> U256 {
    U256::from(BALANCE) * U256::from(ETHER)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn everybody_is_somebody_else() {
        let cast = Cast::new().unwrap();
        let all: BTreeSet<_> = cast.funded_on_l1().into_iter().map(|(who, _)| who).collect();
        assert_eq!(all.len(), SHOWN + BUSY + 3);
        assert!(!all.contains(&cast.signer.address));
    }
}
