//! `get` and `put` of BEP 44.

use anyhow::{Result, ensure};
use interop::{Id, Owner, dict, krpc::Bencode};

use super::Asked;
use crate::keys;

const SALT: &[u8] = b"salt";

rows! {
    ours: [],
    ours_and_libtorrent: [
        an_immutable_item_is_stored_with_and_without_a_redundant_target,
        an_immutable_item_of_any_type_comes_back_as_it_was,
        a_missing_item_is_answered_with_nodes_and_a_token,
        a_put_with_a_bad_token_is_refused_with_203,
        a_value_of_1001_bytes_is_refused_with_205,
        a_mutable_item_is_stored_replaced_and_read,
        a_mutable_item_the_asker_has_is_not_sent_again,
        a_stale_mutable_item_is_refused_with_302,
        a_mutable_item_that_swaps_another_version_is_refused_with_301,
        a_bad_signature_is_refused_with_206,
        a_salt_of_65_bytes_is_refused_with_207,
    ],
}

/// Puts the arguments of a mutable item, with a token that is good.
fn put(asked: &mut Asked, target: Id, arguments: Bencode) -> Result<interop::krpc::Reply> {
    let token = asked.token("get", target)?;
    asked.ask("put", arguments.with("token", token))
}

/// The arguments with which libtorrent and bittorrent-dht put: without a target.
fn arguments(owner: &Owner, value: &[u8], seq: i64) -> Bencode {
    let item = keys::signed(owner, SALT, value, seq);
    dict! {
        "k" => owner.public_key, "salt" => SALT, "seq" => seq, "sig" => *item.signature(),
        "v" => value,
    }
}

fn an_immutable_item_is_stored_with_and_without_a_redundant_target(
    asked: &mut Asked,
) -> Result<()> {
    for (value, redundant) in [(b"without a target", false), (b"and with targets", true)] {
        let target = keys::immutable_target(value);
        let bare = dict! { "v" => value.as_slice() };
        let arguments = if redundant { bare.with("target", target) } else { bare };
        put(asked, target, arguments)?.answer()?;
        let reply = asked.ask("get", dict! { "target" => target })?;
        ensure!(reply.bytes("v")? == value, "{reply:?}");
    }
    Ok(())
}

fn an_immutable_item_of_any_type_comes_back_as_it_was(asked: &mut Asked) -> Result<()> {
    let value = dict! { "list" => vec![Bencode::from(1), "two".into()], "number" => -3 };
    let target = {
        use sha1::{Digest as _, Sha1};
        Sha1::digest(value.encode()).into()
    };
    put(asked, target, dict! { "v" => value.clone() })?.answer()?;
    let reply = asked.ask("get", dict! { "target" => target })?;
    ensure!(reply.answer()?.get("v") == Some(&value), "{reply:?}");
    Ok(())
}

fn a_missing_item_is_answered_with_nodes_and_a_token(asked: &mut Asked) -> Result<()> {
    let reply = asked.ask("get", dict! { "target" => [9; 20] })?;
    reply.bytes("nodes")?;
    ensure!(!reply.bytes("token")?.is_empty(), "{reply:?}");
    ensure!(reply.answer()?.get("v").is_none(), "{reply:?}");
    Ok(())
}

fn a_put_with_a_bad_token_is_refused_with_203(asked: &mut Asked) -> Result<()> {
    let reply = asked.ask("put", dict! { "token" => "made up", "v" => "a value" })?;
    ensure!(reply.refusal()? == 203, "{reply:?}");
    Ok(())
}

fn a_value_of_1001_bytes_is_refused_with_205(asked: &mut Asked) -> Result<()> {
    // Four of them are the length and its colon.
    let value = vec![b'v'; 997];
    let reply = put(asked, keys::immutable_target(&value), dict! { "v" => value })?;
    ensure!(reply.refusal()? == 205, "{reply:?}");
    let owner = keys::owner(1);
    let target = keys::mutable_target(&owner, SALT);
    let reply = put(asked, target, arguments(&owner, &[b'v'; 997], 1))?;
    ensure!(reply.refusal()? == 205, "{reply:?}");
    Ok(())
}

fn a_mutable_item_is_stored_replaced_and_read(asked: &mut Asked) -> Result<()> {
    let owner = keys::owner(2);
    let target = keys::mutable_target(&owner, SALT);
    for (value, seq) in [(b"first".as_slice(), 1), (b"second", 2), (b"second", 2)] {
        put(asked, target, arguments(&owner, value, seq))?.answer()?;
        let reply = asked.ask("get", dict! { "target" => target })?;
        let item = keys::signed(&owner, SALT, value, seq);
        ensure!(reply.bytes("v")? == value, "{reply:?}");
        ensure!(reply.bytes("k")? == owner.public_key, "{reply:?}");
        ensure!(reply.bytes("sig")? == item.signature(), "{reply:?}");
        ensure!(reply.answer()?.get("seq") == Some(&seq.into()), "{reply:?}");
    }
    Ok(())
}

fn a_mutable_item_the_asker_has_is_not_sent_again(asked: &mut Asked) -> Result<()> {
    let owner = keys::owner(3);
    let target = keys::mutable_target(&owner, SALT);
    put(asked, target, arguments(&owner, b"known", 5))?.answer()?;
    let reply = asked.ask("get", dict! { "seq" => 5, "target" => target })?;
    ensure!(reply.answer()?.get("v").is_none(), "{reply:?}");
    ensure!(reply.answer()?.get("seq") == Some(&5.into()), "{reply:?}");
    let reply = asked.ask("get", dict! { "seq" => 4, "target" => target })?;
    ensure!(reply.bytes("v")? == b"known", "{reply:?}");
    Ok(())
}

fn a_stale_mutable_item_is_refused_with_302(asked: &mut Asked) -> Result<()> {
    let owner = keys::owner(4);
    let target = keys::mutable_target(&owner, SALT);
    put(asked, target, arguments(&owner, b"second", 2))?.answer()?;
    let reply = put(asked, target, arguments(&owner, b"first", 1))?;
    ensure!(reply.refusal()? == 302, "{reply:?}");
    Ok(())
}

fn a_mutable_item_that_swaps_another_version_is_refused_with_301(asked: &mut Asked) -> Result<()> {
    let owner = keys::owner(5);
    let target = keys::mutable_target(&owner, SALT);
    put(asked, target, arguments(&owner, b"first", 1))?.answer()?;
    let swap = |cas: i64| arguments(&owner, b"fifth", 5).with("cas", cas);
    let reply = put(asked, target, swap(4))?;
    ensure!(reply.refusal()? == 301, "{reply:?}");
    put(asked, target, swap(1))?.answer()?;
    Ok(())
}

fn a_bad_signature_is_refused_with_206(asked: &mut Asked) -> Result<()> {
    let owner = keys::owner(6);
    let target = keys::mutable_target(&owner, SALT);
    let forged = arguments(&owner, b"signed", 1).with("v", "forged");
    let reply = put(asked, target, forged)?;
    ensure!(reply.refusal()? == 206, "{reply:?}");
    Ok(())
}

fn a_salt_of_65_bytes_is_refused_with_207(asked: &mut Asked) -> Result<()> {
    let owner = keys::owner(7);
    let long = [b's'; 65];
    let target = keys::mutable_target(&owner, &long);
    let reply = put(asked, target, arguments(&owner, b"salted", 1).with("salt", long))?;
    ensure!(reply.refusal()? == 207, "{reply:?}");
    Ok(())
}
