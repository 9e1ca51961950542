//! Bits, work and retargets, at the corners where other implementations went wrong.

use ruint::uint;

use super::*;

const DIFFICULTY_1: u32 = 0x1d00_ffff;

fn bits(bits: u32) -> CompactTarget {
    CompactTarget::from_consensus(bits)
}

/// Number, negative, overflow, and what the number becomes in compact form.
type Row = (u32, U256, bool, bool, u32);

#[test]
fn bits_expand_and_compact_as_in_core() {
    let zero = U256::ZERO;
    let rows: [Row; 14] = [
        (0x0000_0000, zero, false, false, 0),
        (0x0012_3456, zero, false, false, 0),
        (0x0100_3456, zero, false, false, 0),
        (0x0180_0000, zero, false, false, 0),
        (0x0112_3456, uint!(0x12_U256), false, false, 0x0112_0000),
        (0x01fe_dcba, uint!(0x7e_U256), true, false, 0x017e_0000),
        (0x0212_3456, uint!(0x1234_U256), false, false, 0x0212_3400),
        (0x0312_3456, uint!(0x123456_U256), false, false, 0x0312_3456),
        (0x0412_3456, uint!(0x12345600_U256), false, false, 0x0412_3456),
        (0x0492_3456, uint!(0x12345600_U256), true, false, 0x0412_3456),
        (0x0500_9234, uint!(0x92340000_U256), false, false, 0x0500_9234),
        (0x2012_3456, uint!(0x123456_U256) << 232, false, false, 0x2012_3456),
        (0x2200_0001, uint!(1_U256) << 248, false, false, 0x2001_0000),
        (0xff12_3456, zero, false, true, 0),
    ];
    for (given, value, negative, overflow, back) in rows {
        let expanded = expand(bits(given));
        assert_eq!(expanded, Expanded { value, negative, overflow }, "{given:08x}");
        assert_eq!(compact(value), bits(back), "{given:08x}");
    }
}

#[test]
fn overflow_begins_with_the_first_lost_bit() {
    for (given, overflow) in [
        (0x2100_ffff, false),
        (0x2101_0000, true),
        (0x2200_00ff, false),
        (0x2200_0100, true),
        (0x2300_0001, true),
        (0x2300_0000, false),
    ] {
        assert_eq!(expand(bits(given)).overflow, overflow, "{given:08x}");
    }
}

#[test]
fn a_mantissa_with_its_highest_bit_set_moves_into_the_exponent() {
    assert_eq!(compact(uint!(0x80_U256)), bits(0x0200_8000));
    assert_eq!(compact(uint!(0x7f_U256)), bits(0x017f_0000));
    // Rounding is down, so what is written stands for no more than the number.
    assert_eq!(compact(uint!(0x12345678_U256)), bits(0x0412_3456));
}

#[test]
fn no_target_is_zero_negative_overflowing_or_above_the_limit() {
    let limit = Params::main().pow_limit;
    assert!(target(bits(DIFFICULTY_1), limit).is_some());
    for refused in [0, 0x1d00_0000, 0x1d80_ffff, 0xff12_3456, 0x1d01_0000] {
        assert_eq!(target(bits(refused), limit), None, "{refused:08x}");
    }
}

#[test]
fn a_hash_equal_to_the_target_satisfies_it_and_one_more_does_not() {
    let limit = Params::main().pow_limit;
    let value = expand(bits(DIFFICULTY_1)).value;
    let hash = |value: U256| BlockHash::from_byte_array(value.to_le_bytes());
    assert!(check(&hash(value), bits(DIFFICULTY_1), limit));
    assert!(!check(&hash(value + U256::ONE), bits(DIFFICULTY_1), limit));
}

#[test]
fn work_is_the_expected_number_of_hashes() {
    assert_eq!(work(bits(DIFFICULTY_1)), uint!(0x100010001_U256));
    assert_eq!(work(bits(0x207f_ffff)), uint!(2_U256));
    for none in [0, 0x1d80_ffff, 0xff12_3456] {
        assert_eq!(work(bits(none)), U256::ZERO);
    }
}

#[test]
fn difficulty_is_relative_to_the_first_bits() {
    assert_eq!(difficulty(bits(DIFFICULTY_1)).to_bits(), 1f64.to_bits());
    assert!((difficulty(bits(0x1b04_04cb)) - 16_307.420_938_523_983).abs() < 1e-9);
}

fn period(first_time: u32, last_time: u32, last_bits: u32) -> Period {
    let last_bits = bits(last_bits);
    Period { first_time, first_bits: last_bits, last_time, last_bits }
}

#[test]
fn retargets_of_main_give_the_bits_of_its_blocks() {
    let main = Params::main();
    for (first, last, old, new) in [
        (1_261_130_161, 1_262_152_739, 0x1d00_ffff, 0x1d00_d86a),
        (1_231_006_505, 1_233_061_996, 0x1d00_ffff, 0x1d00_ffff),
        (1_279_008_237, 1_279_297_671, 0x1c05_a3f4, 0x1c01_68fd),
        (1_263_163_443, 1_269_211_443, 0x1c38_7f6f, 0x1d00_e1fd),
    ] {
        assert_eq!(retarget(&main, &period(first, last, old)), bits(new));
        assert!(permitted_transition(&main, 2016, bits(old), bits(new)));
    }
}

#[test]
fn a_retarget_counts_2015_intervals_against_the_time_of_2016() {
    let main = Params::main();
    // Blocks exactly ten minutes apart: the target falls, by one part in 2,016.
    let on_time = retarget(&main, &period(0, 2015 * 600, 0x1b01_0000));
    assert!(expand(on_time).value < expand(bits(0x1b01_0000)).value);
    let slow = retarget(&main, &period(0, 2016 * 600, 0x1b01_0000));
    assert_eq!(slow, bits(0x1b01_0000));
}

#[test]
fn a_retarget_goes_no_further_than_four_times() {
    let main = Params::main();
    assert_eq!(retarget(&main, &period(1000, 0, 0x1b04_0000)), bits(0x1b01_0000));
    assert_eq!(retarget(&main, &period(0, u32::MAX, 0x1b01_0000)), bits(0x1b04_0000));
    for (new, permitted) in
        [(0x1b01_0000, true), (0x1b00_ffff, false), (0x1b10_0000, true), (0x1b10_0001, false)]
    {
        assert_eq!(permitted_transition(&main, 2016, bits(0x1b04_0000), bits(new)), permitted);
    }
    assert!(!permitted_transition(&main, 2017, bits(0x1b04_0000), bits(0x1b04_0001)));
    assert!(permitted_transition(&Params::testnet3(), 2017, bits(0x1b04_0000), bits(0x1b04_0001)));
}

#[test]
fn testnet4_starts_a_retarget_from_the_first_block_of_the_period() {
    let given = Period {
        first_time: 0,
        first_bits: bits(0x1b01_0000),
        last_time: 2016 * 600,
        last_bits: bits(DIFFICULTY_1),
    };
    assert_eq!(retarget(&Params::testnet4(), &given), bits(0x1b01_0000));
    assert_eq!(retarget(&Params::testnet3(), &given), bits(DIFFICULTY_1));
    let regtest = Params { enforce_bip94: true, ..Params::regtest() };
    assert_eq!(retarget(&regtest, &given), bits(DIFFICULTY_1), "regtest never retargets");
}
