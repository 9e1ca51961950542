//! `bep44_*.json`: stored items: keys, signed bytes, signatures, and that no bit may change.

use std::path::Path;

use quintet_crypto::ed25519::SecretKey;
use quintet_dht_protocol::{
    key::Key,
    message::{Item, MutableItem},
    record::item::signable,
};
use serde::Deserialize;

use super::{array, bytes};
use crate::{
    file::File,
    suite::{Mismatch, Report, Suite, expect_eq, is_json_named},
};

pub(super) struct Bep44;

impl Suite for Bep44 {
    fn name(&self) -> &'static str {
        "bep44"
    }

    fn claims(&self, name: &Path) -> bool {
        is_json_named(name, "bep44_")
    }

    fn run(&self, file: &File, report: &mut Report) {
        report.json_cases(file, |case: Case| case.check());
    }
}

#[derive(Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
enum Case {
    Mutable {
        value_bencoded: String,
        salt: Option<String>,
        seq: i64,
        signed_buffer: String,
        public_key: String,
        expanded_private_key: String,
        target: Key,
        signature: String,
    },
    Immutable {
        value_bencoded: String,
        target: Key,
    },
}

impl Case {
    fn check(&self) -> Result<(), Mismatch> {
        match self {
            Self::Immutable { value_bencoded, target } => {
                let value = bytes("value_bencoded", value_bencoded)?;
                check_accepted(&Item::Immutable { value: value.clone() }, *target)?;
                each_flipped_bit(&value, |value| {
                    refused("value", &Item::Immutable { value: value.to_vec() }, *target)
                })?;
                each_flipped_bit(target.as_bytes(), |flipped| {
                    let target = Key::from_slice(flipped).unwrap_or_default();
                    refused("target", &Item::Immutable { value: value.clone() }, target)
                })
            }
            Self::Mutable {
                value_bencoded,
                salt,
                seq,
                signed_buffer,
                public_key,
                expanded_private_key,
                target,
                signature,
            } => {
                let item = MutableItem {
                    public_key: array("public_key", public_key)?,
                    salt: salt.clone().unwrap_or_default().into_bytes(),
                    seq: *seq,
                    signature: array("signature", signature)?,
                    value: bytes("value_bencoded", value_bencoded)?,
                };
                let signed = signable(&item.salt, item.seq, &item.value);
                let signed = String::from_utf8_lossy(&signed);
                expect_eq("signed_buffer", signed_buffer.as_str(), &signed)?;
                check_accepted(&Item::Mutable(item.clone()), *target)?;
                let key = array("expanded_private_key", expanded_private_key)?;
                check_signs(&key, &item)?;
                check_no_bit_may_change(&item, *target)
            }
        }
    }
}

fn check_accepted(item: &Item, target: Key) -> Result<(), Mismatch> {
    expect_eq("target", target.to_string(), item.target().to_string())?;
    item.check(target).map_err(|refusal| Mismatch::new("item", "accepted", refusal.to_string()))
}

/// Checks that the private key, the 64 bytes of its expanded form, makes the same signature.
fn check_signs(key: &[u8; 64], item: &MutableItem) -> Result<(), Mismatch> {
    // The scalar is clamped by definition (RFC 8032, 5.1.5), so its fixed bits are part of the vector.
    let clamped = key[0] & 0b111 == 0 && key[31] & 0b1100_0000 == 0b0100_0000;
    expect_eq("the scalar is clamped", true, clamped)?;
    let key = SecretKey::from_expanded(key);
    expect_eq("public key of the private key", item.public_key, key.public_key())?;
    let signed = MutableItem::sign(&key, item.salt.clone(), item.seq, item.value.clone());
    expect_eq("item when signed again", item, &signed)
}

fn check_no_bit_may_change(item: &MutableItem, target: Key) -> Result<(), Mismatch> {
    each_flipped_bit(&item.value, |value| {
        unverified("value", &MutableItem { value: value.to_vec(), ..item.clone() })
    })?;
    each_flipped_bit(&item.salt, |salt| {
        unverified("salt", &MutableItem { salt: salt.to_vec(), ..item.clone() })
    })?;
    each_flipped_bit(&item.seq.to_be_bytes(), |seq| {
        let seq = i64::from_be_bytes(seq.try_into().unwrap_or_default());
        unverified("seq", &MutableItem { seq, ..item.clone() })
    })?;
    each_flipped_bit(&item.signature, |signature| {
        let signature = signature.try_into().unwrap_or([0; 64]);
        unverified("signature", &MutableItem { signature, ..item.clone() })
    })?;
    each_flipped_bit(&item.public_key, |public_key| {
        let public_key = public_key.try_into().unwrap_or([0; 32]);
        unverified("public_key", &MutableItem { public_key, ..item.clone() })
    })?;
    each_flipped_bit(target.as_bytes(), |flipped| {
        let target = Key::from_slice(flipped).unwrap_or_default();
        refused("target", &Item::Mutable(item.clone()), target)
    })
}

fn each_flipped_bit(
    original: &[u8],
    mut check: impl FnMut(&[u8]) -> Result<(), Mismatch>,
) -> Result<(), Mismatch> {
    let mut changed = original.to_vec();
    for bit in 0..original.len() * 8 {
        changed[bit / 8] ^= 1 << (bit % 8);
        check(&changed)?;
        changed[bit / 8] ^= 1 << (bit % 8);
    }
    Ok(())
}

fn unverified(field: &str, item: &MutableItem) -> Result<(), Mismatch> {
    let accepted = || Mismatch::new(format!("a flipped bit in {field}"), "refused", "accepted");
    if item.verify().is_err() { Ok(()) } else { Err(accepted()) }
}

fn refused(field: &str, item: &Item, target: Key) -> Result<(), Mismatch> {
    let accepted = || Mismatch::new(format!("a flipped bit in {field}"), "refused", "accepted");
    if item.check(target).is_err() { Ok(()) } else { Err(accepted()) }
}
