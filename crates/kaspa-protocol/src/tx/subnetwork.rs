//! Subnetworks, which since Toccata are lanes: which part of the ledger a transaction belongs to.
//!
//! **Spec:** rusty-kaspa's `consensus/core/src/subnets.rs`; KIP-21 for lanes of users.

use core::fmt;

use quintet_primitives::hex;

/// Twenty bytes that name a subnetwork.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct SubnetworkId([u8; 20]);

impl SubnetworkId {
    /// Length in bytes.
    pub const LEN: usize = 20;

    /// Leading bytes that a user's lane may choose; zeros follow.
    pub const NAMESPACE_LEN: usize = 4;

    /// Plain transactions.
    pub const NATIVE: Self = Self([0; 20]);

    /// Coinbases.
    pub const COINBASE: Self = Self::reserved(1);

    /// The registry of subnetworks, which was never put to use.
    pub const REGISTRY: Self = Self::reserved(2);

    /// Wraps the bytes as they are.
    #[must_use]
    pub const fn new(bytes: [u8; 20]) -> Self {
        Self(bytes)
    }

    /// Returns the bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 20] {
        &self.0
    }

    /// Returns whether this is [`Self::NATIVE`].
    #[must_use]
    pub fn is_native(&self) -> bool {
        *self == Self::NATIVE
    }

    /// Returns whether every node has to know its rules, which allow no gas.
    #[must_use]
    pub fn is_builtin(&self) -> bool {
        *self == Self::COINBASE || *self == Self::REGISTRY
    }

    /// Returns whether it has the form of a user's lane: a namespace of four bytes, of which the last
    /// three are not all zero, then zeros. One byte and zeros are names the rules keep for themselves.
    #[must_use]
    pub fn is_user_lane(&self) -> bool {
        let (namespace, tail) = self.0.split_at(Self::NAMESPACE_LEN);
        tail.iter().all(|byte| *byte == 0) && namespace.iter().skip(1).any(|byte| *byte != 0)
    }

    const fn reserved(first: u8) -> Self {
        let mut bytes = [0; 20];
        bytes[0] = first;
        Self(bytes)
    }
}

impl fmt::Display for SubnetworkId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(&self.0))
    }
}

impl fmt::Debug for SubnetworkId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_users_lane_is_a_namespace_and_zeros() {
        let id = |start: &[u8]| {
            let mut bytes = [0; 20];
            bytes[..start.len()].copy_from_slice(start);
            SubnetworkId::new(bytes)
        };
        assert!(id(&[0, 0, 0, 1]).is_user_lane());
        assert!(id(b"lane").is_user_lane());
        for other in [id(&[]), SubnetworkId::COINBASE, id(&[7]), id(&[1, 1, 1, 1, 1])] {
            assert!(!other.is_user_lane(), "{other}");
        }
    }
}
