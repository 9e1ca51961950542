//! What an operator grants peers beyond what everybody may: by their address, or by the address they connected to.
//!
//! ```text
//!   -whitebind=PERMISSIONS@ADDRESS:PORT ──► the listener ──┐
//!   -whitelist=PERMISSIONS@SUBNET ─────────────────────────┴──► Peer::permissions
//! ```
//!
//! **Spec:** Bitcoin Core, `net_permissions.h`, `NetPermissions::TryParsePermissionFlags`, `CConnman::AddWhitelistPermissionFlags`.

use std::net::{IpAddr, SocketAddr};

use bitflags::bitflags;
use quintet_net::Subnet;
use thiserror::Error;

bitflags! {
    /// What a peer may that others may not.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
    pub struct Permissions: u32 {
        /// It may filter what it is sent. Kept and shown; there are no filters here (BIP-0037).
        const BLOOM_FILTER = 1 << 1;
        /// Transactions of it are passed on even if they are in the pool already. Implies [`Permissions::RELAY`].
        const FORCE_RELAY = 1 << 2 | Self::RELAY.bits();
        /// Its transactions are taken even where blocks alone are wanted, and as many announcements as it makes.
        const RELAY = 1 << 3;
        /// It is not disconnected or turned away for misbehaviour. Implies [`Permissions::DOWNLOAD`].
        const NO_BAN = 1 << 4 | Self::DOWNLOAD.bits();
        /// It may ask for the names of everything in the pool (BIP-0035).
        const MEMPOOL = 1 << 5;
        /// It is served headers while our chain shows too little work for others.
        const DOWNLOAD = 1 << 6;
        /// Its questions for addresses are answered anew each time.
        const ADDR = 1 << 7;
        /// Nothing was said: what goes without saying, see [`Grants::of`].
        const IMPLICIT = 1 << 31;
    }
}

/// Names, in the order in which Bitcoin Core lists them.
const NAMES: [(Permissions, &str); 7] = [
    (Permissions::BLOOM_FILTER, "bloomfilter"),
    (Permissions::NO_BAN, "noban"),
    (Permissions::FORCE_RELAY, "forcerelay"),
    (Permissions::RELAY, "relay"),
    (Permissions::MEMPOOL, "mempool"),
    (Permissions::DOWNLOAD, "download"),
    (Permissions::ADDR, "addr"),
];

impl Permissions {
    /// Everything that has a name.
    const EVERYTHING: Self = Self::all().difference(Self::IMPLICIT);

    /// Returns the names of what is granted.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        NAMES.into_iter().filter(move |(flag, _)| self.contains(*flag)).map(|(_, name)| name)
    }
}

/// Text that grants nothing.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PermissionError {
    /// There is no such permission.
    #[error("Invalid P2P permission: '{actual}'")]
    Unknown {
        /// What was written.
        actual: String,
    },
    /// Peers we dial do not come to a listener.
    #[error("whitebind may only be used for incoming connections (\"out\" was passed)")]
    OutOfListener,
    /// A direction grants nothing by itself.
    #[error("Only direction was set, no permissions: '{actual}'")]
    DirectionAlone {
        /// What was written.
        actual: String,
    },
    /// What follows the permissions is no subnet.
    #[error("Invalid netmask specified in -whitelist: '{actual}'")]
    Subnet {
        /// What was written.
        actual: String,
    },
    /// What follows the permissions is no address.
    #[error("Cannot resolve -whitebind address: '{actual}'")]
    Address {
        /// What was written.
        actual: String,
    },
    /// A listener needs a port.
    #[error("Need to specify a port with -whitebind: '{actual}'")]
    Port {
        /// What was written.
        actual: String,
    },
}

/// What stands in front of the `@`.
struct Written<'a> {
    permissions: Permissions,
    inbound: bool,
    outbound: bool,
    /// What follows the `@`.
    rest: &'a str,
}

fn parse(text: &str) -> Result<Written<'_>, PermissionError> {
    let Some((list, rest)) = text.split_once('@') else {
        let permissions = Permissions::IMPLICIT;
        return Ok(Written { permissions, inbound: true, outbound: false, rest: text });
    };
    let mut permissions = Permissions::empty();
    let (mut inbound, mut outbound) = (false, false);
    for name in list.split(',').filter(|name| !name.is_empty()) {
        match name {
            "in" => inbound = true,
            "out" => outbound = true,
            "all" => permissions |= Permissions::EVERYTHING,
            "bloom" => permissions |= Permissions::BLOOM_FILTER,
            name => {
                let found = NAMES.into_iter().find(|(_, known)| *known == name);
                let unknown = || PermissionError::Unknown { actual: name.to_owned() };
                permissions |= found.ok_or_else(unknown)?.0;
            }
        }
    }
    let directed = inbound || outbound;
    if directed && permissions.is_empty() {
        return Err(PermissionError::DirectionAlone { actual: text.to_owned() });
    }
    Ok(Written { permissions, inbound: inbound || !directed, outbound, rest })
}

/// Permissions of the peers of a subnet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WhiteList {
    permissions: Permissions,
    inbound: bool,
    outbound: bool,
    subnet: Subnet,
}

impl WhiteList {
    /// Reads `PERMISSION,…@SUBNET`, or `SUBNET` for what goes without saying.
    ///
    /// # Errors
    ///
    /// [`PermissionError`] with what is wrong.
    pub fn parse(text: &str) -> Result<Self, PermissionError> {
        let Written { permissions, inbound, outbound, rest } = parse(text)?;
        let wrong = |_| PermissionError::Subnet { actual: rest.to_owned() };
        Ok(Self { permissions, inbound, outbound, subnet: rest.parse().map_err(wrong)? })
    }
}

/// An address to listen on whose peers have permissions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WhiteBind {
    /// What they may.
    pub permissions: Permissions,
    /// Where to listen.
    pub address: SocketAddr,
}

impl WhiteBind {
    /// Reads `PERMISSION,…@ADDRESS:PORT`, or `ADDRESS:PORT` for what goes without saying.
    ///
    /// # Errors
    ///
    /// [`PermissionError`] with what is wrong.
    pub fn parse(text: &str) -> Result<Self, PermissionError> {
        let Written { permissions, outbound, rest, .. } = parse(text)?;
        if outbound {
            return Err(PermissionError::OutOfListener);
        }
        let actual = || rest.to_owned();
        if rest.parse::<IpAddr>().is_ok() {
            return Err(PermissionError::Port { actual: actual() });
        }
        let address: SocketAddr =
            rest.parse().map_err(|_| PermissionError::Address { actual: actual() })?;
        if address.port() == 0 {
            return Err(PermissionError::Port { actual: actual() });
        }
        Ok(Self { permissions, address })
    }
}

/// Everything the operator grants by address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grants {
    /// Subnets with what their peers may.
    pub lists: Vec<WhiteList>,
    /// Whether [`Permissions::RELAY`] goes without saying (`-whitelistrelay`).
    pub relay: bool,
    /// Whether [`Permissions::FORCE_RELAY`] does (`-whitelistforcerelay`).
    pub force_relay: bool,
}

impl Default for Grants {
    fn default() -> Self {
        Self { lists: Vec::new(), relay: true, force_relay: false }
    }
}

impl Grants {
    /// Returns what a peer may, given what its listener grants.
    #[must_use]
    pub fn of(&self, ip: IpAddr, inbound: bool, listener: Permissions) -> Permissions {
        let mut granted = listener;
        for list in &self.lists {
            let way = if inbound { list.inbound } else { list.outbound };
            if way && list.subnet.contains(ip) {
                granted |= list.permissions;
            }
        }
        if granted.contains(Permissions::IMPLICIT) {
            granted.remove(Permissions::IMPLICIT);
            granted |= Permissions::MEMPOOL | Permissions::NO_BAN;
            if self.relay {
                granted |= Permissions::RELAY;
            }
            if self.force_relay {
                granted |= Permissions::FORCE_RELAY;
            }
        }
        granted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    fn granted(text: &str, inbound: bool) -> Vec<&'static str> {
        let lists = vec![WhiteList::parse(text).unwrap()];
        let grants = Grants { lists, ..Grants::default() };
        grants.of(HERE, inbound, Permissions::empty()).names().collect()
    }

    #[test]
    fn a_subnet_grants_what_is_written_and_what_that_implies() {
        for (text, expected) in [
            ("127.0.0.1", &["noban", "relay", "mempool", "download"][..]),
            ("@127.0.0.1", &[]),
            ("noban@127.0.0.0/8", &["noban", "download"]),
            ("forcerelay,in@127.0.0.1", &["forcerelay", "relay"]),
            ("noban,,mempool@127.0.0.1", &["noban", "mempool", "download"]),
            ("noban@192.0.2.0/24", &[]),
            ("noban,out@127.0.0.1", &[]),
            (
                "all@127.0.0.1",
                &["bloomfilter", "noban", "forcerelay", "relay", "mempool", "download", "addr"],
            ),
        ] {
            assert_eq!(granted(text, true), expected, "{text}");
        }
        assert_eq!(granted("noban,out@127.0.0.1", false), ["noban", "download"]);
        assert_eq!(granted("noban@127.0.0.1", false), [""; 0], "it is for those who dial us");
    }

    #[test]
    fn what_goes_without_saying_can_be_changed() {
        let lists = vec![WhiteList::parse("127.0.0.1").unwrap()];
        let of = |relay, force_relay| {
            let grants = Grants { lists: lists.clone(), relay, force_relay };
            grants.of(HERE, true, Permissions::empty())
        };
        assert!(!of(false, false).contains(Permissions::RELAY));
        assert!(of(true, true).contains(Permissions::FORCE_RELAY));
    }

    #[test]
    fn a_listener_s_permissions_and_a_subnet_s_come_together() {
        let bind = WhiteBind::parse("bloomfilter,forcerelay@127.0.0.1:18444").unwrap();
        let lists = vec![WhiteList::parse("noban@127.0.0.1").unwrap()];
        let grants = Grants { lists, ..Grants::default() };
        let names: Vec<_> = grants.of(HERE, true, bind.permissions).names().collect();
        assert_eq!(names, ["bloomfilter", "noban", "forcerelay", "relay", "download"]);
    }

    #[test]
    fn nonsense_is_refused_in_bitcoin_core_s_words() {
        for (text, expected) in [
            ("in,out@127.0.0.1", "Only direction was set, no permissions: 'in,out@127.0.0.1'"),
            ("oopsie@127.0.0.1", "Invalid P2P permission: 'oopsie'"),
            ("noban@127.0.0.1:230", "Invalid netmask specified in -whitelist: '127.0.0.1:230'"),
        ] {
            assert_eq!(WhiteList::parse(text).unwrap_err().to_string(), expected);
        }
        for (text, expected) in [
            ("noban@127.0.0.1/10", "Cannot resolve -whitebind address: '127.0.0.1/10'"),
            ("noban@127.0.0.1", "Need to specify a port with -whitebind: '127.0.0.1'"),
            (
                "noban,out@127.0.0.1:1",
                "whitebind may only be used for incoming connections (\"out\" was passed)",
            ),
        ] {
            assert_eq!(WhiteBind::parse(text).unwrap_err().to_string(), expected);
        }
    }
}
