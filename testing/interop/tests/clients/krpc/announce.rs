//! `get_peers`, `announce_peer`, scrapes and samples.

use anyhow::{Context as _, Result, ensure};
use interop::{
    Id, dict,
    krpc::{Bencode, Raw},
    place,
};

use super::{ASKER, Asked, STRANGER};

const INFO_HASH: Id = *b"an info-hash, 20 B !";

rows! {
    ours: [a_scrape_is_answered_without_filters_unless_configured],
    ours_and_libtorrent: [
        peers_nobody_announced_are_answered_with_nodes_and_a_token,
        an_announced_peer_is_found,
        an_implied_port_is_the_packets_own,
        an_announce_with_a_bad_token_is_refused_with_203,
        a_token_serves_only_the_address_it_was_given_to,
        samples_are_answered_before_and_after_an_announce,
    ],
}

/// Announces and returns the peers that are then found.
fn announce(asked: &mut Asked, implied_port: bool) -> Result<Vec<Vec<u8>>> {
    let token = asked.token("get_peers", INFO_HASH)?;
    let arguments = dict! {
        "implied_port" => i64::from(implied_port), "info_hash" => INFO_HASH, "port" => 7_001,
        "token" => token,
    };
    asked.ask("announce_peer", arguments)?.answer()?;
    let reply = asked.ask("get_peers", dict! { "info_hash" => INFO_HASH })?;
    let values = reply.answer()?.get("values").and_then(Bencode::as_list).context("values")?;
    Ok(values.iter().filter_map(Bencode::as_bytes).map(<[u8]>::to_vec).collect())
}

fn peers_nobody_announced_are_answered_with_nodes_and_a_token(asked: &mut Asked) -> Result<()> {
    let reply = asked.ask("get_peers", dict! { "info_hash" => INFO_HASH })?;
    reply.bytes("nodes")?;
    ensure!(!reply.bytes("token")?.is_empty(), "{reply:?}");
    ensure!(reply.answer()?.get("values").is_none(), "{reply:?}");
    Ok(())
}

fn an_announced_peer_is_found(asked: &mut Asked) -> Result<()> {
    let [a, b] = 7_001_u16.to_be_bytes();
    let peer = [place(ASKER).octets().as_slice(), &[a, b]].concat();
    ensure!(announce(asked, false)? == [peer]);
    Ok(())
}

fn an_implied_port_is_the_packets_own(asked: &mut Asked) -> Result<()> {
    let addr = asked.raw.addr()?;
    let peer = [addr.ip().octets().as_slice(), &addr.port().to_be_bytes()].concat();
    ensure!(announce(asked, true)? == [peer]);
    Ok(())
}

fn an_announce_with_a_bad_token_is_refused_with_203(asked: &mut Asked) -> Result<()> {
    let arguments = dict! { "info_hash" => INFO_HASH, "port" => 7_001, "token" => "made up" };
    let reply = asked.ask("announce_peer", arguments)?;
    ensure!(reply.refusal()? == 203, "{reply:?}");
    Ok(())
}

fn a_token_serves_only_the_address_it_was_given_to(asked: &mut Asked) -> Result<()> {
    let token = asked.token("get_peers", INFO_HASH)?;
    let arguments = dict! { "info_hash" => INFO_HASH, "port" => 7_001, "token" => token };
    let mut stranger = Raw::bind(place(STRANGER))?;
    let reply = stranger.ask(asked.node, "announce_peer", arguments)?;
    ensure!(reply.refusal()? == 203, "{reply:?}");
    Ok(())
}

fn a_scrape_is_answered_without_filters_unless_configured(asked: &mut Asked) -> Result<()> {
    announce(asked, false)?;
    let reply = asked.ask("get_peers", dict! { "info_hash" => INFO_HASH, "scrape" => 1 })?;
    let answer = reply.answer()?;
    ensure!(answer.get("BFsd").is_none() && answer.get("BFpe").is_none(), "{reply:?}");
    ensure!(answer.get("values").is_some(), "{reply:?}");
    Ok(())
}

fn samples_are_answered_before_and_after_an_announce(asked: &mut Asked) -> Result<()> {
    let target = dict! { "target" => [0; 20] };
    let reply = asked.ask("sample_infohashes", target.clone())?;
    ensure!(reply.bytes("samples")?.is_empty(), "{reply:?}");
    announce(asked, false)?;
    let reply = asked.ask("sample_infohashes", target)?;
    let number = |field| reply.answer()?.get(field).and_then(Bencode::as_int).context(field);
    ensure!((0..=21_600).contains(&number("interval")?), "{reply:?}");
    ensure!(number("num")? >= 0, "{reply:?}");
    reply.bytes("nodes")?;
    ensure!(reply.bytes("samples")?.len().is_multiple_of(20), "{reply:?}");
    Ok(())
}
