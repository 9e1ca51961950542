//! The `mainline` crate as a participant.

#![expect(deprecated, reason = "mainline's blocking interface: these tests have no async runtime")]

use std::{
    net::{Ipv4Addr, SocketAddrV4},
    sync::mpsc::sync_channel,
    thread,
    time::Duration,
};

use anyhow::{Context as _, Result};
use interop::{Found, Id, Owner, Peer};
use mainline::Dht;

use crate::keys;

/// Patience with one answer. mainline waits this long at the end of every lookup.
const REQUEST: Duration = Duration::from_millis(500);

/// A call must have returned by then.
const CALL: Duration = Duration::from_secs(30);

/// A node in server mode: the default answers nothing for its first 15 minutes.
#[derive(Debug)]
pub(crate) struct MainlineNode {
    dht: Dht,
    name: String,
    addr: SocketAddrV4,
}

impl MainlineNode {
    /// Starts a node at `ip` that bootstraps from `known`.
    pub(crate) fn start(ip: Ipv4Addr, known: &[SocketAddrV4]) -> Result<Self> {
        let dht = Dht::builder()
            .server_mode()
            .bind_address(ip)
            .port(0)
            .bootstrap(known)
            .request_timeout(REQUEST)
            .build()
            .with_context(|| format!("starting mainline at {ip}"))?;
        let addr = SocketAddrV4::new(ip, dht.info().local_addr().port());
        Ok(Self { dht, name: format!("mainline {ip}"), addr })
    }

    /// Makes a blocking call that ends within [`CALL`] or fails.
    fn call<T: Send + 'static>(
        &self,
        what: &'static str,
        call: impl FnOnce(&Dht) -> T + Send + 'static,
    ) -> Result<T> {
        let (sender, result) = sync_channel(1);
        let dht = self.dht.clone();
        // If nobody waits any more the result is of no use.
        thread::spawn(move || drop(sender.send(call(&dht))));
        result
            .recv_timeout(CALL)
            .with_context(|| format!("{}: {what} not over within {} s", self.name, CALL.as_secs()))
    }
}

impl Peer for MainlineNode {
    fn name(&self) -> &str {
        &self.name
    }

    fn addr(&self) -> SocketAddrV4 {
        self.addr
    }

    fn known_nodes(&mut self) -> Result<usize> {
        self.call("routing table", |dht| dht.to_bootstrap().len())
    }

    fn put_immutable(&mut self, value: &[u8]) -> Result<Id> {
        let value = value.to_vec();
        let target = self.call("put", move |dht| dht.put_immutable(&value))?;
        Ok(*target.context("mainline's put")?.as_bytes())
    }

    fn get_immutable(&mut self, target: Id) -> Result<Option<Vec<u8>>> {
        let found = self.call("get", move |dht| dht.get_immutable(target.into()))?;
        Ok(found.map(Vec::from))
    }

    fn put_mutable(&mut self, owner: &Owner, salt: &[u8], value: &[u8], seq: i64) -> Result<i64> {
        let item = keys::signed(owner, salt, value, seq);
        self.call("put", move |dht| dht.put_mutable(item, None))?.context("mainline's put")?;
        Ok(seq)
    }

    fn get_mutable(&mut self, public_key: [u8; 32], salt: &[u8]) -> Result<Option<Found>> {
        let salt = (!salt.is_empty()).then(|| salt.to_vec());
        let found =
            self.call("get", move |dht| dht.get_mutable_most_recent(&public_key, salt.as_deref()))?;
        Ok(found.map(|item| Found { value: item.value().to_vec(), seq: item.seq() }))
    }

    fn announce(&mut self, info_hash: Id, port: u16) -> Result<()> {
        let done =
            self.call("announce", move |dht| dht.announce_peer(info_hash.into(), Some(port)))?;
        done.map(drop).context("mainline's announce")
    }

    fn get_peers(&mut self, info_hash: Id) -> Result<Vec<SocketAddrV4>> {
        self.call("get_peers", move |dht| dht.get_peers(info_hash.into()).flatten().collect())
    }
}
