//! Numbers on the stack: little-endian magnitude, the highest bit the sign.
//!
//! What is read may be limited and must be in its shortest form before Toccata; what is written is always
//! in its shortest form. The least 64-bit number has none of eight bytes: computing it fails.
//!
//! **Spec:** rusty-kaspa's `data_stack.rs`; KIP-10 (eight bytes).

use super::ScriptError;

/// Bytes of the longest number, its sign included.
pub(super) const NUMBER_SIZE_MAX: usize = 8;

/// Reads a number of at most `size_max` bytes, the shortest form only if `minimal`.
pub(super) fn decode(bytes: &[u8], minimal: bool, size_max: usize) -> Result<i64, ScriptError> {
    if bytes.len() > size_max.min(NUMBER_SIZE_MAX) {
        return Err(ScriptError::NumberTooBig { limit: size_max });
    }
    let Some((&last, rest)) = bytes.split_last() else { return Ok(0) };
    // The last byte may hold nothing but the sign only if the one before has no room for it.
    if minimal && last & 0x7f == 0 && rest.last().is_none_or(|byte| byte & 0x80 == 0) {
        return Err(ScriptError::NotMinimal);
    }
    let high = i64::from(last & 0x7f);
    let magnitude = rest.iter().rev().fold(high, |number, byte| number << 8 | i64::from(*byte));
    Ok(if last & 0x80 == 0 { magnitude } else { -magnitude })
}

/// Writes a number in its shortest form and returns its length.
pub(super) fn encode(number: i64, bytes: &mut [u8; 32]) -> Result<u8, ScriptError> {
    let magnitude = number.unsigned_abs().to_le_bytes();
    let used = magnitude.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    bytes[..NUMBER_SIZE_MAX].copy_from_slice(&magnitude);
    let mut len = used;
    if used > 0 && magnitude[used - 1] & 0x80 != 0 {
        len += 1;
    }
    if len > NUMBER_SIZE_MAX {
        return Err(ScriptError::NumberTooLong { number, limit: NUMBER_SIZE_MAX });
    }
    if number < 0 {
        bytes[len - 1] |= 0x80;
    }
    u8::try_from(len).map_err(|_| ScriptError::NumberTooLong { number, limit: NUMBER_SIZE_MAX })
}

/// Writes a number in exactly `size` bytes, at most eight. `OP_NUM2BIN` (KIP-17).
pub(super) fn encode_sized(number: i64, size: usize) -> Result<[u8; NUMBER_SIZE_MAX], ScriptError> {
    let too_long = ScriptError::NumberTooLong { number, limit: size };
    let mut bytes = [0; 32];
    // Its length counts the sign bit, the one place where a longer form puts it elsewhere.
    if usize::from(encode(number, &mut bytes).map_err(|_| too_long)?) > size {
        return Err(too_long);
    }
    let mut sized = number.unsigned_abs().to_le_bytes();
    if number < 0 {
        *sized.get_mut(size - 1).ok_or(too_long)? |= 0x80;
    }
    Ok(sized)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(number: i64) -> Vec<u8> {
        let mut bytes = [0; 32];
        let len = encode(number, &mut bytes).unwrap();
        bytes[..usize::from(len)].to_vec()
    }

    #[test]
    fn a_number_comes_back_as_it_was() {
        for number in
            [0, 1, -1, 127, 128, -128, 255, 256, -32768, 1 << 31, i64::MAX, -i64::MAX, 0x80_0000]
        {
            assert_eq!(decode(&written(number), true, 8), Ok(number), "{number}");
        }
        assert_eq!(written(-128), [0x80, 0x80]);
        assert_eq!(written(i64::MAX).len(), 8);
    }

    #[test]
    fn the_least_number_cannot_be_written() {
        let error = ScriptError::NumberTooLong { number: i64::MIN, limit: 8 };
        assert_eq!(encode(i64::MIN, &mut [0; 32]), Err(error));
    }

    #[test]
    fn a_longer_form_is_read_only_where_it_is_allowed() {
        for (bytes, number) in [(&[0_u8][..], 0), (&[0x80], 0), (&[1, 0], 1), (&[1, 0x80], -1)] {
            assert_eq!(decode(bytes, true, 8), Err(ScriptError::NotMinimal));
            assert_eq!(decode(bytes, false, 8), Ok(number));
        }
        assert_eq!(decode(&[0xff, 0], true, 8), Ok(255));
        assert_eq!(decode(&[1; 5], true, 4), Err(ScriptError::NumberTooBig { limit: 4 }));
        assert_eq!(decode(&[1; 9], false, 8), Err(ScriptError::NumberTooBig { limit: 8 }));
    }

    #[test]
    fn a_number_of_fixed_size_has_its_sign_in_the_last_byte() {
        assert_eq!(encode_sized(-1, 4).unwrap()[..4], [1, 0, 0, 0x80]);
        assert_eq!(encode_sized(0, 0).unwrap(), [0; 8]);
        assert_eq!(encode_sized(127, 1).unwrap()[0], 127);
        assert!(encode_sized(128, 1).is_err());
        assert!(encode_sized(1, 0).is_err());
        assert!(encode_sized(i64::MIN, 8).is_err());
    }
}
