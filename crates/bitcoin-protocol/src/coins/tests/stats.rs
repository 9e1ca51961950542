//! Statistics, held against the hash that Bitcoin Core commits to for its regtest chain.

use bitcoin::{
    Amount, OutPoint, ScriptBuf, Sequence, Transaction, TxIn, TxOut, Witness, absolute::LockTime,
    consensus::encode::serialize, transaction::Version,
};

use super::{super::stats::*, *};
use crate::{block::Block, coin::SpentCoins};

const SUBSIDY: u64 = 50 * 100_000_000;

/// The coinbase of Core's test chains, which pay the key of the secret 1.
fn coinbase(height: u32) -> Transaction {
    let mut script_sig = match height {
        1..=16 => vec![0x50 + u8::try_from(height).unwrap(), 0],
        17..=127 => vec![1, u8::try_from(height).unwrap()],
        _ => vec![2, height.to_le_bytes()[0], height.to_le_bytes()[1]],
    };
    script_sig.shrink_to_fit();
    let commitment = "6a24aa21a9ede2f61c3f71d1defd3fa999dfa36953755c690689799962b48bebd836974e8cf9";
    let output = |value, script: &str| TxOut {
        value: Amount::from_sat(value),
        script_pubkey: ScriptBuf::from_bytes(hex(script)),
    };
    Transaction {
        version: Version::TWO,
        lock_time: LockTime::from_consensus(height - 1),
        input: vec![TxIn {
            previous_output: OutPoint::null(),
            script_sig: ScriptBuf::from_bytes(script_sig),
            sequence: Sequence(0xffff_fffe),
            witness: Witness::from_slice(&[[0; 32]]),
        }],
        output: vec![output(SUBSIDY, &format!("21{KEY}ac")), output(0, commitment)],
    }
}

fn block(transactions: &[Transaction]) -> Block {
    let mut bytes = vec![0; 80];
    bytes.push(u8::try_from(transactions.len()).unwrap());
    for transaction in transactions {
        bytes.extend(serialize(transaction));
    }
    Block::decode(bytes).unwrap()
}

/// The coins of Core's test chain up to `height`, in the order of the store.
fn regtest(height: u32) -> Vec<(CoinKey, Coin)> {
    let mut coins: Vec<_> = (1..=height)
        .map(|height| {
            let transaction = coinbase(height);
            let key = coin_key(&OutPoint { txid: transaction.compute_txid(), vout: 0 });
            let script_pubkey = transaction.output[0].script_pubkey.as_bytes().into();
            (key, Coin { value: SUBSIDY, height, coinbase: true, script_pubkey })
        })
        .collect();
    coins.sort_by_key(|(key, _)| *key);
    coins
}

fn scan(coins: &[(CoinKey, Coin)], hash: SetHash) -> SetStats {
    let mut scan = SetScan::new(hash);
    for (key, coin) in coins {
        scan.push(key, coin.view()).unwrap();
    }
    scan.finish()
}

fn displayed(mut hash: [u8; 32]) -> String {
    hash.reverse();
    bitcoin::hex::DisplayHex::to_lower_hex_string(&hash[..])
}

#[test]
fn the_hash_of_regtest_at_110_is_the_one_core_commits_to() {
    let stats = scan(&regtest(110), SetHash::Serialized);
    assert_eq!(
        displayed(stats.hash.unwrap()),
        "86e9a1205b418b16dde3a18a78c730e30137e28466bda5dbf6b33ab8fc05447c"
    );
    assert_eq!((stats.transactions, stats.outputs), (110, 110));
    assert_eq!(stats.amount, Some(110 * SUBSIDY));
    assert_eq!(stats.bogosize, 110 * (50 + 35));
}

#[test]
fn coins_of_one_transaction_are_hashed_in_the_order_of_their_indexes() {
    let coin = coins().remove(1);
    let keys = [256, 1, 2].map(|vout| key_of(&[9; 32], vout));
    let as_stored = keys.map(|key| (key, coin.clone()));
    let as_hashed = [keys[1], keys[2], keys[0]].map(|key| (key, coin.clone()));
    let stats = scan(&as_stored, SetHash::Serialized);
    assert_eq!(stats, scan(&as_hashed, SetHash::Serialized));
    assert_eq!((stats.transactions, stats.outputs), (1, 3));
    let mut scan = SetScan::new(SetHash::None);
    scan.push(&key_of(&[9; 32], 0), coin.view()).unwrap();
    assert_eq!(scan.push(&key_of(&[8; 32], 0), coin.view()), Err(StatsError::Order));
}

/// Follows the test chain to `height`.
fn followed(height: u32) -> ChainStats {
    let mut stats = ChainStats::default();
    for height in 0..=height {
        let block = block(&[coinbase(height.max(1))]);
        let spent = &SpentCoins::default();
        stats.connect(StatsBlock { block: &block, height, subsidy: SUBSIDY, spent }).unwrap();
    }
    stats
}

#[test]
fn following_the_chain_gives_what_a_scan_gives() {
    let (chain, set) = (followed(110), scan(&regtest(110), SetHash::MuHash));
    assert_eq!(chain.muhash.finalise().into_bytes(), set.hash.unwrap());
    assert_eq!(chain.totals.outputs, set.outputs);
    assert_eq!(chain.totals.bogosize, set.bogosize);
    assert_eq!(Some(chain.totals.amount), set.amount);
    assert_eq!(chain.totals.subsidy, 111 * SUBSIDY);
    assert_eq!(chain.totals.unspendable(), SUBSIDY, "genesis");
    assert_eq!(Totals::from_bytes(&chain.totals.to_bytes()), chain.totals);
}

/// Spends the first coinbase into two outputs and these into one that nobody can spend and one; a part is left as a fee that the
/// coinbase does not take.
fn spending() -> (Block, SpentCoins) {
    let spend = |inputs: &[OutPoint], outputs: &[(u64, &str)]| Transaction {
        version: Version::TWO,
        lock_time: LockTime::ZERO,
        input: inputs
            .iter()
            .map(|&previous_output| TxIn { previous_output, ..TxIn::default() })
            .collect(),
        output: outputs
            .iter()
            .map(|&(value, script)| TxOut {
                value: Amount::from_sat(value),
                script_pubkey: ScriptBuf::from_bytes(hex(script)),
            })
            .collect(),
    };
    let at = |transaction: &Transaction, vout| OutPoint { txid: transaction.compute_txid(), vout };
    let script = "0014816115944e077fe7c803cfa57f29b36bf87c1d35";
    let one = spend(&[at(&coinbase(1), 0)], &[(3000, script), (4000, script)]);
    let two = spend(&[at(&one, 0), at(&one, 1)], &[(500, "6a"), (6000, script)]);
    let mut spent = SpentCoins::default();
    spent.push(regtest_coin(1, SUBSIDY, &format!("21{KEY}ac")).view());
    spent.push(regtest_coin(2, 3000, script).view());
    spent.push(regtest_coin(2, 4000, script).view());
    (block(&[coinbase(2), one, two]), spent)
}

fn regtest_coin(height: u32, value: u64, script: &str) -> Coin {
    Coin { value, height, coinbase: height == 1, script_pubkey: hex(script).into() }
}

#[test]
fn a_block_is_added_and_taken_away_again() {
    let before = followed(1);
    let (block, spent) = spending();
    let block = StatsBlock { block: &block, height: 2, subsidy: SUBSIDY, spent: &spent };
    let mut after = before.clone();
    after.connect(block).unwrap();
    let totals = after.totals;
    assert_eq!((totals.outputs, totals.amount), (2, SUBSIDY + 6000));
    assert_eq!(totals.prevouts_spent, u128::from(SUBSIDY) + 7000);
    assert_eq!(totals.new_outputs, 13_000);
    assert_eq!(totals.unspendable_scripts, 500);
    assert_eq!(totals.unclaimed(), SUBSIDY - 6500);

    after.disconnect(block).unwrap();
    assert_eq!(after.totals, before.totals);
    assert_eq!(after.muhash.finalise(), before.muhash.finalise());
}

#[test]
fn undo_data_of_another_block_and_a_chain_that_does_not_fit_are_refused() {
    let (block, spent) = spending();
    let none = SpentCoins::default();
    let mut stats = followed(1);
    let refused =
        stats.connect(StatsBlock { block: &block, height: 2, subsidy: SUBSIDY, spent: &none });
    assert_eq!(refused, Err(StatsError::Undo { expected: 3, actual: 0 }));
    let mut stats = ChainStats::default();
    let refused =
        stats.disconnect(StatsBlock { block: &block, height: 2, subsidy: SUBSIDY, spent: &spent });
    assert_eq!(refused, Err(StatsError::Mismatch));
    assert_eq!(stats, ChainStats::default());
}
