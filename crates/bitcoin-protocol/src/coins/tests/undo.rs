//! Undo data.

use super::{
    super::{
        CoinError,
        undo::{decode_undo, encode_undo},
    },
    coins,
};
use crate::coin::SpentCoins;

#[test]
fn the_coins_a_block_spent_are_read_back_and_refused_when_cut() {
    let mut spent = SpentCoins::default();
    for coin in &coins()[..7] {
        spent.push(coin.view());
    }
    let mut bytes = Vec::new();
    encode_undo(&spent, &mut bytes);
    let read = decode_undo(&bytes).unwrap();
    assert_eq!(read.iter().collect::<Vec<_>>(), spent.iter().collect::<Vec<_>>());
    for cut in 0..bytes.len() {
        assert!(decode_undo(&bytes[..cut]).is_err());
    }
    bytes.push(0);
    assert!(matches!(decode_undo(&bytes), Err(CoinError::Decode(_))));
}

#[test]
fn a_block_that_spends_nothing_has_one_byte() {
    let mut bytes = Vec::new();
    encode_undo(&SpentCoins::default(), &mut bytes);
    assert_eq!(bytes, [0]);
    assert!(decode_undo(&bytes).unwrap().is_empty());
}

#[test]
fn a_claimed_count_is_refused_by_the_end_of_the_data() {
    assert!(decode_undo(&[0xfe, 0, 0, 0, 1, 0, 0, 6]).is_err());
}
