//! What the chain's own history demands: the repeated coinbases and the blocks that broke a rule before it was one.
//!
//! ```text
//!   91,722 ─ coinbase e3bf3d07… ─ 91,880    the later block's outputs took the place of the earlier one's, which
//!   91,812 ─ coinbase d5d27987… ─ 91,842    were never spent: 100 bitcoins are gone
//! ```

use std::str::FromStr;

use bitcoin::{BlockHash, OutPoint, hashes::Hash};
use quintet_primitives::hex;

use super::{Chain, Coins, TRUE, TestTx, block, outpoint};
use crate::{
    block::Block,
    network::Params,
    rules::{
        BlockContext, BlockError, ConnectError, check_block, check_block_in_context, connect_block,
        disconnect_block,
    },
    script::ScriptFlags,
};

const BLOCK_91722: &str = "0100000042ba7629c32525ff7c74ca323fdc4c6d5b5c4410901aeb4f04300a000000000068b45f58b674e94e\
    b881cd67b04c2cba07fe5552dbf1d5385637b0d4073dbfe3c89fdf4c56720e1ba67373ee0101000000010000000000000000000000000000\
    000000000000000000000000000000000000ffffffff060456720e1b00ffffffff0100f2052a01000000434104124b212f5416598a92ccec\
    88819105179dcb2550d571842601492718273fe0f2179a9695096bff94cd99dcccdea7cd9bd943bfca8fea649cac963411979a33e9ac0000\
    0000";
const BLOCK_91842: &str = "0100000020114beba985ecbf1351bf5f4d5495105dc2ca94f5bdbcac921e0a00000000009985d82954e10f22\
    33a08905dc7b490eb444660c8759e324c7dfa3d28779d2d5f34ee04c56720e1b021838e10101000000010000000000000000000000000000\
    000000000000000000000000000000000000ffffffff060456720e1b00ffffffff0100f2052a010000004341046896ecfc449cb8560594eb\
    7f413f199deb9b4e5d947a142e7dc7d2de0b811b8e204833ea2a2fd9d4c7b153a8ca7661d0a0b7fc981df1f42f55d64b26b3da1e9cac0000\
    0000";
const REWARD: u64 = 50 * 100_000_000;

fn decode(block: &str) -> Block {
    Block::decode(hex::decode(block).unwrap()).unwrap()
}

/// The output that the block's coinbase makes.
fn reward_of(block: &Block) -> OutPoint {
    OutPoint { txid: block.transactions().get(0).unwrap().txid(), vout: 0 }
}

fn connect(
    block: &Block,
    hash: BlockHash,
    height: u32,
    coins: &mut Coins,
) -> Result<(), BlockError> {
    let (params, chain) = (Params::main(), Chain::default());
    let context = BlockContext::new(&params, hash, height, &chain);
    check_block(block, &params).and_then(|_| check_block_in_context(block, &context))?;
    match connect_block(block, &context, coins) {
        Ok(_) => Ok(()),
        Err(ConnectError::Rule(error)) => Err(error),
        Err(ConnectError::Coins(never)) => match never {},
    }
}

#[test]
fn a_transaction_repeats_another_only_once_its_outputs_are_spent() {
    // BIP-0030.
    let block = decode(BLOCK_91842);
    let outpoint = reward_of(&block);
    for height in [91_841, 91_843, 200_000] {
        let mut spent = Coins::default();
        assert_eq!(connect(&block, block.hash(), height, &mut spent), Ok(()));
        let mut unspent = Coins::default().with_coinbase(outpoint, REWARD, 91_812);
        let error = connect(&block, block.hash(), height, &mut unspent).unwrap_err();
        assert_eq!(error, BlockError::Overwrite { outpoint });
        assert_eq!(error.reject_reason(), "bad-txns-BIP30");
        assert!(!error.is_mutation());
    }
}

#[test]
fn block_91842_and_no_other_of_its_height_repeats_a_coinbase() {
    let block = decode(BLOCK_91842);
    let outpoint = reward_of(&block);
    let mut coins = Coins::default().with_coinbase(outpoint, REWARD, 91_812);
    let other = connect(&block, BlockHash::all_zeros(), 91_842, &mut coins);
    assert_eq!(other, Err(BlockError::Overwrite { outpoint }));
    assert_eq!(connect(&block, block.hash(), 91_842, &mut coins), Ok(()));
    assert_eq!(coins.map[&outpoint].height, 91_842, "the earlier coin is gone");

    let done = disconnect_block(&block, &crate::SpentCoins::default(), 91_842, &mut coins).unwrap();
    assert!(done.clean && coins.map.is_empty(), "and does not come back");
}

#[test]
fn block_91722_is_taken_back_without_the_output_that_91880_replaced() {
    let block = decode(BLOCK_91722);
    let nothing = crate::SpentCoins::default();
    let back = |block: &Block, height, coins: &mut Coins| {
        disconnect_block(block, &nothing, height, coins).unwrap().clean
    };
    assert!(back(&block, 91_722, &mut Coins::default()));
    let mut replaced = Coins::default().with_coinbase(reward_of(&block), REWARD, 91_880);
    assert!(back(&block, 91_722, &mut replaced) && replaced.map.is_empty());
    // Anywhere else a missing output means that the coins are not the chain's.
    assert!(!back(&block, 91_723, &mut Coins::default()));
    assert!(!back(&decode(BLOCK_91842), 91_842, &mut Coins::default()));
}

#[test]
fn the_four_blocks_of_the_repeats_are_exempt_in_their_own_direction() {
    let params = Params::main();
    for (height, hash, checked) in [
        (91_722, "00000000000271a2dc26e7667f8419f2e15416dc6955e5a6c6cdf3f2574dd08e", true),
        (91_812, "00000000000af0aed4792b1acee3d966af36cf5def14935db8de83d6f9306f2f", true),
        (91_842, "00000000000a4d0a398161ffc163c503763b1f4360639393e0e4c8e300e0caec", false),
        (91_880, "00000000000743f190a18c5577a3c2d2a1f610ae9601ac046a38084ccb7cd721", false),
    ] {
        let hash = BlockHash::from_str(hash).unwrap();
        let chain = Chain::default();
        let checks = |height| BlockContext::new(&params, hash, height, &chain).check_overwrites;
        assert_eq!(checks(height), checked, "{height}");
        assert!(checks(height + 1), "{height}");
    }
}

#[test]
fn heights_in_coinbases_make_the_search_for_repeats_needless_for_a_while() {
    // BIP-0034 replaces BIP-0030, on the chain that has the known block at its height, until 1,983,702.
    let params = Params::main();
    let checks = |height, at_bip34: Option<BlockHash>| {
        let chain = Chain {
            hashes: at_bip34.map(|hash| (params.bip34_height, hash)).into_iter().collect(),
        };
        BlockContext::new(&params, BlockHash::all_zeros(), height, &chain).check_overwrites
    };
    let known = Some(params.bip34_hash);
    assert!(checks(227_930, None) && checks(227_931, None));
    assert!(!checks(227_932, known) && !checks(1_983_701, known));
    assert!(checks(1_983_702, known) && checks(2_500_000, known));
    assert!(checks(227_932, Some(BlockHash::all_zeros())), "another chain");
    assert!(checks(227_932, None));
}

#[test]
fn a_repeat_after_block_1983702_is_refused_again() {
    let params = Params::main();
    let chain = Chain { hashes: [(params.bip34_height, params.bip34_hash)].into() };
    for (height, expected) in [(1_983_701, None), (1_983_702, Some("bad-txns-BIP30"))] {
        let block = block(&[TestTx::coinbase(height, 0), TestTx::spending(outpoint(1), 0)]);
        // What BIP-0034 did not foresee: a coinbase of long ago that began with this height.
        let coins = Coins::default().with_coinbase(reward_of(&block), 1, 164_384);
        let mut coins = coins.with(outpoint(1), 5, 1, TRUE);
        let context = BlockContext::new(&params, block.hash(), height, &chain);
        let reason = connect_block(&block, &context, &mut coins).err().map(|error| match error {
            ConnectError::Rule(error) => error.reject_reason().into_owned(),
            ConnectError::Coins(never) => match never {},
        });
        assert_eq!(reason.as_deref(), expected, "{height}");
    }
}

#[test]
fn two_blocks_are_run_without_the_rules_they_broke() {
    let params = Params::main();
    let flags = |height, hash: &str| {
        let hash = BlockHash::from_str(hash).unwrap();
        BlockContext::new(&params, hash, height, &Chain::default()).flags
    };
    // A redeem script of February 2012 that is not satisfied.
    let bip16 = "00000000000002dc756eebf4f49723ed8d30cc28a5f108eb94b1ba88ac4f9c22";
    assert_eq!(flags(170_060, bip16), ScriptFlags::empty());
    // A version 1 output of November 2021 spent as if anybody could.
    let taproot = "0000000000000000000f14c35b2d841e986ab5441de8c585d5ffe55ea1e395ad";
    let then = flags(692_261, taproot);
    assert!(then.contains(ScriptFlags::P2SH | ScriptFlags::WITNESS | ScriptFlags::DERSIG));
    assert!(!then.contains(ScriptFlags::TAPROOT));
    let usual = flags(170_060, &"0".repeat(64));
    assert_eq!(usual, ScriptFlags::P2SH | ScriptFlags::WITNESS | ScriptFlags::TAPROOT);
}
