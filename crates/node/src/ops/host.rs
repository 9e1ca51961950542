//! Which `Host` headers are answered: the defence against DNS rebinding.
//!
//! An attack needs a *name* that its owner can point at our address; a browser that was given an IP
//! address has not been deceived. So addresses and `localhost` are answered, and those names the
//! operator lists.

use std::net::{IpAddr, Ipv6Addr};

/// Names that are answered besides `localhost` and IP addresses, in lower case.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HostPolicy {
    names: Vec<String>,
}

impl HostPolicy {
    /// Also answers these names; letter case does not count.
    #[must_use]
    pub fn new(names: impl IntoIterator<Item = String>) -> Self {
        Self { names: names.into_iter().map(|name| name.to_ascii_lowercase()).collect() }
    }

    /// Whether a request for this `Host` (a name or address, with or without a port) is answered.
    #[must_use]
    pub fn allows(&self, host: &str) -> bool {
        let Some(name) = without_port(host) else { return false };
        let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
        name == "localhost" || name.parse::<IpAddr>().is_ok() || self.names.contains(&name)
    }
}

/// The host of `host[:port]` or `[v6][:port]`; none if it is neither.
fn without_port(host: &str) -> Option<&str> {
    let is_port = |port: &str| port.parse::<u16>().is_ok();
    if let Some(rest) = host.strip_prefix('[') {
        let (address, rest) = rest.split_once(']')?;
        address.parse::<Ipv6Addr>().ok()?;
        return (rest.is_empty() || rest.strip_prefix(':').is_some_and(is_port)).then_some(address);
    }
    match host.split_once(':') {
        None => Some(host),
        Some((name, port)) => is_port(port).then_some(name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_addresses_localhost_and_listed_names() {
        let policy = HostPolicy::new(["Node.Example.org".to_owned()]);
        for host in [
            "localhost",
            "LOCALHOST:9640",
            "127.0.0.1:9640",
            "192.0.2.7",
            "[::1]:9640",
            "[::1]",
            "node.example.org",
            "node.example.org.:9640",
        ] {
            assert!(policy.allows(host), "{host}");
        }
    }

    #[test]
    fn refuses_other_names_and_nonsense() {
        let policy = HostPolicy::new(["node.example.org".to_owned()]);
        for host in [
            "",
            "attacker.example",
            "127.0.0.1.attacker.example:9640",
            "localhost.attacker.example",
            "node.example.org:port",
            "[::1",
            "[localhost]",
            "[::1]x",
            "a:b:c",
        ] {
            assert!(!policy.allows(host), "{host}");
        }
    }
}
