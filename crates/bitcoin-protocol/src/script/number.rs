//! Numbers on the stack: little-endian, the sign in the top bit of the last byte, zero empty.
//!
//! Operands have at most four bytes, but results may have five and are then good for nothing but
//! comparing bytes: that is what keeps arithmetic within 64 bits. Lock times are read from five.
//!
//! Bitcoin Core's `CScriptNum`.

use super::ScriptError;

/// Longest operand of arithmetic, bytes.
pub(super) const OPERAND_SIZE_MAX: usize = 4;

/// Longest lock time, bytes: four and a sign, for times after 2038.
pub(super) const LOCK_TIME_SIZE_MAX: usize = 5;

/// Reads a number of at most `size_max` (at most 8) bytes; in its shortest form if `minimal`.
pub(super) fn decode(bytes: &[u8], minimal: bool, size_max: usize) -> Result<i64, ScriptError> {
    if bytes.len() > size_max {
        return Err(ScriptError::Scriptnum);
    }
    let Some((&last, rest)) = bytes.split_last() else { return Ok(0) };
    // The last byte holds nothing but a sign: allowed only where the byte before needs its top bit.
    let spare = last & 0x7f == 0 && rest.last().is_none_or(|before| before & 0x80 == 0);
    if minimal && spare {
        return Err(ScriptError::Scriptnum);
    }
    let magnitude = rest
        .iter()
        .rev()
        .fold(i64::from(last & 0x7f), |number, byte| number << 8 | i64::from(*byte));
    Ok(if last & 0x80 == 0 { magnitude } else { -magnitude })
}

/// Writes `value` in its shortest form to the front of `out` and returns the length, at most nine.
pub(super) fn encode(value: i64, out: &mut [u8; 32]) -> u8 {
    let mut left = value.unsigned_abs();
    let mut len = 0;
    let mut last = 0;
    while left != 0 {
        last = left.to_le_bytes()[0];
        out[usize::from(len)] = last;
        len += 1;
        left >>= 8;
    }
    let sign = if value < 0 { 0x80 } else { 0 };
    if last & 0x80 != 0 {
        out[usize::from(len)] = sign;
        len += 1;
    } else if len > 0 {
        out[usize::from(len) - 1] |= sign;
    }
    len
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(value: i64) -> Vec<u8> {
        let mut out = [0; 32];
        let len = encode(value, &mut out);
        out[..usize::from(len)].to_vec()
    }

    #[test]
    fn numbers_come_back_from_their_shortest_form() {
        let edges = [0, 1, 127, 128, 255, 256, 32_767, 32_768, 8_388_607, 8_388_608, (1 << 31) - 1];
        for value in edges.into_iter().flat_map(|value| [value, -value]) {
            assert_eq!(decode(&encoded(value), true, OPERAND_SIZE_MAX), Ok(value));
        }
        assert_eq!(encoded(-255), [0xff, 0x80]);
        assert_eq!(encoded(1 << 31), [0, 0, 0, 0x80, 0]);
        assert_eq!(encoded(i64::MIN).len(), 9);
    }

    #[test]
    fn longer_forms_are_read_unless_the_shortest_is_required() {
        let forms: [(&[u8], i64); 5] =
            [(&[0], 0), (&[0x80], 0), (&[1, 0], 1), (&[1, 0x80], -1), (&[0x7f, 0, 0], 127)];
        for (bytes, value) in forms {
            assert_eq!(decode(bytes, false, 4), Ok(value));
            assert_eq!(decode(bytes, true, 4), Err(ScriptError::Scriptnum));
        }
        assert_eq!(decode(&[0x80, 0], true, 4), Ok(128));
    }

    #[test]
    fn a_number_longer_than_its_place_allows_is_refused() {
        assert_eq!(decode(&[0; 5], false, 4), Err(ScriptError::Scriptnum));
        assert_eq!(decode(&[0xff, 0xff, 0xff, 0xff, 0], true, 5), Ok(0xffff_ffff));
        assert_eq!(decode(&[0; 6], false, 5), Err(ScriptError::Scriptnum));
    }
}
