//! Encodings of signatures and keys, and what is deleted from a script code.
//!
//! For years any encoding a library would read was valid, and signatures could be changed in flight. The
//! strict form became a rule with BIP-0066, after two OpenSSL versions read differently.
//!
//! **Spec:** BIP-0066 (strict DER), BIP-0062 (low S), BIP-0143 (compressed keys).

use std::borrow::Cow;

use quintet_crypto::secp;

use super::{ScriptError, ScriptFlags, instruction::Instructions, sighash};

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
    let der = strict_der(signature).ok_or(ScriptError::SigDer)?;
    if flags.contains(ScriptFlags::LOW_S) && !secp::ecdsa_is_low_s(der) {
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

/// Returns a signature without its hash type, if it is strict DER:
/// `30 length 02 length R 02 length S hash-type`, both positive and in their shortest form.
fn strict_der(signature: &[u8]) -> Option<&[u8]> {
    if !(9..=73).contains(&signature.len()) {
        return None;
    }
    let (_hash_type, der) = signature.split_last()?;
    let (&[0x30, length], integers) = der.split_first_chunk()? else { return None };
    if usize::from(length) != integers.len() {
        return None;
    }
    let after_r = strict_integer(integers)?;
    let after_s = strict_integer(after_r)?;
    after_s.is_empty().then_some(der)
}

/// Returns what comes after the integer at the front.
fn strict_integer(bytes: &[u8]) -> Option<&[u8]> {
    let (&[0x02, length], rest) = bytes.split_first_chunk()? else { return None };
    let (integer, rest) = rest.split_at_checked(usize::from(length))?;
    let is_shortest = match integer {
        [] => false,
        [0, second, ..] => second & 0x80 != 0,
        [first, ..] => first & 0x80 == 0,
    };
    is_shortest.then_some(rest)
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
