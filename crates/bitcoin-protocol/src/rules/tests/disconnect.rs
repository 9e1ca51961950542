//! How a block is taken back.

use bitcoin::{BlockHash, hashes::Hash};

use super::{Chain, Coins, TRUE, TestTx, block, outpoint};
use crate::{
    block::Block,
    coin::SpentCoins,
    network::Params,
    rules::{BlockContext, DisconnectError, Disconnected, connect_block, disconnect_block},
};

const HEIGHT: u32 = 300_000;

/// A block with a chain of spends inside, the coins before it, those after it, and its undo data.
fn connected() -> (Block, Coins, Coins, SpentCoins) {
    let first = TestTx::spending(outpoint(1), 60).output(30, &[0xac]).output(0, &[0x6a]);
    let second = TestTx::spending(first.at(1), 25).input(outpoint(2));
    let third = TestTx::spending(second.at(0), 5).input(first.at(0));
    let block = block(&[TestTx::coinbase(HEIGHT, 5), first, second, third]);
    let before = Coins::default()
        .with(outpoint(1), 100, 9, TRUE)
        .with_coinbase(outpoint(2), 40, 8)
        .with(outpoint(3), 1, 1, &[]);
    let (params, chain) = (Params::main(), Chain::default());
    let context = BlockContext::new(&params, BlockHash::all_zeros(), HEIGHT, &chain);
    let mut after = before.clone();
    let spent = connect_block(&block, &context, &mut after).unwrap().spent;
    (block, before, after, spent)
}

#[test]
fn a_block_taken_back_leaves_the_coins_as_they_were() {
    let (block, before, mut coins, spent) = connected();
    assert_ne!(coins.map, before.map);
    let done = disconnect_block(&block, &spent, HEIGHT, &mut coins).unwrap();
    assert_eq!(done, Disconnected { clean: true });
    assert_eq!(coins.map, before.map);
}

#[test]
fn an_output_that_is_gone_or_another_s_is_noticed() {
    let (block, before, after, spent) = connected();
    let made = *after.map.keys().find(|outpoint| !before.map.contains_key(*outpoint)).unwrap();
    let mut gone = after.clone();
    gone.map.remove(&made);
    let mut others = vec![gone];
    for spoil in 0..4 {
        let mut coins = after.clone();
        let coin = coins.map.get_mut(&made).unwrap();
        match spoil {
            0 => coin.value += 1,
            1 => coin.height += 1,
            2 => coin.coinbase = !coin.coinbase,
            _ => coin.script_pubkey = [0x52].into(),
        }
        others.push(coins);
    }
    for mut coins in others {
        let done = disconnect_block(&block, &spent, HEIGHT, &mut coins).unwrap();
        assert_eq!(done, Disconnected { clean: false });
        assert_eq!(coins.map, before.map, "what the block made is gone all the same");
    }
}

#[test]
fn a_coin_that_takes_the_place_of_another_is_noticed() {
    let (block, before, mut coins, spent) = connected();
    coins = coins.with(outpoint(1), 77, 7, TRUE);
    let done = disconnect_block(&block, &spent, HEIGHT, &mut coins).unwrap();
    assert_eq!(done, Disconnected { clean: false });
    assert_eq!(coins.map, before.map);
}

#[test]
fn undo_data_of_another_block_is_refused_before_anything_changes() {
    let (block, _, mut coins, mut spent) = connected();
    let after = coins.clone();
    for coin in Coins::default().with(outpoint(9), 1, 1, TRUE).map.values() {
        spent.push(coin.view());
    }
    for spent in [SpentCoins::default(), spent] {
        let refused = disconnect_block(&block, &spent, HEIGHT, &mut coins).unwrap_err();
        let actual = spent.len();
        assert!(
            matches!(refused, DisconnectError::UndoMismatch { expected: 5, actual: is } if is == actual)
        );
        assert_eq!(coins.map, after.map);
    }
}

#[test]
fn genesis_made_nothing_that_could_be_taken_back() {
    let params = Params::main();
    let genesis = Block::decode(params.genesis).unwrap();
    let done = disconnect_block(&genesis, &SpentCoins::default(), 0, &mut Coins::default());
    assert!(done.unwrap().clean);
}
