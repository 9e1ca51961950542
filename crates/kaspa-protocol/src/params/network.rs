//! The networks by name, port and address prefix.
//!
//! **Spec:** rusty-kaspa's `consensus/core/src/network.rs`.

use core::{fmt, str::FromStr};

use thiserror::Error;

use crate::address::Prefix;

/// A network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Network {
    /// The main network.
    Mainnet,
    /// The public test network.
    Testnet10,
    /// Networks of simulations.
    Simnet,
    /// Networks of developers.
    Devnet,
}

/// A name of no network.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("expected mainnet, testnet-10, simnet or devnet, got {actual:?}")]
pub struct NetworkNameError {
    /// The name.
    pub actual: String,
}

impl Network {
    /// Every network.
    pub const ALL: [Self; 4] = [Self::Mainnet, Self::Testnet10, Self::Simnet, Self::Devnet];

    /// Returns its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Mainnet => "mainnet",
            Self::Testnet10 => "testnet-10",
            Self::Simnet => "simnet",
            Self::Devnet => "devnet",
        }
    }

    /// Returns the name peers and clients know it by.
    #[must_use]
    pub const fn prefixed_name(self) -> &'static str {
        match self {
            Self::Mainnet => "kaspa-mainnet",
            Self::Testnet10 => "kaspa-testnet-10",
            Self::Simnet => "kaspa-simnet",
            Self::Devnet => "kaspa-devnet",
        }
    }

    /// Returns the prefix of its addresses.
    #[must_use]
    pub const fn address_prefix(self) -> Prefix {
        match self {
            Self::Mainnet => Prefix::Mainnet,
            Self::Testnet10 => Prefix::Testnet,
            Self::Simnet => Prefix::Simnet,
            Self::Devnet => Prefix::Devnet,
        }
    }

    /// Returns the port for gRPC clients.
    #[must_use]
    pub const fn grpc_port(self) -> u16 {
        match self {
            Self::Mainnet => 16_110,
            Self::Testnet10 => 16_210,
            Self::Simnet => 16_510,
            Self::Devnet => 16_610,
        }
    }

    /// Returns the port for peers.
    #[must_use]
    pub const fn p2p_port(self) -> u16 {
        self.grpc_port() + 1
    }

    /// Returns the port for wRPC clients that speak Borsh.
    #[must_use]
    pub const fn wrpc_borsh_port(self) -> u16 {
        self.grpc_port() + 1000
    }

    /// Returns the port for wRPC clients that speak JSON.
    #[must_use]
    pub const fn wrpc_json_port(self) -> u16 {
        self.grpc_port() + 2000
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Network {
    type Err = NetworkNameError;

    fn from_str(text: &str) -> Result<Self, NetworkNameError> {
        let named = |network: &&Self| network.name() == text || network.prefixed_name() == text;
        let unknown = || NetworkNameError { actual: text.to_owned() };
        Self::ALL.iter().find(named).copied().ok_or_else(unknown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_are_found_by_either_name() {
        for network in Network::ALL {
            assert_eq!(network.name().parse(), Ok(network));
            assert_eq!(network.prefixed_name().parse(), Ok(network));
        }
        assert!("testnet".parse::<Network>().is_err(), "a test network has a number");
    }
}
