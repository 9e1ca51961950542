//! The rules one by one, each where it holds and where it fails for that reason.

use alloy_primitives::{B256, U256};
use quintet_eth::tx::TxRules;
use quintet_eth_pool::{
    Head, HeadChange, HeadReport, Origin, Pool, PoolConfig, PoolError, Touched, Verified, Waiting,
};

use crate::{
    chain::{RICH, Tx, World, address, blob, delegating, head, legacy, pool, tx},
    signed::{address_of, key},
};

fn hashes(pool: &Pool) -> Vec<B256> {
    pool.best(pool.head().base_fee, 1).map(|one| one.hash()).collect()
}

fn moved(pool: &mut Pool, world: &World, included: &[Tx], returned: Vec<Verified>) -> HeadReport {
    let head = *pool.head();
    let included = included.iter().map(|tx| tx.hash()).collect();
    let change = HeadChange { head, touched: Touched::All, included, returned };
    pool.set_head(change, world, 0).unwrap()
}

#[test]
fn a_transaction_with_the_next_nonce_is_pending() {
    let world = World::default().with(address(1), 5, RICH);
    let mut pool = pool();
    let added = tx(1, 5).add(&mut pool, &world).unwrap();
    assert!(added.is_pending);
    assert_eq!(pool.next_nonce(&address(1)), Some(6));
    assert_eq!(hashes(&pool), [tx(1, 5).hash()]);
}

#[test]
fn a_gap_is_waited_for_and_closing_it_promotes_all_that_follow() {
    let world = World::default().with(address(1), 0, RICH);
    let mut pool = pool();
    for nonce in [2, 1] {
        assert!(!tx(1, nonce).add(&mut pool, &world).unwrap().is_pending);
    }
    assert_eq!((pool.status().pending, pool.status().queued), (0, 2));
    let place = pool.place(&tx(1, 2).hash()).unwrap();
    assert_eq!(place.waiting, Waiting::Nonce { expected: 0 });
    let added = tx(1, 0).add(&mut pool, &world).unwrap();
    assert_eq!(added.promoted.len(), 3);
    assert_eq!((pool.status().pending, pool.status().queued), (3, 0));
    assert_eq!(hashes(&pool), [0, 1, 2].map(|nonce| tx(1, nonce).hash()));
}

#[test]
fn a_used_nonce_a_poor_sender_and_a_known_transaction_are_refused_in_geths_words() {
    let world = World::default().with(address(1), 5, 21_000 * 100 + 10);
    let mut pool = pool();
    let told = |error: Result<_, PoolError>| {
        error.map(|_: quintet_eth_pool::Added| ()).unwrap_err().to_string()
    };
    assert_eq!(told(tx(1, 4).add(&mut pool, &world)), "nonce too low: next nonce 5, tx nonce 4");
    assert_eq!(
        told(Tx { value: 11, ..tx(1, 5) }.add(&mut pool, &world)),
        "insufficient funds for gas * price + value: balance 2100010, tx cost 2100011, overshot 1"
    );
    assert_eq!(
        told(Tx { gas: 30_000_001, fee: 0, tip: 0, ..tx(1, 5) }.add(&mut pool, &world)),
        "exceeds block gas limit"
    );
    assert_eq!(
        told(tx(1, 5).paying(100, 0).add(&mut pool, &world)),
        "transaction underpriced: gas tip cap 0, minimum needed 1"
    );
    tx(1, 5).add(&mut pool, &world).unwrap();
    assert_eq!(told(tx(1, 5).add(&mut pool, &world)), "already known");
    assert_eq!(
        told(Tx { value: 1, ..tx(1, 6) }.add(&mut pool, &world)),
        "insufficient funds for gas * price + value: balance 2100010, queued cost 2100000, \
         tx cost 2100001, overshot 2099991"
    );
    assert_eq!(pool.status().pending, 1);
}

#[test]
fn a_replacement_must_raise_both_fees_by_a_tenth() {
    let world = World::default().with(address(1), 0, RICH);
    let mut pool = pool();
    tx(1, 0).add(&mut pool, &world).unwrap();
    for (fee, tip) in [(109, 11), (110, 10), (100, 11)] {
        let refused = tx(1, 0).paying(fee, tip).add(&mut pool, &world);
        assert_eq!(refused.unwrap_err(), PoolError::ReplacementUnderpriced, "{fee} {tip}");
    }
    let added = tx(1, 0).paying(110, 11).add(&mut pool, &world).unwrap();
    assert_eq!(added.replaced.unwrap().hash(), tx(1, 0).hash());
    assert_eq!(hashes(&pool), [tx(1, 0).paying(110, 11).hash()]);
    assert!(pool.get(&tx(1, 0).hash()).is_none());
}

#[test]
fn a_replacement_is_paid_for_together_with_the_senders_others() {
    let both = tx(1, 0).cost() + tx(1, 1).cost();
    let world = World::default().with(address(1), 0, both + 21_000 * 10);
    let mut pool = pool();
    tx(1, 0).add(&mut pool, &world).unwrap();
    tx(1, 1).add(&mut pool, &world).unwrap();
    let dear = tx(1, 0).paying(111, 11).add(&mut pool, &world);
    assert!(matches!(dear.unwrap_err(), PoolError::FundsTogether { .. }));
    tx(1, 0).paying(110, 11).add(&mut pool, &world).unwrap();
    assert_eq!(pool.status().pending, 2);
}

#[test]
fn a_block_takes_the_dearest_first_and_each_sender_in_order() {
    let world = (1..=3).fold(World::default(), |world, one| world.with(address(one), 0, RICH));
    let mut pool = pool();
    let low = tx(1, 0).paying(100, 2);
    let high = tx(1, 1).paying(100, 50);
    let other = tx(2, 0).paying(100, 20);
    // Pays at most 8, so that at a base fee of 7 its tip is 1.
    let capped = tx(3, 0).paying(8, 8);
    for one in [high, low, other, capped] {
        one.add(&mut pool, &world).unwrap();
    }
    assert_eq!(hashes(&pool), [other, low, high, capped].map(Tx::hash));
    let mut best = pool.best(7, 1);
    assert_eq!(best.next().unwrap().hash(), other.hash());
    assert_eq!(best.next().unwrap().hash(), low.hash());
    best.skip_sender();
    assert_eq!(best.next().unwrap().hash(), capped.hash());
    assert!(best.next().is_none());
    assert_eq!(pool.best(9, 1).count(), 3, "who does not pay the base fee waits");
    assert!(matches!(pool.place(&capped.hash()).unwrap().waiting, Waiting::Proposer));
}

#[test]
fn of_equal_tips_the_earlier_comes_first() {
    let world = (1..=9).fold(World::default(), |world, one| world.with(address(one), 0, RICH));
    let mut pool = pool();
    let order = [5, 2, 9, 1, 7];
    for one in order {
        tx(one, 0).add(&mut pool, &world).unwrap();
    }
    assert_eq!(hashes(&pool), order.map(|one| tx(one, 0).hash()));
}

#[test]
fn a_full_pool_gives_up_the_cheapest_last_transaction_for_a_dearer_one() {
    let world = (1..=4).fold(World::default(), |world, one| world.with(address(one), 0, RICH));
    let config = PoolConfig { slots_max: 3, ..PoolConfig::default() };
    let mut pool = Pool::new(config, head(7));
    tx(1, 0).paying(100, 20).add(&mut pool, &world).unwrap();
    tx(1, 1).paying(100, 90).add(&mut pool, &world).unwrap();
    tx(2, 0).paying(100, 30).add(&mut pool, &world).unwrap();
    let cheap = tx(3, 0).paying(100, 20).add(&mut pool, &world);
    assert_eq!(cheap.unwrap_err(), PoolError::Underpriced);
    // The second of sender 1 pays 90, but not before its first, which pays 20.
    let added = tx(3, 0).paying(100, 25).add(&mut pool, &world).unwrap();
    assert_eq!(added.evicted[0].hash(), tx(1, 1).paying(100, 90).hash());
    assert_eq!(pool.status().pending, 3);
}

#[test]
fn what_waits_gives_way_before_what_could_be_mined() {
    let world = (1..=3).fold(World::default(), |world, one| world.with(address(one), 0, RICH));
    let config = PoolConfig { slots_max: 2, ..PoolConfig::default() };
    let mut pool = Pool::new(config, head(7));
    tx(1, 1).paying(100, 90).add(&mut pool, &world).unwrap();
    tx(2, 0).paying(100, 2).add(&mut pool, &world).unwrap();
    let added = tx(3, 0).paying(100, 1).add(&mut pool, &world).unwrap();
    assert_eq!(added.evicted[0].hash(), tx(1, 1).paying(100, 90).hash());
    let gapped = tx(1, 1).paying(100, 95).add(&mut pool, &world);
    assert_eq!(gapped.unwrap_err().to_string(), "txpool is full");
}

#[test]
fn one_sender_cannot_queue_more_than_its_share() {
    let world = World::default().with(address(1), 0, RICH);
    let config = PoolConfig { sender_queued_max: 3, ..PoolConfig::default() };
    let mut pool = Pool::new(config, head(7));
    for nonce in 5..8 {
        tx(1, nonce).add(&mut pool, &world).unwrap();
    }
    let error = tx(1, 8).add(&mut pool, &world).unwrap_err();
    assert_eq!(error, PoolError::SenderLimit { expected: 3, actual: 4 });
}

#[test]
fn memory_of_long_inputs_is_bounded() {
    let world = World::default().with(address(1), 0, RICH).with(address(2), 0, RICH);
    let config = PoolConfig { bytes_max: 500_000, ..PoolConfig::default() };
    let mut pool = Pool::new(config, head(7));
    let long = |from, tip| Tx { input: 100_000, ..tx(from, 0) }.paying(100, tip);
    long(1, 10).add(&mut pool, &world).unwrap();
    Tx { nonce: 1, ..long(1, 10) }.add(&mut pool, &world).unwrap();
    let refused = long(2, 10).add(&mut pool, &world);
    assert_eq!(refused.unwrap_err(), PoolError::Underpriced);
    let added = long(2, 11).add(&mut pool, &world).unwrap();
    assert_eq!(added.evicted.len(), 1);
    assert!(pool.status().bytes <= 500_000);
}

#[test]
fn what_was_mined_goes_and_what_follows_stays() {
    let world = World::default().with(address(1), 0, RICH);
    let mut pool = pool();
    for nonce in 0..4 {
        tx(1, nonce).add(&mut pool, &world).unwrap();
    }
    let world = world.with(address(1), 2, RICH);
    let report = moved(&mut pool, &world, &[tx(1, 0)], Vec::new());
    assert_eq!(report.mined.len(), 1);
    assert_eq!(report.dropped[0].hash(), tx(1, 1).hash(), "another took its nonce");
    assert_eq!(hashes(&pool), [2, 3].map(|nonce| tx(1, nonce).hash()));
}

#[test]
fn who_became_poor_keeps_what_it_can_pay_for() {
    let world = World::default().with(address(1), 0, RICH);
    let mut pool = pool();
    let dear = Tx { value: 5_000_000, ..tx(1, 2) };
    tx(1, 0).add(&mut pool, &world).unwrap();
    tx(1, 1).add(&mut pool, &world).unwrap();
    dear.add(&mut pool, &world).unwrap();
    tx(1, 3).add(&mut pool, &world).unwrap();
    let world = world.with(address(1), 0, 21_000 * 100 * 3);
    let report = moved(&mut pool, &world, &[], Vec::new());
    assert_eq!(report.dropped[0].hash(), dear.hash());
    assert_eq!((pool.status().pending, pool.status().queued), (2, 1));
    let place = pool.place(&tx(1, 3).hash()).unwrap();
    assert_eq!(place.waiting, Waiting::Nonce { expected: 2 });
    // Richer again, and the gap filled.
    let world = world.with(address(1), 0, RICH);
    moved(&mut pool, &world, &[], Vec::new());
    tx(1, 2).add(&mut pool, &world).unwrap();
    assert_eq!(pool.status().pending, 4);
}

#[test]
fn a_transaction_paid_for_alone_but_not_with_those_before_it_says_so() {
    let world = World::default().with(address(1), 0, RICH);
    let mut pool = pool();
    tx(1, 0).add(&mut pool, &world).unwrap();
    tx(1, 1).add(&mut pool, &world).unwrap();
    let world = world.with(address(1), 0, 21_000 * 100 + 1);
    moved(&mut pool, &world, &[], Vec::new());
    let place = pool.place(&tx(1, 1).hash()).unwrap();
    let expected = Waiting::Funds { balance: U256::from(2_100_001), cost: U256::from(4_200_000) };
    assert_eq!((place.is_pending, place.waiting), (false, expected));
}

#[test]
fn a_reorganisation_brings_its_transactions_back() {
    let world = World::default().with(address(1), 0, RICH);
    let mut pool = pool();
    for nonce in 0..3 {
        tx(1, nonce).add(&mut pool, &world).unwrap();
    }
    let after = world.clone().with(address(1), 2, RICH);
    moved(&mut pool, &after, &[tx(1, 0), tx(1, 1)], Vec::new());
    assert_eq!(pool.status().pending, 1);
    // The other branch has the first one only.
    let other = world.with(address(1), 1, RICH);
    let returned = vec![tx(1, 0).build(), tx(1, 1).build()];
    let report = moved(&mut pool, &other, &[tx(1, 0)], returned);
    assert_eq!(report.reinjected.len(), 1);
    assert_eq!(hashes(&pool), [1, 2].map(|nonce| tx(1, nonce).hash()));
}

#[test]
fn a_returned_transaction_that_is_stale_is_named_with_its_reason() {
    let world = World::default().with(address(1), 4, RICH);
    let mut pool = pool();
    let report = moved(&mut pool, &world, &[], vec![tx(1, 1).build()]);
    let stale = PoolError::NonceTooLow { expected: 4, actual: 1 };
    assert_eq!(report.refused, [(tx(1, 1).hash(), stale)]);
}

#[test]
fn only_the_senders_a_block_touched_are_read_again() {
    let world = World::default().with(address(1), 0, RICH).with(address(2), 0, RICH);
    let mut pool = pool();
    tx(1, 0).add(&mut pool, &world).unwrap();
    tx(2, 0).add(&mut pool, &world).unwrap();
    let world = world.with(address(1), 1, RICH).with(address(2), 1, RICH);
    let touched = Touched::These([address(1)].into_iter().collect());
    let change = HeadChange {
        head: head(7),
        touched,
        included: [tx(1, 0).hash()].into_iter().collect(),
        returned: Vec::new(),
    };
    let report = pool.set_head(change, &world, 0).unwrap();
    assert_eq!((report.mined.len(), pool.status().pending), (1, 1));
}

#[test]
fn a_base_fee_that_rises_makes_transactions_wait_and_changes_who_gives_way() {
    let world = (1..=3).fold(World::default(), |world, one| world.with(address(one), 0, RICH));
    let config = PoolConfig { slots_max: 2, ..PoolConfig::default() };
    let mut pool = Pool::new(config, head(7));
    let generous = tx(1, 0).paying(1_000, 2);
    let capped = tx(2, 0).paying(50, 40);
    generous.add(&mut pool, &world).unwrap();
    capped.add(&mut pool, &world).unwrap();
    assert_eq!(tx(3, 0).paying(100, 1).add(&mut pool, &world).unwrap_err(), PoolError::Underpriced);
    let change = HeadChange {
        head: head(60),
        touched: Touched::These(Default::default()),
        included: Default::default(),
        returned: Vec::new(),
    };
    pool.set_head(change, &world, 0).unwrap();
    let expected = Waiting::BaseFee { fee_cap: 50, base_fee: 60 };
    assert_eq!(pool.place(&capped.hash()).unwrap().waiting, expected);
    let added = tx(3, 0).paying(100, 1).add(&mut pool, &world).unwrap();
    assert_eq!(added.evicted[0].hash(), capped.hash());
}

#[test]
fn a_dropped_transaction_leaves_a_gap() {
    let world = World::default().with(address(1), 0, RICH);
    let mut pool = pool();
    for nonce in 0..3 {
        tx(1, nonce).add(&mut pool, &world).unwrap();
    }
    assert_eq!(pool.remove(&tx(1, 1).hash()).len(), 1);
    assert!(pool.remove(&tx(1, 1).hash()).is_empty());
    assert_eq!((pool.status().pending, pool.status().queued), (1, 1));
    pool.clear();
    assert_eq!(pool.status(), Pool::new(PoolConfig::default(), head(7)).status());
}

#[test]
fn a_peers_queued_transaction_expires_and_a_local_one_does_not() {
    let world = World::default().with(address(1), 0, RICH).with(address(2), 0, RICH);
    let config = PoolConfig { queued_lifetime: 10, ..PoolConfig::default() };
    let mut pool = Pool::new(config, head(7));
    pool.add(tx(1, 1).build(), Origin::Remote, &world, 100).unwrap();
    pool.add(tx(2, 1).build(), Origin::Local, &world, 100).unwrap();
    assert!(pool.expire(110).is_empty());
    let expired = pool.expire(111);
    assert_eq!(expired.iter().map(|one| one.hash()).collect::<Vec<_>>(), [tx(1, 1).hash()]);
    assert_eq!(pool.status().queued, 1);
}

#[test]
fn transactions_with_blobs_leave_no_gap_and_share_no_sender() {
    let world = World::default().with(address(1), 0, RICH).with(address(2), 0, RICH);
    let mut pool = pool();
    let mut add = |one| pool.add(one, Origin::Remote, &world, 0);
    let gapped = PoolError::NonceTooHigh { expected: 0, actual: 1 };
    assert_eq!(add(blob(1, 1, 5)).unwrap_err(), gapped);
    add(blob(1, 0, 5)).unwrap();
    assert_eq!(add(tx(1, 1).build()).unwrap_err(), PoolError::Reserved);
    add(tx(2, 0).build()).unwrap();
    assert_eq!(add(blob(2, 1, 5)).unwrap_err(), PoolError::Reserved);
    assert_eq!(
        add(blob(1, 1, 0)).unwrap_err(),
        PoolError::BlobFeeTooLow { expected: 1, actual: 0 }
    );
    assert_eq!(add(blob(1, 0, 9)).unwrap_err(), PoolError::ReplacementUnderpriced);
    assert_eq!(pool.best(7, 6).count(), 1, "the blobs' fee is not paid");
}

#[test]
fn a_contract_sends_nothing_and_a_delegated_account_one_at_a_time() {
    let world = World::default()
        .with(address(1), 0, RICH)
        .with_code(address(1), &[[0xef, 0x01, 0x00].as_slice(), &[7; 20]].concat());
    let mut pool = pool();
    let gap = tx(1, 1).add(&mut pool, &world);
    assert_eq!(gap.unwrap_err(), PoolError::DelegatedGap);
    tx(1, 0).add(&mut pool, &world).unwrap();
    let second = tx(1, 1).add(&mut pool, &world);
    assert_eq!(second.unwrap_err(), PoolError::DelegatedInFlight);
    tx(1, 0).paying(120, 12).add(&mut pool, &world).unwrap();
}

#[test]
fn an_account_about_to_be_delegated_has_one_transaction_in_flight() {
    let authority = address_of(key(3));
    let world = World::default().with(address(1), 0, RICH).with(authority, 0, RICH);
    let mut pool = pool();
    let delegating = delegating(1, 0, key(3));
    assert_eq!(delegating.transaction().authorities(), [authority]);
    pool.add(delegating, Origin::Remote, &world, 0).unwrap();
    let signed = |nonce| {
        let one = Tx { ..tx(7, nonce) }.build();
        Verified::impersonated(one.transaction().transaction().clone(), authority)
    };
    pool.add(signed(0), Origin::Remote, &world, 0).unwrap();
    let second = pool.add(signed(1), Origin::Remote, &world, 0);
    assert_eq!(second.unwrap_err(), PoolError::DelegatedInFlight);
    let hash = *pool.content_from(&address(1)).0[&0].transaction().as_signed().unwrap().tx_hash();
    pool.remove(&hash);
    pool.add(signed(1), Origin::Remote, &world, 0).unwrap();
}

#[test]
fn a_lower_gas_limit_of_blocks_drops_what_no_block_can_hold() {
    let world = World::default().with(address(1), 0, RICH);
    let mut pool = pool();
    let big = Tx { gas: 20_000_000, ..tx(1, 0) };
    big.add(&mut pool, &world).unwrap();
    let head = Head { gas_limit: 10_000_000, rules: TxRules::Osaka, ..head(7) };
    let change = HeadChange {
        head,
        touched: Touched::These(Default::default()),
        included: Default::default(),
        returned: Vec::new(),
    };
    let report = pool.set_head(change, &world, 0).unwrap();
    assert_eq!(report.dropped[0].hash(), big.hash());
}

#[test]
fn a_legacy_price_is_fee_and_tip_in_one() {
    let world = World::default().with(address(1), 0, RICH);
    let mut pool = pool();
    pool.add(legacy(1, 0, 40), Origin::Remote, &world, 0).unwrap();
    let only = pool.best(7, 1).next().unwrap();
    assert_eq!((only.fee_cap(), only.tip_cap(), only.effective_tip(7)), (40, 40, 33));
}
