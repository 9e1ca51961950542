//! What miners of blocks and uncles are paid, while there is mining.
//!
//! **Spec:** Yellow Paper, section 11.3; EIP-649, EIP-1234.

use alloy_consensus::Header;
use alloy_primitives::{Address, U256};

use crate::schedule::{Fork, Rules};

const ETHER: u64 = 1_000_000_000_000_000_000;

/// Returns who is paid what for a block; nobody from Paris on.
///
/// The miner of the block comes last, after those of uncles.
pub(super) fn rewards(rules: &Rules, header: &Header, ommers: &[Header]) -> Vec<(Address, U256)> {
    if rules.has(Fork::Paris) {
        return Vec::new();
    }
    let ether = if rules.has(Fork::Constantinople) {
        2
    } else if rules.has(Fork::Byzantium) {
        3
    } else {
        5
    };
    let reward = U256::from(ether) * U256::from(ETHER);
    let uncle = |ommer: &Header| {
        // At most seven generations back, by the rules of uncles; a block in the making may hold anything.
        let closeness = (ommer.number + 8).saturating_sub(header.number).min(7);
        (ommer.beneficiary, reward * U256::from(closeness) / U256::from(8))
    };
    let nephew = reward + reward / U256::from(32) * U256::from(ommers.len());
    ommers.iter().map(uncle).chain([(header.beneficiary, nephew)]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_uncle_is_paid_an_eighth_less_for_each_generation() {
        let header =
            Header { number: 10, beneficiary: Address::repeat_byte(1), ..Header::default() };
        let ommer = Header { number: 8, beneficiary: Address::repeat_byte(2), ..Header::default() };
        let paid = rewards(&Rules::of(Fork::Byzantium), &header, &[ommer]);
        let ether = U256::from(ETHER);
        assert_eq!(
            paid[0],
            (Address::repeat_byte(2), U256::from(3) * ether * U256::from(6) / U256::from(8))
        );
        assert_eq!(paid[1].1, U256::from(3) * ether + U256::from(3) * ether / U256::from(32));
        assert_eq!(rewards(&Rules::of(Fork::Paris), &header, &[]), []);
    }
}
