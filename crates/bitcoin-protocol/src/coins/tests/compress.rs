//! The encoding of one coin. Examples: Core's `compress_tests.cpp` and `coins_tests.cpp`.

use proptest::{collection::vec, prelude::*};

use super::{super::compress::*, *};
use crate::{
    encode::{DecodeError, Reader},
    rules::MONEY_MAX,
};

fn decoded(bytes: &[u8]) -> Result<Coin, CoinError> {
    decode_coin(bytes, &mut ScriptBuffer::default()).map(CoinRef::to_coin)
}

#[test]
fn amounts_are_folded_as_core_folds_them() {
    const COIN: u64 = 100_000_000;
    for (amount, compressed) in [
        (0, 0),
        (1, 1),
        (COIN / 100, 7),
        (COIN, 9),
        (50 * COIN, 0x32),
        (21_000_000 * COIN, 0x0140_6f40),
    ] {
        assert_eq!(compress_amount(amount), compressed);
        assert_eq!(decompress_amount(compressed), Some(amount));
    }
    for n in 0..100_000 {
        assert_eq!(decompress_amount(n).map(compress_amount), Some(n));
    }
    for compressed in [u64::MAX, u64::MAX - 1, compress_amount(MONEY_MAX + 1)] {
        assert_eq!(decompress_amount(compressed), None);
    }
}

#[test]
fn core_s_coins_are_read_and_written() {
    for (bytes, height, coinbase, value, script) in [
        (
            "97f23c835800816115944e077fe7c803cfa57f29b36bf87c1d35",
            203_998,
            false,
            60_000_000_000,
            "76a914816115944e077fe7c803cfa57f29b36bf87c1d3588ac",
        ),
        (
            "8ddf77bbd123008c988f1a4a4de2161e0f50aac7f17e7f9555caa4",
            120_891,
            true,
            110_397,
            "76a9148c988f1a4a4de2161e0f50aac7f17e7f9555caa488ac",
        ),
        ("000006", 0, false, 0, ""),
    ] {
        let coin = Coin { value, height, coinbase, script_pubkey: hex(script).into() };
        assert_eq!(decoded(&hex(bytes)), Ok(coin.clone()));
        assert_eq!(encoded(coin.view()), hex(bytes));
    }
}

#[test]
fn every_form_is_read_back_and_refused_when_cut() {
    for coin in coins() {
        let bytes = encoded(coin.view());
        assert!(bytes.len() <= COIN_BYTES_MAX);
        assert_eq!(decoded(&bytes), Ok(coin));
        for cut in 0..bytes.len().min(100) {
            let refused = decoded(&bytes[..cut]);
            assert!(matches!(refused, Err(CoinError::Decode(DecodeError::End { .. }))));
        }
    }
    let lengths: Vec<_> = coins()[1..5].iter().map(|coin| coin.script_pubkey.len()).collect();
    assert_eq!(lengths, [25, 23, 35, 67]);
    let script = |coin: &Coin| encoded(CoinRef { value: 0, height: 0, ..coin.view() }).len() - 2;
    assert_eq!(coins()[1..5].iter().map(script).collect::<Vec<_>>(), [21, 21, 33, 33]);
}

#[test]
fn an_uncompressed_key_that_is_no_point_is_stored_whole() {
    let mut script = hex(&format!("41{KEY_FULL}ac"));
    script[65] ^= 1; // the last byte of y
    let coin = Coin { script_pubkey: script.into(), ..coin(2, 1, "") };
    let bytes = encoded(coin.view());
    assert_eq!(bytes.len(), 2 + 1 + 67);
    assert_eq!(decoded(&bytes), Ok(coin));
    // A hybrid key is one byte away from an uncompressed one, and must come back as it is.
    let hybrid = Coin {
        script_pubkey: hex(&format!("41{KEY_FULL}ac").replacen("04", "06", 1)).into(),
        ..coin_of(2)
    };
    assert_eq!(decoded(&encoded(hybrid.view())), Ok(hybrid));
}

fn coin_of(height: u32) -> Coin {
    coin(height, 1, "")
}

#[test]
fn what_cannot_be_a_coin_is_refused_for_that_reason() {
    // "000007": a script that ends beyond the end. "8a95c0bb00": a script of three billion bytes.
    assert!(matches!(decoded(&hex("000007")), Err(CoinError::Decode(DecodeError::End { .. }))));
    assert!(matches!(
        decoded(&hex("00008a95c0bb00")),
        Err(CoinError::ScriptLength { at: 2, actual: 2_999_999_994 })
    ));
    // x = 5 is not on the curve.
    let no_point = [&[0, 0, 4][..], &[0; 31], &[5]].concat();
    assert_eq!(decoded(&no_point), Err(CoinError::NotAPoint { at: 2 }));
    // A height of 2^31.
    assert_eq!(
        decoded(&hex("8efefefeff7f0006"))
            .map_err(|error| matches!(error, CoinError::Varint { at: 0, bits: 32 })),
        Err(true)
    );
    let mut rich = vec![0];
    put_varint(&mut rich, compress_amount(MONEY_MAX + 1));
    rich.push(6);
    assert_eq!(decoded(&rich), Err(CoinError::Amount { at: 1 }));
    assert!(matches!(
        decoded(&hex("00000600")),
        Err(CoinError::Decode(DecodeError::Trailing { .. }))
    ));
}

proptest! {
    #[test]
    fn varints_of_every_size_are_read_back(number in any::<u64>(), shift in 0_u32..64) {
        let number = number >> shift;
        let mut bytes = Vec::new();
        put_varint(&mut bytes, number);
        let mut reader = Reader::new(&bytes).unwrap();
        prop_assert_eq!(varint(&mut reader), Ok(number));
        prop_assert_eq!(reader.left(), 0);
    }

    #[test]
    fn any_bytes_are_a_coin_or_refused_and_a_coin_is_read_back(bytes in vec(any::<u8>(), 0..80)) {
        if let Ok(coin) = decoded(&bytes) {
            prop_assert_eq!(decoded(&encoded(coin.view())), Ok(coin));
        }
    }

    #[test]
    fn amounts_are_read_back(amount in 0..=MONEY_MAX) {
        prop_assert_eq!(decompress_amount(compress_amount(amount)), Some(amount));
    }
}
