//! What a block does to the coins, and what it must satisfy together with them.

use bitcoin::OutPoint;

use super::{
    Coins, TRUE, TestTx, at_height, block, connect, connect_with_fees_burnt, outpoint, reason,
};
use crate::{
    coin::Coin,
    rules::{BlockError, Connected, InputError, MONEY_MAX, connect_block},
};

const COIN: u64 = 100_000_000;

#[test]
fn a_block_spends_creates_and_pays_fees() {
    let height = 300_000;
    let first = TestTx::spending(outpoint(1), 60).output(30, &[0xac]);
    let second = TestTx::spending(first.at(1), 25).input(outpoint(2));
    let reward = 25 * COIN.cast_signed() + 10 + 45;
    let all = [TestTx::coinbase(height, reward), first.clone(), second.clone()];
    let mut coins = Coins::default().with(outpoint(1), 100, 9, TRUE).with(outpoint(2), 40, 8, &[2]);
    let Connected { spent, fees, sigop_cost } = connect(height, &all, &mut coins).unwrap();

    assert_eq!((fees, sigop_cost), (55, 4));
    let spent: Vec<_> = spent.iter().map(|coin| (coin.value, coin.height)).collect();
    assert_eq!(spent, [(100, 9), (30, height), (40, 8)]);
    let left =
        [(all[0].at(0), 25 * COIN + 55, true), (first.at(0), 60, false), (second.at(0), 25, false)];
    assert_eq!(coins.map.len(), left.len());
    for (outpoint, value, coinbase) in left {
        let script_pubkey = TRUE.into();
        assert_eq!(coins.map[&outpoint], Coin { value, height, coinbase, script_pubkey });
    }
}

#[test]
fn the_coinbase_of_genesis_is_never_created() {
    let mut coins = Coins::default();
    let done = connect(0, &[TestTx::coinbase(0, 50)], &mut coins).unwrap();
    assert!(done.spent.is_empty() && coins.map.is_empty());
}

#[test]
fn outputs_nobody_can_spend_are_never_created() {
    let height = 300_000;
    let coinbase = TestTx::coinbase(height, 1)
        .output(2, &[0x6a])
        .output(3, &[0x6a, 1, 2])
        .output(4, &vec![0x51; 10_001])
        .output(5, &vec![0x51; 10_000])
        .output(6, &[]);
    let mut coins = Coins::default();
    connect(height, &[coinbase], &mut coins).unwrap();
    let mut created: Vec<u32> = coins.map.keys().map(|outpoint| outpoint.vout).collect();
    created.sort_unstable();
    assert_eq!(created, [0, 4, 5]);
}

#[test]
fn inputs_spend_coins_that_are_there_and_only_once() {
    let with = |transactions: &[TestTx]| {
        let mut coins = Coins::default().with(outpoint(1), 100, 9, TRUE);
        connect_with_fees_burnt(300_000, transactions, &mut coins).map(|done| done.spent.len())
    };
    let spend = TestTx::spending(outpoint(1), 60);
    assert_eq!(with(std::slice::from_ref(&spend)), Ok(1));
    let previous = outpoint(2);
    let missing = TestTx::spending(previous, 1);
    let source = InputError::MissingOrSpent { previous };
    let txid = missing.txid();
    assert_eq!(with(&[missing]), Err(BlockError::Inputs { txid, source }));
    let again = TestTx::spending(outpoint(1), 61);
    assert_eq!(reason(with(&[spend.clone(), again])), "bad-txns-inputs-missingorspent");
    // An output is there for what follows it in the block, not for what precedes it.
    let child = TestTx::spending(spend.at(0), 60);
    assert_eq!(with(&[spend.clone(), child.clone()]), Ok(2));
    assert_eq!(reason(with(&[child, spend])), "bad-txns-inputs-missingorspent");
}

#[test]
fn a_coinbase_is_spent_a_hundred_blocks_later() {
    let with = |height| {
        let mut coins = Coins::default().with_coinbase(outpoint(1), 5, 1_000);
        connect_with_fees_burnt(height, &[TestTx::spending(outpoint(1), 5)], &mut coins)
    };
    assert_eq!(reason(with(1_100)), "");
    let error = with(1_099).unwrap_err();
    assert_eq!(error.reject_reason(), "bad-txns-premature-spend-of-coinbase");
    let previous = outpoint(1);
    let source = InputError::PrematureCoinbaseSpend { previous, actual: 99 };
    assert!(matches!(error, BlockError::Inputs { source: found, .. } if found == source));
    // The block's own coinbase is no exception.
    let coinbase = TestTx::coinbase(1_000, 5);
    let child = TestTx::spending(coinbase.at(0), 5);
    let same = connect(1_000, &[coinbase, child], &mut Coins::default());
    assert_eq!(reason(same), "bad-txns-premature-spend-of-coinbase");
}

#[test]
fn a_missing_coin_is_reported_before_an_unripe_one() {
    let spend = TestTx::spending(outpoint(1), 5).input(outpoint(2));
    let mut coins = Coins::default().with_coinbase(outpoint(1), 5, 1_000);
    let result = connect_with_fees_burnt(1_001, &[spend], &mut coins);
    assert_eq!(reason(result), "bad-txns-inputs-missingorspent");
}

#[test]
fn outputs_take_no_more_than_inputs_bring() {
    let with = |paid| {
        let mut coins =
            Coins::default().with(outpoint(1), 60, 1, TRUE).with(outpoint(2), 40, 1, TRUE);
        let spend = TestTx::spending(outpoint(1), paid).input(outpoint(2));
        connect_with_fees_burnt(300_000, &[spend], &mut coins).map(|done| done.fees)
    };
    assert_eq!(with(100), Ok(0));
    assert_eq!(with(0), Ok(100));
    assert_eq!(reason(with(101)), "bad-txns-in-belowout");
}

#[test]
fn inputs_and_fees_together_stay_in_range() {
    let with = |first: u64, second: u64, transactions: &[TestTx]| {
        let coins = Coins::default().with(outpoint(1), first, 1, TRUE);
        let mut coins = coins.with(outpoint(2), second, 1, TRUE);
        connect_with_fees_burnt(300_000, transactions, &mut coins).map(|done| done.fees)
    };
    let both = [TestTx::spending(outpoint(1), 0).input(outpoint(2))];
    assert_eq!(with(MONEY_MAX, 0, &both), Ok(MONEY_MAX));
    assert_eq!(reason(with(MONEY_MAX, 1, &both)), "bad-txns-inputvalues-outofrange");
    assert_eq!(reason(with(u64::MAX, u64::MAX, &both)), "bad-txns-inputvalues-outofrange");
    let each = [TestTx::spending(outpoint(1), 0), TestTx::spending(outpoint(2), 0)];
    assert_eq!(with(MONEY_MAX, 0, &each), Ok(MONEY_MAX));
    assert_eq!(reason(with(MONEY_MAX, 1, &each)), "bad-txns-accumulated-fee-outofrange");
}

#[test]
fn relative_locks_by_height_end_that_many_blocks_later() {
    // BIP-0068. The coin is 10 blocks deep.
    let with = |height: u32, version, sequence| {
        let mut coins = Coins::default().with(outpoint(1), 5, height - 10, TRUE);
        let spend = TestTx::spending(outpoint(1), 5).sequence(version, sequence);
        reason(connect_with_fees_burnt(height, &[spend], &mut coins))
    };
    let csv = 419_328;
    assert_eq!(with(csv, 2, 10), "");
    assert_eq!(with(csv, 2, 11), "bad-txns-nonfinal");
    assert_eq!(with(csv - 1, 2, 11), "", "before the rule");
    assert_eq!(with(csv, 1, 11), "", "a version without locks");
    assert_eq!(with(csv, u32::MAX, 11), "bad-txns-nonfinal", "versions have no sign");
    assert_eq!(with(csv, 2, 1 << 31 | 11), "", "no lock");
    assert_eq!(
        with(csv, 2, 0xff8f_0000 & !(1 << 31) & !(1 << 22) | 10),
        "",
        "bits without meaning"
    );
}

#[test]
fn relative_locks_by_time_count_from_the_median_before_the_coin() {
    // The median time of height h is 1,000 h: from block 419,989, before the coin, to the parent 419,999 are 10,000 s.
    let with = |units: u32| {
        let mut coins = Coins::default().with(outpoint(1), 5, 419_990, TRUE);
        let spend = TestTx::spending(outpoint(1), 5).sequence(2, 1 << 22 | units);
        reason(connect_with_fees_burnt(420_000, &[spend], &mut coins))
    };
    assert_eq!(with(0), "");
    assert_eq!(with(19), "", "9,728 seconds");
    assert_eq!(with(20), "bad-txns-nonfinal", "10,240 seconds");
}

#[test]
fn the_subsidy_halves_until_there_is_none() {
    let with = |height, reward: u64| {
        let coinbase = TestTx::coinbase(height, reward.cast_signed());
        reason(connect(height, &[coinbase], &mut Coins::default()))
    };
    for (height, subsidy) in [
        (1, 50 * COIN),
        (209_999, 50 * COIN),
        (210_000, 25 * COIN),
        (840_000, 312_500_000),
        (32 * 210_000, 1),
        (33 * 210_000 - 1, 1),
        (33 * 210_000, 0),
        (64 * 210_000, 0),
        (200 * 210_000, 0),
    ] {
        assert_eq!(with(height, subsidy), "", "{height}");
        assert_eq!(with(height, subsidy + 1), "bad-cb-amount", "{height}");
    }
}

#[test]
fn the_coinbase_may_take_the_fees_but_no_more() {
    let with = |reward: u64| {
        let mut coins = Coins::default().with(outpoint(1), 9, 1, TRUE);
        let coinbase = TestTx::coinbase(300_000, reward.cast_signed());
        connect(300_000, &[coinbase, TestTx::spending(outpoint(1), 2)], &mut coins)
            .map(|done| done.fees)
    };
    assert_eq!(with(25 * COIN + 7), Ok(7));
    let (expected, actual) = (25 * COIN + 7, 25 * COIN + 8);
    assert_eq!(with(actual), Err(BlockError::CoinbaseAmount { expected, actual }));
}

#[test]
fn redeem_scripts_and_witness_scripts_count_as_signature_operations() {
    let height = 500_000;
    let p2sh = |hash: u8| [&[0xa9, 20][..], &[hash; 20], &[0x87]].concat();
    let redeem = |script: &[u8]| {
        let [low, high, ..] = script.len().to_le_bytes();
        [&[0x4d, low, high][..], script].concat()
    };
    let with = |script: &[u8], spend: TestTx| {
        let mut coins = Coins::default().with(outpoint(1), 5, 1, script);
        connect_with_fees_burnt(height, &[spend], &mut coins).map(|done| done.sigop_cost)
    };
    let spend = || TestTx::spending(outpoint(1), 5);
    // Outside of witnesses each costs four; the number before a multisig is believed.
    let two_of_three = [0x52, 0x53, 0xae];
    assert_eq!(with(&p2sh(1), spend().script_sig(&redeem(&two_of_three))), Ok(12));
    assert_eq!(with(&p2sh(1), spend().script_sig(&redeem(&[0xae]))), Ok(80));
    assert_eq!(with(&p2sh(1), spend().script_sig(&[0x4c])), Ok(0), "no push, no redeem script");
    // In witnesses each costs one, a key hash one.
    let key_hash = [&[0, 20][..], &[1; 20]].concat();
    let script_hash = [&[0, 32][..], &[1; 32]].concat();
    let taproot = [&[0x51, 32][..], &[1; 32]].concat();
    assert_eq!(with(&key_hash, spend().witness(&[&[1], &[2]])), Ok(1));
    assert_eq!(with(&script_hash, spend().witness(&[&[1], &two_of_three])), Ok(3));
    assert_eq!(with(&taproot, spend().witness(&[&[1; 64]])), Ok(0));
    let nested = redeem(&script_hash);
    let wrapped = spend().script_sig(&nested).witness(&[&[0xac, 0xac]]);
    assert_eq!(with(&p2sh(1), wrapped), Ok(2));
    let most = vec![0xac; 20_000];
    assert_eq!(with(&p2sh(1), spend().script_sig(&redeem(&most))), Ok(80_000));
    let over = with(&p2sh(1), spend().script_sig(&redeem(&vec![0xac; 20_001])));
    assert_eq!(over, Err(BlockError::Sigops { actual: 80_004 }));
    assert_eq!(reason(over), "bad-blk-sigops");
}

#[test]
fn the_first_broken_rule_is_the_one_reported() {
    let height = 500_000;
    // The second transaction is short of a coin, the third's signature operations are too many, the coinbase takes too much.
    let heavy = TestTx::spending(outpoint(2), 5).script_sig(&[0xac; 20_001]);
    let spends = [TestTx::spending(outpoint(1), 6), heavy];
    let all = [&[TestTx::coinbase(height, i64::from(u32::MAX))], &spends[..]].concat();
    let with = |first: u64, all: &[TestTx]| {
        let coins = Coins::default().with(outpoint(1), first, 1, TRUE);
        reason(connect(height, all, &mut coins.with(outpoint(2), 5, 1, TRUE)))
    };
    assert_eq!(with(5, &all), "bad-txns-in-belowout");
    assert_eq!(with(6, &all), "bad-blk-sigops");
    assert_eq!(with(6, &all[..2]), "bad-cb-amount");
}

#[test]
fn a_block_that_skipped_the_gates_before_is_refused_without_a_panic() {
    // No coinbase, values out of range, the same input twice.
    let mut coins = Coins::default().with(outpoint(1), 5, 1, TRUE);
    let twice = TestTx::spending(outpoint(1), 0).input(outpoint(1));
    assert_eq!(reason(connect(300_000, &[twice], &mut coins)), "bad-txns-inputs-missingorspent");
    let negative = TestTx::spending(outpoint(2), -1);
    assert_eq!(reason(connect(300_000, &[negative], &mut coins)), "bad-txns-vout-negative");
    let nothing = at_height(300_000, |context| connect_block(&block(&[]), context, &mut coins));
    assert_eq!(nothing.unwrap().fees, 0);
    assert!(!coins.map.contains_key(&OutPoint::null()));
}
