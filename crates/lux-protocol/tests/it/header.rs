//! Each rule of the header: one that holds, and one that breaks it and nothing else.

use alloy_consensus::Header;
use alloy_primitives::{Address, B256};
use quintet_lux_protocol::{
    header::{self, HeaderError, Position, check},
    seal::Seal,
};

use crate::world::World;

fn refused(
    world: &World,
    parent: &Position,
    good: &Header,
    change: impl Fn(&mut Header),
) -> HeaderError {
    let mut header = good.clone();
    change(&mut header);
    // Signed again by the same proposer, so that the signature is not what is wrong.
    let proposer = parent.proposer(&world.params, &world.set, 3);
    if let Some(extra) = header::sign(&world.params, &header, &world.keys[proposer].secp) {
        header.extra_data = extra;
    }
    check(&world.params, &world.set, parent, &header).unwrap_err()
}

fn reseal(header: &mut Header, change: impl Fn(&mut Seal)) {
    let mut seal = Seal::decode(&header.extra_data).unwrap();
    change(&mut seal);
    header.extra_data = seal.encode();
}

#[test]
fn chains_over_epochs_with_missed_slots_hold() {
    let world = World::new(4);
    let mut parent = Position::genesis(&world.params);
    for slot in [1, 2, 5, 9, 10, 11, 19, 20, 31, 70, 71] {
        let header = world.block(&parent, slot, 0);
        let position = check(&world.params, &world.set, &parent, &header).unwrap();
        assert_eq!((position.slot, position.parent), (slot, parent.hash));
        assert_eq!(Position::of_checked(&world.params, &header, position.hash), Ok(position));
        parent = position;
    }
}

#[test]
fn a_header_that_breaks_a_rule_is_refused_for_it() {
    use HeaderError as E;
    let world = World::new(4);
    let genesis = Position::genesis(&world.params);
    let good = world.block(&genesis, 3, 0);
    let refused = |change: &dyn Fn(&mut Header)| refused(&world, &genesis, &good, change);
    assert!(matches!(refused(&|h| h.extra_data = vec![1].into()), E::Seal(_)));
    assert!(matches!(refused(&|h| h.parent_hash = B256::ZERO), E::Parent { .. }));
    assert!(matches!(refused(&|h| h.number = 2), E::Parent { .. }));
    assert!(matches!(refused(&|h| reseal(h, |s| s.slot = 0)), E::Slot { .. }));
    assert!(matches!(refused(&|h| h.timestamp += 1), E::Timestamp { .. }));
    assert!(matches!(refused(&|h| h.beneficiary = Address::ZERO), E::Proposer { .. }));
    assert!(matches!(refused(&|h| reseal(h, |s| s.proof[79] ^= 1)), E::Proof { .. }));
    assert!(matches!(refused(&|h| h.mix_hash = B256::ZERO), E::Beacon { field: "mixHash", .. }));
    assert!(matches!(refused(&|h| reseal(h, |s| s.beacon.next = B256::ZERO)), E::Beacon { .. }));
    let root = Some(B256::repeat_byte(1));
    assert!(matches!(refused(&|h| h.parent_beacon_block_root = root), E::BeaconRoot { .. }));
    // A signature by another validator, or none.
    let mut forged = good.clone();
    let other = (genesis.proposer(&world.params, &world.set, 3) + 1) % 4;
    forged.extra_data = header::sign(&world.params, &good, &world.keys[other].secp).unwrap();
    let forged = check(&world.params, &world.set, &genesis, &forged);
    assert!(matches!(forged, Err(E::Signature { actual: Some(_), .. })), "{forged:?}");
    let mut changed = good.clone();
    changed.gas_used = 7;
    let changed = check(&world.params, &world.set, &genesis, &changed);
    assert!(matches!(changed, Err(E::Signature { .. })), "{changed:?}");
}

#[test]
fn a_header_of_another_chain_with_the_same_validators_is_refused() {
    let world = World::new(4);
    let genesis = Position::genesis(&world.params);
    let header = world.block(&genesis, 3, 0);
    let mut params = world.params;
    params.domain = quintet_lux_protocol::params::Domain::new(1, params.genesis);
    assert!(check(&params, &world.set, &genesis, &header).is_err());
}
