//! The checksum each stored value carries.
//!
//! One engine verifies its blocks on every read, the other only when it repairs after a crash. So that "a damaged
//! value is an error" holds on every engine, a value is stored as `crc32c(table ‖ 0 ‖ key ‖ value), big-endian` and then the
//! value. Covering table and key also catches a value that turns up under a wrong key.

use crc::{CRC_32_ISCSI, Crc, Digest, Table};

use crate::codec::DecodeError;

/// Bytes the checksum takes in front of a value.
pub(crate) const CHECKSUM_BYTES: usize = 4;

const CRC32C: Crc<u32, Table<16>> = Crc::<u32, Table<16>>::new(&CRC_32_ISCSI);
static CRC32C_TABLES: Crc<u32, Table<16>> = CRC32C;

/// A running CRC-32C.
pub(crate) type Running = Digest<'static, u32, Table<16>>;

/// Starts a CRC-32C (Castagnoli).
pub(crate) fn crc32c() -> Running {
    CRC32C_TABLES.digest()
}

fn of_record(table: &str, key: &[u8], value: &[u8]) -> u32 {
    let mut digest = crc32c();
    digest.update(table.as_bytes());
    digest.update(&[0]); // ends the name: table names contain no zero byte
    digest.update(key);
    digest.update(value);
    digest.finalize()
}

/// Fills in the checksum in front of `sealed`, whose first four bytes were left for it.
pub(crate) fn seal(table: &str, key: &[u8], sealed: &mut [u8]) {
    if let Some((checksum, value)) = sealed.split_first_chunk_mut::<CHECKSUM_BYTES>() {
        *checksum = of_record(table, key, value).to_be_bytes();
    }
}

/// Returns the value inside `sealed`.
///
/// # Errors
///
/// [`DecodeError`] if it is too short to carry a checksum, or the checksum differs.
pub(crate) fn unseal<'a>(
    table: &str,
    key: &[u8],
    sealed: &'a [u8],
) -> Result<&'a [u8], DecodeError> {
    let Some((checksum, value)) = sealed.split_first_chunk::<CHECKSUM_BYTES>() else {
        return Err(DecodeError::Truncated { expected: CHECKSUM_BYTES, actual: sealed.len() });
    };
    let expected = u32::from_be_bytes(*checksum);
    let actual = of_record(table, key, value);
    if expected == actual { Ok(value) } else { Err(DecodeError::Checksum { expected, actual }) }
}
