//! Encodings of signatures and keys, and what is deleted from a script code.
//!
//! For years any encoding a library would read was valid, and signatures could be changed in flight. The
//! strict form became a rule with BIP-0066, after two OpenSSL versions read differently.
//!
//! **Spec:** BIP-0066 (strict DER), BIP-0062 (low S), BIP-0143 (compressed keys).

use std::borrow::Cow;

use super::{ScriptError, ScriptFlags, instruction::Instructions, sighash};

/// The order of the curve's group.
const ORDER: [u8; 32] = [
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe,
    0xba, 0xae, 0xdc, 0xe6, 0xaf, 0x48, 0xa0, 0x3b, 0xbf, 0xd2, 0x5e, 0x8c, 0xd0, 0x36, 0x41, 0x41,
];

/// Half of it, rounded down.
const HALF_ORDER: [u8; 32] = [
    0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0x5d, 0x57, 0x6e, 0x73, 0x57, 0xa4, 0x50, 0x1d, 0xdf, 0xe9, 0x2f, 0x46, 0x68, 0x1b, 0x20, 0xa0,
];

/// Checks the encoding of a signature with its hash type. An empty one is a way to say no, and passes.
///
/// Bitcoin Core's `CheckSignatureEncoding`.
pub(super) fn check_signature(signature: &[u8], flags: ScriptFlags) -> Result<(), ScriptError> {
    if signature.is_empty() {
        return Ok(());
    }
    let strict = ScriptFlags::DERSIG | ScriptFlags::LOW_S | ScriptFlags::STRICTENC;
    if !flags.intersects(strict) {
        return Ok(());
    }
    let (r, s) = strict_der(signature).ok_or(ScriptError::SigDer)?;
    if flags.contains(ScriptFlags::LOW_S) && !is_low(r, s) {
        return Err(ScriptError::SigHighS);
    }
    if flags.contains(ScriptFlags::STRICTENC) && !is_defined_hash_type(signature) {
        return Err(ScriptError::SigHashtype);
    }
    Ok(())
}

/// Checks the form of a public key.
///
/// Bitcoin Core's `CheckPubKeyEncoding`.
pub(super) fn check_key(key: &[u8], flags: ScriptFlags, segwit: bool) -> Result<(), ScriptError> {
    let is_compressed = matches!(key, [2 | 3, ..] if key.len() == 33);
    let is_uncompressed = matches!(key, [4, ..] if key.len() == 65);
    if flags.contains(ScriptFlags::STRICTENC) && !is_compressed && !is_uncompressed {
        return Err(ScriptError::Pubkeytype);
    }
    if segwit && flags.contains(ScriptFlags::WITNESS_PUBKEYTYPE) && !is_compressed {
        return Err(ScriptError::WitnessPubkeytype);
    }
    Ok(())
}

/// Returns R and S of a signature with its hash type, if it is strict DER:
/// `30 length 02 length R 02 length S hash-type`, both positive and in their shortest form.
fn strict_der(signature: &[u8]) -> Option<(&[u8], &[u8])> {
    if !(9..=73).contains(&signature.len()) {
        return None;
    }
    let (_hash_type, der) = signature.split_last()?;
    let (&[0x30, length], integers) = der.split_first_chunk()? else { return None };
    if usize::from(length) != integers.len() {
        return None;
    }
    let (r, rest) = strict_integer(integers)?;
    let (s, rest) = strict_integer(rest)?;
    rest.is_empty().then_some((r, s))
}

fn strict_integer(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (&[0x02, length], rest) = bytes.split_first_chunk()? else { return None };
    let (integer, rest) = rest.split_at_checked(usize::from(length))?;
    let is_shortest = match integer {
        [] => false,
        [0, second, ..] => second & 0x80 != 0,
        [first, ..] => first & 0x80 == 0,
    };
    is_shortest.then_some((integer, rest))
}

/// Returns whether S is in the lower half.
///
/// Bitcoin Core's `CPubKey::CheckLowS`. A number outside of the group makes its parser set both to zero,
/// which is low: such a signature fails later, as invalid.
fn is_low(r: &[u8], s: &[u8]) -> bool {
    match (scalar(r), scalar(s)) {
        (Some(r), Some(s)) => r >= ORDER || s >= ORDER || s <= HALF_ORDER,
        _ => true,
    }
}

fn scalar(integer: &[u8]) -> Option<[u8; 32]> {
    let zeros = integer.iter().take_while(|byte| **byte == 0).count();
    let digits = &integer[zeros..];
    let mut scalar = [0; 32];
    scalar.get_mut(32_usize.checked_sub(digits.len())?..)?.copy_from_slice(digits);
    Some(scalar)
}

fn is_defined_hash_type(signature: &[u8]) -> bool {
    let hash_type = signature.last().map(|byte| byte & !sighash::ANYONECANPAY);
    matches!(hash_type, Some(sighash::ALL..=sighash::SINGLE))
}

/// Deletes every push of `signature` from `code`, and says how many there were.
///
/// Only at the beginning of an instruction, only in the form a plain push has, and after each deletion
/// again at the same place. A signature cannot sign itself, and Satoshi's code made sure it never had to.
/// btcd deleted any push that **contained** the signature and could be led off the chain
/// (CVE-2024-38365). Bitcoin Core's `FindAndDelete`.
pub(super) fn find_and_delete<'c>(code: Cow<'c, [u8]>, signature: &[u8]) -> (Cow<'c, [u8]>, usize) {
    let mut header = [0; 3];
    let len = signature.len();
    let [low, high, ..] = len.to_le_bytes();
    let header_len = match len {
        0..0x4c => {
            header[0] = low;
            1
        }
        0x4c..=0xff => {
            header[..2].copy_from_slice(&[0x4c, low]);
            2
        }
        // A stack item has at most 520 bytes.
        _ => {
            header = [0x4d, low, high];
            3
        }
    };
    let header = &header[..header_len];
    let is_push =
        |bytes: &[u8]| bytes.strip_prefix(header).is_some_and(|bytes| bytes.starts_with(signature));
    if !code.windows(header_len).any(|window| window == header) {
        return (code, 0);
    }

    let mut kept = Vec::new();
    let (mut found, mut copied, mut at) = (0, 0, 0);
    loop {
        if is_push(&code[at..]) {
            kept.extend_from_slice(&code[copied..at]);
            while is_push(&code[at..]) {
                at += header_len + len;
                found += 1;
            }
            copied = at;
        }
        let mut instructions = Instructions::starting_at(&code, at);
        if instructions.next().is_none() {
            break;
        }
        at = instructions.at();
    }
    if found == 0 {
        return (code, 0);
    }
    kept.extend_from_slice(&code[copied..]);
    (Cow::Owned(kept), found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delete(code: &[u8], signature: &[u8]) -> (Vec<u8>, usize) {
        let (code, found) = find_and_delete(Cow::Borrowed(code), signature);
        (code.into_owned(), found)
    }

    #[test]
    fn every_push_of_the_signature_is_deleted_from_the_code() {
        assert_eq!(delete(&[2, 7, 8, 0xac, 2, 7, 8, 2, 7, 8], &[7, 8]), (vec![0xac], 3));
        assert_eq!(delete(&[0xac, 2, 7, 8], &[7, 8]), (vec![0xac], 1));
        assert_eq!(delete(&[0xac], &[7, 8]), (vec![0xac], 0));
        let long = [7; 300];
        let code = [&[0x4d, 0x2c, 1][..], &long, &[0xac]].concat();
        assert_eq!(delete(&code, &long), (vec![0xac], 1));
    }

    #[test]
    fn a_push_that_only_contains_the_signature_stays() {
        for code in [&[3, 7, 8, 9, 0xac][..], &[4, 2, 7, 8, 9], &[0x4c, 2, 7, 8]] {
            assert_eq!(delete(code, &[7, 8]), (code.to_vec(), 0), "{code:?}");
        }
    }

    #[test]
    fn bytes_across_two_instructions_that_look_like_the_push_stay() {
        assert_eq!(delete(&[1, 7, 1, 1, 7, 7], &[7]), (vec![1, 1, 7, 7], 1));
    }

    #[test]
    fn an_empty_signature_deletes_every_push_of_nothing() {
        assert_eq!(delete(&[0, 0xac, 0, 1, 0], &[]), (vec![0xac, 1, 0], 2));
    }

    #[test]
    fn bytes_after_a_cut_off_push_stay() {
        assert_eq!(delete(&[1, 7, 0xac, 9, 1, 7], &[7]), (vec![0xac, 9, 1, 7], 1));
    }

    #[test]
    fn half_the_order_is_low_and_one_more_is_high() {
        let mut above = HALF_ORDER;
        above[31] += 1;
        let one: &[u8] = &[1];
        assert!(is_low(one, &HALF_ORDER));
        assert!(!is_low(one, &above));
        // Outside of the group: not high, only invalid.
        assert!(is_low(one, &ORDER));
        assert!(is_low(&ORDER, &above));
        assert!(is_low(&[1; 33], &above));
    }

    #[test]
    fn integers_are_strict_if_positive_and_shortest() {
        let der = |r: &[u8], s: &[u8]| {
            let len = |bytes: &[u8]| u8::try_from(bytes.len()).unwrap();
            let integers = [&[2, len(r)][..], r, &[2, len(s)], s].concat();
            [&[0x30, len(&integers)][..], &integers, &[1]].concat()
        };
        assert!(strict_der(&der(&[1], &[1])).is_some());
        assert!(strict_der(&der(&[0, 0x80], &[0])).is_some());
        for wrong in [&[][..], &[0x80], &[0, 1], &[0, 0]] {
            assert!(strict_der(&der(wrong, &[1])).is_none(), "{wrong:?}");
            assert!(strict_der(&der(&[1], wrong)).is_none(), "{wrong:?}");
        }
        let mut trailing = der(&[1], &[1]);
        trailing.push(1);
        assert!(strict_der(&trailing).is_none());
    }
}
