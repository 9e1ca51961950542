//! What gives way when the pool is full.
//!
//! Of each sender only the last transaction can be thrown out, so that no gap arises; the senders stand in the order of what their last
//! one is worth. The order is made when it is first needed and forgotten when the base fee moves: a pool that is not full pays nothing
//! for it.

use std::collections::BTreeSet;

use alloy_primitives::{Address, map::AddressMap};

use crate::account::Account;

/// Most transactions that give way for one.
pub(crate) const VICTIMS_MAX: usize = 64;

/// How dear a sender's last transaction is: the greater, the longer it stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Rank {
    /// Whether it could be in the next block.
    pub(crate) is_pending: bool,
    /// What a proposer gets for each gas, at the worst of it and all that must come before it.
    pub(crate) tip: i128,
    /// The earlier it came, the greater.
    pub(crate) age: u64,
}

/// Senders by the rank of their last transaction.
#[derive(Debug, Default)]
pub(crate) struct Order {
    /// Nothing until somebody asked.
    live: Option<Live>,
}

#[derive(Debug, Default)]
struct Live {
    ranks: AddressMap<Rank>,
    cheapest: BTreeSet<(Rank, Address)>,
}

impl Live {
    fn set(&mut self, address: Address, rank: Option<Rank>) {
        let before = match rank {
            Some(rank) => self.ranks.insert(address, rank),
            None => self.ranks.remove(&address),
        };
        if before == rank {
            return;
        }
        if let Some(before) = before {
            self.cheapest.remove(&(before, address));
        }
        if let Some(rank) = rank {
            self.cheapest.insert((rank, address));
        }
    }
}

impl Order {
    /// Forgets the order, as when the base fee moved.
    pub(crate) fn forget(&mut self) {
        self.live = None;
    }

    /// Takes note that a sender's transactions changed.
    pub(crate) fn update(&mut self, address: Address, account: Option<&Account>, base_fee: u64) {
        if let Some(live) = &mut self.live {
            live.set(address, account.and_then(|account| account.rank(base_fee)));
        }
    }

    /// Returns the senders, the one with the cheapest last transaction first.
    pub(crate) fn cheapest(
        &mut self,
        accounts: &AddressMap<Account>,
        base_fee: u64,
    ) -> impl Iterator<Item = (Rank, Address)> + '_ {
        let live = self.live.get_or_insert_with(|| {
            let mut live = Live::default();
            for (address, account) in accounts {
                live.set(*address, account.rank(base_fee));
            }
            live
        });
        live.cheapest.iter().copied()
    }
}
