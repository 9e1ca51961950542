//! Bitcoin Core's encoding of a coin.
//!
//! ```text
//!   varint   height * 2 + coinbase
//!   varint   amount, its trailing decimal zeros folded into the last digit
//!   script   00 hash                pay to public key hash         21 bytes for 25
//!            01 hash                pay to script hash             21 for 23
//!            02|03 x                pay to compressed key          33 for 35
//!            04|05 x                pay to uncompressed key        33 for 67, if the key is a point of the curve
//!            varint(6 + len) …      any other
//! ```
//!
//! The varint is not the wire's compact size: 7 bits a byte, most significant first, each further byte one more, so that a
//! number has one encoding.
//!
//! # Deviations
//!
//! Core reads a script of more than 10,000 bytes as `OP_RETURN`, and a key that is no point as an empty script. Neither can be a coin: such
//! a script is unspendable and never stored, such a key is stored whole. Here both are errors.
//!
//! **Spec:** Bitcoin Core, `Coin::Serialize`, `CompressScript`, `CompressAmount`, `VARINT`.

use bitcoin::secp256k1::PublicKey;
use thiserror::Error;

use crate::{
    coin::CoinRef,
    encode::{DecodeError, Reader},
    rules::MONEY_MAX,
};

/// Longest script of a coin, bytes: a longer one cannot be run.
const SCRIPT_BYTES_MAX: usize = crate::script::SCRIPT_SIZE_MAX;

/// Longest encoded coin, bytes.
pub const COIN_BYTES_MAX: usize = 5 + 10 + 5 + SCRIPT_BYTES_MAX;

/// Script forms with an encoding of their own.
const SPECIAL_FORMS: u32 = 6;

const OP_DUP: u8 = 0x76;
const OP_EQUAL: u8 = 0x87;
const OP_EQUALVERIFY: u8 = 0x88;
const OP_HASH160: u8 = 0xa9;
const OP_CHECKSIG: u8 = 0xac;

/// Why bytes are no coin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum CoinError {
    /// The bytes end too early, or go on after the coin.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// A varint does not fit its type.
    #[error("byte {at}: expected a varint of at most {bits} bits")]
    Varint {
        /// Where it begins.
        at: usize,
        /// Bits of its type.
        bits: u32,
    },
    /// More money than there is.
    #[error("byte {at}: expected an amount of at most {MONEY_MAX} satoshis, got another")]
    Amount {
        /// Where it begins.
        at: usize,
    },
    /// A script that cannot be spent and so cannot be a coin's.
    #[error("byte {at}: expected a script of at most {SCRIPT_BYTES_MAX} bytes, got {actual}")]
    ScriptLength {
        /// Where it begins.
        at: usize,
        /// Its length, bytes.
        actual: usize,
    },
    /// An uncompressed key that is none.
    #[error("byte {at}: expected the x coordinate of a point of secp256k1")]
    NotAPoint {
        /// Where it begins.
        at: usize,
    },
}

/// Room for a script that is not stored as it is; the caller's, so that decoding allocates nothing.
#[derive(Debug, Clone, Copy)]
pub struct ScriptBuffer([u8; 67]);

impl Default for ScriptBuffer {
    fn default() -> Self {
        Self([0; 67])
    }
}

impl ScriptBuffer {
    fn write(&mut self, parts: [&[u8]; 3]) -> &[u8] {
        let mut end = 0;
        for part in parts {
            self.0[end..end + part.len()].copy_from_slice(part);
            end += part.len();
        }
        &self.0[..end]
    }
}

/// Appends a varint.
pub fn put_varint(out: &mut Vec<u8>, mut number: u64) {
    let mut bytes = [0; 10];
    let mut at = bytes.len() - 1;
    bytes[at] = low_bits(number);
    while number > 0x7f {
        number = (number >> 7) - 1;
        at -= 1;
        bytes[at] = low_bits(number) | 0x80;
    }
    out.extend_from_slice(&bytes[at..]);
}

const fn low_bits(number: u64) -> u8 {
    (number & 0x7f) as u8
}

/// Takes a varint of at most 64 bits.
///
/// # Errors
///
/// [`CoinError::Varint`] if it is larger, [`CoinError::Decode`] if the bytes end before.
pub fn varint(reader: &mut Reader<'_>) -> Result<u64, CoinError> {
    varint_up_to(reader, u64::MAX)
}

/// Takes a varint of at most `max`, which is all ones.
fn varint_up_to(reader: &mut Reader<'_>, max: u64) -> Result<u64, CoinError> {
    let at = reader.at();
    let overflow = CoinError::Varint { at, bits: max.count_ones() };
    let mut number = 0_u64;
    loop {
        let [byte] = reader.array()?;
        if number > max >> 7 {
            return Err(overflow);
        }
        number = (number << 7) | u64::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            return Ok(number);
        }
        number = number.checked_add(1).filter(|&number| number <= max).ok_or(overflow)?;
    }
}

/// Takes a varint of at most 32 bits.
fn varint_u32(reader: &mut Reader<'_>) -> Result<u32, CoinError> {
    let at = reader.at();
    let number = varint_up_to(reader, u64::from(u32::MAX))?;
    u32::try_from(number).map_err(|_| CoinError::Varint { at, bits: 32 })
}

/// Folds the trailing zeros of an amount into its last digit (Core's `CompressAmount`). Amounts are at most [`MONEY_MAX`].
#[must_use]
pub const fn compress_amount(mut amount: u64) -> u64 {
    if amount == 0 {
        return 0;
    }
    let mut zeros = 0;
    while amount.is_multiple_of(10) && zeros < 9 {
        amount /= 10;
        zeros += 1;
    }
    if zeros < 9 {
        let digit = amount % 10; // not zero, or it would have been folded
        1 + (amount / 10 * 9 + digit - 1) * 10 + zeros
    } else {
        1 + (amount - 1) * 10 + 9
    }
}

/// Undoes [`compress_amount`] (Core's `DecompressAmount`); `None` if that is more than [`MONEY_MAX`].
#[must_use]
pub fn decompress_amount(compressed: u64) -> Option<u64> {
    let Some(rest) = compressed.checked_sub(1) else { return Some(0) };
    let zeros = u32::try_from(rest % 10).ok()?;
    let rest = rest / 10;
    let digits = if zeros < 9 {
        (rest / 9).checked_mul(10)?.checked_add(rest % 9 + 1)?
    } else {
        rest.checked_add(1)?
    };
    digits.checked_mul(10_u64.pow(zeros)).filter(|&amount| amount <= MONEY_MAX)
}

/// Appends the encoding of `coin`.
pub fn encode_coin(coin: CoinRef<'_>, out: &mut Vec<u8>) {
    put_varint(out, u64::from(coin.height) * 2 + u64::from(coin.coinbase));
    put_varint(out, compress_amount(coin.value));
    let script = coin.script_pubkey;
    match *script {
        [OP_DUP, OP_HASH160, 20, ref hash @ .., OP_EQUALVERIFY, OP_CHECKSIG]
            if hash.len() == 20 =>
        {
            out.push(0);
            out.extend_from_slice(hash);
        }
        [OP_HASH160, 20, ref hash @ .., OP_EQUAL] if hash.len() == 20 => {
            out.push(1);
            out.extend_from_slice(hash);
        }
        [33, form @ (2 | 3), ref x @ .., OP_CHECKSIG] if x.len() == 32 => {
            out.push(form);
            out.extend_from_slice(x);
        }
        [65, ref key @ .., OP_CHECKSIG] if is_uncompressed_point(key) => {
            out.push(4 | (key[64] & 1));
            out.extend_from_slice(&key[1..33]);
        }
        _ => {
            put_varint(out, u64::from(SPECIAL_FORMS) + script.len() as u64);
            out.extend_from_slice(script);
        }
    }
}

/// Returns whether decompression would give the key back: it is a point, written in the one form that says so.
fn is_uncompressed_point(key: &[u8]) -> bool {
    key.len() == 65 && key[0] == 4 && PublicKey::from_slice(key).is_ok()
}

/// Decodes a coin that is the whole of `bytes`. Its script is a slice of `bytes` or of `buffer`.
///
/// # Errors
///
/// [`CoinError`].
pub fn decode_coin<'a>(
    bytes: &'a [u8],
    buffer: &'a mut ScriptBuffer,
) -> Result<CoinRef<'a>, CoinError> {
    let mut reader = Reader::new(bytes)?;
    let coin = read_coin(&mut reader, buffer)?;
    reader.finish()?;
    Ok(coin)
}

/// Takes a coin from the front of `reader`.
///
/// # Errors
///
/// [`CoinError`].
pub fn read_coin<'c, 'b: 'c>(
    reader: &mut Reader<'b>,
    buffer: &'c mut ScriptBuffer,
) -> Result<CoinRef<'c>, CoinError> {
    let code = varint_u32(reader)?;
    let at = reader.at();
    let value = decompress_amount(varint(reader)?).ok_or(CoinError::Amount { at })?;
    let script_pubkey = read_script(reader, buffer)?;
    Ok(CoinRef { value, height: code >> 1, coinbase: code & 1 == 1, script_pubkey })
}

fn read_script<'c, 'b: 'c>(
    reader: &mut Reader<'b>,
    buffer: &'c mut ScriptBuffer,
) -> Result<&'c [u8], CoinError> {
    let at = reader.at();
    Ok(match varint_u32(reader)? {
        0 => {
            let hash: [u8; 20] = reader.array()?;
            buffer.write([&[OP_DUP, OP_HASH160, 20], &hash, &[OP_EQUALVERIFY, OP_CHECKSIG]])
        }
        1 => {
            let hash: [u8; 20] = reader.array()?;
            buffer.write([&[OP_HASH160, 20], &hash, &[OP_EQUAL]])
        }
        2 => buffer.write([&[33, 2], &reader.array::<32>()?, &[OP_CHECKSIG]]),
        3 => buffer.write([&[33, 3], &reader.array::<32>()?, &[OP_CHECKSIG]]),
        form @ (4 | 5) => {
            let mut key = [0; 33];
            key[0] = if form == 4 { 2 } else { 3 };
            key[1..].copy_from_slice(&reader.array::<32>()?);
            let point = PublicKey::from_slice(&key).map_err(|_| CoinError::NotAPoint { at })?;
            buffer.write([&[65], &point.serialize_uncompressed(), &[OP_CHECKSIG]])
        }
        size => {
            let actual = usize::try_from(size - SPECIAL_FORMS).unwrap_or(usize::MAX);
            if actual > SCRIPT_BYTES_MAX {
                return Err(CoinError::ScriptLength { at, actual });
            }
            reader.take(actual)?
        }
    })
}
