//! Arguments in Bitcoin Core's spelling: `-name=value` on the command line, `name=value` in `bitcoin.conf`.
//!
//! ```text
//!   command line ──► -conf, -datadir, network ──► bitcoin.conf: top, then [network] ──► values; the command line wins
//! ```
//!
//! A name that is not known is refused on the command line and passed over, with a warning, in the file, as Bitcoin Core does.
//!
//! **Spec:** Bitcoin Core, `ArgsManager`, `GetConfigOptions`, `doc/bitcoin-conf.md`.

use std::{collections::BTreeMap, path::Path};

use crate::exit::UsageError;

/// What is understood and has an effect.
const KNOWN: &[&str] = &[
    "acceptnonstdtxn",
    "addnode",
    "assumevalid",
    "bind",
    "blocksonly",
    "chain",
    "conf",
    "connect",
    "datacarrier",
    "datacarriersize",
    "datadir",
    "dbcache",
    "debug",
    "dustrelayfee",
    "fastprune",
    "incrementalrelayfee",
    "listen",
    "maxconnections",
    "maxmempool",
    "maxtipage",
    "mempoolexpiry",
    "minimumchainwork",
    "minrelaytxfee",
    "mocktime",
    "par",
    "peertimeout",
    "permitbaremultisig",
    "persistmempool",
    "port",
    "printtoconsole",
    "prune",
    "regtest",
    "reindex",
    "reindex-chainstate",
    "rpcbind",
    "rpccookiefile",
    "rpcpassword",
    "rpcport",
    "rpcservertimeout",
    "rpcuser",
    "signet",
    "server",
    "signetchallenge",
    "test",
    "testactivationheight",
    "testnet",
    "testnet4",
    "txindex",
    "uacomment",
    "vbparams",
    "whitebind",
    "whitelist",
    "whitelistforcerelay",
    "whitelistrelay",
];

/// What is understood and has no effect here, whatever its value: nothing that would do harm by not happening.
const WITHOUT_EFFECT: &[&str] = &[
    "debugexclude",
    "discover",
    "dnsseed",
    "fallbackfee",
    "fixedseeds",
    "keypool",
    "listenonion",
    "loglevel",
    "logratelimit",
    "logsourcelocations",
    "logthreadnames",
    "logtimemicros",
    "logtimestamps",
    "natpmp",
    "prevoutfetchthreads",
    "rpcdoccheck",
    "rpcthreads",
    "rpcworkqueue",
    "shrinkdebugfile",
    "unsafesqlitesync",
    "v2transport",
    "disablewallet",
    "daemon",
    "timeout",
    "rpcallowip",
];

/// Networks, by their switches.
const NETWORKS: [(&str, &str); 4] =
    [("regtest", "regtest"), ("signet", "signet"), ("testnet", "test"), ("testnet4", "testnet4")];

/// Names that the top of the file sets for the main network alone.
const OWN_SECTION: [&str; 7] =
    ["addnode", "bind", "connect", "port", "rpcbind", "rpcport", "whitebind"];

/// Every value given, in order, by name.
#[derive(Debug, Default)]
pub(super) struct Arguments {
    given: BTreeMap<String, Vec<String>>,
    filed: BTreeMap<String, Vec<String>>,
}

impl Arguments {
    /// Reads the command line.
    pub(super) fn parse(words: &[String]) -> Result<Self, UsageError> {
        let mut arguments = Self::default();
        for word in words {
            let Some(bare) = word.strip_prefix("--").or_else(|| word.strip_prefix('-')) else {
                return Err(refused(format!(
                    "Command line contains unexpected token '{word}', see `quintet bitcoin run -h` for a list of options."
                )));
            };
            let (name, value) = split(bare);
            if !is_known(&name) {
                return Err(refused(format!(
                    "Error parsing command line arguments: Invalid parameter {word}"
                )));
            }
            arguments.given.entry(name).or_default().push(value);
        }
        Ok(arguments)
    }

    /// Reads a file, for the network named.
    pub(super) fn read_file(&mut self, path: &Path, network: &str) -> Result<(), UsageError> {
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(_) if self.values("conf").is_empty() => return Ok(()),
            Err(error) => {
                return Err(refused(format!(
                    "specified config file \"{}\" could not be opened: {error}",
                    path.display()
                )));
            }
        };
        let mut section = String::new();
        for (number, line) in (1..).zip(text.lines()) {
            let line = line.split('#').next().unwrap_or_default().trim();
            if line.is_empty() {
                continue;
            }
            if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
                name.clone_into(&mut section);
                continue;
            }
            let Some((name, value)) = line.split_once('=') else {
                return Err(refused(format!(
                    "parse error on line {number}: {line}, options in configuration file must be specified without leading -"
                )));
            };
            let (name, value) = split(&format!("{}={}", name.trim(), value.trim()));
            let (own, name) = match name.split_once('.') {
                Some((prefix, name)) => (prefix.to_owned(), name.to_owned()),
                None => (section.clone(), name),
            };
            let elsewhere = !own.is_empty() && own != network;
            let main_only =
                own.is_empty() && network != "main" && OWN_SECTION.contains(&name.as_str());
            if elsewhere || main_only {
                continue;
            }
            if !is_known(&name) {
                tracing::warn!("Ignoring unknown configuration value {name}");
                continue;
            }
            self.filed.entry(name).or_default().push(value);
        }
        Ok(())
    }

    /// Returns the network: by `-chain` or one of the switches, on the command line or, found in the file, by its top.
    pub(super) fn network(&self) -> Result<String, UsageError> {
        let mut chosen: Vec<String> = self.last("chain").into_iter().map(str::to_owned).collect();
        for (switch, name) in NETWORKS {
            if self.flag(switch, false) {
                chosen.push(name.to_owned());
            }
        }
        match chosen.as_slice() {
            [] => Ok("main".to_owned()),
            [one] => Ok(one.clone()),
            _ => Err(refused(
                "Invalid combination of -regtest, -signet, -testnet, -testnet4 and -chain. Can use at most one.",
            )),
        }
    }

    /// Finds the network's switch in the top of a file.
    pub(super) fn network_of_file(&mut self, path: &Path) -> Result<(), UsageError> {
        let mut top = Self::default();
        if path.is_file() {
            top.read_file(path, "")?;
        }
        for name in ["chain", "regtest", "signet", "testnet", "testnet4"] {
            if let Some(values) = top.filed.remove(name) {
                self.filed.insert(name.to_owned(), values);
            }
        }
        Ok(())
    }

    /// Returns every value of a name: those of the command line, or else those of the file.
    pub(super) fn values(&self, name: &str) -> Vec<&str> {
        let given = self.given.get(name).or_else(|| self.filed.get(name));
        given.map(|values| values.iter().map(String::as_str).collect()).unwrap_or_default()
    }

    /// Returns the value that counts: the last of the command line, or the first of the file.
    pub(super) fn last(&self, name: &str) -> Option<&str> {
        let given = self.given.get(name).and_then(|values| values.last());
        given.or_else(|| self.filed.get(name).and_then(|values| values.first())).map(String::as_str)
    }

    pub(super) fn flag(&self, name: &str, default: bool) -> bool {
        self.last(name).map_or(default, |value| value != "0")
    }

    pub(super) fn number<T: std::str::FromStr>(
        &self,
        name: &str,
        default: T,
    ) -> Result<T, UsageError> {
        let Some(value) = self.last(name) else { return Ok(default) };
        value.parse().map_err(|_| refused(format!("-{name}: expected a number, found {value:?}")))
    }
}

fn is_known(name: &str) -> bool {
    KNOWN.contains(&name) || WITHOUT_EFFECT.contains(&name)
}

/// Splits `name=value`; `noname` is `name=0`, and `name` alone is `name=1`.
fn split(text: &str) -> (String, String) {
    let (name, value) =
        text.split_once('=').map_or((text, None), |(name, value)| (name, Some(value)));
    if !is_known(name)
        && let Some(positive) = name.strip_prefix("no").filter(|name| is_known(name))
    {
        let on = value == Some("0");
        return (positive.to_owned(), u8::from(on).to_string());
    }
    (name.to_owned(), value.unwrap_or("1").to_owned())
}

pub(super) fn refused(message: impl Into<String>) -> UsageError {
    UsageError::new(message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(words: &[&str]) -> Result<Arguments, UsageError> {
        Arguments::parse(&words.iter().map(|&word| word.to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn names_values_switches_and_their_opposites_are_read() {
        let arguments =
            parse(&["-regtest", "--port=5", "-nolisten", "-connect=a", "-connect=b", "-port=6"])
                .unwrap();
        assert_eq!(arguments.network().unwrap(), "regtest");
        assert_eq!(arguments.number("port", 0_u16).unwrap(), 6);
        assert!(!arguments.flag("listen", true));
        assert_eq!(arguments.values("connect"), ["a", "b"]);
    }

    #[test]
    fn what_is_not_known_is_refused_and_so_are_two_networks() {
        let refused = parse(&["-nosuchthing=1"]).unwrap_err().to_string();
        assert_eq!(
            refused,
            "Error parsing command line arguments: Invalid parameter -nosuchthing=1"
        );
        assert!(parse(&["regtest"]).unwrap_err().to_string().contains("unexpected token"));
        assert!(parse(&["-regtest", "-signet"]).unwrap().network().is_err());
    }

    #[test]
    fn a_file_gives_what_the_command_line_leaves_open() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bitcoin.conf");
        let text = "regtest=1\nport=1 # main's\nserver=1\n[regtest]\nport=2\nrpcport=3\n[main]\nrpcport=4\n";
        std::fs::write(&path, text).unwrap();
        let mut arguments = parse(&["-rpcport=9"]).unwrap();
        arguments.network_of_file(&path).unwrap();
        let network = arguments.network().unwrap();
        arguments.read_file(&path, &network).unwrap();
        assert_eq!(network, "regtest");
        assert_eq!(arguments.number("port", 0_u16).unwrap(), 2);
        assert_eq!(arguments.number("rpcport", 0_u16).unwrap(), 9);
    }
}
