//! The flags of `quintet kaspa run` about peers.

use std::{net::SocketAddr, path::Path};

use quintet_kaspa_node::p2p::{Settings, Target};
use quintet_kaspa_protocol::params::Network;

use crate::{cli::KaspaRunArgs, exit::UsageError};

/// Connections of either direction, at most: each holds a file.
const CONNECTIONS_MAX: usize = 1000;

/// The file in the node's folder that keeps known peers between runs.
const BOOK_FILE: &str = "peers";

/// Reads how peers are met.
pub(super) fn settings(
    args: &KaspaRunArgs,
    network: Network,
    is_own: bool,
    directory: &Path,
) -> Result<Settings, UsageError> {
    let port = network.p2p_port();
    let all = |flag: &str, texts: &[String]| {
        texts.iter().map(|text| target(flag, text, port)).collect::<Result<Vec<Target>, _>>()
    };
    for (flag, count) in [("outpeers", args.outpeers), ("maxinpeers", args.maxinpeers)] {
        if count > CONNECTIONS_MAX {
            return Err(UsageError::new(format!(
                "--{flag}={count}: expected at most {CONNECTIONS_MAX}"
            )));
        }
    }
    Ok(Settings {
        listen: address("listen", args.listen.as_ref(), port)?,
        external: address("externalip", args.externalip.as_ref(), port)?,
        connect: all("connect", &args.connect)?,
        add: all("addpeer", &args.addpeer)?,
        outbound: args.outpeers,
        inbound_max: args.maxinpeers,
        // Networks of one's own live on one machine or in one house.
        allow_local: is_own,
        book: Some(directory.join(BOOK_FILE)),
        comments: args.uacomment.clone(),
        ..Settings::default()
    })
}

fn address(flag: &str, text: Option<&String>, port: u16) -> Result<Option<SocketAddr>, UsageError> {
    let Some(text) = text else { return Ok(None) };
    let read = KaspaRunArgs::listen(text, port).ok_or_else(|| {
        UsageError::new(format!("--{flag}={text}: expected a port, an IP address, or both"))
    })?;
    Ok(Some(read))
}

/// Reads a host, with a port or on the network's.
fn target(flag: &str, text: &str, port: u16) -> Result<Target, UsageError> {
    let refused = |error| UsageError::new(format!("--{flag}={text}: {error}"));
    if let Ok(ip) = text.parse() {
        return Ok(Target::Addr(SocketAddr::new(ip, port)));
    }
    if text.contains(':') {
        return text.parse().map_err(refused);
    }
    Target::name(text, port).map_err(refused)
}
