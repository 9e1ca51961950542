//! How long one server takes to acknowledge an immutable item: `get` for a token, then `put`, one
//! after the other, so that nothing waits but for the server.
//!
//! Not the same promise everywhere: our node acknowledges what is on disk, the others what is in
//! memory.

use std::{
    net::{Ipv4Addr, SocketAddr, UdpSocket},
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail};
use quintet_dht_protocol::{
    codec::krpc,
    key::Key,
    message::{Body, Item, Request, Response, StoreValue, ValueKind},
};
use serde::Serialize;

use crate::wire;

/// Items stored. Below the 700 that libtorrent keeps.
const ITEMS: usize = 500;

/// Times until the acknowledgement, microseconds.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Stored {
    pub(crate) items: usize,
    pub(crate) get_p50_us: f64,
    pub(crate) put_p50_us: f64,
    pub(crate) put_p99_us: f64,
}

/// Stores items with `server` one by one.
pub(crate) fn run(server: SocketAddr) -> anyhow::Result<Stored> {
    let socket = UdpSocket::bind((Ipv4Addr::new(127, 2, 100, 1), 0))?;
    socket.connect(server)?;
    socket.set_read_timeout(Some(Duration::from_secs(2)))?;
    let (mut gets, mut puts) = (Vec::with_capacity(ITEMS), Vec::with_capacity(ITEMS));
    for number in 0..u32::try_from(ITEMS)? {
        let item = Item::Immutable { value: format!("100:{number:0100}").into_bytes() };
        let key = item.target();
        let kind = ValueKind::Item;
        let get = Request::FindValue { key, kind, newer_than: None, scrape: false };
        let (response, time) = ask(&socket, number * 2, get)?;
        gets.push(time);
        let token = response.token.context("expected a token with the answer to get")?;
        let value = StoreValue::Item { item, cas: None };
        let (_, time) = ask(&socket, number * 2 + 1, Request::Store { key, token, value })?;
        puts.push(time);
    }
    Ok(Stored {
        items: ITEMS,
        get_p50_us: percentile(&mut gets, 50),
        put_p50_us: percentile(&mut puts, 50),
        put_p99_us: percentile(&mut puts, 99),
    })
}

fn ask(socket: &UdpSocket, tid: u32, request: Request) -> anyhow::Result<(Response, Duration)> {
    let packet = wire::query(Key::new([0x90; Key::LEN]), tid, request)?;
    let mut buffer = [0; 4_096];
    let asked = Instant::now();
    socket.send(&packet)?;
    loop {
        let length = socket.recv(&mut buffer).context("waiting for an answer")?;
        let elapsed = asked.elapsed();
        // The server may ask something itself; it finds us silent.
        let message = krpc::decode(&buffer[..length])?;
        if message.tid.as_u32() != Some(tid) {
            continue;
        }
        match message.body {
            Body::Response(response) => return Ok((response, elapsed)),
            Body::Error(error) => bail!("the server refused: {error:?}"),
            Body::Query(_) => {}
        }
    }
}

fn percentile(times: &mut [Duration], percent: usize) -> f64 {
    times.sort_unstable();
    let at = times.len() * percent / 100;
    times.get(at).map_or(f64::NAN, |time| time.as_secs_f64() * 1e6)
}
