//! Extended keys as strings: `xpub…`, `xprv…`, and their like on the test networks.
//!
//! The derivation is the `bitcoin` crate's; its decoder takes what BIP-0032 calls invalid, so the reading
//! is here: a master key names no parent, a private key follows a zero byte, and both lie on the curve.
//!
//! **Spec:** BIP-0032, "Serialization format" and test vector 5. Bitcoin Core: `DecodeExtKey`, `CExtKey::Decode`.

use bitcoin::bip32::{Xpriv, Xpub};

use super::{AddressError, EXTENDED_KEY_BYTES_MAX, Prefixes, base58_payload};

/// Bytes of an extended key with its version.
const EXTENDED_BYTES: usize = 78;

/// Reads an extended public key of the network.
///
/// # Errors
///
/// [`AddressError`] if it is none.
pub fn decode_extended_public(text: &str, network: &Prefixes) -> Result<Xpub, AddressError> {
    let payload = payload(text, network.extended_public)?;
    Xpub::decode(&payload).map_err(|_| AddressError::Public)
}

/// Reads an extended private key of the network.
///
/// # Errors
///
/// [`AddressError`] if it is none.
pub fn decode_extended_secret(text: &str, network: &Prefixes) -> Result<Xpriv, AddressError> {
    let payload = payload(text, network.extended_secret)?;
    if payload[45] != 0 {
        return Err(AddressError::Secret);
    }
    Xpriv::decode(&payload).map_err(|_| AddressError::Secret)
}

/// Returns version, depth, parent, number, chain code and key; checks all but the last two.
fn payload(text: &str, version: [u8; 4]) -> Result<[u8; EXTENDED_BYTES], AddressError> {
    let payload = base58_payload(text, EXTENDED_KEY_BYTES_MAX)?;
    let payload: [u8; EXTENDED_BYTES] = payload.try_into().map_err(|payload: Vec<u8>| {
        AddressError::Length { expected: "78", actual: payload.len() }
    })?;
    let (actual, rest) = payload.split_at(4);
    if actual != version {
        let shown = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        return Err(AddressError::Prefix { expected: shown(&version), actual: shown(actual) });
    }
    let is_master = rest[0] == 0;
    if is_master && rest[1..9] != [0; 8] {
        return Err(AddressError::Master);
    }
    Ok(payload)
}

#[cfg(test)]
mod tests {
    use bitcoin::{NetworkKind, base58, secp256k1::Secp256k1};

    use super::*;

    fn master() -> Xpriv {
        Xpriv::new_master(NetworkKind::Main, &[1; 16]).unwrap()
    }

    fn with(at: usize, byte: u8) -> String {
        let mut payload = master().encode();
        payload[at] = byte;
        base58::encode_check(&payload)
    }

    #[test]
    fn extended_keys_are_read_back_as_written() {
        let public = Xpub::from_priv(&Secp256k1::new(), &master());
        let read = decode_extended_public(&public.to_string(), &Prefixes::MAIN);
        assert_eq!(read, Ok(public));
        let read = decode_extended_secret(&master().to_string(), &Prefixes::MAIN);
        assert_eq!(read, Ok(master()));
    }

    #[test]
    fn a_key_of_another_kind_or_network_is_refused() {
        let secret = master().to_string();
        for refused in [
            decode_extended_public(&secret, &Prefixes::MAIN).unwrap_err(),
            decode_extended_secret(&secret, &Prefixes::TEST).unwrap_err(),
        ] {
            assert!(matches!(refused, AddressError::Prefix { .. }));
        }
    }

    #[test]
    fn a_master_key_with_a_parent_or_a_number_is_refused() {
        for at in [5, 8, 9, 12] {
            let refused = decode_extended_secret(&with(at, 1), &Prefixes::MAIN);
            assert_eq!(refused, Err(AddressError::Master), "byte {at}");
        }
    }

    #[test]
    fn a_private_key_without_its_zero_byte_is_refused() {
        let refused = decode_extended_secret(&with(45, 1), &Prefixes::MAIN);
        assert_eq!(refused, Err(AddressError::Secret));
    }

    #[test]
    fn a_string_of_another_length_is_refused() {
        let short = base58::encode_check(&master().encode()[..77]);
        let refused = decode_extended_secret(&short, &Prefixes::MAIN).unwrap_err();
        assert_eq!(refused, AddressError::Length { expected: "78", actual: 77 });
        let refused = decode_extended_secret(&"x".repeat(113), &Prefixes::MAIN).unwrap_err();
        assert_eq!(refused, AddressError::TooLong { most: 112, actual: 113 });
    }
}
