//! Each rule of relay refuses what it is for.

use super::*;
use crate::{Transaction, encode::put_size};

/// A transaction with one input and these outputs.
fn transaction(version: u32, script_sig: &[u8], outputs: &[(u64, Vec<u8>)]) -> Transaction {
    let mut out = version.to_le_bytes().to_vec();
    out.push(1);
    out.extend_from_slice(&[7; 36]);
    put_size(&mut out, script_sig.len() as u64);
    out.extend_from_slice(script_sig);
    out.extend_from_slice(&[0xff; 4]);
    put_size(&mut out, outputs.len() as u64);
    for (value, script) in outputs {
        out.extend_from_slice(&value.to_le_bytes());
        put_size(&mut out, script.len() as u64);
        out.extend_from_slice(script);
    }
    out.extend_from_slice(&[0; 4]);
    Transaction::decode(out).unwrap()
}

fn p2wpkh() -> Vec<u8> {
    let mut script = vec![0, 20];
    script.extend_from_slice(&[1; 20]);
    script
}

fn verdict(
    version: u32,
    script_sig: &[u8],
    outputs: &[(u64, Vec<u8>)],
) -> Result<(), &'static str> {
    check_transaction(transaction(version, script_sig, outputs).view(), &Policy::default())
}

#[test]
fn each_rule_has_its_reason() {
    let good = (1_000, p2wpkh());
    let data = |len: usize| {
        let mut script = vec![0x6a, 0x4e];
        script.extend_from_slice(&u32::try_from(len).unwrap().to_le_bytes());
        script.resize(script.len() + len, 0);
        (0, script)
    };
    assert_eq!(verdict(2, &[], std::slice::from_ref(&good)), Ok(()));
    assert_eq!(verdict(0, &[], std::slice::from_ref(&good)), Err("version"));
    assert_eq!(verdict(4, &[], std::slice::from_ref(&good)), Err("version"));
    assert_eq!(verdict(2, &[0x51; 1_651], std::slice::from_ref(&good)), Err("scriptsig-size"));
    assert_eq!(verdict(2, &[0x61], std::slice::from_ref(&good)), Err("scriptsig-not-pushonly"));
    assert_eq!(verdict(2, &[], &[(1_000, vec![0x51])]), Err("scriptpubkey"));
    assert_eq!(verdict(2, &[], &[data(90_000)]), Ok(()));
    assert_eq!(verdict(2, &[], &[data(99_990), data(10)]), Err("tx-size"));
    assert_eq!(verdict(2, &[], &[(293, p2wpkh())]), Ok(()), "one may be dust");
    assert_eq!(verdict(2, &[], &[(293, p2wpkh()), (293, p2wpkh())]), Err("dust"));
    assert_eq!(verdict(2, &[], &[(294, p2wpkh()), (294, p2wpkh())]), Ok(()));
    assert_eq!(verdict(2, &[], &vec![good; 4_000]), Err("tx-size"));
}

#[test]
fn dust_is_what_bitcoin_core_says_it_is() {
    let rate = FeeRate(3_000);
    let mut p2pkh = vec![0x76, 0xa9, 20];
    p2pkh.extend_from_slice(&[0; 20]);
    p2pkh.extend_from_slice(&[0x88, 0xac]);
    assert_eq!(standard::dust_threshold(&p2pkh, rate), 546);
    assert_eq!(standard::dust_threshold(&p2wpkh(), rate), 294);
    assert_eq!(standard::dust_threshold(&[0x6a], rate), 0);
}

#[test]
fn witnesses_beyond_the_limits_are_not_standard() {
    assert!(Template::of(&p2wpkh()) == Template::WitnessKeyHash);
    assert_eq!(Template::of(&[0x51, 2, 0x4e, 0x73]).name(), "anchor");
    let fraction = |fee, size| fee::FeeFraction { fee, size };
    assert!(fraction(3, 2).compare(&fraction(4, 3)).is_gt());
    assert!(fraction(2, 4).compare(&fraction(1, 2)).is_eq());
    assert_eq!(FeeRate(100).fee(141), 15);
}

#[test]
fn templates_have_core_s_names() {
    let (hash, long) = ("11".repeat(20), "22".repeat(32));
    let key = format!("02{long}");
    for (bytes, expected) in [
        (format!("76a914{hash}88ac"), "pubkeyhash"),
        (format!("a914{hash}87"), "scripthash"),
        (format!("0014{hash}"), "witness_v0_keyhash"),
        (format!("0020{long}"), "witness_v0_scripthash"),
        (format!("5120{long}"), "witness_v1_taproot"),
        ("51024e73".to_owned(), "anchor"),
        (format!("5220{long}"), "witness_unknown"),
        (format!("21{key}ac"), "pubkey"),
        (format!("5121{key}21{key}52ae"), "multisig"),
        (format!("5121{key}52ae"), "nonstandard"),
        ("6a0401020304".to_owned(), "nulldata"),
        ("51".to_owned(), "nonstandard"),
    ] {
        assert_eq!(
            Template::of(&quintet_primitives::hex::decode(&bytes).unwrap()).name(),
            expected,
            "{bytes}"
        );
    }
}
