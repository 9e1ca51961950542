//! What is around a message: transaction ids, versions, addresses, errors.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use interop::{
    Id, dict,
    krpc::{Bencode, Raw},
    place,
};

use super::{Asked, STRANGER};

/// A node has looked whether an asker is there by then.
const LOOK: Duration = Duration::from_secs(30);

rows! {
    ours: [an_unknown_method_without_a_target_is_refused_with_204, a_read_only_asker_is_served_and_not_looked_into],
    ours_and_libtorrent: [
        transaction_ids_of_1_to_16_bytes_are_echoed,
        an_answer_carries_the_askers_address_as_6_bytes,
        an_answer_names_its_software_in_4_bytes,
        an_id_of_3_bytes_is_refused_with_203,
        an_unknown_method_with_a_target_is_answered_as_find_node,
        a_query_without_its_arguments_is_refused_with_203,
        junk_is_survived,
    ],
}

fn transaction_ids_of_1_to_16_bytes_are_echoed(asked: &mut Asked) -> Result<()> {
    for length in [1, 2, 3, 4, 8, 16] {
        let tid = vec![b't'; length];
        let ping = dict! {
            "a" => dict! { "id" => asked.raw.id }, "q" => "ping", "t" => tid, "y" => "q",
        };
        asked.raw.ask_message(asked.node, &ping)?.answer()?;
    }
    Ok(())
}

fn an_answer_carries_the_askers_address_as_6_bytes(asked: &mut Asked) -> Result<()> {
    let addr = asked.raw.addr()?;
    let seen = [addr.ip().octets().as_slice(), &addr.port().to_be_bytes()].concat();
    let reply = asked.ask("ping", dict! {})?;
    ensure!(reply.message.get("ip") == Some(&seen.into()), "{reply:?}");
    Ok(())
}

fn an_answer_names_its_software_in_4_bytes(asked: &mut Asked) -> Result<()> {
    let reply = asked.ask("ping", dict! {})?;
    let version = reply.message.get("v").and_then(Bencode::as_bytes).context("a version")?;
    ensure!(version.len() == 4, "{reply:?}");
    Ok(())
}

fn an_id_of_3_bytes_is_refused_with_203(asked: &mut Asked) -> Result<()> {
    let reply = asked.ask("ping", dict! { "id" => "abc" })?;
    ensure!(reply.refusal()? == 203, "{reply:?}");
    Ok(())
}

fn an_unknown_method_with_a_target_is_answered_as_find_node(asked: &mut Asked) -> Result<()> {
    for field in ["target", "info_hash"] {
        let arguments = dict! {}.with(field, [7; 20]);
        let reply = asked.ask("find_something_new", arguments)?;
        reply.bytes("nodes")?;
    }
    Ok(())
}

fn an_unknown_method_without_a_target_is_refused_with_204(asked: &mut Asked) -> Result<()> {
    let reply = asked.ask("do_something_new", dict! {})?;
    ensure!(reply.refusal()? == 204, "{reply:?}");
    Ok(())
}

fn a_query_without_its_arguments_is_refused_with_203(asked: &mut Asked) -> Result<()> {
    for method in ["find_node", "get_peers", "get", "put", "announce_peer"] {
        let reply = asked.ask(method, dict! {})?;
        ensure!(reply.refusal()? == 203, "{method}: {reply:?}");
    }
    Ok(())
}

fn a_read_only_asker_is_served_and_not_looked_into(asked: &mut Asked) -> Result<()> {
    let guest = Raw::bind(place(STRANGER))?;
    let query = |id: Id| {
        dict! { "a" => dict! { "id" => id, "target" => id }, "q" => "find_node", "t" => "ro", "y" => "q" }
    };
    let read_only = query(*b"asks, never answers.").with("ro", 1);
    guest.ask_message(asked.node, &read_only)?.bytes("nodes")?;
    // An asker that may become a contact is asked whether it is there, which shows that the
    // one before it would have been asked by now.
    let reply = asked.raw.ask_message(asked.node, &query(asked.raw.id))?;
    reply.bytes("nodes")?;
    ensure!(asked.raw.is_asked(LOOK)?, "nobody looked whether the asker is there");
    ensure!(!guest.is_asked(Duration::from_millis(1))?, "the read-only asker was asked");
    Ok(())
}

fn junk_is_survived(asked: &mut Asked) -> Result<()> {
    let whole = dict! {
        "a" => dict! { "id" => asked.raw.id }, "q" => "ping", "t" => "aa", "y" => "q",
    }
    .encode();
    for end in 0..whole.len() {
        asked.raw.send(asked.node, &whole[..end])?;
    }
    let bombs: [&[u8]; 6] =
        [b"d", b"d1:ad2:id99999999999999999999:", &[b'l'; 1_400], &[b'd'; 1_400], b"\xf5", b"{"];
    for junk in bombs {
        asked.raw.send(asked.node, junk)?;
    }
    asked.ask("ping", dict! {})?.answer()?;
    Ok(())
}
