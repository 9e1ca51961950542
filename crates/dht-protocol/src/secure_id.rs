//! Node ids tied to their owner's address, so that nobody can pick ids around a key at will.
//!
//! The first 21 bits of an id must be those of a CRC-32C of the masked address and three bits `r` of
//! the id's last byte: an address has eight places in the key space, a /24 hardly more.
//!
//! Queries of nodes with a wrong id are answered all the same; they come last in the table, and
//! lookups prefer others. Addresses of local ranges are exempt.
//!
//! **Spec:** BEP 42.

use core::net::IpAddr;

use quintet_crypto::crc32c;
use quintet_primitives::addr;
use rand::{Rng, RngExt};

use crate::key::Key;

/// Which address bits count for IPv4: fewer of the ones one owner can vary.
const MASK_V4: [u8; 4] = [0x03, 0x0f, 0x3f, 0xff];

/// Which bits of the first eight address bytes count for IPv6.
const MASK_V6: [u8; 8] = [0x01, 0x03, 0x07, 0x0f, 0x1f, 0x3f, 0x7f, 0xff];

/// Returns the CRC-32C of the masked address and the low three bits of `r`.
#[must_use]
pub fn checksum(ip: IpAddr, r: u8) -> u32 {
    let r = (r & 0x7) << 5;
    match ip.to_canonical() {
        IpAddr::V4(ip) => {
            let mut masked = ip.octets();
            masked.iter_mut().zip(MASK_V4).for_each(|(byte, mask)| *byte &= mask);
            masked[0] |= r;
            crc32c(&masked)
        }
        IpAddr::V6(ip) => {
            let octets = ip.octets();
            let mut masked = MASK_V6;
            masked.iter_mut().zip(octets).for_each(|(mask, byte)| *mask &= byte);
            masked[0] |= r;
            crc32c(&masked)
        }
    }
}

/// Returns whether `id` is one that `ip` may have. Every id is, for an address of a local range.
#[must_use]
pub fn is_valid(id: Key, ip: IpAddr) -> bool {
    if addr::is_local(ip) {
        return true;
    }
    let id = id.as_bytes();
    let [a, b, c, _] = checksum(ip, id[Key::LEN - 1]).to_be_bytes();
    id[0] == a && id[1] == b && id[2] & 0xf8 == c & 0xf8
}

/// Makes an id for `ip`: 21 bits from the checksum, the last byte `r`, the rest random.
#[must_use]
pub fn generate(ip: IpAddr, r: u8, rng: &mut impl Rng) -> Key {
    let mut id = Key::random(rng).into_bytes();
    let [a, b, c, _] = checksum(ip, r).to_be_bytes();
    id[0] = a;
    id[1] = b;
    id[2] = (c & 0xf8) | (id[2] & 0x07);
    id[Key::LEN - 1] = r;
    Key::new(id)
}

/// Makes an id for `ip` with a random `r`.
#[must_use]
pub fn generate_any(ip: IpAddr, rng: &mut impl Rng) -> Key {
    let r = rng.random();
    generate(ip, r, rng)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rand::{SeedableRng, rngs::StdRng};

    use super::*;

    proptest! {
        #[test]
        fn a_generated_id_is_valid_for_its_address(v4: [u8; 4], v6: [u8; 16], r: u8, seed: u64) {
            let mut rng = StdRng::seed_from_u64(seed);
            for ip in [IpAddr::from(v4), IpAddr::from(v6)] {
                prop_assert!(is_valid(generate(ip, r, &mut rng), ip));
                prop_assert!(is_valid(generate_any(ip, &mut rng), ip));
            }
        }

        #[test]
        fn the_first_21_bits_count_and_no_others(bit in 0_usize..152, seed: u64) {
            let ip = IpAddr::from([124, 31, 75, 21]);
            let mut id = generate(ip, 1, &mut StdRng::seed_from_u64(seed)).into_bytes();
            id[bit / 8] ^= 0x80 >> (bit % 8);
            prop_assert_eq!(is_valid(Key::new(id), ip), bit >= 21);
        }
    }
}
