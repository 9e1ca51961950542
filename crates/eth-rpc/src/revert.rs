//! Why a contract reverted, in words: `Error(string)` and `Panic(uint256)`.
//!
//! **Spec:** Solidity documentation, "Panic via assert and Error via require"; go-ethereum's `accounts/abi.UnpackRevert`.

use alloy_primitives::U256;

/// `Error(string)`.
const ERROR: [u8; 4] = [0x08, 0xc3, 0x79, 0xa0];
/// `Panic(uint256)`.
const PANIC: [u8; 4] = [0x4e, 0x48, 0x7b, 0x71];
/// Longest reason put into a message, in bytes; the data holds all of it.
const REASON_BYTES_MAX: usize = 4096;

/// Returns the reason, if the output has one of the usual forms.
pub(crate) fn reason(output: &[u8]) -> Option<String> {
    let (selector, rest) = output.split_first_chunk::<4>()?;
    match *selector {
        ERROR => text(rest),
        PANIC => {
            let code = U256::from_be_slice(rest.get(..32)?);
            Some(panic_words(code))
        }
        _ => None,
    }
}

fn text(data: &[u8]) -> Option<String> {
    let word = |at: usize| -> Option<usize> {
        usize::try_from(U256::from_be_slice(data.get(at..at.checked_add(32)?)?)).ok()
    };
    let at = word(0)?;
    let length = word(at)?.min(REASON_BYTES_MAX);
    let start = at.checked_add(32)?;
    let bytes = data.get(start..start.checked_add(length)?)?;
    Some(String::from_utf8_lossy(bytes).into_owned())
}

fn panic_words(code: U256) -> String {
    match u64::try_from(code) {
        Ok(0x00) => "generic panic".to_owned(),
        Ok(0x01) => "assert(false)".to_owned(),
        Ok(0x11) => "arithmetic underflow or overflow".to_owned(),
        Ok(0x12) => "division or modulo by zero".to_owned(),
        Ok(0x21) => "enum overflow".to_owned(),
        Ok(0x22) => "invalid encoded storage byte array accessed".to_owned(),
        Ok(0x31) => "out-of-bounds array access; popping on an empty array".to_owned(),
        Ok(0x32) => "out-of-bounds access of an array or bytesN".to_owned(),
        Ok(0x41) => "out of memory".to_owned(),
        Ok(0x51) => "uninitialized function".to_owned(),
        _ => format!("unknown panic code: {code:#x}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_told_by_its_meaning() {
        let mut output = PANIC.to_vec();
        output.extend_from_slice(&U256::from(0x12).to_be_bytes::<32>());
        assert_eq!(reason(&output).as_deref(), Some("division or modulo by zero"));
    }

    #[test]
    fn a_reason_that_claims_to_be_longer_than_it_is_is_none() {
        let mut output = ERROR.to_vec();
        output.extend_from_slice(&U256::from(32).to_be_bytes::<32>());
        output.extend_from_slice(&U256::from(5).to_be_bytes::<32>());
        output.extend_from_slice(b"hell");
        assert_eq!(reason(&output), None);
        output.push(b'o');
        assert_eq!(reason(&output).as_deref(), Some("hello"));
        for length in 0..output.len() - 1 {
            assert_eq!(reason(&output[..length]), None);
        }
    }

    #[test]
    fn an_offset_beyond_all_numbers_is_no_reason() {
        let mut output = ERROR.to_vec();
        output.extend_from_slice(&[0xff; 96]);
        assert_eq!(reason(&output), None);
    }
}
